"""Telemetry over a real OTLP receiver on loopback: what arrives, and what is said of what does not."""

from __future__ import annotations

import logging
import socket
import time
from collections import Counter

import pytest

from genops.core.guard import Guard
from genops.core.records import Role
from genops.telemetry.config import TelemetryConfig
from genops.telemetry.export import Exporters
from genops.telemetry.providers import Telemetry
from support.otlp import Receiver, plain
from support.records import FixedTotals, operation, row, run_unit

EVENTS = ["genops.policy.evaluated", "genops.budget.reservation", "genops.budget.reconciliation"]


@pytest.fixture
def receiver():
    """A receiver that everything should reach."""
    with Receiver() as running:
        yield running


@pytest.fixture
def make(receiver, monkeypatch):
    """Makes telemetry that leads to the receiver, and ends it."""
    made = []
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", receiver.endpoint)
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_TIMEOUT", "1")

    def telemetry(**config):
        built = Telemetry.build(TelemetryConfig(**config), guard=Guard(), totals=FixedTotals(row(units=1)))
        made.append(built)
        return built

    yield telemetry
    for built in made:
        built.shutdown(2)


def run(telemetry, count=1, **fields):
    """Take units through a telemetry."""
    return [run_unit(telemetry.tracer, telemetry.sinks, **fields) for _ in range(count)]


def by_signal(telemetry):
    """What became of the items of each signal."""
    return {delivery.signal: delivery for delivery in telemetry.health()}


def refused_port():
    """A port where nobody listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def test_all_three_signals_arrive(receiver, make):
    """One unit: a span, its three events on its context, and the totals as metrics, of one instance of one service."""
    telemetry = make(service_name="etl", environment="test")
    (unit,) = run(telemetry)
    assert telemetry.flush(10)
    ((span, resource, scope),) = receiver.spans()
    assert span.span_id == unit.span_id.to_bytes(8, "big")
    assert scope.name == "genops"
    assert plain(resource.attributes)["service.name"] == "etl"
    assert plain(resource.attributes)["deployment.environment.name"] == "test"
    logs = receiver.logs()
    assert [record.event_name for record, *_ in logs] == EVENTS
    assert {record.span_id for record, *_ in logs} == {span.span_id}
    assert {record.trace_id for record, *_ in logs} == {span.trace_id}
    assert all(record.flags & 1 for record, *_ in logs)
    assert "genops.operations" in {metric.name for metric, _ in receiver.metrics()}
    instances = {plain(found.attributes)["service.instance.id"] for _, found, *_ in (*logs, *receiver.spans())}
    assert len(instances) == 1


@pytest.mark.parametrize(("compression", "expected"), [("gzip", "gzip"), ("none", None)])
def test_requests_are_compressed(receiver, make, compression, expected):
    """Gzip unless it is switched off."""
    telemetry = make(compression=compression)
    run(telemetry)
    assert telemetry.flush(10)
    assert {received.headers.get("content-encoding") for received in receiver.requests} == {expected}


def test_the_environment_decides_about_compression(receiver, make, monkeypatch):
    """`OTEL_EXPORTER_OTLP_COMPRESSION` wins over the setting."""
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_COMPRESSION", "none")
    telemetry = make(compression="gzip")
    run(telemetry)
    assert telemetry.flush(10)
    assert {received.headers.get("content-encoding") for received in receiver.requests} == {None}


def test_a_busy_receiver_is_asked_again(receiver, make, monkeypatch):
    """503 with Retry-After is retried, and what arrives in the end is not counted as lost."""
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_TIMEOUT", "10")
    receiver.faults.statuses.extend([503])
    receiver.faults.retry_after = "0"
    telemetry = make()
    run(telemetry)
    assert telemetry.flush(10)
    assert receiver.refused == [503]
    assert all(delivery.lost == 0 for delivery in telemetry.health())


def test_a_receiver_that_refuses_is_believed(receiver, make):
    """400 is not retried: the flush is false and the items are counted as failed."""
    receiver.faults.statuses.extend([400] * 3)
    telemetry = make()
    run(telemetry)
    assert not telemetry.flush(10)
    assert by_signal(telemetry)["traces"].failed == 1
    assert by_signal(telemetry)["logs"].failed == 3
    assert telemetry.flush(10)


def test_a_partial_success_is_a_partial_failure(receiver, make):
    """What the receiver rejected within a 200 is counted, which the SDK does not do."""
    receiver.faults.reject = 1
    telemetry = make()
    run(telemetry)
    assert not telemetry.flush(10)
    traces, logs = by_signal(telemetry)["traces"], by_signal(telemetry)["logs"]
    assert (traces.exported, traces.failed) == (0, 1)
    assert (logs.exported, logs.failed) == (2, 1)


def test_nobody_there_is_a_false_flush_and_a_count(make, monkeypatch, caplog):
    """A refused connection: no success is claimed, and the end says once what was lost."""
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", f"http://127.0.0.1:{refused_port()}")
    telemetry = make()
    run(telemetry, 5)
    assert not telemetry.flush(20)
    assert by_signal(telemetry)["traces"].failed == 5
    assert by_signal(telemetry)["logs"].failed == 15
    with caplog.at_level(logging.WARNING, "genops"):
        assert telemetry.shutdown(20) == telemetry.shutdown(20)
    said = [record.getMessage() for record in caplog.records if "lost" in record.getMessage()]
    assert len(said) == 1
    assert "traces to otlp: 5 failed" in said[0]


def test_a_black_hole_is_abandoned_in_time(receiver, make):
    """A receiver that accepts and never answers: the end comes within its bound and counts what it leaves behind."""
    receiver.faults.black_hole = True
    telemetry = make()
    run(telemetry, 5)
    started = time.monotonic()
    report = {delivery.signal: delivery for delivery in telemetry.shutdown(0.3)}
    assert time.monotonic() - started < 5
    assert report["traces"].waiting == 5
    assert report["logs"].waiting == 15


def test_a_receiver_that_comes_back_gets_the_rest(receiver, make):
    """Killed in between: what was sent into the void is counted, everything else arrives, nothing twice."""
    telemetry = make()
    run(telemetry, 3)
    assert telemetry.flush(10)
    receiver.kill()
    run(telemetry, 4)
    assert not telemetry.flush(20)
    receiver.start()
    run(telemetry, 5)
    assert telemetry.flush(20)
    traces = by_signal(telemetry)["traces"]
    assert (traces.exported, traces.failed) == (8, 4)
    assert max(Counter(span.span_id for span, *_ in receiver.spans()).values()) == 1
    assert len(receiver.spans()) == 8


def test_unsampled_units_keep_their_events(receiver, make):
    """Sampling drops spans, and no event of the units without one."""
    telemetry = make(sampling_enabled=True, sampling_rate=0.0)
    run(telemetry, 3)
    assert telemetry.flush(10)
    assert not receiver.spans()
    assert len(receiver.logs()) == 9
    assert {record.flags for record, *_ in receiver.logs()} == {0}
    assert all(record.span_id.strip(b"\0") for record, *_ in receiver.logs())


def test_exporting_in_the_call(receiver, make):
    """`async_export=False`: span and events have arrived when the operation returns."""
    telemetry = make(async_export=False)
    run(telemetry)
    assert len(receiver.spans()) == 1
    assert len(receiver.logs()) == 3


def test_span_events_need_no_logs(receiver, make):
    """`events="span"`: the same three events on the span itself, and no log record."""
    telemetry = make(events="span")
    run(telemetry)
    assert telemetry.flush(10)
    ((span, *_),) = receiver.spans()
    assert [event.name for event in span.events] == EVENTS
    assert not receiver.logs()


def test_a_workflow_is_one_trace(receiver, make):
    """Units inside a container share its trace, and the container is marked as what it is."""
    telemetry = make()
    outer = telemetry.tracer.open(operation("workflow"), Role.CONTAINER, 1)
    token = outer.enter()
    units = run(telemetry, 2)
    outer.exit(token)
    assert {unit.trace_id for unit in units} == {outer.unit.trace_id}


def test_batches_are_as_large_as_configured(receiver, make, monkeypatch):
    """`batch_size` bounds a request, and the environment's word wins."""
    telemetry = make(batch_size=10, flush_interval_seconds=60)
    run(telemetry, 25)
    assert telemetry.flush(10)
    sizes = [
        sum(len(scope.spans) for spans in received.message.resource_spans for scope in spans.scope_spans)
        for received in receiver.requests
        if received.signal == "traces"
    ]
    assert sum(sizes) == 25
    assert max(sizes) <= 10


@pytest.mark.faults
def test_a_raising_exporter_harms_nobody(receiver, make):
    """An exporter given by the program that raises is counted; the other destination gets everything."""

    class Raising:
        _preferred_temporality = _preferred_aggregation = None

        def export(self, batch):
            raise OSError("no")

        def shutdown(self):
            raise OSError("no")

    guard = Guard()
    telemetry = Telemetry.build(
        TelemetryConfig(), guard=guard, destinations=[Exporters("raising", traces=Raising(), logs=Raising())]
    )
    run(telemetry)
    assert not telemetry.flush(10)
    telemetry.shutdown(5)
    assert len(receiver.spans()) == 1
    assert {delivery.failed for delivery in telemetry.health() if delivery.destination == "raising"} == {1, 3}
    assert set(guard.counts) == {"telemetry.shutdown"}
