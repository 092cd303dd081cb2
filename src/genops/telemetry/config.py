"""What telemetry is told by the settings."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

Export = str | Path | tuple[str | Path, ...] | None


@dataclass(frozen=True)
class TelemetryConfig:
    """The `telemetry.*` settings, with what they need from `attribution` and `cost`.

    Attributes:
        service_name: Name of the service; `None` takes it from the `OTEL_*` environment or the program's name.
        export: `"none"`, `"otlp"`, `"console"`, the name of a preset or the path of a file, or several of them; `None`
            is `"otlp"` where the environment names an endpoint, otherwise nothing.
        events: `"log"` for log records, `"span"` for span events.
        exit_timeout_seconds: Bound of a shutdown, all signals together.
        batch_size: Spans or events in one request; `OTEL_BSP_MAX_EXPORT_BATCH_SIZE` and its `BLRP` twin win.
        flush_interval_seconds: Longest wait of a span or event in its queue; `OTEL_BSP_SCHEDULE_DELAY` and its `BLRP`
            twin win.
        async_export: Export on threads of their own; otherwise in the call.
        compression: `"gzip"` or `"none"`; `OTEL_EXPORTER_OTLP_COMPRESSION` wins.
        sampling_enabled: Whether genops leaves out some of its own spans.
        sampling_rate: Share of spans that are kept, from 0 to 1.
        sampling_rates: The same by class of operation (`read`, `write`, `query`, `admin`); wins over `sampling_rate`.
        console: One line an operation on standard error.
        require_encryption: Whether plain text beyond this machine, and plain files, are refused.
        environment: Deployment environment of the process, where it is known.
        validate: Whether what leaves is held against the registry.
        currency: ISO 4217 code of the reporting currency.
        performance_metrics: Whether genops measures itself.
        off: Whether nothing is governed: then nothing leaves, and no file is opened.
    """

    service_name: str | None = None
    export: Export = None
    events: str = "log"
    exit_timeout_seconds: float = 3.0
    batch_size: int = 512
    flush_interval_seconds: float = 1.0
    async_export: bool = True
    compression: str = "gzip"
    sampling_enabled: bool = False
    sampling_rate: float = 1.0
    sampling_rates: Mapping[str, float] = field(default_factory=dict[str, float])
    console: bool = False
    require_encryption: bool = False
    environment: str | None = None
    currency: str = "USD"
    performance_metrics: bool = False
    off: bool = False
    validate: bool = False
