"""A small program on Databricks: it loads orders and says what is open. Its tests run on a local workspace."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from databricks.sdk import WorkspaceClient

TABLE = "main.sales.orders"
_OPEN = f"SELECT count(*) FROM {TABLE} WHERE NOT paid"  # noqa: S608 - the name stands above


def open_orders(client: WorkspaceClient, warehouse_id: str) -> int:
    """Return how many orders are not paid.

    Raises:
        RuntimeError: The statement failed; the message is the workspace's.
    """
    answer = client.statement_execution.execute_statement(_OPEN, warehouse_id, wait_timeout="30s")
    if answer.result is None or not answer.result.data_array:
        raise RuntimeError(str(answer.status and answer.status.error and answer.status.error.message))
    return int(answer.result.data_array[0][0])


def owners(client: WorkspaceClient) -> dict[str, str]:
    """Return who owns each table of the schema."""
    return {str(table.name): str(table.owner) for table in client.tables.list("main", "sales")}
