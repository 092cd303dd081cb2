"""Any text is understood as far as it can be: once, within bounds, and without an exception."""

from __future__ import annotations

import importlib.util
import sys
import threading

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from genops.lineage.sql import understanding
from genops.lineage.sql.cache import Cache, Entry
from genops.lineage.sql.library import DIALECTS
from genops.lineage.sql.schema import Declared, Learnt
from genops.lineage.sql.session import State
from genops.lineage.sql.understanding import understand
from genops.lineage.sql.understood import Status
from support.parsers import needs_newest

_WORDS = [
    "SELECT",
    "FROM",
    "WHERE",
    "t",
    "a.b",
    "(",
    ")",
    ",",
    "*",
    "'x'",
    '"',
    "`",
    ";",
    "INSERT",
    "INTO",
    "MERGE",
    "USING",
    "ON",
    "WITH",
    "AS",
    "UNION",
    "=",
    "WHEN",
    "THEN",
    "CASE",
    "END",
    "PIVOT",
]
_HOSTILE = ["", " ", "\0", ";", ";;", "\ud800", "'", "/*", "-- x", "SELECT FROM", "(" * 100_000, "\n" * 1_000]
_ANY = st.one_of(st.text(), st.lists(st.sampled_from(_WORDS), max_size=40).map(" ".join))
_DEEP = {
    "recursion": "WITH RECURSIVE r AS (SELECT "
    + ",".join(f"a{i}" for i in range(300))
    + " FROM t UNION ALL SELECT "
    + ",".join(f"a{(i + 1) % 300}" for i in range(300))
    + " FROM r) SELECT * FROM r",
    "aliases": "SELECT a AS x0, " + ", ".join(f"x{i - 1} + b{i} AS x{i}" for i in range(1, 400)) + " FROM t",
    "joins": "SELECT " + ", ".join(f"x{i}" for i in range(400)) + " FROM " + ", ".join(f"t{i}" for i in range(150)),
}


@pytest.mark.parametrize("text", _HOSTILE)
@pytest.mark.parametrize("dialect", [*DIALECTS, "cobol", ""])
def test_no_text_raises(text: str, dialect: str) -> None:
    """Empty, broken and hostile texts are understood as nothing, as an error or as too complex."""
    assert all(each.status is not Status.RESOLVED for each in understand(text, dialect))


@settings(max_examples=100)
@given(_ANY, st.sampled_from(DIALECTS))
def test_no_generated_text_raises(text: str, dialect: str) -> None:
    """Neither characters nor words in any order raise, and no statement ends in a fault of ours."""
    for each in understand(text, dialect):
        assert each.reason in {"", "command", "syntax", "script", "fault", "depth"} or each.status is Status.TOO_COMPLEX


@pytest.mark.parametrize("name", _DEEP)
def test_lineage_of_any_size_is_bounded(name: str) -> None:
    """A short text whose lineage would be very large is too complex, and its tables are still told by its words."""
    (found,) = understand(_DEEP[name], "databricks")
    assert (found.status, found.reason, found.columns) == (Status.TOO_COMPLEX, "size", ())


def test_stars_that_double_do_not_grow() -> None:
    """Twenty joins of a star with itself are as many columns as one."""
    parts = [f"c{i} AS (SELECT x.*, y.* FROM c{i - 1} x, c{i - 1} y)" for i in range(1, 20)]
    (found,) = understand(f"WITH c0 AS (SELECT * FROM t), {', '.join(parts)} SELECT * FROM c19", "databricks")
    assert [flow.source for flow in found.columns] == ["t.*"]


def test_depth_costs_no_stack() -> None:
    """Chained expressions are resolved without recursion, also where little of the stack is left."""
    parts = ["c0 AS (SELECT a FROM t)", *(f"c{i} AS (SELECT a FROM c{i - 1})" for i in range(1, 200))]
    text = f"WITH {', '.join(parts)} SELECT a FROM c199"
    found: list[object] = []

    def small() -> None:
        found.extend(flow.source for each in understand(text, "databricks") for flow in each.columns)

    size = threading.stack_size(512 * 1024)
    try:
        thread = threading.Thread(target=small)
        thread.start()
        thread.join()
    finally:
        threading.stack_size(size)
    assert found == ["t.a"]


def test_a_deep_caller_gets_an_answer() -> None:
    """Where the stack is nearly used up the statement is too complex, and the caller goes on.

    A compiled parser does not count its calls, so that it may still read the statement.
    """

    def deeper(left: int) -> Status:
        return deeper(left - 1) if left else understand("SELECT a FROM t WHERE b = (SELECT 77)", "databricks")[0].status

    room = sys.getrecursionlimit() - len(_frames()) - 40
    compiled = {Status.RESOLVED} if importlib.util.find_spec("sqlglotc") else set[Status]()
    assert deeper(room) in {Status.TOO_COMPLEX, Status.ERROR} | compiled
    assert understand("SELECT 1", "databricks")[0].status is Status.RESOLVED


def _frames() -> list[object]:
    found: list[object] = []
    frame = sys._getframe()
    while frame is not None:
        found.append(frame)
        frame = frame.f_back
    return found


def test_a_text_is_understood_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same text under the same circumstances is answered from memory."""
    monkeypatch.setattr(understanding, "_cache", Cache())
    first = understand("SELECT a FROM t", "databricks")
    assert understand("SELECT a FROM t", "databricks") is first
    assert understand("SELECT a FROM t", "snowflake") is not first


def test_texts_that_differ_in_a_literal_are_not_taken_for_each_other() -> None:
    """A literal may be the name of what is read."""
    one, other = (understand(f"SELECT * FROM read_files('/Volumes/{x}')", "databricks")[0].reads for x in "ab")
    assert (one, other) == ((("/Volumes/a",),), (("/Volumes/b",),))


def test_what_is_learnt_of_a_table_counts_at_once() -> None:
    """A schema that learns a table is asked again about texts that were understood before."""
    schema = Learnt()
    assert understand("SELECT * FROM t", "databricks", schema)[0].status is Status.PARTIAL
    schema.learn(("t",), ["a"])
    assert [flow.source for flow in understand("SELECT * FROM t", "databricks", schema)[0].columns] == ["t.a"]


def test_learnt_tables_are_bounded() -> None:
    """A full schema lets the least recently learnt table go, and counts it."""
    schema = Learnt(capacity=2)
    for name in ("a", "b", "c"):
        schema.learn((name,), ["x"])
    assert (schema.columns(("a",)), schema.columns(("C",)), schema.evicted) == (None, ("x",), 1)
    version = schema.version
    schema.learn(("c",), ["x"])
    assert schema.version == version
    schema.forget(("c",))
    assert (schema.columns(("c",)), schema.version) == (None, version + 1)


def test_learning_from_many_threads_loses_nothing() -> None:
    """What eight threads learn at once is all known afterwards."""
    schema = Learnt()

    def learn(of: int) -> None:
        for i in range(200):
            schema.learn((f"t{of}", str(i)), ["x"])

    threads = [threading.Thread(target=learn, args=(i,)) for i in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all(schema.columns((f"t{of}", str(i))) for of in range(8) for i in range(200))
    assert schema.version == 1_600


def test_a_declared_table_may_be_named_in_part() -> None:
    """A table is found by the end of its name where only one ends so."""
    schema = Declared({"main.s.t": ["a"], "main.s.u": ["b"], "dev.s.u": ["c"]})
    assert all(schema.columns(name) == ("a",) for name in (("t",), ("s", "t"), ("S", "T"), ("main", "s", "t")))
    assert schema.columns(("dev", "s", "u")) == ("c",)
    assert schema.columns(("u",)) is schema.columns(("x", "t")) is None


def test_the_cache_is_bounded_by_number_and_weight() -> None:
    """The least recently used entry goes first, and one that is too heavy is not kept."""
    cache = Cache(texts=2, weight=100)
    light, heavy = Entry((), State()), Entry(understand("SELECT a FROM t", "databricks") * 30, State())
    for key in "ab":
        cache.keep(key, light)
    cache.find("a")
    cache.keep("c", light)
    cache.keep("d", heavy)
    assert [cache.find(key) is not None for key in "abcd"] == [True, False, True, False]
    assert (cache.hits, cache.misses) == (3, 2)


def test_nothing_of_a_literal_is_in_what_is_understood() -> None:
    """A literal or comment of a statement is nowhere in what was understood, whether it parses or not."""
    secret = "hunter2secret"
    text = f"INSERT INTO t SELECT a, '{secret}' AS b, c || '{secret}' FROM s WHERE d = '{secret}' -- {secret}"
    assert secret not in repr(understand(text, "databricks"))
    assert secret not in repr(understand(f"SELECT '{secret}' FROM WHERE", "databricks"))
    assert secret not in repr(understand(f"VACUUM t RETAIN '{secret}' HOURS", "databricks"))


@needs_newest
@pytest.mark.parametrize(
    "text", ["SET VAR a = (SELECT max(b) FROM main.s.t)", "DECLARE a INT DEFAULT (SELECT max(b) FROM main.s.t)"]
)
def test_a_variable_that_takes_an_answer_reads_what_it_asks(text):
    """The tables of a query that gives a variable its value are read, so that a rule sees them."""
    (found,) = understand(text, "databricks")
    assert (found.reads, found.writes, found.status) == ((("main", "s", "t"),), (), Status.RESOLVED)


@pytest.mark.parametrize("text", ["banana", "1 + 1", "unload_not that"])
def test_an_expression_is_no_statement(text):
    """What a parser takes for an expression alone is an error, and not opaque: nothing is known of it."""
    (found,) = understand(text, "databricks")
    assert (found.status, found.kind, found.reason) == (Status.ERROR, "", "syntax")
