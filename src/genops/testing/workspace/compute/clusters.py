"""Clusters: their life over reads and by the clock. Only notebook tasks of jobs run on them, and only their SQL."""

from __future__ import annotations

import secrets
import threading
import time
from dataclasses import asdict
from typing import TYPE_CHECKING

from genops.testing.workspace.compute.access import Access, Owned, guarded
from genops.testing.workspace.compute.cluster import START_SECONDS, STOP_SECONDS, Cluster, checked_spec
from genops.testing.workspace.compute.nodes import node_types, spark_versions, zones
from genops.testing.workspace.compute.passages import Passages
from genops.testing.workspace.compute.shapes import checked_count, items
from genops.testing.workspace.http.paging import listing, page
from genops.testing.workspace.http.wire import ApiError, Call, Handler, Json, Routes, invalid

if TYPE_CHECKING:
    from genops.testing.workspace.clock import Clock
    from genops.testing.workspace.compute.ownership import Ownership
    from genops.testing.workspace.http.identity import Identity
    from genops.testing.workspace.journal import Journal

# Events of the journal that the API's own list of events does not have.
_UNLISTED = ("TERMINATED", "DELETED")
_PAGE, _LARGEST_PAGE = 20, 100
_EVENTS, _MOST_EVENTS = 50, 500


class ClusterService:
    """The clusters of a workspace.

    Args:
        identity: Cloud, region and user of the workspace.
        clock: Gives the times.
        journal: Is told of their states (``cluster``).
        ownership: Knows who is an admin.
        access: Says who may use and change them.
        transition_polls: How many reads show a state on the way before the final one.
    """

    def __init__(
        self,
        identity: Identity,
        clock: Clock,
        journal: Journal,
        ownership: Ownership,
        access: Access,
        transition_polls: int,
    ) -> None:
        self._identity = identity
        self._clock = clock
        self._journal = journal
        self._ownership = ownership
        self._access = access
        access.covers("clusters", lambda identifier: Owned(self._get(identifier).user))
        self._lock = threading.RLock()
        self._held: dict[str, Cluster] = {}
        self._passages = Passages(clock, self._lock, transition_polls)

    def routes(self) -> Routes:
        """Create, read, change, start, terminate and remove."""
        base = "/api/2.x/clusters"
        cloud, region = self._identity.cloud, self._identity.region
        return {
            f"POST {base}/create": self._create,
            f"GET {base}/get": self._for("view", self._read),
            f"GET {base}/list": self._list,
            f"POST {base}/edit": self._for("manage", lambda call: self._change(call, call.json)),
            f"POST {base}/update": self._for("manage", self._update),
            f"POST {base}/start": self._for("restart", self._start),
            f"POST {base}/restart": self._for("restart", self._restart),
            f"POST {base}/resize": self._for("manage", self._resize),
            f"POST {base}/delete": self._for(
                "restart", lambda call: self._terminate(self._of(call), "USER_REQUEST", call.user)
            ),
            f"POST {base}/permanent-delete": self._for("manage", self._remove),
            f"POST {base}/pin": lambda call: self._pin(call, pinned=True),
            f"POST {base}/unpin": lambda call: self._pin(call, pinned=False),
            f"POST {base}/events": self._for("view", self._events),
            f"GET {base}/list-node-types": lambda _: {"node_types": node_types(cloud)},
            f"GET {base}/spark-versions": lambda _: {"versions": spark_versions()},
            f"GET {base}/list-zones": lambda _: {
                "zones": zones(cloud, region),
                "default_zone": zones(cloud, region)[0],
            },
        }

    def _for(self, ability: str, handler: Handler) -> Handler:
        return guarded(handler, lambda call: self.check(call.need("cluster_id"), call.user, ability))

    def check(self, identifier: str, user: str, ability: str = "use") -> None:
        """Refuse a user who may not do something with a cluster, as run on it.

        Raises:
            ApiError: 403 ``PERMISSION_DENIED``, or that there is no such cluster.
        """
        self._access.need(user, ability, "clusters", identifier)

    # Between two starts

    def state(self) -> Json:
        """What lasts."""
        with self._lock:
            return {identifier: asdict(cluster) for identifier, cluster in self._held.items()}

    def restore(self, state: Json) -> None:
        """Take over what :meth:`state` gave; a cluster that ran has ended with the workspace."""
        for identifier, facts in state.items():
            known: Json = {**facts, "active": 0, "watched": False}
            cluster = self._held[identifier] = Cluster(**known)
            if cluster.state != "TERMINATED":
                cluster.reason = {"code": "COMMUNICATION_LOST", "type": "CLOUD_FAILURE", "parameters": {}}
                self._ended(cluster)

    # What jobs do with clusters

    def provide(self, spec: Json, name: str, user: str) -> str:
        """Make a cluster for one run of a job; it runs at once, and only :meth:`finish` ends it.

        Returns:
            The id of the cluster.

        Raises:
            ApiError: The settings are no cluster's.
        """
        checked = {**checked_spec({**spec, "cluster_name": name}), "autotermination_minutes": 0}
        cluster = self._add(checked, user, "JOB")
        self._run(cluster)
        return cluster.id

    def occupy(self, identifier: str) -> None:
        """A task runs on a cluster; one that has ended is started by it.

        Raises:
            ApiError: There is no such cluster.
        """
        with self._lock:
            cluster = self._get(identifier)
            if cluster.state != "RUNNING":
                self._passages.drop(identifier)
                cluster.started, cluster.terminated = self._clock.millis(), 0
                self._note(cluster, "STARTING")
                self._run(cluster)
            cluster.active += 1

    def vacate(self, identifier: str) -> None:
        """A task that ran on a cluster has ended."""
        with self._lock:
            cluster = self._held.get(identifier)
            if cluster is not None:
                cluster.active = max(0, cluster.active - 1)
                cluster.idle_since = self._clock.now()
                self._watch(cluster)

    def finish(self, identifier: str) -> None:
        """The run that a cluster was made for has ended."""
        with self._lock:
            cluster = self._held.get(identifier)
            if cluster is not None and cluster.state == "RUNNING":
                self._terminate(cluster, "JOB_FINISHED", cluster.user)
                self._passages.finish(identifier)

    def known(self, identifier: str) -> bool:
        """Whether there is a cluster of this id."""
        return identifier in self._held

    # States

    def _note(self, cluster: Cluster, event: str, **details: object) -> None:
        info = cluster.shown(self._identity.cloud)
        entry: Json = {
            "cluster_id": cluster.id,
            "timestamp": self._clock.millis(),
            "type": event,
            "details": {"current_num_workers": cluster.workers(), **details},
        }
        if event not in _UNLISTED:
            cluster.events.append(entry)
        self._journal.note("cluster", cluster_id=cluster.id, event_type=event, info=info)

    def _add(self, spec: Json, user: str, source: str) -> Cluster:
        now = time.gmtime(self._clock.now())
        identifier = f"{time.strftime('%m%d-%H%M%S', now)}-{secrets.token_hex(4)}"
        cluster = Cluster(identifier, spec, user, source, self._clock.millis())
        with self._lock:
            self._held[identifier] = cluster
            self._note(cluster, "CREATING", cluster_size=cluster.size(), user=user)
        return cluster

    def _run(self, cluster: Cluster, event: str = "RUNNING") -> None:
        cluster.state, cluster.idle_since = "RUNNING", self._clock.now()
        self._note(cluster, event)
        self._watch(cluster)

    def _watch(self, cluster: Cluster) -> None:
        """Look at a cluster when it is due to end by itself; one such look is under way at most."""
        due = cluster.ends_at()
        if due is not None and not cluster.watched:
            cluster.watched = True
            self._clock.at(due, lambda: self._look(cluster))

    def _look(self, cluster: Cluster) -> None:
        with self._lock:
            cluster.watched = False
            if cluster.is_idle(self._clock.now()):
                self._terminate(cluster, "INACTIVITY", cluster.user)
                self._passages.finish(cluster.id)
            else:
                self._watch(cluster)

    def _terminate(self, cluster: Cluster, code: str, user: str) -> None:
        with self._lock:
            if cluster.state in ("TERMINATING", "TERMINATED"):
                return
            idle = {"inactivity_duration_min": str(cluster.spec.get("autotermination_minutes"))}
            given = {"INACTIVITY": idle, "USER_REQUEST": {"username": user}}.get(code, {})
            cluster.reason = {"code": code, "type": "SUCCESS", "parameters": given}
            cluster.state = "TERMINATING"
            self._note(cluster, "TERMINATING", reason=cluster.reason)
            self._passages.begin(cluster.id, STOP_SECONDS, lambda: self._ended(cluster))

    def _ended(self, cluster: Cluster) -> None:
        cluster.state, cluster.terminated = "TERMINATED", self._clock.millis()
        self._note(cluster, "TERMINATED")

    # Requests

    def _get(self, identifier: str) -> Cluster:
        found = self._held.get(identifier)
        if found is None:
            # 400 and these words: the SDK makes ResourceDoesNotExist of them.
            raise invalid(f"Cluster {identifier} does not exist")
        return found

    def _of(self, call: Call) -> Cluster:
        return self._get(call.need("cluster_id"))

    def _in(self, call: Call, *states: str) -> Cluster:
        cluster = self._of(call)
        if cluster.state not in states:
            raise ApiError(
                400, "INVALID_STATE", f"Cluster {cluster.id} is in unexpected state {cluster.state.capitalize()}."
            )
        return cluster

    def _create(self, call: Call) -> Json:
        cluster = self._add(checked_spec(call.json), call.user or self._identity.user, "API")
        self._passages.begin(cluster.id, START_SECONDS, lambda: self._run(cluster))
        return {"cluster_id": cluster.id}

    def _read(self, call: Call) -> Json:
        self._passages.read(call.need("cluster_id"))
        with self._lock:
            return self._of(call).shown(self._identity.cloud)

    def _update(self, call: Call) -> None:
        names = call.need("update_mask").split(",")
        given = call.object("cluster")
        kept = {key: value for key, value in self._of(call).spec.items() if key not in names}
        self._change(call, {**kept, **{name: given[name] for name in names if name in given}})

    def _change(self, call: Call, given: Json) -> None:
        """Give a cluster other settings; one that runs restarts with them."""
        with self._lock:
            cluster = self._in(call, "RUNNING", "TERMINATED")
            cluster.spec = checked_spec(given)
            self._note(cluster, "EDITED", user=call.user)
            if cluster.state == "RUNNING":
                cluster.state = "RESTARTING"
                self._passages.begin(cluster.id, START_SECONDS, lambda: self._run(cluster))

    def _start(self, call: Call) -> None:
        with self._lock:
            cluster = self._in(call, "TERMINATED")
            cluster.state, cluster.started, cluster.terminated = "PENDING", self._clock.millis(), 0
            self._note(cluster, "STARTING", user=call.user)
            self._passages.begin(cluster.id, START_SECONDS, lambda: self._run(cluster))

    def _restart(self, call: Call) -> None:
        with self._lock:
            cluster = self._in(call, "RUNNING")
            cluster.state = "RESTARTING"
            self._note(cluster, "RESTARTING", user=call.user)
            self._passages.begin(cluster.id, START_SECONDS, lambda: self._run(cluster))

    def _resize(self, call: Call) -> None:
        with self._lock:
            cluster = self._in(call, "RUNNING")
            size = {key: call.json[key] for key in ("num_workers", "autoscale") if call.json.get(key) is not None}
            rest = {key: value for key, value in cluster.spec.items() if key not in ("num_workers", "autoscale")}
            cluster.spec = checked_spec({**rest, **size})
            cluster.state = "RESIZING"
            self._note(cluster, "RESIZING", cluster_size=cluster.size(), cause="USER_REQUEST", user=call.user)
            self._passages.begin(cluster.id, START_SECONDS, lambda: self._run(cluster, "UPSIZE_COMPLETED"))

    def _pin(self, call: Call, *, pinned: bool) -> None:
        cluster = self._of(call)
        # Of admins alone [docs.databricks.com, Clusters API: pin].
        self._ownership.need(call.user, f"the pin of cluster {cluster.id}")
        if cluster.pinned is not pinned:
            cluster.pinned = pinned
            self._note(cluster, "PINNED" if pinned else "UNPINNED", user=call.user)

    def _remove(self, call: Call) -> None:
        with self._lock:
            cluster = self._of(call)
            self._terminate(cluster, "USER_REQUEST", call.user)
            self._passages.finish(cluster.id)
            del self._held[cluster.id]
            self._note(cluster, "DELETED")

    def _list(self, call: Call) -> Json:
        for identifier in list(self._held):
            self._passages.read(identifier)
        query = call.query
        states, sources = query.get("filter_by.cluster_states"), query.get("filter_by.cluster_sources")
        pinned = call.text("filter_by.is_pinned").lower()
        found = [
            cluster
            for cluster in reversed(list(self._held.values()))
            if self._access.can(call.user, "view", "clusters", cluster.id)
            and (not states or cluster.state in states)
            and (not sources or cluster.source in sources)
            and (not pinned or cluster.pinned == (pinned == "true"))
        ]
        if call.text("sort_by.field") == "CLUSTER_NAME":
            found.sort(key=lambda cluster: cluster.name, reverse=call.text("sort_by.direction") == "DESC")
        shown = [cluster.shown(self._identity.cloud) for cluster in found]
        size = min(call.number("page_size") or _PAGE, _LARGEST_PAGE)
        return listing("clusters", *page(shown, call.text("page_token"), size, gaps=False))

    def _events(self, call: Call) -> Json:
        """What happened to a cluster, newest first; ``next_page`` is the request for what follows."""
        given = call.json
        kinds = items(given.get("event_types"))
        numbers = {name: checked_count(given.get(name), name) for name in ("start_time", "end_time", "offset", "limit")}
        since, until = numbers["start_time"], numbers["end_time"] or 1 << 62
        events = [
            event
            for event in self._of(call).events
            if since <= event["timestamp"] <= until and (not kinds or event["type"] in kinds)
        ]
        if given.get("order") != "ASC":
            events.reverse()
        start = numbers["offset"]
        stop = start + min(numbers["limit"] or _EVENTS, _MOST_EVENTS)
        body: Json = {"events": events[start:stop], "total_count": len(events)}
        return {**body, "next_page": {**given, "offset": stop}} if stop < len(events) else body
