"""SELECT: what its outputs come from, and what decides which rows it gives."""

from __future__ import annotations

from typing import TYPE_CHECKING

from genops.lineage.sql import sources, stars
from genops.lineage.sql.expressions import is_aggregated, makes_rows, projection_names
from genops.lineage.sql.relations import Column, Relation
from genops.lineage.sql.scopes import Scope
from genops.lineage.sql.syntax import Node, arg, args, column_parts, is_node
from genops.lineage.sql.traces import NOTHING, SAME, Lineage, Step, joined, through
from genops.lineage.sql.understood import FILTER, GROUP_BY, JOIN, SORT, STAR, WINDOW

if TYPE_CHECKING:
    from genops.lineage.sql.reading import Reading
    from genops.lineage.sql.scopes import Ctes
    from genops.lineage.sql.steps import Steps

_FILTERED, _GROUPED, _SORTED, _WINDOWED = Step(FILTER), Step(GROUP_BY), Step(SORT), Step(WINDOW)
_JOINED = Step(JOIN)
_LATERAL_ALIASES = frozenset(("databricks", "spark", "spark2", "snowflake", "duckdb", "redshift"))
_ALIASES_EVERYWHERE = frozenset(("snowflake", "duckdb", "redshift"))
_BEFORE = {"where": _FILTERED, "prewhere": _FILTERED, "connect": _FILTERED, "windows": _WINDOWED}
_AFTER = {"having": _FILTERED, "qualify": _FILTERED}
_ORDERS = ("order", "sort", "cluster", "distribute")


def selected(reading: Reading, node: Node, outer: Scope | None, ctes: Ctes | None) -> Steps[Relation]:
    """Return what a SELECT gives."""
    scope = Scope(reading, outer, ctes)
    rows: Lineage = yield from sources.bind_all(scope, node)
    return (yield from projected(scope, node, rows))


def projected(scope: Scope, node: Node, rows: Lineage) -> Steps[Relation]:
    """Return what a SELECT gives whose sources are bound."""
    projections = args(node, "expressions")
    columns: list[Column] = []
    aliases: dict[str, Lineage] = {}
    places: list[Lineage] = []
    lateral = scope.reading.folding.dialect in _LATERAL_ALIASES
    for i, projection in enumerate(projections):
        found = stars.star(projection)
        if found is not None:
            made = yield from stars.expanded(scope, projection, found)
        else:
            lineage = yield from scope.take(projection, SAME, aliases if lateral else {})
            made = [Column(name, lineage) for name in projection_names(projection, scope.reading.folding, i)]
            rows |= through(lineage, _JOINED) if makes_rows(projection) else NOTHING
            if projection.key == "alias":
                aliases.setdefault(made[0].name, lineage)
        columns += (column for column in made if column.name != STAR or column not in columns)
        places.append(joined(column.lineage for column in made))
    rows |= yield from _deciding(scope, node, aliases, places)
    return Relation(columns, rows)


def _deciding(scope: Scope, node: Node, aliases: dict[str, Lineage], places: list[Lineage]) -> Steps[Lineage]:
    """Return what the clauses around the projections use."""
    everywhere = scope.reading.folding.dialect in _ALIASES_EVERYWHERE
    rows = NOTHING
    for name, step in _BEFORE.items():
        for clause in args(node, name):
            rows |= yield from scope.take(clause, step, aliases if everywhere else {})
    for name, step in _AFTER.items():
        for clause in args(node, name):
            rows |= yield from scope.take(clause, step, aliases)
    for clause in args(node, "group"):
        rows |= yield from _grouped(scope, node, clause, aliases, places)
    for name in _ORDERS:
        for clause in args(node, name):
            rows |= yield from _listed(scope, args(clause, "expressions"), _SORTED, aliases, places)
    distinct = arg(node, "distinct")
    if is_node(distinct):
        on = distinct.args.get("on")
        if is_node(on):
            rows |= yield from _listed(scope, args(on, "expressions") or [on], _GROUPED, aliases, places)
        else:
            rows |= through(joined(places), _GROUPED)
    return rows


def _grouped(
    scope: Scope, node: Node, group: Node, aliases: dict[str, Lineage], places: list[Lineage]
) -> Steps[Lineage]:
    """Return what GROUP BY compares, with rollups, cubes and grouping sets; ALL means what is not aggregated."""
    rows = NOTHING
    if group.args.get("all"):
        pairs = zip(args(node, "expressions"), places, strict=False)
        rows |= joined(through(lineage, _GROUPED) for each, lineage in pairs if not is_aggregated(each))
    listed = [each for name in ("expressions", "rollup", "cube", "grouping_sets") for each in args(group, name)]
    return rows | (yield from _listed(scope, listed, _GROUPED, aliases, places))


def _listed(
    scope: Scope, listed: list[Node], step: Step, aliases: dict[str, Lineage], places: list[Lineage]
) -> Steps[Lineage]:
    """Return what a list names, whose entries may be expressions, aliases and positions of outputs."""
    rows = NOTHING
    for each in listed:
        entry = each.this if each.key == "ordered" else each
        if entry.key == "literal" and str(entry.this).isdigit():
            place = int(str(entry.this)) - 1
            rows |= through(places[place], step) if 0 <= place < len(places) else NOTHING
        elif step is _SORTED and entry.key == "column" and column_parts(entry, scope.reading.folding)[0] in aliases:
            rows |= through(aliases[column_parts(entry, scope.reading.folding)[0]], step)
        else:
            rows |= yield from scope.take(entry, step, aliases)
    return rows
