"""Results: types, text, chunks, limits, external links and their formats."""

from __future__ import annotations

import csv
import datetime as dt
import decimal
import io
import urllib.error
import urllib.request

import duckdb
import pyarrow as pa
import pytest
from databricks.sdk import errors
from databricks.sdk.service import sql

from genops.testing.workspace import LocalWorkspace
from support.sdk import workspace_client

LINKS = sql.Disposition.EXTERNAL_LINKS
ARROW, CSV, JSON = sql.Format.ARROW_STREAM, sql.Format.CSV, sql.Format.JSON_ARRAY
UTC = dt.timezone.utc


@pytest.fixture(scope="module")
def ws():
    """A workspace whose chunks have 1,000 rows."""
    with LocalWorkspace(transition_polls=0, chunk_rows=1000) as workspace:
        yield workspace


@pytest.fixture(scope="module")
def client(ws):
    """A real client."""
    return workspace_client(ws)


@pytest.fixture(scope="module")
def api(client):
    """The SDK's statement API."""
    return client.statement_execution


@pytest.fixture
def run(ws, api):
    """Executes a statement that succeeds."""

    def execute(text, **options):
        done = api.execute_statement(text, ws.warehouse_id, **options)
        assert done.status.state is sql.StatementState.SUCCEEDED, done.status
        return done

    return execute


def fetch(link):
    """The body behind a presigned URL."""
    with urllib.request.urlopen(link.external_link) as answer:
        return answer.read()


# Expression: type_name, type_text, the text in JSON_ARRAY and the value in Arrow.
TYPES = [
    ("CAST(-128 AS TINYINT)", "BYTE", "TINYINT", "-128", -128),
    ("CAST(7 AS SMALLINT)", "SHORT", "SMALLINT", "7", 7),
    ("2147483647", "INT", "INT", "2147483647", 2147483647),
    ("CAST('-9223372036854775808' AS BIGINT)", "LONG", "BIGINT", "-9223372036854775808", -(1 << 63)),
    ("CAST(1.5 AS FLOAT)", "FLOAT", "FLOAT", "1.5", 1.5),
    ("CAST(16777216 AS FLOAT)", "FLOAT", "FLOAT", "1.6777216E7", 16777216.0),
    ("CAST('1.7976931348623157E308' AS DOUBLE)", "DOUBLE", "DOUBLE", "1.7976931348623157E308", 1.7976931348623157e308),
    ("CAST('0.00012' AS DOUBLE)", "DOUBLE", "DOUBLE", "1.2E-4", 0.00012),
    ("CAST('Infinity' AS DOUBLE)", "DOUBLE", "DOUBLE", "Infinity", float("inf")),
    ("CAST('-Infinity' AS DOUBLE)", "DOUBLE", "DOUBLE", "-Infinity", float("-inf")),
    ("CAST('1.5' AS DECIMAL(10,2))", "DECIMAL", "DECIMAL(10,2)", "1.50", decimal.Decimal("1.50")),
    ("true", "BOOLEAN", "BOOLEAN", "true", True),
    ("'a \"b\" \U0001f600'", "STRING", "STRING", 'a "b" \U0001f600', 'a "b" \U0001f600'),
    ("''", "STRING", "STRING", "", ""),
    ("X'DEADBEEF'", "BINARY", "BINARY", "3q2+7w==", b"\xde\xad\xbe\xef"),
    ("DATE'1500-06-15'", "DATE", "DATE", "1500-06-15", dt.date(1500, 6, 15)),
    (
        "TIMESTAMP'2024-01-02 03:04:05.123456+05:30'",
        "TIMESTAMP",
        "TIMESTAMP",
        "2024-01-01T21:34:05.123Z",
        dt.datetime(2024, 1, 1, 21, 34, 5, 123456, UTC),
    ),
    (
        "TIMESTAMP_NTZ'2024-01-02 03:04:05.5'",
        "TIMESTAMP_NTZ",
        "TIMESTAMP_NTZ",
        "2024-01-02T03:04:05.500",
        dt.datetime(2024, 1, 2, 3, 4, 5, 500000),  # noqa: DTZ001 - a type without a zone
    ),
    ("NULL", "NULL", "VOID", None, None),
    ("CAST(NULL AS INT)", "INT", "INT", None, None),
    ("array(1, NULL)", "ARRAY", "ARRAY<INT>", '["1",null]', [1, None]),
    ("map('a', 1)", "MAP", "MAP<STRING, INT>", '{"a":"1"}', [("a", 1)]),
    ("named_struct('a', 1, 'b', 'x')", "STRUCT", None, '{"a":"1","b":"x"}', {"a": 1, "b": "x"}),
    (
        "array(named_struct('at', TIMESTAMP'2024-01-02 03:04:05Z'))",
        "ARRAY",
        None,
        '[{"at":"2024-01-02T03:04:05.000Z"}]',
        [{"at": dt.datetime(2024, 1, 2, 3, 4, 5, tzinfo=UTC)}],
    ),
]

if duckdb.__version__.startswith("1."):  # it says INTEGER of a null that has no type
    TYPES = [row for row in TYPES if row[0] != "NULL"]


def arrow_table(run, text, **options):
    """The whole result as an Arrow table."""
    done = run(text, disposition=LINKS, format=ARROW, **options)
    return pa.ipc.open_stream(fetch(done.result.external_links[0])).read_all()


@pytest.mark.parametrize(("expression", "name", "text", "shown", "value"), TYPES, ids=[row[0] for row in TYPES])
def test_types(ws, client, run, expression, name, text, shown, value):
    """Every type has its name, its SQL text, its text in JSON_ARRAY and its value in Arrow."""
    body = {"statement": f"SELECT {expression} AS v", "warehouse_id": ws.warehouse_id}
    answer = client.api_client.do("POST", "/api/2.0/sql/statements", body=body)
    (column,) = answer["manifest"]["schema"]["columns"]
    assert (column["name"], column["position"], column["type_name"]) == ("v", 0, name)
    assert text in (None, column["type_text"])
    assert answer["result"]["data_array"] == [[shown]]
    assert arrow_table(run, f"SELECT {expression} AS v").column("v").to_pylist() == [value]


def test_not_a_number_has_its_name(run):
    """NaN is the text NaN and the number."""
    text = "SELECT CAST('NaN' AS DOUBLE) AS v"
    assert run(text).result.data_array == [["NaN"]]
    (value,) = arrow_table(run, text).column("v").to_pylist()
    assert value != value  # noqa: PLR0124 - that is what makes it one


def test_decimals_tell_precision_and_scale(run):
    """Only decimals have type_precision and type_scale."""
    columns = run("SELECT CAST(1 AS DECIMAL(12,3)) AS d, 1 AS i").manifest.schema.columns
    assert [(column.type_precision, column.type_scale) for column in columns] == [(12, 3), (None, None)]


def test_arrow_has_the_types_of_databricks(run):
    """The Arrow schema has exact types: microseconds in UTC, decimals with their digits, nested types as they are."""
    schema = arrow_table(
        run,
        "SELECT CAST(1 AS TINYINT) AS b, TIMESTAMP'2024-01-02 03:04:05Z' AS t, TIMESTAMP_NTZ'2024-01-02 03:04:05' AS n,"
        " CAST(1 AS DECIMAL(10,2)) AS d, map('a', array(1)) AS m, sum(1) AS s",
    ).schema
    assert schema.field("b").type == pa.int8()
    assert schema.field("t").type == pa.timestamp("us", "Etc/UTC")
    assert schema.field("n").type == pa.timestamp("us")
    assert schema.field("d").type == pa.decimal128(10, 2)
    assert schema.field("m").type == pa.map_(pa.string(), pa.list_(pa.field("element", pa.int32())))
    assert schema.field("s").type == pa.int64()


def test_commands_and_counts_come_as_arrow(ws, run):
    """Results that no query gave are Arrow too."""
    ws.execute("CREATE TABLE counted (id INT)")
    assert arrow_table(run, "INSERT INTO counted VALUES (1), (2)").to_pylist() == [
        {"num_affected_rows": 2, "num_inserted_rows": 2}
    ]
    assert {"catalog": "main"} in arrow_table(run, "SHOW CATALOGS").to_pylist()


# Chunks


def test_inline_chunks_follow_each_other(run, api):
    """Each chunk but the last names the next, by index and by link; all of them together are the result."""
    done = run("SELECT id FROM range(2500)")
    assert [chunk.row_offset for chunk in done.manifest.chunks] == [0, 1000, 2000]
    assert (done.manifest.total_chunk_count, done.manifest.total_row_count) == (3, 2500)
    rows, part = [], done.result
    while True:
        rows += part.data_array
        if part.next_chunk_index is None:
            break
        assert f"/result/chunks/{part.next_chunk_index}?row_offset=" in part.next_chunk_internal_link
        part = api.get_statement_result_chunk_n(done.statement_id, part.next_chunk_index)
    assert rows == [[str(number)] for number in range(2500)]


def test_internal_link_is_a_path_of_the_workspace(client, run):
    """next_chunk_internal_link is fetched from the workspace as it stands."""
    link = run("SELECT id FROM range(1500)").result.next_chunk_internal_link
    assert client.api_client.do("GET", link)["row_offset"] == 1000


def test_chunk_out_of_bounds_is_refused(run, api):
    """A chunk that is not there is an invalid value."""
    done = run("SELECT 1")
    with pytest.raises(errors.InvalidParameterValue, match="The chunk_index 1 is out of bounds"):
        api.get_statement_result_chunk_n(done.statement_id, 1)


def test_bytes_are_told_of_external_results_only(run):
    """byte_count and total_byte_count are absent from inline results."""
    inline, external = run("SELECT 1"), run("SELECT 1 AS a, 'x' AS b", disposition=LINKS)
    assert (inline.manifest.total_byte_count, inline.manifest.chunks[0].byte_count) == (None, None)
    assert external.manifest.total_byte_count == external.result.external_links[0].byte_count == len('[["1","x"]]')


# Limits


@pytest.mark.parametrize("options", [{}, {"disposition": LINKS}, {"disposition": LINKS, "format": ARROW}])
def test_row_limit_truncates(run, options):
    """row_limit cuts exactly and says so; a limit that is not reached does not; 0 is no row at all."""
    for limit, rows, truncated in ((1, 1, True), (1500, 1500, True), (2500, 2500, False), (0, 0, True)):
        manifest = run("SELECT id FROM range(2500)", row_limit=limit, **options).manifest
        assert (manifest.total_row_count, manifest.truncated) == (rows, truncated)


@pytest.mark.parametrize("options", [{}, {"disposition": LINKS}, {"disposition": LINKS, "format": ARROW}])
def test_byte_limit_truncates(run, options):
    """A byte limit that the first block exceeds leaves nothing, and says so."""
    manifest = run("SELECT id FROM range(3000)", byte_limit=1000, **options).manifest
    assert (manifest.total_row_count, manifest.truncated) == (0, True)
    assert not run("SELECT id FROM range(10)", byte_limit=100_000, **options).manifest.truncated


def test_more_than_25_mib_do_not_travel_inline(ws, api, run):
    """A result above the inline limit fails inline and comes whole by external links, from a file."""
    text = "SELECT repeat('x', 1000000) AS x FROM range(30)"
    status = api.execute_statement(text, ws.warehouse_id).status
    assert (status.state, "Inline byte limit exceeded" in status.error.message) == (sql.StatementState.FAILED, True)
    done = run(text, disposition=LINKS, format=ARROW)
    assert done.manifest.total_byte_count > 30_000_000
    assert ws._statements.get(done.statement_id).results.in_memory == 0


# External links


def test_links_need_no_token_and_refuse_one(run):
    """A presigned URL carries its right in itself; an Authorization header besides is refused."""
    link = run("SELECT 1 AS one", disposition=LINKS).result.external_links[0]
    assert fetch(link) == b'[["1"]]'
    request = urllib.request.Request(link.external_link, headers={"Authorization": "Bearer x"})
    with pytest.raises(urllib.error.HTTPError, match="400"):
        urllib.request.urlopen(request)


def test_link_is_of_one_chunk(run):
    """The signature of one chunk is none for another."""
    first = run("SELECT id FROM range(1500)", disposition=LINKS).result.external_links[0]
    assert (first.row_count, first.next_chunk_index) == (1000, 1)
    with pytest.raises(urllib.error.HTTPError, match="403"):
        urllib.request.urlopen(first.external_link.replace("/0?", "/1?"))


def test_links_of_all_chunks(run, api):
    """Every chunk has a link of its own, which is asked for by index."""
    done = run("SELECT id FROM range(2500)", disposition=LINKS, format=ARROW)
    rows = []
    for chunk in done.manifest.chunks:
        (link,) = api.get_statement_result_chunk_n(done.statement_id, chunk.chunk_index).external_links
        body = fetch(link)
        assert (link.row_offset, link.byte_count) == (len(rows), len(body))
        rows += pa.ipc.open_stream(body).read_all().column("id").to_pylist()
    assert rows == list(range(2500))


def test_csv_has_one_header_and_null_as_a_word(run, api):
    """CSV by RFC 4180: names in the first chunk only, null as the word, quotes doubled."""
    text = "SELECT concat('id-', id) AS s, id AS i, NULL AS n, 'a\"b,\nc' AS q FROM range(1001)"
    done = run(text, disposition=LINKS, format=CSV)
    parts = [api.get_statement_result_chunk_n(done.statement_id, index).external_links[0] for index in (0, 1)]
    first, second = (list(csv.reader(io.StringIO(fetch(part).decode(), newline=""))) for part in parts)
    assert first[:2] == [["s", "i", "n", "q"], ["id-0", "0", "null", 'a"b,\nc']]
    assert (len(first), second) == (1001, [["id-1000", "1000", "null", 'a"b,\nc']])


def test_empty_result_has_no_link(run):
    """No rows, no chunks, no links."""
    done = run("SELECT 1 AS one WHERE false", disposition=LINKS, format=ARROW)
    assert done.manifest.total_chunk_count == 0
    assert not done.result.external_links


def test_arrow_without_pyarrow_fails_in_clear_words(ws, api, monkeypatch):
    """Arrow is refused where pyarrow is not installed, by a statement that says what to install."""
    monkeypatch.setitem(__import__("sys").modules, "pyarrow", None)
    status = api.execute_statement("SELECT 1", ws.warehouse_id, disposition=LINKS, format=ARROW).status
    assert "UNSUPPORTED_BY_LOCAL_WORKSPACE" in status.error.message
    assert "pip install pyarrow" in status.error.message
