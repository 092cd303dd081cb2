"""Dynamic value references: ``{{job.id}}``, ``{{tasks.load.result_state}}`` and their like in settings of tasks."""

from __future__ import annotations

import json
import re
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

from genops.testing.workspace.compute.shapes import part
from genops.testing.workspace.http.wire import invalid

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from genops.testing.workspace.compute.runs import JobRun, TaskRun

_REFERENCE = re.compile(r"\{\{\s*([^{}]+?)\s*\}\}")
_NAME = re.compile(r"`([^`]*)`|([^.`]+)")
_TIMES: dict[str, Callable[[datetime], object]] = {
    "iso_weekday": lambda at: at.isoweekday(),
    "is_weekday": lambda at: str(at.isoweekday() < 6).lower(),  # noqa: PLR2004 - Saturday is day 6
    "iso_date": lambda at: at.strftime("%Y-%m-%d"),
    "iso_datetime": lambda at: at.strftime("%Y-%m-%dT%H:%M:%S"),
    "year": lambda at: at.year,
    "month": lambda at: at.month,
    "day": lambda at: at.day,
    "hour": lambda at: at.hour,
    "minute": lambda at: at.minute,
    "second": lambda at: at.second,
    "timestamp_ms": lambda at: int(at.timestamp() * 1000),
}
# What each namespace knows; a name that ends with a dot takes further parts.
_KNOWN = {
    "job": ("id", "name", "run_id", "repair_count", "trigger.type", "parameters.", "start_time.", "trigger.time."),
    "task": ("name", "run_id", "execution_count", "notebook_path"),
    "workspace": ("id", "url"),
}
_OF_TASKS = ("run_id", "result_state", "error_code", "execution_count", "notebook_path", "values.", "output.")
# The names that references had at first, still taken.
_OLD = {
    "job_id": "job.id",
    "run_id": "task.run_id",
    "parent_run_id": "job.run_id",
    "task_key": "task.name",
    "start_date": "job.start_time.iso_date",
    "start_time": "job.start_time.timestamp_ms",
}


def resolved(value: Any, lookup: Callable[[str], str | None]) -> Any:
    """A setting with its references replaced; one that ``lookup`` does not know stays as it is written.

    >>> resolved({"p": "job_{{ job.id }}", "q": "{{other}}"}, {"job.id": "7"}.get)
    {'p': 'job_7', 'q': '{{other}}'}
    """
    if isinstance(value, str):
        return _REFERENCE.sub(lambda match: _kept(lookup(match[1]), match[0]), value)
    if isinstance(value, list):
        return [resolved(item, lookup) for item in value]  # pyright: ignore[reportUnknownVariableType] - a value of JSON, of any type
    if isinstance(value, dict):
        return {key: resolved(item, lookup) for key, item in value.items()}  # pyright: ignore[reportUnknownVariableType] - a value of JSON, of any type
    return value


def _kept(found: str | None, written: str) -> str:
    return written if found is None else found


def check_references(value: Any) -> None:
    """Refuse references to what a known namespace does not have.

    Raises:
        ApiError: 400, as ``{{job.naem}}``.
    """
    for text in _texts(value):
        for name in _REFERENCE.findall(text):
            root, _, rest = name.partition(".")
            known = _OF_TASKS if root == "tasks" else _KNOWN.get(root)
            rest = ".".join(_parts(name)[2:]) if root == "tasks" else rest
            if known and not any(rest == item or (item.endswith(".") and rest.startswith(item)) for item in known):
                raise invalid(f"Invalid dynamic value reference {{{{{name}}}}}: {root} has {', '.join(known)}")


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, (list, dict)):
        for item in value.values() if isinstance(value, dict) else value:  # pyright: ignore[reportUnknownVariableType] - a value of JSON, of any type
            yield from _texts(item)


def _parts(name: str) -> list[str]:
    return [quoted or plain for quoted, plain in _NAME.findall(name)]


def lookup_in(run: JobRun, task: TaskRun | None, place: dict[str, str]) -> Callable[[str], str | None]:
    """What references mean in a run.

    Args:
        run: The run of the job.
        task: The task whose settings they stand in; ``None`` for parameters of the job.
        place: ``workspace.id`` and ``workspace.url``.
    """

    def lookup(name: str) -> str | None:
        parts = _parts(_OLD.get(name, name))
        root, rest = parts[0], parts[1:]
        if root == "job" and rest:
            return _of_job(run, rest)
        if root == "tasks" and len(rest) > 1:
            found = run.latest(rest[0])
            return _of_task(found, rest[1:]) if found else None
        if root == "input" and task is not None:
            return _of_input(task.input, rest)
        if root == "task" and task is not None and rest:
            return task.key if rest == ["name"] else _of_task(task, rest)
        return place.get(name)

    return lookup


def _of_job(run: JobRun, path: list[str]) -> str | None:
    if path[0] == "parameters":
        return run.parameters.get(".".join(path[1:]))
    if path[0] == "start_time" or path[:2] == ["trigger", "time"]:
        form = _TIMES.get(path[-1])
        return str(form(datetime.fromtimestamp(run.created / 1000, timezone.utc))) if form else None
    facts = {
        "id": run.job_id or "",
        "name": run.name,
        "run_id": run.run_id,
        "repair_count": len(run.repairs),
        "trigger.type": run.trigger.lower(),
    }
    return _text(facts.get(".".join(path)))


def _of_task(task: TaskRun, path: list[str]) -> str | None:
    if path[0] == "values":
        return _text(task.values.get(".".join(path[1:])))
    if path[0] == "output":
        return _of_output(task, path[1:])
    facts = {
        "run_id": task.run_id,
        "result_state": task.result.lower(),
        "error_code": task.code,
        "execution_count": task.attempt + 1,
        "notebook_path": part(task.task.get("notebook_task")).get("notebook_path"),
    }
    return _text(facts.get(path[0]))


def _of_output(task: TaskRun, path: list[str]) -> str | None:
    if not path or path[0] not in ("rows", "first_row"):
        return None
    found: Any = task.rows if path[0] == "rows" else (task.rows or [None])[0]
    if path[1:] and isinstance(found, dict):
        found = found.get(".".join(path[1:]))  # pyright: ignore[reportUnknownVariableType, reportUnknownMemberType] - a value of JSON, of any type
    return _text(found)


def _of_input(given: Any, path: list[str]) -> str | None:
    for key in path:
        given = given.get(key) if isinstance(given, dict) else None  # pyright: ignore[reportUnknownVariableType, reportUnknownMemberType] - a value of JSON, of any type
    return _text(given)


def _text(value: Any) -> str | None:
    return value if value is None or isinstance(value, str) else json.dumps(value)
