"""Which column a name means, and what is said where that cannot be told."""

from __future__ import annotations

import pytest

from genops.lineage.sql.understood import Status
from support.lineage_texts import shown


def test_a_name_of_unknown_tables_is_ambiguous() -> None:
    """A bare name that several unknown tables may have flows from all of them, marked, and is reported with all."""
    found = shown("SELECT x FROM a, b.c")
    assert found.flows == {"x <- a.x IDENTITY ?", "x <- b.c.x IDENTITY ?"}
    assert found.doubts == {"x ambiguous: a.x, b.c.x"}
    assert found.statements[0].status is Status.PARTIAL


def test_a_schema_makes_a_name_certain() -> None:
    """Where the columns are known, a bare name means the only table that has it."""
    found = shown("SELECT x FROM a, b", a=["x"], b=["y"])
    assert (found.flows, found.doubts) == ({"x <- a.x IDENTITY"}, set())
    assert found.statements[0].status is Status.RESOLVED


def test_a_table_known_to_have_the_name_ends_the_search() -> None:
    """A table that is known to have a name is meant, whatever another may have: otherwise the statement were wrong."""
    assert shown("SELECT x FROM a, b", a=["x"]).flows == {"x <- a.x IDENTITY"}


def test_a_name_that_no_known_table_has_is_unresolved() -> None:
    """A name that known tables do not have is reported, and its flow is kept as a candidate."""
    found = shown("SELECT nope FROM a", a=["x"])
    assert found.flows == {"nope <- a.nope IDENTITY ?"}
    assert found.doubts == {"nope unresolved: a"}


def test_a_bare_name_in_a_nested_query_may_come_from_outside() -> None:
    """A bare name of a nested query means the nearest table that has it; who that is only a schema tells."""
    text = "SELECT (SELECT max(v) FROM b) AS m FROM a"
    assert shown(text).direct() == {"m <- a.v", "m <- b.v"}
    assert shown(text).doubts == {"v ambiguous: a.v, b.v"}
    assert shown(text, b=["v"]).flows == {"m <- b.v AGGREGATION"}
    assert shown(text, a=["v"], b=["w"]).flows == {"m <- a.v AGGREGATION"}


def test_a_derived_table_does_not_see_what_stands_beside_it() -> None:
    """Only a lateral query sees the tables on its left."""
    assert shown("SELECT d.v FROM a, (SELECT v FROM b) d").direct() == {"v <- b.v"}
    assert shown("SELECT d.v FROM a, LATERAL (SELECT a.v) d").direct() == {"v <- a.v"}


@pytest.mark.parametrize(
    ("text", "flows"),
    [
        ("SELECT s.t.a FROM s.t", {"a <- s.t.a"}),
        ("SELECT t.a FROM s.t", {"a <- s.t.a"}),
        ("SELECT c.s.t.a FROM c.s.t", {"a <- c.s.t.a"}),
        ("SELECT t.p.q FROM s.t", {"q <- s.t.p"}),
        ("SELECT p.q.r FROM s.t x", {"r <- s.t.p"}),
        ("SELECT T.A FROM s.T", {"a <- s.t.a"}),
        ("SELECT `A b` FROM s.t", {"a b <- s.t.a b"}),
    ],
)
def test_qualified_names(text: str, flows: set[str]) -> None:
    """A name may be qualified by every form of the table's own, and may go on into a struct."""
    assert shown(text).direct() == flows


def test_aliases_of_the_same_selection() -> None:
    """A column of a table goes before an alias of the same selection; where nobody knows, both are candidates."""
    text = "SELECT a + 1 AS b, b * 2 AS c FROM t"
    assert shown(text, t=["a"]).direct() == {"b <- t.a", "c <- t.a"}
    assert shown(text, t=["a", "b"]).direct() == {"b <- t.a", "c <- t.b"}
    assert shown(text).doubts == {"b ambiguous: t.a, t.b"}
    assert shown(text, "tsql").direct() == {"b <- t.a", "c <- t.b"}


def test_stars_with_a_schema() -> None:
    """A star stands for the columns of its tables in order, those that USING joins once and first."""
    found = shown("SELECT * FROM a JOIN b USING (id)", a=["x", "id"], b=["id", "y"])
    assert [flow.target for flow in found.statements[0].columns if flow.kind == "DIRECT"] == ["id", "x", "y"]
    assert "id <- b.id JOIN" in found.flows


def test_stars_without_a_schema() -> None:
    """A star of unknown tables stays a star, is reported, and gives every name that is asked of it."""
    found = shown("SELECT s.v, s.* FROM (SELECT * EXCEPT (w) FROM a) s")
    assert found.direct() == {"v <- a.v", "* <- a.*"}
    assert found.doubts == {"* star: a", "s.* star: a"}


def test_a_name_left_out_of_a_star_is_not_there() -> None:
    """What EXCEPT leaves out of a star cannot be meant by a name outside."""
    found = shown("SELECT w FROM (SELECT * EXCEPT (w) FROM a) s, b")
    assert found.direct() == {"w <- b.w"}


def test_stars_replace_and_rename() -> None:
    """What a star replaces comes from the expression that does, and what it renames has the new name."""
    replaced = shown("SELECT * REPLACE (upper(n) AS n) FROM t", "bigquery", t=["i", "n"])
    assert replaced.flows == {"i <- t.i IDENTITY", "n <- t.n TRANSFORMATION"}
    renamed = shown("SELECT * RENAME (i AS j) FROM t", "snowflake", t=["i", "n"])
    assert renamed.direct() == {"j <- t.i", "n <- t.n"}


def test_a_write_by_position_into_an_unknown_table_is_a_candidate() -> None:
    """Where the columns of the table are not known, the query's own names are candidates; with them it is certain."""
    text = "INSERT INTO t SELECT x, y FROM s"
    assert shown(text).flows == {"t.x <- s.x IDENTITY ?", "t.y <- s.y IDENTITY ?"}
    assert shown(text).doubts == {"t position: t"}
    assert shown(text, t=["a", "b"]).flows == {"t.a <- s.x IDENTITY", "t.b <- s.y IDENTITY"}


def test_a_computed_name_of_a_table_is_reported() -> None:
    """A table whose name only a run tells is reported, with what of the name stands in the text."""
    assert shown("SELECT a FROM IDENTIFIER(:t)").doubts == {" unresolved: "}
    assert shown("SELECT a FROM ${catalog}.s.t").doubts == {"s.t unresolved: "}
    assert shown("SELECT a FROM IDENTIFIER('s.t')").direct() == {"a <- s.t.a"}


def test_a_static_partition_takes_no_column_of_the_query() -> None:
    """A partition column whose value the statement gives is left out of the positions."""
    text = "INSERT INTO t PARTITION (d = 1) SELECT x, y FROM s"
    assert shown(text, t=["a", "d", "b"]).direct() == {"t.a <- s.x", "t.b <- s.y"}


def test_quoted_names_keep_their_case_where_the_dialect_does() -> None:
    """PostgreSQL tells quoted names apart by case, Databricks does not."""
    assert shown('SELECT "Aa" FROM "T"', "postgres").direct() == {"Aa <- T.Aa"}
    assert shown("SELECT `Aa` FROM `T`").direct() == {"aa <- t.aa"}
