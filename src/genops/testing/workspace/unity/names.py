"""Names of Unity Catalog's objects, and who is acting on them."""

from __future__ import annotations

import contextlib
import re
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

from genops.testing.workspace.http.wire import ApiError, exists, invalid
from genops.testing.workspace.sql.values import split_name, ticked

if TYPE_CHECKING:
    from collections.abc import Generator

_NAME = re.compile(r"[^\s./\x00-\x1f\x7f]{1,255}")
_ACTOR: ContextVar[str] = ContextVar("actor", default="")


def checked_name(name: Any) -> str:
    """A name in lower case.

    Raises:
        ApiError: Not a name that Unity Catalog takes.
    """
    if not isinstance(name, str) or not _NAME.fullmatch(name) or name in (".", ".."):
        raise invalid(f"Invalid input: name {name!r} must be 1 to 255 characters without dots, slashes or spaces")
    return name.lower()


def parts_of(full_name: str, count: int) -> list[str]:
    """The parts of a full name in lower case.

    Raises:
        ApiError: Another number of parts than expected.
    """
    parts = [part.lower() for part in split_name(full_name)]
    if len(parts) != count:
        raise invalid(f"'{full_name}' is not a valid name: expected {count} parts, found {len(parts)}")
    return parts


def quote_part(name: str) -> str:
    """A part of a dotted name, in backticks where it needs them."""
    return ticked(name) if "." in name or "`" in name else name


def taken(kind: str, name: str) -> ApiError:
    """The error for a name that another object has; its status depends on the kind, as the service's does."""
    text = f"{kind.capitalize()} '{name}' already exists"
    if kind in ("catalog", "schema", "table"):
        return ApiError(400, f"{kind.upper()}_ALREADY_EXISTS", text)
    return exists(text)


@contextlib.contextmanager
def acting(user: str) -> Generator[None]:
    """Let a user own what is created inside; the workspace's own user where it is empty."""
    token = _ACTOR.set(user)
    try:
        yield
    finally:
        _ACTOR.reset(token)


def actor() -> str:
    """Who is acting; empty for the workspace's own user."""
    return _ACTOR.get()
