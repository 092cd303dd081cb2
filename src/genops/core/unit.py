"""The unit: it owns its decision, its reservation and its money."""

from __future__ import annotations

from typing import TYPE_CHECKING

from genops.core.amounts import CALL, COMPUTE_SECOND, DBU, NOT_BILLED, Amount, Grade, Priced
from genops.core.charges import Account, Posting
from genops.core.decisions import ALLOWED, Decision, gravest, refusal
from genops.core.operation import EMPTY, NOTHING, Facts, Operation
from genops.core.ports import Closing
from genops.core.records import Adjusted, Admitted, Outcome, Reservation, Role, Settled
from genops.core.running import Running

if TYPE_CHECKING:
    from genops.core.operation import ChargeKey

CHARGED_ELSEWHERE = "charged_elsewhere"
_INCOMPLETE = Facts(incomplete=True)


class Unit(Running):
    """One workload unit of the specification."""

    role = Role.UNIT
    _sequence = _ended_ns = _awaited = 0
    _carried: Priced | None = None
    _closed = False
    _settled: Settled | None = None
    _account: Account | None = None
    _parts: Priced | None = None

    def admit(self, verdict: Decision | None = None, at_ns: int | None = None) -> None:
        """Decide, reserve, and say so; all of it before the call, whose time begins now.

        Args:
            verdict: A decision of the policy that was already asked.
            at_ns: When that counts as done, in nanoseconds since the epoch; now where nothing is said.

        Raises:
            GovernanceError: The operation is refused.
        """
        governor, operation = self.governor, self.operation
        reservation: Reservation | None = None
        decision = governor.decide(operation) if verdict is None else verdict
        if decision is ALLOWED or not decision.refuses:
            reservation, decision = governor.reserve(operation, decision)
        self.decision = decision
        self.reservation = reservation
        now_ns = governor.clock.now_ns() if at_ns is None else at_ns
        self.starts(now_ns)
        self._admitted = Admitted(self.scope.unit, 0, operation, decision, reservation, now_ns)
        governor.emit(self._admitted)
        if reservation is None:
            self._open = False
            governor.close(self.scope, Closing(now_ns, None, NOTHING, self._admitted))
            raise refusal(decision, operation.type)

    def settle_past(self, ended_ns: int, seconds: float, facts: Facts) -> None:
        """Settle work that was over when it was admitted.

        Args:
            ended_ns: When it ended, in nanoseconds since the epoch: not before its admission.
            seconds: How long it took.
            facts: What is known of it.
        """
        self.starts(ended_ns - round(seconds * 1e9), seconds)
        self._ended_ns = ended_ns
        self.settle(None, facts)

    @property
    def payer(self) -> Unit:
        """Itself."""
        return self

    def say(self, operation: Operation, decision: Decision) -> None:
        """Record a further decision on the unit; the unit itself runs, so its own gets no graver than a warning."""
        with self._lock:
            self._sequence += 1
            sequence = self._sequence
            self.decision = gravest(self.decision, decision.softened())
        governor = self.governor
        governor.emit(Admitted(self.scope.unit, sequence, operation, decision, None, governor.clock.now_ns()))

    def absorb(self, facts: Facts, key: ChargeKey | None, priced: Priced) -> None:
        """Take the facts and the cost of a part; after the unit's end its cost is a correction.

        What names one call, such as its state, duration or request, stays with the part. What is left is kept apart
        from what the unit says of itself: that a call inside read one dataset and another call wrote one is no flow.
        """
        if key is not None or priced.money is not None:
            _, postings = self.governor.book(self.account(), key, priced, whole=False)
            self.governor.post(postings, priced.source or "later_witness", facts)
        ours = facts._replace(
            error_type=None, error_code=None, state=None, request_id=None, seconds=None, dbu_micros=None, money=None,
            grade=None, source=None, late=None, resolves=(), learnt=(), charge=None, attributes=EMPTY, executed=True,
        )  # fmt: skip
        with self._lock:
            if self._open:
                if ours.edges:
                    ours = ours._replace(edges=self.governor.fitting(ours.edges, len(self._inside.edges)))
                self._inside = self._inside.merged(ours)
                self._parts = priced if self._parts is None else _together(self._parts, priced)

    @property
    def capped(self) -> bool:
        """Whether it reserved money for what runs inside."""
        return self.reservation is not None and self.reservation.amount.is_money

    def carried(self, priced: Priced, held: Reservation) -> None:
        """Take note of what the budgets were told of a part already."""
        with self._lock:
            known = Priced() if self._carried is None else self._carried
            money = priced.money or (held.amount if held.amount.is_money else None)
            if known.money is not None and money is not None and known.money.unit == money.unit:
                money = Amount(known.money.micros + money.micros, money.unit)
            dbu_micros = (known.dbu_micros or 0) + (priced.dbu_micros or 0)
            self._carried = Priced(money or known.money, dbu_micros=dbu_micros)

    def _untold(self, priced: Priced) -> Priced:
        """Return what the budgets were not told yet."""
        told = self._carried
        if told is None:
            return priced
        money, dbu_micros = priced.money, priced.dbu_micros
        if money is not None and told.money is not None and told.money.unit == money.unit:
            money = Amount(max(money.micros - told.money.micros, 0), money.unit)
        if dbu_micros is not None and told.dbu_micros is not None:
            dbu_micros = max(dbu_micros - told.dbu_micros, 0)
        return priced._replace(money=money, dbu_micros=dbu_micros)

    def learns(self, operation: Operation, facts: Facts) -> None:
        """Take what became known of a statement, of its own or of a part's, after the call had returned."""
        with self._lock:
            if self._open:
                self._inside = self._inside.merged(facts._replace(attributes=EMPTY))
                return
        now_ns = self.governor.clock.now_ns()
        self.governor.emit(Adjusted(self.scope.unit, operation, 0, "", 0, Grade.ESTIMATED, "statement", facts, now_ns))

    def awaits(self, parts: int) -> None:
        """Count parts whose cost is still to come, up or down; while there are any, the unit is incomplete."""
        with self._lock:
            self._awaited += parts

    def account(self) -> Account:
        """Return what the unit is known to cost, kept from the first money on."""
        with self._lock:
            account = self._account
            if account is None:
                account = self._account = Account(self.scope.unit, self.operation, settled=self._closed)
            return account

    def returned(self, facts: Facts | None) -> None:
        """The call came back; settle with what it revealed, or wait a little for what follows at once."""
        if facts is not None and (facts.reads or facts.writes):
            self._found(facts)
        late = (facts or NOTHING).late or self._facts.late
        if late is None or not late.keep_open:
            self.settle(None, facts)
            return
        self.saw(facts or NOTHING)
        self._ended_ns = self.started_ns + round(self.lasted() * 1e9)
        self.governor.pending.add(late.key, self, late.seconds)

    def _settle(self, outcome: Outcome, facts: Facts) -> None:
        """Price, reconcile, record and close."""
        governor, operation, reservation = self.governor, self.operation, self.reservation
        if reservation is None:
            return
        ended_ns = self._ended_ns or self.started_ns + round(self.lasted() * 1e9)
        if outcome is Outcome.NOT_EXECUTED and self._account is not None:
            outcome = Outcome.OK  # it sent nothing itself, but what ran inside it was paid for
        if self._awaited:
            facts = facts._replace(incomplete=True)
        if facts.learnt:
            facts = governor.learn(operation, facts)
        late = facts.late if outcome is Outcome.OK and facts.late and not facts.late.keep_open else None
        priced, actual, incomplete = self._costs(outcome, facts, reservation, ended_ns, late=late is not None)
        balance = None
        if outcome is Outcome.NOT_EXECUTED:
            governor.release(operation, reservation)
        elif late is None:
            balance = governor.reconcile(operation, reservation, actual, self._untold(priced))
        settled = self._settled = Settled(
            self.scope.unit, operation, self.decision, reservation, outcome, facts, actual, priced, incomplete,
            self.started_ns, ended_ns, balance,
        )  # fmt: skip
        governor.emit(settled)
        admitted = self._admitted
        if admitted.decision is not self.decision:
            admitted = admitted._replace(decision=self.decision)
        lineage = governor.neighbours(facts.edges) if facts.edges else None
        self._conclude(Closing(ended_ns, outcome, facts, admitted, settled, EMPTY, lineage))
        if late is not None:
            governor.pending.add(late.key, self, late.seconds)
        if facts.resolves:
            governor.pass_on(facts)

    def _costs(
        self, outcome: Outcome, facts: Facts, reservation: Reservation, ended_ns: int, *, late: bool
    ) -> tuple[Priced, Amount, bool]:
        """Return what it cost, what it used in the unit of its reservation, and whether that is not the last word."""
        reserved = reservation.amount
        if outcome is Outcome.NOT_EXECUTED:
            return Priced(unpriced_reason="not_executed"), Amount(0, reserved.unit), False
        if late:
            money = reserved if reserved.is_money else None
            priced = Priced(money, None if money else "pending", Grade.ESTIMATED, "reservation" if money else None)
            return self._charged(priced, facts, reserved=True), reserved, True
        seconds = (ended_ns - self.started_ns) / 1e9 if facts.seconds is None else facts.seconds
        priced = self._charged(self.governor.price(self.operation, facts, seconds), facts, reserved=False)
        actual = _used(reserved, priced, seconds)
        return priced, reserved if actual is None else actual, facts.incomplete or actual is None

    def _charged(self, priced: Priced, facts: Facts, *, reserved: bool) -> Priced:
        """Book what it cost, and return it with what its parts cost and without what others are charged for."""
        key = facts.charge or self.operation.charge
        with self._lock:
            if self._account is None and key is None and priced.money is None:
                self._closed = True
                return self._told_by_parts(priced)
        account = self.account()
        owned, postings = self.governor.book(account, key, priced, whole=True)
        self.governor.post(postings, priced.source or "later_witness", facts)
        money = self.governor.charges.close(account, reserved=reserved)
        if owned and money is not None and priced.money is not None and priced.money.unit == money.unit:
            return priced._replace(money=money)
        if money is not None and money.micros:
            return (self._parts or priced)._replace(money=money, unpriced_reason=None)
        if not owned:
            return priced._replace(money=None, dbu_micros=0, unpriced_reason=CHARGED_ELSEWHERE)
        return self._told_by_parts(priced)._replace(money=None)

    def _told_by_parts(self, priced: Priced) -> Priced:
        """Return what parts know of the cost, where the unit itself uses nothing that is billed."""
        parts = self._parts
        unknown = priced.dbu_micros is None and priced.unpriced_reason == NOT_BILLED
        return parts if unknown and parts is not None and parts.money is None else priced

    def arrive(self, facts: Facts) -> None:
        """Take late facts: finish a span that was kept open, or correct what was settled."""
        settled = self._settled
        if settled is None:
            self.settle(None, facts)
            return
        governor, operation = self.governor, self.operation
        at_ns = governor.clock.now_ns()
        facts = self._arrived(facts)
        whole = settled.facts.merged(facts)
        seconds = self.lasted() if whole.seconds is None else whole.seconds
        priced = governor.price(operation, whole, seconds)
        account, key = self.account(), whole.charge or operation.charge
        owned, postings = governor.book(account, key, priced, whole=True)
        money = governor.charges.reconcile(account)
        paid = priced._replace(money=money, unpriced_reason=None if owned else CHARGED_ELSEWHERE)
        actual = _used(settled.reservation.amount, paid, seconds) or settled.reservation.amount
        governor.reconcile(operation, settled.reservation, actual, self._untold(paid))
        if facts.learnt:
            facts = governor.learn(operation, facts)
        ours = [posting for posting in postings if posting.unit == self.scope.unit]
        governor.emit(
            Adjusted(
                self.scope.unit, operation, sum(posting.delta for posting in ours), money.unit if money else "",
                money.micros if money else 0, priced.grade, priced.source or "late", facts, at_ns,
            )
        )  # fmt: skip
        governor.post([posting for posting in postings if posting not in ours], priced.source or "late", facts)

    def expire(self) -> None:
        """Settle without the late facts: what was reserved stands."""
        settled = self._settled
        if settled is None:
            self.settle(None, _INCOMPLETE)
            return
        priced, actual, account = settled.priced, settled.actual, self._account
        if account is not None:
            money = self.governor.charges.reconcile(account)
            priced = priced._replace(money=money)
            actual = money if money is not None and money.unit == actual.unit else actual
        self.governor.reconcile(self.operation, settled.reservation, actual, self._untold(priced))


def _together(first: Priced, second: Priced) -> Priced:
    """Return where the cost of two parts comes from; the amounts are the account's."""
    each = [priced.dbu_micros for priced in (first, second) if priced.dbu_micros is not None]
    dbu_micros = sum(each) if each else None
    if second.money is None or first.money is None:
        known = second if first.money is None and _says_more(second, first) else first
        return known._replace(dbu_micros=dbu_micros)
    return Priced(
        first.money,
        None,
        first.grade if first.grade == second.grade else Grade.ESTIMATED,
        first.source if first.source == second.source else "parts",
        first.as_of if first.as_of == second.as_of else None,
        dbu_micros,
    )


def _says_more(second: Priced, first: Priced) -> bool:
    return second.money is not None or second.dbu_micros is not None or first.unpriced_reason == NOT_BILLED


def _used(reserved: Amount, priced: Priced, seconds: float) -> Amount | None:
    """Return what was used in the unit of the reservation, or `None` where that is not known."""
    unit = reserved.unit
    if unit == CALL:
        return reserved if reserved.micros == 1_000_000 else Amount(1_000_000, CALL)  # noqa: PLR2004  (one call)
    if unit == COMPUTE_SECOND:
        return Amount(round(seconds * 1_000_000), COMPUTE_SECOND)
    if priced.money is not None and priced.money.unit == unit:
        return priced.money
    if priced.unpriced_reason == CHARGED_ELSEWHERE:
        return Amount(0, unit)
    return Amount(priced.dbu_micros, DBU) if unit == DBU and priced.dbu_micros is not None else None


def posted(posting: Posting, source: str, facts: Facts, at_ns: int) -> Adjusted:
    """Return the record of a correction."""
    source, facts = ("child", NOTHING) if posting.inner else (source, facts)
    return Adjusted(
        posting.unit, posting.operation, posting.delta, posting.currency, posting.total, posting.grade, source, facts,
        at_ns,
    )  # fmt: skip
