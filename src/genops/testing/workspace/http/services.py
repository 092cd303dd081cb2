"""The services of this room."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, cast

from genops.testing.workspace.http.identity import IdentityService
from genops.testing.workspace.http.scim import ScimService
from genops.testing.workspace.http.tokens import TokenService

if TYPE_CHECKING:
    from collections.abc import Callable

    from genops.testing.workspace.clock import Clock
    from genops.testing.workspace.http.identity import Identity
    from genops.testing.workspace.http.wire import Request, Service
    from genops.testing.workspace.journal import Journal


def http_services(who: Identity, clock: Clock, oauth_seconds: int) -> tuple[Service, ...]:
    """Which workspace this is, who is in it, and how they sign in.

    Args:
        who: The facts and the people.
        clock: Gives the times.
        oauth_seconds: How long an OAuth token holds.
    """
    return (
        IdentityService(who, clock),
        ScimService(who.principals),
        TokenService(who.tokens, who.principals, who.host, oauth_seconds),
    )


def noting(journal: Journal) -> Callable[[Request], None]:
    """What writes each request into the journal, for the audit."""

    def note(request: Request) -> None:
        journal.note(
            "request",
            method=request.method,
            path=request.path,
            user=request.user,
            status=request.status,
            request_id=request.request_id,
            user_agent=request.headers.get("user-agent", ""),
            params=_params(request),
        )

    return note


_LONGEST, _MOST = 2_000, 20


def _params(request: Request) -> dict[str, str]:
    """The parameters of a request as an audit shows them: of path, query and body, cut off where they are long."""
    body: Any = request.body
    fields = cast("dict[str, Any]", body) if isinstance(body, dict) else {}
    given: dict[str, Any] = {**request.query, **fields}
    if request.sql:
        given = {"statement": request.sql, **given}
    plain = {key: value if isinstance(value, str) else json.dumps(value, default=str) for key, value in given.items()}
    return {key: value[:_LONGEST] for key, value in list(plain.items())[:_MOST]}
