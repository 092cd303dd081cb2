"""The answer of a closure: nodes at once, their distances when they are looked at."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterator, Sequence
from itertools import accumulate, chain, repeat
from typing import overload

from genops.lineage.graph.nouns import Node, Reached

# A named tuple's own constructor takes twice as long, which a closure of 100,000 nodes shows.
_as_reached: Callable[[type[Reached], tuple[Node, int]], Reached] = tuple.__new__  # pyright: ignore[reportUnknownVariableType, reportUnknownMemberType]  (of any tuple)


class Reach(Sequence[Reached]):
    """What a closure reaches, the nearest first; equal to a tuple of the same.

    An entry is made when it is looked at: a hundred thousand that are kept cost more than to find them, since the
    garbage collector looks at each.

    Args:
        nodes: What is reached, the nearest first.
        counts: How many of them are one edge away, two away, and so on.

    Attributes:
        nodes: What is reached, the nearest first.
    """

    __slots__ = ("_counts", "nodes")

    def __init__(self, nodes: Sequence[Node] = (), counts: Sequence[int] = ()) -> None:
        self.nodes = nodes
        self._counts = counts

    def __len__(self) -> int:
        return len(self.nodes)

    def __iter__(self) -> Iterator[Reached]:
        distances = chain.from_iterable(repeat(far, count) for far, count in enumerate(self._counts, 1))
        return map(_as_reached, repeat(Reached), zip(self.nodes, distances, strict=True))

    @overload
    def __getitem__(self, index: int) -> Reached: ...
    @overload
    def __getitem__(self, index: slice) -> tuple[Reached, ...]: ...
    def __getitem__(self, index: int | slice) -> Reached | tuple[Reached, ...]:
        if isinstance(index, slice):
            return tuple(map(self.__getitem__, range(*index.indices(len(self)))))
        node = self.nodes[index]
        return Reached(node, bisect_right(list(accumulate(self._counts)), index % len(self)) + 1)

    def __eq__(self, other: object) -> bool:
        if isinstance(other, Reach):
            return self._counts == other._counts and self.nodes == other.nodes
        return tuple(self) == other if isinstance(other, tuple) else NotImplemented

    def __hash__(self) -> int:
        return hash(tuple(self))

    def __repr__(self) -> str:
        return repr(tuple(self))
