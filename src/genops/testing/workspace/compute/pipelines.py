"""Pipelines whose SQL really runs: each update makes their datasets as tables."""

from __future__ import annotations

import threading
import uuid
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from genops.testing.workspace.clock import stamp
from genops.testing.workspace.compute.notebooks import cells_of
from genops.testing.workspace.compute.pipeline_source import (
    STREAMING_TABLE,
    Dataset,
    PipelineError,
    datasets_of,
)
from genops.testing.workspace.compute.shapes import checked_part, items, part
from genops.testing.workspace.http.wire import ApiError, objects_of, unserved
from genops.testing.workspace.sql.sessions import Session

if TYPE_CHECKING:
    from genops.testing.workspace.clock import Clock
    from genops.testing.workspace.compute.tree import TreeService
    from genops.testing.workspace.http.wire import Json
    from genops.testing.workspace.journal import Journal
    from genops.testing.workspace.sql.sessions import Sessions
    from genops.testing.workspace.statements.execution import Statement, Statements
    from genops.testing.workspace.unity.catalog import UnityCatalog

_SELECTIONS = ("refresh_selection", "full_refresh_selection")
ALIVE = ("WAITING_FOR_RESOURCES", "RUNNING")
"""States of an update on the way that reads show, in their order."""
_UNSERVED = ("continuous", "ingestion_definition", "gateway_definition", "filters", "trigger", "restart_window")


@dataclass
class Update:
    """One update of a pipeline; ``polls`` counts the reads that still show a state on the way."""

    id: str
    given: Json
    cause: str
    created: int
    user: str
    polls: dict[str, int]
    state: str = "CREATED"
    error: str = ""
    ended: int = 0
    stopping: bool = False
    current: Statement | None = None
    done: threading.Event = field(default_factory=threading.Event)


@dataclass
class Pipeline:
    """A pipeline, its updates and its events, oldest first."""

    id: str
    spec: Json
    user: str
    modified: int
    updates: list[Update] = field(default_factory=list[Update])
    events: list[Json] = field(default_factory=list["Json"])

    @property
    def state(self) -> str:
        """As the API names it."""
        if not self.updates or self.updates[-1].state in ("COMPLETED", "CANCELED"):
            return "IDLE"
        last = self.updates[-1]
        return "FAILED" if last.state == "FAILED" else "STOPPING" if last.stopping else "RUNNING"


class Updates:
    """Runs updates of pipelines, each in a thread of its own.

    Args:
        statements: Runs the SQL.
        sessions: The sessions that are open.
        tree: Notebooks and files that pipelines name.
        catalog: Learns what kind of table each dataset is.
        clock: Gives the times.
        journal: Is told of updates (``pipeline_update``).
        transition_polls: How many reads show each state on the way.
    """

    def __init__(
        self,
        statements: Statements,
        sessions: Sessions,
        tree: TreeService,
        catalog: UnityCatalog,
        clock: Clock,
        journal: Journal,
        transition_polls: int,
    ) -> None:
        self._statements = statements
        self._sessions = sessions
        self._tree = tree
        self._catalog = catalog
        self._clock = clock
        self._journal = journal
        self._polls = transition_polls

    def start(self, pipeline: Pipeline, given: Json, cause: str, user: str) -> Update:
        """Start an update.

        Raises:
            ApiError: 409 where one is under way; 501 for a validation only.
        """
        if given.get("validate_only"):
            raise unserved("validate_only of an update")
        if pipeline.updates and not pipeline.updates[-1].done.is_set():
            active = pipeline.updates[-1].id
            raise ApiError(
                409, "CONFLICT", f"An active update {active} already exists. Stop the pipeline, or wait for its end."
            )
        polls: dict[str, int] = dict.fromkeys(ALIVE, self._polls)
        update = Update(str(uuid.uuid4()), given, cause, self._clock.millis(), user, polls)
        pipeline.updates.append(update)
        self._event(pipeline, update, "create_update", f"Update {update.id[:6]} started by {cause}.")
        threading.Thread(target=self._run, args=(pipeline, update), name="local-pipeline", daemon=True).start()
        return update

    def stop(self, update: Update) -> None:
        """Stop an update that has not ended."""
        update.stopping = True
        if update.current is not None:
            self._statements.cancel(update.current)

    def _run(self, pipeline: Pipeline, update: Update) -> None:
        self._turn(pipeline, update, "RUNNING")
        try:
            for dataset in self._chosen(pipeline, update):
                self._make(pipeline, update, dataset)
            state = "COMPLETED"
        except (PipelineError, ApiError) as error:
            update.error = error.message if isinstance(error, ApiError) else str(error)
            state = "FAILED"
        except Exception as error:  # a defect of the workspace is a failed update, not one without an end
            update.error, state = f"The local workspace failed: {error!r}", "FAILED"
        if update.stopping:
            state, update.error = "CANCELED", ""
        update.ended = self._clock.millis()
        self._turn(pipeline, update, state)
        update.done.set()

    def _turn(self, pipeline: Pipeline, update: Update, state: str) -> None:
        update.state = state
        level = "ERROR" if state == "FAILED" else "INFO"
        text = f"Update {update.id[:6]} is {state}."
        self._event(pipeline, update, "update_progress", text, level=level, error=update.error)
        self._journal.note(
            "pipeline_update",
            pipeline_id=pipeline.id,
            pipeline_name=pipeline.spec.get("name"),
            update_id=update.id,
            state=state,
            cause=update.cause,
            start_time=update.created,
            end_time=update.ended,
            run_as=update.user,
            tags=dict(pipeline.spec.get("tags") or {}),
            error=update.error,
        )

    def _event(
        self,
        pipeline: Pipeline,
        update: Update,
        kind: str,
        message: str,
        *,
        level: str = "INFO",
        error: str = "",
        **origin: str,
    ) -> None:
        event: Json = {
            "id": str(uuid.uuid4()),
            "event_type": kind,
            "level": level,
            "maturity_level": "STABLE",
            "message": message,
            "timestamp": stamp(self._clock.now()),
            "origin": {
                "pipeline_id": pipeline.id,
                "pipeline_name": pipeline.spec.get("name"),
                "update_id": update.id,
                **origin,
            },
        }
        failure = {"fatal": True, "exceptions": [{"class_name": "PipelineError", "message": error}]}
        pipeline.events.append({**event, "error": failure} if error else event)

    # Datasets

    def _chosen(self, pipeline: Pipeline, update: Update) -> list[Dataset]:
        configuration = {key: str(value) for key, value in part(pipeline.spec.get("configuration")).items()}
        datasets = datasets_of(self._texts(pipeline), configuration)
        given = update.given
        wanted = {str(name) for key in _SELECTIONS for name in items(given.get(key))}
        unknown = wanted - {dataset.name for dataset in datasets}
        if unknown:
            raise PipelineError(f"The pipeline has no dataset {min(unknown)}")
        return [dataset for dataset in datasets if not wanted or dataset.name in wanted]

    def _texts(self, pipeline: Pipeline) -> list[str]:
        texts: list[str] = []
        for library in pipeline.spec["libraries"]:
            if library.get("file"):
                texts.append(self._tree.text(str(library["file"].get("path")), pipeline.user))
                continue
            notebook = self._tree.notebook(str(library["notebook"].get("path")), pipeline.user)
            for cell in cells_of(notebook.source, notebook.language):
                if cell.language not in ("sql", "md"):
                    raise PipelineError(
                        "[UNSUPPORTED_BY_LOCAL_WORKSPACE] The local workspace runs SQL in pipelines only; "
                        f"{library['notebook']['path']} has a cell in {cell.language}"
                    )
                texts += [cell.text] if cell.language == "sql" else []
        return texts

    def _make(self, pipeline: Pipeline, update: Update, dataset: Dataset) -> None:
        spec = pipeline.spec
        catalog, schema = str(spec["catalog"]), str(spec.get("schema") or spec.get("target"))
        name = ".".join([*[catalog, schema][: 2 - dataset.name.count(".")], dataset.name])
        known = self._catalog.tables.get(name.lower())
        if known is not None:
            _check_replaceable(update, dataset, name, str(known["table_type"]))
            # Only a table can be replaced by a table; it is what it was again below.
            known["table_type"] = "MANAGED"
        error = self._execute(pipeline, update, dataset.statement, Session(catalog, schema, update.user, holders=1))
        made = self._catalog.tables.get(name.lower())
        if made is not None:
            made["table_type"] = dataset.kind
        if error or update.stopping:
            raise PipelineError(error or "The update was stopped")
        text = f"Flow '{name}' has COMPLETED."
        self._event(pipeline, update, "flow_progress", text, dataset_name=name, flow_name=name)

    def _execute(self, pipeline: Pipeline, update: Update, text: str, session: Session) -> str:
        """Run a statement of an update: its error, empty for none."""
        self._sessions.open(session)
        try:
            request = {"statement": text, "warehouse_id": "", "cluster_id": "", "session_id": session.id}
            source = {"client": "Databricks Pipelines", "dlt_pipeline_id": pipeline.id, "dlt_update_id": update.id}
            statement = update.current = self._statements.submit(request, source, user=update.user)
            if update.stopping:
                self._statements.cancel(statement)
            statement.done.wait()
        finally:
            update.current = None
            self._sessions.close(session.id)
        return statement.error.message if statement.error else ""


def _check_replaceable(update: Update, dataset: Dataset, name: str, kind: str) -> None:
    if kind != dataset.kind:
        raise PipelineError(f"Cannot make {name}, because a {kind} of this name exists that no pipeline made")
    if kind == STREAMING_TABLE and not _is_full(update, dataset):
        raise PipelineError(
            f"[UNSUPPORTED_BY_LOCAL_WORKSPACE] The local workspace cannot add to the streaming table {name} what "
            "is new in its sources; make it again with full_refresh"
        )


def _is_full(update: Update, dataset: Dataset) -> bool:
    return bool(update.given.get("full_refresh")) or dataset.name in items(update.given.get("full_refresh_selection"))


def checked_pipeline(given: Json) -> Json:
    """Settings of a pipeline that can run here.

    Raises:
        ApiError: 501 for libraries that are no SQL notebook or file, and for kinds of pipelines that nothing here
            runs; 400 for what is missing.
    """
    spec = {key: value for key, value in given.items() if value is not None and key not in _REQUEST_ONLY}
    for name in _UNSERVED:
        if spec.get(name):
            raise unserved(f"{name} of a pipeline")
    libraries = objects_of(spec.get("libraries"), "libraries")
    for library in libraries:
        if not isinstance(part(library.get("notebook") or library.get("file")).get("path"), str):
            raise unserved(f"A library of a pipeline that is no notebook and no file: {', '.join(library)}")
    checked_part(spec.get("configuration"), "configuration")
    checked_part(spec.get("tags"), "tags")
    if not spec.get("catalog") or not (spec.get("schema") or spec.get("target")):
        raise unserved("A pipeline without catalog and schema, which writes to the Hive metastore,")
    return {
        "continuous": False,
        "development": False,
        "channel": "CURRENT",
        "edition": "ADVANCED",
        **spec,
        "libraries": libraries,
    }


_REQUEST_ONLY = ("allow_duplicate_names", "dry_run", "expected_last_modified", "run_as", "pipeline_id")
