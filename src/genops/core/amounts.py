"""Amounts: integer micro-units inside, `Decimal` at the public edge."""

from __future__ import annotations

from decimal import ROUND_HALF_EVEN, Context, Decimal, InvalidOperation
from enum import Enum
from typing import NamedTuple

from genops.core.currencies import CURRENCIES
from genops.errors import InvalidArgument

MICROS = 1_000_000
CALL = "call"
COMPUTE_SECOND = "compute_second"
DBU = "DBU"
_NOT_MONEY = frozenset({CALL, COMPUTE_SECOND, DBU})
_LIMIT = 10**15
# The program's own decimal context may round to few digits or raise; amounts must not depend on it.
_EXACT = Context(prec=60, rounding=ROUND_HALF_EVEN, traps=[InvalidOperation])


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
            value: Number of units, below 10^15; six decimal places survive.
            unit: As in the class.

        Raises:
            InvalidArgument: The value is not a finite number from zero to 10^15.

        >>> Amount.of("0.70", "USD")
        Amount(micros=700000, unit='USD')
        """
        try:
            number = _EXACT.create_decimal(str(value))
        except InvalidOperation:
            number = Decimal("NaN")
        if not number.is_finite() or not 0 <= number < _LIMIT:
            raise InvalidArgument(f"amount {value!r} {unit}: expected a finite number of at least 0 and below 10^15")
        return cls(int(_EXACT.multiply(number, MICROS).to_integral_value(ROUND_HALF_EVEN, _EXACT)), unit)

    @classmethod
    def money(cls, value: Decimal | float | str, currency: str) -> Amount:
        """Build an amount of money from a number.

        Args:
            value: As in `of`.
            currency: An ISO 4217 code.

        Raises:
            InvalidArgument: The value cannot be an amount, or the currency is no active code of ISO 4217.

        >>> Amount.money("1.5", "EUR")
        Amount(micros=1500000, unit='EUR')
        """
        if not isinstance(currency, str) or currency not in CURRENCIES:  # pyright: ignore[reportUnnecessaryIsInstance]
            raise InvalidArgument(f"currency={currency!r}: expected an active code of ISO 4217, for example 'USD'")
        return cls.of(value, currency)

    @property
    def decimal(self) -> Decimal:
        """The amount in whole units."""
        return _EXACT.divide(Decimal(self.micros), MICROS)

    @property
    def is_money(self) -> bool:
        """Whether the unit is a currency."""
        return self.unit not in _NOT_MONEY

    def __str__(self) -> str:
        return f"{self.decimal:f} {self.unit}"


ONE_CALL = Amount(MICROS, CALL)
NOT_BILLED = "not_billed"


class Estimate(NamedTuple):
    """What an operation is expected to use, known before it runs.

    Attributes:
        amount: A fixed expectation or cap, where there is one.
        rate_nanos: Price per second of running time in billionths of the unit, where the duration decides.
        unit: Unit of `rate_nanos`.
        dbu_nanos: DBU per second of running time in billionths, where known; budgets in DBU go by it.
        billable: Whether the operation uses something that is billed. A call to the control plane does not.
        unpriced_reason: Why no money can be named; `None` where it can.
    """

    amount: Amount | None = None
    rate_nanos: int | None = None
    unit: str = CALL
    dbu_nanos: int | None = None
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
