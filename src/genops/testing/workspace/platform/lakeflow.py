"""Rows of ``system.lakeflow``: jobs, their tasks, their runs, and pipelines."""

from __future__ import annotations

from typing import TYPE_CHECKING

from genops.testing.workspace.compute.shapes import items, part
from genops.testing.workspace.platform.activity import place
from genops.testing.workspace.platform.dated import Row, instant, moment
from genops.testing.workspace.platform.metering import HOUR

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from genops.testing.workspace.http.identity import Identity
    from genops.testing.workspace.http.wire import Json
    from genops.testing.workspace.journal import Entry

# How the tables spell what the API calls otherwise.
_RESULTS = {
    "SUCCESS": "SUCCEEDED",
    "SUCCESS_WITH_FAILURES": "SUCCEEDED",
    "CANCELED": "CANCELLED",
    "TIMEDOUT": "TIMED_OUT",
    "EXCLUDED": "SKIPPED",
    "UPSTREAM_FAILED": "BLOCKED",
    "UPSTREAM_CANCELED": "BLOCKED",
}
_TRIGGERS = {"PERIODIC": "CRON", "ONE_TIME": "ONETIME", "RETRY": "ONETIME_RETRY"}
_CODES = {"SUCCESS": "SUCCESS", "FAILED": "RUN_EXECUTION_ERROR", "CANCELED": "CANCELED"}


def jobs(entry: Entry, who: Identity, user_id: Callable[[str], int]) -> Iterator[Row]:
    """The snapshot of a job after a change."""
    info, settings = entry.facts["info"], entry.facts["info"]["settings"]
    schedule = part(settings.get("schedule")) or part(settings.get("trigger")) or part(settings.get("continuous"))
    creator = str(info.get("creator_user_name") or "")
    run_as = str(info.get("run_as_user_name") or creator)
    yield {
        **_job(entry, who),
        "name": settings.get("name"),
        "creator_id": str(user_id(creator)),
        "tags": part(settings.get("tags")),
        "run_as": str(user_id(run_as)),
        "description": settings.get("description"),
        "trigger_type": _trigger(settings),
        "run_as_user_name": run_as,
        "creator_user_name": creator,
        "paused": schedule.get("pause_status") == "PAUSED",
        "timeout_seconds": settings.get("timeout_seconds") or 0,
        "health_rules": items(part(settings.get("health")).get("rules")),
        "deployment": settings.get("deployment"),
        "create_time": instant(int(info["created_time"])),
    }


def _trigger(settings: Json) -> str | None:
    names = (("schedule", "CRON"), ("continuous", "CONTINUOUS"), ("trigger", "FILE_ARRIVAL"))
    return next((kind for name, kind in names if settings.get(name)), None)


def job_tasks(entry: Entry, who: Identity) -> Iterator[Row]:
    """The snapshots of a job's tasks after a change of the job."""
    for task in items(entry.facts["info"]["settings"].get("tasks")):
        yield {
            **_job(entry, who),
            "task_key": task["task_key"],
            "depends_on_keys": [item["task_key"] for item in items(task.get("depends_on"))],
            "timeout_seconds": task.get("timeout_seconds") or 0,
            "health_rules": items(part(task.get("health")).get("rules")),
        }


def _job(entry: Entry, who: Identity) -> Row:
    gone = entry.facts["action"] == "DELETED"
    return {
        **place(who),
        "job_id": str(entry.facts["job_id"]),
        "change_time": moment(entry.at),
        "delete_time": moment(entry.at) if gone else None,
    }


def job_run_timeline(entry: Entry, who: Identity) -> Iterator[Row]:
    """A run that has ended, in one row for each hour of the clock; the last row has its result."""
    facts = entry.facts
    if not facts["end_time"]:
        return
    for start, end, last in _slices(facts):
        yield {
            **place(who),
            "job_id": str(facts["job_id"] or facts["run_id"]),
            "run_id": str(facts["run_id"]),
            "period_start_time": start,
            "period_end_time": end,
            "trigger_type": _TRIGGERS.get(facts["trigger_type"], facts["trigger_type"]),
            "run_type": facts["run_type"],
            "run_name": facts["run_name"],
            "compute_ids": facts["compute_ids"],
            "result_state": _result(facts) if last else None,
            "termination_code": _CODES.get(facts["result_state"]) if last else None,
            "job_parameters": {str(key): str(value) for key, value in facts["job_parameters"].items()},
            "compute": _compute(facts["compute_ids"], []),
            "run_duration_seconds": _seconds(facts) if last else None,
        }


def job_task_run_timeline(entry: Entry, who: Identity) -> Iterator[Row]:
    """An attempt at a task that has ended, sliced as runs are."""
    facts = entry.facts
    if not facts["end_time"] or not facts["start_time"]:
        return
    clusters = [facts["cluster_id"]] if facts["cluster_id"] else []
    warehouses = [facts["warehouse_id"]] if facts["warehouse_id"] else []
    for start, end, last in _slices(facts):
        yield {
            **place(who),
            "job_id": str(facts["job_id"] or facts["job_run_id"]),
            "run_id": str(facts["run_id"]),
            "job_run_id": str(facts["job_run_id"]),
            "parent_run_id": str(facts["job_run_id"]),
            "period_start_time": start,
            "period_end_time": end,
            "task_key": facts["task_key"],
            "compute_ids": [*clusters, *warehouses],
            "result_state": _result(facts) if last else None,
            "termination_code": (facts.get("termination_code") or _CODES.get(facts["result_state"])) if last else None,
            "compute": _compute(clusters, warehouses),
            "execution_duration_seconds": _seconds(facts) if last else None,
        }


def _slices(facts: Json) -> Iterator[tuple[object, object, bool]]:
    start, end = int(facts["start_time"]), int(facts["end_time"])
    for hour in range(start // HOUR, max(start // HOUR + 1, -(-end // HOUR))):
        over = min(end, (hour + 1) * HOUR)
        yield instant(max(start, hour * HOUR)), instant(over), over == end


def _result(facts: Json) -> str | None:
    return _RESULTS.get(facts["result_state"], facts["result_state"]) or None


def _seconds(facts: Json) -> int:
    return (int(facts["end_time"]) - int(facts["start_time"])) // 1000


def _compute(clusters: list[str], warehouses: list[str]) -> list[Row]:
    return [
        *[{"type": "CLUSTER", "cluster_id": identifier} for identifier in clusters],
        *[{"type": "WAREHOUSE", "warehouse_id": identifier} for identifier in warehouses],
    ]


def pipelines(entry: Entry, who: Identity) -> Iterator[Row]:
    """The snapshot of a pipeline after a change."""
    info, gone = entry.facts["info"], entry.facts["action"] == "DELETED"
    spec = part(info.get("spec")) or info
    names = ("edition", "channel", "photon", "development", "continuous", "serverless")
    yield {
        **place(who),
        "pipeline_id": entry.facts["pipeline_id"],
        "pipeline_type": "ETL_PIPELINE",
        "name": info.get("name") or spec.get("name"),
        "created_by": info.get("creator_user_name"),
        "run_as": info.get("run_as_user_name") or info.get("creator_user_name"),
        "tags": part(spec.get("tags")),
        "settings": {name: spec.get(name) for name in names},
        "configuration": part(spec.get("configuration")),
        "change_time": moment(entry.at),
        "delete_time": moment(entry.at) if gone else None,
    }
