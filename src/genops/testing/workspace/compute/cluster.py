"""One cluster: its settings, its state and its idleness; and what a cluster's settings may be."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from genops.testing.workspace.compute.nodes import size_of
from genops.testing.workspace.compute.shapes import part
from genops.testing.workspace.http.wire import invalid, unserved

if TYPE_CHECKING:
    from typing import Any

    from genops.testing.workspace.http.wire import Json

START_SECONDS = 4 * 60
STOP_SECONDS = 10
"""How long a cluster is on its way by the clock; our figures, as the service promises none."""
MOST_TAGS = 45
"""Custom tags a cluster takes [docs.databricks.com, create a cluster: at most 45]."""

_SHORTEST_IDLE, _LONGEST_IDLE = 10, 10_000
_CLOCK_GRAIN = 0.001
# Settings that would do something which nothing here does.
_UNSERVED = ("init_scripts", "docker_image", "instance_pool_id", "driver_instance_pool_id", "policy_id", "libraries")
_UNSERVED_WITH = (*_UNSERVED, "clone_from", "apply_policy_default_values")
# What the request of a change says besides settings.
_ADDRESS = ("cluster_id", "update_mask", "cluster")


@dataclass
class Cluster:
    """A cluster.

    Attributes:
        id: As ``1121-202500-1a2b3c4d``.
        spec: Its settings as they were asked for.
        user: Who made it.
        source: ``API`` or ``JOB``.
        started: When it was started last, in milliseconds since the epoch.
        state: As the API names it.
        terminated: When it ended; 0 while it has not.
        reason: Why it ended, in the shape of the API.
        pinned: Whether somebody pinned it.
        active: Tasks that run on it.
        idle_since: When the last task ended or it came to run, in seconds since the epoch.
        watched: Whether its idleness is going to be looked at.
        events: What happened to it, oldest first, in the shape of the API.
    """

    id: str
    spec: Json
    user: str
    source: str
    started: int
    state: str = "PENDING"
    terminated: int = 0
    reason: Json = field(default_factory=dict[str, "Any"])
    pinned: bool = False
    active: int = 0
    idle_since: float = 0.0
    watched: bool = False
    events: list[Json] = field(default_factory=list["Json"])

    @property
    def name(self) -> str:
        """Its name, which need not be its own."""
        return str(self.spec.get("cluster_name") or "")

    def ends_at(self) -> float | None:
        """When it ends by itself if nothing else happens, in seconds since the epoch."""
        minutes = float(self.spec.get("autotermination_minutes") or 0)
        if self.state != "RUNNING" or self.active or not minutes:
            return None
        return self.idle_since + minutes * 60

    def is_idle(self, now: float) -> bool:
        """Whether it has done nothing for as long as it may."""
        due = self.ends_at()
        return due is not None and now + _CLOCK_GRAIN >= due

    def workers(self) -> int:
        """Workers that it has while it runs: of an autoscaling cluster that nothing loads, the fewest."""
        scale = self.spec.get("autoscale")
        return int(part(scale).get("min_workers") or 0) if scale else int(self.spec.get("num_workers") or 0)

    def size(self) -> Json:
        """Its size in the shape of the API."""
        scale = self.spec.get("autoscale")
        return {"autoscale": scale} if scale else {"num_workers": self.workers()}

    def tags(self) -> dict[str, str]:
        """The tags that the service puts on it itself."""
        return {"Vendor": "Databricks", "Creator": self.user, "ClusterName": self.name, "ClusterId": self.id}

    def shown(self, cloud: str) -> Json:
        """Its shape in the API."""
        memory, cores = size_of(cloud, self.spec.get("node_type_id"))
        nodes = self.workers() + 1
        figures: Json = {"cluster_cores": float(cores * nodes), "cluster_memory_mb": memory * nodes} if cores else {}
        ended: Json = {"terminated_time": self.terminated, "termination_reason": self.reason} if self.terminated else {}
        return {
            "autotermination_minutes": 0,
            **self.spec,
            **figures,
            **ended,
            "cluster_id": self.id,
            "cluster_name": self.name,
            "cluster_source": self.source,
            "creator_user_name": self.user,
            "default_tags": self.tags(),
            "driver_node_type_id": self.spec.get("driver_node_type_id") or self.spec.get("node_type_id"),
            "num_workers": self.workers(),
            "spec": self.spec,
            "start_time": self.started,
            "state": self.state,
            "state_message": _ending(self.reason) if self.terminated else "",
            **({"pinned_by_user_name": self.user} if self.pinned else {}),
        }


def _ending(reason: Json) -> str:
    texts = {"INACTIVITY": "Inactive", "USER_REQUEST": "Terminated by the user", "JOB_FINISHED": "The job has finished"}
    return texts.get(str(reason.get("code")), "")


def checked_spec(given: Json) -> Json:
    """The settings of a cluster as they can be kept here.

    Args:
        given: Body of a request to create or change a cluster, or the ``new_cluster`` of a job.

    Raises:
        ApiError: 400 for broken settings; 501 for those that would do something which nothing here does.
    """
    for name in _UNSERVED_WITH:
        if given.get(name):
            raise unserved(f"{name} of a cluster")
    spec = {key: value for key, value in given.items() if value is not None and key not in _ADDRESS}
    if not isinstance(spec.get("spark_version"), str):
        raise invalid("Missing required field: spark_version")
    _check_size(spec)
    _check_idle(spec.get("autotermination_minutes") or 0)
    tags: Any = spec.get("custom_tags") or {}
    if not isinstance(tags, dict) or len(tags) > MOST_TAGS:  # pyright: ignore[reportUnknownArgumentType] - a value of JSON, of any type
        raise invalid(f"custom_tags must be an object of at most {MOST_TAGS} tags")
    return spec


def _check_size(spec: Json) -> None:
    scale: Any = spec.get("autoscale")
    if scale is None:
        workers: Any = spec.get("num_workers", 0 if spec.get("is_single_node") else None)
        if not isinstance(workers, int) or workers < 0:
            raise invalid("Missing required field 'size': give num_workers, or autoscale")
        return
    try:
        least, most = int(scale["min_workers"]), int(scale["max_workers"])
    except (KeyError, TypeError, ValueError):
        raise invalid(f"autoscale needs the numbers min_workers and max_workers: {json.dumps(scale)}") from None
    if not 0 <= least <= most:
        raise invalid(f"autoscale: min_workers {least} must not be above max_workers {most}")


def _check_idle(minutes: Any) -> None:
    if minutes != 0 and not (isinstance(minutes, int) and _SHORTEST_IDLE <= minutes <= _LONGEST_IDLE):
        raise invalid(
            f"autotermination_minutes must be 0 or between {_SHORTEST_IDLE} and {_LONGEST_IDLE}, not {minutes!r}"
        )
