"""The REST side of statement execution: ``/api/2.0/sql/statements``.

A statement that fails is an answer with HTTP 200; only requests that make no sense are errors.
"""

from __future__ import annotations

import base64
import contextlib
from typing import TYPE_CHECKING

from genops.testing.workspace.clock import stamp
from genops.testing.workspace.http.wire import ApiError, Call, Json, Routes, absent, invalid
from genops.testing.workspace.statements.requests import HYBRID, check_warehouse, checked, checked_id

if TYPE_CHECKING:
    from genops.testing.workspace.compute.warehouses import WarehouseService
    from genops.testing.workspace.statements.execution import Statement, Statements
    from genops.testing.workspace.statements.links import Links

_PATH = "/api/2.0/sql/statements"


class StatementService:
    """Execute, read, chunks, cancel and close.

    Args:
        statements: Runs them.
        warehouses: Checks the warehouse of a request.
        links: Signs the URLs of external links.
    """

    def __init__(self, statements: Statements, warehouses: WarehouseService, links: Links) -> None:
        self._statements = statements
        self._warehouses = warehouses
        self._links = links

    def routes(self) -> Routes:
        """Everything below the path of statements."""
        return {
            f"POST {_PATH}": self._execute,
            f"GET {_PATH}/{{id}}": lambda call: self._answer(self._statement(call)),
            # A client that closes a statement: what runs is stopped, and what has ended stays readable.
            f"DELETE {_PATH}/{{id}}": self._cancel,
            f"POST {_PATH}/{{id}}/cancel": self._cancel,
            f"GET {_PATH}/{{id}}/result/chunks/{{index}}": self._chunk,
        }

    def _execute(self, call: Call) -> Json:
        request, wait = checked(call.json)
        check_warehouse(self._warehouses, request["warehouse_id"], call.user)
        statement = self._statements.submit(request, user=call.user)
        if not wait:
            # Asynchronous: the caller learns the id and asks for the rest.
            return {"statement_id": statement.id, "status": {"state": "PENDING"}}
        if not statement.done.wait(wait) and request["on_wait_timeout"] == "CANCEL":
            self._statements.cancel(statement)
            statement.done.wait(5)
        return self._answer(statement)

    def _statement(self, call: Call) -> Statement:
        return self._statements.get(checked_id(call.args["id"]), call.user)

    def _cancel(self, call: Call) -> None:
        """The service says yes to everything, also to what has ended or never was: the state tells what happened."""
        with contextlib.suppress(ApiError):
            self._statements.cancel(self._statements.get(call.args["id"], call.user))

    def _chunk(self, call: Call) -> Json:
        statement = self._statement(call)
        if statement.state == "CLOSED":
            raise absent(f"The result of the statement {statement.id} was not found.", "NOT_FOUND")
        if statement.state != "SUCCEEDED":
            message = "the statement state should be SUCCEEDED before you can start fetching the result"
            raise absent(f"{message}; it is {statement.state}", "NOT_FOUND")
        index, count = call.args["index"], max(1, len(statement.results.chunks))
        if not index.isdigit() or int(index) >= count:
            raise invalid(f"The chunk_index {index} is out of bounds.")
        return self._result(statement, int(index))

    def _answer(self, statement: Statement) -> Json:
        """A statement in the shape of the API; the first chunk comes with it."""
        status: Json = {"state": statement.state}
        if statement.error and statement.state == "FAILED":
            status["error"] = {"error_code": statement.error.error_code, "message": statement.error.message}
            status["sql_state"] = statement.error.sql_state
        body: Json = {"statement_id": statement.id, "status": status}
        if statement.state == "SUCCEEDED":
            body["manifest"] = _manifest(statement)
            body["result"] = self._result(statement, 0)
        return body

    def _result(self, statement: Statement, index: int) -> Json:
        """One chunk, in the answer or as a link to it."""
        if _inline(statement):
            return _content(statement, index)
        if not statement.results.chunks:
            return {}
        url, expires = self._links.sign(statement.id, index)
        link: Json = {
            **_span(statement, index),
            **_next(statement, index),
            "external_link": url,
            "expiration": stamp(expires),
        }
        return {"external_links": [link]}


def _inline(statement: Statement) -> bool:
    disposition = statement.request.get("disposition", "INLINE")
    return disposition == "INLINE" or (disposition == HYBRID and len(statement.results.chunks) <= 1)


def _manifest(statement: Statement) -> Json:
    results = statement.results
    manifest: Json = {
        "format": results.format,
        "schema": {"column_count": len(results.columns), **({"columns": results.columns} if results.columns else {})},
        "total_chunk_count": len(results.chunks),
        "total_row_count": results.rows,
        "truncated": results.truncated,
    }
    if statement.request.get("disposition", "INLINE") != "INLINE":
        manifest["total_byte_count"] = results.size
    if statement.outcome.staging:
        manifest["is_volume_operation"] = True
    if results.compression:
        manifest["result_compression"] = results.compression
    chunks = [_span(statement, index) for index in range(len(results.chunks))]
    return {**manifest, "chunks": chunks} if chunks else manifest


def _span(statement: Statement, index: int) -> Json:
    """Where a chunk lies; how many bytes it has is not told of inline results."""
    chunk = statement.results.chunks[index]
    span: Json = {"chunk_index": index, "row_offset": chunk.offset, "row_count": chunk.rows}
    if statement.request.get("disposition", "INLINE") != "INLINE":
        span["byte_count"] = chunk.size
    return span


def _next(statement: Statement, index: int) -> Json:
    chunks = statement.results.chunks
    if index + 1 >= len(chunks):
        return {}
    path = f"{_PATH}/{statement.id}/result/chunks/{index + 1}?row_offset={chunks[index + 1].offset}"
    return {"next_chunk_index": index + 1, "next_chunk_internal_link": path}


def _content(statement: Statement, index: int) -> Json:
    results = statement.results
    if results.format == "JSON_ARRAY":
        body: Json = {"data_array": results.text_rows(index)} if results.chunks else {}
    else:
        payload = results.payload(index) if results.chunks else results.empty_payload()
        body = {"attachment": base64.b64encode(payload).decode()}
    return {**_span(statement, index), **_next(statement, index), **body} if results.chunks else body
