"""Policies that follow tags (ABAC): what they cover is refused, so that none is ever passed over.

Row filters and column masks would change what a query returns, which the local workspace does not
imitate. So a table that a policy covers cannot be queried here: the statement fails as unsupported,
instead of showing rows that the real service would hide.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from genops.testing.workspace.http.wire import Json, unserved

if TYPE_CHECKING:
    from genops.testing.workspace.unity.grants import Place


class Policies:
    """Policies by the securable that they are on, and by name.

    Attributes:
        held: The policies, in the shape of the API.
    """

    def __init__(self) -> None:
        self.held: dict[Place, dict[str, Json]] = {}

    def covering(self, table: str) -> list[Json]:
        """The policies on a table, on its schema and on its catalog."""
        catalog, schema, _ = table.split(".")
        places = (("catalog", catalog), ("schema", f"{catalog}.{schema}"), ("table", table))
        return [policy for place in places for policy in self.held.get(place, {}).values()]

    def need_none(self, table: str) -> None:
        """Refuse to read or change the rows of a table that a policy covers.

        Raises:
            ApiError: 501 ``NOT_IMPLEMENTED``.
        """
        for policy in self.covering(table):
            raise unserved(f"Reading {table} under the policy '{policy['name']}' on {policy['on_securable_fullname']}")

    def forget(self, kind: str, name: str) -> None:
        """Forget the policies on a securable that is gone."""
        self.held.pop((kind, name), None)

    def moved(self, kind: str, old: str, new: str) -> None:
        """Keep the policies on a securable, and below it, under its new name."""
        for place in [place for place in self.held if place[1] == old or place[1].startswith(f"{old}.")]:
            if place[0] == kind or place[1] != old:
                name = new + place[1][len(old) :]
                held = self.held.pop(place)
                self.held[place[0], name] = {
                    key: {**policy, "on_securable_fullname": name} for key, policy in held.items()
                }
