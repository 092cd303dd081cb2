"""Succession: who takes what somebody that was replaced left unfinished. Loads nothing of OpenTelemetry."""

from __future__ import annotations

from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Iterable

    from genops.telemetry.lanes import QueueLane
    from genops.telemetry.providers import Telemetry


Member = TypeVar("Member")


class Line(Generic[Member]):
    """The place of something in the line of those that replace one another.

    A place whose member was replaced keeps nothing but the way to the next, so a long line holds no memory.

    Args:
        member: Whose place it is.
    """

    __slots__ = ("_member", "_next")

    def __init__(self, member: Member) -> None:
        self._member: Member | None = member
        self._next: Line[Member] | None = None

    @property
    def replaced(self) -> bool:
        """Whether another has taken over."""
        return self._next is not None

    @property
    def latest(self) -> Member:
        """The last of the line."""
        member = self._member
        while member is None:  # again where it is replaced at this very moment
            last = self._last()
            member = last._member  # noqa: SLF001  (a place of the same line)
            self._next = last
        return member

    def _last(self) -> Line[Member]:
        last = self
        while last._next is not None:
            last = last._next
        return last

    def replace(self, successor: Line[Member]) -> None:
        """Let another place take over."""
        if successor.latest is not self.latest:
            self._next = successor
            self._member = None


class Way:
    """The way of ended spans, or of log records, of one telemetry to its destinations.

    Args:
        line: The place of the telemetry.
        lanes: Its lanes of that signal.
        inherited: Whether the latest telemetry of the line takes what comes after it was replaced. Log records cannot
            be passed on, and need not: records of what is unfinished go to the latest by themselves.
    """

    def __init__(self, line: Line[Telemetry], lanes: Iterable[QueueLane], *, inherited: bool) -> None:
        self.line = line
        self._lanes = tuple(lanes)
        self._inherited = inherited

    @property
    def open(self) -> bool:
        """Whether the telemetry, or one that replaced it, still sends."""
        return not self.line.latest.ended

    def put(self, item: object) -> None:
        """Queue an item for each destination once; where nobody sends any more it is dropped and counted."""
        if self._inherited and self.line.replaced and self.line.latest.take(item):
            return
        for lane in self._lanes:
            lane.put(item)


class Ways:
    """The ways that begin at one provider of the program; what it brings takes the newest that is open.

    A provider keeps a processor for as long as it lives, so there is one for all telemetries, one after the other.
    """

    def __init__(self) -> None:
        self._ways: tuple[Way, ...] = ()

    def join(self, way: Way) -> None:
        """Add a way in the place of those that have ended, or have led to the same telemetry."""
        latest = way.line.latest
        kept = (known for known in self._ways if known.open and known.line.latest is not latest)
        self._ways = (*kept, way)

    def put(self, item: object) -> None:
        """Pass an item on once."""
        ways = self._ways
        newest = next((way for way in reversed(ways) if way.open), ways[-1])
        newest.put(item)
