"""The columns of the system tables: names, order and types as Databricks documents them.

Sources: the system-table reference of docs.databricks.com, and for ``query.history``, ``access`` and
``attributed_usage`` the comments that the tables themselves carry. Nothing here is of our own making, so a
query that was written against a real workspace finds every column that it names.
"""

from __future__ import annotations

_TEXTS = "STRING"
_TAGS = "MAP<STRING, STRING>"


def _struct(*names: str, **typed: str) -> str:
    """A struct of strings, and of what has another type.

    >>> _struct("a", b="INT")
    'STRUCT<`a`: STRING, `b`: INT>'
    """
    fields = {**dict.fromkeys(names, _TEXTS), **typed}
    return f"STRUCT<{', '.join(f'`{name}`: {kind}' for name, kind in fields.items())}>"


def _typed(kind: str, names: str) -> dict[str, str]:
    return dict.fromkeys(names.split(), kind)


_JOB_INFO = _struct("job_id", "job_run_id", "job_task_run_id")
_PRICE = _struct(default="DECIMAL(38,18)")
_HEALTH = f"ARRAY<{_struct('metric', 'operator', value='BIGINT')}>"
_COMPUTE = f"ARRAY<{_struct('type', 'cluster_id', 'warehouse_id')}>"

_USAGE_METADATA = (
    "cluster_id job_id warehouse_id instance_pool_id node_type job_run_id notebook_id dlt_pipeline_id endpoint_name "
    "endpoint_id dlt_update_id dlt_maintenance_id metastore_id run_name job_name notebook_path central_clean_room_id "
    "source_region destination_region app_id app_name private_endpoint_name budget_policy_id storage_api_type "
    "ai_runtime_workload_id uc_table_catalog uc_table_schema uc_table_name database_instance_id "
    "sharing_materialization_id usage_policy_id agent_bricks_id base_environment_id"
)

_USAGE = {
    **_typed("STRING", "record_id account_id workspace_id sku_name cloud"),
    **_typed("TIMESTAMP", "usage_start_time usage_end_time"),
    "usage_date": "DATE",
    "custom_tags": _TAGS,
    "usage_unit": "STRING",
    "usage_quantity": "DECIMAL(38,18)",
    "usage_metadata": _struct(*_USAGE_METADATA.split()),
    "identity_metadata": _struct("run_as", "owned_by", "created_by"),
    "record_type": "STRING",
    "ingestion_date": "DATE",
    "billing_origin_product": "STRING",
    "product_features": _struct(
        "jobs_tier",
        "sql_tier",
        "dlt_tier",
        "serving_type",
        "offering_type",
        "performance_target",
        is_serverless="BOOLEAN",
        is_photon="BOOLEAN",
        networking=_struct("connectivity_type"),
    ),
    "usage_type": "STRING",
}

_PRICES = {
    **_typed("TIMESTAMP", "price_start_time price_end_time"),
    **_typed("STRING", "account_id sku_name cloud currency_code usage_unit"),
}

_ATTRIBUTED = {
    "record_id": "STRING",
    "usage_metadata": _struct("dbsql_statement_id", "warehouse_id", "client_application"),
    "identity_metadata": _struct("executed_by"),
    **_typed("TIMESTAMP", "start_time end_time"),
    "usage_date": "DATE",
    "usage_unit": "STRING",
    "active_usage_quantity": "DECIMAL(38,18)",
    "granular_tags": _struct(query_tags=_TAGS),
    "usage_record_ids": "ARRAY<STRING>",
    **_typed("STRING", "account_id workspace_id sku_name cloud billing_origin_product"),
    "custom_tags": _TAGS,
}

_HISTORY = {
    **_typed("STRING", "account_id workspace_id statement_id executed_by session_id execution_status"),
    "compute": _struct("type", "cluster_id", "warehouse_id"),
    **_typed("STRING", "executed_by_user_id statement_text statement_type error_message"),
    **_typed("STRING", "client_application client_driver"),
    **_typed(
        "BIGINT",
        "total_duration_ms waiting_for_compute_duration_ms waiting_at_capacity_duration_ms execution_duration_ms "
        "compilation_duration_ms total_task_duration_ms result_fetch_duration_ms",
    ),
    **_typed("TIMESTAMP", "start_time end_time update_time"),
    **_typed("BIGINT", "read_partitions pruned_files read_files read_rows produced_rows read_bytes"),
    "read_io_cache_percent": "TINYINT",
    "from_result_cache": "BOOLEAN",
    **_typed("BIGINT", "spilled_local_bytes written_bytes shuffle_read_bytes"),
    "query_source": _struct(
        "legacy_dashboard_id",
        "dashboard_id",
        "alert_id",
        "notebook_id",
        "sql_query_id",
        "genie_space_id",
        job_info=_JOB_INFO,
    ),
    **_typed("STRING", "executed_as_user_id executed_as"),
    **_typed("BIGINT", "written_rows written_files"),
    "cache_origin_statement_id": "STRING",
    "query_parameters": _struct(named_parameters=_TAGS, pos_parameters="ARRAY<STRING>", is_truncated="BOOLEAN"),
    "query_tags": _TAGS,
    **_typed("BIGINT", "pruned_files_bytes read_files_bytes"),
}

_AUDIT = {
    **_typed("STRING", "account_id workspace_id version"),
    "event_time": "TIMESTAMP",
    "event_date": "DATE",
    **_typed("STRING", "source_ip_address user_agent session_id"),
    "user_identity": _struct("email", "subject_name"),
    **_typed("STRING", "service_name action_name request_id"),
    "request_params": _TAGS,
    "response": _struct("error_message", "result", status_code="INT"),
    **_typed("STRING", "audit_level event_id"),
    "identity_metadata": _struct("run_by", "run_as"),
}


def _end(side: str, *, column: bool) -> dict[str, str]:
    parts = ["table_full_name", "table_catalog", "table_schema", "table_name", "path", "type"]
    return {f"{side}_{part}": "STRING" for part in [*parts, *(["column_name"] if column else [])]}


def _lineage(*, column: bool) -> dict[str, str]:
    return {
        **_typed("STRING", "account_id metastore_id workspace_id entity_type entity_id entity_run_id"),
        **_end("source", column=column),
        **_end("target", column=column),
        "created_by": "STRING",
        "event_time": "TIMESTAMP",
        "event_date": "DATE",
        **_typed("STRING", "record_id event_id statement_id"),
        "entity_metadata": _struct(
            "dashboard_id",
            "legacy_dashboard_id",
            "notebook_id",
            "sql_query_id",
            job_info=_struct("job_id", "job_run_id"),
            dlt_pipeline_info=_struct("dlt_pipeline_id", "dlt_update_id"),
        ),
    }


_RUN_TIMES = _typed(
    "BIGINT", "setup_duration_seconds queue_duration_seconds run_duration_seconds cleanup_duration_seconds"
)

COLUMNS: dict[str, dict[str, str]] = {
    "billing.usage": _USAGE,
    "billing.list_prices": {
        **_PRICES,
        "pricing": _struct(default="DECIMAL(38,18)", promotional=_PRICE, effective_list=_PRICE),
    },
    "billing.account_prices": {**_PRICES, "pricing": _PRICE},
    "billing.attributed_usage": _ATTRIBUTED,
    "query.history": _HISTORY,
    "access.audit": _AUDIT,
    "access.table_lineage": _lineage(column=False),
    "access.column_lineage": _lineage(column=True),
    "access.workspaces_latest": {
        **_typed("STRING", "account_id workspace_id workspace_name workspace_url"),
        "create_time": "TIMESTAMP",
        "status": "STRING",
    },
    "compute.warehouses": {
        **_typed("STRING", "warehouse_id workspace_id account_id warehouse_name warehouse_type"),
        **_typed("STRING", "warehouse_channel warehouse_size"),
        **_typed("INT", "min_clusters max_clusters auto_stop_minutes"),
        "tags": _TAGS,
        **_typed("TIMESTAMP", "change_time delete_time"),
    },
    "compute.warehouse_events": {
        **_typed("STRING", "account_id workspace_id warehouse_id event_type"),
        "cluster_count": "INT",
        "event_time": "TIMESTAMP",
    },
    "compute.clusters": {
        **_typed("STRING", "account_id workspace_id cluster_id cluster_name owned_by"),
        **_typed("TIMESTAMP", "create_time delete_time"),
        **_typed("STRING", "driver_node_type worker_node_type"),
        **_typed("BIGINT", "worker_count min_autoscale_workers max_autoscale_workers auto_termination_minutes"),
        "enable_elastic_disk": "BOOLEAN",
        "tags": _TAGS,
        "cluster_source": "STRING",
        "init_scripts": "ARRAY<STRING>",
        **_typed("STRING", "driver_instance_pool_id worker_instance_pool_id dbr_version"),
        "change_time": "TIMESTAMP",
        "change_date": "DATE",
        **_typed("STRING", "data_security_mode policy_id"),
    },
    "compute.node_types": {
        **_typed("STRING", "account_id node_type"),
        "core_count": "DOUBLE",
        **_typed("BIGINT", "memory_mb gpu_count"),
    },
    "lakeflow.jobs": {
        **_typed("STRING", "account_id workspace_id job_id name creator_id"),
        "tags": _TAGS,
        **_typed("TIMESTAMP", "change_time delete_time"),
        **_typed("STRING", "run_as description trigger_type run_as_user_name creator_user_name"),
        "paused": "BOOLEAN",
        "timeout_seconds": "BIGINT",
        "health_rules": _HEALTH,
        "deployment": _struct("kind", "metadata_file_path"),
        "create_time": "TIMESTAMP",
    },
    "lakeflow.job_tasks": {
        **_typed("STRING", "account_id workspace_id job_id task_key"),
        "depends_on_keys": "ARRAY<STRING>",
        **_typed("TIMESTAMP", "change_time delete_time"),
        "timeout_seconds": "BIGINT",
        "health_rules": _HEALTH,
    },
    "lakeflow.job_run_timeline": {
        **_typed("STRING", "account_id workspace_id job_id run_id"),
        **_typed("TIMESTAMP", "period_start_time period_end_time"),
        **_typed("STRING", "trigger_type run_type run_name"),
        "compute_ids": "ARRAY<STRING>",
        **_typed("STRING", "result_state termination_code"),
        "job_parameters": _TAGS,
        **_typed("STRING", "source_task_run_id root_task_run_id"),
        "compute": _COMPUTE,
        "termination_type": "STRING",
        **_RUN_TIMES,
        "execution_duration_seconds": "BIGINT",
    },
    "lakeflow.job_task_run_timeline": {
        **_typed("STRING", "account_id workspace_id job_id run_id job_run_id parent_run_id"),
        **_typed("TIMESTAMP", "period_start_time period_end_time"),
        "task_key": "STRING",
        "compute_ids": "ARRAY<STRING>",
        **_typed("STRING", "result_state termination_code"),
        "compute": _COMPUTE,
        "termination_type": "STRING",
        "task_parameters": _TAGS,
        **_typed("BIGINT", "setup_duration_seconds cleanup_duration_seconds execution_duration_seconds"),
    },
    "lakeflow.pipelines": {
        **_typed("STRING", "account_id workspace_id pipeline_id pipeline_type name created_by run_as"),
        "tags": _TAGS,
        "settings": _struct(
            "edition",
            "channel",
            photon="BOOLEAN",
            development="BOOLEAN",
            continuous="BOOLEAN",
            serverless="BOOLEAN",
        ),
        "configuration": _TAGS,
        **_typed("TIMESTAMP", "change_time delete_time"),
    },
}
"""Databricks types by column name, by schema and table of the catalog ``system``."""
