"""MERGE INTO."""

# ruff: noqa: S608 - the SQL is built from quoted identifiers and translated expressions

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from sqlglot import exp

from genops.testing.workspace.sql import dml
from genops.testing.workspace.sql.failures import SqlError, UnsupportedError
from genops.testing.workspace.sql.generation import to_duckdb
from genops.testing.workspace.sql.values import quoted

if TYPE_CHECKING:
    from collections.abc import Collection

    from genops.testing.workspace.http.wire import Json
    from genops.testing.workspace.sql.analysis import Columns
    from genops.testing.workspace.sql.kinds import Kind
    from genops.testing.workspace.sql.running import Run


def merge(run: Run) -> None:
    """MERGE INTO."""
    tree = run.tree
    parameters = _parameters(tree)
    names = run.qualified(tree, tree.this)
    info = run.target(names[0])
    run.may(run.user, "SELECT", names[0])
    source, condition = to_duckdb(tree.args["using"]), to_duckdb(tree.args["on"])
    target = dml.aliased(tree.this, info)
    clauses = [_clause(run, when, info) for when in tree.find_all(exp.When)]
    run.result.compiled = 0.0
    with run.catalog.versions.changing(info, run.user, rewrites=True) as change:
        with run.transaction():
            _refuse_several(run, tree, f"{target} JOIN {source} ON {condition}")
            text = f"MERGE INTO {target} USING {source} ON {condition} {' '.join(clauses)} RETURNING merge_action"
            actions = [action for (action,) in run.measured(text)]
            dml.check_removable(info, len(actions) - actions.count("INSERT"))
            dml.check_constraints(run, info)
        counts = {kind: actions.count(kind) for kind in ("UPDATE", "DELETE", "INSERT")}
        metrics = {f"numTargetRows{word}": counts[kind] for kind, word in _WORDS.items()}
        if sum(counts.values()):
            change.commit("MERGE", parameters, {**metrics, "numOutputRows": counts["UPDATE"] + counts["INSERT"]})
    run.result.written_rows += counts["UPDATE"] + counts["INSERT"]
    run.affected(
        {
            "num_affected_rows": sum(counts.values()),
            "num_updated_rows": counts["UPDATE"],
            "num_deleted_rows": counts["DELETE"],
            "num_inserted_rows": counts["INSERT"],
        }
    )


_WORDS = {"INSERT": "Inserted", "UPDATE": "Updated", "DELETE": "Deleted"}


def _kind_of_when(when: Any) -> str:
    if when.args.get("matched"):
        return "MATCHED"
    return "NOT MATCHED BY SOURCE" if when.args.get("source") else "NOT MATCHED"


def _parameters(tree: Any) -> Json:
    """What the table's history says of a MERGE."""
    found: Json = {"predicate": f'["{tree.args["on"].sql(dialect="databricks")}"]'}
    names = {"MATCHED": "matched", "NOT MATCHED": "notMatched", "NOT MATCHED BY SOURCE": "notMatchedBySource"}
    lists: dict[str, list[dict[str, str]]] = {f"{name}Predicates": [] for name in names.values()}
    for when in tree.find_all(exp.When):
        then = when.args["then"]
        action = "delete" if isinstance(then, exp.Var) else then.key
        condition = when.args.get("condition")
        entry = {"predicate": condition.sql(dialect="databricks")} if condition is not None else {}
        lists[f"{names[_kind_of_when(when)]}Predicates"].append({**entry, "actionType": action})
    return {**found, **{name: json.dumps(value, separators=(",", ":")) for name, value in lists.items()}}


def _refuse_several(run: Run, tree: Any, joined: str) -> None:
    """Several rows of the source must not change the same row of the target.

    Raises:
        SqlError: They would.
    """
    matched = [when for when in tree.find_all(exp.When) if when.args.get("matched")]
    conditions = [when.args.get("condition") for when in matched]
    only_deletes = len(matched) == 1 and conditions[0] is None and isinstance(matched[0].args["then"], exp.Var)
    if not matched or only_deletes:
        return
    chosen = " OR ".join(f"({to_duckdb(item.copy())})" for item in conditions if item is not None)
    where = f" WHERE {chosen}" if None not in conditions else ""
    name = quoted(tree.this.alias or tree.this.name)
    twice = f"SELECT 1 FROM {joined}{where} GROUP BY {name}.rowid HAVING count(*) > 1 LIMIT 1"
    if run.cursor.execute(twice).fetchone() is not None:
        raise SqlError(
            "[DELTA_MULTIPLE_SOURCE_ROW_MATCHING_TARGET_ROW_IN_MERGE] Cannot perform Merge as multiple source rows "
            "matched and attempted to modify the same target row in the Delta table in possibly conflicting ways.",
            "21506",
        )


def _clause(run: Run, when: Any, info: Json) -> str:
    condition = when.args.get("condition")
    chosen = f" AND {to_duckdb(condition.copy())}" if condition is not None else ""
    return f"WHEN {_kind_of_when(when)}{chosen} THEN {_action(run, when, info)}"


def _action(run: Run, when: Any, info: Json) -> str:
    then = when.args["then"]
    if isinstance(then, exp.Var) and then.name.upper() == "DELETE":
        return "DELETE"
    if isinstance(then, exp.Update):
        if _starred(then):
            return f"UPDATE SET {dml.set_list(_by_name(run.tree, info))}"
        pairs = dml.assignments(run, then, info)
        return f"UPDATE SET {dml.set_list([*pairs, *_kept(run, when, info, dict(pairs))])}"
    if isinstance(then, exp.Insert):
        pairs = _by_name(run.tree, info) if isinstance(then.this, exp.Star) else _inserted(run, then, info)
        return f"INSERT ({', '.join(column for column, _ in pairs)}) VALUES ({', '.join(value for _, value in pairs)})"
    raise UnsupportedError("MERGE with this action")


def _kept(run: Run, when: Any, info: Json, given: Collection[str]) -> list[tuple[str, str]]:
    """The other columns, with their own values, of rows that no source matches.

    DuckDB 1.5 reads wild memory, and may crash, where such an UPDATE with RETURNING does not set every column.
    """
    if not when.args.get("source"):
        return []
    target = quoted(run.tree.this.alias_or_name)
    columns = map(quoted, dml.column_kinds(info))
    return [(column, f"{target}.{column}") for column in columns if column not in given]


def _starred(then: Any) -> bool:
    items = then.expressions
    return isinstance(items, exp.Star) or (len(items) == 1 and isinstance(items[0], exp.Star)) or not items


def _by_name(tree: Any, info: Json) -> list[tuple[str, str]]:
    """``UPDATE SET *`` and ``INSERT *``: every column of the target from the source's column of its name."""
    source: Columns | None = tree.meta.get("source")
    if source is None:
        raise UnsupportedError("MERGE with * from a source whose columns are not known")
    held: dict[str, tuple[str, Kind | None]] = {name.lower(): (name, kind) for name, kind in source}
    alias = quoted(tree.args["using"].alias_or_name)
    pairs: list[tuple[str, str]] = []
    for column, kind in dml.column_kinds(info).items():
        if column.lower() not in held:
            listed = ", ".join(f"`{name}`" for name, _ in source)
            raise SqlError(
                f"[DELTA_MERGE_UNRESOLVED_EXPRESSION] Cannot resolve {column} in UPDATE clause given columns {listed}.",
                "42601",
            )
        name, given = held[column.lower()]
        pairs.append((quoted(column), dml.stored(f"{alias}.{quoted(name)}", given, kind)))
    return pairs


def _inserted(run: Run, then: Any, info: Json) -> list[tuple[str, str]]:
    targets = {name.lower(): (name, kind) for name, kind in dml.column_kinds(info).items()}
    values = then.expression.expressions
    names = [item.name for item in then.this.expressions] if then.this is not None else list(targets)
    if len(names) != len(values):
        raise SqlError("[PARSE_SYNTAX_ERROR] The number of columns and of values of an INSERT differ.", "42601")
    pairs: list[tuple[str, str]] = []
    for name, value in zip(names, values, strict=True):
        if name.lower() not in targets:
            raise SqlError(
                f"[DELTA_MERGE_UNRESOLVED_EXPRESSION] Cannot resolve {name} in INSERT clause given columns "
                f"{', '.join(targets)}.",
                "42601",
            )
        column, kind = targets[name.lower()]
        pairs.append((quoted(column), dml.value_of(run, value, info, column, kind)))
    return pairs
