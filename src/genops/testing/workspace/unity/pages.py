"""Pages of Unity Catalog's lists."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from genops.testing.workspace.http.paging import listing, page
from genops.testing.workspace.http.wire import Call, Json, invalid, unserved

if TYPE_CHECKING:
    from collections.abc import Iterable


# What answers show and requests may repeat; the service does not take it from them.
_OUTPUT = frozenset(
    [
        "browse_only",
        "created_at",
        "created_by",
        "full_name",
        "id",
        "metastore_id",
        "securable_type",
        "updated_at",
        "updated_by",
    ]
)


@dataclass(frozen=True)
class Pages:
    """How lists are cut.

    Attributes:
        size: Objects a page where the caller leaves it to the service, and at most.
        gaps: Whether an empty page comes after the first of several.
    """

    size: int
    gaps: bool

    def of(self, key: str, items: Iterable[Json], call: Call, *, by: str = "max_results", whole: bool = False) -> Json:
        """One page, as the body of an answer.

        Args:
            key: Where the answer holds the objects.
            items: All of them, in a stable order.
            call: Says which page is wanted.
            by: The parameter that holds the size.
            whole: Whether the service gives everything at once where neither size nor token is given, as the older
                of its lists do.
        """
        held, wanted, token = list(items), call.number(by), call.text("page_token")
        if wanted is not None and wanted < 0:
            raise invalid(f"{by} must be 0 or more, not {wanted}")
        if wanted is None and not token and whole:
            return listing(key, held, None)
        size = min(wanted or self.size, self.size)
        return listing(key, *page(held, token, size, gaps=self.gaps))


def only(given: Json, known: Iterable[str], what: str) -> Json:
    """The fields of a request that are served; a value in any other is refused rather than ignored.

    Raises:
        ApiError: 501 ``NOT_IMPLEMENTED`` for a field that the local workspace does not honour.
    """
    kept = set(known)
    for field, value in given.items():
        if field not in kept and field not in _OUTPUT and value not in (None, False, "", [], {}):
            raise unserved(f"{what} with {field}")
    return {field: given[field] for field in given if field in kept}
