"""Names in statements: those that IDENTIFIER gives, and those with characters of their own."""

from __future__ import annotations

import pytest
from databricks.sdk.errors import InvalidParameterValue
from databricks.sdk.service.sql import StatementParameterListItem


@pytest.fixture
def run(w, ws):
    """Runs a statement with named parameters; gives its rows, or the message that it fails with."""

    def answer(sql, **given):
        parameters = [StatementParameterListItem(name, value=value) for name, value in given.items()]
        found = w.statement_execution.execute_statement(sql, ws.warehouse_id, parameters=parameters, wait_timeout="30s")
        return found.status.error.message if found.status.error else found.result.data_array or []

    return answer


def test_identifier_stands_for_a_name(run):
    """Texts and parameters name schemas, tables, columns and functions, in commands as in queries."""
    assert run("CREATE SCHEMA IDENTIFIER(:s)", s="named") == []
    assert run("CREATE TABLE IDENTIFIER(:t) (a INT, b STRING)", t="main.named.t") == []
    assert run("INSERT INTO IDENTIFIER(:t) VALUES (1, :v)", t="named.t", v="x") == [["1", "1"]]
    query = "SELECT IDENTIFIER(:c), IDENTIFIER('upper')(b) FROM IDENTIFIER('main.' || :s || '.t') WHERE b = :v"
    assert run(query, c="a", s="`named`", v="x") == [["1", "X"]]
    assert run("SHOW TABLES IN IDENTIFIER('main.named')") == [["named", "t", "false"]]
    assert run("DESCRIBE TABLE IDENTIFIER('named.t')")[0][0] == "a"
    assert run("DROP TABLE IDENTIFIER(:t)", t="named.t") == []
    assert run("USE CATALOG IDENTIFIER('main')") == []


@pytest.mark.parametrize(
    ("sql", "expected"),
    [
        ("SELECT * FROM IDENTIFIER('a; DROP TABLE b')", "[PARSE_SYNTAX_ERROR]"),
        ("SELECT * FROM IDENTIFIER('')", "[PARSE_SYNTAX_ERROR]"),
        ("SELECT * FROM IDENTIFIER(:absent)", "[UNBOUND_SQL_PARAMETER]"),
        ("SELECT * FROM IDENTIFIER(upper('a'))", "[UNSUPPORTED_BY_LOCAL_WORKSPACE]"),
        ("SELECT * FROM IDENTIFIER('nothing.here')", "[TABLE_OR_VIEW_NOT_FOUND]"),
    ],
)
def test_identifier_takes_nothing_but_a_name(run, sql, expected):
    """A text that is no name does not come into the statement."""
    assert run(sql).startswith(expected)


def test_identifier_in_a_text_is_text(run):
    """A literal that looks like the clause stays as it is."""
    assert run("SELECT 'IDENTIFIER(x)' -- IDENTIFIER('y')") == [["IDENTIFIER(x)"]]


def test_a_backtick_in_a_name_is_doubled(run, w):
    """Names that hold a backtick work in SQL, information_schema and REST."""
    assert run("CREATE SCHEMA `s``x`") == []
    assert run("CREATE TABLE `s``x`.`t``y` AS SELECT 1 AS `c``z`") == [["1", "1"]]
    assert run("SELECT `c``z` FROM `s``x`.`t``y`") == [["1"]]
    assert run("DESCRIBE `s``x`.`t``y`") == [["c`z", "int", None]]
    assert run("SHOW TABLES IN `s``x`") == [["s`x", "t`y", "false"]]
    assert run("SELECT table_name FROM information_schema.tables WHERE table_schema = 's`x'") == [["t`y"]]
    assert w.tables.get("main.`s``x`.`t``y`").name == "t`y"
    assert [one.name for one in w.tables.list("main", "s`x")] == ["t`y"]
    assert run("ALTER TABLE `s``x`.`t``y` RENAME TO `s``x`.`u``y`") == []
    w.tables.delete("main.`s``x`.`u``y`")
    assert run("DROP SCHEMA `s``x`") == []


@pytest.mark.parametrize("name", ["a.b", "a b", "a/b"])
@pytest.mark.parametrize(
    "sql",
    [
        "CREATE SCHEMA {}",
        "CREATE TABLE {} (a INT)",
        "CREATE TABLE {} AS SELECT 1 AS a",
        "CREATE VIEW {} AS SELECT 1 AS a",
        "CREATE MATERIALIZED VIEW {} AS SELECT 1 AS a",
        "CREATE FUNCTION {}() RETURNS INT RETURN 1",
        "CREATE TABLE {} CLONE plain",
        "ALTER TABLE plain RENAME TO {}",
    ],
)
def test_names_that_unity_catalog_does_not_take(run, ws, sql, name):
    """Dots, blanks and slashes are refused wherever a name is given, and leave nothing."""
    ws.execute("CREATE TABLE IF NOT EXISTS plain (a INT)")
    assert "[INVALID_PARAMETER_VALUE]" in run(sql.format(f"`{name}`"))
    assert run("SHOW TABLES IN main.default LIKE 'a*'") == []


def test_a_name_with_a_dot_is_refused_over_rest(w):
    """REST refuses what SQL refuses."""
    with pytest.raises(InvalidParameterValue):
        w.schemas.create("a.b", "main")
