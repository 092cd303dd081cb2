"""What a process that is killed inside a call has left behind."""

from __future__ import annotations

import json
import signal
import subprocess
import sys

import pytest

PROGRAM = """
import json, os, signal, sys
sys.path[:0] = json.loads(sys.argv[1])
from support.governed import call
from support.recording import active

class Trail:
    def __init__(self, path):
        self.file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND)

    def write(self, record):
        team = record.operation.attribution.team
        line = json.dumps([type(record).__name__, record.operation.type, team, record.decision.result.value])
        os.write(self.file, line.encode() + b"\\n")
        os.fsync(self.file)

def body():
    open(sys.argv[3], "w").close()
    os.kill(os.getpid(), signal.SIGKILL)

with active(sinks=[Trail(sys.argv[2])]):
    call(lambda: None, kind="table.get")
    call(body, kind="table.delete")
"""


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="needs SIGKILL")
def test_a_call_that_kills_the_process_has_been_admitted_on_disk(tmp_path):
    """A sink that writes through sees the admission before the call, even when the process never comes back."""
    trail, reached = tmp_path / "trail", tmp_path / "reached"
    program = subprocess.run(
        [sys.executable, "-c", PROGRAM, json.dumps(sys.path), str(trail), str(reached)], check=False, timeout=240
    )
    assert program.returncode == -signal.SIGKILL
    assert reached.exists()
    assert [json.loads(line) for line in trail.read_text().splitlines()] == [
        ["Admitted", "table.get", "data-eng", "ALLOWED"],
        ["Settled", "table.get", "data-eng", "ALLOWED"],
        ["Admitted", "table.delete", "data-eng", "ALLOWED"],
    ]
