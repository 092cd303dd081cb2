"""What Databricks SQL means where DuckDB would mean something else, and how statements fail."""

from __future__ import annotations

import pytest
from databricks.sdk.service.sql import StatementState

from genops.testing.workspace import LocalWorkspace
from genops.testing.workspace.sql.failures import SqlError
from support.sdk import workspace_client


@pytest.fixture(scope="module")
def ws():
    """A workspace with a small table."""
    with LocalWorkspace(transition_polls=0) as workspace:
        workspace.execute(
            "CREATE TABLE t (id INT, name STRING, d DECIMAL(10,2), arr ARRAY<INT>, m MAP<STRING, INT>, "
            "s STRUCT<a: INT, b: STRING>);"
            "INSERT INTO t VALUES (1, 'a', 1.50, array(1, 2), map('k', 1), named_struct('a', 7, 'b', 'x')),"
            " (2, 'b', 2.25, array(), NULL, NULL), (3, NULL, NULL, NULL, NULL, NULL);"
            "CREATE VIEW v AS SELECT sum(d) AS total FROM t"
        )
        yield workspace


@pytest.mark.parametrize(
    ("query", "rows"),
    [
        ("SELECT name FROM t ORDER BY name", [[None], ["a"], ["b"]]),
        ("SELECT name FROM t ORDER BY name DESC", [["b"], ["a"], [None]]),
        ("SELECT id FROM t ORDER BY row_number() OVER (ORDER BY name)", [["3"], ["1"], ["2"]]),
        ("SELECT sum(d), avg(d), sum(d) / count(d) FROM t", [["3.75", "1.875000", "1.87500000000000000000"]]),
        ("SELECT total / 3 FROM v", [["1.250000"]]),
        ("SELECT avg(d) OVER (PARTITION BY id) FROM t ORDER BY id", [["1.500000"], ["2.250000"], [None]]),
        ("SELECT s.a + 1, t.s.b, arr[0], m['k'] FROM t WHERE id = 1", [["8", "x", "1", "1"]]),
        ("SELECT id, e FROM t LATERAL VIEW explode(arr) x AS e ORDER BY e", [["1", "1"], ["1", "2"]]),
        (
            "SELECT id, e FROM t LATERAL VIEW OUTER explode(arr) AS e WHERE id > 1 ORDER BY id",
            [["2", None], ["3", None]],
        ),
        ("SELECT posexplode(arr) AS (p, e) FROM t", [["0", "1"], ["1", "2"]]),
        ("SELECT k, w FROM t LATERAL VIEW explode(m) x AS k, w", [["k", "1"]]),
        ("SELECT explode_outer(arr) FROM t WHERE id = 2", [[None]]),
        ("SELECT name, count(*) FROM t GROUP BY ALL ORDER BY name", [[None, "1"], ["a", "1"], ["b", "1"]]),
        ("SELECT id FROM t QUALIFY row_number() OVER (ORDER BY id DESC) = 1", [["3"]]),
        ("SELECT * FROM (SELECT name, id FROM t) PIVOT (sum(id) FOR name IN ('a' AS x, 'b' AS y))", [["1", "2"]]),
        ("SELECT name, sum(id) FROM t GROUP BY name WITH ROLLUP ORDER BY 2 DESC LIMIT 1", [[None, "6"]]),
        ("SELECT ID, t.Name FROM T WHERE nAmE = 'a'", [["1", "a"]]),
        ("SELECT id AS x, x + 1 FROM t WHERE id = 1", [["1", "2"]]),
        ("SELECT * EXCEPT (d, arr, m, s) FROM t WHERE id = 1", [["1", "a"]]),
        ("SELECT a FROM VALUES (2), (1) AS v(a) ORDER BY a", [["1"], ["2"]]),
        ("WITH RECURSIVE r(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM r WHERE n < 3) SELECT max(n) FROM r", [["3"]]),
        ("SELECT id FROM range(2, 4)", [["2"], ["3"]]),
        ("WITH t AS (SELECT id + 1 AS id FROM t) SELECT max(id) FROM t", [["4"]]),
        ("WITH t AS (SELECT id * 2 AS id FROM t), u AS (SELECT id + 1 AS i FROM t) SELECT max(i) FROM u", [["7"]]),
        ("SELECT 'x' AS a, 1 AS b UNION BY NAME SELECT 2.5 AS b, 'y' AS a ORDER BY a", [["x", "1.0"], ["y", "2.5"]]),
        ("SELECT 1 AS a UNION ALL BY NAME SELECT 'y' AS c ORDER BY a", [[None, "y"], ["1", None]]),
        ("SELECT t.id FROM t LEFT ANTI JOIN (SELECT 1 AS id) u ON t.id = u.id ORDER BY id", [["2"], ["3"]]),
        ("SELECT count(DISTINCT id, name) FROM t", [["2"]]),
        ("SELECT last(name IGNORE NULLS), first(d, true) FROM t", [["b", "1.50"]]),
        ("SELECT listagg(name, ',') WITHIN GROUP (ORDER BY name DESC) FROM t", [["b,a"]]),
        ("SELECT 'S\\\\%' LIKE 'S\\\\%', 'a_c' LIKE 'a\\\\_c', 'abc' LIKE 'a\\\\_c'", [["false", "true", "false"]]),
        ("SELECT 'abc' NOT LIKE 'a%', NOT 'abc' ILIKE 'A%'", [["false", "false"]]),
    ],
)
def test_meaning(ws, query, rows):
    """Order of nulls, decimals, indexes from 0, generators, names without case: as Databricks has them."""
    assert ws.execute(query) == rows


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ("SELECT id + 1, upper(name), count(*) FROM t GROUP BY ALL", ["(id + 1)", "upper(name)", "count(1)"]),
        ("SELECT 'x', 1.5, -1, NULL, true", ["x", "1.5", "-1", "NULL", "true"]),
        ("SELECT CAST(id AS STRING), id = 1 AND NOT name = 'a' FROM t", [
            "CAST(id AS STRING)", "((id = 1) AND (NOT (name = a)))"]),
        ("SELECT s.a, DATE'2024-01-01', id % 2 FROM t", ["a", "DATE '2024-01-01'", "(id % 2)"]),
        ("SELECT CASE WHEN id > 1 THEN 'x' ELSE 'y' END FROM t", ["CASE WHEN (id > 1) THEN x ELSE y END"]),
    ],
)  # fmt: skip
def test_names_of_columns(ws, query, names):
    """Columns without a name get the one that Databricks derives from their expression."""
    done = workspace_client(ws).statement_execution.execute_statement(query, ws.warehouse_id)
    assert [column.name for column in done.manifest.schema.columns] == names


@pytest.mark.parametrize(
    ("query", "error_class", "sql_state"),
    [
        ("SELECT * FROM nope", "TABLE_OR_VIEW_NOT_FOUND", "42P01"),
        ("SELECT nope FROM t", "UNRESOLVED_COLUMN.WITH_SUGGESTION", "42703"),
        ("SELECT t.nope FROM t", "UNRESOLVED_COLUMN.WITH_SUGGESTION", "42703"),
        ("SELECT nope", "UNRESOLVED_COLUMN.WITHOUT_SUGGESTION", "42703"),
        ("SELECT id AS x FROM t WHERE x = 1", "UNRESOLVED_COLUMN.WITH_SUGGESTION", "42703"),
        ("SELECT id FROM t, t u", "AMBIGUOUS_REFERENCE", "42704"),
        ("SELECT nosuch(1)", "UNRESOLVED_ROUTINE", "42883"),
        ("SELECT upper(name, 1) FROM t", "WRONG_NUM_ARGS.WITHOUT_SUGGESTION", "42605"),
        ("SELECT FROM WHERE", "PARSE_SYNTAX_ERROR", "42601"),
        ("SELECT 1 / 0", "DIVIDE_BY_ZERO", "22012"),
        ("SELECT 1 % 0", "REMAINDER_BY_ZERO", "22012"),
        ("SELECT 1.5 / 0.0", "DIVIDE_BY_ZERO", "22012"),
        ("SELECT 1 div 0", "DIVIDE_BY_ZERO", "22012"),
        ("SELECT id / (id - 1) FROM t", "DIVIDE_BY_ZERO", "22012"),
        ("SELECT CAST('x' AS INT)", "CAST_INVALID_INPUT", "22018"),
        ("SELECT CAST('1.5' AS INT)", "CAST_INVALID_INPUT", "22018"),
        ("SELECT CAST('2024/01/01' AS DATE)", "CAST_INVALID_INPUT", "22018"),
        ("SELECT CAST('2024-13-01' AS DATE)", "CAST_INVALID_INPUT", "22018"),
        ("SELECT to_date('1/2/2024', 'dd/MM/yyyy')", "CANNOT_PARSE_TIMESTAMP", "22007"),
        ("SELECT CAST(300 AS TINYINT)", "CAST_OVERFLOW", "22003"),
        ("SELECT CAST(99999 AS DECIMAL(4,1))", "NUMERIC_VALUE_OUT_OF_RANGE.WITH_SUGGESTION", "22003"),
        ("SELECT 2147483647 + 1", "ARITHMETIC_OVERFLOW", "22003"),
        ("SELECT sum(x) FROM VALUES (9223372036854775807), (1) AS t(x)", "ARITHMETIC_OVERFLOW", "22003"),
        ("SELECT array(1)[1]", "INVALID_ARRAY_INDEX", "22003"),
        ("SELECT element_at(array(1), 2)", "INVALID_ARRAY_INDEX_IN_ELEMENT_AT", "22003"),
        ("SELECT raise_error('no')", "USER_RAISED_EXCEPTION", "P0001"),
        ("SELECT id, count(*) FROM t", "MISSING_AGGREGATION", "42803"),
        ("SELECT id FROM t WHERE count(*) > 1", "INVALID_WHERE_CONDITION", "42903"),
        ("SELECT (SELECT id FROM t)", "SCALAR_SUBQUERY_TOO_MANY_ROWS", "21000"),
        ("SELECT 1 UNION SELECT 1, 2", "NUM_COLUMNS_MISMATCH", "42826"),
        ("SELECT 1; SELECT 2", "PARSE_SYNTAX_ERROR", "42601"),
        ("", "PARSE_EMPTY_STATEMENT", "42617"),
        ("CREATE TABLE t (id INT)", "TABLE_OR_VIEW_ALREADY_EXISTS", "42P07"),
        ("CREATE TABLE nope.t (id INT)", "SCHEMA_NOT_FOUND", "42704"),
        ("INSERT INTO v SELECT 1", "EXPECT_TABLE_NOT_VIEW.NO_ALTERNATIVE", "42809"),
    ],
)
def test_failures_have_the_class_and_the_state(ws, query, error_class, sql_state):
    """What fails has the error class and the SQL state of Databricks."""
    engine_failure = pytest.raises(SqlError)
    if not query:
        from genops.testing.workspace.sql.sessions import Session

        with engine_failure as failure:
            ws._engine.run(" ", Session("main", "default"), sink=lambda _: None)
    elif ";" in query:
        done = workspace_client(ws).statement_execution.execute_statement(query, ws.warehouse_id)
        assert (done.status.state, done.status.sql_state) == (StatementState.FAILED, sql_state)
        return
    else:
        with engine_failure as failure:
            ws.execute(query)
    assert failure.value.message.startswith(f"[{error_class}]"), failure.value.message
    assert failure.value.sql_state == sql_state


def test_a_suggestion_names_the_nearest_columns(ws):
    """An unknown column is answered with the columns that it may have meant, the nearest first."""
    with pytest.raises(SqlError, match=r"name `nam` cannot be resolved. Did you mean one of the following\? \[`name`"):
        ws.execute("SELECT nam FROM t")


@pytest.mark.parametrize(
    "query",
    [
        "SELECT x:a FROM (SELECT '{}' AS x)",
        "SELECT id FROM t WHERE name LIKE ANY ('a%', 'b%')",
        "SELECT * FROM table_changes('t', 1)",
        "SELECT id FROM t GROUP BY ALL QUALIFY row_number() OVER (ORDER BY id) = 1",
        "MERGE WITH SCHEMA EVOLUTION INTO t USING t AS s ON t.id = s.id WHEN MATCHED THEN DELETE",
        "INSERT OVERWRITE t PARTITION (id = 1) SELECT 1",
        "SELECT id FROM t SORT BY id",
        "SELECT window(current_timestamp(), '1 hour')",
        "SELECT CAST('1' AS INTERVAL DAY)",
    ],
)
def test_what_cannot_be_translated_is_refused(ws, query):
    """Syntax that has no honest translation fails as unsupported."""
    with pytest.raises(SqlError, match="UNSUPPORTED_BY_LOCAL_WORKSPACE"):
        ws.execute(query)


def test_a_statement_reports_what_it_read_and_wrote(ws):
    """The outcome of a statement names tables and paths, rows and files, measured from what ran."""
    from genops.testing.workspace.sql.sessions import Session

    def run(sql):
        return ws._engine.run(sql, Session("main", "default"), sink=lambda result: result.rows(1000))

    ws.execute("CREATE OR REPLACE TABLE copied (id INT)")
    done = run("INSERT INTO copied SELECT t.id FROM t JOIN v ON true")
    assert (done.reads, done.writes) == (["main.default.t", "main.default.v"], ["main.default.copied"])
    assert (done.written_rows, done.modified) == (3, 3)
    for _ in range(2):  # the second time by its plan
        read = run("SELECT id FROM copied WHERE id > 1")
        assert (read.reads, read.profile.rows_read) == (["main.default.copied"], 3)
    ws.execute("INSERT INTO copied VALUES (4)")
    assert run("SELECT id FROM copied WHERE id > 1").profile.rows_read == 4
