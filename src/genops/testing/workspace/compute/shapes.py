"""Parts of settings, read without asking again whether they have the right shape: that was checked when they came."""

from __future__ import annotations

from typing import Any, cast

from genops.testing.workspace.http.wire import Json, invalid


def part(value: Any) -> Json:
    """An object inside settings; an empty one where it is absent."""
    return cast("Json", value) if isinstance(value, dict) else {}


def items(value: Any) -> list[Any]:
    """A list inside settings; an empty one where it is absent."""
    return cast("list[Any]", value) if isinstance(value, list) else []


def checked_part(value: Any, name: str) -> Json:
    """An object that a request gives, or nothing.

    Raises:
        ApiError: 400 for anything else.
    """
    if value is not None and not isinstance(value, dict):
        raise invalid(f"{name} must be an object, not {value!r}")
    return part(value)


def checked_texts(value: Any, name: str) -> dict[str, str]:
    """An object whose values are texts, as parameters and tags are; ``None`` among them counts as empty.

    Raises:
        ApiError: 400 for anything else.
    """
    given = checked_part(value, name)
    for key, text in given.items():
        if text is not None and not isinstance(text, str):
            raise invalid(f"{name}.{key} must be a string, not {text!r}")
    return {key: text or "" for key, text in given.items()}


def checked_count(value: Any, name: str, least: int = 0) -> int:
    """A whole number that a request gives, or 0 for nothing.

    Raises:
        ApiError: 400 for anything else.
    """
    if value is None:
        return 0
    if isinstance(value, bool) or not isinstance(value, int) or value < least:
        raise invalid(f"{name} must be a whole number of at least {least}, not {value!r}")
    return value
