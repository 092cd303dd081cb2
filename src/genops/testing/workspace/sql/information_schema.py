"""``information_schema``: what the catalog holds, as tables in every catalog, and of all catalogs in ``system``.

Columns are those of Databricks' documentation. Rows are limited to what the user who asks may see. Column masks,
row filters and check constraints are tables without rows: the first two cannot be made here, and of the third the
documentation says that it is reserved.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

from genops.testing.workspace.sql.commands.constraints import keys_of, primary_columns
from genops.testing.workspace.sql.commands.types import standard_facts
from genops.testing.workspace.sql.information_columns import COLUMNS, GRANTED, TAGGED, TYPES
from genops.testing.workspace.sql.values import default_of
from genops.testing.workspace.sql.virtual import OWNER, SYSTEM, Viewer, VirtualTable, born
from genops.testing.workspace.unity.privileges import shown

if TYPE_CHECKING:
    from genops.testing.workspace.http.identity import Identity
    from genops.testing.workspace.http.wire import Json
    from genops.testing.workspace.unity.catalog import UnityCatalog

SCHEMA = "information_schema"
Facts = Iterable["dict[str, Any]"]
_VIEWS = ("VIEW", "MATERIALIZED_VIEW")


class InformationSchema:
    """Gives the rows.

    Args:
        catalog: What they tell of.
        identity: The metastore.
        born: When it came to be, in milliseconds since the epoch.
    """

    def __init__(self, catalog: UnityCatalog, identity: Identity, born: int) -> None:
        self._catalog = catalog
        self._identity = identity
        self._born = born

    def readers(self) -> dict[str, Callable[[Viewer], Facts]]:
        """What gives the rows of each table; a table without one has no rows."""
        return {
            "catalogs": self._catalogs,
            "schemata": self._schemata,
            "tables": self._tables,
            "views": self._views,
            "columns": self._columns,
            "volumes": self._volumes,
            "routines": self._routines,
            "parameters": self._parameters,
            "table_constraints": self._constraints,
            "key_column_usage": self._key_columns,
            "referential_constraints": self._references,
            "constraint_table_usage": self._constraints,
            "constraint_column_usage": self._constraint_columns,
            "metastores": self._metastores,
            "metastore_privileges": self._on_metastore,
            "information_schema_catalog_name": lambda viewer: [{"catalog_name": viewer.catalog}],
            **{f"{entity}_tags": self._tagged(f"{entity}s", columns) for entity, columns in TAGGED.items()},
            **{f"{kind}_privileges": self._granted(kind, columns) for kind, columns in GRANTED.items()},
        }

    # What there is

    def _seen(self, kind: str, viewer: Viewer) -> list[Json]:
        """Objects of a kind in the catalog that is asked, or in all of them, as far as the user may see them."""
        held = sorted(self._catalog.held[kind].copy().items())
        inside = viewer.catalog in ("", SYSTEM)
        return [
            info
            for name, info in held
            if (inside or name.split(".")[0] == viewer.catalog) and self._catalog.grants.sees(viewer.user, kind, name)
        ]

    def _relations(self, viewer: Viewer) -> list[Json]:
        """Tables and views, the computed ones included."""
        virtual = self._catalog.virtual
        computed = [
            table.info(catalog, schema, name)
            for catalog, schema in self._computed(viewer)
            for name, table in virtual.tables(catalog, schema).items()
        ]
        return [*self._seen("table", viewer), *computed]

    def _computed(self, viewer: Viewer) -> list[tuple[str, str]]:
        """Catalog and schema of what is computed."""
        own: set[str] = {SYSTEM} if viewer.catalog == SYSTEM else set()
        names = sorted({info["name"] for info in self._seen("catalog", viewer)} | own)
        return [(catalog, schema) for catalog in names for schema in self._catalog.virtual.schemas(catalog)]

    def _catalogs(self, viewer: Viewer) -> Facts:
        for info in self._seen("catalog", viewer):
            yield {"catalog_name": info["name"], "catalog_owner": info["owner"], **_life(info)}

    def _schemata(self, viewer: Viewer) -> Facts:
        for info in self._seen("schema", viewer):
            name = {"catalog_name": info["catalog_name"], "schema_name": info["name"]}
            yield {**name, "schema_owner": info["owner"], **_life(info)}
        for catalog, schema in self._computed(viewer):
            facts = {"schema_owner": OWNER, **_life(born(OWNER))}
            yield {"catalog_name": catalog, "schema_name": schema, **facts}

    def _tables(self, viewer: Viewer) -> Facts:
        for info in self._relations(viewer):
            is_view = info["table_type"] in _VIEWS
            yield {
                **_table(info),
                "table_type": info["table_type"],
                "is_insertable_into": "NO" if is_view else "YES",
                "commit_action": "PRESERVE",
                "table_owner": info["owner"],
                **_life(info),
                "data_source_format": info.get("data_source_format", "UNKNOWN_DATA_SOURCE_FORMAT"),
                "storage_path": info.get("storage_location"),
            }

    def _views(self, viewer: Viewer) -> Facts:
        for info in self._relations(viewer):
            if info["table_type"] in _VIEWS:
                yield {
                    **_table(info),
                    "view_definition": info.get("view_definition"),
                    "check_option": "NONE",
                    "is_updatable": "NO",
                    "is_insertable_into": "NO",
                    "is_materialized": str(info["table_type"] == "MATERIALIZED_VIEW").lower(),
                }

    def _columns(self, viewer: Viewer) -> Facts:
        for info in self._relations(viewer):
            for column in info["columns"]:
                yield {
                    **_table(info),
                    "column_name": column["name"],
                    "ordinal_position": column["position"] + 1,
                    "column_default": default_of(column),
                    "is_nullable": "YES" if column.get("nullable", True) else "NO",
                    **standard_facts(column["type_text"]),
                    "is_identity": "NO",
                    "is_generated": "NEVER",
                    "is_system_time_period_start": "NO",
                    "is_system_time_period_end": "NO",
                    "is_updatable": "NO" if info["table_type"] in _VIEWS else "YES",
                    "partition_index": column.get("partition_index"),
                    "comment": column.get("comment"),
                }

    def _volumes(self, viewer: Viewer) -> Facts:
        for info in self._seen("volume", viewer):
            yield {
                "volume_catalog": info["catalog_name"],
                "volume_schema": info["schema_name"],
                "volume_name": info["name"],
                "volume_type": info["volume_type"],
                "volume_owner": info["owner"],
                **_life(info),
                "storage_location": info["storage_location"],
            }

    # Functions

    def _routines(self, viewer: Viewer) -> Facts:
        for info in self._seen("function", viewer):
            is_table = info.get("data_type") == "TABLE_TYPE"
            yield {
                **_routine(info),
                "routine_catalog": info["catalog_name"],
                "routine_schema": info["schema_name"],
                "routine_name": info["name"],
                "routine_owner": info["owner"],
                "routine_type": "FUNCTION",
                **({"full_data_type": info["full_data_type"]} if is_table else standard_facts(info["full_data_type"])),
                "data_type": info.get("data_type"),
                "routine_body": info.get("routine_body"),
                "routine_definition": info.get("routine_definition"),
                "parameter_style": info.get("parameter_style"),
                "is_deterministic": "YES" if info.get("is_deterministic", True) else "NO",
                "sql_data_access": info.get("sql_data_access"),
                "is_null_call": "YES",
                "security_type": info.get("security_type"),
                **_life(info),
            }

    def _parameters(self, viewer: Viewer) -> Facts:
        for info in self._seen("function", viewer):
            for parameter in info.get("input_params", {}).get("parameters", ()):
                yield {
                    **_routine(info),
                    "ordinal_position": parameter["position"],
                    "parameter_mode": "IN",
                    "is_result": "NO",
                    "parameter_name": parameter["name"],
                    **standard_facts(parameter["type_text"]),
                    "parameter_default": parameter.get("parameter_default"),
                    "comment": parameter.get("comment"),
                }

    # Constraints

    def _keys(self, viewer: Viewer) -> Iterable[tuple[Json, str, Json, dict[str, Any]]]:
        """Each key with its table, its kind, and the columns that name both."""
        for info in self._seen("table", viewer):
            for kind, key in keys_of(info):
                place = {"constraint_catalog": info["catalog_name"], "constraint_schema": info["schema_name"]}
                yield info, kind, key, {**place, "constraint_name": key["name"], **_table(info)}

    def _constraints(self, viewer: Viewer) -> Facts:
        for _, kind, _, named in self._keys(viewer):
            yield {
                **named,
                "constraint_type": "PRIMARY KEY" if kind.startswith("primary") else "FOREIGN KEY",
                "is_deferrable": "YES",
                "initially_deferred": "NO",
                "enforced": "NO",
            }

    def _key_columns(self, viewer: Viewer) -> Facts:
        for _, kind, key, named in self._keys(viewer):
            parent = self._catalog.tables.get(key.get("parent_table", ""), {"columns": []})
            for position, column in enumerate(key["child_columns"], start=1):
                referred = None
                if kind.startswith("foreign"):
                    referred = primary_columns(parent).index(key["parent_columns"][position - 1]) + 1
                numbers = {"ordinal_position": position, "position_in_unique_constraint": referred}
                yield {**named, "column_name": column, **numbers}

    def _references(self, viewer: Viewer) -> Facts:
        for _, kind, key, named in self._keys(viewer):
            if kind.startswith("foreign"):
                catalog, schema, _ = key["parent_table"].split(".")
                parent = self._catalog.tables.get(key["parent_table"], {})
                primary = next((held["name"] for kind, held in keys_of(parent) if kind.startswith("primary")), None)
                yield {
                    **named,
                    "unique_constraint_catalog": catalog,
                    "unique_constraint_schema": schema,
                    "unique_constraint_name": primary,
                    "match_option": "FULL",
                    "update_rule": "NO ACTION",
                    "delete_rule": "NO ACTION",
                }

    def _constraint_columns(self, viewer: Viewer) -> Facts:
        for _, kind, key, named in self._keys(viewer):
            place = named
            if kind.startswith("foreign"):
                parts = key["parent_table"].split(".")
                place = {**named, **dict(zip(GRANTED["table"].split(), parts, strict=True))}
            for column in key["parent_columns"] if kind.startswith("foreign") else key["child_columns"]:
                yield {**place, "column_name": column}

    # Tags and grants

    def _tagged(self, entity_type: str, columns: str) -> Callable[[Viewer], Facts]:
        names = columns.split()
        kind = {"columns": "table"}.get(entity_type, entity_type.removesuffix("s"))

        def rows(viewer: Viewer) -> Facts:
            seen = {info["full_name"] for info in self._seen(kind, viewer)}
            for tag in self._catalog.tags.all():
                parts = tag["entity_name"].split(".", len(names) - 1)
                if tag["entity_type"] == entity_type and ".".join(parts[: 3 if kind == "table" else None]) in seen:
                    named = dict(zip(names, parts, strict=True))
                    yield {**named, "tag_name": tag["tag_key"], "tag_value": tag.get("tag_value", "")}

        return rows

    def _granted(self, kind: str, columns: str) -> Callable[[Viewer], Facts]:
        names = columns.split()
        held = {"routine": "function"}.get(kind, kind)

        def rows(viewer: Viewer) -> Facts:
            for info in self._seen(held, viewer):
                parts = info["full_name"].split(".")
                # A routine has its name twice: as the specific one and as its own.
                named = dict(zip(names, parts * (len(names) // len(parts)), strict=True))
                for grantee, granted in self._catalog.grants.effective(held, info["full_name"]).items():
                    for privilege, source in granted:
                        inherited = source[0].upper() if source else "NONE"
                        yield {**named, **_grant(grantee, privilege), "inherited_from": inherited}

        return rows

    def _on_metastore(self, viewer: Viewer) -> Facts:
        for metastore in self._metastores(viewer):
            for grantee, granted in self._catalog.grants.on("metastore", "").items():
                for privilege in granted:
                    yield {**_grant(grantee, privilege), "metastore_name": metastore["metastore_name"]}

    def _metastores(self, _: Viewer) -> Facts:
        who = self._identity
        yield {
            "metastore_id": who.metastore_id,
            "metastore_name": who.metastore_name,
            "metastore_owner": who.user,
            "storage_root": "",
            "delta_sharing_scope": "INTERNAL",
            "delta_sharing_organization_name": "",
            "privilege_model_version": "1.0",
            "cloud": who.cloud,
            "region": who.region,
            "global_metastore_id": f"{who.cloud}:{who.region}:{who.metastore_id}",
            "created": self._born / 1000,
            "created_by": who.user,
            "last_altered": self._born / 1000,
            "last_altered_by": who.user,
        }


def _none(_: Viewer) -> Facts:
    return ()


def _life(info: Json) -> dict[str, Any]:
    return {
        "comment": info.get("comment"),
        "created": info["created_at"] / 1000,
        "created_by": info["created_by"],
        "last_altered": info["updated_at"] / 1000,
        "last_altered_by": info["updated_by"],
    }


def _table(info: Json) -> dict[str, Any]:
    return {"table_catalog": info["catalog_name"], "table_schema": info["schema_name"], "table_name": info["name"]}


def _routine(info: Json) -> dict[str, Any]:
    place = {"specific_catalog": info["catalog_name"], "specific_schema": info["schema_name"]}
    return {**place, "specific_name": info["name"]}


def _grant(grantee: str, privilege: str) -> dict[str, Any]:
    return {"grantee": grantee, "privilege_type": shown(privilege), "is_grantable": "NO"}


def install(catalog: UnityCatalog, identity: Identity, born: int) -> None:
    """Let every catalog and ``system`` have an ``information_schema``.

    Args:
        catalog: The catalogs.
        identity: The metastore.
        born: When it came to be, in milliseconds since the epoch.
    """
    readers = InformationSchema(catalog, identity, born).readers()
    for name, columns in COLUMNS.items():
        catalog.virtual.add(SCHEMA, name, _virtual(columns.split(), readers.get(name, _none)))


def _virtual(names: list[str], rows: Callable[[Viewer], Facts]) -> VirtualTable:
    return VirtualTable(
        {name: TYPES.get(name, "STRING") for name in names},
        lambda viewer: ([facts.get(name) for name in names] for facts in rows(viewer)),
    )
