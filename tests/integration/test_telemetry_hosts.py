"""Programs with providers of their own, with some of them, with none, and without OpenTelemetry's SDK."""

from __future__ import annotations

import json

import pytest

from support.otlp import Receiver, plain
from support.programs import run

TRACES = """
from opentelemetry import trace
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
spans = InMemorySpanExporter()
tracing = TracerProvider(resource=Resource.create({"service.name": "host"}))
tracing.add_span_processor(SimpleSpanProcessor(spans))
trace.set_tracer_provider(tracing)
"""
LOGS_AND_METRICS = """
from opentelemetry import _logs, metrics
from opentelemetry.sdk import _logs as sdk_logs
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs import export as log_export
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
logs = getattr(log_export, "InMemoryLogRecordExporter", getattr(log_export, "InMemoryLogExporter", None))()
simple = log_export.SimpleLogRecordProcessor(logs)
logging_ = LoggerProvider()
logging_.add_log_record_processor(simple)
_logs.set_logger_provider(logging_)
reader = InMemoryMetricReader()
metering = MeterProvider(metric_readers=[reader])
metrics.set_meter_provider(metering)
"""
NAMES = """
def names():
    data = reader.get_metrics_data()
    if data is None:
        return set()
    return {m.name for r in data.resource_metrics for s in r.scope_metrics for m in s.metrics}
"""


@pytest.fixture
def receiver():
    """A receiver of genops' own exports."""
    with Receiver() as running:
        yield running


def test_the_programs_providers_are_used(receiver):
    """Spans, events and metrics go where the program's own go, below its spans, and nothing is sent besides."""
    run(
        TRACES
        + LOGS_AND_METRICS
        + NAMES
        + """
telemetry = build()
with tracing.get_tracer("app").start_as_current_span("request") as request:
    (unit,) = run(telemetry)
assert unit.trace_id == request.get_span_context().trace_id
assert [span.name for span in spans.get_finished_spans()] == ["table.get", "request"]
assert spans.get_finished_spans()[0].resource.attributes["service.name"] == "host"
assert [item.log_record.event_name for item in logs.get_finished_logs()][0] == "genops.policy.evaluated"
assert "genops.operations" in names()
assert telemetry.flush(5)
assert telemetry.shutdown() == ()
assert "genops.operations" not in names()
assert trace.get_tracer_provider() is tracing
with tracing.get_tracer("app").start_as_current_span("later"):
    pass
assert len(spans.get_finished_spans()) == 3
assert not guard.faults, guard.faults
""",
        OTEL_EXPORTER_OTLP_ENDPOINT=receiver.endpoint,
    )
    assert not receiver.requests


def test_an_explicit_export_sees_genops_only(receiver, tmp_path):
    """Asked for by name, genops' exporter joins the program's providers and takes nothing of the program's."""
    path = tmp_path / "out.jsonl"
    run(
        TRACES
        + LOGS_AND_METRICS
        + NAMES
        + f"""
telemetry = build(export=({str(path)!r}, "otlp"))
with tracing.get_tracer("app").start_as_current_span("secret of the app"):
    run(telemetry)
logging_.get_logger("app").emit(type(logs.get_finished_logs()[0].log_record)(body="secret of the app"))
assert telemetry.flush(5)
assert not [name for name in names() if name.startswith("genops")]
telemetry.shutdown()
run(telemetry)
assert not guard.faults, guard.faults
""",
        OTEL_EXPORTER_OTLP_ENDPOINT=receiver.endpoint,
    )
    assert [span.name for span, *_ in receiver.spans()] == ["table.get"]
    assert len(receiver.logs()) == 3
    assert receiver.metrics()
    lines = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    assert {next(iter(line)) for line in lines} == {"resourceSpans", "resourceLogs", "resourceMetrics"}
    assert "secret of the app" not in path.read_text(encoding="utf-8")


@pytest.mark.parametrize("sampled", [False, True])
def test_traces_only_and_nowhere_else_to_go(sampled):
    """Events become span events, with one notice; sampling, which would lose them, is off and says so."""
    out = run(
        TRACES
        + f"""
telemetry = build(sampling_enabled={sampled}, sampling_rate=0.0)
run(telemetry, 3)
for span in spans.get_finished_spans():
    assert len(span.events) == 3, span.events
assert len(spans.get_finished_spans()) == 3
assert not guard.faults, guard.faults
"""
    )
    assert out.count("events leave as span events") == 1
    assert ("sampling is off" in out) is sampled


def test_traces_only_with_an_endpoint(receiver):
    """With an endpoint the events leave as log records through a provider of genops' own, which stays private."""
    run(
        TRACES
        + """
from opentelemetry import _logs
telemetry = build()
run(telemetry)
assert telemetry.flush(5)
(span,) = spans.get_finished_spans()
assert not span.events
assert type(_logs.get_logger_provider()).__name__ == "ProxyLoggerProvider"
assert not guard.faults, guard.faults
""",
        OTEL_EXPORTER_OTLP_ENDPOINT=receiver.endpoint,
    )
    assert len(receiver.logs()) == 3
    assert not receiver.spans()
    assert receiver.metrics()


def test_own_providers_stay_private(receiver):
    """Without providers of the program genops makes its own and makes none of them global."""
    run(
        """
from opentelemetry import trace, metrics, _logs
telemetry = build()
run(telemetry)
getters = trace.get_tracer_provider, _logs.get_logger_provider, metrics.get_meter_provider
kinds = [type(get()).__name__ for get in getters]
assert all("Proxy" in kind for kind in kinds), kinds
trace.get_tracer("app").start_span("of the app").end()
assert telemetry.flush(5)
""",
        OTEL_EXPORTER_OTLP_ENDPOINT=receiver.endpoint,
    )
    assert [span.name for span, *_ in receiver.spans()] == ["table.get"]


def test_a_provider_set_after_building_is_found():
    """The choice falls at the first operation, not when genops is configured."""
    run(
        "telemetry = build()\n"
        + TRACES
        + """
run(telemetry)
assert len(spans.get_finished_spans()) == 1
"""
    )


def test_the_sdk_disabled(receiver):
    """`OTEL_SDK_DISABLED=true`: identities without spans, the console still speaks, nothing is sent."""
    out = run(
        """
from genops.core.ports import NoTracer
telemetry = build(console=True)
assert isinstance(telemetry.tracer, NoTracer)
units = run(telemetry, 2)
assert len({unit.span_id for unit in units}) == 2
assert telemetry.flush(5)
assert telemetry.shutdown() == ()
""",
        OTEL_SDK_DISABLED="true",
        OTEL_EXPORTER_OTLP_ENDPOINT=receiver.endpoint,
    )
    assert out.count("table.get") == 2
    assert not receiver.requests


@pytest.mark.parametrize("blocked", ["opentelemetry", "opentelemetry.sdk", "opentelemetry.exporter"])
def test_an_import_that_fails(receiver, blocked):
    """Without the API, the SDK or the exporter operations run, one warning says why, and the loss is no success."""
    out = run(
        f"""
class Blocked:
    def find_spec(self, name, path=None, target=None):
        if name == {blocked!r} or name.startswith({blocked!r} + "."):
            raise ModuleNotFoundError(name, name=name)
sys.meta_path.insert(0, Blocked())
telemetry = build(console=True)
units = run(telemetry, 2)
assert len({{unit.span_id for unit in units}}) == 2
assert not telemetry.flush(5)
assert telemetry.flush(5), "nothing was lost since"
lost = (("otlp", "traces", 0, 2, 0, 0, 0), ("otlp", "logs", 0, 4, 0, 0, 0))
assert telemetry.health() == lost, telemetry.health()
assert telemetry.shutdown() == lost
assert telemetry.flush(5)
assert not guard.faults, guard.faults
""",
        OTEL_EXPORTER_OTLP_ENDPOINT=receiver.endpoint,
    )
    assert out.count("table.get") == 2
    assert not receiver.requests
    assert out.count(f"OpenTelemetry cannot be connected (cannot import {blocked}") == 1
    assert out.count("telemetry was lost") == 1


def test_wiring_that_raises(tmp_path):
    """Any other fault of connecting is named by its class and counted like a missing module; nothing keeps running."""
    out = run(
        f"""
import threading
from genops.telemetry.wiring import Wiring
def broken(self):
    raise KeyError("data of the caller")
Wiring._view = broken
telemetry = build(export={str(tmp_path / "out.jsonl")!r}, events="span")
run(telemetry, 2)
assert not telemetry.flush(5)
(lost,) = telemetry.shutdown()
assert (lost.signal, lost.exported, lost.failed) == ("traces", 0, 2), lost
assert guard.counts == {{"telemetry.connect": 1}}
assert not [thread for thread in threading.enumerate() if thread.name.startswith("genops")]
"""
    )
    assert out.count("OpenTelemetry cannot be connected (KeyError)") == 1
    assert "data of the caller" not in out


def test_an_explicit_export_with_the_sdk_disabled(tmp_path):
    """`OTEL_SDK_DISABLED=true` wins over a configured file, and that is said once."""
    path = tmp_path / "out.jsonl"
    out = run(
        f"""
telemetry = build(export={str(path)!r})
run(telemetry, 2)
assert telemetry.flush(5)
assert telemetry.shutdown() == ()
""",
        OTEL_SDK_DISABLED="true",
    )
    assert out.count("because OTEL_SDK_DISABLED=true is set") == 1
    assert not path.read_bytes()


def test_off_plans_nothing(tmp_path, receiver):
    """With `off` no file is made and nothing is sent, metrics of genops itself included."""
    path = tmp_path / "out.jsonl"
    out = run(
        TRACES
        + LOGS_AND_METRICS
        + NAMES
        + f"""
telemetry = build(export=({str(path)!r}, "otlp", "console"), off=True)
assert telemetry.wired.lanes == ()
assert not telemetry.tracer.suppressed()
assert telemetry.flush(5)
assert telemetry.shutdown() == ()
assert not [name for name in names() if name.startswith("genops")]
""",
        OTEL_EXPORTER_OTLP_ENDPOINT=receiver.endpoint,
    )
    assert not out
    assert not path.exists()
    assert not receiver.requests


LATE = """
import threading
def work():
    threading.main_thread().join()
    late()
threading.Thread(target=work).start()
"""


def test_a_first_call_after_the_main_thread_has_ended(receiver):
    """A thread that goes on when the main thread has fallen off its end loses nothing."""
    out = run(
        """
telemetry = build()
exits.install(telemetry.shutdown, telemetry.flush)
def late():
    run(telemetry, 3)
    assert not guard.faults, guard.faults
"""
        + LATE,
        OTEL_EXPORTER_OTLP_ENDPOINT=receiver.endpoint,
        OTEL_RESOURCE_ATTRIBUTES="team.room=42",
    )
    assert not out
    assert len(receiver.spans()) == 3
    assert len(receiver.logs()) == 9
    resource = plain(receiver.spans()[0][1].attributes)
    assert resource["team.room"] == "42"
    assert {"telemetry.sdk.version", "service.name", "service.instance.id"} <= set(resource)


def test_configured_after_the_main_thread_has_ended(receiver):
    """Some versions of the SDK cannot be imported so late: the program goes on, and what is lost is said."""
    out = run(
        """
def late():
    telemetry = build()
    run(telemetry, 3)
    print("flushed", telemetry.flush(5))
"""
        + LATE,
        OTEL_EXPORTER_OTLP_ENDPOINT=receiver.endpoint,
    )
    arrived = len(receiver.spans()) == 3
    assert f"flushed {arrived}" in out
    assert ("OpenTelemetry cannot be connected (RuntimeError)" in out) is not arrived
