"""OTLP received over gRPC; needs grpcio."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

from genops.conformance.bodies import LIMIT
from genops.conformance.intake import ENDED
from genops.conformance.receiver import as_tree, mark

if TYPE_CHECKING:
    from collections.abc import Iterator

    from genops.conformance.intake import Intake
    from genops.conformance.receiver import Address

_THREADS = 8


class GrpcReceiver:
    """Listens for OTLP over gRPC, without encryption.

    Args:
        address: Where.
        intake: Takes each request; used from several threads.

    Raises:
        ImportError: grpcio or opentelemetry-proto is not installed.
        OSError: The address cannot be listened on.
    """

    def __init__(self, address: Address, intake: Intake) -> None:
        import grpc

        rpc: Any = grpc
        size = [("grpc.max_receive_message_length", LIMIT), ("grpc.so_reuseport", 0)]
        self._server = rpc.server(ThreadPoolExecutor(_THREADS), options=size)
        self._server.add_generic_rpc_handlers(tuple(_services(rpc, intake)))
        host = f"[{address.host}]" if ":" in address.host else address.host
        try:
            port = self._server.add_insecure_port(f"{host}:{address.port}")
        except RuntimeError as error:
            raise OSError(f"{address} cannot be listened on: {error}") from error
        if not port:
            raise OSError(f"{address} cannot be listened on")
        self.address = address._replace(port=port)
        self._server.start()

    def close(self) -> None:
        """Listen no longer; what is being received is finished first."""
        self._server.stop(1.0).wait()


def _services(rpc: Any, intake: Intake) -> list[Any]:
    from opentelemetry.proto.collector.logs.v1 import logs_service_pb2 as logs
    from opentelemetry.proto.collector.metrics.v1 import metrics_service_pb2 as metrics
    from opentelemetry.proto.collector.trace.v1 import trace_service_pb2 as traces

    signals: dict[str, tuple[Any, Any]] = {
        "trace.v1.TraceService": (traces.ExportTraceServiceRequest, traces.ExportTraceServiceResponse),
        "logs.v1.LogsService": (logs.ExportLogsServiceRequest, logs.ExportLogsServiceResponse),
        "metrics.v1.MetricsService": (metrics.ExportMetricsServiceRequest, metrics.ExportMetricsServiceResponse),
    }
    return [
        rpc.method_handlers_generic_handler(
            f"opentelemetry.proto.collector.{name}", {"Export": _method(rpc, request, response, intake)}
        )
        for name, (request, response) in signals.items()
    ]


def _method(rpc: Any, request: Any, response: Any, intake: Intake) -> Any:
    path = str(request.DESCRIPTOR.full_name)

    def export(messages: Iterator[bytes], context: Any) -> Any:
        number = intake.begin(path)
        if not number:
            return context.abort(rpc.StatusCode.UNAVAILABLE, ENDED)
        # As a stream the call begins before its message is whole, so that it counts as under way.
        try:
            body = next(messages)
        except Exception as error:  # a stream that ends, or is cut by the other side or by the limit
            why = f"no message came, or one of more than {LIMIT >> 20} MiB: {type(error).__name__}"
            intake.refuse(number, why)
            return context.abort(rpc.StatusCode.CANCELLED, why)
        with intake.decoding:
            try:
                tree = as_tree(request.FromString(body))
            except Exception as error:  # whatever the decoder raises on garbage
                why = f"the message cannot be read: {str(error)[:300]}"
                intake.refuse(number, f"refused with INVALID_ARGUMENT: {why}")
                return context.abort(rpc.StatusCode.INVALID_ARGUMENT, why)
            taken = intake.take(number, tree, mark(path, body))
        return response() if taken else context.abort(rpc.StatusCode.UNAVAILABLE, ENDED)

    return rpc.stream_unary_rpc_method_handler(export, None, response.SerializeToString)
