"""What an OTLP receiver really answered, which the SDK's exporters do not look at: they know success and failure only.

A receiver may answer with success and still have rejected items (a partial success). A proxy may answer with a redirect
or a web page. And an attempt may end without an answer: what is sent again then may arrive twice.
"""

from __future__ import annotations

import json
import logging
import math
from collections.abc import Mapping
from typing import Any, NamedTuple, cast

_log = logging.getLogger("genops")
# Field of the response that counts what was rejected, by signal.
_REJECTED = {"traces": "rejected_spans", "logs": "rejected_log_records", "metrics": "rejected_data_points"}
_JSON_REJECTED = {"traces": "rejectedSpans", "logs": "rejectedLogRecords", "metrics": "rejectedDataPoints"}
_SHOWN = 200  # characters of a receiver's message


class Verdict(NamedTuple):
    """What one answer says of the items that were sent.

    Attributes:
        rejected: How many were not taken; infinite for all of them.
        reason: Why, as the receiver says.
    """

    rejected: float = 0
    reason: str = ""


ACCEPTED = Verdict()


class Answers:
    """Keeps what was answered to the export of one signal that is under way.

    Attributes:
        repeated: Items that were sent again after an attempt without an answer, since the beginning: as many may have
            arrived twice.

    Args:
        signal: `traces`, `logs` or `metrics`.
    """

    def __init__(self, signal: str) -> None:
        self._signal = signal
        self._verdict = ACCEPTED
        self._size = 0
        self._unanswered = False
        self._said = False
        self.repeated = 0

    def begin(self, size: int) -> None:
        """Begin the export of `size` items."""
        self._size, self._verdict, self._unanswered = size, ACCEPTED, False

    def attempt(self) -> None:
        """Note that the items are sent, for the first time or again."""
        if self._unanswered:
            self.repeated += self._size

    def unanswered(self) -> None:
        """Note that an attempt ended without an answer, although it may have arrived."""
        self._unanswered = True

    def answered(self, verdict: Verdict) -> None:
        """Note the answer to an attempt; that to the last attempt counts."""
        self._verdict = verdict
        if verdict.rejected and not self._said:
            self._said = True
            _log.warning(
                "genops: the OTLP receiver rejected %s of %d %s: %s. Further rejections are only counted.",
                "all" if verdict.rejected >= self._size else int(verdict.rejected),
                self._size,
                self._signal,
                verdict.reason[:_SHOWN] or "it says no reason",
            )

    def accepted(self) -> int:
        """Return how many items of an export that succeeded were accepted."""
        return self._size - int(min(self._verdict.rejected, self._size))


def of_response(signal: str, response: Any) -> Verdict:
    """Return what a response message (protobuf) says."""
    partial = response.partial_success
    return _verdict(getattr(partial, _REJECTED[signal]), partial.error_message)


def of_http(signal: str, status: int, content_type: str, content: bytes, *, posted: bool) -> Verdict:
    """Return what an HTTP response says.

    Args:
        signal: What was sent.
        status: Status of the response; 400 and above is for the exporter to judge.
        content_type: Its header of that name.
        content: Its body.
        posted: Whether it answers a POST: a client that follows a redirect may ask with a GET, which sends nothing.
    """
    kind = content_type.partition(";")[0].strip().lower()
    if 300 <= status < 400 or not posted:  # noqa: PLR2004  (the class of redirects)
        return Verdict(math.inf, "it answered with a redirect; name the URL that it leads to")
    if kind in {"text/html", "application/xhtml+xml"}:
        return Verdict(math.inf, "it answered with a web page, which no receiver of OTLP does")
    if status >= 400 or not content:  # noqa: PLR2004  (the classes of errors)
        return ACCEPTED
    try:
        return _of_json(signal, content) if kind == "application/json" else _of_protobuf(signal, content)
    except Exception:  # a receiver may answer in any shape; its status says success, which stands
        return ACCEPTED


def _of_protobuf(signal: str, content: bytes) -> Verdict:
    parse, _ = response_of(signal)
    return of_response(signal, parse(content))


def _of_json(signal: str, content: bytes) -> Verdict:
    response = cast("Mapping[str, Any]", json.loads(content))
    partial = cast("Mapping[str, Any]", response.get("partialSuccess") or {})
    return _verdict(partial.get(_JSON_REJECTED[signal], 0), partial.get("errorMessage", ""))


def _verdict(rejected: Any, reason: Any) -> Verdict:
    return Verdict(max(int(rejected), 0), str(reason))


def response_of(signal: str) -> tuple[Any, str]:
    """Return what parses a receiver's response to a signal, and the field that counts what it rejected."""
    from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceResponse
    from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceResponse
    from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse

    responses: dict[str, Any] = {
        "traces": ExportTraceServiceResponse,
        "logs": ExportLogsServiceResponse,
        "metrics": ExportMetricsServiceResponse,
    }
    return responses[signal].FromString, _REJECTED[signal]
