"""The types of a statement's expressions and the columns of its queries, by Databricks' rules.

Every syntax tree whose type is known carries it as ``tree.meta["kind"]``; the translation reads it there.
"""

from __future__ import annotations

from typing import Any

from sqlglot import exp

from genops.testing.workspace.sql import kinds
from genops.testing.workspace.sql.coercion import (
    check_filter,
    check_merged,
    coerce,
    need_compatible,
    put_columns,
    unify,
)
from genops.testing.workspace.sql.expressions import KINDS, TREE
from genops.testing.workspace.sql.functions import FUNCTIONS
from genops.testing.workspace.sql.functions.times import UNIT_FUNCTIONS
from genops.testing.workspace.sql.kinds import Kind
from genops.testing.workspace.sql.rows import generated
from genops.testing.workspace.sql.scopes import Columns, Scope, TableColumns, column, parameter


class Analysis:
    """Finds the types of one statement.

    Args:
        tables: Gives the columns of tables.
    """

    def __init__(self, tables: TableColumns) -> None:
        self._tables = tables

    def statement(self, tree: Any, parameters: dict[str, Kind | None] | None = None) -> Columns | None:
        """Annotate a query, or an expression on its own.

        Args:
            tree: It.
            parameters: Types of names that are no columns, by lower-case name.

        Returns:
            The columns of a query.

        Raises:
            SqlError: A column that cannot be, or types that do not fit.
        """
        outer = Scope(parameters=parameters or {})
        if isinstance(tree, (exp.Query, exp.Values)):
            tree.meta["columns"] = self.query(tree, outer)
            return tree.meta["columns"]
        if isinstance(tree, (exp.Insert, exp.Update, exp.Delete, exp.Merge)):
            self._change(tree, outer)
            return None
        self.expression(tree, outer)
        return None

    # Changes

    def _change(self, tree: Any, outer: Scope) -> None:
        """Annotate a change of rows; what a query gives is noted as ``meta["columns"]`` or ``meta["source"]``."""
        scope = Scope(outer=outer)
        self._ctes(tree, scope)
        if isinstance(tree, exp.Insert):
            if isinstance(tree.expression, (exp.Query, exp.Values)):
                tree.expression.meta["columns"] = self.query(tree.expression, scope)
            target = tree.this.this if isinstance(tree.this, exp.Schema) else tree.this
            self._source(target, scope)
            self._expressions(tree, scope, ("where",))
            return
        self._source(tree.this, scope)
        if isinstance(tree, exp.Merge):
            self._merge(tree, scope)
            return
        self._assigned(tree, scope)
        self._expressions(tree, scope, ("where",))

    def _merge(self, tree: Any, scope: Scope) -> None:
        source = tree.args["using"]
        self._source(source, scope)
        tree.meta["source"] = scope.sources.get(str(source.alias_or_name).lower())
        self._expressions(tree, scope, ("on",))
        for when in tree.find_all(exp.When):
            self._expressions(when, scope, ("condition",))
            then = when.args.get("then")
            if isinstance(then, exp.Update):
                self._assigned(then, scope)
            elif isinstance(then, exp.Insert) and then.expression is not None:
                for value in then.expression.expressions:
                    self._value(value, scope)

    def _assigned(self, tree: Any, scope: Scope) -> None:
        # UPDATE SET * has a star in the place of a list.
        assignments: list[Any] = [] if isinstance(tree.expressions, exp.Star) else tree.expressions
        for item in assignments:
            if isinstance(item, exp.EQ):
                self._value(item.expression, scope)

    def _value(self, tree: Any, scope: Scope) -> None:
        if not (isinstance(tree, exp.Column) and tree.name.upper() == "DEFAULT"):
            self.expression(tree, scope)

    # Queries

    def query(self, tree: Any, outer: Scope | None = None) -> Columns | None:
        """Columns of a query; its expressions are annotated on the way."""
        scope = Scope(outer=outer)
        self._ctes(tree, scope)
        if isinstance(tree, exp.Subquery):
            return self._renamed(self._body(tree.this, scope, outer), tree)
        if isinstance(tree, exp.SetOperation):
            return self._set_operation(tree, scope)
        if isinstance(tree, exp.Values):
            return self._values(tree, scope)
        return self._select(tree, scope) if isinstance(tree, exp.Select) else None

    def _body(self, tree: Any, scope: Scope, outer: Scope | None) -> Columns | None:
        if tree.meta.get("columns") is not None:
            found: Columns = tree.meta["columns"]
            return found
        return self.query(tree, scope if scope.ctes else outer) if isinstance(tree, (exp.Query, exp.Values)) else None

    def _ctes(self, tree: Any, scope: Scope) -> None:
        for cte in getattr(tree, "ctes", ()) or ():
            name = cte.alias.lower()
            scope.ctes[name] = None
            body = cte.this
            if isinstance(body, exp.SetOperation) and tree.args.get("with_", tree.args.get("with")).recursive:
                scope.ctes[name] = self._renamed(self.query(body.this, scope), cte)
            scope.ctes[name] = self._renamed(self.query(body, scope), cte)

    def _renamed(self, columns: Columns | None, aliased: Any) -> Columns | None:
        alias = aliased.args.get("alias")
        names = [item.name for item in (alias.args.get("columns") or ())] if isinstance(alias, exp.TableAlias) else []
        if not names or columns is None:
            return columns
        return [(name, kind) for name, (_, kind) in zip(names, columns, strict=False)]

    def _set_operation(self, tree: Any, scope: Scope) -> Columns | None:
        left, right = self.query(tree.this, scope), self.query(tree.expression, scope)
        if left is None or right is None:
            return None
        joined = self._by_name(tree, left, right) if tree.args.get("by_name") else self._by_place(tree, left, right)
        scope.sources = {"": joined}
        self._expressions(tree, scope, ("order", "limit"))
        return joined

    def _by_place(self, tree: Any, left: Columns, right: Columns) -> Columns:
        joined: Columns = []
        for (name, one), (_, two) in zip(left, right, strict=False):
            need_compatible(tree.key, one, two)
            joined.append((name, kinds.widest([one, two])))
        for side, columns in ((tree.this, left), (tree.expression, right)):
            put_columns(side, columns, joined)
        return joined

    def _by_name(self, tree: Any, left: Columns, right: Columns) -> Columns:
        """Columns of UNION BY NAME: those of the left, then those that only the right has."""
        both: dict[str, Any] = {name.lower(): kind for name, kind in right}
        for name, kind in left:
            other = both.get(name.lower())
            if other is not None:
                need_compatible(tree.key, kind, other)
            both[name.lower()] = kind if other is None else kinds.widest([kind, other])
        for side, columns in ((tree.this, left), (tree.expression, right)):
            put_columns(side, columns, [(name, both[name.lower()]) for name, _ in columns])
        mine = {name.lower() for name, _ in left}
        names = [name for name, _ in left] + [name for name, _ in right if name.lower() not in mine]
        return [(name, both[name.lower()]) for name in names]

    def _values(self, tree: Any, scope: Scope) -> Columns:
        rows = [row.expressions if isinstance(row, exp.Tuple) else [row] for row in tree.expressions]
        found = [[None if _is_default(item) else self.expression(item, scope) for item in row] for row in rows]
        width = len(found[0]) if found else 0
        columns: Columns = []
        for index in range(width):
            column = [row[index] for row in found if len(row) > index]
            unify([row[index] for row in rows if len(row) > index and not _is_default(row[index])])
            columns.append((f"col{index + 1}", kinds.widest(column)))
        return self._renamed(columns, tree) or columns

    def _select(self, tree: Any, scope: Scope) -> Columns | None:
        source = tree.args.get("from_") or tree.args.get("from")
        if source is not None:
            self._source(source.this, scope)
        for join in tree.args.get("joins") or ():
            self._source(join.this, scope)
        for lateral in tree.args.get("laterals") or ():
            self._source(lateral, scope)
        for join in tree.args.get("joins") or ():
            self._expressions(join, scope, ("on",))
            check_merged(join, scope)
            scope.merged = scope.merged or bool(join.args.get("using") or join.args.get("method"))
        self._without_filters(tree, scope)
        self._expressions(tree, scope, ("where",))
        check_filter(tree)
        columns = self._projections(tree, scope)
        self._expressions(tree, scope, ("group", "having", "qualify", "windows", "order", "sort", "cluster", "limit"))
        return columns

    def _without_filters(self, tree: Any, scope: Scope) -> None:
        """What only filters, by SEMI or ANTI JOIN, gives no columns."""
        for join in tree.args.get("joins") or ():
            if str(join.args.get("kind") or "").upper() in ("SEMI", "ANTI"):
                scope.sources.pop(str(join.this.alias_or_name).lower(), None)

    def _projections(self, tree: Any, scope: Scope) -> Columns | None:
        columns: Columns = []
        complete = True
        for item in tree.expressions:
            if item.is_star:
                starred = self._star(item, scope)
                complete = complete and starred is not None
                columns += starred or []
                continue
            kind = self.expression(item, scope)
            if isinstance(item, exp.Aliases):
                columns += [(alias.name, None) for alias in item.expressions]
                continue
            name = item.alias_or_name
            columns.append((name, kind))
            if isinstance(item, exp.Alias):
                scope.aliases[name.lower()] = kind
        return columns if complete else None

    def _star(self, item: Any, scope: Scope) -> Columns | None:
        inner = item.this if isinstance(item, exp.Column) else item
        table = item.table.lower() if isinstance(item, exp.Column) else ""
        chosen = [columns for alias, columns in scope.sources.items() if not table or alias == table]
        if any(columns is None for columns in chosen) or scope.merged:
            return None
        excluded = inner.args.get("except_") or inner.args.get("except") or ()
        left_out = {column.name.lower() for column in excluded}
        return [(n, k) for columns in chosen for n, k in columns or () if n.lower() not in left_out]

    # Sources

    def _source(self, tree: Any, scope: Scope) -> None:
        alias = str(tree.alias_or_name or "").lower()
        columns = self._source_columns(tree, scope)
        for join in tree.args.get("joins") or ():
            self._source(join.this, scope)
            self._expressions(join, scope, ("on",))
        for lateral in tree.args.get("laterals") or ():
            self._source(lateral, scope)
        if tree.args.get("pivots"):
            for pivot in tree.args["pivots"]:
                inner = Scope(sources={alias: columns}, outer=scope)
                self._expressions(pivot, inner, ("expressions", "fields"))
                alias = (pivot.alias or alias).lower()
            columns = None
        scope.sources[alias or f"?{len(scope.sources)}"] = columns

    def _source_columns(self, tree: Any, scope: Scope) -> Columns | None:
        if isinstance(tree, exp.Lateral):
            if isinstance(tree.this, (exp.Subquery, exp.Query)):
                return self._renamed(self.query(tree.this, scope), tree)
            return self._generated(tree, scope)
        if isinstance(tree, (exp.Query, exp.Values)):
            native = tree.this.meta.get("columns") if isinstance(tree, exp.Subquery) else None
            return self._renamed(native, tree) if native is not None else self.query(tree, scope)
        return self._table_columns(tree, scope) if isinstance(tree, exp.Table) else None

    def _table_columns(self, tree: Any, scope: Scope) -> Columns | None:
        if not tree.args.get("db"):
            found, columns = scope.cte(tree.name.lower())
            if found:
                return self._renamed(columns, tree)
        if isinstance(tree.this, exp.Func):
            self._children(tree.this, scope)
            return None
        return self._renamed(self._tables(tree), tree)

    def _generated(self, tree: Any, scope: Scope) -> Columns | None:
        """Columns of ``LATERAL VIEW explode(…) AS …`` and its like."""
        function = tree.this
        self._children(function, scope)
        columns = generated(function)
        return self._renamed(columns, tree) if columns else None

    # Expressions

    def _expressions(self, tree: Any, scope: Scope, names: tuple[str, ...]) -> None:
        for name in names:
            value: Any = tree.args.get(name)
            for item in _listed(value):
                if isinstance(item, TREE):
                    self.expression(item, scope)

    def _children(self, tree: Any, scope: Scope) -> None:
        for child in tree.iter_expressions():
            self.expression(child, scope)

    def expression(self, tree: Any, scope: Scope) -> Kind | None:
        """The type of an expression; everything below it is annotated."""
        if isinstance(tree, (exp.Query, exp.Values)) and not isinstance(tree, exp.Table):
            columns = self.query(tree, scope)
            kind = columns[0][1] if columns and len(columns) == 1 else None
        elif isinstance(tree, exp.Column):
            kind = column(tree, scope)
        elif isinstance(tree, exp.Identifier):
            kind = parameter(tree.name.lower(), scope)
        elif isinstance(tree, exp.Anonymous):
            kind = self._function(tree, scope)
        else:
            self._children(tree, scope)
            coerce(tree)
            rule = KINDS.get(tree.__class__)
            kind = rule(tree) if rule else None
        if kind is not None:
            tree.meta["kind"] = kind
        else:
            tree.meta.pop("kind", None)
        return kind

    def _function(self, tree: Any, scope: Scope) -> Kind | None:
        first: Kind | None = None
        for position, argument in enumerate(tree.expressions):
            if position == 0 and len(tree.expressions) == _WITH_UNIT and tree.name.lower() in UNIT_FUNCTIONS:
                continue
            if isinstance(argument, exp.Lambda):
                inner = Scope(parameters=_parameters(tree, argument, first, position), outer=scope)
                self._children(argument, inner)
                self.expression(argument.this, inner)
                continue
            kind = self.expression(argument, scope)
            first = kind if position == 0 else first
        if tree.meta.get("returns"):
            return kinds.parse_kind(tree.meta["returns"])
        coerce(tree)
        function = FUNCTIONS.get(tree.name.lower())
        return function.result(tree.expressions) if function and tree.expressions else _constant(function)


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]  # pyright: ignore[reportUnknownVariableType] - sqlglot's


def _is_default(tree: Any) -> bool:
    return isinstance(tree, exp.Column) and tree.name.upper() == "DEFAULT" and not tree.table


_WITH_UNIT = 3


def _constant(function: Any) -> Kind | None:
    return function.kind if function is not None and isinstance(function.kind, Kind) else None


def _parameters(tree: Any, function: Any, first: Kind | None, position: int) -> dict[str, Kind | None]:
    names = [item.name.lower() for item in function.expressions]
    name = tree.name.lower()
    given: list[Kind | None] = [None, None]
    if first and first.name == "MAP":
        given = list(first.inner)
    elif first and first.name == "ARRAY":
        given = [first.inner[0], kinds.INT]
    if name in ("aggregate", "reduce"):
        start = tree.expressions[1].meta.get("kind")
        given = [start, first.inner[0] if first and first.name == "ARRAY" else None] if position == 2 else [start]  # noqa: PLR2004 - merge, then finish
    elif name == "zip_with":
        second = tree.expressions[1].meta.get("kind")
        given = [given[0], second.inner[0] if second and second.name == "ARRAY" else None]
    return dict(zip(names, [*given, None, None], strict=False))
