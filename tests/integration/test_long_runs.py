"""Long runs: a million operations, and nothing grows."""

from __future__ import annotations

import json
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

pytestmark = pytest.mark.full

PROGRAM = """
import json
from genops.core import shapes
from genops.core.operation import Action, ChargeKey, DatasetRef, Facts, Late, Operation, Statement
from genops.testing import runtime

def resident():
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * 4096

def describe(governor, instance, args, kwargs):
    number = args[0]
    host = f"host-{number % 97}.example"
    return Operation(
        f"kind{number % 40}.run", "databricks_unity_catalog", f"kind{number % 40}.run", "genops.x", Action.QUERY,
        governor.attribution(host), host, "sql_warehouse", f"w{number % 1000}",
        (DatasetRef(("main", f"s{number % 50}", f"t{number}"), "table", host),), (),
        Statement("SELECT", 8, f"{number:032x}"),
        None, None, {}, governor.container(), False, "long",
    )

def observe(operation, number):
    key = ("statement", number)
    late = Late(key, 3600) if number % 10 == 0 else None
    resolves = ((("statement", number - 5), Facts(rows=1)),) if number % 10 == 5 else ()
    return Facts(rows=1, late=late, resolves=resolves, charge=ChargeKey("databricks", "h", "statement", str(number)))

site = shapes.Site("kind.run", "databricks_unity_catalog", "long", "genops.x", Action.QUERY, describe, observe)
sizes = []
budgets = {"calls": {"limit": 10_000_000, "unit": "call", "period": "day"}}
with runtime(team="t", project="p", environment="e", export="none", budgets=budgets) as built:
    for number in range(1_000_000):
        shapes.call(site, lambda n: n, None, (number,), {})
        if (number + 1) % 100_000 == 0:
            sizes.append(resident())
    units = built.totals.total().units
    internal = built.guard.total
print(json.dumps({"sizes": sizes, "units": units, "internal": internal}))
"""


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="resident memory is read from /proc")
def test_memory_is_flat_over_a_million_operations(tmp_path: Path) -> None:
    """After a warm-up of 300,000 operations of ever new tables and charges the process grows by less than 10 %."""
    command = [sys.executable, "-c", textwrap.dedent(PROGRAM)]
    ran = subprocess.run(command, capture_output=True, text=True, timeout=1800, check=False, cwd=tmp_path)
    assert ran.returncode == 0, ran.stderr
    seen = json.loads(ran.stdout)
    assert seen["units"] == 1_000_000
    assert seen["internal"] == 0
    sizes = seen["sizes"]
    assert sizes[-1] < sizes[2] * 1.10, [size >> 20 for size in sizes]
