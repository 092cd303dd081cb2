"""Metering: what ran, in DBU by the hour, exactly.

A *session* is a stretch of time in which one thing ran without a change of what it costs. It is cut at full hours
(UTC), and each cut becomes one record. A cut is there once it is closed: the session has ended, or its hour is
over. So a record, once there, never changes; corrections are records of their own.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from decimal import Decimal, localcontext
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from genops.testing.workspace.http.wire import Json
    from genops.testing.workspace.journal import Entry
    from genops.testing.workspace.platform.tariff import Tariff, Use

HOUR = 3_600_000
_DIGITS = Decimal(1).scaleb(-18)


@dataclass(frozen=True)
class Metered:
    """A piece of an hour: times in milliseconds since the epoch, the quantity in DBU."""

    use: Use
    start: int
    end: int
    quantity: Decimal
    closed: int


@dataclass
class Session:
    """A thing while it ran: pieces ``(start, end, DBU an hour)`` in milliseconds, in order."""

    use: Use
    spans: list[tuple[int, int, Decimal]] = field(default_factory=list[tuple[int, int, Decimal]])
    ended: bool = False

    def records(self, now: int) -> Iterator[Metered]:
        """What is closed of it by now, hour by hour."""
        hours: dict[int, list[tuple[int, int, Decimal]]] = {}
        for start, end, rate in self.spans:
            for hour in range(start // HOUR, -(-end // HOUR)):
                piece = (max(start, hour * HOUR), min(end, (hour + 1) * HOUR), rate)
                hours.setdefault(hour, []).append(piece)
        for hour, pieces in hours.items():
            over = (hour + 1) * HOUR
            last = self.ended and pieces[-1][1] == self.spans[-1][1]
            if over <= now or last:
                start, end = pieces[0][0], pieces[-1][1]
                yield Metered(self.use, start, end, quantity(pieces), end if last else over)


def quantity(pieces: Iterable[tuple[int, int, Decimal]]) -> Decimal:
    """DBU of pieces of time, rounded once to the 18 digits of the column.

    >>> quantity([(0, HOUR, Decimal(4)), (HOUR, HOUR + 900_000, Decimal(8))])
    Decimal('6.000000000000000000')
    """
    with localcontext() as context:
        context.prec = 60
        used = sum((rate * (end - start) for start, end, rate in pieces), Decimal(0))
        return (used / HOUR).quantize(_DIGITS)


@dataclass
class _Thing:
    """Follows the states of one warehouse or cluster."""

    now: int
    since: int = 0
    rate: Decimal = Decimal(0)
    use: Use | None = None
    sessions: list[Session] = field(default_factory=list[Session])

    def turn(self, at: int, use: Use | None, rate: Decimal) -> None:
        """From ``at`` on it is used like this; with ``use`` absent it costs nothing."""
        self._add(at)
        if self.use is not None and use != self.use:
            self.sessions[-1].ended = True
        if use is not None and use != self.use:
            self.sessions.append(Session(use))
        self.since, self.use, self.rate = at, use, rate

    def _add(self, until: int) -> None:
        if self.use is not None and until > self.since:
            self.sessions[-1].spans.append((self.since, until, self.rate))

    def records(self) -> Iterator[Metered]:
        """Everything that is closed."""
        self._add(self.now)
        self.since = self.now
        for session in self.sessions:
            yield from session.records(self.now)


Reading = tuple["list[tuple[str, Use, Decimal]]", bool]
"""What an entry says: things by key with use and DBU an hour, and whether it says anything."""


def follow(entries: Iterable[Entry], key: str, now: int, read: Callable[[Entry], Reading]) -> Iterator[Metered]:
    """Meter all things of a kind.

    Args:
        entries: What happened to them, in order of time.
        key: The fact that names the thing.
        now: Milliseconds since the epoch.
        read: What an entry makes of its thing.
    """
    things: dict[tuple[str, str], _Thing] = {}
    for entry in entries:
        name = str(entry.facts[key])
        uses, known = read(entry)
        if not known:
            continue
        at = int(entry.at * 1000)
        present = {part: (use, rate) for part, use, rate in uses}
        for held in [part for owner, part in things if owner == name and part not in present]:
            things[name, held].turn(at, None, Decimal(0))
        for part, (use, rate) in present.items():
            things.setdefault((name, part), _Thing(now)).turn(at, use, rate)
    for thing in things.values():
        yield from thing.records()


def warehouse_reader(tariff: Tariff) -> Callable[[Entry], Reading]:
    """Warehouses: each running cluster by its size, a serverless one until it has stopped, another until it stops."""
    running: dict[str, tuple[str, int]] = {}

    def read(entry: Entry) -> Reading:
        facts = entry.facts
        name = facts["warehouse_id"]
        if "event_type" in facts:
            running[name] = (facts["event_type"], int(facts["cluster_count"]))
        state, clusters = running.get(name, ("STOPPED", 0))
        over = ("STOPPED",) if facts["info"].get("enable_serverless_compute") else ("STOPPED", "STOPPING")
        if state in over or state == "STARTING" or not clusters:
            return [], True
        use, rate = tariff.warehouse(facts["info"])
        return ([("", use, rate * clusters)] if use else []), True

    return read


def cluster_reader(tariff: Tariff) -> Callable[[Entry], Reading]:
    """Clusters: driver and workers by their node type while the cluster is up."""

    def read(entry: Entry) -> Reading:
        info = entry.facts["info"]
        if info.get("state") not in ("RUNNING", "RESIZING"):
            return [], True
        return list(tariff.cluster(info)), True

    return read


class Tokens:
    """Serving endpoints by the tokens of each full hour, counted as they are asked: queries are too many to keep."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._hours: dict[tuple[int, str], tuple[int, Json]] = {}

    def add(self, entry: Entry) -> None:
        """Count a query."""
        facts = entry.facts
        key = (int(entry.at * 1000) // HOUR, str(facts["endpoint_name"]))
        used = int(facts.get("input_tokens") or 0) + int(facts.get("output_tokens") or 0)
        with self._lock:
            self._hours[key] = (self._hours.get(key, (0, facts))[0] + used, facts)

    def records(self, tariff: Tariff, now: int) -> Iterator[Metered]:
        """What is closed by now; only where the caller gave a rate."""
        with self._lock:
            hours = list(self._hours.items())
        for (hour, _), (tokens, latest) in hours:
            use, rate = tariff.endpoint(latest)
            if use is not None and tokens and (hour + 1) * HOUR <= now:
                amount = (rate * tokens / 1_000_000).quantize(_DIGITS)
                yield Metered(use, hour * HOUR, (hour + 1) * HOUR, amount, (hour + 1) * HOUR)
