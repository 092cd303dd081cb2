"""Secret scopes: kept, and given back to whoever made them and to admins; access lists are not imitated."""

from __future__ import annotations

import base64
import binascii
import re
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING

from genops.testing.workspace.http.wire import ApiError, Call, Json, Routes, absent, exists, invalid, unserved

if TYPE_CHECKING:
    from genops.testing.workspace.clock import Clock
    from genops.testing.workspace.compute.ownership import Ownership

_NAME = re.compile(r"[\w.@-]{1,128}")
_LARGEST = 128 * 1024
"""Bytes a secret may have [docs.databricks.com, Secrets API]."""
_EVERYBODY = "users"
"""The group that may manage a scope where its maker says so."""


@dataclass(frozen=True)
class _Secret:
    value: bytes
    updated: int


class SecretService:
    """Secrets by scope and key.

    Args:
        clock: Gives the times.
        ownership: Says who may have the secrets of a scope.
    """

    def __init__(self, clock: Clock, ownership: Ownership) -> None:
        self._clock = clock
        self._ownership = ownership
        self._lock = threading.Lock()
        self._scopes: dict[str, dict[str, _Secret]] = {}
        self._owners: dict[str, str] = {}

    def routes(self) -> Routes:
        """Scopes and secrets."""
        base = "/api/2.0/secrets"
        return {
            f"POST {base}/scopes/create": self._create_scope,
            f"GET {base}/scopes/list": lambda call: {
                "scopes": [
                    {"name": name, "backend_type": "DATABRICKS"}
                    for name in sorted(self._scopes)
                    if self._may(call.user, name)
                ]
            },
            f"POST {base}/scopes/delete": self._delete_scope,
            f"POST {base}/put": self._put,
            f"GET {base}/get": self._get,
            f"GET {base}/list": self._list,
            f"POST {base}/delete": self._delete,
        }

    def state(self) -> Json:
        """What lasts; values are base64."""
        with self._lock:
            return {
                name: {
                    "owner": self._owners[name],
                    "secrets": {key: [base64.b64encode(one.value).decode(), one.updated] for key, one in scope.items()},
                }
                for name, scope in self._scopes.items()
            }

    def restore(self, state: Json) -> None:
        """Take over what :meth:`state` gave."""
        for name, scope in state.items():
            self._owners[name] = scope["owner"]
            self._scopes[name] = {
                key: _Secret(base64.b64decode(value), updated) for key, (value, updated) in scope["secrets"].items()
            }

    def _may(self, user: str, scope: str) -> bool:
        """Whether a user may see and change a scope: its creator, everybody where that was said, and admins."""
        return self._owners[scope] == _EVERYBODY or self._ownership.sees(user, self._owners[scope])

    def _scope(self, call: Call) -> dict[str, _Secret]:
        name = call.need("scope")
        found = self._scopes.get(name)
        if found is None:
            raise absent(f"Scope {name} does not exist!")
        if not self._may(call.user, name):
            raise ApiError(403, "PERMISSION_DENIED", f"User {call.user} does not have READ permission on scope {name}")
        return found

    def _create_scope(self, call: Call) -> None:
        name = call.need("scope")
        if call.json.get("scope_backend_type", "DATABRICKS") != "DATABRICKS" or call.json.get("backend_azure_keyvault"):
            raise unserved("A secret scope that Azure Key Vault backs")
        _check_name(name)
        manager = call.json.get("initial_manage_principal")
        if manager not in (None, "", _EVERYBODY):
            raise invalid(f"initial_manage_principal must be {_EVERYBODY!r}, not {manager!r}")
        with self._lock:
            if name in self._scopes:
                raise exists(f"Scope {name} already exists!", "RESOURCE_ALREADY_EXISTS")
            self._scopes[name] = {}
            self._owners[name] = manager or call.user

    def _delete_scope(self, call: Call) -> None:
        self._scope(call)
        with self._lock:
            self._scopes.pop(call.need("scope"), None)
            self._owners.pop(call.need("scope"), None)

    def _put(self, call: Call) -> None:
        key = call.need("key")
        _check_name(key)
        text, encoded = call.json.get("string_value"), call.json.get("bytes_value")
        if (text is None) == (encoded is None):
            raise invalid("A secret needs either string_value or bytes_value")
        try:
            value = str(text).encode() if text is not None else base64.b64decode(str(encoded), validate=True)
        except binascii.Error as error:
            raise invalid("bytes_value must be base64") from error
        if len(value) > _LARGEST:
            raise ApiError(400, "RESOURCE_LIMIT_EXCEEDED", f"A secret has at most {_LARGEST} bytes")
        with self._lock:
            self._scope(call)[key] = _Secret(value, self._clock.millis())

    def _secret(self, call: Call) -> _Secret:
        key = call.need("key")
        found = self._scope(call).get(key)
        if found is None:
            raise absent(f"No secret with key {key} exists in scope {call.need('scope')}!")
        return found

    def _get(self, call: Call) -> Json:
        return {"key": call.need("key"), "value": base64.b64encode(self._secret(call).value).decode()}

    def _list(self, call: Call) -> Json:
        secrets = self._scope(call)
        return {"secrets": [{"key": key, "last_updated_timestamp": secrets[key].updated} for key in sorted(secrets)]}

    def _delete(self, call: Call) -> None:
        self._secret(call)
        with self._lock:
            self._scope(call).pop(call.need("key"), None)


def _check_name(name: str) -> None:
    if not _NAME.fullmatch(name):
        raise invalid(f"{name!r} is no name of a scope or secret: letters, digits, _, -, @ and ., at most 128")
