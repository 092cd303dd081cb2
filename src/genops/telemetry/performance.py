"""What genops takes for itself: admission, settlement and export in seconds, and what waits in its queues."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from contextlib import suppress
from time import perf_counter
from typing import TYPE_CHECKING, Any

from opentelemetry.metrics import Observation

from genops.core.forks import on_fork
from genops.telemetry.semconv import Attr, Instrument, Metric

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from opentelemetry.metrics import Histogram, Meter

    from genops.telemetry.delivery import Delivery
    from genops.telemetry.export import Sender

# From ten microseconds, below which no admission stays, to what an export may take.
BOUNDARIES = (
    0.00001, 0.000025, 0.00005, 0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0,
    2.5, 5.0, 10.0,
)  # fmt: skip
# Times kept between two collections; beyond that each further one records two on the spot.
_MAX_WAITING = 4_096
_NO_LABELS: dict[str, str] = {}


class Performance:
    """Times that wait for a collection: one costs its caller an append, and histograms are fed when metrics are read.

    Until something reads them, none is kept. After a fork the child begins anew.

    Attributes:
        instruments: What takes the times.
    """

    def __init__(self) -> None:
        self.instruments: Instruments | None = None
        self._waiting: deque[tuple[Instrument, float, dict[str, str]]] = deque()
        on_fork(self._forked)

    def _forked(self) -> None:
        self.instruments = None
        self._waiting.clear()

    def admitted(self, seconds: float) -> None:
        """Take how long an admission took."""
        self._take(Metric.ADMIT_DURATION, seconds, _NO_LABELS)

    def settled(self, seconds: float) -> None:
        """Take how long a settlement took."""
        self._take(Metric.SETTLE_DURATION, seconds, _NO_LABELS)

    def timed(self, signal: str, sender: Sender) -> Sender:
        """Return a sender whose exports are timed, by what became of them."""

        def send(batch: Any, size: int) -> int:
            began, accepted = perf_counter(), 0
            try:
                accepted = sender.send(batch, size)
            finally:
                labels = {Attr.SIGNAL: signal, Attr.OUTCOME: _outcome(accepted, size)}
                self._take(Metric.EXPORT_DURATION, perf_counter() - began, labels)
            return accepted

        return sender._replace(send=send)

    def _take(self, instrument: Instrument, seconds: float, labels: dict[str, str]) -> None:
        if self.instruments is not None:
            self._waiting.append((instrument, seconds, labels))
            if len(self._waiting) > _MAX_WAITING:
                self.drain(2)

    def drain(self, most: int | None = None) -> None:
        """Record what waits, the oldest first.

        Args:
            most: How many at most; all where nothing is said.
        """
        waiting, instruments = self._waiting, self.instruments
        if instruments is None:
            return
        with suppress(IndexError):  # another thread may take the last one
            for _ in range(len(waiting) if most is None else most):
                instrument, seconds, labels = waiting.popleft()
                instruments.histograms[instrument].record(seconds, labels)


def _outcome(accepted: int, size: int) -> str:
    if accepted >= size:
        return "accepted"
    return "partial" if accepted else "failed"


_HISTOGRAMS = (Metric.ADMIT_DURATION, Metric.SETTLE_DURATION, Metric.EXPORT_DURATION)


class Instruments:
    """The instruments of one meter provider; they stay for as long as it lives.

    Args:
        meter: Makes them.
        deliveries: Reads the queues.
    """

    def __init__(self, meter: Meter, deliveries: Callable[[], Iterable[Delivery]]) -> None:
        self.histograms = {instrument: _histogram(meter, instrument) for instrument in _HISTOGRAMS}
        queue = Metric.QUEUE_SIZE

        def waiting(_options: object) -> Iterable[Observation]:
            return [Observation(count, {Attr.SIGNAL: signal}) for signal, count in _sums(deliveries()).items()]

        meter.create_observable_gauge(queue.name, [waiting], queue.unit, queue.description)


def _sums(deliveries: Iterable[Delivery]) -> Mapping[str, int]:
    sums: dict[str, int] = {}
    for delivery in deliveries:
        sums[delivery.signal] = sums.get(delivery.signal, 0) + delivery.waiting
    return sums


def _histogram(meter: Meter, instrument: Instrument) -> Histogram:
    return meter.create_histogram(
        instrument.name, instrument.unit, instrument.description, explicit_bucket_boundaries_advisory=BOUNDARIES
    )
