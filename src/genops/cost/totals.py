"""Exact totals: the fold of all records by a fixed set of labels, in bounded memory."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from decimal import Decimal
from typing import TYPE_CHECKING, NamedTuple

from genops.core.amounts import MICROS
from genops.core.decisions import PolicyResult
from genops.core.forks import on_fork
from genops.core.ports import TotalsRow
from genops.core.records import Adjusted, Admitted, Outcome, Record, Settled
from genops.errors import InvalidArgument, nearest

if TYPE_CHECKING:
    from genops.core.operation import Operation

LABELS = ("team", "project", "environment", "provider", "operation_type", "resource_type", "workspace")
OTHER = "other"
MAX_COMBINATIONS = 10_000
MAX_WORKSPACES = 50
_OVERFLOW = (OTHER,) * len(LABELS)
_ALLOWED = PolicyResult.ALLOWED


class Total(NamedTuple):
    """Totals of one value of one label.

    Attributes:
        units: Settled units.
        decisions: Decisions made.
        violations: Decisions other than ALLOWED.
        errors: Units that ended in an error.
        unpriced: Units without a price.
        cost: Cost at settlement by currency.
        adjustment: Later corrections by currency.
        seconds: Time of execution.
        rows: Rows seen.
        bytes: Bytes seen.
    """

    units: int = 0
    decisions: int = 0
    violations: int = 0
    errors: int = 0
    unpriced: int = 0
    cost: Mapping[str, Decimal] = {}
    adjustment: Mapping[str, Decimal] = {}
    seconds: float = 0.0
    rows: int = 0
    bytes: int = 0

    @property
    def final(self) -> dict[str, Decimal]:
        """Cost after all corrections, by currency."""
        names = {**self.cost, **self.adjustment}
        zero = Decimal(0)
        return {name: self.cost.get(name, zero) + self.adjustment.get(name, zero) for name in names}


class _Cell:
    __slots__ = ("adjustment", "bytes", "cost", "decisions", "errors", "nanoseconds", "rows", "units", "unpriced",
                 "violations")  # fmt: skip

    def __init__(self) -> None:
        self.units = self.decisions = self.errors = self.unpriced = self.violations = 0
        self.cost = self.adjustment = self.nanoseconds = self.rows = self.bytes = 0

    def row(self, key: tuple[tuple[str, ...], str, str]) -> TotalsRow:
        labels, result, currency = key
        return TotalsRow(
            labels, result, currency, self.units, self.decisions, self.errors, self.cost, self.adjustment,
            self.unpriced, self.nanoseconds / 1e9, self.rows, self.bytes, self.violations,
        )  # fmt: skip


class ExactTotals:
    """Folds records into totals by label; a sink, and what metrics are a view of.

    Decisions are counted where they are made, units and money where they settle. A unit's cost is the money of its
    settlement, once, and the deltas of its adjustments. Rows and bytes are those of the settlement: an adjustment may
    come from a second witness of the same result. A unit that was not executed settles nothing. Adjustments belong to
    no decision, so the `result` of their rows is empty.

    At most 10,000 combinations are kept apart; records of later ones go under labels that all read `other`. The same
    holds for workspaces beyond the first 50.

    Attributes:
        overflowed: Records that went under `other` because the table was full.
        missing: Units without a required attribution field, by field.
    """

    def __init__(self, capacity: int = MAX_COMBINATIONS, workspaces: int = MAX_WORKSPACES) -> None:
        self._capacity = capacity
        self._max_workspaces = workspaces
        self.reset()
        on_fork(self.reset)

    def reset(self) -> None:
        """Begin at zero with a new lock; what a child does after a fork, since its parent keeps its own totals."""
        self._lock = threading.RLock()
        self._cells: dict[tuple[tuple[str, ...], str, str], _Cell] = {}
        self._workspaces: set[str] = set()
        self.overflowed = 0
        self.missing: dict[str, int] = {}

    def write(self, record: Record) -> None:
        """Fold one record."""
        if isinstance(record, Settled):
            if record.outcome is not Outcome.NOT_EXECUTED:
                self._settled(record)
        elif isinstance(record, Admitted):
            self._admitted(record)
        else:
            self._adjusted(record)

    def _admitted(self, record: Admitted) -> None:
        result = record.decision.result
        attribution = record.operation.attribution
        with self._lock:
            cell = self._cell(record.operation, result.value, "")
            cell.decisions += 1
            if result is not _ALLOWED:
                cell.violations += 1
            if record.sequence == 0 and not attribution.complete:
                for name in attribution.missing:
                    self.missing[name] = self.missing.get(name, 0) + 1

    def _settled(self, record: Settled) -> None:
        facts, money = record.facts, record.priced.money
        seconds = facts.seconds
        nanoseconds = record.ended_ns - record.started_ns if seconds is None else round(seconds * 1e9)
        with self._lock:
            cell = self._cell(record.operation, record.decision.result.value, "" if money is None else money.unit)
            cell.units += 1
            cell.nanoseconds += nanoseconds
            if money is None:
                cell.unpriced += 1
            else:
                cell.cost += money.micros
            if record.outcome is Outcome.ERROR:
                cell.errors += 1
            cell.rows += facts.rows or 0
            cell.bytes += facts.bytes or 0

    def _adjusted(self, record: Adjusted) -> None:
        if record.delta:
            with self._lock:
                self._cell(record.operation, "", record.currency).adjustment += record.delta

    def _cell(self, operation: Operation, result: str, currency: str) -> _Cell:
        labels = (
            *operation.attribution.labels,
            operation.provider,
            operation.type,
            operation.resource_type or "",
            self._workspace(operation.host),
        )
        key = (labels, result, currency)
        cell = self._cells.get(key)
        return self._new_cell(key) if cell is None else cell

    def _new_cell(self, key: tuple[tuple[str, ...], str, str]) -> _Cell:
        if len(self._cells) >= self._capacity:
            self.overflowed += 1
            key = (_OVERFLOW, key[1], key[2])
            if key in self._cells:
                return self._cells[key]
        cell = self._cells[key] = _Cell()
        return cell

    def _workspace(self, host: str | None) -> str:
        if host is None or host in self._workspaces:
            return host or ""
        if len(self._workspaces) >= self._max_workspaces:
            return OTHER
        self._workspaces.add(host)
        return host

    def rows(self) -> list[TotalsRow]:
        """Return a consistent snapshot, one row for each combination of labels, result and currency."""
        with self._lock:
            return [cell.row(key) for key, cell in self._cells.items()]

    def by(self, label: str) -> dict[str, Total]:
        """Return totals by the values of one label; an unknown value stands under the empty string.

        Args:
            label: `team`, `project`, `environment`, `provider`, `operation_type`, `resource_type` or `workspace`.

        Raises:
            InvalidArgument: There is no such label.
        """
        if label not in LABELS:
            known = ", ".join(LABELS)
            raise InvalidArgument(f"totals by {label!r}{nearest(label, LABELS)}: expected one of {known}")
        position = LABELS.index(label)
        groups: dict[str, list[TotalsRow]] = {}
        for row in self.rows():
            groups.setdefault(row.labels[position], []).append(row)
        return {value: _sum(rows) for value, rows in groups.items()}

    def total(self) -> Total:
        """Return the totals of everything."""
        return _sum(self.rows())


def _sum(rows: list[TotalsRow]) -> Total:
    cost: dict[str, int] = {}
    adjustment: dict[str, int] = {}
    for row in rows:
        if row.currency:
            cost[row.currency] = cost.get(row.currency, 0) + row.cost
            adjustment[row.currency] = adjustment.get(row.currency, 0) + row.adjustment
    return Total(
        units=sum(row.units for row in rows),
        decisions=sum(row.decisions for row in rows),
        violations=sum(row.violations for row in rows),
        errors=sum(row.errors for row in rows),
        unpriced=sum(row.unpriced for row in rows),
        cost={name: Decimal(micros) / MICROS for name, micros in cost.items()},
        adjustment={name: Decimal(micros) / MICROS for name, micros in adjustment.items()},
        seconds=sum(row.seconds for row in rows),
        rows=sum(row.rows for row in rows),
        bytes=sum(row.bytes for row in rows),
    )
