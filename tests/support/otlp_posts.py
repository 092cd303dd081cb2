"""Requests of OTLP over HTTP as exporters of every kind send them, whole, in chunks, or cut."""

from __future__ import annotations

import json
import socket
import urllib.error
import urllib.request

from support import otlp_units as clean

HEAD = b"POST /v1/traces HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"


def request(part, unit):
    """The export request of a unit's spans or of its log records."""
    return json.loads(clean.lines({**unit, "spans": [], "logs": [], part: unit[part]}))


def post(url, body, kind, method="POST", **headers):
    """Send a request; return status, headers and body of the answer."""
    asked = urllib.request.Request(url, body, {"Content-Type": kind, **headers}, method=method)
    try:
        with urllib.request.urlopen(asked, timeout=30) as answer:
            return answer.status, answer.headers, answer.read()
    except urllib.error.HTTPError as refused:
        return refused.code, refused.headers, refused.read()


def opened(address, size):
    """A connection that has sent the head of a request, and so many bytes of its body."""
    host, port = address.rpartition("://")[2].split(":")
    connection = socket.create_connection((host, int(port)), timeout=30)
    body = json.dumps(request("spans", clean.with_span_events(1))).encode()
    connection.sendall(HEAD + b"Expect: 100-continue\r\nContent-Length: %d\r\n\r\n" % len(body) + body[:size])
    return connection, body[size:]


def said_to(receiver, words):
    """Send bytes, end, and return what comes back."""
    with socket.create_connection((receiver.address.host, receiver.address.port), timeout=30) as connection:
        connection.sendall(words)
        connection.shutdown(socket.SHUT_WR)
        return b"".join(iter(lambda: connection.recv(65_536), b""))


def chunked(body, size=50):
    """A body in chunks, the last of them empty."""
    parts = [body[at : at + size] for at in range(0, len(body), size)]
    return b"".join(b"%x;a=b\r\n%s\r\n" % (len(part), part) for part in parts) + b"0\r\nTrailer: x\r\n\r\n"
