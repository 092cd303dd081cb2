"""Statements that keep tables in shape: they change no row, and here there is nothing else to change.

The local workspace holds tables in memory and keeps no files. OPTIMIZE finds no file to compact and VACUUM none to
delete, as on a table that has just been optimized, and they say so in the columns that are documented.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from genops.testing.workspace.sql.commands.grammar import Command, Scope, Table, identifier, split_list
from genops.testing.workspace.sql.failures import SqlError, UnsupportedError

if TYPE_CHECKING:
    import re

    from genops.testing.workspace.http.wire import Json

_FILES = "STRUCT(min BIGINT, max BIGINT, avg DOUBLE, totalFiles BIGINT, totalSize BIGINT)"
_NO_FILES = '{"min":null,"max":null,"avg":0.0,"totalFiles":0,"totalSize":0}'
_METRICS = (
    f"STRUCT(numFilesAdded BIGINT, numFilesRemoved BIGINT, filesAdded {_FILES}, filesRemoved {_FILES}, "
    "partitionsOptimized BIGINT, numBatches BIGINT, totalConsideredFiles BIGINT, totalFilesSkipped BIGINT, "
    "preserveInsertionOrder BOOLEAN)"
)
_NOTHING_DONE = (
    f'{{"numFilesAdded":0,"numFilesRemoved":0,"filesAdded":{_NO_FILES},"filesRemoved":{_NO_FILES},'
    '"partitionsOptimized":0,"numBatches":0,"totalConsideredFiles":0,"totalFilesSkipped":0,'
    '"preserveInsertionOrder":true}'
)
_RETAINED_HOURS = 168
"""The shortest time for which VACUUM keeps what is no longer used [docs.databricks.com, VACUUM]."""


def _stored(scope: Scope, name: str, privilege: str) -> Json:
    """A table that may be kept in shape by the session's user."""
    info = scope.found(name)
    if info["table_type"] == "VIEW":
        raise SqlError(
            f"[EXPECT_TABLE_NOT_VIEW.NO_ALTERNATIVE] {scope.table(name).shown} is a view, expected a table.", "42809"
        )
    scope.catalog.grants.need(scope.user, privilege, "table", info["full_name"])
    return info


def _optimize(scope: Scope, match: re.Match[str]) -> Table:
    info = _stored(scope, match["name"], "MODIFY")
    known = {column["name"].lower() for column in info["columns"]}
    for column in split_list(match["order"] or ""):
        if identifier(column).lower() not in known:
            raise SqlError(
                f"[DELTA_ZORDERING_COLUMN_DOES_NOT_EXIST] Z-Ordering column {column} does not exist in data schema.",
                "42703",
            )
    kinds = {"metrics": _METRICS}
    return Table(["path", "metrics"], [[info["storage_location"], _NOTHING_DONE]], kinds)


def _vacuum(scope: Scope, match: re.Match[str]) -> Table:
    info = _stored(scope, match["name"], "MODIFY")
    if match["hours"] and float(match["hours"]) < _RETAINED_HOURS:
        raise SqlError(
            "[DELTA_VACUUM_RETENTION_PERIOD_TOO_SHORT] Are you sure you would like to vacuum files with such a low "
            f"retention period? The retention should be at least {_RETAINED_HOURS} hours.",
            "22003",
        )
    if match["dry"]:
        return Table(["path"])
    for operation in ("VACUUM START", "VACUUM END"):
        with scope.catalog.versions.changing(info, scope.user, rewrites=False) as change:
            change.commit(operation)
    return Table(["path"], [[info["storage_location"]]])


def _analyze(scope: Scope, match: re.Match[str]) -> Table:
    _stored(scope, match["name"], "MODIFY")
    return Table()


def _refresh(scope: Scope, match: re.Match[str]) -> Table:
    scope.found(match["name"])
    return Table()


def _clear(_: Scope, __: re.Match[str]) -> Table:
    return Table()


def _explain(scope: Scope, match: re.Match[str]) -> Table:
    if match["how"] and match["how"].upper() != "FORMATTED":
        raise UnsupportedError(f"EXPLAIN {match['how'].upper()}, which shows a plan of Spark")
    return Table(["plan"], [[scope.planner.explain(match["query"], scope.session)]])


COMMANDS: list[Command] = [
    ("OPTIMIZE <name> [FULL] [WHERE <where:anything>] [ZORDER BY [(] <order:list> [)]]", _optimize, "OPTIMIZE"),
    ("VACUUM <name> [{FULL|LITE}] [RETAIN <hours:name> HOURS] [dry:DRY RUN]", _vacuum, "OTHER"),
    ("ANALYZE TABLE <name> COMPUTE [DELTA] STATISTICS [NOSCAN] [FOR ALL COLUMNS]", _analyze, "ANALYZE"),
    ("ANALYZE TABLE <name> COMPUTE STATISTICS FOR COLUMNS <columns:anything>", _analyze, "ANALYZE"),
    ("REFRESH [TABLE] <name>", _refresh, "REFRESH"),
    ("CACHE [LAZY] TABLE <name>", _refresh, "OTHER"),
    ("UNCACHE TABLE [IF EXISTS] <name>", _clear, "OTHER"),
    ("CLEAR CACHE", _clear, "OTHER"),
    ("EXPLAIN [{how:EXTENDED|CODEGEN|COST|FORMATTED}] <query:rest>", _explain, "EXPLAIN"),
]
