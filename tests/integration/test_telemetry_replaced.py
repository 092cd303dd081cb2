"""Replacing a runtime: each span is in one place, whatever happens between its beginning and its end."""

from __future__ import annotations

import gc
import json
import threading
import weakref

import pytest
from opentelemetry import _logs, metrics, trace
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import MetricExporter, MetricExportResult, PeriodicExportingMetricReader
from opentelemetry.sdk.trace import TracerProvider

import genops

WHO = {"team": "t", "project": "p", "environment": "e"}
DAY_MS = 24 * 3600 * 1000


@pytest.fixture(autouse=True)
def _no_runtime(tmp_path, monkeypatch):
    """Begin and end without a runtime."""
    monkeypatch.chdir(tmp_path)
    yield
    genops.shutdown()


@pytest.fixture
def host(monkeypatch):
    """The program's own providers of spans and log records."""
    tracing, logging = TracerProvider(shutdown_on_exit=False), LoggerProvider(shutdown_on_exit=False)
    monkeypatch.setattr(trace, "get_tracer_provider", lambda: tracing)
    monkeypatch.setattr(_logs, "get_logger_provider", lambda: logging)
    return tracing, logging


def configure(*names, **settings):
    """Configure an export to files of these names."""
    export = tuple(f"{name}.jsonl" for name in names)
    return genops.configure(**{**WHO, **settings}, export=export, exit_timeout_seconds=60)


def run(name):
    """Run one operation."""
    with genops.operation(name, writes=["a.b.c"]):
        pass


def written(tmp_path, *names):
    """Names of the operations whose spans are in each file, in order."""
    return {name: list(_spans(tmp_path / f"{name}.jsonl")) for name in names}


def _spans(path):
    for line in path.read_text(encoding="utf-8").splitlines():
        for resource in json.loads(line).get("resourceSpans", ()):
            for span in resource["scopeSpans"][0]["spans"]:
                attributes = {item["key"]: item["value"].get("stringValue") for item in span["attributes"]}
                yield attributes["genops.operation.name"]


def events(tmp_path, name):
    """How many log records are in a file."""
    lines = map(json.loads, (tmp_path / f"{name}.jsonl").read_text(encoding="utf-8").splitlines())
    resources = (resource for line in lines for resource in line.get("resourceLogs", ()))
    return sum(len(scope["logRecords"]) for resource in resources for scope in resource["scopeLogs"])


@pytest.mark.parametrize("kept", [True, False])
def test_a_span_open_across_two_replacements(tmp_path, kept):
    """It is in the last file, whether or not the runtime between had anything to do."""
    configure("a")
    run("first")
    with genops.operation("long", writes=["a.b.c"]):
        configure("b")
        if kept:
            run("second")
        configure("c")
    assert genops.flush(60)
    assert written(tmp_path, "a", "b", "c") == {"a": ["first"], "b": ["second"] if kept else [], "c": ["long"]}
    assert [events(tmp_path, name) for name in "abc"] == [5, 0, 1]


def test_each_destination_of_the_successor_gets_a_span_once(tmp_path):
    """Two destinations before and two after: no span is in a file twice."""
    configure("a", "b")
    with genops.operation("long", writes=["a.b.c"]):
        configure("c", "d")
    run("next")
    assert genops.flush(60)
    both = ["long", "next"]
    assert written(tmp_path, "a", "b", "c", "d") == {"a": [], "b": [], "c": both, "d": both}


@pytest.mark.usefixtures("host")
def test_each_span_of_the_programs_provider_is_in_one_file(tmp_path):
    """A provider of the program outlives runtimes: each sees its own spans and events, and the last what is open."""
    configure("a")
    run("one")
    configure("b")
    run("two")
    with genops.operation("long", writes=["a.b.c"]):
        configure("c")
        run("three")
    assert genops.flush(60)
    assert written(tmp_path, "a", "b", "c") == {"a": ["one"], "b": ["two"], "c": ["three", "long"]}
    # Admission and reservation where it began, reconciliation where it ended; what runs inside is a part of it.
    assert [events(tmp_path, name) for name in "abc"] == [3, 5, 1]


def test_replacing_leaves_nothing_behind(host):
    """However often, the program's providers carry one processor of genops each, and old telemetry is let go."""
    old = weakref.WeakSet()
    for number in range(20):
        old.add(configure("a", team=f"t{number}").telemetry)
        run("x")
    gc.collect()
    tracing, logging = host
    assert len(tracing._active_span_processor._span_processors) == 1
    assert len(logging._multi_log_record_processor._log_record_processors) == 1
    assert len(old) <= 2


def test_a_long_line_of_replacements_is_let_go():
    """Without providers of the program as well, and with a span open all the while."""
    old = weakref.WeakSet()
    old.add(configure("a").telemetry)
    with genops.operation("long", writes=["a.b.c"]):
        for number in range(20):
            old.add(configure("a", team=f"t{number}").telemetry)
            run("x")
        gc.collect()
        assert len(old) <= 3
    assert genops.flush(60)


@pytest.mark.parametrize("replaced", [True, False])
def test_a_span_after_the_end_is_counted_as_dropped(tmp_path, replaced):
    """Where nobody sends any more, each lane of the last telemetry says so."""
    last = configure("a", "b")
    with genops.operation("long", writes=["a.b.c"]):
        if replaced:
            last = configure("c", "d")
        run("x")
        report = genops.shutdown(60)
    assert [delivery.dropped for delivery in report if delivery.signal == "traces"] == [0, 0]
    assert [delivery.dropped for delivery in last.telemetry.health() if delivery.signal == "traces"] == [1, 1]
    files = "cd" if replaced else "ab"
    assert written(tmp_path, *files) == {file: ["x"] for file in files}


@pytest.mark.usefixtures("host")
def test_a_runtime_after_a_shutdown_is_heard_at_the_programs_provider(tmp_path):
    """What was shut down takes nothing from what comes after it."""
    configure("a")
    run("one")
    genops.shutdown(60)
    configure("b")
    run("two")
    assert genops.flush(60)
    assert written(tmp_path, "a", "b") == {"a": ["one"], "b": ["two"]}


class Kept(MetricExporter):
    """Keeps the last value of each sum by metric, and can be made to hang."""

    def __init__(self):
        super().__init__()
        self.values = {}
        self.going = threading.Event()
        self.going.set()

    def export(self, metrics_data, timeout_millis=10_000, **_):
        self.going.wait(60)
        for resource in metrics_data.resource_metrics:
            for scope in resource.scope_metrics:
                for metric in scope.metrics:
                    points = list(metric.data.data_points)
                    self.values[metric.name] = sum(getattr(point, "value", 0) for point in points)
        return MetricExportResult.SUCCESS

    def force_flush(self, timeout_millis=10_000):
        return True

    def shutdown(self, timeout_millis=30_000, **_):
        pass


@pytest.fixture
def meters(monkeypatch):
    """The program's own meter provider, whose reader comes by once a day; what it exported."""
    exporter = Kept()
    reader = PeriodicExportingMetricReader(exporter, export_interval_millis=DAY_MS)
    provider = MeterProvider(metric_readers=[reader], shutdown_on_exit=False)
    monkeypatch.setattr(metrics, "get_meter_provider", lambda: provider)
    yield exporter
    exporter.going.set()
    provider.shutdown()


def test_a_shutdown_has_the_programs_metrics_read_before(meters):
    """Counts since the last collection leave, although the program shuts genops down itself."""
    genops.configure(**WHO)
    for _ in range(3):
        run("x")
    genops.shutdown(60)
    assert meters.values["genops.operations"] == 3
    assert meters.values["genops.policy.decisions"] == 3


def test_a_replacement_has_the_programs_metrics_read_before(meters):
    """Each runtime's counts leave when it is replaced; those of the next begin anew."""
    genops.configure(**WHO)
    for _ in range(3):
        run("x")
    genops.configure(**{**WHO, "team": "other"})
    assert meters.values["genops.operations"] == 3
    run("y")
    genops.shutdown(60)
    assert meters.values["genops.operations"] == 1


def test_a_meter_provider_that_hangs_keeps_nobody(meters):
    """The last collection is bounded like the rest of the shutdown, and what hangs later is cut off."""
    genops.configure(**WHO)
    run("x")
    meters.going.clear()
    ended = threading.Event()
    threading.Thread(target=lambda: (genops.shutdown(0.3), ended.set()), daemon=True).start()
    assert ended.wait(30)


def test_the_metrics_of_two_runtimes_on_one_provider_are_added(meters):
    """While one hands over to the next, a collection misses the counts of neither."""
    from genops.core.guard import Guard
    from genops.telemetry.config import TelemetryConfig
    from genops.telemetry.providers import Telemetry
    from support.records import FixedTotals, row, run_unit

    built = [
        Telemetry.build(TelemetryConfig(), guard=Guard(), totals=FixedTotals(row(units=units))) for units in (2, 5)
    ]
    for telemetry in built:
        run_unit(telemetry.tracer, telemetry.sinks)
    assert built[1].flush(60)
    assert meters.values["genops.operations"] == 7
    built[0].shutdown(60)
    assert built[1].flush(60)
    assert meters.values["genops.operations"] == 5
    built[1].shutdown(60)
