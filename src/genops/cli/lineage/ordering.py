"""In which order scripts are read, so that what makes a table comes before what reads it."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Sequence

    from genops.lineage.sql.understood import Table, Understood

_Key = TypeVar("_Key", bound=Hashable)


def ordered(scripts: Sequence[Sequence[Understood]]) -> list[int]:
    """Return the numbers of scripts in the order in which they are to be read.

    It is the order in which they are given, but that a script which reads a table that no earlier one makes comes after
    the first later one that makes it. Of those that wait for each other in a ring, the first is read last.

    Args:
        scripts: The statements of each.
    """
    makers: dict[Table, int] = {}
    for number, statements in enumerate(scripts):
        for table in _made(statements):
            makers.setdefault(table, number)
    read = [[makers[table] for each in statements for table in each.reads if table in makers] for statements in scripts]
    return in_order(range(len(scripts)), read.__getitem__)


def in_order(given: Iterable[_Key], before: Callable[[_Key], Iterable[_Key]]) -> list[_Key]:
    """Return what is given and what it waits for, each after what it waits for itself, otherwise in the order given.

    Args:
        given: What is to be put in order.
        before: Returns what one waits for. Of a ring, the first that is come upon is last.
    """
    done: dict[_Key, None] = {}
    for start in given:
        waiting, entered = [(start, iter(before(start)))], {start}
        while waiting:  # without recursion, since a chain may be long
            at, rest = waiting[-1]
            following = next((each for each in rest if each not in done and each not in entered), None)
            if following is None:
                waiting.pop()
                done[at] = None
            else:
                entered.add(following)
                waiting.append((following, iter(before(following))))
    return list(done)


def _made(statements: Sequence[Understood]) -> list[Table]:
    """Return the tables and views that a script creates."""
    return [table for each in statements if each.kind.startswith("CREATE") for table in each.writes]
