"""The life of a statement: waiting, cancelling, ending, and what time does to it."""

from __future__ import annotations

import gc
import http.client
import json
import resource
import threading
import urllib.error
import urllib.request
from pathlib import Path

import pytest
from databricks.sdk import errors
from databricks.sdk.service import sql

from genops.testing.workspace import LocalWorkspace
from support.polling import eventually
from support.sdk import workspace_client

State = sql.StatementState
SLOW = "SELECT count(*) FROM range(100000000) a CROSS JOIN range(100000) b WHERE a.id * b.id % 7 = 3"


@pytest.fixture(scope="module")
def ws():
    """A workspace whose clock may be moved; each test has statements of its own."""
    with LocalWorkspace(transition_polls=0) as workspace:
        yield workspace


@pytest.fixture(scope="module")
def api(ws):
    """The SDK's statement API."""
    return workspace_client(ws).statement_execution


def ended(api, statement_id):
    """A statement in its final state."""
    eventually(lambda: api.get_statement(statement_id).status.state not in (State.PENDING, State.RUNNING))
    return api.get_statement(statement_id)


def test_asynchronous_statement_is_polled_to_its_result(ws, api):
    """Who does not wait asks, and gets manifest and result with the final state."""
    begun = api.execute_statement("SELECT 1 AS one", ws.warehouse_id, wait_timeout="0s")
    assert begun.status.state is State.PENDING
    done = ended(api, begun.statement_id)
    assert (done.status.state, done.result.data_array) == (State.SUCCEEDED, [["1"]])


def test_running_statement_is_cancelled(ws, api):
    """A cancel is answered at once, and the state is CANCELED soon after, without an error."""
    begun = api.execute_statement(SLOW, ws.warehouse_id, wait_timeout="0s")
    eventually(lambda: api.get_statement(begun.statement_id).status.state is State.RUNNING)
    api.cancel_execution(begun.statement_id)
    done = ended(api, begun.statement_id)
    assert (done.status.state, done.status.error, done.result) == (State.CANCELED, None, None)
    with pytest.raises(errors.NotFound, match="should be SUCCEEDED"):
        api.get_statement_result_chunk_n(begun.statement_id, 0)


@pytest.mark.parametrize("on_timeout", ["CONTINUE", "CANCEL"])
def test_wait_that_is_too_short(ws, api, on_timeout, monkeypatch):
    """After the wait the statement goes on, or is cancelled, as was asked for."""
    monkeypatch.setattr("genops.testing.workspace.statements.requests._WAIT", (0, 50))
    choice = sql.ExecuteStatementRequestOnWaitTimeout(on_timeout)
    answer = api.execute_statement(SLOW, ws.warehouse_id, wait_timeout="0.2s", on_wait_timeout=choice)
    assert answer.status.state in ((State.PENDING, State.RUNNING) if on_timeout == "CONTINUE" else (State.CANCELED,))
    api.cancel_execution(answer.statement_id)
    assert ended(api, answer.statement_id).status.state is State.CANCELED


def test_cancel_after_the_end_changes_nothing(ws, api):
    """A statement that succeeded stays as it is, also when a client closes it."""
    done = api.execute_statement("SELECT 1", ws.warehouse_id)
    api.cancel_execution(done.statement_id)
    assert workspace_client(ws).api_client.do("DELETE", f"/api/2.0/sql/statements/{done.statement_id}") == {}
    assert api.get_statement(done.statement_id).result.data_array == [["1"]]


def test_result_is_kept_for_an_hour(ws, api):
    """A result can be fetched for an hour after success; then the statement is CLOSED, and after 12 hours gone."""
    done = api.execute_statement("SELECT 1", ws.warehouse_id)
    ws.clock.advance(minutes=59)
    assert api.get_statement(done.statement_id).status.state is State.SUCCEEDED
    ws.clock.advance(minutes=2)
    assert api.get_statement(done.statement_id).status.state is State.CLOSED
    with pytest.raises(errors.NotFound, match=r"result of the statement .* was not found"):
        api.get_statement_result_chunk_n(done.statement_id, 0)
    ws.clock.advance(hours=12)
    with pytest.raises(errors.NotFound):
        api.get_statement(done.statement_id)


def test_failure_is_told_again(ws, api):
    """A statement that failed says the same when it is asked for later, and does not become CLOSED."""
    failed = api.execute_statement("SELECT * FROM nowhere", ws.warehouse_id)
    ws.clock.advance(hours=2)
    assert api.get_statement(failed.statement_id).status == failed.status


def test_links_expire_after_a_quarter_of_an_hour(ws, api):
    """An expired URL is forbidden; asking for the chunk again gives a new one."""
    done = api.execute_statement("SELECT 1 AS one", ws.warehouse_id, disposition=sql.Disposition.EXTERNAL_LINKS)
    (link,) = done.result.external_links
    ws.clock.advance(minutes=16)
    with pytest.raises(urllib.error.HTTPError, match="403"):
        urllib.request.urlopen(link.external_link)
    (renewed,) = api.get_statement_result_chunk_n(done.statement_id, 0).external_links
    assert renewed.expiration > link.expiration
    with urllib.request.urlopen(renewed.external_link) as answer:
        assert answer.read() == b'[["1"]]'


def test_warehouse_dies_in_the_middle(ws, api):
    """A fault of the warehouse ends the statement FAILED, with HTTP 200; the next one runs."""
    ws.fault("warehouse", times=1)
    status = api.execute_statement("SELECT 1", ws.warehouse_id).status
    assert (status.state, bool(status.error.message)) == (State.FAILED, True)
    assert api.execute_statement("SELECT 1", ws.warehouse_id).status.state is State.SUCCEEDED


def test_many_statements_at_once(ws, api):
    """Concurrent statements have each their own result."""
    answers = {}

    def ask(number):
        answers[number] = api.execute_statement(f"SELECT {number}", ws.warehouse_id).result.data_array

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(32)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert answers == {number: [[str(number)]] for number in range(32)}


def test_files_of_results_go_with_the_workspace(ws, api):
    """A large result lies in a file of the workspace, which is gone when its time is over."""
    text = "SELECT repeat('x', 1000) AS x FROM range(3000)"
    done = api.execute_statement(text, ws.warehouse_id, disposition=sql.Disposition.EXTERNAL_LINKS)
    file = ws._statements.get(done.statement_id).results._file
    assert file.stat().st_size > 3_000_000
    ws.clock.advance(hours=1, minutes=1)
    assert api.get_statement(done.statement_id).status.state is State.CLOSED
    assert not file.exists()


def _resident():
    """Megabytes of this process that are in memory."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize() / 1e6


@pytest.mark.full
@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="needs Linux's account of memory")
def test_memory_is_flat_over_10_000_statements(ws):
    """Results of 20 kB each, 200 MB in all, take no more room from the 2,500th statement on than a tenth of that."""
    connection = http.client.HTTPConnection(ws.host.removeprefix("http://"))
    headers = {"Authorization": f"Bearer {ws.token}"}
    sizes = []
    for number in range(10_000):
        body = {"statement": f"SELECT repeat('x', 20000) AS x, {number} AS n", "warehouse_id": ws.warehouse_id}
        connection.request("POST", "/api/2.0/sql/statements", json.dumps(body), headers)
        assert json.load(connection.getresponse())["status"] == {"state": "SUCCEEDED"}
        ws.clear_requests()
        if number % 500 == 0:
            gc.collect()
            sizes.append(_resident())
    assert max(sizes[5:]) - sizes[5] < 0.1 * 200 + 30, sizes
