"""Which arguments of a function Databricks casts by itself, and to what."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable


def _none(_: list[Any]) -> list[Any]:
    return []


@dataclass(frozen=True)
class Coerced:
    """How the arguments of a function go together.

    Attributes:
        groups: Those that have one type in common.
        conditions: Those that must be truths.
        texts: Those that are made text of.
        alike: Whether the first is an array or a map, whose elements or keys are of the type of the others.
        condition: The error class, after ``DATATYPE_MISMATCH``, of types that have nothing in common.
    """

    groups: Callable[[list[Any]], list[list[Any]]] = _none
    conditions: Callable[[list[Any]], list[Any]] = _none
    texts: Callable[[list[Any]], list[Any]] = _none
    alike: bool = False
    condition: str = "DATA_DIFF_TYPES"


def _at(*positions: int) -> Callable[[list[Any]], list[Any]]:
    return lambda arguments: [arguments[index] for index in positions if index < len(arguments)]


def _text(*positions: int) -> Coerced:
    return Coerced(texts=_at(*positions))


_ALL = Coerced(groups=lambda arguments: [arguments])
_BRANCHES = Coerced(groups=lambda arguments: [arguments[1:]], conditions=lambda arguments: arguments[:1])
_ARRAYS = Coerced(alike=True, condition="BINARY_ARRAY_DIFF_TYPES")
_VALUES = Coerced(alike=True, condition="ARRAY_FUNCTION_DIFF_TYPES")
_KEYS = Coerced(alike=True, condition="MAP_FUNCTION_DIFF_TYPES")

_FIRST = """
    upper ucase lower lcase length len char_length character_length octet_length bit_length lpad rpad substring substr
    mid left right repeat initcap ascii md5 sha sha1 sha2 base64 unbase64 unhex reverse encode regexp_extract
    regexp_extract_all split_part substring_index split url_encode url_decode get_json_object
"""
_EVERY = """
    trim ltrim rtrim btrim replace translate instr contains startswith endswith find_in_set levenshtein regexp_replace
    regexp_like rlike regexp regexp_count regexp_substr
"""
FUNCTIONS_COERCED: dict[str, Coerced] = {
    **dict.fromkeys(_FIRST.split(), _text(0)),
    **dict.fromkeys(_EVERY.split(), Coerced(texts=lambda arguments: arguments)),
    **dict.fromkeys(("charindex", "locate", "position", "overlay"), _text(0, 1)),
    "elt": Coerced(texts=lambda arguments: arguments[1:]),
    **dict.fromkeys(("coalesce", "nvl", "ifnull", "array"), _ALL),
    "nvl2": Coerced(groups=lambda arguments: [arguments[1:]]),
    **dict.fromkeys(("if", "iff"), _BRANCHES),
    "equal_null": Coerced(groups=lambda arguments: [arguments], condition="BINARY_OP_DIFF_TYPES"),
    "map": Coerced(groups=lambda arguments: [arguments[::2], arguments[1::2]], condition="CREATE_MAP_VALUE_DIFF_TYPES"),
    **dict.fromkeys(("array_union", "array_intersect", "array_except", "arrays_overlap"), _ARRAYS),
    **dict.fromkeys(("array_contains", "array_position", "array_remove", "array_append", "array_prepend"), _VALUES),
    "map_contains_key": _KEYS,
}
"""Functions by name."""
