"""What DuckDB lacks of Databricks SQL: the macros of ``macros.sql``."""

from __future__ import annotations

import tempfile
from functools import cache
from pathlib import Path
from typing import Any

import duckdb

from genops.testing.workspace.sql.values import literal

_MACROS = Path(__file__).with_name("macros.sql")


def install(connection: Any) -> None:
    """Give a DuckDB database in memory the functions of Databricks that it lacks; their names begin with ``dbx_``.

    DuckDB copies what it has read about ten times as fast as it reads the text, which each workspace would wait for.

    Args:
        connection: Its first connection, which may still read files.
    """
    with tempfile.TemporaryDirectory(prefix="local-workspace-") as directory:
        path = Path(directory) / "macros.db"
        path.write_bytes(_read())
        connection.execute(f"ATTACH {literal(str(path))} AS macros (READ_ONLY)")
        connection.execute("COPY FROM DATABASE macros TO memory")
        connection.execute("DETACH macros")


@cache
def _read() -> bytes:
    """A DuckDB file with the macros."""
    with tempfile.TemporaryDirectory(prefix="local-workspace-") as directory:
        path = Path(directory) / "macros.db"
        # The format that is written by default has no types of parameters.
        connection: Any = duckdb.connect(str(path), config={"storage_compatibility_version": "latest"})
        try:
            connection.execute(_MACROS.read_text(encoding="utf-8"))
        finally:
            connection.close()
        return path.read_bytes()
