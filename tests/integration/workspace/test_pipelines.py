"""Pipelines by the real SDK: their SQL really runs, and what cannot run is refused."""

from __future__ import annotations

import pytest
from databricks.sdk import errors
from databricks.sdk.service import jobs, pipelines

from genops.testing.workspace import LocalWorkspace
from support.compute import notebook, ran, results
from support.polling import eventually
from support.sdk import workspace_client

SOURCE = """-- Databricks notebook source
CREATE OR REFRESH MATERIALIZED VIEW daily COMMENT 'by day' AS
SELECT day, sum(amount) AS amount FROM LIVE.clean GROUP BY day;

-- COMMAND ----------

CREATE OR REFRESH STREAMING TABLE clean AS SELECT * FROM STREAM(main.default.raw) WHERE amount > ${least};
"""


@pytest.fixture
def ws():
    """A workspace with a source table."""
    with LocalWorkspace(transition_polls=0) as workspace:
        workspace.execute("CREATE TABLE raw AS SELECT * FROM VALUES (1, 5), (1, 7), (2, 0) AS t(day, amount)")
        workspace.execute("CREATE SCHEMA main.gold")
        yield workspace


@pytest.fixture
def w(ws):
    """A real client."""
    return workspace_client(ws)


def made(w, source=SOURCE, name="sales"):
    """The id of a pipeline with one notebook."""
    path = notebook(w, f"/Shared/pipelines/{name}", source)
    library = pipelines.PipelineLibrary(notebook=pipelines.NotebookLibrary(path=path))
    return w.pipelines.create(
        name=name, catalog="main", schema="gold", libraries=[library], configuration={"least": "0"}, tags={"team": "de"}
    ).pipeline_id


def updated(w, pipeline_id, **given):
    """The finished update of a pipeline."""
    update_id = w.pipelines.start_update(pipeline_id, **given).update_id
    over = (pipelines.UpdateInfoState.COMPLETED, pipelines.UpdateInfoState.FAILED, pipelines.UpdateInfoState.CANCELED)
    eventually(lambda: w.pipelines.get_update(pipeline_id, update_id).update.state in over)
    return w.pipelines.get_update(pipeline_id, update_id).update


def test_update_makes_the_datasets_in_order(ws, w):
    """Datasets are made after those they read, in the pipeline's schema, and tell what they are."""
    pipeline = made(w)
    assert updated(w, pipeline).state is pipelines.UpdateInfoState.COMPLETED
    assert ws.execute("SELECT * FROM main.gold.daily") == [["1", "12"]]
    assert [w.tables.get(f"main.gold.{name}").table_type.value for name in ("daily", "clean")] == [
        "MATERIALIZED_VIEW",
        "STREAMING_TABLE",
    ]
    found = w.pipelines.wait_get_pipeline_idle(pipeline)
    assert (found.state, found.latest_updates[0].state.value) == (pipelines.PipelineState.IDLE, "COMPLETED")
    flows = [
        event.origin.flow_name
        for event in w.pipelines.list_pipeline_events(pipeline)
        if event.event_type == "flow_progress"
    ]
    assert flows == ["main.gold.daily", "main.gold.clean"]
    noted = [entry.facts["state"] for entry in ws._journal.of("pipeline_update")]
    assert noted == ["RUNNING", "COMPLETED"]


def test_streaming_table_is_made_again_only_in_full(ws, w):
    """What a second update would have to add is not guessed; a full refresh makes the table again."""
    pipeline = made(w)
    updated(w, pipeline)
    again = updated(w, pipeline)
    assert again.state is pipelines.UpdateInfoState.FAILED
    found = w.pipelines.get(pipeline)
    assert found.state is pipelines.PipelineState.FAILED
    assert "full_refresh" in found.cause
    ws.execute("INSERT INTO raw VALUES (3, 1)")
    assert updated(w, pipeline, full_refresh=True).state is pipelines.UpdateInfoState.COMPLETED
    assert ws.execute("SELECT count(*) FROM main.gold.clean") == [["3"]]


def test_table_of_somebody_else_is_not_replaced(ws, w):
    """A pipeline does not write over a table that it did not make."""
    ws.execute("CREATE TABLE main.gold.daily AS SELECT 1 AS mine")
    assert updated(w, made(w)).state is pipelines.UpdateInfoState.FAILED
    assert ws.execute("SELECT mine FROM main.gold.daily") == [["1"]]


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("CREATE OR REFRESH STREAMING TABLE t (CONSTRAINT c EXPECT (a > 1)) AS SELECT 1 AS a", "UNSUPPORTED"),
        ("CREATE OR REFRESH MATERIALIZED VIEW t AS SELECT * FROM main.default.nowhere", "TABLE_OR_VIEW_NOT_FOUND"),
        ("-- MAGIC %python\n-- MAGIC x = 1", "python"),
    ],
)
def test_what_cannot_be_made_fails_the_update(w, source, words):
    """A failed update says why; nothing passes for made."""
    pipeline = made(w, source)
    assert updated(w, pipeline).state is pipelines.UpdateInfoState.FAILED
    assert words in w.pipelines.get(pipeline).cause


def test_pipelines_are_listed_changed_and_deleted(w):
    """Pipelines are found by name, changed, and gone after delete; names are their own."""
    first = made(w, name="one")
    made(w, name="two")
    assert [found.name for found in w.pipelines.list_pipelines(filter="name LIKE 'o%'", max_results=1)] == ["one"]
    assert len(list(w.pipelines.list_pipelines(max_results=1))) == 2
    with pytest.raises(errors.ResourceConflict):
        made(w, name="two")
    spec = w.pipelines.get(first).spec
    w.pipelines.update(first, name="uno", catalog="main", schema="gold", libraries=spec.libraries)
    assert w.pipelines.get(first).name == "uno"
    w.pipelines.delete(first)
    with pytest.raises(errors.NotFound):
        w.pipelines.get(first)


def test_jobs_update_pipelines(ws, w):
    """A pipeline task waits for the update that it starts."""
    task = jobs.Task(task_key="p", pipeline_task=jobs.PipelineTask(pipeline_id=made(w)))
    assert results(ran(w, [task])) == {"p": "SUCCESS"}
    assert ws.execute("SELECT count(*) FROM main.gold.daily") == [["1"]]


def test_update_is_stopped(ws, w):
    """A pipeline that is stopped ends its update CANCELED."""
    pipeline = made(w, "CREATE OR REFRESH MATERIALIZED VIEW t AS SELECT count(*) AS n FROM range(100000000000)")
    update = w.pipelines.start_update(pipeline).update_id
    with pytest.raises(errors.ResourceConflict):
        w.pipelines.start_update(pipeline)
    w.pipelines.stop(pipeline)
    canceled = pipelines.UpdateInfoState.CANCELED
    eventually(lambda: w.pipelines.get_update(pipeline, update).update.state is canceled)


def test_other_pipelines_are_not_implemented(w):
    """Continuous pipelines, other libraries and the Hive metastore are refused."""
    library = pipelines.PipelineLibrary(jar="x.jar")
    for given in (
        {"catalog": "main", "schema": "gold", "libraries": [library]},
        {"catalog": "main", "schema": "gold", "continuous": True},
        {"storage": "/x"},
    ):
        with pytest.raises(errors.NotImplemented):
            w.pipelines.create(name="other", **given)
