"""What happened in the workspace, in the order in which it happened: the source of its system tables."""

from __future__ import annotations

import itertools
import threading
from collections import Counter, defaultdict, deque
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from genops.testing.workspace.clock import Clock
    from genops.testing.workspace.http.wire import Json

KEPT = 20_000
"""Entries kept of each kind; older ones are forgotten so that a long run stays small."""
METERED = ("warehouse", "warehouse_change", "cluster")
"""Kinds that are kept whole, as a bill is metered from all of them: changes of state, which are few."""


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
        self._noted: Counter[str] = Counter()
        self._listeners: defaultdict[str, list[Callable[[Entry], None]]] = defaultdict(list)
        self._derived: dict[str, Callable[[], None]] = {}

    def note(self, kind: str, **facts: Any) -> Entry:
        """Remember something that has just happened; where it was due at a moment, the clock shows that moment."""
        return self.note_at(self._clock.now(), kind, **facts)

    def note_at(self, at: float, kind: str, **facts: Any) -> Entry:
        """Remember something that happened at a moment of the past.

        Args:
            at: Seconds since the epoch.
            kind: What sort of thing.
            facts: Its facts.
        """
        entry = Entry(at, kind, facts)
        with self._lock:
            self._held.setdefault(kind, deque(maxlen=None if kind in METERED else KEPT)).append(entry)
            self._noted[kind] += 1
        self._tell(entry)
        return entry

    def tell(self, kind: str, **facts: Any) -> None:
        """Tell the listeners of something that is too large to be remembered here."""
        self._tell(Entry(self._clock.now(), kind, facts))

    def _tell(self, entry: Entry) -> None:
        with self._lock:
            listeners = list(self._listeners[entry.kind])
        for listener in listeners:
            listener(entry)

    def of(self, kind: str) -> list[Entry]:
        """Everything of a kind, oldest first."""
        self._derive(kind)
        with self._lock:
            return list(self._held.get(kind, ()))

    def since(self, kind: str, seen: int) -> tuple[int, list[Entry]]:
        """How many entries a kind ever had, and those after the first ``seen`` that are still kept."""
        self._derive(kind)
        with self._lock:
            held, total = self._held.get(kind, ()), self._noted[kind]
            new = min(total - seen, len(held))
            return total, list(itertools.islice(held, len(held) - new, None))

    def noted(self, *kinds: str) -> int:
        """How many entries these kinds ever had: a number that tells whether there is anything new."""
        for kind in kinds:
            self._derive(kind)
        with self._lock:
            return sum(self._noted[kind] for kind in kinds)

    def forgotten(self, kind: str) -> int:
        """How many entries of a kind are kept no longer."""
        with self._lock:
            return self._noted[kind] - len(self._held.get(kind, ()))

    def listen(self, kind: str, listener: Callable[[Entry], None]) -> None:
        """Call ``listener`` with each entry of a kind, in the thread that notes it, before it goes on."""
        with self._lock:
            self._listeners[kind].append(listener)

    def derive(self, kind: str, work: Callable[[], None]) -> None:
        """Call ``work`` before a kind is read: it notes what follows from other kinds only when someone asks."""
        self._derived[kind] = work

    def _derive(self, kind: str) -> None:
        work = self._derived.get(kind)
        if work is not None:
            work()
