"""The metastore: its objects by kind and name, and what every change of one entails.

Objects are held in the shape in which the REST API shows them. Names are lower case, as Unity
Catalog stores them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from genops.testing.workspace.http.wire import ApiError, Json, absent
from genops.testing.workspace.unity.covering import Policies
from genops.testing.workspace.unity.grants import Grants
from genops.testing.workspace.unity.names import actor, parts_of, quote_part, taken
from genops.testing.workspace.unity.tags import Tags

if TYPE_CHECKING:
    from genops.testing.workspace.clock import Clock
    from genops.testing.workspace.http.identity import Identity
    from genops.testing.workspace.journal import Journal

DEPTHS = {"catalog": 1, "schema": 2, "table": 3, "volume": 3, "function": 3, "model": 3}
"""Parts in the full name of each kind that has its place in the namespace."""

STORED = ("connection", "storage_credential", "external_location", "external_metadata")
"""Kinds that hang on the metastore itself."""

End = tuple[str, ...]
"""One end of a flow of data: its kind, and what names it."""

_OWN_CODES = ("catalog", "schema", "table")
_WORDS = {"model": "Routine or Model", "function": "Routine or Model"}


def word(kind: str) -> str:
    """A kind as messages name it."""
    return _WORDS.get(kind, kind.replace("_", " ").capitalize())


def missing(kind: str, full_name: str) -> ApiError:
    """The error for a name that no object of the kind has."""
    code = f"{kind.upper()}_DOES_NOT_EXIST" if kind in _OWN_CODES else "RESOURCE_DOES_NOT_EXIST"
    return absent(f"{word(kind)} '{full_name}' does not exist.", code)


class Metastore:
    """All objects of a metastore, their tags and their grants.

    Args:
        identity: Owner and id of the metastore.
        clock: Gives the times.
        journal: Is told of every change, as ``object``.

    Attributes:
        held: Objects by kind and full name.
        workspace_id: Number of this workspace.
        bindings: Ids of the workspaces that may use a catalog, by its name; all of them where it is absent.
        flows: Lineage that was told rather than seen, by its two ends.
    """

    def __init__(self, identity: Identity, clock: Clock, journal: Journal) -> None:
        self.held: dict[str, dict[str, Json]] = {kind: {} for kind in (*DEPTHS, *STORED)}
        self.bindings: dict[str, list[int]] = {}
        self.flows: dict[tuple[End, End], Json] = {}
        self.tags = Tags(identity, clock)
        self.policies = Policies()
        self.grants = Grants(
            identity.user,
            identity.principals,
            self.securable,
            lambda kind, name: self.note("update_permissions", kind, name),
        )
        self.workspace_id = int(identity.workspace_id)
        self._identity = identity
        self._clock = clock
        self._journal = journal

    # Between two starts

    def state(self) -> Json:
        """What lasts."""
        return {
            "held": self.held,
            "bindings": self.bindings,
            "flows": [[source, target, flow] for (source, target), flow in self.flows.items()],
            "tags": self.tags.state(),
            "grants": self.grants.state(),
        }

    def restore(self, state: Json) -> None:
        """Take over what :meth:`state` gave."""
        for kind, objects in state["held"].items():
            self.held[kind].update(objects)
        self.bindings.update(state["bindings"])
        self.flows.update({(tuple(source), tuple(target)): flow for source, target, flow in state["flows"]})
        self.tags.restore(state["tags"])
        self.grants.restore(state["grants"])

    # Finding

    def securable(self, kind: str, full_name: str) -> Json:
        """An object by its kind and full name.

        Raises:
            ApiError: 404 where it or its parent does not exist, 403 where this workspace may not use its catalog.
        """
        if kind == "metastore":
            return self._metastore(full_name)
        if kind not in DEPTHS:
            return self._held(kind, full_name.lower())
        parts = parts_of(full_name, DEPTHS[kind])
        self._reach(parts[0])
        if kind != "catalog":
            self._held("catalog", parts[0])
        if DEPTHS[kind] > DEPTHS["schema"]:
            self._held("schema", ".".join(parts[:2]))
        return self._held(kind, ".".join(parts))

    def _held(self, kind: str, key: str) -> Json:
        info = self.held[kind].get(key)
        if info is None:
            raise missing(kind, key)
        return info

    def _metastore(self, name: str) -> Json:
        who = self._identity
        if name not in ("", who.metastore_id, who.metastore_name):
            raise absent(f"Metastore '{name}' does not exist.", "METASTORE_DOES_NOT_EXIST")
        return {"full_name": who.metastore_id, "securable_type": "METASTORE", "owner": who.user}

    def _reach(self, catalog: str) -> None:
        bound = self.bindings.get(catalog)
        isolated = self.held["catalog"].get(catalog, {}).get("isolation_mode") == "ISOLATED"
        if isolated and bound is not None and self.workspace_id not in bound:
            raise ApiError(403, "PERMISSION_DENIED", f"Catalog '{catalog}' is not accessible in current workspace")

    def inside(self, kind: str, parent: str) -> list[str]:
        """Full names of the objects of a kind below a catalog or schema, in order."""
        return sorted(key for key in self.held[kind].copy() if key.startswith(f"{parent}."))

    def schema_key(self, catalog: Any, schema: Any) -> str:
        """The full name of a schema that must be there, from its two parts."""
        full_name = f"{quote_part(str(catalog))}.{quote_part(str(schema))}"
        return str(self.securable("schema", full_name)["full_name"])

    # Changing

    def now(self) -> float:
        """Seconds since the epoch."""
        return self._clock.now()

    def new(self, kind: str, full_name: str, given: Json) -> Json:
        """The facts that every new object has; who is acting owns it."""
        now = self._clock.millis()
        user = actor() or self._identity.user
        parts = full_name.split(".") if kind in DEPTHS else [full_name]
        return {
            "name": parts[-1],
            "full_name": full_name,
            "owner": user,
            "metastore_id": self._identity.metastore_id,
            "created_at": now,
            "created_by": user,
            "updated_at": now,
            "updated_by": user,
            "securable_type": kind.upper(),
            **dict(zip(("catalog_name", "schema_name"), parts[:-1], strict=False)),
            **{key: given[key] for key in ("comment", "properties") if given.get(key)},
        }

    def add(self, kind: str, info: Json) -> Json:
        """Hold a new object; one of its name gives way.

        Tags and grants of a table that is replaced stay, as those of a securable do.
        """
        self.held[kind][info["full_name"]] = info
        self.note("create", kind, info["full_name"])
        return info

    def free(self, kind: str, full_name: str) -> str:
        """A full name that no object of the kind has yet.

        Raises:
            ApiError: It is taken.
        """
        if full_name in self.held[kind]:
            raise taken(kind, full_name)
        return full_name

    def remove(self, kind: str, full_name: str) -> None:
        """Forget an object with its tags and grants."""
        del self.held[kind][full_name]
        self.tags.forget(kind, full_name)
        self.grants.forget(kind, full_name)
        self.policies.forget(kind, full_name)
        self.bindings.pop(full_name, None) if kind == "catalog" else None
        self.note("delete", kind, full_name)

    def move(self, kind: str, old: str, new: str) -> Json:
        """Give an object its new full name; its tags and grants go with it."""
        held = self.held[kind]
        info = held[new] = held.pop(old)
        parts = new.split(".") if kind in DEPTHS else [new]
        placed = dict(zip(("catalog_name", "schema_name"), parts[:-1], strict=False))
        if kind == "catalog" and old in self.bindings:
            self.bindings[new] = self.bindings.pop(old)
        self.tags.moved(kind, old, new)
        self.grants.moved(kind, old, new)
        self.policies.moved(kind, old, new)
        return self.touch(info, name=parts[-1], full_name=new, **placed)

    def touch(self, info: Json, **changes: Any) -> Json:
        """Change an object and its ``updated_at``."""
        info.update(changes, updated_at=self._clock.millis(), updated_by=actor() or self._identity.user)
        if "securable_type" in info:
            self.note("update", info["securable_type"].lower(), info["full_name"])
        return info

    def note(self, action: str, kind: str, full_name: str) -> None:
        """Tell the journal of a change.

        Args:
            action: ``create``, ``update``, ``delete`` or ``update_permissions``.
            kind: Kind of securable.
            full_name: Its name; of a renamed one the new name.
        """
        user = actor() or self._identity.user
        self._journal.note("object", action=action, securable_type=kind.upper(), full_name=full_name, user=user)
