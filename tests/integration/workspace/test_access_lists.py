"""Access control lists: what somebody made is for them and for admins, until a list lets others have it."""

from __future__ import annotations

import io

import pytest
from databricks.sdk import errors
from databricks.sdk.service import compute, iam, jobs, pipelines, serving, sql, workspace
from databricks.sdk.service.sql import StatementState

from genops.testing.workspace import LocalWorkspace
from support.compute import notebook, saved_query
from support.sdk import workspace_client

ADA = "ada@example.com"


@pytest.fixture(scope="module")
def ws():
    """A workspace."""
    with LocalWorkspace(transition_polls=0) as workspace:
        yield workspace


@pytest.fixture(scope="module")
def w(ws):
    """The client of an admin."""
    return workspace_client(ws)


@pytest.fixture(scope="module")
def ada(ws):
    """The client of a user without rights, in a group of analysts."""
    return workspace_client(ws, token=ws.add_user(ADA, ["analysts"]))


def job(w, ws):
    """A job with one SQL task."""
    asked = jobs.SqlTask(
        warehouse_id=ws.warehouse_id, query=jobs.SqlTaskQuery(query_id=saved_query(w, ws.warehouse_id, "SELECT 1"))
    )
    return str(w.jobs.create(name="kept", tasks=[jobs.Task(task_key="t", sql_task=asked)]).job_id)


def pipeline(w, _):
    """A pipeline with one notebook."""
    path = notebook(w, "/kept/source", "CREATE MATERIALIZED VIEW one AS SELECT 1 AS id")
    library = pipelines.PipelineLibrary(notebook=pipelines.NotebookLibrary(path=path))
    return w.pipelines.create(name="kept", libraries=[library], catalog="main", schema="default").pipeline_id


def endpoint(w, _):
    """An endpoint that echoes."""
    entity = serving.ServedEntityInput(
        entity_name="system.ai.llama_v3_3_70b_instruct",
        entity_version="1",
        workload_size="Small",
        scale_to_zero_enabled=True,
    )
    config = serving.EndpointCoreConfigInput(name="kept", served_entities=[entity])
    return w.serving_endpoints.create_and_wait("kept", config=config).id


def cluster(w, _):
    """A cluster of one node."""
    return (
        w.clusters.create(
            spark_version="15.4.x-scala2.12", node_type_id="i3.xlarge", num_workers=1, cluster_name="kept"
        )
        .result()
        .cluster_id
    )


def file(w, _):
    """A file in a directory that is nobody's home."""
    w.workspace.mkdirs("/kept/files")
    w.workspace.upload("/kept/files/a.sql", io.BytesIO(b"SELECT 1"), format=workspace.ImportFormat.RAW, overwrite=True)
    return str(w.workspace.get_status("/kept/files/a.sql").object_id)


# For each kind: what makes one, a call that needs the level, the level, and a call that it does not allow.
KINDS = {
    "warehouses": (
        lambda w, _: w.warehouses.create(name="kept", cluster_size="Small").result().id,
        lambda c, i: c.warehouses.start(i),
        "CAN_USE",
        lambda c, i: c.warehouses.stop(i),
    ),
    "clusters": (
        cluster,
        lambda c, i: c.clusters.restart(i),
        "CAN_RESTART",
        lambda c, i: c.clusters.permanent_delete(i),
    ),
    "jobs": (job, lambda c, i: c.jobs.run_now(int(i)).result(), "CAN_MANAGE_RUN", lambda c, i: c.jobs.delete(int(i))),
    "pipelines": (
        pipeline,
        lambda c, i: c.pipelines.start_update(i),
        "CAN_RUN",
        lambda c, i: c.pipelines.delete(i),
    ),
    "serving-endpoints": (
        endpoint,
        lambda c, _: c.serving_endpoints.query("kept", prompt="hello"),
        "CAN_QUERY",
        lambda c, _: c.serving_endpoints.delete("kept"),
    ),
    "queries": (
        lambda w, ws: saved_query(w, ws.warehouse_id, "SELECT 1"),
        lambda c, i: c.queries.update(i, "query_text", query=sql.UpdateQueryRequestQuery(query_text="SELECT 2")),
        "CAN_EDIT",
        lambda c, i: c.queries.delete(i),
    ),
    "files": (
        file,
        lambda c, _: c.workspace.download("/kept/files/a.sql", format=workspace.ExportFormat.SOURCE).read(),
        "CAN_READ",
        lambda c, _: c.workspace.delete("/kept/files/a.sql"),
    ),
}


@pytest.mark.parametrize("kind", KINDS)
def test_a_level_gives_what_it_gives_and_no_more(ws, w, ada, kind):
    """Without a level the user is refused; with one, by name or by group, it may do what belongs to the level only."""
    make, allowed, level, beyond = KINDS[kind]
    made = make(w, ws)
    for call in (allowed, beyond):
        with pytest.raises(errors.PermissionDenied):
            call(ada, made)
    with pytest.raises(errors.PermissionDenied):
        ada.permissions.get(kind, made)
    asked = iam.AccessControlRequest(group_name="analysts", permission_level=iam.PermissionLevel(level))
    w.permissions.update(kind, made, access_control_list=[asked])
    allowed(ada, made)
    with pytest.raises(errors.PermissionDenied, match="CAN_MANAGE"):
        beyond(ada, made)
    with pytest.raises(errors.PermissionDenied):
        ada.permissions.update(kind, made, access_control_list=[asked])
    shown = {one.group_name or one.user_name: one for one in ada.permissions.get(kind, made).access_control_list}
    assert [item.permission_level.value for item in shown["analysts"].all_permissions] == [level]
    assert shown["admins"].all_permissions[0].inherited
    assert ws.identity.user in shown
    assert level in [
        one.permission_level.value for one in w.permissions.get_permission_levels(kind, made).permission_levels
    ]
    w.permissions.set(kind, made, access_control_list=[])
    with pytest.raises(errors.PermissionDenied):
        allowed(ada, made)


def test_lists_show_what_may_be_seen(ws, w, ada):
    """What a user may not see is in no list; its own things are."""
    mine = w.warehouses.create(name="mine", cluster_size="Small").result().id
    hers = ada.warehouses.create(name="hers", cluster_size="Small").result().id
    listed = {one.id for one in ada.warehouses.list()}
    assert hers in listed
    assert ws.warehouse_id in listed
    assert mine not in listed
    assert {mine, hers} <= {one.id for one in w.warehouses.list()}


def test_typed_permissions_are_the_same_lists(ws, w, ada):
    """Each service's own methods read and change the list that the general ones do."""
    made = w.warehouses.create(name="typed", cluster_size="Small").result().id
    asked = sql.WarehouseAccessControlRequest(user_name=ADA, permission_level=sql.WarehousePermissionLevel.CAN_USE)
    w.warehouses.set_permissions(made, access_control_list=[asked])
    assert ADA in [one.user_name for one in w.permissions.get("warehouses", made).access_control_list]
    number = int(job(w, ws))
    given = jobs.JobAccessControlRequest(user_name=ADA, permission_level=jobs.JobPermissionLevel.CAN_VIEW)
    w.jobs.update_permissions(str(number), access_control_list=[given])
    assert ada.jobs.get(number).job_id == number
    assert w.jobs.get_permissions(str(number)).object_id == f"/jobs/{number}"
    assert w.clusters.get_permission_levels(cluster(w, ws)).permission_levels[0].permission_level is (
        compute.ClusterPermissionLevel.CAN_ATTACH_TO
    )


def test_statements_ask_for_the_warehouse(ws, w, ada):
    """Everybody may use the first warehouse; another's refuses statements, sessions and tasks of jobs."""
    made = w.warehouses.create(name="closed", cluster_size="Small").result().id
    answer = ada.statement_execution.execute_statement("SELECT 1", ws.warehouse_id, wait_timeout="30s")
    assert answer.status.state is StatementState.SUCCEEDED
    with pytest.raises(errors.PermissionDenied, match="permission to use the SQL Warehouse"):
        ada.statement_execution.execute_statement("SELECT 1", made)
    with pytest.raises(errors.PermissionDenied):
        ada.api_client.do("POST", "/api/2.0/sql/sessions", body={"warehouse_id": made})
    query = jobs.SqlTaskQuery(query_id=saved_query(ada, made, "SELECT 1"))
    task = jobs.SubmitTask(task_key="t", sql_task=jobs.SqlTask(warehouse_id=made, query=query))
    run = ada.jobs.submit(tasks=[task])
    with pytest.raises(errors.OperationFailed):
        run.result()


def test_directories_pass_their_lists_on(ws, w, ada):
    """A home is its user's, what is shared is everybody's, and a directory's list holds for what lies in it."""
    ada.workspace.mkdirs(f"/Users/{ADA}/etl")
    ada.workspace.mkdirs("/Shared/etl")
    for path in ("/hers", "/Users/bob@example.com/hers", "/kept/hers"):
        with pytest.raises(errors.PermissionDenied):
            ada.workspace.mkdirs(path)
    file(w, ws)
    with pytest.raises(errors.PermissionDenied):
        list(ada.workspace.list("/kept"))
    assert [item.path for item in ada.workspace.list("/Users")] == [f"/Users/{ADA}"]
    directory = str(w.workspace.get_status("/kept").object_id)
    asked = workspace.WorkspaceObjectAccessControlRequest(
        user_name=ADA, permission_level=workspace.WorkspaceObjectPermissionLevel.CAN_EDIT
    )
    w.workspace.update_permissions("directories", directory, access_control_list=[asked])
    ada.workspace.mkdirs("/kept/hers")
    below = w.workspace.get_permissions("files", file(w, ws)).access_control_list
    (hers,) = [one for one in below if one.user_name == ADA]
    assert hers.all_permissions[0].inherited_from_object == [f"/directories/{directory}"]


@pytest.mark.parametrize(
    ("entry", "error"),
    [
        ({"user_name": "nobody@example.com", "permission_level": "CAN_USE"}, errors.NotFound),
        ({"user_name": ADA, "permission_level": "CAN_RESTART"}, errors.BadRequest),
        ({"permission_level": "CAN_USE"}, errors.BadRequest),
        ({"user_name": ADA, "permission_level": "IS_OWNER"}, errors.NotImplemented),
    ],
)
def test_lists_that_are_wrong_are_refused(ws, w, ada, entry, error):
    """An unknown principal, a level of another kind, nobody, and another owner; nothing is changed."""
    path = f"/api/2.0/permissions/warehouses/{ws.warehouse_id}"
    before = w.api_client.do("GET", path)
    right = {"user_name": ADA, "permission_level": "CAN_MANAGE"}
    with pytest.raises(error):
        w.api_client.do("PATCH", path, body={"access_control_list": [right, entry]})
    assert w.api_client.do("GET", path) == before


def test_lists_last(tmp_path):
    """A second start has the lists of what is still there."""
    with LocalWorkspace(transition_polls=0, data=tmp_path / "data") as ws:
        ws.add_user(ADA)
        w = workspace_client(ws)
        made = [w.warehouses.create(name=name, cluster_size="Small").result().id for name in ("one", "two")]
        asked = [iam.AccessControlRequest(user_name=ADA, permission_level=iam.PermissionLevel.CAN_USE)]
        before = [w.permissions.set("warehouses", each, access_control_list=asked) for each in made]
        w.warehouses.delete(made[1])
        ws.clock.advance(minutes=1)
    with LocalWorkspace(transition_polls=0, data=tmp_path / "data") as ws:
        w = workspace_client(ws)
        assert w.permissions.get("warehouses", made[0]) == before[0]
        with pytest.raises(errors.NotFound):
            w.permissions.get("warehouses", made[1])
