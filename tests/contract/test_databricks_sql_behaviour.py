"""What becomes of a call of the SQL connector: one unit, what it says, and what the platform is told of who pays."""

from __future__ import annotations

import contextlib
import gc
import json
import threading
import time
import urllib.request
import weakref
from types import SimpleNamespace

import pytest
import sqlalchemy as sa
from databricks.sql import exc as databricks_error

from genops.core.attribution import Attribution, attribution
from genops.core.decisions import Mode
from genops.core.governor import Settings
from genops.core.operation import Operation, Place
from genops.core.records import Outcome, Role
from genops.core.statements import NoReader
from genops.errors import GovernanceError
from genops.instrumentation import databricks_connections, databricks_results, databricks_sdk, databricks_sql
from genops.testing import LocalWorkspace
from support.connecting import TRANSPORTS, connected
from support.connector_calls import SLOW
from support.governed import DenyAll
from support.recording import RecordingSink, RecordingTracer, active
from support.sdk import workspace_client

WHO = Attribution({"team": "de", "project": "p1", "environment": "test", "user": "ada@example.com"})
INJECTING = Settings(attribution=WHO, inject=True)


@pytest.fixture(scope="module")
def workspace():
    """A workspace whose results have several chunks from 11 rows on."""
    with LocalWorkspace(chunk_rows=10) as running:
        yield running


@pytest.fixture(scope="module", params=TRANSPORTS)
def connection(workspace, request):
    """A connection that was there before the hooks."""
    with connected(workspace, request.param) as opened:
        yield opened


@contextlib.contextmanager
def watched(settings=None, **ports):
    """Connector and SDK are governed, and everything is recorded."""
    sink, tracer = RecordingSink(), RecordingTracer()
    with active(settings, sinks=[sink], tracer=tracer, **ports) as governor:
        databricks_sql.install()
        databricks_sdk.install()
        try:
            yield SimpleNamespace(governor=governor, sink=sink, tracer=tracer)
            assert governor.guard.counts == {}
        finally:
            databricks_sql.uninstall()
            databricks_sdk.uninstall()


class Reader(NoReader):
    """Keeps what is handed to it, and what is taken back."""

    def __init__(self):
        self.texts = []
        self.undone = []

    def begin(self, statement, text):
        """Keep a text and where it runs."""
        self.texts.append((statement.place, text))

    def undo(self, statement):
        """Keep the length of a text that did not run."""
        self.undone.append(statement.length)


def test_a_statement_is_one_unit(workspace, connection):
    """Type, place, warehouse, rows and the statement's id are known, and the text goes to the reader alone."""
    reader = Reader()
    with watched(statements=reader) as watch, connection.cursor() as cursor:
        cursor.execute("SELECT * FROM VALUES (1), (2) AS t(n)")
        sent = cursor.query_id
        assert len(cursor.fetchall()) == 2
    (settled,) = watch.sink.settled
    host = workspace.host.removeprefix("http://")
    operation, facts = settled.operation, settled.facts
    assert (operation.type, operation.host, operation.library) == ("table.query", host, "databricks_sql")
    assert (operation.resource_type, operation.resource_id) == ("sql_warehouse", workspace.warehouse_id)
    assert (operation.statement.keyword, operation.statement.length) == ("SELECT", 37)
    session = connection.get_session_id_hex()
    assert operation.statement.place == Place("databricks", host, "main", "default", session)
    assert reader.texts == [(operation.statement.place, "SELECT * FROM VALUES (1), (2) AS t(n)")]
    assert (facts.rows, facts.state, facts.charge) == (2, "SUCCEEDED", ("databricks", host, "statement", sent, None))
    assert watch.sink.adjusted == []


def test_rows_that_change_are_counted(connection):
    """A statement that changes data says how many rows, where the connector knows it."""
    with watched() as watch, connection.cursor() as cursor:
        cursor.execute("CREATE OR REPLACE TABLE main.default.changed (n INT)")
        cursor.execute("INSERT INTO main.default.changed VALUES (1), (2), (3)")
        cursor.fetchall()
    made, written = watch.sink.settled
    assert (made.operation.type, made.facts.rows) == ("sql.define", None)
    assert written.operation.type == "table.write"
    assert written.facts.rows == (3 if connection.session.use_sea is False else None)
    assert watch.sink.adjusted == []


def test_an_error_has_its_sql_state_and_no_message(connection):
    """A failed statement is an error with class, state and id; nothing of the message is said."""
    with watched() as watch, connection.cursor() as cursor, pytest.raises(Exception, match="not_there"):
        cursor.execute("SELECT 'hunter2' FROM main.default.not_there")
    (settled,) = watch.sink.settled
    assert settled.outcome is Outcome.ERROR
    assert settled.facts.error_type == "databricks.sql.exc.ServerOperationError"
    assert (settled.facts.error_code, settled.facts.state) == ("42P01", "FAILED")
    assert settled.facts.charge.id
    assert "not_there" not in str(settled)
    assert "hunter2" not in str(settled)


def test_an_error_before_the_request_has_no_statement(connection):
    """What fails in the connector itself is not charged as the statement before it."""
    with watched() as watch, connection.cursor() as cursor:
        cursor.execute("SELECT 1")
        with pytest.raises(TypeError):
            cursor.execute("SELECT 1", nonsense=1)
    assert [settled.facts.charge is None for settled in watch.sink.settled] == [False, True]


def test_many_sets_of_parameters_are_one_unit(connection):
    """Executemany is one unit with one span, which says how many statements it ran; a failing one ends it."""
    with watched() as watch, connection.cursor() as cursor:
        cursor.executemany("SELECT :n", [{"n": n} for n in range(3)])
        cursor.executemany("SELECT :n", [{"n": 1}])
        with pytest.raises(Exception, match="DIVIDE_BY_ZERO"):
            cursor.executemany("SELECT 1 / :n", [{"n": 1}, {"n": 0}, {"n": 2}])
    three, one, failed = watch.sink.settled
    assert len(watch.tracer.scopes) == 3
    assert (three.facts.attributes, three.facts.charge, three.facts.rows) == ({"db.operation.batch.size": 3}, None, 3)
    assert (one.facts.attributes, one.facts.charge.kind) == ({}, "statement")
    assert (failed.facts.error_code, failed.facts.attributes) == ("22012", {"db.operation.batch.size": 2})


def test_listings_name_what_they_are_confined_to(connection):
    """Catalogs, schemas, tables and columns are reads, of what they name without a wildcard."""
    with watched() as watch, connection.cursor() as cursor:
        cursor.catalogs()
        cursor.schemas("main")
        cursor.tables("main", "default", "%")
        cursor.columns("main", schema_name="default", table_name="changed")
    assert [(s.operation.type, [ref.name for ref in s.operation.reads]) for s in watch.sink.settled] == [
        ("catalog.list", []),
        ("schema.list", ["main"]),
        ("table.list", ["main.default"]),
        ("column.list", ["main.default.changed"]),
    ]
    assert [settled.facts.rows for settled in watch.sink.settled][:2] == [2, 2]


def test_an_asynchronous_statement_is_pending_until_its_end_is_seen(connection):
    """The unit waits; the look that sees the end corrects it once, and the rows come with the result."""
    with watched() as watch, connection.cursor() as cursor:
        cursor.execute_async("SELECT 7 AS n")
        (settled,) = watch.sink.settled
        assert (settled.facts.state, settled.incomplete, len(watch.governor.pending)) == ("PENDING", True, 1)
        while cursor.is_query_pending():
            time.sleep(0.005)
        assert len(watch.governor.pending) == 0
        assert cursor.get_async_execution_result().fetchall() == [(7,)]
    assert len(watch.sink.settled) == 1
    assert [(a.facts.state, a.facts.rows) for a in watch.sink.adjusted] == [("SUCCEEDED", None), (None, 1)]


def test_an_asynchronous_result_alone_is_the_end(connection):
    """Without a look before it, the result brings state and rows together."""
    with watched() as watch, connection.cursor() as cursor:
        cursor.ASYNC_DEFAULT_POLLING_INTERVAL = 0.005
        cursor.execute_async("SELECT 7 AS n")
        cursor.get_async_execution_result()
    assert [(a.facts.state, a.facts.rows) for a in watch.sink.adjusted] == [("SUCCEEDED", 1)]


def test_an_asynchronous_failure_is_seen(connection):
    """The end of a statement that failed is an error of its unit."""
    with watched() as watch, connection.cursor() as cursor:
        cursor.ASYNC_DEFAULT_POLLING_INTERVAL = 0.005
        cursor.execute_async("SELECT * FROM main.default.not_there")
        with pytest.raises(Exception, match=r"FAILED|not_there"):
            cursor.get_async_execution_result()
    (adjusted,) = watch.sink.adjusted
    assert adjusted.facts.state == "FAILED"
    assert adjusted.facts.error_type in {"FAILED", "databricks.sql.exc.ServerOperationError"}


def test_cancelling_is_seen_by_both(workspace):
    """Cancelling is a unit of its own, and what was cancelled says so."""
    ended = []

    def run():
        try:
            cursor.execute(SLOW)
        except Exception as error:
            ended.append(error)

    with watched() as watch, connected(workspace, "thrift") as opened, opened.cursor() as cursor:
        running = threading.Thread(target=run)
        running.start()
        while cursor.active_command_id is None:
            time.sleep(0.01)
        cursor.cancel()
        running.join(60)
    assert len(ended) == 1
    found = {settled.operation.type: settled.facts for settled in watch.sink.settled}
    assert set(found) == {"statement.cancel_execution", "table.query"}
    assert (found["table.query"].state, found["table.query"].error_type) == ("CANCELED", "CANCELED")


def test_an_asynchronous_statement_is_cancelled_from_another_thread(connection):
    """Its unit ends as cancelled, once; cancelling is a unit beside it."""
    with watched() as watch, connection.cursor() as cursor:
        cursor.ASYNC_DEFAULT_POLLING_INTERVAL = 0.005
        cursor.execute_async(SLOW)
        cancelling = threading.Thread(target=cursor.cancel)
        cancelling.start()
        cancelling.join(60)
        with pytest.raises(databricks_error.Error):
            cursor.get_async_execution_result()
        assert len(watch.governor.pending) == 0
    assert [s.operation.type for s in watch.sink.settled] == ["table.query", "statement.cancel_execution"]
    (adjusted,) = watch.sink.adjusted
    assert (adjusted.facts.state, adjusted.facts.error_type) == ("CANCELED", "CANCELED")


def test_what_did_not_run_to_its_end_is_taken_back(connection):
    """A statement that failed, at once or later, or was refused leaves nothing to its session; one that ran does."""
    reader = Reader()
    failing = ("USE main.nowhere1", "USE main.nowhere22", "USE main.nowhere333")
    given = Settings(mode=Mode.ENFORCE, attribution=WHO)
    with watched(given, statements=reader) as watch, connection.cursor() as cursor:
        cursor.ASYNC_DEFAULT_POLLING_INTERVAL = 0.005
        cursor.execute("USE main.default")
        with pytest.raises(databricks_error.Error):
            cursor.execute(failing[0])
        cursor.execute_async(failing[1])
        with pytest.raises(databricks_error.Error):
            cursor.get_async_execution_result()
        watch.governor.policy = DenyAll()
        with pytest.raises(GovernanceError):
            cursor.execute(failing[2])
    assert reader.undone == [len(text) for text in failing]


def test_parameters_are_no_facts(workspace, connection):
    """Given by name or position, typed, or filled into the text by the connector: no record holds their values."""
    reader = Reader()
    with watched(statements=reader) as watch:
        with connection.cursor() as cursor:
            cursor.execute("SELECT :s AS s", {"s": "hunter2"})
            cursor.execute("SELECT ? AS s", ["hunter2"])
            cursor.executemany("SELECT :s AS s", [{"s": "hunter2"}, {"s": "hunter2"}])
        inline = connected(workspace, "thrift", use_inline_params="silent")
        with inline, inline.cursor() as cursor:
            assert cursor.execute("SELECT %(s)s AS s", {"s": "hunter2"}).fetchall() == [("hunter2",)]
    assert [settled.facts.rows for settled in watch.sink.settled] == [1, 1, 2, 1]
    assert [text for _, text in reader.texts] == [
        "SELECT :s AS s",
        "SELECT ? AS s",
        "SELECT :s AS s",
        "SELECT %(s)s AS s",
    ]
    assert "hunter2" not in repr(watch.sink.records)


def test_installed_twice_a_statement_is_one_unit(workspace, connection):
    """Hooks of connector and SDK, put in twice, say everything once, each of its own calls."""
    client = workspace_client(workspace)
    with watched() as watch, connection.cursor() as cursor:
        databricks_sql.install()
        databricks_sdk.install()
        cursor.execute("SELECT 1")
        client.statement_execution.execute_statement("SELECT 1", workspace.warehouse_id)
    told = [(settled.operation.library, settled.operation.type) for settled in watch.sink.settled]
    assert told == [("databricks_sql", "table.query"), ("databricks_sdk", "table.query")]
    assert len(watch.tracer.scopes) == 2


@pytest.mark.parametrize(
    "fetch",
    [
        lambda cursor: len(cursor.fetchall()),
        lambda cursor: cursor.fetchall_arrow().num_rows,
        lambda cursor: len(list(cursor)),
        lambda cursor: 1 + len(cursor.fetchmany(3)) if cursor.fetchone() else 0,
    ],
)
def test_rows_fetched_later_are_counted(workspace, fetch):
    """Where a result has not come as a whole, its unit learns what was fetched: once, and no more than that."""
    with watched() as watch, connected(workspace, "thrift", use_cloud_fetch=False) as opened:
        cursor = opened.cursor(arraysize=10)
        cursor.execute("SELECT id FROM range(35)")
        count = fetch(cursor)
        cursor.close()
    (settled,) = watch.sink.settled
    assert (settled.facts.rows, count) == (None, count)
    assert [adjusted.facts.rows for adjusted in watch.sink.adjusted] == [count]


def test_a_result_says_its_rows_bytes_and_chunks(workspace):
    """Known at once or when its end is seen, cut off or whole; a chunk that is fetched adds nothing to it."""
    run = workspace_client(workspace).statement_execution
    many, cut, chunks = "SELECT id FROM range(35)", "databricks.statement.truncated", "databricks.statement.chunks"
    with watched() as watch:
        whole = run.execute_statement(many, workspace.warehouse_id)
        run.get_statement_result_chunk_n(whole.statement_id, 1)
        run.execute_statement(many, workspace.warehouse_id, row_limit=15)
        late = run.execute_statement(many, workspace.warehouse_id, wait_timeout="0s").statement_id
        while run.get_statement(late).status.state.value in {"PENDING", "RUNNING"}:
            time.sleep(0.005)
        with connected(workspace, "sea") as opened, opened.cursor() as cursor:
            assert len(cursor.execute(many).fetchall()) == 35
    told = [(s.operation.type, s.facts) for s in watch.sink.settled]
    statements = [facts for kind, facts in told if kind == "table.query"]
    ended = (*statements[:2], watch.sink.adjusted[0].facts, statements[3])
    assert [(facts.rows, dict(facts.attributes)) for facts in ended] == [
        (35, {chunks: 4}), (15, {cut: True, chunks: 2}), (35, {chunks: 4}), (35, {chunks: 4}),
    ]  # fmt: skip
    # The platform says bytes of what is fetched by links only, as the connector does.
    assert [facts.bytes is not None for facts in ended] == [False, False, False, True]
    assert (statements[2].state, len(watch.sink.adjusted)) == ("PENDING", 1)
    assert [(facts.rows, facts.bytes) for kind, facts in told if kind == "statement.get_result_chunk_n"] == [
        (None, None)
    ]


def test_nothing_is_kept_alive(workspace):
    """A connection that the program forgets, with a result half fetched, is collected as ever."""
    with watched():
        opened = connected(workspace, "thrift", use_cloud_fetch=False)
        cursor = opened.cursor(arraysize=10)
        cursor.execute("SELECT id FROM range(35)")
        cursor.fetchone()
        forgotten = weakref.ref(opened)
        del opened, cursor
        gc.collect()
        assert forgotten() is None


def test_statements_as_dbt_sends_them(workspace, connection):
    """A comment before the text, several cursors of a connection and a table made of another: one unit each."""
    header = '/* {"app": "dbt", "node_id": "model.shop.daily"} */\n'
    statements = (
        "create or replace table `main`.`default`.`dbt_source` using delta as select 1 as n",
        "create or replace view main.default.dbt_view as select n from main.default.dbt_source",
        "describe extended `main`.`default`.`dbt_source`",
        "drop view if exists main.default.dbt_view",
    )
    workspace.clear_requests()
    with watched() as watch:
        for text in statements:
            with connection.cursor() as cursor:
                cursor.execute(header + text)
    kinds = [settled.operation.type for settled in watch.sink.settled]
    assert kinds == ["sql.define", "sql.define", "table.query", "sql.define"]
    assert [request.sql for request in workspace.requests if request.sql] == [header + text for text in statements]


def test_a_statement_inside_an_operation_is_a_part(connection):
    """Inside somebody's unit a statement is a part of it, never a second unit."""
    with watched() as watch, connection.cursor() as cursor:
        unit = watch.governor.begin(Operation("load", "test"))
        tokens = unit.enter()
        cursor.execute("SELECT 1")
        unit.exit(tokens)
        unit.returned(None)
    assert [settled.operation.type for settled in watch.sink.settled] == ["load"]
    assert [(s.operation.type, s.role) for s in watch.tracer.scopes] == [
        ("load", Role.UNIT),
        ("table.query", Role.PART),
    ]


def test_sqlalchemy_gives_one_unit_a_statement(workspace):
    """What SQLAlchemy sends is governed, statement by statement, and so are its looks at the catalog."""
    path = f"/sql/1.0/warehouses/{workspace.warehouse_id}"
    query = {"http_path": path, "catalog": "main", "schema": "default"}
    url = sa.URL.create("databricks", username="token", password=workspace.token, host="127.0.0.1", query=query)
    engine = sa.create_engine(url, connect_args={"enable_telemetry": False, "_connection_uri": workspace.host + path})
    flights = sa.Table("sa_flights", sa.MetaData(), sa.Column("id", sa.BigInteger), sa.Column("carrier", sa.String))
    workspace.clear_requests()
    with watched() as watch:
        flights.create(engine)
        with engine.begin() as opened:
            opened.execute(flights.insert(), [{"id": 1, "carrier": "AA"}, {"id": 2, "carrier": "UA"}])
            assert len(opened.execute(sa.select(flights)).all()) == 2
        engine.dispose()
    kinds = [settled.operation.type for settled in watch.sink.settled if settled.operation.statement]
    assert {"sql.define", "table.write", "table.query"} <= set(kinds)
    sent = [request.sql for request in workspace.requests if request.sql]
    units = [settled for settled in watch.sink.settled if settled.operation.statement]
    assert sum(unit.facts.attributes.get("db.operation.batch.size", 1) for unit in units) == len(sent)


def _tags(workspace, statement):
    address = f"{workspace.host}/api/2.0/sql/history/queries?filter_by.statement_ids={statement}"
    asked = urllib.request.Request(address, headers={"Authorization": f"Bearer {workspace.token}"})
    with urllib.request.urlopen(asked, timeout=30) as answer:
        found = json.load(answer)["res"]
    return {tag["key"]: tag.get("value") or None for tag in found[0]["query_tags"]}


OURS = {"genops_team": "de", "genops_project": "p1", "genops_environment": "test"}


def test_attribution_goes_into_query_tags_where_it_is_asked_for(workspace, connection):
    """Every way to run a statement carries who pays, under the program's own tags, whose mapping stays as it is."""
    own = {"stage": "x", "genops_team": "mine"}
    with watched(INJECTING), connection.cursor() as cursor:
        plain = cursor.execute("SELECT 1").query_id
        tagged = cursor.execute("SELECT 1", query_tags=own).query_id
        many = cursor.executemany("SELECT :n", [{"n": 1}], query_tags=own).query_id
        cursor.ASYNC_DEFAULT_POLLING_INTERVAL = 0.005
        with attribution(team="other"):
            other = cursor.execute_async("SELECT 1").query_id
        cursor.get_async_execution_result()
        placed = cursor.execute("SELECT 1", None, False, None, own).query_id
    assert own == {"stage": "x", "genops_team": "mine"}
    assert _tags(workspace, plain) == OURS
    assert _tags(workspace, tagged) == _tags(workspace, many) == {**OURS, **own}
    assert _tags(workspace, other) == {**OURS, "genops_team": "other"}
    assert _tags(workspace, placed) == own


def test_nothing_is_tagged_unasked(workspace, connection):
    """Without the setting no tag is sent."""
    with watched(Settings(attribution=WHO)), connection.cursor() as cursor:
        sent = cursor.execute("SELECT 1").query_id
    assert _tags(workspace, sent) == {}


def test_tags_of_a_connection_win(workspace):
    """A connection's own tags are not overridden, and a text of tags that the program wrote is left alone."""
    own, text = {"genops_project": "mine", "x": None}, {"QUERY_TAGS": "genops_project:mine"}
    with watched(INJECTING):
        with connected(workspace, "thrift", query_tags=own) as opened, opened.cursor() as cursor:
            merged = cursor.execute("SELECT 1").query_id
        with connected(workspace, "thrift", session_configuration=text) as opened, opened.cursor() as cursor:
            alone = cursor.execute("SELECT 1").query_id
    assert own == {"genops_project": "mine", "x": None}
    assert text == {"QUERY_TAGS": "genops_project:mine"}
    assert _tags(workspace, merged) == {**OURS, **own}
    assert _tags(workspace, alone) == {"genops_project": "mine"}


def test_the_sdk_tags_its_statements_too(workspace):
    """A statement of the SDK carries who pays, after the program's own tags, whose list stays as it is."""
    from databricks.sdk.service.sql import QueryTag

    own = [QueryTag("genops_team", "mine")]
    client = workspace_client(workspace)
    with watched(INJECTING):
        run = client.statement_execution.execute_statement
        plain = run("SELECT 1", workspace.warehouse_id).statement_id
        tagged = run("SELECT 1", workspace.warehouse_id, query_tags=own).statement_id
    assert len(own) == 1
    assert _tags(workspace, plain) == OURS
    assert _tags(workspace, tagged) == {**OURS, "genops_team": "mine"}


def test_the_text_of_a_message_gives_no_state_away():
    """A state is one of a known class, and what follows as text of the statement is not read."""
    states = {
        "[X] no. SQLSTATE: 42601 (line 1)\n== SQL (line 1) ==\nselect 'SQLSTATE: 22012'": "42601",
        "told by a user: SQLSTATE: QQ123": None,
        "nothing": None,
    }
    assert {text: databricks_results.sql_state(Exception(text)) for text in states} == states
    named = Exception("SQLSTATE: 42601")
    named.sql_state = "22012"
    assert databricks_results.sql_state(named) == "22012"


def test_a_connection_is_read_in_every_form():
    """Warehouse, endpoint and cluster paths, ports, proxies and the fields of older versions are understood."""

    def reach(**fields):
        class Connection:
            """A connection with these fields."""

            def get_session_id_hex(self):
                """Return an id."""
                return "s-1"

        connection = Connection()
        vars(connection).update(fields)
        return databricks_connections.reach_of(connection)

    session = SimpleNamespace(
        host="https://Acme.example.com", port=443, http_path="/sql/1.0/endpoints/abc", catalog="m", schema=None
    )
    assert reach(session=session)[:8] == ("acme.example.com", "sql_warehouse", "abc", None, "m", "", "s-1", frozenset())
    path = "/sql/protocolv1/o/42/0101-1-c"
    transport = SimpleNamespace(host="proxy", port=1, realhost="acme.example.com", realport=8443, path=path)
    old = reach(host="ignored", thrift_backend=SimpleNamespace(_transport=transport))
    assert old[:4] == ("acme.example.com:8443", "cluster", "0101-1-c", "42")
    asked = SimpleNamespace(http_path="/x?o=7", session_configuration={"query_tags": "a"})
    assert (reach(session=asked).tags, reach(session=asked).workspace_id) == (None, "7")
