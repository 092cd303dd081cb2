"""Who knows the columns of tables: a dict, or what calls of the program returned in passing."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Protocol

from genops.core.forks import on_fork
from genops.lineage.sql.folding import Folding
from genops.lineage.sql.functions import split_name

if TYPE_CHECKING:
    from genops.lineage.sql.understood import Table

_MAX_TABLES = 10_000
_SPELLING = Folding("")


class SchemaProvider(Protocol):
    """Knows the columns of tables.

    A provider whose knowledge changes has an integer attribute `version` that changes with it; what was understood
    with an earlier version is then not taken for what would be understood now.
    """

    def columns(self, table: Table) -> tuple[str, ...] | None:
        """Return the names of a table's columns in their order; `None` where they are not known."""
        ...


class NoSchema:
    """The provider that knows no table."""

    version = 0

    def columns(self, table: Table) -> None:
        """Nothing is known."""


class Declared:
    """Columns from a mapping.

    A statement may name a table by fewer parts than the mapping does: it means the only one whose name ends so.

    Args:
        tables: Names of columns by the name of the table, dotted or in parts. A mapping from columns to types serves as
            well: it is read for its keys.

    >>> provider = Declared({"main.sales.orders": {"id": "INT", "Total": "DECIMAL"}})
    >>> provider.columns(("sales", "orders"))
    ('id', 'total')
    """

    version = 0

    def __init__(self, tables: Mapping[str, Iterable[str]] | Mapping[Table, Iterable[str]]) -> None:
        self._tables: dict[Table, tuple[str, ...]] = {}
        endings: dict[Table, set[Table]] = {}
        for name, columns in tables.items():
            table = split_name(name, _SPELLING) if isinstance(name, str) else _lower(name)
            self._tables[table] = tuple(column.lower() for column in columns)
            for length in range(1, len(table)):
                endings.setdefault(table[-length:], set()).add(table)
        self._endings = {ending: next(iter(of)) for ending, of in endings.items() if len(of) == 1}

    def columns(self, table: Table) -> tuple[str, ...] | None:
        """Return the names of a table's columns in their order; `None` where they are not known."""
        table = _lower(table)
        found = self._tables.get(table)
        return self._tables.get(self._endings.get(table, ())) if found is None else found


class Learnt:
    """Columns that calls of the program returned in passing; bounded, the least recently learnt table goes first.

    Args:
        capacity: Tables that are kept.

    Attributes:
        version: Changes whenever what is known of a table changes.
        evicted: Tables that were let go to make room.
    """

    def __init__(self, capacity: int = _MAX_TABLES) -> None:
        self._capacity = capacity
        self._tables: OrderedDict[Table, tuple[str, ...]] = OrderedDict()
        self.version = 0
        self.evicted = 0
        self._new_lock()
        on_fork(self._new_lock)

    def _new_lock(self) -> None:
        self._lock = threading.RLock()

    def learn(self, table: Table, columns: Iterable[str]) -> None:
        """Take what a call said of a table's columns, in their order."""
        table, names = _lower(table), tuple(column.lower() for column in columns)
        with self._lock:
            if self._tables.get(table) != names:
                self.version += 1
            self._tables[table] = names
            self._tables.move_to_end(table)
            if len(self._tables) > self._capacity:
                self._tables.popitem(last=False)
                self.evicted += 1

    def forget(self, table: Table) -> None:
        """Know nothing of a table any more, for example because a statement changed it."""
        with self._lock:
            if self._tables.pop(_lower(table), None) is not None:
                self.version += 1

    def clear(self) -> None:
        """Know nothing of any table any more."""
        with self._lock:
            if self._tables:
                self._tables.clear()
                self.version += 1

    @property
    def count(self) -> int:
        """Tables that are known."""
        return len(self._tables)

    def columns(self, table: Table) -> tuple[str, ...] | None:
        """Return the names of a table's columns in their order; `None` where they are not known."""
        with self._lock:
            return self._tables.get(_lower(table))


def _lower(table: Table) -> Table:
    return tuple(part.lower() for part in table)
