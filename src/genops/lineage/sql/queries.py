"""What a query gives: a selection, a set operation, rows of values, with its common table expressions."""

from __future__ import annotations

from typing import TYPE_CHECKING

from genops.lineage.sql import pivots, recursion, selections, setops, sources
from genops.lineage.sql.relations import Column, Relation
from genops.lineage.sql.scopes import Ctes, Scope
from genops.lineage.sql.syntax import (
    SET_OPERATIONS,
    Node,
    alias_columns,
    arg,
    args,
    identifier,
    is_node,
)
from genops.lineage.sql.traces import NOTHING, Lineage, Step
from genops.lineage.sql.understood import SORT

if TYPE_CHECKING:
    from collections.abc import Iterator

    from genops.lineage.sql.reading import Reading
    from genops.lineage.sql.steps import Steps

_SORTED = Step(SORT)
_MODIFYING = frozenset(("insert", "update", "delete", "merge"))


def query(reading: Reading, node: Node, outer: Scope | None, ctes: Ctes | None) -> Steps[Relation]:
    """Return what a query gives.

    Args:
        reading: The statement.
        node: The query, also in parentheses.
        outer: Where names are looked up that it does not have itself; `None` where it sees nothing outside.
        ctes: The common table expressions that it may name.
    """
    layers = list(_layers(node))
    for layer in layers:
        ctes = yield from with_ctes(reading, layer, outer, ctes)
    inner = layers[-1]
    relation: Relation
    if inner.key == "select":
        relation = yield from selections.selected(reading, inner, outer, ctes)
    elif inner.key in SET_OPERATIONS:
        relation = yield from setops.combined(reading, inner, outer, ctes)
    else:
        relation = yield from _other(reading, inner, outer, ctes)
    for layer in reversed(layers):
        if layer.key != "select" and is_node(arg(layer, "order")):
            relation = yield from _ordered(reading, layer, relation, outer)
    return relation


def _layers(node: Node) -> Iterator[Node]:
    """Yield a query from the outermost parentheses inwards."""
    yield node
    while node.key in {"subquery", "paren"} and is_node(node.this):
        node = node.this
        yield node


def with_ctes(reading: Reading, node: Node, outer: Scope | None, ctes: Ctes | None) -> Steps[Ctes | None]:
    """Resolve the common table expressions of a query or a statement, each seeing those before it."""
    clause = arg(node, "with")
    if not is_node(clause):
        return ctes
    visible = Ctes(ctes)
    for each in args(clause, "expressions"):
        name = identifier(each.args["alias"], reading.folding)
        names = alias_columns(each, reading.folding)
        if each.this.key in _MODIFYING:
            relation = yield reading.modifying(reading, each.this, outer, visible)
        elif recursion.is_recursive(each.this, name, clause, reading.folding):
            relation = yield from recursion.resolved(reading, each.this, name, names, outer, visible)
        else:
            relation = yield query(reading, each.this, outer, visible)
        visible.define(name, relation.renamed(names))
    return visible


def _other(reading: Reading, node: Node, outer: Scope | None, ctes: Ctes | None) -> Steps[Relation]:
    """Return what rows of values give, or a table in place of a query."""
    if node.key == "values":
        return (yield from _values(reading, node, outer, ctes))
    scope = Scope(reading, outer, ctes)
    if node.key == "pivot":  # a statement of its own in DuckDB
        rows = yield from sources.bind(scope, node.this)
        return (yield from pivots.pivoted(scope, Relation(scope.bindings[0].relation.columns, rows), node))
    rows = yield from sources.bind(scope, node)
    return Relation([column for each in scope.bindings for column in each.relation.columns], rows)


def _values(reading: Reading, node: Node, outer: Scope | None, ctes: Ctes | None) -> Steps[Relation]:
    """Return rows of values, which may be computed: each column comes from all values in its place."""
    scope = Scope(reading, outer, ctes)
    columns: list[Lineage] = []
    for row in args(node, "expressions"):
        cells = args(row, "expressions") if row.key == "tuple" else [row]
        columns += [NOTHING] * (len(cells) - len(columns))
        for i, cell in enumerate(cells):
            if cell.key != "literal":
                columns[i] |= yield from scope.take(cell)
    return Relation([Column(f"col{i}", lineage) for i, lineage in enumerate(columns, 1)])


def _ordered(reading: Reading, node: Node, relation: Relation, outer: Scope | None) -> Steps[Relation]:
    """Return a relation whose rows an ORDER BY outside it has put in order."""
    scope = Scope(reading, outer, None)
    scope.bind("", relation)
    rows = yield from scope.take(arg(node, "order"), _SORTED)
    return Relation(relation.columns, relation.rows | rows)
