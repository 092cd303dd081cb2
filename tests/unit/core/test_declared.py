"""Users' own code: `genops.operation` and `genops.workflow` in every form."""

from __future__ import annotations

import asyncio
import concurrent.futures
import contextlib
import inspect
import pickle
import threading

import pytest

from genops.core import current
from genops.core.amounts import Grade
from genops.core.attribution import current_attribution
from genops.core.declared import operation, workflow
from genops.core.operation import Action, DatasetRef
from genops.core.records import Outcome, Role
from genops.errors import InvalidArgument, PolicyDenied
from support.governed import DenyAll, Prices, Purse, call, usd
from support.polling import eventually

LOAD = operation("load", writes=["main.sales.orders"], team="loaders")


@LOAD
def load(rows):
    """A decorated unit, at a place where it can be pickled."""
    return rows + 1


@workflow("etl", team="loaders")
def etl():
    """A decorated workflow, at a place where it can be pickled."""
    call()
    return current_attribution().team


def test_a_block_is_a_unit_with_what_was_declared(govern, sink):
    """Everything declared stands in the operation, and what the body says in the facts."""
    govern(pricer=Prices())
    with operation(
        "load", type="table.load", reads=["a.b.c"], writes=[DatasetRef(("a", "b", "d"))], cost="2.5", team="mine"
    ) as running:
        running.observe(rows=3, bytes=10, reads=["a.b.e"], attributes={"k": 1})
        running.observe(rows=4, cost=1)
        running.observe(cost="1.5")
    (settled,) = sink.settled
    operated = settled.operation
    assert (operated.type, operated.name, operated.span_name) == ("table.load", "load", "genops.table.load")
    assert (operated.action, operated.provider, operated.library) == (Action.WRITE, "genops", "")
    assert (operated.amount, settled.reservation.amount) == (usd(2.5), usd(2.5))
    assert (operated.attribution.team, operated.attribution.project) == ("mine", "sales")
    assert (settled.facts.rows, settled.facts.bytes) == (7, 10)
    assert [ref.name for ref in settled.facts.reads] == ["a.b.e"]
    assert settled.facts.attributes == {"k": 1}
    assert (settled.priced.money, settled.priced.grade) == (usd(1.5), Grade.ESTIMATED)


def test_names_of_genops_are_not_the_programs_to_give(govern, sink):
    """An attribute that would change what genops says of a unit is refused, and named."""
    govern()
    with operation("load", reads=["a.b.c"]) as running, pytest.raises(InvalidArgument, match=r"operation\.role"):
        running.observe(attributes={"genops.operation.role": "container"})
    assert sink.settled[0].facts.attributes == {}


BLOCKS = {"unit": operation("x", reads=["a.b.c"]), "group": operation("x"), "workflow": workflow("x")}


@pytest.mark.parametrize(("error", "outcome"), [(KeyError, Outcome.ERROR), (KeyboardInterrupt, Outcome.CANCELLED)])
@pytest.mark.parametrize("block", BLOCKS.values(), ids=BLOCKS)
def test_what_a_body_raises_passes(governor, sink, tracer, block, error, outcome):
    """A block swallows nothing, and says how it ended."""
    with pytest.raises(error), block:
        raise error
    assert tracer.scopes[0].closing.outcome is outcome
    assert current.owner.get() is None


def test_a_refused_block_does_not_run(govern, sink):
    """A unit is decided before its body."""
    govern("enforce", policy=DenyAll())
    with pytest.raises(PolicyDenied), operation("load", reads=["a.b.c"], team="mine"):
        pytest.fail("ran")
    assert current_attribution().team is None
    with operation("group"):
        pass


def test_attribution_of_a_block_holds_inside_it(governor, sink):
    """What is said of who pays holds for what runs inside, and no longer."""
    with operation("group", team="inner"):
        call()
    call()
    assert [settled.operation.attribution.team for settled in sink.settled] == ["inner", "data-eng"]


def test_one_object_serves_nested_and_parallel_blocks(governor, sink):
    """An operation object may be entered inside itself and in many threads; each block ends its own unit."""
    block = operation("load", reads=["a.b.c"])
    barrier = threading.Barrier(6, timeout=120)

    def work(number):
        with block as running:
            barrier.wait()
            running.observe(rows=number)
            barrier.wait()

    with concurrent.futures.ThreadPoolExecutor(6) as pool:
        list(pool.map(work, range(1, 7)))
    assert sorted(settled.facts.rows for settled in sink.settled) == [1, 2, 3, 4, 5, 6]
    with block, block as inner:
        inner.observe(rows=7)
    assert sink.settled[-1].facts.rows == 7


def test_one_object_serves_many_tasks(governor, sink):
    """Tasks that share an operation object each end their own unit."""
    block = operation("load", reads=["a.b.c"])

    async def work(number):
        async with block as running:
            await asyncio.sleep(0.001 * (3 - number))
            running.observe(rows=number)

    async def main():
        await asyncio.gather(*(work(number) for number in range(3)))

    asyncio.run(main())
    assert sorted(settled.facts.rows for settled in sink.settled) == [0, 1, 2]


def test_a_decorated_function_is_one_unit_a_call(governor, sink):
    """Result, name and attribution; one unit for each call, for the right team."""
    assert load(1) == 2
    assert load(2) == 3
    assert load.__name__ == "load"
    assert [settled.operation.attribution.team for settled in sink.settled] == ["loaders", "loaders"]


def test_functions_and_objects_pickle(governor, sink):
    """Decorated functions pickle by reference, operation objects by value, even while they run."""
    assert pickle.loads(pickle.dumps(load)) is load
    assert pickle.loads(pickle.dumps(etl)) is etl
    with LOAD:
        twin = pickle.loads(pickle.dumps(LOAD))
    assert (twin.name, twin.writes, twin.attribution) == (LOAD.name, LOAD.writes, LOAD.attribution)
    with twin:
        pass
    assert len(sink.settled) == 2
    group = workflow("etl")
    with group:
        call()
    again = pickle.loads(pickle.dumps(group))
    assert again.summary.units == 0


def test_a_decorated_coroutine_is_one_unit(governor, sink):
    """Coroutine functions stay what they are."""

    @operation("load", reads=["a.b.c"], team="mine")
    async def work():
        await asyncio.sleep(0)
        call()
        return current_attribution().team

    assert inspect.iscoroutinefunction(work)
    assert asyncio.run(work()) == "mine"
    assert len(sink.settled) == 1


def test_a_decorated_generator_is_one_unit_an_iteration(governor, sink, tracer):
    """A generator is one operation from its first item to its last, current only while it runs."""

    @operation("load", reads=["a.b.c"], team="mine")
    def work():
        for number in range(3):
            assert tracer.current is tracer.scopes[0]
            assert current_attribution().team == "mine"
            yield number

    for _ in work():
        assert tracer.current is None
        assert current_attribution().team is None
    (settled,) = sink.settled
    assert settled.facts.rows == 3


def test_a_decorated_asynchronous_generator_is_one_unit(governor, sink):
    """Asynchronous generators likewise."""

    @operation("load", reads=["a.b.c"])
    async def work():
        for number in range(3):
            await asyncio.sleep(0)
            yield number

    async def main():
        return [item async for item in work()]

    assert asyncio.run(main()) == [0, 1, 2]
    assert sink.settled[0].facts.rows == 3


def test_a_decorated_generator_works_as_a_context_manager(governor, sink):
    """`contextlib.contextmanager` over a governed generator behaves as over the plain one."""

    @contextlib.contextmanager
    @operation("lock", writes=["a.b.c"])
    def held():
        try:
            yield "held"
        except KeyError:
            yield_back.append("handled")

    yield_back = []
    with held() as value:
        assert value == "held"
    with held():
        raise KeyError
    assert yield_back == ["handled"]
    with pytest.raises(OSError), held():
        raise OSError
    assert [settled.outcome for settled in sink.settled] == [Outcome.OK, Outcome.OK, Outcome.ERROR]


def test_a_workflow_on_a_generator_is_one_workflow_an_iteration(governor, sink, tracer):
    """One container from the first item to the last, around what the generator calls and nothing else."""
    flow = workflow("etl", team="mine")

    @flow
    def work():
        for number in range(3):
            call(kind=f"inner.{number}")
            yield number

    for _ in work():
        assert current.owner.get() is None
        call(kind="consumer")
    containers = [scope for scope in tracer.scopes if scope.role is Role.CONTAINER]
    assert len(containers) == 1
    assert containers[0].closing.attributes["genops.workflow.units"] == 3
    assert flow.summary.units == 3
    inner = [settled for settled in sink.settled if settled.operation.type != "consumer"]
    assert {settled.operation.attribution.team for settled in inner} == {"mine"}
    assert [s.operation.container for s in sink.settled if s.operation.type == "consumer"] == [None] * 3


@pytest.mark.parametrize("how", ["closed", "collected", "failed", "unread"])
def test_a_workflow_on_a_generator_ends_however_the_generator_does(governor, tracer, how):
    """Left early, dropped, failed: the container closes once; never read: there is none."""

    @workflow("etl")
    def work():
        yield 1
        raise KeyError

    steps = work()
    if how != "unread":
        next(steps)
    if how == "closed":
        steps.close()
    elif how == "failed":
        with pytest.raises(KeyError):
            next(steps)
    del steps
    if how == "unread":
        assert tracer.scopes == []
    else:
        eventually(lambda: tracer.scopes[0].closing)
        assert tracer.scopes[0].closing.outcome is (Outcome.ERROR if how == "failed" else Outcome.OK)


def test_a_workflow_decorates_every_kind_of_function(governor):
    """Functions, coroutines and asynchronous generators are one workflow a call; the summary is of the latest."""
    flow = workflow("etl")

    @flow
    def plain():
        call()

    @flow
    async def coroutine():
        await asyncio.sleep(0)
        call()
        call()

    @flow
    async def items():
        for _ in range(3):
            call()
            yield

    async def read():
        return [item async for item in items()]

    plain()
    assert flow.summary.units == 1
    asyncio.run(coroutine())
    assert flow.summary.units == 2
    asyncio.run(read())
    assert flow.summary.units == 3
    assert inspect.iscoroutinefunction(coroutine)


def test_a_workflow_that_never_ran_has_an_empty_summary():
    """A summary can be read at any time."""
    summary = workflow("etl").summary
    assert (summary.name, summary.units, summary.cost, summary.by_type) == ("etl", 0, {}, {})


def test_a_summary_grows_while_the_workflow_runs(governor):
    """A summary is of now."""
    with workflow("etl") as flow:
        assert flow.summary.units == 0
        call()
        assert flow.summary.units == 1


def test_a_block_of_a_ledger_that_refuses_leaves_nothing_behind(govern):
    """After a refusal nothing is held and nothing is current."""
    from genops.errors import BudgetExceeded

    purse = Purse(limit=1)
    govern("enforce", ledger=purse)
    with pytest.raises(BudgetExceeded), operation("load", cost=1):
        pytest.fail("ran")
    assert purse.held == {}
    assert current.owner.get() is None


@pytest.mark.faults
def test_a_block_runs_where_genops_fails(govern, monkeypatch):
    """A bug of genops leaves the body alone."""
    from genops.core import declared
    from genops.core import governor as spine

    governor = govern()
    monkeypatch.setattr(spine.Governor, "unit_type", None)
    monkeypatch.setattr(declared, "Container", None)
    with operation("load", reads=["a.b.c"], team="mine") as running:
        running.observe(rows=1)
        assert current_attribution().team == "mine"
    with operation("group") as group:
        assert group.summary is None
    assert current_attribution().team is None
    assert governor.guard.counts == {"governor": 1, "container": 1}

    @operation("group")
    def grouped():
        return 5

    assert grouped() == 5


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"rows": -1}, "rows=-1"),
        ({"rows": 1.5}, "whole number"),
        ({"rows": True}, "whole number"),
        ({"bytes": "3"}, "bytes='3'"),
        ({"cost": float("nan")}, "finite"),
        ({"cost": -1}, "at least 0"),
        ({"cost": 1, "currency": "dollars"}, "ISO 4217"),
        ({"cost": 1, "currency": "DBU"}, "ISO 4217"),
        ({"cost": 1, "currency": "ABC"}, "ISO 4217"),
        ({"cost": 1, "currency": ["USD"]}, "ISO 4217"),
        ({"reads": "a.b.c"}, "list of names"),
        ({"writes": ["a..b"]}, "parts joined by dots"),
        ({"writes": [3]}, "catalog.schema.table"),
    ],
)
def test_what_is_said_wrongly_is_refused_by_name(governor, arguments, message):
    """A wrong argument is a typed error that names the value and what is expected."""
    with operation("load", reads=["a.b.c"]) as running, pytest.raises(InvalidArgument, match=message):
        running.observe(**arguments)


def test_a_container_has_nothing_to_observe(governor):
    """An operation that names no resource refuses facts instead of losing them."""
    with operation("group") as running, pytest.raises(InvalidArgument, match="only groups what runs inside"):
        running.observe(rows=1)
