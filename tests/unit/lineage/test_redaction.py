"""What is shown of a statement holds no literal, no comment and no secret, and its fingerprint tells shapes apart."""

from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from genops.core import hashing
from genops.lineage.sql import redaction
from genops.lineage.sql.library import DIALECTS
from genops.lineage.sql.redaction import redact
from support.planted import statement
from support.sql_texts import STATEMENTS


def _leaks(seed: int, many: int) -> list[tuple[str, str]]:
    rng = random.Random(seed)
    found: list[tuple[str, str]] = []
    for _ in range(many):
        planted = statement(rng)
        redacted = redact(planted.text, planted.dialect)
        if planted.secret in repr(redacted).lower():
            found.append((planted.text, str(redacted.text)))
    return found


def test_no_planted_secret_is_shown() -> None:
    """Of 2,000 generated statements of six dialects with a secret planted, none shows it."""
    assert _leaks(1, 2_000) == []


@pytest.mark.full
@pytest.mark.parametrize("seed", range(10))
def test_no_planted_secret_is_shown_by_many(seed: int) -> None:
    """Of 100,000 generated statements of six dialects with a secret planted, none shows it."""
    assert _leaks(100 + seed, 10_000) == []


def test_most_planted_statements_are_shown() -> None:
    """Redaction does not reach its end by withholding: more than half of the planted statements are shown."""
    rng = random.Random(2)
    shown = [redact(planted.text, planted.dialect).text for planted in (statement(rng) for _ in range(1_000))]
    assert sum(text is not None for text in shown) > 500


@pytest.mark.parametrize(("dialect", "text"), STATEMENTS)
def test_common_statements_are_shown(dialect: str, text: str) -> None:
    """A statement as programs send it is shown, without any of its quotes' contents and without its numbers."""
    shown = redact(text, dialect)
    assert shown.text is not None
    assert "'" not in shown.text
    assert not set(shown.text.replace("$1", "")) & set("123456789")


@pytest.mark.parametrize(
    ("dialect", "text", "expected"),
    [
        ("databricks", 'SELECT a FROM t WHERE b = "x" AND c = \'y\'', "SELECT a FROM t WHERE b = ? AND c = ?"),
        ("snowflake", "SELECT \"A b\" FROM t WHERE c = 'y'", 'SELECT "A b" FROM t WHERE c = ?'),
        ("bigquery", "SELECT '''a'b''', r\"x\\d\" FROM `p.d.t`", "SELECT ?, ? FROM `p.d.t`"),
        ("tsql", "SELECT TOP 5 [a b], N'x', $1.50 FROM #t", "SELECT TOP ? [a b], ?, ? FROM #t"),
        ("postgres", "SELECT $tag$ it's $tag$, $1, E'\\'x'", "SELECT ?, $1, ?"),
        ("databricks", "SELECT 12L, 1e-3, .5, X'1F', 1.5BD, -7 FROM t", "SELECT ?, ?, ?, ?, ?, ? FROM t"),
        ("databricks", "SELECT a - 5, b FROM IDENTIFIER('main.x.y')", "SELECT a - ?, b FROM IDENTIFIER(?)"),
        ("databricks", "SELECT a FROM t WHERE b = :p AND c = ?", "SELECT a FROM t WHERE b = :p AND c = ?"),
        ("databricks", "SELECT /*+ BROADCAST(x) */ a -- why\n FROM t /* k */", "SELECT a FROM t"),
        ("databricks", "INSERT INTO t VALUES (1, 'a'), (-2, 'b'), (3, 'c')", "INSERT INTO t VALUES (?)"),
        ("databricks", "SELECT f(1, a, 2)", "SELECT f(?, a, ?)"),
        ("spark", "SET x.password = hunter2", "SET x.password = ?"),
        ("spark", "SET TIME ZONE 'UTC'", "SET TIME ZONE ?"),
        ("databricks", "SET CATALOG main", "SET CATALOG main"),
        ("spark", "CREATE TABLE t USING jdbc OPTIONS (password hunter2)", "CREATE TABLE t USING jdbc OPTIONS(?)"),
        ("snowflake", "COPY INTO t FROM @s CREDENTIALS = (AWS_KEY_ID = abc)", "COPY INTO t FROM @s CREDENTIALS = ?"),
        ("tsql", "EXEC dbo.sp_addlogin bob, hunter2", "EXEC dbo.sp_addlogin ?"),
        ("databricks", "EXEC dbo.sp_addlogin bob, hunter2", "EXEC dbo.sp_addlogin ?"),
        ("duckdb", "SELECT a // b FROM t", "SELECT a // b FROM t"),
        ("databricks", "UPDATE t SET token = abc WHERE a = 1", "UPDATE t SET token = ? WHERE a = ?"),
        ("athena", 'ALTER TABLE t SET LOCATION "s3://b/x"', "ALTER TABLE t SET LOCATION ?"),
        ("athena", 'SELECT "a" FROM "t"', 'SELECT "a" FROM "t"'),
        ("databricks", "SELECT a FROM parquet.`s3://b/x?sig=abc`", "SELECT a FROM parquet.`s3://b/x`"),
        ("databricks", 'OPTIMIZE s.t WHERE d = "2024"; VACUUM s.t;', "OPTIMIZE s.t WHERE d = ?; VACUUM s.t"),
        ("databricks", " -- nothing\n", ""),
    ],
)  # fmt: skip
def test_text_that_is_shown(dialect: str, text: str, expected: str) -> None:
    """Literals, comments, hints and values of settings become `?` or nothing; names and marks stay as they are."""
    assert redact(text, dialect)[::2] == (expected, "")


@pytest.mark.parametrize(
    ("dialect", "text", "reason"),
    [
        ("databricks", "SELECT 'unterminated", "doubt"),
        ("databricks", "SELECT 'it's', 'b', 'he's'", "doubt"),
        ("databricks", "SELECT /* a /* b */ c", "doubt"),
        ("bigquery", "SELECT /* a /* b */ c", "doubt"),
        ("databricks", "SELECT a -- b\rc", "doubt"),
        ("databricks", "SELECT a // why\n FROM t", "doubt"),
        ("databricks", "SELECT a -- b \\\n c", "doubt"),
        ("databricks", "SELECT r'a\\' b'", "doubt"),
        ("postgres", "SELECT 'a\\' b'", "doubt"),
        ("tsql", 'SET QUOTED_IDENTIFIER OFF; SELECT "a"', "doubt"),
        ("databricks", "SELECT “a”", "doubt"),
        ("databricks", "SELECT a\x00", "doubt"),
        ("databricks", "SELECT \ud800", "doubt"),
        ("databricks", "hunter2 is my password", "unknown"),
        ("snowflake", "CREATE OR REPLACE USER bob PASSWORD = 'x'", "secret"),
        ("databricks", "CREATE CONNECTION c TYPE mysql OPTIONS (host 'h')", "secret"),
        ("tsql", "CREATE DATABASE SCOPED CREDENTIAL c WITH IDENTITY = 'i'", "secret"),
        ("databricks", "SELECT " + "1, " * 100_000 + "1", "length"),
        ("cobol", "SELECT 1", "dialect"),
    ],
)
def test_text_that_is_withheld(dialect: str, text: str, reason: str) -> None:
    """What can be read in two ways, is made to hold a secret, or is no SQL, is not shown at all."""
    redacted = redact(text, dialect)
    assert redacted[::2] == (None, reason)
    assert len(redacted.fingerprint) == 16


@pytest.mark.parametrize(
    "other",
    [
        'select a from T where b in (4, 5) and c = "z"',
        "SELECT a\n\tFROM t -- why\nWHERE b IN (1) AND c = 'long text'",
        "SELECT /* x */ a FROM t WHERE b IN (-1, 2.5, 3e4, 7) AND c = 12L;",
    ],
)  # fmt: skip
def test_fingerprint_is_of_the_shape(other: str) -> None:
    """Statements that differ in literals, blanks, comments and the case of words have one fingerprint."""
    one = redact("SELECT a FROM t WHERE b IN (1, 2, 3) AND c = 'x'", "databricks")
    assert redact(other, "databricks").fingerprint == one.fingerprint
    assert redact("SELECT a FROM u WHERE b IN (1, 2, 3) AND c = 'x'", "databricks").fingerprint != one.fingerprint


def test_hash_of_a_withheld_text_has_a_key() -> None:
    """A withheld text cannot be guessed by hashing guesses: its fingerprint depends on the key."""
    text = "the password is hunter2"
    hashing.configure(None)  # whatever a runtime of another test has left
    before = redact(text, "databricks").fingerprint
    try:
        hashing.configure(b"k" * 100)
        keyed = redact(text, "databricks").fingerprint
        assert keyed == redact(text, "databricks").fingerprint != before
    finally:
        hashing.configure(None)
    assert redact(text, "databricks").fingerprint == before


def test_our_own_fault_shows_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where redaction itself fails, the text is withheld and nothing is raised."""
    monkeypatch.setattr(redaction, "_folded", lambda lexemes: 1 / 0)
    assert redact("SELECT 1", "databricks")[::2] == (None, "fault")


@settings(max_examples=60)
@given(st.text(max_size=60), st.sampled_from(DIALECTS))
def test_any_text_is_taken(text: str, dialect: str) -> None:
    """No text raises, and what is shown of it shows the same when it is redacted again."""
    redacted = redact(text, dialect)
    assert redacted.reason != "fault"
    assert (redacted.text is None) == bool(redacted.reason)


_PIECES = st.lists(
    st.sampled_from(
        ["SELECT", "'", '"', "`", "--", "/*", "*/", "\n", "\r", "\\", "$$", "$a$", "[", "]", "(", ")", ";", "SET",
         "=", "password",
         "OPTIONS", "x", " ", "1", "EXEC",
         "{#", "#}", "'''", "r'", "?", ":", ",", ".", "CREATE", "BEGIN", "END", "+", "-"]
    ),
    max_size=25,
)  # fmt: skip


@settings(max_examples=300)
@given(_PIECES, st.sampled_from(DIALECTS))
def test_any_pieces_of_statements_are_taken(pieces: list[str], dialect: str) -> None:
    """No heap of quotes, brackets and keywords raises or is a fault of ours."""
    assert redact("".join(pieces), dialect).reason != "fault"
    assert redact(" ".join(pieces), dialect).reason != "fault"
