"""The running operation: a unit owns its decision, reservation and money; a part belongs to the unit around it."""

from __future__ import annotations

import itertools
import threading
from typing import TYPE_CHECKING

from genops.core.amounts import CALL, COMPUTE_SECOND, DBU, Amount, Grade, Priced
from genops.core.decisions import ALLOWED, Decision, PolicyResult, gravest, refusal
from genops.core.operation import NOTHING, Facts, Operation
from genops.core.ports import Closing
from genops.core.records import Adjusted, Admitted, Outcome, Reservation, Role, Settled, UnitId

if TYPE_CHECKING:
    from contextvars import Token

    from genops.core.charges import Posting
    from genops.core.current import Owner
    from genops.core.governor import Governor


class Running:
    """What units and parts share: a scope, facts that gather, and an end that comes exactly once."""

    __slots__ = ("_facts", "_lock", "_open", "attempts", "governor", "library", "operation", "scope", "started_ns")
    role = Role.UNIT

    def __init__(self, governor: Governor, operation: Operation, parent: object = None) -> None:
        self.governor = governor
        self.operation = operation
        self.library = operation.library
        self.attempts = 0
        self.started_ns = governor.clock.now_ns()
        self.scope = governor.scope(operation, self.role, self.started_ns, parent)
        self._facts = NOTHING
        self._lock = threading.Lock()
        self._open = True

    @property
    def open(self) -> bool:
        """Whether it still runs."""
        return self._open

    @property
    def unit(self) -> UnitId:
        """Identity of its span."""
        return self.scope.unit

    def saw(self, facts: Facts) -> None:
        """Take facts; they add up."""
        with self._lock:
            self._facts = self._facts.merged(facts)

    def attempted(self) -> None:
        """Count one request that was sent."""
        with self._lock:
            self.attempts += 1

    def enter(self) -> tuple[Token[Owner | None], object]:
        """Make it the owner of what runs here, and its span the current one."""
        return self.governor.enter(self, self.scope)

    def exit(self, tokens: tuple[Token[Owner | None], object]) -> None:
        """Undo `enter`."""
        self.governor.exit(self.scope, tokens)

    def returned(self, facts: Facts | None) -> None:
        """The call came back; settle with what it revealed."""
        raise TypeError(facts)  # pragma: no cover  (both kinds define it)

    def _gathered(self, last: Facts | None) -> Facts:
        """Return all facts seen, with the requests counted."""
        facts = self._facts if last is None else self._facts.merged(last)
        if self.attempts:
            facts = facts._replace(attempts=facts.attempts + self.attempts)
        return facts

    def _first(self) -> bool:
        """Return whether this is the first attempt to end it."""
        with self._lock:
            first, self._open = self._open, False
        return first


class Unit(Running):
    """One workload unit of the specification."""

    __slots__ = ("_late_end_ns", "_sequence", "_settled", "decision", "reservation")
    role = Role.UNIT

    def admit(self, verdict: Decision | None = None) -> None:
        """Decide, reserve, and say so; all of it before the call.

        Args:
            verdict: A decision of the policy that was already asked.

        Raises:
            GovernanceError: The operation is refused.
        """
        governor, operation = self.governor, self.operation
        self._sequence = itertools.count()
        self._late_end_ns = 0
        self._settled: Settled | None = None
        self.reservation: Reservation | None = None
        decision = governor.decide(operation) if verdict is None else verdict
        if not decision.refuses:
            self.reservation, decision = governor.reserve(operation, decision)
        self.decision = decision
        admitted = self._say(operation, decision, self.reservation)
        if decision.refuses:
            self._open = False
            governor.close(self.scope, Closing(governor.clock.now_ns(), None, NOTHING, admitted))
            raise refusal(decision, operation.type)

    def _say(self, operation: Operation, decision: Decision, reservation: Reservation | None) -> Admitted:
        governor = self.governor
        record = Admitted(
            self.scope.unit, next(self._sequence), operation, decision, reservation, governor.clock.now_ns()
        )
        governor.emit(record)
        return record

    def put_again(self, operation: Operation) -> None:
        """Put a part, which knows more than the unit, to the policy: a new decision on the same unit.

        Raises:
            GovernanceError: The part is refused.
        """
        decision = self.governor.decide(operation)
        self._say(operation, decision, None)
        # The unit itself ran, so a refused part leaves it with a warning.
        with self._lock:
            self.decision = gravest(self.decision, decision.softened())
        if decision.refuses:
            raise refusal(decision, operation.type)

    def absorb(self, facts: Facts, operation: Operation, priced: Priced) -> None:
        """Take the facts and the cost of a part."""
        money = priced.money
        if money is not None:
            own = self.governor.claim(facts.charge or operation.charge, self, money)
            money = None if own is None else Amount(own, money.unit)
        with self._lock:
            known = self._facts.money
            if money is not None and known is not None and known.unit == money.unit:
                money = Amount(known.micros + money.micros, money.unit)
            elif money is not None and known is not None:
                money = None
            self._facts = self._facts.merged(
                facts._replace(
                    money=money, error_type=None, error_code=None, state=None, late=None, resolves=(), charge=None
                )
            )

    def returned(self, facts: Facts | None) -> None:
        """The call came back; settle with what it revealed."""
        gathered = self._gathered(facts)
        if facts is not None:
            self._found(facts)
        late = gathered.late
        if late is not None and late.keep_open:
            self._late_end_ns = self.governor.clock.now_ns()
            self.governor.pending.add(late.key, self, late.seconds)
            return
        self.settle(Outcome.ERROR if gathered.error_type else Outcome.OK, gathered)

    def _found(self, facts: Facts) -> None:
        """Put datasets that only the response named to the policy: too late to refuse, not too late to say."""
        reads = tuple(ref for ref in facts.reads if ref not in self.operation.reads)
        writes = tuple(ref for ref in facts.writes if ref not in self.operation.writes)
        if not (reads or writes) or not self.governor.policy.needs:
            return
        found = self.operation._replace(reads=reads, writes=writes, statement=None)
        decision = self.governor.decide(found).softened()
        if decision.result is not PolicyResult.ALLOWED:
            self._say(found, decision._replace(reason=f"found in the response: {decision.reason}"), None)
            self.decision = gravest(self.decision, decision)

    def failed(self, error: BaseException, facts: Facts | None = None) -> None:
        """The call raised; settle."""
        if isinstance(error, Exception):
            named = Facts(error_type=_name(error))
            self.settle(Outcome.ERROR, self._gathered(named if facts is None else named.merged(facts)))
        else:
            self.settle(Outcome.CANCELLED, self._gathered(facts))

    def not_executed(self) -> None:
        """Nothing was sent: give the reservation back."""
        self.settle(Outcome.NOT_EXECUTED, self._gathered(Facts(executed=False)))

    def settle(self, outcome: Outcome, facts: Facts) -> None:
        """Price, reconcile, record and close. Only the first call counts."""
        if not self._first() or self.reservation is None:
            return
        governor, operation, reservation = self.governor, self.operation, self.reservation
        ended_ns = self._late_end_ns or governor.clock.now_ns()
        governor.learn(operation, facts)
        late = facts.late is not None and not facts.late.keep_open and outcome is Outcome.OK
        priced, actual, incomplete = self._price(facts, ended_ns, outcome, late=late)
        balance = None
        if outcome is Outcome.NOT_EXECUTED:
            governor.release(operation, reservation)
        elif not late:
            balance = governor.reconcile(operation, reservation, actual, priced.money)
        settled = Settled(
            self.scope.unit, operation, self.decision, reservation, outcome, facts, actual, priced, incomplete,
            self.started_ns, ended_ns, balance,
        )  # fmt: skip
        self._settled = settled
        governor.emit(settled)
        # The reservation stands on the admission, so what closes the span needs only the decision.
        admitted = Admitted(self.scope.unit, 0, operation, self.decision, reservation, self.started_ns)
        governor.close(self.scope, Closing(ended_ns, outcome, facts, admitted, settled))
        if late and facts.late is not None:
            governor.pending.add(facts.late.key, self, facts.late.seconds)
        governor.pass_on(facts)

    def _price(self, facts: Facts, ended_ns: int, outcome: Outcome, *, late: bool) -> tuple[Priced, Amount, bool]:
        governor, operation = self.governor, self.operation
        assert self.reservation is not None
        reserved = self.reservation.amount
        if outcome is Outcome.NOT_EXECUTED:
            return Priced(unpriced_reason="not_executed"), Amount(0, reserved.unit), False
        if late:
            money = reserved if reserved.is_money else None
            priced = Priced(money, None if money else "pending", Grade.ESTIMATED, "reservation" if money else None)
            return self._claimed(priced, facts), reserved, True
        seconds = (ended_ns - self.started_ns) / 1e9 if facts.seconds is None else facts.seconds
        priced = self._claimed(governor.price(operation, facts, seconds), facts)
        actual = _used(reserved, priced, seconds)
        return priced, reserved if actual is None else actual, facts.incomplete or actual is None

    def _claimed(self, priced: Priced, facts: Facts) -> Priced:
        key = facts.charge or self.operation.charge
        if key is None:
            return priced
        own = self.governor.claim(key, self, priced.money)
        if own is None:
            return Priced(unpriced_reason="charged_elsewhere")
        return priced if priced.money is None else priced._replace(money=Amount(own, priced.money.unit))

    def arrive(self, facts: Facts) -> None:
        """Take late facts: finish a span that was kept open, or adjust what was settled."""
        if self._settled is None:
            gathered = self._gathered(facts)._replace(late=None)
            self.settle(Outcome.ERROR if gathered.error_type else Outcome.OK, gathered)
            return
        settled = self._settled
        governor, operation = self.governor, self.operation
        whole = settled.facts.merged(facts)._replace(late=None)
        ended_ns = governor.clock.now_ns()
        seconds = (ended_ns - self.started_ns) / 1e9 if facts.seconds is None else facts.seconds
        priced = governor.price(operation, whole, seconds)
        actual = _used(settled.reservation.amount, priced, seconds) or settled.reservation.amount
        governor.reconcile(operation, settled.reservation, actual, priced.money)
        governor.learn(operation, facts)
        known = settled.priced.money
        key = whole.charge or operation.charge
        if priced.money is not None and key is not None:
            postings = governor.charges.witness(key, priced.money)
            governor.post(postings, priced.grade, priced.source or "late", facts, reconciled=True)
            return
        delta = 0 if priced.money is None else priced.money.micros - (known.micros if known else 0)
        unit_of_account = priced.money.unit if priced.money else ""
        total = priced.money.micros if priced.money else 0
        governor.emit(
            Adjusted(
                self.scope.unit, operation, delta, unit_of_account, total, priced.grade, priced.source or "late", facts,
                ended_ns,
            )
        )  # fmt: skip

    def expire(self) -> None:
        """Settle without the late facts: what was reserved stands."""
        if self._settled is None:
            self.settle(Outcome.OK, self._gathered(Facts(incomplete=True))._replace(late=None))
            return
        settled = self._settled
        self.governor.reconcile(self.operation, settled.reservation, settled.actual, settled.priced.money)


class Part(Running):
    """A governed call inside a running unit: a span, no reservation, no money of its own."""

    __slots__ = ("_owner",)
    role = Role.PART

    def admit(self, owner: Owner, verdict: Decision | None = None) -> None:
        """Put what the part knows beyond its unit to the policy.

        Raises:
            GovernanceError: The part is refused.
        """
        self._owner = owner
        try:
            if verdict is not None and verdict.refuses:
                raise refusal(verdict, self.operation.type)
            if isinstance(owner, Unit | Remote) and self._knows_more(owner.operation):
                owner.put_again(self.operation)
        except BaseException:
            self._open = False
            self.governor.close(self.scope, Closing(self.governor.clock.now_ns(), None, NOTHING))
            raise

    def _knows_more(self, known: Operation) -> bool:
        operation = self.operation
        return bool(self.governor.policy.needs) and (
            any(ref not in known.reads and ref not in known.writes for ref in (*operation.reads, *operation.writes))
            or (operation.statement is not None and operation.statement != known.statement)
        )

    def returned(self, facts: Facts | None) -> None:
        """The call came back."""
        gathered = self._gathered(facts)
        self._end(Outcome.ERROR if gathered.error_type else Outcome.OK, gathered)

    def failed(self, error: BaseException, facts: Facts | None = None) -> None:
        """The call raised."""
        if isinstance(error, Exception):
            named = Facts(error_type=_name(error))
            self._end(Outcome.ERROR, self._gathered(named if facts is None else named.merged(facts)))
        else:
            self._end(Outcome.CANCELLED, self._gathered(facts))

    def not_executed(self) -> None:
        """Nothing was sent."""
        self._end(Outcome.NOT_EXECUTED, self._gathered(Facts(executed=False)))

    def settle(self, outcome: Outcome, facts: Facts) -> None:
        """End the part."""
        self._end(outcome, facts)

    def _end(self, outcome: Outcome, facts: Facts) -> None:
        if not self._first():
            return
        governor = self.governor
        ended_ns = governor.clock.now_ns()
        governor.learn(self.operation, facts)
        if isinstance(self._owner, Unit):
            seconds = (ended_ns - self.started_ns) / 1e9 if facts.seconds is None else facts.seconds
            waiting = facts.late is not None
            priced = Priced(unpriced_reason="pending") if waiting else governor.price(self.operation, facts, seconds)
            self._owner.absorb(facts._replace(incomplete=facts.incomplete or waiting), self.operation, priced)
        governor.close(self.scope, Closing(ended_ns, outcome, facts))
        if facts.late is not None:
            governor.pending.add(facts.late.key, self, facts.late.seconds)
        governor.pass_on(facts)

    def arrive(self, facts: Facts) -> None:
        """Take late facts: their cost is a correction of the unit."""
        governor, owner = self.governor, self._owner
        seconds = (governor.clock.now_ns() - self.started_ns) / 1e9 if facts.seconds is None else facts.seconds
        priced = governor.price(self.operation, facts, seconds)
        if isinstance(owner, Unit) and priced.money is not None:
            own = governor.claim(facts.charge or self.operation.charge, owner, priced.money)
            if own is not None:
                governor.adjust(owner, Amount(own, priced.money.unit), priced.grade, priced.source or "late", facts)

    def expire(self) -> None:
        """Nothing was reserved, so nothing is given back."""


class Remote:
    """The unit of another process, inside which this process works."""

    role = Role.UNIT
    library = ""
    open = True

    def __init__(self, governor: Governor, unit: UnitId, operation: Operation) -> None:
        self.governor = governor
        self.unit = unit
        self.operation = operation
        self._sequence = itertools.count(1)

    def saw(self, facts: Facts) -> None:
        """The facts stay on the part's own span; the unit is elsewhere."""

    def put_again(self, operation: Operation) -> None:
        """Put a part to the policy: a new decision on the unit of the other process.

        Raises:
            GovernanceError: The part is refused.
        """
        decision = self.governor.decide(operation)
        now = self.governor.clock.now_ns()
        self.governor.emit(Admitted(self.unit, next(self._sequence), operation, decision, None, now))
        if decision.refuses:
            raise refusal(decision, operation.type)


def _used(reserved: Amount, priced: Priced, seconds: float) -> Amount | None:
    """Return what was used in the unit of the reservation, or `None` where that is not known."""
    if reserved.is_money:
        return priced.money if priced.money is not None and priced.money.unit == reserved.unit else None
    if reserved.unit == DBU:
        return None if priced.dbu_micros is None else Amount(priced.dbu_micros, DBU)
    if reserved.unit == COMPUTE_SECOND:
        return Amount(round(seconds * 1_000_000), COMPUTE_SECOND)
    return Amount(1_000_000, CALL)


def _name(error: Exception) -> str:
    kind = type(error)
    return kind.__qualname__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__qualname__}"


def posted(posting: Posting, grade: Grade, source: str, facts: Facts, at_ns: int) -> Adjusted:
    """Return the record of a correction."""
    return Adjusted(
        posting.unit, posting.operation, posting.delta, posting.currency, posting.total, grade, source, facts, at_ns
    )


__all__ = ["ALLOWED", "Part", "Remote", "Running", "Unit", "posted"]
