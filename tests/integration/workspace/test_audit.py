"""The audit log: calls by the names that Databricks gives them, with the ids that their answers had."""

from __future__ import annotations

import pytest
from databricks.sdk import errors

from genops.testing.workspace import LocalWorkspace
from support.system_tables import ask, client_of, run


@pytest.fixture
def ws():
    """A workspace with a table."""
    with LocalWorkspace(transition_polls=0) as workspace:
        workspace.execute("CREATE TABLE t (a INT)")
        yield workspace


def audited(ws, action):
    """Rows of one action."""
    shown = "request_params['full_name_arg'] AS name, response.status_code AS status, user_identity.email AS email"
    return ask(ws, f"SELECT *, {shown} FROM system.access.audit WHERE action_name = '{action}'")


def test_names_of_calls(ws):
    """Each call is there with the service and the action of Databricks' audit reference."""
    client = client_of(ws)
    client.tables.get("main.default.t")
    list(client.tables.list("main", "default"))
    client.schemas.create("s", "main")
    client.schemas.delete("main.s")
    client.clusters.create(spark_version="16.4.x-scala2.12", node_type_id="i3.xlarge", num_workers=1)
    client.warehouses.stop(ws.warehouse_id)
    client.query_history.list()
    run(ws, "SELECT 1")
    found = {(row["service_name"], row["action_name"]) for row in ask(ws, "SELECT * FROM system.access.audit")}
    assert found >= {
        ("accounts", "tokenLogin"),
        ("unityCatalog", "getTable"),
        ("unityCatalog", "listTables"),
        ("unityCatalog", "createSchema"),
        ("unityCatalog", "deleteSchema"),
        ("clusters", "create"),
        ("databrickssql", "stopWarehouse"),
        ("databrickssql", "listHistoryQueries"),
        ("databrickssql", "commandSubmit"),
    }


def test_who_and_what_came_of_it(ws):
    """User, address, client and status are on a row; a call that was refused has the refusal's status."""
    client = client_of(ws)
    client.tables.get("main.default.t")
    with pytest.raises(errors.NotFound):
        client.tables.get("main.default.nothing")
    rows = {row["name"]: row for row in audited(ws, "getTable")}
    good = rows["main.default.t"]
    assert (good["email"], good["source_ip_address"], good["status"]) == ("user@example.com", "127.0.0.1", "200")
    assert "databricks-sdk-py" in good["user_agent"]
    assert good["audit_level"] == "ACCOUNT_LEVEL"
    assert rows["main.default.nothing"]["status"] == "404"


def test_request_ids_are_those_of_the_answers(ws):
    """The request id of a row is the x-request-id that the caller got."""
    client = client_of(ws)
    answer = client.api_client.do(
        "GET", "/api/2.1/unity-catalog/tables/main.default.t", response_headers=["X-Request-Id"]
    )
    (row,) = audited(ws, "getTable")
    assert row["request_id"] == answer["X-Request-Id"]


def test_statements_are_submitted_commands(ws):
    """The text of a statement and its warehouse are the parameters of commandSubmit."""
    run(ws, "SELECT 41 + 1")
    params = "request_params['commandText'] AS text, request_params['warehouseId'] AS warehouse"
    rows = ask(ws, f"SELECT {params} FROM system.access.audit WHERE action_name = 'commandSubmit'")
    assert {"text": "SELECT 41 + 1", "warehouse": ws.warehouse_id} in rows


def test_changes_by_sql_are_the_catalog_s(ws):
    """A table that SQL creates and drops is audited once each, as Unity Catalog's."""
    run(ws, "CREATE TABLE made (a INT)")
    run(ws, "DROP TABLE made")
    for action in ("createTable", "deleteTable"):
        (row,) = audited(ws, action)
        assert (row["service_name"], row["name"]) == ("unityCatalog", "main.default.made")


def test_changes_by_rest_are_not_doubled(ws):
    """An object that REST creates has one row, that of the request."""
    client_of(ws).schemas.create("s", "main")
    (row,) = audited(ws, "createSchema")
    assert row["request_id"]


def test_no_token_is_written_down(ws):
    """Neither the token nor the authorization header is in the log."""
    run(ws, "SELECT 1")
    rows = ask(ws, "SELECT * FROM system.access.audit")
    assert ws.token not in str(rows)
