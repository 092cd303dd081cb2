"""Closures, paths, parts and times of the graph, against brute force over the same edges."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from genops.core.edges import LOCAL_FILE
from genops.core.operation import ColumnEdge, DatasetEdge, DatasetRef, Facts, Statement
from genops.lineage.graph.graph import LineageGraph
from genops.lineage.graph.nouns import Column, Declaration, Flow, Logic, Provenance, Reached, Transformation
from support.records import ENDED, operation, settled

ids = st.integers(0, 9)
pairs = st.lists(st.tuples(ids, ids), max_size=30)


def table(number, catalog="main", host=None):
    """A table by a number."""
    return DatasetRef((catalog, "s", f"t{number}"), "table", host)


def column(number, catalog="main"):
    """A column: three to a table."""
    return Column(table(number // 3, catalog), f"c{number % 3}")


def graph_of(flows, node=table, at=1, **limits):
    """A graph of these pairs of numbers."""
    graph = LineageGraph(**limits)
    graph.extend((Flow(node(a), node(b)) for a, b in flows), at=at)
    return graph


def levels(flows, start, *, stop=lambda node: False):
    """Distances by brute force."""
    found, frontier, far = {start: 0}, {start}, 0
    while frontier:
        far += 1
        frontier = {b for a, b in flows if a in frontier and not stop(a) and b not in found}
        found |= dict.fromkeys(frontier, far)
    del found[start]
    return found


def answered(reached):
    """What a view answered, by node."""
    assert [each.distance for each in reached] == sorted(each.distance for each in reached)
    return {each.node: each.distance for each in reached}


@pytest.mark.parametrize("node", [table, column])
@given(pairs, ids, st.none() | st.integers(1, 3))
@settings(max_examples=60)
def test_closures_are_those_of_brute_force(node, flows, start, depth):
    """In both directions, cycles and edges to itself included, at their distance."""
    view = graph_of(flows, node).view()
    for ask, edges in ((view.downstream, flows), (view.upstream, [(b, a) for a, b in flows])):
        expected = {node(each): far for each, far in levels(edges, start).items() if depth is None or far <= depth}
        assert answered(ask(node(start), depth=depth)) == expected


@given(pairs, ids, ids)
@settings(max_examples=60)
def test_a_path_leads_round_local_files(flows, start, goal):
    """One of ten nodes is none to go through: the way is as long as brute force finds, or there is none."""
    nodes = [table(number) for number in range(9)] + [LOCAL_FILE]
    graph = LineageGraph()
    graph.extend((Flow(nodes[a], nodes[b]) for a, b in flows), at=1)
    graph.extend((Flow(table(90), nodes[start]), Flow(nodes[goal], table(91))), at=1)
    found = graph.view().path(nodes[start], nodes[goal])
    distance = 0 if start == goal else levels(flows, start, stop=lambda node: node == 9).get(goal)
    assert (None if found is None else len(found)) == distance


@given(pairs, ids, ids)
@settings(max_examples=60)
def test_a_path_is_a_shortest_one(flows, start, goal):
    """It is made of edges that follow each other, as many as brute force needs; where there is none, it is None."""
    found = graph_of([*flows, (start, 99), (98, goal)]).view().path(table(start), table(goal))
    distance = 0 if start == goal else levels(flows, start).get(goal)
    assert (found is None) == (distance is None)
    if found is not None:
        assert len(found) == distance
        stations = [table(start), *(edge.target for edge in found)]
        assert stations[-1] == table(goal)
        assert all((one.parts, edge.source) for one, edge in zip(stations, found, strict=False))
        assert [edge.source for edge in found] == stations[:-1]
        assert {(edge.source, edge.target) for edge in found} <= {(table(a), table(b)) for a, b in flows}


@given(st.lists(st.tuples(ids, ids, st.sampled_from("xyz"), st.sampled_from("xyz")), max_size=20), ids)
@settings(max_examples=60)
def test_a_view_of_a_catalog_holds_what_touches_it(flows, start):
    """Edges inside and over its border; nothing that lies outside."""
    graph, named = LineageGraph(), {}
    for a, b, one, other in flows:
        named[a], named[b] = named.get(a, one), named.get(b, other)
        graph.add(table(a, named[a]), table(b, named[b]), at=1)
    touching = [(a, b) for a, b, *_ in flows if "x" in {named[a], named[b]}]
    view = graph.view(catalog="x")
    here = table(start, named.get(start, "x"))
    assert answered(view.downstream(here)) == {table(n, named[n]): far for n, far in levels(touching, start).items()}
    assert {(edge.source, edge.target) for edge in view.edges()} == {
        (table(a, named[a]), table(b, named[b])) for a, b in touching
    }


def test_a_view_of_a_metastore_holds_its_hosts():
    """The workspaces of one metastore are one part; a name on another host is outside."""
    graph = LineageGraph()
    for number, host in enumerate(("one", "two", "three")):
        graph.add(table(number, host=host), table(number + 1, host=host), at=1)
    assert len(list(graph.view(hosts={"one", "two"}).edges())) == 2
    assert graph.view(hosts={"one"}).downstream(table(1, host="two")) == ()


moments = st.integers(1, 12)
events = st.lists(st.tuples(moments, st.sampled_from(["seen", "withdrawn"]), st.tuples(st.integers(0, 2), ids)))


def stood(happened, pair, at):
    """Whether the last thing that happened to an edge up to a time was that it was seen."""
    last = [what for when, what, which in happened if which == pair and when <= at]
    return bool(last) and last[-1] == "seen"


@pytest.mark.parametrize("node", [table, column])
@given(events, moments, moments)
@settings(max_examples=80)
def test_the_graph_as_it_was_is_what_had_happened_by_then(node, happened, before, after):
    """At every time an edge stands if it was seen since it was withdrawn; the difference is that of the two times."""
    happened = sorted(happened, key=lambda event: event[0])
    graph = LineageGraph()
    for when, what, (a, b) in happened:
        (graph.add if what == "seen" else graph.withdraw)(node(a), node(b), at=when)
    every = {which for *_, which in happened}
    for at in (before, after, None):
        expected = {(node(a), node(b)) for a, b in every if stood(happened, (a, b), 99 if at is None else at)}
        view = graph.view(at=at)
        listed = view.edges() if node is table else view.column_edges()
        assert {(edge.source, edge.target) for edge in listed} == expected
        flows = [(a, b) for a, b in every if (node(a), node(b)) in expected]
        assert answered(view.downstream(node(0))) == {node(each): far for each, far in levels(flows, 0).items()}
    kind = DatasetRef if node is table else Column
    told = graph.diff(before, after)
    for edges, one, other in ((told.appeared, before, after), (told.disappeared, after, before)):
        changed = {(edge.source, edge.target) for edge in edges if isinstance(edge.source, kind)}
        assert changed == {
            (node(a), node(b)) for a, b in every if stood(happened, (a, b), other) and not stood(happened, (a, b), one)
        }


@given(st.lists(moments, min_size=1), st.randoms())
@settings(max_examples=40)
def test_sightings_may_come_in_any_order(times, dice):
    """First and last seen are the first and the last, whichever came first."""
    graph = LineageGraph()
    dice.shuffle(times)
    for at in times:
        graph.add(table(0), table(1), at=at, provenance=Provenance.SYSTEM_TABLES)
    (edge,) = graph.view().edges()
    assert (edge.first_seen, edge.last_seen, edge.ended) == (min(times), max(times), None)


@given(st.lists(moments, min_size=1), st.randoms())
@settings(max_examples=40)
def test_a_late_sighting_before_a_withdrawal_does_not_undo_it(times, dice):
    """What is learnt later of an earlier time changes that time only."""
    graph = LineageGraph()
    graph.add(table(0), table(1), at=5)
    graph.withdraw(table(0), table(1), at=20)
    graph.add(table(0), table(1), at=30)
    dice.shuffle(times)
    for at in times:
        graph.add(table(0), table(1), at=at)
    begun = min([*times, 5])
    for at, expected in ((begun - 1, 0), (begun, 1), (19, 1), (20, 0), (29, 0), (30, 1)):
        assert len(list(graph.view(at=at).edges())) == expected, at


def test_an_edge_stands_as_long_as_somebody_says_it():
    """What one withdraws another may still say; what was seen later is not undone."""
    graph = LineageGraph()
    graph.add(table(0), table(1), at=1, provenance=Provenance.DECLARED)
    graph.add(table(0), table(1), at=2, provenance=Provenance.RUNTIME)
    graph.withdraw(table(0), table(1), at=3)
    (edge,) = graph.view().edges()
    assert edge.provenance is Provenance.RUNTIME
    graph.withdraw(table(0), table(1), at=1, provenance=Provenance.RUNTIME)
    assert len(graph.edges()) == 1
    graph.withdraw(table(0), table(1), at=4, provenance=Provenance.RUNTIME)
    assert graph.edges() == frozenset()
    graph.withdraw(table(7), table(8), at=4)
    graph.withdraw(column(7), column(8), at=4)


def test_an_edge_that_comes_and_goes_keeps_a_bounded_past():
    """Sixteen former spans are kept; the times before are forgotten and counted."""
    graph = LineageGraph()
    for number in range(40):
        graph.add(table(0), table(1), at=10 * number)
        graph.withdraw(table(0), table(1), at=10 * number + 5)
    history = graph._store.datasets.history
    assert history.forgotten == 39 - 16
    assert [len(list(graph.view(at=at).edges())) for at in (0, 384, 386, 394)] == [0, 1, 0, 1]


def test_columns_bring_their_tables():
    """An edge of columns is an edge of their tables too, but not of a table with itself."""
    graph = graph_of([(0, 3), (1, 4), (3, 4)], column)
    assert graph.edges() == {DatasetEdge(table(0), table(1))}
    assert len(list(graph.view().column_edges())) == 3


def test_an_answer_is_a_sequence_like_the_tuple_of_its_entries():
    """Length, places from either end, slices, membership, equality, hash and text."""
    found = graph_of([(0, 1), (0, 2), (2, 3), (3, 4)]).view().downstream(table(0))
    entries = tuple(found)
    assert sorted((each.distance, each.node.name) for each in entries) == [
        (1, "main.s.t1"),
        (1, "main.s.t2"),
        (2, "main.s.t3"),
        (3, "main.s.t4"),
    ]
    assert [found[place] for place in range(-4, 4)] == [*entries, *entries]
    assert (found[1:], found[::-2], found[9:]) == (entries[1:], entries[::-2], ())
    assert found == entries
    assert found != entries[1:]
    assert found != list(entries)
    assert found == graph_of([(3, 4), (0, 1), (0, 2), (2, 3)]).view().downstream(table(0))
    assert (hash(found), repr(found), list(found.nodes)) == (hash(entries), repr(entries), [e.node for e in entries])
    assert Reached(table(4), 3) in found
    for place in (4, -5):
        with pytest.raises(IndexError):
            found[place]


def test_datasets_and_columns_are_found_by_name():
    """Of any kind and host; what is not known, or no longer kept, is not found."""
    graph = LineageGraph(capacity=2)
    graph.add(table(0, host="one"), table(1, host="two"), at=1)
    graph.add(Column(table(1, host="one"), "c"), Column(table(2), "c"), at=1)
    view = graph.view()
    assert view.find("main.s.t1") == (table(1, host="two"), table(1, host="one"))
    assert view.find("main.s.t1", "c") == (Column(table(1, host="one"), "c"),)
    assert view.find("main.s.t9") == view.find("main.s.t1", "d") == ()
    graph.extend([Flow(table(5), table(6)), Flow(table(6), table(7))], at=2)
    assert view.find("main.s.t0") == view.find("") == ()


def test_impact_names_what_and_whom_it_concerns():
    """Of a column: columns, their tables, and who was declared for them. Of a table: also what its columns reach."""
    graph = graph_of([(0, 3), (3, 6)], column)
    graph.add(table(0), table(5), at=1)
    graph.describe(table(1), Declaration(owner="ann", classification="PII"))
    graph.describe(column(6), Declaration(owner="bob", steward="sue"))
    of_column = graph.view().impact(column(0))
    assert of_column.columns == (Reached(column(3), 1), Reached(column(6), 2))
    assert of_column.datasets == (Reached(table(1), 1), Reached(table(2), 2))
    assert (of_column.owners, of_column.stewards, of_column.classifications) == (("ann", "bob"), ("sue",), ("PII",))
    of_table = graph.view().impact(table(0))
    assert {each.node for each in of_table.datasets} == {table(1), table(2), table(5)}
    assert of_table.columns == of_column.columns
    assert graph.view().impact(table(99)).datasets == ()


def test_an_edge_is_ambiguous_until_somebody_tells_it_for_certain():
    """One of several candidates stays one when it is told again, and none once somebody is certain."""
    graph = LineageGraph()
    what = operation("statement.execute", statement=Statement("INSERT", 9, "ab12"), library="databricks-sdk")
    flow = ColumnEdge(table(0), "a", table(1), "b", "DIRECT:IDENTITY", ambiguous=True)
    other = flow._replace(source_column="c")
    for flows in ((flow, other), (flow, other), (flow._replace(ambiguous=False),)):
        graph.write(settled(what, facts=Facts(columns=flows)))
        assert [edge.ambiguous for edge in graph.view().column_edges()] == [flows[0].ambiguous, True]
    graph.add(Column(table(0), "c"), Column(table(1), "b"), at=ENDED, provenance=Provenance.DECLARED)
    assert [edge.ambiguous for edge in graph.view().column_edges()] == [False, False]


def test_operations_say_how_columns_flow():
    """Edges, kinds and fingerprint of a statement are kept, with who says so and when."""
    graph = LineageGraph()
    flows = [ColumnEdge(table(0), "a", table(1), "b", kind) for kind in ("DIRECT:IDENTITY", "INDIRECT:FILTER")]
    what = operation("statement.execute", statement=Statement("INSERT", 9, "ab12"), library="databricks-sdk")
    graph.write(settled(what, facts=Facts(columns=tuple(flows))))
    (edge,) = graph.view().column_edges()
    assert edge.transformations == (Transformation("DIRECT", "IDENTITY"), Transformation("INDIRECT", "FILTER"))
    assert (edge.provenance, edge.first_seen, edge.logic) == (Provenance.SQL, ENDED, Logic(fingerprint="ab12"))
    assert [(row.edges, row.operations) for row in graph.rows()] == [(1, 1)]


@pytest.mark.parametrize(
    ("fields", "provenance"),
    [({"library": "databricks-sdk"}, "runtime"), ({}, "declared"), ({"statement": Statement("SELECT", 1, "0")}, "sql")],
)
def test_who_says_an_edge_is_known(fields, provenance):
    """The call of a library, the user, or a statement."""
    graph = LineageGraph()
    graph.write(settled(operation(**fields), facts=Facts(edges=(DatasetEdge(table(0), table(1)),))))
    assert [edge.provenance.names for edge in graph.view().edges()] == [(provenance,)]


def test_what_is_declared_of_an_edge_is_kept():
    """Owner, steward, classification, tags and logic; a later word replaces the former, silence does not."""
    graph = LineageGraph()
    said = Declaration("ann", "sue", "PII", (("domain", "sales"),))
    logic = Logic("SELECT a FROM t WHERE b = ?", "ab", "nightly")
    graph.add(column(0), column(3), at=1, declaration=said, logic=logic)
    graph.add(column(0), column(3), at=2)
    (edge,) = graph.view().column_edges()
    assert (edge.declaration, edge.logic, edge.last_seen) == (said, logic, 2)


def test_a_full_graph_counts_what_it_lets_go():
    """Edges of either kind, logics that are too long, and declarations of nodes have their bounds."""
    graph = graph_of([(number, number + 1) for number in range(50)], capacity=5)
    assert (len(graph.edges()), graph.overflowed) == (5, 45)
    assert graph.edges() == {DatasetEdge(table(number), table(number + 1)) for number in range(45, 50)}
    assert len(graph._store.names.datasets) <= 8
    columns = graph_of([(number, number + 3) for number in range(50)], column, columns=5)
    assert (len(list(columns.view().column_edges())), columns.overflowed) == (5, 45)
    for number in range(20):
        few = graph_of([(0, 1)], capacity=1, columns=1)
        few.describe(table(number), Declaration("ann"))
    graph.add(table(0), table(1), at=3, logic=Logic("x" * 5_000, "ab"))
    assert Logic(None, "ab") in {edge.logic for edge in graph.view().edges()}


def test_declarations_are_bounded():
    """No more nodes are described than the graph may have edges."""
    graph = LineageGraph(capacity=1, columns=1)
    for number in range(5):
        graph.describe(table(number), Declaration("ann"))
    assert graph.overflowed == 3


def test_nothing_flows_through_a_local_file():
    """Neither for tables nor for columns, in closures and paths."""
    graph = LineageGraph()
    for one, other in ((table(0), LOCAL_FILE), (LOCAL_FILE, table(1))):
        graph.add(Column(one, "a"), Column(other, "a"), at=1)
    view = graph.view()
    assert answered(view.downstream(table(0))) == {LOCAL_FILE: 1}
    assert answered(view.downstream(Column(table(0), "a"))) == {Column(LOCAL_FILE, "a"): 1}
    assert view.path(table(0), table(1)) is None


def test_hubs_are_indexed():
    """A thousand tables that all flow into a thousand others: each edge once, found whichever way it is asked."""
    flows = [(a, 1_000 + b) for a in range(60) for b in range(60)]
    graph = graph_of(flows + flows[::-1])
    assert len(graph.edges()) == 3_600
    assert len(graph.view().downstream(table(0))) == 60
    assert len(graph.view().downstream(table(0), most=7)) == 7
