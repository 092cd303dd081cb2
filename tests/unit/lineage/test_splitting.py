"""A text falls into its statements, and a bad one does not spoil the others."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from genops.lineage.sql import splitting
from genops.lineage.sql.lexing import OPEN, lexemes
from genops.lineage.sql.library import DIALECTS
from genops.lineage.sql.splitting import split
from support.hand_set import hand_set


@pytest.mark.parametrize(
    ("dialect", "text", "expected"),
    [
        ("databricks", "SELECT 1; SELECT FROM WHERE; SELECT 2;", ["SELECT 1", "SELECT FROM WHERE", "SELECT 2"]),
        ("databricks", "SELECT ';', \";\", `;` -- ;\n; /* ; */ SELECT 2", ["SELECT ';', \";\", `;`", "SELECT 2"]),
        ("databricks", " ;; -- nothing\n ; ", []),
        ("databricks", "SELECT 1; SELECT 'open; SELECT 2", ["SELECT 1", "SELECT 'open; SELECT 2"]),
        ("databricks", "BEGIN INSERT INTO a VALUES (1); DELETE FROM b; END; SELECT 3", None),
        ("databricks", "BEGIN IF a THEN SELECT CASE WHEN 1 THEN 2 END; END IF; END; SELECT 3", None),
        ("snowflake", "BEGIN; INSERT INTO a VALUES (1); COMMIT", ["BEGIN", "INSERT INTO a VALUES (1)", "COMMIT"]),
        ("snowflake", "CREATE FUNCTION f() AS $$ a; b $$; SELECT 3", None),
        ("postgres", "CREATE FUNCTION f() AS $x$ a; $$ b; $x$; SELECT 3", None),
        ("bigquery", "IF x THEN SELECT 1; ELSE SELECT 2; END IF; SELECT 3", None),
        ("databricks", "SELECT CASE WHEN a THEN IF(a, 1, 2) ELSE REPEAT('a', 2) END; SELECT 3", None),
        ("databricks", "SELECT CASE WHEN a THEN 1 FROM t; SELECT 3", None),
        ("snowflake", "BEGIN SELECT 1; SELECT 3", ["BEGIN SELECT 1", "SELECT 3"]),
        ("tsql", "SELECT 'a\nGO\n'\nGO\nSELECT 3", ["SELECT 'a\nGO\n'", "SELECT 3"]),
        ("tsql", "BEGIN TRY SELECT 1; END TRY BEGIN CATCH SELECT 2; END CATCH; SELECT 3", None),
    ],
)
def test_statements_of_a_text(dialect: str, text: str, expected: list[str] | None) -> None:
    """Semicolons in quotes, comments, bodies and blocks part nothing; `None` says two statements."""
    found = list(split(text, dialect))
    if expected is None:
        assert len(found) == 2
        assert found[1] == "SELECT 3"
    else:
        assert found == expected


def test_hand_set_is_not_cut() -> None:
    """Every hand-checked statement is one statement, but for the two that are two."""
    assert [one["id"] for one in hand_set() if len(split(one["sql"], one["dialect"])) != 1] == ["temp_view_multi"]


@settings(max_examples=150)
@given(st.text(max_size=40) | st.text("BEGIN END;CASE'\"`$-/*\n", max_size=60), st.sampled_from(DIALECTS))
def test_any_text_is_split(text: str, dialect: str) -> None:
    """No text raises, and each piece stands in it as it was."""
    position = 0
    for piece in split(text, dialect):
        position = text.index(piece, position) + len(piece)


_PIECES = [
    *"ab1'\"`$;;[]\\\n\r \x00\u2028",
    "$$",
    "--",
    "//",
    "#",
    "/*",
    "*/",
    "/* x */",
    "{#",
    "#}",
    "BEGIN ",
    "CASE ",
    " END",
]


@settings(max_examples=400)
@given(st.lists(st.sampled_from([*_PIECES, "\nGO\n"]), max_size=9).map("".join), st.sampled_from(DIALECTS))
def test_a_single_statement_is_told_by_its_ends_as_by_its_words(text: str, dialect: str) -> None:
    """What is seen to be one statement without reading its words is what reading them gives."""
    if splitting._single(text, dialect) is None or any(each.kind == OPEN for each in lexemes(text, dialect)):
        return
    batches = splitting._batches(text) if dialect == "tsql" else [text]
    assert split(text, dialect) == tuple(piece for batch in batches for piece in splitting._pieces(batch, dialect))


@pytest.mark.parametrize(
    ("text", "dialect", "single"),
    [
        ("SELECT 1", "databricks", "SELECT 1"),
        ("\n  SELECT 1 -- one\n FROM t ; ", "databricks", "SELECT 1 -- one\n FROM t"),
        ('/* {"app": "dbt"} */ SELECT 1;', "databricks", "SELECT 1"),
        ("SELECT * FROM parquet.`s3://b/x`", "databricks", "SELECT * FROM parquet.`s3://b/x`"),
        ("SELECT 1 // one", "snowflake", None),
        ("SELECT 1; SELECT 2", "databricks", None),
        ("/* a /* b */ SELECT 1 */ SELECT 2", "databricks", None),
    ],
)
def test_common_texts_are_told_by_their_ends(text: str, dialect: str, single: str | None) -> None:
    """Statements as programs send them are not read word by word to learn that they are one."""
    assert splitting._single(text, dialect) == single


def test_a_text_of_ten_megabytes_is_one_statement() -> None:
    """What is too long to be split is given back as it is."""
    text = "SELECT 1; " * 1_000_000
    assert split(text, "databricks") == (text,)
