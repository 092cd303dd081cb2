"""Which edges the record of an operation holds: those of the program's own word, and not too many."""

from __future__ import annotations

import pytest

import genops
from genops.core.declared import operation
from genops.core.edges import LOCAL_FILE
from genops.core.operation import DatasetEdge, DatasetRef, Facts, Operation
from genops.core.records import Outcome
from genops.lineage.graph.graph import LineageGraph
from genops.testing import capture
from support.governed import call
from support.recording import TEAM

ROOM = LineageGraph.room


def edge(source, target):
    """An edge between two tables."""
    return DatasetEdge(DatasetRef(tuple(source.split("."))), DatasetRef(tuple(target.split("."))))


@pytest.fixture
def graph():
    """A graph of edges."""
    return LineageGraph()


@pytest.fixture
def kept(govern, graph):
    """A governor under which lineage is kept."""
    return govern(lineage=graph, sinks=[graph])


@pytest.fixture
def edges(kept, sink):
    """Return the edges of the one operation that settled last."""
    return lambda: set(sink.settled[-1].facts.edges)


def test_what_is_observed_flows_with_what_was_declared(edges, graph):
    """Reads and writes join, whichever of them was said before and whichever while it ran."""
    with operation("load", reads=["a.b.c"]) as running:
        running.observe(writes=["d.e.f"])
        running.observe(reads=["a.b.x"], rows=3)
    assert edges() == {edge("a.b.c", "d.e.f"), edge("a.b.x", "d.e.f")}
    with operation("load", cost=1) as running:
        running.observe(reads=["a.b.y"], writes=["d.e.y"])
    assert edges() == {edge("a.b.y", "d.e.y")}
    assert len(graph.edges()) == 3


def test_only_what_ran_to_its_end_flows(kept, sink):
    """An operation that raised says no edge."""
    with pytest.raises(ValueError, match="stop"), operation("load", reads=["a.b.c"], writes=["d.e.f"]):
        raise ValueError("stop")
    (settled,) = sink.settled
    assert (settled.outcome, settled.facts.edges) == (Outcome.ERROR, ())


def test_what_calls_inside_touch_is_no_flow_of_the_unit(edges, sink):
    """A library's call inside reads one dataset, another writes one: the unit's own edges are its own word alone."""
    read, wrote = Facts(reads=(DatasetRef(("l", "i", "r")),)), Facts(writes=(DatasetRef(("l", "i", "w")),), rows=2)
    with operation("load", reads=["a.b.c"]) as running:
        call(observe=lambda *_: read)
        call(observe=lambda *_: wrote)
        running.observe(writes=["d.e.f"], rows=1)
    assert edges() == {edge("a.b.c", "d.e.f")}
    facts = sink.settled[-1].facts
    assert {ref.name for ref in (*facts.reads, *facts.writes)} == {"l.i.r", "l.i.w", "d.e.f"}
    assert facts.rows == 3


def test_edges_that_calls_inside_name_are_the_units_as_well(edges):
    """A library's call names its edge itself, and a declared operation inside its own; none is crossed with others."""
    upload = DatasetEdge(LOCAL_FILE, DatasetRef(("m", "n", "o"), "volume"))
    with operation("outer", reads=["a.b.c"], writes=["d.e.f"]):
        call(observe=lambda *_: Facts(edges=(upload,)))
        with operation("inner", reads=["g.h.i"]) as running:
            running.observe(writes=["j.k.l"])
    assert edges() == {edge("a.b.c", "d.e.f"), edge("g.h.i", "j.k.l"), upload}


def test_a_librarys_call_declares_nothing(edges):
    """What it reads need not be what it writes."""
    call(op_reads=(DatasetRef(("a", "b", "c")),), op_writes=(DatasetRef(("d", "e", "f")),))
    assert edges() == set()


def test_recorded_work_flows(kept, edges):
    """What is said of work that is over counts like what is said while it runs."""
    what = Operation("table.load", "test", attribution=TEAM, reads=(DatasetRef(("a", "b", "c")),))
    kept.record(what, Facts(writes=(DatasetRef(("d", "e", "f")),)))
    assert edges() == {edge("a.b.c", "d.e.f")}


def test_nothing_is_made_where_nobody_keeps_lineage(govern, sink, monkeypatch):
    """Without lineage the pairs are not even looked at."""
    from genops.core import guarded as spine

    monkeypatch.setattr(spine, "declared", None)
    governed = govern()
    many = [f"a.b.c{number}" for number in range(20)]
    with operation("load", reads=many, writes=["d.e.f"]):
        call(observe=lambda *_: Facts(edges=(edge("a.b.c", "d.e.f"),)))
    assert sink.settled[0].facts.edges == ()
    assert governed.guard.counts == {}


@pytest.mark.faults
def test_a_fault_of_lineage_leaves_the_operation_whole(kept, sink, graph, monkeypatch):
    """Where the edges cannot be made, the operation settles without them and the fault is counted."""
    from genops.core import guarded as spine

    monkeypatch.setattr(spine, "declared", None)
    with operation("load", reads=["a.b.c"], writes=["d.e.f"]) as running:
        running.observe(rows=3)
    assert (sink.settled[0].facts.rows, sink.settled[0].facts.edges) == (3, ())
    assert kept.guard.counts == {"lineage": 1}


def test_an_operation_names_no_more_edges_than_lineage_takes(edges, graph):
    """Of ninety thousand combinations a thousand are kept, and the others are counted as let go."""
    with operation(
        "load", reads=[f"a.b.r{number}" for number in range(300)], writes=[f"a.b.w{number}" for number in range(300)]
    ):
        pass
    assert len(edges()) == len(graph.edges()) == ROOM
    assert graph.overflowed == 90_000 - ROOM


def test_parts_fill_a_unit_up_to_a_bound(edges, graph):
    """What calls inside name is kept up to the same number, and the rest is counted."""
    with operation("load", cost=1):
        for number in range(ROOM // 100 + 5):
            named = tuple(edge("a.b.c", f"d.e.f{number}x{each}") for each in range(101))
            call(observe=lambda *_, named=named: Facts(edges=named))
    assert len(edges()) == ROOM
    assert graph.overflowed == (ROOM // 100 + 5) * 101 - ROOM


def test_edges_that_are_left_out_show_in_the_metric_of_what_was_let_go():
    """`genops.internal.dropped` counts them under lineage."""
    with capture(team="t", project="p", environment="e") as seen:
        reads = [f"a.b.r{number}" for number in range(ROOM + 7)]
        with genops.operation("load", reads=reads, writes=["d.e.f"]):
            pass
        (dropped,) = [metric for metric in seen.metrics if metric.name == "genops.internal.dropped"]
    points = {point.labels["genops.internal.site"]: point.value for point in dropped.points}
    assert points["lineage"] == 7
