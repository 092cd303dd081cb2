"""What the statement API takes and what it refuses, as it was documented and as a real workspace answered."""

from __future__ import annotations

import pytest
from databricks.sdk import errors

from genops.testing.workspace import LocalWorkspace
from support.sdk import workspace_client

PATH = "/api/2.0/sql/statements"
MISSING = "01f00000-0000-1000-8000-000000000000"


@pytest.fixture(scope="module")
def ws():
    """A workspace."""
    with LocalWorkspace(transition_polls=0) as workspace:
        yield workspace


@pytest.fixture(scope="module")
def ask(ws):
    """Sends requests as they are."""
    client = workspace_client(ws).api_client

    def send(method, path, body=None):
        return client.do(method, path, body=body)

    return send


@pytest.fixture
def execute(ws, ask):
    """Posts a statement with further fields; ``None`` takes a field out."""

    def post(**fields):
        body = {"statement": "SELECT 1 AS one", "warehouse_id": ws.warehouse_id, **fields}
        return ask("POST", PATH, {key: value for key, value in body.items() if value is not None})

    return post


INVALID, BAD = errors.InvalidParameterValue, errors.BadRequest
WAIT = "must be 0 seconds .* or between 5 seconds and 50 seconds"

REFUSED = [
    ("no statement", {"statement": None}, BAD, "statement"),
    ("no warehouse", {"warehouse_id": None}, BAD, "warehouse_id"),
    ("a statement that is no text", {"statement": 7}, INVALID, "statement must be a string"),
    ("a statement above 16 MiB", {"statement": "SELECT 1 -- " + "x" * (16 << 20)}, INVALID, "longer than"),
    ("a warehouse id that is none", {"warehouse_id": "nosuch"}, INVALID, "nosuch is not a valid endpoint id."),
    ("a warehouse that is not there", {"warehouse_id": "0123456789abcdef"}, errors.PermissionDenied, "permission"),
    ("a wait below 5 seconds", {"wait_timeout": "4s"}, INVALID, WAIT),
    ("a wait above 50 seconds", {"wait_timeout": "51s"}, INVALID, WAIT),
    ("a wait that is a word", {"wait_timeout": "soon"}, INVALID, "parsing type: duration"),
    ("a negative row limit", {"row_limit": -1}, INVALID, "row_limit"),
    ("a row limit above 2^31 - 1", {"row_limit": 1 << 31}, INVALID, "row_limit"),
    ("a row limit that is a word", {"row_limit": "all"}, INVALID, "row_limit"),
    ("a byte limit of 0", {"byte_limit": 0}, INVALID, "byte_limit"),
    ("a byte limit above 25 MiB inline", {"byte_limit": (25 << 20) + 1}, INVALID, "byte_limit"),
    ("Arrow inline", {"format": "ARROW_STREAM"}, INVALID, "Incompatible parameters: The format field must be JSON"),
    ("CSV inline", {"format": "CSV", "disposition": "INLINE"}, INVALID, "Incompatible parameters"),
    ("a tag without a key", {"query_tags": [{"value": "x"}]}, INVALID, "key"),
    ("a tag with an empty key", {"query_tags": [{"key": " "}]}, INVALID, "key"),
    ("tags that are no list", {"query_tags": {"team": "de"}}, INVALID, "query_tags"),
    ("a parameter whose value is no text", {"parameters": [{"name": "p", "value": 1}]}, INVALID, "must be a string"),
    ("a catalog that is no text", {"catalog": ["main"]}, INVALID, "catalog"),
    ("a session that is not open", {"session_id": MISSING}, errors.NotFound, "Session"),
]


@pytest.mark.parametrize(("fields", "kind", "words"), [row[1:] for row in REFUSED], ids=[row[0] for row in REFUSED])
def test_refused_before_it_runs(ws, execute, fields, kind, words):
    """A request that makes no sense is an error of the documented kind, and no statement."""
    before = len(ws._statements.held())
    with pytest.raises(kind, match=words):
        execute(**fields)
    assert len(ws._statements.held()) == before


TAKEN = [
    ("a field that nobody knows", {"idempotency_key": "x"}),
    ("a disposition that nobody knows", {"disposition": "SOMEWHERE"}),
    ("a format that nobody knows", {"format": "XML"}),
    ("an on_wait_timeout that nobody knows", {"on_wait_timeout": "SHRUG"}),
    ("on_wait_timeout CANCEL", {"on_wait_timeout": "CANCEL", "wait_timeout": "50s"}),
    ("an empty list of parameters", {"parameters": []}),
    ("a byte limit above 25 MiB with external links", {"byte_limit": 1 << 30, "disposition": "EXTERNAL_LINKS"}),
    ("a row limit as text", {"row_limit": "5"}),
    ("more than 20 tags", {"query_tags": [{"key": f"k{number}"} for number in range(25)]}),
    ("a tag without a value", {"query_tags": [{"key": "nightly"}]}),
]


@pytest.mark.parametrize("fields", [row[1] for row in TAKEN], ids=[row[0] for row in TAKEN])
def test_taken(execute, fields):
    """A request that the service takes succeeds."""
    assert execute(**fields)["status"] == {"state": "SUCCEEDED"}


FAILED = [
    ("an empty text", "", "42617", "PARSE_EMPTY_STATEMENT"),
    ("white space", "  \n", "42617", "PARSE_EMPTY_STATEMENT"),
    ("a syntax error", "SELEC 1", "42601", "PARSE_SYNTAX_ERROR"),
    ("two statements", "SELECT 1; SELECT 2", "42601", "PARSE_SYNTAX_ERROR"),
    ("a table that is not there", "SELECT * FROM nowhere", "42P01", "TABLE_OR_VIEW_NOT_FOUND"),
    ("a column that is not there", "SELECT x FROM range(1)", "42703", "UNRESOLVED_COLUMN.WITH_SUGGESTION"),
    ("a division by zero", "SELECT 1 / 0", "22012", "DIVIDE_BY_ZERO"),
    ("a division by zero after some rows", "SELECT 10 / (5 - id) FROM range(10)", "22012", "DIVIDE_BY_ZERO"),
    ("a text that is no number", "SELECT CAST('x' AS INT)", "22018", "CAST_INVALID_INPUT"),
]


@pytest.mark.parametrize(("text", "state", "words"), [row[1:] for row in FAILED], ids=[row[0] for row in FAILED])
def test_failure_is_an_answer(execute, text, state, words):
    """A statement that fails is HTTP 200: FAILED, an error with BAD_REQUEST, an SQL state, and nothing else."""
    answer = execute(statement=text)
    assert set(answer) == {"statement_id", "status"}
    assert (answer["status"]["state"], answer["status"]["sql_state"]) == ("FAILED", state)
    assert answer["status"]["error"]["error_code"] == "BAD_REQUEST"
    message = answer["status"]["error"]["message"]
    assert (message.startswith(f"[{words}]"), f"SQLSTATE: {state}" in message) == (True, True)


def test_pending_answer_is_bare(execute):
    """Who does not wait learns the id and PENDING."""
    answer = execute(wait_timeout="0s", on_wait_timeout="CANCEL")
    assert set(answer) == {"statement_id", "status"}
    assert answer["status"] == {"state": "PENDING"}


def test_statement_without_a_result_has_an_empty_one(execute):
    """DDL gives a schema of no columns, no chunks and an empty result."""
    answer = execute(statement="CREATE TABLE empty_handed (id INT)")
    assert answer["result"] == {}
    assert answer["manifest"] == {
        "format": "JSON_ARRAY",
        "schema": {"column_count": 0},
        "total_chunk_count": 0,
        "total_row_count": 0,
        "truncated": False,
    }


def test_result_of_no_rows_has_its_columns(execute):
    """A query that finds nothing still has a schema, and no chunks."""
    manifest = execute(statement="SELECT 1 AS one WHERE false")["manifest"]
    assert [column["name"] for column in manifest["schema"]["columns"]] == ["one"]
    assert (manifest["total_chunk_count"], "chunks" in manifest) == (0, False)


CHANGES = [
    ("INSERT INTO changed VALUES (1, 'a'), (2, 'b'), (3, 'c')", {"num_affected_rows": 3, "num_inserted_rows": 3}),
    ("UPDATE changed SET name = 'x' WHERE id < 3", {"num_affected_rows": 2}),
    (
        """
        MERGE INTO changed t USING (SELECT * FROM VALUES (1, 'm'), (9, 'n') AS v(id, name)) s ON t.id = s.id
        WHEN MATCHED THEN UPDATE SET t.name = s.name
        WHEN NOT MATCHED THEN INSERT (id, name) VALUES (s.id, s.name)
        """,
        {"num_affected_rows": 2, "num_updated_rows": 1, "num_deleted_rows": 0, "num_inserted_rows": 1},
    ),
    ("DELETE FROM changed WHERE id > 2", {"num_affected_rows": 2}),
]


def test_changes_tell_their_counts(execute):
    """INSERT, UPDATE, MERGE and DELETE give one row of BIGINT counts by the names of the service."""
    execute(statement="CREATE TABLE changed (id INT, name STRING)")
    for text, counts in CHANGES:
        answer = execute(statement=text)
        columns = answer["manifest"]["schema"]["columns"]
        assert [column["name"] for column in columns] == list(counts)
        assert {column["type_text"] for column in columns} == {"BIGINT"}
        assert answer["result"]["data_array"] == [[str(count) for count in counts.values()]]


def test_unknown_ids(ask):
    """A statement id that is no UUID is invalid, one that nobody has is not found, and a cancel says yes to both."""
    with pytest.raises(INVALID, match="parsing type: statement_id"):
        ask("GET", f"{PATH}/nothing")
    with pytest.raises(errors.NotFound):
        ask("GET", f"{PATH}/{MISSING}")
    with pytest.raises(errors.NotFound):
        ask("GET", f"{PATH}/{MISSING}/result/chunks/0")
    assert ask("POST", f"{PATH}/{MISSING}/cancel") == {}


def test_both_spellings_of_the_path(ws, ask):
    """Old SDKs write a slash at the end."""
    body = {"statement": "SELECT 1", "warehouse_id": ws.warehouse_id}
    assert ask("POST", f"{PATH}/", body)["result"]["data_array"] == [["1"]]
