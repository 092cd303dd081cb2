"""Columns of a result: the types that Databricks gives them, and those that DuckDB computed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from genops.testing.workspace.sql import kinds
from genops.testing.workspace.sql.values import column_type, quoted

if TYPE_CHECKING:
    from genops.testing.workspace.sql.analysis import Columns


def typed(found: list[tuple[str, str]], columns: Columns | None) -> list[tuple[str, kinds.Kind | None]]:
    """Columns with Databricks' types where they are known, and those of DuckDB elsewhere."""
    known = [kind for _, kind in columns] if columns is not None and len(columns) == len(found) else [None] * len(found)
    return [
        (name, kind or kinds.parse_kind(column_type(duck).text))
        for (name, duck), kind in zip(found, known, strict=True)
    ]


def as_declared(sql: str, found: list[tuple[str, str]], columns: Columns | None) -> str:
    """A query whose columns have the types that Databricks gives them, where DuckDB's are others."""
    shown: list[str] = []
    for index, ((_, duck), (_, kind)) in enumerate(zip(found, typed(found, columns), strict=True)):
        wanted = _wanted(kind)
        shown.append(f"CAST(c{index} AS {wanted})" if wanted and wanted != duck else f"c{index}")
    if not any(text.startswith("CAST") for text in shown):
        return sql
    names = ", ".join(f"{text} AS {quoted(name)}" for text, (name, _) in zip(shown, found, strict=True))
    aliases = ", ".join(f"c{index}" for index in range(len(found)))
    return f"SELECT {names} FROM ({sql}) AS declared({aliases})"  # noqa: S608 - names are quoted


def _wanted(kind: kinds.Kind | None) -> str:
    """The DuckDB type of a text, a number or an array of numbers; empty for others, of which there is one each."""
    if kind == kinds.STRING:
        return "VARCHAR"
    element = kind.inner[0] if kind and kind.name == "ARRAY" else kind
    if kind is None or element is None or element.name not in kinds.NUMBERS:
        return ""
    spelled = _SPELLED.get(element.name, kinds.duck_text(element))
    return spelled if kind is element else f"{spelled}[]"


_SPELLED = {"INT": "INTEGER"}
