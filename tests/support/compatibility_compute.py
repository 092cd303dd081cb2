"""Arguments for the methods of compute, jobs, statements and of who there is."""

from __future__ import annotations

import base64
import contextlib
import io
from typing import TYPE_CHECKING, Any

from databricks.sdk.errors import OperationFailed
from databricks.sdk.service import compute, iam, jobs, pipelines, serving, sql, workspace

if TYPE_CHECKING:
    from databricks.sdk import WorkspaceClient

    from support.compatibility_world import Known

ENDLESS = "SELECT count(*) FROM range(100000000) AS a CROSS JOIN range(100000000) AS b WHERE a.id + b.id < 0"
PIPELINE = "-- Databricks notebook source\nCREATE OR REFRESH MATERIALIZED VIEW made AS SELECT 1 AS id\n"
_MODEL = serving.ServedEntityInput(
    entity_name="system.ai.llama_v3_3_70b_instruct", entity_version="1", scale_to_zero_enabled=True
)
SERVED = serving.EndpointCoreConfigInput(name="x", served_entities=[_MODEL])
NODE = {"spark_version": "15.4.x-scala2.12", "node_type_id": "i3.xlarge", "num_workers": 1}


def furnish(known: Known, w: WorkspaceClient) -> None:
    """Make the objects that the calls are about: what is stopped, what has failed, what still runs."""
    known.ids["warehouse"] = known.ws.warehouse_id
    known.ids["stopped_warehouse"] = w.warehouses.create(name="stopped", cluster_size="Small").result().id
    known.ids["idle_warehouse"] = w.warehouses.create(name="idle", cluster_size="Small").result().id
    for name in ("stopped_warehouse", "idle_warehouse"):
        w.warehouses.stop(known.ids[name]).result()
    for name in ("ended", "idle", "gone"):
        known.ids[f"{name}_cluster"] = made = w.clusters.create(cluster_name=name, **NODE).result().cluster_id
        w.clusters.delete(made).result()
    known.ids["cluster"] = w.clusters.create(cluster_name="runs", **NODE).result().cluster_id
    known.ids["query"] = w.queries.create(query=_query(known, "SELECT 1 AS one")).id
    broken = w.queries.create(query=_query(known, "SELECT * FROM nowhere", "broken")).id
    known.ids["job"] = w.jobs.create(name="kept", tasks=[_task(known, known.ids["query"])]).job_id
    failing = w.jobs.create(name="failing", tasks=[_task(known, broken)]).job_id
    known.ids["failed_run"] = w.jobs.run_now(failing).run_id
    known.ids["run"] = w.jobs.run_now(known.ids["job"]).run_id
    w.jobs.wait_get_run_job_terminated_or_skipped(known.ids["run"])
    with contextlib.suppress(OperationFailed):
        w.jobs.wait_get_run_job_terminated_or_skipped(known.ids["failed_run"])
    known.ws.execute("CREATE TABLE nowhere (id INT)")
    endless = w.queries.create(query=_query(known, ENDLESS, "endless")).id
    known.ids["endless_job"] = w.jobs.create(
        name="endless", tasks=[_task(known, endless)], max_concurrent_runs=9
    ).job_id
    w.workspace.upload("/pipeline", io.BytesIO(PIPELINE.encode()), language=workspace.Language.SQL, overwrite=True)
    known.ids["endpoint"] = w.serving_endpoints.create("kept", config=SERVED).result().id
    known.ids["notebook"] = w.workspace.get_status("/pipeline").object_id
    w.secrets.create_scope("kept")


def _query(known: Known, text: str, name: str = "kept") -> sql.CreateQueryRequestQuery:
    return sql.CreateQueryRequestQuery(
        display_name=name, query_text=text, warehouse_id=known.ws.warehouse_id, catalog="main", schema="default"
    )


def _task(known: Known, query: str) -> jobs.Task:
    asked = jobs.SqlTask(warehouse_id=known.ws.warehouse_id, query=jobs.SqlTaskQuery(query_id=query))
    return jobs.Task(task_key="only", sql_task=asked)


def _submitted(known: Known) -> list[jobs.SubmitTask]:
    asked = jobs.SqlTask(warehouse_id=known.ws.warehouse_id, query=jobs.SqlTaskQuery(query_id=known.ids["query"]))
    return [jobs.SubmitTask(task_key="only", sql_task=asked)]


def _id(name: str) -> Any:
    return lambda known: known.ids[name]


def _of(call: str, field: str) -> Any:
    return lambda known: known.found[call][field]


def _tasks(known: Known) -> list[jobs.Task]:
    return [_task(known, known.ids["query"])]


def _library(_: Known) -> list[pipelines.PipelineLibrary]:
    return [pipelines.PipelineLibrary(notebook=pipelines.NotebookLibrary(path="/pipeline"))]


def _renamed(schema: str) -> dict[str, Any]:
    change = iam.Patch(op=iam.PatchOp.REPLACE, path="displayName", value="renamed")
    return {"operations": [change], "schemas": [iam.PatchSchema(schema)]}


_PATCH = "urn:ietf:params:scim:api:messages:2.0:PatchOp"


def _principals() -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = {}
    for version in ("", "_v2"):
        users, groups, services = (f"{kind}{version}" for kind in ("users", "groups", "service_principals"))
        for service in (users, groups, services):
            found[service] = {"id": _of(f"{service}.create", "id")}
            found[f"{service}.patch"] = _renamed(_PATCH)
        name = f"probe{version}@example.com"
        found[f"{users}.create"] = {"user_name": name}
        found[f"{users}.update"] = {"user_name": name, "display_name": "updated"}
        found[f"{groups}.create"] = {"display_name": f"probe{version}"}
        found[f"{groups}.update"] = {"display_name": f"updated{version}"}
        found[f"{services}.create"] = {"display_name": f"probe{version}"}
        found[f"{services}.update"] = {"display_name": "updated"}
    return found


_MESSAGE = serving.ChatMessage(role=serving.ChatMessageRole.USER, content="hello")
_LIMIT = serving.RateLimit(calls=7, renewal_period=serving.RateLimitRenewalPeriod.MINUTE)


def _lists() -> dict[str, dict[str, Any]]:
    """Access lists, by the general methods and by those of each service."""
    objects: dict[str, tuple[dict[str, Any], Any, Any]] = {
        "permissions": (
            {"request_object_type": "queries", "request_object_id": _id("query")},
            iam.AccessControlRequest,
            iam.PermissionLevel,
        ),
        "warehouses": (
            {"warehouse_id": _id("warehouse")},
            sql.WarehouseAccessControlRequest,
            sql.WarehousePermissionLevel,
        ),
        "clusters": (
            {"cluster_id": _id("cluster")},
            compute.ClusterAccessControlRequest,
            compute.ClusterPermissionLevel,
        ),
        "jobs": (
            {"job_id": lambda known: str(known.ids["job"])},
            jobs.JobAccessControlRequest,
            jobs.JobPermissionLevel,
        ),
        "pipelines": (
            {"pipeline_id": _of("pipelines.create", "pipeline_id")},
            pipelines.PipelineAccessControlRequest,
            pipelines.PipelinePermissionLevel,
        ),
        "serving_endpoints": (
            {"serving_endpoint_id": _id("endpoint")},
            serving.ServingEndpointAccessControlRequest,
            serving.ServingEndpointPermissionLevel,
        ),
        "workspace": (
            {"workspace_object_type": "notebooks", "workspace_object_id": lambda known: str(known.ids["notebook"])},
            workspace.WorkspaceObjectAccessControlRequest,
            workspace.WorkspaceObjectPermissionLevel,
        ),
    }
    found: dict[str, dict[str, Any]] = {}
    for service, (where, entry, level) in objects.items():
        general = service == "permissions"
        for name in ("get_permission_levels", "get" if general else "get_permissions"):
            found[f"{service}.{name}"] = where
        for name, group in (("set", "users"), ("update", "account users")):
            listed = [entry(group_name=group, permission_level=level.CAN_MANAGE)]
            method = name if general else f"{name}_permissions"
            found[f"{service}.{method}"] = {**where, "access_control_list": listed}
    return found


COMPUTE: dict[str, dict[str, Any]] = {
    **_principals(),
    **_lists(),
    "current_user": {},
    "tokens.create": {"comment": "probe"},
    "tokens.list": {},
    "tokens.delete": {"token_id": lambda known: known.found["tokens.create"]["token_info"]["token_id"]},
    "service_principal_secrets_proxy": {"service_principal_id": lambda known: known.principal()},
    "service_principal_secrets_proxy.delete": {"secret_id": _of("service_principal_secrets_proxy.create", "id")},
    "statement_execution": {"warehouse_id": _id("warehouse"), "statement_id": lambda known: known.statement()},
    "statement_execution.execute_statement": {"statement": "SELECT 1"},
    "statement_execution.get_statement_result_chunk_n": {"chunk_index": 0},
    "statement_execution.cancel_execution": {"statement_id": lambda known: known.endless_statement()},
    "query_history": {},
    "queries": {"id": _of("queries.create", "id")},
    "queries.create": {"query": lambda known: _query(known, "SELECT 2", "probe")},
    "queries.update": {"update_mask": "description", "query": sql.UpdateQueryRequestQuery(description="new")},
    "warehouses": {"id": lambda known: known.found["warehouses.create"]["id"], "cluster_size": "Small"},
    "warehouses.create": {"name": "probe"},
    "warehouses.create_and_wait": {"name": "waited"},
    "warehouses.edit": {"name": "edited"},
    "warehouses.edit_and_wait": {"name": "edited again"},
    "warehouses.start": {"id": _id("stopped_warehouse")},
    "warehouses.start_and_wait": {"id": _id("idle_warehouse")},
    "warehouses.stop": {"id": _id("stopped_warehouse")},
    "warehouses.stop_and_wait": {"id": _id("idle_warehouse")},
    "warehouses.wait_get_warehouse_running": {"id": _id("warehouse")},
    "warehouses.wait_get_warehouse_stopped": {"id": lambda known: known.stopped_warehouse()},
    "clusters": {"cluster_id": lambda known: known.running_cluster(), **NODE},
    "clusters.select_spark_version": {"spark_version": None},
    "clusters.create": {"cluster_name": "probe"},
    "clusters.create_and_wait": {"cluster_name": "waited"},
    "clusters.edit": {"num_workers": 2},
    "clusters.edit_and_wait": {"num_workers": 3},
    "clusters.resize": {"num_workers": 4},
    "clusters.resize_and_wait": {"num_workers": 5},
    "clusters.update": {"update_mask": "num_workers", "cluster": compute.UpdateClusterResource(num_workers=6)},
    "clusters.update_and_wait": {"update_mask": "num_workers", "cluster": compute.UpdateClusterResource(num_workers=7)},
    "clusters.start": {"cluster_id": _id("ended_cluster")},
    "clusters.start_and_wait": {"cluster_id": _id("idle_cluster")},
    "clusters.delete": {"cluster_id": _id("ended_cluster")},
    "clusters.delete_and_wait": {"cluster_id": _id("idle_cluster")},
    "clusters.permanent_delete": {"cluster_id": _id("gone_cluster")},
    "clusters.wait_get_cluster_terminated": {"cluster_id": _id("gone_cluster")},
    "jobs": {"job_id": _id("job"), "run_id": _id("run"), "tasks": _tasks},
    "jobs.create": {"name": "probe"},
    "jobs.submit": {"tasks": _submitted, "run_name": "probe"},
    "jobs.submit_and_wait": {"tasks": _submitted, "run_name": "waited"},
    "jobs.get_run_output": {"run_id": lambda known: known.task_run()},
    "jobs.repair_run": {"run_id": _id("failed_run"), "rerun_all_failed_tasks": True},
    "jobs.repair_run_and_wait": {
        "run_id": _id("failed_run"),
        "rerun_tasks": ["only"],
        "latest_repair_id": lambda known: known.repair(),
    },
    "jobs.reset": {"new_settings": lambda known: jobs.JobSettings(name="reset", tasks=_tasks(known))},
    "jobs.update": {"new_settings": jobs.JobSettings(name="updated")},
    "jobs.cancel_all_runs": {"job_id": lambda known: known.endless_run() and known.ids["endless_job"]},
    "jobs.cancel_run": {"run_id": lambda known: known.endless_run()},
    "jobs.cancel_run_and_wait": {"run_id": lambda known: known.endless_run()},
    "pipelines": {"pipeline_id": _of("pipelines.create", "pipeline_id")},
    "pipelines.create": {"name": "probe", "catalog": "main", "schema": "default", "libraries": _library},
    "pipelines.update": {"name": "updated", "catalog": "main", "schema": "default", "libraries": _library},
    "pipelines.get_update": {"update_id": _of("pipelines.start_update", "update_id")},
    "serving_endpoints": {"name": "probe", "config": SERVED, "served_entities": [_MODEL]},
    "serving_endpoints.create": {},
    "serving_endpoints.create_and_wait": {"name": "waited"},
    "serving_endpoints.query": {"name": "kept", "messages": [_MESSAGE]},
    "serving_endpoints.put": {"name": "kept", "rate_limits": [_LIMIT]},
    "serving_endpoints.put_ai_gateway": {
        "name": "kept",
        "usage_tracking_config": serving.AiGatewayUsageTrackingConfig(enabled=True),
    },
    "serving_endpoints.patch": {"name": "kept", "add_tags": [serving.EndpointTag("probe", "new")]},
    "serving_endpoints.wait_get_serving_endpoint_not_updating": {"name": "kept"},
    "secrets": {"scope": "kept", "key": "k"},
    "secrets.create_scope": {"scope": "probe"},
    "secrets.delete_scope": {"scope": "probe"},
    "secrets.put_secret": {"string_value": "v"},
    "workspace": {"path": "/notebook"},
    "workspace.mkdirs": {"path": "/made"},
    "workspace.import_": {
        "content": base64.b64encode(b"SELECT 1").decode(),
        "format": workspace.ImportFormat.SOURCE,
        "language": workspace.Language.SQL,
    },
    "workspace.upload": {
        "path": "/uploaded",
        "content": lambda _: io.BytesIO(b"SELECT 2"),
        "language": workspace.Language.SQL,
    },
    "workspace.list": {"path": "/"},
}
"""By service, or by method: arguments that replace the least ones. A function of what is known gives the value."""
