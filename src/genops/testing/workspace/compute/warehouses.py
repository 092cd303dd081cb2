"""SQL warehouses: sizes, types, states, scaling and stopping by themselves."""

from __future__ import annotations

import secrets
import threading
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from genops.testing.workspace.compute.access import Access, Owned, guarded
from genops.testing.workspace.compute.passages import Passages
from genops.testing.workspace.compute.shapes import checked_part
from genops.testing.workspace.compute.warehouse import SCALE_DOWN_SECONDS, STOP_SECONDS, Warehouse
from genops.testing.workspace.http.paging import listing, page
from genops.testing.workspace.http.wire import Call, Handler, Json, Routes, absent, invalid, objects_of

if TYPE_CHECKING:
    from genops.testing.workspace.clock import Clock
    from genops.testing.workspace.journal import Journal
    from genops.testing.workspace.sql.sessions import Sessions

SIZES = ("2X-Small", "X-Small", "Small", "Medium", "Large", "X-Large", "2X-Large", "3X-Large", "4X-Large", "5X-Large")
TYPES = ("CLASSIC", "PRO")

_DEFAULTS: Json = {
    "auto_stop_mins": 120,
    "cluster_size": "Small",
    "enable_photon": True,
    "enable_serverless_compute": False,
    "min_num_clusters": 1,
    "max_num_clusters": 1,
    "spot_instance_policy": "COST_OPTIMIZED",
    "warehouse_type": "CLASSIC",
    "channel": {"name": "CHANNEL_NAME_CURRENT"},
}
_SETTABLE = (*_DEFAULTS, "name", "tags", "instance_profile_arn", "creator_name")
_SHORTEST_STOP = 10
_MOST_CLUSTERS = 40
_MOST_TAGS = 45
_PAGE = 1_000


class WarehouseService:
    """The warehouses of a workspace.

    A warehouse that has run no statement for ``auto_stop_mins`` by the clock stops; a statement starts it again.
    With ``max_num_clusters`` above 1 it keeps one cluster for every ten running statements, and gives clusters
    back a quarter of an hour after it last needed them.

    Args:
        user: Who creates them.
        host: URL of the workspace.
        clock: Gives the times.
        journal: Is told of their states (``warehouse``) and of their settings (``warehouse_change``).
        sessions: The sessions that are open.
        access: Says who may use and change them; everybody may use the first.
        transition_polls: How many reads show STARTING or STOPPING before the final state.
    """

    def __init__(
        self,
        user: str,
        host: str,
        clock: Clock,
        journal: Journal,
        sessions: Sessions,
        access: Access,
        transition_polls: int,
    ) -> None:
        self._user = user
        self._host = urlsplit(host)
        self._clock = clock
        self._journal = journal
        self._sessions = sessions
        self._access = access
        access.covers("warehouses", lambda identifier: Owned(self._get(identifier).settings["creator_name"]))
        self._lock = threading.RLock()
        self._held: dict[str, Warehouse] = {}
        self._passages = Passages(clock, self._lock, transition_polls)
        self.default_id = ""
        journal.listen("statement", lambda entry: self._release(entry.facts["statement"].request["warehouse_id"]))

    def begin(self, size: str) -> None:
        """Make the warehouse that a new workspace has; it runs.

        Args:
            size: As ``2X-Small``.
        """
        starter = self._add(
            {
                "name": "Serverless Starter Warehouse",
                "auto_stop_mins": 10,
                "cluster_size": size,
                "enable_serverless_compute": True,
                "warehouse_type": "PRO",
            },
            self._user,
        )
        self.default_id = starter.id
        self._access.give("warehouses", starter.id, "users", "CAN_USE")
        self._run(starter)

    def state(self) -> Json:
        """What lasts: which warehouses there are, not what they do."""
        held = list(self._held.values())
        return {"default": self.default_id, "held": {warehouse.id: warehouse.settings for warehouse in held}}

    def restore(self, state: Json) -> None:
        """Take over what :meth:`state` gave; the first warehouse runs, the others wait until they are needed."""
        self.default_id = state["default"]
        for identifier, settings in state["held"].items():
            self._keep(identifier, settings)
        if self.default_id in self._held:
            self._run(self._held[self.default_id])

    def routes(self) -> Routes:
        """Warehouse reads and changes; ``endpoints`` is what they were called at first."""
        return {**self._routes("warehouses"), **self._routes("endpoints"), "GET /api/2.0/sql/config/warehouses": _types}

    def _routes(self, noun: str) -> Routes:
        base = f"/api/2.0/sql/{noun}"
        return {
            f"GET {base}": lambda call: self._list(call, noun),
            f"POST {base}": self._create,
            f"GET {base}/{{id}}": self._for("view", self._read),
            f"POST {base}/{{id}}/edit": self._for("manage", self._edit),
            f"DELETE {base}/{{id}}": self._for("manage", self._delete),
            f"POST {base}/{{id}}/start": self._for("use", lambda call: self._start(self._get(call.args["id"]))),
            f"POST {base}/{{id}}/stop": self._for("manage", lambda call: self._stop(self._get(call.args["id"]))),
        }

    def _for(self, ability: str, handler: Handler) -> Handler:
        return guarded(handler, lambda call: self._access.need(call.user, ability, "warehouses", call.args["id"]))

    # Load

    def wake(self, identifier: str) -> None:
        """Make sure that a warehouse runs; one that does not is started by the session or statement that needs it.

        Args:
            identifier: Of the warehouse; empty for what runs on other compute.

        Raises:
            ApiError: There is no such warehouse.
        """
        if not identifier:
            return
        with self._lock:
            warehouse = self._held.get(identifier)
            if warehouse is None:
                raise invalid(f"{identifier} is not a valid endpoint id.")
            if warehouse.state != "RUNNING":
                self._passages.drop(identifier)
                self._run(warehouse)
            warehouse.idle_since = self._clock.now()

    def occupy(self, identifier: str) -> None:
        """One more statement runs, until the journal is told that it has ended.

        Args:
            identifier: Of the warehouse; empty for what runs on other compute.

        Raises:
            ApiError: There is no such warehouse.
        """
        with self._lock:
            self.wake(identifier)
            warehouse = self._held.get(identifier)
            if warehouse is not None:
                warehouse.running += 1
                self._scale(warehouse, "SCALED_UP")

    def _release(self, identifier: str) -> None:
        """One statement less runs; each that has ended is noted once."""
        with self._lock:
            warehouse = self._held.get(identifier)
            if warehouse is None:
                return
            warehouse.running = max(0, warehouse.running - 1)
            warehouse.idle_since = self._clock.now()
            self._watch(warehouse)
            if warehouse.clusters > warehouse.wanted() and not warehouse.shrinking:
                warehouse.shrinking = True
                self._clock.at(warehouse.idle_since + SCALE_DOWN_SECONDS, lambda: self._shrink(warehouse))

    def known(self, identifier: str) -> bool:
        """Whether there is a warehouse of this id."""
        return identifier in self._held

    def usable(self, identifier: str, user: str) -> bool:
        """Whether there is a warehouse of this id that a user may run statements on."""
        return self.known(identifier) and self._access.can(user, "use", "warehouses", identifier)

    def _scale(self, warehouse: Warehouse, event: str) -> None:
        wanted = warehouse.wanted()
        step = 1 if event == "SCALED_UP" else -1
        while (wanted - warehouse.clusters) * step > 0:
            warehouse.clusters += step
            self._note(warehouse, event)

    def _shrink(self, warehouse: Warehouse) -> None:
        with self._lock:
            warehouse.shrinking = False
            if warehouse.state == "RUNNING":
                self._scale(warehouse, "SCALED_DOWN")

    def _watch(self, warehouse: Warehouse) -> None:
        """Look at a warehouse when it is due to stop by itself; one such look is under way at most."""
        due = warehouse.stops_at()
        if due is not None and not warehouse.watched:
            warehouse.watched = True
            self._clock.at(due, lambda: self._look(warehouse))

    def _look(self, warehouse: Warehouse) -> None:
        with self._lock:
            warehouse.watched = False
            if warehouse.is_idle(self._clock.now()):
                self._note(warehouse, "STOPPING")
                self._stopped(warehouse)
            else:
                self._watch(warehouse)

    # States

    def _note(self, warehouse: Warehouse, event: str) -> None:
        self._journal.note(
            "warehouse",
            warehouse_id=warehouse.id,
            event_type=event,
            cluster_count=warehouse.clusters,
            info=warehouse.shown(0),
        )

    def _start(self, warehouse: Warehouse) -> None:
        with self._lock:
            if warehouse.state in ("STARTING", "RUNNING"):
                return
            warehouse.state = "STARTING"
            self._note(warehouse, "STARTING")
            self._passages.begin(warehouse.id, warehouse.start_seconds, lambda: self._run(warehouse))

    def _run(self, warehouse: Warehouse) -> None:
        if warehouse.state != "STARTING":
            warehouse.state = "STARTING"
            self._note(warehouse, "STARTING")
        warehouse.state, warehouse.clusters = "RUNNING", warehouse.smallest
        warehouse.idle_since = self._clock.now()
        self._note(warehouse, "RUNNING")
        self._watch(warehouse)

    def _stop(self, warehouse: Warehouse) -> None:
        with self._lock:
            if warehouse.state not in ("STARTING", "RUNNING"):
                return
            warehouse.state = "STOPPING"
            self._note(warehouse, "STOPPING")
            self._passages.begin(warehouse.id, STOP_SECONDS, lambda: self._stopped(warehouse))

    def _stopped(self, warehouse: Warehouse) -> None:
        warehouse.state, warehouse.clusters = "STOPPED", 0
        self._note(warehouse, "STOPPED")

    # Settings

    def _get(self, identifier: str) -> Warehouse:
        found = self._held.get(identifier)
        if found is None:
            raise absent(f"SQL warehouse {identifier} does not exist.")
        return found

    def _add(self, given: Json, user: str) -> Warehouse:
        identifier = secrets.token_hex(8)
        known = {key: given[key] for key in _SETTABLE if given.get(key) is not None}
        return self._keep(identifier, {**_DEFAULTS, "tags": {}, "creator_name": user, **known})

    def _keep(self, identifier: str, settings: Json) -> Warehouse:
        warehouse = Warehouse(identifier, settings, "STOPPED", places=self._places(identifier))
        self._held[identifier] = warehouse
        self._journal.note("warehouse_change", warehouse_id=identifier, action="CREATED", info=warehouse.shown(0))
        return warehouse

    def _places(self, identifier: str) -> Json:
        path = f"/sql/1.0/warehouses/{identifier}"
        name, port = self._host.hostname or "", self._host.port or 443
        return {
            "jdbc_url": f"jdbc:databricks://{name}:{port}/default;transportMode=http;httpPath={path};",
            "odbc_params": {"hostname": name, "path": path, "protocol": self._host.scheme, "port": port},
        }

    def _read(self, call: Call) -> Json:
        self._passages.read(call.args["id"])
        return self._shown(self._get(call.args["id"]))

    def _shown(self, warehouse: Warehouse) -> Json:
        with self._lock:
            return warehouse.shown(self._sessions.on_warehouse(warehouse.id))

    def _list(self, call: Call, noun: str) -> Json:
        for identifier in list(self._held):
            self._passages.read(identifier)
        shown = [
            self._shown(warehouse)
            for warehouse in list(self._held.values())
            if self._access.can(call.user, "view", "warehouses", warehouse.id)
        ]
        size = min(call.number("page_size") or _PAGE, _PAGE)
        return listing(noun, *page(shown, call.text("page_token"), size, gaps=False))

    def _create(self, call: Call) -> Json:
        # A serverless warehouse is PRO where nothing else is said, any other is CLASSIC.
        kind = {"warehouse_type": "PRO"} if call.json.get("enable_serverless_compute") else {}
        given = {**kind, **{key: value for key, value in call.json.items() if value is not None}}
        if not given.get("name"):
            raise invalid("Warehouse name is required")
        _check({**_DEFAULTS, **given})
        with self._lock:
            self._check_name(given, "")
            warehouse = self._add(given, call.user or self._user)
            self._start(warehouse)
        return {"id": warehouse.id}

    def _edit(self, call: Call) -> None:
        warehouse = self._get(call.args["id"])
        given = {key: call.json[key] for key in _SETTABLE if call.json.get(key) is not None}
        _check({**warehouse.settings, **given})
        with self._lock:
            self._check_name(given, warehouse.id)
            warehouse.settings.update(given)
            self._journal.note("warehouse_change", warehouse_id=warehouse.id, action="EDITED", info=warehouse.shown(0))
            if warehouse.state == "RUNNING":
                self._scale(warehouse, "SCALED_UP")
                self._scale(warehouse, "SCALED_DOWN")
            self._watch(warehouse)

    def _check_name(self, given: Json, own: str) -> None:
        if any(other.name == given.get("name") and other.id != own for other in self._held.values()):
            raise invalid("Warehouse name is already used")

    def _delete(self, call: Call) -> None:
        with self._lock:
            warehouse = self._get(call.args["id"])
            self._passages.finish(warehouse.id)
            if warehouse.state == "RUNNING":
                self._note(warehouse, "STOPPING")
                self._stopped(warehouse)
            warehouse.state = "DELETING"
            self._passages.begin(warehouse.id, STOP_SECONDS, lambda: self._forget(warehouse))

    def _forget(self, warehouse: Warehouse) -> None:
        warehouse.state = "DELETED"
        self._held.pop(warehouse.id, None)
        self._journal.note("warehouse_change", warehouse_id=warehouse.id, action="DELETED", info=warehouse.shown(0))


def _types(_: Call) -> Json:
    """The warehouse configuration of the workspace: which types may be made."""
    return {
        "enable_serverless_compute": True,
        "enabled_warehouse_types": [{"warehouse_type": kind, "enabled": True} for kind in TYPES],
    }


def _check(given: Json) -> None:
    size: Any = given["cluster_size"]
    if size not in SIZES:
        raise invalid(f"cluster_size {size!r} is not valid; expected one of {', '.join(SIZES)}")
    kind = given["warehouse_type"]
    if kind not in TYPES:
        raise invalid(f"warehouse_type {kind!r} is not valid; expected one of {', '.join(TYPES)}")
    if kind == "CLASSIC" and given["enable_serverless_compute"]:
        raise invalid("Serverless compute needs warehouse_type PRO")
    tags = objects_of(checked_part(given.get("tags"), "tags").get("custom_tags"), "tags.custom_tags")
    if len(tags) > _MOST_TAGS:
        raise invalid(f"A warehouse takes at most {_MOST_TAGS} tags, not {len(tags)}")
    _check_numbers(given)


def _check_numbers(given: Json) -> None:
    for name in ("auto_stop_mins", "min_num_clusters", "max_num_clusters"):
        if not str(given[name]).isdigit():
            raise invalid(f"{name} must be a whole number, not {given[name]!r}")
    minutes, least, most = (int(given[name]) for name in ("auto_stop_mins", "min_num_clusters", "max_num_clusters"))
    if minutes and minutes < _SHORTEST_STOP and not given["enable_serverless_compute"]:
        raise invalid(f"auto_stop_mins must be 0 or at least {_SHORTEST_STOP}, not {minutes}")
    if not 1 <= least <= most <= _MOST_CLUSTERS:
        raise invalid(
            f"min_num_clusters {least} and max_num_clusters {most}: expected 1 <= min <= max <= {_MOST_CLUSTERS}"
        )
