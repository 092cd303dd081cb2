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
    is_node,
    table_parts,
)

if TYPE_CHECKING:
    from genops.lineage.sql.reading import Reading
    from genops.lineage.sql.scopes import Ctes, Scope
    from genops.lineage.sql.steps import Steps
    from genops.lineage.sql.understood import Table

_NO_DATA = frozenset(("reference", "foreignkey", "userdefinedfunction", "storedprocedure"))
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
    aliases: set[str] = set(_NO_TABLES)
    found: dict[Table, None] = {}
    waiting = [tree]
    while waiting:
        node = waiting.pop()
        if node.key in _NO_DATA:
            continue
        waiting.extend(each for each in children(node) if not (each is node.this and node.key.startswith(_OF_MODELS)))
        if node.key == "cte" or is_node(node.args.get("alias")):
            aliases.add(_alias(reading, node))
        parts = _named(reading, node, everywhere=everywhere)
        if parts is not None:
            found[parts] = None
    for parts in found:
        if not _known(reading, parts, aliases):
            reading.source(parts)
            reading.doubt(".".join(parts), "unresolved", [reading.known.qualified(parts)])


def _named(reading: Reading, node: Node, *, everywhere: bool) -> Table | None:
    """Return the table that a node names, also as `TABLE(t)` among the arguments of a function."""
    if node.key == "table" and (everywhere or _asked(node)):
        return table_parts(node, reading.folding)
    given = args(node, "expressions") if node.key == "anonymous" and str(node.this).upper() == "TABLE" else []
    return column_parts(given[0], reading.folding) if given and given[0].key == "column" else None


def _alias(reading: Reading, node: Node) -> str:
    found = node.args.get("alias")
    return alias(node, reading.folding) or (identifier(found, reading.folding) if is_node(found) else "")


def _asked(table: Node) -> bool:
    return is_node(table.parent) and table.parent.key in {"from", "join"}


def _known(reading: Reading, parts: Table, aliases: set[str]) -> bool:
    """Whether a name stands for what was found, or for no table: a named query, an alias, a view of the session."""
    if reading.known.view(parts) is not None:
        return True
    full = reading.known.qualified(parts)
    taken = (*reading.reads, *reading.writes)
    if full in taken or parts in taken or any(table[-len(parts) :] == parts for table in taken):
        return True
    first, *others = parts
    return first in (aliases.union(each[-1] for each in taken) if others else aliases)
