"""Totals are exact, whatever runs at the same time."""

from __future__ import annotations

import asyncio
import contextvars
import gc
import random
import threading
from collections import Counter

import pytest

from genops.core.declared import operation, workflow
from genops.core.operation import Facts, Late
from genops.core.records import Outcome, Settled
from support.governed import Prices, Purse, acall, aiterate, call, iterate, statement, usd
from support.polling import eventually

THREADS, ROUNDS = 8, 60


class Counting:
    """Counts records under its own lock."""

    def __init__(self):
        self.counts, self.micros, self.lock = Counter(), 0, threading.Lock()

    def write(self, record):
        with self.lock:
            self.counts[type(record).__name__] += 1
            if isinstance(record, Settled):
                self.counts[record.outcome] += 1
                self.micros += record.priced.money.micros if record.priced.money else 0
            else:
                self.micros += getattr(record, "delta", 0)


def fail():
    """A call that fails."""
    raise KeyError


def in_threads(work):
    """Run work in eight threads, each with the context of the caller."""
    threads = [
        threading.Thread(target=contextvars.copy_context().run, args=(work, number)) for number in range(THREADS)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def test_eight_threads_lose_nothing(govern):
    """Units, errors, rows, money, refusals of a workflow and a counting sink are exact over eight threads."""
    counting, purse = Counting(), Purse()
    governor = govern(sinks=[counting], ledger=purse, pricer=Prices(sql_run=0.25))

    def work(number):
        for turn in range(ROUNDS):
            call(kind="sql.run", observe=lambda op, result: Facts(rows=2))
            list(iterate(lambda: iter("abc")))
            with pytest.raises(KeyError):
                call(fail, kind="bad")
            with operation("load", reads=["a.b.c"]):
                call(kind="sql.run", library="sql")
            key = (number, turn)
            call(kind="late", observe=lambda op, r, key=key: Facts(late=Late(key, 600)))
            governor.pending.resolve(key, Facts(money=usd(0.5)))

    with workflow("etl") as etl:
        in_threads(work)
    total = THREADS * ROUNDS
    summary = etl.summary
    assert summary.units == counting.counts["Settled"] == counting.counts["Admitted"] == 5 * total
    assert summary.errors == counting.counts[Outcome.ERROR] == total
    assert summary.rows == total * (2 + 3)
    assert counting.counts["Adjusted"] == total
    assert counting.micros == summary.cost["USD"] * 10**6 == total * (250_000 + 250_000 + 500_000)
    assert purse.held == {}
    assert len(governor.pending) == 0


def test_eight_threads_in_one_unit_share_one_charge_book(govern, sink):
    """Eight witnesses of the same charges leave exactly the last word on each."""
    governor = govern(pricer=Prices())
    for number in range(20):
        call(observe=lambda op, r, number=number: Facts(money=usd(1), charge=statement(number)))

    def work(_):
        order = list(range(20))
        random.Random(_).shuffle(order)
        for dollars in (2, 3):
            for number in order:
                governor.witness(statement(number), usd(dollars), governor.pricer.grade, "test")
        for number in order:
            governor.witness(statement(number), usd(4), governor.pricer.grade, "test")

    in_threads(work)
    assert sum(s.priced.money.micros for s in sink.settled) + sum(a.delta for a in sink.adjusted) == 20 * 4_000_000


def test_cancelled_tasks_lose_nothing(govern):
    """Of many tasks, some cancelled at any moment, every admitted unit settles exactly once."""
    counting, purse = Counting(), Purse()
    govern(sinks=[counting], ledger=purse)
    dice = random.Random(7)

    async def body():
        await asyncio.sleep(0)
        await asyncio.sleep(0.002)

    async def items():
        for number in range(3):
            await asyncio.sleep(0)
            yield number

    async def work():
        await acall(body)
        async for _ in aiterate(items):
            await asyncio.sleep(0)
        async with operation("load", reads=["a.b.c"]):
            await acall(body, library="other")

    async def main():
        with workflow("etl") as etl:
            tasks = [asyncio.create_task(work()) for _ in range(80)]
            for turn in range(40):
                await asyncio.sleep(0.0005)
                tasks[dice.randrange(80) if turn % 2 else turn].cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        return etl.summary, sum(task.cancelled() for task in tasks)

    summary, cancelled = asyncio.run(main())
    gc.collect()
    eventually(lambda: counting.counts["Settled"] == counting.counts["Admitted"])
    assert cancelled > 0
    assert counting.counts[Outcome.CANCELLED] <= cancelled
    assert summary.units <= counting.counts["Settled"]
    assert purse.held == {}
