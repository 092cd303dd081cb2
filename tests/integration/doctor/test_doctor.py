"""`genops doctor` as a whole: the clock, libraries, no network where none is wanted, exit codes, and its JSON."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

import genops
from genops.cli.doctor import examination
from genops.cli.doctor.clock import hosts
from genops.cli.doctor.delivery import FIXES
from genops.cli.doctor.findings import MEANINGS, SECTIONS
from genops.settings import load
from genops.telemetry.otlp.diagnosis import PROBLEMS
from genops.testing import LocalWorkspace
from support.examined import doctor, examined

ROOT = Path(__file__).parents[3]


class Host:
    """A host that answers with a date, or with none; `with Host(ahead=60) as url:`."""

    def __init__(self, *, ahead=0.0, dated=True):
        asked = self.asked = []

        class Handler(BaseHTTPRequestHandler):
            def do_HEAD(self):
                asked.append(dict(self.headers))
                self.send_response_only(404)
                if dated:
                    self.send_header("Date", self.date_time_string(time.time() + ahead))
                self.end_headers()

            def log_message(self, *_):
                """Nothing to say."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    def __enter__(self):
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def __exit__(self, *_):
        self._server.shutdown()
        self._server.server_close()


# The clock.


@pytest.mark.parametrize(("ahead", "way"), [(3600, "behind"), (-3600, "ahead of")])
def test_a_clock_that_is_off_is_a_warning(monkeypatch, ahead, way):
    """An hour either way; the workspace is asked without a token, and its 404 has a date as well."""
    host = Host(ahead=ahead)
    with host as url:
        monkeypatch.setenv("DATABRICKS_HOST", url)
        monkeypatch.setenv("DATABRICKS_TOKEN", "a-token")
        found = examined("--export", "none")
    (one,) = found.of("clock.skew")
    assert f"{way} 127.0.0.1" in one["title"]
    assert abs(int(one["title"].split(" s ")[0].rpartition(" ")[2]) - 3600) < 60
    assert one["fix"]
    assert found.code == 0
    assert "a-token" not in str(host.asked)


def test_a_workspace_that_keeps_time(monkeypatch):
    """A real local workspace: the clocks agree."""
    with LocalWorkspace() as workspace:
        monkeypatch.setenv("DATABRICKS_HOST", workspace.host)
        found = examined("--export", "none")
    assert len(found.of("clock.right")) == 1


def test_every_workspace_that_is_configured_is_asked_once():
    """The one of the environment and those of the settings, which are named by host alone."""
    settings = load({"workspaces": {"a.example.com": {}, "b.example.com": {"tier": "premium"}}}, ambient=False)
    assert hosts(settings, {"DATABRICKS_HOST": "http://a.example.com/"}) == {
        "a.example.com": "http://a.example.com/",
        "b.example.com": "https://b.example.com",
    }
    assert hosts(load(ambient=False), {}) == {}


def test_a_workspace_that_does_not_answer(monkeypatch, free_port):
    """Unreachable is a warning; an answer without a date is not worth one; no workspace is none at all."""
    assert examined("--export", "none").of("clock.not_asked")
    monkeypatch.setenv("DATABRICKS_HOST", f"http://127.0.0.1:{free_port}")
    (one,) = examined("--export", "none").of("clock.unknown")
    assert (one["severity"], bool(one["fix"])) == ("warning", True)
    with Host(dated=False) as url:
        monkeypatch.setenv("DATABRICKS_HOST", url)
        (one,) = examined("--export", "none").of("clock.unknown")
        assert one["severity"] == "info"


# Offline, deep, and in a process of its own.


NO_NETWORK = """
import json, socket, sys
def opened(*_, **__):
    raise AssertionError("a connection was opened")
socket.socket.connect = socket.socket.connect_ex = socket.getaddrinfo = opened
from genops.cli import main
try:
    main()
finally:
    unneeded = ("databricks.sdk", "duckdb", "sqlglot", "grpc", "requests", "urllib.request")
    loaded = [name for name in unneeded if name in sys.modules]
    sys.stderr.write(json.dumps(loaded))
"""
# What loading the exporters brings along, which the first versions of them do not leave to their first request.
OF_THE_EXPORTERS = """
import json, sys
import opentelemetry.exporter.otlp.proto.http.trace_exporter
print(json.dumps([name for name in ("requests", "urllib.request") if name in sys.modules]))
"""


def test_offline_opens_no_connection_and_imports_no_library(free_port):
    """Endpoint and workspace are configured; nothing of them is asked, and the databricks-sdk stays unloaded."""
    ended = doctor(
        "--offline",
        "--format",
        "json",
        code=NO_NETWORK,
        OTEL_EXPORTER_OTLP_ENDPOINT=f"http://127.0.0.1:{free_port}",
        DATABRICKS_HOST=f"http://127.0.0.1:{free_port}",
    )
    brought = subprocess.run(
        [sys.executable, "-c", OF_THE_EXPORTERS], capture_output=True, text=True, check=True
    ).stdout
    assert json.loads(ended.stderr) == json.loads(brought)
    ids = [one["id"] for one in json.loads(ended.stdout)["findings"]]
    assert {"export.not_asked", "clock.not_asked", "libraries.governed"} <= set(ids)
    assert ended.returncode == 0


def test_deep_counts_what_would_be_governed():
    """Each library is imported in a process of its own and its methods are counted."""
    sdk, connector = examined("--offline", "--deep").of("libraries.governed")
    assert int(sdk["detail"].split()[0]) > 1_000
    assert 10 < int(connector["detail"].split()[0]) < 50


def test_a_library_that_cannot_be_imported_is_a_warning(monkeypatch, tmp_path):
    """Installed and broken: nothing of it would be governed, and its error is shown."""
    broken = tmp_path / "databricks" / "sdk"
    broken.mkdir(parents=True)
    (broken / "__init__.py").write_text("raise ImportError('half an installation')\n")
    (broken.parent / "__init__.py").touch()
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(tmp_path), *sys.path]))
    found = examined("--offline", "--deep").of("libraries.uncounted")
    assert "half an installation" in found[0]["fix"]


def test_a_library_that_is_not_there_is_told(monkeypatch):
    """Without the library there is nothing to govern, which may be as it should."""
    from genops.cli.doctor import libraries

    home = libraries.Home("not-there", "not.there", "databricks")
    monkeypatch.setattr(libraries, "HOMES", dict.fromkeys(libraries.HOMES, home))
    monkeypatch.setattr(libraries.importlib.metadata, "entry_points", lambda **_: ())
    found = examined("--offline")
    assert ".[databricks]" in found.of("libraries.absent")[0]["fix"]
    assert found.of("libraries.no_zero_code")


def test_entry_points_of_zero_code_are_found(monkeypatch):
    """Those of genops, and nobody else's."""
    from importlib.metadata import EntryPoint

    from genops.cli.doctor import libraries

    group = "opentelemetry_instrumentor"
    points = [EntryPoint("ours", "genops.entrypoints:X", group), EntryPoint("theirs", "genops_other:Y", group)]
    monkeypatch.setattr(libraries.importlib.metadata, "entry_points", lambda **_: points)
    (one,) = examined("--offline").of("libraries.zero_code")
    assert "ours" in one["detail"]
    assert "theirs" not in one["detail"]


WITHOUT_OPENTELEMETRY = """
import sys
class Missing:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] == "opentelemetry":
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
sys.meta_path.insert(0, Missing())
from genops.cli import main
main()
"""


def test_without_opentelemetry_the_doctor_runs(free_port):
    """That it cannot be imported is an error with a fix, and no fault of the doctor."""
    endpoint = f"http://127.0.0.1:{free_port}"
    ended = doctor("--format", "json", code=WITHOUT_OPENTELEMETRY, OTEL_EXPORTER_OTLP_ENDPOINT=endpoint)
    assert ended.returncode == 1
    found = {one["id"]: one for one in json.loads(ended.stdout)["findings"]}
    assert "opentelemetry" in found["versions.missing"]["detail"]
    assert found["versions.missing"]["fix"]
    assert "libraries.zero_code" in found
    assert "doctor.fault" not in found


def test_a_newcomer_is_told_what_to_do():
    """Without any setting: exit code 0, plain lines without colour, and a fix for each warning."""
    ended = doctor("--offline")
    assert ended.returncode == 0
    assert ended.stderr == ""
    assert "\x1b" not in ended.stdout
    for heading in ("Versions", "Libraries", "Settings", "Governance", "Export", "Clock"):
        assert f"\n{heading}\n" in ended.stdout
    assert "  warning team, project, environment not set" in ended.stdout
    assert "fix: Set GENOPS_TEAM and GENOPS_PROJECT and GENOPS_ENVIRONMENT" in ended.stdout
    assert "attribution.team" in ended.stdout


def test_exit_codes(monkeypatch):
    """0 without errors, 1 with one, with `--strict` on a warning too, 2 for a wrong option."""
    assert doctor("--offline").returncode == 0
    assert doctor("--offline", "--strict").returncode == 1
    assert doctor("--offline", GENOPS_MODE="enfroce").returncode == 1
    assert doctor("--offlin").returncode == 2


def test_a_part_that_fails_is_a_finding(monkeypatch):
    """The others run, the report is whole, and the exit code says that something is wrong."""
    monkeypatch.setattr(examination.versions, "versions", lambda: 1 / 0)
    found = examined("--offline")
    (one,) = found.of("doctor.fault")
    assert "ZeroDivisionError" in one["detail"]
    assert found.section("governance")
    assert found.code == 1


# The form.


def test_the_json_keeps_its_keys(receiver, monkeypatch):
    """Programs read it: names and types of every key, and each finding's id in the table of meanings."""
    monkeypatch.setenv("GENOPS_PROJCT", "x")
    tree = examined("--strict").tree
    assert list(tree) == ["genops", "findings", "settings", "variables", "summary"]
    assert tree["genops"] == genops.__version__
    for one in tree["findings"]:
        assert list(one) == ["id", "severity", "title", "detail", "fix"]
        assert all(isinstance(value, str) for value in one.values())
        assert one["id"] in MEANINGS
        assert one["fix"] or one["severity"] in {"ok", "info"}
        assert "\n" not in "".join(one.values())
    for setting in tree["settings"]:
        assert list(setting) == ["name", "value", "origin"]
    assert list(tree["summary"]) == ["ok", "info", "warning", "error"]
    assert sum(tree["summary"].values()) == len(tree["findings"])


def test_every_problem_has_a_fix_and_a_meaning():
    """Whatever a receiver answers, the doctor has a line for it."""
    assert set(FIXES) == PROBLEMS | {"unreachable"}
    assert {f"export.{problem}" for problem in FIXES} <= set(MEANINGS)
    assert {identity.partition(".")[0] for identity in MEANINGS} == set(SECTIONS)


def test_the_page_lists_every_finding():
    """docs/doctor.md has one row for each id, with its meaning."""
    rows = [line for line in (ROOT / "docs" / "doctor.md").read_text().splitlines() if line.startswith("| `")]
    listed = {row.split("|")[1].strip(" `"): row.split("|")[2].strip() for row in rows if "." in row.split("|")[1]}
    assert listed == MEANINGS
