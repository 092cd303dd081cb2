"""What `*` stands for, with all that dialects let it leave out, replace and rename."""

from __future__ import annotations

from typing import TYPE_CHECKING

from genops.lineage.sql.relations import Column, Relation
from genops.lineage.sql.syntax import Node, args, column_parts, identifier, is_node
from genops.lineage.sql.traces import CHANGED, Lineage, through
from genops.lineage.sql.understood import STAR

if TYPE_CHECKING:
    from collections.abc import Iterator

    from genops.lineage.sql.scopes import Scope
    from genops.lineage.sql.steps import Steps


def star(projection: Node) -> Node | None:
    """Return the star of a projection that is one, also with a qualifier; otherwise `None`."""
    if projection.key == "star":
        return projection
    if projection.key == "column" and is_node(projection.this) and projection.this.key == "star":
        return projection.this
    return None


def expanded(scope: Scope, projection: Node, found: Node) -> Steps[list[Column]]:
    """Return the columns that a star stands for."""
    folding = scope.reading.folding
    qualifier = column_parts(projection, folding)[:-1] if projection.key == "column" else ()
    columns = list(_columns(scope, qualifier))
    if any(column.name == STAR for column in columns):
        scope.reading.stars(".".join((*qualifier, STAR)), Relation(columns))
    without = frozenset(identifier(each, folding) for each in args(found, "except"))
    renamed = {identifier(each.this, folding): folding.column(str(each.alias)) for each in args(found, "rename")}
    replaced: dict[str, Lineage] = {}
    for each in args(found, "replace"):
        replaced[folding.column(str(each.alias))] = yield from scope.take(each)
    scope.reading.spend(len(columns))
    return list(_changed(columns, without, renamed, replaced))


def _columns(scope: Scope, qualifier: tuple[str, ...]) -> Iterator[Column]:
    """Yield the columns of one relation or of all, those that joins merged once and first."""
    if not qualifier:
        merged = scope.merged
        yield from (Column(name, lineage) for name, lineage in merged.items())
        for binding in scope.bindings:
            for column in binding.relation.columns:
                if column.name == STAR:
                    yield column._replace(without=column.without | merged.keys())
                elif column.name not in merged:
                    yield column
        return
    relation = next((each for s in scope.outwards() if (each := s.qualified(qualifier)) is not None), None)
    if relation is not None:
        yield from relation.columns
    else:  # the fields of a struct
        yield Column(STAR, through(scope.column(qualifier), CHANGED))


def _changed(
    columns: list[Column], without: frozenset[str], renamed: dict[str, str], replaced: dict[str, Lineage]
) -> Iterator[Column]:
    """Yield columns as a star changes them. What it changes of columns that are not known comes after these."""
    apart = without | replaced.keys() | renamed.keys()
    pending = dict(replaced)
    names = {column.name for column in columns}
    for name, lineage, missing in columns:
        if name == STAR:
            yield Column(STAR, lineage, missing | apart)
        elif name not in without:
            yield Column(renamed.get(name, name), pending.pop(name, lineage))
    opened = [column for column in columns if column.name == STAR]
    if opened:
        rest = Relation(opened)
        yield from (Column(name, lineage) for name, lineage in pending.items())
        for old, new in renamed.items():
            if old not in names:
                yield Column(new, rest.possible(old) or rest.all())
