"""What is reached from where: breadth-first over chains of edges, on numbers only."""

from __future__ import annotations

from array import array
from collections.abc import Callable, Collection, Iterable
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

if TYPE_CHECKING:
    from genops.lineage.graph.adjacency import Adjacency

Allowed: TypeAlias = "Callable[[int], bool] | None"


class Direction(NamedTuple):
    """The chains of one direction.

    Attributes:
        first: First edge of each node, or -1.
        following: Next edge of the same chain, or -1.
        begins: Node at the near end of each edge.
        ends: Node at the far end.
    """

    first: array[int]
    following: array[int]
    begins: array[int]
    ends: array[int]


def upwards(edges: Adjacency) -> Direction:
    """Return the chains from each node to what it is made of."""
    return Direction(edges.first_in, edges.next_in, edges.target, edges.source)


def downwards(edges: Adjacency) -> Direction:
    """Return the chains from each node to what is made of it."""
    return Direction(edges.first_out, edges.next_out, edges.source, edges.target)


def closure(
    direction: Direction,
    starts: Iterable[int],
    *,
    allowed: Allowed = None,
    stops: Collection[int] = (),
    depth: int | None = None,
    most: int | None = None,
) -> list[list[int]]:
    """Return the nodes that are reached: those one edge away, those two away, and so on.

    Args:
        direction: Which way to go.
        starts: Where to begin. They are not in the answer, even where a cycle leads back to them.
        allowed: Says of an edge whether it counts; all do where it is `None`.
        stops: Nodes that nothing flows through.
        depth: How many edges away a node may be.
        most: How many nodes are found before it ends.
    """
    frontier = list(dict.fromkeys(starts))
    seen = bytearray(len(direction.first))
    for node in frontier:
        seen[node] = 1
    levels: list[list[int]] = []
    left = most
    while frontier and (depth is None or len(levels) < depth) and (left is None or left > 0):
        if stops:
            frontier = [node for node in frontier if node not in stops]
        frontier = _beyond(direction, frontier, seen, allowed)
        if left is not None:
            frontier = frontier[:left]
            left -= len(frontier)
        if frontier:
            levels.append(frontier)
    return levels


def _beyond(direction: Direction, frontier: list[int], seen: bytearray, allowed: Allowed) -> list[int]:
    """Return what is one edge further and was not seen yet."""
    first, following, _, ends = direction
    beyond: list[int] = []
    for node in frontier:
        edge = first[node]
        while edge >= 0:
            end = ends[edge]
            if not seen[end] and (allowed is None or allowed(edge)):
                seen[end] = 1
                beyond.append(end)
            edge = following[edge]
    return beyond


def path(
    downwards: Direction,
    upwards: Direction,
    start: int,
    goal: int,
    *,
    allowed: Allowed = None,
    stops: Collection[int] = (),
) -> list[int] | None:
    """Return the edges of a shortest way, from the start on; `None` where there is none, `[]` where both are one.

    It is looked for from both ends, from whichever has fewer nodes to go on from.
    """
    came, leads = {start: -1}, {goal: -1}
    near: list[int] = [start]
    far: list[int] = [goal]
    meeting = start if start == goal else -1
    while meeting < 0 and near and far:
        if len(near) <= len(far):
            near = _stepped(downwards, [node for node in near if node not in stops], came, allowed)
            meeting = next((node for node in near if node in leads), -1)
        else:
            far = [node for node in _stepped(upwards, far, leads, allowed) if node not in stops]
            for node in stops:
                if node != goal:
                    leads.pop(node, None)
            meeting = next((node for node in far if node in came), -1)
    if meeting < 0:
        return None
    first = _followed(came, downwards.begins, meeting)
    return [*reversed(first), *_followed(leads, upwards.begins, meeting)]


def _stepped(direction: Direction, frontier: list[int], known: dict[int, int], allowed: Allowed) -> list[int]:
    """Return what is one edge further and was not known, and take note of the edge that led there."""
    first, following, _, ends = direction
    beyond: list[int] = []
    for node in frontier:
        edge = first[node]
        while edge >= 0:
            end = ends[edge]
            if end not in known and (allowed is None or allowed(edge)):
                known[end] = edge
                beyond.append(end)
            edge = following[edge]
    return beyond


def _followed(known: dict[int, int], begins: array[int], node: int) -> list[int]:
    edges: list[int] = []
    while (edge := known[node]) >= 0:
        edges.append(edge)
        node = begins[edge]
    return edges
