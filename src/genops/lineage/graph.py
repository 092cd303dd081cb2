"""The edges that are known now: a sink that keeps each one once, in bounded memory, and finds neighbours."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from typing import TYPE_CHECKING

from genops.core.edges import LOCAL_FILE, LineageRow, Neighbours
from genops.core.forks import on_fork
from genops.core.operation import DatasetEdge, DatasetRef
from genops.core.records import Record, Settled

if TYPE_CHECKING:
    from genops.core.operation import Operation

MAX_EDGES = 10_000
MAX_COMBINATIONS = 1_000
MAX_VISITED = 1_000
MAX_OF_ONE = 1_000
OTHER = "other"
_OVERFLOW = (OTHER,) * 6
_Adjacent = dict[DatasetRef, list[DatasetRef]]


class LineageGraph:
    """Keeps the edges that settled operations named, each once, and counts them by who named it first.

    A local file is an end: nothing flows through it, because no two operations are known to mean the same file.

    Inside the locked lines a finalizer or a signal handler of the same thread may name edges too. So what may grow
    meanwhile is copied in one step before it is walked through, and whether an edge is new is asked in one step.

    Args:
        max_depth: How many edges away a dataset may be and still be named as upstream or downstream.
        capacity: Edges that are kept; later ones are counted in `overflowed` and let go.
        combinations: Combinations of labels that are told apart; later ones go under labels that all read `other`.

    Attributes:
        room: Edges of one operation that it takes.
        overflowed: How often an edge was let go because the graph was full, or its operation named too many.
    """

    room = MAX_OF_ONE

    def __init__(self, max_depth: int = 1, capacity: int = MAX_EDGES, combinations: int = MAX_COMBINATIONS) -> None:
        self._max_depth = max_depth
        self._capacity = capacity
        self._combinations = combinations
        self.reset()
        on_fork(self.reset)

    def reset(self) -> None:
        """Begin empty with a new lock; what a child does after a fork, since its parent keeps its own graph."""
        self._lock = threading.RLock()
        self._edges: dict[DatasetEdge, object] = {}
        self._sources: _Adjacent = {}
        self._targets: _Adjacent = {}
        self._counts: dict[tuple[str, ...], list[int]] = {}
        self.overflowed = 0

    def write(self, record: Record) -> None:
        """Keep the edges of a settled operation."""
        if isinstance(record, Settled) and record.facts.edges:
            with self._lock:
                counts = self._counted(record.operation)
                new = sum([self._keep(edge) for edge in record.facts.edges])
                counts[0] += new
                counts[1] += 1

    def let_go(self, edges: int) -> None:
        """Count edges of an operation that there is no room for."""
        with self._lock:
            self.overflowed += edges

    def _counted(self, operation: Operation) -> list[int]:
        labels = (*operation.attribution.labels, operation.provider, operation.type, operation.host or "")
        if labels not in self._counts and len(self._counts) >= self._combinations:
            labels = _OVERFLOW
        return self._counts.setdefault(labels, [0, 0])

    def _keep(self, edge: DatasetEdge) -> bool:
        """Return whether an edge is new; a full graph keeps none and counts it."""
        if edge in self._edges:
            return False
        if len(self._edges) >= self._capacity:
            self.overflowed += 1
            return False
        mine = object()
        if self._edges.setdefault(edge, mine) is not mine:
            return False
        self._sources.setdefault(edge.target, []).append(edge.source)
        self._targets.setdefault(edge.source, []).append(edge.target)
        return True

    def edges(self) -> frozenset[DatasetEdge]:
        """Return the edges that are known now."""
        with self._lock:
            return frozenset(self._edges)

    def rows(self) -> list[LineageRow]:
        """Return how many edges are known, by the labels of the operation that was the first to name each."""
        with self._lock:
            return [LineageRow(labels, *counts) for labels, counts in self._counts.copy().items()]

    def around(self, edges: Iterable[DatasetEdge]) -> Neighbours:
        """Return where an operation that named these edges stands.

        At most 1,000 datasets are looked at in either direction, besides one for each of these edges.
        """
        edges = tuple(edges)
        inputs = tuple(dict.fromkeys(edge.source for edge in edges))
        outputs = tuple(dict.fromkeys(edge.target for edge in edges))
        most = MAX_VISITED + len(edges)
        with self._lock:
            upstream = self._reached(inputs, outputs, self._sources, most)
            downstream = self._reached(outputs, inputs, self._targets, most)
        return Neighbours(inputs, outputs, upstream, downstream)

    def _reached(
        self, own: tuple[DatasetRef, ...], origins: tuple[DatasetRef, ...], adjacent: _Adjacent, most: int
    ) -> tuple[DatasetRef, ...]:
        """Return what lies within reach of `origins` in one direction, `own` first; the origins themselves never."""
        found, never = dict.fromkeys(own), frozenset(origins)
        nearest = origins
        for depth in range(self._max_depth):
            looked_at = list(_beyond(nearest, adjacent, most))
            most -= len(looked_at)
            new = [ref for ref in dict.fromkeys(looked_at) if ref not in found and ref not in never]
            found |= dict.fromkeys(new)
            nearest = (*own, *new) if depth == 0 else tuple(new)
            if not nearest or not most:
                break
        return tuple(islice(found, MAX_VISITED))


def _beyond(
    refs: Iterable[DatasetRef], adjacent: Mapping[DatasetRef, list[DatasetRef]], most: int
) -> Iterator[DatasetRef]:
    """Yield what is one edge further than these, so many at most; nothing flows through a local file."""
    for ref in refs:
        near = () if ref == LOCAL_FILE else adjacent.get(ref, ())[:most]
        most -= len(near)
        yield from near
        if not most:
            return
