"""Programs made of governed steps of every kind, drawn by hypothesis and run through the real runtime into a file."""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import gc
import itertools
import random
import threading
from typing import TYPE_CHECKING, NamedTuple

from hypothesis import strategies as st

import genops
from genops.core import current
from genops.core.amounts import Grade
from genops.core.attribution import Attribution
from genops.core.operation import Facts, Late, Operation
from genops.core.records import Admitted
from genops.testing import runtime
from support.governed import ORDERS, SECRET, acall, aiterate, call, iterate, statement, usd

if TYPE_CHECKING:
    from pathlib import Path

TEAMS = ("data-eng", "analytics", "Équipe données", "na-sales")
_numbers = itertools.count(1)


class BodyError(Exception):
    """What a governed body raises."""


class Step(NamedTuple):
    """One step of a program."""

    kind: str
    options: dict[str, object]
    inside: tuple[Step, ...] = ()


class Settings(NamedTuple):
    """What a program runs under."""

    mode: str
    events: str
    rate: float | None
    budget: dict[str, object] | None
    clearance: bool

    def arguments(self):
        """Keyword arguments of `genops.testing.runtime`."""
        arguments = {"team": "data-eng", "project": "flights", "environment": "test", "mode": self.mode}
        arguments |= {"events": self.events, "classification": {"tables": {"main.hr.*": "restricted"}}}
        if self.rate is not None:
            arguments |= {"enable_sampling": True, "sampling_rate": self.rate}
        if self.budget is not None:
            arguments["budgets"] = {"purse": self.budget, "on_unpriced": "allow"}
        if self.clearance:
            rule = {"clearances": {"data-eng": "internal"}, "default": "internal", "on_unresolved": "allow"}
            arguments["policies"] = {"clearance": rule}
        return arguments


class Counted:
    """A sink that counts units that are attributed, and those that are not.

    Attributes:
        performed: The steps that were not refused.
    """

    def __init__(self):
        self.governed, self.unattributed, self.lock = set(), set(), threading.Lock()
        self.performed = ()

    def write(self, record):
        """Take note of a unit."""
        if isinstance(record, Admitted):
            with self.lock:
                kept = self.governed if record.operation.attribution.complete else self.unattributed
                kept.add(record.unit[:2])


def settings():
    """Draw what a program runs under; span events and sampling exclude each other."""
    budgets = st.sampled_from(
        (
            None,
            {"limit": 3, "unit": "call", "period": "total"},
            {"limit": "1.5", "unit": "USD", "period": "total"},
            {"limit": 1_000_000, "unit": "USD", "period": "day"},
        )
    )
    events = st.sampled_from((("log", None), ("log", None), ("log", 0.5), ("log", 0.0), ("span", None)))
    return st.builds(
        lambda mode, event, budget, clearance: Settings(mode, *event, budget, clearance),
        st.sampled_from(("observe", "enforce")),
        events,
        budgets,
        st.booleans(),
    )


def _every(**fields):
    """Every combination, so that drawing one is a single choice."""
    return [dict(zip(fields, chosen)) for chosen in itertools.product(*fields.values())]  # noqa: B905  (same length)


CALLS = _every(
    end=("ok", "ok", "error", "cancel"),
    secret=(False, True),
    cost=(None, 0.0, 0.25, 1.0),
    charge=(None, "one", "two"),
    who=(None, None, None, *TEAMS),
    late=(None, None, "open", "resolved", "expired", "early"),
)
LISTS = _every(
    items=range(5),
    end=("all", "close", "throw", "collected", "left", "never"),
    secret=(False, True),
    silent=(False, True),
)
GROUPS = _every(
    reads=((), ("main.sales.orders",), ("main.hr.salaries",)),
    cost=(None, None, "0.5"),
    observed=(None, "0.25"),
    error=(False, True),
    who=(None, *TEAMS),
)


WITNESSES = _every(cost=(0.1, 0.5, 2.0))
RECORDS = _every(seconds=(0.0, 0.001, 5.0), cost=(None, "0.1"), error=(False, True), who=(None, *TEAMS))
LEAVES = (
    (("call", "call", "acall"), CALLS),
    (("call", "acall"), CALLS),
    (("iterate", "aiterate"), LISTS),
    (("witness", "nobody", "released"), WITNESSES),
    (("record",), RECORDS),
)
GROUPED = (("operation", "operation", "workflow", "threads", "carried"), GROUPS)


def programs(most=80):
    """Draw a program: a seed, and how many steps of what follows from it are run."""
    return st.builds(
        lambda seed, size: [_step(chance, 3) for chance in [random.Random(seed)] for _ in range(size)],
        st.integers(0, 2**32),
        st.integers(1, most),
    )


def _step(chance, depth):
    """Choose one step, which may hold up to three others, so many levels deep."""
    grouped = depth and chance.random() < 0.3
    kinds, options = GROUPED if grouped else chance.choice(LEAVES)
    inside = tuple(_step(chance, depth - 1) for _ in range(chance.randint(1, 3))) if grouped else ()
    return Step(chance.choice(kinds), chance.choice(options), inside)


def run(file: Path, given: Settings, program: list[Step]) -> Counted:
    """Run a program under settings, and append its telemetry to a file; return what its units were."""
    counted = Counted()
    left = Left([], [])
    with runtime(export=str(file), sinks=[counted], **given.arguments()) as built:
        perform(program, left)
        assert built.flush(60)
        built.close(60)
    counted.performed = tuple(left.performed)
    left.lists.clear()
    return counted


class Left(NamedTuple):
    """What steps leave behind: lists that nobody reads on, and the steps that were not refused."""

    lists: list[object]
    performed: list[Step]


def perform(program, left):
    """Run steps one after the other; what is refused or raises is over, and the program goes on."""
    for step in program:
        with contextlib.suppress(genops.GovernanceError):
            with contextlib.suppress(BodyError, KeyboardInterrupt):
                _STEPS[step.kind](step, left)
            left.performed.append(step)


def _fields(options):
    fields = {}
    if options.get("secret"):
        fields["op_reads"] = (SECRET,)
    if options.get("who"):
        fields["op_attribution"] = Attribution(
            {"team": options["who"], "project": "flights", "environment": "test", "user": "u 1"}
        )
    if options.get("charge"):
        fields["op_charge"] = statement(options["charge"])
    return fields


def _facts(options):
    """Return what a result reveals, and the key under which more comes."""
    cost, late = options["cost"], options["late"]
    money = {} if cost is None else {"money": usd(cost), "source": "invoice"}
    key = ("late", next(_numbers))
    if late is not None:
        seconds = 0.0 if late == "expired" else 30.0
        money["late"] = Late(key, seconds, keep_open=late == "open")
    return Facts(rows=3, **money), key


def _body(options):
    if options["end"] == "error":
        raise BodyError
    if options["end"] == "cancel":
        raise KeyboardInterrupt
    return 1


def _call(step, _):
    facts, key = _facts(step.options)
    pending = current.slot.governor.pending
    late = Facts(rows=1, money=usd(0.75), source="history")
    if step.options["late"] == "early":
        pending.resolve(key, late)
    call(lambda: _body(step.options), "sql.run", observe=lambda *_: facts, **_fields(step.options))
    if step.options["late"] in {"open", "resolved"}:
        pending.resolve(key, late)


def _acall(step, _):
    facts, _key = _facts({**step.options, "late": None})

    async def body():
        return _body(step.options)

    async def main():
        with contextlib.suppress(genops.GovernanceError, BodyError, KeyboardInterrupt):
            await acall(body, "table.get", observe=lambda *_: facts, **_fields(step.options))

    asyncio.run(main())


def _iterate(step, left):
    options = step.options
    # What counts requests and sent none is known not to have run.
    lazy = iterate(lambda: iter(range(options["items"])), counts_requests=options["silent"], **_fields(options))
    if options["end"] == "never":
        return
    if options["end"] == "all":
        list(lazy)
        return
    next(lazy, None)
    if options["end"] == "close":
        lazy.close()
    elif options["end"] == "left":
        left.lists.append(lazy)
    elif options["end"] == "collected":
        del lazy
        gc.collect(0)


def _aiterate(step, _):
    options = step.options

    async def body():
        for number in range(options["items"]):
            yield number
        if options["end"] == "throw":
            raise BodyError

    async def main():
        with contextlib.suppress(genops.GovernanceError, BodyError):
            lazy = aiterate(body, **_fields(options))
            async for _item in lazy:
                if options["end"] == "close":
                    break
            await lazy.aclose()

    asyncio.run(main())


def _record(step, _):
    governor, options = current.slot.governor, step.options
    who = Attribution({"team": options.get("who")}).over(governor.attribution())
    what = Operation("sql.recorded", "test", "nightly load", "recorded", attribution=who, reads=(ORDERS,))
    cost = options.get("cost", "0.1")
    paid = Facts() if cost is None else Facts(money=usd(float(cost)), source="declared")
    failed = Facts(rows=1, writes=(SECRET,), error_type="LoadFailed" if options.get("error") else None)
    governor.record(what, paid.merged(failed), options["seconds"])


def _nobody(_step, _left):
    lonely = Attribution({"team": "data-eng", "environment": "test"})
    facts = Facts(money=usd(0.5), source="invoice")
    call(lambda: 1, "sql.run", observe=lambda *_: facts, op_attribution=lonely, op_charge=statement("one"))


def _released(_step, _left):
    governor = current.slot.governor
    what = Operation("table.list", "test", "given up", "given up", attribution=governor.attribution())
    running = governor.begin(what)
    if running is not None:
        running.not_executed()


def _witness(step, _):
    money = usd(step.options["cost"])
    current.slot.governor.witness(statement("one"), money, Grade.BILLED, "system.billing.usage")


def _operation(step, left):
    options = step.options
    who = {"team": options["who"]} if options["who"] else {}
    with genops.operation(
        "load orders", type="table.load", reads=options["reads"], cost=options["cost"], **who
    ) as running:
        perform(step.inside, left)
        if options["observed"] and (options["reads"] or options["cost"]):
            running.observe(rows=1, cost=options["observed"])
        if options["error"]:
            raise BodyError


def _workflow(step, left):
    who = {"team": step.options["who"]} if step.options["who"] else {}
    with genops.workflow("nightly", **who):
        perform(step.inside, left)
        if step.options["error"]:
            raise BodyError


def _threads(step, left):
    threads = [
        threading.Thread(target=contextvars.copy_context().run, args=(perform, [inner], left)) for inner in step.inside
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def _carried(step, left):
    carried = genops.carrier()

    def work():
        with genops.attach(carried):
            perform(step.inside, left)

    thread = threading.Thread(target=contextvars.Context().run, args=(work,))
    thread.start()
    thread.join()


_STEPS = {
    "call": _call,
    "acall": _acall,
    "iterate": _iterate,
    "aiterate": _aiterate,
    "record": _record,
    "nobody": _nobody,
    "released": _released,
    "witness": _witness,
    "operation": _operation,
    "workflow": _workflow,
    "threads": _threads,
    "carried": _carried,
}
