"""Amounts, facts and names: plain values and their laws."""

from __future__ import annotations

import decimal
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from genops.core.amounts import Amount, Estimate, Grade
from genops.core.names import dataset, split_name
from genops.core.operation import NOTHING, DatasetRef, Facts
from genops.errors import InvalidArgument

SIX_PLACES = st.decimals(min_value=0, max_value=10**14, places=6, allow_nan=False, allow_infinity=False)
REFS = st.lists(st.sampled_from([DatasetRef((name,)) for name in "abcd"]), max_size=3, unique=True).map(tuple)
FACTS = st.builds(
    Facts,
    rows=st.none() | st.integers(0, 9),
    bytes=st.none() | st.integers(0, 9),
    state=st.none() | st.sampled_from("xy"),
    error_type=st.none() | st.sampled_from("xy"),
    attempts=st.integers(0, 3),
    request_id=st.none() | st.sampled_from("xy"),
    seconds=st.none() | st.floats(0, 9),
    money=st.none() | st.builds(Amount, st.integers(0, 9), st.just("USD")),
    grade=st.none() | st.sampled_from(Grade),
    reads=REFS,
    writes=REFS,
    attributes=st.dictionaries(st.sampled_from("ab"), st.integers(0, 2)),
    incomplete=st.booleans(),
    executed=st.booleans(),
)


@given(SIX_PLACES)
def test_six_decimal_places_survive(value):
    """An amount of up to six decimal places comes back as it was, from a number or its text."""
    assert Amount.of(value, "USD").decimal == value
    assert Amount.of(str(value), "USD") == Amount.of(value, "USD")


@given(SIX_PLACES, st.integers(1, 9))
def test_amounts_do_not_depend_on_the_programs_decimal_context(value, precision):
    """A program that computes with few digits, or traps rounding, gets the same amounts."""
    expected = Amount.of(value, "USD")
    with decimal.localcontext() as context:
        context.prec = precision
        context.traps[decimal.Inexact] = True
        assert Amount.of(value, "USD") == expected
        assert Amount.of(str(value), "USD") == expected
        assert expected.decimal == value


@given(st.lists(SIX_PLACES, max_size=20))
def test_sums_of_amounts_are_exact(values):
    """Micro-units add up without rounding."""
    assert sum(Amount.of(value, "USD").micros for value in values) == sum(values, Decimal(0)) * 10**6


@pytest.mark.parametrize(
    "value", ["nan", "inf", "-inf", -1, "-0.000001", "", "abc", "1e15", "1e999999", True, None, b"1"]
)
def test_what_is_no_amount_is_refused_at_the_door(value):
    """NaN, infinities, negatives, and what is too large to be meant."""
    with pytest.raises(InvalidArgument, match="expected a finite number"):
        Amount.of(value, "USD")


def test_a_seventh_decimal_place_rounds_to_the_even_neighbour():
    """Halves of a micro-unit round to even."""
    assert [Amount.of(value, "USD").micros for value in ("0.0000005", "0.0000015", "0.00000051")] == [0, 2, 1]


def test_amounts_read_well():
    """An amount prints as people write it."""
    assert str(Amount.of("0.70", "USD")) == "0.7 USD"
    assert str(Amount.of(1, "call")) == "1 call"
    assert Amount.of(1, "EUR").is_money
    assert not any(Amount.of(1, unit).is_money for unit in ("call", "compute_second", "DBU"))


@pytest.mark.parametrize("currency", ["usd", "US", "DOLLARS", "DBU", "USA", "", None, "U$D", ["USD"]])
def test_money_has_a_currency(currency):
    """Money is in an active currency of ISO 4217."""
    with pytest.raises(InvalidArgument, match="ISO 4217"):
        Amount.money(1, currency)


def test_an_estimate_names_money_where_it_can():
    """A fixed amount goes first, then a rate over the given time, then one call."""
    assert Estimate(amount=Amount(5, "USD"), rate_nanos=9, unit="USD").over(60) == Amount(5, "USD")
    assert Estimate(rate_nanos=1_000, unit="DBU").over(60) == Amount(60, "DBU")
    assert Estimate().over(60) == Amount(1_000_000, "call")


@given(FACTS, FACTS, FACTS)
def test_facts_merge_in_any_grouping(first, second, third):
    """What was seen in three steps is the same however the steps are grouped."""
    assert first.merged(second).merged(third) == first.merged(second.merged(third))


@given(FACTS)
def test_nothing_adds_nothing(facts):
    """No facts before or after change nothing."""
    assert NOTHING.merged(facts) == facts
    assert facts.merged(NOTHING) == facts
    assert facts.merged(Facts()) == facts


@given(FACTS, FACTS)
def test_merging_changes_neither_side(first, second):
    """Facts are values: merging makes new ones."""
    before = dict(first.attributes), dict(second.attributes)
    first.merged(second)
    assert (dict(first.attributes), dict(second.attributes)) == before


NAMES = st.lists(st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=8), min_size=1, max_size=4)


@given(NAMES)
def test_names_round_trip(parts):
    """A dataset's name splits into its parts, whatever characters they hold."""
    assert split_name(DatasetRef(tuple(parts)).name) == tuple(parts)


@pytest.mark.parametrize("name", ["", ".", "a.", ".a", "a..b", "`a", "a`", "``", "a.``", "`a``"])
def test_what_is_no_name_is_refused(name):
    """Empty parts and open quotes are refused, and the name is in the message."""
    with pytest.raises(InvalidArgument, match="name"):
        split_name(name)


@pytest.mark.parametrize("name", ["", "  ", None, 3])
def test_what_is_no_dataset_is_refused(name):
    """Only a name or a reference is a dataset."""
    with pytest.raises(InvalidArgument, match=r"catalog\.schema\.table"):
        dataset(name)


def test_a_reference_is_taken_as_it_is():
    """A dataset that is a reference already keeps its kind and host."""
    volume = DatasetRef(("a", "b", "v"), "volume", "acme")
    assert dataset(volume) is volume
    assert dataset(" a.b.c ") == DatasetRef(("a", "b", "c"))
