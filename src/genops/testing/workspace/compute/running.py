"""How a run goes: order, conditions, retries, time limits and its end."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

from genops.testing.workspace.compute.references import lookup_in, resolved
from genops.testing.workspace.compute.runs import JobRun, TaskRun, before, in_order
from genops.testing.workspace.compute.shapes import items, part
from genops.testing.workspace.compute.tasks import TaskCanceledError, TaskFailedError, Workplace, run_task
from genops.testing.workspace.http.wire import ApiError
from genops.testing.workspace.sql.failures import SqlError

if TYPE_CHECKING:
    from collections.abc import Callable

    from genops.testing.workspace.clock import Clock
    from genops.testing.workspace.http.wire import Json
    from genops.testing.workspace.journal import Journal

_FAILED = ("FAILED", "TIMEDOUT", "UPSTREAM_FAILED")
_CANCELED = ("CANCELED", "UPSTREAM_CANCELED")
# What a task that runs only after failures becomes where there were none.
_AFTER_FAILURES = ("AT_LEAST_ONE_FAILED", "ALL_FAILED")
_HOLDS: dict[str, Callable[[list[str]], bool]] = {
    "ALL_SUCCESS": lambda results: all(result in ("SUCCESS", "EXCLUDED") for result in results),
    "AT_LEAST_ONE_SUCCESS": lambda results: "SUCCESS" in results,
    "NONE_FAILED": lambda results: not any(result in _FAILED + _CANCELED for result in results),
    "ALL_DONE": lambda _: True,
    "AT_LEAST_ONE_FAILED": lambda results: any(result in _FAILED for result in results),
    "ALL_FAILED": lambda results: all(result in _FAILED for result in results),
}


def verdict(run: JobRun, task: Json) -> str:
    """What becomes of a task by those before it: empty where it runs, otherwise its result.

    A task whose dependencies were all excluded is excluded; so is one that waits for the other outcome of a
    condition [docs.databricks.com, configure task dependencies].
    """
    results: list[str] = []
    for item in items(task.get("depends_on")):
        upstream = run.latest(str(item["task_key"]))
        if upstream is None:
            continue
        other = item.get("outcome") and upstream.result == "SUCCESS" and item["outcome"] != upstream.outcome
        results.append("EXCLUDED" if other else upstream.result)
    if not results:
        return ""
    if all(result == "EXCLUDED" for result in results):
        return "EXCLUDED"
    rule = str(task.get("run_if") or "ALL_SUCCESS")
    if _HOLDS[rule](results):
        # A branch that was not taken shuts its tasks out, even beside others that succeeded.
        return "EXCLUDED" if rule == "ALL_SUCCESS" and _shut_out(run, task) else ""
    if rule in _AFTER_FAILURES:
        return "EXCLUDED"
    return "UPSTREAM_FAILED" if any(result in _FAILED for result in results) else "UPSTREAM_CANCELED"


def _shut_out(run: JobRun, task: Json) -> bool:
    pairs = [(item.get("outcome"), run.latest(str(item["task_key"]))) for item in items(task.get("depends_on"))]
    return any(wanted and upstream is not None and wanted != upstream.outcome for wanted, upstream in pairs)


class Runner:
    """Runs the tasks of a run, one after another, in a thread of its own.

    Args:
        place: What tasks work with.
        clock: Gives the times, and ends what takes too long.
        journal: Is told of runs (``run``) and of attempts at tasks (``task_run``).
        facts: ``workspace.id`` and ``workspace.url``, for references.
        ended: Is told of each run that is over.
        stirred: Is told of each run that the clock brought back to life.
    """

    def __init__(
        self,
        place: Workplace,
        clock: Clock,
        journal: Journal,
        facts: dict[str, str],
        ended: Callable[[JobRun], None],
        stirred: Callable[[JobRun], None],
    ) -> None:
        self._place = place
        self._clock = clock
        self._journal = journal
        self._facts = facts
        self._ended = ended
        self._stirred = stirred

    def start(self, run: JobRun, keys: set[str] | None = None) -> None:
        """Start a run, or those of its tasks that are repaired."""
        run.state, run.started = "PENDING", self._clock.millis()
        seconds = float(run.settings.get("timeout_seconds") or 0)
        if seconds:
            self._clock.at(self._clock.now() + seconds, lambda: self._expire(run, None))
        threading.Thread(target=self._run, args=(run, keys), name="local-job", daemon=True).start()

    def _run(self, run: JobRun, keys: set[str] | None) -> None:
        run.state = "RUNNING"
        self._note(run)
        try:
            for task in in_order(run.settings["tasks"]):
                if keys is None or task["task_key"] in keys:
                    self._to_its_end(run, task)
        finally:
            for identifier in run.clusters.values():
                self._place.clusters.finish(identifier)
            run.clusters.clear()
            conclude(run, self._clock.millis())
            self._note(run)
            run.done.set()
            self._ended(run)

    def _to_its_end(self, run: JobRun, settings: Json) -> None:
        """Try a task until it succeeds or may not be tried again."""
        task = run.latest(str(settings["task_key"]))
        assert task is not None
        skipped = "CANCELED" if run.cancelled else "TIMEDOUT" if run.timed_out else verdict(run, settings)
        if skipped:
            self._skip(run, task, skipped)
            return
        while True:
            self._attempt(run, task)
            if not self._again(run, task, settings):
                return
            following = TaskRun(settings, self._place.starter.task_run_id(), task.attempt + 1)
            following.state = "WAITING_FOR_RETRY"
            run.tasks.append(following)
            self._rest(run, task.started / 1000 + float(settings.get("min_retry_interval_millis") or 0) / 1000)
            task = following
            if run.cancelled or run.timed_out:
                self._skip(run, task, "CANCELED" if run.cancelled else "TIMEDOUT")
                return

    def _again(self, run: JobRun, task: TaskRun, settings: Json) -> bool:
        most = int(settings.get("max_retries") or 0)
        failed = task.result == "FAILED" or (task.result == "TIMEDOUT" and settings.get("retry_on_timeout"))
        return bool(failed) and not run.timed_out and not run.cancelled and (most < 0 or task.attempt < most)

    def _rest(self, run: JobRun, until: float) -> None:
        """Wait for a moment of the clock, or for whoever stops the run."""
        if until <= self._clock.now():
            return
        run.resume.clear()
        run.resting = True
        self._clock.at(until, lambda: self._stir(run))
        if run.cancelled or run.timed_out:
            run.resume.set()
        run.resume.wait()
        run.resting = False

    def _stir(self, run: JobRun) -> None:
        if run.resting:
            run.resting = False
            self._stirred(run)
            run.resume.set()

    def _skip(self, run: JobRun, task: TaskRun, result: str) -> None:
        texts = {
            "UPSTREAM_FAILED": "A task that this one depends on did not succeed",
            "UPSTREAM_CANCELED": "A task that this one depends on was canceled",
            "EXCLUDED": "The conditions of this task were not met",
            "CANCELED": "Run cancelled",
            "TIMEDOUT": "The run took longer than its timeout",
        }
        task.started = task.ended = self._clock.millis()
        task.state, task.result, task.message = "TERMINATED", result, texts[result]
        self._note_task(run, task)

    # One attempt

    def _attempt(self, run: JobRun, task: TaskRun) -> None:
        task.started, task.state = self._clock.millis(), "RUNNING"
        seconds = float(task.task.get("timeout_seconds") or 0)
        if seconds:
            self._clock.at(self._clock.now() + seconds, lambda: self._expire(run, task))
        self._note_task(run, task)
        cluster = ""
        try:
            task.task = self._resolved(run, task)
            cluster = task.cluster_id = self._compute(run, task)
            run_task(self._place, run, task, lambda nested: self._iterate(run, nested))
            result = "SUCCESS"
        except TaskCanceledError:
            task.message = "The task took longer than its timeout" if task.timed_out else "Run cancelled"
            result = "TIMEDOUT" if task.timed_out or run.timed_out else "CANCELED"
        except TaskFailedError as error:
            task.message, task.error, task.code, result = error.message, error.error, error.code, "FAILED"
        except (ApiError, SqlError) as error:
            task.message = task.error = error.message
            task.code, result = "INVALID_RUN_CONFIGURATION", "FAILED"
        except Exception as error:  # a defect of the workspace is a failed task, not a run without an end
            task.message = task.error = f"The local workspace failed: {error!r}"
            task.code, result = "INTERNAL_ERROR", "FAILED"
        if cluster:
            self._place.clusters.vacate(cluster)
        task.ended, task.result, task.state = self._clock.millis(), result, "TERMINATED"
        self._note_task(run, task)

    def _iterate(self, run: JobRun, nested: TaskRun) -> None:
        if run.cancelled or run.timed_out:
            self._skip(run, nested, "CANCELED" if run.cancelled else "TIMEDOUT")
        else:
            self._attempt(run, nested)

    def _resolved(self, run: JobRun, task: TaskRun) -> Json:
        lookup = lookup_in(run, task, self._facts)
        nested = task.task.get("for_each_task")
        if not nested:
            return resolved(task.task, lookup)
        return {**task.task, "for_each_task": {**nested, "inputs": resolved(nested["inputs"], lookup)}}

    def _compute(self, run: JobRun, task: TaskRun) -> str:
        """The cluster that a notebook runs on; empty for SQL warehouses and for serverless compute."""
        given = task.task
        if "notebook_task" not in given or given["notebook_task"].get("warehouse_id"):
            return ""
        identifier = str(given.get("existing_cluster_id") or "")
        key = str(given.get("job_cluster_key") or "")
        spec = _new_cluster(run, task, key)
        if spec:
            name = f"job-{run.job_id or 0}-run-{run.run_id}-{key or task.key}"
            identifier = run.clusters.get(key or task.key) or self._place.clusters.provide(
                _tagged(spec, run), name, run.run_as
            )
            run.clusters[key or task.key] = identifier
        if identifier:
            self._place.clusters.check(identifier, run.run_as)
            self._place.clusters.occupy(identifier)
        return identifier

    def _expire(self, run: JobRun, task: TaskRun | None) -> None:
        """End a task, or a whole run, that takes longer than it may."""
        if run.done.is_set() or (task is not None and task.state != "RUNNING"):
            return
        if task is None:
            run.timed_out = True
        else:
            task.timed_out = True
        self._stirred(run)
        run.stop()

    # Journal

    def _note(self, run: JobRun) -> None:
        self._journal.note("run", **run_facts(run))

    def _note_task(self, run: JobRun, task: TaskRun) -> None:
        self._journal.note("task_run", **task_facts(run, task))


def _new_cluster(run: JobRun, task: TaskRun, key: str) -> Json | None:
    if task.task.get("new_cluster"):
        return task.task["new_cluster"]
    clusters = items(run.settings.get("job_clusters"))
    return next((item["new_cluster"] for item in clusters if key and item["job_cluster_key"] == key), None)


def _tagged(spec: Json, run: JobRun) -> Json:
    """A job's tags are put on its clusters [docs.databricks.com, jobs settings: tags]."""
    tags = {**part(run.settings.get("tags")), **part(spec.get("custom_tags"))}
    return {**spec, "custom_tags": tags} if tags else spec


def conclude(run: JobRun, now: int) -> None:
    """Say how a run ended.

    It is decided by the tasks that no other depends on: they succeeded, or were excluded, or the run failed
    [docs.databricks.com, how Databricks determines job run status].
    """
    tasks = run.current()
    inner = {key for task in run.settings["tasks"] for key in before(task)}
    leaves = [task for task in tasks if task.key not in inner]
    failed = [task for task in tasks if task.result not in ("SUCCESS", "EXCLUDED")]
    if run.timed_out:
        run.result, run.message = "TIMEDOUT", "The run took longer than its timeout"
    elif run.cancelled:
        run.result, run.message = "CANCELED", "Run cancelled"
    elif not failed:
        run.result, run.message = "SUCCESS", ""
    elif all(leaf.result in ("SUCCESS", "EXCLUDED") for leaf in leaves):
        run.result, run.message = "SUCCESS_WITH_FAILURES", ""
    else:
        run.result, run.message = "FAILED", _failure(failed)
    run.ended, run.state = now, "TERMINATED"
    if run.repairs and not run.repairs[-1].ended:
        run.repairs[-1].ended, run.repairs[-1].result = now, run.result


def _failure(failed: list[TaskRun]) -> str:
    first = next((task for task in failed if task.result in ("FAILED", "TIMEDOUT")), failed[0])
    skipped = any(task.result == "UPSTREAM_FAILED" for task in failed)
    after = " This caused all downstream tasks to get skipped." if skipped else ""
    end = "" if first.message.endswith(".") else "."
    return f"Task {first.key} failed with message: {first.message}{end}{after}"


def run_facts(run: JobRun) -> dict[str, Any]:
    """What the journal keeps of a run; ``state`` is RUNNING where it has just begun."""
    settings = run.settings
    return {
        "run_id": run.run_id,
        "job_id": run.job_id,
        "run_name": run.name,
        "run_type": "JOB_RUN" if run.job_id else "SUBMIT_RUN",
        "trigger_type": run.trigger,
        "state": run.state,
        "result_state": run.result,
        "message": run.message,
        "start_time": run.created,
        "end_time": run.ended,
        "job_parameters": dict(run.parameters),
        "tags": part(settings.get("tags")).copy(),
        "creator": run.user,
        "run_as": run.run_as,
        "usage_policy_id": settings.get("usage_policy_id") or settings.get("budget_policy_id"),
        "compute_ids": sorted({task.cluster_id for task in run.tasks if task.cluster_id}),
    }


def task_facts(run: JobRun, task: TaskRun) -> dict[str, Any]:
    """What the journal keeps of an attempt at a task."""
    sql, notebook = part(task.task.get("sql_task")), part(task.task.get("notebook_task"))
    return {
        "run_id": task.run_id,
        "job_run_id": run.run_id,
        "job_id": run.job_id,
        "task_key": task.key,
        "attempt_number": task.attempt,
        "state": task.state,
        "result_state": task.result,
        "termination_code": task.code,
        "message": task.message,
        "start_time": task.started,
        "end_time": task.ended,
        "warehouse_id": sql.get("warehouse_id") or notebook.get("warehouse_id") or "",
        "cluster_id": task.cluster_id,
        "statement_ids": list(task.statements),
        "run_as": run.run_as,
    }
