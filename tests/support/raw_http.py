"""HTTP as bytes, for requests that no well-behaved client sends."""

from __future__ import annotations

import http.client
import json
import socket
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from collections.abc import Mapping

    from genops.testing.workspace import LocalWorkspace


@dataclass
class Answer:
    """Status, headers by lower-case name, and body of one answer."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


def connect(ws: LocalWorkspace) -> socket.socket:
    """A connection to a workspace."""
    address = urlsplit(ws.host)
    return socket.create_connection((address.hostname, address.port), timeout=30)


def send(ws: LocalWorkspace, request: bytes) -> list[Answer]:
    """Send bytes, close the sending side, and read the answers until the server closes too."""
    with connect(ws) as connection:
        connection.sendall(request)
        connection.shutdown(socket.SHUT_WR)
        source = connection.makefile("rb")
        return list(_answers(source, request.partition(b" ")[0].decode("latin-1")))


def _answers(source: Any, method: str) -> Any:
    while source.peek(1):
        # The standard library's parser wants a socket that makes files.
        answer = http.client.HTTPResponse(_Once(source), method=method)
        answer.begin()
        yield Answer(answer.status, {key.lower(): value for key, value in answer.getheaders()}, answer.read())


class _Once:
    def __init__(self, source: Any) -> None:
        self._source = source

    def makefile(self, _mode: str) -> Any:
        return _Unclosed(self._source)


class _Unclosed:
    """A file that stays open for the next answer."""

    def __init__(self, source: Any) -> None:
        self._source = source

    def __getattr__(self, name: str) -> Any:
        return getattr(self._source, name)

    def close(self) -> None:
        pass

    def flush(self) -> None:
        pass


class Client:
    """Requests of the workspace's own user over a connection that is kept as long as the server keeps it."""

    def __init__(self, ws: LocalWorkspace) -> None:
        self.ws = ws
        self._connection: socket.socket | None = None

    def request(self, line: str, headers: Mapping[str, str] | None = None, body: bytes = b"") -> Answer:
        """One request, with a Content-Length that is right unless ``headers`` says another."""
        connection = self._connection = self._connection or connect(self.ws)
        connection.sendall(_written(self.ws.token, line, headers, body))
        answer = http.client.HTTPResponse(connection, method=line.partition(" ")[0])
        answer.begin()
        read = Answer(answer.status, {key.lower(): value for key, value in answer.getheaders()}, answer.read())
        if answer.will_close:
            self.close()
        return read

    def close(self) -> None:
        """End the connection."""
        if self._connection:
            self._connection.close()
            self._connection = None


def request(ws: LocalWorkspace, line: str, headers: Mapping[str, str] | None = None, body: bytes = b"") -> Answer:
    """One request of the workspace's own user on a connection of its own."""
    return send(ws, _written(ws.token, line, headers, body))[0]


def _written(token: str, line: str, headers: Mapping[str, str] | None, body: bytes) -> bytes:
    given = {"Host": "x", "Authorization": f"Bearer {token}", "Content-Length": str(len(body))}
    lines = [f"{line} HTTP/1.1", *(f"{key}: {value}" for key, value in {**given, **(headers or {})}.items()), "", ""]
    return "\r\n".join(lines).encode("latin-1") + body
