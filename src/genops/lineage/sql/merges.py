"""MERGE: columns of a source that go into a table's rows, changed or new."""

from __future__ import annotations

from typing import TYPE_CHECKING

from genops.lineage.sql import sources
from genops.lineage.sql.inserts import target, untold
from genops.lineage.sql.queries import with_ctes
from genops.lineage.sql.relations import Column, Relation
from genops.lineage.sql.scopes import Ctes, Scope
from genops.lineage.sql.syntax import Node, alias, arg, args, column_parts, identifier, is_default, is_node, unwrapped
from genops.lineage.sql.traces import NOTHING, Lineage, Step
from genops.lineage.sql.understood import CONDITIONAL, JOIN, STAR, Table

if TYPE_CHECKING:
    from genops.lineage.sql.reading import Reading
    from genops.lineage.sql.steps import Steps

_JOINED, _CONDITION = Step(JOIN), Step(CONDITIONAL)


def merged(reading: Reading, node: Node, outer: Scope | None, ctes: Ctes | None) -> Steps[str]:
    """Read a MERGE."""
    ctes = yield from with_ctes(reading, node, outer, ctes)
    scope = Scope(reading, outer, ctes)
    rows: Lineage = yield from sources.bind(scope, node.args["using"])
    source = scope.bindings[0].relation
    table, _ = target(reading, node.this)
    if table is None:
        return "MERGE"
    own = alias(node.this, reading.folding)
    scope.bind(own, reading.stored(table), () if own else table)
    rows |= yield from scope.take(node.args.get("on"), _JOINED)
    columns: list[Column] = []
    for when in _whens(node):
        rows |= yield from scope.take(when.args.get("condition"), _CONDITION)
        columns += yield from _written(reading, scope, when.args.get("then"), table, source)
    note_read(reading, table, columns, rows)
    reading.write(table, [*columns, *_of_whole_rows(reading, node, table, columns)], rows)
    return "MERGE"


def _whens(node: Node) -> list[Node]:
    found = node.args.get("whens")
    return args(found, "expressions") if is_node(found) else args(node, "expressions")


def _of_whole_rows(reading: Reading, node: Node, table: Table, columns: list[Column]) -> list[Column]:
    """Return the columns that no clause gives a value, where clauses make or remove rows as a whole."""
    clauses = [then for when in _whens(node) if is_node(then := when.args.get("then"))]
    removes = any(then.key == "var" and str(then.this).upper() == "DELETE" for then in clauses)
    makes = any(then.key == "insert" for then in clauses)
    if removes and reading.stored(table).names is None:
        return [Column(STAR)]
    return untold(reading, table, columns) if removes or makes else []


def note_read(reading: Reading, table: Table, columns: list[Column], rows: Lineage) -> None:
    """Note a table that is written as read too, where values of its own columns are used."""
    if any(trace.table == table for lineage in (rows, *(c.lineage for c in columns)) for trace in lineage):
        reading.reads[table] = None


def _written(reading: Reading, scope: Scope, then: Node, table: Table, source: Relation) -> Steps[list[Column]]:
    """Return what one clause writes."""
    if not is_node(then) or then.key not in {"update", "insert"}:
        return []
    given = args(then, "expressions") if then.key == "update" else args(then, "this")
    row = len(given) == 1 and given[0].key == "var"  # BigQuery's INSERT ROW
    if row or not given or any(each.key == "star" for each in given):
        star = next((each for each in given if each.key == "star"), None)
        return _starred(reading, table, source, star)
    if then.key == "update":
        return (yield from assignments(scope, given))
    names = args(given[0], "expressions") or given
    values = arg(then, "expression")
    cells = args(values, "expressions") if is_node(values) else []
    columns: list[Column] = []
    for name, cell in zip(names, cells, strict=False):
        lineage: Lineage = NOTHING if is_default(cell) else (yield from scope.take(cell))
        columns.append(Column(column_parts(name, reading.folding)[-1], lineage))
    return columns


def assignments(scope: Scope, listed: list[Node]) -> Steps[list[Column]]:
    """Return what SET assigns to which columns, one at a time or several from one query."""
    columns: list[Column] = []
    for each in listed:
        if each.key != "eq":
            continue
        names = args(each.this, "expressions") if each.this.key == "tuple" else [unwrapped(each.this)]
        values = yield from _values(scope, each.expression, len(names))
        columns += [Column(_assigned(scope, name), lineage) for name, lineage in zip(names, values, strict=True)]
    return columns


def _values(scope: Scope, given: Node, count: int) -> Steps[list[Lineage]]:
    """Return what so many columns are assigned: each its own value, or all of them where it is not told which."""
    row = given.key == "tuple" or (given.key == "anonymous" and str(given.this).upper() == "ROW")
    listed = args(given, "expressions") if row else []
    each = listed if len(listed) == count > 1 else [given]
    values: list[Lineage] = []
    for value in each:
        values += [NOTHING if is_default(unwrapped(value)) else (yield from scope.take(value))]
    if len(values) == count:
        return values
    answer = scope.answers.get(id(given))
    if answer is not None and len(answer.columns) == count and not answer.open:
        return [column.lineage | answer.rows for column in answer.columns]
    return values * count


def _assigned(scope: Scope, node: Node) -> str:
    """Return the column that an assignment changes, of which it may name a field only."""
    folding = scope.reading.folding
    if node.key != "column":
        return identifier(node, folding)
    parts = column_parts(node, folding)
    for length in range(len(parts) - 1, 0, -1):
        if scope.qualified(parts[:length]) is not None:
            return parts[length]
    return parts[0]


def _starred(reading: Reading, table: Table, source: Relation, star: Node) -> list[Column]:
    """Return what a star writes: every column from the one of its name."""
    without = {identifier(each, reading.folding) for each in args(star, "except")} if is_node(star) else set[str]()
    names = reading.stored(table).names
    if names is None:
        if source.open:
            reading.stars(STAR, source)
        return [column for column in source.columns if column.name not in without]
    made: list[Column] = []
    for name in names:
        lineage = source.known(name) or source.possible(name)
        if name not in without and lineage is not None:
            made.append(Column(name, lineage))
    return made
