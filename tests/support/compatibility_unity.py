"""Arguments for the methods of Unity Catalog and of files: what the workspace holds, and what a call makes."""

from __future__ import annotations

import base64
import io
from typing import TYPE_CHECKING, Any

from databricks.sdk.service import catalog as uc
from databricks.sdk.service import tags

if TYPE_CHECKING:
    from databricks.sdk import WorkspaceClient

    from genops.testing.workspace import LocalWorkspace

ROLE = uc.AwsIamRoleRequest("arn:aws:iam::123456789012:role/reader")
FILES = "/Volumes/main/default/files"
TABLE = uc.ExternalLineageObject(table=uc.ExternalLineageTable(name="main.default.t"))
PATH = uc.ExternalLineageObject(path=uc.ExternalLineagePath(url="s3://bucket/in"))
OTHER = uc.ExternalMetadata(name="probe", system_type=uc.SystemType.OTHER, entity_type="topic", description="new")


def furnish(ws: LocalWorkspace, w: WorkspaceClient) -> None:
    """Make the objects that the calls are about."""
    ws.execute("CREATE TABLE t AS SELECT 1 AS id; CREATE VOLUME files; CREATE TABLE keyed (id BIGINT NOT NULL)")
    ws.execute("CREATE FUNCTION twice(x BIGINT) RETURNS BIGINT RETURN x * 2; CREATE SCHEMA guarded")
    w.grants.update(
        "schema", "main.default", changes=[uc.PermissionsChange(principal="users", add=[uc.Privilege.SELECT])]
    )
    w.registered_models.create(catalog_name="main", schema_name="default", name="scored")
    version = {"catalog_name": "main", "schema_name": "default", "model_name": "scored", "source": "dbfs:/m"}
    for _ in range(2):
        w.api_client.do("POST", "/api/2.1/unity-catalog/models/versions", body=version)
    w.registered_models.set_alias("main.default.scored", "kept", 2)
    w.storage_credentials.create("key", aws_iam_role=ROLE, skip_validation=True)
    w.catalogs.create("isolated")
    w.catalogs.update("isolated", isolation_mode=uc.CatalogIsolationMode.ISOLATED)
    w.files.upload(f"{FILES}/here.txt", io.BytesIO(b"here"))


def _function() -> uc.CreateFunction:
    parameter = uc.FunctionParameterInfo(
        name="x",
        type_text="bigint",
        type_name=uc.ColumnTypeName.LONG,
        position=0,
        type_json='{"name":"x","type":"long"}',
    )
    return uc.CreateFunction(
        name="probe",
        catalog_name="main",
        schema_name="default",
        input_params=uc.FunctionParameterInfos([parameter]),
        data_type=uc.ColumnTypeName.LONG,
        full_data_type="BIGINT",
        routine_body=uc.CreateFunctionRoutineBody.SQL,
        routine_definition="x + 1",
        parameter_style=uc.CreateFunctionParameterStyle.S,
        is_deterministic=True,
        sql_data_access=uc.CreateFunctionSqlDataAccess.CONTAINS_SQL,
        is_null_call=False,
        security_type=uc.CreateFunctionSecurityType.DEFINER,
        specific_name="probe",
    )


def _assignment(value: str) -> uc.EntityTagAssignment:
    return uc.EntityTagAssignment(entity_type="tables", entity_name="main.default.t", tag_key="probe", tag_value=value)


def _policy(comment: str) -> uc.PolicyInfo:
    return uc.PolicyInfo(
        name="probe",
        on_securable_type=uc.SecurableType.SCHEMA,
        on_securable_fullname="main.guarded",
        for_securable_type=uc.SecurableType.TABLE,
        policy_type=uc.PolicyType.POLICY_TYPE_ROW_FILTER,
        to_principals=["users"],
        row_filter=uc.RowFilterOptions(function_name="main.default.twice", using=[]),
        comment=comment,
    )


COLUMN = uc.ColumnInfo(name="id", type_text="int", type_name=uc.ColumnTypeName.INT)
KEY = uc.TableConstraint(primary_key_constraint=uc.PrimaryKeyConstraint("probe", ["id"]))
IN_SCHEMA = {"catalog_name": "main", "schema_name": "default"}
MODEL = "main.default.scored"
PROBE = "main.default.probe"

UNITY: dict[str, dict[str, Any]] = {
    "catalogs": {"name": "probe"},
    "catalogs.update": {"comment": "new"},
    "schemas": {"name": "probe", "catalog_name": "main", "full_name": "main.probe"},
    "schemas.update": {"comment": "new"},
    "tables": {**IN_SCHEMA, "full_name": PROBE},
    "tables.create": {
        "name": "probe",
        "table_type": uc.TableType.MANAGED,
        "data_source_format": uc.DataSourceFormat.DELTA,
        "storage_location": "",
        "columns": [COLUMN],
    },
    "tables.update": {"owner": "users"},
    "table_constraints": {"full_name_arg": "main.default.keyed", "full_name": "main.default.keyed"},
    "table_constraints.create": {"constraint": KEY},
    "table_constraints.delete": {"constraint_name": "probe", "cascade": False},
    "volumes": {**IN_SCHEMA, "name": PROBE},
    "volumes.create": {"name": "probe", "volume_type": uc.VolumeType.MANAGED},
    "volumes.update": {"comment": "new"},
    "functions": {**IN_SCHEMA, "name": PROBE},
    "functions.create": {"function_info": _function()},
    "functions.update": {"owner": "users"},
    "registered_models": {**IN_SCHEMA, "full_name": "main.default.probe_model"},
    "registered_models.create": {"name": "probe_model"},
    "registered_models.update": {"comment": "new"},
    "registered_models.set_alias": {"full_name": MODEL, "alias": "probe", "version_num": 2},
    "registered_models.delete_alias": {"full_name": MODEL, "alias": "probe"},
    "model_versions": {"full_name": MODEL, "version": 1, "alias": "kept"},
    "model_versions.update": {"comment": "new"},
    "grants": {"securable_type": "schema", "full_name": "main.default", "principal": "users"},
    "grants.update": {"changes": [uc.PermissionsChange(principal="users", add=[uc.Privilege.EXECUTE])]},
    "entity_tag_assignments": {"entity_type": "tables", "entity_name": "main.default.t", "tag_key": "probe"},
    "entity_tag_assignments.create": {"tag_assignment": _assignment("old")},
    "entity_tag_assignments.update": {"tag_assignment": _assignment("new"), "update_mask": "tag_value"},
    "tag_policies": {"tag_key": "probe"},
    "tag_policies.create_tag_policy": {"tag_policy": tags.TagPolicy(tag_key="probe")},
    "tag_policies.update_tag_policy": {
        "tag_policy": tags.TagPolicy(tag_key="probe", description="new"),
        "update_mask": "description",
    },
    "policies": {"on_securable_type": "schema", "on_securable_fullname": "main.guarded", "name": "probe"},
    "policies.create_policy": {"policy_info": _policy("old")},
    "policies.update_policy": {"policy_info": _policy("new"), "update_mask": "comment"},
    "connections": {"name": "probe"},
    "connections.create": {"connection_type": uc.ConnectionType.MYSQL, "options": {"host": "old"}},
    "connections.update": {"options": {"host": "new"}},
    "storage_credentials": {"name": "probe"},
    "storage_credentials.create": {"aws_iam_role": ROLE, "skip_validation": True},
    "storage_credentials.update": {"comment": "new"},
    "external_locations": {"name": "probe"},
    "external_locations.create": {"url": "s3://bucket/raw", "credential_name": "key", "skip_validation": True},
    "external_locations.update": {"comment": "new"},
    "external_metadata": {"name": "probe"},
    "external_metadata.create_external_metadata": {
        "external_metadata": uc.ExternalMetadata(name="probe", system_type=uc.SystemType.OTHER, entity_type="topic")
    },
    "external_metadata.update_external_metadata": {"external_metadata": OTHER, "update_mask": "description"},
    "external_lineage.create_external_lineage_relationship": {
        "external_lineage_relationship": uc.CreateRequestExternalLineage(source=PATH, target=TABLE)
    },
    "external_lineage.list_external_lineage_relationships": {
        "object_info": PATH,
        "lineage_direction": uc.LineageDirection.DOWNSTREAM,
    },
    "external_lineage.update_external_lineage_relationship": {
        "external_lineage_relationship": uc.UpdateRequestExternalLineage(
            source=PATH, target=TABLE, properties={"a": "new"}
        ),
        "update_mask": "properties",
    },
    "external_lineage.delete_external_lineage_relationship": {
        "external_lineage_relationship": uc.DeleteRequestExternalLineage(source=PATH, target=TABLE)
    },
    "workspace_bindings": {"name": "isolated", "securable_type": "catalog", "securable_name": "isolated"},
    "workspace_bindings.update": {"assign_workspaces": [7]},
    "workspace_bindings.update_bindings": {"add": [uc.WorkspaceBinding(workspace_id=8)]},
    "metastores": {"id": lambda known: known.ws.identity.metastore_id},
    "system_schemas": {"metastore_id": lambda known: known.ws.identity.metastore_id},
    "files": {
        "file_path": f"{FILES}/probe.txt",
        "directory_path": f"{FILES}/made",
        "contents": lambda _: io.BytesIO(b"1"),
    },
    "files.upload_from": {
        "file_path": f"{FILES}/from.txt",
        "source_path": lambda known: known.local("source.txt", b"some"),
    },
    "files.download_to": {"destination": lambda known: known.local("destination.txt")},
    "dbfs": {"path": "/probe.txt"},
    "dbfs.create": {"path": "/stream.txt"},
    "dbfs.add_block": {"handle": lambda known: known.found["dbfs.create"]["handle"], "data": "eA=="},
    "dbfs.close": {"handle": lambda known: known.found["dbfs.create"]["handle"]},
    "dbfs.put": {"contents": base64.b64encode(b"put").decode()},
    "dbfs.upload": {"path": "/uploaded.txt", "src": lambda _: io.BytesIO(b"up")},
    "dbfs.mkdirs": {"path": "/made"},
    "dbfs.copy": {"src": "/probe.txt", "dst": "/copied.txt"},
    "dbfs.move": {"source_path": "/copied.txt", "destination_path": "/moved.txt"},
    "dbfs.move_": {"src": "/moved.txt", "dst": "/again.txt"},
    "dbfs.list": {"path": "/"},
    "dbfs.open": {"read": True},
}
"""By service, or by method: arguments that replace the least ones. A function of what is known gives the value."""
