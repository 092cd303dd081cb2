"""Files of volumes: the real SDK's uploads and downloads, and SQL that reads them."""

from __future__ import annotations

import gzip
import io
import os
import tracemalloc
from pathlib import Path

import pytest
from databricks.sdk import errors

from genops.testing.workspace import LocalWorkspace
from support.sdk import workspace_client

BASE = "/Volumes/main/default/raw"
CSV = b"id,name,seen\n1,a,2024-01-01T10:00:00Z\n2,,2024-01-02T11:30:00Z\n"


@pytest.fixture(scope="module")
def ws():
    """A workspace."""
    with LocalWorkspace(transition_polls=0) as workspace:
        workspace.execute("CREATE VOLUME main.default.raw")
        yield workspace


@pytest.fixture(scope="module")
def w(ws):
    """A real client."""
    return workspace_client(ws)


def test_upload_and_download_give_the_same_bytes(w):
    """A file comes back as it was sent, with length and type."""
    w.files.upload(f"{BASE}/dir one/a.bin", io.BytesIO(b"\x00\x01" * 500))
    found = w.files.download(f"{BASE}/dir one/a.bin")
    assert (found.contents.read(), found.content_length) == (b"\x00\x01" * 500, 1000)


def test_upload_without_overwrite_conflicts(w):
    """A file that is there is replaced by overwrite only."""
    w.files.upload(f"{BASE}/once", io.BytesIO(b"1"))
    with pytest.raises(errors.AlreadyExists):
        w.files.upload(f"{BASE}/once", io.BytesIO(b"2"), overwrite=False)
    w.files.upload(f"{BASE}/once", io.BytesIO(b"22"), overwrite=True)
    assert w.files.get_metadata(f"{BASE}/once").content_length == 2


def test_large_upload_passes_through_disk(ws, w):
    """30 MB go through without being held in memory, and only their size is recorded."""
    content = io.BytesIO(os.urandom(30_000_000))
    tracemalloc.start()
    w.files.upload(f"{BASE}/large", content)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 15_000_000
    assert [request.body for request in ws.requests if request.path.endswith("/large")] == [30_000_000]
    assert w.files.get_metadata(f"{BASE}/large").content_length == 30_000_000


def test_multipart_upload_puts_the_parts_together(ws):
    """Above the SDK's own limit parts go to presigned URLs and make one file."""
    client = workspace_client(ws)
    client.files._config.files_ext_multipart_upload_min_stream_size = 1_000_000
    content = os.urandom(3_500_000)
    client.files.upload(f"{BASE}/parts", io.BytesIO(content), part_size=1_000_000)
    assert any(request.path.startswith("/storage/upload/") for request in ws.requests)
    assert client.files.download(f"{BASE}/parts").contents.read() == content


def test_download_takes_ranges(w):
    """A range gives its bytes only."""
    w.files.upload(f"{BASE}/ten", io.BytesIO(b"0123456789"))
    found = w.api_client.do(
        "GET", f"/api/2.0/fs/files{BASE}/ten", headers={"Range": "bytes=3-5"}, raw=True, response_headers=[]
    )
    assert found["contents"].read() == b"345"


def test_directories_are_made_listed_and_deleted(w):
    """A directory lists its entries, and goes only when it is empty."""
    w.files.create_directory(f"{BASE}/d/e")
    w.files.upload(f"{BASE}/d/f.txt", io.BytesIO(b"abc"))
    entries = list(w.files.list_directory_contents(f"{BASE}/d"))
    assert [(entry.name, entry.is_directory, entry.file_size) for entry in entries] == [
        ("e", True, None),
        ("f.txt", False, 3),
    ]
    with pytest.raises(errors.BadRequest):
        w.files.delete_directory(f"{BASE}/d")
    w.files.delete(f"{BASE}/d/f.txt")
    w.files.delete_directory(f"{BASE}/d/e")
    w.files.delete_directory(f"{BASE}/d")
    with pytest.raises(errors.NotFound):
        w.files.get_directory_metadata(f"{BASE}/d")


@pytest.mark.parametrize("path", [f"{BASE}/nothing", "/Volumes/main/default/absent/x"])
def test_missing_files_are_not_found(w, path):
    """A file or volume that is not there raises NotFound."""
    with pytest.raises(errors.NotFound):
        w.files.get_metadata(path)


@pytest.mark.parametrize("path", ["/tmp/x", "/Volumes/main/default", f"{BASE}/../../../x", f"{BASE}/..%2f..%2fx"])
def test_paths_stay_inside_volumes(w, path):
    """A path that is not a volume's, or climbs out of it, is refused."""
    with pytest.raises((errors.InvalidParameterValue, errors.NotImplemented)):
        w.api_client.do("PUT", f"/api/2.0/fs/files{path}", data=io.BytesIO(b"x"))


def test_sql_reads_a_compressed_csv(ws, w):
    """read_files infers types from a gzip file; an empty field is null; rescued data has its column."""
    w.files.upload(f"{BASE}/small.csv.gz", io.BytesIO(gzip.compress(CSV)), overwrite=True)
    query = f"read_files('{BASE}/small.csv.gz', format => 'csv', header => true)"
    assert ws.execute(f"SELECT * FROM {query} ORDER BY id") == [
        ["1", "a", "2024-01-01T10:00:00.000Z", None],
        ["2", None, "2024-01-02T11:30:00.000Z", None],
    ]
    ws.execute(f"CREATE OR REPLACE TABLE small AS SELECT * FROM {query}")
    columns = {column.name: column.type_text for column in w.tables.get("main.default.small").columns}
    assert columns == {"id": "int", "name": "string", "seen": "timestamp", "_rescued_data": "string"}


def test_path_in_backticks_reads_strings_without_header(ws, w):
    """csv.`path` takes every line as data and every column as a string."""
    w.files.upload(f"{BASE}/plain.csv", io.BytesIO(CSV), overwrite=True)
    rows = ws.execute(f"SELECT _c0, _c1 FROM csv.`{BASE}/plain.csv`")
    assert rows == [["id", "name"], ["1", "a"], ["2", None]]


def test_read_files_takes_schema_and_options(ws, w):
    """A schema, a separator and a null value are honoured."""
    w.files.upload(f"{BASE}/bar.csv", io.BytesIO(b"1|NA\n2|x\n"), overwrite=True)
    options = "format => 'csv', sep => '|', nullValue => 'NA', schema => 'id BIGINT, name STRING'"
    assert ws.execute(f"SELECT * FROM read_files('{BASE}/bar.csv', {options})") == [["1", None], ["2", "x"]]


def test_read_files_reads_a_directory(ws, w):
    """A directory means all files below it, a glob those it matches."""
    for name in ("x1.csv", "x2.csv", "sub/x3.csv"):
        w.files.upload(f"{BASE}/many/{name}", io.BytesIO(b"id\n1\n"), overwrite=True)
    option = "format => 'csv', header => true"
    assert ws.execute(f"SELECT count(*) FROM read_files('{BASE}/many', {option})") == [["3"]]
    assert ws.execute(f"SELECT count(*) FROM read_files('{BASE}/many/x*.csv', {option})") == [["2"]]


def test_sql_reads_json(ws, w):
    """JSON lines are read by their fields."""
    w.files.upload(f"{BASE}/a.json", io.BytesIO(b'{"a": 1, "b": "x"}\n{"a": 2}\n'), overwrite=True)
    assert ws.execute(f"SELECT a, b FROM json.`{BASE}/a.json`") == [["1", "x"], ["2", None]]


@pytest.mark.full
def test_large_csv_becomes_a_table_quickly(ws, w):
    """336,776 rows of CSV become a table with exact counts."""
    lines = "".join(f"{number},{number % 12},{number % 7 or ''}\n" for number in range(336_776))
    w.files.upload(f"{BASE}/many.csv.gz", io.BytesIO(gzip.compress(b"id,month,delay\n" + lines.encode(), 1)))
    query = f"read_files('{BASE}/many.csv.gz', format => 'csv', header => true)"
    rows = ws.execute(f"CREATE OR REPLACE TABLE many AS SELECT * FROM {query}")
    assert rows == [["336776", "336776"]]
    assert ws.execute("SELECT count(*), count(delay), max(id) FROM many") == [["336776", "288665", "336775"]]


def test_text_files_are_read_by_line(ws, w):
    """The text format gives one column with a line a row."""
    w.files.upload(f"{BASE}/lines.txt", io.BytesIO(b"one, two\nthree\n"), overwrite=True)
    assert ws.execute(f"SELECT value FROM read_files('{BASE}/lines.txt', format => 'text')") == [
        ["one, two"],
        ["three"],
    ]


def test_failed_multipart_upload_is_aborted(ws):
    """An upload whose parts fail falls back to one request, and no part is left behind."""
    client = workspace_client(ws)
    client.files._config.files_ext_multipart_upload_min_stream_size = 1_000_000
    ws.fault("500", path="/storage/upload/.*", method="PUT", times=1)
    client.files.upload(f"{BASE}/again", io.BytesIO(b"y" * 1_500_000), part_size=1_000_000)
    assert client.files.get_metadata(f"{BASE}/again").content_length == 1_500_000
    assert list((Path(ws._directory.name) / "spool").iterdir()) == []


def test_range_outside_of_the_file_is_refused(w):
    """A range that begins behind the end is an error."""
    w.files.upload(f"{BASE}/five", io.BytesIO(b"01234"))
    with pytest.raises(errors.DatabricksError):
        w.api_client.do("GET", f"/api/2.0/fs/files{BASE}/five", headers={"Range": "bytes=9-"}, raw=True)


def test_missing_path_fails_the_statement(ws, w):
    """SQL over a file that is not there fails with the path in its message."""
    done = w.statement_execution.execute_statement(f"SELECT * FROM csv.`{BASE}/absent.csv`", ws.warehouse_id)
    assert done.status.sql_state == "42K03"
    assert "absent.csv" in done.status.error.message
