"""INSERT in all its forms: by position, by list, by name, over what was there, into several tables at once."""

from __future__ import annotations

from typing import TYPE_CHECKING

from genops.lineage.sql import sources
from genops.lineage.sql.queries import query, with_ctes
from genops.lineage.sql.relations import Column, Relation
from genops.lineage.sql.scopes import Ctes, Scope
from genops.lineage.sql.selections import projected
from genops.lineage.sql.syntax import Node, alias, arg, args, column_parts, identifier, is_node, table_parts
from genops.lineage.sql.traces import NOTHING, Lineage, Step, unsure
from genops.lineage.sql.understood import CONDITIONAL, FILTER, STAR, Table, dotted

if TYPE_CHECKING:
    from collections.abc import Sequence

    from genops.lineage.sql.reading import Reading
    from genops.lineage.sql.steps import Steps

_FILTERED, _CONDITION = Step(FILTER), Step(CONDITIONAL)


def inserted(reading: Reading, node: Node, outer: Scope | None, ctes: Ctes | None) -> Steps[str]:
    """Read an INSERT."""
    ctes = yield from with_ctes(reading, node, outer, ctes)
    source = arg(node, "expression")
    source = source if is_node(source) else node.args.get("source")
    relation = Relation()
    if is_node(source):
        relation = yield query(reading, source, outer, ctes)
    table, names = target(reading, node.this)
    if table is None:
        return "INSERT"
    columns = assigned(reading, table, names, relation, node)
    scope = Scope(reading, None, ctes)
    own = _alias_of(reading, node.this)
    scope.bind(own, reading.stored(table), () if own else table)
    rows = relation.rows
    if is_node(arg(node, "where")):  # REPLACE WHERE, which decides what of the table goes
        _bind_source(scope, node, source, relation)
        rows |= yield from scope.take(arg(node, "where"), _FILTERED)
    columns += yield from _conflicting(reading, scope, node, table, columns)
    reading.write(table, [*columns, *untold(reading, table, columns)], rows)
    return "INSERT"


def _alias_of(reading: Reading, node: Node) -> str:
    return alias(node.this if node.key == "schema" else node, reading.folding)


def _bind_source(scope: Scope, node: Node, source: Node, relation: Relation) -> None:
    """Bind what is inserted under its alias, which a condition of REPLACE ON compares with the table's rows."""
    start: Node = arg(source, "from") if is_node(source) and source.key == "select" else None
    name = alias(start.this, scope.reading.folding) if is_node(start) else ""
    if name and _alias_of(scope.reading, node.this):
        scope.bind(name, relation)


def target(reading: Reading, node: Node) -> tuple[Table | None, list[str]]:
    """Return the table that a statement writes, which is noted, and the columns that it lists."""
    names: list[str] = []
    if node.key == "schema":
        listed = args(node, "expressions")
        names = [identifier(e, reading.folding) for e in listed if e.key in {"identifier", "columndef", "column"}]
        node = node.this
    if node.key == "directory":
        place = str(node.this.name)
        return (reading.target((place,)) if place else None), names
    if node.key != "table":
        return None, names
    parts = table_parts(node, reading.folding)
    if parts is None:
        reading.doubt("", "unresolved")
    return (None if parts is None else reading.target(parts)), names


def assigned(reading: Reading, table: Table, names: list[str], relation: Relation, node: Node) -> list[Column]:
    """Return what flows into which column of a table.

    Where a query is written by position into a table whose columns are not known, its own names are the candidates.
    """
    if node.args.get("by_name"):
        return list(relation.columns)
    if not names:
        given = _given(node.this, reading)
        names = [name for name in reading.stored(table).names or () if name not in given]
    if names:
        return list(by_position(names, relation))
    if any(column.lineage for column in relation.columns) and not (relation.open and len(relation.columns) == 1):
        reading.doubt(dotted(table), "position", [table])
        return [Column(column.name, unsure(column.lineage), column.without) for column in relation.columns]
    return list(relation.columns)


def untold(reading: Reading, table: Table, columns: Sequence[Column]) -> list[Column]:
    """Return the columns of a table that new rows leave to their defaults: only what decides on rows concerns them."""
    told = {column.name for column in columns}
    names = () if STAR in told else reading.stored(table).names or ()
    return [Column(name) for name in names if name not in told]


def _given(node: Node, reading: Reading) -> frozenset[str]:
    """Return the columns whose values a PARTITION clause gives."""
    node = node.this if node.key == "schema" else node
    partition = node.args.get("partition")
    listed = args(partition, "expressions") if is_node(partition) else []
    return frozenset(identifier(each.this, reading.folding) for each in listed if each.key == "eq")


def by_position(names: Sequence[str], relation: Relation) -> list[Column]:
    """Return the columns of a relation under other names. Behind a star any may be any."""
    made: list[Column] = []
    for i, name in enumerate(names):
        rest = relation.columns[i:]
        if any(column.name == STAR for column in relation.columns[: i + 1]):
            lineage = _starred(name, relation)
        else:
            lineage = rest[0].lineage if rest else NOTHING
        made.append(Column(name, lineage))
    return made


def _starred(name: str, relation: Relation) -> Lineage:
    """Return the candidates for a column whose place lies behind a star: the one of that name, if there is one."""
    found = relation.known(name) or relation.possible(name)
    return unsure(relation.all() if found is None else found)


def _conflicting(
    reading: Reading, scope: Scope, node: Node, table: Table, columns: list[Column]
) -> Steps[list[Column]]:
    """Return what ON CONFLICT writes instead."""
    conflict = node.args.get("conflict")
    made: list[Column] = []
    if is_node(conflict):
        scope.bind("excluded", Relation(columns))
        deciding: Lineage = yield from scope.take(conflict.args.get("where"), _CONDITION)
        for each in args(conflict, "expressions"):
            if each.key == "eq":
                lineage = yield from scope.take(each.expression)
                made.append(Column(column_parts(each.this, reading.folding)[-1], lineage | deciding))
        if any(trace.table == table for column in made for trace in column.lineage):
            reading.reads[table] = None
    return made


def inserted_into_many(reading: Reading, node: Node, outer: Scope | None, ctes: Ctes | None) -> Steps[str]:
    """Read a statement that reads once and writes into several tables."""
    ctes = yield from with_ctes(reading, node, outer, ctes)
    scope = Scope(reading, outer, ctes)
    source = node.args["source"]
    rows: Lineage = yield from sources.bind(scope, source)
    asked = NOTHING
    for each in args(node, "expressions"):
        if each.key != "conditionalinsert":
            yield from _one_of_many(reading, scope, each, rows)
            continue
        deciding = yield from scope.take(each.args.get("expression"), _CONDITION)
        asked |= deciding
        yield from _one_of_many(reading, scope, each.this, rows | (asked if each.args.get("else_") else deciding))
    return "INSERT"


def _one_of_many(reading: Reading, scope: Scope, insert: Node, rows: Lineage) -> Steps[None]:
    table, names = target(reading, insert.this)
    source = arg(insert, "expression")
    if table is None:
        return
    relation = Relation([c for binding in scope.bindings for c in binding.relation.columns], rows)
    if is_node(source) and source.key == "select":
        own = Scope(reading, scope.outer, scope.ctes)
        for binding in scope.bindings:
            own.bind(binding.name, binding.relation, getattr(binding.relation, "table", ()))
        more: Lineage = yield from sources.bind_all(own, source)
        relation = yield from projected(own, source, rows | more)
    elif is_node(source) and source.key == "values":
        cells = args(args(source, "expressions")[0], "expressions")
        lineages = yield from scope.take_each(cells)
        relation = Relation([Column(f"col{i}", each) for i, each in enumerate(lineages, 1)], rows)
    columns = assigned(reading, table, names, relation, insert)
    reading.write(table, [*columns, *untold(reading, table, columns)], relation.rows)
