"""Arguments for the methods of tables that the platform fills: online tables, synced tables, vector indexes."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from databricks.sdk.service import catalog as uc
from databricks.sdk.service import database, vectorsearch

if TYPE_CHECKING:
    from databricks.sdk import WorkspaceClient

    from genops.testing.workspace import LocalWorkspace

SOURCE = "main.default.vectors"
VECTOR = vectorsearch.EmbeddingVectorColumn(embedding_dimension=2, name="v")
DIRECT = vectorsearch.DirectAccessVectorIndexSpec(
    embedding_vector_columns=[VECTOR], schema_json=json.dumps({"id": "integer", "v": "array<float>"})
)
DELTA = vectorsearch.DeltaSyncVectorIndexSpecRequest(
    embedding_vector_columns=[VECTOR], source_table=SOURCE, pipeline_type=vectorsearch.PipelineType.TRIGGERED
)


def furnish(ws: LocalWorkspace, w: WorkspaceClient) -> None:
    """Make the objects that the calls are about."""
    ws.execute("CREATE TABLE vectors (id BIGINT, v ARRAY<DOUBLE>); INSERT INTO vectors VALUES (1, array(0, 0))")
    w.database.create_database_instance(database.DatabaseInstance("kept")).result()
    w.vector_search_endpoints.create_endpoint("kept", vectorsearch.EndpointType.STANDARD).result()
    w.vector_search_indexes.create_index(
        "main.default.delta", "kept", "id", vectorsearch.VectorIndexType.DELTA_SYNC, delta_sync_index_spec=DELTA
    )
    w.vector_search_indexes.get_index("main.default.delta")
    ws.execute("INSERT INTO vectors VALUES (2, array(1, 0))")


def online(name: str) -> uc.OnlineTable:
    """An online table of the source."""
    triggered = uc.OnlineTableSpecTriggeredSchedulingPolicy()
    spec = uc.OnlineTableSpec(source_table_full_name=SOURCE, primary_key_columns=["id"], run_triggered=triggered)
    return uc.OnlineTable(name=name, spec=spec)


def synced(name: str) -> database.SyncedDatabaseTable:
    """A synced table of the source."""
    spec = database.SyncedTableSpec(source_table_full_name=SOURCE, primary_key_columns=["id"])
    return database.SyncedDatabaseTable(
        name, database_instance_name="kept", logical_database_name="postgres", spec=spec
    )


INSTANCES = {
    f"database.{method}": {"name": "probe"} for method in ("delete_database_instance", "get_database_instance")
}

FILLED: dict[str, dict[str, Any]] = {
    "online_tables": {"name": "main.default.online"},
    "online_tables.create": {"table": online("main.default.online")},
    "online_tables.create_and_wait": {"table": online("main.default.waited")},
    **INSTANCES,
    "database.create_database_instance": {"database_instance": database.DatabaseInstance("probe")},
    "database.create_database_instance_and_wait": {"database_instance": database.DatabaseInstance("waited")},
    "database.wait_get_database_instance_database_available": {"name": "kept"},
    "database.find_database_instance_by_uid": {
        "uid": lambda known: known.found["database.create_database_instance"]["uid"]
    },
    "database.list_database_instances": {},
    "database.list_synced_database_tables": {"instance_name": "kept"},
    "database.create_synced_database_table": {"synced_table": synced("main.default.synced")},
    "database.get_synced_database_table": {"name": "main.default.synced"},
    "database.delete_synced_database_table": {"name": "main.default.synced"},
    "vector_search_endpoints": {
        "name": "probe",
        "endpoint_name": "probe",
        "endpoint_type": vectorsearch.EndpointType.STANDARD,
    },
    "vector_search_endpoints.create_endpoint_and_wait": {"name": "waited"},
    "vector_search_endpoints.update_endpoint_custom_tags": {"custom_tags": [vectorsearch.CustomTag("team", "a")]},
    "vector_search_indexes": {"index_name": "main.default.direct", "endpoint_name": "kept", "columns": ["id"]},
    "vector_search_indexes.create_index": {
        "name": "main.default.direct",
        "primary_key": "id",
        "index_type": vectorsearch.VectorIndexType.DIRECT_ACCESS,
        "direct_access_index_spec": DIRECT,
    },
    "vector_search_indexes.upsert_data_vector_index": {
        "inputs_json": json.dumps([{"id": 1, "v": [0, 0]}, {"id": 2, "v": [3, 4]}])
    },
    "vector_search_indexes.query_index": {"query_vector": [0.0, 0.0]},
    "vector_search_indexes.sync_index": {"index_name": "main.default.delta"},
    "vector_search_indexes.delete_data_vector_index": {"index_name": "main.default.direct", "primary_keys": ["1"]},
}
"""By service, or by method: arguments that replace the least ones. A function of what is known gives the value."""
