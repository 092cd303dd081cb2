"""The tracer: opens OpenTelemetry spans for operations, whoever provides them."""

from __future__ import annotations

from collections.abc import Generator, Mapping
from contextlib import AbstractContextManager, contextmanager
from typing import TYPE_CHECKING, Any, cast

from opentelemetry import context as otel_context
from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.trace import NonRecordingSpan, Span, SpanContext, SpanKind, Status, StatusCode, TraceFlags
from opentelemetry.trace.propagation import set_span_in_context
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from genops.core.ports import RandomIds
from genops.core.records import Role, UnitId
from genops.telemetry.spans import (
    LIMIT,
    WIDE_LIMIT,
    counted,
    dataset_attributes,
    end_attributes,
    fit,
    is_governed,
    start_attributes,
)

if TYPE_CHECKING:
    from contextvars import Token

    from opentelemetry.trace import Tracer as ApiTracer

    from genops.core.operation import Operation
    from genops.core.ports import Closing, Ids, Scope
    from genops.telemetry.config import TelemetryConfig
    from genops.telemetry.validation import Validation

# Most instrumentations are suppressed by the API's own key, which has no public name; some by the plain word.
_SUPPRESS_KEYS = (str(getattr(otel_context, "_SUPPRESS_INSTRUMENTATION_KEY", "")), "suppress_instrumentation")
_FAILED = Status(StatusCode.ERROR)
_UNSAMPLED = TraceFlags(TraceFlags.DEFAULT)
_SPACE = 1 << 64
_propagator = TraceContextTextMapPropagator()


def suppressing(base: Context | None = None) -> Context:
    """Return a context in which nothing is instrumented."""
    for key in _SUPPRESS_KEYS:
        base = otel_context.set_value(key, value=True, context=base)
    return cast("Context", base)


class Sampling:
    """Which of genops' own spans are kept: a share by class of operation, decided by the trace id alone.

    Args:
        rate: Share that is kept, from 0 to 1.
        rates: The same by class of operation.
    """

    def __init__(self, rate: float, rates: Mapping[str, float]) -> None:
        self._bound = round(rate * _SPACE)
        self._bounds = {action: round(share * _SPACE) for action, share in rates.items()}

    @classmethod
    def of(cls, config: TelemetryConfig) -> Sampling | None:
        """Return the sampling that is configured, or `None` where every span is kept."""
        return cls(config.sampling_rate, config.sampling_rates) if config.sampling_enabled else None

    def keeps(self, action: str, trace_id: int) -> bool:
        """Return whether a span is kept.

        >>> Sampling(0.5, {"query": 1.0}).keeps("read", 2**63), Sampling(0.5, {"query": 1.0}).keeps("query", 2**63)
        (False, True)
        """
        return trace_id % _SPACE < self._bounds.get(action, self._bound)


class OTelTracer:
    """Opens spans through OpenTelemetry's API.

    Args:
        tracer: Makes the spans; `None` where they would reach nobody: identities only.
        sampling: Which spans are kept.
        own: Whether nobody else's spans come from the same provider. Then a span that is not kept still becomes the
            current one, so that what runs inside joins its trace. Otherwise it does not, because the program's own
            spans inside would be lost with it.
        spans: Where open spans are registered by span id, for span events.
        ids: Makes the identities of operations without a span.
        validation: Checks each span before it ends, where that is asked for.
    """

    def __init__(
        self,
        tracer: ApiTracer | None,
        *,
        sampling: Sampling | None = None,
        own: bool = True,
        spans: dict[int, Span] | None = None,
        ids: Ids | None = None,
        validation: Validation | None = None,
    ) -> None:
        self._tracer = tracer
        self.validation = validation
        self._ids = ids or RandomIds()
        self._sampling = sampling
        self._own = own
        self.spans = spans
        # Trace id of an open root span → its span id, and the number that its sampling was decided by: the SDK draws
        # trace ids itself, after the decision.
        self._drawn: dict[int, tuple[int, int]] = {}

    def open(self, operation: Operation, role: Role, started_ns: int, parent: object = None) -> Scope:
        """Open a span below `parent`, or below what is current."""
        context = parent if isinstance(parent, Context) else None
        tracer = self._tracer
        if tracer is None:
            return self._unsampled(trace.get_current_span(context).get_span_context(), None)
        above, drawn = None, None
        if self._sampling is not None:
            above = trace.get_current_span(context).get_span_context()
            drawn = self._drawn.get(above.trace_id, (0, above.trace_id))[1] or self._ids.trace_id()
            if not self._sampling.keeps(operation.action.value, drawn):
                return self._unsampled(above, drawn)
        attributes = start_attributes(operation, role)
        span = tracer.start_span(
            operation.span_name or operation.type,
            context,
            SpanKind.CLIENT if operation.library else SpanKind.INTERNAL,
            attributes,
            None,
            started_ns,
            False,
            False,
        )
        identity = span.get_span_context()
        if not span.is_recording():
            above = trace.get_current_span(context).get_span_context()
            if not identity.is_valid or identity.span_id == above.span_id:
                return self._unsampled(above, drawn)
        if drawn is not None and above is not None and not above.is_valid:
            self._drawn[identity.trace_id] = identity.span_id, drawn
        if self.spans is not None:
            self.spans[identity.span_id] = span
        return SpanScope(self, span, identity, operation, role, counted(attributes, operation))

    def _unsampled(self, above: SpanContext, drawn: int | None) -> UnsampledScope:
        trace_id = above.trace_id or drawn or self._ids.trace_id()
        identity = SpanContext(
            trace_id,
            self._ids.span_id(),
            is_remote=False,
            trace_flags=_UNSAMPLED,
            trace_state=above.trace_state,
        )
        return UnsampledScope(identity, current=self._own)

    def closed(self, unit: UnitId) -> None:
        """Forget an open span."""
        if self._drawn and self._drawn.get(unit.trace_id, (0, 0))[0] == unit.span_id:
            del self._drawn[unit.trace_id]
        if self.spans is not None:
            self.spans.pop(unit.span_id, None)

    def here(self) -> object:
        """Return the current context."""
        return otel_context.get_current()

    def suppressed(self) -> bool:
        """Whether instrumentation is suppressed here, by either of the keys in use."""
        current = otel_context.get_current()
        return bool(current) and any(current.get(key) for key in _SUPPRESS_KEYS)

    def inject(self) -> dict[str, str]:
        """Return the current trace context as `traceparent` and `tracestate`."""
        headers: dict[str, str] = {}
        _propagator.inject(headers)
        return headers

    def attached(self, headers: Mapping[str, str]) -> AbstractContextManager[object]:
        """Return a context manager inside which the trace context of `headers` is current."""
        return _attached(_propagator.extract(dict(headers)))


@contextmanager
def _attached(context: Context) -> Generator[Context, None, None]:
    token = otel_context.attach(context)
    try:
        yield context
    finally:
        otel_context.detach(token)


class _Current:
    """A span that can be made current."""

    __slots__ = ("_span", "unit")
    _span: Span
    unit: UnitId

    def enter(self) -> object:
        """Make the span current."""
        return otel_context.attach(set_span_in_context(self._span))

    def exit(self, token: object) -> None:
        """Undo `enter`, where it was done in this very context; elsewhere there is nothing to undo."""
        if token is not None and trace.get_current_span() is self._span:
            otel_context.detach(cast("Token[Any]", token))


class SpanScope(_Current):
    """An operation whose span records, or whose fate the program's own sampler decided."""

    __slots__ = ("_count", "_operation", "_role", "_tracer")

    def __init__(
        self, tracer: OTelTracer, span: Span, identity: SpanContext, operation: Operation, role: Role, count: int
    ) -> None:
        self._tracer = tracer
        self._span = span
        self._operation = operation
        self._role = role
        self._count = count
        self.unit = UnitId(identity.trace_id, identity.span_id, int(identity.trace_flags))

    def close(self, closing: Closing) -> None:
        """Say what became known, and end the span at the given time."""
        span = self._span
        if span.is_recording():
            operation = self._operation
            attributes = end_attributes(closing, governed=is_governed(operation, self._role))
            if operation.statement is not None and (closing.facts.reads or closing.facts.writes):
                attributes.update(dataset_attributes((*closing.facts.writes, *closing.facts.reads)))
            wide = operation.statement is not None or operation.reads or operation.writes or closing.lineage
            fit(attributes, (WIDE_LIMIT if wide else LIMIT) - self._count)
            span.set_attributes(attributes)
            if self._tracer.validation is not None:
                said: Mapping[str, Any] = getattr(span, "attributes", None) or attributes
                self._tracer.validation.span(operation.type, said)
            if closing.facts.error_type or (closing.outcome is None and closing.admitted is not None):
                span.set_status(_FAILED)
        span.end(closing.ended_ns)
        self._tracer.closed(self.unit)


class UnsampledScope(_Current):
    """An operation without a span of its own: an identity in the trace around it."""

    __slots__ = ("_current",)

    def __init__(self, identity: SpanContext, *, current: bool) -> None:
        self._span = NonRecordingSpan(identity)
        self._current = current
        self.unit = UnitId(identity.trace_id, identity.span_id)

    def enter(self) -> object:
        """Make the identity current, where that takes no spans from the program."""
        return super().enter() if self._current else None

    def close(self, closing: Closing) -> None:
        """There is no span to end."""
