"""What a finalizer or a signal handler does in the middle of the lines that keep captured telemetry and count time."""

from __future__ import annotations

import itertools

from genops.testing import capture, memory, ticks
from support.governed import call
from support.reentry import interrupted

WHO = {"team": "t", "project": "p", "environment": "e"}


def test_governed_calls_in_the_middle_of_capturing_are_captured():
    """At lines of the captured providers another governed call is made: no hang, no error, and every unit is there."""
    times = itertools.count(1)
    made = []

    def meanwhile():
        if next(times) % 7 == 0 and len(made) < 100:
            call(kind=f"table.get{len(made) % 5}")
            made.append(1)

    with capture(**WHO) as seen:
        call()  # what is connected at the first call is not what this is about

        def work():
            for _ in range(3):
                call()
                assert seen.spans
                assert seen.metrics

        interrupted(memory, work, meanwhile)
        spans = seen.spans
        assert len(spans) == len(seen.units) == len(made) + 4 > 50
        assert len({span.span_id for span in spans}) == len(spans)
        (lasted,) = [metric for metric in seen.metrics if metric.name == "genops.operation.duration"]
        assert sum(point.count for point in lasted.points) == len(spans)


def test_a_histogram_loses_no_value_that_is_recorded_in_the_middle():
    """Two values that come at the same time are both in the sum, and reading goes on while labels are added."""
    meters = memory.Meters()
    histogram, counter = meters.create_histogram("h", "s"), meters.create_counter("c")
    numbers = itertools.count()

    def record(number):
        histogram.record(2, {"k": number % 9})
        counter.add(1)

    times = interrupted(
        memory, lambda: [(record(number), meters.read()) for number in range(4)], lambda: record(next(numbers))
    )
    counted, recorded = meters.read()
    assert sum(point.value for point in counted.points) == times + 4 > 50
    assert sum(point.value for point in recorded.points) == 2 * (times + 4)
    assert sum(point.count for point in recorded.points) == times + 4


def test_a_ticking_clock_may_be_read_while_it_ticks():
    """A duration that is measured in the middle of another moves the clock by its own step."""
    clock = ticks.TickingClock(step=1)

    def work():
        assert clock.monotonic() < clock.monotonic()
        clock.advance(10)

    times = interrupted(ticks, work, clock.monotonic)
    assert clock.elapsed == times + 12
