"""Amounts: integer micro-units inside, `Decimal` at the public edge."""

from __future__ import annotations

from decimal import ROUND_HALF_EVEN, Decimal, InvalidOperation
from enum import Enum
from typing import NamedTuple

from genops.errors import InvalidArgument

MICROS = 1_000_000
CALL = "call"
COMPUTE_SECOND = "compute_second"
DBU = "DBU"
_NOT_MONEY = frozenset({CALL, COMPUTE_SECOND, DBU})


class Grade(str, Enum):
    """How much a figure can be trusted; it travels with the figure."""

    ESTIMATED = "estimated"
    METERED = "metered"
    BILLED = "billed"


class Amount(NamedTuple):
    """A quantity of one unit.

    Attributes:
        micros: Millionths of the unit.
        unit: An ISO 4217 currency code, `DBU`, `compute_second` or `call`.
    """

    micros: int
    unit: str

    @classmethod
    def of(cls, value: Decimal | float | str, unit: str) -> Amount:
        """Build an amount from a number.

        Args:
            value: Number of units; at most six decimal places survive.
            unit: As in the class.

        Raises:
            InvalidArgument: The value is not a finite number of at least zero.

        >>> Amount.of("0.70", "USD")
        Amount(micros=700000, unit='USD')
        """
        try:
            number = Decimal(str(value))
        except InvalidOperation:
            number = Decimal("NaN")
        if not number.is_finite() or number < 0:
            raise InvalidArgument(f"amount {value!r} {unit}: expected a finite number of at least 0")
        return cls(int((number * MICROS).to_integral_value(ROUND_HALF_EVEN)), unit)

    @property
    def decimal(self) -> Decimal:
        """The amount in whole units."""
        return Decimal(self.micros) / MICROS

    @property
    def is_money(self) -> bool:
        """Whether the unit is a currency."""
        return self.unit not in _NOT_MONEY

    def __str__(self) -> str:
        return f"{self.decimal:f} {self.unit}"


ONE_CALL = Amount(MICROS, CALL)


def rate_for(per_second: Amount, seconds: float) -> Amount:
    """Return a rate per second times a duration in seconds, rounded to the micro-unit.

    >>> rate_for(Amount(1000, "USD"), 2.5)
    Amount(micros=2500, unit='USD')
    """
    return Amount(round(per_second.micros * seconds), per_second.unit)


class Estimate(NamedTuple):
    """What an operation is expected to use, known before it runs.

    Attributes:
        amount: A fixed expectation or cap, where there is one.
        rate_nanos: Price per second of running time in billionths of the unit, where the duration decides.
        unit: Unit of `rate_nanos`.
        billable: Whether the operation uses something that is billed. A call to the control plane does not.
        unpriced_reason: Why no money can be named; `None` where it can.
    """

    amount: Amount | None = None
    rate_nanos: int | None = None
    unit: str = CALL
    billable: bool = False
    unpriced_reason: str | None = None

    def over(self, seconds: float) -> Amount:
        """Return what to reserve when the operation may run for `seconds`.

        Money where it can be named, otherwise one call.

        >>> Estimate(rate_nanos=777_778, unit="USD").over(60)
        Amount(micros=46667, unit='USD')
        >>> Estimate().over(60)
        Amount(micros=1000000, unit='call')
        """
        if self.amount is not None:
            return self.amount
        if self.rate_nanos is not None:
            return Amount(round(self.rate_nanos * seconds / 1000), self.unit)
        return ONE_CALL


class Priced(NamedTuple):
    """What an operation cost, with where the figure comes from.

    Attributes:
        money: The cost, or `None` where it is unpriced.
        unpriced_reason: Why there is no money; `None` where there is.
        grade: How much the figure can be trusted.
        source: Where the price comes from.
        as_of: Date of the price, ISO 8601.
        dbu_micros: Millionths of a DBU, where known.
    """

    money: Amount | None = None
    unpriced_reason: str | None = None
    grade: Grade = Grade.ESTIMATED
    source: str | None = None
    as_of: str | None = None
    dbu_micros: int | None = None
