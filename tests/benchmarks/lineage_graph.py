"""The graph of lineage beside networkx and rustworkx: build, memory, closures and a path over the same edges.

The edges are those of columns in a warehouse of ten layers: each table is made of one to four tables of the layer
before, of its own domain but for one in thirty; a column is made of one column (6 of 10), of two to four (3 of 10), or
of five to twenty. The key of one calendar goes into every table of the first layer: it has the largest closure.
Closures are asked of 300 columns drawn by lot.

Each library runs in a process of its own, so that memory is its own. The graph is given what operations settled with
named, a statement for each table, and keeps who said each edge, when and how; its answers name columns with their
distance. The others are given the same nodes as tuples, as a program would, and keep nothing but the edge. For
rustworkx, which knows numbers only, the numbers are given by a dict within its build, and its answers are numbers.
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
from itertools import groupby
from pathlib import Path
from typing import Any, NamedTuple, TypeAlias

sys.path[:0] = [str(Path(__file__).parents[1])]

_COLUMNS = 15
_LAYERS = 10
_IN_DOMAIN = 25  # tables of one domain in one layer
_PER_TABLE = 42  # edges that arrive at a table, about
_CALENDAR, _KEY = 0, 0
_PAGE = 4_096
_LIBRARIES = ("genops", "networkx", "rustworkx")
_ASKED, _ROUNDS = 300, 5

Row: TypeAlias = "tuple[int, int, int, int]"
Node: TypeAlias = "tuple[int, int]"


class Figures(NamedTuple):
    """What one library took.

    Attributes:
        edges: Different edges that it holds.
        build: Seconds.
        memory: MB that the process grew by, edges as they were given not included.
        down: Milliseconds for all that a column flows into: the median, and the 99th of 100.
        up: Milliseconds for all that flows into a column, likewise.
        largest: Milliseconds for the largest closure.
        path: Milliseconds for a shortest way from the calendar's key to a column of the last layer.
        reached: Columns downstream and upstream of all that were asked, in the largest closure, and edges on the way.
    """

    edges: int
    build: float
    memory: float
    down: tuple[float, float]
    up: tuple[float, float]
    largest: float
    path: float
    reached: tuple[int, int, int, int]


class Library(NamedTuple):
    """A graph that was built.

    Attributes:
        edges: Returns how many it holds.
        down: Returns how many columns one flows into.
        up: Returns how many columns flow into one.
        path: Returns how many edges a shortest way has.
    """

    edges: Callable[[], int]
    down: Callable[[Node], int]
    up: Callable[[Node], int]
    path: Callable[[Node, Node], int]


def column_edges(count: int) -> Iterator[Row]:
    """Yield so many different edges, table by table: table and column of the source, table and column of the target."""
    dice = random.Random(3)
    domains = max(count // (_PER_TABLE * _IN_DOMAIN * (_LAYERS - 1)), 1)
    in_layer = domains * _IN_DOMAIN
    yielded = 0
    for table in range(1 + in_layer, 1 + in_layer * 2 * _LAYERS):
        for row in _into(table, dice, in_layer):
            if yielded == count:
                return
            yield row
            yielded += 1


def _into(table: int, dice: random.Random, in_layer: int) -> Iterator[Row]:
    """Yield the edges into the columns of one table."""
    place = (table - 1) % in_layer
    before = table - place - in_layer
    domain = place - place % _IN_DOMAIN
    near = [before + domain + dice.randrange(_IN_DOMAIN) for _ in range(dice.randint(1, 4))]
    sources = sorted({before + dice.randrange(in_layer) if dice.random() < 0.03 else each for each in near})
    for column in range(_COLUMNS):
        luck = dice.random()
        width = 1 if luck < 0.6 else dice.randint(2, 4) if luck < 0.9 else dice.randint(5, 20)
        drawn = {(dice.choice(sources), dice.randrange(_COLUMNS)) for _ in range(width - 1)}
        if before == 1 and column == _KEY:
            drawn.add((_CALENDAR, _KEY))
        for source, of in sorted({(sources[0], column), *drawn}):
            yield source, of, table, column


def measured(library: str, count: int) -> Figures:
    """Run one library in this process."""
    rows = list(column_edges(count))
    build: Callable[[list[Row]], Library] = globals()[f"of_{library}"]
    before, begun = _resident(), time.process_time()
    graph = build(rows)
    took, grown = time.process_time() - begun, _resident() - before
    dice = random.Random(5)
    asked = [row[dice.choice((0, 2)) :][:2] for row in dice.choices(rows, k=_ASKED)]
    down, up = ([_timed(ask, node) for node in asked] for ask in (graph.down, graph.up))
    largest = _median(graph.down, (_CALENDAR, _KEY))
    path = _median(graph.path, (_CALENDAR, _KEY), (rows[-1][2] - 1, _KEY))
    reached = sum(each[1] for each in down), sum(each[1] for each in up), largest[1], path[1]
    return Figures(graph.edges(), took, grown, _spread(down), _spread(up), largest[0], path[0], reached)


def of_genops(rows: list[Row]) -> Library:
    """The graph of this project, by its public methods."""
    from genops.core.operation import ColumnEdge, DatasetRef, Facts, Statement
    from genops.lineage.graph.graph import LineageGraph
    from genops.lineage.graph.nouns import Column
    from support.records import operation, settled

    graph = LineageGraph(capacity=len(rows), columns=len(rows))
    names = [f"column_{number}" for number in range(_COLUMNS)]
    kind = "DIRECT:TRANSFORMATION"
    refs: dict[int, DatasetRef] = {}

    def ref(table: int) -> DatasetRef:
        return refs.get(table) or refs.setdefault(table, DatasetRef(("main", f"s{table % 50}", f"t{table}")))

    record = settled(operation("statement.execute", statement=Statement("INSERT", 100, "ab12")))
    for table, into in groupby(rows, lambda row: row[2]):
        target = ref(table)
        flows = tuple(ColumnEdge(ref(a), names[b], target, names[d], kind) for a, b, _, d in into)
        graph.write(record._replace(facts=Facts(columns=flows)))

    def column(node: Node) -> Column:
        return Column(ref(node[0]), names[node[1]])

    view = graph.view()
    return Library(
        lambda: sum(1 for _ in view.column_edges()),
        lambda node: len(view.downstream(column(node))),
        lambda node: len(view.upstream(column(node))),
        lambda source, target: len(view.path(column(source), column(target)) or ()),
    )


def of_networkx(rows: list[Row]) -> Library:
    """networkx, with a tuple for each column."""
    import networkx as nx  # pyright: ignore[reportMissingImports]

    graph: Any = nx.DiGraph()
    graph.add_edges_from(((a, b), (c, d)) for a, b, c, d in rows)
    return Library(
        graph.number_of_edges,
        lambda node: len(nx.descendants(graph, node)),
        lambda node: len(nx.ancestors(graph, node)),
        lambda source, target: len(nx.shortest_path(graph, source, target)) - 1,
    )


def of_rustworkx(rows: list[Row]) -> Library:
    """rustworkx, with numbers for columns and a dict that gives them."""
    import rustworkx  # pyright: ignore[reportMissingImports]

    graph: Any = rustworkx.PyDiGraph(multigraph=False)
    numbers: dict[Node, int] = {}
    pairs = [
        (numbers.setdefault((a, b), len(numbers)), numbers.setdefault((c, d), len(numbers))) for a, b, c, d in rows
    ]
    graph.add_nodes_from(list(numbers))
    graph.add_edges_from_no_data(pairs)
    del pairs

    def path(source: Node, target: Node) -> int:
        one, other = numbers[source], numbers[target]
        return len(rustworkx.dijkstra_shortest_paths(graph, one, target=other, default_weight=1.0)[other]) - 1

    return Library(
        graph.num_edges,
        lambda node: len(rustworkx.descendants(graph, numbers[node])),
        lambda node: len(rustworkx.ancestors(graph, numbers[node])),
        path,
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


def _timed(question: Callable[..., int], *nodes: Node) -> tuple[float, int]:
    """Return milliseconds, and the answer."""
    begun = time.process_time()
    answer = question(*nodes)
    return (time.process_time() - begun) * 1e3, answer


def _median(question: Callable[..., int], *nodes: Node) -> tuple[float, int]:
    times = [_timed(question, *nodes) for _ in range(_ROUNDS)]
    return statistics.median(each[0] for each in times), times[0][1]


def _spread(times: list[tuple[float, int]]) -> tuple[float, float]:
    """Return the median, and the 99th of 100."""
    found = [each[0] for each in times]
    return statistics.median(found), statistics.quantiles(found, n=100)[-1]


def _resident() -> float:
    """Return the memory of this process in MB."""
    return int(Path("/proc/self/statm").read_text("ascii").split()[1]) * _PAGE / 2**20


def _flat(each: Figures) -> tuple[float, ...]:
    return (each.build, each.memory, *each.down, *each.up, each.largest, each.path)


def main() -> None:
    """Print the table."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
    if len(sys.argv) > 2:
        print(json.dumps(measured(sys.argv[2], count)))
        return
    found = compared(count)
    titles = ("build s", "MB", "down ms", "p99", "up ms", "p99", "largest", "path ms")
    print(f"{'':18} {'edges':>9}", *(f"{title:>8}" for title in titles), " reached")
    for library, each in found.items():
        print(f"{library:18} {each.edges:>9}", *(f"{figure:>8.2f}" for figure in _flat(each)), f" {each.reached}")
    for library, each in found.items():
        if library != "genops":
            ratios = (
                f"{mine / theirs:>8.2f}" for mine, theirs in zip(_flat(found["genops"]), _flat(each), strict=True)
            )
            print(f"{'/ ' + library:>18} {'':>9}", *ratios)


if __name__ == "__main__":
    main()
