"""Lineage of what really ran: noted in the journal, and shown by ``system.access``.

An entry of the kind ``lineage`` belongs to one statement that succeeded, and holds:

- ``statement_id``, ``user``, ``warehouse_id``;
- ``entity``: ids of what caused it, as ``job_id``, ``job_run_id``, ``notebook_id``;
- ``sources``, ``targets``: full names of the tables and views, or paths, that it read and wrote;
- ``columns``: ``{"source_table", "source_column", "target_table", "target_column"}`` for each column that was written
  and each that it was computed from;
- ``read_columns``: ``{"source_table", "source_column"}`` for each column of a statement that only read;
- ``kinds``: for each name of a table its ``type`` and ``path``.
"""

from __future__ import annotations

import threading
from collections import deque
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

from genops.testing.workspace.platform.derivation import Derived, Known, derive

if TYPE_CHECKING:
    from collections.abc import Callable

    from genops.testing.workspace.http.wire import Json
    from genops.testing.workspace.journal import Entry, Journal
    from genops.testing.workspace.statements.ran import Ran

PENDING = 10_000
"""Statements whose lineage nobody has asked for yet; older ones are forgotten."""

_KINDS = {"MANAGED": "TABLE", "EXTERNAL": "TABLE"}


@dataclass(frozen=True)
class _Waiting:
    at: float
    query: Ran
    known: tuple[tuple[str, Known], ...]


class Lineage:
    """Derives lineage from statements, but only once somebody asks for it.

    What a statement ends with is put aside together with the columns that its tables have at that moment, so that
    asking later gives the same answer and no statement is slower for it.

    Args:
        journal: Tells of queries, and is told of lineage.
        find: Gives the catalog's facts of a table by its full name, ``None`` where there is no such table.
    """

    def __init__(self, journal: Journal, find: Callable[[str], Json | None]) -> None:
        self._journal = journal
        self._find = find
        self._waiting: deque[_Waiting] = deque(maxlen=PENDING)
        self._deriving = threading.Lock()
        journal.listen("query", self._ended)
        journal.derive("lineage", self._derive)

    def _ended(self, entry: Entry) -> None:
        query: Ran = entry.facts["query"]
        if query.status != "FINISHED":
            return
        infos = {name: self._find(name) for name in (*query.reads, *query.writes)}
        known = tuple((name, _known(info)) for name, info in infos.items() if info is not None)
        if known or query.reads:
            self._waiting.append(_Waiting(entry.at, query, known))

    def _derive(self) -> None:
        with self._deriving:
            while self._waiting:
                waiting = self._waiting.popleft()
                query, known = waiting.query, dict(waiting.known)
                derived = _derived(query.text, query.catalog, query.schema, waiting.known)
                sources = _sources(query, known, derived)
                if sources:
                    self._journal.note_at(waiting.at, "lineage", **_facts(query, known, derived, sources))


@lru_cache(maxsize=1_000)
def _derived(text: str, catalog: str, schema: str, known: tuple[tuple[str, Known], ...]) -> Derived:
    """The lineage of a statement; programs send the same ones again and again."""
    return derive(text, catalog, schema, dict(known))


def _sources(query: Ran, known: dict[str, Known], derived: Derived) -> list[str]:
    """What a statement read: as its text says, and what temporary views in it stand for."""
    resolved = [name for name in query.reads if "/" in name or (name in known and name not in query.writes)]
    return list(dict.fromkeys([*derived.tables, *resolved, *derived.paths]))


def _known(info: Json) -> Known:
    kind = str(info.get("table_type", "MANAGED"))
    columns = tuple(str(column["name"]) for column in info.get("columns") or ())
    return Known(_KINDS.get(kind, kind), str(info.get("storage_location") or ""), columns)


def _facts(query: Ran, known: dict[str, Known], derived: Derived, sources: list[str]) -> Json:
    source = query.query_source
    targets = [derived.target] if derived.target in known else []
    return {
        "statement_id": query.id,
        "user": query.user,
        "warehouse_id": query.warehouse_id,
        "entity": {**{key: source[key] for key in source if key != "job_info"}, **(source.get("job_info") or {})},
        "sources": sources,
        "targets": targets,
        "columns": [
            {"source_table": source, "source_column": column, "target_table": target, "target_column": written}
            for (source, column), (target, written) in derived.edges
        ],
        "read_columns": [{"source_table": table, "source_column": column} for table, column in derived.columns],
        "kinds": {
            name: {"type": known[name].kind, "path": known[name].path} for name in (*sources, *targets) if name in known
        },
    }
