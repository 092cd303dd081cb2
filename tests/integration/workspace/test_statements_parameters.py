"""Parameters of statements: every type, nulls, what is missing and what does not fit."""

from __future__ import annotations

import duckdb
import pytest
from databricks.sdk.service import sql

from genops.testing.workspace import LocalWorkspace
from support.sdk import workspace_client


@pytest.fixture(scope="module")
def ws():
    """A workspace."""
    with LocalWorkspace(transition_polls=0) as workspace:
        workspace.execute("CREATE TABLE people (id INT, name STRING); INSERT INTO people VALUES (1, 'a'), (2, 'b')")
        yield workspace


@pytest.fixture(scope="module")
def answer(ws):
    """Executes a statement with parameters as they are."""
    client = workspace_client(ws).api_client

    def execute(text, *parameters):
        body = {"statement": text, "warehouse_id": ws.warehouse_id, "parameters": list(parameters)}
        return client.do("POST", "/api/2.0/sql/statements", body=body)

    return execute


# Type, value: the type of the marker, and its text.
VALUES = [
    ("STRING", "it's; DROP --", "STRING", "it's; DROP --"),
    (None, "2", "STRING", "2"),
    ("TINYINT", "-128", "TINYINT", "-128"),
    ("SMALLINT", "7", "SMALLINT", "7"),
    ("INT", " 42 ", "INT", "42"),
    ("int", "42", "INT", "42"),
    ("BIGINT", "9223372036854775807", "BIGINT", "9223372036854775807"),
    ("FLOAT", "1.5", "FLOAT", "1.5"),
    ("DOUBLE", "1e3", "DOUBLE", "1000.0"),
    ("DOUBLE", "NaN", "DOUBLE", "NaN"),
    ("DECIMAL(10,2)", "1.50", "DECIMAL(3,2)", "1.50"),
    ("DECIMAL(38,18)", "12345678901234567890.123456789012345678", "DECIMAL(38,18)", None),
    ("BOOLEAN", "true", "BOOLEAN", "true"),
    ("BOOLEAN", "no", "BOOLEAN", "false"),
    ("DATE", "2024-02-29", "DATE", "2024-02-29"),
    ("TIMESTAMP", "2024-01-02T03:04:05.5Z", "TIMESTAMP", "2024-01-02T03:04:05.500Z"),
    ("TIMESTAMP", "2024-01-02 03:04:05+02:00", "TIMESTAMP", "2024-01-02T01:04:05.000Z"),
    ("TIMESTAMP_NTZ", "2024-01-02 03:04:05", "TIMESTAMP_NTZ", "2024-01-02T03:04:05.000"),
    ("INTERVAL DAY TO SECOND", "1 02:03:04.5", None, "INTERVAL '1 02:03:04.5' DAY TO SECOND"),
    ("INTERVAL YEAR TO MONTH", "-1-2", None, "INTERVAL '-1-2' YEAR TO MONTH"),
    ("VOID", None, "VOID", None),
    ("INT", None, "INT", None),
    ("DECIMAL(10,2)", None, "DECIMAL(10,2)", None),
    ("STRING", None, "STRING", None),
]

if duckdb.__version__.startswith("1."):  # it says INTEGER of a null that has no type
    VALUES = [row for row in VALUES if row[0] != "VOID"]


@pytest.mark.parametrize(("kind", "value", "text", "shown"), VALUES, ids=[f"{row[0]} {row[1]}" for row in VALUES])
def test_typed_values(answer, kind, value, text, shown):
    """A value arrives with its type; without a type it is a string, without a value a null of its type."""
    parameter = {"name": "p", **({"type": kind} if kind else {}), **({} if value is None else {"value": value})}
    done = answer("SELECT :p AS v", parameter)
    assert done["status"] == {"state": "SUCCEEDED"}
    (column,) = done["manifest"]["schema"]["columns"]
    assert text in (None, column["type_text"])
    assert done["result"]["data_array"] == [[shown if shown is not None else value]]


MALFORMED = [
    ("INT", "two"),
    ("INT", "1.5"),
    ("TINYINT", "128"),
    ("DOUBLE", "much"),
    ("DECIMAL(4,2)", "123.4"),
    ("BOOLEAN", "maybe"),
    ("DATE", "2023-02-29"),
    ("TIMESTAMP", "soon"),
    ("INTERVAL DAY", "a week"),
]
UNTAKEN = ["BINARY", "ARRAY<INT>", "MAP<STRING,INT>", "STRUCT<a:INT>", "NOSUCHTYPE", "VARIANT"]
CASES = [(kind, value, "INVALID_VALUE_FOR_DATA_TYPE") for kind, value in MALFORMED]
CASES += [(kind, "x", "INVALID_DATA_TYPE") for kind in UNTAKEN]


@pytest.mark.parametrize(("kind", "value", "words"), CASES, ids=[f"{row[0]} {row[1]}" for row in CASES])
def test_values_that_do_not_fit(answer, kind, value, words):
    """A value that is none of its type, and a type that takes no parameters, fail the statement with 22023."""
    status = answer("SELECT :p", {"name": "p", "type": kind, "value": value})["status"]
    assert (status["state"], status["sql_state"]) == ("FAILED", "22023")
    assert status["error"]["message"].startswith(f"[INVALID_PARAMETER_MARKER_VALUE.{words}]")


def test_marker_without_a_parameter_fails(answer):
    """An unbound marker is named."""
    status = answer("SELECT :nobody")["status"]
    assert (status["sql_state"], "UNBOUND_SQL_PARAMETER" in status["error"]["message"]) == ("42P02", True)
    assert "nobody" in status["error"]["message"]


def test_parameter_without_a_marker_is_passed_over(answer):
    """One parameter too many changes nothing."""
    assert answer("SELECT 1", {"name": "extra", "value": "x"})["result"]["data_array"] == [["1"]]


def test_same_name_twice_fails(answer):
    """Two parameters of one name cannot both be meant."""
    status = answer("SELECT :p", {"name": "p", "value": "1"}, {"name": "p", "value": "2"})["status"]
    assert "[INVALID_PARAMETER_MARKER_VALUE.DUPLICATE_NAME]" in status["error"]["message"]


def test_marker_used_twice_takes_one_parameter(answer):
    """A name may stand in a text as often as one likes."""
    assert answer("SELECT :p || :p", {"name": "p", "value": "ab"})["result"]["data_array"] == [["abab"]]


def test_positional_markers(answer):
    """Parameters without names are bound to question marks in their order."""
    done = answer("SELECT ?, ?", {"value": "1", "type": "INT"}, {"value": "b"})
    assert done["result"]["data_array"] == [["1", "b"]]


def test_mixed_markers_fail(answer):
    """Named and positional parameters do not go together."""
    status = answer("SELECT ?, :p", {"value": "1"}, {"name": "p", "value": "2"})["status"]
    assert "INVALID_QUERY_MIXED_QUERY_PARAMETERS" in status["error"]["message"]


def test_markers_stand_for_values_anywhere(answer):
    """Markers work in WHERE, IN, LIMIT and INSERT, and a quote in a value stays a value."""
    names = (
        {"name": "a", "value": "a"},
        {"name": "b", "value": "x' OR '1'='1"},
        {"name": "n", "value": "5", "type": "INT"},
    )
    assert answer("SELECT id FROM people WHERE name IN (:a, :b) LIMIT :n", *names)["result"]["data_array"] == [["1"]]
    inserted = answer(
        "INSERT INTO people VALUES (:n, :b)", {"name": "n", "value": "9", "type": "INT"}, {"name": "b", "value": "q'"}
    )
    assert inserted["result"]["data_array"] == [["1", "1"]]


def test_sdk_spells_the_same(ws):
    """The SDK's own items arrive the same."""
    done = workspace_client(ws).statement_execution.execute_statement(
        "SELECT :lo + 1 AS n", ws.warehouse_id, parameters=[sql.StatementParameterListItem("lo", type="INT", value="2")]
    )
    assert done.result.data_array == [["3"]]
