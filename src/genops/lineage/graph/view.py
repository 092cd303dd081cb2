"""What is asked of lineage: a view of the graph as it is or as it was, of all of it or of a part."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from typing import TYPE_CHECKING, TypeAlias

from genops.lineage.graph.closures import Allowed, Direction, closure, path
from genops.lineage.graph.nouns import Column, Declaration, Diff, Impact, KnownEdge, Node, Reached

if TYPE_CHECKING:
    from genops.core.operation import DatasetRef
    from genops.lineage.graph.store import Layer, Store

_Way: TypeAlias = "Callable[[Layer], Direction]"


class View:
    """The edges of a graph that stand at one time, in one catalog, or on the hosts of one metastore.

    A view of a part holds the edges that touch it: those inside, and those that cross its border. It sees what is
    added to the graph later, as far as it stands at its time.

    Args:
        store: All that is known.
        at: Time in nanoseconds since the epoch; now where it is `None`.
        catalog: First part of the names of datasets.
        hosts: Hosts of datasets: the workspaces of one metastore.
    """

    def __init__(
        self, store: Store, *, at: int | None = None, catalog: str | None = None, hosts: Collection[str] | None = None
    ) -> None:
        self._store, self._at = store, at
        self._catalog, self._hosts = catalog, hosts

    def upstream(self, node: Node, *, depth: int | None = None, most: int | None = None) -> tuple[Reached, ...]:
        """Return what flows into a dataset or a column, the nearest first.

        Args:
            node: A dataset, to be answered by datasets, or a column, to be answered by columns.
            depth: How many edges away; all where it is `None`.
            most: How many are looked for.
        """
        return self._reached(node, _upwards, depth, most)

    def downstream(self, node: Node, *, depth: int | None = None, most: int | None = None) -> tuple[Reached, ...]:
        """Return what a dataset or a column flows into, the nearest first."""
        return self._reached(node, _downwards, depth, most)

    def path(self, source: Node, target: Node) -> tuple[KnownEdge, ...] | None:
        """Return the edges of a shortest way from source to target; `None` where data cannot have come that way."""
        layer, start, goal = self._store.layer_of(source), self._number(source), self._number(target)
        if start < 0 or goal < 0 or self._store.layer_of(target) is not layer:
            return None
        found = path(_downwards(layer), start, goal, allowed=self._allowed(layer), stops=self._store.stops(layer))
        return None if found is None else tuple(self._store.edge(layer, edge) for edge in found)

    def impact(self, node: Node, *, depth: int | None = None) -> Impact:
        """Return what depends on a dataset or a column, and whom it concerns.

        What is reached by columns alone counts its datasets too.
        """
        starts = [self._number(node)] if isinstance(node, Column) else self._columns_of(node)
        columns = self._closure(self._store.columns, [each for each in starts if each >= 0], _downwards, depth, None)
        datasets = self._datasets_of(columns) if isinstance(node, Column) else self.downstream(node, depth=depth)
        reached = self._nodes(self._store.columns, columns)
        said = [self._store.declaration(each.node) for each in (*datasets, *reached)]
        known = [each for each in (self._store.declaration(node), *said) if each is not None]
        return Impact(
            datasets,
            reached,
            _each(known, "owner"),
            _each(known, "steward"),
            _each(known, "classification"),
        )

    def edges(self) -> Iterator[KnownEdge]:
        """Yield the edges between datasets, in the order in which they became known."""
        return self._listed(self._store.datasets)

    def column_edges(self) -> Iterator[KnownEdge]:
        """Yield the edges between columns, in the order in which they became known."""
        return self._listed(self._store.columns)

    def declaration(self, node: Node) -> Declaration | None:
        """Return what people say of a dataset or a column."""
        return self._store.declaration(node)

    def since(self, earlier: View) -> Diff:
        """Return what changed from an earlier view to this one; both should be of the same part of the same graph."""
        appeared: list[KnownEdge] = []
        disappeared: list[KnownEdge] = []
        for layer in (self._store.datasets, self._store.columns):
            now, before = self._allowed(layer), earlier._allowed(layer)
            for edge in range(len(layer.edges)):
                stands, stood = now is None or now(edge), before is None or before(edge)
                if stands != stood:
                    (appeared if stands else disappeared).append(self._store.edge(layer, edge))
        return Diff(tuple(appeared), tuple(disappeared))

    def _reached(self, node: Node, direction: _Way, depth: int | None, most: int | None) -> tuple[Reached, ...]:
        layer, start = self._store.layer_of(node), self._number(node)
        return () if start < 0 else self._nodes(layer, self._closure(layer, [start], direction, depth, most))

    def _number(self, node: Node) -> int:
        """Return the number of a node that has edges, or -1."""
        number = self._store.number(node)
        return number if number < len(self._store.layer_of(node).edges.first_in) else -1

    def _closure(
        self, layer: Layer, starts: list[int], way: _Way, depth: int | None, most: int | None
    ) -> dict[int, int]:
        allowed, stops = self._allowed(layer), self._store.stops(layer)
        return closure(way(layer), starts, allowed=allowed, stops=stops, depth=depth, most=most)

    def _nodes(self, layer: Layer, distances: dict[int, int]) -> tuple[Reached, ...]:
        return tuple(Reached(self._store.node(layer, number), far) for number, far in distances.items())

    def _columns_of(self, ref: DatasetRef) -> list[int]:
        number, room = self._store.number(ref), len(self._store.columns.edges.first_in)
        return [] if number < 0 else [each for each in self._store.names.columns_of(number) if each < room]

    def _datasets_of(self, columns: dict[int, int]) -> tuple[Reached, ...]:
        nearest: dict[int, int] = {}
        for column, far in columns.items():
            nearest.setdefault(self._store.names.dataset_of[column], far)
        return self._nodes(self._store.datasets, nearest)

    def _listed(self, layer: Layer) -> Iterator[KnownEdge]:
        allowed = self._allowed(layer)
        for edge in range(len(layer.edges)):
            if allowed is None or allowed(edge):
                yield self._store.edge(layer, edge)

    def _allowed(self, layer: Layer) -> Allowed:
        """Return what says of an edge whether it is in this view; `None` where all are."""
        stands, touches = self._stands(layer), self._touches(layer)
        if stands is None or touches is None:
            return stands or touches
        return lambda edge: stands(edge) and touches(edge)

    def _stands(self, layer: Layer) -> Allowed:
        at, history = self._at, layer.history
        if at is not None:
            return lambda edge: history.stands(edge, at)
        ended = history.ended
        return (lambda edge: edge not in ended) if ended else None

    def _touches(self, layer: Layer) -> Allowed:
        if self._catalog is None and self._hosts is None:
            return None
        names, edges, inside = self._store.names, layer.edges, self._inside
        datasets = names.datasets
        if layer is self._store.datasets:
            return lambda edge: inside(datasets[edges.source[edge]]) or inside(datasets[edges.target[edge]])
        of = names.dataset_of
        return lambda edge: inside(datasets[of[edges.source[edge]]]) or inside(datasets[of[edges.target[edge]]])

    def _inside(self, ref: DatasetRef) -> bool:
        if self._catalog is not None and (self._catalog,) != ref.parts[:-1][:1]:
            return False
        return self._hosts is None or ref.host in self._hosts


def _upwards(layer: Layer) -> Direction:
    return Direction(layer.edges.first_in, layer.edges.next_in, layer.edges.source)


def _downwards(layer: Layer) -> Direction:
    return Direction(layer.edges.first_out, layer.edges.next_out, layer.edges.target)


def _each(declarations: list[Declaration], field: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(said for each in declarations if (said := getattr(each, field))))
