"""Types of results in the words of the Thrift service, and values in its columns."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from genops.testing.workspace.statements.thrift.generated import types as t

if TYPE_CHECKING:
    from collections.abc import Sequence

    from genops.testing.workspace.http.wire import Json

# ``type_name`` of the statement API: Thrift's type and the member of a column that carries it.
_STRING = ("STRING_TYPE", "stringVal")
_TYPES: dict[str, tuple[str, str]] = {
    "BOOLEAN": ("BOOLEAN_TYPE", "boolVal"),
    "BYTE": ("TINYINT_TYPE", "byteVal"),
    "SHORT": ("SMALLINT_TYPE", "i16Val"),
    "INT": ("INT_TYPE", "i32Val"),
    "LONG": ("BIGINT_TYPE", "i64Val"),
    "FLOAT": ("FLOAT_TYPE", "doubleVal"),
    "DOUBLE": ("DOUBLE_TYPE", "doubleVal"),
    "BINARY": ("BINARY_TYPE", "binaryVal"),
    "STRING": _STRING,
    "DATE": ("DATE_TYPE", "stringVal"),
    "TIMESTAMP": ("TIMESTAMP_TYPE", "stringVal"),
    "TIMESTAMP_NTZ": ("TIMESTAMP_TYPE", "stringVal"),
    "DECIMAL": ("DECIMAL_TYPE", "stringVal"),
    "ARRAY": ("ARRAY_TYPE", "stringVal"),
    "MAP": ("MAP_TYPE", "stringVal"),
    "STRUCT": ("STRUCT_TYPE", "stringVal"),
    "NULL": ("NULL_TYPE", "stringVal"),
}
_WRAPPERS = {
    "boolVal": t.TBoolColumn,
    "byteVal": t.TByteColumn,
    "i16Val": t.TI16Column,
    "i32Val": t.TI32Column,
    "i64Val": t.TI64Column,
    "doubleVal": t.TDoubleColumn,
    "stringVal": t.TStringColumn,
    "binaryVal": t.TBinaryColumn,
}
# What stands in the place of a null, which a bit says to be one.
_BLANKS = {"boolVal": False, "doubleVal": 0.0, "stringVal": "", "binaryVal": b""}


def table_schema(columns: Sequence[Json]) -> Any:
    """The schema of a result.

    Args:
        columns: The schema as the statement API gives it.
    """
    return t.TTableSchema(columns=[_column(column, at + 1) for at, column in enumerate(columns)])


def _column(column: Json, position: int) -> Any:
    kind = getattr(t.TTypeId, _TYPES.get(column["type_name"], _STRING)[0])
    qualifiers = None
    if column["type_name"] == "DECIMAL":
        digits = {"precision": column["type_precision"], "scale": column["type_scale"]}
        values = {name: t.TTypeQualifierValue(i32Value=value) for name, value in digits.items()}
        qualifiers = t.TTypeQualifiers(qualifiers=values)
    entry = t.TTypeEntry(primitiveEntry=t.TPrimitiveTypeEntry(type=kind, typeQualifiers=qualifiers))
    return t.TColumnDesc(columnName=column["name"], typeDesc=t.TTypeDesc(types=[entry]), position=position)


def value_column(type_name: str, values: Sequence[Any]) -> Any:
    """Values as a column of Thrift.

    Args:
        type_name: The type in the words of the statement API.
        values: Truth, numbers, bytes, or text for every other type; ``None`` is null.
    """
    _, member = _TYPES.get(type_name, _STRING)
    blank = _BLANKS.get(member, 0)
    filled = [blank if value is None else value for value in values]
    return t.TColumn(**{member: _WRAPPERS[member](values=filled, nulls=_bits(values))})


def _bits(values: Sequence[Any]) -> bytes:
    """A bit for every value, the lowest first, set where it is null."""
    bits = bytearray((len(values) + 7) // 8)
    for at, value in enumerate(values):
        if value is None:
            bits[at >> 3] |= 1 << (at & 7)
    return bytes(bits)
