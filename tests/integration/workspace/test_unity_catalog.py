"""Unity Catalog of the local workspace, by the real SDK and by SQL."""

from __future__ import annotations

import io

import pytest
from databricks.sdk import errors
from databricks.sdk.service import catalog as uc

from genops.testing.workspace import LocalWorkspace
from support.catalogs import empty
from support.sdk import workspace_client


@pytest.fixture(scope="module")
def ws():
    """A workspace of short pages."""
    with LocalWorkspace(transition_polls=0, page_size=2) as workspace:
        yield workspace


@pytest.fixture(autouse=True)
def _without_what_the_test_before_made(ws):
    empty(ws)


def test_catalog_life(w):
    """A catalog is created with a default schema, read, changed and deleted."""
    w.catalogs.create("Sales", comment="a", properties={"team": "de"})
    assert w.catalogs.get("sales").properties == {"team": "de"}
    assert w.catalogs.update("sales", comment="b").comment == "b"
    assert [schema.name for schema in w.schemas.list("sales")] == ["default"]
    w.catalogs.delete("sales")
    with pytest.raises(errors.NotFound):
        w.catalogs.get("sales")


@pytest.mark.parametrize(
    ("call", "code"),
    [
        (lambda w: w.catalogs.get("no"), "CATALOG_DOES_NOT_EXIST"),
        (lambda w: w.schemas.get("main.no"), "SCHEMA_DOES_NOT_EXIST"),
        (lambda w: w.tables.get("main.default.no"), "TABLE_DOES_NOT_EXIST"),
        (lambda w: w.volumes.read("main.default.no"), "RESOURCE_DOES_NOT_EXIST"),
    ],
)
def test_missing_objects_have_their_codes(w, call, code):
    """What is not there raises NotFound with the service's own code."""
    with pytest.raises(errors.NotFound) as caught:
        call(w)
    assert caught.value.error_code == code


def test_taken_name_is_refused(w):
    """A catalog of a name that is taken is a bad request that says so."""
    with pytest.raises(errors.BadRequest, match="already exists"):
        w.catalogs.create("main")


def test_taken_volume_name_conflicts(w):
    """A volume of a name that is taken raises AlreadyExists."""
    w.volumes.create("main", "default", "v", uc.VolumeType.MANAGED)
    with pytest.raises(errors.AlreadyExists):
        w.volumes.create("main", "default", "v", uc.VolumeType.MANAGED)


def test_dependants_keep_a_schema(ws, w):
    """A schema with a table is deleted by force only."""
    w.schemas.create("s", "main")
    ws.execute("CREATE TABLE main.s.t (id INT)")
    with pytest.raises(errors.InvalidState, match="not empty"):
        w.schemas.delete("main.s")
    w.schemas.delete("main.s", force=True)
    with pytest.raises(errors.NotFound):
        w.tables.get("main.s.t")


def test_dependants_keep_a_catalog(w):
    """A catalog with a schema of its own is deleted by force only."""
    w.catalogs.create("c")
    w.schemas.create("s", "c")
    with pytest.raises(errors.InvalidState, match="not empty"):
        w.catalogs.delete("c")
    w.catalogs.delete("c", force=True)
    assert [catalog.name for catalog in w.catalogs.list()] == ["main"]


def test_table_by_sql_is_in_the_catalog(ws, w):
    """CREATE TABLE records columns, comments, properties, owner and time."""
    ws.execute(
        "CREATE TABLE main.default.t (id BIGINT NOT NULL COMMENT 'key', price DECIMAL(10,2), tags ARRAY<STRING>) "
        "COMMENT 'prices' TBLPROPERTIES ('classification' = 'confidential')"
    )
    table = w.tables.get("main.default.t")
    assert [(column.name, column.type_text, column.nullable) for column in table.columns] == [
        ("id", "bigint", False),
        ("price", "decimal(10,2)", True),
        ("tags", "array<string>", True),
    ]
    assert table.columns[0].comment == "key"
    assert table.columns[0].type_name is uc.ColumnTypeName.LONG
    assert (table.comment, table.properties) == ("prices", {"classification": "confidential"})
    assert (table.owner, table.table_type) == (ws.identity.user, uc.TableType.MANAGED)
    assert table.created_at > 0


def test_table_by_rest_is_in_sql(ws, w):
    """A table created through the API is empty, has its properties, and takes rows by SQL."""
    w.tables.create(
        name="t",
        catalog_name="main",
        schema_name="default",
        table_type=uc.TableType.EXTERNAL,
        data_source_format=uc.DataSourceFormat.DELTA,
        storage_location="s3://bucket/t",
        columns=[uc.ColumnInfo(name="id", type_text="int", type_name=uc.ColumnTypeName.INT, position=0)],
        properties={"classification": "restricted"},
    )
    ws.execute("INSERT INTO t VALUES (7)")
    assert ws.execute("SELECT id FROM t") == [["7"]]
    assert w.tables.get("main.default.t").properties["classification"] == "restricted"


def test_dropped_table_leaves_the_catalog(ws, w):
    """DROP TABLE removes the table from lists and from exists."""
    ws.execute("CREATE TABLE t (id INT)")
    assert w.tables.exists("main.default.t").table_exists
    ws.execute("DROP TABLE t")
    assert not w.tables.exists("main.default.t").table_exists
    assert list(w.tables.list("main", "default")) == []


def test_altered_table_shows_its_columns(ws, w):
    """ALTER TABLE changes columns, properties and the name in the catalog too."""
    ws.execute("CREATE TABLE t (id INT COMMENT 'key', gone INT)")
    ws.execute("ALTER TABLE t SET TBLPROPERTIES ('delta.columnMapping.mode' = 'name')")
    ws.execute("ALTER TABLE t ADD COLUMNS (name STRING COMMENT 'who'); ALTER TABLE t DROP COLUMN gone")
    ws.execute("ALTER TABLE t SET TBLPROPERTIES ('classification' = 'internal'); ALTER TABLE t RENAME TO u")
    table = w.tables.get("main.default.u")
    assert [(column.name, column.comment) for column in table.columns] == [("id", "key"), ("name", "who")]
    assert table.properties["classification"] == "internal"


def test_replaced_table_keeps_its_identity(ws, w):
    """CREATE OR REPLACE TABLE gives new columns; id, history and grants stay."""
    ws.execute("CREATE TABLE t AS SELECT 1 AS a")
    first = w.tables.get("main.default.t")
    ws.execute("CREATE OR REPLACE TABLE t AS SELECT 'x' AS b")
    second = w.tables.get("main.default.t")
    assert [column.name for column in second.columns] == ["b"]
    assert first.table_id == second.table_id


def test_view_keeps_its_definition(ws, w):
    """A view is a VIEW with the text it was defined by."""
    ws.execute("CREATE VIEW v AS SELECT 1 AS one")
    view = w.tables.get("main.default.v")
    assert (view.table_type, view.view_definition) == (uc.TableType.VIEW, "SELECT 1 AS one")


def test_pages_have_an_empty_one(ws, w):
    """Several pages have an empty page with a token among them, and the SDK still sees every table."""
    ws.execute(";".join(f"CREATE TABLE t{number} (id INT)" for number in range(5)))
    ws.clear_requests()
    assert [table.name for table in w.tables.list("main", "default")] == [f"t{number}" for number in range(5)]
    pages = [request for request in ws.requests if request.path.endswith("/tables")]
    assert len(pages) == 4
    body = w.api_client.do("GET", pages[1].path, query=dict(pages[1].query))
    assert "tables" not in body
    assert body["next_page_token"]


def test_empty_pages_can_be_left_out():
    """Without empty pages five tables at two a page take three requests."""
    with LocalWorkspace(page_size=2, empty_pages=False) as ws:
        ws.execute(";".join(f"CREATE TABLE t{number} (id INT)" for number in range(5)))
        assert len(list(workspace_client(ws).tables.list("main", "default"))) == 5
        assert len([request for request in ws.requests if request.path.endswith("/tables")]) == 3


def test_invented_page_token_is_refused(w):
    """A token that was not issued here is an invalid parameter."""
    with pytest.raises(errors.InvalidParameterValue):
        list(w.catalogs.list(page_token="invented"))


def test_lists_leave_out_what_is_not_wanted(ws, w):
    """omit_columns and omit_properties hold for lists of tables."""
    ws.execute("CREATE TABLE t (id INT) TBLPROPERTIES ('a' = 'b')")
    (table,) = w.tables.list("main", "default", omit_columns=True, omit_properties=True)
    assert (table.columns or None, table.properties) == (None, None)


def test_table_summaries_take_patterns(ws, w):
    """Summaries are found by LIKE patterns over schema and table."""
    ws.execute("CREATE TABLE flights (id INT); CREATE TABLE planes (id INT)")
    names = [item.full_name for item in w.tables.list_summaries("main", table_name_pattern="fl%")]
    assert names == ["main.default.flights"]


def test_tags_by_sql_are_assignments(ws, w):
    """SET TAGS is seen through the tag assignments API."""
    ws.execute("CREATE TABLE t (id INT); ALTER TABLE t SET TAGS ('classification' = 'restricted')")
    (tag,) = w.entity_tag_assignments.list("tables", "main.default.t")
    assert (tag.tag_key, tag.tag_value) == ("classification", "restricted")
    w.entity_tag_assignments.delete("tables", "main.default.t", "classification")
    assert list(w.entity_tag_assignments.list("tables", "main.default.t")) == []


def test_volume_is_renamed_with_its_files(ws, w):
    """A volume keeps its files under a new name."""
    w.volumes.create("main", "default", "raw", uc.VolumeType.MANAGED)
    w.files.upload("/Volumes/main/default/raw/a.txt", io.BytesIO(b"x"))
    w.volumes.update("main.default.raw", new_name="kept")
    assert w.files.get_metadata("/Volumes/main/default/kept/a.txt").content_length == 1
    assert [volume.name for volume in w.volumes.list("main", "default")] == ["kept"]


def test_catalogs_and_volumes_by_sql(ws, w):
    """CREATE and DROP of catalogs, schemas and volumes keep the catalog in step."""
    ws.execute("CREATE CATALOG c COMMENT 'it''s'; CREATE SCHEMA c.s COMMENT 'y'; CREATE VOLUME c.s.v")
    assert w.catalogs.get("c").comment == "it's"
    assert w.schemas.get("c.s").comment == "y"
    assert w.volumes.read("c.s.v").volume_type is uc.VolumeType.MANAGED
    ws.execute("DROP VOLUME c.s.v; DROP SCHEMA c.s; DROP CATALOG c")
    assert [catalog.name for catalog in w.catalogs.list()] == ["main"]


def test_show_and_describe_read_the_catalog(ws):
    """SHOW and DESCRIBE give what the catalog holds."""
    ws.execute("CREATE TABLE t (id BIGINT COMMENT 'key') TBLPROPERTIES ('a' = 'b')")
    assert ws.execute("SHOW TABLES IN main.default") == [["default", "t", "false"]]
    assert ws.execute("DESCRIBE TABLE t") == [["id", "bigint", "key"]]
    assert ws.execute("SHOW TBLPROPERTIES t") == [["a", "b"]]
    assert ws.execute("SHOW CATALOGS") == [["main"], ["system"]]
