"""Where a value comes from: columns of tables, and what happened to them on the way."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple, TypeAlias

from genops.lineage.sql.understood import AGGREGATION, IDENTITY, STAR, TRANSFORMATION, Table


class Step(NamedTuple):
    """What an expression does to a value that it takes.

    Attributes:
        subtype: OpenLineage's, direct or indirect.
        masking: The value cannot be told from the result.
    """

    subtype: str
    masking: bool = False


class Trace(NamedTuple):
    """A column of a table that a value is made of or depends on.

    Attributes:
        table: The table.
        column: Its column; `*` stands for the columns of a table whose columns are not known.
        subtype: OpenLineage's, of the whole way from the column to the value.
        masking: The column's value cannot be told from what came of it.
        ambiguous: One of several candidates.
    """

    table: Table
    column: str
    subtype: str = IDENTITY
    masking: bool = False
    ambiguous: bool = False


Lineage: TypeAlias = "frozenset[Trace]"
NOTHING: Lineage = frozenset()
SAME, CHANGED, AGGREGATED = Step(IDENTITY), Step(TRANSFORMATION), Step(AGGREGATION)
_RANK = {IDENTITY: 0, TRANSFORMATION: 1, AGGREGATION: 2}


def then(first: Step, second: Step) -> Step:
    """Return two steps as one: of direct ones the stronger, otherwise the first that only decides.

    >>> then(CHANGED, Step("AGGREGATION", masking=True))
    Step(subtype='AGGREGATION', masking=True)
    >>> then(Step("FILTER"), AGGREGATED).subtype
    'FILTER'
    """
    if second is SAME:
        return first
    return Step(_stronger(first.subtype, second.subtype), first.masking or second.masking)


def through(lineage: Lineage, step: Step) -> Lineage:
    """Return the lineage of what a step makes of values with this lineage.

    >>> through(frozenset({Trace(("t",), "a")}), AGGREGATED)
    frozenset({Trace(table=('t',), column='a', subtype='AGGREGATION', masking=False, ambiguous=False)})
    """
    if step is SAME or not lineage:
        return lineage
    return frozenset(
        Trace(table, column, _stronger(subtype, step.subtype), masking or step.masking, ambiguous)
        for table, column, subtype, masking, ambiguous in lineage
    )


def unsure(lineage: Iterable[Trace]) -> Lineage:
    """Return a lineage as one of several candidates."""
    return frozenset(trace._replace(ambiguous=True) for trace in lineage)


def named(lineage: Lineage, column: str) -> Lineage:
    """Return the lineage of one column of those that `*` stands for.

    What a star takes from several tables is ambiguous: only one of them has the column.

    >>> named(frozenset({Trace(("t",), "*")}), "a")
    frozenset({Trace(table=('t',), column='a', subtype='IDENTITY', masking=False, ambiguous=False)})
    """
    found = frozenset(trace._replace(column=column) if trace.column == STAR else trace for trace in lineage)
    return unsure(found) if len({trace.table for trace in lineage if trace.column == STAR}) > 1 else found


def joined(lineages: Iterable[Lineage]) -> Lineage:
    """Return several lineages as one."""
    several = list(lineages)
    return several[0] if len(several) == 1 else NOTHING.union(*several)


def _stronger(first: str, second: str) -> str:
    if first not in _RANK:
        return first
    if second not in _RANK:
        return second
    return first if _RANK[first] >= _RANK[second] else second
