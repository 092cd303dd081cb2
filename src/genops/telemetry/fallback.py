"""What is said where events cannot leave as log records, or encryption cannot be judged."""

from __future__ import annotations

import logging
from collections.abc import Sequence

_log = logging.getLogger("genops")
_UNSAMPLED = ", and genops' own sampling is off, because the events of unsampled operations would be lost"


def without_logs(destinations: Sequence[str], *, spans_leave: bool, sampled: bool) -> None:
    """Say what becomes of events where nothing takes log records.

    Args:
        destinations: Names of the destinations; empty where only the program's own tracer provider is used.
        spans_leave: Whether spans reach anybody, and with them span events.
        sampled: Whether spans would have been sampled, which would lose events.
    """
    unsampled, names = _UNSAMPLED if sampled else "", ", ".join(destinations)
    if not destinations:
        _log.warning(
            "genops: the program has a tracer provider but no logger provider, and no endpoint is configured: events "
            "leave as span events%s. Set a logger provider, or OTEL_EXPORTER_OTLP_ENDPOINT, for log events.",
            unsampled,
        )
    elif spans_leave:
        level = logging.WARNING if sampled else logging.INFO
        _log.log(level, "genops: %s takes no log records: events leave as span events%s.", names, unsampled)
    else:
        _log.warning(
            "genops: %s takes neither log records nor spans: the events of operations reach nobody. Add a destination "
            "that takes them to telemetry.export.",
            names,
        )


def unjudged() -> None:
    """Say that encryption is required of providers that genops knows nothing of."""
    _log.warning(
        "genops: telemetry.require_encryption cannot judge the program's own providers: what they export may leave in "
        "plain text."
    )
