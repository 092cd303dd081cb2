"""All that is known of lineage: two graphs, of datasets and of columns, with what is said of their edges and nodes."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from genops.core.edges import LOCAL_FILE
from genops.lineage.graph.adjacency import NONE, Adjacency
from genops.lineage.graph.history import History
from genops.lineage.graph.names import Names
from genops.lineage.graph.nouns import (
    Column,
    Declaration,
    KnownEdge,
    Logic,
    Node,
    Provenance,
    transformations_of,
)

if TYPE_CHECKING:
    from genops.core.operation import DatasetRef

MAX_LOGICS = 10_000
MAX_TEXT = 4_096


class Layer:
    """One of the two graphs.

    Attributes:
        edges: Its edges.
        history: When they stand.
        declared: What people say of them.
        capacity: How many are kept.
    """

    def __init__(self, capacity: int) -> None:
        self.edges = Adjacency()
        self.history = History(self.edges)
        self.declared: dict[int, Declaration] = {}
        self.capacity = capacity


class Said(NamedTuple):
    """What one witness says of an edge, in numbers.

    Attributes:
        provenance: Bits of who says it.
        kinds: Bits of how the source takes part in the target.
        logic: Number of what makes the target out of the source, or -1.
        declaration: What people say of it.
    """

    provenance: int
    kinds: int = 0
    logic: int = NONE
    declaration: Declaration | None = None

    def of_datasets(self) -> Said:
        """Return what it says of the datasets of two columns: how values take part is known of the columns alone."""
        return self._replace(kinds=0, declaration=None) if self.kinds or self.declaration else self


class Store:
    """Keeps each edge once, in bounded memory. It is written by one at a time; it is read without a lock.

    Attributes:
        names: Numbers of datasets and columns.
        datasets: Edges between datasets.
        columns: Edges between columns; each has its edge between datasets too, unless both are of one dataset.
        overflowed: Edges, logics and declarations that were let go because there was no room.
    """

    def __init__(self, edges: int, column_edges: int) -> None:
        self.names = Names()
        self.datasets, self.columns = Layer(edges), Layer(column_edges)
        self.overflowed = 0
        self._logics: list[Logic] = []
        self._numbers: dict[Logic, int] = {}
        self._said: dict[Node, Declaration] = {}
        self._latest: tuple[int, ...] = ()

    def see(self, source: Node, target: Node, at: int, said: Said) -> int:
        """Take note of an edge between two datasets or two columns; return how many dataset edges are new: 0 or 1."""
        of_columns = isinstance(source, Column) and isinstance(target, Column)
        one = source.dataset if isinstance(source, Column) else source
        other = target.dataset if isinstance(target, Column) else target
        numbers = self._numbers_of(one, other, self.columns if of_columns else self.datasets)
        if numbers is None:
            self.overflowed += 1
            return 0
        if not of_columns:
            return self._between_datasets(*numbers, at, said)
        new = 0
        # Columns come table by table: what was just said of two tables need not be said for each pair of their columns.
        latest = (*numbers, at, said.provenance, said.logic)
        if numbers[0] != numbers[1] and latest != self._latest:
            new = self._between_datasets(*numbers, at, said.of_datasets())
            self._latest = latest
        names, layer = self.names, self.columns
        columns = names.column(numbers[0], source.name), names.column(numbers[1], target.name)
        layer.edges.grow(len(names.columns))
        self._note(layer, _seen(layer, *columns, at), said)
        return new

    def _numbers_of(self, source: DatasetRef, target: DatasetRef, layer: Layer) -> tuple[int, int] | None:
        """Return the numbers of two datasets; `None` where one is new and there is no room for an edge of it."""
        names = self.names
        if len(layer.edges) >= layer.capacity and (names.known(source) < 0 or names.known(target) < 0):
            return None
        numbers = names.dataset(source), names.dataset(target)
        self.datasets.edges.grow(len(names.datasets))
        return numbers

    def _between_datasets(self, source: int, target: int, at: int, said: Said) -> int:
        layer = self.datasets
        before = len(layer.edges)
        self._note(layer, _seen(layer, source, target, at), said)
        return len(layer.edges) - before

    def _note(self, layer: Layer, edge: int, said: Said) -> None:
        """Write down what is said of an edge; nothing that is known is taken back."""
        if edge < 0:
            self.overflowed += 1
            return
        edges = layer.edges
        edges.provenance[edge] |= said.provenance
        edges.kinds[edge] |= said.kinds
        if said.logic >= 0:
            edges.logic[edge] = said.logic
        if said.declaration is not None:
            layer.declared[edge] = said.declaration

    def logic(self, logic: Logic) -> int:
        """Return the number of what makes targets out of sources; -1 where there is no room for it.

        A text of more than 4,096 characters is withheld; its fingerprint stays.
        """
        if logic.text is not None and len(logic.text) > MAX_TEXT:
            logic = logic._replace(text=None)
        number = self._numbers.get(logic)
        if number is None:
            if len(self._logics) >= MAX_LOGICS:
                self.overflowed += 1
                return NONE
            number = len(self._logics)
            self._logics.append(logic)
            self._numbers[logic] = number
        return number

    def withdraw(self, source: Node, target: Node, at: int, provenance: Provenance) -> bool:
        """Take back what some say of an edge; return whether it ended, because nobody else says it."""
        layer, edge = self.find(source, target)
        self._latest = ()
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
        return self.names.datasets[number] if layer is self.datasets else self.names.at(number)

    def describe(self, node: Node, declaration: Declaration) -> None:
        """Keep what people say of a dataset or a column."""
        if node not in self._said and len(self._said) >= self.datasets.capacity + self.columns.capacity:
            self.overflowed += 1
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
        edges, logic = layer.edges, layer.edges.logic[edge]
        return KnownEdge(
            self.node(layer, edges.source[edge]),
            self.node(layer, edges.target[edge]),
            Provenance(edges.provenance[edge]),
            edges.first_seen[edge],
            edges.last_seen[edge],
            layer.history.ended.get(edge),
            transformations_of(edges.kinds[edge]),
            self._logics[logic] if logic >= 0 else None,
            layer.declared.get(edge),
        )


def _seen(layer: Layer, source: int, target: int, at: int) -> int:
    edge = layer.edges.find(source, target)
    if edge >= 0:
        layer.history.seen(edge, at)
        return edge
    return NONE if len(layer.edges) >= layer.capacity else layer.edges.add(source, target, at)
