"""The asynchronous shapes: coroutines and asynchronous lazy lists."""

from __future__ import annotations

import asyncio
import contextvars
import gc
import threading

import pytest

from genops.core import current
from genops.core.declared import operation, workflow
from genops.core.operation import Facts
from genops.core.records import Outcome, Role
from genops.errors import BudgetExceeded, PolicyDenied
from support.governed import DenyAll, Purse, acall, aiterate, call
from support.polling import eventually


async def three():
    """Give three items."""
    for number in (1, 2, 3):
        await asyncio.sleep(0)
        yield number


async def drain(items):
    """Read a list to its end."""
    return [item async for item in items]


def test_a_coroutine_is_one_unit(governor, sink, tracer):
    """Awaited: admitted before, settled after, the same result, its span current inside."""

    async def body():
        await asyncio.sleep(0)
        return tracer.current

    assert asyncio.run(acall(body, observe=lambda op, result: Facts(rows=4))) is tracer.scopes[0]
    assert sink.settled[0].facts.rows == 4


def test_an_error_in_a_coroutine_passes(governor, sink):
    """The error of a coroutine is the caller's."""

    async def fail():
        raise KeyError("x")

    with pytest.raises(KeyError):
        asyncio.run(acall(fail))
    assert sink.settled[0].outcome is Outcome.ERROR


def test_cancellation_passes_and_settles_as_cancelled(governor, sink):
    """A cancelled task settles its unit as cancelled and stays cancelled."""

    async def main():
        started = asyncio.Event()

        async def body():
            started.set()
            await asyncio.sleep(60)

        task = asyncio.create_task(acall(body))
        await started.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert task.cancelled()

    asyncio.run(main())
    assert sink.settled[0].outcome is Outcome.CANCELLED


def test_tasks_keep_apart(governor, sink, tracer):
    """Units of tasks that run in turns never become each other's parts."""

    async def pause():
        await asyncio.sleep(0)

    async def one(number):
        async def body():
            await pause()
            assert current.owner.get().operation.type == f"t.{number}"
            await acall(pause, kind=f"p.{number}", library="other")

        await acall(body, kind=f"t.{number}")

    async def main():
        await asyncio.gather(*(one(number) for number in range(5)))

    asyncio.run(main())
    assert len(sink.settled) == 5
    for scope in tracer.scopes:
        if scope.role is Role.PART:
            assert scope.parent.operation.type[1:] == scope.operation.type[1:]


def test_a_task_started_inside_a_unit_is_inside_it(governor, sink):
    """A task takes the unit it was created in; when that has ended, what it calls stands alone."""

    async def main():
        release = asyncio.Event()

        async def child():
            call(library="other")
            await release.wait()
            call(library="other")

        async with operation("load", reads=["a.b.c"]):
            task = asyncio.create_task(child())
            await asyncio.sleep(0)
        release.set()
        await task

    asyncio.run(main())
    assert [settled.operation.name for settled in sink.settled] == ["load", "table.get"]


def test_a_coroutine_closed_from_another_context_is_no_fault(governor, sink):
    """A coroutine that is closed where its context is not current settles as cancelled, quietly."""

    @contextvars.copy_context().run
    def coroutine():
        class Forever:
            def __await__(self):
                yield

        async def body():
            await Forever()

        running = acall(body)
        running.send(None)
        return running

    coroutine.close()
    assert sink.settled[0].outcome is Outcome.CANCELLED
    assert current.owner.get() is None


def test_a_list_read_asynchronously_is_one_unit(governor, sink):
    """All items come and count as rows."""
    assert asyncio.run(drain(aiterate(three))) == [1, 2, 3]
    assert sink.settled[0].facts.rows == 3
    assert not sink.settled[0].incomplete


def test_policy_at_the_call_and_budget_at_the_first_item(govern, sink):
    """As for synchronous lists: refused at the call by policy, at the first item by a budget, for good."""
    govern("enforce", policy=DenyAll())
    with pytest.raises(PolicyDenied):
        aiterate(three)
    govern("enforce", ledger=Purse(limit=1))

    async def main():
        items = aiterate(three)
        with pytest.raises(BudgetExceeded):
            await items.__anext__()
        assert await drain(items) == []

    asyncio.run(main())
    assert sink.settled == []


def test_nothing_is_emitted_for_a_list_that_is_never_read(governor, sink):
    """Closed before the first item, or thrown into: nothing happened."""

    async def main():
        await aiterate(three).aclose()
        with pytest.raises(KeyError):
            await aiterate(three).athrow(KeyError("x"))

    asyncio.run(main())
    assert sink.records == []


def test_an_asynchronous_list_left_early_is_incomplete(governor, sink):
    """Closed after one item: settled with what was seen, its own end inside the unit."""

    async def body():
        try:
            yield 1
            yield 2
        finally:
            call(library="other")

    async def main():
        items = aiterate(body)
        assert await items.__anext__() == 1
        await items.aclose()

    asyncio.run(main())
    (settled,) = sink.settled
    assert (settled.facts.rows, settled.incomplete) == (1, True)


def test_an_error_while_closing_passes(governor, sink):
    """An asynchronous generator that fails in its own end fails as it would alone."""

    async def body():
        try:
            yield 1
        finally:
            raise KeyError

    async def main():
        items = aiterate(body)
        await items.__anext__()
        with pytest.raises(KeyError):
            await items.aclose()

    asyncio.run(main())
    assert sink.settled[0].outcome is Outcome.ERROR


def test_an_asynchronous_list_that_is_collected_is_settled(governor, sink):
    """Nobody holds it: settled as incomplete."""

    async def main():
        items = aiterate(three)
        await items.__anext__()
        del items
        gc.collect()

    asyncio.run(main())
    eventually(lambda: sink.settled)
    assert sink.settled[0].incomplete


def test_send_and_throw_reach_an_asynchronous_generator(governor, sink):
    """An asynchronous generator behind the wrapper is talked to as before."""

    async def echo():
        got = yield "first"
        try:
            yield got
        except KeyError:
            yield "caught"

    async def main():
        items = aiterate(echo)
        assert await items.asend(None) == "first"
        assert await items.asend("hello") == "hello"
        assert await items.athrow(KeyError("x")) == "caught"
        assert [item async for item in items] == []

    asyncio.run(main())
    assert sink.settled[0].facts.rows == 3


def test_cancelling_a_step_settles_the_list_as_cancelled(governor, sink):
    """A list whose step is cancelled is cancelled as a whole."""

    async def body():
        yield 1
        await asyncio.sleep(60)

    async def main():
        items = aiterate(body)
        await items.__anext__()
        task = asyncio.ensure_future(items.__anext__())
        await asyncio.sleep(0.01)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(main())
    assert sink.settled[0].outcome is Outcome.CANCELLED
    assert sink.settled[0].facts.rows == 1


def test_a_blocking_ledger_is_asked_off_the_loop(govern, sink):
    """Reserve and reconcile of a ledger that may wait run in another thread, for calls, lists and blocks."""
    purse = Purse(blocking=True)
    govern("enforce", ledger=purse)

    async def body():
        return 3

    async def fail():
        raise KeyError

    async def main():
        assert await acall(body) == 3
        with pytest.raises(KeyError):
            await acall(fail)
        assert await drain(aiterate(three)) == [1, 2, 3]
        async with operation("load", reads=["a.b.c"]):
            pass

    asyncio.run(main())
    assert len(sink.settled) == 4
    assert len(purse.told) == 8
    assert threading.main_thread().name not in purse.threads


def test_a_unit_admitted_off_the_loop_is_the_owner_on_it(govern, sink):
    """What was admitted in a thread owns what runs in the task."""
    govern(ledger=Purse(blocking=True))

    async def body():
        call(library="other")

    asyncio.run(acall(body))
    assert len(sink.settled) == 1


def test_a_ledger_that_may_wait_is_asked_directly_without_an_asyncio_loop(govern, sink):
    """Under another kind of event loop the call still works."""
    govern(ledger=Purse(blocking=True))

    async def body():
        return 3

    with pytest.raises(StopIteration) as stopped:
        acall(body).send(None)
    assert stopped.value.value == 3
    assert len(sink.settled) == 1


@pytest.mark.parametrize("shape", ["call", "list", "block"])
def test_a_task_cancelled_while_the_ledger_answers_gives_back(govern, sink, shape):
    """What was reserved for a task that is cancelled meanwhile is released, and nothing runs."""
    asked, answer = threading.Event(), threading.Event()

    class Waiting(Purse):
        def reserve(self, *args, **kwargs):
            asked.set()
            assert answer.wait(20)
            return super().reserve(*args, **kwargs)

    purse = Waiting(blocking=True)
    govern("enforce", ledger=purse)

    async def body():
        pytest.fail("ran")

    async def items():
        pytest.fail("ran")
        yield

    async def block():
        async with operation("load", reads=["a.b.c"]):
            pytest.fail("ran")

    async def main():
        listing = aiterate(items)
        work = {"call": lambda: acall(body), "list": listing.__anext__, "block": block}[shape]
        task = asyncio.ensure_future(work())
        await asyncio.to_thread(asked.wait, 20)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        answer.set()
        if shape == "list":
            assert await drain(listing) == []

    asyncio.run(main())
    eventually(lambda: [what for what, _ in purse.told] == ["reserve", "release"])
    eventually(lambda: [settled.outcome for settled in sink.settled] == [Outcome.NOT_EXECUTED])
    assert purse.held == {}


def test_an_asynchronous_workflow_holds_its_tasks(governor):
    """Units of tasks created in a workflow count in it."""

    async def body():
        await asyncio.sleep(0)

    async def main():
        async with workflow("etl") as etl:
            await asyncio.gather(*(acall(body) for _ in range(4)))
        return etl.summary.units

    assert asyncio.run(main()) == 4


def test_a_generator_with_a_block_inside_may_be_closed_elsewhere(governor, sink):
    """Blocks inside an asynchronous generator that another task closes end quietly."""
    from genops.core.attribution import attribution

    async def body():
        with attribution(team="inner"), workflow("etl"):
            async with operation("load", reads=["a.b.c"]):
                yield 1
                yield 2

    async def main():
        items = body()
        await asyncio.ensure_future(items.__anext__())
        await asyncio.ensure_future(items.aclose())
        assert current.owner.get() is None

    asyncio.run(main())
    assert sink.settled[0].outcome is Outcome.CANCELLED
