"""Settings of jobs: what a job that can run here may say."""

from __future__ import annotations

from typing import TYPE_CHECKING

from genops.testing.workspace.compute.cluster import checked_spec
from genops.testing.workspace.compute.cron import next_run
from genops.testing.workspace.compute.references import check_references
from genops.testing.workspace.compute.runs import before, in_order
from genops.testing.workspace.compute.shapes import checked_count, checked_part, checked_texts
from genops.testing.workspace.http.wire import invalid, objects_of, unserved

if TYPE_CHECKING:
    from collections.abc import Callable

    from genops.testing.workspace.http.wire import Json

RUN_IF = (
    "ALL_SUCCESS",
    "AT_LEAST_ONE_SUCCESS",
    "NONE_FAILED",
    "ALL_DONE",
    "AT_LEAST_ONE_FAILED",
    "ALL_FAILED",
)
COMPARISONS = (
    "EQUAL_TO",
    "NOT_EQUAL",
    "GREATER_THAN",
    "GREATER_THAN_OR_EQUAL",
    "LESS_THAN",
    "LESS_THAN_OR_EQUAL",
)
MOST_TAGS = 25
"""Tags a job takes [docs.databricks.com, Jobs API: at most 25]."""
# Settings that would do something which nothing here does.
_UNSERVED = ("continuous", "git_source", "health", "deployment", "triggers")
_UNSERVED_OF_TASKS = ("libraries", "health", "git_source", "disabled", "compute")
_NESTED = ("sql_task", "notebook_task", "run_job_task", "pipeline_task")


def checked_settings(settings: Json) -> Json:
    """Job settings that can run here, with the service's defaults.

    Raises:
        ApiError: 501 for kinds of tasks and settings that nothing here runs; 400 for broken settings.
    """
    for name in _UNSERVED:
        if settings.get(name):
            raise unserved(f"{name} of a job")
    tasks = objects_of(settings.get("tasks"), "tasks")
    if not tasks:
        raise invalid("A job needs at least one task")
    _check_tags(settings)
    next_run(settings, 0.0, 0.0)
    clusters = _job_clusters(settings)
    keys = [task.get("task_key") for task in tasks]
    if not all(isinstance(key, str) and key for key in keys) or len(set(keys)) != len(keys):
        raise invalid("Every task needs a task_key of its own")
    for task in tasks:
        for item in objects_of(task.get("depends_on"), "depends_on"):
            if not isinstance(item.get("task_key"), str):
                raise invalid(f"Task {task['task_key']}: a dependency needs a task_key: {item!r}")
        _check_task(task, clusters)
        unknown = sorted(before(task) - set(keys))
        if unknown:
            raise invalid(f"Task {task['task_key']} depends on {unknown[0]}, which the job does not have")
    if len(in_order(tasks)) < len(tasks):
        raise invalid("The tasks depend on each other in a circle")
    check_references([tasks, settings.get("parameters")])
    return {
        "name": "Untitled",
        "max_concurrent_runs": 1,
        "format": "MULTI_TASK",
        "timeout_seconds": 0,
        "email_notifications": {},
        **settings,
    }


def _check_tags(settings: Json) -> None:
    if len(checked_texts(settings.get("tags"), "tags")) > MOST_TAGS:
        raise invalid(f"tags must be an object of at most {MOST_TAGS} tags")
    most = settings.get("max_concurrent_runs", 1)
    if not isinstance(most, int) or not 0 <= most <= 1000:  # noqa: PLR2004 - the API's own limit
        raise invalid(f"max_concurrent_runs must be between 0 and 1000, not {most!r}")
    checked_count(settings.get("timeout_seconds"), "timeout_seconds")
    if not isinstance(settings.get("name", ""), str):
        raise invalid(f"name must be a string, not {settings['name']!r}")
    for name in ("run_as", "queue", "schedule", "trigger", "email_notifications"):
        checked_part(settings.get(name), name)
    for item in objects_of(settings.get("parameters"), "parameters"):
        if not isinstance(item.get("name"), str):
            raise invalid(f"A parameter of a job needs a name: {item!r}")


def _job_clusters(settings: Json) -> set[str]:
    clusters = objects_of(settings.get("job_clusters"), "job_clusters")
    for cluster in clusters:
        checked_spec(checked_part(cluster.get("new_cluster"), "new_cluster"))
    return {str(cluster.get("job_cluster_key")) for cluster in clusters}


def _check_task(task: Json, clusters: set[str]) -> None:
    key = task["task_key"]
    kinds = [name for name in task if name.endswith(("_task", "_operator_task")) and task[name]]
    if len(kinds) != 1 or kinds[0] not in _CHECKS:
        raise unserved(f"Task {key}: only {', '.join(_CHECKS)} run here, one of them a task; {', '.join(kinds)}")
    for name in _UNSERVED_OF_TASKS:
        if task.get(name):
            raise unserved(f"Task {key}: {name}")
    if task.get("run_if", "ALL_SUCCESS") not in RUN_IF:
        raise invalid(f"Task {key}: run_if must be one of {', '.join(RUN_IF)}, not {task['run_if']!r}")
    if task.get("job_cluster_key") and task["job_cluster_key"] not in clusters:
        raise invalid(f"Task {key}: the job has no cluster with the key {task['job_cluster_key']!r}")
    if task.get("new_cluster"):
        checked_spec(checked_part(task["new_cluster"], "new_cluster"))
    checked_count(task.get("timeout_seconds"), "timeout_seconds")
    checked_count(task.get("max_retries"), "max_retries", -1)
    checked_count(task.get("min_retry_interval_millis"), "min_retry_interval_millis")
    _CHECKS[kinds[0]](key, checked_part(task[kinds[0]], f"{kinds[0]} of {key}"))


def _check_sql(key: str, sql: Json) -> None:
    query, file = checked_part(sql.get("query"), "query"), checked_part(sql.get("file"), "file")
    checked_texts(sql.get("parameters"), "parameters")
    if not query and not file:
        raise unserved(f"Task {key}: only sql_task with query or file runs here; any other kind of sql_task")
    if not sql.get("warehouse_id"):
        raise invalid(f"Task {key} needs sql_task.warehouse_id")
    if file.get("source", "WORKSPACE") != "WORKSPACE":
        raise unserved(f"sql_task.file with source {file['source']}")


def _check_notebook(key: str, notebook: Json) -> None:
    checked_texts(notebook.get("base_parameters"), "base_parameters")
    if not notebook.get("notebook_path"):
        raise invalid(f"Task {key} needs notebook_task.notebook_path")
    if notebook.get("source", "WORKSPACE") != "WORKSPACE":
        raise unserved(f"notebook_task with source {notebook['source']}")


def _check_condition(key: str, condition: Json) -> None:
    if condition.get("op") not in COMPARISONS:
        raise invalid(f"Task {key}: condition_task.op must be one of {', '.join(COMPARISONS)}")
    if not isinstance(condition.get("left"), str) or not isinstance(condition.get("right"), str):
        raise invalid(f"Task {key}: condition_task needs left and right")


def _check_for_each(key: str, loop: Json) -> None:
    nested = checked_part(loop.get("task"), "for_each_task.task")
    if not isinstance(loop.get("inputs"), str):
        raise invalid(f"Task {key}: for_each_task needs inputs, a JSON array as text, and a task")
    kinds = [name for name in nested if name.endswith("_task") and nested[name]]
    if len(kinds) != 1 or kinds[0] not in _NESTED:
        raise unserved(f"Task {key}: a for_each_task around {', '.join(kinds) or 'nothing'}")
    _CHECKS[kinds[0]](key, checked_part(nested[kinds[0]], kinds[0]))


def _check_run_job(key: str, run_job: Json) -> None:
    checked_texts(run_job.get("job_parameters"), "job_parameters")
    if not str(run_job.get("job_id") or "").isdigit():
        raise invalid(f"Task {key} needs run_job_task.job_id")


def _check_pipeline(key: str, pipeline: Json) -> None:
    if not pipeline.get("pipeline_id"):
        raise invalid(f"Task {key} needs pipeline_task.pipeline_id")


_CHECKS: dict[str, Callable[[str, Json], None]] = {
    "sql_task": _check_sql,
    "notebook_task": _check_notebook,
    "condition_task": _check_condition,
    "for_each_task": _check_for_each,
    "run_job_task": _check_run_job,
    "pipeline_task": _check_pipeline,
}
