"""Column flows of a statement, from what it was found to write."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from genops.lineage.sql.relations import Column
from genops.lineage.sql.understood import KINDS, STAR, ColumnFlow, dotted

if TYPE_CHECKING:
    from genops.lineage.sql.reading import Written
    from genops.lineage.sql.traces import Lineage, Trace

_MAX_SPELLED_OUT = 10_000


def flows(written: Iterable[Written]) -> tuple[ColumnFlow, ...]:
    """Return what flows into which column, each flow once, in an order that the text alone decides.

    What decides which rows there are concerns every column. Where that would be more than 10,000 flows, it is said once
    of `*`.
    """
    certain: dict[ColumnFlow, bool] = {}
    for each in written:
        for flow in _of(each):
            key = flow._replace(ambiguous=False)
            certain[key] = certain.get(key, False) or not flow.ambiguous
    return tuple(flow if sure else flow._replace(ambiguous=True) for flow, sure in certain.items())


def _of(written: Written) -> Iterator[ColumnFlow]:
    prefix = "" if written.table is None else dotted(written.table) + "."
    for column in written.columns:
        yield from _into(prefix + column.name, column.lineage)
    deciding = _sorted(written.rows)
    columns = written.columns
    if not columns or len(columns) * len(deciding) > _MAX_SPELLED_OUT:
        columns = (Column(STAR),)
    for name in dict.fromkeys(column.name for column in columns):
        for trace in deciding:
            yield _flow(prefix + name, trace)


def _into(target: str, lineage: Lineage) -> Iterator[ColumnFlow]:
    return (_flow(target, trace) for trace in _sorted(lineage))


def _flow(target: str, trace: Trace) -> ColumnFlow:
    source = f"{dotted(trace.table)}.{trace.column}"
    return ColumnFlow(target, source, KINDS[trace.subtype], trace.subtype, trace.masking, trace.ambiguous)


def _sorted(lineage: Lineage) -> list[Trace]:
    return sorted(lineage) if len(lineage) > 1 else list(lineage)
