"""What one user ran, made or keeps is not another's, over every way to it; admins see it."""

from __future__ import annotations

import io

import pytest
from databricks.sdk import errors
from databricks.sdk.service import jobs, workspace
from databricks.sdk.service.sql import StatementState

from genops.testing.workspace import LocalWorkspace
from support.sdk import workspace_client

ADA = "ada@example.com"
HELD = "held back"


@pytest.fixture(scope="module")
def ws():
    """A workspace with a table, a file and a notebook, of which Ada may read nothing."""
    with LocalWorkspace(transition_polls=0) as started:
        started.execute(
            f"CREATE TABLE t AS SELECT '{HELD}' AS s; CREATE VOLUME files; CREATE SCHEMA hers; "
            "CREATE VIEW listed AS SELECT 1 AS x"
        )
        w = workspace_client(started)
        w.files.upload("/Volumes/main/default/files/a.csv", io.BytesIO(b"a\n1\n"))
        source = io.BytesIO(b"-- Databricks notebook source\nSELECT s FROM main.default.t")
        language = workspace.Language.SQL
        w.workspace.upload("/read", source, format=workspace.ImportFormat.SOURCE, language=language)
        yield started


@pytest.fixture(scope="module")
def w(ws):
    """The client of the workspace's own user."""
    return workspace_client(ws)


@pytest.fixture(scope="module")
def ada(ws):
    """The client of a user who may do anything in one schema, and use the other."""
    client = workspace_client(ws, token=ws.add_user(ADA))
    ws.execute(
        f"GRANT USE CATALOG ON CATALOG main TO `{ADA}`; GRANT USE SCHEMA ON SCHEMA main.default TO `{ADA}`; "
        f"GRANT ALL PRIVILEGES ON SCHEMA main.hers TO `{ADA}`"
    )
    return client


def ran(ws, client, sql):
    """Run a statement as a client's user."""
    return client.statement_execution.execute_statement(sql, ws.warehouse_id, wait_timeout="30s")


def notebook(ws):
    """A task that reads the table."""
    return jobs.NotebookTask(notebook_path="/read", warehouse_id=ws.warehouse_id)


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT * FROM csv.`/Volumes/main/default/files/a.csv`",
        "SELECT * FROM read_files('/Volumes/main/default/files/*.csv', format => 'csv')",
        "CREATE TABLE main.hers.copied AS SELECT * FROM read_files('/Volumes/main/default/files')",
    ],
)
def test_files_are_read_with_read_volume_only(ws, ada, sql):
    """Queries of files ask for READ VOLUME, as COPY INTO does."""
    status = ran(ws, ada, sql).status
    assert status.state is StatementState.FAILED
    assert "does not have READ VOLUME on Volume 'main.default.files'" in status.error.message


@pytest.mark.parametrize(
    "sql",
    [
        "EXPLAIN SELECT * FROM t",
        "CREATE TEMPORARY VIEW seen AS SELECT * FROM t",
        "DECLARE VARIABLE v STRING DEFAULT (SELECT max(s) FROM t)",
        "CREATE FUNCTION main.hers.one() RETURNS STRING RETURN (SELECT max(s) FROM main.default.t)",
        "CREATE FUNCTION main.hers.every() RETURNS TABLE (s STRING) RETURN SELECT s FROM main.default.t",
    ],
)
def test_commands_with_a_query_ask_for_select(ws, ada, sql):
    """A query inside of a command reads with the rights of who runs it; a function, of who makes it."""
    status = ran(ws, ada, sql).status
    assert status.state is StatementState.FAILED
    assert "does not have SELECT on Table 'main.default.t'" in status.error.message


def test_statements_are_their_own_users(ws, w, ada):
    """Another's statement is not found: neither its state nor its rows, and it cannot be cancelled."""
    identifier = ran(ws, w, "SELECT 1").statement_id
    with pytest.raises(errors.NotFound):
        ada.statement_execution.get_statement(identifier)
    with pytest.raises(errors.NotFound):
        ada.statement_execution.get_statement_result_chunk_n(identifier, 0)
    slow = w.statement_execution.execute_statement(
        "SELECT count(*) FROM range(200000) a JOIN range(200000) b ON a.id % 7 = b.id % 11",
        ws.warehouse_id,
        wait_timeout="0s",
    ).statement_id
    ada.statement_execution.cancel_execution(slow)
    assert w.statement_execution.get_statement(slow).status.state is not StatementState.CANCELED
    w.statement_execution.cancel_execution(slow)


def test_sessions_are_closed_by_their_own_user(ws, w, ada):
    """Another's session is not found, and stays open."""
    opened = w.api_client.do("POST", "/api/2.0/sql/sessions", body={"warehouse_id": ws.warehouse_id})["session_id"]
    query = {"warehouse_id": ws.warehouse_id}
    with pytest.raises(errors.NotFound):
        ada.api_client.do("DELETE", f"/api/2.0/sql/sessions/{opened}", query=query)
    w.api_client.do("DELETE", f"/api/2.0/sql/sessions/{opened}", query=query)


def test_query_history_shows_ones_own(ws, w, ada):
    """Who is no admin sees what it ran itself; admins see all."""
    ran(ws, w, "SELECT 'mine'")
    ran(ws, ada, "SELECT 'hers'")
    assert {query.user_name for query in ada.query_history.list().res} == {ADA}
    bob = workspace_client(ws, token=ws.add_user("bob@example.com", ["admins"]))
    assert {ADA, ws.identity.user} <= {query.user_name for query in bob.query_history.list().res}


def test_jobs_and_runs_are_for_their_creator_and_admins(ws, w, ada):
    """Another's job is not listed, read, run, changed or deleted, and its runs give no output."""
    job = w.jobs.create(name="mine", tasks=[jobs.Task(task_key="read", notebook_task=notebook(ws))]).job_id
    run = w.jobs.run_now_and_wait(job)
    refused = [
        lambda: ada.jobs.get(job),
        lambda: ada.jobs.run_now(job),
        lambda: ada.jobs.update(job, new_settings=jobs.JobSettings(name="hers")),
        lambda: ada.jobs.delete(job),
        lambda: ada.jobs.get_run(run.run_id),
        lambda: ada.jobs.get_run_output(run.tasks[0].run_id),
        lambda: ada.jobs.cancel_run(run.run_id),
        lambda: ada.jobs.delete_run(run.run_id),
    ]
    for call in refused:
        with pytest.raises(errors.PermissionDenied):
            call()
    assert job not in [one.job_id for one in ada.jobs.list()]
    assert run.run_id not in [one.run_id for one in ada.jobs.list_runs()]


def test_idempotency_tokens_are_ones_own(ws, w, ada):
    """Two users who happen on one token have a run each; of the other's, neither learns."""
    task = jobs.SubmitTask(task_key="read", notebook_task=notebook(ws))
    runs = [client.jobs.submit(idempotency_token="once", tasks=[task]).response.run_id for client in (w, ada, w)]
    assert runs[0] == runs[2] != runs[1]


def test_run_as_does_not_lend_rights(ws, w, ada):
    """Who is no admin runs as itself only, and a job runs as its owner, whoever starts it."""
    someone = jobs.JobRunAs(user_name=ws.identity.user)
    task = jobs.SubmitTask(task_key="read", notebook_task=notebook(ws))
    with pytest.raises(errors.PermissionDenied, match="run_as"):
        ada.jobs.submit(run_name="borrowed", run_as=someone, tasks=[task])
    tasks = [jobs.Task(task_key="read", notebook_task=notebook(ws))]
    with pytest.raises(errors.PermissionDenied, match="run_as"):
        ada.jobs.create(name="borrowed", run_as=someone, tasks=tasks)
    hers = ada.jobs.create(name="hers", tasks=tasks).job_id
    with pytest.raises(errors.OperationFailed):
        w.jobs.run_now(hers).result()


def test_secrets_are_for_their_scopes_maker(w, ada):
    """Another's scope gives no secret, unless its maker let everybody manage it."""
    w.secrets.create_scope("closed")
    w.secrets.put_secret("closed", "key", string_value="x")
    w.secrets.create_scope("shared", initial_manage_principal="users")
    w.secrets.put_secret("shared", "key", string_value="y")
    with pytest.raises(errors.PermissionDenied):
        ada.secrets.get_secret("closed", "key")
    assert [scope.name for scope in ada.secrets.list_scopes()] == ["shared"]
    assert ada.secrets.get_secret("shared", "key").value == "eQ=="


@pytest.mark.parametrize("table", ["query.history", "access.audit", "billing.usage"])
def test_system_tables_are_for_admins(ws, w, ada, table):
    """Nobody else is granted anything on the catalog `system`, so what others ran cannot be read there either."""
    count = f"SELECT count(*) FROM system.{table}"
    assert ran(ws, w, count).status.state is StatementState.SUCCEEDED
    refused = ran(ws, ada, count).status
    assert (refused.state, refused.sql_state) == (StatementState.FAILED, "42501")
