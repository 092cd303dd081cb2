"""Requests that concern runs: start, read, repair, stop."""

from __future__ import annotations

from typing import TYPE_CHECKING

from genops.testing.workspace.compute.job_service import paged
from genops.testing.workspace.compute.job_settings import checked_settings
from genops.testing.workspace.compute.jobs import Jobs, number
from genops.testing.workspace.compute.run_bodies import repair_bodies, run_body, task_run_body
from genops.testing.workspace.compute.runs import ALIVE, OVER, JobRun, Repair, TaskRun, all_tasks, before
from genops.testing.workspace.compute.shapes import checked_part, checked_texts, items
from genops.testing.workspace.http.wire import ApiError, Call, Json, Routes, invalid, unserved

if TYPE_CHECKING:
    from genops.testing.workspace.clock import Clock
    from genops.testing.workspace.compute.access import Access
    from genops.testing.workspace.compute.ownership import Ownership

RESULT_LIMIT = 5 * 1024 * 1024
"""Bytes of a notebook's result that its output gives [docs.databricks.com, Jobs API: get run output]."""
_UNSERVED = (
    "jar_params",
    "python_params",
    "spark_submit_params",
    "python_named_params",
    "dbt_commands",
    "pipeline_params",
)


class RunService:
    """Runs of jobs.

    Args:
        jobs: The jobs and their runs.
        host: URL of the workspace.
        clock: Gives the times.
        ownership: Says whose the runs are that no job has.
        access: Says who may see, start and stop those of jobs.
    """

    def __init__(self, jobs: Jobs, host: str, clock: Clock, ownership: Ownership, access: Access) -> None:
        self._jobs = jobs
        self._access = access
        self._ownership = ownership
        self._host = host
        self._clock = clock

    def routes(self) -> Routes:
        """Runs in every minor version of the API."""
        base = "/api/2.x/jobs"
        return {
            f"POST {base}/run-now": self._run_now,
            f"POST {base}/runs/submit": self._submit,
            f"POST {base}/runs/repair": self._repair,
            f"GET {base}/runs/get": self._get,
            f"GET {base}/runs/get-output": self._output,
            f"GET {base}/runs/list": self._list,
            f"POST {base}/runs/cancel": lambda call: self._jobs.cancel(self._run(call, "run")),
            f"POST {base}/runs/cancel-all": self._cancel_all,
            f"POST {base}/runs/delete": self._delete,
        }

    # Whose they are

    def _may(self, call: Call, run: JobRun, ability: str) -> bool:
        """Whether it is a run that the caller started, or that may be treated so by the list of its job."""
        of_job = run.job_id in self._jobs.jobs and self._access.can(call.user, ability, "jobs", run.job_id)
        return of_job or self._ownership.sees(call.user, run.user)

    def _seen(self, call: Call, run: JobRun, ability: str = "view") -> JobRun:
        if not self._may(call, run, ability):
            self._ownership.need(call.user, f"run {run.run_id}", run.user)
        return run

    def _run(self, call: Call, ability: str = "view") -> JobRun:
        return self._seen(call, self._jobs.run(call.need("run_id")), ability)

    # Starting

    def _run_now(self, call: Call) -> Json:
        job = self._jobs.get(call.need("job_id"))
        self._access.need(call.user, "run", "jobs", job["job_id"])
        _check_parameters(call.json)
        user = call.user or self._jobs.user
        run = self._jobs.begin(job["job_id"], job["settings"], call.json, user, trigger="ONE_TIME")
        return {"run_id": run.run_id, "number_in_job": run.run_id}

    def _submit(self, call: Call) -> Json:
        given = {key: value for key, value in call.json.items() if key not in ("idempotency_token", "run_name")}
        settings = checked_settings({"name": call.json.get("run_name") or "Untitled", **given})
        self._ownership.check_run_as(call.user, settings)
        user = call.user or self._jobs.user
        return {"run_id": self._jobs.begin(None, settings, call.json, user, trigger="ONE_TIME").run_id}

    def _repair(self, call: Call) -> Json:
        run, given = self._run(call, "run"), call.json
        _check_parameters(given)
        with self._jobs.lock:
            if not run.done.is_set():
                raise ApiError(400, "INVALID_STATE", f"Run {run.run_id} is active and cannot be repaired")
            if run.repairs and given.get("latest_repair_id") != run.repairs[-1].id:
                raise invalid(f"latest_repair_id must be {run.repairs[-1].id}, not {given.get('latest_repair_id')!r}")
            keys = _to_repair(run, given)
            attempts: list[TaskRun] = []
            for task in run.settings["tasks"]:
                if task["task_key"] in keys:
                    last = run.latest(task["task_key"])
                    attempts.append(TaskRun(task, self._jobs.next_id(), last.attempt + 1 if last else 0))
            repair = Repair(self._jobs.next_id(), self._clock.millis(), [task.run_id for task in attempts])
            run.tasks += attempts
            run.repairs.append(repair)
            run.parameters.update(given.get("job_parameters") or {})
            run.overriding.update({key: given[key] for key in ("notebook_params", "sql_params") if given.get(key)})
            self._jobs.again(run, keys)
        return {"repair_id": repair.id}

    # Reading

    def _get(self, call: Call) -> Json:
        wanted = number(call.need("run_id"))
        found = self._task(wanted)
        if found:
            self._seen(call, found[0])
            return task_run_body(*found, self._host)
        run = self._run(call)
        body = run_body(run, self._visible(run), self._host, tasks=True)
        return {**body, "repair_history": repair_bodies(run)} if call.flag("include_history") else body

    def _task(self, run_id: int) -> tuple[JobRun, TaskRun] | None:
        if run_id in self._jobs.runs:
            return None
        runs = reversed(list(self._jobs.runs.values()))
        return next(((run, task) for run in runs for task in all_tasks(run) if task.run_id == run_id), None)

    def _visible(self, run: JobRun) -> str:
        """The state that this read shows: never ahead of the truth, and each step shows for its reads."""
        with self._jobs.lock:
            if run.state in ("QUEUED", "SKIPPED"):
                return run.state
            for state in ALIVE:
                if run.polls[state] > 0:
                    run.polls[state] -= 1
                    ahead = run.state in ALIVE and ALIVE.index(state) > ALIVE.index(run.state)
                    return run.state if ahead else state
            return run.state

    def _output(self, call: Call) -> Json:
        wanted = number(call.need("run_id"))
        found = self._task(wanted)
        if found is None:
            run = self._jobs.run(wanted)
            if len(run.tasks) > 1:
                raise invalid(
                    "Retrieving the output of runs with multiple tasks is not supported. "
                    "Please retrieve the output of each individual task run instead."
                )
            found = run, run.tasks[0]
        run, task = found
        self._seen(call, run)
        body: Json = {"metadata": task_run_body(run, task, self._host)}
        if task.result == "FAILED":
            body["error"] = task.error
        return {**body, **_output_of(task)}

    def _list(self, call: Call) -> Json:
        if call.flag("active_only") and call.flag("completed_only"):
            raise invalid("active_only and completed_only cannot both be true")
        job_id, kind = call.number("job_id"), call.text("run_type")
        since = call.number("start_time_from") or 0
        until = call.number("start_time_to") or 1 << 62
        runs = [
            run
            for run in reversed(list(self._jobs.runs.values()))
            if job_id in (None, run.job_id)
            and self._may(call, run, "view")
            and since <= run.created <= until
            and (not kind or kind == ("JOB_RUN" if run.job_id else "SUBMIT_RUN"))
            and not (call.flag("active_only") and run.done.is_set())
            and not (call.flag("completed_only") and not run.done.is_set())
        ]
        expanded = call.flag("expand_tasks")
        return paged("runs", [run_body(run, run.state, self._host, tasks=expanded) for run in runs], call)

    # Ending

    def _cancel_all(self, call: Call) -> None:
        job_id = number(call.json["job_id"]) if call.json.get("job_id") is not None else None
        queued = bool(call.json.get("all_queued_runs"))
        if job_id is None and not queued:
            raise invalid("Missing required field: job_id")
        for run in list(self._jobs.runs.values()):
            if self._may(call, run, "run") and job_id in (None, run.job_id) and (not queued or run.state == "QUEUED"):
                self._jobs.cancel(run)

    def _delete(self, call: Call) -> None:
        run = self._run(call, "manage")
        if run.state not in OVER:
            raise ApiError(400, "INVALID_STATE", f"Run {run.run_id} is active and cannot be deleted")
        self._jobs.forget(run)


def _check_parameters(given: Json) -> None:
    for name in _UNSERVED:
        if given.get(name):
            raise unserved(f"{name} of a run")
    for name in ("job_parameters", "notebook_params", "sql_params"):
        checked_texts(given.get(name), name)
    for name in ("only", "rerun_tasks"):
        if not all(isinstance(key, str) for key in items(given.get(name))):
            raise invalid(f"{name} must be a list of task keys, not {given[name]!r}")
    checked_part(given.get("queue"), "queue")
    if given.get("job_parameters") and (given.get("notebook_params") or given.get("sql_params")):
        raise invalid("job_parameters cannot be given together with notebook_params or sql_params")


def _to_repair(run: JobRun, given: Json) -> set[str]:
    """The keys of the tasks that a repair runs again."""
    asked = {str(key) for key in items(given.get("rerun_tasks"))}
    if bool(asked) == bool(given.get("rerun_all_failed_tasks")):
        raise invalid("A repair needs either rerun_tasks or rerun_all_failed_tasks")
    tasks: list[Json] = run.settings["tasks"]
    unknown = asked - {task["task_key"] for task in tasks}
    if unknown:
        raise invalid(f"Run {run.run_id} has no task {min(unknown)}")
    failed = {task.key for task in run.current() if task.result not in ("SUCCESS", "EXCLUDED")}
    keys = asked or failed
    while given.get("rerun_dependent_tasks"):
        after = {task["task_key"] for task in tasks if before(task) & keys}
        if after <= keys:
            break
        keys |= after
    if not keys:
        raise invalid(f"Run {run.run_id} has no task to repair")
    return keys


def _output_of(task: TaskRun) -> Json:
    given = task.task
    if given.get("sql_task"):
        output = {
            "query_text": task.query,
            "warehouse_id": given["sql_task"]["warehouse_id"],
            "endpoint_id": given["sql_task"]["warehouse_id"],
            "sql_statements": [{"lookup_key": identifier} for identifier in task.statements],
        }
        return {"sql_output": {"query_output": output}} if task.result != "FAILED" else {}
    if given.get("notebook_task"):
        data = (task.exit or "").encode()
        cut = data[:RESULT_LIMIT].decode(errors="ignore")
        result = {"result": cut} if task.exit is not None else {}
        return {"notebook_output": {**result, "truncated": len(data) > RESULT_LIMIT}}
    return {"run_job_output": {"run_id": task.child.run_id}} if task.child else {}
