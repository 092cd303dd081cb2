"""Tables that the platform fills: online tables, synced tables and vector indexes, by the real SDK."""

from __future__ import annotations

import json

import pytest
from databricks.sdk import errors
from databricks.sdk.service import catalog as uc
from databricks.sdk.service import database
from databricks.sdk.service import vectorsearch as vs

from genops.testing.workspace import LocalWorkspace
from genops.testing.workspace.sql.failures import SqlError, UnsupportedError
from support.sdk import workspace_client

VECTOR = vs.EmbeddingVectorColumn(embedding_dimension=2, name="v")
SCHEMA = json.dumps({"id": "integer", "name": "string", "v": "array<float>"})
DIRECT = vs.DirectAccessVectorIndexSpec(embedding_vector_columns=[VECTOR], schema_json=SCHEMA)
ROWS = [{"id": 1, "name": "near", "v": [0, 1]}, {"id": 2, "name": "far", "v": [3, 4]}, {"id": 3, "v": [0, 0]}]


@pytest.fixture(scope="module", autouse=True)
def objects(ws, w):
    """A source with a primary key, an instance, and an endpoint with a direct index."""
    ws.execute("CREATE TABLE src (id BIGINT NOT NULL, at INT, v ARRAY<DOUBLE>, CONSTRAINT k PRIMARY KEY (id))")
    ws.execute("INSERT INTO src VALUES (1, 1, array(0, 1)), (2, 1, array(3, 4)); CREATE TABLE bare AS SELECT 1 AS id")
    w.database.create_database_instance(database.DatabaseInstance("pg")).result()
    w.vector_search_endpoints.create_endpoint("search", vs.EndpointType.STANDARD).result()
    index(w, "main.default.direct")
    w.vector_search_indexes.upsert_data_vector_index("main.default.direct", json.dumps(ROWS))


def index(w, name, kind=vs.VectorIndexType.DIRECT_ACCESS, direct=DIRECT, delta=None):
    """An index, read once so that it is ready."""
    given = {"delta_sync_index_spec": delta} if delta else {"direct_access_index_spec": direct}
    w.vector_search_indexes.create_index(name, "search", "id", kind, **given)
    return w.vector_search_indexes.get_index(name)


def online(name, source="main.default.src", **spec):
    """An online table as the SDK is given it."""
    return uc.OnlineTable(name=name, spec=uc.OnlineTableSpec(source_table_full_name=source, **spec))


def synced(name, **spec):
    """A synced table as the SDK is given it."""
    asked = database.SyncedTableSpec(source_table_full_name="main.default.src", primary_key_columns=["id"], **spec)
    return database.SyncedDatabaseTable(name, database_instance_name="pg", logical_database_name="db", spec=asked)


def test_online_table_has_the_rows_of_its_source(ws, w):
    """Its rows come with its state, from a source whose primary key need not be named, and stay as they were."""
    made = w.online_tables.create_and_wait(online("main.default.o"))
    assert (made.spec.primary_key_columns, made.status.detailed_state.value) == (["id"], "ONLINE_NO_PENDING_UPDATE")
    assert ws.execute("SELECT id FROM o ORDER BY id") == [["1"], ["2"]]
    assert w.tables.get("main.default.o").table_type is uc.TableType.FOREIGN
    for statement in ("INSERT INTO o SELECT * FROM src", "DELETE FROM o", "ALTER TABLE o ADD COLUMN x INT"):
        with pytest.raises(UnsupportedError):
            ws.execute(statement)
    w.online_tables.delete("main.default.o")
    with pytest.raises(errors.NotFound):
        w.online_tables.get("main.default.o")
    with pytest.raises(SqlError, match="TABLE_OR_VIEW_NOT_FOUND"):
        ws.execute("SELECT * FROM o")


@pytest.mark.parametrize(
    ("table", "error"),
    [
        (online("main.default.x", "main.default.nowhere"), errors.NotFound),
        (online("main.nowhere.x"), errors.NotFound),
        (online("main.default.src"), errors.BadRequest),
        (online("main.default.x", "main.default.bare"), errors.BadRequest),
        (online("main.default.x", primary_key_columns=["no"]), errors.BadRequest),
        (
            online("main.default.x", run_continuously=uc.OnlineTableSpecContinuousSchedulingPolicy()),
            errors.NotImplemented,
        ),
    ],
)
def test_online_table_that_cannot_be_is_refused(w, table, error):
    """A source, a schema, a free name and a primary key must be there; what follows its source is not imitated."""
    with pytest.raises(error):
        w.online_tables.create(table)
    assert not w.tables.exists("main.default.x").table_exists


def test_online_table_is_prepared_by_the_clock():
    """It is PROVISIONING without rows until its time has come, and FAILED where its source is gone by then."""
    with LocalWorkspace(transition_polls=9) as ws:
        w = workspace_client(ws)
        ws.execute("CREATE TABLE src (id INT); INSERT INTO src VALUES (1); CREATE TABLE gone (id INT)")
        for name, source in (("o", "src"), ("lost", "gone")):
            w.online_tables.create(online(f"main.default.{name}", f"main.default.{source}", primary_key_columns=["id"]))
        assert w.online_tables.get("main.default.o").unity_catalog_provisioning_state.value == "PROVISIONING"
        assert ws.execute("SELECT * FROM o") == []
        ws.execute("DROP TABLE gone")
        ws.clock.advance(minutes=6)
        assert ws.execute("SELECT * FROM o") == [["1"]]
        lost = w.online_tables.get("main.default.lost")
        assert (lost.unity_catalog_provisioning_state.value, lost.status.detailed_state.value) == (
            "FAILED",
            "OFFLINE_FAILED",
        )
        assert "main.default.gone" in lost.status.message


def test_synced_table_keeps_the_latest_of_each_key(ws, w):
    """Where rows share a key the timeseries key decides; without one the synchronization fails."""
    ws.execute("CREATE TABLE twice AS SELECT * FROM src; INSERT INTO twice VALUES (1, 5, NULL), (NULL, 1, NULL)")
    for name, latest in (("latest", "at"), ("ambiguous", None)):
        table = synced(f"main.default.{name}", timeseries_key=latest)
        table.spec.source_table_full_name = "main.default.twice"
        w.database.create_synced_database_table(table)
    states = {each.name: each.data_synchronization_status for each in w.database.list_synced_database_tables("pg")}
    assert ws.execute("SELECT id, at FROM latest ORDER BY id") == [["1", "5"], ["2", "1"]]
    assert states["main.default.latest"].last_sync.delta_table_sync_info.delta_commit_version == 1
    assert states["main.default.ambiguous"].detailed_state.value == "SYNCED_TABLE_OFFLINE_FAILED"
    assert "primary key 1" in states["main.default.ambiguous"].message
    with pytest.raises(errors.NotImplemented):
        w.database.create_synced_database_table(
            synced("main.default.x", scheduling_policy=database.SyncedTableSchedulingPolicy.CONTINUOUS)
        )
    with pytest.raises(errors.BadRequest, match="has synced tables"):
        w.database.delete_database_instance("pg")


def test_nearest_rows_come_first(w):
    """A query gives the nearest rows with the documented score, 1 / (1 + distance²)."""
    ask = w.vector_search_indexes.query_index
    found = ask("main.default.direct", ["name", "id"], query_vector=[0.0, 0.0], num_results=2)
    assert found.result.data_array == [[None, 3, 1.0], ["near", 1, 0.5]]
    assert [column.name for column in found.manifest.columns] == ["name", "id", "score"]
    (far,) = ask("main.default.direct", ["id"], query_vector=[3.0, 0.0], score_threshold=0.05, num_results=1,
                 filters_json='{"id <": 3, "name NOT": "near"}').result.data_array  # fmt: skip
    assert far == [2, pytest.approx(1 / 17)]


@pytest.mark.parametrize(
    ("asked", "error"),
    [
        ({"query_vector": [1.0]}, errors.BadRequest),
        ({"query_vector": [0.0, 0.0], "filters_json": '{"no": 1}'}, errors.BadRequest),
        ({"query_vector": [0.0, 0.0], "filters_json": "id = 1"}, errors.BadRequest),
        ({"query_vector": [0.0, 0.0], "filters_json": '{"id": {}}'}, errors.BadRequest),
        ({"query_vector": [0.0, 0.0], "filters_json": '{"name LIKE": "n"}'}, errors.NotImplemented),
        ({"query_text": "near"}, errors.NotImplemented),
        ({"query_vector": [0.0, 0.0], "query_type": "HYBRID"}, errors.NotImplemented),
        ({"query_vector": [0.0, 0.0], "num_results": 5000}, errors.NotImplemented),
    ],
)
def test_query_that_has_no_answer_is_refused(w, asked, error):
    """A vector of another length, a filter of no column, and searches that need a model."""
    with pytest.raises(error):
        w.vector_search_indexes.query_index("main.default.direct", ["id"], **asked)


def test_rows_of_a_direct_index_are_written_scanned_and_deleted(ws, w):
    """A row replaces that of its key, a scan goes on after a key, and a deletion counts what was there."""
    name, indexes = "main.default.written", w.vector_search_indexes
    index(w, name)
    indexes.upsert_data_vector_index(name, json.dumps(ROWS))
    indexes.upsert_data_vector_index(name, json.dumps([{"id": 2, "name": "moved", "v": [9, 9]}]))
    assert indexes.get_index(name).status.indexed_row_count == 3
    first = indexes.scan_index(name, num_results=2)
    (moved,) = (row for row in first.data if row.fields[0].value.number_value == 2)
    assert (moved.fields[1].value.string_value, first.last_primary_key) == ("moved", "2")
    assert [len(indexes.scan_index(name, last_primary_key=key).data) for key in ("2", "3")] == [1, 0]
    assert indexes.delete_data_vector_index(name, ["1", "7"]).result.success_row_count == 1
    for wrong in ([{"id": 1, "v": [1]}], [{"v": [1, 2]}], [{"id": 1, "v": [1, 2], "no": 1}], {}):
        with pytest.raises(errors.BadRequest):
            indexes.upsert_data_vector_index(name, json.dumps(wrong))
    with pytest.raises(UnsupportedError, match="vector index"):
        ws.execute("SELECT * FROM written")
    ws.execute("DROP TABLE written")
    with pytest.raises(errors.NotFound):
        indexes.get_index(name)


def test_delta_index_follows_its_table_by_sync(ws, w):
    """It has the rows of its source as of the last synchronization; embeddings by a model are refused."""
    ws.execute("CREATE TABLE docs AS SELECT * FROM src")
    spec = {"source_table": "main.default.docs", "pipeline_type": vs.PipelineType.TRIGGERED}
    vectors = vs.DeltaSyncVectorIndexSpecRequest(embedding_vector_columns=[VECTOR], columns_to_sync=["at"], **spec)
    made = index(w, "main.default.delta", vs.VectorIndexType.DELTA_SYNC, delta=vectors)
    assert (made.status.ready, made.status.indexed_row_count) == (True, 2)
    ws.execute("INSERT INTO docs VALUES (3, 1, array(0, 0))")
    ask = w.vector_search_indexes.query_index
    assert ask("main.default.delta", ["id"], query_vector=[0.0, 0.0], num_results=1).result.data_array == [[1, 0.5]]
    w.vector_search_indexes.sync_index("main.default.delta")
    assert ask("main.default.delta", ["id"], query_vector=[0.0, 0.0], num_results=1).result.data_array == [[3, 1.0]]
    with pytest.raises(errors.BadRequest, match="needs DIRECT_ACCESS"):
        w.vector_search_indexes.upsert_data_vector_index("main.default.delta", json.dumps(ROWS))
    text = vs.DeltaSyncVectorIndexSpecRequest(embedding_source_columns=[vs.EmbeddingSourceColumn("m", "id")], **spec)
    with pytest.raises(errors.NotImplemented):
        index(w, "main.default.managed", vs.VectorIndexType.DELTA_SYNC, delta=text)
    with pytest.raises(errors.BadRequest, match="has indexes"):
        w.vector_search_endpoints.delete_endpoint("search")


def test_rights_are_those_of_the_tables(ws):
    """Who may not read the source makes no copy of it, and who may not read an index may not search it."""
    other = workspace_client(ws, token=ws.add_user("other@example.com"))
    with pytest.raises(errors.PermissionDenied):
        other.online_tables.create(online("main.default.x"))
    with pytest.raises(errors.PermissionDenied):
        other.vector_search_indexes.query_index("main.default.direct", ["id"], query_vector=[0.0, 0.0])
    with pytest.raises(errors.PermissionDenied):
        other.vector_search_indexes.scan_index("main.default.direct")


def test_filled_tables_last(tmp_path):
    """With a data directory they are there after the next start, with their rows."""
    with LocalWorkspace(data=tmp_path / "data", transition_polls=0) as ws:
        w = workspace_client(ws)
        ws.execute("CREATE TABLE src AS SELECT 1 AS id, array(1D, 2D) AS v")
        w.online_tables.create_and_wait(online("main.default.o", primary_key_columns=["id"]))
        w.vector_search_endpoints.create_endpoint("search", vs.EndpointType.STANDARD).result()
        index(w, "main.default.direct")
        w.vector_search_indexes.upsert_data_vector_index("main.default.direct", json.dumps(ROWS))
    with LocalWorkspace(data=tmp_path / "data") as ws:
        w = workspace_client(ws)
        assert w.online_tables.get("main.default.o").unity_catalog_provisioning_state.value == "ACTIVE"
        assert ws.execute("SELECT id FROM o") == [["1"]]
        found = w.vector_search_indexes.query_index("main.default.direct", ["id"], query_vector=[3.0, 4.0])
        assert found.result.data_array[0] == [2, 1.0]
