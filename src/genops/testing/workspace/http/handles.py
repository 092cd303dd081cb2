"""What tests hold of the HTTP side: requests that came, faults to come, users and their tokens."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, NamedTuple

from genops.testing.workspace.http.faults import SECONDS, Fault
from genops.testing.workspace.http.principals import stable_id

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from genops.testing.workspace.http.identity import Identity
    from genops.testing.workspace.http.recorded import Requests
    from genops.testing.workspace.http.server import WorkspaceServer


class ClientCredentials(NamedTuple):
    """What a service principal signs in with."""

    client_id: str
    client_secret: str


class HttpHandles:
    """The part of a workspace that tests use to look at requests and to decide how they are answered."""

    identity: Identity
    token: str
    _server: WorkspaceServer

    @property
    def requests(self) -> Requests:
        """Every request so far, oldest first; the last 10,000 are kept."""
        return self._server.recorded.all()

    def clear_requests(self) -> None:
        """Forget the requests so far."""
        self._server.recorded.clear()

    # Faults

    def fault(
        self,
        kind: str,
        *,
        path: str = ".*",
        method: str | None = None,
        body: Callable[[Any], bool] | None = None,
        sql: str | None = None,
        warehouse_id: str | None = None,
        times: int | None = None,
        after: int = 0,
        probability: float = 1.0,
        retry_after: float | None = None,
        seconds: float | None = None,
    ) -> None:
        """Let requests fail from now on; rules are tried in the order in which they were given.

        Args:
            kind: ``400``, ``401``, ``403``, ``404``, ``409``, ``429``, ``499``, ``500``, ``501``, ``503``, ``504``
                or an error code of the service (``ABORTED``, ``RESOURCE_EXHAUSTED`` …) answers with that error, and
                ``expired`` as for an OAuth token that is over. ``slow`` waits, ``stalled`` sends half of the body and
                then nothing, ``reset`` drops the connection with a TCP RST, ``malformed`` cuts JSON off, and
                ``truncated`` a body that is no JSON, as Arrow is. ``warehouse`` lets the warehouse of a statement die
                while it runs: the statement ends FAILED.
            path: Regular expression that the whole path must match.
            method: HTTP method; any where it is absent.
            body: A function of the parsed body that says whether the rule holds.
            sql: Regular expression found in the text of the statement that the request runs, over SEA or Thrift.
            warehouse_id: For ``warehouse``: the one that dies.
            times: How many requests it spoils; every one where it is absent.
            after: How many matching requests pass first.
            probability: Share of the matching requests that it spoils. The ``fault_seed`` of the workspace decides
                which: two runs with the same rules spoil the same.
            retry_after: Seconds for a ``Retry-After`` header.
            seconds: How long ``slow`` waits (1 where absent) and ``stalled`` holds the connection (60).

        Raises:
            ValueError: A kind, number or share that does not exist.
        """
        self._server.faults.add(
            Fault(
                kind=kind,
                path=re.compile(path),
                method=method.upper() if method else None,
                body=body,
                sql=re.compile(sql, re.IGNORECASE | re.DOTALL) if sql is not None else None,
                warehouse_id=warehouse_id,
                after=after,
                times=times,
                probability=probability,
                retry_after=retry_after,
                seconds=SECONDS.get(kind, 0.0) if seconds is None else seconds,
            )
        )

    def clear_faults(self) -> None:
        """End all faults."""
        self._server.faults.clear()

    # People

    def add_user(self, name: str, groups: Sequence[str] = (), *, lifetime: float | None = None) -> str:
        """Add a user and give a token of theirs.

        Args:
            name: User name, an e-mail address.
            groups: Groups that the user belongs to; those that are not there are made.
            lifetime: Seconds until the token ends by the workspace's clock; never where it is absent.

        Raises:
            ApiError: There is such a user.
        """
        self.identity.principals.add("User", name, groups=tuple(groups))
        value, _ = self.identity.tokens.issue(name, lifetime=float("inf") if lifetime is None else lifetime)
        self._changed()
        return value

    def add_service_principal(self, name: str, groups: Sequence[str] = ()) -> ClientCredentials:
        """Add a service principal and give what it signs in with, at ``/oidc/v1/token``.

        Args:
            name: Its display name. Grants and history call it by its application id, which is the client id.
            groups: Groups that it belongs to; those that are not there are made.

        Raises:
            ApiError: There is such a service principal.
        """
        principals = self.identity.principals
        client_id = stable_id("service principal", name)
        added = principals.add("ServicePrincipal", client_id, display=name, groups=tuple(groups))
        secret = principals.new_secret(added)[1]
        self._changed()
        return ClientCredentials(client_id, secret)

    def add_group(self, name: str, members: Sequence[str] = ()) -> None:
        """Add a group.

        Args:
            name: Its name.
            members: User names, application ids or names of groups.

        Raises:
            ApiError: There is such a group.
            ValueError: A member that is not there.
        """
        principals = self.identity.principals
        found = {member: principals.named(member) for member in members}
        missing = [member for member, one in found.items() if one is None]
        if missing:
            raise ValueError(f"there is no user, service principal or group called {', '.join(missing)}")
        principals.add("Group", name).members.update(one.id for one in found.values() if one)
        self._changed()

    def expire_token(self, token: str | None = None) -> None:
        """Let a token end now.

        Args:
            token: A token that this workspace gave; every OAuth token where it is absent.

        Raises:
            ValueError: A token that this workspace did not give.
        """
        if token is None:
            self.identity.tokens.expire_oauth()
        else:
            self.identity.tokens.expire(token)
        self._changed()

    def _changed(self) -> None:
        """What lasts has changed, without a request."""
