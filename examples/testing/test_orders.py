"""Tests of a program on a local workspace: its answers, its faults, its users and its time."""

from __future__ import annotations

from typing import TYPE_CHECKING

import orders
import pytest

from genops.testing import LocalWorkspace

if TYPE_CHECKING:
    from collections.abc import Iterator

    from databricks.sdk import WorkspaceClient

sdk = pytest.importorskip("databricks.sdk")
OPEN = 2
"""Orders of the fixture that are not paid."""


@pytest.fixture
def ws() -> Iterator[LocalWorkspace]:
    """A workspace with three orders, of which two are open."""
    with LocalWorkspace() as workspace:
        workspace.execute("CREATE SCHEMA sales; CREATE TABLE sales.orders (id INT, paid BOOLEAN)")
        workspace.execute("INSERT INTO sales.orders VALUES (1, true), (2, false), (3, false)")
        yield workspace


@pytest.fixture
def client(ws: LocalWorkspace) -> WorkspaceClient:
    """The SDK's client of the workspace's own user."""
    return sdk.WorkspaceClient(host=ws.host, token=ws.token)


def test_open_orders_are_counted(ws: LocalWorkspace, client: WorkspaceClient) -> None:
    """The statement really runs, once."""
    assert orders.open_orders(client, ws.warehouse_id) == OPEN
    assert ws.requests.where(sql="FROM main.sales.orders").count == 1


def test_a_busy_service_is_asked_again(ws: LocalWorkspace, client: WorkspaceClient) -> None:
    """The SDK waits as long as the service says, and asks again."""
    ws.fault("429", path="/api/2.1/unity-catalog/tables", times=2, retry_after=0)
    assert orders.owners(client) == {"orders": "user@example.com"}
    assert [request.status for request in ws.requests.where(path=".*/tables")] == [429, 429, 200]


def test_a_dead_warehouse_is_an_error(ws: LocalWorkspace, client: WorkspaceClient) -> None:
    """A statement that ends FAILED is answered with 200; the program must look."""
    ws.fault("warehouse", sql="sales.orders")
    with pytest.raises(RuntimeError, match="cancelled"):
        orders.open_orders(client, ws.warehouse_id)


def test_who_may_not_read_gets_an_error(ws: LocalWorkspace) -> None:
    """Another user has no grants."""
    other = sdk.WorkspaceClient(host=ws.host, token=ws.add_user("ada@example.com"))
    with pytest.raises(RuntimeError, match="INSUFFICIENT_PERMISSIONS"):
        orders.open_orders(other, ws.warehouse_id)


def test_an_idle_warehouse_starts_again(ws: LocalWorkspace, client: WorkspaceClient) -> None:
    """It stops by itself after ten minutes; the next statement starts it, and the bill has both."""
    ws.clock.advance(minutes=11)
    assert str(client.warehouses.get(ws.warehouse_id).state) == "State.STOPPED"
    assert orders.open_orders(client, ws.warehouse_id) == OPEN
    ws.clock.advance(hours=2)
    events = ws.execute("SELECT event_type FROM system.compute.warehouse_events")
    assert sorted(events) == sorted([["STARTING"], ["RUNNING"], ["STOPPING"], ["STOPPED"]] * 2)
