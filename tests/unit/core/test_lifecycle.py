"""The way of a unit: admitted before the call, settled after it, exactly once."""

from __future__ import annotations

import pytest

from genops.core.attribution import Attribution
from genops.core.decisions import PolicyResult
from genops.core.operation import Facts, Operation
from genops.core.records import Admitted, Outcome, Role, Settled
from support.governed import Clock, Prices, Purse, call, usd
from support.recording import TEAM, RecordingSink


def test_a_unit_is_admitted_before_its_call_and_settled_after_it(governor, sink):
    """The admission is written before the call, the settlement after it, each once and for the same unit."""
    seen = []
    call(lambda: seen.extend(sink.records))
    assert [type(record) for record in seen] == [Admitted]
    assert [type(record) for record in sink.records] == [Admitted, Settled]
    assert {record.unit for record in sink.records} == {governor.tracer.scopes[0].unit}
    assert sink.admitted[0].sequence == 0
    assert sink.admitted[0].reservation == sink.settled[0].reservation


def test_the_result_is_the_very_object(governor):
    """A governed call returns what the call returned, not a copy."""
    result = object()
    assert call(lambda: result) is result


def test_the_error_is_the_very_object_with_its_traceback(governor, sink):
    """A governed call raises what the call raised, and its traceback ends where it was raised."""
    error = KeyError("missing")

    def fail():
        raise error

    with pytest.raises(KeyError) as caught:
        call(fail)
    assert caught.value is error
    assert caught.traceback[-1].name == "fail"
    assert sink.settled[0].outcome is Outcome.ERROR
    assert sink.settled[0].facts.error_type == "KeyError"


def test_the_class_of_an_error_of_a_library_is_named_with_its_module(governor, sink):
    """The error of a settlement is the class with its module, never the message."""

    class RefusedError(Exception):
        pass

    def fail():
        raise RefusedError("a secret")

    with pytest.raises(RefusedError):
        call(fail)
    assert sink.settled[0].facts.error_type.endswith("RefusedError")
    assert __name__ in sink.settled[0].facts.error_type
    assert "a secret" not in repr(sink.settled[0])


@pytest.mark.parametrize("kind", [KeyboardInterrupt, SystemExit, GeneratorExit])
def test_what_is_no_exception_passes_and_settles_as_cancelled(governor, sink, kind):
    """Interrupts are never swallowed; the unit settles as cancelled."""

    def stop():
        raise kind

    with pytest.raises(kind):
        call(stop)
    assert sink.settled[0].outcome is Outcome.CANCELLED


def test_the_scope_is_current_inside_the_call_only(governor, tracer):
    """The span is current while the call runs and no longer."""
    assert call(lambda: tracer.current) is tracer.scopes[0]
    assert tracer.current is None
    assert tracer.scopes[0].role is Role.UNIT


def test_a_scope_is_closed_with_its_decision_and_settlement(governor, sink, tracer):
    """What closes the span carries the admission that stands and the settlement."""
    call()
    closing = tracer.scopes[0].closing
    assert closing.settled is sink.settled[0]
    assert closing.admitted == sink.admitted[0]
    assert closing.outcome is Outcome.OK


def test_facts_of_the_result_and_of_the_way_stand_in_the_settlement(governor, sink):
    """Facts seen on the way, requests counted and the result's facts come together."""

    def body():
        from genops.core import current

        running = current.running("sdk")
        running.attempted()
        running.attempted()
        running.saw(Facts(request_id="r-1"))
        return 7

    call(body, observe=lambda operation, result: Facts(rows=result))
    facts = sink.settled[0].facts
    assert (facts.rows, facts.request_id, facts.attempts) == (7, "r-1", 2)


def test_what_an_error_reveals_is_merged_with_its_class(governor, sink):
    """A site may say what an error reveals; the class it names wins."""

    def fail():
        raise OSError

    with pytest.raises(OSError):
        call(fail, failed=lambda operation, error: Facts(error_type="NotFound", error_code="404"))
    assert sink.settled[0].facts[:5] == (None, None, None, "NotFound", "404")


def test_a_unit_without_a_price_reserves_and_uses_one_call(govern, sink):
    """Where no money can be named a call is reserved and used, and no money stands for it."""
    purse = Purse()
    govern(ledger=purse)
    call()
    settled = sink.settled[0]
    assert str(settled.reservation.amount) == "1 call"
    assert settled.actual == settled.reservation.amount
    assert settled.priced.money is None
    assert settled.priced.unpriced_reason == "no_prices"
    assert not settled.incomplete
    assert [what for what, _ in purse.told] == ["reserve", "reconcile"]


def test_a_priced_unit_reserves_its_estimate_and_reconciles_its_cost(govern, sink):
    """Money is reserved before the call and replaced by what it cost, with the budget after it."""
    purse = Purse(limit=10_000_000)
    govern(ledger=purse, pricer=Prices(table_get=2))
    call(observe=lambda operation, result: Facts(money=usd(0.5)))
    settled = sink.settled[0]
    assert (settled.reservation.amount, settled.actual, settled.priced.money) == (usd(2), usd(0.5), usd(0.5))
    assert settled.balance.remaining == 9_500_000
    assert (purse.held, purse.spent) == ({}, 500_000)


def test_a_cost_that_stays_unknown_leaves_the_reservation_and_says_so(govern, sink):
    """A unit that reserved money and whose cost is unknown is reconciled with what it reserved, as incomplete."""
    govern()
    call(op_amount=usd(3))
    settled = sink.settled[0]
    assert settled.actual == usd(3)
    assert settled.incomplete
    assert settled.priced.money is None


def test_an_error_in_the_facts_of_a_result_is_an_error(governor, sink):
    """A statement that failed behind a successful request settles as an error."""
    call(observe=lambda operation, result: Facts(state="FAILED", error_type="SYNTAX_ERROR"))
    assert sink.settled[0].outcome is Outcome.ERROR


def test_a_second_end_changes_nothing(governor, sink):
    """Only the first end of a unit counts."""
    unit = governor.begin(Operation("table.get", "test", attribution=TEAM))
    unit.returned(None)
    unit.failed(OSError())
    unit.not_executed()
    assert len(sink.settled) == 1
    assert sink.settled[0].outcome is Outcome.OK


def test_a_unit_that_was_not_executed_gives_its_reservation_back(govern, sink):
    """Where nothing was sent, nothing is reconciled and the reservation is released."""
    purse = Purse()
    governor = govern(ledger=purse)
    governor.begin(Operation("table.get", "test", attribution=TEAM, amount=usd(2))).not_executed()
    assert sink.settled[0].outcome is Outcome.NOT_EXECUTED
    assert sink.settled[0].actual == usd(0)
    assert [what for what, _ in purse.told] == ["reserve", "release"]


def test_the_time_of_execution_begins_after_the_decision(govern, sink):
    """What a ledger takes to answer is no time of the operation."""
    from support.governed import Clock

    clock = Clock()

    class Slow(Purse):
        def reserve(self, *args, **kwargs):
            clock.seconds += 5
            return super().reserve(*args, **kwargs)

    govern(ledger=Slow(), clock=clock)

    def body():
        clock.seconds += 2

    call(body)
    assert sink.settled[0].seconds == pytest.approx(2)


def test_what_a_call_taught_about_resources_is_kept_by_host(governor):
    """Facts about resources go to the inventory of the operation's host."""
    from genops.core.operation import Learnt

    learnt = Learnt("warehouse", "w1", {"size": "SMALL"})
    call(op_host="acme", observe=lambda operation, result: Facts(learnt=(learnt,)))
    assert governor.inventory.of("acme", "warehouse", "w1") == {"size": "SMALL"}
    assert governor.inventory.of("other", "warehouse", "w1") == {}


def test_datasets_that_only_the_response_named_are_said_as_a_warning(govern, sink):
    """A dataset found in the response is put to the policy: too late to refuse, a warning on the same unit."""
    from support.governed import SECRET, Clearance

    govern("enforce", policy=Clearance(SECRET))
    call(observe=lambda operation, result: Facts(reads=(SECRET,)))
    first, second = sink.admitted
    assert (first.decision.result, first.sequence) == (PolicyResult.ALLOWED, 0)
    assert (second.decision.result, second.sequence) == (PolicyResult.WARNING, 1)
    assert second.decision.reason.startswith("found in the response")
    assert second.reservation is None
    assert sink.settled[0].decision.result is PolicyResult.WARNING


def test_records_reach_every_sink_in_the_same_order(govern, sink):
    """Every sink sees the same records."""
    other = RecordingSink()
    govern(sinks=[other])
    call()
    assert other.records == sink.records


def test_an_unattributed_operation_is_still_a_unit(govern, sink):
    """Nothing is invented for an unknown team; the unit runs and is recorded as it is."""
    from genops.core.governor import Settings

    govern(settings=Settings(attribution=Attribution({"team": "a"})))
    call()
    assert sink.settled[0].operation.attribution.missing == ("project", "environment")


def test_a_wall_clock_that_is_set_changes_no_duration(govern, sink):
    """The duration, and with it the price, comes from a clock that never goes back."""

    class Stepped(Clock):
        offset_ns = 0

        def now_ns(self):
            return super().now_ns() + self.offset_ns

    clock = Stepped()
    govern(clock=clock)

    def body():
        clock.seconds += 2
        clock.offset_ns = -3_600 * 10**9

    call(body)
    assert sink.settled[0].seconds == 2
