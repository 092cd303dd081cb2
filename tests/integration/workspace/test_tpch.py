"""TPC-H at scale 0.1: loaded by COPY INTO, its 22 queries in Databricks SQL give DuckDB's reference answers."""

from __future__ import annotations

from decimal import Decimal, InvalidOperation

import pytest

from genops.testing.workspace import LocalWorkspace
from support import tpch
from support.sdk import workspace_client
from support.servers import ABSENT, REQUIRED, MissingServerError

QUERIES = tpch.queries()
FILES = "/Volumes/main/tpch/files"
# Quotients: DuckDB answers with doubles, Databricks with decimals of at least six digits.
TOLERANCE = Decimal("0.000001")


@pytest.fixture(scope="module")
def reference():
    """Files and answers."""
    try:
        return tpch.made()
    except MissingServerError as missing:
        if REQUIRED:
            raise
        pytest.skip(f"{ABSENT}{missing}")


@pytest.fixture(scope="module")
def ws(reference):
    """A workspace with the tables of TPC-H, loaded from a volume."""
    with LocalWorkspace(transition_polls=0) as workspace:
        client = workspace_client(workspace)
        workspace.execute("CREATE SCHEMA tpch; CREATE VOLUME tpch.files")
        for name, columns in tpch.TABLES.items():
            with (reference.folder / f"{name}.parquet").open("rb") as file:
                client.files.upload(f"{FILES}/{name}/{name}.parquet", file)
            workspace.execute(f"CREATE TABLE tpch.{name} ({columns})")
            workspace.execute(f"COPY INTO tpch.{name} FROM '{FILES}/{name}' FILEFORMAT = PARQUET")
        yield workspace


def same(found, wanted):
    """Whether two values are one, numbers up to the digits that both have."""
    if found == wanted or found is None or wanted is None:
        return found == wanted
    try:
        return abs(Decimal(found) - Decimal(wanted)) <= TOLERANCE * max(1, abs(Decimal(wanted)))
    except InvalidOperation:
        return False


def test_all_queries_are_there():
    """TPC-H has 22 queries."""
    assert sorted(QUERIES) == list(range(1, 23))


def test_load(ws):
    """COPY INTO loads every row, once."""
    assert ws.execute("SELECT count(*), sum(l_quantity) FROM lineitem", schema="tpch") == [["600572", "15334802.00"]]
    again = ws.execute(f"COPY INTO tpch.lineitem FROM '{FILES}/lineitem' FILEFORMAT = PARQUET")
    assert again == [["0", "0", "0"]]


@pytest.mark.parametrize("number", sorted(QUERIES))
def test_answer(ws, reference, number):
    """The query gives the reference answer, row by row."""
    done = workspace_client(ws).statement_execution.execute_statement(
        QUERIES[number], ws.warehouse_id, schema="tpch", wait_timeout="50s"
    )
    assert done.status.state.value == "SUCCEEDED", done.status.error
    rows, wanted = done.result.data_array or [], reference.computed[number]
    assert len(rows) == len(wanted)
    different = [(row, other) for row, other in zip(rows, wanted, strict=True) if not all(map(same, row, other))]
    assert not different, different[:3]


def test_the_reference_is_the_published_one(reference):
    """What DuckDB computed is what DuckDB publishes for this scale."""
    for number, text in reference.published.items():
        rows = [line.split("|") for line in text.strip("\n").split("\n")[1:]]
        computed = reference.computed[number]
        assert len(rows) == len(computed), number
        for row, other in zip(rows, computed, strict=True):
            assert all(same(one, two) or one == str(two).strip() for one, two in zip(row, other, strict=True)), number
