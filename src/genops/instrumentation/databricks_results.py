"""What databricks-sql-connector knows of a statement once it has answered: id, rows, bytes, state, SQL state.

Fields of the connector's own objects are read, in the words of every version from 2.9 on; nothing is fetched, consumed
or changed, and no message is repeated.
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from genops.core.operation import EMPTY, AttributeValue, ChargeKey, Facts, Operation
from genops.instrumentation.databricks_names import identifier_of
from genops.instrumentation.databricks_statements import EXECUTE, coded, extent

if TYPE_CHECKING:
    from collections.abc import Hashable

_CHANGED = "num_affected_rows"
_QUERY = "table.query"
_STATES = {"CANCELLED": "CANCELED"}
_RUNNING = frozenset({"PENDING", "RUNNING"})
_SUCCEEDED = frozenset({"SUCCEEDED", "CLOSED"})
# The text of a statement may follow the message; a state in there is somebody's literal.
_TEXT_FOLLOWS = "== SQL"
_SQL_STATE = re.compile(r"\bSQLSTATE: ?([0-9A-Z]{5})\b")
_CLASSES = (
    "00 01 02 03 07 08 09 0A 0B 0D 0E 0F 0K 0L 0M 0N 0P 0S 0T 0U 0V 0W 0X 0Y 0Z 10 20 21 22 23 24 25 26 27 28 2B 2C 2D"
    " 2E 2F 2H 30 33 34 35 36 38 39 3B 3C 3D 3F 40 42 44 45 46 51 53 54 55 56 57 58 60 72 82 F0 HV HY HZ KD KP P0 XX"
)

_CLASSES_KNOWN = frozenset(_CLASSES.split())
_SQL_STATE_ALONE = re.compile(r"[0-9A-Z]{5}")


class Size(NamedTuple):
    """How large a result is.

    Attributes:
        rows: Rows, where they are known already.
        bytes: Bytes, where the platform says them.
        extent: Whether the platform cut it off, and its chunks, as attributes.
    """

    rows: int | None = None
    bytes: int | None = None
    extent: Mapping[str, AttributeValue] = EMPTY


def command_of(cursor: Any) -> Any:
    """Return the handle of a cursor's latest statement; another object for every statement."""
    found = getattr(cursor, "active_command_id", None)
    return getattr(cursor, "active_op_handle", None) if found is None else found


def identifier_in(command: Any) -> str | None:
    """Return the platform's id of a statement, as query history has it."""
    to_hex = getattr(command, "to_hex_guid", None)
    if to_hex is not None:
        return identifier_of(to_hex())
    guid = getattr(getattr(command, "operationId", None), "guid", None)
    return str(uuid.UUID(bytes=guid)) if isinstance(guid, bytes) else None


def charge_of(host: str | None, command: Any) -> ChargeKey | None:
    """Return what a statement is charged as; the same for the SDK and for every transport."""
    identifier = None if command is None else identifier_in(command)
    return None if host is None or identifier is None else ChargeKey("databricks", host, "statement", identifier)


def key_of(charge: ChargeKey) -> Hashable:
    """Return the key under which facts of a statement that goes on after its call are awaited."""
    return (charge.platform, charge.kind, charge.account, charge.id)


def result_of(cursor: Any) -> Any:
    """Return the result that a cursor holds, or `None`."""
    return getattr(cursor, "active_result_set", None)


def facts_of(operation: Operation, cursor: Any) -> Facts:
    """Return what the result of a statement that succeeded says of itself."""
    size = size_of(operation.type, cursor)
    return Facts(rows=size.rows, bytes=size.bytes, attributes=size.extent)


def size_of(kind: str, cursor: Any) -> Size:
    """Return how large a cursor's result is.

    Args:
        kind: Operation type; a statement that changes data has no rows but those that it changed.
        cursor: The cursor.
    """
    result = result_of(cursor)
    changed = _count(getattr(result, "num_modified_rows", None))
    if changed is not None:
        return Size(changed)
    description = getattr(result, "description", None)
    if description and description[0][0] == _CHANGED:
        return Size(_first_value(getattr(result, "results", None)))
    if result is None or not returns_rows(kind):
        return Size()
    manifest = getattr(result, "manifest", None)
    if manifest is None:
        return _buffered(result)
    return Size(
        _count(getattr(manifest, "total_row_count", None)),
        _count(getattr(manifest, "total_byte_count", None)),
        extent(manifest),
    )


def returns_rows(kind: str) -> bool:
    """Return whether the rows of a result are what an operation of a type was made for."""
    return kind in {_QUERY, EXECUTE.name} or kind.endswith(".list")


def _buffered(result: Any) -> Size:
    """Return what is known of a result over Thrift that has come as a whole; one that has not is not counted yet."""
    if getattr(result, "has_more_rows", True) and not getattr(result, "has_been_closed_server_side", False):
        return Size()
    queue = getattr(result, "results", None)
    links = getattr(queue, "result_links", None)
    if links:
        return Size(sum(link.rowCount for link in links), sum(link.bytesNum for link in links))
    return Size(_count(getattr(queue, "n_valid_rows", None)))


def _first_value(queue: Any) -> int | None:
    """Return the first value of a buffered result, which stays in it."""
    table = getattr(queue, "arrow_table", None)
    if table is not None:
        return _count(table.column(0)[0].as_py()) if table.num_rows else None
    columns = getattr(queue, "column_table", None)
    return None if columns is None or not columns.num_rows else _count(columns.get_item(0, 0))


def fetched(result: Any) -> int | None:
    """Return how many rows of a result the program has fetched so far, as the connector itself counts them."""
    return _count(getattr(result, "rownumber", None))


def _count(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else None


def state_of(state: Any) -> str | None:
    """Return a final state in the platform's own word; `None` where the statement goes on."""
    word = coded(state)
    return None if word is None or word in _RUNNING else _STATES.get(word, word)


def ended(state: str, charge: ChargeKey | None = None) -> Facts:
    """Return the facts of a statement that ended in a state of which nothing more is known."""
    return Facts(state=state, error_type=None if state in _SUCCEEDED else state, charge=charge)


def failure(error: BaseException) -> Facts:
    """Return what an error says of a statement: its SQL state, and that it ended where the platform says so."""
    context = getattr(error, "context", None)
    by_platform = isinstance(context, Mapping) and "operation-id" in context
    return Facts(state="FAILED" if by_platform else None, error_code=sql_state(error))


def sql_state(error: BaseException) -> str | None:
    """Return the SQL state of an error: its field, or where there is none the one that ends the platform's message.

    >>> sql_state(Exception("[TABLE_OR_VIEW_NOT_FOUND] main.hr.pay is not there. SQLSTATE: 42P01; line 1 pos 14"))
    '42P01'
    >>> sql_state(Exception("no state"))
    """
    named = coded(getattr(error, "sql_state", None), _SQL_STATE_ALONE)
    if named is None:
        message = getattr(error, "message", None) or (error.args[0] if error.args else None)
        told = message.partition(_TEXT_FOLLOWS)[0] if isinstance(message, str) else ""
        named = (_SQL_STATE.findall(told) or [None])[-1]
    return named if named is not None and named[:2] in _CLASSES_KNOWN else None
