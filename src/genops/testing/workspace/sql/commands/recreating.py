"""What SHOW CREATE TABLE prints: a statement that creates the same table or view again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import sqlglot
from sqlglot.dialects.databricks import Databricks

from genops.testing.workspace.sql.commands.constraints import described
from genops.testing.workspace.sql.commands.describe import partition_columns
from genops.testing.workspace.sql.commands.types import sql_type
from genops.testing.workspace.sql.values import default_of, ticked

if TYPE_CHECKING:
    from genops.testing.workspace.http.wire import Json

_PARSER: Any = Databricks.Parser


def named(name: str) -> str:
    """An identifier as a statement can have it: in backticks where it is no plain word, or a word of the grammar.

    >>> named("flights"), named("my col"), named("select")
    ('flights', '`my col`', '`select`')
    """
    tokens = sqlglot.tokenize(name, read="databricks") if name.isidentifier() and name.isascii() else []
    plain = len(tokens) == 1 and tokens[0].token_type in _PARSER.ID_VAR_TOKENS
    return name if plain else ticked(name)


def created_table(info: Json) -> str:
    """The statement that would create a table or a view again."""
    name = ".".join(named(info[part]) for part in ("catalog_name", "schema_name", "name"))
    if info["table_type"] in ("VIEW", "MATERIALIZED_VIEW"):
        return _created_view(info, name)
    columns = [_column(column) for column in info["columns"]]
    columns += [f"CONSTRAINT {ticked(key)} {text}" for key, text in described(info)]
    body = ",\n  ".join(columns)
    text = f"CREATE TABLE {name} (\n  {body})\nUSING {str(info.get('data_source_format', 'delta')).lower()}\n"
    text += _listed("PARTITIONED BY", [column["name"] for column in partition_columns(info)])
    text += _listed("CLUSTER BY", info.get("clustering_columns", []))
    text += f"LOCATION '{_escaped(info['storage_location'])}'\n" if info["table_type"] == "EXTERNAL" else ""
    return text + _comment(info) + _properties(info)


def _created_view(info: Json, name: str) -> str:
    outputs = ",\n  ".join(f"{named(column['name'])}{_column_comment(column)}" for column in info["columns"])
    clauses = _listed("CLUSTER BY", info.get("clustering_columns", [])) + _comment(info) + _properties(info)
    kind = info["table_type"].replace("_", " ")
    return f"CREATE {kind} {name} (\n  {outputs})\n{clauses}AS {info['view_definition']}\n"


def _column(column: Json) -> str:
    default = default_of(column)
    return (
        f"{named(column['name'])} {sql_type(column['type_text'])}{'' if column.get('nullable', True) else ' NOT NULL'}"
        f"{f' DEFAULT {default}' if default else ''}{_column_comment(column)}"
    )


def _column_comment(column: Json) -> str:
    return f" COMMENT '{_escaped(column['comment'])}'" if column.get("comment") else ""


def _listed(words: str, names: list[str]) -> str:
    return f"{words} ({', '.join(named(name) for name in names)})\n" if names else ""


def _comment(info: Json) -> str:
    return f"COMMENT '{_escaped(info['comment'])}'\n" if info.get("comment") else ""


def _properties(info: Json) -> str:
    held = sorted(info.get("properties", {}).items())
    pairs = ",\n  ".join(f"'{_escaped(key)}' = '{_escaped(value)}'" for key, value in held)
    return f"TBLPROPERTIES (\n  {pairs})\n" if held else ""


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace("'", "\\'").replace("\n", "\\n")
