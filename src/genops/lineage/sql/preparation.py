"""What a statement says that parsers do not take, said in words that they do. Only words outside literals change."""

from __future__ import annotations

import re
from typing import NamedTuple

from genops.lineage.sql.lexing import COMMENT, TEXT, WORD, Lexeme, lexemes

_WORTH_A_LOOK = re.compile(r"^\s*TABLE\s|\b(?:CLONE|EVOLUTION|UNLOAD|LIVE|REPLACE\s+(?:USING|ON))\b", re.IGNORECASE)
_CLONE_AS_OF = ("CLONE", "VERSION", "TIMESTAMP")


class Prepared(NamedTuple):
    """A statement as a parser takes it.

    Attributes:
        text: Its text.
        place: Where UNLOAD puts what the text selects; empty for other statements.
    """

    text: str
    place: str = ""


def prepared(statement: str, dialect: str) -> Prepared:
    """Return a statement without the clauses that parsers do not take and that change nothing of its lineage.

    >>> prepared("CREATE TABLE a DEEP CLONE b VERSION AS OF 3", "databricks").text
    'CREATE TABLE a      CLONE b                '
    >>> prepared("UNLOAD (SELECT id FROM t) TO 's3://b/x'", "athena")
    Prepared(text='SELECT id FROM t', place='s3://b/x')
    """
    if not _WORTH_A_LOOK.search(statement):
        return Prepared(statement)
    found = [each for each in lexemes(statement, dialect) if each.kind != COMMENT]
    words = [each.text.upper() if each.kind == WORD else each.text for each in found]
    if words[:2] == ["UNLOAD", "("]:
        return _unloaded(statement, found)
    if words[:1] == ["TABLE"]:
        return Prepared(f"SELECT * FROM {statement[found[0].end :]}")  # noqa: S608 - parsed, never run
    for start, end in _left_out(words):
        first, last = found[start].start, found[end - 1].end
        statement = statement[:first] + " " * (last - first) + statement[last:]
    return Prepared(statement)


def _left_out(words: list[str]) -> list[tuple[int, int]]:
    """Return which runs of words are left out."""
    runs: list[tuple[int, int]] = []
    for i, word in enumerate(words):
        after = words[i + 1 : i + 3]
        if word == "DEEP" and after[:1] == ["CLONE"]:
            runs.append((i, i + 1))
        elif word == "WITH" and after == ["SCHEMA", "EVOLUTION"]:
            runs.append((i, i + 3))
        elif word in _CLONE_AS_OF[1:] and after == ["AS", "OF"] and "CLONE" in words[:i]:
            runs.append((i, min(i + 4, len(words))))
        elif word == "LIVE" and after[:1] in (["TABLE"], ["VIEW"]):
            runs.append((i, i + 1))
        elif word == "REPLACE" and after == ["USING", "("]:
            runs.append((i, _closed(words, i + 2)))
    return runs


def _closed(words: list[str], opening: int) -> int:
    """Return the place after the parenthesis that closes one."""
    depth = 0
    for i in range(opening, len(words)):
        depth += (words[i] == "(") - (words[i] == ")")
        if depth == 0:
            return i + 1
    return len(words)


def _unloaded(statement: str, found: list[Lexeme]) -> Prepared:
    end = _closed([each.text for each in found], 1)
    place = next((each.text[1:-1] for each in found[end:] if each.kind == TEXT), "")
    return Prepared(statement[found[1].end : found[end - 1].start], place)
