"""Destinations: where telemetry goes, and what sends it there."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from genops.errors import ConfigurationError, nearest
from genops.telemetry.endpoints import Endpoint, endpoints, named
from genops.telemetry.otlp_file import OtlpFile

if TYPE_CHECKING:
    from genops.telemetry.config import TelemetryConfig

NONE, OTLP, CONSOLE = "none", "otlp", "console"
_WORDS = (NONE, OTLP, CONSOLE)
# Seconds for one request with its retries, where OTEL_EXPORTER_OTLP_TIMEOUT says nothing: the default of 10 would
# keep a lane busy for longer than an exit may take.
_TIMEOUT = 5.0


class Sender(NamedTuple):
    """What sends one signal to one destination.

    Attributes:
        send: Sends a batch of spans or log records, or one `MetricsData`, and returns how many items were accepted.
        shutdown: Releases what it holds.
        exporter: The SDK's exporter behind it, where there is one; metrics take their temporality from it.
    """

    send: Callable[[Any, int], int]
    shutdown: Callable[[], object] = lambda: None
    exporter: Any = None


class Destination(Protocol):
    """A place that telemetry can go to.

    Attributes:
        name: What reports call it.
    """

    name: str

    def sender(self, signal: str) -> Sender | None:
        """Return what sends a signal there, or `None` where it takes no such signal. Called in each process anew."""
        ...


class Plan(NamedTuple):
    """What `telemetry.export` comes to.

    Attributes:
        destinations: Where telemetry goes.
        explicit: Whether the program asked for them; otherwise the environment's endpoint speaks, which the program's
            own providers already serve.
        console: Whether operations are shown on the terminal.
    """

    destinations: tuple[Destination, ...]
    explicit: bool
    console: bool


def plan(config: TelemetryConfig, environ: Mapping[str, str] = os.environ) -> Plan:
    """Return what a configuration comes to.

    Raises:
        ConfigurationError: A destination cannot be used; the message names the value.
        MissingDependency: gRPC is asked for and not installed.
    """
    if config.off:
        return Plan((), explicit=False, console=False)
    if config.export is None:
        found = endpoints(environ)
        return Plan((Otlp(found, config, environ),) if found else (), explicit=False, console=config.console)
    asked = config.export if isinstance(config.export, tuple) else (config.export,)
    wanted = [item for item in asked if item != NONE]
    destinations = tuple(_destination(item, config, environ) for item in wanted if item != CONSOLE)
    return Plan(destinations, explicit=bool(destinations), console=config.console or CONSOLE in wanted)


def _destination(item: str | Path, config: TelemetryConfig, environ: Mapping[str, str]) -> Destination:
    if item == OTLP:
        found = endpoints(environ)
        if not found:
            raise ConfigurationError(
                "telemetry.export='otlp': no endpoint is configured; set OTEL_EXPORTER_OTLP_ENDPOINT, for example to "
                "http://collector.example.com:4318"
            )
        return Otlp(found, config, environ)
    text = str(item)
    if "://" in text:
        raise ConfigurationError(
            "telemetry.export names a URL: say 'otlp' and set OTEL_EXPORTER_OTLP_ENDPOINT to the URL, or give the path "
            "of a file"
        )
    if isinstance(item, str) and not (Path(text).suffix or os.sep in text):
        raise ConfigurationError(
            f"telemetry.export={text!r}{nearest(text, _WORDS)}: expected {', '.join(_WORDS)} or the path of a file "
            "such as genops.jsonl"
        )
    return File(Path(text))


class File:
    """Lines of OTLP JSON in one file.

    Raises:
        ConfigurationError: The file cannot be written.
    """

    def __init__(self, path: Path) -> None:
        self.name = str(path)
        self._file = OtlpFile(path)

    def sender(self, signal: str) -> Sender:
        """Return what appends a signal to the file."""
        if signal == "metrics":
            return Sender(self._file.metrics)
        write = self._file.spans if signal == "traces" else self._file.logs

        def send(batch: Any, _size: int) -> int:
            return write(batch)

        return Sender(send)


class Exporters:
    """The SDK's exporters, given by the program; a missing signal goes nowhere.

    Args:
        name: What reports call them.
        traces: A `SpanExporter`.
        logs: A `LogRecordExporter`.
        metrics: A `MetricExporter`.
    """

    def __init__(self, name: str, *, traces: Any = None, logs: Any = None, metrics: Any = None) -> None:
        self.name = name
        self._exporters = {"traces": traces, "logs": logs, "metrics": metrics}

    def sender(self, signal: str) -> Sender | None:
        """Return what hands a signal to its exporter."""
        exporter = self._exporters[signal]
        return None if exporter is None else _asking(exporter, lambda: 0)


class Otlp:
    """A receiver of OTLP, over HTTP or gRPC.

    Args:
        found: Endpoint of each signal.
        config: `compression` where the environment names none.
        environ: `OTEL_EXPORTER_OTLP_*`.
    """

    name = OTLP

    def __init__(self, found: Sequence[Endpoint], config: TelemetryConfig, environ: Mapping[str, str]) -> None:
        self._endpoints = {endpoint.signal: endpoint for endpoint in found}
        self._compression = config.compression
        self._environ = environ
        with suppress(Exception):  # said when it is needed; loaded here because a first operation should not wait
            for protocol in {endpoint.protocol for endpoint in found}:
                _exporters(protocol)

    def sender(self, signal: str) -> Sender | None:
        """Return what sends a signal to its endpoint."""
        endpoint = self._endpoints.get(signal)
        if endpoint is None:
            return None
        options: dict[str, Any] = {}
        if not named(self._environ, "TIMEOUT", signal)[1]:
            options["timeout"] = _TIMEOUT
        packed = not named(self._environ, "COMPRESSION", signal)[1] and self._compression == "gzip"
        if endpoint.protocol == "grpc":
            return _grpc(endpoint, options, packed=packed)
        return _http(endpoint, options, packed=packed, environ=self._environ)


def _asking(exporter: Any, rejected: Callable[[], int]) -> Sender:
    def send(batch: Any, size: int) -> int:
        result = exporter.export(batch)
        return max(size - rejected(), 0) if getattr(result, "name", "") == "SUCCESS" else 0

    return Sender(send, exporter.shutdown, exporter)


def _http(endpoint: Endpoint, options: dict[str, Any], *, packed: bool, environ: Mapping[str, str]) -> Sender:
    from opentelemetry.exporter.otlp.proto.http import Compression

    from genops.telemetry.partial import Responses

    if packed:
        options["compression"] = Compression.Gzip
    responses = Responses(endpoint.signal)
    # A credential provider brings a session of its own, whose responses stay unseen.
    if not any(name.endswith("_CREDENTIAL_PROVIDER") and value for name, value in environ.items()):
        options["session"] = responses.session()
    exporter = _exporters(endpoint.protocol)[endpoint.signal]
    return _asking(exporter(endpoint=endpoint.url, **options), responses.rejected)


def _grpc(endpoint: Endpoint, options: dict[str, Any], *, packed: bool) -> Sender:
    from grpc import Compression

    if packed:
        options["compression"] = Compression.Gzip
    if "://" not in endpoint.url:
        options["insecure"] = True
    # The exporter keeps its receiver's response to itself, so a partial success counts as a whole one.
    exporter = _exporters(endpoint.protocol)[endpoint.signal]
    return _asking(exporter(endpoint=endpoint.url, **options), lambda: 0)


def _exporters(protocol: str) -> dict[str, Any]:
    """Return the SDK's exporter of each signal; its modules differ by protocol in one word."""
    home = f"opentelemetry.exporter.otlp.proto.{'grpc' if protocol == 'grpc' else 'http'}"
    return {
        "traces": import_module(f"{home}.trace_exporter").OTLPSpanExporter,
        "logs": import_module(f"{home}._log_exporter").OTLPLogExporter,
        "metrics": import_module(f"{home}.metric_exporter").OTLPMetricExporter,
    }
