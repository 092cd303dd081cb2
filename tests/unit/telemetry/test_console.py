"""The console: one line an operation, for people."""

from __future__ import annotations

import io
import os

import pytest

from genops.core.amounts import Amount
from genops.core.decisions import Decision, PolicyResult
from genops.core.operation import DatasetRef, Facts
from genops.telemetry import console
from genops.telemetry.console import Console
from support.records import TABLE, adjusted, admitted, money, operation, reservation, settled

BLOCKED = Decision(PolicyResult.BLOCKED, "POLICY_DENY_CONTENT", "clearance", "main.hr.pay is confidential")
PAID = settled(
    operation("table.query", reads=(TABLE,)),
    held=reservation(Amount(46_667, "USD")),
    actual=Amount(1_200, "USD"),
    priced=money(1_200),
    facts=Facts(rows=336_776),
)


class Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.fixture(autouse=True)
def _wide(monkeypatch):
    """A terminal of 200 columns."""
    monkeypatch.setattr(console.shutil, "get_terminal_size", lambda *_, **__: os.terminal_size((200, 50)))


def said(record, stream=None):
    """What the console writes for a record."""
    stream = stream or io.StringIO()
    Console(stream).write(record)
    return stream.getvalue()


def test_a_settled_operation_is_one_line():
    """Result, type, table, payer, reserved → actual, rows and seconds."""
    line = said(PAID)
    for part in ("ALLOWED", "table.query", "main.sales.orders", "data-eng/flights", "336,776 rows", "0.25 s"):
        assert part in line
    assert "0.0467 USD → 0.0012 USD" in line
    assert line.count("\n") == 1
    assert "\x1b" not in line


def test_a_refusal_says_why():
    """A refused operation has its line from the decision; an admitted one waits for its settlement."""
    line = said(admitted(decision=BLOCKED, held=None))
    assert "BLOCKED" in line
    assert "refused: main.hr.pay is confidential" in line
    assert said(admitted()) == ""
    assert said(adjusted()) == ""


def test_warnings_and_errors_are_told():
    """What would have been refused, and what failed, stand at the end of the line."""
    line = said(settled(decision=BLOCKED.softened(), facts=Facts(error_type="NotFound"), incomplete=True))
    assert "WARNING" in line
    assert "POLICY_DENY_CONTENT" in line
    assert "error: NotFound" in line
    assert "1 call?" in line


def test_colours_are_for_terminals(monkeypatch):
    """A terminal gets colours unless NO_COLOR is set."""
    assert "\x1b[32mALLOWED\x1b[0m" in said(PAID, Terminal())
    monkeypatch.setenv("NO_COLOR", "1")
    assert "\x1b" not in said(PAID, Terminal())


def test_a_narrow_terminal_gets_a_short_line(monkeypatch):
    """A line never wraps; it is cut, and says that it was."""
    monkeypatch.setattr(console.shutil, "get_terminal_size", lambda *_, **__: os.terminal_size((40, 20)))
    monkeypatch.setenv("NO_COLOR", "1")
    line = said(PAID, Terminal()).rstrip("\n")
    assert len(line) == 40
    assert line.endswith("…")


def test_names_cannot_drive_the_terminal():
    """Control characters of a name are not written."""
    line = said(settled(operation(reads=(DatasetRef(("main", "x\x1b[2J\n\r")),))))
    assert "\x1b" not in line
    assert line.count("\n") == 1


def test_a_closed_stream_harms_nobody(monkeypatch):
    """No stream, a closed one, one that is gone: the operation goes on."""
    stream = io.StringIO()
    stream.close()
    Console(stream).write(PAID)
    monkeypatch.setattr("sys.stderr", None)
    Console().write(PAID)
