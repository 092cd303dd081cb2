"""Faults on demand, seen by the real SDK: each error, each break of the transport, and which requests they hit."""

from __future__ import annotations

import io
import time

import pytest
import requests
from databricks.sdk import errors
from databricks.sdk.errors import platform
from databricks.sdk.service.sql import StatementState

from genops.testing.workspace import LocalWorkspace
from genops.testing.workspace.http.faults import ERRORS
from support.raw_http import request
from support.sdk import workspace_client

ME = "/api/2.0/preview/scim/v2/Me"
CATALOG = "/api/2.1/unity-catalog/catalogs/main"


@pytest.fixture(scope="module")
def shared():
    """A workspace with a file in a volume."""
    with LocalWorkspace(transition_polls=0, fault_seed=7) as workspace:
        workspace.execute("CREATE VOLUME main.default.raw")
        workspace_client(workspace).files.upload("/Volumes/main/default/raw/ten", io.BytesIO(b"0123456789"))
        yield workspace


@pytest.fixture
def ws(shared):
    """The workspace, without faults and requests of earlier tests."""
    shared.clear_faults()
    shared.clear_requests()
    yield shared
    shared.clear_faults()


@pytest.fixture
def w(ws):
    """A real client."""
    return workspace_client(ws)


def witness(kind):
    """The exception that the SDK keeps for a kind: by its code, or by its status."""
    status, code, _ = ERRORS[kind]
    return platform.ERROR_CODE_MAPPING.get(code) or platform.STATUS_CODE_MAPPING[status]


@pytest.mark.parametrize("kind", [kind for kind in ERRORS if ERRORS[kind][0] not in (429, 503)])
def test_each_error_is_the_sdks_own(ws, w, kind):
    """Each kind raises the class that the SDK keeps for its code and status, with code, text and request id."""
    ws.fault(kind, path=ME)
    with pytest.raises(witness(kind)) as caught:
        w.current_user.me()
    assert type(caught.value) is witness(kind)
    assert caught.value.error_code == ERRORS[kind][1]
    assert str(caught.value).startswith(ERRORS[kind][2])
    assert caught.value.get_error_details().request_info.request_id == ws.requests[-1].request_id


def test_every_class_of_the_sdk_is_reached():
    """Every class of the SDK, by code or by status, is raised by some kind."""
    reached = {witness(kind) for kind in ERRORS}
    assert reached == {*platform.ERROR_CODE_MAPPING.values(), *platform.STATUS_CODE_MAPPING.values()} - {
        errors.NotFound,  # always with the code RESOURCE_DOES_NOT_EXIST
        errors.TooManyRequests,  # always with a code of its own
    }


@pytest.mark.parametrize("kind", ["429", "503", "RESOURCE_EXHAUSTED"])
def test_throttled_requests_are_repeated_after_their_time(ws, w, kind):
    """Retry-After reaches the SDK, which tries again; the error is the SDK's class for it."""
    ws.fault(kind, path=ME, times=1, retry_after=0)
    w.current_user.me()
    assert [one.status for one in ws.requests.where(path=ME)] == [ERRORS[kind][0], 200]
    ws.fault(kind, path=ME, retry_after=3)
    answer = request(ws, f"GET {ME}")
    assert (answer.headers["retry-after"], answer.json["error_code"]) == ("3", ERRORS[kind][1])


def test_reset_is_repeated(ws, w):
    """A reset connection is tried again, and the record says what happened."""
    ws.fault("reset", path=ME, times=1)
    w.current_user.me()
    assert [(one.status, one.fault) for one in ws.requests.where(path=ME)] == [(0, "reset"), (200, "")]


def test_stalled_body_runs_into_the_clients_timeout(ws):
    """Headers and half of the body come, the rest does not: the client's own timeout ends the wait."""
    ws.fault("stalled", path=ME, times=1)
    headers = {"Authorization": f"Bearer {ws.token}"}
    answer = requests.get(ws.host + ME, headers=headers, timeout=0.3, stream=True)
    assert answer.status_code == 200
    with pytest.raises(requests.exceptions.ConnectionError, match="timed out"):
        _ = answer.content
    assert ws.requests[-1].fault == "stalled"


def test_stalled_body_ends_after_its_seconds(ws):
    """After its seconds the connection closes, with the body incomplete."""
    ws.fault("stalled", path=ME, seconds=0.05)
    with pytest.raises(requests.exceptions.ChunkedEncodingError, match="IncompleteRead"):
        requests.get(ws.host + ME, headers={"Authorization": f"Bearer {ws.token}"}, timeout=20)


def test_malformed_json_does_not_parse(ws, w):
    """The body is cut off and the length says so: only the JSON is wrong."""
    ws.fault("malformed", path=ME, times=1)
    with pytest.raises(ValueError, match=r"Expecting|Unterminated|delimiter"):
        w.current_user.me()


def test_truncated_hits_what_is_no_json(ws, w):
    """A file loses its second half; answers in JSON of the same rule are left alone and not counted."""
    ws.fault("truncated", times=1)
    w.current_user.me()
    assert w.files.download("/Volumes/main/default/raw/ten").contents.read() == b"01234"
    assert w.files.download("/Volumes/main/default/raw/ten").contents.read() == b"0123456789"
    assert [one.fault for one in ws.requests if one.fault] == ["truncated"]


def test_slow_answers_are_right_in_the_end(ws, w):
    """A slow answer takes its seconds and is whole."""
    ws.fault("slow", path=ME, seconds=0.2, times=1)
    begun = time.monotonic()
    assert w.current_user.me().user_name
    assert time.monotonic() - begun >= 0.2


def test_after_and_times_choose_by_number(ws, w):
    """The first two pass, the next two fail, the rest pass."""
    ws.fault("403", path=CATALOG, after=2, times=2)
    seen = []
    for _ in range(6):
        try:
            seen.append(w.catalogs.get("main").name)
        except errors.PermissionDenied:
            seen.append(None)
    assert seen == ["main", "main", None, None, "main", "main"]


def failures(ws, probability):
    """Which of 24 requests fail under a rule with a probability."""
    ws.clear_faults()
    ws.fault("500", path=ME, probability=probability)
    return [request(ws, f"GET {ME}").status == 500 for _ in range(24)]


def test_probability_is_decided_by_the_seed(ws):
    """The same seed spoils the same requests again; another seed others; about as many as asked."""
    first = failures(ws, 0.5)
    assert failures(ws, 0.5) == first
    assert 4 < sum(first) < 20
    with LocalWorkspace(fault_seed=8) as other:
        assert failures(other, 0.5) != first


def test_rules_choose_by_body(ws, w):
    """A predicate of the body decides; one that cannot read another shape of body does not hold for it."""
    ws.fault("409", body=lambda body: body["name"].startswith("bad"))
    w.current_user.me()
    w.catalogs.create("good")
    with pytest.raises(errors.ResourceConflict):
        w.catalogs.create("bad_one")
    w.catalogs.delete("good")


def test_rules_choose_by_sql(ws, w):
    """A rule about SQL hits the requests that run such a text and no others."""
    ws.fault("500", sql=r"from\s+orders")
    state = w.statement_execution.execute_statement("SELECT 1", ws.warehouse_id).status.state
    assert state is StatementState.SUCCEEDED
    with pytest.raises(errors.InternalError):
        w.statement_execution.execute_statement("SELECT *\nFROM orders", ws.warehouse_id)


def test_expired_token_mid_run(ws, w):
    """The kind `expired` answers as for a token that has just ended, and the run goes on with the next request."""
    ws.fault("expired", path=CATALOG, after=1, times=1)
    w.catalogs.get("main")
    with pytest.raises(errors.Unauthenticated, match="Token is expired"):
        w.catalogs.get("main")
    assert w.catalogs.get("main").name == "main"


def test_warehouse_that_dies_fails_its_statement(ws, w):
    """The statement that ran ends FAILED with HTTP 200 and leaves nothing; the next one finds a warehouse again."""
    ws.execute("CREATE OR REPLACE TABLE counted (id INT)")
    ws.fault("warehouse", sql="insert into .*counted", times=1)
    insert = "INSERT INTO main.default.counted VALUES (1)"
    done = w.statement_execution.execute_statement(insert, ws.warehouse_id)
    assert (done.status.state, done.status.sql_state) == (StatementState.FAILED, "XXKDA")
    assert "SparkContext was shut down" in done.status.error.message
    assert ws.execute("SELECT count(*) FROM counted") == [["0"]]
    again = w.statement_execution.execute_statement(insert, ws.warehouse_id, wait_timeout="50s")
    assert again.status.state is StatementState.SUCCEEDED
    assert ws.execute("SELECT count(*) FROM counted") == [["1"]]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"kind": "418"}, "418.*401.*stalled.*warehouse"),
        ({"kind": "500", "times": 0}, "times"),
        ({"kind": "500", "after": -1}, "after"),
        ({"kind": "500", "probability": 0}, "probability"),
        ({"kind": "500", "probability": 1.5}, "probability"),
        ({"kind": "warehouse", "path": "/api/.*"}, "sql="),
    ],
)
def test_impossible_rules_are_refused(ws, arguments, said):
    """A rule that cannot be kept is an error that names what is wrong."""
    with pytest.raises(ValueError, match=said):
        ws.fault(**arguments)
