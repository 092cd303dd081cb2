"""The nouns: what became known of one SQL statement, without a word of its text."""

from __future__ import annotations

import re
from enum import Enum
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

from genops.core.operation import Action, DatasetRef

if TYPE_CHECKING:
    from collections.abc import Iterable

Table: TypeAlias = "tuple[str, ...]"
"""The name of a table from general to specific, without quotes: `("main", "sales", "orders")`.

What is read by its place has the place as its last part: `("s3://b/x",)` of `read_files('s3://b/x')`,
`("delta", "/mnt/x")` of Spark's ``delta.`/mnt/x` ``. A stage of Snowflake keeps its sign: `("@db.s.stage/path/",)`.
"""

DIRECT, INDIRECT = "DIRECT", "INDIRECT"
IDENTITY, TRANSFORMATION, AGGREGATION = "IDENTITY", "TRANSFORMATION", "AGGREGATION"
JOIN, FILTER, GROUP_BY, SORT, WINDOW, CONDITIONAL = "JOIN", "FILTER", "GROUP_BY", "SORT", "WINDOW", "CONDITIONAL"
KINDS: dict[str, str] = {
    **dict.fromkeys((IDENTITY, TRANSFORMATION, AGGREGATION), DIRECT),
    **dict.fromkeys((JOIN, FILTER, GROUP_BY, SORT, WINDOW, CONDITIONAL), INDIRECT),
}
"""OpenLineage's kind of each subtype: https://openlineage.io/docs/spec/facets/dataset-facets/column_lineage_facet."""

STAR = "*"
"""Stands for all columns of a table whose columns are not known, or for all that a statement writes."""


class ValueName(str):
    """Name of a column that an engine makes of a value, as PIVOT does: what the name says is a literal of the text."""

    __slots__ = ()


class Status(str, Enum):
    """How much of a statement was understood."""

    RESOLVED = "resolved"
    PARTIAL = "partial"
    OPAQUE = "opaque"
    TOO_COMPLEX = "too_complex"
    ERROR = "error"


class ColumnFlow(NamedTuple):
    """One column that another is made of, or depends on.

    Attributes:
        target: `table.column`, or the bare name of an output of a query that writes no table. The column is `*` where
            the flow concerns every column written.
        source: `table.column`; the column is `*` where the table's columns are not known.
        kind: `DIRECT` where values flow, `INDIRECT` where they decide.
        subtype: OpenLineage's: `IDENTITY`, `TRANSFORMATION`, `AGGREGATION`, or `JOIN`, `FILTER`, `GROUP_BY`, `SORT`,
            `WINDOW`, `CONDITIONAL`.
        masking: What flows no longer shows the value, for example its hash or a count.
        ambiguous: One of several candidates, of which the statement alone does not tell the right one.
    """

    target: str
    source: str
    kind: str
    subtype: str
    masking: bool = False
    ambiguous: bool = False


class Unresolved(NamedTuple):
    """A name of the statement that could not be told for certain.

    Attributes:
        name: The name, as far as it is an identifier: a column, a qualified star, a table.
        why: `ambiguous` (several tables may have it), `unresolved` (none of the known ones has it), `star` (columns of
            a table that are not known), `position` (written by position into a table whose columns are not known).
        candidates: What it may stand for: columns or tables, dotted.
    """

    name: str
    why: str
    candidates: tuple[str, ...] = ()


class Understood(NamedTuple):
    """One statement of a text.

    Attributes:
        index: Its position in the text, from 0.
        kind: What it does: `SELECT`, `INSERT`, `MERGE`, `CREATE TABLE AS`, `COPY INTO`, `OPTIMIZE` …; empty where not
            even that is known.
        action: Class of the operation.
        status: How much of it was understood.
        reads: Tables read, each once, in the order of their appearance.
        writes: Tables written, changed, emptied or removed.
        columns: Column flows.
        unresolved: Names that could not be told for certain.
        summary: `db.query.summary`: kind and tables, at most 255 characters, no literal.
        reason: Why it is opaque, too complex or an error: a class of reason, never text of the statement.
    """

    index: int  # pyright: ignore[reportIncompatibleMethodOverride] - a field of a tuple that nobody searches
    kind: str
    action: Action
    status: Status
    reads: tuple[Table, ...] = ()
    writes: tuple[Table, ...] = ()
    columns: tuple[ColumnFlow, ...] = ()
    unresolved: tuple[Unresolved, ...] = ()
    summary: str = ""
    reason: str = ""

    @property
    def tables_known(self) -> bool:
        """Whether it touches no tables but those that were found.

        Of one that the parser makes opaque the words tell, unless it writes and names none, as CALL and EXECUTE do.
        """
        if self.status is Status.OPAQUE:
            return self.reason == "command" and (bool(self.reads or self.writes) or self.action is not Action.WRITE)
        return self.status in {Status.RESOLVED, Status.PARTIAL}


def dotted(table: Iterable[str]) -> str:
    """Return a name in one piece, as lineage shows it: parts joined by dots, without quotes.

    >>> dotted(("main", "sales", "orders"))
    'main.sales.orders'
    """
    return ".".join(table)


_PATH_FORMATS = frozenset(("avro", "binaryfile", "csv", "delta", "iceberg", "json", "orc", "parquet", "text", "xml"))


def is_path(table: Table) -> bool:
    """Whether a table is a place where files are.

    >>> is_path(("s3://b/x",)), is_path(("delta", "/mnt/x")), is_path(("delta", "events"))
    (True, True, False)
    """
    *formats, last = table
    return (not formats or (len(formats) == 1 and formats[0] in _PATH_FORMATS)) and "/" in last


_VOLUME = re.compile(r"(?:dbfs:)?/Volumes/([^/]+)/([^/]+)/([^/]+)(?:/|$)", re.IGNORECASE)


def dataset(table: Table) -> DatasetRef:
    """Return the dataset that a table is: of a file in a volume the volume, of other files their place.

    >>> dataset(("delta", "/mnt/x")).kind, dataset(("main", "sales", "orders")).name
    ('path', 'main.sales.orders')
    >>> dataset(("/Volumes/main/raw/landing/2026/orders.csv",)).name
    'main.raw.landing'
    """
    if not is_path(table):
        return DatasetRef(table)
    volume = _VOLUME.match(table[-1])
    return DatasetRef(table[-1:], "path") if volume is None else DatasetRef(volume.groups(), "volume")
