"""What no parser can take costs a call of the program neither memory nor an exception."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import pytest

from support import understood_program
from support.environments import environment, installer, run
from support.pathological import texts
from support.servers import MissingServerError

_TESTS = Path(__file__).resolve().parents[2]
_MOST = 300
"""Megabytes that a process may grow by."""
_WHEEL = ("--only-binary", "sqlglotc")
"""Its native code takes longer to build than a test may."""


def _paths() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": os.pathsep.join([str(_TESTS.parent / "src"), str(_TESTS)])}


def _printed(python: Path | str, program: str) -> str:
    """Return what a program of the support code prints in another process."""
    done = subprocess.run(
        [str(python), "-m", f"support.{program}"],
        env=_paths(), capture_output=True, text=True, timeout=240, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout


@pytest.mark.skipif(not Path("/proc/self/clear_refs").exists(), reason="peaks of memory are read from Linux's account")
def test_memory_of_pathological_texts() -> None:
    """No text, of up to ten megabytes, takes 300 MB, is a fault of ours, or ends a thread with a stack of 512 KB."""
    found = json.loads(_printed(sys.executable, "pathological_program"))
    assert found.keys() == texts().keys()
    assert len(found) >= 30
    assert {name: peak for name, (_, peak, _) in found.items() if peak >= _MOST} == {}
    assert {name: faults for name, (_, _, faults) in found.items() if faults} == {}


@pytest.mark.full
def test_a_compiled_parser_survives_and_says_the_same() -> None:
    """With sqlglot as native code no text crashes a thread with a small stack, and each comes to what it does here."""
    if understood_program.compiled():
        pytest.skip("the parser of these tests is compiled itself")
    try:
        python = environment("sqlglot-compiled", *_WHEEL, f"sqlglot[c]=={version('sqlglot')}", "pytest>=8")
    except MissingServerError as missing:
        pytest.skip(str(missing))
    told = json.loads(_printed(python, "understood_program"))
    assert told["compiled"]
    assert told["found"] == understood_program.found()


@pytest.mark.full
def test_native_code_of_another_version_means_no_lineage() -> None:
    """Where an upgrade left native files of an earlier version behind, nothing is understood and nothing is raised."""
    try:
        python = environment("sqlglot-mixed", *_WHEEL, "sqlglot[c]==30.20.0")
        run("sqlglot", *installer(python), "--no-deps", "sqlglot==30.30.0")
    except MissingServerError as missing:
        pytest.skip(str(missing))
    program = "from genops.lineage.sql.understanding import understand as u; print(u('SELECT 1', 'spark')[0].reason)"
    done = subprocess.run(
        [str(python), "-c", program], env=_paths(), capture_output=True, text=True, timeout=240, check=False
    )
    assert (done.returncode, done.stdout.strip()) == (0, "absent"), done.stderr[-3000:]
