"""The fan-out: every record to every sink, and a slow one harms nobody."""

from __future__ import annotations

import os
import threading

import pytest

from genops.core.guard import Guard
from genops.core.sinks import FanOut
from support.governed import call
from support.polling import eventually


class Slow:
    """A sink that waits until it is let go."""

    queued = True

    def __init__(self):
        self.records, self.go, self.threads = [], threading.Event(), set()

    def write(self, record):
        assert self.go.wait(20)
        self.threads.add(threading.current_thread())
        self.records.append(record)


def test_a_queued_sink_is_written_from_a_thread_of_its_own(govern):
    """A sink that may wait never keeps the caller waiting; it gets everything in order."""
    slow = Slow()
    governor = govern(sinks=[slow])
    call()
    call()
    assert slow.records == []
    slow.go.set()
    assert governor.fan_out.drain(20)
    assert [type(record).__name__ for record in slow.records] == ["Admitted", "Settled"] * 2
    assert threading.main_thread() not in slow.threads


def test_a_full_queue_drops_the_newest_and_counts(govern):
    """A queue is bounded; what it drops is counted."""
    slow = Slow()
    fan_out = FanOut([slow], Guard(), capacity=3)
    for number in range(10):
        fan_out.write(number)
        if number == 0:
            eventually(lambda: fan_out.queues[0].records.busy)
    assert fan_out.dropped == 6
    slow.go.set()
    assert fan_out.drain(20)
    assert slow.records == [0, 1, 2, 3]


def test_records_without_a_thread_are_dropped_and_counted(monkeypatch):
    """Where no thread can be started a record finds no place; the next one tries again."""
    slow = Slow()
    slow.go.set()
    fan_out, start = FanOut([slow], Guard()), threading.Thread.start

    def none_left(_):
        raise RuntimeError

    monkeypatch.setattr(threading.Thread, "start", none_left)
    fan_out.write(1)
    assert fan_out.drain(0)
    monkeypatch.setattr(threading.Thread, "start", start)
    fan_out.write(2)
    assert fan_out.drain(20)
    assert (slow.records, fan_out.dropped) == ([2], 1)


def test_a_sink_may_name_the_length_of_its_queue():
    """A sink whose records are worth more or less than others' says how many of them may wait."""
    slow, other = Slow(), Slow()
    slow.capacity = 1
    fan_out = FanOut([slow, other], Guard(), capacity=3)
    for number in range(10):
        fan_out.write(number)
        if number == 0:
            eventually(lambda: all(queue.records.busy for queue in fan_out.queues))
    assert [queue.dropped for queue in fan_out.queues] == [8, 6]
    slow.go.set()
    other.go.set()
    assert fan_out.drain(20)


def test_draining_is_bounded():
    """A sink that never comes back delays nobody beyond the bound, and draining says that it was not drained."""
    slow = Slow()
    fan_out = FanOut([slow], Guard())
    fan_out.write(1)
    assert not fan_out.drain(0.01)
    slow.go.set()
    assert fan_out.drain(20)


@pytest.mark.faults
def test_a_queued_sink_that_raises_goes_on():
    """A fault of a queued sink is counted, and the next record is written."""

    class Failing:
        queued = True

        def __init__(self):
            self.records = []

        def write(self, record):
            self.records.append(record)
            raise ZeroDivisionError

    sink, guard = Failing(), Guard()
    fan_out = FanOut([sink], guard)
    fan_out.write(1)
    fan_out.write(2)
    assert fan_out.drain(20)
    assert sink.records == [1, 2]
    assert guard.counts == {"sink:Failing": 2}


def test_closing_lets_the_thread_go_and_a_later_record_brings_a_new_one():
    """A fan-out that is replaced leaves no thread behind, and still writes what comes late."""
    slow = Slow()
    slow.go.set()
    fan_out = FanOut([slow], Guard())
    fan_out.write(1)
    thread = fan_out.queues[0].records._thread
    assert fan_out.close(20)
    eventually(lambda: not thread.is_alive())
    fan_out.write(2)
    assert fan_out.drain(20)
    assert slow.records == [1, 2]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_the_child_of_a_fork_writes_its_own_records_only():
    """What is queued in the parent is written by the parent; the child's queue has a thread of its own."""
    from support.forking import in_child

    slow = Slow()
    fan_out = FanOut([slow], Guard())
    fan_out.write("parent")

    def child():
        slow.go.set()
        fan_out.write("child")
        assert fan_out.drain(20)
        assert slow.records == ["child"]

    in_child(child)
    slow.go.set()
    assert fan_out.drain(20)
    assert slow.records == ["parent"]
