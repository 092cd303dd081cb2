"""All that is known of lineage: two graphs, of datasets and of columns, with what is said of their edges and nodes."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from genops.core.edges import LOCAL_FILE
from genops.lineage.graph.adjacency import NONE, Adjacency
from genops.lineage.graph.history import History
from genops.lineage.graph.logics import Logics
from genops.lineage.graph.names import Names
from genops.lineage.graph.nouns import (
    Column,
    Declaration,
    KnownEdge,
    Node,
    Provenance,
    is_ambiguous,
    transformations_of,
)

if TYPE_CHECKING:
    from genops.core.operation import DatasetRef


class Layer:
    """One of the two graphs.

    Attributes:
        edges: Its edges.
        history: When they stand.
        declared: What people say of them.
        counted: Where each is counted, by the labels of the operation that was the first to name it.
        capacity: How many are kept; at least one.
    """

    def __init__(self, capacity: int) -> None:
        self.edges = Adjacency()
        self.history = History(self.edges)
        self.declared: dict[int, Declaration] = {}
        self.counted: dict[int, list[int]] = {}
        self.capacity = max(capacity, 1)

    def forget(self, edge: int) -> None:
        """Forget what is said of an edge."""
        self.declared.pop(edge, None)
        self.history.forget(edge)
        counts = self.counted.pop(edge, None)
        if counts is not None:
            counts[0] -= 1


class Said(NamedTuple):
    """What one witness says of an edge, in numbers.

    Attributes:
        provenance: Bits of who says it.
        kinds: Bits of how the source takes part in the target.
        logic: Number of what makes the target out of the source, or -1.
        declaration: What people say of it.
        counts: Where an edge between datasets is counted that nobody named before, in its first number.
    """

    provenance: int
    kinds: int = 0
    logic: int = NONE
    declaration: Declaration | None = None
    counts: list[int] | None = None

    def of_datasets(self) -> Said:
        """Return what it says of the datasets of two columns: how values take part is known of the columns alone."""
        return self._replace(kinds=0, declaration=None) if self.kinds or self.declaration else self


class Store:
    """Keeps each edge once, in bounded memory. One at a time writes it or reads it.

    A full layer lets go the edge that nobody has named for longest, and with their last edge its datasets and columns.

    Attributes:
        names: Numbers of datasets and columns.
        logics: Numbers of what makes targets out of sources.
        datasets: Edges between datasets.
        columns: Edges between columns; each had its edge between datasets too when it was named, unless both are of one
            dataset.
    """

    def __init__(self, edges: int, column_edges: int) -> None:
        self.names, self.logics = Names(), Logics()
        self.datasets, self.columns = Layer(edges), Layer(column_edges)
        self._let_go = 0
        self._said: dict[Node, Declaration] = {}
        self._told: dict[tuple[int, int], int] = {}

    @property
    def overflowed(self) -> int:
        """Edges, logics and declarations that were let go because there was no room."""
        return self._let_go + self.logics.refused

    def begin(self) -> None:
        """Begin with what another witness says, or with another time."""
        self._told.clear()

    def see(self, source: Node, target: Node, at: int, said: Said) -> None:
        """Take note of an edge between two datasets or two columns."""
        if isinstance(source, Column):
            if isinstance(target, Column):
                self.see_columns(*source, *target, at, said)
                return
            source = source.dataset
        other = target.dataset if isinstance(target, Column) else target
        self._note(self.datasets, *self.names.pair(source, other), at, said)

    def see_columns(
        self, source: DatasetRef, source_column: str, target: DatasetRef, target_column: str, at: int, said: Said
    ) -> None:
        """Take note of an edge between two columns, and of one between their datasets."""
        names, told = self.names, self._told
        pair = one, other = names.pair(source, target)
        # What was said of two tables a moment ago need not be said again for each pair of their columns.
        if one != other and told.get(pair) != said.logic:
            self._note(self.datasets, one, other, at, said.of_datasets())
            told[pair] = said.logic
        begin, end = names.column_numbers[one].get(source_column), names.column_numbers[other].get(target_column)
        if begin is None or end is None:
            begin, end = names.column(one, source_column), names.column(other, target_column)
        self._note(self.columns, begin, end, at, said)

    def _note(self, layer: Layer, source: int, target: int, at: int, said: Said) -> None:
        """Write down what is said of an edge; nothing that is known is taken back."""
        edges = layer.edges
        provenance, kinds, logic, declaration, counts = said
        if logic >= 0:
            self.logics.uses[logic] += 1
        edge = edges.find(source, target)
        if edge < 0:
            edge = edges.add(source, target, at, provenance, kinds, logic)
            if counts is not None and layer is self.datasets:
                counts[0] += 1
                layer.counted[edge] = counts
            if edges.count > layer.capacity:
                self._drop_oldest(layer)
        else:
            layer.history.seen(edge, at)
            edges.touch(edge)
            edges.provenance[edge] |= provenance
            edges.kinds[edge] |= kinds
            if logic >= 0:
                self.logics.release(edges.logic[edge])
                edges.logic[edge] = logic
        if declaration is not None:
            layer.declared[edge] = declaration

    def _drop_oldest(self, layer: Layer) -> None:
        edges = layer.edges
        edge = edges.oldest
        source, target, logic = edges.source[edge], edges.target[edge], edges.logic[edge]
        edges.drop(edge)
        layer.forget(edge)
        if layer is self.datasets:
            self._told.clear()
        self.logics.release(logic)
        self._let_go += 1
        for node in (source,) if source == target else (source, target):
            if edges.bare(node):
                self._drop_node(layer, node)

    def _drop_node(self, layer: Layer, node: int) -> None:
        """Forget a node without edges, and its dataset unless something else of it is known."""
        names, dataset = self.names, node
        if layer is self.columns:
            dataset = names.dataset_of[node]
            names.drop_column(node)
        if self.datasets.edges.bare(dataset) and not names.has_columns(dataset):
            names.drop_dataset(dataset)

    def withdraw(self, source: Node, target: Node, at: int, provenance: Provenance) -> bool:
        """Take back what some say of an edge; return whether it ended, because nobody else says it."""
        layer, edge = self.find(source, target)
        if edge < 0:
            return False
        left = layer.edges.provenance[edge] & ~int(provenance)
        if left:
            layer.edges.provenance[edge] = left
            return False
        ended = layer.history.withdraw(edge, at)
        if ended:
            layer.edges.provenance[edge] = 0
        return ended

    def find(self, source: Node, target: Node) -> tuple[Layer, int]:
        """Return an edge and the graph that it is in; -1 where it is not known."""
        layer, (one, other) = self.layer_of(source), (self.number(source), self.number(target))
        if self.layer_of(target) is not layer or min(one, other) < 0 or max(one, other) >= len(layer.edges.first_out):
            return layer, NONE
        return layer, layer.edges.find(one, other)

    def layer_of(self, node: Node) -> Layer:
        """Return the graph that a node is in."""
        return self.columns if isinstance(node, Column) else self.datasets

    def number(self, node: Node) -> int:
        """Return the number of a node in its graph, or -1."""
        return self.names.known_column(node) if isinstance(node, Column) else self.names.known(node)

    def node(self, layer: Layer, number: int) -> Node:
        """Return a node by its number in its graph."""
        return self.names.datasets[number] if layer is self.datasets else self.names.columns[number]

    def describe(self, node: Node, declaration: Declaration) -> None:
        """Keep what people say of a dataset or a column."""
        if node not in self._said and len(self._said) >= self.datasets.capacity + self.columns.capacity:
            self._let_go += 1
            return
        self._said[node] = declaration

    def declaration(self, node: Node) -> Declaration | None:
        """Return what people say of a dataset or a column."""
        return self._said.get(node)

    def stops(self, layer: Layer) -> frozenset[int]:
        """Return the nodes that nothing flows through: local files, because no two are known to be the same."""
        file = self.names.known(LOCAL_FILE)
        if file < 0:
            return frozenset()
        return frozenset((file,)) if layer is self.datasets else frozenset(self.names.columns_of(file))

    def edge(self, layer: Layer, edge: int) -> KnownEdge:
        """Return all that is known of an edge."""
        edges = layer.edges
        return KnownEdge(
            self.node(layer, edges.source[edge]),
            self.node(layer, edges.target[edge]),
            provenance := Provenance(edges.provenance[edge]),
            edges.first_seen[edge],
            edges.last_seen[edge],
            layer.history.ended.get(edge),
            transformations_of(edges.kinds[edge]),
            self.logics.at(edges.logic[edge]),
            layer.declared.get(edge),
            is_ambiguous(edges.kinds[edge], provenance),
        )
