"""Telemetry over OTLP/gRPC, with the extra installed."""

from __future__ import annotations

import pytest

from genops.core.guard import Guard
from genops.telemetry.config import TelemetryConfig
from genops.telemetry.providers import Telemetry
from support.records import FixedTotals, row, run_unit

pytest.importorskip("grpc")
pytest.importorskip("opentelemetry.exporter.otlp.proto.grpc")


@pytest.fixture
def receiver():
    """A real server on loopback that keeps what it takes."""
    from support.otlp_grpc import GrpcReceiver

    with GrpcReceiver() as running:
        yield running


@pytest.mark.parametrize("scheme", ["", "http://"])
def test_all_three_signals_arrive_over_grpc(receiver, monkeypatch, scheme):
    """`OTEL_EXPORTER_OTLP_PROTOCOL=grpc`: span, events and metrics reach the server."""
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", f"{scheme}127.0.0.1:{receiver.port}")
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc")
    telemetry = Telemetry.build(TelemetryConfig(), guard=Guard(), totals=FixedTotals(row(units=1)))
    run_unit(telemetry.tracer, telemetry.sinks)
    assert telemetry.flush(20)
    telemetry.shutdown(5)
    assert {"Trace", "Logs", "Metrics"} <= set(receiver.taken)
    ((traces, _),) = receiver.taken["Trace"]
    assert traces.resource_spans[0].scope_spans[0].spans[0].name == "table.get"


@pytest.mark.parametrize("variable", ["OTEL_EXPORTER_OTLP_INSECURE", "OTEL_EXPORTER_OTLP_TRACES_INSECURE"])
@pytest.mark.parametrize(("said", "insecure"), [("false", False), ("true", True), ("", True)])
def test_what_the_environment_says_of_tls_holds_without_a_scheme(receiver, variable, said, insecure, monkeypatch):
    """A host and port speak plain text only where `..._INSECURE` does not say otherwise; empty says nothing.

    The receiver speaks plain text, so it takes what comes so and nothing that begins with TLS.
    """
    for name, value in {
        "OTEL_EXPORTER_OTLP_ENDPOINT": f"127.0.0.1:{receiver.port}",
        "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc",
        "OTEL_EXPORTER_OTLP_TIMEOUT": "20" if insecure else "2",
        "OTEL_LOGS_EXPORTER": "none",
        "OTEL_METRICS_EXPORTER": "none",
        variable: said,
    }.items():
        monkeypatch.setenv(name, value)
    telemetry = Telemetry.build(TelemetryConfig(export="otlp"), guard=Guard(), totals=FixedTotals(row(units=1)))
    run_unit(telemetry.tracer, telemetry.sinks)
    assert telemetry.flush(30) is insecure
    telemetry.shutdown(5)
    assert set(receiver.taken) == ({"Trace"} if insecure else set())


def test_a_preset_over_grpc_sends_nobody_elses_headers(receiver, monkeypatch):
    """`databricks-apps`: all three signals arrive, cumulative, and without the headers of the environment."""
    monkeypatch.setenv("GENOPS_EXPORT_DATABRICKS_APPS_ENDPOINT", f"http://127.0.0.1:{receiver.port}")
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_HEADERS", "x-other-key=other")
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_TRACES_HEADERS", "x-traces-key=other")
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE", "delta")
    telemetry = Telemetry.build(
        TelemetryConfig(export="databricks-apps"), guard=Guard(), totals=FixedTotals(row(units=1))
    )
    run_unit(telemetry.tracer, telemetry.sinks)
    assert telemetry.flush(20)
    telemetry.shutdown(5)
    assert {"Trace", "Logs", "Metrics"} <= set(receiver.taken)
    assert not [
        value for taken in receiver.taken.values() for _, sent in taken for value in sent.values() if value == "other"
    ]
    request, _ = receiver.taken["Metrics"][0]
    sums = {m.name: m.sum for m in request.resource_metrics[0].scope_metrics[0].metrics if m.HasField("sum")}
    assert sums["genops.operations"].aggregation_temporality == 2
