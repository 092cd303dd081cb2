"""The record of requests: what tests ask of it, what it says when they are wrong, and that it stays small."""

from __future__ import annotations

import base64

import pytest
from databricks.sdk.service.catalog import ConnectionType

from genops.testing.workspace import LocalWorkspace
from genops.testing.workspace.http import recorded
from genops.testing.workspace.http.recorded import RequestLog
from genops.testing.workspace.http.wire import Request
from support.sdk import workspace_client

CATALOGS = "/api/2.1/unity-catalog/catalogs"


@pytest.fixture(scope="module")
def ws():
    """A workspace that four requests of two users reached."""
    with LocalWorkspace(transition_polls=0) as workspace:
        w, ada = workspace_client(workspace), workspace_client(workspace, token=workspace.add_user("ada@example.com"))
        workspace.clear_requests()
        w.catalogs.create("sales", comment="first", properties={"team": "de", "tier": "1"})
        list(w.schemas.list("sales"))
        ada.current_user.me()
        w.statement_execution.execute_statement("SELECT 1 AS one,\n 2 AS two", workspace.warehouse_id)
        yield workspace


def test_requests_are_chosen(ws):
    """Method, path, status, user, query, body and SQL each narrow the choice, and together."""
    assert ws.requests.count == len(ws.requests) == 4
    assert ws.requests.where(method="POST").count == 2
    assert ws.requests.where(path=CATALOGS).count == 1
    assert ws.requests.where(path=CATALOGS + "/.+").count == 0
    assert ws.requests.where(user="ada@example.com")[0].path.endswith("/Me")
    assert ws.requests.where(query={"catalog_name": "sales"}).one().path.endswith("/schemas")
    assert ws.requests.where(sql=r"select 1 as one,\s+2").one().status == 200
    assert ws.requests.where(method="POST", status=404).count == 0


def test_bodies_are_chosen_by_part_or_by_predicate(ws):
    """A mapping is contained at any depth; a function decides; what it cannot read does not fit."""
    assert ws.requests.where(body={"properties": {"team": "de"}}).count == 1
    assert ws.requests.where(body={"properties": {"team": "ml"}}).count == 0
    assert ws.requests.where(body=lambda body: body["name"].startswith("sa")).count == 1


def test_one_gives_the_request(ws):
    """`one` gives the only request that fits."""
    assert ws.requests.one(path=CATALOGS).body["name"] == "sales"


def test_one_shows_what_was_sent(ws):
    """Where none or several fit, the error says how many, asked for what, and shows a table of all."""
    with pytest.raises(AssertionError, match=r"expected one request with method='DELETE', but none fit") as caught:
        ws.requests.one(method="DELETE")
    lines = str(caught.value).splitlines()
    assert lines[1].split() == ["#", "method", "path", "status", "user", "body"]
    assert lines[2].startswith(f"  0 POST   {CATALOGS} ")
    assert '"comment": "first"' in lines[2]
    assert "SELECT 1 AS one, 2 AS two" in lines[-1]
    with pytest.raises(AssertionError, match="but 2 fit"):
        ws.requests.one(method="POST")


def test_none_shows_what_should_not_be(ws):
    """`none` shows only the requests that should not have been sent."""
    ws.requests.none(path="/api/2.2/jobs/.*")
    with pytest.raises(AssertionError, match=r"expected no request with path=.*, but 1 fit") as caught:
        ws.requests.none(path=CATALOGS)
    assert "schemas" not in str(caught.value)


def test_sent_is_the_whole_order(ws):
    """`sent` holds for all requests in their order, and names the first that differs."""
    whole = [f"POST {CATALOGS}", "GET .*/schemas", "GET .*/Me", "POST /api/2.0/sql/statements"]
    ws.requests.sent(*whole)
    with pytest.raises(
        AssertionError, match=r"request 1 to be GET .*/Me, but it is GET /api/2.1/unity-catalog/schemas"
    ):
        ws.requests.sent(whole[0], *whole[2:])
    with pytest.raises(AssertionError, match="request 4 to be GET /more, but it is missing"):
        ws.requests.sent(*whole, "GET /more")
    with pytest.raises(AssertionError, match="expected 3 requests, but 4 were sent"):
        ws.requests.sent(*whole[:3])


def test_requests_are_a_list_too(ws):
    """Indexed, sliced, iterated and compared as a list."""
    requests = ws.requests
    assert requests[0] == next(iter(requests))
    assert [one.method for one in requests[1:3]] == ["GET", "GET"]
    assert requests[2:2] == []
    assert not requests[2:2]
    assert requests == ws.requests
    assert requests != []


def test_long_tables_show_the_last():
    """A table of many requests shows the last and says how many came before."""
    log = RequestLog()
    for number in range(100):
        log.add(Request("GET", f"/n{number}", {}, {}, None, 200))
    text = str(log.all())
    assert "… 70 before these" in text
    assert "/n99 " in text
    assert "/n69 " not in text


def test_record_is_bounded(monkeypatch):
    """The oldest requests go when there are too many, or when their bodies take too much."""
    monkeypatch.setattr(recorded, "KEPT", 5)
    log = RequestLog()
    for number in range(8):
        log.add(Request("GET", f"/n{number}", {}, {}, None, 200))
    assert [one.path for one in log.all()] == ["/n3", "/n4", "/n5", "/n6", "/n7"]
    monkeypatch.setattr(recorded, "KEPT_CHARACTERS", 1000)
    for number in range(3):
        log.add(Request("POST", f"/b{number}", {}, {}, {"text": "x" * 450}, 200))
    assert [one.path for one in log.all()] == ["/b1", "/b2"]


def test_audit_and_log_hear_of_every_request():
    """Each request is in the journal with what an audit needs, and is given to the log with its seconds."""
    heard: list[tuple[Request, float]] = []
    with LocalWorkspace(log=lambda one, seconds: heard.append((one, seconds))) as ws:
        workspace_client(ws).current_user.me()
        me = ws.requests[-1]
        facts = ws._journal.of("request")[-1].facts
    assert facts["request_id"] == me.request_id
    assert (facts["method"], facts["path"], facts["user"], facts["status"]) == ("GET", me.path, "user@example.com", 200)
    assert "databricks-sdk-py" in facts["user_agent"]
    assert [one.path for one, _ in heard] == ["/.well-known/databricks-config", me.path]
    assert all(0 < seconds < 60 for _, seconds in heard)


def test_secrets_in_bodies_are_not_kept():
    """Passwords, tokens and secret values are recorded as redacted, at any depth; the rest can be asserted."""
    hush = "hush-7391"
    with LocalWorkspace() as ws:
        w = workspace_client(ws)
        w.secrets.create_scope("s")
        ws.clear_requests()
        w.secrets.put_secret("s", "key", string_value=hush)
        assert base64.b64decode(w.secrets.get_secret("s", "key").value).decode() == hush
        options = {"host": "db.example.com", "user": "ada", "password": hush}
        w.connections.create("db", ConnectionType.POSTGRESQL, options)
        put = ws.requests.one(path=".*/secrets/put", body={"scope": "s", "key": "key"})
        assert put.body["string_value"] == "[redacted]"
        ws.requests.one(path=".*/connections", body={"options": {"user": "ada", "password": "[redacted]"}})
        assert hush not in str([request.body for request in ws.requests])
        assert hush not in str(ws.execute("SELECT request_params FROM system.access.audit"))
