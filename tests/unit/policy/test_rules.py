"""Several rules as one policy."""

from __future__ import annotations

from itertools import permutations

import pytest

from genops.core.decisions import ALLOWED, Decision, PolicyResult
from genops.core.operation import Operation
from genops.core.ports import CLASSIFICATION, ESTIMATE, TABLES, Resolution
from genops.policy.rules import RuleSet

EXPLAINED = Decision(policy="e", reason="not applied")
WARN = Decision(PolicyResult.WARNING, "x_w", "w")
LIMIT = Decision(PolicyResult.RATE_LIMITED, "RATE_LIMITED", "l")
BLOCK = Decision(PolicyResult.BLOCKED, "POLICY_DENY_CONTENT", "b")


class Fixed:
    def __init__(self, decision: Decision, *needs: str) -> None:
        self.decision = decision
        self.needs = frozenset(needs)

    def evaluate(self, operation: Operation, resolution: Resolution) -> Decision:
        return self.decision


def decided(*decisions: Decision) -> Decision:
    """Return the decision of rules with fixed answers."""
    return RuleSet(Fixed(decision) for decision in decisions).evaluate(Operation("t", "p"), Resolution())


def test_needs_are_the_union() -> None:
    """The set needs what any of its rules needs, and nothing without rules."""
    rules = RuleSet([Fixed(ALLOWED, TABLES), Fixed(ALLOWED, TABLES, CLASSIFICATION), Fixed(ALLOWED, ESTIMATE)])
    assert rules.needs == {TABLES, CLASSIFICATION, ESTIMATE}
    assert RuleSet([]).needs == frozenset()


def test_no_rules_allow() -> None:
    """Without rules everything is allowed."""
    assert decided() is ALLOWED


@pytest.mark.parametrize("order", list(permutations([ALLOWED, EXPLAINED, WARN, LIMIT, BLOCK])))
def test_gravest_wins_in_any_order(order: tuple[Decision, ...]) -> None:
    """Blocked goes before rate-limited, that before a warning, that before an explained and a silent ALLOWED."""
    assert decided(*order) is BLOCK
    remaining = [decision for decision in order if decision is not BLOCK]
    for gravest in (LIMIT, WARN, EXPLAINED, ALLOWED):
        assert decided(*remaining) is gravest
        remaining.remove(gravest)


@pytest.mark.parametrize("decision", [EXPLAINED, WARN, LIMIT, BLOCK])
def test_first_rule_wins_ties(decision: Decision) -> None:
    """Of equally grave decisions the first rule's stands."""
    assert decided(ALLOWED, decision, decision._replace(policy="later")).policy == decision.policy
