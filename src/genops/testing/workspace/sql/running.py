"""One statement that runs: its tree, its cursor, and what all kinds of statements need of them."""

from __future__ import annotations

import contextlib
import re
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlglot import exp

from genops.testing.workspace.sql import ddl
from genops.testing.workspace.sql.database import described, read_profile, start_profile
from genops.testing.workspace.sql.declared import typed
from genops.testing.workspace.sql.generation import to_duckdb
from genops.testing.workspace.sql.results import QueryResult, RowsResult, Sink
from genops.testing.workspace.sql.tables import TableName
from genops.testing.workspace.sql.values import result_column, split_name

if TYPE_CHECKING:
    from collections.abc import Generator

    from genops.testing.workspace.http.wire import Json
    from genops.testing.workspace.sql.kinds import Kind
    from genops.testing.workspace.sql.outcome import Outcome
    from genops.testing.workspace.sql.planning import Planning
    from genops.testing.workspace.sql.scopes import Columns
    from genops.testing.workspace.sql.sessions import Session
    from genops.testing.workspace.unity.catalog import UnityCatalog


@dataclass
class Run:
    """A statement that runs.

    Attributes:
        catalog: What it reads and changes.
        planning: Resolves and translates.
        tree: The statement; ``None`` for those that sqlglot does not parse.
        session: Whose statement it is.
        user: Who that is.
        cursor: Its DuckDB cursor.
        sink: Receives the result.
        result: What is learnt on the way.
        sql: The text.
        begun: When it began, by ``time.perf_counter``.
    """

    catalog: UnityCatalog
    planning: Planning
    tree: Any
    session: Session
    user: str
    cursor: Any
    sink: Sink
    result: Outcome
    sql: str
    begun: float

    # Names

    def table_name(self, text: str) -> TableName:
        """A table by the text of its name, the absent parts from the session's defaults."""
        parts = [part.lower() for part in split_name(re.sub(r"\s*\.\s*", ".", text.strip()))]
        return TableName(*[self.session.catalog.lower(), self.session.schema.lower()][: 3 - len(parts)], *parts)

    def qualified(self, tree: Any, target: Any = None) -> list[TableName]:
        """Fill in the names of a tree, find its types, and make sure that the user may read its tables.

        Args:
            tree: A statement or a part of one; changed in place.
            target: The table that is written, which need not be readable.
        """
        names = self.planning.qualified(tree, self.session, target=target)
        written = names[0] if target is not None and names else None
        for name in names:
            ddl.need_table(self.catalog, name)
            if name is not written:
                self.may(self.user, "SELECT", name)
                self._note_read(name.full)
        for file in tree.find_all(exp.Var):
            if file.meta.get("path"):
                self._note_read(file.meta["path"])
                self.result.files_read += file.meta["files"]
        return names

    def _note_read(self, name: str) -> None:
        if name not in self.result.reads:
            self.result.reads.append(name)

    def may(self, user: str, privilege: str, name: TableName) -> None:
        """Refuse a user who lacks a privilege on a table.

        Raises:
            ApiError: The user lacks it.
        """
        self.catalog.grants.need(user, privilege, "table", name.full)
        self.catalog.policies.need_none(name.full)

    def target(self, name: TableName) -> Json:
        """A table that is about to be changed."""
        ddl.not_a_view(self.catalog, name)
        self.may(self.user, "MODIFY", name)
        self.result.writes.append(name.full)
        self.tell()
        return self.catalog.tables[name.full]

    # Running

    def tell(self) -> None:
        """Let DuckDB know who asks, and what time it is."""
        self.catalog.database.tell(self.cursor, self.user)

    def execute(self, sql: str) -> Any:
        """Run DuckDB SQL; the time until here was compilation."""
        self.result.compiled = self.result.compiled or time.perf_counter() - self.begun
        return self.cursor.execute(sql)

    def measured(self, sql: str) -> Any:
        """Run DuckDB SQL and keep what DuckDB measured of it."""
        start_profile(self.cursor)
        rows = self.execute(sql).fetchall()
        self.result.profile = read_profile(self.cursor)
        return rows

    def change(self, sql: str) -> int:
        """Run a change and give the number of rows that it touched."""
        rows = self.measured(sql)
        return int(rows[0][0]) if rows else 0

    @contextlib.contextmanager
    def transaction(self) -> Generator[None]:
        """All or nothing."""
        self.execute("BEGIN")
        try:
            yield
            self.cursor.execute("COMMIT")
        except BaseException:
            with contextlib.suppress(Exception):  # it has been rolled back already where COMMIT itself failed
                self.cursor.execute("ROLLBACK")
            raise

    def source(self, tree: Any) -> tuple[str, list[tuple[str, Kind | None]]]:
        """A query as DuckDB SQL, and names and types of its columns."""
        columns: Columns | None = tree.meta.get("columns")
        sql = to_duckdb(tree)
        found = described(self.cursor, sql)
        return sql, typed(found, columns)

    # Results

    def query(self) -> None:
        """Run a query and hand its rows on."""
        names = self.qualified(self.tree)
        plan = self.planning.plan(self.sql, self.session, self.tree, names, self.cursor)
        self.answer(plan.sql, plan.found, told=plan.told)

    def answer(self, sql: str, found: list[tuple[str, str]], *, told: bool) -> None:
        """Hand on the rows of DuckDB SQL.

        Args:
            sql: A query.
            found: Names and DuckDB types of its columns.
            told: Whether it may ask who runs it, or the time.
        """
        if told:
            self.tell()

        def before() -> None:
            start_profile(self.cursor)
            self.result.compiled = self.result.compiled or time.perf_counter() - self.begun

        result = QueryResult(self.cursor, sql, found, before)
        self.result.columns = result.columns
        self.sink(result)
        self.result.profile = read_profile(self.cursor)

    def affected(self, counts: dict[str, int]) -> None:
        """Give the counts that Databricks gives for changes of rows."""
        self.result.columns = [result_column(name, index, "BIGINT") for index, name in enumerate(counts)]
        self.result.modified = next(iter(counts.values()), None)
        self.sink(RowsResult(self.result.columns, [list(counts.values())] if counts else []))
