"""The compatibility table: every method of the newest SDK's workspace client works or is refused, and nothing else."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from genops.instrumentation.databricks_describe import site_of
from genops.testing.workspace import LocalWorkspace
from support.compatibility import REFUSED, WORKS, Outcome, Prober, methods
from support.compatibility_page import PAGE, measured, page, sdk, written_for
from support.compatibility_world import APART, ARGUMENTS
from support.sdk import workspace_client


@pytest.fixture(scope="module")
def outcomes():
    """What each method came to."""
    return measured()


@pytest.fixture(scope="module")
def ws():
    """A workspace with the objects that paths name."""
    with LocalWorkspace(transition_polls=0, page_size=1) as workspace:
        workspace.execute("CREATE TABLE t AS SELECT 1 AS id; CREATE TABLE u AS SELECT id FROM t")
        yield workspace


def test_every_method_works_or_is_refused(outcomes):
    """A method does what it says, which was seen, or answers NOT_IMPLEMENTED and leaves no trace."""
    wrong = [each for each in outcomes if each.verdict not in (WORKS, REFUSED)]
    assert wrong == []


def test_every_method_was_called(ws, outcomes):
    """The table has every public method of every service of the client, but those that send it nothing."""
    every = {str(method) for method in methods(workspace_client(ws))}
    assert {each.method for each in outcomes} == every - set(APART)
    assert set(APART) - every == set()
    services = {name.rpartition(".")[0] for name in every}
    assert {key for key in ARGUMENTS if key not in services and key not in every} == set()


def test_methods_that_genops_describes_specially_work(ws, outcomes):
    """What genops observes of an answer can be tested here."""
    described = {
        str(method)
        for method in methods(workspace_client(ws))
        if site_of(type(method.owner).__name__, method.name, getattr(type(method.owner), method.name)).observe
    }
    verdicts = {each.method: each.verdict for each in outcomes}
    assert len(described) > 30
    assert {name for name in described if verdicts[name] != WORKS} == set()


@pytest.mark.parametrize("given", [{}, None])
def test_success_without_a_change_is_no_success(given):
    """A method that answers success and changes nothing is found out, whether it was expected to work or not."""
    stub = SimpleNamespace(arguments=lambda _: given, elsewhere=lambda _: {}, learn=lambda *_: None, made=0)
    with LocalWorkspace() as ws:
        ws._router.add({"POST /api/2.0/global-init-scripts": lambda _: {"script_id": "1"}})
        prober = Prober(ws, workspace_client(ws), stub)
        (method,) = (each for each in prober.methods if str(each) == "global_init_scripts.create")
        assert prober.outcome(method).verdict == "unproven"


def test_page_is_up_to_date(outcomes):
    """The page shows the table of the SDK that it names."""
    if sdk() != written_for():
        pytest.skip(f"the page is written for {written_for()}, installed is {sdk()}")
    assert PAGE.read_text(encoding="utf-8") == page(outcomes)


def test_page_tells_what_it_is_given():
    """A service without a method that works is named once, and one with some shows both kinds."""
    text = page([Outcome("a.get", WORKS), Outcome("a.put", REFUSED), Outcome("b.c.get", REFUSED)])
    assert "**1 work**, 2 are refused" in text
    assert "| `w.a` | `get` | `put` |" in text
    assert "\n`w.b.c`\n" in text


UNITY = "/api/2.1/unity-catalog"
NAME = "main.default.t"
PATHS = [
    "GET /.well-known/databricks-config",
    "GET /api/2.0/preview/scim/v2/Me",
    f"GET {UNITY}/catalogs",
    f"GET {UNITY}/schemas?catalog_name=main",
    *(f"GET {UNITY}/{kind}?catalog_name=main&schema_name=default" for kind in ("tables", "volumes", "functions")),
    f"GET {UNITY}/models",
    f"GET {UNITY}/permissions/table/{NAME}",
    f"GET {UNITY}/effective-permissions/table/{NAME}",
    f"GET {UNITY}/metastore_summary",
    f"GET {UNITY}/entity-tag-assignments/tables/{NAME}/tags",
    f"GET {UNITY}/policies/TABLE/{NAME}",
    "GET /api/2.0/sql/warehouses",
    "GET /api/2.0/sql/history/queries?include_metrics=true",
    "GET /api/2.1/clusters/list",
    "GET /api/2.2/jobs/list",
    f"GET /api/2.0/lineage-tracking/table-lineage?table_name={NAME}&include_entity_lineage=true",
    f"GET /api/2.0/lineage-tracking/column-lineage?table_name={NAME}&column_name=id",
    f"GET /api/2.0/lineage-tracking/external-lineage?lineage_direction=UPSTREAM&object_info.table.name={NAME}",
    "GET /api/2.0/lineage-tracking/external-metadata",
]


@pytest.mark.parametrize("request_line", PATHS)
def test_paths_of_the_platform_answer(ws, request_line):
    """Every path that a faithful workspace must have, by the newest versions of clients, answers."""
    verb, _, target = request_line.partition(" ")
    path, _, query = target.partition("?")
    given = dict(pair.split("=") for pair in query.split("&")) if query else None
    assert isinstance(workspace_client(ws).api_client.do(verb, path, query=given), dict)


def test_old_and_new_paths_of_statements_answer(ws):
    """Statements are taken with and without a slash at the end, and their chunks and cancel by their id."""
    do = workspace_client(ws).api_client.do
    for path in ("/api/2.0/sql/statements", "/api/2.0/sql/statements/"):
        body = {"statement": f"SELECT id FROM {NAME}", "warehouse_id": ws.warehouse_id, "wait_timeout": "30s"}
        made = do("POST", path, body=body)
        assert made["result"]["data_array"] == [["1"]]
    assert do("GET", f"/api/2.0/sql/statements/{made['statement_id']}")["status"]["state"] == "SUCCEEDED"
    assert do("GET", f"/api/2.0/sql/statements/{made['statement_id']}/result/chunks/0")["row_count"] == 1
    assert do("POST", f"/api/2.0/sql/statements/{made['statement_id']}/cancel") == {}
    session = do("POST", "/api/2.0/sql/sessions", body={"warehouse_id": ws.warehouse_id})["session_id"]
    assert do("DELETE", f"/api/2.0/sql/sessions/{session}?warehouse_id={ws.warehouse_id}") == {}


def test_lineage_of_what_ran_is_one_hop(ws):
    """The lineage of a table shows what was made of it, and that of a column what was computed from it."""
    w = workspace_client(ws)
    w.statement_execution.execute_statement(
        f"CREATE TABLE main.default.made AS SELECT id + 1 AS next FROM {NAME}", ws.warehouse_id
    )
    do, base = w.api_client.do, "/api/2.0/lineage-tracking"
    down = do("GET", f"{base}/table-lineage", query={"table_name": NAME})["downstreams"]
    assert [node["tableInfo"]["name"] for node in down if "tableInfo" in node] == ["made"]
    up = do("GET", f"{base}/column-lineage", query={"table_name": "main.default.made", "column_name": "next"})
    (source,) = up["upstream_cols"]
    assert (source["table_name"], source["name"]) == ("t", "id")
