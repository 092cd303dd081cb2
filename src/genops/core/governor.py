"""The governor: resolve → admit → observe → settle, and record.

Every step that runs foreign or fallible code is guarded here and nowhere else, so that a unit reads as its lifecycle.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, NamedTuple

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
)
from genops.core.guard import Guard
from genops.core.inventory import Inventory
from genops.core.operation import ChargeKey, Facts, Operation
from genops.core.pending import PendingUnits
from genops.core.ports import (
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
from genops.core.records import BudgetState, Outcome, Record, Refusal, Reservation, Role, UnitId
from genops.core.sinks import FanOut
from genops.core.unit import Part, Remote, Running, Unit, posted
from genops.errors import GovernanceError

if TYPE_CHECKING:
    from contextvars import Token

    from genops.core.charges import Posting
    from genops.core.current import Owner

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
    """

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
        self.charges = ChargeBook()
        self.pending = PendingUnits(self.guard, self.clock)
        self.fan_out = FanOut([RollUp(), *sinks], self.guard)
        self.emit: Callable[[Record], None] = self.fan_out.write
        self.unfinished: weakref.WeakSet[Unfinished] = weakref.WeakSet()
        self._by_host: dict[str, Attribution] = {}
        self._fallback_ledger = NoBudgets()

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

    def around(self) -> Owner | None:
        """Return the running unit around here, through containers, where there is one."""
        owner = current.owner.get()
        while isinstance(owner, Container):
            owner = owner.around
        return owner if owner is not None and owner.open else None

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
            owner = self.around()
            if owner is None:
                unit = Unit(self, operation, parent)
                unit.admit(verdict)
                return unit
            part = Part(self, operation, parent)
            part.admit(owner, verdict)
        except GovernanceError:
            raise
        except Exception as fault:  # our own bug: counted, and the call goes on unless enforce says otherwise
            self.guard.caught("governor", fault)
            self.refuse_if_strict(operation)
            return None
        return part

    def refuse_if_strict(self, operation: Operation) -> None:
        """Raise `GovernanceUnavailable` where enforce mode blocks on faults."""
        from genops.core.decisions import refusal

        decision = self._fault("the decision", strict=self.strict and not operation.recorded)
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
            unit = Unit(self, operation)
            unit.started_ns -= round(seconds * 1e9)
            unit.admit()
            unit.settle(Outcome.ERROR if facts.error_type else Outcome.OK, facts)
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
            Number of corrections posted; 0 where nobody owns the charge or nothing changed.
        """
        postings = [posting for posting in self.charges.witness(key, total) if posting.delta]
        self.post(postings, grade, source, facts or Facts())
        return len(postings)

    # Steps of a unit, each guarded on its own.

    def decide(self, operation: Operation) -> Decision:
        """Ask the policy, once, with what it needs."""
        strict = self.strict and not operation.recorded
        try:
            needs = self.policy.needs
            resolution = self.resolver.resolve(operation, needs) if needs else _UNASKED
            decision = self.policy.evaluate(operation, resolution)
        except Exception as fault:
            self.guard.caught("policy", fault)
            return self._fault("the policy", strict=strict)
        return decision if strict else decision.softened()

    def _fault(self, what: str, *, strict: bool, code: ReasonCode = ReasonCode.POLICY_ERROR) -> Decision:
        decision = faulted(what, code)
        if strict and self.settings.on_fault is OnFault.BLOCK:
            return decision
        return decision.softened()

    def describe_fault(self, operation: Operation) -> Decision:
        """Return the decision that stands where an operation could not be described."""
        return self._fault("the description of the call", strict=self.strict and not operation.recorded)

    def reserve(self, operation: Operation, decision: Decision) -> tuple[Reservation | None, Decision]:
        """Set aside what the operation will use; return the decision as it stands after that."""
        strict = self.strict and not operation.recorded
        estimate = self._estimate(operation)
        try:
            answer = self.ledger.reserve(operation, estimate, overdraft=not strict)
        except Exception as fault:
            self.guard.caught("ledger", fault)
            if strict and self.settings.on_fault is OnFault.BLOCK:
                return None, faulted("the ledger", ReasonCode.BUDGET_RESERVATION_FAILED)
            answer = self._fallback_ledger.reserve(operation, estimate, overdraft=True)
            decision = gravest(decision, faulted("the ledger").softened())
        if isinstance(answer, Refusal):
            code = ReasonCode.BUDGET_EXCEEDED.value
            return None, Decision(PolicyResult.BLOCKED, code, None, answer.reason, answer.budget.name)
        if answer.overdraft and answer.budget is not None:
            reason = f"budget {answer.budget.name!r} is overdrawn"
            over = Decision(PolicyResult.WARNING, ReasonCode.BUDGET_EXCEEDED.value, None, reason, answer.budget.name)
            decision = gravest(decision, over)
        return answer, decision

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
        self, operation: Operation, reservation: Reservation, actual: Amount, money: Amount | None
    ) -> BudgetState | None:
        """Tell the ledger what was used."""
        try:
            return self.ledger.reconcile(operation, reservation, actual, money)
        except Exception as fault:
            self.guard.caught("ledger", fault)
            return None

    def release(self, operation: Operation, reservation: Reservation) -> None:
        """Tell the ledger that nothing was used."""
        with self.guard.at("ledger"):
            self.ledger.release(operation, reservation)

    def claim(self, key: ChargeKey | None, unit: Unit, money: Amount | None) -> int | None:
        """Let a unit settle a charge; return its own amount in micros, or `None` where another unit owns it."""
        if key is None:
            return money.micros if money else 0
        owned, own, postings = self.charges.settle(key, unit.unit, unit.operation, money)
        self.post(postings, Grade.ESTIMATED, "child", Facts())
        if not owned and money is not None:
            self.post(self.charges.witness(key, money), Grade.ESTIMATED, "later_witness", Facts())
        return own if owned else None

    def post(
        self, postings: list[Posting], grade: Grade, source: str, facts: Facts, *, reconciled: bool = False
    ) -> None:
        """Write corrections, and tell the ledger; `reconciled` says that it knows the first one."""
        for number, posting in enumerate(postings):
            if not (reconciled and number == 0) and posting.delta:
                with self.guard.at("ledger"):
                    self.ledger.adjust(posting.operation, Amount(posting.delta, posting.currency))
            self.emit(posted(posting, grade, source, facts, self.clock.now_ns()))

    def adjust(self, unit: Unit, delta: Amount, grade: Grade, source: str, facts: Facts) -> None:
        """Correct a settled unit by an amount that belongs to no charge of its own."""
        from genops.core.charges import Posting

        self.post([Posting(unit.unit, unit.operation, delta.micros, delta.micros, delta.unit)], grade, source, facts)

    def learn(self, operation: Operation, facts: Facts) -> None:
        """Keep what a call told about resources."""
        if facts.learnt and operation.host is not None:
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

    def enter(self, owner: Owner, scope: Scope) -> tuple[Token[Owner | None], object]:
        """Make an owner and its span current."""
        token = current.owner.set(owner)
        try:
            return token, scope.enter()
        except Exception as fault:
            self.guard.caught("tracer", fault)
            return token, None

    def exit(self, scope: Scope, tokens: tuple[Token[Owner | None], object]) -> None:
        """Undo `enter`."""
        try:
            current.owner.reset(tokens[0])
            scope.exit(tokens[1])
        except Exception as fault:
            self.guard.caught("tracer", fault)

    def close(self, scope: Scope, closing: Closing) -> None:
        """End a span."""
        try:
            scope.close(closing)
        except Exception as fault:
            self.guard.caught("tracer", fault)

    def suppressed(self) -> bool:
        """Whether the program asked that nothing be instrumented here."""
        try:
            return self.tracer.suppressed()
        except Exception as fault:
            self.guard.caught("tracer", fault)
            return False

    def shutdown(self, seconds: float) -> bool:
        """Settle what is still open, within the exit budget; return whether every queued sink was drained."""
        for left in list(self.unfinished):
            with self.guard.at("shutdown"):
                left.abandon()
        self.pending.drain()
        return self.fan_out.drain(seconds)


class Unfinished:
    """Something that may be open when the process ends."""

    def abandon(self) -> None:
        """Settle with what was seen."""
        raise TypeError  # pragma: no cover  (each kind defines it)


__all__ = ["ALLOWED", "Governor", "Remote", "Running", "Settings", "Unfinished"]
