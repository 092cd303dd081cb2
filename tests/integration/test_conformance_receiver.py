"""Receiving OTLP over HTTP and gRPC: what is taken, what is refused and told, and that nothing is lost in silence."""

from __future__ import annotations

import gzip
import json
import threading
import zlib

import pytest
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from genops.conformance import Judge, Level
from genops.conformance.bodies import LIMIT
from genops.conformance.intake import REMEMBERED, Intake
from genops.conformance.receiver import Address, HttpReceiver, _status
from support import otlp_units as clean
from support.otlp_posts import HEAD, chunked, opened, post, request, said_to
from support.polling import eventually

PROTOBUF = "application/x-protobuf"


@pytest.fixture
def receiver():
    """A receiver in this process, with its judge and its counts."""
    judge = Judge()
    intake = Intake(judge.take, judge.reject)
    running = HttpReceiver(Address.of("0"), intake)
    running.judge, running.intake = judge, intake
    yield running
    running.close()


@pytest.mark.parametrize("encoding", ["identity", "gzip", "deflate"])
@pytest.mark.parametrize("kind", [PROTOBUF, "application/json; charset=utf-8"])
def test_bodies_of_both_kinds_are_taken_compressed_or_not(receiver, kind, encoding):
    """Protobuf and JSON, plain, gzip and deflate: 200 and an empty answer of the same kind."""
    squeeze = {"identity": bytes, "gzip": gzip.compress, "deflate": zlib.compress}[encoding]
    for path, part, message in (
        ("traces", "spans", ExportTraceServiceRequest),
        ("logs", "logs", ExportLogsServiceRequest),
    ):
        tree = request(part, clean.ran(1))
        body = clean.message_of(tree, message).SerializeToString() if kind == PROTOBUF else json.dumps(tree).encode()
        status, headers, answer = post(
            f"{receiver.address}/v1/{path}", squeeze(body), kind, **{"Content-Encoding": encoding}
        )
        assert (status, answer) == (200, b"" if kind == PROTOBUF else b"{}")
        assert headers["Content-Type"] == kind.partition(";")[0]
    verdict = receiver.judge.verdict()
    assert (verdict.level, verdict.units, receiver.intake.accepted) == (Level.FULL, 1, 2)


@pytest.mark.parametrize(
    ("path", "body", "kind", "headers", "status"),
    [
        ("v1/traces", b"\xff\xff\xff", PROTOBUF, {}, 400),
        ("v1/traces", b"{nonsense", "application/json", {}, 400),
        ("v1/traces", b"[]", "application/json", {}, 400),
        ("v1/traces", b"[" * 100_000, "application/json", {}, 400),
        ("v1/logs", b"not gzip", PROTOBUF, {"Content-Encoding": "gzip"}, 400),
        ("v1/logs", gzip.compress(b"x" * 99, mtime=0)[:-9], PROTOBUF, {"Content-Encoding": "gzip"}, 400),
        ("v1/logs", b"", "text/plain", {}, 415),
        ("v1/logs", b"", PROTOBUF, {"Content-Encoding": "br"}, 415),
        ("v2/logs", b"", PROTOBUF, {}, 404),
        ("v1/logs", b"", PROTOBUF, {"Content-Length": str(LIMIT + 1)}, 413),
        ("v1/logs", b"", PROTOBUF, {"Content-Length": "many"}, 400),
        ("v1/logs", b"", PROTOBUF, {"Content-Length": "9" * 5_000}, 400),
        ("v1/logs", b"", PROTOBUF, {"Transfer-Encoding": "gzip"}, 400),
        ("v1/logs", gzip.compress(bytes(LIMIT + 1), mtime=0), PROTOBUF, {"Content-Encoding": "gzip"}, 413),
        ("v1/logs", zlib.compress(b"x") + b"y", PROTOBUF, {"Content-Encoding": "deflate"}, 400),
    ],
    ids=lambda value: repr(value)[:20],
)
def test_what_is_no_otlp_is_refused_as_a_receiver_does(receiver, path, body, kind, headers, status):
    """Each refusal has its status; it is counted, and the receiver goes on."""
    assert post(f"{receiver.address}/{path}", body, kind, **headers)[0] == status
    assert post(f"{receiver.address}/v1/metrics", b"", PROTOBUF)[0] == 200
    assert (receiver.intake.accepted, receiver.intake.refused) == (1, 1)
    found = [one.where for one in receiver.judge.verdict().violations if one.rule == "R01"]
    assert found == ([] if status == 404 else [f"POST /{path}"])


def test_a_request_under_way_is_no_idle_time(receiver):
    """Nothing is idle before the first request, nor while a body is on its way."""
    assert receiver.intake.idle() is None
    assert post(f"{receiver.address}/v1/metrics", b"", PROTOBUF)[0] == 200
    assert receiver.intake.idle() is not None
    connection, rest = opened(str(receiver.address), 100)
    with connection:
        assert connection.recv(100).startswith(b"HTTP/1.1 100 ")
        eventually(lambda: receiver.intake.idle() is None)
        connection.sendall(rest)
        assert b" 200 " in connection.recv(100)
    assert receiver.intake.idle() is not None
    assert receiver.judge.verdict().level is Level.FULL


def test_what_is_under_way_at_the_end_is_waited_for_or_said():
    """The end waits for a body that still comes; what does not come in time is a violation, and is taken no more."""
    judge = Judge()
    intake = Intake(judge.take, judge.reject)
    late, number = intake.begin("late"), intake.begin("never")
    later = threading.Timer(0.1, lambda: intake.take(late, request("spans", clean.with_span_events(1)), b"1"))
    later.start()
    intake.finish(0.5)
    later.join()
    assert not intake.take(number, request("spans", clean.with_span_events(2)), b"2")
    assert (intake.begin("after"), intake.accepted, intake.refused) == (0, 1, 1)
    verdict = judge.verdict()
    assert (verdict.units, [(one.rule, one.where) for one in verdict.violations]) == (1, [("R01", "never")])


def test_a_body_in_chunks_is_taken(receiver):
    """As SDKs send it that do not know its length before."""
    body = json.dumps(request("spans", clean.with_span_events(1))).encode()
    answer = said_to(receiver, HEAD + b"Transfer-Encoding: chunked\r\n\r\n" + chunked(body))
    assert answer.startswith(b"HTTP/1.1 200 ")
    assert receiver.judge.verdict().level is Level.FULL


@pytest.mark.parametrize(
    ("rest", "status"),
    [
        (b"Content-Length: 500\r\n\r\n", 400),
        (b"Content-Length: 500\r\n\r\n{}", 400),
        (b"\r\n", 411),
        (b"Transfer-Encoding: chunked\r\n\r\n", 400),
        (b"Transfer-Encoding: chunked\r\n\r\n5\r\n{}", 400),
        (b"Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n", 400),
        (b"Transfer-Encoding: chunked\r\n\r\n1\r\n{}\r\n0\r\n\r\n", 400),
        (b"Transfer-Encoding: chunked\r\n\r\nmany\r\n", 400),
        (b"Transfer-Encoding: chunked\r\n\r\n%x\r\n" % (LIMIT + 1), 413),
        (b"Transfer-Encoding: chunked\r\n\r\n0\r\n" + b"a: b\r\n" * 200 + b"\r\n", 400),
    ],
)
def test_a_body_that_is_cut_is_refused_and_said(receiver, rest, status, capfd):
    """Less than was said, or chunks that are none: never 200, a violation with the path, nothing on standard error."""
    assert said_to(receiver, HEAD + rest).startswith(b"HTTP/1.1 %d " % status)
    assert receiver.intake.refused == 1
    found = [(one.rule, one.where) for one in receiver.judge.verdict().violations]
    assert found[0] == ("R01", "POST /v1/traces")
    assert capfd.readouterr().err == ""


def test_what_is_no_http_is_counted_and_said(receiver):
    """An exporter that encrypts sends no request of HTTP: its telemetry is lost."""
    said_to(receiver, b"\x16\x03\x01 \x02\x00 \x01\x00 x\r\n\r\n")
    assert receiver.intake.refused == 1
    assert [one.rule for one in receiver.judge.verdict().violations] == ["R01", "R38"]


def test_every_member_of_a_gzip_body_counts(receiver):
    """A unit in the second member of a stream is judged as well; what is cut is refused."""
    bodies = [
        clean.message_of(request("spans", clean.with_span_events(number)), ExportTraceServiceRequest)
        for number in (1, 2)
    ]
    packed = b"".join(gzip.compress(body.SerializeToString()) for body in bodies)
    url, gzipped = f"{receiver.address}/v1/traces", {"Content-Encoding": "gzip"}
    assert post(url, packed, PROTOBUF, **gzipped)[0] == 200
    assert receiver.judge.verdict().units == 2
    assert post(url, packed[:-9], PROTOBUF, **gzipped)[0] == 400


def test_a_request_that_is_sent_again_is_passed_over(receiver):
    """An exporter that got no answer sends the same bytes: no identity comes twice, and the repetition is counted."""
    body = json.dumps(request("spans", clean.with_span_events(1))).encode()
    for packed, coding in ((body, "identity"), (gzip.compress(body), "gzip"), (body, "identity")):
        answer = post(f"{receiver.address}/v1/traces", packed, "application/json", **{"Content-Encoding": coding})
        assert answer[0] == 200
    assert (receiver.intake.accepted, receiver.intake.repeated) == (3, 2)
    assert receiver.judge.verdict().violations == ()


def test_repetitions_are_remembered_up_to_a_bound():
    """A receiver that runs for days holds no more than so many digests."""
    taken = []
    intake = Intake(lambda tree, _: taken.append(tree), lambda *_: None)
    for number in (*range(REMEMBERED + 1), REMEMBERED, 0):
        intake.take(intake.begin("a"), number, b"%d" % number)
    assert (len(taken), taken[-1], intake.repeated) == (REMEMBERED + 2, 0, 1)


def test_a_fault_of_the_receiver_is_a_violation(capfd):
    """What the judge cannot take ends the request and is told, without a traceback."""
    rejected = []

    def take(*_):
        raise RuntimeError("no room")

    intake = Intake(take, lambda *words: rejected.append(words))
    running = HttpReceiver(Address.of("0"), intake)
    try:
        said_to(running, HEAD + b"Content-Length: 2\r\n\r\n{}")
        eventually(lambda: rejected)
    finally:
        running.close()
    assert rejected == [("the receiver failed: RuntimeError('no room')", "--listen")]
    assert intake.idle() is not None
    assert capfd.readouterr().err == ""


@pytest.mark.parametrize("method", ["GET", "PUT", "HEAD", "OPTIONS"])
def test_only_post_is_taken(receiver, method):
    """Another method is told which one is allowed; it is counted, and loses no telemetry."""
    status, headers, _ = post(f"{receiver.address}/v1/traces", None, PROTOBUF, method)
    assert (status, headers["Allow"], receiver.intake.refused) == (405, "POST", 1)
    assert [one.rule for one in receiver.judge.verdict().violations] == ["R38"]


def test_a_refusal_carries_a_status_message():
    """The body of a 400 is google.rpc.Status in the kind of the request."""
    status_pb2 = pytest.importorskip("google.rpc.status_pb2")
    told = status_pb2.Status.FromString(_status(PROTOBUF, "x" * 300))
    assert (told.code, told.message) == (3, "x" * 300)
    assert json.loads(_status("application/json", "no")) == {"code": 3, "message": "no"}


def test_grpc_refuses_garbage():
    """A message that is none is INVALID_ARGUMENT, counted, and a violation; one that is sent again is passed over."""
    import grpc

    from genops.conformance.grpc_receiver import GrpcReceiver

    judge = Judge()
    intake = Intake(judge.take, judge.reject)
    running = GrpcReceiver(Address.of("grpc://127.0.0.1:0"), intake)
    try:
        with grpc.insecure_channel(f"127.0.0.1:{running.address.port}") as channel:
            export = channel.unary_unary("/opentelemetry.proto.collector.trace.v1.TraceService/Export")
            with pytest.raises(grpc.RpcError) as refused:
                export(b"\xff\xff\xff", timeout=30)
            assert refused.value.code() is grpc.StatusCode.INVALID_ARGUMENT
            tree = request("spans", clean.with_span_events(1))
            for _ in range(2):
                export(clean.message_of(tree, ExportTraceServiceRequest).SerializeToString(), timeout=30)
    finally:
        running.close()
    assert (intake.accepted, intake.repeated, intake.refused) == (2, 1, 1)
    (violation,) = judge.verdict().violations
    assert violation.rule == "R01"
    assert "INVALID_ARGUMENT" in violation.message
    assert violation.where == "opentelemetry.proto.collector.trace.v1.ExportTraceServiceRequest"
