"""The workspace as a whole: life, identity, recording, refusals and faults, seen by the real SDK."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from databricks.sdk import errors
from databricks.sdk.environments import Cloud

from genops.testing.workspace import LocalWorkspace
from support.sdk import workspace_client

SOURCE = str(Path(__file__).parents[2] / "src")


@pytest.fixture
def ws():
    """A workspace."""
    with LocalWorkspace(transition_polls=0) as workspace:
        yield workspace


@pytest.fixture
def w(ws):
    """A real client."""
    return workspace_client(ws)


def run_python(code: str) -> subprocess.CompletedProcess[str]:
    """A process of its own that sees the sources."""
    return subprocess.run(
        [sys.executable, "-c", f"import sys; sys.path.insert(0, {SOURCE!r})\n{code}"],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_client_learns_cloud_account_and_workspace():
    """Host metadata fills the SDK's cloud, account id and workspace id."""
    with LocalWorkspace(cloud="azure", region="westeurope", workspace_id=77) as ws:
        config = workspace_client(ws).config
        assert (config.cloud, config.account_id, config.workspace_id) == (Cloud.AZURE, ws.identity.account_id, "77")


def test_current_user_is_the_tokens_user(ws, w):
    """SCIM Me names the user that the workspace was built with."""
    me = w.current_user.me()
    assert (me.user_name, me.active) == (ws.identity.user, True)


def test_workspace_id_comes_with_every_answer(ws, w):
    """The org-id header gives the SDK its workspace id."""
    assert w.get_workspace_id() == int(ws.workspace_id)


def test_metastore_summary_names_cloud_and_region(ws, w):
    """The metastore summary carries what a price needs: cloud and region."""
    summary = w.metastores.summary()
    assert (summary.cloud, summary.region) == ("aws", "us-east-1")
    assert summary.global_metastore_id == f"aws:us-east-1:{ws.identity.metastore_id}"
    assert w.metastores.current().metastore_id == ws.identity.metastore_id


def test_request_ids_are_unique(w):
    """Every answer has a request id of its own."""
    ids = {
        w.api_client.do("GET", "/api/2.0/preview/scim/v2/Me", response_headers=["X-Request-Id"])["X-Request-Id"]
        for _ in range(5)
    }
    assert len(ids) == 5


def test_wrong_token_is_unauthenticated(ws):
    """A bearer token that is not the workspace's raises Unauthenticated."""
    with pytest.raises(errors.Unauthenticated):
        workspace_client(ws, token="another").current_user.me()


def test_error_carries_its_request_id(w):
    """Error details name the request, as the service's do."""
    with pytest.raises(errors.NotFound) as caught:
        w.catalogs.get("nowhere")
    assert caught.value.get_error_details().request_info.request_id


def test_unserved_method_is_not_implemented(w):
    """What the workspace does not imitate raises NotImplemented and names method and path."""
    with pytest.raises(errors.NotImplemented, match=r"GET /api/2[.]0/pipelines"):
        list(w.pipelines.list_pipelines())


def test_requests_are_recorded_without_the_token(ws, w):
    """Each request is recorded with body and status, and its token is not."""
    w.catalogs.create("recorded", comment="x")
    request = ws.requests[-1]
    assert (request.method, request.path, request.status) == ("POST", "/api/2.1/unity-catalog/catalogs", 200)
    assert request.body == {"name": "recorded", "comment": "x"}
    assert request.headers["authorization"] == "[redacted]"
    assert ws.token not in repr(ws.requests)


def test_requests_can_be_cleared(ws, w):
    """After clear_requests only later requests are seen, with their query."""
    w.current_user.me()
    ws.clear_requests()
    list(w.schemas.list("main"))
    assert [request.query["catalog_name"] for request in ws.requests] == ["main"]


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("401", errors.Unauthenticated),
        ("403", errors.PermissionDenied),
        ("404", errors.ResourceDoesNotExist),
        ("409", errors.ResourceConflict),
        ("500", errors.InternalError),
    ],
)
def test_faults_raise_the_sdks_exceptions(ws, w, kind, expected):
    """Each error kind raises the exception that the SDK keeps for it."""
    ws.fault(kind, path=r"/api/2\.1/unity-catalog/catalogs/.*")
    with pytest.raises(expected):
        w.catalogs.get("main")


@pytest.mark.parametrize("kind", ["429", "503"])
def test_throttled_request_is_retried(ws, w, kind):
    """With Retry-After the SDK waits and tries again; the fault ends after its times."""
    ws.fault(kind, path=r"/api/2.1/unity-catalog/catalogs/main", method="GET", times=1, retry_after=1)
    assert w.catalogs.get("main").name == "main"
    assert [request.status for request in ws.requests][-2:] == [int(kind), 200]


def test_reset_connection_is_retried(ws, w):
    """A TCP reset is a connection error that the SDK tries again."""
    ws.fault("reset", path=".*/catalogs/main", times=1)
    assert w.catalogs.get("main").name == "main"
    assert [request.status for request in ws.requests][-2:] == [0, 200]


def test_malformed_answer_is_cut_json(ws, w):
    """A malformed answer has status 200 and JSON that does not parse."""
    ws.fault("malformed", path=".*/catalogs/main", times=1)
    with pytest.raises(ValueError, match=r"Expecting|Unterminated|delimiter"):
        w.catalogs.get("main")
    assert ws.requests[-1].status == 200


def test_slow_answer_takes_its_seconds(ws, w):
    """A slow fault delays the answer and leaves it right."""
    ws.fault("slow", path=".*/catalogs/main", seconds=0.3)
    begun = time.monotonic()
    assert w.catalogs.get("main").name == "main"
    assert time.monotonic() - begun >= 0.3


def test_faults_hold_for_method_and_path_only(ws, w):
    """A rule leaves other paths and methods alone, and clear_faults ends it."""
    ws.fault("403", path=".*/catalogs/main", method="GET")
    assert [catalog.name for catalog in w.catalogs.list()] == ["main"]
    ws.clear_faults()
    assert w.catalogs.get("main").name == "main"


def test_unknown_fault_is_refused(ws):
    """A fault that does not exist is an error that lists those that do."""
    with pytest.raises(ValueError, match=r"418.*401"):
        ws.fault("418")


@pytest.mark.parametrize(
    "arguments", [{"cloud": "ibm"}, {"page_size": 0}, {"workspace_id": "x"}, {"warehouse_size": "Huge"}]
)
def test_impossible_workspaces_are_refused(arguments):
    """An argument that no workspace has is a ValueError that names it."""
    with pytest.raises(ValueError, match=str(next(iter(arguments.values())))):
        LocalWorkspace(**arguments)


def test_closing_leaves_nothing_behind():
    """After close no thread runs, no file is left, and nothing answers."""
    before = set(threading.enumerate())
    ws = LocalWorkspace().start()
    place = Path(ws._directory.name)
    workspace_client(ws).current_user.me()
    ws.close()
    ws.close()
    deadline = time.monotonic() + 5
    while set(threading.enumerate()) - before and time.monotonic() < deadline:
        time.sleep(0.01)
    assert set(threading.enumerate()) <= before
    assert not place.exists()


@pytest.mark.parametrize("closing", ["ws.close()", ""])
def test_process_ends_without_noise(closing):
    """A process that used a workspace ends with nothing on stderr, closed or forgotten."""
    code = (
        "from genops.testing.workspace import LocalWorkspace\n"
        f"ws = LocalWorkspace().start(); print(ws.execute('SELECT 1')); {closing}"
    )
    done = run_python(code)
    assert (done.stdout.strip(), done.stderr, done.returncode) == ("[['1']]", "", 0)


def test_import_is_light_and_alone():
    """Importing the package loads no engine and nothing else of the distribution."""
    code = (
        "import genops.testing.workspace, sys\n"
        "print(sorted(name for name in sys.modules if name.split('.')[0] in ('duckdb', 'sqlglot', 'opentelemetry', "
        "'pydantic', 'wrapt') or name.startswith('genops.') and not name.startswith('genops.testing')))"
    )
    done = run_python(code)
    assert (done.stdout.strip(), done.stderr) == ("[]", "")


def test_missing_engine_names_the_extra():
    """Without DuckDB a workspace cannot be built, and the error says what to install."""
    code = (
        "sys.modules['duckdb'] = None\n"
        "from genops.testing.workspace import LocalWorkspace\n"
        "try: LocalWorkspace()\n"
        "except ImportError as error: print(error)"
    )
    assert "pip install '.[testing]'" in run_python(code).stdout


def test_many_threads_share_a_workspace(ws):
    """Clients in several threads read and write at once without an error."""
    ws.execute("CREATE TABLE counted (id INT)")
    failures: list[BaseException] = []

    def work(number: int) -> None:
        try:
            client = workspace_client(ws)
            for _ in range(5):
                sql = f"INSERT INTO main.default.counted VALUES ({number})"
                state = client.statement_execution.execute_statement(sql, ws.warehouse_id).status.state
                assert state.value == "SUCCEEDED"
                client.tables.get("main.default.counted")
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert ws.execute("SELECT count(*) FROM counted") == [["40"]]
