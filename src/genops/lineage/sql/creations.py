"""CREATE TABLE, VIEW and their relatives, from a query, from another table or from a list of columns; CACHE TABLE."""

from __future__ import annotations

from typing import TYPE_CHECKING

from genops.lineage.sql import changes
from genops.lineage.sql.inserts import by_position, target
from genops.lineage.sql.queries import query, with_ctes
from genops.lineage.sql.relations import Relation
from genops.lineage.sql.session import View
from genops.lineage.sql.syntax import QUERIES, Node, arg, args, identifier, inside, is_node, string, table_parts
from genops.lineage.sql.understood import STAR, Table

if TYPE_CHECKING:
    from genops.lineage.sql.reading import Reading
    from genops.lineage.sql.scopes import Ctes, Scope
    from genops.lineage.sql.steps import Steps

_DATA = frozenset(("TABLE", "VIEW"))
_CODE = frozenset(("PROCEDURE", "PROC", "TRIGGER", "TASK", "RULE", "PIPE", "ALERT"))
_SQL = frozenset(("sql", "plpgsql"))


def created(reading: Reading, node: Node, outer: Scope | None, ctes: Ctes | None) -> Steps[str]:
    """Read a CREATE. What makes no table and no view has no lineage here."""
    kind = str(node.args.get("kind") or "").upper()
    if kind not in _DATA:
        _indexed(reading, node)
        return f"CREATE {kind}".strip()
    properties = _properties(node)
    ctes = yield from with_ctes(reading, node, outer, ctes)
    source = arg(node, "expression")
    if kind == "VIEW" and ("temporaryproperty" in properties or "globalproperty" in properties):
        yield from _temporary(reading, node, source, outer, ctes)
        return "CREATE TEMPORARY VIEW"
    table, names = target(reading, node.this)
    relation: Relation
    copied = [] if is_node(source) else _places(node) or _copied(reading, node, properties)
    if table is not None and copied:
        made = [column for each in copied for column in reading.source(each).columns]
        reading.write(table, made)
        names = [*(column.name for column in made), *names]
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


def holds_code(node: Node) -> bool:
    """Whether a CREATE keeps statements to run later, which the words of its text tell and its tree does not."""
    kind = str(node.args.get("kind") or "").upper()
    if kind in _DATA or kind == "INDEX":
        return False
    body = arg(node, "expression")
    if kind in _CODE or not is_node(body):
        return kind in _CODE
    language = _properties(node).get("languageproperty")
    if language is not None and str(language.name).lower() not in _SQL:
        return False
    return any(each.key in {*QUERIES, "heredoc", "rawstring", "literal", "block"} for each in inside(body))


def _properties(node: Node) -> dict[str, Node]:
    found = arg(node, "properties")
    return {each.key: each for each in args(found, "expressions")} if is_node(found) else {}


def _indexed(reading: Reading, node: Node) -> None:
    """Note the table that is given an index."""
    table: Node = node.this.args.get("table") if node.this.key == "index" else None
    parts = table_parts(table, reading.folding) if is_node(table) else None
    if parts is not None:
        reading.target(parts)


def _places(node: Node) -> list[Table]:
    """Return where the files are that a table or view without a query is made over: LOCATION, `path`, `uris`."""
    found = _properties(node)
    options = found.get("optionsproperty")
    given = [*(args(options, "expressions") if options is not None else []), *_plain(node)]
    named = [each.args.get("value") for each in given if str(each.name).lower() in {"path", "uris"}]
    located = found.get("locationproperty")
    values = [located.this if located is not None else None, *named]
    texts = [string(each) for value in values if is_node(value) for each in (value, *args(value, "expressions"))]
    return [(text,) for text in dict.fromkeys(texts) if text]


def _plain(node: Node) -> list[Node]:
    found = arg(node, "properties")
    return [each for each in args(found, "expressions") if each.key == "property"] if is_node(found) else []


def _copied(reading: Reading, node: Node, properties: dict[str, Node]) -> list[Table]:
    """Return the tables that a new one has its columns of, whether with their rows or without."""
    clone: Node = node.args.get("clone")
    parents: Node = properties.get("inheritsproperty")
    within = args(node.this, "expressions") if node.this.key == "schema" else []
    like = [each for each in within if each.key == "likeproperty"]
    single: list[Node] = [clone, properties.get("likeproperty"), properties.get("partitionedofproperty"), *like]
    named = [each.this for each in single if is_node(each)]
    named += args(parents, "expressions") if is_node(parents) else []
    found = [table_parts(each, reading.folding) for each in named if is_node(each) and each.key == "table"]
    return [each for each in found if each is not None]


def _temporary(reading: Reading, node: Node, source: Node, outer: Scope | None, ctes: Ctes | None) -> Steps[None]:
    """Read a temporary view: it writes no table, and stands for what it reads in what follows.

    One without a query stands for the files that it is made over; what else it is made over has no name here.
    """
    relation: Relation
    if is_node(source):
        relation = yield query(reading, source, outer, ctes)
    else:
        relation = _files(reading, node)
    name, names = node.this, list[str]()
    if name.key == "schema":
        names = [identifier(each, reading.folding) for each in args(name, "expressions")]
        name = name.this
    relation = relation.renamed(names)
    reading.write(None, relation.columns, relation.rows)
    parts = table_parts(name, reading.folding)
    if parts is not None:
        reading.known.session.define_view(parts[-1], View(relation, tuple(reading.reads)))


def _files(reading: Reading, node: Node) -> Relation:
    found = _places(node)
    if not found:
        reading.doubt(STAR, "unresolved")
    return Relation([column for each in found for column in reading.source(each).columns])


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
