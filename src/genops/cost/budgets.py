"""Budgets and the calendar they renew by: pure values, no state."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta, timezone
from decimal import Decimal
from types import MappingProxyType
from typing import TYPE_CHECKING, NamedTuple

from genops.core.amounts import CALL, DBU, Amount
from genops.core.attribution import checked
from genops.core.currencies import CURRENCIES
from genops.core.ports import DEFAULT_RESERVE_SECONDS
from genops.errors import ConfigurationError, InvalidArgument, nearest

if TYPE_CHECKING:
    from genops.core.operation import Operation

PERIODS = ("day", "week", "month", "year", "total")
_DAY_NS = 86_400 * 10**9
_EPOCH = date(1970, 1, 1)


class Window(NamedTuple):
    """One period of a budget.

    Attributes:
        starts_ns: First nanosecond since the epoch that belongs to it.
        renews_ns: First nanosecond that no longer does; `None` where it never ends.
    """

    starts_ns: int
    renews_ns: int | None


def window_of(period: str, at_ns: int) -> Window:
    """Return the period of the UTC calendar that an instant lies in; weeks begin on Monday.

    Args:
        period: `day`, `week`, `month`, `year` or `total`.
        at_ns: The instant, in nanoseconds since the epoch.

    >>> noon = 1_795_262_400 * 10**9  # 2026-11-21T12:00:00Z, a Saturday
    >>> [iso_utc(ns) for ns in window_of("day", noon)]
    ['2026-11-21T00:00:00Z', '2026-11-22T00:00:00Z']
    >>> [iso_utc(ns) for ns in window_of("week", noon)]
    ['2026-11-16T00:00:00Z', '2026-11-23T00:00:00Z']
    >>> [iso_utc(ns) for ns in window_of("month", noon)]
    ['2026-11-01T00:00:00Z', '2026-12-01T00:00:00Z']
    >>> [iso_utc(ns) for ns in window_of("year", noon)]
    ['2026-01-01T00:00:00Z', '2027-01-01T00:00:00Z']
    >>> window_of("total", noon)
    Window(starts_ns=0, renews_ns=None)
    """
    if period == "total":
        return Window(0, None)
    first, after = _days_of(period, _EPOCH + timedelta(days=at_ns // _DAY_NS))
    return Window((first - _EPOCH).days * _DAY_NS, (after - _EPOCH).days * _DAY_NS)


def _days_of(period: str, day: date) -> tuple[date, date]:
    if period == "day":
        return day, day + timedelta(days=1)
    if period == "week":
        monday = day - timedelta(days=day.weekday())
        return monday, monday + timedelta(days=7)
    if period == "month":
        first = day.replace(day=1)
        return first, (first + timedelta(days=31)).replace(day=1)
    first = day.replace(month=1, day=1)
    return first, first.replace(year=first.year + 1)


def iso_utc(at_ns: int | None) -> str:
    """Return an instant in ISO 8601, in UTC, to the second.

    >>> iso_utc(0)
    '1970-01-01T00:00:00Z'
    """
    return f"{datetime.fromtimestamp((at_ns or 0) // 10**9, timezone.utc):%Y-%m-%dT%H:%M:%SZ}"


def in_words(amount: Amount) -> str:
    """Return an amount as people write it: money with at least two decimal places.

    >>> in_words(Amount(120_000, "USD")), in_words(Amount(46_667, "USD"))
    ('0.12 USD', '0.046667 USD')
    >>> in_words(Amount(1_000_000, "call")), in_words(Amount(3_000_000, "call")), in_words(Amount(2_500_000, "DBU"))
    ('1 call', '3 calls', '2.5 DBU')
    """
    number = f"{amount.decimal:.6f}".rstrip("0")
    places = len(number.partition(".")[2])
    number = number + "0" * (2 - places) if amount.is_money else number.rstrip(".")
    plural = amount.unit == CALL and amount.micros != 10**6
    return f"{number} {amount.unit}{'s' if plural else ''}"


@dataclass(frozen=True)
class Budget:
    """A limit on what operations of one scope may use in one period.

    Attributes:
        name: Its name, as it stands in refusals and telemetry.
        limit: How much may be used in a period. Its unit is the budget's one unit: a currency, `DBU` or `call`.
        period: `day`, `week`, `month`, `year` or `total`, in the UTC calendar.
        scope: Attribution fields that an operation must have for the budget to count it; empty counts every operation.
        host: Host of the one workspace that it counts; `None` counts all.
        reserve_seconds: How long a running operation is expected to use compute at most, where only its rate is known.

    Raises:
        ConfigurationError: A field cannot be honoured.
    """

    name: str
    limit: Amount
    period: str = "month"
    scope: Mapping[str, str] = field(default_factory=dict[str, str], hash=False)
    host: str | None = None
    reserve_seconds: float = DEFAULT_RESERVE_SECONDS

    def __post_init__(self) -> None:
        if not self.name.strip():
            raise ConfigurationError(f"budget name {self.name!r}: expected a non-empty string, for example 'etl-daily'")
        where = f"budget {self.name!r}"
        _check_limit(where, self.limit)
        if self.period not in PERIODS:
            known = ", ".join(PERIODS)
            raise ConfigurationError(
                f"{where}: unknown period {self.period!r}{nearest(str(self.period), PERIODS)}; expected one of {known}"
            )
        if not math.isfinite(self.reserve_seconds) or self.reserve_seconds <= 0:
            raise ConfigurationError(
                f"{where}: reserve_seconds={self.reserve_seconds!r}: expected seconds above 0, for example 60"
            )
        if self.host is not None and (not self.host or "/" in self.host):
            raise ConfigurationError(
                f"{where}: host {self.host!r}: expected a host name without scheme and path, "
                "for example 'acme.cloud.databricks.com'"
            )
        object.__setattr__(self, "scope", _checked_scope(where, self.scope))

    @property
    def unit(self) -> str:
        """The one unit that it counts."""
        return self.limit.unit

    def counts(self, operation: Operation) -> bool:
        """Return whether an operation lies in the budget's scope."""
        values = operation.attribution.values
        return (self.host is None or self.host == operation.host) and all(
            values.get(name) == value for name, value in self.scope.items()
        )


def _check_limit(where: str, limit: Amount) -> None:
    if limit.micros < 0:
        raise ConfigurationError(f"{where}: limit {limit}: expected at least 0")
    if limit.unit not in {CALL, DBU, *CURRENCIES}:
        raise ConfigurationError(
            f"{where}: unit {limit.unit!r}: expected a currency of ISO 4217 such as 'USD', {DBU!r} or {CALL!r}"
        )


def _checked_scope(where: str, scope: Mapping[str, str]) -> Mapping[str, str]:
    try:
        return MappingProxyType({name: checked(name, value) for name, value in scope.items()})
    except InvalidArgument as error:
        raise ConfigurationError(f"{where}: scope: {error}") from None


def parse_limit(value: object, unit: str = "USD") -> Amount:
    """Return a limit from what stands in a setting: a number, or a number and its unit.

    Args:
        value: For example `5`, `"5.00"`, `"5.00 USD"`, `"100 calls"` or `"40 DBU"`.
        unit: The unit where the value names none.

    Raises:
        ConfigurationError: The value is not a finite number of at least zero.

    >>> parse_limit("100 calls"), parse_limit(0.5)
    (Amount(micros=100000000, unit='call'), Amount(micros=500000, unit='USD'))
    """
    number: object = value
    if isinstance(value, str):
        number, _, named = value.strip().partition(" ")
        named = named.strip()
        unit = CALL if named == "calls" else named or unit
    if isinstance(number, bool) or not isinstance(number, (str, int, float, Decimal)):
        raise ConfigurationError(f"limit {value!r}: expected a number, for example 5 or '5.00 USD'")
    try:
        return Amount.of(number, unit)
    except InvalidArgument:
        raise ConfigurationError(
            f"limit {value!r}: expected a finite number of at least 0, for example 5 or '5.00 USD'"
        ) from None
