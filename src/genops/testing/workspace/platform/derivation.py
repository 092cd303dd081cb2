"""What a statement read and wrote, column by column, from its text and the columns that its tables had.

Column lineage is what a column was computed from. What only decides whether a row appears (WHERE, JOIN … ON) is no
source of a column, as it is none for Databricks.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from sqlglot import exp
from sqlglot.errors import SqlglotError
from sqlglot.lineage import lineage as lineage_of  # pyright: ignore[reportUnknownVariableType]
from sqlglot.optimizer.qualify import qualify
from sqlglot.optimizer.scope import Scope, build_scope
from sqlglot.schema import MappingSchema

from genops.testing.workspace.sql.dialect import parse
from genops.testing.workspace.sql.failures import SqlError
from genops.testing.workspace.sql.tables import table_name

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

_DIALECT = "databricks"
logging.getLogger("sqlglot").addHandler(logging.NullHandler())

Column = tuple[str, str]
"""Full name of a table, and a column of it."""


@dataclass(frozen=True)
class Known:
    """A table as the catalog knew it when a statement ended.

    Attributes:
        kind: ``TABLE``, ``VIEW`` … as lineage names it.
        path: Where it is stored; empty for a view.
        columns: Names of its columns, in order.
    """

    kind: str
    path: str
    columns: tuple[str, ...]


@dataclass
class Derived:
    """The lineage of one statement.

    Attributes:
        tables: Full names of the tables and views that it read.
        paths: Paths that it read.
        target: Full name of what it wrote; empty where it only read.
        edges: For each column that was written, a column that it was computed from.
        columns: Columns that were read, of a statement that only reads.
    """

    tables: list[str] = field(default_factory=list[str])
    paths: list[str] = field(default_factory=list[str])
    target: str = ""
    edges: list[tuple[Column, Column]] = field(default_factory=list[tuple[Column, Column]])
    columns: list[Column] = field(default_factory=list[Column])


_MOVING = (exp.Query, exp.Insert, exp.Merge, exp.Create, exp.Copy, exp.Update, exp.Delete)
"""Statements that read data or write it; what only changes the catalog has no lineage."""


@dataclass(frozen=True)
class _Write:
    """A query and the columns that its outputs go to, by position; by name where they are absent."""

    query: Any
    columns: Sequence[str] | None


def _tables(tree: Any) -> Iterator[Any]:
    hidden = {cte.alias.lower() for cte in tree.find_all(exp.CTE)}
    for table in tree.find_all(exp.Table):
        bare = not table.args.get("db") and table.name.lower() in hidden
        if table.name and not bare and not isinstance(table.this, exp.Func) and not table.name.startswith("/"):
            yield table


def derive(text: str, catalog: str, schema: str, known: Mapping[str, Known]) -> Derived:
    """The lineage of a statement that succeeded.

    Args:
        text: Its SQL.
        catalog: The catalog of names without one.
        schema: The schema of names without one.
        known: The tables that it names, by full name. What is not in it has no lineage: temporary views, tables
            that are computed.
    """
    try:
        tree = parse(text)[0]
    except SqlError:
        return Derived()
    found = Derived()
    if not isinstance(tree, _MOVING):
        return found
    target = _target(tree)
    if target is not None:
        found.target = table_name(target, catalog, schema).full
    changed = tree.this if isinstance(tree, exp.Delete) else target
    for table in _tables(tree):
        name = table_name(table, catalog, schema).full
        if table is not changed and name in known and name not in found.tables:
            found.tables.append(name)
    found.paths = list(dict.fromkeys(_paths(tree)))
    reader = _Reader(catalog, schema, known)
    if target is None:
        found.columns = reader.read(tree)
    elif found.target in known:
        found.edges = list(reader.edges(found.target, _writes(tree, known[found.target].columns)))
        if isinstance(tree, exp.Merge):
            found.edges = [edge for edge in found.edges if edge[0][0] != found.target]
    return found


def _target(tree: Any) -> Any:
    """The table that a statement writes; ``None`` where it writes none or only removes rows."""
    written = isinstance(tree, (exp.Insert, exp.Merge, exp.Copy, exp.Update))
    filled = isinstance(tree, exp.Create) and tree.expression is not None
    if not written and not filled:
        return None
    return tree.this.this if isinstance(tree.this, exp.Schema) else tree.this


def _paths(tree: Any) -> Iterator[str]:
    for table in tree.find_all(exp.Table):
        if table.name.startswith("/"):
            yield table.name
        elif isinstance(table.this, exp.Func):
            # read_files('/Volumes/…', …)
            first = next(iter(table.this.expressions), None) or table.this.args.get("this")
            if isinstance(first, exp.Literal) and first.is_string and first.name.startswith("/"):
                yield first.name
    for file in (tree.args.get("files") or ()) if isinstance(tree, exp.Copy) else ():
        if isinstance(file, exp.Literal):
            yield file.name


def _writes(tree: Any, columns: Sequence[str]) -> list[_Write]:
    if isinstance(tree, exp.Merge):
        return _merged(tree)
    if isinstance(tree, exp.Update):
        return []
    query = tree.expression
    if not isinstance(query, exp.Query):
        return []
    before = next((tree.args[key] for key in ("with_", "with") if tree.args.get(key)), None)
    if before is not None:
        # WITH … INSERT: the tables that it names are the query's.
        query = query.copy()
        query.set("with_" if "with_" in query.arg_types else "with", before.copy())
    named = [item.name for item in tree.this.expressions] if isinstance(tree.this, exp.Schema) else []
    if named:
        return [_Write(query, named)]
    by_position = isinstance(tree, exp.Insert) and not tree.args.get("by_name")
    return [_Write(query, columns if by_position else None)]


def _merged(tree: Any) -> list[_Write]:
    """The assignments of a MERGE as queries over its source and its target."""
    writes: list[_Write] = []
    for when in tree.find_all(exp.When):
        then = when.args.get("then")
        if not isinstance(then, (exp.Update, exp.Insert)):
            continue
        pairs = _assignments(then)
        if pairs:
            query = exp.select(*[exp.alias_(value.copy(), name) for name, value in pairs])
            query = query.from_(tree.args["using"].copy()).join(tree.this.copy(), join_type="cross")
            writes.append(_Write(query, [name for name, _ in pairs]))
        else:
            writes.append(_Write(exp.select("*").from_(tree.args["using"].copy()), None))
    return writes


def _assignments(then: Any) -> list[tuple[str, Any]]:
    """Column and value of each assignment; none for ``UPDATE SET *`` and ``INSERT *``."""
    if isinstance(then, exp.Update):
        return [(item.this.name, item.expression) for item in then.expressions if isinstance(item, exp.EQ)]
    if isinstance(then.this, exp.Star) or then.this is None or then.expression is None:
        return []
    return [(name.name, value) for name, value in zip(then.this.expressions, then.expression.expressions, strict=False)]


@dataclass(frozen=True)
class _Reader:
    """Resolves columns of queries against the tables that are known."""

    catalog: str
    schema: str
    known: Mapping[str, Known]

    def edges(self, target: str, writes: Iterable[_Write]) -> Iterator[tuple[Column, Column]]:
        """What the columns of a target were computed from, each pair once."""
        mine = {name.lower(): name for name in self.known[target].columns}
        seen: set[tuple[Column, Column]] = set()
        for write in writes:
            for name, source in self._computed(write):
                edge = (source, (target, mine.get(name.lower(), name)))
                if edge not in seen and name.lower() in mine:
                    seen.add(edge)
                    yield edge

    def _computed(self, write: _Write) -> Iterator[tuple[str, Column]]:
        scope = self._scope(write.query)
        if scope is None:
            return
        query: Any = scope.expression
        outputs: list[str] = list(query.named_selects)
        names = write.columns or outputs
        for output, name in zip(outputs, names, strict=False):
            for source in self._sources(output, scope):
                yield name, source

    def _sources(self, output: str, scope: Scope) -> list[Column]:
        try:
            node: Any = lineage_of(output, scope.expression, {}, scope=scope, trim_selects=False, dialect=_DIALECT)
        except (SqlglotError, ValueError, KeyError):  # a column that cannot be resolved has no lineage
            return []
        leaves = [leaf for leaf in node.walk() if isinstance(leaf.expression, exp.Table)]
        found = [self._column(leaf.expression, leaf.name.rsplit(".", 1)[-1]) for leaf in leaves]
        return list(dict.fromkeys(column for column in found if column))

    def read(self, tree: Any) -> list[Column]:
        """Columns that a query names anywhere."""
        scope = self._scope(tree)
        if scope is None:
            return []
        found: dict[Column, None] = {}
        for inner in scope.traverse():
            for column in inner.columns:
                source: Any = inner.sources.get(column.table)
                named = self._column(source, column.name) if isinstance(source, exp.Table) else None
                if named:
                    found[named] = None
        return list(found)

    def _column(self, table: Any, name: str) -> Column | None:
        full = table_name(table, self.catalog, self.schema).full
        columns = self.known[full].columns if full in self.known else ()
        return next(((full, column) for column in columns if column.lower() == name.lower()), None)

    def _scope(self, query: Any) -> Scope | None:
        if not isinstance(query, exp.Query):
            return None
        try:
            qualified = qualify(
                query.copy(),
                dialect=_DIALECT,
                catalog=self.catalog,
                db=self.schema,
                schema=self._columns(),
                validate_qualify_columns=False,
                quote_identifiers=False,
                identify=False,
            )
            return build_scope(qualified)
        except (SqlglotError, ValueError, KeyError):  # what sqlglot cannot resolve has table lineage only
            return None

    def _columns(self) -> MappingSchema:
        schema = MappingSchema(dialect=_DIALECT)
        for full, table in self.known.items():
            parts = full.split(".", 2)
            catalog, schema_name, bare = (exp.to_identifier(part, quoted=True) for part in parts)
            name = exp.table_(bare, db=schema_name, catalog=catalog)
            schema.add_table(name, dict.fromkeys(table.columns, "string"), dialect=_DIALECT)
        return schema
