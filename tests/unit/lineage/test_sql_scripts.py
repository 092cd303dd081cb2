"""Tables of statements that hold others, and of places that are easily overlooked: none is lost without a word."""

from __future__ import annotations

import pytest

from genops.core.operation import Action
from genops.lineage.sql.understanding import understand
from genops.lineage.sql.understood import Status
from support.lineage_texts import shown
from support.parsers import needs_newest
from support.planted_tables import planted

_BODY = "BEGIN INSERT INTO a SELECT x FROM c; DELETE FROM d; END"


@pytest.mark.parametrize(
    ("text", "dialect", "reads", "writes"),
    [
        (_BODY, "databricks", ["c"], ["a", "d"]),
        (_BODY, "snowflake", ["c"], ["a", "d"]),
        ("BEGIN TRY INSERT INTO a SELECT x FROM c END TRY BEGIN CATCH DROP TABLE d END CATCH", "tsql", "c", "ad"),
        ("IF EXISTS (SELECT 1 FROM c) DROP TABLE a ELSE DELETE FROM d", "tsql", "c", "ad"),
        ("WHILE (SELECT count(*) FROM c) > 0 DELETE TOP (10) FROM a", "tsql", "c", "a"),
        (f"CREATE PROCEDURE p AS {_BODY}", "tsql", "c", "ad"),
        ("CREATE TRIGGER g ON a AFTER INSERT AS INSERT INTO b SELECT x FROM inserted", "tsql", "", "ba"),
        (f"CREATE PROCEDURE p() RETURNS INT LANGUAGE SQL AS $$ {_BODY} $$", "snowflake", "c", "ad"),
        (f"EXECUTE IMMEDIATE $$ {_BODY} $$", "snowflake", "c", "ad"),
        ("CREATE TASK k SCHEDULE = '1 minute' AS INSERT INTO a SELECT x FROM c", "snowflake", "c", "a"),
        ("CREATE STREAM s ON TABLE t", "snowflake", "t", "s"),
        (
            "IF (SELECT max(x) FROM c) > 1 THEN DROP TABLE a; ELSE DELETE FROM d WHERE TRUE; END IF",
            "bigquery",
            "c",
            "ad",
        ),
        ("FOR r IN (SELECT x FROM c) DO INSERT INTO a VALUES (r.x); END FOR", "bigquery", "c", "a"),
        ("CASE WHEN EXISTS (SELECT 1 FROM c) THEN DROP TABLE a; END CASE", "bigquery", "c", "a"),
        ("l: BEGIN DECLARE v INT DEFAULT (SELECT max(x) FROM c); DELETE FROM d; END l", "databricks", "c", "d"),
        ("BEGIN MERGE INTO a USING c ON a.i = c.i WHEN MATCHED THEN DELETE; END", "databricks", "ac", "a"),
        ("BEGIN INSERT INTO a SELECT CASE WHEN x THEN 1 ELSE 2 END FROM c; END", "databricks", "c", "a"),
        ("CREATE FUNCTION f() RETURNS INT RETURN (SELECT max(x) FROM c)", "databricks", "c", ""),
        ("DO $$ BEGIN DELETE FROM d; END $$", "postgres", "", "d"),
    ],
)
def test_tables_of_scripts(text: str, dialect: str, reads: str, writes: str) -> None:
    """What the statements in a statement touch, it touches; rules see these tables, and no more is claimed of it."""
    found = shown(text, dialect)
    assert (sorted(found.reads), sorted(found.writes)) == (sorted(reads), sorted(writes))
    assert [(each.status, each.tables_known) for each in found.statements] == [(Status.OPAQUE, True)]


@pytest.mark.parametrize(
    ("text", "dialect"),
    [
        ("EXECUTE IMMEDIATE v USING 1", "databricks"),
        ("BEGIN DELETE FROM a; EXECUTE IMMEDIATE v; END", "databricks"),
        ("BEGIN DELETE FROM a; CALL p(); END", "databricks"),
        ("BEGIN LET r RESULTSET := (EXECUTE IMMEDIATE :v); DELETE FROM a; END", "snowflake"),
        ("BEGIN INSERT INTO IDENTIFIER(:v) SELECT 1; END", "snowflake"),
        ("IF 1 = 1 BEGIN DELETE FROM a; EXEC p END", "tsql"),
        ("BEGIN DECLARE EXIT HANDLER FOR NOT FOUND UPDATE a SET x = 1; DELETE FROM b; END", "databricks"),
        ("CREATE PROCEDURE p() RETURNS INT LANGUAGE PYTHON AS $$ session.sql('x') $$", "snowflake"),
        (f"BEGIN {'DELETE FROM a; ' * 201} END", "databricks"),
    ],
)
def test_scripts_that_may_touch_more(text: str, dialect: str) -> None:
    """A script that runs what its text does not hold has, to rules, tables that nobody knows."""
    found = understand(text, dialect)
    assert not all(each.tables_known for each in found)
    assert {each.action for each in found} == {Action.WRITE}


@pytest.mark.parametrize(
    ("text", "dialect"),
    [
        ("SET VAR x = (SELECT max(a) FROM t)", "databricks"),
        ("SET VARIABLE (x, y) = (SELECT a, b FROM t)", "databricks"),
        ("DECLARE VARIABLE x INT DEFAULT (SELECT max(a) FROM t)", "databricks"),
        ("DECLARE x INT64 DEFAULT (SELECT max(a) FROM t)", "bigquery"),
        ("SET @x = (SELECT max(a) FROM t)", "tsql"),
        ("SET x = (SELECT max(a) FROM t)", "snowflake"),
    ],
)
def test_values_of_variables(text: str, dialect: str) -> None:
    """A variable that is given the outcome of a query reads its tables."""
    found = shown(text, dialect)
    assert (found.reads, found.writes) == (["t"], [])


@pytest.mark.parametrize(
    ("text", "reads"),
    [
        ("CREATE TABLE t (LIKE u INCLUDING ALL)", ["u"]),
        ("CREATE TABLE t (LIKE u, LIKE v, b INT)", ["u", "v"]),
        ("CREATE TABLE t PARTITION OF u FOR VALUES FROM (1) TO (2)", ["u"]),
        ("CREATE TABLE t (b INT) INHERITS (u, v)", ["u", "v"]),
        ("ALTER TABLE t ATTACH PARTITION u DEFAULT", ["u"]),
        ("ALTER TABLE t INHERIT u", ["u"]),
        ("CREATE TABLE t (a INT REFERENCES u (a))", []),
    ],
)
def test_tables_that_are_made_of_others_columns(text: str, reads: list[str]) -> None:
    """LIKE, PARTITION OF and INHERITS take columns of other tables; a foreign key takes nothing."""
    found = shown(text, "postgres", u=["a"], v=["c"])
    assert (found.reads, found.writes) == (reads, ["t"])


def test_a_table_has_its_parents_columns_and_its_own() -> None:
    """What follows knows the columns of a table that inherits."""
    found = shown("CREATE TABLE t (b INT) INHERITS (u); CREATE TABLE s AS SELECT * FROM t", "postgres", u=["a"])
    assert found.direct() == {"t.a <- u.a", "s.a <- t.a", "s.b <- t.b"}


@pytest.mark.parametrize(
    ("text", "dialect", "reads", "writes"),
    [
        pytest.param(
            "CREATE TABLE t (a INT) USING csv OPTIONS (path 's3://b/x', header 'true')",
            "spark",
            ["s3://b/x"],
            ["t"],
            marks=needs_newest,
        ),
        ("CREATE TABLE t USING parquet LOCATION 's3://b/x'", "databricks", ["s3://b/x"], ["t"]),
        ("CREATE TABLE t USING delta LOCATION 's3://b/x' AS SELECT a FROM s", "databricks", ["s"], ["t"]),
        ("CREATE EXTERNAL TABLE t (a INT) STORED AS PARQUET LOCATION 's3://b/x'", "athena", ["s3://b/x"], ["t"]),
        ("CREATE EXTERNAL TABLE t OPTIONS (format = 'CSV', uris = ['gs://b/x'])", "bigquery", ["gs://b/x"], ["t"]),
        pytest.param(
            "CREATE TEMPORARY VIEW v USING csv OPTIONS (path '/mnt/x')", "spark", ["/mnt/x"], [], marks=needs_newest
        ),
    ],
)
def test_tables_over_files(text: str, dialect: str, reads: list[str], writes: list[str]) -> None:
    """A table that is made over files holds what they hold; with a query its files are its own."""
    found = shown(text, dialect)
    assert (found.reads, found.writes) == (reads, writes)


@needs_newest
def test_a_temporary_view_over_files_stands_for_them() -> None:
    """Who reads the view reads the files."""
    text = "CREATE TEMP VIEW v USING csv OPTIONS (path '/mnt/x'); CREATE TABLE t AS SELECT a FROM v"
    assert shown(text, "spark").direct() >= {"t.a <- /mnt/x.a"}
    jdbc = understand("CREATE TEMPORARY VIEW v USING jdbc OPTIONS (dbtable 'u')", "spark")
    assert [each.status for each in jdbc] == [Status.PARTIAL]


@pytest.mark.parametrize("seed", [6])
def test_no_planted_table_is_lost_without_a_word(seed: int) -> None:
    """In every place of a statement a table is found, or the statement is one of which not all tables are known."""
    lost = [
        (each.dialect, each.text, sorted(missing))
        for each in planted(seed)
        if (missing := each.tables - _named(each.text, each.dialect))
        and all(one.tables_known for one in understand(each.text, each.dialect))
    ]
    assert lost == []


def _named(text: str, dialect: str) -> set[str]:
    return {table[-1].lower() for each in understand(text, dialect) for table in (*each.reads, *each.writes)}
