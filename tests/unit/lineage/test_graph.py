"""The graph: each edge once, bounded, and neighbours that brute force finds too."""

from __future__ import annotations

import threading
from itertools import product
from typing import ClassVar

import pytest
from hypothesis import given
from hypothesis import strategies as st

from genops.core.edges import LOCAL_FILE, LineageRow, declared, flows
from genops.core.operation import NOTHING, DatasetEdge, DatasetRef, Facts
from genops.core.records import Outcome
from genops.lineage.graph.graph import LineageGraph
from support.records import admitted, operation, settled


def table(name, host=None):
    """A table by its last name."""
    return DatasetRef(("main", "s", name), "table", host)


def edge(source, target):
    """An edge between two tables."""
    return DatasetEdge(table(source), table(target))


def named(*edges, **fields):
    """The settlement of an operation that named these edges."""
    return settled(operation("file.upload", **fields), facts=Facts(edges=edges))


def test_an_edge_is_known_once_and_each_operation_counts():
    """Two operations that name the same edge are one edge and two operations."""
    graph = LineageGraph()
    for _ in range(2):
        graph.write(named(edge("a", "b")))
    graph.write(named(edge("a", "b"), edge("a", "c")))
    assert graph.edges() == {edge("a", "b"), edge("a", "c")}
    labels = ("data-eng", "flights", "test", "databricks_unity_catalog", "file.upload", "acme.cloud.databricks.com")
    assert graph.rows() == [LineageRow(labels, 2, 3)]


def test_an_edge_belongs_to_who_named_it_first():
    """The sum over all labels is the number of different edges."""
    graph = LineageGraph()
    graph.write(named(edge("a", "b"), host="first"))
    graph.write(named(edge("a", "b"), edge("b", "c"), host="second"))
    assert [(row.labels[-1], row.edges, row.operations) for row in graph.rows()] == [("first", 1, 1), ("second", 1, 1)]


def test_what_names_no_edge_leaves_no_trace():
    """Admissions, and settlements without an edge, change nothing."""
    graph = LineageGraph()
    graph.write(admitted())
    graph.write(settled())
    assert graph.rows() == []


def test_a_full_graph_lets_go_what_nobody_named_for_longest():
    """To name an edge again is to keep it; what is let go is counted, and no longer by who named it first."""
    graph = LineageGraph(capacity=2)
    graph.write(named(edge("a", "b"), edge("b", "c"), host="one"))
    graph.write(named(edge("a", "b"), edge("c", "d"), host="two"))
    assert graph.edges() == {edge("a", "b"), edge("c", "d")}
    assert graph.overflowed == 1
    assert [(row.edges, row.operations) for row in graph.rows()] == [(1, 1), (1, 1)]


def test_later_combinations_of_labels_share_one_row():
    """A thousand hosts do not make a thousand series."""
    graph = LineageGraph(combinations=2)
    for number in range(5):
        graph.write(named(edge("a", f"t{number}"), host=f"host{number}"))
    assert [row.labels[-1] for row in graph.rows()] == ["host0", "host1", "other"]
    assert [row.edges for row in graph.rows()] == [1, 1, 3]


def test_the_same_name_on_two_hosts_is_two_datasets():
    """A name is resolved by its workspace."""
    graph = LineageGraph(max_depth=5)
    graph.write(named(DatasetEdge(table("a", "one"), table("b", "one"))))
    found = graph.around([DatasetEdge(table("b", "two"), table("c", "two"))])
    assert found.upstream == (table("b", "two"),)


def test_nothing_flows_through_a_local_file():
    """What was downloaded is not known to be what is uploaded later."""
    graph = LineageGraph(max_depth=10)
    graph.write(named(DatasetEdge(table("a"), LOCAL_FILE)))
    found = graph.around([DatasetEdge(LOCAL_FILE, table("b"))])
    assert found.upstream == (LOCAL_FILE,)
    assert found.downstream == (table("b"),)


names = st.sampled_from("abcdefg")


@given(
    st.lists(st.tuples(names, names).filter(lambda pair: pair[0] != pair[1]), max_size=15),
    st.tuples(names, names).filter(lambda pair: pair[0] != pair[1]),
    st.integers(1, 4),
)
def test_neighbours_are_those_that_brute_force_finds(pairs, own, depth):
    """Up to the depth and not beyond, in both directions, cycles included."""
    graph = LineageGraph(max_depth=depth)
    graph.write(named(*(edge(*pair) for pair in pairs)))
    found = graph.around([edge(*own)])
    known = {*pairs, own}

    def walked(start, step):
        reached, frontier = set(), {start}
        for _ in range(depth):
            frontier = {far for near in frontier for far in step(near)}
            reached |= frontier
        return {table(name) for name in reached - {start}}

    source, target = own
    assert set(found.upstream) == walked(target, lambda near: {a for a, b in known if b == near})
    assert set(found.downstream) == walked(source, lambda near: {b for a, b in known if a == near})
    assert (found.inputs, found.outputs) == ((table(source),), (table(target),))
    assert (found.upstream[0], found.downstream[0]) == (table(source), table(target))


def test_writers_in_threads_lose_nothing():
    """Eight threads that name the same thousand edges leave a thousand edges and eight thousand operations."""
    graph = LineageGraph()
    records = [named(edge("a", f"t{number}")) for number in range(1000)]

    def write():
        for record in records:
            graph.write(record)

    threads = [threading.Thread(target=write) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [(row.edges, row.operations) for row in graph.rows()] == [(1000, 8000)]


class Counted(DatasetRef):
    """A dataset that takes note of being looked at."""

    seen: ClassVar[set[str]] = set()

    def __hash__(self):
        self.seen.add(self.name)
        return super().__hash__()


@pytest.mark.parametrize("depth", [1, 2, 5])
def test_a_hub_with_ten_thousand_targets_is_not_looked_at_whole(depth):
    """At most a thousand datasets are looked at, besides the operation's own, however many there are."""
    graph = LineageGraph(max_depth=depth, capacity=30_000)
    hubs = [Counted(("main", "hub", f"h{number}")) for number in range(3)]
    layers = [[Counted(("main", "s", f"t{hub}-{number}")) for number in range(4_000)] for hub in range(3)]
    edges = [DatasetEdge(hub, far) for hub, layer in zip(hubs, layers, strict=True) for far in layer]
    graph.write(named(*edges, *(DatasetEdge(layers[0][0], hub) for hub in hubs[1:])))
    own = [DatasetEdge(hubs[0], far) for far in layers[0][-3:]]
    graph.write(named(*own))
    Counted.seen.clear()
    found = graph.around(own)
    assert found.downstream[:3] == tuple(edge.target for edge in own)
    assert len(found.downstream) == 1_000
    assert len(Counted.seen) <= 1_000 + len(own) + 4


def test_the_user_declares_edges_by_naming_both_sides():
    """Every source flows into every target, each once."""
    what = operation(reads=(table("a"), table("b"), table("a")), writes=(table("c"),))
    assert set(declared(what, NOTHING, 10)[0].edges) == {edge("a", "c"), edge("b", "c")}
    known = Facts(edges=(edge("a", "c"),))
    assert declared(what, known, 10) == (Facts(edges=(edge("a", "c"), edge("b", "c"))), 0)
    assert declared(operation(reads=(table("a"),)), NOTHING, 10) == (NOTHING, 0)
    assert declared(operation(reads=(table("a"),), writes=(table("a"),)), NOTHING, 10) == (NOTHING, 0)


def test_what_the_user_observes_is_declared_as_well():
    """Reads and writes that are said while it runs flow like those that were said before."""
    what = operation(reads=(table("a"),))
    named, left_out = declared(what, Facts(reads=(table("b"),), writes=(table("c"), table("a"))), 10)
    assert named.edges == (edge("a", "c"), edge("b", "c"), edge("b", "a"))
    assert left_out == 0


def test_no_more_edges_are_made_than_there_is_room_for():
    """Of four hundred million combinations ten are made, and the others are counted."""
    reads = tuple(table(f"r{number}") for number in range(20_000))
    writes = (*(table(f"w{number}") for number in range(19_999)), reads[0])
    named, left_out = declared(operation(reads=reads, writes=writes), NOTHING, 10)
    assert len(named.edges) == 10
    assert left_out == 20_000 * 20_000 - 1 - 10


@given(st.lists(names, max_size=5), st.lists(names, max_size=5), st.integers(0, 30))
def test_what_is_left_out_is_the_rest(reads, writes, most):
    """Named and left out are all pairs of different datasets."""
    what = operation(reads=tuple(map(table, reads)), writes=tuple(map(table, writes)))
    named, left_out = declared(what, NOTHING, most)
    pairs = {edge(a, b) for a, b in product(reads, writes) if a != b}
    assert set(named.edges) <= pairs
    assert len(named.edges) == len(set(named.edges)) == min(most, len(pairs))
    assert len(named.edges) + left_out == len(pairs)


def test_nothing_flows_into_itself():
    """A dataset that is read and written is no edge."""
    both = (table("a"), table("b"))
    assert flows(both, both) == (edge("a", "b"), edge("b", "a"))


def test_edges_of_facts_join():
    """Facts that come together keep each edge once."""
    first, second = Facts(edges=(edge("a", "b"),)), Facts(edges=(edge("a", "b"), edge("b", "c")))
    assert first.merged(second).edges == tuple(edge(a, b) for a, b in ("ab", "bc"))
    assert list(product(first.merged(Facts(rows=1)).edges)) == [(edge("a", "b"),)]
    assert settled(outcome=Outcome.OK).facts.edges == ()
