"""Query history: what ran, over every transport, with metrics measured from what really ran."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from genops.testing.workspace.http.paging import decode_token, encode_token
from genops.testing.workspace.http.principals import ADMINS
from genops.testing.workspace.http.wire import Call, Json, Routes, invalid
from genops.testing.workspace.statements.ran import Ran, ran

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from genops.testing.workspace.clock import Clock
    from genops.testing.workspace.http.principals import Principals
    from genops.testing.workspace.journal import Entry, Journal
    from genops.testing.workspace.statements.execution import Statements

STATUSES = ("QUEUED", "STARTED", "COMPILING", "COMPILED", "RUNNING", "FINISHED", "FAILED", "CANCELED")
_PAGE = 100
_LARGEST = 1000
_EVER = 1 << 62


class HistoryService:
    """Lists statements, the one that came last first.

    Every statement that has ended is noted in the journal as ``query``, without its result.

    Args:
        statements: What runs now.
        clock: Gives the time.
        journal: Tells of statements that have ended, and is told of queries.
        user: Whose the statements are that name nobody.
        principals: Give the number of a user, and say who is an admin.
    """

    def __init__(
        self, statements: Statements, clock: Clock, journal: Journal, user: str, principals: Principals
    ) -> None:
        self._statements = statements
        self._clock = clock
        self._journal = journal
        self._user = user
        self._user_id = principals.number_of
        self._principals = principals
        journal.listen("statement", self._ended)

    def routes(self) -> Routes:
        """The list."""
        return {"GET /api/2.0/sql/history/queries": self._list}

    def _ended(self, entry: Entry) -> None:
        self._journal.note_at(entry.at, "query", query=ran(entry.facts["statement"], self._user, entry.at))

    def queries(self) -> list[Ran]:
        """Everything that ran or runs, the one that came last first."""
        # What runs is read first: a statement that ends meanwhile is then found twice rather than not at all.
        held, now = self._statements.held(), self._clock.now()
        found = {query.id: query for query in (entry.facts["query"] for entry in self._journal.of("query"))}
        for statement in held:
            if statement.id not in found:
                found[statement.id] = ran(statement, self._user, now)
        return sorted(found.values(), key=lambda query: query.times.received, reverse=True)

    def _list(self, call: Call) -> Json:
        size = call.number("max_results")
        if size is not None and not 1 <= size <= _LARGEST:
            raise invalid(f"max_results must be between 1 and {_LARGEST}, not {size}")
        size = size or _PAGE
        token = call.text("page_token")
        until, start = decode_token(token) if token else (str(self._clock.millis()), 0)
        if not until.isdecimal():
            raise invalid(f"Invalid page_token: {token}")
        # What came after the first page was read is not counted, so that pages do not move.
        wanted = [query for query in self._wanted(call) if query.times.received <= int(until)]
        shown = [self._entry(query, metrics=call.flag("include_metrics")) for query in wanted[start : start + size]]
        more = start + size < len(wanted)
        body: Json = {"res": shown, "has_next_page": more} if shown else {"has_next_page": more}
        return {**body, "next_page_token": encode_token(f"{until}:{start + size}")} if more else body

    def _sees_all(self, user: str) -> bool:
        return user in ("", self._user) or ADMINS in self._principals.groups_of(user)

    def _wanted(self, call: Call) -> Iterable[Ran]:
        query = call.query
        since = call.number("filter_by.query_start_time_range.start_time_ms") or 0
        until = call.number("filter_by.query_start_time_range.end_time_ms") or _EVER
        statuses = query.get("filter_by.statuses") or ()
        unknown = [status for status in statuses if status not in STATUSES]
        if unknown:
            raise invalid(f"filter_by.statuses {unknown[0]!r} is unknown; expected one of {', '.join(STATUSES)}")
        filters: list[tuple[list[str], Callable[[Ran], str]]] = [
            (query.get("filter_by.statement_ids") or [], lambda found: found.id),
            (list(statuses), lambda found: found.status),
            (query.get("filter_by.warehouse_ids") or [], lambda found: found.warehouse_id),
            (query.get("filter_by.user_ids") or [], lambda found: str(self._user_id(found.user))),
        ]
        everybody = self._sees_all(call.user)
        for found in self.queries():
            if not everybody and found.user != call.user:
                continue  # another's queries are for admins
            if not found.warehouse_id:
                continue  # the history is of warehouses: what runs on clusters is not in it
            if since <= found.times.received <= until and all(not some or of(found) in some for some, of in filters):
                yield found

    def _entry(self, query: Ran, *, metrics: bool) -> Json:
        number = self._user_id(query.user)
        entry: Json = {
            "query_id": query.id,
            "lookup_key": query.id,
            "status": query.status,
            "query_text": query.text,
            "query_start_time_ms": query.times.received,
            "warehouse_id": query.warehouse_id,
            "endpoint_id": query.warehouse_id,
            "session_id": query.session_id,
            "statement_type": query.kind,
            "rows_produced": query.rows,
            "user_id": number,
            "user_name": query.user,
            "executed_as_user_id": number,
            "executed_as_user_name": query.user,
            "client_application": query.client,
            "channel_used": {"name": "CHANNEL_NAME_CURRENT"},
            "is_final": query.is_final,
            "plans_state": "IGNORED_SMALL_DURATION",
            "query_tags": [{"key": key, "value": value} for key, value in query.tags.items()],
            "query_source": query.query_source,
        }
        if query.is_final:
            entry["query_end_time_ms"] = query.times.ended
            entry["execution_end_time_ms"] = query.times.executed
            entry["duration"] = query.times.running
        if query.error:
            entry["error_message"] = query.error
        return {**entry, "metrics": _metrics(query)} if metrics else entry


def _metrics(query: Ran) -> Json:
    """Milliseconds, bytes and rows; what was not measured is left out.

    ``total_time_ms`` is what the client waited: the sum of waiting, compilation, execution and fetching.
    ``duration`` of the entry is the same without fetching.
    """
    if not query.is_final:
        return {}
    times = query.times
    metrics: dict[str, Any] = {
        "total_time_ms": times.ended - times.received,
        "compilation_time_ms": times.compiling,
        "execution_time_ms": times.executing,
        "result_fetch_time_ms": times.fetching,
        "query_compilation_start_timestamp": times.started,
        "provisioning_queue_start_timestamp": times.received if times.waiting else None,
        "rows_produced_count": query.rows,
        "network_sent_bytes": query.size,
        "result_from_cache": False,
        "rows_read_count": query.rows_read,
        "read_bytes": query.bytes_read,
        "read_files_count": query.files_read,
    }
    return {key: value for key, value in metrics.items() if value is not None}
