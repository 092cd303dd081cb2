"""Sees everything that genops emits in this process, at the border to the SDK, and holds it against the registry."""

from __future__ import annotations

import functools
import json
import threading
from collections import Counter
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from google.protobuf import json_format
from opentelemetry.metrics import Observation
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.sdk import _logs as sdk_logs
from opentelemetry.sdk import metrics as sdk_metrics
from opentelemetry.sdk import trace as sdk_trace

from genops.core.declared import Running
from genops.telemetry.semconv import DECLARED, METRICS, SCOPE
from genops.telemetry.validation import (
    MISSING,
    UNDECLARED,
    WRONG_TYPE,
    Violation,
    of_event,
    of_point,
    of_span,
    span_type,
)
from support.otlp import Receiver, plain

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping


REGISTRY = Path(__file__).resolve().parents[2] / "registry"
_BY_NAME = {metric.name: metric for metric in METRICS}


class Emitted(NamedTuple):
    """One span, event or point.

    Attributes:
        signal: `span`, `event` or `point`.
        type: The registry's span type, or the name of the event or metric.
        name: The name that it was emitted with.
        attributes: Its attributes or labels.
        violations: What is wrong with it.
    """

    signal: str
    type: str
    name: str
    attributes: Mapping[str, Any]
    violations: tuple[Violation, ...]


class Recorder:
    """Keeps what was emitted, and which names the program itself gave."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.reset()

    def reset(self) -> None:
        """Forget."""
        self.emitted: list[Emitted] = []
        self.given: set[str] = set()

    def see(self, signal: str, kind: str, name: str, attributes: Mapping[str, Any], found: list[Violation]) -> None:
        """Keep one; a name that nobody declared is wrong here also outside of the names that only genops gives."""
        attributes = dict(attributes)
        known = {violation.name for violation in found}
        strangers = attributes.keys() - DECLARED - known
        violations = (*found, *(Violation(UNDECLARED, stranger) for stranger in strangers))
        with self._lock:
            self.emitted.append(Emitted(signal, kind, name, attributes, violations))

    def faults(self) -> list[tuple[str, str, Violation]]:
        """Return what is wrong with what was emitted, but for names that the program gave itself."""
        with self._lock:
            seen, given = list(self.emitted), set(self.given)
        return [
            (one.signal, one.name, violation)
            for one in seen
            for violation in one.violations
            if not (violation.problem == UNDECLARED and violation.name in given)
        ]


recorder = Recorder()


def _around(owner: Any, name: str, see: Callable[..., None]) -> None:
    original = getattr(owner, name)

    @functools.wraps(original)
    def wrapper(self: Any, *args: Any, **kwargs: Any) -> Any:
        see(self, *args, **kwargs)
        return original(self, *args, **kwargs)

    setattr(owner, name, wrapper)


def _span(span: Any, *_: Any, **__: Any) -> None:
    if span.end_time is not None or span.instrumentation_scope is None or span.instrumentation_scope.name != SCOPE:
        return
    attributes = span.attributes or {}
    recorder.see("span", span_type(attributes), span.name, attributes, of_span(attributes))
    for event in span.events:
        said = event.attributes or {}
        recorder.see("event", event.name, event.name, said, of_event(event.name, said, log=False))


def _log(logger: Any, record: Any = None, *_: Any, **__: Any) -> None:
    scope = getattr(logger, "instrumentation_scope", None) or logger._instrumentation_scope
    if scope.name == SCOPE:
        name, said = record.event_name, record.attributes or {}
        recorder.see("event", name, name, said, of_event(name, said))


def _given(_: Any, *, attributes: Mapping[str, Any] | None = None, **__: Any) -> None:
    recorder.given.update(attributes or ())


def _point(name: str, labels: Mapping[str, Any] | None) -> None:
    metric = _BY_NAME.get(name)
    found = [Violation(UNDECLARED, name)] if metric is None else of_point(metric, labels or {})
    recorder.see("point", name, name, labels or {}, found)


class _Instrument:
    def __init__(self, instrument: Any) -> None:
        self._instrument = instrument

    def record(self, amount: float, attributes: Any = None, **rest: Any) -> None:
        _point(self._instrument.name, attributes)
        self._instrument.record(amount, attributes, **rest)


class _Meter:
    """A meter whose instruments show what they are given and what is read from them."""

    def __init__(self, meter: Any) -> None:
        self._meter = meter

    def create_histogram(self, *args: Any, **kwargs: Any) -> _Instrument:
        return _Instrument(self._meter.create_histogram(*args, **kwargs))

    def __getattr__(self, name: str) -> Any:
        create = getattr(self._meter, name)
        if not name.startswith("create_observable_"):
            raise AssertionError(f"genops creates an instrument that nobody watches here: {name}")

        def observable(metric: str, callbacks: list[Any], *args: Any, **kwargs: Any) -> Any:
            return create(metric, [_watched(metric, callback) for callback in callbacks], *args, **kwargs)

        return observable


def _watched(metric: str, callback: Any) -> Any:
    def points(options: Any) -> Any:
        for point in callback(options):
            assert isinstance(point, Observation)
            _point(metric, point.attributes)
            yield point

    return points


def install() -> None:
    """Watch the SDK's classes from here on."""
    _around(sdk_trace.Span, "end", _span)
    _around(sdk_logs.Logger, "emit", _log)
    _around(Running, "observe", _given)
    original = sdk_metrics.MeterProvider.get_meter

    @functools.wraps(original)
    def get_meter(self: Any, name: str, *args: Any, **kwargs: Any) -> Any:
        meter = original(self, name, *args, **kwargs)
        return _Meter(meter) if name == SCOPE else meter

    sdk_metrics.MeterProvider.get_meter = get_meter


def hold(delivered: Path | Receiver, *given: str) -> Counter[str]:
    """Hold what another process delivered against the registry: spans, events, points and resources of genops.

    Args:
        delivered: A file of OTLP as JSON lines, or what a receiver took.
        given: Names of attributes that the program or the environment gave, on top of those of the registry.

    Returns:
        How much of each signal there was.
    """
    messages = _of_file(delivered) if isinstance(delivered, Path) else [one.message for one in delivered.requests]
    judged = [one for message in messages for one in _judged(message)]
    faults = {
        (signal, name, violation)
        for signal, name, found in judged
        for violation in found
        if not (violation.problem == UNDECLARED and violation.name in given)
    }
    assert not faults, f"delivered and not as registry/ declares it: {sorted(faults)}"
    assert judged, f"nothing of genops in {delivered}"
    return Counter(signal for signal, *_ in judged)


@contextmanager
def held_receiver(*given: str) -> Iterator[Receiver]:
    """Run a receiver of OTLP, and hold what came to it, if anything did, as `hold` does."""
    with Receiver() as running:
        yield running
        if running.requests:
            hold(running, *given)


def _of_file(file: Path) -> Iterator[Any]:
    for line in map(json.loads, file.read_text("utf-8").splitlines()):
        # Ids, which JSON has in hexadecimal, come out as other bytes; nobody looks at them here.
        yield from (json_format.ParseDict(line, kind()) for name, kind in _REQUESTS.items() if name in line)


_REQUESTS = {
    "resourceSpans": ExportTraceServiceRequest,
    "resourceLogs": ExportLogsServiceRequest,
    "resourceMetrics": ExportMetricsServiceRequest,
}
Judged = tuple[str, str, "list[Violation]"]


def _judged(message: Any) -> Iterator[Judged]:
    """Yield signal, name and what is wrong, of everything of genops in an export request."""
    for what, read in _READ.items():
        for group in getattr(message, f"resource_{what}", ()):
            ours = [scope for scope in getattr(group, f"scope_{what}") if scope.scope.name == SCOPE]
            if ours:
                said = plain(group.resource.attributes)
                yield "resource", "resource", list(_of_resource(said, foreign=_FOREIGN in said))
            for scope in ours:
                yield from read(scope)


def _of_spans(scope: Any) -> Iterator[Judged]:
    for span in scope.spans:
        said = plain(span.attributes)
        yield "span", span.name, [*of_span(said), *_strangers(said)]
        for event in span.events:
            about = plain(event.attributes)
            yield "event", event.name, [*of_event(event.name, about, log=False), *_strangers(about)]


def _of_records(scope: Any) -> Iterator[Judged]:
    for record in scope.log_records:
        said = plain(record.attributes)
        yield "event", record.event_name, [*of_event(record.event_name, said), *_strangers(said)]


def _of_points(scope: Any) -> Iterator[Judged]:
    for metric in scope.metrics:
        declared = _BY_NAME.get(metric.name)
        if declared is None:
            yield "point", metric.name, [Violation(UNDECLARED, metric.name)]
            continue
        for point in getattr(metric, metric.WhichOneof("data")).data_points:
            labels = plain(point.attributes)
            yield "point", metric.name, [*of_point(declared, labels), *_strangers(labels)]


_READ = {"spans": _of_spans, "logs": _of_records, "metrics": _of_points}


def _strangers(attributes: Mapping[str, Any]) -> Iterator[Violation]:
    return (Violation(UNDECLARED, name) for name in attributes.keys() - DECLARED)


# A distro makes providers before genops is there to give them a resource; so what the registry requires of genops' own
# resource is not required of it, `service.instance.id` above all, which the SDK itself names in later versions only.
_FOREIGN = "telemetry.auto.version"


def _of_resource(attributes: Mapping[str, Any], *, foreign: bool) -> Iterator[Violation]:
    required, every = _resource()
    required = frozenset[str]() if foreign else required
    yield from (Violation(MISSING, name) for name in required - attributes.keys())
    yield from (Violation(UNDECLARED, name) for name in attributes.keys() - every)
    yield from (Violation(WRONG_TYPE, name) for name, value in attributes.items() if not isinstance(value, str))


@functools.cache
def _resource() -> tuple[frozenset[str], frozenset[str]]:
    """Names of what a resource of genops must and may carry, from the registry's entity."""
    import yaml

    (entity,) = yaml.safe_load((REGISTRY / "telemetry.yaml").read_text("utf-8"))["entities"]
    levels = {use["ref"]: use["requirement_level"] for use in (*entity["identity"], *entity["description"])}
    return frozenset(name for name, level in levels.items() if level == "required"), frozenset(levels)
