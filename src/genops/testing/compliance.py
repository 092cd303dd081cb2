"""The judge of the specification, asked about what was captured."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, cast

from genops.conformance import Judge, Level

if TYPE_CHECKING:
    from genops.testing.captured import CapturedEvent, CapturedSpan, CapturedUnit

_MAX_LISTED = 20
_KINDS = {"internal": 1, "server": 2, "client": 3, "producer": 4, "consumer": 5}
_NUMBERS = {"INFO": 9, "WARN": 13, "ERROR": 17}
_ERROR = 2


def broken(units: Iterable[CapturedUnit], spans: Iterable[CapturedSpan], events: Iterable[CapturedEvent]) -> str | None:
    """Return why what was captured is not fully compliant; `None` where it is.

    Args:
        units: The units; each must name who pays.
        spans: The spans.
        events: The events that are not span events.
    """
    lines = [f"  {unit.name}: nobody is named as its {' and '.join(unit.missing)}" for unit in units if unit.missing]
    judge = Judge()
    judge.take(request(spans, events), "captured")
    verdict = judge.verdict()
    if verdict.units or not lines:
        lines += [
            f"  {violation.unit or violation.where}: {violation.rule} {violation.message}"
            for violation in verdict.violations
        ]
    if not lines and verdict.level is Level.FULL:
        return None
    more = [f"  … and {len(lines) - _MAX_LISTED} more"] if len(lines) > _MAX_LISTED else []
    return "\n".join(["what was captured is not fully compliant:", *lines[:_MAX_LISTED], *more])


def request(spans: Iterable[CapturedSpan], events: Iterable[CapturedEvent]) -> dict[str, Any]:
    """Return spans and events as one export request in OTLP's JSON."""
    return {
        "resourceSpans": [{"scopeSpans": [{"spans": [_span(span) for span in spans]}]}],
        "resourceLogs": [{"scopeLogs": [{"logRecords": [_log_record(event) for event in events]}]}],
    }


def _span(span: CapturedSpan) -> dict[str, Any]:
    return {
        "traceId": span.trace_id,
        "spanId": span.span_id,
        "parentSpanId": span.parent_id or "",
        "name": span.name,
        "kind": _KINDS[span.kind],
        "startTimeUnixNano": str(span.started_ns),
        "endTimeUnixNano": str(span.ended_ns),
        "attributes": _pairs(span.attributes),
        "events": [
            {"name": event.name, "timeUnixNano": str(event.at_ns), "attributes": _pairs(event.attributes)}
            for event in span.events
        ],
        "status": {"code": _ERROR} if span.status == "error" else {},
    }


def _log_record(event: CapturedEvent) -> dict[str, Any]:
    return {
        "traceId": event.trace_id,
        "spanId": event.span_id,
        "flags": int(event.sampled),
        "timeUnixNano": str(event.at_ns),
        "severityNumber": _NUMBERS.get(event.severity, 0),
        "eventName": event.name,
        "attributes": _pairs(event.attributes),
    }


def _pairs(attributes: Mapping[str, Any]) -> list[dict[str, Any]]:
    return [{"key": name, "value": _value(value)} for name, value in attributes.items()]


def _value(value: Any) -> dict[str, Any]:
    if isinstance(value, tuple):
        return {"arrayValue": {"values": [_value(item) for item in cast("tuple[Any, ...]", value)]}}
    if isinstance(value, bool):
        return {"boolValue": value}
    if isinstance(value, int):
        return {"intValue": str(value)}
    return {"doubleValue": value} if isinstance(value, float) else {"stringValue": str(value)}
