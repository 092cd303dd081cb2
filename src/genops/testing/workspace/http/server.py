"""The HTTP side: loopback only, one thread a connection, recording, and an end that leaves nothing behind."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from http.server import ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Any

from genops.testing.workspace.http.faults import Faults
from genops.testing.workspace.http.handler import Handler
from genops.testing.workspace.http.recorded import RequestLog

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable

    from genops.testing.workspace.http.wire import Call, Request, Router


class WorkspaceServer(ThreadingHTTPServer):
    """Listens on 127.0.0.1 and hands every request to a router.

    Args:
        router: Who serves what.
        org_id: Value of the ``X-Databricks-Org-Id`` header of every answer.
        spool: Directory for bodies that are files.
        faults: What goes wrong on purpose.
        port: TCP port; a free one where it is 0.
        tls: Certificate and key to answer with; plain HTTP where it is ``None``.

    Attributes:
        authorize: Called with each call before it is served; it raises :class:`ApiError` to refuse it.
        noted: Called with each request before its answer is sent.
        log: Called with each request and the seconds it took, after its answer was sent.
        recorded: The requests so far.
        stopping: Set when the server ends; whoever waits on purpose waits for this too.

    Raises:
        OSError: The port is taken.
    """

    daemon_threads = True
    request_queue_size = 128

    def __init__(
        self,
        router: Router,
        org_id: str,
        spool: Path,
        faults: Faults | None = None,
        *,
        port: int = 0,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self.router = router
        self.authorize: Callable[[Call], None] = lambda _: None
        self.noted: Callable[[Request], None] = lambda _: None
        self.log: Callable[[Request, float], None] | None = None
        self.org_id = org_id
        self.spool = spool
        self.faults = faults or Faults()
        self.recorded = RequestLog()
        self.stopping = threading.Event()
        self._tls = tls
        self._guard = threading.Lock()
        self._conversations: dict[threading.Thread, socket.socket] = {}
        super().__init__(("127.0.0.1", port), Handler)
        self._thread = threading.Thread(target=self._serve, name="local-workspace", daemon=True)

    @property
    def url(self) -> str:
        """Scheme, address and port."""
        return f"{'https' if self._tls else 'http'}://127.0.0.1:{self.server_address[1]}"

    def start(self) -> None:
        """Answer from a thread of its own."""
        self._thread.start()

    def close(self) -> None:
        """Stop listening and end every connection; :meth:`join` waits for the threads."""
        self.stopping.set()
        if self._thread.is_alive():
            self.shutdown()
            self._thread.join()
        self.server_close()
        with self._guard:
            connections = list(self._conversations.values())
        for connection in connections:
            with contextlib.suppress(OSError):
                # The plain socket's, also below TLS: that one's own takes the session away from the thread that reads.
                socket.socket.shutdown(connection, socket.SHUT_RDWR)

    def join(self, seconds: float = 10.0) -> None:
        """Wait until every connection's thread has ended.

        Args:
            seconds: The longest wait, which only a handler that hangs reaches.
        """
        deadline = time.monotonic() + seconds
        with self._guard:
            threads = [thread for thread in self._conversations if thread is not threading.current_thread()]
        for thread in threads:
            thread.join(max(0.0, deadline - time.monotonic()))

    def _serve(self) -> None:
        self.serve_forever(poll_interval=0.05)

    def process_request(self, request: Any, client_address: Any) -> None:
        """Serve one connection in a thread that is remembered while it lasts."""
        arguments = (request, client_address)
        thread = threading.Thread(target=self._converse, args=arguments, name="local-connection", daemon=True)
        with self._guard:
            self._conversations[thread] = request
        thread.start()

    def _converse(self, request: socket.socket, client_address: Any) -> None:
        try:
            if self._tls is not None:
                request = self._secured(request, self._tls)
            self.finish_request(request, client_address)
        except Exception:  # noqa: S110 - a client that hangs up is no event: every other error was answered
            pass
        finally:
            self.shutdown_request(request)
            with self._guard:
                self._conversations.pop(threading.current_thread(), None)

    def _secured(self, request: socket.socket, context: ssl.SSLContext) -> socket.socket:
        # Here and not where connections are accepted: a slow handshake holds up its own client only.
        secured = context.wrap_socket(request, server_side=True, do_handshake_on_connect=False)
        with self._guard:
            self._conversations[threading.current_thread()] = secured
        if self.stopping.is_set():  # and the plain socket, which the secured one took over, was all that was known
            secured.close()
            raise ConnectionAbortedError
        secured.do_handshake()
        return secured
