"""dbt under `genops run`: every statement is a unit, and what flows from model to model is what dbt itself says."""

from __future__ import annotations

import json
import os
import shutil
import time
from pathlib import Path
from types import SimpleNamespace

import pytest

from genops.testing import LocalWorkspace
from support import spec
from support.dbt_runner import PACKAGES, DbtRunner
from support.environments import GENOPS, environment
from support.servers import ABSENT, REQUIRED, MissingServerError

pytestmark = [pytest.mark.full, pytest.mark.servers]

ROOT = Path(__file__).resolve().parents[2]
PROJECT = ROOT / "examples" / "testing" / "dbt"
WHO = ("--team", "analytics", "--project", "airline", "--environment", "test")
BOOKING = (
    "INSERT INTO raw.bookings VALUES "
    "({0}, 'F1', 'ann', DATE'2026-03-0{0}', 80.00, 'paid', TIMESTAMP'2026-03-0{0} 20:00:00')"
)
# What the models' own texts say, read by eye: each column and the columns whose values are in it.
SAME = {
    "stg_bookings": ("bookings", "booking_id flight_id customer booked_on price status updated_at"),
    "stg_flights": ("flights", "flight_id airline origin destination distance_km"),
    "fct_bookings": ("stg_bookings", "booking_id flight_id customer booked_on price status updated_at"),
    "booking_log": ("stg_bookings", "booking_id status updated_at"),
    "booking_states": ("stg_bookings", "booking_id status price"),
    "dim_flights": ("stg_flights", "flight_id airline distance_km"),
    "checked_customers": ("stg_bookings", "customer"),
    "customer_totals": ("stg_bookings", "customer"),
    "daily_revenue": ("stg_bookings", "booked_on"),
    "revenue_by_flight": ("dim_flights", "flight_id airline"),
    "airline_report": ("revenue_by_flight", "airline revenue"),
}
MADE = {
    ("airports.city", "dim_flights.origin_city"),
    ("airports.city", "dim_flights.destination_city"),
    ("stg_bookings.price", "customer_totals.spent"),
    ("stg_bookings.price", "daily_revenue.revenue"),
    ("stg_bookings.price", "revenue_by_flight.revenue"),
    ("stg_bookings.price", "revenue_by_flight.revenue_per_km"),
    ("dim_flights.distance_km", "revenue_by_flight.revenue_per_km"),
    ("revenue_by_flight.revenue_per_km", "airline_report.best_per_km"),
    ("stg_bookings.booking_id", "booking_states.dbt_scd_id"),
}
# A snapshot that finds rows takes what closes them from itself.
LATER = {("booking_states.dbt_scd_id", "booking_states.dbt_scd_id")}


def _started(ws, folder, interpreter):
    """Start dbt in a process of its own, below `genops run`, which knows nothing of genops."""
    ours = ("DATABRICKS_", "DBT_", "GENOPS_")
    machine = {key: value for key, value in os.environ.items() if not key.startswith(ours)}
    variables = {
        "DATABRICKS_HOST": ws.host,
        "DATABRICKS_TOKEN": ws.token,
        "DATABRICKS_HTTP_PATH": f"/sql/1.0/warehouses/{ws.warehouse_id}",
        "REQUESTS_CA_BUNDLE": str(ws.ca_file),
        "DO_NOT_TRACK": "1",
        "PYTHONPATH": str(ROOT / "src"),
        "OPENLINEAGE_URL": str(folder / "events.jsonl"),
    }
    genops = [str(interpreter), "-c", "from genops.cli import main; main()", "run", *WHO]
    launcher = [*genops, "--export", str(folder / "telemetry.jsonl"), "--"]
    return DbtRunner(interpreter, PROJECT, folder, {**machine, **variables}, launcher)


def _seen_since(moment, graph):
    """What of a graph was seen after a moment, so that a second build shows what itself has found."""
    seen = {kind: [edge for edge in graph[kind] if edge["last_seen"] > moment] for kind in ("edges", "columns")}
    return {**graph, **seen}


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """What two governed builds sent, said and left; the second one finds tables and snapshots there."""
    folder = tmp_path_factory.mktemp("dbt")
    try:
        interpreter = environment("governed-dbt", *PACKAGES, *GENOPS, "sqlglot>=27,<31")
    except MissingServerError as reason:
        if REQUIRED:
            raise
        pytest.skip(f"dbt {ABSENT}{reason}")
    shutil.copy(PROJECT / "profiles.yml", folder)
    with LocalWorkspace(tls=True, transition_polls=0) as ws:
        ws.execute(
            "CREATE SCHEMA raw; CREATE TABLE raw.bookings (booking_id INT, flight_id STRING, customer STRING, "
            "booked_on DATE, price DECIMAL(10, 2), status STRING, updated_at TIMESTAMP)"
        )
        ws.clear_requests()
        dbt = _started(ws, folder, interpreter)
        try:
            sent, graphs = [], []
            for number in (1, 2):
                ws.execute(BOOKING.format(number))
                before = time.time_ns()
                dbt.run("build")
                graphs.append(_seen_since(before, dbt.lineage))
                sent += [request.sql for request in ws.requests if request.sql]
                ws.clear_requests()
        finally:
            dbt.close()
    text = (folder / "telemetry.jsonl").read_text("utf-8")
    events = (folder / "events.jsonl").read_text("utf-8")
    return SimpleNamespace(
        sent=sent,
        graphs=graphs,
        text=text + events,
        told=spec.read(folder / "telemetry.jsonl"),
        events=[json.loads(line) for line in events.splitlines()],
        manifest=json.loads((folder / "target" / "manifest.json").read_text("utf-8")),
    )


def _tables(manifest):
    """Edges between tables as dbt says them; an ephemeral model is no table, but what it selects from."""
    nodes = {**manifest["nodes"], **manifest["sources"]}
    kept = {key for key, node in nodes.items() if node["resource_type"] in {"model", "snapshot", "seed", "source"}}
    inlined = {key for key in kept if nodes[key]["config"].get("materialized") == "ephemeral"}

    def parents(key):
        for parent in manifest["parent_map"][key]:
            yield from parents(parent) if parent in inlined else (parent,)

    names = {key: ".".join((n["database"], n["schema"], n.get("alias") or n["identifier"])) for key, n in nodes.items()}
    return {(names[parent], names[key]) for key in kept - inlined for parent in parents(key)}


def _same():
    """Columns that are taken over under their name."""
    return {(f"{of}.{name}", f"{model}.{name}") for model, (of, names) in SAME.items() for name in names.split()}


def _columns(graph, kind):
    """Edges between columns of a kind, without catalog and schema."""
    names = [dataset["name"][-1] for dataset in graph["datasets"]]
    return {
        (f"{names[edge['source']]}.{edge['source_column']}", f"{names[edge['target']]}.{edge['target_column']}")
        for edge in graph["columns"]
        if kind in {each["kind"] for each in edge["transformations"]}
    }


def test_every_statement_is_a_unit(built):
    """As many units as statements, attributed and compliant; nothing failed, and all but some words were understood."""
    assert len(built.told.spans) == len(built.told.units) == len(built.sent) > 100
    told = [unit["attributes"] for unit in built.told.units]
    who = {tuple(each[name] for name in ("genops.team", "genops.project", "genops.environment")) for each in told}
    assert who == {("analytics", "airline", "test")}
    assert spec.violations(built.told) == []
    assert [each["error.type"] for each in told if "error.type" in each] == []
    assert {each["genops.statement.understood"] for each in told} <= {"resolved", "partial", "opaque"}
    opaque = {each["db.query.summary"].split()[0] for each in told if each["genops.statement.understood"] == "opaque"}
    assert opaque <= {"SHOW", "ALTER", "OPTIMIZE"}


def test_tables_flow_as_the_manifest_says(built):
    """Both builds, the first that makes tables and the second that merges and inserts, have dbt's own edges exactly.

    What dbt asks of the catalog is no part of them, and neither is a temporary view of an incremental model.
    """
    expected = _tables(built.manifest)
    assert len(expected) > 10
    for graph in built.graphs:
        names = [".".join(dataset["name"]) for dataset in graph["datasets"]]
        assert {(names[edge["source"]], names[edge["target"]]) for edge in graph["edges"]} == expected
    told = {
        (source, target)
        for unit in built.told.units
        for source in unit["attributes"].get("genops.lineage.inputs", ())
        for target in unit["attributes"].get("genops.lineage.outputs", ())
    }
    assert told == expected


def test_columns_flow_as_the_models_say(built):
    """Every column's values come from the columns that the model's text names, and from no others."""
    same = {
        (f"{source}.{name}", f"{model}.{name}") for model, (source, names) in SAME.items() for name in names.split()
    }
    first, second = (_columns(graph, "DIRECT") for graph in built.graphs)
    assert first == same | MADE
    assert second == same | MADE | LATER


def test_openlineage_is_told_the_same(built):
    """The events that leave the process have the manifest's edges and the models' columns, and no others."""
    ended = [event for event in built.events if event["eventType"] == "COMPLETE"]
    assert len({event["run"]["runId"] for event in ended}) == len(built.sent)
    flows = [(source["name"], target) for event in ended for target in event["outputs"] for source in event["inputs"]]
    between = {(source, target["name"]) for source, target in flows if source != target["name"]}
    assert between == _tables(built.manifest)
    columns = {
        (f"{source['name'].split('.')[-1]}.{source['field']}", f"{target['name'].split('.')[-1]}.{column}")
        for event in ended
        for target in event["outputs"]
        for column, made in target.get("facets", {}).get("columnLineage", {}).get("fields", {}).items()
        for source in made["inputFields"]
        if "DIRECT" in {each["type"] for each in source["transformations"]}
    }
    assert columns == _same() | MADE | LATER


def test_columns_that_decide_are_those_of_parents(built):
    """What filters, joins and groups is a column of a parent or of the model itself."""
    parents = {(source.split(".")[-1], target.split(".")[-1]) for source, target in _tables(built.manifest)}
    for graph in built.graphs:
        deciding = {(source.split(".")[0], target.split(".")[0]) for source, target in _columns(graph, "INDIRECT")}
        assert {pair for pair in deciding if pair[0] != pair[1]} <= parents


def test_nothing_of_the_data_leaves(built):
    """Neither values of seeds nor literals of tests are in the telemetry, and no header of dbt's is."""
    for text in ("Berlin", "Aurora", "cancelled", "dbt_version", "model.airline"):
        assert text not in built.text
