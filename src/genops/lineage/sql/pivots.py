"""PIVOT and UNPIVOT: columns that become rows, and rows that become columns."""

from __future__ import annotations

from typing import TYPE_CHECKING

from genops.lineage.sql.relations import Column, Relation
from genops.lineage.sql.syntax import Node, alias_columns, args, column_parts, identifier, inside, is_node
from genops.lineage.sql.traces import AGGREGATED, NOTHING, SAME, Lineage, Step, joined, through
from genops.lineage.sql.understood import CONDITIONAL, FILTER, GROUP_BY, STAR, ValueName

if TYPE_CHECKING:
    from collections.abc import Iterable

    from genops.lineage.sql.scopes import Scope
    from genops.lineage.sql.steps import Steps

_CONDITION, _GROUPED, _FILTERED = Step(CONDITIONAL), Step(GROUP_BY), Step(FILTER)


def pivoted(scope: Scope, relation: Relation, pivot: Node) -> Steps[Relation]:
    """Return a relation after a pivot or its reverse."""
    own = type(scope)(scope.reading, scope.outer, scope.ctes)
    own.bind("", relation)
    made = yield from (_unpivoted if pivot.args.get("unpivot") else _pivoted)(own, relation, pivot)
    return made.renamed(alias_columns(pivot, scope.reading.folding))


def _pivoted(own: Scope, relation: Relation, pivot: Node) -> Steps[Relation]:
    folding = own.reading.folding
    aggregates = args(pivot, "using") or args(pivot, "expressions")
    fields = args(pivot, "expressions") if args(pivot, "using") else args(pivot, "fields")
    values = yield from own.take_each(aggregates, AGGREGATED)
    deciding: Lineage = yield from own.take_all(
        (field.this if field.key == "in" else field for field in fields), _CONDITION
    )
    names = [identifier(each, folding) for each in args(pivot, "columns")]
    if any(each.key != "pivotalias" for field in fields for each in args(field, "expressions")):
        names = [ValueName(name) for name in names]
    made = [Column(name, values[i % len(values)] | deciding) for i, name in enumerate(names) if values]
    if not made:  # names that the values decide, which only the data knows
        made = [Column(STAR, joined(values) | deciding)]
    used = _used([*aggregates, *fields], own)
    return _kept(relation, used, made, grouped=True)


def _unpivoted(own: Scope, relation: Relation, pivot: Node) -> Steps[Relation]:
    folding = own.reading.folding
    made: list[Column] = []
    fields = args(pivot, "fields")
    values = [each for value in args(pivot, "expressions") for each in (args(value, "expressions") or [value])]
    rows = [_cells(entry) for field in fields for entry in args(field, "expressions")]
    for i, value in enumerate(values):
        cells = [row[i] for row in rows if i < len(row)]
        lineage: Lineage = yield from own.take_all(cells, SAME)
        made.append(Column(identifier(value, folding), lineage))
    if not pivot.args.get("include_nulls"):  # a row without a value is left out
        relation = Relation(relation.columns, relation.rows | through(joined(c.lineage for c in made), _FILTERED))
    made += [Column(identifier(field.this, folding)) for field in fields if is_node(field.this)]
    return _kept(relation, _used([entry for row in rows for entry in row], own), made, grouped=False)


def _cells(entry: Node) -> list[Node]:
    """Return the columns of one row that is made: one, or several in parentheses, perhaps with a name."""
    if entry.key in {"pivotalias", "alias", "paren"}:
        entry = entry.this
    return args(entry, "expressions") if entry.key == "tuple" else [entry]


def _used(nodes: Iterable[Node], own: Scope) -> frozenset[str]:
    folding = own.reading.folding
    return frozenset(column_parts(each, folding)[-1] for node in nodes for each in inside(node) if each.key == "column")


def _kept(relation: Relation, used: frozenset[str], made: list[Column], *, grouped: bool) -> Relation:
    """Return the columns that stay as they are, and those that were made."""
    kept = [
        column._replace(without=column.without | used) if column.name == STAR else column
        for column in relation.columns
        if column.name not in used
    ]
    by = joined(column.lineage for column in kept) if grouped else NOTHING
    return Relation([*kept, *made], relation.rows | through(by, _GROUPED))
