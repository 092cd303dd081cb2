"""Small programs run in an interpreter of their own."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from pathlib import Path

_TESTS = Path(__file__).resolve().parents[1]

# What the programs share: a telemetry, and one unit through it.
PREAMBLE = """
import os, sys, time
from genops.core.guard import Guard
from genops.telemetry import exits
from genops.telemetry.config import TelemetryConfig
from genops.telemetry.providers import Telemetry
from support.records import *
guard = Guard()
def build(**config):
    return Telemetry.build(TelemetryConfig(**config), guard=guard, totals=FixedTotals(row(units=1)))
def run(telemetry, count=1, **fields):
    return [run_unit(telemetry.tracer, telemetry.sinks, **fields) for _ in range(count)]
"""


def start(code, *, setup="", **environment):
    """Start a program: the preamble, what sets it up, and its own code."""
    source = str(Path(sys.modules["genops"].__path__[0]).parent)
    env = {name: value for name, value in os.environ.items() if not name.startswith(("OTEL_", "GENOPS_"))}
    env |= {"PYTHONPATH": os.pathsep.join((source, str(_TESTS))), **environment}
    return subprocess.Popen(
        [sys.executable, "-c", PREAMBLE + setup + textwrap.dedent(code)],
        env=env,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def run(code, *, setup="", **environment):
    """Run a program to its end; return its output. It must succeed."""
    process = start(code, setup=setup, **environment)
    out, err = process.communicate(timeout=240)
    assert process.returncode == 0, err
    return out + err
