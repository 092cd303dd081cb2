"""What is reached from where: breadth-first over chains of edges, on numbers only."""

from __future__ import annotations

from array import array
from collections.abc import Callable, Collection, Iterable
from typing import NamedTuple, TypeAlias

Allowed: TypeAlias = "Callable[[int], bool] | None"


class Direction(NamedTuple):
    """The chains of one direction.

    Attributes:
        first: First edge of each node, or -1.
        following: Next edge of the same chain, or -1.
        ends: Node at the other end of each edge.
    """

    first: array[int]
    following: array[int]
    ends: array[int]


def closure(
    direction: Direction,
    starts: Iterable[int],
    *,
    allowed: Allowed = None,
    stops: Collection[int] = (),
    depth: int | None = None,
    most: int | None = None,
) -> dict[int, int]:
    """Return how far away each node is that is reached, the nearest first.

    Args:
        direction: Which way to go.
        starts: Where to begin. They are not in the answer, even where a cycle leads back to them.
        allowed: Says of an edge whether it counts; all do where it is `None`.
        stops: Nodes that nothing flows through.
        depth: How many edges away a node may be.
        most: How many nodes are found before it ends.
    """
    first, following, ends = direction
    origins = dict.fromkeys(starts, 0)
    found = dict(origins)
    frontier, distance = list(origins), 0
    while frontier and (depth is None or distance < depth) and (most is None or len(found) - len(origins) < most):
        distance += 1
        beyond: list[int] = []
        for node in frontier:
            if node in stops:
                continue
            edge = first[node]
            while edge >= 0:
                end = ends[edge]
                if end not in found and (allowed is None or allowed(edge)):
                    found[end] = distance
                    beyond.append(end)
                edge = following[edge]
        frontier = beyond
    reached = [(node, far) for node, far in found.items() if far]
    return dict(reached if most is None else reached[:most])


def path(
    direction: Direction, start: int, goal: int, *, allowed: Allowed = None, stops: Collection[int] = ()
) -> list[int] | None:
    """Return the edges of a shortest way, from the start on; `None` where there is none, `[]` where both are one."""
    first, following, ends = direction
    came: dict[int, tuple[int, int]] = {start: (-1, -1)}
    frontier = [start]
    while frontier and goal not in came:
        beyond: list[int] = []
        for node in frontier:
            if node in stops:
                continue
            edge = first[node]
            while edge >= 0:
                end = ends[edge]
                if end not in came and (allowed is None or allowed(edge)):
                    came[end] = (node, edge)
                    beyond.append(end)
                edge = following[edge]
        frontier = beyond
    return _way_back(came, goal) if goal in came else None


def _way_back(came: dict[int, tuple[int, int]], goal: int) -> list[int]:
    edges: list[int] = []
    node, edge = came[goal]
    while edge >= 0:
        edges.append(edge)
        node, edge = came[node]
    return edges[::-1]
