"""Bearer tokens: who they belong to and how long they hold; personal ones over REST, OAuth ones at ``/oidc``."""

from __future__ import annotations

import base64
import binascii
import secrets
import threading
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs

from genops.testing.workspace.http.principals import digest
from genops.testing.workspace.http.wire import ApiError, Call, Json, Reply, Routes, absent, invalid

if TYPE_CHECKING:
    from genops.testing.workspace.clock import Clock
    from genops.testing.workspace.http.principals import Principals

_NEVER = float("inf")
_KEPT = 10_000
"""Tokens kept; the oldest OAuth tokens make room."""


@dataclass
class Token:
    """One token; its value itself is not kept.

    Attributes:
        id: What the API calls it.
        user: Whom it belongs to.
        comment: What its owner wrote.
        created: Seconds since the epoch.
        expires: Seconds since the epoch.
        oauth: Whether it came from the OAuth endpoint.
    """

    user: str
    created: float
    expires: float
    comment: str = ""
    oauth: bool = False
    id: str = field(default_factory=lambda: secrets.token_hex(32))


class Tokens:
    """The tokens of a workspace.

    Args:
        clock: Says when they expire.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._held: dict[str, Token] = {}

    def issue(
        self, user: str, value: str = "", *, lifetime: float = _NEVER, comment: str = "", oauth: bool = False
    ) -> tuple[str, Token]:
        """Make a token.

        Args:
            user: Whom it belongs to.
            value: The token; a random one where it is empty.
            lifetime: Seconds.
            comment: What its owner wrote.
            oauth: Whether it came from the OAuth endpoint.
        """
        now = self._clock.now()
        value = value or f"local-{secrets.token_hex(16)}"
        token = Token(user, now, now + lifetime, comment, oauth)
        with self._lock:
            self._held[digest(value)] = token
            if len(self._held) > _KEPT:
                oldest = next((key for key, held in self._held.items() if held.oauth), None)
                self._held.pop(oldest or "", None)
        return value, token

    def owner(self, value: str) -> str:
        """Whom a token belongs to.

        Raises:
            ApiError: 403 for a token that is not known, or a personal one that has expired; 401 for an OAuth token
                that has expired: a client that gets it is to fetch a new one.
        """
        token = self._held.get(digest(value))
        if token is None:
            raise ApiError(403, 403, "Invalid access token.")
        if token.expires <= self._clock.now():
            raise ApiError(401, 401, "Token is expired") if token.oauth else ApiError(403, 403, "Invalid access token.")
        return token.user

    def expire(self, value: str) -> None:
        """Let a token end now.

        Raises:
            ValueError: No such token was issued.
        """
        token = self._held.get(digest(value))
        if token is None:
            raise ValueError("expire_token was given a token that this LocalWorkspace did not issue")
        token.expires = min(token.expires, self._clock.now())

    def expire_oauth(self) -> None:
        """Let every OAuth token end now."""
        with self._lock:
            for token in self._held.values():
                if token.oauth:
                    token.expires = min(token.expires, self._clock.now())

    # Between two starts

    def state(self) -> Json:
        """What lasts; a token that never ends has no time of its end."""
        with self._lock:
            return {
                key: {**asdict(token), "expires": None if token.expires == _NEVER else token.expires}
                for key, token in self._held.items()
            }

    def restore(self, state: Json) -> None:
        """Take over what :meth:`state` gave."""
        for key, facts in state.items():
            known: Json = {**facts, "expires": _NEVER if facts["expires"] is None else facts["expires"]}
            self._held[key] = Token(**known)

    def of(self, user: str) -> list[Token]:
        """The personal tokens of a user, oldest first."""
        with self._lock:
            return [token for token in self._held.values() if token.user == user and not token.oauth]

    def revoke(self, user: str, identifier: str) -> None:
        """End a personal token for good."""
        with self._lock:
            for key, token in self._held.items():
                if token.user == user and token.id == identifier:
                    del self._held[key]
                    return
        raise absent(f"Token with id {identifier} does not exist.")


class TokenService:
    """Personal tokens over REST, and OAuth for machines.

    Args:
        tokens: The tokens.
        principals: The service principals that have secrets.
        host: URL of the workspace.
        lifetime: Seconds that an OAuth token holds; an hour, as the service's.
    """

    def __init__(self, tokens: Tokens, principals: Principals, host: str, lifetime: int) -> None:
        self._tokens = tokens
        self._principals = principals
        self._host = host
        self._lifetime = lifetime

    def routes(self) -> Routes:
        """Tokens of the caller; the OAuth endpoints of workspace and account; secrets of service principals."""
        secret = "/api/2.0/accounts/servicePrincipals/{id}/credentials/secrets"  # noqa: S105 - a path
        return {
            "POST /api/2.0/token/create": self._create,
            "GET /api/2.0/token/list": lambda call: {"token_infos": [_info(one) for one in self._tokens.of(call.user)]},
            "POST /api/2.0/token/delete": lambda call: self._tokens.revoke(call.user, call.need("token_id")),
            "GET /oidc/.well-known/oauth-authorization-server": self._endpoints,
            "GET /oidc/accounts/{account}/.well-known/oauth-authorization-server": self._endpoints,
            "POST /oidc/v1/token": self._client_credentials,
            "POST /oidc/accounts/{account}/v1/token": self._client_credentials,
            f"POST {secret}": self._create_secret,
            f"GET {secret}": self._list_secrets,
            f"DELETE {secret}/{{secret}}": self._delete_secret,
        }

    def _create(self, call: Call) -> Json:
        seconds: Any = call.json.get("lifetime_seconds")
        if seconds is not None and (isinstance(seconds, bool) or not isinstance(seconds, int) or seconds < 1):
            raise invalid(f"lifetime_seconds must be a whole number of seconds above 0, not {seconds!r}")
        lifetime = _NEVER if seconds is None else float(min(seconds, 2**31))
        comment = str(call.json.get("comment") or "")
        value, token = self._tokens.issue(call.user, lifetime=lifetime, comment=comment)
        return {"token_value": value, "token_info": _info(token)}

    def _endpoints(self, call: Call) -> Json:
        account = call.args.get("account")
        base = f"{self._host}/oidc/accounts/{account}" if account else f"{self._host}/oidc"
        return {
            "issuer": base,
            "authorization_endpoint": f"{base}/v1/authorize",
            "token_endpoint": f"{base}/v1/token",
            "grant_types_supported": ["client_credentials"],
            "response_types_supported": ["code"],
            "scopes_supported": ["all-apis"],
            "token_endpoint_auth_methods_supported": ["client_secret_basic", "client_secret_post"],
        }

    def _client_credentials(self, call: Call) -> Reply:
        form = _form(call)
        if form.get("grant_type") != "client_credentials":
            return _oauth_error(400, "unsupported_grant_type", f"grant_type {form.get('grant_type')!r} is not served")
        client_id, secret = _client(call, form)
        principal = self._principals.client(client_id, secret)
        if principal is None:
            return _oauth_error(401, "invalid_client", "Client authentication failed")
        value, _ = self._tokens.issue(principal.name, lifetime=self._lifetime, oauth=True)
        answer = {"access_token": value, "token_type": "Bearer", "expires_in": self._lifetime, "scope": "all-apis"}
        return Reply(200, answer, {"Cache-Control": "no-store"})

    # Secrets of service principals

    def _create_secret(self, call: Call) -> Json:
        principal = self._principals.get("ServicePrincipal", call.args["id"])
        identifier, secret = self._principals.new_secret(principal)
        return {"id": identifier, "secret": secret, "secret_hash": digest(secret), "status": "ACTIVE"}

    def _list_secrets(self, call: Call) -> Json:
        held = self._principals.get("ServicePrincipal", call.args["id"]).secrets
        return {"secrets": [{"id": key, "secret_hash": value, "status": "ACTIVE"} for key, value in [*held.items()]]}

    def _delete_secret(self, call: Call) -> None:
        held = self._principals.get("ServicePrincipal", call.args["id"]).secrets
        if held.pop(call.args["secret"], None) is None:
            raise absent(f"Secret {call.args['secret']} does not exist.")


def _info(token: Token) -> Json:
    expiry = -1 if token.expires == _NEVER else int(token.expires * 1000)
    created = int(token.created * 1000)
    return {"token_id": token.id, "creation_time": created, "expiry_time": expiry, "comment": token.comment}


def _form(call: Call) -> dict[str, str]:
    raw = call.body if isinstance(call.body, bytes) else b""
    return {key: values[0] for key, values in parse_qs(raw.decode("utf-8", "replace")).items()}


def _client(call: Call, form: dict[str, str]) -> tuple[str, str]:
    """Client id and secret, from the header as the SDK sends them or from the form."""
    scheme, _, encoded = call.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "basic":
        return form.get("client_id", ""), form.get("client_secret", "")
    try:
        client_id, _, secret = base64.b64decode(encoded).decode("utf-8", "replace").partition(":")
    except binascii.Error:
        return "", ""
    return client_id, secret


def _oauth_error(status: int, error: str, description: str) -> Reply:
    return Reply(status, {"error": error, "error_description": description})
