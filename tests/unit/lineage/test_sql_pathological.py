"""What no parser can take costs a call of the program neither memory nor an exception."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from support.pathological import texts

_TESTS = Path(__file__).resolve().parents[2]
_MOST = 300
"""Megabytes that a process may grow by."""


@pytest.mark.skipif(not Path("/proc/self/clear_refs").exists(), reason="peaks of memory are read from Linux's account")
def test_memory_of_pathological_texts() -> None:
    """No text, of up to ten megabytes, takes 300 MB, is a fault of ours, or ends a thread with a stack of 512 KB."""
    path = os.pathsep.join([str(_TESTS.parent / "src"), str(_TESTS)])
    done = subprocess.run(
        [sys.executable, "-m", "support.pathological_program"],
        env={**os.environ, "PYTHONPATH": path},
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    found = json.loads(done.stdout)
    assert found.keys() == texts().keys()
    assert len(found) >= 30
    assert {name: peak for name, (_, peak, _) in found.items() if peak >= _MOST} == {}
    assert {name: faults for name, (_, _, faults) in found.items() if faults} == {}
