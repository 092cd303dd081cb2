"""Bodies of HTTP requests: read whole or in chunks, unpacked, and refused where they are cut or too large."""

from __future__ import annotations

import re
import time
import zlib
from collections.abc import Iterator, Mapping
from typing import Protocol

LIMIT = 32 << 20
"""Largest body, before and after it is unpacked, in bytes. OpenTelemetry's Collector takes 20 MiB."""
PATIENCE_S = 60.0
"""How long a body may take to arrive, in seconds."""
_PART = 1 << 16
_DIGITS = re.compile("[0-9]{1,18}")
_HEX = re.compile(b"[0-9a-fA-F]{1,15}")
_LINE = 1 << 12
_TRAILERS = 100
_WINDOWS = {"gzip": zlib.MAX_WBITS | 16, "deflate": zlib.MAX_WBITS}


class Refused(Exception):  # noqa: N818  (an answer, and no error of ours)
    """A request that is not taken.

    Args:
        status: Of HTTP.
        words: What was found and what was expected.
    """

    def __init__(self, status: int, words: str) -> None:
        super().__init__(words)
        self.status, self.words = status, words


class Stream(Protocol):
    """What is read of a connection."""

    def read1(self, size: int, /) -> bytes:
        """Return what is there, up to so many bytes; nothing at the end."""
        ...

    def readline(self, size: int, /) -> bytes:
        """Return a line with its end, up to so many bytes."""
        ...


def body(headers: Mapping[str, str], stream: Stream) -> bytes:
    """Read the body of a request.

    Args:
        headers: Its headers, by lower-case name.
        stream: Behind the headers.

    Raises:
        Refused: It is cut, too large, too slow, or says no size that can be read.
        OSError: The connection is lost, or nothing came for its time limit.
    """
    by = time.monotonic() + PATIENCE_S
    coding = headers.get("transfer-encoding", "").strip().lower()
    if coding:
        if coding != "chunked":
            raise Refused(400, f"transfer encoding {coding[:40]!r}: expected chunked")
        return b"".join(_chunks(stream, by))
    size = headers.get("content-length")
    if size is None:
        raise Refused(411, "expected a Content-Length, or chunks")
    if not _DIGITS.fullmatch(size.strip()):
        raise Refused(400, f"Content-Length {size[:40]!r}: expected a number of bytes")
    _within(int(size))
    return b"".join(_exactly(stream, int(size), by))


def unpacked(body: bytes, coding: str) -> bytes:
    """Unpack a body.

    Args:
        body: As it came.
        coding: `gzip`, of any number of members, `deflate` or `identity`.

    Raises:
        Refused: It is no such stream, is cut, or unpacks to more than the limit.
    """
    if coding == "identity":
        return body
    parts: list[bytes] = []
    room, rest = LIMIT, body
    try:
        while rest or not parts:
            inflate = zlib.decompressobj(_WINDOWS[coding])
            parts.append(inflate.decompress(rest, room + 1))
            room -= len(parts[-1])
            if room < 0:
                raise Refused(413, f"the body unpacks to more than {LIMIT >> 20} MiB")
            if not inflate.eof or (inflate.unused_data and coding != "gzip"):
                raise Refused(400, f"the {coding} stream is cut, or followed by something else")
            rest = inflate.unused_data
    except zlib.error as error:
        raise Refused(400, f"the body is no {coding}: {error}") from error
    return b"".join(parts)


def _within(size: int) -> None:
    if size > LIMIT:
        raise Refused(413, f"expected at most {LIMIT >> 20} MiB")


def _exactly(stream: Stream, size: int, by: float) -> Iterator[bytes]:
    left = size
    while left:
        part = stream.read1(min(left, _PART))
        if not part:
            raise Refused(400, f"the body ends after {size - left} of {size} bytes")
        if time.monotonic() > by:
            raise Refused(408, f"the body took more than {PATIENCE_S:g} s")
        left -= len(part)
        yield part


def _chunks(stream: Stream, by: float) -> Iterator[bytes]:
    whole = 0
    while True:
        line = _line(stream)
        size = line.partition(b";")[0].strip()
        if not _HEX.fullmatch(size):
            raise Refused(400, f"a chunk says {size[:40]!r}: expected its size in hexadecimal")
        length = int(size, 16)
        if not length:
            break
        whole += length
        _within(whole)
        yield from _exactly(stream, length, by)
        if _line(stream).strip():
            raise Refused(400, "a chunk is longer than it says")
    for _ in range(_TRAILERS):
        if not _line(stream).strip():
            return
    raise Refused(400, f"more than {_TRAILERS} trailers")


def _line(stream: Stream) -> bytes:
    line = stream.readline(_LINE)
    if not line.endswith(b"\n"):
        raise Refused(400, "the body ends inside of its chunks")
    return line
