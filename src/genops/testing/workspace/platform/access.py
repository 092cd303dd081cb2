"""Rows of ``system.access``: lineage, audit, and the workspace itself."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING

from genops.testing.workspace.platform.dated import Row, day, moment

if TYPE_CHECKING:
    from collections.abc import Iterator

    from genops.testing.workspace.http.identity import Identity
    from genops.testing.workspace.http.wire import Json
    from genops.testing.workspace.journal import Entry


def table_lineage(entry: Entry, who: Identity) -> Iterator[Row]:
    """Rows of ``table_lineage``: one for each source, without a target where the statement only read."""
    facts = entry.facts
    for number, source in enumerate(facts["sources"]):
        for target in facts["targets"] or [None]:
            yield {
                **_common(entry, who, f"table {number}"),
                **_end("source", source, facts["kinds"]),
                **_end("target", target, facts["kinds"]),
            }


def column_lineage(entry: Entry, who: Identity) -> Iterator[Row]:
    """Rows of ``column_lineage``: one for each pair of columns, or for each column of a statement that only read."""
    facts = entry.facts
    for number, edge in enumerate([*facts["columns"], *facts["read_columns"]]):
        yield {
            **_common(entry, who, f"column {number}"),
            **_end("source", edge["source_table"], facts["kinds"]),
            **_end("target", edge.get("target_table"), facts["kinds"]),
            "source_column_name": edge["source_column"],
            "target_column_name": edge.get("target_column"),
        }


def _end(side: str, name: str | None, kinds: Json) -> Row:
    if name is None:
        return {}
    if name not in kinds:
        return {f"{side}_path": name, f"{side}_type": "PATH"}
    catalog, schema, table = name.split(".", 2)
    return {
        f"{side}_table_full_name": name,
        f"{side}_table_catalog": catalog,
        f"{side}_table_schema": schema,
        f"{side}_table_name": table,
        f"{side}_path": kinds[name]["path"] or None,
        f"{side}_type": kinds[name]["type"],
    }


def _common(entry: Entry, who: Identity, part: str) -> Row:
    facts = entry.facts
    statement_id, source = str(facts["statement_id"]), facts["entity"]
    kind, identifier, run = _entity(source, statement_id)
    return {
        "account_id": who.account_id,
        "metastore_id": who.metastore_id,
        "workspace_id": who.workspace_id,
        "entity_type": kind,
        "entity_id": identifier,
        "entity_run_id": run,
        "created_by": facts["user"],
        "event_time": moment(entry.at),
        "event_date": day(entry.at),
        "record_id": str(uuid.uuid5(uuid.NAMESPACE_OID, f"{statement_id}/{part}")),
        "event_id": str(uuid.uuid5(uuid.NAMESPACE_OID, statement_id)),
        # Query history, which this joins, has what ran on warehouses.
        "statement_id": statement_id if facts["warehouse_id"] else None,
        "entity_metadata": {
            "job_info": {key: source.get(key) for key in ("job_id", "job_run_id")} if kind == "JOB" else None,
            **{key: source.get(key) for key in ("dashboard_id", "legacy_dashboard_id", "notebook_id", "sql_query_id")},
        },
    }


def _entity(source: Json, statement_id: str) -> tuple[str | None, str | None, str | None]:
    """Type, id and run of what caused a statement; a job comes before the notebook or query that it runs."""
    if source.get("job_run_id"):
        return "JOB", source.get("job_id") or None, str(source["job_run_id"])
    for key, kind in _ENTITIES.items():
        if source.get(key):
            return kind, str(source[key]), None if kind == "NOTEBOOK" else statement_id
    return None, None, None


_ENTITIES = {
    "notebook_id": "NOTEBOOK",
    "dashboard_id": "DASHBOARD_V3",
    "legacy_dashboard_id": "DBSQL_DASHBOARD",
    "sql_query_id": "DBSQL_QUERY",
}


def workspace(who: Identity, born: float) -> Row:
    """The row of ``workspaces_latest``."""
    return {
        "account_id": who.account_id,
        "workspace_id": who.workspace_id,
        "workspace_name": f"local-{who.workspace_id}",
        "workspace_url": who.host,
        "create_time": moment(float(int(born))),
        "status": "RUNNING",
    }
