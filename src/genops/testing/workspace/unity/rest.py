"""Unity Catalog over HTTP: catalogs, schemas, tables, volumes and tags."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from genops.testing.workspace.http.paging import listing, page
from genops.testing.workspace.http.wire import ApiError, Call, Json, Routes, absent, invalid, unserved
from genops.testing.workspace.unity.catalog import UnityCatalog, parts_of

if TYPE_CHECKING:
    from collections.abc import Callable

BASE = "/api/2.x/unity-catalog"


class UnityService:
    """The REST side of a catalog.

    Args:
        catalog: The objects.
        page_size: Objects a page where the caller leaves it to the service.
        gaps: Whether an empty page comes after the first of several.
    """

    def __init__(self, catalog: UnityCatalog, page_size: int, *, gaps: bool) -> None:
        self._catalog = catalog
        self._page_size = page_size
        self._gaps = gaps

    def routes(self) -> Routes:
        """Reads and changes of every kind of object."""
        catalog = self._catalog
        kinds: list[tuple[str, str, Callable[[Call], Json], Callable[[str], Json], Callable[[Call], None]]] = [
            ("catalogs", "catalogs", self._create_catalog, catalog.catalog, self._drop_catalog),
            ("schemas", "schemas", self._create_schema, catalog.schema, self._drop_schema),
            ("tables", "tables", lambda call: catalog.create_table(call.json), catalog.table, self._drop_table),
            ("volumes", "volumes", self._create_volume, catalog.volume, self._drop_volume),
        ]
        routes: Routes = {f"GET {BASE}/tables/{{name}}/exists": self._table_exists}
        for kind, path, create, get, drop in kinds:
            routes[f"GET {BASE}/{path}"] = self._lister(kind)
            routes[f"POST {BASE}/{path}"] = create
            routes[f"GET {BASE}/{path}/{{name}}"] = self._getter(get)
            routes[f"PATCH {BASE}/{path}/{{name}}"] = self._updater(kind, get)
            routes[f"DELETE {BASE}/{path}/{{name}}"] = self._dropper(drop)
        tag = f"{BASE}/entity-tag-assignments"
        one = f"{tag}/{{type}}/{{name}}/tags/{{key}}"
        routes.update(
            {
                f"GET {BASE}/table-summaries": self._summaries,
                f"POST {tag}": self._assign_tag,
                f"GET {tag}/{{type}}/{{name}}/tags": self._list_tags,
                f"GET {one}": lambda call: catalog.tags.get(call.args["type"], call.args["name"], call.args["key"]),
                f"PATCH {one}": self._update_tag,
                f"DELETE {one}": self._remove_tag,
            }
        )
        return routes

    # Reading

    def _getter(self, get: Callable[[str], Json]) -> Callable[[Call], Json]:
        return lambda call: dict(get(call.args["name"]))

    def _lister(self, kind: str) -> Callable[[Call], Json]:
        def answer(call: Call) -> Json:
            items = getattr(self, f"_all_{kind}")(call)
            size, rest = self._page_of(items, call)
            shown = [_without(item, call) for item in size]
            return listing(kind, shown, rest)

        return answer

    def _page_of(self, items: list[Json], call: Call) -> tuple[list[Json], str | None]:
        wanted = call.number("max_results")
        token = call.text("page_token")
        if wanted is not None and wanted < 0:
            raise invalid(f"max_results must be 0 or more, not {wanted}")
        if wanted is None and not token:
            # Without max_results the service gives everything at once, as it did before it had pages.
            return items, None
        size = min(wanted or self._page_size, self._page_size)
        return page(items, token, size, gaps=self._gaps)

    def _all_catalogs(self, _: Call) -> list[Json]:
        return [info for _, info in sorted(self._catalog.catalogs.items())]

    def _all_schemas(self, call: Call) -> list[Json]:
        parent = self._catalog.catalog(call.need("catalog_name"))["name"]
        return self._children(self._catalog.schemas, parent)

    def _parent_schema(self, call: Call) -> str:
        catalog, schema = call.need("catalog_name"), call.need("schema_name")
        return str(self._catalog.schema(f"{catalog}.{schema}")["full_name"])

    def _all_tables(self, call: Call) -> list[Json]:
        return self._children(self._catalog.tables, self._parent_schema(call))

    def _all_volumes(self, call: Call) -> list[Json]:
        return self._children(self._catalog.volumes, self._parent_schema(call))

    def _children(self, held: dict[str, Json], parent: str) -> list[Json]:
        return [info for key, info in sorted(held.copy().items()) if key.rsplit(".", 1)[0] == parent]

    def _summaries(self, call: Call) -> Json:
        catalog = self._catalog.catalog(call.need("catalog_name"))["name"]
        schema, table = (_like(call.text(f"{kind}_name_pattern")) for kind in ("schema", "table"))
        items = [
            {"full_name": key, "table_type": info["table_type"], "securable_kind": "TABLE_DELTA"}
            for key, info in sorted(self._catalog.tables.copy().items())
            if info["catalog_name"] == catalog and schema(info["schema_name"]) and table(info["name"])
        ]
        return listing("tables", *self._page_of(items, call))

    def _table_exists(self, call: Call) -> Json:
        try:
            self._catalog.table(call.args["name"])
        except ApiError as error:
            if error.code != "TABLE_DOES_NOT_EXIST":
                raise
            return {"table_exists": False, "supports_foreign_metadata_update": False}
        return {"table_exists": True, "supports_foreign_metadata_update": False}

    # Creating

    def _create_catalog(self, call: Call) -> Json:
        for other in ("connection_name", "share_name", "provider_name"):
            if call.json.get(other):
                raise unserved(f"A catalog with {other}")
        return dict(self._catalog.create_catalog(call.need("name"), call.json))

    def _create_schema(self, call: Call) -> Json:
        return dict(self._catalog.create_schema(call.need("catalog_name"), call.need("name"), call.json))

    def _create_volume(self, call: Call) -> Json:
        catalog, schema, name = (call.need(field) for field in ("catalog_name", "schema_name", "name"))
        if call.need("volume_type") not in ("MANAGED", "EXTERNAL"):
            raise invalid(f"volume_type must be MANAGED or EXTERNAL, not {call.json['volume_type']}")
        return dict(self._catalog.create_volume(catalog, schema, name, call.json))

    # Changing

    def _updater(self, kind: str, get: Callable[[str], Json]) -> Callable[[Call], Json]:
        def answer(call: Call) -> Json:
            with self._catalog.lock:
                info = get(call.args["name"])
                change = call.json
                if change.get("new_name"):
                    self._rename(kind, info, change["new_name"])
                known = {
                    key: change[key] for key in ("comment", "owner", "properties", "isolation_mode") if key in change
                }
                return dict(self._catalog.touch(info, **known))

        return answer

    def _rename(self, kind: str, info: Json, name: Any) -> None:
        if kind != "volumes":
            raise unserved(f"Renaming {kind}")
        self._catalog.rename_volume(info, name)

    def _dropper(self, drop: Callable[[Call], None]) -> Callable[[Call], None]:
        def answer(call: Call) -> None:
            drop(call)

        return answer

    def _drop_catalog(self, call: Call) -> None:
        self._catalog.drop_catalog(call.args["name"], force=call.flag("force"))

    def _drop_schema(self, call: Call) -> None:
        self._catalog.drop_schema(call.args["name"], force=call.flag("force"))

    def _drop_table(self, call: Call) -> None:
        self._catalog.drop_table(call.args["name"])

    def _drop_volume(self, call: Call) -> None:
        self._catalog.drop_volume(call.args["name"])

    # Tags

    def _assign_tag(self, call: Call) -> Json:
        kind, name = call.need("entity_type"), call.need("entity_name")
        self._entity(kind, name)
        return self._catalog.tags.assign(kind, name, call.need("tag_key"), call.json.get("tag_value") or "", new=True)

    def _entity(self, kind: str, name: str) -> None:
        find = {
            "catalogs": self._catalog.catalog,
            "schemas": self._catalog.schema,
            "tables": self._catalog.table,
            "volumes": self._catalog.volume,
            "columns": self._column,
        }.get(kind)
        if find is None:
            raise invalid(f"entity_type must be catalogs, schemas, tables, columns or volumes, not {kind}")
        find(name)

    def _column(self, full_name: str) -> Json:
        catalog, schema, table, column = parts_of(full_name, 4)
        found = self._catalog.table(f"{catalog}.{schema}.{table}")["columns"]
        for candidate in found:
            if candidate["name"].lower() == column:
                return candidate
        raise absent(f"Column '{full_name}' does not exist.")

    def _list_tags(self, call: Call) -> Json:
        self._entity(call.args["type"], call.args["name"])
        items = self._catalog.tags.list(call.args["type"], call.args["name"])
        return listing("tag_assignments", *self._page_of(items, call))

    def _update_tag(self, call: Call) -> Json:
        where = (call.args["type"], call.args["name"], call.args["key"])
        self._catalog.tags.get(*where)
        return self._catalog.tags.assign(*where, call.json.get("tag_value") or "")

    def _remove_tag(self, call: Call) -> None:
        self._catalog.tags.remove(call.args["type"], call.args["name"], call.args["key"])


def _without(item: Json, call: Call) -> Json:
    """An item of a list without what the caller does not want."""
    omitted = [field for field in ("columns", "properties") if call.flag(f"omit_{field}")]
    return {key: value for key, value in item.items() if key not in omitted}


def _like(pattern: str) -> Callable[[str], bool]:
    """A matcher of SQL LIKE; an empty pattern matches everything."""
    text = "".join({"%": ".*", "_": "."}.get(letter, re.escape(letter)) for letter in pattern)
    compiled = re.compile(text or ".*", re.IGNORECASE)
    return lambda name: compiled.fullmatch(name) is not None
