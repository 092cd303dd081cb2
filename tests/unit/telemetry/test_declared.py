"""The fixture that holds every test's telemetry against the registry sees what it should see."""

from __future__ import annotations

import pytest
from opentelemetry._logs import LogRecord
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import TracerProvider

import genops
from genops.testing import runtime
from support.declared import recorder

pytestmark = pytest.mark.undeclared


@pytest.fixture(autouse=True)
def _fresh():
    recorder.reset()


def names(signal):
    """What is wrong, by name, with what was emitted of a signal."""
    return {violation.name for kind, _, violation in recorder.faults() if kind == signal}


def test_undeclared_attributes_of_spans_and_of_their_events_are_seen():
    """A span of genops' scope is looked at when it ends, its events too; spans of others are not."""
    for scope in ("genops", "theirs"):
        with TracerProvider().get_tracer(scope).start_as_current_span("x", attributes={f"{scope}.nonsense": 1}) as span:
            span.add_event("genops.policy.evaluated", {"of.nobody": 1})
    assert "genops.nonsense" in names("span")
    assert "of.nobody" in names("event")
    assert "theirs.nonsense" not in names("span")


def test_undeclared_events_are_seen():
    """A log record of genops' scope is looked at when it is emitted."""
    LoggerProvider(shutdown_on_exit=False).get_logger("genops").emit(LogRecord(event_name="genops.of.nobody"))
    assert names("event") == {"genops.of.nobody"}


def test_undeclared_labels_and_metrics_are_seen():
    """What is recorded is looked at at once, what is observed when it is read."""
    from opentelemetry.metrics import Observation

    reader = InMemoryMetricReader()
    meter = MeterProvider(metric_readers=[reader], shutdown_on_exit=False).get_meter("genops")
    meter.create_histogram("genops.operation.duration").record(1, {"genops.table_name": "t"})
    meter.create_observable_gauge("genops.of.nobody", [lambda _: [Observation(1, {})]])
    assert "genops.table_name" in names("point")
    reader.get_metrics_data()
    assert "genops.of.nobody" in names("point")


def test_an_instrument_that_is_not_watched_is_an_error():
    """A new way of emitting a metric cannot pass by."""
    with pytest.raises(AssertionError, match="create_counter"):
        _ = MeterProvider(shutdown_on_exit=False).get_meter("genops").create_counter


def test_what_a_program_names_itself_is_its_own(tmp_path):
    """Attributes that a program gives are not looked for in the registry; what genops adds is."""
    with (
        runtime(export=str(tmp_path / "x.jsonl"), team="t", project="p", environment="e"),
        genops.operation("load", writes=["main.sales.orders"]) as running,
    ):
        running.observe(attributes={"my.own": 1})
    assert any("my.own" in one.attributes for one in recorder.emitted)
    assert recorder.faults() == []
