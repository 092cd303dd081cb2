"""Jobs, notebooks and saved queries of a local workspace, through the real SDK."""

from __future__ import annotations

import base64
from typing import Any

from databricks.sdk.service import jobs, sql, workspace

from support.polling import eventually

OVER = jobs.RunLifecycleStateV2State.TERMINATED


def saved_query(w: Any, warehouse_id: str, text: str, **fields: Any) -> str:
    """The id of a new saved query."""
    request = sql.CreateQueryRequestQuery(display_name="q", query_text=text, warehouse_id=warehouse_id, **fields)
    return w.queries.create(query=request).id


def sql_task(
    w: Any, ws: Any, key: str, text: str, *before: str, parameters: dict[str, str] | None = None, **rest: Any
) -> jobs.Task:
    """A SQL task with a saved query of its own, after others."""
    query = jobs.SqlTaskQuery(query_id=saved_query(w, ws.warehouse_id, text))
    return jobs.Task(
        task_key=key,
        depends_on=[jobs.TaskDependency(task_key=name) for name in before] or None,
        sql_task=jobs.SqlTask(warehouse_id=ws.warehouse_id, query=query, parameters=parameters),
        **rest,
    )


def notebook(w: Any, path: str, source: str, language: str = "SQL") -> str:
    """The path of an imported notebook."""
    w.workspace.mkdirs(path.rsplit("/", 1)[0])
    w.workspace.import_(
        path,
        content=base64.b64encode(source.encode()).decode(),
        format=workspace.ImportFormat.SOURCE,
        language=workspace.Language[language],
        overwrite=True,
    )
    return path


def notebook_task(key: str, path: str, **rest: Any) -> jobs.Task:
    """A notebook task on serverless compute."""
    given = {name: rest.pop(name) for name in ("base_parameters", "warehouse_id") if name in rest}
    return jobs.Task(task_key=key, notebook_task=jobs.NotebookTask(notebook_path=path, **given), **rest)


def after(*keys: str, outcome: str | None = None) -> list[jobs.TaskDependency]:
    """Dependencies on tasks."""
    return [jobs.TaskDependency(task_key=key, outcome=outcome) for key in keys]


def finished(w: Any, run_id: int, **how: Any) -> jobs.Run:
    """A run once it is over."""
    found: list[jobs.Run] = []

    def over() -> bool:
        found[:] = [w.jobs.get_run(run_id, **how)]
        return found[0].status.state is OVER

    eventually(over)
    return found[0]


def ran(w: Any, tasks: list[jobs.Task], *, given: dict[str, Any] | None = None, **settings: Any) -> jobs.Run:
    """The finished run of a new job."""
    job = w.jobs.create(name="etl", tasks=tasks, **settings)
    return finished(w, w.jobs.run_now(job.job_id, **(given or {})).response.run_id)


def results(run: jobs.Run) -> dict[str, str]:
    """The result of the last attempt at each task."""
    return {task.task_key: task.state.result_state.value for task in run.tasks}
