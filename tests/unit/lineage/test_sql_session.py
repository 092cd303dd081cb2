"""What statements leave to those after them: what is in use, temporary views, and what was made."""

from __future__ import annotations

import pytest

from genops.lineage.sql.session import Session
from support.lineage_texts import shown


def test_what_is_in_use_completes_names() -> None:
    """USE decides what the names after it mean."""
    text = (
        "USE CATALOG main; SELECT a FROM t; USE SCHEMA s; SELECT a FROM t; USE c.d; SELECT a FROM t; SELECT a FROM x.t"
    )
    assert shown(text).reads == ["main.default.t", "main.s.t", "c.d.t", "c.x.t"]


def test_a_session_goes_on_in_the_next_text() -> None:
    """A session given with a text is left as the text leaves it, also where the text was understood before."""
    for _ in range(2):
        session = Session()
        shown("USE main.sales", session=session)
        assert shown("SELECT id FROM orders", session=session).reads == ["main.sales.orders"]
    assert shown("SELECT id FROM orders").reads == ["orders"]


def test_places_and_stages_are_in_no_schema() -> None:
    """What is in use does not complete the name of a place of files."""
    session = Session("main", "s")
    assert shown("SELECT a FROM delta.`/mnt/x`", session=session).reads == ["delta./mnt/x"]


def test_a_temporary_view_is_what_it_reads() -> None:
    """A temporary view is no dataset: it is written by nothing, and who reads it reads the tables behind it."""
    text = "CREATE TEMPORARY VIEW v AS SELECT id, upper(n) AS m FROM c; INSERT INTO g BY NAME SELECT * FROM v"
    found = shown(text)
    assert (found.reads, found.writes) == (["c", "c"], ["g"])
    assert found.flows >= {"g.id <- c.id IDENTITY", "g.m <- c.n TRANSFORMATION"}


def test_a_dropped_temporary_view_means_nothing_any_more() -> None:
    """After a temporary view is dropped its name is a table's again."""
    text = "CREATE TEMP VIEW v AS SELECT id FROM c; DROP VIEW v; SELECT id FROM v"
    found = shown(text)
    assert (found.reads, found.writes) == (["c", "v"], [])


def test_a_temporary_view_is_what_it_reads_where_words_alone_tell() -> None:
    """What the parser cannot take reads the tables behind a temporary view, and writes no dataset of its name."""
    text = "CREATE TEMP VIEW v AS SELECT id FROM c; MERGE INTO g USING V ON ((; ALTER VIEW v SET WHATEVER = 1 2"
    found = shown(text)
    assert [each.status.value for each in found.statements] == ["resolved", "opaque", "opaque"]
    assert (found.reads, found.writes) == (["c", "c"], ["g"])


def test_columns_of_what_was_made_are_known() -> None:
    """A table that the session made is a table, with columns that are known from then on."""
    found = shown("CREATE TABLE t AS SELECT a, b FROM s; CREATE TABLE u AS SELECT * FROM t")
    assert found.direct() == {"t.a <- s.a", "t.b <- s.b", "u.a <- t.a", "u.b <- t.b"}
    assert found.doubts == set()


def test_columns_of_what_was_changed_are_not_known() -> None:
    """A table that was altered may have other columns."""
    found = shown("CREATE TABLE t AS SELECT a FROM s; ALTER TABLE t ADD COLUMN b INT; SELECT * FROM t")
    assert found.doubts == {"* star: t"}


def test_a_bad_statement_leaves_nothing() -> None:
    """What cannot be understood changes neither the session nor the statements beside it."""
    found = shown("USE main.s; SELEC FROM; SELECT a FROM t")
    assert [each.status.value for each in found.statements] == ["resolved", "error", "resolved"]
    assert found.reads == ["main.s.t"]


@pytest.mark.parametrize("dialect", ["tsql", "snowflake"])
def test_a_name_after_use_is_a_database_where_databases_hold_schemas(dialect: str) -> None:
    """`USE shop` completes names of two parts in T-SQL and Snowflake, and makes no schema of a database."""
    assert shown("USE shop; SELECT a FROM sales.t", dialect).reads == ["shop.sales.t"]


@pytest.mark.parametrize(
    ("text", "dialect"),
    [
        ("CREATE TABLE a (id INT, n TEXT); CREATE TABLE b CLONE a; SELECT * FROM b", "snowflake"),
        ("CREATE TABLE a (id INT, n STRING); CREATE TABLE b LIKE a; SELECT * FROM b", "spark"),
        ("CREATE TABLE a (id INT, n INT); SELECT * INTO b FROM a; SELECT * FROM b", "tsql"),
    ],
)
def test_a_copy_has_the_columns_of_what_it_copies(text: str, dialect: str) -> None:
    """Clones, tables like others and SELECT INTO are known by their columns to the statements after them."""
    assert {"id <- b.id IDENTITY", "n <- b.n IDENTITY"} <= shown(text, dialect).flows


def test_what_stands_before_the_name_of_a_view_is_no_name() -> None:
    """REFRESH MATERIALIZED VIEW CONCURRENTLY writes the view."""
    assert shown("REFRESH MATERIALIZED VIEW CONCURRENTLY s.v", "postgres").writes == ["s.v"]
