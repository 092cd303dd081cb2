"""Relays: processors of the SDK that pass ended spans and log records on, one for each provider while it lives."""

from __future__ import annotations

import weakref
from collections.abc import Callable
from typing import Any

from opentelemetry.sdk._logs import LogRecordProcessor
from opentelemetry.sdk.trace import ReadableSpan, SpanProcessor

from genops.telemetry.succession import Ways

# Held weakly, as what it leads to may hold the provider; the processor on the provider keeps it.
_known: weakref.WeakKeyDictionary[Any, weakref.ref[Ways]] = weakref.WeakKeyDictionary()


def ways_of(host: Any, add: Callable[[Ways], object]) -> Ways:
    """Return the ways that begin at a provider of the program.

    Args:
        host: The provider.
        add: Adds a processor to it that passes on to the ways; called where none was added yet.
    """
    known = _known.get(host)
    ways = None if known is None else known()
    if ways is None:
        ways = Ways()
        _known[host] = weakref.ref(ways)
        add(ways)
    return ways


class SpanRelay(SpanProcessor):
    """Passes ended spans on.

    Args:
        put: Takes them.
        only: Instrumentation scope whose spans are taken; `None` for all.
    """

    def __init__(self, put: Callable[[object], None], only: str | None = None) -> None:
        self._put = put
        self._only = only

    def on_end(self, span: ReadableSpan) -> None:
        """Take a span, if it is sampled."""
        context = span.context
        if context is None or not context.trace_flags.sampled:
            return
        if self._only is None or (span.instrumentation_scope and span.instrumentation_scope.name == self._only):
            self._put(span)

    def force_flush(self, timeout_millis: int = 30000) -> bool:  # noqa: ARG002  (the SDK's signature)
        """The lanes are flushed by whoever made them."""
        return True


class LogRelay(LogRecordProcessor):
    """Passes log records on.

    Args:
        put: Takes them.
        only: Instrumentation scope whose records are taken; `None` for all.
    """

    def __init__(self, put: Callable[[object], None], only: str | None = None) -> None:
        self._put = put
        self._only = only

    def on_emit(self, log_record: Any) -> None:
        """Take a log record."""
        if self._only is None or log_record.instrumentation_scope.name == self._only:
            self._put(log_record)

    def shutdown(self) -> None:
        """The lanes are closed by whoever made them."""

    def force_flush(self, timeout_millis: int = 30000) -> bool:  # noqa: ARG002  (the SDK's signature)
        """The lanes are flushed by whoever made them."""
        return True
