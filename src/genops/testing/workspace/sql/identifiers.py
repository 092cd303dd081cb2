"""The IDENTIFIER clause: a text that stands for a name, put into the statement before it is read.

What it takes here are string literals and parameters, joined by ``||``; the text has to be a name, so no other SQL
comes in by it.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import sqlglot
from sqlglot import TokenType
from sqlglot.errors import SqlglotError

from genops.testing.workspace.sql.binding import numbered
from genops.testing.workspace.sql.failures import SqlError, UnsupportedError
from genops.testing.workspace.sql.values import split_name, ticked

if TYPE_CHECKING:
    from collections.abc import Iterable

    from genops.testing.workspace.http.wire import Json

_CLAUSE = re.compile(r"\bIDENTIFIER\s*\(", re.IGNORECASE)
_NAME = re.compile(r"(?:`(?:[^`]|``)+`|\w+)(?:\.(?:`(?:[^`]|``)+`|\w+))*")


def named(sql: str, parameters: Iterable[Json]) -> tuple[str, list[Json]]:
    """A statement with names in the place of its IDENTIFIER clauses, and its parameters.

    >>> named("SELECT * FROM IDENTIFIER('main.' || :s || '.t')", [{"name": "s", "value": "x"}])[0]
    'SELECT * FROM `main`.`x`.`t`'

    Raises:
        SqlError: The text of a clause is no name, or a parameter of it is not given.
        UnsupportedError: A clause computes its text otherwise.
    """
    given = list(parameters)
    if not _CLAUSE.search(sql):
        return sql, given
    try:
        sql, given = numbered(sql, given)
        # Behind a parenthesis no first word, as SHOW, makes one token of all that follows it.
        tokens: list[Any] = sqlglot.tokenize(f"({sql}", read="databricks")
    except SqlglotError:  # no SQL: whoever parses it says so
        return sql, given
    values = {str(item["name"]): item.get("value") for item in given}
    text, at, index = "", 0, 1
    while index < len(tokens) - 1:
        if tokens[index].text.upper() == "IDENTIFIER" and _is(tokens, index + 1, TokenType.L_PAREN):
            name, after = _name(tokens, index + 2, values)
            is_call = _is(tokens, after, TokenType.L_PAREN)
            text += sql[at : tokens[index].start - 1] + (name.replace("`", "") if is_call else name)
            at, index = tokens[after - 1].end, after
        else:
            index += 1
    return text + sql[at:], given


def _is(tokens: list[Any], index: int, kind: Any) -> bool:
    return index < len(tokens) and tokens[index].token_type is kind


def _name(tokens: list[Any], index: int, values: dict[str, Any]) -> tuple[str, int]:
    """The name that the parts of a clause give, quoted, and the index after its parenthesis."""
    parts: list[str] = []
    while not _is(tokens, index, TokenType.R_PAREN):
        if _is(tokens, index, TokenType.STRING):
            parts.append(tokens[index].text)
            index += 1
        elif _is(tokens, index, TokenType.COLON) and index + 1 < len(tokens):
            parts.append(_value(tokens[index + 1].text, values))
            index += 2
        else:
            raise UnsupportedError("IDENTIFIER of anything but string literals and parameters, joined by ||")
        index += _is(tokens, index, TokenType.DPIPE)
    return _checked("".join(parts)), index + 1


def _value(name: str, values: dict[str, Any]) -> str:
    if name not in values:
        raise SqlError(f"[UNBOUND_SQL_PARAMETER] Found the unbound parameter: {name}.", "42P02")
    if values[name] is None:
        raise SqlError(
            "[NOT_A_CONSTANT_STRING.NULL] The expression used for the routine or clause IDENTIFIER must be a constant "
            "STRING which is NOT NULL.",
            "42601",
        )
    return str(values[name])


def _checked(text: str) -> str:
    if not _NAME.fullmatch(text.strip()):
        raise SqlError(f"[PARSE_SYNTAX_ERROR] The text {text!r} of an IDENTIFIER clause is no name.", "42601")
    return ".".join(ticked(part) for part in split_name(text.strip()))
