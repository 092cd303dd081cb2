"""What happened in the workspace, in the order in which it happened: the source of its system tables."""

from __future__ import annotations

import threading
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from typing import Any

    from genops.testing.workspace.clock import Clock
    from genops.testing.workspace.http.wire import Json

KEPT = 100_000
"""Entries kept of each kind; older ones are forgotten so that a long run stays small."""


@dataclass(frozen=True)
class Entry:
    """One thing that happened.

    Attributes:
        at: Seconds since the epoch, by the workspace's clock.
        kind: What sort of thing, as ``warehouse`` or ``lineage``.
        facts: Its facts, in the words of the API.
    """

    at: float
    kind: str
    facts: Json


class Journal:
    """Remembers what happened.

    Args:
        clock: Gives the times.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._held: dict[str, deque[Entry]] = {}

    def note(self, kind: str, **facts: Any) -> Entry:
        """Remember something that has just happened."""
        entry = Entry(self._clock.now(), kind, facts)
        with self._lock:
            self._held.setdefault(kind, deque(maxlen=KEPT)).append(entry)
        return entry

    def of(self, kind: str) -> list[Entry]:
        """Everything of a kind, oldest first."""
        with self._lock:
            return list(self._held.get(kind, ()))
