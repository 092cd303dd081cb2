"""A connection as a notebook uses it: what one statement leaves to the next, and what it leaves to no other session."""

from __future__ import annotations

from contextlib import contextmanager

import pytest
from databricks.sql import exc

from genops.instrumentation import databricks_sql
from genops.testing import LocalWorkspace, runtime
from support import spec
from support.connecting import TRANSPORTS, connected

WHO = {"team": "analytics", "project": "notebook", "environment": "test"}


@pytest.fixture(scope="module")
def workspace():
    """A workspace with a table of the same name in two schemas."""
    with LocalWorkspace() as running:
        running.execute("CREATE CATALOG lake; CREATE SCHEMA lake.raw")
        running.execute("CREATE TABLE lake.raw.orders AS SELECT 1 AS id, 'a' AS name")
        running.execute("CREATE TABLE main.default.orders AS SELECT 2 AS id, 'b' AS name")
        yield running


@contextmanager
def governed(file):
    """Connections are governed, and what is said of their statements goes into a file."""
    databricks_sql.install()
    try:
        with runtime(**WHO, export=str(file)) as built:
            yield built
    finally:
        databricks_sql.uninstall()


def ran(connection, *statements):
    """Run statements on a connection, each with a cursor of its own, as the cells of a notebook do."""
    for statement in statements:
        with connection.cursor() as cursor:
            cursor.execute(statement)


def summaries(built, file):
    """What each statement was said to do, in their order."""
    assert built.flush(60)
    spans = sorted(spec.read(file).spans, key=lambda span: span["start"])
    return [span["attributes"]["db.query.summary"] for span in spans]


@pytest.mark.parametrize("transport", TRANSPORTS)
def test_what_is_in_use_belongs_to_a_connection(workspace, transport, tmp_path):
    """USE completes the names of later cells of one connection, whatever others do between them."""
    file = tmp_path / "out.jsonl"
    with governed(file) as built, connected(workspace, transport) as one, connected(workspace, transport) as other:
        ran(one, "USE CATALOG lake", "USE SCHEMA raw")
        ran(other, "SELECT id FROM orders")
        ran(one, "SELECT id FROM orders", "USE main.default", "SELECT id FROM orders")
        assert summaries(built, file) == [
            "USE CATALOG",
            "USE SCHEMA",
            "SELECT main.default.orders",
            "SELECT lake.raw.orders",
            "USE",
            "SELECT main.default.orders",
        ]


@pytest.mark.parametrize("transport", TRANSPORTS)
def test_a_temporary_view_belongs_to_a_connection(workspace, transport, tmp_path):
    """Cells after it read the tables behind it, to the column; in another connection its name is a table's."""
    file, target = tmp_path / "out.jsonl", f"main.default.names_{transport}"
    with governed(file) as built, connected(workspace, transport) as one, connected(workspace, transport) as other:
        ran(
            one,
            "CREATE TEMPORARY VIEW paid AS SELECT id, upper(name) AS name FROM lake.raw.orders WHERE id > 0",
            "CREATE TEMPORARY VIEW named AS SELECT name FROM paid",
            f"CREATE OR REPLACE TABLE {target} AS SELECT * FROM named",
            "DROP VIEW paid",
        )
        with pytest.raises(exc.Error, match="paid"):
            ran(other, "SELECT * FROM paid")
        assert summaries(built, file) == [
            "CREATE TEMPORARY VIEW lake.raw.orders",
            "CREATE TEMPORARY VIEW lake.raw.orders",
            f"CREATE TABLE AS {target} lake.raw.orders",
            "DROP VIEW",
            "SELECT main.default.paid",
        ]
        assert {(edge.source.name, edge.target.name) for edge in built.lineage.edges()} == {("lake.raw.orders", target)}
        flows = {
            (edge.source.name, edge.target.name, each.subtype)
            for edge in built.lineage.view().column_edges()
            for each in edge.transformations
        }
        assert flows == {("name", "name", "TRANSFORMATION"), ("id", "name", "FILTER")}


@pytest.mark.parametrize("transport", TRANSPORTS)
def test_a_statement_that_failed_leaves_nothing(workspace, transport, tmp_path):
    """What is in use stays in use where the platform refuses another, and a view that was not made is none."""
    file = tmp_path / "out.jsonl"
    with governed(file) as built, connected(workspace, transport) as one:
        for wrong in ("USE SCHEMA lake.missing", "CREATE TEMPORARY VIEW orders AS SELECT nothing FROM lake.raw.orders"):
            with pytest.raises(exc.Error):
                ran(one, wrong)
            ran(one, "SELECT id FROM orders")
        assert summaries(built, file)[1::2] == ["SELECT main.default.orders"] * 2
