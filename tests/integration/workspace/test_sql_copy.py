"""Files of volumes in SQL: COPY INTO, each file once, and read_files."""

from __future__ import annotations

import io

import pytest

from genops.testing.workspace import LocalWorkspace
from genops.testing.workspace.sql.failures import SqlError
from support.sdk import workspace_client

LANDING = "/Volumes/main/default/landing"


@pytest.fixture(scope="module")
def workspace():
    """A workspace with a volume of files, put there over the Files API."""
    with LocalWorkspace(transition_polls=0) as held:
        held.execute("CREATE VOLUME landing")
        files = workspace_client(held).files
        for name, text in {
            "csv/a.csv": "id,name,at\n1,a,2024-01-01 10:00:00\n2,,2024-01-02 10:00:00\n",
            "csv/b.csv": "id,name,at\n3,c,2024-01-03 10:00:00\n",
            "csv/_ignored.csv": "id,name,at\n99,x,2024-01-03 10:00:00\n",
            "plain/x.csv": "7;seven\n8;eight\n",
            "json/a.json": '{"id": 1, "name": "a"}\n{"id": 2, "name": "b"}\n',
            "text/a.txt": "one line, whole\nanother\n",
            "bad/a.csv": "id,other\n1,x\n",
            "broken/a.csv": "id,name\nx,y\n",
        }.items():
            files.upload(f"{LANDING}/{name}", io.BytesIO(text.encode()))
        yield held


@pytest.fixture
def ws(workspace):
    """The workspace with an empty table."""
    workspace.execute("DROP TABLE IF EXISTS t; CREATE TABLE t (id INT, name STRING, at TIMESTAMP)")
    return workspace


HEADER = "FORMAT_OPTIONS ('header' = 'true')"


def test_each_file_is_loaded_once(ws):
    """A file that was loaded is skipped the next time, a new one is loaded, and force loads all again."""
    copy = f"COPY INTO t FROM '{LANDING}/csv' FILEFORMAT = CSV {HEADER}"
    done = workspace_client(ws).statement_execution.execute_statement(copy, ws.warehouse_id)
    assert [column.name for column in done.manifest.schema.columns] == [
        "num_affected_rows",
        "num_inserted_rows",
        "num_skipped_corrupt_files",
    ]
    assert done.result.data_array == [["3", "3", "0"]]
    assert ws.execute(copy) == [["0", "0", "0"]]
    workspace_client(ws).files.upload(f"{LANDING}/csv/c.csv", io.BytesIO(b"id,name,at\n4,d,2024-01-04 10:00:00\n"))
    assert ws.execute(copy) == [["1", "1", "0"]]
    assert ws.execute("SELECT id, name, hour(at) FROM t ORDER BY id") == [
        ["1", "a", "10"],
        ["2", None, "10"],
        ["3", "c", "10"],
        ["4", "d", "10"],
    ]
    assert ws.execute(f"{copy} COPY_OPTIONS ('force' = 'true')") == [["4", "4", "0"]]
    workspace_client(ws).files.delete(f"{LANDING}/csv/c.csv")


def test_a_dropped_table_forgets_its_files(ws):
    """Which files were loaded belongs to the table."""
    copy = f"COPY INTO t FROM '{LANDING}/csv' FILEFORMAT = CSV {HEADER}"
    ws.execute(copy)
    ws.execute("DROP TABLE t; CREATE TABLE t (id INT, name STRING, at TIMESTAMP)")
    assert ws.execute(copy) == [["3", "3", "0"]]


def test_files_and_patterns_choose(ws):
    """FILES names files and PATTERN is a glob; what was not chosen can still be loaded."""
    base = f"COPY INTO t FROM '{LANDING}/csv' FILEFORMAT = CSV"
    assert ws.execute(f"{base} FILES = ('b.csv') {HEADER}") == [["1", "1", "0"]]
    assert ws.execute(f"{base} PATTERN = '[ab].{{csv,txt}}' {HEADER}") == [["2", "2", "0"]]


def test_a_query_over_the_files(ws):
    """COPY INTO may select from the files, name columns, and read without a header and with another separator."""
    assert ws.execute(
        f"COPY INTO t (id, name) FROM (SELECT CAST(_c0 AS INT) * 10, upper(_c1) FROM '{LANDING}/plain') "
        "FILEFORMAT = CSV FORMAT_OPTIONS ('sep' = ';')"
    ) == [["2", "2", "0"]]
    assert ws.execute("SELECT id, name FROM t ORDER BY id") == [["70", "SEVEN"], ["80", "EIGHT"]]


def test_json_parquet_and_text(ws, tmp_path):
    """COPY INTO loads JSON, Parquet and text; columns go by name."""
    assert ws.execute(f"COPY INTO t FROM '{LANDING}/json' FILEFORMAT = JSON") == [["2", "2", "0"]]
    duckdb = pytest.importorskip("duckdb")
    file = tmp_path / "a.parquet"
    with duckdb.connect() as connection:
        connection.execute(f"COPY (SELECT 'p' AS name, 5::BIGINT AS id) TO '{file}'")
    workspace_client(ws).files.upload(f"{LANDING}/parquet/a.parquet", io.BytesIO(file.read_bytes()))
    assert ws.execute(f"COPY INTO t FROM '{LANDING}/parquet' FILEFORMAT = PARQUET") == [["1", "1", "0"]]
    assert ws.execute("SELECT id, name FROM t ORDER BY id") == [["1", "a"], ["2", "b"], ["5", "p"]]
    ws.execute("CREATE OR REPLACE TABLE lines (value STRING)")
    assert ws.execute(f"COPY INTO lines FROM '{LANDING}/text' FILEFORMAT = TEXT") == [["2", "2", "0"]]
    assert ws.execute("SELECT max(value) FROM lines") == [["one line, whole"]]


@pytest.mark.parametrize(
    ("sql", "error_class"),
    [
        (f"COPY INTO t FROM '{LANDING}/bad' FILEFORMAT = CSV {HEADER}", "COPY_INTO_SCHEMA_MISMATCH_WITH_TARGET_TABLE"),
        (f"COPY INTO t FROM '{LANDING}/broken' FILEFORMAT = CSV {HEADER}", "CAST_INVALID_INPUT"),
        (f"COPY INTO t FROM '{LANDING}/nothing' FILEFORMAT = CSV", "PATH_NOT_FOUND"),
        ("COPY INTO t FROM '/Volumes/main/default/none/x' FILEFORMAT = CSV", "PATH_NOT_FOUND"),
        ("COPY INTO t FROM 's3://bucket/x' FILEFORMAT = CSV", "INVALID_PARAMETER_VALUE"),
        (f"COPY INTO nope FROM '{LANDING}/csv' FILEFORMAT = CSV", "TABLE_OR_VIEW_NOT_FOUND"),
        (f"COPY INTO t FROM '{LANDING}/csv' FILEFORMAT = AVRO", "UNSUPPORTED_BY_LOCAL_WORKSPACE"),
        (
            f"COPY INTO t FROM '{LANDING}/csv' FILEFORMAT = CSV COPY_OPTIONS ('mergeSchema' = 'true')",
            "UNSUPPORTED_BY_LOCAL_WORKSPACE",
        ),
        (f"COPY INTO t FROM '{LANDING}/csv' FILEFORMAT = CSV VALIDATE ALL", "UNSUPPORTED_BY_LOCAL_WORKSPACE"),
        (f"COPY INTO t '{LANDING}/csv'", "PARSE_SYNTAX_ERROR"),
    ],
)
def test_what_cannot_be_loaded(ws, sql, error_class):
    """Files that do not fit, are not there, or need what is not imitated, fail and load nothing."""
    with pytest.raises(SqlError) as failure:
        ws.execute(sql)
    assert failure.value.message.startswith(f"[{error_class}]"), failure.value.message
    assert ws.execute("SELECT count(*) FROM t") == [["0"]]


def test_a_load_is_a_version(ws):
    """COPY INTO stands in the table's history, and its outcome names files and rows."""
    from genops.testing.workspace.sql.sessions import Session

    done = ws._engine.run(
        f"COPY INTO t FROM '{LANDING}/csv' FILEFORMAT = CSV {HEADER}",
        Session("main", "default"),
        sink=lambda result: result.rows(10),
    )
    assert (done.statement_type, done.reads, done.writes) == ("COPY", [f"{LANDING}/csv"], ["main.default.t"])
    assert (done.files_read, done.written_rows) == (2, 3)
    catalog = ws._engine.catalog
    assert catalog.versions.history(catalog.tables["main.default.t"])[0].operation == "COPY INTO"


def test_read_files_has_types(ws):
    """read_files infers types, and arithmetic on them is that of Databricks."""
    rows = ws.execute(
        "SELECT sum(id) / 2 AS half, max(at), count(name) "
        f"FROM read_files('{LANDING}/csv/*.csv', header => true) WHERE id < 9"
    )
    assert rows == [["3.0", "2024-01-03T10:00:00.000Z", "2"]]
    assert ws.execute(f"SELECT id + 1 FROM json.`{LANDING}/json` ORDER BY id") == [["2"], ["3"]]
