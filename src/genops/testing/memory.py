"""Providers of OpenTelemetry that keep what they are given in memory.

They are made on OpenTelemetry's API alone. The SDK's own would read `OTEL_*` variables (and keep nothing at all where
`OTEL_SDK_DISABLED` is set, as it often is for tests), and what they hold differs from version to version.
"""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, cast

from opentelemetry import trace
from opentelemetry.metrics import CallbackOptions, Observation
from opentelemetry.trace import Span, SpanContext, SpanKind, Status, StatusCode, TraceFlags

from genops.testing.captured import CapturedEvent, CapturedMetric, CapturedPoint, CapturedSpan

if TYPE_CHECKING:
    from opentelemetry.context import Context

    from genops.core.ports import Ids
    from genops.core.records import Record

_SAMPLED = TraceFlags(TraceFlags.SAMPLED)
_SEVERITIES = {9: "INFO", 13: "WARN", 17: "ERROR"}


class Memory:
    """What was captured, in the order in which it came; safe to use from many threads.

    Args:
        capacity: Spans, events and records that are kept of each; later ones are counted in `lost`.

    Attributes:
        lost: How many were not kept.
    """

    def __init__(self, capacity: int) -> None:
        self._capacity = capacity
        self._lock = threading.RLock()
        self.clear()

    def clear(self) -> None:
        """Forget everything."""
        with self._lock:
            self._spans: list[tuple[int, CapturedSpan]] = []
            self._events: list[CapturedEvent] = []
            self._records: list[Record] = []
            self.lost = 0

    def keep_span(self, number: int, span: CapturedSpan) -> None:
        """Keep an ended span; `number` says which one it was to start."""
        self._keep(self._spans, (number, span))

    def keep_event(self, event: CapturedEvent) -> None:
        """Keep an event."""
        self._keep(self._events, event)

    def write(self, record: Record) -> None:
        """Keep a record; memory is a sink."""
        self._keep(self._records, record)

    def _keep(self, kept: list[Any], item: Any) -> None:
        with self._lock:
            if len(kept) < self._capacity:
                kept.append(item)
            else:
                self.lost += 1

    @property
    def spans(self) -> tuple[CapturedSpan, ...]:
        """The ended spans, in the order in which they started."""
        with self._lock:
            return tuple(span for _, span in sorted(self._spans, key=lambda entry: entry[0]))

    @property
    def events(self) -> tuple[CapturedEvent, ...]:
        """The events."""
        with self._lock:
            return tuple(self._events)

    @property
    def records(self) -> tuple[Record, ...]:
        """The records."""
        with self._lock:
            return tuple(self._records)


class Tracers:
    """Gives tracers whose spans are kept in memory; it is the one tracer of all."""

    def __init__(self, memory: Memory, ids: Ids) -> None:
        self._memory = memory
        self._ids = ids
        self._numbers = itertools.count(1)
        self._lock = threading.RLock()

    def get_tracer(self, *_scope: Any, **_options: Any) -> Tracers:
        """Return itself."""
        return self

    def start_span(
        self,
        name: str,
        context: Context | None = None,
        kind: SpanKind = SpanKind.INTERNAL,
        attributes: Mapping[str, Any] | None = None,
        _links: object = None,
        start_time: int | None = None,
        *_further: object,
    ) -> MemorySpan:
        """Start a span below the current one."""
        above = trace.get_current_span(context).get_span_context()
        with self._lock:
            trace_id = above.trace_id if above.is_valid else self._ids.trace_id()
            identity = SpanContext(trace_id, self._ids.span_id(), is_remote=False, trace_flags=_SAMPLED)
            number = next(self._numbers)

        def ended(span: CapturedSpan) -> None:
            self._memory.keep_span(number, span)

        return MemorySpan(name, identity, above, kind, attributes, start_time or 0, ended)


class MemorySpan(Span):
    """A span that becomes a `CapturedSpan` when it ends."""

    def __init__(
        self,
        name: str,
        identity: SpanContext,
        above: SpanContext,
        kind: SpanKind,
        attributes: Mapping[str, Any] | None,
        started_ns: int,
        ended: Callable[[CapturedSpan], None],
    ) -> None:
        self._name = name
        self._identity = identity
        self._above = above
        self._kind = kind
        self._attributes = _clean(attributes)
        self._started_ns = started_ns
        self._ended = ended
        self._events: list[CapturedEvent] = []
        self._failed = False
        self._open = True

    def get_span_context(self) -> SpanContext:
        """Return its identity."""
        return self._identity

    @property
    def attributes(self) -> Mapping[str, Any]:
        """What it says so far; spans of the SDK can be asked the same."""
        return self._attributes

    def is_recording(self) -> bool:
        """Whether it has not ended."""
        return self._open

    def set_attributes(self, attributes: Mapping[str, Any]) -> None:
        """Add attributes."""
        if self._open:
            self._attributes.update(_clean(attributes))

    def set_attribute(self, key: str, value: Any) -> None:
        """Add an attribute."""
        self.set_attributes({key: value})

    def add_event(self, name: str, attributes: Mapping[str, Any] | None = None, timestamp: int | None = None) -> None:
        """Add an event."""
        if self._open:
            self._events.append(
                CapturedEvent(name, *_hex(self._identity), timestamp or self._started_ns, "INFO", _clean(attributes))
            )

    def update_name(self, name: str) -> None:
        """Take another name."""
        self._name = name

    def set_status(self, status: Status | StatusCode, description: str | None = None) -> None:  # noqa: ARG002  (the API's signature)
        """Take note of whether it failed."""
        code = status.status_code if isinstance(status, Status) else status
        self._failed = code is StatusCode.ERROR

    def record_exception(self, exception: BaseException, *_further: Any, **_options: Any) -> None:
        """Add the event of an exception; its message stays out."""
        self.add_event("exception", {"exception.type": type(exception).__qualname__})

    def end(self, end_time: int | None = None) -> None:
        """End, once."""
        if not self._open:
            return
        self._open = False
        trace_id, span_id = _hex(self._identity)
        self._ended(
            CapturedSpan(
                self._name,
                trace_id,
                span_id,
                f"{self._above.span_id:016x}" if self._above.is_valid else None,
                self._kind.name.lower(),
                "error" if self._failed else "unset",
                self._started_ns,
                self._started_ns if end_time is None else end_time,
                self._attributes,
                tuple(self._events),
            )
        )


class Loggers:
    """Gives loggers whose events are kept in memory; it is the one logger of all."""

    def __init__(self, memory: Memory) -> None:
        self._memory = memory

    def get_logger(self, *_scope: Any, **_options: Any) -> Loggers:
        """Return itself."""
        return self

    def emit(self, record: Any) -> None:
        """Keep an event."""
        severity = getattr(record.severity_number, "value", 0)
        self._memory.keep_event(
            CapturedEvent(
                record.event_name or "",
                f"{record.trace_id or 0:032x}",
                f"{record.span_id or 0:016x}",
                record.timestamp or 0,
                _SEVERITIES.get(severity, str(severity)),
                _clean(record.attributes),
                bool((record.trace_flags or 0) & TraceFlags.SAMPLED),
            )
        )


class Meters:
    """Gives meters whose instruments are read on demand; it is the one meter of all."""

    def __init__(self) -> None:
        self._recorded: dict[str, _Recorded] = {}
        self._observed: dict[str, _Observed] = {}
        self._lock = threading.RLock()

    def get_meter(self, *_scope: Any, **_options: Any) -> Meters:
        """Return itself."""
        return self

    def create_histogram(self, name: str, unit: str = "", *_further: Any, **_options: Any) -> _Recorded:
        """Return a histogram; its points say the sum and the number of what was recorded."""
        return self._new(name, "histogram", unit)

    def create_counter(self, name: str, unit: str = "", *_further: Any) -> _Recorded:
        """Return a counter."""
        return self._new(name, "counter", unit)

    def create_up_down_counter(self, name: str, unit: str = "", *_further: Any) -> _Recorded:
        """Return an up-down counter."""
        return self._new(name, "updowncounter", unit)

    def create_gauge(self, name: str, unit: str = "", *_further: Any) -> _Recorded:
        """Return a gauge."""
        return self._new(name, "gauge", unit)

    def create_observable_counter(self, name: str, callbacks: _Callbacks, unit: str = "", *_further: Any) -> None:
        """Read a counter from callbacks."""
        self._observed[name] = _Observed("counter", unit, tuple(callbacks))

    def create_observable_up_down_counter(
        self, name: str, callbacks: _Callbacks, unit: str = "", *_further: Any
    ) -> None:
        """Read an up-down counter from callbacks."""
        self._observed[name] = _Observed("updowncounter", unit, tuple(callbacks))

    def create_observable_gauge(self, name: str, callbacks: _Callbacks, unit: str = "", *_further: Any) -> None:
        """Read a gauge from callbacks."""
        self._observed[name] = _Observed("gauge", unit, tuple(callbacks))

    def _new(self, name: str, kind: str, unit: str) -> _Recorded:
        return self._recorded.setdefault(name, _Recorded(kind, unit, self._lock))

    def read(self) -> tuple[CapturedMetric, ...]:
        """Return every metric that has a point, by name.

        Observable instruments are read first, as the SDK does: reading them feeds the histogram.
        """
        with self._lock:
            found = _metrics(self._observed.copy())
            found |= _metrics(self._recorded.copy())
        return tuple(metric for _, metric in sorted(found.items()) if metric.points)

    def clear(self) -> None:
        """Begin at zero with what is recorded; observable instruments begin where what they observe begins."""
        self.read()
        with self._lock:
            for recorded in self._recorded.copy().values():
                recorded.sums.clear()


_Callbacks = Sequence[Callable[[CallbackOptions], Iterable[Observation]]]
_Labels = tuple[tuple[str, Any], ...]


class _Observed:
    """An instrument that callbacks are asked for."""

    def __init__(self, kind: str, unit: str, callbacks: _Callbacks) -> None:
        self.kind = kind
        self.unit = unit
        self._callbacks = callbacks

    def points(self) -> list[CapturedPoint]:
        options = CallbackOptions()
        return [
            CapturedPoint(_clean(observation.attributes), observation.value)
            for callback in self._callbacks
            for observation in callback(options)
        ]


class _Sum:
    """What was recorded under one combination of labels."""

    total: float = 0
    count = 0


class _Recorded:
    """An instrument that is told."""

    def __init__(self, kind: str, unit: str, lock: threading.RLock) -> None:
        self.kind = kind
        self.unit = unit
        self.sums: dict[_Labels, _Sum] = {}
        self._lock = lock

    def _add(self, amount: float, attributes: Mapping[str, Any] | None) -> None:
        labels = tuple(sorted(_clean(attributes).items()))
        with self._lock:
            kept = self.sums.setdefault(labels, _Sum())
            kept.total = amount if self.kind == "gauge" else kept.total + amount
            kept.count += 1

    def record(self, amount: float, attributes: Mapping[str, Any] | None = None, *_further: Any) -> None:
        """Take a value of a histogram."""
        self._add(amount, attributes)

    def add(self, amount: float, attributes: Mapping[str, Any] | None = None, *_further: Any) -> None:
        """Add to a counter."""
        self._add(amount, attributes)

    def set(self, amount: float, attributes: Mapping[str, Any] | None = None, *_further: Any) -> None:
        """Set a gauge."""
        self._add(amount, attributes)

    def points(self) -> list[CapturedPoint]:
        counted = self.kind == "histogram"
        return [
            CapturedPoint(dict(labels), kept.total, kept.count if counted else None)
            for labels, kept in self.sums.copy().items()
        ]


def _metrics(instruments: Mapping[str, _Observed | _Recorded]) -> dict[str, CapturedMetric]:
    return {name: _metric(name, instrument, instrument.points()) for name, instrument in instruments.items()}


def _metric(name: str, instrument: _Observed | _Recorded, points: list[CapturedPoint]) -> CapturedMetric:
    points.sort(key=lambda point: sorted((key, str(value)) for key, value in point.labels.items()))
    return CapturedMetric(name, instrument.kind, instrument.unit, tuple(points))


def _hex(identity: SpanContext) -> tuple[str, str]:
    return f"{identity.trace_id:032x}", f"{identity.span_id:016x}"


def _clean(attributes: Mapping[str, Any] | None) -> dict[str, Any]:
    """Return attributes as they would arrive: without nulls, sequences as tuples."""
    return {
        str(name): tuple(cast("list[Any]", value)) if isinstance(value, (list, tuple)) else value
        for name, value in (attributes or {}).items()
        if value is not None
    }
