"""Runs of jobs: the run, the attempts at its tasks, and what became of them."""

from __future__ import annotations

import re
import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    from genops.testing.workspace.http.wire import Json

ALIVE: tuple[str, ...] = ("PENDING", "RUNNING")
"""States on the way, in their order."""
OVER = ("TERMINATED", "SKIPPED")
"""States in which nothing changes any more."""

_CODES = {
    "SUCCESS": ("SUCCESS", "SUCCESS"),
    "SUCCESS_WITH_FAILURES": ("SUCCESS_WITH_FAILURES", "SUCCESS"),
    "EXCLUDED": ("SKIPPED", "SUCCESS"),
    "UPSTREAM_FAILED": ("SKIPPED", "CLIENT_ERROR"),
    "UPSTREAM_CANCELED": ("SKIPPED", "CLIENT_ERROR"),
    "CANCELED": ("USER_CANCELED", "CLIENT_ERROR"),
    "TIMEDOUT": ("CANCELED", "CLIENT_ERROR"),
    "MAXIMUM_CONCURRENT_RUNS_REACHED": ("MAX_CONCURRENT_RUNS_EXCEEDED", "CLIENT_ERROR"),
}


@dataclass
class TaskRun:
    """One attempt at one task of a run.

    Attributes:
        task: Settings of the task, references resolved once it has begun.
        run_id: Its own run id.
        attempt: 0 for the first.
        state: ``BLOCKED``, ``PENDING``, ``RUNNING``, ``WAITING_FOR_RETRY`` or ``TERMINATED``.
        result: Empty until it has ended.
        message: What the run's page says of a failure.
        error: What the task's output says of it.
        code: ``RUN_EXECUTION_ERROR`` and its like, empty without a failure.
        started: Milliseconds since the epoch, as ``ended``; 0 before.
        statements: Ids of the statements it ran.
        query: SQL text of a SQL task.
        rows: First rows of the last statement's result.
        values: Task values that it set.
        exit: What a notebook returned.
        outcome: ``true`` or ``false`` of a condition.
        child: The run that a run-job task started.
        input: The input of an iteration.
        iterations: Runs of the nested task of a for-each task.
        update: Update of the pipeline that it started.
        cluster_id: The cluster it ran on.
        timed_out: Whether it took longer than it may.
    """

    task: Json
    run_id: int
    attempt: int = 0
    state: str = "BLOCKED"
    result: str = ""
    message: str = ""
    error: str = ""
    code: str = ""
    started: int = 0
    ended: int = 0
    statements: list[str] = field(default_factory=list[str])
    query: str = ""
    rows: list[Json] = field(default_factory=list["Json"])
    values: Json = field(default_factory=dict[str, "Any"])
    exit: str | None = None
    outcome: str = ""
    child: JobRun | None = None
    input: Any = None
    iterations: list[TaskRun] = field(default_factory=list["TaskRun"])
    update: str = ""
    cluster_id: str = ""
    timed_out: bool = False

    @property
    def key(self) -> str:
        """The key of the task."""
        return str(self.task["task_key"])


@dataclass
class Repair:
    """One time that tasks of a run were run again."""

    id: int
    started: int
    tasks: list[int]
    ended: int = 0
    result: str = ""


@dataclass
class JobRun:
    """One run of a job, or of tasks that were submitted without one.

    Attributes:
        run_id: Its id.
        job_id: The job; ``None`` for tasks that were submitted.
        name: Name of the job, or of the run.
        settings: Settings of the job when the run began.
        tasks: Attempts, oldest first.
        parameters: Parameters of the job, references resolved.
        overriding: ``notebook_params`` and ``sql_params`` that the run was started with.
        polls: Reads that still show a state on the way.
        created: When it was asked for, in milliseconds since the epoch.
        trigger: ``ONE_TIME``, ``PERIODIC`` or ``RUN_JOB_TASK``.
        user: Who started it.
        run_as: Whose rights it has.
        depth: How many run-job tasks lie above it.
        state: ``QUEUED``, ``PENDING``, ``RUNNING``, ``TERMINATED`` or ``SKIPPED``.
        done: Is set while it is over.
        resting: Whether it waits for the clock before a retry.
        interrupt: Ends what it is doing just now.
        weight: About how many bytes its output takes, once it is over.
    """

    run_id: int
    job_id: int | None
    name: str
    settings: Json
    tasks: list[TaskRun]
    parameters: dict[str, str]
    overriding: Json
    polls: dict[str, int]
    created: int
    trigger: str
    user: str
    run_as: str
    depth: int = 0
    state: str = "PENDING"
    result: str = ""
    message: str = ""
    started: int = 0
    ended: int = 0
    cancelled: bool = False
    timed_out: bool = False
    repairs: list[Repair] = field(default_factory=list[Repair])
    clusters: dict[str, str] = field(default_factory=dict[str, str])
    done: threading.Event = field(default_factory=threading.Event)
    resting: bool = False
    resume: threading.Event = field(default_factory=threading.Event)
    interrupt: Callable[[], None] | None = None
    child: JobRun | None = None
    weight: int = 0

    def latest(self, key: str) -> TaskRun | None:
        """The last attempt at a task."""
        return next((task for task in reversed(self.tasks) if task.key == key), None)

    def current(self) -> list[TaskRun]:
        """The last attempt at each task."""
        return list({task.key: task for task in self.tasks}.values())

    @property
    def busy(self) -> bool:
        """Whether it does something that needs no clock to go on."""
        if self.done.is_set() or self.resting or self.state == "QUEUED":
            return False
        return self.child is None or self.child.busy or self.child.done.is_set()

    def stop(self) -> None:
        """End what it is doing just now; it looks for itself why."""
        self.resume.set()
        if self.child is not None:
            self.child.cancelled = True
            self.child.stop()
        if self.interrupt is not None:
            self.interrupt()


def all_tasks(run: JobRun) -> list[TaskRun]:
    """Every attempt of a run, iterations included."""
    return [found for task in run.tasks for found in (task, *task.iterations)]


def termination(result: str, code: str, message: str) -> Json:
    """How something ended, as the newer form of a run's state says it."""
    known, kind = _CODES.get(result, (code or "RUN_EXECUTION_ERROR", "CLIENT_ERROR"))
    return {"code": known, "type": kind, "message": message}


def in_order(tasks: list[Json]) -> list[Json]:
    """Tasks so that each comes after those it depends on; what runs in a circle is left out."""
    ordered: list[Json] = []
    done: set[str] = set()
    while True:
        ready = [task for task in tasks if task["task_key"] not in done and before(task) <= done]
        if not ready:
            return ordered
        ordered += ready
        done |= {task["task_key"] for task in ready}


def before(task: Json) -> set[str]:
    """The keys of the tasks that a task depends on."""
    return {str(item["task_key"]) for item in task.get("depends_on") or ()}


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
