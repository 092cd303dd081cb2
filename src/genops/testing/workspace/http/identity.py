"""Who and where: host metadata, the metastore of the workspace, and who sends a request."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from genops.testing.workspace.http.principals import ADMINS, Principals, digest, stable_id
from genops.testing.workspace.http.wire import ApiError, Call, Json, Routes

if TYPE_CHECKING:
    from genops.testing.workspace.clock import Clock
    from genops.testing.workspace.http.tokens import Tokens

__all__ = ["CLOUDS", "DEFAULT_CATALOG", "DEFAULT_SCHEMA", "Identity", "IdentityService", "stable_id"]

CLOUDS = ("aws", "azure", "gcp")
DEFAULT_CATALOG, DEFAULT_SCHEMA = "main", "default"
"""What a new workspace has, and where names without them belong."""

_OPEN = ("/.well-known/", "/storage/", "/oidc/")
"""Paths that need no token: metadata, presigned URLs, and where tokens come from."""


@dataclass(frozen=True)
class Identity:
    """The fixed facts of a workspace, and who is in it.

    Attributes:
        host: URL of the workspace.
        token: The bearer token of ``user``.
        workspace_id: Decimal number as text.
        account_id: UUID of the account.
        metastore_id: UUID of the metastore.
        cloud: ``aws``, ``azure`` or ``gcp``.
        region: The cloud's name of the region, as ``us-east-1``.
        tier: Pricing tier of the workspace, as ``PREMIUM``.
        user: User name (e-mail address) of the workspace's own user, who is an admin.
        tokens: Every token.
        principals: Users, service principals and groups.
    """

    host: str
    token: str
    workspace_id: str
    account_id: str
    metastore_id: str
    cloud: str
    region: str
    tier: str
    user: str
    tokens: Tokens
    principals: Principals = field(default_factory=Principals)

    def __post_init__(self) -> None:
        self.principals.add("User", self.user, groups=(ADMINS,))
        self.tokens.issue(self.user, self.token)

    def state(self) -> Json:
        """What lasts: everybody, and every token but the workspace's own, which a start may be given anew."""
        tokens = self.tokens.state()
        tokens.pop(digest(self.token), None)
        return {"principals": self.principals.state(), "tokens": tokens}

    def restore(self, state: Json) -> None:
        """Take over what :meth:`state` gave."""
        self.principals.restore(state["principals"])
        self.tokens.restore(state["tokens"])

    @property
    def user_id(self) -> int:
        """The number of the workspace's own user."""
        found = self.principals.find("User", self.user)
        return int(found.id) if found else 0

    @property
    def metastore_name(self) -> str:
        """The metastore's name, of cloud and region."""
        return f"metastore_{self.cloud}_{self.region.replace('-', '_')}"

    def groups_of(self, name: str) -> frozenset[str]:
        """The groups of a user or service principal, ``users`` and ``account users`` among them.

        Args:
            name: User name or application id, as grants have it.
        """
        return self.principals.groups_of(name)

    def is_admin(self, name: str) -> bool:
        """Whether somebody administers the workspace."""
        return ADMINS in self.groups_of(name)

    def authorize(self, call: Call) -> None:
        """Find out who sends a call, by its bearer token; host metadata and presigned URLs need none.

        Raises:
            ApiError: 401 without a token, 403 for one that is not valid.
        """
        if call.path.startswith(_OPEN):
            return
        scheme, _, given = call.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not given:
            raise ApiError(401, 401, "Credential was not sent or was of an unsupported type for this API.")
        call.user = self.tokens.owner(given.strip())
        principal = self.principals.named(call.user)
        if principal is None or not principal.active:
            raise ApiError(403, 403, "Invalid access token.")


class IdentityService:
    """Answers which workspace this is."""

    def __init__(self, identity: Identity, clock: Clock) -> None:
        self._identity = identity
        self._born = clock.millis()
        self.user_id = identity.user_id

    def routes(self) -> Routes:
        """Host metadata and metastore reads."""
        unity = "/api/2.x/unity-catalog"
        return {
            "GET /.well-known/databricks-config": self._host_metadata,
            f"GET {unity}/metastore_summary": self._summary,
            f"GET {unity}/current-metastore-assignment": self._assignment,
            f"GET {unity}/metastores": lambda _: {"metastores": [self._metastore()]},
            f"GET {unity}/metastores/{{id}}": self._get,
        }

    def _host_metadata(self, _: Call) -> Json:
        who = self._identity
        return {
            "oidc_endpoint": f"{who.host}/oidc",
            "account_id": who.account_id,
            "workspace_id": who.workspace_id,
            "cloud": who.cloud.upper(),
        }

    def _metastore(self) -> Json:
        who = self._identity
        return {
            "metastore_id": who.metastore_id,
            "name": who.metastore_name,
            "global_metastore_id": f"{who.cloud}:{who.region}:{who.metastore_id}",
            "cloud": who.cloud,
            "region": who.region,
            "owner": who.user,
            "created_at": self._born,
            "created_by": who.user,
            "updated_at": self._born,
            "updated_by": who.user,
            "delta_sharing_scope": "INTERNAL",
            "privilege_model_version": "1.0",
        }

    def _summary(self, _: Call) -> Json:
        return self._metastore()

    def _assignment(self, _: Call) -> Json:
        who = self._identity
        return {
            "metastore_id": who.metastore_id,
            "workspace_id": int(who.workspace_id),
            "default_catalog_name": DEFAULT_CATALOG,
        }

    def _get(self, call: Call) -> Json:
        if call.args["id"] != self._identity.metastore_id:
            raise ApiError(404, "METASTORE_DOES_NOT_EXIST", f"Metastore '{call.args['id']}' does not exist.")
        return self._metastore()
