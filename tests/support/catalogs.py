"""A catalog as it was at the start, without a new workspace."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from genops.testing.workspace import LocalWorkspace


def empty(ws: LocalWorkspace) -> None:
    """Drop every catalog with all that it holds, and make ``main`` anew; a tenth of what a new workspace costs."""
    for (name,) in ws.execute("SHOW CATALOGS"):
        if name != "system":
            ws.execute(f"DROP CATALOG `{name}` CASCADE")
    ws.execute("CREATE CATALOG main")
