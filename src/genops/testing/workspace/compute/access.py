"""Access control lists: who may see, use and change compute, jobs, queries and what lies in the workspace tree.

An object is for its creator and for admins until a list says more; what lies in a directory is also for those who have
the directory. A check is one call::

    access.need(user, "run", "jobs", "1001")

Unity Catalog's objects have grants instead.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from genops.testing.workspace.http.principals import ADMINS
from genops.testing.workspace.http.wire import ApiError, Call, Json, Routes, absent, invalid, unserved

if TYPE_CHECKING:
    from genops.testing.workspace.compute.ownership import Ownership
    from genops.testing.workspace.http.principals import Principals

Place = tuple[str, str]
"""An object: the plural of its kind, as paths of the API have it, and its id."""


@dataclass(frozen=True)
class Kind:
    """A kind of object.

    Attributes:
        type: What answers call it.
        root: How the ids of its objects begin in answers.
        levels: Permission levels, lowest first, each with what it allows.
    """

    type: str
    root: str
    levels: dict[str, str]


@dataclass(frozen=True)
class Owned:
    """Whose an object is: ``owner`` is a user or group, empty for nobody, and ``parent`` the directory it lies in."""

    owner: str
    parent: Place | None = None


_RUNS = {"IS_OWNER": "view run manage", "CAN_MANAGE": "view run manage"}
_TREE = {"CAN_READ": "view", "CAN_RUN": "view run", "CAN_EDIT": "view run edit", "CAN_MANAGE": "view run edit manage"}
# [docs.databricks.com, access control lists: the tables of abilities]
KINDS = {
    "clusters": Kind(
        "cluster",
        "/clusters/",
        {"CAN_ATTACH_TO": "view use", "CAN_RESTART": "view use restart", "CAN_MANAGE": "view use restart manage"},
    ),
    "jobs": Kind("job", "/jobs/", {"CAN_VIEW": "view", "CAN_MANAGE_RUN": "view run", **_RUNS}),
    "pipelines": Kind("pipelines", "/pipelines/", {"CAN_VIEW": "view", "CAN_RUN": "view run", **_RUNS}),
    "serving-endpoints": Kind(
        "serving-endpoint",
        "/serving-endpoints/",
        {"CAN_VIEW": "view", "CAN_QUERY": "view query", "CAN_MANAGE": "view query manage"},
    ),
    "warehouses": Kind(
        "warehouses",
        "/sql/warehouses/",
        {
            "CAN_VIEW": "view",
            "CAN_USE": "view use",
            "CAN_MONITOR": "view use",
            "IS_OWNER": "view use manage",
            "CAN_MANAGE": "view use manage",
        },
    ),
    "queries": Kind(
        "query",
        "/queries/",
        {"CAN_VIEW": "view", **{level: said for level, said in _TREE.items() if level != "CAN_READ"}},
    ),
    "notebooks": Kind("notebook", "/notebooks/", _TREE),
    "files": Kind("file", "/files/", _TREE),
    "directories": Kind("directory", "/directories/", _TREE),
}
_NAMES = {"user_name": "User", "group_name": "Group", "service_principal_name": "ServicePrincipal"}


class Access:
    """The access control lists of a workspace.

    Args:
        ownership: Knows who is an admin.
        principals: The users and groups of the workspace.
    """

    def __init__(self, ownership: Ownership, principals: Principals) -> None:
        self._ownership = ownership
        self._principals = principals
        self._lock = threading.Lock()
        self._finds: dict[str, Callable[[str], Owned]] = {}
        self._held: dict[Place, dict[str, str]] = {}

    def covers(self, kind: str, find: Callable[[str], Owned]) -> None:
        """Take a kind of object in.

        Args:
            kind: One of :data:`KINDS`.
            find: Says whose the object of an id is; raises an :class:`ApiError` where there is none.
        """
        self._finds[kind] = find

    def give(self, kind: str, identifier: str, principal: str, level: str) -> None:
        """Give somebody a permission level on an object."""
        with self._lock:
            self._held.setdefault((kind, identifier), {})[principal] = level

    # Checking

    def belongs(self, user: str, owner: str) -> bool:
        """Whether a user is an owner, in a group that is, or an admin."""
        return self._ownership.is_admin(user) or (owner != "" and owner in self._names(user))

    def can(self, user: str, ability: str, kind: str, identifier: object) -> bool:
        """Whether a user may do something with an object.

        Args:
            user: Who; the workspace's own user where it is empty.
            ability: A word of the table of :data:`KINDS`.
            kind: Kind of the object.
            identifier: Its id; a missing object is nobody's.
        """
        if self._ownership.is_admin(user):
            return True
        try:
            return self._holds(user, ability, (kind, str(identifier)))
        except ApiError:
            return False

    def need(self, user: str, ability: str, kind: str, identifier: object) -> None:
        """Refuse a user who may not do something, in the words of :meth:`can`.

        Raises:
            ApiError: 403 ``PERMISSION_DENIED``, or that there is no such object.
        """
        if self._ownership.is_admin(user) or self._holds(user, ability, (kind, str(identifier))):
            return
        enough = " or ".join(level for level, said in KINDS[kind].levels.items() if ability in said.split())
        message = (
            f"User {user} does not have {enough} on {KINDS[kind].root}{identifier}; its owner or an admin gives it"
        )
        raise ApiError(403, "PERMISSION_DENIED", message)

    def _names(self, user: str) -> set[str]:
        return {user, *self._principals.groups_of(user)}

    def _holds(self, user: str, ability: str, place: Place) -> bool:
        mine = self._names(user)
        return any(
            name in mine and ability in KINDS[where[0]].levels[level].split()
            for where, name, level in self._given(place)
        )

    def _given(self, place: Place) -> Iterator[tuple[Place, str, str]]:
        """Who has which level on an object, and where it is given: there or on a directory above."""
        here: Place | None = place
        while here is not None:
            owned = self._finds[here[0]](here[1])
            if owned.owner:
                yield here, owned.owner, _of_owners(here[0])
            for name, level in list(self._held.get(here, {}).items()):
                yield here, name, level
            here = owned.parent

    # Over HTTP

    def routes(self) -> Routes:
        """Reads and changes, one path for every kind."""
        base = "/api/2.0/permissions/{kind}/{id}"
        return {
            f"GET {base}": lambda call: self._body(self._place(call, "view")),
            f"PUT {base}": lambda call: self._change(call, keep=False),
            f"PATCH {base}": lambda call: self._change(call, keep=True),
            f"GET {base}/permissionLevels": self._levels,
        }

    def _place(self, call: Call, ability: str) -> Place:
        place = call.args["kind"], call.args["id"]
        if place[0] not in self._finds:
            raise unserved(f"The permissions of {place[0]}")
        self._finds[place[0]](place[1])
        self.need(call.user, ability, *place)
        return place

    def _levels(self, call: Call) -> Json:
        kind = KINDS[self._place(call, "view")[0]]
        described = [
            {"permission_level": level, "description": f"May {', '.join(said.split())}"}
            for level, said in kind.levels.items()
        ]
        return {"permission_levels": described}

    def _change(self, call: Call, *, keep: bool) -> Json:
        place = self._place(call, "manage")
        asked = [self._asked(place, one) for one in call.objects("access_control_list")]
        with self._lock:
            before = self._held.get(place, {}) if keep else {}
            self._held[place] = {**before, **{name: level for name, level in asked if name}}
        return self._body(place)

    def _asked(self, place: Place, one: Json) -> tuple[str, str]:
        """Whom a list names and the level; an empty name where it says what is so by itself."""
        named = [(kind, str(one[key])) for key, kind in _NAMES.items() if one.get(key)]
        if len(named) != 1:
            raise invalid(f"An entry of an access_control_list needs one of {', '.join(_NAMES)}: {one!r}")
        found = self._principals.find(*named[0])
        if found is None:
            raise absent(f"Principal: {named[0][0]}Name({named[0][1]}) does not exist.")
        level, levels = str(one.get("permission_level")), KINDS[place[0]].levels
        if level not in levels:
            raise invalid(f"{place[0]} have the permission levels {', '.join(levels)}, not {level!r}")
        if found.name == self._finds[place[0]](place[1]).owner:
            if level not in ("IS_OWNER", "CAN_MANAGE"):
                raise unserved(f"An owner who is left with {level}")
            return "", level
        if level == "IS_OWNER":
            raise unserved("Another owner than who made the object")
        return found.name, level

    def _body(self, place: Place) -> Json:
        kind = KINDS[place[0]]
        found: dict[str, list[Json]] = {}
        for where, name, level in self._given(place):
            above = {"inherited_from_object": [KINDS[where[0]].root + where[1]]} if where != place else {}
            item = {"permission_level": level, "inherited": bool(above), **above}
            found.setdefault(name, []).append(item)
        everywhere = {"permission_level": "CAN_MANAGE", "inherited": True, "inherited_from_object": [kind.root]}
        found.setdefault(ADMINS, []).append(everywhere)
        listed = [{**self._shown(name), "all_permissions": permissions} for name, permissions in found.items()]
        return {"object_id": kind.root + place[1], "object_type": kind.type, "access_control_list": listed}

    def _shown(self, name: str) -> Json:
        found = self._principals.named(name)
        if found is None:
            return {"user_name": name}
        key = next(key for key, kind in _NAMES.items() if kind == found.kind)
        return {key: name} if key == "group_name" else {key: name, "display_name": found.display}

    # Between two starts

    def state(self) -> Json:
        """What lasts: the lists of what is still there."""
        with self._lock:
            held = list(self._held.items())
        return {"held": [[*place, dict(given)] for place, given in held if given and self._there(place)]}

    def restore(self, state: Json) -> None:
        """Take over what :meth:`state` gave."""
        self._held = {(kind, identifier): dict[str, str](given) for kind, identifier, given in state["held"]}

    def _there(self, place: Place) -> bool:
        try:
            self._finds[place[0]](place[1])
        except ApiError:
            return False
        return True


def _of_owners(kind: str) -> str:
    return "IS_OWNER" if "IS_OWNER" in KINDS[kind].levels else "CAN_MANAGE"


def guarded(handler: Callable[[Call], Any], allow: Callable[[Call], object]) -> Callable[[Call], Any]:
    """A route that asks first whether its caller may take it."""

    def handle(call: Call) -> Any:
        allow(call)
        return handler(call)

    return handle
