"""Where OTLP goes: read from the `OTEL_EXPORTER_OTLP_*` environment only, and never guessed."""

from __future__ import annotations

import os
from collections.abc import Mapping
from importlib.util import find_spec
from typing import NamedTuple
from urllib.parse import urlsplit

from genops.errors import ConfigurationError, MissingDependency

SIGNALS = ("traces", "logs", "metrics")
HTTP, GRPC = "http/protobuf", "grpc"
_PROTOCOLS = (HTTP, GRPC)


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
    checked_url(variable, value, grpc=protocol == GRPC)
    if protocol == GRPC:
        need_grpc(protocol_variable)
    elif signal.upper() not in variable:
        value = f"{value.rstrip('/')}/v1/{signal}"
    return Endpoint(signal, value, protocol)


def shown(url: str) -> str:
    """Return a URL without what may be secret in it: credentials, query and fragment.

    >>> shown("https://me:secret@example.com/v1/traces?key=secret")
    'https://example.com/v1/traces'
    """
    bare = url.partition("?")[0].partition("#")[0]
    scheme, separator, rest = bare.rpartition("://")
    if "@" in url[len(bare) :] and "@" not in rest:  # a password may hold the mark that the rest was cut at
        return f"{scheme}{separator}***"
    return f"{scheme}{separator}{rest.rpartition('@')[2]}"


def checked_url(variable: str, value: str, *, grpc: bool) -> None:
    """Check that a value names a receiver.

    Args:
        variable: Where the value comes from.
        value: A URL; for gRPC host and port will do.
        grpc: Whether it is a receiver of gRPC.

    Raises:
        ConfigurationError: It does not; credentials and query are not shown.
    """
    try:
        parts = urlsplit(value if "://" in value or not grpc else f"http://{value}")
        usable = parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:
        usable = False
    if not usable:
        example = "http://collector.example.com:4317" if grpc else "http://collector.example.com:4318"
        hidden = " (user and password, which are not shown, have to be percent-encoded)" if "@" in value else ""
        raise ConfigurationError(
            f"{variable}={shown(value)!r}: expected the URL of an OTLP receiver, for example {example}{hidden}"
        )


def need_grpc(asked: str) -> None:
    """Check that the exporter of gRPC is installed.

    Args:
        asked: What asks for it, as the message names it.

    Raises:
        MissingDependency: It is not installed.
    """
    try:
        found = find_spec("opentelemetry.exporter.otlp.proto.grpc") is not None
    except ModuleNotFoundError:
        found = False
    if not found:
        raise MissingDependency(
            f"{asked}=grpc needs the package opentelemetry-exporter-otlp: install genops with its extra `grpc` "
            "(pip install '.[grpc]'), or set the protocol to http/protobuf"
        )
