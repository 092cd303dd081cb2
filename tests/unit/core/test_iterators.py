"""Lazy lists: one operation that begins at the first item and ends at the last one, or before."""

from __future__ import annotations

import gc

import pytest

from genops.core import current
from genops.core.attribution import attribution
from genops.core.declared import operation, workflow
from genops.core.operation import Facts, Learnt
from genops.core.records import Outcome, Role
from genops.errors import BudgetExceeded, PolicyDenied
from support.governed import SECRET, Clearance, DenyAll, Prices, Purse, call, iterate
from support.polling import eventually


def three():
    """Give three items."""
    yield 1
    yield 2
    yield 3


def test_nothing_happens_before_the_first_item(govern, sink, tracer):
    """A list that nobody asks for an item leaves no record, span or reservation, whether closed, collected or kept."""
    purse = Purse()
    governor = govern(ledger=purse)
    items = [iterate(three) for _ in range(3)]
    items[0].close()
    del items[1]
    gc.collect()
    governor.shutdown(1)
    assert sink.records == tracer.scopes == purse.told == []
    assert list(items[1]) == [1, 2, 3]


def test_a_list_is_one_unit_with_its_items_as_rows(governor, sink, tracer):
    """All items come, in order, and count as the rows of one unit."""
    assert list(iterate(three)) == [1, 2, 3]
    (settled,) = sink.settled
    assert (settled.facts.rows, settled.facts.incomplete, settled.outcome) == (3, False, Outcome.OK)
    assert len(tracer.scopes) == 1


def test_what_an_item_tells_of_a_resource_is_known_before_the_next(governor, sink):
    """It is not carried to the end of a list, which may have a hundred thousand; what else an item tells adds up."""

    def observe(_, item):
        return Facts(bytes=item, learnt=(Learnt("warehouse", f"w{item}", {"size": "S"}),))

    items = iterate(three, op_host="acme", observe=observe)
    assert next(items) == 1
    assert governor.inventory.of("acme", "warehouse", "w1") == {"size": "S"}
    assert list(items) == [2, 3]
    assert governor.inventory.of("acme", "warehouse", "w3") == {"size": "S"}
    (settled,) = sink.settled
    assert (settled.facts.bytes, settled.facts.learnt) == (6, ())


def test_the_policy_is_asked_at_the_call(govern, sink):
    """A refusal by policy is emitted and raised at the call, once."""
    govern("enforce", policy=DenyAll())
    with pytest.raises(PolicyDenied):
        iterate(lambda: pytest.fail("called"))
    assert [record.decision.refuses for record in sink.records] == [True]


def test_the_policy_is_asked_once(govern, sink):
    """The decision of the call is the decision of the unit."""
    policy = Clearance()
    govern("enforce", policy=policy)
    items = iterate(three)
    assert len(policy.asked) == 1
    list(items)
    assert len(policy.asked) == len(sink.admitted) == 1


def test_a_budget_refuses_at_the_first_item_for_good(govern, sink):
    """What a budget refuses at the first item never runs, however often the list is asked again."""
    govern("enforce", ledger=Purse(limit=1))
    ran = []

    def body():
        ran.append(1)
        yield 1

    items = iterate(body)
    with pytest.raises(BudgetExceeded):
        next(items)
    assert list(items) == []
    with pytest.raises(StopIteration):
        next(items)
    assert not ran
    assert len(sink.records) == 1


def test_a_list_that_is_left_early_is_incomplete(governor, sink):
    """Closed after one item: settled with what was seen."""
    items = iterate(three)
    assert next(items) == 1
    items.close()
    (settled,) = sink.settled
    assert (settled.facts.rows, settled.incomplete, settled.outcome) == (1, True, Outcome.OK)
    items.close()
    assert list(items) == []
    assert len(sink.settled) == 1


def test_a_list_that_is_collected_is_settled(governor, sink):
    """A list that nobody holds any more is settled as incomplete."""
    items = iterate(three)
    next(items)
    del items
    eventually(lambda: sink.settled)
    assert sink.settled[0].incomplete


def test_a_collected_list_ends_in_the_thread_that_dropped_it():
    """The wrapped generator's own end runs where it would without genops; only the settlement moves elsewhere."""
    import threading

    from support.recording import RecordingSink, active

    ended = []

    def body():
        try:
            yield 1
        finally:
            ended.append(threading.current_thread())

    sink = RecordingSink()
    with active(sinks=[sink]):
        items = iterate(body)
        next(items)
        del items
        assert ended == [threading.current_thread()]
        eventually(lambda: sink.settled)


def test_a_list_that_is_collected_under_a_lock_of_a_sink_deadlocks_nobody(govern):
    """The collector may strike while a sink holds its lock; the settlement waits for its turn."""
    import threading

    lock = threading.Lock()
    written = []

    class Locked:
        def write(self, record):
            with lock:
                written.append(type(record).__name__)

    govern(sinks=[Locked()])
    items = iterate(three)
    next(items)
    ring = [items]
    ring.append(ring)
    del items
    with lock:
        del ring
        gc.collect()
    eventually(lambda: "Settled" in written)


def test_a_list_that_is_open_at_exit_is_settled(governor, sink):
    """Shutting down settles what is open; what comes later is passed on without a record."""
    items = iterate(three)
    next(items)
    governor.shutdown(1)
    assert sink.settled[0].incomplete
    assert list(items) == [2, 3]
    assert len(sink.settled) == 1


def test_nothing_sent_means_not_executed(govern, sink):
    """Where requests are counted and none was sent, the reservation is released."""
    purse = Purse()
    govern(ledger=purse)

    def empty():
        yield from ()

    items = iterate(three, counts_requests=True)
    items_of_nothing = iterate(empty, counts_requests=True)
    assert list(items_of_nothing) == []
    assert sink.settled[0].outcome is Outcome.OK
    assert next(items) == 1
    items.close()
    assert sink.settled[1].outcome is Outcome.OK


def test_closed_without_a_request_gives_the_reservation_back(govern, sink):
    """A list closed inside its first step, before any request, was not executed."""
    from genops.core.shapes import GovernedIterator

    purse = Purse()
    govern(ledger=purse)

    items = iterate(three, counts_requests=True)
    assert isinstance(items, GovernedIterator)
    items._begin()
    items.close()
    assert sink.settled[0].outcome is Outcome.NOT_EXECUTED
    assert [what for what, _ in purse.told] == ["reserve", "release"]


def test_requests_are_enough_for_execution(govern, sink):
    """A list that sent a request was executed, even when no item came."""

    def body():
        current.running("sdk").attempted()
        raise KeyError
        yield

    govern()
    items = iterate(body, counts_requests=True)
    with pytest.raises(KeyError):
        next(items)
    assert sink.settled[0].outcome is Outcome.ERROR
    assert sink.settled[0].facts.attempts == 1


def test_an_error_among_the_items_settles_the_unit(governor, sink):
    """The error passes, the unit settles as an error with the items before it."""

    def body():
        yield 1
        raise KeyError("x")

    items = iterate(body, failed=lambda op, error: Facts(error_code="404"))
    assert next(items) == 1
    with pytest.raises(KeyError):
        next(items)
    facts = sink.settled[0].facts
    assert (facts.error_type, facts.error_code, facts.rows) == ("KeyError", "404", 1)
    assert list(items) == []


def test_the_span_is_current_while_the_iterator_runs_and_never_between(governor, tracer):
    """Between two items the consumer works outside the unit."""
    inside = []

    def body():
        for number in range(3):
            inside.append(tracer.current)
            yield number

    for _ in iterate(body):
        assert tracer.current is None
        assert current.owner.get() is None
    assert inside == [tracer.scopes[0]] * 3


def test_calls_of_the_consumer_are_units_of_their_own(governor, sink):
    """What the consumer calls between two items is not a part of the list."""
    for _ in iterate(three):
        call(library="other")
    assert len(sink.settled) == 4


def test_calls_of_the_iterator_are_parts(governor, sink, tracer):
    """What the iterator itself calls is a part of it, also while it is closed."""

    def body():
        try:
            call(library="other")
            yield 1
        finally:
            call(library="other")

    items = iterate(body)
    next(items)
    items.close()
    assert len(sink.settled) == 1
    assert [scope.role for scope in tracer.scopes] == [Role.UNIT, Role.PART, Role.PART]


def test_an_error_while_closing_is_an_error(governor, sink):
    """A generator that fails in its own end fails as it would alone, and settles so."""

    def body():
        try:
            yield 1
        finally:
            raise KeyError

    items = iterate(body)
    next(items)
    with pytest.raises(KeyError):
        items.close()
    assert sink.settled[0].outcome is Outcome.ERROR


def test_parent_and_attribution_are_those_of_the_call(governor, sink, tracer):
    """Who pays and what is around is decided where the list was made, not where it is read."""
    with attribution(team="early"), workflow("etl"):
        items = iterate(three)
    with attribution(team="late"), workflow("other"):
        list(items)
    (settled,) = sink.settled
    assert settled.operation.attribution.team == "early"
    assert settled.operation.container.name == "etl"
    assert tracer.named("table.list").parent is tracer.scopes[0]


def test_a_list_made_in_a_unit_that_has_ended_is_a_unit(governor, sink):
    """A list that outlives the unit it was made in stands alone."""
    with operation("load", reads=["a.b.c"]):
        items = iterate(three)
    list(items)
    assert len(sink.settled) == 2


def test_a_list_inside_a_unit_is_a_part(govern, sink):
    """A list inside a unit adds to it, and is not put to the policy where it knows no more."""
    policy = Clearance()
    govern("enforce", policy=policy)
    with operation("load", reads=["a.b.c"]):
        assert list(iterate(three)) == [1, 2, 3]
    assert sink.settled[0].facts.rows == 3
    assert len(policy.asked) == 1


def test_a_refused_list_inside_a_unit_is_emitted_on_the_unit(govern, sink):
    """At the call: a further decision on the unit, then the refusal."""
    policy = Clearance(SECRET)
    govern("enforce", policy=policy)
    with operation("load", reads=["a.b.c"]), pytest.raises(PolicyDenied):
        iterate(lambda: pytest.fail("called"), op_reads=(SECRET,))
    assert [(a.sequence, a.decision.refuses) for a in sink.admitted] == [(0, False), (1, True)]
    assert len(policy.asked) == 2


def test_an_allowed_list_that_knows_more_is_decided_once(govern, sink):
    """A part's decision at the call is emitted when it begins, and not asked for again."""
    policy = Clearance()
    govern("enforce", policy=policy)
    with operation("load", reads=["a.b.c"]):
        list(iterate(three, op_reads=(SECRET,)))
    assert len(policy.asked) == len(sink.admitted) == 2


def test_send_throw_and_the_return_value_pass_through(governor, sink):
    """A generator behind the wrapper is talked to as before."""

    def echo():
        received = []
        try:
            while True:
                received.append((yield len(received)))
        except KeyError:
            received.append((yield "caught"))
        return received

    items = iterate(echo)
    assert next(items) == 0
    assert items.send("a") == 1
    assert items.throw(KeyError("x")) == "caught"
    with pytest.raises(StopIteration) as stopped:
        items.send("b")
    assert stopped.value.value == ["a", "b"]
    assert sink.settled[0].outcome is Outcome.OK
    assert sink.settled[0].facts.rows == 3


def test_an_exception_before_the_first_item_leaves_no_record(governor, sink):
    """Throwing into a generator that has not begun ends it; nothing ran, nothing is emitted."""
    items = iterate(three)
    with pytest.raises(KeyError):
        items.throw(KeyError("x"))
    assert list(items) == []
    assert sink.records == []


def test_yield_from_works_through_the_wrapper(governor):
    """A governed generator can be delegated to."""

    def outer():
        return (yield from iterate(lambda: (yield 1)))

    items = outer()
    assert next(items) == 1
    with pytest.raises(StopIteration) as stopped:
        items.send("answer")
    assert stopped.value.value == "answer"


def test_an_iterator_that_is_no_generator_is_governed_too(governor, sink):
    """Plain iterators have neither send nor close, and need none."""
    items = iterate(lambda: iter([1, 2]))
    assert next(items) == 1
    items.close()
    assert sink.settled[0].facts.rows == 1
    with pytest.raises(AttributeError):
        iterate(lambda: iter([1])).throw(KeyError)


def test_items_are_observed_one_by_one(governor, sink):
    """Facts of items add up."""
    list(iterate(three, observe=lambda op, item: Facts(bytes=item)))
    assert (sink.settled[0].facts.bytes, sink.settled[0].facts.rows) == (6, 3)


def test_an_interrupt_in_a_step_passes_and_settles(governor, sink):
    """An interrupt while the iterator runs is never swallowed."""

    def body():
        yield 1
        raise KeyboardInterrupt

    items = iterate(body)
    next(items)
    with pytest.raises(KeyboardInterrupt):
        next(items)
    assert sink.settled[0].outcome is Outcome.CANCELLED


def test_lists_that_interleave_keep_apart(govern, sink):
    """Two lists read in turns are two units, each with its own items."""
    govern(pricer=Prices())
    first, second = iterate(three, kind="a.list"), iterate(three, kind="b.list")
    for pair in zip(first, second, strict=False):
        assert pair[0] == pair[1]
        assert current.owner.get() is None
    second.close()
    assert {s.operation.type: s.facts.rows for s in sink.settled} == {"a.list": 3, "b.list": 3}


def test_many_threads_begin_lists_while_the_process_shuts_down(governor, sink):
    """Reading what is open never fails because another thread begins something."""
    import threading

    stop = threading.Event()
    kept = []

    def begin():
        while not stop.is_set():
            items = iterate(three)
            next(items)
            kept.append(items)

    threads = [threading.Thread(target=begin) for _ in range(2)]
    for thread in threads:
        thread.start()
    for _ in range(20):
        governor.shutdown(0)
    stop.set()
    for thread in threads:
        thread.join()
    governor.shutdown(0)
    assert len(sink.settled) == len(sink.admitted) == len(kept)
