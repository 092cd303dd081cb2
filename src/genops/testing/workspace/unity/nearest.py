"""The rows of a vector index: what is nearest to a vector, what passes a filter, and how answers show it."""

# ruff: noqa: S608 - the SQL is built from quoted identifiers and numbers

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any, cast

from genops.testing.workspace.http.wire import Json, invalid, unserved
from genops.testing.workspace.sql.values import quoted

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

_KEY = re.compile(r"(?P<column>\S+)(?: (?P<word><=|>=|<|>|NOT|LIKE))?")
SCALAR = (str, int, float)


def nearest(table: str, columns: Sequence[str], vector: str, key: str, where: str, limit: int) -> str:
    """DuckDB SQL of the rows nearest to a vector; its last value is the score, ``1 / (1 + distance²)``.

    The score is the one that Databricks documents, of the Euclidean distance. Nothing is approximated.

    Args:
        table: DuckDB name of the table.
        columns: Columns of the answer.
        vector: The column of the vectors.
        key: The column of the primary key, which decides between rows that are equally near.
        where: A condition, as :func:`condition` makes it.
        limit: How many rows.
    """
    distance = f"list_distance(CAST({quoted(vector)} AS DOUBLE[]), CAST(? AS DOUBLE[]))"
    scored = f"SELECT *, 1 / (1 + pow({distance}, 2)) AS score_of_row FROM {table} WHERE {quoted(vector)} IS NOT NULL"
    listed = ", ".join([*map(quoted, columns), "score_of_row"])
    order = f"score_of_row DESC, {quoted(key)}"
    return f"SELECT {listed} FROM ({scored}) WHERE {where} AND score_of_row >= ? ORDER BY {order} LIMIT {limit}"


def condition(filters: Any, columns: Mapping[str, str], values: list[Any]) -> str:
    """DuckDB SQL of ``filters_json``: every entry must hold.

    Args:
        filters: Text of an object, or nothing.
        columns: The columns of the index, by their names in lower case.
        values: Gets what the ``?`` of the condition stand for.

    Raises:
        ApiError: 400 for what is no filter or names no column, 501 for ``LIKE``, ``OR`` and filters in SQL.
    """
    if not filters:
        return "TRUE"
    return " AND ".join(_conditions(json_of(filters, "filters_json", dict), columns, values)) or "TRUE"


def _conditions(given: Json, columns: Mapping[str, str], values: list[Any]) -> Iterator[str]:
    for key, value in given.items():
        found = _KEY.fullmatch(key)
        if found is None or found["word"] == "LIKE":
            raise unserved(f"The filter {key!r}")
        if found["column"].lower() not in columns:
            raise invalid(f"filters_json names the column '{found['column']}', which the index does not have")
        column, word = quoted(columns[found["column"].lower()]), found["word"] or "="
        listed: list[Any] = cast("list[Any]", value) if isinstance(value, list) else [value]
        if not listed or not all(isinstance(item, SCALAR) for item in listed):
            raise invalid(f"The filter {key!r} needs a value or a list of values, not {value!r}")
        if word in ("=", "NOT"):
            yield f"{column} {'NOT ' if word == 'NOT' else ''}IN ({', '.join('?' * len(listed))})"
        elif isinstance(value, list):
            raise invalid(f"The filter {key!r} needs one value, not {value!r}")
        else:
            yield f"{column} {word} ?"
        values.extend(listed)


def json_of(text: Any, name: str, kind: type) -> Any:
    """What a parameter holds that is JSON in a text.

    Raises:
        ApiError: It is none, or holds something of another kind.
    """
    try:
        found = json.loads(text)
    except (TypeError, ValueError) as error:
        raise invalid(f"{name} must be JSON in a string, not {text!r}") from error
    if not isinstance(found, kind):
        raise invalid(f"{name} must hold a JSON {'object' if kind is dict else 'array'}, not {text!r}")
    return found


def vector_of(value: Any, name: str, length: int) -> list[float]:
    """A vector of the length that the index has.

    Raises:
        ApiError: It is none, or has another length.
    """
    items: list[Any] = cast("list[Any]", value) if isinstance(value, list) else []
    if len(items) != length or not all(isinstance(item, (int, float)) and item is not True for item in items):
        raise invalid(f"{name} must be a list of {length} numbers, not {_shortened(value)}")
    return items


def _shortened(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 80 else f"{text[:80]}…"  # noqa: PLR2004 - enough to know it by


def plain(value: Any) -> Any:
    """A value of a row as JSON has it."""
    if isinstance(value, list):
        return [plain(item) for item in cast("list[Any]", value)]
    return value if value is None or isinstance(value, SCALAR) else str(value)


def struct_value(value: Any) -> Json:
    """A value of a row as a scan shows it, by its kind.

    >>> struct_value([1, "a"])
    {'list_value': {'values': [{'number_value': 1}, {'string_value': 'a'}]}}
    """
    shown = plain(value)
    if isinstance(shown, list):
        return {"list_value": {"values": [struct_value(item) for item in cast("list[Any]", shown)]}}
    if isinstance(shown, bool):
        return {"bool_value": shown}
    if isinstance(shown, str):
        return {"string_value": shown}
    return {} if shown is None else {"number_value": shown}
