"""Tags that are assigned to catalogs, schemas, tables, columns and volumes."""

from __future__ import annotations

import threading

from genops.testing.workspace.http.wire import Json, absent, exists


class Tags:
    """Assignments by entity type, entity name and key."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._held: dict[tuple[str, str], dict[str, Json]] = {}

    def assign(self, entity_type: str, entity_name: str, key: str, value: str, *, new: bool = False) -> Json:
        """Set a tag; with ``new`` it must not be there yet."""
        with self._lock:
            held = self._held.setdefault((entity_type, entity_name.lower()), {})
            if new and key in held:
                raise exists(f"Tag assignment with tag key {key} already exists")
            held[key] = {"entity_type": entity_type, "entity_name": entity_name, "tag_key": key, "tag_value": value}
            return held[key]

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

    def remove(self, entity_type: str, entity_name: str, key: str) -> None:
        """Delete an assignment."""
        self.get(entity_type, entity_name, key)
        with self._lock:
            self._held[entity_type, entity_name.lower()].pop(key, None)
