"""Reads the rows of a statement into chunks, up to the limits of its request."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from genops.testing.workspace.sql.failures import SqlError
from genops.testing.workspace.statements.results import Encoding, Results, encoding

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from genops.testing.workspace.sql.results import Result

INLINE_LIMIT = 25 * 1024 * 1024
"""Bytes of a result that may travel inside the answer [docs.databricks.com, execute a SQL statement]."""
CHUNK_BYTES = 16 * 1024 * 1024
"""Bytes of a chunk, about, so that one chunk always fits into memory."""
_FETCH = 5_000


@dataclass(frozen=True)
class Limits:
    """Where a result ends.

    Attributes:
        rows: Most rows; more are cut off and the result is marked ``truncated``.
        size: Most bytes, likewise.
        inline: Whether a result above :data:`INLINE_LIMIT` fails.
        chunk_rows: Rows a chunk.
    """

    rows: int | None
    size: int | None
    inline: bool
    chunk_rows: int


def collect(result: Result, kept: Results, limits: Limits, proceed: Callable[[], None]) -> None:
    """Read a result into its chunks.

    Args:
        result: What the engine gives.
        kept: Where the chunks go.
        limits: Where it ends.
        proceed: Called between blocks; raises to stop.

    Raises:
        SqlError: An inline result is too large.
    """
    writing = encoding(kept.format, kept.columns)
    chunk = _Open(writing, kept, limits.chunk_rows)
    for block in _within(_blocks(result, kept.format, limits.chunk_rows), writing, kept, limits):
        chunk.take(block)
        proceed()
    chunk.flush()


def _blocks(result: Result, kind: str, chunk_rows: int) -> Iterator[Any]:
    count = min(_FETCH, chunk_rows)
    if kind == "ARROW_STREAM":
        yield from result.batches(count)
        return
    while rows := result.rows(count):
        yield rows


def _within(blocks: Iterator[Any], writing: Encoding, kept: Results, limits: Limits) -> Iterator[Any]:
    """The blocks up to the limits: a row limit cuts a block, a byte limit leaves out the one that does not fit.

    A real warehouse gave no row at all of 3,000 that came in one block and exceeded the byte limit.
    """
    total_rows = total_size = 0
    for block in blocks:
        rows, size = writing.measure(block)
        fitting = rows if limits.rows is None else min(rows, limits.rows - total_rows)
        if limits.size is not None and total_size + size > limits.size:
            fitting = 0
        kept.truncated = fitting < rows
        total_rows, total_size = total_rows + fitting, total_size + size
        if limits.inline and fitting and total_size > INLINE_LIMIT:
            raise _too_large()
        if fitting:
            yield writing.cut(block, 0, fitting)
        if kept.truncated:
            return


class _Open:
    """The chunk that is being filled."""

    def __init__(self, writing: Encoding, kept: Results, chunk_rows: int) -> None:
        self._writing = writing
        self._kept = kept
        self._most = chunk_rows
        self._blocks: list[Any] = []
        self._rows = self._size = 0

    def take(self, block: Any) -> None:
        """Add a block, in pieces where it does not fit."""
        rows, size = self._writing.measure(block)
        start = 0
        while start < rows:
            stop = min(rows, start + self._most - self._rows)
            self._blocks.append(self._writing.cut(block, start, stop))
            self._rows += stop - start
            start = stop
            if self._rows >= self._most:
                self.flush()
        self._size += size
        if self._size >= CHUNK_BYTES:
            self.flush()

    def flush(self) -> None:
        """End the chunk."""
        if self._rows:
            self._kept.add(self._writing.encode(self._blocks, first=not self._kept.chunks), self._rows)
        self._blocks, self._rows, self._size = [], 0, 0


def _too_large() -> SqlError:
    return SqlError(
        f"Inline byte limit exceeded. Statements executed with disposition=INLINE can have a result size of at most "
        f"{INLINE_LIMIT} bytes. Please execute the statement with disposition=EXTERNAL_LINKS if you want to download "
        "the full result.",
        "54000",
    )
