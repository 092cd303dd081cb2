"""When an edge stood: seen, withdrawn, seen again.

An edge stands from when it is seen until it is withdrawn. Sightings may come in any order, as those of system tables
do. A withdrawal that comes late has no effect on what was seen after it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from genops.lineage.graph.adjacency import Adjacency

MAX_SPANS = 16
_Spans: TypeAlias = "tuple[tuple[int, int], ...]"


class History:
    """The times at which the edges of a graph stand.

    Attributes:
        ended: When each edge that stands no more was withdrawn.
        forgotten: Former spans of edges that came and went more than 16 times; the oldest are let go.
    """

    def __init__(self, edges: Adjacency) -> None:
        self._edges = edges
        self._former: dict[int, _Spans] = {}
        self.ended: dict[int, int] = {}
        self.forgotten = 0

    def seen(self, edge: int, at: int) -> None:
        """Take note that an edge was seen."""
        first, last = self._edges.first_seen, self._edges.last_seen
        former = self._former.get(edge)
        if former and at < former[-1][1]:
            self._former[edge] = _widened(former, at)
            return
        ended = self.ended.get(edge)
        if ended is not None and at >= ended:
            self._close(edge, first[edge], ended)
            first[edge] = last[edge] = at
            return
        if at < first[edge]:
            first[edge] = at
        elif at > last[edge]:
            last[edge] = at

    def _close(self, edge: int, first: int, ended: int) -> None:
        spans = (*self._former.get(edge, ()), (first, ended))
        self.forgotten += max(len(spans) - MAX_SPANS, 0)
        self._former[edge] = spans[-MAX_SPANS:]
        del self.ended[edge]

    def withdraw(self, edge: int, at: int) -> bool:
        """End an edge; return whether it stood and was not seen later."""
        if edge in self.ended or at < self._edges.last_seen[edge]:
            return False
        self.ended[edge] = at
        return True

    def forget(self, edge: int) -> None:
        """Forget the past of an edge."""
        self.ended.pop(edge, None)
        self._former.pop(edge, None)

    def stands(self, edge: int, at: int) -> bool:
        """Whether an edge stood at a time, in nanoseconds since the epoch."""
        ended = self.ended.get(edge)
        if self._edges.first_seen[edge] <= at and (ended is None or at < ended):
            return True
        return any(begun <= at < end for begun, end in self._former.get(edge, ()))


def _widened(spans: _Spans, at: int) -> _Spans:
    """Return former spans with one that begins earlier: the first that ends after this time."""
    found = next(place for place, (_, end) in enumerate(spans) if at < end)
    begun, end = spans[found]
    return (*spans[:found], (min(begun, at), end), *spans[found + 1 :])
