"""`capture()`: everything that genops would export, held in memory, with time and identities of its own."""

from __future__ import annotations

from collections.abc import Collection, Generator, Iterable, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

from genops import runtime as root
from genops.errors import GenOpsError, InvalidArgument, nearest
from genops.telemetry.wired import Providers
from genops.testing import expecting, snapshots
from genops.testing.captured import (
    Captured,
    CapturedDecision,
    CapturedEvent,
    CapturedMetric,
    CapturedSpan,
    CapturedUnit,
    expectation,
    listed,
)
from genops.testing.joined import decisions_of, units_of
from genops.testing.memory import Loggers, Memory, Meters, Tracers
from genops.testing.ticks import START, CountedIds, TickingClock

if TYPE_CHECKING:
    from genops.core.ports import Sink
    from genops.core.records import Record
    from genops.cost.totals import ExactTotals

CAPACITY = 100_000
_LABELS = {
    "team": "genops.team",
    "project": "genops.project",
    "environment": "genops.environment",
    "provider": "genops.provider",
    "type": "genops.operation.type",
    "resource_type": "genops.cost.resource_type",
    "workspace": "databricks.workspace.id",
    "result": "genops.policy.result",
    "currency": "genops.cost.currency",
    "budget": "genops.budget.name",
    "unit": "genops.accounting.unit",
}
# Beneath what the test says: statement hashes must not differ from run to run, and an export is kept in memory.
_DEFAULTS = {"sql.hash_key": "genops.testing", "telemetry.export": "none", "telemetry.batch.async_export": False}


class Capture:
    """What was captured so far, and expectations of it. Made by `genops.testing.capture`.

    Attributes:
        clock: The time; `clock.advance(seconds)` lets it pass.
        folder: Where relative paths of snapshots begin; the working directory where nothing is said.
        update_snapshots: Whether `assert_snapshot` writes instead of comparing.
    """

    _runtime: root.Runtime

    def __init__(self, start: datetime, step: float, memory: Memory, meters: Meters) -> None:
        self.clock = TickingClock(start, step, self.serve)
        self.folder = Path()
        self.update_snapshots = False
        self._memory = memory
        self._meters = meters

    # What was captured.

    @property
    def units(self) -> Captured[CapturedUnit]:
        """The units of work, in the order of their first decisions, refused ones included."""
        memory = self._settled()
        return units_of(memory.records, memory.spans, memory.events)

    @property
    def spans(self) -> tuple[CapturedSpan, ...]:
        """The ended spans of units, parts and containers, in the order in which they started."""
        return self._settled().spans

    @property
    def events(self) -> tuple[CapturedEvent, ...]:
        """The events, in the order in which they were said; span events first where `events="span"`."""
        memory = self._settled()
        return (*(event for span in memory.spans for event in span.events), *memory.events)

    @property
    def records(self) -> tuple[Record, ...]:
        """The records that sinks see: `Admitted`, `Settled` and `Adjusted`."""
        return self._settled().records

    @property
    def decisions(self) -> Captured[CapturedDecision]:
        """Every decision, in order; those on calls inside a unit too."""
        return decisions_of(self._settled().records)

    @property
    def refusals(self) -> Captured[CapturedDecision]:
        """The decisions that refused; in observe mode there is none."""
        return Captured(found for found in self.decisions if found.result in {"BLOCKED", "RATE_LIMITED"})

    @property
    def metrics(self) -> tuple[CapturedMetric, ...]:
        """Every metric that has a value, as it stands now, by name."""
        self._settled()
        return self._meters.read()

    @property
    def totals(self) -> ExactTotals:
        """The exact totals: `totals.by("team")["data-eng"].final`; since the program last configured genops itself."""
        return self._runtime.totals

    def metric(self, name: str, *, labels: Mapping[str, Any] | None = None, **short: Any) -> float | None:
        """Return the sum of a metric's points that have the labels given; `None` where there is no such point.

        Args:
            name: Name of the metric, for example `genops.cost.total`.
            labels: Labels by their whole name.
            **short: Labels by a short name: `team`, `project`, `environment`, `provider`, `type`, `resource_type`,
                `workspace`, `result`, `currency`, `budget`, `unit`.

        Raises:
            InvalidArgument: No metric of that name has a point, or there is no such short name.
        """
        for label in short:
            if label not in _LABELS:
                raise InvalidArgument(f"no label {label!r}{nearest(label, _LABELS)}; give it as labels={{...}}")
        wanted = {**{_LABELS[label]: value for label, value in short.items()}, **(labels or {})}
        known = {metric.name: metric for metric in self.metrics}
        if name not in known:
            raise InvalidArgument(
                f"no metric {name!r} was captured{nearest(name, known)}; captured are {', '.join(known) or 'none'}"
            )
        values = [p.value for p in known[name].points if wanted.items() <= p.labels.items()]
        return sum(values) if values else None

    def cost(self, *, currency: str | None = None, **fields: Any) -> Decimal | None:
        """Return what units cost after all corrections; `None` where none of them has a price.

        Args:
            currency: ISO 4217 code; needed where units of several currencies were captured.
            **fields: Only units with these values, as in `units.where`.

        Raises:
            InvalidArgument: There is no such field, or there are several currencies.
        """
        priced = [unit for unit in self.units.where(**fields) if unit.cost is not None]
        found = sorted({str(unit.currency) for unit in priced})
        if currency is None and len(found) > 1:
            raise InvalidArgument(f"costs are in {' and '.join(found)}: say currency=...")
        costs = [unit.cost for unit in priced if unit.cost is not None and currency in {None, unit.currency}]
        return sum(costs, Decimal(0)) if costs else None

    def clear(self) -> None:
        """Forget what was captured. Totals and metrics begin at zero; budgets keep what they have spent."""
        self.serve()
        self._meters.clear()
        self._memory.clear()
        self._runtime.totals.reset()
        if self._runtime.lineage is not None:
            self._runtime.lineage.reset()

    def __repr__(self) -> str:
        return "\n".join([f"<Capture: {len(self.units)} units>", *listed(self.units)])

    # What is expected.

    def assert_unit(
        self, name: str | None = None, *, attributes: Mapping[str, Any] | None = None, **fields: Any
    ) -> CapturedUnit:
        """Expect at least one unit that has all these values, and return the first.

        Args:
            name: Name of its operation.
            attributes: Attributes of its span; it may have others.
            **fields: Fields of `CapturedUnit`, for example `result="BLOCKED"`, `reason_code="BUDGET_EXCEEDED"`.

        Raises:
            AssertionError: There is none; the message shows the nearest one, what differs, and all units.
            InvalidArgument: There is no such field.
        """
        __tracebackhide__ = True
        wanted = expectation(attributes, fields if name is None else {"name": name, **fields})
        units = self.units
        for unit in units:
            if not expecting.differences(unit, wanted):
                return unit
        raise AssertionError(expecting.nothing_matches("unit", wanted, units))

    def assert_units(self, expected: Sequence[str | Mapping[str, Any]]) -> None:
        """Expect exactly these units, in this order.

        Args:
            expected: For each unit its name, or values by field, attributes of the span under their dotted names:
                `["load", {"name": "count", "result": "BLOCKED", "db.system.name": "databricks"}]`.

        Raises:
            AssertionError: There are others; the message says at each position what differs.
            InvalidArgument: There is no such field.
        """
        __tracebackhide__ = True
        message = expecting.not_these([_wanted(one) for one in expected], self.units)
        if message is not None:
            raise AssertionError(message)

    def assert_no_units(self, **fields: Any) -> None:
        """Expect no unit at all, or none with these values.

        Raises:
            AssertionError: There is one.
            InvalidArgument: There is no such field.
        """
        __tracebackhide__ = True
        found = self.units.where(**fields)
        if found:
            raise AssertionError("\n".join(["expected no unit", *expecting.everything("unit", found)]))

    def assert_refused(self, name: str | None = None, **fields: Any) -> CapturedDecision:
        """Expect at least one refusal that has all these values, and return the first.

        Args:
            name: Name of the operation that was refused.
            **fields: Fields of `CapturedDecision`, for example `reason_code="POLICY_DENY_CONTENT"`.

        Raises:
            AssertionError: There is none; the message shows the nearest decision and what differs.
            InvalidArgument: There is no such field.
        """
        __tracebackhide__ = True
        wanted = expectation(None, fields if name is None else {"name": name, **fields})
        for refusal in self.refusals:
            if not expecting.differences(refusal, wanted):
                return refusal
        wanted = wanted if "result" in wanted else {**wanted, "result": "BLOCKED"}
        raise AssertionError(expecting.nothing_matches("decision", wanted, self.decisions))

    def assert_cost(self, expected: Decimal | float | str | None, **fields: Any) -> None:
        """Expect units to cost an amount in all, after all corrections.

        Args:
            expected: The amount, to six decimal places; `None` for no priced unit at all.
            **fields: Only units with these values, and `currency`, as in `cost`.

        Raises:
            AssertionError: They cost something else; the message lists what each of them cost.
            InvalidArgument: There is no such field.
        """
        __tracebackhide__ = True
        cost = self.cost(**fields)
        wanted = None if expected is None else Decimal(str(expected))
        if cost != wanted:
            units = self.units.where(**{name: value for name, value in fields.items() if name != "currency"})
            raise AssertionError(
                "\n".join([f"expected a cost of {wanted}, was {cost}", *expecting.everything("unit", units)])
            )

    def assert_compliant(self) -> None:
        """Expect full compliance with the GenOps Governance Specification 0.1.0, as `genops conformance` judges it.

        Every unit must name who pays, too.

        Raises:
            AssertionError: Something is not compliant; the message names each unit and the rule it breaks.
        """
        __tracebackhide__ = True
        from genops.testing.compliance import broken

        memory = self._settled()
        message = broken(self.units, memory.spans, memory.events)
        if message is not None:
            raise AssertionError(message)

    # Snapshots.

    def snapshot(self, *, without: Collection[str] = (), replace: Mapping[str, str] | None = None) -> dict[str, Any]:
        """Return everything captured as plain data: spans with their events, and metrics.

        Identities are ordinals, times are seconds from the first span, an event says what its span does not, and sums
        of zero are left out. Resource, scope and genops' own health are not in it, nor what each request has of its own
        (`genops.request.id`).

        Args:
            without: Further attributes that are left out.
            replace: Texts that are replaced wherever they stand, for example `{workspace.host: "<workspace>"}`.
        """
        memory = self._settled()
        return snapshots.taken(memory.spans, memory.events, self.metrics, without=without, replace=replace)

    def assert_snapshot(
        self,
        path: str | Path,
        *,
        update: bool | None = None,
        without: Collection[str] = (),
        replace: Mapping[str, str] | None = None,
    ) -> None:
        """Expect `snapshot()` to be the one in a file.

        Args:
            path: The file; a relative one begins at the folder of the test where the fixture is used, otherwise at the
                working directory.
            update: Write the file instead; where nothing is said, as pytest's `--genops-update-snapshots` says.
            without: As in `snapshot`.
            replace: As in `snapshot`.

        Raises:
            AssertionError: It differs, and the message is a unified diff; or there is no such file, and it says how to
                create it.
        """
        __tracebackhide__ = True
        update = self.update_snapshots if update is None else update
        taken = self.snapshot(without=without, replace=replace)
        message = snapshots.compare(self.folder / path, taken, update=update)
        if message is not None:
            raise AssertionError(message)

    # The runtime below.

    def adopt(self, runtime: root.Runtime) -> None:
        """Read totals from a runtime from here on: the first one, or one that the program configured in its place."""
        self._runtime = runtime

    def serve(self) -> None:
        """Let what waits for facts past its deadline settle without them; reading and `clock.advance` do it too."""
        self._runtime.governor.pending.serve(self.clock.elapsed)

    def _settled(self) -> Memory:
        self.serve()
        lost = self._memory.lost
        if lost:
            raise GenOpsError(
                f"{lost} items came after the first {CAPACITY:,} spans, events and records, and were not kept: "
                "call clear() in between"
            )
        return self._memory


def _wanted(one: str | Mapping[str, Any]) -> dict[str, Any]:
    if isinstance(one, str):
        return {"name": one}
    return expectation(
        {name: value for name, value in one.items() if "." in name},
        {name: value for name, value in one.items() if "." not in name},
    )


@contextmanager
def capture(
    *, start: datetime = START, step: float = 1.0, sinks: Iterable[Sink] = (), **settings: Any
) -> Generator[Capture, None, None]:
    """Hold everything that genops would export in memory, with time and identities that are the same in every run.

    Inside the block no environment variable and no settings file is read, nothing is sent anywhere, no thread is
    started, and no provider of OpenTelemetry that the program has set is touched. What the block's settings say stands
    in the place of environment and files: a program that calls `genops.configure(...)` or
    `auto_instrument_databricks(...)` itself adds its own on top, and is still captured. Attribution is not made up: a
    test that names no team sees units without one.

    There is one runtime in a process: blocks may be nested, and the innermost captures; they must not overlap in
    different threads.

    Args:
        start: Where the clock begins, with a time zone.
        step: Seconds by which the clock moves when an operation starts and when it ends, so that one with nothing
            inside lasts one step; 0 leaves it to `clock.advance`.
        sinks: Further sinks.
        **settings: As `genops.configure` takes them, for example `team="data-eng"`, `mode="enforce"`.

    Yields:
        What was captured.

    Raises:
        ConfigurationError: A setting is unknown or cannot be honoured.
        InvalidArgument: `start` or `step` cannot be used.
    """
    memory, meters = Memory(CAPACITY), Meters()
    # Spans of a block inside another may lie below one that is open there, whose identity they must not repeat.
    ids = CountedIds(above=_counting[-1] if _counting else None)
    captured = Capture(start, step, memory, meters)
    surroundings = root.Surroundings(
        sinks=(memory, *sinks),
        clock=captured.clock,
        providers=Providers(Tracers(memory, ids), Loggers(memory), meters, ids),
        settings=(settings, _DEFAULTS),
        built=captured.adopt,
    )
    with root.swapped(surroundings.build(surroundings.load()), surroundings):
        _counting.append(ids)
        try:
            yield captured
        finally:
            _counting.pop()


# Of the captures that are open, the innermost last.
_counting: list[CountedIds] = []
