"""Behaviours of statements beside their results: changes, errors, cancelling, asynchronous execution, files."""

from __future__ import annotations

import io
import tempfile
import threading
from pathlib import Path
from typing import Any

from databricks import sql

from support.connector_table import Given, promises, raised

# Long enough that it never ends by itself.
_SLOW = "SELECT count(*) FROM range(100000000) a CROSS JOIN range(100000) b WHERE a.id * b.id % 7 = 3"


@promises("a table is made, filled, read and dropped")
def _life(given: Given) -> None:
    table = given.table("id INT, name STRING", "(1, 'a'), (2, NULL)")
    assert given.rows(f"SELECT * FROM {table} ORDER BY id") == [(1, "a"), (2, None)]
    given.rows(f"DROP TABLE {table}")
    raised(sql.Error, lambda: given.rows(f"SELECT * FROM {table}"), words="TABLE_OR_VIEW_NOT_FOUND")


@promises("executemany runs a statement once for every set of parameters", since=(3, 0))
def _executemany(given: Given) -> None:
    table = given.table("id INT, name STRING")
    cursor = given.cursor()
    cursor.executemany(f"INSERT INTO {table} VALUES (:id, :name)", [{"id": n, "name": str(n)} for n in range(3)])
    assert given.rows(f"SELECT * FROM {table} ORDER BY id") == [(0, "0"), (1, "1"), (2, "2")]


@promises("rowcount after executemany is that of all sets", since=(4, 3), sea="num_modified_rows")
def _executemany_count(given: Given) -> None:
    table = given.table("id INT")
    cursor = given.cursor()
    cursor.executemany(f"INSERT INTO {table} VALUES (:id)", [{"id": 1}, {"id": 2}])
    assert cursor.rowcount == 2


@promises("query_id is the id of the statement in query history")
def _query_id(given: Given) -> None:
    cursor = given.cursor().execute("SELECT 41 + 1")
    entry = given.history(_id(cursor))
    assert (entry["query_text"], entry["status"]) == ("SELECT 41 + 1", "FINISHED")


def _id(cursor: Any) -> str:
    if hasattr(cursor, "query_id"):
        return cursor.query_id
    import uuid

    return str(uuid.UUID(bytes=cursor.active_op_handle.operationId.guid))


@promises("a statement that fails raises a DatabaseError with the message of the server")
def _fails(given: Given) -> None:
    raised(sql.DatabaseError, lambda: given.rows("SELECT * FROM no_such_table"), words="TABLE_OR_VIEW_NOT_FOUND")
    raised(sql.DatabaseError, lambda: given.rows("SELEC 1"), words="PARSE_SYNTAX_ERROR")
    raised(sql.DatabaseError, lambda: given.rows("SELECT 1 / 0"), words="DIVIDE_BY_ZERO")
    raised(sql.DatabaseError, lambda: given.rows("SELECT nothing"), words="UNRESOLVED_COLUMN")


@promises("an error names the operation, and the cursor can be used again")
def _context(given: Given) -> None:
    cursor = given.cursor()
    error = raised(sql.Error, lambda: cursor.execute("SELECT * FROM no_such_table"))
    assert "operation-id" in error.context
    assert error.message in str(error)
    assert cursor.execute("SELECT 1").fetchone()[0] == 1


@promises("a statement is cancelled from another thread while execute waits for it", sea="wait_timeout")
def _cancel(given: Given) -> None:
    cursor = given.cursor()
    ended: list[BaseException | None] = []

    def run() -> None:
        try:
            cursor.execute(_SLOW).fetchall()
        except BaseException as error:
            ended.append(error)
        else:
            ended.append(None)

    running = threading.Thread(target=run)
    running.start()
    while not _began(cursor) and running.is_alive():
        running.join(0.01)
    cursor.cancel()
    running.join(60)
    (error,) = ended
    assert isinstance(error, sql.Error)
    assert given.history(_id(cursor))["status"] == "CANCELED"


def _began(cursor: Any) -> bool:
    return (
        getattr(cursor, "active_command_id", None) is not None or getattr(cursor, "active_op_handle", None) is not None
    )


@promises("cancel without a statement does nothing")
def _nothing_to_cancel(given: Given) -> None:
    given.cursor().cancel()


@promises("execute_async returns at once, and the result is fetched when it is there", since=(3, 7))
def _asynchronous(given: Given) -> None:
    cursor = given.cursor()
    cursor.ASYNC_DEFAULT_POLLING_INTERVAL = 0.02
    assert cursor.execute_async("SELECT id FROM range(3) ORDER BY id") is cursor
    cursor.get_async_execution_result()
    assert not cursor.is_query_pending()
    assert [row[0] for row in cursor.fetchall()] == [0, 1, 2]


@promises("an asynchronous statement is pending until another thread cancels it", since=(4, 0))
def _pending(given: Given) -> None:
    cursor = given.cursor()
    cursor.ASYNC_DEFAULT_POLLING_INTERVAL = 0.02
    cursor.execute_async(_SLOW)
    assert cursor.is_query_pending()
    cancelling = threading.Thread(target=cursor.cancel)
    cancelling.start()
    cancelling.join()
    raised(sql.Error, cursor.get_async_execution_result)
    assert not cursor.is_query_pending()


@promises("an asynchronous statement takes parameters, and fails when its result is asked for", since=(4, 0))
def _asynchronous_failure(given: Given) -> None:
    cursor = given.cursor()
    cursor.ASYNC_DEFAULT_POLLING_INTERVAL = 0.02
    cursor.execute_async("SELECT :p + 1", {"p": 1})
    assert cursor.get_async_execution_result().fetchone()[0] == 2
    cursor.execute_async("SELECT * FROM no_such_table")
    raised(sql.Error, cursor.get_async_execution_result)


@promises("PUT, GET and REMOVE move files between the client and a volume")
def _files(given: Given) -> None:
    given.rows("CREATE VOLUME IF NOT EXISTS main.default.landing")
    there = f"/Volumes/main/default/landing/{given.transport}.txt"
    with tempfile.TemporaryDirectory() as folder:
        sent, received = Path(folder, "sent.txt"), Path(folder, "received.txt")
        sent.write_bytes(b"some bytes")
        with given.connect(staging_allowed_local_path=folder) as connection:
            cursor = connection.cursor()
            cursor.execute(f"PUT '{sent}' INTO '{there}' OVERWRITE")
            cursor.execute(f"GET '{there}' TO '{received}'")
            assert received.read_bytes() == b"some bytes"
            raised(
                sql.Error,
                lambda: cursor.execute(f"PUT '{sent}' INTO '{there}'"),
                words="FILE_IN_STAGING_PATH_ALREADY_EXISTS",
            )
            cursor.execute(f"REMOVE '{there}'")
            raised(sql.Error, lambda: cursor.execute(f"GET '{there}' TO '{received}'"), words="404")


@promises("PUT takes a stream", since=(4, 1))
def _stream(given: Given) -> None:
    given.rows("CREATE VOLUME IF NOT EXISTS main.default.landing")
    there = f"/Volumes/main/default/landing/{given.transport}.csv"
    given.cursor().execute(f"PUT '__input_stream__' INTO '{there}' OVERWRITE", input_stream=io.BytesIO(b"a,b\n1,2\n"))
    assert given.rows(f"SELECT a, b FROM read_files('{there}', format => 'csv', header => true)") == [(1, 2)]


@promises("files outside of staging_allowed_local_path are neither read nor written")
def _confined(given: Given) -> None:
    given.rows("CREATE VOLUME IF NOT EXISTS main.default.landing")
    put = "PUT '/etc/hostname' INTO '/Volumes/main/default/landing/hostname' OVERWRITE"
    raised(sql.Error, lambda: given.cursor().execute(put), words="staging_allowed_local_path")
    with given.connect(staging_allowed_local_path=tempfile.gettempdir()) as connection:
        raised(sql.Error, lambda: connection.cursor().execute(put), words="staging_allowed_local_path")
