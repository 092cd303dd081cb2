"""Identifiers of every dialect: taken apart as the dialect says, and put together again."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from genops.core.operation import DatasetRef
from genops.errors import InvalidArgument
from genops.lineage.naming.identifiers import DIALECTS, join, split

SPELLED = [name for name, rules in DIALECTS.items() if not rules.paths]
awkward = st.text(st.sampled_from("ab.`\"[] \n'\\:éÀ"), min_size=1, max_size=8) | st.text(min_size=1, max_size=8)


@given(dialect=st.sampled_from(SPELLED), parts=st.lists(awkward, min_size=1, max_size=4))
def test_whatever_the_parts_are_they_come_back(dialect, parts):
    """Quotes, dots, blanks and doubled quotes inside a part change nothing."""
    assert split(join(parts, dialect), dialect) == tuple(parts)


@given(dialect=st.sampled_from(SPELLED), parts=st.lists(awkward, min_size=1, max_size=4), data=st.data())
def test_quotes_that_are_not_needed_change_nothing(dialect, parts, data):
    """A part may be written with any quotes of its dialect, doubled inside."""
    pairs = DIALECTS[dialect].quotes
    written = []
    for part in parts:
        opening, closing = data.draw(st.sampled_from(pairs))
        written.append(opening + part.replace(closing, closing * 2) + closing)
    assert split(" . ".join(written), dialect) == tuple(parts)


plain = st.text(st.sampled_from("ab-_ 1é"), min_size=1, max_size=6).map(lambda part: f"x{part}x")


@given(
    project=plain, domain=st.none() | st.just("example.com"), others=st.lists(plain, max_size=2), whole=st.booleans()
)
def test_bigquery_takes_a_path_in_one_pair_of_quotes(project, domain, others, whole):
    """Dots separate inside back-ticks too, but for those of a project's domain."""
    parts = (project if domain is None else f"{domain}:{project}", *others)
    text = f"`{'.'.join(parts)}`" if whole else join(parts, "bigquery")
    assert split(text, "bigquery") == parts


@settings(max_examples=50)
@given(parts=st.lists(st.text(st.sampled_from("ab.`c"), min_size=1, max_size=5), min_size=1, max_size=3))
def test_the_name_of_a_dataset_is_that_of_databricks(parts):
    """What the spine calls a dataset is taken apart into its parts."""
    assert join(parts) == DatasetRef(tuple(parts)).name
    assert split(DatasetRef(tuple(parts)).name) == tuple(parts)


@pytest.mark.parametrize(
    ("dialect", "text", "stored"),
    [
        ("snowflake", 'db."Orders".id', ("DB", "Orders", "ID")),
        ("oracle", 'hr."emp"', ("HR", "emp")),
        ("postgres", 'Public."Orders"', ("public", "Orders")),
        ("redshift", 'Public."Orders"', ("public", "orders")),
        ("databricks", "Main.`Sales`.Orders", ("main", "sales", "orders")),
        ("trino", 'Hive."Web".T', ("hive", "web", "t")),
        ("athena", 'AwsDataCatalog."web".`T`', ("awsdatacatalog", "web", "t")),
        ("bigquery", "P.D.T", ("P", "D", "T")),
        ("tsql", '[dbo]."T"', ("dbo", "T")),
        ("mysql", "Shop.`Orders`", ("Shop", "Orders")),
        ("duckdb", 'Main."T"', ("main", "t")),
    ],
)
def test_letters_are_folded_as_the_platform_stores_them(dialect, text, stored):
    """Each platform has its own rule for names with and without quotes."""
    assert split(text, dialect, folded=True) == stored


@pytest.mark.parametrize("text", ["", "a.", ".a", "a..b", "`a", "`a`b.c", "``", "` `.``", "a.`b"])
def test_what_is_no_name_is_refused_without_being_said(text):
    """Empty parts, open quotes and text after a quote; the message does not repeat the name."""
    with pytest.raises(InvalidArgument) as refused:
        split(text + ".secret" if text.startswith(".") else text)
    assert "secret" not in str(refused.value)


def test_an_unknown_dialect_is_refused():
    """The message says which there are."""
    with pytest.raises(InvalidArgument, match="snowflake"):
        join(("a",), "unheard of")
