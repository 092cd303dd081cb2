"""The catalog ``system``: its tables, made from the journal when a statement names them, and when their rows arrive."""

from __future__ import annotations

import threading
from collections import deque
from functools import partial
from typing import TYPE_CHECKING

from genops.testing.workspace.compute import nodes
from genops.testing.workspace.http.wire import ApiError
from genops.testing.workspace.journal import KEPT
from genops.testing.workspace.platform import access, activity, lakeflow
from genops.testing.workspace.platform.audit import audit_rows
from genops.testing.workspace.platform.columns import COLUMNS
from genops.testing.workspace.platform.metering import HOUR
from genops.testing.workspace.sql.virtual import SYSTEM, Viewer, VirtualTable, VirtualTables

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
    from typing import Any

    from genops.testing.workspace.clock import Clock
    from genops.testing.workspace.http.identity import Identity
    from genops.testing.workspace.journal import Entry, Journal
    from genops.testing.workspace.platform.bills import Bill
    from genops.testing.workspace.platform.dated import Dated, Row


class _Stream:
    """Rows that entries of one kind make, each once: a table that only grows."""

    def __init__(self, journal: Journal, kind: str, rows: Callable[[Entry], Iterable[Row]]) -> None:
        self._journal = journal
        self._kind = kind
        self._rows = rows
        self._seen = 0
        self._held: deque[Dated] = deque(maxlen=KEPT)
        self._lock = threading.Lock()

    def __call__(self) -> list[Dated]:
        with self._lock:
            self._seen, entries = self._journal.since(self._kind, self._seen)
            for entry in entries:
                self._held.extend((entry.at, row) for row in self._rows(entry))
            return list(self._held)


class _Cached:
    """Rows that are computed as a whole, again whenever what they come from has changed."""

    def __init__(self, state: Callable[[], Hashable], rows: Callable[[], list[Dated]]) -> None:
        self._state = state
        self._rows = rows
        self._known: Hashable = None
        self._held: list[Dated] = []
        self._lock = threading.Lock()

    def __call__(self) -> list[Dated]:
        with self._lock:
            state = self._state()
            if state != self._known:
                self._held, self._known = self._rows(), state
            return self._held


class SystemTables:
    """All system tables, and how late their rows are.

    Args:
        identity: Whose tables they are.
        clock: Gives the time.
        journal: What happened.
        bill: What it costs.
        born: When the workspace began, in seconds since the epoch.
        user_id: Gives the number of a user.
    """

    def __init__(
        self,
        identity: Identity,
        clock: Clock,
        journal: Journal,
        bill: Bill,
        born: float,
        user_id: Callable[[str], int],
    ) -> None:
        self._clock = clock
        self._is_admin = identity.is_admin
        self._delays: dict[str, float] = {}
        self._makers: dict[str, Callable[[], list[Dated]]] = {
            **_streams(identity, journal, user_id),
            **_bills(bill, journal, clock),
            "access.workspaces_latest": lambda: [(born, access.workspace(identity, born))],
            "compute.node_types": lambda: activity.node_types(nodes.node_types(identity.cloud), identity),
        }

    def add_to(self, virtual: VirtualTables) -> None:
        """Put them into a catalog."""
        for name, columns in COLUMNS.items():
            schema, table = name.split(".")
            rows = partial(self._shown, name, list(columns))
            virtual.add(f"{SYSTEM}.{schema}", table, VirtualTable(columns, rows, f"system.{name}"))

    def delay(self, hours: float | Mapping[str, float]) -> None:
        """Let rows arrive late from now on.

        Args:
            hours: For all tables, or by ``schema`` or ``schema.table``; a table that is not named is not late.

        Raises:
            ValueError: A table that does not exist, or negative hours.
        """
        given = {"": hours} if isinstance(hours, (int, float)) else dict(hours)
        places = {"", *COLUMNS, *(name.split(".")[0] for name in COLUMNS)}
        for name, late in given.items():
            if name not in places:
                raise ValueError(f"{name!r} is no system table or schema; expected one of {', '.join(sorted(places))}")
            if late < 0:
                raise ValueError(f"rows of {name or 'system tables'} cannot be early: {late!r} hours")
        self._delays = {name: float(late) for name, late in given.items()}

    def rows(self, name: str) -> Iterator[Row]:
        """The rows of a table that are there by now.

        Args:
            name: ``schema.table``.
        """
        schema = name.partition(".")[0]
        late = next((self._delays[place] for place in (name, schema, "") if place in self._delays), 0.0)
        until = self._clock.now() - late * 3600
        return (row for arrives, row in self._makers[name]() if arrives <= until)

    def _shown(self, name: str, columns: Sequence[str], viewer: Viewer) -> Iterator[list[Any]]:
        """Give the rows to metastore admins; nobody else is granted anything on the catalog ``system``."""
        if viewer.user and not self._is_admin(viewer.user):
            schema = name.partition(".")[0]
            raise ApiError(403, "PERMISSION_DENIED", f"User does not have USE SCHEMA on Schema '{SYSTEM}.{schema}'.")
        return ([row.get(column) for column in columns] for row in self.rows(name))


def _streams(who: Identity, journal: Journal, user_id: Callable[[str], int]) -> dict[str, Callable[[], list[Dated]]]:
    made: dict[str, tuple[str, Callable[[Entry], Iterable[Row]]]] = {
        "query.history": ("query", lambda entry: activity.query_history(entry, who, user_id)),
        "access.audit": ("audit", lambda entry: audit_rows(entry, who)),
        "access.table_lineage": ("lineage", lambda entry: access.table_lineage(entry, who)),
        "access.column_lineage": ("lineage", lambda entry: access.column_lineage(entry, who)),
        "compute.warehouses": ("warehouse_change", lambda entry: activity.warehouses(entry, who)),
        "compute.warehouse_events": ("warehouse", lambda entry: activity.warehouse_events(entry, who)),
        "compute.clusters": ("cluster", lambda entry: activity.clusters(entry, who)),
        "lakeflow.jobs": ("job_change", lambda entry: lakeflow.jobs(entry, who, user_id)),
        "lakeflow.job_tasks": ("job_change", lambda entry: lakeflow.job_tasks(entry, who)),
        "lakeflow.job_run_timeline": ("run", lambda entry: lakeflow.job_run_timeline(entry, who)),
        "lakeflow.job_task_run_timeline": ("task_run", lambda entry: lakeflow.job_task_run_timeline(entry, who)),
        "lakeflow.pipelines": ("pipeline_change", lambda entry: lakeflow.pipelines(entry, who)),
    }
    return {name: _Stream(journal, kind, rows) for name, (kind, rows) in made.items()}


def _bills(bill: Bill, journal: Journal, clock: Clock) -> dict[str, Callable[[], list[Dated]]]:
    def state() -> Hashable:
        # A record is there when its hour is over, so the hour counts too.
        grown = journal.noted("warehouse", "warehouse_change", "cluster", "serving")
        return bill.version, grown, clock.millis() // HOUR

    usage = _Cached(state, bill.usage)
    return {
        "billing.usage": usage,
        "billing.list_prices": _Cached(lambda: bill.version, bill.prices),
        "billing.account_prices": _Cached(lambda: bill.version, bill.account_prices),
        "billing.attributed_usage": _Cached(lambda: (state(), journal.noted("query")), bill.attributed_usage),
    }
