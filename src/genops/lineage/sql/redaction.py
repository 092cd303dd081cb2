"""The text of a statement without its literals, comments and secrets, and a fingerprint of what is left.

Everything that is not plainly a word, a name, a sign or the mark of a parameter goes. Where a text can be read in two
ways — an apostrophe too many, a comment inside a comment, a character that the dialect does not know — nothing of it is
shown.
"""

from __future__ import annotations

from typing import NamedTuple

from genops.core import hashing
from genops.lineage.sql import lexing, sensitive
from genops.lineage.sql.guards import LIMITS
from genops.lineage.sql.lexing import words
from genops.lineage.sql.library import known

VALUE = "?"
_FINGERPRINT_BYTES = 8


class Redacted(NamedTuple):
    """What may be shown of a statement.

    Attributes:
        text: It without literals, comments and hints; `None` where it is withheld.
        fingerprint: 16 hexadecimal digits. Of a shown text: equal for texts that differ in literals, white space,
            comments and the case of unquoted words only, in every process. Of a withheld one: a keyed hash of it all.
        reason: Why it is withheld: `length`, `dialect`, `doubt`, `unknown` (does not begin as SQL), `secret`, `fault`
            (of ours); empty where it is shown.
    """

    text: str | None
    fingerprint: str
    reason: str = ""


class _Doubt(Exception):  # noqa: N818 -- a way out of nested calls, seen by nobody
    """Carries the reason why a text is withheld, and nothing of the text."""


def redact(text: str, dialect: str) -> Redacted:
    """Return what may be shown of a text of one or more statements. Never raises.

    Args:
        text: Any text.
        dialect: One of `library.DIALECTS`, or another name of one.

    >>> redact("SELECT a FROM t WHERE b = 'x' AND c IN (1, -2, 3) -- why", "databricks").text
    'SELECT a FROM t WHERE b = ? AND c IN (?)'
    >>> redact("SET x.password = hunter2", "spark").text
    'SET x.password = ?'
    >>> redact("SELECT 'it's'", "trino")[::2]
    (None, 'doubt')
    """
    try:
        name = known(dialect)
        if name is None:
            raise _Doubt("dialect")
        if len(text) > LIMITS.length:
            raise _Doubt("length")
        shown = _folded(_without_secrets(_lexemes(text, name), text, name))
    except _Doubt as doubt:
        return Redacted(None, hashing.keyed(text, _FINGERPRINT_BYTES), str(doubt))
    except Exception:  # a fault of ours shows nothing either
        return Redacted(None, hashing.keyed(text, _FINGERPRINT_BYTES), "fault")
    while shown and shown[-1] == ";":
        shown.pop()
    normal = " ".join([word if word[0] in _QUOTES else word.lower() for word in shown])
    return Redacted(_joined(shown), hashing.plain(normal, _FINGERPRINT_BYTES))


_QUOTES = frozenset('`"[')


_TYPED = words("DATE TIMESTAMP TIME INTERVAL DATETIME TIMESTAMP_NTZ TIMESTAMP_LTZ")
_ESCAPES_UNKNOWN = frozenset(("athena", "postgres"))
_SPARK = frozenset(("databricks", "spark"))
_AS_IT_STANDS = frozenset(("word", "sign", "mark"))
_QUOTED = frozenset(("text", "name"))


def _lexemes(text: str, dialect: str) -> list[str]:
    """Return the lexemes of a text with `?` for each literal; raise where it can be read in two ways."""
    kept: list[str] = []
    last, last_end = "", -1
    position, pattern = 0, lexing.pattern(dialect)
    while position < len(text):
        for found in pattern.finditer(text, position):
            kind = found.lastgroup or "doubt"
            if kind == "end":
                return kept
            start, position = found.span(kind)
            if kind == "comment":
                end = _after_comment(text, start, position, dialect)
                if end != position:
                    position = end
                    break
                continue
            word = found.group(kind)
            if last_end == start and (kind in _QUOTED or last in _QUOTED or word == "/"):
                _apart(kind, word, last, kept)
            if kind in _AS_IT_STANDS:
                kept.append(word)
            elif kind != "text" or last != "text":
                kept.append(_shown(kind, word, dialect, kept))
            else:
                _certain(word, dialect)
            last, last_end = kind, position
        else:
            break
    return kept


def _shown(kind: str, word: str, dialect: str, before: list[str]) -> str:
    """Return what stands for a literal or a quoted name; raise for what never ends and what no dialect knows."""
    if kind == "name":
        return _named(word, dialect, before)
    if kind == "text":
        _certain(word, dialect)
    elif kind != "number":
        raise _Doubt("doubt")
    return VALUE


def _apart(kind: str, word: str, last: str, before: list[str]) -> None:
    """Raise where something touches a quote that should not: then a quote is missing, or one is too many."""
    if kind == "sign":
        if word == "/" and before[-1:] in (["*"], ["/"]):
            raise _Doubt("doubt")
    elif last not in {"sign", kind} and not (kind == "text" and last == "word" and before[-1].upper() in _TYPED):
        raise _Doubt("doubt")


def _certain(literal: str, dialect: str) -> None:
    """Raise where a literal may end elsewhere: engines and their settings differ on the backslash."""
    if "\\" in literal and (
        (dialect in _ESCAPES_UNKNOWN and literal[0] not in "eE$" and ("\\'" in literal or '\\"' in literal))
        or (dialect in _SPARK and literal[0] in "rR" and literal[-2] == "\\")
    ):
        raise _Doubt("doubt")


def _named(name: str, dialect: str, before: list[str]) -> str:
    """Return a quoted name as it may be shown; Athena's DDL takes double quotes for strings, its queries for names."""
    if name[0] == '"' and dialect == "athena":
        if '\\"' in name:
            raise _Doubt("doubt")
        if not before or before[0].upper() not in sensitive.QUERIES:
            return VALUE
    return sensitive.presentable(name)


def _after_comment(text: str, start: int, end: int, dialect: str) -> int:
    """Return where a comment ends; raise where it may end elsewhere."""
    if text.startswith("/*", start):
        if text.find("/*", start + 2, end) > 0:
            end = lexing.closing(text, start, len(text)) if lexing.nests(dialect) else len(text) + 1
        hint = text.startswith("+", start + 2)
        unsure = end > len(text) or (hint and any(text.count(quote, start, end) % 2 for quote in "'\""))
    else:
        unsure = text.startswith("\r", end) and not text.startswith("\r\n", end)
        unsure = unsure or (dialect in _SPARK and text.endswith("\\", start, end))
    if unsure:
        raise _Doubt("doubt")
    return end


def _without_secrets(lexemes: list[str], text: str, dialect: str) -> list[str]:
    """Return the lexemes without what may be a secret; raise where a statement must not be shown at all."""
    lowered = text.lower()
    if "identified" in lowered or (dialect == "tsql" and "quoted_identifier" in lowered):
        raise _Doubt("secret" if "identified" in lowered else "doubt")
    kept: list[str] = []
    begin = 0
    while begin < len(lexemes):
        try:
            end = lexemes.index(";", begin)
        except ValueError:
            end = len(lexemes)
        if end > begin:
            statement = lexemes[begin:end]
            reason = sensitive.withheld(statement)
            if reason is not None:
                raise _Doubt(reason)
            kept += sensitive.scrubbed(statement, lowered, dialect)
            kept.append(";")
        begin = end + 1
    return kept


_KEYWORDS = words(
    "SELECT DISTINCT ALL FROM WHERE AND OR NOT IN AS ON BY HAVING WHEN THEN ELSE CASE BETWEEN LIKE IS VALUES "
    "LIMIT OFFSET SET RETURN INTERVAL DEFAULT OVER WITH JOIN USING EXISTS UNION EXCEPT INTERSECT TOP INTO ANY "
    "SOME FILTER QUALIFY LATERAL TABLE PARTITION IF"
)
_SIGNED = frozenset("+-")
_OPENERS = frozenset(("(", "[", ",", "=", "<", ">", "<=", ">=", "<>", "!=", "==", "=>", "*", "/", "%", "||", ":=", "{"))
_OPEN_BRACKETS, _CLOSE_BRACKETS = frozenset("(["), frozenset(")]")
_ROW = ["(", VALUE, ")", ",", "(", VALUE, ")"]


def _folded(lexemes: list[str]) -> list[str]:
    """Return lexemes with one `?` for a list of nothing else, one row for several such, and no sign of a number."""
    kept: list[str] = []
    opened = -1
    for word in lexemes:
        if word == VALUE:
            if kept and kept[-1] in _SIGNED and (len(kept) == 1 or _before_value(kept[-2])):
                kept.pop()
        elif word in _OPEN_BRACKETS:
            opened = len(kept)
        elif word in _CLOSE_BRACKETS:
            if opened >= 0 and len(kept) > opened + 1:
                del kept[opened + 2 :]
            opened = -1
        elif word != "," and word not in _SIGNED:
            opened = -1
        kept.append(word)
        if word == ")" and kept[-7:] == _ROW:
            del kept[-4:]
    return kept


def _before_value(word: str) -> bool:
    """Whether what follows a word begins a value, so that a sign there belongs to it."""
    return word in _OPENERS or word.upper() in _KEYWORDS


_NO_SPACE_BEFORE = frozenset((",", ")", ".", ";", "]", "::", "["))
_NO_SPACE_AFTER = frozenset(("(", ".", "[", "::", "@"))


def _joined(lexemes: list[str]) -> str:
    """Return lexemes as a line that reads well."""
    parts: list[str] = []
    before = "("
    for word in lexemes:
        if (
            before in _NO_SPACE_AFTER
            or word in _NO_SPACE_BEFORE
            or (word == "(" and before[0].isalpha() and before.upper() not in _KEYWORDS)
        ):
            parts.append(word)
        else:
            parts += (" ", word)
        before = word
    return "".join(parts)
