"""The governor: resolve → admit → observe → settle, and record.

Every step that runs foreign or fallible code is guarded here and nowhere else, so that a unit reads as its lifecycle.
"""

from __future__ import annotations

import contextlib
import weakref
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, NamedTuple, cast

from genops.core import current
from genops.core.amounts import Amount, Estimate, Grade, Priced
from genops.core.attribution import NOBODY, Attribution, current_attribution
from genops.core.charges import ChargeBook
from genops.core.containers import Container, RollUp
from genops.core.decisions import (
    ALLOWED,
    Decision,
    Mode,
    OnFault,
    PolicyResult,
    ReasonCode,
    faulted,
    gravest,
    refusal,
)
from genops.core.edges import Lineage, Neighbours, NoLineage, declared
from genops.core.forks import on_fork, process
from genops.core.guard import Guard
from genops.core.inventory import Inventory
from genops.core.operation import NOTHING, ChargeKey, DatasetEdge, Facts, Operation
from genops.core.part import Part, Remote, knows_more
from genops.core.pending import PendingUnits
from genops.core.ports import (
    DEFAULT_RESERVE_SECONDS,
    AllowAll,
    BareScope,
    Clock,
    Closing,
    Ledger,
    NamedDatasets,
    NoBudgets,
    NoPrices,
    NoTracer,
    Policy,
    Pricer,
    Resolution,
    Resolver,
    Scope,
    Sink,
    SystemClock,
    Tracer,
)
from genops.core.records import BudgetState, Record, Refusal, Reservation, Role, UnitId
from genops.core.sinks import FanOut
from genops.core.unit import Running, Unit, posted
from genops.errors import GovernanceError

if TYPE_CHECKING:
    from genops.core.charges import Account, Posting

Describe = Callable[["Governor"], Operation]
_UNASKED = Resolution()


class Settings(NamedTuple):
    """What the spine itself is told.

    Attributes:
        mode: How far genops goes.
        on_fault: What enforce mode does when a decision fails.
        attribution: Who pays where nobody says otherwise.
        by_host: The same for single workspaces; wins over `attribution`.
        environment_of: Derives the environment from a host; asked only where nobody said.
    """

    mode: Mode = Mode.OBSERVE
    on_fault: OnFault = OnFault.BLOCK
    attribution: Attribution = NOBODY
    by_host: Mapping[str, Attribution] = {}
    environment_of: Callable[[str], str | None] = lambda _host: None


class Governor:
    """Takes operations through their lifecycle.

    Args:
        settings: What the spine itself is told.
        policy: Decides.
        ledger: Holds budgets.
        pricer: Knows prices.
        resolver: Finds out what rules need.
        tracer: Opens spans.
        sinks: Want to know what happened, in this order.
        guard: Counts our own faults.
        clock: Time.
        inventory: What the user's calls told about resources.
        lineage: Knows how data flows between datasets.

    Attributes:
        unit_type: What it makes of an operation that owns its decision.
        part_type: What it makes of one inside a running unit.
    """

    unit_type: type[Unit] = Unit
    part_type: type[Part] = Part

    def __init__(
        self,
        settings: Settings = Settings(),  # noqa: B008  (immutable)
        *,
        policy: Policy | None = None,
        ledger: Ledger | None = None,
        pricer: Pricer | None = None,
        resolver: Resolver | None = None,
        tracer: Tracer | None = None,
        sinks: Iterable[Sink] = (),
        guard: Guard | None = None,
        clock: Clock | None = None,
        inventory: Inventory | None = None,
        lineage: Lineage | None = None,
    ) -> None:
        self.settings = settings
        self.off = settings.mode is Mode.OFF
        self.strict = settings.mode is Mode.ENFORCE
        self.policy = policy or AllowAll()
        self.ledger = ledger or NoBudgets()
        self.pricer = pricer or NoPrices()
        self.resolver = resolver or NamedDatasets()
        self.tracer = tracer or NoTracer()
        self.guard = guard or Guard()
        self.clock = clock or SystemClock()
        self.inventory = inventory or Inventory()
        self.lineage = lineage or NoLineage()
        self.charges = ChargeBook()
        self.pending = PendingUnits(self.guard, self.clock)
        self.fan_out = FanOut([RollUp(), *sinks], self.guard)
        self.emit: Callable[[Record], None] = self.fan_out.write
        self._by_host: dict[str, Attribution] = {}
        self._forget_unfinished()
        on_fork(self._forget_unfinished)

    def _forget_unfinished(self) -> None:
        # After a fork the parent finishes what it began.
        self.unfinished: weakref.WeakSet[Unfinished] = weakref.WeakSet()

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

    # Steps of a unit, each guarded on its own.

    def decide(self, operation: Operation) -> Decision:
        """Ask the policy, once, with what it needs."""
        try:
            policy = self.policy
            needs = policy.needs
            resolution = self.resolver.resolve(operation, needs) if needs else _UNASKED
            decision = policy.evaluate(operation, resolution)
            if decision is ALLOWED or (self.strict and not operation.recorded):
                return decision
            return decision.softened()
        except Exception as fault:
            self.guard.caught("policy", fault)
            return self._fault("the policy", operation)

    def _fault(self, what: str, operation: Operation, code: ReasonCode = ReasonCode.POLICY_ERROR) -> Decision:
        decision = faulted(what, code)
        blocks = self.strict and not operation.recorded and self.settings.on_fault is OnFault.BLOCK
        return decision if blocks else decision.softened()

    def describe_fault(self, operation: Operation) -> Decision:
        """Return the decision that stands where an operation could not be described."""
        return self._fault("the description of the call", operation)

    def reserve(self, operation: Operation, decision: Decision) -> tuple[Reservation | None, Decision]:
        """Set aside what the operation will use; return the decision as it stands after that."""
        estimate = self._estimate(operation)
        try:
            answer = self.ledger.reserve(operation, estimate, overdraft=False)
            if not isinstance(answer, Refusal):
                return answer, decision
            no = Decision(PolicyResult.BLOCKED, answer.reason_code, None, answer.reason, answer.budget.name)
            if self.strict and not operation.recorded:
                return None, no
            granted = self.ledger.reserve(operation, estimate, overdraft=True)
        except Exception as fault:
            self.guard.caught("ledger", fault)
            no = self._fault("the ledger", operation, ReasonCode.BUDGET_RESERVATION_FAILED)
            if no.refuses:
                return None, no
            no, granted = faulted("the ledger"), None
        if granted is None or isinstance(granted, Refusal):
            granted = _unheld(estimate)
        return granted, gravest(decision, no.softened())

    def afford(self, operation: Operation) -> tuple[Reservation | None, Decision]:
        """Set aside what a part will use, where that is billed; return why not, where a budget cannot carry it."""
        if not self._estimate(operation).billable:
            return None, ALLOWED
        return self.reserve(operation, ALLOWED)

    def _estimate(self, operation: Operation) -> Estimate:
        try:
            return self.pricer.estimate(operation)
        except Exception as fault:
            self.guard.caught("pricer", fault)
            return Estimate(amount=operation.amount, billable=True, unpriced_reason="pricer_failed")

    def price(self, operation: Operation, facts: Facts, seconds: float) -> Priced:
        """Ask the pricer what the operation cost."""
        try:
            return self.pricer.price(operation, facts, seconds)
        except Exception as fault:
            self.guard.caught("pricer", fault)
            return Priced(unpriced_reason="pricer_failed")

    def reconcile(
        self, operation: Operation, reservation: Reservation, actual: Amount, priced: Priced
    ) -> BudgetState | None:
        """Tell the ledger what was used."""
        if reservation.id == 0:
            return None
        try:
            return self.ledger.reconcile(operation, reservation, actual, priced)
        except Exception as fault:
            self.guard.caught("ledger", fault)
            return None

    def release(self, operation: Operation, reservation: Reservation) -> None:
        """Tell the ledger that nothing was used."""
        if reservation.id:
            with self.guard.at("ledger"):
                self.ledger.release(operation, reservation)

    def book(
        self, account: Account, key: ChargeKey | None, priced: Priced, *, whole: bool
    ) -> tuple[bool, list[Posting]]:
        """Charge a unit with what something cost.

        Args:
            account: The unit's.
            key: The charge, where there is one.
            priced: What it cost.
            whole: Whether that is what the unit itself cost; otherwise it is what a part of it cost.

        Returns:
            Whether the unit owns the charge, and the corrections of settled units that follow; they are not posted yet.
        """
        if key is not None:
            return self.charges.settle(key, account, priced.money, priced.grade)
        if priced.money is None:
            return True, []
        return True, self.charges.add(account, priced.money, priced.grade, whole=whole)

    def post(self, postings: list[Posting], source: str, facts: Facts) -> None:
        """Write corrections, and tell the ledger of those that no reconciliation will."""
        for posting in postings:
            if posting.delta and not posting.reserved:
                with self.guard.at("ledger"):
                    self.ledger.adjust(posting.operation, Amount(posting.delta, posting.currency))
            self.emit(posted(posting, source, facts, self.clock.now_ns()))

    def learn(self, operation: Operation, facts: Facts) -> None:
        """Keep what a call told about resources."""
        if operation.host is not None:
            for learnt in facts.learnt:
                self.inventory.learn(operation.host, learnt)

    def pass_on(self, facts: Facts) -> None:
        """Hand late facts to the units that wait for them."""
        for key, late in facts.resolves:
            self.pending.resolve(key, late)

    # Scopes: telemetry faults never touch the call.

    def scope(self, operation: Operation, role: Role, started_ns: int, parent: object = None) -> Scope:
        """Open a span, or an identity without one where the tracer fails."""
        try:
            return self.tracer.open(operation, role, started_ns, parent)
        except Exception as fault:
            self.guard.caught("tracer", fault)
            return BareScope()

    def close(self, scope: Scope, closing: Closing) -> None:
        """End a span."""
        try:
            scope.close(closing)
        except Exception as fault:
            self.guard.caught("tracer", fault)

    def flowing(self, operation: Operation, facts: Facts) -> Facts:
        """Return what the user's own operation said, with the edges that follow, as many as lineage has room for."""
        room = self.lineage.room
        if not room or not ((operation.reads or facts.reads) and (operation.writes or facts.writes)):
            return facts
        with self.guard.at("lineage"):
            facts, left_out = declared(operation, facts, room)
            if left_out:
                self.lineage.let_go(left_out)
        return facts

    def fitting(self, edges: tuple[DatasetEdge, ...], known: int) -> tuple[DatasetEdge, ...]:
        """Return the edges for which a unit that knows so many from its parts has room; the others are counted."""
        room = max(self.lineage.room - known, 0)
        if len(edges) > room:
            self.lineage.let_go(len(edges) - room)
        return edges[:room]

    def neighbours(self, edges: tuple[DatasetEdge, ...]) -> Neighbours | None:
        """Return where an operation that named these edges stands in the lineage known so far."""
        try:
            return self.lineage.around(edges)
        except Exception as fault:
            self.guard.caught("lineage", fault)
            return None

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

    def suppressed(self) -> bool:
        """Whether the program asked that nothing be instrumented here."""
        try:
            return self.tracer.suppressed()
        except Exception as fault:
            self.guard.caught("tracer", fault)
            return False

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


class Unfinished:
    """Something that may be open when the process ends, or be collected before its end."""

    def expire(self) -> None:
        """Settle with what was seen."""
        raise TypeError  # pragma: no cover  (each kind defines it)

    def arrive(self, facts: Facts) -> None:
        """Nothing is waited for."""


def _unheld(estimate: Estimate) -> Reservation:
    """Return a reservation that no ledger holds, where the ledger failed and the call goes on."""
    return Reservation(0, estimate.over(DEFAULT_RESERVE_SECONDS))


__all__ = ["ALLOWED", "Governor", "Remote", "Running", "Settings", "Unfinished"]
