"""Connections of databricks-sql-connector to a local workspace, over each transport."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from genops.testing import LocalWorkspace

TRANSPORTS = ("thrift", "sea")


def connected(workspace: LocalWorkspace, transport: str, **arguments: Any) -> Any:
    """Open a connection.

    Args:
        workspace: A workspace that was started.
        transport: `thrift` or `sea`.
        arguments: Further arguments of `sql.connect`.
    """
    from databricks import sql

    path = f"/sql/1.0/warehouses/{workspace.warehouse_id}"
    address, _, port = workspace.host.rpartition(":")
    where: dict[str, Any] = {"server_hostname": "127.0.0.1", "_connection_uri": workspace.host + path}
    if transport == "sea":
        where = {"server_hostname": address, "_port": int(port), "use_sea": True}
    patience = {"_retry_stop_after_attempts_count": 1, "_retry_delay_min": 0.1, "_retry_delay_max": 5}
    defaults = {"enable_telemetry": False, "catalog": "main", "schema": "default", **patience, **arguments}
    return sql.connect(http_path=path, access_token=workspace.token, **where, **defaults)
