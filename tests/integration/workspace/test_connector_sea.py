"""The SQL connector over the statement API: which answers it asks for, and how it reads each of them."""

from __future__ import annotations

import datetime as dt
import decimal

import pytest
from databricks import sql

from genops.testing.workspace import LocalWorkspace
from support.polling import eventually

SLOW = "SELECT count(*) FROM range(100000000) a CROSS JOIN range(100000) b WHERE a.id * b.id % 7 = 3"
# How results travel: with cloud fetch by Arrow links, by one Arrow attachment where it fits, inline as JSON without.
WAYS = {
    "links": {"use_cloud_fetch": True},
    "hybrid": {"use_cloud_fetch": True, "use_hybrid_disposition": True},
    "inline": {"use_cloud_fetch": False},
}
ARROW = ["links", "hybrid"]


@pytest.fixture(scope="module")
def ws():
    """A workspace with a table."""
    with LocalWorkspace(transition_polls=0, chunk_rows=1000) as workspace:
        workspace.execute("CREATE TABLE people (id INT, name STRING); INSERT INTO people VALUES (1, 'a'), (2, NULL)")
        yield workspace


@pytest.fixture
def connect(ws):
    """Opens connections, which are closed after the test."""
    opened = []

    def open_one(way="links", **options):
        host, _, port = ws.host.rpartition(":")
        options = {"access_token": ws.token, "enable_telemetry": False, **WAYS[way], **options}
        path = f"/sql/1.0/warehouses/{ws.warehouse_id}"
        opened.append(sql.connect(host, path, use_sea=True, _port=int(port), **options))
        return opened[-1]

    yield open_one
    for connection in opened:
        connection.close()


def statements(ws):
    """The requests that executed statements, oldest first."""
    return [seen for seen in ws.requests if (seen.method, seen.path) == ("POST", "/api/2.0/sql/statements")]


ASKED = {
    "links": ("EXTERNAL_LINKS", "ARROW_STREAM"),
    "hybrid": ("INLINE_OR_EXTERNAL_LINKS", "ARROW_STREAM"),
    "inline": ("INLINE", "JSON_ARRAY"),
}


@pytest.mark.parametrize("way", WAYS)
def test_rows_by_every_way(ws, connect, way):
    """The same rows come by links, by attachment and inline, and the request says which."""
    cursor = connect(way).cursor().execute("SELECT id, name FROM people ORDER BY id")
    assert [tuple(row) for row in cursor.fetchall()] == [(1, "a"), (2, None)]
    assert [(column[0], column[1]) for column in cursor.description] == [("id", "int"), ("name", "string")]
    body = statements(ws)[-1].body
    assert (body["disposition"], body["format"]) == ASKED[way]


@pytest.mark.parametrize("way", ARROW)
@pytest.mark.parametrize("lz4", [True, False])
def test_chunks_are_fetched_whether_compressed_or_not(connect, way, lz4):
    """A result of several chunks comes by links, with LZ4 where the connection asks for it."""
    cursor = connect(way, enable_query_result_lz4_compression=lz4).cursor()
    table = cursor.execute("SELECT id, repeat('x', 50) AS x FROM range(3500)").fetchall_arrow()
    assert table.column("id").to_pylist() == list(range(3500))
    assert cursor.active_result_set.manifest.result_compression == ("LZ4_FRAME" if lz4 else None)


@pytest.mark.parametrize("way", WAYS)
def test_empty_result(connect, way):
    """A result without rows is an empty list."""
    assert connect(way).cursor().execute("SELECT id FROM people WHERE id > 5").fetchall() == []


VALUES = [
    ("1.50", decimal.Decimal("1.50")),
    ("true", True),
    ("DATE'2024-02-29'", dt.date(2024, 2, 29)),
    ("TIMESTAMP'2024-01-02 03:04:05Z'", dt.datetime(2024, 1, 2, 3, 4, 5, tzinfo=dt.timezone.utc)),
    ("CAST(NULL AS STRING)", None),
    ("'text'", "text"),
    ("CAST(1.5 AS DOUBLE)", 1.5),
]


@pytest.mark.parametrize("way", WAYS)
def test_values_are_python_values(connect, way):
    """Values have Python's types by every way."""
    names = [f"{expression} AS c{number}" for number, (expression, _) in enumerate(VALUES)]
    row = connect(way).cursor().execute(f"SELECT {', '.join(names)}").fetchone()
    assert list(row) == [value for _, value in VALUES]


@pytest.mark.parametrize("way", ARROW)
def test_nested_values_and_bytes(connect, way):
    """Arrow brings arrays, maps, structs and bytes as they are."""
    row = connect(way).cursor().execute("SELECT array(1, 2), map('a', 1), named_struct('x', 1), X'CAFE'").fetchone()
    assert list(row[0]) == [1, 2]
    assert dict(row[1]) == {"a": 1}
    assert (row[2], bytes(row[3])) == ({"x": 1}, b"\xca\xfe")


def test_fetch_variants(connect):
    """fetchone, fetchmany, fetchall and iteration go on where the one before stopped."""
    cursor = connect().cursor().execute("SELECT id FROM range(10)")
    assert cursor.fetchone()[0] == 0
    assert [row[0] for row in cursor.fetchmany(3)] == [1, 2, 3]
    assert cursor.fetchmany_arrow(2).column("id").to_pylist() == [4, 5]
    assert [row.id for row in cursor] == [6, 7, 8, 9]
    assert (cursor.fetchone(), cursor.fetchall()) == (None, [])


def test_session_is_opened_and_closed(ws, connect):
    """A connection is a session with catalog, schema and configuration, which ends with it."""
    confs = {"ANSI_MODE": "true", "QUERY_TAGS": "team:de"}
    connection = connect(catalog="main", schema="default", session_configuration=confs)
    opened = [seen for seen in ws.requests if seen.path == "/api/2.0/sql/sessions"][-1]
    assert opened.body["session_confs"] == {"ansi_mode": "true", "query_tags": "team:de"}
    cursor = connection.cursor().execute("SELECT current_catalog(), current_schema()")
    assert tuple(cursor.fetchone()) == ("main", "default")
    session = statements(ws)[-1].body["session_id"]
    connection.close()
    assert ws.requests[-1].path == f"/api/2.0/sql/sessions/{session}"
    assert (ws.requests[-1].method, ws.requests[-1].status) == ("DELETE", 200)


def test_query_tags_of_connection_and_statement(ws, connect):
    """Tags of the connection and of a statement reach the statement, whatever their characters."""
    connection = connect(query_tags={"team": "de", "place": "a:b,c\\d"})
    cursor = connection.cursor().execute("SELECT 1", query_tags={"stage": "x", "team": "ml"})
    tags = {tag["key"]: tag.get("value") for tag in ws._statements.get(cursor.query_id).tags}
    assert tags == {"team": "ml", "place": "a:b,c\\d", "stage": "x"}


def test_parameters(ws, connect):
    """Named parameters are typed by their Python values; positional ones have no name on the wire, and bind."""
    cursor = connect().cursor()
    row = cursor.execute("SELECT :n + 1, :s, :d", {"n": 1, "s": "it's", "d": dt.date(2024, 1, 2)}).fetchone()
    assert tuple(row) == (2, "it's", dt.date(2024, 1, 2))
    assert tuple(cursor.execute("SELECT ?, ?", [1, "b"]).fetchone()) == (1, "b")
    assert {parameter["name"] for parameter in statements(ws)[-1].body["parameters"]} == {None}


def test_executemany_and_change_counts(ws, connect):
    """One set of parameters after the other: executemany runs once for each set; the counts of a change are a row."""
    ws.execute("CREATE OR REPLACE TABLE filled (id INT)")
    cursor = connect().cursor()
    cursor.executemany("INSERT INTO filled VALUES (:id)", [{"id": 1}, {"id": 2}])
    assert cursor.execute("UPDATE filled SET id = id + 1").fetchone().num_affected_rows == 2


def test_failure_names_the_statement(ws, connect):
    """A failed statement raises with the message of the service, and the cursor knows its id."""
    cursor = connect().cursor()
    with pytest.raises(sql.exc.ServerOperationError, match="TABLE_OR_VIEW_NOT_FOUND"):
        cursor.execute("SELECT * FROM nowhere")
    assert ws._statements.get(cursor.query_id).state == "FAILED"


def test_asynchronous_statement(connect):
    """execute_async returns at once; the result is fetched when it is there."""
    cursor = connect().cursor()
    cursor.execute_async("SELECT 41 + 1 AS answer")
    eventually(lambda: not cursor.is_query_pending())
    cursor.get_async_execution_result()
    assert cursor.fetchone().answer == 42


def test_cancel_from_another_thread(ws, connect):
    """A cancel stops what runs; whoever waits for the result learns that there is none."""
    cursor = connect().cursor()
    cursor.execute_async(SLOW)
    statement = ws._statements.get(cursor.query_id)
    eventually(lambda: statement.state == "RUNNING")
    cursor.cancel()
    assert statement.done.wait(30)
    assert statement.state == "CANCELED"


@pytest.mark.parametrize("way", WAYS)
def test_metadata(connect, way):
    """catalogs, schemas, tables and columns are SHOW statements of the connector's own."""
    cursor = connect(way).cursor()
    assert "main" in [row[0] for row in cursor.catalogs().fetchall()]
    assert "default" in [row[0] for row in cursor.schemas(catalog_name="main").fetchall()]
    tables = cursor.tables(catalog_name="main", schema_name="default", table_name="people").fetchall()
    assert "people" in [row.tableName for row in tables]
    columns = cursor.columns(catalog_name="main", schema_name="default", table_name="people").fetchall()
    assert [row.col_name for row in columns] == ["id", "name"]


def test_links_are_fetched_without_the_token(ws, connect):
    """The connector sends no token to a presigned URL."""
    connect().cursor().execute("SELECT 1").fetchall()
    (download,) = [seen for seen in ws.requests if seen.path.startswith("/storage/results/")][-1:]
    assert "authorization" not in download.headers


@pytest.mark.parametrize("way", WAYS)
def test_https(way):
    """With the workspace's certificate trusted everything goes by HTTPS, presigned URLs too."""
    with LocalWorkspace(tls=True) as workspace:
        host, _, port = workspace.host.removeprefix("https://").rpartition(":")
        path, trusted = f"/sql/1.0/warehouses/{workspace.warehouse_id}", str(workspace.ca_file)
        quiet = {"enable_telemetry": False, "_tls_trusted_ca_file": trusted}
        arguments = {"access_token": workspace.token, "_port": int(port), **quiet, **WAYS[way]}
        with sql.connect(host, path, use_sea=True, **arguments) as connection:
            assert connection.cursor().execute("SELECT 41 + 1 AS answer").fetchone().answer == 42
