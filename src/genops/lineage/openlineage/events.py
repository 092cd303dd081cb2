"""From records to run events.

=============================================  ==========================================================
record                                         event
=============================================  ==========================================================
`Admitted`, the first of a unit that may run   START
`Admitted` that refuses, later decisions       none: what never began is no run, a decision is no state
`Settled`, ok                                  COMPLETE
`Settled`, ok, its end still to come           RUNNING; facts with a final state bring COMPLETE, FAIL or ABORT
`Settled`, error                               FAIL
`Settled`, cancelled or not executed           ABORT
`Adjusted` that names lineage                  the run's last event again, with that lineage
`Adjusted` of money alone                      none
=============================================  ==========================================================

The specification wants one START and one of COMPLETE, FAIL and ABORT, and lets OTHER add to a run that is complete. But
Marquez takes OTHER for a run that goes on, and OpenMetadata reads COMPLETE only. So lineage that comes late repeats the
event that ended the run, with its time; events accumulate, so that says nothing twice. Where that event is no longer
known (the last 10,000 runs are), OTHER says it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, NamedTuple

from genops.core.operation import NOTHING, Action
from genops.core.records import Admitted, Outcome, Record, Settled
from genops.lineage.openlineage.datasets import MAX_COLUMN_EDGES, Datasets, Schemas, add_statistics, flow
from genops.lineage.openlineage.facets import PRODUCER, RUN_EVENT, Json, facet, tag
from genops.lineage.openlineage.runs import job_name, moment, parent, run_id

if TYPE_CHECKING:
    from genops.core.operation import DatasetRef, Facts, Operation
    from genops.core.records import Adjusted, UnitId

RUNS_KEPT = 10_000
_ENDS = {
    Outcome.OK: "COMPLETE",
    Outcome.ERROR: "FAIL",
    Outcome.CANCELLED: "ABORT",
    Outcome.NOT_EXECUTED: "ABORT",
}
_UNDER_WAY = frozenset({"PENDING", "RUNNING", "QUEUED", "STARTED", "BLOCKED", "WAITING_FOR_RETRY", "TERMINATING"})
_STOPPED = frozenset({"CANCELED", "CANCELLED", "CLOSED", "ABORTED", "SKIPPED"})
_FAILED = frozenset({"FAILED", "TIMEDOUT", "INTERNAL_ERROR", "ERROR", "UPSTREAM_FAILED"})
_CODE = re.compile(r"[A-Za-z_][\w.\-]{0,199}|[0-9A-Z]{5}|[0-9]{3,5}")
_INTEGRATIONS = {"databricks_unity_catalog": "DATABRICKS"}


class _Last(NamedTuple):
    """The event that said last how a run stands."""

    type: str
    time: str


class Events:
    """Makes run events of records. Not safe for threads: one at a time.

    Args:
        namespace: Namespace of jobs.
        schemas: Knows the columns of tables.
        classify: Returns the class of a dataset, or `None`.
        engines: Version of the engine by provider, where it is known; an engine without a version is not stated.
        keyed: Hashes of statements have a key that outlives the process, so that they may tell jobs apart.
    """

    def __init__(
        self,
        namespace: str,
        *,
        schemas: Schemas | None = None,
        classify: Callable[[DatasetRef], str | None] | None = None,
        engines: Mapping[str, str] | None = None,
        keyed: bool = False,
    ) -> None:
        self._namespace = namespace
        self._datasets = Datasets(schemas, classify)
        self._engines = engines or {}
        self._keyed = keyed
        self._last: dict[tuple[int, ...], _Last] = {}

    def of(self, record: Record) -> Json | None:
        """Return the event that a record brings, or `None`."""
        if isinstance(record, Admitted):
            return self._admitted(record)
        return self._settled(record) if isinstance(record, Settled) else self._adjusted(record)

    def _admitted(self, record: Admitted) -> Json | None:
        if record.sequence or record.decision.refuses:
            return None
        return self._event("START", moment(record.at_ns), record.unit, record.operation, NOTHING)

    def _settled(self, record: Settled) -> Json:
        facts = record.facts
        waits = record.outcome is Outcome.OK and facts.late is not None and not facts.late.keep_open
        kind = "RUNNING" if waits else _ENDS[record.outcome]
        last = _Last(kind, moment(record.ended_ns))
        self._keep(record.unit, last)
        return self._event(*last, record.unit, record.operation, facts)

    def _adjusted(self, record: Adjusted) -> Json | None:
        facts = record.facts
        last = self._last.get(record.unit[:2])
        end = _end(facts) if last is not None and last.type == "RUNNING" else None
        if end is not None:
            last = _Last(end, moment(record.at_ns))
            self._keep(record.unit, last)
        elif not (facts.edges or facts.columns):
            return None
        elif last is None:
            last = _Last("OTHER", moment(record.at_ns))
        return self._event(*last, record.unit, record.operation, facts)

    def _keep(self, unit: UnitId, last: _Last) -> None:
        key = unit[:2]
        if key not in self._last and len(self._last) >= RUNS_KEPT:
            del self._last[next(iter(self._last))]
        self._last[key] = last

    def _event(self, kind: str, time: str, unit: UnitId, operation: Operation, facts: Facts) -> Json:
        flows = flow(operation, facts)
        inputs, outputs = self._datasets.inputs(flows), self._datasets.outputs(flows)
        if kind == "COMPLETE":
            add_statistics(operation, facts, inputs, outputs)
        return {
            "eventType": kind,
            "eventTime": time,
            "producer": PRODUCER,
            "schemaURL": RUN_EVENT,
            "run": {"runId": run_id(unit), "facets": self._run_facets(kind, operation, facts)},
            "job": {
                "namespace": self._namespace,
                "name": job_name(operation, self._datasets.named, keyed=self._keyed),
                "facets": _job_facets(operation, facts),
            },
            "inputs": inputs,
            "outputs": outputs,
        }

    def _run_facets(self, kind: str, operation: Operation, facts: Facts) -> Json:
        facets: Json = {}
        around = parent(operation, self._namespace)
        if around is not None:
            facets["parent"] = around
        tags = [tag(field, value) for field, value in operation.attribution.values.items()]
        if (left := len(facts.columns) - MAX_COLUMN_EDGES) > 0:
            tags.append(tag("column_edges_left_out", str(left)))
        if tags:
            facets["tags"] = facet("TagsRunFacet", tags=tags)
        version = self._engines.get(operation.provider)
        if version is not None:
            facets["processing_engine"] = facet("ProcessingEngineRunFacet", name=operation.provider, version=version)
        if kind == "FAIL":
            message = _message(facts)
            facets["errorMessage"] = facet("ErrorMessageRunFacet", message=message, programmingLanguage="PYTHON")
        return facets


def _job_facets(operation: Operation, facts: Facts) -> Json:
    facets: Json = {
        "jobType": facet(
            "JobTypeJobFacet",
            processingType="BATCH",
            integration=_INTEGRATIONS.get(operation.provider, operation.provider.upper()),
            jobType=_job_type(operation),
            emissionPattern={"eventTrigger": "EVENT_BASED", "eventContentMode": "ACCUMULATIVE"},
        )
    }
    # As `sql.text` lets it be said: redacted, absent, or whole where the program asked for `raw`.
    text = facts.attributes.get("db.query.text") or operation.attributes.get("db.query.text")
    if isinstance(text, str) and text:
        dialect = operation.attributes.get("db.system.name") or facts.attributes.get("db.system.name")
        facets["sql"] = facet("SQLJobFacet", query=text, **({"dialect": str(dialect)} if dialect else {}))
    return facets


def _job_type(operation: Operation) -> str:
    if operation.statement is not None or operation.action is Action.QUERY:
        return "QUERY"
    return "COMMAND" if operation.action is Action.ADMIN else "TASK"


def _end(facts: Facts) -> str | None:
    """Return how a run ended by facts that came late; `None` where they do not say that it did."""
    state = (facts.state or "").upper()
    if state in _STOPPED:
        return "ABORT"
    if facts.error_type or facts.error_code or state in _FAILED:
        return "FAIL"
    return "COMPLETE" if state and state not in _UNDER_WAY else None


def _message(facts: Facts) -> str:
    """Return class and code of a failure; what is neither may quote a statement and is left out."""
    known = [code for code in (facts.error_type, facts.error_code) if code and _CODE.fullmatch(code)]
    return ": ".join(dict.fromkeys(known)) or "error"
