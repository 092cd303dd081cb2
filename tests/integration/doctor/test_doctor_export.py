"""`genops doctor` against real receivers: what arrives, what does not, and in whose words."""

from __future__ import annotations

import json
import os
import socket
import ssl
import threading
import time

import grpc
import pytest

from support.examined import doctor, examined
from support.otlp import plain
from support.otlp_grpc import GrpcReceiver

SIGNALS = ("traces", "logs", "metrics")


@pytest.fixture
def grpc_receiver(monkeypatch):
    """A receiver over gRPC that the environment names."""
    with GrpcReceiver() as receiver:
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", f"http://127.0.0.1:{receiver.port}")
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc")
        yield receiver


def export(found):
    """Findings of the export, each once for all three signals."""
    return [one for one in found.tree["findings"] if one["id"].startswith("export.")]


def assert_problem(found, problem, word=""):
    """All three signals have this one problem, in words, with a fix, and the exit code says so."""
    findings = export(found)
    assert [one["id"] for one in findings] == [f"export.{problem}"] * 3
    assert [one["title"].split()[0] for one in findings] == list(SIGNALS)
    assert all(one["severity"] == "error" and one["fix"] for one in findings)
    assert all(word.lower() in one["detail"].lower() for one in findings)
    assert found.code == 1


# What arrives.


def test_each_signal_that_is_accepted_says_so(receiver):
    """One marked item of each signal over HTTP; the finding names address, protocol and how long it took."""
    found = examined()
    findings = export(found)
    assert [one["id"] for one in findings] == ["export.accepted"] * 3
    assert all(receiver.endpoint in one["title"] and " ms" in one["detail"] for one in findings)
    assert found.code == 0
    (span, _, scope), *others = receiver.spans()
    assert (span.name, scope.name, others) == ("genops.doctor.probe", "genops.doctor", [])
    (log, _, scope), *others = receiver.logs()
    assert (log.event_name, scope.name, others) == ("genops.doctor.probe", "genops.doctor", [])
    (metric, _), *others = receiver.metrics()
    assert (metric.name, others) == ("genops.doctor.probe", [])


def test_a_probe_is_neither_a_unit_nor_a_cost(receiver):
    """It carries no attribute of genops, so that no bill, no judge and no dashboard counts it."""
    examined()
    (span, _, _), (log, _, _), (metric, _) = receiver.spans()[0], receiver.logs()[0], receiver.metrics()[0]
    told = [plain(span.attributes), plain(log.attributes), plain(metric.gauge.data_points[0].attributes)]
    assert told == [{}, {}, {}]
    assert not span.events


def test_each_signal_is_accepted_over_grpc(grpc_receiver):
    """The same over gRPC."""
    found = examined()
    assert [one["id"] for one in export(found)] == ["export.accepted"] * 3
    assert all("grpc" in one["detail"] for one in export(found))
    assert {kind: len(taken) for kind, taken in grpc_receiver.taken.items()} == {"Trace": 1, "Logs": 1, "Metrics": 1}


def test_a_signal_that_is_switched_off_is_named(receiver, monkeypatch):
    """`OTEL_METRICS_EXPORTER=none`: two signals are asked for, the third is off."""
    monkeypatch.setenv("OTEL_METRICS_EXPORTER", "none")
    found = examined()
    assert [one["id"] for one in export(found)] == ["export.accepted", "export.accepted", "export.signal_off"]
    assert not receiver.metrics()


def test_a_file_and_the_terminal_are_destinations_too(tmp_path):
    """A file can be written, and a new one that nothing was written to is not left behind."""
    (tmp_path / "genops.toml").write_text('[telemetry]\nexport = ["out.jsonl", "console"]\n')
    found = examined()
    assert [one["id"] for one in export(found)] == ["export.console", "export.file"]
    assert not (tmp_path / "out.jsonl").exists()


# What does not arrive.


@pytest.mark.parametrize(
    ("status", "problem"),
    [
        (302, "redirected"),
        (400, "bad_request"),
        (401, "unauthorized"),
        (403, "unauthorized"),
        (404, "wrong_path"),
        (405, "wrong_path"),
        (407, "proxy"),
        (415, "wrong_protocol"),
        (418, "bad_request"),
        (422, "bad_request"),
        (429, "busy"),
        (500, "receiver_failed"),
        (503, "busy"),
    ],
)
def test_a_refusing_status_is_told_apart(receiver, status, problem):
    """The first answer counts, and is shown; the exporter, which would try again, is not waited for."""
    receiver.faults.statuses.extend([status] * 40)
    assert_problem(examined(), problem, str(status))


def test_the_words_of_a_receiver_are_shown(receiver):
    """Text, or the message of a protobuf status."""
    from google.rpc.status_pb2 import Status

    for kind, body in (
        ("text/plain", b"tenant\nis unknown"),
        ("application/x-protobuf", Status(message="tenant is unknown").SerializeToString()),
    ):
        receiver.faults.answer = (400, kind, body)
        assert_problem(examined(), "bad_request", "tenant is unknown")


def test_a_partial_success_is_no_success(receiver):
    """The receiver answers 200 and rejected the probe."""
    receiver.faults.reject = 1
    assert_problem(examined(), "partial")


def test_a_remark_is_a_warning(receiver):
    """A receiver that accepted everything may still have something to say."""
    body = json.dumps({"partialSuccess": {"errorMessage": "this path is deprecated"}}).encode()
    receiver.faults.answer = (200, "application/json", body)
    found = examined()
    assert [one["id"] for one in export(found)] == ["export.remark"] * 3
    assert all("deprecated" in one["detail"] for one in export(found))
    assert found.code == 0
    assert examined("--strict").code == 1


def test_a_web_site_is_no_receiver(receiver):
    """It answers everything with 200 and a page."""
    receiver.faults.answer = (200, "text/html; charset=utf-8", b"<html>welcome</html>")
    assert_problem(examined(), "not_otlp")


def test_a_black_hole_is_given_up(receiver):
    """Nothing comes back: one bound for all signals together, not one for each."""
    receiver.faults.black_hole = True
    began = time.monotonic()
    assert_problem(examined("--timeout", "0.5"), "no_answer")
    assert time.monotonic() - began < 60


def test_an_address_where_nothing_listens(monkeypatch, free_port):
    """The connection is refused, over HTTP and over gRPC."""
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", f"http://127.0.0.1:{free_port}")
    assert_problem(examined(), "nothing_listens", "refused")
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc")
    assert_problem(examined(), "nothing_listens", "refused")


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_a_proxy_where_nothing_listens(monkeypatch, free_port, scheme):
    """The proxy is what has to be put right, and neither its password nor the key in the query is shown."""
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", f"{scheme}://collector.invalid:4318/v1?api_key=very-secret")
    monkeypatch.setenv(f"{scheme.upper()}_PROXY", f"http://me:very-secret@127.0.0.1:{free_port}")
    found = examined()
    assert_problem(found, "proxy")
    assert "very-secret" not in str(found.tree)


def test_a_receiver_that_quotes_the_address(receiver, monkeypatch):
    """Its words are shown, the key in the query that they quote is not."""
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", f"{receiver.endpoint}/v1?api_key=very-secret")
    receiver.faults.answer = (404, "text/plain", b"Cannot POST /v1?api_key=very-secret: no such route")
    found = examined()
    assert_problem(found, "wrong_path", "no such route")
    assert "very-secret" not in str(found.tree)


def test_a_host_without_a_name(monkeypatch):
    """A name that is reserved for hosts that never exist, over HTTP and over gRPC."""
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://collector.invalid:4318")
    assert_problem(examined(), "unknown_host")
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc")
    assert_problem(examined(), "unknown_host")


def test_plain_text_where_encryption_is_asked_for(receiver, monkeypatch):
    """`https://` at a port of plain text."""
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", receiver.endpoint.replace("http:", "https:"))
    assert_problem(examined(), "tls")
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc")
    assert_problem(examined(), "tls")


def test_another_protocol_than_the_one_that_is_spoken(receiver, grpc_receiver, monkeypatch):
    """At a port of HTTP somebody speaks gRPC, and the other way round."""
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", receiver.endpoint)
    assert_problem(examined(), "wrong_protocol")
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_PROTOCOL", "http/protobuf")
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", f"http://127.0.0.1:{grpc_receiver.port}")
    assert_problem(examined(), "wrong_protocol")


@pytest.mark.parametrize(
    ("code", "problem"),
    [
        (grpc.StatusCode.UNAUTHENTICATED, "unauthorized"),
        (grpc.StatusCode.PERMISSION_DENIED, "unauthorized"),
        (grpc.StatusCode.UNIMPLEMENTED, "wrong_path"),
        (grpc.StatusCode.INVALID_ARGUMENT, "bad_request"),
        (grpc.StatusCode.RESOURCE_EXHAUSTED, "busy"),
        (grpc.StatusCode.INTERNAL, "receiver_failed"),
    ],
)
def test_a_refusing_code_of_grpc_is_told_apart(grpc_receiver, code, problem):
    """With the receiver's own words."""
    grpc_receiver.answer = lambda context, _response: context.abort(code, "the reason why")
    assert_problem(examined(), problem, "the reason why")


def test_a_collector_without_memory_is_busy_and_not_absent(grpc_receiver):
    """The memory limiter of the OpenTelemetry Collector says "data refused", which is no refused connection."""
    words = "data refused due to high memory usage"
    grpc_receiver.answer = lambda context, _response: context.abort(grpc.StatusCode.UNAVAILABLE, words)
    assert_problem(examined(), "busy", words)


def test_a_partial_success_over_grpc(grpc_receiver):
    """The exporter calls it a success."""

    def reject(_context, response):
        partial = response.partial_success
        field = next(name for name in partial.DESCRIPTOR.fields_by_name if name.startswith("rejected"))
        setattr(partial, field, 1)
        partial.error_message = "not today"
        return response

    grpc_receiver.answer = reject
    assert_problem(examined(), "partial", "not today")


def test_a_black_hole_over_grpc_is_given_up(grpc_receiver):
    """A call that never ends keeps neither the doctor nor its process."""
    release = threading.Event()
    grpc_receiver.answer = lambda _context, response: (release.wait(60), response)[1]
    try:
        assert_problem(examined("--timeout", "0.5"), "no_answer")
        ended = doctor("--timeout", "0.5", **_named())
        assert ended.returncode == 1
        assert "no answer" in ended.stdout
    finally:
        release.set()


def _named():
    return {name: value for name, value in os.environ.items() if name.startswith("OTEL_")}


def test_an_unverified_certificate_is_a_matter_of_tls(monkeypatch, free_port):
    """A server whose certificate nobody vouches for: here one that ends the handshake."""
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def refuse():
            while True:
                try:
                    taken, _ = listening.accept()
                except OSError:
                    return
                with taken, pytest.raises((ssl.SSLError, OSError)):
                    ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).wrap_socket(taken, server_side=True)

        threading.Thread(target=refuse, daemon=True).start()
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", f"https://127.0.0.1:{listening.getsockname()[1]}")
        assert_problem(examined(), "tls")


# Where nothing leaves.


def test_without_an_endpoint_nothing_leaves(monkeypatch):
    """A warning with what to set; chosen, it is none; and so it is where telemetry is switched off."""
    (one,) = export(examined())
    assert (one["id"], one["severity"]) == ("export.nowhere", "warning")
    assert "OTEL_EXPORTER_OTLP_ENDPOINT" in one["fix"]
    assert [one["id"] for one in export(examined("--export", "none"))] == ["export.off"]
    monkeypatch.setenv("GENOPS_MODE", "off")
    assert [one["id"] for one in export(examined())] == ["export.off"]
    monkeypatch.delenv("GENOPS_MODE")
    monkeypatch.setenv("OTEL_SDK_DISABLED", "true")
    assert [one["id"] for one in export(examined())] == ["export.disabled"]
