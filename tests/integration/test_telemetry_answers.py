"""Receivers that are busy, take a part, or answer with nonsense: counted truthfully, and the end stays bounded."""

from __future__ import annotations

import time
from collections import Counter
from importlib import metadata
from typing import TYPE_CHECKING, Any

import grpc
import pytest
from google.protobuf.any_pb2 import Any as Packed
from google.rpc.error_details_pb2 import RetryInfo
from google.rpc.status_pb2 import Status
from packaging.version import Version

from genops.core.guard import Guard
from genops.telemetry.config import TelemetryConfig
from genops.telemetry.providers import Telemetry
from support.otlp import Receiver
from support.otlp_grpc import GrpcReceiver
from support.records import run_unit

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from genops.telemetry.delivery import Delivery

UNITS = 4
# Older versions know no Retry-After, and take 429 for final; docs/back-ends.md says so.
KNOWS_RETRY_AFTER = Version(metadata.version("opentelemetry-exporter-otlp-proto-http")) >= Version("1.45.0")


@pytest.fixture
def http() -> Iterator[Receiver]:
    """A receiver of OTLP over HTTP."""
    with Receiver() as running:
        yield running


@pytest.fixture
def rpc() -> Iterator[GrpcReceiver]:
    """A receiver of OTLP over gRPC."""
    with GrpcReceiver() as running:
        yield running


@pytest.fixture
def make(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Telemetry]]:
    """Makes telemetry that sends spans only, with units queued, and ends it."""
    made: list[Telemetry] = []

    def queued(receiver: Any, seconds: float = 10) -> Telemetry:
        over_http = isinstance(receiver, Receiver)
        endpoint = receiver.endpoint if over_http else f"http://127.0.0.1:{receiver.port}"
        for name, value in {
            "OTEL_EXPORTER_OTLP_ENDPOINT": endpoint,
            "OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf" if over_http else "grpc",
            "OTEL_EXPORTER_OTLP_TIMEOUT": str(seconds),
            "OTEL_LOGS_EXPORTER": "none",
            "OTEL_METRICS_EXPORTER": "none",
        }.items():
            monkeypatch.setenv(name, value)
        telemetry = Telemetry.build(TelemetryConfig(flush_interval_seconds=3600), guard=Guard())
        made.append(telemetry)
        for _ in range(UNITS):
            run_unit(telemetry.tracer, telemetry.sinks)
        return telemetry

    yield queued
    for telemetry in made:
        telemetry.shutdown(1)


def spans(telemetry: Telemetry) -> Delivery:
    """What became of the spans."""
    (delivery,) = telemetry.health()
    return delivery


@pytest.mark.parametrize("status", [429, 503])
def test_retry_after_is_waited_for(http: Receiver, make: Callable[..., Telemetry], status: int) -> None:
    """A busy receiver is asked again no sooner than it says, then takes all, and nothing counts as sent twice."""
    http.faults.statuses.append(status)
    http.faults.retry_after = "2"
    telemetry = make(http)
    if KNOWS_RETRY_AFTER:
        assert telemetry.flush(60)
        first, second = http.asked
        # Without the header the exporter asks again after 0.8 to 1.2 seconds. It waits after the answer, which comes
        # after the request.
        assert second - first >= 2
    elif status == 503:
        assert telemetry.flush(60)
        assert len(http.asked) == 2
    else:
        assert not telemetry.flush(60)
        assert len(http.asked) == 1
    taken = UNITS if KNOWS_RETRY_AFTER or status == 503 else 0
    assert spans(telemetry)[2:] == (taken, UNITS - taken, 0, 0, 0)


@pytest.mark.parametrize("status", [429, 503])
def test_a_wait_beyond_the_deadline_is_a_loss_at_once(
    http: Receiver, make: Callable[..., Telemetry], status: int
) -> None:
    """A Retry-After beyond the time of an export: not waited for, counted as failed, and the flush is false."""
    http.faults.statuses.extend([status] * 50)
    http.faults.retry_after = "3600"
    telemetry = make(http, seconds=3)
    assert not telemetry.flush(60)
    assert spans(telemetry)[2:] == (0, UNITS, 0, 0, 0)


@pytest.mark.parametrize("status", [429, 503])
def test_a_busy_receiver_does_not_hold_the_end(http: Receiver, make: Callable[..., Telemetry], status: int) -> None:
    """In the midst of waiting for a Retry-After the end comes within its bound, and says what did not arrive."""
    http.faults.statuses.extend([status] * 50)
    http.faults.retry_after = "30"
    telemetry = make(http, seconds=60)
    began = time.monotonic()
    (report,) = telemetry.shutdown(0.5)
    assert time.monotonic() - began < 10
    assert report.exported == 0
    assert report.failed + report.waiting == UNITS


@pytest.mark.parametrize(
    ("answer", "accepted"),
    [
        ((200, "application/json", b'{"partialSuccess":{"rejectedSpans":"3","errorMessage":"quota"}}'), 1),
        ((200, "text/html", b"<html><body>Please sign in</body></html>"), 0),
        ((200, "application/x-protobuf", b"\xff\xfe garbage"), UNITS),
        ((204, "", b""), UNITS),
        ((404, "text/html", b"<html>no such page</html>"), 0),
    ],
)
def test_odd_answers_over_http(
    http: Receiver, make: Callable[..., Telemetry], answer: tuple[int, str, bytes], accepted: int
) -> None:
    """What was rejected in JSON or answered with a page is not counted as accepted; a bare success stands."""
    http.faults.answer = answer
    telemetry = make(http)
    assert telemetry.flush(60) is (accepted == UNITS)
    assert spans(telemetry)[2:] == (accepted, UNITS - accepted, 0, 0, 0)


def test_a_redirect_that_sends_nothing_is_a_loss(http: Receiver, make: Callable[..., Telemetry]) -> None:
    """Exporters do not follow a redirect, or ask the other place without sending: it is no success."""
    http.faults.answer = (302, "text/plain", b"")
    telemetry = make(http)
    assert not telemetry.flush(60)
    assert spans(telemetry)[2:] == (0, UNITS, 0, 0, 0)


def test_an_answer_that_dies_is_sent_again_and_counted(http: Receiver, make: Callable[..., Telemetry]) -> None:
    """A connection that breaks after the receiver took the spans: it gets them twice, which genops says."""
    take, broken = http.take, []

    def breaking(path: str, headers: dict[str, str], body: bytes) -> Any:
        answer = take(path, headers, body)
        if broken:
            return answer
        broken.append(path)
        return None

    http.take = breaking  # type: ignore[method-assign]
    telemetry = make(http)
    assert telemetry.flush(60)
    assert spans(telemetry)[2:] == (UNITS, 0, 0, 0, UNITS)
    assert set(Counter(span.span_id for span, *_ in http.spans()).values()) == {2}


def test_a_partial_success_over_grpc(rpc: GrpcReceiver, make: Callable[..., Telemetry], caplog: Any) -> None:
    """What the receiver rejected within a success is counted over gRPC as well, and its reason is told."""

    def some(_context: Any, response: Any) -> Any:
        response.partial_success.rejected_spans = 3
        response.partial_success.error_message = "attribute too long"
        return response

    rpc.answer = some
    telemetry = make(rpc)
    assert not telemetry.flush(60)
    assert spans(telemetry)[2:] == (1, 3, 0, 0, 0)
    assert "rejected 3 of 4 traces: attribute too long" in caplog.text


def throttled(seconds: int) -> bytes:
    """The details of a status that says when to come back, as collectors write them."""
    delay = RetryInfo()
    delay.retry_delay.seconds = seconds
    packed = Packed()
    packed.Pack(delay)
    return Status(code=14, message="throttled", details=[packed]).SerializeToString()


def test_the_delay_of_a_collector_is_waited_for_over_grpc(rpc: GrpcReceiver, make: Callable[..., Telemetry]) -> None:
    """A RetryInfo among the details of a status sets the wait, where the exporter alone would double its own."""
    asked: list[float] = []

    def busy(context: Any, response: Any) -> Any:
        asked.append(time.monotonic())
        if len(asked) == 1:
            context.set_trailing_metadata((("grpc-status-details-bin", throttled(3)),))
            context.abort(grpc.StatusCode.UNAVAILABLE, "throttled")
        return response

    rpc.answer = busy
    telemetry = make(rpc, seconds=30)
    assert telemetry.flush(60)
    assert asked[1] - asked[0] > 2.9
    assert spans(telemetry)[2:] == (UNITS, 0, 0, 0, 0)


def test_a_delay_beyond_the_deadline_over_grpc(rpc: GrpcReceiver, make: Callable[..., Telemetry]) -> None:
    """A RetryInfo beyond the time of an export is not waited for: one attempt, a loss, a false flush."""

    def busy(context: Any, _response: Any) -> Any:
        context.set_trailing_metadata((("grpc-status-details-bin", throttled(3600)),))
        context.abort(grpc.StatusCode.UNAVAILABLE, "throttled")

    rpc.answer = busy
    telemetry = make(rpc)
    assert not telemetry.flush(60)
    assert len(rpc.taken["Trace"]) == 1
    assert spans(telemetry)[2:] == (0, UNITS, 0, 0, 0)


def test_garbage_over_grpc(rpc: GrpcReceiver, make: Callable[..., Telemetry]) -> None:
    """A response that cannot be read is no success, and the end stays bounded."""
    rpc.answer = lambda _context, _response: b"\xff\xff\xff\xff"
    telemetry = make(rpc, seconds=3)
    assert not telemetry.flush(60)
    assert spans(telemetry).exported == 0
    assert spans(telemetry).failed == UNITS


def test_a_slow_receiver_does_not_hold_the_end_over_grpc(rpc: GrpcReceiver, make: Callable[..., Telemetry]) -> None:
    """A call that nobody answers is abandoned within the bound of the end, and counted."""

    def asleep(context: Any, response: Any) -> Any:
        while context.is_active():
            time.sleep(0.02)
        return response

    rpc.answer = asleep
    telemetry = make(rpc, seconds=60)
    began = time.monotonic()
    (report,) = telemetry.shutdown(0.5)
    assert time.monotonic() - began < 20
    assert report.exported == 0
    assert report.failed + report.waiting == UNITS
