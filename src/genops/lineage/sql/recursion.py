"""Common table expressions that name themselves.

The recursive part is resolved once, reading from a relation whose columns stand for themselves. What they stand for is
then the least solution of the equations that this gives, so a recursion costs what its text costs.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from genops.lineage.sql.relations import Column, Relation
from genops.lineage.sql.scopes import Ctes
from genops.lineage.sql.setops import Combined, branches
from genops.lineage.sql.syntax import SET_OPERATIONS, Node, identifier, inside
from genops.lineage.sql.traces import Lineage, Step, Trace, through, unsure

if TYPE_CHECKING:
    from genops.lineage.sql.folding import Folding
    from genops.lineage.sql.reading import Reading
    from genops.lineage.sql.scopes import Scope
    from genops.lineage.sql.steps import Steps

_KEYWORD_NOT_NEEDED = frozenset(("snowflake", "tsql", "bigquery"))


def is_recursive(body: Node, name: str, clause: Node, folding: Folding) -> bool:
    """Whether an expression means itself by its own name, and not a table of that name."""
    if body.key not in SET_OPERATIONS or not (clause.args.get("recursive") or folding.dialect in _KEYWORD_NOT_NEEDED):
        return False
    return any(
        each.key == "table" and not each.args.get("db") and identifier(each, folding) == name
        for branch in branches(body)[1:]
        for each in inside(branch.query)
    )


def resolved(
    reading: Reading, body: Node, name: str, names: list[str], outer: Scope | None, ctes: Ctes
) -> Steps[Relation]:
    """Return what a recursive expression gives.

    Args:
        reading: The statement.
        body: A set operation whose first query does not name the expression.
        name: Name of the expression.
        names: Names that it gives to its columns; empty for those of the first query.
        outer: Where names are looked up that it does not have itself.
        ctes: The common table expressions before it.
    """
    from genops.lineage.sql.queries import query

    first, *rest = branches(body)
    anchor: Relation = (yield query(reading, first.query, outer, ctes)).renamed(names)
    itself = ("", f"{name}#{id(body)}")
    visible = Ctes(ctes)
    visible.define(name, Relation(Column(c.name, frozenset((Trace(itself, c.name),))) for c in anchor.columns))
    made = Combined(reading, anchor)
    for branch in rest:
        made.add(branch, (yield query(reading, branch.query, outer, visible)))
    return _solved(reading, made.relation(), itself)


def _solved(reading: Reading, relation: Relation, itself: tuple[str, str]) -> Relation:
    """Return a relation whose columns no longer stand for themselves: each takes over what it stood for, to the end."""
    columns = {column.name: column.lineage for column in relation.columns}
    solved = [Column(c.name, _followed(reading, c.lineage, columns, itself), c.without) for c in relation.columns]
    return Relation(solved, _followed(reading, relation.rows, columns, itself))


def _followed(reading: Reading, lineage: Lineage, columns: dict[str, Lineage], itself: tuple[str, str]) -> Lineage:
    """Return a lineage in which each column that stands for itself is followed to where its values come from."""
    seen = set(lineage)
    waiting = [trace for trace in lineage if trace.table == itself]
    while waiting:
        trace = waiting.pop()
        meant = through(columns[trace.column], Step(trace.subtype, trace.masking))
        new = (unsure(meant) if trace.ambiguous else meant) - seen
        reading.spend(1 + len(new))
        seen |= new
        waiting += (each for each in new if each.table == itself)
    return frozenset(trace for trace in seen if trace.table != itself)
