"""The workspace's own time: the machine's, and as far ahead of it as a test has moved it."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable


class Clock:
    """Tells the time of the workspace; everything that carries a time of day asks it.

    Durations of what really runs are measured with ``time.perf_counter`` and are not moved.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._ahead = 0.0
        self._listeners: list[Callable[[], None]] = []

    def now(self) -> float:
        """Seconds since the epoch."""
        return time.time() + self._ahead

    def millis(self) -> int:
        """Milliseconds since the epoch, as the API writes times."""
        return int(self.now() * 1000)

    def advance(self, *, days: float = 0, hours: float = 0, minutes: float = 0, seconds: float = 0) -> float:
        """Move the time forward; what is due by then has happened when this returns.

        Args:
            days: Days of 24 hours.
            hours: Hours.
            minutes: Minutes.
            seconds: Seconds.

        Returns:
            The new time, in seconds since the epoch.

        Raises:
            ValueError: The sum is negative; time does not go back.
        """
        by = ((days * 24 + hours) * 60 + minutes) * 60 + seconds
        if by < 0:
            raise ValueError(f"the clock of a LocalWorkspace only moves forward; got {by:g} seconds")
        with self._lock:
            self._ahead += by
            listeners = list(self._listeners)
        for listener in listeners:
            listener()
        return self.now()

    def on_advance(self, listener: Callable[[], None]) -> None:
        """Call ``listener`` after each step, for what happens by time alone."""
        with self._lock:
            self._listeners.append(listener)
