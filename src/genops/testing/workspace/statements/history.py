"""Query history: what ran, with metrics measured from what really ran."""

from __future__ import annotations

from typing import Any

from genops.testing.workspace.http.paging import decode_token, encode_token
from genops.testing.workspace.http.wire import Call, Json, Routes, invalid
from genops.testing.workspace.statements.execution import FINAL, Statement, Statements

_STATUS = {"PENDING": "QUEUED", "RUNNING": "RUNNING", "SUCCEEDED": "FINISHED", "CLOSED": "FINISHED"}
_PAGE = 100
_LARGEST = 1000


class HistoryService:
    """Lists statements, newest first.

    Args:
        statements: What ran.
        user: Who ran it.
        user_id: The number of that user.
    """

    def __init__(self, statements: Statements, user: str, user_id: int) -> None:
        self._statements = statements
        self._user = user
        self._user_id = user_id

    def routes(self) -> Routes:
        """The list."""
        return {"GET /api/2.0/sql/history/queries": self._list}

    def _list(self, call: Call) -> Json:
        size = call.number("max_results")
        if size is not None and not 1 <= size <= _LARGEST:
            raise invalid(f"max_results must be between 1 and {_LARGEST}, not {size}")
        size = size or _PAGE
        start = decode_token(call.text("page_token")) if call.text("page_token") else 0
        entries = [self._entry(statement, metrics=call.flag("include_metrics")) for statement in self._wanted(call)]
        shown = entries[start : start + size]
        more = start + size < len(entries)
        body: Json = {"res": shown, "has_next_page": more}
        return {**body, "next_page_token": encode_token(f"at:{start + size}")} if more else body

    def _wanted(self, call: Call) -> list[Statement]:
        query = call.query
        identifiers = query.get("filter_by.statement_ids")
        statuses = query.get("filter_by.statuses")
        warehouses = query.get("filter_by.warehouse_ids")
        users = query.get("filter_by.user_ids")
        since = call.number("filter_by.query_start_time_range.start_time_ms") or 0
        until = call.number("filter_by.query_start_time_range.end_time_ms") or 1 << 62
        if users and str(self._user_id) not in users:
            return []
        return [
            statement
            for statement in reversed(self._statements.held())
            if (not identifiers or statement.id in identifiers)
            and (not statuses or _status(statement) in statuses)
            and (not warehouses or statement.request["warehouse_id"] in warehouses)
            and since <= statement.received * 1000 <= until
        ]

    def _entry(self, statement: Statement, *, metrics: bool) -> Json:
        begun = int(statement.received * 1000)
        final = statement.state in FINAL
        entry: Json = {
            "query_id": statement.id,
            "status": _status(statement),
            "query_text": statement.text,
            "query_start_time_ms": begun,
            "warehouse_id": statement.request["warehouse_id"],
            "endpoint_id": statement.request["warehouse_id"],
            "statement_type": statement.outcome.statement_type,
            "rows_produced": statement.rows,
            "user_id": self._user_id,
            "user_name": self._user,
            "executed_as_user_id": self._user_id,
            "executed_as_user_name": self._user,
            "client_application": statement.source.get("client", "Databricks SQL Execution API"),
            "is_final": final,
            "plans_state": "IGNORED_SMALL_DURATION",
            "query_tags": statement.request.get("query_tags") or [],
        }
        if "job_info" in statement.source:
            entry["query_source"] = {"job_info": statement.source["job_info"]}
        if final:
            entry["query_end_time_ms"] = entry["execution_end_time_ms"] = int(statement.ended * 1000)
            entry["duration"] = entry["query_end_time_ms"] - begun
        if statement.error:
            entry["error_message"] = statement.error.message
        return {**entry, "metrics": _metrics(statement)} if metrics else entry


def _status(statement: Statement) -> str:
    return _STATUS.get(statement.state, statement.state)


def _metrics(statement: Statement) -> Json:
    """Milliseconds, bytes and rows; what was not measured is left out."""
    if statement.state not in FINAL:
        return {}
    profile = statement.outcome.profile
    compiled = int(statement.outcome.compiled * 1000)
    running = statement.ended - (statement.started or statement.ended)
    fetching = statement.ended - statement.fetching if statement.fetching else 0.0
    metrics: dict[str, Any] = {
        "total_time_ms": int((statement.ended - statement.received) * 1000),
        "compilation_time_ms": compiled,
        "execution_time_ms": max(0, int(running * 1000) - compiled),
        "result_fetch_time_ms": int(fetching * 1000),
        "query_compilation_start_timestamp": int(statement.started * 1000),
        "rows_produced_count": statement.rows,
        "network_sent_bytes": statement.size,
        "result_from_cache": False,
        "rows_read_count": profile.rows_read,
        "read_bytes": profile.bytes_read,
    }
    return {key: value for key, value in metrics.items() if value is not None}
