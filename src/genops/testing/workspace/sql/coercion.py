"""Values of several types in one place: what Databricks casts by itself, and what it refuses [ANSI, type coercion].

DuckDB would make text of a number, a truth of a number and a number of a truth. Databricks makes BIGINT, DOUBLE, a date
or a truth of text, and refuses the rest; so the casts that it would insert are written into the syntax tree.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlglot import exp

from genops.testing.workspace.sql import kinds
from genops.testing.workspace.sql.expressions import TREE, of
from genops.testing.workspace.sql.failures import SqlError, UnsupportedError
from genops.testing.workspace.sql.functions.coerced import FUNCTIONS_COERCED

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from genops.testing.workspace.sql.kinds import Kind
    from genops.testing.workspace.sql.scopes import Columns, Scope


def mismatch(condition: str, what: str) -> SqlError:
    """Types that do not fit; ``condition`` is the second half of the error class."""
    return SqlError(f"[DATATYPE_MISMATCH.{condition}] Cannot resolve the expression: {what}.", "42K09")


def put_cast(item: Any, kind: Kind) -> Any:
    """A tree inside of a cast, in its own place."""
    cast = exp.Cast(to=exp.DataType.build(kind.name, dialect="databricks"))
    item.replace(cast)
    cast.set("this", item)
    cast.meta["kind"] = kind
    return cast


def unify(items: Sequence[Any], condition: str = "DATA_DIFF_TYPES") -> None:
    """Cast the texts among some values to the type that holds all of them.

    Args:
        items: Syntax trees whose types were found.
        condition: The error class of types that have nothing in common.

    Raises:
        SqlError: They have none in common.
        UnsupportedError: Their types are not known as far as it takes.
    """
    found = [of(item) for item in items]
    known = [kind for kind in found if kind is not None and kind != kinds.VOID]
    common = kinds.widest([*known])
    if len({kind.name for kind in known}) > 1 and common is None:
        shown = '" and "'.join(dict.fromkeys(kind.name for kind in known))
        raise mismatch(condition, f'the types "{shown}" have none in common')
    if all(kind == common for kind in known) or common is None:
        return
    texts = [item for item, kind in zip(items, found, strict=True) if kind == kinds.STRING]
    if texts and None in found:
        raise UnsupportedError("text together with a value whose type is not known: cast one of them")
    if any(kinds.moves_text(kind, common) for kind in known if kind.inner):
        raise UnsupportedError("nested values of several types in one place: cast them to one")
    for item in texts:
        put_cast(item, common)


def check_merged(join: Any, scope: Scope) -> None:
    """The columns that a join merges are of types that DuckDB compares as Databricks does.

    Raises:
        UnsupportedError: They are not.
    """
    merged = {item.name.lower() for item in join.args.get("using") or ()}
    natural = str(join.args.get("method") or "").upper() == "NATURAL"
    found: dict[str, Kind] = {}
    for columns in scope.sources.values() if merged or natural else ():
        for name, kind in columns or ():
            other = found.setdefault(name.lower(), kind) if kind else None
            if not (natural or name.lower() in merged) or other is None or kind is None:
                continue
            if kinds.VOID not in (other, kind) and (kinds.moves_text(other, kind) or not kinds.widest([other, kind])):
                raise UnsupportedError(f"a join that merges columns of {other.name} and {kind.name}: cast one of them")


def need_compatible(operation: str, one: Kind | None, two: Kind | None) -> None:
    """Two queries of a set operation have columns that go together.

    Raises:
        SqlError: INCOMPATIBLE_COLUMN_TYPE.
        UnsupportedError: The columns hold nested values of several types.
    """
    if one is None or two is None or kinds.VOID in (one, two):
        return
    common = kinds.widest([one, two])
    if common is None:
        raise SqlError(
            f"[INCOMPATIBLE_COLUMN_TYPE] {operation.upper()} can only be performed on tables with compatible column "
            f'types. "{two.name}" is not compatible with "{one.name}".',
            "42825",
        )
    if one.inner and (kinds.moves_text(one, common) or kinds.moves_text(two, common)):
        raise UnsupportedError("nested values of several types in one column: cast them to one")


def put_columns(query: Any, columns: Columns, wanted: Columns) -> None:
    """Cast the columns of text of a set operation's side to the types that both sides have together."""
    changes = [
        have == kinds.STRING and want not in (None, kinds.STRING)
        for (_, have), (_, want) in zip(columns, wanted, strict=False)
    ]
    if not any(changes):
        return
    names = [exp.to_identifier(f"c{index}", quoted=True) for index in range(len(columns))]
    shown: list[Any] = []
    for name, changed, (label, want) in zip(names, changes, wanted, strict=False):
        column = exp.Column(this=name.copy())
        item = exp.alias_(column, label, quoted=True, copy=False)
        if changed and want is not None:
            column.meta["kind"] = kinds.STRING
            put_cast(column, want)
        shown.append(item)
    select: Any = exp.Select(expressions=shown)
    query.replace(select)
    alias = exp.TableAlias(this=exp.to_identifier("side", quoted=True), columns=names)
    select.from_(exp.Subquery(this=query, alias=alias), copy=False)


def _compare(tree: Any) -> None:
    left, right = tree.this, tree.expression
    if isinstance(left, exp.Tuple) and isinstance(right, exp.Tuple):
        for pair in list(zip(left.expressions, right.expressions, strict=False)):
            unify(pair, _OPERATORS)
        return
    unify([left, right], _OPERATORS)


_OPERATORS = "BINARY_OP_DIFF_TYPES"


def _among(tree: Any) -> None:
    """``IN``."""
    query = tree.args.get("query")
    if query is not None:
        if of(query) == kinds.STRING != (of(tree.this) or kinds.STRING):
            raise UnsupportedError("IN with a query of text for another type: cast one of them")
        if of(tree.this) == kinds.STRING and of(query):
            unify([tree.this, query])
        return
    items = [tree.this, *tree.expressions]
    if all(isinstance(item, exp.Tuple) for item in items):
        for column in list(zip(*(item.expressions for item in items), strict=False)):
            unify(column)
        return
    unify(items)


def _between(tree: Any) -> None:
    subject, bounds = tree.this, [tree.args["low"], tree.args["high"]]
    if of(subject) == kinds.STRING:
        if len({kind for kind in map(of, bounds) if kind not in (None, kinds.VOID)} & {kinds.STRING}) and any(
            of(bound) not in (kinds.STRING, kinds.VOID) for bound in bounds
        ):
            raise UnsupportedError("text BETWEEN text and another type: cast one of them")
        unify([subject, *bounds], _OPERATORS)
        return
    for bound in bounds:
        unify([subject, bound], _OPERATORS)


def _condition(tree: Any) -> None:
    kind = of(tree)
    if kind not in (None, kinds.BOOLEAN, kinds.VOID):
        raise mismatch("UNEXPECTED_INPUT_TYPE", f'a condition is "BOOLEAN", not "{kind.name}"')


def check_filter(tree: Any) -> None:
    """WHERE takes truths.

    Raises:
        SqlError: DATATYPE_MISMATCH.FILTER_NOT_BOOLEAN.
    """
    where = tree.args.get("where")
    kind = of(where.this) if where is not None else None
    if kind not in (None, kinds.BOOLEAN, kinds.VOID):
        raise mismatch("FILTER_NOT_BOOLEAN", f'a filter is "BOOLEAN", not "{kind.name}"')


def _truths(tree: Any) -> None:
    sides = [tree.this, tree.expression]
    for side in sides:
        kind = of(side)
        if kind == kinds.STRING:
            put_cast(side, kinds.BOOLEAN)
        elif kind not in (None, kinds.BOOLEAN, kinds.VOID):
            raise mismatch(_OPERATORS, f'AND and OR take "BOOLEAN", not "{kind.name}"')


def _negation(tree: Any) -> None:
    if of(tree.this) == kinds.STRING:
        put_cast(tree.this, kinds.BOOLEAN)
    else:
        _condition(tree.this)


def _case(tree: Any) -> None:
    branches = tree.args["ifs"]
    if tree.this is not None:
        _subject(tree.this, [branch.this for branch in branches])
    else:
        for branch in branches:
            _condition(branch.this)
    default = tree.args.get("default")
    unify([*(branch.args["true"] for branch in branches), *([default] if default is not None else [])])


def _subject(subject: Any, tests: list[Any]) -> None:
    """``CASE x WHEN …``: each test is compared with ``x`` alone."""
    if of(subject) != kinds.STRING:
        for test in tests:
            unify([subject, test], _OPERATORS)
        return
    if len({of(test) for test in tests} - {kinds.VOID}) > 1:
        raise UnsupportedError("CASE of text with tests of several types: cast them to one")
    unify([subject, *tests], _OPERATORS)


def _if(tree: Any) -> None:
    if isinstance(tree.parent, exp.Case):  # a branch, which the CASE regards
        return
    _condition(tree.this)
    unify([item for item in (tree.args["true"], tree.args.get("false")) if item is not None])


def _arithmetic(tree: Any) -> None:
    left, right = of(tree.this), of(tree.expression)
    names = [kind.name for kind in (left, right) if kind]
    if names == ["STRING", "STRING"]:
        raise mismatch("BINARY_OP_WRONG_TYPE", 'the operator takes "NUMERIC", not "STRING"')
    if "BOOLEAN" in names and len(names) > 1 and "VOID" not in names:
        raise mismatch(_OPERATORS, f'the types "{names[0]}" and "{names[1]}" have none in common')
    if "STRING" in names and set(names) & {*kinds.NUMBERS, *(["DATE"] if isinstance(tree, exp.Sub) else [])}:
        unify([tree.this, tree.expression], _OPERATORS)


def _sign(tree: Any) -> None:
    if of(tree.this) == kinds.STRING:
        put_cast(tree.this, kinds.DOUBLE)


def _index(tree: Any) -> None:
    kind, key = of(tree.this), tree.expressions[0]
    index = of(key)
    if kind and kind.name == "ARRAY" and index and index.name not in (*kinds.WHOLE, "VOID"):
        raise mismatch("UNEXPECTED_INPUT_TYPE", f'an index is "INTEGRAL", not "{index.name}"')
    if kind and kind.name == "MAP" and index and kind.inner[0] and kinds.moves_text(index, kind.inner[0]):
        if index != kinds.STRING:
            put_cast(key, kinds.STRING)
        else:
            put_cast(key, kind.inner[0])


def _map(tree: Any) -> None:
    for part in ("keys", "values"):
        if isinstance(tree.args.get(part), exp.Array):
            unify(tree.args[part].expressions)


_COMPARED = "EQ NEQ LT LTE GT GTE NullSafeEQ NullSafeNEQ"
_RULES: dict[type[Any], Callable[[Any], None]] = {
    **{getattr(exp, name): _compare for name in _COMPARED.split()},
    **{getattr(exp, name): _arithmetic for name in ("Add", "Sub", "Mul", "Div", "Mod", "IntDiv")},
    exp.And: _truths,
    exp.Or: _truths,
    exp.Not: _negation,
    exp.Neg: _sign,
    exp.In: _among,
    exp.Between: _between,
    exp.Case: _case,
    exp.If: _if,
    exp.Coalesce: lambda tree: unify([tree.this, *tree.expressions]),
    exp.Array: lambda tree: unify(tree.expressions),
    exp.VarMap: _map,
    exp.Bracket: _index,
}


def coerce(tree: Any) -> None:
    """Write the casts into an expression that Databricks would insert; what stands below it has its types.

    Raises:
        SqlError: DATATYPE_MISMATCH.
        UnsupportedError: What Databricks would make of it is not served.
    """
    rule = _RULES.get(tree.__class__)
    if rule is not None:
        rule(tree)
    elif isinstance(tree, exp.Anonymous):
        _call(tree)


def _call(tree: Any) -> None:
    """The arguments of a function."""
    name, arguments = tree.name.lower(), [item for item in tree.expressions if isinstance(item, TREE)]
    rule = FUNCTIONS_COERCED.get(name)
    if rule is None:
        return
    for group in rule.groups(arguments):
        unify(group, rule.condition)
    for argument in rule.conditions(arguments):
        _condition(argument)
    for argument in rule.texts(arguments):
        kind = of(argument)
        if kind is not None and not kind.inner and kind not in (kinds.STRING, kinds.BINARY, kinds.VOID):
            put_cast(argument, kinds.STRING)
    if rule.alike:
        _alike(name, arguments, rule.condition)


def _element(kind: Kind | None) -> Kind | None:
    return kind.inner[0] if kind and kind.inner else kind


def _alike(name: str, arguments: list[Any], condition: str) -> None:
    """An array or a map, and a value of its elements' or keys' type, or another array.

    Raises:
        SqlError: The types differ.
        UnsupportedError: Databricks would widen one of them.
    """
    found = [of(argument) for argument in arguments]
    if not found or found[0] is None or not found[0].inner:
        return
    first = _element(found[0])
    for kind in found[1:]:
        other = _element(kind) if kind and kind.name == found[0].name else kind
        if first is None or other is None or other == first or kinds.VOID in (first, other):
            continue
        if kinds.moves_text(first, other) or kinds.widest([first, other]) is None:
            raise mismatch(condition, f'{name} takes values of one type, not "{first.name}" and "{other.name}"')
        if name not in ("array_contains", "array_position", "element_at") and kinds.widest([first, other]) != first:
            raise UnsupportedError(f"{name} of {first.name} and {other.name}: cast one of them")
