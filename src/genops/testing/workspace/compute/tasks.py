"""What each kind of task does."""

from __future__ import annotations

import json
import operator
import re
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from genops.testing.workspace.compute.notebooks import (
    Bookkeeping,
    UnsupportedCellError,
    cells_of,
    check_cells,
    keep_books,
    with_widgets,
)
from genops.testing.workspace.compute.runs import JobRun, TaskRun, split_statements
from genops.testing.workspace.compute.shapes import part
from genops.testing.workspace.sql.sessions import Session

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

    from genops.testing.workspace.compute.access import Access
    from genops.testing.workspace.compute.clusters import ClusterService
    from genops.testing.workspace.compute.queries import QueryService
    from genops.testing.workspace.compute.tree import TreeService
    from genops.testing.workspace.http.wire import Json
    from genops.testing.workspace.sql.sessions import Sessions
    from genops.testing.workspace.statements.execution import Statement, Statements

ROWS_LIMIT, BYTES_LIMIT = 1_000, 48 * 1024
"""How much of a SQL task's result references see [docs.databricks.com, dynamic value references]."""
DEEPEST = 3
"""Jobs that may start each other in a row [docs.databricks.com, run job task]."""
_NOTEBOOK_FAILED = "Workload failed, see run output for details"
_ORDERS: dict[str, Callable[[float, float], bool]] = {
    "GREATER_THAN": operator.gt,
    "GREATER_THAN_OR_EQUAL": operator.ge,
    "LESS_THAN": operator.lt,
    "LESS_THAN_OR_EQUAL": operator.le,
}


class TaskFailedError(Exception):
    """A task that ends FAILED; ``error`` is what its output says, where that is more than the message."""

    def __init__(self, message: str, error: str = "", code: str = "RUN_EXECUTION_ERROR") -> None:
        super().__init__(message)
        self.message = message
        self.error = error or message
        self.code = code


class TaskCanceledError(Exception):
    """A task that was stopped."""


class Starter(Protocol):
    """Starts what a task may start besides statements."""

    def child(self, job_id: Any, parameters: Json, parent: JobRun) -> JobRun:
        """Start a run of another job."""
        ...

    def update(self, pipeline_id: str, given: Json, user: str) -> tuple[str, Callable[[], None], Callable[[], str]]:
        """Start an update of a pipeline: its id, what stops it, and what waits for its error, empty for none."""
        ...

    def task_run_id(self) -> int:
        """An id for one more run of a task."""
        ...


@dataclass
class Workplace:
    """What tasks work with."""

    statements: Statements
    sessions: Sessions
    queries: QueryService
    tree: TreeService
    clusters: ClusterService
    default: Session
    starter: Starter
    access: Access


def run_task(place: Workplace, run: JobRun, task: TaskRun, each: Callable[[TaskRun], None]) -> None:
    """Do what a task says.

    Args:
        place: What it works with.
        run: Its run.
        task: The task, with its references resolved.
        each: Runs one iteration of a for-each task to its end.

    Raises:
        TaskFailedError: It failed.
        TaskCanceledError: It was stopped.
    """
    if "for_each_task" in task.task:
        _for_each(place, task, each)
        return
    kind = next(kind for kind in _KINDS if task.task.get(kind))
    _KINDS[kind](place, run, task)


def _sql(place: Workplace, run: JobRun, task: TaskRun) -> None:
    sql: Json = task.task["sql_task"]
    values: dict[str, str] = {**part(sql.get("parameters")), **part(run.overriding.get("sql_params")), **run.parameters}
    text, where = _text_of(place, sql, run.run_as)
    query = {"sql_query_id": sql["query"]["query_id"]} if sql.get("query") else {}
    source = {"client": "Databricks Workflows", **query}
    task.query = text
    with _session(place, run, str(sql["warehouse_id"]), **where) as session:
        for piece in split_statements(text):
            written = re.sub(r"\{\{\s*(\w+)\s*\}\}", lambda match: values.get(match[1], match[0]), piece)
            last = _statement(place, run, task, session, written, values, source)
            task.rows = _rows(last)


def _text_of(place: Workplace, sql: Json, user: str) -> tuple[str, dict[str, str]]:
    """A SQL task's text, and the catalog and schema that it runs in."""
    if sql.get("query"):
        query = place.queries.get(str(sql["query"].get("query_id")))
        place.access.need(user, "run", "queries", query["id"])
        return str(query["query_text"]), {key: query[key] for key in ("catalog", "schema") if query.get(key)}
    return place.tree.text(str(sql["file"].get("path")), user), {}


def _notebook(place: Workplace, run: JobRun, task: TaskRun) -> None:
    given: Json = task.task["notebook_task"]
    notebook = place.tree.notebook(str(given["notebook_path"]), run.run_as)
    cells = cells_of(notebook.source, notebook.language)
    try:
        check_cells(cells)
    except UnsupportedCellError as error:
        raise TaskFailedError(_NOTEBOOK_FAILED, str(error)) from error
    overriding = part(run.overriding.get("notebook_params"))
    values: dict[str, str] = {**part(given.get("base_parameters")), **overriding, **run.parameters}
    books = Bookkeeping()
    source = {"client": "Databricks Notebook", "notebook_id": str(notebook.identifier)}
    with _session(place, run, str(given.get("warehouse_id") or "")) as session:
        for cell in cells:
            if cell.language.startswith("md") or keep_books(cell, books):
                task.values.update(books.values)
                task.exit = books.exit
                if books.exit is not None:
                    return
                continue
            known = {**books.defaults, **values}
            for piece in split_statements(with_widgets(cell.text, known)):
                try:
                    task.rows = _rows(_statement(place, run, task, session, piece, known, source))
                except TaskFailedError as error:
                    raise TaskFailedError(_NOTEBOOK_FAILED, error.error) from error


@contextmanager
def _session(place: Workplace, run: JobRun, warehouse_id: str, **where: str) -> Generator[Session]:
    session = Session(
        where.get("catalog") or place.default.catalog,
        where.get("schema") or place.default.schema,
        run.run_as,
        warehouse_id=warehouse_id,
        holders=1,
    )
    if warehouse_id:
        place.access.need(run.run_as, "use", "warehouses", warehouse_id)
    place.sessions.open(session)
    try:
        yield session
    finally:
        place.sessions.close(session.id)


def _statement(
    place: Workplace, run: JobRun, task: TaskRun, session: Session, text: str, values: dict[str, str], source: Json
) -> Statement:
    """Run one statement of a task to its end."""
    names = sorted({name for name in re.findall(r"(?<!:):([A-Za-z_]\w*)", text) if name in values})
    request: Json = {
        "statement": text,
        "warehouse_id": session.warehouse_id,
        "cluster_id": "" if session.warehouse_id else task.cluster_id,
        "session_id": session.id,
        "parameters": [{"name": name, "value": values[name], "type": "STRING"} for name in names],
    }
    job = {"job_id": str(run.job_id or ""), "job_run_id": str(run.run_id), "job_task_run_id": str(task.run_id)}
    if request["cluster_id"]:
        # Whoever listens to the end of statements takes it back.
        place.clusters.occupy(request["cluster_id"])
    statement = place.statements.submit(request, {**source, "job_info": job}, user=run.run_as)
    task.statements.append(statement.id)
    run.interrupt = lambda: place.statements.cancel(statement)
    if run.cancelled or task.timed_out or run.timed_out:
        run.interrupt()
    statement.done.wait()
    run.interrupt = None
    if statement.state == "CANCELED":
        raise TaskCanceledError
    if statement.error:
        raise TaskFailedError(statement.error.message)
    return statement


def _rows(statement: Statement) -> list[Json]:
    """The first rows of a result, as objects; a statement that gives none has none."""
    results = statement.results
    names = [str(column["name"]) for column in results.columns]
    found: list[Json] = []
    size = 0
    for index in range(len(results.chunks)):
        for row in results.text_rows(index):
            item = dict(zip(names, row, strict=True))
            size += len(json.dumps(item))
            if len(found) >= ROWS_LIMIT or size > BYTES_LIMIT:
                return found
            found.append(item)
    return found


def _condition(_: Workplace, __: JobRun, task: TaskRun) -> None:
    given: Json = task.task["condition_task"]
    left, right, name = str(given["left"]), str(given["right"]), str(given["op"])
    if name in ("EQUAL_TO", "NOT_EQUAL"):
        held = (left == right) is (name == "EQUAL_TO")
    else:
        try:
            held = _ORDERS[name](float(left), float(right))
        except ValueError as error:
            raise TaskFailedError(f"{name} compares numbers, not {left!r} and {right!r}") from error
    task.outcome = str(held).lower()


def _run_job(place: Workplace, run: JobRun, task: TaskRun) -> None:
    given: Json = task.task["run_job_task"]
    if run.depth >= DEEPEST:
        raise TaskFailedError(f"Jobs that run jobs may not be nested more than {DEEPEST} deep")
    child = place.starter.child(given["job_id"], {**part(given.get("job_parameters")), **run.parameters}, run)
    task.child = run.child = child
    if run.cancelled or task.timed_out or run.timed_out:
        run.stop()
    child.done.wait()
    run.child = None
    if child.result == "CANCELED" and (run.cancelled or task.timed_out or run.timed_out):
        raise TaskCanceledError
    if not child.result.startswith("SUCCESS"):
        raise TaskFailedError(f"Run {child.run_id} of job {child.job_id} failed with message: {child.message}")


def _pipeline(place: Workplace, run: JobRun, task: TaskRun) -> None:
    given: Json = task.task["pipeline_task"]
    task.update, stop, wait = place.starter.update(str(given["pipeline_id"]), given, run.run_as)
    run.interrupt = stop
    if run.cancelled or task.timed_out or run.timed_out:
        stop()
    error = wait()
    run.interrupt = None
    if run.cancelled or task.timed_out or run.timed_out:
        raise TaskCanceledError
    if error:
        raise TaskFailedError(error)


def _for_each(place: Workplace, task: TaskRun, each: Callable[[TaskRun], None]) -> None:
    """Run the nested task for each input, one after another."""
    loop: Json = task.task["for_each_task"]
    try:
        inputs: Any = json.loads(loop["inputs"])
    except ValueError as error:
        raise TaskFailedError(f"The inputs of a for_each_task must be a JSON array: {loop['inputs']}") from error
    if not isinstance(inputs, list):
        raise TaskFailedError(f"The inputs of a for_each_task must be a JSON array: {loop['inputs']}")
    nested: list[TaskRun] = [
        TaskRun({**loop["task"], "task_key": f"{task.key}_iteration"}, place.starter.task_run_id(), input=value)
        for value in inputs  # pyright: ignore[reportUnknownVariableType] - a value of JSON, of any type
    ]
    task.iterations = nested
    for iteration in nested:
        each(iteration)
        if task.timed_out:
            raise TaskCanceledError
    failed = next((iteration for iteration in nested if iteration.result not in ("SUCCESS", "")), None)
    if failed is not None and failed.result in ("CANCELED", "TIMEDOUT"):
        raise TaskCanceledError
    if failed is not None:
        raise TaskFailedError(f"An iteration failed with message: {failed.message}", failed.error)


_KINDS: dict[str, Callable[[Workplace, JobRun, TaskRun], None]] = {
    "sql_task": _sql,
    "notebook_task": _notebook,
    "condition_task": _condition,
    "run_job_task": _run_job,
    "pipeline_task": _pipeline,
}
