"""What holds in every version of the SQL connector in range, each in an environment of its own."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest

from genops.testing import LocalWorkspace
from support.environments import GENOPS, environment
from support.servers import MissingServerError

TESTS = Path(__file__).resolve().parents[1]
# The oldest of them cannot live with the pandas and numpy of today: its rows raise TypeError there.
VERSIONS = {
    "2.9": ("databricks-sql-connector==2.9.6", "pandas<2.2", "numpy<2", "pyarrow<18"),
    "4.1.3": ("databricks-sql-connector[pyarrow]==4.1.3",),
    "4.2.6": ("databricks-sql-connector[pyarrow]==4.2.6",),
    "latest": ("databricks-sql-connector[pyarrow]",),
    "latest, without pyarrow": ("databricks-sql-connector",),
}
TAGS = {"genops_team": "data-eng", "genops_project": "sales", "genops_environment": "test"}
# SEA came with 4.1, and it fetches with pyarrow alone.
OVER_THRIFT_ALONE = {"2.9", "latest, without pyarrow"}
KINDS = {"table.query", "table.write", "sql.define", "catalog.list", "schema.list", "table.list", "column.list"}


@pytest.mark.full
@pytest.mark.parametrize("version", VERSIONS)
def test_every_version_is_governed_over_each_transport_that_it_has(version):
    """The same results and errors as without genops, a unit for each call, tags where there is a place for them."""
    name = f"governed-connector-{version.split(',')[0]}"
    try:
        python = environment(name, *VERSIONS[version], *GENOPS)
    except MissingServerError as reason:
        pytest.skip(f"cannot be had: {reason}")
    # 4.1 speaks HTTPS alone over the statement API; 2.9 takes no certificate.
    with LocalWorkspace(tls=version != "2.9") as workspace:
        host = workspace.host.partition("//")[2]
        found = _run(workspace, python)
        warehouse = workspace.warehouse_id
    told, tagged = found.pop("version"), found.pop("tagged")
    assert told.startswith(version.split(",")[0].removesuffix("latest"))
    assert set(found) == ({"thrift"} if version in OVER_THRIFT_ALONE else {"thrift", "sea"})
    for transport, seen in found.items():
        assert (transport, seen["different"], seen["faults"]) == (transport, [], {})
        assert set(seen["units"]) >= KINDS
        assert seen["last"] == [host, warehouse, 1, True]
        assert seen["rows"] == [[1]]
        assert seen["tags"] == (TAGS if tagged else {})


def _run(workspace, python):
    """What the program of another environment prints, given how to reach the workspace."""
    clean = {key: value for key, value in os.environ.items() if not key.startswith(("PYTHON", "COVERAGE"))}
    clean["PYTHONPATH"] = os.pathsep.join([str(TESTS.parent / "src"), str(TESTS)])
    reach = [workspace.host, workspace.token, workspace.warehouse_id]
    reach += [str(workspace.ca_file)] if workspace.ca_file else []
    done = subprocess.run(
        [str(python), "-m", "support.connector_governed", *reach],
        cwd=TESTS, env=clean, capture_output=True, text=True, timeout=500, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
    return json.loads(done.stdout.splitlines()[-1])
