"""Versions of the SQL connector, each in an environment of its own, against a workspace served with the newest one."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest

from genops.testing import LocalWorkspace
from support.connector_table import TRANSPORTS
from support.environments import environment
from support.servers import MissingServerError

TESTS = Path(__file__).resolve().parents[2]
# The oldest of them cannot live with the pandas and numpy of today: its rows raise TypeError there.
VERSIONS = {
    "2.9": ("databricks-sql-connector==2.9.6", "pandas<2.2", "numpy<2", "pyarrow<18"),
    "4.1.3": ("databricks-sql-connector[pyarrow]==4.1.3",),
    "4.2.6": ("databricks-sql-connector[pyarrow]==4.2.6",),
    "latest": ("databricks-sql-connector[pyarrow]",),
    "latest, without pyarrow": ("databricks-sql-connector",),
}
# How many behaviours each version has over each transport, at least: a row that is absent everywhere shows nothing.
FEWEST = {
    "2.9": (65, 0),
    "4.1.3": (105, 90),
    "4.2.6": (110, 95),
    "latest": (115, 100),
    "latest, without pyarrow": (105, 0),
}


def _python(version):
    """The interpreter that has a version of the connector."""
    try:
        return environment(f"connector-{version.split(',')[0]}", *VERSIONS[version])
    except MissingServerError as reason:
        pytest.skip(f"cannot be had: {reason}")


def _run(workspace, *command):
    """What a program of another environment prints, given how to reach the workspace."""
    clean = {key: value for key, value in os.environ.items() if not key.startswith(("PYTHON", "COVERAGE"))}
    reach = (
        workspace.host,
        workspace.token,
        workspace.warehouse_id,
        *([workspace.ca_file] if workspace.ca_file else []),
    )
    done = subprocess.run(
        [*command, *reach], cwd=TESTS, env=clean, capture_output=True, text=True, timeout=500, check=False
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return json.loads(done.stdout.splitlines()[-1])


@pytest.mark.full
@pytest.mark.parametrize("version", VERSIONS)
def test_every_version_behaves_over_each_transport_that_it_has(version):
    """What a version's documentation promises it does, whatever code the workspace serves with."""
    # 4.1 speaks HTTPS alone over the statement API; 2.9 takes no certificate.
    with LocalWorkspace(chunk_rows=1000, tls=version != "2.9") as workspace:
        found = _run(workspace, _python(version), "-m", "support.connector_program")
    for transport, fewest in zip(TRANSPORTS, FEWEST[version], strict=True):
        absent = {name for name, outcome in found[transport].items() if outcome.startswith("absent: ")}
        failed = {name: found[transport][name] for name in found[transport] if found[transport][name] != "works"}
        assert {name: text for name, text in failed.items() if name not in absent} == {}
        assert len(found[transport]) - len(absent) >= fewest


DIALECT = """
import json, sys
import sqlalchemy as sa
host, token, warehouse = sys.argv[1:]
path = f"/sql/1.0/warehouses/{warehouse}"
url = f"databricks://token:{token}@127.0.0.1?http_path={path}&catalog=main&schema=default"
engine = sa.create_engine(url, connect_args={"_connection_uri": host + path})
flights = sa.Table("flights", sa.MetaData(), sa.Column("id", sa.BigInteger), sa.Column("carrier", sa.String))
flights.create(engine)
with engine.begin() as connection:
    connection.execute(flights.insert(), [{"id": 1, "carrier": "AA"}])
    rows = [list(row) for row in connection.execute(sa.select(flights)).all()]
seen = sa.inspect(engine)
columns = [column["name"] for column in seen.get_columns("flights")]
print(json.dumps([sa.__version__[:3], rows, seen.get_table_names(), columns, seen.has_table("nothing")]))
"""


@pytest.mark.full
def test_the_sqlalchemy_dialect_inside_connector_2_9_works():
    """The dialect that the connector had until 3.0, for SQLAlchemy 1.4, makes, fills and reflects a table."""
    with LocalWorkspace() as workspace:
        found = _run(workspace, _python("2.9"), "-c", DIALECT)
    assert found == ["1.4", [[1, "AA"]], ["flights"], ["id", "carrier"], False]
