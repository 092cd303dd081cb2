"""Who and where: host metadata, the current user and the metastore of the workspace."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING

from genops.testing.workspace.http.wire import ApiError, Call, Json, Routes

if TYPE_CHECKING:
    from genops.testing.workspace.clock import Clock

CLOUDS = ("aws", "azure", "gcp")

# Deterministic, so that two runs of a test see the same ids.
_NAMESPACE = uuid.UUID("6f1f7c52-1c5f-4c08-8a3c-2f6d6b7f9a10")


def stable_id(*parts: str) -> str:
    """A UUID that depends on the parts only."""
    return str(uuid.uuid5(_NAMESPACE, "/".join(parts)))


@dataclass(frozen=True)
class Identity:
    """The fixed facts of a workspace.

    Attributes:
        host: URL of the workspace.
        token: The bearer token it takes.
        workspace_id: Decimal number as text.
        account_id: UUID of the account.
        metastore_id: UUID of the metastore.
        cloud: ``aws``, ``azure`` or ``gcp``.
        region: The cloud's name of the region, as ``us-east-1``.
        tier: Pricing tier of the workspace, as ``PREMIUM``.
        user: User name (e-mail address) that the token belongs to.
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

    def authorize(self, call: Call) -> None:
        """Refuse a call without the right bearer token; host metadata and presigned URLs need none."""
        if call.path.startswith(("/.well-known/", "/storage/")):
            return
        given = call.headers.get("authorization", "")
        if not given:
            raise ApiError(401, "UNAUTHENTICATED", "Credential was not sent or was of an unsupported type for this API")
        if given != f"Bearer {self.token}":
            raise ApiError(401, "UNAUTHENTICATED", "Invalid access token")
        call.user = self.user


class IdentityService:
    """Answers who the caller is and which workspace this is."""

    def __init__(self, identity: Identity, clock: Clock) -> None:
        self._identity = identity
        self._born = clock.millis()
        self.user_id = uuid.uuid5(_NAMESPACE, identity.user).int % 10**16

    def routes(self) -> Routes:
        """Host metadata, SCIM Me and metastore reads."""
        unity = "/api/2.x/unity-catalog"
        return {
            "GET /.well-known/databricks-config": self._host_metadata,
            "GET /api/2.0/preview/scim/v2/Me": self._me,
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

    def _me(self, _: Call) -> Json:
        name = self._identity.user
        return {
            "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"],
            "id": str(self.user_id),
            "userName": name,
            "displayName": name.split("@")[0],
            "active": True,
            "emails": [{"type": "work", "value": name, "primary": True}],
            "groups": [{"display": "users", "type": "direct", "value": "users"}],
        }

    def _metastore(self) -> Json:
        who = self._identity
        return {
            "metastore_id": who.metastore_id,
            "name": f"metastore_{who.cloud}_{who.region.replace('-', '_')}",
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
            "default_catalog_name": "main",
        }

    def _get(self, call: Call) -> Json:
        if call.args["id"] != self._identity.metastore_id:
            raise ApiError(404, "METASTORE_DOES_NOT_EXIST", f"Metastore '{call.args['id']}' does not exist.")
        return self._metastore()
