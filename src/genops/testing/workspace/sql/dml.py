"""Changes of rows: INSERT, UPDATE, DELETE and TRUNCATE."""

# ruff: noqa: S608 - the SQL is built from quoted identifiers and translated expressions

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlglot import exp

from genops.testing.workspace.sql import kinds
from genops.testing.workspace.sql.commands.constraints import checks_of
from genops.testing.workspace.sql.database import address_of
from genops.testing.workspace.sql.failures import SqlError, UnsupportedError
from genops.testing.workspace.sql.generation import cast, native, to_duckdb
from genops.testing.workspace.sql.values import quoted

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from genops.testing.workspace.http.wire import Json
    from genops.testing.workspace.sql.kinds import Kind
    from genops.testing.workspace.sql.replacing import Replacing
    from genops.testing.workspace.sql.running import Run

_NEW_ROWS = "new_rows"


def column_kinds(info: Json) -> dict[str, Kind | None]:
    """Types of a table's columns, by name, in their order."""
    return {column["name"]: kinds.parse_kind(column["type_text"]) for column in info["columns"]}


def stored(text: str, source: Kind | None, target: Kind | None) -> str:
    """DuckDB SQL of a value on its way into a column."""
    if target is None or target.inner or source in (kinds.VOID, target):
        return text
    return cast(text, source, target)


# Constraints


def check_constraints(run: Run, info: Json) -> None:
    """Make sure that all rows meet the table's CHECK constraints; to be called inside of the transaction.

    Raises:
        SqlError: A row does not.
    """
    for name, condition in checks_of(info).items():
        expression = run.planning.condition(condition, info, run.session)
        names = ", ".join(f"CAST({quoted(column['name'])} AS VARCHAR)" for column in info["columns"])
        bad = run.cursor.execute(
            f"SELECT {names} FROM {address_of(info)} WHERE ({expression}) IS NOT TRUE LIMIT 1"
        ).fetchone()
        if bad is not None:
            values = "\n".join(f" - {c['name']} : {value}" for c, value in zip(info["columns"], bad, strict=True))
            raise SqlError(
                f"[DELTA_VIOLATE_CONSTRAINT_WITH_VALUES] CHECK constraint {name} {condition} violated by row with "
                f"values:\n{values}",
                "23001",
            )


def check_removable(info: Json, rows: int) -> None:
    """Make sure that rows may be taken from a table or changed; to be called inside of the transaction.

    Raises:
        SqlError: The table is append-only.
    """
    if rows and str(info.get("properties", {}).get("delta.appendOnly", "")).lower() == "true":
        raise SqlError(
            "[DELTA_CANNOT_MODIFY_APPEND_ONLY] This table is configured to only allow appends. If you would like to "
            "permit updates or deletes, use 'ALTER TABLE <table_name> SET TBLPROPERTIES (delta.appendOnly=false)'.",
            "42809",
        )


# INSERT


def insert(run: Run) -> None:
    """INSERT INTO, INSERT OVERWRITE and INSERT INTO … REPLACE WHERE."""
    tree = run.tree
    table = tree.this.this if isinstance(tree.this, exp.Schema) else tree.this
    if not isinstance(table, exp.Table) or table.args.get("partition") or tree.args.get("partition"):
        raise UnsupportedError("INSERT with PARTITION")
    names = run.qualified(tree, table)
    info = run.target(names[0])
    source, found = run.source(_source(run, tree, info))
    columns = _columns(tree, info, [name for name, _ in found])
    _check_width(info, columns, len(found))
    targets = column_kinds(info)
    aliases = [f"c{index}" for index in range(len(found))]
    values = ", ".join(
        stored(alias, kind, targets[column]) for alias, (_, kind), column in zip(aliases, found, columns, strict=True)
    )
    rows = f"SELECT {values} FROM ({source}) AS source({', '.join(aliases)})"
    where, overwrite = tree.args.get("where"), bool(tree.args.get("overwrite"))
    replaced: Replacing | None = tree.meta.get("replacing")
    if replaced is not None:
        gone = replaced.predicate(run, [name for name, _ in found], _NEW_ROWS)
        count = _overwritten(run, info, columns, rows, gone, alias=replaced.alias)
    elif where is None and not overwrite:
        count = append(run, info, columns, rows, "WRITE", {"mode": "Append", "partitionBy": "[]"})
    else:
        condition = to_duckdb(where.this if isinstance(where, exp.Where) else where) if where is not None else ""
        count = _overwritten(run, info, columns, rows, condition)
    run.affected({"num_affected_rows": count, "num_inserted_rows": count})


def _source(run: Run, tree: Any, info: Json) -> Any:
    """The query of an INSERT, DEFAULT replaced by what the columns say."""
    query = tree.expression
    if query is None:
        raise UnsupportedError("INSERT … TABLE; write SELECT * FROM the table")
    before = tree.args.get("with_") or tree.args.get("with")
    if before is not None and isinstance(query, exp.Query):
        columns = query.meta.get("columns")
        query = query.copy()
        query.set("with_" if "with_" in query.arg_types else "with", before.copy())
        query.meta["columns"] = columns
    if isinstance(query, exp.Values):
        given = [item.name for item in tree.this.expressions] if isinstance(tree.this, exp.Schema) else []
        names = given or [column["name"] for column in info["columns"]]
        for row in query.expressions:
            for index, value in enumerate(row.expressions):
                if is_default(value) and index < len(names):
                    value.replace(native(default_of(run, info, names[index])))
    return query


def is_default(value: Any) -> bool:
    """Whether a value is the word DEFAULT."""
    return isinstance(value, (exp.Column, exp.Var)) and value.name.upper() == "DEFAULT" and not _quoted(value)


def _quoted(value: Any) -> bool:
    return isinstance(value, exp.Column) and bool(value.this.args.get("quoted"))


def default_of(run: Run, info: Json, name: str) -> str:
    """DuckDB SQL of a column's default."""
    return run.catalog.database.default(info["catalog_name"], info["schema_name"], info["name"], name) or "NULL"


def _columns(tree: Any, info: Json, given: Sequence[str]) -> list[str]:
    """The columns that an INSERT fills, as the table names them."""
    names = {column["name"].lower(): column["name"] for column in info["columns"]}
    if tree.args.get("by_name"):
        wanted = list(given)
    elif isinstance(tree.this, exp.Schema):
        wanted = [item.name for item in tree.this.expressions]
    else:
        return list(names.values())
    unknown = [name for name in wanted if name.lower() not in names]
    if unknown:
        listed = ", ".join(f"`{name}`" for name in names.values())
        raise SqlError(
            f"[UNRESOLVED_COLUMN.WITH_SUGGESTION] A column, variable, or function parameter with name `{unknown[0]}` "
            f"cannot be resolved. Did you mean one of the following? [{listed}].",
            "42703",
        )
    twice = {name.lower() for name in wanted if [other.lower() for other in wanted].count(name.lower()) > 1}
    if twice:
        raise SqlError(f"[COLUMN_ALREADY_EXISTS] The column `{twice.pop()}` already exists.", "42711")
    return [names[name.lower()] for name in wanted]


def _check_width(info: Json, columns: Sequence[str], given: int) -> None:
    if len(columns) == given:
        return
    kind = "NOT_ENOUGH_DATA_COLUMNS" if given < len(columns) else "TOO_MANY_DATA_COLUMNS"
    reason = "not enough data columns" if given < len(columns) else "too many data columns"
    listed = ", ".join(f"`{name}`" for name in columns)
    raise SqlError(
        f"[INSERT_COLUMN_ARITY_MISMATCH.{kind}] Cannot write to `{info['full_name'].replace('.', '`.`')}`, the reason "
        f"is {reason}: Table columns: {listed}. Data columns: {given}.",
        "21S01",
    )


def append(run: Run, info: Json, columns: Sequence[str], rows: str, operation: str, parameters: Json) -> int:
    """Add rows to a table as a version of it.

    Args:
        run: The statement.
        info: The table.
        columns: The columns that the rows have.
        rows: A DuckDB query.
        operation: What the table's history calls it.
        parameters: What the history says of it.
    """
    names = ", ".join(quoted(name) for name in columns)
    with run.catalog.versions.changing(info, run.user, rewrites=False) as change:
        with run.transaction():
            count = run.change(f"INSERT INTO {address_of(info)} ({names}) {rows}")
            check_constraints(run, info)
        run.result.written_rows += count
        change.commit(operation, parameters, {"numOutputRows": count, "numFiles": min(count, 1)})
    return count


def _overwritten(
    run: Run, info: Json, columns: Sequence[str], rows: str, condition: str, *, alias: str | None = None
) -> int:
    """Put rows in the place of others.

    Args:
        run: The statement.
        info: The table.
        columns: The columns that the rows have.
        rows: A DuckDB query.
        condition: Which rows go; all of them where it is empty.
        alias: What the condition calls the table, where it may be about the new rows and does not bind them.
    """
    # The source may read the target, so it is read before the target is emptied.
    names = ", ".join(quoted(name) for name in columns)
    with run.catalog.versions.changing(info, run.user, rewrites=True) as change:
        with run.transaction():
            run.execute(f"CREATE TEMP TABLE {_NEW_ROWS} AS SELECT * FROM ({rows}) AS rows({names})")
            if condition and alias is None:
                _check_replacement(run, condition)
            named = f"{address_of(info)} AS {quoted(alias or info['name'])}"
            removed = run.cursor.execute(f"DELETE FROM {named}" + (f" WHERE {condition}" if condition else ""))
            check_removable(info, removed.fetchall()[0][0])
            count = run.change(f"INSERT INTO {address_of(info)} ({names}) SELECT {names} FROM {_NEW_ROWS}")
            check_constraints(run, info)
            run.execute(f"DROP TABLE {_NEW_ROWS}")
        run.result.written_rows += count
        parameters: Json = {"mode": "Overwrite", "partitionBy": "[]"}
        change.commit("WRITE", parameters, {"numOutputRows": count, "numFiles": min(count, 1)})
    return count


def _check_replacement(run: Run, condition: str) -> None:
    bad = run.cursor.execute(f"SELECT count(*) FROM {_NEW_ROWS} WHERE ({condition}) IS NOT TRUE").fetchone()
    if bad and bad[0]:
        raise SqlError(
            "[DELTA_REPLACE_WHERE_MISMATCH] Written data does not conform to partial table overwrite condition or "
            f"constraint '{run.tree.args['where'].sql(dialect='databricks')}'.",
            "44000",
        )


# UPDATE, DELETE, TRUNCATE


def aliased(table: Any, info: Json) -> str:
    """A table that is changed, with the name that its statement uses for it."""
    return f"{address_of(info)} AS {quoted(table.alias or info['name'])}"


def set_list(pairs: Iterable[tuple[str, str]]) -> str:
    """What follows SET."""
    return ", ".join(f"{column} = {value}" for column, value in pairs)


def assignments(run: Run, then: Any, info: Json) -> list[tuple[str, str]]:
    """The columns that an UPDATE sets, with their values, which are stored as the columns' types.

    Raises:
        SqlError: A column is not there.
    """
    targets = {name.lower(): (name, kind) for name, kind in column_kinds(info).items()}
    pairs: list[tuple[str, str]] = []
    for item in then.expressions:
        name = item.this.name.lower()
        if name not in targets:
            listed = ", ".join(f"`{known}`" for known, _ in targets.values())
            raise SqlError(
                f"[UNRESOLVED_COLUMN.WITH_SUGGESTION] A column, variable, or function parameter with name "
                f"`{item.this.name}` cannot be resolved. Did you mean one of the following? [{listed}].",
                "42703",
            )
        column, kind = targets[name]
        pairs.append((quoted(column), value_of(run, item.expression, info, column, kind)))
    return pairs


def value_of(run: Run, tree: Any, info: Json, column: str, kind: Kind | None) -> str:
    """DuckDB SQL of a value for a column."""
    if is_default(tree):
        return default_of(run, info, column)
    source: Kind | None = tree.meta.get("kind")
    return stored(to_duckdb(tree), source, kind)


def _predicate(tree: Any) -> str:
    where = tree.args.get("where")
    return f'["{where.this.sql(dialect="databricks")}"]' if where is not None else "[]"


def update(run: Run) -> None:
    """UPDATE."""
    tree = run.tree
    if tree.args.get("from_") or tree.args.get("from"):
        raise SqlError("[PARSE_SYNTAX_ERROR] Syntax error at or near 'FROM'.", "42601")
    predicate = _predicate(tree)
    info = run.target(run.qualified(tree, tree.this)[0])
    where = tree.args.get("where")
    shown = f"UPDATE {aliased(tree.this, info)} SET {set_list(assignments(run, tree, info))}"
    count = _rewritten(run, info, shown, where, "UPDATE", predicate, "numUpdatedRows")
    run.affected({"num_affected_rows": count})


def delete(run: Run) -> None:
    """DELETE."""
    tree = run.tree
    predicate = _predicate(tree)
    info = run.target(run.qualified(tree, tree.this)[0])
    shown = f"DELETE FROM {aliased(tree.this, info)}"
    count = _rewritten(run, info, shown, tree.args.get("where"), "DELETE", predicate, "numDeletedRows")
    run.affected({"num_affected_rows": count})


def _rewritten(run: Run, info: Json, sql: str, where: Any, operation: str, predicate: str, metric: str) -> int:
    text = f"{sql} WHERE {to_duckdb(where.this)}" if where is not None else sql
    with run.catalog.versions.changing(info, run.user, rewrites=True) as change:
        with run.transaction():
            count = run.change(text)
            check_removable(info, count)
            check_constraints(run, info)
        if count:
            change.commit(operation, {"predicate": predicate}, {metric: count})
    run.result.written_rows += count if operation == "UPDATE" else 0
    return count


def truncate(run: Run) -> None:
    """TRUNCATE TABLE."""
    table = run.tree.find(exp.Table)
    info = run.target(run.qualified(run.tree, table)[0])
    with run.catalog.versions.changing(info, run.user, rewrites=True) as change:
        with run.transaction():
            count = run.change(f"DELETE FROM {address_of(info)}")
            check_removable(info, count)
        change.commit("TRUNCATE", {}, {"numDeletedRows": count})
    run.affected({})
