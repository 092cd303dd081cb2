"""Operators whose meaning differs: arithmetic by types, division, ``||``, indexes, LIKE."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlglot import exp

from genops.testing.workspace.sql import kinds
from genops.testing.workspace.sql.expressions import operand
from genops.testing.workspace.sql.failures import UnsupportedError
from genops.testing.workspace.sql.functions import FUNCTIONS, Invocation
from genops.testing.workspace.sql.functions.numbers import quotient
from genops.testing.workspace.sql.functions.spelling import known
from genops.testing.workspace.sql.kinds import Kind, as_decimal

if TYPE_CHECKING:
    from collections.abc import Callable


def _sides(writer: Any, tree: Any) -> tuple[str, str]:
    return writer.sql(tree.this), writer.sql(tree.expression)


def arithmetic(symbol: str) -> Callable[[Any, Any], str]:
    """``+``, ``-`` and ``*``, by the types of both sides."""

    def spelled(writer: Any, tree: Any) -> str:
        left, right = _sides(writer, tree)
        result = known(tree)
        if result is None:
            return f"dbx_plain({left}) {symbol} dbx_plain({right})"
        if result.name in kinds.WHOLE:
            shown = [_fitted(side, text, result) for side, text in ((tree.this, left), (tree.expression, right))]
            return f"{shown[0]} {symbol} {shown[1]}"
        if result.name == "DECIMAL" and result.precision == kinds.MAX_PRECISION:
            if symbol == "*" and _needs_parts(tree, result):
                product = f"dbx_product({left}, {right})"
                shown = kinds.duck_text(result)
                return f"(CAST({product}.whole AS {shown}) + CAST({product}.rest AS {shown}))"
            return f"CAST({left} {symbol} {right} AS {kinds.duck_text(result)})"
        return _moment(symbol, left, right, tree, result)

    return spelled


def _needs_parts(tree: Any, result: Kind) -> bool:
    """Whether DuckDB, which keeps all digits after the point, has too few for a product that Databricks shortens."""
    one, two = operand(tree.this), operand(tree.expression)
    scales = [side.scale for side in (one, two) if side is not None]
    return sum(scales) > result.scale and max(scales) <= kinds.MAX_PRECISION // 2


def _moment(symbol: str, left: str, right: str, tree: Any, result: Kind) -> str:
    one, two = known(tree.this), known(tree.expression)
    if result == kinds.INTERVAL and one == two == kinds.DATE:
        return f"to_days(CAST({left} - {right} AS INTEGER))"
    if result == kinds.DATE:
        return f"CAST({left} {symbol} {right} AS DATE)"
    if result == kinds.TIMESTAMP and kinds.DATE in (one, two):
        return f"CAST({left} {symbol} {right} AS TIMESTAMPTZ)"
    return f"{left} {symbol} {right}"


def _fitted(side: Any, text: str, result: Kind) -> str:
    """DuckDB fits a literal to the other side's type, Databricks to INT at least."""
    written = (
        isinstance(side, exp.Literal) and side.parent is not None and not isinstance(side.parent.this, exp.Literal)
    )
    if known(side) == result and (not isinstance(side, exp.Literal) or written):
        return text
    return f"CAST({text} AS {kinds.duck_text(result)})"


def divided(writer: Any, tree: Any) -> str:
    """``/``."""
    left, right = _sides(writer, tree)
    result, one, two = known(tree), operand(tree.this), operand(tree.expression)
    divisor = _divisor(tree.expression, right)
    if result is None:
        return f"dbx_no_decimal({left}) / dbx_no_decimal({divisor})"
    if result.name == "DECIMAL" and one and two:
        return quotient(left, divisor, as_decimal(one), as_decimal(two), result)
    return f"{left} / {divisor}"


def _divisor(tree: Any, text: str, checked: str = "dbx_divisor") -> str:
    if isinstance(tree, exp.Literal) and not tree.is_string and float(tree.name) != 0:
        return text
    return f"{checked}({text})"


def remainder(writer: Any, tree: Any) -> str:
    """``%``."""
    left, right = _sides(writer, tree)
    return f"{left} % {_divisor(tree.expression, right, 'dbx_modulus')}"


def whole_quotient(writer: Any, tree: Any) -> str:
    """``DIV``."""
    left, right = _sides(writer, tree)
    names = {kind.name for kind in (known(tree.this), known(tree.expression)) if kind}
    divisor = _divisor(tree.expression, right)
    if names <= set(kinds.WHOLE) and names:
        return f"CAST({left} AS BIGINT) // {divisor}"
    return f"CAST(trunc({left} / {divisor}) AS BIGINT)"


def joined(writer: Any, tree: Any) -> str:
    """``||``."""
    parts = list(tree.flatten())
    kinds_found = [known(part) for part in parts]
    if any(kind and kind.name in ("ARRAY", "BINARY") for kind in kinds_found):
        return " || ".join(writer.sql(part) for part in parts)
    shown = [
        writer.sql(part) if kind == kinds.STRING else text(kind, writer.sql(part), "dbx_joinable")
        for part, kind in zip(parts, kinds_found, strict=True)
    ]
    return " || ".join(shown)


def text(kind: Kind | None, text: str, macro: str = "dbx_text") -> str:
    """DuckDB SQL of a value as text."""
    if kind and kind.name == "DECIMAL":
        return f"CAST({text} AS VARCHAR)"
    return f"{macro}({text})"


def bracket(writer: Any, tree: Any) -> str:
    """An index into an array, a map or a struct."""
    kind, base, key = known(tree.this), writer.sql(tree.this), tree.expressions[0]
    index = writer.sql(key)
    if kind and kind.name == "ARRAY":
        return f"dbx_item({base}, {index})"
    if (kind and kind.name in ("MAP", "STRUCT")) or key.is_string:
        return f"{base}[{index}]"
    raise UnsupportedError("an index into a value whose type is not known")


def negative(writer: Any, tree: Any) -> str:
    """A sign."""
    text = writer.sql(tree.this)
    return f"-({text})" if text.startswith("-") else f"-{text}"


def like(word: str) -> Callable[[Any, Any], str]:
    """LIKE and ILIKE."""

    def spelled(writer: Any, tree: Any) -> str:
        called = isinstance(tree.expression, exp.Anonymous) and tree.expression.name.lower() in ("any", "some", "all")
        if called or isinstance(tree.expression, (exp.Any, exp.All, exp.Tuple)):
            raise UnsupportedError(f"{word} ANY, SOME or ALL")
        left, right = _sides(writer, tree)
        # A backslash escapes unless another character does.
        escape = "" if isinstance(tree.parent, exp.Escape) else " ESCAPE '\\'"
        return f"{left} {'NOT ' if tree.args.get('negate') else ''}{word} {right}{escape}"

    return spelled


def escape(writer: Any, tree: Any) -> str:
    """LIKE with an ESCAPE of its own."""
    left, right = _sides(writer, tree)
    return f"{left} ESCAPE {right}"


def regexp(writer: Any, tree: Any) -> str:
    """RLIKE."""
    call = Invocation("rlike", [tree.this, tree.expression], writer.sql)
    return FUNCTIONS["rlike"].spell(call)
