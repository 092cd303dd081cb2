"""In which order scripts are read, so that what makes a table comes before what reads it."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from genops.lineage.sql.understood import Table, Understood


def ordered(scripts: Sequence[Sequence[Understood]]) -> list[int]:
    """Return the numbers of scripts in the order in which they are to be read.

    It is the order in which they are given, but that a script which reads a table that no earlier one makes comes after
    the first later one that makes it. Where two wait for each other the earlier stays before.

    Args:
        scripts: The statements of each.
    """
    makers: dict[Table, int] = {}
    for number, statements in enumerate(scripts):
        for table in _made(statements):
            makers.setdefault(table, number)
    done: dict[int, None] = {}
    for number in range(len(scripts)):
        _visit(number, scripts, makers, done)
    return list(done)


def _visit(
    start: int, scripts: Sequence[Sequence[Understood]], makers: dict[Table, int], done: dict[int, None]
) -> None:
    """Add a script, and those before it that it waits for; without recursion, since a chain may be long."""
    waiting, entered = [start], {start}
    while waiting:
        at = waiting[-1]
        before = (makers.get(table) for statement in scripts[at] for table in statement.reads)
        following = next(
            (each for each in before if each is not None and each not in done and each not in entered), None
        )
        if following is None:
            done[waiting.pop()] = None
        else:
            entered.add(following)
            waiting.append(following)


def _made(statements: Sequence[Understood]) -> list[Table]:
    """Return the tables and views that a script creates."""
    return [table for each in statements if each.kind.startswith("CREATE") for table in each.writes]
