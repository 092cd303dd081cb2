"""One SQL warehouse: its settings, its state, and what it does by time and by load."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from genops.testing.workspace.http.wire import Json

STATEMENTS_A_CLUSTER = 10
"""Running statements for which one cluster is kept [docs.databricks.com, SQL warehouse sizing: one cluster for
every ten concurrent queries]."""
SCALE_DOWN_SECONDS = 15 * 60
"""How long a warehouse waits before it gives clusters back that its load does not need."""
SERVERLESS_START_SECONDS = 5
CLASSIC_START_SECONDS = 4 * 60
"""Start-up times by the clock [docs.databricks.com, SQL warehouse types: 2 to 6 seconds, about 4 minutes]."""
STOP_SECONDS = 5

_CLOCK_GRAIN = 0.001


@dataclass
class Warehouse:
    """A warehouse and its load.

    Attributes:
        id: Sixteen hexadecimal digits.
        settings: What was asked for, with the service's defaults.
        state: ``STARTING``, ``RUNNING``, ``STOPPING``, ``STOPPED`` or ``DELETING``.
        clusters: Clusters that run.
        running: Statements that run.
        idle_since: When the last statement ended, in seconds since the epoch.
        watched: Whether its idleness is going to be looked at.
        shrinking: Whether its load is going to be looked at.
    """

    id: str
    settings: Json
    state: str
    clusters: int = 0
    running: int = 0
    idle_since: float = 0.0
    watched: bool = False
    shrinking: bool = False
    places: Json = field(default_factory=dict[str, object])

    @property
    def name(self) -> str:
        """Its name, of which a workspace has one."""
        return str(self.settings["name"])

    @property
    def start_seconds(self) -> float:
        """How long it takes to start."""
        return SERVERLESS_START_SECONDS if self.settings["enable_serverless_compute"] else CLASSIC_START_SECONDS

    @property
    def smallest(self) -> int:
        """Clusters that it keeps while it runs."""
        return int(self.settings["min_num_clusters"])

    def wanted(self) -> int:
        """Clusters for its load, within its limits.

        >>> given = {"min_num_clusters": 1, "max_num_clusters": 3}
        >>> [Warehouse("w", given, "RUNNING", running=load).wanted() for load in (0, 10, 11, 99)]
        [1, 1, 2, 3]
        """
        needed = math.ceil(self.running / STATEMENTS_A_CLUSTER)
        return max(self.smallest, min(needed, int(self.settings["max_num_clusters"])))

    def stops_at(self) -> float | None:
        """When it stops by itself if nothing else happens, in seconds since the epoch."""
        minutes = float(self.settings["auto_stop_mins"])
        if self.state != "RUNNING" or self.running or not minutes:
            return None
        return self.idle_since + minutes * 60

    def is_idle(self, now: float) -> bool:
        """Whether it has done nothing for as long as it may."""
        due = self.stops_at()
        return due is not None and now + _CLOCK_GRAIN >= due

    def shown(self, sessions: int) -> Json:
        """Its shape in the API."""
        health = {"health": {"status": "HEALTHY"}} if self.state == "RUNNING" else {}
        return {
            **self.settings,
            **self.places,
            **health,
            "id": self.id,
            "state": self.state,
            "num_clusters": self.clusters,
            "num_active_sessions": sessions,
        }
