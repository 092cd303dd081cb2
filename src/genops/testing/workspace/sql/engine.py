"""Databricks SQL that runs on DuckDB: queries, changes of rows, and changes of the catalog."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

from sqlglot import exp

from genops.testing.workspace.http.wire import ApiError, Json
from genops.testing.workspace.sql import copying, creating, ddl, dml, merging, restoring
from genops.testing.workspace.sql.binding import bind, numbered
from genops.testing.workspace.sql.commands import Scope, command, command_type
from genops.testing.workspace.sql.dialect import parse, put_session
from genops.testing.workspace.sql.failures import SqlError, UnsupportedError
from genops.testing.workspace.sql.identifiers import named
from genops.testing.workspace.sql.naming import name_outputs
from genops.testing.workspace.sql.outcome import Outcome
from genops.testing.workspace.sql.planning import Planning
from genops.testing.workspace.sql.readers import reading
from genops.testing.workspace.sql.replacing import replacing
from genops.testing.workspace.sql.results import RowsResult, Sink
from genops.testing.workspace.sql.routines import Routines
from genops.testing.workspace.sql.running import Run
from genops.testing.workspace.sql.values import result_column
from genops.testing.workspace.sql.volume_files import matching, may_read
from genops.testing.workspace.unity.names import acting, actor

if TYPE_CHECKING:
    from genops.testing.workspace.sql.sessions import Session
    from genops.testing.workspace.unity.catalog import UnityCatalog

__all__ = ["Outcome", "SqlEngine", "statement_type"]

_TYPES: dict[type[Any], str] = {
    exp.Select: "SELECT",
    exp.Union: "SELECT",
    exp.Intersect: "SELECT",
    exp.Except: "SELECT",
    exp.Values: "SELECT",
    exp.Subquery: "SELECT",
    exp.Insert: "INSERT",
    exp.Update: "UPDATE",
    exp.Delete: "DELETE",
    exp.Merge: "MERGE",
    exp.Create: "CREATE",
    exp.Drop: "DROP",
    exp.Alter: "ALTER",
    exp.Describe: "DESCRIBE",
    exp.Use: "USE",
    exp.TruncateTable: "TRUNCATE",
    exp.Comment: "OTHER",
}
_QUERY = re.compile(r"[\s(]*(?:SELECT|WITH|VALUES)\b", re.IGNORECASE)
_WORDS = re.compile(r"\s*(COPY|RESTORE)\b|\s*CREATE\b.*\b(?:SHALLOW|DEEP)?\s*CLONE\b", re.IGNORECASE | re.DOTALL)


def statement_type(tree: Any) -> str:
    """The type of a statement in the words of query history."""
    kind = _TYPES.get(tree.__class__, "OTHER")
    return "REPLACE" if kind == "CREATE" and tree.args.get("replace") else kind


class SqlEngine:
    """Runs statements; every one has a DuckDB cursor of its own, and those that change anything take turns.

    Args:
        catalog: The Unity Catalog that statements read and change.
        user: The name that ``current_user()`` gives.
    """

    def __init__(self, catalog: UnityCatalog, user: str) -> None:
        self.catalog = catalog
        self.user = user
        self.planning = Planning(catalog, self.compiled, self.files, user)
        self._routines = catalog.functions.routines = Routines(catalog, self.planning)

    def run(
        self,
        sql: str,
        session: Session,
        parameters: Iterable[Json] = (),
        *,
        sink: Sink,
        started: Callable[[Any], None] = lambda _: None,
        outcome: Outcome | None = None,
    ) -> Outcome:
        """Run one statement and hand its result to ``sink``.

        Args:
            sql: One statement of Databricks SQL.
            session: Whose statement it is; says where names without catalog or schema belong.
            parameters: Values of ``:name`` markers.
            sink: Receives the result and reads it, as text or as Arrow.
            started: Receives the DuckDB cursor before anything runs, so that another thread may interrupt it.
            outcome: Filled as the statement proceeds, so that a failed one leaves what was learnt.

        Raises:
            SqlError: The statement failed.
            CancelledStatementError: The cursor was interrupted.
        """
        result = outcome or Outcome()
        begun = time.perf_counter()
        try:
            sql, given = named(sql, parameters)
            if self._commanded(sql, session, sink, result, begun):
                return result
            with acting(session.user), self.catalog.database.session() as cursor:
                started(cursor)
                user = session.user or self.user
                run = Run(self.catalog, self.planning, None, session, user, cursor, sink, result, sql, begun)
                self._run(run, given)
        except ApiError as error:
            raise ddl.as_failure(error) from error
        return result

    def _commanded(self, sql: str, session: Session, sink: Sink, result: Outcome, begun: float) -> bool:
        """Run a statement that is the catalog's or the session's alone; whether it was one."""
        if _QUERY.match(sql) or _WORDS.match(sql):
            return False
        result.statement_type = command_type(sql)
        with acting(session.user):
            rows = command(Scope(self.catalog, session, session.user or self.user, self.planning, self._routines), sql)
        if rows is None:
            return False
        result.compiled = time.perf_counter() - begun
        result.columns = [
            result_column(name, index, rows.kinds.get(name, "VARCHAR")) for index, name in enumerate(rows.names)
        ]
        result.staging = rows.staging
        sink(RowsResult(result.columns, rows.rows))
        return True

    def _run(self, run: Run, parameters: list[Json]) -> None:
        special = _special(run.sql)
        if special is not None:
            run.result.statement_type = special[0]
            with self.catalog.lock:
                special[1](run)
            return
        if not parameters and self._again(run):
            return
        replaced = replacing(run.sql)
        run.tree = self._compile(replaced.plain if replaced else run.sql, run.session, parameters, run.result)
        run.tree.meta["replacing"] = replaced
        if isinstance(run.tree, (exp.Query, exp.Values)):
            run.query()
            return
        change = _CHANGES.get(run.tree.__class__)
        if change is None:
            raise UnsupportedError(f"a statement that begins with {run.sql.split(None, 1)[0].upper()}")
        with self.catalog.lock:
            change(run)

    def _again(self, run: Run) -> bool:
        """Run a query by the plan of its last time, if that still holds."""
        plan = self.planning.kept(run.sql, run.session)
        if plan is None:
            return False
        run.result.statement_type = "SELECT"
        for name, _ in plan.tables:
            run.may(run.user, "SELECT", name)
            run.result.reads.append(name.full)
        run.answer(plan.sql, plan.found, told=plan.told)
        return True

    def compiled(self, sql: str, session: Session) -> Any:
        """The syntax tree of a statement without parameters, before its names are written out."""
        return self._compile(sql, session, (), Outcome())

    def _compile(self, sql: str, session: Session, parameters: Iterable[Json], result: Outcome) -> Any:
        text, given = numbered(sql, parameters)
        trees = parse(text)
        if len(trees) > 1:
            raise SqlError("[PARSE_SYNTAX_ERROR] Syntax error: one statement expected, found several.", "42601")
        result.statement_type = statement_type(trees[0])
        tree = name_outputs(bind(trees[0], given))
        return put_session(tree, session.catalog, session.schema)

    def files(self, file_format: str, path: str, options: dict[str, Any]) -> Any:
        """The query that reads files of a volume, which whoever is acting may read."""
        may_read(self.catalog, actor(), path)
        return reading(file_format, path, matching(self.catalog, path), options, self.catalog.database.describe)


def _special(sql: str) -> tuple[str, Callable[[Run], None]] | None:
    """Statements of rows that sqlglot does not parse."""
    if not _WORDS.match(sql):
        return None
    word = sql.split(None, 1)[0].upper()
    return {"COPY": ("COPY", copying.copy_into), "RESTORE": ("RESTORE", restoring.restore)}.get(
        word, ("CLONE", restoring.clone)
    )


_CHANGES: dict[type[Any], Callable[[Run], None]] = {
    exp.Insert: dml.insert,
    exp.Update: dml.update,
    exp.Delete: dml.delete,
    exp.Merge: merging.merge,
    exp.Create: creating.create,
    exp.Drop: creating.drop,
    exp.TruncateTable: dml.truncate,
}
