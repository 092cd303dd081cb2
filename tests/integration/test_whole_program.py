"""Whole programs after one line: a real client against a real server, real telemetry, real ends of processes."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import time
from contextlib import suppress
from pathlib import Path

import pytest

from support import declared
from support.otlp import plain
from support.polling import eventually
from support.stub import one_table

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="POSIX processes")
ONE_LINE = """
import os, sys, signal, time
import genops
genops.auto_instrument_databricks()
from databricks.sdk import WorkspaceClient
from databricks.sdk.core import Config
def call(count=1):
    client = WorkspaceClient(config=Config(host=sys.argv[1], token="not-a-token", auth_type="pat"))
    for _ in range(count):
        assert client.tables.get("main.sales.orders").name == "orders"
def say(word):
    os.write(1, f"{word}\\n".encode())  # at once, and so in one piece beside other processes
"""
SLOW = dict.fromkeys(("OTEL_BSP_SCHEDULE_DELAY", "OTEL_BLRP_SCHEDULE_DELAY", "OTEL_METRIC_EXPORT_INTERVAL"), "600000")
TRACES = """
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
spans = InMemorySpanExporter()
tracing = TracerProvider()
tracing.add_span_processor(SimpleSpanProcessor(spans))
trace.set_tracer_provider(tracing)
"""
LOGS_AND_METRICS = """
from opentelemetry import _logs, metrics
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs import export as log_export
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
logs = getattr(log_export, "InMemoryLogRecordExporter", getattr(log_export, "InMemoryLogExporter", None))()
provider = LoggerProvider()
provider.add_log_record_processor(log_export.SimpleLogRecordProcessor(logs))
_logs.set_logger_provider(provider)
reader = InMemoryMetricReader()
metrics.set_meter_provider(MeterProvider(metric_readers=[reader]))
"""
EVENTS = {"genops.policy.evaluated", "genops.budget.reservation", "genops.budget.reconciliation"}


@pytest.fixture
def workspace():
    """A server that knows one table."""
    with one_table() as stub:
        yield stub


@pytest.fixture
def receiver():
    """A receiver of OTLP; what came to it is as the registry declares it."""
    with declared.held_receiver() as running:
        yield running


@pytest.fixture
def start(workspace, tmp_path):
    """Start a program: what comes before the one line, the line, and its own code; it is gone after the test."""
    started = []

    def begin(code, before="", **environment):
        clean = ("OTEL_", "GENOPS_", "DATABRICKS_")
        env = {name: value for name, value in os.environ.items() if not name.startswith(clean)}
        env |= {
            "PYTHONPATH": str(Path(sys.modules["genops"].__path__[0]).parent),
            "DATABRICKS_CONFIG_FILE": os.devnull,
            "GENOPS_TEAM": "data-eng",
            "GENOPS_PROJECT": "flights",
            "GENOPS_ENVIRONMENT": "test",
            **environment,
        }
        process = subprocess.Popen(
            [sys.executable, "-c", before + ONE_LINE + textwrap.dedent(code), workspace.url],
            cwd=tmp_path,
            env=env,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        started.append(process)
        return process

    yield begin
    for process in started:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)  # and its children, which hold its output open
        process.communicate()


@pytest.fixture
def run(start):
    """Run a program to its end, which must be a good one; return its output."""

    def finish(code, before="", **environment):
        process = start(code, before, **environment)
        out, err = process.communicate(timeout=240)
        assert process.returncode == 0, err
        return out + err

    return finish


def events(receiver):
    """Names of the events that arrived."""
    return [record.event_name for record, *_ in receiver.logs()]


def test_a_black_hole_delays_the_end_within_its_bound(start, receiver, workspace):
    """A receiver that never answers holds the program for about three seconds after its last line."""
    receiver.faults.black_hole = True
    process = start("call(5)\nsay(time.time())", OTEL_EXPORTER_OTLP_ENDPOINT=receiver.endpoint)
    last_line = float(process.stdout.readline())
    assert process.wait(60) == 0
    assert time.time() - last_line < 8
    assert "telemetry was lost" in process.communicate()[1]
    assert len(workspace.requests) == 5


def test_sigterm_loses_nothing_queued(start, receiver):
    """Everything queued when the signal comes arrives, and the program dies of the signal."""
    process = start(
        "call(5)\nsay('ready')\nwhile True: time.sleep(60)", OTEL_EXPORTER_OTLP_ENDPOINT=receiver.endpoint, **SLOW
    )
    assert process.stdout.readline() == "ready\n"
    process.send_signal(signal.SIGTERM)
    assert process.wait(60) == -signal.SIGTERM
    assert len(receiver.spans()) == 5
    assert sorted(events(receiver)) == sorted([*EVENTS] * 5)
    assert receiver.metrics()


def test_a_host_with_all_providers(run):
    """Spans, events and metrics go where the program's own go, below its span."""
    run(
        f"""
        with tracing.get_tracer("app").start_as_current_span("request"):
            call(2)
        assert genops.flush()
        *calls, request = spans.get_finished_spans()
        assert len(calls) == 2, calls
        assert {{span.parent.span_id for span in calls}} == {{request.context.span_id}}
        names = [item.log_record.event_name for item in logs.get_finished_logs()]
        assert sorted(names) == sorted([*{EVENTS!r}] * 2), names
        data = reader.get_metrics_data().resource_metrics
        assert "genops.operations" in {{m.name for r in data for s in r.scope_metrics for m in s.metrics}}
        """,
        TRACES + LOGS_AND_METRICS,
    )


def test_a_host_with_traces_only(run):
    """Without anything for log records the events are on the spans, which is said once."""
    out = run(
        f"""
        call(2)
        assert genops.flush()
        finished = spans.get_finished_spans()
        assert len(finished) == 2, finished
        assert all({{event.name for event in span.events}} >= {EVENTS!r} for span in finished)
        """,
        TRACES,
    )
    assert out.count("events leave as span events") == 1


def test_the_sdk_disabled(run, receiver, workspace):
    """`OTEL_SDK_DISABLED=true`: calls work and nothing is sent."""
    run(
        "call(2)\nassert genops.flush()",
        OTEL_SDK_DISABLED="true",
        OTEL_EXPORTER_OTLP_ENDPOINT=receiver.endpoint,
    )
    assert len(workspace.requests) == 2
    assert not receiver.requests


def test_without_the_sdk(run, receiver, workspace):
    """OpenTelemetry's SDK cannot be imported: calls work, one warning says so, and the loss is no success."""
    out = run(
        "call(2)\nassert not genops.flush()",
        """
import sys
class Blocked:
    def find_spec(self, name, path=None, target=None):
        if name == "opentelemetry.sdk" or name.startswith("opentelemetry.sdk."):
            raise ModuleNotFoundError(name, name=name)
sys.meta_path.insert(0, Blocked())
""",
        OTEL_EXPORTER_OTLP_ENDPOINT=receiver.endpoint,
    )
    assert len(workspace.requests) == 2
    assert out.count("OpenTelemetry cannot be connected (cannot import opentelemetry.sdk") == 1
    assert "traces to otlp: 2 failed" in out
    assert not receiver.requests


def test_workers_forked_from_an_instrumented_parent(start, receiver):
    """Each worker of a pre-forking server delivers its own, as an instance of its own, when SIGTERM ends it."""
    process = start(
        """
        call()
        workers = []
        for number in (1, 2):
            pid = os.fork()
            if pid == 0:
                signal.signal(signal.SIGTERM, lambda *_: sys.exit(7))
                call(number + 1)
                say("ready")
                while True:
                    time.sleep(60)
            workers.append(pid)
        signal.signal(signal.SIGTERM, lambda *_: [os.kill(pid, signal.SIGTERM) for pid in workers])
        say("forked")
        codes = []
        while len(codes) < 2:  # without WNOHANG a signal that comes just before the wait begins would not end it
            pid, status = os.waitpid(-1, os.WNOHANG)
            codes += [os.waitstatus_to_exitcode(status)] if pid else []
            time.sleep(0.01)
        assert codes == [7, 7]
        """,
        OTEL_EXPORTER_OTLP_ENDPOINT=receiver.endpoint,
        **SLOW,
    )
    assert sorted(process.stdout.readline() for _ in range(3)) == ["forked\n", "ready\n", "ready\n"]
    process.send_signal(signal.SIGTERM)
    _, err = process.communicate(timeout=240)
    assert process.returncode == 0, err
    eventually(lambda: len(receiver.spans()) == 6)
    instances = [plain(resource.attributes)["service.instance.id"] for _, resource, _ in receiver.spans()]
    assert sorted(instances.count(instance) for instance in set(instances)) == [1, 2, 3]
    assert len(events(receiver)) == 18
