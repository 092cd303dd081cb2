"""Telemetry over OTLP/gRPC, with the extra installed."""

from __future__ import annotations

from concurrent import futures

import pytest
from opentelemetry.proto.collector.logs.v1 import logs_service_pb2
from opentelemetry.proto.collector.metrics.v1 import metrics_service_pb2
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2

from genops.core.guard import Guard
from genops.telemetry.config import TelemetryConfig
from genops.telemetry.providers import Telemetry
from support.records import FixedTotals, row, run_unit

grpc = pytest.importorskip("grpc")
pytest.importorskip("opentelemetry.exporter.otlp.proto.grpc")
_SERVICES = {
    "trace.v1.TraceService": (trace_service_pb2, "Trace"),
    "logs.v1.LogsService": (logs_service_pb2, "Logs"),
    "metrics.v1.MetricsService": (metrics_service_pb2, "Metrics"),
}


@pytest.fixture
def received():
    """Requests by kind, taken by a real server on loopback; its port under `port`."""
    taken = {}
    server = grpc.server(futures.ThreadPoolExecutor(max_workers=3))
    for name, (module, kind) in _SERVICES.items():
        server.add_generic_rpc_handlers((_handler(name, module, kind, taken),))
    taken["port"] = server.add_insecure_port("127.0.0.1:0")
    server.start()
    yield taken
    server.stop(None)


def _handler(name, module, kind, taken):
    def export(request, context):
        taken.setdefault(kind, []).append((request, dict(context.invocation_metadata())))
        return getattr(module, f"Export{kind}ServiceResponse")()

    method = grpc.unary_unary_rpc_method_handler(
        export,
        request_deserializer=getattr(module, f"Export{kind}ServiceRequest").FromString,
        response_serializer=lambda answer: answer.SerializeToString(),
    )
    return grpc.method_handlers_generic_handler(f"opentelemetry.proto.collector.{name}", {"Export": method})


@pytest.mark.parametrize("scheme", ["", "http://"])
def test_all_three_signals_arrive_over_grpc(received, monkeypatch, scheme):
    """`OTEL_EXPORTER_OTLP_PROTOCOL=grpc`: span, events and metrics reach the server."""
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", f"{scheme}127.0.0.1:{received['port']}")
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc")
    telemetry = Telemetry.build(TelemetryConfig(), guard=Guard(), totals=FixedTotals(row(units=1)))
    run_unit(telemetry.tracer, telemetry.sinks)
    assert telemetry.flush(20)
    telemetry.shutdown(5)
    assert {"Trace", "Logs", "Metrics"} <= set(received)
    ((traces, _),) = received["Trace"]
    assert traces.resource_spans[0].scope_spans[0].spans[0].name == "table.get"
