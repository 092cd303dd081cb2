"""Is a statement simple enough to be given to a parser: asked before any parse, answered without one.

What is refused was measured on sqlglot 27 and 30: it recurses with every bracket (a compiled build crashes the process
on a small stack at 64), takes twice as long for each join without a condition and for each level of `STRUCT(` or
`DECIMAL(`, and the square of the length for nested `ARRAY<` and for chains of operators.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from genops.lineage.sql.lexing import COMMENT, DOUBT, MARK, NUMBER, OPEN, TEXT, WORD, Lexeme, lexemes, words


class Limits(NamedTuple):
    """How much of what a statement may hold.

    Attributes:
        length: Characters.
        small: Characters up to which few brackets alone make a statement simple.
        depth: Brackets, CASE and BEGIN inside each other.
        types: `ARRAY<`, `STRUCT<`, `MAP<` inside each other.
        constructors: Names of types with round brackets, `STRUCT(`, inside each other.
        run: Signs and words before an expression in a row: `NOT NOT`, `- -`.
        chain: Operators of one expression.
        joins: Joins.
        unconditional: Joins in a row without ON, USING, CROSS or NATURAL.
        path: Dots of one name.
        selects: Queries, nested, united or named.
        width: Items, other than bare literals, of one list.
        lexemes: Words, literals and signs.
    """

    length: int = 262_144
    small: int = 6_144
    depth: int = 48
    types: int = 12
    constructors: int = 7
    run: int = 24
    chain: int = 500
    joins: int = 256
    unconditional: int = 7
    path: int = 64
    selects: int = 500
    width: int = 4_096
    lexemes: int = 60_000


LIMITS = Limits()

_OPENING, _CLOSING = frozenset("([{"), frozenset(")]}")
_BLOCKS = frozenset(("CASE", "BEGIN"))
_TYPES = frozenset(("ARRAY", "STRUCT", "MAP", "TABLE", "ROW", "RANGE", "OBJECT", "NESTED"))
_CONSTRUCTORS = words(
    "STRUCT ROW DECIMAL NUMERIC DEC BIGDECIMAL NUMBER CHAR CHARACTER NCHAR VARCHAR NVARCHAR STRING TEXT "
    "BINARY VARBINARY BYTES "
    "BIT VARBIT INT INTEGER BIGINT SMALLINT TINYINT BYTEINT FLOAT DOUBLE REAL TIME TIMESTAMP TIMESTAMPTZ TIMESTAMPLTZ "
    "TIMESTAMPNTZ "
    "TIMESTAMP_NTZ TIMESTAMP_LTZ TIMESTAMP_TZ TIMETZ DATETIME DATETIME2 DATETIMEOFFSET DATE INTERVAL BOOLEAN "
    "JSON VARIANT OBJECT NULLABLE UNION VECTOR GEOGRAPHY GEOMETRY MAP ARRAY LIST"
)
_HIDING = (*sorted(_CONSTRUCTORS), "*/")
_PREFIXES = words(
    "NOT - + ~ ! @ PRIOR INTERVAL DISTINCT ANY ALL SOME EXISTS FROM SELECT WITH BEGIN EXPLAIN CONNECT_BY_ROOT DATE "
    "TIMESTAMP BINARY UNIQUE THEN IF LATERAL"
)
_OPERATORS = words(
    ":: + - * / % || | & ^ << = == <> != < > <= >= <=> -> => ** // AND OR BETWEEN LIKE ILIKE RLIKE IS DIV COLLATE AT "
    ". [ : "
    "UNION INTERSECT EXCEPT MINUS |> ESCAPE WHEN"
)
_LIGHT = frozenset((".", "WHEN"))
_SEPARATORS = frozenset(("SELECT", "FROM", "WHERE", "THEN", "ELSE", "ON", "HAVING", "JOIN"))
_CONDITIONS = frozenset(("ON", "USING", "CROSS", "SELECT", ",", "APPLY"))


def too_complex(text: str, dialect: str) -> str | None:
    """Return why a statement must not be given to a parser, or `None` where it may.

    Most statements are let through by counting characters. Only where there are many brackets, joins or signs is it
    read word by word, and not further than to the first limit that it passes.

    Args:
        text: One statement.
        dialect: One of `library.DIALECTS`.

    Returns:
        `length`, `depth`, `types`, `run`, `chain`, `joins`, `selects`, `width`, `size` or `None`.

    >>> too_complex("SELECT " + "(" * 100 + "1" + ")" * 100, "databricks")
    'depth'
    """
    if len(text) > LIMITS.length:
        return "length"
    if len(text) <= LIMITS.small and _few(text):
        return None
    return _measured(text, dialect)


def _few(text: str) -> bool:
    """Whether nothing that nests, repeats or multiplies can pass its limit, wherever it stands."""
    count = text.count
    brackets, angles = count("(") + count("[") + count("{"), count("<")
    if brackets > LIMITS.depth or angles > LIMITS.types:
        return False
    upper = text.upper()
    word = upper.count
    joins = word("JOIN")
    return (
        brackets + word("CASE") + word("BEGIN") <= LIMITS.depth
        and word("NOT") + word("INTERVAL") + count("-") + count("~") + count("+") <= LIMITS.run
        and word("FROM") + word("BEGIN") <= LIMITS.run
        and count("::") + word("BETWEEN") <= _FEW
        and joins <= LIMITS.unconditional
        and (brackets <= LIMITS.constructors or _plain(upper))
    )


def _plain(upper: str) -> bool:
    """Whether few brackets of a text follow the name of a type, or a comment that may hide one."""
    before = [piece.rstrip().endswith(_HIDING) for piece in upper.split("(")]
    return sum(before) <= LIMITS.constructors and upper.count("--") <= LIMITS.constructors


_FEW = 100


class _Level:
    """What is counted inside one pair of brackets."""

    __slots__ = ("chain", "constructor", "width")

    def __init__(self, *, constructor: bool = False) -> None:
        self.chain = self.width = 0
        self.constructor = constructor


class _Measure:
    """Reads a statement word by word and stops at the first limit that it passes."""

    def __init__(self) -> None:
        self.levels = [_Level()]
        self.types = self.constructors = self.run = self.joins = self.unconditional = self.selects = self.dots = 0
        self.before, self.kind = "", ""

    def take(self, word: str, kind: str) -> str | None:
        """Count one word; return the limit that it passes."""
        reason = self._nesting(word) or self._joining(word) or self._running(word)
        level = self.levels[-1]
        if word == ",":
            level.chain = 0
            level.width += self.kind not in {TEXT, NUMBER, MARK}
        elif word in _SEPARATORS:
            level.chain = 0
        elif word in _OPERATORS and word not in _LIGHT:
            level.chain += 1
        self.before, self.kind = word, kind
        if level.chain > LIMITS.chain:
            return "chain"
        return "width" if level.width > LIMITS.width else reason

    def _nesting(self, word: str) -> str | None:
        if word in _OPENING or word in _BLOCKS:
            constructor = word == "(" and self.before in _CONSTRUCTORS
            self.constructors += constructor
            self.levels.append(_Level(constructor=constructor))
        elif (word in _CLOSING or word == "END") and len(self.levels) > 1:
            self.constructors -= self.levels.pop().constructor
        elif word == "<" and self.before in _TYPES:
            self.types += 1
        elif word == ">" and self.types:
            self.types -= 1
        if len(self.levels) > LIMITS.depth:
            return "depth"
        return "types" if self.types > LIMITS.types or self.constructors > LIMITS.constructors else None

    def _joining(self, word: str) -> str | None:
        if word == "JOIN":
            self.joins += 1
            self.unconditional += self.before != "CROSS"
        elif word in _CONDITIONS:
            self.unconditional = 0
        return "joins" if self.joins > LIMITS.joins or self.unconditional > LIMITS.unconditional else None

    def _running(self, word: str) -> str | None:
        self.run = self.run + 1 if word in _PREFIXES else 0
        self.dots = self.dots + 1 if word == "." else self.dots if self.before == "." else 0
        self.selects += word == "SELECT"
        if self.selects > LIMITS.selects:
            return "selects"
        return "run" if self.run > LIMITS.run or self.dots > LIMITS.path else None


def _measured(text: str, dialect: str) -> str | None:
    measure = _Measure()
    shallow = _shallow(text)
    for seen, lexeme in enumerate(_told(text, dialect)):
        if lexeme.kind in {DOUBT, OPEN} and not shallow:
            # The parser may see brackets where quotes are seen here.
            return "depth"
        if seen >= LIMITS.lexemes or len(lexeme.text) > _longest(lexeme.kind):
            return "size"
        reason = measure.take(lexeme.text.upper() if lexeme.kind == WORD else lexeme.text, lexeme.kind)
        if reason is not None:
            return reason
    return None


def _longest(kind: str) -> int:
    """Return how long one lexeme may be: a parser reads a quote with escapes, or without an end, letter by letter."""
    return LIMITS.small if kind == OPEN else LIMITS.small * 10


def _told(text: str, dialect: str) -> Iterator[Lexeme]:
    return (lexeme for lexeme in lexemes(text, dialect) if lexeme.kind != COMMENT)


def _shallow(text: str) -> bool:
    """Whether all brackets of a text together are too few to be deep."""
    return sum(text.count(sign) for sign in "([{<") + text.upper().count("CASE") <= LIMITS.depth
