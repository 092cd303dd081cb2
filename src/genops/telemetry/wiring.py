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
from opentelemetry.sdk.trace import ReadableSpan, SpanProcessor, TracerProvider

from genops.telemetry.batching import batching, metrics_interval
from genops.telemetry.events import EventMaker, LogEvents, QueuedEvents, SpanEvents
from genops.telemetry.lanes import CollectLane, DirectLane, QueueLane
from genops.telemetry.metrics import Durations, Sources, View, view
from genops.telemetry.resource import build_resource, version
from genops.telemetry.semconv import SCHEMA_URL, SCOPE
from genops.telemetry.tracer import OTelTracer, Sampling
from genops.telemetry.wired import Wired

if TYPE_CHECKING:
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.trace import Span

    from genops.core.guard import Guard
    from genops.core.ports import Sink
    from genops.telemetry.config import TelemetryConfig
    from genops.telemetry.delivery import Delivery
    from genops.telemetry.export import Destination, Plan, Sender
    from genops.telemetry.lanes import Lane

_log = logging.getLogger("genops")


class Wiring:
    """Connects one process.

    Args:
        config: What telemetry is told.
        planned: Where it goes.
        guard: Counts faults.
        sources: Returns what metrics are read from.
    """

    def __init__(
        self,
        config: TelemetryConfig,
        planned: Plan,
        guard: Guard,
        sources: Callable[[Callable[[], Iterable[Delivery]]], Sources],
    ) -> None:
        self._config = config
        self._plan = planned
        self._guard = guard
        self._sources = sources
        self._lanes: list[Lane] = []
        self._hosts: list[Any] = []
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
        host = _set_by_program(trace.get_tracer_provider())
        provider = self._tracer_provider(host)
        events = self._events()
        spans: dict[int, Span] | None = None
        sampling = Sampling.of(self._config)
        if events is None and provider is not None and (host is not None or self._config.events == "span"):
            spans = {}
            sampling = self._without_logs(sampling)
        tracer = None if provider is None else provider.get_tracer(SCOPE, version(), SCHEMA_URL)
        sinks: list[Sink] = []
        if events is not None:
            sinks.append(events)
        elif spans is not None:
            sinks.append(SpanEvents(spans))
        found = self._view()
        if found is not None:
            sinks.append(Durations(found))
        otel_tracer = OTelTracer(tracer, sampling=sampling, own=host is None, spans=spans)
        return Wired(otel_tracer, tuple(sinks), tuple(self._lanes), tuple(self._hosts), found)

    def _without_logs(self, sampling: Sampling | None) -> Sampling | None:
        if self._config.events == "span":
            return sampling
        _log.warning(
            "genops: the program has a tracer provider but no logger provider, and no endpoint is configured: events "
            "leave as span events%s. Set a logger provider, or OTEL_EXPORTER_OTLP_ENDPOINT, for log events.",
            ", and genops' own sampling is off, because the events of unsampled operations would be lost"
            if sampling is not None
            else "",
        )
        return None

    def _tracer_provider(self, host: Any) -> trace.TracerProvider | None:
        if host is not None:
            self._hosts.append(host)
            self._add("traces", getattr(host, "add_span_processor", None), SpanLane, only=SCOPE)
            return host
        if not self._plan.destinations:
            return None
        own = TracerProvider(resource=self._own_resource(), shutdown_on_exit=False)
        self._add("traces", own.add_span_processor, SpanLane)
        return own

    def _events(self) -> Sink | None:
        if self._config.events == "span":
            return None
        provider: Any = _set_by_program(_logs.get_logger_provider())
        if provider is not None:
            self._hosts.append(provider)
            self._add("logs", getattr(provider, "add_log_record_processor", None), LogLane, only=SCOPE)
            return LogEvents(provider.get_logger(SCOPE, version(), SCHEMA_URL))
        lanes = [self._queue_lane("logs", found, self._maker()) for found in self._plan.destinations]
        puts = [lane.put for lane in lanes if lane is not None]
        return QueuedEvents(puts) if self._plan.destinations else None

    def _maker(self) -> Callable[[Sequence[Any]], list[Any]]:
        """Return what makes log records on the thread of a lane."""
        made: list[Any] = []
        own = LoggerProvider(resource=self._own_resource(), shutdown_on_exit=False)
        own.add_log_record_processor(Gathered(made))
        make = EventMaker(LogEvents(own.get_logger(SCOPE, version(), SCHEMA_URL)), made)
        return lambda batch: frozen_logs(make(batch))

    def _view(self) -> View | None:
        if self._config.off:
            return None
        host = _set_by_program(metrics.get_meter_provider())
        if host is not None and not self._plan.explicit:
            self._hosts.append(host)
            return view(host, self._read())
        readers = [reader for reader in map(self._reader, self._plan.destinations) if reader is not None]
        if not readers:
            return None
        own = MeterProvider(metric_readers=readers, resource=self._own_resource(), shutdown_on_exit=False)
        return view(own, self._read())

    def _read(self) -> Sources:
        lanes = self._lanes
        return self._sources(lambda: [lane.delivery for lane in lanes])

    def _add(
        self,
        signal: str,
        add: Callable[[Any], object] | None,
        processor: Callable[..., object],
        only: str | None = None,
    ) -> None:
        if only is not None and not self._plan.explicit:
            return
        if add is None:
            _log.warning(
                "genops: the program's provider of %s takes no further exporter; only its own is used.", signal
            )
            return
        for destination in self._plan.destinations:
            lane = self._queue_lane(signal, destination, frozen_logs if signal == "logs" else list)
            if lane is not None:
                add(processor(lane, only))

    def _queue_lane(
        self, signal: str, destination: Destination, prepare: Callable[[Sequence[Any]], list[Any]]
    ) -> QueueLane | None:
        sender = destination.sender(signal)
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
        )
        self._lanes.append(lane)
        return lane

    def _reader(self, destination: Destination) -> PeriodicExportingMetricReader | None:
        sender = destination.sender("metrics")
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


class SpanLane(SpanProcessor):
    """Puts ended spans on a lane.

    Args:
        lane: The lane.
        only: Instrumentation scope whose spans are taken; `None` for all.
    """

    def __init__(self, lane: QueueLane, only: str | None = None) -> None:
        self._put = lane.put
        self._only = only

    def on_end(self, span: ReadableSpan) -> None:
        """Take a span, if it is sampled."""
        context = span.context
        if context is None or not context.trace_flags.sampled:
            return
        if self._only is None or (span.instrumentation_scope and span.instrumentation_scope.name == self._only):
            self._put(span)

    def force_flush(self, timeout_millis: int = 30000) -> bool:  # noqa: ARG002  (the SDK's signature)
        """The lane is flushed by whoever made it."""
        return True


class LogLane(LogRecordProcessor):
    """Puts log records on a lane.

    Args:
        lane: The lane.
        only: Instrumentation scope whose records are taken; `None` for all.
    """

    def __init__(self, lane: QueueLane, only: str | None = None) -> None:
        self._put = lane.put
        self._only = only

    def on_emit(self, log_record: Any) -> None:
        """Take a log record."""
        if self._only is None or log_record.instrumentation_scope.name == self._only:
            self._put(log_record)

    def shutdown(self) -> None:
        """The lane is closed by whoever made it."""

    def force_flush(self, timeout_millis: int = 30000) -> bool:  # noqa: ARG002  (the SDK's signature)
        """The lane is flushed by whoever made it."""
        return True


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
