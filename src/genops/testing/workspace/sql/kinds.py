"""The types of Databricks SQL and the types of its arithmetic.

DuckDB computes in types of its own: a quotient of decimals is a DOUBLE there and a DECIMAL here, a sum is wider. The
translation therefore follows the types of an expression by Databricks' rules, as far as they are known; what is not
known is ``None``, and then the translation asks DuckDB's types or refuses.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from sqlglot import exp
from sqlglot.errors import SqlglotError

MAX_PRECISION = 38
_LEAST_SCALE = 6
"""Digits after the point that a result keeps when it has more than 38 digits [Databricks, decimal operators]."""


@dataclass(frozen=True)
class Kind:
    """A type.

    Attributes:
        name: ``INT``, ``DECIMAL``, ``ARRAY`` … in upper case.
        precision: Digits of a DECIMAL.
        scale: Digits after the point of a DECIMAL.
        inner: The element of an ARRAY, key and value of a MAP, the fields of a STRUCT.
        fields: The field names of a STRUCT.
    """

    name: str
    precision: int = 0
    scale: int = 0
    inner: tuple[Kind | None, ...] = ()
    fields: tuple[str, ...] = ()

    def field(self, name: str) -> Kind | None:
        """The type of a struct's field."""
        found = [kind for field, kind in zip(self.fields, self.inner, strict=True) if field.lower() == name.lower()]
        return found[0] if found else None


def decimal(precision: int, scale: int) -> Kind:
    """A DECIMAL, fitted into 38 digits as Databricks does it: digits after the point give way first.

    >>> decimal(40, 10)
    Kind(name='DECIMAL', precision=38, scale=8, inner=(), fields=())
    """
    if precision <= MAX_PRECISION:
        return Kind("DECIMAL", precision, scale)
    kept = max(MAX_PRECISION - (precision - scale), min(scale, _LEAST_SCALE))
    return Kind("DECIMAL", MAX_PRECISION, kept)


def array(element: Kind | None) -> Kind:
    """An ARRAY."""
    return Kind("ARRAY", inner=(element,))


TINYINT, SMALLINT, INT, BIGINT = (Kind(name) for name in ("TINYINT", "SMALLINT", "INT", "BIGINT"))
FLOAT, DOUBLE, STRING, BOOLEAN, BINARY = (Kind(name) for name in ("FLOAT", "DOUBLE", "STRING", "BOOLEAN", "BINARY"))
DATE, TIMESTAMP, TIMESTAMP_NTZ, INTERVAL, VOID = (
    Kind(name) for name in ("DATE", "TIMESTAMP", "TIMESTAMP_NTZ", "INTERVAL", "VOID")
)
WHOLE = ("TINYINT", "SMALLINT", "INT", "BIGINT")
NUMBERS = (*WHOLE, "DECIMAL", "FLOAT", "DOUBLE")
_DIGITS = {"TINYINT": 3, "SMALLINT": 5, "INT": 10, "BIGINT": 20}

_NAMES = {
    "VARCHAR": "STRING",
    "TEXT": "STRING",
    "CHAR": "STRING",
    "TIMESTAMPTZ": "TIMESTAMP",
    "TIMESTAMPLTZ": "TIMESTAMP",
    "TIMESTAMPNTZ": "TIMESTAMP_NTZ",
    "NULL": "VOID",
    "LIST": "ARRAY",
    "INTEGER": "INT",
}
_SIMPLE = frozenset({*NUMBERS, "STRING", "BOOLEAN", "BINARY", "DATE", "TIMESTAMP", "TIMESTAMP_NTZ", "INTERVAL", "VOID"})


def kind_of(data_type: Any) -> Kind | None:
    """The type that a syntax tree of the Databricks dialect names."""
    if not isinstance(data_type, exp.DataType):
        return INTERVAL if isinstance(data_type, exp.Interval) else None
    this = data_type.this
    name = "INTERVAL" if isinstance(this, exp.Interval) else str(getattr(this, "name", this))
    name = _NAMES.get(name, name)
    if name == "DECIMAL":
        digits = [int(item.name) for item in data_type.expressions]
        return decimal(*([*digits, 0][:2] if digits else (10, 0)))
    if name in ("ARRAY", "MAP"):
        return Kind(name, inner=tuple(kind_of(item) for item in data_type.expressions))
    if name == "STRUCT":
        fields = [item for item in data_type.expressions if isinstance(item, exp.ColumnDef)]
        return Kind(name, inner=tuple(kind_of(f.args["kind"]) for f in fields), fields=tuple(f.name for f in fields))
    return Kind(name) if name in _SIMPLE else None


@lru_cache(4096)
def parse_kind(text: str) -> Kind | None:
    """The type of a text such as ``decimal(10,2)`` or ``array<int>``; ``None`` where it is not known."""
    if text.lower().startswith("interval"):
        return INTERVAL
    try:
        return kind_of(exp.DataType.build(text, dialect="databricks"))
    except (SqlglotError, ValueError):
        return None


def duck_text(kind: Kind) -> str:
    """The DuckDB type of a type."""
    if kind.name == "DECIMAL":
        return f"DECIMAL({kind.precision},{kind.scale})"
    if kind.name == "ARRAY":
        return f"{duck_text(kind.inner[0] or VOID)}[]"
    names = {"STRING": "VARCHAR", "TIMESTAMP": "TIMESTAMPTZ", "TIMESTAMP_NTZ": "TIMESTAMP", "BINARY": "BLOB"}
    return names.get(kind.name, kind.name)


def literal_kind(text: str) -> Kind:
    """The type of a number as it is written.

    >>> literal_kind("1.50").scale, literal_kind("3000000000").name, literal_kind("1e3").name
    (2, 'BIGINT', 'DOUBLE')
    """
    if re.fullmatch(r"\d+", text):
        number = int(text)
        if number < 1 << 31:
            return INT
        return BIGINT if number < 1 << 63 else decimal(len(text), 0)
    if re.fullmatch(r"\d*\.\d*", text):
        whole, fraction = text.split(".")
        return decimal(max(len(whole.lstrip("0")) + len(fraction), 1), len(fraction))
    return DOUBLE


def as_decimal(kind: Kind, text: str = "") -> Kind:
    """A whole number's type as a DECIMAL; a literal has the digits it is written with."""
    if kind.name == "DECIMAL":
        return kind
    return decimal(len(text) if text.isdigit() else _DIGITS[kind.name], 0)


def arithmetic(operator: str, left: Kind, right: Kind) -> Kind | None:
    """The type of ``+``, ``-``, ``*``, ``/`` and ``%`` between numbers.

    Args:
        operator: One of these five.
        left: Type of the left operand; decimals of literals as :func:`as_decimal` gives them.
        right: Type of the right operand.
    """
    if left.name not in NUMBERS or right.name not in NUMBERS:
        return None
    names = {left.name, right.name}
    if "DECIMAL" in names and not names & {"FLOAT", "DOUBLE"}:
        return _decimal_arithmetic(operator, as_decimal(left), as_decimal(right))
    if names & {"FLOAT", "DOUBLE", "DECIMAL"} or operator == "/":
        return FLOAT if names == {"FLOAT"} and operator != "/" else DOUBLE
    return max(left, right, key=lambda kind: WHOLE.index(kind.name))


def _decimal_arithmetic(operator: str, left: Kind, right: Kind) -> Kind:
    p1, s1, p2, s2 = left.precision, left.scale, right.precision, right.scale
    whole = max(p1 - s1, p2 - s2)
    if operator == "*":
        return decimal(p1 + p2 + 1, s1 + s2)
    if operator == "/":
        scale = max(_LEAST_SCALE, s1 + p2 + 1)
        return decimal(p1 - s1 + s2 + scale, scale)
    if operator == "%":
        return decimal(min(p1 - s1, p2 - s2) + max(s1, s2), max(s1, s2))
    return decimal(whole + max(s1, s2) + 1, max(s1, s2))


def widest(kinds: list[Kind | None]) -> Kind | None:
    """The type that holds the values of all of these, as CASE, COALESCE, UNION and arrays have it."""
    known = [kind for kind in kinds if kind is not None and kind != VOID]
    if len(known) != len([kind for kind in kinds if kind != VOID]) or not known:
        return VOID if kinds and not known and None not in kinds else None
    result = known[0]
    for kind in known[1:]:
        joined = _wider(result, kind)
        if joined is None:
            return None
        result = joined
    return result


def _wider(left: Kind, right: Kind) -> Kind | None:
    if left == right:
        return left
    names = {left.name, right.name}
    if names <= set(NUMBERS):
        return _wider_number(left, right)
    for wide, narrow in ((TIMESTAMP, TIMESTAMP_NTZ), (TIMESTAMP, DATE), (TIMESTAMP_NTZ, DATE)):
        if names == {wide.name, narrow.name}:
            return wide
    if left.name == right.name and left.inner and len(left.inner) == len(right.inner):
        inner = tuple(widest([one, two]) for one, two in zip(left.inner, right.inner, strict=True))
        return Kind(left.name, inner=inner, fields=left.fields)
    return _from_text(right if left == STRING else left) if STRING in (left, right) else None


def _from_text(kind: Kind) -> Kind | None:
    """What text becomes beside a value of another type."""
    if kind.name in NUMBERS:
        return BIGINT if kind.name in WHOLE else DOUBLE
    return kind if kind in (BOOLEAN, BINARY, DATE, TIMESTAMP, TIMESTAMP_NTZ) else None


def moves_text(one: Kind, two: Kind) -> bool:
    """Whether a value of the first type cannot become one of the second but through or from text.

    >>> moves_text(array(INT), array(STRING)), moves_text(INT, DOUBLE)
    (True, False)
    """
    if (one == STRING) != (two == STRING) and VOID not in (one, two):
        return True
    return any(moves_text(a, b) for a, b in zip(one.inner, two.inner, strict=False) if a and b)


def _wider_number(left: Kind, right: Kind) -> Kind:
    names = {left.name, right.name}
    if names <= set(WHOLE):
        return max(left, right, key=lambda kind: WHOLE.index(kind.name))
    if names & {"FLOAT", "DOUBLE"}:
        return DOUBLE
    one, two = as_decimal(left), as_decimal(right)
    scale = max(one.scale, two.scale)
    return decimal(max(one.precision - one.scale, two.precision - two.scale) + scale, scale)
