"""The lineage that is known now: a sink that keeps each edge once, in bounded memory, and answers what flows where."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Collection, Generator, Iterable, Iterator
from contextlib import contextmanager
from itertools import islice
from typing import TYPE_CHECKING, TypeAlias

from genops.core.edges import LineageRow, Neighbours
from genops.core.forks import on_fork
from genops.core.operation import DatasetEdge, DatasetRef
from genops.core.records import Adjusted, Admitted, Record, Settled
from genops.lineage.graph.closures import Direction, downwards, upwards
from genops.lineage.graph.nouns import (
    Declaration,
    Diff,
    Flow,
    Logic,
    Node,
    Provenance,
    Transformation,
    bits_of,
)
from genops.lineage.graph.store import Said, Store
from genops.lineage.graph.view import View

if TYPE_CHECKING:
    from genops.core.operation import Operation

MAX_EDGES = 10_000
MAX_COLUMN_EDGES = 100_000
MAX_COMBINATIONS = 1_000
MAX_VISITED = 1_000
MAX_OF_ONE = 1_000
MAX_WAITING = 10_000
OTHER = "other"
_OVERFLOW = (OTHER,) * 6
_Change: TypeAlias = "Callable[[Store], object]"


class LineageGraph:
    """Keeps the edges that settled operations named, each once, and counts them by who named it first.

    Besides what operations name it takes what is declared or imported (`add`, `describe`, `withdraw`), and it is asked
    through a `View`. A local file is an end: nothing flows through it, because no two operations are known to mean the
    same file.

    A finalizer or a signal handler of the same thread may name edges in the middle of the lines that change the graph,
    and a closure may take its time. So changes wait in a queue, and whoever finds nobody at work, or ends his own,
    carries out all that wait by then. No operation that names edges waits for that, and where 10,000 changes wait
    already, its own are counted and let go. Whoever asks waits, and whoever declares or imports more than finds place.

    Args:
        max_depth: How many edges away a dataset may be and still be named as upstream or downstream of an operation.
        capacity: Edges between datasets that are kept. A full graph lets go the one that nobody named for longest.
        combinations: Combinations of labels that are told apart; later ones go under labels that all read `other`.
        columns: Edges between columns that are kept, likewise.

    Attributes:
        room: Edges of one operation that it takes.
    """

    room = MAX_OF_ONE

    def __init__(
        self,
        max_depth: int = 1,
        capacity: int = MAX_EDGES,
        combinations: int = MAX_COMBINATIONS,
        columns: int = MAX_COLUMN_EDGES,
    ) -> None:
        self._max_depth = max_depth
        self._capacity, self._column_capacity = capacity, columns
        self._combinations = combinations
        self.reset()
        on_fork(self.reset)

    def reset(self) -> None:
        """Begin empty with a new lock; what a child does after a fork, since its parent keeps its own graph."""
        self._lock = threading.RLock()
        self._store = Store(self._capacity, self._column_capacity)
        self._waiting: deque[_Change] = deque()
        self._at_work = False
        self._counts: dict[tuple[str, ...], list[int]] = {}
        self._counting = threading.RLock()
        self._let_go = 0

    @property
    def overflowed(self) -> int:
        """Edges that were let go: the graph was full, or their operation named too many, or too many changes waited."""
        return self._let_go + self._store.overflowed

    def write(self, record: Record) -> None:
        """Keep the edges of a settled operation, and those that became known of it later."""
        if isinstance(record, Admitted) or not (record.facts.edges or record.facts.columns):
            return
        if len(self._waiting) < MAX_WAITING or self._carry_out():
            self._change(lambda store: self._settled(store, record))
        else:
            self.let_go(len(record.facts.edges) + len(record.facts.columns))

    def add(
        self,
        source: Node,
        target: Node,
        *,
        at: int,
        provenance: Provenance = Provenance.DECLARED,
        transformation: Transformation | None = None,
        logic: Logic | None = None,
        declaration: Declaration | None = None,
    ) -> None:
        """Keep an edge that no operation of this process named.

        Args:
            source: A dataset, or a column.
            target: Likewise; between a dataset and a column the edge is one of their datasets.
            at: When it was seen, in nanoseconds since the epoch. What comes late may lie in the past.
            provenance: Who says so.
            transformation: How the source takes part in the target.
            logic: What makes the target out of the source. It replaces what was known.
            declaration: What people say of the edge. It replaces what was known.
        """
        self.extend((Flow(source, target, transformation, logic, declaration),), at=at, provenance=provenance)

    def extend(self, flows: Iterable[Flow], *, at: int, provenance: Provenance = Provenance.DECLARED) -> None:
        """Keep many edges that no operation of this process named; see `add`."""
        flows = tuple(flows)
        self._declare(lambda store: _extended(store, flows, at, int(provenance)))

    def describe(self, node: Node, declaration: Declaration) -> None:
        """Keep what people say of a dataset or a column. It replaces what was known."""
        self._declare(lambda store: store.describe(node, declaration))

    def withdraw(self, source: Node, target: Node, *, at: int, provenance: Provenance = Provenance.DECLARED) -> None:
        """Take back what some say of an edge. It ends then, unless others say it too or it was seen later.

        Args:
            source: As it was added.
            target: Likewise.
            at: Since when, in nanoseconds since the epoch. It still stood before.
            provenance: Who says it no more.
        """
        self._declare(lambda store: store.withdraw(source, target, at, provenance))

    def let_go(self, edges: int) -> None:
        """Count edges of an operation that there is no room for."""
        with self._counting:
            self._let_go += edges

    def view(self, *, at: int | None = None, catalog: str | None = None, hosts: Collection[str] | None = None) -> View:
        """Return what is asked for closures, paths and impact.

        Args:
            at: As it was at this time, in nanoseconds since the epoch; as it is now where it is `None`.
            catalog: Only edges that touch datasets of this catalog.
            hosts: Only edges that touch datasets of these workspaces: those of one metastore.
        """
        return View(self._store, self._asking, at=at, catalog=catalog, hosts=hosts)

    def diff(
        self, before: int, after: int, *, catalog: str | None = None, hosts: Collection[str] | None = None
    ) -> Diff:
        """Return what changed between two times, both in nanoseconds since the epoch."""
        earlier = self.view(at=before, catalog=catalog, hosts=hosts)
        return self.view(at=after, catalog=catalog, hosts=hosts).since(earlier)

    def edges(self) -> frozenset[DatasetEdge]:
        """Return the edges between datasets that are known now."""
        with self._asking():
            layer, refs = self._store.datasets, self._store.names.datasets
            pairs, ended = zip(layer.edges.source, layer.edges.target, strict=False), layer.history.ended
            return frozenset(
                DatasetEdge(refs[a], refs[b]) for edge, (a, b) in enumerate(pairs) if b >= 0 and edge not in ended
            )

    def rows(self) -> list[LineageRow]:
        """Return how many edges are known, by the labels of the operation that was the first to name each."""
        with self._asking():
            return [LineageRow(labels, *counts) for labels, counts in self._counts.items()]

    def around(self, edges: Iterable[DatasetEdge]) -> Neighbours:
        """Return where an operation that named these edges stands.

        At most 1,000 datasets are looked at in either direction, besides one for each of these edges.
        """
        edges = tuple(edges)
        inputs = tuple(dict.fromkeys(edge.source for edge in edges))
        outputs = tuple(dict.fromkeys(edge.target for edge in edges))
        known, most = self._store.datasets.edges, MAX_VISITED + len(edges)
        with self._asking():
            upstream = self._reached(inputs, outputs, upwards(known), most)
            downstream = self._reached(outputs, inputs, downwards(known), most)
        return Neighbours(inputs, outputs, upstream, downstream)

    def _declare(self, change: _Change) -> None:
        """Change the graph; where too much waits already, after that."""
        if len(self._waiting) >= MAX_WAITING:
            with self._lock:
                self._carry_out()
        self._change(change)

    def _change(self, change: _Change) -> None:
        self._waiting.append(change)
        self._carry_out()

    def _carry_out(self) -> bool:
        """Carry out the changes that wait by now; return whether that was done, or somebody else is at work.

        What comes meanwhile is for the next who changes or asks: nobody works for all others without end.
        """
        if not self._lock.acquire(blocking=False):
            return False
        try:
            if self._at_work:
                return False
            self._at_work = True
            try:
                self._empty(len(self._waiting))
            finally:
                self._at_work = False
        finally:
            self._lock.release()
        return True

    def _empty(self, changes: int) -> None:
        for _ in range(changes):
            self._waiting.popleft()(self._store)

    @contextmanager
    def _asking(self) -> Generator[None, None, None]:
        """Let nobody change the graph meanwhile; what was named before is carried out first."""
        with self._lock:
            outermost, self._at_work = not self._at_work, True
            try:
                # Only what waits already: whoever names edges all the time is not to keep a question waiting.
                self._empty(len(self._waiting) if outermost else 0)
                yield
            finally:
                self._at_work = not outermost
        if outermost:
            self._carry_out()

    def _settled(self, store: Store, record: Settled | Adjusted) -> None:
        facts, at = record.facts, record.ended_ns if isinstance(record, Settled) else record.at_ns
        counts = self._counted(record.operation)
        counts[1] += 1
        statement = record.operation.statement
        logic = store.logics.take(None if statement is None else Logic(fingerprint=statement.hash))
        said = Said(int(_provenance(record.operation)), logic=logic, counts=counts)
        store.begin()
        for edge in facts.edges:
            store.see(edge.source, edge.target, at, said)
        kinds: dict[tuple[str, bool], Said] = {}
        for source, source_column, target, target_column, kind, ambiguous in facts.columns:
            of_kind = kinds.get((kind, ambiguous))
            if of_kind is None:
                bits = bits_of(Transformation.of(kind), ambiguous=ambiguous)
                of_kind = kinds[kind, ambiguous] = said._replace(kinds=bits)
            store.see_columns(source, source_column, target, target_column, at, of_kind)
        store.logics.release(logic)

    def _counted(self, operation: Operation) -> list[int]:
        labels = (*operation.attribution.labels, operation.provider, operation.type, operation.host or "")
        if labels not in self._counts and len(self._counts) >= self._combinations:
            labels = _OVERFLOW
        return self._counts.setdefault(labels, [0, 0])

    def _reached(
        self, own: tuple[DatasetRef, ...], origins: tuple[DatasetRef, ...], direction: Direction, most: int
    ) -> tuple[DatasetRef, ...]:
        """Return what lies within reach of `origins` in one direction, `own` first; the origins themselves never."""
        names = self._store.names
        own_numbers, nearest = [names.known(ref) for ref in own], [names.known(ref) for ref in origins]
        found, never = dict.fromkeys(own_numbers), frozenset(nearest)
        for depth in range(self._max_depth):
            looked_at = list(self._beyond(nearest, direction, most))
            most -= len(looked_at)
            new = [number for number in dict.fromkeys(looked_at) if number not in found and number not in never]
            found |= dict.fromkeys(new)
            nearest = [*own_numbers, *new] if depth == 0 else new
            if not nearest or not most:
                break
        others = (names.datasets[number] for number in islice(found, len(dict.fromkeys(own_numbers)), None))
        return (*own, *others)[:MAX_VISITED]

    def _beyond(self, numbers: Iterable[int], direction: Direction, most: int) -> Iterator[int]:
        """Yield what is one edge further than these, so many at most; nothing flows through a local file."""
        layer = self._store.datasets
        stops, ended, room = self._store.stops(layer), layer.history.ended, len(direction.first)
        for number in numbers:
            edge = direction.first[number] if 0 <= number < room and number not in stops else -1
            while edge >= 0 and most:
                if edge not in ended:
                    yield direction.ends[edge]
                edge, most = direction.following[edge], most - 1


def _provenance(operation: Operation) -> Provenance:
    """Return who says what an operation names: its user, its statement, or the call of a library."""
    if operation.statement is not None:
        return Provenance.SQL
    return Provenance.RUNTIME if operation.library else Provenance.DECLARED


def _extended(store: Store, flows: tuple[Flow, ...], at: int, provenance: int) -> None:
    plain, logics, see = Said(provenance), store.logics, store.see
    store.begin()
    for source, target, transformation, logic, declaration in flows:
        if transformation is None and logic is None and declaration is None:
            see(source, target, at, plain)
            continue
        number = logics.take(logic)
        see(source, target, at, Said(provenance, bits_of(transformation), number, declaration))
        logics.release(number)
