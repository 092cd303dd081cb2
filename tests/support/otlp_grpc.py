"""A real OTLP/gRPC receiver on loopback that keeps what it gets, in plain text or with TLS."""

from __future__ import annotations

from concurrent import futures

import grpc
from opentelemetry.proto.collector.logs.v1 import logs_service_pb2
from opentelemetry.proto.collector.metrics.v1 import metrics_service_pb2
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2

_SERVICES = {
    "trace.v1.TraceService": (trace_service_pb2, "Trace"),
    "logs.v1.LogsService": (logs_service_pb2, "Logs"),
    "metrics.v1.MetricsService": (metrics_service_pb2, "Metrics"),
}


class GrpcReceiver:
    """Listens on 127.0.0.1; `with GrpcReceiver() as receiver:`.

    Args:
        credentials: `grpc.ServerCredentials` of a server that speaks TLS.

    Attributes:
        port: Where it listens.
        taken: Requests and their metadata by kind: `Trace`, `Logs`, `Metrics`.
        answer: Given the call's context and the empty response, returns the response, or bytes in its place, or aborts.
    """

    def __init__(self, credentials=None):
        self.taken = {}
        self.answer = lambda _context, response: response
        self._server = grpc.server(futures.ThreadPoolExecutor(max_workers=3))
        for name, (module, kind) in _SERVICES.items():
            self._server.add_generic_rpc_handlers((self._handler(name, module, kind),))
        here = "127.0.0.1:0"
        self.port = (
            self._server.add_insecure_port(here)
            if credentials is None
            else self._server.add_secure_port(here, credentials)
        )

    def __enter__(self):
        self._server.start()
        return self

    def __exit__(self, *_):
        self._server.stop(None)

    def _handler(self, name, module, kind):
        def export(request, context):
            self.taken.setdefault(kind, []).append((request, dict(context.invocation_metadata())))
            return self.answer(context, getattr(module, f"Export{kind}ServiceResponse")())

        method = grpc.unary_unary_rpc_method_handler(
            export,
            request_deserializer=getattr(module, f"Export{kind}ServiceRequest").FromString,
            response_serializer=lambda answer: answer if isinstance(answer, bytes) else answer.SerializeToString(),
        )
        return grpc.method_handlers_generic_handler(f"opentelemetry.proto.collector.{name}", {"Export": method})
