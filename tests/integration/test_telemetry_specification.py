"""The specification, read from exported bytes alone: every MUST of version 0.1.0 on units of every fate."""

from __future__ import annotations

import json
import re

import pytest

from genops.core.amounts import Amount
from genops.core.attribution import Attribution
from genops.core.containers import Summary, roll_up
from genops.core.decisions import Decision, PolicyResult
from genops.core.guard import Guard
from genops.core.operation import Facts, Operation
from genops.core.ports import Closing
from genops.core.records import Outcome, Role
from genops.telemetry.config import TelemetryConfig
from genops.telemetry.providers import Telemetry
from support.records import (
    BUDGET,
    ENDED,
    STARTED,
    TABLE,
    WHO,
    adjusted,
    admitted,
    closing,
    money,
    operation,
    reservation,
    run_unit,
)
from support.spec import REASONS

BLOCKED = Decision(PolicyResult.BLOCKED, "POLICY_DENY_CONTENT", "clearance", "not cleared")
LIMITED = Decision(PolicyResult.RATE_LIMITED, "RATE_LIMITED", "slowly", "not now")
PAID = {"held": reservation(Amount(60_000, "USD"), BUDGET), "actual": Amount(50_000, "USD"), "priced": money()}


def refuse(telemetry, decision):
    """Take a refused unit through a telemetry."""
    what = operation(reads=(TABLE,))
    scope = telemetry.tracer.open(what, Role.UNIT, STARTED)
    record = admitted(what, decision, None, scope.unit)
    for sink in telemetry.sinks:
        sink.write(record)
    scope.close(closing(admission=record))


def everything(telemetry):
    """Units of every fate, a part, a container and a correction."""
    units = [
        run_unit(telemetry.tracer, telemetry.sinks, operation("table.get", reads=(TABLE,))),
        run_unit(telemetry.tracer, telemetry.sinks, operation("table.query", name="daily"), **PAID),
        run_unit(telemetry.tracer, telemetry.sinks, decision=BLOCKED.softened(), incomplete=True),
        run_unit(telemetry.tracer, telemetry.sinks, facts=Facts(error_type="NotFound"), outcome=Outcome.ERROR),
        run_unit(telemetry.tracer, telemetry.sinks, outcome=Outcome.CANCELLED),
        run_unit(telemetry.tracer, telemetry.sinks, outcome=Outcome.NOT_EXECUTED),
        run_unit(telemetry.tracer, telemetry.sinks, operation(attribution=Attribution({"team": "a"}))),
    ]
    refuse(telemetry, BLOCKED)
    refuse(telemetry, LIMITED)
    for sink in telemetry.sinks:
        sink.write(adjusted(unit=units[1]))
    telemetry.tracer.open(operation(), Role.PART, STARTED).close(Closing(ENDED, Outcome.OK, Facts()))
    workflow = Operation("workflow.run", "genops", attribution=WHO)
    summed = roll_up(Summary("workflow", 8, 2, 1, 1, {}, 7, 2.0, 0, 0, {}))
    end = Closing(ENDED, Outcome.OK, Facts(), attributes=summed)
    telemetry.tracer.open(workflow, Role.CONTAINER, STARTED).close(end)


@pytest.fixture(scope="module", params=["log", "span"])
def exported(request, tmp_path_factory):
    """Spans and events as the file has them: `[(attributes, ids)]` and `[(name, attributes, ids)]`."""
    path = tmp_path_factory.mktemp("spec") / "out.jsonl"
    telemetry = Telemetry.build(TelemetryConfig(export=path, events=request.param), guard=Guard())
    everything(telemetry)
    assert telemetry.flush(20)
    telemetry.shutdown(5)
    spans, events = [], []
    for line in path.read_text(encoding="utf-8").splitlines():
        tree = json.loads(line)
        for span in _leaves(tree, "resourceSpans", "scopeSpans", "spans"):
            identity = span["traceId"], span["spanId"]
            spans.append((_plain(span["attributes"]), identity))
            events += [(event["name"], _plain(event["attributes"]), identity) for event in span.get("events", [])]
        for record in _leaves(tree, "resourceLogs", "scopeLogs", "logRecords"):
            events.append((record["eventName"], _plain(record["attributes"]), (record["traceId"], record["spanId"])))
    return spans, events


def _leaves(tree, *path):
    nodes = [tree]
    for key in path:
        nodes = [item for node in nodes for item in node.get(key, [])]
    return nodes


def _plain(attributes):
    return {item["key"]: next(iter(item["value"].items())) for item in attributes}


def text(attributes, name):
    """The string value of an attribute."""
    kind, value = attributes[name]
    assert kind == "stringValue"
    return value


def units(exported):
    """The spans that claim to be workload units."""
    return [(attributes, identity) for attributes, identity in exported[0] if "genops.spec.version" in attributes]


def of(exported, identity, name):
    """Attributes of the events of one name on a unit."""
    return [attributes for event, attributes, where in exported[1] if where == identity and event == f"genops.{name}"]


def test_every_unit_is_attributed_and_named(exported):
    """Team, project, environment, operation name and type, and the version, as strings that say something."""
    assert len(units(exported)) == 8
    for attributes, _ in units(exported):
        for name in ("team", "project", "environment", "operation.name", "operation.type"):
            assert text(attributes, f"genops.{name}").strip()
        assert text(attributes, "genops.spec.version") == "0.1.0"


def test_an_identity_is_used_once(exported):
    """Trace and span id name one span each."""
    identities = [identity for _, identity in exported[0]]
    assert len(identities) == len(set(identities)) == 11


def test_results_and_reason_codes_are_of_the_closed_lists(exported):
    """A reason code stands if and only if the result is not ALLOWED, on spans and on events."""
    evaluated = [attributes for name, attributes, _ in exported[1] if name == "genops.policy.evaluated"]
    for attributes in [*(attributes for attributes, _ in units(exported)), *evaluated]:
        result = text(attributes, "genops.policy.result")
        assert result in {"ALLOWED", "BLOCKED", "WARNING", "RATE_LIMITED"}
        assert ("genops.policy.reason_code" in attributes) == (result != "ALLOWED")
        if result != "ALLOWED":
            code = text(attributes, "genops.policy.reason_code")
            assert code in REASONS or re.fullmatch(r"x_[a-z0-9_]+", code)


def test_every_unit_has_its_decision_event(exported):
    """A decision event for each unit, with the result of its span."""
    for attributes, identity in units(exported):
        (event,) = of(exported, identity, "policy.evaluated")
        assert event["genops.policy.result"] == attributes["genops.policy.result"]


def test_what_ran_reserved_and_reconciled(exported):
    """Allowed or warned units reserve once; those that were executed reconcile once, with equal figures on the span."""
    seen = []
    for attributes, identity in units(exported):
        refused = text(attributes, "genops.policy.result") in {"BLOCKED", "RATE_LIMITED"}
        reserved, reconciled = (
            of(exported, identity, "budget.reservation"),
            of(exported, identity, "budget.reconciliation"),
        )
        executed = "genops.accounting.actual" in attributes
        assert len(reserved) == (not refused)
        assert len(reconciled) == executed
        seen.append((refused, executed))
        for event in (*reserved, *reconciled):
            for name in ("reserved", "unit"):
                assert event[f"genops.accounting.{name}"] == attributes[f"genops.accounting.{name}"]
        for event in reconciled:
            assert event["genops.accounting.actual"] == attributes["genops.accounting.actual"]
            assert event["genops.accounting.actual"][0] == "doubleValue"
        if refused:
            assert not [name for name in attributes if name.startswith("genops.accounting")]
    assert sorted(seen) == [(False, False)] + [(False, True)] * 5 + [(True, False)] * 2


def test_an_unknown_actual_is_flagged_and_kept(exported):
    """Incomplete stands on the span and on the reconciliation."""
    flagged = [(a, i) for a, i in units(exported) if "genops.accounting.incomplete" in a]
    ((_, identity),) = flagged
    (event,) = of(exported, identity, "budget.reconciliation")
    assert event["genops.accounting.incomplete"] == ("boolValue", True)


def test_money_is_money_and_nothing_else_is(exported):
    """A cost has an ISO 4217 currency; what has no price has a reason and no zero."""
    for attributes, _ in units(exported):
        if "genops.cost.total" in attributes:
            assert re.fullmatch("[A-Z]{3}", text(attributes, "genops.cost.currency"))
            assert attributes["genops.cost.total"][1] > 0
        elif "genops.accounting.actual" in attributes:
            assert text(attributes, "genops.cost.unpriced_reason")
        if "genops.accounting.reserved" in attributes:
            assert attributes["genops.accounting.reserved"][1] > 0


def test_events_are_attributed_by_themselves(exported):
    """Each log event names who pays and which operation, so that it stands without its span; span events need not."""
    for name, attributes, _ in exported[1]:
        if "event.name" not in attributes:
            assert not [field for field in attributes if field in {"genops.team", "genops.operation.type"}]
            continue
        assert text(attributes, "event.name") == name
        for field in ("team", "project", "environment", "operation.name", "operation.type"):
            assert text(attributes, f"genops.{field}").strip()


def test_the_unattributed_claim_nothing(exported):
    """A unit without project and environment, a part and a container: no version, policy, accounting or event."""
    rest = [(a, i) for a, i in exported[0] if "genops.spec.version" not in a]
    assert len(rest) == 3
    for attributes, identity in rest:
        assert not [n for n in attributes if n.startswith(("genops.policy", "genops.accounting"))]
        assert not [name for name, _, where in exported[1] if where == identity]


def test_nothing_is_empty(exported):
    """No null, no empty string, no placeholder."""
    for attributes in [*(a for a, _ in exported[0]), *(a for _, a, _ in exported[1])]:
        for kind, value in attributes.values():
            assert value not in {"", "unknown", "none", "null", "n/a"}, attributes
            assert kind in {"stringValue", "intValue", "doubleValue", "boolValue"}
    assert WHO.complete
