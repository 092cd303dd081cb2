"""The result of one statement, kept in the format it was asked for: in memory while it is small, then in a file."""

from __future__ import annotations

import csv
import io
import json
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from genops.testing.workspace.sql.results import Rows, arrow_library, arrow_schema

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from genops.testing.workspace.http.wire import Json

FORMATS = ("JSON_ARRAY", "ARROW_STREAM", "CSV")
IN_MEMORY = 1024 * 1024
"""Bytes of one result that stay in memory; a larger one is in a file from there on."""


@dataclass(frozen=True)
class Chunk:
    """Rows of a result that travel together.

    Attributes:
        offset: Rows before it.
        rows: Rows in it.
        size: Bytes of it in its format, before compression.
        start: Where its bytes begin in memory or in the file.
        stored: How many bytes it takes there.
    """

    offset: int
    rows: int
    size: int
    start: int
    stored: int


class Results:
    """What a statement gave, in chunks.

    Attributes:
        format: ``JSON_ARRAY``, ``ARROW_STREAM`` or ``CSV``.
        columns: The result schema, as the statement API gives it.
        chunks: Its chunks; none where there are no rows.
        truncated: Whether a row or byte limit cut it off.
        compression: ``LZ4_FRAME`` where the payloads are compressed, otherwise empty.

    Args:
        file: Where it goes when it no longer fits into memory; made and deleted by this object.
    """

    def __init__(self, kind: str, columns: list[Json], file: Path, *, compressed: bool = False) -> None:
        self.format = kind
        self.columns = columns
        self.chunks: list[Chunk] = []
        self.truncated = False
        self.compression = "LZ4_FRAME" if compressed else ""
        self._lock = threading.Lock()
        self._memory: bytearray | None = bytearray()
        self._file = file
        self._end = 0

    @property
    def rows(self) -> int:
        """Rows in all."""
        return sum(chunk.rows for chunk in self.chunks)

    @property
    def size(self) -> int:
        """Bytes of all chunks, before compression."""
        return sum(chunk.size for chunk in self.chunks)

    @property
    def in_memory(self) -> int:
        """Bytes that it takes in memory now."""
        return len(self._memory) if self._memory else 0

    def add(self, payload: bytes, rows: int) -> None:
        """Append a chunk."""
        kept = _lz4(payload) if self.compression else payload
        with self._lock:
            before = self.chunks[-1].offset + self.chunks[-1].rows if self.chunks else 0
            self.chunks.append(Chunk(before, rows, len(payload), self._end, len(kept)))
            self._end += len(kept)
            if self._memory is not None:
                self._memory += kept
            else:
                with self._file.open("ab") as out:
                    out.write(kept)
        if self.in_memory > IN_MEMORY:
            self.spill()

    def spill(self) -> None:
        """Move what is in memory to the file."""
        with self._lock:
            if self._memory:
                self._file.write_bytes(self._memory)
                self._memory = None

    def payload(self, index: int) -> bytes:
        """A chunk in the result's format, compressed where :attr:`compression` says so.

        Raises:
            IndexError: There is no such chunk, or no longer.
        """
        with self._lock:
            chunk = self.chunks[index]
            if self._memory is not None:
                return bytes(self._memory[chunk.start : chunk.start + chunk.stored])
            with self._file.open("rb") as source:
                source.seek(chunk.start)
                return source.read(chunk.stored)

    def text_rows(self, index: int) -> Rows:
        """The rows of a chunk of a ``JSON_ARRAY`` result; values are text or ``None``."""
        return json.loads(self.payload(index))

    def arrow_schema(self) -> Any:
        """The ``pyarrow.Schema`` of the result, whatever its format."""
        return arrow_schema(self.columns)

    def arrow_batches(self, index: int) -> Iterator[Any]:
        """The ``pyarrow.RecordBatch``es of a chunk of an ``ARROW_STREAM`` result."""
        arrow = arrow_library()
        data = self.payload(index)
        if self.compression:
            data = arrow.decompress(data, decompressed_size=self.chunks[index].size, codec="lz4")
        yield from arrow.ipc.open_stream(data)

    def empty_payload(self) -> bytes:
        """An Arrow stream of the schema alone, for a result without rows."""
        stream = _stream([], self.arrow_schema())
        return _lz4(stream) if self.compression else stream

    def close(self) -> None:
        """Forget the rows; the schema stays."""
        with self._lock:
            self.chunks.clear()
            if self._memory is None:
                self._file.unlink(missing_ok=True)
            self._memory, self._end = bytearray(), 0


class Encoding(Protocol):
    """Turns blocks of rows into the payload of a chunk."""

    def measure(self, block: Any) -> tuple[int, int]:
        """Rows and bytes of a block."""
        ...

    def cut(self, block: Any, start: int, stop: int | None = None) -> Any:
        """Rows ``start`` to ``stop`` of a block."""
        ...

    def encode(self, blocks: Sequence[Any], *, first: bool) -> bytes:
        """The payload; ``first`` says whether it begins the result."""
        ...


class _Text:
    """Rows as text."""

    def __init__(self, columns: list[Json]) -> None:
        self.columns = columns

    def measure(self, block: Rows) -> tuple[int, int]:
        # Quotes and a comma for each value: near to what travels, and known before it is encoded.
        return len(block), sum(3 if value is None else len(value) + 3 for row in block for value in row)

    def cut(self, block: Rows, start: int, stop: int | None = None) -> Rows:
        return block[start:stop]

    def encode(self, blocks: Sequence[Rows], *, first: bool) -> bytes:  # noqa: ARG002 - JSON chunks are all alike
        return json.dumps([row for block in blocks for row in block], separators=(",", ":")).encode()


class _Csv(_Text):
    """Rows by RFC 4180; null is the word ``null``, and the first chunk begins with the names."""

    def encode(self, blocks: Sequence[Rows], *, first: bool) -> bytes:
        text = io.StringIO(newline="")
        writer = csv.writer(text)
        if first:
            writer.writerow(column["name"] for column in self.columns)
        for block in blocks:
            writer.writerows(["null" if value is None else value for value in row] for row in block)
        return text.getvalue().encode()


class _Arrow:
    """Record batches as an Arrow IPC stream."""

    def __init__(self, columns: list[Json]) -> None:
        self._schema = arrow_schema(columns)

    def measure(self, block: Any) -> tuple[int, int]:
        return block.num_rows, block.nbytes

    def cut(self, block: Any, start: int, stop: int | None = None) -> Any:
        return block.slice(start, None if stop is None else stop - start)

    def encode(self, blocks: Sequence[Any], *, first: bool) -> bytes:  # noqa: ARG002 - each chunk is a whole stream
        return _stream(blocks, self._schema)


_ENCODINGS: dict[str, type[_Text | _Arrow]] = {"JSON_ARRAY": _Text, "CSV": _Csv, "ARROW_STREAM": _Arrow}


def encoding(kind: str, columns: list[Json]) -> Encoding:
    """How a format is written.

    Raises:
        UnsupportedError: ``ARROW_STREAM`` without pyarrow.
    """
    return _ENCODINGS[kind](columns)


def _stream(batches: Sequence[Any], schema: Any) -> bytes:
    arrow = arrow_library()
    out = arrow.BufferOutputStream()
    with arrow.ipc.new_stream(out, schema) as writer:
        for batch in batches:
            writer.write_batch(batch)
    return out.getvalue().to_pybytes()


def _lz4(payload: bytes) -> bytes:
    return arrow_library().compress(payload, codec="lz4", asbytes=True)
