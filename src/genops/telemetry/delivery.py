"""What became of telemetry: counts by destination and signal, also where nothing could be connected."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterable
from typing import TYPE_CHECKING, NamedTuple

from genops.core.ports import NoTracer

if TYPE_CHECKING:
    from genops.core.operation import Operation
    from genops.core.ports import Scope
    from genops.core.records import Record, Role

_log = logging.getLogger("genops")


class Delivery(NamedTuple):
    """What became of the items of one signal at one destination.

    Attributes:
        destination: Where they went: `otlp`, or the path of a file.
        signal: `traces`, `logs` or `metrics` (counted in points).
        exported: Accepted by the destination.
        failed: Refused by it, or not deliverable.
        dropped: Lost to a full queue, or offered after the end.
        waiting: Still queued or under way; after the end: abandoned.
        repeated: Sent again after an attempt that nobody answered: as many may have arrived twice.
    """

    destination: str
    signal: str
    exported: int
    failed: int
    dropped: int
    waiting: int
    repeated: int = 0

    @property
    def lost(self) -> int:
        """Items that will not arrive, as far as is known."""
        return self.failed + self.dropped


def reason(fault: Exception) -> str:
    """Name a missing module, otherwise the class of the fault alone: its message may quote the caller's data."""
    if isinstance(fault, ImportError):
        return f"cannot import {fault.name or fault}"
    return type(fault).__qualname__


def warn(report: Iterable[Delivery]) -> None:
    """Log what was lost, where anything was."""
    lost = [
        f"{delivery.signal} to {delivery.destination}: {delivery.failed} failed, {delivery.dropped} dropped, "
        f"{delivery.waiting} abandoned, {delivery.exported} exported"
        for delivery in report
        if delivery.lost or delivery.waiting
    ]
    if lost:
        _log.warning("genops: telemetry was lost. %s", "; ".join(lost))


class Undelivered(NoTracer):
    """Stands where OpenTelemetry should: tracer and sink that make identities and count what is lost.

    Loads nothing of OpenTelemetry, whose absence may be the reason.

    Args:
        ways: Destination and signal (`traces`, `logs`) of everything that should have left. Spans count as `traces`,
            records as `logs`; metrics are read, never offered, and so are not counted.
    """

    def __init__(self, ways: Iterable[tuple[str, str]]) -> None:
        self._ways = tuple(ways)
        self._offered = {"traces": 0, "logs": 0}
        self._told = 0
        # Reentrant, because a finalizer inside the locked lines may make governed calls.
        self._lock = threading.RLock()

    def open(self, operation: Operation, role: Role, started_ns: int, parent: object = None) -> Scope:
        """Count a span and return a scope with ids of its own."""
        self._count("traces")
        return super().open(operation, role, started_ns, parent)

    def write(self, record: Record) -> None:  # noqa: ARG002  (a sink's signature)
        """Count a record."""
        self._count("logs")

    def lose(self, signal: str) -> None:
        """Count something that another telemetry left unfinished."""
        self._count(signal)

    @property
    def deliveries(self) -> tuple[Delivery, ...]:
        """What was offered so far, as failed."""
        return tuple(Delivery(where, signal, 0, self._offered[signal], 0, 0) for where, signal in self._ways)

    def told(self) -> bool:
        """Return whether nothing was lost since this was last asked."""
        with self._lock:
            lost = sum(delivery.lost for delivery in self.deliveries)
            fresh, self._told = lost - self._told, lost
        return fresh == 0

    def _count(self, signal: str) -> None:
        with self._lock:
            self._offered[signal] += 1
