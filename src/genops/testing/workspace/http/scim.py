"""Users, groups and service principals over SCIM, as far as grants need them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, cast

from genops.testing.workspace.http.principals import stable_id
from genops.testing.workspace.http.wire import ApiError, Call, Json, Reply, Routes, objects_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from genops.testing.workspace.http.principals import Principal, Principals
    from genops.testing.workspace.http.wire import Handler

_BASE = "/api/2.0/preview/scim/v2"
_NAMES = {"User": "userName", "ServicePrincipal": "applicationId", "Group": "displayName"}
"""The attribute that names a principal of a kind."""
_TERM = re.compile(r'\s*([\w.]+)\s+(eq|ne|co|sw|ew)\s+"?([^"]*?)"?\s*', re.IGNORECASE)
_MEMBER = re.compile(r'members\[value eq "(?P<id>[^"]*)"\]')
_TESTS: dict[str, Callable[[str, str], bool]] = {
    "eq": lambda found, asked: found == asked,
    "ne": lambda found, asked: found != asked,
    "co": lambda found, asked: asked in found,
    "sw": lambda found, asked: found.startswith(asked),
    "ew": lambda found, asked: found.endswith(asked),
}
_PAGE = 10_000


class ScimService:
    """The workspace's side of SCIM.

    Args:
        principals: Everybody.
    """

    def __init__(self, principals: Principals) -> None:
        self._principals = principals

    def routes(self) -> Routes:
        """The caller, and everybody by kind."""
        found: Routes = {f"GET {_BASE}/Me": _scim(self._me)}
        for kind in _NAMES:
            actions: dict[str, Callable[[str, Call], Json | Reply]] = {
                f"GET {_BASE}/{kind}s": self._list,
                f"POST {_BASE}/{kind}s": self._create,
                f"GET {_BASE}/{kind}s/{{id}}": self._get,
                f"PUT {_BASE}/{kind}s/{{id}}": self._replace,
                f"PATCH {_BASE}/{kind}s/{{id}}": self._patch,
                f"DELETE {_BASE}/{kind}s/{{id}}": self._delete,
            }
            found.update({route: _scim(action, kind) for route, action in actions.items()})
        return found

    def _me(self, _: str, call: Call) -> Json:
        found = self._principals.named(call.user)
        if found is None:
            raise ApiError(404, "404", f"{call.user} is not a user of this workspace")
        return self._resource(found)

    def _list(self, kind: str, call: Call) -> Json:
        matches = _filter(call.text("filter"))
        found = [one for one in map(self._resource, self._principals.all(kind)) if matches(one)]
        start = max(1, call.number("startIndex") or 1)
        count = call.number("count")
        shown = found[start - 1 :][: _PAGE if count is None else max(0, count)]
        body: Json = {"totalResults": len(found), "startIndex": start, "itemsPerPage": len(shown)}
        return {**body, "schemas": ["urn:ietf:params:scim:api:messages:2.0:ListResponse"], "Resources": shown}

    def _create(self, kind: str, call: Call) -> Reply:
        name = call.json.get(_NAMES[kind])
        if name is None and kind == "ServicePrincipal":
            name = stable_id("application", str(call.json.get("displayName")), str(len(self._principals.all(kind))))
        if not isinstance(name, str) or not name:
            raise ApiError(400, "400", f"{_NAMES[kind]} is required and must be text, not {name!r}")
        display = call.json.get("displayName")
        added = self._principals.add(kind, name, display=display if isinstance(display, str) else "")
        try:
            self._set(added, call.json)
        except ApiError:
            self._principals.remove(kind, added.id)
            raise
        return Reply(201, self._resource(added))

    def _get(self, kind: str, call: Call) -> Json:
        return self._resource(self._principals.get(kind, call.args["id"]))

    def _replace(self, kind: str, call: Call) -> Json:
        found = self._principals.get(kind, call.args["id"])
        if kind == "Group":
            found.members.clear()
        self._set(found, call.json)
        return self._resource(found)

    def _delete(self, kind: str, call: Call) -> Reply:
        self._principals.remove(kind, call.args["id"])
        return Reply(204)

    # Changes

    def _set(self, principal: Principal, given: Json) -> None:
        display = given.get("displayName")
        if isinstance(display, str) and display:
            principal.display = display
            if principal.kind == "Group":
                principal.name = display
        if isinstance(given.get("active"), bool):
            principal.active = given["active"]
        self._join(principal, given.get("members"))
        for group in objects_of(given.get("groups"), "groups"):
            self._principals.get("Group", str(group.get("value"))).members.add(principal.id)

    def _join(self, group: Principal, members: Any) -> None:
        for member in objects_of(members, "members"):
            identifier = str(member.get("value"))
            if self._principals.known(identifier) is None:
                raise ApiError(400, "400", f"There is no principal with the id {identifier}")
            group.members.add(identifier)

    def _patch(self, kind: str, call: Call) -> Reply:
        principal = self._principals.get(kind, call.args["id"])
        for operation in objects_of(call.json.get("Operations"), "Operations"):
            self._operate(principal, str(operation.get("op")).lower(), operation.get("path"), operation.get("value"))
        return Reply(204)

    def _operate(self, principal: Principal, verb: str, path: Any, value: Any) -> None:
        if verb in ("add", "replace"):
            if verb == "replace" and path == "members":
                principal.members.clear()
            given = {path: value} if isinstance(path, str) else value
            if not isinstance(given, dict):
                raise ApiError(400, "400", f"value must be an object where path is absent, not {value!r}")
            self._set(principal, cast("Json", given))
            return
        member = _MEMBER.fullmatch(path) if isinstance(path, str) else None
        if verb != "remove" or not (member or path == "members"):
            raise ApiError(501, "501", f"{verb} of {path} is not implemented by the local workspace")
        leaving = {member["id"]} if member else _values(value) or set(principal.members)
        principal.members -= leaving

    # Shapes

    def _resource(self, principal: Principal) -> Json:
        schema = f"urn:ietf:params:scim:schemas:core:2.0:{principal.kind}"
        shared: Json = {"schemas": [schema], "id": principal.id, "displayName": principal.display}
        shared["groups"] = [_reference(group, "direct") for group in self._principals.direct_groups(principal.id)]
        if principal.kind == "Group":
            members = [self._principals.known(identifier) for identifier in sorted(principal.members)]
            return {**shared, "members": [_reference(member) for member in members if member]}
        if principal.kind == "User":
            emails = [{"type": "work", "value": principal.name, "primary": True}]
            return {**shared, "userName": principal.name, "active": principal.active, "emails": emails}
        return {**shared, "applicationId": principal.name, "active": principal.active}


def _values(value: Any) -> set[str]:
    return {str(one.get("value")) for one in objects_of(value, "value")}


def _reference(principal: Principal, kind: str = "") -> Json:
    found: Json = {"display": principal.display, "value": principal.id, "$ref": f"{principal.kind}s/{principal.id}"}
    return {**found, "type": kind} if kind else found


def _filter(text: str) -> Callable[[Json], bool]:
    """What ``userName eq "x" and active eq true`` means."""
    if not text:
        return lambda _: True
    word = "or" if re.search(r"\sor\s", text, re.IGNORECASE) else "and"
    terms = [_TERM.fullmatch(part) for part in re.split(rf"\s{word}\s", text, flags=re.IGNORECASE)]
    if not all(terms):
        raise ApiError(400, "400", f"The filter {text!r} is not of the form: attribute eq|ne|co|sw|ew value")
    tests = [(term[1], _TESTS[term[2].lower()], term[3].lower()) for term in terms if term]
    together = any if word == "or" else all
    return lambda one: together(test(str(one.get(name, "")).lower(), asked) for name, test, asked in tests)


def _scim(action: Callable[[str, Call], Json | Reply], kind: str = "") -> Handler:
    """An action whose errors have the shape of SCIM (RFC 7644, section 3.12)."""

    def handler(call: Call) -> Json | Reply:
        try:
            return action(kind, call)
        except ApiError as error:
            schema = "urn:ietf:params:scim:api:messages:2.0:Error"
            code: Json = {"error_code": error.code} if error.status == 501 else {}  # noqa: PLR2004 - refused by us
            body: Json = {"schemas": [schema], "status": str(error.status), "detail": error.message, **code}
            return Reply(error.status, body)

    return handler
