"""Databricks SQL as syntax trees.

sqlglot knows the grammar. What a function means is none of its business here: every call stays a call of the name that
was written, and :mod:`genops.testing.workspace.sql.functions` says what the names mean.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import sqlglot
from sqlglot import exp
from sqlglot.dialects.databricks import Databricks
from sqlglot.errors import SqlglotError

from genops.testing.workspace.sql.failures import SqlError, UnsupportedError

if TYPE_CHECKING:
    from collections.abc import Callable

    from genops.testing.workspace.http.wire import Json

ALIAS = "unity_"
"""DuckDB reserves ``main`` and ``system`` as database names, so every catalog is attached with this prefix."""

# Calls whose arguments have a grammar of their own, as ``extract(YEAR FROM d)``.
_GRAMMAR = ("CAST", "TRY_CAST", "EXTRACT", "TRIM", "POSITION", "SUBSTRING", "SUBSTR", "OVERLAY")
_AT_VERSION = re.compile(r"@v(\d+)\b")
_EVOLUTION = re.compile(r"\bWITH\s+SCHEMA\s+EVOLUTION\b", re.IGNORECASE)
_PARSED = 512
"""Texts whose trees are kept."""


# Functions that are casts.
_TYPES = ("BIGINT", "BINARY", "BOOLEAN", "DATE", "DOUBLE", "FLOAT", "INT", "SMALLINT", "STRING", "TIMESTAMP", "TINYINT")


def _cast_to(kind: str) -> Callable[[list[Any]], Any]:
    return lambda args: exp.Cast(this=args[0], to=exp.DataType.build(kind, dialect="databricks"))


_PARSERS: Any = Databricks.Parser


def _array(arguments: list[Any]) -> Any:
    return exp.Array(expressions=list(arguments))


def _remainder(arguments: list[Any]) -> Any:
    left, right = (exp.Paren(this=argument) for argument in arguments)
    return exp.Mod(this=left, expression=right)


_FUNCTIONS: dict[str, Any] = {"ARRAY": _array, "MOD": _remainder, **{name: _cast_to(name) for name in _TYPES}}


def _only(parsers: Any, wanted: Callable[[str], bool]) -> dict[str, Any]:
    return {name: parser for name, parser in parsers.items() if wanted(name)}


class _Strict(Databricks):
    """Databricks that leaves functions alone, and refuses what it cannot parse instead of passing it through."""

    class Parser(_PARSERS):  # pyright: ignore[reportIncompatibleVariableOverride] - sqlglot's own way
        """Parser of the strict dialect."""

        FUNCTIONS = _FUNCTIONS
        FUNCTION_PARSERS = _only(_PARSERS.FUNCTION_PARSERS, lambda name: name in _GRAMMAR)
        NO_PAREN_FUNCTION_PARSERS = _only(
            _PARSERS.NO_PAREN_FUNCTION_PARSERS, lambda name: name not in ("TRANSFORM", "ANY")
        )

        def _warn_unsupported(self) -> None:
            raise UnsupportedError("this syntax: " + str(self.sql).strip().split("\n", 1)[0][:80])


def parse(sql: str) -> list[Any]:
    """The statements of a text; the trees are the caller's to change.

    Raises:
        SqlError: The text is empty or no Databricks SQL.
    """
    return [tree.copy() for tree in _parsed(sql)]


@lru_cache(_PARSED)
def _parsed(sql: str) -> tuple[Any, ...]:
    try:
        statements = tuple(_normal(tree) for tree in sqlglot.parse(sql, read=_Strict) if tree is not None)
    except SqlglotError as error:
        spelled_out = _AT_VERSION.sub(r" VERSION AS OF \1 ", sql)
        if spelled_out != sql:
            return _parsed(spelled_out)
        if _EVOLUTION.search(sql):
            raise UnsupportedError("MERGE WITH SCHEMA EVOLUTION") from error
        raise SqlError(f"[PARSE_SYNTAX_ERROR] {_first_error(error)}", "42601") from error
    if not statements:
        raise SqlError("[PARSE_EMPTY_STATEMENT] Syntax error, unexpected empty statement.", "42617")
    return statements


def _normal(tree: Any) -> Any:
    """``GROUP BY a WITH ROLLUP`` and ``WITH CUBE`` as ``GROUP BY ROLLUP (a)``."""
    for group in list(tree.find_all(exp.Group)):
        for name, kind in (("rollup", exp.Rollup), ("cube", exp.Cube)):
            found = group.args.get(name)
            if found and not any(item.expressions for item in found):
                items = group.expressions
                group.set("expressions", [])
                group.set(name, [kind(expressions=items)])
    return tree


def _first_error(error: SqlglotError) -> str:
    errors: list[Json] = getattr(error, "errors", None) or []
    if not errors:
        return str(error).split("\n", 1)[0]
    first = errors[0]
    return f"Syntax error at or near '{first.get('highlight')}' (line {first.get('line')}, pos {first.get('col')})."


_SESSION = {"current_catalog": 0, "current_schema": 1, "current_database": 1}


def put_session(tree: Any, catalog: str, schema: str) -> Any:
    """Put the names of a session's catalog and schema in the place of the functions that give them."""
    for node in list(tree.walk()):
        name = node.name.lower() if isinstance(node, exp.Anonymous) else _snake(node.__class__.__name__)
        if name in _SESSION and isinstance(node, exp.Func):
            node.replace(exp.Literal.string((catalog, schema)[_SESSION[name]]))
    return tree


def _snake(name: str) -> str:
    return {"CurrentCatalog": "current_catalog", "CurrentSchema": "current_schema"}.get(name, "")
