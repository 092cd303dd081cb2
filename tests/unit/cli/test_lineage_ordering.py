"""In which order `genops lineage` reads files: laws, against every order that there is."""

from __future__ import annotations

from itertools import permutations

from hypothesis import given, settings
from hypothesis import strategies as st

from genops.cli.lineage.ordering import ordered
from genops.core.operation import Action
from genops.lineage.sql.understood import Status, Understood

NAMES = "abcde"


def script(made, reads):
    """A file that makes a table of others."""
    tables = tuple((name,) for name in reads)
    return [Understood(0, "CREATE VIEW", Action.WRITE, Status.RESOLVED, tables, ((made,),))]


def waits(order, scripts):
    """Whether some file is read before one that makes a table which it reads."""
    place = {number: at for at, number in enumerate(order)}
    maker = {statements[0].writes[0][0]: number for number, statements in enumerate(scripts)}
    return any(
        place[maker[table]] > place[number]
        for number, statements in enumerate(scripts)
        for (table,) in statements[0].reads
        if table in maker and maker[table] != number
    )


graphs = st.lists(st.sets(st.sampled_from(NAMES)), min_size=1, max_size=5)


@given(graphs)
@settings(max_examples=300, deadline=None)
def test_makers_come_first_wherever_some_order_has_them_first(reads):
    """Whatever reads what, each file is read once, and none before what it needs if that can be had at all."""
    scripts = [script(NAMES[number], sorted(of)) for number, of in enumerate(reads)]
    order = ordered(scripts)
    assert sorted(order) == list(range(len(scripts)))
    if any(not waits(each, scripts) for each in permutations(range(len(scripts)))):
        assert not waits(order, scripts)


@given(graphs)
@settings(max_examples=100, deadline=None)
def test_an_order_that_serves_is_kept(reads):
    """Files whose makers stand before them are read as they are given."""
    scripts = [script(NAMES[number], sorted(of & set(NAMES[:number]))) for number, of in enumerate(reads)]
    assert ordered(scripts) == list(range(len(scripts)))


def test_a_long_chain_the_wrong_way_round():
    """Ten thousand files, each of which reads the next, are no recursion."""
    count = 10_000
    scripts = [script(str(number), [str(number + 1)]) for number in range(count)]
    assert ordered(scripts) == list(reversed(range(count)))


def test_of_a_ring_the_first_is_read_last():
    """Three files that wait for each other in a ring are each read once."""
    assert ordered([script("a", ["b"]), script("b", ["c"]), script("c", ["a"])]) == [2, 1, 0]
