"""SQL warehouses by the real SDK: their states, their load, and what they do by the clock."""

from __future__ import annotations

import pytest
from databricks.sdk import errors
from databricks.sdk.service import sql

from genops.testing.workspace import LocalWorkspace
from support.polling import eventually
from support.sdk import workspace_client

LONG = "SELECT count(*) FROM range(100000000000) WHERE id % 7 = 3"


@pytest.fixture(scope="module")
def shared():
    """A workspace for tests that make warehouses of their own."""
    with LocalWorkspace(transition_polls=0) as workspace:
        yield workspace


@pytest.fixture
def ws():
    """A workspace of its own."""
    with LocalWorkspace(transition_polls=0) as workspace:
        yield workspace


def events(ws, warehouse_id):
    """Types and cluster counts of what happened to a warehouse."""
    found = [entry.facts for entry in ws._journal.of("warehouse")]
    return [(fact["event_type"], fact["cluster_count"]) for fact in found if fact["warehouse_id"] == warehouse_id]


def test_idle_warehouse_stops_when_its_time_is_over(ws):
    """A warehouse stops auto_stop_mins after its last statement, at that moment, however far the clock goes."""
    w = workspace_client(ws)
    w.statement_execution.execute_statement("SELECT 1", ws.warehouse_id)
    ws.clock.advance(minutes=9)
    w.statement_execution.execute_statement("SELECT 1", ws.warehouse_id)
    ended = ws.clock.now()
    ws.clock.advance(minutes=9)
    assert w.warehouses.get(ws.warehouse_id).state is sql.State.RUNNING
    ws.clock.advance(hours=7)
    assert w.warehouses.get(ws.warehouse_id).state is sql.State.STOPPED
    stopped = [entry for entry in ws._journal.of("warehouse") if entry.facts["event_type"] == "STOPPED"]
    assert len(stopped) == 1
    assert abs(stopped[0].at - ended - 600) < 60
    w.statement_execution.execute_statement("SELECT 1", ws.warehouse_id)
    assert [kind for kind, _ in events(ws, ws.warehouse_id)] == [
        "STARTING", "RUNNING", "STOPPING", "STOPPED", "STARTING", "RUNNING",
    ]  # fmt: skip


def test_warehouse_without_auto_stop_runs_on(shared):
    """auto_stop_mins 0 means that it never stops by itself."""
    w = workspace_client(shared)
    made = w.warehouses.create(name="forever", cluster_size="Small", auto_stop_mins=0).response.id
    shared.clock.advance(days=3)
    assert w.warehouses.get(made).state is sql.State.RUNNING


def test_start_takes_its_time_by_the_clock():
    """A classic warehouse starts for four minutes, a serverless one for seconds, where nobody polls."""
    with LocalWorkspace(transition_polls=10_000) as ws:
        w = workspace_client(ws)
        slow = w.warehouses.create(name="slow", cluster_size="Small").response.id
        fast = w.warehouses.create(name="fast", cluster_size="Small", enable_serverless_compute=True).response.id
        ws.clock.advance(minutes=1)
        assert [w.warehouses.get(made).state.value for made in (slow, fast)] == ["STARTING", "RUNNING"]
        ws.clock.advance(minutes=4)
        assert w.warehouses.get(slow).state is sql.State.RUNNING


def test_load_adds_clusters_and_time_takes_them_back(ws):
    """One cluster serves ten running statements; what is not needed goes after a quarter of an hour."""
    w = workspace_client(ws)
    made = w.warehouses.create_and_wait(
        name="wide", cluster_size="Small", min_num_clusters=1, max_num_clusters=2, auto_stop_mins=60
    ).id
    running = [w.statement_execution.execute_statement(LONG, made, wait_timeout="0s").statement_id for _ in range(11)]
    eventually(lambda: w.warehouses.get(made).num_clusters == 2)
    for statement_id in running:
        w.statement_execution.cancel_execution(statement_id)
    canceled = sql.StatementState.CANCELED
    eventually(lambda: all(w.statement_execution.get_statement(one).status.state is canceled for one in running))
    assert w.warehouses.get(made).num_clusters == 2
    ws.clock.advance(minutes=16)
    assert w.warehouses.get(made).num_clusters == 1
    assert events(ws, made)[-2:] == [("SCALED_UP", 2), ("SCALED_DOWN", 1)]


def test_open_sessions_are_counted(shared):
    """num_active_sessions is the number of sessions that are open on the warehouse."""
    w = workspace_client(shared)
    session = w.api_client.do("POST", "/api/2.0/sql/sessions", body={"warehouse_id": shared.warehouse_id})
    assert w.warehouses.get(shared.warehouse_id).num_active_sessions == 1
    w.api_client.do(
        "DELETE", f"/api/2.0/sql/sessions/{session['session_id']}", query={"warehouse_id": shared.warehouse_id}
    )
    assert w.warehouses.get(shared.warehouse_id).num_active_sessions == 0


def test_deleted_warehouse_shows_deleting_and_is_gone():
    """DELETING shows for its reads; then there is no such warehouse."""
    with LocalWorkspace(transition_polls=1) as ws:
        w = workspace_client(ws)
        made = w.warehouses.create(name="short", cluster_size="Small").response.id
        w.warehouses.delete(made)
        assert w.warehouses.get(made).state is sql.State.DELETING
        with pytest.raises(errors.NotFound, match=made):
            w.warehouses.get(made)
        actions = [entry.facts["action"] for entry in ws._journal.of("warehouse_change")]
        assert actions == ["CREATED", "CREATED", "DELETED"]


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"cluster_size": "Gigantic"}, "Gigantic"),
        ({"cluster_size": "Small", "auto_stop_mins": 3}, "at least 10"),
        ({"cluster_size": "Small", "min_num_clusters": 4, "max_num_clusters": 2}, "min_num_clusters 4"),
        ({"cluster_size": "Small", "warehouse_type": sql.CreateWarehouseRequestWarehouseType.REALTIME}, "REALTIME"),
    ],
)
def test_settings_that_no_warehouse_has_are_refused(shared, given, words):
    """A refusal names the value and what was expected."""
    with pytest.raises(errors.InvalidParameterValue, match=words):
        workspace_client(shared).warehouses.create(name="x", **given)


def test_types_follow_from_what_was_asked(shared):
    """A warehouse is CLASSIC, and PRO where it is serverless; the configuration says which types there are."""
    w = workspace_client(shared)
    plain = w.warehouses.create_and_wait(name="plain", cluster_size="Small")
    serverless = w.warehouses.create_and_wait(name="srv", cluster_size="Small", enable_serverless_compute=True)
    assert (plain.warehouse_type.value, serverless.warehouse_type.value) == ("CLASSIC", "PRO")
    assert (plain.auto_stop_mins, plain.odbc_params.path) == (120, f"/sql/1.0/warehouses/{plain.id}")
    kinds = w.warehouses.get_workspace_warehouse_config().enabled_warehouse_types
    assert [kind.warehouse_type.value for kind in kinds] == ["CLASSIC", "PRO"]
    with pytest.raises(errors.NotImplemented):
        w.warehouses.set_workspace_warehouse_config()


def test_old_path_of_warehouses_answers(shared):
    """What is called warehouses now was called endpoints, and still is."""
    found = workspace_client(shared).api_client.do("GET", "/api/2.0/sql/endpoints/")
    assert shared.warehouse_id in [item["id"] for item in found["endpoints"]]
