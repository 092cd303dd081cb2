"""What a finalizer or a signal handler does in the middle of the graph's own lines."""

from __future__ import annotations

import itertools
import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from genops.core.operation import DatasetEdge, DatasetRef, Facts
from genops.lineage.graph import adjacency, names, store
from genops.lineage.graph import graph as lineage
from genops.lineage.graph.graph import LineageGraph
from support.records import operation, settled
from support.reentry import interrupted


def edge(source, target):
    """An edge between two tables."""
    return DatasetEdge(DatasetRef(("main", "s", source)), DatasetRef(("main", "s", target)))


def named(*edges, host="one"):
    """The settlement of an operation that named these edges."""
    return settled(operation("file.upload", host=host), facts=Facts(edges=edges))


def test_what_is_named_in_the_middle_is_counted_and_nothing_is_lost():
    """At every line of the graph another operation names edges, known and new ones: no hang, no error, exact counts."""
    graph, numbers = LineageGraph(max_depth=3, combinations=100), itertools.count()
    written = []

    def write(record):
        written.append(record)
        graph.write(record)

    def work():
        for number in range(12):
            write(named(edge("a", f"t{number}"), edge(f"t{number}", "z")))
            graph.around([edge("a", f"t{number}")])
            graph.rows()
            graph.edges()
            graph.let_go(1)

    def meanwhile():
        number = next(numbers)
        write(named(edge("a", f"t{number % 11}"), edge("a", f"m{number % 99}"), host=f"h{number % 50}"))
        graph.around([edge("a", "t0")])
        graph.rows()
        graph.let_go(1)

    times = interrupted(lineage, work, meanwhile)
    assert sum(row.operations for row in graph.rows()) == len(written) > 100
    assert sum(row.edges for row in graph.rows()) == len(graph.edges())
    assert graph.edges() == {each for record in written for each in record.facts.edges}
    assert graph.overflowed == times + 12


@pytest.mark.parametrize("module", [store, adjacency, names])
def test_what_is_named_in_the_middle_of_a_change_waits_for_its_end(module):
    """At three hundred lines of what keeps the edges another operation names some: all are kept, each once."""
    graph, written = LineageGraph(capacity=1_000), []

    def write(record):
        written.append(record)
        graph.write(record)

    def work():
        for number in range(40):
            write(named(edge("a", f"t{number}"), edge(f"t{number}", "z")))

    def meanwhile():
        if len(written) < 300:
            write(named(edge("a", f"m{len(written) % 50}"), edge("a", f"t{len(written) % 40}")))
            graph.around([edge("a", "t0")])
            graph.edges()

    interrupted(module, work, meanwhile)
    assert graph.edges() == {each for record in written for each in record.facts.edges}
    assert [(row.edges, row.operations) for row in graph.rows()] == [(len(graph.edges()), len(written))]


def test_a_finalizer_may_name_an_edge_while_the_graph_is_locked():
    """An object that is collected in the middle of a write makes one of its own."""
    graph = LineageGraph()

    class Collected:
        def __del__(self):
            graph.write(named(edge("x", "y")))

    class Collecting(DatasetRef):
        def __hash__(self):
            Collected()
            return super().__hash__()

    record = named(DatasetEdge(Collecting(("main", "s", "a")), DatasetRef(("main", "s", "b"))))
    thread = threading.Thread(target=graph.write, args=(record,), daemon=True)
    thread.start()
    thread.join(60)
    assert not thread.is_alive()
    assert graph.edges() == {edge("a", "b"), edge("x", "y")}


HANDLED = """
import signal
import genops
from genops.core.operation import DatasetRef, Facts
from genops.runtime import active
from support.records import operation, settled

genops.configure(team="t", project="p", environment="e", export="none")
handled, busy = [], []

def handler(*_):
    if not busy:
        busy.append(True)
        with genops.operation("in the handler", reads=["a.b.c"], writes=["d.e.f"]):
            pass
        handled.append(busy.pop())

class Signalling(DatasetRef):
    def __hash__(self):
        signal.raise_signal(signal.SIGINT)
        return super().__hash__()

signal.signal(signal.SIGINT, handler)
with genops.operation("x", reads=[Signalling(("g", "h", "i"))], writes=["d.e.f"]):
    pass
signal.signal(signal.SIGINT, signal.SIG_IGN)
graph = active().lineage
assert sum(row.operations for row in graph.rows()) == len(handled) + 1 > 3, graph.rows()
assert sorted(edge.source.name for edge in graph.edges()) == ["a.b.c", "g.h.i"]
"""


@pytest.mark.skipif(sys.platform == "win32", reason="signals are delivered otherwise")
def test_a_signal_handler_may_run_a_declared_operation():
    """A handler that runs while the graph is locked settles its own operation, and the program goes on."""
    folders = (str(Path(lineage.__file__).parents[3]), str(Path(__file__).parents[2]))
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(folders)}
    done = subprocess.run(
        [sys.executable, "-c", HANDLED], env=environment, capture_output=True, text=True, timeout=240, check=False
    )
    assert done.returncode == 0, done.stderr
