"""A real OTLP/HTTP receiver on loopback that decodes what it gets and fails on demand."""

from __future__ import annotations

import gzip
import threading
import time
from collections import deque
from contextlib import suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from opentelemetry.proto.collector.logs.v1 import logs_service_pb2 as logs_pb2
from opentelemetry.proto.collector.metrics.v1 import metrics_service_pb2 as metrics_pb2
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2 as trace_pb2

_SIGNALS = {
    "/v1/traces": ("traces", trace_pb2.ExportTraceServiceRequest, trace_pb2.ExportTraceServiceResponse),
    "/v1/logs": ("logs", logs_pb2.ExportLogsServiceRequest, logs_pb2.ExportLogsServiceResponse),
    "/v1/metrics": ("metrics", metrics_pb2.ExportMetricsServiceRequest, metrics_pb2.ExportMetricsServiceResponse),
}
# Paths of back ends that do not end like the protocol's.
_OTHER = {"/v2/trace/otlp": "/v1/traces", "/v2/datapoint/otlp": "/v1/metrics"}
_REJECTED = {"traces": "rejected_spans", "logs": "rejected_log_records", "metrics": "rejected_data_points"}


@dataclass
class Received:
    """One request that was accepted."""

    signal: str
    message: object
    headers: dict[str, str]
    path: str = ""

    @property
    def gzip(self):
        """Whether it came compressed."""
        return self.headers.get("content-encoding") == "gzip"


@dataclass
class Faults:
    """What goes wrong; all requests unless it says otherwise."""

    statuses: deque[int] = field(default_factory=deque)
    retry_after: str | None = None
    delay: float = 0.0
    black_hole: bool = False
    reject: int = 0
    redirect: str | None = None
    answer: tuple[int, str, bytes] | None = None  # status, content type and body of what is said after taking it


class Receiver:
    """Listens on 127.0.0.1; `with Receiver() as receiver:`.

    Args:
        tls: Context of a server that speaks TLS.
    """

    def __init__(self, tls=None):
        self._tls = tls
        self.requests: list[Received] = []
        self.refused: list[int] = []
        self.asked: list[float] = []  # when requests came, on the monotonic clock
        self.faults = Faults()
        self._changed = threading.Condition()
        self._release = threading.Event()
        self._server: ThreadingHTTPServer | None = None
        self._sockets: set[object] = set()
        self.port = 0

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self.kill()

    @property
    def endpoint(self):
        return f"{'http' if self._tls is None else 'https'}://127.0.0.1:{self.port}"

    def start(self):
        """Listen, on the same port as before where there was one."""
        self._release.clear()
        self._server = _Server(("127.0.0.1", self.port), _handler(self))
        if self._tls is not None:
            # The handshake is the handler's, so that a client that breaks it off keeps nobody waiting.
            self._server.socket = self._tls.wrap_socket(
                self._server.socket, server_side=True, do_handshake_on_connect=False
            )
        self.port = self._server.server_address[1]
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    def kill(self):
        """Stop listening and reset open connections."""
        server, self._server = self._server, None
        self._release.set()
        if server is None:
            return
        server.shutdown()
        server.server_close()
        for connection in list(self._sockets):
            with suppress(OSError):
                connection.shutdown(2)

    def spans(self):
        return [
            (span, resource_spans.resource, scope_spans.scope)
            for message in self._messages("traces")
            for resource_spans in message.resource_spans
            for scope_spans in resource_spans.scope_spans
            for span in scope_spans.spans
        ]

    def logs(self):
        return [
            (record, resource_logs.resource, scope_logs.scope)
            for message in self._messages("logs")
            for resource_logs in message.resource_logs
            for scope_logs in resource_logs.scope_logs
            for record in scope_logs.log_records
        ]

    def metrics(self):
        return [
            (metric, resource_metrics.resource)
            for message in self._messages("metrics")
            for resource_metrics in message.resource_metrics
            for scope_metrics in resource_metrics.scope_metrics
            for metric in scope_metrics.metrics
        ]

    def wait(self, condition, seconds=10.0):
        """Wait until `condition()` holds; return whether it does."""
        with self._changed:
            return self._changed.wait_for(condition, seconds)

    def _messages(self, signal):
        return [received.message for received in list(self.requests) if received.signal == signal]

    def take(self, path, headers, body):
        """Return status, headers and body of the answer, or `None` for none at all."""
        self.asked.append(time.monotonic())
        if self.faults.black_hole:
            self._release.wait(60)
            return None
        if self.faults.delay:
            time.sleep(self.faults.delay)
        if self.faults.statuses:
            status = self.faults.statuses.popleft()
            if status != 200:
                with self._changed:
                    self.refused.append(status)
                    self._changed.notify_all()
                return status, {} if self.faults.retry_after is None else {"Retry-After": self.faults.retry_after}, b""
        if self.faults.redirect is not None:
            return 307, {"Location": self.faults.redirect}, b""
        standard = _OTHER.get(path, "/".join(["", *path.split("/")[-2:]]))
        if standard not in _SIGNALS:
            return 404, {}, b""
        signal, request, response = _SIGNALS[standard]
        if headers.get("content-encoding") == "gzip":
            body = gzip.decompress(body)
        with self._changed:
            self.requests.append(Received(signal, request.FromString(body), headers, path))
            self._changed.notify_all()
        if self.faults.answer is not None:
            status, kind, content = self.faults.answer
            return status, {"Content-Type": kind}, content
        answer = response()
        if self.faults.reject:
            setattr(answer.partial_success, _REJECTED[signal], self.faults.reject)
        return 200, {"Content-Type": "application/x-protobuf"}, answer.SerializeToString()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    allow_reuse_address = True

    def handle_error(self, request, client_address):
        """A client that is gone is no error here."""


def _handler(receiver):
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def setup(self):
            super().setup()
            receiver._sockets.add(self.connection)

        def finish(self):
            receiver._sockets.discard(self.connection)
            super().finish()

        def do_POST(self):
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            answer = receiver.take(self.path, {k.lower(): v for k, v in self.headers.items()}, body)
            if answer is None:
                self.close_connection = True
                return
            status, headers, content = answer
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_):
            """Nothing to say on a test's standard error."""

    return Handler


def plain(attributes):
    """Return protobuf attributes as a dictionary."""
    return {item.key: _value(item.value) for item in attributes}


def _value(value):
    kind = value.WhichOneof("value")
    if kind == "array_value":
        return tuple(_value(item) for item in value.array_value.values)
    return getattr(value, kind) if kind else None
