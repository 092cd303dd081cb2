"""The examples and the commands of the documentation run as they stand."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest
import yaml

import genops
from genops.core.operation import NOTHING
from genops.settings import load
from genops.testing import LocalWorkspace, capture
from support import spec
from support.workspace_command import WorkspaceCommand

ROOT = Path(__file__).resolve().parents[2]
CONNECTOR = find_spec("databricks") is not None and find_spec("databricks.sql") is not None


def run(example: str, folder: Path) -> str:
    """Run an example in an empty folder; return what it printed."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("GENOPS_", "OTEL_"))}
    ran = subprocess.run(
        [sys.executable, str(ROOT / "examples" / example)],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        cwd=folder,
        env=kept,
    )
    assert ran.returncode == 0, ran.stderr
    return ran.stdout


def test_the_quickstart_runs(tmp_path: Path) -> None:
    """The quickstart governs its two calls and writes compliant telemetry."""
    out = run("quickstart.py", tmp_path)
    assert "result: [['2']]" in out
    assert "everything accepted: True" in out
    exported = spec.read(tmp_path / "quickstart.jsonl")
    assert {unit["attributes"]["genops.operation.type"] for unit in exported.units} == {"catalog.list", "table.query"}
    assert spec.violations(exported) == []


def test_the_workflow_runs(tmp_path: Path) -> None:
    """The workflow loads, counts in a worker as a part, is refused once, and loses nothing."""
    out = run("etl_workflow.py", tmp_path)
    assert "rows counted in a worker: 1000" in out
    assert "refused: table.query was not run: budget 'reporting-calls'" in out
    assert "nightly-etl: 4 operations, 1 refused" in out
    assert "lost on the way to etl.jsonl: 0" in out
    exported = spec.read(tmp_path / "etl.jsonl")
    assert spec.violations(exported) == []
    roles = [span["attributes"].get("genops.operation.role", "unit") for span in exported.spans]
    assert (roles.count("container"), roles.count("part"), roles.count("unit")) == (1, 2, 5)


def run_tests(folder: Path, *options: str) -> subprocess.CompletedProcess[str]:
    """Run the tests of a folder with genops' plugin and no other that happens to be installed."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("GENOPS_", "OTEL_", "PYTEST_"))}
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "genops.testing.plugin", "-p", "no:cacheprovider", *options],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
        cwd=folder,
        env={**kept, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "PYTHONPATH": str(Path(genops.__path__[0]).parent)},
    )


def test_the_example_of_tests_runs(tmp_path: Path) -> None:
    """Its tests pass as they stand; broken expectations fail with what differs and with what was captured."""
    folder = tmp_path / "testing"
    shutil.copytree(ROOT / "examples" / "testing", folder, ignore=shutil.ignore_patterns("__pycache__"))
    ran = run_tests(folder)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert ("13 passed" if CONNECTOR else "11 passed, 1 skipped") in ran.stdout, ran.stdout
    program = folder / "nightly.py"
    program.write_text(program.read_text("utf-8").replace('Decimal("0.02")', 'Decimal("0.03")'), "utf-8")
    ran = run_tests(folder, "-k", "costs or loads or telemetry")
    assert "2 failed, 1 passed" in ran.stdout, ran.stdout + ran.stderr
    assert "expected a cost of 0.04, was 0.06" in ran.stdout
    assert '-          "value": 0.04' in ran.stdout
    assert '+          "value": 0.06' in ran.stdout
    assert "ALLOWED  load_orders (custom.run)  data-eng/sales/test  ok  0.06 USD  rows=2" in ran.stdout


def test_the_tests_of_the_documentation_run(tmp_path: Path) -> None:
    """The samples of docs/testing.md, one after the other, are a test module that passes."""
    samples = re.findall(r"```python\n(.*?)```", (ROOT / "docs" / "testing.md").read_text("utf-8"), re.DOTALL)
    (tmp_path / "test_samples.py").write_text("\n\n".join(samples), "utf-8")
    written = run_tests(tmp_path, "--genops-update-snapshots")
    assert "6 passed" in written.stdout, written.stdout + written.stderr
    assert "6 passed" in run_tests(tmp_path).stdout


def blocks(page: str, language: str) -> list[str]:
    """The code blocks of a language on a page."""
    return re.findall(rf"```{language}\n(.*?)```", (ROOT / "docs" / page).read_text("utf-8"), re.DOTALL)


def test_the_tests_of_the_local_workspaces_page_run(tmp_path: Path) -> None:
    """The samples of docs/local-workspace.md that are tests or fixtures are a test module that passes."""
    tests = [sample for sample in blocks("local-workspace.md", "python") if "pytest" in sample or "def test" in sample]
    (tmp_path / "test_samples.py").write_text("\n\n".join(tests), "utf-8")
    ran = run_tests(tmp_path, *(() if CONNECTOR else ("-k", "not connector and not sqlalchemy")))
    assert ("18 passed" if CONNECTOR else "13 passed, 5 deselected") in ran.stdout, ran.stdout + ran.stderr


def test_the_program_of_the_local_workspaces_page_runs() -> None:
    """The program needs what the server prints and nothing else; the server is started as the page says."""
    (program,) = [sample for sample in blocks("local-workspace.md", "python") if "def " not in sample]
    lines = [line for sample in blocks("local-workspace.md", "sh") for line in sample.splitlines()]
    served = [line.split()[2:] for line in lines if line.startswith("genops workspace")]
    assert served == [["--seed", "flights"], ["--tls"]]
    with WorkspaceCommand(*served[0], "--port", "0") as server:
        server.until("Ctrl-C")
        kept = {k: v for k, v in os.environ.items() if not k.startswith("DATABRICKS_")}
        ran = subprocess.run(
            [sys.executable, "-c", program],
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
            env={**kept, **server.exports, "DATABRICKS_CONFIG_FILE": os.devnull},
        )
        assert ran.stdout == "[['EV', '6861']]\n", ran.stderr
        assert server.end() == 0


def test_the_dbt_example_is_the_pages() -> None:
    """The profile on the page is the file of the example, which tests/integration/workspace/test_dbt.py runs."""
    folder = ROOT / "examples" / "testing" / "dbt"
    (profile,) = blocks("local-workspace.md", "yaml")
    assert profile == (folder / "profiles.yml").read_text("utf-8")
    assert yaml.safe_load((folder / "dbt_project.yml").read_text("utf-8"))["profile"] in yaml.safe_load(profile)
    (command,) = [line for line in "".join(blocks("local-workspace.md", "sh")).splitlines() if line.startswith("dbt")]
    assert [ROOT / word for word in command.split() if "/" in word] == [folder, folder]


def test_the_program_of_the_connectors_page_runs(tmp_path: Path) -> None:
    """The sample of docs/sql-connector.md is three operations, for a program that knows how to connect."""
    pytest.importorskip("databricks.sql", reason="the sample is about the connector")
    (program,) = blocks("sql-connector.md", "python")
    with LocalWorkspace() as workspace:
        path = f"/sql/1.0/warehouses/{workspace.warehouse_id}"
        known = {"server_hostname": "127.0.0.1", "http_path": path, "access_token": workspace.token}
        connection = {**known, "_connection_uri": workspace.host + path, "enable_telemetry": False}
        kept = {k: v for k, v in os.environ.items() if not k.startswith(("GENOPS_", "OTEL_"))}
        code = f"connection = {connection!r}\n{program}"
        done = subprocess.run(
            [sys.executable, "-c", code],
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
            cwd=tmp_path,
            env=kept,
        )
    assert done.stdout.startswith("12.5\n"), done.stderr
    assert "units=3, refused=0, warnings=0, errors=0" in done.stdout


def test_the_sample_of_the_page_on_statements_runs(capsys: pytest.CaptureFixture[str]) -> None:
    """The sample of docs/statements.md prints the column flows of its statement."""
    _, program = blocks("statements.md", "python")
    exec(compile(program, "statements.md", "exec"), {})
    assert "('main.sales.orders.day', 'main.gold.daily.day')" in capsys.readouterr().out


def test_the_sample_of_a_table_that_was_looked_at_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    """The other one of docs/statements.md: every column of a star is named, as the page says."""
    program, _ = blocks("statements.md", "python")
    with LocalWorkspace() as workspace, capture() as captured:
        workspace.execute("CREATE SCHEMA main.sales; CREATE TABLE main.sales.orders (id INT, price DOUBLE)")
        for name, value in {"HOST": workspace.host, "TOKEN": workspace.token, "CONFIG_FILE": os.devnull}.items():
            monkeypatch.setenv(f"DATABRICKS_{name}", value)
        try:
            exec(compile(program, "statements.md", "exec"), {"warehouse_id": workspace.warehouse_id})
        finally:
            genops.uninstrument()
        columns = [edge for record in captured.records for edge in getattr(record, "facts", NOTHING).columns]
    assert {(edge.source_column, edge.target_column) for edge in columns} == {("id", "id"), ("price", "price")}


def test_the_samples_of_the_page_on_openlineage_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The program of docs/openlineage.md writes a run into its file; its settings files are accepted as they stand."""
    monkeypatch.chdir(tmp_path)
    (program,) = blocks("openlineage.md", "python")
    try:
        exec(compile(program, "openlineage.md", "exec"), {})
    finally:
        genops.shutdown()
    assert [json.loads(line)["eventType"] for line in Path("events.jsonl").read_text("utf-8").splitlines()] == [
        "START",
        "COMPLETE",
    ]
    file = tmp_path / "sample.toml"
    for sample in (*blocks("openlineage.md", "toml"), *blocks("statements.md", "toml")):
        file.write_text(sample, "utf-8")
        assert load(settings_file=str(file), ambient=False) != load(ambient=False)


def test_the_samples_of_the_page_on_the_graph_run(tmp_path: Path) -> None:
    """The samples of docs/lineage.md, one after the other, print what the page says."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("GENOPS_", "OTEL_"))}
    who = {"GENOPS_TEAM": "data", "GENOPS_PROJECT": "graph", "GENOPS_ENVIRONMENT": "test"}
    done = subprocess.run(
        [sys.executable, "-c", "".join(blocks("lineage.md", "python"))],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        cwd=tmp_path,
        env={**kept, **who},
    )
    lines = done.stdout.splitlines()
    page = (ROOT / "docs" / "lineage.md").read_text("utf-8")
    assert lines[:1] == ["[('main.silver.orders', 1), ('main.raw.orders', 2)]"], done.stderr
    assert f"prints `{lines[0]}`" in page
    assert lines[1] == "['main.raw.orders', 'main.silver.orders', 'main.gold.daily'] ('ann',) ('PII',)"
    assert lines[-1] == "1"


@pytest.mark.parametrize(
    "page",
    [
        "README.md",
        "docs/quickstart.md",
        "docs/how-it-decides.md",
        "docs/architecture.md",
        "docs/testing.md",
        "docs/local-workspace.md",
        "docs/conformance.md",
        "docs/dashboards.md",
        "docs/back-ends.md",
        "docs/zero-code.md",
        "docs/doctor.md",
        "docs/lineage-command.md",
        "docs/lineage.md",
        "docs/openlineage.md",
        "docs/sql-connector.md",
        "docs/statements.md",
        "docs/telemetry.md",
        "examples/testing/README.md",
    ],
)
def test_links_lead_somewhere(page: str) -> None:
    """Every relative link of a page names a file of the repository."""
    file = ROOT / page
    for target in re.findall(r"\]\((?!http)([^)#]+)\)", file.read_text("utf-8")):
        assert (file.parent / target).exists(), target


@pytest.mark.parametrize("page", ["docs/quickstart.md", "docs/how-it-decides.md", "docs/sql-connector.md"])
def test_settings_of_the_documentation_are_settings(page: str, tmp_path: Path) -> None:
    """Every TOML sample of a page is accepted as it stands."""
    samples = re.findall(r"```toml\n(.*?)```", (ROOT / page).read_text("utf-8"), re.DOTALL)
    assert samples
    for number, sample in enumerate(samples):
        file = tmp_path / f"sample{number}.toml"
        file.write_text(sample)
        load(settings_file=str(file), ambient=False)


def test_python_of_the_documentation_names_what_exists() -> None:
    """Every `genops.<name>` of a sample is a public name."""
    text = "".join((ROOT / page).read_text("utf-8") for page in ("README.md", "docs/quickstart.md"))
    for sample in re.findall(r"```python\n(.*?)```", text, re.DOTALL):
        for name in re.findall(r"genops\.([A-Za-z_]+)", sample):
            assert name in genops.__all__ or name == "testing", name
