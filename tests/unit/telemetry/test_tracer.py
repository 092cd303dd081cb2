"""The tracer over the real SDK: times, kinds, identities, sampling and context."""

from __future__ import annotations

import contextvars
import threading

import pytest
from opentelemetry import context, trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF

from genops.core.decisions import Decision, PolicyResult
from genops.core.operation import Action, Facts
from genops.core.records import Outcome, Role
from genops.telemetry.config import TelemetryConfig
from genops.telemetry.tracer import OTelTracer, Sampling, suppressing
from support.records import ENDED, STARTED, admitted, closing, operation, settled

REFUSED = Decision(PolicyResult.BLOCKED, "BUDGET_EXCEEDED", None, "no budget", "daily")


@pytest.fixture
def exporter():
    """Keeps spans."""
    return InMemorySpanExporter()


@pytest.fixture
def sdk(exporter):
    """A tracer of the real SDK."""
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    return provider.get_tracer("genops")


def run(tracer, what=None, record=None, role=Role.UNIT, parent=None):
    """Open and close one operation; return its identity."""
    scope = tracer.open(what or operation(), role, STARTED, parent)
    scope.close(closing(record or settled(unit=scope.unit)))
    return scope.unit


def test_a_span_has_the_times_that_it_is_given(sdk, exporter):
    """Start and end are the spine's, not the tracer's."""
    run(OTelTracer(sdk))
    (span,) = exporter.get_finished_spans()
    assert (span.start_time, span.end_time) == (STARTED, ENDED)


@pytest.mark.parametrize(
    ("library", "kind"), [("databricks-sdk", trace.SpanKind.CLIENT), ("", trace.SpanKind.INTERNAL)]
)
def test_the_kind_tells_library_calls_from_the_programs_own_code(sdk, exporter, library, kind):
    """A library's operation leaves the process; the user's own block does not."""
    run(OTelTracer(sdk), operation(library=library, span_name="genops.databricks.unity_catalog.table.get"))
    (span,) = exporter.get_finished_spans()
    assert span.kind is kind
    assert span.name == "genops.databricks.unity_catalog.table.get"


def test_the_unit_is_the_span(sdk, exporter):
    """The unit's identity is the span's."""
    unit = run(OTelTracer(sdk))
    (span,) = exporter.get_finished_spans()
    assert (unit.trace_id, unit.span_id) == (span.context.trace_id, span.context.span_id)
    assert unit.flags & 1


def test_a_failure_leaves_its_type_and_nothing_else(sdk, exporter):
    """Status error with `error.type`; no exception event, no description that could quote data."""
    record = settled(facts=Facts(error_type="NotFound"), outcome=Outcome.ERROR)
    run(OTelTracer(sdk), record=record)
    (span,) = exporter.get_finished_spans()
    assert span.status.status_code is trace.StatusCode.ERROR
    assert span.status.description is None
    assert span.attributes["error.type"] == "NotFound"
    assert span.events == ()


def test_a_refusal_ends_the_span_as_an_error(sdk, exporter):
    """A refused unit has a span with its reason code."""
    scope = OTelTracer(sdk).open(operation(), Role.UNIT, STARTED)
    scope.close(closing(admission=admitted(decision=REFUSED, held=None)))
    (span,) = exporter.get_finished_spans()
    assert span.status.status_code is trace.StatusCode.ERROR
    assert span.attributes["genops.policy.reason_code"] == "BUDGET_EXCEEDED"


@pytest.mark.undeclared
def test_what_runs_inside_is_a_child(sdk, exporter):
    """Between enter and exit the span is current, and afterwards no more."""
    tracer = OTelTracer(sdk)
    outer = tracer.open(operation("workflow"), Role.CONTAINER, STARTED)
    token = outer.enter()
    inner = run(tracer)
    outer.exit(token)
    assert trace.get_current_span() is trace.INVALID_SPAN
    outer.close(closing(settled(unit=outer.unit)))
    assert inner.trace_id == outer.unit.trace_id
    child = exporter.get_finished_spans()[0]
    assert child.parent.span_id == outer.unit.span_id


def test_a_captured_place_is_the_parent_later(sdk):
    """`here` captures, `open` resumes, in another thread too."""
    tracer = OTelTracer(sdk)
    outer = tracer.open(operation(), Role.UNIT, STARTED)
    token = outer.enter()
    here = tracer.here()
    outer.exit(token)
    found = []
    thread = threading.Thread(target=lambda: found.append(run(tracer, parent=here)))
    thread.start()
    thread.join()
    assert found[0].trace_id == outer.unit.trace_id


def test_leaving_in_another_context_is_quiet(sdk, caplog):
    """A generator may be closed where it was not opened; nobody is told off for that."""
    scope = OTelTracer(sdk).open(operation(), Role.UNIT, STARTED)
    token = contextvars.copy_context().run(scope.enter)
    scope.exit(token)
    assert not [record for record in caplog.records if record.name == "genops"]


def test_trace_context_crosses_processes(sdk):
    """What `inject` writes, `attached` makes current again."""
    tracer = OTelTracer(sdk)
    outer = tracer.open(operation(), Role.UNIT, STARTED)
    token = outer.enter()
    headers = tracer.inject()
    outer.exit(token)
    with tracer.attached(headers):
        unit = run(tracer)
    assert headers["traceparent"].startswith(f"00-{unit.trace_id:032x}-{outer.unit.span_id:016x}-")
    assert unit.trace_id == outer.unit.trace_id
    assert not tracer.inject()


def test_both_ways_to_suppress_are_honoured(sdk):
    """The API's own key and the plain word both count; both are set where genops exports."""
    tracer = OTelTracer(sdk)
    assert not tracer.suppressed()
    for key in ("suppress_instrumentation", context._SUPPRESS_INSTRUMENTATION_KEY):
        token = context.attach(context.set_value(key, True))
        assert tracer.suppressed()
        context.detach(token)
    token = context.attach(suppressing())
    assert tracer.suppressed()
    context.detach(token)


def test_sampling_leaves_out_the_span_and_keeps_the_trace(sdk, exporter):
    """A unit that is not sampled has an identity of its own in its parent's trace, and no span."""
    tracer = OTelTracer(sdk, sampling=Sampling(0.0, {}))
    parent = trace.NonRecordingSpan(trace.SpanContext(7, 8, is_remote=True, trace_flags=trace.TraceFlags(1)))
    unit = run(tracer, parent=trace.set_span_in_context(parent))
    assert unit.trace_id == 7
    assert unit.span_id not in {0, 8}
    assert unit.flags == 0
    assert not exporter.get_finished_spans()


def test_sampling_by_class_of_operation(sdk, exporter):
    """Queries may be kept whole while reads are thinned out."""
    config = TelemetryConfig(sampling_enabled=True, sampling_rate=0.0, sampling_rates={"query": 1.0})
    tracer = OTelTracer(sdk, sampling=Sampling.of(config))
    run(tracer, operation(action=Action.READ))
    run(tracer, operation("table.query", action=Action.QUERY))
    assert [span.name for span in exporter.get_finished_spans()] == ["table.query"]


@pytest.mark.undeclared
def test_sampling_is_decided_by_the_trace(sdk, exporter):
    """Within a trace either all spans of a class are kept or none, and about the share that was asked for."""
    tracer = OTelTracer(sdk, sampling=Sampling(0.5, {}))
    kept = 0
    for _ in range(400):
        outer = tracer.open(operation(), Role.CONTAINER, STARTED)
        token = outer.enter()
        inner = [run(tracer) for _ in range(2)]
        outer.exit(token)
        outer.close(closing(settled(unit=outer.unit)))
        assert {unit.flags & 1 for unit in inner} == {outer.unit.flags & 1}
        assert {unit.trace_id for unit in inner} == {outer.unit.trace_id}
        kept += outer.unit.flags & 1
    assert 130 < kept < 270
    assert len(exporter.get_finished_spans()) == 3 * kept


@pytest.mark.undeclared
def test_sampling_takes_no_spans_from_the_program(sdk, exporter):
    """With the program's provider an unsampled unit does not become current: the program's own spans stay sampled."""
    tracer = OTelTracer(sdk, sampling=Sampling(0.0, {}), own=False)
    scope = tracer.open(operation(), Role.UNIT, STARTED)
    token = scope.enter()
    with sdk.start_as_current_span("the program's own"):
        pass
    scope.exit(token)
    assert [span.name for span in exporter.get_finished_spans()] == ["the program's own"]


@pytest.mark.parametrize(
    "tracer", [None, trace.NoOpTracer(), TracerProvider(ALWAYS_OFF, shutdown_on_exit=False).get_tracer("genops")]
)
def test_every_unit_has_an_identity_of_its_own(tracer):
    """Whatever makes spans, or makes none: identities are valid, new and in the trace around them."""
    tracer = OTelTracer(tracer)
    outer = tracer.open(operation(), Role.UNIT, STARTED)
    token = outer.enter()
    inner = [run(tracer) for _ in range(2)]
    outer.exit(token)
    outer.close(closing(settled(unit=outer.unit)))
    assert len({unit.span_id for unit in (outer.unit, *inner)} - {0}) == 3
    assert len({unit.trace_id for unit in (outer.unit, *inner)} - {0}) == 1
