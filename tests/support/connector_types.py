"""Behaviours of types and parameters [Databricks SQL Connector for Python: type conversions; docs/parameters.md]."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from decimal import Decimal
from functools import partial
from typing import Any

from databricks import sql

from support.connector_table import Given, promises, raised

_UTC = dt.timezone.utc

# SQL, its type in the description, and the value in Python.
_VALUES: dict[str, tuple[str, str, Any]] = {
    "BOOLEAN comes as bool": ("TRUE", "boolean", True),
    "TINYINT comes as int": ("CAST(1 AS TINYINT)", "tinyint", 1),
    "SMALLINT comes as int": ("CAST(2 AS SMALLINT)", "smallint", 2),
    "INT comes as int": ("3", "int", 3),
    "BIGINT comes as int": ("4L", "bigint", 4),
    "FLOAT comes as float": ("CAST(1.5 AS FLOAT)", "float", 1.5),
    "DOUBLE comes as float": ("CAST(2.5 AS DOUBLE)", "double", 2.5),
    "DECIMAL comes as Decimal": ("CAST(12.345 AS DECIMAL(10, 3))", "decimal", Decimal("12.345")),
    "STRING comes as str": ("'grün'", "string", "grün"),
    "BINARY comes as bytes": ("CAST('ab' AS BINARY)", "binary", b"ab"),
    "DATE comes as date": ("DATE'2024-02-29'", "date", dt.date(2024, 2, 29)),
    "TIMESTAMP comes as datetime, in microseconds and with a time zone": (
        "TIMESTAMP'2024-02-29 12:34:56.123456'",
        "timestamp",
        dt.datetime(2024, 2, 29, 12, 34, 56, 123456, _UTC),
    ),
    "TIMESTAMP_NTZ comes as datetime without a time zone": (
        "TIMESTAMP_NTZ'2024-02-29 12:34:56'",
        "timestamp",
        dt.datetime(2024, 2, 29, 12, 34, 56),  # noqa: DTZ001 - which has none
    ),
    "NULL comes as None": ("CAST(NULL AS INT)", "int", None),
}
_NESTED: dict[str, tuple[str, str, Any]] = {
    "ARRAY comes as an array": ("array(1, 2)", "array", [1, 2]),
    "MAP comes as pairs": ("map('a', 1)", "map", [("a", 1)]),
    "STRUCT comes as dict": ("named_struct('x', 1, 'y', 'z')", "struct", {"x": 1, "y": "z"}),
}


def _value(expression: str, type_code: str, expected: Any, given: Given) -> None:
    cursor = given.cursor().execute(f"SELECT {expression} AS v")
    value = cursor.fetchone()[0]
    assert cursor.description[0][1] in _codes(type_code, given)
    plain = list(value) if isinstance(expected, list) else value
    assert plain == expected
    assert type(plain) is type(expected)


def _codes(type_code: str, given: Given) -> tuple[str, ...]:
    """The statement API tells TIMESTAMP_NTZ from TIMESTAMP, Thrift does not."""
    return (type_code, "timestamp_ntz") if (type_code, given.transport) == ("timestamp", "sea") else (type_code,)


for _name, _row in _VALUES.items():
    # In Thrift's columns timestamps are text without a time zone.
    promises(_name, arrow="time zone" in _name and "without" not in _name)(partial(_value, *_row))
for _name, _row in _NESTED.items():
    promises(_name, arrow=True)(partial(_value, *_row))


@promises("arrays and maps that hold no typed value are values all the same", arrow=True)
def _untyped(given: Given) -> None:
    with given.cursor() as cursor:
        found = cursor.execute("SELECT array() AS a, map() AS m, array(NULL) AS n").fetchall_arrow()
    assert found.to_pylist() == [{"a": [], "m": [], "n": [None]}]


@promises("nested types come as JSON text where native ones are not wanted", arrow=True)
def _nested_text(given: Given) -> None:
    if given.transport == "sea":
        return
    with given.connect(_use_arrow_native_complex_types=False) as connection:
        row = (
            connection.cursor()
            .execute("SELECT array(1, 2), map('a', 1), named_struct('x', DATE'2024-01-01')")
            .fetchone()
        )
        assert [value.replace(" ", "") for value in row] == ["[1,2]", '{"a":1}', '{"x":"2024-01-01"}']


_NATIVE = (3, 0)
_POSITIONAL = "it does not support positional ``?`` parameter binding"
# A class of databricks.sql.parameters, its value, and what comes back.
_TYPED: dict[str, tuple[Any, Any, str]] = {
    "BigIntegerParameter": (2**40, 2**40, "bigint"),
    "BooleanParameter": (True, True, "boolean"),
    "DateParameter": (dt.date(2024, 1, 2), dt.date(2024, 1, 2), "date"),
    "DecimalParameter": (Decimal("1.25"), Decimal("1.25"), "decimal"),
    "DoubleParameter": (2.5, 2.5, "double"),
    "FloatParameter": (1.5, 1.5, "float"),
    "IntegerParameter": (7, 7, "int"),
    "SmallIntParameter": (7, 7, "smallint"),
    "StringParameter": ("it's", "it's", "string"),
    "TimestampParameter": (
        dt.datetime(2024, 1, 2, 3, 4, 5, tzinfo=_UTC),
        dt.datetime(2024, 1, 2, 3, 4, 5, tzinfo=_UTC),
        "timestamp",
    ),
    "TimestampNTZParameter": (
        dt.datetime(2024, 1, 2, 3, 4, 5),  # noqa: DTZ001 - which has none
        dt.datetime(2024, 1, 2, 3, 4, 5),  # noqa: DTZ001 - the same
        "timestamp",
    ),
    "TinyIntParameter": (7, 7, "tinyint"),
}


def _bound(name: str, value: Any, expected: Any, type_code: str, given: Given) -> None:
    parameters = __import__("databricks.sql.parameters", fromlist=[name])
    parameter = getattr(parameters, name)(value=value, name="p")
    cursor = given.cursor().execute("SELECT :p AS v", [parameter])
    assert cursor.description[0][1] in _codes(type_code, given)
    assert cursor.fetchone()[0] == expected


for _class, _typed in _TYPED.items():
    promises(f"{_class} binds a value of its type", since=_NATIVE, arrow=_class == "TimestampParameter")(
        partial(_bound, _class, *_typed)
    )


@promises("VoidParameter binds NULL", since=_NATIVE)
def _void(given: Given) -> None:
    from databricks.sql.parameters import VoidParameter

    assert given.rows("SELECT :p IS NULL, coalesce(:p, 1)", [VoidParameter(value=None, name="p")]) == [(True, 1)]


@promises("a DecimalParameter may say precision and scale", since=_NATIVE)
def _decimal(given: Given) -> None:
    from databricks.sql.parameters import DecimalParameter

    # The connector calls the first of the two numbers scale.
    parameter = DecimalParameter(value=Decimal("1.5"), name="p", scale=12, precision=4)
    assert given.rows("SELECT :p, :p * 2", [parameter]) == [(Decimal("1.5"), Decimal("3.0"))]
    raised(ValueError, lambda: DecimalParameter(value=Decimal(1), scale=1), words="both or none")


_NO_ARGUMENTS = "StatementParameter has a value and a type, and no arguments"


@promises("a list is bound as an array", since=(4, 0, 4), sea=_NO_ARGUMENTS)
def _array(given: Given) -> None:
    assert given.rows("SELECT size(:p), element_at(:p, 2)", {"p": ["a", "b"]}) == [(2, "b")]


@promises("a dict is bound as a map, and may hold lists", since=(4, 0, 4), sea=_NO_ARGUMENTS)
def _map(given: Given) -> None:
    assert given.rows("SELECT element_at(:p, 'k')[1]", {"p": {"k": [1, 2]}}) == [(2,)]


_INFERRED: dict[str, tuple[Any, str]] = {
    "int": (5, "int"),
    "int beyond 32 bits": (5_000_000_000, "bigint"),
    "float": (1.5, "double"),
    "str": ("x", "string"),
    "bool": (False, "boolean"),
    "date": (dt.date(2024, 1, 2), "date"),
    "datetime": (dt.datetime(2024, 1, 2, 3, 4, tzinfo=_UTC), "timestamp"),
    "Decimal": (Decimal("3.14"), "decimal"),
}


def _inferred(value: Any, type_code: str, given: Given) -> None:
    cursor = given.cursor().execute("SELECT :p AS v", {"p": value})
    assert (cursor.description[0][1], cursor.fetchone()[0]) == (type_code, value)


for _kind, _pair in _INFERRED.items():
    # Before 4.2 a float was bound as FLOAT.
    _since = (4, 2) if _kind == "float" else _NATIVE
    promises(f"the type of a parameter is inferred from Python's {_kind}", since=_since, arrow=_kind == "datetime")(
        partial(_inferred, *_pair)
    )


@promises("None is bound as NULL", since=_NATIVE)
def _null(given: Given) -> None:
    assert given.rows("SELECT :p IS NULL", {"p": None}) == [(True,)]


@promises("a named parameter may be used more than once", since=_NATIVE)
def _twice(given: Given) -> None:
    assert given.rows("SELECT :p + :p, ':p'", {"p": 2}) == [(4, ":p")]


@promises("parameters of the older %(name)s style are understood", since=_NATIVE)
def _pyformat(given: Given) -> None:
    assert given.rows("SELECT %(p)s + 1", {"p": 2}) == [(3,)]


@promises("parameters without names stand for ? in the order of the text", since=_NATIVE, sea=_POSITIONAL)
def _positional(given: Given) -> None:
    assert given.rows("SELECT ?, '?', ? -- ?\n", [1, "b"]) == [(1, "?", "b")]
    table = given.table("id INT, name STRING", "(1, 'a'), (2, 'b')")
    assert given.rows(f"SELECT name FROM {table} WHERE id = ? AND name <> ? LIMIT ?", [2, "x", 1]) == [("b",)]


@promises("a marker without a parameter is an error", since=_NATIVE)
def _unbound(given: Given) -> None:
    raised(sql.Error, lambda: given.rows("SELECT :p, :q", {"p": 1}), words="UNBOUND_SQL_PARAMETER")


@promises("a value that is none of its parameter's type is an error", since=_NATIVE)
def _invalid(given: Given) -> None:
    from databricks.sql.parameters import IntegerParameter

    parameter: Any = IntegerParameter(value="x", name="p")  # type: ignore[arg-type]
    raised(sql.Error, lambda: given.rows("SELECT :p", [parameter]), words="INVALID_PARAMETER_MARKER_VALUE")


@promises("a value of a type without a parameter is refused", since=_NATIVE)
def _not_inferred(given: Given) -> None:
    raised(sql.NotSupportedError, lambda: given.rows("SELECT :p", {"p": object()}), words="Could not infer")


def _inline(statement: str, parameters: Any, expected: Any) -> Callable[[Given], None]:
    def run(given: Given) -> None:
        with given.connect(use_inline_params="silent") as connection:
            assert connection.cursor().execute(statement, parameters).fetchall() == [expected]

    return run


promises("inline parameters by name are put into the text, escaped")(
    _inline("SELECT %(a)s, %(b)s", {"a": 1, "b": "it's"}, (1, "it's"))
)
promises("inline parameters by position are put into the text", since=_NATIVE)(
    _inline("SELECT %s, %s", [1, "x"], (1, "x"))
)
