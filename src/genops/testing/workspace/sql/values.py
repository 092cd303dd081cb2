"""Types and values: what DuckDB computes, in the words and the text of Databricks."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

from sqlglot import exp

from genops.testing.workspace.sql.failures import SqlError, UnsupportedError

if TYPE_CHECKING:
    from genops.testing.workspace.http.wire import Json

# DuckDB type: the statement API's type_name and the SQL name.
_SCALARS = {
    "TINYINT": ("BYTE", "TINYINT"),
    "UTINYINT": ("SHORT", "SMALLINT"),
    "SMALLINT": ("SHORT", "SMALLINT"),
    "USMALLINT": ("INT", "INT"),
    "INTEGER": ("INT", "INT"),
    "UINTEGER": ("LONG", "BIGINT"),
    "BIGINT": ("LONG", "BIGINT"),
    "UBIGINT": ("LONG", "BIGINT"),
    # DuckDB widens sums and counts of BIGINT; Databricks keeps BIGINT.
    "HUGEINT": ("LONG", "BIGINT"),
    "FLOAT": ("FLOAT", "FLOAT"),
    "DOUBLE": ("DOUBLE", "DOUBLE"),
    "BOOLEAN": ("BOOLEAN", "BOOLEAN"),
    "VARCHAR": ("STRING", "STRING"),
    "UUID": ("STRING", "STRING"),
    "JSON": ("STRING", "STRING"),
    "TIME": ("STRING", "STRING"),
    "BLOB": ("BINARY", "BINARY"),
    "DATE": ("DATE", "DATE"),
    "TIMESTAMP WITH TIME ZONE": ("TIMESTAMP", "TIMESTAMP"),
    "TIMESTAMP": ("TIMESTAMP_NTZ", "TIMESTAMP_NTZ"),
    "TIMESTAMP_NS": ("TIMESTAMP_NTZ", "TIMESTAMP_NTZ"),
    "TIMESTAMP_MS": ("TIMESTAMP_NTZ", "TIMESTAMP_NTZ"),
    "TIMESTAMP_S": ("TIMESTAMP_NTZ", "TIMESTAMP_NTZ"),
    "INTERVAL": ("INTERVAL", "INTERVAL"),
    "NULL": ("NULL", "VOID"),
    '"NULL"': ("NULL", "VOID"),
}

_DECIMAL = re.compile(r"DECIMAL\((\d+),\s*(\d+)\)")


@dataclass(frozen=True)
class ColumnType:
    """A type in Databricks' words.

    Attributes:
        name: ``type_name`` of the REST APIs, as ``LONG``.
        text: SQL spelling in upper case, as ``BIGINT`` or ``ARRAY<INT>``.
        precision: Digits of a decimal, otherwise ``None``.
        scale: Digits after the point of a decimal, otherwise ``None``.
    """

    name: str
    text: str
    precision: int | None = None
    scale: int | None = None


@lru_cache(maxsize=1024)
def column_type(duck: str) -> ColumnType:
    """The Databricks type of a DuckDB type's text.

    >>> column_type("HUGEINT").text, column_type("DECIMAL(10,2)").scale, column_type("INTEGER[]").text
    ('BIGINT', 2, 'ARRAY<INT>')
    """
    if duck in _SCALARS:
        return ColumnType(*_SCALARS[duck])
    decimal = _DECIMAL.fullmatch(duck)
    if decimal:
        precision, scale = int(decimal[1]), int(decimal[2])
        return ColumnType("DECIMAL", f"DECIMAL({precision},{scale})", precision, scale)
    if duck.startswith("ENUM"):
        return ColumnType("STRING", "STRING")
    # An element that is always null has DuckDB's own name, and sums inside of a value are HUGEINT as elsewhere.
    plain = duck.replace('"NULL"', "NULL").replace("HUGEINT", "BIGINT")
    text = exp.DataType.build(plain, dialect="duckdb").sql(dialect="databricks")
    return ColumnType(text.split("<", 1)[0], text)


def duck_type(databricks: str) -> str:
    """The DuckDB type of a Databricks type's text.

    Raises:
        sqlglot.errors.ParseError: The text is no type.
    """
    return exp.DataType.build(databricks, dialect="databricks").sql(dialect="duckdb")


def duck_name(databricks: str) -> str:
    """The DuckDB type of a Databricks type's text, as DuckDB itself spells it.

    >>> duck_name("string")
    'VARCHAR'
    """
    spelt = duck_type(databricks)
    known = {"TEXT": "VARCHAR", "INT": "INTEGER", "TIMESTAMPTZ": "TIMESTAMP WITH TIME ZONE", "REAL": "FLOAT"}
    return known.get(spelt, spelt)


def result_column(name: str, position: int, duck: str) -> Json:
    """A column of a statement's result schema."""
    kind = column_type(duck)
    column: Json = {"name": name, "type_text": kind.text, "type_name": kind.name, "position": position}
    if kind.precision is not None:
        column.update(type_precision=kind.precision, type_scale=kind.scale)
    return column


_DEFAULT = "CURRENT_DEFAULT"


def catalog_column(
    name: str, position: int, duck: str, *, nullable: bool, comment: str | None, default: str | None = None
) -> Json:
    """A column of a table in Unity Catalog, its default as Delta keeps it: as text among the metadata of its field."""
    kind = column_type(duck)
    text = kind.text.lower()
    field: Json = {"name": name, "type": text, "nullable": nullable, "metadata": {_DEFAULT: default} if default else {}}
    column: Json = {
        "name": name,
        "type_text": text,
        "type_name": kind.name,
        "type_json": json.dumps(field, separators=(",", ":")),
        "position": position,
        "nullable": nullable,
    }
    if kind.precision is not None:
        column.update(type_precision=kind.precision, type_scale=kind.scale)
    return {**column, "comment": comment} if comment else column


def default_of(column: Json) -> str | None:
    """The text of a column's default; ``None`` where it has none.

    >>> default_of(catalog_column("a", 0, "INTEGER", nullable=True, comment=None, default="1"))
    '1'
    """
    return json.loads(column.get("type_json") or "{}").get("metadata", {}).get(_DEFAULT)


def quoted(name: str) -> str:
    """A DuckDB identifier, quoted."""
    return '"' + name.replace('"', '""') + '"'


_BOUNDED = re.compile(r"\b(?:VAR)?CHAR(?:ACTER)?\s*\(\s*\d+\s*\)", re.IGNORECASE)


def need_unbounded(kind: str) -> str:
    """A column's type, which holds no text of a limited length: nothing here would hold values to it.

    Raises:
        UnsupportedError: It does.
        SqlError: It is an interval, which no table holds.
    """
    if "interval" in kind.lower():
        raise SqlError(
            f"[DELTA_UNSUPPORTED_DATA_TYPES] Found columns using unsupported data types: [{kind.upper()}].", "0AKDC"
        )
    if _BOUNDED.search(kind):
        raise UnsupportedError(f"a column of type {kind}; STRING has no length to hold values to")
    return kind


def literal(text: str) -> str:
    """A DuckDB string literal."""
    return "'" + text.replace("'", "''") + "'"


def ticked(name: str) -> str:
    """A Databricks identifier in backticks.

    >>> ticked("a`b")
    '`a``b`'
    """
    return "`" + name.replace("`", "``") + "`"


_PART = r"`(?:[^`]|``)+`|[^`.]+"
_DOTTED = re.compile(rf"(?:{_PART})(?:\.(?:{_PART}))*")


def split_name(full_name: str) -> list[str]:
    """The parts of a dotted name, backticks honoured.

    >>> split_name("main.`a.b`.`c``d`")
    ['main', 'a.b', 'c`d']
    """
    if not _DOTTED.fullmatch(full_name):  # no name at all: it is split as it stands, and not found
        return full_name.split(".")
    parts = re.findall(_PART, full_name)
    return [part[1:-1].replace("``", "`") if part.startswith("`") else part for part in parts]
