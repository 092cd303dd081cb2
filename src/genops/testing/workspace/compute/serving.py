"""Serving endpoints that answer: chats, completions and embeddings, by an echo that counts tokens."""

from __future__ import annotations

import json
import re
import secrets
import threading
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from genops.testing.workspace.compute import echo_model
from genops.testing.workspace.compute.access import Access, Owned
from genops.testing.workspace.compute.endpoint import Endpoint, checked_config, checked_limits
from genops.testing.workspace.compute.passages import Passages
from genops.testing.workspace.compute.shapes import checked_part, items
from genops.testing.workspace.http.wire import (
    ApiError,
    Call,
    Json,
    Reply,
    Routes,
    absent,
    exists,
    invalid,
    objects_of,
    unserved,
)

if TYPE_CHECKING:
    from genops.testing.workspace.clock import Clock
    from genops.testing.workspace.journal import Journal

PREPARATION_SECONDS = 5 * 60
"""How long a configuration is prepared by the clock; our figure, as the service promises none."""
_NAME = re.compile(r"[A-Za-z0-9]([\w-]{0,61}[A-Za-z0-9])?")
_KEPT = ("budget_policy_id", "usage_policy_id", "description", "route_optimized")
_UNSERVED = ("email_notifications", "telemetry_config")
_UNSERVED_GATEWAY = ("fallback_config", "guardrails", "inference_table_config")


class ServingService:
    """The serving endpoints of a workspace.

    Args:
        user: Who makes them where nobody else is known.
        clock: Gives the times.
        journal: Is told of each query (``serving``).
        access: Says who may see, query and change them.
        transition_polls: How many reads show a configuration being prepared.
    """

    def __init__(self, user: str, clock: Clock, journal: Journal, access: Access, transition_polls: int) -> None:
        self._user = user
        self._access = access
        access.covers("serving-endpoints", lambda identifier: Owned(self._with_id(identifier).user))
        self._clock = clock
        self._journal = journal
        self._lock = threading.RLock()
        self._held: dict[str, Endpoint] = {}
        self._passages = Passages(clock, self._lock, transition_polls)

    def routes(self) -> Routes:
        """Endpoints and queries; the paths without a name are those of OpenAI's client, which sends it as model."""
        base = "/api/2.0/serving-endpoints"
        return {
            f"POST {base}": self._create,
            f"GET {base}": self._list,
            f"GET {base}/{{name}}": self._read,
            f"PUT {base}/{{name}}/config": self._update,
            f"PATCH {base}/{{name}}/tags": self._tag,
            f"PUT {base}/{{name}}/rate-limits": self._limit,
            f"PUT {base}/{{name}}/ai-gateway": self._gateway,
            f"DELETE {base}/{{name}}": self._delete,
            "POST /serving-endpoints/{name}/invocations": lambda call: self._query(call, call.args["name"]),
            "POST /serving-endpoints/chat/completions": lambda call: self._query(call, call.need("model")),
            "POST /serving-endpoints/completions": lambda call: self._query(call, call.need("model")),
            "POST /serving-endpoints/embeddings": lambda call: self._query(call, call.need("model")),
        }

    def state(self) -> Json:
        """What lasts: the endpoints, not what was counted against their limits."""
        with self._lock:
            held = {name: asdict(endpoint) for name, endpoint in self._held.items()}
        for facts in held.values():
            del facts["_used"]
        return held

    def restore(self, state: Json) -> None:
        """Take over what :meth:`state` gave; a configuration on its way is prepared anew."""
        for name, facts in state.items():
            endpoint = self._held[name] = Endpoint(**facts)
            if endpoint.pending is not None:
                self._prepare(endpoint)

    def _get(self, name: str) -> Endpoint:
        found = self._held.get(name)
        if found is None:
            raise absent(f"Endpoint with name '{name}' does not exist.")
        return found

    def _with_id(self, identifier: str) -> Endpoint:
        """An endpoint by its id, by which access lists know it."""
        found = next((one for one in list(self._held.values()) if one.id == identifier), None)
        if found is None:
            raise absent(f"Endpoint with id '{identifier}' does not exist.")
        return found

    def _of(self, call: Call, ability: str = "manage") -> Endpoint:
        endpoint = self._get(call.args["name"])
        self._access.need(call.user, ability, "serving-endpoints", endpoint.id)
        return endpoint

    # Life

    def _create(self, call: Call) -> Json:
        name, given = call.need("name"), call.json
        if not _NAME.fullmatch(name):
            raise invalid(f"Endpoint name {name!r} is not valid: letters, digits, - and _, at most 63")
        for key in _UNSERVED:
            if given.get(key):
                raise unserved(f"{key} of a serving endpoint")
        config = checked_config(checked_part(given.get("config"), "config"))
        limits = checked_limits(objects_of(given.get("rate_limits"), "rate_limits"))
        tags = _tags(objects_of(given.get("tags"), "tags"))
        now, kept = self._clock.millis(), {key: given[key] for key in _KEPT if given.get(key) is not None}
        user = call.user or self._user
        with self._lock:
            if name in self._held:
                raise exists(f"Endpoint with name '{name}' already exists.", "RESOURCE_ALREADY_EXISTS")
            endpoint = Endpoint(secrets.token_hex(16), name, user, now, now, kept, tags, pending=config, limits=limits)
            if given.get("ai_gateway"):
                self._take_gateway(endpoint, checked_part(given["ai_gateway"], "ai_gateway"))
            self._held[name] = endpoint
            self._prepare(endpoint)
            return endpoint.shown(whole=True)

    def _prepare(self, endpoint: Endpoint) -> None:
        self._passages.begin(endpoint.name, PREPARATION_SECONDS, lambda: endpoint.arrive(self._clock.millis()))

    def _list(self, call: Call) -> Json:
        user = call.user
        for name in list(self._held):
            self._passages.read(name)
        with self._lock:
            shown = [one for one in self._held.values() if self._access.can(user, "view", "serving-endpoints", one.id)]
            return {"endpoints": [endpoint.shown(whole=False) for endpoint in shown]}

    def _read(self, call: Call) -> Json:
        self._passages.read(call.args["name"])
        with self._lock:
            return self._of(call, "view").shown(whole=True)

    def _update(self, call: Call) -> Json:
        config = checked_config(call.json)
        with self._lock:
            endpoint = self._of(call)
            if endpoint.pending is not None:
                raise ApiError(409, "RESOURCE_CONFLICT", f"Endpoint '{endpoint.name}' is already being updated.")
            endpoint.pending = config
            self._prepare(endpoint)
            return endpoint.shown(whole=True)

    def _delete(self, call: Call) -> None:
        with self._lock:
            endpoint = self._of(call)
            self._passages.drop(endpoint.name)
            del self._held[endpoint.name]

    # Settings

    def _tag(self, call: Call) -> Json:
        with self._lock:
            endpoint = self._of(call)
            for key in items(call.json.get("delete_tags")):
                endpoint.tags.pop(str(key), None)
            endpoint.tags.update(_tags(call.objects("add_tags")))
            return {"tags": [{"key": key, "value": value} for key, value in endpoint.tags.items()]}

    def _limit(self, call: Call) -> Json:
        endpoint = self._of(call)
        endpoint.limits = checked_limits(call.objects("rate_limits"))
        return {"rate_limits": endpoint.limits}

    def _gateway(self, call: Call) -> Json:
        return self._take_gateway(self._of(call), call.json)

    def _take_gateway(self, endpoint: Endpoint, given: Json) -> Json:
        for key in _UNSERVED_GATEWAY:
            if given.get(key):
                raise unserved(f"{key} of an AI gateway")
        endpoint.limits = checked_limits(objects_of(given.get("rate_limits"), "rate_limits"))
        endpoint.gateway = {key: given[key] for key in ("rate_limits", "usage_tracking_config") if given.get(key)}
        return endpoint.gateway

    # Queries

    def _query(self, call: Call, name: str) -> Json | Reply:
        endpoint, now = self._get(name), self._clock.now()
        self._access.need(call.user, "query", "serving-endpoints", endpoint.id)
        user = call.user or self._user
        body: Json = {}
        status = 200
        try:
            with self._lock:
                if endpoint.config is None:
                    raise ApiError(400, "INVALID_STATE", f"Endpoint '{name}' is not ready.")
                endpoint.check_limits(user, now)
                endpoint.charge(user, now, "calls", 1)
            identity = f"local_{secrets.token_hex(12)}"
            body = echo_model.answer(call.json, endpoint.entity, endpoint.task, identity, int(now))
        except ApiError as error:
            status = error.status
            raise
        finally:
            self._note(call, endpoint, user, body.get("usage") or {}, status)
        served = {"served-model-name": str((endpoint.config or {})["served_entities"][0]["name"])}
        if not call.json.get("stream"):
            return Reply(body=body, headers=served)
        if body.get("object") != "chat.completion":
            raise unserved("stream of a query that is no chat")
        pieces = [*map(json.dumps, echo_model.events(body)), "[DONE]"]
        text = "".join(f"data: {piece}\n\n" for piece in pieces)
        return Reply(raw=text.encode(), headers={**served, "Content-Type": "text/event-stream"})

    def _note(self, call: Call, endpoint: Endpoint, user: str, usage: Json, status: int) -> None:
        asked, said = int(usage.get("prompt_tokens") or 0), int(usage.get("completion_tokens") or 0)
        endpoint.charge(user, self._clock.now(), "tokens", asked + said)
        given: dict[str, Any] = call.json
        self._journal.note(
            "serving",
            endpoint_name=endpoint.name,
            endpoint_id=endpoint.id,
            entity_name=endpoint.entity,
            requester=user,
            input_tokens=asked,
            output_tokens=said,
            status=status,
            tags=dict(endpoint.tags),
            usage_policy_id=endpoint.given.get("usage_policy_id") or endpoint.given.get("budget_policy_id"),
            client_request_id=given.get("client_request_id"),
            usage_context=given.get("usage_context"),
        )


def _tags(given: list[Json]) -> dict[str, str]:
    for tag in given:
        if not isinstance(tag.get("key"), str):
            raise invalid(f"A tag needs a key: {tag!r}")
    return {tag["key"]: str(tag.get("value") or "") for tag in given}
