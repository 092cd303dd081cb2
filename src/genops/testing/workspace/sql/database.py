"""The DuckDB database behind a workspace: in memory, confined to the workspace's own files."""

from __future__ import annotations

import contextlib
import json
import threading
from typing import TYPE_CHECKING, Any

import duckdb

from genops.testing.workspace.sql.dialect import ALIAS
from genops.testing.workspace.sql.failures import CancelledStatementError, translated
from genops.testing.workspace.sql.values import literal, quoted

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator
    from pathlib import Path


def attached(catalog: str) -> str:
    """The DuckDB name of a catalog, quoted."""
    return quoted(ALIAS + catalog)


def address(catalog: str, schema: str, table: str) -> str:
    """The DuckDB name of a table, quoted."""
    return f"{attached(catalog)}.{quoted(schema)}.{quoted(table)}"


class Database:
    """One DuckDB instance with a cursor (a connection of its own) for each statement.

    Args:
        files: The only directory that SQL may read.
    """

    def __init__(self, files: Path) -> None:
        self._files = files
        self._lock = threading.Lock()
        # Statements that change anything run one after another, as DuckDB refuses concurrent writers of a table.
        self.writing = threading.RLock()
        self._connection: Any = duckdb.connect(":memory:", config={"autoinstall_known_extensions": "false"})
        for setting in (
            "TimeZone='UTC'",
            "threads=2",
            "preserve_insertion_order=true",
            f"allowed_directories=[{literal(str(files))}]",
            "enable_external_access=false",
        ):
            self._connection.execute(f"SET GLOBAL {setting}")

    def close(self) -> None:
        """Free everything."""
        with self._lock:
            self._connection.close()

    @contextlib.contextmanager
    def session(self) -> Generator[Any]:
        """A cursor for one statement; DuckDB's errors come out in Databricks' words.

        Raises:
            SqlError: What DuckDB refused.
            CancelledStatementError: The cursor was interrupted.
        """
        with self._lock:
            cursor: Any = self._connection.cursor()
        try:
            yield cursor
        except duckdb.InterruptException as error:
            raise CancelledStatementError from error
        except duckdb.Error as error:
            raise translated(self._readable(str(error))) from error
        finally:
            cursor.close()

    def _readable(self, message: str) -> str:
        return message.replace(f"{self._files}/", "/Volumes/").replace(ALIAS, "")

    def change(self, sql: str) -> None:
        """Run DDL of our own making."""
        with self.writing, self.session() as cursor:
            cursor.execute(sql)

    def describe(self, sql: str) -> list[tuple[str, str]]:
        """Names and DuckDB types of a query's columns, without running it."""
        with self.session() as cursor:
            return described(cursor, sql)

    def columns(self, catalog: str, schema: str, table: str) -> list[tuple[str, str, bool]]:
        """Name, DuckDB type and nullability of a table's columns."""
        query = (
            "SELECT column_name, data_type, is_nullable FROM duckdb_columns() WHERE database_name = ? "
            "AND schema_name = ? AND table_name = ? ORDER BY column_index"
        )
        with self.session() as cursor:
            return cursor.execute(query, [ALIAS + catalog, schema, table]).fetchall()


def described(cursor: Any, sql: str) -> list[tuple[str, str]]:
    """Names and DuckDB types of a query's columns, by a given cursor."""
    return [(row[0], row[1]) for row in cursor.execute(f"DESCRIBE {sql}").fetchall()]


class Profile:
    """What DuckDB measured of the last statement of a cursor.

    Attributes:
        rows_read: Rows that table and file scans went through, ``None`` where DuckDB did not say.
        bytes_read: Bytes of files, and of rows that table scans gave.
    """

    def __init__(self, rows_read: int | None = None, bytes_read: int | None = None) -> None:
        self.rows_read = rows_read
        self.bytes_read = bytes_read


def start_profile(cursor: Any) -> None:
    """Let DuckDB measure the statements of a cursor without printing."""
    cursor.execute("PRAGMA enable_profiling='no_output'")


def read_profile(cursor: Any) -> Profile:
    """The measurements of the statement that ran last; empty on a DuckDB that cannot tell."""
    try:
        tree: Any = json.loads(cursor.get_profiling_information(format="json"))
    except Exception:  # DuckDB before 1.5 has no such method; absent metrics are absent, not zero
        return Profile()
    scans = [node for node in _nodes([tree]) if "SCAN" in str(_either(node, "type", "operator_type"))]
    rows = sum(int(_either(node, "rows_scanned", "operator_rows_scanned")) for node in scans)
    tables = [node for node in scans if "Table" in node.get("extra_info", {})]
    scanned = sum(int(_either(node, "intermediate_size_bytes", "result_set_size")) for node in tables)
    return Profile(rows, scanned + int(_either({**tree, **tree.get("io", {})}, "total_bytes_read", "")))


def _either(node: Any, name: str, older: str) -> Any:
    """A measurement by the name that DuckDB 2 gives it, or by that of DuckDB 1.5."""
    return node.get(name, node.get(older, 0))


def _nodes(roots: Any) -> Iterator[Any]:
    for node in roots:
        yield node
        yield from _nodes([*node.get("operator", ()), *node.get("children", ())])
