"""SHOW: lists of the catalog's objects, with Databricks' patterns."""

# ruff: noqa: S608 - the SQL is built from quoted identifiers

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from genops.testing.workspace.sql.commands.describe import relation
from genops.testing.workspace.sql.commands.grammar import Command, Scope, Table, literal_text, matcher
from genops.testing.workspace.sql.commands.types import schema_tree
from genops.testing.workspace.sql.failures import SqlError, UnsupportedError
from genops.testing.workspace.sql.values import quoted
from genops.testing.workspace.sql.virtual import SYSTEM

if TYPE_CHECKING:
    import re

    from genops.testing.workspace.http.wire import Json

from genops.testing.workspace.sql.commands.recreating import created_table

_VIEWS = ("VIEW", "MATERIALIZED_VIEW")


def _truth(value: object) -> str:
    return str(bool(value)).lower()


def _catalogs(scope: Scope, match: re.Match[str]) -> Table:
    matches = matcher(match["like"])
    return Table(["catalog"], [[name] for name in catalogs(scope) if matches(name)])


def catalogs(scope: Scope) -> list[str]:
    """Names of the catalogs that the session's user may see, the platform's own included."""
    grants = scope.catalog.grants
    return sorted({SYSTEM, *(name for name in scope.catalog.catalogs if grants.sees(scope.user, "catalog", name))})


def schemas(scope: Scope, catalog: str) -> list[str]:
    """Names of a catalog's schemas that the user may see, the computed ones included."""
    held = [info["name"] for key, info in scope.catalog.schemas.copy().items() if key.startswith(f"{catalog}.")]
    seen = [name for name in held if scope.catalog.grants.sees(scope.user, "schema", f"{catalog}.{name}")]
    return sorted({*seen, *scope.catalog.virtual.schemas(catalog)})


def tables(scope: Scope, catalog: str, schema: str) -> list[Json]:
    """The tables and views of a schema that the user may see, in the shape of the API."""
    grants = scope.catalog.grants
    found = scope.catalog.tables.copy()
    held = [found[key] for key in found if key.rsplit(".", 1)[0] == f"{catalog}.{schema}"]
    seen = [info for info in held if grants.sees(scope.user, "table", info["full_name"])]
    computed = scope.catalog.virtual.tables(catalog, schema)
    return sorted([*seen, *(table.info(catalog, schema, name) for name, table in computed.items())], key=_name)


def _name(info: Json) -> str:
    return str(info["name"])


def _schemas(scope: Scope, match: re.Match[str]) -> Table:
    matches = matcher(match["like"])
    if match["all"]:
        rows = [[name, catalog] for catalog in catalogs(scope) for name in schemas(scope, catalog) if matches(name)]
        return Table(["databaseName", "catalog"], rows)
    catalog = scope.catalog_name(match["name"] or scope.session.catalog)
    return Table(["databaseName"], [[name] for name in schemas(scope, catalog) if matches(name)])


def _place(scope: Scope, name: str | None) -> tuple[str, str]:
    """A schema that must be there, stored or computed."""
    catalog, schema = scope.parts(name, 2) if name else (scope.session.catalog.lower(), scope.session.schema.lower())
    if schema not in scope.catalog.virtual.schemas(scope.catalog_name(catalog)):
        scope.catalog.schema(scope.full(name, 2) if name else f"`{catalog}`.`{schema}`")
    return catalog, schema


def _tables(scope: Scope, match: re.Match[str]) -> Table:
    catalog, schema = _place(scope, match["name"])
    matches = matcher(match["like"])
    rows = [[schema, info["name"], "false"] for info in tables(scope, catalog, schema) if matches(info["name"])]
    rows += [["", name, "true"] for name in sorted(scope.session.views) if matches(name)]
    return Table(["database", "tableName", "isTemporary"], rows, {"isTemporary": "BOOLEAN"})


def _tables_of_catalogs(scope: Scope, match: re.Match[str]) -> Table:
    """The form in which drivers ask for the tables of one or of all catalogs; not in the documentation."""
    chosen = catalogs(scope) if match["all"] else [scope.catalog_name(match["catalog"])]
    in_schema, matches = matcher(match["schema"]), matcher(match["like"])
    rows = [
        [schema, info["name"], "false", None, catalog, _driver_type(info), info.get("comment", "")]
        for catalog in chosen
        for schema in schemas(scope, catalog)
        if in_schema(schema)
        for info in tables(scope, catalog, schema)
        if matches(info["name"])
    ]
    names = ["namespace", "tableName", "isTemporary", "information", "catalogName", "tableType", "remarks"]
    return Table(names, rows, {"isTemporary": "BOOLEAN"})


def _driver_type(info: Json) -> str:
    return info["table_type"] if info["table_type"] in _VIEWS else "TABLE"


def _extended(scope: Scope, match: re.Match[str]) -> Table:
    catalog, schema = _place(scope, match["name"])
    matches = matcher(match["like"])
    rows = [
        [schema, info["name"], "false", _information(info)]
        for info in tables(scope, catalog, schema)
        if matches(info["name"])
    ]
    return Table(["database", "tableName", "isTemporary", "information"], rows, {"isTemporary": "BOOLEAN"})


def _information(info: Json) -> str:
    facts = [f"{key}: {value}" for key, value in relation(info).items() if key not in ("Database", "Table")]
    head = [facts[0], f"Database: {info['schema_name']}", f"Table: {info['name']}", *facts[1:]]
    return "\n".join([*head, f"Schema: {schema_tree(info['columns'])}"]) + "\n"


def _views(scope: Scope, match: re.Match[str]) -> Table:
    catalog, schema = _place(scope, match["name"])
    matches = matcher(match["like"])
    found = [info for info in tables(scope, catalog, schema) if info["table_type"] in _VIEWS and matches(info["name"])]
    rows = [[schema, info["name"], "false", _truth(info["table_type"] == "MATERIALIZED_VIEW")] for info in found]
    rows += [["", name, "true", "false"] for name in sorted(scope.session.views) if matches(name)]
    names = ["namespace", "viewName", "isTemporary", "isMaterialized"]
    return Table(names, rows, {"isTemporary": "BOOLEAN", "isMaterialized": "BOOLEAN"})


def _columns(scope: Scope, match: re.Match[str]) -> Table:
    name = match["name"] if not match["schema"] else f"{match['schema']}.{match['name']}"
    return Table(["col_name"], [[column["name"]] for column in scope.found(name)["columns"]])


def _columns_of_catalog(scope: Scope, match: re.Match[str]) -> Table:
    """The form in which drivers ask for columns; not in the documentation."""
    catalog = scope.catalog_name(match["catalog"])
    in_schema, in_table, matches = matcher(match["schema"]), matcher(match["table"]), matcher(match["like"])
    rows = [
        [column["name"], catalog, schema, info["name"], column["type_text"].upper(), column["position"],
         _truth(column.get("nullable", True)), column.get("comment")]
        for schema in schemas(scope, catalog)
        if in_schema(schema)
        for info in tables(scope, catalog, schema)
        if in_table(info["name"])
        for column in info["columns"]
        if matches(column["name"])
    ]  # fmt: skip
    names = [
        "col_name",
        "catalogName",
        "namespace",
        "tableName",
        "columnType",
        "ordinalPosition",
        "isNullable",
        "remarks",
    ]
    return Table(names, rows, {"ordinalPosition": "INTEGER"})


def _volumes(scope: Scope, match: re.Match[str]) -> Table:
    catalog, schema = _place(scope, match["name"])
    matches, held = matcher(match["like"]), scope.catalog.volumes
    names = sorted(info["name"] for key, info in held.items() if key.rsplit(".", 1)[0] == f"{catalog}.{schema}")
    seen = [name for name in names if scope.catalog.grants.sees(scope.user, "volume", f"{catalog}.{schema}.{name}")]
    return Table(["database", "volume_name"], [[schema, name] for name in seen if matches(name)])


def _functions(scope: Scope, match: re.Match[str]) -> Table:
    if not match["name"] and (match["which"] or "").upper() != "USER":
        raise UnsupportedError("SHOW FUNCTIONS of built-in functions; SHOW USER FUNCTIONS lists those of users")
    catalog, schema = _place(scope, match["name"])
    matches = matcher(match["like"])
    names = scope.catalog.inside("function", f"{catalog}.{schema}")
    seen = [name for name in names if scope.catalog.grants.sees(scope.user, "function", name)]
    return Table(["function"], [[name] for name in sorted(seen) if matches(name.rsplit(".", 1)[1])])


def _properties(scope: Scope, match: re.Match[str]) -> Table:
    info = scope.found(match["name"])
    held: dict[str, Any] = info.get("properties", {})
    if not match["key"]:
        return Table(["key", "value"], [[key, value] for key, value in sorted(held.items())])
    key = literal_text(match["key"]) if match["key"][0] in "'\"" else match["key"].strip()
    absent = f"Table {info['full_name']} does not have property: {key}"
    return Table(["key", "value"], [[key, held.get(key, absent)]])


def _create_table(scope: Scope, match: re.Match[str]) -> Table:
    return Table(["createtab_stmt"], [[created_table(scope.found(match["name"]))]])


def _partitions(scope: Scope, match: re.Match[str]) -> Table:
    info = scope.found(match["name"])
    columns = [column["name"] for column in info["columns"] if column.get("partition_index") is not None]
    if not columns:
        raise SqlError(
            "[INVALID_PARTITION_OPERATION.PARTITION_SCHEMA_IS_EMPTY] The partition command is invalid. "
            f"Table {scope.table(match['name']).shown} is not partitioned.",
            "42601",
        )
    shown = ", ".join(quoted(column) for column in columns)
    found = scope.catalog.database.rows(f"SELECT DISTINCT {shown} FROM {scope.address(info)} ORDER BY ALL")
    return Table(columns, [list(row) for row in found])


def _groups(scope: Scope, match: re.Match[str]) -> Table:
    matches = matcher(match["like"])
    return Table(["name", "directGroup"], [[name, None] for name in scope.directory("groups") if matches(name)])


def _users(scope: Scope, match: re.Match[str]) -> Table:
    matches = matcher(match["like"])
    return Table(["name"], [[name] for name in scope.directory("users") if matches(name)])


_IN = "[{IN|FROM} <name>]"
_LIKE = "[[LIKE] <like:text>]"
_FILTER = "[LIKE <like:text>]"
COMMANDS: list[Command] = [
    (f"SHOW CATALOGS {_LIKE}", _catalogs, "SHOW"),
    ("SHOW {SCHEMAS|DATABASES} [{IN|FROM} [all:ALL CATALOGS] [CATALOG] [<name>]] " + _LIKE, _schemas, "SHOW"),
    (
        "SHOW TABLES {IN|FROM} [all:ALL CATALOGS] [CATALOG <catalog:name>] [SCHEMA LIKE <schema:text>] " + _FILTER,
        _tables_of_catalogs,
        "SHOW",
    ),
    (f"SHOW TABLES {_IN} {_LIKE}", _tables, "SHOW"),
    (f"SHOW TABLE EXTENDED {_IN} LIKE <like:text>", _extended, "SHOW"),
    (f"SHOW VIEWS {_IN} {_LIKE}", _views, "SHOW"),
    (
        "SHOW COLUMNS {IN|FROM} CATALOG <catalog:name> [SCHEMA LIKE <schema:text>] [TABLE LIKE <table:text>] "
        + _FILTER,
        _columns_of_catalog,
        "SHOW",
    ),
    ("SHOW COLUMNS {IN|FROM} <name> [{IN|FROM} <schema:name>]", _columns, "SHOW"),
    (f"SHOW VOLUMES {_IN} {_LIKE}", _volumes, "SHOW"),
    (f"SHOW [{{which:USER|SYSTEM|ALL}}] FUNCTIONS {_IN} {_LIKE}", _functions, "SHOW"),
    ("SHOW TBLPROPERTIES <name> [( <key:rest> )]", _properties, "SHOW"),
    ("SHOW CREATE TABLE <name>", _create_table, "SHOW"),
    ("SHOW PARTITIONS <name>", _partitions, "SHOW"),
    (f"SHOW GROUPS {_LIKE}", _groups, "SHOW"),
    (f"SHOW USERS {_LIKE}", _users, "SHOW"),
]
