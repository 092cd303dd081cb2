"""SQL warehouses: sizes, types and states."""

from __future__ import annotations

import secrets
import threading
from typing import TYPE_CHECKING, Any

from genops.testing.workspace.http.wire import ApiError, Call, Json, Routes, absent, invalid

if TYPE_CHECKING:
    from genops.testing.workspace.clock import Clock
    from genops.testing.workspace.journal import Journal

SIZES = ("2X-Small", "X-Small", "Small", "Medium", "Large", "X-Large", "2X-Large", "3X-Large", "4X-Large", "5X-Large")
TYPES = ("CLASSIC", "PRO")

_DEFAULTS: Json = {
    "auto_stop_mins": 10,
    "enable_photon": True,
    "enable_serverless_compute": False,
    "min_num_clusters": 1,
    "max_num_clusters": 1,
    "spot_instance_policy": "COST_OPTIMIZED",
    "warehouse_type": "PRO",
}
_SETTABLE = (*_DEFAULTS, "name", "cluster_size", "tags", "channel", "instance_profile_arn", "creator_name")


class WarehouseService:
    """The warehouses of a workspace.

    Args:
        user: Who creates them.
        clock: Gives the times.
        journal: Is told of their states.
        transition_polls: How many reads show STARTING or STOPPING before the final state.
        default_size: Size of the warehouse that is there and RUNNING from the start.
    """

    def __init__(self, user: str, clock: Clock, journal: Journal, transition_polls: int, default_size: str) -> None:
        self._user = user
        self._clock = clock
        self._journal = journal
        self._polls = transition_polls
        self._lock = threading.RLock()
        self._held: dict[str, Json] = {}
        # Target state and reads left, by warehouse.
        self._moving: dict[str, tuple[str, int]] = {}
        starter: Json = {
            "name": "Serverless Starter Warehouse",
            "cluster_size": default_size,
            "enable_serverless_compute": True,
        }
        self.default_id = self._add(starter, "RUNNING")

    def routes(self) -> Routes:
        """Warehouse reads and changes."""
        base = "/api/2.0/sql/warehouses"
        return {
            f"GET {base}": self._list,
            f"POST {base}": self._create,
            f"GET {base}/{{id}}": lambda call: self._shown(call.args["id"]),
            f"POST {base}/{{id}}/edit": self._edit,
            f"DELETE {base}/{{id}}": self._delete,
            f"POST {base}/{{id}}/start": lambda call: self._move(call.args["id"], "STARTING", "RUNNING"),
            f"POST {base}/{{id}}/stop": lambda call: self._move(call.args["id"], "STOPPING", "STOPPED"),
        }

    def wake(self, identifier: str) -> None:
        """Make sure that a warehouse runs; a stopped one is started by the statement that needs it.

        Raises:
            ApiError: There is no such warehouse.
        """
        with self._lock:
            if identifier not in self._held:
                raise invalid(f"{identifier} is not a valid endpoint id.")
            self._moving.pop(identifier, None)
            self._held[identifier].update(state="RUNNING", num_clusters=1)

    def known(self, identifier: str) -> bool:
        """Whether there is a warehouse of this id."""
        return identifier in self._held

    def _add(self, given: Json, state: str) -> str:
        identifier = secrets.token_hex(8)
        known = {key: given[key] for key in _SETTABLE if given.get(key) is not None}
        self._held[identifier] = {
            **_DEFAULTS,
            "cluster_size": "Small",
            "tags": {},
            "channel": {"name": "CHANNEL_NAME_CURRENT"},
            "creator_name": self._user,
            **known,
            "id": identifier,
            "state": state,
            "num_clusters": 1,
            "num_active_sessions": 0,
            "jdbc_url": f"jdbc:databricks://127.0.0.1:443/default;httpPath=/sql/1.0/warehouses/{identifier};",
            "odbc_params": {
                "hostname": "127.0.0.1",
                "path": f"/sql/1.0/warehouses/{identifier}",
                "protocol": "https",
                "port": 443,
            },
            "health": {"status": "HEALTHY"},
        }
        return identifier

    def _get(self, identifier: str) -> Json:
        info = self._held.get(identifier)
        if info is None:
            raise absent(f"SQL warehouse {identifier} does not exist.")
        return info

    def _shown(self, identifier: str) -> Json:
        """A warehouse as of now; each read of one that is moving brings it nearer to its state."""
        with self._lock:
            info = self._get(identifier)
            if identifier in self._moving:
                target, left = self._moving[identifier]
                if left > 0:
                    self._moving[identifier] = (target, left - 1)
                else:
                    del self._moving[identifier]
                    info.update(state=target, num_clusters=0 if target == "STOPPED" else 1)
            return dict(info)

    def _move(self, identifier: str, through: str, target: str) -> None:
        with self._lock:
            info = self._get(identifier)
            if info["state"] in (through, target):
                return
            info["state"] = through
            self._moving[identifier] = (target, self._polls)

    def _list(self, _: Call) -> Json:
        return {"warehouses": [self._shown(identifier) for identifier in list(self._held)]}

    def _create(self, call: Call) -> Json:
        _check(call.json)
        if not call.json.get("name"):
            raise invalid("Warehouse name is required")
        with self._lock:
            if any(info["name"] == call.json["name"] for info in self._held.values()):
                raise ApiError(400, "INVALID_PARAMETER_VALUE", "Warehouse name is already used")
            identifier = self._add(call.json, "STARTING")
            self._moving[identifier] = ("RUNNING", self._polls)
        return {"id": identifier}

    def _edit(self, call: Call) -> None:
        _check(call.json)
        with self._lock:
            info = self._get(call.args["id"])
            info.update({key: call.json[key] for key in _SETTABLE if call.json.get(key) is not None})

    def _delete(self, call: Call) -> None:
        with self._lock:
            self._get(call.args["id"])
            del self._held[call.args["id"]]
            self._moving.pop(call.args["id"], None)


def _check(given: Json) -> None:
    size: Any = given.get("cluster_size")
    if size is not None and size not in SIZES:
        raise invalid(f"cluster_size {size!r} is not valid; expected one of {', '.join(SIZES)}")
    kind = given.get("warehouse_type")
    if kind is not None and kind not in TYPES:
        raise invalid(f"warehouse_type {kind!r} is not valid; expected one of {', '.join(TYPES)}")
    if kind == "CLASSIC" and given.get("enable_serverless_compute"):
        raise invalid("Serverless compute needs warehouse_type PRO")
