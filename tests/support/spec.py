"""Reads OTLP JSON lines and rules on the MUSTs of the GenOps Governance Specification 0.1.0, on the bytes alone."""

from __future__ import annotations

import json
import math
import re
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

RESULTS = {"ALLOWED", "BLOCKED", "WARNING", "RATE_LIMITED"}
REASONS = {
    "BUDGET_EXCEEDED",
    "BUDGET_RESERVATION_FAILED",
    "POLICY_DENY_MODEL",
    "POLICY_DENY_REGION",
    "POLICY_DENY_CONTENT",
    "RATE_LIMITED",
    "SLA_LATENCY_VIOLATION",
    "PROVIDER_ERROR_UPSTREAM",
    "ACCOUNTING_INVARIANT_VIOLATION",
}
WHO = ("genops.team", "genops.project", "genops.environment", "genops.operation.name", "genops.operation.type")
MEANINGLESS = {"", "none", "null", "unknown", "n/a", "na", "undefined", "default", "todo", "-", "?"}
EVALUATED, RESERVED, RECONCILED = (
    "genops.policy.evaluated",
    "genops.budget.reservation",
    "genops.budget.reconciliation",
)


class Exported(NamedTuple):
    """What a file of OTLP JSON lines holds."""

    spans: list[dict[str, Any]]
    events: list[dict[str, Any]]
    metrics: list[dict[str, Any]]

    @property
    def units(self) -> list[dict[str, Any]]:
        """The spans that are workload units."""
        return [span for span in self.spans if "genops.spec.version" in span["attributes"]]


def _value(value: dict[str, Any]) -> Any:
    ((kind, content),) = value.items()
    if kind == "intValue":
        return int(content)
    if kind == "arrayValue":
        return [_value(item) for item in content.get("values", [])]
    return content


def _attributes(item: dict[str, Any]) -> dict[str, Any]:
    return {pair["key"]: _value(pair["value"]) for pair in item.get("attributes", [])}


def _inner(line: dict[str, Any], resource: str, scope: str, items: str) -> Iterator[dict[str, Any]]:
    for one in line.get(resource, []):
        for two in one.get(scope, []):
            yield from two.get(items, [])


def read(file: Path) -> Exported:
    """Read a file of OTLP JSON lines."""
    exported = Exported([], [], [])
    for line in map(json.loads, file.read_text("utf-8").splitlines()):
        for span in _inner(line, "resourceSpans", "scopeSpans", "spans"):
            identity = {"trace_id": span["traceId"], "span_id": span["spanId"]}
            times = {"start": int(span["startTimeUnixNano"]), "end": int(span["endTimeUnixNano"])}
            exported.spans.append({**identity, **times, "name": span["name"], "attributes": _attributes(span)})
            exported.events.extend(
                {
                    **identity,
                    "time": int(e["timeUnixNano"]),
                    "name": e["name"],
                    "attributes": _attributes(span) | _attributes(e),
                }
                for e in span.get("events", [])
            )
        exported.events.extend(
            {
                "trace_id": record.get("traceId"),
                "span_id": record.get("spanId"),
                "time": int(record["timeUnixNano"]),
                "name": record.get("eventName") or _attributes(record).get("event.name"),
                "attributes": _attributes(record),
            }
            for record in _inner(line, "resourceLogs", "scopeLogs", "logRecords")
        )
        exported.metrics.extend(_inner(line, "resourceMetrics", "scopeMetrics", "metrics"))
    return exported


def violations(exported: Exported) -> list[str]:
    """Return every MUST that does not hold, in words."""
    events: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for event in exported.events:
        events.setdefault((event["trace_id"], event["span_id"]), []).append(event)
    known = {(unit["trace_id"], unit["span_id"]) for unit in exported.units}
    found = [f"orphan {e['name']} of {key}" for key, es in events.items() if key not in known for e in es]
    if len(known) != len(exported.units):
        found.append("an identity is used twice")
    for unit in exported.units:
        own = events.get((unit["trace_id"], unit["span_id"]), [])
        found += [f"{unit['name']}: {fault}" for fault in (*_attribute_faults(unit), *_event_faults(unit, own))]
    return found


def _attribute_faults(unit: dict[str, Any]) -> Iterator[str]:
    attributes = unit["attributes"]
    for name in WHO:
        value = attributes.get(name)
        if not isinstance(value, str) or value.strip().lower() in MEANINGLESS:
            yield f"{name} is {value!r}"
    if attributes["genops.spec.version"] != "0.1.0":
        yield "wrong specification version"
    yield from _result_faults(attributes)
    yield from _accounting_faults(attributes)


def _result_faults(attributes: dict[str, Any]) -> Iterator[str]:
    result, reason = attributes.get("genops.policy.result"), attributes.get("genops.policy.reason_code")
    if result not in RESULTS:
        yield f"result {result!r}"
    if (result == "ALLOWED") is not (reason is None):
        yield f"reason code {reason!r} with {result}"
    if reason is not None and reason not in REASONS and not re.fullmatch(r"x_[a-z0-9_]+", reason):
        yield f"reason code {reason!r} is in no list"


def _accounting_faults(attributes: dict[str, Any]) -> Iterator[str]:
    executed = attributes.get("genops.policy.result") in {"ALLOWED", "WARNING"}
    for name in ("genops.accounting.reserved", "genops.accounting.actual"):
        value = attributes.get(name)
        if executed and not (isinstance(value, float) and math.isfinite(value) and value >= 0):
            yield f"{name} is {value!r}, not a double"
        if not executed and value is not None:
            yield f"{name} on a unit that was not executed"
    if executed and not attributes.get("genops.accounting.unit"):
        yield "no accounting unit"


def _event_faults(unit: dict[str, Any], events: list[dict[str, Any]]) -> Iterator[str]:
    attributes = unit["attributes"]
    executed = attributes["genops.policy.result"] in {"ALLOWED", "WARNING"}
    names = [event["name"] for event in sorted(events, key=lambda event: event["time"])]
    if names[:1] != [EVALUATED]:
        yield f"begins with {names[:1]}"
    for name, wanted in ((RESERVED, int(executed)), (RECONCILED, int(executed))):
        if names.count(name) != wanted:
            yield f"{name} comes {names.count(name)} times"
    if executed and names and names[-1] != RECONCILED:
        yield f"ends with {names[-1]}"
    for event in events:
        yield from _carried(event, attributes)


def _carried(event: dict[str, Any], unit: dict[str, Any]) -> Iterator[str]:
    needs = {
        EVALUATED: ("genops.policy.result",),
        RESERVED: ("genops.accounting.reserved", "genops.accounting.unit"),
        RECONCILED: ("genops.accounting.actual", "genops.accounting.reserved", "genops.accounting.unit"),
    }
    for name in needs.get(event["name"], ()):
        if name not in event["attributes"]:
            yield f"{event['name']} without {name}"
        elif event["name"] != EVALUATED and event["attributes"][name] != unit.get(name):
            yield f"{event['name']} says another {name} than its span"
    for name in WHO[:3]:
        if event["attributes"].get(name) != unit[name]:
            yield f"{event['name']} says another {name} than its span"
