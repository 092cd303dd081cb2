"""Lineage in the words of the spine: edges between datasets, and who keeps them."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import islice
from typing import TYPE_CHECKING, NamedTuple, Protocol

from genops.core.operation import DatasetEdge, DatasetRef

if TYPE_CHECKING:
    from genops.core.operation import Facts, Operation

LOCAL_FILE = DatasetRef(("file",), "file")
"""Some file or stream of the program itself. Which one is never said, so no two of them are known to be the same."""


class Neighbours(NamedTuple):
    """Where an operation stands in the lineage that is known so far.

    Attributes:
        inputs: Datasets that it took data from.
        outputs: Datasets that it brought data to.
        upstream: Names of datasets from which data flows to its outputs, the nearest first.
        downstream: Names of datasets to which data flows from its inputs, the nearest first.
    """

    inputs: tuple[DatasetRef, ...]
    outputs: tuple[DatasetRef, ...]
    upstream: tuple[DatasetRef, ...]
    downstream: tuple[DatasetRef, ...]


class LineageRow(NamedTuple):
    """What is known of lineage under one combination of labels.

    Attributes:
        labels: (team, project, environment, provider, operation type, workspace).
        edges: Edges that an operation with these labels was the first to name.
        operations: Operations with these labels that named an edge.
    """

    labels: tuple[str, ...]
    edges: int
    operations: int


class Lineage(Protocol):
    """Knows how data flows between datasets.

    Attributes:
        room: Edges of one operation that it takes; 0 where nobody keeps lineage.
    """

    room: int

    def let_go(self, edges: int) -> None:
        """Count edges of an operation that there is no room for."""
        ...

    def around(self, edges: Iterable[DatasetEdge]) -> Neighbours | None:
        """Return where an operation that named these edges stands; `None` where nobody keeps lineage."""
        ...


class LineageBook(Protocol):
    """Reads how many edges are known; metrics are a view of it."""

    def rows(self) -> Iterable[LineageRow]:
        """Return a consistent snapshot."""
        ...


class NoLineage:
    """The lineage that nobody keeps."""

    room = 0

    def let_go(self, edges: int) -> None:
        """Nothing is missed."""

    def around(self, edges: Iterable[DatasetEdge]) -> None:
        """Nothing is known."""


def flows(sources: Iterable[DatasetRef], targets: Iterable[DatasetRef]) -> tuple[DatasetEdge, ...]:
    """Return an edge from every source to every target.

    >>> [edge.target.name for edge in flows([LOCAL_FILE], [DatasetRef(("main", "raw", "landing"), "volume")])]
    ['main.raw.landing']
    """
    targets = tuple(targets)
    return tuple(DatasetEdge(source, target) for source in sources for target in targets if source != target)


def declared(operation: Operation, facts: Facts, most: int) -> tuple[Facts, int]:
    """Return the facts of the user's own operation that ran to its end, with the edges that it declared.

    What the user declares as read, before or while it runs, flows into all that is declared as written. A call of a
    library says its edges itself: what it reads need not be what it writes.

    Args:
        operation: What ran.
        facts: What it said of itself; not what calls inside it revealed.
        most: How many declared edges are named. No more are made.

    Returns:
        The facts, and how many declared edges were left out.
    """
    sources = dict.fromkeys(operation.reads + facts.reads)
    targets = dict.fromkeys(operation.writes + facts.writes)
    every = len(sources) * len(targets) - len(sources.keys() & targets.keys())
    if not every:
        return facts, 0
    pairs = (DatasetEdge(source, target) for source in sources for target in targets if source != target)
    named = tuple(islice(pairs, most))
    return facts._replace(edges=tuple(dict.fromkeys(facts.edges + named))), every - len(named)
