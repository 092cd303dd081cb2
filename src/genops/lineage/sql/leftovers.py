"""Tables that stand where no story looks: without them a statement would be told as if it were all understood."""

from __future__ import annotations

from typing import TYPE_CHECKING

from genops.lineage.sql.queries import query
from genops.lineage.sql.syntax import (
    NESTED,
    Node,
    alias,
    args,
    children,
    column_parts,
    identifier,
    inside,
    is_node,
    table_parts,
)

if TYPE_CHECKING:
    from genops.lineage.sql.reading import Reading
    from genops.lineage.sql.scopes import Ctes, Scope
    from genops.lineage.sql.steps import Steps
    from genops.lineage.sql.understood import Table

_LEAVES = frozenset(
    ("reference", "foreignkey", "userdefinedfunction", "storedprocedure", "column", "identifier", "literal", "datatype")
)
"""Nodes below which no table stands whose data is read."""
_NAMING = frozenset(("table", "anonymous"))
_OF_MODELS = ("predict", "ml", "generate")
"""Functions of BigQuery whose first argument is a model."""
_NO_TABLES = frozenset(("inserted", "deleted"))
"""What T-SQL calls the rows that a statement changes."""


def valued(reading: Reading, node: Node, outer: Scope | None, ctes: Ctes | None) -> Steps[str]:
    """Read SET or DECLARE, whose values may be queries."""
    for each in _queries(node):
        yield query(reading, each, outer, ctes)
    return str(node.key).upper()


def _queries(node: Node) -> list[Node]:
    """Return the outermost queries below a node."""
    found: list[Node] = []
    waiting = [node]
    while waiting:
        each = waiting.pop()
        if each.key in NESTED:
            found.append(each)
        else:
            waiting.extend(children(each))
    return found[::-1]


def take(reading: Reading, tree: Node, *, everywhere: bool) -> None:
    """Take the tables of a statement that were not found, and note that they were not told for certain.

    Args:
        reading: The statement.
        tree: Its tree.
        everywhere: Whether every name of a table is one; else those of queries only.
    """
    unknown = [parts for parts in _tables(reading, tree, everywhere=everywhere) if not _taken(reading, parts)]
    if not unknown:
        return
    aliases = _aliases(reading, tree)
    sources = aliases.union(table[-1] for table in (*reading.reads, *reading.writes))
    for parts in unknown:
        first, *others = parts
        if first not in (sources if others else aliases):
            reading.source(parts)
            reading.doubt(".".join(parts), "unresolved", [reading.known.qualified(parts)])


def _tables(reading: Reading, tree: Node, *, everywhere: bool) -> dict[Table, None]:
    """Return what stands where a table may, once each. Every statement pays for this walk, so it leaves out leaves."""
    found: dict[Table, None] = {}
    waiting = [tree]
    while waiting:
        node = waiting.pop()
        key: str = node.key
        if key in _LEAVES:
            continue
        if key.startswith(_OF_MODELS):
            waiting.extend(each for each in children(node) if each is not node.this)
        else:
            waiting.extend(children(node))
        parts = _named(reading, node, everywhere=everywhere) if key in _NAMING else None
        if parts is not None:
            found[parts] = None
    return found


def _named(reading: Reading, node: Node, *, everywhere: bool) -> Table | None:
    """Return the table that a node names, also as `TABLE(t)` among the arguments of a function."""
    if node.key == "table" and (everywhere or _asked(node)):
        return table_parts(node, reading.folding)
    given = args(node, "expressions") if node.key == "anonymous" and str(node.this).upper() == "TABLE" else []
    return column_parts(given[0], reading.folding) if given and given[0].key == "column" else None


def _asked(table: Node) -> bool:
    return is_node(table.parent) and table.parent.key in {"from", "join"}


def _taken(reading: Reading, parts: Table) -> bool:
    """Whether a name stands for what was found, or for a view of the session."""
    if reading.known.view(parts) is not None:
        return True
    full = reading.known.qualified(parts)
    if any(full in tables or parts in tables for tables in (reading.reads, reading.writes)):
        return True
    return any(table[-len(parts) :] == parts for table in (*reading.reads, *reading.writes))


def _aliases(reading: Reading, tree: Node) -> frozenset[str]:
    """Return the names that a statement gives, which stand for no table: of named queries and of what it renames."""
    return _NO_TABLES.union(
        _alias(reading, node) for node in inside(tree) if node.key == "cte" or is_node(node.args.get("alias"))
    )


def _alias(reading: Reading, node: Node) -> str:
    found = node.args.get("alias")
    return alias(node, reading.folding) or (identifier(found, reading.folding) if is_node(found) else "")
