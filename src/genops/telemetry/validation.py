"""Holds what leaves against the registry: nothing is dropped or changed, what is wrong is counted and said once."""

from __future__ import annotations

import logging
import re
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from genops.core.forks import on_fork
from genops.telemetry.semconv import (
    DECLARED,
    EVENT_ATTRIBUTES,
    MEMBERS,
    PATTERNS,
    SPAN_ATTRIBUTES,
    TYPES,
    Attr,
    Carried,
    Instrument,
)

if TYPE_CHECKING:
    from opentelemetry.metrics import Observation

    from genops.core.guard import Guard

_log = logging.getLogger("genops")
UNDECLARED, MISPLACED, MISSING = "undeclared", "misplaced", "missing"
WRONG_TYPE, WRONG_VALUE = "wrong_type", "wrong_value"
# Names that only genops gives; others on a span are the program's own.
_RESERVED = ("genops.", "databricks.")
_REFUSED = frozenset({"BLOCKED", "RATE_LIMITED"})
_MAX_NAMES = 1_000
# Sets of labels that are wrong and known by now; what comes beyond them is not counted.
_MAX_LABEL_SETS = 2_000
# Attributes that any string is right for: most of them, so that most are judged by one look.
_ANY_TEXT = DECLARED - TYPES.keys() - MEMBERS.keys() - PATTERNS.keys()
_FORMS = {name: re.compile(pattern) for name, pattern in PATTERNS.items()}


def _is_texts(value: object) -> bool:
    return isinstance(value, (tuple, list)) and all(isinstance(item, str) for item in value)  # pyright: ignore[reportUnknownVariableType]


_IS: Mapping[str, Callable[[object], bool]] = {
    "string": lambda value: isinstance(value, str),
    "int": lambda value: isinstance(value, int) and not isinstance(value, bool),
    "double": lambda value: isinstance(value, float),
    "boolean": lambda value: isinstance(value, bool),
    "string[]": _is_texts,
}


class Violation(NamedTuple):
    """One way in which something does not keep to the registry.

    Attributes:
        problem: `undeclared`, `misplaced`, `missing`, `wrong_type` or `wrong_value`.
        name: The attribute, event or label that it is about.
    """

    problem: str
    name: str


def span_type(attributes: Mapping[str, Any]) -> str:
    """Return which of the registry's span types a span of genops is, by what it says of itself.

    >>> span_type({"genops.operation.role": "part"}), span_type({"genops.operation.name": "x"})
    ('genops.part', 'genops.unit.unattributed')
    """
    role = attributes.get(Attr.OPERATION_ROLE)
    if role is not None:
        return f"genops.{role}"
    if Attr.SPEC_VERSION not in attributes:
        return "genops.unit.unattributed"
    refused = attributes.get(Attr.POLICY_RESULT) in _REFUSED and Attr.RESERVED not in attributes
    return "genops.unit.refused" if refused else "genops.unit"


def of_span(attributes: Mapping[str, Any]) -> list[Violation]:
    """Return what is wrong with the attributes of a span.

    >>> of_span({"genops.operation.role": "guest"})
    [Violation(problem='wrong_value', name='genops.operation.role')]
    """
    carried = SPAN_ATTRIBUTES.get(span_type(attributes))
    if carried is None:
        return [Violation(WRONG_VALUE, Attr.OPERATION_ROLE)]
    return _of(attributes, carried.required, carried.optional)


def of_event(name: str, attributes: Mapping[str, Any], *, log: bool = True) -> list[Violation]:
    """Return what is wrong with an event.

    Args:
        name: Its name.
        attributes: Its attributes.
        log: Whether it is a log record; a span event leaves some attributes to its span.
    """
    carried: Carried | None = EVENT_ATTRIBUTES.get(name)
    if carried is None:
        return [Violation(UNDECLARED, name)]
    return _of(attributes, carried.required if log else carried.required - carried.log, carried.optional)


def of_point(instrument: Instrument, labels: Mapping[str, Any]) -> list[Violation]:
    """Return what is wrong with the labels of a point."""
    return _of(labels, instrument.required, instrument.optional)


def _of(attributes: Mapping[str, Any], required: frozenset[str], optional: frozenset[str]) -> list[Violation]:
    found = [Violation(MISSING, name) for name in sorted(required.difference(attributes))]
    for name, value in attributes.items():
        if name in required or name in optional:
            if not (name in _ANY_TEXT and isinstance(value, str)):
                found += _of_value(name, value)
        elif name in DECLARED:
            found.append(Violation(MISPLACED, name))
        elif name.startswith(_RESERVED):
            found.append(Violation(UNDECLARED, name))
    return found


def _of_value(name: str, value: object) -> list[Violation]:
    if not _IS[TYPES.get(name, "string")](value):
        return [Violation(WRONG_TYPE, name)]
    members, form = MEMBERS.get(name), _FORMS.get(name)
    if (members is None and form is None) or (members is not None and value in members):
        return []
    return [] if form is not None and form.fullmatch(str(value)) else [Violation(WRONG_VALUE, name)]


class Validation:
    """Counts what does not keep to the registry, and says each name once.

    Attributes:
        counts: Items that are wrong by signal and problem; one item counts once for each problem that it has. A set of
            labels of a metric is one item, however often and by whomever it is read.

    Args:
        guard: Catches faults of the check itself.
    """

    def __init__(self, guard: Guard) -> None:
        self.counts: dict[tuple[str, str], int] = {}
        self._guard = guard
        self._told: set[Violation] = set()
        self._label_sets: set[tuple[str, str]] = set()
        self._renew()
        on_fork(self._renew)

    def _renew(self) -> None:
        self._lock = threading.RLock()
        self.counts.clear()
        self._label_sets.clear()

    def span(self, name: str, attributes: Mapping[str, Any]) -> None:
        """Check a span that is about to end."""
        with self._guard.at("telemetry.validate"):
            self._tell("traces", name, of_span(attributes))

    def event(self, name: str, attributes: Mapping[str, Any], *, log: bool) -> None:
        """Check an event that is about to be emitted."""
        with self._guard.at("telemetry.validate"):
            self._tell("logs" if log else "traces", name, of_event(name, attributes, log=log))

    def labels(self, instrument: Instrument, labels: Mapping[str, Any]) -> None:
        """Check the labels of a point."""
        with self._guard.at("telemetry.validate"):
            found = of_point(instrument, labels)
            if found and self._is_new(instrument, labels):
                self._tell("metrics", instrument.name, found)

    def points(self, instrument: Instrument, points: Iterable[Observation]) -> Iterator[Observation]:
        """Check the points of one collection on their way."""
        for point in points:
            self.labels(instrument, point.attributes or {})
            yield point

    def _is_new(self, instrument: Instrument, labels: Mapping[str, Any]) -> bool:
        key = instrument.name, repr(sorted(labels.items()))
        with self._lock:
            fresh = key not in self._label_sets and len(self._label_sets) < _MAX_LABEL_SETS
            if fresh:
                self._label_sets.add(key)
        return fresh

    def _tell(self, signal: str, where: str, found: list[Violation]) -> None:
        if not found:
            return
        with self._lock:
            for problem in {violation.problem for violation in found}:
                self.counts[signal, problem] = self.counts.get((signal, problem), 0) + 1
            fresh = [violation for violation in found if violation not in self._told]
            fresh = fresh[: _MAX_NAMES - len(self._told)]
            self._told.update(fresh)
        for violation in fresh:
            _log.warning(
                "genops: %s on %s does not keep to the registry (%s); it leaves as it is, and further ones are only "
                "counted (genops.telemetry.invalid).",
                violation.name,
                where,
                violation.problem,
            )
