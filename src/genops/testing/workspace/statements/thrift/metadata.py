"""What drivers ask of the catalog without SQL: catalogs, schemas, tables and columns, by patterns.

Names of columns and their order are those of HiveServer2, values those of Spark's Thrift server
[Spark: SparkGetTablesOperation, SparkGetColumnsOperation].
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from genops.testing.workspace.sql.virtual import SYSTEM

if TYPE_CHECKING:
    from collections.abc import Iterable

    from genops.testing.workspace.http.wire import Json
    from genops.testing.workspace.unity.catalog import UnityCatalog


@dataclass(frozen=True)
class Listing:
    """A result with its schema, in the shape of the statement API; values are text, whole numbers or ``None``."""

    columns: list[Json]
    rows: list[list[Any]]


def _columns(strings: str, **others: str) -> list[Json]:
    """Columns by name; those that are no strings by their type."""
    return [{"name": name, "type_name": others.get(name, "STRING")} for name in strings.split()]


_CATALOGS = _columns("TABLE_CAT")
_SCHEMAS = _columns("TABLE_SCHEM TABLE_CATALOG")
_TABLES = _columns(
    "TABLE_CAT TABLE_SCHEM TABLE_NAME TABLE_TYPE REMARKS TYPE_CAT TYPE_SCHEM TYPE_NAME SELF_REFERENCING_COL_NAME "
    "REF_GENERATION"
)
_TABLE_TYPES = _columns("TABLE_TYPE")
_COLUMNS = _columns(
    "TABLE_CAT TABLE_SCHEM TABLE_NAME COLUMN_NAME DATA_TYPE TYPE_NAME COLUMN_SIZE BUFFER_LENGTH DECIMAL_DIGITS "
    "NUM_PREC_RADIX NULLABLE REMARKS COLUMN_DEF SQL_DATA_TYPE SQL_DATETIME_SUB CHAR_OCTET_LENGTH ORDINAL_POSITION "
    "IS_NULLABLE SCOPE_CATALOG SCOPE_SCHEMA SCOPE_TABLE SOURCE_DATA_TYPE IS_AUTO_INCREMENT",
    DATA_TYPE="INT",
    COLUMN_SIZE="INT",
    BUFFER_LENGTH="BYTE",
    DECIMAL_DIGITS="INT",
    NUM_PREC_RADIX="INT",
    NULLABLE="INT",
    SQL_DATA_TYPE="INT",
    SQL_DATETIME_SUB="INT",
    CHAR_OCTET_LENGTH="INT",
    ORDINAL_POSITION="INT",
    SOURCE_DATA_TYPE="SHORT",
)

# SQL type: number of java.sql.Types, bytes, decimal digits, radix.
_NONE = (1111, None, None, None)
_NUMBERS: dict[str, tuple[int, int | None, int | None, int | None]] = {
    "BOOLEAN": (16, 1, 0, None),
    "TINYINT": (-6, 1, 0, 10),
    "SMALLINT": (5, 2, 0, 10),
    "INT": (4, 4, 0, 10),
    "BIGINT": (-5, 8, 0, 10),
    "FLOAT": (6, 4, 7, 10),
    "DOUBLE": (8, 8, 15, 10),
    "STRING": (12, None, None, None),
    "BINARY": (-2, None, None, None),
    "DATE": (91, 4, None, None),
    "TIMESTAMP": (93, 8, 6, None),
    "TIMESTAMP_NTZ": (93, 8, 6, None),
    "ARRAY": (2003, None, None, None),
    "MAP": (2000, None, None, None),
    "STRUCT": (2002, None, None, None),
    "VOID": (0, 1, None, None),
}
_DECIMAL = re.compile(r"DECIMAL\((\d+),\s*(\d+)\)")
# Databricks' word for a kind of table where it is not "TABLE".
_KINDS = {"VIEW": "VIEW", "MATERIALIZED_VIEW": "MATERIALIZED_VIEW", "STREAMING_TABLE": "STREAMING_TABLE"}


def matcher(pattern: str | None) -> Callable[[str], bool]:
    r"""Whether a name fits a pattern: ``%`` is any text, ``_`` any character, ``\`` takes their meaning away.

    >>> [matcher(text)("flights_1") for text in (None, "fl%", "flights_%", r"flights\_1", r"f\%", "flights")]
    [True, True, True, True, False, False]
    """
    if not pattern:
        return lambda _: True
    special = {"%": ".*", "_": "."}
    parts = re.findall(r"\\.|.", pattern, re.DOTALL)
    text = "".join(special.get(part) or re.escape(part[-1]) for part in parts)
    compiled = re.compile(text, re.IGNORECASE | re.DOTALL)
    return lambda name: compiled.fullmatch(name) is not None


class Metadata:
    """Answers from the catalog.

    Args:
        catalog: The objects.
        user: Who asks; what the user may not see is left out.
    """

    def __init__(self, catalog: UnityCatalog, user: str) -> None:
        self._catalog = catalog
        self._user = user

    def _seen(self, kind: str, held: dict[str, Json]) -> list[Json]:
        """The objects of a kind that the user sees, by full name."""
        with self._catalog.lock:
            found = sorted(held.items())
            return [info for name, info in found if self._catalog.grants.sees(self._user, kind, name)]

    def _computed(self) -> list[tuple[str, str]]:
        """Catalogs and schemas of tables that are computed, as ``information_schema``."""
        names = [*(info["name"] for info in self._seen("catalog", self._catalog.catalogs)), SYSTEM]
        return [(name, schema) for name in dict.fromkeys(names) for schema in self._catalog.virtual.schemas(name)]

    def _relations(self) -> list[Json]:
        """Tables and views that the user sees, by full name."""
        computed = [
            table.info(catalog, schema, name)
            for catalog, schema in self._computed()
            for name, table in self._catalog.virtual.tables(catalog, schema).items()
        ]
        return sorted([*self._seen("table", self._catalog.tables), *computed], key=_place)

    def catalogs(self) -> Listing:
        """All catalogs."""
        names = {info["name"] for info in self._seen("catalog", self._catalog.catalogs)} | {SYSTEM}
        return Listing(_CATALOGS, [[name] for name in sorted(names)])

    def schemas(self, catalog: str | None, schema: str | None) -> Listing:
        """Schemas by patterns."""
        stored = [[info["name"], info["catalog_name"]] for info in self._seen("schema", self._catalog.schemas)]
        rows = sorted([*stored, *([name, place] for place, name in self._computed())], key=lambda row: (row[1], row[0]))
        return Listing(_SCHEMAS, _fitting(rows, (1, catalog), (0, schema)))

    def tables(self, catalog: str | None, schema: str | None, table: str | None, kinds: Iterable[str]) -> Listing:
        """Tables and views by patterns and kinds; every kind where none is given."""
        held = self._relations()
        rows = [[*_place(info), _kind(info), info.get("comment", ""), None, None, None, None, None] for info in held]
        asked = {kind.upper() for kind in kinds}
        wanted = _fitting(rows, (0, catalog), (1, schema), (2, table))
        return Listing(_TABLES, [row for row in wanted if not asked or row[3] in asked])

    def table_types(self) -> Listing:
        """The kinds of tables."""
        return Listing(_TABLE_TYPES, [[kind] for kind in ("TABLE", *_KINDS)])

    def columns(self, catalog: str | None, schema: str | None, table: str | None, column: str | None) -> Listing:
        """Columns by patterns, in the order of their tables."""
        rows = [
            _column(_place(info), column, at) for info in self._relations() for at, column in enumerate(info["columns"])
        ]
        return Listing(_COLUMNS, _fitting(rows, (0, catalog), (1, schema), (2, table), (3, column)))


def _fitting(rows: list[list[Any]], *patterns: tuple[int, str | None]) -> list[list[Any]]:
    tests = [(at, matcher(pattern)) for at, pattern in patterns]
    return [row for row in rows if all(test(row[at]) for at, test in tests)]


def _place(info: Json) -> list[str]:
    return [info["catalog_name"], info["schema_name"], info["name"]]


def _kind(info: Json) -> str:
    return _KINDS.get(info["table_type"], "TABLE")


def _column(place: list[str], column: Json, position: int) -> list[Any]:
    text = str(column["type_text"]).upper()
    number, size, digits, radix = _NUMBERS.get(text.split("<")[0], _NONE)
    decimal = _DECIMAL.fullmatch(text)
    if decimal:
        number, size, digits, radix = 3, int(decimal[1]), int(decimal[2]), 10
    nullable = column.get("nullable", True)
    kind = [number, text, size, None, digits, radix, int(nullable)]
    rest = [column.get("comment", ""), None, None, None, None, position, "YES" if nullable else "NO"]
    return [*place, column["name"], *kind, *rest, None, None, None, None, "NO"]
