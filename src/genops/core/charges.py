"""Charges: each thing that is paid for is counted once, however many witnesses name it."""

from __future__ import annotations

import threading
from collections import OrderedDict
from typing import TYPE_CHECKING, NamedTuple

from genops.core.amounts import Amount, Grade
from genops.core.forks import on_fork

if TYPE_CHECKING:
    from genops.core.operation import ChargeKey, Operation
    from genops.core.records import UnitId

MAX_CHARGES = 100_000
_RANK = {Grade.ESTIMATED: 0, Grade.METERED: 1, Grade.BILLED: 2}
_Id = tuple[str, str, str, str]
# Statement, run, job, account: nothing nests deeper, and charges that name each other as parents must not hang.
_MAX_DEPTH = 16


class Posting(NamedTuple):
    """A correction of a settled unit.

    Attributes:
        unit: The unit that owns the charge.
        operation: What it ran.
        delta: Change of the unit's cost in micros of `currency`.
        total: The unit's cost after the change, in micros.
        currency: ISO 4217 code.
        grade: Grade of the figure that changed.
        inner: It follows from a charge inside the unit's own, and not from a word on the unit's own.
        reserved: The ledger still holds the unit's reservation, which its reconciliation will replace.
    """

    unit: UnitId
    operation: Operation
    delta: int
    total: int
    currency: str
    grade: Grade
    inner: bool
    reserved: bool


class Account:
    """What one unit is known to cost: the charges that it owns, the cost of its parts, and what it names as a whole.

    What a unit names as a whole contains its parts, as a charge contains its children.

    Attributes:
        unit: The unit.
        operation: What it runs.
        settled: Whether the unit has settled, so that every change is a correction from now on.
        reserved: Whether the ledger still holds its reservation.
    """

    __slots__ = ("currency", "inside", "operation", "reserved", "settled", "unit", "whole")

    def __init__(self, unit: UnitId, operation: Operation, *, settled: bool = False) -> None:
        self.unit = unit
        self.operation = operation
        self.settled = settled
        self.reserved = False
        self.currency: str | None = None
        self.inside = self.whole = 0

    @property
    def micros(self) -> int:
        """Its cost in micros of its currency."""
        return max(self.inside, self.whole)

    def takes(self, currency: str) -> bool:
        """Return whether money of a currency can be added; the first currency is the only one."""
        self.currency = self.currency or currency
        return self.currency == currency


class _Charge:
    __slots__ = ("account", "children", "currency", "grade", "own", "parent", "total")

    def __init__(self, parent: ChargeKey | None) -> None:
        self.parent = parent
        self.account: Account | None = None
        self.currency = ""
        self.grade = Grade.ESTIMATED
        self.total: int | None = None
        self.own = 0
        # By currency: what the charges inside come to.
        self.children: dict[str, int] = {}


class ChargeBook:
    """Who owns which charge and how much of it is known. Bounded: the charge unheard of for longest is forgotten.

    A charge lies inside its parent: of the total named for a parent, its owner is charged only what the children do
    not account for. A figure is replaced by later ones of its own grade or a better one. The parent of a charge is
    no part of its identity, because not every witness knows it.

    Attributes:
        evicted: Charges forgotten.
        residual: Witnesses of charges that nobody owns; their money is not counted as new.
        foreign: Figures in another currency than the one they would be added to; they are not added.
    """

    def __init__(self, capacity: int = MAX_CHARGES) -> None:
        self._charges: OrderedDict[_Id, _Charge] = OrderedDict()
        self._capacity = capacity
        self.evicted = self.residual = self.foreign = 0
        self._new_lock()
        on_fork(self._new_lock)

    def _new_lock(self) -> None:
        self._lock = threading.RLock()

    def settle(
        self, key: ChargeKey, account: Account, total: Amount | None, grade: Grade
    ) -> tuple[bool, list[Posting]]:
        """Let a unit settle a charge; the first to do so owns it, every other one is a witness.

        Returns:
            Whether the unit owns the charge, and the corrections of settled units that follow.
        """
        with self._lock:
            charge, postings = self._at(key)
            if charge.account is None:
                charge.account = account
            if total is not None:
                postings += self._word(charge, charge.account, total, grade)
            return charge.account is account, postings

    def witness(self, key: ChargeKey, total: Amount, grade: Grade) -> list[Posting]:
        """Take a later word on what a charge cost in all; return the corrections, none where nobody owns it."""
        with self._lock:
            known = self._charges.get(key[:4])
            if known is None or known.account is None:
                self.residual += 1
                return []
            charge, postings = self._at(key)
            return postings + self._word(charge, known.account, total, grade)

    def add(self, account: Account, money: Amount, grade: Grade, *, whole: bool) -> list[Posting]:
        """Add what has no charge of its own: the cost of a part, or what a unit names as its whole cost."""
        with self._lock:
            if not account.takes(money.unit):
                self.foreign += 1
                return []
            before = account.micros
            if whole:
                account.whole = money.micros
            else:
                account.inside += money.micros
            return _posted(account, account.micros - before, grade, inner=False, zero=whole)

    def close(self, account: Account, *, reserved: bool) -> Amount | None:
        """Return what a unit settles with; every later change is a correction."""
        with self._lock:
            account.settled, account.reserved = True, reserved
            return None if account.currency is None else Amount(account.micros, account.currency)

    def reconcile(self, account: Account) -> Amount | None:
        """Return what a settled unit costs by now; the ledger is told of every later change."""
        return self.close(account, reserved=False)

    def _word(self, charge: _Charge, account: Account, total: Amount, grade: Grade) -> list[Posting]:
        """Replace what is known of a charge."""
        if (charge.total is not None and charge.currency != total.unit) or not account.takes(total.unit):
            self.foreign += 1
            return []
        if charge.total is not None and _RANK[grade] < _RANK[charge.grade]:
            return []
        better = _RANK[grade] > _RANK[charge.grade]
        charge.total, charge.currency, charge.grade = total.micros, total.unit, grade
        delta, postings = self._recount(charge, account, inner=False, zero=better)
        return postings + self._grown(charge.parent, charge.currency, delta)

    def _recount(
        self, charge: _Charge, account: Account, *, inner: bool, zero: bool = False
    ) -> tuple[int, list[Posting]]:
        """Take the children out of a charge's total; return how its own amount changed, and the correction."""
        own = max((charge.total or 0) - charge.children.get(charge.currency, 0), 0)
        delta, charge.own = own - charge.own, own
        before = account.micros
        account.inside += delta
        return delta, _posted(account, account.micros - before, charge.grade, inner=inner, zero=zero)

    def _grown(self, key: ChargeKey | None, currency: str, delta: int) -> list[Posting]:
        """Tell a charge, and those around it, that the charges inside it changed by `delta`."""
        postings: list[Posting] = []
        for _ in range(_MAX_DEPTH):
            if key is None or not delta:
                break
            charge, adopted = self._at(key)
            postings += adopted
            charge.children[currency] = charge.children.get(currency, 0) + delta
            if charge.total is not None and charge.currency == currency and charge.account is not None:
                change, correction = self._recount(charge, charge.account, inner=True)
                delta += change
                postings += correction
            key = charge.parent
        return postings

    def _at(self, key: ChargeKey) -> tuple[_Charge, list[Posting]]:
        """Return a charge, and the corrections that follow where its parent only became known now."""
        identity = key[:4]
        charge = self._charges.get(identity)
        if charge is None:
            charge = self._charges[identity] = _Charge(key.parent)
            if len(self._charges) > self._capacity:
                self._charges.popitem(last=False)
                self.evicted += 1
            return charge, []
        self._charges.move_to_end(identity)
        postings: list[Posting] = []
        if charge.parent is None and key.parent is not None:
            charge.parent = key.parent
            whole = dict(charge.children)
            whole[charge.currency] = whole.get(charge.currency, 0) + charge.own
            for currency, amount in whole.items():
                postings += self._grown(key.parent, currency, amount)
        return charge, postings


def _posted(account: Account, delta: int, grade: Grade, *, inner: bool, zero: bool) -> list[Posting]:
    if not account.settled or not (delta or zero):
        return []
    return [
        Posting(
            account.unit, account.operation, delta, account.micros, account.currency or "", grade, inner,
            account.reserved,
        )
    ]  # fmt: skip
