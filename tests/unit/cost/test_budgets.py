"""Budgets: what they refuse, what they count, when they renew."""

from __future__ import annotations

import math
from datetime import datetime, timezone
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from genops.core.amounts import CALL, DBU, Amount
from genops.core.attribution import Attribution
from genops.core.operation import Operation
from genops.cost.budgets import PERIODS, Budget, in_words, iso_utc, parse_limit, window_of
from genops.errors import ConfigurationError

FIVE = Amount.of("5", "USD")
INSTANTS = st.integers(min_value=0, max_value=4_102_444_800 * 10**9)


def ns(text: str) -> int:
    """Return a UTC instant in nanoseconds."""
    return int(datetime.fromisoformat(text).replace(tzinfo=timezone.utc).timestamp()) * 10**9


@pytest.mark.parametrize(
    ("period", "starts", "renews"),
    [
        ("day", "2024-02-29", "2024-03-01"),
        ("week", "2024-02-26", "2024-03-04"),
        ("month", "2024-02-01", "2024-03-01"),
        ("year", "2024-01-01", "2025-01-01"),
    ],
)
def test_calendar_of_a_leap_day(period: str, starts: str, renews: str) -> None:
    """Periods are those of the UTC calendar, leap day included."""
    assert window_of(period, ns("2024-02-29T23:59:59")) == (ns(starts), ns(renews))


def test_december_renews_in_january() -> None:
    """A month at the end of a year renews in the next year."""
    assert window_of("month", ns("2026-12-31T12:00:00")).renews_ns == ns("2027-01-01")


@given(period=st.sampled_from(PERIODS[:-1]), at_ns=INSTANTS)
def test_every_instant_lies_in_its_window(period: str, at_ns: int) -> None:
    """Windows hold their instant, and every instant of a window has the same window."""
    window = window_of(period, at_ns)
    assert window.renews_ns is not None
    assert window.starts_ns <= at_ns < window.renews_ns
    assert window_of(period, window.starts_ns) == window == window_of(period, window.renews_ns - 1)
    assert window_of(period, window.renews_ns).starts_ns == window.renews_ns


def test_total_never_renews() -> None:
    """A budget for everything has no end."""
    assert window_of("total", ns("2026-11-21")).renews_ns is None


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        ({"name": " "}, "budget name"),
        ({"limit": Amount(-1, "USD")}, "at least 0"),
        ({"limit": Amount(1, "usd")}, "'usd'"),
        ({"limit": Amount(1, "compute_second")}, "compute_second"),
        ({"period": "monht"}, "did you mean 'month'"),
        ({"scope": {"taem": "a"}}, "did you mean 'team'"),
        ({"scope": {"team": ""}}, "non-empty"),
        ({"host": "https://acme.cloud.databricks.com"}, "without scheme"),
        ({"host": ""}, "host ''"),
        ({"reserve_seconds": math.nan}, "reserve_seconds=nan"),
        ({"reserve_seconds": 0}, "reserve_seconds=0"),
    ],
)
def test_bad_budget(arguments: dict[str, object], named: str) -> None:
    """A budget that cannot be honoured is refused by a sentence that names the value."""
    with pytest.raises(ConfigurationError, match=named):
        Budget(**{"name": "etl", "limit": FIVE, **arguments})  # pyright: ignore[reportArgumentType]


@pytest.mark.parametrize("value", [-1, "-0.01", math.nan, math.inf, "NaN", "five", None, True, "", [5]])
def test_bad_limit(value: object) -> None:
    """A limit that is not a finite number of at least zero is refused, and the message shows what one looks like."""
    with pytest.raises(ConfigurationError, match=r"for example 5 or '5\.00 USD'"):
        parse_limit(value)


@pytest.mark.parametrize(
    ("value", "amount"),
    [
        (5, FIVE),
        ("5.00", FIVE),
        (Decimal("0.1"), Amount(100_000, "USD")),
        ("0.1 EUR", Amount(100_000, "EUR")),
        ("100 calls", Amount(100_000_000, CALL)),
        ("1 call", Amount(1_000_000, CALL)),
        ("2.5 DBU", Amount(2_500_000, DBU)),
        (0, Amount(0, "USD")),
    ],
)
def test_limits_as_people_write_them(value: object, amount: Amount) -> None:
    """A limit is a number, or a number and its unit."""
    assert parse_limit(value) == amount


def test_scope() -> None:
    """A budget counts an operation that has all fields of its scope, on its host; an empty scope counts everything."""
    etl = Operation("t", "p", attribution=Attribution({"team": "etl", "cost_center": "42"}), host="a")
    assert Budget("b", FIVE).counts(etl)
    assert Budget("b", FIVE, scope={"team": "etl", "cost_center": "42"}, host="a").counts(etl)
    assert not Budget("b", FIVE, scope={"team": "etl", "project": "x"}).counts(etl)
    assert not Budget("b", FIVE, host="b").counts(etl)


def test_budget_is_a_value() -> None:
    """A budget neither changes nor follows changes of the mapping it was built from, and can be a key."""
    scope = {"team": "etl"}
    budget = Budget("b", FIVE, scope=scope)
    scope["team"] = "other"
    assert budget.scope == {"team": "etl"}
    assert {budget: 1}[Budget("b", FIVE, scope={"team": "etl"})] == 1
    with pytest.raises(AttributeError):
        budget.name = "c"  # pyright: ignore[reportAttributeAccessIssue]


@given(st.integers(min_value=0, max_value=10**15))
def test_words_keep_the_exact_amount(micros: int) -> None:
    """Written amounts lose nothing."""
    assert Decimal(in_words(Amount(micros, "USD")).split()[0]) * 10**6 == micros


def test_iso_utc() -> None:
    """Instants are written in UTC, to the second."""
    assert iso_utc(ns("2026-11-22T00:00:00")) == "2026-11-22T00:00:00Z"
