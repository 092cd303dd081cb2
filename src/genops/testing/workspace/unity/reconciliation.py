"""Catalog and rows in step again after a start: of what only one of them knows, the rows decide.

The state of the catalog is written a moment after the rows. A process that was killed in between left tables that
the state does not know, or the other way round.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from genops.testing.workspace.http.wire import ApiError
from genops.testing.workspace.sql.database import attached
from genops.testing.workspace.sql.dialect import ALIAS
from genops.testing.workspace.sql.failures import SqlError
from genops.testing.workspace.sql.tables import TableName
from genops.testing.workspace.sql.values import quoted

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from genops.testing.workspace.http.wire import Json
    from genops.testing.workspace.unity.catalog import UnityCatalog

_SCHEMAS = """
    SELECT database_name, schema_name FROM duckdb_schemas() WHERE starts_with(database_name, ?) AND NOT internal
"""
_TABLES = """
    SELECT database_name, schema_name, table_name, list(column_name ORDER BY column_index)
    FROM duckdb_tables() JOIN duckdb_columns() USING (database_name, schema_name, table_name)
    WHERE starts_with(database_name, ?) GROUP BY ALL ORDER BY ALL
"""
_VIEWS = """
    SELECT database_name, schema_name, view_name, [] FROM duckdb_views()
    WHERE starts_with(database_name, ?) AND NOT internal ORDER BY ALL
"""


def reconcile(catalog: UnityCatalog, files: Path) -> list[str]:
    """Bring catalog, rows and files in step.

    Args:
        catalog: The catalog, with every file of its own open.
        files: Directory of the volumes' files.

    Returns:
        What was done, in sentences.
    """
    with catalog.lock:
        done = [text for step in (_catalogs, _schemas, _tables, _functions) for text in step(catalog)]
        return [*done, *_volumes(catalog, files)]


def _catalogs(catalog: UnityCatalog) -> Iterator[str]:
    for name in catalog.database.stored():
        if name not in catalog.catalogs:
            catalog.create_catalog(name, {})
            yield f"catalog {name} was registered again"


def _schemas(catalog: UnityCatalog) -> Iterator[str]:
    for key in list(catalog.schemas):
        home, schema = key.split(".")
        catalog.database.change(f"CREATE SCHEMA IF NOT EXISTS {attached(home)}.{quoted(schema)}")
    for place, schema in catalog.database.rows(_SCHEMAS, [ALIAS]):
        home = place[len(ALIAS) :]
        key = f"{home}.{schema}"
        # DuckDB gives every database a schema called main.
        if key not in catalog.schemas and schema != "main":
            catalog.create_schema(home, schema, {})
            yield f"schema {key} was registered again"


def _tables(catalog: UnityCatalog) -> Iterator[str]:
    found = {
        f"{home[len(ALIAS) :]}.{schema}.{name}": columns
        for query in (_TABLES, _VIEWS)
        for home, schema, name, columns in catalog.database.rows(query, [ALIAS])
    }
    for key in [key for key in catalog.tables if key not in found]:
        catalog.remove("table", key)
        yield f"table {key} was dropped, as its rows are not there"
    for key, columns in found.items():
        info = catalog.tables.get(key)
        if info is None:
            yield _registered(catalog, key, is_view=not columns)
        elif columns and [column["name"] for column in info["columns"]] != columns:
            catalog.refresh_columns(info)
            yield f"columns of {key} were read anew"


def _registered(catalog: UnityCatalog, key: str, *, is_view: bool) -> str:
    name = TableName(*key.split("."))
    if f"{name.catalog}.{name.schema}" not in catalog.schemas:
        catalog.create_schema(name.catalog, name.schema, {})
    if is_view:
        # Only DuckDB's translation of the view's text is left.
        where = f"{attached(name.catalog)}.{quoted(name.schema)}.{quoted(name.name)}"
        catalog.database.change(f"DROP VIEW {where}")
        return f"view {key} was dropped, as its text is not known"
    catalog.register_table(name, {})
    return f"table {key} was registered again, without comments, properties and grants"


def _functions(catalog: UnityCatalog) -> Iterator[str]:
    for key, info in list(catalog.held["function"].items()):
        fault = _undefinable(catalog, info)
        if fault:
            catalog.remove("function", key)
            yield f"function {key} was dropped: {fault}"


def _undefinable(catalog: UnityCatalog, info: Json) -> str:
    assert catalog.functions.routines is not None
    try:
        catalog.functions.routines.define(info)
    except (SqlError, ApiError) as error:
        return str(error)
    return ""


def _volumes(catalog: UnityCatalog, files: Path) -> Iterator[str]:
    for key in catalog.volumes:
        catalog.volume_path(key).mkdir(parents=True, exist_ok=True)
    for folder in sorted(files.glob("*/*/*")):
        home, schema, name = folder.parts[-3:]
        if f"{home}.{schema}.{name}" not in catalog.volumes and f"{home}.{schema}" in catalog.schemas:
            catalog.create_volume(home, schema, name, {})
            yield f"volume {home}.{schema}.{name} was registered again"
