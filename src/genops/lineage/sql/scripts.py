"""The statements inside a statement: blocks, branches and loops of scripts, bodies of procedures, tasks and triggers.

Which of them run, and how often, no text tells, so what they name is told of the script as a whole. A cut too many
costs the parser a statement and no table, as the words of every piece are looked at.
"""

from __future__ import annotations

from typing import NamedTuple

from genops.lineage.sql import heads, redaction, tables
from genops.lineage.sql.lexing import COMMENT, TEXT, Lexeme, lexemes, words

MAX_PIECES = 200
"""Statements of a script that are read; of a longer one not all tables are known."""

_OPENING = words("BEGIN IF WHILE FOR LOOP REPEAT CASE DECLARE")
_LANGUAGES = words("SQL PLPGSQL")
_SINGLE = words("BEGIN END EXCEPTION TRY CATCH")
_INNER = words("THEN ELSE DO LOOP REPEAT UNTIL")
_BODY = words("AS BEGIN RETURN DO THEN IF USING")
_VERBS = words("INSERT UPDATE DELETE MERGE DROP TRUNCATE CREATE ALTER EXEC EXECUTE IF WHILE DECLARE")
_NO_VERB_AFTER = words("ON FOR AFTER OF INSTEAD THEN , OR GRANT REVOKE DENY AS WITH EXECUTE BEFORE")
_CONTROL = words("IF WHILE FOR LOOP REPEAT CASE DECLARE RETURN PRINT OPEN BEGIN END LET")
_STATEMENTS = heads.KEYWORDS - _CONTROL
_RUNS = words("EXECUTE EXEC CALL")
_OF_BLOCKS = words("NOT ATOMIC")
_TABLELESS = words("FETCH CLOSE DEALLOCATE RAISE RAISERROR SIGNAL LEAVE ITERATE THROW")
_NO_BLOCK = words("TRAN TRANSACTION WORK ISOLATION READ DEFERRED IMMEDIATE EXCLUSIVE DISTRIBUTED")


class Piece(NamedTuple):
    """A statement of a script, or an expression in it, such as a condition or the value of a variable.

    Attributes:
        text: Its text; of an expression as a query.
        expression: Whether it is none but an expression.
    """

    text: str
    expression: bool = False


class Script(NamedTuple):
    """What a statement holds.

    Attributes:
        pieces: Its statements, in order.
        whole: Whether there is nothing in it but these: no text of another language, none that is computed.
    """

    pieces: tuple[Piece, ...]
    whole: bool = True


def script(statement: str, dialect: str) -> Script | None:
    """Return what a statement holds; `None` where it holds no others.

    >>> found = script("BEGIN DELETE FROM a; IF x > 1 THEN DROP TABLE b; END IF; END", "bigquery")
    >>> [piece.text for piece in found.pieces]
    ['DELETE FROM a', 'SELECT x > 1', 'DROP TABLE b']
    """
    found = [each for each in lexemes(statement, dialect) if each.kind != COMMENT]
    upper = tables.Words(found, dialect).upper
    start = 2 if upper[1:2] == [":"] else 0
    first = upper[start] if start < len(upper) else ""
    if first == "EXECUTE" and upper[1:2] == ["IMMEDIATE"]:
        return _quoted(found[2], dialect) if len(found) > 2 and found[2].kind == TEXT else None  # noqa: PLR2004 - words
    if first in {"DO", "CREATE", "ALTER"}:
        return _stored(statement, found, upper, dialect)
    if first not in _OPENING or (first == "BEGIN" and upper[start + 1 : start + 2] and upper[start + 1] in _NO_BLOCK):
        return None
    return _script(statement, found[start:], dialect)


def _stored(statement: str, found: list[Lexeme], upper: list[str], dialect: str) -> Script | None:
    """Return what is kept to run later: the body of a procedure, a task, a trigger and their like."""
    place = next((i for i, word in enumerate(upper) if i and word not in heads.MODIFIERS), len(upper))
    place += upper[place : place + 2] == ["TABLE", "FUNCTION"]
    if upper[0] != "DO" and (upper[place : place + 1] == [""] or upper[place] in {"TABLE", "VIEW"}):
        return None
    if upper[0] == "ALTER" and upper[place] not in heads.OBJECTS:
        return None
    language = next((upper[i + 1] for i in range(len(upper) - 1) if upper[i] == "LANGUAGE"), "SQL")
    body = _body(upper, place)
    texts = [each for each in found[1 if upper[0] == "DO" else body :] if each.kind == TEXT]
    if language not in _LANGUAGES:
        return Script((), whole=False) if texts or body < len(found) else None
    if upper[0] == "DO" or (body + 1 < len(found) and found[body + 1].kind == TEXT):
        return _quoted(texts[0], dialect) if texts else Script((), whole=False)
    if body >= len(found):
        return None
    return _script(statement, found[body if upper[body] not in {"AS", "USING"} else body + 1 :], dialect)


def _body(upper: list[str], start: int) -> int:
    """Return where the header of what is created ends."""
    depth = 0
    for i in range(start, len(upper)):
        depth += (upper[i] == "(") - (upper[i] == ")")
        named_or_run_as = upper[i] == "AS" and upper[i - 1] == "EXECUTE"
        existing = upper[i] == "IF" and upper[i + 1 : i + 2] in (["NOT"], ["EXISTS"])
        if depth == 0 and upper[i] in _BODY and not named_or_run_as and not existing:
            return i
    return len(upper)


def _quoted(text: Lexeme, dialect: str) -> Script:
    """Return the statements of a literal, where it is plain to see what it holds, and that it is no secret."""
    inner = tables.content(text.text)
    if inner is None or redaction.redact(inner, dialect).text is None:
        return Script((), whole=False)
    return _script(inner, [each for each in lexemes(inner, dialect) if each.kind != COMMENT], dialect)


def _script(statement: str, found: list[Lexeme], dialect: str) -> Script:
    upper = tables.Words(found, dialect).upper
    pieces: list[Piece] = []
    whole = not _computes(found, upper)
    for begin, end in _cuts(upper, dialect):
        start = next((i for i in range(begin, end) if upper[i] not in _OF_BLOCKS), end)
        piece = _piece(statement, found[start:end], upper[start:end])
        if piece is not None:
            pieces.append(piece)
            whole = whole and not (piece.expression and _changes(upper[start:end]))
    return Script(tuple(pieces[:MAX_PIECES]), whole and len(pieces) <= MAX_PIECES)


def _changes(upper: list[str]) -> bool:
    """Whether there is a statement behind other words, as behind `DECLARE EXIT HANDLER FOR NOT FOUND`."""
    return any(word in _VERBS and upper[i - 1] != "FOR" for i, word in enumerate(upper) if i)


def _computes(found: list[Lexeme], upper: list[str]) -> bool:
    """Whether a statement runs inside an expression, or a table's name comes from a variable."""
    for i in range(len(upper) - 2):
        if upper[i] in {"(", "=", ":="} and upper[i + 1] in _RUNS:
            return True
        if upper[i : i + 2] == ["IDENTIFIER", "("] and found[i + 2].kind != TEXT:
            return True
    return False


def _piece(statement: str, found: list[Lexeme], upper: list[str]) -> Piece | None:
    if len(found) < 2 or upper[0] in _TABLELESS:  # noqa: PLR2004 - a word alone names no table
        return None
    text = statement[found[0].start : found[-1].end]
    if upper[0] in _STATEMENTS:
        return Piece(text)
    return Piece(f"SELECT {statement[found[1].start : found[-1].end]}", expression=True)


def _cuts(upper: list[str], dialect: str) -> list[tuple[int, int]]:
    """Return where the pieces of a script begin and end."""
    cuts: list[tuple[int, int]] = []
    begin = depth = cases = 0
    for i, word in enumerate(upper):
        if word == ";":
            depth = cases = 0
        depth += (word == "(") - (word == ")")
        if depth > 0:
            continue
        if word == "CASE" and i > begin and upper[i - 1] != "END":
            cases += 1
        elif word == "END" and cases:
            cases -= 1
        elif not cases and (word == ";" or _parts(upper, begin, i, dialect)):
            cuts.append((begin, i))
            begin = i + (word not in _VERBS)
    return [(start, end) for start, end in (*cuts, (begin, len(upper))) if end > start]


def _parts(upper: list[str], begin: int, i: int, dialect: str) -> bool:
    """Whether a word outside brackets parts one piece from the next."""
    word = upper[i]
    if word in _SINGLE:
        return True
    if word in _INNER:
        return upper[begin] not in _STATEMENTS or (word == "ELSE" and dialect == "tsql")
    if dialect != "tsql" or word not in _VERBS or i == begin or upper[begin] == "WITH":
        return False
    return upper[i - 1] not in _NO_VERB_AFTER and upper[i + 1 : i + 2] != ["("] and not _existing(upper, i)


def _existing(upper: list[str], i: int) -> bool:
    """Whether an IF belongs to the statement before it, as in `DROP TABLE IF EXISTS t`."""
    return upper[i] == "IF" and upper[i - 1] in {"TABLE", "VIEW", "SCHEMA", "PROCEDURE", "FUNCTION", "INDEX", "COLUMN"}
