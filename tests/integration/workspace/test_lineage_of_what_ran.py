"""Lineage of statements that really ran, in the system tables and over REST."""

from __future__ import annotations

import pytest

from genops.testing.workspace import LocalWorkspace
from support.system_tables import ask, client_of, run

SET_UP = """
    CREATE TABLE orders (id INT, amount DOUBLE, customer INT);
    CREATE TABLE customers (id INT, name STRING);
    CREATE TABLE totals (name STRING, total DOUBLE);
    INSERT INTO orders VALUES (1, 2.5, 1), (2, 4, 1);
    INSERT INTO customers VALUES (1, 'ada')
"""


@pytest.fixture(scope="module")
def ws():
    """A workspace with three tables that were made without a trace; tests make tables of their own names."""
    with LocalWorkspace(transition_polls=0) as workspace:
        workspace.execute(SET_UP)
        yield workspace


def ran(ws, sql, **given):
    """A statement that succeeds; its id."""
    answer = run(ws, sql, **given)
    assert answer.status.error is None, answer.status.error
    return answer.statement_id


def tables(ws, statement_id):
    """Source and target of each row of table lineage."""
    rows = ask(ws, f"SELECT * FROM system.access.table_lineage WHERE statement_id = '{statement_id}'")
    return {(row["source_table_full_name"] or row["source_path"], row["target_table_full_name"]) for row in rows}


def columns(ws, statement_id):
    """Source and target of each row of column lineage, without the catalog and schema."""
    rows = ask(ws, f"SELECT * FROM system.access.column_lineage WHERE statement_id = '{statement_id}'")
    return {
        (
            f"{row['source_table_name']}.{row['source_column_name']}",
            row["target_column_name"] and f"{row['target_table_name']}.{row['target_column_name']}",
        )
        for row in rows
    }


@pytest.mark.parametrize(
    ("sql", "expected"),
    [
        (
            (
                "INSERT INTO totals SELECT c.name, SUM(o.amount) FROM orders o JOIN customers c ON o.customer = c.id "
                "GROUP BY c.name"
            ),
            {("customers.name", "totals.name"), ("orders.amount", "totals.total")},
        ),
        ("INSERT INTO totals (name) SELECT name FROM customers", {("customers.name", "totals.name")}),
        (
            "WITH paid AS (SELECT * FROM orders) INSERT INTO totals SELECT 'all', amount FROM paid",
            {("orders.amount", "totals.total")},
        ),
        (
            "CREATE TABLE copied AS SELECT *, amount * 2 AS doubled FROM orders",
            {
                ("orders.id", "copied.id"),
                ("orders.amount", "copied.amount"),
                ("orders.customer", "copied.customer"),
                ("orders.amount", "copied.doubled"),
            },
        ),
        (
            "CREATE VIEW named (who) AS SELECT upper(name) FROM customers",
            {("customers.name", "named.who")},
        ),
        (
            (
                "MERGE INTO totals t USING (SELECT c.name, o.amount FROM orders o JOIN customers c "
                "ON o.customer = c.id WHERE o.id = 1) s ON t.name = s.name "
                "WHEN MATCHED THEN UPDATE SET t.total = t.total + s.amount "
                "WHEN NOT MATCHED THEN INSERT (name, total) VALUES (s.name, s.amount)"
            ),
            {("customers.name", "totals.name"), ("orders.amount", "totals.total")},
        ),
        ("SELECT name FROM customers WHERE id > 0", {("customers.name", None), ("customers.id", None)}),
    ],
)
def test_columns_of_a_statement(ws, sql, expected):
    """Each kind of write, and a read, leaves its lineage column by column."""
    assert columns(ws, ran(ws, sql)) == expected


def test_sources_and_target_of_a_statement(ws):
    """Reads have no target; a write has one row for each source, with types and the user."""
    read = ran(ws, "SELECT COUNT(*) FROM orders")
    written = ran(ws, "INSERT INTO totals SELECT name, amount FROM orders o JOIN customers c ON o.customer = c.id")
    assert tables(ws, read) == {("main.default.orders", None)}
    assert tables(ws, written) == {
        ("main.default.orders", "main.default.totals"),
        ("main.default.customers", "main.default.totals"),
    }
    (row, *_) = ask(ws, f"SELECT * FROM system.access.table_lineage WHERE statement_id = '{written}'")
    assert (row["source_type"], row["target_type"], row["created_by"]) == ("TABLE", "TABLE", "user@example.com")
    assert row["entity_type"] is None


def test_failed_statements_have_no_lineage(ws):
    """What failed moved nothing."""
    answer = run(ws, "INSERT INTO totals SELECT name, CAST('x' AS INT) / 0 FROM customers")
    assert answer.status.error is not None
    assert tables(ws, answer.statement_id) == set()


def test_columns_as_they_were_when_it_ran(ws):
    """Lineage that is asked for after the table has changed or gone shows what was there."""
    statement = ran(ws, "CREATE TABLE gone AS SELECT * FROM customers")
    ran(ws, "ALTER TABLE customers ADD COLUMN note STRING")
    ran(ws, "DROP TABLE gone")
    assert len(columns(ws, statement)) == 2


def test_paths_are_sources(ws):
    """A file of a volume that is read is a source of the type PATH."""
    ws.execute("CREATE VOLUME files")
    path = "/Volumes/main/default/files/c.csv"
    client_of(ws).api_client.do("PUT", f"/api/2.0/fs/files{path}", data="id,name\n3,eve\n", raw=True)
    statement = ran(ws, f"SELECT * FROM read_files('{path}', format => 'csv', header => true)")
    assert tables(ws, statement) == {(path, None)}
    (row,) = ask(ws, f"SELECT source_type FROM system.access.table_lineage WHERE statement_id = '{statement}'")
    assert row["source_type"] == "PATH"


def test_lineage_over_rest(ws):
    """The lineage API shows one hop up and down of what ran."""
    ran(ws, "CREATE TABLE sums AS SELECT name, 1.0 AS total FROM customers")
    ran(ws, "CREATE TABLE report AS SELECT total FROM sums")

    def lineage(path, **query):
        return client_of(ws).api_client.do("GET", f"/api/2.0/lineage-tracking/{path}", query=query)

    found = lineage("table-lineage", table_name="main.default.sums")
    assert [item["tableInfo"]["name"] for item in found["upstreams"]] == ["customers"]
    assert [item["tableInfo"]["name"] for item in found["downstreams"]] == ["report"]
    found = lineage("column-lineage", table_name="main.default.sums", column_name="total")
    assert [item["table_name"] for item in found["downstream_cols"]] == ["report"]


def test_lineage_of_many_statements_is_bounded_and_quick(ws):
    """Statements that nobody asks about wait for their lineage; all of it is there when somebody asks."""
    sent = {ran(ws, "SELECT customer FROM orders") for _ in range(15)}
    rows = ask(ws, "SELECT statement_id FROM system.access.column_lineage WHERE source_column_name = 'customer'")
    assert sent <= {row["statement_id"] for row in rows}
