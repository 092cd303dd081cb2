"""Where OTLP goes: read from the `OTEL_EXPORTER_OTLP_*` environment only, and never guessed."""

from __future__ import annotations

import os
from collections.abc import Mapping
from importlib.util import find_spec
from typing import NamedTuple
from urllib.parse import urlsplit

from genops.errors import ConfigurationError, MissingDependency

SIGNALS = ("traces", "logs", "metrics")
_PROTOCOLS = ("http/protobuf", "grpc")


class Endpoint(NamedTuple):
    """Where one signal goes.

    Attributes:
        signal: `traces`, `logs` or `metrics`.
        url: The whole URL for HTTP; host and port, or a URL, for gRPC.
        protocol: `http/protobuf` or `grpc`.
    """

    signal: str
    url: str
    protocol: str


def endpoints(environ: Mapping[str, str] = os.environ) -> tuple[Endpoint, ...]:
    """Return the endpoint of each signal that has one.

    `OTEL_<SIGNAL>_EXPORTER=none` switches a signal off.

    Raises:
        ConfigurationError: An endpoint cannot be parsed, or a protocol is unknown.
        MissingDependency: The protocol is gRPC, whose exporter is not installed.
    """
    found = (_endpoint(signal, environ) for signal in SIGNALS)
    return tuple(endpoint for endpoint in found if endpoint is not None)


def named(environ: Mapping[str, str], name: str, signal: str) -> tuple[str, str]:
    """Return the variable that holds an OTLP setting for a signal, and its value; empty where neither is set."""
    for variable in (f"OTEL_EXPORTER_OTLP_{signal.upper()}_{name}", f"OTEL_EXPORTER_OTLP_{name}"):
        value = environ.get(variable, "").strip()
        if value:
            return variable, value
    return "", ""


def _endpoint(signal: str, environ: Mapping[str, str]) -> Endpoint | None:
    variable, value = named(environ, "ENDPOINT", signal)
    if not value or environ.get(f"OTEL_{signal.upper()}_EXPORTER", "").strip().lower() == "none":
        return None
    protocol_variable, protocol = named(environ, "PROTOCOL", signal)
    protocol = protocol.lower() or _PROTOCOLS[0]
    if protocol not in _PROTOCOLS:
        raise ConfigurationError(f"{protocol_variable}={protocol!r}: expected one of {', '.join(_PROTOCOLS)}")
    _check(variable, value, grpc=protocol == "grpc")
    if protocol == "grpc":
        _need_grpc(protocol_variable)
    elif signal.upper() not in variable:
        value = f"{value.rstrip('/')}/v1/{signal}"
    return Endpoint(signal, value, protocol)


def _check(variable: str, value: str, *, grpc: bool) -> None:
    try:
        parts = urlsplit(value if "://" in value or not grpc else f"http://{value}")
        usable = parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:
        usable = False
    if not usable:
        example = "http://collector.example.com:4317" if grpc else "http://collector.example.com:4318"
        # Credentials may stand in front of the host; what comes after them may be shown.
        _, credentials, shown = value.rpartition("@")
        shown = f"***@{shown}" if credentials else shown
        raise ConfigurationError(f"{variable}={shown!r}: expected the URL of an OTLP receiver, for example {example}")


def _need_grpc(variable: str) -> None:
    try:
        found = find_spec("opentelemetry.exporter.otlp.proto.grpc") is not None
    except ModuleNotFoundError:
        found = False
    if not found:
        raise MissingDependency(
            f"{variable}=grpc needs the package opentelemetry-exporter-otlp: install genops with its extra `grpc` "
            "(pip install '.[grpc]'), or set the protocol to http/protobuf"
        )
