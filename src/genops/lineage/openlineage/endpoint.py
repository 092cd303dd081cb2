"""A receiver's address, what is checked of it, and connections to it."""

from __future__ import annotations

import base64
import http.client
import ssl
from ipaddress import ip_address
from urllib.parse import SplitResult, unquote, urlsplit
from urllib.request import getproxies, proxy_bypass

from genops.errors import ConfigurationError

_PATH = "/api/v1/lineage"
_AN_EXAMPLE = "expected a URL such as 'https://lineage.example.com'"


class Endpoint:
    """One receiver.

    Args:
        url: Its URL, `http` or `https`; without a path, `/api/v1/lineage` is its path.
        key: Sent as bearer token.
        timeout: Seconds for each step.
        ca_file: Certificates of the authorities to trust, instead of the machine's.

    Attributes:
        name: Its URL without what may be secret.
        target: What requests ask for.

    Raises:
        ConfigurationError: The URL or the certificates cannot be used, or the key would travel in plain text.
    """

    def __init__(self, url: str, *, key: str | None, timeout: float, ca_file: str | None) -> None:
        parts = _split(url)
        self._host = parts.hostname or ""
        self._tls = parts.scheme == "https"
        self._port = parts.port or (443 if self._tls else 80)
        path = parts.path if parts.path not in {"", "/"} else _PATH
        self.name = f"{parts.scheme}://{parts.netloc}{path}"
        if key is not None and not self._tls and not _loopback(self._host):
            raise ConfigurationError(
                f"OpenLineage events to {self.name}: the key would travel in plain text; use https://"
            )
        if key is not None and not (key.isascii() and key.isprintable()):
            raise ConfigurationError("the key for OpenLineage events holds characters that no HTTP header can carry")
        self._key = key
        self._timeout = timeout
        self._context = _trusting(ca_file) if self._tls else None
        self._proxy = None if _loopback(self._host) or proxy_bypass(self._host) else _proxy(parts.scheme)
        query = f"?{parts.query}" if parts.query else ""
        self.target = self.name + query if self._proxy is not None and not self._tls else path + query

    def headers(self, *, compressed: bool) -> dict[str, str]:
        """Return the headers of a request."""
        headers = {"Content-Type": "application/json", "User-Agent": "genops"}
        if self._key is not None:
            headers["Authorization"] = f"Bearer {self._key}"
        if compressed:
            headers["Content-Encoding"] = "gzip"
        if self._proxy is not None and not self._tls:
            headers.update(_proxy_headers(self._proxy))
        return headers

    def connect(self) -> http.client.HTTPConnection:
        """Return a connection that opens at its first request."""
        host, port = self._host, self._port
        if self._proxy is not None:
            host, port = self._proxy.hostname or "", self._proxy.port or 80
        if self._context is None:
            return http.client.HTTPConnection(host, port, timeout=self._timeout)
        connection = http.client.HTTPSConnection(host, port, timeout=self._timeout, context=self._context)
        if self._proxy is not None:
            connection.set_tunnel(self._host, self._port, _proxy_headers(self._proxy))
        return connection


def in_plain_text(destination: str) -> bool:
    """Return whether what is sent to a receiver, or kept in a file, can be read by others than its readers.

    >>> in_plain_text("http://example.com"), in_plain_text("http://localhost:5000"), in_plain_text("events.jsonl")
    (True, False, True)
    """
    if not destination.lower().startswith("http://"):
        return not destination.lower().startswith("https://")
    return not _loopback(_split(destination).hostname or "")


def _split(url: str) -> SplitResult:
    """Take a URL apart. No message says it: it may hold a password."""
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:
        raise ConfigurationError(f"the URL for OpenLineage events cannot be read; {_AN_EXAMPLE}") from None
    plain = url.isascii() and url.isprintable() and " " not in url
    if parts.scheme not in {"http", "https"} or not parts.hostname or not plain:
        raise ConfigurationError(f"the URL for OpenLineage events names no receiver; {_AN_EXAMPLE}")
    if "@" in parts.netloc:
        raise ConfigurationError("the URL for OpenLineage events holds a user or a password; give a key instead")
    return parts


def _trusting(ca_file: str | None) -> ssl.SSLContext:
    try:
        return ssl.create_default_context(cafile=ca_file)
    except (OSError, ValueError) as error:
        raise ConfigurationError(
            f"OpenLineage events: the certificates in {ca_file!r} cannot be read ({type(error).__name__})"
        ) from error


def _loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def _proxy(scheme: str) -> SplitResult | None:
    address = getproxies().get(scheme)
    if not address:
        return None
    parts = urlsplit(address if "://" in address else f"http://{address}")
    return parts if parts.hostname else None


def _proxy_headers(proxy: SplitResult) -> dict[str, str]:
    if proxy.username is None:
        return {}
    user = f"{unquote(proxy.username)}:{unquote(proxy.password or '')}"
    return {"Proxy-Authorization": f"Basic {base64.b64encode(user.encode()).decode()}"}
