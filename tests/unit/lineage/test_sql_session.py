"""What statements leave to those after them: what is in use, temporary views, and what was made."""

from __future__ import annotations

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
    text = "CREATE TEMP VIEW v AS SELECT id FROM c; MERGE INTO g USING v ON ((; ALTER VIEW v SET WHATEVER = 1 2"
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
