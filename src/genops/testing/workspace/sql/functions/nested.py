"""Functions of arrays, maps and structs, and functions that take functions."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlglot import exp

from genops.testing.workspace.sql.failures import SqlError, UnsupportedError
from genops.testing.workspace.sql.functions.spelling import Function, build, element, known, like, say
from genops.testing.workspace.sql.kinds import BOOLEAN, DATE, INT, STRING, WHOLE, Kind, array, moves_text, widest
from genops.testing.workspace.sql.values import quoted

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Any

    from genops.testing.workspace.sql.functions.spelling import Invocation, KindOf


def _lambda(call: Invocation, index: int, count: int) -> Any:
    found = call.arguments[index]
    if not isinstance(found, exp.Lambda) or not 1 <= len(found.expressions) <= count:
        raise UnsupportedError(f"{call.name} with this function")
    return found


def with_parameters(function: Any, replacements: Sequence[str]) -> Any:
    """The body of a lambda with DuckDB SQL in the place of its parameters."""
    names = {item.name.lower(): text for item, text in zip(function.expressions, replacements, strict=False)}

    def replaced(node: Any) -> Any:
        name = node.name.lower() if isinstance(node, (exp.Column, exp.Identifier)) and not _qualified(node) else ""
        if name not in names or isinstance(node.parent, (exp.Column, exp.Kwarg)):
            return node
        raw = exp.Var(this=names[name])
        raw.meta.update(node.meta)
        return raw

    return function.this.transform(replaced)


def _qualified(node: Any) -> bool:
    return isinstance(node, exp.Column) and bool(node.table)


def _mapped(call: Invocation) -> str:
    """``transform``; the index counts from 0 here and from 1 in DuckDB."""
    function = _lambda(call, 1, 2)
    names = [quoted(item.name) for item in function.expressions]
    shown = [*names[:1], *(f"CAST({name} - 1 AS INTEGER)" for name in names[1:])]
    return f"list_transform({call.text(0)}, lambda {', '.join(names)}: {call.render(with_parameters(function, shown))})"


def _mapped_kind(arguments: Sequence[Any]) -> Kind:
    return array(known(arguments[1].this) if isinstance(arguments[1], exp.Lambda) else None)


def _filtered(call: Invocation) -> str:
    function = _lambda(call, 1, 2)
    names = [quoted(item.name) for item in function.expressions]
    shown = [*names[:1], *(f"CAST({name} - 1 AS INTEGER)" for name in names[1:])]
    return f"list_filter({call.text(0)}, lambda {', '.join(names)}: {call.render(with_parameters(function, shown))})"


def _tested(macro: str) -> Callable[[Invocation], str]:
    return lambda call: f"{macro}({_mapped(call)})"


def _aggregated(call: Invocation) -> str:
    merge = _lambda(call, 2, 2)
    names = [quoted(item.name) for item in merge.expressions]
    body = call.render(with_parameters(merge, names))
    folded = f"list_reduce({call.text(0)}, lambda {', '.join(names)}: {body}, {call.text(1)})"
    if len(call.arguments) == 3:  # noqa: PLR2004 - no finish function
        return folded
    finish = _lambda(call, 3, 1)
    name = quoted(finish.expressions[0].name)
    return f"list_transform([{folded}], lambda {name}: {call.render(with_parameters(finish, [name]))})[1]"


def _zipped(call: Invocation) -> str:
    function = _lambda(call, 2, 2)
    body = call.render(with_parameters(function, ["zipped_pair[1]", "zipped_pair[2]"]))
    return f"list_transform(list_zip({call.text(0)}, {call.text(1)}), lambda zipped_pair: {body})"


def _map_filtered(call: Invocation) -> str:
    body = call.render(with_parameters(_lambda(call, 1, 2), ["map_entry.key", "map_entry.value"]))
    return f"map_from_entries(list_filter(map_entries({call.text(0)}), lambda map_entry: {body}))"


def _map_changed(call: Invocation) -> str:
    body = call.render(with_parameters(_lambda(call, 1, 2), ["map_entry.key", "map_entry.value"]))
    entries = f"map_entries({call.text(0)})"
    changed = f"list_transform({entries}, lambda map_entry: {body})"
    keys, values = (changed, f"map_values({call.text(0)})") if call.name == "transform_keys" else ("", changed)
    return f"map({keys or f'map_keys({call.text(0)})'}, {values})"


def _map(call: Invocation) -> str:
    texts = call.texts()
    if len(texts) % 2:
        raise SqlError("[WRONG_NUM_ARGS.WITHOUT_SUGGESTION] The `map` requires 2n (n > 0) parameters.", "42605")
    pairs = ", ".join(f"{key}: {value}" for key, value in zip(texts[::2], texts[1::2], strict=True))
    return f"MAP {{{pairs}}}"


def _map_kind(arguments: Sequence[Any]) -> Kind:
    kinds = [known(argument) for argument in arguments]
    return Kind("MAP", inner=(widest(kinds[::2]), widest(kinds[1::2])))


def _named_struct(call: Invocation) -> str:
    if len(call.arguments) % 2:
        raise SqlError(
            "[WRONG_NUM_ARGS.WITHOUT_SUGGESTION] The `named_struct` requires 2n (n > 0) parameters.", "42605"
        )
    names = [call.constant(index, "name") for index in range(0, len(call.arguments), 2)]
    return "{" + ", ".join(f"{quoted(n)}: {v}" for n, v in zip(names, call.texts()[1::2], strict=True)) + "}"


def _named_struct_kind(arguments: Sequence[Any]) -> Kind:
    fields = tuple(str(argument.name) for argument in arguments[::2])
    return Kind("STRUCT", inner=tuple(known(argument) for argument in arguments[1::2]), fields=fields)


def _field_names(arguments: Sequence[Any]) -> list[str]:
    return [
        argument.alias_or_name if isinstance(argument, (exp.Alias, exp.Column)) else f"col{index}"
        for index, argument in enumerate(arguments, 1)
    ]


def _struct(call: Invocation) -> str:
    values = [call.render(item.this if isinstance(item, exp.Alias) else item) for item in call.arguments]
    names = _field_names(call.arguments)
    return "{" + ", ".join(f"{quoted(n)}: {v}" for n, v in zip(names, values, strict=True)) + "}"


def _struct_kind(arguments: Sequence[Any]) -> Kind:
    return Kind("STRUCT", inner=tuple(known(a) for a in arguments), fields=tuple(_field_names(arguments)))


def _of_map(index: int, *, many: bool) -> KindOf:
    def found(arguments: Sequence[Any]) -> Kind | None:
        kind = known(arguments[0])
        inner = kind.inner[index] if kind and kind.name == "MAP" else None
        return array(inner) if many else inner

    return found


def _item(call: Invocation) -> str:
    """``element_at`` counts from 1, ``get`` from 0; the former fails beyond the end."""
    kind = call.kind(0)
    key = call.kind(1)
    if kind and key and kind.name == "MAP" and kind.inner[0] and moves_text(kind.inner[0], key):
        raise SqlError(
            f'[DATATYPE_MISMATCH.MAP_FUNCTION_DIFF_TYPES] Cannot resolve "{call.name}": a map with keys of '
            f'"{kind.inner[0].name}" has none of "{key.name}".',
            "42K09",
        )
    if kind and key and kind.name == "ARRAY" and key.name not in (*WHOLE, "VOID"):
        raise SqlError(
            f'[DATATYPE_MISMATCH.UNEXPECTED_INPUT_TYPE] Cannot resolve "{call.name}": an index is "INT", not '
            f'"{key.name}".',
            "42K09",
        )
    if kind and kind.name == "MAP" and call.name != "get":
        return f"{call.text(0)}[{call.text(1)}]"
    if not kind or kind.name != "ARRAY":
        raise UnsupportedError(f"{call.name} of an expression whose type is not known")
    macro = {"element_at": "dbx_element_at", "try_element_at": "list_extract", "get": "dbx_get"}[call.name]
    return f"{macro}({call.text(0)}, {call.text(1)})"


def _item_kind(arguments: Sequence[Any]) -> Kind | None:
    kind = known(arguments[0])
    return kind.inner[-1] if kind and kind.name in ("MAP", "ARRAY") else None


def _size(call: Invocation) -> str:
    kind = call.kind(0)
    return f"CAST({'cardinality' if kind and kind.name == 'MAP' else 'len'}({call.text(0)}) AS INTEGER)"


def _sorted(call: Invocation) -> str:
    if call.name == "array_sort":
        if len(call.arguments) > 1:
            raise UnsupportedError("array_sort with a comparison")
        return f"list_sort({call.text(0)}, 'ASC', 'NULLS LAST')"
    ascending = len(call.arguments) == 1 or _truth(call.arguments[1])
    order = "'ASC', 'NULLS FIRST'" if ascending else "'DESC', 'NULLS LAST'"
    return f"list_sort({call.text(0)}, {order})"


def _truth(argument: Any) -> bool:
    if not isinstance(argument, exp.Boolean):
        raise UnsupportedError("sort_array with a computed order")
    return bool(argument.this)


def _sequence(call: Invocation) -> str:
    kind = call.kind(0)
    if kind and kind.name in WHOLE:
        return f"dbx_sequence({', '.join(call.texts())})"
    if kind == DATE:
        step = call.text(2) if len(call.arguments) > 2 else "INTERVAL 1 DAY"  # noqa: PLR2004 - the third argument
        return f"dbx_dates({call.text(0)}, {call.text(1)}, {step})"
    raise UnsupportedError("sequence of other values than whole numbers and dates")


def _elt(call: Invocation) -> str:
    return f"dbx_element_at([{', '.join(call.texts()[1:])}], {call.text(0)})"


def _array_join(call: Invocation) -> str:
    if call.kind(0) != array(STRING):
        raise UnsupportedError("array_join of other values than strings")
    if len(call.arguments) == 2:  # noqa: PLR2004 - without a text for NULL
        return f"array_to_string({call.text(0)}, {call.text(1)})"
    return f"array_to_string(list_transform({call.text(0)}, lambda x: coalesce(x, {call.text(2)})), {call.text(1)})"


TABLE: dict[str, Function] = {
    "array": build(lambda a: array(widest([known(item) for item in a])), lambda c: f"[{', '.join(c.texts())}]", 0, -1),
    "map": build(_map_kind, _map, 0, -1),
    "named_struct": build(_named_struct_kind, _named_struct, 2, -1),
    "struct": build(_struct_kind, _struct, 1, -1),
    **dict.fromkeys(("size", "cardinality"), build(INT, _size)),
    "array_size": say(INT, "CAST(len($1) AS INTEGER)"),
    **dict.fromkeys(("element_at", "try_element_at", "get"), build(_item_kind, _item, 2)),
    "elt": build(STRING, _elt, 2, -1),
    "array_contains": say(BOOLEAN, "dbx_array_contains($1, $2)"),
    "array_position": say(
        Kind("BIGINT"),
        "CASE WHEN $1 IS NOT NULL AND $2 IS NOT NULL THEN CAST(coalesce(list_position($1, $2), 0) AS BIGINT) END",
    ),
    "array_distinct": say(like(0), "dbx_array_distinct($1)"),
    **dict.fromkeys(("array_sort", "sort_array"), build(like(0), _sorted, 1, 2)),
    "array_max": say(element(0), "list_max($1)"),
    "array_min": say(element(0), "list_min($1)"),
    "array_join": build(STRING, _array_join, 2, 3),
    "array_union": say(like(0), "dbx_array_distinct(dbx_append($1, $2))"),
    "array_intersect": say(like(0), "dbx_array_intersect($1, $2)"),
    "array_except": say(like(0), "dbx_array_except($1, $2)"),
    "array_remove": say(like(0), "CASE WHEN $2 IS NOT NULL THEN list_filter($1, lambda x: x IS NULL OR x <> $2) END"),
    "array_repeat": say(lambda a: array(known(a[0])), "repeat([$1], greatest($2, 0))"),
    "array_append": say(like(0), "CASE WHEN $1 IS NOT NULL THEN list_append($1, $2) END"),
    "array_prepend": say(like(0), "CASE WHEN $1 IS NOT NULL THEN list_prepend($2, $1) END"),
    "array_compact": say(like(0), "list_filter($1, lambda x: x IS NOT NULL)"),
    "arrays_overlap": say(BOOLEAN, "dbx_arrays_overlap($1, $2)"),
    "flatten": say(element(0), "dbx_flatten($1)"),
    "slice": say(like(0), "dbx_slice($1, $2, $3)"),
    "sequence": build(lambda arguments: array(known(arguments[0])), _sequence, 2, 3),
    "transform": build(_mapped_kind, _mapped, 2),
    "filter": build(like(0), _filtered, 2),
    "exists": build(BOOLEAN, _tested("dbx_any"), 2),
    **dict.fromkeys(("forall", "all_match"), build(BOOLEAN, _tested("dbx_all"), 2)),
    **dict.fromkeys(("aggregate", "reduce"), build(None, _aggregated, 3, 4)),
    "zip_with": build(lambda a: array(known(a[2].this)), _zipped, 3),
    "map_filter": build(like(0), _map_filtered, 2),
    **dict.fromkeys(("transform_keys", "transform_values"), build(None, _map_changed, 2)),
    "map_keys": say(_of_map(0, many=True), "map_keys($1)"),
    "map_values": say(_of_map(1, many=True), "map_values($1)"),
    "map_entries": say(None, "map_entries($1)"),
    "map_concat": say(like(0), "dbx_map_concat($*)"),
    "map_contains_key": say(BOOLEAN, "map_contains($1, $2)"),
    "map_from_arrays": say(lambda a: Kind("MAP", inner=(element(0)(a), element(1)(a))), "map($1, $2)"),
    "map_from_entries": say(None, "map_from_entries($1)"),
}
"""Functions by name."""
