"""Names in a statement: every table by its three parts, files of volumes as table functions."""

from __future__ import annotations

import datetime as dt
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlglot import exp

from genops.testing.workspace.sql.dialect import ALIAS
from genops.testing.workspace.sql.failures import SqlError, UnsupportedError
from genops.testing.workspace.sql.generation import native, to_duckdb
from genops.testing.workspace.sql.kinds import BIGINT, parse_kind
from genops.testing.workspace.sql.values import column_type

if TYPE_CHECKING:
    from collections.abc import Callable

    from genops.testing.workspace.sql.sessions import Session
    from genops.testing.workspace.unity.catalog import UnityCatalog

WRITTEN = "written"
"""Marks a table of a syntax tree whose DuckDB name is there already."""
FILE_FORMATS = ("csv", "json", "parquet", "text")
_VERSIONLESS = ("VIEW", "MATERIALIZED_VIEW", "FOREIGN")
_OTHER_FORMATS = ("delta", "avro", "orc", "xml", "binaryfile")


@dataclass(frozen=True)
class TableName:
    """A table by its three parts, in lower case as Unity Catalog keeps them."""

    catalog: str
    schema: str
    name: str

    @property
    def full(self) -> str:
        """``catalog.schema.name``."""
        return f"{self.catalog}.{self.schema}.{self.name}"

    @property
    def shown(self) -> str:
        """As error messages quote it."""
        return f"`{self.catalog}`.`{self.schema}`.`{self.name}`"


@dataclass(frozen=True)
class Stand:
    """A query in the place of a table, and where names in it belong."""

    query: Any
    catalog: str
    schema: str


def table_name(table: Any, catalog: str, schema: str) -> TableName:
    """The three parts of a table, the absent ones from the statement's defaults."""
    parts = [part.name.lower() for part in table.parts]
    if len(parts) > 3:  # noqa: PLR2004 - catalog, schema, table
        raise UnsupportedError(f"the name {table.sql(dialect='databricks')}")
    full = [catalog.lower(), schema.lower()][: 3 - len(parts)] + parts
    return TableName(*full)


def qualify(
    tree: Any,
    catalog: str,
    schema: str,
    files: Callable[[str, str, dict[str, Any]], Any],
    instead: Callable[[Any, TableName], Stand | None] | None = None,
    travel: Callable[[Any, TableName], Any] | None = None,
) -> list[TableName]:
    """Write every table of a statement by its DuckDB name and return the tables it names.

    Args:
        tree: A statement; changed in place.
        catalog: Default catalog.
        schema: Default schema.
        files: Given a format (or ``""``), a volume path and options, the DuckDB query that reads it.
        instead: Given a table and its full name, the query that stands for it, if it is no stored table.
        travel: Given a table and its full name, the rows of an earlier version, if one is asked for.

    Raises:
        UnsupportedError: A table function or a file format that is not served.
    """
    found: list[TableName] = []
    stood: list[TableName] = []
    for table in list(tree.find_all(exp.Table)):
        if table.meta.get(WRITTEN):
            continue
        if isinstance(table.this, exp.Func):
            _table_function(table, files)
        elif table.name.startswith("/") and table.db.lower() in (*_OTHER_FORMATS, *FILE_FORMATS):
            _path(table, table.db.lower(), files)
        elif not _is_cte(table) and table.name:
            name = table_name(table, catalog, schema)
            past = travel(table, name) if travel else None
            stand = instead(table, name) if instead and past is None else None
            if past is not None:
                found.append(name)
                _put(table, past)
            elif stand is None:
                found.append(_qualified(table, catalog, schema))
            else:
                stood.append(name)
                found += qualify(stand.query, stand.catalog, stand.schema, files, instead, travel)
                _put(table, stand.query)
    _requalify_columns(tree, catalog, found, stood)
    return found


def _path(table: Any, file_format: str, files: Callable[[str, str, dict[str, Any]], Any]) -> None:
    """Put the files of a path in backticks into its place."""
    if file_format in _OTHER_FORMATS:
        raise UnsupportedError(f"files of the format {file_format}")
    # They are read with the format's defaults: no header, every column a string.
    options: dict[str, Any] = {"header": False, "infercolumntypes": False, "rescueddatacolumn": ""}
    _put(table, files(file_format, table.name, options))


def _qualified(table: Any, catalog: str, schema: str) -> TableName:
    name = table_name(table, catalog, schema)
    table.set("catalog", exp.to_identifier(ALIAS + name.catalog, quoted=True))
    table.set("db", exp.to_identifier(name.schema, quoted=True))
    table.set("this", exp.to_identifier(name.name, quoted=True))
    return name


def _requalify_columns(tree: Any, catalog: str, stored: list[TableName], stood: list[TableName]) -> None:
    """Write columns that carry the whole name of their table; four parts may also be a path into a struct."""
    for column in tree.find_all(exp.Column):
        if not column.args.get("db"):
            continue
        table = TableName((column.catalog or catalog).lower(), column.db.lower(), column.table.lower())
        if table in stood:
            column.set("catalog", None)
            column.set("db", None)
        elif column.args.get("catalog") and table in stored:
            column.set("catalog", exp.to_identifier(ALIAS + table.catalog, quoted=True))


def _is_cte(table: Any) -> bool:
    if table.args.get("db"):
        return False
    node, inside = table.parent, None
    while node is not None:
        if any(cte.alias.lower() == table.name.lower() for cte in _visible(node, inside)):
            return True
        inside = node if isinstance(node, exp.CTE) else inside
        node = node.parent
    return False


def _visible(node: Any, inside: Any) -> list[Any]:
    """The common table expressions of a query that the one of them sees which a table stands in: those before it."""
    ctes: list[Any] = list(getattr(node, "ctes", ()))
    if not any(cte is inside for cte in ctes):
        return ctes
    place = next(i for i, cte in enumerate(ctes) if cte is inside)
    return ctes[: place + 1] if inside.parent.recursive else ctes[:place]


def _table_function(table: Any, files: Callable[[str, str, dict[str, Any]], Any]) -> None:
    call = table.this
    name = (call.name if isinstance(call, exp.Anonymous) else call.sql_name()).lower()
    if name == "read_files":
        path, options = _arguments(call)
        file_format = str(options.pop("format", "")).lower()
        _put(table, files(file_format, path, options))
    elif name == "range":
        # Databricks calls the column id.
        numbers = ", ".join(item.sql(dialect="duckdb") for item in call.expressions[:3])
        _put(table, native(f"SELECT range AS id FROM range({numbers})", [("id", BIGINT)]))  # noqa: S608 - literals
    else:
        raise UnsupportedError(f"the table function {name}")


def traveller(catalog: UnityCatalog, session: Session, value: Callable[[str], Any]) -> Callable[[Any, TableName], Any]:
    """Resolves ``VERSION AS OF``, ``TIMESTAMP AS OF`` and ``table@v1``.

    Args:
        catalog: Keeps the versions.
        session: Whose statement it is.
        value: Gives the value of a DuckDB query.
    """

    def travel(table: Any, name: TableName) -> Any:
        number, at = _version(table, value)
        if number is None and at is None:
            return None
        info = catalog.tables.get(name.full)
        if info is None or info["table_type"] in _VERSIONLESS or table.name.lower() in session.views:
            raise SqlError(f"[UNSUPPORTED_FEATURE.TIME_TRAVEL] Time travel on the relation: {name.shown}.", "0A000")
        found = catalog.versions.find(info, number=number, at=at)
        columns = [(column, parse_kind(column_type(duck).text)) for column, duck in found.columns]
        return native(catalog.versions.query(info, found), columns)

    return travel


def _version(table: Any, value: Callable[[str], Any]) -> tuple[int | None, float | None]:
    """The number or the time of the version that a table's name asks for."""
    alias = table.args.get("alias")
    if alias is not None and isinstance(alias.this, exp.Parameter):
        text = alias.this.this.name
        table.set("alias", None)
        if re.fullmatch(r"v\d+", text):
            return int(text[1:]), None
        return None, dt.datetime.strptime(text, "%Y%m%d%H%M%S%f").replace(tzinfo=dt.timezone.utc).timestamp()
    version = table.args.get("version")
    if version is None:
        return None, None
    table.set("version", None)
    asked = version.expression
    if str(version.name).upper() == "VERSION":
        if not asked.name.isdigit():
            raise SqlError(f"[INVALID_TIME_TRAVEL_SPEC] {asked.sql()} is no version number.", "22023")
        return int(asked.name), None
    return None, float(value(f"SELECT epoch(CAST(dbx_time({to_duckdb(asked)}) AS TIMESTAMPTZ))"))


def _arguments(call: Any) -> tuple[str, dict[str, Any]]:
    path = next((item.name for item in call.expressions if isinstance(item, exp.Literal)), "")
    options: dict[str, Any] = {}
    for item in call.expressions[1:]:
        if not isinstance(item, (exp.Kwarg, exp.PropertyEQ)):
            raise UnsupportedError("read_files with an option that has no name")
        value = item.expression
        if isinstance(value, exp.Cast):
            value = value.this
        if not isinstance(value, (exp.Literal, exp.Boolean)):
            raise UnsupportedError(f"read_files with the computed option {item.name}")
        options[item.name.lower()] = value.this if isinstance(value, exp.Boolean) else value.name
    return path, options


def _put(table: Any, query: Any) -> None:
    alias = table.args.get("alias")
    named = table.name if table.name and not table.name.startswith("/") else "files"
    kept = {key: table.args[key] for key in ("joins", "laterals", "pivots", "sample") if table.args.get(key)}
    table.replace(
        exp.Subquery(
            this=query,
            alias=alias.copy() if alias else exp.TableAlias(this=exp.to_identifier(named, quoted=True)),
            **kept,
        )
    )
