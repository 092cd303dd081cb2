"""Rows of ``system.query``, ``system.compute`` and ``system.lakeflow``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from genops.testing.workspace.compute.shapes import items, part
from genops.testing.workspace.platform.dated import Dated, Row, day, instant, moment
from genops.testing.workspace.platform.tariff import tags_of, warehouse_kind

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from genops.testing.workspace.http.identity import Identity
    from genops.testing.workspace.http.wire import Json
    from genops.testing.workspace.journal import Entry
    from genops.testing.workspace.statements.ran import Ran, Times


def place(who: Identity) -> Row:
    """Account and workspace, as every table has them."""
    return {"account_id": who.account_id, "workspace_id": who.workspace_id}


def query_history(entry: Entry, who: Identity, user_id: Callable[[str], int]) -> Iterator[Row]:
    """The row of ``query.history`` for a statement that has ended; those on clusters have none."""
    query: Ran = entry.facts["query"]
    if not query.warehouse_id:
        return
    number = str(user_id(query.user))
    yield {
        **place(who),
        "statement_id": query.id,
        "executed_by": query.user,
        "session_id": query.session_id,
        "execution_status": query.status,
        "compute": {"type": "WAREHOUSE", "warehouse_id": query.warehouse_id},
        "executed_by_user_id": number,
        "statement_text": query.text,
        "statement_type": query.kind,
        "error_message": query.error or None,
        "client_application": query.client,
        "client_driver": query.source.get("driver"),
        **_times(query.times),
        "read_files": query.files_read,
        "read_rows": query.rows_read,
        "produced_rows": query.rows,
        "read_bytes": query.bytes_read,
        "from_result_cache": False,
        "query_source": query.query_source or None,
        "executed_as_user_id": number,
        "executed_as": query.user,
        "written_rows": query.rows_written,
        # What did not come from the cache names itself.
        "cache_origin_statement_id": query.id,
        "query_parameters": _parameters(query.parameters),
        "query_tags": query.tags,
    }


def _times(times: Times) -> Row:
    return {
        "total_duration_ms": times.running,
        "waiting_for_compute_duration_ms": times.waiting,
        "waiting_at_capacity_duration_ms": 0,
        "execution_duration_ms": times.executing,
        "compilation_duration_ms": times.compiling,
        "result_fetch_duration_ms": times.fetching,
        "start_time": instant(times.received),
        "end_time": instant(times.executed),
        "update_time": instant(times.ended),
    }


def _parameters(given: Iterable[Json]) -> Row | None:
    named = {str(item["name"]): item.get("value") for item in given if item.get("name")}
    positional = [item.get("value") for item in given if not item.get("name")]
    if not named and not positional:
        return None
    return {"named_parameters": named, "pos_parameters": positional, "is_truncated": False}


def warehouse_events(entry: Entry, who: Identity) -> Iterator[Row]:
    """The row of ``warehouse_events``."""
    facts = entry.facts
    yield {
        **place(who),
        "warehouse_id": facts["warehouse_id"],
        "event_type": facts["event_type"],
        "cluster_count": facts["cluster_count"],
        "event_time": moment(entry.at),
    }


def warehouses(entry: Entry, who: Identity) -> Iterator[Row]:
    """The snapshot of a warehouse's settings after a change."""
    info, gone = entry.facts["info"], entry.facts["action"] == "DELETED"
    yield {
        **place(who),
        "warehouse_id": entry.facts["warehouse_id"],
        "warehouse_name": info.get("name"),
        "warehouse_type": warehouse_kind(info),
        "warehouse_channel": str(part(info.get("channel")).get("name", "CURRENT")).replace("CHANNEL_NAME_", ""),
        "warehouse_size": str(info["cluster_size"]).replace("-", "_").upper(),
        "min_clusters": info.get("min_num_clusters"),
        "max_clusters": info.get("max_num_clusters"),
        "auto_stop_minutes": info.get("auto_stop_mins"),
        "tags": tags_of(info),
        "change_time": moment(entry.at),
        "delete_time": moment(entry.at) if gone else None,
    }


_CLUSTER_CHANGES = ("CREATING", "EDITED", "RESIZING", "DELETED")


def clusters(entry: Entry, who: Identity) -> Iterator[Row]:
    """The snapshot of a cluster's settings after a change of them; changes of state have none."""
    if entry.facts["event_type"] not in _CLUSTER_CHANGES:
        return
    info, gone = entry.facts["info"], entry.facts["event_type"] == "DELETED"
    scale = part(info.get("autoscale"))
    yield {
        **place(who),
        "cluster_id": entry.facts["cluster_id"],
        "cluster_name": info.get("cluster_name"),
        "owned_by": info.get("creator_user_name"),
        "create_time": instant(int(info.get("start_time") or entry.at * 1000)),
        "delete_time": moment(entry.at) if gone else None,
        "driver_node_type": info.get("driver_node_type_id") or info.get("node_type_id"),
        "worker_node_type": info.get("node_type_id"),
        "worker_count": None if scale else info.get("num_workers"),
        "min_autoscale_workers": scale.get("min_workers"),
        "max_autoscale_workers": scale.get("max_workers"),
        "auto_termination_minutes": info.get("autotermination_minutes"),
        "enable_elastic_disk": info.get("enable_elastic_disk"),
        "tags": part(info.get("custom_tags")),
        "cluster_source": info.get("cluster_source"),
        "init_scripts": [_destination(script) for script in items(info.get("init_scripts"))],
        "driver_instance_pool_id": info.get("driver_instance_pool_id"),
        "worker_instance_pool_id": info.get("instance_pool_id"),
        "dbr_version": info.get("spark_version"),
        "change_time": moment(entry.at),
        "change_date": day(entry.at),
        "data_security_mode": info.get("data_security_mode"),
        "policy_id": info.get("policy_id"),
    }


def _destination(script: Json) -> str:
    """Where an init script lies, as ``{"volumes": {"destination": …}}`` says."""
    return str(part(script.get(next(iter(script), ""))).get("destination"))


def node_types(found: Iterable[Json], who: Identity) -> list[Dated]:
    """The node types of the workspace's cloud."""
    return [
        (
            0.0,
            {
                "account_id": who.account_id,
                "node_type": item["node_type_id"],
                "core_count": item["num_cores"],
                "memory_mb": item["memory_mb"],
                "gpu_count": item.get("num_gpus", 0),
            },
        )
        for item in found
    ]
