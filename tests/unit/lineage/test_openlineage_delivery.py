"""Events on their way: to a receiver in every mood, to a file, to a stream; never in the caller's way."""

from __future__ import annotations

import io
import json
import os
import socket
import ssl
import subprocess
import sys
import threading
import time

import pytest
import trustme

from genops.core.guard import Guard
from genops.core.sinks import FanOut
from genops.errors import ConfigurationError
from genops.lineage.openlineage import destinations, receiver
from genops.lineage.openlineage.destinations import Console, File
from genops.lineage.openlineage.sink import Counts, OpenLineage
from support.forking import in_child
from support.lineage_receiver import Answer, receiving
from support.lineage_schemas import check
from support.polling import eventually
from support.records import adjusted, admitted, operation, settled

KEY = "key-of-a-test"


@pytest.fixture
def server():
    """A receiver that accepts everything."""
    with receiving() as running:
        yield running


@pytest.fixture(autouse=True)
def _hurried(monkeypatch):
    monkeypatch.setattr(receiver, "_FIRST_PAUSE", 0.01)


@pytest.fixture
def nobody():
    """The URL of a port where nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    return f"http://127.0.0.1:{port}"


def answering(*answers):
    """Give these answers in order, then the last one for ever."""
    left = list(answers)
    return lambda _: left.pop(0) if len(left) > 1 else left[0]


def numbers(sink):
    """Delivered, failed and dropped."""
    return sink.counts[1:]


def test_a_unit_arrives_as_two_posts_over_one_connection(server):
    """START and COMPLETE are posted where the specification says, with the key, over a connection that stays open."""
    sink = OpenLineage(server.url, "acme", key=KEY)
    sink.write(admitted())
    sink.write(settled())
    sink.write(adjusted())
    assert [event["eventType"] for event in server.events] == ["START", "COMPLETE"]
    assert {post.path for post in server.posts} == {"/api/v1/lineage"}
    assert {post.headers["authorization"] for post in server.posts} == {f"Bearer {KEY}"}
    assert server.posts[0].headers["content-type"] == "application/json"
    assert server.connections == 1
    assert sink.counts == Counts(f"{server.url}/api/v1/lineage", 2, 0, 0)
    for event in server.events:
        check(event)


def test_events_travel_compressed_where_the_receiver_reads_it(server):
    """On demand gzip is sent; a receiver that does not take it is sent plain events from then on, and loses none."""
    sink = OpenLineage(f"{server.url}/own/path?tenant=1", "acme", compress=True)
    sink.write(admitted())
    assert server.posts[0].headers["content-encoding"] == "gzip"
    assert server.posts[0].path == "/own/path?tenant=1"
    server.answer = lambda post: Answer(415 if "content-encoding" in post.headers else 201)
    sink.write(admitted())
    sink.write(admitted())
    assert ["content-encoding" in post.headers for post in server.posts] == [True, True, False, False]
    assert numbers(sink) == (3, 0, 0)


@pytest.mark.parametrize("status", [408, 429, 500, 502, 503, 504])
def test_a_receiver_that_is_busy_is_asked_again(server, status):
    """An answer that says not now is no loss."""
    server.answer = answering(Answer(status), Answer(status), Answer())
    sink = OpenLineage(server.url, "acme")
    sink.write(admitted())
    assert len(server.posts) == 3
    assert numbers(sink) == (1, 0, 0)


def test_the_receiver_says_how_long_to_wait(server):
    """`Retry-After` in seconds is waited for, and the next event waits too."""
    server.answer = answering(Answer(429, (("Retry-After", "1"),)), Answer())
    sink = OpenLineage(server.url, "acme")
    started = time.monotonic()
    sink.write(admitted())
    assert time.monotonic() - started >= 1
    assert numbers(sink) == (1, 0, 0)


@pytest.mark.parametrize("wait", ["3600", "999999999999", "Fri, 31 Dec 2100 23:59:59 GMT"])
def test_an_event_does_not_wait_longer_than_it_may(server, wait):
    """Where the receiver wants a longer rest than an event has time, it fails, and the receiver has its rest."""
    server.answer = answering(Answer(503, (("Retry-After", wait),)))
    sink = OpenLineage(server.url, "acme", retry_seconds=0.05)
    sink.write(admitted())
    sink.write(settled())
    assert len(server.posts) == 1
    assert numbers(sink) == (0, 2, 0)


@pytest.mark.parametrize("status", [400, 401, 403, 404, 422, 301, 307])
def test_a_refusal_is_final(server, status):
    """What asking again would not change is asked once; a redirect is not followed."""
    server.answer = answering(Answer(status, (("Location", "/elsewhere"),)))
    sink = OpenLineage(server.url, "acme")
    sink.write(admitted())
    assert len(server.posts) == 1
    assert numbers(sink) == (0, 1, 0)


@pytest.mark.parametrize(
    "answer",
    [
        Answer(raw=b""),
        Answer(raw=b"\x00\xff garbage\r\n\r\n"),
        Answer(raw=b"HTTP/1.1 abc\r\n\r\n"),
        Answer(raw=b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n"),
        Answer(raw=b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 200 + b"\r\n"),
        Answer(200, (("Content-Type", "text/html; charset=utf-8"),), b"<html>log in</html>"),
    ],
    ids=["nothing", "no HTTP", "no status", "bad chunk", "many headers", "web page"],
)
def test_garbage_is_no_success(server, answer):
    """Only an answer that a receiver of events gives counts as delivery."""
    server.answer = answering(answer)
    sink = OpenLineage(server.url, "acme", retry_seconds=0.05)
    sink.write(admitted())
    assert numbers(sink) == (0, 1, 0)


@pytest.mark.parametrize(
    "answer",
    [Answer(201, (), b"x" * 5_000_000), Answer(raw=b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\nshort")],
    ids=["very long", "cut short"],
)
def test_the_body_of_a_success_does_not_matter(server, answer):
    """Of a long answer only the beginning is read, and one that breaks off was a success all the same."""
    server.answer = answering(answer)
    sink = OpenLineage(server.url, "acme")
    sink.write(admitted())
    sink.write(settled())
    assert numbers(sink) == (2, 0, 0)


def test_a_connection_that_was_closed_meanwhile_is_opened_again(server):
    """A receiver that closes idle connections loses nothing and costs no pause."""
    server.answer = answering(Answer(raw=b"HTTP/1.1 201 Created\r\nContent-Length: 0\r\n\r\n"))
    sink = OpenLineage(server.url, "acme", retry_seconds=0)
    for _ in range(3):
        sink.write(admitted())
    assert numbers(sink) == (3, 0, 0)


def test_a_receiver_that_is_down_costs_the_caller_nothing(nobody):
    """Records wait in a bounded queue; every event is counted as failed or dropped, and the end takes its budget."""
    sink = OpenLineage(nobody, "acme", retry_seconds=0.02, capacity=15)
    fan_out = FanOut([sink], Guard())
    started = time.monotonic()
    for _ in range(500):
        fan_out.write(admitted())
    wrote = time.monotonic() - started
    assert wrote < 2
    assert len(fan_out.queues[0].records) <= 15
    assert fan_out.drain(30)
    assert numbers(sink)[0] == 0
    assert sink.counts.failed + fan_out.dropped == 500


def test_a_receiver_that_never_answers_does_not_hold_the_end(server):
    """At the end what waits is left after its budget, and the attempt that is under way is given up."""
    go = threading.Event()

    def silent(_):
        go.wait(20)
        return Answer()

    server.answer = silent
    sink = OpenLineage(server.url, "acme", timeout=20)
    fan_out = FanOut([sink], Guard())
    for _ in range(10):
        fan_out.write(admitted())
    eventually(lambda: server.posts)
    started = time.monotonic()
    assert not fan_out.close(0.2)
    sink.close()
    assert time.monotonic() - started < 2
    assert fan_out.drain(10)
    go.set()
    assert numbers(sink) == (0, 1, 9)
    assert len(server.posts) == 1


def test_a_program_ends_although_its_receiver_never_answers(tmp_path):
    """The thread of the sink does not keep a process alive."""
    program = """
import socket
from genops.core.guard import Guard
from genops.core.sinks import FanOut
from genops.lineage.openlineage import OpenLineage
from support.records import admitted
deaf = socket.create_server(("127.0.0.1", 0))
sink = OpenLineage(f"http://127.0.0.1:{deaf.getsockname()[1]}", "acme", timeout=300)
fan_out = FanOut([sink], Guard())
fan_out.write(admitted())
fan_out.close(0.1)
print(sink.counts.delivered)
"""
    paths = os.pathsep.join(path for path in sys.path if path)
    done = subprocess.run(
        [sys.executable, "-c", program],
        env={**os.environ, "PYTHONPATH": paths},
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert done.stdout == "0\n"


def test_certificates_are_verified():
    """A receiver with a certificate that nobody vouches for gets nothing; one of a named authority does."""
    authority = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    with receiving(context) as server, authority.cert_pem.tempfile() as ca_file:
        stranger = OpenLineage(server.url, "acme", key=KEY, retry_seconds=0)
        stranger.write(admitted())
        assert numbers(stranger) == (0, 1, 0)
        assert server.posts == []
        known = OpenLineage(server.url, "acme", key=KEY, ca_file=ca_file)
        known.write(admitted())
        assert numbers(known) == (1, 0, 0)


@pytest.mark.parametrize(
    ("url", "options"),
    [
        ("http://lineage.example.com", {"key": KEY}),
        ("https://user:hunter2@lineage.example.com", {}),
        ("https://", {}),
        ("https://host:port", {}),
        ("https://host/ a", {}),
        ("https://lineage.example.com", {"ca_file": "nowhere.pem"}),
        ("https://lineage.example.com", {"key": "a\r\nX: b"}),
    ],
)
def test_what_cannot_work_is_refused_at_once(url, options):
    """A URL, key or certificate that cannot be used is an error at the start, which does not quote what is secret."""
    with pytest.raises(ConfigurationError) as refused:
        OpenLineage(url, "acme", **options)
    assert "hunter2" not in str(refused.value)
    assert KEY not in str(refused.value)


def test_a_proxy_of_the_environment_is_used_but_not_for_this_machine(server, monkeypatch):
    """Another host is asked through the proxy, with its password; loopback never is."""
    monkeypatch.setenv("http_proxy", f"http://me:s%40cret@127.0.0.1:{server.server_address[1]}")
    monkeypatch.delenv("no_proxy", raising=False)
    sink = OpenLineage("http://lineage.invalid:5000", "acme")
    sink.write(admitted())
    assert server.posts[0].path == "http://lineage.invalid:5000/api/v1/lineage"
    assert server.posts[0].headers["proxy-authorization"] == "Basic bWU6c0BjcmV0"
    OpenLineage(server.url, "acme").write(admitted())
    assert server.posts[1].path == "/api/v1/lineage"


def test_failures_are_said_once(nobody, caplog):
    """The log names the destination and the class of the failure, one time."""
    sink = OpenLineage(nobody, "acme", key=KEY, retry_seconds=0)
    sink.write(admitted())
    sink.write(admitted())
    (line,) = [record.getMessage() for record in caplog.records if record.name == "genops"]
    assert f"{nobody}/api/v1/lineage: ConnectionRefusedError" in line
    assert KEY not in line


def test_a_file_has_a_line_an_event(tmp_path):
    """Events are appended as lines of JSON to a file that only its owner reads; an existing one is kept."""
    path = tmp_path / "events.ndjson"
    for _ in range(2):
        sink = OpenLineage(str(path), "acme")
        sink.write(admitted())
        sink.write(settled(operation("x\n\u2028\ud800")))
    events = [json.loads(line) for line in path.read_text().split("\n")[:-1]]
    assert [event["eventType"] for event in events] == ["START", "COMPLETE"] * 2
    assert path.stat().st_mode & 0o777 == 0o600
    assert sink.counts == Counts(str(path), 2, 0, 0)


def test_a_file_does_not_grow_past_its_bound(tmp_path):
    """A line that would make it longer is not written but counted; one that was moved away is begun anew."""
    path = tmp_path / "events.ndjson"
    sink = OpenLineage(File(path, max_bytes=2_000), "acme")
    for _ in range(20):
        sink.write(admitted())
    lines = path.read_bytes().splitlines()
    assert path.stat().st_size <= 2_000
    assert numbers(sink) == (len(lines), 20 - len(lines), 0)
    path.rename(tmp_path / "old")
    sink.write(admitted())
    assert len(path.read_bytes().splitlines()) == 1


def test_a_line_that_was_cut_short_harms_no_other(tmp_path, monkeypatch):
    """After a full disk the next event begins on a line of its own."""
    path = tmp_path / "events.ndjson"
    sink = OpenLineage(str(path), "acme")
    really, calls = os.write, []

    def full(descriptor, data):
        calls.append(data)
        if len(calls) == 2:
            raise OSError(28, "No space left on device")
        return really(descriptor, data[:40] if len(calls) == 1 else data)

    monkeypatch.setattr(destinations.os, "write", full)
    sink.write(admitted())
    monkeypatch.undo()
    sink.write(settled())
    first, second = path.read_text().splitlines()
    assert len(first) == 40
    assert json.loads(second)["eventType"] == "COMPLETE"
    assert numbers(sink) == (1, 1, 0)


def test_a_file_that_cannot_be_written_is_refused(tmp_path):
    """A directory that does not exist is an error at the start; one that goes later is counted."""
    with pytest.raises(ConfigurationError):
        OpenLineage(str(tmp_path / "nowhere" / "events.ndjson"), "acme")
    (tmp_path / "here").mkdir()
    sink = OpenLineage(str(tmp_path / "here" / "events.ndjson"), "acme")
    (tmp_path / "here" / "events.ndjson").unlink()
    (tmp_path / "here").rmdir()
    sink.write(admitted())
    assert numbers(sink) == (0, 1, 0)


def test_the_console_prints_events(capsys):
    """A line of JSON goes to standard output; a stream that is closed takes none and harms nobody."""
    sink = OpenLineage("console", "acme")
    sink.write(admitted())
    assert json.loads(capsys.readouterr().out)["eventType"] == "START"
    gone = io.StringIO()
    gone.close()
    closed = OpenLineage(Console(gone), "acme")
    closed.write(admitted())
    assert numbers(closed) == (0, 1, 0)


def test_a_destination_of_the_program_may_do_anything():
    """One that raises fails the event and no more; an event that is too long for anybody is not offered."""

    class Own:
        name, taken = "own", []

        def send(self, event):
            self.taken.append(event)
            raise ZeroDivisionError

    sink = OpenLineage(Own(), "acme")
    sink.write(admitted())
    sink.write(admitted(operation(attributes={"db.query.text": "x" * (8 << 20)})))
    assert len(Own.taken) == 1
    assert numbers(sink) == (0, 2, 0)


def test_what_comes_after_the_end_is_dropped(server):
    """A closed sink sends nothing and counts it."""
    sink = OpenLineage(server.url, "acme")
    sink.write(admitted())
    sink.close()
    sink.write(settled())
    assert numbers(sink) == (1, 0, 1)
    assert len(server.posts) == 1


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_child_has_a_connection_of_its_own(server):
    """After a fork nothing is written into the parent's connection, and the child counts what it sent itself."""
    sink = OpenLineage(server.url, "acme")
    sink.write(admitted())

    def child():
        sink.write(settled())
        assert numbers(sink) == (1, 0, 0)

    in_child(child)
    sink.write(settled())
    assert server.connections == 2
    assert [event["eventType"] for event in server.events] == ["START", "COMPLETE", "COMPLETE"]
    assert numbers(sink) == (2, 0, 0)
