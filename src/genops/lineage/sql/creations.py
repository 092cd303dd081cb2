"""CREATE TABLE, VIEW and their relatives, from a query, from another table or from a list of columns; CACHE TABLE."""

from __future__ import annotations

from typing import TYPE_CHECKING

from genops.lineage.sql import changes
from genops.lineage.sql.inserts import by_position, target
from genops.lineage.sql.queries import query, with_ctes
from genops.lineage.sql.session import View
from genops.lineage.sql.syntax import QUERIES, Node, arg, args, identifier, is_node, table_parts
from genops.lineage.sql.understood import STAR, Table

if TYPE_CHECKING:
    from genops.lineage.sql.reading import Reading
    from genops.lineage.sql.relations import Relation
    from genops.lineage.sql.scopes import Ctes, Scope
    from genops.lineage.sql.steps import Steps

_DATA = frozenset(("TABLE", "VIEW"))


def created(reading: Reading, node: Node, outer: Scope | None, ctes: Ctes | None) -> Steps[str]:
    """Read a CREATE. What makes no table and no view has no lineage here."""
    kind = str(node.args.get("kind") or "").upper()
    if kind not in _DATA:
        return f"CREATE {kind}".strip()
    properties = (
        {each.key: each for each in args(arg(node, "properties"), "expressions")}
        if is_node(arg(node, "properties"))
        else {}
    )
    ctes = yield from with_ctes(reading, node, outer, ctes)
    source = arg(node, "expression")
    temporary = kind == "VIEW" and ("temporaryproperty" in properties or "globalproperty" in properties)
    if temporary and is_node(source):
        yield from _temporary(reading, node, source, outer, ctes)
        return "CREATE TEMPORARY VIEW"
    table, names = target(reading, node.this)
    relation: Relation
    copied = _copied(reading, node, properties)
    if table is not None and copied is not None:
        relation = reading.source(copied)
        reading.write(table, relation.columns)
        names = [column.name for column in relation.columns]
    elif table is not None and is_node(source):
        relation = yield query(reading, source, outer, ctes)
        columns = by_position(names, relation) if names else relation.columns
        reading.write(table, columns, relation.rows)
        names = [column.name for column in columns]
    if table is not None:
        remember(reading, table, names)
    return _kind(node, kind, properties, with_query=is_node(source))


def remember(reading: Reading, table: Table, names: list[str]) -> None:
    """Know the columns of a new table in what follows, where all of them are known."""
    session = reading.known.session
    if names and STAR not in names:
        session.define_table(table, names)
    else:
        session.forget(table)


def _copied(reading: Reading, node: Node, properties: dict[str, Node]) -> Table | None:
    """Return the table that a new one is made like, whether with its rows or without."""
    clone: Node = node.args.get("clone")
    like: Node = properties.get("likeproperty")
    for found in (clone, like):
        if is_node(found) and is_node(found.this) and found.this.key == "table":
            return table_parts(found.this, reading.folding)
    return None


def _temporary(reading: Reading, node: Node, source: Node, outer: Scope | None, ctes: Ctes | None) -> Steps[None]:
    """Read a temporary view: it writes no table, and stands for what it reads in what follows."""
    relation: Relation = yield query(reading, source, outer, ctes)
    name, names = node.this, list[str]()
    if name.key == "schema":
        names = [identifier(each, reading.folding) for each in args(name, "expressions")]
        name = name.this
    relation = relation.renamed(names)
    reading.write(None, relation.columns, relation.rows)
    parts = table_parts(name, reading.folding)
    if parts is not None:
        reading.known.session.define_view(parts[-1], View(relation, tuple(reading.reads)))


def _kind(node: Node, kind: str, properties: dict[str, Node], *, with_query: bool) -> str:
    if is_node(node.args.get("clone")):
        return f"CREATE {kind} CLONE"
    if kind == "VIEW":
        return "CREATE MATERIALIZED VIEW" if "materializedproperty" in properties else "CREATE VIEW"
    if "streamingtableproperty" in properties:
        return "CREATE STREAMING TABLE"
    return "CREATE TABLE AS" if with_query else "CREATE TABLE"


def altered(reading: Reading, node: Node, outer: Scope | None, ctes: Ctes | None) -> Steps[str]:
    """Read an ALTER; a view that is given another query is made of what that reads."""
    source = next((each for each in args(node, "actions") if each.key in QUERIES), None)
    parts = table_parts(node.this, reading.folding) if node.this.key == "table" else None
    temporary = parts is not None and reading.known.view(parts) is not None
    told = changes.altered(reading, node)
    if parts is None or source is None:
        return told
    relation: Relation = yield query(reading, source, outer, ctes)
    reading.write(None if temporary else reading.target(parts), relation.columns, relation.rows)
    if temporary:
        reading.known.session.define_view(parts[-1], View(relation, tuple(reading.reads)))
    return told


def cached(reading: Reading, node: Node, outer: Scope | None, ctes: Ctes | None) -> Steps[str]:
    """Read CACHE TABLE: with a query it is a temporary view, without one it reads the table."""
    source = arg(node, "expression")
    if is_node(source):
        yield from _temporary(reading, node, source, outer, ctes)
    elif (parts := table_parts(node.this, reading.folding)) is not None:
        reading.source(parts)
    return "CACHE TABLE"
