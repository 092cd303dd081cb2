"""Statement execution: PENDING, RUNNING and then SUCCEEDED, FAILED, CANCELED or CLOSED.

A statement that fails is an answer with HTTP 200; only requests that make no sense are errors.
"""

from __future__ import annotations

import contextlib
import re
import threading
import uuid
from collections import OrderedDict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from genops.testing.workspace.http.wire import ApiError, Call, Json, Routes, absent, invalid, objects_of, unserved
from genops.testing.workspace.sql.engine import Outcome, SqlEngine
from genops.testing.workspace.sql.failures import CancelledStatementError, SqlError
from genops.testing.workspace.sql.sessions import Session, Sessions

if TYPE_CHECKING:
    from collections.abc import Callable

    from genops.testing.workspace.clock import Clock
    from genops.testing.workspace.compute.warehouses import WarehouseService
    from genops.testing.workspace.journal import Journal

INLINE_LIMIT = 25 * 1024 * 1024
"""Bytes of a result that may travel inside the answer [docs.databricks.com, execute a SQL statement]."""
TEXT_LIMIT = 16 * 1024 * 1024
TAG_LIMIT = 20
KEPT_BYTES = 64 * 1024 * 1024
KEPT_STATEMENTS = 10_000
"""Results beyond these are closed, oldest first; the service closes them by time."""
_FETCH = 5_000
FINAL = ("SUCCEEDED", "FAILED", "CANCELED", "CLOSED")


@dataclass
class Chunk:
    """Rows of a result that travel together."""

    rows: list[list[Any]] = field(default_factory=list[list[Any]])
    size: int = 0


@dataclass
class Statement:
    """One statement and what became of it."""

    id: str
    request: Json
    source: Json
    session: Session
    received: float
    state: str = "PENDING"
    error: SqlError | None = None
    outcome: Outcome = field(default_factory=Outcome)
    chunks: list[Chunk] = field(default_factory=list[Chunk])
    truncated: bool = False
    started: float = 0.0
    fetching: float = 0.0
    ended: float = 0.0
    done: threading.Event = field(default_factory=threading.Event)
    cursor: Any = None
    cancelled: bool = False

    @property
    def text(self) -> str:
        """The SQL text."""
        return str(self.request["statement"])

    @property
    def rows(self) -> int:
        """Rows in the result."""
        return sum(len(chunk.rows) for chunk in self.chunks)

    @property
    def size(self) -> int:
        """Bytes of the result's values."""
        return sum(chunk.size for chunk in self.chunks)


class Statements:
    """Runs statements, each in a thread of its own, and keeps their results for a while.

    Args:
        engine: Runs the SQL.
        warehouses: Where statements run.
        clock: Gives the times.
        journal: Is told of every statement that has ended.
        sessions: The sessions that are open.
        chunk_rows: Rows a chunk.
        default: Catalog and schema of statements that name none.
    """

    def __init__(
        self,
        engine: SqlEngine,
        warehouses: WarehouseService,
        clock: Clock,
        journal: Journal,
        sessions: Sessions,
        chunk_rows: int,
        default: Session,
    ) -> None:
        self._engine = engine
        self._warehouses = warehouses
        self._chunk_rows = chunk_rows
        self._clock = clock
        self._journal = journal
        self._sessions = sessions
        self._default = default
        self._lock = threading.Lock()
        self._held: OrderedDict[str, Statement] = OrderedDict()

    def held(self) -> list[Statement]:
        """All statements, oldest first."""
        with self._lock:
            return list(self._held.values())

    def get(self, identifier: str) -> Statement:
        """A statement by id."""
        found = self._held.get(identifier)
        if found is None:
            raise absent(f"The statement {identifier} was not found.", "NOT_FOUND")
        return found

    def submit(self, request: Json, source: Json | None = None, *, user: str = "") -> Statement:
        """Start a statement.

        Args:
            request: Body of an execute request.
            source: ``query_source`` of query history, for statements that a job runs.
            user: Who runs it; the workspace's own user where it is empty.

        Raises:
            ApiError: The request names a session that is not open.
        """
        identifier = f"01f0{str(uuid.uuid4())[4:]}"
        session = self._session(request, user)
        statement = Statement(identifier, request, source or {}, session, self._clock.now())
        with self._lock:
            self._held[statement.id] = statement
        threading.Thread(target=self._run, args=(statement,), name="local-statement", daemon=True).start()
        return statement

    def cancel(self, statement: Statement) -> None:
        """Stop a statement that has not ended."""
        if not statement.done.is_set() and not statement.cancelled:
            statement.cancelled = True
            threading.Thread(target=_interrupt, args=(statement,), name="local-cancel", daemon=True).start()

    def close(self) -> None:
        """Stop everything that still runs."""
        running = [statement for statement in self.held() if not statement.done.is_set()]
        for statement in running:
            self.cancel(statement)
        for statement in running:
            statement.done.wait(5)

    def _session(self, request: Json, user: str) -> Session:
        if request.get("session_id"):
            return self._sessions.get(str(request["session_id"]))
        default = self._default
        return Session(request.get("catalog") or default.catalog, request.get("schema") or default.schema, user)

    # Running

    def _run(self, statement: Statement) -> None:
        try:
            self._warehouses.wake(str(statement.request["warehouse_id"]))
            self._begin(statement, None)
            given = statement.request
            self._engine.run(
                statement.text,
                statement.session,
                given.get("parameters") or (),
                sink=lambda columns, fetch: self._collect(statement, columns, fetch),
                started=lambda cursor: self._begin(statement, cursor),
                outcome=statement.outcome,
            )
            state = "SUCCEEDED"
        except SqlError as error:
            statement.error, state = error, "FAILED"
        except CancelledStatementError:
            state = "CANCELED"
        except Exception as error:  # a defect of the workspace is a failed statement, not a hung client
            statement.error, state = SqlError(f"[INTERNAL_ERROR] {error!r}", "XX000", "INTERNAL_ERROR"), "FAILED"
        self._end(statement, state)

    def _begin(self, statement: Statement, cursor: Any) -> None:
        statement.cursor = cursor
        statement.started = statement.started or self._clock.now()
        statement.state = "RUNNING"
        if statement.cancelled:
            raise CancelledStatementError

    def _end(self, statement: Statement, state: str) -> None:
        statement.cursor = None
        statement.ended = self._clock.now()
        statement.state = state
        if state != "SUCCEEDED":
            statement.chunks.clear()
        self._journal.note("statement", statement=statement)
        statement.done.set()
        self._forget_old()

    def _collect(self, statement: Statement, columns: list[Json], fetch: Callable[[int], list[Any]]) -> None:
        """Fetch rows into chunks, up to the limits of the request."""
        statement.fetching = self._clock.now()
        row_limit = statement.request.get("row_limit")
        byte_limit = statement.request.get("byte_limit")
        total_rows = total_bytes = 0
        chunk = Chunk()
        while rows := fetch(min(_FETCH, self._chunk_rows)):
            for row in rows:
                size = sum(len(value) for value in row if value is not None) + 3 * len(columns)
                over = row_limit is not None and total_rows >= int(row_limit)
                if over or (byte_limit is not None and total_bytes + size > int(byte_limit)):
                    statement.truncated = True
                    break
                total_rows, total_bytes = total_rows + 1, total_bytes + size
                if total_bytes > INLINE_LIMIT:
                    raise _too_large()
                if len(chunk.rows) >= self._chunk_rows:
                    statement.chunks.append(chunk)
                    chunk = Chunk()
                chunk.rows.append(list(row))
                chunk.size += size
            if statement.truncated:
                break
            if statement.cancelled:
                raise CancelledStatementError
        if chunk.rows:
            statement.chunks.append(chunk)

    def _forget_old(self) -> None:
        with self._lock:
            done = [statement for statement in self._held.values() if statement.done.is_set()]
            for old in done[: max(0, len(self._held) - KEPT_STATEMENTS)]:
                del self._held[old.id]
            excess = sum(statement.size for statement in done) - KEPT_BYTES
            for old in done[:-1]:
                if excess <= 0:
                    break
                excess -= old.size
                if old.chunks:
                    old.chunks.clear()
                    old.state = "CLOSED"


def _interrupt(statement: Statement) -> None:
    # DuckDB interrupts what runs now, and a statement is several DuckDB queries: one interrupt can fall between two.
    while not statement.done.wait(0.01):
        cursor = statement.cursor
        if cursor is not None:
            with contextlib.suppress(Exception):  # it may have been closed since
                cursor.interrupt()


def _too_large() -> SqlError:
    return SqlError(
        f"Inline byte limit exceeded. Statements executed with disposition=INLINE can have a result size of at most "
        f"{INLINE_LIMIT} bytes. Please execute the statement with disposition=EXTERNAL_LINKS if you want to download "
        "the full result.",
        "54000",
    )


class StatementService:
    """The REST side of statement execution.

    Args:
        statements: Runs them.
        warehouses: Checks the warehouse of a request.
    """

    def __init__(self, statements: Statements, warehouses: WarehouseService) -> None:
        self._statements = statements
        self._warehouses = warehouses

    def routes(self) -> Routes:
        """Execute, read, chunks and cancel."""
        base = "/api/2.0/sql/statements"
        return {
            f"POST {base}": self._execute,
            f"GET {base}/{{id}}": lambda call: answer(self._statements.get(call.args["id"])),
            f"POST {base}/{{id}}/cancel": self._cancel,
            f"GET {base}/{{id}}/result/chunks/{{index}}": self._chunk,
        }

    def _execute(self, call: Call) -> Json:
        request = call.json
        wait = _checked(request)
        if not self._warehouses.known(str(request["warehouse_id"])):
            raise invalid(f"{request['warehouse_id']} is not a valid endpoint id.")
        statement = self._statements.submit(request, user=call.user)
        finished = statement.done.wait(wait) if wait else False
        if not finished and wait and request.get("on_wait_timeout") == "CANCEL":
            self._statements.cancel(statement)
            statement.done.wait(5)
        if not wait:
            # Asynchronous: the caller learns the id and asks for the rest.
            return {"statement_id": statement.id, "status": {"state": "PENDING"}}
        return answer(statement)

    def _cancel(self, call: Call) -> None:
        self._statements.cancel(self._statements.get(call.args["id"]))

    def _chunk(self, call: Call) -> Json:
        statement = self._statements.get(call.args["id"])
        if statement.state != "SUCCEEDED":
            raise ApiError(404, "NOT_FOUND", f"The result of statement {statement.id} is not there: {statement.state}")
        index = call.args["index"]
        count = max(1, len(statement.chunks))
        if not index.isdigit() or int(index) >= count:
            raise invalid(f"Requested chunk_index {index} is outside of the result's {count} chunks")
        return _chunk_body(statement, int(index))


def _checked(request: Json) -> float:
    """Refuse a request that makes no sense; give the seconds to wait."""
    for required in ("statement", "warehouse_id"):
        if not isinstance(request.get(required), str) or not request[required]:
            raise invalid(f"Missing required field, or no string: {required}")
    for option, served in (("disposition", "INLINE"), ("format", "JSON_ARRAY")):
        if request.get(option, served) != served:
            raise unserved(f"{option} {request[option]}")
    if len(request["statement"].encode()) > TEXT_LIMIT:
        raise invalid(f"The statement is longer than {TEXT_LIMIT} bytes")
    if request.get("on_wait_timeout", "CONTINUE") not in ("CONTINUE", "CANCEL"):
        raise invalid(f"on_wait_timeout must be CONTINUE or CANCEL, not {request['on_wait_timeout']}")
    _check_details(request)
    return _seconds(request)


def _check_details(request: Json) -> None:
    for limit in ("row_limit", "byte_limit"):
        if not str(request.get(limit) or 0).isdigit():
            raise invalid(f"{limit} must be a whole number, not {request[limit]!r}")
    if len(objects_of(request.get("query_tags"), "query_tags")) > TAG_LIMIT:
        raise invalid(f"A statement takes at most {TAG_LIMIT} query tags")
    for parameter in objects_of(request.get("parameters"), "parameters"):
        if not isinstance(parameter.get("name"), str):
            raise invalid(f"A parameter needs a name: {parameter!r}")


def _seconds(request: Json) -> float:
    text = str(request.get("wait_timeout") or "10s")
    match = re.fullmatch(r"(\d+)s", text)
    seconds = int(match[1]) if match else -1
    if seconds != 0 and not 5 <= seconds <= 50:  # noqa: PLR2004 - the API's own limits
        raise invalid(f"wait_timeout must be 0s or between 5s and 50s, not {text}")
    if seconds == 0 and request.get("on_wait_timeout") == "CANCEL":
        raise invalid("on_wait_timeout CANCEL needs a wait_timeout above 0s")
    return float(seconds)


def answer(statement: Statement) -> Json:
    """A statement in the shape of the API; the first chunk comes with it."""
    status: Json = {"state": statement.state}
    if statement.error and statement.state == "FAILED":
        status["error"] = {"error_code": statement.error.error_code, "message": statement.error.message}
        status["sql_state"] = statement.error.sql_state
    body: Json = {"statement_id": statement.id, "status": status}
    if statement.state == "SUCCEEDED":
        body["manifest"] = _manifest(statement)
        body["result"] = _chunk_body(statement, 0)
    return body


def _manifest(statement: Statement) -> Json:
    columns = statement.outcome.columns
    chunks: list[Json] = []
    offset = 0
    for index, chunk in enumerate(statement.chunks):
        chunks.append(_span(index, offset, chunk))
        offset += len(chunk.rows)
    manifest: Json = {
        "format": "JSON_ARRAY",
        "schema": {"column_count": len(columns), "columns": columns},
        "total_chunk_count": len(chunks),
        "total_row_count": statement.rows,
        "total_byte_count": statement.size,
        "truncated": statement.truncated,
    }
    return {**manifest, "chunks": chunks} if chunks else manifest


def _span(index: int, offset: int, chunk: Chunk) -> Json:
    return {"chunk_index": index, "row_offset": offset, "row_count": len(chunk.rows), "byte_count": chunk.size}


def _chunk_body(statement: Statement, index: int) -> Json:
    if not statement.chunks:
        return {}
    offset = sum(len(chunk.rows) for chunk in statement.chunks[:index])
    body = _span(index, offset, statement.chunks[index])
    body["data_array"] = statement.chunks[index].rows
    if index + 1 < len(statement.chunks):
        body["next_chunk_index"] = index + 1
        path = f"/api/2.0/sql/statements/{statement.id}/result/chunks/{index + 1}"
        body["next_chunk_internal_link"] = f"{path}?row_offset={offset + body['row_count']}"
    return body
