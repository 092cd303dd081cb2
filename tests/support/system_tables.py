"""Questions to the system tables of a local workspace, as a user asks them: by SQL over the SDK."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

from support.sdk import workspace_client

if TYPE_CHECKING:
    from databricks.sdk import WorkspaceClient
    from databricks.sdk.service.sql import StatementResponse

    from genops.testing.workspace import LocalWorkspace


_CLIENTS: WeakKeyDictionary[LocalWorkspace, WorkspaceClient] = WeakKeyDictionary()


def client_of(ws: LocalWorkspace) -> WorkspaceClient:
    """The client of a workspace, the same each time."""
    if ws not in _CLIENTS:
        _CLIENTS[ws] = workspace_client(ws)
    return _CLIENTS[ws]


def run(ws: LocalWorkspace, sql: str, **given: Any) -> StatementResponse:
    """One statement, to its end."""
    given.setdefault("warehouse_id", ws.warehouse_id)
    return client_of(ws).statement_execution.execute_statement(sql, wait_timeout="50s", **given)


def ask(ws: LocalWorkspace, sql: str, **given: Any) -> list[dict[str, Any]]:
    """The rows of a query, by column; values are text as the API gives them."""
    answer = run(ws, sql, **given)
    assert answer.status is not None
    assert answer.status.error is None, answer.status.error
    assert answer.manifest is not None
    assert answer.manifest.schema is not None
    names = [column.name for column in answer.manifest.schema.columns or ()]
    rows = answer.result.data_array if answer.result else None
    return [dict(zip(names, row, strict=True)) for row in rows or ()]
