"""The workspace as a whole: what it is, records and refuses, and that nothing stays of it."""

from __future__ import annotations

import subprocess
import sys
import threading
from pathlib import Path

import pytest
from databricks.sdk import errors
from databricks.sdk.environments import Cloud

from genops.testing.workspace import LocalWorkspace
from support.polling import eventually
from support.sdk import workspace_client

SOURCE = str(Path(__file__).parents[3] / "src")


def run_python(code: str) -> subprocess.CompletedProcess[str]:
    """A process of its own that sees the sources."""
    return subprocess.run(
        [sys.executable, "-c", f"import sys; sys.path.insert(0, {SOURCE!r})\n{code}"],
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )


def test_client_learns_cloud_account_and_workspace():
    """Host metadata fills the SDK's cloud, account id and workspace id."""
    with LocalWorkspace(cloud="azure", region="westeurope", workspace_id=77) as ws:
        config = workspace_client(ws).config
        assert (config.cloud, config.account_id, config.workspace_id) == (Cloud.AZURE, ws.identity.account_id, "77")


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


def test_error_carries_its_request_id(w):
    """Error details name the request, as the service's do."""
    with pytest.raises(errors.NotFound) as caught:
        w.catalogs.get("nowhere")
    assert caught.value.get_error_details().request_info.request_id


def test_unserved_method_is_not_implemented(w):
    """What the workspace does not imitate raises NotImplemented and names method and path."""
    with pytest.raises(errors.NotImplemented, match=r"GET /api/2[.]0/git-credentials"):
        list(w.git_credentials.list())


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


def test_faults_hold_for_method_and_path_only(ws, w):
    """A rule leaves other paths and methods alone, and clear_faults ends it."""
    ws.fault("403", path=".*/catalogs/main", method="GET")
    assert "main" in [catalog.name for catalog in w.catalogs.list()]
    with pytest.raises(errors.PermissionDenied):
        w.catalogs.get("main")
    ws.clear_faults()
    assert w.catalogs.get("main").name == "main"


@pytest.mark.parametrize(
    "arguments", [{"cloud": "ibm"}, {"page_size": 0}, {"workspace_id": "x"}, {"warehouse_size": "Huge"}]
)
def test_impossible_workspaces_are_refused(arguments):
    """An argument that no workspace has is a ValueError that names it."""
    with pytest.raises(ValueError, match=str(next(iter(arguments.values())))):
        LocalWorkspace(**arguments)


def test_closing_leaves_nothing_behind():
    """After close no thread runs, no file is left, and nothing answers; a second close does nothing."""
    before = set(threading.enumerate())
    ws = LocalWorkspace().start()
    place = Path(ws._directory.name)
    workspace_client(ws).current_user.me()
    ws.close()
    ws.close()
    eventually(lambda: set(threading.enumerate()) <= before)
    assert not place.exists()


def test_process_ends_without_noise():
    """A process that used workspaces ends with nothing on stderr, whether it closed them or forgot them."""
    code = (
        "from genops.testing.workspace import LocalWorkspace\n"
        "closed, forgotten = LocalWorkspace().start(), LocalWorkspace().start()\n"
        "print(closed.execute('SELECT 1'), forgotten.execute('SELECT 2')); closed.close()"
    )
    done = run_python(code)
    assert (done.stdout.strip(), done.stderr, done.returncode) == ("[['1']] [['2']]", "", 0)


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
