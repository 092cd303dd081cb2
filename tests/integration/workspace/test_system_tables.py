"""The catalog ``system``: documented columns, any SQL over them, rows that may come late."""

from __future__ import annotations

import pytest

from genops.testing.workspace import LocalWorkspace
from genops.testing.workspace.platform.columns import COLUMNS
from support.compute import finished
from support.system_tables import ask, client_of, run


@pytest.fixture(scope="module")
def ws():
    """A workspace in which a little has happened."""
    with LocalWorkspace(transition_polls=0) as workspace:
        run(workspace, "CREATE TABLE t (a INT, b STRING)")
        run(workspace, "INSERT INTO t VALUES (1, 'x')")
        run(workspace, "CREATE TABLE u AS SELECT * FROM t")
        workspace.clock.advance(hours=2)
        yield workspace


@pytest.mark.parametrize("table", sorted(COLUMNS))
def test_every_table_can_be_read(ws, table):
    """Each table answers with its documented columns in their order, whether it has rows or not."""
    answer = run(ws, f"SELECT * FROM system.{table}")
    assert answer.status.error is None, answer.status.error
    shown = answer.manifest.schema.columns
    assert [column.name for column in shown] == list(COLUMNS[table])

    def spelled(kind):
        return kind.replace(" ", "").replace("`", "").upper()

    assert [spelled(column.type_text) for column in shown] == [spelled(kind) for kind in COLUMNS[table].values()]


def test_query_history_has_44_columns():
    """As many as Databricks documents."""
    assert len(COLUMNS["query.history"]) == 44


def test_joins_over_system_tables(ws):
    """A statement's history joins its lineage, with grouping and time filters."""
    sql = """
        SELECT q.statement_type, COUNT(DISTINCT l.source_table_full_name) AS sources
        FROM system.query.history AS q JOIN system.access.table_lineage AS l USING (statement_id)
        WHERE q.start_time > current_timestamp() - INTERVAL 1 DAY AND l.target_table_name = 'u'
        GROUP BY ALL
    """
    (row,) = ask(ws, sql)
    assert row["sources"] == "1"


def test_defaults_of_the_statement(ws):
    """Names are completed by the catalog and schema of the statement, and may carry their whole name in columns."""
    (short,) = ask(ws, "SELECT COUNT(*) AS n FROM workspaces_latest", catalog="system", schema="access")
    assert short["n"] == "1"
    (whole,) = ask(ws, "SELECT system.access.workspaces_latest.workspace_id AS id FROM system.access.workspaces_latest")
    assert whole["id"] == ws.workspace_id


def test_in_the_catalog(ws):
    """SQL shows the schemas and tables of the catalog and describes them."""
    schemas = {row["databaseName"] for row in ask(ws, "SHOW SCHEMAS IN system")}
    assert schemas >= {"access", "billing", "compute", "lakeflow", "query"}
    assert "usage" in {row["tableName"] for row in ask(ws, "SHOW TABLES IN system.billing")}
    described = ask(ws, "DESCRIBE TABLE system.billing.usage")
    assert {"record_id", "usage_quantity"} <= {row["col_name"] for row in described}


def test_system_tables_cannot_be_changed(ws):
    """A write is refused and changes nothing."""
    for sql in ("INSERT INTO system.access.workspaces_latest VALUES ('a')", "DROP TABLE system.access.audit"):
        assert run(ws, sql).status.error is not None
    (row,) = ask(ws, "SELECT COUNT(*) AS n FROM system.access.workspaces_latest")
    assert row["n"] == "1"


def test_warehouses_and_their_events(ws):
    """Each change of a warehouse's settings is a snapshot, each change of its state an event."""
    client = client_of(ws)
    identifier = client.warehouses.create(name="seen", cluster_size="Small", max_num_clusters=2).result().id
    client.api_client.do("POST", f"/api/2.0/sql/warehouses/{identifier}/edit", body={"cluster_size": "Large"})
    where = f"WHERE warehouse_id = '{identifier}'"
    sizes = ask(ws, f"SELECT warehouse_size FROM system.compute.warehouses {where} ORDER BY change_time")
    assert [row["warehouse_size"] for row in sizes] == ["SMALL", "LARGE"]
    client.warehouses.stop(identifier).result()
    events = ask(ws, f"SELECT event_type FROM system.compute.warehouse_events {where} ORDER BY event_time")
    kinds = [row["event_type"] for row in events]
    assert kinds[:2] == ["STARTING", "RUNNING"]
    assert set(kinds) >= {"STOPPING", "STOPPED"}


def test_jobs_and_their_runs(ws):
    """A job, its task and its run are there, the run with its result and what it ran on."""
    client = client_of(ws)
    query = {"query": {"display_name": "q", "query_text": "SELECT 1", "warehouse_id": ws.warehouse_id}}
    query_id = client.api_client.do("POST", "/api/2.0/sql/queries", body=query)["id"]
    task = {"task_key": "only", "sql_task": {"query": {"query_id": query_id}, "warehouse_id": ws.warehouse_id}}
    job = {"name": "nightly", "tasks": [task], "tags": {"team": "de"}}
    job_id = client.api_client.do("POST", "/api/2.2/jobs/create", body=job)["job_id"]
    run_id = finished(client, client.jobs.run_now(job_id).response.run_id).run_id
    (named,) = ask(ws, f"SELECT name, tags['team'] AS team FROM system.lakeflow.jobs WHERE job_id = '{job_id}'")
    assert named == {"name": "nightly", "team": "de"}
    (done,) = ask(ws, f"SELECT * FROM system.lakeflow.job_run_timeline WHERE run_id = '{run_id}'")
    assert (done["result_state"], done["run_type"], done["job_id"]) == ("SUCCEEDED", "JOB_RUN", str(job_id))
    (part,) = ask(ws, f"SELECT * FROM system.lakeflow.job_task_run_timeline WHERE job_run_id = '{run_id}'")
    assert part["task_key"] == "only"
    assert ws.warehouse_id in part["compute_ids"]
    source = "query_source.job_info.job_run_id"
    (ran,) = ask(ws, f"SELECT statement_text FROM system.query.history WHERE {source} = '{run_id}'")
    assert ran["statement_text"] == "SELECT 1"


def test_rows_come_late_on_demand():
    """With a delay a row is there when its time is over by the clock; without one at once."""
    with LocalWorkspace(transition_polls=0) as ws:
        statement = run(ws, "SELECT 1").statement_id
        count = f"SELECT COUNT(*) AS n FROM system.query.history WHERE statement_id = '{statement}'"
        assert ask(ws, count)[0]["n"] == "1"
        ws.system_tables(delay={"query": 0.5, "billing.usage": 12})
        assert ask(ws, count)[0]["n"] == "0"
        ws.clock.advance(minutes=31)
        assert ask(ws, count)[0]["n"] == "1"
        assert ask(ws, "SELECT * FROM system.billing.usage") == []
        ws.system_tables()
        ws.clock.advance(hours=14)
        assert ask(ws, "SELECT * FROM system.billing.usage") != []


@pytest.mark.parametrize(("delay", "said"), [({"billing.nothing": 1}, "no system table"), (-1, "cannot be early")])
def test_delays_that_cannot_be(ws, delay, said):
    """A table that does not exist, or a negative delay, is refused in words."""
    with pytest.raises(ValueError, match=said):
        ws.system_tables(delay=delay)
