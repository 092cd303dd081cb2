"""The hooks of databricks-sql-connector: every statement and every listing of a cursor, over each of its transports.

The classes of `databricks.sql.client` are patched, so connections that exist already are governed too, and so is what
stands on them: SQLAlchemy, dbt. The connector is never imported from here: the hooks wait for its import. What a cursor
does to itself while one of its calls runs is part of that call; a look at the state of a statement that goes on is no
operation of its own.
"""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable, Mapping
from contextvars import ContextVar
from functools import partial
from types import ModuleType
from typing import Any

import wrapt

from genops.core import current, shapes
from genops.instrumentation import databricks_connections, databricks_results, databricks_tags
from genops.instrumentation.databricks_sql_calls import (
    LIBRARY,
    Awaited,
    Batch,
    Execution,
    Seen,
    Submission,
    cancel_site,
    cancelled,
    fetching,
    metadata_site,
    statement_site,
)
from genops.instrumentation.patches import Around, Patches

_MODULE = "databricks.sql.client"
_STATEMENTS: dict[str, Seen] = {"execute": Execution, "execute_async": Submission, "executemany": Batch}
_LISTINGS = ("catalogs", "schemas", "tables", "columns")
_LAST_ROWS = ("fetchall", "fetchall_arrow")

Args = tuple[Any, ...]
Kwargs = Mapping[str, Any]

_patches = Patches()
_hooked = False
_batch: ContextVar[Batch | None] = ContextVar("genops_databricks_sql_batch", default=None)


def install() -> None:
    """Put the hooks in: now where the connector is imported already, otherwise when it is. Twice is once."""
    global _hooked  # noqa: PLW0603  (a hook of an import cannot be taken back, so it is registered once)
    with _patches.lock:
        _patches.active = True
        if _MODULE in sys.modules:
            _patch(sys.modules[_MODULE])
        elif not _hooked:
            _hooked = True
            wrapt.register_post_import_hook(_patch, _MODULE)


def uninstall() -> None:
    """Restore every original; a later import is not patched. Where somebody wrapped over us, ours does nothing."""
    _patches.restore()


def installed() -> int:
    """Return the number of wrapped methods; 0 where nothing is installed or the connector is not imported yet."""
    return len(_patches)


def _patch(module: ModuleType) -> None:
    with _patches.lock:
        if not _patches.active:
            return
        connection, cursor = getattr(module, "Connection", None), getattr(module, "Cursor", None)
        if not inspect.isclass(connection) or not inspect.isclass(cursor):
            return
        _patches.wrap(connection, "__init__", partial(_opening, inspect.signature(_plain(connection, "__init__"))))
        for name, around in _arounds(cursor).items():
            if name in vars(cursor):
                _patches.wrap(cursor, name, around)


def _arounds(cursor: type) -> dict[str, Around]:
    """Return what goes around each method; a version that does not have one goes without."""
    statement = statement_site()
    return {
        **{
            name: partial(_executing, seen, statement, _position_of_tags(cursor, name))
            for name, seen in _STATEMENTS.items()
        },
        **{name: partial(_executing, Execution, metadata_site(name), -1) for name in _LISTINGS},
        **dict.fromkeys(_LAST_ROWS, _fetching),
        "cancel": partial(_cancelling, cancel_site()),
        "close": _closing,
        "get_query_state": _looking,
        "get_async_execution_result": _collecting,
    }


def _plain(owner: type, name: str) -> Callable[..., Any]:
    return inspect.unwrap(vars(owner)[name])


def _position_of_tags(cursor: type, name: str) -> int:
    """Return where a method takes tags among its positional arguments; -1 where it takes none."""
    if name not in vars(cursor):
        return -1
    parameters = list(inspect.signature(_plain(cursor, name)).parameters)
    return parameters.index(databricks_tags.PARAMETER) - 1 if databricks_tags.PARAMETER in parameters else -1


def _opening(
    signature: inspect.Signature, wrapped: Callable[..., Any], instance: Any, args: Args, kwargs: Kwargs
) -> Any:
    """Take note of what a connection is opened with, before its dictionaries are changed by the connector itself."""
    governor = current.slot.governor
    if governor is not None and _patches.active:
        with governor.guard.at("connect"):
            databricks_connections.opening(instance, signature.bind_partial(instance, *args, **kwargs).arguments)
    return wrapped(*args, **kwargs)


def _executing(
    seen: Seen, site: shapes.Site, position: int, wrapped: Callable[..., Any], instance: Any, args: Args, kwargs: Kwargs
) -> Any:
    """Govern a call that runs a statement."""
    governor = current.slot.governor
    if governor is None or governor.off or not _patches.active:
        return wrapped(*args, **kwargs)
    if current.running(LIBRARY) is not None:
        return _inside(wrapped, instance, args, kwargs)
    _fetched(instance)
    execution = seen(instance)

    def run(*given: Any, **named: Any) -> Any:
        tagged: Kwargs = named
        with governor.guard.at("tags"):
            execution.begun()
            tagged = execution.tagged(given, named, position)
        return wrapped(*given, **tagged)

    site = site._replace(observe=execution.observe, failed=execution.failed)
    token = _batch.set(execution if isinstance(execution, Batch) else None)
    try:
        return shapes.call(site, run, instance, args, kwargs)
    finally:
        current.restore(token)


def _inside(wrapped: Callable[..., Any], instance: Any, args: Args, kwargs: Kwargs) -> Any:
    """Run what the connector itself calls; count it where it is one of several statements of one call."""
    batch, governor = _batch.get(), current.slot.governor
    if batch is None or governor is None or batch.cursor is not instance:
        return wrapped(*args, **kwargs)
    try:
        return wrapped(*args, **kwargs)
    finally:
        with governor.guard.at("batch"):
            batch.ran()


def _cancelling(site: shapes.Site, wrapped: Callable[..., Any], instance: Any, args: Args, kwargs: Kwargs) -> Any:
    """Govern the cancelling of a statement, where there is one."""
    governor = current.slot.governor
    if governor is None or not _patches.active:
        return wrapped(*args, **kwargs)
    command = None
    with governor.guard.at("cancel"):
        command = databricks_results.command_of(instance)
        if command is not None:
            cancelled[instance] = command
    if command is None:
        return wrapped(*args, **kwargs)
    return shapes.call(site, wrapped, instance, args, kwargs)


def _looking(wrapped: Callable[..., Any], instance: Any, args: Args, kwargs: Kwargs) -> Any:
    """See the end of a statement that went on after its call."""
    awaited = _awaited(instance)
    if awaited is None:
        return wrapped(*args, **kwargs)
    guard = awaited.run.governor.guard
    try:
        state = wrapped(*args, **kwargs)
    except Exception as error:
        with guard.at("state"):
            awaited.raised(error)
        raise
    with guard.at("state"):
        awaited.saw(state)
    return state


def _collecting(wrapped: Callable[..., Any], instance: Any, args: Args, kwargs: Kwargs) -> Any:
    """See the result of a statement that went on after its call."""
    awaited = _awaited(instance)
    if awaited is None:
        return wrapped(*args, **kwargs)
    awaited.collecting = True
    try:
        result = wrapped(*args, **kwargs)
    finally:
        awaited.collecting = False
    with awaited.run.governor.guard.at("result"):
        awaited.collected(instance)
    return result


def _awaited(cursor: Any) -> Awaited | None:
    governor = current.slot.governor
    if governor is not None and _patches.active:
        with governor.guard.at("state"):
            return Awaited.of_cursor.get(cursor)
    return None


def _fetched(cursor: Any) -> None:
    """Say what was fetched of the result that a cursor holds."""
    governor = current.slot.governor
    if governor is not None and _patches.active:
        with governor.guard.at("fetch"):
            fetching.ends(cursor)


def _fetching(wrapped: Callable[..., Any], instance: Any, args: Args, kwargs: Kwargs) -> Any:
    """See that a result was fetched to its end."""
    rows = wrapped(*args, **kwargs)
    _fetched(instance)
    return rows


def _closing(wrapped: Callable[..., Any], instance: Any, args: Args, kwargs: Kwargs) -> Any:
    """See that nothing more will be fetched of a result."""
    _fetched(instance)
    return wrapped(*args, **kwargs)


__all__ = ["LIBRARY", "install", "installed", "uninstall"]
