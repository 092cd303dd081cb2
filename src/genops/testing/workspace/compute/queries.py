"""Saved queries, one of the places where a job's SQL lives."""

from __future__ import annotations

import threading
import uuid
from typing import TYPE_CHECKING

from genops.testing.workspace.clock import stamp
from genops.testing.workspace.compute.access import Access, Owned
from genops.testing.workspace.http.paging import listing, page
from genops.testing.workspace.http.wire import Call, Json, Routes, absent, invalid

if TYPE_CHECKING:
    from genops.testing.workspace.clock import Clock


class QueryService:
    """Saved queries.

    Args:
        user: Their owner.
        clock: Gives the times.
        access: Says who may see, run and change them.
    """

    def __init__(self, user: str, clock: Clock, access: Access) -> None:
        self._user = user
        self._access = access
        access.covers("queries", lambda identifier: Owned(self.get(identifier)["owner_user_name"]))
        self._clock = clock
        self._lock = threading.Lock()
        self._held: dict[str, Json] = {}

    def routes(self) -> Routes:
        """Saved queries, as the API of 2024 and later has them."""
        base = "/api/2.0/sql/queries"
        return {
            f"POST {base}": self._create,
            f"GET {base}": self._list,
            f"GET {base}/{{id}}": lambda call: dict(self._of(call, "view")),
            f"PATCH {base}/{{id}}": self._update,
            f"DELETE {base}/{{id}}": self._trash,
        }

    def state(self) -> Json:
        """What lasts."""
        return self._held

    def restore(self, state: Json) -> None:
        """Take over what :meth:`state` gave."""
        self._held.update(state)

    def get(self, identifier: str) -> Json:
        """A saved query by id."""
        found = self._held.get(identifier)
        if found is None:
            raise absent(f"Query with id {identifier} does not exist.")
        return found

    def _of(self, call: Call, ability: str) -> Json:
        query = self.get(call.args["id"])
        self._access.need(call.user, ability, "queries", query["id"])
        return query

    def _create(self, call: Call) -> Json:
        given = call.object("query")
        if not given.get("query_text") or not given.get("display_name"):
            raise invalid("A query needs display_name and query_text")
        now = stamp(self._clock.now())
        facts = {
            "create_time": now,
            "update_time": now,
            "owner_user_name": call.user or self._user,
            "lifecycle_state": "ACTIVE",
        }
        created = {
            "run_as_mode": "OWNER",
            **given,
            **facts,
            "id": str(uuid.uuid4()),
            "last_modifier_user_name": call.user or self._user,
        }
        with self._lock:
            self._held[created["id"]] = created
        return dict(created)

    def _list(self, call: Call) -> Json:
        active = [query for query in list(self._held.values()) if query["lifecycle_state"] == "ACTIVE"]
        active = [query for query in active if self._access.can(call.user, "view", "queries", query["id"])]
        size = min(call.number("page_size") or 20, 100)
        return listing("results", *page(active, call.text("page_token"), size, gaps=False))

    def _update(self, call: Call) -> Json:
        given = call.object("query")
        names = str(call.need("update_mask")).split(",")
        query = self._of(call, "manage" if "owner_user_name" in names else "edit")
        query.update({name: given.get(name) for name in names}, update_time=stamp(self._clock.now()))
        return dict(query)

    def _trash(self, call: Call) -> None:
        self._of(call, "manage")["lifecycle_state"] = "TRASHED"
