"""Spans and events brought together by identity: what is a unit, and what only looks like one."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from genops.conformance.otlp import Attributes, Event, Item, Span, text
from genops.conformance.vocabulary import (
    ACTUAL,
    ADMITS,
    ATTRIBUTION,
    EVALUATED,
    NOT_EXECUTED,
    NOT_UNITS,
    OPERATION_NAME,
    RECONCILIATION,
    REFUSES,
    REQUIRED_EVENTS,
    RESERVATION,
    RESERVED,
    RESULT,
    UNIT,
    UNPRICED_REASON,
)

_NOTHING: Attributes = {}


class Unit(NamedTuple):
    """One workload unit as its telemetry shows it.

    Attributes:
        key: `trace id/span id`.
        span: Its span; `None` where that is not in the input, and no event says that it was sampled.
        events: Its events in the order of their times.
    """

    key: str
    span: Span | None
    events: tuple[Event, ...]

    @property
    def attributes(self) -> Attributes:
        """The span's attributes; none where it was sampled out."""
        return _NOTHING if self.span is None else self.span.said.attributes

    @property
    def name(self) -> str:
        """What to call it: its operation's name, or its span's."""
        named = text(self.attributes, OPERATION_NAME)
        for event in self.events if named is None else ():
            named = named or text(event.said.attributes, OPERATION_NAME)
        return named or (self.span.name if self.span else "") or "(no name)"

    @property
    def level(self) -> str:
        """The level of compliance declared for it."""
        levels = [self.span.level] if self.span else [event.level for event in self.events]
        return next((level for level in levels if level), "")

    def of(self, name: str) -> list[Event]:
        """Return its events of one name."""
        return [event for event in self.events if event.name == name]

    @property
    def result(self) -> str | None:
        """Its policy result where it is one of the four: the span's, or what its decision events come to."""
        if self.span is not None:
            result = text(self.attributes, RESULT)
            return result if result in ADMITS | REFUSES else None
        decided = [text(event.said.attributes, RESULT) for event in self.of(EVALUATED)]
        known = [result for result in decided if result in ADMITS] or [one for one in decided if one in REFUSES]
        return known[0] if known else None

    @property
    def reserved(self) -> bool:
        """Whether anything shows that it reached reservation."""
        return bool(self.of(RESERVATION)) or RESERVED in self.attributes or UNIT in self.attributes or self.ran

    @property
    def ran(self) -> bool:
        """Whether anything shows that it was executed."""
        return ACTUAL in self.attributes or bool(self.of(RECONCILIATION))

    @property
    def sampled_out(self) -> bool:
        """Whether an event of it says that its span was sampled out."""
        return self.span is None and any(event.flagged for event in self.events)

    @property
    def released(self) -> bool:
        """Whether its span says that it was not executed."""
        return text(self.attributes, UNPRICED_REASON) == NOT_EXECUTED


class Stray(NamedTuple):
    """An event that belongs to no unit.

    Attributes:
        key: Identity that it names, if any.
        event: The event.
        why: What is wrong, in words.
    """

    key: str
    event: Event
    why: str


class Gathered:
    """Everything that concerns governance, by identity. Memory grows with units and their events, and nothing else.

    Attributes:
        spans: Spans that have to do with governance, the first of each identity.
        events: Events by identity.
        again: Names of spans whose identity was there already, by identity.
        nameless: Spans that claim governance and have no identity.
        adrift: Events without an identity.
    """

    def __init__(self) -> None:
        self.spans: dict[str, Span] = {}
        self.events: dict[str, list[Event]] = {}
        self.again: list[tuple[str, str]] = []
        self.nameless: list[Span] = []
        self.adrift: list[Event] = []

    def take(self, item: Item) -> None:
        """Add one item."""
        key, span, events = item
        if span is not None:
            if not key:
                self.nameless.append(span)
            elif key in self.spans:
                self.again.append((key, span.name))
            else:
                self.spans[key] = span
        if not key:
            self.adrift.extend(events)
        elif events:
            self.events.setdefault(key, []).extend(events)

    def units(self) -> Iterator[Unit]:
        """Yield every unit: spans that claim governance, and the events of those that were sampled out."""
        for key, span in self.spans.items():
            if span.said.governs:
                yield Unit(key, span, _ordered(self.events.get(key, [])))
        for key, events in self.events.items():
            alone = [event for event in events if event.sampled is False]
            if key not in self.spans and alone and not _unattributed(alone):
                yield Unit(key, None, _ordered(alone))

    def unattributed(self) -> Iterator[tuple[str, str]]:
        """Yield name and identity of what names a team or an operation, claims no governance, and says no role."""
        for key, span in self.spans.items():
            said = span.said
            if said.names and not said.governs and said.role not in NOT_UNITS:
                yield text(said.attributes, OPERATION_NAME) or span.name, key
        for key, events in self.events.items():
            alone = [event for event in events if event.sampled is False]
            if key not in self.spans and alone and _unattributed(alone):
                yield Unit(key, None, tuple(alone)).name, key

    def strays(self) -> Iterator[Stray]:
        """Yield the events that belong to no unit."""
        for event in self.adrift:
            yield Stray("", event, "names no unit: its trace id or span id is missing")
        for key, events in self.events.items():
            span = self.spans.get(key)
            for event in events:
                why = _astray(event) if span is None else _misplaced(span, event)
                if why:
                    yield Stray(key, event, why)


def _unattributed(events: list[Event]) -> bool:
    """Return whether events alone show work that is not attributed, and claim nothing more."""
    claims = any(event.name in REQUIRED_EVENTS for event in events)
    whole = all(name in event.said.attributes for event in events for name in ATTRIBUTION)
    return not claims and not whole


def _astray(event: Event) -> str:
    return "has no unit: its span was sampled and is not in the input" if event.sampled else ""


def _misplaced(span: Span, event: Event) -> str:
    if span.said.governs:
        return ""
    if span.said.role in NOT_UNITS:
        return f"stands on a span that says it is a {span.said.role}, and no unit"
    if span.said.names and event.name not in REQUIRED_EVENTS:
        return ""
    return f"stands on the span {span.name!r}, which claims no governance and so is no unit"


def _ordered(events: list[Event]) -> tuple[Event, ...]:
    return tuple(sorted(events, key=lambda event: event.time_ns or 0))
