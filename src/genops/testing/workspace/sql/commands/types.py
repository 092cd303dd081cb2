"""A column's type as SHOW TABLE EXTENDED, DESCRIBE … AS JSON and ``information_schema`` spell it."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any

from sqlglot import exp

if TYPE_CHECKING:
    from genops.testing.workspace.http.wire import Json

# SQL type: its name in a schema tree, its bits or digits with their radix, its scale.
_LONG_NAMES = {"int": "integer", "bigint": "long", "smallint": "short", "tinyint": "byte"}
_BITS = {"TINYINT": 8, "SMALLINT": 16, "INT": 32, "BIGINT": 64, "FLOAT": 24, "DOUBLE": 53}
_RENAMED = {"timestamp": "timestamp_ltz"}


@lru_cache(maxsize=1024)
def _parsed(text: str) -> exp.DataType:
    return exp.DataType.build(text, dialect="databricks")


def _plain(kind: exp.DataType) -> str:
    return kind.sql(dialect="databricks").lower().replace(", ", ",")


def _is_nested(kind: exp.DataType, name: str) -> bool:
    return kind.this.name == name


def sql_type(text: str) -> str:
    """A type as SQL is written: upper case, names of fields as they are."""
    return _parsed(text).sql(dialect="databricks")


def schema_tree(columns: list[Json]) -> str:
    """Columns as a tree, as Spark prints a schema."""
    lines = ["root"]
    for column in columns:
        nullable = str(column.get("nullable", True)).lower()
        lines += _branch(column["name"], _parsed(column["type_text"]), f"(nullable = {nullable})", " ")
    return "\n".join(lines)


def _branch(name: str, kind: exp.DataType, remark: str, indent: str) -> list[str]:
    text = _plain(kind).split("<", 1)[0]
    lines = [f"{indent}|-- {name}: {_LONG_NAMES.get(text, text)} {remark}"]
    deeper = f"{indent}|    "
    inner: list[Any] = kind.expressions
    if _is_nested(kind, "ARRAY"):
        lines += _branch("element", inner[0], "(containsNull = true)", deeper)
    elif _is_nested(kind, "MAP"):
        lines += _branch("key", inner[0], "", deeper) + _branch("value", inner[1], "(valueContainsNull = true)", deeper)
    elif _is_nested(kind, "STRUCT"):
        for item in inner:
            lines += _branch(item.name, item.kind, "(nullable = true)", deeper)
    return lines


def json_type(text: str) -> Json:
    """A type as DESCRIBE … AS JSON gives it.

    >>> json_type("decimal(10,2)")
    {'name': 'decimal', 'precision': 10, 'scale': 2}
    """
    return _json(_parsed(text))


def _json(kind: exp.DataType) -> Json:
    inner: list[Any] = kind.expressions
    name = _plain(kind).split("<", 1)[0].split("(", 1)[0]
    if _is_nested(kind, "ARRAY"):
        return {"name": name, "element_type": _json(inner[0]), "element_nullable": True}
    if _is_nested(kind, "MAP"):
        return {"name": name, "key_type": _json(inner[0]), "value_type": _json(inner[1]), "value_nullable": True}
    if _is_nested(kind, "STRUCT"):
        fields = [{"name": item.name, "type": _json(item.kind), "nullable": True} for item in inner]
        return {"name": name, "fields": fields}
    if name == "decimal":
        digits = [int(item.name) for item in inner] or [10, 0]
        return {"name": name, "precision": digits[0], "scale": digits[-1] if len(digits) > 1 else 0}
    return {"name": _RENAMED.get(name, name)}


@lru_cache(maxsize=1024)
def standard_facts(text: str) -> dict[str, Any]:
    """The columns of ``information_schema.columns`` that follow from a type alone.

    For whole and floating numbers the precision is in bits, for DECIMAL in digits. The answer is kept, so it is not to
    be changed.
    """
    kind = _parsed(text)
    full = _plain(kind)
    name = full.split("<", 1)[0].split("(", 1)[0].upper()
    facts: dict[str, Any] = {"full_data_type": full, "data_type": _REST_NAMES.get(name, name)}
    if name == "DECIMAL":
        known = json_type(text)
        facts.update(numeric_precision=known["precision"], numeric_precision_radix=10, numeric_scale=known["scale"])
    elif name in _BITS:
        facts.update(numeric_precision=_BITS[name], numeric_precision_radix=2)
        facts["numeric_scale"] = None if name in ("FLOAT", "DOUBLE") else 0
    elif name in ("DATE", "TIMESTAMP", "TIMESTAMP_NTZ"):
        facts["datetime_precision"] = 0 if name == "DATE" else 3
    return facts


_REST_NAMES = {"BIGINT": "LONG", "SMALLINT": "SHORT", "TINYINT": "BYTE"}
