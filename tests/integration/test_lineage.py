"""Edges that calls of the real SDK name themselves: kept, said on spans, counted, and nothing local leaves."""

from __future__ import annotations

import io
import threading
from contextlib import contextmanager

import pytest
from databricks.sdk.errors import DatabricksError

import genops
from genops.core.edges import LOCAL_FILE
from genops.core.operation import DatasetEdge
from genops.instrumentation import databricks_sdk
from genops.lineage.sql import reader
from genops.runtime import active
from genops.telemetry.semconv import Attr
from genops.telemetry.spans import WIDE_LIMIT
from genops.testing import runtime
from genops.testing.workspace import LocalWorkspace
from support import spec
from support.sdk import workspace_client

WHO = {"team": "t", "project": "p", "environment": "e"}
LANDING = "/Volumes/main/default/landing"
ARCHIVE = "/Volumes/main/default/archive"


@pytest.fixture(scope="module")
def workspace():
    """A workspace with two volumes."""
    with LocalWorkspace(transition_polls=0) as started:
        started.execute("CREATE VOLUME main.default.landing")
        started.execute("CREATE VOLUME main.default.archive")
        yield started


@contextmanager
def governed(workspace, file, **settings):
    """Govern a real client; yield it with its graph."""
    databricks_sdk.install()
    try:
        with runtime(**{**WHO, **settings}, export=str(file)) as built:
            yield workspace_client(workspace), built.lineage
    finally:
        databricks_sdk.uninstall()


def half_done(client):
    """A declared operation that fails after a call inside it succeeded."""
    with genops.operation("half", reads=["main.s.b"], writes=["main.s.c"]):
        client.files.upload(f"{ARCHIVE}/a.csv", io.BytesIO(b"1\n"), overwrite=True)
        raise ValueError("stop")


def named(graph):
    """The edges of a graph by name."""
    return sorted((edge.source.name, edge.target.name) for edge in graph.edges())


def spans(file):
    """The attributes of each span, by operation type."""
    return {span["attributes"][Attr.OPERATION_TYPE]: span["attributes"] for span in spec.read(file).spans}


def test_uploads_and_downloads_name_their_edges(workspace, tmp_path):
    """A file of the program is one side, the volume the other; of the local path nothing leaves."""
    local, file = tmp_path / "secret-name.csv", tmp_path / "out.jsonl"
    local.write_bytes(b"1,2\n")
    with governed(workspace, file) as (client, graph):
        client.files.upload(f"{LANDING}/a.csv", io.BytesIO(b"1\n"), overwrite=True)
        client.files.upload(f"{LANDING}/b.csv", io.BytesIO(b"2\n"), overwrite=True)
        client.files.upload_from(f"{ARCHIVE}/c.csv", str(local), overwrite=True)
        client.files.download(f"{LANDING}/a.csv").contents.read()
        client.files.download_to(f"{ARCHIVE}/c.csv", str(tmp_path / "secret-copy.csv"))
        assert named(graph) == [
            ("file", "main.default.archive"),
            ("file", "main.default.landing"),
            ("main.default.archive", "file"),
            ("main.default.landing", "file"),
        ]
        assert sum(row.operations for row in graph.rows()) == 5
    assert "secret" not in file.read_text("utf-8")
    assert spec.violations(spec.read(file)) == []
    upload = spans(file)["file.upload"]
    assert upload[Attr.LINEAGE_UPSTREAM] == "file"
    assert upload[Attr.LINEAGE_DOWNSTREAM] == "main.default.landing"
    assert upload[Attr.LINEAGE_INPUTS] == ["file"]
    assert (upload[Attr.LINEAGE_UPSTREAM_COUNT], upload[Attr.LINEAGE_DOWNSTREAM_COUNT]) == (1, 1)


def test_a_copy_between_volumes_is_an_edge(workspace, tmp_path):
    """The SDK's own copy names both volumes, by either spelling of a path."""
    file = tmp_path / "out.jsonl"
    with governed(workspace, file) as (client, graph):
        client.files.upload(f"{LANDING}/a.csv", io.BytesIO(b"1\n"), overwrite=True)
        client.dbfs.copy(f"{LANDING}/a.csv", f"dbfs:{ARCHIVE}/copied.csv", overwrite=True)
        assert named(graph) == [("file", "main.default.landing"), ("main.default.landing", "main.default.archive")]
    copy = spans(file)["dbfs.copy"]
    assert copy[Attr.LINEAGE_INPUTS] == ["main.default.landing"]
    assert copy[Attr.LINEAGE_OUTPUTS] == ["main.default.archive"]


def test_a_call_that_failed_or_was_refused_names_nothing(workspace, tmp_path):
    """Only what settled after the data was there is an edge."""
    with governed(workspace, tmp_path / "out.jsonl") as (client, graph):
        with pytest.raises(DatabricksError):
            client.files.download(f"{LANDING}/nowhere.csv")
        with pytest.raises(DatabricksError):
            client.files.upload("/Volumes/main/default/nowhere/a.csv", io.BytesIO(b"1\n"))
        assert graph.edges() == frozenset()
    with (
        governed(workspace, tmp_path / "two.jsonl", mode="enforce", budgets={"none": {"limit": 0, "unit": "call"}}) as (
            client,
            graph,
        ),
        pytest.raises(genops.BudgetExceeded),
    ):
        client.files.upload(f"{LANDING}/a.csv", io.BytesIO(b"1\n"), overwrite=True)
    assert graph.edges() == frozenset()


def test_a_unit_has_the_edges_of_its_parts_and_its_own(workspace, tmp_path):
    """A declared operation names what it reads and writes; calls inside add what they name."""
    file = tmp_path / "out.jsonl"
    with governed(workspace, file) as (client, graph):
        with genops.operation("load", reads=["main.s.a"], writes=["main.s.b"]):
            client.files.upload(f"{LANDING}/a.csv", io.BytesIO(b"1\n"), overwrite=True)
        with pytest.raises(ValueError, match="stop"):
            half_done(client)
        assert named(graph) == [
            ("file", "main.default.archive"),
            ("file", "main.default.landing"),
            ("main.s.a", "main.s.b"),
        ]
        assert sum(row.operations for row in graph.rows()) == 2
    assert spans(file)["file.upload"][Attr.LINEAGE_INPUTS] == ["file"]


def test_a_span_with_lineage_is_not_too_wide_and_names_at_most_ten(workspace, tmp_path):
    """Twelve sources: ten names, the count of all, and no more attributes than a span may have."""
    file = tmp_path / "out.jsonl"
    reads = [f"main.s.t{number}" for number in range(12)]
    with (
        governed(workspace, file, budgets={"b": {"limit": 100}}),
        genops.operation("join", reads=reads, writes=["main.s.z"], cost=3) as running,
    ):
        running.observe(rows=3, bytes=4, cost=2)
    attributes = spans(file)["custom.run"]
    assert attributes[Attr.LINEAGE_UPSTREAM] == ",".join(reads[:10])
    assert attributes[Attr.LINEAGE_UPSTREAM_COUNT] == 12
    assert len(attributes[Attr.LINEAGE_INPUTS]) == 10
    assert len(attributes) <= WIDE_LIMIT


def test_metrics_count_edges_and_operations(workspace, tmp_path):
    """The up-down counter holds the edges that are known, the counter the operations; labels never hold a name."""
    file = tmp_path / "out.jsonl"
    with governed(workspace, file) as (client, _):
        for name in "abc":
            client.files.upload(f"{LANDING}/{name}.csv", io.BytesIO(b"1\n"), overwrite=True)
        assert active().flush(10)
    found = [metric for metric in spec.read(file).metrics if metric["name"].startswith("genops.data.lineage")]
    last = {metric["name"]: metric["sum"]["dataPoints"][-1] for metric in found}
    assert [metric["sum"].get("isMonotonic", False) for metric in found[-2:]] == [False, True]
    assert int(last["genops.data.lineage"]["asInt"]) == 1
    assert int(last["genops.data.lineage.operations"]["asInt"]) == 3
    labels = {label["key"] for label in last["genops.data.lineage"]["attributes"]}
    known = {Attr.TEAM, Attr.PROJECT, Attr.ENVIRONMENT, Attr.PROVIDER, Attr.OPERATION_TYPE, Attr.WORKSPACE_ID}
    assert labels == known


def test_a_full_graph_shows_in_the_metric_of_what_was_let_go(tmp_path):
    """`genops.internal.dropped` names the graph."""
    with runtime(**WHO, export=str(tmp_path / "out.jsonl")) as built:
        built.lineage._store.datasets.capacity = 0
        with genops.operation("copy", reads=["main.s.a"], writes=["main.s.b"]):
            pass
        assert built._bounds()["lineage"] == 1


def test_a_local_file_is_no_dataset_of_a_policy(workspace, tmp_path):
    """The local side of an upload is an edge's end, and nothing that a rule has to know the class of."""
    rule = {"policies": {"c": {"clearances": {"t": "internal"}}}, "tables": {"main.default.*": "public"}}
    with governed(workspace, tmp_path / "out.jsonl", mode="enforce", **rule) as (client, graph):
        client.files.upload(f"{LANDING}/a.csv", io.BytesIO(b"1\n"), overwrite=True)
        (edge,) = graph.edges()
    assert edge == DatasetEdge(LOCAL_FILE, edge.target)


def test_a_statement_that_is_still_being_read_at_the_end_keeps_its_span(workspace, tmp_path, monkeypatch):
    """A program that ends before its statement is understood loses what the text would have told, and nothing else."""
    file, goes_on = tmp_path / "out.jsonl", threading.Event()
    monkeypatch.setattr(reader, "understand", lambda *_: (goes_on.wait(60), ())[1])
    with governed(workspace, file, exit_timeout_seconds=1.5) as (client, _):
        client.statement_execution.execute_statement("SELECT 1", workspace.warehouse_id)
        with genops.operation("load", type="table.load"):
            client.statement_execution.execute_statement("SELECT 2", workspace.warehouse_id)
    goes_on.set()
    exported = spec.read(file)
    assert [span["attributes"][Attr.OPERATION_TYPE] for span in exported.spans].count("table.query") == 2
    assert spec.violations(exported) == []
