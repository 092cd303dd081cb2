"""Whose a job, a run or a scope of secrets is: what has no access list is for its creator and for admins."""

from __future__ import annotations

from typing import TYPE_CHECKING

from genops.testing.workspace.compute.shapes import part
from genops.testing.workspace.http.principals import ADMINS
from genops.testing.workspace.http.wire import ApiError

if TYPE_CHECKING:
    from genops.testing.workspace.http.identity import Identity
    from genops.testing.workspace.http.wire import Json


class Ownership:
    """Says who may see and change what somebody made.

    Args:
        identity: Knows the workspace's own user, and who is an admin.
    """

    def __init__(self, identity: Identity) -> None:
        self._identity = identity

    def is_admin(self, user: str) -> bool:
        """Whether a user is a workspace admin; the empty name is the workspace's own user."""
        return user in ("", self._identity.user) or ADMINS in self._identity.principals.groups_of(user)

    def sees(self, user: str, *owners: str) -> bool:
        """Whether a user is one of the owners, or an admin."""
        return user in owners or self.is_admin(user)

    def need(self, user: str, what: str, *owners: str) -> None:
        """Refuse everybody but owners and admins.

        Raises:
            ApiError: 403 ``PERMISSION_DENIED``.
        """
        if not self.sees(user, *owners):
            raise ApiError(
                403,
                "PERMISSION_DENIED",
                f"User {user} does not have View or Admin or Manage Run or Owner permissions on {what}",
            )

    def check_run_as(self, user: str, settings: Json) -> None:
        """Refuse a job that borrows another's rights: a user who is no admin gives a user name of his own only.

        Raises:
            ApiError: 403 ``PERMISSION_DENIED``.
        """
        given = part(settings.get("run_as"))
        wanted = given.get("user_name") or given.get("service_principal_name")
        if wanted and wanted != user and not self.is_admin(user):
            raise ApiError(403, "PERMISSION_DENIED", f"User {user} may not set run_as to {wanted}")
