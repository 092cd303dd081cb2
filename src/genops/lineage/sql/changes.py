"""Statements that change, empty, remove or describe a table as a whole, and those that concern no table."""

from __future__ import annotations

from typing import TYPE_CHECKING

from genops.lineage.sql.syntax import Node, args, column_parts, inside, is_node, table_parts

if TYPE_CHECKING:
    from genops.lineage.sql.reading import Reading
    from genops.lineage.sql.understood import Table

COMPUTED = "REFRESH MATERIALIZED VIEW"
_DATA = frozenset(("TABLE", "VIEW", "COLUMN", ""))
_CATALOGS = frozenset(("CATALOG",))
_DATABASES = {"snowflake": frozenset(("DATABASE", "")), "tsql": frozenset(("DATABASE", ""))}
"""What a name after USE is where a database holds schemas, and is what elsewhere is called a catalog."""
_SCHEMAS = frozenset(("SCHEMA", "DATABASE", "NAMESPACE", ""))


def _names(node: Node, reading: Reading) -> list[Table]:
    """Return the names that stand in one place of a statement."""
    if not is_node(node) or node.key not in {"table", "column", "schema"}:
        return []
    node = node.this if node.key == "schema" else node
    parts = table_parts(node, reading.folding) if node.key == "table" else None
    return [] if parts is None else [parts]


def _changed(reading: Reading, tables: list[Table]) -> None:
    for table in tables:
        if reading.known.view(table) is None:
            reading.target(table)
        reading.known.session.forget(table)
        reading.known.session.forget(reading.known.qualified(table))


def _kind(node: Node) -> str:
    return str(node.args.get("kind") or "").upper()


def dropped(reading: Reading, node: Node) -> str:
    """Read a DROP."""
    if _kind(node) in _DATA:
        named = [*args(node, "this"), *args(node, "tables")]
        _changed(reading, [table for each in named for table in _names(each, reading)])
    return f"DROP {_kind(node)}".strip()


def altered(reading: Reading, node: Node) -> str:
    """Read an ALTER; a new name is written too."""
    if _kind(node) in _DATA:
        renamed = [each.this for each in args(node, "actions") if each.key in {"alterrename", "renametable"}]
        old = _names(node.this, reading)
        _changed(reading, old)
        for each in args(node, "actions"):
            if each.key == "swaptable":
                _changed(reading, _names(each.this, reading))
        for new in renamed:
            _changed(reading, [_beside(old, name) for name in _names(new, reading)])
    return f"ALTER {_kind(node)}".strip()


def _beside(old: list[Table], new: Table) -> Table:
    """Return a new name in full: it lies where the old one does unless it says where."""
    return (*old[0][: len(old[0]) - len(new)], *new) if old else new


def truncated(reading: Reading, node: Node) -> str:
    """Read a TRUNCATE."""
    for each in args(node, "expressions"):
        for table in _names(each, reading):
            reading.target(table)
    return "TRUNCATE TABLE"


def used(reading: Reading, node: Node) -> str:
    """Read a USE, which changes what names mean in what follows."""
    kind = str(node.args["kind"].name).upper() if is_node(node.args.get("kind")) else ""
    databases = _DATABASES.get(reading.folding.dialect, frozenset())
    for names in _names(node.this, reading)[:1]:
        if kind in _CATALOGS or (kind in databases and len(names) == 1):
            reading.known.session.use(names, reading.folding.dialect, catalog=True)
        elif kind in _SCHEMAS:
            reading.known.session.use(names, reading.folding.dialect)
    return f"USE {kind}".strip()


def described(reading: Reading, node: Node) -> str:
    """Read a DESCRIBE: it reads what is known of a table."""
    for table in _names(node.this, reading):
        reading.source(table)
    return "DESCRIBE"


def commented(reading: Reading, node: Node) -> str:
    """Read a COMMENT ON, which changes what is said of a table or of one of its columns."""
    if _kind(node) in {"TABLE", "VIEW"}:
        for table in _names(node.this, reading):
            reading.target(table)
    elif _kind(node) == "COLUMN" and is_node(node.this) and node.this.key == "column":
        table = column_parts(node.this, reading.folding)[:-1]
        if table:
            reading.target(table)
    return f"COMMENT ON {_kind(node)}"


def granted(reading: Reading, node: Node) -> str:
    """Read a GRANT or a REVOKE, which changes who may use a table."""
    if _kind(node) in _DATA:
        for table in _names(node.args.get("securable"), reading):
            reading.target(table)
    return str(node.key).upper()


def refreshed(reading: Reading, node: Node) -> str:
    """Read a REFRESH, which computes a materialized view anew, and forgets what is cached of a table."""
    computed = _kind(node) == "MATERIALIZED VIEW"
    for table in _names(node.this, reading):
        if computed:
            reading.target(table)
        else:
            reading.source(table)
    return COMPUTED if computed else "REFRESH TABLE"


def uncached(reading: Reading, node: Node) -> str:
    """Read an UNCACHE TABLE, after which the name means no view."""
    for table in _names(node.this, reading):
        reading.known.session.forget(table)
    return "UNCACHE TABLE"


def analyzed(reading: Reading, node: Node) -> str:
    """Read an ANALYZE: it reads a table to describe it."""
    for each in inside(node):
        for table in _names(each, reading):
            reading.source(table)
    return "ANALYZE TABLE"
