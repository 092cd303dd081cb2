"""Asks a workspace for the columns of tables that statements would have needed: only where that was asked for.

What it asks is a statement on the warehouse that ran the program's own, which the platform bills like any other: one
for a schema, and the same table again after ten minutes at the earliest. In the platform's query history it has the
query tag `genops=information_schema`. It is no operation of the program, so that no total and no budget of genops
holds it; `asked` counts it.
"""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from typing import TYPE_CHECKING, Any, NamedTuple

from genops.core.forks import on_fork

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from genops.core.guard import Guard
    from genops.core.operation import DatasetRef, Operation
    from genops.lineage.sql.catalogs import Catalogs
    from genops.lineage.sql.understood import Table

_STATEMENTS = "/api/2.0/sql/statements"
_PARTS = 3
_REST_SECONDS = 600.0
_GATHER_SECONDS = 0.2
_IDLE_SECONDS = 60.0
MAX_TABLES = 100
"""Tables in one statement."""
MAX_WAITING = 1_000
_MAX_KNOWN = 10_000


class _Schema(NamedTuple):
    """A schema, and the warehouse that is asked about it."""

    host: str
    warehouse: str
    catalog: str
    name: str


class InformationSchema:
    """Asks in a thread of its own, and tells what knows columns.

    Args:
        catalogs: Is told of the columns.
        connect: Returns a workspace client for a host, governed by nobody, or `None` where there is none. It is asked
            on this thread, once for each host.
        guard: Counts what goes wrong.

    Attributes:
        asked: Statements that were sent.
        failed: Statements of these that brought no answer.
        dropped: Tables that found no place in the queue.
    """

    def __init__(self, catalogs: Catalogs, connect: Callable[[str], Any], guard: Guard) -> None:
        self._catalogs = catalogs
        self._connect = connect
        self._guard = guard
        self._closed = False
        self._begin()
        on_fork(self._begin)

    def _begin(self) -> None:
        self.asked = self.failed = self.dropped = 0
        self._clients: dict[str, Any] = {}
        self._rests: OrderedDict[tuple[str, Table], float] = OrderedDict()
        self._waiting: dict[_Schema, dict[str, None]] = {}
        self._count = 0
        self._changed = threading.Condition()
        self._thread: threading.Thread | None = None

    def want(self, operation: Operation, tables: Iterable[DatasetRef]) -> None:
        """Take note of tables whose columns an operation that ran on a warehouse would have needed; returns at once."""
        host, warehouse = operation.host, operation.resource_id
        if host is None or warehouse is None or operation.resource_type != "sql_warehouse":
            return
        with self._changed:
            for table in tables:
                if len(table.parts) == _PARTS and not self._closed:
                    catalog, schema, name = (part.lower() for part in table.parts)
                    self._put(_Schema(host, warehouse, catalog, schema), name)
            if self._waiting and self._thread is None:
                thread = threading.Thread(target=self._serve, name="genops-columns", daemon=True)
                thread.start()
                self._thread = thread  # not before: where none can be started, the next table tries again
            self._changed.notify_all()

    def _put(self, schema: _Schema, name: str) -> None:
        key, now = (schema.host, (schema.catalog, schema.name, name)), time.monotonic()
        if self._rests.get(key, 0.0) > now:
            return
        if self._count >= MAX_WAITING:
            self.dropped += 1
            return
        self._rests[key] = now + _REST_SECONDS
        self._rests.move_to_end(key)
        if len(self._rests) > _MAX_KNOWN:
            self._rests.popitem(last=False)
        self._waiting.setdefault(schema, {})[name] = None
        self._count += 1

    def close(self) -> None:
        """Ask nothing more."""
        with self._changed:
            self._closed = True
            self._waiting.clear()
            self._count = 0
            self._changed.notify_all()

    def _serve(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: bool(self._waiting) or self._closed, _IDLE_SECONDS)
                if not self._waiting:
                    self._thread = None
                    return
                # Statements that follow one another often name tables of one schema.
                self._changed.wait_for(lambda: self._closed, _GATHER_SECONDS)
                waiting, self._waiting, self._count = self._waiting, {}, 0
            for schema, names in waiting.items():
                tables = list(names)
                for start in range(0, len(tables), MAX_TABLES):
                    if not self._closed:
                        self._ask(schema, tables[start : start + MAX_TABLES])

    def _ask(self, schema: _Schema, tables: list[str]) -> None:
        client = None
        with self._guard.at("columns"):
            client = self._client(schema.host)
        if client is None:
            return
        self.asked += 1
        try:
            answer = client.api_client.do("POST", _STATEMENTS, body=_request(schema, tables))
        except Exception:  # whatever the SDK raises: no answer
            self.failed += 1
            return
        with self._guard.at("columns"):
            self._learn(schema, answer)

    def _client(self, host: str) -> Any:
        if host not in self._clients:
            self._clients[host] = self._connect(host)
        return self._clients[host]

    def _learn(self, schema: _Schema, answer: Any) -> None:
        if answer["status"]["state"] != "SUCCEEDED":
            self.failed += 1
            return
        manifest: dict[str, Any] = answer["manifest"]
        rows: list[tuple[str, str]] = answer.get("result", {}).get("data_array", [])
        found: dict[str, list[str]] = {}
        for table, column in rows:
            found.setdefault(table, []).append(column)
        if found and (manifest.get("truncated") or manifest.get("total_chunk_count", 1) > 1):
            found.popitem()  # of the last table there may be more
        for table, columns in found.items():
            self._catalogs.set(schema.host, (schema.catalog, schema.name, table), tuple(columns))


def _request(schema: _Schema, tables: list[str]) -> dict[str, Any]:
    """Return the request for the columns of tables; their names are parameters, that of the catalog is quoted."""
    named = {f"t{number}": table for number, table in enumerate(tables)}
    catalog = schema.catalog.replace("`", "``")
    return {
        "warehouse_id": schema.warehouse,
        "statement": (
            f"SELECT table_name, column_name FROM `{catalog}`.information_schema.columns "  # noqa: S608  (quoted above)
            f"WHERE table_schema = :schema AND table_name IN ({', '.join(f':{name}' for name in named)}) "
            "ORDER BY table_name, ordinal_position"
        ),
        "parameters": [{"name": name, "value": value} for name, value in {"schema": schema.name, **named}.items()],
        "wait_timeout": "30s",
        "on_wait_timeout": "CANCEL",
        "query_tags": [{"key": "genops", "value": "information_schema"}],
    }
