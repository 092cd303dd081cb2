"""One serving endpoint: its configuration, its state and its rate limits."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from genops.testing.workspace.http.wire import ApiError, invalid, objects_of, unserved

if TYPE_CHECKING:
    from genops.testing.workspace.http.wire import Json

FOUNDATION = "system.ai."
"""Where models are that need no training data and no code of the user."""
_EMBEDDINGS = re.compile(r"gte|bge|embed", re.IGNORECASE)
_WINDOW_SECONDS = 60


@dataclass
class Endpoint:
    """A serving endpoint.

    Attributes:
        id: Thirty-two hexadecimal digits.
        name: As it is called.
        user: Who made it.
        created: Milliseconds since the epoch.
        updated: When it changed last.
        given: What else it was created with: budget policy, description, route optimization.
        tags: Its tags, by key.
        config: What it serves; ``None`` until it is ready for the first time.
        pending: What it is going to serve, while that is prepared.
        version: Number of the configuration.
        limits: Its rate limits, as ``calls`` or ``tokens`` a minute for a ``key``.
        gateway: Its AI gateway, in the shape of the API.
    """

    id: str
    name: str
    user: str
    created: int
    updated: int
    given: Json
    tags: dict[str, str]
    config: Json | None = None
    pending: Json | None = None
    version: int = 0
    limits: list[Json] = field(default_factory=list["Json"])
    gateway: Json = field(default_factory=dict[str, object])
    _used: dict[tuple[int, str, str], int] = field(default_factory=dict[tuple[int, str, str], int])

    @property
    def entity(self) -> str:
        """Name of what it serves."""
        return str((self.config or self.pending or {})["served_entities"][0]["entity_name"])

    @property
    def task(self) -> str:
        """What it can be asked."""
        return "llm/v1/embeddings" if _EMBEDDINGS.search(self.entity) else "llm/v1/chat"

    def arrive(self, now: int) -> None:
        """The configuration that was prepared serves from now on."""
        self.config, self.pending, self.updated = self.pending, None, now
        self.version += 1

    def shown(self, *, whole: bool) -> Json:
        """Its shape in the API; lists show less of it."""
        state = {
            "ready": "READY" if self.config else "NOT_READY",
            "config_update": "IN_PROGRESS" if self.pending else "NOT_UPDATING",
        }
        body: Json = {
            **self.given,
            "id": self.id,
            "name": self.name,
            "creator": self.user,
            "creation_timestamp": self.created,
            "last_updated_timestamp": self.updated,
            "state": state,
            "tags": [{"key": key, "value": value} for key, value in self.tags.items()],
            "task": self.task,
            "config": self._config(self.config, "DEPLOYMENT_READY") if self.config else {},
            **({"ai_gateway": self.gateway} if self.gateway else {}),
        }
        if whole:
            body["permission_level"] = "CAN_MANAGE"
            if self.pending:
                body["pending_config"] = self._config(self.pending, "DEPLOYMENT_CREATING")
        return body

    def _config(self, config: Json, state: str) -> Json:
        entities = [
            {**entity, "creator": self.user, "creation_timestamp": self.created, "state": {"deployment": state}}
            for entity in config["served_entities"]
        ]
        routes = [
            {"served_entity_name": entity["name"], "served_model_name": entity["name"], "traffic_percentage": 100}
            for entity in entities
        ]
        return {
            "served_entities": entities,
            "traffic_config": {"routes": routes},
            "config_version": self.version + (config is self.pending),
        }

    def charge(self, user: str, now: float, kind: str, amount: int) -> None:
        """Count calls or tokens of a user against the limits of this minute."""
        minute = int(now // _WINDOW_SECONDS)
        for place in ("", user):
            key = (minute, kind, place)
            self._used[key] = self._used.get(key, 0) + amount
        for old in [key for key in self._used if key[0] < minute]:
            del self._used[old]

    def check_limits(self, user: str, now: float) -> None:
        """Refuse a query that is over a limit.

        Raises:
            ApiError: 429 ``REQUEST_LIMIT_EXCEEDED``.
        """
        minute = int(now // _WINDOW_SECONDS)
        for limit in self.limits:
            place = user if limit.get("key", "endpoint") == "user" else ""
            for kind in ("calls", "tokens"):
                most = limit.get(kind)
                if most is not None and self._used.get((minute, kind, place), 0) >= int(most):
                    raise ApiError(
                        429,
                        "REQUEST_LIMIT_EXCEEDED",
                        f"The endpoint {self.name} exceeded its rate limit of {most} {kind} a minute for "
                        f"{limit.get('key', 'endpoint')}.",
                    )


def checked_config(given: Json) -> Json:
    """What an endpoint serves.

    Raises:
        ApiError: 501 for anything but one foundation model; 400 for nothing at all.
    """
    if given.get("auto_capture_config"):
        raise unserved("auto_capture_config of a serving endpoint")
    served = objects_of(given.get("served_entities"), "served_entities")
    if given.get("served_models"):
        raise unserved("served_models of a serving endpoint; give served_entities with a foundation model")
    if not served:
        raise invalid("A serving endpoint needs served_entities")
    if len(served) > 1:
        raise unserved("A serving endpoint with more than one served entity")
    entity = served[0]
    if entity.get("external_model"):
        raise unserved("An external_model")
    if not str(entity.get("entity_name") or "").startswith(FOUNDATION):
        raise unserved(
            f"Serving {entity.get('entity_name')!r}: only {FOUNDATION}* is served, by an echo; a model of your own"
        )
    name = entity.get("name") or str(entity["entity_name"]).removeprefix(FOUNDATION)
    return {"served_entities": [{**entity, "name": name}]}


def checked_limits(limits: list[Json]) -> list[Json]:
    """Rate limits that can be kept.

    Raises:
        ApiError: 501 for limits of groups and service principals; 400 for broken ones.
    """
    for limit in limits:
        if limit.get("key", "endpoint") not in ("endpoint", "user"):
            raise unserved(f"A rate limit for {limit['key']}")
        if limit.get("renewal_period") != "minute":
            raise invalid(f"renewal_period must be minute, not {limit.get('renewal_period')!r}")
        amounts = [limit[kind] for kind in ("calls", "tokens") if limit.get(kind) is not None]
        if not amounts or not all(isinstance(amount, int) and amount >= 0 for amount in amounts):
            raise invalid(f"A rate limit needs calls or tokens, whole numbers: {limit!r}")
    return limits
