"""What is known of the columns of each workspace's tables, and what keeps that true while statements change them."""

from __future__ import annotations

import re
import threading
from collections import OrderedDict
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from genops.core.forks import on_fork
from genops.core.operation import Action, DatasetRef
from genops.core.statements import UNREAD
from genops.lineage.sql.schema import Learnt, NoSchema, SchemaProvider
from genops.lineage.sql.understood import Status, ValueName, is_path

if TYPE_CHECKING:
    from collections.abc import Callable

    from genops.core.operation import Learnt as Fact
    from genops.core.operation import Operation, Statement
    from genops.core.statements import Reading
    from genops.lineage.sql.session import State
    from genops.lineage.sql.understood import Table, Understood

_MAX_HOSTS = 100
_FULL = 3
_NOBODY = NoSchema()
# Statements that leave the columns of what they write as they are; all others may have changed them.
_STABLE = (
    *("SELECT", "INSERT", "UPDATE", "DELETE", "MERGE", "TRUNCATE", "DESCRIBE", "SHOW", "EXPLAIN", "USE", "SET"),
    *("OPTIMIZE", "VACUUM", "ANALYZE", "REFRESH", "COMMENT", "CACHE", "UNCACHE", "VALUES", "GRANT", "REVOKE"),
)
_ANYTHING = ("BEGIN", "CALL", "EXECUTE")
_CONTAINERS = re.compile(r"(?:DROP|ALTER|UNDROP) (?:SCHEMA|DATABASE|CATALOG|NAMESPACE)")
_EVOLVES = re.compile(r"\bSCHEMA\s+EVOLUTION\b", re.IGNORECASE)
# A table that is there already keeps its columns, whatever the statement says.
_IF_ABSENT = re.compile(r"\bIF\b.*?\bNOT\b.*?\bEXISTS\b", re.IGNORECASE | re.DOTALL)


class Catalogs:
    """Columns of tables by the workspace that resolves their names; nothing of one workspace is told of another.

    Args:
        wants: Told of tables whose columns a statement that ran would have needed, from (operation, tables).
    """

    def __init__(self, wants: Callable[[Operation, tuple[DatasetRef, ...]], object] | None = None) -> None:
        self.wants = wants
        self._hosts: OrderedDict[str, Learnt] = OrderedDict()
        self._evicted = 0
        self._new_lock()
        on_fork(self._new_lock)

    def _new_lock(self) -> None:
        self._lock = threading.RLock()

    @property
    def evicted(self) -> int:
        """Tables that were let go to make room."""
        with self._lock:
            return self._evicted + sum(learnt.evicted for learnt in self._hosts.values())

    def of(self, host: str | None) -> SchemaProvider:
        """Return what is known of a workspace's tables; it stays the same object while the workspace is known."""
        return _NOBODY if host is None else self._of(host)

    def _of(self, host: str) -> Learnt:
        with self._lock:
            found = self._hosts.get(host)
            if found is None:
                found = self._hosts[host] = Learnt()
                if len(self._hosts) > _MAX_HOSTS:
                    _, gone = self._hosts.popitem(last=False)
                    self._evicted += gone.count + gone.evicted
            self._hosts.move_to_end(host)
            return found

    def columns(self, dataset: DatasetRef) -> tuple[str, ...] | None:
        """Return the columns of a dataset in their order; `None` where they are not known."""
        with self._lock:
            known = self._hosts.get(dataset.host or "")
        return None if known is None else known.columns(dataset.parts)

    def learn(self, host: str, fact: Fact) -> None:
        """Take what a call said of a table's columns; without columns nothing is known of the table any more."""
        parts, columns = fact.facts.get("parts"), fact.facts.get("columns")
        if isinstance(parts, tuple) and isinstance(columns, tuple):
            self.set(host, parts, columns)

    def set(self, host: str, table: Table, columns: tuple[str, ...]) -> None:
        """Know the columns of a table, or where there are none, nothing of it; of no table nothing of any."""
        known = self._of(host)
        if columns:
            known.learn(table, columns)
        elif table:
            known.forget(table)
        else:
            known.clear()

    def ran(self, operation: Operation, reading: Reading, *, succeeded: bool) -> None:
        """Take what a statement that ran has made of tables; of one that failed, only what it may have changed."""
        host, statement = operation.host, operation.statement
        if host is None or statement is None:
            return
        if reading is UNREAD and not _is_stable(statement):
            self.set(host, (), ())
        for dataset, columns in reading.changed:
            self.set(host, dataset.parts, columns if succeeded else ())
        if succeeded and reading.missing and self.wants is not None:
            self.wants(operation, reading.missing)


def of_any(statement: Statement) -> tuple[tuple[DatasetRef, tuple[str, ...]], ...]:
    """Return what a text changes of which nobody knows what it does: nothing is known of any table after it."""
    return () if _is_stable(statement) else ((DatasetRef((), host=statement.place.host), ()),)


def _is_stable(statement: Statement) -> bool:
    return (statement.keyword or "") in _STABLE


def changed(
    text: str, understood: Iterable[Understood], before: State, after: State, host: str | None
) -> tuple[tuple[DatasetRef, tuple[str, ...]], ...]:
    """Return the tables whose columns a text sets, or without columns, those of which nothing is known after it.

    Args:
        text: The text.
        understood: What was understood of its statements.
        before: The session before them.
        after: The session after them.
        host: Host of the workspace.
    """
    found: dict[Table, tuple[str, ...]] = {}
    for each in understood:
        for table in _touched(each, evolves=_EVOLVES.search(text) is not None):
            columns = after.tables.get(table, ())
            # What an engine makes of values is not told of a later statement either.
            unsure = columns is before.tables.get(table) or any(isinstance(each, ValueName) for each in columns)
            found[table] = () if unsure else columns
    if any(found.values()) and _IF_ABSENT.search(text):
        found = {table: columns for table, columns in found.items() if not columns}
    return tuple((DatasetRef(table, host=host), columns) for table, columns in found.items())


def _touched(each: Understood, *, evolves: bool) -> Iterator[Table]:
    """Yield the tables whose columns a statement may have changed; no table's name where it may be any."""
    by_words = each.status is Status.OPAQUE and each.reason == "command"
    known = by_words or each.status in {Status.RESOLVED, Status.PARTIAL}
    named = bool(each.reads or each.writes)
    unknown = each.action is Action.WRITE and not (known and (named or each.kind))
    if unknown or _CONTAINERS.match(each.kind) or each.kind.startswith(_ANYTHING):
        yield ()
    elif evolves or not each.kind.startswith(_STABLE):
        yield from each.writes


def missing(understood: Iterable[Understood], schema: SchemaProvider, host: str | None) -> tuple[DatasetRef, ...]:
    """Return the tables whose columns would have told names for certain that a text leaves open."""
    tables = dict.fromkeys(table for each in understood if each.unresolved for table in (*each.reads, *each.writes))
    return tuple(
        DatasetRef(table, host=host)
        for table in tables
        if len(table) == _FULL and not is_path(table) and schema.columns(table) is None
    )
