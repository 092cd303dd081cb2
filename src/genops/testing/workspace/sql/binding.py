"""Parameters of statements: typed values in the place of ``:name`` and ``?``."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any

import sqlglot
from sqlglot import TokenType, exp

from genops.testing.workspace.sql.failures import SqlError
from genops.testing.workspace.sql.literals import duplicate, literal_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    from genops.testing.workspace.http.wire import Json

_POSITION = "positional_parameter_"


def numbered(sql: str, parameters: Iterable[Json]) -> tuple[str, list[Json]]:
    """Give parameters without a name, and the ``?`` that stand for them, names in the order of the text.

    >>> numbered("SELECT ?, '?'", [{"name": "", "type": "INT", "value": "1"}])[0]
    "SELECT :positional_parameter_1, '?'"

    Raises:
        SqlError: Named and positional parameters are mixed.
    """
    given = list(parameters)
    if all(item.get("name") for item in given):
        return sql, given
    if any(item.get("name") for item in given):
        raise SqlError(
            "[INVALID_QUERY_MIXED_QUERY_PARAMETERS] Parameterized query must either use positional, or named "
            "parameters, but not both.",
            "42613",
        )
    count = itertools.count(1)
    at = 0
    text = ""
    for token in sqlglot.tokenize(sql, read="databricks"):
        if token.token_type is TokenType.PLACEHOLDER:
            text += f"{sql[at : token.start]}:{_POSITION}{next(count)}"
            at = token.end + 1
    named = [{**item, "name": f"{_POSITION}{number}"} for number, item in enumerate(given, start=1)]
    return text + sql[at:], named


def bind(tree: Any, parameters: Iterable[Json]) -> Any:
    """Put typed values in the place of ``:name`` markers.

    Args:
        tree: A statement.
        parameters: Items ``{"name", "value", "type"}``; an absent type is STRING, an absent value null. Arrays and
            maps have ``arguments``, which are items without names; those of a map are keys and values in turn.

    Raises:
        SqlError: A marker without a parameter, or a value that is no literal of its type.
    """
    values: dict[str, Json] = {}
    for item in parameters:
        if values.setdefault(str(item["name"]), item) is not item:
            raise duplicate(str(item["name"]))

    def replace(node: Any) -> Any:
        if not isinstance(node, exp.Placeholder):
            return node
        if node.name not in values:
            shown = "?" if node.name.startswith(_POSITION) else node.name or "?"
            raise SqlError(
                f"[UNBOUND_SQL_PARAMETER] Found the unbound parameter: {shown}. Please, fix `args` and provide a "
                "mapping of the parameter to either a SQL literal or collection constructor functions such as "
                "`map()`, `array()`, `struct()`. SQLSTATE: 42P02",
                "42P02",
            )
        return _typed(values[node.name])

    return tree.transform(replace)


def _typed(parameter: Json) -> Any:
    kind = str(parameter.get("type") or "STRING").upper()
    name = str(parameter.get("name") or "").removeprefix(_POSITION)
    if parameter.get("arguments") is not None:
        return _nested(name, kind, [_typed({"name": name, **item}) for item in parameter["arguments"]])
    return literal_of(name, kind, parameter.get("value"))


def _nested(name: str, kind: str, items: list[Any]) -> Any:
    if kind == "ARRAY":
        return exp.Array(expressions=items)
    if kind == "MAP":
        return exp.VarMap(keys=exp.Array(expressions=items[::2]), values=exp.Array(expressions=items[1::2]))
    return literal_of(name, kind, None)
