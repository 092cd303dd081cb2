"""What a statement says that parsers do not take, said in words that they do. Only words outside literals change."""

from __future__ import annotations

import re
from typing import NamedTuple

from genops.lineage.sql.lexing import COMMENT, TEXT, WORD, Lexeme, lexemes

_TELLING = ("TABLE", "CLONE", "EVOLUTION", "UNLOAD", "LIVE", "EXPECT", "SCHEDULE", "TRIGGER", "REPLACE", "TOP")
"""What has none of these in it is found in a tenth of the time that the expression takes."""
_WORTH_A_LOOK = re.compile(
    r"^\s*TABLE\s|^\s*REPLACE\s+TABLE\s|\bAS\s+TABLE\b"
    r"|\b(?:CLONE|EVOLUTION|UNLOAD|LIVE|EXPECT|SCHEDULE|TRIGGER|REPLACE\s+(?:USING|ON))\b|\bTOP\s*\(",
    re.IGNORECASE,
)
_REFRESHING = frozenset(("EVERY", "CRON", "REFRESH"))
_AFTER_REFRESHING = frozenset(("AS", "COMMENT", "TBLPROPERTIES", "PARTITIONED", "CLUSTER", "DEFAULT", "WITH", "ROW"))
_LIMITED = frozenset(("DELETE", "UPDATE", "INSERT", "MERGE"))
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
    capitals = statement.upper()
    if not any(word in capitals for word in _TELLING) or not _WORTH_A_LOOK.search(statement):
        return Prepared(statement)
    found = [each for each in lexemes(statement, dialect) if each.kind != COMMENT]
    words = [each.text.upper() if each.kind == WORD else each.text for each in found]
    if words[:2] == ["UNLOAD", "("]:
        return _unloaded(statement, found)
    if words[:1] == ["TABLE"]:
        return Prepared(f"SELECT * FROM {statement[found[0].end :]}")  # noqa: S608 - parsed, never run
    for start, end in (*_left_out(words), *_left_out_of_create(words)):
        first, last = found[start].start, found[end - 1].end
        statement = statement[:first] + " " * (last - first) + statement[last:]
    return Prepared((_replacing if words[:1] == ["INSERT"] else _respelled)(statement, found, words))


def marked(statement: str, dialect: str) -> str:
    """Return a statement with the marks of parameters that drivers fill in, `%s` and `%(name)s`, as parsers take them.

    They are also how a remainder is written, so this is for a statement that is none as it stands.

    >>> marked("INSERT INTO t VALUES (%s, %(b)s, '%s')", "databricks")
    "INSERT INTO t VALUES (?, ?, '%s')"
    """
    found = list(lexemes(statement, dialect))
    written: list[str] = []
    done = 0
    for i, each in enumerate(found):
        length = next((n for n in (2, 5) if each.text == "%" and _MARK.fullmatch(_run(statement, found, i, n))), 0)
        if length and each.start >= done:
            written += [statement[done : each.start], "?"]
            done = found[i + length - 1].end
    return "".join((*written, statement[done:]))


_MARK = re.compile(r"%(?:\(\w+\))?s")


def _run(statement: str, found: list[Lexeme], start: int, length: int) -> str:
    """Return the text of so many lexemes; empty where there are fewer."""
    last = start + length - 1
    return statement[found[start].start : found[last].end] if last < len(found) else ""


def _replacing(statement: str, found: list[Lexeme], words: list[str]) -> str:
    """Return an INSERT … REPLACE ON as one that replaces where the same holds, its query in the form of a table.

    >>> prepared("INSERT INTO t AS a REPLACE ON (a.i = b.i) (SELECT i FROM s) AS b", "databricks").text
    'INSERT INTO t AS a REPLACE WHERE ((a.i = b.i)) SELECT * FROM (SELECT i FROM s) AS b'
    """
    at = next((i for i in range(len(words) - 1) if words[i : i + 2] == ["REPLACE", "ON"]), len(words))
    query = _query(words, at + 2)
    if query >= len(words) or query == at + 2:
        return statement
    condition = statement[found[at + 1].end : found[query - 1].end].strip()
    asked = statement[found[query].start :]
    asked = asked if words[query] == "(" else f"({asked})"
    return f"{statement[: found[at].end]} WHERE ({condition}) SELECT * FROM {asked}"  # noqa: S608 - parsed, never run


def _query(words: list[str], start: int) -> int:
    """Return where the query after a condition begins."""
    depth = 0
    for i in range(start, len(words)):
        opens = words[i] == "(" and words[i + 1 : i + 2] != [] and words[i + 1] in _QUERIES
        if depth == 0 and (words[i] in _QUERIES or opens) and words[i - 1] not in {"ON", "IN", "EXISTS", "="}:
            return i
        depth += (words[i] == "(") - (words[i] == ")")
    return len(words)


_QUERIES = frozenset(("SELECT", "WITH", "VALUES", "FROM", "TABLE"))


def _respelled(statement: str, found: list[Lexeme], words: list[str]) -> str:
    """Return a statement with other words for `AS TABLE t`, and for REPLACE TABLE, which makes one as CREATE does."""
    if words[:2] == ["REPLACE", "TABLE"]:
        words = ["CREATE", *words[1:]]
        statement = statement[: found[0].start] + "CREATE " + statement[found[0].end :]
    for i in range(len(words) - 2) if words[:1] == ["CREATE"] else ():
        if words[i : i + 2] == ["AS", "TABLE"] and words[i + 2] != "(":
            table = found[i + 1]
            return f"{statement[: table.start]}SELECT * FROM {statement[table.end :]}"  # noqa: S608 - parsed, never run
    return statement


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
        elif word == "TOP" and after[:1] == ["("] and words[i - 1] in _LIMITED:
            runs.append((i, _closed(words, i + 1) + (words[_closed(words, i + 1) :][:1] == ["PERCENT"])))
        elif word == "REPLACE" and after == ["USING", "("]:
            runs.append((i, _closed(words, i + 2)))
    return runs


def _left_out_of_create(words: list[str]) -> list[tuple[int, int]]:
    """Return which runs are left out of what makes a streaming table or a materialized view.

    Expectations on its rows, which change none of its columns, and when it is refreshed.
    """
    if words[:1] != ["CREATE"]:
        return []
    runs = [
        _expectation(words, i)
        for i, word in enumerate(words)
        if word == "EXPECT" and words[i - 2] == "CONSTRAINT" and words[i + 1 : i + 2] == ["("]
    ]
    refreshed = next((i for i in range(len(words) - 2) if _is_refreshing(words[i : i + 3])), len(words))
    end = next((i for i in range(refreshed, len(words)) if words[i] in _AFTER_REFRESHING), refreshed)
    return [*runs, (refreshed, end)] if end > refreshed else runs


def _is_refreshing(words: list[str]) -> bool:
    return (words[0] == "SCHEDULE" and words[1] in _REFRESHING) or words == ["TRIGGER", "ON", "UPDATE"]


def _expectation(words: list[str], at: int) -> tuple[int, int]:
    """Return the run of an expectation, with the comma that parts it from others, or the brackets around it alone."""
    start, end = at - 2, _closed(words, at + 1)
    if words[end : end + 2] == ["ON", "VIOLATION"]:
        end += 4
    if words[start - 1] == ",":
        return start - 1, end
    if words[end : end + 1] == [","]:
        return start, end + 1
    return (start - 1, end + 1) if words[start - 1] == "(" and words[end : end + 1] == [")"] else (start, end)


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
