"""Work that fills every panel: real calls of the real SDK, and a count of its own of what it did.

What is expected of the dashboards is worked out here from what the program itself does, from a stopwatch, and from
the published price of a warehouse; nothing is asked of genops.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import socket
import sys
import time
from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest
from databricks.sdk.errors import DatabricksError

import genops
from genops.testing import LocalWorkspace, runtime
from support import declared
from support.sdk import workspace_client

if TYPE_CHECKING:
    from collections.abc import Iterator

PLATFORM, SCIENCE, REPORTING, RESEARCH = "data-platform", "data-science", "reporting", "research"
FLIGHTS, CHURN, PAPERS = "flights", "churn", "papers"
# From Databricks' published sizes and prices of SQL warehouses: Small takes 12 DBU an hour; serverless, on the premium
# plan in a US region of AWS, a DBU is 0.70 USD.
USD_PER_SECOND = 12 * 0.70 / 3600
STATEMENT_SECONDS = 0.3
# How long the one who asks for the end of a statement is made to wait, and what such a statement reserves until then.
LATER_SECONDS = 0.3
RESERVED_SECONDS = 30
SLOW_SECONDS = 0.3
_LANDING, _ARCHIVE = "/Volumes/main/default/landing", "/Volumes/main/default/archive"


class Tally:
    """What the program did, counted by itself."""

    def __init__(self, host: str, environment: str) -> None:
        self.host = host
        self.environment = environment
        self.decisions: Counter[tuple[str, str, str, str]] = Counter()  # team, project, type, result
        self.cost: Counter[tuple[str, str]] = Counter()  # team, project; declared
        self.errors = 0
        self.seconds: dict[str, list[float]] = {}  # type: stopwatch of each
        self.spans = 0
        self.counts: Counter[str] = Counter()

    def decided(self, kind: str, team: str, project: str, result: str = "ALLOWED") -> None:
        """Count a decision, and its span."""
        self.decisions[team, project, kind, result] += 1
        self.spans += 1

    @contextlib.contextmanager
    def ran(self, kind: str, team: str, project: str, result: str = "ALLOWED") -> Iterator[None]:
        """Count what is done inside, and time it."""
        self.decided(kind, team, project, result)
        with self.timed(kind):
            yield

    @contextlib.contextmanager
    def timed(self, name: str) -> Iterator[None]:
        """Time what is done inside."""
        began = time.perf_counter()
        try:
            yield
        finally:
            self.seconds.setdefault(name, []).append(time.perf_counter() - began)

    def told(self) -> str:
        """Return it as JSON."""
        return json.dumps(
            {
                "host": self.host,
                "environment": self.environment,
                "decisions": [[*key, count] for key, count in self.decisions.items()],
                "cost": [[*key, amount] for key, amount in self.cost.items()],
                "errors": self.errors,
                "seconds": self.seconds,
                "spans": self.spans,
                "counts": self.counts,
            }
        )


@contextlib.contextmanager
def _workspace(environment: str, host: str = "127.0.0.1") -> Iterator[tuple[LocalWorkspace, Any, Tally]]:
    with LocalWorkspace(warehouse_size="Small", transition_polls=0) as workspace:
        workspace.execute("CREATE VOLUME main.default.landing")
        workspace.execute("CREATE VOLUME main.default.archive")
        genops.instrument("databricks_sdk")
        url = workspace.host.replace("127.0.0.1", host)
        yield workspace, workspace_client(workspace, host=url), Tally(url.removeprefix("http://"), environment)


def healthy(_: float = 0.0) -> Tally:
    """Work with which nothing is wrong: no alert may fire."""
    with _workspace("test") as (workspace, client, tally):
        facts = {workspace.host: {"cloud": "aws", "tier": "premium", "region": "us-east-1"}}
        limits = {"on_unpriced": "allow", "platform": {"limit": 1000, "team": PLATFORM, "period": "total"}}
        told = {"project": FLIGHTS, "environment": tally.environment, "workspaces": facts, "budgets": limits}
        with runtime(export="otlp", **told):
            _land(client, tally, 0)
            _query(workspace, client, tally)
            _abroad(tally)
        tally.counts["statements"] = _statements(workspace)
        tally.counts["edges"], tally.counts["edge_operations"] = 3, 3
        return tally


def governed(pause: float = 0.0) -> Tally:
    """Work in enforce mode, with prices, budgets, failures and refusals; three rounds with a pause between them."""
    with _workspace("test") as (workspace, client, tally):
        reserving = {"period": "total", "reserve_seconds": RESERVED_SECONDS}
        settings = {
            "export": "otlp",
            "mode": "enforce",
            "project": FLIGHTS,
            "environment": tally.environment,
            "workspaces": {workspace.host: {"cloud": "aws", "tier": "premium", "region": "us-east-1"}},
            "budgets": {
                "on_unpriced": "allow",
                "platform": {"limit": 1000, "team": PLATFORM, **reserving},
                "science": {"limit": 150, "team": SCIENCE, **reserving},
                "reporting": {"limit": 3, "unit": "call", "team": REPORTING, "period": "total"},
            },
        }
        with runtime(**settings) as built:
            for number in range(3):
                _land(client, tally, number)
                _query(workspace, client, tally)
                _define(workspace, client, tally, number)
                _fail(client, tally)
                _train(tally)
                _report(client, tally)
                built.flush(10)
                time.sleep(pause)
        tally.counts["statements"] = _statements(workspace)
        tally.counts["edges"], tally.counts["edge_operations"] = 3, 3 * 3
        return tally


def _statements(workspace: LocalWorkspace) -> int:
    """Return how many statements reached the workspace."""
    return sum(request.method == "POST" and "/sql/statements" in request.path for request in workspace.requests)


def _land(client: Any, tally: Tally, number: int) -> None:
    """Two files into two volumes, and one back: three edges, the same in each round."""
    with genops.attribution(team=PLATFORM):
        for folder in (_LANDING, _ARCHIVE):
            with tally.ran("file.upload", PLATFORM, FLIGHTS):
                client.files.upload(f"{folder}/{number}.csv", io.BytesIO(b"1\n"), overwrite=True)
        with tally.ran("file.download", PLATFORM, FLIGHTS):
            client.files.download(f"{_LANDING}/{number}.csv").contents.read()


def _query(workspace: LocalWorkspace, client: Any, tally: Tally) -> None:
    """Look at the warehouse, so that its size is known, and run one statement that is slow enough for a figure."""
    with genops.attribution(team=PLATFORM):
        with tally.ran("sql_warehouse.get", PLATFORM, FLIGHTS):
            client.warehouses.get(workspace.warehouse_id)
        workspace.fault("slow", path=r"/api/2\.0/sql/statements/?", seconds=STATEMENT_SECONDS, times=1)
        with tally.ran("table.query", PLATFORM, FLIGHTS):
            client.statement_execution.execute_statement("SELECT 1", workspace.warehouse_id, wait_timeout="50s")


def _define(workspace: LocalWorkspace, client: Any, tally: Tally, number: int) -> None:
    """Start a statement and leave it: its cost is what it reserved, and is corrected when its end is asked for."""
    with genops.attribution(team=PLATFORM), tally.timed("later"):
        workspace.fault("slow", method="GET", path=r"/api/2\.0/sql/statements/.+", seconds=LATER_SECONDS, times=1)
        with tally.ran("sql.define", PLATFORM, FLIGHTS):
            begun = client.statement_execution.execute_statement(
                f"CREATE SCHEMA main.later_{number}", workspace.warehouse_id, wait_timeout="0s"
            )
        state = begun.status.state.value
        assert state == "PENDING", state
        while state in {"PENDING", "RUNNING"}:
            with tally.ran("statement.get", PLATFORM, FLIGHTS):
                state = client.statement_execution.get_statement(begun.statement_id).status.state.value
        assert state == "SUCCEEDED", state


def _abroad(tally: Tally) -> None:
    """Work whose cost is named in another currency, which nothing here may add to US dollars."""
    scoring = {"type": "model.score", "cost": 7, "currency": "EUR", "team": PLATFORM}
    with tally.ran("model.score", PLATFORM, FLIGHTS), genops.operation("score abroad", **scoring) as score:
        score.observe(cost=6, currency="EUR")


def _fail(client: Any, tally: Tally) -> None:
    """Ask for a table that is not there."""
    with (
        genops.attribution(team=PLATFORM),
        tally.ran("table.get", PLATFORM, FLIGHTS),
        contextlib.suppress(DatabricksError),
    ):
        client.tables.get("main.default.nowhere")
    tally.errors += 1


def _train(tally: Tally) -> None:
    """Work of the program's own, whose cost it names: 42.5 USD and 1.25 USD a round."""
    training = {"type": "model.train", "cost": 45, "team": SCIENCE, "project": CHURN}
    with tally.ran("model.train", SCIENCE, CHURN), genops.operation("fit", **training) as fit:
        time.sleep(SLOW_SECONDS)
        fit.observe(cost=42.5)
    tally.cost[SCIENCE, CHURN] += 42.5
    scoring = {"type": "model.score", "cost": 2, "team": SCIENCE}
    with tally.ran("model.score", SCIENCE, FLIGHTS), genops.operation("score", **scoring) as score:
        score.observe(cost=1.25)
    tally.cost[SCIENCE, FLIGHTS] += 1.25


def _report(client: Any, tally: Tally) -> None:
    """Two calls a round against a budget of three calls: three are made, three are refused."""
    for _ in range(2):
        refused = tally.counts["reported"] >= 3
        with genops.attribution(team=REPORTING):
            if refused:
                with pytest.raises(genops.BudgetExceeded):
                    client.catalogs.get("main")
                tally.decided("catalog.get", REPORTING, FLIGHTS, "BLOCKED")
            else:
                with tally.ran("catalog.get", REPORTING, FLIGHTS):
                    client.catalogs.get("main")
                tally.counts["reported"] += 1


class Broken:
    """A sink that fails at each statement that settles."""

    def write(self, record: Any) -> None:
        """Fail."""
        if type(record).__name__ == "Settled" and record.operation.type == "table.query":
            raise RuntimeError


def troubled(pause: float = 0.0) -> Tally:
    """Work in observe mode where everything that can go wrong with telemetry does; two rounds."""
    with _workspace("dev", "localhost") as (workspace, client, tally), socket.create_server(("127.0.0.1", 0)) as mute:
        # It takes connections and never answers, which keeps any version of the exporter busy until its time is up.
        os.environ["OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"] = f"http://127.0.0.1:{mute.getsockname()[1]}/v1/traces"
        settings = {
            "export": "otlp",
            "project": PAPERS,
            "environment": tally.environment,
            "exit_timeout_seconds": 3,
            "budgets": {"frozen": {"limit": 0, "unit": "call", "team": RESEARCH}},
        }
        with runtime(sinks=[Broken()], **settings) as built:
            # A graph that is full after one edge.
            built.lineage._store.datasets.capacity = 1
            for number in range(2):
                _research(workspace, client, tally, number)
                built.flush(10)
                built.flush(10)  # what failed is known by now, and told
                time.sleep(pause)
        tally.counts["edges"], tally.counts["edge_operations"], tally.counts["let_go"] = 1, 4, 3
        return tally


def _research(workspace: LocalWorkspace, client: Any, tally: Tally, number: int) -> None:
    with genops.attribution(team=RESEARCH):
        for folder in (_LANDING, _ARCHIVE):
            with tally.ran("file.upload", RESEARCH, PAPERS, "WARNING"):
                client.files.upload(f"{folder}/{number}.csv", io.BytesIO(b"1\n"), overwrite=True)
        for _ in range(2):
            with tally.ran("table.query", RESEARCH, PAPERS, "WARNING"):
                client.statement_execution.execute_statement("SELECT 1", workspace.warehouse_id, wait_timeout="50s")
            tally.counts["unpriced"] += 1
            tally.counts["faults"] += 1
    with tally.ran("catalog.get", "", PAPERS):
        client.catalogs.get("main")
    tally.counts["unattributed"] += 1


if __name__ == "__main__":
    declared.install()
    done = {"healthy": healthy, "governed": governed, "troubled": troubled}[sys.argv[1]](float(sys.argv[2]))
    faults = declared.recorder.faults()
    assert not faults, f"emitted and not as registry/ declares it: {faults}"
    assert declared.recorder.emitted
    print(done.told())  # noqa: T201  (the test reads it)
