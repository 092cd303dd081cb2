"""The Thrift transport below the connector: handles, states, pages, formats, faults, and what is refused."""

from __future__ import annotations

import http.client
import subprocess
import sys
import uuid
from types import SimpleNamespace

import pytest
from databricks import sql
from databricks.sql.thrift_api.TCLIService import TCLIService
from databricks.sql.thrift_api.TCLIService import ttypes as t
from thrift.protocol.TBinaryProtocol import TBinaryProtocol
from thrift.transport.THttpClient import THttpClient

from genops.testing import LocalWorkspace

STATUS, STATE, FORMAT = t.TStatusCode, t.TOperationState, t.TSparkRowSetType


@pytest.fixture(scope="module")
def workspace():
    """One workspace, whose results have several chunks from 11 rows on."""
    with LocalWorkspace(chunk_rows=10) as running:
        yield running


def _client(workspace, path=None, token=None):
    transport = THttpClient(f"{workspace.host}{path or f'/sql/1.0/warehouses/{workspace.warehouse_id}'}")
    transport.setCustomHeaders({"Authorization": f"Bearer {token or workspace.token}"})
    return TCLIService.Client(TBinaryProtocol(transport))


@pytest.fixture
def client(workspace):
    """The generated client of the service."""
    return _client(workspace)


@pytest.fixture
def session(client):
    """An open session."""
    opened = client.OpenSession(t.TOpenSessionReq(configuration={}))
    assert opened.status.statusCode == STATUS.SUCCESS_STATUS
    return opened.sessionHandle


def _executed(client, session, statement, **arguments):
    direct = t.TSparkGetDirectResults(maxRows=1000, maxBytes=1 << 20)
    asked = {"runAsync": True, "getDirectResults": direct, **arguments}
    return client.ExecuteStatement(t.TExecuteStatementReq(sessionHandle=session, statement=statement, **asked))


def _answered(client, session, statement, **arguments):
    """An answer with direct results, which a busy machine may be too late with: then the statement runs again."""
    while True:
        answer = _executed(client, session, statement, **arguments)
        if answer.directResults.operationStatus.operationState not in (STATE.RUNNING_STATE, STATE.PENDING_STATE):
            return answer


def _direct(client, session, statement, **arguments):
    """The direct results of a statement."""
    return _answered(client, session, statement, **arguments).directResults


def _ended(client, handle):
    """The state in which an operation ends."""
    state = STATE.RUNNING_STATE
    while state in (STATE.RUNNING_STATE, STATE.PENDING_STATE):
        state = client.GetOperationStatus(t.TGetOperationStatusReq(handle)).operationState
    return state


def _pages(client, handle, rows):
    more, pages = True, []
    while more:
        page = client.FetchResults(t.TFetchResultsReq(handle, t.TFetchOrientation.FETCH_NEXT, rows))
        more = page.hasMoreRows
        pages.append(page.results)
    return pages


def test_a_client_without_arrow_gets_columns(client, session):
    """Values come in Thrift's columns, nulls as bits, dates and nested types as text."""
    statement = (
        "SELECT id, CAST(NULL AS STRING) AS n, id = 1 AS b, DATE'2024-01-02' AS d, array(id) AS a, "
        "CAST('ab' AS BINARY) AS x, CAST(id AS DOUBLE) / 2 AS h FROM range(2) ORDER BY id"
    )
    direct = _direct(client, session, statement)
    assert direct.resultSetMetadata.resultFormat == FORMAT.COLUMN_BASED_SET
    columns = direct.resultSet.results.columns
    assert columns[0].i64Val.values == [0, 1]
    assert columns[1].stringVal.nulls == b"\x03"
    assert columns[2].boolVal.values == [False, True]
    assert columns[3].stringVal.values == ["2024-01-02"] * 2
    assert columns[4].stringVal.values == ["[0]", "[1]"]
    assert columns[5].binaryVal.values == [b"ab", b"ab"]
    assert columns[6].doubleVal.values == [0.0, 0.5]


def test_a_small_result_comes_with_the_answer_and_is_closed(client, session):
    """Direct results hold state, schema, rows and the closing, and the handle ends with them."""
    answer = _answered(client, session, "SHOW CATALOGS", canReadArrowResult=True)
    assert answer.directResults.operationStatus.operationState == STATE.FINISHED_STATE
    assert answer.directResults.closeOperation.status.statusCode == STATUS.SUCCESS_STATUS
    again = client.CloseOperation(t.TCloseOperationReq(answer.operationHandle))
    assert again.status.statusCode == STATUS.INVALID_HANDLE_STATUS


@pytest.mark.parametrize("arrow", [True, False], ids=["arrow", "columns"])
def test_a_result_is_read_in_pages(client, session, arrow):
    """Each page begins where the one before ended, holds no more rows than asked for, and the last says so."""
    answer = _executed(
        client, session, "SELECT id FROM range(35) ORDER BY id", canReadArrowResult=arrow, getDirectResults=None
    )
    assert _ended(client, answer.operationHandle) == STATE.FINISHED_STATE
    pages = _pages(client, answer.operationHandle, 7)
    sizes = [
        sum(batch.rowCount for batch in page.arrowBatches) if arrow else len(page.columns[0].i64Val.values)
        for page in pages
    ]
    assert sum(sizes) == 35
    assert max(sizes) <= 7
    assert [page.startRowOffset for page in pages] == [sum(sizes[:at]) for at in range(len(sizes))]


def test_a_large_result_comes_as_links_where_the_client_fetches_files(client, session):
    """A result of several chunks is a list of signed URLs, which need no token and are Arrow streams."""
    native = t.TSparkArrowTypes(timestampAsArrow=True, decimalAsArrow=True, complexTypesAsArrow=True)
    wanted = {"canReadArrowResult": True, "canDownloadResult": True, "useArrowNativeTypes": native}
    direct = _direct(client, session, "SELECT id FROM range(25)", **wanted)
    assert direct.resultSetMetadata.resultFormat == FORMAT.URL_BASED_SET
    links = direct.resultSet.results.resultLinks
    assert [(link.startRowOffset, link.rowCount) for link in links] == [(0, 10), (10, 10), (20, 5)]
    assert direct.closeOperation is None


def test_types_that_a_client_does_not_read_natively_are_text(client, session):
    """Without native types decimals, timestamps and nested types are strings of Arrow."""
    import pyarrow as pa

    statement = "SELECT CAST(1.5 AS DECIMAL(3, 1)) AS d, TIMESTAMP'2024-01-02 03:04:05' AS t, map('k', array(1)) AS m"
    direct = _direct(client, session, statement, canReadArrowResult=True)
    schema = pa.ipc.read_schema(pa.py_buffer(direct.resultSetMetadata.arrowSchema))
    assert [str(kind) for kind in schema.types] == ["string"] * 3
    batch = pa.ipc.read_record_batch(direct.resultSet.results.arrowBatches[0].batch, schema)
    assert [column[0].as_py() for column in batch.columns] == ["1.5", "2024-01-02 03:04:05.000000", '{"k":[1]}']


def test_a_failed_statement_is_a_state_and_no_failed_call(client, session):
    """The call succeeds, and the operation is in ERROR_STATE with message and SQL state."""
    status = _direct(client, session, "SELECT * FROM nothing").operationStatus
    assert (status.status.statusCode, status.operationState) == (STATUS.SUCCESS_STATUS, STATE.ERROR_STATE)
    assert status.sqlState == "42P01"
    assert status.displayMessage.startswith("[TABLE_OR_VIEW_NOT_FOUND]")


def test_the_operation_is_the_statement_of_query_history(workspace, client, session):
    """The guid of a handle is the id of the statement, and a change tells how many rows it touched."""
    workspace.execute("CREATE OR REPLACE TABLE counted (id INT)")
    answer = _executed(client, session, "INSERT INTO counted VALUES (1), (2)", getDirectResults=None)
    _ended(client, answer.operationHandle)
    status = client.GetOperationStatus(t.TGetOperationStatusReq(answer.operationHandle))
    assert status.numModifiedRows == 2
    identifier = str(uuid.UUID(bytes=answer.operationHandle.operationId.guid))
    ran = {statement.id: statement for statement in workspace._statements.held()}
    assert ran[identifier].text == "INSERT INTO counted VALUES (1), (2)"


def test_handles_of_nothing_are_invalid(client, session):
    """A session or operation that never was, or is closed, is INVALID_HANDLE_STATUS."""
    nobody = t.THandleIdentifier(guid=uuid.uuid4().bytes, secret=b"")
    assert _executed(client, t.TSessionHandle(nobody), "SELECT 1").status.statusCode == STATUS.INVALID_HANDLE_STATUS
    operation = t.TOperationHandle(nobody, t.TOperationType.EXECUTE_STATEMENT, True)
    for call, request in (
        (client.GetOperationStatus, t.TGetOperationStatusReq(operation)),
        (client.GetResultSetMetadata, t.TGetResultSetMetadataReq(operation)),
        (client.FetchResults, t.TFetchResultsReq(operation)),
        (client.CancelOperation, t.TCancelOperationReq(operation)),
    ):
        assert call(request).status.statusCode == STATUS.INVALID_HANDLE_STATUS
    client.CloseSession(t.TCloseSessionReq(session))
    closed = _executed(client, session, "SELECT 1").status
    assert closed.statusCode == STATUS.INVALID_HANDLE_STATUS
    assert closed.errorMessage.startswith("Invalid SessionHandle")


def test_a_canceled_operation_has_no_result(client, session):
    """After a cancel the state is CANCELED_STATE, and fetching fails."""
    slow = "SELECT count(*) FROM range(100000000) a CROSS JOIN range(100000) b WHERE a.id * b.id % 7 = 3"
    handle = _executed(client, session, slow, getDirectResults=None).operationHandle
    client.CancelOperation(t.TCancelOperationReq(handle))
    assert _ended(client, handle) == STATE.CANCELED_STATE
    fetched = client.FetchResults(t.TFetchResultsReq(handle, t.TFetchOrientation.FETCH_NEXT, 1))
    assert fetched.status.statusCode == STATUS.ERROR_STATUS


def test_what_no_client_here_uses_is_refused(client, session):
    """Methods that the connector never calls say that they are not implemented, instead of an empty success."""
    for call, request in (
        (client.GetTypeInfo, t.TGetTypeInfoReq(session)),
        (client.GetFunctions, t.TGetFunctionsReq(session, functionName="%")),
        (client.GetPrimaryKeys, t.TGetPrimaryKeysReq(session)),
        (client.GetCrossReference, t.TGetCrossReferenceReq(session)),
    ):
        status = call(request).status
        assert status.statusCode == STATUS.ERROR_STATUS
        assert "NOT_IMPLEMENTED" in status.errorMessage
    info = client.GetInfo(t.TGetInfoReq(session, t.TGetInfoType.CLI_DBMS_NAME))
    assert info.infoValue.stringValue == "Spark SQL"


def test_requests_are_recorded_with_their_sql(workspace, client, session):
    """The recorded request says which statement it carried."""
    _executed(client, session, "SELECT 'recorded' AS word")
    assert workspace.requests[-1].sql == "SELECT 'recorded' AS word"


def test_bytes_that_are_no_call_are_refused(workspace):
    """A body that is no Thrift is a 400, not a broken connection."""
    connection = http.client.HTTPConnection(workspace.host.removeprefix("http://"))
    headers = {"Authorization": f"Bearer {workspace.token}"}
    for body in (b"", b"\x80\x01\x00\x01\xff\xff\xff\xff", b"GET / HTTP/1.1", b"{}"):
        connection.request("POST", f"/sql/1.0/warehouses/{workspace.warehouse_id}", body, headers)
        answer = connection.getresponse()
        assert (answer.status, b"Thrift" in answer.read()) == (400, True)
    connection.close()


def test_a_closed_operation_gives_its_result_up(workspace, client, session):
    """What was read with the answer is let go with the operation; files that a client has links to are not."""
    small = _answered(client, session, "SELECT 1", canReadArrowResult=True)
    assert small.directResults.closeOperation.status.statusCode == STATUS.SUCCESS_STATUS
    native = t.TSparkArrowTypes(timestampAsArrow=True, decimalAsArrow=True, complexTypesAsArrow=True)
    reading = {"canReadArrowResult": True, "canDownloadResult": True, "useArrowNativeTypes": native}
    large = _answered(client, session, "SELECT id FROM range(30)", **reading)
    assert large.directResults.resultSet.results.resultLinks
    client.CloseOperation(t.TCloseOperationReq(operationHandle=large.operationHandle))
    ids = [str(uuid.UUID(bytes=one.operationHandle.operationId.guid)) for one in (small, large)]
    assert [workspace._statements.get(one).rows for one in ids] == [0, 30]


def test_an_idle_session_has_ended_for_the_connector():
    """After eight idle hours its handle is invalid, as are those of its operations, and closing it is no error."""
    with LocalWorkspace(chunk_rows=10) as workspace:
        path = f"/sql/1.0/warehouses/{workspace.warehouse_id}"
        uri = {"_connection_uri": workspace.host + path, "enable_telemetry": False}
        connection, client = sql.connect("127.0.0.1", path, workspace.token, **uri), _client(workspace)
        opened = client.OpenSession(t.TOpenSessionReq(configuration={})).sessionHandle
        unread = _executed(client, opened, "SELECT id FROM range(30)", getDirectResults=None, runAsync=False)
        workspace.clock.advance(hours=8)
        asked = t.TFetchResultsReq(operationHandle=unread.operationHandle, maxRows=5)
        assert client.FetchResults(asked).status.statusCode == STATUS.INVALID_HANDLE_STATUS
        with pytest.raises(sql.DatabaseError, match="Invalid SessionHandle"):
            connection.cursor().execute("SELECT 1")
        connection.close()


REFUSED_SETTINGS = [
    ({"TIMEZONE": "America/New_York"}, "UNSUPPORTED_BY_LOCAL_WORKSPACE"),
    ({"ansi_mode": "false"}, "UNSUPPORTED_BY_LOCAL_WORKSPACE"),
    ({"spark.sql.shuffle.partitions": "8"}, "CONFIG_NOT_AVAILABLE"),
]


@pytest.mark.parametrize(("settings", "code"), REFUSED_SETTINGS, ids=[code for _, code in REFUSED_SETTINGS])
def test_a_session_takes_the_settings_that_set_takes(client, settings, code):
    """A setting under which results would differ, and one that warehouses do not have, open no session."""
    refused = client.OpenSession(t.TOpenSessionReq(configuration=settings))
    assert refused.status.statusCode == STATUS.ERROR_STATUS
    assert code in refused.status.errorMessage
    own = {"spark.thriftserver.arrowBasedRowSet.timestampAsString": "false", "timezone": "UTC", "query_tags": "a:b"}
    assert client.OpenSession(t.TOpenSessionReq(configuration=own)).status.statusCode == STATUS.SUCCESS_STATUS


def test_a_stranger_gets_no_session_and_no_warehouse_answers_for_another(workspace):
    """A wrong token is a 401 or 403, and a warehouse or cluster that does not exist a 404, before any Thrift."""
    for path, token in ((None, "wrong"), ("/sql/1.0/warehouses/none", None), ("/sql/protocolv1/o/0/none", None)):
        client = _client(workspace, path, token)
        with pytest.raises(Exception, match=r"."):
            client.OpenSession(t.TOpenSessionReq())
        assert workspace.requests[-1].status in ({401, 403} if token else {404})


def test_a_fault_of_the_server_reaches_the_connector(workspace):
    """A 500 is an error of the connector, the statement does not run, and the connection goes on."""
    path = f"/sql/1.0/warehouses/{workspace.warehouse_id}"
    uri = {"_connection_uri": workspace.host + path, "enable_telemetry": False}
    with sql.connect("127.0.0.1", path, workspace.token, **uri) as connection:
        cursor = connection.cursor()
        workspace.fault("500", path="/sql/.*", times=1)
        with pytest.raises(sql.Error):
            cursor.execute("SELECT 'never' AS word")
        assert cursor.execute("SELECT 'once' AS word").fetchone()[0] == "once"
    workspace.clear_faults()
    ran = [statement.text for statement in workspace._statements.held()]
    assert (ran.count("SELECT 'never' AS word"), ran.count("SELECT 'once' AS word")) == (0, 1)


WITHOUT = """
import sys, urllib.request, urllib.error
sys.modules["databricks.sql"] = None
from genops.testing import LocalWorkspace
with LocalWorkspace() as workspace:
    assert "thrift" not in sys.modules
    headers = {"Authorization": f"Bearer {workspace.token}"}
    url = f"{workspace.host}/sql/1.0/warehouses/{workspace.warehouse_id}"
    try:
        urllib.request.urlopen(urllib.request.Request(url, b"x", headers))
    except urllib.error.HTTPError as refused:
        print(refused.code, refused.read().decode())
"""


def test_without_the_connector_the_transport_is_refused_in_clear_words():
    """Where databricks-sql-connector is not installed the answer is 501 and says what to install."""
    done = subprocess.run([sys.executable, "-c", WITHOUT], capture_output=True, text=True, timeout=120, check=True)
    assert done.stdout.startswith("501 ")
    assert "pip install databricks-sql-connector" in done.stdout


def test_names_are_found_by_the_patterns_of_jdbc():
    """A percent sign is any text and an underscore any character, unless a backslash stands before it."""
    from genops.testing.workspace.statements.thrift.metadata import Metadata, matcher

    assert [matcher(r"a\_b%")(name) for name in ("a_b", "a_bc", "axb")] == [True, True, False]
    nothing = SimpleNamespace(schemas=lambda _: [], tables=lambda *_: {})
    grants = SimpleNamespace(sees=lambda *_: False)
    from threading import RLock

    catalog = SimpleNamespace(catalogs={"c": {}}, virtual=nothing, grants=grants, lock=RLock())
    assert Metadata(catalog, "nobody").catalogs().rows == [["system"]]
