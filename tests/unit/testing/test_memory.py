"""Providers in memory, as OpenTelemetry's API has them."""

from __future__ import annotations

from opentelemetry import trace

from genops.testing import capturing, memory


def test_instruments_of_every_kind_are_read() -> None:
    """Counters add up, gauges keep the last value, histograms sum and count; an instrument exists once."""
    meters = memory.Meters()
    for value in (2, 3):
        meters.create_counter("c", "1").add(value, {"k": "a"})
        meters.create_up_down_counter("u", "1").add(-value)
        meters.create_gauge("g", "1").set(value)
        meters.create_histogram("h", "s").record(value)
    points = {metric.name: metric.points[0] for metric in meters.read()}
    assert {name: (point.value, point.count) for name, point in points.items()} == {
        "c": (5, None),
        "g": (3, None),
        "h": (5, 2),
        "u": (-5, None),
    }
    assert points["c"].labels == {"k": "a"}


def test_spans_behave_as_the_api_says() -> None:
    """An ended span changes no more; an exception leaves its class and not its message."""
    kept = memory.Memory(10)
    span = memory.Tracers(kept, capturing.CountedIds()).start_span("before", start_time=5)
    span.set_attribute("a", [1, 2])
    span.set_attribute("nothing", None)
    span.record_exception(ValueError("a secret"))
    span.update_name("after")
    span.set_status(trace.StatusCode.ERROR)
    span.end(7)
    span.set_attribute("late", 1)
    span.add_event("late")
    span.end(9)
    (captured,) = kept.spans
    assert (captured.name, captured.status, captured.started_ns, captured.ended_ns) == ("after", "error", 5, 7)
    assert captured.attributes == {"a": (1, 2)}
    assert [event.attributes for event in captured.events] == [{"exception.type": "ValueError"}]
    assert span.is_recording() is False
