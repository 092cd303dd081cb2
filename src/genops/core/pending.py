"""Units whose facts come after their call returned."""

from __future__ import annotations

import heapq
import itertools
import threading
from collections import OrderedDict
from collections.abc import Hashable
from typing import TYPE_CHECKING, Protocol

from genops.core.forks import on_fork

if TYPE_CHECKING:
    from genops.core.guard import Guard
    from genops.core.operation import Facts
    from genops.core.ports import Clock

MAX_PENDING = 10_000


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

    One lazy daemon thread expires what is overdue; after a fork the child starts empty, its parent keeps its own.
    When the table is full the oldest unit is expired and counted.

    Args:
        guard: Counts what goes wrong.
        clock: Time.
        capacity: Units that may wait.

    Attributes:
        evicted: Units expired because the table was full.
    """

    def __init__(self, guard: Guard, clock: Clock, capacity: int = MAX_PENDING) -> None:
        self._guard = guard
        self._clock = clock
        self._capacity = capacity
        self._numbers = itertools.count()
        self.evicted = 0
        self._reset()
        on_fork(self._reset)

    def _reset(self) -> None:
        self._waiting: OrderedDict[Hashable, Waiting] = OrderedDict()
        self._deadlines: list[tuple[float, int, Hashable, Waiting]] = []
        self._changed = threading.Condition()
        self._thread: threading.Thread | None = None

    def add(self, key: Hashable, unit: Waiting, seconds: float) -> None:
        """Let a unit wait at most `seconds` for facts under `key`."""
        out: list[Waiting] = []
        with self._changed:
            previous = self._waiting.pop(key, None)
            if previous is not None:
                out.append(previous)
            self._waiting[key] = unit
            if len(self._waiting) > self._capacity:
                out.append(self._waiting.popitem(last=False)[1])
                self.evicted += 1
            self._compact()
            heapq.heappush(self._deadlines, (self._clock.monotonic() + seconds, next(self._numbers), key, unit))
            if self._thread is None:
                self._thread = threading.Thread(target=self._serve, name="genops-pending", daemon=True)
                self._thread.start()
            self._changed.notify_all()
        self._expire(out)

    def resolve(self, key: Hashable, facts: Facts) -> bool:
        """Hand facts to the unit that waits under `key`; return whether one did."""
        with self._changed:
            unit = self._waiting.pop(key, None)
        if unit is None:
            return False
        with self._guard.at("pending"):
            unit.arrive(facts)
        return True

    def drain(self) -> None:
        """Expire everything that waits, at exit."""
        with self._changed:
            units = list(self._waiting.values())
            self._waiting.clear()
            self._deadlines.clear()
        self._expire(units)

    def __len__(self) -> int:
        return len(self._waiting)

    def _compact(self) -> None:
        # Deadlines of units that were resolved stay in the heap; without this they would pile up for hours.
        if len(self._deadlines) > 2 * len(self._waiting) + 64:
            self._deadlines = [entry for entry in self._deadlines if self._waiting.get(entry[2]) is entry[3]]
            heapq.heapify(self._deadlines)

    def overdue(self) -> list[Waiting]:
        """Take out and return what is past its deadline."""
        now = self._clock.monotonic()
        units: list[Waiting] = []
        while self._deadlines and self._deadlines[0][0] <= now:
            _, _, key, unit = heapq.heappop(self._deadlines)
            if self._waiting.get(key) is unit:
                del self._waiting[key]
                units.append(unit)
        return units

    def _serve(self) -> None:
        while True:
            with self._changed:
                units = self.overdue()
                if not units:
                    wait = self._deadlines[0][0] - self._clock.monotonic() if self._deadlines else None
                    self._changed.wait(wait)
            self._expire(units)

    def _expire(self, units: list[Waiting]) -> None:
        for unit in units:
            with self._guard.at("pending"):
                unit.expire()
