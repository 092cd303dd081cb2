"""Containers: workflows that group units, reserve nothing, settle nothing and add up what happened in them."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Mapping
from typing import TYPE_CHECKING, NamedTuple

from genops.core.amounts import Amount
from genops.core.current import Current
from genops.core.forks import on_fork
from genops.core.operation import NOTHING, AttributeValue, Facts, Operation
from genops.core.ports import Closing
from genops.core.records import Admitted, Outcome, Record, Role, Settled, UnitId

if TYPE_CHECKING:
    from decimal import Decimal

    from genops.core.current import Owner
    from genops.core.governor import Governor

MAX_GROUPS = 1_000


class Tally(NamedTuple):
    """What units of one kind add up to.

    Attributes:
        units: Units settled.
        errors: Units that ended in an error.
        seconds: Their time of execution, added up.
        rows: Rows seen.
        bytes: Bytes seen.
        unpriced: Units without a price.
    """

    units: int = 0
    errors: int = 0
    seconds: float = 0.0
    rows: int = 0
    bytes: int = 0
    unpriced: int = 0


class Summary(NamedTuple):
    """What happened in a workflow so far.

    Attributes:
        name: Name of the workflow.
        units: Units settled.
        refused: Operations refused before they ran.
        warnings: Decisions that let an operation run with a warning.
        errors: Units that ended in an error.
        cost: Cost by currency in whole units, corrections included.
        unpriced: Units without a price.
        seconds: Time of execution of the units, added up.
        rows: Rows seen.
        bytes: Bytes seen.
        by_type: Tally by operation type; at most 1,000 types, later ones under `other`.
    """

    name: str
    units: int
    refused: int
    warnings: int
    errors: int
    cost: Mapping[str, Decimal]
    unpriced: int
    seconds: float
    rows: int
    bytes: int
    by_type: Mapping[str, Tally]


class Container(Current):
    """A running workflow, or an operation that names no resource and no amount.

    Attributes:
        name: Its name.
        id: Its own identifier, so that runs of one workflow can be told apart.
        parent: The container around it.
        operation: What it is, for its span.
        around: The owner around it.
    """

    role = Role.CONTAINER
    library = ""
    attempts = 0

    def __init__(
        self,
        name: str,
        operation: Operation,
        parent: Container | None = None,
        id: str | None = None,  # noqa: A002
    ) -> None:
        self.name = name
        self.id = id or uuid.uuid4().hex
        self.parent = parent
        self.operation = operation
        self.around: Owner | None = None
        self._refused = self._warnings = 0
        self._cost: dict[str, int] = {}
        self._by_type: dict[str, Tally] = {}
        self._unit = UnitId(0, 0)
        self._open = True
        self._new_lock()
        on_fork(self._new_lock)

    def _new_lock(self) -> None:
        self._lock = threading.RLock()

    @property
    def open(self) -> bool:
        """Whether it still runs."""
        return self._open

    @property
    def unit(self) -> UnitId:
        """Identity of its span."""
        return self._unit

    def saw(self, facts: Facts) -> None:
        """A container has no facts of its own."""

    def fold(self, record: Record) -> None:
        """Add a record of a unit inside."""
        with self._lock:
            if isinstance(record, Admitted):
                self._refused += record.decision.refuses
                self._warnings += record.decision.result.value == "WARNING"
            elif isinstance(record, Settled):
                self._settle(record)
            elif record.currency:
                self._cost[record.currency] = self._cost.get(record.currency, 0) + record.delta

    def _settle(self, record: Settled) -> None:
        if record.outcome is Outcome.NOT_EXECUTED:
            return
        kind = record.operation.type
        if kind not in self._by_type and len(self._by_type) >= MAX_GROUPS:
            kind = "other"
        tally = self._by_type.get(kind, Tally())
        money = record.priced.money
        if money is not None:
            self._cost[money.unit] = self._cost.get(money.unit, 0) + money.micros
        self._by_type[kind] = Tally(
            tally.units + 1,
            tally.errors + (record.outcome is Outcome.ERROR),
            tally.seconds + record.seconds,
            tally.rows + (record.facts.rows or 0),
            tally.bytes + (record.facts.bytes or 0),
            tally.unpriced + (money is None),
        )

    @property
    def summary(self) -> Summary:
        """What happened so far; also after the end, when late corrections come in."""
        with self._lock:
            tallies = dict(self._by_type)
            cost = {currency: Amount(micros, currency).decimal for currency, micros in self._cost.items()}
            refused, warnings = self._refused, self._warnings
        whole = Tally(*(sum(column) for column in zip(*tallies.values()))) if tallies else Tally()  # noqa: B905  (3.10)
        return Summary(
            self.name,
            whole.units,
            refused,
            warnings,
            whole.errors,
            cost,
            whole.unpriced,
            whole.seconds,
            whole.rows,
            whole.bytes,
            tallies,
        )

    def begin(self, governor: Governor, around: Owner | None, parent: object = None) -> Container:
        """Open the container's span."""
        self.around = around
        self.governor = governor
        self.scope = governor.scope(self.operation, Role.CONTAINER, governor.clock.now_ns(), parent)
        self._unit = self.scope.unit
        return self

    def returned(self, facts: Facts | None = None) -> None:
        """What ran in it came to its end; close its span with its roll-up."""
        self._end(Outcome.OK, facts or NOTHING)

    def failed(self, error: BaseException, facts: Facts | None = None) -> None:
        """What ran in it raised."""
        if isinstance(error, Exception):
            self._end(Outcome.ERROR, Facts(error_type=type(error).__qualname__))
        else:
            self._end(Outcome.CANCELLED, facts or NOTHING)

    def not_executed(self) -> None:
        """Nothing ran in it."""
        self._end(Outcome.NOT_EXECUTED, NOTHING)

    def _end(self, outcome: Outcome, facts: Facts) -> None:
        with self._lock:
            first, self._open = self._open, False
        if first:
            ended_ns = self.governor.clock.now_ns()
            self.governor.close(self.scope, Closing(ended_ns, outcome, facts, attributes=roll_up(self.summary)))


def roll_up(summary: Summary) -> dict[str, AttributeValue]:
    """Return a summary as attributes of the container's span."""
    attributes: dict[str, AttributeValue] = {
        "genops.workflow.units": summary.units,
        "genops.workflow.refused": summary.refused,
        "genops.workflow.warnings": summary.warnings,
        "genops.workflow.errors": summary.errors,
        "genops.workflow.unpriced": summary.unpriced,
        "genops.workflow.duration": summary.seconds,
        "genops.workflow.rows": summary.rows,
    }
    if len(summary.cost) == 1:
        ((currency, cost),) = summary.cost.items()
        attributes["genops.workflow.cost"] = float(cost)
        attributes["genops.workflow.currency"] = currency
    return attributes


class RollUp:
    """The sink that hands every record to the containers around its unit."""

    def write(self, record: Record) -> None:
        """Fold a record into each container around it."""
        container = record.operation.container
        while container is not None:
            container.fold(record)
            container = container.parent
