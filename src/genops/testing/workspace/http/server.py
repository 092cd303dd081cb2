"""The HTTP side: one thread a connection, keep-alive, request ids, recording and faults."""

from __future__ import annotations

import contextlib
import json
import os
import socket
import struct
import tempfile
import threading
import time
import uuid
from collections import deque
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

from genops.testing.workspace.http.faults import Fault, Faults
from genops.testing.workspace.http.wire import ApiError, Call, Reply, Request, Router

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

BLOCK = 1 << 20
RECORDED = 100_000
"""Requests kept; older ones are forgotten so that a long run stays small."""

# Bodies of these are files: they go to disk as they arrive.
RAW_BODIES = ("/api/2.0/fs/files/", "/storage/")


class WorkspaceServer(ThreadingHTTPServer):
    """Listens on a free port of 127.0.0.1 and hands every request to a router.

    ``authorize`` is called with each call before it is served; it raises :class:`ApiError` to refuse it.

    Args:
        router: Who serves what.
        org_id: Value of the ``X-Databricks-Org-Id`` header of every answer.
        spool: Directory for bodies that are files.
    """

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, router: Router, org_id: str, spool: Path) -> None:
        self.router = router
        self.authorize: Callable[[Call], None] = lambda _: None
        self.org_id = org_id
        self.spool = spool
        self.faults = Faults()
        self.recorded: deque[Request] = deque(maxlen=RECORDED)
        self._connections: set[socket.socket] = set()
        self._guard = threading.Lock()
        super().__init__(("127.0.0.1", 0), _Handler)
        self._thread = threading.Thread(target=self._serve, name="local-workspace", daemon=True)

    @property
    def url(self) -> str:
        """Scheme, address and port."""
        return f"http://127.0.0.1:{self.server_address[1]}"

    def start(self) -> None:
        """Answer from a thread of its own."""
        self._thread.start()

    def close(self) -> None:
        """Stop listening and end every connection."""
        if self._thread.is_alive():
            self.shutdown()
            self._thread.join()
        self.server_close()
        with self._guard:
            open_connections = list(self._connections)
        for connection in open_connections:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def _serve(self) -> None:
        self.serve_forever(poll_interval=0.05)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        """Serve one connection and remember it while it is open."""
        with self._guard:
            self._connections.add(request)
        try:
            super().process_request_thread(request, client_address)
        finally:
            with self._guard:
                self._connections.discard(request)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that hangs up is no event: every other error was answered by the handler."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    # Status, headers and a small body leave in one segment.
    wbufsize = 1 << 16
    server: WorkspaceServer  # pyright: ignore[reportIncompatibleVariableOverride]

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the name is the base class's
        """Requests are recorded, not printed."""

    def version_string(self) -> str:
        """The ``Server`` header, as the service's front end names itself."""
        return "databricks"

    def _blocks(self) -> Iterator[bytes]:
        if self.headers.get("transfer-encoding", "").lower() == "chunked":
            while size := int(self.rfile.readline().split(b";")[0], 16):
                yield self.rfile.read(size)
                self.rfile.readline()
            self.rfile.readline()
            return
        left = int(self.headers.get("content-length") or 0)
        while left and (block := self.rfile.read(min(BLOCK, left))):
            left -= len(block)
            yield block

    def _spool(self, call: Call) -> int:
        """Write the body to disk as it arrives and give its size."""
        descriptor, name = tempfile.mkstemp(dir=self.server.spool)
        with os.fdopen(descriptor, "wb") as out:
            for block in self._blocks():
                out.write(block)
            size = out.tell()
        call.upload = Path(name)
        return size

    def _receive(self) -> tuple[Call, Any]:
        url = urlsplit(self.path)
        headers = {key.lower(): value for key, value in self.headers.items()}
        call = Call(self.command, url.path, parse_qs(url.query, keep_blank_values=True), headers)
        if self.command == "PUT" and url.path.startswith(RAW_BODIES):
            return call, self._spool(call)
        raw = b"".join(self._blocks())
        if not raw:
            return call, None
        try:
            call.body = json.loads(raw)
        except ValueError:
            call.body = raw
            return call, len(raw)
        return call, call.body

    def _handle(self) -> None:
        call, recorded_body = self._receive()
        fault = self.server.faults.take(call.method, call.path)
        try:
            if fault and fault.kind == "slow":
                time.sleep(fault.seconds)
            if fault and fault.kind == "reset":
                self._record(call, recorded_body, 0)
                self._reset()
                return
            reply = self._reply(call, fault)
            self._record(call, recorded_body, reply.status)
            self._send(call, reply, truncate=fault is not None and fault.kind == "malformed")
        finally:
            if call.upload:
                call.upload.unlink(missing_ok=True)

    def _reply(self, call: Call, fault: Fault | None) -> Reply:
        request_id = str(uuid.uuid4())
        try:
            if fault and fault.error:
                raise fault.error
            self.server.authorize(call)
            handler, call.args = self.server.router.find(call.method, call.path)
            answer = handler(call)
            reply = answer if isinstance(answer, Reply) else Reply(body={} if answer is None else answer)
        except ApiError as error:
            reply = _refusal(error, request_id)
        except Exception as error:
            reply = _refusal(ApiError(500, "INTERNAL_ERROR", f"The local workspace failed: {error!r}"), request_id)
        if fault and fault.retry_after is not None:
            reply.headers["Retry-After"] = f"{fault.retry_after:g}"
        reply.headers.setdefault("x-request-id", request_id)
        return reply

    def _record(self, call: Call, body: Any, status: int) -> None:
        query = {key: values[0] if len(values) == 1 else values for key, values in call.query.items()}
        headers = {**call.headers}
        if "authorization" in headers:
            headers["authorization"] = "[redacted]"
        self.server.recorded.append(Request(call.method, call.path, query, headers, body, status))

    def _send(self, call: Call, reply: Reply, *, truncate: bool) -> None:
        body = b"" if reply.body is None else json.dumps(reply.body).encode()
        if truncate:
            body = body[: max(1, len(body) // 2)] if len(body) > len(b"{}") else b'{"'
        headers = {
            "Content-Type": "application/json",
            "Content-Length": str(reply.length if reply.file else len(body)),
            "X-Databricks-Org-Id": self.server.org_id,
            **reply.headers,
        }
        self.send_response(reply.status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        if call.method != "HEAD":
            self._write(reply, body)

    def _write(self, reply: Reply, body: bytes) -> None:
        if reply.file is None:
            self.wfile.write(body)
            return
        with reply.file.open("rb") as source:
            source.seek(reply.start)
            left = reply.length
            while left and (block := source.read(min(BLOCK, left))):
                self.wfile.write(block)
                left -= len(block)

    def _reset(self) -> None:
        """Drop the connection with RST instead of FIN."""
        self.close_connection = True
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        # rfile and wfile hold the descriptor too; detaching closes it for good, which sends the RST.
        descriptor = self.connection.detach()
        socket.close(descriptor)

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = do_HEAD = _handle  # noqa: N815 - the names are the base class's


def _refusal(error: ApiError, request_id: str) -> Reply:
    details = [
        {"@type": "type.googleapis.com/google.rpc.RequestInfo", "request_id": request_id, "serving_data": ""},
    ]
    body = {"error_code": error.code, "message": error.message, "details": details}
    return Reply(error.status, body, {"x-request-id": request_id})
