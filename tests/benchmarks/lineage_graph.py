"""The graph of lineage beside networkx and rustworkx: build, memory, closures and a path over the same edges.

Each runs in a process of its own, so that memory is its own. The graph is given columns as operations name them
(datasets by their parts, columns by name) and keeps who said each edge, when and how; the others are given the same
nodes as tuples, as a program would, and keep nothing but the edge. For rustworkx, which knows numbers only, the numbers
are given by a dict within its build, and its path begins an edge nearer: at what it visits last by its own account.
Times are CPU of the process.

Run it with `python tests/benchmarks/lineage_graph.py [EDGES]`; what is not installed is said and left out.
"""

from __future__ import annotations

import importlib.util
import json
import random
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

_COLUMNS = 15
_PAGE = 4_096
_LIBRARIES = ("genops", "networkx", "rustworkx")
_ROUNDS = 5
_SOURCE, _LATE = (5, 0), 2  # a column near the beginning; the column of one of the last tables


class Figures(NamedTuple):
    """What one library took.

    Attributes:
        edges: Different edges that it holds.
        build: Seconds.
        memory: MB that the process grew by, edges as they were given not included.
        downstream: Milliseconds for all that one column flows into.
        upstream: Milliseconds for all that flows into one column.
        path: Milliseconds for a shortest way between two columns.
        reached: Columns downstream, upstream, and edges on the way.
    """

    edges: int
    build: float
    memory: float
    downstream: float
    upstream: float
    path: float
    reached: tuple[int, int, int]


def column_edges(count: int) -> Iterator[tuple[int, int, int, int]]:
    """Yield so many different edges: table and column of the source, table and column of the target.

    Each table is made of one to three of those before it, column by column, and now and then of one column more.
    """
    dice = random.Random(3)
    yielded, table = 0, 200
    while yielded < count:
        sources = {max(table - 200 * dice.choice((1, 1, 2)) + dice.randrange(3), 0) for _ in range(dice.randint(1, 3))}
        for column in range(_COLUMNS):
            for source in sources:
                others = {column, dice.randrange(_COLUMNS)} if dice.random() < 0.6 else {column}
                for other in sorted(others):
                    if yielded < count:
                        yield source, other, table, column
                        yielded += 1
        table += 1


def measured(library: str, count: int) -> Figures:
    """Run one library in this process."""
    rows = list(column_edges(count))
    last = rows[-1][2] - 1
    build: Callable[[list[tuple[int, int, int, int]], tuple[int, int]], Any] = globals()[f"of_{library}"]
    before, begun = _resident(), time.process_time()
    edges, down, up, path = build(rows, (last, _LATE))
    took, grown = time.process_time() - begun, _resident() - before
    asked = [_timed(question) for question in (down, up, path)]
    return Figures(edges(), took, grown, *(each[0] for each in asked), tuple(each[1] for each in asked))  # type: ignore[arg-type]


def of_genops(rows: list[tuple[int, int, int, int]], late: tuple[int, int]) -> tuple[Callable[[], int], ...]:
    """The graph of this project, by its public methods."""
    from genops.core.operation import DatasetRef
    from genops.lineage.graph.graph import LineageGraph
    from genops.lineage.graph.nouns import Column, Flow, Provenance

    graph = LineageGraph(capacity=len(rows), columns=len(rows))
    names = [f"column_{number}" for number in range(_COLUMNS)]
    refs: dict[int, DatasetRef] = {}

    def node(table: int, column: int) -> Column:
        ref = refs.get(table) or refs.setdefault(table, DatasetRef(("main", f"s{table % 50}", f"t{table}")))
        return Column(ref, names[column])

    at_once = 1_000
    for begun in range(0, len(rows), at_once):
        flows = [Flow(node(a, b), node(c, d)) for a, b, c, d in rows[begun : begun + at_once]]
        graph.extend(flows, at=begun, provenance=Provenance.SYSTEM_TABLES)
    view = graph.view()
    first, last = node(*_SOURCE), node(*late)
    origin = view.upstream(last)[-1].node
    return (
        lambda: sum(1 for _ in view.column_edges()),
        lambda: len(view.downstream(first)),
        lambda: len(view.upstream(last)),
        lambda: len(view.path(origin, last) or ()),
    )


def of_networkx(rows: list[tuple[int, int, int, int]], late: tuple[int, int]) -> tuple[Callable[[], int], ...]:
    """networkx, with a tuple for each column."""
    import networkx as nx  # pyright: ignore[reportMissingImports]

    graph: Any = nx.DiGraph()
    graph.add_edges_from(((a, b), (c, d)) for a, b, c, d in rows)
    origin = list(nx.bfs_tree(graph, late, reverse=True))[-1]
    return (
        graph.number_of_edges,
        lambda: len(nx.descendants(graph, _SOURCE)),
        lambda: len(nx.ancestors(graph, late)),
        lambda: len(nx.shortest_path(graph, origin, late)) - 1,
    )


def of_rustworkx(rows: list[tuple[int, int, int, int]], late: tuple[int, int]) -> tuple[Callable[[], int], ...]:
    """rustworkx, with numbers for columns and a dict that gives them."""
    import rustworkx  # pyright: ignore[reportMissingImports]

    graph: Any = rustworkx.PyDiGraph(multigraph=False)
    numbers: dict[tuple[int, int], int] = {}
    pairs = [
        (numbers.setdefault((a, b), len(numbers)), numbers.setdefault((c, d), len(numbers))) for a, b, c, d in rows
    ]
    graph.add_nodes_from(list(numbers))
    graph.add_edges_from_no_data(pairs)
    del pairs
    first, last = numbers[_SOURCE], numbers[late]
    origin = list(rustworkx.bfs_predecessors(graph, last))[-1][1][-1]
    start = graph.nodes().index(origin) if not isinstance(origin, int) else origin
    return (
        graph.num_edges,
        lambda: len(rustworkx.descendants(graph, first)),
        lambda: len(rustworkx.ancestors(graph, last)),
        lambda: len(rustworkx.dijkstra_shortest_paths(graph, start, target=last, default_weight=1.0)[last]) - 1,
    )


def compared(count: int) -> dict[str, Figures]:
    """Run every library that is installed, each in a process of its own."""
    found = {}
    for library in _LIBRARIES:
        if importlib.util.find_spec(library) is None:
            print(f"{library}: not installed")
            continue
        command = [sys.executable, __file__, str(count), library]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        found[library] = Figures(*json.loads(done.stdout))
    return found


def _timed(question: Callable[[], int]) -> tuple[float, int]:
    """Return the median in milliseconds, and the answer."""
    took, answer = [], 0
    for _ in range(_ROUNDS):
        begun = time.process_time()
        answer = question()
        took.append((time.process_time() - begun) * 1e3)
    return statistics.median(took), answer


def _resident() -> float:
    """Return the memory of this process in MB."""
    return int(Path("/proc/self/statm").read_text("ascii").split()[1]) * _PAGE / 2**20


def main() -> None:
    """Print the table."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
    if len(sys.argv) > 2:
        print(json.dumps(measured(sys.argv[2], count)))
        return
    found = compared(count)
    print(f"{'':10} {'edges':>9} {'build s':>8} {'MB':>6} {'down ms':>8} {'up ms':>8} {'path ms':>8}  reached")
    for library, each in found.items():
        figures = (
            f"{each.edges:>9} {each.build:>8.2f} {each.memory:>6.0f} {each.downstream:>8.2f} {each.upstream:>8.2f}"
        )
        print(f"{library:10} {figures} {each.path:>8.2f}  {each.reached}")
    ours = found["genops"]
    for library, each in found.items():
        if library != "genops":
            ratios = [f"{mine / theirs:.2f}" for mine, theirs in zip(ours[1:6], each[1:6], strict=True)]
            print(f"genops / {library}: build, memory, downstream, upstream, path = {', '.join(ratios)}")


if __name__ == "__main__":
    main()
