"""Changes of rows: INSERT in its forms, UPDATE, DELETE, MERGE, constraints and defaults."""

from __future__ import annotations

import pytest

from genops.testing.workspace import LocalWorkspace
from genops.testing.workspace.sql.failures import SqlError
from support.sdk import workspace_client


@pytest.fixture(scope="module")
def workspace():
    """A workspace."""
    with LocalWorkspace(transition_polls=0) as held:
        yield held


@pytest.fixture
def ws(workspace):
    """The workspace with tables as they are at the beginning."""
    workspace.execute(
        "CREATE OR REPLACE TABLE t (id INT NOT NULL, name STRING, d DECIMAL(10,2));"
        "INSERT INTO t VALUES (1, 'a', 1.5), (2, 'b', 2.25), (3, 'c', NULL)"
    )
    return workspace


def rows(ws):
    """All of the table."""
    return ws.execute("SELECT id, name, d FROM t ORDER BY id")


def fails(ws, sql, error_class, sql_state):
    """Run a statement that must fail, and make sure that it left the table alone."""
    before = rows(ws)
    with pytest.raises(SqlError) as failure:
        ws.execute(sql)
    assert failure.value.message.startswith(f"[{error_class}]"), failure.value.message
    assert failure.value.sql_state == sql_state
    assert rows(ws) == before


@pytest.mark.parametrize(
    ("sql", "added"),
    [
        ("INSERT INTO t VALUES (4, 'd', 1)", [["4", "d", "1.00"]]),
        ("INSERT INTO t (name, id) VALUES ('d', 4), ('e', 5)", [["4", "d", None], ["5", "e", None]]),
        ("INSERT INTO t SELECT id + 3, upper(name), d * 2 FROM t WHERE id = 2", [["5", "B", "4.50"]]),
        ("INSERT INTO t BY NAME SELECT 'd' AS name, 4 AS id", [["4", "d", None]]),
        ("WITH s AS (SELECT 4 AS id) INSERT INTO t SELECT id, 'd', 0 FROM s", [["4", "d", "0.00"]]),
        ("INSERT INTO t (id) VALUES (4.9)", [["4", None, None]]),
        ("INSERT INTO t (id, name) VALUES ('4', 1.0D)", [["4", "1.0", None]]),
        ("INSERT INTO t VALUES (4, DEFAULT, DEFAULT)", [["4", None, None]]),
    ],
)
def test_insert(ws, sql, added):
    """INSERT takes columns by position, by list and by name, and stores values as the columns' types."""
    assert ws.execute(sql) == [[str(len(added)), str(len(added))]]
    assert rows(ws)[3:] == added


def test_insert_overwrite_reads_before_it_writes(ws):
    """INSERT OVERWRITE may read the table that it replaces; REPLACE WHERE replaces a part."""
    assert ws.execute("INSERT OVERWRITE t SELECT id + 10, name, d FROM t WHERE id < 3") == [["2", "2"]]
    assert rows(ws) == [["11", "a", "1.50"], ["12", "b", "2.25"]]
    ws.execute("INSERT INTO t REPLACE WHERE id = 11 VALUES (11, 'new', NULL)")
    assert rows(ws) == [["11", "new", None], ["12", "b", "2.25"]]
    fails(ws, "INSERT INTO t REPLACE WHERE id = 11 VALUES (12, 'x', 1)", "DELTA_REPLACE_WHERE_MISMATCH", "44000")


@pytest.mark.parametrize(
    ("sql", "error_class", "sql_state"),
    [
        ("INSERT INTO t VALUES (4, 'd')", "INSERT_COLUMN_ARITY_MISMATCH.NOT_ENOUGH_DATA_COLUMNS", "21S01"),
        ("INSERT INTO t (id) VALUES (4, 'd')", "INSERT_COLUMN_ARITY_MISMATCH.TOO_MANY_DATA_COLUMNS", "21S01"),
        ("INSERT INTO t (nope) VALUES (4)", "UNRESOLVED_COLUMN.WITH_SUGGESTION", "42703"),
        ("INSERT INTO t (id, ID) VALUES (4, 5)", "COLUMN_ALREADY_EXISTS", "42711"),
        ("INSERT INTO t (name) VALUES ('x')", "DELTA_NOT_NULL_CONSTRAINT_VIOLATED", "23502"),
        ("INSERT INTO t (id) VALUES (4), (NULL)", "DELTA_NOT_NULL_CONSTRAINT_VIOLATED", "23502"),
        ("INSERT INTO t (id) VALUES ('x')", "CAST_INVALID_INPUT", "22018"),
        ("INSERT INTO t (id) VALUES (3000000000)", "CAST_OVERFLOW", "22003"),
        ("UPDATE t SET nope = 1", "UNRESOLVED_COLUMN.WITH_SUGGESTION", "42703"),
        ("UPDATE t SET id = NULL WHERE id = 1", "DELTA_NOT_NULL_CONSTRAINT_VIOLATED", "23502"),
        ("UPDATE t SET d = 1 / (id - 3)", "DIVIDE_BY_ZERO", "22012"),
        ("DELETE FROM t WHERE nope = 1", "UNRESOLVED_COLUMN.WITH_SUGGESTION", "42703"),
    ],
)
def test_a_change_that_fails_changes_nothing(ws, sql, error_class, sql_state):
    """What fails has Databricks' error class, and no row of it stays."""
    fails(ws, sql, error_class, sql_state)


def test_update_and_delete(ws):
    """UPDATE and DELETE count rows, know aliases and subqueries, and store values as the columns' types."""
    assert ws.execute("UPDATE t AS x SET x.name = concat(name, '!'), d = id / 2 WHERE x.id <= 2") == [["2"]]
    assert rows(ws)[:2] == [["1", "a!", "0.50"], ["2", "b!", "1.00"]]
    assert ws.execute("UPDATE t SET id = 3.9 WHERE id = 99") == [["0"]]
    assert ws.execute("DELETE FROM t WHERE id IN (SELECT max(id) FROM t)") == [["1"]]
    assert ws.execute("TRUNCATE TABLE t") == []
    assert rows(ws) == []


def test_merge_with_every_clause(ws):
    """Clauses are tried in their order, each with its condition, and the counts are those of Databricks."""
    counts = ws.execute(
        "MERGE INTO t USING (SELECT * FROM VALUES (1, 'one'), (2, 'two'), (7, 'seven'), (8, NULL) AS v(id, name)) AS s "
        "ON t.id = s.id "
        "WHEN MATCHED AND s.name = 'one' THEN UPDATE SET t.name = s.name, d = t.d + 1 "
        "WHEN MATCHED THEN DELETE "
        "WHEN NOT MATCHED AND s.name IS NOT NULL THEN INSERT (id, name) VALUES (s.id, upper(s.name)) "
        "WHEN NOT MATCHED BY SOURCE AND t.id = 3 THEN UPDATE SET name = 'orphan'"
    )
    assert counts == [["4", "2", "1", "1"]]
    assert rows(ws) == [["1", "one", "2.50"], ["3", "orphan", None], ["7", "SEVEN", None]]


def test_merge_keeps_the_other_columns_of_rows_without_source(ws):
    """A row that no source matches keeps what it is not given, again and again: DuckDB 1.5 would crash by and by."""
    merge = "MERGE INTO t USING (SELECT 2 AS id) s ON t.id = s.id WHEN NOT MATCHED BY SOURCE THEN UPDATE SET d = d + 1"
    first, second, third = rows(ws)
    for turn in range(1, 51):
        assert ws.execute(merge) == [["2", "2", "0", "0"]]
        assert rows(ws) == [[*first[:2], f"{float(first[2]) + turn:.2f}"], second, third]


def test_merge_star_goes_by_name(ws):
    """UPDATE SET * and INSERT * take the source's columns by name, whatever their order and type."""
    ws.execute("CREATE OR REPLACE TABLE s AS SELECT '9.9' AS d, 2 AS id, 'B' AS name UNION ALL SELECT '1', 4, 'D'")
    assert ws.execute(
        "MERGE INTO t USING s ON t.id = s.id WHEN MATCHED THEN UPDATE SET * WHEN NOT MATCHED THEN INSERT *"
    ) == [["2", "1", "0", "1"]]
    assert rows(ws)[1:] == [["2", "B", "9.90"], ["3", "c", None], ["4", "D", "1.00"]]


def test_merge_refuses_several_matches(ws):
    """A row of the target that several rows of the source would change is an error; * needs every column."""
    twice = "(SELECT 1 AS id, 'x' AS name UNION ALL SELECT 1, 'y') AS s"
    fails(
        ws,
        f"MERGE INTO t USING {twice} ON t.id = s.id WHEN MATCHED THEN UPDATE SET name = s.name",
        "DELTA_MULTIPLE_SOURCE_ROW_MATCHING_TARGET_ROW_IN_MERGE",
        "21506",
    )
    fails(
        ws,
        "MERGE INTO t USING (SELECT 1 AS id) AS s ON t.id = s.id WHEN MATCHED THEN UPDATE SET *",
        "DELTA_MERGE_UNRESOLVED_EXPRESSION",
        "42601",
    )


def test_defaults(ws):
    """Columns that are left out, and DEFAULT in VALUES and SET, get the column's default."""
    ws.execute(
        "CREATE OR REPLACE TABLE f (a INT DEFAULT 5, b STRING DEFAULT 'x') "
        "TBLPROPERTIES ('delta.feature.allowColumnDefaults' = 'supported');"
        "INSERT INTO f (a) VALUES (1); INSERT INTO f VALUES (DEFAULT, 'y')"
    )
    assert ws.execute("SELECT a, b FROM f ORDER BY a") == [["1", "x"], ["5", "y"]]
    ws.execute("UPDATE f SET a = DEFAULT, b = DEFAULT WHERE a = 1")
    assert ws.execute("SELECT count(*) FROM f WHERE a = 5") == [["2"]]


def test_check_constraints_hold(ws):
    """A CHECK refuses rows for which it is not true, in every kind of change, and the statement leaves no trace."""
    ws.execute("ALTER TABLE t ADD CONSTRAINT small CHECK (id < 100)")
    for sql in (
        "INSERT INTO t VALUES (5, 'ok', 1), (100, 'big', 1)",
        "UPDATE t SET id = id + 98",
        "MERGE INTO t USING (SELECT 200 AS id) AS s ON t.id = s.id WHEN NOT MATCHED THEN INSERT (id) VALUES (s.id)",
        "INSERT OVERWRITE t VALUES (1000, 'x', 1)",
    ):
        fails(ws, sql, "DELTA_VIOLATE_CONSTRAINT_WITH_VALUES", "23001")
    ws.execute("ALTER TABLE t DROP CONSTRAINT small")


@pytest.mark.parametrize(
    "sql",
    [
        "DELETE FROM grown WHERE id = 1",
        "UPDATE grown SET id = 2",
        "TRUNCATE TABLE grown",
        "INSERT OVERWRITE grown SELECT 3",
        "MERGE INTO grown USING (SELECT 1 AS id) AS s ON s.id = grown.id WHEN MATCHED THEN DELETE",
    ],
)
def test_append_only_tables_lose_no_row(ws, sql):
    """delta.appendOnly lets rows in, and refuses what takes one away or changes it."""
    ws.execute("CREATE OR REPLACE TABLE grown (id INT) TBLPROPERTIES ('delta.appendOnly' = 'true')")
    ws.execute("INSERT INTO grown VALUES (1); DELETE FROM grown WHERE id = 9")
    fails(ws, sql, "DELTA_CANNOT_MODIFY_APPEND_ONLY", "42809")
    assert ws.execute("SELECT id FROM grown") == [["1"]]
    ws.execute("DROP TABLE grown")


@pytest.mark.parametrize("kind", ["TABLE", "VIEW"])
def test_two_columns_of_one_name_are_refused(ws, kind):
    """CREATE … AS gives no column another name than its query does, and names differ in more than case."""
    fails(ws, f"CREATE {kind} twice AS SELECT 1 AS a, 2 AS A", "COLUMN_ALREADY_EXISTS", "42711")


def test_vacuum_keeps_what_time_travel_reads(ws):
    """VACUUM with a shorter retention than the documented one is refused, as the service refuses it."""
    fails(ws, "VACUUM t RETAIN 0 HOURS", "DELTA_VACUUM_RETENTION_PERIOD_TOO_SHORT", "22003")


def test_create_table_as_keeps_the_types(ws):
    """CREATE TABLE AS SELECT has Databricks' types, and CREATE OR REPLACE keeps the table's identity."""
    ws.execute("CREATE OR REPLACE TABLE made AS SELECT id, d / 3 AS third, sum(d) OVER () AS total FROM t")
    client = workspace_client(ws)
    first = client.tables.get("main.default.made")
    assert [column.type_text for column in first.columns] == ["int", "decimal(14,6)", "decimal(20,2)"]
    ws.execute("CREATE OR REPLACE TABLE made AS SELECT 1 AS x")
    assert client.tables.get("main.default.made").table_id == first.table_id


def test_changes_need_privileges(ws):
    """Reading needs SELECT, changing MODIFY, whoever asks."""
    from genops.testing.workspace.sql.sessions import Session

    def run(sql):
        session = Session("main", "default", "other@example.com")
        return ws._engine.run(sql, session, sink=lambda result: result.rows(10))

    ws.add_user("other@example.com")
    ws.execute("GRANT USE CATALOG ON CATALOG main TO `other@example.com`")
    ws.execute("GRANT USE SCHEMA, SELECT ON SCHEMA main.default TO `other@example.com`")
    assert run("SELECT * FROM t").reads == ["main.default.t"]
    for sql in (
        "INSERT INTO t VALUES (9, 'x', 1)",
        "UPDATE t SET name = 'x'",
        "DELETE FROM t",
        "CREATE TABLE mine (id INT)",
    ):
        with pytest.raises(SqlError, match="INSUFFICIENT_PERMISSIONS"):
            run(sql)
