"""Values of several types in one place, casts and intervals: Databricks' answer, its failure, or refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from genops.testing.workspace.sql.failures import SqlError
from support.sdk import workspace_client

# Expression, error class and SQL state, as Apache Spark 4.1 fails in ANSI mode.
_TABLE = Path(__file__).resolve().parents[2] / "support" / "sql_failures.tsv"
FAILURES = [line.split("\t") for line in _TABLE.read_text(encoding="utf-8").splitlines()]


def test_failures_are_those_of_databricks(ws):
    """What Databricks does not cast, or cannot, fails with its error class and SQL state."""
    different: list[str] = []
    for expression, error_class, state in FAILURES:
        try:
            found = str(ws.execute(f"SELECT {expression}"))
        except SqlError as error:
            if (error.message.startswith(f"[{error_class}]"), error.sql_state) == (True, state):
                continue
            found = error.message
        different.append(f"{expression}: {found}, not {error_class}")
    assert FAILURES
    assert not different, "\n".join(different)


@pytest.mark.parametrize(
    ("query", "kind", "rows"),
    [
        ("SELECT 1 UNION ALL SELECT '2'", "BIGINT", [["1"], ["2"]]),
        ("SELECT '1' UNION ALL SELECT 2.5", "DOUBLE", [["1.0"], ["2.5"]]),
        ("SELECT DATE'2024-01-01' AS d UNION ALL SELECT '2024-01-02'", "DATE", [["2024-01-01"], ["2024-01-02"]]),
        ("SELECT 1 EXCEPT SELECT '1'", "BIGINT", []),
        ("SELECT a FROM VALUES (1), ('2') AS t(a)", "BIGINT", [["1"], ["2"]]),
        ("SELECT coalesce('5', 1)", "BIGINT", [["5"]]),
        ("SELECT coalesce(1.5, '2.5')", "DOUBLE", [["1.5"]]),
        ("SELECT array('1', 2.5)", "ARRAY<DOUBLE>", [['["1.0","2.5"]']]),
        ("SELECT CASE WHEN true THEN '1' ELSE 2 END", "BIGINT", [["1"]]),
        ("SELECT '7' % 2", "BIGINT", [["1"]]),
        ("SELECT count(*) FROM VALUES ('01'), ('2') AS t(a) JOIN VALUES (1) AS u(b) ON a = b", "BIGINT", [["1"]]),
        ("SELECT upper(1e7D)", "STRING", [["1.0E7"]]),
    ],
)
def test_types_of_mixed_values(ws, query, kind, rows):
    """Text becomes what stands beside it, in the result's type and in its values."""
    done = workspace_client(ws).statement_execution.execute_statement(query, ws.warehouse_id)
    assert done.manifest is not None, done.status
    assert [column.type_text for column in done.manifest.schema.columns] == [kind]
    assert (done.result.data_array or []) == rows


@pytest.mark.parametrize(
    "query",
    [
        "SELECT greatest(10, '9')",
        "SELECT nullif('01', 1)",
        "SELECT decode(1, '1', 'a', 'b')",
        "SELECT '10' BETWEEN 1 AND '2'",
        "SELECT 1 IN (SELECT '1')",
        "SELECT CASE '1' WHEN 1 THEN 'a' WHEN 2.0 THEN 'b' END",
        "SELECT array(array(1), array('2'))",
        "SELECT concat(array(1), array(2.5))",
        "SELECT * FROM (SELECT 1 AS a) x JOIN (SELECT '1' AS a) y USING (a)",
        "SELECT CAST('2024-01-01 00:00:00 PST' AS TIMESTAMP)",
        "SELECT try_cast('2024-01-01 00:00:00 PST' AS TIMESTAMP)",
        "SELECT CAST('today' AS DATE)",
        "SELECT CAST('10:20:30' AS TIMESTAMP)",
        "SELECT CAST(INTERVAL 1 DAY AS STRING)",
        "SELECT typeof(INTERVAL 1 DAY)",
        "SELECT INTERVAL 1 MONTH + INTERVAL 1 DAY",
        "SELECT upper('ﬁ')",
        "SELECT lower('ΑΣ')",
    ],
)
def test_what_is_not_served_is_refused(ws, query):
    """Mixtures, texts and letters whose answer would be another one here fail as unsupported."""
    with pytest.raises(SqlError, match="UNSUPPORTED_BY_LOCAL_WORKSPACE"):
        ws.execute(query)


@pytest.mark.parametrize(
    ("statement", "error_class", "state"),
    [
        ("CREATE TABLE spans (a INTERVAL DAY)", "DELTA_UNSUPPORTED_DATA_TYPES", "0AKDC"),
        ("CREATE TABLE spans (a INTERVAL YEAR TO MONTH)", "DELTA_UNSUPPORTED_DATA_TYPES", "0AKDC"),
        ("CREATE TABLE spans AS SELECT INTERVAL 1 DAY AS a", "DELTA_UNSUPPORTED_DATA_TYPES", "0AKDC"),
        ("SELECT true UNION SELECT 1", "INCOMPATIBLE_COLUMN_TYPE", "42825"),
        ("SELECT 1 WHERE 1", "DATATYPE_MISMATCH.FILTER_NOT_BOOLEAN", "42K09"),
    ],
)
def test_statements_whose_types_do_not_fit(ws, statement, error_class, state):
    """Tables hold no intervals, set operations need columns that go together, and filters are truths."""
    with pytest.raises(SqlError) as failure:
        ws.execute(statement)
    assert failure.value.message.startswith(f"[{error_class}]"), failure.value.message
    assert failure.value.sql_state == state
