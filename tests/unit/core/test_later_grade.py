"""One later grade, added in one file without touching the spine: a bill that corrects what was estimated."""

from __future__ import annotations

import pytest

from genops.core import shapes
from genops.core.amounts import Amount, Grade
from genops.core.declared import workflow
from genops.core.governor import Settings
from genops.core.operation import ChargeKey, Facts, Operation
from support.recording import TEAM, RecordingSink, active

# A made-up library whose calls cost an estimated dollar each, and its monthly bill.


def charge(job):
    """The one thing that is paid for: a job of the made-up platform."""
    return ChargeKey("made_up", "account-7", "job", job)


def describe(governor, instance, args, kwargs):
    """Every call runs the job that its argument names."""
    return Operation(
        "job.run", "made_up", attribution=governor.attribution(), charge=charge(args[0]),
        container=governor.container(), library="made_up",
    )  # fmt: skip


def observe(operation, result):
    """Estimated at a dollar."""
    return Facts(money=Amount.of(1, "USD"), grade=Grade.ESTIMATED, source="list price")


SITE = shapes.Site("job.run", "made_up", "made_up", describe=describe, observe=observe)


def run(job):
    """Run a job of the made-up platform."""
    return shapes.call(SITE, lambda job: f"ran {job}", None, (job,), {})


def read_bill(governor, rows):
    """Post every row of the bill as the last word on its charge; return the number of corrections."""
    return sum(
        governor.witness(charge(job), Amount.of(dollars, "USD"), Grade.BILLED, "bill of november")
        for job, dollars in rows
    )


BILL = [("a", "1.30"), ("b", "0.80"), ("c", "1.00"), ("unknown", "9.99")]


@pytest.fixture
def seen():
    """A program that ran three jobs."""
    sink = RecordingSink()
    with active(Settings(attribution=TEAM), sinks=[sink]) as governor, workflow("november") as month:
        for job in "abc":
            run(job)
        yield sink, governor, month


def total(sink):
    """Money of every settlement and correction, in micros."""
    return sum(s.priced.money.micros for s in sink.settled) + sum(a.delta for a in sink.adjusted)


def test_a_bill_corrects_what_was_estimated(seen):
    """Each row is a correction of the unit that ran the job, of the grade of the bill."""
    sink, governor, month = seen
    assert total(sink) == 3_000_000
    assert read_bill(governor, BILL) == 3
    assert [(a.delta, a.total) for a in sink.adjusted] == [(300_000, 1_300_000), (-200_000, 800_000), (0, 1_000_000)]
    assert {a.grade for a in sink.adjusted} == {Grade.BILLED}
    assert {a.source for a in sink.adjusted} == {"bill of november"}
    assert [a.unit for a in sink.adjusted] == [s.unit for s in sink.settled]
    assert total(sink) == 3_100_000
    assert str(month.summary.cost["USD"]) == "3.1"


def test_a_bill_read_twice_posts_zero(seen):
    """Read again, the bill posts nothing: no money and no record."""
    sink, governor, _ = seen
    read_bill(governor, BILL)
    before = list(sink.records)
    assert read_bill(governor, BILL) == 0
    assert sink.records == before


def test_a_corrected_bill_posts_the_difference(seen):
    """A later bill posts what it changed, and only that."""
    sink, governor, _ = seen
    read_bill(governor, BILL)
    assert read_bill(governor, [("a", "1.50"), *BILL[1:]]) == 1
    assert sink.adjusted[-1].delta == 200_000


def test_a_row_that_nobody_ran_is_residual(seen):
    """A row without a known charge is no new cost."""
    sink, governor, _ = seen
    read_bill(governor, [("unknown", "9.99")])
    assert sink.adjusted == []
    assert governor.charges.residual == 1


def test_a_job_run_again_after_its_bill_is_the_same_charge(seen):
    """An estimate heard after the bill does not displace it."""
    sink, governor, _ = seen
    read_bill(governor, BILL)
    before = list(sink.adjusted)
    run("a")
    assert sink.settled[-1].priced.unpriced_reason == "charged_elsewhere"
    assert sink.adjusted == before
