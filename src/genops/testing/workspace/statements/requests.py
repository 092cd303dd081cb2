"""What the statement API takes: a request that makes no sense is refused before anything runs.

Statuses, codes and, where they are quoted, messages are those that a real workspace answered. As it does, a choice that
nobody knows and a field that nobody knows are passed over.
"""

from __future__ import annotations

import re
import uuid
from typing import TYPE_CHECKING, Any

from genops.testing.workspace.http.wire import ApiError, invalid, objects_of
from genops.testing.workspace.statements.results import FORMATS

if TYPE_CHECKING:
    from genops.testing.workspace.compute.warehouses import WarehouseService
    from genops.testing.workspace.http.wire import Json

TEXT_LIMIT = 16 * 1024 * 1024
"""Bytes of a statement [docs.databricks.com, execute a SQL statement]."""
HYBRID = "INLINE_OR_EXTERNAL_LINKS"
"""The disposition by which the SQL connector lets the service choose; the public documentation does not have it."""

_CHOICES: dict[str, tuple[str, ...]] = {
    "disposition": ("INLINE", "EXTERNAL_LINKS", HYBRID),
    "format": FORMATS,
    "on_wait_timeout": ("CONTINUE", "CANCEL"),
    "result_compression": ("NONE", "LZ4_FRAME"),
}
"""Fields with a choice of values; the first is the default."""
_FIELDS = (
    *_CHOICES,
    *("statement", "warehouse_id", "catalog", "schema", "session_id", "parameters", "query_tags"),
    *("row_limit", "byte_limit", "wait_timeout"),
)
"""Fields that a caller may give. What else is in a request to run something is not theirs to say."""
_WAIT = (5, 50)
_ROWS = (0, (1 << 31) - 1)
_BYTES = {"INLINE": (1, 25 * 1024 * 1024), "EXTERNAL_LINKS": (1, 100 * 1024**3), HYBRID: (1, 100 * 1024**3)}


def checked(request: Json) -> tuple[Json, float]:
    """A request with its defaults filled in, and the seconds to wait.

    Raises:
        ApiError: 400 for a field that is missing, of another type, or outside of its limits.
    """
    full: Json = {key: request[key] for key in _FIELDS if request.get(key) is not None}
    for name, choices in _CHOICES.items():
        full[name] = full[name] if full.get(name) in choices else choices[0]
    _check_texts(full)
    if full["disposition"] == "INLINE" and full["format"] != "JSON_ARRAY":
        raise invalid(
            "Incompatible parameters: The format field must be JSON_ARRAY when the disposition field is INLINE."
        )
    _check_number(full, "row_limit", *_ROWS)
    _check_number(full, "byte_limit", *_BYTES[full["disposition"]])
    _check_lists(full)
    return full, _seconds(str(full.get("wait_timeout", "10s")))


def check_warehouse(warehouses: WarehouseService, identifier: str, user: str) -> None:
    """Refuse a warehouse that is none: 400 for what is no id, 403 for an id that the user may not use.

    Raises:
        ApiError: It is not there, or not for this user.
    """
    if warehouses.usable(identifier, user):
        return
    if not re.fullmatch(r"[0-9a-f]{16}", identifier):
        raise invalid(f"{identifier} is not a valid endpoint id.")
    message = "You do not have permission to use the SQL Warehouse. Please contact your administrator."
    raise ApiError(403, "PERMISSION_DENIED", message)


def checked_id(identifier: str) -> str:
    """The id of a statement, which is a UUID.

    Raises:
        ApiError: It is something else.
    """
    try:
        uuid.UUID(identifier)
    except ValueError as error:
        raise invalid("Error while parsing type: statement_id.") from error
    return identifier


def _check_texts(request: Json) -> None:
    for name in ("warehouse_id", "statement"):
        if name not in request:
            raise ApiError(400, "BAD_REQUEST", f"Missing required field: {name}")
    for name in ("warehouse_id", "statement", "catalog", "schema", "session_id"):
        if not isinstance(request.get(name, ""), str):
            raise invalid(f"{name} must be a string, not {request[name]!r}")
    if len(request["statement"].encode()) > TEXT_LIMIT:
        raise invalid(f"The statement is longer than {TEXT_LIMIT} bytes")


def _check_number(request: Json, name: str, low: int, high: int) -> None:
    value: Any = request.get(name, low)
    if isinstance(value, bool) or not re.fullmatch(r"-?\d{1,18}", str(value)) or not low <= int(value) <= high:
        raise invalid(f"{name} must be a whole number from {low} to {high}, not {value!r}")


def _check_lists(request: Json) -> None:
    for tag in objects_of(request.get("query_tags"), "query_tags"):
        if not isinstance(tag.get("key"), str) or not tag["key"].strip():
            raise invalid(f"A query tag needs a key that is not empty: {tag!r}")
    for parameter in objects_of(request.get("parameters"), "parameters"):
        for part in ("name", "value", "type"):
            if not isinstance(parameter.get(part), (str, type(None))):
                raise invalid(f"The {part} of a parameter must be a string, not {parameter[part]!r}")


def _seconds(text: str) -> float:
    match = re.fullmatch(r"(\d{1,9})(?:\.\d+)?s", text)
    if not match:
        raise invalid("Error while parsing type: duration.")
    seconds = float(text[:-1])
    if seconds and not _WAIT[0] <= seconds <= _WAIT[1]:
        raise invalid("The wait_timeout field must be 0 seconds (disables wait), or between 5 seconds and 50 seconds.")
    return seconds
