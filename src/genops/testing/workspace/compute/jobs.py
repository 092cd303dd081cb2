"""Jobs: their settings, when they run, and the runs that they have."""

from __future__ import annotations

import itertools
import json
import re
import threading
from typing import TYPE_CHECKING, Any

from genops.testing.workspace.compute.cron import next_run
from genops.testing.workspace.compute.references import lookup_in, resolved
from genops.testing.workspace.compute.running import run_facts
from genops.testing.workspace.compute.runs import ALIVE, JobRun, TaskRun, all_tasks
from genops.testing.workspace.compute.shapes import items, part
from genops.testing.workspace.http.wire import invalid

if TYPE_CHECKING:
    from collections.abc import Callable

    from genops.testing.workspace.clock import Clock
    from genops.testing.workspace.compute.running import Runner
    from genops.testing.workspace.http.wire import Json
    from genops.testing.workspace.journal import Journal

_LONGEST_TOKEN = 64
KEPT_DAYS = 60
"""Days that a run is kept by the clock after its end [docs.databricks.com, Jobs API: removed after 60 days]."""
KEPT_RUNS = 10_000
"""Runs that are over and kept; older ones are forgotten so that a long life stays small."""
KEPT_BYTES = 64 << 20
"""Bytes of output that they have together, about; the oldest runs are forgotten before."""
_CLOSE_SECONDS = 5.0
_SETTLE_SECONDS = 10.0
"""How long the clock, while a test moves it, waits for runs that it started: real seconds."""


class Jobs:
    """The jobs of a workspace, the runs that they have, and when they run.

    Args:
        user: Owner of jobs that nobody else made.
        clock: Gives the times, and starts what has a schedule.
        journal: Is told of changes of jobs (``job_change``).
        facts: ``workspace.id`` and ``workspace.url``, for references.
        transition_polls: How many reads of a run show PENDING, and then RUNNING, before its end shows.
    """

    def __init__(self, user: str, clock: Clock, journal: Journal, facts: dict[str, str], transition_polls: int) -> None:
        self.user = user
        self.lock = threading.RLock()
        self.jobs: dict[int, Json] = {}
        self.runs: dict[int, JobRun] = {}
        self.runner: Runner | None = None
        self._clock = clock
        self._journal = journal
        self._facts = facts
        self._polls = transition_polls
        self._last_id = 1000
        self._tokens: dict[tuple[str, int | None, str], int] = {}
        self._stirred: list[JobRun] = []
        self._weight = 0
        clock.on_advance(self._settle)

    def next_id(self) -> int:
        """A number that nothing else has."""
        with self.lock:
            self._last_id += 1
            return self._last_id

    # Jobs

    def get(self, identifier: Any) -> Json:
        """A job by its id."""
        found = self.jobs.get(number(identifier))
        if found is None:
            raise invalid(f"Job {identifier} does not exist.")
        return found

    def add(self, settings: Json, user: str) -> int:
        """Keep a job with checked settings."""
        with self.lock:
            job_id = self.next_id()
            self.jobs[job_id] = {
                "job_id": job_id,
                "creator_user_name": user,
                "created_time": self._clock.millis(),
                **_derived(settings, user),
            }
            self._changed(self.jobs[job_id], "CREATED", user)
        return job_id

    def change(self, job: Json, settings: Json, user: str) -> None:
        """Give a job other settings."""
        with self.lock:
            job.update(_derived(settings, job["creator_user_name"]))
            self._changed(job, "EDITED", user)

    def remove(self, job: Json, user: str) -> None:
        """Forget a job; its runs stay."""
        with self.lock:
            del self.jobs[job["job_id"]]
            self._changed(job, "DELETED", user)

    def _changed(self, job: Json, action: str, user: str) -> None:
        self._journal.note("job_change", job_id=job["job_id"], action=action, info=dict(job), user=user)
        if action != "DELETED":
            self._schedule(job, self._clock.now())

    def _schedule(self, job: Json, previous: float) -> None:
        """Have a job run when it is due; other settings, and the end of the job, make this void."""
        settings = job["settings"]
        due = next_run(settings, self._clock.now(), previous)
        if due is not None:
            self._clock.at(due, lambda: self._due(job, settings))

    def _due(self, job: Json, settings: Json) -> None:
        with self.lock:
            if self.jobs.get(job["job_id"]) is not job or job["settings"] is not settings:
                return
            run = self.begin(job["job_id"], settings, {}, job["run_as_user_name"], trigger="PERIODIC")
            self._stirred.append(run)
            self._schedule(job, self._clock.now())

    # Between two starts

    def state(self) -> Json:
        """What lasts: the jobs; runs do not."""
        return {"jobs": list(self.jobs.values()), "last_id": self._last_id}

    def restore(self, state: Json) -> None:
        """Take over what :meth:`state` gave; what has a schedule runs when it is due next."""
        self._last_id = state["last_id"]
        for job in state["jobs"]:
            self.jobs[job["job_id"]] = job
            self._changed(job, "RESTORED", job["creator_user_name"])

    # Runs

    def run(self, identifier: Any) -> JobRun:
        """A run by its id."""
        found = self.runs.get(number(identifier))
        if found is None:
            raise invalid(f"Run {identifier} does not exist.")
        return found

    def begin(
        self, job_id: int | None, settings: Json, given: Json, user: str, *, trigger: str, depth: int = 0
    ) -> JobRun:
        """Start a run, or queue or skip it where the job has as many as it may.

        Args:
            job_id: The job; ``None`` for tasks that were submitted.
            settings: Checked settings.
            given: Body of the request: ``idempotency_token``, ``job_parameters``, ``notebook_params``, ``sql_params``,
                ``only``, ``queue``.
            user: Who starts it.
            trigger: ``ONE_TIME``, ``PERIODIC`` or ``RUN_JOB_TASK``.
            depth: How many run-job tasks lie above it.
        """
        token = str(given.get("idempotency_token") or "")
        if len(token) > _LONGEST_TOKEN:
            raise invalid(f"idempotency_token must have at most {_LONGEST_TOKEN} characters")
        with self.lock:
            # Two users, or two jobs, that happen on one token mean two runs.
            key = (user, job_id, token)
            if key in self._tokens:
                return self.run(self._tokens[key])
            run = self._new(job_id, settings, given, user, trigger, depth)
            self.runs[run.run_id] = run
            if token:
                self._tokens[key] = run.run_id
            self._forget_old()
            self._admit(run, given)
        return run

    def _new(self, job_id: int | None, settings: Json, given: Json, user: str, trigger: str, depth: int) -> JobRun:
        only = items(given.get("only"))
        tasks = [TaskRun(task, self.next_id()) for task in settings["tasks"] if not only or task["task_key"] in only]
        declared = {item["name"]: str(item.get("default") or "") for item in items(settings.get("parameters"))}
        overriding = {key: given[key] for key in ("notebook_params", "sql_params") if given.get(key)}
        run = JobRun(
            run_id=self.next_id(),
            job_id=job_id,
            name=settings["name"],
            settings={**settings, "tasks": [task.task for task in tasks]},
            tasks=tasks,
            parameters={},
            overriding=overriding,
            polls=dict.fromkeys(ALIVE, self._polls),
            created=self._clock.millis(),
            trigger=trigger,
            user=user,
            run_as=self.jobs.get(job_id or 0, {}).get("run_as_user_name") or _run_as(settings, user),
            depth=depth,
        )
        lookup = lookup_in(run, None, self._facts)
        run.parameters = resolved({**declared, **part(given.get("job_parameters"))}, lookup)
        return run

    def _admit(self, run: JobRun, given: Json) -> None:
        most = int(run.settings.get("max_concurrent_runs") or 1)
        queue = part(given.get("queue") or run.settings.get("queue"))
        if run.job_id is None or self._active(run.job_id) <= most:
            self._launch(run)
        elif queue.get("enabled"):
            run.state = "QUEUED"
        else:
            message = f"This run was skipped because the limit of {most} maximum concurrent runs has been reached."
            self._end_unbegun(run, "SKIPPED", "MAXIMUM_CONCURRENT_RUNS_REACHED", message)

    def _end_unbegun(self, run: JobRun, state: str, result: str, message: str) -> None:
        run.state, run.result, run.message, run.ended = state, result, message, self._clock.millis()
        self._journal.note("run", **run_facts(run))
        run.done.set()

    def _active(self, job_id: int) -> int:
        return sum(
            run.job_id == job_id and not run.done.is_set() and run.state != "QUEUED" for run in self.runs.values()
        )

    def _launch(self, run: JobRun, keys: set[str] | None = None) -> None:
        assert self.runner is not None
        self.runner.start(run, keys)

    def again(self, run: JobRun, keys: set[str]) -> None:
        """Run some tasks of a run that is over once more."""
        run.done.clear()
        run.ended = 0
        run.cancelled = run.timed_out = False
        run.result = run.message = ""
        run.polls = dict.fromkeys(ALIVE, self._polls)
        self._launch(run, keys)

    def ended(self, run: JobRun) -> None:
        """A run is over: its output counts, and the oldest queued run of its job may start."""
        with self.lock:
            if run.run_id in self.runs:
                before, run.weight = run.weight, _weight(run)
                self._weight += run.weight - before
                self._forget_old()
            waiting = [other for other in self.runs.values() if other.job_id == run.job_id and other.state == "QUEUED"]
            if run.job_id is not None and waiting:
                most = int(waiting[0].settings.get("max_concurrent_runs") or 1)
                if self._active(run.job_id) < most:
                    self._launch(waiting[0])

    def cancel(self, run: JobRun) -> None:
        """Stop a run; one that waits in the queue never begins."""
        with self.lock:
            if run.done.is_set():
                return
            run.cancelled = True
            if run.state == "QUEUED":
                self._end_unbegun(run, "TERMINATED", "CANCELED", "Run cancelled")
        run.stop()

    def forget(self, run: JobRun) -> None:
        """Forget a run, if it is not yet."""
        with self.lock:
            if self.runs.pop(run.run_id, None) is not None:
                self._weight -= run.weight

    def _forget_old(self) -> None:
        oldest = self._clock.millis() - KEPT_DAYS * 24 * 3_600_000
        aged = list(itertools.takewhile(lambda run: run.created < oldest, self.runs.values()))
        surplus = len(self.runs) > KEPT_RUNS or self._weight > KEPT_BYTES
        if not aged and not surplus:
            return
        for run in aged:
            if run.done.is_set() and run.ended < oldest:
                self.forget(run)
        # The run that has just ended stays, however large it is.
        for run in [run for run in self.runs.values() if run.done.is_set()][:-1] if surplus else ():
            if len(self.runs) <= KEPT_RUNS and self._weight <= KEPT_BYTES:
                break
            self.forget(run)
        self._tokens = {key: identifier for key, identifier in self._tokens.items() if identifier in self.runs}

    # Time

    def stirred(self, run: JobRun) -> None:
        """The clock brought a run back to life: while a test moves it, it waits for what the run does."""
        with self.lock:
            self._stirred.append(run)

    def _settle(self) -> None:
        with self.lock:
            runs, self._stirred = self._stirred, []
            self._forget_old()
        for run in runs:
            wait_until(lambda run=run: not run.busy, _SETTLE_SECONDS)

    def close(self) -> None:
        """Stop everything that runs."""
        running = [run for run in list(self.runs.values()) if not run.done.is_set()]
        for run in running:
            self.cancel(run)
        for run in running:
            run.done.wait(_CLOSE_SECONDS)


def wait_until(holds: Callable[[], bool], seconds: float) -> None:
    """Wait for something that other threads bring about, for a bounded time."""
    pause = threading.Event()
    for _ in range(int(seconds / 0.005)):
        if holds():
            return
        pause.wait(0.005)


def number(value: Any) -> int:
    """An id as a number.

    Raises:
        ApiError: It is none.
    """
    if not re.fullmatch(r"\d{1,18}", str(value)):
        raise invalid(f"{value!r} is not a valid id")
    return int(value)


def _weight(run: JobRun) -> int:
    """About how many bytes the output of a run takes."""
    kept = ([task.rows, task.values, task.exit, task.error, task.query] for task in all_tasks(run))
    return sum(len(json.dumps(output, default=str)) for output in kept)


def _run_as(settings: Json, user: str) -> str:
    given = part(settings.get("run_as"))
    return str(given.get("user_name") or given.get("service_principal_name") or user)


def _derived(settings: Json, creator: str) -> Json:
    policy = settings.get("usage_policy_id") or settings.get("budget_policy_id")
    effective = {"effective_budget_policy_id": policy, "effective_usage_policy_id": policy} if policy else {}
    return {"settings": settings, "run_as_user_name": _run_as(settings, creator), **effective}
