"""What is told of a statement that was understood: names where they certainly are names, and nothing of a literal."""

from __future__ import annotations

import random

import pytest

pytest.importorskip("sqlglot")

from genops.core.operation import Place
from genops.core.statements import Reading
from genops.lineage.sql.redaction import redact
from genops.lineage.sql.session import Session
from genops.lineage.sql.telling import STATUS, SUMMARY, TEXT, Telling, told
from genops.lineage.sql.understanding import understand
from support.leaving import leaks
from support.planted import statement


def _told(text: str, dialect: str = "databricks", session: Session | None = None) -> Reading:
    shown = redact(text, dialect)
    found = understand(text, dialect, session=session)
    return told(found, text, shown, Place(dialect, "h"), Telling.REDACTED)


def _columns(reading: Reading) -> set[str]:
    return {f"{edge.target.name}.{edge.target_column}" for edge in reading.facts.columns}


@pytest.mark.parametrize(
    "text",
    [
        "CREATE TABLE s.x AS SELECT \u2018hunter2\u2019 FROM s.t",
        "CREATE TABLE s.x AS SELECT a FROM s.t, \u201chunter2\u201d",
        "CREATE TABLE s.x AS SELECT a /* b /* c */ hunter2 FROM s.t",
        "CREATE TABLE s.x AS SELECT a -- it's\r, hunter2\n FROM s.t",
        "CREATE TABLE s.x AS SELECT a\x00hunter2 FROM s.t",
    ],
)
def test_no_name_is_told_where_a_text_can_be_read_in_two_ways(text: str) -> None:
    """What one reading takes for a name may be a literal in the other: nothing is named, and rules see no tables."""
    reading = _told(text)
    assert (reading.reads, reading.writes, reading.resolved) == ((), (), False)
    assert (reading.facts.edges, reading.facts.columns) == ((), ())
    assert reading.facts.attributes[STATUS] == "error"
    assert not {TEXT, SUMMARY} & reading.facts.attributes.keys()


def test_a_column_that_is_called_like_a_value_is_not_named() -> None:
    """PIVOT makes names of literals: their flows are those of `*`; names that the text gives are told."""
    assert _columns(_told("CREATE TABLE s.x AS SELECT * FROM s.t PIVOT (SUM(a) FOR q IN ('hunter2', 'b'))")) == {
        "s.x.*"
    }
    named = _told("CREATE TABLE s.x AS SELECT * FROM s.t PIVOT (SUM(a) FOR q IN ('hunter2' AS one))")
    assert _columns(named) == {"s.x.one", "s.x.*"}


def test_a_later_statement_does_not_name_it_either() -> None:
    """What a session remembers of a view or table keeps the names that values made, and keeps them to itself."""
    session = Session()
    for made in ("TEMPORARY VIEW v", "TABLE s.v"):
        _told(
            f"CREATE {made} AS SELECT * FROM (SELECT q, a FROM s.t) PIVOT (SUM(a) FOR q IN ('hunter2'))",
            session=session,
        )
        for text in ("CREATE TABLE s.x AS SELECT * FROM {}", "INSERT INTO s.x SELECT hunter.* FROM {} AS hunter"):
            later = _told(text.format(made.rpartition(" ")[2]), session=session)
            assert later.resolved
            assert "hunter2" not in repr(later)


@pytest.mark.parametrize(
    ("address", "shown"),
    [
        ("s3://b/x?X-Amz-Signature=hunter2", "s3://b/x"),
        ("https://account.blob.core.windows.net/c/x?sig=hunter2", "https://account.blob.core.windows.net/c/x"),
        ("abfss://c@a.dfs.core.windows.net/x&sig=hunter2", "abfss://c@a.dfs.core.windows.net/x"),
        ("https://hunter2@host/x", "https://host/x"),
        ("s3a://b/x#key=hunter2", "s3a://b/x"),
        ("s3://key:hunter2@b/x", "?"),
        ("s3://key:hun/ter2@b/x", "?"),
        ("jdbc:oracle:thin:u/hunter2@h:1521/d", "?"),
        ("jdbc:sqlserver://h;password=hunter2", "?"),
        ("/* hunter2 */", "?"),
        ("/mnt/raw/*/x.csv", "/mnt/raw/*/x.csv"),
        ("dbfs:/mnt/my files/x", "dbfs:/mnt/my files/x"),
    ],
)
def test_an_address_is_told_without_what_it_carries(address: str, shown: str) -> None:
    """User, parameters and fragment of a place stay behind; what is no address at all is `?`."""
    reading = _told(f"INSERT INTO s.x SELECT * FROM read_files('{address}')")
    assert [ref.parts for ref in reading.reads] == [(shown,)]
    assert reading.facts.attributes[SUMMARY] == f"INSERT s.x {shown}"
    assert "hunter2" not in repr(reading)


def test_nothing_planted_is_told() -> None:
    """Of 400 generated statements with a secret planted, none is told with it: no dataset, no column, no summary."""
    rng = random.Random(6)
    for _ in range(400):
        planted = statement(rng)
        assert leaks({"told": repr(_told(planted.text, planted.dialect)).lower()}, [planted.secret]) == [], planted.text


@pytest.mark.parametrize(
    ("dialect", "text", "tables"),
    [
        ("databricks", "EXECUTE IMMEDIATE 'DELETE FROM s.t WHERE a = ''mail from hunter2 to me'''", ["s.t"]),
        ("databricks", "EXECUTE IMMEDIATE 'SELECT a FROM s.t, \u2018hunter2\u2019'", []),
        ("databricks", "EXECUTE IMMEDIATE 'DELETE FROM s.t WHERE a = \\'mail from hunter2\\''", []),
        ("snowflake", "EXECUTE IMMEDIATE $$DELETE FROM s.t WHERE a = 'mail from hunter2'$$", ["s.t"]),
        ("snowflake", "PUT 'file:///home/bob@hunter2/x.csv' @st", ["@st"]),
        ("snowflake", "PUT /* @hunter2 */ 'file:///tmp/x.csv' '@st/in box'", ["@st/in box"]),
        ("snowflake", "GET @st/x file:///tmp/@hunter2/", ["@st/x"]),
        ("databricks", "COPY INTO s.x FROM 'see hunter2 at s3://b/x' FILEFORMAT = CSV", ["?", "s.x"]),
    ],
)
def test_a_name_inside_a_literal_is_one_only_where_a_statement_or_stage_is_quoted(
    dialect: str, text: str, tables: list[str]
) -> None:
    """A quoted statement is read as the engine reads it, its own literals are none of its tables."""
    reading = _told(text, dialect)
    assert list(dict.fromkeys(ref.name for ref in (*reading.reads, *reading.writes))) == tables
    assert "hunter2" not in repr(reading)
