"""Grants: who may do what with which securable, inherited downwards from metastore, catalog and schema.

The workspace's own user is metastore admin, and nobody stops it. For everybody else a check is one call::

    catalog.grants.need(user, "SELECT", "table", "main.default.t")

which asks for ``USE CATALOG`` and ``USE SCHEMA`` on the way, as Unity Catalog does. It raises an
:class:`ApiError`, 403 ``PERMISSION_DENIED``; over SQL that is ``[INSUFFICIENT_PERMISSIONS]``, SQL state 42501.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from genops.testing.workspace.http.wire import ApiError, Json, absent, invalid
from genops.testing.workspace.unity.privileges import APPLICABLE, NOUNS, gives, kind_of, privilege_of, shown

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from genops.testing.workspace.http.principals import Principals

_ON_THE_WAY = {"catalog": "USE_CATALOG", "schema": "USE_SCHEMA"}
_READS = {"table": "SELECT", "volume": "READ_VOLUME", "function": "EXECUTE", "model": "EXECUTE"}

Place = tuple[str, str]
"""A securable: its kind and its full name in lower case."""


class Grants:
    """The privileges of principals on securables.

    Args:
        admin: The metastore admin: the workspace's own user.
        principals: The users and groups of the workspace.
        find: Gives a securable by kind and full name, in the shape of the API; raises 404 where there is none.
        changed: Is told of the kind and name of a securable whose grants have changed.
    """

    def __init__(
        self, admin: str, principals: Principals, find: Callable[[str, str], Json], changed: Callable[[str, str], None]
    ) -> None:
        self.principals = principals
        self._admin = admin
        self._find = find
        self._changed = changed
        self._lock = threading.Lock()
        self._held: dict[Place, dict[str, set[str]]] = {}

    # Granting

    def grant(self, user: str, kind: str, name: str, principal: str, privileges: Iterable[str]) -> None:
        """Give privileges to a user or group; what it has already stays.

        Args:
            user: Who grants; the workspace's own user where it is empty.
            kind: Kind of securable, in the words of REST or SQL.
            name: Its full name; the metastore's may be its id or empty.
            principal: User name, group name or application id.
            privileges: In the words of REST or SQL.

        Raises:
            ApiError: No such securable, principal or privilege, a privilege that the kind does not have, or a user
                who may not.
        """
        place, wanted = self._change(user, kind, name, principal, privileges)
        with self._lock:
            if wanted:
                self._held.setdefault(place, {}).setdefault(principal, set()).update(wanted)
        self._changed(*place)

    def revoke(self, user: str, kind: str, name: str, principal: str, privileges: Iterable[str]) -> None:
        """Take privileges away, where they were granted on this very securable; otherwise as :meth:`grant`."""
        place, wanted = self._change(user, kind, name, principal, privileges)
        with self._lock:
            held = self._held.get(place, {})
            left = held.get(principal, set()) - wanted
            held[principal] = left
            if not left:
                del held[principal]
        self._changed(*place)

    def change(self, user: str, kind: str, name: str, changes: Iterable[tuple[str, list[str], list[str]]]) -> None:
        """Give and take privileges, all of them or, where one may not be changed so, none.

        Args:
            user: Who grants; the workspace's own user where it is empty.
            kind: Kind of securable, in the words of REST or SQL.
            name: Its full name.
            changes: Each a principal, the privileges that it gets, and those that it loses.

        Raises:
            ApiError: As of :meth:`grant`; nothing has changed.
        """
        place, _ = self.place(kind, name)
        checked = [
            (who, *(self._change(user, *place, who, words)[1] if words else set[str]() for words in (add, remove)))
            for who, add, remove in changes
        ]
        with self._lock:
            for who, given, taken in checked:
                held = self._held.setdefault(place, {})
                held[who] = (held.get(who, set()) | given) - taken
                if not held[who]:
                    del held[who]
        self._changed(*place)

    def _change(
        self, user: str, kind: str, name: str, principal: str, privileges: Iterable[str]
    ) -> tuple[Place, set[str]]:
        place, info = self.place(kind, name)
        self.known(principal)
        wanted = {privilege_of(privilege) for privilege in privileges}
        for privilege in sorted(wanted - APPLICABLE[place[0]]):
            raise invalid(
                f"Privilege {shown(privilege)} is not applicable to this entity "
                f"[{info['full_name']}:{info['securable_type']}]. If this seems unexpected, please check the privilege "
                "version of the metastore in use [1.0]."
            )
        self.need(user, "MANAGE", *place)
        return place, wanted

    def known(self, principal: str) -> None:
        """Refuse a name that is nobody's.

        Raises:
            ApiError: 404 ``PRINCIPAL_DOES_NOT_EXIST``.
        """
        if self.principals.named(principal) is None:
            raise absent(f"Could not find principal with name {principal}", "PRINCIPAL_DOES_NOT_EXIST")

    # Reading

    def place(self, kind: str, name: str) -> tuple[Place, Json]:
        """A securable's place and its facts; a model may be meant by ``function``, as in older APIs.

        Raises:
            ApiError: No such securable, or a kind without privileges.
        """
        wanted = kind_of(kind)
        try:
            info = self._find(wanted, name)
        except ApiError:
            if wanted != "function":
                raise
            wanted, info = "model", self._find("model", name)
        return (wanted, str(info["full_name"])), info

    def on(self, kind: str, name: str) -> dict[str, list[str]]:
        """Privileges granted on a securable itself, by principal."""
        place, _ = self.place(kind, name)
        return {principal: sorted(held) for principal, held in sorted(self._held.get(place, {}).items())}

    def effective(self, kind: str, name: str) -> dict[str, list[tuple[str, Place | None]]]:
        """Privileges on a securable, by principal: each with where it was granted, ``None`` for the securable itself.

        ``ALL PRIVILEGES`` stands as it was granted. What a parent grants shows where it can apply to the kind.
        """
        place, _ = self.place(kind, name)
        found: dict[str, list[tuple[str, Place | None]]] = {}
        for where in self._upwards(place):
            for principal, held in sorted(self._held.get(where, {}).items()):
                passing = sorted(held if where == place else held & APPLICABLE[place[0]])
                found.setdefault(principal, []).extend(
                    (privilege, None if where == place else where) for privilege in passing
                )
        return {principal: granted for principal, granted in sorted(found.items()) if granted}

    def effective_for(self, user: str, kind: str, name: str) -> list[tuple[str, Place | None]]:
        """What :meth:`effective` says of a user, its groups' and everybody's privileges included."""
        mine = self._names(user)
        granted = [
            item for principal, items in self.effective(kind, name).items() if principal in mine for item in items
        ]
        return list(dict.fromkeys(granted))

    # Checking

    def is_admin(self, user: str) -> bool:
        """Whether a user is metastore admin; the empty name is the workspace's own user."""
        return user in ("", self._admin)

    def holds(self, user: str, privilege: str, kind: str, name: str) -> bool:
        """Whether a user has a privilege on a securable by ownership, by grant or by inheritance.

        ``MANAGE`` is also the right of whoever owns a parent. Usage on the way is :meth:`need`'s affair.
        """
        if self.is_admin(user):
            return True
        place, info = self.place(kind, name)
        mine = self._names(user)
        if info.get("owner") in mine:
            return True
        for where in self._upwards(place):
            granted = self._held.get(where, {})
            if any(gives(given, privilege) for principal in mine for given in granted.get(principal, ())):
                return True
            if privilege == "MANAGE" and where != place and self._owner(where) in mine:
                return True
        return False

    def need(self, user: str, privilege: str, kind: str, name: str = "") -> None:
        """Refuse a user who lacks a privilege, or the usage of the catalog and schema on the way to it.

        Args:
            user: Who asks; the workspace's own user where it is empty.
            privilege: In the words of REST or SQL; ``MANAGE`` for what only an owner may do otherwise.
            kind: Kind of securable.
            name: Its full name; empty for the metastore.

        Raises:
            ApiError: 403 ``PERMISSION_DENIED``, or 404 where the securable does not exist.
        """
        place, info = self.place(kind, name)
        if self.is_admin(user):
            return
        wanted = privilege_of(privilege)
        for where in reversed(list(self._upwards(place))):
            on_the_way = _ON_THE_WAY.get(where[0])
            if on_the_way and on_the_way != wanted:
                self._demand(user, on_the_way, where)
        self._demand(user, wanted, place)
        if wanted == "SELECT" and info.get("table_type") == "VIEW":
            self._need_view(info)

    def _need_view(self, info: Json) -> None:
        """A view reads with the rights of its owner, so the owner must still have them."""
        for dependency in info.get("view_dependencies", {}).get("dependencies", ()):
            name = dependency.get("table", {}).get("table_full_name")
            if name:
                self.need(info["owner"], "SELECT", "table", name)

    def _demand(self, user: str, privilege: str, place: Place) -> None:
        if not self.holds(user, privilege, *place):
            raise ApiError(
                403, "PERMISSION_DENIED", f"User does not have {shown(privilege)} on {NOUNS[place[0]]} '{place[1]}'."
            )

    def sees(self, user: str, kind: str, name: str, *, browse: bool = True) -> bool:
        """Whether lists show a securable to a user: by usage and the right to read it, or by ``BROWSE``.

        Args:
            user: Who looks; the workspace's own user where it is empty.
            kind: Kind of securable.
            name: Its full name.
            browse: Whether ``BROWSE`` alone is enough, as for ``information_schema``.
        """
        if self.is_admin(user):
            return True
        place, _ = self.place(kind, name)
        if self.holds(user, "MANAGE", *place) or (browse and self.holds(user, "BROWSE", *place)):
            return True
        try:
            self.need_sight(user, *place)
        except ApiError:
            return False
        return True

    def need_sight(self, user: str, kind: str, name: str, *, browse: bool = False) -> None:
        """Refuse a user who may not see a securable, with what it lacks.

        Raises:
            ApiError: 403 ``PERMISSION_DENIED``, or 404 where the securable does not exist.
        """
        place, _ = self.place(kind, name)
        if self.is_admin(user) or self.holds(user, "MANAGE", *place):
            return
        if browse and self.holds(user, "BROWSE", *place):
            return
        wanted = _ON_THE_WAY.get(place[0]) or _READS.get(place[0])
        if wanted:
            self.need(user, wanted, *place)
        elif not self._any(user, place):
            raise ApiError(403, "PERMISSION_DENIED", f"User does not have BROWSE on {NOUNS[place[0]]} '{place[1]}'.")

    def _any(self, user: str, place: Place) -> bool:
        return any(self._held.get(place, {}).get(name) for name in self._names(user))

    def _names(self, user: str) -> set[str]:
        return {user or self._admin, *self.principals.groups_of(user or self._admin)}

    def _owner(self, place: Place) -> str:
        return str(self._find(*place).get("owner"))

    def _upwards(self, place: Place) -> Iterator[Place]:
        """A securable and what contains it, up to the metastore."""
        kind, name = place
        yield place
        if "." in name and kind != "schema" and kind in (*_READS,):
            yield "schema", name.rsplit(".", 1)[0]
        if kind == "schema" or kind in _READS:
            yield "catalog", name.split(".")[0]
        if kind != "metastore":
            yield "metastore", str(self._find("metastore", "")["full_name"])

    # Between two starts

    def state(self) -> Json:
        """What lasts."""
        with self._lock:
            return {
                "held": [
                    [*place, {principal: sorted(privileges) for principal, privileges in held.items()}]
                    for place, held in self._held.items()
                ]
            }

    def restore(self, state: Json) -> None:
        """Take over what :meth:`state` gave."""
        self._held = {
            (kind, name): {principal: set(privileges) for principal, privileges in held.items()}
            for kind, name, held in state["held"]
        }

    # Life of securables

    def forget(self, kind: str, name: str) -> None:
        """Forget the grants on a securable that is gone."""
        with self._lock:
            self._held.pop((kind, name), None)

    def moved(self, kind: str, old: str, new: str) -> None:
        """Keep the grants on a securable, and on what is in it, under its new name."""
        with self._lock:
            for where in [place for place in self._held if place[1] == old or place[1].startswith(f"{old}.")]:
                if where[0] == kind or where[1] != old:
                    self._held[where[0], new + where[1][len(old) :]] = self._held.pop(where)
