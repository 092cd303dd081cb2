"""What was understood, kept so that no statement is understood twice under the same circumstances."""

from __future__ import annotations

import hashlib
import os
import threading
from collections import OrderedDict
from typing import TYPE_CHECKING, NamedTuple

from genops.core.forks import on_fork

if TYPE_CHECKING:
    from genops.lineage.sql.session import State
    from genops.lineage.sql.understood import Understood

_MAX_TEXTS = 2_000
_MAX_WEIGHT = 200_000
_SECRET = os.urandom(16)


class Entry(NamedTuple):
    """What a text came to.

    Attributes:
        statements: What was understood.
        state: How it leaves the session.
    """

    statements: tuple[Understood, ...]
    state: State


class Cache:
    """Entries by text and circumstances; bounded, the least recently used goes first.

    The key is a hash of the whole text and not the fingerprint of what is left of it without its literals: two texts
    that differ in literals only may read other files, name other columns by position and pivot into other columns.

    Args:
        texts: Entries that are kept.
        weight: Names and flows that all entries together may hold.

    Attributes:
        hits: Texts that were found.
        misses: Texts that were not.
    """

    def __init__(self, texts: int = _MAX_TEXTS, weight: int = _MAX_WEIGHT) -> None:
        self._texts = texts
        self._most = weight
        self.clear()
        on_fork(self._new_lock)

    def _new_lock(self) -> None:
        self._lock = threading.RLock()

    def clear(self) -> None:
        """Forget everything."""
        self._new_lock()
        self._entries: OrderedDict[object, Entry] = OrderedDict()
        self._weight = 0
        self.hits = self.misses = 0

    def find(self, key: object) -> Entry | None:
        """Return what a text came to under these circumstances, or `None`."""
        with self._lock:
            found = self._entries.get(key)
            if found is None:
                self.misses += 1
                return None
            self.hits += 1
            self._entries.move_to_end(key)
            return found

    def keep(self, key: object, entry: Entry) -> None:
        """Keep what a text came to, unless it alone is too heavy."""
        weight = _weight(entry)
        if weight > self._most // 4:
            return
        with self._lock:
            old = self._entries.pop(key, None)
            self._weight += weight - (_weight(old) if old else 0)
            self._entries[key] = entry
            while len(self._entries) > self._texts or self._weight > self._most:
                self._weight -= _weight(self._entries.popitem(last=False)[1])


def digest(text: str) -> bytes:
    """Return a keyed hash of a text, whatever it holds; equal within this process only."""
    return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16, key=_SECRET).digest()


def _weight(entry: Entry) -> int:
    return 1 + sum(
        1 + len(each.reads) + len(each.writes) + len(each.columns) + len(each.unresolved) for each in entry.statements
    )
