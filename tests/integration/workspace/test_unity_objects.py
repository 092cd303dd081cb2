"""Objects of Unity Catalog over REST: renames, owners, functions, models, stored objects, constraints, bindings."""

from __future__ import annotations

import pytest
from databricks.sdk import errors
from databricks.sdk.service import catalog as uc
from databricks.sdk.service.tags import TagPolicy, Value

from genops.testing.workspace import LocalWorkspace
from genops.testing.workspace.sql.failures import SqlError
from support.catalogs import empty

MODEL = {"catalog_name": "main", "schema_name": "default", "model_name": "m", "source": "dbfs:/m"}


@pytest.fixture(scope="module")
def ws():
    """A workspace of short pages."""
    with LocalWorkspace(transition_polls=0, page_size=2) as workspace:
        yield workspace


@pytest.fixture(autouse=True)
def _without_what_the_test_before_made(ws):
    empty(ws)


def table(w, name="t", **columns):
    """A table of BIGINT columns, made over REST; a column given as False takes no NULL."""
    given = [
        uc.ColumnInfo(name=column, type_text="bigint", type_name=uc.ColumnTypeName.LONG, nullable=nullable)
        for column, nullable in (columns or {"id": False}).items()
    ]
    return w.tables.create(
        name, "main", "default", uc.TableType.MANAGED, uc.DataSourceFormat.DELTA, "", columns=given
    ).full_name


def test_catalog_and_schema_are_renamed_with_what_they_hold(w):
    """A new name of a catalog and of a schema is the name of the volumes, models, tags and grants below."""
    w.catalogs.create("c")
    w.schemas.create("s", "c")
    w.volumes.create("c", "s", "v", uc.VolumeType.MANAGED)
    w.registered_models.create(catalog_name="c", schema_name="s", name="m")
    w.entity_tag_assignments.create(uc.EntityTagAssignment(entity_type="schemas", entity_name="c.s", tag_key="k"))
    w.grants.update("schema", "c.s", changes=[uc.PermissionsChange(principal="users", add=[uc.Privilege.USE_SCHEMA])])
    w.catalogs.update("c", new_name="d")
    w.schemas.update("d.s", new_name="u")
    assert [schema.full_name for schema in w.schemas.list("d")] == ["d.default", "d.u"]
    assert w.volumes.read("d.u.v").schema_name == "u"
    assert w.registered_models.get("d.u.m").catalog_name == "d"
    assert [tag.tag_key for tag in w.entity_tag_assignments.list("schemas", "d.u")] == ["k"]
    assert w.grants.get("schema", "d.u").privilege_assignments[0].principal == "users"
    with pytest.raises(errors.NotFound):
        w.catalogs.get("c")


def test_schema_with_tables_is_not_renamed(w):
    """A rename that would have to move tables is refused, not half done."""
    table(w)
    with pytest.raises(errors.NotImplemented):
        w.schemas.update("main.default", new_name="other")
    assert w.tables.exists("main.default.t").table_exists


def test_fields_that_nobody_honours_are_refused(w):
    """A field that would be ignored makes the call NOT_IMPLEMENTED."""
    with pytest.raises(errors.NotImplemented, match="custom_max_retention_hours"):
        w.catalogs.create("c", custom_max_retention_hours=24)
    with pytest.raises(errors.NotImplemented, match="connection_name"):
        w.catalogs.create("c", connection_name="x")


def test_owner_must_be_somebody(w):
    """An object is given to a principal that the workspace knows, and to nobody else."""
    assert w.schemas.update("main.default", owner="users").owner == "users"
    with pytest.raises(errors.NotFound) as caught:
        w.schemas.update("main.default", owner="ghost@example.com")
    assert caught.value.error_code == "PRINCIPAL_DOES_NOT_EXIST"


def test_tags_and_grants_end_with_their_object(w):
    """An object of a name that was used before starts without tags and grants."""
    name = table(w)
    w.entity_tag_assignments.create(uc.EntityTagAssignment(entity_type="tables", entity_name=name, tag_key="k"))
    w.entity_tag_assignments.create(
        uc.EntityTagAssignment(entity_type="columns", entity_name=f"{name}.id", tag_key="k")
    )
    w.grants.update("table", name, changes=[uc.PermissionsChange(principal="users", add=[uc.Privilege.SELECT])])
    w.tables.delete(name)
    table(w)
    assert list(w.entity_tag_assignments.list("tables", name)) == []
    assert list(w.entity_tag_assignments.list("columns", f"{name}.id")) == []
    assert not w.grants.get("table", name).privilege_assignments


def test_tag_life(w):
    """A tag is assigned once, read, changed by its mask, listed in pages and removed."""
    name = table(w)
    for key in ("a", "b", "c"):
        w.entity_tag_assignments.create(uc.EntityTagAssignment(entity_type="tables", entity_name=name, tag_key=key))
    with pytest.raises(errors.AlreadyExists):
        w.entity_tag_assignments.create(uc.EntityTagAssignment(entity_type="tables", entity_name=name, tag_key="a"))
    changed = uc.EntityTagAssignment(entity_type="tables", entity_name=name, tag_key="a", tag_value="1")
    w.entity_tag_assignments.update("tables", name, "a", changed, "tag_value")
    assert w.entity_tag_assignments.get("tables", name, "a").tag_value == "1"
    assert [tag.tag_key for tag in w.entity_tag_assignments.list("tables", name, max_results=2)] == ["a", "b", "c"]
    w.entity_tag_assignments.delete("tables", name, "a")
    with pytest.raises(errors.NotFound):
        w.entity_tag_assignments.get("tables", name, "a")


def test_governed_tag_allows_its_values_only(w):
    """The policy of a key limits what may be assigned."""
    w.tag_policies.create_tag_policy(TagPolicy(tag_key="class", values=[Value(name="pii"), Value(name="open")]))
    given = uc.EntityTagAssignment(entity_type="schemas", entity_name="main.default", tag_key="class", tag_value="x")
    with pytest.raises(errors.InvalidParameterValue, match="not an allowed value"):
        w.entity_tag_assignments.create(given)
    w.tag_policies.update_tag_policy("class", TagPolicy(tag_key="class", values=[Value(name="x")]), "values")
    assert w.entity_tag_assignments.create(given).tag_value == "x"
    assert [policy.tag_key for policy in w.tag_policies.list_tag_policies()] == ["class"]
    w.tag_policies.delete_tag_policy("class")
    with pytest.raises(errors.NotFound):
        w.tag_policies.get_tag_policy("class")


def test_model_with_versions_and_aliases(w):
    """A model has numbered versions that become ready, aliases that mean them, and stays while it has versions."""
    w.registered_models.create(catalog_name="main", schema_name="default", name="m", comment="x")
    for _ in range(3):
        made = w.api_client.do("POST", "/api/2.1/unity-catalog/models/versions", body=MODEL)
    path = f"/api/2.1/unity-catalog/models/main.default.m/versions/{made['version']}/finalize"
    assert (made["status"], w.api_client.do("PATCH", path)["status"]) == ("PENDING_REGISTRATION", "READY")
    assert [version.version for version in w.model_versions.list("main.default.m")] == [3, 2, 1]
    w.registered_models.set_alias("main.default.m", "champion", 2)
    assert w.model_versions.get_by_alias("main.default.m", "Champion").version == 2
    assert w.registered_models.get("main.default.m", include_aliases=True).aliases[0].version_num == 2
    assert w.model_versions.update("main.default.m", 2, comment="better").comment == "better"
    w.registered_models.update("main.default.m", new_name="n")
    with pytest.raises(errors.InvalidState, match="not empty"):
        w.registered_models.delete("main.default.n")
    for number in (1, 2, 3):
        w.model_versions.delete("main.default.n", number)
    with pytest.raises(errors.NotFound):
        w.model_versions.get_by_alias("main.default.n", "champion")
    w.registered_models.delete("main.default.n")
    assert list(w.registered_models.list()) == []


def test_stored_objects_show_no_secret(w):
    """A connection and a storage credential are kept without the secrets that came with them."""
    options = {"host": "db.example.com", "port": "5432", "user": "u", "password": "hidden"}
    made = w.connections.create("pg", uc.ConnectionType.POSTGRESQL, options, comment="x")
    assert made.options == {"host": "db.example.com", "port": "5432", "user": "u"}
    principal = uc.AzureServicePrincipal("directory", "application", "hidden")
    w.storage_credentials.create("azure", azure_service_principal=principal, skip_validation=True)
    assert "hidden" not in str(w.storage_credentials.get("azure").as_dict())
    assert w.connections.update("pg", options, new_name="pg2").name == "pg2"
    w.connections.delete("pg2")
    assert list(w.connections.list()) == []


def test_credential_is_kept_by_its_locations(w):
    """A storage credential that a location uses is deleted by force only, and locations do not overlap."""
    role = uc.AwsIamRoleRequest("arn:aws:iam::123456789012:role/r")
    with pytest.raises(errors.NotImplemented, match="skip_validation"):
        w.storage_credentials.create("cred", aws_iam_role=role)
    w.storage_credentials.create("cred", aws_iam_role=role, skip_validation=True)
    w.external_locations.create("raw", "s3://bucket/raw", "cred", skip_validation=True)
    with pytest.raises(errors.InvalidParameterValue, match="overlaps"):
        w.external_locations.create("part", "s3://bucket/raw/part", "cred", skip_validation=True)
    with pytest.raises(errors.InvalidState, match="used by 1"):
        w.storage_credentials.delete("cred")
    w.storage_credentials.update("cred", new_name="key", comment="x")
    assert w.external_locations.get("raw").credential_name == "key"
    w.external_locations.delete("raw")
    w.storage_credentials.delete("key")
    assert "key" not in [held.name for held in w.storage_credentials.list()]


def test_constraints_are_recorded_on_their_table(w):
    """Keys need columns that exist, a primary key columns without NULL, and a foreign key a primary key to mean."""
    parent, child = table(w, "p", id=False, other=True), table(w, "c", id=False, p=True)

    def add(name, constraint):
        return w.table_constraints.create(name, constraint)

    nullable = uc.TableConstraint(primary_key_constraint=uc.PrimaryKeyConstraint("pk", ["other"]))
    with pytest.raises(errors.InvalidParameterValue, match="nullable"):
        add(parent, nullable)
    add(parent, uc.TableConstraint(primary_key_constraint=uc.PrimaryKeyConstraint("pk", ["id"])))
    key = uc.ForeignKeyConstraint("fk", ["p"], parent, ["id"])
    add(child, uc.TableConstraint(foreign_key_constraint=key))
    (held,) = w.tables.get(child).table_constraints
    assert (held.foreign_key_constraint.parent_table, held.foreign_key_constraint.parent_columns) == (parent, ["id"])
    with pytest.raises(errors.InvalidState, match="referenced"):
        w.table_constraints.delete(parent, "pk", cascade=False)
    w.table_constraints.delete(parent, "pk", cascade=True)
    assert [w.tables.get(name).table_constraints or [] for name in (parent, child)] == [[], []]


def test_isolated_catalog_is_for_its_workspaces(w):
    """A catalog that is bound to other workspaces cannot be used here until it is bound again."""
    w.catalogs.create("c")
    w.catalogs.update("c", isolation_mode=uc.CatalogIsolationMode.ISOLATED)
    here = int(w.config.workspace_id or w.get_workspace_id())
    assert [binding.workspace_id for binding in w.workspace_bindings.get_bindings("catalog", "c")] == [here]
    w.workspace_bindings.update_bindings(
        "catalog", "c", add=[uc.WorkspaceBinding(workspace_id=7)], remove=[uc.WorkspaceBinding(workspace_id=here)]
    )
    with pytest.raises(errors.PermissionDenied, match="not accessible in current workspace"):
        w.schemas.get("c.default")
    assert [catalog.name for catalog in w.catalogs.list()] == ["main"]
    w.workspace_bindings.update("c", assign_workspaces=[here])
    assert w.schemas.get("c.default").full_name == "c.default"


def test_external_lineage_is_what_was_told(w):
    """A relationship is created once, found from both ends, changed by its mask and deleted."""
    name = table(w)
    w.external_metadata.create_external_metadata(
        uc.ExternalMetadata(name="crm", system_type=uc.SystemType.SALESFORCE, entity_type="table", columns=["a"])
    )
    source = uc.ExternalLineageObject(external_metadata=uc.ExternalLineageExternalMetadata(name="crm"))
    target = uc.ExternalLineageObject(table=uc.ExternalLineageTable(name=name))
    told = uc.CreateRequestExternalLineage(source=source, target=target, properties={"producer": "x"})
    made = w.external_lineage.create_external_lineage_relationship(told)
    with pytest.raises(errors.AlreadyExists):
        w.external_lineage.create_external_lineage_relationship(told)
    (down,) = w.external_lineage.list_external_lineage_relationships(source, uc.LineageDirection.DOWNSTREAM)
    (up,) = w.external_lineage.list_external_lineage_relationships(target, uc.LineageDirection.UPSTREAM)
    assert (down.table_info.name, up.external_metadata_info.name) == ("t", "crm")
    assert down.external_lineage_info.id == up.external_lineage_info.id == made.id
    change = uc.UpdateRequestExternalLineage(
        source=source, target=target, columns=[uc.ColumnRelationship("a", "id")], properties={"producer": "y"}
    )
    changed = w.external_lineage.update_external_lineage_relationship(change, "columns")
    assert (changed.columns[0].target, changed.properties) == ("id", {"producer": "x"})
    w.external_lineage.delete_external_lineage_relationship(
        uc.DeleteRequestExternalLineage(source=source, target=target)
    )
    assert list(w.external_lineage.list_external_lineage_relationships(source, uc.LineageDirection.DOWNSTREAM)) == []


def test_external_metadata_life(w):
    """External metadata is created, listed in pages, changed and deleted, with its relationships."""
    for name in ("a", "b", "c"):
        made = uc.ExternalMetadata(name=name, system_type=uc.SystemType.OTHER, entity_type="topic")
        w.external_metadata.create_external_metadata(made)
    listed = [item.name for item in w.external_metadata.list_external_metadata(page_size=2)]
    assert [name for name in listed if name in "abc"] == ["a", "b", "c"]
    made.description = "x"
    assert w.external_metadata.update_external_metadata("c", made, "description").description == "x"
    w.external_metadata.delete_external_metadata("c")
    with pytest.raises(errors.NotFound):
        w.external_metadata.get_external_metadata("c")


def test_every_change_is_noted(ws, w):
    """The journal has an entry for each change of an object, with who made it."""
    w.schemas.create("s", "main")
    w.schemas.update("main.s", comment="x")
    w.schemas.delete("main.s")
    noted = [(entry.facts["action"], entry.facts["user"]) for entry in ws._journal.of("object")[-3:]]
    assert noted == [(action, ws.identity.user) for action in ("create", "update", "delete")]


def test_table_under_a_policy_cannot_be_read(ws, w):
    """A policy is held and listed, and what it covers is unsupported rather than shown without it."""
    name = table(w)
    policy = uc.PolicyInfo(
        name="adults",
        on_securable_type=uc.SecurableType.SCHEMA,
        on_securable_fullname="main.default",
        for_securable_type=uc.SecurableType.TABLE,
        policy_type=uc.PolicyType.POLICY_TYPE_ROW_FILTER,
        to_principals=["users"],
        row_filter=uc.RowFilterOptions(function_name="main.default.f", using=[]),
    )
    assert w.policies.create_policy(policy).on_securable_fullname == "main.default"
    with pytest.raises(errors.AlreadyExists):
        w.policies.create_policy(policy)
    assert [held.name for held in w.policies.list_policies("table", name, include_inherited=True)] == ["adults"]
    with pytest.raises(SqlError, match=r"UNSUPPORTED_BY_LOCAL_WORKSPACE.*adults"):
        ws.execute(f"SELECT * FROM {name}")
    w.policies.delete_policy("schema", "main.default", "adults")
    assert ws.execute(f"SELECT * FROM {name}") == []
