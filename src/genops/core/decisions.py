"""Decisions: what may run, why not, and how the mode turns a verdict into an outcome."""

from __future__ import annotations

from enum import Enum
from typing import NamedTuple

from genops.errors import BudgetExceeded, GovernanceError, GovernanceUnavailable, PolicyDenied, RateLimited


class Mode(str, Enum):
    """How far genops goes: pass through, watch, or refuse."""

    OFF = "off"
    OBSERVE = "observe"
    ENFORCE = "enforce"


class OnFault(str, Enum):
    """What enforce mode does when the decision itself fails."""

    BLOCK = "block"
    ALLOW = "allow"


class PolicyResult(str, Enum):
    """The four results of the specification, section on policy."""

    ALLOWED = "ALLOWED"
    WARNING = "WARNING"
    BLOCKED = "BLOCKED"
    RATE_LIMITED = "RATE_LIMITED"


class ReasonCode(str, Enum):
    """The closed list of the specification, and the codes that genops adds under `x_`."""

    BUDGET_EXCEEDED = "BUDGET_EXCEEDED"
    BUDGET_RESERVATION_FAILED = "BUDGET_RESERVATION_FAILED"
    POLICY_DENY_MODEL = "POLICY_DENY_MODEL"
    POLICY_DENY_REGION = "POLICY_DENY_REGION"
    POLICY_DENY_CONTENT = "POLICY_DENY_CONTENT"
    RATE_LIMITED = "RATE_LIMITED"
    SLA_LATENCY_VIOLATION = "SLA_LATENCY_VIOLATION"
    PROVIDER_ERROR_UPSTREAM = "PROVIDER_ERROR_UPSTREAM"
    ACCOUNTING_INVARIANT_VIOLATION = "ACCOUNTING_INVARIANT_VIOLATION"
    POLICY_ERROR = "x_policy_error"
    UNRESOLVED = "x_unresolved"
    UNPRICED = "x_unpriced"


class Decision(NamedTuple):
    """One decision about one operation.

    Attributes:
        result: What was decided.
        reason_code: A `ReasonCode` value or another `x_[a-z0-9_]+` code; `None` if and only if the result is ALLOWED.
        policy: Name of the rule that decided.
        reason: One sentence for people, free of values the user passed.
        budget: Name of the budget that decided.
        overruled: Would have refused, but the mode lets the operation run.
    """

    result: PolicyResult = PolicyResult.ALLOWED
    reason_code: str | None = None
    policy: str | None = None
    reason: str | None = None
    budget: str | None = None
    overruled: bool = False

    @property
    def refuses(self) -> bool:
        """Whether the operation must not run."""
        return self.result is PolicyResult.BLOCKED or self.result is PolicyResult.RATE_LIMITED

    def softened(self) -> Decision:
        """Return the decision as observe mode states it: what would be refused runs, with a warning."""
        return self._replace(result=PolicyResult.WARNING, overruled=True) if self.refuses else self


ALLOWED = Decision()
_SEVERITY = {
    PolicyResult.ALLOWED: 0,
    PolicyResult.WARNING: 1,
    PolicyResult.RATE_LIMITED: 2,
    PolicyResult.BLOCKED: 3,
}


def gravest(first: Decision, second: Decision) -> Decision:
    """Return the graver of two decisions; the first where they weigh the same."""
    return second if _SEVERITY[second.result] > _SEVERITY[first.result] else first


def faulted(what: str, code: ReasonCode = ReasonCode.POLICY_ERROR) -> Decision:
    """Return the decision that stands where `what` failed to decide."""
    return Decision(PolicyResult.BLOCKED, code.value, None, f"{what} failed, so nothing could be decided", None)


def refusal(decision: Decision, operation_type: str) -> GovernanceError:
    """Return the error that tells the caller of a decision that refuses."""
    kind: type[GovernanceError] = PolicyDenied
    if decision.reason_code in {ReasonCode.POLICY_ERROR.value, ReasonCode.BUDGET_RESERVATION_FAILED.value}:
        kind = GovernanceUnavailable
    elif decision.budget is not None:
        kind = BudgetExceeded
    elif decision.result is PolicyResult.RATE_LIMITED:
        kind = RateLimited
    return kind(
        f"{operation_type} was not run: {decision.reason or decision.reason_code}",
        reason_code=decision.reason_code or "",
        operation_type=operation_type,
        policy=decision.policy,
        budget=decision.budget,
    )
