"""OTLP received over HTTP: protobuf and JSON bodies, compressed or not, answered as a real receiver answers."""

from __future__ import annotations

import hashlib
import json
import socket
import sys
import threading
from collections.abc import Callable, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any, NamedTuple, cast

from genops.conformance.bodies import Refused, Stream, body, unpacked
from genops.conformance.intake import ENDED

if TYPE_CHECKING:
    from genops.conformance.intake import Intake

PROTOBUF, JSON = "application/x-protobuf", "application/json"
_LOST = frozenset({400, 408, 411, 413, 415})
"""Refusals by which telemetry is lost, so that the verdict names them. Another path or method carries none."""


class Address(NamedTuple):
    """Where to listen.

    Attributes:
        scheme: `http` or `grpc`.
        host: Host name or address; the loopback interface where nothing is said.
        port: Port; 0 for a free one.
    """

    scheme: str
    host: str
    port: int

    @classmethod
    def of(cls, words: str) -> Address:
        """Read `[http://|grpc://][HOST:]PORT`; without a scheme, port 4317 is gRPC's as OTLP has it.

        Raises:
            ValueError: The words are no address; the message says what is expected.

        >>> Address.of("4318"), Address.of("grpc://0.0.0.0:9000").scheme
        (Address(scheme='http', host='127.0.0.1', port=4318), 'grpc')
        """
        scheme, _, rest = words.rpartition("://")
        host, _, port = rest.rstrip("/").rpartition(":")
        if scheme not in {"", "http", "grpc"} or not port.isdecimal() or int(port) > 65535:  # noqa: PLR2004  (ports)
            raise ValueError(f"{words!r}: expected [http://|grpc://][HOST:]PORT, for example 127.0.0.1:4318")
        known = scheme or ("grpc" if int(port) == 4317 else "http")  # noqa: PLR2004  (OTLP's port of gRPC)
        return cls(known, host.strip("[]") or "127.0.0.1", int(port))

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.scheme}://{host}:{self.port}"


class Answer(NamedTuple):
    """An answer to a request.

    Attributes:
        status: Of HTTP.
        kind: Content type.
        body: What it says.
        allow: Methods allowed, where the method was none of them.
    """

    status: int
    kind: str = PROTOBUF
    body: bytes = b""
    allow: str = ""


def messages() -> dict[str, Any]:
    """Return the classes of OTLP's requests by path.

    Raises:
        ImportError: opentelemetry-proto is not installed.
    """
    from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
    from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
    from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

    return {
        "/v1/traces": ExportTraceServiceRequest,
        "/v1/logs": ExportLogsServiceRequest,
        "/v1/metrics": ExportMetricsServiceRequest,
    }


def as_tree(message: Any) -> object:
    """Return a protobuf message as JSON has it; its ids are in base64."""
    from google.protobuf import json_format

    return cast("Callable[..., object]", json_format.MessageToDict)(message, use_integers_for_enums=True)


def mark(path: str, plain: bytes) -> bytes:
    """Return a digest by which a request that is sent again is known."""
    return hashlib.blake2b(plain, digest_size=16, key=path.encode("utf-8", "replace")[:64]).digest()


class Form(NamedTuple):
    """How a request is written.

    Attributes:
        request: Class of OTLP's request.
        kind: Content type.
        coding: `gzip`, `deflate` or `identity`.
    """

    request: Any
    kind: str
    coding: str

    @classmethod
    def of(cls, path: str, headers: Mapping[str, str], kinds: Mapping[str, Any]) -> Form:
        """Read path and headers.

        Args:
            path: Of its URL.
            headers: Its headers, by lower-case name.
            kinds: The classes of OTLP's requests by path.

        Raises:
            Refused: They are not those of OTLP.
        """
        request = kinds.get(_bare(path))
        if request is None:
            raise Refused(404, "no such path: expected /v1/traces, /v1/logs or /v1/metrics")
        kind = headers.get("content-type", "").partition(";")[0].strip().lower()
        if kind not in {PROTOBUF, JSON}:
            raise Refused(415, f"content type {kind[:80]!r}: expected {PROTOBUF} or {JSON}")
        coding = headers.get("content-encoding", "identity").strip().lower()
        if coding not in {"gzip", "deflate", "identity"}:
            raise Refused(415, f"content encoding {coding[:80]!r}: expected gzip, deflate or none")
        return cls(request, kind, coding)

    def tree(self, plain: bytes) -> object:
        """Return what a body holds, as JSON has it.

        Raises:
            Refused: It cannot be read.
        """
        try:
            tree = json.loads(plain) if self.kind == JSON else as_tree(self.request.FromString(plain))
        except (Exception, RecursionError) as error:  # whatever a decoder raises on garbage
            raise Refused(400, f"the body cannot be read: {str(error)[:300]}") from error
        if not isinstance(tree, dict):
            raise Refused(400, "the body cannot be read: it is no JSON object")
        return cast("object", tree)


def _bare(path: str) -> str:
    return path.partition("?")[0].rstrip("/")


def _status(kind: str, words: str) -> bytes:
    """Return google.rpc.Status, with code 3: an invalid argument."""
    if kind == JSON:
        return json.dumps({"code": 3, "message": words[:500]}).encode()
    text = words[:500].encode("utf-8", "replace")
    return b"\x08\x03\x12" + _varint(len(text)) + text


def _varint(number: int) -> bytes:
    r"""Return a number as protobuf writes it.

    >>> _varint(5), _varint(300)
    (b'\x05', b'\xac\x02')
    """
    out = bytearray()
    while number > 127:  # noqa: PLR2004  (seven bits a byte)
        out.append(number & 127 | 128)
        number >>= 7
    out.append(number)
    return bytes(out)


class HttpReceiver:
    """Listens for OTLP over HTTP.

    Args:
        address: Where.
        intake: Takes each request; used from several threads.

    Raises:
        ImportError: opentelemetry-proto is not installed.
        OSError: The address cannot be listened on.
    """

    def __init__(self, address: Address, intake: Intake) -> None:
        found = messages()
        family = socket.AF_INET6 if ":" in address.host else socket.AF_INET

        class Handler(_Handler):
            taken_by = intake
            kinds = found

        class Server(ThreadingHTTPServer):
            address_family = family
            daemon_threads = True

            def handle_error(self, request: object, client_address: object) -> None:  # noqa: ARG002  (of the base class)
                error = sys.exc_info()[1]
                # Who hangs up before the answer sends again, and what was taken stays taken.
                if not isinstance(error, OSError):
                    intake.fail(f"the receiver failed: {error!r}")

        self._server = Server((address.host, address.port), Handler)
        self.address = address._replace(port=self._server.server_address[1])
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Listen no longer."""
        self._server.shutdown()
        self._server.server_close()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    # A client that says nothing is let go.
    timeout = 30
    taken_by: Intake
    kinds: Mapping[str, Any]

    def do_POST(self) -> None:
        """Take a request."""
        number = self.taken_by.begin(f"POST {self.path[:200]}")
        headers = {name.lower(): value for name, value in self.headers.items()}
        try:
            plain = body(headers, cast("Stream", self.rfile))
            form = Form.of(self.path, headers, self.kinds)
            with self.taken_by.decoding:
                plain = unpacked(plain, form.coding)
                taken = self.taken_by.take(number, form.tree(plain), mark(_bare(self.path), plain))
            answer = Answer(200, form.kind, b"{}" if form.kind == JSON else b"") if taken else _ENDED
        except Refused as refused:
            self.taken_by.refuse(number, _told(refused.status, refused.words))
            answer = _refusal(refused, headers.get("content-type", ""))
        except OSError as error:
            self.taken_by.refuse(number, f"the connection was lost before the end of the body: {error}")
            self.close_connection = True
            return
        self._say(answer)

    def _other(self) -> None:
        self.taken_by.refuse(self.taken_by.begin(f"{self.command} {self.path[:200]}"))
        self._say(Answer(405, "text/plain", b"expected POST", "POST"))

    do_GET = do_PUT = do_DELETE = do_PATCH = do_HEAD = do_OPTIONS = _other  # noqa: N815  (the names of the base class)

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:
        """Refuse what is no request of HTTP at all, such as one that is encrypted."""
        words = message or explain or "this is no request of HTTP"
        self.taken_by.refuse(self.taken_by.begin("HTTP"), _told(code, words))
        self._say(Answer(code, "text/plain", words.encode("ascii", "backslashreplace")))

    def _say(self, answer: Answer) -> None:
        self.send_response(answer.status)
        self.send_header("Content-Type", answer.kind)
        self.send_header("Content-Length", str(len(answer.body)))
        if answer.allow:
            self.send_header("Allow", answer.allow)
        if answer.status != 200:  # noqa: PLR2004  (OK)
            # The body may not have been read, so nothing can follow on this connection.
            self.send_header("Connection", "close")
            self.close_connection = True
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(answer.body)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  (the name of the base class)
        """Say nothing on standard error; the verdict and the count of refused requests tell."""


_ENDED = Answer(503, "text/plain", ENDED.encode())


def _told(status: int, words: str) -> str:
    return f"refused with {status}: {words}" if status in _LOST else ""


def _refusal(refused: Refused, kind: str) -> Answer:
    kind = kind.partition(";")[0].strip().lower()
    if refused.status == 400 and kind in {PROTOBUF, JSON}:  # noqa: PLR2004  (bad request)
        return Answer(refused.status, kind, _status(kind, refused.words))
    return Answer(refused.status, "text/plain", refused.words.encode("utf-8", "backslashreplace"))
