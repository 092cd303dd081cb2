"""HTTP as the service speaks it: ids and codes on every answer, and refusals of what cannot be read."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from databricks import sdk
from databricks.sdk import errors

from genops.testing.workspace import LocalWorkspace
from genops.testing.workspace.http.surface import no_such_api
from support.raw_http import connect, request, send
from support.sdk import workspace_client

ME = "/api/2.0/preview/scim/v2/Me"
CATALOGS = "/api/2.1/unity-catalog/catalogs"


@pytest.fixture(scope="module")
def ws():
    """A workspace."""
    with LocalWorkspace(transition_polls=0, workspace_id=77) as workspace:
        yield workspace


def whole(ws, line, headers=(), body=b""):
    """A request with these headers beside the token alone."""
    lines = [f"{line} HTTP/1.1", "Host: x", f"Authorization: Bearer {ws.token}", *headers, "", ""]
    return "\r\n".join(lines).encode("latin-1") + body


@pytest.mark.parametrize(
    ("line", "headers", "body", "status"),
    [
        (f"GET {ME}", {}, b"", 200),
        (f"GET {ME}", {"Authorization": ""}, b"", 401),
        ("GET /api/2.0/git-credentials", {}, b"", 501),
        ("GET /nowhere", {}, b"", 404),
        (f"GET {CATALOGS}/absent", {}, b"", 404),
        (f"POST {CATALOGS}", {}, b"{", 400),
        (f"POST {CATALOGS}", {"Content-Length": "x"}, b"", 400),
        (f"BREW {ME}", {}, b"", 405),
        (f"GET /{'x' * 70_000}", {}, b"", 414),
        (f"GET {ME}", {"X": "y" * 70_000}, b"", 431),
        (f"GET {ME}", {f"X{number}": "y" for number in range(120)}, b"", 431),
    ],
)
def test_every_answer_has_its_ids(ws, line, headers, body, status):
    """Whatever happens, an answer names the request and the workspace and is JSON; errors have a code and details."""
    answer = request(ws, line, headers, body)
    assert answer.status == status
    assert re.fullmatch(r"[0-9a-f-]{36}", answer.headers["x-request-id"])
    assert (answer.headers["x-databricks-org-id"], answer.headers["server"]) == ("77", "databricks")
    assert answer.headers["content-type"] == "application/json"
    if status >= 400:
        assert {"error_code", "message"} <= set(answer.json)
        assert answer.headers["x-databricks-reason-phrase"]
    if "details" in answer.json:
        assert answer.json["details"][0]["request_id"] == answer.headers["x-request-id"]


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("GET /api/2.0/pipelinez", "No API found for 'GET /pipelinez'"),
        ("GET /api/2.9/jobs/list", "No API found for 'GET /jobs/list'"),
        ("GET /api/2.2/sql/endpoints", "No API found for 'GET /sql/endpoints'"),
        ("GET /api/2.1/unity-catalog/domains", "No API found for 'GET /unity-catalog/domains'"),
        ("POST /api/2.0/unity-catalogs", "No API found for 'POST /unity-catalogs'"),
        ("GET /", "No API found for 'GET /'"),
    ],
)
def test_what_no_databricks_has_is_not_found(ws, line, said):
    """A path of no API is answered as the service answers it: 404 ENDPOINT_NOT_FOUND."""
    answer = request(ws, line)
    assert (answer.status, answer.json["error_code"], answer.json["message"]) == (404, "ENDPOINT_NOT_FOUND", said)


def test_every_path_of_the_sdk_is_an_api():
    """No path that the SDK sends is taken for one that no Databricks has."""
    source = Path(sdk.__file__).parent
    text = "".join(
        file.read_text() for folder in ("service", "mixins") for file in sorted((source / folder).glob("*.py"))
    )
    paths = {re.sub(r"\{[^}]*\}", "x", path) for path in re.findall(r'f?"(/(?:api|serving-endpoints)/[^"]+)"', text)}
    # A resource whose name is the whole path begins with the noun of its collection.
    named = {path for path in paths if re.match(r"/api/2\.[01]/(unity-catalog/)?x\b", path)}
    assert len(paths) > 500
    assert {path for path in paths - named if no_such_api("GET", path)} == {"/api/status"}


@pytest.mark.parametrize("path", [CATALOGS, CATALOGS + "/", "/api/2.0/unity-catalog/catalogs"])
def test_old_paths_and_slashes_are_served(ws, path):
    """Moved APIs answer at both places, with and without a slash at the end."""
    assert "main" in [catalog["name"] for catalog in request(ws, f"GET {path}").json["catalogs"]]


@pytest.mark.parametrize("method", ["OPTIONS", "TRACE", "CONNECT", "BREW"])
def test_methods_that_no_api_has_are_refused(ws, method):
    """A method that the service does not know is no error of the server."""
    answer = request(ws, f"{method} {ME}")
    assert (answer.status, answer.json["error_code"]) == (405, "METHOD_NOT_ALLOWED")


@pytest.mark.parametrize(
    "body", [b"{", b"nonsense", b'{"name": "\\ud800"}', b"\xff\xfe", b"[" * 100_000, b'{"name": 1}}'], ids=repr
)
def test_bodies_that_are_no_json_are_malformed(ws, body):
    """A body that should be JSON and is not is refused before anything is done."""
    for content_type in ({}, {"Content-Type": "application/json; charset=utf-8"}):
        answer = request(ws, f"POST {CATALOGS}", content_type, body)
        assert (answer.status, answer.json["error_code"]) == (400, "MALFORMED_REQUEST")


@pytest.mark.parametrize("body", [b"[]", b"1", b'"x"', b"null", b"true"])
def test_bodies_that_are_no_object_are_refused(ws, body):
    """JSON that is no object is refused by whoever needs one."""
    assert request(ws, f"POST {CATALOGS}", {}, body).status == 400


@pytest.mark.parametrize(
    "headers",
    [
        ["Content-Length: x"],
        ["Content-Length: -1"],
        ["Content-Length: 1, 2"],
        ["Content-Length: 2", "Content-Length: 3"],
        ["Content-Length: 2", "Transfer-Encoding: chunked"],
        ["Transfer-Encoding: gzip"],
    ],
)
def test_bodies_without_a_clear_end_are_refused(ws, headers):
    """Where the end of a body is in doubt the request is refused, and nothing after it is read as another request."""
    answers = send(ws, whole(ws, f"POST {CATALOGS}", headers) + whole(ws, f"GET {ME}"))
    assert [answer.status for answer in answers] == [400]
    assert answers[0].json["error_code"] == "MALFORMED_REQUEST"
    assert answers[0].headers["connection"] == "close"


@pytest.mark.parametrize("body", [b"zz\r\n{}\r\n0\r\n\r\n", b"2\r\n{}xx\r\n0\r\n\r\n", b"-2\r\n{}\r\n0\r\n\r\n"])
def test_broken_chunks_are_refused(ws, body):
    """A chunked body that does not say where it ends is refused."""
    answers = send(ws, whole(ws, f"POST {CATALOGS}", ["Transfer-Encoding: chunked"], body) + whole(ws, f"GET {ME}"))
    assert [answer.status for answer in answers] == [400]


def test_chunked_bodies_are_read(ws):
    """Chunks with extensions and trailers make one body."""
    body = b'8;a=b\r\n{"name":\r\nD\r\n "chunked_1"}\r\n0\r\nX: y\r\n\r\n'
    answers = send(ws, whole(ws, f"POST {CATALOGS}", ["Transfer-Encoding: chunked"], body) + whole(ws, f"GET {ME}"))
    assert [(answer.status, answer.json.get("name")) for answer in answers] == [(200, "chunked_1"), (200, None)]


def test_half_a_request_is_none(ws):
    """A client that hangs up inside a body has changed nothing and gets no answer."""
    assert send(ws, whole(ws, f"POST {CATALOGS}", ["Content-Length: 50"], b'{"name": "half"}')) == []
    assert request(ws, f"GET {CATALOGS}/half").status == 404


def test_bodies_too_large_are_refused(ws):
    """A body that says that it is larger than any is refused before it is read."""
    for path, size in ((CATALOGS, 65 << 20), ("/storage/upload/a/1", 6 << 30)):
        answers = send(ws, whole(ws, f"PUT {path}", [f"Content-Length: {size}"], b"{"))
        assert (answers[0].status, answers[0].json["error_code"]) == (413, "REQUEST_ENTITY_TOO_LARGE")


def test_connections_are_kept_alive(ws):
    """Requests follow one another on a connection, answers in their order; HTTP/1.0 closes after one."""
    answers = send(ws, b"".join(whole(ws, line) for line in (f"GET {ME}", "GET /nowhere", f"GET {ME}")))
    assert [answer.status for answer in answers] == [200, 404, 200]
    old = whole(ws, f"GET {ME}").replace(b"HTTP/1.1", b"HTTP/1.0")
    assert len(send(ws, old + old)) == 1


def test_expect_continue_is_answered(ws):
    """A client that waits to be asked for its body is asked."""
    with connect(ws) as connection:
        body = json.dumps({"name": "expected"}).encode()
        headers = ["Expect: 100-continue", f"Content-Length: {len(body)}", "Connection: close"]
        connection.sendall(whole(ws, f"POST {CATALOGS}", headers))
        assert connection.recv(100).startswith(b"HTTP/1.1 100 Continue")
        connection.sendall(body)
        assert connection.makefile("rb").readline() == b"HTTP/1.1 200 OK\r\n"


def test_no_content_has_none(ws):
    """204 comes without a body and without the headers of one."""
    ws.execute("CREATE VOLUME IF NOT EXISTS main.default.files")
    answer = request(ws, "PUT /api/2.0/fs/files/Volumes/main/default/files/a", {}, b"x")
    assert (answer.status, answer.body, "content-length" in answer.headers) == (204, b"", False)


@pytest.mark.parametrize(
    ("asked", "status", "got"),
    [
        ("bytes=2-4", 206, b"234"),
        ("bytes=7-", 206, b"789"),
        ("bytes=-3", 206, b"789"),
        ("bytes=-30", 200, b"0123456789"),
        ("bytes=5-2", 200, b"0123456789"),
        ("bytes=-", 200, b"0123456789"),
        ("lines=1-2", 200, b"0123456789"),
        ("bytes=0-99", 200, b"0123456789"),
        ("bytes=10-", 416, None),
    ],
)
def test_ranges_of_files(ws, asked, status, got):
    """A range gives its bytes; one that makes no sense gives the whole file; one behind the end is refused."""
    ws.execute("CREATE VOLUME IF NOT EXISTS main.default.files")
    path = "/api/2.0/fs/files/Volumes/main/default/files/ten"
    request(ws, f"PUT {path}", {}, b"0123456789")
    answer = request(ws, f"GET {path}", {"Range": asked})
    assert answer.status == status
    assert got is None or answer.body == got


def test_only_this_machine_is_listened_to(ws):
    """The socket is bound to the loopback address and to nothing else."""
    assert ws._server.socket.getsockname()[0] == "127.0.0.1"
    assert ws.host.startswith("http://127.0.0.1:")


def test_a_port_is_taken_as_asked():
    """A given port is used, and a second workspace there is an error."""
    with LocalWorkspace() as first:
        port = int(first.host.rpartition(":")[2])
        with pytest.raises(OSError, match="in use"):
            LocalWorkspace(port=port)
    with LocalWorkspace(port=port) as again:
        assert again.host == f"http://127.0.0.1:{port}"


def test_a_defect_is_an_internal_error_without_a_traceback(ws):
    """A service that raises is answered with 500 and one line."""
    ws._router.add({"GET /api/2.0/broken": lambda _: {}[0]})
    with pytest.raises(errors.InternalError, match=r"KeyError\(0\)") as caught:
        workspace_client(ws).api_client.do("GET", "/api/2.0/broken")
    assert "Traceback" not in str(caught.value)
