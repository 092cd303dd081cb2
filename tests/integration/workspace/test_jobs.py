"""Jobs by the real SDK: what their settings may be, and how their tasks follow each other."""

from __future__ import annotations

import pytest
from databricks.sdk import errors
from databricks.sdk.service import jobs

from support.compute import after, finished, notebook, notebook_task, ran, results, saved_query, sql_task


def condition(key, left, right, op=jobs.ConditionTaskOp.EQUAL_TO, **rest):
    """A condition task."""
    return jobs.Task(task_key=key, condition_task=jobs.ConditionTask(op=op, left=left, right=right), **rest)


def test_failed_run_has_both_forms_of_state(ws, w):
    """A failed run is INTERNAL_ERROR in the older form and TERMINATED with details in the newer; its task is not."""
    run = ran(w, [sql_task(w, ws, "bad", "SELECT * FROM nowhere"), sql_task(w, ws, "next", "SELECT 1", "bad")])
    assert run.state.life_cycle_state is jobs.RunLifeCycleState.INTERNAL_ERROR
    assert run.state.result_state is jobs.RunResultState.FAILED
    assert run.state.state_message.startswith("Task bad failed with message: [TABLE_OR_VIEW_NOT_FOUND]")
    details = run.status.termination_details
    assert (details.code.value, details.type.value) == ("RUN_EXECUTION_ERROR", "CLIENT_ERROR")
    bad, following = run.tasks
    assert (bad.state.life_cycle_state.value, bad.state.result_state.value) == ("TERMINATED", "FAILED")
    assert following.status.termination_details.code is jobs.TerminationCodeCode.SKIPPED
    with pytest.raises(errors.OperationFailed, match="Task bad failed with message"):
        w.jobs.wait_get_run_job_terminated_or_skipped(run.run_id)


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        ("ALL_SUCCESS", "UPSTREAM_FAILED"),
        ("AT_LEAST_ONE_SUCCESS", "SUCCESS"),
        ("NONE_FAILED", "UPSTREAM_FAILED"),
        ("ALL_DONE", "SUCCESS"),
        ("AT_LEAST_ONE_FAILED", "SUCCESS"),
        ("ALL_FAILED", "EXCLUDED"),
    ],
)
def test_run_if_decides_after_one_success_and_one_failure(ws, w, rule, expected):
    """Each run_if rule does what Databricks documents of it."""
    tasks = [
        sql_task(w, ws, "good", "SELECT 1"),
        sql_task(w, ws, "bad", "SELECT * FROM nowhere"),
        sql_task(w, ws, "last", "SELECT 2", "good", "bad", run_if=jobs.RunIf(rule)),
    ]
    run = ran(w, tasks)
    assert results(run)["last"] == expected
    whole = {"SUCCESS": "SUCCESS_WITH_FAILURES", "EXCLUDED": "SUCCESS_WITH_FAILURES"}.get(expected, "FAILED")
    assert run.state.result_state.value == whole


def test_condition_chooses_a_branch(ws, w):
    """The branch whose outcome came runs; the other one is excluded with what follows it."""
    yes, no = sql_task(w, ws, "yes", "SELECT 1"), sql_task(w, ws, "no", "SELECT 1")
    yes.depends_on, no.depends_on = after("big", outcome="true"), after("big", outcome="false")
    rows = "{{tasks.count.output.first_row.n}}"
    tasks = [
        sql_task(w, ws, "count", "SELECT 12 AS n"),
        condition("big", rows, "5", jobs.ConditionTaskOp.GREATER_THAN, depends_on=after("count")),
        yes,
        no,
        sql_task(w, ws, "after_no", "SELECT 1", "no"),
    ]
    run = ran(w, tasks)
    assert results(run) == {
        "count": "SUCCESS", "big": "SUCCESS", "yes": "SUCCESS", "no": "EXCLUDED", "after_no": "EXCLUDED",
    }  # fmt: skip
    assert run.state.result_state is jobs.RunResultState.SUCCESS
    (big,) = [task for task in run.tasks if task.task_key == "big"]
    assert (big.condition_task.outcome, big.condition_task.left) == ("true", "12")


def test_equality_compares_text(w):
    """EQUAL_TO compares as text; an order of what is no number fails."""
    run = ran(w, [condition("same", "12.0", "12")])
    assert run.tasks[0].condition_task.outcome == "false"
    run = ran(w, [condition("order", "a", "1", jobs.ConditionTaskOp.LESS_THAN)])
    assert results(run) == {"order": "FAILED"}


def test_for_each_runs_its_task_for_each_input(ws, w):
    """Each row of an earlier result is the input of one iteration."""
    ws.execute("CREATE OR REPLACE TABLE seen (name STRING, size STRING)")
    query = jobs.SqlTaskQuery(query_id=saved_query(w, ws.warehouse_id, "INSERT INTO seen VALUES (:name, :size)"))
    nested = jobs.Task(
        task_key="one",
        sql_task=jobs.SqlTask(
            warehouse_id=ws.warehouse_id, query=query, parameters={"name": "{{input.n}}", "size": "{{input.s}}"}
        ),
    )
    loop = jobs.ForEachTask(inputs="{{tasks.rows.output.rows}}", task=nested)
    text = "SELECT * FROM VALUES ('a', 1), ('b', 2) AS t(n, s)"
    run = ran(
        w, [sql_task(w, ws, "rows", text), jobs.Task(task_key="all", for_each_task=loop, depends_on=after("rows"))]
    )
    assert results(run)["all"] == "SUCCESS"
    assert ws.execute("SELECT * FROM seen ORDER BY name") == [["a", "1"], ["b", "2"]]
    whole = w.jobs.get_run(run.tasks[1].run_id)
    assert len(whole.iterations) == 2
    assert whole.tasks[0].for_each_task.stats.task_run_stats.succeeded_iterations == 2


def test_job_starts_another_job(ws, w):
    """A run-job task gives parameters on and waits; its output names the other run."""
    ws.execute("CREATE OR REPLACE TABLE handed (v STRING)")
    inner = w.jobs.create(
        name="inner",
        parameters=[jobs.JobParameterDefinition(name="v", default="none")],
        tasks=[sql_task(w, ws, "t", "INSERT INTO handed VALUES (:v)")],
    ).job_id
    task = jobs.Task(task_key="call", run_job_task=jobs.RunJobTask(job_id=inner, job_parameters={"v": "{{job.name}}"}))
    run = ran(w, [task])
    assert ws.execute("SELECT v FROM handed") == [["etl"]]
    child = w.jobs.get_run(w.jobs.get_run_output(run.tasks[0].run_id).run_job_output.run_id)
    assert (child.job_id, child.trigger) == (inner, jobs.TriggerType.RUN_JOB_TASK)


def test_job_that_starts_itself_ends(w):
    """Jobs that start each other go three deep and no further."""
    job = w.jobs.create(name="loop", tasks=[condition("t", "1", "1")]).job_id
    task = jobs.Task(task_key="again", run_job_task=jobs.RunJobTask(job_id=job))
    w.jobs.reset(job, jobs.JobSettings(name="loop", tasks=[task], max_concurrent_runs=9))
    run = finished(w, w.jobs.run_now(job).response.run_id)
    assert "nested more than 3 deep" in run.state.state_message


def test_references_have_their_values(ws, w):
    """Dynamic value references give ids, names, times, parameters and results."""
    first = notebook(w, "/Shared/refs/first", "SELECT 1")
    names = {
        "job": "{{job.id}}/{{job.name}}/{{job.trigger.type}}/{{job.repair_count}}",
        "task": "{{task.name}}/{{task.execution_count}}",
        "before": "{{tasks.first.result_state}}/{{tasks.first.notebook_path}}",
        "given": "{{job.parameters.p}}",
        "place": "{{workspace.id}}",
        "kept": "{{something.else}} {{broken",
    }
    query = f"SELECT array({', '.join(f':{name}' for name in names)}) AS found"
    asked = sql_task(w, ws, "second", query, "first", parameters=names)
    job = w.jobs.create(
        name="refs",
        parameters=[jobs.JobParameterDefinition(name="p", default="{{job.start_time.iso_date}}")],
        tasks=[notebook_task("first", first), asked],
    ).job_id
    run = finished(w, w.jobs.run_now(job).response.run_id)
    assert results(run) == {"first": "SUCCESS", "second": "SUCCESS"}
    found = run.tasks[1].sql_task.parameters
    assert found["job"] == f"{job}/refs/one_time/0"
    assert found["task"] == "second/1"
    assert found["before"] == "success//Shared/refs/first"
    assert found["given"] == run.job_parameters[0].value
    assert len(found["given"]) == len("2026-01-31")
    assert (found["place"], found["kept"]) == (ws.workspace_id, names["kept"])


def test_unknown_reference_of_a_known_namespace_is_refused(ws, w):
    """A misspelt reference is an invalid job."""
    with pytest.raises(errors.InvalidParameterValue, match=r"job\.naem"):
        w.jobs.create(name="x", tasks=[sql_task(w, ws, "t", "SELECT 1", parameters={"a": "{{job.naem}}"})])


def test_job_parameters_win_over_those_of_tasks(ws, w):
    """A parameter of the job is pushed down to its tasks and replaces theirs."""
    ws.execute("CREATE OR REPLACE TABLE won (v STRING)")
    task = sql_task(w, ws, "t", "INSERT INTO won VALUES (:v)", parameters={"v": "task"})
    ran(w, [task], parameters=[jobs.JobParameterDefinition(name="v", default="job")])
    ran(w, [task])
    assert ws.execute("SELECT v FROM won ORDER BY v") == [["job"], ["task"]]


def test_policy_and_owner_are_reported(ws, w):
    """Policy, run_as, tags and notifications are kept, and runs tell which policy held."""
    job = w.jobs.create(
        name="owned",
        tasks=[sql_task(w, ws, "t", "SELECT 1")],
        budget_policy_id="11111111-2222-4333-8444-555555555555",
        run_as=jobs.JobRunAs(user_name="user@example.com"),
        tags={"team": "de"},
        email_notifications=jobs.JobEmailNotifications(on_failure=["a@example.com"]),
    ).job_id
    found = w.jobs.get(job)
    assert (found.run_as_user_name, found.settings.tags) == ("user@example.com", {"team": "de"})
    assert found.settings.email_notifications.on_failure == ["a@example.com"]
    run = finished(w, w.jobs.run_now(job).response.run_id)
    assert run.effective_usage_policy_id == found.effective_budget_policy_id == "11111111-2222-4333-8444-555555555555"
    assert run.run_page_url.endswith(f"/jobs/{job}/runs/{run.run_id}")


@pytest.mark.parametrize(
    ("settings", "error", "words"),
    [
        ({"tags": {f"t{number}": "" for number in range(26)}}, errors.InvalidParameterValue, "at most 25"),
        (
            {"git_source": jobs.GitSource(git_url="x", git_provider=jobs.GitProvider.GIT_HUB)},
            errors.NotImplemented,
            "git",
        ),
        ({"schedule": jobs.CronSchedule("* * *", "UTC")}, errors.InvalidParameterValue, "six or seven"),
        ({"schedule": jobs.CronSchedule("0 0 6 * * ?", "Mars")}, errors.InvalidParameterValue, "Mars"),
        (
            {"trigger": jobs.TriggerSettings(file_arrival=jobs.FileArrivalTriggerConfiguration(url="s3://b/"))},
            errors.NotImplemented,
            "file_arrival",
        ),
    ],
)
def test_settings_that_cannot_be_kept_are_refused(ws, w, settings, error, words):
    """What would have an effect that nothing here has is NOT_IMPLEMENTED; what is broken is 400."""
    tasks = [sql_task(w, ws, "t", "SELECT 1")]
    with pytest.raises(error, match=words):
        w.jobs.create(name="x", tasks=tasks, **settings)


def test_tags_of_a_job_reach_its_cluster(ws, w):
    """A job cluster appears with the job's tags and ends with the run."""
    path = notebook(w, "/Shared/clusters/one", "SELECT 1")
    spec = {"spark_version": "15.4.x-scala2.12", "node_type_id": "i3.xlarge", "num_workers": 1}
    cluster = jobs.JobCluster(job_cluster_key="small", new_cluster=jobs.compute.ClusterSpec(**spec))
    tasks = [notebook_task(key, path, job_cluster_key="small") for key in ("a", "b")]
    run = ran(w, tasks, job_clusters=[cluster], tags={"team": "de"})
    made = {task.cluster_instance.cluster_id for task in run.tasks}
    assert len(made) == 1
    found = w.clusters.get(made.pop())
    assert (found.cluster_source.value, found.custom_tags) == ("JOB", {"team": "de"})
    assert found.termination_reason.code is jobs.compute.TerminationReasonCode.JOB_FINISHED
    assert found.cluster_name == f"job-{run.job_id}-run-{run.run_id}-small"


def test_journal_has_runs_and_attempts(ws, w):
    """What system tables need of runs and of attempts at tasks is noted when they end."""
    run = ran(w, [sql_task(w, ws, "t", "SELECT 1")], tags={"k": "v"})
    (ended,) = [
        entry.facts
        for entry in ws._journal.of("run")
        if entry.facts["run_id"] == run.run_id and entry.facts["end_time"]
    ]
    assert (ended["result_state"], ended["tags"], ended["job_id"]) == ("SUCCESS", {"k": "v"}, run.job_id)
    attempts = [entry.facts for entry in ws._journal.of("task_run") if entry.facts["job_run_id"] == run.run_id]
    assert [(fact["state"], fact["result_state"]) for fact in attempts] == [("RUNNING", ""), ("TERMINATED", "SUCCESS")]
    assert attempts[-1]["warehouse_id"] == ws.warehouse_id


@pytest.mark.parametrize("key", [[], {}, 1, None, ""])
def test_a_task_key_is_text(ws, w, key):
    """A run whose task has no name of its own is refused as a request, whatever stands in its place."""
    task = {"task_key": key, "sql_task": {"warehouse_id": ws.warehouse_id, "file": {"path": "/f.sql"}}}
    with pytest.raises(errors.BadRequest, match="task_key"):
        w.api_client.do("POST", "/api/2.2/jobs/runs/submit", body={"run_name": "r", "tasks": [task]})
