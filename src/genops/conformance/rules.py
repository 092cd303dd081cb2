"""Every MUST of the specification as a numbered rule, in one table."""

from __future__ import annotations

from enum import Enum
from typing import Final, NamedTuple


class Level(str, Enum):
    """How far a runtime complies."""

    FULL = "full"
    PARTIAL = "partial"
    NONE = "not compliant"

    def reaches(self, asked: Level) -> bool:
        """Return whether this level is at least the one that is asked for.

        >>> Level.FULL.reaches(Level.PARTIAL), Level.PARTIAL.reaches(Level.FULL)
        (True, False)
        """
        order = (Level.NONE, Level.PARTIAL, Level.FULL)
        return order.index(self) >= order.index(asked)


class Rule(NamedTuple):
    """One MUST.

    Attributes:
        id: `R01` and on; never given to another rule.
        level: The lowest level that demands it: `partial` (and full with it), or `full` alone.
        title: What must hold, in one line.
        section: Where the specification says so.
        why: What the judge looks at.
        fix: What to do where it does not hold, in one line.
    """

    id: str
    level: Level
    title: str
    section: str
    why: str
    fix: str


_BASE, _FULL = Level.PARTIAL, Level.FULL
_TABLE: Final = (
    Rule(
        "R01", _BASE, "The telemetry is readable OTLP", "1.3, 9.4",
        "Each line is one JSON object or array of OTLP; spans, events and attributes have the shapes of OTLP. A file "
        "that ends inside a line was cut, and a request that the receiver refused or got in part is lost.",
        "Export OTLP as JSON lines, hand over the whole file, and send whole requests.",
    ),
    Rule(
        "R02", _BASE, "Units and events have an identity", "2.2",
        "Trace id (16 bytes) and span id (8 bytes), not zero, on the span of a unit and on each of its log records.",
        "Emit events inside the unit's span context.",
    ),
    Rule(
        "R03", _BASE, "An identity is never used again", "2.2",
        "No two spans with the same trace id and span id, also where one was delivered twice.",
        "Start a new span for each unit, and do not judge a file that was delivered twice.",
    ),
    Rule(
        "R04", _BASE, "A decision and an event belong to a unit", "2.1, 4.4",
        "The span of an event is in the input and is a unit. Where the record's trace flags do not say that its span "
        "was sampled, the events are judged alone.",
        "Emit events on the unit's own span context, with its trace flags, and judge all files of a run together.",
    ),
    Rule(
        "R05", _BASE, "Attribution never changes during a unit", "2.3",
        "Team, project and environment are the same on the span and on every event that names them.",
        "Fix attribution when the unit begins, and take it from there for each event.",
    ),
    Rule(
        "R06", _BASE, "Team, project and environment are named", "2.3, 7.1",
        "On the span of each unit; on each event of a unit whose span was sampled out.",
        "Set genops.team, genops.project and genops.environment on the span, not on the resource.",
    ),
    Rule(
        "R07", _BASE, "Operation name and type are named", "7.1",
        "On the span of each unit; on each event of a unit whose span was sampled out.",
        "Set genops.operation.name and genops.operation.type on the span.",
    ),
    Rule(
        "R08", _BASE, "The policy result is one of four", "4.1, 7.1",
        "genops.policy.result stands on each unit, and is ALLOWED, BLOCKED, WARNING or RATE_LIMITED, spelt so.",
        "Set genops.policy.result to one of the four values.",
    ),
    Rule(
        "R09", _BASE, "A reason code stands if and only if the result is not ALLOWED", "4.2, 5.3",
        "On the span of a unit, and none on a decision event that allows.",
        "Set genops.policy.reason_code for BLOCKED, WARNING and RATE_LIMITED, and leave it out for ALLOWED.",
    ),
    Rule(
        "R10", _BASE, "The reason code is one of the list", "5.2, 5.5",
        "One of the nine codes, or an own code that matches x_[a-z0-9_]+.",
        "Use a code of the list, or prefix your own with x_ in lower case.",
    ),
    Rule(
        "R11", _FULL, "What was reserved is stated", "3.4, 7.1",
        "genops.accounting.reserved stands on each unit that reached reservation, finite and not negative.",
        "Set genops.accounting.reserved on the span when the reservation is made.",
    ),
    Rule(
        "R12", _FULL, "The unit of accounting is stated", "3.2, 7.1",
        "genops.accounting.unit stands on each unit that reached reservation.",
        "Set genops.accounting.unit on the span when the reservation is made.",
    ),
    Rule(
        "R13", _FULL, "What was used is stated", "3.4, 7.1",
        "genops.accounting.actual stands on each unit that was executed, finite and not negative.",
        "Set genops.accounting.actual on the span when execution ends.",
    ),
    Rule(
        "R14", _BASE, "The version of the specification is stated", "7.1, 11.3",
        "genops.spec.version is 0.1.0 on the span of each unit, refused ones included. Events need not carry it.",
        "Set genops.spec.version to 0.1.0 on the span.",
    ),
    Rule(
        "R15", _BASE, "No value is null, empty or a placeholder", "9.1",
        "For every attribute of the specification: not null, not empty, no null in letters; a tier or a period may be "
        "none. For the required ones, but operation name and type, also no word that stands where nobody filled in a "
        "value, such as unknown, todo or ${TEAM}.",
        "Leave the attribute out until its value is known, and let the unit be unattributed instead.",
    ),
    Rule(
        "R16", _BASE, "Required attributes have their type", "2.3, 3.4, 7.1",
        "Strings are strings and figures are doubles, on spans and on events; an integer is no double.",
        "Convert the figure to a floating-point number before setting it.",
    ),
    Rule(
        "R17", _BASE, "An attribute is stated once", "1.3",
        "OTLP demands keys that differ; a key that comes twice has no value that could be verified.",
        "Set an attribute through the API, which replaces it, and never append to the exported list.",
    ),
    Rule(
        "R18", _BASE, "Every unit has a decision event", "7.2",
        "At least one genops.policy.evaluated for each unit, refused ones included.",
        "Emit genops.policy.evaluated for every decision.",
    ),
    Rule(
        "R19", _BASE, "A decision event carries the decision", "8.1",
        "genops.policy.result, and genops.policy.reason_code unless ALLOWED.",
        "Put result and reason code on genops.policy.evaluated.",
    ),
    Rule(
        "R20", _BASE, "A decision is never changed", "4.3",
        "Result and reason code of the span are those of one of its decision events. A unit that runs although a later "
        "decision refused something inside it may say WARNING with that decision's code. No other event says that a "
        "unit was refused which runs.",
        "Emit a further genops.policy.evaluated for a further decision, and state one of them on the span.",
    ),
    Rule(
        "R21", _BASE, "A decision is recorded once", "4.3, 7.2",
        "No two decision events of a unit with the same times and the same attributes.",
        "Emit one genops.policy.evaluated for each decision, and do not deliver it twice.",
    ),
    Rule(
        "R22", _FULL, "What may run reserves, once", "3.3, 7.2",
        "Exactly one genops.budget.reservation for each unit that is ALLOWED or WARNING, or that states a reservation.",
        "Emit genops.budget.reservation once, before execution.",
    ),
    Rule(
        "R23", _FULL, "A reservation event carries the reservation", "8.2",
        "genops.accounting.reserved and genops.accounting.unit.",
        "Put amount and unit on genops.budget.reservation.",
    ),
    Rule(
        "R24", _FULL, "What ran reconciles, once", "3.3, 3.5, 7.2",
        "Exactly one genops.budget.reconciliation for each unit that is ALLOWED or WARNING, whatever the outcome. "
        "One that never ran says genops.cost.unpriced_reason = not_executed on its span.",
        "Emit genops.budget.reconciliation once, on errors too; where the actual value is unknown, with the best one.",
    ),
    Rule(
        "R25", _FULL, "A reconciliation event carries the reconciliation", "8.3",
        "genops.accounting.actual, genops.accounting.reserved and genops.accounting.unit.",
        "Put actual, reserved and unit on genops.budget.reconciliation.",
    ),
    Rule(
        "R26", _BASE, "The decision comes first", "2.4",
        "A decision event no later than the reservation, the reconciliation and the end of the span, and one that "
        "admits where there is any; each required event has a time.",
        "Decide before execution, and stamp the event when the decision is made.",
    ),
    Rule(
        "R27", _FULL, "Reserve before, reconcile after", "2.4, 3.3",
        "The reservation no later than the reconciliation and the end of the span; the reconciliation not before the "
        "start of the span.",
        "Reserve before execution, reconcile after it, and stamp each event when it happens.",
    ),
    Rule(
        "R28", _BASE, "What was not executed shows no execution", "2.4, 7.2.1",
        "No genops.budget.reconciliation, cost.calculated or evaluation.complete, and no accounting.actual, "
        "reconciliation_delta, cost.total, tokens.output or sla.actual_latency_ms on the span, where the result is "
        "BLOCKED or RATE_LIMITED, or where the span says that it was not executed.",
        "Do not reconcile or measure what was refused; release its reservation.",
    ),
    Rule(
        "R29", _FULL, "The figures of a unit agree", "3.3",
        "Reserved, actual and unit are the same on the span and on each event; a delta is actual minus reserved.",
        "Take the figures of span and events from the same record.",
    ),
    Rule(
        "R30", _BASE, "A reservation that failed blocks", "3.5",
        "BUDGET_RESERVATION_FAILED comes with BLOCKED only.",
        "Block the unit, or state another reason if it may run.",
    ),
    Rule(
        "R31", _FULL, "An incomplete record says so wherever it stands", "3.5",
        "genops.accounting.incomplete is a boolean, and the same on the span and on the reconciliation.",
        "Set the flag on both, or on neither.",
    ),
    Rule(
        "R32", _BASE, "SLA attributes come all four or not at all", "6.3",
        "genops.sla.tier, latency_target_ms, actual_latency_ms and met.",
        "Set all four when an SLA is enforced.",
    ),
    Rule(
        "R33", _BASE, "An SLA is met when the latency is within its target", "6.3",
        "genops.sla.met is true exactly when actual_latency_ms is at most latency_target_ms.",
        "Compute genops.sla.met from the two figures.",
    ),
    Rule(
        "R34", _BASE, "A currency is a code of ISO 4217", "7.3",
        "genops.cost.currency is one of the active codes, three capital letters.",
        "Use the code, for example USD.",
    ),
    Rule(
        "R35", _BASE, "Optional events carry what they must", "8.4",
        "cost.calculated: cost.total and cost.currency; budget.alert: budget.name, consumed and allocated; "
        "evaluation.complete: eval.metric and eval.score.",
        "Add the missing attribute, or do not emit the event.",
    ),
    Rule(
        "R36", _BASE, "Optional attributes have their type, and figures can be meant", "6.3, 7.3, 9.1",
        "Each optional attribute of the specification, on spans and on events. Doubles are finite; counts of tokens, "
        "what a budget has and has used, and latencies are not negative; genops.policy.timestamp is milliseconds since "
        "1970, of a day from 2000 to 2099.",
        "Convert the value to the type and the unit of the specification.",
    ),
    Rule(
        "R37", _BASE, "Partial compliance is declared", "9.2",
        "Where only rules of the full level are broken, each unit that breaks them says genops.spec.level = partial on "
        "its span, scope or resource, or the judge is told so.",
        "Set the resource attribute genops.spec.level to partial, or pass --declared partial.",
    ),
    Rule(
        "R38", _BASE, "There is a unit to judge", "2.1, 9.4",
        "At least one span with genops.spec.version or an attribute of genops.policy or genops.accounting, or the "
        "events of one that was sampled out.",
        "Run governed work and export it; what is only attributed is not governed.",
    ),
)  # fmt: skip

RULES: Final = {rule.id: rule for rule in _TABLE}
"""The rules by id."""
