"""The ports of the spine and what stands behind them when nothing is configured."""

from __future__ import annotations

import itertools
import random
import time
from collections.abc import Iterable, Mapping
from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING, NamedTuple, Protocol

from genops.core.amounts import ONE_CALL, Amount, Estimate, Priced
from genops.core.decisions import ALLOWED, Decision
from genops.core.operation import EMPTY, AttributeValue, DatasetRef
from genops.core.records import Admitted, BudgetState, Record, Refusal, Reservation, Settled, UnitId

if TYPE_CHECKING:
    from genops.core.edges import Neighbours
    from genops.core.operation import Facts, Operation
    from genops.core.records import Outcome, Role

DEFAULT_RESERVE_SECONDS = 60.0
TABLES, COLUMNS, CLASSIFICATION, ESTIMATE = "tables", "columns", "classification", "estimate"


class Clock(Protocol):
    """Time, so that tests can own it.

    Nothing can wait for a clock that stands still until its owner moves it. Such a clock says `manual = True`; whoever
    moves it then calls `Governor.pending.serve`.
    """

    def now_ns(self) -> int:
        """Return the wall clock in nanoseconds since the epoch."""
        ...

    def monotonic(self) -> float:
        """Return seconds that never go back."""
        ...


class SystemClock:
    """The machine's clocks."""

    now_ns = staticmethod(time.time_ns)
    monotonic = staticmethod(time.monotonic)


class Ids(Protocol):
    """Identities, so that tests can own them."""

    def trace_id(self) -> int:
        """Return 128 bits, not all zero."""
        ...

    def span_id(self) -> int:
        """Return 64 bits, not all zero."""
        ...


class RandomIds:
    """Identities that nothing else has."""

    def trace_id(self) -> int:
        """Return 128 random bits."""
        return random.getrandbits(128) or 1

    def span_id(self) -> int:
        """Return 64 random bits."""
        return random.getrandbits(64) or 1


class Resolution(NamedTuple):
    """What a resolver found out for a decision.

    Attributes:
        reads: Datasets read.
        writes: Datasets written.
        classes: Classification by dataset; a dataset that is not in it has no known class.
        resolved: False where something that a rule needs could not be found out in time.
        late: It is being found out still, and a later call like this one will know it.
    """

    reads: tuple[DatasetRef, ...] = ()
    writes: tuple[DatasetRef, ...] = ()
    classes: Mapping[DatasetRef, str] = {}
    resolved: bool = True
    late: bool = False


class Resolver(Protocol):
    """Finds out what rules need to know of an operation, in bounded time."""

    def resolve(self, operation: Operation, needs: frozenset[str]) -> Resolution:
        """Return what is known of the operation's datasets within 25 ms."""
        ...


class Policy(Protocol):
    """Decides whether an operation may run."""

    needs: frozenset[str]

    def evaluate(self, operation: Operation, resolution: Resolution) -> Decision:
        """Return the decision. Same inputs and same governance state give the same decision."""
        ...


class Pricer(Protocol):
    """Knows what things cost."""

    def estimate(self, operation: Operation) -> Estimate:
        """Return what the operation is expected to use."""
        ...

    def price(self, operation: Operation, facts: Facts, seconds: float) -> Priced:
        """Return what it cost, `seconds` being the measured duration of its execution."""
        ...


class Ledger(Protocol):
    """Holds the budgets.

    Attributes:
        blocking: Whether a call may wait on something outside the process; asynchronous code then asks off-loop.
    """

    blocking: bool

    def reserve(self, operation: Operation, estimate: Estimate, *, overdraft: bool) -> Reservation | Refusal:
        """Set aside what the operation is expected to use, or say why not. With `overdraft` it never refuses."""
        ...

    def reconcile(
        self, operation: Operation, reservation: Reservation, actual: Amount, priced: Priced
    ) -> BudgetState | None:
        """Replace what was set aside by what was used; return the reservation's budget after it."""
        ...

    def release(self, operation: Operation, reservation: Reservation) -> None:
        """Give back what was set aside for an operation that did not run."""
        ...

    def adjust(self, operation: Operation, delta: Amount) -> None:
        """Post a later correction; `delta.micros` may be negative."""
        ...


class Closing(NamedTuple):
    """What a scope is told at its end.

    Attributes:
        ended_ns: End of the execution, in nanoseconds since the epoch.
        outcome: How the execution ended; `None` where it was refused.
        facts: What was seen.
        admitted: The decision that stands; `None` for parts and containers.
        settled: The settlement; `None` for parts, containers and refusals.
        attributes: Further attributes, for example a container's roll-up.
        lineage: Where it stands in the lineage known so far; `None` where it named no edge.
    """

    ended_ns: int
    outcome: Outcome | None
    facts: Facts
    admitted: Admitted | None = None
    settled: Settled | None = None
    attributes: Mapping[str, AttributeValue] = EMPTY
    lineage: Neighbours | None = None


class Scope(Protocol):
    """The span of an operation, whatever records it."""

    unit: UnitId

    def enter(self) -> object:
        """Make the scope current and return the token that undoes it."""
        ...

    def exit(self, token: object) -> None:
        """Undo `enter`."""
        ...

    def close(self, closing: Closing) -> None:
        """End the scope. Called once."""
        ...


class Tracer(Protocol):
    """Opens scopes and carries trace context across processes."""

    def open(self, operation: Operation, role: Role, started_ns: int, parent: object = None) -> Scope:
        """Open the scope of an operation below `parent` (from `here`) or below what is current."""
        ...

    def here(self) -> object:
        """Return the current trace context, to be given to `open` later."""
        ...

    def suppressed(self) -> bool:
        """Whether the program asked that nothing be instrumented here."""
        ...

    def inject(self) -> dict[str, str]:
        """Return the current trace context as W3C headers."""
        ...

    def attached(self, headers: Mapping[str, str]) -> AbstractContextManager[object]:
        """Return a context manager inside which the trace context of `headers` is current."""
        ...


class Sink(Protocol):
    """Wants to know what happened.

    A sink whose `write` may wait (for a disk, a network) sets `queued = True` and is then written to from a queue of
    its own; all others are written to on the caller's thread, before the call for `Admitted`.
    """

    def write(self, record: Record) -> None:
        """Take one record."""
        ...


class TotalsRow(NamedTuple):
    """Exact totals of one combination of labels.

    Attributes:
        labels: (team, project, environment, provider, operation type, resource type, workspace).
        result: Policy result.
        currency: ISO 4217 code, or an empty string where nothing was priced.
        units: Settled units.
        decisions: Decisions made.
        errors: Units that ended in an error.
        cost: Cost at settlement, in micros.
        adjustment: Later corrections, in micros.
        unpriced: Units without a price.
        seconds: Time of execution.
        rows: Rows seen.
        bytes: Bytes seen.
        violations: Decisions that refused, or would have refused in enforce mode.
    """

    labels: tuple[str, ...]
    result: str
    currency: str
    units: int
    decisions: int
    errors: int
    cost: int
    adjustment: int
    unpriced: int
    seconds: float
    rows: int
    bytes: int
    violations: int


class Totals(Protocol):
    """Reads the exact totals; metrics are a view of them."""

    def rows(self) -> Iterable[TotalsRow]:
        """Return a consistent snapshot."""
        ...


class BudgetBook(Protocol):
    """Reads the budgets."""

    def states(self) -> Iterable[BudgetState]:
        """Return every budget as it stands."""
        ...


class AllowAll:
    """The policy without rules."""

    needs: frozenset[str] = frozenset()

    def evaluate(self, operation: Operation, resolution: Resolution) -> Decision:
        """Allow."""
        return ALLOWED


class NamedDatasets:
    """The resolver that knows what the operation itself names, and no classes."""

    def resolve(self, operation: Operation, needs: frozenset[str]) -> Resolution:
        """Return the datasets that the operation names."""
        return Resolution(operation.reads, operation.writes)


_UNKNOWN = Estimate(unpriced_reason="no_prices")
_UNPRICED = Priced(unpriced_reason="no_prices")


class NoPrices:
    """The pricer that knows no price."""

    def estimate(self, operation: Operation) -> Estimate:
        """Return the declared amount, or one call."""
        return _UNKNOWN if operation.amount is None else Estimate(operation.amount, unpriced_reason="no_prices")

    def price(self, operation: Operation, facts: Facts, seconds: float) -> Priced:
        """Return the cost that the caller or the platform named."""
        if facts.money is not None:
            return Priced(facts.money, grade=facts.grade or Priced().grade, source=facts.source)
        return _UNPRICED


class NoBudgets:
    """The ledger without budgets: grants everything."""

    blocking = False

    def __init__(self) -> None:
        self._ids = itertools.count(1)

    def reserve(self, operation: Operation, estimate: Estimate, *, overdraft: bool) -> Reservation | Refusal:
        """Grant the estimate over the default number of seconds."""
        return Reservation(next(self._ids), estimate.over(DEFAULT_RESERVE_SECONDS))

    def reconcile(
        self, operation: Operation, reservation: Reservation, actual: Amount, priced: Priced
    ) -> BudgetState | None:
        """Nothing to keep."""
        return None

    def release(self, operation: Operation, reservation: Reservation) -> None:
        """Nothing to give back."""

    def adjust(self, operation: Operation, delta: Amount) -> None:
        """Nothing to correct."""


class BareScope:
    """A scope that only has an identity."""

    __slots__ = ("unit",)

    def __init__(self, trace_id: int | None = None) -> None:
        self.unit = UnitId(trace_id or random.getrandbits(128) | 1, random.getrandbits(64) | 1)

    def enter(self) -> object:
        """Nothing to make current."""
        return None

    def exit(self, token: object) -> None:
        """Nothing to undo."""

    def close(self, closing: Closing) -> None:
        """Nothing to end."""


class NoTracer:
    """The tracer where OpenTelemetry is absent or disabled: makes the ids itself."""

    def open(self, operation: Operation, role: Role, started_ns: int, parent: object = None) -> Scope:
        """Return a scope with ids of its own."""
        return BareScope()

    def here(self) -> object:
        """There is no context."""
        return None

    def suppressed(self) -> bool:
        """Nobody can ask."""
        return False

    def inject(self) -> dict[str, str]:
        """There is no context to carry."""
        return {}

    def attached(self, headers: Mapping[str, str]) -> AbstractContextManager[object]:
        """There is no context to attach."""
        return nullcontext()


__all__ = [
    "CLASSIFICATION",
    "COLUMNS",
    "DEFAULT_RESERVE_SECONDS",
    "ESTIMATE",
    "ONE_CALL",
    "TABLES",
    "AllowAll",
    "BareScope",
    "BudgetBook",
    "Clock",
    "Closing",
    "Ids",
    "Ledger",
    "NamedDatasets",
    "NoBudgets",
    "NoPrices",
    "NoTracer",
    "Policy",
    "Pricer",
    "RandomIds",
    "Resolution",
    "Resolver",
    "Scope",
    "Sink",
    "SystemClock",
    "Totals",
    "TotalsRow",
    "Tracer",
]
