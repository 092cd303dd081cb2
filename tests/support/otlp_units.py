"""Clean units of every kind, written by hand as OTLP JSON, for the judge of the specification to judge."""

from __future__ import annotations

import base64
import json

START = 1_790_000_000_000_000_000
MS = 1_000_000
TRACE = "5b8efff798038103d269b633813fc60c"
WHO = {
    "genops.team": "data-eng",
    "genops.project": "flights",
    "genops.environment": "staging",
    "genops.operation.name": "Daily load",
    "genops.operation.type": "table.load",
}
RESERVED = {"genops.accounting.reserved": 0.5, "genops.accounting.unit": "USD"}
ACTUAL = {**RESERVED, "genops.accounting.actual": 0.25}
DELTA = {"genops.accounting.reconciliation_delta": -0.25}
VERSION = {"genops.spec.version": "0.1.0"}
DENIED = "POLICY_DENY_CONTENT"
EVALUATED, RESERVATION, RECONCILIATION = (
    "genops.policy.evaluated",
    "genops.budget.reservation",
    "genops.budget.reconciliation",
)


def value(content):
    """An AnyValue of the kind that fits."""
    if isinstance(content, dict):
        return content
    if isinstance(content, bool):
        return {"boolValue": content}
    if isinstance(content, int):
        return {"intValue": str(content)}
    return {"doubleValue": content} if isinstance(content, float) else {"stringValue": content}


def pairs(attributes):
    """Attributes as OTLP lists them."""
    return [{"key": name, "value": value(content)} for name, content in attributes.items()]


def span(number, attributes, events=(), name="load", start=START, end=START + 100 * MS):
    """A span with its own number as its id."""
    return {
        "traceId": TRACE,
        "spanId": f"{number:016x}",
        "name": name,
        "kind": 1,
        "startTimeUnixNano": str(start),
        "endTimeUnixNano": str(end),
        "attributes": pairs(attributes),
        "events": list(events),
    }


def on_span(name, at, attributes):
    """A span event."""
    return {"name": name, "timeUnixNano": str(START + at * MS), "attributes": pairs(attributes)}


def log(number, name, at, attributes, flags=1):
    """A log record on a span; it names who pays."""
    return {
        "timeUnixNano": str(START + at * MS),
        "observedTimeUnixNano": str(START + at * MS),
        "traceId": TRACE,
        "spanId": f"{number:016x}",
        "flags": flags,
        "eventName": name,
        "attributes": pairs({"event.name": name, **WHO, **attributes}),
    }


def decided(result, code=None):
    """A decision."""
    return {"genops.policy.result": result, **({"genops.policy.reason_code": code} if code else {})}


def file(spans=(), logs=(), resource=()):
    """What a file holds: spans, log records and the attributes of their resource."""
    return {"spans": list(spans), "logs": list(logs), "resource": pairs(dict(resource))}


def lines(tree):
    """Bytes of a file: a line of spans and a line of log records."""
    resource = {"attributes": tree["resource"]}
    written = []
    if tree["spans"]:
        written.append({"resourceSpans": [{"resource": resource, "scopeSpans": [{"spans": tree["spans"]}]}]})
    if tree["logs"]:
        written.append({"resourceLogs": [{"resource": resource, "scopeLogs": [{"logRecords": tree["logs"]}]}]})
    return b"".join(json.dumps(line).encode() + b"\n" for line in written)


def message_of(request, kind):
    """An export request of JSON as a protobuf message."""
    from google.protobuf import json_format

    def spelt(node):
        if isinstance(node, list):
            return [spelt(inner) for inner in node]
        if not isinstance(node, dict):
            return node
        return {
            name: base64.b64encode(bytes.fromhex(inner)).decode() if name in {"traceId", "spanId"} else spelt(inner)
            for name, inner in node.items()
        }

    return json_format.ParseDict(spelt(request), kind())


def together(*files):
    """One file of several."""
    whole = file()
    for one in files:
        for part in whole:
            whole[part] += one[part]
    return whole


def ran(number, result="ALLOWED", code=None, **further):
    """A unit that ran, with log events."""
    decision = decided(result, code)
    return file(
        [span(number, {**WHO, **VERSION, **decision, **ACTUAL, **DELTA, **further})],
        [
            log(number, EVALUATED, 1, decision),
            log(number, RESERVATION, 2, {**RESERVED, "genops.budget.name": "daily"}),
            log(number, RECONCILIATION, 99, {**ACTUAL, **DELTA}),
        ],
    )


def refused(number, result="BLOCKED", code=DENIED):
    """A unit that was refused, with a log event."""
    decision = decided(result, code)
    return file([span(number, {**WHO, **VERSION, **decision})], [log(number, EVALUATED, 1, decision)])


def sampled_out(number):
    """A unit that ran and whose span was not kept."""
    kept = ran(number)
    return file((), [{**record, "flags": 0} for record in kept["logs"]])


def with_span_events(number, result="ALLOWED", code=None):
    """A unit whose events stand on its span and name nobody."""
    decision = decided(result, code)
    events = [on_span(EVALUATED, 1, decision)]
    attributes = {**WHO, **VERSION, **decision}
    if result in {"ALLOWED", "WARNING"}:
        attributes |= ACTUAL
        events += [on_span(RESERVATION, 2, RESERVED), on_span(RECONCILIATION, 99, ACTUAL)]
    return file([span(number, attributes, events)])


def with_a_part_refused(number):
    """A unit inside which something was refused: it runs on, with a warning."""
    unit = ran(number, "WARNING", DENIED)
    unit["logs"][0] = log(number, EVALUATED, 1, decided("ALLOWED"))
    unit["logs"].append(log(number, EVALUATED, 50, decided("BLOCKED", DENIED)))
    unit["spans"].append(span(number + 1, {**WHO, "genops.operation.role": "part"}, name="part"))
    return unit


def incomplete(number):
    """A unit whose actual value is not known."""
    unit = ran(number)
    for node in (unit["spans"][0], unit["logs"][2]):
        node["attributes"] += pairs({"genops.accounting.incomplete": True})
    return unit


def released(number):
    """A unit that reserved and never ran."""
    unit = ran(number, **{"genops.cost.unpriced_reason": "not_executed"})
    node = unit["spans"][0]
    gone = {"genops.accounting.actual", *DELTA}
    node["attributes"] = [pair for pair in node["attributes"] if pair["key"] not in gone]
    del unit["logs"][2]
    return unit


def with_everything(number):
    """A unit with every optional attribute and event."""
    further = {
        "genops.budget.name": "daily",
        "genops.budget.allocated": 10.0,
        "genops.budget.consumed": 4.5,
        "genops.budget.remaining": 5.5,
        "genops.budget.period": "day",
        "genops.policy.name": "clearance",
        "genops.policy.reason": "nothing against it",
        "genops.policy.timestamp": START // MS,
        "genops.cost.total": 0.25,
        "genops.cost.currency": "USD",
        "genops.cost.provider": "databricks",
        "genops.cost.model": "small",
        "genops.tokens.input": 12,
        "genops.tokens.output": 30,
        "genops.tokens.total": 42,
        "genops.eval.metric": "accuracy",
        "genops.eval.score": 0.9,
        "genops.eval.threshold": 0.8,
        "genops.eval.passed": True,
        "genops.sla.tier": "premium",
        "genops.sla.latency_target_ms": 200,
        "genops.sla.actual_latency_ms": 100,
        "genops.sla.met": True,
        "genops.customer_id": "c-17",
        "genops.feature": "search",
        "genops.session_id": "s-1",
        "genops.cost_center": "cc-4",
    }
    unit = ran(number, **further)
    budget = ("genops.budget.name", "genops.budget.consumed", "genops.budget.allocated")
    unit["logs"] += [
        log(number, "genops.cost.calculated", 99, {"genops.cost.total": 0.25, "genops.cost.currency": "USD"}),
        log(number, "genops.budget.alert", 99, {name: further[name] for name in budget}),
        log(number, "genops.evaluation.complete", 99, {"genops.eval.metric": "accuracy", "genops.eval.score": 0.9}),
    ]
    return unit


def partial(number, declared=True):
    """A unit of a runtime that makes no reservations, and says so on its resource."""
    unit = refused(number, "ALLOWED", None)
    return {**unit, "resource": pairs({"genops.spec.level": "partial"} if declared else {})}


KINDS = {
    "ran, with log events": ran,
    "warned": lambda number: ran(number, "WARNING", "BUDGET_EXCEEDED"),
    "warned by an own code": lambda number: ran(number, "WARNING", "x_policy_error"),
    "blocked": refused,
    "rate limited": lambda number: refused(number, "RATE_LIMITED", "RATE_LIMITED"),
    "no reservation to be had": lambda number: refused(number, "BLOCKED", "BUDGET_RESERVATION_FAILED"),
    "sampled out": sampled_out,
    "with span events": with_span_events,
    "blocked, with span events": lambda number: with_span_events(number, "BLOCKED", DENIED),
    "a part refused": with_a_part_refused,
    "incomplete": incomplete,
    "released": released,
    "with everything optional": with_everything,
}
