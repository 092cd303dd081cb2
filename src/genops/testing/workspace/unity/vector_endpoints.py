"""Vector search endpoints: what indexes are served by. They hold no rows; those are in the catalog."""

from __future__ import annotations

import re
import uuid
from typing import TYPE_CHECKING

from genops.testing.workspace.compute.passages import Passages
from genops.testing.workspace.http.wire import ApiError, Call, Json, Routes, absent, exists, invalid, unserved
from genops.testing.workspace.unity.copies import PREPARATION_SECONDS
from genops.testing.workspace.unity.pages import only

if TYPE_CHECKING:
    from collections.abc import Callable

    from genops.testing.workspace.clock import Clock
    from genops.testing.workspace.unity.catalog import UnityCatalog
    from genops.testing.workspace.unity.pages import Pages

_BASE = "/api/2.0/vector-search/endpoints"
_NAME = re.compile(r"[A-Za-z0-9]([\w-]{0,47}[A-Za-z0-9])?")


class VectorEndpoints:
    """The vector search endpoints of a workspace.

    Args:
        catalog: Says who is an admin.
        pages: How lists are cut.
        clock: Gives the times.
        polls: How many reads show one being provisioned.
        indexes: Gives the full names of the indexes of an endpoint.
    """

    def __init__(
        self, catalog: UnityCatalog, pages: Pages, clock: Clock, polls: int, indexes: Callable[[str], list[str]]
    ) -> None:
        self._catalog = catalog
        self._pages = pages
        self._clock = clock
        self._indexes = indexes
        self._held: dict[str, Json] = {}
        self._passages = Passages(clock, catalog.lock, polls)

    def routes(self) -> Routes:
        """Create, read, tag and delete."""
        return {
            f"POST {_BASE}": self._create,
            f"GET {_BASE}": self._list,
            f"GET {_BASE}/{{name}}": self._read,
            f"PATCH {_BASE}/{{name}}/tags": self._tag,
            f"DELETE {_BASE}/{{name}}": self._drop,
        }

    def state(self) -> Json:
        """What lasts."""
        return self._held

    def restore(self, state: Json) -> None:
        """Take over what :meth:`state` gave."""
        self._held.update(state)
        for name in [name for name, info in self._held.items() if info["endpoint_status"]["state"] != "ONLINE"]:
            self._start(name)

    def get(self, name: str) -> Json:
        """An endpoint by its name.

        Raises:
            ApiError: 404, there is none.
        """
        if name not in self._held:
            raise absent(f"Vector search endpoint '{name}' does not exist.")
        return self._held[name]

    def _create(self, call: Call) -> Json:
        given = only(call.json, ("name", "endpoint_type", "budget_policy_id"), "A vector search endpoint")
        name, kind = call.need("name"), given.get("endpoint_type", "STANDARD")
        if not _NAME.fullmatch(name):
            raise invalid(f"Endpoint name {name!r} is not valid: letters, digits, - and _, at most 49")
        if kind != "STANDARD":
            raise unserved(f"A vector search endpoint of the type {kind}")
        now = self._clock.millis()
        with self._catalog.lock:
            if name in self._held:
                raise exists(f"Vector search endpoint '{name}' already exists.", "RESOURCE_ALREADY_EXISTS")
            self._held[name] = {
                **given,
                "id": str(uuid.uuid4()),
                "endpoint_type": kind,
                "creator": call.user,
                "creation_timestamp": now,
                "last_updated_timestamp": now,
                "last_updated_user": call.user,
                "endpoint_status": {"state": "PROVISIONING"},
            }
            self._start(name)
            return self._shown(name)

    def _start(self, name: str) -> None:
        arrived: Json = {"endpoint_status": {"state": "ONLINE"}}
        self._passages.begin(name, PREPARATION_SECONDS, lambda: self._held[name].update(arrived))

    def _shown(self, name: str) -> Json:
        return {**self.get(name), "num_indexes": len(self._indexes(name))}

    def _read(self, call: Call) -> Json:
        self._passages.read(call.args["name"])
        return self._shown(call.args["name"])

    def _list(self, call: Call) -> Json:
        return self._pages.of("endpoints", [self._shown(name) for name in sorted(self._held)], call)

    def _owned(self, call: Call) -> str:
        name = call.args["name"]
        if call.user != self.get(name)["creator"] and not self._catalog.grants.is_admin(call.user):
            raise ApiError(403, "PERMISSION_DENIED", f"User {call.user} may not manage the endpoint '{name}'")
        return name

    def _tag(self, call: Call) -> Json:
        with self._catalog.lock:
            name, tags = self._owned(call), call.objects("custom_tags")
            for tag in tags:
                if not isinstance(tag.get("key"), str):
                    raise invalid(f"A tag needs a key: {tag!r}")
            now = {"last_updated_timestamp": self._clock.millis(), "last_updated_user": call.user}
            self._held[name].update(custom_tags=tags, **now)
            return {"name": name, "custom_tags": tags}

    def _drop(self, call: Call) -> None:
        with self._catalog.lock:
            name = self._owned(call)
            if held := self._indexes(name):
                raise ApiError(400, "INVALID_STATE", f"Endpoint '{name}' has indexes: {', '.join(held)}")
            self._passages.drop(name)
            del self._held[name]
