"""States on the way: a warehouse is STARTING and a cluster PENDING for a while before they run."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable

    from genops.testing.workspace.clock import Clock


@dataclass
class _Passage:
    left: int
    arrive: Callable[[], None]


class Passages:
    """Things of one kind that are on their way to a state.

    A passage ends after it was shown by a number of reads, or when its time by the workspace's clock is over,
    whichever comes first. The first makes waiters testable without waiting; the second gives bills a start-up time.

    Args:
        clock: Gives the time.
        lock: Is held wherever something arrives.
        polls: How many reads show the state on the way.
    """

    def __init__(self, clock: Clock, lock: threading.RLock, polls: int) -> None:
        self._clock = clock
        self._lock = lock
        self._polls = polls
        self._under_way: dict[str, _Passage] = {}

    def begin(self, key: str, seconds: float, arrive: Callable[[], None]) -> None:
        """Set out; a passage that was under way is given up.

        Args:
            key: What is on its way.
            seconds: How long it takes by the clock.
            arrive: Called once, at the end.
        """
        passage = _Passage(self._polls, arrive)
        with self._lock:
            self._under_way[key] = passage
        self._clock.at(self._clock.now() + seconds, lambda: self._over(key, passage))

    def read(self, key: str) -> None:
        """Count one read, before its answer is made."""
        with self._lock:
            passage = self._under_way.get(key)
            if passage is None:
                return
            passage.left -= 1
            if passage.left < 0:
                self._over(key, passage)

    def finish(self, key: str) -> None:
        """Arrive at once."""
        with self._lock:
            passage = self._under_way.get(key)
            if passage is not None:
                self._over(key, passage)

    def drop(self, key: str) -> None:
        """Never arrive."""
        with self._lock:
            self._under_way.pop(key, None)

    def _over(self, key: str, passage: _Passage) -> None:
        with self._lock:
            if self._under_way.get(key) is passage:
                del self._under_way[key]
                passage.arrive()
