"""Tags over HTTP: assignments to entities, and the policies of governed keys."""

from __future__ import annotations

from typing import TYPE_CHECKING

from genops.testing.workspace.http.wire import Call, Json, Routes, absent, invalid
from genops.testing.workspace.unity.names import checked_name, parts_of
from genops.testing.workspace.unity.pages import only
from genops.testing.workspace.unity.rest import BASE, as_caller
from genops.testing.workspace.unity.tags import ENTITY_TYPES

if TYPE_CHECKING:
    from genops.testing.workspace.unity.catalog import UnityCatalog
    from genops.testing.workspace.unity.pages import Pages

_POLICY_FIELDS = ("tag_key", "description", "values")


class TagService:
    """The REST side of tags.

    Args:
        catalog: Holds the tags and what carries them.
        pages: How lists are cut.
    """

    def __init__(self, catalog: UnityCatalog, pages: Pages) -> None:
        self._catalog = catalog
        self._tags = catalog.tags
        self._pages = pages

    def routes(self) -> Routes:
        """Assignments and policies."""
        tag, policy = f"{BASE}/entity-tag-assignments", "/api/2.x/tag-policies"
        one = f"{tag}/{{type}}/{{name}}/tags/{{key}}"
        return as_caller(
            {
                f"POST {tag}": self._assign,
                f"GET {tag}/{{type}}/{{name}}/tags": self._list,
                f"GET {one}": self._get,
                f"PATCH {one}": self._update,
                f"DELETE {one}": self._remove,
                f"GET {policy}": self._policies,
                f"POST {policy}": self._create_policy,
                f"GET {policy}/{{key}}": lambda call: dict(self._tags.policy(call.args["key"])),
                f"PATCH {policy}/{{key}}": self._update_policy,
                f"DELETE {policy}/{{key}}": self._delete_policy,
            }
        )

    # Assignments

    def _entity(self, kind: str, name: str, call: Call, *, change: bool) -> str:
        """Make sure that an entity is there and that the caller may; give its name as tags know it."""
        securable = ENTITY_TYPES.get(kind)
        if securable is None:
            raise invalid(f"entity_type must be one of {', '.join(ENTITY_TYPES)}, not {kind}")
        found = self._column(name) if kind == "columns" else self._catalog.securable(securable, name)["full_name"]
        of = found.rpartition(".")[0] if kind == "columns" else found
        if change:
            self._catalog.grants.need(call.user, "APPLY_TAG", securable, of)
        else:
            self._catalog.grants.need_sight(call.user, securable, of, browse=True)
        return str(found)

    def _column(self, full_name: str) -> str:
        *table, column = parts_of(full_name, 4)
        info = self._catalog.table(".".join(table))
        if not any(candidate["name"].lower() == column for candidate in info["columns"]):
            raise absent(f"Column '{full_name}' does not exist.")
        return f"{info['full_name']}.{column}"

    def _assign(self, call: Call) -> Json:
        kind, key = call.need("entity_type"), call.need("tag_key")
        name = self._entity(kind, call.need("entity_name"), call, change=True)
        answer = self._tags.assign(kind, name, key, call.json.get("tag_value") or "", new=True)
        self._catalog.note("update_tags", ENTITY_TYPES[kind], name)
        return answer

    def _list(self, call: Call) -> Json:
        name = self._entity(call.args["type"], call.args["name"], call, change=False)
        return self._pages.of("tag_assignments", self._tags.list(call.args["type"], name), call, whole=True)

    def _get(self, call: Call) -> Json:
        name = self._entity(call.args["type"], call.args["name"], call, change=False)
        return dict(self._tags.get(call.args["type"], name, call.args["key"]))

    def _update(self, call: Call) -> Json:
        kind, key = call.args["type"], call.args["key"]
        name = self._entity(kind, call.args["name"], call, change=True)
        self._tags.get(kind, name, key)
        for field in filter(None, call.text("update_mask").split(",")):
            if field not in ("tag_value", "*"):
                raise invalid(f"update_mask may only hold tag_value, not {field}")
        answer = self._tags.assign(kind, name, key, call.json.get("tag_value") or "")
        self._catalog.note("update_tags", ENTITY_TYPES[kind], name)
        return answer

    def _remove(self, call: Call) -> None:
        kind = call.args["type"]
        name = self._entity(kind, call.args["name"], call, change=True)
        self._tags.remove(kind, name, call.args["key"])
        self._catalog.note("update_tags", ENTITY_TYPES[kind], name)

    # Policies

    def _policies(self, call: Call) -> Json:
        held = [policy for _, policy in sorted(self._tags.policies.copy().items())]
        return self._pages.of("tag_policies", held, call, by="page_size")

    def _govern(self, key: str, call: Call, *, new: bool) -> Json:
        self._catalog.grants.need(call.user, "MANAGE", "metastore")
        given = only({k: v for k, v in call.json.items() if not k.endswith("_time")}, _POLICY_FIELDS, "A tag policy")
        for value in call.objects("values"):
            if not isinstance(value.get("name"), str):
                raise invalid(f"A value of a tag policy needs a name: {value!r}")
        mask = [field for field in call.text("update_mask").split(",") if field not in ("", "*")]
        return dict(self._tags.govern(key, {k: given[k] for k in given if not mask or k in mask}, new=new))

    def _create_policy(self, call: Call) -> Json:
        key = call.need("tag_key")
        checked_name(key)
        return self._govern(key, call, new=True)

    def _update_policy(self, call: Call) -> Json:
        return self._govern(call.args["key"], call, new=False)

    def _delete_policy(self, call: Call) -> None:
        self._catalog.grants.need(call.user, "MANAGE", "metastore")
        self._tags.ungovern(call.args["key"])
