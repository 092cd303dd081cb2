"""What a query reads from: tables, nested queries, functions and the joins between them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from genops.lineage.sql import pivots
from genops.lineage.sql.expressions import projection_names
from genops.lineage.sql.functions import called_by_name, function_names, named_source
from genops.lineage.sql.relations import Column, Relation, Stored
from genops.lineage.sql.syntax import (
    NESTED,
    Node,
    alias,
    alias_columns,
    arg,
    args,
    identifier,
    is_node,
    table_parts,
    unwrapped,
)
from genops.lineage.sql.traces import AGGREGATED, CHANGED, NOTHING, Lineage, Step, joined, through
from genops.lineage.sql.understood import JOIN, STAR

if TYPE_CHECKING:
    from genops.lineage.sql.scopes import Scope
    from genops.lineage.sql.steps import Steps

_JOINED = Step(JOIN)
_ROW_AND_ARRAY = 2
_COMPUTED = frozenset(("identifier", "parameter", "placeholder", "var", "dot"))
_AROUND = frozenset(("stream", "tablefromrows", "tablesample", "from", "paren"))
_NAMED_BY_ALIAS = frozenset(("bigquery", "duckdb", "postgres", "redshift", "athena", "trino"))


def bind_all(scope: Scope, node: Node) -> Steps[Lineage]:
    """Bind all that a query reads from; return what decides which rows there are."""
    start = arg(node, "from")
    rows = NOTHING
    if is_node(start):
        rows |= yield from bind(scope, start)
    laterals = args(node, "laterals")
    waiting: list[Node] = []
    for join in args(node, "joins"):
        rows |= yield from bind(scope, join.this)
        waiting.append(join)
        if not laterals:  # a condition sees the relations on its left; one that follows laterals sees these too
            rows |= yield from _conditions(scope, waiting)
            waiting.clear()
    for lateral in laterals:
        rows |= yield from bind(scope, lateral)
    rows |= yield from _conditions(scope, waiting)
    for match in args(node, "match"):
        yield from _matched(scope, match)
    return rows


def _matched(scope: Scope, match: Node) -> Steps[None]:
    """Bind the measures of MATCH_RECOGNIZE, in which the variables of the pattern stand for the rows matched."""
    folding = scope.reading.folding
    if scope.bindings:
        for word in re.findall(r"\w+", str(match.args.get("pattern") or "")):
            scope.name(folding.column(word, quoted=False), scope.bindings[0].relation)
    made: list[Column] = []
    for measure in args(match, "measures"):
        lineage = yield from scope.take(measure.this, AGGREGATED)
        made += [Column(name, lineage) for name in projection_names(measure.this, folding, len(made))]
    scope.bind(alias(match, folding), Relation(made))


def bind(scope: Scope, source: Node) -> Steps[Lineage]:
    """Bind one source with the joins that hang on it; return what decides which rows there are."""
    folding = scope.reading.folding
    while source.key in _AROUND and is_node(source.this) and not alias(source, folding):
        source = source.this
    relation = yield from _relation(scope, source)
    for pivot in args(source, "pivots"):
        relation = yield from pivots.pivoted(scope, relation, pivot)
    name = _name(scope, source)
    relation = _renamed(relation, alias_columns(source, folding))
    if not name and isinstance(relation, Stored):
        scope.bind("", relation, relation.table)
    elif not name and source.key == "table":  # a common table expression or a view goes by its own name
        scope.bind("", relation, (table_parts(source, folding) or ("",))[-1:])
    else:
        scope.bind(name, relation)
    rows = relation.rows
    for lateral in args(source, "laterals"):
        rows |= yield from bind(scope, lateral)
    for join in args(source, "joins"):
        rows |= yield from bind(scope, join.this)
        rows |= yield from _conditions(scope, [join])
    return rows


def _name(scope: Scope, source: Node) -> str:
    """Return the alias of a source; that of a pivot stands after the pivot."""
    folding = scope.reading.folding
    last = args(source, "pivots")[-1:]
    return next((name for each in (*last, source) if (name := alias(each, folding))), "")


def _renamed(relation: Relation, names: list[str]) -> Relation:
    renamed = relation.renamed(names)
    if names and isinstance(relation, Stored) and relation.open:
        # Names by position of columns that are not known: each may be any of them.
        return Relation([Column(name, relation.all()) for name in names])
    return renamed


def _relation(scope: Scope, source: Node) -> Steps[Relation]:
    """Return what a source gives, before pivots and aliases."""
    key: str = source.key
    if key == "table":
        return (yield from _table(scope, source))
    if key in NESTED or key == "values":
        return (yield from _nested(scope, source, lateral=False))
    if key == "lateral":
        inner = unwrapped(source.this)
        if inner.key in NESTED:
            return (yield from _nested(scope, inner, lateral=True))
        return (yield from _called(scope, inner, source))
    return (yield from _called(scope, source, source))


def _nested(scope: Scope, source: Node, *, lateral: bool) -> Steps[Relation]:
    """Resolve a query among the sources, or the tables that parentheses hold together."""
    from genops.lineage.sql.queries import query

    inner = unwrapped(source)
    if inner.key == "table" and source is not inner:
        return (yield from _together(scope, source))
    return (yield query(scope.reading, source, scope if lateral else scope.outer, scope.ctes))


def _together(scope: Scope, source: Node) -> Steps[Relation]:
    """Bind joined tables in parentheses: their own names stay visible, unless the whole has an alias."""
    if not alias(source, scope.reading.folding):
        rows = yield from bind(scope, source.this)
        return Relation((), rows)
    own = type(scope)(scope.reading, scope.outer, scope.ctes)
    rows = yield from bind(own, source.this)
    for join in args(source, "joins"):
        rows |= yield from bind(own, join.this)
        rows |= yield from _conditions(own, [join])
    return Relation([column for each in own.bindings for column in each.relation.columns], rows)


def _table(scope: Scope, source: Node) -> Steps[Relation]:
    """Return what a name or a call in place of a table gives."""
    reading = scope.reading
    parts = table_parts(source, reading.folding)
    if parts is None and source.this.key in _COMPUTED:
        return _unknown(scope, source)
    if parts is None:
        return (yield from _called(scope, source.this, source))
    if len(parts) == 1 and scope.ctes is not None:
        defined = scope.ctes.find(reading.folding.column(parts[0]))
        if defined is not None:
            return defined
    if len(parts) == _ROW_AND_ARRAY and reading.folding.dialect == "bigquery":
        # Perhaps an array in a row that stands further left.
        row = scope.qualified((parts[0].lower(),))
        if row is not None:
            return Relation([Column(STAR, through(scope.column((parts[0].lower(), parts[1].lower())), CHANGED))])
    return reading.source(parts)


def _unknown(scope: Scope, source: Node) -> Relation:
    """Return a table whose name only the running statement knows; what of it stands in the text is told."""
    folding = scope.reading.folding
    known = (source.args.get(part) for part in ("catalog", "db", "this"))
    named = [identifier(each, folding) for each in known if is_node(each) and each.key == "identifier"]
    scope.reading.doubt(".".join(named), "unresolved")
    return Relation([Column(STAR)])


def _called(scope: Scope, call: Node, source: Node) -> Steps[Relation]:
    """Return what a table function gives: any of its columns, and how many rows there are, may come of all it takes."""
    reading = scope.reading
    table = named_source(call, reading.folding)
    if table is not None:
        return reading.source(table)
    if called_by_name(call):
        return _unknown(scope, source)
    taken = yield from scope.take(call, CHANGED)
    names = alias_columns(source, reading.folding) or function_names(call)
    own = alias(source, reading.folding)
    if own and own not in names and len(names) < 2 and reading.folding.dialect in _NAMED_BY_ALIAS:  # noqa: PLR2004 - one column
        names = [*names, own]
    offset = arg(source, "offset")
    columns = [Column(name, taken) for name in names] or [Column(STAR, taken)]
    columns += [Column(identifier(offset, reading.folding), taken)] if is_node(offset) else []
    return Relation(columns, through(taken, _JOINED))


def _conditions(scope: Scope, joins: list[Node]) -> Steps[Lineage]:
    """Return what the conditions of joins compare, and put away what a semi-join only asked."""
    rows = NOTHING
    for join in joins:
        condition = join.args.get("on")
        if is_node(condition):
            rows |= yield from scope.take(condition, _JOINED)
        compared = [identifier(each, scope.reading.folding) for each in args(join, "using")]
        if str(join.args.get("method") or "").upper() == "NATURAL":
            compared = _common(scope)
        rows |= joined([_merged(scope, name, str(join.args.get("side") or "")) for name in compared])
        if str(join.args.get("kind") or "").upper() in {"SEMI", "ANTI"}:
            scope.hide(scope.bindings[-1].relation)
    return rows


def _common(scope: Scope) -> list[str]:
    """Return the names that a natural join compares."""
    *left, right = scope.bindings
    if right.relation.open or any(each.relation.open for each in left):
        scope.reading.stars("NATURAL JOIN", Relation([c for each in scope.bindings for c in each.relation.columns]))
    names = (column.name for column in right.relation.columns if column.name != STAR)
    return [name for name in names if any(each.relation.known(name) is not None for each in left)]


def _merged(scope: Scope, name: str, side: str) -> Lineage:
    """Make one column of those that USING compares; return what is compared."""
    left = scope.merged.get(name)
    if left is None:
        left = joined(_of(each.relation, name) for each in scope.bindings[:-1])
    right = _of(scope.bindings[-1].relation, name)
    shown = {"RIGHT": right, "FULL": left | right}.get(side.upper(), left)
    scope.merge(name, shown)
    return through(left | right, _JOINED)


def _of(relation: Relation, name: str) -> Lineage:
    return relation.known(name) or relation.possible(name) or NOTHING
