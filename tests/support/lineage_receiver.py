"""A receiver of OpenLineage events on loopback that answers what a test tells it to."""

from __future__ import annotations

import contextlib
import gzip
import json
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple


class Post(NamedTuple):
    """One request, its headers by lower-case name and its body unpacked."""

    path: str
    headers: dict[str, str]
    event: Any


class Answer(NamedTuple):
    """One answer; `raw` replaces all of it, and where it is empty nothing is answered."""

    status: int = 201
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""
    raw: bytes | None = None


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Receiver

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        headers = {name.lower(): value for name, value in self.headers.items()}
        if headers.get("content-encoding") == "gzip":
            body = gzip.decompress(body)
        answer = self.server.taken(Post(self.path, headers, json.loads(body)))
        if answer.raw is not None:
            self.wfile.write(answer.raw)
            self.close_connection = True
            return
        self.send_response(answer.status)
        for name, value in answer.headers:
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(answer.body)))
        self.end_headers()
        self.wfile.write(answer.body)

    def log_message(self, *_: object) -> None:
        """Tests look at `posts`."""


class Receiver(ThreadingHTTPServer):
    """Keeps what is posted to it.

    Attributes:
        posts: What came in.
        connections: How many connections were made.
        answer: Makes the answer to a post.
    """

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.posts: list[Post] = []
        self.connections = 0
        self.answer: Callable[[Post], Answer] = lambda _: Answer()
        self.scheme = "http"

    @property
    def url(self) -> str:
        return f"{self.scheme}://127.0.0.1:{self.server_address[1]}"

    @property
    def events(self) -> list[Any]:
        return [post.event for post in self.posts]

    def taken(self, post: Post) -> Answer:
        self.posts.append(post)
        return self.answer(post)

    def process_request(self, request: Any, client_address: Any) -> None:
        self.connections += 1
        super().process_request(request, client_address)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that goes away is no news."""


@contextlib.contextmanager
def receiving(context: Any = None) -> Iterator[Receiver]:
    """Run a receiver on a free port, with TLS where a context is given."""
    with Receiver() as receiver:
        if context is not None:
            receiver.scheme = "https"
            receiver.socket = context.wrap_socket(receiver.socket, server_side=True)
        thread = threading.Thread(target=receiver.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        thread.start()
        try:
            yield receiver
        finally:
            receiver.shutdown()
            thread.join()
