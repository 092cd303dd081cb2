"""Runs of jobs: their parts, their states, and their shape in the API."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from genops.testing.workspace.http.wire import Json, invalid, objects_of, unserved

if TYPE_CHECKING:
    from typing import Any

    from genops.testing.workspace.statements.execution import Statement

ALIVE: tuple[str, ...] = ("PENDING", "RUNNING")
"""States on the way, in their order."""


@dataclass
class TaskRun:
    """One task of a run."""

    task: Json
    run_id: int
    state: str = "BLOCKED"
    result: str = ""
    message: str = ""
    started: int = 0
    ended: int = 0
    statements: list[str] = field(default_factory=list[str])


@dataclass
class JobRun:
    """One run of a job; ``polls`` counts the reads that still show a state on the way."""

    run_id: int
    job_id: int | None
    name: str
    tasks: list[TaskRun]
    parameters: dict[str, str]
    polls: dict[str, int]
    created: int
    state: str = "PENDING"
    result: str = ""
    message: str = ""
    ended: int = 0
    cancelled: bool = False
    current: Statement | None = None


def run_body(run: JobRun, state: str, user: str, *, tasks: bool) -> Json:
    """A run that shows a state."""
    body: Json = {
        "run_id": run.run_id,
        "run_name": run.name,
        "run_type": "JOB_RUN" if run.job_id else "SUBMIT_RUN",
        "number_in_job": run.run_id,
        "creator_user_name": user,
        "start_time": run.created,
        "run_page_url": f"https://local.workspace/jobs/{run.job_id or 0}/runs/{run.run_id}",
        "job_parameters": [{"name": name, "value": value} for name, value in run.parameters.items()],
        **_state(state, run.result, run.message),
    }
    if run.job_id:
        body["job_id"] = run.job_id
    if state == "TERMINATED":
        body.update(end_time=run.ended, run_duration=run.ended - run.created)
    if tasks:
        body["tasks"] = [task_body(run, task, shown=None if state == "TERMINATED" else state) for task in run.tasks]
    return body


def task_body(run: JobRun, task: TaskRun, shown: str | None = None) -> Json:
    """One task of a run; ``shown`` is the state that the whole run shows, if not its own."""
    body: Json = {**task.task, "run_id": task.run_id, "job_id": run.job_id, "start_time": task.started}
    state = task.state if shown is None or task.state == "BLOCKED" else shown
    if state == "TERMINATED":
        body.update(end_time=task.ended, execution_duration=task.ended - task.started)
    return {**body, **_state(state, task.result, task.message)}


def _state(state: str, result: str, message: str) -> Json:
    """A run's state in the old shape and in the new one."""
    old: Json = {"life_cycle_state": state, "state_message": ""}
    new: Json = {"state": state}
    if state == "TERMINATED":
        skipped = result == "UPSTREAM_FAILED"
        old.update(result_state=result, state_message=message)
        code = {"SUCCESS": "SUCCESS", "CANCELED": "CANCELED"}.get(result, "RUN_EXECUTION_ERROR")
        kind = "SUCCESS" if result == "SUCCESS" else "CLIENT_ERROR"
        new["termination_details"] = {"code": "UPSTREAM_FAILED" if skipped else code, "type": kind, "message": message}
    return {"state": old, "status": new}


def split_statements(text: str) -> list[str]:
    r"""The statements of a SQL text, each as it was written.

    >>> split_statements("SELECT ';'; -- one; two\nSELECT 2;")
    ["SELECT ';'", '-- one; two\nSELECT 2']
    """
    piece = r"'(?:[^'\\]|\\.|'')*'|\"(?:[^\"\\]|\\.)*\"|`[^`]*`|--[^\n]*|/\*.*?\*/|;|[^;'\"`/-]+|."
    pieces = [""]
    for match in re.finditer(piece, text, re.DOTALL):
        if match[0] == ";":
            pieces.append("")
        else:
            pieces[-1] += match[0]
    statements = [piece.strip() for piece in pieces]
    found = [text for text in statements if re.sub(r"--[^\n]*|/\*.*?\*/|\s", "", text, flags=re.DOTALL)]
    return found or [text.strip()]


def checked_settings(settings: Json) -> Json:
    """Job settings that can run here.

    Raises:
        ApiError: 501 for tasks that are not SQL from a file or a saved query; 400 for broken settings.
    """
    tasks = objects_of(settings.get("tasks"), "tasks")
    if not tasks:
        raise invalid("A job needs at least one task")
    keys = [task.get("task_key") for task in tasks]
    if len(set(keys)) != len(keys) or not all(keys):
        raise invalid("Every task needs a task_key of its own")
    for task in tasks:
        _check_task(task, keys)
    in_order([TaskRun(task, 0) for task in tasks])
    return {"name": "Untitled", "max_concurrent_runs": 1, "format": "MULTI_TASK", **settings}


def _check_task(task: Json, keys: list[Any]) -> None:
    (sql,) = objects_of([task.get("sql_task") or {}], f"sql_task of {task['task_key']}")
    if not sql.get("query") and not sql.get("file"):
        raise unserved(f"Task {task['task_key']}: only sql_task with query or file runs here; any other kind of task")
    if not sql.get("warehouse_id"):
        raise invalid(f"Task {task['task_key']} needs sql_task.warehouse_id")
    if sql.get("file") and sql["file"].get("source", "WORKSPACE") != "WORKSPACE":
        raise unserved(f"sql_task.file with source {sql['file']['source']}")
    if task.get("run_if", "ALL_SUCCESS") != "ALL_SUCCESS":
        raise unserved(f"run_if {task['run_if']}")
    unknown = [item["task_key"] for item in task.get("depends_on") or () if item["task_key"] not in keys]
    if unknown:
        raise invalid(f"Task {task['task_key']} depends on {unknown[0]}, which the job does not have")


def in_order(tasks: list[TaskRun]) -> list[TaskRun]:
    """Tasks so that each comes after those it depends on."""
    ordered: list[TaskRun] = []
    done: set[str] = set()
    while len(ordered) < len(tasks):
        ready = [
            task
            for task in tasks
            if task not in ordered and all(item["task_key"] in done for item in task.task.get("depends_on") or ())
        ]
        if not ready:
            raise invalid("The tasks depend on each other in a circle")
        ordered += ready
        done |= {task.task["task_key"] for task in ready}
    return ordered
