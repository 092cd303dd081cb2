"""CREATE and DROP of tables and views, as far as DuckDB has a part in them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlglot import exp

from genops.testing.workspace.sql import ddl
from genops.testing.workspace.sql.database import described
from genops.testing.workspace.sql.declared import as_declared
from genops.testing.workspace.sql.failures import SqlError, UnsupportedError, wrong_number
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
    query, computed, outputs = tree.expression, False, list[str]()
    if query is not None:
        computed = run.planning.reads_computed(query, run.session)
        names = [name.full for name in run.qualified(query) if name.full in run.catalog.tables]
        if plan.kind == "VIEW" and names:
            # A view reads with the rights of its owner, so what it reads is remembered.
            plan.given["view_dependencies"] = {"dependencies": [{"table": {"table_full_name": name}} for name in names]}
            _check_cycle(run, plan, names)
        sql = to_duckdb(query)
        found = described(run.cursor, sql)
        outputs = [column for column, _ in found]
        if plan.kind == "TABLE":
            for _, duck in found:
                need_unbounded(duck)
        tree.set("expression", native(as_declared(sql, found, query.meta.get("columns"))))
    ddl.need_columns(plan, _columns(run, plan, outputs))
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


def _columns(run: Run, plan: ddl.Plan, found: list[str]) -> list[str]:
    """The names of the columns of what is created: those that it lists, or those of its query."""
    listed = [item.name for item in run.tree.this.expressions] if isinstance(run.tree.this, exp.Schema) else []
    if not listed and not found:
        raise UnsupportedError("CREATE TABLE without columns")
    if found and any(isinstance(item, exp.ColumnDef) for item in run.tree.this.expressions):
        raise SqlError(
            "[PARSE_SYNTAX_ERROR] Operation not allowed: Schema may not be specified in a Create Table As Select "
            "(CTAS) statement.",
            "42601",
        )
    if plan.kind == "VIEW" and listed and len(listed) != len(found):
        raise wrong_number(plan.name.shown, len(listed), len(found))
    return listed or found


def _check_cycle(run: Run, plan: ddl.Plan, names: list[str]) -> None:
    """Refuse a view that would read itself, be it by way of another."""
    reached = list(names)
    for name in reached:
        read = run.catalog.tables.get(name, {}).get("view_dependencies", {}).get("dependencies", ())
        reached += {item["table"]["table_full_name"] for item in read}.difference(reached)
    if plan.name.full in reached:
        raise SqlError(
            f"[RECURSIVE_VIEW] Recursive view {plan.name.shown} detected (cycle: {plan.name.shown} -> "
            f"{plan.name.shown}).",
            "42K0H",
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
