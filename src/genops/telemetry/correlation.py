"""Trace correlation: the program's log records carry the ids of the span that they were written in.

The four attributes are those of `opentelemetry-instrumentation-logging` (`otelTraceID`, `otelSpanID`,
`otelTraceSampled`, `otelServiceName`), so that its formats, and back ends that look for them, work unchanged. The
plainer names of OpenTelemetry's specification (`trace_id`, `span_id`) are not used: a program that passes one of them
in `extra` would be given a `KeyError` by `logging`, which lets no attribute be written over.
"""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from genops.core import current
from genops.core.forks import on_fork
from genops.telemetry.resource import service_name

if TYPE_CHECKING:
    from genops.core.guard import Guard

TRACE_ID, SPAN_ID, SAMPLED, SERVICE = "otelTraceID", "otelSpanID", "otelTraceSampled", "otelServiceName"
Factory = Callable[..., logging.LogRecord]
# What opentelemetry-instrumentation-logging writes where there is no span.
_NOTHING = "0"


class Ids(NamedTuple):
    """Which span a record belongs to.

    Attributes:
        trace: Trace id, 32 hexadecimal digits; `0` where there is no span.
        span: Span id, 16 hexadecimal digits; `0` where there is no span.
        sampled: Whether the trace is sampled.
    """

    trace: str = _NOTHING
    span: str = _NOTHING
    sampled: bool = False


_NO_IDS = Ids()


class _Layer:
    """A log-record factory over another one.

    Args:
        below: The factory that makes the records.
        of: Marks them.
    """

    def __init__(self, below: Factory, of: Correlation) -> None:
        self.below = below
        self.of = of

    def __call__(self, *args: Any, **kwargs: Any) -> logging.LogRecord:
        record = self.below(*args, **kwargs)
        self.of.mark(record)
        return record


class Correlation:
    """The layer around the process's log-record factory, put in and taken out again.

    A factory that the program puts over this one calls it, and cannot be taken off from here: the layer below then
    stays where it is, and another one goes over the program's. Whether that leads to the one below is not asked, since
    the program may count or ship what its factory makes; so there is at most one layer for each factory of the
    program's, and one more, however often this is configured.
    """

    def __init__(self) -> None:
        self._guard: Guard | None = None
        self._span: Callable[[], Any] = lambda: None
        self._last: tuple[object, Ids] = self, _NO_IDS
        self._service = ""
        self._new_lock()
        on_fork(self._new_lock)

    def _new_lock(self) -> None:
        self._lock = threading.RLock()

    def configure(self, guard: Guard | None, environ: Mapping[str, str] = os.environ) -> None:
        """Put the layer in, or take it out.

        Args:
            guard: Counts faults; `None` takes the layer out.
            environ: Where the service's name is looked up.
        """
        with self._lock:
            self._guard = guard
            if guard is None:
                self._take_out()
                return
            self._service = service_name(environ)
            self._span = _current_span()
            top = logging.getLogRecordFactory()
            if not self._made(top):
                logging.setLogRecordFactory(_Layer(top, self))

    def _take_out(self) -> None:
        top = logging.getLogRecordFactory()
        if isinstance(top, _Layer) and self._made(top):
            logging.setLogRecordFactory(top.below)

    def _made(self, factory: Factory) -> bool:
        return isinstance(factory, _Layer) and factory.of is self

    def mark(self, record: logging.LogRecord) -> None:
        """Give a record the ids of what runs here; never raises.

        Args:
            record: The record; ids that it has already stand.
        """
        guard = self._guard
        if guard is not None:
            try:
                self._mark(record.__dict__)
            except Exception as fault:
                guard.caught("telemetry.correlation", fault)

    def _mark(self, fields: dict[str, Any]) -> None:
        if fields.get(TRACE_ID, _NOTHING) == _NOTHING:
            fields[TRACE_ID], fields[SPAN_ID], fields[SAMPLED] = self._ids()
        if not fields.get(SERVICE):
            fields[SERVICE] = self._service

    def _ids(self) -> Ids:
        """Return the ids of the current span; where there is none, of the unit or part that runs here."""
        context = self._span()
        # A span mostly has several lines, and spelling its ids costs more than finding it.
        before, ids = self._last
        if context is before:
            return ids
        if context is not None and context.is_valid:
            ids = Ids(f"{context.trace_id:032x}", f"{context.span_id:016x}", context.trace_flags.sampled)
            self._last = context, ids
            return ids
        owner = current.owner.get()
        if owner is None or not owner.open:
            return _NO_IDS
        unit = owner.unit
        return Ids(f"{unit.trace_id:032x}", f"{unit.span_id:016x}", bool(unit.flags & 1))


def _current_span() -> Callable[[], Any]:
    """Return what finds the current span's context; nothing does where OpenTelemetry is not there."""
    try:
        from opentelemetry.trace import get_current_span
    except ImportError:
        return lambda: None
    return lambda: get_current_span().get_span_context()


_correlation = Correlation()
configure = _correlation.configure
