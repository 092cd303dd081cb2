"""How sessions end that nobody closes: after eight idle hours, or because there are too many."""

from __future__ import annotations

import pytest
from databricks.sdk import errors

from genops.testing.workspace import LocalWorkspace
from genops.testing.workspace.sql import sessions
from support.polling import eventually
from support.sdk import workspace_client

SLOW = "SELECT count(*) FROM range(100000000) a CROSS JOIN range(100000) b WHERE a.id * b.id % 7 = 3"


@pytest.fixture
def ws():
    """A workspace whose clock a test moves."""
    with LocalWorkspace(transition_polls=0) as workspace:
        yield workspace


@pytest.fixture
def ask(ws):
    """Sends requests as they are."""
    return workspace_client(ws).api_client.do


@pytest.fixture
def opened(ws, ask):
    """Opens a session."""
    return lambda: ask("POST", "/api/2.0/sql/sessions", body={"warehouse_id": ws.warehouse_id})["session_id"]


@pytest.fixture
def run(ws, ask):
    """Executes a statement in a session."""

    def post(session, text="SELECT 1", **fields):
        body = {"statement": text, "warehouse_id": ws.warehouse_id, "session_id": session, **fields}
        return ask("POST", "/api/2.0/sql/statements", body=body)

    return post


def active(ws, ask):
    """How many sessions the warehouse says are open."""
    return ask("GET", f"/api/2.0/sql/warehouses/{ws.warehouse_id}")["num_active_sessions"]


def test_a_session_ends_after_eight_idle_hours(ws, ask, opened, run):
    """Each command begins the eight hours anew; after them the session is not there, nor counted."""
    session = opened()
    for _ in range(2):
        ws.clock.advance(hours=7)
        assert run(session)["status"]["state"] == "SUCCEEDED"
    assert active(ws, ask) == 1
    ws.clock.advance(hours=8)
    assert active(ws, ask) == 0
    with pytest.raises(errors.NotFound, match="does not exist"):
        run(session)


def test_a_session_whose_statement_runs_is_not_idle(ws, ask, opened, run):
    """A statement keeps its session open however long it takes; the hours begin when it ends."""
    session = opened()
    statement = ws._statements.get(run(session, SLOW, wait_timeout="0s")["statement_id"])
    eventually(lambda: statement.state == "RUNNING")
    ws.clock.advance(hours=9)
    ask("POST", f"/api/2.0/sql/statements/{statement.id}/cancel")
    eventually(statement.done.is_set)
    assert run(session)["status"]["state"] == "SUCCEEDED"
    ws.clock.advance(hours=9)
    assert active(ws, ask) == 0


def test_too_many_sessions_end_the_one_idle_longest(ws, ask, opened, run, monkeypatch):
    """One more than may be open ends the one whose last command is the oldest."""
    monkeypatch.setattr(sessions, "KEPT_SESSIONS", 3)
    first, second, third = opened(), opened(), opened()
    run(first)
    opened()
    assert active(ws, ask) == 3
    assert [run(one)["status"]["state"] for one in (first, third)] == ["SUCCEEDED"] * 2
    with pytest.raises(errors.NotFound):
        run(second)


def test_results_are_given_up_when_their_hour_is_over(ws, opened, run):
    """The rows of a result are let go by the clock, also where nobody asks for them again."""
    statement = ws._statements.get(run(opened())["statement_id"])
    ws.clock.advance(minutes=59)
    assert (statement.state, statement.rows) == ("SUCCEEDED", 1)
    ws.clock.advance(minutes=2)
    assert (statement.state, statement.rows) == ("CLOSED", 0)
