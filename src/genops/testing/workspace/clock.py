"""The workspace's own time: the machine's, and as far ahead of it as a test has moved it."""

from __future__ import annotations

import datetime as dt
import heapq
import itertools
import logging
import threading
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

_log = logging.getLogger(__name__)


def stamp(seconds: float) -> str:
    """A time as RFC 3339 text, as newer APIs write it.

    >>> stamp(0)
    '1970-01-01T00:00:00.000Z'

    Args:
        seconds: Since the epoch.
    """
    return dt.datetime.fromtimestamp(seconds, dt.timezone.utc).isoformat(timespec="milliseconds")[:-6] + "Z"


class Clock:
    """Tells the time of the workspace; everything that carries a time of day asks it.

    Durations of what really runs are measured with ``time.perf_counter`` and are not moved.
    """

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._stepping = threading.RLock()
        self._ahead = 0.0
        self._listeners: list[Callable[[], None]] = []
        self._due: list[tuple[float, int, Callable[[], None]]] = []
        self._order = itertools.count()
        self._thread: threading.Thread | None = None
        self._closed = False

    def now(self) -> float:
        """Seconds since the epoch."""
        return time.time() + self._ahead

    def millis(self) -> int:
        """Milliseconds since the epoch, as the API writes times."""
        return int(self.now() * 1000)

    def state(self) -> dict[str, float]:
        """What lasts: by how many seconds it was moved."""
        return {"ahead": self._ahead}

    def restore(self, state: dict[str, float]) -> None:
        """Take over what :meth:`state` gave; nothing is due yet."""
        self._ahead = state["ahead"]

    def advance(self, *, days: float = 0, hours: float = 0, minutes: float = 0, seconds: float = 0) -> float:
        """Move the time forward; what is due by then has happened when this returns.

        The time goes through each moment at which something is due, so that what happens then carries that
        moment as its time.

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
        with self._stepping:
            target = self.now() + by
            while (due := self._next(target)) is not None:
                self._move_to(due[0])
                _do(due[2])
                self._tell()
            self._move_to(target)
            self._tell()
        return self.now()

    def on_advance(self, listener: Callable[[], None]) -> None:
        """Call ``listener`` after each step that :meth:`advance` makes."""
        with self._changed:
            self._listeners.append(listener)

    def at(self, when: float, act: Callable[[], None]) -> None:
        """Call ``act`` once, when the time has come, whether by itself or by :meth:`advance`.

        Args:
            when: Seconds since the epoch; a time that has passed is due at once.
            act: What happens; it looks for itself whether it still should. An error that it raises is logged, and
                the clock goes on.
        """
        with self._changed:
            heapq.heappush(self._due, (when, next(self._order), act))
            if self._thread is None and not self._closed:
                self._thread = threading.Thread(target=self._watch, name="local-clock", daemon=True)
                self._thread.start()
            self._changed.notify_all()

    def close(self) -> None:
        """Let nothing more happen by time."""
        with self._changed:
            self._closed = True
            self._due.clear()
            self._changed.notify_all()
        if self._thread is not None and self._thread is not threading.current_thread():
            self._thread.join(5)

    def _next(self, until: float) -> tuple[float, int, Callable[[], None]] | None:
        with self._changed:
            return heapq.heappop(self._due) if self._due and self._due[0][0] <= until else None

    def _move_to(self, moment: float) -> None:
        with self._changed:
            self._ahead += max(0.0, moment - self.now())
            self._changed.notify_all()

    def _tell(self) -> None:
        for listener in list(self._listeners):
            listener()

    def _watch(self) -> None:
        """Do what becomes due while nobody moves the time."""
        while True:
            with self._changed:
                if self._closed:
                    return
                wait = self._due[0][0] - self.now() if self._due else None
                if wait is None or wait > 0:
                    self._changed.wait(wait)
                    continue
            with self._stepping:
                due = self._next(self.now())
                if due is not None:
                    _do(due[2])


def _do(act: Callable[[], None]) -> None:
    """One thing that is due: if it fails, the others still happen."""
    try:
        act()
    except Exception:
        _log.exception("something that was due by the clock of a local workspace failed; the clock goes on")
