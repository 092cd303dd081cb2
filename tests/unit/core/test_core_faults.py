"""The two fault domains: what fails in genops is caught and counted; decisions are never confused with it."""

from __future__ import annotations

import logging

import pytest

from genops.core.decisions import PolicyResult
from genops.core.guard import Guard
from genops.core.operation import Facts
from genops.core.ports import AllowAll, NoPrices
from genops.core.records import Outcome
from genops.errors import GovernanceUnavailable, PolicyDenied
from support.governed import BrokenLedger, DenyAll, Purse, call, iterate
from support.recording import RecordingTracer
from support.records import STATEMENT, operation

pytestmark = pytest.mark.faults


class Broken:
    """Fails in whatever it is asked."""

    def __getattr__(self, name):
        raise ZeroDivisionError(name)


class BrokenPolicy(AllowAll):
    def evaluate(self, operation, resolution):
        raise ZeroDivisionError


class NeedyPolicy(AllowAll):
    needs = frozenset({"tables"})


class BrokenPricer(NoPrices):
    def estimate(self, operation):
        raise ZeroDivisionError

    def price(self, operation, facts, seconds):
        raise ZeroDivisionError


class BrokenSink:
    def write(self, record):
        raise ZeroDivisionError


class HalfBrokenTracer(RecordingTracer):
    """Opens scopes that fail in everything else."""

    def open(self, operation, role, started_ns, parent=None):
        scope = super().open(operation, role, started_ns, parent)

        class Failing:
            unit = scope.unit

            def enter(self):
                raise ZeroDivisionError

            exit = close = enter

        return Failing()


def broken_describe(*_):
    """Describe nothing."""
    raise ZeroDivisionError


def broken_observe(operation, value):
    """See nothing."""
    raise ZeroDivisionError


DECIDING = {
    "policy": {"policy": BrokenPolicy()},
    "resolver": {"policy": NeedyPolicy(), "resolver": Broken()},
    "ledger": {"ledger": BrokenLedger()},
}
TELLING = {
    "tracer": {"tracer": Broken()},
    "scope": {"tracer": HalfBrokenTracer()},
    "sink": {"sinks": [BrokenSink()]},
    "pricer": {"pricer": BrokenPricer()},
}


@pytest.mark.parametrize("ports", DECIDING.values(), ids=DECIDING)
def test_in_observe_a_failing_decision_is_a_warning_and_the_call_runs(govern, sink, ports):
    """In observe mode the call runs, marked with x_policy_error, and still under a reservation."""
    governor = govern("observe", **ports)
    assert call(lambda: 3) == 3
    decision = sink.settled[0].decision
    assert (decision.result, decision.reason_code) == (PolicyResult.WARNING, "x_policy_error")
    assert sink.admitted[0].reservation.amount.unit == "call"
    assert governor.guard.total > 0


@pytest.mark.parametrize("ports", DECIDING.values(), ids=DECIDING)
def test_in_enforce_a_failing_decision_blocks(govern, sink, ports):
    """In enforce mode what could not be decided does not run; the refusal is emitted."""
    govern("enforce", **ports)
    with pytest.raises(GovernanceUnavailable, match="failed"):
        call(lambda: pytest.fail("ran"))
    assert sink.admitted[0].decision.result is PolicyResult.BLOCKED
    assert sink.settled == []


@pytest.mark.parametrize("ports", DECIDING.values(), ids=DECIDING)
def test_in_enforce_a_failing_decision_may_be_allowed(govern, sink, ports):
    """With on_fault = allow the call runs with a warning."""
    govern("enforce", "allow", **ports)
    assert call(lambda: 3) == 3
    assert sink.settled[0].decision.result is PolicyResult.WARNING


@pytest.mark.parametrize("mode", ["observe", "enforce"])
@pytest.mark.parametrize("ports", TELLING.values(), ids=TELLING)
def test_a_fault_in_telemetry_or_prices_stops_nobody(govern, sink, ports, mode):
    """A failing tracer, sink or pricer never touches the call, in any mode, nor the decision."""
    governor = govern(mode, **ports)
    assert call(lambda: 3) == 3
    assert [type(r).__name__ for r in sink.records] == ["Admitted", "Settled"]
    assert sink.settled[0].decision.result is PolicyResult.ALLOWED
    assert governor.guard.total > 0


@pytest.mark.parametrize("ports", [*DECIDING.values(), *TELLING.values()], ids=[*DECIDING, *TELLING])
def test_the_callers_own_error_survives_every_fault(govern, ports):
    """Whatever fails in genops, the caller sees the error of the call."""
    govern("observe", **ports)
    error = KeyError("x")

    def fail():
        raise error

    with pytest.raises(KeyError) as caught:
        call(fail)
    assert caught.value is error
    assert caught.traceback[-1].name == "fail"


def test_a_failing_description_is_a_warning_in_observe(govern, sink):
    """A call that could not be described runs, as its type, with a warning."""
    govern("observe")
    assert call(lambda: 3, describe=broken_describe) == 3
    assert sink.settled[0].operation.type == "table.get"
    assert sink.settled[0].decision.reason_code == "x_policy_error"


def test_a_failing_description_blocks_in_enforce(govern, sink):
    """In enforce mode what is not known does not run, unless faults are allowed."""
    govern("enforce")
    with pytest.raises(GovernanceUnavailable):
        call(lambda: pytest.fail("ran"), describe=broken_describe)
    with pytest.raises(GovernanceUnavailable):
        iterate(lambda: pytest.fail("ran"), describe=broken_describe)
    assert len(sink.admitted) == 2
    govern("enforce", "allow")
    assert call(lambda: 3, describe=broken_describe) == 3


def test_a_part_that_cannot_be_described_is_said_on_its_unit(govern, sink):
    """A fault in describing a part is a further decision on its unit."""
    govern("observe")
    assert call(lambda: call(lambda: 3, library="b", describe=broken_describe)) == 3
    assert sink.admitted[1].decision.reason_code == "x_policy_error"
    govern("enforce")
    with pytest.raises(GovernanceUnavailable):
        call(lambda: call(lambda: 3, library="b", describe=broken_describe))


@pytest.mark.parametrize("hook", ["observe", "failed"])
def test_a_failing_hook_loses_its_facts_only(govern, sink, hook):
    """What a hook failed to see is missing; outcome and result stand."""
    govern("enforce")

    def body():
        if hook == "failed":
            raise KeyError
        return 3

    try:
        assert call(body, **{hook: broken_observe}) == 3
    except KeyError:
        assert hook == "failed"
    assert sink.settled[0].outcome is (Outcome.ERROR if hook == "failed" else Outcome.OK)


def test_a_hook_that_raises_the_callers_error_leaves_its_traceback(govern):
    """Catching a fault takes nothing from an exception that is the caller's."""
    govern("observe")

    def again(operation, error):
        raise error

    def fail():
        raise KeyError

    with pytest.raises(KeyError) as caught:
        call(fail, failed=again)
    assert "fail" in [entry.name for entry in caught.traceback]


def test_a_failing_item_hook_leaves_the_items(govern, sink):
    """An iterator whose items cannot be observed still gives every item."""
    govern("observe")
    assert list(iterate(lambda: iter([1, 2, 3]), observe=broken_observe)) == [1, 2, 3]
    assert sink.settled[0].facts.rows == 3


def test_a_fault_after_a_refusal_does_not_undo_it(govern, monkeypatch):
    """A policy's no stands even where genops fails while saying it and faults are allowed."""
    from genops.core import governor as spine

    govern("enforce", "allow", policy=DenyAll())
    monkeypatch.setattr(spine.Governor, "unit_type", Broken())
    with pytest.raises(PolicyDenied):
        iterate(lambda: pytest.fail("ran"))


@pytest.mark.parametrize(("mode", "on_fault"), [("observe", "block"), ("enforce", "allow"), ("enforce", "block")])
def test_a_bug_of_the_spine_itself(govern, monkeypatch, mode, on_fault):
    """Where genops itself is broken the call goes on alone, unless enforce mode blocks on faults."""
    from genops.core import governor as spine

    governor = govern(mode, on_fault)
    monkeypatch.setattr(spine.Governor, "unit_type", Broken())
    if (mode, on_fault) == ("enforce", "block"):
        with pytest.raises(GovernanceUnavailable):
            call(lambda: 3)
        with pytest.raises(GovernanceUnavailable):
            list(iterate(lambda: iter([1])))
    else:
        assert call(lambda: 3) == 3
        assert list(iterate(lambda: iter([1, 2]))) == [1, 2]
    assert governor.guard.counts["governor"] == 2


def test_a_statement_that_our_fault_refuses_leaves_nothing(govern, monkeypatch):
    """What is refused because genops failed did not run, so what it would leave to its session is taken back."""
    from genops.core import governor as spine

    governor, undone = govern("enforce", "block"), []
    monkeypatch.setattr(spine.Governor, "unit_type", Broken())
    monkeypatch.setattr(governor.statements, "undo", undone.append)
    with pytest.raises(GovernanceUnavailable):
        governor.begin(operation("statement.execute", statement=STATEMENT))
    assert undone == [STATEMENT]


def test_a_broken_ledger_is_not_asked_about_what_it_never_held(govern, sink):
    """Where reserving failed nothing is reconciled: the numbers of a reservation are the ledger's own."""

    class Shaky(Purse):
        fails = True

        def reserve(self, operation, estimate, *, overdraft):
            if self.fails:
                raise OSError
            return super().reserve(operation, estimate, overdraft=overdraft)

    purse = Shaky()
    govern("observe", ledger=purse)
    call()
    assert purse.told == []
    assert sink.settled[0].reservation.id == 0


@pytest.mark.parametrize("kind", [KeyboardInterrupt, SystemExit])
def test_an_interrupt_inside_a_port_is_never_swallowed(govern, kind):
    """Only exceptions are faults: an interrupt that strikes in a port passes through."""

    class Interrupted(AllowAll):
        def evaluate(self, operation, resolution):
            raise kind

    governor = govern("observe", policy=Interrupted())
    with pytest.raises(kind):
        call(lambda: pytest.fail("ran"))
    assert governor.guard.total == 0


def test_a_raising_sink_hurts_no_other_sink(govern, sink):
    """The sinks after a failing one get every record."""
    from support.recording import RecordingSink

    after = RecordingSink()
    govern(sinks=[BrokenSink(), after])
    call()
    assert after.records == sink.records


def test_faults_are_logged_once_a_site_without_their_message(caplog):
    """The log names site, class and place once; the message may quote the caller's data and stays out."""
    guard = Guard()
    with caplog.at_level(logging.WARNING, "genops"):
        for number in range(3):
            with guard.at("somewhere"):
                raise ValueError(f"a secret {number}")
    (record,) = [record for record in caplog.records if record.name == "genops"]
    assert "somewhere" in record.getMessage()
    assert "ValueError" in record.getMessage()
    assert __name__ in record.getMessage()
    assert "secret" not in caplog.text
    assert guard.counts == {"somewhere": 3}
    assert guard.total == 3


def test_the_sites_and_the_last_faults_are_bounded():
    """At most 256 sites are kept apart, and the last 32 faults as text, without the frames that hold data."""
    guard = Guard()
    for number in range(300):
        with guard.at(f"site {number}"):
            raise ValueError("a secret")
    assert len(guard.counts) == 257
    assert guard.counts["other"] == 44
    assert len(guard.faults) == 32
    assert guard.faults[-1].startswith("other: ValueError at")
    assert "secret" not in str(guard.faults)


def test_a_fault_in_settling_stays_here(govern):
    """What fails between the result and the records is a fault like any other."""
    governor = govern("observe")

    class Odd(Facts):
        def __getattribute__(self, name):
            if name == "reads":
                raise ZeroDivisionError
            return super().__getattribute__(name)

    assert call(lambda: 3, observe=lambda op, result: Odd()) == 3
    assert governor.guard.counts == {"settle": 1}
