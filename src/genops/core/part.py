"""Parts: governed calls inside a running unit, of this process or of another one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from genops.core.amounts import Priced
from genops.core.decisions import ALLOWED, Decision, refusal
from genops.core.operation import NOTHING, Facts, Operation
from genops.core.ports import Closing
from genops.core.records import Admitted, Outcome, Reservation, Role, UnitId
from genops.core.running import Running
from genops.core.unit import Unit

if TYPE_CHECKING:
    from genops.core.current import Owner
    from genops.core.governor import Governor


class Part(Running):
    """A governed call inside a running unit: a span, no record and no money of its own.

    Where it uses something that is billed, and its unit reserved no money for that, the budgets hold its estimate while
    it runs and its cost until the unit settles.
    """

    role = Role.PART

    def admit(self, owner: Running | Remote, verdict: Decision | None = None) -> None:
        """Put what the part knows beyond its unit to the policy: a new decision on the same unit.

        Args:
            owner: The unit or part around it.
            verdict: A decision of the policy that was already asked.

        Raises:
            GovernanceError: The part is refused.
        """
        self.around = owner
        self._payer = payer = owner.payer
        self._held: Reservation | None = None
        if verdict is None and knows_more(self.operation, owner, self.governor):
            verdict = self.governor.decide(self.operation)
        if verdict is not None:
            self._say(verdict)
        if isinstance(payer, Unit) and not payer.capped:
            self._held, verdict = self.governor.afford(self.operation)
            if verdict is not ALLOWED:
                self._say(verdict)

    def _say(self, verdict: Decision) -> None:
        """Record a decision on the unit, and raise it where it refuses."""
        self._payer.say(self.operation, verdict)
        if verdict.refuses:
            self._open = False
            self.governor.close(self.scope, Closing(self.governor.clock.now_ns(), None, NOTHING))
            raise refusal(verdict, self.operation.type)

    @property
    def payer(self) -> Unit | Remote:
        """The unit around it."""
        return self._payer

    def returned(self, facts: Facts | None) -> None:
        """The call came back; hand its facts to the unit."""
        if facts is not None and (facts.reads or facts.writes):
            self._found(facts)
        self.settle(None, facts)

    def _settle(self, outcome: Outcome, facts: Facts) -> None:
        governor, operation, payer = self.governor, self.operation, self._payer
        ended_ns = self.started_ns + round(self.lasted() * 1e9)
        if facts.learnt:
            facts = governor.learn(operation, facts)
        held = self._held
        if isinstance(payer, Unit) and outcome is Outcome.NOT_EXECUTED and held is not None:
            governor.release(operation, held)
        elif isinstance(payer, Unit) and outcome is not Outcome.NOT_EXECUTED:
            if facts.late is not None:
                payer.awaits(1)
                payer.absorb(facts, None, Priced(unpriced_reason="pending"))
            else:
                seconds = (ended_ns - self.started_ns) / 1e9 if facts.seconds is None else facts.seconds
                priced = governor.price(operation, facts, seconds)
                if held is not None:
                    governor.reconcile(operation, held, held.amount, priced)
                    payer.carried(priced, held)
                payer.absorb(facts, facts.charge or operation.charge, priced)
        lineage = governor.neighbours(facts.edges) if facts.edges else None
        self._conclude(Closing(ended_ns, outcome, facts, lineage=lineage))
        if facts.late is not None:
            self._facts = facts
            governor.pending.add(facts.late.key, self, facts.late.seconds)
        if facts.resolves:
            governor.pass_on(facts)

    def arrive(self, facts: Facts) -> None:
        """Take late facts: their cost is the unit's, and a correction where it has settled."""
        governor, payer = self.governor, self._payer
        if facts.learnt:
            facts = governor.learn(self.operation, facts)
        self._let_go()
        if isinstance(payer, Unit):
            seconds = self.lasted() if facts.seconds is None else facts.seconds
            priced = governor.price(self.operation, self._facts.merged(facts), seconds)
            payer.absorb(self._arrived(facts), facts.charge or self._facts.charge or self.operation.charge, priced)
            payer.awaits(-1)

    def expire(self) -> None:
        """What was held stands: nothing better is known."""

    def _let_go(self) -> None:
        """Give back what was held: from here on the unit's own account tells the budgets."""
        if self._held is not None:
            self.governor.release(self.operation, self._held)


class Remote:
    """The unit of another process, inside which this process works."""

    role = Role.UNIT
    library = ""
    open = True
    around: Owner | None = None
    born = -1

    def __init__(self, governor: Governor, unit: UnitId, operation: Operation) -> None:
        self.governor = governor
        self.unit = unit
        self.operation = operation

    @property
    def payer(self) -> Remote:
        """Itself."""
        return self

    def saw(self, facts: Facts) -> None:
        """The facts stay on the part's own span; the unit is elsewhere."""

    def learns(self, operation: Operation, facts: Facts) -> None:
        """What became known of a part's statement stays on the part's own span; the unit is elsewhere."""

    def say(self, operation: Operation, decision: Decision) -> None:
        """Record a decision on the unit of the other process, in an order of time: nobody counts for all processes."""
        now_ns = self.governor.clock.now_ns()
        self.governor.emit(Admitted(self.unit, now_ns, operation, decision, None, now_ns))


def knows_more(operation: Operation, owner: Running | Remote, governor: Governor) -> bool:
    """Return whether a part names what neither its unit nor the part around it named, and a rule may care."""
    if not governor.policy.needs:
        return False
    known = (owner.operation, owner.payer.operation)
    if operation.statement is not None and all(operation.statement != above.statement for above in known):
        return True
    named = {ref for above in known for ref in (*above.reads, *above.writes)}
    return not named.issuperset((*operation.reads, *operation.writes))
