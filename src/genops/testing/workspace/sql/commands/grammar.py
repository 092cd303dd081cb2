"""How the statements are read that sqlglot does not parse: each form is one line of a small pattern language.

``SHOW TABLES [{IN|FROM} <name>] [[LIKE] <like:text>]`` says it all: words, ``[optional]``, ``{one|of}``, and
``<group:kind>`` for what is taken out; the kinds are the table below, and a group without one is of its own name's
kind. ``[all:ALL]`` and ``{kind:TABLE|VIEW}`` are taken out, too.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from genops.testing.workspace.sql.database import address_of
from genops.testing.workspace.sql.failures import SqlError, UnsupportedError
from genops.testing.workspace.sql.tables import TableName
from genops.testing.workspace.sql.values import split_name
from genops.testing.workspace.sql.virtual import SYSTEM
from genops.testing.workspace.unity.catalog import UnityCatalog, quote_part

if TYPE_CHECKING:
    from genops.testing.workspace.http.wire import Json
    from genops.testing.workspace.sql.planning import Planning
    from genops.testing.workspace.sql.routines import Routines
    from genops.testing.workspace.sql.sessions import Session

_ID = r"(?:`(?:[^`]|``)+`|[\w-]+)"
_TEXT = r"(?:'(?:[^'\\]|\\.|'')*'|\"(?:[^\"\\]|\\.)*\")"
_KINDS = {
    "name": rf"{_ID}(?:\s*\.\s*{_ID})*",
    "column": _ID,
    "alias": rf"(?!BY\b){_ID}",
    "columns": rf"{_ID}(?:\s*,\s*{_ID})*",
    "principal": rf"(?:{_TEXT}|`[^`]+`|[\w.@+-]+)",
    "text": _TEXT,
    "value": rf"(?:{_TEXT}|NULL)",
    "plain": r"[^\s]+",
    "tag": rf"(?:{_TEXT}|UNSET)",
    "type": r"\w+(?:\s*\([\d,\s]*\))?(?:\s*<.*>)?",
    "words": r"\w[\w\s,]*?",
    "constraint": r"(?:CONSTRAINT|PRIMARY|FOREIGN|CHECK)\b.*",
    "key": r"(?:(?:NOT\s+ENFORCED|DEFERRABLE|INITIALLY\s+DEFERRED|NORELY|RELY|MATCH\s+FULL"
    r"|ON\s+(?:UPDATE|DELETE)\s+NO\s+ACTION)\b\s*)*",
    "nothing": r"(?!)",
    "list": r"[^()]*(?:\([^()]*\)[^()]*)*",
    "rest": r"\S.*",
    "anything": r".*",
    "select": r"\(*\s*(?:SELECT|WITH|VALUES)\b.*",
    "query": r"\(*\s*(?:SELECT|WITH|VALUES|FROM|TABLE)\b.*",
}
_PIECE = re.compile(r"\\[\[\]]|\[(?:\w+:)?|\]|\{[^}]*\}|<[^>]*>|[^\s\[\]{}<>()=,]+|[()=,]")
_SPOKEN = re.compile(r"('(?:[^'\\]|\\.|'')*'|\"(?:[^\"\\]|\\.)*\"|`[^`]*`)|--[^\n]*|/\*.*?\*/", re.DOTALL)


@dataclass
class Table:
    """A small result.

    Attributes:
        names: Columns.
        rows: Values in their order; what is no number is text.
        kinds: DuckDB types of the columns that are no text, by name.
        staging: Whether it tells the client to move a file.
    """

    names: list[str] = field(default_factory=list[str])
    rows: list[list[Any]] = field(default_factory=list[list[Any]])
    kinds: dict[str, str] = field(default_factory=dict[str, str])
    staging: bool = False


@dataclass(frozen=True)
class Scope:
    """Where a command runs.

    Attributes:
        catalog: The Unity Catalog.
        session: Whose statement it is.
        user: Who that is, never empty.
        planner: Plans queries.
        routines: Makes functions callable.
    """

    catalog: UnityCatalog
    session: Session
    user: str
    planner: Planning
    routines: Routines

    def parts(self, name: str, count: int) -> list[str]:
        """A name's parts in lower case, the absent ones from the session's defaults."""
        given = [part.lower() for part in split_name(re.sub(r"\s*\.\s*", ".", name))]
        if len(given) > count:
            raise SqlError(
                f"[PARSE_SYNTAX_ERROR] {name} has {len(given)} parts where at most {count} can stand.", "42601"
            )
        missing = count - len(given)
        return [self.session.catalog.lower(), self.session.schema.lower()][:missing] + given

    def full(self, name: str, count: int) -> str:
        """A dotted name with the defaults in front, in backticks where it needs them."""
        return ".".join(quote_part(part) for part in self.parts(name, count))

    def catalog_name(self, name: str) -> str:
        """A catalog that is there, or ``system``, which holds nothing but computed tables.

        Raises:
            ApiError: There is none of that name.
        """
        return SYSTEM if name.strip("` ").lower() == SYSTEM else str(self.catalog.catalog(name.strip("` "))["name"])

    def found(self, name: str) -> Json:
        """A relation by its name: a temporary view of the session, a computed table, or a stored one.

        Raises:
            ApiError: There is none.
        """
        if "." not in name and name.strip("` ").lower() in self.session.views:
            return self.session.views[name.strip("` ").lower()].info
        place = self.table(name)
        computed = self.catalog.virtual.tables(place.catalog, place.schema).get(place.name)
        if computed is not None:
            return computed.info(place.catalog, place.schema, place.name)
        info = self.catalog.table(self.full(name, 3))
        self.catalog.grants.need_sight(self.user, "table", info["full_name"])
        return info

    def stored(self, name: str, kind: str = "TABLE") -> Json:
        """A stored table or view that a statement is about to change.

        Args:
            name: Its name.
            kind: What the statement says it is: ``TABLE``, ``VIEW``, ``MATERIALIZED VIEW`` …

        Raises:
            ApiError: There is none.
            SqlError: It is of another kind.
        """
        info = self.found(name)
        if (info["table_type"] == "VIEW" and kind == "TABLE") or (info["table_type"] != "VIEW" and kind == "VIEW"):
            wanted = "table" if kind == "TABLE" else "view"
            raise SqlError(
                f"[EXPECT_{kind}_NOT_{'VIEW' if kind == 'TABLE' else 'TABLE'}.NO_ALTERNATIVE] "
                f"{self.table(name).shown} is a {'view' if kind == 'TABLE' else 'table'}, expected a {wanted}.",
                "42809",
            )
        if info["table_type"] == "FOREIGN":
            raise UnsupportedError(f"ALTER of {self.table(name).shown}, which the platform fills")
        if "table_id" not in info:
            raise SqlError(f"[UNSUPPORTED_OPERATION] {name} is no stored table; it cannot be altered.", "0A000")
        return info

    def address(self, info: Json) -> str:
        """The DuckDB name of a stored table."""
        return address_of(info)

    def directory(self, kind: str) -> list[str]:
        """Names of the workspace's ``users`` or ``groups``."""
        kinds = ("Group",) if kind == "groups" else ("User", "ServicePrincipal")
        return sorted(one.name for word in kinds for one in self.catalog.grants.principals.all(word))

    def quoted(self, full_name: str) -> str:
        """A full name as the catalog holds it, in backticks where that is needed."""
        return ".".join(quote_part(part) for part in full_name.split("."))

    def table(self, name: str) -> TableName:
        """The full name of a table."""
        return TableName(*self.parts(name, 3))


def syntax_error(near: str) -> SqlError:
    """A statement that the grammar does not have."""
    return SqlError(f"[PARSE_SYNTAX_ERROR] Syntax error at or near {near.strip()!r}.", "42601")


def moment(millis: int) -> str:
    """A time as DESCRIBE and SHOW print it, as ``Sat Nov 21 20:17:00 UTC 2026``."""
    return time.strftime("%a %b %d %H:%M:%S UTC %Y", time.gmtime(millis / 1000))


_ESCAPES = {"n": "\n", "t": "\t", "r": "\r", "0": "\0", "b": "\b", "Z": "\x1a"}

Run = Callable[[Scope, "re.Match[str]"], "Table | None"]
Command = tuple[str, Run, str]
"""A pattern, what runs it (``None`` passes it on), and the type that query history gives the statement."""


Clauses = Sequence[tuple[str, Callable[["re.Match[str]"], "Json"]]]
"""Patterns of clauses, and what each gives."""


def spoken(sql: str) -> str:
    """A statement without comments and its last semicolon.

    >>> spoken("/* who */ SHOW TABLES LIKE '--a*'; -- all")
    "SHOW TABLES LIKE '--a*'"
    """
    return _SPOKEN.sub(lambda match: match[1] or " ", sql).strip().removesuffix(";").strip()


@lru_cache(maxsize=512)
def compiled(pattern: str) -> re.Pattern[str]:
    """The regular expression of a pattern."""
    return re.compile(r"\s*" + "".join(_pieces(pattern)), re.IGNORECASE | re.DOTALL)


def clauses(text: str, table: Clauses) -> tuple[Json, str]:
    """Read clauses in any order, as far as there are any.

    Args:
        text: What follows the name in a CREATE.
        table: What each clause gives, by pattern.

    Returns:
        What they give, and the text after them.
    """
    given: Json = {}
    while found := next(((match, take) for pattern, take in table if (match := compiled(pattern).match(text))), None):
        match, take = found
        given.update(take(match))
        text = text[match.end() :]
    return given, text


def _pieces(pattern: str) -> Iterator[str]:
    for piece in _PIECE.findall(pattern):
        if piece.startswith("\\"):
            yield rf"{piece}\s*"
        elif piece.startswith("["):
            yield f"(?P<{piece[1:-1]}>" if len(piece) > 1 else "(?:"
        elif piece == "]":
            yield ")?"
        elif piece.startswith("{"):
            yield _choice(piece[1:-1])
        elif piece.startswith("<"):
            group, _, kind = piece[1:-1].partition(":")
            yield rf"(?P<{group}>{_KINDS[kind or group]})\s*"
        elif piece in "()=,":
            yield rf"{re.escape(piece)}\s*"
        else:
            yield rf"\b{re.escape(piece)}\b\s*"


def _choice(text: str) -> str:
    group, named, words = text.partition(":")
    choices = "|".join(re.sub(r"\s+", r"\\s+", word) for word in (words if named else text).split("|"))
    return rf"\b(?P<{group}>{choices})\b\s*" if named else rf"\b(?:{choices})\b\s*"


def literal_text(literal: str | None, default: str = "") -> str:
    r"""The value of a string literal.

    >>> literal_text(r"'it\'s'"), literal_text(None)
    ("it's", '')
    """
    if not literal:
        return default
    quote = literal[0]
    return re.sub(r"\\(.)", _unescaped, literal[1:-1].replace(quote * 2, quote), flags=re.DOTALL)


def _unescaped(match: re.Match[str]) -> str:
    # The wildcards of LIKE keep their backslash; any other character stands for itself.
    return _ESCAPES.get(match[1], match[0] if match[1] in "%_" else match[1])


def identifier(name: str) -> str:
    """A column's name without its backticks."""
    return split_name(name.strip())[0] if not name.strip().startswith("`") else name.strip()[1:-1].replace("``", "`")


def matcher(pattern: str | None) -> Callable[[str], bool]:
    """Whether a name matches a pattern of SHOW: ``*`` is anything, ``|`` separates choices, case is ignored.

    The rest is a regular expression, as the documentation of SHOW TABLES has it; ``%`` is anything, too, because
    clients that come from JDBC send it.

    >>> matcher("'flight*|gate_'")("Flights"), matcher("'gate'")("gates"), matcher(None)("x")
    (True, False, True)
    """
    text = literal_text(pattern).strip()
    if not pattern:
        return lambda _: True
    choices = [re.sub("[*%]", ".*", choice.strip()) for choice in text.split("|")]
    try:
        expressions = [re.compile(choice, re.IGNORECASE) for choice in choices]
    except re.error as error:
        raise SqlError(f"[INVALID_REGEXP_REPLACE] {text!r} is no pattern: {error}", "22023") from error
    return lambda name: any(expression.fullmatch(name) for expression in expressions)


def split_list(text: str) -> list[str]:
    """The items of a list, split at commas outside of brackets and quotes.

    >>> split_list("a DECIMAL(10, 2), b STRING COMMENT 'x, y'")
    ['a DECIMAL(10, 2)', "b STRING COMMENT 'x, y'"]
    """
    items, depth = [""], 0
    for piece in re.findall(rf"{_TEXT}|`[^`]*`|.", text, re.DOTALL):
        depth += (piece in "(<[") - (piece in ")>]")
        if piece == "," and depth == 0:
            items.append("")
        else:
            items[-1] += piece
    return [item.strip() for item in items if item.strip()]


_PAIR = re.compile(rf"\s*({_TEXT}|[\w.\-]+|`[^`]+`)\s*(?:=\s*)?(.*)", re.DOTALL)


def pairs(text: str) -> dict[str, str]:
    """The keys and values of ``'a' = 'b', c.d = 1``; a key without a value has the empty one.

    >>> pairs("'a' = 'b', c.d = 1, 'alone'")
    {'a': 'b', 'c.d': '1', 'alone': ''}
    """
    found: dict[str, str] = {}
    for item in split_list(text):
        match = _PAIR.fullmatch(item)
        if match is None:
            raise syntax_error(item)
        found[_word(match[1])] = _word(match[2].strip())
    return found


def _word(text: str) -> str:
    return literal_text(text) if text[:1] in ("'", '"') else text.strip("`")


def comment_of(match: re.Match[str]) -> Json:
    """The comment that a statement gives, as a REST request would."""
    return {"comment": literal_text(match["comment"])} if match["comment"] else {}
