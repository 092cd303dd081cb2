"""Values of parameters: text of a client that becomes a typed literal, or is refused as the service refuses it."""

from __future__ import annotations

import re
from datetime import datetime
from decimal import ROUND_HALF_UP, Decimal, localcontext
from typing import TYPE_CHECKING, Any

from sqlglot import exp
from sqlglot.errors import SqlglotError

from genops.testing.workspace.sql.failures import SqlError

if TYPE_CHECKING:
    from collections.abc import Callable

_WHOLE = {"TINYINT": 7, "SMALLINT": 15, "INT": 31, "BIGINT": 63}
_TRUE, _FALSE = ("t", "true", "y", "yes", "1"), ("f", "false", "n", "no", "0")
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")
_FLOATING = re.compile(rf"{_NUMBER.pattern}|[+-]?(inf|infinity)|nan", re.IGNORECASE)
_DAY = r"\d{4}-\d{1,2}-\d{1,2}"
_INSTANT = re.compile(
    rf"{_DAY}([ T]\d{{1,2}}:\d{{1,2}}(:\d{{1,2}}(\.\d{{1,9}})?)?)?( ?(Z|UTC|[+-]\d{{1,2}}(:?\d{{2}})?))?"
)
_YEARS = re.compile(r"(?P<sign>-?)(?P<years>\d+)-(?P<months>\d+)")
_DAYS = re.compile(r"(?P<sign>-?)(?P<days>\d+) (?P<clock>\d{1,2}:\d{2}:\d{2}(?:\.\d{1,6})?)")
_UNITS = ("YEAR", "MONTH", "DAY", "HOUR", "MINUTE", "SECOND")
_DIGITS = 38
_SPELLING = re.compile(r"[A-Z_]+( ?\( ?\d+ ?(, ?\d+ ?)?\))?")


def literal_of(name: str, kind: str, value: str | None) -> Any:
    """The syntax tree of a parameter's value.

    Args:
        name: Name or position of the parameter, for the error.
        kind: Its SQL type in upper case.
        value: Its text; ``None`` is a null of that type.

    Raises:
        SqlError: The type takes no parameters, or the text is no value of it.
    """
    if kind == "VOID":
        return exp.null()
    if kind.startswith("INTERVAL"):
        return _interval(name, kind, value)
    target = _type(name, kind)
    base = str(target.this.name)
    if value is None:
        return exp.Cast(this=exp.null(), to=target)
    text = value if base in _TEXTS else value.strip()
    if not _VALID.get(base, _any)(text, base):
        raise _malformed(name, kind, value)
    if base == "BOOLEAN":
        return exp.Boolean(this=text.lower() in _TRUE)
    if base == "DECIMAL":
        return _decimal(name, kind, target, text)
    return exp.Cast(this=exp.Literal.string(text), to=target)


def _type(name: str, kind: str) -> Any:
    if not _SPELLING.fullmatch(kind):
        raise _no_type(name, kind)
    try:
        target = exp.DataType.build(kind, dialect="databricks")
    except SqlglotError as error:
        raise _no_type(name, kind) from error
    if str(getattr(target.this, "name", "")) not in (*_VALID, *_TEXTS):
        raise _no_type(name, kind)
    return target


def _any(_text: str, _base: str) -> bool:
    return True


def _is_whole(text: str, base: str) -> bool:
    return bool(re.fullmatch(r"[+-]?\d+", text)) and -(1 << _WHOLE[base]) <= int(text) < 1 << _WHOLE[base]


def _is_floating(text: str, _base: str) -> bool:
    return bool(_FLOATING.fullmatch(text))


def _is_number(text: str, _base: str) -> bool:
    return bool(_NUMBER.fullmatch(text))


def _is_boolean(text: str, _base: str) -> bool:
    return text.lower() in (*_TRUE, *_FALSE)


def _is_instant(text: str, _base: str) -> bool:
    if not _INSTANT.fullmatch(text):
        return False
    try:
        datetime.strptime(re.split(r"[ T]", text)[0], "%Y-%m-%d")  # noqa: DTZ007 - only the day is looked at
    except ValueError:
        return False
    return True


# sqlglot's names of the types that take parameters, and what makes a text a value of each.
_TEXTS = ("TEXT", "VARCHAR", "CHAR")
_VALID: dict[str, Callable[[str, str], bool]] = {
    **dict.fromkeys(_WHOLE, _is_whole),
    "FLOAT": _is_floating,
    "DOUBLE": _is_floating,
    "DECIMAL": _is_number,
    "BOOLEAN": _is_boolean,
    "DATE": _is_instant,
    "TIMESTAMP": _is_instant,
    "TIMESTAMPTZ": _is_instant,
    "TIMESTAMPLTZ": _is_instant,
    "TIMESTAMPNTZ": _is_instant,
}


def _decimal(name: str, kind: str, target: Any, text: str) -> Any:
    """A decimal has the digits of its value, not those of its type: 1.50 as DECIMAL(10,2) is a DECIMAL(3,2)."""
    precision, scale = ([int(item.name) for item in target.expressions] + [0])[:2] if target.expressions else (10, 0)
    with localcontext() as context:
        context.prec, context.rounding = 2 * _DIGITS, ROUND_HALF_UP
        given = Decimal(text)
        rounded = round(given, scale) if given != round(given, scale) else given
    _, digits, exponent = rounded.as_tuple()
    places = max(0, -int(exponent))
    width = max(len(digits) + max(0, int(exponent)), places, 1)
    if width - places > precision - scale:
        raise _malformed(name, kind, text)
    fitting = exp.DataType.build(f"DECIMAL({width},{places})", dialect="databricks")
    return exp.Cast(this=exp.Literal.string(f"{rounded:f}"), to=fitting)


def _interval(name: str, kind: str, value: str | None) -> Any:
    """``INTERVAL DAY`` takes a number, ``INTERVAL YEAR TO MONTH`` 1-2, ``INTERVAL DAY TO SECOND`` 1 02:03:04."""
    words = kind.split()[1:]
    unit = words[0] if words else ""
    if unit not in _UNITS or words[1:] not in ([], ["TO", "MONTH"], ["TO", "SECOND"]):
        raise _no_type(name, kind)
    if value is None:
        return exp.Cast(this=exp.null(), to=exp.DataType.build("INTERVAL", dialect="duckdb"))
    text = value.strip()
    spans = (_YEARS.fullmatch(text), _DAYS.fullmatch(text))
    if words[1:] and not spans[0] and not spans[1]:
        raise _malformed(name, kind, value)
    if not words[1:] and not re.fullmatch(r"[+-]?\d+(\.\d+)?", text):
        raise _malformed(name, kind, value)
    if spans[0]:
        months = int(spans[0]["years"]) * 12 + int(spans[0]["months"])
        return _amount(f"{spans[0]['sign']}{months}", "MONTH")
    if spans[1]:
        hours, minutes, seconds = spans[1]["clock"].split(":")
        total = Decimal(seconds) + 60 * int(minutes) + 3600 * int(hours) + 86_400 * int(spans[1]["days"])
        return _amount(f"{spans[1]['sign']}{total}", "SECOND")
    return _amount(text, unit)


def _amount(text: str, unit: str) -> Any:
    return exp.Interval(this=exp.Literal.string(text), unit=exp.Var(this=unit))


def _no_type(name: str, kind: str) -> SqlError:
    return SqlError(
        "[INVALID_PARAMETER_MARKER_VALUE.INVALID_DATA_TYPE] An invalid parameter mapping was provided: The type "
        f"'{kind}' of the parameter '{name}' is not supported for parameters. SQLSTATE: 22023",
        "22023",
    )


def _malformed(name: str, kind: str, value: str) -> SqlError:
    return SqlError(
        "[INVALID_PARAMETER_MARKER_VALUE.INVALID_VALUE_FOR_DATA_TYPE] An invalid parameter mapping was provided: The "
        f"value '{value}' for the parameter '{name}' cannot be cast to {kind} because it is malformed. Correct the "
        "value as per the syntax, or change its format. SQLSTATE: 22023",
        "22023",
    )


def duplicate(name: str) -> SqlError:
    """Two parameters of one name."""
    return SqlError(
        "[INVALID_PARAMETER_MARKER_VALUE.DUPLICATE_NAME] An invalid parameter mapping was provided: The parameter "
        f"'{name}' is given more than once. SQLSTATE: 22023",
        "22023",
    )
