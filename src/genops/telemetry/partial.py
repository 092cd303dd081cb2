"""Partial success: what an OTLP receiver says it rejected although it answered 200, which the SDK does not look at."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import requests


class Responses:
    """Reads the responses to one signal's requests.

    Args:
        signal: `traces`, `logs` or `metrics`.
    """

    def __init__(self, signal: str) -> None:
        self._parse, self._field = _response(signal)
        self._rejected = 0

    def session(self) -> requests.Session:
        """Return a session whose responses are read."""
        import requests

        session = requests.Session()
        session.hooks["response"].append(self._read)
        return session

    def rejected(self) -> int:
        """Return how many items were rejected since this was last asked."""
        count, self._rejected = self._rejected, 0
        return count

    def _read(self, response: requests.Response, *_args: Any, **_options: Any) -> None:
        if not response.ok or not response.content:
            return
        try:
            partial = self._parse(response.content).partial_success
        except Exception:  # a receiver may answer in any shape; it answered 200, which stands
            return
        self._rejected += int(getattr(partial, self._field))


def _response(signal: str) -> tuple[Any, str]:
    from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceResponse
    from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceResponse
    from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse

    responses: dict[str, tuple[Any, str]] = {
        "traces": (ExportTraceServiceResponse.FromString, "rejected_spans"),
        "logs": (ExportLogsServiceResponse.FromString, "rejected_log_records"),
        "metrics": (ExportMetricsServiceResponse.FromString, "rejected_data_points"),
    }
    return responses[signal]
