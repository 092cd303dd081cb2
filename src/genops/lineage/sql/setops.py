"""UNION, INTERSECT and EXCEPT: columns that meet by position or by name."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from genops.lineage.sql.relations import Column, Relation
from genops.lineage.sql.syntax import SET_OPERATIONS, Node, arg
from genops.lineage.sql.traces import Lineage, Step, Trace, joined, through, unsure
from genops.lineage.sql.understood import FILTER, GROUP_BY, STAR

if TYPE_CHECKING:
    from collections.abc import Iterable

    from genops.lineage.sql.reading import Reading
    from genops.lineage.sql.scopes import Ctes, Scope
    from genops.lineage.sql.steps import Steps

_GROUPED, _FILTERED = Step(GROUP_BY), Step(FILTER)


class Branch(NamedTuple):
    """One query of a set operation, with how it joins those before it.

    Attributes:
        query: The query.
        operation: `union`, `intersect` or `except`; empty for the first.
        by_name: Columns meet by name and not by position.
        distinct: Equal rows become one.
    """

    query: Node
    operation: str = ""
    by_name: bool = False
    distinct: bool = False


def branches(node: Node) -> list[Branch]:
    """Return the queries of a set operation in order. A chain of them is nested on the left, as deep as it is long."""
    found: list[Branch] = []
    while node.key in SET_OPERATIONS:
        by_name = bool(node.args.get("by_name") or node.args.get("on"))
        found.append(Branch(node.expression, node.key, by_name, node.args.get("distinct") is not False))
        node = node.this
        if arg(node, "with"):
            break
    found.append(Branch(node))
    return found[::-1]


class Combined:
    """The outcome of a set operation as it grows by one query after the other.

    Args:
        reading: The statement.
        first: Outcome of the first query, whose names are those of the whole.
    """

    def __init__(self, reading: Reading, first: Relation) -> None:
        self._reading = reading
        self._names = [column.name for column in first.columns]
        self._lineages: list[set[Trace]] = [set(column.lineage) for column in first.columns]
        self._without = [column.without for column in first.columns]
        self._rows: set[Trace] = set(first.rows)

    def add(self, branch: Branch, relation: Relation) -> None:
        """Join the outcome of a further query. What only INTERSECT and EXCEPT compare with decides which rows stay."""
        self._reading.spend(len(relation.columns))
        self._rows |= relation.rows
        if branch.operation != "union":
            self._rows |= through(relation.all(), _FILTERED)
        elif branch.by_name:
            self._by_name(relation)
        else:
            self._by_position(relation)
        if branch.distinct:
            self._rows |= through(joined(frozenset(each) for each in self._lineages), _GROUPED)

    def _by_name(self, relation: Relation) -> None:
        places = {name: i for i, name in enumerate(self._names)}
        for name, lineage, without in relation.columns:
            if name in places:
                self._lineages[places[name]] |= lineage
            else:
                self._names.append(name)
                self._lineages.append(set(lineage))
                self._without.append(without)

    def _by_position(self, relation: Relation) -> None:
        if STAR not in self._names and not relation.open:
            for mine, column in zip(self._lineages, relation.columns, strict=False):
                mine.update(column.lineage)
            return
        # Nobody knows which column meets which. A star that meets a star takes names; else all may meet all.
        theirs: Lineage = unsure(relation.all())
        for mine in self._lineages:
            mine.update(theirs)

    def relation(self) -> Relation:
        """Return what there is so far."""
        columns = zip(self._names, map(frozenset, self._lineages), self._without, strict=True)
        return Relation((Column(*each) for each in columns), frozenset(self._rows))


def combined(reading: Reading, node: Node, outer: Scope | None, ctes: Ctes | None) -> Steps[Relation]:
    """Return what a set operation gives."""
    first, *rest = branches(node)
    made = Combined(reading, (yield from _resolved(reading, first, outer, ctes)))
    yield from extended(made, rest, reading, outer, ctes)
    return made.relation()


def extended(
    made: Combined, rest: Iterable[Branch], reading: Reading, outer: Scope | None, ctes: Ctes | None
) -> Steps[None]:
    """Add further queries to a set operation."""
    for branch in rest:
        made.add(branch, (yield from _resolved(reading, branch, outer, ctes)))


def _resolved(reading: Reading, branch: Branch, outer: Scope | None, ctes: Ctes | None) -> Steps[Relation]:
    from genops.lineage.sql.queries import query

    return (yield query(reading, branch.query, outer, ctes))
