"""Functions that make rows: ``explode`` and its like, in a select list, in LATERAL VIEW and in FROM."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlglot import exp
from sqlglot.dialects.duckdb import DuckDB

from genops.testing.workspace.sql import kinds
from genops.testing.workspace.sql.failures import UnsupportedError
from genops.testing.workspace.sql.functions.spelling import known
from genops.testing.workspace.sql.trees import NATIVE
from genops.testing.workspace.sql.values import quoted

if TYPE_CHECKING:
    from genops.testing.workspace.sql.scopes import Columns

ROW_MAKERS = frozenset(["explode", "explode_outer", "posexplode", "posexplode_outer", "inline", "inline_outer"])


def generated(function: Any) -> Columns | None:
    """Columns of a function that makes rows: ``explode`` and its like; ``None`` for another."""
    name = function.name.lower()
    kind = known(function.expressions[0]) if function.expressions else None
    inner = kind.inner if kind else (None, None)
    if name in ("explode", "explode_outer", "posexplode", "posexplode_outer"):
        columns: Columns = (
            [("key", inner[0]), ("value", inner[1])] if kind and kind.name == "MAP" else [("col", inner[0])]
        )
        return [("pos", kinds.INT), *columns] if name.startswith("pos") else columns
    element = inner[0] if name in ("inline", "inline_outer") and kind else None
    return list(zip(element.fields, element.inner, strict=True)) if element and element.name == "STRUCT" else None


def select_list(writer: Any, function: Any, names: list[str]) -> str:
    """The select list of a function that makes rows."""
    name = function.name.lower()
    columns = generated(function)
    if columns is None or (len(names) not in (0, len(columns))):
        raise UnsupportedError(f"the table function {name} of this expression")
    value = writer.sql(function.expressions[0])
    kind = known(function.expressions[0])
    mapped = kind is not None and kind.name == "MAP"
    if kind is None:
        raise UnsupportedError(f"{name} of an expression whose type is not known")
    lists = [f"map_keys({value})", f"map_values({value})"] if mapped else [value]
    if name.startswith("inline"):
        lists = [f"list_transform({value}, lambda item: item.{quoted(field)})" for field, _ in columns]
    size = f"{'cardinality' if mapped else 'len'}({value})"
    if name.startswith("pos"):
        lists = [f"CAST(range(CAST({size} AS BIGINT)) AS INTEGER[])", *lists]
    if name.endswith("_outer"):
        lists = [f"CASE WHEN {value} IS NULL OR {size} = 0 THEN [NULL] ELSE {text} END" for text in lists]
    labels = names or [label for label, _ in columns]
    return ", ".join(f"unnest({text}) AS {quoted(label)}" for text, label in zip(lists, labels, strict=True))


def lateral(writer: Any, tree: Any) -> str:
    """LATERAL VIEW and LATERAL."""
    alias = tree.args.get("alias")
    names = [item.name for item in (alias.args.get("columns") or ())] if alias else []
    label = quoted(alias.name) if alias and alias.name else "generated"
    if isinstance(tree.this, (exp.Subquery, exp.Query)):
        columns = f"({', '.join(quoted(name) for name in names)})" if names else ""
        return f"LATERAL {writer.sql(tree.this)} AS {label}{columns}"
    if not isinstance(tree.this, exp.Anonymous):
        raise UnsupportedError("this LATERAL")
    function = tree.this
    if tree.args.get("outer") and not function.name.lower().endswith("_outer"):
        function = function.copy()
        function.set("this", f"{function.name}_outer")
    rows = f"LATERAL (SELECT {select_list(writer, function, names)}) AS {label}"
    return f" CROSS JOIN {rows}" if tree.args.get("view") else rows


def _projection(writer: Any, tree: Any) -> str:
    """``SELECT explode(…) AS …``: the alias names what the rows hold."""
    inner, names = tree.this, [item.name for item in tree.expressions] or [tree.alias]
    return select_list(writer, inner, names)


def alias(writer: Any, tree: Any) -> str:
    """``SELECT explode(…) AS name``, and any other alias."""
    inner = tree.this
    if isinstance(inner, exp.Anonymous) and inner.name.lower() in ROW_MAKERS and not inner.meta.get(NATIVE):
        return _projection(writer, tree)
    return str(DuckDB.Generator.alias_sql(writer, tree))


def aliases(writer: Any, tree: Any) -> str:
    """``SELECT posexplode(…) AS (name, name)``."""
    return _projection(writer, tree)
