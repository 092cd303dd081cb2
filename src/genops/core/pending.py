"""Units whose facts come after their call returned."""

from __future__ import annotations

import heapq
import itertools
import threading
from collections import OrderedDict, deque
from collections.abc import Hashable
from typing import TYPE_CHECKING, Protocol

from genops.core.forks import on_fork

if TYPE_CHECKING:
    from genops.core.guard import Guard
    from genops.core.operation import Facts
    from genops.core.ports import Clock

MAX_PENDING = 10_000
MAX_EARLY = 1_000
EARLY_SECONDS = 5.0
_IDLE_SECONDS = 60.0


class Waiting(Protocol):
    """What waits for facts."""

    def arrive(self, facts: Facts) -> None:
        """Take the facts."""
        ...

    def expire(self) -> None:
        """Settle without them."""
        ...


class PendingUnits:
    """A bounded table of waiting units by correlation key, with deadlines.

    One lazy daemon thread expires what is overdue and ends what was collected; it goes when nothing is left to do.
    After a fork the child starts empty, its parent keeps its own. When the table is full the oldest unit is expired
    and counted. Facts that come a little before their unit waits for them are kept for it.

    Args:
        guard: Counts what goes wrong.
        clock: Time; under one that is `manual` there is no thread, and whoever moves it calls `serve`.
        capacity: Units that may wait.

    Attributes:
        evicted: Units expired because the table was full.
    """

    def __init__(self, guard: Guard, clock: Clock, capacity: int = MAX_PENDING) -> None:
        self._guard = guard
        self._clock = clock
        self._manual: bool = getattr(clock, "manual", False)
        self._capacity = capacity
        self._numbers = itertools.count()
        self.evicted = 0
        self._reset()
        on_fork(self._reset)

    def _reset(self) -> None:
        self._waiting: OrderedDict[Hashable, Waiting] = OrderedDict()
        self._early: OrderedDict[Hashable, tuple[float, Facts]] = OrderedDict()
        self._deadlines: list[tuple[float, int, Hashable, Waiting]] = []
        self._collected: deque[Waiting] = deque()
        self._changed = threading.Condition()
        self._thread: threading.Thread | None = None

    def add(self, key: Hashable, unit: Waiting, seconds: float) -> None:
        """Let a unit wait at most `seconds` for facts under `key`."""
        out: list[Waiting] = []
        with self._changed:
            early = self._taken_early(key)
            if early is None:
                out = self._put(key, unit)
                heapq.heappush(self._deadlines, (self._clock.monotonic() + seconds, next(self._numbers), key, unit))
                self._wake()
        self._expire(out)
        if early is not None:
            with self._guard.at("pending"):
                unit.arrive(early)

    def _put(self, key: Hashable, unit: Waiting) -> list[Waiting]:
        """Enter a unit, and return those that have to go for it."""
        previous = self._waiting.pop(key, None)
        out = [] if previous is None else [previous]
        self._waiting[key] = unit
        if len(self._waiting) > self._capacity:
            out.append(self._waiting.popitem(last=False)[1])
            self.evicted += 1
        self._compact()
        return out

    def resolve(self, key: Hashable, facts: Facts) -> bool:
        """Hand facts to the unit that waits under `key`; return whether one did."""
        with self._changed:
            unit = self._waiting.pop(key, None)
            if unit is None:
                self._keep_early(key, facts)
                return False
        with self._guard.at("pending"):
            unit.arrive(facts)
        return True

    def _keep_early(self, key: Hashable, facts: Facts) -> None:
        self._early.pop(key, None)
        self._early[key] = (self._clock.monotonic() + EARLY_SECONDS, facts)
        if len(self._early) > MAX_EARLY:
            self._early.popitem(last=False)

    def _taken_early(self, key: Hashable) -> Facts | None:
        until, facts = self._early.pop(key, (0.0, None))
        return facts if until > self._clock.monotonic() else None

    def collect(self, left: Waiting) -> None:
        """Expire something on the thread, soon.

        For finalizers: they run wherever the collector strikes, so nothing here may wait for a lock, and nothing may
        settle on the spot, where sinks and the program hold locks of their own.
        """
        self._collected.append(left)
        if self._changed.acquire(blocking=False):
            try:
                self._wake()
            finally:
                self._changed.release()

    def drain(self) -> None:
        """Expire everything that waits, at exit, and let the thread go."""
        with self._changed:
            units = [*self._taken_collected(), *self._waiting.values()]
            self._waiting.clear()
            self._deadlines.clear()
            self._thread = None
            self._changed.notify_all()
        self._expire(units)

    def __len__(self) -> int:
        return len(self._waiting)

    def _compact(self) -> None:
        # Deadlines of units that were resolved stay in the heap; without this they would pile up for hours.
        if len(self._deadlines) > 2 * len(self._waiting) + 64:
            self._deadlines = [entry for entry in self._deadlines if self._waiting.get(entry[2]) is entry[3]]
            heapq.heapify(self._deadlines)

    def serve(self, now: float) -> None:
        """Expire what is past its deadline, and what was collected; for owners of a manual clock.

        Args:
            now: Seconds on that clock.
        """
        with self._changed:
            units = self.overdue(now)
        self._expire(units)

    def overdue(self, now: float | None = None) -> list[Waiting]:
        """Take out and return what is past its deadline, and what was collected."""
        now = self._clock.monotonic() if now is None else now
        units = self._taken_collected()
        while self._deadlines and self._deadlines[0][0] <= now:
            _, _, key, unit = heapq.heappop(self._deadlines)
            if self._waiting.get(key) is unit:
                del self._waiting[key]
                units.append(unit)
        return units

    def _taken_collected(self) -> list[Waiting]:
        units: list[Waiting] = []
        while self._collected:
            units.append(self._collected.popleft())
        return units

    def _wake(self) -> None:
        if self._manual:
            return
        if self._thread is None:
            self._thread = threading.Thread(target=self._serve, name="genops-pending", daemon=True)
            self._thread.start()
        self._changed.notify_all()

    def _serve(self) -> None:
        me = threading.current_thread()
        while True:
            with self._changed:
                if self._thread is not me:
                    return
                units = self.overdue()
                if not units and not self._wait():
                    self._thread = None
                    return
            self._expire(units)

    def _wait(self) -> bool:
        """Wait for something to do; return whether the thread still has a use."""
        if self._deadlines:
            self._changed.wait(self._deadlines[0][0] - self._clock.monotonic())
            return True
        return self._changed.wait(_IDLE_SECONDS) or bool(self._collected or self._deadlines)

    def _expire(self, units: list[Waiting]) -> None:
        for unit in units:
            with self._guard.at("pending"):
                unit.expire()
