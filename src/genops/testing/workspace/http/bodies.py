"""Bodies of requests: where they end, how large they may be, and what they say."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from genops.testing.workspace.http.wire import ApiError

if TYPE_CHECKING:
    from email.message import Message
    from io import BufferedIOBase

BLOCK = 1 << 20
_JSON_LIMIT = 64 << 20
"""Bytes of a body that is held in memory: four times the longest statement that the service takes."""
_FILE_LIMIT = 5 << 30
"""Bytes of a file, the limit that the Files API documents for one request."""
_CHUNK_LINE = 1 << 10


def framing(headers: Message) -> int | None:
    """The length of a body, ``None`` for a chunked one.

    Raises:
        ApiError: 400, the headers leave open where the body ends.
    """
    lengths = {value.strip() for value in headers.get_all("content-length") or ()}
    encodings = [value.strip().lower() for value in headers.get_all("transfer-encoding") or ()]
    if encodings:
        if encodings != ["chunked"] or lengths:
            raise _malformed("Transfer-Encoding must be chunked, once, and without a Content-Length")
        return None
    if not lengths:
        return 0
    if len(lengths) > 1 or not re.fullmatch(r"[0-9]{1,18}", next(iter(lengths))):
        raise _malformed(f"Content-Length must be one whole number, not {', '.join(sorted(lengths))}")
    return int(lengths.pop())


def blocks(source: BufferedIOBase, length: int | None, *, limited: bool) -> Iterator[bytes]:
    """The body, piece by piece.

    Args:
        source: The connection.
        length: What :func:`framing` found.
        limited: Whether the body is held in memory, and must be small.

    Raises:
        ApiError: 400 for a chunk that says no length, 413 for a body that is too large.
        ConnectionError: The client hung up before the end; half a request is none.
    """
    limit = _JSON_LIMIT if limited else _FILE_LIMIT
    total = 0
    for size in _sizes(source, length):
        total += size
        if total > limit:
            raise ApiError(413, "REQUEST_ENTITY_TOO_LARGE", f"The request body is larger than {limit} bytes")
        yield from _exactly(source, size)


def _exactly(source: BufferedIOBase, left: int) -> Iterator[bytes]:
    while left:
        block = source.read(min(BLOCK, left))
        if not block:
            raise ConnectionResetError("the client hung up inside a body")
        left -= len(block)
        yield block


def _sizes(source: BufferedIOBase, length: int | None) -> Iterator[int]:
    """Sizes of the pieces that follow one another, each read before the next is asked for."""
    if length is not None:
        yield length
        return
    while True:
        line = source.readline(_CHUNK_LINE)
        size = re.fullmatch(rb"([0-9a-fA-F]{1,15})\s*(?:;[^\n]*)?\r?\n", line)
        if not size:
            raise _malformed("A chunk of the body must begin with its length")
        if int(size[1], 16) == 0:
            break
        yield int(size[1], 16)
        if source.readline(_CHUNK_LINE).strip():
            raise _malformed("A chunk of the body is longer than it says")
    while source.readline(_CHUNK_LINE).strip():  # trailers
        pass


def parsed(raw: bytes, path: str, content_type: str) -> Any:
    """A body as JSON, the bytes where it is something else, ``None`` where there is none.

    Raises:
        ApiError: 400, a body of the API says that it is JSON, or says nothing, and is none.
    """
    if not raw:
        return None
    kind = content_type.partition(";")[0].strip().lower()
    demanded = path.startswith("/api/") and (not kind or kind.endswith("json"))
    if not demanded and kind and not kind.endswith("json"):
        return raw
    try:
        found = json.loads(raw)
        # Half a pair of UTF-16 can be written in JSON and in nothing else: no store of the service takes it.
        if b"\\u" in raw:
            json.dumps(found, ensure_ascii=False).encode()
    except (ValueError, RecursionError) as error:
        if demanded:
            raise _malformed(f"Could not parse request object: {error}") from error
        return raw
    return found


def _malformed(message: str) -> ApiError:
    return ApiError(400, "MALFORMED_REQUEST", message)
