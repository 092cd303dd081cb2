"""Destinations: where telemetry goes, and what sends it there."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from genops.errors import ConfigurationError, nearest
from genops.telemetry.otlp.encryption import is_direct, refuse_file, refuse_plain
from genops.telemetry.otlp.endpoints import GRPC, Endpoint, endpoints, named, need_grpc
from genops.telemetry.otlp.otlp_file import OtlpFile
from genops.telemetry.otlp.partial import Responses
from genops.telemetry.otlp.preset import OVERRIDES, filled
from genops.telemetry.otlp.temporality import preferences
from genops.telemetry.otlp.verdicts import Answers

if TYPE_CHECKING:
    from genops.telemetry.config import TelemetryConfig
    from genops.telemetry.otlp.preset import Filled

NONE, OTLP, CONSOLE = "none", "otlp", "console"
_WORDS = (NONE, OTLP, CONSOLE)
# Seconds for one request with its retries, where OTEL_EXPORTER_OTLP_TIMEOUT says nothing: the default of 10 would
# keep a lane busy for longer than an exit may take.
_TIMEOUT = 5.0
# What the SDK asks for a session that authenticates; a signal's own comes after the one for all.
_PROVIDERS = (
    "OTEL_PYTHON_EXPORTER_OTLP_HTTP_CREDENTIAL_PROVIDER",
    "OTEL_PYTHON_EXPORTER_OTLP_HTTP_{}_CREDENTIAL_PROVIDER",
)
# gRPC takes the way of `http_proxy`, `https_proxy` and `grpc_proxy` by itself.
_NO_PROXY = (("grpc.enable_http_proxy", 0),)


class Sender(NamedTuple):
    """What sends one signal to one destination.

    Attributes:
        send: Sends a batch of spans or log records, or one `MetricsData`, and returns how many items were accepted.
        shutdown: Releases what it holds.
        exporter: The SDK's exporter behind it, where there is one; metrics take their temporality from it.
        session: The HTTP session that it sends with, where it is one of genops' own.
        repeated: Returns how many items were sent again after an attempt without an answer, so far.
    """

    send: Callable[[Any, int], int]
    shutdown: Callable[[], object] = lambda: None
    exporter: Any = None
    session: Any = None
    repeated: Callable[[], int] = lambda: 0


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
        ConfigurationError: A destination cannot be used, or would be written to in plain text although encryption is
            required; the message names the value.
        MissingDependency: gRPC is asked for and not installed.
    """
    if config.off:
        return Plan((), explicit=False, console=False)
    planned = _planned(config, environ)
    if config.require_encryption:
        for destination in planned.destinations:
            if isinstance(destination, Otlp):
                refuse_plain(destination.name, destination.endpoints)
    return planned


def _planned(config: TelemetryConfig, environ: Mapping[str, str]) -> Plan:
    if any(name.startswith(OVERRIDES) for name in environ):
        from genops.telemetry.otlp.presets import warn_of_strangers

        warn_of_strangers(environ)
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
    if isinstance(item, Path) or Path(text).suffix or os.sep in text:
        if config.require_encryption:
            refuse_file(text)
        return File(Path(text))
    return _of_preset(text, config, environ)


def _of_preset(name: str, config: TelemetryConfig, environ: Mapping[str, str]) -> Destination:
    from genops.telemetry.otlp.presets import PRESETS

    if name not in PRESETS:
        words = (*_WORDS, *PRESETS)
        raise ConfigurationError(
            f"telemetry.export={name!r}{nearest(name, words)}: expected {', '.join(words)} or the path of a file such "
            "as genops.jsonl"
        )
    chosen = filled(PRESETS[name], environ)
    if chosen.preset.protocol == GRPC:
        need_grpc(f"telemetry.export={name!r}: its protocol")
    return Otlp(chosen.endpoints, config, environ, chosen)


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
        end = self._file.sending()
        if signal == "metrics":
            return Sender(self._file.metrics, end)
        write = self._file.spans if signal == "traces" else self._file.logs

        def send(batch: Any, _size: int) -> int:
            return write(batch)

        return Sender(send, end)


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
        return None if exporter is None else _asking(exporter, Answers(signal))


class Otlp:
    """A receiver of OTLP, over HTTP or gRPC.

    Args:
        found: Endpoint of each signal.
        config: `compression` where the environment names none, and whether encryption is required.
        environ: `OTEL_EXPORTER_OTLP_*`.
        chosen: The preset that it comes from, where it comes from one.

    Attributes:
        endpoints: Endpoint of each signal.
    """

    def __init__(
        self,
        found: Sequence[Endpoint],
        config: TelemetryConfig,
        environ: Mapping[str, str],
        chosen: Filled | None = None,
    ) -> None:
        self.name = OTLP if chosen is None else chosen.preset.name
        self.endpoints = tuple(found)
        self._chosen = chosen
        self._encrypted = config.require_encryption
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
        headers = None if self._chosen is None else self._chosen.headers[signal]
        if self._chosen is not None and signal == "metrics":
            options |= preferences(self._chosen.preset)
        answers = Answers(signal)
        direct = self._encrypted and is_direct(endpoint.url)
        if endpoint.protocol == GRPC:
            if "://" not in endpoint.url and not named(self._environ, "INSECURE", signal)[1]:
                options["insecure"] = True
            if direct:
                options["channel_options"] = _NO_PROXY
            return _grpc(endpoint, options, answers, packed=packed, headers=headers)
        responses = Responses(signal, answers, direct=direct, headers=headers)
        provided = self._is_provided(signal)
        return _http(endpoint, options, answers, responses, packed=packed, provided=provided, headers=headers)

    def _is_provided(self, signal: str) -> bool:
        """Return whether a credential provider brings a session of its own."""
        if self._chosen is not None and not self._chosen.preset.provider:
            return False
        return any(self._environ.get(name.format(signal.upper())) for name in _PROVIDERS) and _knows_providers()


def _asking(exporter: Any, answers: Answers) -> Sender:
    def send(batch: Any, size: int) -> int:
        answers.begin(size)
        result = exporter.export(batch)
        return answers.accepted() if getattr(result, "name", "") == "SUCCESS" else 0

    return Sender(send, exporter.shutdown, exporter, repeated=lambda: answers.repeated)


def _http(
    endpoint: Endpoint,
    options: dict[str, Any],
    answers: Answers,
    responses: Responses,
    *,
    packed: bool,
    provided: bool,
    headers: Mapping[str, str] | None,
) -> Sender:
    from opentelemetry.exporter.otlp.proto.http import Compression

    if packed:
        options["compression"] = Compression.Gzip
    session = None if provided else responses.session()
    if session is not None:
        options["session"] = session
    exporter = _exporters(endpoint.protocol)[endpoint.signal](endpoint=endpoint.url, headers=headers, **options)
    if provided:
        responses.listen(exporter)
    return _asking(exporter, answers)._replace(session=session)


def _grpc(
    endpoint: Endpoint,
    options: dict[str, Any],
    answers: Answers,
    *,
    packed: bool,
    headers: Mapping[str, str] | None,
) -> Sender:
    from grpc import Compression

    from genops.telemetry.otlp.grpc_calls import closed, listened

    if packed:
        options["compression"] = Compression.Gzip
    if headers is not None:
        # A list without an entry, given as text: an empty one would stand for the environment's headers.
        options["headers"] = tuple(headers.items()) or ","
    exporter = _exporters(endpoint.protocol)[endpoint.signal](endpoint=endpoint.url, **options)
    sender = _asking(listened(exporter, endpoint.signal, answers), answers)
    return sender._replace(shutdown=lambda: closed(exporter))


def _knows_providers() -> bool:
    """Return whether the SDK's exporters ask for a credential provider, as they do from version 1.37 on."""
    from opentelemetry.sdk import environment_variables

    return hasattr(environment_variables, f"_{_PROVIDERS[0]}")


def _exporters(protocol: str) -> dict[str, Any]:
    """Return the SDK's exporter of each signal; its modules differ by protocol in one word."""
    home = f"opentelemetry.exporter.otlp.proto.{'grpc' if protocol == GRPC else 'http'}"
    return {
        "traces": import_module(f"{home}.trace_exporter").OTLPSpanExporter,
        "logs": import_module(f"{home}._log_exporter").OTLPLogExporter,
        "metrics": import_module(f"{home}.metric_exporter").OTLPMetricExporter,
    }
