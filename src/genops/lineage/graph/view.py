"""What is asked of lineage: a view of the graph as it is or as it was, of all of it or of a part."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from contextlib import AbstractContextManager
from itertools import chain
from typing import TYPE_CHECKING, TypeAlias

from genops.lineage.graph.closures import Allowed, Direction, closure, downwards, path, upwards
from genops.lineage.graph.nouns import Column, Declaration, Diff, Impact, KnownEdge, Node
from genops.lineage.graph.reach import Reach

if TYPE_CHECKING:
    from genops.core.operation import DatasetRef
    from genops.lineage.graph.adjacency import Adjacency
    from genops.lineage.graph.store import Layer, Store

_AT_ONCE = 1_000
_Way: TypeAlias = "Callable[[Adjacency], Direction]"


class View:
    """The edges of a graph that stand at one time, in one catalog, or on the hosts of one metastore.

    A view of a part holds the edges that touch it: those inside, and those that cross its border. It sees what is
    added to the graph later, as far as it stands at its time.

    Args:
        store: All that is known.
        asking: Keeps it from being changed meanwhile.
        at: Time in nanoseconds since the epoch; now where it is `None`.
        catalog: First part of the names of datasets.
        hosts: Hosts of datasets: the workspaces of one metastore.
    """

    def __init__(
        self,
        store: Store,
        asking: Callable[[], AbstractContextManager[None]],
        *,
        at: int | None = None,
        catalog: str | None = None,
        hosts: Collection[str] | None = None,
    ) -> None:
        self._store, self._asking, self._at = store, asking, at
        self._catalog, self._hosts = catalog, hosts

    def find(self, name: str, column: str | None = None) -> tuple[Node, ...]:
        """Return the datasets of a name, of whatever kind and host, or their columns of a name.

        Args:
            name: Parts joined by dots, as `DatasetRef.name` has them: `main.sales.orders`.
            column: Name of a column; the datasets themselves where it is `None`.
        """
        names = self._store.names
        with self._asking():
            found = [(number, ref) for number, ref in enumerate(names.datasets) if ref.parts and ref.name == name]
            if column is None:
                return tuple(ref for _, ref in found)
            return tuple(Column(ref, column) for number, ref in found if column in names.column_numbers[number])

    def upstream(self, node: Node, *, depth: int | None = None, most: int | None = None) -> Reach:
        """Return what flows into a dataset or a column, the nearest first.

        Args:
            node: A dataset, to be answered by datasets, or a column, to be answered by columns.
            depth: How many edges away; all where it is `None`.
            most: How many are looked for.
        """
        return self._reached(node, upwards, depth, most)

    def downstream(self, node: Node, *, depth: int | None = None, most: int | None = None) -> Reach:
        """Return what a dataset or a column flows into, the nearest first."""
        return self._reached(node, downwards, depth, most)

    def path(self, source: Node, target: Node) -> tuple[KnownEdge, ...] | None:
        """Return the edges of a shortest way from source to target; `None` where data cannot have come that way."""
        with self._asking():
            layer, start, goal = self._store.layer_of(source), self._number(source), self._number(target)
            if start < 0 or goal < 0 or self._store.layer_of(target) is not layer:
                return None
            allowed, stops = self._allowed(layer), self._store.stops(layer)
            found = path(downwards(layer.edges), upwards(layer.edges), start, goal, allowed=allowed, stops=stops)
            return None if found is None else tuple(self._store.edge(layer, edge) for edge in found)

    def impact(self, node: Node, *, depth: int | None = None) -> Impact:
        """Return what depends on a dataset or a column, and whom it concerns.

        What is reached by columns alone counts its datasets too.
        """
        with self._asking():
            starts = [self._number(node)] if isinstance(node, Column) else self._columns_of(node)
            columns = self._closure(self._store.columns, [each for each in starts if each >= 0], downwards, depth)
            reached = self._nodes(self._store.columns, columns)
            datasets = self._datasets_of(columns) if isinstance(node, Column) else self.downstream(node, depth=depth)
            said = map(self._store.declaration, chain((node,), datasets.nodes, reached.nodes))
            known = [each for each in said if each is not None]
        return Impact(
            datasets,
            reached,
            _each(known, "owner"),
            _each(known, "steward"),
            _each(known, "classification"),
        )

    def edges(self) -> Iterator[KnownEdge]:
        """Yield the edges between datasets, in the order in which they became known as long as none was let go."""
        return self._listed(self._store.datasets)

    def column_edges(self) -> Iterator[KnownEdge]:
        """Yield the edges between columns, in the order in which they became known as long as none was let go."""
        return self._listed(self._store.columns)

    def declaration(self, node: Node) -> Declaration | None:
        """Return what people say of a dataset or a column."""
        return self._store.declaration(node)

    def since(self, earlier: View) -> Diff:
        """Return what changed from an earlier view to this one; both should be of the same part of the same graph."""
        appeared: list[KnownEdge] = []
        disappeared: list[KnownEdge] = []
        with self._asking():
            for layer in (self._store.datasets, self._store.columns):
                now, before = self._allowed(layer), earlier._allowed(layer)
                for edge in range(layer.edges.places):
                    if layer.edges.target[edge] < 0:
                        continue
                    stands, stood = now is None or now(edge), before is None or before(edge)
                    if stands != stood:
                        (appeared if stands else disappeared).append(self._store.edge(layer, edge))
        return Diff(tuple(appeared), tuple(disappeared))

    def _reached(self, node: Node, way: _Way, depth: int | None, most: int | None) -> Reach:
        with self._asking():
            layer, start = self._store.layer_of(node), self._number(node)
            return Reach() if start < 0 else self._nodes(layer, self._closure(layer, [start], way, depth, most))

    def _number(self, node: Node) -> int:
        """Return the number of a node that has edges, or -1."""
        number = self._store.number(node)
        return number if number < len(self._store.layer_of(node).edges.first_in) else -1

    def _closure(
        self, layer: Layer, starts: list[int], way: _Way, depth: int | None, most: int | None = None
    ) -> list[list[int]]:
        allowed, stops = self._allowed(layer), self._store.stops(layer)
        return closure(way(layer.edges), starts, allowed=allowed, stops=stops, depth=depth, most=most)

    def _nodes(self, layer: Layer, levels: list[list[int]]) -> Reach:
        names = self._store.names
        nodes: list[DatasetRef] | list[Column] = names.datasets if layer is self._store.datasets else names.columns
        return Reach(list(map(nodes.__getitem__, chain.from_iterable(levels))), list(map(len, levels)))

    def _columns_of(self, ref: DatasetRef) -> list[int]:
        number, room = self._store.number(ref), len(self._store.columns.edges.first_in)
        return [] if number < 0 else [each for each in self._store.names.columns_of(number) if each < room]

    def _datasets_of(self, columns: list[list[int]]) -> Reach:
        names, found = self._store.names, set[int]()
        levels: list[list[int]] = []
        for level in columns:
            new = dict.fromkeys(names.dataset_of[column] for column in level)
            levels.append([dataset for dataset in new if dataset not in found])
            found.update(new)
        return self._nodes(self._store.datasets, levels)

    def _listed(self, layer: Layer) -> Iterator[KnownEdge]:
        """Yield edges, a thousand at a time, so that changes need not wait until all were taken."""
        begin = 0
        while begin < layer.edges.places:
            with self._asking():
                allowed = self._allowed(layer)
                places = range(begin, min(begin + _AT_ONCE, layer.edges.places))
                some = [
                    self._store.edge(layer, edge)
                    for edge in places
                    if layer.edges.target[edge] >= 0 and (allowed is None or allowed(edge))
                ]
            yield from some
            begin += _AT_ONCE

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


def _each(declarations: list[Declaration], field: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(said for each in declarations if (said := getattr(each, field))))
