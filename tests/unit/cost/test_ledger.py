"""The ledger: what it grants, refuses, charges and gives back."""

from __future__ import annotations

import threading
from datetime import datetime, timezone

import pytest

from genops.core.amounts import CALL, DBU, ONE_CALL, Amount, Estimate, Priced
from genops.core.attribution import Attribution
from genops.core.operation import Operation
from genops.core.records import Refusal, Reservation
from genops.cost.budgets import Budget
from genops.cost.ledger import MemoryLedger
from genops.errors import ConfigurationError

NOON = int(datetime(2026, 11, 21, 12, tzinfo=timezone.utc).timestamp()) * 10**9
DAY = 86_400 * 10**9
ETL = Operation("table.query", "p", attribution=Attribution({"team": "etl"}), host="a")
WEB = Operation("table.query", "p", attribution=Attribution({"team": "web"}), host="b")
FREE = Estimate(unpriced_reason="not_billed")
UNPRICED = Estimate(billable=True, unpriced_reason="warehouse_unknown")


class Clock:
    def __init__(self) -> None:
        self.at_ns = NOON

    def now_ns(self) -> int:
        return self.at_ns

    def monotonic(self) -> float:
        return self.at_ns / 1e9


def usd(value: str) -> Amount:
    """Return dollars."""
    return Amount.of(value, "USD")


def priced(value: str) -> Estimate:
    """Return the estimate of an operation of known price."""
    return Estimate(amount=usd(value), unit="USD", billable=True)


def ledger(*budgets: Budget, clock: Clock | None = None, on_unpriced: str = "block") -> MemoryLedger:
    """Return a ledger at noon."""
    return MemoryLedger(budgets, on_unpriced, clock or Clock())


def granted(
    book: MemoryLedger, estimate: Estimate, operation: Operation = ETL, *, overdraft: bool = False
) -> Reservation:
    """Reserve, and expect a reservation."""
    answer = book.reserve(operation, estimate, overdraft=overdraft)
    assert isinstance(answer, Reservation), answer
    return answer


def refused(book: MemoryLedger, estimate: Estimate, operation: Operation = ETL) -> Refusal:
    """Reserve, and expect a refusal."""
    answer = book.reserve(operation, estimate, overdraft=False)
    assert isinstance(answer, Refusal), answer
    return answer


def consumed(book: MemoryLedger) -> dict[str, int]:
    """Return what every budget has consumed."""
    return {state.name: state.consumed for state in book.states()}


def test_reserve_then_reconcile() -> None:
    """A reservation holds the estimate; the reconciliation replaces it by the actual and returns the balance."""
    book = ledger(Budget("etl-daily", usd("5"), "day"))
    held = granted(book, priced("2"))
    assert consumed(book) == {"etl-daily": 2_000_000}
    balance = book.reconcile(ETL, held, usd("1.5"), Priced(usd("1.5")))
    assert balance is not None
    assert (balance.consumed, balance.remaining) == (1_500_000, 3_500_000)


def test_release_gives_everything_back() -> None:
    """A reservation of an operation that did not run nets to zero."""
    book = ledger(Budget("money", usd("5")), Budget("calls", Amount.of(3, CALL)))
    book.release(ETL, granted(book, priced("2")))
    assert consumed(book) == {"money": 0, "calls": 0}


def test_closing_twice_counts_once() -> None:
    """Neither a second reconciliation nor a release after it changes anything."""
    book = ledger(Budget("money", usd("5")))
    held = granted(book, priced("2"))
    for _ in range(2):
        book.reconcile(ETL, held, usd("1"), Priced(usd("1")))
        book.release(ETL, held._replace(overdraft=True))
    assert consumed(book) == {"money": 1_000_000}


def test_refusal_in_plain_words() -> None:
    """A refusal says what is left, of what, what was asked and when the budget renews."""
    book = ledger(Budget("etl-daily", usd("5"), "day", {"team": "etl"}))
    granted(book, priced("4.88"))
    refusal = refused(book, priced("0.47"))
    assert refusal.reason == (
        "budget 'etl-daily' has 0.12 USD of 5.00 USD left and the operation reserves 0.47 USD; "
        "it renews at 2026-11-22T00:00:00Z"
    )
    assert (refusal.budget.name, refusal.asked) == ("etl-daily", usd("0.47"))
    assert consumed(book) == {"etl-daily": 4_880_000}


def test_refusal_of_calls_that_never_renew() -> None:
    """Calls are counted in words, and a total budget never renews."""
    book = ledger(Budget("trial", Amount.of(1, CALL), "total"))
    granted(book, FREE)
    assert refused(book, FREE).reason == (
        "budget 'trial' has 0 calls of 1 call left and the operation reserves 1 call; it never renews"
    )


def test_overdraft_is_granted_and_marked() -> None:
    """An overdraft is always granted, marked with the budget that could not carry it, and later refusals say so."""
    book = ledger(Budget("roomy", usd("100")), Budget("money", usd("1")))
    assert not granted(book, priced("0.9"), overdraft=True).overdraft
    held = granted(book, priced("0.5"), overdraft=True)
    assert held.overdraft
    assert held.budget is not None
    assert (held.budget.name, held.budget.remaining) == ("money", -400_000)
    assert "is overdrawn by 0.40 USD over its 1.00 USD" in refused(book, priced("0.1")).reason


def test_all_budgets_or_none() -> None:
    """Where one matching budget cannot carry the operation, no budget holds anything."""
    book = ledger(
        Budget("team", usd("5"), scope={"team": "etl"}), Budget("all", usd("1")), Budget("calls", Amount.of(9, CALL))
    )
    assert refused(book, priced("2")).budget.name == "all"
    assert consumed(book) == {"team": 0, "all": 0, "calls": 0}


def test_only_matching_budgets_are_charged() -> None:
    """A budget of another team or workspace is not touched."""
    book = ledger(
        Budget("etl", usd("5"), scope={"team": "etl"}), Budget("b", usd("5"), host="b"), Budget("all", usd("5"))
    )
    granted(book, priced("2"), WEB)
    assert consumed(book) == {"etl": 0, "b": 2_000_000, "all": 2_000_000}
    outside = ledger(Budget("etl", usd("0"), scope={"team": "etl"}))
    assert granted(outside, priced("2"), WEB) == Reservation(1, usd("2"))


def test_reservation_names_the_tightest_budget_of_its_unit() -> None:
    """The budget of a reservation is the one with least left in its unit; a call budget only where no other has it."""
    budgets = (
        Budget("calls", Amount.of(2, CALL)),
        Budget("big", usd("9")),
        Budget("small", usd("5")),
        Budget("same", usd("5")),
    )
    book = ledger(*budgets)
    tight = granted(book, priced("1")).budget
    assert tight is not None
    assert (tight.name, tight.remaining, tight.period) == ("small", 4_000_000, "month")
    by_call = granted(book, FREE).budget
    assert by_call is not None
    assert by_call.name == "calls"
    assert granted(ledger(Budget("m", usd("1"))), FREE).budget is None


def test_call_budget_counts_one_call_a_unit() -> None:
    """A call budget is charged one call whatever the unit's own amount is, before and after."""
    book = ledger(Budget("calls", Amount.of(2, CALL)))
    held = granted(book, priced("7"))
    assert consumed(book) == {"calls": 1_000_000}
    book.reconcile(ETL, held, usd("3"), Priced(usd("3")))
    book.adjust(ETL, Amount(5_000_000, CALL))
    assert consumed(book) == {"calls": 1_000_000}
    granted(book, Estimate(amount=Amount.of(40, CALL)))
    refused(book, FREE)


def test_control_plane_calls_never_touch_money() -> None:
    """A call that is not billed runs against an exhausted money budget and leaves it alone."""
    book = ledger(Budget("money", usd("0")))
    held = granted(book, FREE)
    assert not held.overdraft
    assert book.reconcile(ETL, held, ONE_CALL, Priced()) is None
    assert consumed(book) == {"money": 0}


def test_unpriced_is_blocked_with_a_way_out() -> None:
    """An operation that is billed at an unknown price is refused, and the refusal says what makes the price known."""
    book = ledger(Budget("money", usd("5")))
    assert refused(book, UNPRICED).reason == (
        "budget 'money' counts USD and cannot carry the operation, because its price is unknown (warehouse_unknown); "
        "call warehouses.get or warehouses.list once in this program, or set budgets.on_unpriced = 'allow'; "
        "it renews at 2026-12-01T00:00:00Z"
    )
    elsewhere = refused(book, Estimate(billable=True, unpriced_reason="no_price_for_cluster")).reason
    assert "declare its cost with genops.operation(name, cost=...)" in elsewhere


def test_unpriced_in_observe_is_marked() -> None:
    """What enforce mode would refuse as unpriced is an overdraft in observe mode, of the budget that would refuse."""
    held = granted(ledger(Budget("money", usd("5"))), UNPRICED, overdraft=True)
    assert held.overdraft
    assert held.budget is not None
    assert (held.budget.name, held.budget.consumed) == ("money", 0)


def test_unpriced_is_allowed_and_charged_when_its_money_shows() -> None:
    """With `allow` an unpriced operation runs; money that becomes known at the end reaches the budget."""
    book = ledger(Budget("money", usd("5")), on_unpriced="allow")
    held = granted(book, UNPRICED)
    assert (held.amount, held.overdraft, held.budget) == (ONE_CALL, False, None)
    book.reconcile(ETL, held, ONE_CALL, Priced(usd("0.3")))
    assert consumed(book) == {"money": 300_000}


def test_unknown_actual_leaves_what_was_held() -> None:
    """Where the cost stays unknown, the reservation stands as the best value there is."""
    book = ledger(Budget("money", usd("5")), Budget("dbu", Amount.of(5, DBU)), on_unpriced="allow")
    book.reconcile(ETL, granted(book, priced("2")), ONE_CALL, Priced())
    assert consumed(book) == {"money": 2_000_000, "dbu": 0}


def test_dbu_budget() -> None:
    """A DBU budget counts DBU, and follows `on_unpriced` where an operation's DBU are unknown."""
    book = ledger(Budget("dbu", Amount.of(1, DBU)))
    held = granted(book, Estimate(rate_nanos=3_333_333, unit=DBU, billable=True))
    assert held.amount == Amount(200_000, DBU)
    book.reconcile(ETL, held, Amount(150_000, DBU), Priced())
    book.adjust(ETL, Amount(50_000, DBU))
    assert consumed(book) == {"dbu": 200_000}
    assert "only its USD is known; state the limit in money" in refused(book, priced("1")).reason


def test_rate_is_reserved_over_the_longest_reserve_seconds() -> None:
    """A rate is reserved over the longest `reserve_seconds` of the matching budgets of its unit, else over 60 s."""
    rate = Estimate(rate_nanos=1_000_000, unit="USD", billable=True)
    budgets = Budget("a", usd("5"), reserve_seconds=30), Budget("b", usd("5"), reserve_seconds=120)
    calls = Budget("c", Amount.of(9, CALL), reserve_seconds=999)
    other = Budget("d", usd("5"), scope={"team": "web"}, reserve_seconds=999)
    assert granted(ledger(*budgets, calls, other), rate).amount == usd("0.12")
    assert granted(ledger(calls), rate).amount == usd("0.06")


def test_another_currency_is_never_added() -> None:
    """A cost in another currency is not counted as if it were the budget's; it follows `on_unpriced`."""
    euros = Estimate(amount=Amount.of(1, "EUR"), unit="EUR")
    assert "only its EUR is known" in refused(ledger(Budget("money", usd("5"))), euros).reason
    book = ledger(Budget("money", usd("5")), on_unpriced="allow")
    book.reconcile(ETL, granted(book, euros), Amount.of(2, "EUR"), Priced(Amount.of(2, "EUR")))
    book.adjust(ETL, Amount.of(2, "EUR"))
    assert consumed(book) == {"money": 0}


def test_period_rolls_over() -> None:
    """A new period starts at zero; what was reserved in the old one neither charges nor credits it."""
    clock = Clock()
    book = ledger(Budget("daily", usd("1"), "day"), Budget("ever", usd("9"), "total"), clock=clock)
    old, dropped = granted(book, priced("0.5")), granted(book, priced("0.5"))
    clock.at_ns += DAY
    new = granted(book, priced("0.8"))
    balance = book.reconcile(ETL, old, usd("0.1"), Priced(usd("0.1")))
    book.release(ETL, dropped)
    assert balance is not None
    assert (balance.consumed, balance.renews_ns) == (600_000, NOON + DAY // 2)
    assert consumed(book) == {"daily": 800_000, "ever": 900_000}
    book.reconcile(ETL, new, usd("0.7"), Priced(usd("0.7")))
    assert consumed(book) == {"daily": 700_000, "ever": 800_000}
    assert book.states()[0].renews_ns == NOON + DAY // 2 + DAY


def test_clock_that_goes_back_keeps_the_period() -> None:
    """A wall clock that is set back does not bring an old period back."""
    clock = Clock()
    book = ledger(Budget("daily", usd("1"), "day"), clock=clock)
    clock.at_ns += DAY
    granted(book, priced("1"))
    clock.at_ns -= DAY
    refused(book, priced("0.1"))


def test_adjustments_post_to_the_current_period() -> None:
    """A correction reaches the matching budgets of its currency; a credit never lowers consumption below zero."""
    book = ledger(Budget("etl", usd("5"), scope={"team": "etl"}), Budget("calls", Amount.of(5, CALL)))
    granted(book, priced("1"))
    book.adjust(ETL, usd("0.5"))
    book.adjust(WEB, usd("0.5"))
    assert consumed(book) == {"etl": 1_500_000, "calls": 1_000_000}
    book.adjust(ETL, Amount(-9_000_000, "USD"))
    assert consumed(book)["etl"] == 0


def test_reservations_of_others_are_left_alone() -> None:
    """A reservation of another ledger, or of none, changes nothing here or there."""
    first, second = ledger(Budget("m", usd("5"))), ledger(Budget("m", usd("5")))
    held = granted(first, priced("2"))
    assert second.reconcile(ETL, held, usd("1"), Priced(usd("1"))) is None
    second.release(ETL, Reservation(1, usd("1")))
    assert (consumed(first), consumed(second)) == ({"m": 2_000_000}, {"m": 0})


@pytest.mark.parametrize(
    ("build", "named"),
    [
        (lambda: MemoryLedger([], "blok"), "did you mean 'block'"),
        (lambda: MemoryLedger([Budget("e", Amount.of(1, "EUR"))]), "counts EUR, but the reporting currency is USD"),
        (lambda: MemoryLedger([Budget("e", usd("1")), Budget("e", usd("2"))]), "2 budgets are named 'e'"),
    ],
)
def test_bad_construction(build: object, named: str) -> None:
    """A ledger that cannot be honoured is refused by a sentence that names the value."""
    with pytest.raises(ConfigurationError, match=named):
        build()  # pyright: ignore[reportCallIssue]


def test_another_reporting_currency() -> None:
    """Budgets may be in any one currency that is the reporting currency."""
    assert MemoryLedger([Budget("e", Amount.of(1, "EUR"))], currency="EUR").states()[0].unit == "EUR"


def test_eight_threads_lose_no_update() -> None:
    """Eight threads on one budget are granted exactly its limit and settle exactly what they used."""
    book = ledger(Budget("money", usd("1")), Budget("calls", Amount.of(1_000_000, CALL)))
    cent, grants, start = priced("0.01"), [0] * 8, threading.Barrier(8)

    def work(number: int) -> None:
        start.wait()
        kept: list[Reservation] = []
        for turn in range(400):
            answer = book.reserve(ETL, cent, overdraft=False)
            if isinstance(answer, Reservation):
                if turn % 3:
                    book.release(ETL, answer)
                else:
                    kept.append(answer)
        for held in kept:
            book.reconcile(ETL, held, usd("0.004"), Priced(usd("0.004")))
        grants[number] = len(kept)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert consumed(book) == {"money": 4_000 * sum(grants), "calls": 1_000_000 * sum(grants)}


def test_state_does_not_grow_with_operations() -> None:
    """Closed reservations hold nothing, and attributions beyond the bound do not pile up."""
    book = ledger(Budget("money", usd("5")))
    held = granted(book, priced("2"))
    book.reconcile(ETL, held, usd("0"), Priced(usd("0")))
    assert not held.held.posts  # pyright: ignore[reportAttributeAccessIssue]
    for number in range(5_000):
        team = Attribution({"team": f"t{number}"})
        book.release(ETL, granted(book, FREE, Operation("t", "p", attribution=team)))
    assert len(book._matches) <= 4096
