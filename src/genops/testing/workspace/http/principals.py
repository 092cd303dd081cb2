"""Who there is: users, service principals and groups, and who belongs to which group."""

from __future__ import annotations

import hashlib
import secrets
import threading
import uuid
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING

from genops.testing.workspace.http.wire import absent, exists

if TYPE_CHECKING:
    from genops.testing.workspace.http.wire import Json

ADMINS = "admins"
EVERYBODY = ("users", "account users")
"""The workspace's group of all, and the account's, by which grants name everybody."""

# Deterministic, so that two runs of a test see the same ids.
_NAMESPACE = uuid.UUID("6f1f7c52-1c5f-4c08-8a3c-2f6d6b7f9a10")


def stable_id(*parts: str) -> str:
    """A UUID that depends on the parts only."""
    return str(uuid.uuid5(_NAMESPACE, "/".join(parts)))


@dataclass
class Principal:
    """One who can be granted something.

    Attributes:
        kind: ``User``, ``ServicePrincipal`` or ``Group``.
        name: What grants call it: the user name, the application id or the group's name.
        display: Its name for people.
        id: Decimal number as text.
        active: Whether it may sign in.
        members: Ids of a group's members.
        secrets: Digests of a service principal's OAuth secrets, by their id.
    """

    kind: str
    name: str
    display: str
    id: str
    active: bool = True
    members: set[str] = field(default_factory=set[str])
    secrets: dict[str, str] = field(default_factory=dict[str, str])


class Principals:
    """Everybody of a workspace; groups may have groups as members."""

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._held: dict[str, Principal] = {}
        for group in (ADMINS, *EVERYBODY):
            self.add("Group", group)

    def add(self, kind: str, name: str, *, display: str = "", groups: tuple[str, ...] = ()) -> Principal:
        """Add somebody, and the groups that are not there yet.

        Raises:
            ApiError: 409, there is one of this kind and name.
        """
        with self._lock:
            if self.find(kind, name):
                raise exists(f"{kind} with name {name} already exists.", "RESOURCE_ALREADY_EXISTS")
            number = uuid.UUID(stable_id(kind, name)).int % 10**16
            added = Principal(kind, name, display or name.partition("@")[0], str(number))
            self._held[added.id] = added
            for group in groups:
                (self.find("Group", group) or self.add("Group", group)).members.add(added.id)
            return added

    def all(self, kind: str) -> list[Principal]:
        """Everybody of a kind, in the order in which they were added."""
        with self._lock:
            return [one for one in self._held.values() if one.kind == kind]

    def find(self, kind: str, name: str) -> Principal | None:
        """Somebody by name; letter case does not count."""
        return next((one for one in self.all(kind) if one.name.lower() == name.lower()), None)

    def number_of(self, name: str) -> int:
        """The number of a user or service principal by name; 0 for nobody."""
        found = self.find("User", name) or self.find("ServicePrincipal", name)
        return int(found.id) if found else 0

    def get(self, kind: str, identifier: str) -> Principal:
        """Somebody by id.

        Raises:
            ApiError: 404, there is nobody.
        """
        found = self._held.get(identifier)
        if found is None or found.kind != kind:
            raise absent(f"{kind} with id {identifier} not found.")
        return found

    def known(self, identifier: str) -> Principal | None:
        """Anybody by id."""
        return self._held.get(identifier)

    def named(self, name: str) -> Principal | None:
        """Anybody by the name that grants use."""
        with self._lock:
            return next((one for one in self._held.values() if one.name.lower() == name.lower()), None)

    def remove(self, kind: str, identifier: str) -> None:
        """Remove somebody, from every group too."""
        with self._lock:
            self.get(kind, identifier)
            del self._held[identifier]
            for group in self.all("Group"):
                group.members.discard(identifier)

    def direct_groups(self, identifier: str) -> list[Principal]:
        """The groups that list somebody as a member."""
        return [group for group in self.all("Group") if identifier in group.members]

    def groups_of(self, name: str) -> frozenset[str]:
        """The names of all groups of somebody: everybody's, its own, and those that contain them."""
        with self._lock:
            found = self.named(name)
            reached: dict[str, Principal] = {}
            waiting = [found] if found else []
            while waiting:
                for group in self.direct_groups(waiting.pop().id):
                    if group.id not in reached:
                        reached[group.id] = group
                        waiting.append(group)
        return frozenset(EVERYBODY) | {group.name for group in reached.values()}

    # Between two starts

    def state(self) -> Json:
        """What lasts."""
        with self._lock:
            return {"held": [{**asdict(one), "members": sorted(one.members)} for one in self._held.values()]}

    def restore(self, state: Json) -> None:
        """Take over what :meth:`state` gave, in the place of everybody who is there."""
        found: list[Json] = [{**facts, "members": set(facts["members"])} for facts in state["held"]]
        self._held = {facts["id"]: Principal(**facts) for facts in found}

    # Secrets of service principals

    def new_secret(self, principal: Principal) -> tuple[str, str]:
        """Make an OAuth secret: its id, and the secret, which is not kept."""
        identifier, secret = str(uuid.uuid4()), f"local-{secrets.token_hex(20)}"
        with self._lock:
            principal.secrets[identifier] = digest(secret)
        return identifier, secret

    def client(self, client_id: str, secret: str) -> Principal | None:
        """The active service principal that a client id and secret belong to."""
        found = self.find("ServicePrincipal", client_id)
        if found is None or not found.active or digest(secret) not in found.secrets.values():
            return None
        return found


def digest(secret: str) -> str:
    """What is kept of a secret."""
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()
