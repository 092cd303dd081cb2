"""Policies that follow tags (ABAC) over HTTP: held, listed and changed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from genops.testing.workspace.http.identity import stable_id
from genops.testing.workspace.http.wire import Call, Json, Routes, absent, exists, invalid, unserved
from genops.testing.workspace.unity.names import checked_name
from genops.testing.workspace.unity.pages import only
from genops.testing.workspace.unity.rest import BASE, as_caller

if TYPE_CHECKING:
    from genops.testing.workspace.unity.catalog import UnityCatalog
    from genops.testing.workspace.unity.grants import Place
    from genops.testing.workspace.unity.pages import Pages

_TYPES = ("POLICY_TYPE_ROW_FILTER", "POLICY_TYPE_COLUMN_MASK")
_KINDS = ("catalog", "schema", "table")
_NEEDED = ("name", "on_securable_type", "on_securable_fullname", "policy_type", "to_principals", "for_securable_type")
_CHANGED = (
    *("to_principals", "except_principals", "for_securable_type", "policy_type", "when_condition", "match_columns"),
    *("row_filter", "column_mask", "comment"),
)


class PolicyService:
    """The REST side of policies.

    Args:
        catalog: What they are on.
        pages: How lists are cut.
    """

    def __init__(self, catalog: UnityCatalog, pages: Pages) -> None:
        self._catalog = catalog
        self._policies = catalog.policies
        self._pages = pages

    def routes(self) -> Routes:
        """Create, read, change and delete."""
        many = f"{BASE}/policies/{{type}}/{{name}}"
        return as_caller(
            {
                f"POST {BASE}/policies": self._create,
                f"GET {many}": self._list,
                f"GET {many}/{{policy}}": lambda call: dict(self._found(call)[1]),
                f"PATCH {many}/{{policy}}": self._update,
                f"DELETE {many}/{{policy}}": self._delete,
            }
        )

    def _place(self, kind: str, name: str, user: str) -> Place:
        if kind.lower() not in _KINDS:
            raise invalid(f"on_securable_type must be CATALOG, SCHEMA or TABLE, not {kind}")
        place = (kind.lower(), str(self._catalog.securable(kind.lower(), name)["full_name"]))
        self._catalog.grants.need(user, "MANAGE", *place)
        return place

    def _found(self, call: Call) -> tuple[Place, Json]:
        place = self._place(call.args["type"], call.args["name"], call.user)
        found = self._policies.held.get(place, {}).get(call.args["policy"].lower())
        if found is None:
            raise absent(f"Policy '{call.args['policy']}' does not exist on {place[0]} '{place[1]}'.")
        return place, found

    def _create(self, call: Call) -> Json:
        given = only(call.json, (*_NEEDED, *_CHANGED), "A policy")
        for field in _NEEDED:
            if not given.get(field):
                raise invalid(f"Missing required field: {field}")
        if given["policy_type"] not in _TYPES:
            raise unserved(f"A policy of the type {given['policy_type']}")
        name = checked_name(given["name"])
        place = self._place(str(given["on_securable_type"]), str(given["on_securable_fullname"]), call.user)
        with self._catalog.lock:
            held = self._policies.held.setdefault(place, {})
            if name in held:
                raise exists(f"Policy '{name}' already exists on {place[0]} '{place[1]}'")
            stamps = self._catalog.new("policy", name, {})
            shown = {key: stamps[key] for key in ("created_at", "created_by", "updated_at", "updated_by")}
            where = {"name": name, "on_securable_type": place[0].upper(), "on_securable_fullname": place[1]}
            held[name] = {**given, **where, **shown, "id": stable_id("policy", *place, name)}
            self._catalog.note("create_policy", *place)
            return dict(held[name])

    def _list(self, call: Call) -> Json:
        place = self._place(call.args["type"], call.args["name"], call.user)
        places = [place]
        if call.flag("include_inherited"):
            parts = place[1].split(".")
            places = [(kind, ".".join(parts[:depth])) for depth, kind in enumerate(_KINDS[: len(parts)], 1)]
        found = [policy for where in places for _, policy in sorted(self._policies.held.get(where, {}).items())]
        return self._pages.of("policies", found, call)

    def _update(self, call: Call) -> Json:
        with self._catalog.lock:
            place, policy = self._found(call)
            given = only(call.json, (*_NEEDED, *_CHANGED), "A change of a policy")
            mask = [field for field in call.text("update_mask").split(",") if field not in ("", "*")]
            change = {field: given[field] for field in _CHANGED if field in given and (not mask or field in mask)}
            if change.get("policy_type", _TYPES[0]) not in _TYPES:
                raise unserved(f"A policy of the type {change['policy_type']}")
            self._catalog.touch(policy, **change)
            self._catalog.note("update_policy", *place)
            return dict(policy)

    def _delete(self, call: Call) -> Json:
        with self._catalog.lock:
            place, policy = self._found(call)
            del self._policies.held[place][policy["name"]]
            self._catalog.note("delete_policy", *place)
        return {}
