"""The judge: takes export requests in any order, and rules when it is asked."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator
from typing import BinaryIO

from genops.conformance import attributes, lifecycle
from genops.conformance.lines import requests
from genops.conformance.otlp import items
from genops.conformance.rules import RULES, Level
from genops.conformance.units import Gathered, Unit
from genops.conformance.verdict import Unattributed, Verdict, Violation
from genops.conformance.vocabulary import ADMITS

LISTED = 1_000
"""Unreadable lines and shapes that are listed one by one; later ones are counted."""


class Judge:
    """Reads OTLP and rules on the specification. Safe to feed from several threads.

    Args:
        declared: `"partial"` where the runtime declares its compliance as partial outside of its telemetry, for example
            in its documentation.
    """

    def __init__(self, declared: str = "") -> None:
        self._declared = declared
        self._gathered = Gathered()
        self._broken: list[Violation] = []
        self._unlisted = self._requests = 0
        self._lock = threading.Lock()

    def read(self, stream: BinaryIO, name: str = "") -> None:
        """Take a stream of OTLP as JSON lines, or as one JSON document.

        Args:
            stream: The bytes.
            name: What to call it where a line cannot be read.
        """
        for line in requests(stream):
            where = f"{name}:{line.number}" if name else f"line {line.number}"
            if line.broken:
                self.reject(line.broken, where)
            else:
                self.take(line.request, where)

    def take(self, request: object, where: str = "") -> None:
        """Take one export request.

        Args:
            request: As JSON gives it.
            where: Where it comes from.
        """
        found = list(items(request, lambda why: self.reject(why, where)))
        with self._lock:
            self._requests += 1
            for item in found:
                self._gathered.take(item)

    def reject(self, why: str, where: str) -> None:
        """Note something that is no readable OTLP."""
        with self._lock:
            if len(self._broken) < LISTED:
                self._broken.append(Violation("R01", why, where=where))
            else:
                self._unlisted += 1

    def verdict(self) -> Verdict:
        """Rule on everything that was taken so far."""
        with self._lock:
            units = list(self._gathered.units())
            found = [*self._broken, *self._identities(), *self._strays()]
            for unit in units:
                found += [_on(unit, rule, message) for rule, message in judged(unit)]
            found += self._overall(units, found)
            return Verdict(
                level=_level(found),
                units=len(units),
                results=Counter(unit.result or "none" for unit in units),
                judged_on_events=sum(unit.span is None for unit in units),
                sampled_out=sum(unit.sampled_out for unit in units),
                released=sum(unit.released for unit in units),
                unsettled=sum(unit.span is None and unit.result in ADMITS and not unit.ran for unit in units),
                violations=tuple(found),
                unlisted={"R01": self._unlisted} if self._unlisted else {},
                unattributed=tuple(Unattributed(name, *_ids(key)) for name, key in self._gathered.unattributed()),
                requests=self._requests,
            )

    def _identities(self) -> Iterator[Violation]:
        for span in self._gathered.nameless:
            if span.said.governs:
                yield Violation("R02", "span without a valid trace id and span id", span.name or "(no name)")
        for key, name in self._gathered.again:
            yield Violation("R03", "a further span with the identity of another one", name, *_ids(key))

    def _strays(self) -> Iterator[Violation]:
        for stray in self._gathered.strays():
            message = f"{stray.event.name} {stray.why}"
            name = Unit(stray.key, None, (stray.event,)).name
            yield Violation("R04" if stray.key else "R02", message, name, *_ids(stray.key))

    def _overall(self, units: list[Unit], found: list[Violation]) -> Iterator[Violation]:
        """Judge what concerns all units together: that there are any, and that partial compliance is declared."""
        if not units:
            yield Violation("R38", "no unit in the input: nothing to judge")
            return
        if self._declared == Level.PARTIAL.value or any(one.law.level is Level.PARTIAL for one in found):
            return
        short = {f"{one.trace_id}/{one.span_id}" for one in found}
        silent = [unit for unit in units if unit.key in short and unit.level != Level.PARTIAL.value]
        if silent:
            message = f"{len(silent)} of {len(units)} units are partially compliant at most and do not declare it"
            yield Violation("R37", message, silent[0].name, *_ids(silent[0].key))


def judged(unit: Unit) -> Iterator[tuple[str, str]]:
    """Judge one unit: yield rule and message of each violation."""
    if unit.span is not None:
        yield from attributes.stated(unit.span.said, "span")
    for event in unit.events:
        yield from attributes.stated(event.said, event.name)
    yield from attributes.required(unit)
    yield from attributes.service_level(unit.attributes)
    yield from attributes.optional_events(unit)
    yield from lifecycle.owed(unit)
    yield from lifecycle.carried(unit)
    yield from lifecycle.decided(unit)
    yield from lifecycle.unchanged(unit)
    yield from lifecycle.ordered(unit)
    yield from lifecycle.agreeing(unit)


def _on(unit: Unit, rule: str, message: str) -> Violation:
    return Violation(rule, message, unit.name, *_ids(unit.key))


def _ids(key: str) -> tuple[str, str]:
    trace, _, span = key.partition("/")
    return trace, span


def _level(found: list[Violation]) -> Level:
    broken = {RULES[one.rule].level for one in found}
    if not broken:
        return Level.FULL
    return Level.NONE if Level.PARTIAL in broken else Level.PARTIAL
