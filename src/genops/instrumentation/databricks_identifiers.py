"""Which parameters of the Databricks SDK are identifiers that may leave: the whole list, by method.

A parameter stands here only if its value, in every call, is the identifier of an object of the platform and nothing
else: the name of a securable of Unity Catalog, or the id or name of compute, a job, a pipeline, an endpoint, a share.
Nothing else leaves a call. In particular no free text, SQL, comment, tag, property, filter, URL or storage path; no
name of a person, group, service principal or recipient; no name of a credential, token, secret, scope or key; and of
a file's path the volume only. A method that is not listed, for example of a newer SDK, lets its operation type leave.

One row a service (an extension class shares its service's row): the kind of its identifiers, a colon, then
`method=identifiers` for each method. Identifiers are separated by commas. Each is a parameter, an attribute of a
parameter's dataclass (`table.name`), or several that make up one name (`catalog_name+schema_name+name`); `:kind` after
it names another kind than the row's, `<` says that it is read whatever the method does, `>` that it is written.
`and_wait` variants need no entry of their own.

Kinds: `catalog`, `schema`, `table`, `volume`, `function` and `model` are datasets by name; `path` is a file's path, of
which the volume is kept; `named` is a resource name such as `catalogs/main/config`, of which the catalog is kept; `@p`
takes the kind from the parameter `p`. Any other kind is the resource type of an id. Where one call creates what it
names, the parameter is the new name.
"""

from __future__ import annotations

from functools import cache
from typing import Final

IDENTIFIERS: Final[dict[str, str]] = {
    "Alerts": "alert: delete=id get=id update=id",
    "AlertsLegacy": "alert: delete=alert_id get=alert_id update=alert_id",
    "AlertsV2": "alert: get_alert=id trash_alert=id update_alert=id",
    "Apps": (
        "app: create_update=app_name delete=name deploy=app_name get=name get_deployment=app_name"
        " get_permission_levels=app_name get_permissions=app_name get_update=app_name list_deployments=app_name"
        " set_permissions=app_name start=name stop=name update=name update_permissions=app_name"
        " wait_get_app_active=name wait_get_app_stopped=name wait_get_deployment_app_succeeded=app_name"
        " wait_get_update_app_succeeded=app_name"
    ),
    "BudgetPolicy": "budget_policy: delete=policy_id get=policy_id update=policy_id",
    "Budgets": "budget: delete=budget_id get=budget_id update=budget_id",
    "Catalogs": "catalog: create=name delete=name get=name update=name",
    "ClusterPolicies": (
        "cluster_policy: delete=policy_id edit=policy_id get=policy_id get_permission_levels=cluster_policy_id"
        " get_permissions=cluster_policy_id set_permissions=cluster_policy_id update_permissions=cluster_policy_id"
    ),
    "Clusters": (
        "cluster: change_owner=cluster_id delete=cluster_id edit=cluster_id ensure_cluster_is_running=cluster_id"
        " events=cluster_id get=cluster_id get_permission_levels=cluster_id get_permissions=cluster_id"
        " permanent_delete=cluster_id pin=cluster_id resize=cluster_id restart=cluster_id set_permissions=cluster_id"
        " start=cluster_id unpin=cluster_id update=cluster_id update_permissions=cluster_id"
        " wait_get_cluster_running=cluster_id wait_get_cluster_terminated=cluster_id"
    ),
    "CommandExecution": (
        "cluster: cancel=cluster_id command_status=cluster_id context_status=cluster_id create=cluster_id"
        " destroy=cluster_id execute=cluster_id wait_command_status_command_execution_cancelled=cluster_id"
        " wait_command_status_command_execution_finished_or_error=cluster_id"
        " wait_context_status_command_execution_running=cluster_id"
    ),
    "Connections": "connection: create=name delete=name get=name update=name",
    "Dashboards": "dashboard: delete=dashboard_id get=dashboard_id restore=dashboard_id update=dashboard_id",
    "DataClassification": (
        "named: create_catalog_config=parent delete_catalog_config=name get_catalog_config=name"
        " update_catalog_config=name"
    ),
    "Database": (
        "database_instance: create_database_catalog=catalog.name:catalog"
        " create_database_instance=database_instance.name create_database_table=table.name:table"
        " create_synced_database_table=synced_table.name:table,synced_table.spec.source_table_full_name:table<"
        " delete_database_catalog=name:catalog delete_database_instance=name delete_database_table=name:table"
        " delete_synced_database_table=name:table get_database_catalog=name:catalog get_database_instance=name"
        " get_database_table=name:table get_synced_database_table=name:table list_database_catalogs=instance_name"
        " list_synced_database_tables=instance_name update_database_catalog=name:catalog update_database_instance=name"
        " update_synced_database_table=name:table wait_get_database_instance_database_available=name"
    ),
    "Dbfs": "path: copy=src<,dst move=source_path<,destination_path move_=src<,dst put=path upload=path",
    "EntityTagAssignments": (
        "@entity_type: create=tag_assignment.entity_name:@tag_assignment.entity_type delete=entity_name"
        " get=entity_name list=entity_name update=entity_name"
    ),
    "Experiments": (
        "experiment: create_run=experiment_id delete_experiment=experiment_id delete_runs=experiment_id"
        " get_experiment=experiment_id get_permission_levels=experiment_id get_permissions=experiment_id"
        " restore_experiment=experiment_id restore_runs=experiment_id set_experiment_tag=experiment_id"
        " set_permissions=experiment_id update_experiment=experiment_id update_permissions=experiment_id"
    ),
    "ExternalLineage": (
        "table: create_external_lineage_relationship=external_lineage_relationship.source.table.name<,"
        "external_lineage_relationship.target.table.name>"
        " delete_external_lineage_relationship=external_lineage_relationship.source.table.name<,"
        "external_lineage_relationship.target.table.name>"
        " list_external_lineage_relationships=object_info.table.name"
        " update_external_lineage_relationship=external_lineage_relationship.source.table.name<,"
        "external_lineage_relationship.target.table.name>"
    ),
    "ExternalLocations": "external_location: create=name delete=name get=name update=name",
    "FeatureEngineering": "schema: list_features=catalog_name+schema_name",
    "FeatureStore": "table: delete_online_table=online_table_name publish_table=source_table_name<",
    "Files": (
        "path: create_directory=directory_path delete=file_path delete_directory=directory_path download=file_path"
        " download_to=file_path get_directory_metadata=directory_path get_metadata=file_path"
        " list_directory_contents=directory_path upload=file_path upload_from=file_path"
    ),
    "Functions": (
        "function: create=function_info.catalog_name+function_info.schema_name+function_info.name delete=name get=name"
        " list=catalog_name+schema_name:schema update=name"
    ),
    "Genie": (
        "genie_space: create_message=space_id delete_conversation=space_id execute_message_attachment_query=space_id"
        " execute_message_query=space_id get_message=space_id get_message_attachment_query_result=space_id"
        " get_message_query_result=space_id get_space=space_id list_conversations=space_id start_conversation=space_id"
        " trash_space=space_id update_space=space_id wait_get_message_genie_completed=space_id"
    ),
    "Grants": (
        "@securable_type: get=full_name get_effective=full_name list=full_name list_effective=full_name"
        " update=full_name"
    ),
    "InstancePools": (
        "instance_pool: delete=instance_pool_id edit=instance_pool_id get=instance_pool_id"
        " get_permission_levels=instance_pool_id get_permissions=instance_pool_id set_permissions=instance_pool_id"
        " update_permissions=instance_pool_id"
    ),
    "Jobs": (
        "job: cancel_all_runs=job_id cancel_run=run_id:job_run delete=job_id delete_run=run_id:job_run"
        " export_run=run_id:job_run get=job_id get_permission_levels=job_id get_permissions=job_id"
        " get_run=run_id:job_run get_run_output=run_id:job_run list_runs=job_id repair_run=run_id:job_run reset=job_id"
        " run_now=job_id set_permissions=job_id update=job_id update_permissions=job_id"
        " wait_get_run_job_terminated_or_skipped=run_id:job_run"
    ),
    "Lakeview": (
        "dashboard: create_schedule=dashboard_id create_subscription=dashboard_id delete_schedule=dashboard_id"
        " delete_subscription=dashboard_id get=dashboard_id get_published=dashboard_id get_schedule=dashboard_id"
        " get_subscription=dashboard_id list_schedules=dashboard_id list_subscriptions=dashboard_id"
        " migrate=source_dashboard_id publish=dashboard_id revert=dashboard_id trash=dashboard_id"
        " unpublish=dashboard_id update=dashboard_id update_schedule=dashboard_id"
    ),
    "Libraries": "cluster: cluster_status=cluster_id install=cluster_id uninstall=cluster_id",
    "MaterializedFeatures": (
        "table: create_feature_tag=table_name delete_feature_tag=table_name get_feature_lineage=table_name"
        " get_feature_tag=table_name list_feature_tags=table_name update_feature_tag=table_name"
    ),
    "Metastores": (
        "metastore: assign=metastore_id delete=id get=id unassign=metastore_id update=id update_assignment=metastore_id"
    ),
    "ModelVersions": ("model: delete=full_name get=full_name get_by_alias=full_name list=full_name update=full_name"),
    "OnlineTables": (
        "table: create=table.name,table.spec.source_table_full_name< delete=name get=name"
        " wait_get_online_table_active=name"
    ),
    "Pipelines": (
        "pipeline: apply_environment=pipeline_id clone=pipeline_id delete=pipeline_id get=pipeline_id"
        " get_permission_levels=pipeline_id get_permissions=pipeline_id get_update=pipeline_id"
        " list_pipeline_events=pipeline_id list_updates=pipeline_id set_permissions=pipeline_id"
        " start_update=pipeline_id stop=pipeline_id update=pipeline_id update_permissions=pipeline_id"
        " wait_get_pipeline_idle=pipeline_id"
    ),
    "Policies": (
        "@on_securable_type: create_policy=policy_info.on_securable_fullname:@policy_info.on_securable_type"
        " delete_policy=on_securable_fullname get_policy=on_securable_fullname list_policies=on_securable_fullname"
        " update_policy=on_securable_fullname"
    ),
    "PolicyComplianceForClusters": (
        "cluster: cancel_pending_cluster_enforcement=cluster_id enforce_compliance=cluster_id get_compliance=cluster_id"
        " list_compliance=policy_id:cluster_policy"
    ),
    "PolicyComplianceForJobs": (
        "job: enforce_compliance=job_id get_compliance=job_id list_compliance=policy_id:cluster_policy"
    ),
    "QualityMonitors": (
        "table: cancel_refresh=table_name create=table_name,baseline_table_name< delete=table_name get=table_name"
        " get_refresh=table_name list_refreshes=table_name regenerate_dashboard=table_name run_refresh=table_name"
        " update=table_name,baseline_table_name<"
    ),
    "Queries": "query: delete=id get=id list_visualizations=id update=id",
    "QueriesLegacy": "query: delete=query_id get=query_id restore=query_id update=query_id",
    "RegisteredModels": (
        "model: create=catalog_name+schema_name+name delete=full_name delete_alias=full_name get=full_name"
        " list=catalog_name+schema_name:schema set_alias=full_name update=full_name"
    ),
    "Repos": (
        "repo: delete=repo_id get=repo_id get_permission_levels=repo_id get_permissions=repo_id set_permissions=repo_id"
        " update=repo_id update_permissions=repo_id"
    ),
    "Rfa": "@securable_type: get_access_request_destinations=full_name",
    "Schemas": (
        "schema: create=catalog_name+name delete=full_name get=full_name list=catalog_name:catalog update=full_name"
    ),
    "ServingEndpoints": (
        "serving_endpoint: build_logs=name create=name create_provisioned_throughput_endpoint=name delete=name"
        " export_metrics=name get=name get_open_api=name get_permission_levels=serving_endpoint_id"
        " get_permissions=serving_endpoint_id logs=name patch=name patch_telemetry_config=name put=name"
        " put_ai_gateway=name query=name set_permissions=serving_endpoint_id update_config=name"
        " update_notifications=name update_permissions=serving_endpoint_id"
        " update_provisioned_throughput_endpoint_config=name wait_get_serving_endpoint_not_updating=name"
    ),
    "ServingEndpointsDataPlane": "serving_endpoint: query=name",
    "Shares": "share: create=name delete=name get=name share_permissions=name update=name update_permissions=name",
    "StatementExecution": (
        "statement: cancel_execution=statement_id execute_statement=warehouse_id:sql_warehouse"
        " get_statement=statement_id get_statement_result_chunk_n=statement_id"
    ),
    "SystemSchemas": "metastore: disable=metastore_id enable=metastore_id list=metastore_id",
    "TableConstraints": "table: create=full_name_arg delete=full_name",
    "Tables": (
        "table: create=catalog_name+schema_name+name delete=full_name exists=full_name get=full_name"
        " list=catalog_name+schema_name:schema list_summaries=catalog_name:catalog update=full_name"
    ),
    "VectorSearchEndpoints": (
        "vector_search_endpoint: create_endpoint=name delete_endpoint=endpoint_name get_endpoint=endpoint_name"
        " get_permission_levels=endpoint_id get_permissions=endpoint_id patch_endpoint=endpoint_name"
        " retrieve_user_visible_metrics=name set_permissions=endpoint_id start_endpoint=endpoint_name"
        " stop_endpoint=endpoint_name update_endpoint_budget_policy=endpoint_name"
        " update_endpoint_custom_tags=endpoint_name update_permissions=endpoint_id"
        " wait_get_endpoint_vector_search_endpoint_online=endpoint_name"
    ),
    "VectorSearchIndexes": (
        "table: create_index=name,endpoint_name:vector_search_endpoint,delta_sync_index_spec.source_table<"
        " delete_data_vector_index=index_name delete_index=index_name get_index=index_name"
        " list_indexes=endpoint_name:vector_search_endpoint query_index=index_name query_next_page=index_name"
        " scan_index=index_name sync_index=index_name upsert_data_vector_index=index_name"
    ),
    "Volumes": (
        "volume: create=catalog_name+schema_name+name delete=name list=catalog_name+schema_name:schema read=name"
        " update=name"
    ),
    "Warehouses": (
        "sql_warehouse: delete=id edit=id get=id get_permission_levels=warehouse_id get_permissions=warehouse_id"
        " set_permissions=warehouse_id start=id stop=id update_permissions=warehouse_id wait_get_warehouse_running=id"
        " wait_get_warehouse_stopped=id"
    ),
    "WorkspaceBindings": (
        "@securable_type: get=name:catalog get_bindings=securable_name update=name:catalog"
        " update_bindings=securable_name"
    ),
    "Workspaces": (
        "account_workspace: delete=workspace_id get=workspace_id update=workspace_id"
        " wait_get_workspace_running=workspace_id"
    ),
}
"""Row by service, the suffix of its class left out."""


def identifiers_of(service: str, method: str) -> tuple[str, ...]:
    """Return the identifiers that a call of a method may let leave, each as `expression:kind`.

    Args:
        service: Name of the service without the suffix of its class, for example `Tables`.
        method: Name of the method.

    >>> identifiers_of("Tables", "get"), identifiers_of("Warehouses", "start_and_wait")
    (('full_name:table',), ('id:sql_warehouse',))
    >>> identifiers_of("Tokens", "create")
    ()
    """
    return _service(service).get(method.removesuffix("_and_wait"), ())


@cache
def _service(name: str) -> dict[str, tuple[str, ...]]:
    kind, _, row = IDENTIFIERS.get(name, "").partition(": ")
    methods = (entry.partition("=") for entry in row.split())
    return {method: tuple(_with_kind(each, kind) for each in found.split(",")) for method, _, found in methods}


def _with_kind(expression: str, kind: str) -> str:
    """Return an expression with its kind, the mark of its direction last.

    >>> _with_kind("a<", "table"), _with_kind("a:model<", "table"), _with_kind("a", "@b")
    ('a:table<', 'a:model<', 'a:@b')
    """
    if ":" in expression:
        return expression
    bare = expression.rstrip("<>")
    return f"{bare}:{kind}{expression[len(bare) :]}"
