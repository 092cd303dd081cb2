"""The ledger in memory: budgets that are reserved before an operation runs and reconciled after it.

State is one account for each budget. What a reservation holds travels with the reservation itself, so that nothing has
to be remembered for units that run, and closing it empties it: a second reconciliation or release finds nothing.
"""

from __future__ import annotations

import itertools
import threading
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, NamedTuple

from genops.core.amounts import CALL, DBU, MICROS, Amount, Estimate, Priced
from genops.core.decisions import ReasonCode
from genops.core.forks import on_fork
from genops.core.ports import DEFAULT_RESERVE_SECONDS, Clock, SystemClock
from genops.core.records import BudgetState, Refusal, Reservation
from genops.cost.budgets import Budget, Window, in_words, iso_utc, window_of
from genops.cost.prices import REMEDIES
from genops.errors import ConfigurationError, nearest

if TYPE_CHECKING:
    from genops.core.operation import Operation

ON_UNPRICED = ("block", "allow")
_MAX_MATCHES = 4096
_NEVER = float("inf")
_DECLARE_MONEY = "declare its cost with genops.operation(name, cost=...)"
_DECLARE_DBU = "state the limit in money"


class _Account:
    """One budget in one period. Reservations point at it, so a period that ended stays as long as one needs it."""

    __slots__ = ("allocated", "budget", "consumed", "unit", "window")

    def __init__(self, budget: Budget, window: Window) -> None:
        self.budget = budget
        self.unit = budget.unit
        self.allocated = budget.limit.micros
        self.window = window
        self.consumed = 0

    def post(self, delta: int) -> None:
        # A credit for an earlier period must not raise this period's limit.
        self.consumed = max(self.consumed + delta, 0)

    def state(self) -> BudgetState:
        budget = self.budget
        return BudgetState(budget.name, self.unit, self.allocated, self.consumed, budget.period, self.window.renews_ns)


class _Hold:
    """What a reservation holds: millionths by account, until it is closed."""

    __slots__ = ("ledger", "posts", "telling")

    def __init__(self, ledger: MemoryLedger, posts: Sequence[tuple[_Account, int]], telling: _Account | None) -> None:
        self.ledger = ledger
        self.posts = posts
        self.telling = telling


class _Match(NamedTuple):
    """The budgets that count one attribution on one host.

    Attributes:
        budgets: Position and unit of each.
        seconds: Seconds to reserve, by unit.
        positions: Positions, by unit.
    """

    budgets: tuple[tuple[int, str], ...]
    seconds: dict[str, float]
    positions: dict[str, tuple[int, ...]]


class MemoryLedger:
    """Holds budgets for one process.

    Every budget whose scope has the operation must carry it: either all hold, or none. A call budget counts one call a
    unit. A money budget and a DBU budget count what can be named in their unit; an operation that uses something
    billed and cannot be named in it follows `on_unpriced`. Control-plane calls, which are not billed, touch call
    budgets only. A reservation belongs to the period in which it was taken, whenever it is reconciled.

    Args:
        budgets: The budgets.
        on_unpriced: `block` refuses what is billed and cannot be named in a budget's unit; `allow` lets it run.
        clock: Time.
        currency: The one reporting currency.

    Raises:
        ConfigurationError: Two budgets have one name, a budget has another currency, or `on_unpriced` is unknown.
    """

    blocking = False

    def __init__(
        self,
        budgets: Iterable[Budget] = (),
        on_unpriced: str = "block",
        clock: Clock | None = None,
        currency: str = "USD",
    ) -> None:
        self._budgets = tuple(budgets)
        _check(self._budgets, on_unpriced, currency)
        self._blocks_unpriced = on_unpriced == "block"
        self._clock: Clock = clock or SystemClock()
        now_ns = self._clock.now_ns()
        self._accounts = [_Account(budget, window_of(budget.period, now_ns)) for budget in self._budgets]
        self._renews_ns = self._next_renewal()
        self._matches: dict[object, _Match] = {}
        self._ids = itertools.count(1)
        self._new_lock()
        on_fork(self._new_lock)

    def _new_lock(self) -> None:
        # What the parent had spent stays counted in the child; only a lock that a thread of the parent held must go.
        self._lock = threading.RLock()

    def reserve(self, operation: Operation, estimate: Estimate, *, overdraft: bool) -> Reservation | Refusal:
        """Set aside what an operation is expected to use in every budget that counts it, or say why not.

        Args:
            operation: What wants to run.
            estimate: What it is expected to use; a rate is taken over the longest `reserve_seconds` of the budgets.
            overdraft: Grant in any case, and mark the reservation where it would have been refused.

        Returns:
            A reservation with its tightest budget, its own unit before calls; where it is an overdraft, with the
            budget that could not carry it. Otherwise the refusal of that budget.
        """
        match = self._match(operation)
        amount = estimate.over(match.seconds.get(estimate.unit, DEFAULT_RESERVE_SECONDS))
        if not match.budgets:
            return Reservation(next(self._ids), amount)
        with self._lock:
            posts, unable = self._asked(match, estimate, amount)
            if unable is not None and not overdraft:
                return _refusal(*unable, estimate, amount)
            for account, need in posts:
                account.consumed += need
            telling = self._tightest(match, amount.unit) if unable is None else unable[0]
            state = None if telling is None else telling.state()
            return Reservation(next(self._ids), amount, state, unable is not None, _Hold(self, posts, telling))

    def _asked(
        self, match: _Match, estimate: Estimate, amount: Amount
    ) -> tuple[list[tuple[_Account, int]], tuple[_Account, int] | None]:
        """Return what is asked of each account, and the first that cannot carry it."""
        accounts = self._current()
        micros, reserved_unit = amount
        unnamed = self._blocks_unpriced and (estimate.billable or amount.is_money)
        posts: list[tuple[_Account, int]] = []
        unable: tuple[_Account, int] | None = None
        for index, unit in match.budgets:
            account = accounts[index]
            if unit == CALL:
                need, fits = MICROS, account.consumed + MICROS <= account.allocated
            elif unit == reserved_unit:
                need, fits = micros, micros == 0 or account.consumed + micros <= account.allocated
            elif unit == DBU and estimate.dbu_nanos is not None:
                need = round(estimate.dbu_nanos * match.seconds[DBU] / 1000)
                fits = account.consumed + need <= account.allocated
            else:
                need, fits = 0, not unnamed
            posts.append((account, need))
            if unable is None and not fits:
                unable = account, need
        return posts, unable

    def _tightest(self, match: _Match, unit: str) -> _Account | None:
        """Return the account with least left in a unit, else in calls; accounts of other units hold nothing of it."""
        found: _Account | None = None
        for index in match.positions.get(unit) or match.positions.get(CALL, ()):
            account = self._accounts[index]
            if found is None or account.allocated - account.consumed < found.allocated - found.consumed:
                found = account
        return found

    def reconcile(
        self,
        operation: Operation,  # noqa: ARG002  (the port's signature)
        reservation: Reservation,
        actual: Amount,
        priced: Priced,
    ) -> BudgetState | None:
        """Replace what was set aside by what was used; only the first call for a reservation counts.

        Args:
            operation: What ran.
            reservation: What was set aside.
            actual: What was used, in the unit of the reservation.
            priced: What it cost, in money and DBU as far as known; it also reaches budgets that held nothing.

        Returns:
            The reservation's budget in the period of the reservation.
        """
        hold = self._own(reservation)
        if hold is None:
            return None
        with self._lock:
            posts, hold.posts = hold.posts, ()
            for account, held in posts:
                used = _used(account.unit, held, actual, priced)
                if used != held:
                    account.post(used - held)
            return None if hold.telling is None else hold.telling.state()

    def release(self, operation: Operation, reservation: Reservation) -> None:  # noqa: ARG002  (the port's signature)
        """Give back what was set aside for an operation that did not run."""
        hold = self._own(reservation)
        if hold is not None:
            with self._lock:
                posts, hold.posts = hold.posts, ()
                for account, held in posts:
                    account.post(-held)

    def adjust(self, operation: Operation, delta: Amount) -> None:
        """Post a later correction to the budgets of its unit, in the period in which it becomes known.

        A credit never lowers a budget's consumption below zero. The number of calls is never corrected.
        """
        with self._lock:
            accounts = self._current()
            for index, unit in self._match(operation).budgets:
                if unit == delta.unit and unit != CALL:
                    accounts[index].post(delta.micros)

    def states(self) -> list[BudgetState]:
        """Return every budget as it stands."""
        with self._lock:
            return [account.state() for account in self._current()]

    def _own(self, reservation: Reservation) -> _Hold | None:
        # A ledger that replaced another one may be handed reservations of its predecessor; they are not its own.
        hold = reservation.held
        return hold if isinstance(hold, _Hold) and hold.ledger is self else None

    def _match(self, operation: Operation) -> _Match:
        key = (operation.attribution, operation.host)
        match = self._matches.get(key)
        if match is None:
            if len(self._matches) >= _MAX_MATCHES:
                self._matches.clear()
            match = self._matches[key] = _match(self._budgets, operation)
        return match

    def _current(self) -> list[_Account]:
        now_ns = self._clock.now_ns()
        if now_ns >= self._renews_ns:
            for index, account in enumerate(self._accounts):
                renews_ns = account.window.renews_ns
                if renews_ns is not None and now_ns >= renews_ns:
                    self._accounts[index] = _Account(account.budget, window_of(account.budget.period, now_ns))
            self._renews_ns = self._next_renewal()
        return self._accounts

    def _next_renewal(self) -> float:
        return min((a.window.renews_ns for a in self._accounts if a.window.renews_ns is not None), default=_NEVER)


def _check(budgets: Sequence[Budget], on_unpriced: str, currency: str) -> None:
    if on_unpriced not in ON_UNPRICED:
        close = nearest(str(on_unpriced), ON_UNPRICED)
        raise ConfigurationError(f"budgets.on_unpriced={on_unpriced!r}{close}: expected 'block' or 'allow'")
    for name, count in Counter(budget.name for budget in budgets).items():
        if count > 1:
            raise ConfigurationError(f"{count} budgets are named {name!r}: give each a name of its own")
    for budget in budgets:
        if budget.unit not in {CALL, DBU, currency}:
            raise ConfigurationError(
                f"budget {budget.name!r} counts {budget.unit}, but the reporting currency is {currency} and genops "
                f"converts nothing: state its limit in {currency}"
            )


def _match(budgets: Sequence[Budget], operation: Operation) -> _Match:
    counting = [(index, budget) for index, budget in enumerate(budgets) if budget.counts(operation)]
    seconds: dict[str, float] = {}
    positions: dict[str, tuple[int, ...]] = {}
    for index, budget in counting:
        unit = budget.unit
        seconds[unit] = max(budget.reserve_seconds, seconds.get(unit, 0))
        positions[unit] = (*positions.get(unit, ()), index)
    return _Match(tuple((index, budget.unit) for index, budget in counting), seconds, positions)


def _used(unit: str, held: int, actual: Amount, priced: Priced) -> int:
    """Return what a budget of a unit is charged in the end; what it held where nothing better is known."""
    if unit == CALL:
        return held
    if priced.money is not None and priced.money.unit == unit:
        return priced.money.micros
    if unit == DBU and priced.dbu_micros is not None:
        return priced.dbu_micros
    return actual.micros if actual.unit == unit else held


def _refusal(account: _Account, need: int, estimate: Estimate, amount: Amount) -> Refusal:
    if need:
        asked = Amount(need, account.unit)
        return Refusal(account.state(), asked, f"{_too_little(account, asked)}; {_renewal(account)}")
    reason = f"{_unnamed(account, estimate, amount)}; {_renewal(account)}"
    return Refusal(account.state(), amount, reason, ReasonCode.UNPRICED.value)


def _too_little(account: _Account, asked: Amount) -> str:
    left = account.allocated - account.consumed
    limit = in_words(account.budget.limit)
    stands = f"has {in_words(Amount(left, account.unit))} of {limit} left"
    if left < 0:
        stands = f"is overdrawn by {in_words(Amount(-left, account.unit))} over its {limit}"
    return f"budget {account.budget.name!r} {stands} and the operation reserves {in_words(asked)}"


def _unnamed(account: _Account, estimate: Estimate, amount: Amount) -> str:
    reason = estimate.unpriced_reason or ""
    known = "its price is unknown" if amount.unit == CALL else f"only its {amount.unit} is known"
    because = f"{known} ({reason})" if reason else known
    remedy = REMEDIES.get(reason, _DECLARE_DBU if account.unit == DBU else _DECLARE_MONEY)
    return (
        f"budget {account.budget.name!r} counts {account.unit} and cannot carry the operation, because {because}; "
        f"{remedy}, or set budgets.on_unpriced = 'allow'"
    )


def _renewal(account: _Account) -> str:
    renews_ns = account.window.renews_ns
    return "it never renews" if renews_ns is None else f"it renews at {iso_utc(renews_ns)}"
