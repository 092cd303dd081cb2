"""Tags that are assigned to catalogs, schemas, tables, columns, volumes and models, and the policies of their keys."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from genops.testing.workspace.clock import stamp
from genops.testing.workspace.http.identity import Identity, stable_id
from genops.testing.workspace.http.wire import Json, absent, exists, invalid
from genops.testing.workspace.unity.names import actor

if TYPE_CHECKING:
    from genops.testing.workspace.clock import Clock

ENTITY_TYPES = {
    "catalogs": "catalog",
    "schemas": "schema",
    "tables": "table",
    "columns": "table",
    "volumes": "volume",
    "models": "model",
    "functions": "function",
}
"""Kind of securable by entity type; a column is reached through its table."""


class Tags:
    """Assignments by entity type, entity name and key, and the governed keys.

    Args:
        identity: The workspace's own user.
        clock: Gives the times.

    Attributes:
        policies: Governed tags by key, in the shape of the API.
    """

    def __init__(self, identity: Identity, clock: Clock) -> None:
        self._identity = identity
        self._clock = clock
        self._lock = threading.Lock()
        self._held: dict[tuple[str, str], dict[str, Json]] = {}
        self.policies: dict[str, Json] = {}

    def assign(self, entity_type: str, entity_name: str, key: str, value: str, *, new: bool = False) -> Json:
        """Set a tag; with ``new`` it must not be there yet.

        Raises:
            ApiError: It is there already, or its key is governed and does not allow the value.
        """
        self._allowed(key, value)
        with self._lock:
            held = self._held.setdefault((entity_type, entity_name.lower()), {})
            if new and key in held:
                raise exists(f"Tag assignment with tag key {key} already exists")
            held[key] = {
                "entity_type": entity_type,
                "entity_name": entity_name,
                "tag_key": key,
                "tag_value": value,
                "update_time": stamp(self._clock.now()),
                "updated_by": actor() or self._identity.user,
            }
            return held[key]

    def _allowed(self, key: str, value: str) -> None:
        allowed = [item["name"] for item in self.policies.get(key, {}).get("values", ())]
        if allowed and value not in allowed:
            raise invalid(f"Tag value {value} is not an allowed value for tag policy key {key}")

    def get(self, entity_type: str, entity_name: str, key: str) -> Json:
        """One assignment."""
        found = self._held.get((entity_type, entity_name.lower()), {}).get(key)
        if found is None:
            raise absent(f"Tag assignment with tag key {key} does not exist")
        return found

    def list(self, entity_type: str, entity_name: str) -> list[Json]:
        """All assignments of an entity, by key."""
        held = self._held.get((entity_type, entity_name.lower()), {})
        return [held[key] for key in sorted(held)]

    def all(self) -> list[Json]:
        """Every assignment, by entity and key."""
        with self._lock:
            return [held[key] for _, held in sorted(self._held.items()) for key in sorted(held)]

    def remove(self, entity_type: str, entity_name: str, key: str) -> None:
        """Delete an assignment."""
        self.get(entity_type, entity_name, key)
        with self._lock:
            self._held[entity_type, entity_name.lower()].pop(key, None)

    # Life of what carries tags

    def forget(self, kind: str, full_name: str) -> None:
        """Forget the tags of a securable that is gone, its columns' included."""
        with self._lock:
            for place in self._of(kind, full_name):
                del self._held[place]

    def moved(self, kind: str, old: str, new: str) -> None:
        """Keep the tags of a securable, and of its columns, under its new name."""
        with self._lock:
            for entity_type, name in self._of(kind, old):
                held = self._held.pop((entity_type, name))
                place = (entity_type, new + name[len(old) :])
                self._held[place] = {key: {**tag, "entity_name": place[1]} for key, tag in held.items()}

    def _of(self, kind: str, full_name: str) -> list[tuple[str, str]]:
        def belongs(entity_type: str, name: str) -> bool:
            return name == full_name or (entity_type == "columns" and name.rpartition(".")[0] == full_name)

        return [place for place in self._held if ENTITY_TYPES.get(place[0]) == kind and belongs(*place)]

    # Between two starts

    def state(self) -> Json:
        """What lasts."""
        return {"held": [[*place, held] for place, held in list(self._held.items())], "policies": self.policies}

    def restore(self, state: Json) -> None:
        """Take over what :meth:`state` gave."""
        self._held = {(entity_type, name): held for entity_type, name, held in state["held"]}
        self.policies.update(state["policies"])

    # Governed keys

    def policy(self, key: str) -> Json:
        """The policy of a governed key."""
        if key not in self.policies:
            raise absent(f"Tag policy with tag key {key} does not exist")
        return self.policies[key]

    def govern(self, key: str, given: Json, *, new: bool) -> Json:
        """Create or change the policy of a key.

        Args:
            key: The tag's key.
            given: ``description`` and ``values``; what is absent stays.
            new: Whether it must not be there yet.

        Raises:
            ApiError: It is there already, or is not there.
        """
        with self._lock:
            if new and key in self.policies:
                raise exists(f"Tag policy with tag key {key} already exists")
            now = stamp(self._clock.now())
            fresh: Json = {"tag_key": key, "id": stable_id("tag policy", key), "create_time": now}
            before = fresh if new else self.policy(key)
            known = {field: given[field] for field in ("description", "values") if field in given}
            self.policies[key] = {**before, **known, "update_time": now}
            return self.policies[key]

    def ungovern(self, key: str) -> None:
        """Delete the policy of a key; assignments of it stay."""
        self.policy(key)
        with self._lock:
            del self.policies[key]
