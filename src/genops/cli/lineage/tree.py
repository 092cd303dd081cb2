"""Lineage as a tree that a person can read: statements, the tables that they write, columns, and what decides."""

from __future__ import annotations

import shutil
import sys
import textwrap
from collections import Counter
from collections.abc import Iterator
from typing import TYPE_CHECKING, NamedTuple

import click

from genops.cli.lineage.branches import Branch, branches
from genops.lineage.sql.understood import Status, dotted

if TYPE_CHECKING:
    from genops.cli.lineage.scripts import Outcome, Read
    from genops.lineage.sql.understood import Unresolved

_COLOURS = {Status.RESOLVED: "green", Status.PARTIAL: "yellow", Status.OPAQUE: "yellow"}
_SHOWN = 3
"""Candidates of a doubtful name that are listed; JSON has all."""
_REASONS = {
    "syntax": "no parser takes it in this dialect",
    "command": "known by its words alone",
    "no query": "known by what dbt says of it alone",
    "depth": "nested too deep",
}


class Signs(NamedTuple):
    """What the tree is drawn with."""

    branch: str = "├─ "
    last: str = "└─ "
    along: str = "│  "
    from_: str = "←"


_ASCII = Signs("|- ", "`- ", "|  ", "<-")


def lines(outcome: Outcome) -> Iterator[str]:
    """Yield the tree, as wide as the terminal or 80 columns, and in its last lines how much was understood."""
    width = min(max(shutil.get_terminal_size((80, 0)).columns, 60), 120)
    signs = _signs()
    file = ""
    for read in outcome.statements:
        if read.file != file:
            file = read.file
            yield click.style(_plain("standard input" if file == "-" else file), bold=True)
        for line in _statement(read, width, signs):
            yield "  " + line
        yield ""
    yield from _summary(outcome.statements, outcome.files)


def _signs() -> Signs:
    """Return signs that standard output has letters for."""
    try:
        "├└│─←".encode(sys.stdout.encoding or "ascii")
    except (UnicodeEncodeError, LookupError):
        return _ASCII
    return Signs()


def _statement(read: Read, width: int, signs: Signs) -> Iterator[str]:
    found = read.found
    status = click.style(found.status.value, fg=_COLOURS.get(found.status, "red"))
    reason = _REASONS.get(found.reason, found.reason)
    kind = click.style(found.kind or "statement", bold=True)
    yield f"#{found.index} {kind}  {status}{f' ({reason})' if reason else ''}"
    inner = width - 4
    if found.reads:
        yield from _indented("reads ", [_plain(dotted(table)) for table in found.reads], inner)
    for branch in branches(found):
        yield f"  {click.style(_plain(branch.table), bold=True)}" if branch.table else "  (result)"
        yield from _branch(branch, inner, signs)
    for doubt in found.unresolved:
        yield from _indented("? ", [_plain(_doubt(doubt))], inner)


def _indented(head: str, words: list[str], width: int) -> Iterator[str]:
    for number, line in enumerate(_wrapped(", ".join(words), width - len(head))):
        yield f"  {head if not number else ' ' * len(head)}{line}"


def _branch(branch: Branch, width: int, signs: Signs) -> Iterator[str]:
    """Yield what a table is made of: its columns, and then what decides which rows it has."""
    widest = min(max((len(_plain(name)) for name, _ in branch.columns), default=0), 24)
    rows = [(_plain(name).ljust(widest), signs.from_, _plain(said)) for name, said in branch.columns]
    rows += [(what, ":", _plain(", ".join(sources))) for what, sources in branch.deciding]
    for number, (name, sign, said) in enumerate(rows):
        last = number == len(rows) - 1
        head = f"{name}{'' if sign == ':' else ' '}{sign} "
        hang = signs.along if not last else "   "
        beside = width - len(head) - 3
        if max(map(len, said.split()), default=0) > beside:
            first, others, indent = "", _wrapped(said, width - 5), "  "
        else:
            (first, *others), indent = _wrapped(said, beside), " " * len(head)
        yield f"  {signs.last if last else signs.branch}{head}{first}".rstrip()
        yield from (f"  {hang}{indent}{line}" for line in others)


def _wrapped(text: str, width: int) -> list[str]:
    return textwrap.wrap(text, width, break_on_hyphens=False, break_long_words=False) or [""]


def _doubt(doubt: Unresolved) -> str:
    of = ", ".join(doubt.candidates[:_SHOWN])
    if len(doubt.candidates) > _SHOWN:
        of += f" and {len(doubt.candidates) - _SHOWN} more"
    if doubt.why == "ambiguous":
        return f"{doubt.name} may be {of}"
    if doubt.why == "star":
        return f"{doubt.name} stands for the columns of {of or 'a table'}, which are not known"
    if doubt.why == "position":
        return f"{doubt.name} is written by position, and its columns are not known"
    return f"{doubt.name} is in none of {of}" if of else f"{doubt.name} is not known"


def _summary(statements: tuple[Read, ...], files: int) -> Iterator[str]:
    counts = Counter(read.found.status for read in statements)
    parts = ", ".join(f"{counts[status]} {status.value}" for status in Status if counts[status])
    yield f"{_counted(len(statements), 'statement')} in {_counted(files, 'file')}{': ' if parts else ''}{parts}"
    why = {doubt.why for read in statements for doubt in read.found.unresolved}
    if why:
        yield "What is not known (?) a schema tells: --schema SCHEMA.json"
    dialects = sorted({read.dialect for read in statements if read.found.reason == "syntax"})
    if dialects:
        yield f"What no parser takes was read as {', '.join(dialects)}; if it is written in another: --dialect D"


def _counted(count: int, what: str) -> str:
    return f"{count} {what}{'' if count == 1 else 's'}"


def _plain(text: str) -> str:
    """Return a text without what a terminal would obey."""
    return "".join(letter if letter.isprintable() else f"\\x{ord(letter):02x}" for letter in text)
