"""Validation: every way of not keeping to the registry is named, counted and said once, and nothing else happens."""

from __future__ import annotations

import logging

import pytest
from opentelemetry.metrics import Observation
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from genops.core.attribution import Attribution
from genops.core.decisions import Decision, PolicyResult
from genops.core.guard import Guard
from genops.core.operation import Facts
from genops.telemetry.config import TelemetryConfig
from genops.telemetry.events import SpanEvents, attributed, events_of
from genops.telemetry.metrics import Durations, Sources, view
from genops.telemetry.providers import Telemetry
from genops.telemetry.semconv import EVENT_ATTRIBUTES, Attr, Event, Metric
from genops.telemetry.spans import end_attributes, start_attributes
from genops.telemetry.tracer import OTelTracer
from genops.telemetry.validation import Validation, Violation, of_event, of_point, of_span
from support.declared import recorder
from support.records import (
    FixedBudgets,
    FixedTotals,
    Role,
    adjusted,
    admitted,
    closing,
    operation,
    row,
    run_unit,
    settled,
)

UNIT = {
    **start_attributes(operation(), Role.UNIT),
    **end_attributes(closing(settled()), governed=True),
}
EVALUATED = attributed(admitted(), events_of(admitted())[0])


@pytest.mark.parametrize(
    ("change", "violation"),
    [
        ({"genops.nonsense": 1}, Violation("undeclared", "genops.nonsense")),
        ({"databricks.nonsense": 1}, Violation("undeclared", "databricks.nonsense")),
        ({Attr.WORKFLOW_UNITS: 1}, Violation("misplaced", Attr.WORKFLOW_UNITS)),
        ({Attr.TEAM: None}, Violation("missing", Attr.TEAM)),
        ({Attr.ACTUAL: 1}, Violation("wrong_type", Attr.ACTUAL)),
        ({Attr.ROW_COUNT: True}, Violation("wrong_type", Attr.ROW_COUNT)),
        ({Attr.ROW_COUNT: "1"}, Violation("wrong_type", Attr.ROW_COUNT)),
        ({Attr.INCOMPLETE: "true"}, Violation("wrong_type", Attr.INCOMPLETE)),
        ({Attr.LINEAGE_INPUTS: "main.a"}, Violation("wrong_type", Attr.LINEAGE_INPUTS)),
        ({Attr.LINEAGE_INPUTS: ("main.a", 1)}, Violation("wrong_type", Attr.LINEAGE_INPUTS)),
        ({Attr.PROVIDER: 1}, Violation("wrong_type", Attr.PROVIDER)),
        ({Attr.POLICY_CHECK: "PASSED"}, Violation("wrong_value", Attr.POLICY_CHECK)),
        ({Attr.POLICY_REASON_CODE: "NO"}, Violation("wrong_value", Attr.POLICY_REASON_CODE)),
        ({Attr.ACCOUNTING_UNIT: "usd"}, Violation("wrong_value", Attr.ACCOUNTING_UNIT)),
        ({Attr.SPEC_VERSION: "0.2.0"}, Violation("wrong_value", Attr.SPEC_VERSION)),
        ({Attr.OPERATION_ROLE: "guest"}, Violation("wrong_value", Attr.OPERATION_ROLE)),
    ],
)
def test_each_way_of_being_wrong_is_named(change, violation):
    """A unit's span as genops makes it is right; changed in one place it is wrong in that place."""
    changed = {name: value for name, value in {**UNIT, **change}.items() if value is not None}
    assert of_span(UNIT) == []
    assert of_span(changed) == [violation]


@pytest.mark.parametrize(
    "right",
    [
        {"my.own": object()},
        {Attr.POLICY_REASON_CODE: "x_mine"},
        {Attr.POLICY_REASON_CODE: "SLA_LATENCY_VIOLATION"},
        {Attr.UNPRICED_REASON: "no_price_for_cluster"},
        {Attr.ACCOUNTING_UNIT: "EUR"},
        {Attr.LINEAGE_INPUTS: ["main.a", "main.b"]},
    ],
)
def test_what_is_right_is_left_alone(right):
    """Names of the program's own, open sets and lists are no violations."""
    assert of_span({**UNIT, **right}) == []


@pytest.mark.parametrize("name", sorted(EVENT_ATTRIBUTES))
def test_an_event_is_checked_in_both_forms(name):
    """A span event leaves to its span what a log record must say; what both must say is asked of both."""
    carried = EVENT_ATTRIBUTES[name]
    assert {v.name for v in of_event(name, {})} == carried.required
    assert {v.name for v in of_event(name, {}, log=False)} == carried.required - carried.log


def test_an_unknown_event_and_a_strange_label_are_named():
    """An event that nobody declared is a violation itself; a label that a metric does not have is misplaced."""
    assert of_event("genops.budget.alert", {}) == [Violation("undeclared", "genops.budget.alert")]
    assert of_event(Event.POLICY_EVALUATED, EVALUATED) == []
    assert of_point(Metric.FAULTS, {Attr.SITE: "policy", Attr.TABLE_NAME: "t"}) == [
        Violation("misplaced", Attr.TABLE_NAME)
    ]


def test_everything_is_counted_and_each_name_is_said_once(caplog):
    """Items are counted by signal and problem; a name is logged once, without its value."""
    validation = Validation(Guard())
    with caplog.at_level(logging.WARNING, "genops"):
        for _ in range(3):
            validation.span("table.get", {**UNIT, "genops.a": "secret", "genops.b": 1, Attr.ACTUAL: "x"})
        validation.event("genops.nothing", {}, log=True)
        validation.labels(Metric.FAULTS, {})
    assert validation.counts == {
        ("traces", "undeclared"): 3,
        ("traces", "wrong_type"): 3,
        ("logs", "undeclared"): 1,
        ("metrics", "missing"): 1,
    }
    assert sum(record.name == "genops" for record in caplog.records) == 5
    assert "genops.a on table.get" in caplog.text
    assert "secret" not in caplog.text


def test_names_that_are_said_are_bounded(caplog):
    """A program that makes up names does not fill the log or the memory; they are still counted."""
    validation = Validation(Guard())
    with caplog.at_level(logging.WARNING, "genops"):
        for number in range(1_500):
            validation.span("table.get", {**UNIT, f"genops.made.up{number}": 1})
    assert sum(record.name == "genops" for record in caplog.records) == 1_000
    assert validation.counts == {("traces", "undeclared"): 1_500}


@pytest.mark.faults
def test_a_fault_of_the_check_is_caught():
    """A value that cannot even be looked at harms nobody."""

    class Broken:
        def __hash__(self):
            raise RuntimeError

    guard = Guard()
    Validation(guard).span("table.get", {**UNIT, Attr.POLICY_RESULT: Broken()})
    assert guard.counts == {"telemetry.validate": 1}


@pytest.mark.undeclared
@pytest.mark.parametrize("form", ["log", "span"])
def test_both_forms_of_events_are_checked_where_they_leave(tmp_path, form):
    """Spans and events of every unit are checked once, however many destinations there are; off, nothing is."""
    odd = Decision(PolicyResult.WARNING, "ODD")
    files = (tmp_path / "a.jsonl", tmp_path / "b.jsonl")

    def counts(*, validate):
        config = TelemetryConfig(export=files, events=form, validate=validate)
        telemetry = Telemetry.build(config, guard=Guard())
        run_unit(telemetry.tracer, telemetry.sinks, decision=odd, facts=Facts(attributes={"genops.nonsense": 1}))
        telemetry.flush(20)
        telemetry.shutdown(5)
        return telemetry.validation and telemetry.validation.counts

    wrong = {("traces", "wrong_value"): 2} if form == "span" else {(s, "wrong_value"): 1 for s in ("traces", "logs")}
    assert counts(validate=True) == {("traces", "undeclared"): 1, **wrong}
    assert counts(validate=False) is None


def test_labels_are_checked_where_metrics_are_read():
    """A point with a label that its metric does not have is counted, and the count is a metric itself."""
    reader = InMemoryMetricReader()
    guard = Guard()
    guard.counts[7] = 1  # type: ignore[index]
    validation = Validation(guard)
    nobody = settled(operation(attribution=Attribution({})))
    sources = Sources(FixedTotals(row(units=1)), FixedBudgets(), guard, list, "USD", validation=validation)
    found = view(MeterProvider(metric_readers=[reader], shutdown_on_exit=False), sources)
    Durations(found).write(nobody)
    reader.get_metrics_data()
    assert validation.counts == {("metrics", "wrong_type"): 1}
    data = reader.get_metrics_data()
    points = [
        (point.value, dict(point.attributes))
        for resource in data.resource_metrics
        for scope in resource.scope_metrics
        for metric in scope.metrics
        if metric.name == "genops.telemetry.invalid"
        for point in metric.data.data_points
    ]
    recorder.reset()
    # However often it is read, it is one set of labels.
    assert points == [(1, {Attr.SIGNAL: "metrics", Attr.PROBLEM: "wrong_type"})]


def test_a_set_of_labels_counts_once():
    """Not by collections or readers; another set, or another metric, is another item, and their number is bounded."""
    validation = Validation(Guard())
    odd = [Observation(1, {Attr.SITE: "policy", Attr.TABLE_NAME: "t"})]
    for _ in range(3):
        assert list(validation.points(Metric.FAULTS, odd)) == odd
    assert validation.counts == {("metrics", "misplaced"): 1}
    list(validation.points(Metric.EVICTED, odd))
    list(validation.points(Metric.FAULTS, [Observation(1, {Attr.SITE: "ledger", Attr.TABLE_NAME: "t"})]))
    assert validation.counts == {("metrics", "misplaced"): 3}
    for number in range(3_000):
        validation.labels(Metric.FAULTS, {Attr.SITE: "policy", Attr.TABLE_NAME: f"t{number}"})
    assert validation.counts == {("metrics", "misplaced"): 2_000}


def test_what_genops_makes_itself_is_right():
    """A unit with span events draws no violation; a correction comes too late for a span event, and is left alone."""
    validation = Validation(Guard())
    provider = TracerProvider()
    exporter = InMemorySpanExporter()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    spans = {}
    tracer = OTelTracer(provider.get_tracer("genops"), spans=spans, validation=validation)
    sink = SpanEvents(spans, validation)
    run_unit(tracer, [sink])
    sink.write(adjusted())
    assert validation.counts == {}
    assert len(exporter.get_finished_spans()) == 1
