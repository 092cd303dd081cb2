"""The statements of a text: split at semicolons outside quotes, comments, bodies and blocks."""

from __future__ import annotations

import re

from genops.lineage.sql.lexing import COMMENT, OPEN, SIGN, WORD, Lexeme, lexemes

MAX_LENGTH = 1_048_576
"""Characters of a text that is split; a longer one is one statement, and too complex as such."""

_LONG = 65_536
_BLOCKS = frozenset(("databricks", "spark", "snowflake", "bigquery", "tsql", "duckdb", "postgres"))
_BEGIN = re.compile(r"\b(?:begin|if|while|loop|for|repeat|case)\b", re.IGNORECASE)
_TRANSACTION = frozenset(
    ("TRAN", "TRANSACTION", "WORK", "ISOLATION", "READ", "DEFERRED", "IMMEDIATE", "EXCLUSIVE", ";", "")
)
_CONTROL = frozenset(("IF", "WHILE", "LOOP", "FOR", "REPEAT", "CASE"))
_AFTER_END = _CONTROL | {"TRY", "CATCH"}
_HEADS = frozenset((";", "BEGIN", "THEN", "ELSE", "DO", "LOOP", "REPEAT"))
_GO = re.compile(r"^[ \t]*go(?:[ \t]+\d+)?[ \t]*$", re.IGNORECASE | re.MULTILINE)
_BLANK = re.compile(r"[\s\x00-\x1f\x7f\ufeff]*")
_LINE_COMMENTS = {"snowflake": "//", "bigquery": "#"}


def split(text: str, dialect: str) -> tuple[str, ...]:
    r"""Return the statements of a text, without the comments before and after them and without their semicolons.

    A block (`BEGIN … END`, `IF … END IF` of a script) is one statement with everything in it; one that never ends is
    none. What has no word in it is no statement. A quote that never ends takes the rest of the text into its statement.

    Args:
        text: Any text; one of more than 1,048,576 characters is not split.
        dialect: One of `library.DIALECTS`.

    >>> split("USE main; -- then\nSELECT ';' ;;", "databricks")
    ('USE main', "SELECT ';'")
    """
    if len(text) > MAX_LENGTH or (len(text) > _LONG and ";" not in text and dialect != "tsql"):
        return (text,)
    single = _single(text, dialect)
    if single is not None:
        return (single,) if _BLANK.fullmatch(single) is None else ()
    if dialect == "tsql":
        return tuple(piece for batch in _batches(text) for piece in _pieces(batch, dialect))
    return _pieces(text, dialect)


def _single(text: str, dialect: str) -> str | None:
    """Return the only statement of a text whose ends show that it is the only one; `None` where its words must tell.

    Most texts of programs are such, and reading their words would take a tenth of what understanding them takes.
    """
    statement = text.strip()
    if statement.endswith(";"):
        statement = statement[:-1].rstrip()
    if statement.startswith("/*"):  # as dbt sends
        end = statement.find("*/", 2)
        if end < 0 or statement.find("/*", 2, end) > 0:
            return None
        statement = statement[end + 2 :].lstrip()
    marks = ("--", _LINE_COMMENTS.get(dialect, "--"))
    if ";" in statement or statement.startswith(("/*", "{#", *marks)) or statement.endswith(("*/", "#}")):
        return None
    last_line = max(statement.rfind("\n"), statement.rfind("\r")) + 1
    if any(statement.find(mark, last_line) >= 0 for mark in marks):
        return None
    return None if dialect == "tsql" and _GO.search(text) else statement


def _batches(text: str) -> list[str]:
    """Return what stands between lines that read GO, where those are lines of their own and not inside a quote."""
    if not _GO.search(text):
        return [text]
    inside = [(lexeme.start, lexeme.end) for lexeme in lexemes(text, "tsql") if "\n" in lexeme.text]
    batches: list[str] = []
    start = 0
    for line in _GO.finditer(text):
        if not any(begin < line.start() < end for begin, end in inside):
            batches.append(text[start : line.start()])
            start = line.end()
    return [*batches, text[start:]]


def _pieces(text: str, dialect: str) -> tuple[str, ...]:
    words = [lexeme for lexeme in lexemes(text, dialect) if lexeme.kind != COMMENT]
    if dialect in _BLOCKS and _BEGIN.search(text):
        ends = _ends_outside_blocks(words, dialect)
        if ends is not None:
            return _cut(text, words, ends)
    return _cut(text, words, [i for i, word in enumerate(words) if word.kind == SIGN and word.text == ";"])


def _cut(text: str, words: list[Lexeme], ends: list[int]) -> tuple[str, ...]:
    pieces: list[str] = []
    begin = 0
    for end in (*ends, len(words)):
        if end > begin:
            pieces.append(text[words[begin].start : words[end - 1].end])
        begin = end + 1
    return tuple(piece for piece in pieces if _BLANK.fullmatch(piece) is None)


def _ends_outside_blocks(words: list[Lexeme], dialect: str) -> list[int] | None:
    """Return which lexemes are semicolons outside blocks; `None` where a block never ends."""
    ends: list[int] = []
    open_blocks: list[str] = []
    before = ";"
    upper = [
        word.text.upper() if word.kind == WORD else word.text if word.kind == SIGN else word.kind for word in words
    ]
    for index, word in enumerate(upper):
        after = upper[index + 1] if index + 1 < len(upper) else ""
        if word == ";":
            while open_blocks and open_blocks[-1] == "expression":
                open_blocks.pop()
            if not open_blocks:
                ends.append(index)
        elif word == "END":
            if open_blocks:
                open_blocks.pop()
        elif before != "END" or word not in _AFTER_END:
            opened = _opened(word, before, after, dialect, open_blocks)
            if opened:
                open_blocks.append(opened)
        before = word
    return None if "block" in open_blocks or (words and words[-1].kind == OPEN and open_blocks) else ends


def _opened(word: str, before: str, after: str, dialect: str, open_blocks: list[str]) -> str:
    """Return what a word opens: a `block`, an `expression` that ends with END, or nothing."""
    if word == "BEGIN":
        return "" if after in _TRANSACTION else "block"
    expression = bool(open_blocks) and open_blocks[-1] == "expression"
    head = before in _HEADS and not expression
    if word == "CASE":
        return "block" if head else "expression"
    if word in _CONTROL and head and dialect not in {"tsql", "duckdb", "postgres"}:
        return "block"
    return ""
