"""The full graph against a model of it, and under threads that name and ask at the same time."""

from __future__ import annotations

import itertools
import os
import random
import sys
import threading

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from genops.core.operation import ColumnEdge, DatasetEdge, DatasetRef, Facts, Statement
from genops.lineage.graph import graph as room
from genops.lineage.graph import logics
from genops.lineage.graph.graph import LineageGraph
from genops.lineage.graph.nouns import Column, Flow, Logic
from support.records import operation, settled

TABLES, COLUMNS = 4, 6


def table(number):
    """A table by a number."""
    return DatasetRef(("main", "s", f"t{number}"))


def column(number):
    """A column: three to a table."""
    return Column(table(number // 3), f"c{number % 3}")


class Layer:
    """What a bounded layer should hold: edges from the one that nobody named for longest on, with what happened."""

    def __init__(self, capacity):
        self.capacity, self.happened, self.let_go = capacity, {}, 0

    def seen(self, pair, at):
        """Return whether an edge was let go."""
        self.happened[pair] = [*self.happened.pop(pair, []), (at, True)]
        if len(self.happened) <= self.capacity:
            return False
        del self.happened[next(iter(self.happened))]
        self.let_go += 1
        return True

    def withdrawn(self, pair, at):
        """Take back what was said."""
        if pair in self.happened:
            self.happened[pair].append((at, False))

    def standing(self, at):
        """What stood at a time."""
        last = {pair: [stands for when, stands in what if when <= at] for pair, what in self.happened.items()}
        return {pair for pair, what in last.items() if what and what[-1]}


class Model:
    """The graph by brute force."""

    def __init__(self):
        self.tables, self.columns = Layer(TABLES), Layer(COLUMNS)

    def seen(self, of_columns, pairs, at):
        """Name edges in one call."""
        told = set()
        for a, b in pairs:
            one, other = (a // 3, b // 3) if of_columns else (a, b)
            if not of_columns or (one != other and (one, other) not in told):
                if self.tables.seen((one, other), at):
                    told.clear()
                told.add((one, other))
            if of_columns:
                self.columns.seen((a, b), at)


ids = st.integers(0, 8)
calls = st.lists(
    st.tuples(
        st.sampled_from(["seen", "seen", "seen", "withdrawn"]),
        st.booleans(),
        st.lists(st.tuples(ids, ids), min_size=1, max_size=6),
    ),
    max_size=25,
)


def kept(edges, node):
    """The numbers of edges."""
    numbers = {node(number): number for number in range(9)}
    return {(numbers[edge.source], numbers[edge.target]) for edge in edges}


def reachable(pairs, start):
    """What is downstream by brute force."""
    found = frontier = {start}
    while frontier:
        frontier = {b for a, b in pairs if a in frontier} - found
        found = found | frontier
    return found - {start}


@given(calls, st.integers(0, 26))
@settings(max_examples=80)
def test_a_full_graph_is_what_the_model_keeps(happened, past):
    """Edges, their past, closures, counters and names: what nobody named for longest is gone without a trace."""
    graph, model = LineageGraph(capacity=TABLES, columns=COLUMNS), Model()
    for at, (what, of_columns, pairs) in enumerate(happened, 1):
        node = column if of_columns else table
        if what == "seen":
            graph.extend([Flow(node(a), node(b)) for a, b in pairs], at=at)
            model.seen(of_columns, pairs, at)
        else:
            graph.withdraw(node(pairs[0][0]), node(pairs[0][1]), at=at)
            (model.columns if of_columns else model.tables).withdrawn(pairs[0], at)
    for at in (past, None):
        view = graph.view(at=at)
        now = 99 if at is None else at
        assert kept(view.edges(), table) == model.tables.standing(now)
        assert kept(view.column_edges(), column) == model.columns.standing(now)
        for number in range(9):
            found = {each.node for each in view.downstream(column(number))}
            assert found == {column(each) for each in reachable(model.columns.standing(now), number)}
            assert {each.node for each in view.upstream(table(number))} == {
                table(each) for each in reachable({(b, a) for a, b in model.tables.standing(now)}, number)
            }
    assert graph.overflowed == model.tables.let_go + model.columns.let_go
    names, of_columns = graph._store.names, {each for pair in model.columns.happened for each in pair}
    of_tables = {each for pair in model.tables.happened for each in pair} | {each // 3 for each in of_columns}
    assert {ref for ref in (table(number) for number in range(9)) if names.known(ref) >= 0} == set(
        map(table, of_tables)
    )
    assert {number for number in range(9) if names.known_column(column(number)) >= 0} == of_columns
    assert len(names.datasets) <= 2 * (TABLES + COLUMNS + 1)
    assert len(names.columns) <= 2 * (COLUMNS + 1)


@given(st.lists(st.lists(st.tuples(ids, ids), min_size=1, max_size=5), max_size=30))
@settings(max_examples=40)
def test_edges_are_counted_as_long_as_they_are_kept(records):
    """The sum over all labels is the number of edges, and each counts for who named it first since it is kept."""
    graph, owner = LineageGraph(capacity=TABLES), {}
    for number, pairs in enumerate(records):
        host = f"h{number % 3}"
        edges = tuple(DatasetEdge(table(a), table(b)) for a, b in pairs)
        graph.write(settled(operation("file.upload", host=host), facts=Facts(edges=edges)))
        for pair in pairs:
            owner[pair] = owner.pop(pair, host)
            if len(owner) > TABLES:
                del owner[next(iter(owner))]
    counted = {row.labels[-1]: row.edges for row in graph.rows() if row.edges}
    assert counted == {host: list(owner.values()).count(host) for host in owner.values()}


def test_hubs_lose_edges_like_others():
    """A target with thousands of sources, and a source with thousands of targets: the newest are kept and found."""
    graph, dice = LineageGraph(columns=100), random.Random(1)
    hub, kept_ = Column(table("hub"), "c"), {}
    for at in range(3_000):
        other = Column(table(dice.randrange(200)), "c")
        flow = (other, hub) if dice.random() < 0.7 else (hub, other)
        graph.add(*flow, at=at)
        kept_.pop(flow, None)
        kept_[flow] = at
    newest = dict(list(kept_.items())[-100:])
    assert {(edge.source, edge.target): edge.last_seen for edge in graph.view().column_edges()} == newest


def test_what_makes_an_edge_goes_with_it(monkeypatch):
    """Statements without end leave as many fingerprints as there are edges, and none is refused."""
    monkeypatch.setattr(logics, "MAX_LOGICS", 30)
    graph = LineageGraph(capacity=10, columns=10)
    for number in range(200):
        what = operation("statement.execute", statement=Statement("INSERT", 9, f"f{number}"))
        flow = ColumnEdge(table(number), "a", table(number + 1), "b", "DIRECT:IDENTITY")
        graph.write(settled(what, facts=Facts(columns=(flow,))))
        graph.write(settled(what, facts=Facts(edges=(DatasetEdge(table(0), table(1)),))))
    found = {edge.source.dataset.name: edge.logic for edge in graph.view().column_edges()}
    assert found == {table(number).name: Logic(fingerprint=f"f{number}") for number in range(190, 200)}
    assert len(graph._store.logics._numbers) <= 20
    assert graph._store.logics.refused == 0


def strange(view):
    """Edges that nobody named, and a chain that is answered out of order."""
    for edge in view.column_edges():
        (of, _, one), (other_of, _, other) = (each.dataset.parts[-1].rpartition("-") for each in edge[:2])
        if of != other_of or int(one) + 1 != int(other):
            yield edge
    found = [each.node.dataset.parts[-1] for each in view.downstream(Column(table("w0-7-0"), "c"))]
    if found != [f"tw0-7-{k + 1}" for k in range(len(found))]:
        yield found


@pytest.fixture
def _eager_switches():
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    yield
    sys.setswitchinterval(interval)


@pytest.mark.usefixtures("_eager_switches")
def test_questions_and_names_at_the_same_time():
    """Whoever asks while others name edges of a full graph gets edges that were named, whole, and no error."""
    graph, done, wrong = LineageGraph(capacity=50, columns=200), threading.Event(), []

    def name(writer):
        for number in range(150):
            chain = [Column(table(f"w{writer}-{number % 40}-{k}"), "c") for k in range(6)]
            graph.extend([Flow(*each) for each in itertools.pairwise(chain)], at=number)

    def ask():
        while not done.is_set():
            try:
                wrong.extend(strange(graph.view()))
            except Exception as error:
                wrong.append(error)

    asking = [threading.Thread(target=ask) for _ in range(2)]
    naming = [threading.Thread(target=name, args=(writer,)) for writer in range(3)]
    for thread in (*asking, *naming):
        thread.start()
    for thread in naming:
        thread.join()
    done.set()
    for thread in asking:
        thread.join()
    assert wrong == []
    assert (len(list(graph.view().column_edges())), len(graph.edges())) == (200, 50)


def test_who_names_edges_does_not_wait_for_a_question():
    """While a question is answered, edges are named without delay; they are there when it is answered."""
    graph = LineageGraph()
    graph.add(table(0), table(1), at=1)
    with graph._asking():
        thread = threading.Thread(target=graph.add, args=(table(1), table(2)), kwargs={"at": 2})
        thread.start()
        thread.join(30)
        assert not thread.is_alive()
        assert len(graph._waiting) == 1
    assert not graph._waiting
    assert len(graph.edges()) == 2


def test_what_waits_for_a_question_is_bounded(monkeypatch):
    """Operations that find no place among the changes that wait are counted, edge by edge, and wait for nobody."""
    monkeypatch.setattr(room, "MAX_WAITING", 2)
    graph = LineageGraph()
    records = [settled(facts=Facts(edges=(DatasetEdge(table(n), table(n + 1)),))) for n in range(5)]
    with graph._asking():
        thread = threading.Thread(target=lambda: [graph.write(record) for record in records])
        thread.start()
        thread.join(30)
        assert not thread.is_alive()
        assert (len(graph._waiting), graph.overflowed) == (2, 3)
    assert len(graph.edges()) == 2


def test_who_declares_more_than_finds_place_waits(monkeypatch):
    """Nothing that is declared or imported is lost to a question: beyond the bound its caller waits for the end."""
    monkeypatch.setattr(room, "MAX_WAITING", 2)
    graph = LineageGraph()
    with graph._asking():
        thread = threading.Thread(target=lambda: [graph.add(table(n), table(n + 1), at=n) for n in range(5)])
        thread.start()
        thread.join(0.1)
        assert thread.is_alive()
        assert len(graph._waiting) <= 2
    thread.join(30)
    assert (len(graph.edges()), graph.overflowed) == (5, 0)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork")
def test_a_child_begins_empty_though_its_parent_was_asked_meanwhile():
    """A fork in the middle of a question leaves the child a graph that takes and answers."""
    graph = LineageGraph()
    graph.add(table(0), table(1), at=1)
    with graph._asking():
        child = os.fork()
        if child == 0:
            code = 1
            try:
                graph.add(table(1), table(2), at=2)
                code = 0 if graph.edges() == {DatasetEdge(table(1), table(2))} else 2
            finally:
                os._exit(code)
        _, status = os.waitpid(child, 0)
    assert os.waitstatus_to_exitcode(status) == 0
    assert graph.edges() == {DatasetEdge(table(0), table(1))}
