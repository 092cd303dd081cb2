"""Aggregates and window functions."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlglot import exp

from genops.testing.workspace.sql.failures import UnsupportedError
from genops.testing.workspace.sql.functions.numbers import quotient
from genops.testing.workspace.sql.functions.spelling import Function, build, filled, known, like, say
from genops.testing.workspace.sql.kinds import (
    BIGINT,
    BOOLEAN,
    DOUBLE,
    INT,
    STRING,
    WHOLE,
    Kind,
    array,
    decimal,
    duck_text,
)

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from genops.testing.workspace.sql.functions.spelling import Invocation

DISTINCT = "DISTINCT "


def values(call: Invocation) -> tuple[str, list[Any]]:
    """``DISTINCT`` or nothing, and the arguments behind it."""
    first = call.arguments[0]
    return (DISTINCT, list(first.expressions)) if isinstance(first, exp.Distinct) else ("", list(call.arguments))


def _inner(arguments: Sequence[Any]) -> Kind | None:
    first = arguments[0]
    return known(first.expressions[0] if isinstance(first, exp.Distinct) else first)


def _sum_kind(arguments: Sequence[Any]) -> Kind | None:
    kind = _inner(arguments)
    if kind is None:
        return None
    if kind.name == "DECIMAL":
        return decimal(min(kind.precision + 10, 38), kind.scale)
    return BIGINT if kind.name in WHOLE else DOUBLE if kind.name in ("FLOAT", "DOUBLE") else None


def _sum(call: Invocation) -> str:
    distinct, [value] = values(call)
    kind = _sum_kind(call.arguments)
    text = f"sum({distinct}{call.render(value)}){call.over}"
    # A sum of an unknown type stays DuckDB's; a HUGEINT becomes a BIGINT where results are read.
    return f"CAST({text} AS {duck_text(kind)})" if kind else text


def _average_kind(arguments: Sequence[Any]) -> Kind | None:
    kind = _inner(arguments)
    if kind is None:
        return None
    return decimal(min(kind.precision + 4, 38), min(kind.scale + 4, 38)) if kind.name == "DECIMAL" else DOUBLE


def _average(call: Invocation) -> str:
    distinct, [value] = values(call)
    kind, text = _average_kind(call.arguments), call.render(value)
    if kind is None:
        return f"avg({distinct}dbx_no_decimal({text})){call.over}"
    if kind.name != "DECIMAL":
        return f"avg({distinct}{text}){call.over}"
    total, number = f"sum({distinct}{text}){call.over}", f"count({distinct}{text}){call.over}"
    summed = _sum_kind(call.arguments)
    return quotient(total, f"nullif({number}, 0)", summed, Kind("DECIMAL", 19, 0), kind) if summed else ""


def _count(call: Invocation) -> str:
    if not call.arguments or isinstance(call.arguments[0], exp.Star):
        return f"count(*){call.over}"
    distinct, items = values(call)
    texts = [call.render(item) for item in items]
    if len(texts) == 1:
        return f"count({distinct}{texts[0]}){call.over}"
    absent = " OR ".join(f"{text} IS NULL" for text in texts)
    return f"count({distinct}CASE WHEN {absent} THEN NULL ELSE ({', '.join(texts)}) END){call.over}"


def _collected(call: Invocation) -> str:
    distinct, [value] = values(call)
    distinct = DISTINCT if call.name == "collect_set" else distinct
    text = call.render(value)
    if call.over:
        return f"list_filter(coalesce(list({distinct}{text}){call.over}, []), lambda x: x IS NOT NULL)"
    return f"coalesce(list({distinct}{text}) FILTER (WHERE {text} IS NOT NULL), [])"


def _quantile(call: Invocation) -> str:
    distinct, items = values(call)
    if len(items) < 2 or not isinstance(items[1], exp.Literal) or distinct:  # noqa: PLR2004 - value and share
        raise UnsupportedError(f"{call.name} with this share")
    discrete = call.name in ("percentile_approx", "approx_percentile")
    value = call.render(items[0])
    if discrete:
        return f"quantile_disc({value}, {items[1].name}){call.over}"
    return f"quantile_cont(CAST({value} AS DOUBLE), {items[1].name}){call.over}"


def _ends(name: str) -> Function:
    """``first`` and ``last``, with the second argument that leaves nulls out."""

    def spelled(call: Invocation) -> str:
        if len(call.arguments) == 1:
            return f"{name}({call.text(0)}){call.over}"
        ignored = isinstance(call.arguments[1], exp.Boolean) and bool(call.arguments[1].this)
        if not ignored:
            raise UnsupportedError(f"{call.name} with a computed second argument")
        if " OVER " in call.over:
            return f"{name}_value({call.text(0)} IGNORE NULLS){call.over}"
        return f"{name}({call.text(0)}) FILTER (WHERE {call.text(0)} IS NOT NULL){call.over}"

    return build(like(0), spelled, 1, 2)


def _joined(call: Invocation) -> str:
    distinct, items = values(call)
    texts = [call.render(item) for item in items]
    delimiter = texts[1] if len(texts) > 1 else "''"
    return f"string_agg({distinct}{texts[0]}, {delimiter}){call.over}"


def _plain(kind: Any, *names: str) -> dict[str, Function]:
    """Aggregates that DuckDB has by the same name."""

    def spelled(call: Invocation) -> str:
        distinct, items = values(call)
        return f"{call.name}({distinct}{', '.join(call.render(item) for item in items)}){call.over}"

    return {name: build(kind, spelled, 1, 2 if name.startswith(("corr", "covar", "regr")) else 1) for name in names}


def _doubled(duck: str, *names: str) -> dict[str, Function]:
    """Aggregates of numbers as doubles."""

    def spelled(call: Invocation) -> str:
        distinct, items = values(call)
        texts = [f"CAST({call.render(item)} AS DOUBLE)" for item in items]
        return filled(f"{duck}({distinct}$*)", texts, call.over)

    return {name: build(DOUBLE, spelled, 1, 2) for name in names}


def _ranked(name: str) -> Function:
    return build(INT, lambda call: f"CAST({name}({', '.join(call.texts())}){call.over} AS INTEGER)", 0, 1)


def _by(duck: str) -> Function:
    # DuckDB's arg_max leaves out rows whose value is null; Databricks does not.
    return say(like(0), f"{duck}_null($1, $2)")


TABLE: dict[str, Function] = {
    "count": build(BIGINT, _count, 0, -1),
    "count_if": say(BIGINT, "count(CASE WHEN $1 THEN 1 END)"),
    "approx_count_distinct": say(BIGINT, "count(DISTINCT $1)"),
    "sum": build(_sum_kind, _sum),
    **dict.fromkeys(("avg", "mean"), build(_average_kind, _average)),
    **_plain(_inner, "min", "max", "any_value", "bit_and", "bit_or", "bit_xor", "mode"),
    **dict.fromkeys(("every", "bool_and"), say(BOOLEAN, "bool_and($1)")),
    **dict.fromkeys(("any", "some", "bool_or"), say(BOOLEAN, "bool_or($1)")),
    **_doubled("stddev_samp", "stddev", "std", "stddev_samp"),
    **_doubled("stddev_pop", "stddev_pop"),
    **_doubled("var_samp", "variance", "var_samp"),
    **_doubled("var_pop", "var_pop"),
    **_doubled("kurtosis_pop", "kurtosis"),
    **{name: found for duck in ("corr", "covar_pop", "covar_samp") for name, found in _doubled(duck, duck).items()},
    "median": say(DOUBLE, "quantile_cont(CAST($1 AS DOUBLE), 0.5)"),
    "percentile": build(DOUBLE, _quantile, 2),
    **dict.fromkeys(("percentile_approx", "approx_percentile"), build(like(0), _quantile, 2, 3)),
    **dict.fromkeys(("collect_list", "array_agg"), build(lambda a: array(_inner(a)), _collected)),
    "collect_set": build(lambda a: array(_inner(a)), _collected),
    **dict.fromkeys(("string_agg", "listagg"), build(STRING, _joined, 1, 2)),
    "max_by": _by("arg_max"),
    "min_by": _by("arg_min"),
    **dict.fromkeys(("first", "first_value"), _ends("first")),
    **dict.fromkeys(("last", "last_value"), _ends("last")),
    "nth_value": say(like(0), "nth_value($1, $2)"),
    **dict.fromkeys(("grouping",), say(Kind("TINYINT"), "CAST(grouping($1) AS TINYINT)")),
    "grouping_id": say(BIGINT, "grouping($*)"),
    **{name: _ranked(name) for name in ("row_number", "rank", "dense_rank", "ntile")},
    "percent_rank": say(DOUBLE, "percent_rank()"),
    "cume_dist": say(DOUBLE, "cume_dist()"),
    **{name: say(like(0), f"{name}($1)", f"{name}($1, $2)", f"{name}($1, $2, $3)") for name in ("lag", "lead")},
}
"""Functions by name; every one of them may carry FILTER, or OVER, or both."""
