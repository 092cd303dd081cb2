"""Clusters, as far as their states: waiters can be tested, nothing runs on them."""

from __future__ import annotations

import secrets
import threading
import time
from typing import TYPE_CHECKING

from genops.testing.workspace.http.wire import Call, Json, Routes, invalid

if TYPE_CHECKING:
    from genops.testing.workspace.clock import Clock
    from genops.testing.workspace.journal import Journal


class ClusterService:
    """Clusters that start and end.

    Args:
        user: Who creates them.
        clock: Gives the times.
        journal: Is told of their states.
        transition_polls: How many reads show a state on the way before the final one.
    """

    def __init__(self, user: str, clock: Clock, journal: Journal, transition_polls: int) -> None:
        self._user = user
        self._clock = clock
        self._journal = journal
        self._polls = transition_polls
        self._lock = threading.Lock()
        self._held: dict[str, Json] = {}
        self._moving: dict[str, tuple[str, int]] = {}

    def routes(self) -> Routes:
        """Create, read, start, terminate and remove."""
        base = "/api/2.x/clusters"
        return {
            f"POST {base}/create": self._create,
            f"GET {base}/get": lambda call: self._shown(call.need("cluster_id")),
            f"GET {base}/list": lambda _: {"clusters": [self._shown(key) for key in list(self._held)]},
            f"POST {base}/start": lambda call: self._move(call.need("cluster_id"), "PENDING", "RUNNING"),
            f"POST {base}/restart": lambda call: self._move(call.need("cluster_id"), "RESTARTING", "RUNNING"),
            f"POST {base}/delete": lambda call: self._move(call.need("cluster_id"), "TERMINATING", "TERMINATED"),
            f"POST {base}/permanent-delete": self._remove,
        }

    def _create(self, call: Call) -> Json:
        call.need("spark_version")
        now = time.gmtime(self._clock.now())
        identifier = f"{time.strftime('%m%d-%H%M%S', now)}-{secrets.token_hex(4)}"
        name = call.json.get("cluster_name") or ""
        tags = {"Vendor": "Databricks", "Creator": self._user, "ClusterName": name, "ClusterId": identifier}
        with self._lock:
            self._held[identifier] = {
                **call.json,
                "cluster_id": identifier,
                "cluster_name": name,
                "creator_user_name": self._user,
                "cluster_source": "API",
                "default_tags": tags,
                "driver_node_type_id": call.json.get("driver_node_type_id") or call.json.get("node_type_id"),
                "start_time": self._clock.millis(),
                "state": "PENDING",
                "state_message": "",
            }
            self._moving[identifier] = ("RUNNING", self._polls)
        return {"cluster_id": identifier}

    def _get(self, identifier: str) -> Json:
        found = self._held.get(identifier)
        if found is None:
            # 400 and these words: the SDK makes ResourceDoesNotExist of them.
            raise invalid(f"Cluster {identifier} does not exist")
        return found

    def _shown(self, identifier: str) -> Json:
        with self._lock:
            info = self._get(identifier)
            target, left = self._moving.get(identifier, ("", 0))
            if target and left > 0:
                self._moving[identifier] = (target, left - 1)
            elif target:
                del self._moving[identifier]
                info["state"] = target
            return dict(info)

    def _move(self, identifier: str, through: str, target: str) -> None:
        with self._lock:
            info = self._get(identifier)
            if info["state"] != target:
                info["state"] = through
                self._moving[identifier] = (target, self._polls)

    def _remove(self, call: Call) -> None:
        identifier = call.need("cluster_id")
        with self._lock:
            self._get(identifier)
            del self._held[identifier]
            self._moving.pop(identifier, None)
