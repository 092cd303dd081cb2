"""Sessions over REST and query tags, as the SQL connector's SEA transport uses them."""

from __future__ import annotations

import pytest
from databricks.sdk import errors

from genops.testing.workspace import LocalWorkspace
from genops.testing.workspace.http.wire import ApiError

PATH = "/api/2.0/sql/sessions"


@pytest.fixture(scope="module")
def ws():
    """A workspace with a second schema."""
    with LocalWorkspace(transition_polls=0) as workspace:
        workspace.execute("CREATE SCHEMA main.sales; CREATE TABLE main.sales.orders AS SELECT 1 AS id")
        yield workspace


@pytest.fixture
def opened(ws, ask):
    """Opens a session."""

    def post(**fields):
        return ask("POST", PATH, body={"warehouse_id": ws.warehouse_id, **fields})["session_id"]

    return post


@pytest.fixture
def run(ws, ask):
    """Executes a statement with further fields."""

    def post(text, **fields):
        body = {"statement": text, "warehouse_id": ws.warehouse_id, **fields}
        return ask("POST", "/api/2.0/sql/statements", body=body)

    return post


def test_session_gives_catalog_and_schema(opened, run):
    """Statements of a session resolve names by its catalog and schema."""
    session = opened(catalog="main", schema="sales")
    done = run("SELECT id FROM orders", session_id=session)
    assert done["result"]["data_array"] == [["1"]]


def test_closed_session_takes_no_statement(ws, ask, opened, run):
    """A session ends when it is deleted; deleting it twice is an error."""
    session = opened()
    assert ask("DELETE", f"{PATH}/{session}", query={"warehouse_id": ws.warehouse_id}) == {}
    with pytest.raises(errors.NotFound):
        run("SELECT 1", session_id=session)
    with pytest.raises(errors.NotFound):
        ask("DELETE", f"{PATH}/{session}")


REFUSED = [
    ("no warehouse", {"warehouse_id": None}, errors.BadRequest),
    ("a warehouse that is none", {"warehouse_id": "nosuch"}, errors.InvalidParameterValue),
    ("a warehouse that is not there", {"warehouse_id": "0123456789abcdef"}, errors.PermissionDenied),
    ("a catalog that is not there", {"catalog": "nowhere"}, errors.NotFound),
    ("a schema that is not there", {"catalog": "main", "schema": "nowhere"}, errors.NotFound),
    ("a configuration that is no object", {"session_confs": ["ANSI_MODE"]}, errors.InvalidParameterValue),
    ("a parameter that warehouses do not have", {"session_confs": {"spark.x": "1"}}, errors.InvalidParameterValue),
    ("a parameter that would change results", {"session_confs": {"ansi_mode": "false"}}, errors.NotImplemented),
]


@pytest.mark.parametrize(("fields", "kind"), [row[1:] for row in REFUSED], ids=[row[0] for row in REFUSED])
def test_sessions_that_cannot_be(opened, fields, kind):
    """A session of something that is not there is refused."""
    with pytest.raises(kind):
        opened(**fields)


TAGS = [
    ("session only", r"team:de,proj:a\:b\,c,nightly", [], {"team": "de", "proj": "a:b,c", "nightly": None}),
    ("statement only", "", [{"key": "stage", "value": "x"}], {"stage": "x"}),
    ("statement before session", "team:de", [{"key": "team", "value": "ml"}, {"key": "n"}], {"team": "ml", "n": None}),
    ("white space is no value", "", [{"key": "team", "value": "  "}], {"team": None}),
]


@pytest.mark.parametrize(("conf", "tags", "expected"), [row[1:] for row in TAGS], ids=[row[0] for row in TAGS])
def test_query_tags(ws, opened, run, conf, tags, expected):
    """Tags come from the session's configuration and from the statement, whose own win."""
    session = opened(session_confs={"query_tags": conf} if conf else None)
    done = run("SELECT 1", session_id=session, query_tags=tags)
    statement = ws._statements.get(done["statement_id"])
    assert {tag["key"]: tag.get("value") for tag in statement.tags} == expected


def test_statement_timeout_of_a_session(opened, run):
    """A statement that takes longer than STATEMENT_TIMEOUT fails; the session goes on."""
    slow = "SELECT count(*) FROM range(100000000) a CROSS JOIN range(100000) b WHERE a.id * b.id % 7 = 3"
    session = opened(session_confs={"statement_timeout": "1"})
    status = run(slow, session_id=session, wait_timeout="50s")["status"]
    assert (status["state"], status["sql_state"]) == ("FAILED", "57KD0")
    assert run("SELECT 1", session_id=session)["status"] == {"state": "SUCCEEDED"}


def test_session_is_its_users_own(ws, opened):
    """Nobody else can run a statement in a session."""
    session, request = opened(), {"statement": "SELECT 1", "warehouse_id": ws.warehouse_id}
    with pytest.raises(ApiError, match="does not exist"):
        ws._statements.submit({**request, "session_id": session}, user="someone@else")


def test_at_most_twenty_tags(ws, run):
    """Tags beyond 20 are left out, as the documentation says."""
    done = run("SELECT 1", query_tags=[{"key": f"k{number}"} for number in range(25)])
    assert len(ws._statements.get(done["statement_id"]).tags) == 20
