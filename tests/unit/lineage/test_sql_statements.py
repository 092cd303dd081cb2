"""What statements of each kind read and write, and what flows into which column."""

from __future__ import annotations

import pytest

from support.lineage_texts import shown
from support.parsers import needs_newest


@pytest.mark.parametrize(
    ("text", "reads", "writes"),
    [
        ("TRUNCATE TABLE a.b", [], ["a.b"]),
        ("DROP TABLE IF EXISTS a.c", [], ["a.c"]),
        ("DROP VIEW v", [], ["v"]),
        ("DROP SCHEMA s", [], []),
        ("ALTER TABLE a.d RENAME TO e", [], ["a.d", "a.e"]),
        ("ALTER TABLE a.f ADD COLUMN x INT", [], ["a.f"]),
        ("CREATE TABLE p (a INT) USING delta", [], ["p"]),
        ("CREATE TABLE a LIKE b", ["b"], ["a"]),
        ("CREATE TABLE a DEEP CLONE b VERSION AS OF 3", ["b"], ["a"]),
        ("CREATE TABLE a SHALLOW CLONE b", ["b"], ["a"]),
        ("DESCRIBE TABLE a.b", ["a.b"], []),
        ("TABLE a.b", ["a.b"], []),
        ("DELETE FROM t", [], ["t"]),
        ("OPTIMIZE a.b ZORDER BY (c)", [], ["a.b"]),
        ("INSERT INTO t REPLACE USING (id) SELECT id FROM s", ["s"], ["t"]),
        ("INSERT INTO t AS a REPLACE ON (a.i <=> b.i) (SELECT i FROM s) AS b", ["s"], ["t"]),
        ("INSERT OVERWRITE t VALUES (%s, %(b)s)", [], ["t"]),
        ("COMMENT ON COLUMN a.b.c IS 'x'", [], ["a.b"]),
        ("REFRESH MATERIALIZED VIEW a.b", [], ["a.b"]),
        ("REFRESH TABLE a.b", ["a.b"], []),
        ("ALTER VIEW a.v AS SELECT x FROM a.b UNION ALL SELECT y FROM c", ["a.b", "c"], ["a.v"]),
        ("GRANT SELECT ON TABLE a.b TO x", [], ["a.b"]),
        ("REVOKE SELECT ON a.b FROM x", [], ["a.b"]),
        ("GRANT USE SCHEMA ON SCHEMA a TO x", [], []),
        ("INSERT WITH SCHEMA EVOLUTION INTO t SELECT a FROM s", ["s"], ["t"]),
        ("INSERT OVERWRITE DIRECTORY '/tmp/x' USING parquet SELECT a FROM s", ["s"], ["/tmp/x"]),
        ("SELECT * FROM STREAM(raw.ev) e JOIN STREAM raw.f f ON e.id = f.id", ["raw.ev", "raw.f"], []),
        ("SELECT t.a FROM (a t JOIN b u ON t.i = u.i)", ["a", "b"], []),
        ("SELECT 1 FROM a LEFT SEMI JOIN b ON a.i = b.i", ["a", "b"], []),
    ],
)
def test_tables_of_statements(text: str, reads: list[str], writes: list[str]) -> None:
    """A statement reads and writes the tables that it names, in their order."""
    found = shown(text)
    assert (found.reads, found.writes) == (reads, writes)


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("SELECT 1", "SELECT"),
        ("VALUES (1)", "SELECT"),
        ("CREATE TABLE a AS SELECT 1 AS x", "CREATE TABLE AS"),
        ("CREATE TABLE a (x INT)", "CREATE TABLE"),
        ("CREATE MATERIALIZED VIEW a AS SELECT 1 AS x", "CREATE MATERIALIZED VIEW"),
        ("CREATE OR REFRESH STREAMING TABLE a AS SELECT x FROM STREAM(b)", "CREATE STREAMING TABLE"),
        ("CREATE TEMPORARY VIEW a AS SELECT 1 AS x", "CREATE TEMPORARY VIEW"),
        ("COPY INTO a FROM 's3://b/c' FILEFORMAT = CSV", "COPY INTO"),
        ("DROP VIEW a", "DROP VIEW"),
        ("VACUUM a", "VACUUM"),
        ("REFRESH MATERIALIZED VIEW a", "REFRESH MATERIALIZED VIEW"),
        ("USE CATALOG c", "USE CATALOG"),
    ],
)
def test_kinds_of_statements(text: str, kind: str) -> None:
    """A statement is called by what it does."""
    assert [each.kind for each in shown(text).statements] == [kind]


def test_every_way_of_a_value_has_its_kind() -> None:
    """A value is taken as it is, changed or aggregated; what only decides says how."""
    text = """
        SELECT a, a + 1 AS b, sum(c) AS d, CASE WHEN e > 1 THEN f END AS g,
               sum(h) OVER (PARTITION BY i ORDER BY j) AS k, sum(l) FILTER (WHERE m) AS n
        FROM t"""
    assert shown(text, "tsql").flows == {
        "a <- t.a IDENTITY",
        "b <- t.a TRANSFORMATION",
        "d <- t.c AGGREGATION",
        "g <- t.e CONDITIONAL",
        "g <- t.f TRANSFORMATION",
        "k <- t.h AGGREGATION",
        "k <- t.i WINDOW",
        "k <- t.j WINDOW",
        "n <- t.l AGGREGATION",
        "n <- t.m FILTER",
    }


def test_clauses_decide_on_every_output() -> None:
    """What joins, filters, groups and sorts concerns all outputs."""
    text = "SELECT x.a FROM x JOIN y ON x.b = y.c WHERE x.d > 0 GROUP BY x.a HAVING max(x.e) > 1 ORDER BY x.a"
    assert shown(text).flows == {
        "a <- x.a IDENTITY",
        "a <- x.b JOIN",
        "a <- y.c JOIN",
        "a <- x.d FILTER",
        "a <- x.a GROUP_BY",
        "a <- x.e FILTER",
        "a <- x.a SORT",
    }


def test_masking_functions_are_told() -> None:
    """A hash, a mask and a count no longer show the value, wherever they stand on the way."""
    text = """WITH h AS (SELECT sha2(email, 256) AS s FROM t)
              SELECT concat(s, '!') AS a, mask(n) AS b, count(c) AS d FROM h, u"""
    assert shown(text, h=["x"], t=["email"], u=["n", "c"]).flows == {
        "a <- t.email TRANSFORMATION masked",
        "b <- u.n TRANSFORMATION masked",
        "d <- u.c AGGREGATION masked",
    }


def test_exists_takes_no_values() -> None:
    """Of the query in EXISTS only what decides on its rows is taken."""
    text = "SELECT a FROM t WHERE EXISTS (SELECT * FROM u WHERE u.i = t.i)"
    assert shown(text, t=["a", "i"], u=["i", "z"]).flows == {"a <- t.a IDENTITY", "a <- t.i FILTER", "a <- u.i FILTER"}


@pytest.mark.parametrize(
    ("text", "flows"),
    [
        ("SELECT id FROM a UNION ALL BY NAME SELECT n, id FROM b", {"id <- a.id", "id <- b.id", "n <- b.n"}),
        ("SELECT id FROM a EXCEPT SELECT k FROM b", {"id <- a.id"}),
        ("SELECT m['k'] AS x, r[0] AS y, s.f.g AS z FROM t", {"x <- t.m", "y <- t.r", "z <- t.s"}),
        ("SELECT filter(xs, x -> x > lim) AS f FROM t", {"f <- t.xs", "f <- t.lim"}),
        ("SELECT aggregate(xs, 0, (a, x) -> a + x) AS g FROM t", {"g <- t.xs"}),
        ("SELECT * EXCEPT (x), x AS y FROM (SELECT x, z FROM t)", {"z <- t.z", "y <- t.x"}),
        ("WITH c AS (SELECT a FROM t), d AS (SELECT a FROM c) SELECT a FROM d", {"a <- t.a"}),
        ("WITH c AS (SELECT a FROM t) SELECT * FROM (WITH c AS (SELECT b FROM u) SELECT b FROM c)", {"b <- u.b"}),
        ("FROM t |> WHERE x > 1 |> SELECT a, b AS c", {"a <- t.a", "c <- t.b"}),
        ("SELECT v.a FROM (VALUES (1, 2)) AS v(a, b)", set()),
        ("INSERT INTO t (x, y) VALUES ((SELECT max(a) FROM s), 2)", {"t.x <- s.a"}),
        ("INSERT INTO t BY NAME SELECT b AS y, a AS x FROM s", {"t.x <- s.a", "t.y <- s.b"}),
        ("CREATE VIEW v (x, y) AS SELECT a, b FROM s", {"v.x <- s.a", "v.y <- s.b"}),
    ],
)
def test_direct_flows(text: str, flows: set[str]) -> None:
    """Values flow from the columns that they are made of, through whatever lies between."""
    assert shown(text).direct() == flows


@pytest.mark.parametrize(
    ("text", "dialect", "flows"),
    [
        (
            "WITH d AS (DELETE FROM a WHERE x = 1 RETURNING id, x AS y) INSERT INTO b (i, j) SELECT id, y FROM d",
            "postgres",
            {"b.i <- a.id", "b.j <- a.x"},
        ),
        (
            "INSERT INTO t (a, b) SELECT x, y FROM s ON CONFLICT (a) DO UPDATE SET b = excluded.b || t.b",
            "postgres",
            {"t.a <- s.x", "t.b <- s.y", "t.b <- t.b"},
        ),
        ("WITH x AS (SELECT a, b FROM dbo.t) UPDATE x SET a = b", "tsql", {"dbo.t.a <- dbo.t.b"}),
        ("UPDATE t SET (v, w) = (s.a, s.b) FROM s", "postgres", {"t.v <- s.a", "t.w <- s.b"}),
        ("UPDATE t SET (v, w) = ROW(s.a, s.b) FROM s", "postgres", {"t.v <- s.a", "t.w <- s.b"}),
        ("UPDATE t SET (v, w) = (SELECT s.a, s.b FROM s)", "postgres", {"t.v <- s.a", "t.w <- s.b"}),
        ("UPDATE t SET (v) = (SELECT s.a FROM s), (w) = (DEFAULT)", "postgres", {"t.v <- s.a"}),
        (
            "SELECT TRANSFORM(x, y) USING 'cat' AS (a, b INT) FROM t",
            "databricks",
            {"a <- t.x", "a <- t.y", "b <- t.x", "b <- t.y"},
        ),
        ("UPDATE t SET v = s.v FROM s WHERE t.id = s.id", "snowflake", {"t.v <- s.v"}),
        ("SELECT a, b FROM t, t.items AS b", "bigquery", {"a <- t.a", "b <- t.items"}),
        ("PIVOT t ON k USING sum(v) GROUP BY g", "duckdb", {"* <- t.*", "* <- t.v"}),
        ("FROM t SELECT a", "duckdb", {"a <- t.a"}),
        ("SELECT $1 AS a, t.$2 AS b FROM @stage/x t", "snowflake", {"a <- @stage/x.$1", "b <- @stage/x.$2"}),
        ("SELECT a INTO #tmp FROM dbo.t", "tsql", {"#tmp.a <- dbo.t.a"}),
        ("MERGE t USING s ON t.i = s.i WHEN NOT MATCHED THEN INSERT ROW", "bigquery", {"t.* <- s.*"}),
        ("SELECT COLUMNS('a.*') FROM t", "duckdb", {"* <- t.*"}),
        ("SELECT k, v FROM t CROSS JOIN UNNEST(m) AS u (k, v)", "trino", {"k <- t.m", "v <- t.m"}),
        ("SELECT value FROM t, TABLE(FLATTEN(t.v))", "snowflake", {"value <- t.v"}),
        (
            "SELECT a FROM t MATCH_RECOGNIZE (MEASURES last(x.b) AS a PATTERN (x+) DEFINE x AS d > 1)",
            "snowflake",
            {"a <- t.b"},
        ),
        (
            "INSERT ALL WHEN c1 > 1 THEN INTO a (x) VALUES (c1) ELSE INTO b (y) VALUES (c2) SELECT c1, c2 FROM s",
            "snowflake",
            {"a.x <- s.c1", "b.y <- s.c2"},
        ),
        ("UNLOAD (SELECT id FROM t) TO 's3://b/x'", "athena", {"s3://b/x.id <- t.id"}),
    ],
)
def test_direct_flows_of_dialects(text: str, dialect: str, flows: set[str]) -> None:
    """Each dialect's own forms are read as it means them."""
    assert shown(text, dialect).direct() == flows


def test_pivots() -> None:
    """A pivoted column is aggregated where its condition holds; an unpivoted one is one of several."""
    text = "SELECT * FROM (SELECT y, q, a FROM s) PIVOT (sum(a) FOR q IN (1 AS q1))"
    assert shown(text).flows == {
        "y <- s.y IDENTITY",
        "q1 <- s.a AGGREGATION",
        "q1 <- s.q CONDITIONAL",
        "y <- s.y GROUP_BY",
        "q1 <- s.y GROUP_BY",
    }
    text = "SELECT x, y FROM t UNPIVOT ((x, y) FOR n IN ((a1, b1) AS one, (a2, b2) AS two))"
    assert shown(text).direct() == {"x <- t.a1", "x <- t.a2", "y <- t.b1", "y <- t.b2"}


@needs_newest
def test_many_tables_written_at_once() -> None:
    """Each table that a statement writes has the flows of its own query, and the conditions that led there."""
    text = "FROM r INSERT OVERWRITE TABLE a SELECT x WHERE k = 1 INSERT INTO TABLE b SELECT y WHERE q = 2"
    assert shown(text, a=["m"], b=["n"]).flows == {
        "a.m <- r.x IDENTITY",
        "a.m <- r.k FILTER",
        "b.n <- r.y IDENTITY",
        "b.n <- r.q FILTER",
    }
    text = "INSERT FIRST WHEN c > 1 THEN INTO a (x) VALUES (c) ELSE INTO b (y) VALUES (d) SELECT c, d FROM s"
    assert "b.y <- s.c CONDITIONAL" in shown(text, "snowflake").flows


def test_recursion_is_followed_to_its_end() -> None:
    """A column that a recursion moves from place to place comes from all places that it passes."""
    text = "WITH RECURSIVE r AS (SELECT a, b, c FROM t UNION ALL SELECT b, c, a FROM r) SELECT a FROM r"
    assert shown(text).direct() == {"a <- t.a", "a <- t.b", "a <- t.c"}


def test_a_merge_with_stars_takes_columns_by_name() -> None:
    """What a star of MERGE writes comes from the column of the same name, without those left out."""
    text = """MERGE INTO t USING s ON t.id = s.id
              WHEN MATCHED THEN UPDATE SET * EXCEPT (x) WHEN NOT MATCHED THEN INSERT * EXCEPT (x)"""
    found = shown(text, t=["id", "x", "y"], s=["id", "x", "y"])
    assert found.direct() == {"t.id <- s.id", "t.y <- s.y"}
    assert "t.y <- s.id JOIN" in found.flows


def test_a_delete_is_decided_by_what_it_compares() -> None:
    """A DELETE moves no value; what decides on its rows concerns all columns of its table."""
    assert shown("DELETE FROM t WHERE id IN (SELECT r.k FROM r)").flows == {
        "t.* <- r.k FILTER",
        "t.* <- t.id FILTER",
    }


def test_no_name_comes_from_a_literal() -> None:
    """An output without a name is called after its position, never after the text of a literal in it."""
    found = shown("SELECT concat('hunter2', a), 'hunter2', a || 'hunter2' FROM t")
    assert found.flows == {"_c0 <- t.a TRANSFORMATION", "_c2 <- t.a TRANSFORMATION"}
    assert "hunter2" not in repr(found.statements)


def test_deciding_columns_of_very_wide_outputs_are_said_once() -> None:
    """Where spelling out what decides on every output would be more than 10,000 flows, it is said of all at once."""
    outputs = ", ".join(f"c{i}" for i in range(1_500))
    conditions = " AND ".join(f"d{i} > 0" for i in range(10))
    found = shown(f"INSERT INTO t SELECT {outputs} FROM s WHERE {conditions}")
    assert len(found.flows) == 1_510
    assert "t.* <- s.d3 FILTER" in found.flows


def test_what_is_replaced_on_a_condition() -> None:
    """INSERT … REPLACE ON compares the table's rows with the query's, each by its alias, in parentheses or not."""
    values = {"t.i <- s.i IDENTITY", "t.v <- s.v AGGREGATION"}
    for condition in ("(a.i <=> b.i)", "a.i <=> b.i"):
        text = f"INSERT INTO t AS a REPLACE ON {condition} (SELECT i, sum(v) AS v FROM s GROUP BY i) AS b"
        found = shown(text, t=["i", "v"])
        assert found.flows >= values | {"t.v <- t.i FILTER", "t.v <- s.i FILTER", "t.v <- s.i GROUP_BY"}
        assert found.doubts == set()


def test_values_are_in_no_doubt() -> None:
    """Where nothing flows, it does not matter that a table's columns are not known."""
    assert [each.status.value for each in shown("INSERT INTO t VALUES (1, 'a')").statements] == ["resolved"]


def test_marks_of_drivers_are_parameters() -> None:
    """What a driver fills in before it sends is no syntax error, and a remainder stays one."""
    found = shown("INSERT INTO t (a, b) SELECT a, %(x)s FROM s WHERE b = %s AND c % 2 = 1")
    assert found.flows == {f"t.{to} <- s.{of} FILTER" for to in "ab" for of in "bc"} | {"t.a <- s.a IDENTITY"}
    assert shown("SELECT a %s FROM t").reads == ["t"]


@pytest.mark.parametrize(
    ("text", "decided"),
    [
        ("DELETE FROM s WHERE k = 1 RETURNING i", {"t.i <- s.k FILTER"}),
        ("DELETE FROM s USING u WHERE s.k = u.k RETURNING s.i", {"t.i <- s.k FILTER", "t.i <- u.k FILTER"}),
        ("UPDATE s SET i = u.i FROM u WHERE s.k = u.k RETURNING u.i", {"t.i <- s.k FILTER", "t.i <- u.k FILTER"}),
        ("INSERT INTO s (i) VALUES (1) RETURNING i", set()),
    ],
)
def test_what_a_change_returns_is_decided_by_what_the_change_is(text: str, decided: set[str]) -> None:
    """Which rows a statement changes, and gives to the statement around it, depends on its own condition."""
    found = shown(f"WITH m AS ({text}) INSERT INTO t (i) SELECT i FROM m", "postgres")
    assert {flow for flow in found.flows if flow.startswith("t.i") and flow.endswith("FILTER")} == decided
    assert [each.status.value for each in found.statements] == ["resolved"]


def test_a_conflict_is_decided_by_its_condition() -> None:
    """What is written where a row is there already depends on the condition of DO UPDATE."""
    text = "INSERT INTO t (i, v) SELECT i, a FROM s ON CONFLICT (i) DO UPDATE SET v = 0 WHERE t.w > 3"
    found = shown(text, "postgres")
    assert "t.v <- t.w CONDITIONAL" in found.flows
    assert found.reads == ["s", "t"]


@pytest.mark.parametrize(
    ("text", "decided"),
    [
        ("SELECT a, explode(xs) AS x FROM t", {"a <- t.xs JOIN", "x <- t.xs JOIN"}),
        ("SELECT a FROM t LATERAL VIEW explode(xs) v AS x", {"a <- t.xs JOIN"}),
        ("SELECT a FROM t UNPIVOT (v FOR w IN (b))", {"a <- t.b FILTER"}),
        ("SELECT a FROM t UNPIVOT INCLUDE NULLS (v FOR w IN (b))", set()),
        ("SELECT stack(2, a, b) AS x FROM t", set()),
    ],
)
def test_what_makes_rows_decides_on_all_of_them(text: str, decided: set[str]) -> None:
    """How many rows an array gives, and which values are null that become rows, concerns every output."""
    assert {flow for flow in shown(text, t=["a", "b", "xs"]).flows if flow.split()[-1] in {"JOIN", "FILTER"}} == decided


_JOINED = {f"t.{column} <- {source} JOIN" for column in "ab" for source in ("t.a", "s.x")}


@pytest.mark.parametrize(
    ("text", "flows"),
    [
        ("INSERT INTO t (a) SELECT 1 FROM s WHERE x > 0", {"t.a <- s.x FILTER", "t.b <- s.x FILTER"}),
        ("MERGE INTO t USING s ON a = x WHEN NOT MATCHED THEN INSERT (a) VALUES (DEFAULT)", _JOINED),
        ("MERGE INTO t USING s ON a = x WHEN MATCHED THEN DELETE", _JOINED),
        ("MERGE INTO t USING s ON a = x WHEN MATCHED THEN UPDATE SET b = 1", {"t.b <- t.a JOIN", "t.b <- s.x JOIN"}),
        ("UPDATE t SET b = DEFAULT WHERE a > 0", {"t.b <- t.a FILTER"}),
    ],
)
def test_whole_rows_concern_columns_that_are_not_named(text: str, flows: set[str]) -> None:
    """New rows fill, and removed ones empty, also the columns of which a statement says nothing."""
    assert shown(text, t=["a", "b"], s=["x", "y"]).flows == flows


def test_a_merge_that_deletes_concerns_columns_that_nobody_knows() -> None:
    """Without the schema a clause that deletes concerns the whole target."""
    text = "MERGE INTO t USING s ON t.a = s.x WHEN MATCHED AND s.y THEN DELETE WHEN MATCHED THEN UPDATE SET b = s.x"
    assert {"t.* <- s.y CONDITIONAL", "t.* <- s.x JOIN", "t.b <- s.x IDENTITY"} <= shown(text).flows


@pytest.mark.parametrize(
    ("text", "dialect", "flows"),
    [
        ("COPY INTO t FROM (SELECT y AS b, x AS a FROM 's3://f') FILEFORMAT = CSV", "databricks", {"b <- y", "a <- x"}),
        ("COPY INTO t (b, a) FROM (SELECT x, y FROM 's3://f') FILEFORMAT = CSV", "databricks", {"b <- x", "a <- y"}),
        ("COPY INTO t FROM (SELECT y AS b, x AS a FROM 's3://f')", "snowflake", {"a <- y", "b <- x"}),
    ],
)
def test_a_copy_of_databricks_takes_columns_by_name(text: str, dialect: str, flows: set[str]) -> None:
    """What COPY INTO selects goes by name in Databricks, where it lists no columns, and by place elsewhere."""
    found = shown(text, dialect, t=["a", "b"]).direct()
    assert {flow.replace("s3://f.", "").removeprefix("t.") for flow in found} == flows


@pytest.mark.parametrize(
    "clause",
    [
        "(CONSTRAINT c EXPECT (x > 1))",
        "(CONSTRAINT c EXPECT (x > 1) ON VIOLATION DROP ROW, CONSTRAINT `d` EXPECT (f(x)) ON VIOLATION FAIL UPDATE)",
        "(x INT COMMENT 'k', CONSTRAINT c EXPECT (x > 1))",
        "(CONSTRAINT c EXPECT (x > 1), x INT)",
        "SCHEDULE EVERY 1 HOUR",
        "SCHEDULE REFRESH CRON '0 0 * * * ?' AT TIME ZONE 'UTC' COMMENT 'k'",
        "TRIGGER ON UPDATE AT MOST EVERY INTERVAL 1 HOUR",
        "COMMENT 'k' SCHEDULE",
    ],
)
def test_expectations_and_schedules_change_no_lineage(clause: str) -> None:
    """What a materialized view expects of its rows and when it is refreshed keeps no column from being found."""
    found = shown(f"CREATE OR REFRESH MATERIALIZED VIEW v {clause} AS SELECT x FROM s.t")
    assert (found.reads, found.writes) == (["s.t"], ["v"])
    assert found.flows == ({"v.x <- s.t.x IDENTITY"} if not clause.endswith("SCHEDULE") else set())


@pytest.mark.parametrize(
    ("text", "dialect", "reads", "writes"),
    [
        ("CREATE VIEW v AS TABLE a.b", "databricks", ["a.b"], ["v"]),
        ("CREATE TEMP VIEW v AS TABLE a.b", "databricks", ["a.b"], []),
        ("REPLACE TABLE v AS SELECT x FROM a", "spark", ["a"], ["v"]),
        ("INSERT INTO a OUTPUT inserted.i INTO b SELECT x FROM c", "tsql", ["c"], ["a", "b"]),
        ("UPDATE a SET x = 1 OUTPUT inserted.i INTO @b", "tsql", [], ["a"]),
        ("ALTER TABLE a SWAP WITH b", "snowflake", [], ["a", "b"]),
        ("OPTIMIZE Main.Sales.Orders", "databricks", [], ["main.sales.orders"]),
        ('VACUUM "Orders"', "postgres", [], ["Orders"]),
    ],
)
def test_tables_that_are_easily_lost(text: str, dialect: str, reads: list[str], writes: list[str]) -> None:
    """TABLE in place of a query, REPLACE alone, OUTPUT INTO, SWAP; and what has no tree is spelled as what has one."""
    found = shown(text, dialect)
    assert (found.reads, found.writes) == (reads, writes)


def test_a_view_that_is_given_another_query_is_made_of_it() -> None:
    """ALTER VIEW … AS is where the view's columns come from; a temporary one stays none that is written."""
    assert shown("ALTER VIEW v AS SELECT a, upper(b) AS c FROM s").direct() == {"v.a <- s.a", "v.c <- s.b"}
    text = (
        "CREATE TEMP VIEW v AS SELECT a FROM s; ALTER VIEW v AS SELECT b AS a FROM r; CREATE TABLE t AS SELECT a FROM v"
    )
    found = shown(text)
    assert ("t.a <- r.b" in found.direct(), found.reads, found.writes) == (True, ["s", "r", "r"], ["t"])
