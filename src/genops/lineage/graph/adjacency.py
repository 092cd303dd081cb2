"""Edges between numbered nodes, in flat arrays: about 50 bytes an edge, whatever is known of it.

Each edge is in two chains, that of its source and that of its target, in the order in which they came. A chain is
walked to find out whether an edge is known; a node with a long one gets an index. Edges are never taken out, and one
is linked only after it is whole. So readers need no lock.
"""

from __future__ import annotations

from array import array

_LONG = 16  # links that are walked before a node gets an index
NONE = -1


class Adjacency:
    """A bounded graph of numbered nodes.

    Attributes:
        source: Node that each edge comes from.
        target: Node that it goes to.
        first_seen: When each edge was seen first, in nanoseconds since the epoch.
        last_seen: When it was seen last.
        provenance: Bits of who said so.
        kinds: Bits of how the source takes part in the target.
        logic: Number of what makes the target out of the source, or -1.
        first_out: First edge that leaves each node, or -1; `next_out` goes on from edge to edge.
        first_in: First edge that arrives at each node, or -1; `next_in` goes on.
    """

    def __init__(self) -> None:
        self.source, self.target = array("i"), array("i")
        self.next_out, self.next_in = array("i"), array("i")
        self.first_seen, self.last_seen = array("q"), array("q")
        self.provenance, self.kinds, self.logic = array("B"), array("I"), array("i")
        self.first_out, self.first_in = array("i"), array("i")
        self._last_out, self._last_in = array("i"), array("i")
        self._index: dict[int, dict[int, int]] = {}

    def __len__(self) -> int:
        return len(self.target)

    def grow(self, nodes: int) -> None:
        """Make room for so many nodes."""
        missing = nodes - len(self.first_in)
        if missing > 0:
            for chains in (self._last_out, self._last_in, self.first_out, self.first_in):
                chains.extend((NONE,) * missing)

    def find(self, source: int, target: int) -> int:
        """Return the edge between two nodes, or -1."""
        index = self._index.get(source)
        if index is not None:
            return index.get(target, NONE)
        targets, following = self.target, self.next_out
        edge, walked = self.first_out[source], 0
        while edge >= 0:
            if targets[edge] == target:
                return edge
            edge = following[edge]
            walked += 1
        if walked >= _LONG:
            self._index[source] = self._indexed(source)
        return NONE

    def _indexed(self, source: int) -> dict[int, int]:
        index: dict[int, int] = {}
        edge = self.first_out[source]
        while edge >= 0:
            index[self.target[edge]] = edge
            edge = self.next_out[edge]
        return index

    def add(self, source: int, target: int, at: int) -> int:
        """Add an edge that `find` does not know, between nodes that there is room for, and return it."""
        edge = len(self.target)
        self.source.append(source)
        self.next_out.append(NONE)
        self.next_in.append(NONE)
        self.first_seen.append(at)
        self.last_seen.append(at)
        self.provenance.append(0)
        self.kinds.append(0)
        self.logic.append(NONE)
        self.target.append(target)
        _link(edge, source, self.first_out, self._last_out, self.next_out)
        _link(edge, target, self.first_in, self._last_in, self.next_in)
        index = self._index.get(source)
        if index is not None:
            index[target] = edge
        return edge


def _link(edge: int, node: int, first: array[int], last: array[int], following: array[int]) -> None:
    """Put an edge at the end of a node's chain."""
    before = last[node]
    if before < 0:
        first[node] = edge
    else:
        following[before] = edge
    last[node] = edge
