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


_MOMENTS = {"DATE": "date", "TIMESTAMP": "time", "TIMESTAMP_NTZ": "local_time"}
# What no cast makes of a type in ANSI mode, and where Databricks has another word for it.
_NEVER: dict[str, tuple[str, ...]] = {
    **dict.fromkeys(kinds.NUMBERS, ("DATE", "TIMESTAMP_NTZ", "BINARY")),
    "BOOLEAN": (*_MOMENTS, "BINARY"),
    "DATE": (*kinds.NUMBERS, "BOOLEAN", "BINARY"),
    "TIMESTAMP_NTZ": (*kinds.NUMBERS, "BOOLEAN", "BINARY"),
    "TIMESTAMP": ("BOOLEAN", "BINARY"),
    "BINARY": (*kinds.NUMBERS, *_MOMENTS, "BOOLEAN"),
}
_SUGGESTED = {
    **{(name, "BINARY"): "CAST_WITH_CONF_SUGGESTION" for name in kinds.WHOLE},
    **{(name, "DATE"): "CAST_WITH_FUNC_SUGGESTION" for name in kinds.NUMBERS},
    ("DATE", "BOOLEAN"): "CAST_WITH_CONF_SUGGESTION",
    ("TIMESTAMP", "BOOLEAN"): "CAST_WITH_CONF_SUGGESTION",
    ("BOOLEAN", "TIMESTAMP"): "CAST_WITH_CONF_SUGGESTION",
}


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
    _need_castable(source, target)
    if target == kinds.STRING:
        return text_of(source, text)
    if source == kinds.STRING and target == kinds.BINARY:
        return f"encode({text})"
    return f"{word}({_prepared(text, source, target, '' if strict else 'try_')} AS {duck})"


def _need_castable(source: Kind | None, target: Kind) -> None:
    if source is not None and target.name in _NEVER.get(source.name, ()):
        condition = _SUGGESTED.get((source.name, target.name), "CAST_WITHOUT_SUGGESTION")
        raise SqlError(
            f'[DATATYPE_MISMATCH.{condition}] Cannot resolve a cast of "{source.name}" to "{target.name}".', "42K09"
        )
    if source == kinds.INTERVAL:
        raise UnsupportedError(f"a cast of an interval to {target.name}")
    if source == kinds.TIMESTAMP and target.name == "DECIMAL":
        raise UnsupportedError("a cast of a TIMESTAMP to DECIMAL")


def _prepared(text: str, source: Kind | None, target: Kind, attempt: str) -> str:
    """What DuckDB casts as Databricks would cast the value itself; ``attempt`` is the prefix of what does not fail."""
    name = source.name if source else ""
    if target.name in kinds.WHOLE:
        return text if name in kinds.WHOLE else f"dbx_{attempt}whole({text})"
    if target.name in _MOMENTS and name != "VOID":
        number = f"to_timestamp(CAST({text} AS DOUBLE))"
        return number if name in kinds.NUMBERS else f"dbx_{attempt}{_MOMENTS[target.name]}({text})"
    if target.name == "DECIMAL" and name in ("DOUBLE", "FLOAT"):
        # By its shortest text, as Java does it: 1.005 is 1.01 with two digits, though its bits are a little less.
        return f"CAST(CAST({text} AS DOUBLE) AS VARCHAR)"
    if target == kinds.BOOLEAN and name == "STRING":
        return f"trim({text})"
    return f"epoch({text})" if name == "TIMESTAMP" and target.name in ("FLOAT", "DOUBLE") else text


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
