"""Columns of a stored table: DuckDB's table is built anew whenever they change, in one transaction.

Positions, types, nullability and defaults thereby change by one piece of code, and rows keep their order.
"""

# ruff: noqa: S608 - the SQL is built from quoted identifiers and expressions that were translated

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from genops.testing.workspace.sql.database import ALIAS
from genops.testing.workspace.sql.failures import SqlError
from genops.testing.workspace.sql.values import column_type, quoted

if TYPE_CHECKING:
    from genops.testing.workspace.http.wire import Json
    from genops.testing.workspace.sql.commands.grammar import Scope


@dataclass(frozen=True)
class Column:
    """A column of a DuckDB table.

    Attributes:
        name: Its name.
        kind: DuckDB type.
        nullable: Whether it takes nulls.
        default: DuckDB expression of its default, or ``None``.
        source: DuckDB expression that gives its values from the table as it was.
    """

    name: str
    kind: str
    nullable: bool = True
    default: str | None = None
    source: str = "NULL"

    @property
    def ddl(self) -> str:
        """Its definition."""
        default = f" DEFAULT {self.default}" if self.default else ""
        return f"{quoted(self.name)} {self.kind}{'' if self.nullable else ' NOT NULL'}{default}"


def columns_of(scope: Scope, info: Json) -> list[Column]:
    """The columns of a table as DuckDB has them."""
    found = scope.catalog.database.rows(
        "SELECT column_name, data_type, is_nullable, column_default FROM duckdb_columns() WHERE database_name = ? "
        "AND schema_name = ? AND table_name = ? ORDER BY column_index",
        [ALIAS + info["catalog_name"], info["schema_name"], info["name"]],
    )
    return [Column(name, kind, nullable, default, quoted(name)) for name, kind, nullable, default in found]


def place(columns: list[Column], name: str) -> int:
    """The position of a column.

    Raises:
        SqlError: There is none of that name.
    """
    for index, column in enumerate(columns):
        if column.name.lower() == name.lower():
            return index
    shown = ", ".join(f"`{column.name}`" for column in columns)
    raise SqlError(
        f"[UNRESOLVED_COLUMN.WITH_SUGGESTION] A column, variable, or function parameter with name `{name}` cannot be "
        f"resolved. Did you mean one of the following? [{shown}].",
        "42703",
    )


def moved(columns: list[Column], name: str, after: str | None) -> list[Column]:
    """Columns with one of them in another place: after another, or first where ``after`` is ``None``."""
    column = columns[place(columns, name)]
    rest = [item for item in columns if item is not column]
    index = 0 if after is None else place(rest, after) + 1
    return [*rest[:index], column, *rest[index:]]


def changed(columns: list[Column], which: str, **changes: Any) -> list[Column]:
    """Columns with one of them changed."""
    index = place(columns, which)
    return [*columns[:index], replace(columns[index], **changes), *columns[index + 1 :]]


def rebuild(
    scope: Scope,
    info: Json,
    columns: list[Column],
    *,
    comments: dict[str, str] | None = None,
    defaults: dict[str, str | None] | None = None,
) -> None:
    """Give a table new columns, and the catalog what it then has.

    Args:
        scope: Where the statement runs.
        info: The table.
        columns: Its columns from now on.
        comments: Comments of columns that are new or changed.
        defaults: Texts of their defaults.

    Raises:
        SqlError: Rows that are there do not fit.
    """
    where = scope.address(info)
    definition = ", ".join(column.ddl for column in columns)
    sources = ", ".join(f"CAST({column.source} AS {column.kind})" for column in columns)
    scope.catalog.database.together(
        [
            f"CREATE TEMP TABLE rebuilding AS SELECT * FROM {where}",
            f"CREATE OR REPLACE TABLE {where} ({definition})",
            f"INSERT INTO {where} SELECT {sources} FROM rebuilding",
            "DROP TABLE rebuilding",
        ]
    )
    kept = {column["name"]: column["partition_index"] for column in info["columns"] if "partition_index" in column}
    scope.catalog.refresh_columns(info, comments, defaults)
    for column in info["columns"]:
        if column["name"] in kept:
            column["partition_index"] = kept[column["name"]]


# Types that a column may be widened to [docs.databricks.com, type widening].
_WIDER = {
    "TINYINT": ("SMALLINT", "INT", "BIGINT", "DECIMAL", "DOUBLE"),
    "SMALLINT": ("INT", "BIGINT", "DECIMAL", "DOUBLE"),
    "INT": ("BIGINT", "DECIMAL", "DOUBLE"),
    "BIGINT": ("DECIMAL",),
    "FLOAT": ("DOUBLE",),
    "DECIMAL": ("DECIMAL",),
    "DATE": ("TIMESTAMP_NTZ",),
}


def may_widen(info: Json, old: str, new: str) -> bool:
    """Whether a table lets a column of one DuckDB type become another."""
    before, after = column_type(old), column_type(new)
    if before.text == after.text:
        return True
    on = str(info.get("properties", {}).get("delta.enableTypeWidening", "false")).lower() == "true"
    fits = after.text.split("(")[0] in _WIDER.get(before.text.split("(")[0], ())
    if before.precision and after.precision:
        whole = before.precision - (before.scale or 0), after.precision - (after.scale or 0)
        fits = fits and whole[1] >= whole[0] and (after.scale or 0) >= (before.scale or 0)
    return on and fits


def needs_mapping(info: Json, what: str) -> None:
    """Columns are dropped and renamed only where names are mapped, as Delta has it.

    Raises:
        SqlError: The table property ``delta.columnMapping.mode`` is not ``name`` or ``id``.
    """
    if str(info.get("properties", {}).get("delta.columnMapping.mode", "none")).lower() not in ("name", "id"):
        raise SqlError(
            f"[DELTA_UNSUPPORTED_{what}_COLUMN] {what} COLUMN is not supported for your Delta table. Please enable "
            "column mapping: ALTER TABLE <table> SET TBLPROPERTIES ('delta.columnMapping.mode' = 'name').",
            "0AKDC",
        )
