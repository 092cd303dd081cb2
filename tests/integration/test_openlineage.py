"""OpenLineage of what really runs, and lineage pushed into a workspace that keeps what it is told."""

from __future__ import annotations

import contextlib
import io
import json

import pytest
from databricks.sdk.service import catalog as uc
from databricks.sdk.service.sql import ExecuteStatementRequestOnWaitTimeout, StatementState

import genops
from genops.core.operation import ColumnEdge, DatasetEdge, DatasetRef, Facts
from genops.lineage.openlineage import OpenLineage, UnityCatalogLineage
from genops.testing import runtime
from genops.testing.workspace import LocalWorkspace
from support.lineage_schemas import check
from support.records import operation, settled
from support.sdk import workspace_client

PATH = DatasetRef(("s3a://lake/orders",), "path")
SNOW = DatasetRef(("SALES", "PUBLIC", "ORDERS"), "table", "snowflake://acme-eu")


WHO = {"team": "t", "project": "p", "environment": "e"}


@pytest.fixture(scope="module")
def ws():
    """A workspace of this file."""
    with LocalWorkspace(transition_polls=0) as workspace:
        yield workspace


def test_unity_catalog_shows_what_it_was_told_once(ws):
    """A second push, of the same process or of another one, sends nothing or is answered 409, and changes nothing."""
    client = workspace_client(ws)
    host = ws.host.partition("://")[2]
    client.api_client.do(
        "POST",
        "/api/2.1/unity-catalog/tables",
        body={
            "name": "gold",
            "catalog_name": "main",
            "schema_name": "default",
            "table_type": "MANAGED",
            "data_source_format": "DELTA",
            "columns": [{"name": "id", "type_text": "bigint", "type_name": "LONG", "position": 0}],
        },
    )
    gold = DatasetRef(("main", "default", "gold"), "table", host)
    facts = Facts(
        edges=(DatasetEdge(PATH, gold), DatasetEdge(SNOW, gold)),
        columns=(ColumnEdge(SNOW, "ID", gold, "id", "DIRECT:IDENTITY"),),
    )
    record = settled(operation(host=host), facts=facts)
    first, second = UnityCatalogLineage(lambda _: client), UnityCatalogLineage(lambda _: client)
    for sink in (first, first, second):
        sink.write(record)
    assert first.counts == second.counts == (2, 0, 0, 0)
    table = uc.ExternalLineageObject(table=uc.ExternalLineageTable(name="main.default.gold"))
    found = list(client.external_lineage.list_external_lineage_relationships(table, uc.LineageDirection.UPSTREAM))
    by_path = [item for item in found if item.file_info]
    (other,) = [item for item in found if item.external_metadata_info]
    assert [item.file_info.path for item in by_path] == ["s3://lake/orders"]
    assert other.external_metadata_info.system_type == uc.SystemType.SNOWFLAKE
    assert [column.as_dict() for column in other.external_lineage_info.columns] == [{"source": "ID", "target": "id"}]
    asked = [request for request in ws.requests if "lineage-tracking/external" in request.path]
    assert [request.method for request in asked].count("POST") == 6


def test_every_operation_of_a_program_is_a_run(ws, tmp_path):
    """Uploads, statements that succeed, fail or end later, and refusals: valid events, one end a run, no literal."""
    client = workspace_client(ws)
    path = tmp_path / "events.ndjson"
    sink = OpenLineage(str(path), "acme")
    with runtime(sinks=[sink], **WHO) as active:
        genops.instrument("databricks_sdk")
        try:
            with genops.workflow("nightly"):
                run_everything(client)
            assert active.governor.fan_out.drain(20)
        finally:
            genops.uninstrument()
    text = path.read_text()
    events = [json.loads(line) for line in text.splitlines()]
    for event in events:
        check(event)
    assert sink.counts.failed == 0
    assert "hunter2" not in text
    runs: dict[str, list[str]] = {}
    for event in events:
        runs.setdefault(event["run"]["runId"], []).append(event["eventType"])
    assert {kinds[0] for kinds in runs.values()} == {"START"}
    ends = [[kind for kind in kinds if kind in {"COMPLETE", "FAIL", "ABORT"}] for kinds in runs.values()]
    assert all(len(end) == 1 for end in ends)
    assert ["START", "RUNNING", "COMPLETE"] in runs.values()
    assert ["START", "FAIL"] in runs.values()
    parents = {event["run"]["facets"]["parent"]["run"]["runId"] for event in events}
    assert len(parents) == 1
    upload = next(event for event in events if event["job"]["name"].startswith("nightly.volume"))
    assert upload["outputs"][0]["namespace"] == f"unitycatalog://{ws.host.partition('://')[2]}"


def run_everything(client):
    """What a program does in a night."""
    client.volumes.create("main", "default", "landing", uc.VolumeType.MANAGED)
    client.files.upload("/Volumes/main/default/landing/a.csv", io.BytesIO(b"id\n1\n"))
    warehouse = next(iter(client.warehouses.list())).id

    def execute(text, **options):
        return client.statement_execution.execute_statement(text, warehouse, **options)

    execute("CREATE TABLE main.default.people (name STRING)")
    execute("INSERT INTO main.default.people VALUES ('hunter2')")
    execute("SELECT 'hunter2' FROM main.default.nowhere")
    slow = execute(
        "SELECT 'hunter2', count(*) FROM main.default.people",
        wait_timeout="0s",
        on_wait_timeout=ExecuteStatementRequestOnWaitTimeout.CONTINUE,
    )
    while client.statement_execution.get_statement(slow.statement_id).status.state is not StatementState.SUCCEEDED:
        pass
    with contextlib.suppress(Exception):
        client.tables.get("main.default.nowhere")
