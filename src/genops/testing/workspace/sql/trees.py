"""Syntax trees that stand for DuckDB SQL inside of trees of the Databricks dialect."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlglot import exp

if TYPE_CHECKING:
    from genops.testing.workspace.sql.scopes import Columns

NATIVE = "native"
"""A tree whose ``meta`` holds this is DuckDB SQL already."""


def native(sql: str, columns: Columns | None = None, **facts: Any) -> Any:
    """A tree that stands for DuckDB SQL.

    Args:
        sql: An expression, or a query.
        columns: Columns of a query.
        facts: What else to note in its ``meta``.
    """
    tree = exp.Var(this=sql)
    tree.meta.update({NATIVE: True, **facts})
    if columns is not None:
        tree.meta["columns"] = columns
    return tree
