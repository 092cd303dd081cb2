"""The terminal: one line an operation, for people."""

from __future__ import annotations

import os
import shutil
import sys
import time
from typing import TYPE_CHECKING, Any

from genops.core.records import Admitted, Settled

if TYPE_CHECKING:
    from genops.core.amounts import Amount
    from genops.core.operation import Operation
    from genops.core.records import Record

_COLOURS = {"ALLOWED": "\x1b[32m", "WARNING": "\x1b[33m", "BLOCKED": "\x1b[31m", "RATE_LIMITED": "\x1b[31m"}
_PLAIN = "\x1b[0m"
_WIDTH = max(map(len, _COLOURS))


class Console:
    """Writes a line for every settled or refused operation.

    On a terminal the line is coloured, unless `NO_COLOR` is set, and cut at the terminal's width.

    Args:
        stream: Where to; standard error, as it is at the time of writing, where none is given.
    """

    def __init__(self, stream: Any = None) -> None:
        self._stream = stream

    def write(self, record: Record) -> None:
        """Write the line of a record, where it has one. A stream that is closed or gone takes no lines."""
        said = _line(record)
        stream = sys.stderr if self._stream is None else self._stream
        if said is None or stream is None:
            return
        result, text = said
        try:
            stream.write(_fitted(stream, result, text))
            stream.flush()
        except (OSError, ValueError):
            return


def _line(record: Record) -> tuple[str, str] | None:
    if isinstance(record, Settled):
        return record.decision.result.value, _settled(record)
    if isinstance(record, Admitted) and record.decision.refuses:
        decision = record.decision
        why = decision.reason or decision.reason_code or ""
        return decision.result.value, _joined(record.at_ns, record.operation, decision.result.value, f"refused: {why}")
    return None


def _settled(record: Settled) -> str:
    facts, decision = record.facts, record.decision
    parts = [f"{_amount(record.reservation.amount)} → {_amount(record.actual)}{'?' if record.incomplete else ''}"]
    if facts.rows is not None:
        parts.append(f"{facts.rows:,} rows")
    parts.append(f"{record.seconds:.2f} s")
    if facts.error_type:
        parts.append(f"error: {facts.error_type}")
    elif record.outcome.value != "ok":
        parts.append(record.outcome.value.replace("_", " "))
    if decision.reason_code:
        parts.append(f"{decision.reason_code}: {decision.reason}" if decision.reason else decision.reason_code)
    return _joined(record.ended_ns, record.operation, decision.result.value, "  ".join(parts))


def _joined(at_ns: int, operation: Operation, result: str, rest: str) -> str:
    clock = time.strftime("%H:%M:%S", time.localtime(at_ns // 1_000_000_000))
    team, project, _environment = operation.attribution.labels
    who = f"{team or '?'}/{project or '?'}"
    text = f"{clock} {result:<{_WIDTH}} {operation.type:<22} {_touched(operation)}  {who}  {rest}"
    return "".join(character if character.isprintable() else "?" for character in text)


def _touched(operation: Operation) -> str:
    refs = (*operation.writes, *(ref for ref in operation.reads if ref not in operation.writes))
    if refs:
        return refs[0].name + (f" +{len(refs) - 1}" if len(refs) > 1 else "")
    return operation.resource_id or operation.resource_type or "-"


def _amount(amount: Amount) -> str:
    digits = 4 if amount.is_money else 0 if amount.micros % 1_000_000 == 0 else 2
    return f"{amount.micros / 1_000_000:.{digits}f} {amount.unit}"


def _fitted(stream: Any, result: str, text: str) -> str:
    if not stream.isatty():
        return f"{text}\n"
    columns = shutil.get_terminal_size().columns
    if len(text) > columns:
        text = f"{text[: max(columns - 1, 1)]}…"
    if os.environ.get("NO_COLOR"):
        return f"{text}\n"
    return f"{text.replace(result, f'{_COLOURS[result]}{result}{_PLAIN}', 1)}\n"
