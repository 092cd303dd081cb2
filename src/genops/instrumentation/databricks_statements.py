"""SQL statements run through the SDK: what they do, as far as their first word tells, and how they ended.

The text itself never leaves: its first word where it is a known keyword, its length, and a keyed hash stand for it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from enum import Enum
from typing import TYPE_CHECKING, Any

from genops.core import hashing
from genops.core.operation import Action, AttributeValue, ChargeKey, Facts, Late, Operation, Place, Statement
from genops.instrumentation.databricks_names import identifier_of
from genops.instrumentation.databricks_types import OperationType, named

if TYPE_CHECKING:
    from collections.abc import Hashable

TRUNCATED, CHUNKS = "databricks.statement.truncated", "databricks.statement.chunks"
# The platform keeps a result for an hour after the statement ended; nobody asks for it later.
_RESULT_SECONDS = 3600.0
_SCANNED = 65_536
_RUNNING = frozenset({"PENDING", "RUNNING"})
_FAILED = frozenset({"FAILED", "CANCELED"})
_SUCCEEDED = frozenset({"SUCCEEDED", "CLOSED"})
_CODE = re.compile(r"[A-Z][A-Z0-9_]{1,63}")
_SQL_STATE = re.compile(r"[0-9A-Z]{5}")
_BLANK = re.compile(r"[\s(;]*")
_FIRST = re.compile(r"\s{0,64}([A-Za-z]{1,16})(?!\w)")
_WORD = re.compile(r"([A-Za-z]{1,16})(?!\w)")
_BRACKET = re.compile(r"/\*|\*/")

EXECUTE = named("sql.execute", Action.WRITE)
_QUERY = named("table.query", Action.QUERY)
_TYPES: dict[str, OperationType] = {
    **dict.fromkeys(("SELECT", "VALUES", "SHOW", "DESCRIBE", "DESC", "EXPLAIN"), _QUERY),
    **dict.fromkeys(
        ("INSERT", "MERGE", "UPDATE", "DELETE", "COPY", "TRUNCATE"),
        named("table.write", Action.WRITE),
    ),
    **dict.fromkeys(("CREATE", "ALTER", "DROP", "UNDROP", "COMMENT"), named("sql.define", Action.WRITE)),
    **dict.fromkeys(("GRANT", "REVOKE", "DENY"), named("sql.grant", Action.ADMIN)),
    # What these do depends on what follows; a rule on writes must see them until the SQL itself is understood.
    **dict.fromkeys(
        [
            "ANALYZE",
            "BEGIN",
            "CACHE",
            "CALL",
            "CLEAR",
            "DECLARE",
            "EXECUTE",
            "FROM",
            "MSCK",
            "OPTIMIZE",
            "REFRESH",
            "REORG",
            "REPAIR",
            "REPLACE",
            "RESET",
            "RESTORE",
            "SET",
            "SYNC",
            "TABLE",
            "UNCACHE",
            "UNSET",
            "USE",
            "VACUUM",
            "WITH",
        ],
        EXECUTE,
    ),
}


def described(text: Any, place: Place = Place()) -> tuple[OperationType, Statement | None]:  # noqa: B008  (immutable)
    r"""Return what a statement does and what may be said of it.

    Args:
        text: The statement.
        place: Where it runs.

    >>> described("-- nightly\nselect 1")[0].name, described("/* a /* b */ */ MERGE INTO t")[0].name
    ('table.query', 'table.write')
    >>> described("with x as (select 1) insert into t select * from x")[0].name
    'sql.execute'
    """
    if not isinstance(text, str):
        return EXECUTE, None
    keyword = first_keyword(text)
    return _TYPES.get(keyword or "", EXECUTE), Statement(keyword, len(text), hashing.keyed(text, 16), place)


def first_keyword(text: str) -> str | None:
    """Return the first word of a statement where it is a known SQL keyword; comments before it are skipped.

    Looks at the first 64 Ki characters only.

    >>> first_keyword("  /* password */ ( Select 1)"), first_keyword("hunter2 is my password"), first_keyword("/* open")
    ('SELECT', None, None)
    """
    word = _FIRST.match(text)
    if word is None:
        position = _skipped(text)
        word = None if position < 0 else _WORD.match(text, position, _SCANNED)
    found = word.group(1).upper() if word else ""
    return found if found in _TYPES else None


def _skipped(text: str) -> int:
    """Return where a statement begins after blanks, brackets and comments; -1 where it does not in what is scanned."""
    position = 0
    while True:
        position = _end(_BLANK, text, position)
        if text.startswith("--", position):
            position = text.find("\n", position, _SCANNED)
        elif text.startswith("/*", position):
            position = _after_comment(text, position)
        else:
            return position
        if position < 0:
            return -1


def _end(pattern: re.Pattern[str], text: str, position: int) -> int:
    found = pattern.match(text, position, _SCANNED)
    return found.end() if found else position


def _after_comment(text: str, position: int) -> int:
    """Return where a bracketed comment, which may hold others, ends; -1 where it does not within what is scanned."""
    depth = 0
    for mark in _BRACKET.finditer(text, position, _SCANNED):
        depth += 1 if mark.group() == "/*" else -1
        if depth == 0:
            return mark.end()
    return -1


def executed(operation: Operation, response: Any) -> Facts | None:
    """Return what the response to a new statement reveals: its end, or that its end comes later."""
    state = _state(response)
    identifier = identifier_of(getattr(response, "statement_id", None))
    charge = _charge(operation.host, identifier)
    if state in _RUNNING and identifier is not None:
        late = Late(_key(operation.host, identifier), _RESULT_SECONDS)
        return Facts(state=state, charge=charge, late=late)
    return _ended(operation.type, state, response, charge)


def polled(operation: Operation, response: Any) -> Facts | None:
    """Return what a look at a statement reveals: its end is a fact of the unit that waits for it."""
    state = _state(response)
    identifier = identifier_of(getattr(response, "statement_id", None)) or operation.resource_id
    if state is None or state in _RUNNING or identifier is None:
        return None
    key = _key(operation.host, identifier)
    facts = _ended("", state, response, _charge(operation.host, identifier))
    return None if facts is None else Facts(resolves=((key, facts),))


def _ended(operation_type: str, state: str | None, response: Any, charge: ChargeKey | None) -> Facts | None:
    if state in _FAILED:
        status = response.status
        error = getattr(status, "error", None)
        return Facts(
            state=state,
            error_type=coded(getattr(error, "error_code", None)) or state,
            error_code=coded(getattr(status, "sql_state", None), _SQL_STATE),
            charge=charge,
        )
    if state not in _SUCCEEDED:
        return None
    manifest = getattr(response, "manifest", None)
    return Facts(
        state=state,
        rows=_rows(operation_type, response),
        bytes=_count(getattr(manifest, "total_byte_count", None)),
        charge=charge,
        attributes=extent(manifest),
    )


_NONE: Mapping[str, AttributeValue] = {}


def extent(manifest: Any) -> Mapping[str, AttributeValue]:
    """Return what the manifest of a result says beside its size: that it was cut off, or its chunks if several.

    >>> from types import SimpleNamespace
    >>> extent(SimpleNamespace(truncated=True, total_chunk_count=1))
    {'databricks.statement.truncated': True}
    """
    said: dict[str, AttributeValue] = {}
    if getattr(manifest, "truncated", None) is True:
        said[TRUNCATED] = True
    chunks = _count(getattr(manifest, "total_chunk_count", None)) or 0
    if chunks > 1:
        said[CHUNKS] = chunks
    return said or _NONE


def _rows(operation_type: str, response: Any) -> int | None:
    """Return rows returned, or for a statement that changes data the rows that it says it changed."""
    manifest = getattr(response, "manifest", None)
    columns = getattr(getattr(manifest, "schema", None), "columns", None) or ()
    if columns and getattr(columns[0], "name", None) == "num_affected_rows":
        values = getattr(getattr(response, "result", None), "data_array", None)
        text = values[0][0] if values and values[0] else None
        return int(text) if isinstance(text, str) and text.isdecimal() else None
    if operation_type in {"", _QUERY.name, EXECUTE.name}:
        return _count(getattr(manifest, "total_row_count", None))
    return None


def _count(value: object) -> int | None:
    return value if isinstance(value, int) else None


def _state(response: Any) -> str | None:
    state = getattr(getattr(response, "status", None), "state", None)
    return coded(state)


def coded(value: object, pattern: re.Pattern[str] = _CODE) -> str | None:
    """Return a code as text where it has the form of one, so that no message can pass for it.

    >>> coded("RESOURCE_DOES_NOT_EXIST"), coded("table main.hr.pay not found")
    ('RESOURCE_DOES_NOT_EXIST', None)
    """
    word = value.value if isinstance(value, Enum) else value
    return word if isinstance(word, str) and pattern.fullmatch(word) else None


def _key(host: str | None, identifier: str) -> Hashable:
    return ("databricks", "statement", host, identifier)


def _charge(host: str | None, identifier: str | None) -> ChargeKey | None:
    return None if host is None or identifier is None else ChargeKey("databricks", host, "statement", identifier)
