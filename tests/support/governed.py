"""Governed calls and ports for tests of the spine: small, explicit, and what a test does not say is the default."""

from __future__ import annotations

import itertools
import threading
from typing import Any

from genops.core import shapes
from genops.core.amounts import Amount, Estimate, Grade, Priced
from genops.core.decisions import ALLOWED, Decision, PolicyResult
from genops.core.operation import ChargeKey, DatasetRef, Operation
from genops.core.ports import AllowAll, NoBudgets
from genops.core.records import BudgetState, Refusal, Reservation

ORDERS = DatasetRef(("main", "sales", "orders"))
SECRET = DatasetRef(("main", "hr", "salaries"))


def usd(amount: float) -> Amount:
    """Money."""
    return Amount.of(amount, "USD")


def statement(number: object, parent: ChargeKey | None = None) -> ChargeKey:
    """The charge of one statement."""
    return ChargeKey("databricks", "acme", "statement", str(number), parent)


def job_run(number: object) -> ChargeKey:
    """The charge of one job run."""
    return ChargeKey("databricks", "acme", "run", str(number))


def site(kind: str = "table.get", *, library: str = "sdk", observe: Any = None, failed: Any = None, **options: Any):
    """A patched method whose keyword arguments `op_…` are the fields of its operation."""

    def describe(governor: Any, instance: Any, args: Any, kwargs: Any) -> Operation:
        fields = {name[3:]: value for name, value in kwargs.items() if name.startswith("op_")}
        who = fields.pop("attribution", None) or governor.attribution(fields.get("host"))
        return Operation(
            kind, "test", kind, kind, attribution=who, container=governor.container(), library=library, **fields
        )

    options.setdefault("describe", describe)
    return shapes.Site(kind, "test", library, kind, observe=observe, failed=failed, **options)


def _bare(body: Any) -> Any:
    def wrapped(*args: Any, **kwargs: Any) -> Any:
        return body(*args, **{k: v for k, v in kwargs.items() if not k.startswith("op_")})

    return wrapped


def call(body: Any = lambda: None, kind: str = "table.get", **options: Any) -> Any:
    """Make one governed call; `op_…` are fields of the operation, all else belongs to the site."""
    fields = {k: v for k, v in options.items() if k.startswith("op_")}
    rest = {k: v for k, v in options.items() if k not in fields}
    return shapes.call(site(kind, **rest), _bare(body), None, (), fields)


async def acall(body: Any, kind: str = "table.get", **options: Any) -> Any:
    """Make one governed call of a coroutine function."""
    fields = {k: v for k, v in options.items() if k.startswith("op_")}
    rest = {k: v for k, v in options.items() if k not in fields}
    return await shapes.acall(site(kind, **rest), _bare(body), None, (), fields)


def iterate(body: Any, kind: str = "table.list", **options: Any) -> Any:
    """Make one governed call of a generator function."""
    fields = {k: v for k, v in options.items() if k.startswith("op_")}
    rest = {k: v for k, v in options.items() if k not in fields}
    return shapes.iterate(site(kind, **rest), _bare(body), None, (), fields)


def aiterate(body: Any, kind: str = "table.list", **options: Any) -> Any:
    """Make one governed call of an asynchronous generator function."""
    fields = {k: v for k, v in options.items() if k.startswith("op_")}
    rest = {k: v for k, v in options.items() if k not in fields}
    return shapes.aiterate(site(kind, **rest), _bare(body), None, (), fields)


class Clearance:
    """Refuses what names a forbidden dataset."""

    needs = frozenset({"tables"})

    def __init__(self, *forbidden: DatasetRef, result: PolicyResult = PolicyResult.BLOCKED) -> None:
        self.forbidden = forbidden
        self.result = result
        self.asked: list[Operation] = []

    def evaluate(self, operation: Operation, resolution: Any) -> Decision:
        """Decide by name."""
        self.asked.append(operation)
        if any(ref in self.forbidden for ref in (*resolution.reads, *resolution.writes)):
            return Decision(self.result, "POLICY_DENY_CONTENT", "clearance", "above the clearance of the team")
        return ALLOWED


class DenyAll(AllowAll):
    """Refuses everything, in the way that it is told."""

    def __init__(self, result: PolicyResult = PolicyResult.BLOCKED, code: str = "POLICY_DENY_CONTENT") -> None:
        self.decision = Decision(result, code, "nothing-goes", "nothing goes")

    def evaluate(self, operation: Operation, resolution: Any) -> Decision:
        """Refuse."""
        return self.decision


class Purse:
    """A ledger with one budget, which shows what it was told.

    Args:
        limit: What the budget holds, in micros of the unit of whatever is reserved.
        blocking: What the port says of itself.
    """

    def __init__(self, limit: int = 10**15, *, blocking: bool = False) -> None:
        self.limit, self.blocking = limit, blocking
        self.held: dict[int, int] = {}
        self.spent = 0
        self.told: list[tuple[str, Any]] = []
        self.threads: set[str] = set()
        self._ids = itertools.count(1)
        self._lock = threading.RLock()

    def _state(self, unit: str) -> BudgetState:
        return BudgetState("purse", unit, self.limit, self.spent + sum(self.held.values()), "total")

    def _tell(self, what: str, value: Any) -> None:
        self.told.append((what, value))
        self.threads.add(threading.current_thread().name)

    def reserve(self, operation: Operation, estimate: Estimate, *, overdraft: bool) -> Reservation | Refusal:
        """Hold an amount."""
        amount = estimate.over(60)
        with self._lock:
            over = self._state(amount.unit).consumed + amount.micros > self.limit
            self._tell("reserve", amount)
            if over and not overdraft:
                return Refusal(self._state(amount.unit), amount, "nothing left")
            number = next(self._ids)
            self.held[number] = amount.micros
            return Reservation(number, amount, self._state(amount.unit), over)

    def reconcile(self, operation: Operation, reservation: Reservation, actual: Amount, priced: Priced) -> BudgetState:
        """Spend what was used."""
        with self._lock:
            self._tell("reconcile", actual)
            del self.held[reservation.id]
            self.spent += actual.micros
            return self._state(actual.unit)

    def release(self, operation: Operation, reservation: Reservation) -> None:
        """Hold it no longer."""
        with self._lock:
            self._tell("release", reservation.amount)
            del self.held[reservation.id]

    def adjust(self, operation: Operation, delta: Amount) -> None:
        """Spend more or less."""
        with self._lock:
            self._tell("adjust", delta)
            self.spent += delta.micros


class BrokenLedger(NoBudgets):
    """A ledger that fails."""

    def reserve(self, operation: Operation, estimate: Estimate, *, overdraft: bool) -> Reservation | Refusal:
        """Fail."""
        raise OSError("the ledger is gone")

    def reconcile(self, *_: object) -> BudgetState | None:
        """Fail."""
        raise OSError("the ledger is gone")

    def release(self, *_: object) -> None:
        """Fail."""
        raise OSError("the ledger is gone")

    def adjust(self, *_: object) -> None:
        """Fail."""
        raise OSError("the ledger is gone")


class Prices:
    """A pricer that knows the money that facts name, and fixed prices by operation type."""

    def __init__(self, grade: Grade = Grade.ESTIMATED, **dollars: float) -> None:
        self.grade = grade
        self.dollars = {kind.replace("_", "."): usd(price) for kind, price in dollars.items()}

    def estimate(self, operation: Operation) -> Estimate:
        """Expect the fixed price, or what is declared."""
        return Estimate(amount=operation.amount or self.dollars.get(operation.type), billable=True)

    def price(self, operation: Operation, facts: Any, seconds: float) -> Priced:
        """Return what the facts name, or the fixed price."""
        if facts.money is not None:
            return Priced(facts.money, None, facts.grade or self.grade, facts.source or "facts")
        money = self.dollars.get(operation.type)
        return Priced(money, None if money else "no_prices", self.grade, "list" if money else None, "2026-08-01")


class Clock:
    """A clock that a test moves."""

    def __init__(self) -> None:
        self.seconds = 1_000.0

    def now_ns(self) -> int:
        """Return the time."""
        return round(self.seconds * 1e9)

    def monotonic(self) -> float:
        """Return the time."""
        return self.seconds
