"""Functions and expressions: each gives what Databricks documents, or is refused as unsupported."""

from __future__ import annotations

from pathlib import Path

import pytest

from genops.testing.workspace import LocalWorkspace
from genops.testing.workspace.sql.failures import SqlError
from support.sdk import workspace_client

# Expression, type and value as JSON_ARRAY carries it. Values are those of Databricks' SQL reference; where it shows
# none, those that Apache Spark 4.1 computed in ANSI mode.
_TABLE = Path(__file__).resolve().parents[2] / "support" / "sql_functions.tsv"
CASES = [line.split("\t") for line in _TABLE.read_text(encoding="utf-8").splitlines()]
LEAST = 150
# Expressions that one statement computes together.
BLOCK = 25


@pytest.fixture(scope="module")
def ws():
    """A workspace."""
    with LocalWorkspace(transition_polls=0) as workspace:
        yield workspace


def _query(expression):
    shown, _, source = expression.partition(" FROM VALUES ")
    return f"SELECT {shown} AS x FROM VALUES {source}" if source else f"SELECT {expression} AS x"


def _found(ws, cases):
    """The values of some expressions: of one statement, or one by one where that fails."""
    try:
        return ws.execute("SELECT " + ", ".join(f"{expression} AS c{index}" for index, expression in enumerate(cases)))[
            0
        ]
    except SqlError:
        return [_alone(ws, expression) for expression in cases]


def _alone(ws, expression):
    try:
        return ws.execute(_query(expression))[0][0]
    except SqlError as error:
        return error.message


def test_values_are_those_of_databricks(ws):
    """Every expression of the table gives the documented value."""
    assert len(CASES) >= LEAST
    plain = [case for case in CASES if " FROM VALUES " not in case[0]]
    found = [(case, _alone(ws, case[0])) for case in CASES if case not in plain]
    for start in range(0, len(plain), BLOCK):
        block = plain[start : start + BLOCK]
        found += zip(block, _found(ws, [expression for expression, *_ in block]), strict=True)
    different = [
        f"{expression}: {value}, not {wanted}"
        for (expression, _, wanted), value in found
        if ("NULL" if value is None else value) != wanted
    ]
    assert not different, "\n".join(different)


def test_types_are_those_of_databricks(ws):
    """Results have Databricks' types, decimals with their digits."""
    client = workspace_client(ws)
    chosen = [case for case in CASES if case[1].startswith(("DECIMAL", "BIGINT", "DOUBLE", "TIMESTAMP", "DATE"))][:30]
    text = ", ".join(
        f"{expression} AS c{index}" for index, (expression, *_) in enumerate(chosen) if " FROM " not in expression
    )
    columns = client.statement_execution.execute_statement(f"SELECT {text}", ws.warehouse_id).manifest.schema.columns
    wanted = {f"c{index}": kind for index, (expression, kind, _) in enumerate(chosen) if " FROM " not in expression}
    assert {column.name: column.type_text for column in columns} == wanted


@pytest.mark.parametrize(
    "expression",
    [
        "hash(1)",
        "xxhash64('a')",
        "crc32('a')",
        "monotonically_increasing_id()",
        "from_json('{}', 'a INT')",
        "to_json(named_struct('a', 1))",
        "parse_json('{}')",
        "ai_query('m', 'x')",
        "h3_longlatash3(1, 2, 3)",
        "soundex('a')",
        "array_sort(array(1, 2), (a, b) -> a - b)",
        "concat_ws(',', 'a', array('b'))",
        "split('a,b', ',', 2)",
        "sha2('a', 512)",
        "encode('a', 'UTF-16')",
        "regexp_replace('a', '[a-z&&[^b]]', 'x')",
        "regexp_extract('a', '(?=a)', 0)",
        "rlike('a', concat('a', 'b'))",
        "date_format(current_date(), 'QQQ')",
        "CAST(named_struct('a', 1) AS STRING)",
        "CAST(array(1, 2) AS STRING)",
        "make_interval(1)",
        "levenshtein('é', 'e')",
        "CAST('a' AS VARIANT)",
        "rand(5)",
        "ceil(1.55, 1)",
        "regexp_replace('a', 'b', 'c', 2)",
        "get_json_object('{}', '$.a[*]')",
    ],
)
def test_what_differs_is_refused(ws, expression):
    """What DuckDB would compute differently, or not at all, fails as unsupported."""
    with pytest.raises(SqlError) as failure:
        ws.execute(f"SELECT {expression}")
    assert failure.value.sql_state == "0A000"
    assert failure.value.message.startswith("[UNSUPPORTED_BY_LOCAL_WORKSPACE]")


def test_functions_of_duckdb_are_no_functions(ws):
    """DuckDB's own functions are unknown, those that read the machine above all."""
    for call in (
        "read_text('/etc/passwd')",
        "getenv('HOME')",
        "list_sum([1])",
        "current_setting('threads')",
        "dbx_text(1)",
    ):
        with pytest.raises(SqlError) as failure:
            ws.execute(f"SELECT {call}")
        assert failure.value.sql_state in ("42883", "42601"), call


def test_a_wrong_type_of_argument_is_an_error(ws):
    """Days are whole numbers of 32 bits, and a date is no number."""
    for call in (
        "date_add(current_date(), 1.5)",
        "date_sub(current_date(), 1L)",
        "CAST(current_date() AS INT)",
        "CAST(current_date() AS DOUBLE)",
    ):
        with pytest.raises(SqlError, match="DATATYPE_MISMATCH") as failure:
            ws.execute(f"SELECT {call}")
        assert failure.value.sql_state == "42K09"


def test_a_number_that_does_not_fit_is_out_of_range(ws):
    """A number with more digits than a decimal has is out of its range, whatever it was before."""
    for value in ("1234.5", "1234.5D", "'1234.5'"):
        with pytest.raises(SqlError, match="NUMERIC_VALUE_OUT_OF_RANGE") as failure:
            ws.execute(f"SELECT CAST(x AS DECIMAL(5,2)) FROM VALUES ({value}) AS t(x)")
        assert failure.value.sql_state == "22003"


def test_a_wrong_number_of_arguments_is_an_error(ws):
    """Functions check how many arguments they get."""
    for call in ("upper()", "upper('a', 'b')", "substring('a')", "nvl(1)"):
        with pytest.raises(SqlError, match=r"WRONG_NUM_ARGS.WITHOUT_SUGGESTION") as failure:
            ws.execute(f"SELECT {call}")
        assert failure.value.sql_state == "42605"


def test_time_and_user_are_the_workspaces(ws):
    """The time of day is that of the workspace's clock, in views and defaults too, and the user is who asks."""
    ws.execute(
        "CREATE VIEW today AS SELECT current_date() AS d, current_user() AS u;"
        "CREATE TABLE stamped (id INT, at TIMESTAMP DEFAULT current_timestamp())"
        " TBLPROPERTIES ('delta.feature.allowColumnDefaults' = 'supported')"
    )
    before = ws.execute("SELECT current_date()")[0][0]
    ws.clock.advance(days=40)
    ws.execute("INSERT INTO stamped (id) VALUES (1)")
    assert ws.execute(
        f"SELECT datediff(current_date(), DATE'{before}'), datediff(d, DATE'{before}'), u FROM today"
    ) == [["40", "40", "user@example.com"]]
    assert ws.execute(f"SELECT datediff(at, DATE'{before}') FROM stamped") == [["40"]]
