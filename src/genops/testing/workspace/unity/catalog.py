"""Unity Catalog: the objects of a metastore, kept in step with DuckDB and the files on disk.

Objects are held in the shape in which the REST API shows them. Names are lower case, as Unity
Catalog stores them.
"""

from __future__ import annotations

import json
import re
import shutil
import time
from typing import TYPE_CHECKING, Any

import sqlglot.errors

from genops.testing.workspace.http.identity import Identity, stable_id
from genops.testing.workspace.http.wire import ApiError, Json, absent, exists, invalid
from genops.testing.workspace.sql.database import Database, address, attached
from genops.testing.workspace.sql.tables import TableName
from genops.testing.workspace.sql.values import catalog_column, duck_type, quoted, split_name
from genops.testing.workspace.unity.tags import Tags

if TYPE_CHECKING:
    from pathlib import Path

    from genops.testing.workspace.clock import Clock

_NAME = re.compile(r"[^\s./\x00-\x1f\x7f]{1,255}")


def checked_name(name: Any) -> str:
    """A name in lower case.

    Raises:
        ApiError: Not a name that Unity Catalog takes.
    """
    if not isinstance(name, str) or not _NAME.fullmatch(name) or name in (".", ".."):
        raise invalid(f"Invalid input: name {name!r} must be 1 to 255 characters without dots, slashes or spaces")
    return name.lower()


def parts_of(full_name: str, count: int) -> list[str]:
    """The parts of a full name in lower case.

    Raises:
        ApiError: Another number of parts than expected.
    """
    parts = [part.lower() for part in split_name(full_name)]
    if len(parts) != count:
        raise invalid(f"'{full_name}' is not a valid name: expected {count} parts, found {len(parts)}")
    return parts


def _already(kind: str, name: str) -> ApiError:
    # The service answers 400 here, not 409.
    return ApiError(400, f"{kind.upper()}_ALREADY_EXISTS", f"{kind.capitalize()} '{name}' already exists")


class UnityCatalog:
    """Catalogs, schemas, tables and volumes.

    Args:
        database: Where tables live.
        files: Directory of the volumes' files.
        identity: Owner and metastore of new objects.
        clock: Gives the times.
    """

    def __init__(self, database: Database, files: Path, identity: Identity, clock: Clock) -> None:
        self.database = database
        # One lock for catalog and rows: a change of either may need the other.
        self.lock = database.writing
        self.catalogs: dict[str, Json] = {}
        self.schemas: dict[str, Json] = {}
        self.tables: dict[str, Json] = {}
        self.volumes: dict[str, Json] = {}
        self.tags = Tags()
        self._files = files
        self._identity = identity
        self._clock = clock

    def _new(self, kind: str, full_name: str, given: Json) -> Json:
        now = self._clock.millis()
        user = self._identity.user
        return {
            "name": full_name.rsplit(".", 1)[-1],
            "full_name": full_name,
            "owner": user,
            "metastore_id": self._identity.metastore_id,
            "created_at": now,
            "created_by": user,
            "updated_at": now,
            "updated_by": user,
            "securable_type": kind.upper(),
            **{key: given[key] for key in ("comment", "properties") if given.get(key)},
        }

    def touch(self, info: Json, **changes: Any) -> Json:
        """Change an object and its ``updated_at``."""
        info.update(changes, updated_at=self._clock.millis(), updated_by=self._identity.user)
        return info

    # Catalogs

    def catalog(self, name: str) -> Json:
        """A catalog by name."""
        info = self.catalogs.get(name.lower())
        if info is None:
            raise absent(f"Catalog '{name}' does not exist.", "CATALOG_DOES_NOT_EXIST")
        return info

    def create_catalog(self, name: Any, given: Json) -> Json:
        """Create a catalog with its ``default`` schema."""
        catalog = checked_name(name)
        with self.lock:
            if catalog in self.catalogs:
                raise _already("catalog", catalog)
            self.database.change(f"ATTACH ':memory:' AS {attached(catalog)}")
            kinds = {"catalog_type": "MANAGED_CATALOG", "securable_kind": "CATALOG_STANDARD", "isolation_mode": "OPEN"}
            self.catalogs[catalog] = {**self._new("catalog", catalog, given), **kinds, "browse_only": False}
            self.create_schema(catalog, "default", {})
            return self.catalogs[catalog]

    def drop_catalog(self, name: str, *, force: bool) -> None:
        """Delete a catalog, with what is in it only by force."""
        with self.lock:
            catalog = self.catalog(name)["name"]
            inside = [key for key in self.schemas if key.startswith(f"{catalog}.")]
            empty = all(key == f"{catalog}.default" and not self.inside_schema(key) for key in inside)
            if not force and not empty:
                raise ApiError(
                    400, "INVALID_STATE", f"Catalog '{catalog}' is not empty. The catalog has {len(inside)} schema(s)"
                )
            for key in inside:
                self.drop_schema(key, force=True)
            self.database.change(f"DETACH {attached(catalog)}")
            del self.catalogs[catalog]

    # Schemas

    def schema(self, full_name: str) -> Json:
        """A schema by its two-part name."""
        catalog, schema = parts_of(full_name, 2)
        self.catalog(catalog)
        info = self.schemas.get(f"{catalog}.{schema}")
        if info is None:
            raise absent(f"Schema '{catalog}.{schema}' does not exist.", "SCHEMA_DOES_NOT_EXIST")
        return info

    def create_schema(self, catalog_name: Any, name: Any, given: Json) -> Json:
        """Create a schema in a catalog."""
        schema = checked_name(name)
        with self.lock:
            catalog = self.catalog(str(catalog_name))["name"]
            full_name = f"{catalog}.{schema}"
            if full_name in self.schemas:
                raise _already("schema", full_name)
            # DuckDB gives every database a schema called main.
            self.database.change(f"CREATE SCHEMA IF NOT EXISTS {attached(catalog)}.{quoted(schema)}")
            info = {**self._new("schema", full_name, given), "catalog_name": catalog, "catalog_type": "MANAGED_CATALOG"}
            self.schemas[full_name] = {**info, "schema_id": stable_id("schema", full_name, str(info["created_at"]))}
            return self.schemas[full_name]

    def inside_schema(self, full_name: str) -> list[str]:
        """Full names of a schema's tables and volumes."""
        return [key for held in (self.tables, self.volumes) for key in held if key.startswith(f"{full_name}.")]

    def drop_schema(self, full_name: str, *, force: bool) -> None:
        """Delete a schema, with what is in it only by force."""
        with self.lock:
            info = self.schema(full_name)
            key = info["full_name"]
            tables = [name for name in self.tables if name.startswith(f"{key}.")]
            volumes = [name for name in self.volumes if name.startswith(f"{key}.")]
            if (tables or volumes) and not force:
                counts = f"The schema has {len(tables)} tables(s), 0 functions(s), {len(volumes)} volumes(s)"
                raise ApiError(400, "INVALID_STATE", f"Schema '{key}' is not empty. {counts}")
            for name in sorted(tables, key=lambda name: self.tables[name]["table_type"] != "VIEW"):
                self.drop_table(name)
            for name in volumes:
                self.drop_volume(name)
            if info["name"] != "main":
                self.database.change(f"DROP SCHEMA {attached(info['catalog_name'])}.{quoted(info['name'])}")
            del self.schemas[key]

    # Tables

    def table(self, full_name: str) -> Json:
        """A table or view by its three-part name."""
        catalog, schema, table = parts_of(full_name, 3)
        self.schema(f"{quote_part(catalog)}.{quote_part(schema)}")
        info = self.tables.get(f"{catalog}.{schema}.{table}")
        if info is None:
            raise absent(f"Table '{catalog}.{schema}.{table}' does not exist.", "TABLE_DOES_NOT_EXIST")
        return info

    def register_table(self, name: TableName, given: Json) -> Json:
        """Record a table that now exists in DuckDB, in the place of one of that name.

        Args:
            name: The table.
            given: ``table_type``, ``comment``, ``properties``, ``view_definition``, and ``comments`` by column.
        """
        with self.lock:
            info = self._new("table", name.full, given)
            comments: dict[str, str] = given.get("comments", {})
            kind = given.get("table_type", "MANAGED")
            info.update(
                catalog_name=name.catalog,
                schema_name=name.schema,
                table_type=kind,
                table_id=stable_id("table", name.full, str(time.time_ns())),
                columns=self._columns(name, comments),
            )
            if kind == "VIEW":
                info["view_definition"] = given.get("view_definition", "")
            else:
                info["data_source_format"] = "DELTA"
                info["storage_location"] = f"s3://local-workspace/{info['table_id']}"
            self.tables[name.full] = info
            return info

    def refresh_columns(self, info: Json, comments: dict[str, str] | None = None) -> None:
        """Read a table's columns anew after it was altered; comments of columns that stay are kept."""
        kept = {column["name"]: column["comment"] for column in info["columns"] if "comment" in column}
        name = TableName(info["catalog_name"], info["schema_name"], info["name"])
        self.touch(info, columns=self._columns(name, {**kept, **(comments or {})}))

    def _columns(self, name: TableName, comments: dict[str, str]) -> list[Json]:
        return [
            catalog_column(column, position, duck, nullable=nullable, comment=comments.get(column))
            for position, (column, duck, nullable) in enumerate(
                self.database.columns(name.catalog, name.schema, name.name)
            )
        ]

    def create_table(self, given: Json) -> Json:
        """Create an empty table from the columns of a REST request."""
        name = TableName(
            str(given.get("catalog_name")).lower(),
            str(given.get("schema_name")).lower(),
            checked_name(given.get("name")),
        )
        with self.lock:
            self.schema(f"{quote_part(name.catalog)}.{quote_part(name.schema)}")
            if name.full in self.tables:
                raise _already("table", name.full)
            kind = given.get("table_type", "MANAGED")
            if kind not in ("MANAGED", "EXTERNAL"):
                raise invalid(f"table_type {kind} cannot be created here; expected MANAGED or EXTERNAL")
            columns: list[Json] = given.get("columns") or []
            self.database.change(
                f"CREATE TABLE {address(name.catalog, name.schema, name.name)} ({_column_ddl(columns)})"
            )
            comments = {column["name"]: column["comment"] for column in columns if column.get("comment")}
            info = self.register_table(name, {**given, "table_type": kind, "comments": comments})
            if given.get("storage_location"):
                info["storage_location"] = given["storage_location"]
            return info

    def drop_table(self, full_name: str) -> None:
        """Delete a table or view."""
        with self.lock:
            info = self.table(full_name)
            kind = "VIEW" if info["table_type"] == "VIEW" else "TABLE"
            where = address(info["catalog_name"], info["schema_name"], info["name"])
            self.database.change(f"DROP {kind} IF EXISTS {where}")
            del self.tables[info["full_name"]]

    def rename_table(self, old: TableName, new: TableName) -> None:
        """Give a table, already renamed in DuckDB, its new name."""
        with self.lock:
            info = self.tables.pop(old.full)
            self.tables[new.full] = self.touch(info, name=new.name, full_name=new.full)

    # Volumes

    def volume(self, full_name: str) -> Json:
        """A volume by its three-part name."""
        catalog, schema, volume = parts_of(full_name, 3)
        info = self.volumes.get(f"{catalog}.{schema}.{volume}")
        if info is None:
            raise absent(f"Volume '{catalog}.{schema}.{volume}' does not exist.")
        return info

    def create_volume(self, catalog_name: Any, schema_name: Any, name: Any, given: Json) -> Json:
        """Create a volume and its directory."""
        volume = checked_name(name)
        with self.lock:
            parent = self.schema(f"{quote_part(str(catalog_name))}.{quote_part(str(schema_name))}")["full_name"]
            full_name = f"{parent}.{volume}"
            if full_name in self.volumes:
                raise exists(f"Volume '{full_name}' already exists")
            info = self._new("volume", full_name, given)
            catalog, schema = parent.split(".")
            info.update(
                catalog_name=catalog,
                schema_name=schema,
                volume_type=given.get("volume_type", "MANAGED"),
                volume_id=stable_id("volume", full_name, str(info["created_at"])),
            )
            info["storage_location"] = given.get("storage_location") or f"s3://local-workspace/{info['volume_id']}"
            self.volume_path(full_name).mkdir(parents=True, exist_ok=True)
            self.volumes[full_name] = info
            return info

    def drop_volume(self, full_name: str) -> None:
        """Delete a volume with its files."""
        with self.lock:
            key = self.volume(full_name)["full_name"]
            shutil.rmtree(self.volume_path(key), ignore_errors=True)
            del self.volumes[key]

    def rename_volume(self, info: Json, name: Any) -> None:
        """Give a volume a new name and move its files."""
        with self.lock:
            old = info["full_name"]
            new = f"{old.rsplit('.', 1)[0]}.{checked_name(name)}"
            if new in self.volumes:
                raise exists(f"Volume '{new}' already exists")
            self.volume_path(old).rename(self.volume_path(new))
            self.volumes[new] = self.touch(self.volumes.pop(old), name=new.rsplit(".", 1)[1], full_name=new)

    def volume_path(self, full_name: str) -> Path:
        """The directory of a volume's files."""
        return self._files.joinpath(*full_name.split("."))


def quote_part(name: str) -> str:
    """A part of a dotted name, in backticks where it needs them."""
    return f"`{name}`" if "." in name else name


def _column_ddl(columns: list[Json]) -> str:
    if not columns:
        raise invalid("A table needs at least one column")
    return ", ".join(
        f"{quoted(str(column['name']))} {_type_of(column)}{'' if column.get('nullable', True) else ' NOT NULL'}"
        for column in columns
    )


_BY_TYPE_NAME = {"LONG": "BIGINT", "SHORT": "SMALLINT", "BYTE": "TINYINT"}


def _type_of(column: Json) -> str:
    text = column.get("type_text") or json.loads(column.get("type_json") or "{}").get("type")
    if not isinstance(text, str):
        name = str(column.get("type_name", ""))
        text = _BY_TYPE_NAME.get(name, name)
    try:
        return duck_type(text)
    except sqlglot.errors.SqlglotError as error:
        raise invalid(f"Column '{column.get('name')}' has the invalid type {text!r}") from error
