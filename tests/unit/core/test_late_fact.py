"""One late fact, added in one file without touching the spine: a cursor that knows its rows only when it closes."""

from __future__ import annotations

import pytest

from genops.core import current, shapes
from genops.core.amounts import Amount, Grade, Priced
from genops.core.attribution import Attribution
from genops.core.governor import Settings
from genops.core.operation import Action, Facts, Late, Operation
from genops.core.ports import NoPrices
from support.recording import TEAM, RecordingSink, RecordingTracer, active


class Warehouse:
    """A made-up library: `run` returns at once, `finished` tells what the statement used."""

    def run(self, text):
        self.handle = f"statement of {len(text)} characters"
        return self.handle

    def finished(self, handle):
        return {"handle": handle, "rows": 12, "units": 3}


# The whole instrumentation of that library: what a call is, and what its result reveals.


def describe(kind):
    """Say what a call is."""

    def described(governor, instance, args, kwargs):
        return Operation(
            kind, "made_up", kind, f"made_up.{kind}", Action.QUERY, governor.attribution(), host="warehouse.example",
            container=governor.container(), library="made_up",
        )  # fmt: skip

    return described


def later(operation, handle):
    """The facts of a statement come under its handle, within ten minutes."""
    return Facts(late=Late((operation.host, handle), 600))


def ended(operation, answer):
    """What a finished statement used belongs to the call that started it."""
    used = Facts(rows=answer["rows"], dbu_micros=answer["units"] * 10**6, grade=Grade.METERED, state="SUCCEEDED")
    return Facts(resolves=(((operation.host, answer["handle"]), used),))


SITES = {
    "run": shapes.Site("statement.run", "made_up", "made_up", describe=describe("statement.run"), observe=later),
    "finished": shapes.Site("statement.get", "made_up", "made_up", describe=describe("statement.get"), observe=ended),
}


def instrument(monkeypatch):
    """Patch every method of the table."""

    def patched(site, original):
        def method(self, *args, **kwargs):
            return shapes.call(site, original.__get__(self), self, args, kwargs)

        return method

    for name, site in SITES.items():
        monkeypatch.setattr(Warehouse, name, patched(site, getattr(Warehouse, name)))


class ByUnits(NoPrices):
    """Half a dollar a unit, known only after the statement has ended."""

    def price(self, operation, facts, seconds):
        if facts.dbu_micros is None:
            return Priced(unpriced_reason="not_finished")
        return Priced(
            Amount(facts.dbu_micros // 2, "USD"), None, facts.grade, "price list", dbu_micros=facts.dbu_micros
        )


@pytest.fixture
def seen(monkeypatch):
    """The records of a program that uses the instrumented library."""
    instrument(monkeypatch)
    sink, tracer = RecordingSink(), RecordingTracer()
    with active(Settings(attribution=TEAM), sinks=[sink], tracer=tracer, pricer=ByUnits()) as governor:
        yield sink, tracer, governor


def test_a_unit_settles_pending_and_is_adjusted_by_its_late_fact(seen):
    """The statement settles at return as incomplete; its end, seen by another call, adjusts it on its own span."""
    sink, tracer, governor = seen
    warehouse = Warehouse()
    handle = warehouse.run("SELECT 1")
    (settled,) = sink.settled
    assert settled.incomplete
    assert settled.priced.unpriced_reason == "pending"
    assert settled.actual == settled.reservation.amount
    assert tracer.scopes[0].closing is not None
    assert len(governor.pending) == 1

    warehouse.finished(handle)
    (adjusted,) = sink.adjusted
    assert adjusted.unit == settled.unit
    assert (adjusted.delta, adjusted.total, adjusted.currency) == (1_500_000, 1_500_000, "USD")
    assert (adjusted.grade, adjusted.facts.rows) == (Grade.METERED, 12)
    assert len(governor.pending) == 0

    warehouse.finished(handle)
    assert len(sink.adjusted) == 1


def test_a_late_fact_that_never_comes_leaves_what_was_reserved(seen):
    """At exit the unit stays settled as incomplete, and nothing is added."""
    sink, _, governor = seen
    Warehouse().run("SELECT 1")
    governor.shutdown(1)
    assert [type(record).__name__ for record in sink.records] == ["Admitted", "Settled"]
    assert sink.settled[0].incomplete


def test_the_late_fact_is_the_first_callers(seen):
    """Whoever asks for the end, the cost is of the team that started the statement."""
    from genops.core.attribution import attribution

    sink, _, _ = seen
    warehouse = Warehouse()
    handle = warehouse.run("SELECT 1")
    with attribution(team="another"):
        warehouse.finished(handle)
    assert sink.adjusted[0].operation.attribution == TEAM
    assert isinstance(sink.settled[1].operation.attribution, Attribution)
    assert sink.settled[1].operation.attribution.team == "another"
    assert current.owner.get() is None
