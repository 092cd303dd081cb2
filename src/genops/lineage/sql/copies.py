"""COPY INTO: from files into a table, or from a table into files."""

from __future__ import annotations

from typing import TYPE_CHECKING

from genops.lineage.sql.inserts import assigned, target, untold
from genops.lineage.sql.queries import query
from genops.lineage.sql.relations import Column, Relation
from genops.lineage.sql.syntax import NESTED, Node, args, string, table_parts, unwrapped
from genops.lineage.sql.traces import Trace
from genops.lineage.sql.understood import STAR, Table

if TYPE_CHECKING:
    from genops.lineage.sql.reading import Reading
    from genops.lineage.sql.scopes import Ctes, Scope
    from genops.lineage.sql.steps import Steps

_BY_NAME = frozenset(("databricks", "spark"))


def copied(reading: Reading, node: Node, outer: Scope | None, ctes: Ctes | None) -> Steps[str]:
    """Read a COPY."""
    files = args(node, "files")
    if node.args.get("kind"):
        yield from _into(reading, node.this, files, outer, ctes)
    else:
        yield from _into_files(reading, node.this, files, outer, ctes)
    return "COPY INTO"


def _into(reading: Reading, node: Node, files: list[Node], outer: Scope | None, ctes: Ctes | None) -> Steps[None]:
    if node.key in NESTED:
        return (yield from _into_files(reading, node, files, outer, ctes))
    table, names = target(reading, node)
    for source in files:
        relation = yield from _given(reading, source, outer, ctes)
        if table is not None and relation is not None:
            by_name = not names and reading.folding.dialect in _BY_NAME and unwrapped(source).key in NESTED
            columns = list(relation.columns) if by_name else assigned(reading, table, names, relation, node)
            reading.write(table, [*columns, *untold(reading, table, columns)], relation.rows)


def _into_files(reading: Reading, node: Node, files: list[Node], outer: Scope | None, ctes: Ctes | None) -> Steps[None]:
    relation = yield from _given(reading, node.this if node.key == "schema" else node, outer, ctes)
    for each in files:
        place = _place(reading, each)
        if place is not None and relation is not None:
            reading.write(reading.target(place), relation.columns, relation.rows)


def _given(reading: Reading, source: Node, outer: Scope | None, ctes: Ctes | None) -> Steps[Relation | None]:
    if unwrapped(source).key in NESTED:
        return (yield query(reading, source, outer, ctes))
    place = _place(reading, source)
    if place is None:
        return None
    reading.source(place)
    return Relation([Column(STAR, frozenset((Trace(place, STAR),)))])


def _place(reading: Reading, node: Node) -> Table | None:
    """Return files by their place, a stage, or a table."""
    text = string(node)
    if text is not None:
        return (text,)
    return table_parts(unwrapped(node), reading.folding) if unwrapped(node).key == "table" else None
