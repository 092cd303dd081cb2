"""The HTTP destination: `POST /api/v1/lineage`, one event a request, over a connection that stays open.

It speaks HTTP with the standard library's client, which the instrumentation of a program's own HTTP calls does not see.
It is called on the sink's thread, so it may wait: for an answer, and between two attempts.
"""

from __future__ import annotations

import gzip
import http.client
import random
import socket
import threading
import time
from datetime import datetime, timezone
from email.utils import parsedate_to_datetime
from typing import NamedTuple

from genops.core.forks import on_fork
from genops.lineage.openlineage.endpoint import Endpoint

_AGAIN = frozenset({408, 425, 429, 500, 502, 503, 504})
_UNSUPPORTED_MEDIA = 415
_FIRST_PAUSE, _LONGEST_PAUSE = 0.5, 10.0
_LONGEST_REST = 3_600.0
_MAX_ANSWER = 65_536
_WEB_PAGES = frozenset({"text/html", "application/xhtml+xml"})


class _Verdict(NamedTuple):
    """What one attempt came to.

    Attributes:
        reason: Why it failed; `None` where the event was accepted.
        again: Worth another attempt.
        pause: Seconds to wait before it, as the receiver says.
    """

    reason: str | None = None
    again: bool = False
    pause: float = 0.0


class Http:
    """Posts events to a receiver.

    An event is sent again after 408, 425, 429, 500, 502, 503, 504, or no answer that is HTTP, until `retry_seconds` are
    over; the receiver may say how long to wait (`Retry-After`). As it may have arrived already, an event may arrive
    twice, which the specification allows for. Redirects are not followed, and a web page is no success.

    Args:
        url: Of the receiver; without a path, `/api/v1/lineage` is its path. The proxies of the environment are used.
        key: Sent as bearer token; only over TLS, or to this machine.
        timeout: Seconds for each step of an attempt: to connect, to send, to answer.
        retry_seconds: Seconds after which no further attempt begins.
        compress: Send gzip. Not every receiver reads it; one that answers 415 is sent plain events from then on.
        ca_file: Certificates of the authorities to trust, instead of the machine's.

    Raises:
        ConfigurationError: The URL or the certificates cannot be used, or the key would travel in plain text.
    """

    def __init__(
        self,
        url: str,
        *,
        key: str | None = None,
        timeout: float = 5.0,
        retry_seconds: float = 30.0,
        compress: bool = False,
        ca_file: str | None = None,
    ) -> None:
        self._endpoint = Endpoint(url, key=key, timeout=timeout, ca_file=ca_file)
        self.name = self._endpoint.name
        self._retry_seconds = retry_seconds
        self._compress = compress
        self._not_before = 0.0
        self._begin()
        on_fork(self._begin)

    def _begin(self) -> None:
        """Start with a connection of its own: a child must not write into its parent's."""
        self._closing = threading.Event()
        self._lock = threading.Lock()
        self._connection: http.client.HTTPConnection | None = None

    def send(self, event: bytes) -> str | None:
        """Post an event; return why it was not accepted."""
        with self._lock:
            return self._send(event)

    def close(self) -> None:
        """Give up what is under way, from whatever thread."""
        self._closing.set()
        connection = self._connection
        if connection is not None and connection.sock is not None:
            try:
                connection.sock.shutdown(socket.SHUT_RDWR)
            except OSError:
                return

    def _send(self, event: bytes) -> str | None:
        deadline = time.monotonic() + self._retry_seconds
        reason, pause = "receiver asked to wait", _FIRST_PAUSE
        while not self._rests(deadline):
            verdict = self._attempt(event)
            if verdict.reason is None or not verdict.again:
                return verdict.reason
            reason = verdict.reason
            # Programs that were refused together do not come back together.
            wait = max(verdict.pause, pause * random.uniform(0.5, 1.0))  # noqa: S311  (no secret)
            self._not_before = time.monotonic() + wait
            pause = min(pause * 2, _LONGEST_PAUSE)
        return "closed" if self._closing.is_set() else reason

    def _rests(self, deadline: float) -> bool:
        """Wait until an attempt may begin; return whether none does before the deadline, or the end."""
        now = time.monotonic()
        until = min(self._not_before, deadline)
        if self._closing.wait(until - now) if until > now else self._closing.is_set():
            return True
        return self._not_before > deadline

    def _attempt(self, event: bytes) -> _Verdict:
        reused = self._connection is not None
        try:
            return self._post(event)
        except (OSError, http.client.HTTPException, ValueError) as fault:
            self._drop()
            if not reused or isinstance(fault, TimeoutError) or self._closing.is_set():
                return _Verdict(type(fault).__name__, again=True)
        # The receiver may have closed a connection that nobody used for a while.
        try:
            return self._post(event)
        except (OSError, http.client.HTTPException, ValueError) as fault:
            self._drop()
            return _Verdict(type(fault).__name__, again=True)

    def _post(self, event: bytes) -> _Verdict:
        connection = self._connection
        if connection is None:
            connection = self._connection = self._endpoint.connect()
        body = gzip.compress(event, compresslevel=1) if self._compress else event
        connection.request("POST", self._endpoint.target, body, self._endpoint.headers(compressed=self._compress))
        answer = connection.getresponse()
        answer.read(_MAX_ANSWER)
        if not answer.isclosed() or answer.will_close:  # the rest is not worth waiting for
            self._drop()
        if answer.status == _UNSUPPORTED_MEDIA and self._compress:
            self._compress = False
            return self._post(event)
        return _judged(answer.status, answer.getheader("Content-Type"), answer.getheader("Retry-After"))

    def _drop(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()


def _judged(status: int, content_type: str | None, retry_after: str | None) -> _Verdict:
    kind = (content_type or "").partition(";")[0].strip().lower()
    if 200 <= status < 300:  # noqa: PLR2004  (the class of successes)
        return _Verdict("web page") if kind in _WEB_PAGES else _Verdict()
    if status in _AGAIN:
        return _Verdict(f"HTTP {status}", again=True, pause=_pause(retry_after))
    return _Verdict(f"HTTP {status}")


def _pause(value: str | None) -> float:
    """Return the seconds that a receiver asks to wait; 0 where it does not say, or says what cannot be read.

    An hour is the most: a receiver that asks for years made a mistake.

    >>> _pause("2"), _pause("soon"), _pause("Wed, 21 Oct 2015 07:28:00 GMT"), _pause("9" * 400)
    (2.0, 0.0, 0.0, 3600.0)
    """
    text = (value or "").strip()
    if text.isascii() and text.isdecimal():
        return min(float(text[:9]), _LONGEST_REST)
    try:
        when = parsedate_to_datetime(text)
    except (ValueError, TypeError, IndexError, OverflowError):
        return 0.0
    if when.tzinfo is None:
        when = when.replace(tzinfo=timezone.utc)
    return min(max((when - datetime.now(timezone.utc)).total_seconds(), 0.0), _LONGEST_REST)
