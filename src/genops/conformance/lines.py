"""Export requests out of a stream of bytes: one a line, or one document over all of it."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from typing import BinaryIO, NamedTuple

_BOM = b"\xef\xbb\xbf"
_OPEN = (b"{", b"[", b",")


class Line(NamedTuple):
    """One line of input.

    Attributes:
        number: Its number, from 1.
        request: What it holds, as JSON gives it.
        broken: Why it cannot be read; empty where it can.
    """

    number: int
    request: object
    broken: str = ""


def requests(stream: BinaryIO) -> Iterator[Line]:
    """Yield the export requests of a stream; empty lines are none.

    Memory is that of the longest line. Only a stream whose first line opens a document that it does not close, as
    indented JSON does, is read whole.

    Args:
        stream: OTLP as JSON lines, or as one JSON document.
    """
    first = True
    for number, raw in enumerate(stream, 1):
        line = raw.removeprefix(_BOM).strip() if number == 1 else raw.strip()
        if not line:
            continue
        read = _read(number, line, ended=raw.endswith(b"\n"))
        if read.broken and first and line.endswith(_OPEN):
            yield from _document(number, line + b"\n", stream.read())
            return
        first = False
        yield read


def _document(number: int, head: bytes, rest: bytes) -> Iterator[Line]:
    whole = _read(number, head + rest, ended=True)
    if not whole.broken:
        yield whole
        return
    for offset, raw in enumerate(io.BytesIO(head + rest)):
        if raw.strip():
            yield _read(number + offset, raw.strip(), ended=raw.endswith(b"\n"))


def _read(number: int, line: bytes, *, ended: bool) -> Line:
    try:
        return Line(number, json.loads(line))
    except RecursionError:
        return Line(number, None, "nested too deeply to be OTLP")
    except ValueError as error:
        if not ended:
            return Line(number, None, "the input ends in the middle of this line: it was cut, and more may be missing")
        return Line(number, None, f"not JSON: {str(error)[:200]}")
