"""The fan-out: every record to every sink, and no sink can hurt the caller or another sink."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Iterable
from typing import TYPE_CHECKING

from genops.core.forks import on_fork

if TYPE_CHECKING:
    from genops.core.guard import Guard
    from genops.core.ports import Sink
    from genops.core.records import Record

QUEUE_CAPACITY = 10_000


class FanOut:
    """Writes records to sinks in order; a sink that says `queued = True` gets a bounded queue of its own.

    Args:
        sinks: Where records go.
        guard: Counts what sinks raise.
        capacity: Length of each queue in records; a sink may name its own, `capacity`.
    """

    def __init__(self, sinks: Iterable[Sink], guard: Guard, capacity: int = QUEUE_CAPACITY) -> None:
        self._guard = guard
        self.queues: list[SinkQueue] = []
        self._sinks: list[tuple[str, Sink]] = []
        for sink in sinks:
            site = f"sink:{type(sink).__name__}"
            if getattr(sink, "queued", False):
                sink = SinkQueue(sink, site, guard, getattr(sink, "capacity", capacity))  # noqa: PLW2901  (the queue stands in for its sink)
                self.queues.append(sink)
            self._sinks.append((site, sink))

    def write(self, record: Record) -> None:
        """Write a record to every sink; what a sink raises is counted and stays here."""
        for site, sink in self._sinks:
            try:
                sink.write(record)
            except Exception as fault:
                self._guard.caught(site, fault)

    def drain(self, seconds: float) -> bool:
        """Wait until the queues are empty; return whether they are."""
        deadline = time.monotonic() + seconds
        drained = [queue.drain(deadline - time.monotonic()) for queue in self.queues]
        return all(drained)

    def close(self, seconds: float) -> bool:
        """Wait until the queues are empty, and let their threads go; return whether they are empty."""
        drained = self.drain(seconds)
        for queue in self.queues:
            queue.dismiss()
        return drained

    @property
    def dropped(self) -> int:
        """Records that full queues dropped."""
        return sum(queue.dropped for queue in self.queues)


class SinkQueue:
    """A bounded queue before a slow sink, served by one lazy daemon thread; the newest record is dropped when full."""

    def __init__(self, sink: Sink, site: str, guard: Guard, capacity: int) -> None:
        self._sink = sink
        self._site = site
        self._guard = guard
        self._capacity = capacity
        self.dropped = 0
        self._reset()
        on_fork(self._reset)

    def _reset(self) -> None:
        self._records: deque[Record] = deque()
        self._busy = False
        self._changed = threading.Condition()
        self._thread: threading.Thread | None = None

    def write(self, record: Record) -> None:
        """Queue a record, or count it as dropped."""
        with self._changed:
            if len(self._records) >= self._capacity:
                self.dropped += 1
                return
            self._records.append(record)
            if self._thread is None:
                self._thread = threading.Thread(target=self._serve, name="genops-sink", daemon=True)
                self._thread.start()
            self._changed.notify_all()

    def drain(self, seconds: float) -> bool:
        """Wait until everything queued was written; return whether it was."""
        with self._changed:
            return self._changed.wait_for(lambda: not self._records and not self._busy, max(seconds, 0))

    def dismiss(self) -> None:
        """Let the thread go once the queue is empty; a later record brings a new one."""
        with self._changed:
            self._thread = None
            self._changed.notify_all()

    def _serve(self) -> None:
        me = threading.current_thread()
        while True:
            with self._changed:
                self._busy = False
                self._changed.notify_all()
                self._changed.wait_for(lambda: bool(self._records) or self._thread is not me)
                if not self._records:
                    return
                record = self._records.popleft()
                self._busy = True
            with self._guard.at(self._site):
                self._sink.write(record)
