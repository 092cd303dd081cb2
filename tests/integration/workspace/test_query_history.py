"""Query history over REST and as a system table: what ran, how long it took, who caused it."""

from __future__ import annotations

import datetime as dt
import io

import pytest
from databricks.sdk import errors
from databricks.sdk.service.sql import QueryFilter, QueryStatus, QueryTag, TimeRange

from genops.testing.workspace import LocalWorkspace
from support.system_tables import ask, client_of, run


@pytest.fixture
def ws():
    """A workspace with a table."""
    with LocalWorkspace(transition_polls=0) as workspace:
        workspace.execute("CREATE TABLE t (a INT); INSERT INTO t SELECT id FROM range(1000)")
        yield workspace


def history(ws, **filters):
    """Entries with their metrics."""
    given = {"filter_by": QueryFilter(**filters)} if filters else {}
    return client_of(ws).query_history.list(include_metrics=True, **given).res or []


def test_times_add_up(ws):
    """Waiting, compiling, executing and fetching are together what the client waited, in the list and in the table."""
    statement = run(ws, "SELECT a FROM t ORDER BY a")
    (entry,) = history(ws, statement_ids=[statement.statement_id])
    metrics = entry.metrics
    waiting = metrics.query_compilation_start_timestamp - entry.query_start_time_ms
    parts = (waiting, metrics.compilation_time_ms, metrics.execution_time_ms)
    assert min(parts) >= 0
    assert sum(parts) == entry.duration
    assert entry.duration + metrics.result_fetch_time_ms == metrics.total_time_ms
    assert entry.query_end_time_ms - entry.query_start_time_ms == metrics.total_time_ms
    assert (metrics.rows_produced_count, metrics.result_from_cache) == (1000, False)
    assert metrics.rows_read_count >= 1000
    assert (metrics.read_bytes > 0, entry.is_final, entry.query_text) == (True, True, "SELECT a FROM t ORDER BY a")
    (row,) = ask(ws, f"SELECT * FROM system.query.history WHERE statement_id = '{statement.statement_id}'")
    names = ("waiting_for_compute", "waiting_at_capacity", "compilation", "execution")
    assert sum(int(row[f"{name}_duration_ms"]) for name in names) == int(row["total_duration_ms"]) == entry.duration
    assert row["produced_rows"] == "1000"
    assert row["cache_origin_statement_id"] == row["statement_id"]


def test_files_that_were_read_are_counted(ws):
    """A statement over files of a volume says how many it read; one over tables, which have none here, does not."""
    ws.execute("CREATE VOLUME files")
    for name in ("a", "b"):
        client_of(ws).files.upload(f"/Volumes/main/default/files/{name}.csv", io.BytesIO(b"x\n1\n"))
    files = run(ws, "SELECT * FROM read_files('/Volumes/main/default/files', format => 'csv')").statement_id
    table = run(ws, "SELECT * FROM t").statement_id
    counts = {entry.query_id: entry.metrics.read_files_count for entry in history(ws)}
    assert (counts[files], counts[table]) == (2, None)
    rows = ask(ws, "SELECT statement_id, read_files FROM system.query.history")
    assert {row["statement_id"]: row["read_files"] for row in rows if row["statement_id"] == files} == {files: "2"}


def test_facts_of_a_statement(ws):
    """Type, tags, parameters, session, user and error are what was sent and what came of it."""
    tags = [QueryTag("team", "de"), QueryTag("run", "7")]
    good = run(ws, "INSERT INTO t SELECT a FROM t WHERE a < 10", query_tags=tags)
    bad = run(ws, "SELECT nothing FROM t")
    entries = {entry.query_id: entry for entry in history(ws)}
    entry = entries[good.statement_id]
    assert entry.statement_type.value == "INSERT"
    assert {tag.key: tag.value for tag in entry.query_tags} == {"team": "de", "run": "7"}
    assert (entry.user_name, entry.executed_as_user_name) == ("user@example.com", "user@example.com")
    assert entry.user_id == int(client_of(ws).current_user.me().id)
    failed = entries[bad.statement_id]
    assert failed.status is QueryStatus.FAILED
    assert failed.error_message == bad.status.error.message
    rows = {row["statement_id"]: row for row in ask(ws, "SELECT * FROM system.query.history")}
    assert rows[good.statement_id]["query_tags"] == '{"team":"de","run":"7"}'
    assert rows[good.statement_id]["written_rows"] == "10"
    assert rows[bad.statement_id]["execution_status"] == "FAILED"


def test_every_filter(ws):
    """Statements, statuses, warehouses, users and times each leave out what does not fit."""
    first = run(ws, "SELECT 1")
    ws.clock.advance(hours=1)
    second = run(ws, "SELECT nothing")
    other = client_of(ws).warehouses.create(name="other", cluster_size="Small").result().id
    third = run(ws, "SELECT 3", warehouse_id=other)
    me = int(client_of(ws).current_user.me().id)

    def ids(**filters):
        return {entry.query_id for entry in history(ws, **filters)}

    everything = {first.statement_id, second.statement_id, third.statement_id}
    assert ids() == everything
    assert ids(statement_ids=[first.statement_id]) == {first.statement_id}
    assert ids(statuses=[QueryStatus.FAILED]) == {second.statement_id}
    assert ids(warehouse_ids=[other]) == {third.statement_id}
    assert ids(user_ids=[me]) == everything
    assert ids(user_ids=[me + 1]) == set()
    boundary = int((ws.clock.now() - 1800) * 1000)
    assert ids(query_start_time_range=TimeRange(end_time_ms=boundary)) == {first.statement_id}
    assert ids(query_start_time_range=TimeRange(start_time_ms=boundary)) == everything - {first.statement_id}


def test_pages_do_not_move(ws):
    """Pages give every statement once, newest first, also where more statements come in between."""
    sent = [run(ws, f"SELECT {number}").statement_id for number in range(5)]
    client = client_of(ws)
    page = client.query_history.list(max_results=2)
    seen = [entry.query_id for entry in page.res]
    run(ws, "SELECT 'between'")
    while page.has_next_page:
        page = client.query_history.list(max_results=2, page_token=page.next_page_token)
        seen += [entry.query_id for entry in page.res]
    assert seen == sent[::-1]


@pytest.mark.parametrize(
    "query",
    [
        {"max_results": "1001"},
        {"page_token": "x"},
        {"filter_by.statuses": "DONE"},
        {"filter_by.user_ids": "x" * 3, "max_results": "0"},
    ],
)
def test_requests_that_make_no_sense(ws, query):
    """A page size, token or status that does not exist is refused."""
    with pytest.raises(errors.BadRequest):
        client_of(ws).api_client.do("GET", "/api/2.0/sql/history/queries", query=query)


def test_metrics_only_where_asked_for(ws):
    """Without include_metrics entries have none."""
    run(ws, "SELECT 1")
    (entry, *_) = client_of(ws).query_history.list().res
    assert entry.metrics is None


def test_parameters_in_the_table(ws):
    """Named parameters of a statement are in query_parameters."""
    parameters = [{"name": "low", "value": "5", "type": "INT"}]
    body = {"statement": "SELECT :low", "warehouse_id": ws.warehouse_id, "parameters": parameters}
    answer = client_of(ws).api_client.do("POST", "/api/2.0/sql/statements", body=body)
    where = f"WHERE statement_id = '{answer['statement_id']}'"
    (row,) = ask(ws, f"SELECT query_parameters.named_parameters['low'] AS low FROM system.query.history {where}")
    assert row["low"] == "5"


def test_times_of_the_table_are_the_clock_s(ws):
    """A statement that runs tomorrow has tomorrow's date."""
    ws.clock.advance(days=1)
    run(ws, "SELECT 1")
    (row,) = ask(ws, "SELECT MAX(start_time) AS start FROM system.query.history WHERE statement_text = 'SELECT 1'")
    start = dt.datetime.fromisoformat(row["start"].replace("Z", "+00:00")).timestamp()
    assert abs(start - ws.clock.now()) < 60
