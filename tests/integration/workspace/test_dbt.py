"""dbt-databricks builds a project of eleven models on the workspace over HTTPS, twice, and documents it."""

from __future__ import annotations

import json
import os
import shutil
from decimal import Decimal
from pathlib import Path

import pytest
from click.testing import CliRunner

from genops.cli.lineage import command
from genops.testing.workspace import LocalWorkspace
from support.dbt_runner import PACKAGES, DbtRunner
from support.environments import environment
from support.servers import ABSENT, REQUIRED, MissingServerError

pytest.importorskip("databricks.sql", reason="the Thrift transport serves with the connector's generated code")
pytestmark = [pytest.mark.full, pytest.mark.servers]

PROJECT = Path(__file__).resolve().parents[3] / "examples" / "testing" / "dbt"
FIRST = [
    (0, "F2", "eva", "2026-02-20", "10.00", "paid"),
    (1, "F1", "ann", "2026-03-01", "120.50", "paid"),
    (2, "F2", "ben", "2026-03-01", "80.00", "open"),
    (3, "F3", "ann", "2026-03-02", "60.25", "paid"),
    (4, "F3", "cem", "2026-03-02", "99.00", "cancelled"),
]
# Booking 2 is paid at another price, 5 and 6 are new. The day of booking 0 is not computed again and has to stay.
THEN = [
    (2, "F2", "ben", "2026-03-01", "85.00", "paid"),
    (5, "F4", "dea", "2026-03-02", "44.10", "paid"),
    (6, "F1", "ann", "2026-03-03", "150.00", "paid"),
]
DISTANCE = {"F1": 2300, "F2": 2300, "F3": 840, "F4": 840}


def exported(ws):
    """What the profile of the example reads, as `genops workspace --tls` says it."""
    return {
        "DATABRICKS_HOST": ws.host,
        "DATABRICKS_TOKEN": ws.token,
        "DATABRICKS_HTTP_PATH": f"/sql/1.0/warehouses/{ws.warehouse_id}",
        "REQUESTS_CA_BUNDLE": str(ws.ca_file),
    }


def book(ws, bookings, at):
    """Write bookings of a time into the source, in the place of those of the same number."""
    values = ", ".join(
        f"({number}, '{flight}', '{who}', DATE'{day}', {price}, '{status}', TIMESTAMP'{at}')"
        for number, flight, who, day, price, status in bookings
    )
    numbers = ", ".join(str(booking[0]) for booking in bookings)
    ws.execute(f"DELETE FROM raw.bookings WHERE booking_id IN ({numbers}); INSERT INTO raw.bookings VALUES {values}")


def rows(ws, columns, table):
    """Rows of a model, sorted by its first columns."""
    return ws.execute(f"SELECT {columns} FROM marts.{table} ORDER BY ALL")


def paid(bookings):
    """Bookings that are paid: number, flight, customer, day and price."""
    return [
        (n, flight, who, day, Decimal(price)) for n, flight, who, day, price, status in bookings if status == "paid"
    ]


def sums(bookings, key):
    """Sum of prices and number of bookings by a part of them."""
    found = {}
    for booking in paid(bookings):
        total, count = found.get(booking[key], (Decimal(0), 0))
        found[booking[key]] = (total + booking[4], count + 1)
    return [[name, str(total), str(count)] for name, (total, count) in sorted(found.items())]


def check(ws, bookings):
    """Hold every model against figures that are computed here."""
    states = sorted([str(n), flight, who, day, price, status] for n, flight, who, day, price, status in bookings)
    for model in ("stg_bookings", "fct_bookings"):
        assert rows(ws, "booking_id, flight_id, customer, booked_on, price, status", model) == states
    assert rows(ws, "booked_on, revenue, bookings", "daily_revenue") == sums(bookings, 3)
    assert rows(ws, "customer, spent, bookings", "customer_totals") == sums(bookings, 2)
    revenue = {flight: Decimal(0) for flight in DISTANCE} | {
        flight: Decimal(total) for flight, total, _ in sums(bookings, 1)
    }
    found = rows(ws, "flight_id, revenue, revenue_per_km", "revenue_by_flight")
    assert [(flight, Decimal(total)) for flight, total, _ in found] == sorted(revenue.items())
    for flight, _, share in found:
        assert Decimal(share) == round(revenue[flight] / DISTANCE[flight], 4)
    report = {airline: Decimal(total) for airline, total in rows(ws, "airline, revenue", "airline_report")}
    assert report == {"Aurora": revenue["F1"] + revenue["F2"], "Boreal": revenue["F3"] + revenue["F4"]}
    everybody = sorted({booking[2] for booking in bookings})
    assert rows(ws, "customer", "checked_customers") == [[name] for name in everybody]
    assert rows(ws, "flight_id, origin_city, destination_city", "dim_flights")[0] == ["F1", "Berlin", "Lisbon"]
    assert rows(ws, "count(*)", "stg_flights") == [["4"]]


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """The workspace and dbt after a first and a second build, with what each build said."""
    folder = tmp_path_factory.mktemp("dbt")
    try:
        interpreter = environment("dbt", *PACKAGES)
    except MissingServerError as reason:
        if REQUIRED:
            raise
        pytest.skip(f"dbt {ABSENT}{reason}")
    with LocalWorkspace(tls=True, transition_polls=0) as ws:
        ws.execute(
            "CREATE SCHEMA raw; CREATE TABLE raw.bookings (booking_id INT, flight_id STRING, customer STRING, "
            "booked_on DATE, price DECIMAL(10, 2), status STRING, updated_at TIMESTAMP)"
        )
        shutil.copy(PROJECT / "profiles.yml", folder)
        variables = {**exported(ws), "DO_NOT_TRACK": "1"}
        machine = {key: value for key, value in os.environ.items() if not key.startswith(("DATABRICKS_", "DBT_"))}
        dbt = DbtRunner(interpreter, PROJECT, folder, {**machine, **variables})
        try:
            book(ws, FIRST, "2026-03-02 20:00:00")
            said = [dbt.run("build")]
            check(ws, FIRST)
            states = rows(ws, "booking_id, status, dbt_valid_to IS NULL", "booking_states")
            assert states == [[str(n), status, "true"] for n, _, _, _, _, status in FIRST]
            book(ws, THEN, "2026-03-03 20:00:00")
            said.append(dbt.run("build"))
            yield ws, dbt, said
        finally:
            dbt.close()


def test_everything_is_built_and_tested_twice(built):
    """Seeds, models, the snapshot and the tests succeed in both runs."""
    _, _, said = built
    for nodes in said:
        assert set(nodes.values()) <= {"success", "pass", "no-op"}
        assert {"dim_flights", "fct_bookings", "booking_states", "flights", "no_negative_revenue"} <= set(nodes)


def test_second_run_updates_what_changed(built):
    """Merge, append, insert_overwrite and delete+insert leave what a run over all rows would give."""
    ws, _, _ = built
    now = {booking[0]: booking for booking in (*FIRST, *THEN)}
    check(ws, [now[number] for number in sorted(now)])
    assert rows(ws, "booking_id, status", "booking_log") == sorted(
        [str(booking[0]), booking[5]] for booking in (*FIRST, *THEN)
    )


def test_snapshot_keeps_the_former_state(built):
    """The changed booking has two states, of which the newer is valid."""
    ws, _, _ = built
    found = ws.execute("SELECT status, price, dbt_valid_to IS NULL FROM marts.booking_states WHERE booking_id = 2")
    assert sorted(found) == [["open", "80.00", "false"], ["paid", "85.00", "true"]]
    assert rows(ws, "count(*)", "booking_states") == [["8"]]


def test_what_dbt_says_of_models_is_in_the_catalog(built):
    """Descriptions, tags, properties, clusters, partitions, grants and constraints reach the catalog."""
    ws, _, _ = built
    described = ws.execute("DESCRIBE EXTENDED marts.dim_flights")
    assert ["flight_id", "string", "It's the flight's own name."] in described
    assert ["Comment", "Flights with the cities that they join.", ""] in described
    assert ["quality", "gold"] in ws.execute("SHOW TBLPROPERTIES marts.dim_flights")
    tags = "SELECT tag_name, tag_value FROM information_schema.table_tags WHERE table_name = 'dim_flights'"
    assert ws.execute(tags) == [["domain", "network"]]
    assert ws.execute("SHOW PARTITIONS marts.daily_revenue")
    assert ["# Clustering Information", "", ""] in ws.execute("DESCRIBE marts.revenue_by_flight")
    assert ["account users", "SELECT", "TABLE", "main.marts.revenue_by_flight"] in ws.execute(
        "SHOW GRANTS ON marts.revenue_by_flight"
    )
    keys = "SELECT constraint_name FROM information_schema.table_constraints WHERE table_name = 'checked_customers'"
    assert ws.execute(keys) == [["checked_customers_pk"]]


def test_documentation_lists_columns_with_types(built):
    """``dbt docs generate`` finds every relation with its columns."""
    _, dbt, _ = built
    dbt.run("docs", "generate")
    catalog = json.loads((dbt.folder / "target" / "catalog.json").read_text())
    model = catalog["nodes"]["model.airline.daily_revenue"]
    assert {name: column["type"].lower() for name, column in model["columns"].items()} == {
        "booked_on": "date",
        "revenue": "decimal(20,2)",
        "bookings": "bigint",
    }
    assert catalog["sources"]["source.airline.raw.bookings"]["metadata"]["owner"] == "user@example.com"


def relations(manifest, key):
    """What dbt itself says that a node reads, through the ephemeral models between."""
    found = set()
    for each in manifest["nodes"][key]["depends_on"]["nodes"]:
        before = manifest["nodes"].get(each) or manifest["sources"][each]
        named = before["relation_name"]
        found |= {named.replace("`", "")} if named else relations(manifest, each)
    return found


def test_lineage_of_what_dbt_wrote(built):
    """`genops lineage` finds what dbt says that models read, and writes columns that the catalog has."""
    _, dbt, _ = built
    target = dbt.folder / "target"
    if not (target / "catalog.json").exists():
        dbt.run("docs", "generate")
    manifest, catalog = (json.loads((target / name).read_text()) for name in ("manifest.json", "catalog.json"))
    ran = CliRunner().invoke(command, [str(target), "--format", "json"])
    found = {row["writes"][0]: row for row in json.loads(ran.stdout)}
    made = {
        node["relation_name"].replace("`", ""): key
        for key, node in manifest["nodes"].items()
        if node["resource_type"] in {"model", "snapshot"} and node["relation_name"]
    }
    assert found.keys() == made.keys()
    assert {row["status"] for row in found.values()} == {"resolved"}
    for table, row in found.items():
        # An incremental model reads itself without dbt saying so.
        assert set(row["reads"]) - {table} == relations(manifest, made[table])
        written = {each["to"].removeprefix(f"{table}.") for each in row["columns"]}
        there = set(catalog["nodes"][made[table]]["columns"])
        assert written == {name for name in there if not name.startswith("dbt_")}
