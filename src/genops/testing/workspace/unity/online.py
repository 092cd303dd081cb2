"""Online tables over REST, triggered: the rows that the source had when the table became active."""

from __future__ import annotations

from typing import TYPE_CHECKING

from genops.testing.workspace.clock import stamp
from genops.testing.workspace.http.wire import Call, Json, Routes, unserved
from genops.testing.workspace.unity.copies import Copies, Copy, texts_of
from genops.testing.workspace.unity.pages import only

if TYPE_CHECKING:
    from genops.testing.workspace.clock import Clock
    from genops.testing.workspace.unity.catalog import UnityCatalog

_SPEC = ("source_table_full_name", "primary_key_columns", "timeseries_key", "run_triggered", "perform_full_copy")
_STATES = {
    "PROVISIONING": "PROVISIONING_INITIAL_SNAPSHOT",
    "ACTIVE": "ONLINE_NO_PENDING_UPDATE",
    "FAILED": "OFFLINE_FAILED",
}


class OnlineTableService:
    """The online tables of a workspace.

    Args:
        catalog: Holds the tables.
        clock: Gives the times.
        polls: How many reads show a table being prepared.
    """

    def __init__(self, catalog: UnityCatalog, clock: Clock, polls: int) -> None:
        self._copies = Copies(catalog, clock, polls, "DATABRICKS_ROW_STORE_FORMAT", "Online table")
        self.state, self.restore = self._copies.state, self._copies.restore

    def routes(self) -> Routes:
        """Create, read and delete."""
        base = "/api/2.0/online-tables"
        return {f"POST {base}": self._create, f"GET {base}/{{name}}": self._read, f"DELETE {base}/{{name}}": self._drop}

    def _create(self, call: Call) -> Json:
        given = only(call.json, ("name", "spec"), "An online table")
        name = call.need("name")
        if "run_continuously" in call.object("spec"):
            raise unserved("An online table with run_continuously")
        spec = only(call.object("spec"), _SPEC, "An online table")
        copy = copy_of(call.user, spec, {**given, "name": name, "spec": spec})
        return _shown(self._copies.begin(name, copy))

    def _read(self, call: Call) -> Json:
        return _shown(self._copies.read(call.args["name"], call.user))

    def _drop(self, call: Call) -> None:
        self._copies.drop(call.args["name"], call.user)


def copy_of(user: str, spec: Json, given: Json) -> Copy:
    """What a specification asks for.

    Args:
        user: Who asks.
        spec: The specification, in the words that online and synced tables share.
        given: What is shown of it.

    Raises:
        ApiError: It names no source, or something else than names.
    """
    (source,) = texts_of([spec.get("source_table_full_name")], "source_table_full_name")
    (latest,) = texts_of([spec.get("timeseries_key")], "timeseries_key") if spec.get("timeseries_key") else ("",)
    return Copy(user, texts_of(spec.get("primary_key_columns"), "primary_key_columns"), given, source, latest=latest)


def status_of(copy: Copy, prefix: str = "") -> Json:
    """How far the synchronization has come.

    Args:
        copy: The table.
        prefix: What stands before the names of states.
    """
    status: Json = {"detailed_state": prefix + _STATES[copy.state], "message": copy.message}
    done = {"last_processed_commit_version": copy.version, "timestamp": stamp(copy.synced / 1000)}
    return {**status, "triggered_update_status": done} if copy.state == "ACTIVE" else status


def _shown(copy: Copy) -> Json:
    return {
        "name": copy.name,
        "spec": {**copy.given["spec"], "primary_key_columns": copy.keys, "source_table_full_name": copy.source},
        "status": status_of(copy),
        "unity_catalog_provisioning_state": copy.state,
    }
