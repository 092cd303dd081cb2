"""Functions of dates and times. The session's time zone is UTC."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlglot import exp

from genops.testing.workspace.sql.failures import SqlError, UnsupportedError
from genops.testing.workspace.sql.functions.patterns import strftime_pattern
from genops.testing.workspace.sql.functions.session import NOW
from genops.testing.workspace.sql.functions.spelling import Function, build, say
from genops.testing.workspace.sql.kinds import BIGINT, DATE, DOUBLE, INT, STRING, TIMESTAMP, TIMESTAMP_NTZ, decimal
from genops.testing.workspace.sql.values import literal

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from genops.testing.workspace.sql.functions.spelling import Invocation
    from genops.testing.workspace.sql.kinds import Kind

_UNITS = {
    "microsecond": "microsecond",
    "millisecond": "millisecond",
    "second": "second",
    "minute": "minute",
    "hour": "hour",
    "day": "day",
    "dayofyear": "day",
    "week": "week",
    "month": "month",
    "quarter": "quarter",
    "year": "year",
}
_TRUNCATED = {
    "year": "year",
    "yyyy": "year",
    "yy": "year",
    "quarter": "quarter",
    "month": "month",
    "mon": "month",
    "mm": "month",
    "week": "week",
}
_TRUNCATED_TIME = {**_TRUNCATED, "day": "day", "dd": "day", **{unit: unit for unit in list(_UNITS)[:5]}}
_PARTS = {
    **dict.fromkeys(("year", "y", "years", "yr", "yrs"), "year"),
    **dict.fromkeys(("yearofweek",), "isoyear"),
    **dict.fromkeys(("quarter", "qtr"), "quarter"),
    **dict.fromkeys(("month", "mon", "mons", "months"), "month"),
    **dict.fromkeys(("week", "w", "weeks"), "week"),
    **dict.fromkeys(("day", "d", "days"), "day"),
    **dict.fromkeys(("dayofweek_iso", "dow_iso"), "isodow"),
    "doy": "doy",
    **dict.fromkeys(("hour", "h", "hours", "hr", "hrs"), "hour"),
    **dict.fromkeys(("minute", "m", "min", "mins", "minutes"), "minute"),
}


def extracted(unit: str, text: str) -> str:
    """DuckDB SQL of ``extract(unit FROM text)``.

    Raises:
        UnsupportedError: A field that is not served.
    """
    name = unit.lower()
    if name in ("second", "s", "sec", "secs", "seconds"):
        return f"CAST(date_part('microsecond', dbx_time({text})) / 1000000 AS DECIMAL(8,6))"
    if name in ("dayofweek", "dow"):
        return f"CAST(date_part('dow', dbx_time({text})) + 1 AS INTEGER)"
    if name not in _PARTS:
        raise UnsupportedError(f"the field {unit} of a date")
    return f"CAST(date_part('{_PARTS[name]}', dbx_time({text})) AS INTEGER)"


def extracted_kind(unit: str) -> Kind:
    """The type of ``extract(unit FROM …)``."""
    return decimal(8, 6) if unit.lower() in ("second", "s", "sec", "secs", "seconds") else INT


def _date_part(call: Invocation) -> str:
    return extracted(call.constant(0, "field"), call.text(1))


def _unit(call: Invocation) -> str:
    argument = call.arguments[0]
    name = argument.name.lower()
    if name not in _UNITS or not isinstance(argument, (exp.Column, exp.Var, exp.Identifier)):
        raise SqlError(f"[INVALID_PARAMETER_VALUE.DATETIME_UNIT] The unit {name!r} is invalid in {call.name}.", "22023")
    return _UNITS[name]


_WITH_UNIT = 3
UNIT_FUNCTIONS = frozenset(["date_add", "dateadd", "timestampadd", "datediff", "date_diff", "timestampdiff"])
"""Functions whose first argument of three is the name of a unit."""


def _shifted(call: Invocation, sign: str) -> str:
    """A date some days later or earlier."""
    days = call.kind(1)
    if days is not None and (days.name in ("BIGINT", "DECIMAL", "FLOAT", "DOUBLE", "BOOLEAN")):
        raise SqlError(
            f'[DATATYPE_MISMATCH.UNEXPECTED_INPUT_TYPE] Cannot resolve "{call.name}" due to data type mismatch: The '
            f'second parameter requires the ("INT" or "SMALLINT" or "TINYINT") type, however the argument has the type '
            f'"{days.name}".',
            "42K09",
        )
    return f"CAST(dbx_date({call.text(0)}) {sign} CAST({call.text(1)} AS INTEGER) AS DATE)"


def _added(call: Invocation) -> str:
    """``date_add(date, days)`` and ``date_add(unit, number, time)``."""
    if len(call.arguments) != _WITH_UNIT:
        return _shifted(call, "+")
    unit, target = _unit(call), "TIMESTAMP" if call.kind(2) == TIMESTAMP_NTZ else "TIMESTAMPTZ"
    return f"(CAST(dbx_time({call.text(2)}) AS {target}) + to_{unit}s(CAST({call.text(1)} AS BIGINT)))"


def _added_kind(arguments: Sequence[Any]) -> Kind:
    if len(arguments) != _WITH_UNIT:
        return DATE
    return TIMESTAMP_NTZ if arguments[2].meta.get("kind") == TIMESTAMP_NTZ else TIMESTAMP


def _difference(call: Invocation) -> str:
    """Days between two dates, or whole units between two times."""
    if len(call.arguments) != _WITH_UNIT:
        return f"CAST(dbx_date({call.text(0)}) - dbx_date({call.text(1)}) AS INTEGER)"
    unit, start, end = _unit(call), f"dbx_time({call.text(1)})", f"dbx_time({call.text(2)})"
    months = {"month": 1, "quarter": 3, "year": 12}
    if unit in months:
        # DuckDB takes two last days of months for a whole month; Databricks goes by the day's number.
        return f"(dbx_whole_months({start}, {end}) // {months[unit]})"
    return f"date_sub('{unit}', CAST({start} AS TIMESTAMP), CAST({end} AS TIMESTAMP))"


def _difference_kind(arguments: Sequence[Any]) -> Kind:
    return BIGINT if len(arguments) == _WITH_UNIT else INT


def _truncated(call: Invocation) -> str:
    unit = _TRUNCATED.get(call.constant(1, "unit").lower())
    return f"CAST(date_trunc('{unit}', dbx_date({call.text(0)})) AS DATE)" if unit else "CAST(NULL AS DATE)"


def _truncated_time(call: Invocation) -> str:
    unit = _TRUNCATED_TIME.get(call.constant(0, "unit").lower())
    return (
        f"date_trunc('{unit}', CAST(dbx_time({call.text(1)}) AS TIMESTAMPTZ))" if unit else "CAST(NULL AS TIMESTAMPTZ)"
    )


def _formatted(call: Invocation) -> str:
    return f"strftime(CAST(dbx_time({call.text(0)}) AS TIMESTAMP), {literal(_pattern(call, 1))})"


def _pattern(call: Invocation, index: int) -> str:
    return strftime_pattern(call.constant(index, "pattern"))


def _parsed(call: Invocation, kind: str) -> str:
    strict = "dbx_try_parsed" if call.name.startswith("try_") else "dbx_parsed"
    return f"CAST({strict}({call.text(0)}, {literal(_pattern(call, 1))}) AS {kind})"


def _to_date(call: Invocation) -> str:
    if len(call.arguments) == 1:
        return f"dbx_try_date({call.text(0)})" if call.name.startswith("try_") else f"dbx_date({call.text(0)})"
    return _parsed(call, "DATE")


def _to_timestamp(call: Invocation) -> str:
    if len(call.arguments) == 1:
        if call.name.startswith("try_"):
            raise UnsupportedError("try_to_timestamp without a pattern")
        return f"CAST(dbx_time({call.text(0)}) AS TIMESTAMPTZ)"
    return _parsed(call, "TIMESTAMPTZ")


def _from_unixtime(call: Invocation) -> str:
    pattern = _pattern(call, 1) if len(call.arguments) > 1 else "%Y-%m-%d %H:%M:%S"
    return f"strftime(CAST(to_timestamp(CAST(trunc({call.text(0)}) AS BIGINT)) AS TIMESTAMP), {literal(pattern)})"


def _unix_time(call: Invocation) -> str:
    if not call.arguments:
        return f"CAST(floor(epoch({NOW})) AS BIGINT)"
    if len(call.arguments) > 1 and call.kind(0) == STRING:
        return f"CAST(epoch({_parsed(call, 'TIMESTAMP')}) AS BIGINT)"
    if call.kind(0) == STRING:
        return f"CAST(epoch(dbx_parsed({call.text(0)}, '%Y-%m-%d %H:%M:%S')) AS BIGINT)"
    return f"CAST(floor(epoch(dbx_time({call.text(0)}))) AS BIGINT)"


def _part(part: str) -> Function:
    # A part of a date is that of a text's own day, whatever its zone.
    macro = "dbx_time" if part in ("hour", "minute", "second") else "dbx_date"
    return say(INT, f"CAST(date_part('{part}', {macro}($1)) AS INTEGER)")


TABLE: dict[str, Function] = {
    **{name: _part(name) for name in ("year", "quarter", "month", "hour", "minute", "second")},
    **dict.fromkeys(("day", "dayofmonth"), _part("day")),
    "dayofyear": _part("doy"),
    "weekofyear": _part("week"),
    "dayofweek": say(INT, "CAST(date_part('dow', dbx_date($1)) + 1 AS INTEGER)"),
    "weekday": say(INT, "CAST(date_part('isodow', dbx_date($1)) - 1 AS INTEGER)"),
    "dayname": say(STRING, "strftime(dbx_date($1), '%a')"),
    "monthname": say(STRING, "strftime(dbx_date($1), '%b')"),
    **dict.fromkeys(
        ("extract", "date_part", "datepart"),
        build(lambda arguments: extracted_kind(str(arguments[0].name)), _date_part, 2),
    ),
    **dict.fromkeys(("date_add", "dateadd", "timestampadd"), build(_added_kind, _added, 2, 3)),
    "date_sub": build(DATE, lambda call: _shifted(call, "-"), 2),
    **dict.fromkeys(("datediff", "date_diff", "timestampdiff"), build(_difference_kind, _difference, 2, 3)),
    "add_months": say(DATE, "CAST(dbx_date($1) + to_months(CAST($2 AS INTEGER)) AS DATE)"),
    "months_between": say(
        DOUBLE, "dbx_months_between(CAST(dbx_time($1) AS TIMESTAMP), CAST(dbx_time($2) AS TIMESTAMP))"
    ),
    "last_day": say(DATE, "last_day(dbx_date($1))"),
    "next_day": say(DATE, "dbx_next_day(dbx_date($1), $2)"),
    "trunc": build(DATE, _truncated, 2),
    "date_trunc": build(TIMESTAMP, _truncated_time, 2),
    "date_format": build(STRING, _formatted, 2),
    **dict.fromkeys(("to_date", "try_to_date"), build(DATE, _to_date, 1, 2)),
    **dict.fromkeys(("to_timestamp", "try_to_timestamp"), build(TIMESTAMP, _to_timestamp, 1, 2)),
    "from_unixtime": build(STRING, _from_unixtime, 1, 2),
    **dict.fromkeys(("unix_timestamp", "to_unix_timestamp"), build(BIGINT, _unix_time, 0, 2)),
    "unix_date": say(INT, "CAST(dbx_date($1) - DATE '1970-01-01' AS INTEGER)"),
    "unix_seconds": say(BIGINT, "CAST(floor(epoch(dbx_time($1))) AS BIGINT)"),
    "unix_millis": say(BIGINT, "epoch_ms(CAST(dbx_time($1) AS TIMESTAMP))"),
    "unix_micros": say(BIGINT, "epoch_us(dbx_time($1))"),
    "timestamp_seconds": say(TIMESTAMP, "to_timestamp(CAST($1 AS DOUBLE))"),
    "timestamp_millis": say(TIMESTAMP, "make_timestamptz(CAST($1 AS BIGINT) * 1000)"),
    "timestamp_micros": say(TIMESTAMP, "make_timestamptz(CAST($1 AS BIGINT))"),
    "date_from_unix_date": say(DATE, "CAST(DATE '1970-01-01' + CAST($1 AS INTEGER) AS DATE)"),
    "make_date": say(DATE, "make_date($1, $2, $3)"),
    "make_timestamp": say(TIMESTAMP, "make_timestamptz($1, $2, $3, $4, $5, $6)"),
    "from_utc_timestamp": say(TIMESTAMP, "timezone('UTC', timezone($2, CAST(dbx_time($1) AS TIMESTAMPTZ)))"),
    "to_utc_timestamp": say(TIMESTAMP, "timezone($2, CAST(CAST(dbx_time($1) AS TIMESTAMPTZ) AS TIMESTAMP))"),
    "current_timezone": say(STRING, "'Etc/UTC'"),
}
"""Functions by name."""
