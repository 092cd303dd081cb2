"""Grants: inherited, effective, and enforced over REST, files and SQL for everybody but the metastore's admin."""

from __future__ import annotations

import io

import pytest
from databricks.sdk import errors
from databricks.sdk.service import catalog as uc
from databricks.sdk.service.sql import StatementState

from support.catalogs import empty
from support.sdk import workspace_client

ADA = "ada@example.com"
READ = ("USE_CATALOG", "USE_SCHEMA", "SELECT")


@pytest.fixture(scope="module")
def ada(ws):
    """The client of a user in the group of analysts."""
    return workspace_client(ws, token=ws.add_user(ADA, ["analysts"]))


@pytest.fixture(autouse=True)
def _nothing_granted(ws):
    """Leave a table, a view over it and a volume, and no grant."""
    empty(ws)
    ws.execute("CREATE TABLE t AS SELECT 1 AS id; CREATE VIEW v AS SELECT id FROM t; CREATE VOLUME files")


def grant(w, kind, name, *privileges, to=ADA):
    """Grant privileges."""
    added = [uc.Privilege(privilege) for privilege in privileges]
    w.grants.update(kind, name, changes=[uc.PermissionsChange(principal=to, add=added)])


def revoke(w, kind, name, *privileges, principal=ADA):
    """Revoke privileges."""
    removed = [uc.Privilege(privilege) for privilege in privileges]
    w.grants.update(kind, name, changes=[uc.PermissionsChange(principal=principal, remove=removed)])


def ran(ws, client, sql):
    """Run a statement as a client's user; rows, or SQL state and message."""
    done = client.statement_execution.execute_statement(sql, ws.warehouse_id, wait_timeout="30s")
    if done.status.state is StatementState.SUCCEEDED:
        return done.result.data_array if done.result else []
    return done.status.sql_state if hasattr(done.status, "sql_state") else None, done.status.error.message


def refused(ws, client, sql, lacking):
    """Whether a statement fails for want of a privilege, in the words of the service."""
    state, message = ran(ws, client, sql)
    text = f"[INSUFFICIENT_PERMISSIONS] Insufficient privileges:\nUser does not have {lacking}"
    return state in (None, "42501") and message.startswith(text)


def test_each_step_on_the_way_is_asked_for(w, ada):
    """Usage of the catalog and of the schema is asked before the table's own privilege."""
    for lacking, privilege in (
        ("USE CATALOG on Catalog 'main'", "USE_CATALOG"),
        ("USE SCHEMA on Schema 'main.default'", "USE_SCHEMA"),
        ("SELECT on Table 'main.default.t'", "SELECT"),
    ):
        with pytest.raises(errors.PermissionDenied, match=f"User does not have {lacking}"):
            ada.tables.get("main.default.t")
        grant(w, "catalog", "main", privilege)
    assert ada.tables.get("main.default.t").name == "t"


def test_privileges_are_inherited_and_show_from_where(w, ada):
    """What is granted on a catalog holds for its tables, and effective permissions say that it comes from there."""
    grant(w, "catalog", "main", "SELECT")
    grant(w, "table", "main.default.t", "MODIFY", to="analysts")
    (mine,) = w.grants.get_effective("table", "main.default.t", principal=ADA).privilege_assignments
    found = {each.privilege.value: each.inherited_from_name for each in mine.privileges}
    assert found == {"MODIFY": None, "SELECT": "main"}
    direct = w.grants.get("table", "main.default.t").privilege_assignments
    assert [(each.principal, [p.value for p in each.privileges]) for each in direct] == [("analysts", ["MODIFY"])]
    newer = [each.principal for each in w.grants.list_effective("table", "main.default.t")]
    assert newer == [ADA, "analysts"]


def test_group_and_everybody_count(w, ada):
    """A grant to a group, and one to all account users, is a grant to its members."""
    grant(w, "catalog", "main", "USE_CATALOG", to="account users")
    grant(w, "schema", "main.default", "USE_SCHEMA", "SELECT", to="analysts")
    assert ada.tables.get("main.default.t").name == "t"
    revoke(w, "schema", "main.default", "SELECT", principal="analysts")
    with pytest.raises(errors.PermissionDenied, match="SELECT"):
        ada.tables.get("main.default.t")


def test_lists_show_what_may_be_seen(ws, w, ada):
    """A list leaves out what its reader may not see; BROWSE is enough where browsing is asked for."""
    ws.execute("CREATE CATALOG other; CREATE TABLE other.default.u AS SELECT 1 AS id; CREATE TABLE hidden (id INT)")
    assert list(ada.catalogs.list()) == []
    grant(w, "catalog", "main", "USE_CATALOG", "USE_SCHEMA")
    grant(w, "table", "main.default.t", "SELECT")
    assert [catalog.name for catalog in ada.catalogs.list()] == ["main"]
    assert [table.name for table in ada.tables.list("main", "default")] == ["t"]
    grant(w, "catalog", "other", "BROWSE")
    assert [catalog.name for catalog in ada.catalogs.list(include_browse=True)] == ["main", "other"]
    assert ada.tables.get("other.default.u", include_browse=True).browse_only
    with pytest.raises(errors.PermissionDenied):
        ada.tables.get("other.default.u")


def test_changes_take_their_privileges(w, ada):
    """Creating takes a privilege on the parent, changing and deleting takes MANAGE; who creates owns."""
    grant(w, "catalog", "main", "USE_CATALOG", "USE_SCHEMA")
    with pytest.raises(errors.PermissionDenied, match="CREATE SCHEMA on Catalog 'main'"):
        ada.schemas.create("s", "main")
    with pytest.raises(errors.PermissionDenied, match="CREATE CATALOG on Metastore"):
        ada.catalogs.create("c")
    with pytest.raises(errors.PermissionDenied, match=r"MANAGE on Schema 'main\.default'"):
        ada.schemas.update("main.default", comment="x")
    given = uc.EntityTagAssignment(entity_type="schemas", entity_name="main.default", tag_key="k")
    with pytest.raises(errors.PermissionDenied, match="APPLY TAG"):
        ada.entity_tag_assignments.create(given)
    grant(w, "catalog", "main", "CREATE_SCHEMA")
    assert ada.schemas.create("s", "main").owner == ADA
    assert ada.schemas.update("main.s", comment="x").comment == "x"
    grant(ada, "schema", "main.s", "SELECT", to="analysts")
    ada.schemas.delete("main.s")


def test_all_privileges_leave_management_out(w, ada):
    """ALL PRIVILEGES reads and writes, but neither deletes nor grants."""
    grant(w, "catalog", "main", "ALL_PRIVILEGES")
    assert ada.tables.get("main.default.t").name == "t"
    with pytest.raises(errors.PermissionDenied, match="MANAGE"):
        ada.tables.delete("main.default.t")
    with pytest.raises(errors.PermissionDenied, match="MANAGE"):
        grant(ada, "table", "main.default.t", "SELECT")
    grant(w, "table", "main.default.t", "MANAGE")
    ada.tables.delete("main.default.t")


def test_files_take_the_privileges_of_their_volume(w, ada):
    """Reading a file takes READ VOLUME, writing it WRITE VOLUME."""
    grant(w, "catalog", "main", "USE_CATALOG", "USE_SCHEMA")
    path = "/Volumes/main/default/files/a.txt"
    with pytest.raises(errors.PermissionDenied, match=r"WRITE VOLUME on Volume 'main\.default\.files'"):
        ada.files.upload(path, io.BytesIO(b"x"))
    grant(w, "volume", "main.default.files", "WRITE_VOLUME")
    ada.files.upload(path, io.BytesIO(b"x"))
    with pytest.raises(errors.PermissionDenied, match="READ VOLUME"):
        ada.files.download(path)
    grant(w, "volume", "main.default.files", "READ_VOLUME")
    assert ada.files.download(path).contents.read() == b"x"


@pytest.mark.parametrize(
    ("kind", "name", "privilege", "principal", "error", "text"),
    [
        ("table", "main.default.t", "READ_VOLUME", ADA, errors.InvalidParameterValue, "READ VOLUME is not applicable"),
        ("table", "main.default.t", "SELECT", "ghost", errors.NotFound, "Could not find principal with name ghost"),
        ("table", "main.default.no", "SELECT", ADA, errors.NotFound, "does not exist"),
        ("nothing", "main", "SELECT", ADA, errors.InvalidParameterValue, "not a valid securable type"),
    ],
)
def test_grants_that_make_no_sense_are_refused(w, ada, kind, name, privilege, principal, error, text):
    """A privilege must fit the kind, and the securable and the principal must exist."""
    with pytest.raises(error, match=text):
        grant(w, kind, name, privilege, to=principal)


def test_sql_asks_for_privileges(ws, w, ada):
    """A query takes SELECT and the usage on the way, a change MODIFY, a new table CREATE TABLE, a drop MANAGE."""
    assert refused(ws, ada, "SELECT * FROM main.default.t", "USE CATALOG on Catalog 'main'")
    grant(w, "catalog", "main", "USE_CATALOG", "USE_SCHEMA")
    assert refused(ws, ada, "SELECT * FROM main.default.t", "SELECT on Table 'main.default.t'")
    grant(w, "table", "main.default.t", "SELECT")
    assert ran(ws, ada, "SELECT * FROM main.default.t") == [["1"]]
    assert refused(ws, ada, "INSERT INTO main.default.t VALUES (2)", "MODIFY on Table 'main.default.t'")
    assert refused(ws, ada, "DROP TABLE main.default.t", "MANAGE on Table 'main.default.t'")
    assert refused(ws, ada, "CREATE TABLE main.default.n (id INT)", "CREATE TABLE on Schema 'main.default'")
    grant(w, "schema", "main.default", "CREATE_TABLE")
    ran(ws, ada, "CREATE TABLE main.default.n (id INT)")
    assert w.tables.get("main.default.n").owner == ADA
    assert ran(ws, ada, "INSERT INTO main.default.n SELECT id FROM main.default.t") == [["1", "1"]]


def test_view_reads_with_the_rights_of_its_owner(ws, w, ada):
    """Who may read a view needs nothing on what is below it."""
    grant(w, "catalog", "main", "USE_CATALOG", "USE_SCHEMA")
    grant(w, "table", "main.default.v", "SELECT")
    assert ran(ws, ada, "SELECT * FROM main.default.v") == [["1"]]
    assert refused(ws, ada, "SELECT * FROM main.default.t", "SELECT on Table 'main.default.t'")


def test_view_needs_the_rights_of_its_owner(ws, w, ada):
    """A view whose owner may no longer read a table cannot be read by others either."""
    bob = workspace_client(ws, token=ws.add_user("bob@example.com"))
    grant(w, "catalog", "main", "USE_CATALOG", "USE_SCHEMA", to="account users")
    grant(w, "schema", "main.default", "CREATE_TABLE")
    grant(w, "table", "main.default.t", "SELECT")
    ran(ws, ada, "CREATE VIEW main.default.hers AS SELECT id FROM main.default.t")
    dependency = w.tables.get("main.default.hers").view_dependencies.dependencies[0]
    assert dependency.table.table_full_name == "main.default.t"
    grant(ada, "table", "main.default.hers", "SELECT", to="bob@example.com")
    assert ran(ws, bob, "SELECT * FROM main.default.hers") == [["1"]]
    revoke(w, "table", "main.default.t", "SELECT")
    assert refused(ws, bob, "SELECT * FROM main.default.hers", "SELECT on Table 'main.default.t'")


def test_changes_of_one_request_are_made_together_or_not_at_all(w):
    """A request with a change that is refused leaves every grant as it was."""
    grant(w, "table", "main.default.t", "SELECT")
    right = uc.PermissionsChange(principal=ADA, add=[uc.Privilege.MODIFY], remove=[uc.Privilege.SELECT])
    for wrong in (
        uc.PermissionsChange(principal="nobody@example.com", add=[uc.Privilege.SELECT]),
        uc.PermissionsChange(principal=ADA, add=[uc.Privilege.CREATE_CATALOG]),
    ):
        with pytest.raises((errors.NotFound, errors.BadRequest)):
            w.grants.update("table", "main.default.t", changes=[right, wrong])
        (held,) = w.grants.get("table", "main.default.t").privilege_assignments
        assert held.privileges == [uc.Privilege.SELECT]
    w.grants.update("table", "main.default.t", changes=[right])
    (held,) = w.grants.get("table", "main.default.t").privilege_assignments
    assert held.privileges == [uc.Privilege.MODIFY]
