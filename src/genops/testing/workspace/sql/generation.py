"""DuckDB SQL of a Databricks statement: sqlglot writes the grammar, the table here says what writes the rest.

Functions are spelled by :mod:`genops.testing.workspace.sql.functions`. A tree of :data:`NATIVE` meaning is
DuckDB's own and passes unchanged.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import sqlglot
from sqlglot import exp
from sqlglot.dialects.duckdb import DuckDB
from sqlglot.errors import SqlglotError

from genops.testing.workspace.sql import calls, casts, operators, rows
from genops.testing.workspace.sql.casts import cast
from genops.testing.workspace.sql.failures import SqlError, UnsupportedError
from genops.testing.workspace.sql.functions import FUNCTIONS, Invocation
from genops.testing.workspace.sql.functions.session import NOW, USER
from genops.testing.workspace.sql.trees import NATIVE, native
from genops.testing.workspace.sql.values import literal

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["NATIVE", "cast", "native", "to_duckdb"]


def to_duckdb(tree: Any) -> str:
    """DuckDB SQL of a tree in the Databricks dialect; the tree may be changed by it.

    Raises:
        UnsupportedError: There is no translation.
    """
    _check(tree)
    try:
        writer = _Duck().generator(identify=True, unsupported_level=sqlglot.ErrorLevel.RAISE)
        return str(writer.generate(tree, copy=False))
    except SqlglotError as error:
        raise UnsupportedError(f"this statement: {str(error).split(chr(10), 1)[0]}") from error


def _as_function(name: str, *keys: str) -> Callable[[Any, Any], str]:
    """Special grammar that means an ordinary function."""

    def spelled(writer: Any, tree: Any) -> str:
        arguments = [tree.args[key] for key in keys if tree.args.get(key) is not None]
        FUNCTIONS[name].check(name, len(arguments))
        return FUNCTIONS[name].spell(Invocation(name, arguments, writer.sql))

    return spelled


def _var(_: Any, tree: Any) -> str:
    return str(tree.this)


def _if(writer: Any, tree: Any) -> str:
    otherwise = writer.sql(tree, "false") or "NULL"
    return f"CASE WHEN {writer.sql(tree.this)} THEN {writer.sql(tree, 'true')} ELSE {otherwise} END"


def _var_map(writer: Any, tree: Any) -> str:
    return f"MAP({writer.sql(tree, 'keys')}, {writer.sql(tree, 'values')})"


def _array(writer: Any, tree: Any) -> str:
    return f"[{', '.join(writer.sql(item) for item in tree.expressions)}]"


def _literal(_: Any, tree: Any) -> str:
    return literal(tree.name) if tree.is_string else str(tree.name)


def _hex(_: Any, tree: Any) -> str:
    return f"unhex({literal(str(tree.this))})"


def _said(text: str) -> Callable[[Any, Any], str]:
    def spelled(_: Any, __: Any) -> str:
        return text

    return spelled


_OVERLAY = "this expression from_ from for_ for"
Spelling = tuple["Callable[[Any, Any], str]", str]

# How a class of syntax trees is spelled, and which of its arguments that regards: a tree with another one is refused.
_OPERAND = "this expression"
_SPELLINGS: dict[str, Spelling] = {
    "Anonymous": (calls.anonymous, "this expressions"),
    "Window": (calls.window, "this partition_by order spec over alias first"),
    "Filter": (calls.filtered, _OPERAND),
    "WithinGroup": (calls.filtered, _OPERAND),
    "IgnoreNulls": (calls.filtered, "this"),
    "RespectNulls": (calls.filtered, "this"),
    "Add": (operators.arithmetic("+"), _OPERAND),
    "Sub": (operators.arithmetic("-"), _OPERAND),
    "Mul": (operators.arithmetic("*"), _OPERAND),
    "Div": (operators.divided, "this expression typed safe"),
    "Mod": (operators.remainder, _OPERAND),
    "IntDiv": (operators.whole_quotient, _OPERAND),
    "Neg": (operators.negative, "this"),
    "DPipe": (operators.joined, "this expression safe"),
    "Bracket": (operators.bracket, "this expressions offset safe returns_list_for_maps"),
    "Like": (operators.like("LIKE"), "this expression negate"),
    "ILike": (operators.like("ILIKE"), "this expression negate"),
    "Escape": (operators.escape, _OPERAND),
    "RegexpLike": (operators.regexp, _OPERAND),
    "Cast": (casts.cast_tree, "this to safe"),
    "TryCast": (casts.cast_tree, "this to safe requires_string"),
    "Interval": (casts.interval, "this unit"),
    "Extract": (casts.extract, _OPERAND),
    "Trim": (casts.trim, "this expression position"),
    "Substring": (_as_function("substring", "this", "start", "length"), "this start length"),
    "Overlay": (_as_function("overlay", *_OVERLAY.split()), _OVERLAY),
    "StrPosition": (_as_function("position", "substr", "this", "position"), "substr this position"),
    "Lateral": (rows.lateral, "this view outer alias ordinality"),
    "Alias": (rows.alias, "this alias"),
    "Aliases": (rows.aliases, "this expressions"),
    "Var": (_var, "this"),
    "Literal": (_literal, "this is_string"),
    "HexString": (_hex, "this is_integer"),
    "If": (_if, "this true false"),
    "VarMap": (_var_map, "keys values"),
    "Array": (_array, "expressions bracket_notation"),
    "CurrentDate": (_said(f"CAST({NOW} AS DATE)"), ""),
    "CurrentTimestamp": (_said(NOW), ""),
    "CurrentUser": (_said(USER), ""),
    "SessionUser": (_said(USER), ""),
}
# Of what sqlglot calls functions, these mean the same in both and are written by sqlglot.
_SAME = ("And", "Or", "Xor", "Not", "Case", "Coalesce", "Exists")


def _regarding(name: str, spelling: Spelling) -> Callable[[Any, Any], str]:
    spell, arguments = spelling[0], frozenset(spelling[1].split())

    def spelled(writer: Any, tree: Any) -> str:
        for argument, value in tree.args.items():
            if argument not in arguments and value not in (None, False, []):
                raise UnsupportedError(f"{name} with {argument}")
        return spell(writer, tree)

    return spelled


_CLASSES: dict[type[Any], Callable[[Any, Any], str]] = {
    getattr(exp, name): _regarding(name, spelling) for name, spelling in _SPELLINGS.items() if hasattr(exp, name)
}
_SPELLED = (*_CLASSES, *(getattr(exp, name) for name in _SAME))


# Clauses of a query that mean the same in both, and hints, which mean nothing.
_CLAUSES = frozenset(
    [
        "with",
        "with_",
        "expressions",
        "hint",
        "distinct",
        "from",
        "from_",
        "joins",
        "laterals",
        "where",
        "group",
        "having",
        "qualify",
        "windows",
        "order",
        "limit",
        "offset",
        "pivots",
        "sample",
        "kind",
    ]
)


def _check(tree: Any) -> None:
    """Refuse functions and clauses that sqlglot would spell by itself, or leave out.

    Raises:
        UnsupportedError: There is one.
    """
    for node in tree.walk():
        if isinstance(node, exp.Select):
            unknown = [name for name, value in node.args.items() if value and name not in _CLAUSES]
            if unknown or node.args.get("kind"):
                raise UnsupportedError(f"a query with {', '.join(unknown) or node.args['kind']}")
        if isinstance(node, exp.Distinct) and node.args.get("on"):
            raise SqlError("[PARSE_SYNTAX_ERROR] Syntax error at or near 'ON'.", "42601")
        if isinstance(node, exp.Func) and not isinstance(node, _SPELLED):
            raise UnsupportedError(f"the function {node.sql_name().lower()}")
        if isinstance(node, (exp.JSONExtract, exp.Lambda)) and not isinstance(node.parent, exp.Anonymous):
            raise UnsupportedError("paths into VARIANT or JSON text, or a function in this place")


_GENERATOR: Any = DuckDB.Generator


class _Duck(DuckDB):
    """DuckDB's dialect with the meaning of Databricks."""

    class Generator(_GENERATOR):  # pyright: ignore[reportIncompatibleVariableOverride] - sqlglot's own way
        """Writes DuckDB SQL."""

        TRANSFORMS = {**_GENERATOR.TRANSFORMS, **_CLASSES}  # noqa: RUF012 - sqlglot's own way of extension
