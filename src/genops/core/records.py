"""The three records that sinks see. They are never changed; totals are their fold."""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

if TYPE_CHECKING:
    from genops.core.amounts import Amount, Grade, Priced
    from genops.core.decisions import Decision
    from genops.core.operation import Facts, Operation


class Role(str, Enum):
    """Who owns the decision and the money."""

    UNIT = "unit"
    PART = "part"
    CONTAINER = "container"


class Outcome(str, Enum):
    """How the execution of a unit ended."""

    OK = "ok"
    ERROR = "error"
    CANCELLED = "cancelled"
    NOT_EXECUTED = "not_executed"


class UnitId(NamedTuple):
    """Identity of a workload unit: its span.

    Attributes:
        trace_id: 128 bits.
        span_id: 64 bits.
        flags: W3C trace flags; 1 where the span is sampled.
    """

    trace_id: int
    span_id: int
    flags: int = 0

    def __str__(self) -> str:
        return f"{self.trace_id:032x}/{self.span_id:016x}"


class BudgetState(NamedTuple):
    """A budget as it stood when it was asked.

    Attributes:
        name: Name of the budget.
        unit: Its one unit.
        allocated: Limit for the period, in micros of the unit.
        consumed: Spent and reserved in the period, in micros.
        period: `day`, `week`, `month`, `year` or `total`.
        renews_ns: When the period ends, in nanoseconds since the epoch; `None` where it never does.
    """

    name: str
    unit: str
    allocated: int
    consumed: int
    period: str
    renews_ns: int | None = None

    @property
    def remaining(self) -> int:
        """What is left in micros; negative after an overdraft."""
        return self.allocated - self.consumed


class Reservation(NamedTuple):
    """What the ledger set aside for a unit.

    Attributes:
        id: The ledger's own number; 0 where the ledger failed and holds nothing.
        amount: What the unit reserved.
        budget: The tightest budget that carries it, where there is one.
        overdraft: Granted although a budget could not carry it.
        held: The ledger's own note of what it holds in which budget.
    """

    id: int
    amount: Amount
    budget: BudgetState | None = None
    overdraft: bool = False
    held: object = None


class Refusal(NamedTuple):
    """The ledger's no.

    Attributes:
        budget: The budget that cannot carry the amount.
        asked: What was asked of it.
        reason: One sentence: how much is left and when it renews.
        reason_code: Code of the decision that follows.
    """

    budget: BudgetState
    asked: Amount
    reason: str
    reason_code: str = "BUDGET_EXCEEDED"


class Admitted(NamedTuple):
    """A decision on a unit; written before the call, and for a refusal before it is raised.

    Attributes:
        unit: The unit.
        sequence: 0 for the first decision on the unit, counting up for later ones; for decisions that another process
            makes inside the unit, the time in nanoseconds.
        operation: What was asked for; a part's own operation for a decision on a part.
        decision: What was decided.
        reservation: What was set aside, where the unit may run.
        at_ns: When, in nanoseconds since the epoch.
    """

    unit: UnitId
    sequence: int
    operation: Operation
    decision: Decision
    reservation: Reservation | None
    at_ns: int


class Settled(NamedTuple):
    """The end of a unit; written exactly once, after every `Admitted` but those that refused the unit.

    Attributes:
        unit: The unit.
        operation: What ran.
        decision: The decision that stands for the unit as a whole.
        reservation: What had been set aside.
        outcome: How the execution ended.
        facts: What was seen.
        actual: What was used, in the unit of the reservation.
        priced: What it cost.
        incomplete: Something that should be known is not; `actual` is the best value there is.
        started_ns: Start of the execution, in nanoseconds since the epoch.
        ended_ns: End of the execution.
        balance: The reservation's budget after reconciliation.
    """

    unit: UnitId
    operation: Operation
    decision: Decision
    reservation: Reservation
    outcome: Outcome
    facts: Facts
    actual: Amount
    priced: Priced
    incomplete: bool
    started_ns: int
    ended_ns: int
    balance: BudgetState | None = None

    @property
    def seconds(self) -> float:
        """Duration of the execution."""
        return (self.ended_ns - self.started_ns) / 1e9


class Adjusted(NamedTuple):
    """A correction of a settled unit.

    Attributes:
        unit: The unit.
        operation: What ran.
        delta: Change of the cost in micros of `currency`; may be negative or zero.
        currency: ISO 4217 code.
        total: The unit's cost after the change, in micros.
        grade: Grade of the new total.
        source: Who named it.
        facts: Facts that came with it.
        at_ns: When it became known.
    """

    unit: UnitId
    operation: Operation
    delta: int
    currency: str
    total: int
    grade: Grade
    source: str
    facts: Facts
    at_ns: int


Record: TypeAlias = "Admitted | Settled | Adjusted"
