"""Columns of a table in a REST request, as DuckDB's DDL."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import sqlglot.errors

from genops.testing.workspace.http.wire import invalid, unserved
from genops.testing.workspace.sql.failures import UnsupportedError
from genops.testing.workspace.sql.values import duck_type, need_unbounded, quoted

if TYPE_CHECKING:
    from genops.testing.workspace.http.wire import Json

_BY_TYPE_NAME = {"LONG": "BIGINT", "SHORT": "SMALLINT", "BYTE": "TINYINT"}


def column_ddl(columns: list[Json]) -> str:
    """The columns of a CREATE TABLE.

    Raises:
        ApiError: No column, or one without a name or a type that exists.
    """
    if not columns:
        raise invalid("A table needs at least one column")
    for column in columns:
        _need_no_default(column)
    return ", ".join(
        f"{quoted(str(column.get('name')))} {_type_of(column)}{'' if column.get('nullable', True) else ' NOT NULL'}"
        for column in columns
    )


def _need_no_default(column: Json) -> None:
    if "CURRENT_DEFAULT" in str(column.get("type_json")):
        raise unserved(f"The default of the column {column.get('name')} over REST; CREATE TABLE in SQL takes it")


def _type_of(column: Json) -> str:
    text = column.get("type_text") or _from_json(column)
    if not isinstance(text, str):
        name = str(column.get("type_name", ""))
        text = _BY_TYPE_NAME.get(name, name)
    try:
        return duck_type(need_unbounded(text))
    except UnsupportedError as error:
        raise unserved(f"A column of type {text}, whose length nothing would hold values to,") from error
    except sqlglot.errors.SqlglotError as error:
        raise invalid(f"Column '{column.get('name')}' has the invalid type {text!r}") from error


def _from_json(column: Json) -> object:
    try:
        return json.loads(column.get("type_json") or "{}").get("type")
    except (ValueError, AttributeError, TypeError) as error:
        raise invalid(f"Column '{column.get('name')}' has an invalid type_json") from error
