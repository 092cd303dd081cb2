"""Requests that make sense, to most of what a workspace serves: what fuzzing starts from."""

from __future__ import annotations

import json
from typing import Any

_UC = "/api/2.1/unity-catalog"
_LINEAGE = "/api/2.0/lineage-tracking"
# fmt: off
_REQUESTS: list[tuple[str, str, Any]] = [
    ("POST", f"{_UC}/catalogs", {"name": "c1", "comment": "x", "properties": {"a": "b"}}),
    ("PATCH", f"{_UC}/catalogs/c1", {"comment": "y", "owner": "users"}),
    ("GET", f"{_UC}/catalogs?max_results=2", None),
    ("POST", f"{_UC}/schemas", {"name": "s1", "catalog_name": "c1", "properties": {"a": "b"}}),
    ("PATCH", f"{_UC}/schemas/c1.s1", {"new_name": "s2", "comment": "z"}),
    ("GET", f"{_UC}/schemas?catalog_name=main&max_results=3", None),
    ("POST", f"{_UC}/tables", {
        "name": "t1", "catalog_name": "main", "schema_name": "default", "table_type": "EXTERNAL",
        "data_source_format": "DELTA", "storage_location": "s3://bucket/t1",
        "columns": [{"name": "id", "type_text": "int", "type_name": "INT", "position": 0}]}),
    ("GET", f"{_UC}/tables?catalog_name=main&schema_name=default&max_results=1&omit_columns=true", None),
    ("GET", f"{_UC}/tables/main.default.t", None),
    ("PATCH", f"{_UC}/tables/main.default.t", {"owner": "users", "comment": "x"}),
    ("GET", f"{_UC}/table-summaries?catalog_name=main", None),
    ("POST", f"{_UC}/volumes", {
        "name": "v1", "catalog_name": "main", "schema_name": "default", "volume_type": "MANAGED"}),
    ("PATCH", f"{_UC}/volumes/main.default.v1", {"new_name": "v2", "comment": "x"}),
    ("POST", f"{_UC}/functions", {"function_info": {
        "name": "f1", "catalog_name": "main", "schema_name": "default", "full_data_type": "INT", "data_type": "INT",
        "routine_body": "SQL", "routine_definition": "x + 1", "parameter_style": "S", "is_deterministic": True,
        "sql_data_access": "NO_SQL", "is_null_call": False, "security_type": "DEFINER", "specific_name": "f1",
        "input_params": {"parameters": [{
            "name": "x", "type_text": "int", "type_name": "INT", "type_json": '"int"', "position": 0}]}}}),
    ("POST", f"{_UC}/models", {"name": "m1", "catalog_name": "main", "schema_name": "default"}),
    ("POST", f"{_UC}/models/main.default.m1/versions", {
        "model_name": "m1", "catalog_name": "main", "schema_name": "default", "source": "s3://b/m"}),
    ("PUT", f"{_UC}/models/main.default.m1/aliases/a", {"full_name": "main.default.m1", "version_num": 1}),
    ("PATCH", f"{_UC}/permissions/table/main.default.t", {"changes": [{"principal": "users", "add": ["SELECT"]}]}),
    ("GET", f"{_UC}/permissions/schema/main.default?principal=users", None),
    ("GET", f"{_UC}/effective-permissions/table/main.default.t?max_results=1", None),
    ("POST", f"{_UC}/entity-tag-assignments", {
        "entity_type": "tables", "entity_name": "main.default.t", "tag_key": "k", "tag_value": "v"}),
    ("GET", f"{_UC}/entity-tag-assignments/tables/main.default.t/tags", None),
    ("GET", f"{_LINEAGE}/table-lineage?table_name=main.default.t&include_entity_lineage=true", None),
    ("GET", f"{_LINEAGE}/column-lineage?table_name=main.default.t&column_name=id", None),
    ("POST", f"{_LINEAGE}/external-lineage", {
        "source": {"path": {"url": "s3://b/x"}}, "target": {"table": {"name": "main.default.t"}},
        "columns": [{"source": "a", "target": "id"}], "properties": {"a": "b"}}),
    ("GET", f"{_LINEAGE}/external-lineage?object_info.table.name=main.default.t&lineage_direction=UPSTREAM", None),
    ("POST", f"{_LINEAGE}/external-metadata", {
        "name": "e1", "system_type": "OTHER", "entity_type": "x", "columns": ["a"], "properties": {"a": "b"}}),
    ("POST", "/api/2.0/sql/statements", {
        "statement": "SELECT :a AS a, id FROM t", "warehouse_id": "WAREHOUSE", "catalog": "main", "schema": "default",
        "parameters": [{"name": "a", "type": "INT", "value": "1"}], "query_tags": [{"key": "k", "value": "v"}],
        "row_limit": 10, "byte_limit": 1000, "wait_timeout": "10s", "on_wait_timeout": "CONTINUE",
        "disposition": "EXTERNAL_LINKS", "format": "ARROW_STREAM"}),
    ("POST", "/api/2.0/sql/statements", {"statement": "SELECT 1", "warehouse_id": "WAREHOUSE", "wait_timeout": "0s"}),
    ("POST", "/api/2.0/sql/sessions", {
        "warehouse_id": "WAREHOUSE", "catalog": "main", "schema": "default", "session_confs": {"a": "b"}}),
    ("GET", "/api/2.0/sql/history/queries?include_metrics=true&max_results=2", None),
    ("GET", "/api/2.0/sql/history/queries?filter_by.warehouse_ids=WAREHOUSE&filter_by.statuses=FINISHED", None),
    ("POST", "/api/2.0/sql/warehouses", {
        "name": "w1", "cluster_size": "Small", "auto_stop_mins": 10, "min_num_clusters": 1, "max_num_clusters": 2,
        "warehouse_type": "PRO", "enable_serverless_compute": True, "channel": {"name": "CHANNEL_NAME_CURRENT"},
        "tags": {"custom_tags": [{"key": "a", "value": "b"}]}, "spot_instance_policy": "COST_OPTIMIZED"}),
    ("POST", "/api/2.0/sql/warehouses/WAREHOUSE/edit", {"name": "w2", "cluster_size": "Medium"}),
    ("POST", "/api/2.0/sql/warehouses/WAREHOUSE/start", {}),
    ("GET", "/api/2.0/sql/warehouses/WAREHOUSE", None),
    ("POST", "/api/2.1/clusters/create", {
        "cluster_name": "k1", "spark_version": "15.4.x-scala2.12", "node_type_id": "i3.xlarge", "num_workers": 1,
        "autotermination_minutes": 20, "custom_tags": {"a": "b"}, "spark_conf": {"a": "b"},
        "aws_attributes": {"availability": "SPOT"}, "autoscale": {"min_workers": 1, "max_workers": 2}}),
    ("GET", "/api/2.1/clusters/list?page_size=1&filter_by.cluster_states=RUNNING", None),
    ("POST", "/api/2.1/clusters/events", {"cluster_id": "x", "limit": 5, "offset": 0, "order": "ASC"}),
    ("POST", "/api/2.2/jobs/create", {
        "name": "j1", "max_concurrent_runs": 2, "tags": {"a": "b"}, "timeout_seconds": 60,
        "schedule": {"quartz_cron_expression": "0 0 * * * ?", "timezone_id": "UTC", "pause_status": "PAUSED"},
        "parameters": [{"name": "p", "default": "1"}], "job_clusters": [{"job_cluster_key": "k", "new_cluster": {
            "spark_version": "15.4.x-scala2.12", "node_type_id": "i3.xlarge", "num_workers": 1}}],
        "tasks": [
            {"task_key": "a", "sql_task": {"warehouse_id": "WAREHOUSE", "query": {"query_id": "x"}}},
            {"task_key": "b", "notebook_task": {"notebook_path": "/n", "base_parameters": {"a": "b"}},
             "depends_on": [{"task_key": "a"}], "max_retries": 1, "job_cluster_key": "k"}]}),
    ("GET", "/api/2.2/jobs/list?limit=2&name=j1&expand_tasks=true", None),
    ("GET", "/api/2.2/jobs/get?job_id=1001", None),
    ("POST", "/api/2.2/jobs/run-now", {"job_id": 1001, "job_parameters": {"p": "2"}, "only": ["a"]}),
    ("POST", "/api/2.2/jobs/update", {"job_id": 1001, "new_settings": {"name": "j2"}, "fields_to_remove": ["tags"]}),
    ("POST", "/api/2.2/jobs/runs/submit", {"run_name": "r", "tasks": [
        {"task_key": "a", "sql_task": {"warehouse_id": "WAREHOUSE", "file": {"path": "/f.sql"}}}]}),
    ("GET", "/api/2.2/jobs/runs/list?job_id=1001&limit=2&active_only=true", None),
    ("GET", "/api/2.2/jobs/runs/get?run_id=1&include_history=true", None),
    ("POST", "/api/2.0/sql/queries", {"query": {
        "display_name": "q", "query_text": "SELECT 1", "warehouse_id": "WAREHOUSE", "tags": ["a"]}}),
    ("POST", "/api/2.0/workspace/import", {
        "path": "/n", "format": "SOURCE", "language": "SQL", "content": "U0VMRUNUIDE=", "overwrite": True}),
    ("GET", "/api/2.0/workspace/list?path=/", None),
    ("GET", "/api/2.0/workspace/export?path=/n&format=SOURCE", None),
    ("POST", "/api/2.0/workspace/mkdirs", {"path": "/d/e"}),
    ("POST", "/api/2.0/workspace/delete", {"path": "/d", "recursive": True}),
    ("POST", "/api/2.0/dbfs/put", {"path": "/a", "contents": "YQ==", "overwrite": True}),
    ("GET", "/api/2.0/dbfs/read?path=/a&offset=0&length=1", None),
    ("POST", "/api/2.0/dbfs/move", {"source_path": "/a", "destination_path": "/b"}),
    ("POST", "/api/2.0/pipelines", {
        "name": "p1", "catalog": "main", "schema": "default", "serverless": True, "continuous": False,
        "libraries": [{"notebook": {"path": "/n"}}], "configuration": {"a": "b"}}),
    ("GET", "/api/2.0/pipelines?max_results=1&filter=name%20LIKE%20%27p%25%27", None),
    ("POST", "/api/2.0/serving-endpoints", {"name": "e1", "config": {"served_entities": [{
        "entity_name": "main.default.m1", "entity_version": "1", "workload_size": "Small",
        "scale_to_zero_enabled": True}]}, "tags": [{"key": "a", "value": "b"}]}),
    ("POST", "/serving-endpoints/e1/invocations", {
        "messages": [{"role": "user", "content": "hello"}], "max_tokens": 5, "temperature": 0.1}),
    ("POST", "/api/2.0/preview/scim/v2/Users", {
        "userName": "u@example.com", "displayName": "U", "active": True, "groups": [{"value": "1"}]}),
    ("GET", "/api/2.0/preview/scim/v2/Users?filter=userName%20eq%20%22u%22&startIndex=1&count=2", None),
    ("POST", "/api/2.0/preview/scim/v2/Groups", {"displayName": "g", "members": [{"value": "1"}]}),
    ("POST", "/api/2.0/preview/scim/v2/ServicePrincipals", {"displayName": "sp", "applicationId": "a"}),
    ("POST", "/api/2.0/token/create", {"comment": "x", "lifetime_seconds": 60}),
    ("POST", "/api/2.0/token/delete", {"token_id": "x"}),
    ("PUT", "/api/2.0/fs/directories/Volumes/main/default/raw/d", None),
    ("GET", "/api/2.0/fs/directories/Volumes/main/default/raw?page_size=1", None),
    ("POST", "/api/2.0/fs/files/Volumes/main/default/raw/f?action=initiate-upload&overwrite=true", None),
    ("POST", "/api/2.0/fs/create-upload-part-urls", {
        "path": "/Volumes/main/default/raw/f", "session_token": "x", "start_part_number": 1, "count": 2,
        "expire_time": "2030-01-01T00:00:00Z"}),
    ("POST", "/api/2.0/fs/create-download-url", {"path": "/Volumes/main/default/raw/f"}),
]
# fmt: on


def sensible_requests(warehouse_id: str) -> list[tuple[str, str, bytes]]:
    """Method, target and body of each, in an order in which they work."""
    return [
        (method, target.replace("WAREHOUSE", warehouse_id), _encoded(body, warehouse_id))
        for method, target, body in _REQUESTS
    ]


def _encoded(body: Any, warehouse_id: str) -> bytes:
    return b"" if body is None else json.dumps(body).replace("WAREHOUSE", warehouse_id).encode()
