"""Nothing that comes over HTTP breaks the workspace: no error of its own, no traceback, no way out of a volume."""

from __future__ import annotations

import json
import threading
from contextlib import contextmanager
from pathlib import Path
from unittest import mock

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from genops.testing.workspace import LocalWorkspace
from support import fuzzing
from support.raw_http import Client, request
from support.sensible_requests import sensible_requests

CANARY = "the canary outside of every volume"
REFUSED = (b"NOT_IMPLEMENTED", b'"501"')
QUICK = settings(
    max_examples=120, deadline=None, derandomize=True, database=None, suppress_health_check=list(HealthCheck)
)
LONG = settings(QUICK, max_examples=10_000, derandomize=False)


@contextmanager
def prepared():
    """A workspace with a table, a volume, and a file outside of all volumes."""
    with LocalWorkspace(transition_polls=0) as workspace:
        workspace.execute("CREATE TABLE main.default.t (id INT); CREATE VOLUME main.default.raw")
        root(workspace).joinpath("canary.txt").write_text(CANARY)
        yield workspace


@pytest.fixture(scope="module")
def ws():
    """A workspace whose answers never name its directory."""
    with prepared() as workspace:
        yield workspace


@pytest.fixture(scope="module")
def told():
    """A workspace whose query history names its directory, because statements did."""
    with prepared() as workspace:
        yield workspace


@pytest.fixture
def client(ws):
    """A client that sends whatever it is given."""
    found = Client(ws)
    yield found
    found.close()


def root(ws):
    """The directory in which a workspace keeps everything."""
    return Path(ws._directory.name).resolve()


def outside(ws):
    """Every file of the machine's that the workspace could reach by climbing, with its content."""
    here = root(ws)
    return {
        path.relative_to(here): path.read_bytes()
        for path in here.rglob("*")
        if path.is_file() and path.relative_to(here).parts[0] not in ("volumes", "spool", "dbfs")
    }


def check(client, odd):
    """Send a request and hold its answer against what every answer must be."""
    ws, line = client.ws, f"{odd.method} {odd.target}"
    answer = client.request(line, odd.headers, odd.body)
    told = f"{line[:300]} {odd.headers} {odd.body[:500]!r} -> {answer.status} {answer.body[:600]!r}"
    refused = answer.status == 501 and (odd.method == "HEAD" or any(word in answer.body for word in REFUSED))
    assert answer.status < 500 or refused, told
    assert answer.headers["x-request-id"], told
    assert answer.headers["x-databricks-org-id"] == ws.workspace_id, told
    assert b"Traceback" not in answer.body, told
    assert b'File \\"' not in answer.body, told
    assert str(root(ws)).encode() not in answer.body, told
    assert CANARY.encode() not in answer.body, told
    if answer.body and answer.headers.get("content-type") == "application/json":
        json.loads(answer.body)


@contextmanager
def no_thread_dies():
    """Fail where a thread ends by an exception: whoever waits for it would wait for ever."""
    died = []
    with mock.patch.object(threading, "excepthook", died.append):
        yield
    assert died == []


def run(client, config):
    """Send as many odd requests as the configuration says, then see that everything still stands."""
    ws = client.ws
    before = outside(ws)
    sensible = [fuzzing.Odd(method, target, {}, body) for method, target, body in sensible_requests(ws.warehouse_id)]
    for odd in sensible:
        check(client, odd)

    @config
    @given(fuzzing.requests(sorted(set(ws._router.served)), sensible))
    def one(odd):
        check(client, odd)

    with no_thread_dies():
        one()
    assert outside(ws) == before
    assert ws.execute("SELECT 1") == [["1"]]


def test_odd_requests_are_answered(client):
    """Some hundred odd requests over all routes and others are answered without an error of the workspace's own."""
    run(client, QUICK)


@pytest.mark.full
@pytest.mark.timeout(1800)
def test_many_odd_requests_are_answered():
    """Thousands of odd requests, other ones in every run."""
    with prepared() as ws:
        run(Client(ws), LONG)


def test_every_route_meets_every_kind_of_body(client):
    """Each route is asked once with each kind of body that is not what it expects."""
    for body in (b"", b"[]", b'{"name": {"a": []}}'):
        for route in sorted(set(client.ws._router.served)):
            method, path = route.split(" ", 1)
            target = path.replace("2.x", "2.1").replace("{", "").replace("*}", "").replace("}", "")
            check(client, fuzzing.Odd(method, target, {}, body))


ROUTES = ("/api/2.0/fs/files", "/api/2.0/fs/directories")
BASES = (
    "/Volumes/main/default/raw/",
    "/Volumes/",
    "//Volumes/main/default/raw/",
    "/",
    "/Volumes/main/default/raw/../raw/",
)


def test_no_path_leads_out_of_a_volume(client):
    """Whatever a path of a file or directory says, nothing outside of the volume is read, written or deleted."""
    ws = client.ws
    before = outside(ws)

    @settings(QUICK, max_examples=80)
    @given(
        st.sampled_from(["GET", "PUT", "DELETE", "HEAD", "POST"]),
        st.sampled_from(ROUTES),
        st.sampled_from(BASES),
        fuzzing.climbs,
        st.sampled_from(["canary.txt", "volumes", "", "spool", "x.txt"]),
    )
    def one(method, route, base, climb, name):
        target = f"{route}{base}{climb}/{name}"
        check(client, fuzzing.Odd(method, target, {}, b"written"))
        asked = json.dumps({"path": f"{base}{climb}/{name}", "expire_time": "2030-01-01T00:00:00Z"}).encode()
        check(client, fuzzing.Odd("POST", "/api/2.0/fs/create-download-url", {}, asked))

    one()
    assert outside(ws) == before
    assert (root(ws) / "volumes").is_dir()


@pytest.mark.parametrize(
    "path",
    [
        "/Volumes/main/default/raw/../../../canary.txt",
        "dbfs:/Volumes/main/default/raw/../../../../canary.txt",
        "/Volumes/main/default/raw/*/../../../../canary.txt",
        "file:/{root}/canary.txt",
        "{root}/canary.txt",
        "/etc/passwd",
    ],
)
@pytest.mark.parametrize("how", ["SELECT * FROM text.`{path}`", "SELECT * FROM read_files('{path}', format => 'text')"])
def test_no_sql_reads_outside_of_a_volume(told, how, path):
    """SQL reads files of volumes and no others."""
    statement = how.format(path=path.format(root=root(told)))
    body = json.dumps({"statement": statement, "warehouse_id": told.warehouse_id}).encode()
    answer = request(told, "POST /api/2.0/sql/statements", {}, body)
    assert (answer.status, answer.json["status"]["state"]) == (200, "FAILED")
    assert CANARY.encode() not in answer.body


def test_links_in_a_volume_lead_nowhere(ws):
    """A symbolic link that lies in a volume is not followed out of it."""
    volume = next(root(ws).joinpath("volumes").rglob("raw"), None)
    assert volume is not None
    link = volume / "link"
    link.symlink_to(root(ws))
    for target in ("link/canary.txt", "link"):
        answer = request(ws, f"GET /api/2.0/fs/files/Volumes/main/default/raw/{target}")
        assert answer.status in (400, 404)
    assert request(ws, "PUT /api/2.0/fs/files/Volumes/main/default/raw/link/new", {}, b"x").status == 400
    assert not root(ws).joinpath("new").exists()
    link.unlink()
