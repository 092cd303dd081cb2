"""The file: OTLP JSON, a request a line."""

from __future__ import annotations

import json
import multiprocessing
import os
import re
import signal
import threading
from pathlib import Path

import pytest
from google.protobuf import json_format
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.trace import Link

from genops.telemetry.export import File
from genops.telemetry.otlp.otlp_file import OtlpFile, to_json
from support.forking import in_child
from support.polling import eventually


@pytest.fixture
def spans():
    """A parent and a child, with a link."""
    tracer = TracerProvider(shutdown_on_exit=False).get_tracer("t")
    with tracer.start_as_current_span("parent", links=[]) as parent:
        child = tracer.start_span(
            "child", links=[Link(parent.get_span_context())], attributes={"traceId": "kept", "n": 7}
        )
        child.end()
    return [parent, child]


def test_ids_are_hexadecimal_and_enumerations_are_numbers(tmp_path, spans):
    """OTLP's JSON differs from protobuf's in these, links and parents included."""
    path = tmp_path / "out.jsonl"
    assert OtlpFile(path).spans(spans) == 2
    (line,) = path.read_text(encoding="utf-8").splitlines()
    parent, child = json.loads(line)["resourceSpans"][0]["scopeSpans"][0]["spans"]
    assert child["parentSpanId"] == parent["spanId"] == child["links"][0]["spanId"]
    assert re.fullmatch("[0-9a-f]{16}", parent["spanId"])
    assert re.fullmatch("[0-9a-f]{32}", parent["traceId"])
    assert child["kind"] == 1
    assert child["attributes"][0] == {"key": "traceId", "value": {"stringValue": "kept"}}
    assert child["attributes"][1]["value"] == {"intValue": "7"}


def test_the_line_is_the_request(spans):
    """Apart from the ids the line parses back into the very request."""
    from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans

    request = encode_spans(spans)
    text = re.sub(r'"(traceId|spanId|parentSpanId)":"[0-9a-f]+",?', "", to_json(request)).replace(",}", "}")
    for resource_spans in request.resource_spans:
        for scope_spans in resource_spans.scope_spans:
            for span in scope_spans.spans:
                span.trace_id = span.span_id = span.parent_span_id = b""
                for link in span.links:
                    link.trace_id = link.span_id = b""
    assert json_format.Parse(text, ExportTraceServiceRequest()) == request


def test_processes_may_share_a_file(tmp_path, spans):
    """Lines are appended whole, by several processes at once too."""
    path = tmp_path / "out.jsonl"
    context = multiprocessing.get_context("fork")
    file = OtlpFile(path)
    writers = [context.Process(target=lambda: [file.spans(spans) for _ in range(50)]) for _ in range(3)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join(30)
        assert writer.exitcode == 0
    lines = path.read_text(encoding="utf-8").splitlines()
    assert len(lines) == 150
    assert all("resourceSpans" in json.loads(line) for line in lines)


DESCRIPTORS = Path("/proc/self/fd")


def _descriptors(path):
    return sum(os.path.realpath(link) == str(path) for link in DESCRIPTORS.iterdir())


@pytest.mark.skipif(not DESCRIPTORS.is_dir(), reason="only Linux lists open files there")
def test_the_file_is_closed_with_the_last_sender(tmp_path, spans):
    """While somebody sends it stays open, once; after that nothing is left open, a late write included."""
    path = tmp_path.resolve() / "out.jsonl"
    destination = File(path)
    first, second = destination.sender("traces"), destination.sender("traces")
    assert first.send(spans, 2) == second.send(spans, 2) == 2
    assert _descriptors(path) == 1
    first.shutdown()
    first.shutdown()
    assert _descriptors(path) == 1
    second.shutdown()
    assert _descriptors(path) == 0
    assert second.send(spans, 2) == 2
    assert _descriptors(path) == 0
    assert len(path.read_text(encoding="utf-8").splitlines()) == 3


def _read(pipe):
    try:
        return os.read(pipe, 1 << 16)
    except BlockingIOError:
        return b""


def test_closing_does_not_wait_for_a_write(tmp_path, spans):
    """A write that hangs keeps nobody from shutting down, and closes the file when it is through."""
    path = tmp_path / "pipe"
    os.mkfifo(path)
    pipe = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    sender = File(path).sender("traces")
    many = [*spans] * 1000
    writer = threading.Thread(target=lambda: sender.send(many, len(many)), daemon=True)
    writer.start()
    taken = bytearray()
    eventually(lambda: taken.extend(_read(pipe)) or taken)
    closer = threading.Thread(target=sender.shutdown, daemon=True)
    closer.start()
    closer.join(20)
    assert writer.is_alive()
    assert not closer.is_alive()
    eventually(lambda: taken.extend(_read(pipe)) or taken.endswith(b"\n"))
    writer.join(20)
    assert not writer.is_alive()
    assert len(json.loads(taken)["resourceSpans"][0]["scopeSpans"][0]["spans"]) == 2000
    # Without a writer a pipe is at its end; with one it would have nothing yet, which raises.
    assert os.read(pipe, 1) == b""
    os.close(pipe)


def test_a_child_forked_during_a_write_can_write(tmp_path, spans):
    """The thread that held the lock is not in the child, which takes a lock and a descriptor of its own."""
    path = tmp_path / "out.jsonl"
    file = OtlpFile(path)
    held, over = threading.Event(), threading.Event()

    def hold():
        with file._lock:
            held.set()
            over.wait(30)

    holder = threading.Thread(target=hold)
    holder.start()
    held.wait(30)

    def write():
        signal.alarm(20)  # ends a child that waits for the lock
        assert file.spans(spans) == 2

    try:
        in_child(write)
    finally:
        over.set()
        holder.join()
    assert len(path.read_text(encoding="utf-8").splitlines()) == 1
