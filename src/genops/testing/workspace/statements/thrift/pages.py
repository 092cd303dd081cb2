"""Results in pages: as Arrow batches, as links to files, or as columns for clients that read no Arrow."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from genops.testing.workspace.sql.results import arrow_library
from genops.testing.workspace.statements.thrift.generated import types as t
from genops.testing.workspace.statements.thrift.schema import table_schema, value_column

if TYPE_CHECKING:
    from collections.abc import Iterator

    from genops.testing.workspace.http.wire import Json
    from genops.testing.workspace.statements.results import Results

Link = Callable[[int], "tuple[str, float]"]
"""Gives the URL of a chunk's file and the second of the epoch at which it ends to be valid."""


@dataclass(frozen=True)
class Native:
    """Which types a client reads as Arrow's own; the others it gets as text."""

    timestamps: bool = False
    decimals: bool = False
    nested: bool = False
    dates: bool = False

    @classmethod
    def asked(cls, given: Any) -> Native:
        """From a request's ``TSparkArrowTypes``, or nothing."""
        if given is None:
            return cls(dates=True)
        asked = (given.timestampAsArrow, given.decimalAsArrow, given.complexTypesAsArrow)
        return cls(*map(bool, asked), dates=True)


class Pages(Protocol):
    """A result that is read from front to back."""

    def metadata(self) -> Any:
        """Its ``TGetResultSetMetadataResp``, without a status."""
        ...

    def page(self, start: int, rows: int, size: int) -> tuple[Any, int]:
        """Rows from ``start`` on, at most ``rows`` of them and about ``size`` bytes, and how many they are."""
        ...

    @property
    def total(self) -> int:
        """Rows in all."""
        ...


class ListPages:
    """A small result that is there already.

    Args:
        columns: The schema as the statement API gives it.
        rows: Its rows, values as :func:`value_column` takes them.
    """

    def __init__(self, columns: list[Json], rows: list[list[Any]]) -> None:
        self._columns = columns
        self._rows = rows

    @property
    def total(self) -> int:
        """Rows in all."""
        return len(self._rows)

    def metadata(self) -> Any:
        """The schema; without compression."""
        return _column_based(self._columns)

    def page(self, start: int, rows: int, size: int) -> tuple[Any, int]:  # noqa: ARG002 - lists are small
        """Rows as Thrift's columns."""
        taken = self._rows[start : start + rows]
        columns = [
            value_column(column["type_name"], [row[at] for row in taken]) for at, column in enumerate(self._columns)
        ]
        return t.TRowSet(startRowOffset=start, rows=[], columns=columns), len(taken)


def _column_based(columns: list[Json]) -> Any:
    kind = t.TSparkRowSetType.COLUMN_BASED_SET
    return t.TGetResultSetMetadataResp(schema=table_schema(columns), resultFormat=kind, lz4Compressed=False)


class ResultPages:
    """The result of a statement, which is held as Arrow.

    Args:
        results: The result, an ``ARROW_STREAM``.
        native: Which types travel as Arrow's own; ``None`` for a client that reads no Arrow, which gets columns.
        compressed: Whether batches are compressed with LZ4.
        link: Gives the file of a chunk, for a client that fetches files itself; then there are no batches.
    """

    def __init__(self, results: Results, native: Native | None, link: Link | None, *, compressed: bool) -> None:
        self._results = results
        self._native = native
        self._link = link
        self._compressed = compressed

    @property
    def total(self) -> int:
        """Rows in all."""
        return self._results.rows

    def metadata(self) -> Any:
        """The schema, twice: in Thrift's words and in Arrow's."""
        formats = t.TSparkRowSetType
        if self._native is None:
            return _column_based(self._results.columns)
        schema = _shown_schema(self._results.arrow_schema(), self._native)
        return t.TGetResultSetMetadataResp(
            schema=table_schema(self._results.columns),
            resultFormat=formats.URL_BASED_SET if self._link else formats.ARROW_BASED_SET,
            lz4Compressed=self._compressed,
            arrowSchema=schema.serialize().to_pybytes(),
        )

    def page(self, start: int, rows: int, size: int) -> tuple[Any, int]:
        """Batches or columns, or links to all that is left."""
        if self._link is not None:
            return t.TRowSet(startRowOffset=start, rows=[], resultLinks=list(self._links(start))), self.total - start
        taken: list[Any] = []
        count = 0
        for batch in self._from(start):
            if count >= rows or size <= 0:
                break
            kept = _within(batch, rows - count, size)
            taken.append(kept)
            count, size = count + kept.num_rows, size - kept.nbytes
            if kept.num_rows < batch.num_rows:
                break
        if self._native is None:
            return t.TRowSet(startRowOffset=start, rows=[], columns=self._columns(taken)), count
        batches = [self._packed(batch, self._native) for batch in taken]
        return t.TRowSet(startRowOffset=start, rows=[], arrowBatches=batches), count

    def _columns(self, batches: list[Any]) -> list[Any]:
        shown = [
            [_as_text(array) if _texts(array.type, Native()) else array for array in one.columns] for one in batches
        ]
        return [
            value_column(column["type_name"], [value for arrays in shown for value in arrays[at].to_pylist()])
            for at, column in enumerate(self._results.columns)
        ]

    def _from(self, start: int) -> Iterator[Any]:
        """All batches from a row on."""
        for index, chunk in enumerate(list(self._results.chunks)):
            at = chunk.offset
            if at + chunk.rows <= start:
                continue
            for batch in self._results.arrow_batches(index):
                if at + batch.num_rows > start:
                    yield batch.slice(max(0, start - at))
                at += batch.num_rows

    def _packed(self, batch: Any, native: Native) -> Any:
        payload = _shown(batch, native).serialize().to_pybytes()
        if self._compressed:
            payload = arrow_library().compress(payload, codec="lz4", asbytes=True)
        return t.TSparkArrowBatch(batch=payload, rowCount=batch.num_rows)

    def _links(self, start: int) -> Iterator[Any]:
        assert self._link is not None
        for index, chunk in enumerate(self._results.chunks):
            if chunk.offset >= start:
                url, expiry = self._link(index)
                yield t.TSparkArrowResultLink(
                    fileLink=url,
                    expiryTime=int(expiry),
                    startRowOffset=chunk.offset,
                    rowCount=chunk.rows,
                    bytesNum=chunk.stored,
                    httpHeaders={},
                )


def _within(batch: Any, rows: int, size: int) -> Any:
    """The part of a batch that a page has room for; one row at least, or there would be no end."""
    each = max(1, batch.nbytes // max(1, batch.num_rows))
    return batch.slice(0, max(1, min(rows, size // each)))


def _texts(kind: Any, native: Native) -> bool:
    types = arrow_library().types
    return bool(
        (types.is_timestamp(kind) and not native.timestamps)
        or (types.is_date(kind) and not native.dates)
        or (types.is_decimal(kind) and not native.decimals)
        or (types.is_nested(kind) and not native.nested)
    )


def _shown_schema(schema: Any, native: Native) -> Any:
    arrow = arrow_library()
    return arrow.schema([field.with_type(arrow.string()) if _texts(field.type, native) else field for field in schema])


def _shown(batch: Any, native: Native) -> Any:
    arrays = [_as_text(array) if _texts(array.type, native) else array for array in batch.columns]
    return arrow_library().RecordBatch.from_arrays(arrays, schema=_shown_schema(batch.schema, native))


def _as_text(array: Any) -> Any:
    arrow = arrow_library()
    if arrow.types.is_nested(array.type):
        values = (_plain(value, array.type) for value in array.to_pylist())
        texts = [
            None if value is None else json.dumps(value, default=str, separators=(",", ":"), ensure_ascii=False)
            for value in values
        ]
        return arrow.array(texts, arrow.string())
    if arrow.types.is_timestamp(array.type):
        # In UTC, as the session's time zone is.
        array = array.cast(arrow.timestamp("us"))
    return array.cast(arrow.string())


def _plain(value: Any, kind: Any) -> Any:
    """A value of a nested type for JSON: Arrow gives maps as pairs."""
    types = arrow_library().types
    if value is None or not types.is_nested(kind):
        return value
    if types.is_map(kind):
        return {str(key): _plain(item, kind.item_type) for key, item in value}
    if types.is_struct(kind):
        return {field.name: _plain(value[field.name], field.type) for field in kind}
    return [_plain(item, kind.value_type) for item in value]
