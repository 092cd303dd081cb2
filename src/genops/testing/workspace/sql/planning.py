"""From the text of a query to DuckDB SQL: names, types, translation, and what of it may be used again."""

# ruff: noqa: S608 - the SQL is what the translation gave

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlglot import exp

from genops.testing.workspace.sql import kinds
from genops.testing.workspace.sql.analysis import Analysis, Columns
from genops.testing.workspace.sql.database import described
from genops.testing.workspace.sql.declared import as_declared
from genops.testing.workspace.sql.dialect import ALIAS
from genops.testing.workspace.sql.generation import NATIVE, to_duckdb
from genops.testing.workspace.sql.relations import Relations
from genops.testing.workspace.sql.tables import TableName, qualify, table_name, traveller

if TYPE_CHECKING:
    from genops.testing.workspace.http.wire import Json
    from genops.testing.workspace.sql.kinds import Kind
    from genops.testing.workspace.sql.sessions import Session
    from genops.testing.workspace.unity.catalog import UnityCatalog

Compile = Callable[[str, "Session"], Any]
"""Gives the syntax tree of a statement, rewritten as far as names of tables."""
_PLANS = 256
"""Plans that are kept."""


@dataclass(frozen=True)
class Plan:
    """A query that is ready to run.

    Attributes:
        sql: DuckDB SQL.
        found: Names and DuckDB types of its columns.
        told: Whether it may ask who runs it, or the time.
        tables: The stored tables that it reads, with what was known of them.
    """

    sql: str
    found: list[tuple[str, str]]
    told: bool
    tables: tuple[tuple[TableName, Any], ...] = ()


class Planning:
    """Plans queries, for themselves and for commands.

    Args:
        catalog: Resolves names.
        compile_sql: Parses and rewrites a statement.
        files: The query that reads files of a volume.
        user: The workspace's own user.
    """

    def __init__(
        self,
        catalog: UnityCatalog,
        compile_sql: Compile,
        files: Callable[[str, str, dict[str, Any]], Any],
        user: str,
    ) -> None:
        self._catalog = catalog
        self._compile = compile_sql
        self._files = files
        self._user = user
        self._plans: OrderedDict[tuple[str, str, str], Plan] = OrderedDict()

    # Names and types

    def qualified(self, tree: Any, session: Session, *, target: Any = None, annotate: bool = True) -> list[TableName]:
        """Write the tables and functions of a tree by their DuckDB names, and what is no stored table as its query.

        Args:
            tree: A statement; changed in place.
            session: Whose statement it is.
            target: The table that it changes; its name comes first.
            annotate: Whether to find the types, too; otherwise :meth:`annotated` follows.

        Returns:
            The stored tables that it names.
        """
        relations = Relations(self._catalog, session, self._user, self._compile)
        relations.variables(tree)
        relations.routines(tree)
        travel = traveller(self._catalog, session, self._value)
        names = qualify(tree, session.catalog, session.schema, self._files, relations.instead, travel)
        if target is not None:
            written = TableName(target.catalog.removeprefix(ALIAS), target.db, target.name)
            if written in names:
                names.remove(written)
            names.insert(0, written)
        if annotate:
            self.annotated(tree)
        return names

    def annotated(self, tree: Any, parameters: dict[str, Kind | None] | None = None) -> None:
        """Find the types of a statement whose names are written out."""
        Analysis(self._columns).statement(tree, parameters)

    def _columns(self, table: Any) -> Columns | None:
        name = f"{table.catalog.removeprefix(ALIAS)}.{table.db}.{table.name}"
        info: Json | None = self._catalog.tables.get(name)
        if info is None:
            return None
        return [(column["name"], kinds.parse_kind(column["type_text"])) for column in info["columns"]]

    def reads_computed(self, tree: Any, session: Session) -> bool:
        """Whether a query reads tables that are computed, by itself or through views."""
        relations = Relations(self._catalog, session, self._user, self._compile)
        names = (table_name(table, session.catalog, session.schema) for table in tree.find_all(exp.Table) if table.name)
        return any(relations.is_computed(name) for name in names)

    # Plans

    def kept(self, sql: str, session: Session) -> Plan | None:
        """The plan of a query that ran before, as long as nothing that it reads has changed."""
        if session.views or session.variables:
            return None
        plan = self._plans.get((sql, session.catalog, session.schema))
        if plan is None or any(self._catalog.tables.get(name.full) is not info for name, (info, _) in plan.tables):
            return None
        if any(info["columns"] is not columns for _, (info, columns) in plan.tables):
            return None
        return plan

    def plan(self, sql: str, session: Session, tree: Any, names: list[TableName], cursor: Any) -> Plan:
        """The plan of a query whose names are written out.

        Args:
            sql: Its text.
            session: Whose query it is.
            tree: It, as :meth:`qualified` left it.
            names: The stored tables that it reads.
            cursor: A DuckDB cursor.
        """
        alone = not session.views and not session.variables and not any(node.meta.get(NATIVE) for node in tree.walk())
        columns: Columns | None = tree.meta.get("columns")
        duck = to_duckdb(tree)
        found = described(cursor, duck)
        declared = as_declared(duck, found, columns)
        if declared is not duck:
            found = described(cursor, declared)
        infos = [(name, self._catalog.tables[name.full]) for name in names]
        stored = all(info["table_type"] not in ("VIEW", "MATERIALIZED_VIEW") for _, info in infos)
        plan = Plan(
            declared,
            found,
            "dbx_" in duck or not stored,
            tuple((name, (info, info["columns"])) for name, info in infos),
        )
        if alone and stored and not self._catalog.held["function"]:
            self._plans[(sql, session.catalog, session.schema)] = plan
            while len(self._plans) > _PLANS:
                self._plans.popitem(last=False)
        return plan

    # For commands

    def tree(self, sql: str, session: Session) -> Any:
        """The syntax tree of a query before its names are written out."""
        return self._compile(sql, session)

    def duck(self, sql: str, session: Session) -> str:
        """A query as DuckDB SQL."""
        tree = self._compile(sql, session)
        self.need_readable(self.qualified(tree, session), session)
        return to_duckdb(tree)

    def need_readable(self, names: list[TableName], session: Session) -> None:
        """Make sure that the session's user may read the tables of a command's query.

        Raises:
            ApiError: 403, the user lacks a privilege.
        """
        for name in names:
            if name.full in self._catalog.tables:
                self._catalog.grants.need(session.user, "SELECT", "table", name.full)

    def columns_of(self, sql: str, session: Session) -> list[tuple[str, str]]:
        """Names and DuckDB types of a query's columns, without running it."""
        tree = self._compile(sql, session)
        names = self.qualified(tree, session)
        self.need_readable(names, session)
        with self._catalog.database.session() as cursor:
            return self.plan(sql, session, tree, names, cursor).found

    def value_of(self, sql: str, session: Session) -> str | None:
        """The one value of an expression, as text."""
        duck = self.duck(f"SELECT {sql} AS value", session)
        return self._value(f"SELECT CAST(value AS VARCHAR) FROM ({duck}) AS one")

    def _value(self, duck: str) -> Any:
        return self._catalog.database.rows(duck)[0][0]

    def translated(self, expression: str, session: Session) -> str:
        """The DuckDB expression of an expression."""
        tree = self._compile(f"SELECT {expression} AS value", session)
        Relations(self._catalog, session, self._user, self._compile).routines(tree)
        self.annotated(tree)
        return to_duckdb(tree.expressions[0].this)

    def condition(self, expression: str, info: Json, session: Session) -> str:
        """The DuckDB expression of a condition over the columns of a table."""
        tree = self._compile(f"SELECT {expression} AS value", session)
        columns = {column["name"].lower(): kinds.parse_kind(column["type_text"]) for column in info["columns"]}
        self.annotated(tree, columns)
        return to_duckdb(tree.expressions[0].this)

    def explain(self, sql: str, session: Session) -> str:
        """The plan by which DuckDB would run a query."""
        found = self._catalog.database.rows(f"EXPLAIN {self.duck(sql, session)}")
        return "\n".join(str(row[1]) for row in found)
