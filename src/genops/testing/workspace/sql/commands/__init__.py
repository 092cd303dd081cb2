"""Statements that are the catalog's and the session's alone: SHOW, DESCRIBE, USE, SET, ALTER, GRANT …

sqlglot does not parse most of them, so each form is one pattern; :mod:`grammar` says how patterns read.
"""

from __future__ import annotations

import re

from genops.testing.workspace.sql.commands import (
    alter_table,
    containers,
    describe,
    functions,
    privileges,
    settings,
    show,
    staging,
    upkeep,
    views,
)
from genops.testing.workspace.sql.commands.grammar import Scope, Table, compiled, spoken
from genops.testing.workspace.sql.failures import UnsupportedError

__all__ = ["Scope", "Table", "command", "command_type"]

_COMMANDS = [
    item
    for room in (views, functions, containers, alter_table, privileges, show, describe, settings, staging, upkeep)
    for item in room.COMMANDS
]

# First words that Databricks knows and that reach neither a command nor the SQL engine.
_REFUSED = frozenset(
    """
    ALTER ANALYZE BEGIN CACHE CALL CLONE CONVERT COPY DECLARE DENY DESC DESCRIBE EXECUTE EXPLAIN FSCK GET GRANT LIST
    LOAD MSCK OPTIMIZE PUT REFRESH REMOVE REORG REPAIR RESET RESTORE REVOKE SET SHOW SYNC UNCACHE UNDROP UNSET VACUUM
    """.split()  # noqa: SIM905 - forty words read better than forty strings
)


def command_type(sql: str) -> str:
    """The type of a statement as far as its words tell."""
    text = spoken(sql)
    return next((kind for pattern, _, kind in _COMMANDS if compiled(pattern).fullmatch(text)), "OTHER")


def command(scope: Scope, sql: str) -> Table | None:
    """Run a statement that is the catalog's or the session's alone.

    Returns:
        Its rows, or ``None`` where the statement is for the SQL engine.

    Raises:
        SqlError: The statement failed.
        UnsupportedError: A statement that Databricks knows and the local workspace does not imitate.
        ApiError: What the catalog refused.
    """
    text = spoken(sql)
    for pattern, run, _ in _COMMANDS:
        match = compiled(pattern).fullmatch(text)
        if match:
            with scope.catalog.lock:
                rows = run(scope, match)
            if rows is not None:
                return rows
    word = re.match(r"[A-Za-z]+", text)
    if word and word[0].upper() in _REFUSED:
        raise UnsupportedError(f"{word[0].upper()} statements of this form")
    return None
