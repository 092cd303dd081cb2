"""Units whose facts come after their call returned."""

from __future__ import annotations

import os
import threading

import pytest

from genops.core.amounts import Grade
from genops.core.declared import operation
from genops.core.guard import Guard
from genops.core.operation import Facts, Late, Learnt, Operation
from genops.core.pending import PendingUnits
from genops.core.records import Outcome
from support.governed import Clock, Prices, Purse, call, statement, usd
from support.polling import eventually
from support.recording import TEAM


@pytest.fixture
def clock():
    """A clock that the test moves."""
    return Clock()


def waits(seconds=60.0, *, keep_open=False, key="k", **facts):
    """An observation that says that more facts come under a key."""
    return lambda op, result: Facts(late=Late(key, seconds, keep_open), **facts)


class Noting:
    """Something that waits and notes what it is told."""

    def __init__(self):
        self.told = []

    def arrive(self, facts):
        self.told.append(facts)

    def expire(self):
        self.told.append("expired")


@pytest.fixture
def table(clock):
    """A small table of what waits."""
    units = PendingUnits(Guard(), clock, capacity=3)
    yield units
    units.drain()


def test_a_long_tail_settles_at_once_as_incomplete(govern, sink, tracer):
    """The span ends at return; what was reserved stands as actual, and the ledger holds it on."""
    purse = Purse()
    governor = govern(ledger=purse, pricer=Prices(table_get=2))
    call(observe=waits())
    (settled,) = sink.settled
    assert (settled.actual, settled.incomplete) == (usd(2), True)
    assert (settled.priced.money, settled.priced.grade) == (usd(2), Grade.ESTIMATED)
    assert tracer.scopes[0].closing is not None
    assert (sum(purse.held.values()), purse.spent) == (2_000_000, 0)
    assert len(governor.pending) == 1


def test_late_facts_adjust_a_long_tail_and_reconcile_it(govern, sink):
    """What comes late is a correction on the same unit, and replaces the reservation."""
    purse = Purse()
    governor = govern(ledger=purse, pricer=Prices(table_get=2))
    call(op_host="acme", observe=waits())
    late = Facts(money=usd(1.25), grade=Grade.METERED, rows=5, learnt=(Learnt("warehouse", "w", {"size": "S"}),))
    assert governor.pending.resolve("k", late)
    (adjusted,) = sink.adjusted
    assert adjusted.unit == sink.settled[0].unit
    assert (adjusted.delta, adjusted.total, adjusted.currency) == (-750_000, 1_250_000, "USD")
    assert (adjusted.grade, adjusted.source, adjusted.facts.rows) == (Grade.METERED, "facts", 5)
    assert (purse.held, purse.spent) == ({}, 1_250_000)
    assert len(sink.settled) == 1
    assert governor.inventory.of("acme", "warehouse", "w")
    assert not governor.pending.resolve("k", late)


def test_a_call_resolves_what_another_one_left(govern, sink):
    """The observation of one call hands late facts to the unit that waits for them."""
    governor = govern(pricer=Prices())
    call(observe=waits())
    call(observe=lambda op, result: Facts(resolves=(("k", Facts(money=usd(3))),)))
    assert sink.adjusted[0].unit == sink.settled[0].unit
    assert sink.adjusted[0].delta == 3_000_000
    assert len(governor.pending) == 0


def test_a_long_tail_without_a_price_stays_unpriced(govern, sink):
    """Nothing known and nothing learnt about money: a correction of nothing, and one call used."""
    purse = Purse()
    governor = govern(ledger=purse)
    call(observe=waits())
    assert sink.settled[0].priced.unpriced_reason == "pending"
    governor.pending.resolve("k", Facts(rows=1))
    assert (sink.adjusted[0].delta, sink.adjusted[0].currency) == (0, "")
    assert purse.held == {}


def test_a_long_tail_whose_unit_failed_waits_for_nothing(governor, sink):
    """A call that raised has no late facts."""
    call(observe=waits(error_type="X"))
    assert sink.settled[0].outcome is Outcome.ERROR
    assert not sink.settled[0].incomplete
    assert len(governor.pending) == 0


def test_an_expired_long_tail_is_reconciled_with_what_was_reserved(govern, sink, clock):
    """At the deadline the reservation becomes the spending, and nothing more is written."""
    purse = Purse()
    governor = govern(ledger=purse, pricer=Prices(table_get=2), clock=clock)
    call(observe=waits(10))
    clock.seconds += 11
    for unit in governor.pending.overdue():
        unit.expire()
    assert (purse.held, purse.spent) == ({}, 2_000_000)
    assert len(sink.records) == 2
    assert not governor.pending.resolve("k", Facts())


def test_a_short_tail_keeps_the_span_open_for_its_facts(govern, sink, tracer, clock):
    """The unit settles with its late facts and those of its return, at the time it returned."""
    governor = govern(pricer=Prices(), clock=clock)
    call(observe=waits(5, keep_open=True, rows=2, request_id="r"))
    assert sink.settled == []
    assert tracer.scopes[0].closing is None
    clock.seconds += 3
    governor.pending.resolve("k", Facts(rows=1, money=usd(1), state="SUCCEEDED"))
    (settled,) = sink.settled
    assert (settled.facts.rows, settled.facts.request_id, settled.facts.state) == (3, "r", "SUCCEEDED")
    assert (settled.priced.money, settled.incomplete, settled.seconds) == (usd(1), False, 0)
    assert tracer.scopes[0].closing.ended_ns == settled.ended_ns
    assert sink.adjusted == []


def test_a_short_tail_seen_on_the_way_is_kept_open_too(govern, sink):
    """Facts that say more comes may be seen before the return."""
    from genops.core import current

    governor = govern()
    call(lambda: current.running("sdk").saw(Facts(late=Late("k", 5, keep_open=True))))
    assert sink.settled == []
    governor.pending.resolve("k", Facts())
    assert len(sink.settled) == 1


def test_an_expired_short_tail_settles_as_incomplete(govern, sink, clock):
    """At the deadline the span ends with the time of return."""
    governor = govern(clock=clock)
    call(observe=waits(5, keep_open=True, rows=2))
    clock.seconds += 6
    for unit in governor.pending.overdue():
        unit.expire()
    (settled,) = sink.settled
    assert (settled.facts.rows, settled.incomplete, settled.seconds) == (2, True, 0)


def test_a_short_tail_that_failed_late_is_an_error(govern, sink):
    """Late facts may say that it failed."""
    governor = govern()
    call(observe=waits(5, keep_open=True))
    governor.pending.resolve("k", Facts(error_type="X"))
    assert sink.settled[0].outcome is Outcome.ERROR


def test_a_short_tail_may_turn_into_a_long_one(govern, sink):
    """Late facts may say that still more comes."""
    governor = govern(pricer=Prices(table_get=1))
    call(observe=waits(5, keep_open=True))
    governor.pending.resolve("k", Facts(late=Late("more", 60)))
    assert sink.settled[0].incomplete
    governor.pending.resolve("more", Facts(money=usd(4)))
    assert sink.adjusted[0].delta == 3_000_000


def test_facts_that_come_before_the_unit_waits_are_kept_for_it(govern, sink):
    """A listener in another thread may be faster than the call's return."""
    governor = govern(pricer=Prices())

    def body():
        assert not governor.pending.resolve("k", Facts(money=usd(2)))

    call(body, observe=waits(5, keep_open=True))
    assert sink.settled[0].priced.money == usd(2)
    call(lambda: governor.pending.resolve("k2", Facts(money=usd(3))), observe=waits(key="k2"))
    assert sink.adjusted[0].total == 3_000_000


def test_early_facts_are_few_and_soon_forgotten(table, clock):
    """Facts for which nobody waits are kept for seconds and up to a thousand keys."""
    first, second, third = Noting(), Noting(), Noting()
    table.resolve("old", Facts(rows=1))
    clock.seconds += 6
    table.add("old", first, 60)
    assert first.told == []
    for number in range(1_001):
        table.resolve(number, Facts(rows=number))
    table.add(0, second, 60)
    table.add(1, third, 60)
    assert (second.told, third.told) == ([], [Facts(rows=1)])
    assert len(table) == 2


def test_a_full_table_expires_the_oldest_and_counts_it(table):
    """The table is bounded; the oldest goes first."""
    waiting = [Noting() for _ in range(5)]
    for number, unit in enumerate(waiting):
        table.add(number, unit, 60)
    assert [unit.told for unit in waiting] == [["expired"], ["expired"], [], [], []]
    assert table.evicted == 2
    assert len(table) == 3


def test_a_key_taken_twice_expires_the_first(table):
    """A second unit under one key takes the place of the first."""
    first, second = Noting(), Noting()
    table.add("k", first, 60)
    table.add("k", second, 60)
    assert first.told == ["expired"]
    assert table.resolve("k", Facts(rows=1))
    assert second.told == [Facts(rows=1)]


def test_deadlines_of_resolved_units_do_not_pile_up(table):
    """The memory of the table follows what waits, not what ever waited."""
    for number in range(2_000):
        table.add(number, Noting(), 10_000)
        table.resolve(number, Facts())
    assert len(table._deadlines) < 100


def test_overdue_units_come_out_in_order_of_their_deadlines(table, clock):
    """Only what is past its deadline comes out."""
    soon, sooner, later = Noting(), Noting(), Noting()
    table.add("a", soon, 2)
    table.add("b", sooner, 1)
    table.add("c", later, 50)
    clock.seconds += 3
    assert table.overdue() == [sooner, soon]
    assert table.overdue() == []


def test_the_thread_expires_what_is_overdue(govern, sink):
    """One lazy thread serves the table."""
    governor = govern()
    call()
    assert governor.pending._thread is None
    call(observe=waits(0.01, keep_open=True))
    eventually(lambda: len(sink.settled) == 2)
    assert sink.settled[1].incomplete


def test_draining_expires_everything_and_lets_the_thread_go(govern, sink):
    """At exit nothing waits any longer, and no thread is left behind."""
    governor = govern()
    call(observe=waits(600, keep_open=True))
    thread = governor.pending._thread
    assert thread.is_alive()
    governor.shutdown(1)
    assert sink.settled[0].incomplete
    eventually(lambda: not thread.is_alive())
    call(observe=waits(0.01, keep_open=True))
    eventually(lambda: len(sink.settled) == 2)


@pytest.mark.faults
def test_a_unit_that_fails_to_take_its_facts_stops_nobody(table):
    """A fault in one unit is counted, and the table serves on."""

    class Failing:
        def arrive(self, facts):
            raise ZeroDivisionError

        expire = None

    table.add("a", Failing(), 60)
    assert table.resolve("a", Facts())
    table.add("b", Failing(), 60)
    table.drain()
    assert table._guard.counts == {"pending": 2}


def test_late_facts_of_a_part_are_the_units(govern, sink):
    """A part whose cost comes while its unit runs adds to it; the unit is complete then."""
    governor = govern(pricer=Prices())
    with operation("load", reads=["a.b.c"]):
        call(observe=waits(charge=statement(1)))
        governor.pending.resolve("k", Facts(money=usd(2)))
    assert sink.settled[0].priced.money == usd(2)
    assert not sink.settled[0].incomplete
    assert sink.adjusted == []


def test_late_facts_of_a_part_correct_a_settled_unit(govern, sink):
    """A part whose cost comes after its unit settled as incomplete corrects it."""
    purse = Purse()
    governor = govern(ledger=purse, pricer=Prices())
    with operation("load", reads=["a.b.c"]):
        call(observe=waits(charge=statement(1)))
    assert sink.settled[0].incomplete
    governor.pending.resolve("k", Facts(money=usd(2)))
    assert (sink.adjusted[0].unit, sink.adjusted[0].delta) == (sink.settled[0].unit, 2_000_000)
    assert ("adjust", usd(2)) in purse.told


def test_an_expired_part_leaves_its_unit_as_it_is(govern, sink, clock):
    """Nothing was reserved for a part, so nothing happens at its deadline."""
    governor = govern(clock=clock)
    with operation("load", reads=["a.b.c"]):
        call(observe=waits(1))
    clock.seconds += 2
    for unit in governor.pending.overdue():
        unit.expire()
    assert len(sink.records) == 2


def test_many_threads_resolve_what_others_leave(govern, sink):
    """No late fact is lost between the thread that leaves a unit and the one that resolves it."""
    governor = govern(pricer=Prices())
    keys = [f"k{number}" for number in range(400)]

    def leave():
        for key in keys:
            call(observe=waits(key=key))

    def resolve():
        for key in keys:
            governor.pending.resolve(key, Facts(money=usd(0.01)))

    threads = [threading.Thread(target=leave), threading.Thread(target=resolve)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(sink.adjusted) == 400
    assert len(governor.pending) == 0


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_the_child_of_a_fork_starts_empty(govern, sink):
    """What waits in the parent is the parent's; the child settles nothing of it and serves its own."""
    governor = govern()
    unit = governor.begin(Operation("open", "test", attribution=TEAM))
    call(observe=waits(600))
    before = len(sink.records)

    def child():
        governor.shutdown(0)
        unit.returned(None)
        assert len(governor.pending) == 0
        assert len(sink.records) == before
        call(observe=waits(0.01, keep_open=True))
        eventually(lambda: len(sink.settled) == 2)

    from support.forking import in_child

    in_child(child)
    unit.returned(None)
    assert len(sink.settled) == 2
    assert len(governor.pending) == 1
