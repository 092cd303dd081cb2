"""What an expression takes, and what it does to it: columns and nested queries, each with its step."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

from genops.lineage.sql.syntax import NESTED, STARS, Node, arg, args, children, identifier, is_node
from genops.lineage.sql.traces import AGGREGATED, CHANGED, SAME, Step, then
from genops.lineage.sql.understood import AGGREGATION, CONDITIONAL, FILTER, SORT, STAR, WINDOW

if TYPE_CHECKING:
    from genops.lineage.sql.folding import Folding

_Taken = Iterable[tuple[Node, Step]]

_AS_IT_IS = frozenset(
    ("alias", "aliases", "paren", "pivotalias", "ordered", "tuple", "distinct", "where", "having", "group", "order")
)
_NOTHING = frozenset(("literal", "datatype", "identifier", "var", "placeholder", "parameter", "null", "boolean"))
_HASHES = frozenset(
    (
        "sha",
        "sha1digest",
        "sha2",
        "sha2digest",
        "md5",
        "md5digest",
        "md5numberlower64",
        "md5numberupper64",
        "farmfingerprint",
        "standardhash",
        "hashagg",
        "murmurhash3",
        "encrypt",
        "aesencrypt",
    )
)
_HASHES_BY_NAME = frozenset(
    (
        "hash",
        "xxhash64",
        "murmur3hash",
        "crc32",
        "mask",
        "ai_mask",
        "aes_encrypt",
        "try_aes_encrypt",
        "hmac",
        "hmac_sha256",
        "sha1",
        "sha256",
        "sha512",
        "sha2_hex",
        "sha1_hex",
        "md5_hex",
        "hashbytes",
        "checksum",
        "encrypt",
        "encrypt_raw",
    )
)
_COUNTS = frozenset(("count", "countif", "approxdistinct", "hll", "approxcountdistinct"))
_GENERATORS = frozenset(
    (
        "explode",
        "explodeouter",
        "posexplode",
        "posexplodeouter",
        "explodinggenerateseries",
        "inline",
        "inline_outer",
        "unnest",
        "variant_explode",
        "variant_explode_outer",
    )
)
_MASKED = Step(CHANGED.subtype, masking=True)
_COUNTED = Step(AGGREGATION, masking=True)
_CONDITION, _WINDOWED, _FILTERED, _SORTED = Step(CONDITIONAL), Step(WINDOW), Step(FILTER), Step(SORT)


class Reference(NamedTuple):
    """Something that an expression takes.

    Attributes:
        node: A column, a star, or a nested query.
        step: What the expression does to it.
        asked: Only whether a nested query has rows is taken, and none of its values.
    """

    node: Node
    step: Step
    asked: bool = False


def references(expression: Node, folding: Folding, step: Step = SAME) -> list[Reference]:
    """Return what an expression takes, in the order of the text.

    Args:
        expression: Any node; `None` takes nothing.
        folding: How names compare, for the parameters of lambdas.
        step: What is done to the value of the whole expression.
    """
    if is_node(expression) and expression.key == "alias":
        expression = expression.this
    if is_node(expression) and expression.key == "column":
        return [Reference(expression, step)]
    found: list[Reference] = []
    waiting: list[tuple[Node, Step, frozenset[str]]] = [(expression, step, frozenset())] if is_node(expression) else []
    while waiting:
        node, step, hidden = waiting.pop()
        key: str = node.key
        if key == "column":
            if not hidden or _first(node, folding) not in hidden:
                found.append(Reference(node, step))
        elif key in NESTED or key in STARS or (key == "parameter" and _is_place(node, folding)):
            found.append(Reference(node, step))
        elif key == "exists" and node.this.key in NESTED:
            found.append(Reference(node.this, then(step, _CONDITION), asked=True))
        elif key not in _NOTHING:
            if key == "lambda":
                hidden |= {folding.column(str(each.name), quoted=False) for each in args(node, "expressions")}
            taken = [(child, then(step, own), hidden) for child, own in _taken(node, key)]
            waiting.extend(reversed(taken))
    return found


def _is_place(parameter: Node, folding: Folding) -> bool:
    """Whether a parameter is a column by its place, as Snowflake writes it, and not a value that is given later."""
    return folding.dialect == "snowflake" and is_node(parameter.this) and parameter.this.key == "literal"


def _first(column: Node, folding: Folding) -> str:
    parts = (column.args.get(part) for part in ("catalog", "db", "table", "this"))
    return folding.column(str(next(part for part in parts if part is not None).name), quoted=False)


def _taken(node: Node, key: str) -> _Taken:
    """Return the parts of a node that values come from, with what it does to each."""
    rule = _RULES.get(key)
    if rule is not None:
        return rule(node)
    if key in _AS_IT_IS:
        step = SAME
    elif is_aggregate(node):
        step = AGGREGATED
    else:
        step = CHANGED
    return [(child, step) for child in children(node)]


def is_aggregate(node: Node) -> bool:
    """Whether a node calls an aggregate function."""
    return _is_aggregate(node.__class__)


@lru_cache(maxsize=4096)
def _is_aggregate(of: type[object]) -> bool:
    return any(base.__name__ == "AggFunc" for base in of.__mro__)


def makes_rows(expression: Node) -> bool:
    """Whether an expression gives several rows for one, as `explode` does, so that its values decide how many."""
    waiting = [expression]
    while waiting:
        node = waiting.pop()
        if node.key in _GENERATORS or (node.key == "anonymous" and str(node.this).lower() in _GENERATORS):
            return True
        if node.key not in NESTED:
            waiting.extend(children(node))
    return False


def is_aggregated(expression: Node) -> bool:
    """Whether the value of an expression is made of many rows, by `GROUP BY ALL`'s measure."""
    waiting = [expression]
    while waiting:
        node = waiting.pop()
        if node.key == "window" or is_aggregate(node):
            return True
        if node.key not in NESTED:
            waiting.extend(children(node))
    return False


def _case(node: Node) -> _Taken:
    yield from ((each, _CONDITION) for each in args(node, "this"))
    for branch in args(node, "ifs"):
        yield branch.this, _CONDITION
        yield from ((each, CHANGED) for each in args(branch, "true"))
    yield from ((each, CHANGED) for each in args(node, "default"))


def _if(node: Node) -> _Taken:
    yield node.this, _CONDITION
    yield from ((each, CHANGED) for name in ("true", "false") for each in args(node, name))


def _window(node: Node) -> _Taken:
    yield node.this, CHANGED
    for name in ("partition_by", "order", "spec", "first"):
        yield from ((each, _WINDOWED) for each in args(node, name))


def _filter(node: Node) -> _Taken:
    yield node.this, SAME
    yield from ((each, _FILTERED) for each in args(node, "expression"))


def _ordered(node: Node) -> _Taken:
    yield from ((each, AGGREGATED) for each in args(node, "this"))
    yield from ((each, _SORTED) for name in ("expression", "expressions") for each in args(node, name))


def _count(node: Node) -> _Taken:
    return [(child, _COUNTED) for child in children(node) if child.key != "star"]


def _hash(node: Node) -> _Taken:
    return [(child, _MASKED) for child in children(node)]


def _anonymous(node: Node) -> _Taken:
    step = _MASKED if str(node.this).lower() in _HASHES_BY_NAME else CHANGED
    return [(child, step) for child in args(node, "expressions")]


def _lambda(node: Node) -> _Taken:
    return [(node.this, CHANGED)]


def _named(node: Node) -> _Taken:
    """Of a named value only the value: the name of a struct's field is not a column."""
    return [(each, SAME if node.key == "kwarg" else CHANGED) for each in args(node, "expression")]


def _access(node: Node) -> _Taken:
    """A field of a struct, or a path into a document: what is left of the dot."""
    return [(node.this, CHANGED), *((each, CHANGED) for each in args(node, "expression") if each.key != "jsonpath")]


_RULES: dict[str, Callable[[Node], _Taken]] = {
    "case": _case,
    "if": _if,
    "window": _window,
    "filter": _filter,
    "withingroup": _ordered,
    "lambda": _lambda,
    "anonymous": _anonymous,
    "kwarg": _named,
    "propertyeq": _named,
    "dot": _access,
    "jsonextract": _access,
    "jsonextractscalar": _access,
    **dict.fromkeys(_COUNTS, _count),
    **dict.fromkeys(_HASHES, _hash),
}


def projection_names(projection: Node, folding: Folding, position: int) -> list[str]:
    """Return the names of the outputs of one projection; one without a name is called after its position.

    A name never comes from a literal: what an unnamed value is called by the engine is made of its text.
    """
    key: str = projection.key
    if key == "columns":
        return [STAR]
    listed = projection if key == "aliases" else projection.args.get("schema") if key == "querytransform" else None
    if is_node(listed):
        return [identifier(each, folding) for each in args(listed, "expressions")]
    named = arg(projection, "alias") if key == "alias" else projection
    while is_node(named) and named.key in {"column", "dot", "paren"}:
        named = named.expression if named.key == "dot" else named.this
    if is_node(named) and named.key == "identifier":
        return [identifier(named, folding)]
    return _GENERATED.get(key) or [f"_c{position}"]


_GENERATED = {
    "explode": ["col"],
    "explodeouter": ["col"],
    "posexplode": ["pos", "col"],
    "posexplodeouter": ["pos", "col"],
}
