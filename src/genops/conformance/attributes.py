"""Rules on attributes: what must be there, of which type, with a value that means something."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING, cast

from genops.conformance.otlp import Attributes, Said, text
from genops.conformance.vocabulary import (
    ACTUAL,
    ALLOWED,
    ATTRIBUTION,
    BLOCKED,
    CURRENCY,
    ISO_4217,
    MAY_BE_NONE,
    NOT_NEGATIVE,
    OPERATION,
    OPTIONAL_EVENTS,
    OWN_CODE,
    REASON_CODE,
    REASON_CODES,
    REQUIRED,
    RESERVATION_FAILED,
    RESERVED,
    RESULT,
    RESULTS,
    SLA,
    SLA_ACTUAL,
    SLA_MET,
    SLA_TARGET,
    SPEC_VERSION,
    TIMES_MS,
    TIMESTAMP,
    TYPES,
    UNIT,
    VERSION,
    null_like,
    placeholder,
    variable,
)

if TYPE_CHECKING:
    from genops.conformance.units import Unit

Found = Iterator[tuple[str, str]]
_FIGURES = {RESERVED: "R11", ACTUAL: "R13"}


def stated(said: Said, place: str) -> Found:
    """Judge every attribute that is there, on a span or an event: stated once, typed, and with a value that means."""
    for name in said.twice:
        yield "R17", f"{place}: {name} comes more than once"
    for name, value in said.attributes.items():
        kind = TYPES.get(name)
        if kind is None:
            continue
        if value.kind == "null":
            yield "R15", f"{place}: {name} is null"
        elif value.kind != kind:
            shown = repr(value.content)[:60] if value.kind in {"string", "int", "double", "bool"} else "a value"
            yield "R16" if name in REQUIRED else "R36", f"{place}: {name} is {value.kind} {shown}, expected {kind}"
        elif kind == "string":
            yield from _worded(name, cast("str", value.content), place)
        elif kind in {"double", "int"}:
            yield from _figured(name, cast("float", value.content), place)
    yield from _decision(said.attributes, place)


def _worded(name: str, word: str, place: str) -> Found:
    if null_like(word, none=name in MAY_BE_NONE):
        yield "R15", f"{place}: {name} is {word!r}, which is no value"
    elif _unfilled(name, word):
        yield "R15", f"{place}: {name} is {word!r}, which is a placeholder"
    elif name == CURRENCY and word not in ISO_4217:
        yield "R34", f"{place}: {name} is {word!r}, expected a code of ISO 4217 such as USD"
    elif name == SPEC_VERSION and word != VERSION:
        yield "R14", f"{place}: {name} is {word!r}, expected {VERSION!r}"


def _unfilled(name: str, word: str) -> bool:
    # An operation may have any name; a unit of accounting such as $USD is no variable.
    filled = name in REQUIRED and name not in OPERATION
    return (filled and placeholder(word)) or (name in ATTRIBUTION and variable(word))


def _figured(name: str, figure: float, place: str) -> Found:
    # An integer may be too large to be a double.
    finite = isinstance(figure, int) or math.isfinite(figure)
    if name in _FIGURES and not (finite and figure >= 0):
        yield _FIGURES[name], f"{place}: {name} is {figure}, expected a finite figure of at least 0"
    elif not finite:
        yield "R36", f"{place}: {name} is {figure}, expected a finite figure"
    elif name in NOT_NEGATIVE and figure < 0:
        yield "R36", f"{place}: {name} is {figure}, expected at least 0"
    elif name == TIMESTAMP and figure not in TIMES_MS:
        yield "R36", f"{place}: {name} is {figure}, expected milliseconds since 1970 of a day from 2000 to 2099"


def _decision(attributes: Attributes, place: str) -> Found:
    result, code = text(attributes, RESULT), text(attributes, REASON_CODE)
    if result is not None and result not in RESULTS:
        yield "R08", f"{place}: {RESULT} is {result!r}, expected one of {', '.join(sorted(RESULTS))}"
    if result == ALLOWED and REASON_CODE in attributes:
        yield "R09", f"{place}: {REASON_CODE} is {code!r} although the result is ALLOWED"
    if code is not None and code not in REASON_CODES and not OWN_CODE.fullmatch(code):
        yield "R10", f"{place}: {REASON_CODE} is {code!r}, which is in no list and does not match x_[a-z0-9_]+"
    if code == RESERVATION_FAILED and result in RESULTS - {BLOCKED}:
        yield "R30", f"{place}: {REASON_CODE} is {code} and the result {result}, expected BLOCKED"


def required(unit: Unit) -> Found:
    """Judge which attributes a unit lacks: on its span, or on each of its events where that was sampled out."""
    if unit.span is None:
        for event in unit.events:
            yield from _who(event.said.attributes, f"{event.name} of a sampled-out unit")
        return
    attributes = unit.attributes
    yield from _who(attributes, "span")
    if RESULT not in attributes:
        yield "R08", f"span: {RESULT} is missing"
    if text(attributes, RESULT) in RESULTS - {ALLOWED} and REASON_CODE not in attributes:
        yield "R09", f"span: {REASON_CODE} is missing although the result is {text(attributes, RESULT)}"
    if SPEC_VERSION not in attributes:
        yield "R14", f"span: {SPEC_VERSION} is missing"
    if unit.reserved:
        for name, rule in ((RESERVED, "R11"), (UNIT, "R12")):
            if name not in attributes:
                yield rule, f"span: {name} is missing although the unit reached reservation"
    if unit.ran and ACTUAL not in attributes:
        yield "R13", f"span: {ACTUAL} is missing although the unit was executed"


def _who(attributes: Attributes, place: str) -> Found:
    for rule, names in (("R06", ATTRIBUTION), ("R07", OPERATION)):
        for name in names:
            if name not in attributes:
                yield rule, f"{place}: {name} is missing"


def service_level(attributes: Attributes) -> Found:
    """Judge the four attributes of an SLA."""
    missing = [name for name in SLA if name not in attributes]
    if missing and len(missing) < len(SLA):
        yield "R32", f"span: {', '.join(missing)} missing beside other genops.sla attributes"
    target, actual, met = (attributes.get(name) for name in (SLA_TARGET, SLA_ACTUAL, SLA_MET))
    if (
        target is None
        or actual is None
        or met is None
        or (target.kind, actual.kind, met.kind) != ("int", "int", "bool")
    ):
        return
    within = cast("int", actual.content) <= cast("int", target.content)
    if within is not met.content:
        yield "R33", f"span: {SLA_MET} is {met.content}, with {actual.content} ms of {target.content} ms"


def optional_events(unit: Unit) -> Found:
    """Judge what optional events carry."""
    for event in unit.events:
        for name in OPTIONAL_EVENTS.get(event.name, ()):
            if name not in event.said.attributes:
                yield "R35", f"{event.name}: {name} is missing"
