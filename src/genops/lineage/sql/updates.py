"""UPDATE and DELETE: what changes rows of a table, and what decides which."""

from __future__ import annotations

from typing import TYPE_CHECKING

from genops.lineage.sql import sources
from genops.lineage.sql.merges import assignments, note_read
from genops.lineage.sql.queries import with_ctes
from genops.lineage.sql.relations import Relation, Stored
from genops.lineage.sql.scopes import Ctes, Scope
from genops.lineage.sql.selections import projected
from genops.lineage.sql.syntax import Node, alias, arg, args, is_node, table_parts
from genops.lineage.sql.traces import NOTHING, Lineage, Step
from genops.lineage.sql.understood import FILTER, Table

if TYPE_CHECKING:
    from genops.lineage.sql.reading import Reading
    from genops.lineage.sql.steps import Steps

_FILTERED = Step(FILTER)
_BESIDE = {"update": "from", "delete": "using"}
"""Where a statement names what it reads besides the table that it changes."""


def updated(reading: Reading, node: Node, outer: Scope | None, ctes: Ctes | None) -> Steps[str]:
    """Read an UPDATE."""
    scope = Scope(reading, outer, (yield from with_ctes(reading, node, outer, ctes)))
    rows: Lineage = yield from _others(scope, node)
    table = yield from _changed(scope, node.this)
    if table is not None:
        columns = yield from assignments(scope, args(node, "expressions"))
        rows |= yield from scope.take(arg(node, "where"), _FILTERED)
        note_read(reading, table, columns, rows)
        reading.write(table, columns, rows)
    return "UPDATE"


def deleted(reading: Reading, node: Node, outer: Scope | None, ctes: Ctes | None) -> Steps[str]:
    """Read a DELETE, from the tables that it names among those that it reads."""
    scope = Scope(reading, outer, (yield from with_ctes(reading, node, outer, ctes)))
    rows: Lineage = yield from _others(scope, node)
    named = args(node, "tables")
    if named:
        rows |= yield from sources.bind(scope, node.this)
        found = [_meant(scope, each) for each in named]
    else:
        found = [(yield from _changed(scope, node.this))]
    rows |= yield from scope.take(arg(node, "where"), _FILTERED)
    for table in dict.fromkeys(each for each in found if each is not None):
        if named:
            reading.reads.pop(table, None)
        note_read(reading, table, [], rows)
        reading.write(table, (), rows)
    return "DELETE"


def _others(scope: Scope, node: Node) -> Steps[Lineage]:
    """Bind what a statement reads besides the table that it changes."""
    rows = NOTHING
    for source in args(node, _BESIDE[node.key]):
        rows |= yield from sources.bind(scope, source)
    return rows


def _changed(scope: Scope, node: Node) -> Steps[Table | None]:
    """Return the table that is changed, bound under its name; it may be named by an alias of what is read."""
    table = _meant(scope, node)
    reading = scope.reading
    if table is not None and not any(getattr(each.relation, "table", None) == table for each in scope.bindings):
        own = alias(node, reading.folding)
        scope.bind(own, reading.stored(table), () if own else table)
    elif table is not None:
        reading.reads.pop(table, None)
    for join in args(node, "joins"):
        yield from sources.bind(scope, join.this)
    return table


def _meant(scope: Scope, node: Node) -> Table | None:
    reading = scope.reading
    parts = table_parts(node, reading.folding) if node.key == "table" else None
    if parts is None:
        reading.doubt("", "unresolved")
        return None
    bound = scope.qualified(parts) if len(parts) == 1 else None
    if bound is None and len(parts) == 1 and scope.ctes is not None:
        bound = scope.ctes.find(parts[0])  # through which Transact-SQL changes the table below
    if bound is not None:
        return _below(scope, parts, bound)
    return reading.target(parts)


def _below(scope: Scope, name: Table, relation: Relation) -> Table | None:
    """Return the one table that is changed where a relation is."""
    below = {relation.table} if isinstance(relation, Stored) else {trace.table for trace in relation.all()}
    if len(below) != 1:
        scope.reading.doubt(name[0], "ambiguous", below)
        return None
    (table,) = below
    scope.reading.writes[table] = None
    return table


def returned(reading: Reading, node: Node, ctes: Ctes | None) -> Steps[Relation]:
    """Return what the RETURNING clause of a statement inside a query gives, of the rows that it changes."""
    returning = node.args.get("returning")
    table = table_parts(node.this.this if node.this.key == "schema" else node.this, reading.folding)
    if not is_node(returning) or table is None:
        return Relation()
    scope = Scope(reading, None, ctes)
    full = reading.known.qualified(table)
    scope.bind(alias(node.this, reading.folding), reading.stored(full), full)
    rows: Lineage = NOTHING
    if node.key in _BESIDE:
        rows = yield from _others(scope, node)
        rows |= yield from scope.take(arg(node, "where"), _FILTERED)
    return (yield from projected(scope, returning, rows))


def put_out(reading: Reading, node: Node) -> None:
    """Note the table that OUTPUT … INTO writes beside the one that is changed; what its columns get is not told."""
    returning = node.args.get("returning")
    into: Node = returning.args.get("into") if is_node(returning) else None
    if is_node(into) and into.key == "identifier":
        table = reading.target((reading.folding.table(into.name, quoted=bool(into.args.get("quoted"))),))
        reading.doubt(table[-1], "position", (table,))
