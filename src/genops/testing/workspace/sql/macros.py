"""What DuckDB lacks of Databricks SQL: the macros of ``macros.sql``."""

from __future__ import annotations

import atexit
import os
import shutil
import tempfile
import threading
from pathlib import Path
from typing import Any

import duckdb

from genops.testing.workspace.sql.values import literal

_MACROS = Path(__file__).with_name("macros.sql")
_LOCK = threading.Lock()
_READ: dict[int, Path] = {}
"""The macros as DuckDB holds them, in a file of each process."""


def install(connection: Any) -> None:
    """Give a DuckDB database in memory the functions of Databricks that it lacks; their names begin with ``dbx_``.

    DuckDB copies what it has read about ten times as fast as it reads the text, which each workspace would wait for.

    Args:
        connection: Its first connection, which may still read files.
    """
    with _LOCK:
        connection.execute(f"ATTACH {literal(str(_read()))} AS macros (READ_ONLY)")
        connection.execute("COPY FROM DATABASE macros TO memory")
        connection.execute("DETACH macros")


def _read() -> Path:
    """The file of this process; made anew where a cleaner of temporary files took it."""
    process = os.getpid()
    path = _READ.get(process)
    if path is None or not path.exists():
        directory = tempfile.mkdtemp(prefix="local-workspace-macros-")
        atexit.register(_forget, directory, process)
        path = _READ[process] = Path(directory) / "macros.db"
        connection: Any = duckdb.connect(str(path), config={"storage_compatibility_version": "latest"})
        try:
            connection.execute(_MACROS.read_text(encoding="utf-8"))
        finally:
            connection.close()
    return path


def _forget(directory: str, process: int) -> None:
    """Remove the file, unless this is a fork of the process that uses it."""
    if os.getpid() == process:
        shutil.rmtree(directory, ignore_errors=True)
