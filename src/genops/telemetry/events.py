"""The events of the specification: log records on the span's context, or span events."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from opentelemetry._logs import LogRecord, SeverityNumber
from opentelemetry.trace import TraceFlags

from genops.core.decisions import PolicyResult
from genops.core.records import Adjusted, Admitted, Outcome, Settled
from genops.telemetry.semconv import Attr, Event
from genops.telemetry.spans import Attributes, say_decision, say_reservation

if TYPE_CHECKING:
    from opentelemetry._logs import Logger
    from opentelemetry.trace import Span

    from genops.core.operation import Operation
    from genops.core.records import Record
    from genops.telemetry.validation import Validation

_MICROS = 1_000_000
_FLAGS = {number: TraceFlags(number) for number in range(4)}


class Said(NamedTuple):
    """One event.

    Attributes:
        name: Its name.
        at_ns: When, in nanoseconds since the epoch.
        attributes: What it says of itself.
        severity: How grave.
    """

    name: str
    at_ns: int
    attributes: Attributes
    severity: SeverityNumber = SeverityNumber.INFO


def events_of(record: Record) -> tuple[Said, ...]:
    """Return the events that a record stands for.

    Units whose attribution is incomplete have no required event: they are counted, and never pass for governed.
    """
    if isinstance(record, Adjusted):
        return _correction(record)
    if not record.operation.attribution.complete:
        return ()
    return _admission(record) if isinstance(record, Admitted) else _settlement(record)


def attributed(record: Record, said: Said) -> Attributes:
    """Return the attributes of an event that stands alone: who pays, which operation, and what the event says."""
    return {**_about(record.operation, said.name), **said.attributes}


def _about(operation: Operation, name: str) -> Attributes:
    attribution = operation.attribution
    if not attribution.complete:
        known = {
            Attr.TEAM: attribution.team,
            Attr.PROJECT: attribution.project,
            Attr.ENVIRONMENT: attribution.environment,
        }
        who: Attributes = {attribute: value for attribute, value in known.items() if value}
    else:
        team, project, environment = attribution.labels
        who = {Attr.TEAM: team, Attr.PROJECT: project, Attr.ENVIRONMENT: environment}
    return {
        Attr.EVENT_NAME: name,
        **who,
        Attr.OPERATION_NAME: operation.name or operation.type,
        Attr.OPERATION_TYPE: operation.type,
    }


def _admission(record: Admitted) -> tuple[Said, ...]:
    decision, reservation = record.decision, record.reservation
    evaluated: Attributes = {}
    say_decision(decision, evaluated)
    severity = SeverityNumber.INFO if decision.result is PolicyResult.ALLOWED else SeverityNumber.WARN
    first = Said(Event.POLICY_EVALUATED, record.at_ns, evaluated, severity)
    if reservation is None or record.sequence:
        return (first,)
    reserved: Attributes = {}
    say_reservation(reservation, reserved)
    if reservation.budget is not None:
        reserved[Attr.BUDGET_NAME] = reservation.budget.name
        reserved[Attr.BUDGET_REMAINING] = reservation.budget.remaining / _MICROS
    return first, Said(Event.BUDGET_RESERVATION, record.at_ns, reserved)


def _settlement(record: Settled) -> tuple[Said, ...]:
    if record.outcome is Outcome.NOT_EXECUTED:
        return ()
    attributes: Attributes = {}
    say_reservation(record.reservation, attributes)
    attributes[Attr.ACTUAL] = record.actual.micros / _MICROS
    attributes[Attr.RECONCILIATION_DELTA] = (record.actual.micros - record.reservation.amount.micros) / _MICROS
    budget = record.balance or record.reservation.budget
    if budget is not None:
        attributes[Attr.BUDGET_NAME] = budget.name
    if record.incomplete:
        attributes[Attr.INCOMPLETE] = True
    return (Said(Event.BUDGET_RECONCILIATION, record.ended_ns, attributes),)


def _correction(record: Adjusted) -> tuple[Said, ...]:
    if not record.currency:
        return ()
    attributes: Attributes = {
        Attr.COST_TOTAL: record.total / _MICROS,
        Attr.COST_DELTA: record.delta / _MICROS,
        Attr.COST_CURRENCY: record.currency,
        Attr.COST_GRADE: record.grade.value,
    }
    if record.source:
        attributes[Attr.PRICE_SOURCE] = record.source
    return (Said(Event.COST_CALCULATED, record.at_ns, attributes),)


def log_record_type(logger: Logger) -> Callable[..., Any]:
    """Return what makes the log records that a logger takes.

    Until version 1.37 the SDK exports only records of a class of its own, which carry the resource. From 1.38 on, where
    `emit` also takes single fields, it takes the API's class and adds the resource itself.
    """
    from opentelemetry.sdk import _logs as sdk_logs

    own: Callable[..., Any] | None = getattr(sdk_logs, "LogRecord", None)
    resource = getattr(logger, "resource", None)
    if own is None or resource is None or "event_name" in inspect.signature(logger.emit).parameters:
        return LogRecord
    return functools.partial(own, resource=resource)


class LogEvents:
    """Emits events as log records with an event name; those of units whose span is not kept too.

    Args:
        logger: Takes the records.
        validation: Checks each event before it is emitted, where that is asked for.
    """

    def __init__(self, logger: Logger, validation: Validation | None = None) -> None:
        self._emit = logger.emit
        self._validation = validation
        self._record = log_record_type(logger)

    def write(self, record: Record) -> None:
        """Emit the events that a record stands for."""
        for said in events_of(record):
            self.say(record, said)

    def say(self, record: Record, said: Said) -> None:
        """Emit one event; it names team, project, environment and operation, so that it needs no span to be charged."""
        attributes = attributed(record, said)
        if self._validation is not None:
            self._validation.event(said.name, attributes, log=True)
        log_record = self._record(
            timestamp=said.at_ns,
            observed_timestamp=said.at_ns,
            severity_number=said.severity,
            attributes=attributes,
            event_name=said.name,
        )
        # Set afterwards: as arguments they cost a context or a deprecation warning each.
        log_record.trace_id, log_record.span_id, flags = record.unit
        log_record.trace_flags = _FLAGS.get(flags) or TraceFlags(flags)
        self._emit(log_record)


class Waiting(NamedTuple):
    """An event that is made when it is exported: records never change, so it says the same then.

    Attributes:
        record: What happened.
        number: Which of the record's events.
    """

    record: Record
    number: int


class QueuedEvents:
    """Queues events for exporters of genops' own; making them is left to the thread that exports.

    Args:
        puts: Take a `Waiting`, one for each exporter.
    """

    def __init__(self, puts: Sequence[Callable[[Waiting], None]]) -> None:
        self._puts = puts

    def write(self, record: Record) -> None:
        """Queue the events that a record stands for."""
        for index in range(events_in(record)):
            for put in self._puts:
                put(Waiting(record, index))


def events_in(record: Record) -> int:
    """Return the number of events that a record stands for: the length of `events_of`, without making them."""
    if isinstance(record, Adjusted):
        return 1 if record.currency else 0
    if not record.operation.attribution.complete:
        return 0
    if isinstance(record, Admitted):
        return 1 if record.reservation is None or record.sequence else 2
    return 0 if record.outcome is Outcome.NOT_EXECUTED else 1


class EventMaker:
    """Makes the SDK's log records out of what waits, with a logger whose records go nowhere else.

    Args:
        events: Emits through that logger.
        made: Where the logger's processor puts them.
    """

    def __init__(self, events: LogEvents, made: list[Any]) -> None:
        self._events = events
        self._made = made

    def __call__(self, batch: Sequence[Waiting]) -> list[Any]:
        """Return the log records of a batch."""
        for record, index in batch:
            self._events.say(record, events_of(record)[index])
        made, self._made[:] = list(self._made), []
        return made


class SpanEvents:
    """Emits events as span events, while their span is open; corrections come too late for one.

    They say nothing that their span says already.

    Args:
        spans: Open spans by span id.
        validation: Checks each event before it is added, where that is asked for.
    """

    def __init__(self, spans: Mapping[int, Span], validation: Validation | None = None) -> None:
        self._spans = spans
        self._validation = validation

    def write(self, record: Record) -> None:
        """Add the events that a record stands for to its span."""
        span = self._spans.get(record.unit.span_id)
        if span is None:
            return
        for said in events_of(record):
            if self._validation is not None:
                self._validation.event(said.name, said.attributes, log=False)
            span.add_event(said.name, said.attributes, said.at_ns)
