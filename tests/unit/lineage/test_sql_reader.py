"""Statements are read beside the program: once, in order, in bounded room, and nobody waits for them unasked."""

from __future__ import annotations

import threading

import pytest

from genops.core.guard import Guard
from genops.core.operation import DatasetEdge, DatasetRef, Place, Statement
from genops.core.statements import UNREAD
from genops.lineage.sql import reader as room
from genops.lineage.sql import redaction
from genops.lineage.sql.reader import Reader
from genops.lineage.sql.schema import Learnt
from genops.lineage.sql.telling import FINGERPRINT, MAX_TEXT, STATUS, SUMMARY, TEXT, Telling
from support.sql_texts import STATEMENTS

PLACE = Place("databricks", "acme", "main", "sales")


def statement(text, place=PLACE):
    """The statement of a text."""
    return Statement(None, len(text), str(hash(text)), place)


def read(text, place=PLACE, reader=None):
    """What a text comes to."""
    reader = reader or Reader(Guard(), at_once=True)
    reader.begin(statement(text, place), text)
    return reader.known(statement(text, place))


def table(*parts):
    """A table of the workspace."""
    return DatasetRef(parts, "table", "acme")


def test_datasets_edges_and_columns():
    """Names are complete by catalog and schema in use; data flows from what is read to what is written."""
    found = read("INSERT INTO gold.daily (day, total) SELECT day, sum(price) FROM orders GROUP BY day")
    orders, daily = table("main", "sales", "orders"), table("main", "gold", "daily")
    assert (found.reads, found.writes, found.resolved) == ((orders,), (daily,), True)
    assert found.facts.edges == (DatasetEdge(orders, daily),)
    flows = {(edge.source_column, edge.target_column, edge.kind) for edge in found.facts.columns}
    assert {("day", "day", "DIRECT:IDENTITY"), ("price", "total", "DIRECT:AGGREGATION")} <= flows


def test_masking_is_part_of_a_columns_kind():
    """What flows as a hash says so."""
    found = read("CREATE TABLE t AS SELECT sha2(email, 256) AS email FROM orders")
    assert {edge.kind for edge in found.facts.columns} == {"DIRECT:TRANSFORMATION:MASKING"}


def test_a_query_has_no_edges():
    """What only reads makes no data flow; its tables are named."""
    found = read("SELECT id FROM orders JOIN main.hr.people USING (id)")
    assert found.facts.edges == found.facts.columns == ()
    assert found.reads == (table("main", "sales", "orders"), table("main", "hr", "people"))


@pytest.mark.parametrize(
    ("telling", "shown"),
    [
        (Telling.NONE, None),
        (Telling.REDACTED, "SELECT id FROM orders WHERE name = ?"),
        (Telling.RAW, "SELECT id FROM orders WHERE name = 'Ada'"),
    ],
)
def test_what_a_span_may_say_of_the_text(telling, shown):
    """Nothing, the text without literals, or all of it; summary and fingerprint never hold a literal."""
    text = "SELECT id FROM orders WHERE name = 'Ada'"
    said = read(text, reader=Reader(Guard(), telling, at_once=True)).facts.attributes
    assert said.get(TEXT) == shown
    assert said[SUMMARY] == "SELECT main.sales.orders"
    assert (said[STATUS], len(said[FINGERPRINT])) == ("resolved", 16)


def test_a_text_is_redacted_once(monkeypatch):
    """What a span says of the text and the fingerprint of its only statement come of one redaction, and are equal."""
    texts = []
    of_lexemes = redaction._lexemes
    monkeypatch.setattr(redaction, "_lexemes", lambda text, dialect: texts.append(text) or of_lexemes(text, dialect))
    text = "/* of today */ SELECT id FROM orders_of_redaction WHERE day = '2024-01-01';"
    said = read(text).facts.attributes
    assert texts == [text]
    assert (
        said[FINGERPRINT]
        == redaction.redact("select id from orders_of_redaction where day = ''", "databricks").fingerprint
    )


@pytest.mark.parametrize(("dialect", "text"), STATEMENTS)
def test_the_fingerprint_of_the_text_is_that_of_its_statement(dialect, text):
    """Where a text is one statement, its fingerprint is the same whether comments stand around it or not."""
    shown = redaction.redact(f"/* a */ {text} ;", dialect)
    assert shown.text is None or shown.fingerprint == redaction.redact(f"{text} ", dialect).fingerprint


def test_a_long_text_is_cut():
    """A span holds at most 8,192 characters of a text."""
    text = "SELECT " + ", ".join(f"column_{n}" for n in range(2_000)) + " FROM orders"
    assert len(read(text).facts.attributes[TEXT]) == MAX_TEXT


@pytest.mark.parametrize(
    ("text", "resolved"),
    [
        ("SELECT 1", True),
        ("OPTIMIZE orders", True),
        ("SHOW TABLES", True),
        ("CALL refresh_all()", False),
        ("EXECUTE IMMEDIATE 'DELETE FROM orders'", True),
        ("EXECUTE IMMEDIATE made_up_at_run_time", False),
        ("SELECT FROM WHERE", False),
        ("SELECT " + "(" * 5_000, False),
        ("SELECT * FROM orders; CALL refresh_all()", False),
    ],
)
def test_what_rules_may_rely_on(text, resolved):
    """A statement is resolved only where it touches no tables but those that were found."""
    assert read(text).resolved is resolved


def test_paths_belong_to_no_workspace():
    """Files are the same files from every workspace."""
    found = read("COPY INTO orders FROM 's3://bucket/in' FILEFORMAT = JSON")
    assert found.reads == (DatasetRef(("s3://bucket/in",), "path"),)


def test_statements_of_a_session_leave_something_to_the_next():
    """USE and temporary views hold for later statements of the same session, and for no other."""
    reader = Reader(Guard(), at_once=True)
    one, other = PLACE._replace(session="one"), PLACE._replace(session="other")
    read("USE CATALOG dev", one, reader)
    read("CREATE TEMPORARY VIEW recent AS SELECT id FROM main.sales.orders", one, reader)
    assert read("SELECT id FROM recent", one, reader).reads == (table("main", "sales", "orders"),)
    assert read("SELECT id FROM x", one, reader).reads == (table("dev", "default", "x"),)
    assert read("SELECT id FROM x", other, reader).reads == (table("main", "sales", "x"),)


def test_a_statement_is_read_again_when_more_is_known_of_tables():
    """What was learnt of a table's columns since sharpens a star."""
    schema = Learnt()
    reader = Reader(Guard(), schema_of=lambda _: schema, at_once=True)
    text = "CREATE TABLE copy AS SELECT * FROM orders"
    assert {edge.source_column for edge in read(text, reader=reader).facts.columns} == {"*"}
    schema.learn(("main", "sales", "orders"), ["id", "price"])
    assert {edge.source_column for edge in read(text, reader=reader).facts.columns} == {"id", "price"}


def test_beside_the_program(monkeypatch):
    """Who begins a statement goes on; who waits, waits no longer than said; who wants to know is told once."""
    reader, goes_on, told = Reader(Guard()), threading.Event(), []
    understood = room.understand
    monkeypatch.setattr(room, "understand", lambda *given: understood(*given) if goes_on.wait(60) else ())
    text = "SELECT id FROM orders"
    reader.begin(statement(text), text)
    assert reader.known(statement(text)) is None
    assert reader.within(statement(text), 0.01) is None
    reader.when_read(statement(text), told.append)
    goes_on.set()
    assert reader.drain(60)
    assert told == [reader.known(statement(text))]
    reader.when_read(statement(text), told.append)
    assert len(told) == 2
    reader.close(60)


def test_bounds(monkeypatch):
    """A full queue leaves statements unread and counts them; the oldest of what is known is forgotten."""
    monkeypatch.setattr(room, "MAX_WAITING", 1)
    monkeypatch.setattr(room, "MAX_KEPT", 2)
    reader = Reader(Guard())
    with reader._queue._changed:
        for text in ("SELECT 1", "SELECT 2", "SELECT 3"):
            reader.begin(statement(text), text)
    assert reader.drain(60)
    assert reader.unread == 2
    assert reader.known(statement("SELECT 3")) is UNREAD
    assert reader.known(statement("SELECT 1")) is UNREAD
    reader.close(60)


def test_texts_that_wait_are_bounded_by_their_length_too(monkeypatch):
    """Where the texts that wait are long together, a further one is not read; once they were read, it is."""
    monkeypatch.setattr(room, "MAX_HELD", 10)
    reader = Reader(Guard())
    with reader._queue._changed:
        for text in ("SELECT 1, 1", "SELECT 2"):
            reader.begin(statement(text), text)
    assert reader.drain(60)
    assert (reader.unread, reader.known(statement("SELECT 2"))) == (1, UNREAD)
    reader.begin(statement("SELECT 3"), "SELECT 3")
    assert reader.drain(60)
    assert (reader.unread, reader._held) == (1, 0)
    reader.close(60)


def test_what_is_left_at_the_end_is_told_as_unread(monkeypatch):
    """A drain without time answers whoever waits, for the statement that is being read too; each is told once."""
    reader, begun, goes_on = Reader(Guard()), threading.Event(), threading.Event()
    understood = room.understand
    monkeypatch.setattr(room, "understand", lambda *given: (begun.set(), goes_on.wait(60), understood(*given))[2])
    told = {"SELECT 1": [], "SELECT 2": []}
    for text, answers in told.items():
        reader.begin(statement(text), text)
        reader.when_read(statement(text), answers.append)
    assert begun.wait(60)
    assert not reader.drain(0)
    assert told == {"SELECT 1": [UNREAD], "SELECT 2": [UNREAD]}
    assert (reader.unread, reader._held) == (2, 0)
    assert not reader.drain(0)
    goes_on.set()
    assert reader.drain(60)
    assert told == {"SELECT 1": [UNREAD], "SELECT 2": [UNREAD]}
    assert reader.known(statement("SELECT 1")).facts is not UNREAD.facts
    assert (reader.unread, reader._held) == (2, 0)
    reader.close(60)


def test_a_statement_nobody_began_is_unread():
    """A statement whose text was never seen has nothing to tell."""
    reader, told = Reader(Guard()), []
    reader.when_read(statement("SELECT 1"), told.append)
    assert told == [UNREAD]
    assert reader.within(statement("SELECT 1"), 1) is UNREAD


def reads_of(reader, text, place):
    """The names of the tables that a text reads in a session."""
    return [ref.name for ref in read(text, place, reader).reads]


def test_what_did_not_run_leaves_nothing():
    """A statement that is taken back leaves what was in use before it, whether it was read by then or not."""
    place = PLACE._replace(session="s-1")
    reader = Reader(Guard(), at_once=True)
    read("USE main.raw", place, reader)
    read("USE main.missing", place, reader)
    reader.undo(statement("USE main.missing", place))
    assert reads_of(reader, "SELECT id FROM orders", place) == ["main.raw.orders"]
    reader.undo(statement("USE main.raw", place))  # others were read after it: too late
    assert reads_of(reader, "SELECT id FROM people", place) == ["main.raw.people"]


def test_what_is_taken_back_before_it_is_read_leaves_nothing(monkeypatch):
    """The end of a call may come before its text is read; the next statement stands on what was before it."""
    place = PLACE._replace(session="s-2")
    waiting = threading.Event()
    original = room.understand

    def slowly(*given):
        waiting.wait(30)
        return original(*given)

    monkeypatch.setattr(room, "understand", slowly)
    reader = Reader(Guard())
    for text in ("USE main.missing", "SELECT id FROM orders"):
        reader.begin(statement(text, place), text)
    reader.undo(statement("USE main.missing", place))
    waiting.set()
    assert reader.drain(30)
    assert [ref.name for ref in reader.known(statement("SELECT id FROM orders", place)).reads] == ["main.sales.orders"]
    reader.close(5)


def test_what_nobody_read_or_has_no_session_is_not_taken_back():
    """Taking back what is not known, or what stands alone, does nothing."""
    reader = Reader(Guard(), at_once=True)
    reader.undo(statement("USE main.raw"))
    read("USE main.raw", reader=reader)
    reader.undo(statement("USE main.raw"))
    assert reads_of(reader, "SELECT id FROM orders", PLACE) == ["main.sales.orders"]
