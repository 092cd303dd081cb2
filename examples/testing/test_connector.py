"""databricks-sql-connector on a local workspace, over both of its transports."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from genops.testing import LocalWorkspace

if TYPE_CHECKING:
    from collections.abc import Iterator

sql = pytest.importorskip("databricks.sql")


@pytest.fixture(scope="module")
def ws() -> Iterator[LocalWorkspace]:
    """A workspace that all tests of this file read."""
    with LocalWorkspace() as workspace:
        workspace.execute("CREATE TABLE customers AS SELECT * FROM VALUES (1, 'ada'), (2, 'grace') AS c(id, name)")
        yield workspace


def connected(ws: LocalWorkspace, transport: str) -> Any:
    """Open a connection over plain HTTP."""
    path = f"/sql/1.0/warehouses/{ws.warehouse_id}"
    address, _, port = ws.host.rpartition(":")
    given = {
        "thrift": {"server_hostname": "127.0.0.1", "_connection_uri": ws.host + path},
        "statement API": {"server_hostname": address, "_port": int(port), "use_sea": True},
    }
    return sql.connect(http_path=path, access_token=ws.token, enable_telemetry=False, **given[transport])


@pytest.mark.parametrize("transport", ["thrift", "statement API"])
def test_customers_are_found(ws: LocalWorkspace, transport: str) -> None:
    """A query with a parameter gives its row."""
    with connected(ws, transport) as connection, connection.cursor() as cursor:
        cursor.execute("SELECT name FROM main.default.customers WHERE id = :id", {"id": 2})
        assert [row.name for row in cursor.fetchall()] == ["grace"]
