"""Pages with opaque tokens; where there are several pages, an empty one with a token comes after the first.

Unity Catalog documents that a page may hold no items while another follows, so users' loops must go
by the token and not by the items.
"""

from __future__ import annotations

import base64
import binascii
from typing import TYPE_CHECKING, TypeVar

from genops.testing.workspace.http.wire import Json, invalid

if TYPE_CHECKING:
    from collections.abc import Sequence

Item = TypeVar("Item")


def encode_token(text: str) -> str:
    """An opaque token; the text is the server's own affair."""
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def decode_token(token: str) -> tuple[str, int]:
    """What :func:`encode_token` was given as ``word:offset``.

    Raises:
        ApiError: The token was not issued here.
    """
    try:
        text = base64.urlsafe_b64decode(token + "=" * (-len(token) % 4)).decode()
        word, offset = text.split(":")
        if not offset.isdecimal():
            raise ValueError(offset)
        return word, int(offset)
    except (ValueError, binascii.Error) as error:
        raise invalid(f"Invalid page_token: {token}") from error


def page(items: Sequence[Item], token: str, size: int, *, gaps: bool) -> tuple[list[Item], str | None]:
    """One page of ``items`` and the token of the next, ``None`` at the end.

    Args:
        items: Everything, in a stable order.
        token: What the caller sent; empty for the first page.
        size: Items a page.
        gaps: Whether an empty page follows the first of several.

    Raises:
        ApiError: A size below 1, or a token that was not issued here.
    """
    if size < 1:
        raise invalid(f"The size of a page must be 1 or more, not {size}")
    word, start = decode_token(token) if token else ("at", 0)
    if word == "gap":
        return [], encode_token(f"at:{start}")
    stop = start + size
    more = stop < len(items)
    follow = f"gap:{stop}" if gaps and start == 0 else f"at:{stop}"
    return list(items[start:stop]), encode_token(follow) if more else None


def listing(key: str, items: list[Json], next_token: str | None) -> Json:
    """The body of a page; as the service does, an empty list and an absent token are left out."""
    body: Json = {key: items} if items else {}
    return {**body, "next_page_token": next_token} if next_token else body
