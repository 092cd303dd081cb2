"""The examples and the commands of the documentation run as they stand."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

import genops
from genops.settings import load
from support import spec

ROOT = Path(__file__).resolve().parents[2]


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


@pytest.mark.parametrize("page", ["README.md", "docs/quickstart.md", "docs/how-it-decides.md", "docs/architecture.md"])
def test_links_lead_somewhere(page: str) -> None:
    """Every relative link of a page names a file of the repository."""
    file = ROOT / page
    for target in re.findall(r"\]\((?!http)([^)#]+)\)", file.read_text("utf-8")):
        assert (file.parent / target).exists(), target


@pytest.mark.parametrize("page", ["docs/quickstart.md", "docs/how-it-decides.md"])
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
