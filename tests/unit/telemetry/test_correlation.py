"""Trace correlation: ids on the program's log records, put there and taken away again without a trace."""

from __future__ import annotations

import logging

import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider

import genops
from genops.core.guard import Guard
from genops.telemetry.correlation import SAMPLED, SERVICE, SPAN_ID, TRACE_ID, Correlation
from genops.testing import runtime

WHO = {"team": "t", "project": "p", "environment": "e"}


@pytest.fixture(autouse=True)
def _factory():
    """Whatever a test does to the process's factory ends with it."""
    before = logging.getLogRecordFactory()
    yield
    logging.setLogRecordFactory(before)


@pytest.fixture
def correlation():
    """A layer of its own."""
    return Correlation()


def record():
    """Make a log record as `logging` makes one."""
    return logging.getLogger("program").makeRecord("program", logging.INFO, __file__, 1, "text", (), None)


def ids(found):
    """What a record says of its span."""
    return tuple(getattr(found, name, None) for name in (TRACE_ID, SPAN_ID, SAMPLED, SERVICE))


def test_a_record_carries_the_current_span(correlation):
    """The span that is current when the record is made, whoever opened it."""
    correlation.configure(Guard(), {"OTEL_SERVICE_NAME": "nightly"})
    with TracerProvider().get_tracer("other").start_as_current_span("work") as span:
        context = span.get_span_context()
        found = ids(record())
    assert found == (f"{context.trace_id:032x}", f"{context.span_id:016x}", True, "nightly")


def test_a_record_outside_of_every_span_says_so(correlation):
    """As opentelemetry-instrumentation-logging spells it, so that a format with the names never fails."""
    correlation.configure(Guard(), {"OTEL_RESOURCE_ATTRIBUTES": "service.name=weekly"})
    assert ids(record()) == ("0", "0", False, "weekly")
    assert logging.Formatter(f"%({TRACE_ID})s %({SERVICE})s %(message)s").format(record()) == "0 weekly text"


def test_an_operation_without_opentelemetry_is_named_by_its_own_ids(monkeypatch):
    """With the SDK disabled no span is current; the record then names the unit that runs."""
    monkeypatch.setenv("OTEL_SDK_DISABLED", "true")
    with runtime(**WHO, trace_correlation=True), genops.operation("work", reads=["a.b.c"]):
        assert not trace.get_current_span().get_span_context().is_valid
        found = ids(record())
    assert len(found[0]) == 32
    assert len(found[1]) == 16


def test_taking_it_out_restores_what_was_there(correlation):
    """The very factory of before; records then carry nothing of ours."""
    before = logging.getLogRecordFactory()
    correlation.configure(Guard())
    correlation.configure(Guard())
    assert logging.getLogRecordFactory() is not before
    correlation.configure(None)
    assert logging.getLogRecordFactory() is before
    assert ids(record()) == (None, None, None, None)


def test_a_factory_of_the_program_keeps_its_place(correlation):
    """One below is called; one above stays when ours goes, which then adds nothing, and is given ours on top again."""
    calls = []

    def over(below):
        def make(*args, **kwargs):
            calls.append(below)
            return below(*args, **kwargs)

        return make

    logging.setLogRecordFactory(over(logging.getLogRecordFactory()))
    correlation.configure(Guard())
    ours = logging.getLogRecordFactory()
    theirs = over(ours)
    logging.setLogRecordFactory(theirs)
    correlation.configure(None)
    assert logging.getLogRecordFactory() is theirs
    calls.clear()
    assert ids(record()) == (None, None, None, None)
    assert len(calls) == 2
    correlation.configure(Guard())
    assert ids(record())[0] == "0"
    correlation.configure(None)
    assert logging.getLogRecordFactory() is theirs


def strict(below):
    """A factory of a program that takes exactly what `logging` gives, and counts what it makes."""
    made = []

    def make(name, level, fn, lno, msg, args, exc_info, func, sinfo, **more):
        made.append(msg)
        return below(name, level, fn, lno, msg, args, exc_info, func, sinfo, **more)

    return make, made


def test_the_programs_factory_makes_only_the_programs_records(correlation):
    """It may count or ship what it makes; and however often settings change, no layer is added to the ones there."""
    correlation.configure(Guard())
    factory, made = strict(logging.getLogRecordFactory())
    logging.setLogRecordFactory(factory)
    correlation.configure(Guard())
    over = logging.getLogRecordFactory()
    for _ in range(1_200):
        correlation.configure(Guard())
    assert logging.getLogRecordFactory() is over
    assert made == []
    assert ids(record())[0] == "0"
    assert made == ["text"]


def test_a_factory_that_comes_and_goes_leaves_no_layers(correlation):
    """A program that wraps for a while and puts back what it found, with settings that change in between."""
    correlation.configure(Guard())
    for _ in range(1_200):
        found = logging.getLogRecordFactory()
        logging.setLogRecordFactory(strict(found)[0])
        correlation.configure(Guard())
        logging.setLogRecordFactory(found)
        correlation.configure(Guard())
        assert logging.getLogRecordFactory() is found
    assert ids(record())[0] == "0"


def test_a_factory_that_leads_elsewhere_is_wrapped_anew(correlation):
    """Where the program replaced the factory, ours goes over the new one."""
    correlation.configure(Guard())
    logging.setLogRecordFactory(logging.LogRecord)
    assert ids(record())[0] is None
    correlation.configure(Guard())
    assert ids(record())[0] == "0"


@pytest.mark.faults
def test_a_fault_leaves_the_record_as_it_is(correlation):
    """What fails while ids are looked up is counted; the program's line is logged."""
    guard = Guard()
    correlation.configure(guard)
    correlation._span = lambda: 1 / 0
    assert record().getMessage() == "text"
    assert guard.counts["telemetry.correlation"] >= 1


def test_what_the_program_says_itself_stands(correlation):
    """Ids that a factory below has set are kept, and `extra` may hold the specification's own names."""

    def marked(*args, **kwargs):
        made = logging.LogRecord(*args, **kwargs)
        made.otelTraceID, made.otelSpanID, made.otelServiceName = "theirs", "span", "service"
        return made

    logging.setLogRecordFactory(marked)
    correlation.configure(Guard())
    assert ids(record())[:2] == ("theirs", "span")
    said = logging.getLogger("program").makeRecord(
        "program", logging.INFO, __file__, 1, "text", (), None, extra={"trace_id": "mine", "span_id": "mine"}
    )
    assert said.trace_id == "mine"


def test_it_belongs_to_the_active_runtime():
    """A runtime without it, inside of one with it, and the end of both."""
    before = logging.getLogRecordFactory()
    with runtime(**WHO, trace_correlation=True):
        assert ids(record())[0] == "0"
        with runtime(**WHO):
            assert ids(record())[0] is None
        assert ids(record())[0] == "0"
        with runtime(**WHO, trace_correlation=True, mode="off"):
            assert ids(record())[0] is None
    assert logging.getLogRecordFactory() is before
