"""What a statement gives: a schema and rows, read once, as text or as Arrow.

The reader decides which, before the query runs, so that a statement is executed once. Text is what the formats
``JSON_ARRAY`` and ``CSV`` carry; Arrow is what ``ARROW_STREAM`` and the connector's Thrift transport carry.
"""

from __future__ import annotations

import importlib
import json
import re
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, Protocol

from sqlglot import exp

from genops.testing.workspace.sql.failures import UnsupportedError
from genops.testing.workspace.sql.texts import rendering
from genops.testing.workspace.sql.values import column_type, duck_type, result_column

if TYPE_CHECKING:
    from collections.abc import Sequence

    from genops.testing.workspace.http.wire import Json

Rows = list[list[Any]]


class Result(Protocol):
    """A result that waits to be read, by :meth:`rows` or by :meth:`batches`, once.

    Attributes:
        columns: The schema, as the statement API gives it.
    """

    columns: list[Json]

    def rows(self, count: int) -> Rows:
        """The next rows, at most ``count``; each value is text or ``None``; empty at the end."""
        ...

    def batches(self, count: int) -> Iterator[Any]:
        """All rows as ``pyarrow.RecordBatch`` of at most ``count`` rows and of :func:`arrow_schema`.

        Raises:
            UnsupportedError: pyarrow is not installed.
        """
        ...


Sink = Callable[[Result], None]
"""Receives the result of a statement that gives one; it must read it before it returns."""


class QueryResult:
    """The rows of a DuckDB query that has not run yet.

    Args:
        cursor: The DuckDB cursor of the statement.
        sql: The query.
        found: Names and DuckDB types of its columns.
        before: Called right before the query runs.
    """

    def __init__(self, cursor: Any, sql: str, found: Sequence[tuple[str, str]], before: Callable[[], None]) -> None:
        self.columns = [result_column(name, index, duck) for index, (name, duck) in enumerate(found)]
        self._cursor = cursor
        self._sql = sql
        self._types = [duck for _, duck in found]
        self._before = before
        self._running: Any = None

    def rows(self, count: int) -> Rows:
        """The next rows as text."""
        if self._running is None:
            query = self._shown(rendering)
            self._before()
            self._running = self._cursor.execute(query)
        return self._running.fetchmany(count)

    def batches(self, count: int) -> Iterator[Any]:
        """All rows as Arrow."""
        schema = arrow_schema(self.columns)
        query = self._shown(_typed)
        self._before()
        for batch in self._cursor.sql(query).to_arrow_reader(count):
            yield _conformed(batch, schema)

    def _shown(self, spelling: Callable[[str, str], str]) -> str:
        aliases = [f"c{index}" for index in range(len(self._types))]
        shown = ", ".join(
            f"{spelling(alias, duck)} AS {alias}" for alias, duck in zip(aliases, self._types, strict=True)
        )
        return f"SELECT {shown} FROM ({self._sql}) AS result({', '.join(aliases)})"  # noqa: S608 - our own query


class RowsResult:
    """A small result that is there already, as a command of the catalog gives it.

    Args:
        columns: The schema.
        rows: Its rows; values are put into text.
    """

    def __init__(self, columns: list[Json], rows: Rows) -> None:
        self.columns = columns
        self._rows = [[None if value is None else str(value) for value in row] for row in rows]

    def rows(self, count: int) -> Rows:
        """The next rows as text."""
        taken, self._rows = self._rows[:count], self._rows[count:]
        return taken

    def batches(self, count: int) -> Iterator[Any]:
        """All rows as Arrow."""
        arrow, schema = arrow_library(), arrow_schema(self.columns)
        while taken := self.rows(count):
            values = zip(*taken, strict=True)
            arrays = [_parsed(arrow, column, field.type) for column, field in zip(values, schema, strict=True)]
            yield arrow.RecordBatch.from_arrays(arrays, schema=schema)


def arrow_library() -> Any:
    """The module ``pyarrow``.

    Raises:
        UnsupportedError: It is not installed.
    """
    try:
        return importlib.import_module("pyarrow")
    except ImportError as error:
        raise UnsupportedError("a statement whose result is Arrow without pyarrow: pip install pyarrow") from error


def arrow_schema(columns: Sequence[Json]) -> Any:
    """The Arrow schema of a result, with the types that Databricks sends.

    Intervals are text, as they are for clients that do not ask for native ones.

    Args:
        columns: The schema as the statement API gives it.
    """
    arrow = arrow_library()
    kinds = (exp.DataType.build(column["type_text"], dialect="databricks") for column in columns)
    fields = [arrow.field(column["name"], _arrow(arrow, kind)) for column, kind in zip(columns, kinds, strict=True)]
    return arrow.schema(fields)


# SQL type by sqlglot: pyarrow's constructor and its arguments. What is absent here travels as text.
_ARROW: dict[str, tuple[Any, ...]] = {
    "BOOLEAN": ("bool_",),
    "TINYINT": ("int8",),
    "SMALLINT": ("int16",),
    "INT": ("int32",),
    "BIGINT": ("int64",),
    "FLOAT": ("float32",),
    "DOUBLE": ("float64",),
    "DATE": ("date32",),
    "BINARY": ("binary",),
    "TIMESTAMPTZ": ("timestamp", "us", "Etc/UTC"),
    "TIMESTAMPLTZ": ("timestamp", "us", "Etc/UTC"),
    "TIMESTAMP": ("timestamp", "us"),
    "TIMESTAMPNTZ": ("timestamp", "us"),
    "NULL": ("null",),
}


def _arrow(arrow: Any, kind: exp.DataType) -> Any:
    name = kind.this.name
    inner = [_arrow(arrow, item) for item in kind.expressions if isinstance(item, exp.DataType)]
    if name == "DECIMAL":
        return arrow.decimal128(*(int(item.name) for item in kind.expressions))
    if name == "ARRAY":
        return arrow.list_(arrow.field("element", inner[0]))
    if name == "MAP":
        # Keys are not null, so that a map without a type has none.
        return arrow.map_(arrow.string() if arrow.types.is_null(inner[0]) else inner[0], inner[1])
    if name == "STRUCT":
        return arrow.struct([arrow.field(item.this.name, _arrow(arrow, item.kind)) for item in kind.expressions])
    constructor, *arguments = _ARROW.get(name, ("string",))
    return getattr(arrow, constructor)(*arguments)


def _typed(column: str, duck: str) -> str:
    """DuckDB SQL that turns a column into the type that Databricks has for it."""
    kind = column_type(duck)
    if kind.name == "INTERVAL":
        return rendering(column, duck)
    # What holds no value but null, as an empty array, has no type that could be named in SQL.
    return column if re.search(r"\bVOID\b", kind.text) else f"CAST({column} AS {duck_type(kind.text)})"


def _conformed(batch: Any, schema: Any) -> Any:
    arrow = arrow_library()
    arrays = [
        arrow.nulls(batch.num_rows, field.type) if arrow.types.is_null(field.type) else array.cast(field.type)
        for array, field in zip(batch.columns, schema, strict=True)
    ]
    return arrow.RecordBatch.from_arrays(arrays, schema=schema)


def _parsed(arrow: Any, texts: Sequence[Any], kind: Any) -> Any:
    if arrow.types.is_nested(kind):
        return arrow.array([None if text is None else json.loads(text) for text in texts], kind)
    return arrow.array(texts, arrow.string()).cast(kind)
