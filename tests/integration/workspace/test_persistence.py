"""What lasts between two starts of a workspace with a data directory, and what is refused."""

from __future__ import annotations

import io
import json
import threading
import warnings

import duckdb
import pytest
from databricks.sdk.errors import NotFound
from databricks.sdk.service import catalog, compute, jobs, serving, sql, workspace

from genops.testing.workspace import LocalWorkspace
from support.compute import finished
from support.polling import eventually
from support.sdk import workspace_client


def opened(folder, **options):
    """A workspace on the data directory; whatever was not as it should be is an error."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        return LocalWorkspace(data=folder, transition_polls=0, **options).start()


@pytest.fixture
def folder(tmp_path):
    """A data directory that is not there yet."""
    return tmp_path / "some" / "data"


def test_catalog_and_rows_last(folder):
    """Rows, views, functions, files, comments, tags, grants, models and told lineage are there at the next start."""
    with opened(folder) as ws:
        w = workspace_client(ws)
        ws.execute(
            "CREATE CATALOG sales COMMENT 'of the shop'; CREATE SCHEMA sales.raw; "
            "CREATE TABLE sales.raw.orders (id INT NOT NULL, price DECIMAL(10,2) COMMENT 'euro'); "
            "INSERT INTO sales.raw.orders VALUES (1, 9.50), (2, 3.25); "
            "CREATE VIEW sales.raw.dear AS SELECT id FROM sales.raw.orders WHERE price > 5; "
            "CREATE FUNCTION sales.raw.twice(x INT) RETURNS INT RETURN x * 2; "
            "CREATE VOLUME sales.raw.files; ALTER TABLE sales.raw.orders SET TAGS ('domain' = 'shop')"
        )
        token = ws.add_user("ada@example.com", groups=["analysts"])
        ws.execute("GRANT USE CATALOG ON CATALOG sales TO analysts; GRANT USE SCHEMA ON SCHEMA sales.raw TO analysts")
        ws.execute("GRANT SELECT ON TABLE sales.raw.orders TO analysts")
        w.files.upload("/Volumes/sales/raw/files/one.csv", io.BytesIO(b"7"))
        w.registered_models.create(catalog_name="sales", schema_name="raw", name="rank")
        w.external_metadata.create_external_metadata(
            catalog.ExternalMetadata(name="crm", system_type=catalog.SystemType.SALESFORCE, entity_type="table")
        )
        told = {
            "source": {"external_metadata": {"name": "crm"}},
            "target": {"table": {"name": "sales.raw.orders"}},
        }
        w.api_client.do("POST", "/api/2.0/lineage-tracking/external-lineage", body=told)
        before = w.tables.get("sales.raw.orders").as_dict()
    with opened(folder) as ws:
        w = workspace_client(ws)
        assert w.tables.get("sales.raw.orders").as_dict() == before
        assert ws.execute("SELECT sales.raw.twice(id) FROM sales.raw.dear") == [["2"]]
        assert w.files.download("/Volumes/sales/raw/files/one.csv").contents.read() == b"7"
        ada = workspace_client(ws, token=token)
        assert [table.name for table in ada.tables.list("sales", "raw")] == ["orders"]
        assert ws.execute("SELECT tag_value FROM sales.information_schema.table_tags") == [["shop"]]
        assert w.registered_models.get("sales.raw.rank").name == "rank"
        asked = {"object_info.table.name": "sales.raw.orders", "lineage_direction": "UPSTREAM"}
        answer = w.api_client.do("GET", "/api/2.0/lineage-tracking/external-lineage", query=asked)
        assert answer["external_lineage_relationships"][0]["external_metadata_info"]["name"] == "crm"


def test_compute_and_jobs_last(folder):
    """Warehouses, clusters, jobs, pipelines, endpoints, queries, files and secrets are there; only the first runs."""
    with opened(folder) as ws:
        w = workspace_client(ws)
        size = {"cluster_size": "Large", "max_num_clusters": 2, "auto_stop_mins": 20}
        warehouse = w.warehouses.create(name="big", **size).result()
        cluster = w.clusters.create(spark_version="15.4.x-scala2.12", num_workers=1, cluster_name="c").result()
        task = jobs.Task("t", sql_task=jobs.SqlTask(ws.warehouse_id, file=jobs.SqlTaskFile("/q.sql")))
        job = w.jobs.create(name="nightly", tasks=[task])
        query = w.queries.create(query=sql.CreateQueryRequestQuery(display_name="q", query_text="SELECT 1"))
        w.workspace.upload("/q.sql", io.BytesIO(b"SELECT 1"), format=workspace.ImportFormat.RAW)
        w.secrets.create_scope("s")
        w.secrets.put_secret("s", "k", string_value="v")
        entity = serving.ServedEntityInput(name="m", entity_name="system.ai.llama", entity_version="1")
        w.serving_endpoints.create("chat", config=serving.EndpointCoreConfigInput("chat", served_entities=[entity]))
        pipeline = w.pipelines.create(name="p", catalog="main", schema="default", libraries=[])
    with opened(folder) as ws:
        w = workspace_client(ws)
        assert w.warehouses.get(ws.warehouse_id).state.value == "RUNNING"
        again = w.warehouses.get(warehouse.id)
        assert (again.name, again.max_num_clusters, again.state.value) == ("big", 2, "STOPPED")
        assert w.clusters.get(cluster.cluster_id).state is compute.State.TERMINATED
        assert finished(w, w.jobs.run_now(job.job_id).response.run_id).state.result_state.value == "SUCCESS"
        assert w.jobs.create(name="second", tasks=[task]).job_id > job.job_id
        assert w.queries.get(query.id).query_text == "SELECT 1"
        assert w.dbutils.secrets.get("s", "k") == "v"
        assert w.serving_endpoints.get("chat").name == "chat"
        assert w.pipelines.get(pipeline.pipeline_id).name == "p"


def test_what_is_the_workspaces_own_lasts(folder):
    """Token, warehouse id and the clock that was moved are the same; another token that is given takes its place."""
    with opened(folder) as ws:
        ws.clock.advance(days=3)
        mine, then = (ws.token, ws.warehouse_id), ws.clock.now()
    with opened(folder) as ws:
        assert (ws.token, ws.warehouse_id) == mine
        assert ws.clock.now() >= then
    with opened(folder, token="another") as ws:
        assert workspace_client(ws).current_user.me().user_name == "user@example.com"
        with pytest.raises(Exception, match="Invalid access token"):
            workspace_client(ws, token=mine[0]).current_user.me()


def test_copy_into_knows_what_it_loaded(folder):
    """A file that was loaded before the restart is not loaded again, also where the directory was moved."""
    copying = "COPY INTO loaded FROM '/Volumes/main/default/files' FILEFORMAT = CSV"
    with opened(folder) as ws:
        ws.execute("CREATE VOLUME files; CREATE TABLE loaded (_c0 STRING)")
        workspace_client(ws).files.upload("/Volumes/main/default/files/one.csv", io.BytesIO(b"7\n"))
        assert ws.execute(copying)[0][0] == "1"
    moved = folder.rename(folder.parent / "moved")
    with opened(moved) as ws:
        assert ws.execute(copying)[0][0] == "0"
        assert ws.execute("SELECT count(*) FROM loaded") == [["1"]]


def test_versions_of_tables_begin_anew(folder):
    """A time before the restart has no version: none of them is given for another."""
    with opened(folder) as ws:
        ws.execute("CREATE TABLE t AS SELECT 1 AS a")
        ws.execute("UPDATE t SET a = 2")
        before = ws.execute("SELECT current_timestamp()")[0][0]
    with opened(folder) as ws:
        assert len(ws.execute("DESCRIBE HISTORY t")) == 1
        assert ws.execute("SELECT * FROM t VERSION AS OF 0") == [["2"]]
        with pytest.raises(Exception, match="DELTA_TIMESTAMP_EARLIER_THAN_COMMIT_RETENTION"):
            ws.execute(f"SELECT * FROM t TIMESTAMP AS OF '{before}'")


def test_what_is_dropped_leaves_no_file(folder):
    """A dropped or renamed catalog has no file of its old name, and is not there at the next start."""
    with opened(folder) as ws:
        ws.execute("CREATE CATALOG gone; CREATE CATALOG before")
        workspace_client(ws).catalogs.update("before", new_name="after")
        ws.execute("DROP CATALOG gone CASCADE")
    assert sorted(file.name for file in (folder / "catalogs").iterdir()) == ["after.duckdb", "main.duckdb"]
    with opened(folder) as ws:
        names = [one.name for one in workspace_client(ws).catalogs.list()]
        assert "after" in names
        assert "gone" not in names


def test_changes_are_written_while_it_runs(folder):
    """The state is on disk shortly after a change over HTTP or by a handle, and no thread stays behind."""
    before = set(threading.enumerate())
    with opened(folder) as ws:
        file = folder / "workspace.json"
        workspace_client(ws).schemas.create("by_request", "main")
        eventually(lambda: "main.by_request" in file.read_text())
        ws.add_group("by-handle")
        eventually(lambda: "by-handle" in file.read_text())
        ws.execute("CREATE SCHEMA by_sql")
        eventually(lambda: "main.by_sql" in file.read_text())
        ws.clock.advance(hours=5)
        eventually(lambda: json.loads(file.read_text())["clock"]["ahead"] > 4 * 3600)
    assert set(threading.enumerate()) <= before


def test_rows_and_state_are_reconciled(folder):
    """Tables that only DuckDB or only the state has, as after a crash, are registered or dropped, with a warning."""
    with opened(folder) as ws:
        ws.execute("CREATE TABLE unsaved AS SELECT 1 AS a; CREATE TABLE lost (a INT); CREATE TABLE grown (a INT)")
        ws.execute("CREATE VIEW seen AS SELECT a FROM lost")
    with duckdb.connect(str(folder / "catalogs" / "main.duckdb")) as file:
        file.execute('CREATE TABLE "default".newer AS SELECT 5 AS b; DROP TABLE "default".lost')
        file.execute("CREATE SCHEMA other; CREATE TABLE other.more (c INT)")
        file.execute('ALTER TABLE "default".grown ADD COLUMN b DATE')
        file.execute('CREATE VIEW "default".unknown AS SELECT 1 AS a')
    duckdb.connect(str(folder / "catalogs" / "found.duckdb")).close()
    with pytest.warns(RuntimeWarning) as told:
        ws = LocalWorkspace(data=folder).start()
    said = "\n".join(str(one.message) for one in told)
    with ws:
        for text in (
            "catalog found was registered again",
            "schema main.other was registered again",
            "table main.default.lost was dropped",
            "columns of main.default.grown were read anew",
            "table main.default.newer was registered again",
            "table main.other.more was registered again",
            "view main.default.unknown was dropped",
        ):
            assert text in said
        w = workspace_client(ws)
        assert w.tables.get("main.default.newer").columns[0].name == "b"
        assert ws.execute("SELECT b FROM newer") == [["5"]]
        with pytest.raises(NotFound):
            w.tables.get("main.default.lost")
        assert [column.name for column in w.tables.get("main.default.grown").columns] == ["a", "b"]
    with opened(folder):
        pass


def test_directory_is_refused(folder, tmp_path):
    """A directory in use, of a later format, damaged, of another workspace or of other files is refused in words."""
    with opened(folder), pytest.raises(ValueError, match="in use by another workspace"):
        LocalWorkspace(data=folder)
    with pytest.raises(ValueError, match="workspace_id '4242424242424242', not '7'"):
        LocalWorkspace(data=folder, workspace_id=7)
    file = folder / "workspace.json"
    kept = file.read_text()
    file.write_text(json.dumps({**json.loads(kept), "format": 99}))
    with pytest.raises(ValueError, match="written by a later version of genops: its format is 99"):
        LocalWorkspace(data=folder)
    file.write_text(kept[:100])
    with pytest.raises(ValueError, match="is damaged"):
        LocalWorkspace(data=folder)
    file.write_text(kept)
    (folder / "catalogs" / "main.duckdb").write_bytes(b"no database" * 1000)
    with pytest.raises(ValueError, match="the file of the catalog main cannot be opened"):
        LocalWorkspace(data=folder)
    (tmp_path / "mine.txt").write_text("mine")
    with pytest.raises(ValueError, match="holds other files"):
        LocalWorkspace(data=tmp_path)
    with pytest.raises(ValueError, match="is a file"):
        LocalWorkspace(data=tmp_path / "mine.txt")
