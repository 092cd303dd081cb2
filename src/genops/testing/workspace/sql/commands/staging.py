"""PUT, GET and REMOVE of files: the statement gives a URL, and the client that sent it moves the bytes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from genops.testing.workspace.sql.commands.grammar import Command, Scope, Table, literal_text
from genops.testing.workspace.sql.failures import SqlError

if TYPE_CHECKING:
    import re

_COLUMNS = ["operation", "presignedUrl", "headers", "localFile"]


def _put(scope: Scope, match: re.Match[str]) -> Table:
    there = literal_text(match["place"])
    if scope.catalog.staging.place("PUT", there, scope.user).exists() and not match["overwrite"]:
        raise SqlError(f"[FILE_IN_STAGING_PATH_ALREADY_EXISTS] File in staging path {there} already exists", "42710")
    return _row(scope, "PUT", match)


def _get(scope: Scope, match: re.Match[str]) -> Table:
    scope.catalog.staging.place("GET", literal_text(match["place"]), scope.user)
    return _row(scope, "GET", match)


def _remove(scope: Scope, match: re.Match[str]) -> Table:
    scope.catalog.staging.place("REMOVE", literal_text(match["place"]), scope.user)
    return _row(scope, "REMOVE", match)


def _row(scope: Scope, operation: str, match: re.Match[str]) -> Table:
    url = scope.catalog.staging.sign(operation, literal_text(match["place"]))
    local = literal_text(match["local"]) if match.groupdict().get("local") else None
    return Table(_COLUMNS, [[operation, url, "{}", local]], staging=True)


COMMANDS: list[Command] = [
    ("PUT <local:text> INTO <place:text> [overwrite:OVERWRITE]", _put, "OTHER"),
    ("GET <place:text> TO <local:text>", _get, "OTHER"),
    ("REMOVE <place:text>", _remove, "OTHER"),
]
