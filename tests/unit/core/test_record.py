"""Declared work: evaluated, reserved with overdraft and reconciled at once."""

from __future__ import annotations

import pytest

from genops.core.amounts import Grade
from genops.core.decisions import ALLOWED, PolicyResult
from genops.core.operation import Facts, Operation
from genops.core.ports import AllowAll, SystemClock
from genops.core.records import Outcome
from genops.testing.ticks import TickingClock
from support.governed import BrokenLedger, DenyAll, Prices, Purse, statement, usd
from support.polling import eventually
from support.recording import TEAM

DONE = Operation("sql.run", "test", attribution=TEAM)


class SlowRule(AllowAll):
    """A policy during whose decision time passes."""

    needs = frozenset({"tables"})

    def __init__(self, clock):
        self.clock = clock

    def evaluate(self, operation, resolution):
        """Wait until the clock has moved, where it moves by itself."""
        if isinstance(self.clock, TickingClock):
            self.clock.advance(2)
        else:
            began = self.clock.now_ns()
            eventually(lambda: self.clock.now_ns() > began)
        return ALLOWED


def test_recorded_work_is_a_whole_unit(govern, sink, tracer):
    """One admission, one settlement, marked as recorded, over the time that it took."""
    governor = govern(ledger=Purse(), pricer=Prices())
    unit = governor.record(DONE, Facts(rows=3, money=usd(2), grade=Grade.METERED, source="history"), seconds=4)
    (settled,) = sink.settled
    assert unit == settled.unit == sink.admitted[0].unit
    assert settled.operation.recorded
    assert (settled.priced.money, settled.priced.grade, settled.facts.rows) == (usd(2), Grade.METERED, 3)
    assert tracer.scopes[0].started_ns == settled.started_ns


@pytest.mark.parametrize("seconds", [0, 0.0000000005, 0.001, 4, 1e8 / 3])
@pytest.mark.parametrize("clock", [SystemClock(), TickingClock(step=0), TickingClock()])
def test_recorded_work_ended_when_it_was_recorded(govern, sink, tracer, clock, seconds):
    """Decided, reserved and reconciled at its end, and its start as long ago as it took; to the nanosecond."""
    governor = govern(policy=SlowRule(clock), pricer=Prices(), clock=clock)
    governor.record(DONE, Facts(money=usd(2)), seconds=seconds)
    (admitted,), (settled,), (scope,) = sink.admitted, sink.settled, tracer.scopes
    assert admitted.at_ns == settled.ended_ns == scope.closing.ended_ns
    assert settled.ended_ns - settled.started_ns == round(seconds * 1e9)
    assert scope.started_ns == settled.started_ns


@pytest.mark.parametrize("mode", ["observe", "enforce"])
def test_recorded_work_is_never_denied(govern, sink, mode):
    """What has happened is said with a warning, not refused, and overdraws its budget."""
    governor = govern(mode, policy=DenyAll(), ledger=Purse(limit=1))
    governor.record(DONE, Facts())
    assert sink.settled[0].decision.result is PolicyResult.WARNING
    assert sink.settled[0].reservation.overdraft


@pytest.mark.faults
def test_recorded_work_survives_a_broken_ledger_in_enforce(govern, sink):
    """A fault blocks nothing that has happened."""
    governor = govern("enforce", ledger=BrokenLedger())
    assert governor.record(DONE, Facts()) is not None
    assert sink.settled[0].decision.reason_code == "x_policy_error"


def test_recorded_work_that_failed_is_an_error(governor, sink):
    """An error in the facts is the outcome."""
    governor.record(DONE, Facts(error_type="X"))
    assert sink.settled[0].outcome is Outcome.ERROR


def test_recorded_work_with_a_known_charge_is_a_witness(govern, sink):
    """A hand-written record of something already settled corrects it instead of counting it twice."""
    governor = govern(pricer=Prices())
    governor.record(DONE, Facts(money=usd(2), charge=statement(1)))
    governor.record(DONE, Facts(money=usd(3), charge=statement(1)))
    assert [s.priced.money for s in sink.settled] == [usd(2), None]
    assert [a.delta for a in sink.adjusted] == [1_000_000]


@pytest.mark.faults
def test_a_record_that_cannot_be_made_is_counted(govern, monkeypatch):
    """A bug of genops in recording raises nothing."""
    from genops.core import governor as spine

    governor = govern()
    monkeypatch.setattr(spine.Governor, "unit_type", None)
    assert governor.record(DONE, Facts()) is None
    assert governor.guard.counts == {"record": 1}
