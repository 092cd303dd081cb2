"""The spine with a stopwatch: how long genops itself takes before and after a call (`telemetry.performance_metrics`).

Whoever does not ask for it runs the plain governor, which knows nothing of this.
"""

from __future__ import annotations

from time import perf_counter
from typing import TYPE_CHECKING, Any, Protocol

from genops.core.governor import Governor
from genops.core.part import Part
from genops.core.running import Running
from genops.core.unit import Unit

if TYPE_CHECKING:
    from genops.core.decisions import Decision
    from genops.core.operation import Facts, Operation
    from genops.core.records import Outcome


class Stopwatch(Protocol):
    """Takes times; called on the caller's thread."""

    def admitted(self, seconds: float) -> None:
        """Take how long an admission took: the decision, the reservation, the span and the record of it."""
        ...

    def settled(self, seconds: float) -> None:
        """Take how long a settlement took: price, reconciliation, the record of it and the span's end."""
        ...


class _Timed(Running):
    def _settle(self, outcome: Outcome, facts: Facts) -> None:
        began = perf_counter()
        try:
            super()._settle(outcome, facts)
        finally:
            governor = self.governor
            if isinstance(governor, TimedGovernor):
                governor.stopwatch.settled(perf_counter() - began)


class TimedUnit(_Timed, Unit):
    """A unit whose settlement is timed."""


class TimedPart(_Timed, Part):
    """A part whose settlement is timed."""


class TimedGovernor(Governor):
    """A governor that times each admission and settlement, of units and parts alike.

    Args:
        stopwatch: Takes the times.
        *args: As the plain governor's.
        **kwargs: As the plain governor's.
    """

    unit_type = TimedUnit
    part_type = TimedPart

    def __init__(self, stopwatch: Stopwatch, *args: Any, **kwargs: Any) -> None:
        self.stopwatch = stopwatch
        super().__init__(*args, **kwargs)

    def begin(self, operation: Operation, verdict: Decision | None = None, parent: object = None) -> Unit | Part | None:
        """Admit an operation, and time that; a refusal too."""
        began = perf_counter()
        try:
            return super().begin(operation, verdict, parent)
        finally:
            self.stopwatch.admitted(perf_counter() - began)
