"""The pipeline: what three teams do to the flights, through the real databricks-sdk and nothing else."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

import genops
from genops.cli.demo.data import SMALL

if TYPE_CHECKING:
    from databricks.sdk import WorkspaceClient

    from genops.cli.demo.data import Flights

PLATFORM, ANALYTICS, REPORTING = "data-platform", "analytics", "reporting"
LANDING = "/Volumes/flights/bronze/landing"
BACKFILL_COST = 25


class Work(NamedTuple):
    """What the steps work with.

    Attributes:
        client: The SDK's client.
        warehouse_id: The warehouse that runs statements.
        data: The flights.
    """

    client: WorkspaceClient
    warehouse_id: str
    data: Flights

    def sql(self, statement: str, **parameters: str) -> list[list[str]]:
        """Run a statement to its end and return its rows.

        Raises:
            RuntimeError: It failed.
        """
        from databricks.sdk.service.sql import StatementParameterListItem, StatementState

        given = [StatementParameterListItem(name=name, value=value) for name, value in parameters.items()]
        response = self.client.statement_execution.execute_statement(
            statement, self.warehouse_id, wait_timeout="50s", parameters=given or None
        )
        if response.status is None or response.status.state is not StatementState.SUCCEEDED:
            raise RuntimeError(f"statement failed: {response.status}")
        return (response.result.data_array if response.result else None) or []


class Step(NamedTuple):
    """One step of the pipeline.

    Attributes:
        label: What it does, for people.
        team: Who does it.
        run: How.
    """

    label: str
    team: str
    run: Callable[[Work], object]


def look_around(work: Work) -> None:
    """See who and where we are; genops learns cloud, region and warehouse size from the answers."""
    client = work.client
    client.current_user.me()
    client.metastores.summary()
    list(client.warehouses.list())
    client.warehouses.get(work.warehouse_id)


def lay_out(work: Work) -> None:
    """Create the catalog, a schema a layer and the landing volume."""
    from databricks.sdk.service.catalog import VolumeType

    client = work.client
    client.catalogs.create(name="flights")
    for layer in ("bronze", "silver", "gold"):
        client.schemas.create(name=layer, catalog_name="flights")
    client.volumes.create(catalog_name="flights", schema_name="bronze", name="landing", volume_type=VolumeType.MANAGED)


def land(work: Work) -> None:
    """Upload the files and look at what landed."""
    for name in ("flights", *SMALL):
        with work.data.open(name) as stream:
            work.client.files.upload(f"{LANDING}/{name}.csv", stream, overwrite=True)
    list(work.client.files.list_directory_contents(LANDING))


def to_bronze(work: Work) -> None:
    """Read the files as they are."""
    for name in ("flights", *SMALL):
        work.sql(
            f"CREATE OR REPLACE TABLE flights.bronze.{name} AS "  # noqa: S608  (a fixed list of names)
            f"SELECT * FROM read_files('{LANDING}/{name}.csv', format => 'csv', header => true)"
        )
    list(work.client.tables.list("flights", "bronze"))


def to_silver(work: Work) -> None:
    """Give types to what has none, and leave out what never left."""
    work.sql(
        "CREATE OR REPLACE TABLE flights.silver.departures AS "
        "SELECT make_date(CAST(year AS INT), CAST(month AS INT), CAST(day AS INT)) AS flight_date, carrier, tailnum, "
        "origin, dest, try_cast(dep_delay AS INT) AS dep_delay, try_cast(arr_delay AS INT) AS arr_delay, "
        "try_cast(distance AS INT) AS distance FROM flights.bronze.flights "
        "WHERE try_cast(dep_delay AS INT) IS NOT NULL"
    )
    work.sql(
        "CREATE OR REPLACE TABLE flights.silver.planes AS "
        "SELECT tailnum, manufacturer, model, try_cast(seats AS INT) AS seats FROM flights.bronze.planes"
    )
    work.sql("CREATE OR REPLACE TABLE flights.silver.carriers AS SELECT carrier, name FROM flights.bronze.airlines")


def check_silver(work: Work) -> None:
    """Check the silver layer."""
    client = work.client
    for table in ("departures", "planes", "carriers"):
        client.tables.get(f"flights.silver.{table}")
    work.sql("SELECT count(*) FROM flights.silver.departures")
    work.sql("SELECT count(*) FROM flights.silver.departures WHERE origin NOT IN ('EWR', 'JFK', 'LGA')")


def to_gold(work: Work) -> None:
    """Aggregate, correct and complete the gold tables."""
    work.sql(
        "CREATE OR REPLACE TABLE flights.gold.daily AS "
        "SELECT flight_date, origin, count(*) AS flights, avg(dep_delay) AS mean_delay "
        "FROM flights.silver.departures GROUP BY flight_date, origin"
    )
    work.sql("INSERT INTO flights.gold.daily SELECT DATE '2014-01-01', 'EWR', 0, 0.0")
    work.sql("DELETE FROM flights.gold.daily WHERE flights = 0")
    work.sql(
        "MERGE INTO flights.gold.daily AS t "
        "USING (SELECT flight_date, origin, count(*) AS n FROM flights.silver.departures GROUP BY flight_date, origin) "
        "AS s ON t.flight_date = s.flight_date AND t.origin = s.origin "
        "WHEN MATCHED THEN UPDATE SET flights = s.n"
    )
    work.sql(
        "CREATE OR REPLACE TABLE flights.gold.carriers AS "
        "SELECT c.name, count(*) AS flights, avg(d.arr_delay) AS mean_delay FROM flights.silver.departures AS d "
        "JOIN flights.silver.carriers AS c ON c.carrier = d.carrier GROUP BY c.name"
    )


def schedule(work: Work) -> None:
    """Put the refresh of a gold table into a job and run it once."""
    from databricks.sdk.service.jobs import SqlTask, SqlTaskQuery, Task
    from databricks.sdk.service.sql import CreateQueryRequestQuery

    query = work.client.queries.create(
        query=CreateQueryRequestQuery(
            display_name="refresh routes",
            warehouse_id=work.warehouse_id,
            query_text="CREATE OR REPLACE TABLE flights.gold.routes AS "
            "SELECT origin, dest, count(*) AS flights FROM flights.silver.departures GROUP BY origin, dest",
        )
    )
    task = Task(
        task_key="routes",
        sql_task=SqlTask(warehouse_id=work.warehouse_id, query=SqlTaskQuery(query_id=query.id or "")),
    )
    job = work.client.jobs.create(name="refresh-routes", tasks=[task])
    work.client.jobs.run_now_and_wait(job_id=job.job_id or 0)
    list(work.client.jobs.list())


def report(work: Work) -> None:
    """Read what the reports show."""
    work.sql("SELECT origin, sum(flights) AS n FROM flights.gold.daily GROUP BY origin ORDER BY n DESC")
    work.sql("SELECT name, flights, mean_delay FROM flights.gold.carriers ORDER BY mean_delay DESC LIMIT 5")
    for origin in ("EWR", "JFK", "LGA"):
        work.sql("SELECT dest, flights FROM flights.gold.routes WHERE origin = :origin LIMIT 10", origin=origin)
    list(work.client.tables.list("flights", "gold"))
    work.client.query_history.list(max_results=20)


def rebuild_ten_years(work: Work) -> None:
    """Try a job that the team's budget cannot carry: refused before anything is sent."""
    jobs = list(work.client.jobs.list())
    with genops.operation("rebuild-ten-years", type="job.backfill", writes=["flights.gold.daily"], cost=BACKFILL_COST):
        work.client.jobs.run_now_and_wait(job_id=jobs[0].job_id or 0)


def look_at_planes(work: Work) -> None:
    """Try a table that the team is not cleared for: refused before anything is sent."""
    work.client.tables.get("flights.silver.planes")


STEPS = (
    Step("look around", PLATFORM, look_around),
    Step("lay out the lakehouse", PLATFORM, lay_out),
    Step("land the files", PLATFORM, land),
    Step("bronze", PLATFORM, to_bronze),
    Step("silver", ANALYTICS, to_silver),
    Step("check silver", ANALYTICS, check_silver),
    Step("gold", ANALYTICS, to_gold),
    Step("schedule a job", ANALYTICS, schedule),
    Step("report", REPORTING, report),
    Step("a job over its budget", REPORTING, rebuild_ten_years),
    Step("a table above its clearance", REPORTING, look_at_planes),
)

GOVERNANCE = {
    "mode": "enforce",
    "project": "nyc-flights",
    "environment": "demo",
    "classification": {"tables": {"flights.*.*": "internal", "flights.silver.planes": "confidential"}},
    "policies": {
        "clearance": {
            "clearances": {PLATFORM: "restricted", ANALYTICS: "confidential", REPORTING: "internal"},
            # A machine too busy to read a statement within 25 ms is no reason to end the demo.
            "on_unresolved": "warn",
        }
    },
    "budgets": {
        "on_unpriced": "allow",
        "platform-daily": {"limit": "10.00", "period": "day", "team": PLATFORM},
        "analytics-daily": {"limit": "10.00", "period": "day", "team": ANALYTICS},
        "reporting-daily": {"limit": "5.00", "period": "day", "team": REPORTING},
    },
}
