"""What is remembered of a statement once it has ended, and what a running one shows: its facts and its times."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from genops.testing.workspace.http.wire import Json
    from genops.testing.workspace.statements.execution import Statement

_STATUS = {"PENDING": "QUEUED", "RUNNING": "RUNNING", "SUCCEEDED": "FINISHED", "CLOSED": "FINISHED"}
ENDED = ("FINISHED", "FAILED", "CANCELED")


@dataclass(frozen=True)
class Times:
    """The moments of a statement in milliseconds since the epoch; each is at or after the one before.

    Attributes:
        received: It came in.
        started: Its warehouse was there for it.
        compiled: It was translated.
        executed: Its rows were there.
        ended: They were fetched.
    """

    received: int
    started: int
    compiled: int
    executed: int
    ended: int

    @property
    def waiting(self) -> int:
        """Milliseconds without compute."""
        return self.started - self.received

    @property
    def compiling(self) -> int:
        """Milliseconds of translation."""
        return self.compiled - self.started

    @property
    def executing(self) -> int:
        """Milliseconds of execution."""
        return self.executed - self.compiled

    @property
    def fetching(self) -> int:
        """Milliseconds in which rows were fetched."""
        return self.ended - self.executed

    @property
    def running(self) -> int:
        """Milliseconds from its arrival to its rows: waiting, compiling and executing."""
        return self.executed - self.received


def times_of(statement: Statement, now: float) -> Times:
    """The moments of a statement; what has not come yet is now."""
    ended = _millis(statement.ended or now)
    received = _millis(statement.received)
    started = _between(received, _millis(statement.started or now), ended)
    executed = _between(started, _millis(statement.fetching) if statement.fetching else ended, ended)
    compiled = _between(started, started + round(statement.outcome.compiled * 1000), executed)
    return Times(received, started, compiled, executed, ended)


def _millis(seconds: float) -> int:
    return int(seconds * 1000)


def _between(low: int, value: int, high: int) -> int:
    return max(low, min(value, high))


@dataclass(frozen=True)
class Ran:
    """One statement, without its result.

    Attributes:
        id: As the statement API names it.
        text: Its SQL.
        kind: Its type, as ``SELECT``.
        status: As query history names it, as ``FINISHED``.
        error: What went wrong; empty where nothing did.
        user: Who ran it.
        warehouse_id: Where it ran.
        session_id: Its session.
        catalog: The catalog of names without one.
        schema: The schema of names without one.
        source: Who caused it, in the words of ``query_source``, with ``client`` and ``driver``.
        tags: Its query tags.
        parameters: Its parameters, as the request gave them.
        times: Its moments.
        rows: Rows of its result.
        size: Bytes of its result.
        rows_read: Rows that scans went through, where that was measured.
        bytes_read: Bytes that scans went through, where that was measured.
        files_read: Files of volumes that it read; tables have no files here.
        rows_written: Rows that it wrote.
        query_source: ``source`` without the client.
        reads: Full names of the tables and views, and paths, that it read, as the engine resolved them.
        writes: Full names of the tables that it wrote.
    """

    id: str
    text: str
    kind: str
    status: str
    error: str
    user: str
    warehouse_id: str
    session_id: str
    catalog: str
    schema: str
    source: Json
    tags: dict[str, str]
    parameters: list[Json]
    times: Times
    rows: int
    size: int
    rows_read: int | None = None
    bytes_read: int | None = None
    files_read: int | None = None
    rows_written: int = 0
    query_source: Json = field(default_factory=dict[str, object])
    reads: tuple[str, ...] = ()
    writes: tuple[str, ...] = ()

    @property
    def is_final(self) -> bool:
        """Whether it has ended."""
        return self.status in ENDED

    @property
    def client(self) -> str:
        """The application that sent it."""
        return str(self.source.get("client") or "Databricks SQL Execution API")


def ran(statement: Statement, user: str, now: float) -> Ran:
    """What a statement is known by.

    Args:
        statement: The statement, ended or not.
        user: Whose it is where its session does not say.
        now: Seconds since the epoch.
    """
    session, profile = statement.session, statement.outcome.profile
    return Ran(
        id=statement.id,
        text=statement.text,
        kind=statement.outcome.statement_type,
        status=_STATUS.get(statement.state, statement.state),
        error=statement.error.message if statement.error else "",
        user=session.user or user,
        warehouse_id=statement.warehouse_id,
        session_id=session.id,
        catalog=session.catalog,
        schema=session.schema,
        source=statement.source,
        tags={str(tag["key"]): str(tag.get("value") or "") for tag in statement.tags},
        parameters=list(statement.request.get("parameters") or ()),
        times=times_of(statement, now),
        rows=statement.rows,
        size=statement.size,
        rows_read=profile.rows_read,
        bytes_read=profile.bytes_read,
        files_read=statement.outcome.files_read or None,
        rows_written=statement.outcome.written_rows,
        query_source={key: value for key, value in statement.source.items() if key not in ("client", "driver")},
        reads=tuple(statement.outcome.reads),
        writes=tuple(statement.outcome.writes),
    )
