"""The six measures of overhead: what a governed call costs beside the same telemetry written by hand.

All variants run in one process, interleaved in random order; a figure is the median over rounds of the ratio to its
base in the same round, in CPU time of the thread (of the process for `drained`). Run it with `nox -s bench`.

    by_hand     a governed call, default settings                            ÷ the same telemetry by hand (1)
    histogram   the same                                                     ÷ the same without the three counters
    bare        the same                                                     ÷ a span with 10 attributes and 3 events
    bare_span   the same with events="span"                                  ÷ the same base
    drained     by_hand as process CPU until every queue is encoded          ÷ the same
    unsampled   a governed call whose span is sampled out, events emitted    ÷ a sampled one
    off         a governed call with mode="off"                              ÷ a wrapt wrapper that passes through
    decision    ten rules, one reservation, one reconciliation               ÷ the base of `bare`

(1) A span, three events, a histogram, and a counter for each of the totals that such a call moves.
"""

from __future__ import annotations

import argparse
import gc
import json
import platform
import random
import statistics
import sys
import time
from importlib.metadata import version
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import wrapt
from opentelemetry import trace
from opentelemetry._logs import SeverityNumber
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import BatchLogRecordProcessor, LogExportResult
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import ConsoleMetricExporter, InMemoryMetricReader, MetricExportResult
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExportResult

from genops.core import current, shapes
from genops.core.amounts import Priced
from genops.core.records import Outcome
from genops.runtime import Runtime
from genops.settings import load
from genops.telemetry.events import log_record_type
from genops.telemetry.export import Exporters

if TYPE_CHECKING:
    from collections.abc import Callable

LIMITS = {
    "by_hand": 1.2,
    "histogram": 1.2,
    "bare": 3.5,
    "bare_span": 2.8,
    "drained": 1.3,
    "unsampled": 0.9,
    "off": 3.0,
    "decision": 0.5,
}
WHO = {"team": "data-eng", "project": "sales", "environment": "production"}
RULE = {"type": "data_clearance", "clearances": {"data-eng": "confidential"}}
TABLE = "main.sales.orders"
QUEUE = 1_000_000


class Kept:
    """An exporter that encodes what it is given when it is told to, and sends nothing."""

    def __init__(self, encode: Callable[[Any], Any], success: Any) -> None:
        self._encode = encode
        self._success = success
        self.encoding = False
        self.kept: list[Any] = []
        self.keeping = False

    def export(self, batch: Any) -> Any:
        """Take a batch."""
        if self.encoding:
            self._encode(batch).SerializeToString()
        if self.keeping:
            self.kept.extend(batch)
        return self._success

    def shutdown(self) -> None:
        """Nothing to stop."""

    def force_flush(self, timeout_millis: int = 0) -> bool:
        """Nothing is held."""
        return True


class Collected(ConsoleMetricExporter):
    """An exporter of metrics that sends nothing; it says how often a duration was recorded."""

    durations = 0

    def export(self, metrics_data: Any, timeout_millis: float = 10_000, **_: Any) -> Any:
        """Take a collection."""
        for resource in metrics_data.resource_metrics:
            for scope in resource.scope_metrics:
                for metric in scope.metrics:
                    if metric.name == "genops.operation.duration":
                        Collected.durations = sum(point.count for point in metric.data.data_points)
        return MetricExportResult.SUCCESS


class Bench:
    """Providers as a program writes them by hand, runtimes of genops beside them, and the variants to run."""

    def __init__(self) -> None:
        from opentelemetry.exporter.otlp.proto.common._log_encoder import encode_logs
        from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans

        self.spans = Kept(encode_spans, SpanExportResult.SUCCESS)
        self.logs = Kept(encode_logs, LogExportResult.SUCCESS)
        self._span_queue = BatchSpanProcessor(self.spans, max_queue_size=QUEUE)  # type: ignore[arg-type]
        self._log_queue = BatchLogRecordProcessor(self.logs, max_queue_size=QUEUE)  # type: ignore[arg-type]
        tracers, loggers = TracerProvider(shutdown_on_exit=False), LoggerProvider(shutdown_on_exit=False)
        tracers.add_span_processor(self._span_queue)
        loggers.add_log_record_processor(self._log_queue)
        meters = MeterProvider([InMemoryMetricReader()], shutdown_on_exit=False)
        self.tracer = tracers.get_tracer("by-hand")
        self.logger = loggers.get_logger("by-hand")
        meter = meters.get_meter("by-hand")
        self.histogram = meter.create_histogram("by_hand.duration", "s")
        # What genops reads from its totals, a program counts: decisions, operations and those without a price.
        self.counters = [meter.create_counter(f"by_hand.{name}") for name in ("decisions", "operations", "unpriced")]
        self.runtimes = {
            "default": self._runtime(),
            "span": self._runtime(events="span"),
            "unsampled": self._runtime(enable_sampling=True, sampling_rate=0.0),
            "off": self._runtime(mode="off"),
            "decision": self._runtime(
                policies={f"clearance-{number}": RULE for number in range(10)},
                tables={"main.*.*": "internal"},
                budgets={"calls": {"limit": 10**12, "unit": "call", "team": "data-eng"}},
            ),
        }
        self.call = self._governed()

    def _runtime(self, **settings: Any) -> Runtime:
        exporters = Exporters("bench", traces=self.spans, logs=self.logs, metrics=Collected())
        return Runtime(load({**WHO, "export": "none", **settings}, ambient=False), destinations=[exporters])

    def _governed(self) -> Callable[[str], Any]:
        """Return a call that is described as the SDK's `tables.get` is, and does nothing."""
        from databricks.sdk.service.catalog import TablesAPI

        from genops.instrumentation.databricks_describe import site_of

        # A real `Config` asks its host for metadata; the description reads these names only.
        config = SimpleNamespace(host="https://acme.cloud.databricks.com", workspace_id="4242", cloud=None)
        site = site_of("TablesAPI", "get", TablesAPI.get)

        class Tables:
            _api = SimpleNamespace(_cfg=config)

            def get(self, full_name: str) -> str:
                return full_name

        def around(wrapped: Any, instance: Any, args: Any, kwargs: Any) -> Any:
            return shapes.call(site, wrapped, instance, args, kwargs)

        wrapt.wrap_function_wrapper(Tables, "get", around)
        return Tables().get

    def drain(self) -> None:
        """Empty every queue."""
        self._span_queue.force_flush()
        self._log_queue.force_flush()
        for runtime in self.runtimes.values():
            assert runtime.flush(60)

    def under(self, name: str) -> Callable[[int], None]:
        """Return a loop of governed calls under one of the runtimes."""
        governor, call = self.runtimes[name].governor, self.call

        def loop(times: int) -> None:
            current.slot.governor = governor
            for _ in range(times):
                call(TABLE)
            current.slot.governor = None

        return loop

    def seen(self, name: str) -> tuple[Any, list[Any]]:
        """Return the span and the events of one governed call."""
        self.drain()
        self.spans.keeping = self.logs.keeping = True
        self.under(name)(1)
        self.drain()
        self.spans.keeping = self.logs.keeping = False
        spans, logs = self.spans.kept, self.logs.kept
        assert len(spans) == 1, spans
        self.spans.kept, self.logs.kept = [], []
        return spans[0], [log.log_record for log in logs]

    def by_hand(self, *, counting: bool = True) -> Callable[[int], None]:
        """Return a loop that writes by hand what one governed call writes: same attributes, events, histogram."""
        span, events = self.seen("default")
        everything = dict(span.attributes)
        late = {
            name for name in everything if name.startswith(("genops.policy", "genops.accounting", "genops.governance"))
        }
        late |= {name for name in everything if name.startswith(("genops.cost", "genops.budget", "genops.data"))}
        start = {name: value for name, value in everything.items() if name not in late}
        end = {name: value for name, value in everything.items() if name in late}
        before = [(event.event_name, dict(event.attributes)) for event in events[:-1]]
        last = events[-1].event_name, dict(events[-1].attributes)
        labels = {name: start[name] for name in list(start)[:6]}
        tracer, emit, record, name = self.tracer, self.logger.emit, self.histogram.record, span.name
        log_record = log_record_type(self.logger)
        counters = [counter.add for counter in self.counters] if counting else []

        def say(event: str, attributes: dict[str, Any]) -> None:
            emit(
                log_record(
                    timestamp=time.time_ns(),
                    severity_number=SeverityNumber.INFO,
                    event_name=event,
                    attributes=attributes,
                )
            )

        def work(table: str) -> str:
            return table

        def loop(times: int) -> None:
            for _ in range(times):
                with tracer.start_as_current_span(name, kind=trace.SpanKind.CLIENT, attributes=start) as current_span:
                    started = time.perf_counter()
                    for event, attributes in before:
                        say(event, attributes)
                    work(TABLE)
                    say(*last)
                    current_span.set_attributes(end)
                    record(time.perf_counter() - started, labels)
                    for count in counters:
                        count(1, labels)

        return loop

    def bare(self, times: int) -> None:
        """Write a span with 10 attributes and 3 span events."""
        attributes: dict[str, Any] = {f"genops.a{number}": f"value-{number}" for number in range(10)}
        tracer = self.tracer
        for _ in range(times):
            with tracer.start_as_current_span("bare", attributes=attributes) as span:
                span.add_event("one", {"genops.policy.result": "ALLOWED"})
                span.add_event("two", {"genops.accounting.reserved": 1.0, "genops.accounting.unit": "call"})
                span.add_event("three", {"genops.accounting.actual": 1.0, "genops.accounting.unit": "call"})

    def decision(self) -> Callable[[int], None]:
        """Return a loop of decisions alone: ten rules, one reservation, one reconciliation."""
        from genops.core.operation import NOTHING

        governor = self.runtimes["decision"].governor
        kept: list[Any] = []

        class Keep:
            def write(self, record: Any) -> None:
                kept.append(record)

        governor.fan_out._sinks.append(("keep", Keep()))
        current.slot.governor = governor
        self.call(TABLE)
        current.slot.governor = None
        governor.fan_out._sinks.pop()
        operation = kept[0].operation
        assert kept[1].outcome is Outcome.OK, NOTHING

        def loop(times: int) -> None:
            for _ in range(times):
                verdict = governor.decide(operation)
                reservation, _ = governor.reserve(operation, verdict)
                governor.reconcile(operation, reservation, reservation.amount, Priced())  # type: ignore[arg-type,union-attr]

        return loop


def passing() -> Callable[[int], None]:
    """Return a loop over a wrapt wrapper that passes through."""

    class Plain:
        def get(self, full_name: str) -> str:
            return full_name

    def around(wrapped: Any, instance: Any, args: Any, kwargs: Any) -> Any:
        return wrapped(*args, **kwargs)

    wrapt.wrap_function_wrapper(Plain, "get", around)
    get = Plain().get

    def loop(times: int) -> None:
        for _ in range(times):
            get(TABLE)

    return loop


def measure(rounds: int) -> dict[str, float]:
    """Return the ratios by name."""
    bench = Bench()
    variants: dict[str, Callable[[int], None]] = {
        "governed": bench.under("default"),
        "governed, events=span": bench.under("span"),
        "governed, unsampled": bench.under("unsampled"),
        "governed, off": bench.under("off"),
        "by hand": bench.by_hand(),
        "by hand, no counters": bench.by_hand(counting=False),
        "bare": bench.bare,
        "wrapt": passing(),
        "decision": bench.decision(),
    }
    times = {name: 4000 if name in {"governed, off", "wrapt"} else 300 for name in variants}
    taken = _interleaved(bench, variants, times, rounds)
    drained = _drained(bench, {name: variants[name] for name in ("governed", "by hand")}, rounds)
    _print_absolute(taken)
    return {
        "by_hand": _ratio(taken["governed"], taken["by hand"]),
        "histogram": _ratio(taken["governed"], taken["by hand, no counters"]),
        "bare": _ratio(taken["governed"], taken["bare"]),
        "bare_span": _ratio(taken["governed, events=span"], taken["bare"]),
        "drained": _ratio(drained["governed"], drained["by hand"]),
        "unsampled": _ratio(taken["governed, unsampled"], taken["governed"]),
        "off": _ratio(taken["governed, off"], taken["wrapt"]),
        "decision": _ratio(taken["decision"], taken["bare"]),
    }


def _interleaved(
    bench: Bench, variants: dict[str, Callable[[int], None]], times: dict[str, int], rounds: int
) -> dict[str, list[float]]:
    taken: dict[str, list[float]] = {name: [] for name in variants}
    order = list(variants)
    for round_number in range(rounds + 2):
        random.shuffle(order)
        for name in order:
            gc.collect()
            gc.disable()
            started = time.thread_time_ns()
            variants[name](times[name])
            spent = time.thread_time_ns() - started
            gc.enable()
            bench.drain()
            if round_number > 1:
                taken[name].append(spent / times[name] / 1000)
    return taken


def _drained(bench: Bench, variants: dict[str, Callable[[int], None]], rounds: int) -> dict[str, list[float]]:
    taken: dict[str, list[float]] = {name: [] for name in variants}
    bench.spans.encoding = bench.logs.encoding = True
    for _ in range(rounds):
        order = list(variants)
        random.shuffle(order)
        for name in order:
            gc.collect()
            started = time.process_time_ns()
            variants[name](300)
            bench.drain()
            taken[name].append((time.process_time_ns() - started) / 300 / 1000)
    bench.spans.encoding = bench.logs.encoding = False
    return taken


def _ratio(above: list[float], below: list[float]) -> float:
    return statistics.median(a / b for a, b in zip(above, below))  # noqa: B905  (3.10)


def _print_absolute(taken: dict[str, list[float]]) -> None:
    print(f"{'variant':28} median µs   least µs   (thread CPU; a noisy machine: trust the ratios)")
    for name, values in taken.items():
        print(f"{name:28} {statistics.median(values):9.2f}  {min(values):9.2f}")


def main() -> None:
    """Measure and print the table; exit code 1 where a ratio is over its limit."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=25)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    versions = {name: version(name) for name in ("genops", "opentelemetry-sdk", "wrapt", "databricks-sdk")}
    print(f"Python {platform.python_version()}, {versions}; default settings, no-op exporter, {options.rounds} rounds")
    ratios = measure(options.rounds)
    if options.json:
        print(json.dumps(ratios))
    print(f"\n{'measure':12} ratio   limit")
    for name, ratio in ratios.items():
        print(f"{name:12} {ratio:5.2f}   {LIMITS[name]:5.2f}{'   over' if ratio > LIMITS[name] else ''}")
    sys.exit(any(ratio > LIMITS[name] for name, ratio in ratios.items()))


if __name__ == "__main__":
    main()
