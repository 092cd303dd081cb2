"""Requests that concern pipelines."""

from __future__ import annotations

import re
import threading
import uuid
from typing import TYPE_CHECKING

from genops.testing.workspace.clock import stamp
from genops.testing.workspace.compute.access import Access, Owned
from genops.testing.workspace.compute.pipelines import ALIVE, Pipeline, Update, Updates, checked_pipeline
from genops.testing.workspace.http.paging import listing, page
from genops.testing.workspace.http.wire import Call, Json, Routes, absent, exists, invalid, unserved

if TYPE_CHECKING:
    from collections.abc import Callable

    from genops.testing.workspace.clock import Clock
    from genops.testing.workspace.journal import Journal

_PAGE = 25
_CLOSE_SECONDS = 5.0
_LARGEST_PAGE = 1_000


class PipelineService:
    """The pipelines of a workspace.

    Args:
        updates: Runs them.
        user: Who makes them where nobody else is known.
        clock: Gives the times.
        journal: Is told of changes of pipelines (``pipeline_change``).
        access: Says who may see, run and change them.
    """

    def __init__(self, updates: Updates, user: str, clock: Clock, journal: Journal, access: Access) -> None:
        self._updates = updates
        self._access = access
        access.covers("pipelines", lambda identifier: Owned(self._get(identifier).user))
        self._user = user
        self._clock = clock
        self._journal = journal
        self._lock = threading.RLock()
        self._held: dict[str, Pipeline] = {}

    def routes(self) -> Routes:
        """Pipelines, their updates and their events."""
        base = "/api/2.0/pipelines"
        return {
            f"POST {base}": self._create,
            f"GET {base}": self._list,
            f"GET {base}/{{id}}": lambda call: self._shown(self._of(call), read=True),
            f"PUT {base}/{{id}}": self._edit,
            f"DELETE {base}/{{id}}": self._delete,
            f"POST {base}/{{id}}/stop": self._stop,
            f"POST {base}/{{id}}/updates": self._start,
            f"GET {base}/{{id}}/updates": self._list_updates,
            f"GET {base}/{{id}}/updates/{{update}}": self._get_update,
            f"GET {base}/{{id}}/events": self._events,
        }

    def close(self) -> None:
        """Stop every update."""
        updates = [update for pipe in list(self._held.values()) for update in pipe.updates if not update.done.is_set()]
        for update in updates:
            self._updates.stop(update)
        for update in updates:
            update.done.wait(_CLOSE_SECONDS)

    def state(self) -> Json:
        """What lasts: the pipelines; updates and events do not."""
        held = list(self._held.values())
        return {pipe.id: {"spec": pipe.spec, "user": pipe.user, "modified": pipe.modified} for pipe in held}

    def restore(self, state: Json) -> None:
        """Take over what :meth:`state` gave."""
        for identifier, facts in state.items():
            pipeline = self._held[identifier] = Pipeline(identifier, **facts)
            info = self._shown(pipeline, read=False)
            self._journal.note(
                "pipeline_change", pipeline_id=identifier, action="RESTORED", info=info, user=pipeline.user
            )

    def begin(self, pipeline_id: str, given: Json, user: str) -> tuple[str, Callable[[], None], Callable[[], str]]:
        """Start an update for a task of a job: its id, what stops it, and what waits for its error."""
        pipeline = self._get(pipeline_id)
        self._access.need(user, "run", "pipelines", pipeline_id)
        update = self._updates.start(pipeline, given, "JOB_TASK", pipeline.user)

        def wait() -> str:
            update.done.wait()
            return update.error

        return update.id, lambda: self._updates.stop(update), wait

    def _get(self, identifier: str) -> Pipeline:
        found = self._held.get(identifier)
        if found is None:
            raise absent(f"The specified pipeline {identifier} was not found.")
        return found

    def _of(self, call: Call, ability: str = "view") -> Pipeline:
        pipeline = self._get(call.args["id"])
        self._access.need(call.user, ability, "pipelines", pipeline.id)
        return pipeline

    def _changed(self, pipeline: Pipeline, action: str, user: str) -> None:
        pipeline.modified = self._clock.millis()
        info = self._shown(pipeline, read=False)
        self._journal.note("pipeline_change", pipeline_id=pipeline.id, action=action, info=info, user=user)

    def _create(self, call: Call) -> Json:
        if call.json.get("dry_run"):
            raise unserved("dry_run of a pipeline")
        spec = checked_pipeline(call.json)
        with self._lock:
            same = any(other.spec.get("name") == spec.get("name") for other in self._held.values())
            if same and not call.json.get("allow_duplicate_names"):
                raise exists(f"The pipeline name {spec.get('name')!r} is already used", "RESOURCE_CONFLICT")
            identifier = str(uuid.uuid4())
            user = call.user or self._user
            pipeline = Pipeline(identifier, {**spec, "id": identifier}, user, 0)
            self._held[identifier] = pipeline
            self._changed(pipeline, "CREATED", user)
        return {"pipeline_id": identifier}

    def _edit(self, call: Call) -> None:
        pipeline = self._of(call, "manage")
        pipeline.spec = {**checked_pipeline(call.json), "id": pipeline.id}
        self._changed(pipeline, "EDITED", call.user)

    def _delete(self, call: Call) -> None:
        pipeline = self._of(call, "manage")
        if pipeline.updates:
            self._updates.stop(pipeline.updates[-1])
        with self._lock:
            self._changed(pipeline, "DELETED", call.user)
            del self._held[pipeline.id]

    def _shown(self, pipeline: Pipeline, *, read: bool) -> Json:
        states = [(update, self._visible(update) if read else update.state) for update in pipeline.updates]
        under_way = bool(states) and states[-1][1] not in ("COMPLETED", "CANCELED", "FAILED")
        cause = {"cause": pipeline.updates[-1].error} if pipeline.state == "FAILED" else {}
        return {
            **cause,
            "pipeline_id": pipeline.id,
            "name": pipeline.spec.get("name"),
            "spec": pipeline.spec,
            "state": "RUNNING" if under_way and not pipeline.updates[-1].stopping else pipeline.state,
            "health": "UNHEALTHY" if pipeline.state == "FAILED" else "HEALTHY",
            "creator_user_name": pipeline.user,
            "run_as_user_name": pipeline.user,
            "last_modified": pipeline.modified,
            "latest_updates": [
                {"update_id": update.id, "state": state, "creation_time": stamp(update.created / 1000)}
                for update, state in reversed(states[-5:])
            ],
        }

    def _visible(self, update: Update) -> str:
        """The state that this read shows: each one on the way shows for its reads."""
        with self._lock:
            for state in ALIVE:
                if update.polls[state] > 0:
                    update.polls[state] -= 1
                    return state
            return update.state

    def _list(self, call: Call) -> Json:
        wanted = re.fullmatch(r"(?:name LIKE '(.*)')?", call.text("filter"))
        if wanted is None:
            raise unserved(f"The filter {call.text('filter')!r} of pipelines")
        pattern = re.escape(wanted[1] or "%").replace("%", ".*")
        found = [
            pipe
            for pipe in list(self._held.values())
            if re.fullmatch(pattern, str(pipe.spec.get("name") or ""))
            and self._access.can(call.user, "view", "pipelines", pipe.id)
        ]
        states = [self._shown(pipeline, read=False) for pipeline in found]
        shown = [{key: value for key, value in state.items() if key != "spec"} for state in states]
        return self._paged("statuses", shown, call)

    def _paged(self, key: str, items: list[Json], call: Call) -> Json:
        size = min(call.number("max_results") or _PAGE, _LARGEST_PAGE)
        return listing(key, *page(items, call.text("page_token"), size, gaps=False))

    # Updates

    def _start(self, call: Call) -> Json:
        cause = str(call.json.get("cause") or "API_CALL")
        with self._lock:
            pipeline = self._of(call, "run")
            # Whoever starts it, it runs with the rights of its owner.
            return {"update_id": self._updates.start(pipeline, call.json, cause, pipeline.user).id}

    def _stop(self, call: Call) -> None:
        pipeline = self._of(call, "run")
        if pipeline.updates and not pipeline.updates[-1].done.is_set():
            self._updates.stop(pipeline.updates[-1])

    def _update_body(self, pipeline: Pipeline, update: Update, state: str) -> Json:
        return {
            "pipeline_id": pipeline.id,
            "update_id": update.id,
            "state": state,
            "cause": update.cause,
            "creation_time": update.created,
            "full_refresh": bool(update.given.get("full_refresh")),
            "config": pipeline.spec,
        }

    def _get_update(self, call: Call) -> Json:
        pipeline = self._of(call)
        update = next((update for update in pipeline.updates if update.id == call.args["update"]), None)
        if update is None:
            raise absent(f"The update {call.args['update']} of pipeline {pipeline.id} was not found.")
        return {"update": self._update_body(pipeline, update, self._visible(update))}

    def _list_updates(self, call: Call) -> Json:
        pipeline = self._of(call)
        bodies = [self._update_body(pipeline, update, update.state) for update in reversed(pipeline.updates)]
        return self._paged("updates", bodies, call)

    def _events(self, call: Call) -> Json:
        if call.text("filter"):
            raise unserved(f"The filter {call.text('filter')!r} of events")
        order = call.query.get("order_by", ["timestamp desc"])
        if order not in (["timestamp desc"], ["timestamp asc"]):
            raise invalid(f"order_by must be 'timestamp desc' or 'timestamp asc', not {order}")
        events = list(self._of(call).events)
        return self._paged("events", events if order == ["timestamp asc"] else events[::-1], call)
