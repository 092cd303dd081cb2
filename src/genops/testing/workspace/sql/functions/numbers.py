"""Functions of numbers, and conditions."""

from __future__ import annotations

from typing import TYPE_CHECKING

from genops.testing.workspace.sql.failures import UnsupportedError
from genops.testing.workspace.sql.functions.spelling import Function, KindOf, build, known, like, say
from genops.testing.workspace.sql.kinds import (
    BIGINT,
    BOOLEAN,
    DOUBLE,
    INT,
    NUMBERS,
    STRING,
    VOID,
    WHOLE,
    Kind,
    arithmetic,
    decimal,
    duck_text,
    moves_text,
    widest,
)
from genops.testing.workspace.sql.values import literal

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from genops.testing.workspace.sql.functions.spelling import Invocation


def _is(kind: Kind | None, *names: str) -> bool:
    return kind is not None and kind.name in names


def _whole(function: str) -> Function:
    """CEIL and FLOOR: BIGINT, or a DECIMAL without a fraction."""

    def found(arguments: Sequence[Any]) -> Kind:
        kind = known(arguments[0])
        return decimal(kind.precision - kind.scale + 1, 0) if kind and kind.name == "DECIMAL" else BIGINT

    def spelled(call: Invocation) -> str:
        return f"CAST({function}({call.text(0)}) AS {duck_text(found(call.arguments))})"

    return build(found, spelled)


def _rounded_kind(arguments: Sequence[Any]) -> Kind | None:
    kind = known(arguments[0])
    if not _is(kind, "DECIMAL") or kind is None:
        return kind
    digits = _digits(arguments)
    if digits is None:
        return None
    if digits >= kind.scale:
        return decimal(kind.precision + 1, kind.scale)
    return decimal(max(kind.precision - kind.scale + 1 + max(digits, 0), -digits + 1), max(digits, 0))


def _digits(arguments: Sequence[Any]) -> int | None:
    if len(arguments) == 1:
        return 0
    argument, sign = arguments[1], 1
    if argument.key == "neg":
        argument, sign = argument.this, -1
    return sign * int(argument.name) if argument.is_int else None


def _round(call: Invocation) -> str:
    kind, digits = _rounded_kind(call.arguments), _digits(call.arguments)
    if digits is None:
        raise UnsupportedError("round to a computed number of digits")
    if _is(kind, "DECIMAL") and kind:
        return f"CAST(round({call.text(0)}, {digits}) AS {duck_text(kind)})"
    if _is(kind, *WHOLE) and kind:
        return f"CAST(round({call.text(0)}, {digits}) AS {duck_text(kind)})"
    return f"dbx_round({call.text(0)}, {digits})"


def _bround(call: Invocation) -> str:
    """Round half to even: half up, and one unit back where that made a half odd."""
    kind, digits = _rounded_kind(call.arguments), _digits(call.arguments)
    if digits is None or not _is(kind, "DECIMAL", *WHOLE) or kind is None:
        raise UnsupportedError("bround of this expression")
    text, unit = (
        call.text(0),
        f"CAST('{10**-digits if digits <= 0 else '0.' + '0' * (digits - 1) + '1'}' AS DECIMAL(38,{max(digits, 0)}))",
    )
    rounded = f"round({text}, {digits})"
    odd = f"abs({rounded} - {text}) * 2 = {unit} AND ({rounded} / {unit}) % 2 <> 0"
    return f"CAST({rounded} - CASE WHEN {odd} THEN sign({text}) * {unit} ELSE 0 END AS {duck_text(kind)})"


def quotient(dividend: str, divisor: str, one: Kind, two: Kind, kind: Kind) -> str:
    """DuckDB SQL of an exact quotient of decimals, by whole numbers; more than 37 digits on the way are refused.

    Args:
        dividend: DuckDB SQL.
        divisor: DuckDB SQL; not zero.
        one: Type of the dividend.
        two: Type of the divisor.
        kind: Type of the result.
    """
    shift = kind.scale - one.scale + two.scale
    above = _unscaled(dividend, one, max(shift, 0))
    below = _unscaled(divisor, two, max(-shift, 0))
    whole = f"CAST(dbx_half_up({above}, {below}) AS DECIMAL(38,0))"
    if not kind.scale:
        return f"CAST({whole} AS {duck_text(kind)})"
    unit = f"CAST('0.{'0' * (kind.scale - 1)}1' AS DECIMAL({kind.scale},{kind.scale}))"
    return f"CAST({whole} * {unit} AS {duck_text(kind)})"


_DIGITS = 37


def _unscaled(text: str, kind: Kind, shift: int) -> str:
    """A decimal without its point, times a power of ten."""
    number = f"CAST({text} AS DECIMAL({kind.precision},{kind.scale}))"
    if kind.scale:
        room = min(kind.precision + kind.scale, 38)
        number = f"CAST({text} AS DECIMAL({room},{kind.scale})) * {10**kind.scale}"
    found = f"CAST({number} AS HUGEINT) * CAST('1e{shift}' AS HUGEINT)"
    if kind.precision + shift <= _DIGITS:
        return f"({found})"
    return f"(dbx_bounded({text}, 1e{_DIGITS - kind.scale - shift}) + {found})"


def common(start: int = 0) -> KindOf:
    """The result is of the type that holds all arguments from ``start`` on."""
    return lambda arguments: widest([known(argument) for argument in arguments[start:]])


def _arithmetic(operator: str) -> KindOf:
    def found(arguments: Sequence[Any]) -> Kind | None:
        left, right = known(arguments[0]), known(arguments[1])
        return arithmetic(operator, left, right) if left and right else None

    return found


def _typeof(call: Invocation) -> str:
    kind = call.kind(0)
    if kind is None or kind.inner or kind.name == "INTERVAL":
        raise UnsupportedError("typeof of this expression")
    return literal(duck_name(kind))


def duck_name(kind: Kind) -> str:
    """A type as ``typeof`` writes it."""
    return f"decimal({kind.precision},{kind.scale})" if kind.name == "DECIMAL" else kind.name.lower()


def _try(operator: str) -> Function:
    def spelled(call: Invocation) -> str:
        result = _arithmetic(operator)(call.arguments)
        if not _is(result, *WHOLE, "DOUBLE", "FLOAT") or result is None:
            raise UnsupportedError(f"{call.name} of other values than whole or floating numbers")
        kind = duck_text(result)
        return f"TRY(CAST({call.text(0)} AS {kind}) {operator} CAST({call.text(1)} AS {kind}))"

    return build(_arithmetic(operator), spelled, 2)


def _try_divide(call: Invocation) -> str:
    if not _is(_arithmetic("/")(call.arguments), "DOUBLE"):
        raise UnsupportedError("try_divide of decimals")
    return f"(CAST({call.text(0)} AS DOUBLE) / nullif({call.text(1)}, 0))"


def _doubles(*names: str) -> dict[str, Function]:
    return {name: say(DOUBLE, f"CAST({name}($1) AS DOUBLE)") for name in names}


def _decode(call: Invocation) -> str:
    if len(call.arguments) == 2:  # noqa: PLR2004 - decode(bytes, character set)
        if call.constant(1, "character set").lower() not in ("utf-8", "utf8"):
            raise UnsupportedError("decode in another character set than UTF-8")
        return f"decode({call.text(0)})"
    kinds = [call.kind(index) for index in range(len(call.arguments))]
    tests = [kinds[0], *kinds[1 : len(kinds) - 1 : 2]]
    for together in (tests, [*kinds[2::2], *(kinds[-1:] if len(kinds) % 2 == 0 else ())]):
        known_kinds = [kind for kind in together if kind is not None and kind != VOID]
        if any(moves_text(known_kinds[0], kind) or not widest([known_kinds[0], kind]) for kind in known_kinds[1:]):
            raise UnsupportedError("decode of values of several types: cast them to one")
    subject, *rest = call.texts()
    pairs = "".join(
        f" WHEN {subject} IS NOT DISTINCT FROM {test} THEN {value}"
        for test, value in zip(rest[::2], rest[1::2], strict=False)
    )
    default = f" ELSE {rest[-1]}" if len(rest) % 2 else ""
    return f"CASE{pairs}{default} END"


def _decode_kind(arguments: Sequence[Any]) -> Kind | None:
    if len(arguments) == 2:  # noqa: PLR2004 - decode(bytes, character set)
        return STRING
    results = [*arguments[2::2], *(arguments[-1:] if len(arguments) % 2 == 0 else ())]
    return widest([known(argument) for argument in results])


def _nullif(call: Invocation) -> str:
    one, two = call.kind(0), call.kind(1)
    if one and two and VOID not in (one, two) and (moves_text(one, two) or not widest([one, two])):
        raise UnsupportedError(f"nullif of {one.name} and {two.name}: cast one of them")
    return f"nullif({call.text(0)}, {call.text(1)})"


def _zero(call: Invocation) -> str:
    if not _is(call.kind(0), *NUMBERS, "VOID"):
        raise UnsupportedError(f"{call.name} of this expression, which is not known to be a number")
    return f"nullif({call.text(0)}, 0)" if call.name == "nullifzero" else f"coalesce({call.text(0)}, 0)"


def _extreme(call: Invocation) -> str:
    """``greatest`` and ``least``; Spark refuses text beside other types, and Databricks documents that it is cast."""
    found = [kind for kind in map(call.kind, range(len(call.arguments))) if kind is not None and kind != VOID]
    if len({kind.name for kind in found}) > 1 and (STRING in found or widest([*found]) is None):
        raise UnsupportedError(f"{call.name} of values of several types: cast them to one")
    return f"{call.name}({', '.join(call.texts())})"


TABLE: dict[str, Function] = {
    "abs": say(like(0), "abs($1)"),
    **dict.fromkeys(("ceil", "ceiling"), _whole("ceil")),
    "floor": _whole("floor"),
    "round": build(_rounded_kind, _round, 1, 2),
    "bround": build(_rounded_kind, _bround, 1, 2),
    "rint": say(DOUBLE, "round_even(CAST($1 AS DOUBLE), 0)"),
    "sqrt": say(DOUBLE, "dbx_sqrt(CAST($1 AS DOUBLE))"),
    "cbrt": say(DOUBLE, "dbx_cbrt(CAST($1 AS DOUBLE))"),
    **_doubles("exp", "sin", "cos", "tan", "atan", "sinh", "cosh", "tanh", "asinh", "degrees", "radians"),
    "cot": say(DOUBLE, "1 / tan(CAST($1 AS DOUBLE))"),
    "csc": say(DOUBLE, "1 / sin(CAST($1 AS DOUBLE))"),
    "sec": say(DOUBLE, "1 / cos(CAST($1 AS DOUBLE))"),
    "asin": say(DOUBLE, "CASE WHEN abs($1) > 1 THEN CAST('nan' AS DOUBLE) ELSE asin($1) END"),
    "acos": say(DOUBLE, "CASE WHEN abs($1) > 1 THEN CAST('nan' AS DOUBLE) ELSE acos($1) END"),
    "atan2": say(DOUBLE, "atan2($1, $2)"),
    "pi": say(DOUBLE, "pi()"),
    "e": say(DOUBLE, "exp(CAST(1 AS DOUBLE))"),
    "ln": say(DOUBLE, "dbx_ln(CAST($1 AS DOUBLE))"),
    "log": say(DOUBLE, "dbx_ln(CAST($1 AS DOUBLE))", "dbx_log(CAST($1 AS DOUBLE), CAST($2 AS DOUBLE))"),
    "log10": say(DOUBLE, "CASE WHEN $1 > 0 THEN log10(CAST($1 AS DOUBLE)) END"),
    "log2": say(DOUBLE, "CASE WHEN $1 > 0 THEN log2(CAST($1 AS DOUBLE)) END"),
    "log1p": say(DOUBLE, "dbx_ln(CAST($1 AS DOUBLE) + 1)"),
    **dict.fromkeys(("pow", "power"), say(DOUBLE, "pow(CAST($1 AS DOUBLE), CAST($2 AS DOUBLE))")),
    **dict.fromkeys(("sign", "signum"), say(DOUBLE, "CAST(sign($1) AS DOUBLE)")),
    "positive": say(like(0), "$1"),
    "negative": say(like(0), "(-($1))"),
    "pmod": say(_arithmetic("%"), "dbx_pmod($1, $2)"),
    "factorial": say(BIGINT, "CASE WHEN $1 BETWEEN 0 AND 20 THEN CAST(factorial(CAST($1 AS INTEGER)) AS BIGINT) END"),
    **dict.fromkeys(("greatest", "least"), build(common(), _extreme, 2, -1)),
    "hypot": say(DOUBLE, "sqrt(pow(CAST($1 AS DOUBLE), 2) + pow(CAST($2 AS DOUBLE), 2))"),
    "bin": say(STRING, "bin(CAST($1 AS BIGINT))"),
    "bit_count": say(INT, "CAST(bit_count(CAST($1 AS BIGINT)) AS INTEGER)"),
    **dict.fromkeys(("getbit", "bit_get"), say(Kind("TINYINT"), "CAST((CAST($1 AS BIGINT) >> $2) & 1 AS TINYINT)")),
    "shiftright": say(like(0), "($1 >> $2)"),
    "shiftleft": say(like(0), "($1 << $2)"),
    "isnan": say(BOOLEAN, "coalesce(isnan(CAST($1 AS DOUBLE)), false)"),
    "nanvl": say(DOUBLE, "CASE WHEN isnan(CAST($1 AS DOUBLE)) THEN CAST($2 AS DOUBLE) ELSE CAST($1 AS DOUBLE) END"),
    "coalesce": say(common(), "coalesce($*)"),
    **dict.fromkeys(("nvl", "ifnull"), say(common(), "coalesce($1, $2)")),
    "nvl2": say(common(1), "CASE WHEN $1 IS NOT NULL THEN $2 ELSE $3 END"),
    "nullif": build(like(0), _nullif, 2),
    "nullifzero": build(like(0), _zero),
    "zeroifnull": build(like(0), _zero),
    **dict.fromkeys(("if", "iff"), say(common(1), "CASE WHEN $1 THEN $2 ELSE $3 END")),
    "isnull": say(BOOLEAN, "($1 IS NULL)"),
    "isnotnull": say(BOOLEAN, "($1 IS NOT NULL)"),
    "equal_null": say(BOOLEAN, "($1 IS NOT DISTINCT FROM $2)"),
    "decode": build(_decode_kind, _decode, 2, -1),
    "typeof": build(STRING, _typeof),
    "try_add": _try("+"),
    "try_subtract": _try("-"),
    "try_multiply": _try("*"),
    "try_divide": build(_arithmetic("/"), _try_divide, 2),
    "raise_error": say(None, "error('[USER_RAISED_EXCEPTION] ' || $1)"),
    "assert_true": say(
        None, "CASE WHEN NOT coalesce($1, false) THEN error('[USER_RAISED_EXCEPTION] assertion is not true!') END"
    ),
    **dict.fromkeys(("rand", "random"), say(DOUBLE, "random()")),
}
"""Functions by name."""
