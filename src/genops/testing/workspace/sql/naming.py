"""The names that Databricks gives to columns of a result that have none."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlglot import exp

if TYPE_CHECKING:
    from collections.abc import Callable


def name_outputs(tree: Any) -> Any:
    """Give unnamed columns of a query the names that Databricks would give them."""
    query = tree
    while isinstance(query, (exp.SetOperation, exp.Subquery)):
        query = query.this
    if isinstance(query, exp.Select):
        query.set("expressions", [_output(item) for item in query.expressions])
    return tree


_NAMED = (exp.Alias, exp.Column, exp.Star, exp.Aliases)
_GENERATORS = ("explode", "explode_outer", "posexplode", "posexplode_outer", "inline", "inline_outer")


def _output(item: Any) -> Any:
    if isinstance(item, _NAMED) or (item.is_star and not isinstance(item, exp.Anonymous)):
        return item
    if isinstance(item, exp.Anonymous) and item.name.lower() in _GENERATORS:
        return item
    if isinstance(item, exp.Dot):
        return exp.alias_(item, item.expression.name, quoted=True) if item.expression.name else item
    return exp.alias_(item, output_name(item), quoted=True)


def output_name(tree: Any) -> str:
    """The name of an expression.

    >>> import sqlglot
    >>> output_name(sqlglot.parse_one("a + 1 > 'x'"))
    '((a + 1) > x)'
    """
    rule = _NAMES.get(tree.__class__)
    if rule is not None:
        return rule(tree)
    symbol = _SYMBOLS.get(tree.__class__)
    if symbol is not None:
        return f"({output_name(tree.this)} {symbol} {output_name(tree.expression)})"
    return str(tree.sql(dialect="databricks", normalize_functions="lower"))


def _function(tree: Any) -> str:
    arguments = ["1" if isinstance(item, exp.Star) else output_name(item) for item in tree.expressions]
    return f"{tree.name.lower()}({', '.join(arguments)})"


def _case(tree: Any) -> str:
    subject = output_name(tree.this) if tree.this else ""
    whens = [
        f"WHEN {f'({subject} = {output_name(branch.this)})' if subject else output_name(branch.this)} "
        f"THEN {output_name(branch.args['true'])}"
        for branch in tree.args["ifs"]
    ]
    default = tree.args.get("default")
    return " ".join(["CASE", *whens, *([f"ELSE {output_name(default)}"] if default else []), "END"])


def _cast(tree: Any) -> str:
    word = "TRY_CAST" if isinstance(tree, exp.TryCast) else "CAST"
    kind = tree.to.sql(dialect="databricks")
    literal = isinstance(tree.this, exp.Literal) and tree.this.is_string and kind in ("DATE", "TIMESTAMP")
    return f"{kind} '{tree.this.name}'" if literal else f"{word}({output_name(tree.this)} AS {kind})"


_NAMES: dict[type[Any], Callable[[Any], str]] = {
    exp.Literal: lambda tree: str(tree.name),
    exp.Column: lambda tree: str(tree.name),
    exp.Paren: lambda tree: output_name(tree.this),
    exp.Neg: lambda tree: (
        f"-{tree.this.name}" if isinstance(tree.this, exp.Literal) else f"(- {output_name(tree.this)})"
    ),
    exp.Not: lambda tree: f"(NOT {output_name(tree.this)})",
    exp.Distinct: lambda tree: "DISTINCT " + ", ".join(output_name(item) for item in tree.expressions),
    exp.Anonymous: _function,
    exp.Array: lambda tree: f"array({', '.join(output_name(item) for item in tree.expressions)})",
    exp.Bracket: lambda tree: f"{output_name(tree.this)}[{output_name(tree.expressions[0])}]",
    exp.Case: _case,
    exp.Cast: _cast,
    exp.TryCast: _cast,
    exp.Subquery: lambda _: "scalarsubquery()",
    exp.CurrentDate: lambda _: "current_date()",
    exp.CurrentTimestamp: lambda _: "current_timestamp()",
    exp.DPipe: lambda tree: "concat(" + ", ".join(output_name(part) for part in tree.flatten()) + ")",
    exp.Boolean: lambda tree: "true" if tree.this else "false",
    exp.Null: lambda _: "NULL",
}
_SYMBOLS: dict[type[Any], str] = {
    exp.Add: "+",
    exp.Sub: "-",
    exp.Mul: "*",
    exp.Div: "/",
    exp.Mod: "%",
    exp.EQ: "=",
    exp.GT: ">",
    exp.GTE: ">=",
    exp.LT: "<",
    exp.LTE: "<=",
    exp.And: "AND",
    exp.Or: "OR",
    exp.Is: "IS",
    exp.NullSafeEQ: "<=>",
}
