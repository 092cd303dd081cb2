"""Three teams at work through the real databricks-sdk against a local workspace, governed and exported."""

from __future__ import annotations

import os
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

import genops
from genops.runtime import Runtime, swapped
from genops.settings import load
from genops.testing import LocalWorkspace
from support import otlp_json
from support.sdk import workspace_client

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from databricks.sdk import WorkspaceClient

    from genops.telemetry.delivery import Delivery

TEAMS = ("ingest", "research", "finance")
_OURS = ("GENOPS_", "OTEL_", "DATABRICKS_")
_SECRET = "main.default.salaries"


@dataclass
class Governed:
    """A governed program: its runtime, its client and the file of what left.

    Attributes:
        service: Its `service.name`.
        file: What genops wrote of everything that left, as OTLP JSON.
        runtime: The runtime.
        client: A client of the workspace.
        warehouse_id: The warehouse that runs statements.
    """

    service: str
    file: Path
    runtime: Runtime
    client: WorkspaceClient
    warehouse_id: str

    def sql(self, statement: str) -> None:
        """Run a statement."""
        self.client.statement_execution.execute_statement(statement, self.warehouse_id, wait_timeout="50s")

    def work(self, rounds: int = 1) -> None:
        """Do what each team does, as a workflow: statements, calls, a failure, a refusal, an operation of its own."""
        self.client.metastores.summary()
        self.client.warehouses.get(self.warehouse_id)
        for number in range(rounds):
            with genops.workflow(f"round-{number}"):
                for team in TEAMS:
                    with genops.attribution(team=team):
                        self._team(team)

    def _team(self, team: str) -> None:
        from databricks.sdk.errors import NotFound

        self.sql("SELECT count(*), 'größe' FROM main.default.orders")
        self.client.tables.get("main.default.orders")
        assert list(self.client.tables.list("main", "default"))
        with suppress(NotFound):
            self.client.tables.get("main.default.absent")
        with suppress(genops.GovernanceError):
            self.client.tables.get(_SECRET)
        with genops.operation(f"{team}-rollup", reads=["main.default.orders"]):
            self.sql("SELECT id FROM main.default.orders LIMIT 5")

    def written(self) -> otlp_json.Telemetry:
        """Return what left, as genops wrote it to its file."""
        return otlp_json.of_service(otlp_json.rows(self.file.read_text()), self.service)

    def otlp(self) -> dict[str, Delivery]:
        """Return what became of what went over OTLP, by signal."""
        return {d.signal: d for d in self.runtime.telemetry.health() if d.destination == "otlp"}


@contextmanager
def governed(folder: Path, service: str, environment: Mapping[str, str], **settings: Any) -> Iterator[Governed]:
    """Govern a client in this process, which exports to a file and over OTLP.

    Args:
        folder: Where the file lies.
        service: The name of the service.
        environment: The only variables of OpenTelemetry that there are.
        settings: Settings that replace those given here.
    """
    file = folder / f"{service}.jsonl"
    with pytest.MonkeyPatch.context() as patch, LocalWorkspace() as workspace:
        for name in [name for name in os.environ if name.startswith(_OURS)]:
            patch.delenv(name)
        for name, value in {"OTEL_SERVICE_NAME": service, **environment}.items():
            patch.setenv(name, value)
        # A busy machine is no reason to refuse a statement here.
        patch.setattr("genops.policy.resolver.WAIT_SECONDS", 60.0)
        workspace.execute("CREATE TABLE main.default.orders AS SELECT id FROM range(100)")
        workspace.execute("CREATE TABLE main.default.salaries AS SELECT id FROM range(3)")
        client = workspace_client(workspace)
        rules = {
            "mode": "enforce",
            "team": "platform",
            "project": "flights",
            "environment": "test",
            "classification": {"tables": {"main.default.*": "internal", _SECRET: "restricted"}},
            "policies": {"clearance": {"clearances": dict.fromkeys((*TEAMS, "platform"), "internal")}},
            "budgets": {"on_unpriced": "allow"},
            "workspaces": {workspace.host: {"tier": "premium"}},
            "export": (str(file), "otlp"),
        }
        runtime = Runtime(load({**rules, **settings}, ambient=False))
        with swapped(runtime):
            genops.instrument("databricks_sdk")
            try:
                yield Governed(service, file, runtime, client, workspace.warehouse_id)
            finally:
                genops.uninstrument("databricks_sdk")
