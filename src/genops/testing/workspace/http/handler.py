"""One connection: reads requests, has them served, and sends the answers, spoiled where a fault says so."""

from __future__ import annotations

import json
import os
import select
import socket
import struct
import sys
import tempfile
import time
import uuid
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, cast
from urllib.parse import parse_qs, urlsplit

from genops.testing.workspace.http.bodies import BLOCK, blocks, framing, parsed
from genops.testing.workspace.http.masking import masked
from genops.testing.workspace.http.wire import ApiError, Call, Reply, Request, absent

if TYPE_CHECKING:
    from genops.testing.workspace.http.faults import Fault
    from genops.testing.workspace.http.server import WorkspaceServer

# Bodies of these are files: they go to disk as they arrive.
_RAW_BODIES = ("/api/2.0/fs/files/", "/storage/")
_HEADER_LIMIT = 500
"""Characters of an error's message in a header."""
# How the standard library's refusals are answered: whatever the client did wrong is no error of the server.
_REFUSALS = {501: (405, "METHOD_NOT_ALLOWED"), 505: (400, "MALFORMED_REQUEST")}


class Handler(BaseHTTPRequestHandler):
    """Answers the requests of one connection."""

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

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:
        """Refuse what the base class could not read, in the service's shape and without its page of HTML."""
        status, name = _REFUSALS.get(code, (int(code), "MALFORMED_REQUEST"))
        said = explain or message or "The request could not be read"
        # Before a request line was read there is neither.
        call = Call(getattr(self, "command", None) or "", getattr(self, "path", None) or "", {}, {})
        # Where the request ends is not known either; the answer says that nothing follows.
        self.close_connection = True
        self._finish(call, None, _refusal(ApiError(status, name, said), str(uuid.uuid4())), None)

    def handle_expect_100(self) -> bool:
        """Ask at once for the body that a client holds back."""
        going_on = super().handle_expect_100()
        self.wfile.flush()
        return going_on

    # One request

    def _handle(self) -> None:
        began = time.perf_counter()
        headers = {sys.intern(key.lower()): value for key, value in self.headers.items()}
        call, recorded_body = Call(self.command, self.path, {}, headers), None
        fault = None
        try:
            recorded_body = self._receive(call)
            fault = self.server.faults.take(call.method, call.path, call.body, _statement(call))
            if fault and fault.kind == "slow":
                self.server.stopping.wait(fault.seconds)
            if fault and fault.kind == "reset":
                self._record(call, recorded_body, Reply(0), fault.kind)
                self._reset()
                return
            reply = self._served(call, fault)
        except ApiError as error:
            # Of reading the body: where it ends is not known, so nothing after it can be read.
            self.close_connection = True
            reply = _refusal(error, str(uuid.uuid4()))
        finally:
            if call.upload:
                call.upload.unlink(missing_ok=True)
        request = self._finish(call, recorded_body, reply, fault)
        if self.server.log:
            self.server.log(request, time.perf_counter() - began)

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = do_HEAD = _handle  # noqa: N815 - the names are the base class's

    def _receive(self, call: Call) -> Any:
        """Read path and body into the call, and give what is recorded of the body."""
        length = framing(self.headers)
        try:
            url = urlsplit(self.path)
        except ValueError as error:
            raise ApiError(400, "MALFORMED_REQUEST", f"The path cannot be read: {error}") from error
        call.path, call.query = url.path, parse_qs(url.query, keep_blank_values=True)
        if call.method == "PUT" and call.path.startswith(_RAW_BODIES):
            return self._spool(call, length)
        raw = b"".join(blocks(self.rfile, length, limited=True))
        body = call.body = parsed(raw, call.path, self.headers.get("content-type", ""))
        fields: Any = cast("dict[str, Any]", body) if isinstance(body, dict) else {}
        call.sql = text if isinstance(text := fields.get("statement"), str) else ""
        return len(raw) if isinstance(body, bytes) else call.body

    def _spool(self, call: Call, length: int | None) -> int:
        """Write the body to disk as it arrives and give its size."""
        descriptor, name = tempfile.mkstemp(dir=self.server.spool)
        call.upload = Path(name)
        with os.fdopen(descriptor, "wb") as out:
            for block in blocks(self.rfile, length, limited=False):
                out.write(block)
            return out.tell()

    def _served(self, call: Call, fault: Fault | None) -> Reply:
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

    # The answer

    def _finish(self, call: Call, body: Any, reply: Reply, fault: Fault | None) -> Request:
        """Record the request, then send its answer: who has the answer finds the request recorded."""
        if fault is None and (reply.raw is not None or reply.file is not None):
            fault = self.server.faults.take_binary(call.method, call.path, call.body, _statement(call))
        kind = fault.kind if fault else ""
        try:
            source = reply.file.open("rb") if reply.file else None
        except FileNotFoundError:
            source, reply = None, _refusal(absent("The file was deleted meanwhile.", "NOT_FOUND"), str(uuid.uuid4()))
        request = self._record(call, body, reply, kind)
        payload = _payload(reply)
        length = reply.length if source else len(payload)
        if kind == "malformed" and not source:
            payload = payload[: max(1, len(payload) // 2)] if len(payload) > len(b"{}") else b'{"'
            length = len(payload)
        if kind == "truncated":
            payload, length = payload[: len(payload) // 2], length // 2
        self._send_head(reply, length)
        if call.method != "HEAD":
            sent = length // 2 if kind == "stalled" else length
            if source:
                _copy(source, self.wfile, reply.start, sent)
            else:
                self.wfile.write(payload[:sent])
        if source:
            source.close()
        if kind == "stalled" and fault:
            self._stall(fault.seconds)
        return request

    def _record(self, call: Call, body: Any, reply: Reply, fault: str) -> Request:
        query = {key: values[0] if len(values) == 1 else values for key, values in call.query.items()}
        # Most headers are the same in every request; a value is kept once.
        headers = {key: sys.intern(value) for key, value in call.headers.items()}
        if "authorization" in headers:
            headers["authorization"] = "[redacted]"
        request_id = reply.headers.get("x-request-id", "")
        path, user = sys.intern(call.path), sys.intern(call.user)
        kept = masked(body)
        request = Request(call.method, path, query, headers, kept, reply.status, user, request_id, fault, call.sql)
        self.server.recorded.add(request)
        self.server.noted(request)
        return request

    def _send_head(self, reply: Reply, length: int) -> None:
        headers = {
            "Content-Type": "application/json",
            "Content-Length": str(length),
            "X-Databricks-Org-Id": self.server.org_id,
            **reply.headers,
        }
        if reply.status == 204:  # noqa: PLR2004 - No Content has neither
            del headers["Content-Type"], headers["Content-Length"]
        if self.close_connection:
            headers["Connection"] = "close"
        self.send_response(reply.status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()

    # Faults of the transport

    def _stall(self, seconds: float) -> None:
        """Send what there is so far and then nothing, until the client gives up or the time is over."""
        self.wfile.flush()
        self.close_connection = True
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline and not self.server.stopping.wait(0.02):
            # Nothing more is expected of the client, so what can be read is its end.
            if select.select([self.connection], [], [], 0)[0]:
                return

    def _reset(self) -> None:
        """Drop the connection with RST instead of FIN."""
        self.close_connection = True
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        # rfile and wfile hold the descriptor too; detaching closes it for good, which sends the RST.
        descriptor = self.connection.detach()
        socket.close(descriptor)


def _statement(call: Call) -> str:
    """The text that a request runs; over Thrift it stands somewhere in the bytes of the body."""
    if isinstance(call.body, bytes) and call.path.startswith("/sql/"):
        return call.body.decode("utf-8", "replace")
    return call.sql


def _payload(reply: Reply) -> bytes:
    if reply.raw is not None:
        return reply.raw
    return b"" if reply.body is None else json.dumps(reply.body).encode()


def _copy(source: BinaryIO, out: Any, start: int, left: int) -> None:
    source.seek(start)
    while left and (block := source.read(min(BLOCK, left))):
        out.write(block)
        left -= len(block)


def _refusal(error: ApiError, request_id: str) -> Reply:
    headers = {"x-request-id": request_id, "X-Databricks-Reason-Phrase": _one_line(error.message)}
    if isinstance(error.code, int):
        # The front end, which refuses who is not known, has no codes and no details.
        return Reply(
            error.status, {"error_code": error.code, "message": f"{error.message} [ReqId: {request_id}]"}, headers
        )
    details = [
        {"@type": "type.googleapis.com/google.rpc.RequestInfo", "request_id": request_id, "serving_data": ""},
    ]
    return Reply(error.status, {"error_code": error.code, "message": error.message, "details": details}, headers)


def _one_line(text: str) -> str:
    """A message as the value of a header."""
    printable = "".join(character if character.isprintable() else " " for character in text[:_HEADER_LIMIT])
    return printable.encode("latin-1", "replace").decode("latin-1")
