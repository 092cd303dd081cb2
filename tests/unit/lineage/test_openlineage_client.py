"""The reference client sends the same facts to the same receiver, and the two agree."""

from __future__ import annotations

import pytest

pytest.importorskip("openlineage.client", reason="the reference client (openlineage-python) is not installed")

from openlineage.client import OpenLineageClient, event_v2
from openlineage.client.facet_v2 import (
    column_lineage_dataset,
    error_message_run,
    job_type_job,
    output_statistics_output_dataset,
    parent_run,
    processing_engine_run,
    schema_dataset,
    sql_job,
    symlinks_dataset,
    tags_dataset,
    tags_run,
)
from openlineage.client.transport.http import ApiKeyTokenProvider, HttpCompression, HttpConfig, HttpTransport

from genops.core.containers import Container
from genops.core.operation import Action, ColumnEdge, DatasetRef, Facts, Statement
from genops.core.records import Outcome
from genops.lineage.openlineage import OpenLineage
from genops.lineage.openlineage.runs import run_id
from support.lineage_receiver import receiving
from support.lineage_schemas import check
from support.records import UNIT, admitted, operation, settled

HOST = "acme.cloud.databricks.com"
UC = f"unitycatalog://{HOST}"
ORDERS, GOLD = (DatasetRef(("main", "sales", name), "table", HOST) for name in ("orders", "gold"))
VOLUME = DatasetRef(("main", "raw", "landing"), "volume", HOST)
OUTER = Container("all", operation("workflow.run"), None, "0123456789abcdef0123456789abcdef")
INNER = Container("nightly", operation("workflow.run"), OUTER, "00000000-0000-4000-8000-000000000001")
WHAT = operation(
    "statement.execute",
    action=Action.WRITE,
    container=INNER,
    statement=Statement("INSERT", 40, "ab12"),
    attributes={"db.query.text": "INSERT INTO gold SELECT ?", "db.system.name": "databricks"},
)
FACTS = Facts(
    rows=7,
    reads=(ORDERS, VOLUME),
    writes=(GOLD,),
    columns=(
        ColumnEdge(ORDERS, "id", GOLD, "id", "DIRECT:IDENTITY"),
        ColumnEdge(ORDERS, "email", GOLD, "who", "DIRECT:TRANSFORMATION:MASKING"),
        ColumnEdge(ORDERS, "day", GOLD, "", "INDIRECT:FILTER"),
    ),
)


class OneSchema:
    def columns(self, dataset):
        return ("id", "who") if dataset == GOLD else None


def ours(url):
    """Send the three events by our sink."""
    sink = OpenLineage(
        url,
        "acme",
        key="k",
        compress=True,
        schemas=OneSchema(),
        classify=lambda ref: "restricted" if ref == ORDERS else None,
        engines={"databricks_unity_catalog": "17.3"},
    )
    sink.write(admitted(WHAT))
    sink.write(settled(WHAT, facts=FACTS))
    sink.write(settled(WHAT, facts=Facts(error_type="NotFound", error_code="42P01"), outcome=Outcome.ERROR))
    assert sink.counts.delivered == 3


def theirs(url):
    """Send the same by the reference client."""
    config = HttpConfig(url=url, auth=ApiKeyTokenProvider({"apiKey": "k"}), compression=HttpCompression.GZIP)
    client = OpenLineageClient(transport=HttpTransport(config))
    client.emit(event(event_v2.RunState.START, "2023-11-14T22:13:20.000000Z"))
    client.emit(event(event_v2.RunState.COMPLETE, "2023-11-14T22:13:20.250000Z", *datasets()))
    message = error_message_run.ErrorMessageRunFacet(message="NotFound: 42P01", programmingLanguage="PYTHON")
    failed = event(event_v2.RunState.FAIL, "2023-11-14T22:13:20.250000Z")
    failed.run.facets["errorMessage"] = message
    client.emit(failed)
    client.close()


def event(kind, time, inputs=(), outputs=()):
    """An event of the unit by the client's own classes."""
    parent = parent_run.ParentRunFacet(
        run=parent_run.Run(INNER.id),
        job=parent_run.Job("acme", "all.nightly"),
        root=parent_run.Root(
            parent_run.RootRun("01234567-89ab-cdef-0123-456789abcdef"), parent_run.RootJob("acme", "all")
        ),
    )
    who = [("team", "data-eng"), ("project", "flights"), ("environment", "test")]
    run = {
        "parent": parent,
        "tags": tags_run.TagsRunFacet([tags_run.TagsRunFacetFields(key, value, "genops") for key, value in who]),
        "processing_engine": processing_engine_run.ProcessingEngineRunFacet("17.3", "databricks_unity_catalog"),
    }
    job = {
        "jobType": job_type_job.JobTypeJobFacet(
            "BATCH", "DATABRICKS", "QUERY", job_type_job.EmissionPattern("EVENT_BASED", "ACCUMULATIVE")
        ),
        "sql": sql_job.SQLJobFacet("INSERT INTO gold SELECT ?", "databricks"),
    }
    return event_v2.RunEvent(
        eventTime=time,
        eventType=kind,
        producer="https://example.com/other",
        run=event_v2.Run(run_id(UNIT), run),
        job=event_v2.Job("acme", "all.nightly.statement.execute.insert", job),
        inputs=list(inputs),
        outputs=list(outputs),
    )


def datasets():
    """Inputs and outputs by the client's own classes."""
    link = symlinks_dataset.Identifier(f"dbfs://{HOST}", "/Volumes/main/raw/landing", "LOCATION")
    inputs = [
        event_v2.InputDataset(
            UC,
            "main.sales.orders",
            facets={
                "tags": tags_dataset.TagsDatasetFacet(
                    [tags_dataset.TagsDatasetFacetFields("classification", "restricted", "genops")]
                )
            },
        ),
        event_v2.InputDataset(
            UC, "main.raw.landing", facets={"symlinks": symlinks_dataset.SymlinksDatasetFacet([link])}
        ),
    ]
    columns = column_lineage_dataset.ColumnLineageDatasetFacet(
        fields={
            "id": column_lineage_dataset.Fields([source("id", "DIRECT", "IDENTITY")]),
            "who": column_lineage_dataset.Fields([source("email", "DIRECT", "TRANSFORMATION", masking=True)]),
        },
        dataset=[source("day", "INDIRECT", "FILTER")],
    )
    fields = [schema_dataset.SchemaDatasetFacetFields("id"), schema_dataset.SchemaDatasetFacetFields("who")]
    written = event_v2.OutputDataset(
        UC,
        "main.sales.gold",
        facets={"schema": schema_dataset.SchemaDatasetFacet(fields), "columnLineage": columns},
        outputFacets={
            "outputStatistics": output_statistics_output_dataset.OutputStatisticsOutputDatasetFacet(rowCount=7)
        },
    )
    return inputs, [written]


def source(field, kind, subtype, *, masking=False):
    """One column of the orders."""
    how = column_lineage_dataset.Transformation(type=kind, subtype=subtype, masking=masking)
    return column_lineage_dataset.InputField(UC, "main.sales.orders", field, [how])


def normal(value):
    """What is said, without who says it, the client's tag on itself, and what is empty."""
    if isinstance(value, list):
        return [normal(each) for each in value if "OPENLINEAGE_CLIENT" not in str(each)]
    if not isinstance(value, dict):
        return value
    kept = {key: normal(each) for key, each in value.items() if key not in {"_producer", "producer", "schemaURL"}}
    return {key: each for key, each in kept.items() if each is not None and each not in ([], {})}


def test_the_reference_client_says_the_same():
    """START, COMPLETE and FAIL with every facet are equal but for the producer; so are path, key and schemas."""
    with receiving() as receiver:
        ours(receiver.url)
        own = receiver.posts[:]
        theirs(receiver.url)
        reference = receiver.posts[len(own) :]
    assert [post.event["eventType"] for post in own] == ["START", "COMPLETE", "FAIL"]
    for mine, other in zip(own, reference, strict=True):
        check(other.event)
        assert normal(mine.event) == normal(other.event)
        assert mine.event["schemaURL"] == other.event["schemaURL"]
        assert mine.path == other.path
        for header in ("authorization", "content-encoding", "content-type"):
            assert mine.headers[header] == other.headers[header]
