"""Lineage that others are told, where only settings ask for it: OpenLineage receivers, and what is known of columns."""

from __future__ import annotations

import contextlib
import json
import os
from typing import TYPE_CHECKING, Any

import pytest

import genops
from genops.core.operation import DatasetRef
from genops.settings import load
from genops.testing import LocalWorkspace, runtime
from support.connecting import TRANSPORTS, connected
from support.forking import in_child
from support.lineage_receiver import receiving
from support.lineage_schemas import check
from support.sdk import workspace_client

if TYPE_CHECKING:
    from collections.abc import Iterator

WHO = {"team": "t", "project": "p", "environment": "e"}
URL, KEY = "lineage.openlineage.url", "lineage.openlineage.key"
COPY = "INSERT INTO main.sales.copy SELECT * FROM main.sales.orders"


@pytest.fixture(scope="module")
def ws():
    """A workspace with two tables of two columns."""
    with LocalWorkspace(transition_polls=0) as workspace:
        execute(workspace, "CREATE SCHEMA main.sales")
        for name in ("orders", "copy"):
            execute(workspace, f"CREATE TABLE main.sales.{name} (id INT, Price DOUBLE)")
        yield workspace


def execute(workspace, *texts):
    """Run statements by the SDK."""
    client = workspace_client(workspace)
    for text in texts:
        client.statement_execution.execute_statement(text, workspace.warehouse_id)


@contextlib.contextmanager
def governed(*libraries: str, **settings: Any) -> Iterator[Any]:
    """Govern libraries under these settings alone."""
    with runtime(**{**WHO, **settings}) as built:
        genops.instrument(*libraries or ("databricks_sdk",))
        try:
            yield built
        finally:
            genops.uninstrument()


def sent(receiver):
    """What was sent, by run: kinds of events, in their order."""
    runs: dict[str, list[str]] = {}
    for event in receiver.events:
        check(event)
        runs.setdefault(event["run"]["runId"], []).append(event["eventType"])
    return list(runs.values())


def columns(receiver):
    """Sources of the columns written by the last event, by column."""
    fields = receiver.events[-1]["outputs"][0]["facets"]["columnLineage"]["fields"]
    return {name: [source["field"] for source in field["inputFields"]] for name, field in fields.items()}


def test_statements_of_the_sdk_reach_a_receiver(ws):
    """START and COMPLETE of one that succeeds, START and FAIL of one that does not."""
    with receiving() as receiver, governed(**{URL: receiver.url}):
        execute(ws, "SELECT count(*) FROM main.sales.orders", "SELECT nothing FROM main.sales.nowhere")
        assert genops.flush()
    assert sent(receiver) == [["START", "COMPLETE"], ["START", "FAIL"]]


@pytest.mark.parametrize("transport", TRANSPORTS)
def test_statements_of_the_connector_reach_a_receiver(ws, transport):
    """The same over the connector, with the columns that flowed."""
    with receiving() as receiver, governed("databricks_sql", **{URL: receiver.url}):
        with connected(ws, transport) as opened, opened.cursor() as cursor:
            cursor.execute("INSERT INTO main.sales.copy (id, price) SELECT id, price FROM main.sales.orders")
            with contextlib.suppress(Exception):
                cursor.execute("SELECT nothing FROM main.sales.nowhere")
        assert genops.flush()
    assert [kinds[0] for kinds in sent(receiver)] == ["START", "START"]
    assert [kinds[-1] for kinds in sent(receiver)] == ["COMPLETE", "FAIL"]
    written = [event["outputs"] for event in receiver.events if event["eventType"] == "COMPLETE"][-1][0]
    assert written["namespace"] == f"unitycatalog://{ws.host.partition('://')[2]}"
    assert {"id", "price"} <= set(written["facets"]["columnLineage"]["fields"])


def test_a_table_that_the_program_looked_at_sharpens_a_star(ws):
    """Without the look the star stays open; after it every column is named, and the table has its schema."""
    with receiving() as receiver, governed(**{URL: receiver.url}) as built:
        execute(ws, COPY)
        assert genops.flush()
        assert columns(receiver) == {"*": ["*"]}
        for name in ("orders", "copy"):
            workspace_client(ws).tables.get(f"main.sales.{name}")
        execute(ws, COPY)
        assert genops.flush()
        assert columns(receiver) == {"id": ["id"], "price": ["price"]}
        other = DatasetRef(("main", "sales", "orders"), host="other.cloud.databricks.com")
        assert built.told.catalogs.columns(other) is None
    facets = receiver.events[-1]["inputs"][0]["facets"]
    assert facets["schema"]["fields"] == [{"name": "id"}, {"name": "price"}]


def test_lists_and_statements_tell_columns_until_a_change(ws):
    """A list and a CREATE tell them; ALTER, DROP and deletion by the API make them unknown; a failure tells nothing."""
    client = workspace_client(ws)
    with governed() as built:

        def known(name):
            assert genops.flush()
            return built.told.catalogs.columns(DatasetRef(("main", "sales", name), host=ws.host.partition("://")[2]))

        list(client.tables.list("main", "sales"))
        assert known("orders") == ("id", "price")
        execute(ws, "CREATE TABLE main.sales.made AS SELECT *, 1 AS one FROM main.sales.orders")
        assert known("made") == ("id", "price", "one")
        execute(ws, "ALTER TABLE main.sales.made ADD COLUMN two INT")
        assert known("made") is None
        execute(ws, "CREATE TABLE IF NOT EXISTS main.sales.made (other INT)")
        assert known("made") is None
        execute(ws, "CREATE TABLE main.sales.made (wrong INT)")
        assert known("made") is None
        client.tables.get("main.sales.made")
        assert known("made") == ("id", "price", "one", "two")
        execute(ws, "DROP TABLE main.sales.made")
        assert known("made") is None
        execute(ws, "CREATE TABLE main.sales.made (id INT)")
        assert known("made") == ("id",)
        client.tables.delete("main.sales.made")
        assert known("made") is None
        execute(ws, "CREATE SCHEMA main.gone", "DROP SCHEMA main.gone")
        assert known("orders") is None


def test_the_environment_is_enough(monkeypatch):
    """The variables that OpenLineage's clients read are read here too, each with its origin."""
    for name, value in {"URL": "console", "NAMESPACE": "acme", "API_KEY": "k", "DISABLED": "true"}.items():
        monkeypatch.setenv(f"OPENLINEAGE_{name}", value)
    settings = load()
    told = settings.lineage.openlineage
    assert (told.url, told.namespace, told.disabled) == ("console", "acme", True)
    assert told.key is not None
    assert told.key.get_secret_value() == "k"
    assert settings.origins["lineage.openlineage.key"] == "environment variable OPENLINEAGE_API_KEY"


def test_no_key_is_shown(monkeypatch):
    """Neither what settings look like nor what the doctor lists holds a key, nor what is wrong with one."""
    from genops.cli.doctor.configuration import listed

    monkeypatch.setenv("OPENLINEAGE_URL", "https://lineage.example.com/?token=hunter2")
    settings = load({KEY: "hunter2"})
    assert "hunter2" not in repr(settings)
    assert "hunter2" not in str(listed(settings))
    with pytest.raises(genops.ConfigurationError) as refused:
        load({KEY: ["hunter2"]})
    assert "hunter2" not in str(refused.value)


@pytest.mark.parametrize("url", ["http://lineage.example.com", "events.jsonl"])
def test_plain_text_is_refused_where_encryption_is_asked_for(url, tmp_path, monkeypatch):
    """A receiver beyond this machine without TLS, and a file; one on this machine, and the terminal, are taken."""
    monkeypatch.chdir(tmp_path)
    with (
        pytest.raises(genops.ConfigurationError, match="require_encryption"),
        governed(**{URL: url, "telemetry.require_encryption": True}),
    ):
        pass
    for taken in ("http://localhost:5000", "https://lineage.example.com", "console"):
        with governed(**{URL: taken, "telemetry.require_encryption": True}):
            pass


def test_off_means_off(ws):
    """In mode off, and where lineage is off, nobody is told anything."""
    for off in ({"mode": "off"}, {"lineage.enabled": False}):
        with receiving() as receiver, governed(**{URL: receiver.url, **off}):
            execute(ws, "SELECT 1")
            assert genops.flush()
        assert not receiver.posts


@pytest.mark.faults
def test_what_is_lost_is_counted():
    """A receiver that refuses: the flush says so, and the count is one of those that leave."""
    from support.lineage_receiver import Answer

    with receiving() as receiver, governed(**{URL: receiver.url}) as built:
        receiver.answer = lambda _: Answer(400)
        with genops.operation("work", writes=["main.sales.orders"]):
            pass
        assert not genops.flush()
        assert built.telemetry.bounds()["openlineage"] == 2
        assert genops.flush()


def test_a_unit_that_outlives_its_runtime_ends_at_the_next_receiver():
    """What began under one receiver ends at the one that replaced it, as the same run."""
    with receiving() as first, receiving() as second, governed(**{URL: first.url}):
        with genops.operation("work", writes=["main.sales.orders"]):
            genops.configure(**{**WHO, "export": "none", URL: second.url})
        assert genops.flush()
        assert [event["eventType"] for event in first.events + second.events] == ["START", "COMPLETE"]
        assert len({event["run"]["runId"] for event in first.events + second.events}) == 1
        assert len(second.events) == 1


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_child_goes_on_telling(tmp_path):
    """A forked child sends its own runs."""
    file = tmp_path / "events.jsonl"
    with governed(**{URL: str(file)}):

        def work() -> None:
            with genops.operation("work", writes=["main.sales.orders"]):
                pass
            assert genops.flush()

        work()
        in_child(work)
    runs = {json.loads(line)["run"]["runId"] for line in file.read_text().splitlines()}
    assert len(runs) == 2
