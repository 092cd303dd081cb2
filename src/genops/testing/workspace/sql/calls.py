"""Calls of functions, and what may stand around an aggregate: FILTER, OVER, WITHIN GROUP and IGNORE NULLS."""

from __future__ import annotations

from typing import Any

from sqlglot import exp
from sqlglot.dialects.duckdb import DuckDB

from genops.testing.workspace.sql import kinds
from genops.testing.workspace.sql.failures import SqlError, UnsupportedError
from genops.testing.workspace.sql.functions import AGGREGATES, FUNCTIONS, Invocation
from genops.testing.workspace.sql.functions.refused import REFUSED, REFUSED_PREFIXES
from genops.testing.workspace.sql.functions.spelling import known
from genops.testing.workspace.sql.rows import ROW_MAKERS, select_list
from genops.testing.workspace.sql.trees import NATIVE


def _function(writer: Any, tree: Any, over: str = "") -> str:
    name = tree.name.lower()
    if tree.meta.get(NATIVE):
        shown = writer.sql(tree.this) if isinstance(tree.this, exp.Identifier) else tree.name
        return f"{shown}({', '.join(writer.sql(item) for item in tree.expressions)})"
    found = FUNCTIONS.get(name)
    if found is None:
        raise _no_function(name)
    nulls = [item for item in tree.expressions if isinstance(item, (exp.IgnoreNulls, exp.RespectNulls))]
    if nulls:
        return _nulls(writer, _nulls_outside(tree, nulls[0]), over)
    found.check(name, len(tree.expressions))
    if over and name not in AGGREGATES:
        raise UnsupportedError(f"{name} with FILTER or OVER")
    return found.spell(Invocation(name, tree.expressions, writer.sql, over))


def _no_function(name: str) -> SqlError:
    if name in REFUSED or name.startswith(REFUSED_PREFIXES):
        return UnsupportedError(f"the function {name}")
    return SqlError(
        f"[UNRESOLVED_ROUTINE] Cannot resolve routine `{name}` on search path [`system`.`builtin`, `system`.`session`, "
        "and the current schema]. Verify the spelling of the routine.",
        "42883",
    )


def _over(writer: Any, tree: Any, over: str) -> str:
    """An aggregate with what stands around it: FILTER, WITHIN GROUP, IGNORE NULLS."""
    if isinstance(tree, exp.Anonymous):
        return _function(writer, tree, over)
    if isinstance(tree, exp.Filter):
        condition = writer.sql(tree.expression.this)
        return _over(writer, tree.this, f" FILTER (WHERE {condition}){over}")
    if isinstance(tree, (exp.IgnoreNulls, exp.RespectNulls)):
        return _nulls(writer, tree, over)
    if isinstance(tree, exp.WithinGroup):
        return _within(writer, tree, over)
    raise UnsupportedError(f"{tree.key} with OVER or FILTER")


def _nulls_outside(tree: Any, nulls: Any) -> Any:
    """``last(x IGNORE NULLS)`` as ``last(x) IGNORE NULLS``."""
    arguments = [item.this if item is nulls else item for item in tree.expressions]
    return nulls.__class__(this=exp.Anonymous(this=tree.this, expressions=[item.copy() for item in arguments]))


def _nulls(writer: Any, tree: Any, over: str) -> str:
    call = tree.this
    name = call.name.lower() if isinstance(call, exp.Anonymous) else ""
    if isinstance(tree, exp.RespectNulls):
        return _over(writer, call, over)
    if name not in ("first", "first_value", "last", "last_value", "lag", "lead", "nth_value", "any_value"):
        raise UnsupportedError(f"IGNORE NULLS of {name}")
    texts = [writer.sql(item) for item in call.expressions]
    if " OVER " not in over:
        plain = name if name == "any_value" else name.removesuffix("_value")
        return f"{plain}({texts[0]}) FILTER (WHERE {texts[0]} IS NOT NULL){over}"
    windowed = {"first": "first_value", "last": "last_value", "any_value": "first_value"}.get(name, name)
    return f"{windowed}({', '.join(texts)} IGNORE NULLS){over}"


def _within(writer: Any, tree: Any, over: str) -> str:
    call, order = tree.this, tree.expression
    name, texts = call.name.lower(), [writer.sql(item) for item in call.expressions]
    if name in ("percentile_cont", "percentile_disc"):
        [ordered] = order.expressions
        value, share = writer.sql(ordered.this), texts[0]
        if ordered.args.get("desc") or not isinstance(call.expressions[0], exp.Literal):
            raise UnsupportedError(f"{name} in this order or with this share")
        if name == "percentile_cont":
            return f"quantile_cont(CAST({value} AS DOUBLE), {share}){over}"
        found = f"quantile_disc({value}, {share}){over}"
        kind = known(ordered.this)
        return f"CAST({found} AS DOUBLE)" if kind and kind.name in kinds.NUMBERS else found
    if name in ("listagg", "string_agg"):
        distinct = isinstance(call.expressions[0], exp.Distinct)
        items = call.expressions[0].expressions + call.expressions[1:] if distinct else call.expressions
        shown = [writer.sql(item) for item in items]
        delimiter = shown[1] if len(shown) > 1 else "''"
        ordering = writer.sql(order).strip()
        return f"string_agg({'DISTINCT ' if distinct else ''}{shown[0]}, {delimiter} {ordering}){over}"
    raise UnsupportedError(f"{name} WITHIN GROUP")


def window(writer: Any, tree: Any) -> str:
    """A function with OVER, or a named window."""
    if isinstance(tree.parent, exp.Select) and tree.arg_key == "windows":
        return str(DuckDB.Generator.window_sql(writer, tree))
    subject = tree.this
    whole = str(DuckDB.Generator.window_sql(writer, _empty_window(tree)))
    return _over(writer, subject, whole[whole.index(" OVER ") :])


def _empty_window(tree: Any) -> Any:
    empty = tree.copy()
    empty.set("this", exp.Var(this="subject"))
    return empty


def filtered(writer: Any, tree: Any) -> str:
    """An aggregate with FILTER, WITHIN GROUP or IGNORE NULLS."""
    return _over(writer, tree, "")


def anonymous(writer: Any, tree: Any) -> str:
    """A call."""
    if tree.name.lower() in ROW_MAKERS and isinstance(tree.parent, exp.Select):
        return select_list(writer, tree, [])
    return _function(writer, tree)
