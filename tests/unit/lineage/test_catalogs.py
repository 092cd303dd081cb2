"""Columns of tables are known by workspace, and no longer than statements leave them as they are."""

from __future__ import annotations

import pytest

from genops.core.guard import Guard
from genops.core.operation import DatasetRef, Learnt, Operation, Place, Statement
from genops.core.statements import UNREAD
from genops.lineage.sql.catalogs import Catalogs
from genops.lineage.sql.reader import Reader

HERE = Place("databricks", "acme", "main", "sales")
ORDERS = DatasetRef(("main", "sales", "orders"), host="acme")


class Program:
    """Statements that run one after the other, and what is known after each."""

    def __init__(self, place=HERE):
        self.wanted = []
        self.catalogs = Catalogs(lambda _, tables: self.wanted.extend(tables))
        self.reader = Reader(Guard(), schema_of=self.catalogs.of, at_once=True)
        self.place = place
        self.catalogs.learn("acme", Learnt("table", "x", {"parts": ORDERS.parts, "columns": ("id", "Price")}))

    def run(self, text, *, succeeded=True):
        """Run a statement; return what was read of it."""
        statement = Statement(None, len(text), str(hash(text)), self.place)
        self.reader.begin(statement, text)
        reading = self.reader.known(statement)
        self.catalogs.ran(Operation("x", "x", host=self.place.host, statement=statement), reading, succeeded=succeeded)
        return reading

    def known(self, name="orders"):
        """What is known of a table of the schema."""
        return self.catalogs.columns(ORDERS._replace(parts=("main", "sales", name)))


def test_what_a_call_told_is_known_in_its_workspace_only():
    """Names compare without regard to case; another host knows nothing, and neither does no host."""
    program = Program()
    assert program.known() == ("id", "price")
    for host in ("other", None):
        assert program.catalogs.columns(ORDERS._replace(host=host)) is None
    assert program.catalogs.of("acme") is program.catalogs.of("acme")


@pytest.mark.parametrize(
    "text",
    [
        "ALTER TABLE orders ADD COLUMN more INT",
        "ALTER TABLE orders RENAME TO older",
        "DROP TABLE orders",
        "CREATE OR REPLACE TABLE orders AS SELECT * FROM unknown",
        "RESTORE TABLE orders TO VERSION AS OF 1",
        "COPY INTO orders FROM 's3://b/x' FILEFORMAT = JSON",
        "MERGE WITH SCHEMA EVOLUTION INTO orders USING new ON orders.id = new.id WHEN MATCHED THEN UPDATE SET *",
        "DROP SCHEMA main.sales CASCADE",
        "CALL main.sales.rebuild()",
        "EXECUTE IMMEDIATE made_up_at_run_time",
        "nothing that is SQL",
        "INSERT INTO orders VALUES (1, 2); DROP TABLE orders",
    ],
)
@pytest.mark.parametrize("succeeded", [True, False])
def test_what_may_have_changed_is_not_known(text, succeeded):
    """Whether the statement succeeded or not: it may have got as far as that."""
    program = Program()
    program.run(text, succeeded=succeeded)
    assert program.known() is None


@pytest.mark.parametrize(
    "text",
    [
        "INSERT INTO orders VALUES (1, 2)",
        "UPDATE orders SET price = 1",
        "DELETE FROM orders",
        "TRUNCATE TABLE orders",
        "OPTIMIZE orders",
        "SELECT * FROM orders",
        "CREATE TABLE other (id INT)",
        "DROP TABLE other",
        "USE CATALOG main",
        "SHOW TABLES",
        "",
    ],
)
def test_what_is_left_as_it_is_stays_known(text):
    """Statements that change rows, other tables or nothing."""
    program = Program()
    program.run(text)
    assert program.known() == ("id", "price")


@pytest.mark.parametrize(
    ("text", "columns"),
    [
        ("CREATE TABLE made (a INT, B STRING)", ("a", "b")),
        ("CREATE TABLE made AS SELECT *, 1 AS one FROM orders", ("id", "price", "one")),
        ("CREATE OR REPLACE VIEW made AS SELECT price FROM orders", ("price",)),
        ("CREATE TABLE made AS SELECT * FROM unknown", None),
        ("CREATE TABLE IF NOT EXISTS made (a INT)", None),
        ("DROP TABLE IF EXISTS made; CREATE TABLE made (a INT)", ("a",)),
        ("CREATE TABLE made (a INT); DROP TABLE made", None),
    ],
)
def test_what_a_statement_makes_is_known_where_it_succeeded(text, columns):
    """From its list of columns or its query, where all of them are known; a table that was there may have others."""
    program = Program()
    program.run(text, succeeded=False)
    assert program.known("made") is None
    program.run(text)
    assert program.known("made") == columns


def test_a_session_tells_the_workspace():
    """What a statement of one session made, another session knows."""
    program = Program(HERE._replace(session="one"))
    program.run("CREATE TABLE made (a INT)")
    program.place = HERE._replace(session="two")
    found = program.run("CREATE TABLE copy AS SELECT * FROM made")
    assert [edge.source_column for edge in found.facts.columns] == ["a"]


def test_what_would_have_told_more_is_wanted_once_it_ran():
    """Tables with a whole name, of which nothing is known, of a statement that left something open."""
    program = Program()
    program.run("INSERT INTO orders SELECT * FROM unknown JOIN orders USING (id)", succeeded=False)
    assert program.wanted == []
    program.run("INSERT INTO orders SELECT * FROM unknown JOIN orders USING (id)")
    assert program.wanted == [ORDERS._replace(parts=("main", "sales", "unknown"))]
    program.run("SELECT id FROM unknown")
    assert len(program.wanted) == 1


@pytest.mark.parametrize(("keyword", "columns"), [("SELECT", ("id", "price")), ("ALTER", None), (None, None)])
def test_a_statement_that_nobody_read_may_have_changed_anything(keyword, columns):
    """Unless its first word says that it did not."""
    program = Program()
    operation = Operation("x", "x", host="acme", statement=Statement(keyword, 1, "00"))
    program.catalogs.ran(operation, UNREAD, succeeded=True)
    assert program.known() == columns


def test_bounds(monkeypatch):
    """The workspace that nobody asked about for longest is let go of; what it had let go of before stays counted."""
    monkeypatch.setattr("genops.lineage.sql.catalogs._MAX_HOSTS", 2)
    program = Program()
    program.catalogs.set("other", ("t",), ("a",))
    program.catalogs.of("other").evicted = 3
    program.catalogs.of("acme")
    program.catalogs.set("third", ("t",), ("a",))
    assert program.known() == ("id", "price")
    assert program.catalogs.columns(ORDERS._replace(host="other")) is None
    assert program.catalogs.evicted == 1 + 3


@pytest.mark.parametrize(
    "text",
    [
        "CREATE TABLE made AS SELECT \u2018hunter2\u2019, id FROM orders",
        "CREATE TABLE made AS SELECT * FROM orders PIVOT (SUM(price) FOR id IN ('hunter2'))",
    ],
)
@pytest.mark.parametrize("session", [None, "one"])
def test_what_may_be_a_literal_is_not_known_as_a_column(text, session):
    """What one reading of a doubtful text takes for names, or an engine makes of values, no later statement names."""
    program = Program(HERE._replace(session=session))
    program.run(text)
    assert program.known("made") is None
    assert "hunter2" not in repr(program.run("CREATE TABLE further AS SELECT * FROM made").facts)


def test_a_doubtful_text_that_may_change_tables_leaves_nothing_known():
    """A query that can be read in two ways changes nothing; of any other text nobody knows what it changes."""
    program = Program()
    program.reader.begin(Statement("SELECT", 1, "a", HERE), "SELECT \u2018x\u2019 FROM orders")
    assert program.reader.known(Statement("SELECT", 1, "a", HERE)).changed == ()
    program.run("ALTER TABLE orders SET TBLPROPERTIES (\u2018x\u2019 = 1)")
    assert program.known() is None
