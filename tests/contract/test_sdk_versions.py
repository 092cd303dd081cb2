"""What holds in every version of the SDK in range; `nox -s full` runs it with five of them."""

from __future__ import annotations

import inspect

import pytest

from genops.instrumentation import databricks_sdk
from support.calls import clients, methods
from support.hooks import watched
from support.stub import Answer, serving

ANSWERS = {
    "/api/2.1/unity-catalog/catalogs": {"catalogs": [{"name": "a"}, {"name": "b"}]},
    "/api/2.1/unity-catalog/tables/main.sales.orders": {"full_name": "main.sales.orders", "name": "orders"},
    "/api/2.0/sql/statements": {
        "statement_id": "st-1",
        "status": {"state": "FAILED", "error": {"error_code": "BAD_REQUEST", "message": "m"}},
    },
    "/api/2.0/sql/warehouses/w-1": {"id": "w-1", "cluster_size": "Small", "warehouse_type": "PRO"},
    "/api/2.0/preview/scim/v2/Me": {"id": "1"},
}


@pytest.fixture
def w():
    """A workspace client of a server that knows a few answers."""
    with serving() as stub:
        stub.answer = lambda request: Answer(body=ANSWERS.get(request.path.rstrip("/"), {}))
        yield clients(stub.url)[0]


def test_every_public_method_is_wrapped_and_restored():
    """No public method of a service stays unwrapped, and uninstalling restores the very same functions."""
    every = methods()
    originals = [vars(method.owner)[method.name] for method in every]
    databricks_sdk.install()
    try:
        assert databricks_sdk.installed() > len(every) > 500
        unwrapped = [str(m) for m, o in zip(every, originals, strict=True) if vars(m.owner)[m.name] is o]
        lazy = [m for m in every if inspect.isgeneratorfunction(m.function)]
    finally:
        databricks_sdk.uninstall()
    assert unwrapped == []
    assert lazy
    assert all(vars(m.owner)[m.name] is o for m, o in zip(every, originals, strict=True))


def test_calls_are_units(w):
    """A list, a get and a direct request are one unit each, with the host, the names and the attempts."""
    with watched() as watch:
        assert [catalog.name for catalog in w.catalogs.list()] == ["a", "b"]
        assert w.tables.get("main.sales.orders").name == "orders"
        w.api_client.do("GET", "/api/2.0/preview/scim/v2/Me")
    assert watch.types() == ["catalog.list", "table.get", "api.get"]
    assert watch.sink.settled[1].operation.reads[0].parts == ("main", "sales", "orders")
    assert [record.facts.attempts for record in watch.sink.settled] == [1, 1, 1]


def test_a_failed_statement_is_an_error(w):
    """FAILED with HTTP 200 is an error, and the warehouse is the resource."""
    with watched() as watch:
        w.statement_execution.execute_statement(statement="select 1", warehouse_id="w-1")
    (settled,) = watch.sink.settled
    assert (settled.operation.type, settled.operation.resource_id) == ("table.query", "w-1")
    assert settled.facts.error_type == "BAD_REQUEST"


def test_a_warehouse_is_learnt(w):
    """The size of a warehouse is taken from a response in passing."""
    with watched() as watch:
        w.warehouses.get("w-1")
    known = watch.governor.inventory.of(watch.sink.settled[0].operation.host, "warehouse", "w-1")
    assert known["cluster_size"] == "Small"
