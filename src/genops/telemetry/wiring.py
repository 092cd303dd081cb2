"""Wiring: connects the tracer and the sinks to the program's own providers, or to private ones of genops.

A provider that the program has set is used and never replaced. What it lacks, genops makes for itself and keeps to
itself: nothing of it becomes global. This module imports the SDK; it is loaded at the first operation.
"""

from __future__ import annotations

import functools
import logging
import math
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any, cast

from opentelemetry import _logs, metrics, trace
from opentelemetry.sdk import _logs as sdk_logs
from opentelemetry.sdk._logs import LoggerProvider, LogRecordProcessor
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
from opentelemetry.sdk.trace import TracerProvider

from genops.telemetry.batching import batching, metrics_interval
from genops.telemetry.events import EventMaker, LogEvents, QueuedEvents, SpanEvents
from genops.telemetry.fallback import unjudged, without_logs
from genops.telemetry.lanes import CollectLane, DirectLane, QueueLane
from genops.telemetry.metrics import Durations, Sources, View, view
from genops.telemetry.relays import LogRelay, SpanRelay, ways_of
from genops.telemetry.resource import build_resource, version
from genops.telemetry.semconv import SCHEMA_URL, SCOPE
from genops.telemetry.succession import Way
from genops.telemetry.tracer import OTelTracer, Sampling
from genops.telemetry.wired import Providers, Wired

if TYPE_CHECKING:
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.trace import Span

    from genops.core.guard import Guard
    from genops.core.ports import Sink
    from genops.telemetry.config import TelemetryConfig
    from genops.telemetry.delivery import Delivery
    from genops.telemetry.events import Waiting
    from genops.telemetry.export import Destination, Plan, Sender
    from genops.telemetry.lanes import Lane
    from genops.telemetry.performance import Performance
    from genops.telemetry.providers import Telemetry
    from genops.telemetry.succession import Line
    from genops.telemetry.validation import Validation

_log = logging.getLogger("genops")


class Wiring:
    """Connects one process.

    Args:
        line: The place of the telemetry among those that replace one another.
        config: What telemetry is told.
        planned: Where it goes.
        guard: Counts faults.
        sources: Returns what metrics are read from.
        given: Providers to use instead of the program's.
        performance: Takes what genops takes for itself, where that is measured.
        validation: Holds what leaves against the registry, where that is asked for.
    """

    def __init__(
        self,
        line: Line[Telemetry],
        config: TelemetryConfig,
        planned: Plan,
        guard: Guard,
        sources: Callable[[Callable[[], Iterable[Delivery]]], Sources],
        given: Providers | None = None,
        performance: Performance | None = None,
        validation: Validation | None = None,
    ) -> None:
        self._line = line
        self._validation = validation
        self._performance = performance
        self._given = given
        self._config = config
        self._plan = planned
        self._guard = guard
        self._sources = sources
        self._lanes: list[Lane] = []
        self._hosts: list[Any] = []
        self._meters: Any = None
        self._read: Sources | None = None
        self._outlets: tuple[QueueLane, ...] = ()
        self._resource: Resource | None = None

    def connect(self) -> Wired:
        """Return what this process emits through; where that fails no lane is left running."""
        try:
            return self._connect()
        except Exception:
            for lane in self._lanes:
                lane.abandon()
            raise

    def _connect(self) -> Wired:
        given = self._given
        host = _set_by_program(trace.get_tracer_provider()) if given is None else given.tracers
        provider = self._tracer_provider(host)
        events = self._events()
        spans: dict[int, Span] | None = None
        sampling = Sampling.of(self._config)
        if events is None and provider is not None:
            spans = {}
            sampling = self._without_logs(sampling, host)
        tracer = None if provider is None else provider.get_tracer(SCOPE, version(), SCHEMA_URL)
        sinks: list[Sink] = []
        if events is not None:
            sinks.append(events)
        elif spans is not None:
            sinks.append(SpanEvents(spans, self._validation))
        found = self._view()
        if found is not None:
            sinks.append(Durations(found))
            if self._performance is not None:
                found.measure(self._performance)
        if self._config.require_encryption and self._hosts and self._given is None:
            unjudged()
        own, ids = (host is None, None) if given is None else (True, given.ids)
        otel_tracer = OTelTracer(tracer, sampling=sampling, own=own, spans=spans, ids=ids, validation=self._validation)
        return Wired(
            otel_tracer, tuple(sinks), tuple(self._lanes), tuple(self._hosts), found,
            self._read, self._meters, self._outlets,
        )  # fmt: skip

    def _without_logs(self, sampling: Sampling | None, host: Any) -> Sampling | None:
        if self._config.events == "span":
            return sampling
        without_logs(
            [destination.name for destination in self._plan.destinations],
            spans_leave=host is not None or any(lane.signal == "traces" for lane in self._lanes),
            sampled=sampling is not None,
        )
        return None

    def _tracer_provider(self, host: Any) -> trace.TracerProvider | None:
        if host is not None:
            self._hosts.append(host)
            self._outlets = self._join("traces", host, getattr(host, "add_span_processor", None), SpanRelay)
            return host
        if not self._plan.destinations:
            return None
        own = TracerProvider(resource=self._own_resource(), shutdown_on_exit=False)
        self._outlets = self._lanes_of("traces", list)
        own.add_span_processor(SpanRelay(Way(self._line, self._outlets, inherited=True).put))
        return own

    def _events(self) -> Sink | None:
        if self._config.events == "span":
            return None
        given = self._given
        provider: Any = _set_by_program(_logs.get_logger_provider()) if given is None else given.loggers
        if provider is not None:
            self._hosts.append(provider)
            self._join("logs", provider, getattr(provider, "add_log_record_processor", None), LogRelay)
            return LogEvents(provider.get_logger(SCOPE, version(), SCHEMA_URL), self._validation)
        validation = self._validation
        puts: list[Callable[[Waiting], None]] = []
        for found in self._plan.destinations:
            lane = self._queue_lane("logs", found, self._maker(validation))
            if lane is not None:
                puts.append(lane.put)
                validation = None  # the same events leave by every lane, and are checked on one
        return QueuedEvents(puts) if puts else None

    def _maker(self, validation: Validation | None) -> Callable[[Sequence[Any]], list[Any]]:
        """Return what makes log records on the thread of a lane."""
        made: list[Any] = []
        own = LoggerProvider(resource=self._own_resource(), shutdown_on_exit=False)
        own.add_log_record_processor(Gathered(made))
        make = EventMaker(LogEvents(own.get_logger(SCOPE, version(), SCHEMA_URL), validation), made)
        return lambda batch: frozen_logs(make(batch))

    def _view(self) -> View | None:
        if self._config.off:
            return None
        given = self._given
        host = _set_by_program(metrics.get_meter_provider()) if given is None else given.meters
        if host is not None and not self._plan.explicit:
            self._hosts.append(host)
            self._meters = host
            return self._view_on(host)
        readers = [reader for reader in map(self._reader, self._plan.destinations) if reader is not None]
        if not readers:
            return None
        own = MeterProvider(metric_readers=readers, resource=self._own_resource(), shutdown_on_exit=False)
        return self._view_on(own)

    def _view_on(self, provider: Any) -> View:
        lanes = self._lanes
        self._read = self._sources(lambda: [lane.delivery for lane in lanes])
        return view(provider, self._read)

    def _join(
        self, signal: str, host: Any, add: Callable[[Any], object] | None, relay: Callable[..., Any]
    ) -> tuple[QueueLane, ...]:
        """Send what genops makes through a provider of the program to what was explicitly asked for as well."""
        if not self._plan.explicit:
            return ()
        if add is None:
            _log.warning(
                "genops: the program's provider of %s takes no further exporter; only its own is used.", signal
            )
            return ()
        lanes = self._lanes_of(signal, frozen_logs if signal == "logs" else list)
        if lanes:
            way = Way(self._line, lanes, inherited=signal == "traces")
            ways_of(host, lambda ways: add(relay(ways.put, SCOPE))).join(way)
        return lanes

    def _lanes_of(self, signal: str, prepare: Callable[[Sequence[Any]], list[Any]]) -> tuple[QueueLane, ...]:
        found = (self._queue_lane(signal, destination, prepare) for destination in self._plan.destinations)
        return tuple(lane for lane in found if lane is not None)

    def _queue_lane(
        self, signal: str, destination: Destination, prepare: Callable[[Sequence[Any]], list[Any]]
    ) -> QueueLane | None:
        sender = self._sender(destination, signal)
        if sender is None:
            return None
        config = self._config
        lane = (QueueLane if config.async_export else DirectLane)(
            destination.name,
            signal,
            lambda batch: sender.send(prepare(batch), len(batch)),
            batching=batching(signal, config),
            guard=self._guard,
            shutdown=sender.shutdown,
            repeated=sender.repeated,
        )
        self._lanes.append(lane)
        return lane

    def _sender(self, destination: Destination, signal: str) -> Sender | None:
        sender = destination.sender(signal)
        if sender is None or self._performance is None:
            return sender
        return self._performance.timed(signal, sender)

    def _reader(self, destination: Destination) -> PeriodicExportingMetricReader | None:
        sender = self._sender(destination, "metrics")
        if sender is None:
            return None
        exporter = MetricSender(sender)
        # Without an interval the SDK's reader has no thread of its own; the lane's thread collects.
        reader = PeriodicExportingMetricReader(cast("Any", exporter), export_interval_millis=math.inf)
        lane = CollectLane(
            destination.name,
            reader.collect,
            interval=metrics_interval(),
            guard=self._guard,
            shutdown=sender.shutdown,
            repeated=sender.repeated,
        )
        exporter.lane = lane
        self._lanes.append(lane)
        lane.start()
        return reader

    def _own_resource(self) -> Resource:
        if self._resource is None:
            self._resource = build_resource(self._config)
        return self._resource


def _set_by_program(provider: Any) -> Any:
    """Return a provider, or `None` where it is one of the API's own that stand in for none."""
    return None if type(provider).__module__.startswith(_API) else provider


_API = ("opentelemetry.trace", "opentelemetry._logs", "opentelemetry.metrics")


class Gathered(LogRecordProcessor):
    """Puts log records into a list.

    Args:
        made: The list.
    """

    def __init__(self, made: list[Any]) -> None:
        self._made = made

    def on_emit(self, log_record: Any) -> None:
        """Take a log record."""
        self._made.append(log_record)

    def shutdown(self) -> None:
        """Nothing is held."""

    def force_flush(self, timeout_millis: int = 30000) -> bool:  # noqa: ARG002  (the SDK's signature)
        """Nothing is held."""
        return True


class MetricSender:
    """Stands before a destination as the SDK's metric exporter and counts points.

    Args:
        sender: Sends the metrics.

    Attributes:
        lane: Counts what was accepted.
    """

    lane: CollectLane

    def __init__(self, sender: Sender) -> None:
        from opentelemetry.sdk.metrics.export import ConsoleMetricExporter

        self._sender = sender
        # Only asked for its preferred temporality and aggregation, which a file has by default.
        self._preferences = sender.exporter or ConsoleMetricExporter()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._preferences, name)

    def export(self, metrics_data: Any, **_options: Any) -> None:
        """Send one collection."""
        points = sum(
            len(metric.data.data_points)
            for resource_metrics in metrics_data.resource_metrics
            for scope_metrics in resource_metrics.scope_metrics
            for metric in scope_metrics.metrics
        )
        if points:
            self.lane.send(points, lambda: self._sender.send(metrics_data, points))


@functools.cache
def _readable() -> Any:
    return getattr(sdk_logs, "ReadableLogRecord", None)


def frozen_logs(batch: Sequence[Any]) -> list[Any]:
    """Return log records as exporters take them: until version 1.38 of the SDK as they come."""
    readable = _readable()
    if readable is None:
        return list(batch)
    return [
        readable(
            log_record=item.log_record,
            resource=item.resource,
            instrumentation_scope=item.instrumentation_scope,
            limits=item.limits,
        )
        for item in batch
    ]
