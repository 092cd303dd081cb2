"""Small tables in which every value matters, and other values for their columns."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from typing import Any, NamedTuple, TypeAlias

Value: TypeAlias = "int | str | date | list[Any] | dict[str, Any]"
Rows: TypeAlias = "list[tuple[Any, ...]]"


class Table(NamedTuple):
    """A table.

    Attributes:
        columns: Types by name.
        rows: Its rows; a dict is a map where the type is one, and otherwise a struct.
    """

    columns: dict[str, str]
    rows: Rows


TABLES = {
    "people": Table(
        {"id": "INT", "name": "STRING", "city": "STRING", "age": "INT", "boss": "INT"},
        [
            (1, "ann", "rome", 31, None),
            (2, "bob", "oslo", 25, 1),
            (3, "cat", "rome", 47, 1),
            (4, "dan", None, 25, 2),
            (5, "eve", "lima", None, 2),
            (6, "fay", "oslo", 62, 3),
        ],
    ),
    "orders": Table(
        {"oid": "INT", "pid": "INT", "item": "STRING", "amount": "INT", "day": "DATE", "note": "STRING"},
        [
            (101, 1, "ink", 3, date(2024, 1, 5), "x"),
            (102, 1, "pen", 8, date(2024, 1, 9), None),
            (103, 2, "ink", 5, date(2024, 2, 2), "y"),
            (104, 3, "pad", None, date(2024, 2, 14), "x"),
            (105, 4, "pen", 1, date(2024, 3, 1), "z"),
            (106, 6, "cup", 12, date(2024, 3, 8), None),
            (107, None, "pad", 7, None, "y"),
        ],
    ),
    "things": Table(
        {
            "item": "STRING",
            "price": "INT",
            "kind": "STRING",
            "tags": "ARRAY<STRING>",
            "steps": "ARRAY<INT>",
            "attrs": "MAP<STRING, INT>",
            "dims": "STRUCT<w: INT, h: INT>",
        },
        [
            ("ink", 4, "office", ["blue", "wet"], [3, 1], {"k": 1, "m": 7}, {"w": 2, "h": 9}),
            ("pen", 2, "office", ["thin"], [2, 5, 4], {"k": 5}, {"w": 1, "h": 14}),
            ("pad", 6, "paper", ["white", "a4", "wet"], [6], {"m": 2}, {"w": 21, "h": 30}),
            ("cup", 9, None, ["tea"], [8, 7], {"k": 3, "m": 4}, {"w": 8, "h": 8}),
            ("jar", None, "glass", ["big"], [9], {"m": 6}, {"w": 5, "h": 11}),
        ],
    ),
    "sink": Table(
        {"a": "INT", "b": "STRING", "c": "INT", "d": "STRING"},
        [(1, "one", 10, "p"), (2, "two", 20, "q"), (4, "four", 40, None), (9, "nine", 90, "r")],
    ),
}
"""`sink` is what statements write; as it stands here they find it."""


def text(value: Value | None, kind: str) -> str:
    """Return a value as a literal.

    >>> text({"w": 2, "h": None}, "STRUCT<w: INT, h: INT>"), text(["a"], "ARRAY<STRING>")
    ("named_struct('w', 2, 'h', CAST(NULL AS INT))", "array('a')")
    """
    if value is None:
        return f"CAST(NULL AS {kind})"
    if isinstance(value, list):
        return f"array({', '.join(text(each, kind[6:-1]) for each in value)})"
    if isinstance(value, dict):
        call = "map" if kind.startswith("MAP") else "named_struct"
        pairs = (f"{text(key, 'STRING')}, {text(each, 'INT')}" for key, each in value.items())
        return f"{call}({', '.join(pairs)})"
    if isinstance(value, date):
        return f"DATE'{value}'"
    return f"'{value}'" if isinstance(value, str) else str(value)


def _far(value: Value) -> Value:
    """Another value, far from all that a table holds."""
    if isinstance(value, list):
        return [_far(each) for each in value]
    if isinstance(value, dict):
        return {key if key in {"w", "h"} else f"~{key}": _far(each) for key, each in value.items()}
    if isinstance(value, date):
        return value + timedelta(days=-400)
    return "~" + value if isinstance(value, str) else value + 1000


def _near(value: Value) -> Value:
    """Another value that still meets most conditions."""
    if isinstance(value, list):
        return [*value[::-1], _near(value[0])]
    if isinstance(value, dict):
        return {key: _near(each) for key, each in value.items()}
    if isinstance(value, date):
        return value + timedelta(days=1)
    return value + "~" if isinstance(value, str) else value + 1


def _each(change: Callable[[Value], Value]) -> Callable[[list[Any]], list[Any]]:
    return lambda values: [None if value is None else change(value) for value in values]


CHANGES: dict[str, Callable[[list[Any]], list[Any]]] = {
    "far": _each(_far),
    "near": _each(_near),
    "moved": lambda values: [*values[1:], values[0]],
    "fewer": lambda values: [value if i % 2 else None for i, value in enumerate(values)],
    "more": lambda values: [values[0] if value is None else value for value in values],
}
"""What the values of a column become: all others, all others close by, the same in other rows, fewer, and no null."""


def changed(table: Table, column: str, change: str) -> Rows:
    """Return the rows of a table with one column changed."""
    place = list(table.columns).index(column)
    values = CHANGES[change]([row[place] for row in table.rows])
    return [(*row[:place], value, *row[place + 1 :]) for row, value in zip(table.rows, values, strict=True)]
