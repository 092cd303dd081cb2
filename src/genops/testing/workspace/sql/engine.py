"""Databricks SQL that runs on DuckDB: queries, changes of rows, and changes of the catalog."""

# ruff: noqa: S608 - the SQL is built from quoted identifiers and escaped literals

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from sqlglot import exp

from genops.testing.workspace.http.wire import ApiError, Json
from genops.testing.workspace.sql import ddl
from genops.testing.workspace.sql.commands import command, command_type
from genops.testing.workspace.sql.database import Profile, described, read_profile, start_profile
from genops.testing.workspace.sql.dialect import bind, mend, name_outputs, parse, to_duckdb
from genops.testing.workspace.sql.failures import SqlError, UnsupportedError
from genops.testing.workspace.sql.readers import reading
from genops.testing.workspace.sql.tables import TableName, qualify
from genops.testing.workspace.sql.values import rendering, result_column
from genops.testing.workspace.sql.volume_files import matching

if TYPE_CHECKING:
    from genops.testing.workspace.sql.sessions import Session
    from genops.testing.workspace.unity.catalog import UnityCatalog

Rows = list[list[Any]]


@dataclass
class Outcome:
    """What a statement gave.

    Attributes:
        statement_type: As query history names it: ``SELECT``, ``CREATE``, ``REPLACE`` …
        columns: The result schema.
        compiled: Seconds for parsing and translating.
        profile: What DuckDB measured.
    """

    statement_type: str = "OTHER"
    columns: list[Json] = field(default_factory=list[Json])
    compiled: float = 0.0
    profile: Profile = field(default_factory=Profile)


Sink = Callable[[list[Json], Callable[[int], Rows]], None]
"""Receives the result schema and a function that fetches the next rows, empty at the end."""


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


def statement_type(tree: Any) -> str:
    """The type of a statement in the words of query history."""
    kind = _TYPES.get(tree.__class__, "OTHER")
    return "REPLACE" if kind == "CREATE" and tree.args.get("replace") else kind


def _scalar_rows(rows: Rows) -> Callable[[int], Rows]:
    waiting: Iterator[Rows] = iter([[[None if value is None else str(value) for value in row] for row in rows]])
    end: Rows = []
    return lambda _: next(waiting, end)


class SqlEngine:
    """Runs statements one at a time; every call has a DuckDB cursor of its own.

    Args:
        catalog: The Unity Catalog that statements read and change.
        user: The name that ``current_user()`` gives.
    """

    def __init__(self, catalog: UnityCatalog, user: str) -> None:
        self.catalog = catalog
        self.user = user

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
        """Run one statement and hand its rows to ``sink``, as text.

        Args:
            sql: One statement of Databricks SQL.
            session: Whose statement it is; says where names without catalog or schema belong.
            parameters: Values of ``:name`` markers.
            sink: Receives columns and rows.
            started: Receives the DuckDB cursor before anything runs, so that another thread may interrupt it.
            outcome: Filled as the statement proceeds, so that a failed one leaves what was learnt.

        Raises:
            SqlError: The statement failed.
            CancelledStatementError: The cursor was interrupted.
        """
        result = outcome or Outcome()
        begun = time.perf_counter()
        result.statement_type = command_type(sql)
        try:
            rows = command(self.catalog, sql, session.catalog, session.schema)
            if rows is not None:
                result.compiled = time.perf_counter() - begun
                result.columns = [result_column(name, index, "VARCHAR") for index, name in enumerate(rows.names)]
                sink(result.columns, _scalar_rows(rows.rows))
                return result
            tree = self._compile(sql, session, parameters, result)
            with self.catalog.database.session() as cursor:
                started(cursor)
                self._dispatch(_Run(self, tree, session, cursor, sink, result, sql, begun))
        except ApiError as error:
            raise ddl.as_failure(error) from error
        return result

    def _compile(self, sql: str, session: Session, parameters: Iterable[Json], result: Outcome) -> Any:
        trees = parse(sql)
        if len(trees) > 1:
            raise SqlError("[PARSE_SYNTAX_ERROR] Syntax error: one statement expected, found several.", "42601")
        result.statement_type = statement_type(trees[0])
        tree = name_outputs(bind(trees[0], parameters))
        identity = {"user": session.user or self.user, "catalog": session.catalog, "schema": session.schema}
        return mend(tree, identity)

    def _dispatch(self, run: _Run) -> None:
        tree = run.tree
        if isinstance(tree, (exp.Query, exp.Values)):
            run.query()
            return
        change = _CHANGES.get(tree.__class__)
        if change is None:
            raise UnsupportedError(f"a statement that begins with {run.sql.split(None, 1)[0].upper()}")
        with self.catalog.lock:
            change(run)

    def files(self, file_format: str, path: str, options: dict[str, Any]) -> Any:
        """The query that reads files of a volume."""
        return reading(file_format, matching(self.catalog, path), options, self.catalog.database.describe)


@dataclass
class _Run:
    engine: SqlEngine
    tree: Any
    session: Session
    cursor: Any
    sink: Sink
    result: Outcome
    sql: str
    begun: float

    def qualified(self, tree: Any) -> list[TableName]:
        """Fill in the names of a tree and make sure that the tables are there."""
        names = qualify(tree, self.session.catalog, self.session.schema, self.engine.files)
        for name in names:
            ddl.need_table(self.engine.catalog, name)
        return names

    def execute(self, sql: str) -> Any:
        """Run DuckDB SQL; the time until here was compilation."""
        self.result.compiled = self.result.compiled or time.perf_counter() - self.begun
        return self.cursor.execute(sql)

    def query(self) -> None:
        self.qualified(self.tree)
        sql = to_duckdb(self.tree)
        found = described(self.cursor, sql)
        aliases = [f"c{index}" for index in range(len(found))]
        shown = ", ".join(f"{rendering(alias, duck)}" for alias, (_, duck) in zip(aliases, found, strict=True))
        self.result.columns = [result_column(name, index, duck) for index, (name, duck) in enumerate(found)]
        start_profile(self.cursor)
        cursor = self.execute(f"SELECT {shown} FROM ({sql}) AS result({', '.join(aliases)})")
        self.sink(self.result.columns, cursor.fetchmany)
        self.result.profile = read_profile(self.cursor)

    def affected(self, counts: dict[str, int]) -> None:
        """Give the counts that Databricks gives for changes of rows."""
        self.result.columns = [result_column(name, index, "BIGINT") for index, name in enumerate(counts)]
        self.sink(self.result.columns, _scalar_rows([list(counts.values())] if counts else []))

    def change(self, sql: str) -> int:
        """Run a change and give the number of rows that it touched."""
        start_profile(self.cursor)
        row = self.execute(sql).fetchone()
        self.result.profile = read_profile(self.cursor)
        return int(row[0]) if row else 0


def _insert(run: _Run) -> None:
    tree = run.tree
    target = tree.find(exp.Table)
    ddl.not_a_view(run.engine.catalog, run.qualified(tree)[0])
    if tree.args.get("partition") or tree.args.get("where"):
        raise UnsupportedError("INSERT with PARTITION or REPLACE WHERE")
    overwrite = bool(tree.args.get("overwrite"))
    tree.set("overwrite", False)
    count = _overwrite(run, tree, to_duckdb(target)) if overwrite else run.change(to_duckdb(tree))
    run.affected({"num_affected_rows": count, "num_inserted_rows": count})


def _overwrite(run: _Run, tree: Any, target: str) -> int:
    # The source may read the target, so it is read before the target is emptied.
    source = to_duckdb(tree.expression)
    tree.set("expression", exp.select("*").from_("overwriting"))
    run.execute("BEGIN")
    try:
        run.execute(f"CREATE TEMP TABLE overwriting AS {source}")
        run.execute(f"DELETE FROM {target}")
        count = run.change(to_duckdb(tree))
        run.execute("DROP TABLE overwriting")
        run.execute("COMMIT")
    except BaseException:
        run.cursor.execute("ROLLBACK")
        raise
    return count


def _update_or_delete(run: _Run) -> None:
    ddl.not_a_view(run.engine.catalog, run.qualified(run.tree)[0])
    run.affected({"num_affected_rows": run.change(to_duckdb(run.tree))})


def _merge(run: _Run) -> None:
    ddl.not_a_view(run.engine.catalog, run.qualified(run.tree)[0])
    _unqualify_targets(run.tree)
    start_profile(run.cursor)
    actions = run.execute(to_duckdb(run.tree) + " RETURNING merge_action").fetchall()
    run.result.profile = read_profile(run.cursor)
    counts = {kind: sum(1 for (action,) in actions if action == kind) for kind in ("UPDATE", "DELETE", "INSERT")}
    run.affected(
        {
            "num_affected_rows": sum(counts.values()),
            "num_updated_rows": counts["UPDATE"],
            "num_deleted_rows": counts["DELETE"],
            "num_inserted_rows": counts["INSERT"],
        }
    )


def _unqualify_targets(tree: Any) -> None:
    """Databricks lets SET and INSERT name the target's columns with the table in front; DuckDB does not."""
    for when in tree.find_all(exp.When):
        then = when.args.get("then")
        if isinstance(then, exp.Update):
            targets = [item.this for item in then.expressions if isinstance(item, exp.EQ)]
        else:
            targets = list(then.this.expressions) if isinstance(then, exp.Insert) and then.this else []
        for target in targets:
            for part in ("table", "db", "catalog"):
                target.set(part, None)


def _create(run: _Run) -> None:
    if run.tree.kind in ("SCHEMA", "DATABASE"):
        ddl.create_schema(run.engine.catalog, run.tree, run.session.catalog)
        run.affected({})
        return
    plan = ddl.plan_create(run.engine.catalog, run.tree, run.session.catalog, run.session.schema)
    if plan is None:
        run.affected({})
        return
    if run.tree.expression is not None:
        run.qualified(run.tree.expression)
    count = run.change(to_duckdb(run.tree))
    definition = run.sql[run.sql.lower().index(" as ") + 4 :].strip() if plan.kind == "VIEW" else ""
    plan.given["view_definition"] = definition
    run.engine.catalog.register_table(plan.name, plan.given)
    filled = plan.kind == "TABLE" and run.tree.expression is not None
    run.affected({"num_affected_rows": count, "num_inserted_rows": count} if filled else {})


def _catalog_change(change: Callable[[UnityCatalog, Any, str, str], None]) -> Callable[[_Run], None]:
    def apply(run: _Run) -> None:
        change(run.engine.catalog, run.tree, run.session.catalog, run.session.schema)
        run.affected({})

    return apply


def _truncate(run: _Run) -> None:
    names = run.qualified(run.tree)
    ddl.not_a_view(run.engine.catalog, names[0])
    run.change(f"DELETE FROM {to_duckdb(run.tree.find(exp.Table))}")
    run.affected({})


_CHANGES: dict[type[Any], Callable[[_Run], None]] = {
    exp.Insert: _insert,
    exp.Update: _update_or_delete,
    exp.Delete: _update_or_delete,
    exp.Merge: _merge,
    exp.Create: _create,
    exp.Drop: _catalog_change(ddl.drop),
    exp.Alter: _catalog_change(ddl.alter),
    exp.Comment: _catalog_change(ddl.comment),
    exp.TruncateTable: _truncate,
}
