"""The types of operators, casts and whatever else is no function."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sqlglot import exp

from genops.testing.workspace.sql import kinds
from genops.testing.workspace.sql.functions.times import extracted_kind
from genops.testing.workspace.sql.kinds import Kind

TREE: Any = getattr(exp, "Expr", None) or vars(exp)["Expression"]
"""The class of all syntax trees; sqlglot 27 names it otherwise than sqlglot 30."""


def of(tree: Any) -> Kind | None:
    """The type that a tree was found to have."""
    found: Kind | None = tree.meta.get("kind") if isinstance(tree, TREE) else None
    return found


def _literal(tree: Any) -> Kind | None:
    return kinds.STRING if tree.is_string else kinds.literal_kind(tree.name)


def operand(tree: Any) -> Kind | None:
    """The type of an operand: a whole number that is written has as many digits as it shows."""
    kind = of(tree)
    return kinds.as_decimal(kind, tree.name) if kind and isinstance(tree, exp.Literal) and tree.is_int else kind


def _operation(operator: str) -> Callable[[Any], Kind | None]:
    def found(tree: Any) -> Kind | None:
        left, right = of(tree.this), of(tree.expression)
        if left is None or right is None:
            return None
        if "DECIMAL" in (left.name, right.name):
            left, right = operand(tree.this) or left, operand(tree.expression) or right
        names = (left.name, right.name)
        if operator in ("+", "-"):
            moment = _moment(operator, left, right, tree)
            if moment is not None:
                return moment
        if kinds.STRING.name in names:
            return None
        return kinds.arithmetic(operator, left, right)

    return found


def _moment(operator: str, left: Kind, right: Kind, tree: Any) -> Kind | None:
    """Dates, times and intervals."""
    if left == kinds.DATE and right == kinds.DATE and operator == "-":
        return kinds.INTERVAL
    if left == kinds.INTERVAL and right == kinds.INTERVAL:
        return kinds.INTERVAL
    for one, two, other in ((left, right, tree.expression), (right, left, tree.this)):
        if one in (kinds.TIMESTAMP, kinds.TIMESTAMP_NTZ) and two == kinds.INTERVAL:
            return one
        if one == kinds.DATE and two == kinds.INTERVAL:
            return kinds.DATE if _whole_days(other) else kinds.TIMESTAMP
        if one == kinds.DATE and two.name in ("INT", "SMALLINT", "TINYINT"):
            return kinds.DATE
    return None


def _whole_days(tree: Any) -> bool:
    unit = tree.args.get("unit") if isinstance(tree, exp.Interval) else None
    name = unit.name.upper().rstrip("S") if isinstance(unit, exp.Var) else ""
    return name in ("DAY", "WEEK", "MONTH", "YEAR", "QUARTER")


def _case(tree: Any) -> Kind | None:
    results = [branch.args["true"] for branch in tree.args["ifs"]]
    default = tree.args.get("default")
    return kinds.widest([of(item) for item in [*results, *([default] if default else [])]])


def _cast(tree: Any) -> Kind | None:
    return kinds.kind_of(tree.to)


def _same(tree: Any) -> Kind | None:
    return of(tree.this)


def _bracket(tree: Any) -> Kind | None:
    kind = of(tree.this)
    if kind and kind.name in ("ARRAY", "MAP"):
        return kind.inner[-1]
    return kind.field(tree.expressions[0].name) if kind and kind.name == "STRUCT" else None


def _dot(tree: Any) -> Kind | None:
    if isinstance(tree.expression, (exp.Anonymous, exp.Dot)):
        return of(tree.expression)
    kind = of(tree.this)
    return kind.field(tree.expression.name) if kind and kind.name == "STRUCT" else None


def _joined(tree: Any) -> Kind | None:
    left = of(tree.this)
    return left if left and left.name == "ARRAY" else kinds.STRING


def _always(kind: Kind) -> Callable[[Any], Kind]:
    return lambda _: kind


_BOOLEANS = (
    "EQ NEQ LT LTE GT GTE And Or Not Is In Between Like ILike RLike RegexpLike NullSafeEQ NullSafeNEQ Exists Boolean "
    "Xor"
)
KINDS: dict[type[Any], Callable[[Any], Kind | None]] = {
    **{getattr(exp, name): _always(kinds.BOOLEAN) for name in _BOOLEANS.split() if hasattr(exp, name)},
    exp.Literal: _literal,
    exp.Null: _always(kinds.VOID),
    exp.Add: _operation("+"),
    exp.Sub: _operation("-"),
    exp.Mul: _operation("*"),
    exp.Div: _operation("/"),
    exp.Mod: _operation("%"),
    exp.If: lambda tree: kinds.widest(
        [of(tree.args["true"]), *([of(tree.args["false"])] if tree.args.get("false") else [])]
    ),
    exp.VarMap: lambda tree: Kind(
        "MAP", inner=tuple((of(tree.args[key]) or kinds.array(None)).inner[0] for key in ("keys", "values"))
    ),
    exp.CurrentUser: _always(kinds.STRING),
    exp.IntDiv: _always(kinds.BIGINT),
    exp.Neg: _same,
    exp.Paren: _same,
    exp.Alias: _same,
    exp.Ordered: _same,
    exp.Distinct: lambda tree: of(tree.expressions[0]) if tree.expressions else None,
    exp.Cast: _cast,
    exp.TryCast: _cast,
    exp.Case: _case,
    exp.Coalesce: lambda tree: kinds.widest([of(item) for item in [tree.this, *tree.expressions]]),
    exp.Interval: _always(kinds.INTERVAL),
    exp.Bracket: _bracket,
    exp.Dot: _dot,
    exp.DPipe: _joined,
    exp.Array: lambda tree: kinds.array(kinds.widest([of(item) for item in tree.expressions])),
    exp.Extract: lambda tree: extracted_kind(tree.this.name),
    exp.Trim: _always(kinds.STRING),
    exp.Substring: _always(kinds.STRING),
    exp.Overlay: _always(kinds.STRING),
    exp.StrPosition: _always(kinds.INT),
    exp.CurrentDate: _always(kinds.DATE),
    exp.CurrentTimestamp: _always(kinds.TIMESTAMP),
    exp.HexString: _always(kinds.BINARY),
    exp.Window: _same,
    exp.Filter: _same,
    exp.WithinGroup: _same,
    exp.IgnoreNulls: _same,
    exp.RespectNulls: _same,
}
