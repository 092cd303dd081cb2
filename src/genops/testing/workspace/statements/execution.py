"""Statement execution: PENDING, RUNNING and then SUCCEEDED, FAILED, CANCELED or CLOSED.

Who runs a statement hands a request in the shape of the statement API to :meth:`Statements.submit`, waits for
``statement.done`` and reads what became of it:

- ``statement.state``, and of a failed one ``statement.error`` (message, SQL state, error code);
- ``statement.results``: ``columns``, ``rows``, ``size``, ``truncated`` and the chunks, by ``payload(index)``,
  ``text_rows(index)`` for the format ``JSON_ARRAY``, and ``arrow_schema()`` and ``arrow_batches(index)`` for
  ``ARROW_STREAM``; ``request["format"]`` chooses, before the statement runs;
- ``statement.modified_rows``, ``None`` where it changed none; ``statement.outcome``: its type and what was measured;
- ``received``, ``started``, ``fetching``, ``ended``: seconds since the epoch by the workspace's clock, 0 for not yet;
- ``statement.tags``: query tags of its session and its own, and ``statement.session``.
"""

from __future__ import annotations

import contextlib
import threading
from collections import OrderedDict, deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from genops.testing.workspace.http.wire import ApiError, Json, absent
from genops.testing.workspace.sql.ddl import as_failure, need_place
from genops.testing.workspace.sql.engine import Outcome, SqlEngine
from genops.testing.workspace.sql.failures import CancelledStatementError, SqlError
from genops.testing.workspace.sql.sessions import Session, Sessions, new_id
from genops.testing.workspace.statements.collecting import Limits, collect
from genops.testing.workspace.statements.results import Results

if TYPE_CHECKING:
    from pathlib import Path

    from genops.testing.workspace.clock import Clock
    from genops.testing.workspace.compute.warehouses import WarehouseService
    from genops.testing.workspace.http.faults import Faults
    from genops.testing.workspace.journal import Journal
    from genops.testing.workspace.sql.results import Result

TAG_LIMIT = 20
"""Query tags a statement; more are left out [docs.databricks.com, query tags]."""
RESULT_SECONDS = 3600
"""How long a result can be fetched after success."""
STATEMENT_SECONDS = 12 * 3600
"""How long a statement that has ended can be asked for."""
MEMORY = 64 * 1024 * 1024
"""Bytes that small results take in memory; the oldest go to files."""
KEPT_STATEMENTS = 2_000
"""Statements beyond these are forgotten, oldest first, so that memory stays flat; the service forgets by time alone."""
_ENDED = threading.Event()
_ENDED.set()
FINAL = ("SUCCEEDED", "FAILED", "CANCELED", "CLOSED")


@dataclass
class Statement:
    """One statement and what became of it."""

    id: str
    request: Json
    source: Json
    session: Session
    received: float
    results: Results
    tags: list[Json] = field(default_factory=list[Json])
    state: str = "PENDING"
    error: SqlError | None = None
    outcome: Outcome = field(default_factory=Outcome)
    started: float = 0.0
    fetching: float = 0.0
    ended: float = 0.0
    done: threading.Event = field(default_factory=threading.Event)
    cursor: Any = None
    cancelled: bool = False
    timed_out: float = 0.0

    @property
    def text(self) -> str:
        """The SQL text."""
        return str(self.request["statement"])

    @property
    def warehouse_id(self) -> str:
        """Where it runs."""
        return str(self.request["warehouse_id"])

    @property
    def rows(self) -> int:
        """Rows in the result."""
        return self.results.rows

    @property
    def size(self) -> int:
        """Bytes of the result."""
        return self.results.size

    @property
    def modified_rows(self) -> int | None:
        """Rows that it changed, ``None`` for a statement that changes none."""
        return self.outcome.modified


class Statements:
    """Runs statements, each in a thread of its own, and keeps their results for a while.

    Args:
        engine: Runs the SQL.
        warehouses: Where statements run.
        clock: Gives the times.
        journal: Is told of every statement that has ended.
        sessions: The sessions that are open.
        faults: Says which statements die.
        spool: Directory for results that do not stay in memory.
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
        faults: Faults,
        spool: Path,
        chunk_rows: int,
        default: Session,
    ) -> None:
        self._engine = engine
        self._warehouses = warehouses
        self._chunk_rows = chunk_rows
        self._clock = clock
        self._journal = journal
        self._sessions = sessions
        self._faults = faults
        self._spool = spool
        self._default = default
        self._lock = threading.Lock()
        self._held: OrderedDict[str, Statement] = OrderedDict()
        self._small: deque[tuple[Results, int]] = deque()
        self._in_memory = 0
        clock.on_advance(self._expire)

    def held(self) -> list[Statement]:
        """All statements, oldest first."""
        with self._lock:
            return list(self._held.values())

    def get(self, identifier: str, user: str = "") -> Statement:
        """A statement by id, in the state that it is in by now.

        Args:
            identifier: Its id.
            user: Who asks. A statement is only its own user's; whoever is empty may see all.

        Raises:
            ApiError: 404, also for what is another's.
        """
        found = self._held.get(identifier)
        if found is not None and user and (found.session.user or self._engine.user) != user:
            found = None
        age = self._clock.now() - found.ended if found and found.done.is_set() else 0.0
        if found is None or age > STATEMENT_SECONDS:
            raise absent(f"The statement {identifier} was not found.", "NOT_FOUND")
        if age > RESULT_SECONDS:
            self._close(found)
        return found

    def submit(self, request: Json, source: Json | None = None, *, user: str = "") -> Statement:
        """Start a statement.

        Args:
            request: Body of an execute request; ``session_id`` names an open session, ``format`` the format of the
                result. Only a ``disposition`` of ``INLINE`` bounds its size.
            source: ``query_source`` of query history, for statements that a job runs.
            user: Who runs it; the workspace's own user where it is empty.

        Raises:
            ApiError: The request names a session that is not open.
        """
        identifier = new_id()
        session = self._session(request, user)
        kind = str(request.get("format") or "JSON_ARRAY")
        compressed = kind == "ARROW_STREAM" and request.get("result_compression") == "LZ4_FRAME"
        results = Results(kind, [], self._spool / f"result-{identifier}", compressed=compressed)
        tags = _tags(session, request)
        statement = Statement(identifier, request, source or {}, session, self._clock.now(), results, tags)
        with self._lock:
            self._held[statement.id] = statement
        self._sessions.hold(session)
        threading.Thread(target=self._run, args=(statement,), name="local-statement", daemon=True).start()
        return statement

    def cancel(self, statement: Statement) -> None:
        """Stop a statement that has not ended."""
        if not statement.done.is_set() and not statement.cancelled:
            statement.cancelled = True
            threading.Thread(target=_interrupt, args=(statement,), name="local-cancel", daemon=True).start()

    def release(self, statement: Statement) -> None:
        """Stop a statement, and give its result up where there is one."""
        self.cancel(statement)
        if statement.done.is_set():
            self._close(statement)

    def close(self) -> None:
        """Stop everything that still runs."""
        running = [statement for statement in self.held() if not statement.done.is_set()]
        for statement in running:
            self.cancel(statement)
        for statement in running:
            statement.done.wait(5)

    def _expire(self) -> None:
        """Give up the results whose time is over, whether or not somebody asks for them."""
        for statement in self.held():
            if statement.done.is_set() and self._clock.now() - statement.ended > RESULT_SECONDS:
                self._close(statement)

    def _close(self, statement: Statement) -> None:
        """Give a result up: nothing can be fetched any more."""
        with self._lock:
            if statement.state == "SUCCEEDED":
                statement.state = "CLOSED"
        statement.results.close()

    def _session(self, request: Json, user: str) -> Session:
        if request.get("session_id"):
            return self._sessions.get(str(request["session_id"]), user)
        default = self._default
        return Session(request.get("catalog") or default.catalog, request.get("schema") or default.schema, user)

    # Running

    def _run(self, statement: Statement) -> None:
        timer = self._timer(statement)
        try:
            self._warehouses.occupy(statement.warehouse_id)
            self._begin(statement, None)
            fault = self._faults.take_statement(statement.text, statement.warehouse_id)
            if fault is not None:
                raise SqlError(fault.message, fault.sql_state, fault.error_code)
            if not statement.request.get("session_id"):
                need_place(self._engine.catalog, statement.session, statement.request)
            self._engine.run(
                statement.text,
                statement.session,
                statement.request.get("parameters") or (),
                sink=lambda result: self._collect(statement, result),
                started=lambda cursor: self._begin(statement, cursor),
                outcome=statement.outcome,
            )
            state = "SUCCEEDED"
        except SqlError as error:
            statement.error, state = error, "FAILED"
        except CancelledStatementError:
            statement.error = _too_long(statement.timed_out) if statement.timed_out else None
            state = "FAILED" if statement.error else "CANCELED"
        except ApiError as error:
            statement.error, state = as_failure(error), "FAILED"
        except Exception as error:  # a defect of the workspace is a failed statement, not a hung client
            statement.error, state = SqlError(f"[INTERNAL_ERROR] {error!r}", "XX000", "INTERNAL_ERROR"), "FAILED"
        if timer is not None:
            timer.cancel()
        self._end(statement, state)

    def _timer(self, statement: Statement) -> threading.Timer | None:
        """Stops a statement after its session's STATEMENT_TIMEOUT, in seconds; 0 is none."""
        given = statement.session.configuration.get("STATEMENT_TIMEOUT", "0")
        seconds = float(given) if given.isdigit() else 0.0
        if not seconds:
            return None

        def stop() -> None:
            statement.timed_out = seconds
            self.cancel(statement)

        timer = threading.Timer(seconds, stop)
        timer.daemon = True
        timer.start()
        return timer

    def _begin(self, statement: Statement, cursor: Any) -> None:
        statement.cursor = cursor
        statement.started = statement.started or self._clock.now()
        statement.state = "RUNNING"
        if statement.cancelled:
            raise CancelledStatementError

    def _end(self, statement: Statement, state: str) -> None:
        self._sessions.rest(statement.session)
        statement.cursor = None
        statement.ended = self._clock.now()
        if statement.error:
            if "SQLSTATE" not in statement.error.message:
                statement.error.message += f" SQLSTATE: {statement.error.sql_state}"
            # The frames of what failed would keep its rows and cursors alive.
            statement.error.__cause__ = statement.error.__context__ = None
            statement.error.with_traceback(None)
        if state != "SUCCEEDED":
            statement.results.close()
        with self._lock:
            statement.state = state
        try:
            self._journal.tell("statement", statement=statement)
        finally:
            statement.done.set()
        # Who waits has the old event; one for all that have ended takes less room.
        statement.done = _ENDED
        self._retain(statement.results)

    def _collect(self, statement: Statement, result: Result) -> None:
        """Fetch rows into chunks, up to the limits of the request."""
        given = statement.request
        limits = Limits(
            rows=_limit(given.get("row_limit")),
            size=_limit(given.get("byte_limit")),
            inline=given.get("disposition") == "INLINE",
            chunk_rows=self._chunk_rows,
        )

        def proceed() -> None:
            statement.fetching = statement.fetching or self._clock.now()
            if statement.cancelled:
                raise CancelledStatementError

        statement.results.columns = result.columns
        collect(result, statement.results, limits, proceed)
        statement.fetching = statement.fetching or self._clock.now()

    def _retain(self, results: Results) -> None:
        """Keep what is in memory, and the number of statements, within bounds."""
        forgotten: list[Statement] = []
        with self._lock:
            while len(self._held) > KEPT_STATEMENTS and next(iter(self._held.values())).done.is_set():
                forgotten.append(self._held.popitem(last=False)[1])
            self._small.append((results, results.in_memory))
            self._in_memory += results.in_memory
            while self._in_memory > MEMORY or len(self._small) > KEPT_STATEMENTS:
                oldest, size = self._small.popleft()
                self._in_memory -= size
                oldest.spill()
        for statement in forgotten:
            self._close(statement)


def _limit(value: Any) -> int | None:
    return None if value is None else int(value)


def _tags(session: Session, request: Json) -> list[Json]:
    """Query tags of a statement: its session's, and its own before them where a key is in both."""
    tags: dict[str, str | None] = {key: value or None for key, value in session.query_tags.items()}
    for item in request.get("query_tags") or ():
        value = str(item.get("value") or "")
        tags[str(item["key"])] = value if value.strip() else None
    pairs = [{"key": key, "value": value} if value else {"key": key} for key, value in tags.items()]
    return pairs[:TAG_LIMIT]


def _too_long(seconds: float) -> SqlError:
    return SqlError(
        "[QUERY_EXECUTION_TIMEOUT_EXCEEDED] Query execution was cancelled due to exceeding the timeout "
        f"({seconds:g}s). You can increase the limit in seconds by setting STATEMENT_TIMEOUT. SQLSTATE: 57KD0",
        "57KD0",
    )


def _interrupt(statement: Statement) -> None:
    # DuckDB interrupts what runs now, and a statement is several DuckDB queries: one interrupt can fall between two.
    while not statement.done.wait(0.01):
        cursor = statement.cursor
        if cursor is not None:
            with contextlib.suppress(Exception):  # it may have been closed since
                cursor.interrupt()
