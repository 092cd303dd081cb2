"""What the judge says: a level, and every violation with its unit and its rule."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from genops.conformance.rules import RULES, Level, Rule


class Violation(NamedTuple):
    """One rule that does not hold.

    Attributes:
        rule: Its id.
        message: What was found and what was expected.
        unit: Name of the unit, where it concerns one.
        trace_id: Trace id in hexadecimal; empty where none is known.
        span_id: Span id in hexadecimal; empty where none is known.
        where: Input and line, for what cannot be read.
    """

    rule: str
    message: str
    unit: str = ""
    trace_id: str = ""
    span_id: str = ""
    where: str = ""

    @property
    def law(self) -> Rule:
        """The rule."""
        return RULES[self.rule]


class Unattributed(NamedTuple):
    """A span that names a team or an operation and claims no governance.

    Attributes:
        name: Its operation, or its span's name.
        trace_id: Trace id in hexadecimal.
        span_id: Span id in hexadecimal.
    """

    name: str
    trace_id: str
    span_id: str


class Verdict(NamedTuple):
    """The ruling on everything that was read.

    Attributes:
        level: The highest level whose every rule holds.
        units: Number of units.
        results: Number of units by policy result; `none` where it is none of the four.
        judged_on_events: Number of units whose span is not in the input, judged on their events alone.
        sampled_out: How many of these say by their trace flags that their span was sampled out. The others carry none,
            and nothing tells whether their span was sampled out or lost.
        released: Number of units whose span says they were not executed.
        unsettled: Number of units without a span with a reservation and no reconciliation: not executed, or not
            finished.
        violations: What does not hold.
        unlisted: Violations by rule beyond those that are listed.
        unattributed: What names a team or an operation and claims no governance.
        requests: Number of export requests read.
    """

    level: Level
    units: int
    results: Mapping[str, int]
    judged_on_events: int
    sampled_out: int
    released: int
    unsettled: int
    violations: tuple[Violation, ...]
    unlisted: Mapping[str, int]
    unattributed: tuple[Unattributed, ...]
    requests: int

    def broken(self) -> dict[str, list[Violation]]:
        """Return the violations by rule, in the order of the rules."""
        found: dict[str, list[Violation]] = {}
        for violation in self.violations:
            found.setdefault(violation.rule, []).append(violation)
        return dict(sorted(found.items()))

    def count(self, rule: str) -> int:
        """Return how often a rule does not hold."""
        return sum(violation.rule == rule for violation in self.violations) + self.unlisted.get(rule, 0)
