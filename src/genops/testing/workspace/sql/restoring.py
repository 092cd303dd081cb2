"""RESTORE TABLE and CREATE TABLE … CLONE: tables as they were, and copies of tables."""

# ruff: noqa: S608 - the SQL is built from quoted identifiers

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from genops.testing.workspace.sql import ddl
from genops.testing.workspace.sql.commands.grammar import compiled, spoken
from genops.testing.workspace.sql.database import address, address_of
from genops.testing.workspace.sql.failures import SqlError, UnsupportedError, already_exists
from genops.testing.workspace.sql.results import RowsResult
from genops.testing.workspace.sql.values import quoted, result_column
from genops.testing.workspace.unity.names import checked_name

if TYPE_CHECKING:
    from genops.testing.workspace.http.wire import Json
    from genops.testing.workspace.sql.running import Run
    from genops.testing.workspace.sql.versions import Version

_RESTORE = "RESTORE [TABLE] <name> [TO] {way:VERSION|TIMESTAMP} AS OF <spec:rest>"
_CLONE = (
    "CREATE [replace:OR REPLACE] TABLE [exists:IF NOT EXISTS] <name> [{how:SHALLOW|DEEP}] CLONE <source:name> "
    "[{way:VERSION|TIMESTAMP} AS OF <spec:rest>]"
)


def restore(run: Run) -> None:
    """RESTORE TABLE … TO VERSION AS OF and TO TIMESTAMP AS OF."""
    match = compiled(_RESTORE).fullmatch(spoken(run.sql))
    if match is None:
        raise SqlError("[PARSE_SYNTAX_ERROR] Syntax error at or near 'RESTORE'.", "42601")
    name = run.table_name(match["name"])
    ddl.need_table(run.catalog, name)
    info = run.target(name)
    versions = run.catalog.versions
    version = _version(run, info, match["way"], match["spec"])
    query = versions.query(info, version)
    columns = ", ".join(quoted(column) for column, _ in version.columns)
    if [column for column, _ in version.columns] != [column["name"] for column in info["columns"]]:
        raise UnsupportedError("RESTORE to a version with other columns")
    before = versions.history(info)[0].rows
    with versions.changing(info, run.user, rewrites=True) as change:
        with run.transaction():
            run.execute(f"CREATE TEMP TABLE restored AS {query}")
            run.cursor.execute(f"DELETE FROM {address_of(info)}")
            count = run.change(f"INSERT INTO {address_of(info)} ({columns}) SELECT {columns} FROM restored")
            run.cursor.execute("DROP TABLE restored")
        metrics = {"numRestoredFiles": min(count, 1), "numRemovedFiles": min(before, 1)}
        change.commit("RESTORE", {"version": str(version.number), "timestamp": None}, metrics)
    run.result.written_rows = count
    _files(run, metrics)


def _files(run: Run, metrics: dict[str, int]) -> None:
    """The result of RESTORE: files, of which the local workspace counts one for a table with rows."""
    names = (
        "table_size_after_restore",
        "num_of_files_after_restore",
        "num_removed_files",
        "num_restored_files",
        "removed_files_size",
        "restored_files_size",
    )
    restored, removed = metrics["numRestoredFiles"], metrics["numRemovedFiles"]
    run.result.columns = [result_column(name, index, "BIGINT") for index, name in enumerate(names)]
    run.sink(RowsResult(run.result.columns, [[0, restored, removed, restored, 0, 0]]))


def _version(run: Run, info: Json, way: str, spec: str) -> Version:
    versions = run.catalog.versions
    if way.upper() == "VERSION":
        if not spec.strip().isdigit():
            raise SqlError(f"[INVALID_TIME_TRAVEL_SPEC] {spec} is no version number.", "22023")
        return versions.find(info, number=int(spec))
    value: Any = run.planning.value_of(f"unix_micros(CAST({spec} AS TIMESTAMP))", run.session)
    return versions.find(info, at=int(value) / 1_000_000)


def clone(run: Run) -> None:
    """CREATE TABLE … CLONE; a shallow clone is a copy, too, as there are no files to share."""
    match = compiled(_CLONE).fullmatch(spoken(run.sql))
    if match is None:
        raise UnsupportedError("CREATE … CLONE of this form")
    name, source_name = run.table_name(match["name"]), run.table_name(match["source"])
    source = ddl.need_table(run.catalog, source_name)
    ddl.not_a_view(run.catalog, source_name)
    run.may(run.user, "SELECT", source_name)
    ddl.need_schema(run.catalog, name)
    checked_name(name.name)
    run.catalog.grants.need(run.user, "CREATE TABLE", "schema", f"{name.catalog}.{name.schema}")
    if name.full in run.catalog.tables:
        if match["exists"]:
            run.affected({})
            return
        if not match["replace"]:
            raise already_exists("TABLE_OR_VIEW", name.shown)
        raise UnsupportedError("CREATE OR REPLACE TABLE … CLONE of a table that is there")
    way = match["way"]
    version = _version(run, source, way, match["spec"]) if way else run.catalog.versions.history(source)[0]
    where = address(name.catalog, name.schema, name.name)
    run.change(f"CREATE TABLE {where} AS {run.catalog.versions.query(source, version)}")
    comments = {column["name"]: column["comment"] for column in source["columns"] if column.get("comment")}
    given = {**{key: source[key] for key in ("comment", "properties") if source.get(key)}, "comments": comments}
    info = run.catalog.register_table(name, {**given, "table_type": "MANAGED"})
    run.result.reads.append(source_name.full)
    run.result.writes.append(name.full)
    run.result.written_rows = version.rows
    metrics = {"numCopiedFiles": min(version.rows, 1), "sourceNumOfFiles": min(version.rows, 1)}
    run.catalog.versions.created(info, run.user, "CLONE", metrics)
    _cloned(run, min(version.rows, 1))


def _cloned(run: Run, files: int) -> None:
    names = (
        "source_table_size",
        "source_num_of_files",
        "num_removed_files",
        "num_copied_files",
        "removed_files_size",
        "copied_files_size",
    )
    run.result.columns = [result_column(name, index, "BIGINT") for index, name in enumerate(names)]
    run.sink(RowsResult(run.result.columns, [[0, files, 0, files, 0, 0]]))
