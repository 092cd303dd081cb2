"""What was captured, as tests read it: small frozen values without any type of OpenTelemetry."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Generic, TypeVar, cast

from genops.errors import InvalidArgument, nearest

if TYPE_CHECKING:
    from typing_extensions import Self

REFUSED, RUNNING = "refused", "running"


@dataclass(frozen=True)
class CapturedEvent:
    """One event.

    Attributes:
        name: Its name, for example `genops.policy.evaluated`.
        trace_id: Trace of its span, 32 hexadecimal digits.
        span_id: Its span, 16 hexadecimal digits.
        at_ns: When, in nanoseconds since the epoch.
        severity: `INFO`, `WARN` or `ERROR`.
        attributes: What it says.
        sampled: Whether its span was sampled, so that it was captured as well.
    """

    name: str
    trace_id: str
    span_id: str
    at_ns: int
    severity: str
    attributes: Mapping[str, Any]
    sampled: bool = True

    def __str__(self) -> str:
        said = {name: value for name, value in self.attributes.items() if name != "event.name"}
        return f"{self.severity} {self.name} {said}"


@dataclass(frozen=True)
class CapturedSpan:
    """One ended span: of a unit, a part or a container.

    Attributes:
        name: Its name.
        trace_id: Its trace, 32 hexadecimal digits.
        span_id: Its identity, 16 hexadecimal digits.
        parent_id: The span around it, where there is one.
        kind: `internal` or `client`.
        status: `unset` or `error`.
        started_ns: Start in nanoseconds since the epoch.
        ended_ns: End.
        attributes: What it says.
        events: Its span events; with `events="log"`, the default, there are none.
    """

    name: str
    trace_id: str
    span_id: str
    parent_id: str | None
    kind: str
    status: str
    started_ns: int
    ended_ns: int
    attributes: Mapping[str, Any]
    events: tuple[CapturedEvent, ...] = ()

    @property
    def role(self) -> str:
        """`unit`, `part` or `container`."""
        return str(self.attributes.get("genops.operation.role", "unit"))

    @property
    def seconds(self) -> float:
        """How long it was open."""
        return (self.ended_ns - self.started_ns) / 1e9

    def __str__(self) -> str:
        return f"{self.name} ({self.role}) {self.seconds:g} s {dict(self.attributes)}"


@dataclass(frozen=True)
class CapturedPoint:
    """One value of a metric.

    Attributes:
        labels: Attributes of the point.
        value: Its value; the sum, for a histogram.
        count: Number of values of a histogram.
    """

    labels: Mapping[str, Any]
    value: float
    count: int | None = None


@dataclass(frozen=True)
class CapturedMetric:
    """One metric, as it stands now.

    Attributes:
        name: Its name.
        kind: `counter`, `updowncounter`, `gauge` or `histogram`.
        unit: Its unit in UCUM.
        points: Its values.
    """

    name: str
    kind: str
    unit: str
    points: tuple[CapturedPoint, ...]


@dataclass(frozen=True)
class CapturedDecision:
    """One decision: on a unit, or on a call inside one that named more than its unit did.

    Attributes:
        name: Name of the operation that was decided on.
        type: Its type, for example `table.query`.
        team: Who pays; `None` where nobody said, likewise the next two.
        project: Project.
        environment: Environment.
        result: `ALLOWED`, `WARNING`, `BLOCKED` or `RATE_LIMITED`.
        reason_code: Why it is not ALLOWED.
        reason: The same in a sentence.
        policy: Name of the rule that decided.
        budget: Name of the budget that decided.
        sequence: 0 for the decision on the unit itself.
        trace_id: Trace of the unit, 32 hexadecimal digits.
        span_id: The unit, 16 hexadecimal digits.
    """

    name: str
    type: str
    team: str | None
    project: str | None
    environment: str | None
    result: str
    reason_code: str | None
    reason: str | None
    policy: str | None
    budget: str | None
    sequence: int
    trace_id: str = field(repr=False)
    span_id: str = field(repr=False)

    def __str__(self) -> str:
        by = self.policy or self.budget
        return " ".join(
            (
                f"{self.result:<8} {_named(self.name, self.type)}  {_who(self)}",
                *((f" {self.reason_code}",) if self.reason_code else ()),
                *((f"by {by}",) if by else ()),
            )
        )


@dataclass(frozen=True)
class CapturedUnit:
    """One unit of work: its decision, its amounts, its span and its events together.

    Attributes:
        name: Name of the operation; its type where the program gave none.
        type: Its type, for example `table.query`.
        team: Who pays; `None` where nobody said, likewise the next two.
        project: Project.
        environment: Environment.
        result: `ALLOWED`, `WARNING`, `BLOCKED` or `RATE_LIMITED`, of the unit as a whole.
        reason_code: Why it is not ALLOWED.
        reason: The same in a sentence.
        policy: Name of the rule that decided.
        budget: Name of the budget that decided, or else of the tightest that carries it.
        outcome: `ok`, `error`, `cancelled`, `not_executed`, `refused`, or `running` where it has not settled.
        reserved: What was set aside, in `unit`.
        actual: What was used, in `unit`.
        unit: An ISO 4217 currency, `DBU`, `compute_second` or `call`.
        cost: Its cost after all corrections, in `currency`; `None` where it has no price.
        currency: ISO 4217 code.
        grade: `estimated`, `metered` or `billed`.
        unpriced_reason: Why it has no price.
        incomplete: Something that should be known is not.
        rows: Rows seen.
        bytes: Bytes seen.
        error_type: Class or code of its failure.
        seconds: Time of execution on the capture's clock.
        reads: Datasets read, as dotted names.
        writes: Datasets written.
        decisions: Every decision on it; the first is the one before it ran.
        span: Its span; `None` while it is open, or where it was not sampled.
        events: Its events.
        trace_id: Its trace, 32 hexadecimal digits.
        span_id: Its identity, 16 hexadecimal digits.
    """

    name: str
    type: str
    team: str | None
    project: str | None
    environment: str | None
    result: str
    reason_code: str | None = None
    reason: str | None = None
    policy: str | None = None
    budget: str | None = None
    outcome: str = RUNNING
    reserved: Decimal | None = None
    actual: Decimal | None = None
    unit: str | None = None
    cost: Decimal | None = None
    currency: str | None = None
    grade: str | None = None
    unpriced_reason: str | None = None
    incomplete: bool = False
    rows: int | None = None
    bytes: int | None = None
    error_type: str | None = None
    seconds: float | None = None
    reads: tuple[str, ...] = ()
    writes: tuple[str, ...] = ()
    decisions: tuple[CapturedDecision, ...] = field(default=(), repr=False)
    span: CapturedSpan | None = field(default=None, repr=False)
    events: tuple[CapturedEvent, ...] = field(default=(), repr=False)
    trace_id: str = field(default="", repr=False)
    span_id: str = field(default="", repr=False)

    @property
    def attributes(self) -> Mapping[str, Any]:
        """The attributes of its span; empty where there is none."""
        return {} if self.span is None else self.span.attributes

    @property
    def missing(self) -> tuple[str, ...]:
        """What of team, project and environment is not known; such a unit is not compliant."""
        return tuple(name for name in ("team", "project", "environment") if getattr(self, name) is None)

    def __str__(self) -> str:
        spent = f"{self.cost:f} {self.currency}" if self.cost is not None else f"unpriced ({self.unpriced_reason})"
        parts = [f"{self.result:<8} {_named(self.name, self.type)}", _who(self), self.outcome]
        if self.outcome not in {REFUSED, RUNNING}:
            parts.append(spent)
        for label in ("reason_code", "policy", "budget", "rows", "error_type"):
            value = getattr(self, label)
            if value is not None:
                parts.append(f"{label}={value}")
        return "  ".join(parts)

    def __repr__(self) -> str:
        said = ((entry, getattr(self, entry.name)) for entry in fields(self) if entry.repr)
        shown = (f"{entry.name}={value!r}" for entry, value in said if value != entry.default)
        return f"CapturedUnit({', '.join(shown)})"


_Item = TypeVar("_Item", CapturedUnit, CapturedDecision)


class Captured(tuple[_Item, ...], Generic[_Item]):
    """Captured units or decisions, in the order in which they came: a tuple that can be asked."""

    __slots__ = ()

    def named(self, name: str) -> Self:
        """Return those with a name."""
        return self.where(name=name)

    def where(self, *, attributes: Mapping[str, Any] | None = None, **expected: Any) -> Self:
        """Return those whose fields have the values given.

        Args:
            attributes: Attributes of the span that must have these values; others may be there.
            **expected: Fields by name, for example `team="data-eng"` or `result="BLOCKED"`.

        Raises:
            InvalidArgument: There is no such field.
        """
        wanted = expectation(attributes, expected)
        return type(self)(item for item in self if not differences(item, wanted))

    @property
    def only(self) -> _Item:
        """The one that there is.

        Raises:
            AssertionError: There is none, or more than one.
        """
        if len(self) != 1:
            raise AssertionError(f"expected exactly one, captured are {len(self)}:\n{self}")
        return self[0]

    def __repr__(self) -> str:
        return "\n".join(listed(self))


def listed(items: Iterable[object]) -> list[str]:
    """Return one line an item, numbered from 1; or one that says that there is none."""
    return [f"  #{number} {item}" for number, item in enumerate(items, 1)] or ["  (none)"]


_FIELDS = {entry.name for entry in fields(CapturedUnit)} | {"missing", "sequence"}
_NUMBERS = frozenset({"reserved", "actual", "cost"})


def expectation(attributes: Mapping[str, Any] | None, expected: Mapping[str, Any]) -> dict[str, Any]:
    """Return what is expected, by field; attributes of the span stand under their own dotted names.

    Raises:
        InvalidArgument: There is no such field, or a number cannot be one.
    """
    for name in expected:
        if name not in _FIELDS:
            raise InvalidArgument(
                f"captured units have no field {name!r}{nearest(name, _FIELDS)}; "
                "attributes of the span are given as attributes={...}"
            )
    wanted = {name: _number(value) if name in _NUMBERS else value for name, value in expected.items()}
    return {**wanted, **(attributes or {})}


def _number(value: Any) -> Any:
    return value if value is None else Decimal(str(value))


def actual_of(item: object, name: str) -> Any:
    """Return what an item says under a name: a field, or an attribute of its span where the name has a dot."""
    if "." in name:
        return getattr(item, "attributes", {}).get(name)
    return getattr(item, name, None)


def differences(item: object, wanted: Mapping[str, Any]) -> dict[str, tuple[Any, Any]]:
    """Return what is not as expected, as (expected, was) by name."""
    found: dict[str, tuple[Any, Any]] = {}
    for name, value in wanted.items():
        was = actual_of(item, name)
        if was != (tuple(cast("list[Any]", value)) if isinstance(value, list) else value):
            found[name] = value, was
    return found


def _named(name: str, kind: str) -> str:
    return name if name == kind else f"{name} ({kind})"


def _who(item: CapturedUnit | CapturedDecision) -> str:
    who = (item.team, item.project, item.environment)
    return "/".join("?" if value is None else value for value in who)
