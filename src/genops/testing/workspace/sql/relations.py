"""What a name in a query stands for besides stored tables: temporary views, computed tables, functions, variables."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from sqlglot import exp

from genops.testing.workspace.sql.dialect import ALIAS
from genops.testing.workspace.sql.failures import SqlError, UnsupportedError
from genops.testing.workspace.sql.generation import NATIVE
from genops.testing.workspace.sql.tables import WRITTEN, Stand, TableName
from genops.testing.workspace.sql.virtual import Viewer

if TYPE_CHECKING:
    from genops.testing.workspace.http.wire import Json
    from genops.testing.workspace.sql.sessions import Session
    from genops.testing.workspace.unity.catalog import UnityCatalog

_CHANGES = (exp.Insert, exp.Update, exp.Delete, exp.Merge, exp.Create, exp.TruncateTable)
COMPUTED = "computed"
"""Marks a view over computed tables in the catalog's facts; its text is expanded each time it is read."""


class Relations:
    """Resolves the names of one statement.

    Args:
        catalog: What is stored.
        session: Whose statement it is.
        user: The workspace's own user.
        compile_sql: Parses and rewrites the text of a view.
    """

    def __init__(
        self, catalog: UnityCatalog, session: Session, user: str, compile_sql: Callable[[str, Session], Any]
    ) -> None:
        self._catalog = catalog
        self._session = session
        self._user = session.user or user
        self._compile = compile_sql

    # Tables

    def instead(self, table: Any, name: TableName) -> Stand | None:
        """The query that stands for a table, or ``None`` for a stored one.

        Raises:
            SqlError: It is about to be changed and cannot be.
        """
        here = self._session
        view = here.views.get(table.name.lower()) if not table.args.get("db") else None
        if view is not None:
            self._refuse_change(table, f"`{table.name.lower()}`")
            return Stand(view.query.copy(), view.catalog, view.schema)
        computed = self._catalog.virtual.tables(name.catalog, name.schema).get(name.name)
        if computed is not None:
            self._refuse_change(table, name.shown)
            return Stand(computed.query(Viewer(self._user, name.catalog)), name.catalog, name.schema)
        info: Json = self._catalog.tables.get(name.full, {})
        if info.get("data_source_format") == "VECTOR_INDEX_FORMAT":
            raise UnsupportedError(f"SQL over the vector index {name.shown}; it is queried by requests")
        if info.get("table_type") == "VIEW" and info.get(COMPUTED):
            place = here.__class__(info["catalog_name"], info["schema_name"], here.user)
            return Stand(self._compile(info["view_definition"], place), place.catalog, place.schema)
        return None

    def is_computed(self, name: TableName) -> bool:
        """Whether a name stands for a computed table, or for a view over one."""
        computed = name.name in self._catalog.virtual.tables(name.catalog, name.schema)
        return computed or bool(self._catalog.tables.get(name.full, {}).get(COMPUTED))

    def _refuse_change(self, table: Any, shown: str) -> None:
        holder = table.parent.parent if isinstance(table.parent, exp.Schema) else table.parent
        if isinstance(holder, _CHANGES) and table in (holder.this, getattr(holder.this, "this", None)):
            raise SqlError(
                f"[EXPECT_TABLE_NOT_VIEW.NO_ALTERNATIVE] {shown} is a view, expected a table.",
                "42809",
            )

    # Functions

    def routines(self, tree: Any) -> None:
        """Write every call of a user's function by its DuckDB name."""
        for call in list(tree.find_all(exp.Anonymous)) if self._catalog.held["function"] else ():
            if isinstance(call.parent, exp.Table):
                self._table_function(call.parent)
                continue
            outermost = _outermost(call)
            full = self._function(_dotted(outermost))
            if full:
                outermost.replace(_macro(full, call, self._catalog.held["function"][".".join(full)]))

    def _function(self, parts: list[str]) -> list[str]:
        """The full name of a user's function that may be called; empty where it is none."""
        full = [self._session.catalog.lower(), self._session.schema.lower()][: 3 - len(parts)] + parts
        if ".".join(full) not in self._catalog.held["function"]:
            return []
        self._catalog.grants.need(self._user, "EXECUTE", "function", ".".join(full))
        return full

    def _table_function(self, table: Any) -> None:
        full = self._function([part.name.lower() for part in table.parts[:-1]] + [table.this.name.lower()])
        if full:
            catalog, schema, name = full
            table.set("catalog", exp.to_identifier(ALIAS + catalog, quoted=True))
            table.set("db", exp.to_identifier(schema, quoted=True))
            table.this.set("this", exp.to_identifier(name, quoted=True))
            table.this.meta[NATIVE] = True
            table.meta[WRITTEN] = True

    # Variables

    def variables(self, tree: Any) -> None:
        """Put the values of session variables in.

        A column comes before a variable of its name, so a bare name is a variable only in a query without tables.
        """
        held = self._session.variables
        for column in list(tree.find_all(exp.Column)) if held else ():
            variable = held.get(column.name.lower())
            prefix = [part.name.lower() for part in column.parts[:-1]]
            named = prefix in (["session"], ["system", "session"])
            if variable is not None and (named or (not prefix and not _has_tables(column))):
                value = exp.null() if variable.value is None else exp.Literal.string(variable.value)
                cast = exp.Cast(this=value, to=exp.DataType.build(variable.kind, dialect="databricks"))
                is_output = isinstance(column.parent, exp.Select) and column.arg_key == "expressions"
                column.replace(exp.alias_(cast, column.name, quoted=True) if is_output else cast)


def _has_tables(column: Any) -> bool:
    statement = column.find_ancestor(exp.Select, exp.Insert, exp.Update, exp.Delete, exp.Merge)
    return statement is not None and statement.find(exp.Table) is not None


def _outermost(call: Any) -> Any:
    """The whole of ``catalog.schema.function(…)``: sqlglot nests it as dots with the call at the end."""
    node = call
    while isinstance(node.parent, exp.Dot) and node.parent.expression is node:
        node = node.parent
    return node


def _dotted(node: Any) -> list[str]:
    """The parts of a function's name."""
    if isinstance(node, exp.Dot):
        return [*_dotted(node.this), *_dotted(node.expression)]
    return [part.name.lower() for part in node.parts] if isinstance(node, exp.Column) else [node.name.lower()]


def _macro(full: list[str], call: Any, info: Json) -> Any:
    catalog, schema, name = (exp.to_identifier(part, quoted=True) for part in (ALIAS + full[0], *full[1:]))
    function = exp.Anonymous(this=name, expressions=[argument.copy() for argument in call.expressions])
    function.meta.update({NATIVE: True, "returns": info.get("full_data_type", "")})
    return exp.Dot(this=exp.Dot(this=catalog, expression=schema), expression=function)
