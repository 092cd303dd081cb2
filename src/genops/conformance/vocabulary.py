"""The words of the specification: attributes with their types, events with what they require, and closed lists."""

from __future__ import annotations

import re
from typing import Final

VERSION: Final = "0.1.0"

TEAM: Final = "genops.team"
PROJECT: Final = "genops.project"
ENVIRONMENT: Final = "genops.environment"
OPERATION_NAME: Final = "genops.operation.name"
OPERATION_TYPE: Final = "genops.operation.type"
RESULT: Final = "genops.policy.result"
REASON_CODE: Final = "genops.policy.reason_code"
RESERVED: Final = "genops.accounting.reserved"
ACTUAL: Final = "genops.accounting.actual"
UNIT: Final = "genops.accounting.unit"
SPEC_VERSION: Final = "genops.spec.version"
DELTA: Final = "genops.accounting.reconciliation_delta"
CURRENCY: Final = "genops.cost.currency"
TIMESTAMP: Final = "genops.policy.timestamp"
SLA_TIER: Final = "genops.sla.tier"
SLA_TARGET: Final = "genops.sla.latency_target_ms"
SLA_ACTUAL: Final = "genops.sla.actual_latency_ms"
SLA_MET: Final = "genops.sla.met"

# What the specification leaves to runtimes, in the names that the documentation gives.
ROLE: Final = "genops.operation.role"
INCOMPLETE: Final = "genops.accounting.incomplete"
DECLARED_LEVEL: Final = "genops.spec.level"
UNPRICED_REASON: Final = "genops.cost.unpriced_reason"
NOT_EXECUTED: Final = "not_executed"
NOT_UNITS: Final = frozenset({"container", "part"})

ATTRIBUTION: Final = (TEAM, PROJECT, ENVIRONMENT)
OPERATION: Final = (OPERATION_NAME, OPERATION_TYPE)
SLA: Final = (SLA_TIER, SLA_TARGET, SLA_ACTUAL, SLA_MET)

REQUIRED: Final[dict[str, str]] = {
    TEAM: "string",
    PROJECT: "string",
    ENVIRONMENT: "string",
    OPERATION_NAME: "string",
    OPERATION_TYPE: "string",
    RESULT: "string",
    REASON_CODE: "string",
    RESERVED: "double",
    UNIT: "string",
    ACTUAL: "double",
    SPEC_VERSION: "string",
}
"""The required attributes and their types."""

OPTIONAL: Final[dict[str, str]] = {
    DELTA: "double",
    "genops.budget.name": "string",
    "genops.budget.allocated": "double",
    "genops.budget.consumed": "double",
    "genops.budget.remaining": "double",
    "genops.budget.period": "string",
    "genops.policy.name": "string",
    "genops.policy.reason": "string",
    TIMESTAMP: "int",
    "genops.cost.total": "double",
    CURRENCY: "string",
    "genops.cost.provider": "string",
    "genops.cost.model": "string",
    "genops.tokens.input": "int",
    "genops.tokens.output": "int",
    "genops.tokens.total": "int",
    "genops.eval.metric": "string",
    "genops.eval.score": "double",
    "genops.eval.threshold": "double",
    "genops.eval.passed": "bool",
    SLA_TIER: "string",
    SLA_TARGET: "int",
    SLA_ACTUAL: "int",
    SLA_MET: "bool",
    "genops.customer_id": "string",
    "genops.feature": "string",
    "genops.session_id": "string",
    "genops.cost_center": "string",
}
"""The optional attributes and their types."""

TYPES: Final = {**REQUIRED, **OPTIONAL}
KEPT: Final = {name: name for name in (*TYPES, ROLE, INCOMPLETE, DECLARED_LEVEL, UNPRICED_REASON)}
"""What is kept of a span or an event, each name as one object."""

EVALUATED: Final = "genops.policy.evaluated"
RESERVATION: Final = "genops.budget.reservation"
RECONCILIATION: Final = "genops.budget.reconciliation"

REQUIRED_EVENTS: Final[dict[str, tuple[str, ...]]] = {
    EVALUATED: (RESULT,),
    RESERVATION: (RESERVED, UNIT),
    RECONCILIATION: (ACTUAL, RESERVED, UNIT),
}
"""The required events and the attributes that each must carry; a reason code besides, unless ALLOWED."""

OPTIONAL_EVENTS: Final[dict[str, tuple[str, ...]]] = {
    "genops.cost.calculated": ("genops.cost.total", CURRENCY),
    "genops.budget.alert": ("genops.budget.name", "genops.budget.consumed", "genops.budget.allocated"),
    "genops.evaluation.complete": ("genops.eval.metric", "genops.eval.score"),
}
"""The optional events and the attributes that each must carry."""

EVENTS: Final = {name: name for name in (*REQUIRED_EVENTS, *OPTIONAL_EVENTS)}

ALLOWED: Final = "ALLOWED"
WARNING: Final = "WARNING"
BLOCKED: Final = "BLOCKED"
RATE_LIMITED: Final = "RATE_LIMITED"
AFTER_EXECUTION: Final = (ACTUAL, DELTA, "genops.cost.total", "genops.tokens.output", SLA_ACTUAL)
"""What only execution gives."""
EVENTS_AFTER_EXECUTION: Final = frozenset({"genops.cost.calculated", "genops.evaluation.complete"})

ADMITS: Final = frozenset({ALLOWED, WARNING})
REFUSES: Final = frozenset({BLOCKED, RATE_LIMITED})
RESULTS: Final = ADMITS | REFUSES

RESERVATION_FAILED: Final = "BUDGET_RESERVATION_FAILED"
REASON_CODES: Final = frozenset(
    {
        "BUDGET_EXCEEDED",
        RESERVATION_FAILED,
        "POLICY_DENY_MODEL",
        "POLICY_DENY_REGION",
        "POLICY_DENY_CONTENT",
        "RATE_LIMITED",
        "SLA_LATENCY_VIOLATION",
        "PROVIDER_ERROR_UPSTREAM",
        "ACCOUNTING_INVARIANT_VIOLATION",
    }
)
OWN_CODE: Final = re.compile("x_[a-z0-9_]+")
ISO_4217: Final = frozenset(
    (  # noqa: SIM905  (words that are read in rows)
        "AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BHD BIF BMD BND BOB BOV BRL BSD BTN BWP BYN BZD CAD CDF CHE "
        "CHF CHW CLF CLP CNY COP COU CRC CUP CVE CZK DJF DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GNF "
        "GTQ GYD HKD HNL HTG HUF IDR ILS INR IQD IRR ISK JMD JOD JPY KES KGS KHR KMF KPW KRW KWD KYD KZT LAK LBP LKR "
        "LRD LSL LYD MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN MXV MYR MZN NAD NGN NIO NOK NPR NZD OMR PAB PEN "
        "PGK PHP PKR PLN PYG QAR RON RSD RUB RWF SAR SBD SCR SDG SEK SGD SHP SLE SOS SRD SSP STN SVC SYP SZL THB TJS "
        "TMT TND TOP TRY TTD TWD TZS UAH UGX USD USN UYI UYU UYW UZS VED VES VND VUV WST XAD XAF XAG XAU XBA XBB XBC "
        "XBD XCD XCG XDR XOF XPD XPF XPT XSU XTS XUA XXX YER ZAR ZMW ZWG"
    ).split()
)
"""The active codes of ISO 4217 (its list one), as of 2026: without the lev, which the euro replaced on 2026-01-01."""

NOT_NEGATIVE: Final = frozenset(
    {
        "genops.budget.allocated",
        "genops.budget.consumed",
        "genops.tokens.input",
        "genops.tokens.output",
        "genops.tokens.total",
        SLA_TARGET,
        SLA_ACTUAL,
    }
)
"""The optional figures that count or measure. What remains of a budget is not among them, as it may be overdrawn, nor
is a cost, as it may be a credit."""

TIMES_MS: Final = range(946_684_800_000, 4_102_444_800_000)
"""Times of decisions that can be meant, in milliseconds since 1970: from 2000 to 2099. Seconds, microseconds and
nanoseconds since 1970 lie outside."""

NULL_LIKE: Final = frozenset({"null", "none", "nil", "undefined", "nan", "n/a", "(null)", "<null>"})
MAY_BE_NONE: Final = frozenset({SLA_TIER, "genops.budget.period"})
"""What there may be none of: a service without a tier, a budget without a period."""
PLACEHOLDERS: Final = frozenset(
    {
        "change-me", "change_me", "changeme", "fill-me-in", "fixme", "not set", "not-set", "not_set", "notset",
        "placeholder", "replace-me", "replace_me", "tba", "tbc", "tbd", "todo", "unassigned", "unknown", "unset",
        "unspecified", "xxx",
    }
)  # fmt: skip
TEMPLATE: Final = re.compile(r"<[^<>]*>|\$\{.*\}|\{\{.*\}\}", re.DOTALL)
VARIABLE: Final = re.compile(r"\$[A-Z_]+|%[A-Z_]+%|your[-_ ](team|project|environment|env)([-_ ](name|here))?")
_DASHES = " \t\r\n-\u2013\u2014_.?"


def null_like(text: str, *, none: bool = False) -> bool:
    """Return whether a string stands for no value at all.

    Args:
        text: The string.
        none: Whether the word none is a value; what Python writes for no value, None, is not.

    >>> null_like(" None "), null_like("--"), null_like("$"), null_like("none", none=True)
    (True, True, False, False)
    """
    word = text.strip()
    return not word.strip(_DASHES) or (word.lower() in NULL_LIKE and not (none and word == "none"))


def placeholder(text: str) -> bool:
    """Return whether a string stands where a value was never filled in.

    >>> placeholder("TODO"), placeholder("${TEAM}"), placeholder("<team>"), placeholder("$"), placeholder("Default")
    (True, True, True, False, False)
    """
    word = text.strip()
    return word.lower() in PLACEHOLDERS or TEMPLATE.fullmatch(word) is not None


def variable(text: str) -> bool:
    """Return whether a string is the name of a variable, or of what belongs in its place.

    >>> variable("$TEAM"), variable("your-team"), variable("your-orders sync")
    (True, True, False)
    """
    return VARIABLE.fullmatch(text.strip()) is not None
