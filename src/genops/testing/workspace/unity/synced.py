"""Database instances, and the tables that are synchronized into them.

No Postgres runs behind an instance: it is there so that synced tables have their place, and what would have to reach
one (credentials, roles, registered catalogs, database tables) is refused. A synced table is read in the workspace.
"""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING

from genops.testing.workspace.clock import stamp
from genops.testing.workspace.compute.passages import Passages
from genops.testing.workspace.http.wire import ApiError, Call, Json, Routes, absent, exists, invalid, unserved
from genops.testing.workspace.unity.copies import PREPARATION_SECONDS, Copies, Copy
from genops.testing.workspace.unity.names import checked_name
from genops.testing.workspace.unity.online import copy_of, status_of
from genops.testing.workspace.unity.pages import only

if TYPE_CHECKING:
    from genops.testing.workspace.clock import Clock
    from genops.testing.workspace.unity.catalog import UnityCatalog
    from genops.testing.workspace.unity.pages import Pages

_BASE = "/api/2.0/database"
_CAPACITIES = ("CU_1", "CU_2", "CU_4", "CU_8")
_SPEC = (
    "source_table_full_name",
    "primary_key_columns",
    "timeseries_key",
    "scheduling_policy",
    "create_database_objects_if_missing",
    "new_pipeline_spec",
)
_TABLE = ("name", "database_instance_name", "logical_database_name", "spec")


class DatabaseService:
    """The database instances of a workspace, and its synced tables.

    Args:
        catalog: Holds the tables.
        pages: How lists are cut.
        clock: Gives the times.
        polls: How many reads show an instance or a table being prepared.
    """

    def __init__(self, catalog: UnityCatalog, pages: Pages, clock: Clock, polls: int) -> None:
        self._catalog = catalog
        self._pages = pages
        self._clock = clock
        self._copies = Copies(catalog, clock, polls, "POSTGRESQL_FORMAT", "Synced table")
        self._instances: dict[str, Json] = {}
        self._passages = Passages(clock, catalog.lock, polls)

    def routes(self) -> Routes:
        """Create, read and delete."""
        return {
            f"POST {_BASE}/instances": self._create_instance,
            f"GET {_BASE}/instances": self._list_instances,
            f"GET {_BASE}/instances:findByUid": self._find_instance,
            f"GET {_BASE}/instances/{{name}}": self._read_instance,
            f"DELETE {_BASE}/instances/{{name}}": self._drop_instance,
            f"GET {_BASE}/instances/{{name}}/synced_tables": self._list,
            f"POST {_BASE}/synced_tables": self._create,
            f"GET {_BASE}/synced_tables/{{name}}": self._read,
            f"DELETE {_BASE}/synced_tables/{{name}}": self._drop,
        }

    def state(self) -> Json:
        """What lasts besides the rows."""
        return {"instances": self._instances, "tables": self._copies.state()}

    def restore(self, state: Json) -> None:
        """Take over what :meth:`state` gave."""
        self._instances.update(state["instances"])
        self._copies.restore(state["tables"])
        for name in [name for name, info in self._instances.items() if info["state"] == "STARTING"]:
            self._start(name)

    # Instances

    def _instance(self, name: str) -> Json:
        if name not in self._instances:
            raise absent(f"Database instance '{name}' does not exist.")
        return self._instances[name]

    def _create_instance(self, call: Call) -> Json:
        given = only(call.json, ("name", "capacity", "custom_tags", "usage_policy_id"), "A database instance")
        name, capacity = checked_name(given.get("name")), given.get("capacity") or "CU_1"
        if capacity not in _CAPACITIES:
            raise invalid(f"capacity must be one of {', '.join(_CAPACITIES)}, not {capacity!r}")
        call.objects("custom_tags")
        with self._catalog.lock:
            if name in self._instances:
                raise exists(f"Database instance '{name}' already exists.")
            self._instances[name] = {
                **given,
                "name": name,
                "capacity": capacity,
                "effective_capacity": capacity,
                "uid": str(uuid.uuid4()),
                "creator": call.user,
                "creation_time": stamp(self._clock.now()),
                "state": "STARTING",
            }
            self._start(name)
            return dict(self._instances[name])

    def _start(self, name: str) -> None:
        self._passages.begin(name, PREPARATION_SECONDS, lambda: self._instances[name].update(state="AVAILABLE"))

    def _list_instances(self, call: Call) -> Json:
        held = sorted(self._instances.copy().items())
        return self._pages.of("database_instances", [info for _, info in held], call, by="page_size")

    def _find_instance(self, call: Call) -> Json:
        uid = call.need("uid")
        found = next((info for info in self._instances.copy().values() if info["uid"] == uid), None)
        if found is None:
            raise absent(f"Database instance with uid '{uid}' does not exist.")
        return dict(found)

    def _read_instance(self, call: Call) -> Json:
        self._passages.read(call.args["name"])
        return dict(self._instance(call.args["name"]))

    def _drop_instance(self, call: Call) -> None:
        name = call.args["name"]
        with self._catalog.lock:
            self._owned(call, name)
            if call.text("purge") == "false":
                raise invalid("purge must be true: a database instance is deleted for good")
            if held := self._tables(name):
                raise ApiError(400, "INVALID_STATE", f"Database instance '{name}' has synced tables: {', '.join(held)}")
            self._passages.drop(name)
            del self._instances[name]

    def _owned(self, call: Call, name: str) -> None:
        owner = self._instance(name)["creator"]
        if not self._catalog.grants.is_admin(call.user) and call.user != owner:
            raise ApiError(403, "PERMISSION_DENIED", f"User {call.user} may not manage the database instance '{name}'")

    def _tables(self, instance: str) -> list[str]:
        return [copy.name for copy in self._copies.all() if copy.given["database_instance_name"] == instance]

    # Tables

    def _create(self, call: Call) -> Json:
        only(call.json, _TABLE, "A synced table")
        spec = only(call.object("spec"), _SPEC, "A synced table")
        policy = spec.setdefault("scheduling_policy", "SNAPSHOT")
        if policy == "CONTINUOUS":
            raise unserved("A synced table with the scheduling_policy CONTINUOUS")
        if policy not in ("SNAPSHOT", "TRIGGERED"):
            raise invalid(f"scheduling_policy must be SNAPSHOT, TRIGGERED or CONTINUOUS, not {policy!r}")
        if not spec.get("primary_key_columns"):
            raise invalid("A synced table needs primary_key_columns")
        with self._catalog.lock:
            instance = self._instance(call.need("database_instance_name"))["name"]
            database = call.need("logical_database_name")
            kept = {"spec": spec, "database_instance_name": instance, "logical_database_name": database}
            return _shown(self._copies.begin(call.need("name"), copy_of(call.user, spec, kept)))

    def _read(self, call: Call) -> Json:
        return _shown(self._copies.read(call.args["name"], call.user))

    def _list(self, call: Call) -> Json:
        names, grants = self._tables(self._instance(call.args["name"])["name"]), self._catalog.grants
        seen = [_shown(self._copies.read(name, call.user)) for name in names if grants.sees(call.user, "table", name)]
        return self._pages.of("synced_tables", seen, call, by="page_size")

    def _drop(self, call: Call) -> None:
        self._copies.drop(call.args["name"], call.user)


def _shown(copy: Copy) -> Json:
    status = status_of(copy, "SYNCED_TABLE_")
    if copy.state == "ACTIVE":
        synced = {"delta_commit_version": copy.version}
        status["last_sync"] = {"delta_table_sync_info": synced, "sync_end_timestamp": stamp(copy.synced / 1000)}
    return {
        "name": copy.name,
        "spec": {**copy.given["spec"], "primary_key_columns": copy.keys, "source_table_full_name": copy.source},
        **{key: copy.given[key] for key in ("database_instance_name", "logical_database_name")},
        "effective_database_instance_name": copy.given["database_instance_name"],
        "effective_logical_database_name": copy.given["logical_database_name"],
        "data_synchronization_status": status,
        "unity_catalog_provisioning_state": copy.state,
    }
