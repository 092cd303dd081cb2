"""The governor: resolve → admit → observe → settle, and record."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from typing import TYPE_CHECKING, cast

from genops.core import current
from genops.core.attribution import NOBODY, Attribution, current_attribution
from genops.core.containers import Container
from genops.core.decisions import ALLOWED, Decision, refusal
from genops.core.forks import process
from genops.core.guarded import GuardedPorts, Settings, Unfinished
from genops.core.operation import NOTHING, ChargeKey, Facts, Operation
from genops.core.part import Part, Remote, knows_more
from genops.core.running import Running
from genops.core.unit import Unit
from genops.errors import GovernanceError

if TYPE_CHECKING:
    from genops.core.amounts import Amount, Grade
    from genops.core.records import UnitId

Describe = Callable[["Governor"], Operation]


class Governor(GuardedPorts):
    """Takes operations through their lifecycle.

    It is built with the arguments of `GuardedPorts`.

    Attributes:
        unit_type: What it makes of an operation that owns its decision.
        part_type: What it makes of one inside a running unit.
    """

    unit_type: type[Unit] = Unit
    part_type: type[Part] = Part

    # Who is asking, and inside what.

    def attribution(self, host: str | None = None) -> Attribution:
        """Return who pays for an operation against `host` here and now."""
        return current_attribution().over(self.default_attribution(host))

    def default_attribution(self, host: str | None) -> Attribution:
        """Return who pays where no `genops.attribution(...)` block says otherwise."""
        if host is None:
            return self.settings.attribution
        found = self._by_host.get(host)
        if found is None:
            base = self.settings.by_host.get(host, NOBODY).over(self.settings.attribution)
            if base.environment is None:
                base = base.over(Attribution({"environment": self.settings.environment_of(host)}))
            if len(self._by_host) < 1_000:  # noqa: PLR2004  (a bound: hosts of one process)
                self._by_host[host] = base
            found = base
        return found

    def container(self) -> Container | None:
        """Return the innermost workflow around here."""
        owner = current.owner.get()
        if owner is None:
            return None
        return owner if isinstance(owner, Container) else owner.operation.container

    def around(self) -> Running | Remote | None:
        """Return the running unit or part around here, through containers and what has ended, where there is one."""
        owner = current.owner.get()
        while owner is not None and (not owner.open or isinstance(owner, Container)):
            owner = owner.around
        if isinstance(owner, Running) and owner.born != process.generation:
            return Remote(
                self, owner.payer.unit, owner.payer.operation
            )  # forked from inside a unit: it is the parent's
        return cast("Running | Remote | None", owner)

    def placed(self, operation: Operation) -> tuple[Operation, Running | Remote | None]:
        """Return what is around here, and the operation as it stands there: attribution never changes in a unit."""
        owner = self.around()
        if owner is not None:
            who = owner.payer.operation.attribution
            if who.values and operation.attribution != who:
                operation = operation._replace(attribution=who)
        return operation, owner

    # The lifecycle.

    def begin(self, operation: Operation, verdict: Decision | None = None, parent: object = None) -> Unit | Part | None:
        """Admit an operation as a unit, or as a part of the unit around here.

        Args:
            operation: What is about to run.
            verdict: The policy's decision where it was asked before.
            parent: Trace context captured earlier, where the operation was called earlier.

        Returns:
            What runs, or `None` where genops itself failed and the call goes on alone.

        Raises:
            GovernanceError: The operation is refused.
        """
        try:
            owner = None
            if current.owner.get() is not None:
                operation, owner = self.placed(operation)
            if owner is None:
                unit = self.unit_type(self, operation, parent)
                unit.admit(verdict)
                return unit
            part = self.part_type(self, operation, parent)
            part.admit(owner, verdict)
        except GovernanceError:
            self.undo(operation)
            raise
        except Exception as fault:  # our own bug: counted, and the call goes on unless enforce says otherwise
            self.guard.caught("governor", fault)
            self._refuse_if_strict(operation, verdict)
            return None
        return part

    def foresee(self, operation: Operation) -> tuple[Operation, Decision | None]:
        """Ask the policy of an operation that begins later: now, where it is put to the policy at all.

        Returns:
            The operation as it stands here, and the decision; `None` where a part knows no more than its unit.
        """
        operation, owner = self.placed(operation)
        if owner is not None and not knows_more(operation, owner, self):
            return operation, None
        return operation, self.decide(operation)

    def _refuse_if_strict(self, operation: Operation, verdict: Decision | None) -> None:
        decision = verdict if verdict is not None and verdict.refuses else self.describe_fault(operation)
        if decision.refuses:
            self.undo(operation)
            raise refusal(decision, operation.type)

    def record(self, operation: Operation, facts: Facts, seconds: float = 0.0) -> UnitId | None:
        """Take declared work that has already happened: evaluate, reserve with overdraft, reconcile at once.

        Args:
            operation: What happened; marked as recorded.
            facts: What is known of it.
            seconds: How long it took.

        Returns:
            The unit, or `None` where genops itself failed.
        """
        operation = operation._replace(recorded=True)
        with self.guard.at("record"):
            now_ns = self.clock.now_ns()
            unit = self.unit_type(self, operation, started_ns=now_ns - round(seconds * 1e9))
            unit.admit(at_ns=now_ns)
            unit.settle_past(now_ns, seconds, facts)
            return unit.unit
        return None

    def witness(self, key: ChargeKey, total: Amount, grade: Grade, source: str, facts: Facts | None = None) -> int:
        """Take a later word on what a charge cost in all; the same word twice changes nothing.

        Args:
            key: What was paid for.
            total: Its whole cost.
            grade: How much the figure can be trusted.
            source: Who says so.
            facts: What else the witness knows.

        Returns:
            Number of corrections posted; 0 where nobody owns the charge, or neither figure nor grade changed.
        """
        postings = self.charges.witness(key, total, grade)
        self.post(postings, source, facts or NOTHING)
        return len(postings)

    def bounds(self) -> dict[str, int]:
        """Return what each full table and queue let go so far, by name."""
        return {
            "charges": self.charges.evicted,
            "charges.residual": self.charges.residual,
            "charges.foreign_currency": self.charges.foreign,
            "inventory": self.inventory.evicted,
            "pending": self.pending.evicted,
            "sinks": self.fan_out.dropped,
        }

    def shutdown(self, seconds: float) -> bool:
        """Settle what is still open, within the exit budget; return whether every queued sink was drained."""
        for left in self._left():
            with self.guard.at("shutdown"):
                left.expire()
        self.pending.drain()
        return self.fan_out.close(seconds)

    def _left(self) -> list[Unfinished]:
        for _ in range(100):
            with contextlib.suppress(RuntimeError):  # another thread began something while the set was read
                return list(self.unfinished)
        return []  # pragma: no cover  (a hundred times in a row)


__all__ = ["ALLOWED", "Governor", "Remote", "Running", "Settings", "Unfinished"]
