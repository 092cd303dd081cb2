"""Statement execution and the SQL dialect of the local workspace, by the real SDK."""

from __future__ import annotations

import pytest
from databricks.sdk import errors
from databricks.sdk.service import sql

from genops.testing.workspace import LocalWorkspace
from genops.testing.workspace.sql.failures import SqlError
from support.polling import eventually

State = sql.StatementState


@pytest.fixture(scope="module")
def ws():
    """A workspace."""
    with LocalWorkspace(transition_polls=0, chunk_rows=1000) as workspace:
        workspace.execute(
            "CREATE TABLE people (id INT, name STRING); INSERT INTO people VALUES (1, 'a'), (2, 'b'), (3, NULL);"
            "CREATE CATALOG other; CREATE SCHEMA other.s; CREATE TABLE other.s.places AS SELECT 1 AS id, 'x' AS place"
        )
        yield workspace


@pytest.fixture
def run(ws, w):
    """Executes a statement on the default warehouse."""

    def execute(text, **options):
        return w.statement_execution.execute_statement(text, ws.warehouse_id, **options)

    return execute


def test_result_has_schema_and_string_values(run):
    """Values travel as strings, null stays null, and the manifest names the types."""
    done = run("SELECT 1 AS i, 1.50 AS d, true AS b, CAST(NULL AS INT) AS n, 'x' AS s, DATE'2024-02-29' AS day")
    assert done.status.state is State.SUCCEEDED
    assert done.result.data_array == [["1", "1.50", "true", None, "x", "2024-02-29"]]
    columns = [(column.name, column.type_name.value, column.type_text) for column in done.manifest.schema.columns]
    assert columns == [
        ("i", "INT", "INT"),
        ("d", "DECIMAL", "DECIMAL(3,2)"),
        ("b", "BOOLEAN", "BOOLEAN"),
        ("n", "INT", "INT"),
        ("s", "STRING", "STRING"),
        ("day", "DATE", "DATE"),
    ]
    assert (done.manifest.total_row_count, done.manifest.truncated) == (1, False)
    assert done.manifest.total_byte_count is None  # not told of inline results


def test_failed_statement_is_an_answer(run):
    """A statement that fails is HTTP 200 with FAILED, an error and an SQL state."""
    done = run("SELECT * FROM nowhere")
    assert (done.status.state, done.status.sql_state) == (State.FAILED, "42P01")
    assert done.status.error.error_code is sql.ServiceErrorCode.BAD_REQUEST
    assert "[TABLE_OR_VIEW_NOT_FOUND]" in done.status.error.message
    assert "`main`.`default`.`nowhere`" in done.status.error.message


@pytest.mark.parametrize(
    ("text", "state", "error_class"),
    [
        ("SELEC 1", "42601", "PARSE_SYNTAX_ERROR"),
        ("SELECT nope FROM people", "42703", "UNRESOLVED_COLUMN"),
        ("SELECT 1/0", "22012", "DIVIDE_BY_ZERO"),
        ("SELECT id % 0 FROM people", "22012", "REMAINDER_BY_ZERO"),
        ("SELECT CAST('a' AS INT)", "22018", "CAST_INVALID_INPUT"),
        ("CREATE TABLE people (id INT)", "42P07", "TABLE_OR_VIEW_ALREADY_EXISTS"),
        ("CREATE TABLE main.nowhere.t (id INT)", "42704", "SCHEMA_NOT_FOUND"),
        ("CREATE TABLE nowhere.s.t (id INT)", "42704", "NO_SUCH_CATALOG"),
        ("DROP TABLE nowhere", "42P01", "TABLE_OR_VIEW_NOT_FOUND"),
        ("SELECT :absent", "42P02", "UNBOUND_SQL_PARAMETER"),
        ("-- nothing", "42617", "PARSE_EMPTY_STATEMENT"),
        ("SELECT 1; SELECT 2", "42601", "PARSE_SYNTAX_ERROR"),
    ],
)
def test_failures_have_their_sql_states(run, text, state, error_class):
    """Errors have the class and the SQL state of Databricks."""
    status = run(text).status
    assert (status.state, status.sql_state) == (State.FAILED, state)
    assert error_class in status.error.message


@pytest.mark.parametrize(
    "text",
    [
        "SELECT hash(1)",
        "SELECT * FROM table_changes('people', 1)",
        "SELECT * FROM read_csv('/etc/passwd')",
        "SELECT * FROM delta.`/Volumes/main/default/v`",
        "CREATE TABLE p (id INT) USING PARQUET",
        "CREATE TABLE p (code VARCHAR(3))",
        "CREATE TABLE p (codes ARRAY<CHAR(2)>)",
        "ALTER TABLE people ADD COLUMN code VARCHAR(3)",
        "CREATE GLOBAL TEMPORARY VIEW v AS SELECT 1",
        "CREATE FUNCTION f(x INT) RETURNS INT LANGUAGE PYTHON AS $$ return x $$",
        "EXPLAIN CODEGEN SELECT 1",
        "UNDROP TABLE people",
        "SHOW LOCKS",
    ],
)
def test_what_cannot_run_says_so(run, text):
    """What the workspace cannot run fails as unsupported and never guesses."""
    status = run(text).status
    assert (status.state, status.sql_state) == (State.FAILED, "0A000")
    assert "[UNSUPPORTED_BY_LOCAL_WORKSPACE]" in status.error.message


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("CAST(1.7 AS INT)", "1"),
        ("CAST(-1.7 AS INT)", "-1"),
        ("CAST(CAST(2.5 AS DOUBLE) AS BIGINT)", "2"),
        ("7 / 2", "3.5"),
        ("7 DIV 2", "3"),
        ("10 / (4 / 2)", "5.0"),
        ("dayofweek(DATE'2024-01-07')", "1"),
        ("concat('a', NULL)", None),
        ("current_user()", "user@example.com"),
        ("current_catalog()", "main"),
        ("array(1, 2)[0]", "1"),
        ("TIMESTAMP'2024-01-01 10:00:00'", "2024-01-01T10:00:00.000Z"),
        ("date_format(DATE'2024-03-05', 'yyyy/MM/dd')", "2024/03/05"),
        ("named_struct('a', 1)", '{"a":"1"}'),
        ("CAST('NaN' AS DOUBLE)", "NaN"),
        ("datediff(DATE'2024-01-31', DATE'2024-01-01')", "30"),
        ("nvl(NULL, 5)", "5"),
        ("if(1 > 2, 'a', 'b')", "b"),
    ],
)
def test_expressions_mean_what_they_mean_in_databricks(ws, expression, value):
    """Where DuckDB means something else by the same words the answer is Databricks'."""
    assert ws.execute(f"SELECT {expression}") == [[value]]


def test_named_parameters_are_typed(run):
    """Values of :name markers have their types, and null is null."""
    item = sql.StatementParameterListItem
    done = run(
        "SELECT id FROM people WHERE id >= :low AND (:name IS NULL OR name = :name) ORDER BY id",
        parameters=[item(name="low", value="2", type="INT"), item(name="name")],
    )
    assert done.result.data_array == [["2"], ["3"]]


def test_parameter_is_never_syntax(run):
    """A value with SQL in it stays a value."""
    item = sql.StatementParameterListItem(name="x", value="'; DROP TABLE people; --")
    assert run("SELECT :x", parameters=[item]).result.data_array == [["'; DROP TABLE people; --"]]


def test_catalog_and_schema_are_defaults(run):
    """A statement's catalog and schema fill in short names; full names cross catalogs."""
    assert run("SELECT place FROM places", catalog="other", schema="s").result.data_array == [["x"]]
    joined = run("SELECT name, main.default.people.id FROM other.s.places o JOIN people ON people.id = o.id")
    assert joined.result.data_array == [["a", "1"]]


def test_common_table_expressions_shadow_tables(ws):
    """A WITH name is not looked up in the catalog."""
    assert ws.execute("WITH nowhere AS (SELECT id FROM people) SELECT max(id) FROM nowhere") == [["3"]]


def test_nulls_sort_first(ws):
    """ORDER BY puts nulls first, as Databricks does."""
    assert ws.execute("SELECT name FROM people ORDER BY name") == [[None], ["a"], ["b"]]


def test_changes_of_rows_give_counts(ws):
    """INSERT, UPDATE, DELETE, MERGE and INSERT OVERWRITE give the counts that Databricks gives."""
    ws.execute("CREATE OR REPLACE TABLE changed (id INT, n STRING)")
    assert ws.execute("INSERT INTO changed VALUES (1, 'a'), (2, 'b')") == [["2", "2"]]
    assert ws.execute("UPDATE changed SET n = 'c' WHERE id = 2") == [["1"]]
    merge = (
        "MERGE INTO changed t USING (SELECT 2 AS id, 'd' AS n UNION ALL SELECT 3, 'e') s ON t.id = s.id "
        "WHEN MATCHED THEN UPDATE SET t.n = s.n WHEN NOT MATCHED THEN INSERT (id, n) VALUES (s.id, s.n)"
    )
    assert ws.execute(merge) == [["2", "1", "0", "1"]]
    assert ws.execute("DELETE FROM changed WHERE id = 1") == [["1"]]
    assert ws.execute("INSERT OVERWRITE changed SELECT id * 10, n FROM changed") == [["2", "2"]]
    assert ws.execute("SELECT * FROM changed ORDER BY id") == [["20", "d"], ["30", "e"]]


@pytest.mark.parametrize("limit", [{"row_limit": 10}, {"byte_limit": 100}])
def test_limits_truncate(run, limit):
    """row_limit and byte_limit cut the result and say so; a byte limit leaves out the block that exceeds it."""
    done = run("SELECT id FROM range(2500)", **limit)
    assert done.manifest.truncated
    assert done.manifest.total_row_count == limit.get("row_limit", 0)


@pytest.mark.parametrize("options", [{"wait_timeout": "3s"}, {"wait_timeout": "soon"}])
def test_impossible_waits_are_refused(run, options):
    """wait_timeout is 0s or 5s to 50s."""
    with pytest.raises(errors.InvalidParameterValue):
        run("SELECT 1", **options)


def test_unknown_warehouse_and_statement_are_refused(w):
    """What is no id is invalid; a warehouse or a statement that is not there is forbidden or not found."""
    with pytest.raises(errors.InvalidParameterValue, match="not a valid endpoint id"):
        w.statement_execution.execute_statement("SELECT 1", "nowhere")
    with pytest.raises(errors.NotFound):
        w.statement_execution.get_statement("01f00000-0000-1000-8000-000000000000")
    with pytest.raises(errors.PermissionDenied):
        w.statement_execution.execute_statement("SELECT 1", "0123456789abcdef")
    with pytest.raises(errors.InvalidParameterValue, match="statement_id"):
        w.statement_execution.get_statement("nothing")


def test_set_up_sql_raises_its_failure(ws):
    """ws.execute raises with message and SQL state, and leaves no request and no history."""
    count = len(ws.requests)
    with pytest.raises(SqlError) as caught:
        ws.execute("SELECT 1; SELECT * FROM nowhere")
    assert caught.value.sql_state == "42P01"
    assert len(ws.requests) == count


def test_tables_are_emptied_and_commented(ws, w):
    """TRUNCATE empties a table and COMMENT ON describes it."""
    ws.execute("CREATE TABLE emptied AS SELECT 1 AS id; COMMENT ON TABLE emptied IS 'gone'; TRUNCATE TABLE emptied")
    assert ws.execute("SELECT count(*) FROM emptied") == [["0"]]
    assert w.tables.get("main.default.emptied").comment == "gone"


def test_create_if_not_exists_keeps_what_is_there(ws):
    """IF NOT EXISTS leaves the object as it is, IF EXISTS forgives one that is absent."""
    ws.execute("CREATE TABLE IF NOT EXISTS people (other INT); CREATE SCHEMA IF NOT EXISTS main.default")
    ws.execute("DROP TABLE IF EXISTS nowhere; DROP SCHEMA IF EXISTS main.nowhere; CREATE CATALOG IF NOT EXISTS main")
    ws.execute("DROP VOLUME IF EXISTS nowhere; DROP CATALOG IF EXISTS nowhere")
    assert ws.execute("SELECT count(*) FROM people") == [["3"]]


@pytest.mark.parametrize(
    "text",
    [
        "INSERT INTO just VALUES (1)",
        "UPDATE just SET one = 2",
        "DROP TABLE just",
        "CREATE OR REPLACE TABLE just AS SELECT 1 AS one",
    ],
)
def test_views_are_not_tables(ws, run, text):
    """What is for tables fails on a view."""
    ws.execute("CREATE OR REPLACE VIEW just AS SELECT 1 AS one")
    assert run(text).status.sql_state == "42809"


@pytest.mark.parametrize(
    "text",
    [
        "ALTER TABLE people RENAME TO other.s.people",
        "ALTER TABLE people ALTER COLUMN id TYPE BIGINT",
        "INSERT INTO people REPLACE WHERE id = 1 SELECT 9, 'z'",
        "CREATE TABLE g (id BIGINT GENERATED ALWAYS AS IDENTITY)",
        "SELECT * FROM read_files('/Volumes/main/default/v', format => 'csv', mystery => 1)",
    ],
)
def test_rare_forms_are_refused(ws, run, text):
    """A form that is not imitated fails as a statement and changes nothing."""
    ws.execute("CREATE VOLUME IF NOT EXISTS v")
    assert run(text).status.state is State.FAILED
    assert ws.execute("SELECT count(*) FROM people") == [["3"]]


def test_use_checks_its_name_and_ends_with_the_statement(ws, run):
    """Every statement is a session: USE succeeds and the next statement has the defaults again."""
    assert run("USE other.s").status.state is State.SUCCEEDED
    assert run("USE CATALOG nowhere").status.sql_state == "42704"
    assert ws.execute("SELECT current_catalog()") == [["main"]]


def test_row_that_breaks_not_null_is_refused(ws, run):
    """NOT NULL is enforced; a key is not, as in Unity Catalog."""
    ws.execute("CREATE TABLE strict (id INT NOT NULL, CONSTRAINT pk PRIMARY KEY (id))")
    ws.execute("INSERT INTO strict VALUES (1), (1)")
    assert run("INSERT INTO strict VALUES (NULL)").status.sql_state == "23502"


def test_describe_extended_tells_the_owner(ws):
    """DESCRIBE EXTENDED adds what the catalog knows."""
    assert ["Owner", "user@example.com", ""] in ws.execute("DESCRIBE EXTENDED people")


def test_result_beyond_the_memory_of_results_stays(ws, w, monkeypatch):
    """Old results go to a file when newer ones need the room, and are read from there."""
    monkeypatch.setattr("genops.testing.workspace.statements.execution.MEMORY", 10_000)
    first = w.statement_execution.execute_statement("SELECT repeat('x', 9000)", ws.warehouse_id)
    w.statement_execution.execute_statement("SELECT repeat('x', 9000)", ws.warehouse_id)
    assert w.statement_execution.get_statement_result_chunk_n(first.statement_id, 0).data_array == [["x" * 9000]]
    # Room is made after the newer statement has answered.
    eventually(lambda: not ws._statements.get(first.statement_id).results.in_memory)
