"""Databricks SQL to DuckDB SQL: parse, fill in names and parameters, and mend what differs in silence.

sqlglot translates the grammar. Where a function of the same name means something else in DuckDB the
rules here rewrite or refuse it, because a wrong answer is worse than none.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import sqlglot
from sqlglot import exp
from sqlglot.dialects.databricks import Databricks
from sqlglot.errors import SqlglotError

from genops.testing.workspace.sql.failures import SqlError, UnsupportedError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from genops.testing.workspace.http.wire import Json

ALIAS = "unity_"
"""DuckDB reserves ``main`` and ``system`` as database names, so every catalog is attached with this prefix."""

# The same name, another result, and no cheap way to compute the right one.
_DIFFERENT = frozenset(
    {"hash", "xxhash64", "crc32", "monotonically_increasing_id", "spark_partition_id", "input_file_name"}
)
# Of DuckDB only: they read the machine or DuckDB's own catalog.
_FOREIGN_PREFIXES = ("duckdb_", "pragma_", "read_", "pg_", "parquet_", "sniff_", "scan_")


class _Strict(Databricks):
    """Databricks that refuses what it cannot parse instead of passing it through with a log line."""

    class Parser(Databricks.Parser):  # pyright: ignore[reportUnknownMemberType, reportIncompatibleVariableOverride]
        """Parser of the strict dialect."""

        def _warn_unsupported(self) -> None:
            raise UnsupportedError("this syntax: " + str(self.sql).strip().split("\n", 1)[0][:80])


def parse(sql: str) -> list[Any]:
    """The statements of a text.

    Raises:
        SqlError: The text is empty or no Databricks SQL.
    """
    try:
        statements = [tree for tree in sqlglot.parse(sql, read=_Strict) if tree is not None]
    except SqlglotError as error:
        raise SqlError(f"[PARSE_SYNTAX_ERROR] {_first_error(error)}", "42601") from error
    if not statements:
        raise SqlError("[PARSE_EMPTY_STATEMENT] Syntax error, unexpected empty statement.", "42617")
    return statements


def _first_error(error: SqlglotError) -> str:
    errors: list[Json] = getattr(error, "errors", None) or []
    if not errors:
        return str(error).split("\n", 1)[0]
    first = errors[0]
    return f"{first.get('description')} at or near '{first.get('highlight')}' (line {first.get('line')})"


def bind(tree: Any, parameters: Iterable[Json]) -> Any:
    """Put typed values in the place of ``:name`` markers.

    Args:
        tree: A statement.
        parameters: Items ``{"name", "value", "type"}``; an absent type is STRING, an absent value null.

    Raises:
        SqlError: A marker without a parameter, or a value that is no literal of its type.
    """
    values = {str(item["name"]): item for item in parameters if item.get("name")}

    def replace(node: Any) -> Any:
        if not isinstance(node, exp.Placeholder):
            return node
        if node.name not in values:
            raise SqlError(
                f"[UNBOUND_SQL_PARAMETER] Found the unbound parameter: {node.name or '?'}. Give it a value.",
                "42P02",
            )
        return _typed(values[node.name])

    return tree.transform(replace)


def _typed(parameter: Json) -> Any:
    kind = str(parameter.get("type") or "STRING").upper()
    value = parameter.get("value")
    inner = exp.null() if value is None else exp.Literal.string(str(value))
    try:
        target = exp.DataType.build(kind, dialect="databricks")
    except SqlglotError as error:
        raise SqlError(f"[UNSUPPORTED_DATATYPE] Unsupported data type {kind!r}.", "0A000") from error
    return exp.Cast(this=inner, to=target)


def mend(tree: Any, identity: Json) -> Any:
    """Rewrite what DuckDB would compute differently.

    Args:
        tree: A statement in the Databricks dialect.
        identity: Values of ``user``, ``catalog`` and ``schema`` for the functions that name them.

    Raises:
        UnsupportedError: A function that cannot be mended.
    """
    # From the leaves up, so that what a rule copies is mended already.
    for node in reversed(list(tree.bfs())):
        rule = _RULES.get(node.__class__)
        if rule is None or isinstance(node.parent, exp.Table):
            continue
        mended = rule(node, identity)
        if mended is not node:
            node.replace(mended)
    return tree


def _guarded(node: Any, _: Json) -> Any:
    divisor = node.expression
    if isinstance(divisor, exp.Literal) and float(divisor.name or 0) != 0:
        return node
    failure = exp.Anonymous(this="error", expressions=[exp.Literal.string("[DIVIDE_BY_ZERO]")])
    zero = exp.EQ(this=exp.Paren(this=divisor.copy()), expression=exp.Literal.number(0))
    return exp.Case(ifs=[exp.If(this=zero, true=failure)], default=exp.Paren(this=node.copy()))


_WHOLE = ("TINYINT", "SMALLINT", "INT", "BIGINT")


def _truncated(node: Any, _: Json) -> Any:
    """Databricks cuts a fraction off where DuckDB rounds it."""
    inner = node.this
    if node.to.this.name not in _WHOLE or (isinstance(inner, exp.Literal) and "." not in inner.name):
        return node
    if isinstance(inner, (exp.Null, exp.Boolean)):
        return node
    kind = exp.Anonymous(this="typeof", expressions=[inner.copy()])
    fractional = exp.RegexpLike(this=kind, expression=exp.Literal.string("^(DOUBLE|FLOAT|DECIMAL)"))
    number = exp.TryCast(this=inner.copy(), to=exp.DataType.build("DOUBLE"))
    cut = exp.Anonymous(this="trunc", expressions=[number])
    whole = type(node)(this=cut, to=node.to.copy())
    return exp.Case(ifs=[exp.If(this=fractional, true=whole)], default=node.copy())


def _joined(node: Any, _: Json) -> Any:
    """DuckDB's concat skips nulls; Databricks' gives null, as ``||`` does."""
    joined, *rest = (item.copy() for item in node.expressions)
    for item in rest:
        joined = exp.DPipe(this=joined, expression=item)
    return exp.Paren(this=joined) if rest else node


def _day_of_week(node: Any, _: Json) -> Any:
    """Databricks counts from 1 (Sunday), DuckDB from 0."""
    return exp.Paren(this=exp.Add(this=node.copy(), expression=exp.Literal.number(1)))


def _named(key: str) -> Callable[[Any, Json], Any]:
    def replace(_: Any, identity: Json) -> Any:
        return exp.Literal.string(str(identity[key]))

    return replace


_SESSION_FUNCTIONS = {
    "current_user": "user",
    "session_user": "user",
    "user": "user",
    "current_catalog": "catalog",
    "current_schema": "schema",
    "current_database": "schema",
}


def _anonymous(node: Any, identity: Json) -> Any:
    name = node.name.lower()
    if name in _SESSION_FUNCTIONS:
        return exp.Literal.string(str(identity[_SESSION_FUNCTIONS[name]]))
    if name == "named_struct":
        return _named_struct(node)
    if name in _DIFFERENT or name.startswith(_FOREIGN_PREFIXES) or name in ("glob", "getenv", "error"):
        raise UnsupportedError(f"the function {name}")
    return node


def _named_struct(node: Any) -> Any:
    keys: list[Any] = node.expressions[::2]
    values: list[Any] = node.expressions[1::2]
    if len(keys) != len(values):
        raise SqlError("[WRONG_NUM_ARGS] named_struct needs a value for every name.", "42605")
    fields = [
        exp.PropertyEQ(this=exp.to_identifier(str(key.name), quoted=True), expression=value.copy())
        for key, value in zip(keys, values, strict=True)
    ]
    return exp.Struct(expressions=fields)


def _refused(node: Any, _: Json) -> Any:
    raise UnsupportedError(f"the function {node.sql_name().lower()}")


_RULES: dict[type[Any], Callable[[Any, Json], Any]] = {
    exp.Div: _guarded,
    exp.IntDiv: _guarded,
    exp.Mod: _guarded,
    exp.Cast: _truncated,
    exp.Concat: _joined,
    exp.DayOfWeek: _day_of_week,
    exp.CurrentUser: _named("user"),
    exp.Anonymous: _anonymous,
}
# Newer sqlglot knows more functions by class; a version that lacks one parses it as Anonymous.
for _name, _rule in {
    "SessionUser": _named("user"),
    "CurrentCatalog": _named("catalog"),
    "CurrentSchema": _named("schema"),
    "CurrentDatabase": _named("schema"),
    "FarmFingerprint": _refused,
}.items():
    if hasattr(exp, _name):
        _RULES[getattr(exp, _name)] = _rule


def name_outputs(tree: Any) -> Any:
    """Give unnamed columns of a query the names that Databricks would give them."""
    query = tree
    while isinstance(query, (exp.SetOperation, exp.Subquery)):
        query = query.this
    if not isinstance(query, exp.Select):
        return tree
    named = [_output(item) for item in query.expressions]
    query.set("expressions", named)
    return tree


def _output(item: Any) -> Any:
    if isinstance(item, exp.Count) and isinstance(item.this, exp.Star):
        return exp.alias_(item, "count(1)", quoted=True)
    if isinstance(item, (exp.Alias, exp.Column, exp.Star, exp.Explode, exp.Unnest, exp.Aliases)) or item.is_star:
        return item
    if isinstance(item, exp.Literal):
        return exp.alias_(item, item.name, quoted=True)
    return exp.alias_(item, item.sql(dialect="databricks", normalize_functions="lower"), quoted=True)


def to_duckdb(tree: Any) -> str:
    """DuckDB SQL.

    Raises:
        UnsupportedError: sqlglot knows no translation.
    """
    try:
        return str(tree.sql(dialect="duckdb", unsupported_level=sqlglot.ErrorLevel.RAISE))
    except SqlglotError as error:
        raise UnsupportedError(f"this statement: {str(error).split(chr(10), 1)[0]}") from error
