"""COPY INTO and read_files by trial: files of a volume with one column changed."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

from genops.lineage.sql.schema import Declared
from genops.lineage.sql.understanding import understand
from support.sdk import workspace_client

if TYPE_CHECKING:
    from genops.testing.workspace import LocalWorkspace

_AS_CSV = "FILEFORMAT = CSV FORMAT_OPTIONS ('header' = 'true')"
_FILES = "read_files('{place}', format => 'csv', header => true)"
COPIES = (
    "COPY INTO taken FROM '{place}' FILEFORMAT = CSV FORMAT_OPTIONS ('header' = 'true', 'inferSchema' = 'true')",
    f"COPY INTO taken FROM (SELECT c::INT AS a, upper(b) AS b FROM '{{place}}') {_AS_CSV}",
    f"COPY INTO taken FROM (SELECT concat(b, a) AS b, c::INT AS c FROM '{{place}}') {_AS_CSV}",
    f"COPY INTO taken (c, b, a) FROM (SELECT a::INT AS a, b, 7 AS c FROM '{{place}}') {_AS_CSV}",
    f"INSERT INTO taken SELECT c, upper(b), a FROM {_FILES}",
    f"INSERT INTO taken BY NAME SELECT b, a FROM {_FILES} WHERE c > 1",
)
_FILE = {"a": "135", "b": "xyz", "c": "246"}
_CHANGED = {"a": "224", "b": "vvw", "c": "101"}


class Landing:
    """A volume with the same file again and again, in each place with another column changed, and a table to fill.

    Args:
        workspace: A workspace that was started.

    Attributes:
        columns: Columns of the file.
    """

    columns = tuple(_FILE)

    def __init__(self, workspace: LocalWorkspace) -> None:
        self._workspace = workspace
        workspace.execute("CREATE VOLUME IF NOT EXISTS landing")
        files = workspace_client(workspace).files
        for column in (None, *_FILE):
            told = {**_FILE, column: _CHANGED[column]} if column else _FILE
            lines = [",".join(told), *(",".join(row) for row in zip(*told.values(), strict=True))]
            files.upload(f"{_place(column)}/one.csv", io.BytesIO("\n".join(lines).encode()), overwrite=True)

    def changed(self, copy: str, column: str) -> set[str]:
        """Return the columns of the table that differ when one of the file does."""
        before, after = (self._taken(copy, each) for each in (None, column))
        return {name for i, name in enumerate("abc") if sorted(before[i]) != sorted(after[i])}

    def named(self, copy: str, column: str) -> set[str]:
        """Return the columns of the table that depend on one of the file, by lineage."""
        text = copy.format(place=_place(None))
        (understood,) = understand(text, "databricks", Declared({"taken": "abc"}))
        source = f"{_place(None)}.{column}"
        return {flow.target.removeprefix("taken.") for flow in understood.columns if flow.source == source}

    def _taken(self, copy: str, column: str | None) -> list[list[str]]:
        made = "DROP TABLE IF EXISTS taken; CREATE TABLE taken (a INT, b STRING, c INT)"
        rows = self._workspace.execute(f"{made}; {copy.format(place=_place(column))}; SELECT a, b, c FROM taken")
        return [[str(value) for value in values] for values in zip(*rows, strict=True)] or [[], [], []]


def _place(column: str | None) -> str:
    return f"/Volumes/main/default/landing/{column or 'base'}"
