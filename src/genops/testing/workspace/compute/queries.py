"""Saved queries, one of the places where a job's SQL lives."""

from __future__ import annotations

import threading
import uuid
from typing import TYPE_CHECKING

from genops.testing.workspace.clock import stamp
from genops.testing.workspace.http.paging import listing, page
from genops.testing.workspace.http.wire import Call, Json, Routes, absent, invalid

if TYPE_CHECKING:
    from genops.testing.workspace.clock import Clock


class QueryService:
    """Saved queries.

    Args:
        user: Their owner.
        clock: Gives the times.
    """

    def __init__(self, user: str, clock: Clock) -> None:
        self._user = user
        self._clock = clock
        self._lock = threading.Lock()
        self._held: dict[str, Json] = {}

    def routes(self) -> Routes:
        """Saved queries, as the API of 2024 and later has them."""
        base = "/api/2.0/sql/queries"
        return {
            f"POST {base}": self._create,
            f"GET {base}": self._list,
            f"GET {base}/{{id}}": lambda call: dict(self.get(call.args["id"])),
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
        size = min(call.number("page_size") or 20, 100)
        return listing("results", *page(active, call.text("page_token"), size, gaps=False))

    def _update(self, call: Call) -> Json:
        query = self.get(call.args["id"])
        given = call.object("query")
        names = str(call.need("update_mask")).split(",")
        query.update({name: given.get(name) for name in names}, update_time=stamp(self._clock.now()))
        return dict(query)

    def _trash(self, call: Call) -> None:
        self.get(call.args["id"])["lifecycle_state"] = "TRASHED"
