"""`genops workspace` serves the real SDK, keeps its data over a kill, and ends when it is told to."""

from __future__ import annotations

import signal
import socket

from support.workspace_command import WorkspaceCommand


def ask(client, sql, warehouse_id):
    """Rows of a statement over the statement API."""
    answer = client.statement_execution.execute_statement(sql, warehouse_id, wait_timeout="50s")
    assert answer.status.state.value == "SUCCEEDED", answer.status
    return answer.result.data_array if answer.result else None


def test_server_serves_the_sdk_and_logs_what_it_is_asked():
    """The exports are enough for the SDK; statements stand in the log; Ctrl-C ends it with exit code 0."""
    with WorkspaceCommand("--port", "0", "--token", "local-of-mine") as server:
        client = server.client()
        assert server.exports["DATABRICKS_TOKEN"] == "local-of-mine"
        warehouse = server.exports["DATABRICKS_WAREHOUSE_ID"]
        assert server.exports["DATABRICKS_HTTP_PATH"] == f"/sql/1.0/warehouses/{warehouse}"
        assert ask(client, "SELECT  1 +\n 1", warehouse) == [["2"]]
        line = server.until("SELECT")
        assert "  200  " in line
        assert line.endswith("POST   /api/2.0/sql/statements  SELECT 1 + 1")
        assert server.end(signal.SIGINT) == 0
        assert server.output[-1] == "stopped"


def test_port_that_is_taken_is_one_line():
    """Another program's port is refused in one line that says what to do."""
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = str(other.getsockname()[1])
        with WorkspaceCommand("--port", port) as server:
            assert server.said() == (1, f"genops: --port {port}: Address already in use; 0 takes a free one\n")


def test_killed_server_comes_back_with_what_it_had(tmp_path):
    """After SIGKILL, tables, rows, objects, people and the exported environment are as they were."""
    data = tmp_path / "data"
    options = ("--port", "0", "--quiet", "--data", str(data))
    with WorkspaceCommand(*options) as server:
        client, exports = server.client(), server.exports
        warehouse = exports["DATABRICKS_WAREHOUSE_ID"]
        ask(client, "CREATE TABLE main.default.kept (id INT COMMENT 'a number')", warehouse)
        for number in range(20):
            ask(client, f"INSERT INTO main.default.kept VALUES ({number})", warehouse)
        group = client.groups.create(display_name="data-eng")
        client.secrets.create_scope("mine")
        client.secrets.put_secret("mine", "key", string_value="s3cret")
        token = client.tokens.create(comment="of a program").token_value
        with WorkspaceCommand(*options) as second:
            code, said = second.said()
            assert code == 1
            assert f"{data} is in use by another workspace" in said
        wait_for(data / "workspace.json", "of a program")
        assert server.end(signal.SIGKILL) == -signal.SIGKILL
    with WorkspaceCommand(*options) as server:
        client = server.client()
        assert {**server.exports, "DATABRICKS_HOST": ""} == {**exports, "DATABRICKS_HOST": ""}
        assert ask(client, "SELECT count(*), sum(id) FROM main.default.kept", warehouse) == [["20", "190"]]
        assert client.tables.get("main.default.kept").columns[0].comment == "a number"
        assert client.groups.get(group.id).display_name == "data-eng"
        assert client.dbutils.secrets.get("mine", "key") == "s3cret"
        assert "of a program" in [one.comment for one in client.tokens.list()]
        assert (data / "workspace.json").stat().st_mode & 0o777 == 0o600
        assert token not in (data / "workspace.json").read_text()
        assert server.end() == 0
        assert server.output[-1] == "stopped"


def wait_for(file, text):
    """Wait until the state that was written says something."""
    from support.polling import eventually

    eventually(lambda: text in file.read_text("utf-8"))
