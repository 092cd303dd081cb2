"""Column flows put together by what they flow into: the grouping behind the tree."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from genops.lineage.sql.understood import DIRECT, IDENTITY, STAR, dotted

if TYPE_CHECKING:
    from genops.lineage.sql.understood import ColumnFlow, Understood

_ROWS = {"JOIN": "joined by", "FILTER": "filtered by", "GROUP_BY": "grouped by", "SORT": "sorted by"}
_NOTHING = "no column"
"""What a count of rows or a constant is made of."""
_OWN = {"WINDOW": "window", "CONDITIONAL": "if", **{key: word.partition(" ")[0] for key, word in _ROWS.items()}}


class Branch(NamedTuple):
    """What one table, or the result of a query, is made of.

    Attributes:
        table: Its name; empty for a result.
        columns: Columns written, each with what it is made of, in words.
        deciding: What decides which rows there are, by how it does.
    """

    table: str
    columns: tuple[tuple[str, str], ...] = ()
    deciding: tuple[tuple[str, tuple[str, ...]], ...] = ()


def branches(found: Understood) -> list[Branch]:
    """Return what a statement writes, and from what.

    What decides for every column alike is said once of the table.
    """
    tables = [dotted(table) for table in found.writes]
    into: dict[str, dict[str, list[ColumnFlow]]] = {table: {} for table in tables}
    # What decides which rows there are is said of every column in its order, also of those that nothing flows into.
    for flow in sorted(found.columns, key=lambda flow: flow.subtype not in _ROWS):
        table, column = _place(flow.target, tables)
        into.setdefault(table, {}).setdefault(column, []).append(flow)
    return [_branch(table, columns) for table, columns in into.items()]


def _place(target: str, tables: list[str]) -> tuple[str, str]:
    """Return the table and the column that a target names; names may have dots in them."""
    fitting = [table for table in tables if target.startswith(table + ".")]
    table = max(fitting, key=len, default="")
    return table, target[len(table) + 1 :] if table else target


def _branch(table: str, columns: dict[str, list[ColumnFlow]]) -> Branch:
    common = _common(columns)
    deciding: dict[str, dict[str, None]] = {}
    for word, source in common:
        deciding.setdefault(word, {})[source] = None
    own = ((name, _said(flows, common)) for name, flows in columns.items())
    return Branch(
        table,
        tuple((name, said or _NOTHING) for name, said in own if said or name != STAR),
        tuple((word, tuple(deciding[word])) for word in _ROWS.values() if word in deciding),
    )


def _common(columns: dict[str, list[ColumnFlow]]) -> dict[tuple[str, str], None]:
    """Return what decides for every column: how, and by which source."""
    each = [_deciding(flows) for flows in columns.values()]
    whole = _deciding(columns.get(STAR, [])) if all(flow.kind != DIRECT for flow in columns.get(STAR, [])) else {}
    return {key: None for of in each[:1] for key in of if all(key in other for other in each)} | whole


def _deciding(flows: list[ColumnFlow]) -> dict[tuple[str, str], None]:
    return {(_ROWS[flow.subtype], flow.source): None for flow in flows if flow.subtype in _ROWS}


def _said(flows: list[ColumnFlow], common: dict[tuple[str, str], None]) -> str:
    """Return what a column is made of, in words."""
    own: dict[str, dict[str, None]] = {}
    for flow in flows:
        if flow.kind != DIRECT and (_ROWS.get(flow.subtype, ""), flow.source) not in common:
            own.setdefault(_OWN.get(flow.subtype, flow.subtype.lower()), {})[flow.source] = None
    parts = [", ".join(_direct(flows))] + [f"{word} {', '.join(sources)}" for word, sources in own.items()]
    return "; ".join(filter(None, parts))


def _direct(flows: list[ColumnFlow]) -> list[str]:
    """Return the sources of a column, each with what becomes of it where it is not taken as it is."""
    words: dict[str, list[str]] = {}
    for flow in flows:
        if flow.kind == DIRECT:
            of = words.setdefault(flow.source, [])
            of += [] if flow.subtype == IDENTITY else [flow.subtype.lower()]
            of += ["masked"] if flow.masking else []
            of += ["ambiguous"] if flow.ambiguous else []
    return [f"{source} ({', '.join(dict.fromkeys(of))})" if of else source for source, of in words.items()]
