"""Casts, intervals and parts of dates."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from sqlglot import exp

from genops.testing.workspace.sql import kinds
from genops.testing.workspace.sql.failures import SqlError, UnsupportedError
from genops.testing.workspace.sql.functions.spelling import known
from genops.testing.workspace.sql.functions.times import extracted
from genops.testing.workspace.sql.operators import text as text_of

if TYPE_CHECKING:
    from genops.testing.workspace.sql.kinds import Kind


def cast(text: str, source: Kind | None, target: Kind, *, strict: bool = True) -> str:
    """DuckDB SQL of a cast as Databricks does it.

    Args:
        text: DuckDB SQL of the value.
        source: Its type.
        target: The type to cast to.
        strict: Whether what cannot be cast fails; otherwise it becomes null.
    """
    word, duck = ("CAST" if strict else "TRY_CAST"), kinds.duck_text(target)
    if source is not None and source == target:
        return f"{word}({text} AS {duck})"
    attempt = "" if strict else "try_"
    if source in (kinds.DATE, kinds.TIMESTAMP_NTZ) and target.name in kinds.NUMBERS:
        raise SqlError(
            f"[DATATYPE_MISMATCH.CAST_WITHOUT_SUGGESTION] Cannot resolve a cast of {source.name} to {target.name}.",
            "42K09",
        )
    if target.name == "DECIMAL" and source in (kinds.DOUBLE, kinds.FLOAT):
        # By its shortest text, as Java does it: 1.005 is 1.01 with two digits, though its bits are a little less.
        text = f"CAST(CAST({text} AS DOUBLE) AS VARCHAR)"
    if target.name in kinds.WHOLE:
        numeric = source is not None and source.name in kinds.WHOLE
        return f"{word}({text if numeric else f'dbx_{attempt}whole({text})'} AS {duck})"
    if target == kinds.STRING:
        return text_of(source, text)
    if target in (kinds.DATE, kinds.TIMESTAMP, kinds.TIMESTAMP_NTZ) and source != kinds.VOID:
        if source and source.name in kinds.NUMBERS:
            return _from_number(text, target)
        macro = "date" if target == kinds.DATE else "time"
        return f"{word}(dbx_{attempt}{macro}({text}) AS {duck})"
    return f"{word}({text} AS {duck})"


def _from_number(text: str, target: Kind) -> str:
    if target != kinds.TIMESTAMP:
        raise SqlError(
            f"[DATATYPE_MISMATCH.CAST_WITHOUT_SUGGESTION] Cannot resolve a cast of a number to {target.name}.", "42K09"
        )
    return f"to_timestamp(CAST({text} AS DOUBLE))"


def cast_tree(writer: Any, tree: Any) -> str:
    """CAST and TRY_CAST."""
    text, source, target = writer.sql(tree.this), known(tree.this), kinds.kind_of(tree.to)
    strict = not isinstance(tree, exp.TryCast)
    if target is None or target == kinds.INTERVAL:
        raise UnsupportedError(f"a cast to {tree.to.sql(dialect='databricks')}")
    if target.inner:
        if source == target or (source and source.name == target.name):
            return f"{'CAST' if strict else 'TRY_CAST'}({text} AS {writer.sql(tree.to)})"
        raise UnsupportedError(f"a cast to {tree.to.sql(dialect='databricks')}")
    if isinstance(tree.this, exp.Literal) and not tree.this.is_string and target.name in kinds.NUMBERS:
        word = "CAST" if strict else "TRY_CAST"
        return f"{word}({_written(tree.this.name, target)} AS {kinds.duck_text(target)})"
    return cast(text, source, target, strict=strict)


def _written(number: str, target: Kind) -> str:
    return (
        number.split(".", 1)[0] or "0" if target.name in kinds.WHOLE and re.fullmatch(r"\d*\.\d*", number) else number
    )


def interval(writer: Any, tree: Any) -> str:
    """An interval of one unit."""
    unit = tree.args.get("unit")
    if not isinstance(unit, exp.Var):
        raise UnsupportedError("an INTERVAL of several units")
    name = unit.name.lower().rstrip("s")
    if name not in (
        "microsecond",
        "millisecond",
        "second",
        "minute",
        "hour",
        "day",
        "week",
        "month",
        "quarter",
        "year",
    ):
        raise UnsupportedError(f"an INTERVAL of {unit.name}")
    value = tree.this
    if isinstance(value, exp.Literal):
        number = float(value.name) if name == "second" else int(value.name)
        return f"to_{name}s({number})"
    return f"to_{name}s(CAST({writer.sql(value)} AS {'DOUBLE' if name == 'second' else 'INTEGER'}))"


def extract(writer: Any, tree: Any) -> str:
    """EXTRACT."""
    return extracted(tree.this.name, writer.sql(tree.expression))


def trim(writer: Any, tree: Any) -> str:
    """TRIM with its grammar."""
    name = {"LEADING": "ltrim", "TRAILING": "rtrim"}.get(str(tree.args.get("position") or "").upper(), "trim")
    characters = f", {writer.sql(tree.expression)}" if tree.expression else ""
    return f"{name}({writer.sql(tree.this)}{characters})"
