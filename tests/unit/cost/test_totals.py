"""Exact totals: every unit and every cent once."""

from __future__ import annotations

import os
import threading
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from genops.core.amounts import ONE_CALL, Amount, Grade, Priced
from genops.core.attribution import Attribution
from genops.core.decisions import ALLOWED, Decision, PolicyResult
from genops.core.operation import NOTHING, Facts, Operation
from genops.core.records import Adjusted, Admitted, Outcome, Reservation, Settled, UnitId
from genops.cost.totals import LABELS, ExactTotals, Total
from genops.errors import InvalidArgument

UNIT = UnitId(1, 1)
WHO = Attribution({"team": "etl", "project": "lake", "environment": "test"})
QUERY = Operation("table.query", "p", attribution=WHO, host="a", resource_type="sql_warehouse")
WARNED = Decision(PolicyResult.WARNING, "BUDGET_EXCEEDED")
BLOCKED = Decision(PolicyResult.BLOCKED, "POLICY_DENY_CONTENT")


def admitted(operation: Operation = QUERY, decision: Decision = ALLOWED, sequence: int = 0) -> Admitted:
    """Return a decision."""
    return Admitted(UNIT, sequence, operation, decision, None, 0)


def settled(
    operation: Operation = QUERY, micros: int | None = None, currency: str = "USD", *, outcome: Outcome = Outcome.OK,
    facts: Facts = NOTHING, decision: Decision = ALLOWED,
) -> Settled:  # fmt: skip
    """Return a settlement after a quarter of a second."""
    priced = Priced(unpriced_reason="x") if micros is None else Priced(Amount(micros, currency))
    held = Reservation(1, ONE_CALL)
    return Settled(UNIT, operation, decision, held, outcome, facts, ONE_CALL, priced, False, 0, 250_000_000)


def adjusted(delta: int, operation: Operation = QUERY) -> Adjusted:
    """Return a correction."""
    return Adjusted(UNIT, operation, delta, "USD", 0, Grade.BILLED, "bill", NOTHING, 0)


def folded(*records: Admitted | Settled | Adjusted) -> ExactTotals:
    """Return the totals of records."""
    totals = ExactTotals()
    for record in records:
        totals.write(record)
    return totals


def test_one_unit() -> None:
    """A unit counts its decision, its settlement and its facts under its own labels."""
    facts = Facts(rows=3, bytes=10)
    by_team = folded(admitted(), settled(micros=140_000, facts=facts), adjusted(-40_000)).by("team")
    assert by_team == {
        "etl": Total(
            units=1, decisions=1, cost={"USD": Decimal("0.14")}, adjustment={"USD": Decimal("-0.04")}, seconds=0.25,
            rows=3, bytes=10,
        )
    }  # fmt: skip
    assert by_team["etl"].final == {"USD": Decimal("0.1")}


def test_labels_of_a_row() -> None:
    """A row carries the seven labels in order, the result and the currency."""
    row = folded(settled(micros=1)).rows()[0]
    assert row.labels == ("etl", "lake", "test", "p", "table.query", "sql_warehouse", "a")
    assert len(LABELS) == 7
    assert (row.result, row.currency, row.cost, row.units) == ("ALLOWED", "USD", 1, 1)


def test_refusals_are_violations_without_units() -> None:
    """A refused unit counts a decision and a violation; a warning counts as a violation of a unit that ran."""
    total = folded(admitted(decision=BLOCKED), admitted(decision=WARNED), settled(decision=WARNED)).total()
    assert (total.decisions, total.violations, total.units) == (2, 2, 1)


def test_not_executed_settles_nothing() -> None:
    """A unit that was not executed adds no unit and no money."""
    assert folded(settled(micros=5, outcome=Outcome.NOT_EXECUTED)).rows() == []


def test_errors_and_unpriced_units() -> None:
    """Errors and units without a price are counted; a cancelled unit is no error; unpriced is not zero money."""
    total = folded(settled(outcome=Outcome.ERROR), settled(outcome=Outcome.CANCELLED), settled(micros=0)).total()
    assert (total.units, total.errors, total.unpriced, total.cost) == (3, 1, 2, {"USD": Decimal(0)})


def test_seconds_of_execution_go_before_the_duration() -> None:
    """Where the time of execution is known it counts instead of the duration of the call."""
    assert folded(settled(facts=Facts(seconds=0.1)), settled()).total().seconds == pytest.approx(0.35)


def test_currencies_stay_apart() -> None:
    """Amounts of two currencies are never added."""
    assert folded(settled(micros=1_000_000), settled(micros=2_000_000, currency="EUR")).total().cost == {
        "USD": Decimal(1),
        "EUR": Decimal(2),
    }


def test_unattributed_units_are_counted() -> None:
    """Units without team, project or environment stand under empty labels, and each missing field is counted once."""
    nobody = QUERY._replace(attribution=Attribution({"team": "etl"}))
    totals = folded(admitted(nobody), admitted(nobody, sequence=1), settled(nobody, micros=1))
    assert totals.missing == {"project": 1, "environment": 1}
    assert totals.by("project")[""].units == 1


def test_adjustment_of_nothing_leaves_no_row() -> None:
    """A correction by zero adds no row."""
    assert folded(adjusted(0)).rows() == []


def test_overflow() -> None:
    """Combinations beyond the capacity go under `other`, counted, and no unit or money is lost."""
    totals = ExactTotals(capacity=10)
    for number in range(50):
        totals.write(settled(QUERY._replace(type=f"t{number}"), micros=1))
    assert len(totals.rows()) == 11
    assert totals.overflowed == 40
    assert totals.by("operation_type")["other"].units == 40
    assert totals.total().cost == {"USD": Decimal("0.00005")}
    totals.write(settled(QUERY._replace(type="t0"), micros=1))
    assert totals.by("operation_type")["t0"].units == 2


def test_workspaces_are_capped() -> None:
    """The first 50 workspaces are told apart, later ones stand under `other`, operations without one under nothing."""
    totals = ExactTotals()
    for number in range(60):
        totals.write(settled(QUERY._replace(host=f"h{number}")))
    totals.write(settled(QUERY._replace(host=None)))
    by_host = totals.by("workspace")
    assert len(by_host) == 52
    assert (by_host["other"].units, by_host["h0"].units, by_host[""].units) == (10, 1, 1)


def test_unknown_label() -> None:
    """Asking for totals by an unknown label names the nearest one."""
    with pytest.raises(InvalidArgument, match="did you mean 'team'"):
        ExactTotals().by("taem")


def test_reset() -> None:
    """After a reset everything begins at zero."""
    totals = folded(admitted(QUERY._replace(attribution=Attribution())), settled(micros=1))
    totals.reset()
    assert (totals.rows(), totals.missing, totals.overflowed, totals.total()) == ([], {}, 0, Total())


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_child_begins_at_zero() -> None:
    """A forked child does not count its parent's units again, even where the parent held the lock."""
    totals = folded(settled(micros=1))
    totals._lock.acquire()
    child = os.fork()
    if child == 0:
        totals.write(settled(micros=1))
        os._exit(totals.total().units)
    totals._lock.release()
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 1
    assert totals.total().units == 1


@settings(max_examples=100, deadline=None)
@given(st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 10**9), st.integers(-(10**6), 10**6)), max_size=40))
def test_every_cent_once(units: list[tuple[str, int, int]]) -> None:
    """The totals of any label add up to the settled money and the deltas, whatever the order of records."""
    totals = ExactTotals(capacity=3)
    for team, micros, delta in units:
        operation = QUERY._replace(attribution=Attribution({"team": team}))
        totals.write(settled(operation, micros))
        totals.write(adjusted(delta, operation))
    rows = totals.rows()
    assert sum(row.cost for row in rows) == sum(unit[1] for unit in units)
    assert sum(row.adjustment for row in rows) == sum(unit[2] for unit in units)
    assert sum(row.units for row in rows) == len(units)


def test_eight_threads() -> None:
    """Eight threads that settle at once lose nothing."""
    totals, start = ExactTotals(), threading.Barrier(8)

    def work() -> None:
        start.wait()
        for number in range(1000):
            totals.write(admitted())
            totals.write(settled(micros=number, facts=Facts(rows=1)))

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    total = totals.total()
    assert (total.units, total.decisions, total.rows, total.seconds) == (8000, 8000, 8000, 2000.0)
    assert total.cost == {"USD": Decimal(8 * sum(range(1000))) / 10**6}
