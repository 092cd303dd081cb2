"""Lanes: bounded, counted, flushed and closed in time."""

from __future__ import annotations

import threading
import time

import pytest

from genops.core.guard import Guard
from genops.telemetry.batching import Batching
from genops.telemetry.delivery import Delivery
from genops.telemetry.lanes import CollectLane, DirectLane, QueueLane, close, flush


class Destination:
    """Takes batches when it is let."""

    def __init__(self):
        self.batches = []
        self.threads = set()
        self.accepts = True
        self.gate = threading.Event()
        self.gate.set()
        self.entered = threading.Event()
        self.ended = 0

    def export(self, batch):
        self.entered.set()
        self.gate.wait(30)
        self.threads.add(threading.current_thread())
        self.batches.append(list(batch))
        return len(batch) if self.accepts else 0

    def shutdown(self):
        self.ended += 1


@pytest.fixture
def destination():
    """Where a lane leads."""
    return Destination()


@pytest.fixture
def make(destination):
    """Makes lanes to the destination, and closes them."""
    lanes = []

    def lane(kind=QueueLane, capacity=100, batch=10, interval=60.0, export=destination.export):
        made = kind(
            "test",
            "traces",
            export,
            batching=Batching(capacity, batch, interval),
            guard=Guard(),
            shutdown=destination.shutdown,
        )
        lanes.append(made)
        return made

    yield lane
    destination.gate.set()
    close(lanes, 5)


def counts(lane):
    """Exported, failed, dropped and waiting items."""
    delivery = lane.delivery
    return delivery.exported, delivery.failed, delivery.dropped, delivery.waiting


def test_a_lane_without_items_has_no_thread(make):
    """Nothing runs before it is needed, and an idle lane is flushed at once."""
    lane = make()
    before = threading.active_count()
    assert flush([lane], 5)
    assert threading.active_count() == before


def test_a_flush_delivers_in_order_and_in_batches(make, destination):
    """Everything queued leaves, oldest first, never more at once than the batch."""
    lane = make()
    for number in range(25):
        lane.put(number)
    assert flush([lane], 5)
    assert [item for batch in destination.batches for item in batch] == list(range(25))
    assert max(map(len, destination.batches)) <= 10
    assert counts(lane) == (25, 0, 0, 0)
    assert threading.current_thread() not in destination.threads


def test_a_full_batch_leaves_before_its_time(make, destination):
    """The interval is the longest wait, not the only occasion."""
    lane = make(interval=60.0)
    for number in range(10):
        lane.put(number)
    assert destination.entered.wait(5)


def test_an_item_waits_no_longer_than_the_interval(make, destination):
    """A lone item leaves by itself."""
    make(interval=0.01).put(1)
    assert destination.entered.wait(5)


def test_a_full_queue_counts_what_it_drops(make, destination):
    """What does not fit is dropped, counted, and reported by the next flush once."""
    lane = make(capacity=20, batch=10)
    destination.gate.clear()
    lane.put(0)
    lane.ring()
    assert destination.entered.wait(5)
    for number in range(30):
        lane.put(number)
    destination.gate.set()
    assert not flush([lane], 5)
    assert counts(lane) == (21, 0, 10, 0)
    assert flush([lane], 5)


def test_a_refused_batch_is_a_failed_flush(make, destination):
    """What the destination did not take is failed, even where it was sent before the flush."""
    lane = make(interval=0.01)
    destination.accepts = False
    lane.put(1)
    assert not flush([lane], 5)
    assert counts(lane) == (0, 1, 0, 0)


def test_a_raising_destination_harms_nobody(make, caplog):
    """An exporter that raises is counted and named once, and the lane goes on."""
    lane = make(export=lambda _batch: 1 / 0)
    lane.put(1)
    assert not flush([lane], 5)
    lane.put(2)
    assert not flush([lane], 5)
    assert counts(lane) == (0, 2, 0, 0)
    assert sum("ZeroDivisionError" in record.getMessage() for record in caplog.records) == 1


def test_a_flush_ends_in_time(make, destination):
    """A destination that hangs makes a flush false, not long."""
    lane = make()
    destination.gate.clear()
    lane.put(1)
    started = time.monotonic()
    assert not flush([lane], 0.05)
    assert time.monotonic() - started < 5


def test_a_flush_ends_although_more_comes(make, destination):
    """A program that offers as fast as its destination takes does not hold a flush; the end waits for all of it."""
    offered = iter(range(1, 50))

    def export(batch):
        destination.export(batch)
        for number in offered:
            made.put(number)
            break
        return len(batch)

    made = make(export=export)
    made.put(0)
    assert flush([made], 30)
    assert destination.batches == [[0]]
    assert close([made], 30) == (Delivery("test", "traces", 50, 0, 0, 0),)


def test_lanes_close_together_and_count_what_they_abandon(make, destination):
    """One deadline for all; what was under way or queued is abandoned, and a healthy lane loses nothing."""
    stuck, healthy = make(), make(export=len)
    destination.gate.clear()
    stuck.put(0)
    stuck.ring()
    assert destination.entered.wait(5)
    for lane in (stuck, healthy):
        for number in range(5):
            lane.put(number)
    report = close([stuck, healthy], 0.2)
    assert report == (Delivery("test", "traces", 0, 0, 0, 6), Delivery("test", "traces", 5, 0, 0, 0))


def test_after_the_end_items_are_counted_as_dropped(make, destination):
    """A closed lane takes nothing and says so."""
    lane = make()
    lane.put(1)
    close([lane], 5)
    lane.put(2)
    assert counts(lane) == (1, 0, 1, 0)
    assert destination.ended == 1


def test_threads_lose_nothing(make):
    """Eight threads at once: every item is delivered or counted."""
    lane = make(capacity=50, batch=7, interval=0.001, export=len)
    threads = [threading.Thread(target=lambda: [lane.put(n) for n in range(500)]) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    flush([lane], 10)
    exported, failed, dropped, waiting = counts(lane)
    assert (exported + dropped, failed, waiting) == (4_000, 0, 0)


def test_exporting_in_the_call(make, destination):
    """`async_export=False`: delivered when `put` returns, on the caller's thread."""
    lane = make(DirectLane)
    lane.put(1)
    assert destination.batches == [[1]]
    assert destination.threads == {threading.current_thread()}
    assert flush([lane], 5)


def test_metrics_are_collected_on_request():
    """A flush collects, and so does the end."""
    collections = []
    guard = Guard()
    lane = CollectLane("test", lambda: collections.append(1), interval=60.0, guard=guard, shutdown=lambda: None)
    assert flush([lane], 5)
    close([lane], 5)
    assert len(collections) == 2


def test_a_lane_without_a_thread_to_start_still_delivers(make, monkeypatch):
    """At the interpreter's end no thread starts any more: the flush does the work itself."""
    lane = make(export=len)
    monkeypatch.setattr(lane, "start", lambda: False)
    lane.put(1)
    assert flush([lane], 5)
    assert counts(lane) == (1, 0, 0, 0)
