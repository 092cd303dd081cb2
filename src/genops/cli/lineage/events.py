"""Statements as OpenLineage's JobEvents: what flows by design, without a run, one event a statement."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING

from genops.core.operation import DatasetRef, Place
from genops.lineage.openlineage.datasets import MAX_COLUMN_EDGES, Datasets, Flow
from genops.lineage.openlineage.facets import PRODUCER, Json, facet
from genops.lineage.openlineage.runs import moment
from genops.lineage.sql.redaction import redact
from genops.lineage.sql.telling import TEXT, Telling, told

if TYPE_CHECKING:
    from genops.cli.lineage.scripts import Outcome, Read
    from genops.lineage.sql.schema import SchemaProvider

NAMESPACE = "genops"
"""Of the jobs."""
_EVENT = "https://openlineage.io/spec/2-0-2/OpenLineage.json#/$defs/JobEvent"


class _Columns:
    """Tells the columns of datasets by the names of their tables."""

    def __init__(self, schema: SchemaProvider) -> None:
        self._schema = schema

    def columns(self, dataset: DatasetRef) -> tuple[str, ...] | None:
        return self._schema.columns(dataset.parts)


def lines(outcome: Outcome) -> Iterator[str]:
    """Yield an event a line.

    A job is called after its file and the statement's number in it. Datasets have the namespace `unresolved`, because a
    file does not say on which host its names mean something; files in a store have that of the store.
    """
    datasets = Datasets(_Columns(outcome.schema))
    now = moment(time.time_ns())
    for read in outcome.statements:
        yield json.dumps(_event(read, datasets, now), ensure_ascii=False)


def _event(read: Read, datasets: Datasets, now: str) -> Json:
    reading = told((read.found,), read.text, redact(read.text, read.dialect), Place(read.dialect), Telling.REDACTED)
    flow = Flow(reading.reads, reading.writes, reading.facts.columns[:MAX_COLUMN_EDGES])
    facets: Json = {
        "jobType": facet("JobTypeJobFacet", processingType="BATCH", integration=read.dialect.upper(), jobType="QUERY")
    }
    text = reading.facts.attributes.get(TEXT)
    if isinstance(text, str) and text:
        facets["sql"] = facet("SQLJobFacet", query=text, dialect=read.dialect)
    return {
        "eventTime": now,
        "producer": PRODUCER,
        "schemaURL": _EVENT,
        "job": {"namespace": NAMESPACE, "name": f"{read.file}#{read.found.index}", "facets": facets},
        "inputs": datasets.inputs(flow),
        "outputs": datasets.outputs(flow),
    }
