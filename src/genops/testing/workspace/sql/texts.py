"""Values as the text that JSON_ARRAY and CSV carry, written by DuckDB itself.

The forms are those that a real warehouse answered: every leaf of a nested value is text, floating point numbers are
written as Java writes them, timestamps have milliseconds, and binary values are base64.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any

from sqlglot import exp

if TYPE_CHECKING:
    from collections.abc import Callable

_ISO = "%Y-%m-%dT%H:%M:%S.%g"


def rendering(column: str, duck: str) -> str:
    """DuckDB SQL that turns a column into its text; null stays null.

    Args:
        column: A DuckDB expression.
        duck: Its DuckDB type.
    """
    kind = _built(duck)
    if _name(kind) in _NESTED:
        return f"CAST(to_json({_leaves(column, kind, 0)}) AS VARCHAR)"
    return _scalar(column, kind)


@lru_cache(maxsize=1_000)
def _built(duck: str) -> Any:
    """The type as a tree, which nobody changes; a program asks for the same few again and again."""
    plain = "VARCHAR" if duck.startswith("ENUM") or duck == "NULL" else duck.replace('"NULL"', "VARCHAR")
    return exp.DataType.build(plain, dialect="duckdb")


def _name(kind: Any) -> str:
    return str(getattr(kind.this, "name", "INTERVAL"))


def _leaves(value: str, kind: Any, depth: int) -> str:
    """The value in its own shape, with text at every leaf; ``depth`` keeps the names of lambdas apart."""
    nested = _NESTED.get(_name(kind))
    return nested(value, kind, depth) if nested else _scalar(value, kind)


def _array(value: str, kind: Any, depth: int) -> str:
    return f"list_transform({value}, lambda x{depth}: {_leaves(f'x{depth}', kind.expressions[0], depth + 1)})"


def _map(value: str, kind: Any, depth: int) -> str:
    entry = f"x{depth}"
    key, item = kind.expressions
    pair = f"{{'k': {_scalar(f'{entry}.key', key)}, 'v': {_leaves(f'{entry}.value', item, depth + 1)}}}"
    return f"map_from_entries(list_transform(map_entries({value}), lambda {entry}: {pair}))"


def _struct(value: str, kind: Any, depth: int) -> str:
    fields = [(field.this.name.replace("'", "''"), field.args["kind"]) for field in kind.expressions]
    texts = [_leaves(f"({value})['{name}']", inner, depth) for name, inner in fields]
    parts = [f"'{name}': {text}" for (name, _), text in zip(fields, texts, strict=True)]
    return f"CASE WHEN {value} IS NOT NULL THEN {{{', '.join(parts)}}} END"


_NESTED: dict[str, Callable[[str, Any, int], str]] = {
    "LIST": _array,
    "ARRAY": _array,
    "MAP": _map,
    "STRUCT": _struct,
}


def _scalar(value: str, kind: Any) -> str:
    written = _SCALARS.get(_name(kind))
    return written(value) if written else f"CAST({value} AS VARCHAR)"


def _floating(value: str) -> str:
    """As Java writes a double: 12345678 is ``1.2345678E7``, and 0.5 is ``0.5``."""
    text = f"CAST({value} AS VARCHAR)"
    sign = f"CASE WHEN {text} LIKE '-%' THEN '-' ELSE '' END"
    digits = f"ltrim({text}, '-')"
    whole = f"split_part({digits}, '.', 1)"
    all_digits = rf"regexp_replace(replace({digits}, '.', ''), '^0+', '')"
    mantissa = rf"left({all_digits}, 1) || '.' || coalesce(nullif(rtrim(substr({all_digits}, 2), '0'), ''), '0')"
    small = rf"length(regexp_extract({digits}, '^0\.(0*)', 1)) + 1"
    return (
        f"CASE WHEN isnan({value}) THEN 'NaN' WHEN isinf({value}) THEN {sign} || 'Infinity' "
        rf"WHEN {text} LIKE '%e%' THEN regexp_replace(regexp_replace(regexp_replace({text}, 'e\+?(-?)0*', 'E\1'), "
        rf"'^(-?\d+)E', '\1.0E'), '\.E', '.0E') "
        f"WHEN abs({value}) >= 1e7 THEN {sign} || {mantissa} || 'E' || (length({whole}) - 1) "
        f"WHEN {value} <> 0 AND abs({value}) < 1e-3 THEN {sign} || {mantissa} || 'E-' || ({small}) ELSE {text} END"
    )


_REFUSED = "dbx_refuse('an interval of months and of days or time, of which Databricks has none')"


def _interval(value: str) -> str:
    """As a literal: months apart from days and time, as Databricks has two types of interval."""
    months = f"(datepart('year', {value}) * 12 + datepart('month', {value}))"
    micros = f"(datepart('day', {value}) * 86400000000 + epoch_us({value} - to_months({months}) - "
    micros += f"to_days(CAST(datepart('day', {value}) AS INTEGER))))"
    days, rest = f"abs({micros}) // 86400000000", f"abs({micros}) % 86400000000"
    clock = f"printf('%02d:%02d:%02d', {rest} // 3600000000, {rest} // 60000000 % 60, {rest} // 1000000 % 60)"
    fraction = f"rtrim(rtrim(printf('.%06d', {rest} % 1000000), '0'), '.')"
    years = f"abs({months}) // 12 || '-' || abs({months}) % 12"
    return (
        f"CASE WHEN {months} <> 0 AND {micros} <> 0 THEN CAST({_REFUSED} AS VARCHAR) WHEN {months} <> 0 THEN "
        f"'INTERVAL ''' || CASE WHEN {months} < 0 THEN '-' ELSE '' END || {years} || "
        f"''' YEAR TO MONTH' WHEN {value} IS NOT NULL THEN 'INTERVAL ''' || CASE WHEN {micros} < 0 THEN '-' ELSE '' "
        f"END || {days} || ' ' || {clock} || {fraction} || ''' DAY TO SECOND' END"
    )


def _local(value: str) -> str:
    return f"strftime(CAST({value} AS TIMESTAMP), '{_ISO}')"


_SCALARS: dict[str, Callable[[str], str]] = {
    "TIMESTAMPTZ": lambda value: f"strftime({value} AT TIME ZONE 'UTC', '{_ISO}Z')",
    **dict.fromkeys(("TIMESTAMP", "TIMESTAMPNTZ", "TIMESTAMP_NS", "TIMESTAMP_MS", "TIMESTAMP_S"), _local),
    "DOUBLE": _floating,
    "FLOAT": _floating,
    "VARBINARY": lambda value: f"base64({value})",
    "BINARY": lambda value: f"base64({value})",
    "INTERVAL": _interval,
}
