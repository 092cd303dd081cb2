"""What lasts in a session and what does not leave it: defaults, temporary views, configuration, tags, variables."""

from __future__ import annotations

import pytest

from genops.testing.workspace import LocalWorkspace
from genops.testing.workspace.sql.failures import SqlError

PATH = "/api/2.0/sql/sessions"


@pytest.fixture(scope="module")
def ws():
    """A workspace with two schemas."""
    with LocalWorkspace(transition_polls=0) as workspace:
        workspace.execute("CREATE SCHEMA main.sales; CREATE TABLE main.sales.orders AS SELECT 7 AS id")
        yield workspace


@pytest.fixture
def session(ws, ask):
    """Opens a session; what it gives runs a statement in it and gives the rows, or the failure's SQL state."""

    def opened():
        identifier = ask("POST", PATH, body={"warehouse_id": ws.warehouse_id})["session_id"]

        def run(text):
            body = {"statement": text, "warehouse_id": ws.warehouse_id, "session_id": identifier}
            done = ask("POST", "/api/2.0/sql/statements", body=body)
            if done["status"]["state"] == "FAILED":
                return done["status"]["sql_state"]
            return done["result"].get("data_array", [])

        run.close = lambda: ask("DELETE", f"{PATH}/{identifier}", query={"warehouse_id": ws.warehouse_id})
        return run

    return opened


def test_use_lasts_in_its_session(session):
    """USE changes where names belong, for the statements of its session only."""
    one, two = session(), session()
    assert one("USE SCHEMA sales") == []
    assert one("SELECT current_catalog(), current_schema(), id FROM orders") == [["main", "sales", "7"]]
    assert two("SELECT id FROM orders") == "42P01"
    assert one("USE CATALOG system") == []
    assert one("SELECT current_catalog(), current_schema()") == [["system", "default"]]
    assert one("USE main.sales") == []
    assert one("SHOW TABLES") == [["sales", "orders", "false"]]
    assert one("USE SCHEMA nowhere") == "42704"
    assert one("SELECT current_schema()") == [["sales"]]


def test_temporary_views_are_their_sessions(session):
    """A temporary view is read, described, listed and replaced in its session; nobody else knows it."""
    one, two = session(), session()
    assert one("CREATE TEMPORARY VIEW mine (n COMMENT 'number') AS SELECT id FROM main.sales.orders") == []
    assert one("USE SCHEMA sales") == []
    assert one("SELECT m.n + 1 FROM mine AS m JOIN orders o ON o.id = m.n") == [["8"]]
    assert one("DESCRIBE mine") == [["n", "int", "number"]]
    assert one("SHOW TABLES LIKE 'mine'") == [["", "mine", "true"]]
    assert one("CREATE TEMP VIEW mine AS SELECT 1 AS n") == "42P07"
    assert one("CREATE OR REPLACE TEMP VIEW mine AS SELECT 1 AS n") == []
    assert one("SELECT * FROM mine") == [["1"]]
    assert one("INSERT INTO mine VALUES (2)") == "42809"
    assert two("SELECT * FROM mine") == "42P01"
    assert one("DROP VIEW mine") == []
    assert one("SELECT * FROM mine") == "42P01"


def test_temporary_view_comes_before_a_table(session):
    """A name of one part is the temporary view's, the full name still the table's."""
    run = session()
    run("USE SCHEMA sales")
    run("CREATE TEMP VIEW orders AS SELECT 0 AS id")
    assert run("SELECT id FROM orders") == [["0"]]
    assert run("SELECT id FROM main.sales.orders") == [["7"]]


def test_temporary_views_stand_on_each_other(session):
    """A temporary view reads others, with the defaults of when it was made."""
    run = session()
    run("USE SCHEMA sales")
    run("CREATE TEMP VIEW base AS SELECT id FROM orders")
    run("CREATE TEMP VIEW upper AS SELECT id * 2 AS d FROM base")
    run("USE SCHEMA default")
    assert run("WITH x AS (SELECT d FROM upper) SELECT sum(d) FROM x") == [["14"]]


def test_closed_session_takes_its_views_along(ws, session, ask):
    """After the end of a session its statements are refused; a new one does not have its views."""
    run = session()
    run("CREATE TEMP VIEW short AS SELECT 1 AS n")
    run.close()
    assert session()("SELECT * FROM short") == "42P01"


def test_configuration_is_kept_or_refused(session):
    """SET takes what means here what it means there, tells what is set, and refuses the rest."""
    run, other = session(), session()
    assert run("SET use_cached_result = false") == [["USE_CACHED_RESULT", "false"]]
    assert run("SET USE_CACHED_RESULT") == [["USE_CACHED_RESULT", "false"]]
    assert other("SET USE_CACHED_RESULT") == [["USE_CACHED_RESULT", "true"]]
    assert run("SET ANSI_MODE = true") == [["ANSI_MODE", "true"]]
    assert run("SET ANSI_MODE = false") == "0A000"
    assert run("SET TIME ZONE 'UTC'") == [["TIMEZONE", "UTC"]]
    assert run("SET TIME ZONE 'Europe/Berlin'") == "0A000"
    assert run("SET spark.sql.shuffle.partitions = 4") == "42K0I"
    assert run("RESET USE_CACHED_RESULT") == []
    assert run("SET USE_CACHED_RESULT") == [["USE_CACHED_RESULT", "true"]]


def test_query_tags_are_set_and_unset(session):
    """SET QUERY_TAGS changes the tags of the session's statements."""
    run = session()
    assert run("SET QUERY_TAGS['team'] = 'ops'") == []
    assert run("SET QUERY_TAGS['job'] = 'nightly'") == []
    assert run("SET QUERY_TAGS['job'] = UNSET") == []
    assert run("SET QUERY_TAGS") == [["team", "ops"]]


def test_variables(session):
    """Variables are declared with a type and a default, set, read and dropped."""
    run = session()
    assert run("DECLARE VARIABLE n INT DEFAULT 5") == []
    assert run("SELECT n + 1, session.n") == [["6", "5"]]
    assert run("SELECT id + session.n FROM main.sales.orders") == [["12"]]
    assert run("SET VAR n = (SELECT max(id) FROM main.sales.orders)") == []
    assert run("SELECT system.session.n") == [["7"]]
    assert run("DECLARE n STRING") == "42723"
    assert run("DECLARE OR REPLACE n = 'text'") == []
    assert run("SELECT n") == [["text"]]
    assert run("DROP TEMPORARY VARIABLE n") == []
    assert run("DROP TEMPORARY VARIABLE n") == "42883"


def test_statements_of_one_call_share_a_session(ws):
    """What ``ws.execute`` runs together is one session, the next call another."""
    assert ws.execute("USE SCHEMA sales; CREATE TEMP VIEW v AS SELECT id FROM orders; SELECT * FROM v") == [["7"]]
    with pytest.raises(SqlError):
        ws.execute("SELECT * FROM v")


def test_who_asks(ws, session):
    """Functions tell who asks."""
    assert session()("SELECT current_user(), session_user()") == [[ws.identity.user, ws.identity.user]]
