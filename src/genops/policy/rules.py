"""Several rules as one policy."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from genops.core.decisions import ALLOWED, Decision, PolicyResult, gravest

if TYPE_CHECKING:
    from genops.core.operation import Operation
    from genops.core.ports import Policy, Resolution


class RuleSet:
    """Asks every rule and takes the gravest decision; of equally grave ones the first.

    An ALLOWED that gives a reason, for example that a rule was not applied, goes before one that is silent.

    Args:
        rules: The rules, in order.

    Attributes:
        needs: What any of them needs to know.
    """

    def __init__(self, rules: Iterable[Policy]) -> None:
        self.rules = tuple(rules)
        self.needs: frozenset[str] = frozenset().union(*(rule.needs for rule in self.rules))

    def evaluate(self, operation: Operation, resolution: Resolution) -> Decision:
        """Return the gravest decision; rules after one that blocks are not asked, since nothing is graver."""
        gravest_yet = ALLOWED
        for rule in self.rules:
            decision = rule.evaluate(operation, resolution)
            if decision is ALLOWED:
                continue
            if decision.result is PolicyResult.BLOCKED:
                return decision
            gravest_yet = decision if gravest_yet is ALLOWED else gravest(gravest_yet, decision)
        return gravest_yet
