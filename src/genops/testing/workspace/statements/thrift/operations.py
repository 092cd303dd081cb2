"""What a handle stands for: a statement, or an answer of the catalog, and how far it has been read."""

from __future__ import annotations

import threading
import uuid
from collections import OrderedDict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from genops.testing.workspace.sql.failures import SqlError
from genops.testing.workspace.statements.thrift.generated import succeeded
from genops.testing.workspace.statements.thrift.generated import types as t
from genops.testing.workspace.statements.thrift.pages import Link, ListPages, Native, Pages, ResultPages

if TYPE_CHECKING:
    from genops.testing.workspace.statements.execution import Statement
    from genops.testing.workspace.statements.thrift.metadata import Listing

KEPT = 10_000
"""Operations that clients may leave open; the oldest is forgotten."""
_ROWS = 100_000
_BYTES = 100 * 1024 * 1024
"""What a page holds where the client does not say; the Python connector's own numbers."""

_STATES = {
    "PENDING": "PENDING_STATE",
    "RUNNING": "RUNNING_STATE",
    "SUCCEEDED": "FINISHED_STATE",
    "FAILED": "ERROR_STATE",
    "CANCELED": "CANCELED_STATE",
    "CLOSED": "CLOSED_STATE",
}


class InvalidHandleError(Exception):
    """A handle that stands for nothing, or for nothing any more."""


def handle_of(identifier: str) -> Any:
    """The handle of a session or statement; its guid is the id, so that history knows what the client shows."""
    return t.THandleIdentifier(guid=uuid.UUID(identifier).bytes, secret=uuid.uuid4().bytes)


def identifier_of(handle: Any) -> str:
    """The id in a handle; empty where it is no handle."""
    guid = getattr(handle, "guid", None) or b""
    return str(uuid.UUID(bytes=guid)) if len(guid) == 16 else ""  # noqa: PLR2004 - bytes of a UUID


@dataclass(frozen=True)
class Reading:
    """How a client reads results.

    Attributes:
        native: Which types it reads as Arrow's own; ``None`` where it reads no Arrow.
        compressed: Whether it decompresses LZ4.
        link: Gives the file of a chunk, where it fetches files itself.
    """

    native: Native | None = None
    compressed: bool = False
    link: Link | None = None


@dataclass
class Operation:
    """One operation.

    Attributes:
        id: Its id; that of the statement, where there is one.
        kind: Name of its ``TOperationType``.
        session_id: Whose operation it is.
        statement: The statement; ``None`` where the catalog answered.
        reading: How the client reads a statement's result.
        listing: What the catalog answered.
        user: Who asked for it, and may read it.
    """

    id: str
    kind: str
    session_id: str
    statement: Statement | None = None
    reading: Reading = field(default_factory=Reading)
    listing: Listing | None = None
    user: str = ""
    _pages: Pages | None = None
    _position: int = 0
    _reading: threading.Lock = field(default_factory=threading.Lock)

    @property
    def state(self) -> str:
        """Its state in the words of the statement API."""
        return self.statement.state if self.statement else "SUCCEEDED"

    @property
    def linked(self) -> bool:
        """Whether the client has links to its result, which hold for their time, whatever becomes of the operation."""
        return self.reading.link is not None and self.statement is not None and len(self.statement.results.chunks) > 1

    def handle(self) -> Any:
        """Its ``TOperationHandle``."""
        kind = getattr(t.TOperationType, self.kind)
        return t.TOperationHandle(operationId=handle_of(self.id), operationType=kind, hasResultSet=True)

    def wait(self, seconds: float | None) -> None:
        """Wait for its end, so long at most."""
        if self.statement:
            self.statement.done.wait(seconds)

    def status(self) -> Any:
        """Its ``TGetOperationStatusResp``."""
        answer = t.TGetOperationStatusResp(
            status=succeeded(), operationState=getattr(t.TOperationState, _STATES[self.state]), hasResultSet=True
        )
        statement = self.statement
        if statement is None:
            return answer
        answer.operationStarted = int(statement.received * 1000)
        answer.operationCompleted = int(statement.ended * 1000) if statement.done.is_set() else None
        answer.numModifiedRows = statement.modified_rows
        if statement.error and self.state == "FAILED":
            answer.sqlState = statement.error.sql_state
            answer.errorMessage = answer.displayMessage = answer.diagnosticInfo = statement.error.message
        return answer

    def metadata(self) -> Any:
        """Its ``TGetResultSetMetadataResp``.

        Raises:
            SqlError: It has not succeeded.
        """
        answer = self._readable().metadata()
        answer.status = succeeded()
        answer.isStagingOperation = bool(self.statement and self.statement.outcome.staging)
        return answer

    def fetch(self, rows: int | None, size: int | None) -> Any:
        """The next page, as a ``TFetchResultsResp``.

        Raises:
            SqlError: It has not succeeded.
        """
        pages = self._readable()
        with self._reading:
            row_set, count = pages.page(self._position, rows or _ROWS, size or _BYTES)
            self._position += count
            more = self._position < pages.total
        return t.TFetchResultsResp(status=succeeded(), hasMoreRows=more, results=row_set)

    def _readable(self) -> Pages:
        if self.state != "SUCCEEDED":
            raise SqlError(f"Expected state FINISHED, but found {self.state}: {self.id} has no result.", "HY010")
        if self._pages is None:
            self._pages = self._opened()
        return self._pages

    def _opened(self) -> Pages:
        if self.listing is not None:
            return ListPages(self.listing.columns, self.listing.rows)
        assert self.statement is not None
        results, reading = self.statement.results, self.reading
        link = reading.link if self.linked else None
        return ResultPages(results, reading.native, link, compressed=reading.compressed)


class Operations:
    """The operations that are open."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._held: OrderedDict[str, Operation] = OrderedDict()

    def open(self, operation: Operation) -> Operation:
        """Keep an operation until it is closed."""
        with self._lock:
            self._held[operation.id] = operation
            if len(self._held) > KEPT:
                self._held.popitem(last=False)
        return operation

    def get(self, handle: Any, user: str) -> Operation:
        """An open operation of a user by its handle.

        Raises:
            InvalidHandleError: There is none, or it is another's.
        """
        identifier = identifier_of(getattr(handle, "operationId", None))
        found = self._held.get(identifier)
        if found is None or found.user != user:
            raise InvalidHandleError(f"Invalid OperationHandle: OperationHandle [{identifier}]")
        return found

    def close(self, operation: Operation) -> None:
        """Forget an operation."""
        with self._lock:
            self._held.pop(operation.id, None)

    def of(self, session_id: str) -> list[Operation]:
        """The open operations of a session."""
        with self._lock:
            return [operation for operation in self._held.values() if operation.session_id == session_id]
