"""Charges: each thing that is paid for is counted once, however many witnesses name it."""

from __future__ import annotations

import threading
from collections import OrderedDict
from typing import TYPE_CHECKING, NamedTuple

from genops.core.forks import on_fork

if TYPE_CHECKING:
    from genops.core.amounts import Amount
    from genops.core.operation import ChargeKey, Operation
    from genops.core.records import UnitId

MAX_CHARGES = 100_000


class Posting(NamedTuple):
    """A correction that follows from a witness.

    Attributes:
        unit: The unit that owns the charge.
        operation: What it ran.
        delta: Change in micros of `currency`.
        total: The charge's own cost after the change, in micros.
        currency: ISO 4217 code.
    """

    unit: UnitId
    operation: Operation
    delta: int
    total: int
    currency: str


class _Charge:
    __slots__ = ("children", "currency", "inclusive", "operation", "own", "parent", "unit")

    def __init__(self, parent: ChargeKey | None) -> None:
        self.parent = parent
        self.unit: UnitId | None = None
        self.operation: Operation | None = None
        self.currency: str | None = None
        self.own = 0
        self.children = 0
        self.inclusive = False


class ChargeBook:
    """Who owns which charge and how much of it is known. Bounded: the oldest charge is forgotten and counted.

    A charge's own amount never includes its children's: a total named for a parent is split into what its children
    already account for and the rest.

    Attributes:
        evicted: Charges forgotten.
        residual: Witnesses of charges that nobody owns; their money is not counted as new.
        foreign: Witnesses in another currency than the charge's; their money is not added.
    """

    def __init__(self, capacity: int = MAX_CHARGES) -> None:
        self._charges: OrderedDict[ChargeKey, _Charge] = OrderedDict()
        self._capacity = capacity
        self.evicted = self.residual = self.foreign = 0
        self._new_lock()
        on_fork(self._new_lock)

    def _new_lock(self) -> None:
        self._lock = threading.Lock()

    def settle(
        self, key: ChargeKey, unit: UnitId, operation: Operation, total: Amount | None
    ) -> tuple[bool, int, list[Posting]]:
        """Let a unit settle a charge.

        Returns:
            Whether the unit owns the charge (the first to settle it does); the charge's own amount in micros, without
            what its children account for; corrections of other units that follow.
        """
        with self._lock:
            charge = self._at(key)
            if charge.unit is not None:
                return False, 0, []
            charge.unit, charge.operation = unit, operation
            if total is None:
                return True, 0, []
            charge.currency = total.unit
            charge.inclusive = charge.children > 0
            charge.own = max(total.micros - charge.children, 0)
            return True, charge.own, self._inside_parent(charge, charge.own)

    def witness(self, key: ChargeKey, total: Amount) -> list[Posting]:
        """Take a later word on what a charge cost in all; return the corrections, none where nobody owns it."""
        with self._lock:
            charge = self._charges.get(key)
            if charge is None or charge.unit is None or charge.operation is None:
                self.residual += 1
                return []
            if charge.currency not in {None, total.unit}:
                self.foreign += 1
                return []
            charge.currency, charge.inclusive = total.unit, True
            own = max(total.micros - charge.children, 0)
            delta, charge.own = own - charge.own, own
            first = Posting(charge.unit, charge.operation, delta, own, total.unit)
            return [first, *self._inside_parent(charge, delta)]

    def _inside_parent(self, child: _Charge, delta: int) -> list[Posting]:
        if child.parent is None or delta == 0:
            return []
        parent = self._at(child.parent)
        parent.children += delta
        if not parent.inclusive or parent.unit is None or parent.operation is None or parent.currency != child.currency:
            return []
        taken = min(delta, parent.own)
        parent.own -= taken
        return [Posting(parent.unit, parent.operation, -taken, parent.own, parent.currency or "")]

    def _at(self, key: ChargeKey) -> _Charge:
        charge = self._charges.get(key)
        if charge is None:
            charge = self._charges[key] = _Charge(key.parent)
            if len(self._charges) > self._capacity:
                self._charges.popitem(last=False)
                self.evicted += 1
        return charge
