"""Lineage pushed into a workspace: the SDK's own client against a workspace that keeps what it is told."""

from __future__ import annotations

import pytest
from databricks.sdk.service import catalog as uc

from genops.core.operation import ColumnEdge, DatasetEdge, DatasetRef, Facts
from genops.lineage.openlineage import UnityCatalogLineage
from genops.testing.workspace import LocalWorkspace
from support.records import operation, settled
from support.sdk import workspace_client

PATH = DatasetRef(("s3a://lake/orders",), "path")
SNOW = DatasetRef(("SALES", "PUBLIC", "ORDERS"), "table", "snowflake://acme-eu")


@pytest.fixture
def ws():
    """A workspace with a table."""
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
