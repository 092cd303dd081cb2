"""Telemetry as a whole: what the runtime builds, flushes and shuts down."""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import AbstractContextManager, suppress
from importlib import import_module
from typing import TYPE_CHECKING, Any

from genops.core.forks import on_fork
from genops.core.ports import NoTracer
from genops.errors import ConfigurationError
from genops.telemetry import exits
from genops.telemetry.batching import batching, metrics_interval
from genops.telemetry.console import Console
from genops.telemetry.delivery import Undelivered
from genops.telemetry.export import Destination, Plan, plan
from genops.telemetry.wired import UNWIRED, Wired

if TYPE_CHECKING:
    from genops.core.guard import Guard
    from genops.core.operation import Operation
    from genops.core.ports import BudgetBook, Scope, Sink, Totals, Tracer
    from genops.core.records import Record, Role
    from genops.telemetry.config import TelemetryConfig
    from genops.telemetry.delivery import Delivery
    from genops.telemetry.metrics import Sources

_log = logging.getLogger("genops")


class Telemetry:
    """The way out of one runtime.

    Whose providers are used is decided at the first operation, so that the program has time to set its own. After a
    fork the child decides anew, with queues, counts and a `service.instance.id` of its own.

    Attributes:
        tracer: Opens spans.
        sinks: Take records.
        bounds: Asked at each collection what full tables and queues let go, by name.
    """

    tracer: Tracer
    sinks: tuple[Sink, ...]

    def __init__(
        self, config: TelemetryConfig, planned: Plan, totals: Totals | None, budgets: BudgetBook | None, guard: Guard
    ) -> None:
        self._config = config
        self._plan = planned
        self._totals = totals
        self._budgets = budgets
        self._guard = guard
        self._report: tuple[Delivery, ...] | None = None
        self._complained = False
        self.bounds: Callable[[], Mapping[str, int]] = dict
        self._reset()
        on_fork(self._forked)
        disabled = _disabled()
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
        guard: Guard,
        destinations: Iterable[Destination] = (),
    ) -> Telemetry:
        """Check a configuration and return its telemetry; nothing is connected yet.

        Args:
            config: What telemetry is told.
            totals: What metrics are read from.
            budgets: What budget metrics are read from.
            guard: Counts faults.
            destinations: Further destinations, for example exporters of a test.

        Raises:
            ConfigurationError: Something cannot be honoured; the message names the value.
            MissingDependency: gRPC is asked for and not installed.
        """
        if config.events == "span" and config.sampling_enabled:
            raise ConfigurationError(
                "telemetry.events='span' with telemetry.sampling.enabled=True: the events of operations that are not "
                "sampled would be lost; use telemetry.events='log', or switch sampling off"
            )
        planned = plan(config)
        for signal in ("traces", "logs"):
            batching(signal, config)
        metrics_interval()
        given = () if config.off else tuple(destinations)
        if planned.destinations:
            _load()
        if given:
            planned = Plan((*planned.destinations, *given), explicit=True, console=planned.console)
        return cls(config, planned, totals, budgets, guard)

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
        hosts = [_aside(provider, seconds) for provider in wired.hosts if hasattr(provider, "force_flush")]
        flushed = [flush(wired.lanes, seconds), *(host(deadline) for host in hosts)]
        return all(flushed)

    def shutdown(self, timeout: float | None = None) -> tuple[Delivery, ...]:
        """Export what there is and end. The program's own providers stay as they are.

        Args:
            timeout: Seconds for all signals together; `None` for `exit_timeout_seconds`.

        Returns:
            What became of everything, by destination and signal; logged once as a warning where something was lost.
            Empty where nothing was ever offered, or nothing was to be sent (`OTEL_SDK_DISABLED=true`).
        """
        if self._report is not None:
            return self._report
        with self._lock:
            wired, self._wired = self._wired, UNWIRED
        if wired is None:
            self._report = ()
            return ()
        report = wired.deliveries
        if wired.lanes:
            from genops.telemetry.lanes import close

            report = close(wired.lanes, self._config.exit_timeout_seconds if timeout is None else timeout)
        if wired.view is not None:
            wired.view.sources = None
        self._report = report
        _warn(report)
        return report

    def hand_over(self, successor: Telemetry) -> None:
        """Let spans that end after this telemetry's end leave by its successor."""

        def put(span: object) -> None:
            for lane in successor.wired.lanes:
                if isinstance(lane, QueueLane) and lane.signal == "traces":
                    lane.put(span)

        if self._wired is not None and self._wired.lanes:
            from genops.telemetry.lanes import QueueLane

            for lane in self._wired.lanes:
                if isinstance(lane, QueueLane) and lane.signal == "traces":
                    lane.heir = put

    def health(self) -> tuple[Delivery, ...]:
        """Return what became of everything so far, by destination and signal."""
        if self._report is not None:
            return self._report
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

            return Wiring(self._config, self._plan, self._guard, self._sources).connect()
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
                _reason(fault),
                ", ".join(names),
            )
        signals = ("traces",) if self._config.events == "span" else ("traces", "logs")
        lost = Undelivered((name, signal) for name in names for signal in signals)
        return Wired(lost, (lost,), undelivered=lost)

    def _let_go(self) -> Mapping[str, int]:
        return self.bounds()

    def _sources(self, deliveries: Callable[[], Iterable[Delivery]]) -> Sources:
        from genops.telemetry.metrics import Sources

        return Sources(self._totals, self._budgets, self._guard, deliveries, self._config.currency, self._let_go)


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


def _disabled() -> bool:
    return os.environ.get("OTEL_SDK_DISABLED", "").strip().lower() == "true"


def _has_api() -> bool:
    try:
        import_module("opentelemetry.context")
    except ImportError:
        return False
    return True


def _reason(fault: Exception) -> str:
    """Name a missing module, otherwise the class of the fault alone: its message may quote the caller's data."""
    if isinstance(fault, ImportError):
        return f"cannot import {fault.name or fault}"
    return type(fault).__qualname__


def _aside(provider: Any, timeout: float) -> Callable[[float], bool]:
    """Flush a provider of the program on a thread, as it may ignore its timeout; return what waits for the answer."""
    answers: list[bool] = []

    def ask() -> None:
        answers.append(provider.force_flush(round(timeout * 1000)) is not False)

    thread = threading.Thread(target=ask, name="genops-flush", daemon=True)
    try:
        thread.start()
    except RuntimeError:  # the interpreter is ending; the program's providers flush themselves
        return lambda _deadline: False

    def answered(deadline: float) -> bool:
        thread.join(max(deadline - time.monotonic(), 0))
        return answers == [True]

    return answered


def _warn(report: tuple[Delivery, ...]) -> None:
    lost = [
        f"{delivery.signal} to {delivery.destination}: {delivery.failed} failed, {delivery.dropped} dropped, "
        f"{delivery.waiting} abandoned, {delivery.exported} exported"
        for delivery in report
        if delivery.lost or delivery.waiting
    ]
    if lost:
        _log.warning("genops: telemetry was lost. %s", "; ".join(lost))
