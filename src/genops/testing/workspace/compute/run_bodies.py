"""Runs in the shape of the API: the older ``state`` and the newer ``status`` side by side."""

from __future__ import annotations

from typing import TYPE_CHECKING

from genops.testing.workspace.compute.runs import OVER, termination

if TYPE_CHECKING:
    from genops.testing.workspace.compute.runs import JobRun, Repair, TaskRun
    from genops.testing.workspace.http.wire import Json

# How the newer form calls the states of the older one.
_NEW_STATES = {"WAITING_FOR_RETRY": "WAITING", "SKIPPED": "TERMINATED", "INTERNAL_ERROR": "TERMINATED"}
_REASON = "This run is queued because the job has as many active runs as max_concurrent_runs allows."


def state_of(state: str, result: str, code: str, message: str, *, whole: bool) -> Json:
    """A state in both forms.

    Args:
        state: As :class:`JobRun` and :class:`TaskRun` have it.
        result: The result, where it has ended.
        code: Code of the failure.
        message: What to say of it.
        whole: Whether it is a whole run: one that failed shows ``INTERNAL_ERROR``, its tasks ``TERMINATED``.
    """
    old: Json = {"life_cycle_state": state, "state_message": "", "user_cancelled_or_timedout": False}
    new: Json = {"state": _NEW_STATES.get(state, state)}
    if state == "QUEUED":
        old["queue_reason"] = _REASON
        new["queue_details"] = {"code": "MAX_CONCURRENT_RUNS_REACHED", "message": _REASON}
    if state in OVER:
        shown = "INTERNAL_ERROR" if whole and result == "FAILED" else state
        stopped = result in ("CANCELED", "TIMEDOUT")
        old.update(
            life_cycle_state=shown, result_state=result, state_message=message, user_cancelled_or_timedout=stopped
        )
        new["termination_details"] = termination(result, code, message)
    return {"state": old, "status": new}


def run_body(run: JobRun, state: str, host: str, *, tasks: bool) -> Json:
    """A run that shows a state.

    Args:
        run: The run.
        state: What it shows, which may lie behind what it is.
        host: URL of the workspace.
        tasks: Whether its tasks are listed.
    """
    failed = next((task.code for task in run.current() if task.code), "")
    body: Json = {
        "run_id": run.run_id,
        "job_run_id": run.run_id,
        "run_name": run.name,
        "run_type": _run_type(run),
        "number_in_job": run.run_id,
        "original_attempt_run_id": run.run_id,
        "attempt_number": 0,
        "creator_user_name": run.user,
        "start_time": run.created,
        "end_time": 0,
        "setup_duration": 0,
        "execution_duration": 0,
        "cleanup_duration": 0,
        "queue_duration": max(0, run.started - run.created) if run.started else 0,
        "trigger": run.trigger,
        "run_page_url": _page(host, run.job_id, run.run_id),
        "format": "MULTI_TASK",
        "job_parameters": _parameters(run),
        "overriding_parameters": run.overriding,
        "job_clusters": run.settings.get("job_clusters") or [],
        "repair_history": [],
        **state_of(state, run.result, failed, run.message, whole=True),
    }
    body.update(_from_settings(run))
    if state in OVER:
        body.update(end_time=run.ended, run_duration=run.ended - run.created)
    if tasks:
        body["tasks"] = [task_body(run, task, host, shown=None if state in OVER else state) for task in run.tasks]
    return body


def _from_settings(run: JobRun) -> Json:
    """What a run takes from its job, where the job has it."""
    settings = run.settings
    found = {name: settings[name] for name in ("schedule", "description", "performance_target") if settings.get(name)}
    policy = settings.get("usage_policy_id") or settings.get("budget_policy_id")
    policies = {"effective_usage_policy_id": policy, "effective_budget_policy_id": policy} if policy else {}
    return {**found, **policies, **({"job_id": run.job_id} if run.job_id else {})}


def _run_type(run: JobRun) -> str:
    return "JOB_RUN" if run.job_id else "SUBMIT_RUN"


def _page(host: str, job_id: int | None, run_id: int) -> str:
    return f"{host}/jobs/{job_id or 0}/runs/{run_id}"


def _parameters(run: JobRun) -> list[Json]:
    declared = {item["name"]: item.get("default", "") for item in run.settings.get("parameters") or ()}
    return [
        {"name": name, "value": value, **({"default": declared[name]} if name in declared else {})}
        for name, value in run.parameters.items()
    ]


def task_body(run: JobRun, task: TaskRun, host: str, shown: str | None = None) -> Json:
    """One attempt at a task; ``shown`` is the state that the whole run shows, if not its own."""
    state = task.state if shown is None or task.state in ("BLOCKED", "WAITING_FOR_RETRY") else shown
    body: Json = {
        **task.task,
        "run_id": task.run_id,
        "attempt_number": task.attempt,
        "start_time": task.started,
        "end_time": 0,
        "setup_duration": 0,
        "execution_duration": 0,
        "cleanup_duration": 0,
        "run_page_url": _page(host, run.job_id, task.run_id),
        **state_of(state, task.result, task.code, task.message, whole=False),
    }
    if run.job_id:
        body["job_id"] = run.job_id
    if state in OVER:
        body.update(end_time=task.ended, execution_duration=task.ended - task.started)
    if task.cluster_id:
        body["cluster_instance"] = {"cluster_id": task.cluster_id}
    if task.outcome:
        body["condition_task"] = {**task.task["condition_task"], "outcome": task.outcome}
    if "for_each_task" in task.task:
        body["for_each_task"] = {**task.task["for_each_task"], "stats": _stats(task)}
    return body


def _stats(task: TaskRun) -> Json:
    results = [iteration.result for iteration in task.iterations]
    errors = [iteration.message for iteration in task.iterations if iteration.result == "FAILED"]
    return {
        "task_run_stats": {
            "total_iterations": len(results),
            "scheduled_iterations": len(results),
            "active_iterations": results.count(""),
            "completed_iterations": len(results) - results.count(""),
            "succeeded_iterations": results.count("SUCCESS"),
            "failed_iterations": len(errors),
        },
        "error_message_stats": [
            {"error_message": text, "count": errors.count(text), "termination_category": "RUN_EXECUTION_ERROR"}
            for text in dict.fromkeys(errors)
        ],
    }


def task_run_body(run: JobRun, task: TaskRun, host: str) -> Json:
    """An attempt at a task as ``runs/get`` shows it for its own run id: as a run with that one task."""
    body = task_body(run, task, host)
    whole = {key: body[key] for key in body if key not in task.task}
    return {
        **whole,
        "run_name": task.key,
        "run_type": _run_type(run),
        "job_run_id": run.run_id,
        "creator_user_name": run.user,
        "trigger": run.trigger,
        "task_key": task.key,
        "tasks": [body],
        **({"iterations": [task_body(run, item, host) for item in task.iterations]} if task.iterations else {}),
    }


def repair_bodies(run: JobRun) -> list[Json]:
    """The history of a run's repairs; the first entry is the run itself."""
    original = {
        "type": "ORIGINAL",
        "start_time": run.created,
        "end_time": run.repairs[0].started if run.repairs else run.ended,
        "task_run_ids": [task.run_id for task in run.tasks if not _repaired(run, task)],
        **state_of("TERMINATED", "FAILED" if run.repairs else run.result, "", "", whole=True),
    }
    return [original, *[_repair_body(repair) for repair in run.repairs]]


def _repaired(run: JobRun, task: TaskRun) -> bool:
    return any(task.run_id in repair.tasks for repair in run.repairs)


def _repair_body(repair: Repair) -> Json:
    state = "TERMINATED" if repair.ended else "RUNNING"
    return {
        "type": "REPAIR",
        "id": repair.id,
        "start_time": repair.started,
        "end_time": repair.ended,
        "task_run_ids": repair.tasks,
        **state_of(state, repair.result, "", "", whole=True),
    }
