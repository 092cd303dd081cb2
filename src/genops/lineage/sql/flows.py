"""Column flows of a statement, from what it was found to write."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, TypeAlias

from genops.lineage.sql.understood import KINDS, STAR, ColumnFlow, ValueName, dotted

if TYPE_CHECKING:
    from genops.lineage.sql.reading import Written
    from genops.lineage.sql.traces import Lineage

_MAX_SPELLED_OUT = 10_000
_Told: TypeAlias = "dict[tuple[str, str, str, bool], bool]"


def flows(written: Iterable[Written]) -> tuple[ColumnFlow, ...]:
    """Return what flows into which column, each flow once, in an order that the text alone decides.

    What decides which rows there are concerns every column. Where that would be more than 10,000 flows, it is said once
    of `*`.
    """
    found: dict[tuple[str, str, str, str, bool], bool] = {}
    for each in written:
        prefix = "" if each.table is None else dotted(each.table) + "."
        for column in each.columns:
            _add(found, _prefixed(prefix, column.name), _told(column.lineage))
        deciding = _told(each.rows)
        names = dict.fromkeys(column.name for column in each.columns)
        if not names or len(names) * len(deciding) > _MAX_SPELLED_OUT:
            names = (STAR,)
        for name in names:
            _add(found, _prefixed(prefix, name), deciding)
    return tuple(ColumnFlow(*flow, ambiguous) for flow, ambiguous in found.items())


def _prefixed(prefix: str, column: str) -> str:
    """Return the whole name of a column, which is made of a value where its own is."""
    name = prefix + column
    return ValueName(name) if isinstance(column, ValueName) else name


def _told(lineage: Lineage) -> _Told:
    """Return source, kind, subtype and masking of each trace, with whether it is ambiguous everywhere."""
    told: _Told = {}
    for table, column, subtype, masking, ambiguous in sorted(lineage) if len(lineage) > 1 else lineage:
        key = (_prefixed(f"{dotted(table)}.", column), KINDS[subtype], subtype, masking)
        told[key] = ambiguous and told.get(key, True)
    return told


def _add(found: dict[tuple[str, str, str, str, bool], bool], target: str, told: _Told) -> None:
    for key, ambiguous in told.items():
        flow = (target, *key)
        found[flow] = ambiguous and found.get(flow, True)
