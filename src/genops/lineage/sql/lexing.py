r"""The words of a statement, by one regular expression a dialect, without a parser.

Every step that must hold for any text stands on this: guards, splitting, redaction, what a parser makes opaque. A
quote, comment or body that never ends takes the rest of the text, so that no character is looked at more than a few
times.

Sources: the lexical structure of Databricks SQL and Spark's `SqlBaseLexer.g4`, of Snowflake, BigQuery, Transact-SQL,
Trino, DuckDB and PostgreSQL in their SQL references.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache
from typing import NamedTuple

WORD = "word"
NAME = "name"
TEXT = "text"
NUMBER = "number"
MARK = "mark"
COMMENT = "comment"
SIGN = "sign"
OPEN = "open"
DOUBT = "doubt"
END = "end"

_ESCAPED = r"'[^'\\]*(?:(?:\\.|'')[^'\\]*)*'"
_ESCAPED_DOUBLE = r'"[^"\\]*(?:(?:\\.|"")[^"\\]*)*"'
_PLAIN = r"'[^']*(?:''[^']*)*'"
_DOUBLE = r'"[^"]*(?:""[^"]*)*"'
_TICKS = r"`[^`]*(?:``[^`]*)*`"
_TICKS_ESCAPED = r"`[^`\\]*(?:\\.[^`\\]*)*`"
_BRACKETS = r"\[[^\]]*(?:\]\][^\]]*)*\]"
_TRIPLE = r"(?:'''(?:[^'\\]|\\.|'(?!''))*'''|\"\"\"(?:[^\"\\]|\\.|\"(?!\"\"))*\"\"\")"
_DOLLARS = r"\$\$[^$]*(?:\$(?!\$)[^$]*)*\$\$"
_TAGGED = r"\$(?P<tag>[^\W\d]\w*|)\$(?s:.*?)\$(?P=tag)\$"
_BLOCK = r"/\*[^*]*\*+(?:[^/*][^*]*\*+)*/"
_JINJA = r"\{#[^#]*#+(?:[^#}][^#]*#+)*\}"
_DASHES = r"--[^\n\r]*"
_NUMBER = r"\.?\d(?:[eE][+-]\d|[\w.])*"
_SIGNS = r"::|<=>|<=|>=|<>|!=|\|\||\|>|->>?|=>|:=|==|&&|<<|[-+*/%=<>(),.;:\[\]{}&|^~!@?]"


class _Rules(NamedTuple):
    """How a dialect writes things, as alternatives of a regular expression."""

    texts: tuple[str, ...]
    names: tuple[str, ...]
    marks: tuple[str, ...] = (r"\?(?![?|&])",)
    comments: tuple[str, ...] = ()
    word: str = r"[^\W\d]\w*"
    signs: str = _SIGNS
    nested: bool = False


_SPARK = _Rules(
    (r"[rR](?:'[^']*'|\"[^\"]*\")", rf"[xX]?(?:{_ESCAPED}|{_ESCAPED_DOUBLE})", _DOLLARS),
    (_TICKS,),
    (r"\?", r"(?<!:):[^\W\d]\w*"),
    signs=rf"\$(?=\{{)|{_SIGNS}",
    nested=True,
)
_TRINO = _Rules((rf"(?:[xXnN]|[uU]&)?{_PLAIN}",), (_DOUBLE,), (r"\?",))
_RULES = {
    "databricks": _SPARK,
    "spark": _SPARK,
    "snowflake": _Rules(
        (rf"[xXnN]?{_ESCAPED}", _DOLLARS),
        (_DOUBLE,),
        (r"\?", r"(?<!:):[^\W\d]\w*", r"\$\d+", r"\$[^\W\d]\w*", r"%s|%\(\w+\)s"),
        (r"//[^\n\r]*",),
        r"[^\W\d][\w$]*",
    ),
    "bigquery": _Rules(
        (rf"(?:[rR][bB]?|[bB][rR]?)?(?:{_TRIPLE}|{_ESCAPED}|{_ESCAPED_DOUBLE})",),
        (_TICKS_ESCAPED,),
        (r"\?", r"@@?[^\W\d]\w*"),
        (r"#[^\n\r]*",),
    ),
    "tsql": _Rules(
        (rf"[nN]?{_PLAIN}", r"\$\d[\d.]*"),
        (_BRACKETS, _DOUBLE),
        (r"\?", r"@@?[^\W\d][\w@$#]*", r"\$\(\w+\)"),
        word=r"(?:[^\W\d]|##?\w)[\w@$#]*",
        nested=True,
    ),
    "athena": _Rules((rf"[xX]?{_PLAIN}",), (_DOUBLE, _TICKS), (r"\?",)),
    "trino": _TRINO,
    "duckdb": _Rules(
        (rf"[eE]{_ESCAPED}", rf"[xXbB]?{_PLAIN}", _TAGGED),
        (_DOUBLE,),
        (r"\?", r"\$\d+", r"\$[^\W\d]\w*(?!\$)", r"(?<!:):[^\W\d]\w*"),
        word=r"[^\W\d][\w$]*",
        signs=rf"//|\*\*|\^@|{_SIGNS}",
        nested=True,
    ),
    "postgres": _Rules(
        (rf"[eE]{_ESCAPED}", rf"(?:[xXbBnN]|[uU]&)?{_PLAIN}", _TAGGED),
        (rf"(?:[uU]&)?{_DOUBLE}",),
        (r"\$\d+", r"(?<!:):[^\W\d]\w*", r"%s|%\(\w+\)s", r"\?(?![|&])"),
        word=r"[^\W\d][\w$]*",
        signs=rf"#>>?|#-|@@|@>|<@|@\?|[#]|{_SIGNS}",
        nested=True,
    ),
}


def words(text: str) -> frozenset[str]:
    """Return the words of a text as a set, for tables of keywords."""
    return frozenset(text.split())


class Lexeme(NamedTuple):
    """One word, literal, name or sign of a text.

    Attributes:
        kind: `word`, `name` (quoted), `text` (any literal but a number), `number`, `mark` (of a parameter), `comment`
            (hints too), `sign`, `open` (what never ends, up to the end of the text), `doubt` (a character that the
            dialect does not know outside quotes).
        text: As it stands in the text.
        start: Where it begins.
        end: Where it ends.
    """

    kind: str
    text: str
    start: int
    end: int


@lru_cache(maxsize=16)
def pattern(dialect: str) -> re.Pattern[str]:
    """Return the expression that matches one lexeme after blanks; the name of its last group is the kind.

    It matches everywhere, at the end as `end`: where it could fail after blanks, it would be tried at each of them.
    """
    rules = _RULES[dialect]
    comments = "|".join((_DASHES, _BLOCK, *rules.comments, _JINJA))
    quotes = "".join(sorted({"'", '"', "`"} & set("".join((*rules.texts, *rules.names)))))
    unending = rf"/\*|[{quotes}]|\$\w*\$" + (r"|\[" if _BRACKETS in rules.names else "")
    return re.compile(
        rf"\s*(?:(?P<comment>{comments})|(?P<text>{'|'.join(rules.texts)})|(?P<word>{rules.word})"
        rf"|(?P<number>{_NUMBER})|(?P<name>{'|'.join(rules.names)})|(?P<mark>{'|'.join(rules.marks)})"
        rf"|(?P<open>(?:{unending})(?s:.*))|(?P<sign>{rules.signs})|(?P<doubt>\S)|(?P<end>\Z))",
        re.DOTALL,
    )


def nests(dialect: str) -> bool:
    """Whether a comment of the dialect may hold comments."""
    return _RULES[dialect].nested


def lexemes(text: str, dialect: str, end: int | None = None) -> Iterator[Lexeme]:
    """Yield the lexemes of a text, comments included, up to `end`.

    Args:
        text: Any text.
        dialect: One of `library.DIALECTS`.
        end: Where to stop reading; a lexeme cut there is `open` or shorter.

    >>> [lexeme.text for lexeme in lexemes("SELECT `a b`, 'it''s' -- why", "databricks")]
    ['SELECT', '`a b`', ',', "'it''s'", '-- why']
    """
    scan, nested = pattern(dialect), nests(dialect)
    position, stop = 0, len(text) if end is None else min(end, len(text))
    while position < stop:
        for found in scan.finditer(text, position, stop):
            kind = found.lastgroup or DOUBT
            if kind == END:
                return
            start, position = found.span(kind)
            if kind == COMMENT and nested and text.startswith("/*", start) and text.find("/*", start + 2, position) > 0:
                position = closing(text, start, stop)
                yield Lexeme(COMMENT if position <= stop else OPEN, text[start:position], start, min(position, stop))
                break
            yield Lexeme(kind, found.group(kind), start, position)
        else:
            return


_BRACKET = re.compile(r"/\*|\*/")


def closing(text: str, start: int, stop: int) -> int:
    """Return where a comment that holds comments ends; one more than `stop` where it does not."""
    depth = 0
    for mark in _BRACKET.finditer(text, start, stop):
        depth += 1 if mark.group() == "/*" else -1
        if depth == 0:
            return mark.end()
    return stop + 1
