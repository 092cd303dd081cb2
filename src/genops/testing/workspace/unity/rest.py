"""Unity Catalog over HTTP: catalogs, schemas, tables, volumes, functions and models."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from genops.testing.workspace.http.wire import ApiError, Call, Json, Routes, invalid, unserved
from genops.testing.workspace.unity.names import acting
from genops.testing.workspace.unity.pages import Pages, only

if TYPE_CHECKING:
    from genops.testing.workspace.http.wire import Handler
    from genops.testing.workspace.unity.catalog import UnityCatalog

BASE = "/api/2.x/unity-catalog"


@dataclass(frozen=True)
class _Kind:
    """What the API calls a kind of object and takes of it.

    Attributes:
        kind: Kind of securable.
        path: Last part of the path.
        key: Where a list holds the objects.
        makes: The privilege on the parent that creating one takes.
        create: Creates one from a request.
        drop: Deletes one by name.
        given: Fields that creating one honours.
        changed: Fields that a change honours, besides the name.
        rename: Gives one a new name, where the API can.
        whole: Whether lists without size and token have everything at once.
    """

    kind: str
    path: str
    key: str
    makes: str
    create: Callable[[Json], Json]
    drop: Callable[[str, Call], None]
    given: str
    changed: str
    rename: Callable[[Json, Any], None] | None = None
    whole: bool = True


def as_caller(routes: Routes) -> Routes:
    """Routes whose handlers act for who sent the request: what they create is the caller's."""

    def wrapped(handler: Handler) -> Handler:
        def answer(call: Call) -> Any:
            with acting(call.user):
                return handler(call)

        return answer

    return {route: wrapped(handler) for route, handler in routes.items()}


class UnityService:
    """The REST side of the namespace.

    Args:
        catalog: The objects.
        pages: How lists are cut.
    """

    def __init__(self, catalog: UnityCatalog, pages: Pages) -> None:
        self._catalog = catalog
        self._pages = pages

    def routes(self) -> Routes:
        """Reads and changes of every kind of object."""
        routes: Routes = {
            f"GET {BASE}/tables/{{name}}/exists": self._table_exists,
            f"GET {BASE}/table-summaries": self._summaries,
        }
        for kind in (*self._containers(), *self._contents()):
            routes[f"GET {BASE}/{kind.path}"] = self._lister(kind)
            routes[f"POST {BASE}/{kind.path}"] = self._creator(kind)
            routes[f"GET {BASE}/{kind.path}/{{name}}"] = self._getter(kind)
            routes[f"PATCH {BASE}/{kind.path}/{{name}}"] = self._updater(kind)
            routes[f"DELETE {BASE}/{kind.path}/{{name}}"] = self._dropper(kind)
        return as_caller(routes)

    def _containers(self) -> list[_Kind]:
        c = self._catalog
        return [
            _Kind(
                "catalog", "catalogs", "catalogs", "CREATE_CATALOG",
                lambda given: c.create_catalog(given.get("name"), given),
                lambda name, call: c.drop_catalog(name, force=call.flag("force")),
                "name comment properties options storage_root",
                "comment owner properties options isolation_mode",
                c.rename_catalog,
            ),
            _Kind(
                "schema", "schemas", "schemas", "CREATE_SCHEMA",
                lambda given: c.create_schema(given.get("catalog_name"), given.get("name"), given),
                lambda name, call: c.drop_schema(name, force=call.flag("force")),
                "name catalog_name comment properties storage_root",
                "comment owner properties",
                c.rename_schema,
            ),
        ]  # fmt: skip

    def _contents(self) -> list[_Kind]:
        c = self._catalog
        return [
            _Kind(
                "table", "tables", "tables", "CREATE_TABLE", c.create_table, lambda name, _: c.drop_table(name),
                "name catalog_name schema_name table_type data_source_format columns storage_location properties"
                " comment",
                "comment owner properties",
            ),
            _Kind(
                "volume", "volumes", "volumes", "CREATE_VOLUME", self._create_volume,
                lambda name, _: c.drop_volume(name),
                "name catalog_name schema_name volume_type storage_location comment",
                "comment owner",
                c.rename_volume,
                whole=False,
            ),
            _Kind(
                "function", "functions", "functions", "CREATE_FUNCTION", c.functions.create,
                lambda name, _: c.functions.drop(name),
                "name catalog_name schema_name input_params data_type full_data_type routine_body routine_definition"
                " parameter_style is_deterministic sql_data_access is_null_call security_type specific_name comment"
                " return_params properties",
                "owner",
            ),
            _Kind(
                "model", "models", "registered_models", "CREATE_MODEL", c.models.create,
                lambda name, _: c.models.drop(name),
                "name catalog_name schema_name comment storage_location",
                "comment owner",
                c.models.rename,
                whole=False,
            ),
        ]  # fmt: skip

    # Reading

    def _getter(self, kind: _Kind) -> Handler:
        def answer(call: Call) -> Json:
            info = self._catalog.securable(kind.kind, call.args["name"])
            self._catalog.grants.need_sight(call.user, kind.kind, info["full_name"], browse=call.flag("include_browse"))
            return self._shown(kind.kind, info, call)

        return answer

    def _lister(self, kind: _Kind) -> Handler:
        def answer(call: Call) -> Json:
            names = self._names(kind.kind, call)
            seen = self.visible(kind.kind, names, call)
            return self._pages.of(
                kind.key, (self._shown(kind.kind, info, call) for info in seen), call, whole=kind.whole
            )

        return answer

    def _names(self, kind: str, call: Call) -> list[str]:
        if kind == "catalog":
            return sorted(self._catalog.catalogs.copy())
        if kind == "model" and not call.text("catalog_name"):
            return sorted(self._catalog.held["model"].copy())
        parent = self._catalog.catalog(call.need("catalog_name"))["full_name"]
        if kind != "schema":
            parent = self._catalog.schema_key(parent, call.need("schema_name"))
        return self._catalog.inside(kind, parent)

    def visible(self, kind: str, names: list[str], call: Call) -> list[Json]:
        """Those of some objects that a caller may see."""
        browse = call.flag("include_browse")
        held = self._catalog.held[kind]
        reachable = [name for name in names if kind != "catalog" or self._bound(name, call)]
        return [held[name] for name in reachable if self._catalog.grants.sees(call.user, kind, name, browse=browse)]

    def _bound(self, name: str, call: Call) -> bool:
        try:
            self._catalog.catalog(name)
        except ApiError:
            return call.flag("include_unbound") and self._catalog.grants.is_admin(call.user)
        return True

    def _shown(self, kind: str, info: Json, call: Call) -> Json:
        """An object without what the caller does not want, and with what it asks for."""
        omitted = [field for field in ("columns", "properties") if call.flag(f"omit_{field}")]
        found = {key: value for key, value in info.items() if key not in omitted}
        if call.flag("include_browse"):
            found["browse_only"] = not self._catalog.grants.sees(call.user, kind, info["full_name"], browse=False)
        if kind == "model" and call.flag("include_aliases"):
            found["aliases"] = self._catalog.models.aliases_of(info)
        return found

    def _summaries(self, call: Call) -> Json:
        catalog = self._catalog.catalog(call.need("catalog_name"))["name"]
        schema, table = (_like(call.text(f"{kind}_name_pattern")) for kind in ("schema", "table"))
        seen = self.visible("table", self._catalog.inside("table", catalog), call)
        items = [
            {"full_name": info["full_name"], "table_type": info["table_type"], "securable_kind": "TABLE_DELTA"}
            for info in seen
            if schema(info["schema_name"]) and table(info["name"])
        ]
        return self._pages.of("tables", items, call)

    def _table_exists(self, call: Call) -> Json:
        found = True
        try:
            name = self._catalog.table(call.args["name"])["full_name"]
            self._catalog.grants.need_sight(call.user, "table", name, browse=True)
        except ApiError as error:
            if error.code != "TABLE_DOES_NOT_EXIST":
                raise
            found = False
        return {"table_exists": found, "supports_foreign_metadata_update": False}

    # Creating

    def _creator(self, kind: _Kind) -> Handler:
        def answer(call: Call) -> Json:
            given = call.object("function_info") if kind.kind == "function" else call.json
            given = only(given, kind.given.split(), f"A {kind.kind}")
            for field in ("name", *_PARENTS[kind.kind]):
                if not isinstance(given.get(field), str):
                    raise invalid(f"Missing required field: {field}")
            self._need_parent(kind, given, call.user)
            return dict(kind.create(given))

        return answer

    def _need_parent(self, kind: _Kind, given: Json, user: str) -> None:
        parents = _PARENTS[kind.kind]
        if not parents:
            self._catalog.grants.need(user, kind.makes, "metastore")
            return
        if len(parents) == 1:
            parent = self._catalog.catalog(given["catalog_name"])["full_name"]
        else:
            parent = self._catalog.schema_key(given["catalog_name"], given["schema_name"])
        self._catalog.grants.need(user, kind.makes, "catalog" if len(parents) == 1 else "schema", parent)

    def _create_volume(self, given: Json) -> Json:
        if given.get("volume_type") not in ("MANAGED", "EXTERNAL"):
            raise invalid(f"volume_type must be MANAGED or EXTERNAL, not {given.get('volume_type')}")
        return self._catalog.create_volume(given["catalog_name"], given["schema_name"], given["name"], given)

    # Changing

    def _updater(self, kind: _Kind) -> Handler:
        def answer(call: Call) -> Json:
            with self._catalog.lock:
                info = self._catalog.securable(kind.kind, call.args["name"])
                self._catalog.grants.need(call.user, "MANAGE", kind.kind, info["full_name"])
                what = f"A change of a {kind.kind}"
                change = only(call.json, [*kind.changed.split(), "new_name", *_ECHOED[kind.kind]], what)
                if change.get("owner"):
                    self._catalog.grants.known(str(change["owner"]))
                if change.get("new_name"):
                    if kind.rename is None:
                        raise unserved(f"Renaming a {kind.kind} over REST")
                    kind.rename(info, change["new_name"])
                self._isolate(info, change)
                known = {key: change[key] for key in kind.changed.split() if key in change}
                return dict(self._catalog.touch(info, **known))

        return answer

    def _isolate(self, info: Json, change: Json) -> None:
        mode = change.get("isolation_mode")
        if mode not in (None, "OPEN", "ISOLATED"):
            raise invalid(f"isolation_mode must be OPEN or ISOLATED, not {mode}")
        if mode == "ISOLATED":
            # The workspace that isolates a catalog keeps it.
            self._catalog.bindings.setdefault(info["name"], [self._catalog.workspace_id])

    def _dropper(self, kind: _Kind) -> Handler:
        def answer(call: Call) -> None:
            info = self._catalog.securable(kind.kind, call.args["name"])
            self._catalog.grants.need(call.user, "MANAGE", kind.kind, info["full_name"])
            kind.drop(call.args["name"], call)

        return answer


_PARENTS: dict[str, tuple[str, ...]] = {
    "catalog": (),
    "schema": ("catalog_name",),
    **dict.fromkeys(("table", "volume", "function", "model"), ("catalog_name", "schema_name")),
}
_ECHOED: dict[str, tuple[str, ...]] = {
    "model": ("catalog_name", "schema_name", "name"),
    **dict.fromkeys(("catalog", "schema", "table", "volume", "function"), ()),
}


def _like(pattern: str) -> Callable[[str], bool]:
    """A matcher of SQL LIKE; an empty pattern matches everything."""
    text = "".join({"%": ".*", "_": "."}.get(letter, re.escape(letter)) for letter in pattern)
    compiled = re.compile(text or ".*", re.IGNORECASE)
    return lambda name: compiled.fullmatch(name) is not None
