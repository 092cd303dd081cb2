"""A recording HTTP server on loopback that answers what a test tells it to."""

from __future__ import annotations

import contextlib
import json
import socket
import socketserver
import threading
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple
from urllib.parse import parse_qsl, urlsplit


class Request(NamedTuple):
    """One request as it came in, without what differs from run to run."""

    method: str
    path: str
    query: tuple[tuple[str, str], ...]
    body: bytes


class Answer(NamedTuple):
    """One answer; a status of 0 resets the connection."""

    status: int = 200
    body: Any = None
    headers: tuple[tuple[str, str], ...] = ()


RESET = Answer(0)
HEADERS = (("x-request-id", "req-1"), ("x-databricks-org-id", "4242"))


class _Handler(socketserver.StreamRequestHandler):
    """Speaks enough HTTP/1.1 for the SDK, with connections that stay open."""

    disable_nagle_algorithm = True
    wbufsize = -1
    server: Stub

    def handle(self) -> None:
        while line := self.rfile.readline().strip():
            method, target = line.decode().split(" ")[:2]
            headers = dict(self._headers())
            url = urlsplit(target)
            query = tuple(parse_qsl(url.query, keep_blank_values=True))
            _, _, boundary = headers.get("content-type", "").partition("boundary=")
            body = self._body(headers).replace(boundary.encode(), b"boundary") if boundary else self._body(headers)
            request = Request(method, url.path, query, body)
            if not self._send(self.server.answered(request), head=method == "HEAD"):
                return

    def _headers(self) -> Iterator[tuple[str, str]]:
        while line := self.rfile.readline().decode("latin-1").strip():
            name, _, value = line.partition(":")
            yield name.lower(), value.strip()

    def _body(self, headers: dict[str, str]) -> bytes:
        if headers.get("transfer-encoding") != "chunked":
            return self.rfile.read(int(headers.get("content-length", 0)))
        body = b""
        while size := int(self.rfile.readline().strip() or b"0", 16):
            body += self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()
        return body

    def _send(self, answer: Answer, *, head: bool) -> bool:
        if answer.status == 0:
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
            self.connection.close()
            return False
        raw = (
            answer.body
            if isinstance(answer.body, bytes)
            else json.dumps(answer.body, default=lambda v: type(v).__name__).encode()
        )
        lines = [f"HTTP/1.1 {answer.status} X", f"Content-Length: {len(raw)}", "Content-Type: application/json"]
        lines += [f"{name}: {value}" for name, value in (*HEADERS, *answer.headers)]
        self.wfile.write("\r\n".join([*lines, "", ""]).encode("latin-1") + (b"" if head else raw))
        self.wfile.flush()
        return True

    def finish(self) -> None:
        with contextlib.suppress(OSError, ValueError):
            super().finish()


class Stub(socketserver.ThreadingTCPServer):
    """Answers requests by calling `answer`, and keeps them in `requests`.

    Attributes:
        answer: Makes the answer to a request.
        requests: What came in, the SDK's own look at the host's metadata left out.
        metadata: What the host says of itself; `None` where it says nothing.
    """

    daemon_threads = True
    allow_reuse_address = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.requests: list[Request] = []
        self.answer: Callable[[Request], Answer] = lambda _: Answer(body={})
        self.metadata: dict[str, Any] | None = None
        self.url = f"http://127.0.0.1:{self.server_address[1]}"

    def answered(self, request: Request) -> Answer:
        """Record a request and return its answer."""
        if request.path == "/.well-known/databricks-config":
            return Answer(404, {}) if self.metadata is None else Answer(body=self.metadata)
        self.requests.append(request)
        return self.answer(request)

    def taken(self) -> list[Request]:
        """Return the requests since the last look."""
        taken, self.requests = self.requests, []
        return taken

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that goes away is no news."""


@contextlib.contextmanager
def serving() -> Iterator[Stub]:
    """Run a stub on a free port of 127.0.0.1."""
    with Stub() as stub:
        thread = threading.Thread(target=stub.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        thread.start()
        try:
            yield stub
        finally:
            stub.shutdown()
            thread.join()


@contextlib.contextmanager
def one_table() -> Iterator[Stub]:
    """Run a stub that knows one table; what it says of its host is empty."""
    with serving() as stub:
        stub.metadata = {}
        stub.answer = lambda _: Answer(body={"name": "orders", "full_name": "main.sales.orders"})
        yield stub
