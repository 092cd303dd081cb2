"""Grants over HTTP: permissions, effective permissions, and their newer lists with pages."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from genops.testing.workspace.http.wire import Call, Json, Routes, invalid
from genops.testing.workspace.unity.rest import BASE, as_caller

if TYPE_CHECKING:
    from genops.testing.workspace.unity.catalog import UnityCatalog
    from genops.testing.workspace.unity.pages import Pages

_LEAST = 150
"""The smallest page that may be wanted, so that one principal's privileges fit on it."""


class PermissionService:
    """The REST side of grants.

    Args:
        catalog: Holds them.
        pages: How lists are cut.
    """

    def __init__(self, catalog: UnityCatalog, pages: Pages) -> None:
        self._catalog = catalog
        self._grants = catalog.grants
        self._pages = pages

    def routes(self) -> Routes:
        """Reads and the one change."""
        where = "{type}/{name}"
        return as_caller(
            {
                f"GET {BASE}/permissions/{where}": lambda call: self._list(call, self._direct(call)),
                f"GET {BASE}/effective-permissions/{where}": lambda call: self._list(call, self._effective(call)),
                f"GET {BASE}/privilege-assignments/{where}": lambda call: self._paged(
                    "privilege_assignments", call, self._direct(call)
                ),
                f"GET {BASE}/effective-privilege-assignments/{where}": lambda call: self._paged(
                    "effective_privilege_assignments", call, self._effective(call)
                ),
                f"PATCH {BASE}/permissions/{where}": self._update,
            }
        )

    def _place(self, call: Call) -> tuple[str, str]:
        place, _ = self._grants.place(call.args["type"], call.args["name"])
        if not self._own(call):
            self._grants.need(call.user, "MANAGE", *place)
        return place

    def _own(self, call: Call) -> bool:
        """Everybody may ask for privileges of their own."""
        return bool(call.user) and call.text("principal") == call.user

    def _direct(self, call: Call) -> list[Json]:
        place = self._place(call)
        held = self._grants.on(*place)
        return [{"principal": name, "privileges": privileges} for name, privileges in held.items()]

    def _effective(self, call: Call) -> list[Json]:
        place = self._place(call)
        asked = call.text("principal")
        found = {asked: self._grants.effective_for(asked, *place)} if asked else self._grants.effective(*place)
        return [
            {"principal": name, "privileges": [_effective(*item) for item in granted]}
            for name, granted in found.items()
            if granted
        ]

    def _list(self, call: Call, items: list[Json]) -> Json:
        return self._cut("privilege_assignments", call, items, "max_results", whole=True)

    def _paged(self, key: str, call: Call, items: list[Json]) -> Json:
        return self._cut(key, call, items, "page_size", whole=False)

    def _cut(self, key: str, call: Call, items: list[Json], by: str, *, whole: bool) -> Json:
        wanted, asked = call.number(by), call.text("principal")
        if wanted is not None and 0 < wanted < _LEAST:
            raise invalid(f"{by} must be 0 or at least {_LEAST}, not {wanted}")
        kept = [item for item in items if asked in ("", item["principal"])]
        return self._pages.of(key, kept, call, by=by, whole=whole)

    def _update(self, call: Call) -> Json:
        (kind, name), _ = self._grants.place(call.args["type"], call.args["name"])
        with self._catalog.lock:
            changes = [
                (_principal(change), _words(change, "add"), _words(change, "remove"))
                for change in call.objects("changes")
            ]
            self._grants.change(call.user, kind, name, [change for change in changes if change[1] or change[2]])
        if call.json.get("omit_permissions_in_response"):
            return {}
        held = self._grants.on(kind, name)
        return {"privilege_assignments": [{"principal": who, "privileges": what} for who, what in held.items()]}


def _effective(privilege: str, inherited: tuple[str, str] | None) -> Json:
    if inherited is None:
        return {"privilege": privilege}
    kind, name = inherited
    return {"privilege": privilege, "inherited_from_type": kind.upper(), "inherited_from_name": name}


def _principal(change: Json) -> str:
    name: Any = change.get("principal")
    if not isinstance(name, str) or not name:
        raise invalid("Missing required field: principal")
    return name


def _words(change: Json, field: str) -> list[str]:
    value: Any = change.get(field) or []
    words = cast("list[Any]", value if isinstance(value, list) else [None])
    if not all(isinstance(item, str) for item in words):
        raise invalid(f"{field} must be a list of privileges, not {value!r}")
    return words
