"""CREATE and DROP of tables and views, as far as DuckDB has a part in them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlglot import exp

from genops.testing.workspace.sql import ddl
from genops.testing.workspace.sql.database import described
from genops.testing.workspace.sql.declared import as_declared
from genops.testing.workspace.sql.failures import SqlError
from genops.testing.workspace.sql.generation import native, to_duckdb
from genops.testing.workspace.sql.tables import table_name
from genops.testing.workspace.sql.values import need_unbounded

if TYPE_CHECKING:
    from genops.testing.workspace.http.wire import Json
    from genops.testing.workspace.sql.running import Run


def create(run: Run) -> None:
    """CREATE TABLE and CREATE VIEW."""
    tree = run.tree
    plan = ddl.plan_create(run.catalog, tree, run.session, run.sql)
    if plan is None:
        run.affected({})
        return
    run.catalog.grants.need(run.user, "CREATE TABLE", "schema", f"{plan.name.catalog}.{plan.name.schema}")
    present = run.catalog.tables.get(plan.name.full)
    if present is not None:
        run.may(run.user, "MODIFY", plan.name)
    query, computed = tree.expression, False
    if query is not None:
        computed = run.planning.reads_computed(query, run.session)
        names = [name.full for name in run.qualified(query) if name.full in run.catalog.tables]
        if plan.kind == "VIEW" and names:
            # A view reads with the rights of its owner, so what it reads is remembered.
            plan.given["view_dependencies"] = {"dependencies": [{"table": {"table_full_name": name}} for name in names]}
        sql = to_duckdb(query)
        found = described(run.cursor, sql)
        if not isinstance(tree.this, exp.Schema):
            _check_names([column for column, _ in found])
        if plan.kind == "TABLE":
            for _, duck in found:
                need_unbounded(duck)
        tree.set("expression", native(as_declared(sql, found, query.meta.get("columns"))))
    run.tell()
    text = to_duckdb(tree)
    filled = plan.kind == "TABLE" and query is not None
    if present is not None and plan.kind == "TABLE":
        count = _replaced(run, plan, present, text, filled=filled)
    else:
        count = run.change(text)
        info = ddl.register(run.catalog, plan, computed=computed and plan.kind == "VIEW")
        if plan.kind == "TABLE":
            run.catalog.versions.created(info, run.user, _operation(filled=filled), _metrics(count, filled=filled))
    run.result.writes.append(plan.name.full)
    run.result.written_rows += count if filled else 0
    run.affected({"num_affected_rows": count, "num_inserted_rows": count} if filled else {})


def _check_names(columns: list[str]) -> None:
    """Refuse a query of which two columns have one name; DuckDB would give the second another.

    Raises:
        SqlError: There are such.
    """
    names = [column.lower() for column in columns]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise SqlError(
            f"[COLUMN_ALREADY_EXISTS] The column `{twice}` already exists. Choose another name or rename the existing "
            "column.",
            "42711",
        )


def _replaced(run: Run, plan: ddl.Plan, present: Json, text: str, *, filled: bool) -> int:
    """CREATE OR REPLACE TABLE: the table keeps its identity and its history."""
    with run.catalog.versions.changing(present, run.user, rewrites=True) as change:
        count = run.change(text)
        info = ddl.register(run.catalog, plan)
        info["table_id"] = present["table_id"]
        if present["table_type"] == "MANAGED" == info["table_type"]:
            info["storage_location"] = present["storage_location"]
        change.info = info
        change.commit(f"CREATE OR REPLACE {_operation(filled=filled)[7:]}", {}, _metrics(count, filled=filled))
    return count


def _operation(*, filled: bool) -> str:
    return "CREATE TABLE AS SELECT" if filled else "CREATE TABLE"


def _metrics(count: int, *, filled: bool) -> dict[str, Any]:
    return {"numOutputRows": count, "numFiles": min(count, 1)} if filled else {}


def drop(run: Run) -> None:
    """DROP TABLE and DROP VIEW."""
    name = table_name(run.tree.find(exp.Table), run.session.catalog, run.session.schema)
    if name.full in run.catalog.tables:
        run.may(run.user, "MANAGE", name)
    ddl.drop(run.catalog, run.tree, run.session)
    run.affected({})
