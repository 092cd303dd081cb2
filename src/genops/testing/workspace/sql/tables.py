"""Names in a statement: every table by its three parts, files of volumes as table functions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlglot import exp

from genops.testing.workspace.sql.dialect import ALIAS
from genops.testing.workspace.sql.failures import UnsupportedError

if TYPE_CHECKING:
    from collections.abc import Callable

FILE_FORMATS = ("csv", "json", "parquet", "text")
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
) -> list[TableName]:
    """Write every table of a statement by its DuckDB name and return the tables it names.

    Args:
        tree: A statement; changed in place.
        catalog: Default catalog.
        schema: Default schema.
        files: Given a format (or ``""``), a volume path and options, the DuckDB query that reads it.

    Raises:
        UnsupportedError: A table function or a file format that is not served.
    """
    found: list[TableName] = []
    for table in list(tree.find_all(exp.Table)):
        if isinstance(table.this, exp.Func):
            _table_function(table, files)
        elif table.name.startswith("/") and table.db.lower() in _OTHER_FORMATS:
            raise UnsupportedError(f"files of the format {table.db.lower()}")
        elif table.name.startswith("/") and table.db.lower() in FILE_FORMATS:
            # A path in backticks reads with the format's defaults: no header, every column a string.
            options: dict[str, Any] = {"header": False, "infercolumntypes": False, "rescueddatacolumn": ""}
            _put(table, files(table.db.lower(), table.name, options))
        elif not _is_cte(table) and table.name:
            found.append(_qualified(table, catalog, schema))
    _requalify_columns(tree)
    return found


def _qualified(table: Any, catalog: str, schema: str) -> TableName:
    name = table_name(table, catalog, schema)
    if name.schema == "information_schema":
        raise UnsupportedError("queries of information_schema")
    if table.args.get("version") or table.args.get("when"):
        raise UnsupportedError("time travel")
    table.set("catalog", exp.to_identifier(ALIAS + name.catalog, quoted=True))
    table.set("db", exp.to_identifier(name.schema, quoted=True))
    table.set("this", exp.to_identifier(name.name, quoted=True))
    return name


def _requalify_columns(tree: Any) -> None:
    for column in tree.find_all(exp.Column):
        if column.args.get("catalog"):
            column.set("catalog", exp.to_identifier(ALIAS + column.catalog.lower(), quoted=True))


def _is_cte(table: Any) -> bool:
    if table.args.get("db"):
        return False
    node = table.parent
    while node is not None:
        if any(cte.alias.lower() == table.name.lower() for cte in getattr(node, "ctes", ())):
            return True
        node = node.parent
    return False


def _table_function(table: Any, files: Callable[[str, str, dict[str, Any]], Any]) -> None:
    call = table.this
    name = (call.name if isinstance(call, exp.Anonymous) else call.sql_name()).lower()
    if name == "read_files":
        path, options = _arguments(call)
        file_format = str(options.pop("format", "")).lower()
        _put(table, files(file_format, path, options))
    elif name == "range":
        # Databricks calls the column id.
        numbers = exp.Table(this=call.copy(), alias=exp.TableAlias(this=exp.to_identifier("numbers")))
        column = exp.alias_(exp.column("range", table="numbers"), "id")
        _put(table, exp.Select(expressions=[column]).from_(numbers))
    else:
        raise UnsupportedError(f"the table function {name}")


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
    table.replace(
        exp.Subquery(this=query, alias=alias.copy() if alias else exp.TableAlias(this=exp.to_identifier("files")))
    )
