"""The file: OTLP JSON, a request a line."""

from __future__ import annotations

import json
import multiprocessing
import re

import pytest
from google.protobuf import json_format
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.trace import Link

from genops.telemetry.otlp_file import OtlpFile, to_json


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
