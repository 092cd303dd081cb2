"""Rules on the lifecycle: which events a unit owes, in which order, and that all of them tell the same story."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from genops.conformance.otlp import Attributes, Event, Span, text
from genops.conformance.vocabulary import (
    ACTUAL,
    ADMITS,
    AFTER_EXECUTION,
    ALLOWED,
    ATTRIBUTION,
    DELTA,
    EVALUATED,
    EVENTS_AFTER_EXECUTION,
    INCOMPLETE,
    REASON_CODE,
    RECONCILIATION,
    REFUSES,
    REQUIRED_EVENTS,
    RESERVATION,
    RESERVED,
    RESULT,
    RESULTS,
    UNIT,
    WARNING,
)

if TYPE_CHECKING:
    from genops.conformance.units import Unit

Found = Iterator[tuple[str, str]]
SKEW_NS = 20_000_000
"""Tolerance between the times of a span and of an event: some runtimes stamp them by clocks of different resolution
(whole milliseconds in browsers, 15.6 ms on Windows). Between two events there is none."""
_CARRIES = {EVALUATED: "R19", RESERVATION: "R23", RECONCILIATION: "R25"}


def owed(unit: Unit) -> Found:
    """Judge which events a unit owes, and how often."""
    if not unit.of(EVALUATED):
        yield "R18", f"no {EVALUATED}"
    reservations, reconciliations = unit.of(RESERVATION), unit.of(RECONCILIATION)
    admitted = unit.result in ADMITS
    if not reservations and (admitted or unit.reserved):
        yield "R22", f"no {RESERVATION} although {_because(unit, admitted)}"
    if len(reservations) > 1:
        yield "R22", f"{RESERVATION} comes {len(reservations)} times"
    # A unit whose span was sampled out cannot say that it was not executed.
    if not reconciliations and (unit.ran or (admitted and unit.span is not None and not unit.released)):
        yield "R24", f"no {RECONCILIATION} although {_because(unit, admitted)}, and nothing says it was not executed"
    if len(reconciliations) > 1:
        yield "R24", f"{RECONCILIATION} comes {len(reconciliations)} times"
    yield from _not_executed(unit)


def _because(unit: Unit, admitted: bool) -> str:  # noqa: FBT001  (a word of the sentence)
    return f"the result is {unit.result}" if admitted else "the unit states a reservation"


def _not_executed(unit: Unit) -> Found:
    why = f"the result is {unit.result}" if unit.result in REFUSES else "the span says it was not executed"
    if unit.result not in REFUSES and not unit.released:
        return
    if unit.of(RECONCILIATION):
        yield "R28", f"{RECONCILIATION} although {why}"
    for name in AFTER_EXECUTION:
        if name in unit.attributes:
            yield "R28", f"span: {name} although {why}"
    for event in unit.events:
        if event.name in EVENTS_AFTER_EXECUTION:
            yield "R28", f"{event.name} although {why}"


def carried(unit: Unit) -> Found:
    """Judge what the required events carry."""
    for event in unit.events:
        attributes = event.said.attributes
        for name in REQUIRED_EVENTS.get(event.name, ()):
            if name not in attributes:
                yield _CARRIES[event.name], f"{event.name}: {name} is missing"
        if event.name == EVALUATED:
            result = text(attributes, RESULT)
            if result in RESULTS and result != ALLOWED and REASON_CODE not in attributes:
                yield "R19", f"{event.name}: {REASON_CODE} is missing although the result is {result}"


def decided(unit: Unit) -> Found:
    """Judge that the span states one of its decisions, and that each is recorded once."""
    events = unit.of(EVALUATED)
    made = Counter((event.time_ns, event.mark) for event in events)
    for times in made.values():
        if times > 1:
            yield "R21", f"{EVALUATED} comes {times} times with the same times and attributes"
    if unit.span is None or not events or unit.result is None:
        return
    stands = unit.result, text(unit.attributes, REASON_CODE)
    said = [(text(event.said.attributes, RESULT), text(event.said.attributes, REASON_CODE)) for event in events]
    if stands not in said and not _softened(stands, said):
        yield "R20", f"span: {_worded(*stands)}, and its decision events say {', '.join(_worded(*one) for one in said)}"


def unchanged(unit: Unit) -> Found:
    """Judge that no other event says that a unit was refused which its span says may run."""
    if unit.result not in ADMITS:
        return
    for event in unit.events:
        result = text(event.said.attributes, RESULT)
        if event.name != EVALUATED and result in REFUSES:
            yield "R20", f"{event.name}: {RESULT} is {result}, and the unit's is {unit.result}"


def _softened(stands: tuple[str | None, str | None], made: list[tuple[str | None, str | None]]) -> bool:
    """Return whether a unit that runs warns of a decision that refused something inside it."""
    runs = any(result in ADMITS for result, _ in made)
    return stands[0] == WARNING and runs and any(code == stands[1] and result in REFUSES for result, code in made)


def _worded(result: str | None, code: str | None) -> str:
    return f"{result} {code}" if code else f"{result}"


def ordered(unit: Unit) -> Found:
    """Judge the order of events and execution by their times."""
    for event in unit.events:
        if event.time_ns is None and event.name in REQUIRED_EVENTS:
            yield "R26", f"{event.name} has no time"
    evaluated, reserved, reconciled = (
        _earliest(events) for events in (_deciding(unit), unit.of(RESERVATION), unit.of(RECONCILIATION))
    )
    start, end = (unit.span.start_ns, unit.span.end_ns) if unit.span else (None, None)
    for rule, before, after, slack, words in (
        ("R26", start, end, 0, "the span ends before it starts"),
        ("R26", evaluated, reserved, 0, f"{EVALUATED} comes after {RESERVATION}"),
        ("R26", evaluated, reconciled, 0, f"{EVALUATED} comes after {RECONCILIATION}"),
        ("R26", evaluated, end, SKEW_NS, f"{EVALUATED} comes after the end of the span"),
        ("R27", reserved, reconciled, 0, f"{RESERVATION} comes after {RECONCILIATION}"),
        ("R27", reserved, end, SKEW_NS, f"{RESERVATION} comes after the end of the span"),
        ("R27", start, reconciled, SKEW_NS, f"{RECONCILIATION} comes before the start of the span"),
    ):
        if before is not None and after is not None and before > after + slack:
            yield rule, f"{words}, by {(before - after) / 1e6:g} ms"


def _deciding(unit: Unit) -> list[Event]:
    """Return the decisions that let a unit run; all of them where none does."""
    made = unit.of(EVALUATED)
    return [event for event in made if text(event.said.attributes, RESULT) in ADMITS] or made


def _earliest(events: list[Event]) -> int | None:
    return min((event.time_ns for event in events if event.time_ns is not None), default=None)


def agreeing(unit: Unit) -> Found:
    """Judge that span and events name the same attribution and the same figures."""
    places = list(_places(unit.span, unit.events))
    for name in ATTRIBUTION:
        yield from _same("R05", name, [(place, text(attributes, name)) for place, attributes in places])
    for name in (RESERVED, ACTUAL, UNIT):
        yield from _same("R29", name, [(place, _content(attributes, name)) for place, attributes in places])
    for place, attributes in places:
        yield from _delta(place, attributes)
    yield from _flagged(unit)


def _places(span: Span | None, events: Iterable[Event]) -> Iterator[tuple[str, Attributes]]:
    if span is not None:
        yield "span", span.said.attributes
    for event in events:
        yield event.name, event.said.attributes


def _content(attributes: Attributes, name: str) -> object:
    value = attributes.get(name)
    return value.content if value is not None and value.kind in {"string", "double"} else None


def _same(rule: str, name: str, values: list[tuple[str, object]]) -> Found:
    said = [(place, value) for place, value in values if value is not None]
    for place, value in said[1:]:
        if not _equal(value, said[0][1]):
            yield rule, f"{name} is {said[0][1]!r} on {said[0][0]} and {value!r} on {place}"


def _equal(first: object, second: object) -> bool:
    if isinstance(first, float) and isinstance(second, float):
        return math.isclose(first, second, rel_tol=1e-9) or (math.isnan(first) and math.isnan(second))
    return first == second


def _delta(place: str, attributes: Attributes) -> Found:
    delta, actual, reserved = (_content(attributes, name) for name in (DELTA, ACTUAL, RESERVED))
    if not (isinstance(delta, float) and isinstance(actual, float) and isinstance(reserved, float)):
        return
    if not math.isclose(delta, actual - reserved, rel_tol=1e-9, abs_tol=1e-9 * max(1.0, abs(actual), abs(reserved))):
        yield "R29", f"{place}: {DELTA} is {delta}, with actual {actual} and reserved {reserved}"


def _flagged(unit: Unit) -> Found:
    flags: list[object] = []
    for place, attributes in _places(unit.span, unit.of(RECONCILIATION)):
        value = attributes.get(INCOMPLETE)
        flags.append(value is not None and value.content is True)
        if value is not None and value.kind != "bool":
            yield "R31", f"{place}: {INCOMPLETE} is {value.kind}, expected bool"
    if unit.of(RECONCILIATION) and len(set(flags)) > 1:
        yield "R31", f"{INCOMPLETE} is not the same on the span and on {RECONCILIATION}"
