"""Encryption: what `telemetry.require_encryption` refuses."""

from __future__ import annotations

from ipaddress import ip_address
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from genops.errors import ConfigurationError
from genops.telemetry.otlp.endpoints import shown

if TYPE_CHECKING:
    from collections.abc import Iterable

    from genops.telemetry.otlp.endpoints import Endpoint

_TLS = "https"
_SETTINGS = "telemetry.require_encryption with telemetry.export="


def refuse_file(name: str) -> None:
    """Refuse a file of telemetry.

    Raises:
        ConfigurationError: Always, as files are not encrypted.
    """
    raise ConfigurationError(
        f"{_SETTINGS}{name!r}: files of telemetry are not encrypted; send it to a receiver with TLS, or switch "
        "telemetry.require_encryption off"
    )


def refuse_plain(name: str, endpoints: Iterable[Endpoint]) -> None:
    """Refuse a receiver that telemetry would reach in plain text.

    One on the loopback address is this machine, so it may speak plain text; `is_direct` says which are then asked past
    any proxy that the environment names. Exporters that the program gave, and its own providers, cannot be judged.

    Args:
        name: Name of the destination.
        endpoints: Its endpoints.

    Raises:
        ConfigurationError: Telemetry would leave this machine in plain text.
    """
    for endpoint in endpoints:
        if _plain(endpoint.url) and not _loopback(endpoint.url):
            raise ConfigurationError(
                f"{_SETTINGS}{name!r}: {endpoint.signal} would go to {shown(endpoint.url)} in plain text; use https:// "
                "(OTEL_EXPORTER_OTLP_CERTIFICATE names the file of a private authority, "
                "OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE and OTEL_EXPORTER_OTLP_CLIENT_KEY those of your own), or a "
                "collector on localhost that encrypts"
            )


def is_direct(url: str) -> bool:
    """Return whether a receiver is on this machine and speaks plain text, which then must not take a proxy's way.

    >>> is_direct("http://localhost:4318"), is_direct("https://localhost:4318"), is_direct("127.0.0.1:4317")
    (True, False, True)
    """
    return _plain(url) and _loopback(url)


def _plain(url: str) -> bool:
    return not url.lower().startswith(f"{_TLS}://")


def _host(url: str) -> str:
    return urlsplit(url if "://" in url else f"//{url}").hostname or ""


def _loopback(url: str) -> bool:
    host = _host(url)
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False
