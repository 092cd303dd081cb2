"""Statements that are the catalog's alone: catalogs and volumes, SHOW, DESCRIBE, USE.

sqlglot does not parse most of them, so each is one pattern.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from genops.testing.workspace.sql.database import address
from genops.testing.workspace.sql.failures import UnsupportedError
from genops.testing.workspace.sql.values import quoted, split_name
from genops.testing.workspace.unity.catalog import UnityCatalog, quote_part

if TYPE_CHECKING:
    from collections.abc import Callable

    from genops.testing.workspace.http.wire import Json


@dataclass
class Table:
    """A small result: names of columns and rows, all text."""

    names: list[str] = field(default_factory=list[str])
    rows: list[list[Any]] = field(default_factory=list[list[Any]])


@dataclass(frozen=True)
class _Scope:
    catalog: UnityCatalog
    default_catalog: str
    default_schema: str

    def full(self, name: str, parts: int) -> str:
        """A dotted name with the defaults in front."""
        given = split_name(name)
        defaults = [self.default_catalog, self.default_schema]
        missing = parts - len(given)
        return ".".join(quote_part(part) for part in [*defaults[: max(missing, 0)], *given])


_ID = r"(?:`[^`]+`|[\w-]+)"
_NAME = rf"(?P<name>{_ID}(?:\.{_ID}){{0,2}})"
_COMMENT = r"(?:\s+COMMENT\s+'(?P<comment>(?:[^']|'')*)')?"


def _given(match: re.Match[str]) -> Json:
    return {"comment": match["comment"].replace("''", "'")} if match["comment"] else {}


def _create_catalog(scope: _Scope, match: re.Match[str]) -> Table:
    name = split_name(match["name"])[0]
    if not (match["exists"] and name.lower() in scope.catalog.catalogs):
        scope.catalog.create_catalog(name, _given(match))
    return Table()


def _drop_catalog(scope: _Scope, match: re.Match[str]) -> Table:
    name = split_name(match["name"])[0]
    if not (match["exists"] and name.lower() not in scope.catalog.catalogs):
        scope.catalog.drop_catalog(name, force=(match["mode"] or "").upper() == "CASCADE")
    return Table()


def _create_volume(scope: _Scope, match: re.Match[str]) -> Table:
    catalog, schema, name = split_name(scope.full(match["name"], 3))
    if not (match["exists"] and f"{catalog}.{schema}.{name}".lower() in scope.catalog.volumes):
        scope.catalog.create_volume(catalog, schema, name, _given(match))
    return Table()


def _drop_volume(scope: _Scope, match: re.Match[str]) -> Table:
    full_name = scope.full(match["name"], 3)
    if not (match["exists"] and full_name.replace("`", "").lower() not in scope.catalog.volumes):
        scope.catalog.drop_volume(full_name)
    return Table()


def _show_catalogs(scope: _Scope, _: re.Match[str]) -> Table:
    return Table(["catalog"], [[name] for name in sorted(scope.catalog.catalogs)])


def _show_schemas(scope: _Scope, match: re.Match[str]) -> Table:
    catalog = scope.catalog.catalog(split_name(match["name"])[0] if match["name"] else scope.default_catalog)["name"]
    names = [info["name"] for info in scope.catalog.schemas.values() if info["catalog_name"] == catalog]
    return Table(["databaseName"], [[name] for name in sorted(names)])


def _show_tables(scope: _Scope, match: re.Match[str]) -> Table:
    full = scope.full(match["name"], 2) if match["name"] else f"{scope.default_catalog}.{scope.default_schema}"
    schema = scope.catalog.schema(full)["full_name"]
    held = scope.catalog.tables
    names = sorted(info["name"] for key, info in held.items() if key.rsplit(".", 1)[0] == schema)
    return Table(["database", "tableName", "isTemporary"], [[schema.split(".")[1], name, "false"] for name in names])


def _show_volumes(scope: _Scope, match: re.Match[str]) -> Table:
    full = scope.full(match["name"], 2) if match["name"] else f"{scope.default_catalog}.{scope.default_schema}"
    schema = scope.catalog.schema(full)["full_name"]
    held = scope.catalog.volumes
    names = sorted(info["name"] for key, info in held.items() if key.rsplit(".", 1)[0] == schema)
    return Table(["database", "volume_name"], [[schema.split(".")[1], name] for name in names])


def _show_properties(scope: _Scope, match: re.Match[str]) -> Table:
    info = scope.catalog.table(scope.full(match["name"], 3))
    return Table(["key", "value"], [[key, value] for key, value in sorted(info.get("properties", {}).items())])


def _describe(scope: _Scope, match: re.Match[str]) -> Table:
    info = scope.catalog.table(scope.full(match["name"], 3))
    rows: list[list[Any]] = [[column["name"], column["type_text"], column.get("comment")] for column in info["columns"]]
    if match["extended"]:
        facts = {
            "Catalog": info["catalog_name"],
            "Database": info["schema_name"],
            "Table": info["name"],
            "Owner": info["owner"],
            "Type": info["table_type"],
            "Comment": info.get("comment", ""),
        }
        rows += [
            ["", "", ""],
            ["# Detailed Table Information", "", ""],
            *[[key, value, ""] for key, value in facts.items()],
        ]
    return Table(["col_name", "data_type", "comment"], rows)


def _drop_column(scope: _Scope, match: re.Match[str]) -> Table:
    info = scope.catalog.table(scope.full(match["name"], 3))
    where = address(info["catalog_name"], info["schema_name"], info["name"])
    scope.catalog.database.change(f"ALTER TABLE {where} DROP COLUMN {quoted(match['column'].strip('`'))}")
    scope.catalog.refresh_columns(info)
    return Table()


def _use(scope: _Scope, match: re.Match[str]) -> Table:
    """A statement of this API is a session of its own, so USE checks its name and ends with the session."""
    parts = split_name(match["name"])
    kind = (match["kind"] or "").upper()
    if kind == "CATALOG":
        scope.catalog.catalog(parts[0])
    else:
        scope.catalog.schema(scope.full(match["name"], 2))
    return Table()


_COMMANDS: list[tuple[str, Callable[[_Scope, re.Match[str]], Table], str]] = [
    (rf"CREATE\s+CATALOG(?P<exists>\s+IF\s+NOT\s+EXISTS)?\s+{_NAME}{_COMMENT}", _create_catalog, "CREATE"),
    (rf"DROP\s+CATALOG(?P<exists>\s+IF\s+EXISTS)?\s+{_NAME}(?:\s+(?P<mode>CASCADE|RESTRICT))?", _drop_catalog, "DROP"),
    (rf"CREATE\s+VOLUME(?P<exists>\s+IF\s+NOT\s+EXISTS)?\s+{_NAME}{_COMMENT}", _create_volume, "CREATE"),
    (rf"DROP\s+VOLUME(?P<exists>\s+IF\s+EXISTS)?\s+{_NAME}", _drop_volume, "DROP"),
    (rf"ALTER\s+TABLE\s+{_NAME}\s+DROP\s+COLUMN\s+(?P<column>{_ID})", _drop_column, "ALTER"),
    (r"SHOW\s+CATALOGS", _show_catalogs, "SHOW"),
    (rf"SHOW\s+(?:SCHEMAS|DATABASES)(?:\s+(?:IN|FROM)\s+{_NAME})?", _show_schemas, "SHOW"),
    (rf"SHOW\s+TABLES(?:\s+(?:IN|FROM)\s+{_NAME})?", _show_tables, "SHOW"),
    (rf"SHOW\s+VOLUMES(?:\s+(?:IN|FROM)\s+{_NAME})?", _show_volumes, "SHOW"),
    (rf"SHOW\s+TBLPROPERTIES\s+{_NAME}", _show_properties, "SHOW"),
    (rf"DESC(?:RIBE)?(?:\s+TABLE)?(?P<extended>\s+EXTENDED)?\s+{_NAME}", _describe, "DESCRIBE"),
    (rf"USE(?:\s+(?P<kind>CATALOG|SCHEMA|DATABASE))?\s+{_NAME}", _use, "USE"),
]
_COMPILED = [(re.compile(rf"\s*{text}\s*;?\s*", re.IGNORECASE), run, kind) for text, run, kind in _COMMANDS]

# First words that Databricks knows and nobody here would test with.
_REFUSED = frozenset(
    [
        "OPTIMIZE",
        "VACUUM",
        "ANALYZE",
        "REFRESH",
        "CACHE",
        "UNCACHE",
        "GRANT",
        "REVOKE",
        "DENY",
        "COPY",
        "MSCK",
        "RESTORE",
        "CALL",
        "EXECUTE",
        "EXPLAIN",
        "SET",
        "RESET",
        "LIST",
        "PUT",
        "GET",
        "REMOVE",
        "SYNC",
        "UNDROP",
        "CLONE",
        "CONVERT",
        "REPAIR",
        "REORG",
        "BEGIN",
        "DECLARE",
        "SHOW",
        "DESCRIBE",
        "DESC",
        "FSCK",
        "LOAD",
    ]
)


def _first_word(sql: str) -> str:
    text = re.sub(r"^(?:\s+|--[^\n]*\n?|/\*.*?\*/)+", "", sql, flags=re.DOTALL)
    word = re.match(r"[A-Za-z]+", text)
    return word[0].upper() if word else ""


def command_type(sql: str) -> str:
    """The type of a statement as far as its words tell."""
    return next((kind for pattern, _, kind in _COMPILED if pattern.fullmatch(sql)), "OTHER")


def command(catalog: UnityCatalog, sql: str, default_catalog: str, default_schema: str) -> Table | None:
    """Run a statement that is the catalog's alone.

    Returns:
        Its rows, or ``None`` where the statement is for the SQL engine.

    Raises:
        UnsupportedError: A statement that Databricks knows and the local workspace does not imitate.
        ApiError: What the catalog refused.
    """
    for pattern, run, _ in _COMPILED:
        match = pattern.fullmatch(sql)
        if match:
            with catalog.lock:
                return run(_Scope(catalog, default_catalog, default_schema), match)
    word = _first_word(sql)
    if word in _REFUSED:
        raise UnsupportedError(f"{word} statements of this form")
    return None
