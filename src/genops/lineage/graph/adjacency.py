"""Edges between numbered nodes, in flat arrays: about 60 bytes an edge, whatever is known of it.

Each edge is in three chains: of its source, of its target, and of all edges from the one that nobody has named for
longest to the one named last. A chain is linked both ways, so an edge is put in and taken out at a cost that does not
grow. The places of edges that were taken out are used again. The chain of a target is walked to find out whether an
edge is known; a target with a long one gets an index. At every step all chains can be walked forwards to their end.
"""

from __future__ import annotations

from array import array

_LONG = 16  # links that are walked before a node gets an index
_SPARE = 64
NONE = -1


class Adjacency:
    """A graph of numbered nodes.

    Attributes:
        source: Node that each edge comes from, or -1 at a place without an edge.
        target: Node that it goes to, or -1.
        first_seen: When each edge was seen first, in nanoseconds since the epoch.
        last_seen: When it was seen last.
        provenance: Bits of who said so.
        kinds: Bits of how the source takes part in the target.
        logic: Number of what makes the target out of the source, or -1.
        first_out: The edge that left each node last, or -1; `next_out` goes on from edge to edge.
        first_in: The edge that arrived at each node last, or -1; `next_in` goes on.
        count: How many edges there are.
        oldest: Edge that nobody has named for longest, or -1.
    """

    def __init__(self) -> None:
        self.source, self.target = array("i"), array("i")
        self.next_out, self.next_in = array("i"), array("i")
        self._before_out, self._before_in = array("i"), array("i")
        self._older, self._newer = array("i"), array("i")
        self.first_seen, self.last_seen = array("q"), array("q")
        self.provenance, self.kinds, self.logic = array("B"), array("I"), array("i")
        self.first_out, self.first_in = array("i"), array("i")
        self.oldest = self._newest = NONE
        self._free: list[int] = []
        self.count = 0
        self._index: dict[int, dict[int, int]] = {}

    def __len__(self) -> int:
        return self.count

    @property
    def places(self) -> int:
        """Places for edges; some may be free."""
        return len(self.target)

    def bare(self, node: int) -> bool:
        """Whether a node has no edge."""
        return node >= len(self.first_in) or (self.first_in[node] < 0 and self.first_out[node] < 0)

    def find(self, source: int, target: int) -> int:
        """Return the edge between two nodes, or -1."""
        if target >= len(self.first_in):
            return NONE
        edge = self.first_in[target]
        if edge < 0:
            return NONE
        index = self._index.get(target)
        if index is not None:
            return index.get(source, NONE)
        sources, following, walked = self.source, self.next_in, 0
        while edge >= 0:
            if sources[edge] == source:
                return edge
            edge = following[edge]
            walked += 1
        if walked >= _LONG:
            self._index[target] = self._indexed(target)
        return NONE

    def _indexed(self, target: int) -> dict[int, int]:
        index: dict[int, int] = {}
        edge = self.first_in[target]
        while edge >= 0:
            index[self.source[edge]] = edge
            edge = self.next_in[edge]
        return index

    def add(self, source: int, target: int, at: int, provenance: int, kinds: int, logic: int) -> int:
        """Add an edge that `find` does not know, and return it; it is the newest."""
        if source >= len(self.first_in) or target >= len(self.first_in):
            self._grow(max(source, target))
        if not self._free:
            self._make_places()
        edge = self._free.pop()
        self.first_seen[edge] = self.last_seen[edge] = at
        self.source[edge] = source
        self.target[edge] = target
        self.provenance[edge] = provenance
        if kinds:
            self.kinds[edge] = kinds
        if logic >= 0:
            self.logic[edge] = logic
        following = self.next_out[edge] = self.first_out[source]
        if following >= 0:
            self._before_out[following] = edge
        self.first_out[source] = edge
        following = self.next_in[edge] = self.first_in[target]
        if following >= 0:
            self._before_in[following] = edge
        self.first_in[target] = edge
        if target in self._index:
            self._index[target][source] = edge
        self.count += 1
        self._append(edge)
        return edge

    def touch(self, edge: int) -> None:
        """Make an edge the newest."""
        if edge != self._newest:
            self._detach(edge)
            self._append(edge)

    def drop(self, edge: int) -> None:
        """Take an edge out."""
        source, target = self.source[edge], self.target[edge]
        _unlink(edge, source, self.first_out, self.next_out, self._before_out)
        _unlink(edge, target, self.first_in, self.next_in, self._before_in)
        if target in self._index:
            del self._index[target][source]
            if not self._index[target]:
                del self._index[target]
        self._detach(edge)
        for numbers in (self.source, self.target, self.next_out, self.next_in, self._before_out, self._before_in):
            numbers[edge] = NONE
        self.provenance[edge] = self.kinds[edge] = 0
        self.logic[edge] = NONE
        self.count -= 1
        self._free.append(edge)

    def _append(self, edge: int) -> None:
        newest = self._newest
        self._older[edge] = newest
        if newest < 0:
            self.oldest = edge
        else:
            self._newer[newest] = edge
        self._newest = edge

    def _detach(self, edge: int) -> None:
        older, newer = self._older[edge], self._newer[edge]
        if older < 0:
            self.oldest = newer
        else:
            self._newer[older] = newer
        if newer < 0:
            self._newest = older
        else:
            self._older[newer] = older
        self._newer[edge] = NONE

    def _grow(self, node: int) -> None:
        """Make room for a node, and for some more of them."""
        none = array("i", (NONE,)) * (node + 1 - len(self.first_in) + _SPARE + node // 8)
        self.first_out.extend(none)
        self.first_in.extend(none)

    def _make_places(self) -> None:
        begin = len(self.target)
        count = _SPARE + begin // 8
        for times in (self.first_seen, self.last_seen):
            times.extend(array("q", (0,)) * count)
        for numbers in (self.source, self.next_out, self.next_in, self._before_out, self._before_in, self.logic):
            numbers.extend(array("i", (NONE,)) * count)
        for numbers in (self._older, self._newer, self.target):
            numbers.extend(array("i", (NONE,)) * count)
        self.provenance.extend(array("B", (0,)) * count)
        self.kinds.extend(array("I", (0,)) * count)
        self._free.extend(reversed(range(begin, begin + count)))


def _unlink(edge: int, node: int, first: array[int], following: array[int], before: array[int]) -> None:
    """Take an edge out of a node's chain."""
    next_one, former = following[edge], before[edge]
    if former < 0:
        first[node] = next_one
    else:
        following[former] = next_one
    if next_one >= 0:
        before[next_one] = former
