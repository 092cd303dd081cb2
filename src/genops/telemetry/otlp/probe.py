"""Probes: one item of each signal, sent for real by the exporters of a configuration, and what its receiver made of it.

A probe is marked by its scope and its name, and carries no attribute of genops: it is neither a unit nor a cost. Only
the first answer counts; a receiver that has to be asked twice is one that did not accept.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from genops.telemetry.otlp.diagnosis import Diagnosis, of_error, of_http, of_rpc, of_rpc_error
from genops.telemetry.otlp.endpoints import SIGNALS, shown

if TYPE_CHECKING:
    from opentelemetry.sdk.resources import Resource

    from genops.telemetry.config import TelemetryConfig
    from genops.telemetry.export import Destination, Sender

SCOPE = "genops.doctor"
NAME = "genops.doctor.probe"
_TEXT = "genops doctor asks whether this endpoint takes telemetry"


class Probed(NamedTuple):
    """What became of one probe.

    Attributes:
        destination: Name of the destination.
        signal: `traces`, `logs` or `metrics`.
        address: Where it went, without credentials; empty where that is not known.
        protocol: `http/protobuf` or `grpc`; empty where that is not known.
        answer: What came back.
        seconds: How long it took.
    """

    destination: str
    signal: str
    address: str
    protocol: str
    answer: Diagnosis
    seconds: float


class _Probe:
    """One probe under way.

    Args:
        destination: Where it goes.
        signal: Which signal.
        item: What is sent.
    """

    def __init__(self, destination: Destination, signal: str, item: Any) -> None:
        self._destination = destination
        self._signal = signal
        self._item = item
        self._done = threading.Event()
        self._answer: Diagnosis | None = None
        self._sent = time.monotonic()
        self._seconds = 0.0
        threading.Thread(target=self._run, name=f"genops-probe-{signal}", daemon=True).start()

    def result(self, deadline: float) -> Probed:
        """Return what became of it by then, on the monotonic clock."""
        self._done.wait(max(deadline - time.monotonic(), 0))
        answer = self._answer
        if answer is None:
            answer, self._seconds = Diagnosis("no_answer"), time.monotonic() - self._sent
        found = [end for end in getattr(self._destination, "endpoints", ()) if end.signal == self._signal]
        address, protocol = (shown(found[0].url), found[0].protocol) if found else ("", "")
        return Probed(self._destination.name, self._signal, address, protocol, answer, self._seconds)

    def _told(self, answer: Diagnosis) -> None:
        if self._answer is None:
            self._answer, self._seconds = answer, time.monotonic() - self._sent
            self._done.set()

    def _run(self) -> None:
        try:
            sender = self._destination.sender(self._signal)
            if sender is None:
                self._told(Diagnosis("not_taken"))
                return
            self._listen(sender)
            accepted = sender.send(self._item, 1)
            self._told(Diagnosis("" if accepted else "refused"))
            sender.shutdown()
        except Exception as error:
            self._told(of_error(error))

    def _listen(self, sender: Sender) -> None:
        """Hear the first answer before the exporter, which tries again and keeps it to itself."""
        if sender.session is not None:
            sender.session.send = self._heard(sender.session.send, of_http, of_error)
        stub = getattr(sender.exporter, "_client", None)
        if stub is not None and hasattr(stub, "Export"):
            stub.Export = self._heard(stub.Export, of_rpc, of_rpc_error)

    def _heard(
        self,
        call: Callable[..., Any],
        of_result: Callable[[str, Any], Diagnosis],
        of_fault: Callable[[Exception], Diagnosis],
    ) -> Callable[..., Any]:
        def heard(*args: Any, **options: Any) -> Any:
            self._sent = time.monotonic()
            try:
                result = call(*args, **options)
            except Exception as error:
                self._told(of_fault(error))
                raise
            self._told(of_result(self._signal, result))
            return result

        return heard


def probe(destinations: Iterable[Destination], config: TelemetryConfig, seconds: float) -> list[Probed]:
    """Send one item of each signal to each destination, all at once.

    Args:
        destinations: Where to.
        config: Names the service that the probes come from.
        seconds: Bound of all of it.

    Returns:
        What became of each, in the order of destinations and signals; none of a signal that a destination leaves out.
    """
    deadline = time.monotonic() + seconds
    items = _items(config)
    probes = [_Probe(destination, signal, items[signal]) for destination in destinations for signal in SIGNALS]
    found = [under_way.result(deadline) for under_way in probes]
    return [probed for probed in found if probed.answer.problem != "not_taken"]


def _items(config: TelemetryConfig) -> dict[str, Any]:
    from genops.telemetry.resource import build_resource

    resource = build_resource(config)
    return {"traces": _spans(resource), "logs": _logs(resource), "metrics": _metrics(resource)}


def _spans(resource: Resource) -> Sequence[Any]:
    from opentelemetry.context import Context
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import SimpleSpanProcessor
    from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
    from opentelemetry.sdk.trace.sampling import ALWAYS_ON

    made = InMemorySpanExporter()
    provider = TracerProvider(resource=resource, sampler=ALWAYS_ON, shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(made))
    provider.get_tracer(SCOPE).start_span(NAME, Context()).end()
    return made.get_finished_spans()


def _logs(resource: Resource) -> Sequence[Any]:
    from opentelemetry._logs import SeverityNumber
    from opentelemetry.sdk._logs import LoggerProvider

    from genops.telemetry.events import log_record_type
    from genops.telemetry.wiring import Gathered, frozen_logs

    made: list[Any] = []
    provider = LoggerProvider(resource=resource, shutdown_on_exit=False)
    provider.add_log_record_processor(Gathered(made))
    logger = provider.get_logger(SCOPE)
    now_ns = time.time_ns()
    record = log_record_type(logger)(
        timestamp=now_ns,
        observed_timestamp=now_ns,
        severity_number=SeverityNumber.INFO,
        severity_text="INFO",
        body=_TEXT,
        event_name=NAME,
    )
    logger.emit(record)
    return frozen_logs(made)


def _metrics(resource: Resource) -> Any:
    from opentelemetry.metrics import CallbackOptions, Observation
    from opentelemetry.sdk.metrics import MeterProvider
    from opentelemetry.sdk.metrics.export import InMemoryMetricReader

    def one(_options: CallbackOptions) -> Iterable[Observation]:
        return [Observation(1)]

    reader = InMemoryMetricReader()
    provider = MeterProvider(metric_readers=[reader], resource=resource, shutdown_on_exit=False)
    provider.get_meter(SCOPE).create_observable_gauge(NAME, [one], "1", _TEXT)
    return reader.get_metrics_data()
