"""Lanes: the way of one signal to one destination, with its own thread, a bounded queue and an honest count.

The SDK's batch processors ignore the timeout of a flush, call a failed export a success, do not say what a full queue
dropped and start their threads early. A lane starts its thread at the first item, counts what its destination accepted
and what it did not, and is flushed and closed within a given time. What the caller's thread touches is a deque and a
`SimpleQueue`, both without locks of Python's, so that a signal handler may flush whatever the program was doing.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, Any

from opentelemetry import context as otel_context

from genops.telemetry.delivery import Delivery
from genops.telemetry.tracer import suppressing

if TYPE_CHECKING:
    from genops.core.guard import Guard
    from genops.telemetry.batching import Batching


_log = logging.getLogger("genops")


class Request:
    """A flush that a lane was asked for."""

    __slots__ = ("done", "last")

    def __init__(self, *, last: bool) -> None:
        self.done = threading.Event()
        self.last = last


class Lane:
    """What lanes share: the thread, the requests to it and the counts.

    Args:
        destination: Name of the destination.
        signal: Name of the signal.
        interval: Seconds between two exports.
        guard: Counts faults of the lane itself.
        shutdown: Releases the exporter.
        repeated: Returns how many items were sent again after an attempt without an answer.
    """

    def __init__(
        self,
        destination: str,
        signal: str,
        interval: float,
        guard: Guard,
        shutdown: Callable[[], object],
        repeated: Callable[[], int],
    ) -> None:
        self.destination = destination
        self.signal = signal
        self.exported = 0
        self.failed = 0
        self.dropped: int = 0
        self.closed = False
        self._in_flight = 0
        self._interval = interval
        self._guard = guard
        self._shutdown = shutdown
        self._repeated = repeated
        self._bell: SimpleQueue[Request | None] = SimpleQueue()
        self._thread: threading.Thread | None = None
        self._lock = threading.RLock()
        self._told = 0
        self._complained = False

    @property
    def waiting(self) -> int:
        """Items queued or under way."""
        return self._in_flight

    @property
    def delivery(self) -> Delivery:
        """The counts as they stand."""
        counts = (self.exported, self.failed, self.dropped, self.waiting, self._repeated())
        return Delivery(self.destination, self.signal, *counts)

    def work(self) -> None:
        """Export everything there is."""
        raise NotImplementedError

    def drain(self) -> None:
        """Export everything there is, and what comes meanwhile."""
        self.work()

    def ask(self, *, last: bool = False) -> Request:
        """Ask for everything to be exported; with `last`, for the end of the lane too."""
        request = Request(last=last)
        if self.closed:
            request.done.set()
        elif self.start():
            self._bell.put(request)
        else:
            self._answer(request)
        return request

    def told(self) -> bool:
        """Return whether nothing was lost since this was last asked."""
        lost = self.delivery.lost
        fresh, self._told = lost - self._told, lost
        return fresh == 0

    def abandon(self) -> None:
        """End the lane where it stands; what it had not delivered stays counted as waiting."""
        self.closed = True
        with self._guard.at("telemetry.shutdown"):
            self._shutdown()

    def start(self) -> bool:
        """Make sure that the thread runs; False where the interpreter starts no more threads."""
        if self._thread is not None:
            return True
        with self._lock:
            if self._thread is None:
                thread = threading.Thread(target=self._serve, name=f"genops-{self.signal}", daemon=True)
                try:
                    thread.start()
                except RuntimeError:
                    return False
                self._thread = thread
        return True

    def send(self, size: int, export: Callable[[], int]) -> None:
        """Run one export of `size` items and count what it says was accepted."""
        self._in_flight = size
        accepted = 0
        try:
            accepted = export()
        except Exception as fault:  # some exporters raise where nobody listens; what is lost is counted below
            self._complain(fault)
        finally:
            self.exported += accepted
            self.failed += size - accepted
            self._in_flight = 0

    def _complain(self, fault: Exception) -> None:
        if not self._complained:
            self._complained = True
            _log.warning(
                "genops: export of %s to %s failed with %s; further failures are only counted.",
                self.signal,
                self.destination,
                type(fault).__qualname__,
            )

    def ring(self) -> None:
        """Wake the thread before its time."""
        self._bell.put(None)

    def _serve(self) -> None:
        otel_context.attach(suppressing())
        while not self.closed:
            try:
                request = self._bell.get(timeout=self._interval)
            except Empty:
                request = None
            self._answer(request)

    def _answer(self, request: Request | None) -> None:
        last = request is not None and request.last
        with self._guard.at(f"telemetry.{self.signal}"):
            (self.drain if last else self.work)()
        if request is not None:
            if last:
                self.abandon()
            request.done.set()


class QueueLane(Lane):
    """The lane of spans or log records.

    Args:
        destination: Name of the destination.
        signal: Name of the signal.
        export: Exports a batch and returns how many of it were accepted.
        batching: Items that may wait (a newer one is dropped and counted), items in one export, and how long they wait.
        guard: Counts faults of the lane itself.
        shutdown: Releases the exporter.
        repeated: Returns how many items were sent again after an attempt without an answer.
    """

    def __init__(
        self,
        destination: str,
        signal: str,
        export: Callable[[Sequence[Any]], int],
        *,
        batching: Batching,
        guard: Guard,
        shutdown: Callable[[], object],
        repeated: Callable[[], int] = lambda: 0,
    ) -> None:
        super().__init__(destination, signal, batching.interval, guard, shutdown, repeated)
        self._export = export
        self._capacity = batching.capacity
        self._batch = batching.batch
        self._queue: deque[Any] = deque()

    @property
    def waiting(self) -> int:
        """Items queued or under way."""
        return len(self._queue) + self._in_flight

    def put(self, item: object) -> None:
        """Queue an item, or count it as dropped."""
        queue = self._queue
        waiting = len(queue)
        if self.closed or waiting >= self._capacity:
            with self._lock:
                self.dropped += 1
            return
        queue.append(item)
        if self._thread is None:
            self.start()
        elif waiting + 1 == self._batch:
            self.ring()

    def ask(self, *, last: bool = False) -> Request:
        """Ask as every lane; one that never had an item has nothing to wait for."""
        if self._thread is None and not self._queue:
            request = Request(last=last)
            if last:
                self.abandon()
            request.done.set()
            return request
        return super().ask(last=last)

    def work(self) -> None:
        """Export batch by batch what waits now, unless the lane was abandoned.

        What comes meanwhile is for the next time: with a slow destination and a busy program a flush would never end.
        """
        queue = self._queue
        left = len(queue)
        while left and not self.closed:
            batch = [queue.popleft() for _ in range(min(self._batch, left))]
            left -= len(batch)
            self.send(len(batch), lambda batch=batch: self._export(batch))
        if len(queue) >= self._batch:
            self.ring()

    def drain(self) -> None:
        """Export until the queue is empty, or the lane was abandoned."""
        while self._queue and not self.closed:
            self.work()


class DirectLane(QueueLane):
    """The lane that exports in the call (`async_export = False`)."""

    def put(self, item: object) -> None:
        """Export one item."""
        with self._lock:
            if self.closed:
                super().put(item)
                return
            token = otel_context.attach(suppressing(otel_context.get_current()))
            try:
                self.send(1, lambda: self._export([item]))
            finally:
                otel_context.detach(token)


class CollectLane(Lane):
    """The lane of metrics: collects at each interval, and when it is asked to.

    Args:
        destination: Name of the destination.
        collect: Collects once; what it collects goes through `send`.
        interval: Seconds between two collections.
        guard: Counts faults of the lane itself.
        shutdown: Releases the exporter.
        repeated: Returns how many points were sent again after an attempt without an answer.
    """

    def __init__(
        self,
        destination: str,
        collect: Callable[[], object],
        *,
        interval: float,
        guard: Guard,
        shutdown: Callable[[], object],
        repeated: Callable[[], int] = lambda: 0,
    ) -> None:
        super().__init__(destination, "metrics", interval, guard, shutdown, repeated)
        self._collect = collect

    def work(self) -> None:
        """Collect, and with that export."""
        if not self.closed:
            self._collect()


def flush(lanes: Iterable[Lane], timeout: float) -> bool:
    """Export everything queued, all lanes at once.

    Args:
        lanes: The lanes.
        timeout: Seconds for all of them together.

    Returns:
        Whether everything offered since the last flush was accepted by its destination.
    """
    lanes = tuple(lanes)
    deadline = time.monotonic() + timeout
    requests = [lane.ask() for lane in lanes]
    arrived = [request.done.wait(max(deadline - time.monotonic(), 0)) for request in requests]
    unharmed = [lane.told() for lane in lanes]
    return all(arrived) and all(unharmed)


def close(lanes: Iterable[Lane], timeout: float) -> tuple[Delivery, ...]:
    """Export what there is and end, all lanes at once; after `timeout` seconds the rest is abandoned.

    Returns:
        What became of everything, with what was abandoned as `waiting`.
    """
    lanes = tuple(lanes)
    deadline = time.monotonic() + timeout
    requests = [lane.ask(last=True) for lane in lanes]
    for lane, request in zip(lanes, requests, strict=True):
        if not request.done.wait(max(deadline - time.monotonic(), 0)):
            lane.abandon()
    return tuple(lane.delivery for lane in lanes)
