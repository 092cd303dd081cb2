"""What each kind of statement reads and writes: one table of kinds, each with the story that tells it."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

from genops.core.operation import Action
from genops.lineage.sql import changes, copies, creations, inserts, merges, updates
from genops.lineage.sql.queries import query
from genops.lineage.sql.syntax import QUERIES, Node, inside, is_node, table_parts, unwrapped

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
    key: str = node.key
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
        return Kind(_WHOLE[key](reading, node), action)
    return Kind(key.upper(), action) if key in _WITHOUT_TABLES and not _asks(node) else None


def _asks(node: Node) -> bool:
    """Whether there is a query in a statement, as in that which gives a variable its answer."""
    return any(each.key in QUERIES for each in inside(node))


def _queried(reading: Reading, node: Node) -> Steps[None]:
    """Read a query, which may write what it gives into a table."""
    relation: Relation = yield query(reading, node, None, None)
    into = unwrapped(node).args.get("into")
    table = table_parts(into.this, reading.folding) if is_node(into) and is_node(into.this) else None
    table = None if table is None else reading.target(table)
    reading.write(table, relation.columns, relation.rows)
    if table is not None:
        creations.remember(reading, table, [column.name for column in relation.columns])


def modifying(reading: Reading, node: Node, outer: Scope | None, ctes: Ctes | None) -> Steps[Relation]:
    """Read a statement inside a query; return what it returns."""
    yield from _STORIES[node.key](reading, node, outer, ctes)
    return (yield from updates.returned(reading, node))


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
_WITHOUT_TABLES = frozenset(("set", "pragma", "transaction", "commit", "rollback", "kill"))
_ACTIONS = {
    **dict.fromkeys(("cache", "describe"), Action.QUERY),
    **dict.fromkeys(("analyze", "grant", "revoke"), Action.ADMIN),
    **dict.fromkeys(("refresh", "uncache", "use", *_WITHOUT_TABLES), Action.READ),
}
