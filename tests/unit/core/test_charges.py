"""Charges: each thing that is paid for is counted once, however many witnesses name it."""

from __future__ import annotations

import os

import pytest

from genops.core.amounts import Amount, Grade
from genops.core.charges import Account, ChargeBook
from genops.core.operation import ChargeKey, Facts, Late, Operation
from genops.core.records import UnitId
from support.governed import Prices, Purse, call, job_run, statement, usd


def costs(dollars, key, grade=None, **facts):
    """An observation that names the cost of a charge."""
    return lambda op, result: Facts(money=usd(dollars), charge=key, grade=grade, source="test", **facts)


def account(number=1):
    """A new unit's account."""
    return Account(UnitId(1, number), Operation("sql.run", "test"))


def settled(book, key, dollars, number=1, grade=Grade.ESTIMATED):
    """Settle a charge for a unit of its own, and return its account and the corrections of others."""
    own = account(number)
    total = None if dollars is None else usd(dollars)
    owned, postings = book.settle(key, own, total, grade)
    assert owned
    book.close(own, reserved=False)
    return own, postings


def deltas(postings):
    """Whose cost changed by how much, in dollars."""
    return [(posting.unit.span_id, posting.delta / 1e6) for posting in postings]


@pytest.fixture
def book():
    """An empty book."""
    return ChargeBook()


def test_the_first_unit_to_settle_a_charge_owns_it(govern, sink):
    """A second unit that names the charge is a witness: it posts the difference to the owner, and costs nothing."""
    purse = Purse()
    govern(ledger=purse, pricer=Prices())
    call(observe=costs(2, statement(1)))
    call(observe=costs(2.5, statement(1)))
    first, second = sink.settled
    assert first.priced.money == usd(2)
    assert (second.priced.money, second.priced.unpriced_reason) == (None, "charged_elsewhere")
    (adjusted,) = sink.adjusted
    assert (adjusted.unit, adjusted.delta, adjusted.total) == (first.unit, 500_000, 2_500_000)
    assert [told for told in purse.told if told[0] == "adjust"] == [("adjust", usd(0.5))]


def test_money_reserved_for_a_charge_of_another_unit_is_given_back(govern, sink):
    """A unit that reserved money for what another unit pays has used none of it."""
    purse = Purse()
    govern(ledger=purse, pricer=Prices(sql_run=3))
    call(kind="sql.run", observe=costs(3, statement(1)))
    call(kind="sql.run", observe=costs(3, statement(1)))
    assert (sink.settled[1].actual, sink.settled[1].incomplete) == (usd(0), False)
    assert (purse.held, purse.spent) == ({}, 3_000_000)
    assert sink.adjusted == []


def test_a_bill_read_twice_posts_nothing_the_second_time(govern, sink):
    """The bill corrects the owner once; read again it changes neither figure nor grade."""
    governor = govern(pricer=Prices())
    call(observe=costs(2, statement(1)))
    assert governor.witness(statement(1), usd(3), Grade.BILLED, "bill") == 1
    assert governor.witness(statement(1), usd(3), Grade.BILLED, "bill") == 0
    (adjusted,) = sink.adjusted
    assert (adjusted.delta, adjusted.grade, adjusted.source) == (1_000_000, Grade.BILLED, "bill")


def test_a_bill_that_confirms_the_figure_raises_its_grade(govern, sink):
    """The same figure of a better grade is worth a word, once, and no money."""
    governor = govern(pricer=Prices())
    call(observe=costs(2, statement(1)))
    assert governor.witness(statement(1), usd(2), Grade.BILLED, "bill") == 1
    assert governor.witness(statement(1), usd(2), Grade.BILLED, "bill") == 0
    assert [(a.delta, a.total, a.grade) for a in sink.adjusted] == [(0, 2_000_000, Grade.BILLED)]


def test_an_estimate_does_not_displace_a_bill(govern, sink):
    """A figure of a lower grade, heard later, changes nothing."""
    governor = govern(pricer=Prices())
    call(observe=costs(2, statement(1)))
    governor.witness(statement(1), usd(3), Grade.BILLED, "bill")
    call(observe=costs(9, statement(1)))
    assert governor.witness(statement(1), usd(9), Grade.METERED, "history") == 0
    assert len(sink.adjusted) == 1


def test_a_charge_that_nobody_owns_is_residual(govern, sink):
    """A bill row without a known charge is never a new cost, and counted."""
    governor = govern()
    assert governor.witness(statement(1), usd(3), Grade.BILLED, "bill") == 0
    assert sink.records == []
    assert governor.charges.residual == 1


def test_another_currency_is_not_added(govern, sink):
    """A witness in another currency is counted and changes nothing."""
    governor = govern(pricer=Prices())
    call(observe=costs(2, statement(1)))
    assert governor.witness(statement(1), Amount.of(3, "EUR"), Grade.BILLED, "bill") == 0
    assert governor.charges.foreign == 1
    assert sink.adjusted == []


def test_a_child_settled_first_is_taken_out_of_its_parent(book):
    """What a statement cost is inside what its job run cost."""
    settled(book, statement(1, job_run(1)), 3, 1)
    run, postings = settled(book, job_run(1), 10, 2)
    assert run.micros == 7_000_000
    assert postings == []


def test_a_child_settled_second_is_taken_out_of_its_parent_too(book):
    """The parent's owner is corrected when a child turns up later."""
    run, _ = settled(book, job_run(1), 10, 1)
    child, postings = settled(book, statement(1, job_run(1)), 3, 2)
    assert deltas(postings) == [(1, -3.0)]
    assert (run.micros, child.micros) == (7_000_000, 3_000_000)
    assert postings[0].inner


def test_children_that_cost_more_than_their_parent_leave_it_nothing(book):
    """A parent's own is never negative; it comes back when the children turn out cheaper."""
    run, _ = settled(book, job_run(1), 4, 1)
    settled(book, statement(1, job_run(1)), 6, 2)
    assert run.micros == 0
    postings = book.witness(statement(1, job_run(1)), usd(1), Grade.METERED)
    assert deltas(postings) == [(2, -5.0), (1, 3.0)]


def test_charges_nest_more_than_once(book):
    """A statement in a run in a bill of the month is in both."""
    month = ChargeKey("databricks", "acme", "month", "2026-11")
    run = ChargeKey("databricks", "acme", "run", "1", month)
    whole, _ = settled(book, month, 100, 1)
    settled(book, statement(1, run), 3, 2)
    assert whole.micros == 97_000_000
    _, postings = settled(book, run, 10, 3)
    assert deltas(postings) == [(1, -7.0)]


def test_a_parent_that_becomes_known_later_is_charged_less(book):
    """The parent is no part of a charge's identity: a witness that knows it tells."""
    run, _ = settled(book, job_run(1), 10, 1)
    settled(book, statement(1), 3, 2)
    assert run.micros == 10_000_000
    postings = book.witness(statement(1, job_run(1)), usd(3), Grade.METERED)
    assert deltas(postings) == [(1, -3.0), (2, 0.0)]
    assert deltas(book.witness(statement(1), usd(4), Grade.METERED)) == [(2, 1.0), (1, -1.0)]


def test_charges_that_name_each_other_as_parents_do_not_hang(book):
    """A ring of parents is nonsense that ends."""
    first = ChargeKey("p", "a", "x", "1", ChargeKey("p", "a", "x", "2"))
    second = ChargeKey("p", "a", "x", "2", ChargeKey("p", "a", "x", "1"))
    settled(book, first, 3, 1)
    settled(book, second, 3, 2)
    own = ChargeKey("p", "a", "x", "3", ChargeKey("p", "a", "x", "3"))
    settled(book, own, 3, 3)


def test_a_child_in_another_currency_takes_nothing_from_its_parent(book):
    """Euros are not taken out of dollars."""
    euros = account(1)
    book.settle(statement(1, job_run(1)), euros, Amount.of(3, "EUR"), Grade.ESTIMATED)
    run, _ = settled(book, job_run(1), 10, 2)
    assert (euros.micros, run.micros) == (3_000_000, 10_000_000)


def test_an_owner_without_a_figure_takes_the_first_one_heard(book):
    """A charge may be owned before anything is known of its cost."""
    own, _ = settled(book, statement(1), None)
    assert own.currency is None
    assert deltas(book.witness(statement(1), usd(2), Grade.METERED)) == [(1, 2.0)]


def test_before_a_unit_has_settled_its_charges_change_without_corrections(book):
    """What is heard while a unit runs is in its settlement."""
    own = account()
    book.settle(statement(1), own, usd(2), Grade.ESTIMATED)
    assert book.witness(statement(1), usd(3), Grade.METERED) == []
    assert book.close(own, reserved=False) == usd(3)


def test_a_unit_with_several_charges_says_its_whole_cost(govern, sink):
    """The total of a correction is the unit's, not the charge's."""
    from genops.core.declared import operation

    governor = govern(pricer=Prices())
    with operation("load", reads=["a.b.c"]):
        call(observe=costs(2, statement(1)))
        call(observe=costs(3, statement(2)))
    governor.witness(statement(1), usd(2.5), Grade.BILLED, "bill")
    assert (sink.adjusted[0].delta, sink.adjusted[0].total) == (500_000, 5_500_000)


def test_the_ledger_hears_no_correction_that_its_reconciliation_will_bring(govern, sink):
    """While a unit's reservation is held, a child's cost is taken out of it once."""
    purse = Purse()
    governor = govern(ledger=purse, pricer=Prices(run_now=10))
    call(kind="run.now", observe=lambda op, r: Facts(charge=job_run(1), late=Late("run", 60)))
    call(kind="sql.run", observe=costs(3, statement(1, job_run(1))))
    assert [(a.delta, a.source) for a in sink.adjusted] == [(-3_000_000, "child")]
    assert purse.spent + sum(purse.held.values()) == 10_000_000 + 1_000_000
    governor.pending.resolve("run", Facts(money=usd(8), grade=Grade.METERED))
    assert sink.adjusted[1].total == 5_000_000
    assert (purse.held, purse.spent) == ({}, 5_000_000 + 1_000_000)
    governor.witness(statement(1), usd(4), Grade.BILLED, "bill")
    assert purse.spent == 5_000_000 + 1_000_000


def test_a_unit_that_waits_for_a_charge_of_another_unit_costs_nothing(govern, sink):
    """A late figure for a charge that another unit owns is a word on that unit."""
    purse = Purse()
    governor = govern(ledger=purse, pricer=Prices(sql_run=2))
    call(kind="sql.run", observe=costs(2, statement(1)))
    call(kind="sql.run", observe=lambda op, r: Facts(charge=statement(1), late=Late("k", 60)))
    governor.pending.resolve("k", Facts(money=usd(2.5), grade=Grade.METERED))
    assert sum(s.priced.money.micros for s in sink.settled if s.priced.money) + sum(a.delta for a in sink.adjusted) == (
        2_500_000
    )
    assert (purse.held, purse.spent) == ({}, 2_500_000)


def test_the_book_is_bounded_and_forgets_what_was_unheard_of_for_longest(book):
    """A parent that its children keep naming outlives older charges."""
    small = ChargeBook(capacity=3)
    run, _ = settled(small, job_run(1), 100, 1)
    for number in range(10):
        settled(small, statement(number, job_run(1)), 1, number + 2)
    assert small.evicted == 8
    assert run.micros == 90_000_000
    assert small.witness(statement(0), usd(5), Grade.BILLED) == []
    assert small.residual == 1


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_the_book_works_in_the_child_of_a_fork(book):
    """A lock that a thread of the parent held at the fork does not hang the child."""
    from support.forking import in_child

    with book._lock:
        in_child(lambda: settled(book, statement(1), 1))
