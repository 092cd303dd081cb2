"""Telemetry as a whole: what the runtime builds, flushes and shuts down."""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import AbstractContextManager, suppress
from importlib import import_module
from typing import TYPE_CHECKING

from genops.core.forks import on_fork
from genops.core.ports import NoTracer
from genops.errors import ConfigurationError
from genops.telemetry import exits
from genops.telemetry.batching import batching, metrics_interval
from genops.telemetry.console import Console
from genops.telemetry.delivery import Undelivered, reason, warn
from genops.telemetry.export import Destination, Plan, plan
from genops.telemetry.hosts import aside
from genops.telemetry.succession import Line
from genops.telemetry.wired import UNWIRED, Providers, Wired

if TYPE_CHECKING:
    from genops.core.edges import LineageBook
    from genops.core.guard import Guard
    from genops.core.operation import Operation
    from genops.core.ports import BudgetBook, Scope, Sink, Totals, Tracer
    from genops.core.records import Record, Role
    from genops.telemetry.config import TelemetryConfig
    from genops.telemetry.delivery import Delivery
    from genops.telemetry.metrics import Sources
    from genops.telemetry.otlp.probe import Probed
    from genops.telemetry.performance import Performance
    from genops.telemetry.validation import Validation

_log = logging.getLogger("genops")


class Telemetry:
    """The way out of one runtime.

    Whose providers are used is decided at the first operation, so that the program has time to set its own. After a
    fork the child decides anew, with queues, counts and a `service.instance.id` of its own.

    Attributes:
        tracer: Opens spans.
        sinks: Take records.
        bounds: Asked at each collection what full tables and queues let go, by name.
        performance: Takes what genops takes for itself; `None` where that is not measured.
        disabled: Whether `OTEL_SDK_DISABLED` switches it off.
        validation: Holds what leaves against the registry; `None` where nothing is checked.
    """

    tracer: Tracer
    sinks: tuple[Sink, ...]

    def __init__(
        self,
        config: TelemetryConfig,
        planned: Plan,
        totals: Totals | None,
        budgets: BudgetBook | None,
        guard: Guard,
        given: Providers | None = None,
        lineage: LineageBook | None = None,
    ) -> None:
        self._given = given
        self._config = config
        self._plan = planned
        self._totals = totals
        self._budgets = budgets
        self._lineage = lineage
        self._guard = guard
        self._report: tuple[Delivery, ...] | None = None
        self._ended: Wired | None = None
        self._line: Line[Telemetry] = Line(self)
        self._complained = False
        self.bounds: Callable[[], Mapping[str, int]] = dict
        self.performance = _performance(config)
        self.validation = _validation(config, guard)
        self._reset()
        on_fork(self._forked)
        disabled = self.disabled = given is None and _disabled()
        if disabled and planned.explicit:
            _log.warning("genops: telemetry.export is off, because OTEL_SDK_DISABLED=true is set; nothing is sent.")
        # Where something should leave, a missing OpenTelemetry is found out, said and counted when it is connected.
        silent = disabled or not (planned.destinations or _has_api())
        self.tracer = NoTracer() if silent else _Tracer(self)
        console: tuple[Sink, ...] = (Console(),) if planned.console else ()
        self.sinks = console if silent else (_Events(self), *console)

    @classmethod
    def build(
        cls,
        config: TelemetryConfig,
        *,
        totals: Totals | None = None,
        budgets: BudgetBook | None = None,
        lineage: LineageBook | None = None,
        guard: Guard,
        destinations: Iterable[Destination] = (),
        providers: Providers | None = None,
    ) -> Telemetry:
        """Check a configuration and return its telemetry; nothing is connected yet.

        Args:
            config: What telemetry is told.
            totals: What metrics are read from.
            budgets: What budget metrics are read from.
            lineage: What lineage metrics are read from.
            guard: Counts faults.
            destinations: Further destinations, for example exporters of a test.
            providers: What everything is emitted through instead; then `telemetry.export` leads nowhere.

        Raises:
            ConfigurationError: Something cannot be honoured; the message names the value.
            MissingDependency: gRPC is asked for and not installed.
        """
        if config.events == "span" and config.sampling_enabled:
            raise ConfigurationError(
                "telemetry.events='span' with telemetry.sampling.enabled=True: the events of operations that are not "
                "sampled would be lost; use telemetry.events='log', or switch sampling off"
            )
        if providers is not None:
            silent = Plan((), explicit=False, console=config.console)
            return cls(config, silent, totals, budgets, guard, providers, lineage)
        planned = plan(config)
        for signal in ("traces", "logs"):
            batching(signal, config)
        metrics_interval()
        given = () if config.off else tuple(destinations)
        if planned.destinations:
            _load()
        if given:
            planned = Plan((*planned.destinations, *given), explicit=True, console=planned.console)
        return cls(config, planned, totals, budgets, guard, lineage=lineage)

    @property
    def wired(self) -> Wired:
        """What this process emits through; connected when it is first asked for."""
        return self._wired or self._connect()

    def flush(self, timeout: float | None = None) -> bool:
        """Export everything queued.

        Args:
            timeout: Seconds for all signals together; `None` for `exit_timeout_seconds`.

        Returns:
            Whether everything since the last flush was accepted. The program's own providers are flushed too; what they
            say of themselves is taken as it is. False too where OpenTelemetry could not be connected and something was
            offered since; true with `OTEL_SDK_DISABLED=true`, where nothing was to be sent.
        """
        seconds = self._config.exit_timeout_seconds if timeout is None else timeout
        wired = self._wired
        if wired is None:
            return True
        if wired.undelivered is not None:
            return wired.undelivered.told()
        if not (wired.lanes or wired.hosts):
            return True
        from genops.telemetry.lanes import flush

        deadline = time.monotonic() + seconds
        hosts = [aside(provider, seconds) for provider in wired.hosts if hasattr(provider, "force_flush")]
        flushed = [flush(wired.lanes, seconds), *(host(deadline) for host in hosts)]
        return all(flushed)

    def shutdown(self, timeout: float | None = None, *, exiting: bool = False) -> tuple[Delivery, ...]:
        """Export what there is and end. The program's own providers stay as they are.

        Args:
            timeout: Seconds for all signals together; `None` for `exit_timeout_seconds`.
            exiting: Whether the process ends with it; the program's meter provider then collects one last time by
                itself. Otherwise it is asked to, within the same bound.

        Returns:
            What became of everything, by destination and signal; logged once as a warning where something was lost.
            Empty where nothing was ever offered, or nothing was to be sent (`OTEL_SDK_DISABLED=true`).
        """
        if self._report is not None:
            return self._report
        with self._lock:
            wired, self._wired = self._wired, UNWIRED
            self._ended = wired
        if wired is None:
            self._report = ()
            return ()
        seconds = self._config.exit_timeout_seconds if timeout is None else timeout
        collected = None if exiting else self._last_collection(wired, seconds)
        deadline = time.monotonic() + seconds
        report = wired.deliveries
        if wired.lanes:
            from genops.telemetry.lanes import close

            report = close(wired.lanes, seconds)
        if collected is not None:
            collected(deadline)
        # Given providers are read by whoever gave them, also after the end.
        if wired.view is not None and wired.sources is not None and not exiting and self._given is None:
            wired.view.let_go(wired.sources)
        self._report = report
        warn(report)
        return report

    def _last_collection(self, wired: Wired, seconds: float) -> Callable[[float], bool] | None:
        """Have the program's meter provider read what is about to be gone; return what waits for it."""
        if self._given is not None or not hasattr(wired.meters, "force_flush"):
            return None
        return aside(wired.meters, seconds)

    def hand_over(self, successor: Telemetry) -> None:
        """Let spans that end from now on leave by the successor, or by one that replaces it in turn."""
        self._line.replace(successor._line)

    @property
    def ended(self) -> bool:
        """Whether it was shut down."""
        return self._report is not None

    def take(self, span: object) -> bool:
        """Take a span that a telemetry before this one left unfinished.

        Args:
            span: The ended span; after the shutdown it is dropped and counted.

        Returns:
            Whether it was taken; false where this telemetry sends no spans.
        """
        wired = self._ended or self.wired
        if wired.undelivered is not None:
            wired.undelivered.lose("traces")
            return True
        for lane in wired.outlets:
            lane.put(span)
        return bool(wired.outlets)

    @property
    def destinations(self) -> tuple[Destination, ...]:
        """Where telemetry is configured to go; empty where nothing is sent."""
        return () if self.disabled else self._plan.destinations

    def probe(self, seconds: float, where: Iterable[Destination]) -> list[Probed]:
        """Send one marked item of each signal, outside of everything that is queued.

        Args:
            seconds: Bound of all of it.
            where: Some of `destinations`.

        Returns:
            What each receiver made of it.
        """
        from genops.telemetry.otlp.probe import probe

        return probe(where, self._config, seconds)

    def health(self) -> tuple[Delivery, ...]:
        """Return what became of everything so far, by destination and signal; what came after the end is dropped."""
        if self._ended is not None:
            return self._ended.deliveries
        return () if self._wired is None else self._wired.deliveries

    def _reset(self) -> None:
        self._lock = threading.RLock()
        self._wired: Wired | None = None

    def _forked(self) -> None:
        if self._wired is not None:
            for lane in self._wired.lanes:
                lane.closed = True
        ended = self._report is not None
        self._reset()
        if ended:
            self._wired = UNWIRED

    def _connect(self) -> Wired:
        with self._lock:
            if self._wired is None:
                self._wired = self._wire()
                exits.at_end_of_child()
            return self._wired

    def _wire(self) -> Wired:
        try:
            from genops.telemetry.wiring import Wiring

            return Wiring(
                self._line,
                self._config,
                self._plan,
                self._guard,
                self._sources,
                self._given,
                self.performance,
                self.validation,
            ).connect()
        except Exception as fault:
            return self._unconnected(fault)

    def _unconnected(self, fault: Exception) -> Wired:
        if not isinstance(fault, ImportError):
            self._guard.caught("telemetry.connect", fault)
        names = [destination.name for destination in self._plan.destinations]
        if not names:
            return UNWIRED
        if not self._complained:
            self._complained = True
            _log.warning(
                "genops: OpenTelemetry cannot be connected (%s): nothing reaches %s; what is lost is counted, and your "
                "calls go on.",
                reason(fault),
                ", ".join(names),
            )
        signals = ("traces",) if self._config.events == "span" else ("traces", "logs")
        lost = Undelivered((name, signal) for name in names for signal in signals)
        return Wired(lost, (lost,), undelivered=lost)

    def _let_go(self) -> Mapping[str, int]:
        return self.bounds()

    def _sources(self, deliveries: Callable[[], Iterable[Delivery]]) -> Sources:
        from genops.telemetry.metrics import Sources

        return Sources(
            self._totals, self._budgets, self._guard, deliveries, self._config.currency, self._let_go, self._lineage,
            self.validation,
        )  # fmt: skip


class _Tracer:
    """The tracer of whatever is connected."""

    def __init__(self, telemetry: Telemetry) -> None:
        self._telemetry = telemetry

    def open(self, operation: Operation, role: Role, started_ns: int, parent: object = None) -> Scope:
        return self._telemetry.wired.tracer.open(operation, role, started_ns, parent)

    def here(self) -> object:
        return self._telemetry.wired.tracer.here()

    def suppressed(self) -> bool:
        return self._telemetry.wired.tracer.suppressed()

    def inject(self) -> dict[str, str]:
        return self._telemetry.wired.tracer.inject()

    def attached(self, headers: Mapping[str, str]) -> AbstractContextManager[object]:
        return self._telemetry.wired.tracer.attached(headers)


class _Events:
    """The sinks of whatever is connected."""

    def __init__(self, telemetry: Telemetry) -> None:
        self._telemetry = telemetry

    def write(self, record: Record) -> None:
        for sink in self._telemetry.wired.sinks:
            sink.write(record)


def _load() -> None:
    """Load what the first operation will need, which takes longer than the operation may wait."""
    with suppress(Exception):  # said when it is needed
        import_module("genops.telemetry.wiring")


def _performance(config: TelemetryConfig) -> Performance | None:
    if config.off or not config.performance_metrics or not _has_api():
        return None
    from genops.telemetry.performance import Performance

    return Performance()


def _validation(config: TelemetryConfig, guard: Guard) -> Validation | None:
    if config.off or not config.validate or not _has_api():
        return None
    from genops.telemetry.validation import Validation

    return Validation(guard)


def _disabled() -> bool:
    return os.environ.get("OTEL_SDK_DISABLED", "").strip().lower() == "true"


def _has_api() -> bool:
    try:
        import_module("opentelemetry.context")
    except ImportError:
        return False
    return True
