"""Steps that run foreign or fallible code, guarded here and nowhere else, so that a unit reads as its lifecycle."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, NamedTuple

from genops.core.amounts import Amount, Estimate, Priced
from genops.core.attribution import NOBODY, Attribution
from genops.core.charges import ChargeBook
from genops.core.containers import RollUp
from genops.core.decisions import ALLOWED, Decision, Mode, OnFault, PolicyResult, ReasonCode, faulted, gravest
from genops.core.edges import Lineage, Neighbours, NoLineage, declared
from genops.core.forks import on_fork
from genops.core.guard import Guard
from genops.core.inventory import Inventory
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
from genops.core.records import BudgetState, Record, Refusal, Reservation, Role
from genops.core.sinks import FanOut
from genops.core.statements import UNREAD, NoReader, NoTables, Reading, StatementReader, Tables
from genops.core.unit import posted

if TYPE_CHECKING:
    from genops.core.charges import Account, Posting
    from genops.core.operation import ChargeKey, DatasetEdge, Facts, Operation, Statement

_UNASKED = Resolution()


class Settings(NamedTuple):
    """What the spine itself is told.

    Attributes:
        mode: How far genops goes.
        on_fault: What enforce mode does when a decision fails.
        attribution: Who pays where nobody says otherwise.
        by_host: The same for single workspaces; wins over `attribution`.
        environment_of: Derives the environment from a host; asked only where nobody said.
        inject: Whether attribution is written into the tags of what a platform bills.
    """

    mode: Mode = Mode.OBSERVE
    on_fault: OnFault = OnFault.BLOCK
    attribution: Attribution = NOBODY
    by_host: Mapping[str, Attribution] = {}
    environment_of: Callable[[str], str | None] = lambda _host: None
    inject: bool = False


class Unfinished:
    """Something that may be open when the process ends, or be collected before its end."""

    def expire(self) -> None:
        """Settle with what was seen."""
        raise TypeError  # pragma: no cover  (each kind defines it)

    def arrive(self, facts: Facts) -> None:
        """Nothing is waited for."""


class GuardedPorts:
    """What the spine asks of others: a port that fails costs its answer, never the call.

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
        statements: Understands statements.
        tables: Knows the columns of tables.
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
        lineage: Lineage | None = None,
        statements: StatementReader | None = None,
        tables: Tables | None = None,
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
        self.statements = statements or NoReader()
        self.tables = tables or NoTables()
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

    def learn(self, operation: Operation, facts: Facts) -> Facts:
        """Keep what a call told about resources, and return what else it told: that is no news of the operation."""
        if operation.host is not None:
            for learnt in facts.learnt:
                keeper = self.tables if learnt.kind == "table" else self.inventory
                keeper.learn(operation.host, learnt)
        return facts._replace(learnt=())

    def pass_on(self, facts: Facts) -> None:
        """Hand late facts to the units that wait for them."""
        for key, late in facts.resolves:
            self.pending.resolve(key, late)

    def read(self, statement: Statement, text: str) -> None:
        """Let a statement that is about to run be understood beside it."""
        try:
            self.statements.begin(statement, text)
        except Exception as fault:
            self.guard.caught("statements", fault)

    def known_of(self, operation: Operation) -> Reading | None:
        """Return what is known of an operation's statement; `None` where it is still being read."""
        try:
            return UNREAD if operation.statement is None else self.statements.known(operation.statement)
        except Exception as fault:
            self.guard.caught("statements", fault)
            return UNREAD

    def ran(self, operation: Operation, *, succeeded: bool) -> None:
        """Let what a statement has made of tables be known, once the statement itself is."""
        if operation.statement is None or isinstance(self.tables, NoTables):
            return
        with self.guard.at("statements"):
            self.statements.when_read(
                operation.statement, lambda reading: self.tables.ran(operation, reading, succeeded=succeeded)
            )

    def when_read(self, operation: Operation, tell: Callable[[Reading], object]) -> None:
        """Tell what becomes known of an operation's statement, at once or later."""
        try:
            if operation.statement is not None:
                self.statements.when_read(operation.statement, tell)
                return
        except Exception as fault:
            self.guard.caught("statements", fault)
        tell(UNREAD)

    def undo(self, operation: Operation) -> None:
        """Take back what an operation's statement leaves to its session, as it did not run to its end."""
        try:
            if operation.statement is not None:
                self.statements.undo(operation.statement)
        except Exception as fault:
            self.guard.caught("statements", fault)

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

    def suppressed(self) -> bool:
        """Whether the program asked that nothing be instrumented here."""
        try:
            return self.tracer.suppressed()
        except Exception as fault:
            self.guard.caught("tracer", fault)
            return False


def _unheld(estimate: Estimate) -> Reservation:
    """Return a reservation that no ledger holds, where the ledger failed and the call goes on."""
    return Reservation(0, estimate.over(DEFAULT_RESERVE_SECONDS))
