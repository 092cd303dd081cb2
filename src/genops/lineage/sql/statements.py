"""What each kind of statement reads and writes: one table of kinds, each with the story that tells it."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

from genops.core.operation import Action
from genops.lineage.sql import changes, copies, creations, inserts, leftovers, merges, updates
from genops.lineage.sql.queries import query
from genops.lineage.sql.syntax import QUERIES, Node, is_node, table_parts, unwrapped

if TYPE_CHECKING:
    from genops.lineage.sql.reading import Reading
    from genops.lineage.sql.relations import Relation
    from genops.lineage.sql.scopes import Ctes, Scope
    from genops.lineage.sql.steps import Steps

_Story = Callable[["Reading", Node, "Scope | None", "Ctes | None"], "Steps[str]"]


class Kind(NamedTuple):
    """What a statement is.

    Attributes:
        name: What it does, in capitals.
        action: Class of the operation.
    """

    name: str
    action: Action


def statement(reading: Reading, node: Node) -> Steps[Kind | None]:
    """Read a statement; return what it is, or `None` where its kind is none that is read."""
    kind = yield from _told(reading, node)
    if kind is not None:
        leftovers.take(reading, node, everywhere=node.key not in _WHOLE)
    return kind


def _told(reading: Reading, node: Node) -> Steps[Kind | None]:
    key: str = node.key
    if key == "create" and creations.holds_code(node):
        return None  # its body is read as a script
    if key == "select" and not node.args.get("expressions") and reading.folding.dialect != "postgres":
        return None  # parsers take it, engines do not
    if key in QUERIES:
        yield from _queried(reading, node)
        return Kind("SELECT", Action.QUERY)
    action = _ACTIONS.get(key, Action.WRITE)
    if key in _STORIES:
        name = yield from _STORIES[key](reading, node, None, None)
        updates.put_out(reading, node)
        return Kind(name, action)
    if key in _WHOLE:
        name = _WHOLE[key](reading, node)
        return Kind(name, Action.WRITE if name == changes.COMPUTED else action)
    return Kind(key.upper(), action) if key in _WITHOUT_TABLES else None


def _queried(reading: Reading, node: Node) -> Steps[None]:
    """Read a query, which may write what it gives into a table."""
    relation: Relation = yield query(reading, node, None, None)
    into = unwrapped(node).args.get("into")
    taken = is_node(into) and into.key == "into" and is_node(into.this)  # UNPIVOT … INTO names columns
    table = table_parts(into.this, reading.folding) if taken else None
    table = None if table is None else reading.target(table)
    reading.write(table, relation.columns, relation.rows)
    if table is not None:
        creations.remember(reading, table, [column.name for column in relation.columns])


def modifying(reading: Reading, node: Node, outer: Scope | None, ctes: Ctes | None) -> Steps[Relation]:
    """Read a statement inside a query; return what it returns."""
    yield from _STORIES[node.key](reading, node, outer, ctes)
    return (yield from updates.returned(reading, node, ctes))


_STORIES: dict[str, _Story] = {
    "insert": inserts.inserted,
    "multitableinserts": inserts.inserted_into_many,
    "merge": merges.merged,
    "update": updates.updated,
    "delete": updates.deleted,
    "create": creations.created,
    "alter": creations.altered,
    "altertable": creations.altered,
    "cache": creations.cached,
    "copy": copies.copied,
    "set": leftovers.valued,
    "declare": leftovers.valued,
}
_WHOLE: dict[str, Callable[[Reading, Node], str]] = {
    "drop": changes.dropped,
    "truncatetable": changes.truncated,
    "use": changes.used,
    "describe": changes.described,
    "comment": changes.commented,
    "refresh": changes.refreshed,
    "uncache": changes.uncached,
    "analyze": changes.analyzed,
    "grant": changes.granted,
    "revoke": changes.granted,
}
_WITHOUT_TABLES = frozenset(("pragma", "transaction", "commit", "rollback", "kill"))
_ACTIONS = {
    **dict.fromkeys(("cache", "describe"), Action.QUERY),
    **dict.fromkeys(("analyze", "grant", "revoke"), Action.ADMIN),
    **dict.fromkeys(("refresh", "uncache", "use", "set", "declare", *_WITHOUT_TABLES), Action.READ),
}
