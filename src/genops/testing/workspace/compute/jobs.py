"""Jobs whose SQL tasks really run on a warehouse."""

from __future__ import annotations

import itertools
import re
import threading
from typing import TYPE_CHECKING, Any

from genops.testing.workspace.compute.runs import (
    ALIVE,
    JobRun,
    TaskRun,
    checked_settings,
    in_order,
    run_body,
    split_statements,
    task_body,
)
from genops.testing.workspace.http.paging import decode_token, encode_token
from genops.testing.workspace.http.wire import ApiError, Call, Json, Routes, invalid
from genops.testing.workspace.sql.failures import SqlError

if TYPE_CHECKING:
    from genops.testing.workspace.clock import Clock
    from genops.testing.workspace.compute.tree import QueryService, TreeService
    from genops.testing.workspace.journal import Journal
    from genops.testing.workspace.statements.execution import Statements

_PAGE = 25


class JobService:
    """Jobs and their runs.

    Args:
        statements: Runs the SQL of tasks.
        queries: Saved queries that tasks name.
        tree: Workspace files that tasks name.
        user: Owner of jobs.
        clock: Gives the times.
        journal: Is told of runs.
        transition_polls: How many reads of a run show PENDING, and then RUNNING, before its end shows.
    """

    def __init__(
        self,
        statements: Statements,
        queries: QueryService,
        tree: TreeService,
        user: str,
        clock: Clock,
        journal: Journal,
        transition_polls: int,
    ) -> None:
        self._statements = statements
        self._queries = queries
        self._tree = tree
        self._user = user
        self._clock = clock
        self._journal = journal
        self._polls = transition_polls
        self._lock = threading.RLock()
        self._ids = itertools.count(1001)
        self._jobs: dict[int, Json] = {}
        self._runs: dict[int, JobRun] = {}
        self._tokens: dict[str, int] = {}

    def routes(self) -> Routes:
        """Jobs and runs in every minor version of the API."""
        base = "/api/2.x/jobs"
        return {
            f"POST {base}/create": self._create,
            f"GET {base}/get": lambda call: dict(self._job(call.need("job_id"))),
            f"GET {base}/list": self._list,
            f"POST {base}/update": self._update,
            f"POST {base}/reset": self._reset,
            f"POST {base}/delete": self._delete,
            f"POST {base}/run-now": self._run_now,
            f"POST {base}/runs/submit": self._submit,
            f"GET {base}/runs/get": self._get_run,
            f"GET {base}/runs/get-output": self._output,
            f"GET {base}/runs/list": self._list_runs,
            f"POST {base}/runs/cancel": self._cancel,
            f"POST {base}/runs/cancel-all": self._cancel_all,
            f"POST {base}/runs/delete": self._delete_run,
        }

    # Jobs

    def _job(self, identifier: Any) -> Json:
        found = self._jobs.get(_number(identifier))
        if found is None:
            raise invalid(f"Job {identifier} does not exist.")
        return found

    def _create(self, call: Call) -> Json:
        settings = checked_settings(call.json)
        with self._lock:
            job_id = next(self._ids)
            now = self._clock.millis()
            self._jobs[job_id] = {
                "job_id": job_id,
                "creator_user_name": self._user,
                "run_as_user_name": self._user,
                "created_time": now,
                "settings": settings,
            }
        return {"job_id": job_id}

    def _list(self, call: Call) -> Json:
        name = call.text("name").lower()
        jobs = [job for job in reversed(list(self._jobs.values())) if name in ("", job["settings"]["name"].lower())]
        shown = jobs if call.flag("expand_tasks") else [_collapsed(job) for job in jobs]
        return _paged("jobs", shown, call)

    def _update(self, call: Call) -> None:
        job = self._job(call.need("job_id"))
        settings: Json = {**job["settings"], **(call.json.get("new_settings") or {})}
        for name in call.json.get("fields_to_remove") or ():
            settings.pop(name, None)
        job["settings"] = checked_settings(settings)

    def _reset(self, call: Call) -> None:
        self._job(call.need("job_id"))["settings"] = checked_settings(call.object("new_settings"))

    def _delete(self, call: Call) -> None:
        with self._lock:
            del self._jobs[self._job(call.need("job_id"))["job_id"]]

    # Starting runs

    def _run_now(self, call: Call) -> Json:
        job = self._job(call.need("job_id"))
        declared = {item["name"]: item.get("default", "") for item in job["settings"].get("parameters") or ()}
        given: dict[str, str] = {**(call.json.get("job_parameters") or {}), **(call.json.get("sql_params") or {})}
        run_id = self._start(call, job["job_id"], job["settings"], {**declared, **given})
        return {"run_id": run_id, "number_in_job": run_id}

    def _submit(self, call: Call) -> Json:
        settings = checked_settings({"name": call.json.get("run_name") or "Untitled", **call.json})
        return {"run_id": self._start(call, None, settings, {})}

    def _start(self, call: Call, job_id: int | None, settings: Json, parameters: dict[str, str]) -> int:
        token = call.json.get("idempotency_token")
        with self._lock:
            if token in self._tokens:
                return self._tokens[token]
            run_id = next(self._ids)
            tasks = [TaskRun(task, next(self._ids)) for task in settings["tasks"]]
            polls: dict[str, int] = dict.fromkeys(ALIVE, self._polls)
            run = JobRun(run_id, job_id, settings["name"], tasks, parameters, polls, self._clock.millis())
            self._runs[run_id] = run
            if token:
                self._tokens[token] = run_id
        threading.Thread(target=self._run, args=(run,), name="local-job", daemon=True).start()
        return run_id

    # Running

    def _run(self, run: JobRun) -> None:
        run.state = "RUNNING"
        for task in in_order(run.tasks):
            self._run_task(run, task)
        failed = [task for task in run.tasks if task.result != "SUCCESS"]
        run.ended = self._clock.millis()
        run.result = "CANCELED" if run.cancelled else "FAILED" if failed else "SUCCESS"
        if failed and not run.cancelled:
            first = next((task for task in failed if task.result == "FAILED"), failed[0])
            run.message = f"Task {first.task['task_key']} failed with message: {first.message}"
        run.state = "TERMINATED"

    def _run_task(self, run: JobRun, task: TaskRun) -> None:
        before = {item["task_key"] for item in task.task.get("depends_on") or ()}
        upstream = [other for other in run.tasks if other.task["task_key"] in before]
        task.started = self._clock.millis()
        if run.cancelled:
            task.result = "CANCELED"
        elif any(other.result != "SUCCESS" for other in upstream):
            task.result, task.message = "UPSTREAM_FAILED", "A task that this one depends on did not succeed"
        else:
            task.state = "RUNNING"
            task.result, task.message = self._execute(run, task)
        task.ended = self._clock.millis()
        task.state = "TERMINATED"

    def _execute(self, run: JobRun, task: TaskRun) -> tuple[str, str]:
        """Run a task's statements one after another; the first that fails ends it."""
        sql: Json = task.task["sql_task"]
        try:
            text, place = self._sql_of(sql)
            texts = split_statements(text)
        except (ApiError, SqlError) as error:
            return "FAILED", error.message
        values: Json = {**run.parameters, **(sql.get("parameters") or {})}
        job_info = {"job_id": str(run.job_id or ""), "job_run_id": str(run.run_id), "job_task_run_id": str(task.run_id)}
        for statement_text in texts:
            names = set(re.findall(r"(?<!:):([A-Za-z_]\w*)", statement_text))
            parameters: list[Json] = [
                {"name": name, "value": values[name], "type": "STRING"} for name in names if name in values
            ]
            request: Json = {
                **place,
                "statement": statement_text,
                "warehouse_id": sql["warehouse_id"],
                "parameters": parameters,
            }
            run.current = self._statements.submit(request, {"client": "Databricks Workflows", "job_info": job_info})
            task.statements.append(run.current.id)
            if run.cancelled:
                self._statements.cancel(run.current)
            run.current.done.wait()
            if run.current.state == "CANCELED":
                return "CANCELED", "Run cancelled"
            if run.current.error:
                return "FAILED", run.current.error.message
        return "SUCCESS", ""

    def _sql_of(self, sql: Json) -> tuple[str, Json]:
        """A task's SQL text, and the catalog and schema that it runs in."""
        if sql.get("query"):
            query = self._queries.get(str(sql["query"].get("query_id")))
            place = {key: query[key] for key in ("catalog", "schema") if query.get(key)}
            return str(query["query_text"]), place
        return self._tree.text(str(sql["file"].get("path"))), {}

    # Reading runs

    def _find(self, identifier: Any) -> JobRun:
        found = self._runs.get(_number(identifier))
        if found is None:
            raise invalid(f"Run {identifier} does not exist.")
        return found

    def _get_run(self, call: Call) -> Json:
        wanted = _number(call.need("run_id"))
        for run in list(self._runs.values()):
            for task in run.tasks:
                if task.run_id == wanted:
                    return task_body(run, task)
        run = self._find(wanted)
        return run_body(run, self._visible(run), self._user, tasks=True)

    def _visible(self, run: JobRun) -> str:
        """The state that this read shows: never ahead of the truth, and each step shows for its reads."""
        with self._lock:
            for state in ALIVE:
                if run.polls[state] > 0:
                    run.polls[state] -= 1
                    return (
                        state
                        if ALIVE.index(state) <= (ALIVE.index(run.state) if run.state in ALIVE else 1)
                        else run.state
                    )
            return run.state

    def _output(self, call: Call) -> Json:
        wanted = _number(call.need("run_id"))
        runs = list(self._runs.values())
        owner, task = next(((run, task) for run in runs for task in run.tasks if task.run_id == wanted), (None, None))
        if owner is None or task is None:
            run = self._find(wanted)
            if len(run.tasks) > 1:
                raise invalid("Retrieving the output of runs with multiple tasks is not supported")
            owner, task = run, run.tasks[0]
        body: Json = {"metadata": task_body(owner, task)}
        if task.result == "FAILED":
            return {**body, "error": task.message}
        statements = [{"lookup_key": identifier} for identifier in task.statements]
        output = {"warehouse_id": task.task["sql_task"]["warehouse_id"], "sql_statements": statements}
        return {**body, "sql_output": {"query_output": output}}

    def _list_runs(self, call: Call) -> Json:
        job_id = call.number("job_id")
        runs = [run for run in reversed(list(self._runs.values())) if job_id in (None, run.job_id)]
        if call.flag("active_only"):
            runs = [run for run in runs if run.state != "TERMINATED"]
        if call.flag("completed_only"):
            runs = [run for run in runs if run.state == "TERMINATED"]
        return _paged(
            "runs", [run_body(run, run.state, self._user, tasks=call.flag("expand_tasks")) for run in runs], call
        )

    # Ending runs

    def _stop(self, run: JobRun) -> None:
        run.cancelled = True
        if run.current is not None:
            self._statements.cancel(run.current)

    def _cancel(self, call: Call) -> None:
        self._stop(self._find(call.need("run_id")))

    def _cancel_all(self, call: Call) -> None:
        job_id = _number(call.need("job_id"))
        for run in list(self._runs.values()):
            if run.job_id == job_id:
                self._stop(run)

    def _delete_run(self, call: Call) -> None:
        run = self._find(call.need("run_id"))
        if run.state != "TERMINATED":
            raise ApiError(400, "INVALID_STATE", f"Run {run.run_id} is active and cannot be deleted")
        with self._lock:
            del self._runs[run.run_id]


def _number(value: Any) -> int:
    if not re.fullmatch(r"\d{1,18}", str(value)):
        raise invalid(f"{value!r} is not a valid id")
    return int(value)


def _paged(key: str, items: list[Json], call: Call) -> Json:
    token = call.text("page_token")
    start = decode_token(token) if token else call.number("offset") or 0
    size = min(call.number("limit") or _PAGE, 100)
    shown = items[start : start + size]
    body: Json = {key: shown, "has_more": start + size < len(items)} if shown else {"has_more": False}
    if body["has_more"]:
        body["next_page_token"] = encode_token(f"at:{start + size}")
    return body


def _collapsed(job: Json) -> Json:
    return {**job, "settings": {key: value for key, value in job["settings"].items() if key != "tasks"}}
