"""What becomes of the SDK's calls: iterators, waiters, statements, attempts, direct requests, learnt facts."""

from __future__ import annotations

import concurrent.futures
import gc
import threading

import pytest

from genops.core.decisions import Decision, Mode, PolicyResult
from genops.core.governor import Settings
from genops.core.operation import Action, DatasetRef
from genops.core.records import Outcome, Role
from genops.errors import PolicyDenied
from support.calls import clients, quick
from support.hooks import watched
from support.polling import eventually
from support.recording import TEAM
from support.stub import Answer, serving

STATEMENTS = "/api/2.0/sql/statements"


@pytest.fixture
def stub():
    """A server whose answers a test sets by path."""
    with serving() as server:
        server.routes = {}
        server.answer = lambda request: _routed(server.routes, request)
        yield server


def _routed(routes, request):
    answer = routes.get(request.path.rstrip("/"), {})
    answer = answer(request) if callable(answer) else answer
    return answer if isinstance(answer, Answer) else Answer(body=answer)


@pytest.fixture
def w(stub, monkeypatch):
    """A workspace client of the stub that waits for nothing."""
    client, _ = clients(stub.url, disable_experimental_files_api_client=True)
    quick(monkeypatch)
    return client


@pytest.fixture
def watch():
    """The hooks, with a governor that records."""
    with watched() as watch:
        yield watch


def host(stub):
    """The stub as an operation names it."""
    return stub.url.removeprefix("http://")


def pages(*items):
    """Answer page by page, the second page empty but with a token."""
    answered = {(): ([items[0]], "2"), ("2",): ([], "3"), ("3",): (list(items[1:]), None)}

    def answer(request):
        found, token = answered[tuple(value for key, value in request.query if key == "page_token")]
        return {"catalogs": [{"name": name} for name in found], "next_page_token": token}

    return answer


def test_an_iterator_is_one_unit_over_all_its_pages(stub, w, watch):
    """A lazy list is one operation with the items as rows and the pages as attempts."""
    stub.routes["/api/2.1/unity-catalog/catalogs"] = pages("a", "b", "c")
    assert [catalog.name for catalog in w.catalogs.list()] == ["a", "b", "c"]
    (settled,) = watch.sink.settled
    assert (settled.operation.type, settled.facts.rows, settled.facts.attempts) == ("catalog.list", 3, 3)
    assert settled.outcome is Outcome.OK
    assert not settled.incomplete


def test_an_iterator_that_nobody_reads_is_nothing(stub, w, watch):
    """A lazy list that is never iterated sends no request and leaves no record."""
    w.catalogs.list()
    gc.collect()
    assert (stub.requests, watch.sink.records) == ([], [])


def test_an_iterator_left_early_is_incomplete(stub, w, watch):
    """A lazy list that is closed in the middle settles with what was seen."""
    stub.routes["/api/2.1/unity-catalog/catalogs"] = pages("a", "b", "c")
    catalogs = w.catalogs.list()
    next(catalogs)
    catalogs.close()
    (settled,) = watch.sink.settled
    assert (settled.facts.rows, settled.incomplete) == (1, True)


def test_nothing_is_current_between_two_items(stub, w, watch):
    """The consumer's own work between two items is not inside the list's span."""
    stub.routes["/api/2.1/unity-catalog/catalogs"] = pages("a", "b")
    stub.routes["/api/2.1/unity-catalog/schemas"] = {"schemas": [{"name": "s"}]}
    for catalog in w.catalogs.list():
        assert watch.tracer.current is None
        list(w.schemas.list(catalog.name))
    assert watch.types() == ["schema.list", "schema.list", "catalog.list"]


def test_an_extension_that_calls_its_base_is_one_unit(stub, w, watch):
    """JobsExt.list asks JobsAPI.list inside: one unit all the same."""
    stub.routes["/api/2.2/jobs/list"] = {"jobs": [{"job_id": 1, "settings": {"name": "x"}}]}
    assert [job.job_id for job in w.jobs.list()] == [1]
    assert watch.types() == ["job.list"]


def test_a_waiter_is_a_unit_of_its_own(stub, w, watch):
    """Creating and waiting are two units; the polling inside the second is transparent."""
    states = iter(["PENDING", "PENDING", "RUNNING"])
    stub.routes["/api/2.1/clusters/create"] = {"cluster_id": "c-1"}
    stub.routes["/api/2.1/clusters/get"] = lambda _: {"cluster_id": "c-1", "state": next(states)}
    assert w.clusters.create(spark_version="15.4", num_workers=1).result().cluster_id == "c-1"
    assert watch.types() == ["cluster.create", "cluster.wait"]
    assert [record.facts.attempts for record in watch.sink.settled] == [1, 3]
    assert watch.sink.settled[1].operation.resource_id == "c-1"


def test_start_and_wait_is_one_unit(stub, w, watch):
    """An `_and_wait` method is one operation of the plain method's type."""
    stub.routes["/api/2.0/sql/warehouses/w-1"] = {"id": "w-1", "state": "RUNNING"}
    w.warehouses.start_and_wait("w-1")
    (settled,) = watch.sink.settled
    assert settled.operation.type == "sql_warehouse.start"
    assert settled.operation[7:9] == ("sql_warehouse", "w-1")


def test_a_long_running_operation_is_waited_for_in_a_unit(stub, w, watch):
    """`wait()` of an operation object is a unit, and its polling is transparent."""
    stub.routes["/api/2.0/postgres/projects/p/branches"] = {"name": "operations/1"}
    stub.routes["/api/2.0/postgres/operations/1"] = {"name": "operations/1", "done": True, "response": {"name": "b"}}
    from databricks.sdk.service.postgres import Branch

    operation = w.postgres.create_branch("projects/p", Branch(), branch_id="b")
    assert operation.wait().name == "b"
    assert watch.types() == ["postgres.create_branch", "postgres.wait"]


def test_attempts_and_the_reason_to_repeat_are_kept(stub, w, watch):
    """A call that was throttled twice is one unit with three attempts, the reason and the last request's id."""
    left = iter([429, 429])
    table = {"full_name": "main.sales.orders", "name": "orders"}
    throttled = Answer(429, {"error_code": "REQUEST_LIMIT_EXCEEDED", "message": "slow"}, (("Retry-After", "1"),))
    stub.routes["/api/2.1/unity-catalog/tables/main.sales.orders"] = lambda _: throttled if next(left, 0) else table
    w.tables.get("main.sales.orders")
    (settled,) = watch.sink.settled
    assert (settled.facts.attempts, settled.facts.request_id) == (3, "req-1")
    assert settled.facts.attributes["databricks.retry.reason"] == "RequestLimitExceeded"
    assert settled.operation.reads == (DatasetRef(("main", "sales", "orders"), "table", host(stub)),)


def test_an_error_tells_its_class_and_code(stub, w, watch):
    """A failed call settles as an error with the SDK's class and the platform's code, and no message."""
    missing = {"error_code": "RESOURCE_DOES_NOT_EXIST", "message": "table of Jane Doe"}
    stub.routes["/api/2.1/unity-catalog/tables/main.sales.orders"] = Answer(404, missing)
    with pytest.raises(OSError, match="Jane Doe"):
        w.tables.get("main.sales.orders")
    (settled,) = watch.sink.settled
    assert settled.outcome is Outcome.ERROR
    assert settled.facts.error_type == "databricks.sdk.errors.platform.ResourceDoesNotExist"
    assert settled.facts.error_code == "RESOURCE_DOES_NOT_EXIST"
    assert "Jane" not in repr(watch.sink.records)


def test_wrong_arguments_raise_the_sdks_own_error(w, watch):
    """A call that Python refuses raises Python's own TypeError, and is no fault of genops."""
    with pytest.raises(TypeError, match=r"TablesAPI\.get\(\) got an unexpected keyword argument 'nonsense'"):
        w.tables.get("main.sales.orders", nonsense=1)
    assert watch.sink.settled[0].facts.error_type == "TypeError"


def test_a_statement_that_fails_with_http_200_is_an_error(stub, w, watch):
    """FAILED is an error with the platform's code and the SQL state; the message stays."""
    error = {"error_code": "BAD_REQUEST", "message": "no table hr.salaries"}
    stub.routes[STATEMENTS] = {
        "statement_id": "st-1",
        "status": {"state": "FAILED", "error": error, "sql_state": "42P01"},
    }
    w.statement_execution.execute_statement("select * from hr.salaries", "w-1")
    (settled,) = watch.sink.settled
    assert settled.outcome is Outcome.ERROR
    assert (settled.facts.error_type, settled.facts.error_code) == ("BAD_REQUEST", "42P01")
    assert "salaries" not in repr(watch.sink.records)


def test_a_statement_tells_what_it_did_but_not_its_text(stub, w, watch):
    """Keyword, length and hash stand for the text; rows, bytes and the charge come from the response."""
    stub.routes[STATEMENTS] = {
        "statement_id": "st-1",
        "status": {"state": "SUCCEEDED"},
        "manifest": {"total_row_count": 3, "total_byte_count": 99, "truncated": True},
    }
    text = "-- for Jane\nSELECT ssn FROM main.hr.people WHERE ssn = '123-45-6789'"
    w.statement_execution.execute_statement(warehouse_id="w-1", statement=text)
    (settled,) = watch.sink.settled
    operation, facts = settled.operation, settled.facts
    assert (operation.type, operation.action, operation.resource_type) == ("table.query", Action.QUERY, "sql_warehouse")
    assert (operation.resource_id, operation.statement.keyword, operation.statement.length) == (
        "w-1",
        "SELECT",
        len(text),
    )
    assert (facts.rows, facts.bytes, facts.attributes["databricks.statement.truncated"]) == (3, 99, True)
    assert facts.charge[:4] == ("databricks", host(stub), "statement", "st-1")
    assert not any(word in repr(watch.sink.records) for word in ("ssn", "123-45", "Jane", "people"))


def test_rows_of_a_write_are_the_rows_that_it_changed(stub, w, watch):
    """The one row that a write returns is its count of changed rows, not a row of data."""
    stub.routes[STATEMENTS] = {
        "statement_id": "st-1",
        "status": {"state": "SUCCEEDED"},
        "manifest": {"total_row_count": 1, "schema": {"columns": [{"name": "num_affected_rows"}]}},
        "result": {"data_array": [["336776", "336776"]]},
    }
    w.statement_execution.execute_statement("insert into main.b.t select 1", "w-1")
    assert (watch.types(), watch.sink.settled[0].facts.rows) == (["table.write"], 336776)


def test_a_statement_that_still_runs_is_adjusted_when_its_end_is_seen(stub, w, watch):
    """PENDING at return settles as incomplete; a later look at its end adjusts that unit, not its own."""
    stub.routes[STATEMENTS] = {"statement_id": "st-1", "status": {"state": "PENDING"}}
    states = iter(["RUNNING", "SUCCEEDED", "SUCCEEDED"])
    stub.routes[f"{STATEMENTS}/st-1"] = lambda _: {
        "statement_id": "st-1",
        "status": {"state": next(states)},
        "manifest": {"total_row_count": 7},
    }
    w.statement_execution.execute_statement("select 1", "w-1", wait_timeout="0s")
    (first,) = watch.sink.settled
    assert (first.incomplete, first.facts.state) == (True, "PENDING")
    for _ in range(3):
        w.statement_execution.get_statement("st-1")
    (adjusted,) = watch.sink.adjusted
    assert (adjusted.unit, adjusted.facts.rows, adjusted.facts.state) == (first.unit, 7, "SUCCEEDED")
    assert watch.types() == ["table.query", "statement.get", "statement.get", "statement.get"]
    assert all(record.facts.charge is None for record in watch.sink.settled[1:])


def test_a_direct_request_is_governed_without_its_values(stub, w, watch):
    """`api_client.do` is a unit of the HTTP method; its path leaves as a template, its query never."""
    stub.routes["/api/2.0/lineage-tracking/table-lineage"] = {"upstreams": []}
    path = "/api/2.1/unity-catalog/tables/main.hr.salaries"
    assert w.api_client.do("GET", "/api/2.0/lineage-tracking/table-lineage", query={"table_name": "hr"}) == {
        "upstreams": []
    }
    w.api_client.do(method="DELETE", path=path)
    operations = [record.operation for record in watch.sink.settled]
    assert [operation.type for operation in operations] == ["api.get", "api.delete"]
    assert operations[1].attributes["databricks.api.path"] == "/api/2.1/unity-catalog/tables/{}"
    assert [record.facts.attempts for record in watch.sink.settled] == [1, 1]
    assert "salaries" not in repr(watch.sink.records)


def test_a_request_of_the_sdks_own_thread_is_part_of_the_call(stub, w, watch, monkeypatch):
    """Threads of the SDK lose the context; what they send is no unit of its own."""
    from databricks.sdk.mixins import files

    def in_a_thread(self, path):
        with files.ThreadPoolExecutor(max_workers=2) as pool:
            return list(pool.map(files.__dict__["_ask"], [self._api] * 3))

    exec("def _ask(api):\n    return api.do('GET', '/api/2.0/fs/x')\n", vars(files))
    monkeypatch.setattr(files.FilesExt, "exists_in_threads", in_a_thread, raising=False)
    w.files.exists_in_threads("x")
    del files._ask
    assert (len(stub.requests), watch.sink.records) == (3, [])


def test_a_call_of_the_programs_own_thread_is_a_unit(stub, w, watch):
    """A program's own pool calls the SDK: each call is a unit, although the context is lost there too."""
    with concurrent.futures.ThreadPoolExecutor(max_workers=4) as pool:
        list(pool.map(w.clusters.get, ["a", "b", "c"]))
        pool.submit(w.api_client.do, "GET", "/api/2.0/preview/scim/v2/Me").result()
    assert sorted(watch.types()) == ["api.get", "cluster.get", "cluster.get", "cluster.get"]


def test_a_file_handle_of_the_sdk_is_governed_where_the_program_uses_it(stub, w, watch):
    """Reads of a DBFS handle are operations of the program, although the SDK's own class makes them."""
    stub.routes["/api/2.0/dbfs/get-status"] = {"path": "/x", "file_size": 3}
    stub.routes["/api/2.0/dbfs/read"] = {"bytes_read": 3, "data": "YWJj"}
    with w.dbfs.open("/x", read=True) as handle:
        assert handle.read() == b"abc"
    assert watch.types() == ["dbfs.open", "dbfs.read"]


def test_a_two_part_name_stays_relative_until_the_response_completes_it(stub, w, watch):
    """`sales.orders` is never read as catalog and schema; the response names the catalog."""
    answer = {"catalog_name": "main", "schema_name": "sales", "name": "orders"}
    stub.routes["/api/2.1/unity-catalog/tables/sales.orders"] = answer
    w.tables.get("sales.orders")
    (settled,) = watch.sink.settled
    assert settled.operation.reads[0].parts == ("sales", "orders")
    assert settled.facts.reads == (DatasetRef(("main", "sales", "orders"), "table", host(stub)),)


def test_only_the_volume_of_a_path_leaves(stub, w, watch):
    """Of a file's path the volume is kept, and writing to it is a write."""
    import io

    w.files.upload("/Volumes/main/raw/landing/2026/jane.csv", io.BytesIO(b"a,b"))
    (settled,) = watch.sink.settled
    assert settled.operation.writes == (DatasetRef(("main", "raw", "landing"), "volume", host(stub)),)
    assert "jane" not in repr(watch.sink.records)


def test_facts_of_warehouses_and_the_workspace_are_learnt_in_passing(stub, w, watch):
    """Size and kind of a warehouse, cloud, region, metastore and workspace come from the program's own calls."""
    warehouse = {
        "id": "w-1",
        "cluster_size": "2X-Small",
        "warehouse_type": "PRO",
        "enable_serverless_compute": True,
        "num_clusters": 2,
    }
    stub.routes["/api/2.0/sql/warehouses"] = {"warehouses": [warehouse]}
    summary = {"cloud": "aws", "region": "eu-west-1", "metastore_id": "m-1", "owner": "jane@example.com"}
    stub.routes["/api/2.1/unity-catalog/metastore_summary"] = summary
    list(w.warehouses.list())
    w.metastores.summary()
    inventory = watch.governor.inventory
    known = {"cluster_size": "2X-Small", "warehouse_type": "PRO", "serverless": True, "num_clusters": 2}
    assert inventory.of(host(stub), "warehouse", "w-1") == known
    place = {"cloud": "aws", "region": "eu-west-1", "metastore_id": "m-1", "workspace_id": "4242"}
    assert inventory.workspace(host(stub)) == place
    w.current_user.me()
    attributes = watch.sink.settled[-1].operation.attributes
    assert attributes == {"databricks.workspace.id": "4242", "databricks.metastore.id": "m-1"}


def test_host_metadata_of_the_client_is_learnt_without_a_request(stub):
    """What the SDK resolved when the client was built is known from the first call on."""
    stub.metadata = {"workspace_id": "77", "cloud": "AZURE", "account_id": "acc-9"}
    client, _ = clients(stub.url)
    with watched() as watch:
        client.current_user.me()
    assert watch.governor.inventory.workspace(host(stub))["cloud"] == "azure"
    assert watch.sink.admitted[0].operation.attributes["databricks.workspace.id"] == "77"
    assert len(stub.requests) == 1


def test_credentials_in_the_host_stay(stub):
    """A host with user and password in its URL is named without them."""
    client, _ = clients(stub.url.replace("//", "//jane:hunter2@"))
    with watched() as watch:
        client.current_user.me()
    assert watch.sink.admitted[0].operation.host == host(stub)
    assert "hunter2" not in repr(watch.sink.records)


def test_a_client_that_exists_already_is_governed(stub, w):
    """Classes are patched, so clients built before the hooks are governed, and free again after them."""
    with watched() as watch:
        w.current_user.me()
    w.current_user.me()
    assert watch.types() == ["current_user.me"]


def test_calls_inside_a_unit_are_parts(stub, w, watch):
    """Inside a running unit of the program's, a call has a span but no reservation of its own."""
    from genops.core.operation import Operation

    unit = watch.governor.begin(Operation("etl.step", "custom"))
    tokens = unit.enter()
    w.catalogs.get("main")
    unit.exit(tokens)
    unit.returned(None)
    assert watch.types() == ["etl.step"]
    assert [scope.role for scope in watch.tracer.scopes] == [Role.UNIT, Role.PART]


def test_threads_may_install_at_once():
    """Installing from many threads wraps every method once."""
    from genops.instrumentation import databricks_sdk

    threads = [threading.Thread(target=databricks_sdk.install) for _ in range(8)]
    try:
        for thread in threads:
            thread.start()
        eventually(lambda: not any(thread.is_alive() for thread in threads))
        from databricks.sdk.service.catalog import CatalogsAPI

        assert not hasattr(CatalogsAPI.get.__wrapped__, "__wrapped__")
    finally:
        databricks_sdk.uninstall()


class Deny:
    """Refuses everything."""

    needs = frozenset()

    def evaluate(self, operation, resolution):
        """Say no."""
        return Decision(PolicyResult.BLOCKED, "POLICY_DENY_CONTENT", "deny", "not today")


@pytest.mark.parametrize(
    "call",
    [
        lambda w: w.tables.get("main.sales.orders"),
        lambda w: w.catalogs.list(),
        lambda w: w.statement_execution.execute_statement("select 1", "w-1"),
        lambda w: w.api_client.do("GET", "/api/2.0/x"),
    ],
)
def test_a_refused_call_sends_nothing(stub, w, call):
    """In enforce mode a refusal is raised at the call, a lazy list's too, and no request is sent."""
    with watched(Settings(mode=Mode.ENFORCE, attribution=TEAM), policy=Deny()) as watch, pytest.raises(PolicyDenied):
        call(w)
    assert stub.requests == []
    assert [type(record).__name__ for record in watch.sink.records] == ["Admitted"]
