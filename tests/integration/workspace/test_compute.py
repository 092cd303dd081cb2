"""Warehouses, jobs, saved queries, workspace files and clusters in short, by the real SDK."""

from __future__ import annotations

import base64

import pytest
from databricks.sdk import errors
from databricks.sdk.service import compute, jobs, sql, workspace

from genops.testing.workspace import LocalWorkspace
from support.compute import finished, saved_query
from support.polling import eventually
from support.sdk import workspace_client


@pytest.fixture(scope="module")
def ws():
    """A workspace."""
    with LocalWorkspace(transition_polls=0) as workspace_:
        yield workspace_


@pytest.fixture(scope="module")
def w(ws):
    """A real client."""
    return workspace_client(ws)


def task(ws, key, query_id, *before):
    """A SQL task after others."""
    return jobs.Task(
        task_key=key,
        depends_on=[jobs.TaskDependency(task_key=name) for name in before] or None,
        sql_task=jobs.SqlTask(warehouse_id=ws.warehouse_id, query=jobs.SqlTaskQuery(query_id=query_id)),
    )


def test_default_warehouse_runs():
    """One serverless warehouse is RUNNING from the start, with what a price needs."""
    with LocalWorkspace() as ws:
        (warehouse,) = workspace_client(ws).warehouses.list()
    assert (warehouse.id, warehouse.state, warehouse.num_clusters) == (ws.warehouse_id, sql.State.RUNNING, 1)
    assert (warehouse.cluster_size, warehouse.enable_serverless_compute) == ("2X-Small", True)
    assert warehouse.warehouse_type.value == "PRO"


def test_warehouse_starts_over_polls():
    """A new warehouse shows STARTING before RUNNING, and stops the same way."""
    with LocalWorkspace(transition_polls=1) as ws:
        w = workspace_client(ws)
        created = w.warehouses.create(name="etl", cluster_size="Small", max_num_clusters=2).response.id
        states = [w.warehouses.get(created).state.value for _ in range(3)]
        w.warehouses.stop(created)
        states += [w.warehouses.get(created).state.value for _ in range(2)]
        assert states == ["STARTING", "RUNNING", "RUNNING", "STOPPING", "STOPPED"]


def test_warehouse_is_edited_and_deleted(w):
    """An edit changes size and tags; a deleted warehouse is not found."""
    created = w.warehouses.create_and_wait(name="etl", cluster_size="Small", max_num_clusters=1)
    tags = sql.EndpointTags(custom_tags=[sql.EndpointTagPair(key="team", value="de")])
    w.warehouses.edit(created.id, name="etl", cluster_size="Large", tags=tags)
    warehouse = w.warehouses.get(created.id)
    assert (warehouse.cluster_size, warehouse.tags.custom_tags[0].value) == ("Large", "de")
    w.warehouses.delete(created.id)
    with pytest.raises(errors.NotFound):
        w.warehouses.get(created.id)


def test_unknown_warehouse_size_is_refused(w):
    """A size that Databricks does not sell is an invalid parameter."""
    with pytest.raises(errors.InvalidParameterValue, match="Gigantic"):
        w.warehouses.create(name="x", cluster_size="Gigantic")


def test_statement_starts_a_stopped_warehouse(ws, w):
    """A stopped warehouse is started by the statement that needs it."""
    w.warehouses.stop_and_wait(ws.warehouse_id)
    done = w.statement_execution.execute_statement("SELECT 1", ws.warehouse_id)
    assert done.status.state is sql.StatementState.SUCCEEDED
    assert w.warehouses.get(ws.warehouse_id).state is sql.State.RUNNING


def test_history_knows_statement_types(ws, w):
    """Statement types are those of query history."""
    texts = {
        "CREATE TABLE t (id INT)": "CREATE",
        "CREATE OR REPLACE TABLE t AS SELECT 1 AS id": "REPLACE",
        "INSERT INTO t VALUES (1)": "INSERT",
        "MERGE INTO t USING (SELECT 1 AS id) s ON t.id = s.id WHEN MATCHED THEN DELETE": "MERGE",
        "SHOW CATALOGS": "SHOW",
        "DROP TABLE t": "DROP",
    }
    for text in texts:
        w.statement_execution.execute_statement(text, ws.warehouse_id)
    found = {entry.query_text: entry.statement_type.value for entry in w.query_history.list(max_results=len(texts)).res}
    assert found == texts


def test_job_run_shows_its_states():
    """A run goes PENDING, RUNNING, TERMINATED from read to read, and the SQL has run."""
    with LocalWorkspace() as ws:
        w = workspace_client(ws)
        query = saved_query(w, ws.warehouse_id, "CREATE TABLE gold AS SELECT 1 AS one")
        run_id = w.jobs.run_now(w.jobs.create(name="etl", tasks=[task(ws, "gold", query)]).job_id).response.run_id
        seen = []

        def over():
            seen.append(w.jobs.get_run(run_id).state)
            return seen[-1].life_cycle_state is jobs.RunLifeCycleState.TERMINATED

        eventually(over)
        states = dict.fromkeys(state.life_cycle_state.value for state in seen)
        assert list(states) == ["PENDING", "RUNNING", "TERMINATED"]
        assert seen[-1].result_state is jobs.RunResultState.SUCCESS
        assert w.tables.get("main.default.gold").full_name == "main.default.gold"


def test_job_tasks_run_in_order(ws, w):
    """A task runs after those it depends on, with job parameters and the query's schema."""
    ws.execute("CREATE SCHEMA main.silver")
    first = saved_query(w, ws.warehouse_id, "CREATE TABLE a AS SELECT :n AS n", catalog="main", schema="silver")
    second = saved_query(w, ws.warehouse_id, "CREATE TABLE b AS SELECT n FROM main.silver.a")
    job = w.jobs.create(
        name="etl",
        parameters=[jobs.JobParameterDefinition(name="n", default="1")],
        tasks=[task(ws, "b", second, "a"), task(ws, "a", first)],
    )
    run = finished(w, w.jobs.run_now(job.job_id, job_parameters={"n": "7"}).response.run_id)
    assert run.state.result_state is jobs.RunResultState.SUCCESS
    assert ws.execute("SELECT n FROM b") == [["7"]]
    assert {item.task_key for item in run.tasks} == {"a", "b"}


def test_failed_task_fails_the_run(ws, w):
    """A task whose SQL fails ends the run FAILED, and those after it do not run."""
    broken = saved_query(w, ws.warehouse_id, "SELECT * FROM nowhere")
    after = saved_query(w, ws.warehouse_id, "CREATE TABLE never (id INT)")
    job = w.jobs.create(name="etl", tasks=[task(ws, "broken", broken), task(ws, "after", after, "broken")])
    run = finished(w, w.jobs.run_now(job.job_id).response.run_id)
    assert run.state.result_state is jobs.RunResultState.FAILED
    assert "TABLE_OR_VIEW_NOT_FOUND" in run.state.state_message
    results = {item.task_key: item.state.result_state.value for item in run.tasks}
    assert results == {"broken": "FAILED", "after": "UPSTREAM_FAILED"}
    assert "nowhere" in w.jobs.get_run_output(run.tasks[0].run_id).error
    assert not w.tables.exists("main.default.never").table_exists


def test_job_runs_a_workspace_file(ws, w):
    """A SQL file of the workspace tree runs statement by statement, with parameters."""
    w.workspace.mkdirs("/Shared/etl")
    text = "CREATE TABLE made AS SELECT ';' AS s; -- done\nINSERT INTO made VALUES (:word);"
    content = base64.b64encode(text.encode()).decode()
    w.workspace.import_("/Shared/etl/made.sql", content=content, format=workspace.ImportFormat.RAW)
    file_task = jobs.SqlTask(
        warehouse_id=ws.warehouse_id, file=jobs.SqlTaskFile(path="/Shared/etl/made.sql"), parameters={"word": "x"}
    )
    run_id = w.jobs.submit(run_name="once", tasks=[jobs.SubmitTask(task_key="t", sql_task=file_task)]).response.run_id
    assert finished(w, run_id).state.result_state is jobs.RunResultState.SUCCESS
    assert ws.execute("SELECT s FROM made ORDER BY s") == [[";"], ["x"]]


def test_history_names_the_job(ws, w):
    """Statements of a job carry job and run in their query source."""
    job = w.jobs.create(name="etl", tasks=[task(ws, "t", saved_query(w, ws.warehouse_id, "SELECT 1"))])
    run = finished(w, w.jobs.run_now(job.job_id).response.run_id)
    (entry,) = w.query_history.list(max_results=1).res
    assert entry.query_source.job_info.job_id == str(job.job_id)
    assert entry.query_source.job_info.job_run_id == str(run.run_id)


def test_job_run_is_cancelled(ws, w):
    """A cancelled run ends CANCELED and its statement stops."""
    long = saved_query(w, ws.warehouse_id, "SELECT count(*) FROM range(100000000000) WHERE id % 7 = 3")
    job = w.jobs.create(name="long", tasks=[task(ws, "t", long)])
    run_id = w.jobs.run_now(job.job_id).response.run_id
    assert [run.run_id for run in w.jobs.list_runs(job_id=job.job_id, active_only=True)] == [run_id]
    w.jobs.cancel_run(run_id)
    assert finished(w, run_id).state.result_state is jobs.RunResultState.CANCELED


def test_jobs_are_listed_changed_and_deleted(ws, w):
    """Jobs are found by name over pages, updated, and gone after delete."""
    query = saved_query(w, ws.warehouse_id, "SELECT 1")
    made = [w.jobs.create(name=f"j{number}", tasks=[task(ws, "t", query)]).job_id for number in range(5)]
    assert [job.job_id for job in w.jobs.list(limit=2)][:5] == made[::-1]
    w.jobs.update(made[0], new_settings=jobs.JobSettings(tags={"team": "de"}))
    assert w.jobs.get(made[0]).settings.tags == {"team": "de"}
    assert [job.job_id for job in w.jobs.list(name="j3")] == [made[3]]
    w.jobs.delete(made[0])
    with pytest.raises(errors.ResourceDoesNotExist):
        w.jobs.get(made[0])


def test_idempotency_token_gives_one_run(ws, w):
    """Two run-now calls with one token start one run."""
    job = w.jobs.create(name="etl", tasks=[task(ws, "t", saved_query(w, ws.warehouse_id, "SELECT 1"))])
    runs = {w.jobs.run_now(job.job_id, idempotency_token="once").response.run_id for _ in range(2)}
    assert len(runs) == 1


def test_other_tasks_are_not_implemented(w):
    """A Python task is refused when the job is created."""
    python = jobs.Task(task_key="n", spark_python_task=jobs.SparkPythonTask(python_file="/x.py"))
    with pytest.raises(errors.NotImplemented, match="sql_task"):
        w.jobs.create(name="x", tasks=[python])


def test_circle_of_tasks_is_refused(ws, w):
    """Tasks that depend on each other in a circle are an invalid job."""
    with pytest.raises(errors.InvalidParameterValue, match="circle"):
        w.jobs.create(name="x", tasks=[task(ws, "a", "q", "b"), task(ws, "b", "q", "a")])


def test_cluster_starts_over_polls():
    """A cluster is PENDING before it is RUNNING, and ends TERMINATED."""
    with LocalWorkspace(transition_polls=1) as ws:
        w = workspace_client(ws)
        created = w.clusters.create(spark_version="15.4.x-scala2.12", num_workers=1, custom_tags={"team": "de"})
        states = [w.clusters.get(created.cluster_id).state for _ in range(2)]
        w.clusters.delete(created.cluster_id)
        states += [w.clusters.get(created.cluster_id).state for _ in range(2)]
        assert [state.value for state in states] == ["PENDING", "RUNNING", "TERMINATING", "TERMINATED"]
        assert next(iter(w.clusters.list())).custom_tags == {"team": "de"}


def test_missing_cluster_does_not_exist(w):
    """A cluster that is not there raises ResourceDoesNotExist."""
    with pytest.raises(errors.ResourceDoesNotExist):
        w.clusters.get("nothing")


def test_cluster_waiter_returns(w):
    """create_and_wait gives a running cluster."""
    cluster = w.clusters.create_and_wait(spark_version="15.4.x-scala2.12", num_workers=1)
    assert cluster.state is compute.State.RUNNING


def test_saved_queries_are_listed_changed_and_trashed(ws, w):
    """A saved query is found, changed by its mask, and leaves the list when it is deleted."""
    made = saved_query(w, ws.warehouse_id, "SELECT 1")
    changed = sql.UpdateQueryRequestQuery(query_text="SELECT 2")
    w.queries.update(made, "query_text", query=changed)
    assert {query.id: query.query_text for query in w.queries.list()}[made] == "SELECT 2"
    w.queries.delete(made)
    assert made not in [query.id for query in w.queries.list()]
    with pytest.raises(errors.NotFound):
        w.queries.get("nothing")


def test_workspace_files_have_a_life(w):
    """Files of the tree are imported once, listed, exported and deleted."""
    w.workspace.mkdirs("/Shared/life")
    content = base64.b64encode(b"SELECT 1").decode()
    w.workspace.import_("/Shared/life/a.sql", content=content, format=workspace.ImportFormat.RAW)
    with pytest.raises(errors.ResourceAlreadyExists):
        w.workspace.import_("/Shared/life/a.sql", content=content, format=workspace.ImportFormat.RAW)
    assert [item.path for item in w.workspace.list("/Shared/life")] == ["/Shared/life/a.sql"]
    assert base64.b64decode(w.workspace.export("/Workspace/Shared/life/a.sql").content) == b"SELECT 1"
    with pytest.raises(errors.BadRequest):
        w.workspace.delete("/Shared/life")
    w.workspace.delete("/Shared/life", recursive=True)
    with pytest.raises(errors.BadRequest):
        w.workspace.delete("/", recursive=True)
    with pytest.raises(errors.NotFound):
        w.workspace.get_status("/Shared/life")


def test_job_settings_are_reset_and_runs_deleted(ws, w):
    """A reset replaces all settings; an ended run can be deleted."""
    query = saved_query(w, ws.warehouse_id, "SELECT 1")
    job = w.jobs.create(name="a", tags={"x": "y"}, tasks=[task(ws, "t", query)])
    w.jobs.reset(job.job_id, jobs.JobSettings(name="b", tasks=[task(ws, "t", query)]))
    settings = w.jobs.get(job.job_id).settings
    assert (settings.name, settings.tags) == ("b", None)
    run = finished(w, w.jobs.run_now(job.job_id).response.run_id)
    assert w.jobs.get_run_output(run.tasks[0].run_id).sql_output.query_output.warehouse_id == ws.warehouse_id
    assert [found.run_id for found in w.jobs.list_runs(job_id=job.job_id, completed_only=True)] == [run.run_id]
    w.jobs.delete_run(run.run_id)
    with pytest.raises(errors.ResourceDoesNotExist):
        w.jobs.get_run(run.run_id)


def test_cluster_is_removed(w):
    """A cluster that is permanently deleted is gone."""
    created = w.clusters.create(spark_version="15.4.x-scala2.12", num_workers=1).response.cluster_id
    w.clusters.permanent_delete(created)
    assert created not in [cluster.cluster_id for cluster in w.clusters.list()]
