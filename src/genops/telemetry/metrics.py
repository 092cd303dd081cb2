"""Metrics: a view of the exact totals, read when they are collected; only the duration is recorded per operation."""

from __future__ import annotations

import weakref
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from itertools import chain
from typing import TYPE_CHECKING, Any, NamedTuple

from opentelemetry.metrics import CallbackOptions, Observation

from genops.core.records import Outcome, Settled
from genops.telemetry.performance import Instruments
from genops.telemetry.resource import version
from genops.telemetry.semconv import DURATION_BOUNDARIES, SCHEMA_URL, SCOPE, Attr, Instrument, Metric

if TYPE_CHECKING:
    from opentelemetry.metrics import Meter, MeterProvider

    from genops.core.edges import LineageBook, LineageRow
    from genops.core.guard import Guard
    from genops.core.operation import Operation
    from genops.core.ports import BudgetBook, Totals, TotalsRow
    from genops.core.records import BudgetState, Record
    from genops.telemetry.delivery import Delivery
    from genops.telemetry.performance import Performance
    from genops.telemetry.validation import Validation

_MICROS = 1_000_000
# The order of `TotalsRow.labels`.
_LABELS = (
    Attr.TEAM, Attr.PROJECT, Attr.ENVIRONMENT, Attr.PROVIDER, Attr.OPERATION_TYPE, Attr.RESOURCE_TYPE,
    Attr.WORKSPACE_ID,
)  # fmt: skip
# The order of `LineageRow.labels`.
_LINEAGE_LABELS = (*_LABELS[:5], Attr.WORKSPACE_ID)
_FURTHER = {"result": Attr.POLICY_RESULT, "currency": Attr.COST_CURRENCY}
_MAX_LABEL_SETS = 2_000
_MAX_WAITING = 4_096
Points = Iterable[Observation]


class Sources(NamedTuple):
    """What metrics are read from.

    Attributes:
        totals: Exact totals.
        budgets: Budgets.
        guard: Faults of genops itself.
        deliveries: What became of telemetry, by lane.
        currency: The reporting currency.
        bounds: What each full table or queue let go, by its name.
        lineage: Edges that are known; `None` where nobody keeps them.
        validation: Checks labels, and counts what it found; `None` where nothing is checked.
    """

    totals: Totals | None
    budgets: BudgetBook | None
    guard: Guard
    deliveries: Callable[[], Iterable[Delivery]]
    currency: str
    bounds: Callable[[], Mapping[str, int]] = dict
    lineage: LineageBook | None = None
    validation: Validation | None = None


class View:
    """The instruments of one meter provider.

    A provider keeps an instrument for as long as it lives, so a view outlives what it reads: `sources` is replaced when
    genops is configured anew, and `None` when it was shut down. Until a replaced runtime lets go of its totals they are
    added to those of the one after it, so that a collection in between misses nothing.

    Args:
        provider: Makes the meter.
        sources: What is read.
    """

    def __init__(self, provider: MeterProvider, sources: Sources) -> None:
        self.sources: Sources | None = sources
        self._earlier: tuple[Sources, ...] = ()
        self.waiting: deque[tuple[float, dict[str, str]]] = deque()
        self.performance: Performance | None = None
        self._instruments: Instruments | None = None
        meter = self._meter = provider.get_meter(SCOPE, version(), SCHEMA_URL)
        self.duration = meter.create_histogram(
            Metric.DURATION.name,
            Metric.DURATION.unit,
            Metric.DURATION.description,
            explicit_bucket_boundaries_advisory=DURATION_BOUNDARIES,
        )
        for instrument, read in _TOTALS.items():
            _observe(meter, instrument, sources.currency, self._checked(instrument, self._of_rows(read)))
        for instrument, read in _LINEAGE.items():
            _observe(meter, instrument, sources.currency, self._checked(instrument, self._of_lineage(read)))
        for instrument, read in _BUDGETS.items():
            _observe(meter, instrument, sources.currency, self._checked(instrument, self._of_budgets(read)))
        for instrument, read in _OWN.items():
            _observe(meter, instrument, sources.currency, self._checked(instrument, self._of_itself(read)))

    def take(self, sources: Sources) -> None:
        """Read `sources` from now on, and the totals of what was read before until that is let go."""
        if self.sources is not None:
            # After a fork the same totals come again.
            earlier = (*self._earlier, self.sources)
            self._earlier = tuple(known for known in earlier if known.totals is not sources.totals)
        self.sources = sources

    def drain(self, most: int | None = None) -> None:
        """Record the durations that wait, the oldest first.

        Args:
            most: How many at most; all where nothing is said.
        """
        waiting, record = self.waiting, self.duration.record
        with suppress(IndexError):  # another thread may take the last one
            for _ in range(len(waiting) if most is None else most):
                record(*waiting.popleft())

    def let_go(self, sources: Sources) -> None:
        """Read these no more; what others let be read stays."""
        left = [known for known in (*self._earlier, self.sources) if known is not None and known is not sources]
        self._earlier, self.sources = tuple(left[:-1]), left[-1] if left else None

    def measure(self, performance: Performance) -> None:
        """Let what a runtime takes for itself be read here as well.

        Args:
            performance: Its times; they are recorded when metrics are read.
        """
        if self._instruments is None:
            self._instruments = Instruments(self._meter, self._queues)
        self.performance = performance
        performance.instruments = self._instruments

    def _queues(self) -> Iterable[Delivery]:
        sources = self.sources
        return () if sources is None or self.performance is None else sources.deliveries()

    def _gather(self) -> None:
        self.drain()
        if self.performance is not None:
            self.performance.drain()

    def _checked(
        self, instrument: Instrument, read: Callable[[CallbackOptions], Points]
    ) -> Callable[[CallbackOptions], Points]:
        def points(options: CallbackOptions) -> Points:
            found = read(options)
            validation = None if self.sources is None else self.sources.validation
            return found if validation is None else validation.points(instrument, found)

        return points

    def _of_rows(self, read: _Reading) -> Callable[[CallbackOptions], Points]:
        def points(_options: CallbackOptions) -> Points:
            self._gather()
            sources = self.sources
            if sources is None or sources.totals is None:
                return
            totals = [sources.totals, *(known.totals for known in self._earlier if known.totals is not None)]
            yield from _folded(chain.from_iterable(each.rows() for each in totals), read, sources.currency)

        return points

    def _of_lineage(self, read: Callable[[LineageRow], int]) -> Callable[[CallbackOptions], Points]:
        def points(_options: CallbackOptions) -> Points:
            sources = self.sources
            if sources is None or sources.lineage is None:
                return
            for row in sources.lineage.rows():
                labels = zip(_LINEAGE_LABELS, row.labels, strict=True)
                yield Observation(read(row), {name: label for name, label in labels if label})

        return points

    def _of_budgets(self, read: Callable[[BudgetState], int]) -> Callable[[CallbackOptions], Points]:
        def points(_options: CallbackOptions) -> Points:
            sources = self.sources
            if sources is None or sources.budgets is None:
                return
            for state in sources.budgets.states():
                labels = {
                    Attr.BUDGET_NAME: state.name,
                    Attr.BUDGET_PERIOD: state.period,
                    Attr.ACCOUNTING_UNIT: state.unit,
                }
                yield Observation(read(state) / _MICROS, labels)

        return points

    def _of_itself(self, read: Callable[[Sources], Points]) -> Callable[[CallbackOptions], Points]:
        def points(_options: CallbackOptions) -> Points:
            return () if self.sources is None else read(self.sources)

        return points


_views: weakref.WeakKeyDictionary[Any, View] = weakref.WeakKeyDictionary()


def view(provider: MeterProvider, sources: Sources) -> View:
    """Return the view on a provider, reading `sources` from now on."""
    found = _views.get(provider)
    if found is None:
        found = _views[provider] = View(provider, sources)
    elif found.performance is not None:  # a runtime that this one replaces
        found.performance.drain()
        found.performance = None
    if found.sources is not sources:
        found.take(sources)
    return found


def _observe(
    meter: Meter, instrument: Instrument, currency: str, callback: Callable[[CallbackOptions], Points]
) -> None:
    create: Mapping[str, Callable[..., object]] = {
        "counter": meter.create_observable_counter,
        "updowncounter": meter.create_observable_up_down_counter,
        "gauge": meter.create_observable_gauge,
    }
    unit = instrument.unit.replace("{currency}", f"{{{currency}}}")
    create[instrument.kind](instrument.name, [callback], unit, instrument.description)


class _Reading(NamedTuple):
    """How an instrument is read from a row.

    Attributes:
        field: Field of the row that is added up.
        scale: What it is divided by.
        rows: Which rows count, given the reporting currency.
        by: Further labels: the policy result, the currency.
    """

    field: str
    scale: int | None = None
    rows: Callable[[TotalsRow, str], bool] = lambda _row, _currency: True
    by: tuple[str, ...] = ()


def _in_currency(row: TotalsRow, currency: str) -> bool:
    return row.currency == currency


def _decided(row: TotalsRow, _currency: str) -> bool:
    return bool(row.result)  # a correction is no decision


def _violating(row: TotalsRow, _currency: str) -> bool:
    return row.violations > 0


def _unattributed(row: TotalsRow, _currency: str) -> bool:
    return not all(row.labels[:3])


_TOTALS: dict[Instrument, _Reading] = {
    Metric.COST: _Reading("cost", _MICROS, _in_currency, ("currency",)),
    Metric.ADJUSTMENT: _Reading("adjustment", _MICROS, _in_currency, ("currency",)),
    Metric.DECISIONS: _Reading("decisions", rows=_decided, by=("result",)),
    Metric.OPERATIONS: _Reading("units"),
    Metric.ERRORS: _Reading("errors"),
    Metric.UNPRICED: _Reading("unpriced"),
    Metric.ROWS: _Reading("rows"),
    Metric.BYTES: _Reading("bytes"),
    Metric.VIOLATIONS: _Reading("violations", rows=_violating, by=("result",)),
    Metric.MISSING: _Reading("units", rows=_unattributed),
}
_LINEAGE: dict[Instrument, Callable[[LineageRow], int]] = {
    Metric.LINEAGE: lambda row: row.edges,
    Metric.LINEAGE_OPERATIONS: lambda row: row.operations,
}
_BUDGETS: dict[Instrument, Callable[[BudgetState], int]] = {
    Metric.ALLOCATED: lambda state: state.allocated,
    Metric.CONSUMED: lambda state: state.consumed,
    Metric.REMAINING: lambda state: state.remaining,
}


def _folded(rows: Iterable[TotalsRow], reading: _Reading, currency: str) -> Points:
    sums: dict[tuple[str, ...], int] = {}
    for row in rows:
        if reading.rows(row, currency):
            key = (*row.labels, *(getattr(row, field) for field in reading.by))
            sums[key] = sums.get(key, 0) + getattr(row, reading.field)
    names = (*_LABELS, *(_FURTHER[field] for field in reading.by))
    for key, total in sums.items():
        value = total if reading.scale is None else total / reading.scale
        yield Observation(value, {name: label for name, label in zip(names, key, strict=True) if label})


def _faults(sources: Sources) -> Points:
    for site, count in sources.guard.counts.copy().items():
        yield Observation(count, {Attr.SITE: site})


def _by_signal(sources: Sources, read: Callable[[Delivery], int]) -> Points:
    counts: dict[str, int] = {}
    for delivery in sources.deliveries():
        counts[delivery.signal] = counts.get(delivery.signal, 0) + read(delivery)
    for signal, count in counts.items():
        yield Observation(count, {Attr.SIGNAL: signal})


def _evicted(sources: Sources) -> Points:
    for site, count in sources.bounds().items():
        yield Observation(count, {Attr.SITE: site})


def _invalid(sources: Sources) -> Points:
    counts = {} if sources.validation is None else sources.validation.counts.copy()
    for (signal, problem), count in counts.items():
        yield Observation(count, {Attr.SIGNAL: signal, Attr.PROBLEM: problem})


_OWN: dict[Instrument, Callable[[Sources], Points]] = {
    Metric.FAULTS: _faults,
    Metric.INVALID: _invalid,
    Metric.EVICTED: _evicted,
    Metric.DROPPED: lambda sources: _by_signal(sources, lambda delivery: delivery.dropped),
    Metric.FAILED: lambda sources: _by_signal(sources, lambda delivery: delivery.failed),
}


class Durations:
    """Takes how long each settled operation ran.

    The histogram is fed when metrics are collected: a collection reads the observable instruments first, and the first
    of them asks for what waits. It waits with the view, so that what still ends under a replaced runtime is not lost.

    Args:
        found: The view whose histogram takes it.
    """

    def __init__(self, found: View) -> None:
        self._view = found
        self._waiting = found.waiting
        self._labels: dict[tuple[str, ...], dict[str, str]] = {}

    def write(self, record: Record) -> None:
        """Take a settlement."""
        if isinstance(record, Settled) and record.outcome is not Outcome.NOT_EXECUTED:
            self._waiting.append((record.seconds, self._labelled(record.operation, record.decision.result.value)))
            if len(self._waiting) > _MAX_WAITING:
                self._view.drain(2)

    def _labelled(self, operation: Operation, result: str) -> dict[str, str]:
        key = (*operation.attribution.labels, operation.provider, operation.type, operation.resource_type or "", result)
        found = self._labels.get(key)
        if found is None:
            names = (*_LABELS[:6], Attr.POLICY_RESULT)
            found = {name: label for name, label in zip(names, key, strict=True) if label}
            sources = self._view.sources
            if sources is not None and sources.validation is not None:
                sources.validation.labels(Metric.DURATION, found)
            if len(self._labels) < _MAX_LABEL_SETS:
                self._labels[key] = found
        return found
