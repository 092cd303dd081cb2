"""The running operation: what units and parts share."""

from __future__ import annotations

import threading
from functools import partial
from typing import TYPE_CHECKING

from genops.core.current import Current
from genops.core.decisions import PolicyResult
from genops.core.forks import process
from genops.core.operation import NOTHING, Facts, Operation
from genops.core.records import Outcome, Role, UnitId

if TYPE_CHECKING:
    from genops.core.current import Owner
    from genops.core.governor import Governor
    from genops.core.part import Remote
    from genops.core.ports import Closing
    from genops.core.statements import Reading
    from genops.core.unit import Unit


class Running(Current):
    """What units and parts share: a scope, facts that gather, and an end that comes exactly once."""

    # Values that most units never change are the class's, so that beginning a unit stores only what is its own.
    role = Role.UNIT
    around: Owner | None = None
    attempts = 0
    _facts = NOTHING
    _inside = NOTHING
    _open = True
    _unread = False

    def __init__(
        self, governor: Governor, operation: Operation, parent: object = None, started_ns: int | None = None
    ) -> None:
        self.governor = governor
        self.operation = operation
        self.library = operation.library
        self.born = process.generation
        self.starts(governor.clock.now_ns() if started_ns is None else started_ns)
        self.scope = governor.scope(operation, self.role, self.started_ns, parent)
        self._lock = threading.RLock()

    def starts(self, at_ns: int, ago: float = 0.0) -> None:
        """Take note of when the execution starts.

        Args:
            at_ns: When, in nanoseconds since the epoch.
            ago: How many seconds ago that is.
        """
        self.started_ns = at_ns
        self._began = self.governor.clock.monotonic() - ago

    def lasted(self) -> float:
        """Return the seconds since the start; a wall clock that is set meanwhile does not change them."""
        return self.governor.clock.monotonic() - self._began

    @property
    def open(self) -> bool:
        """Whether it still runs."""
        return self._open

    @property
    def unit(self) -> UnitId:
        """Identity of its span."""
        return self.scope.unit

    @property
    def payer(self) -> Unit | Remote:
        """The unit that owns the decision and the money."""
        raise TypeError  # pragma: no cover  (both kinds define it)

    def saw(self, facts: Facts) -> None:
        """Take facts; they add up."""
        with self._lock:
            self._facts = self._facts.merged(facts)

    def attempted(self) -> None:
        """Count one request that was sent."""
        with self._lock:
            self.attempts += 1

    def returned(self, facts: Facts | None) -> None:
        """The call came back; settle with what it revealed."""
        raise TypeError(facts)  # pragma: no cover  (both kinds define it)

    def failed(self, error: BaseException, facts: Facts | None = None) -> None:
        """The call raised; settle."""
        if isinstance(error, Exception):
            named = Facts(error_type=_name(error))
            self.settle(Outcome.ERROR, named if facts is None else named.merged(facts))
        else:
            self.settle(Outcome.CANCELLED, facts)

    def not_executed(self) -> None:
        """Nothing was sent: give back what was reserved."""
        self.settle(Outcome.NOT_EXECUTED, Facts(executed=False))

    def settle(self, outcome: Outcome | None, last: Facts | None) -> None:
        """End it with what was seen and what was seen last. Only the first call counts.

        Args:
            outcome: How it ended; where `None`, the facts say whether in an error.
            last: What was seen last.
        """
        with self._lock:
            if not self._open or self.born != process.generation:
                return
            self._open = False
            facts, inside = self._facts, self._inside
        if last is not None:
            facts = facts.merged(last)
        if self.attempts:
            facts = facts._replace(attempts=facts.attempts + self.attempts)
        ended = outcome or (Outcome.ERROR if facts.error_type else Outcome.OK)
        if ended is Outcome.OK and not self.library:
            facts = self.governor.flowing(self.operation, facts)
        if self.operation.statement is not None:
            facts = self._stated(ended, facts)
        self._settle(ended, facts if inside is NOTHING else facts.merged(inside))

    def _stated(self, outcome: Outcome, facts: Facts) -> Facts:
        """Return facts with what is known of the statement, which leaves to its session and to tables what it did."""
        governor, operation = self.governor, self.operation
        if outcome is not Outcome.OK:
            governor.undo(operation)
        if outcome is Outcome.NOT_EXECUTED:
            return facts
        done = outcome is Outcome.OK and facts.late is None
        facts = self._understood(facts, flowed=done)
        governor.ran(operation, succeeded=done)
        return facts

    def _understood(self, facts: Facts, *, flowed: bool) -> Facts:
        """Return facts with what is known of the statement by now, and note where it is still being read."""
        reading = self.governor.known_of(self.operation)
        if reading is None:
            self._unread = True
            return facts
        return self._told(reading, flowed=flowed).merged(facts)

    def _told(self, reading: Reading, *, flowed: bool) -> Facts:
        facts = reading.told(flowed=flowed)
        return facts._replace(edges=self.governor.fitting(facts.edges, 0)) if facts.edges else facts

    def _conclude(self, closing: Closing) -> None:
        """End the span; where its statement is still being read that waits for it, and the recorded end stands."""
        if self._unread:
            self.governor.when_read(self.operation, partial(self._read, closing))
        else:
            self.governor.close(self.scope, closing)

    def _read(self, closing: Closing, reading: Reading) -> None:
        """The statement was understood after the call had returned."""
        if self.born != process.generation:
            return
        facts = self._told(reading, flowed=closing.outcome is Outcome.OK and closing.facts.late is None)
        if facts is not NOTHING:
            self.payer.learns(self.operation, facts)
        whole = facts.merged(closing.facts)
        lineage = self.governor.neighbours(whole.edges) if whole.edges else None
        self.governor.close(self.scope, closing._replace(facts=whole, lineage=lineage))

    def _settle(self, outcome: Outcome, facts: Facts) -> None:
        raise TypeError(outcome, facts)  # pragma: no cover  (both kinds define it)

    def _found(self, facts: Facts) -> None:
        """Put datasets that only the response named to the policy: too late to refuse, not too late to say."""
        governor, operation = self.governor, self.operation
        reads = tuple(ref for ref in facts.reads if ref not in operation.reads)
        writes = tuple(ref for ref in facts.writes if ref not in operation.writes)
        if not (reads or writes) or not governor.policy.needs:
            return
        found = operation._replace(reads=reads, writes=writes, statement=None)
        decision = governor.decide(found).softened()
        if decision.result is not PolicyResult.ALLOWED:
            self.payer.say(found, decision._replace(reason=f"found in the response: {decision.reason}"))

    def _arrived(self, facts: Facts) -> Facts:
        """Return late facts with the flows of a statement that succeeded: only now did its data go anywhere."""
        if self.operation.statement is None:
            return facts
        self.governor.ran(self.operation, succeeded=not facts.error_type)
        if facts.error_type:
            self.governor.undo(self.operation)
            return facts
        reading = self.governor.known_of(self.operation)
        if reading is None or not (reading.facts.edges or reading.facts.columns):
            return facts
        told = self._told(reading, flowed=True)
        return facts._replace(edges=told.edges + facts.edges, columns=told.columns + facts.columns)


def _name(error: Exception) -> str:
    kind = type(error)
    return kind.__qualname__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__qualname__}"
