"""Runs by the real SDK: retries, time limits, queues, repairs, schedules, and what they tell."""

from __future__ import annotations

import datetime as dt

import pytest
from databricks.sdk import errors
from databricks.sdk.service import jobs

from genops.testing.workspace import LocalWorkspace
from genops.testing.workspace.compute import jobs as kept
from support.compute import after, finished, notebook, notebook_task, ran, results, sql_task
from support.polling import eventually
from support.sdk import workspace_client

LONG = "SELECT count(*) FROM range(100000000000) WHERE id % 7 = 3"


@pytest.fixture(scope="module")
def shared():
    """A workspace for tests that do not move its clock."""
    with LocalWorkspace(transition_polls=0) as workspace:
        yield workspace


@pytest.fixture(scope="module")
def w(shared):
    """A client of the shared workspace."""
    return workspace_client(shared)


@pytest.fixture
def ws():
    """A workspace of its own, whose clock may be moved."""
    with LocalWorkspace(transition_polls=0) as workspace:
        yield workspace


def started(w, tasks, **settings):
    """The job and the run of a job that has just been started."""
    job = w.jobs.create(name="etl", tasks=tasks, **settings).job_id
    return job, w.jobs.run_now(job).response.run_id


def shows(w, run_id, state):
    """Whether a task of a run shows a state."""
    return any(task.state.life_cycle_state.value == state for task in w.jobs.get_run(run_id).tasks)


def test_retries_are_attempts_of_their_own(shared, w):
    """A task that fails is tried again at once, each time with its own run id."""
    run = ran(w, [sql_task(w, shared, "bad", "SELECT * FROM nowhere", max_retries=2)])
    assert [task.attempt_number for task in run.tasks] == [0, 1, 2]
    assert len({task.run_id for task in run.tasks}) == 3
    assert run.state.result_state is jobs.RunResultState.FAILED


def test_retry_waits_for_the_clock(ws):
    """min_retry_interval_millis goes by the workspace's clock; the retry may succeed."""
    w = workspace_client(ws)
    _, run_id = started(
        w, [sql_task(w, ws, "t", "SELECT * FROM later", max_retries=1, min_retry_interval_millis=600_000)]
    )
    eventually(lambda: shows(w, run_id, "WAITING_FOR_RETRY"))
    ws.execute("CREATE TABLE later (id INT)")
    ws.clock.advance(minutes=11)
    run = finished(w, run_id)
    assert [task.state.result_state.value for task in run.tasks] == ["FAILED", "SUCCESS"]
    assert run.state.result_state is jobs.RunResultState.SUCCESS
    assert run.tasks[1].start_time - run.tasks[0].start_time >= 600_000


def test_task_that_takes_too_long_is_timed_out(ws):
    """timeout_seconds goes by the clock, and the statement that ran is stopped."""
    w = workspace_client(ws)
    _, run_id = started(w, [sql_task(w, ws, "t", LONG, timeout_seconds=60)])
    eventually(lambda: shows(w, run_id, "RUNNING"))
    ws.clock.advance(seconds=61)
    run = finished(w, run_id)
    assert results(run) == {"t": "TIMEDOUT"}
    assert run.tasks[0].status.termination_details.code is jobs.TerminationCodeCode.CANCELED


def test_run_that_takes_too_long_is_timed_out(ws):
    """The timeout of a job ends its run; what has not begun never does."""
    w = workspace_client(ws)
    tasks = [sql_task(w, ws, "t", LONG), sql_task(w, ws, "u", "SELECT 1", "t")]
    _, run_id = started(w, tasks, timeout_seconds=60)
    eventually(lambda: shows(w, run_id, "RUNNING"))
    ws.clock.advance(minutes=2)
    run = finished(w, run_id)
    assert (run.state.result_state.value, results(run)) == ("TIMEDOUT", {"t": "TIMEDOUT", "u": "TIMEDOUT"})


def test_run_beyond_the_limit_is_skipped(shared, w):
    """Without a queue a run that is one too many is SKIPPED."""
    job, first = started(w, [sql_task(w, shared, "t", LONG)])
    second = w.jobs.run_now(job).result()
    assert second.state.life_cycle_state is jobs.RunLifeCycleState.SKIPPED
    assert second.state.result_state is jobs.RunResultState.MAXIMUM_CONCURRENT_RUNS_REACHED
    w.jobs.cancel_run(first)
    assert finished(w, first).status.termination_details.code is jobs.TerminationCodeCode.USER_CANCELED


def test_queued_run_starts_when_there_is_room(shared, w):
    """With a queue the second run waits for the first."""
    job, first = started(w, [sql_task(w, shared, "t", LONG)], queue=jobs.QueueSettings(enabled=True))
    second, third = (w.jobs.run_now(job).response.run_id for _ in range(2))
    found = w.jobs.get_run(second)
    assert found.state.life_cycle_state is jobs.RunLifeCycleState.QUEUED
    assert found.status.queue_details.code is jobs.QueueDetailsCodeCode.MAX_CONCURRENT_RUNS_REACHED
    w.jobs.cancel_run(first)
    eventually(lambda: w.jobs.get_run(second).status.state is jobs.RunLifecycleStateV2State.RUNNING)
    assert w.jobs.get_run(third).status.state is jobs.RunLifecycleStateV2State.QUEUED
    w.jobs.cancel_all_runs(job_id=job)
    assert {finished(w, run).state.result_state.value for run in (first, second, third)} == {"CANCELED"}
    timeline = f"SELECT count(DISTINCT run_id) FROM system.lakeflow.job_run_timeline WHERE job_id = '{job}'"
    assert shared.execute(timeline) == [["3"]]


def test_repair_runs_what_failed(shared, w):
    """A repair runs failed tasks and those after them in the same run, and keeps a history."""
    shared.execute("DROP TABLE IF EXISTS mended")
    tasks = [
        sql_task(w, shared, "good", "SELECT 1"),
        sql_task(w, shared, "bad", "SELECT * FROM mended", "good"),
        sql_task(w, shared, "next", "SELECT 2", "bad"),
    ]
    run = ran(w, tasks)
    assert results(run) == {"good": "SUCCESS", "bad": "FAILED", "next": "UPSTREAM_FAILED"}
    shared.execute("CREATE TABLE mended (id INT)")
    repair = w.jobs.repair_run(run.run_id, rerun_all_failed_tasks=True).response.repair_id
    mended = finished(w, run.run_id, include_history=True)
    assert mended.state.result_state is jobs.RunResultState.SUCCESS
    assert [task.task_key for task in mended.tasks] == ["good", "bad", "next", "bad", "next"]
    assert [entry.type.value for entry in mended.repair_history] == ["ORIGINAL", "REPAIR"]
    assert mended.repair_history[1].id == repair
    with pytest.raises(errors.InvalidParameterValue, match="latest_repair_id"):
        w.jobs.repair_run(run.run_id, rerun_tasks=["good"])
    w.jobs.repair_run(run.run_id, rerun_tasks=["bad"], rerun_dependent_tasks=True, latest_repair_id=repair)
    assert len(finished(w, run.run_id).tasks) == 7


def test_cancelled_run_is_not_tried_again(shared, w):
    """A cancelled task has no retry, and what follows does not run."""
    _, run_id = started(w, [sql_task(w, shared, "t", LONG, max_retries=3), sql_task(w, shared, "u", "SELECT 1", "t")])
    eventually(lambda: shows(w, run_id, "RUNNING"))
    w.jobs.cancel_run(run_id)
    run = finished(w, run_id)
    assert results(run) == {"t": "CANCELED", "u": "CANCELED"}
    assert run.state.user_cancelled_or_timedout is True


def test_scheduled_job_runs_when_the_clock_passes(ws):
    """A cron schedule starts one run each time, at its time; a paused one none."""
    w = workspace_client(ws)
    schedule = jobs.CronSchedule("0 30 * * * ?", "UTC")
    job = w.jobs.create(name="hourly", tasks=[sql_task(w, ws, "t", "SELECT 1")], schedule=schedule).job_id
    ws.clock.advance(hours=3)
    runs = list(w.jobs.list_runs(job_id=job))
    assert len(runs) == 3
    assert {run.trigger for run in runs} == {jobs.TriggerType.PERIODIC}
    times = [dt.datetime.fromtimestamp(run.start_time / 1000, dt.timezone.utc) for run in runs]
    assert [at.minute for at in times] == [30, 30, 30]
    assert all(run.state.result_state is jobs.RunResultState.SUCCESS for run in runs)
    paused = jobs.CronSchedule("0 30 * * * ?", "UTC", pause_status=jobs.PauseStatus.PAUSED)
    w.jobs.update(job, new_settings=jobs.JobSettings(schedule=paused))
    ws.clock.advance(hours=3)
    assert len(list(w.jobs.list_runs(job_id=job))) == 3


def test_periodic_trigger_runs_at_its_interval(ws):
    """A periodic trigger counts from when it was set; a deleted job runs no more."""
    w = workspace_client(ws)
    every = jobs.PeriodicTriggerConfiguration(interval=4, unit=jobs.PeriodicTriggerConfigurationTimeUnit.HOURS)
    trigger = jobs.TriggerSettings(periodic=every)
    job = w.jobs.create(name="periodic", tasks=[sql_task(w, ws, "t", "SELECT 1")], trigger=trigger).job_id
    ws.clock.advance(hours=9)
    assert len(list(w.jobs.list_runs(job_id=job))) == 2
    w.jobs.delete(job)
    ws.clock.advance(days=1)
    assert len(list(w.jobs.list_runs(job_id=job))) == 2


def test_sql_notebook_runs_with_widgets(shared, w):
    """Cells share a session; parameters, widgets and their defaults reach the SQL."""
    source = """-- Databricks notebook source
-- MAGIC %md
-- MAGIC # Title

-- COMMAND ----------

CREATE WIDGET TEXT target DEFAULT 'unset'

-- COMMAND ----------

CREATE OR REPLACE TEMPORARY VIEW staged AS SELECT 'staged' AS stage;

-- COMMAND ----------

CREATE OR REPLACE TABLE ${target} AS SELECT stage, :word AS word FROM staged;
"""
    path = notebook(w, "/Shared/nb/widgets", source)
    run = ran(w, [notebook_task("n", path, base_parameters={"word": "it's", "target": "widgeted"})])
    assert results(run) == {"n": "SUCCESS"}
    assert shared.execute("SELECT * FROM widgeted") == [["staged", "it's"]]


def test_python_notebook_runs_its_sql_cells(shared, w):
    """%sql cells and calls of dbutils with literals run; the exit value is the output, cut at 5 MiB."""
    source = """# Databricks notebook source
dbutils.widgets.text("n", "3")

# COMMAND ----------

# MAGIC %sql
# MAGIC CREATE OR REPLACE TABLE from_python AS SELECT :n AS n

# COMMAND ----------

dbutils.jobs.taskValues.set(key="made", value={"rows": 1})
dbutils.notebook.exit("done")
"""
    path = notebook(w, "/Shared/nb/python", source, "PYTHON")
    following = sql_task(w, shared, "after", "SELECT :v AS v", "p", parameters={"v": "{{tasks.p.values.made}}"})
    run = ran(w, [notebook_task("p", path, warehouse_id=shared.warehouse_id), following])
    assert results(run) == {"p": "SUCCESS", "after": "SUCCESS"}
    assert run.tasks[1].sql_task.parameters == {"v": '{"rows": 1}'}
    output = w.jobs.get_run_output(run.tasks[0].run_id).notebook_output
    assert (output.result, output.truncated) == ("done", False)
    assert shared.execute("SELECT n FROM from_python") == [["3"]]
    long = notebook(w, "/Shared/nb/long", f"dbutils.notebook.exit('{'x' * (6 << 20)}')", "PYTHON")
    cut = w.jobs.get_run_output(ran(w, [notebook_task("l", long)]).tasks[0].run_id).notebook_output
    assert (len(cut.result), cut.truncated) == (5 << 20, True)


def test_python_cell_fails_the_run_and_says_so(shared, w):
    """A notebook with a Python cell runs nothing, and its output says which cell it was."""
    source = """# MAGIC %sql
# MAGIC CREATE TABLE never_made (id INT)

# COMMAND ----------

df = spark.range(10)
"""
    path = notebook(w, "/Shared/nb/spark", source, "PYTHON")
    run = ran(w, [notebook_task("p", path)])
    assert run.tasks[0].state.state_message == "Workload failed, see run output for details"
    error = w.jobs.get_run_output(run.tasks[0].run_id).error
    assert "UNSUPPORTED_BY_LOCAL_WORKSPACE" in error
    assert "cell 2 is Python: df = spark.range(10)" in error
    assert not w.tables.exists("main.default.never_made").table_exists


def test_missing_notebook_fails_the_run(w):
    """A path without a notebook fails the task when it runs."""
    run = ran(w, [notebook_task("p", "/Shared/nowhere")])
    assert "/Shared/nowhere" in run.state.state_message


def test_runs_are_listed_by_page_and_filter(shared, w):
    """Runs are found by job, type and time, over pages."""
    task = sql_task(w, shared, "t", "SELECT 1")
    job = w.jobs.create(name="many", tasks=[task], max_concurrent_runs=5).job_id
    made = [w.jobs.run_now(job).response.run_id for _ in range(5)]
    for run_id in made:
        finished(w, run_id)
    assert [run.run_id for run in w.jobs.list_runs(job_id=job, limit=2)] == made[::-1]
    (whole,) = w.jobs.list_runs(
        job_id=job, limit=1, expand_tasks=True, start_time_to=w.jobs.get_run(made[0]).start_time
    ) or [None]
    assert [item.task_key for item in whole.tasks] == ["t"]
    submitted = w.jobs.submit(run_name="once", tasks=[jobs.SubmitTask(task_key="t", sql_task=task.sql_task)])
    finished(w, submitted.response.run_id)
    only = [run.run_id for run in w.jobs.list_runs(run_type=jobs.RunType.SUBMIT_RUN)]
    assert only == [submitted.response.run_id]
    with pytest.raises(errors.InvalidParameterValue, match="active_only"):
        list(w.jobs.list_runs(active_only=True, completed_only=True))


def test_output_of_several_tasks_is_refused(shared, w):
    """Outputs belong to runs of tasks; an export is not imitated."""
    run = ran(w, [sql_task(w, shared, "a", "SELECT 1"), sql_task(w, shared, "b", "SELECT 2")])
    with pytest.raises(errors.InvalidParameterValue, match="multiple tasks"):
        w.jobs.get_run_output(run.run_id)
    output = w.jobs.get_run_output(run.tasks[1].run_id).sql_output.query_output
    assert (output.query_text, output.warehouse_id) == ("SELECT 2", shared.warehouse_id)
    with pytest.raises(errors.NotImplemented):
        w.jobs.export_run(run.run_id)


def test_waiting_run_does_not_hold_up_the_clock(ws):
    """The clock may move on while a run waits for its next attempt; cancelling ends the wait."""
    w = workspace_client(ws)
    bad = sql_task(w, ws, "t", "SELECT * FROM nowhere", max_retries=-1, min_retry_interval_millis=3_600_000)
    _, run_id = started(w, [bad, jobs.Task(task_key="u", condition_task=jobs.ConditionTask(
        op=jobs.ConditionTaskOp.EQUAL_TO, left="1", right="1"), depends_on=after("t"))])  # fmt: skip
    eventually(lambda: shows(w, run_id, "WAITING_FOR_RETRY"))
    ws.clock.advance(hours=3, minutes=5)
    assert len(w.jobs.get_run(run_id).tasks) == 6
    w.jobs.cancel_run(run_id)
    assert finished(w, run_id).state.result_state is jobs.RunResultState.CANCELED


def test_runs_are_kept_for_sixty_days(ws):
    """A run that ended sixty days ago by the clock is gone, with its output; a later one is there."""
    w = workspace_client(ws)
    old = ran(w, [sql_task(w, ws, "t", "SELECT 1")]).run_id
    ws.clock.advance(days=30)
    new = ran(w, [sql_task(w, ws, "t", "SELECT 1")]).run_id
    assert w.jobs.get_run(old).run_id == old
    ws.clock.advance(days=31)
    assert [run.run_id for run in w.jobs.list_runs()] == [new]
    with pytest.raises(errors.ResourceDoesNotExist):
        w.jobs.get_run(old)


def test_output_of_runs_is_bounded(ws, monkeypatch):
    """The oldest runs go when the output of all takes more than its bound, and the last one stays."""
    monkeypatch.setattr(kept, "KEPT_BYTES", 1000)
    w = workspace_client(ws)
    runs = [ran(w, [sql_task(w, ws, "t", "SELECT repeat('x', 700)")]).run_id for _ in range(3)]
    eventually(lambda: [run.run_id for run in w.jobs.list_runs()] == runs[-1:])
