"""Unity Catalog: catalogs, schemas, tables and volumes, kept in step with DuckDB and the files on disk."""

from __future__ import annotations

import shutil
import time
from typing import TYPE_CHECKING, Any

from genops.testing.workspace.http.identity import Identity, stable_id
from genops.testing.workspace.http.wire import ApiError, Json, invalid, unserved
from genops.testing.workspace.persistence import DataDirectoryError
from genops.testing.workspace.sql.database import Database, address, address_of, attached
from genops.testing.workspace.sql.failures import SqlError
from genops.testing.workspace.sql.tables import TableName
from genops.testing.workspace.sql.values import catalog_column, default_of, quoted
from genops.testing.workspace.sql.versions import Versions
from genops.testing.workspace.sql.virtual import VirtualTables
from genops.testing.workspace.unity.columns import column_ddl
from genops.testing.workspace.unity.functions import Functions
from genops.testing.workspace.unity.metastore import Metastore
from genops.testing.workspace.unity.models import Models
from genops.testing.workspace.unity.names import checked_name, quote_part
from genops.testing.workspace.unity.staging import Staging

if TYPE_CHECKING:
    from pathlib import Path

    from genops.testing.workspace.clock import Clock
    from genops.testing.workspace.journal import Journal

__all__ = ["UnityCatalog", "quote_part"]


class UnityCatalog(Metastore):
    """The objects of a metastore, those that hold data in step with where the data is.

    Args:
        database: Where tables live.
        files: Directory of the volumes' files.
        identity: Owner and metastore of new objects.
        clock: Gives the times.
        journal: Is told of every change.
    """

    def __init__(self, database: Database, files: Path, identity: Identity, clock: Clock, journal: Journal) -> None:
        super().__init__(identity, clock, journal)
        self.database = database
        # One lock for catalog and rows: a change of either may need the other.
        self.lock = database.writing
        self.catalogs, self.schemas = self.held["catalog"], self.held["schema"]
        self.tables, self.volumes = self.held["table"], self.held["volume"]
        self.functions = Functions(self)
        self.models = Models(self)
        self.virtual = VirtualTables()
        self.versions = Versions(database, clock)
        self.staging = Staging(self, identity.host, clock)
        self._files = files

    # Between two starts

    def state(self) -> Json:
        """What lasts besides the rows and the files."""
        return {**super().state(), "models": self.models.state(), "loaded": self.versions.state()}

    def restore(self, state: Json) -> None:
        """Take over what :meth:`state` gave, and open the catalogs' files."""
        super().restore(state)
        self.models.restore(state["models"])
        self.versions.restore(state["loaded"])
        for name in self.catalogs:
            try:
                self.database.attach(name)
            except SqlError as error:
                raise DataDirectoryError(f"the file of the catalog {name} cannot be opened: {error.message}") from error

    # Catalogs

    def catalog(self, name: str) -> Json:
        """A catalog by name."""
        return self.securable("catalog", quote_part(name))

    def create_catalog(self, name: Any, given: Json) -> Json:
        """Create a catalog with its ``default`` schema."""
        catalog = checked_name(name)
        with self.lock:
            self.free("catalog", catalog)
            self.database.attach(catalog)
            kinds = {"catalog_type": "MANAGED_CATALOG", "securable_kind": "CATALOG_STANDARD", "isolation_mode": "OPEN"}
            placed = {key: given[key] for key in ("storage_root", "options") if given.get(key)}
            info = {**self.new("catalog", catalog, given), **kinds, **placed, "browse_only": False}
            self.add("catalog", info)
            self.create_schema(catalog, "default", {})
            return info

    def drop_catalog(self, name: str, *, force: bool) -> None:
        """Delete a catalog, with what is in it only by force."""
        with self.lock:
            catalog = self.catalog(name)["name"]
            inside = self.inside("schema", catalog)
            empty = all(key == f"{catalog}.default" and not self.inside_schema(key) for key in inside)
            if not force and not empty:
                raise ApiError(
                    400, "INVALID_STATE", f"Catalog '{catalog}' is not empty. The catalog has {len(inside)} schema(s)"
                )
            for key in inside:
                self.drop_schema(key, force=True)
            self.database.detach(catalog)
            self.remove("catalog", catalog)

    def rename_catalog(self, info: Json, name: Any) -> None:
        """Give a catalog without tables and functions a new name."""
        with self.lock:
            old, new = info["name"], self.free("catalog", checked_name(name))
            self._movable("catalog", old)
            self.database.attach(new)
            for key in self.inside("schema", old):
                self._rename_schema(key, f"{new}.{key.split('.')[1]}")
            self.database.detach(old)
            self.move("catalog", old, new)

    # Schemas

    def schema(self, full_name: str) -> Json:
        """A schema by its two-part name."""
        return self.securable("schema", full_name)

    def create_schema(self, catalog_name: Any, name: Any, given: Json) -> Json:
        """Create a schema in a catalog."""
        schema = checked_name(name)
        with self.lock:
            catalog = self.catalog(str(catalog_name))["name"]
            full_name = self.free("schema", f"{catalog}.{schema}")
            # DuckDB gives every database a schema called main.
            self.database.change(f"CREATE SCHEMA IF NOT EXISTS {attached(catalog)}.{quoted(schema)}")
            info = {**self.new("schema", full_name, given), "catalog_type": "MANAGED_CATALOG"}
            if given.get("storage_root"):
                info["storage_root"] = given["storage_root"]
            return self.add("schema", {**info, "schema_id": stable_id("schema", full_name, str(time.time_ns()))})

    def inside_schema(self, full_name: str) -> list[str]:
        """Full names of what a schema holds: tables, functions, volumes and models."""
        return [key for kind in ("table", "function", "volume", "model") for key in self.inside(kind, full_name)]

    def drop_schema(self, full_name: str, *, force: bool) -> None:
        """Delete a schema, with what is in it only by force."""
        with self.lock:
            info = self.schema(full_name)
            key = info["full_name"]
            inside = {kind: self.inside(kind, key) for kind in ("table", "function", "volume", "model")}
            if any(inside.values()) and not force:
                counts = ", ".join(f"{len(names)} {kind}s(s)" for kind, names in inside.items() if kind != "model")
                raise ApiError(400, "INVALID_STATE", f"Schema '{key}' is not empty. The schema has {counts}")
            for name in sorted(inside["table"], key=lambda name: self.tables[name]["table_type"] != "VIEW"):
                self.drop_table(name)
            for name in inside["function"]:
                self.functions.drop(name)
            for name in inside["volume"]:
                self.drop_volume(name)
            for name in inside["model"]:
                self.models.drop(name, force=True)
            self._forget_schema(key)
            self.remove("schema", key)

    def rename_schema(self, info: Json, name: Any) -> None:
        """Give a schema without tables and functions a new name."""
        with self.lock:
            old = info["full_name"]
            new = self.free("schema", f"{info['catalog_name']}.{checked_name(name)}")
            self._movable("schema", old)
            self._rename_schema(old, new)

    def _rename_schema(self, old: str, new: str) -> None:
        catalog, schema = new.split(".")
        self.database.change(f"CREATE SCHEMA IF NOT EXISTS {attached(catalog)}.{quoted(schema)}")
        for name in self.inside("volume", old):
            self._move_volume(name, f"{new}.{name.rsplit('.', 1)[1]}")
        for name in self.inside("model", old):
            self.models.move(name, f"{new}.{name.rsplit('.', 1)[1]}")
        self._forget_schema(old)
        self.move("schema", old, new)

    def _forget_schema(self, full_name: str) -> None:
        catalog, schema = full_name.split(".")
        if schema != "main":
            self.database.change(f"DROP SCHEMA {attached(catalog)}.{quoted(schema)} CASCADE")

    def _movable(self, kind: str, full_name: str) -> None:
        # Tables and functions lie in DuckDB under the names of their parents, which it cannot rename.
        if self.inside("table", full_name) or self.inside("function", full_name):
            raise unserved(f"Renaming a {kind} that holds tables or functions")

    # Tables

    def table(self, full_name: str) -> Json:
        """A table or view by its three-part name."""
        return self.securable("table", full_name)

    def register_table(self, name: TableName, given: Json) -> Json:
        """Record a table that now exists in DuckDB, in the place of one of that name.

        Args:
            name: The table.
            given: ``table_type``, ``comment``, ``properties``, ``view_definition``, ``view_dependencies``, and
                ``comments`` and ``defaults`` by column.
        """
        with self.lock:
            info = self.new("table", name.full, given)
            comments: dict[str, str] = given.get("comments", {})
            kind = given.get("table_type", "MANAGED")
            info.update(
                table_type=kind,
                table_id=stable_id("table", name.full, str(time.time_ns())),
                columns=self._columns(name, comments, given.get("defaults", {})),
            )
            if kind == "VIEW":
                info["view_definition"] = given.get("view_definition", "")
                info.update({key: given[key] for key in ("view_dependencies",) if given.get(key)})
            else:
                info["data_source_format"] = "DELTA"
                info["storage_location"] = f"s3://local-workspace/{info['table_id']}"
            return self.add("table", info)

    def refresh_columns(
        self, info: Json, comments: dict[str, str] | None = None, defaults: dict[str, str | None] | None = None
    ) -> None:
        """Read a table's columns anew after it was altered.

        Args:
            info: The table.
            comments: Comments of columns that are new or changed; those of columns that stay are kept.
            defaults: Texts of defaults, likewise.
        """
        kept = {column["name"]: column["comment"] for column in info["columns"] if "comment" in column}
        texts = {**{column["name"]: default_of(column) for column in info["columns"]}, **(defaults or {})}
        name = TableName(info["catalog_name"], info["schema_name"], info["name"])
        self.touch(info, columns=self._columns(name, {**kept, **(comments or {})}, texts))

    def _columns(self, name: TableName, comments: dict[str, str], defaults: dict[str, str | None]) -> list[Json]:
        return [
            catalog_column(
                *(column, position, duck),
                nullable=nullable,
                comment=comments.get(column),
                default=defaults.get(column),
            )
            for position, (column, duck, nullable) in enumerate(
                self.database.columns(name.catalog, name.schema, name.name)
            )
        ]

    def create_table(self, given: Json) -> Json:
        """Create an empty table from the columns of a REST request."""
        with self.lock:
            catalog, schema = self.schema_key(given.get("catalog_name"), given.get("schema_name")).split(".")
            name = TableName(catalog, schema, checked_name(given.get("name")))
            self.free("table", name.full)
            kind = given.get("table_type", "MANAGED")
            if kind not in ("MANAGED", "EXTERNAL"):
                raise invalid(f"table_type {kind} cannot be created here; expected MANAGED or EXTERNAL")
            if given.get("data_source_format", "DELTA") != "DELTA":
                raise unserved(f"A table of the format {given['data_source_format']}")
            columns: list[Json] = given.get("columns") or []
            self.database.change(
                f"CREATE TABLE {address(name.catalog, name.schema, name.name)} ({column_ddl(columns)})"
            )
            comments = {column["name"]: column["comment"] for column in columns if column.get("comment")}
            info = self.register_table(name, {**given, "table_type": kind, "comments": comments})
            if given.get("storage_location"):
                info["storage_location"] = given["storage_location"]
            return info

    def drop_table(self, full_name: str) -> None:
        """Delete a table or view, with its earlier versions."""
        with self.lock:
            info = self.table(full_name)
            kind = "VIEW" if info["table_type"] == "VIEW" else "TABLE"
            where = address_of(info)
            self.database.change(f"DROP {kind} IF EXISTS {where}")
            self.remove("table", info["full_name"])
            self.versions.forget(info)
            for other, key in self.references(info["full_name"]):
                self.touch(other, table_constraints=[one for one in other["table_constraints"] if one is not key])

    def references(self, full_name: str) -> list[tuple[Json, Json]]:
        """The foreign keys that refer to a table, each with the table that has it."""
        return [
            (info, constraint)
            for info in list(self.tables.values())
            for constraint in info.get("table_constraints", ())
            if constraint.get("foreign_key_constraint", {}).get("parent_table", "").lower() == full_name
        ]

    def rename_table(self, old: TableName, new: TableName) -> None:
        """Give a table, already renamed in DuckDB, its new name."""
        with self.lock:
            self.move("table", old.full, new.full)
            for _, constraint in self.references(old.full):
                constraint["foreign_key_constraint"]["parent_table"] = new.full

    # Volumes

    def volume(self, full_name: str) -> Json:
        """A volume by its three-part name."""
        return self.securable("volume", full_name)

    def create_volume(self, catalog_name: Any, schema_name: Any, name: Any, given: Json) -> Json:
        """Create a volume and its directory."""
        volume = checked_name(name)
        with self.lock:
            full_name = self.free("volume", f"{self.schema_key(catalog_name, schema_name)}.{volume}")
            info = self.new("volume", full_name, given)
            info["volume_type"] = given.get("volume_type", "MANAGED")
            info["volume_id"] = stable_id("volume", full_name, str(time.time_ns()))
            info["storage_location"] = given.get("storage_location") or f"s3://local-workspace/{info['volume_id']}"
            self.volume_path(full_name).mkdir(parents=True, exist_ok=True)
            return self.add("volume", info)

    def drop_volume(self, full_name: str) -> None:
        """Delete a volume with its files."""
        with self.lock:
            key = self.volume(full_name)["full_name"]
            shutil.rmtree(self.volume_path(key), ignore_errors=True)
            self.remove("volume", key)

    def rename_volume(self, info: Json, name: Any) -> None:
        """Give a volume a new name and move its files."""
        with self.lock:
            old = info["full_name"]
            new = self.free("volume", f"{old.rsplit('.', 1)[0]}.{checked_name(name)}")
            self._move_volume(old, new)

    def _move_volume(self, old: str, new: str) -> None:
        target = self.volume_path(new)
        target.parent.mkdir(parents=True, exist_ok=True)
        self.volume_path(old).rename(target)
        self.move("volume", old, new)

    def volume_path(self, full_name: str) -> Path:
        """The directory of a volume's files."""
        return self._files.joinpath(*full_name.split("."))

    def volume_name(self, file: Path) -> str:
        """A file below the volumes' directory by the path that SQL has for it."""
        return f"/Volumes/{file.relative_to(self._files).as_posix()}"
