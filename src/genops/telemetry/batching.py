"""How much waits, for how long, and how much leaves at once."""

from __future__ import annotations

import math
import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, NamedTuple

from genops.errors import ConfigurationError

if TYPE_CHECKING:
    from genops.telemetry.config import TelemetryConfig

_QUEUE = 8192  # items; about 25 MB of spans at worst
_METRICS_MILLIS = 60_000.0
# What OpenTelemetry's specification calls the settings of its two batch processors.
_PREFIX = {"traces": "OTEL_BSP", "logs": "OTEL_BLRP"}


class Batching(NamedTuple):
    """The queue of one signal.

    Attributes:
        capacity: Items that may wait.
        batch: Items in one export.
        interval: Longest wait in seconds.
    """

    capacity: int
    batch: int
    interval: float


def batching(signal: str, config: TelemetryConfig, environ: Mapping[str, str] = os.environ) -> Batching:
    """Return the queue of `traces` or `logs`; `OTEL_BSP_*` and `OTEL_BLRP_*` win over the configuration.

    Raises:
        ConfigurationError: A variable does not hold a positive number.
    """
    prefix = _PREFIX[signal]
    capacity = max(int(_positive(f"{prefix}_MAX_QUEUE_SIZE", _QUEUE, environ)), 1)
    batch = max(int(_positive(f"{prefix}_MAX_EXPORT_BATCH_SIZE", config.batch_size, environ)), 1)
    millis = _positive(f"{prefix}_SCHEDULE_DELAY", config.flush_interval_seconds * 1000, environ)
    return Batching(capacity, min(batch, capacity), millis / 1000)


def metrics_interval(environ: Mapping[str, str] = os.environ) -> float:
    """Return the seconds between two collections of metrics: `OTEL_METRIC_EXPORT_INTERVAL`, or 60.

    Raises:
        ConfigurationError: The variable does not hold a positive number.
    """
    return _positive("OTEL_METRIC_EXPORT_INTERVAL", _METRICS_MILLIS, environ) / 1000


def _positive(variable: str, default: float, environ: Mapping[str, str]) -> float:
    text = environ.get(variable, "").strip()
    if not text:
        return default
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not 0 < value < math.inf:
        raise ConfigurationError(f"{variable}={text!r}: expected a number greater than 0")
    return value
