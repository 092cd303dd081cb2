"""Telemetry of other runtimes, written by hand, judged at the level that it reaches."""

from __future__ import annotations

import base64
import json

import pytest

from genops.conformance import Level
from genops.conformance.report import as_text
from support import otlp_units as clean
from support.judging import broken, judged

TRACE, SPAN = "A1B2C3D4E5F60718293A4B5C6D7E8F90", "0A1B2C3D4E5F6071"


def javascript(**changed):
    """A span with span events as a JavaScript SDK writes it: times of whole milliseconds, whole numbers as integers."""
    decision = [{"key": "genops.policy.result", "value": {"stringValue": "ALLOWED"}}]
    money = [
        {"key": "genops.accounting.reserved", "value": {"doubleValue": 1.5}},
        {"key": "genops.accounting.unit", "value": {"stringValue": "tokens"}},
    ]
    used = [*money, {"key": "genops.accounting.actual", "value": changed.get("actual", {"doubleValue": 1.25})}]
    who = {
        "genops.team": "search", "genops.project": "ranker", "genops.environment": "production",
        "genops.operation.name": "rank", "genops.operation.type": "inference", "genops.spec.version": "0.1.0",
    }  # fmt: skip
    who |= changed.get("who", {})
    named = [{"key": key, "value": {"stringValue": word}} for key, word in who.items() if word]
    node = {
        "traceId": TRACE, "spanId": SPAN, "name": "rank", "kind": 3, "flags": 257,
        "startTimeUnixNano": 1790000000000000000, "endTimeUnixNano": 1790000000250000000,
        "attributes": [*named, *decision, *used, {"key": "genops.tokens.total", "value": {"intValue": 42}}],
        "events": [
            {"name": "genops.policy.evaluated", "timeUnixNano": 1790000000000000000, "attributes": decision},
            {"name": "genops.budget.reservation", "timeUnixNano": 1790000000000000000, "attributes": money},
            {"name": "genops.budget.reconciliation", "timeUnixNano": 1790000000250000000, "attributes": used},
        ][: changed.get("events", 3)],
        "droppedAttributesCount": 0, "links": [], "status": {"code": 0},
    }  # fmt: skip
    return {
        "resourceSpans": [{"resource": {"attributes": []}, "scopeSpans": [{"scope": {"name": "g"}, "spans": [node]}]}]
    }


def as_line(tree):
    """One line of JSON."""
    return json.dumps(tree).encode() + b"\n"


def test_a_javascript_runtime_is_fully_compliant():
    """Span events, ids in capitals, numbers for times and integers: all of it is OTLP."""
    verdict = judged(as_line(javascript()))
    assert (verdict.level, verdict.units, verdict.violations) == (Level.FULL, 1, ())


def test_its_whole_numbers_are_no_doubles():
    """A figure that was written as an integer is named with its rule, on the span and on the event."""
    assert broken(as_line(javascript(actual={"intValue": 1}))) == ["R16"]
    assert judged(as_line(javascript(actual={"intValue": 1}))).level is Level.NONE


def test_without_attribution_it_is_not_compliant():
    """A unit without a team is not partially compliant: it is not compliant, also where partial is declared."""
    data = as_line(javascript(who={"genops.team": ""}))
    assert broken(data) == ["R06"]
    assert judged(data).level is judged(data, "partial").level is Level.NONE


def test_without_reconciliation_it_is_partial_where_it_says_so():
    """What lacks a reconciliation alone is partial when that is declared, and not compliant when it is silent."""
    data = as_line(javascript(events=2))
    assert judged(data, "partial").level is Level.PARTIAL
    assert broken(data) == ["R24", "R37"]
    assert judged(data).level is Level.NONE


@pytest.mark.parametrize("place", ["resource", "scope", "span"])
def test_partial_is_declared_on_resource_scope_or_span(place):
    """`genops.spec.level = partial` counts wherever OTLP lets it stand."""
    data = javascript(events=1)
    outer = data["resourceSpans"][0]
    inner = outer["scopeSpans"][0]
    node = {"resource": outer["resource"], "scope": inner["scope"], "span": inner["spans"][0]}[place]
    node.setdefault("attributes", []).append({"key": "genops.spec.level", "value": {"stringValue": "partial"}})
    assert judged(as_line(data)).level is Level.PARTIAL


def test_a_runtime_that_declares_partial_and_does_everything_is_full():
    """The level is what the telemetry shows."""
    assert judged({**clean.ran(1), "resource": clean.pairs({"genops.spec.level": "partial"})}).level is Level.FULL


def test_partial_is_declared_by_each_unit_that_needs_it():
    """One unit that declares it does not speak for another one."""
    declared, silent = clean.lines(clean.partial(1)), clean.lines(clean.partial(2, declared=False))
    assert judged(declared + clean.lines(clean.ran(3))).level is Level.PARTIAL
    assert judged(declared + silent).level is Level.NONE
    assert judged(declared + silent, "partial").level is Level.PARTIAL


def test_protobuf_json_with_ids_in_base64_and_snake_case():
    """What protobuf's own JSON printer writes, with original field names, is read as well."""
    unit = clean.ran(7)
    for node in (*unit["spans"], *unit["logs"]):
        for name in ("traceId", "spanId"):
            node[name] = base64.b64encode(bytes.fromhex(node[name])).decode()
    text = clean.lines(unit).decode()
    for camel, snake in (
        ("resourceSpans", "resource_spans"), ("scopeSpans", "scope_spans"), ("resourceLogs", "resource_logs"),
        ("scopeLogs", "scope_logs"), ("logRecords", "log_records"), ("traceId", "trace_id"), ("spanId", "span_id"),
        ("eventName", "event_name"), ("timeUnixNano", "time_unix_nano"), ("stringValue", "string_value"),
        ("doubleValue", "double_value"), ("startTimeUnixNano", "start_time_unix_nano"),
        ("endTimeUnixNano", "end_time_unix_nano"), ("observedTimeUnixNano", "observed_time_unix_nano"),
    ):  # fmt: skip
        text = text.replace(f'"{camel}"', f'"{snake}"')
    verdict = judged(text.encode())
    assert (verdict.level, verdict.units) == (Level.FULL, 1)


def test_the_name_of_an_event_may_stand_in_an_attribute_alone():
    """Stores that drop the event name keep `event.name`."""
    unit = clean.ran(1)
    for record in unit["logs"]:
        del record["eventName"]
    assert judged(unit).level is Level.FULL


@pytest.mark.parametrize("order", [1, -1])
def test_order_and_files_do_not_matter(order):
    """Events before their spans, units of several processes mixed: the same verdict."""
    whole = clean.together(*(make(16 * n) for n, make in enumerate(clean.KINDS.values(), 1)))
    rows = [clean.lines({**whole, "spans": [one], "logs": []}) for one in whole["spans"]]
    rows += [clean.lines({**whole, "spans": [], "logs": [one]}) for one in whole["logs"]]
    verdict = judged(b"".join(rows[::order]))
    assert (verdict.level, verdict.units, verdict.sampled_out) == (Level.FULL, len(clean.KINDS), 1)
    assert verdict.results == {"ALLOWED": 6, "WARNING": 3, "BLOCKED": 3, "RATE_LIMITED": 1}


def test_what_is_not_governed_is_reported_and_no_unit():
    """A span with a team and nothing more is unattributed; a part, a container and a foreign span are not."""
    nodes = [
        clean.span(1, {"genops.team": "a"}, name="lonely"),
        clean.span(2, {"genops.operation.type": "table.get"}),
        clean.span(3, {**clean.WHO, "genops.operation.role": "part"}),
        clean.span(4, {**clean.WHO, "genops.operation.role": "container"}),
        clean.span(5, {"http.method": "GET", "genops.provider": "x"}),
    ]
    verdict = judged(clean.together(clean.ran(9), clean.file(nodes)))
    assert (verdict.level, verdict.units) == (Level.FULL, 1)
    assert [(one.name, one.span_id[-1]) for one in verdict.unattributed] == [("lonely", "1"), ("load", "2")]


def test_a_late_correction_of_unattributed_work_is_no_violation():
    """An optional event on an unattributed span, sampled or not, claims nothing."""
    cost = {"genops.cost.total": 1.0, "genops.cost.currency": "USD"}
    events = [clean.log(1, "genops.cost.calculated", 5, cost), clean.log(2, "genops.cost.calculated", 5, cost, 0)]
    for event in events:
        event["attributes"] = [pair for pair in event["attributes"] if pair["key"] != "genops.project"]
    verdict = judged(clean.together(clean.ran(9), clean.file([clean.span(1, {"genops.team": "a"})], events)))
    assert (verdict.level, len(verdict.unattributed)) == (Level.FULL, 2)


@pytest.mark.parametrize(
    ("attributes", "words"),
    [({"genops.operation.role": "part"}, "part"), ({}, "claims no governance"), ({"genops.team": "a"}, "no unit")],
)
def test_a_decision_on_what_is_no_unit_is_an_orphan(attributes, words):
    """A decision event on a part, on a foreign span and on unattributed work belongs to no unit."""
    event = clean.on_span(clean.EVALUATED, 1, clean.decided("ALLOWED"))
    verdict = judged(clean.together(clean.ran(9), clean.file([clean.span(1, attributes, [event])])))
    (violation,) = verdict.violations
    assert violation.rule == "R04"
    assert words in violation.message


def test_nothing_to_judge_is_not_compliant():
    """An input without a unit reaches no level, and says why."""
    verdict = judged(clean.file([clean.span(1, {"genops.team": "a"})]))
    assert (verdict.level, verdict.units, broken(b"")) == (Level.NONE, 0, ["R38"])


def test_spans_and_events_may_be_stamped_by_clocks_of_different_resolution():
    """A decision a few milliseconds after the end of a short span is its decision; one a second after is late."""
    unit = clean.refused(1)
    unit["spans"][0]["endTimeUnixNano"] = str(clean.START)
    unit["logs"][0]["timeUnixNano"] = str(clean.START + 16 * clean.MS)
    assert broken(unit) == []
    unit["logs"][0]["timeUnixNano"] = str(clean.START + 1_000 * clean.MS)
    assert broken(unit) == ["R26"]


def test_equal_times_are_in_order():
    """Decision, reservation and reconciliation at the same instant keep the order."""
    unit = clean.ran(1)
    for record in unit["logs"]:
        record["timeUnixNano"] = str(clean.START)
    assert broken(unit) == []


def test_a_further_decision_is_a_further_event():
    """A unit may be decided several times; its span states one of the decisions."""
    unit = clean.ran(1, "WARNING", "BUDGET_EXCEEDED")
    unit["logs"].append(clean.log(1, clean.EVALUATED, 60, clean.decided("WARNING", "x_slow")))
    unit["logs"].append(clean.log(1, clean.EVALUATED, 70, clean.decided("ALLOWED")))
    assert broken(unit) == []
    assert broken({**unit, "logs": unit["logs"][1:]}) == ["R20", "R26"]


def test_a_warning_needs_a_decision_of_its_own_where_nothing_was_admitted():
    """Only a unit that runs may turn what was refused inside it into a warning."""
    unit = clean.ran(1, "WARNING", clean.DENIED)
    unit["logs"][0] = clean.log(1, clean.EVALUATED, 1, clean.decided("BLOCKED", clean.DENIED))
    assert broken(unit) == ["R20"]


def test_a_refused_unit_may_have_reserved_before():
    """A reservation on a blocked unit is pre-execution telemetry; its attributes follow from it."""
    unit = clean.refused(1)
    unit["spans"][0]["attributes"] += clean.pairs(clean.RESERVED)
    unit["logs"].append(clean.log(1, clean.RESERVATION, 2, clean.RESERVED))
    assert broken(unit) == []
    del unit["logs"][1]
    assert "R22" in broken(unit)


def test_unsettled_units_are_counted():
    """A sampled-out unit without a reconciliation is counted, because it cannot say that it never ran."""
    unit = clean.sampled_out(1)
    del unit["logs"][2]
    verdict = judged(unit)
    assert (verdict.level, verdict.unsettled, verdict.sampled_out) == (Level.FULL, 1, 1)


@pytest.mark.parametrize(
    ("name", "word"),
    [
        ("genops.project", "na"), ("genops.team", "Default"), ("genops.team", "example"), ("genops.team", "value"),
        ("genops.operation.name", "<init>"), ("genops.operation.name", "[nightly]"),
        ("genops.operation.name", "your-orders sync"), ("genops.operation.name", "value"),
        ("genops.accounting.unit", "$"), ("genops.accounting.unit", "\u20ac"), ("genops.accounting.unit", "%"),
        ("genops.accounting.unit", "$USD"),
    ],
)  # fmt: skip
def test_words_that_mean_something_are_no_placeholders(name, word):
    """A name that somebody may have is one, and a unit of accounting need not have letters."""
    unit = clean.ran(1)
    for node in (*unit["spans"], *unit["logs"]):
        for pair in node["attributes"]:
            if pair["key"] == name:
                pair["value"] = clean.value(word)
    assert broken(unit) == []


@pytest.mark.parametrize("word", ["$TEAM", "%TEAM%", "your-team", "{{ team }}", "<team>", "n/a", "\u2014", "changeme"])
def test_words_that_were_never_filled_in_are_placeholders(word):
    """What stands for a team in a template is no team."""
    assert "R15" in broken(clean.ran(1, **{"genops.team": word}))


def test_there_may_be_no_tier_and_no_period():
    """None is the name of a tier and of a period; what Python writes for no value is not."""
    sla = {"genops.sla.latency_target_ms": 1, "genops.sla.actual_latency_ms": 1, "genops.sla.met": True}
    assert broken(clean.ran(1, **sla, **{"genops.sla.tier": "none", "genops.budget.period": "none"})) == []
    assert broken(clean.ran(1, **{"genops.budget.period": "None"})) == ["R15"]


_MEASURED = {
    "genops.cost.total": 5.0, "genops.tokens.output": 50, "genops.accounting.reconciliation_delta": 0.0,
}  # fmt: skip
_LATENCY = {
    "genops.sla.tier": "a", "genops.sla.met": True,
    "genops.sla.latency_target_ms": 5, "genops.sla.actual_latency_ms": 1,
}  # fmt: skip


@pytest.mark.parametrize("make", [clean.refused, clean.released])
@pytest.mark.parametrize("further", [_LATENCY, *({name: figure} for name, figure in _MEASURED.items())])
def test_what_was_not_executed_measures_nothing(make, further):
    """Cost, tokens, latency and the like on a unit that was stopped before execution."""
    unit = make(1)
    unit["spans"][0]["attributes"] += clean.pairs(further)
    assert broken(unit) == ["R28"]


@pytest.mark.parametrize("make", [clean.refused, clean.released])
@pytest.mark.parametrize(
    ("event", "attributes"),
    [
        ("genops.cost.calculated", {"genops.cost.total": 5.0, "genops.cost.currency": "USD"}),
        ("genops.evaluation.complete", {"genops.eval.metric": "m", "genops.eval.score": 1.0}),
    ],
)
def test_what_was_not_executed_emits_nothing_after_execution(make, event, attributes):
    """A cost and an evaluation come after execution."""
    unit = make(1)
    unit["logs"].append(clean.log(1, event, 9, attributes))
    assert broken(unit) == ["R28"]


def test_a_unit_reserves_on_the_decision_that_admits_it():
    """A refusal before the reservation is no leave to reserve; the decision that admits comes first."""
    unit = clean.ran(1)
    unit["logs"][0] = clean.log(1, clean.EVALUATED, 1, clean.decided("BLOCKED", clean.DENIED))
    unit["logs"].append(clean.log(1, clean.EVALUATED, 98, clean.decided("ALLOWED")))
    assert broken(unit) == ["R26"]
    unit["logs"][3]["timeUnixNano"] = unit["logs"][0]["timeUnixNano"]
    assert broken(unit) == []


@pytest.mark.parametrize("index", [1, 2])
def test_no_other_event_contradicts_the_decision(index):
    """A reservation or reconciliation that says BLOCKED on a unit that is ALLOWED."""
    unit = clean.ran(1)
    unit["logs"][index]["attributes"] += clean.pairs(clean.decided("BLOCKED", clean.DENIED))
    assert broken(unit) == ["R20"]
    unit = clean.ran(1)
    unit["logs"][index]["attributes"] += clean.pairs(clean.decided("ALLOWED"))
    assert broken(unit) == []


@pytest.mark.parametrize("other", [{"observedTimeUnixNano": str(clean.START + 51 * clean.MS)}, {"example.part": "b"}])
def test_two_parts_may_be_refused_in_the_same_tick(other):
    """Two decisions of one time that differ in anything are two; the very same record is a repetition."""
    unit = clean.with_a_part_refused(1)
    again = clean.log(1, clean.EVALUATED, 50, clean.decided("BLOCKED", clean.DENIED))
    unit["logs"].append(again)
    assert broken(unit) == ["R21"]
    for name, content in other.items():
        if name in again:
            again[name] = content
        else:
            again["attributes"] += clean.pairs({name: content})
    assert broken(unit) == []


def test_events_without_trace_flags_are_said_to_prove_no_sampling():
    """Without flags a span that was lost looks like one that was sampled out: the verdict says for how many."""
    bare = clean.sampled_out(1)
    for record in bare["logs"]:
        del record["flags"]
    alone = judged(bare)
    assert (alone.level, alone.judged_on_events, alone.sampled_out) == (Level.FULL, 1, 0)
    verdict = judged(clean.together(bare, clean.sampled_out(2), clean.refused(3)))
    assert (verdict.level, verdict.units) == (Level.FULL, 3)
    assert (verdict.judged_on_events, verdict.sampled_out) == (2, 1)
    text = as_text(verdict, Level.FULL)
    assert "2 of them have no span in the input" in text
    assert "1 carry no trace flags" in text
