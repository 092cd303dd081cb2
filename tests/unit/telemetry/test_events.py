"""Events of the specification: which, when, and with what."""

from __future__ import annotations

import pytest
from opentelemetry._logs import SeverityNumber
from opentelemetry.sdk.trace import TracerProvider

from genops.core.amounts import Amount
from genops.core.attribution import Attribution
from genops.core.decisions import Decision, PolicyResult
from genops.core.records import Outcome, UnitId
from genops.telemetry.events import SpanEvents, attributed, events_in, events_of
from genops.telemetry.semconv import DECLARED
from support.records import BUDGET, ENDED, STARTED, adjusted, admitted, money, operation, reservation, settled

BLOCKED = Decision(PolicyResult.BLOCKED, "BUDGET_EXCEEDED", "daily cap", "0.10 USD left", "daily")
ABOUT = {
    "genops.team": "data-eng",
    "genops.project": "flights",
    "genops.environment": "test",
    "genops.operation.name": "table.get",
    "genops.operation.type": "table.get",
}
NOBODY_KNOWS = operation(attribution=Attribution({"team": "data-eng"}))
RECORDS = [
    admitted(decision=BLOCKED, held=None),
    admitted(held=reservation(Amount(60_000, "USD"), BUDGET)),
    settled(held=reservation(Amount(60_000, "USD"), BUDGET), actual=Amount(50_000, "USD"), priced=money()),
    settled(incomplete=True),
    adjusted(),
]


def names(record):
    """Names of the events of a record, without their prefix."""
    return [said.name.removeprefix("genops.") for said in events_of(record)]


def test_an_admission_is_a_decision_and_a_reservation():
    """Both are said before the call, at the time of the decision."""
    evaluated, reserved = events_of(RECORDS[1])
    assert attributed(RECORDS[1], evaluated) == {
        **ABOUT,
        "event.name": "genops.policy.evaluated",
        "genops.policy.result": "ALLOWED",
    }
    assert attributed(RECORDS[1], reserved) == {
        **ABOUT,
        "event.name": "genops.budget.reservation",
        "genops.accounting.reserved": 0.06,
        "genops.accounting.unit": "USD",
        "genops.budget.name": "flights-daily",
        "genops.budget.remaining": 6.0,
    }
    assert {evaluated.at_ns, reserved.at_ns} == {STARTED}


def test_a_refusal_owes_the_decision_only():
    """Nothing was reserved, so nothing is said of a reservation; the event is a warning."""
    (said,) = events_of(RECORDS[0])
    assert said.attributes["genops.policy.reason_code"] == "BUDGET_EXCEEDED"
    assert said.attributes["genops.policy.name"] == "daily cap"
    assert said.severity is SeverityNumber.WARN


def test_a_later_decision_reserves_nothing_again():
    """A second decision on a unit is a further decision event, even where a reservation stands."""
    assert names(admitted(sequence=1)) == ["policy.evaluated"]


def test_a_settlement_is_reconciled_once():
    """Actual, reserved, unit and their difference, at the end of the execution."""
    (said,) = events_of(RECORDS[2])
    assert said.name == "genops.budget.reconciliation"
    assert said.attributes["genops.accounting.actual"] == 0.05
    assert said.attributes["genops.accounting.reconciliation_delta"] == -0.01
    assert said.at_ns == ENDED
    (incomplete,) = events_of(RECORDS[3])
    assert incomplete.attributes["genops.accounting.incomplete"] is True


def test_what_was_not_executed_is_not_reconciled():
    """The specification forbids a reconciliation without an execution."""
    assert not events_of(settled(outcome=Outcome.NOT_EXECUTED))


@pytest.mark.parametrize("outcome", [Outcome.ERROR, Outcome.CANCELLED])
def test_whatever_ran_is_reconciled(outcome):
    """An error and a cancellation used what they used."""
    assert names(settled(outcome=outcome)) == ["budget.reconciliation"]


def test_a_correction_is_a_cost_and_no_second_reconciliation():
    """The new total, the change and its grade."""
    (said,) = events_of(adjusted())
    assert said.name == "genops.cost.calculated"
    assert said.attributes["genops.cost.total"] == 0.04
    assert said.attributes["genops.cost.delta"] == -0.01
    assert said.attributes["genops.cost.grade"] == "billed"
    assert not events_of(adjusted(currency=""))


def test_incomplete_attribution_has_no_required_event():
    """What cannot be charged never passes for governed; a later cost is still told, without inventing a project."""
    assert not events_of(admitted(NOBODY_KNOWS))
    assert not events_of(settled(NOBODY_KNOWS))
    late = adjusted(NOBODY_KNOWS)
    (said,) = events_of(late)
    assert "genops.project" not in attributed(late, said)


@pytest.mark.parametrize("record", RECORDS)
def test_every_event_is_small_declared_and_full(record):
    """About eight attributes, each declared, none empty, and the event's name among them."""
    for said in events_of(record):
        attributes = attributed(record, said)
        assert set(attributes) <= DECLARED
        assert all(value is not None and value != "" for value in attributes.values())
        assert attributes["event.name"] == said.name
        assert len(attributes) <= 11


@pytest.mark.parametrize("record", [*RECORDS, admitted(NOBODY_KNOWS), settled(NOBODY_KNOWS), adjusted(NOBODY_KNOWS)])
def test_events_are_counted_without_making_them(record):
    """What is queued for export is as many events as will be made."""
    assert events_in(record) == len(events_of(record))


def test_span_events_go_to_their_unit_while_it_is_open():
    """Events find their span by the unit, and one that has ended takes none."""
    span = TracerProvider(shutdown_on_exit=False).get_tracer("t").start_span("s")
    open_spans = {span.get_span_context().span_id: span}
    sink = SpanEvents(open_spans)
    unit = UnitId(1, span.get_span_context().span_id)
    sink.write(admitted(unit=unit))
    sink.write(settled(unit=unit))
    open_spans.clear()
    sink.write(adjusted(unit=unit))
    assert [(event.name, event.timestamp) for event in span.events] == [
        ("genops.policy.evaluated", STARTED),
        ("genops.budget.reservation", STARTED),
        ("genops.budget.reconciliation", ENDED),
    ]
    assert dict(span.events[0].attributes) == {"genops.policy.result": "ALLOWED"}
