"""Which workspaces may use a catalog, and which schemas of the platform's own are on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from genops.testing.workspace.http.wire import ApiError, Call, Json, Routes, absent, invalid, unserved
from genops.testing.workspace.sql.virtual import SYSTEM
from genops.testing.workspace.unity.rest import BASE, as_caller

if TYPE_CHECKING:
    from collections.abc import Iterable

    from genops.testing.workspace.unity.catalog import UnityCatalog
    from genops.testing.workspace.unity.pages import Pages


class BindingService:
    """The REST side of bindings and system schemas.

    Args:
        catalog: Holds them.
        pages: How lists are cut.
    """

    def __init__(self, catalog: UnityCatalog, pages: Pages) -> None:
        self._catalog = catalog
        self._pages = pages

    def routes(self) -> Routes:
        """Bindings by their old and their new path; the list of system schemas."""
        old, new = f"{BASE}/workspace-bindings/catalogs/{{name}}", f"{BASE}/bindings/{{type}}/{{name}}"
        return as_caller(
            {
                f"GET {old}": lambda call: {"workspaces": self._bound(self._name(call))},
                f"PATCH {old}": self._update_old,
                f"GET {new}": self._list,
                f"PATCH {new}": self._update,
                f"GET {BASE}/metastores/{{id}}/systemschemas": self._system_schemas,
            }
        )

    def _name(self, call: Call) -> str:
        if call.args.get("type", "catalog").lower() != "catalog":
            raise unserved(f"Bindings of a {call.args['type']}")
        name = call.args["name"].lower()
        if name not in self._catalog.catalogs:
            raise absent(f"Catalog '{name}' does not exist.", "CATALOG_DOES_NOT_EXIST")
        if not self._catalog.grants.is_admin(call.user):
            self._catalog.grants.need(call.user, "MANAGE", "catalog", name)
        return name

    def _bound(self, name: str) -> list[int]:
        return sorted(self._catalog.bindings.get(name, ()))

    def _list(self, call: Call) -> Json:
        items = [
            {"workspace_id": number, "binding_type": "BINDING_TYPE_READ_WRITE"}
            for number in self._bound(self._name(call))
        ]
        return self._pages.of("bindings", items, call, whole=True)

    def _update_old(self, call: Call) -> Json:
        name = self._name(call)
        lists = (_numbers(call.json.get(field)) for field in ("assign_workspaces", "unassign_workspaces"))
        return {"workspaces": self._change(name, *lists)}

    def _update(self, call: Call) -> Json:
        name = self._name(call)
        for binding in (*call.objects("add"), *call.objects("remove")):
            if binding.get("binding_type", "BINDING_TYPE_READ_WRITE") != "BINDING_TYPE_READ_WRITE":
                raise unserved(f"A binding of the type {binding['binding_type']}")
        added, removed = (_numbers([one.get("workspace_id") for one in call.objects(f)]) for f in ("add", "remove"))
        self._change(name, added, removed)
        return self._list(call)

    def _change(self, name: str, added: Iterable[int], removed: Iterable[int]) -> list[int]:
        if self._catalog.catalogs[name].get("isolation_mode") != "ISOLATED":
            raise ApiError(
                400, "INVALID_STATE", f"Catalog '{name}' is open to all workspaces; set its isolation_mode to ISOLATED"
            )
        self._catalog.bindings[name] = sorted((set(self._bound(name)) | set(added)) - set(removed))
        self._catalog.note("update_bindings", "catalog", name)
        return self._bound(name)

    def _system_schemas(self, call: Call) -> Json:
        self._catalog.securable("metastore", call.args["id"])
        schemas = [{"schema": name, "state": "ENABLE_COMPLETED"} for name in self._catalog.virtual.schemas(SYSTEM)]
        return self._pages.of("schemas", schemas, call, whole=True)


def _numbers(value: Any) -> list[int]:
    items = cast("list[Any]", value if isinstance(value, list) else [])
    for item in items:
        if isinstance(item, bool) or not isinstance(item, int):
            raise invalid(f"A workspace is meant by its number, not by {item!r}")
    return items
