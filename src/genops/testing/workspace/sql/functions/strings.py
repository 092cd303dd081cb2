"""Functions of strings and bytes."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from genops.testing.workspace.sql.failures import UnsupportedError
from genops.testing.workspace.sql.functions.spelling import Function, build, like, say
from genops.testing.workspace.sql.kinds import BINARY, BOOLEAN, INT, STRING, VOID, Kind, array
from genops.testing.workspace.sql.values import literal

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from genops.testing.workspace.sql.functions.spelling import Invocation

# What Java's regular expressions read otherwise than DuckDB's, without either complaining.
_OTHER_MEANING = re.compile(r"&&|\[\[|\[:|\\[xv0]")


def pattern(call: Invocation, index: int) -> str:
    """A regular expression that means the same in Java and in RE2.

    Raises:
        UnsupportedError: It is computed, or the two would read it differently.
    """
    text = call.constant(index, "regular expression")
    if _OTHER_MEANING.search(text):
        raise UnsupportedError(f"the regular expression {text!r}, which DuckDB reads differently")
    return literal(text)


def _replacement(call: Invocation) -> str:
    r"""``$1`` of Java is ``\1`` of RE2."""
    text = call.constant(2, "replacement")
    if re.search(r"\\[^$\\]|\$(?!\d)", text):
        raise UnsupportedError(f"the replacement {text!r}")
    return literal(re.sub(r"(?<!\\)\$(\d)", r"\\\1", text.replace("\\$", "$$")).replace("$$", "$"))


def _regexp_replace(call: Invocation) -> str:
    return f"regexp_replace({call.text(0)}, {pattern(call, 1)}, {_replacement(call)}, 'g')"


def _regexp_extract(call: Invocation) -> str:
    group = call.constant(2, "group") if len(call.arguments) > 2 else "1"  # noqa: PLR2004 - the third argument
    return f"regexp_extract{'_all' if call.name.endswith('_all') else ''}({call.text(0)}, {pattern(call, 1)}, {group})"


def _regexp_like(call: Invocation) -> str:
    return f"regexp_matches({call.text(0)}, {pattern(call, 1)})"


def _regexp_count(call: Invocation) -> str:
    return f"CAST(len(regexp_extract_all({call.text(0)}, {pattern(call, 1)}, 0)) AS INTEGER)"


def _regexp_substr(call: Invocation) -> str:
    text, expression = call.text(0), pattern(call, 1)
    return f"CASE WHEN regexp_matches({text}, {expression}) THEN regexp_extract({text}, {expression}, 0) END"


def _split(call: Invocation) -> str:
    limit = call.constant(2, "limit") if len(call.arguments) > 2 else "0"  # noqa: PLR2004 - the third argument
    if not limit.startswith("-") and limit != "0":
        raise UnsupportedError("split with a limit")
    return f"string_split_regex({call.text(0)}, {pattern(call, 1)})"


def _concat(call: Invocation) -> str:
    kinds = [call.kind(index) for index in range(len(call.arguments))]
    if any(kind and kind.name == "ARRAY" for kind in kinds):
        if len(set(kinds) - {array(VOID)}) > 1:
            raise UnsupportedError("concat of arrays of several types: cast them to one")
        joined = call.text(0)
        for text in call.texts()[1:]:
            joined = f"dbx_append({joined}, {text})"
        return joined
    if any(kind is None or kind.name in ("BINARY", "MAP", "STRUCT") for kind in kinds):
        return "(" + " || ".join(f"dbx_joinable({text})" for text in call.texts()) + ")"
    return "(" + " || ".join(_as_text(call, index) for index in range(len(call.arguments))) + ")"


def _as_text(call: Invocation, index: int) -> str:
    kind = call.kind(index)
    if kind is not None and kind.name == "DECIMAL":
        return f"CAST({call.text(index)} AS VARCHAR)"
    return call.text(index) if kind == STRING else f"dbx_text({call.text(index)})"


def _concat_kind(arguments: Sequence[Any]) -> Kind | None:
    kind = like(0)(arguments)
    return kind if kind and kind.name == "ARRAY" else STRING


def _concat_ws(call: Invocation) -> str:
    parts = [_as_text(call, index) for index in range(1, len(call.arguments))]
    kinds = [call.kind(index) for index in range(1, len(call.arguments))]
    if any(kind is None or kind.name == "ARRAY" for kind in kinds):
        if len(parts) != 1 or kinds[0] != array(STRING):
            raise UnsupportedError("concat_ws of arrays with other values")
        return f"coalesce(array_to_string({call.text(1)}, {call.text(0)}), '')"
    return f"concat_ws({', '.join([call.text(0), *parts])})" if parts else "''"


def _sha2(call: Invocation) -> str:
    if call.constant(1, "length") not in ("0", "256"):
        raise UnsupportedError("sha2 of another length than 256")
    return f"sha256({call.text(0)})"


def _utf8(function: str) -> Function:
    def spelled(call: Invocation) -> str:
        if call.constant(1, "character set").lower() not in ("utf-8", "utf8"):
            raise UnsupportedError(f"{call.name} in another character set than UTF-8")
        return f"{function}({call.text(0)})"

    return build(BINARY if function == "encode" else STRING, spelled, 2)


def _bytes(call: Invocation) -> str:
    return f"encode({call.text(0)})" if call.kind(0) == STRING else call.text(0)


def _base64(call: Invocation) -> str:
    return f"base64({_bytes(call)})"


_DIRECTIVE = re.compile(r"%(?:(?P<decimal>0?\d*d)|(?P<hex>[xX])|(?P<float>\.\d+f)|(?P<text>s)|(?P<percent>%))")


def _format_string(call: Invocation) -> str:
    text = call.constant(0, "format")
    if "%" in _DIRECTIVE.sub("", text):
        raise UnsupportedError(f"format_string with the format {text!r}")
    directives = [match.lastgroup for match in _DIRECTIVE.finditer(text) if match.lastgroup != "percent"]
    if len(directives) != len(call.arguments) - 1:
        raise UnsupportedError("format_string with another number of values than directives")
    places = [match["float"] for match in _DIRECTIVE.finditer(text) if match.lastgroup != "percent"]
    values = [_formatted(call, index, kind, places[index - 1]) for index, kind in enumerate(directives, 1)]
    return f"printf({', '.join([call.text(0), *values])})"


def _formatted(call: Invocation, index: int, directive: str | None, places: str | None) -> str:
    if directive == "text":
        return f"coalesce({_as_text(call, index)}, 'null')"
    if directive == "float":
        # Java rounds half up by the digits that are written, C by the binary value.
        return f"dbx_round_double(CAST({call.text(index)} AS DOUBLE), {str(places)[1:-1]})"
    return call.text(index)


def _format_number(call: Invocation) -> str:
    call.constant(1, "format")
    if call.arguments[1].is_string:
        raise UnsupportedError("format_number with a pattern")
    return f"dbx_format_number({call.text(0)}, {call.text(1)})"


def _json(call: Invocation) -> str:
    path = call.constant(1, "path")
    if not re.fullmatch(r"\$(\.\w+|\[\d+\])*", path):
        raise UnsupportedError(f"get_json_object with the path {path!r}")
    return f"dbx_json({call.text(0)}, {literal(path)})"


def _reversed(call: Invocation) -> str:
    kind = call.kind(0)
    return f"{'list_reverse' if kind and kind.name == 'ARRAY' else 'reverse'}({call.text(0)})"


def _ends(function: str) -> Function:
    return say(BOOLEAN, f"{function}($1, $2)")


_TRIMS = {"trim": ("trim($1)",), "ltrim": ("ltrim($1)", "ltrim($2, $1)"), "rtrim": ("rtrim($1)", "rtrim($2, $1)")}

TABLE: dict[str, Function] = {
    **dict.fromkeys(("upper", "ucase"), say(STRING, "dbx_upper($1)")),
    **dict.fromkeys(("lower", "lcase"), say(STRING, "dbx_lower($1)")),
    **dict.fromkeys(("length", "len", "char_length", "character_length"), say(INT, "CAST(dbx_length($1) AS INTEGER)")),
    "octet_length": say(INT, "CAST(octet_length(dbx_bytes($1)) AS INTEGER)"),
    "bit_length": say(INT, "CAST(8 * octet_length(dbx_bytes($1)) AS INTEGER)"),
    **{name: say(STRING, *templates) for name, templates in _TRIMS.items()},
    "btrim": say(STRING, "trim($1)", "trim($1, $2)"),
    "lpad": say(STRING, "dbx_lpad($1, $2, ' ')", "dbx_lpad($1, $2, $3)"),
    "rpad": say(STRING, "dbx_rpad($1, $2, ' ')", "dbx_rpad($1, $2, $3)"),
    **dict.fromkeys(
        ("substring", "substr", "mid"), say(STRING, "dbx_substring($1, $2, 2147483647)", "dbx_substring($1, $2, $3)")
    ),
    "left": say(STRING, "left($1, greatest($2, 0))"),
    "right": say(STRING, "right($1, greatest($2, 0))"),
    "repeat": say(STRING, "repeat($1, greatest($2, 0))"),
    "space": say(STRING, "repeat(' ', greatest($1, 0))"),
    "reverse": build(like(0), _reversed),
    "replace": say(STRING, "replace($1, $2, '')", "replace($1, $2, $3)"),
    "translate": say(STRING, "translate($1, $2, $3)"),
    "instr": say(INT, "CAST(instr($1, $2) AS INTEGER)"),
    "charindex": say(INT, "CAST(instr($2, $1) AS INTEGER)", "CAST(dbx_locate($1, $2, $3) AS INTEGER)"),
    "locate": say(INT, "CAST(instr($2, $1) AS INTEGER)", "CAST(dbx_locate($1, $2, $3) AS INTEGER)"),
    "position": say(INT, "CAST(instr($2, $1) AS INTEGER)", "CAST(dbx_locate($1, $2, $3) AS INTEGER)"),
    "concat": build(_concat_kind, _concat, 1, -1),
    "concat_ws": build(STRING, _concat_ws, 1, -1),
    "split": build(array(STRING), _split, 2, 3),
    "split_part": say(STRING, "dbx_split_part($1, $2, $3)"),
    "substring_index": say(STRING, "dbx_substring_index($1, $2, $3)"),
    "initcap": say(STRING, "dbx_initcap($1)"),
    "ascii": say(INT, "ascii($1)"),
    **dict.fromkeys(("char", "chr"), say(STRING, "dbx_char($1)")),
    "hex": say(STRING, "hex($1)"),
    "unhex": say(BINARY, "unhex($1)"),
    "base64": build(STRING, _base64),
    "unbase64": say(BINARY, "from_base64($1)"),
    "md5": say(STRING, "md5($1)"),
    **dict.fromkeys(("sha", "sha1"), say(STRING, "sha1($1)")),
    "sha2": build(STRING, _sha2, 2),
    "encode": _utf8("encode"),
    "levenshtein": say(INT, "CAST(dbx_levenshtein($1, $2) AS INTEGER)"),
    **dict.fromkeys(("format_string", "printf"), build(STRING, _format_string, 1, -1)),
    "format_number": build(STRING, _format_number, 2),
    "contains": _ends("contains"),
    "startswith": _ends("starts_with"),
    "endswith": _ends("ends_with"),
    "regexp_extract": build(STRING, _regexp_extract, 2, 3),
    "regexp_extract_all": build(array(STRING), _regexp_extract, 2, 3),
    "regexp_replace": build(STRING, _regexp_replace, 3),
    **dict.fromkeys(("regexp_like", "rlike", "regexp"), build(BOOLEAN, _regexp_like, 2)),
    "regexp_count": build(INT, _regexp_count, 2),
    "regexp_substr": build(STRING, _regexp_substr, 2),
    "find_in_set": say(INT, "CAST(dbx_find_in_set($1, $2) AS INTEGER)"),
    "url_encode": say(STRING, "dbx_url_encode($1)"),
    "url_decode": say(STRING, "url_decode(replace($1, '+', ' '))"),
    "overlay": say(STRING, "dbx_overlay($1, $2, $3, length($2))", "dbx_overlay($1, $2, $3, $4)"),
    "uuid": say(STRING, "CAST(uuid() AS VARCHAR)"),
    "get_json_object": build(STRING, _json, 2),
}
"""Functions by name."""
