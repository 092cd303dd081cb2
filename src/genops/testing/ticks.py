"""Time and identities that are the same in every run."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable
from datetime import datetime, timedelta, timezone

from genops.errors import InvalidArgument

START = datetime(2026, 1, 1, tzinfo=timezone.utc)
_EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)


class TickingClock:
    """A clock that moves by one step whenever a duration is measured, and by `advance`; never by itself.

    An operation measures its duration when it starts and when it ends, so one with nothing inside lasts one step.

    Args:
        start: Where it begins, with a time zone.
        step: Seconds of one step; 0 for a clock that only `advance` moves.
        moved: Called after `advance`.

    Raises:
        InvalidArgument: The start has no time zone, or the step is negative.
    """

    manual = True

    def __init__(self, start: datetime = START, step: float = 1.0, moved: Callable[[], object] = lambda: None) -> None:
        if start.tzinfo is None:
            raise InvalidArgument(f"start={start!r}: expected a time zone, for example tzinfo=timezone.utc")
        self._start_ns = (start - _EPOCH) // timedelta(microseconds=1) * 1_000
        self._step_ns = _nanoseconds("step", step)
        self._moved = moved
        self._passed_ns = 0
        self._lock = threading.RLock()

    def now_ns(self) -> int:
        """Return nanoseconds since the epoch."""
        return self._start_ns + self._passed_ns

    def monotonic(self) -> float:
        """Move by one step, and return the seconds that have passed."""
        with self._lock:
            self._passed_ns += self._step_ns
            return self._passed_ns / 1e9

    def advance(self, seconds: float) -> None:
        """Let time pass: budgets renew, and what waited for facts past its deadline settles without them.

        Args:
            seconds: How many.

        Raises:
            InvalidArgument: The number is negative.
        """
        passed_ns = _nanoseconds("seconds", seconds)
        with self._lock:
            self._passed_ns += passed_ns
        self._moved()

    @property
    def elapsed(self) -> float:
        """Seconds that have passed since the start. Reading it moves nothing."""
        return self._passed_ns / 1e9

    @property
    def now(self) -> datetime:
        """The time, in UTC. Reading it moves nothing."""
        return _EPOCH + timedelta(microseconds=self.now_ns() // 1_000)

    def __repr__(self) -> str:
        return f"<TickingClock {self.now.isoformat()}>"


def _nanoseconds(name: str, seconds: float) -> int:
    if not 0 <= seconds < float("inf"):
        raise InvalidArgument(f"{name}={seconds!r}: expected a number of seconds of at least 0")
    return round(seconds * 1e9)


class CountedIds:
    """Identities that count from 1: the first trace is `00…01`, the first span `00…01`.

    Args:
        above: Count on from where these stand now, so that none of theirs is repeated.

    Attributes:
        traces: The trace that was made last; 0 before the first.
        spans: The span that was made last; 0 before the first.
    """

    def __init__(self, above: CountedIds | None = None) -> None:
        self.traces, self.spans = (0, 0) if above is None else (above.traces, above.spans)
        # No lock, which a finalizer that makes governed calls could meet: taking the next of a count is one step.
        self._traces, self._spans = itertools.count(self.traces + 1), itertools.count(self.spans + 1)

    def trace_id(self) -> int:
        """Return the next trace."""
        self.traces = made = next(self._traces)
        return made

    def span_id(self) -> int:
        """Return the next span."""
        self.spans = made = next(self._spans)
        return made
