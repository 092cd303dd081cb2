"""What genops takes for itself: histograms that are fed at collection, and nothing at all where nobody asked."""

from __future__ import annotations

import os
import threading

import pytest
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader

import genops
from genops.core import current
from genops.core.decisions import Mode
from genops.core.governor import Governor, Settings
from genops.core.guard import Guard
from genops.core.part import Part
from genops.core.timed import TimedGovernor
from genops.core.unit import Unit
from genops.telemetry.delivery import Delivery
from genops.telemetry.export import Sender
from genops.telemetry.metrics import Sources, view
from genops.telemetry.performance import _MAX_WAITING, BOUNDARIES, Performance
from genops.testing import runtime
from support.forking import in_child
from support.governed import SECRET, Clearance, call

ADMIT, SETTLE = "genops.internal.admit.duration", "genops.internal.settle.duration"
EXPORT, QUEUE = "genops.telemetry.export.duration", "genops.telemetry.queue.size"


class Times:
    """A stopwatch that keeps what it is told."""

    def __init__(self):
        self.admissions, self.settlements = [], []
        self.admitted, self.settled = self.admissions.append, self.settlements.append


@pytest.fixture
def reader():
    """Collects."""
    return InMemoryMetricReader()


@pytest.fixture
def found(reader):
    """The view of a program's meter provider."""
    deliveries = [Delivery("otlp", "traces", 1, 0, 0, 3), Delivery("x.jsonl", "traces", 1, 0, 0, 4)]
    provider = MeterProvider(metric_readers=[reader], shutdown_on_exit=False)
    found = view(provider, Sources(None, None, Guard(), lambda: deliveries, "USD"))
    found.provider = provider
    return found


def points(reader, name):
    """Points of a metric."""
    data = reader.get_metrics_data()
    metrics = [] if data is None else [m for r in data.resource_metrics for s in r.scope_metrics for m in s.metrics]
    return [point for metric in metrics if metric.name == name for point in metric.data.data_points]


def counts(reader, name):
    """Count of each series, by the values of its labels."""
    return {tuple(point.attributes.values()): point.count for point in points(reader, name)}


def test_units_and_parts_are_timed_refusals_too(monkeypatch):
    """One admission each, of a refusal as well; one settlement for each that ran; all of it positive."""
    times = Times()
    governor = TimedGovernor(times, Settings(mode=Mode.ENFORCE), policy=Clearance(SECRET))
    monkeypatch.setattr(current.slot, "governor", governor)
    call(lambda: call(lambda: "inner", library="other"))
    assert (len(times.admissions), len(times.settlements)) == (2, 2)
    with pytest.raises(genops.PolicyDenied):
        call(op_reads=(SECRET,))
    assert (len(times.admissions), len(times.settlements)) == (3, 2)
    with pytest.raises(ZeroDivisionError):
        call(lambda: 1 / 0)
    assert len(times.settlements) == 3
    assert all(seconds > 0 for seconds in (*times.admissions, *times.settlements))


def test_whoever_does_not_ask_runs_the_plain_governor():
    """No stopwatch stands in the way of a call: the governor, its units and its parts are the plain ones."""
    with runtime() as plain:
        assert type(plain.governor) is Governor
        assert (plain.governor.unit_type, plain.governor.part_type) == (Unit, Part)
        assert plain.telemetry.performance is None
    with runtime(performance_metrics=True) as timed:
        assert type(timed.governor) is TimedGovernor


def test_times_become_histograms_when_metrics_are_read(reader, found):
    """In seconds, with buckets from ten microseconds to ten seconds."""
    performance = Performance()
    found.measure(performance)
    for seconds in (0.00002, 0.002):
        performance.admitted(seconds)
    performance.settled(0.5)
    (point,) = points(reader, ADMIT)
    assert (point.count, point.sum) == (2, pytest.approx(0.00202))
    assert point.explicit_bounds == BOUNDARIES
    assert counts(reader, SETTLE) == {(): 1}


def test_exports_are_told_apart_by_what_became_of_them(reader, found):
    """All, some or none accepted; an exporter that raises is one that failed, and its error goes on."""
    performance = Performance()
    found.measure(performance)

    def raising(_batch, _size):
        raise OSError

    for send in (lambda _b, _s: 2, lambda _b, _s: 1, lambda _b, _s: 0):
        performance.timed("traces", Sender(send)).send([1, 2], 2)
    with pytest.raises(OSError):
        performance.timed("logs", Sender(raising)).send([1], 1)
    assert counts(reader, EXPORT) == {
        ("traces", "accepted"): 1,
        ("traces", "partial"): 1,
        ("traces", "failed"): 1,
        ("logs", "failed"): 1,
    }


def test_the_queues_of_all_destinations_are_added_up(reader, found):
    """By signal; without the setting there is no such series, also where a runtime before had it."""
    found.measure(Performance())
    assert [(dict(p.attributes), p.value) for p in points(reader, QUEUE)] == [
        ({"genops.telemetry.signal": "traces"}, 7)
    ]
    view(found.provider, found.sources)
    assert points(reader, QUEUE) == []


def test_a_runtime_that_follows_loses_nothing_of_the_one_before(reader, found):
    """What waited is recorded before another runtime's times are read at the same provider."""
    first, second = Performance(), Performance()
    found.measure(first)
    first.admitted(0.1)
    view(found.provider, found.sources).measure(second)
    second.admitted(0.1)
    assert counts(reader, ADMIT) == {(): 2}


def test_waiting_times_are_bounded_and_none_is_lost(reader, found):
    """Beyond the bound each further time records two: memory stays, and every one counts."""
    performance = Performance()
    found.measure(performance)
    for _ in range(3 * _MAX_WAITING):
        performance.admitted(0.001)
    assert len(performance._waiting) <= _MAX_WAITING
    assert counts(reader, ADMIT) == {(): 3 * _MAX_WAITING}


def test_threads_that_read_at_once_count_each_time_once(reader, found):
    """Drains from several threads share what waits."""
    performance = Performance()
    found.measure(performance)
    for _ in range(_MAX_WAITING):
        performance.settled(0.001)
    threads = [threading.Thread(target=performance.drain) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert counts(reader, SETTLE) == {(): _MAX_WAITING}


def test_without_a_reader_nothing_is_kept():
    """Where no metrics leave, times are let go at once."""
    performance = Performance()
    performance.admitted(0.1)
    assert not performance._waiting


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this platform")
def test_a_forked_child_begins_anew(found):
    """What the parent had measured stays the parent's."""
    performance = Performance()
    found.measure(performance)
    performance.admitted(0.1)

    def anew():
        assert not performance._waiting
        assert performance.instruments is None

    in_child(anew)
    assert len(performance._waiting) == 1
