"""Off, observe and enforce; and what is raised when something is refused."""

from __future__ import annotations

import pickle

import pytest

from genops.core import current
from genops.core.decisions import Decision, PolicyResult, gravest
from genops.core.declared import operation, workflow
from genops.core.governor import Governor, Settings
from genops.core.operation import Facts, Operation
from genops.core.ports import AllowAll
from genops.core.records import Admitted, Reservation
from genops.errors import (
    BudgetExceeded,
    GenOpsError,
    GovernanceError,
    GovernanceUnavailable,
    InvalidArgument,
    PolicyDenied,
    RateLimited,
)
from support.governed import SECRET, Clearance, DenyAll, Prices, Purse, call, iterate, usd
from support.recording import TEAM, RecordingSink


def test_off_passes_everything_through(govern, sink, tracer):
    """With mode off nothing is described, decided, opened or recorded."""
    govern("off", policy=DenyAll())

    def describe(*_):
        raise AssertionError("described")

    assert call(lambda: 3, describe=describe) == 3
    assert list(iterate(lambda: iter([1, 2]))) == [1, 2]
    with operation("load", reads=["a.b.c"]) as running, workflow("etl") as etl:
        running.observe(rows=3)
    assert etl.summary.units == 0
    assert sink.records == tracer.scopes == []


def test_without_a_governor_everything_passes_through(monkeypatch):
    """A patched method without an active governor is the method."""
    monkeypatch.setattr(current.slot, "governor", None)
    assert call(lambda: 3) == 3


def test_a_governor_that_is_replaced_finishes_what_it_began(govern, sink):
    """A unit ends with the governor that began it, even when another one, or none, is active by then."""
    govern()
    with operation("load", reads=["a.b.c"]):
        later = RecordingSink()
        govern("off", sinks=[later])
    assert len(sink.settled) == 1
    assert later.records == []
    assert current.owner.get() is None


def test_what_a_governor_without_work_began_is_no_work_of_its_successor(govern, sink):
    """A block entered while genops was off leaves without a trace when it is on by then."""
    govern("off")
    with operation("load", reads=["a.b.c"]):
        govern()
    assert sink.records == []


def test_observe_says_what_enforce_would_do_and_runs(govern, sink):
    """In observe mode a refusal is a warning with its code, and the call runs under a reservation."""
    govern("observe", policy=DenyAll())
    assert call(lambda: 3) == 3
    decision = sink.settled[0].decision
    assert (decision.result, decision.reason_code) == (PolicyResult.WARNING, "POLICY_DENY_CONTENT")
    assert decision.overruled
    assert sink.settled[0].reservation is not None


def test_observe_overdraws_a_budget_and_says_so(govern, sink):
    """In observe mode a budget that cannot carry the call is overdrawn, with a warning that names it."""
    purse = Purse(limit=1)
    govern("observe", ledger=purse)
    call()
    decision = sink.settled[0].decision
    assert (decision.result, decision.reason_code, decision.budget) == (
        PolicyResult.WARNING,
        "BUDGET_EXCEEDED",
        "purse",
    )
    assert sink.settled[0].reservation.overdraft


def test_a_policy_warning_weighs_as_much_as_an_overdraft(govern, sink):
    """Of two warnings the first stands."""
    govern("observe", ledger=Purse(limit=1), policy=DenyAll())
    call()
    assert sink.settled[0].decision.reason_code == "POLICY_DENY_CONTENT"


def test_a_ledger_that_refuses_where_it_must_not_blocks_nobody(govern, sink):
    """Observe mode blocks nobody, whatever a ledger answers."""

    class Stubborn(Purse):
        def reserve(self, operation, estimate, *, overdraft):
            return super().reserve(operation, estimate, overdraft=False)

    purse = Stubborn(limit=1)
    govern("observe", ledger=purse)
    assert call(lambda: 3) == 3
    assert sink.settled[0].decision.result is PolicyResult.WARNING
    assert [what for what, _ in purse.told] == ["reserve", "reserve"]


@pytest.mark.parametrize(
    ("ports", "error", "code"),
    [
        ({"policy": DenyAll()}, PolicyDenied, "POLICY_DENY_CONTENT"),
        ({"policy": DenyAll(PolicyResult.RATE_LIMITED, "RATE_LIMITED")}, RateLimited, "RATE_LIMITED"),
        ({"ledger": Purse(limit=1)}, BudgetExceeded, "BUDGET_EXCEEDED"),
    ],
    ids=["policy", "rate", "budget"],
)
def test_enforce_refuses_before_the_call(govern, sink, tracer, ports, error, code):
    """A refusal is emitted, then raised before the call, and nothing settles."""
    govern("enforce", **ports)
    ran = []
    with pytest.raises(error) as caught:
        call(lambda: ran.append(1))
    assert not ran
    assert caught.value.reason_code == code
    assert caught.value.operation_type == "table.get"
    (admitted,) = sink.records
    assert isinstance(admitted, Admitted)
    assert admitted.decision.refuses
    assert admitted.reservation is None
    assert tracer.scopes[0].closing.outcome is None
    assert tracer.scopes[0].closing.admitted is admitted
    assert current.owner.get() is None


def test_a_refusal_is_emitted_before_it_is_raised(govern):
    """Whoever catches a refusal finds its record already written."""
    order = []

    class Noting:
        def write(self, record):
            order.append("written")

    govern("enforce", policy=DenyAll(), sinks=[Noting()])
    try:
        call()
    except PolicyDenied:
        order.append("caught")
    assert order == ["written", "caught"]


@pytest.mark.parametrize("kind", [PolicyDenied, BudgetExceeded, RateLimited, GovernanceUnavailable])
def test_refusals_pickle_whole(kind):
    """A refusal crosses a process border with message and fields, and is no OSError."""
    error = kind("no", reason_code="X", operation_type="table.get", policy="p", budget="b")
    error.add_note("seen") if hasattr(error, "add_note") else None
    twin = pickle.loads(pickle.dumps(error))
    assert type(twin) is kind
    assert (str(twin), twin.__dict__) == (str(error), error.__dict__)
    assert isinstance(twin, (GovernanceError, GenOpsError, RuntimeError))
    assert not isinstance(twin, OSError)


def test_a_refusal_names_rule_and_budget(govern):
    """A refusal carries the rule or the budget that refused."""
    govern("enforce", policy=DenyAll())
    with pytest.raises(PolicyDenied, match="nothing goes") as caught:
        call()
    assert (caught.value.policy, caught.value.budget) == ("nothing-goes", None)
    govern("enforce", ledger=Purse(limit=1))
    with pytest.raises(BudgetExceeded, match="nothing left") as caught:
        call()
    assert caught.value.budget == "purse"


def test_what_was_given_back_can_be_reserved_again(govern):
    """A budget that is free again carries the next call."""
    govern("enforce", ledger=Purse(limit=2_000_000), pricer=Prices(table_get=2))
    call(observe=lambda op, result: Facts(money=usd(0)))
    call(observe=lambda op, result: Facts(money=usd(1)))
    with pytest.raises(BudgetExceeded):
        call()


def test_a_refused_unit_is_no_owner_of_what_follows(govern, tracer):
    """After a refusal the next call stands alone."""
    govern("enforce", policy=Clearance(SECRET))
    with pytest.raises(PolicyDenied), operation("load", reads=[SECRET]):
        raise AssertionError("ran")
    call()
    assert tracer.scopes[1].parent is None


def test_same_inputs_give_the_same_decision(govern, sink):
    """The same operation in the same state is decided the same way."""
    govern("enforce", policy=Clearance(SECRET))
    for _ in range(3):
        with pytest.raises(PolicyDenied):
            call(op_reads=(SECRET,))
    assert len({admitted.decision for admitted in sink.admitted}) == 1


def test_the_graver_decision_stands_and_the_first_of_equals():
    """Blocked weighs more than limited, that more than a warning, that more than allowed."""
    weights = [PolicyResult.ALLOWED, PolicyResult.WARNING, PolicyResult.RATE_LIMITED, PolicyResult.BLOCKED]
    decisions = [Decision(result, None if result is PolicyResult.ALLOWED else "x_a") for result in weights]
    for i, first in enumerate(decisions):
        for j, second in enumerate(decisions):
            assert gravest(first, second) is (second if j > i else first)


def test_a_decision_that_does_not_refuse_is_not_softened():
    """Softening leaves what runs anyway as it is."""
    warning = Decision(PolicyResult.WARNING, "x_a")
    assert warning.softened() is warning
    assert not warning.refuses


def test_nothing_builds_a_governor_for_the_bare_spine(monkeypatch):
    """Without a builder the spine says what to import."""
    monkeypatch.setattr(current.slot, "governor", None)
    monkeypatch.setattr(current.slot, "build", None)
    with pytest.raises(RuntimeError, match="import genops"):
        current.ensure()
    built = Governor(Settings(attribution=TEAM))
    monkeypatch.setattr(current.slot, "build", lambda: built)
    assert current.ensure() is built


def test_a_policy_sees_what_the_resolver_found_only_where_a_rule_needs_it(govern):
    """The resolver is asked only for what rules need."""
    asked = []

    class Asked:
        def resolve(self, operation, needs):
            asked.append(needs)
            from genops.core.ports import Resolution

            return Resolution()

    govern(resolver=Asked(), policy=AllowAll())
    call()
    assert asked == []
    govern(resolver=Asked(), policy=Clearance())
    call()
    assert asked == [frozenset({"tables"})]


def test_ordinary_errors_of_genops_stay_what_they_are(govern):
    """A wrong argument is a typed error that names the value and the way out, in every mode."""
    govern("off")
    for wrong in (
        {"name": " "},
        {"name": "x", "cost": -1},
        {"name": "x", "reads": "a.b.c"},
        {"name": "x", "action": "go"},
    ):
        with pytest.raises(InvalidArgument, match="expected"):
            operation(**wrong)
    with pytest.raises(InvalidArgument, match="currency"):
        operation("x", cost=1, currency="DBU")
    with pytest.raises(InvalidArgument, match="did you mean 'team'"):
        operation("x", taem="a")


def test_a_reservation_of_number_zero_is_held_by_nobody(govern, sink):
    """A reservation made where the ledger had failed is not shown to the ledger."""
    governor = govern(ledger=Purse())
    reservation = Reservation(0, usd(1))
    what = Operation("x", "test")
    from genops.core.amounts import Priced

    assert governor.reconcile(what, reservation, usd(1), Priced()) is None
    governor.release(what, reservation)
    assert governor.ledger.told == []
