"""The fan-out: every record to every sink, and no sink can hurt the caller or another sink."""

from __future__ import annotations

import time
from collections.abc import Iterable
from typing import TYPE_CHECKING

from genops.core.queues import Queue

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
        drained = [queue.records.drain(deadline - time.monotonic()) for queue in self.queues]
        return all(drained)

    def close(self, seconds: float) -> bool:
        """Wait until the queues are empty, and let their threads go; return whether they are empty."""
        drained = self.drain(seconds)
        for queue in self.queues:
            queue.records.dismiss()
        return drained

    @property
    def dropped(self) -> int:
        """Records that full queues dropped."""
        return sum(queue.dropped for queue in self.queues)


class SinkQueue:
    """The queue before a slow sink; the newest record is dropped when it is full."""

    def __init__(self, sink: Sink, site: str, guard: Guard, capacity: int) -> None:
        self._sink = sink
        self._site = site
        self._guard = guard
        self.dropped = 0
        self.records: Queue[Record] = Queue(self._served, "genops-sink", capacity)

    def write(self, record: Record) -> None:
        """Queue a record, or count it as dropped."""
        if not self.records.put(record):
            self.dropped += 1

    def _served(self, record: Record) -> None:
        with self._guard.at(self._site):
            self._sink.write(record)
