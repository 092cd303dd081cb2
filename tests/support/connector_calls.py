"""Calls of a cursor of databricks-sql-connector, told so that two runs of them can be compared.

Runs with any version of the connector, also in environments without pytest.
"""

from __future__ import annotations

import contextlib
import re
import threading
import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from genops.testing import LocalWorkspace

# Long enough that it never ends by itself.
SLOW = "SELECT count(*) FROM range(100000000) a CROSS JOIN range(100000) b WHERE a.id * b.id % 7 = 3"
# Ids of statements and sessions differ between two runs.
_ID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")


def _rows(cursor: Any) -> Any:
    return [tuple(row) for row in cursor.fetchall()]


def selected(cursor: Any) -> Any:
    """Select two rows."""
    back = cursor.execute("SELECT * FROM VALUES (1, 'a'), (2, 'b') AS t(n, s)")
    return back is cursor, [column[0] for column in cursor.description], _rows(cursor), cursor.rownumber


def one_by_one(cursor: Any) -> Any:
    """Fetch a result in pieces."""
    cursor.execute("SELECT id FROM range(5)")
    return tuple(cursor.fetchone()), [tuple(row) for row in cursor.fetchmany(2)], [tuple(row) for row in cursor]


def written(cursor: Any) -> Any:
    """Make a table, fill it, read it."""
    cursor.execute("CREATE OR REPLACE TABLE main.default.written (n INT)")
    cursor.execute("INSERT INTO main.default.written VALUES (1), (2), (3)")
    counted = cursor.rowcount, _rows(cursor)
    cursor.execute("SELECT count(*) FROM main.default.written")
    return counted, _rows(cursor)


def failing(cursor: Any) -> Any:
    """Ask for a table that is not there."""
    return cursor.execute("SELECT * FROM main.default.not_there")


def misspelt(cursor: Any) -> Any:
    """Send what is no SQL."""
    return cursor.execute("SELEC 1")


def closed(cursor: Any) -> Any:
    """Use a closed cursor."""
    cursor.close()
    return cursor.execute("SELECT 1")


def misused(cursor: Any) -> Any:
    """Call with what is no parameter."""
    return cursor.execute("SELECT 1", nonsense=True)


def nothing_said(cursor: Any) -> Any:
    """Call without a statement."""
    return cursor.execute()


def fetching_nothing(cursor: Any) -> Any:
    """Fetch before there is a result."""
    return cursor.fetchall()


def many(cursor: Any) -> Any:
    """Run a statement with three sets of parameters."""
    cursor.execute("CREATE OR REPLACE TABLE main.default.many (n INT)")
    back = cursor.executemany("INSERT INTO main.default.many VALUES (:n)", [{"n": n} for n in range(3)])
    told = back is cursor, cursor.rowcount
    return told, _rows(cursor.execute("SELECT n FROM main.default.many ORDER BY n"))


def many_failing(cursor: Any) -> Any:
    """Fail in the second of three."""
    return cursor.executemany("SELECT 1 / :n", [{"n": 1}, {"n": 0}, {"n": 2}])


def many_none(cursor: Any) -> Any:
    """Run a statement with no parameters at all."""
    return cursor.executemany("SELECT 1", []) is cursor, cursor.rowcount


def listed(cursor: Any) -> Any:
    """List catalogs, schemas, tables and columns."""
    cursor.execute("CREATE OR REPLACE TABLE main.default.listed (n INT)")
    return (
        sorted(row[0] for row in cursor.catalogs().fetchall()),
        len(cursor.schemas("main").fetchall()),
        len(cursor.tables("main", schema_name="default", table_name="listed").fetchall()),
        len(cursor.columns("main", "default", "listed", "%").fetchall()),
    )


def asynchronous(cursor: Any) -> Any:
    """Begin a statement and look for its end."""
    back = cursor.execute_async("SELECT 7 AS n")
    while cursor.is_query_pending():
        time.sleep(0.005)
    return back is cursor, cursor.get_async_execution_result() is cursor, _rows(cursor)


def asynchronous_failing(cursor: Any) -> Any:
    """Begin a statement that fails."""
    cursor.execute_async("SELECT * FROM main.default.not_there")
    return cursor.get_async_execution_result()


def cancelled(cursor: Any) -> Any:
    """Begin a statement that never ends by itself, and cancel it from another thread."""
    cursor.execute_async(SLOW)
    pending = cursor.is_query_pending()
    cancelling = threading.Thread(target=cursor.cancel)
    cancelling.start()
    cancelling.join()
    try:
        return cursor.get_async_execution_result()
    except Exception as error:
        return pending, cursor.is_query_pending(), type(error)


def parameters(cursor: Any) -> Any:
    """Give parameters by name, by position and with a type of their own."""
    from databricks.sql.parameters import DbsqlParameterBase, StringParameter

    assert issubclass(StringParameter, DbsqlParameterBase)
    named = _rows(cursor.execute("SELECT :n AS n, :s AS s", {"n": 1, "s": "hunter2"}))
    placed = _rows(cursor.execute("SELECT ? AS n, ? AS s", [2, None]))
    typed = _rows(cursor.execute("SELECT :s AS s", [StringParameter(value="hunter2", name="s")]))
    return named, placed, typed


def misnamed(cursor: Any) -> Any:
    """Leave a parameter out."""
    return cursor.execute("SELECT :n", {"m": 1})


def idle(cursor: Any) -> Any:
    """Cancel nothing."""
    return cursor.cancel()


BROKEN = (failing, misspelt, closed, misused, nothing_said, fetching_nothing)
BASIC = (selected, one_by_one, written, *BROKEN, listed, idle)
NAMED = (parameters, misnamed, many, many_failing, many_none)
ASYNCHRONOUS = (asynchronous, asynchronous_failing, cancelled)
CALLS: tuple[Callable[[Any], Any], ...] = (*BASIC, *NAMED, *ASYNCHRONOUS)


def told(workspace: LocalWorkspace, connection: Any, call: Callable[[Any], Any]) -> Any:
    """Return what a call shows: its result or its error, and the requests that it took.

    How often the state of a statement is asked for depends on the machine, so repeated looks are one.
    """
    workspace.clear_requests()
    return shown(connection, call), list(_requests(workspace))


def shown(connection: Any, call: Callable[[Any], Any]) -> Any:
    """Return the result of a call on a new cursor, or its error."""
    cursor = connection.cursor()
    with contextlib.suppress(AttributeError):
        cursor.ASYNC_DEFAULT_POLLING_INTERVAL = 0.005
    try:
        return call(cursor)
    except Exception as error:
        return type(error), _plain(error.args), sorted(getattr(error, "context", None) or ())
    finally:
        cursor.close()


def _plain(args: tuple[Any, ...]) -> list[str]:
    return [_ID.sub("…", str(sorted(part) if isinstance(part, dict) else part)) for part in args]


def _requests(workspace: LocalWorkspace) -> Iterator[str]:
    before: Any = None
    for request in workspace.requests:
        shown = _ID.sub("…", f"{request.method} {request.path} {request.sql} {request.body}")
        if shown != before or request.sql:
            yield shown
        before = shown
