"""The DuckDB database behind a workspace: in memory or in files, confined to the workspace's own."""

from __future__ import annotations

import contextlib
import json
import threading
import time
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, unquote

import duckdb

from genops.testing.workspace.sql.dialect import ALIAS
from genops.testing.workspace.sql.failures import CancelledStatementError, translated
from genops.testing.workspace.sql.macros import install
from genops.testing.workspace.sql.values import literal, quoted

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator, Sequence
    from pathlib import Path

    from genops.testing.workspace.http.wire import Json


def attached(catalog: str) -> str:
    """The DuckDB name of a catalog, quoted."""
    return quoted(ALIAS + catalog)


def address(catalog: str, schema: str, table: str) -> str:
    """The DuckDB name of a table, quoted."""
    return f"{attached(catalog)}.{quoted(schema)}.{quoted(table)}"


def address_of(info: Json) -> str:
    """The DuckDB name of a table that the catalog holds."""
    return address(info["catalog_name"], info["schema_name"], info["name"])


class Database:
    """One DuckDB instance with a cursor (a connection of its own) for each statement.

    Args:
        files: The only directory that SQL may read.
        now: Gives the time, in seconds since the epoch.
        user: Who asks where nobody else is named.
        home: Directory of the catalogs' files; they are in memory where it is absent.
    """

    def __init__(
        self, files: Path, now: Callable[[], float] = time.time, user: str = "", home: Path | None = None
    ) -> None:
        self._files = files
        self._home = home
        self._now = now
        self._user = user
        self._lock = threading.Lock()
        # Statements that change anything run one after another, as DuckDB refuses concurrent writers of a table.
        self.writing = threading.RLock()
        self._connection: Any = duckdb.connect(":memory:", config={"autoinstall_known_extensions": "false"})
        install(self._connection)  # before the settings shut the files away
        for setting in (
            "TimeZone='UTC'",
            "threads=2",
            "preserve_insertion_order=true",
            f"allowed_directories=[{', '.join(literal(str(place)) for place in (files, home) if place)}]",
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

    def tell(self, cursor: Any, user: str = "") -> None:
        """Let the statements of a cursor know who asks, and what time it is.

        Args:
            cursor: It.
            user: Who asks.
        """
        micros = int(self._now() * 1_000_000)
        cursor.execute(f"SET VARIABLE dbx_now = make_timestamptz({micros})")
        cursor.execute(f"SET VARIABLE dbx_user = {literal(user or self._user)}")

    # Catalogs

    def attach(self, catalog: str) -> None:
        """Make a catalog's place, or open the file that it had before."""
        place = literal(str(self._file(catalog))) if self._home else "':memory:'"
        self.change(f"ATTACH {place} AS {attached(catalog)}")

    def detach(self, catalog: str) -> None:
        """Forget a catalog with everything in it."""
        self.change(f"DETACH {attached(catalog)}")
        if self._home:
            self._file(catalog).unlink(missing_ok=True)

    def stored(self) -> list[str]:
        """The catalogs that have a file."""
        return sorted(unquote(file.stem) for file in self._home.glob("*.duckdb")) if self._home else []

    def _file(self, catalog: str) -> Path:
        assert self._home is not None
        return self._home / f"{quote(catalog, safe='')}.duckdb"

    def change(self, sql: str) -> None:
        """Run DDL of our own making."""
        with self.writing, self.session() as cursor:
            cursor.execute(sql)

    def together(self, statements: Sequence[str]) -> None:
        """Run several statements of our own making in one transaction."""
        with self.writing, self.session() as cursor:
            cursor.execute("BEGIN")
            try:
                for statement in statements:
                    cursor.execute(statement)
                cursor.execute("COMMIT")
            except BaseException:
                cursor.execute("ROLLBACK")
                raise

    def rows(self, sql: str, values: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """The rows of a query of our own making.

        Args:
            sql: DuckDB SQL.
            values: What its ``?`` stand for.
        """
        with self.session() as cursor:
            if "dbx_" in sql:
                self.tell(cursor)
            return cursor.execute(sql, list(values)).fetchall()

    def describe(self, sql: str) -> list[tuple[str, str]]:
        """Names and DuckDB types of a query's columns, without running it."""
        with self.session() as cursor:
            return described(cursor, sql)

    def default(self, catalog: str, schema: str, table: str, column: str) -> str:
        """DuckDB SQL of a column's default; empty where it has none."""
        query = (
            "SELECT column_default FROM duckdb_columns() WHERE database_name = ? AND schema_name = ? "
            "AND table_name = ? AND lower(column_name) = lower(?)"
        )
        found = self.rows(query, [ALIAS + catalog, schema, table, column])
        return str(found[0][0] or "") if found else ""

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
    """The measurements of the statement that ran last."""
    tree: Any = json.loads(cursor.get_profiling_information(format="json"))
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
