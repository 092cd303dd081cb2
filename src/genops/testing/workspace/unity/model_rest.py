"""Versions and aliases of registered models over HTTP."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from genops.testing.workspace.http.wire import Call, Json, Routes, invalid, unserved
from genops.testing.workspace.unity.pages import only
from genops.testing.workspace.unity.rest import BASE, as_caller

if TYPE_CHECKING:
    from genops.testing.workspace.unity.catalog import UnityCatalog
    from genops.testing.workspace.unity.pages import Pages

_PLACE = ("catalog_name", "schema_name", "model_name")
_CREATED = (*_PLACE, "comment", "source", "run_id", "run_workspace_id", "model_version_dependencies")
_ECHOED = (*_PLACE, "aliases", "run_id", "run_workspace_id", "source", "status", "storage_location")


class ModelService:
    """The REST side of versions and aliases.

    Args:
        catalog: Holds the models.
        pages: How lists are cut.
    """

    def __init__(self, catalog: UnityCatalog, pages: Pages) -> None:
        self._catalog = catalog
        self._models = catalog.models
        self._pages = pages

    def routes(self) -> Routes:
        """Reads and changes; versions are created as MLflow and the open-source server do it."""
        model = f"{BASE}/models/{{name}}"
        version, alias = f"{model}/versions/{{version}}", f"{model}/aliases/{{alias}}"
        return as_caller(
            {
                f"POST {BASE}/models/versions": self._create,
                f"GET {model}/versions": self._list,
                f"GET {version}": lambda call: self._read(call, self._models.version(*_version(call))),
                f"PATCH {version}/finalize": self._finalize,
                f"PATCH {version}": self._update,
                f"DELETE {version}": self._drop,
                f"GET {alias}": self._by_alias,
                f"PUT {alias}": self._set_alias,
                f"DELETE {alias}": self._drop_alias,
            }
        )

    def _model(self, call: Call, privilege: str | None) -> Json:
        info = self._models.get(call.args["name"])
        if privilege is None:
            self._catalog.grants.need_sight(call.user, "model", info["full_name"], browse=call.flag("include_browse"))
        else:
            self._catalog.grants.need(call.user, privilege, "model", info["full_name"])
        return info

    # Versions

    def _shown(self, version: Json, info: Json, call: Call) -> Json:
        if not call.flag("include_aliases"):
            return dict(version)
        return {**version, "aliases": self._models.aliases_of(info, version["version"])}

    def _read(self, call: Call, version: Json) -> Json:
        return self._shown(version, self._model(call, None), call)

    def _list(self, call: Call) -> Json:
        info = self._model(call, None)
        held = sorted(self._models.versions[info["full_name"]].copy().items(), reverse=True)
        return self._pages.of("model_versions", [self._shown(version, info, call) for _, version in held], call)

    def _create(self, call: Call) -> Json:
        given = only(call.json, _CREATED, "A model version")
        for field in (*_PLACE, "source"):
            if not isinstance(given.get(field), str):
                raise invalid(f"Missing required field: {field}")
        call.args["name"] = ".".join(given[field] for field in _PLACE)
        self._model(call, "CREATE_MODEL_VERSION")
        return dict(self._models.add_version(given))

    def _finalize(self, call: Call) -> Json:
        self._model(call, "CREATE_MODEL_VERSION")
        return dict(self._models.finalize(*_version(call)))

    def _update(self, call: Call) -> Json:
        version = self._models.version(*_version(call))
        self._model(call, "MANAGE")
        change = only(call.json, ("comment", *_ECHOED), "A change of a model version")
        for field in _ECHOED:
            if field in change and change[field] != version.get(field):
                raise unserved(f"Changing the {field} of a model version")
        return dict(self._catalog.touch(version, **{key: change[key] for key in ("comment",) if key in change}))

    def _drop(self, call: Call) -> None:
        self._model(call, "MANAGE")
        self._models.drop_version(*_version(call))

    # Aliases

    def _by_alias(self, call: Call) -> Json:
        info = self._model(call, None)
        return self._shown(self._models.by_alias(info["full_name"], call.args["alias"]), info, call)

    def _set_alias(self, call: Call) -> Json:
        info = self._model(call, "MANAGE")
        number: Any = call.json.get("version_num")
        if isinstance(number, bool) or not isinstance(number, int):
            raise invalid(f"version_num must be a whole number, not {number!r}")
        return self._models.set_alias(info["full_name"], call.args["alias"], number)

    def _drop_alias(self, call: Call) -> None:
        info = self._model(call, "MANAGE")
        self._models.drop_alias(info["full_name"], call.args["alias"])


def _version(call: Call) -> tuple[str, str]:
    return call.args["name"], call.args["version"]
