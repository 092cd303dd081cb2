"""Objects that hang on the metastore and only say where things are: connections, credentials, locations.

They are held as they were given, without their secrets. Nothing here reaches another system, so what
would have to (validation, data behind a connection, temporary credentials) is refused.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

from genops.testing.workspace.http.identity import stable_id
from genops.testing.workspace.http.wire import ApiError, Call, Json, Routes, invalid, unserved
from genops.testing.workspace.unity.names import checked_name
from genops.testing.workspace.unity.pages import only
from genops.testing.workspace.unity.rest import BASE, as_caller

if TYPE_CHECKING:
    from genops.testing.workspace.unity.catalog import UnityCatalog
    from genops.testing.workspace.unity.pages import Pages

_SECRET = re.compile(r".*(password|secret|token|private_key|access_key|pwd)", re.IGNORECASE)
_CLOUD_KEYS = (
    "aws_iam_role",
    "azure_managed_identity",
    "azure_service_principal",
    "cloudflare_api_token",
    "databricks_gcp_service_account",
)


@dataclass(frozen=True)
class _Stored:
    """One kind.

    Attributes:
        kind: Kind of securable.
        path: Last part of the path; with underscores, where a list holds the objects.
        id_field: Where its id stands.
        makes: The privilege on the metastore that creating one takes.
        required: Fields it cannot be without.
        optional: Fields it can have.
        check: Refuses what makes no sense together with what is there.
    """

    kind: str
    path: str
    id_field: str
    makes: str
    required: tuple[str, ...]
    optional: tuple[str, ...]
    check: Callable[[Json], None]
    skips_validation: bool = True

    @property
    def fields(self) -> tuple[str, ...]:
        """All fields of a request."""
        return ("name", "comment", *self.required, *self.optional)


class StoredService:
    """The REST side of connections, storage credentials and external locations.

    Args:
        catalog: Holds them.
        pages: How lists are cut.
    """

    def __init__(self, catalog: UnityCatalog, pages: Pages) -> None:
        self._catalog = catalog
        self._pages = pages

    def routes(self) -> Routes:
        """Create, read, change and delete."""
        kinds = [
            _Stored(
                "connection", "connections", "connection_id", "CREATE_CONNECTION", ("connection_type", "options"),
                ("properties", "read_only"), self._check_connection, skips_validation=False,
            ),
            _Stored(
                "storage_credential", "storage-credentials", "id", "CREATE_STORAGE_CREDENTIAL", (),
                (*_CLOUD_KEYS, "read_only"), self._check_credential,
            ),
            _Stored(
                "external_location", "external-locations", "id", "CREATE_EXTERNAL_LOCATION",
                ("url", "credential_name"), ("read_only", "fallback"), self._check_location,
            ),
        ]  # fmt: skip
        routes: Routes = {}
        for kind in kinds:
            routes.update(self._routes_of(kind))
        return as_caller(routes)

    def _routes_of(self, kind: _Stored) -> Routes:
        return {
            f"GET {BASE}/{kind.path}": lambda call: self._list(kind, call),
            f"POST {BASE}/{kind.path}": lambda call: self._create(kind, call),
            f"GET {BASE}/{kind.path}/{{name}}": lambda call: self._get(kind, call),
            f"PATCH {BASE}/{kind.path}/{{name}}": lambda call: self._update(kind, call),
            f"DELETE {BASE}/{kind.path}/{{name}}": lambda call: self._delete(kind, call),
        }

    def _list(self, kind: _Stored, call: Call) -> Json:
        held = sorted(self._catalog.held[kind.kind].copy().items())
        seen = [info for name, info in held if self._catalog.grants.sees(call.user, kind.kind, name)]
        return self._pages.of(kind.path.replace("-", "_"), seen, call, whole=True)

    def _get(self, kind: _Stored, call: Call) -> Json:
        info = self._catalog.securable(kind.kind, call.args["name"])
        self._catalog.grants.need_sight(call.user, kind.kind, info["full_name"], browse=True)
        return dict(info)

    def _create(self, kind: _Stored, call: Call) -> Json:
        known = ("skip_validation", *kind.fields) if kind.skips_validation else kind.fields
        given = only(call.json, known, f"A {kind.kind}")
        name = checked_name(given.get("name"))
        self._catalog.grants.need(call.user, kind.makes, "metastore")
        for field in kind.required:
            if not given.get(field):
                raise invalid(f"Missing required field: {field}")
        _unvalidated(kind, given)
        with self._catalog.lock:
            self._catalog.free(kind.kind, name)
            kind.check({**given, "name": name})
            kept = {field: _without_secrets(given[field]) for field in kind.fields[2:] if given.get(field) is not None}
            info = {**self._catalog.new(kind.kind, name, given), **kept}
            info[kind.id_field] = stable_id(kind.kind, name, str(info["created_at"]))
            return dict(self._catalog.add(kind.kind, info))

    def _update(self, kind: _Stored, call: Call) -> Json:
        info = self._catalog.securable(kind.kind, call.args["name"])
        self._catalog.grants.need(call.user, "MANAGE", kind.kind, info["full_name"])
        known = ("owner", "new_name", "skip_validation", "force", *kind.fields)
        change = only(call.json, known, f"A change of a {kind.kind}")
        if change.get("owner"):
            self._catalog.grants.known(str(change["owner"]))
        if any(field in change for field in (*_CLOUD_KEYS, "url", "credential_name")):
            _unvalidated(kind, change)
        with self._catalog.lock:
            kind.check({**info, **change})
            if change.get("new_name"):
                self._rename(kind, info, checked_name(change["new_name"]))
            kept = [field for field in ("owner", *kind.fields[1:]) if field in change]
            return dict(self._catalog.touch(info, **{field: _without_secrets(change[field]) for field in kept}))

    def _rename(self, kind: _Stored, info: Json, name: str) -> None:
        old = info["name"]
        self._catalog.move(kind.kind, old, self._catalog.free(kind.kind, name))
        for location in self._catalog.held["external_location"].values():
            if kind.kind == "storage_credential" and location["credential_name"] == old:
                location["credential_name"] = name

    def _delete(self, kind: _Stored, call: Call) -> None:
        with self._catalog.lock:
            info = self._catalog.securable(kind.kind, call.args["name"])
            self._catalog.grants.need(call.user, "MANAGE", kind.kind, info["full_name"])
            used = [
                location["name"]
                for location in self._catalog.held["external_location"].values()
                if kind.kind == "storage_credential" and location["credential_name"] == info["name"]
            ]
            if used and not call.flag("force"):
                raise ApiError(
                    400, "INVALID_STATE", f"Storage credential '{info['name']}' cannot be deleted because it is used "
                    f"by {len(used)} external location(s): {', '.join(used)}",
                )  # fmt: skip
            self._catalog.remove(kind.kind, info["full_name"])

    # What makes no sense

    def _check_connection(self, given: Json) -> None:
        if not isinstance(given.get("options"), dict):
            raise invalid(f"options must be an object, not {given.get('options')!r}")

    def _check_credential(self, given: Json) -> None:
        if sum(1 for key in _CLOUD_KEYS if given.get(key)) != 1:
            raise invalid(f"A storage credential needs exactly one of {', '.join(_CLOUD_KEYS)}")

    def _check_location(self, given: Json) -> None:
        self._catalog.securable("storage_credential", str(given["credential_name"]))
        url = str(given["url"]).rstrip("/") + "/"
        for other in self._catalog.held["external_location"].values():
            there = other["url"].rstrip("/") + "/"
            if other["name"] != given["name"] and (url.startswith(there) or there.startswith(url)):
                raise invalid(
                    f"Input path url '{given['url']}' overlaps with other external locations: {other['name']}"
                )


def _unvalidated(kind: _Stored, given: Json) -> None:
    """Only what nobody wants to be validated is believed: no cloud is asked."""
    if kind.skips_validation and not given.get("skip_validation"):
        raise unserved(f"Validation of a {kind.kind} against the cloud (pass skip_validation=True)")


def _without_secrets(value: Any) -> Any:
    """A value as answers show it: secrets do not come back."""
    if not isinstance(value, dict):
        return value
    return {key: item for key, item in cast("Json", value).items() if not _SECRET.fullmatch(key)}
