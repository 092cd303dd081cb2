"""Run the pipeline, show it as it happens, and report."""

from __future__ import annotations

import os
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

import genops
from genops import runtime
from genops.cli.demo.pipeline import GOVERNANCE, STEPS, Work
from genops.cli.demo.report import Refused, Report, price_in_words, show
from genops.core.records import Admitted, Settled
from genops.testing import LocalWorkspace

if TYPE_CHECKING:
    from collections.abc import Generator
    from pathlib import Path

    from genops.cli.demo.data import Flights
    from genops.core.amounts import Priced
    from genops.core.ports import Sink
    from genops.core.records import Record

WAREHOUSE_SIZE = "Small"


class Witness:
    """A sink that keeps what was refused, which operation types there were, and the price that was charged."""

    def __init__(self) -> None:
        self.priced: Priced | None = None
        self.refused: list[Refused] = []
        self.types: set[str] = set()

    def write(self, record: Record) -> None:
        """Look at a record."""
        if isinstance(record, Admitted):
            self.types.add(record.operation.type)
            if record.decision.refuses:
                team = record.operation.attribution.team or ""
                self.refused.append(Refused(team, record.operation.type, record.decision))
        elif isinstance(record, Settled) and record.priced.money is not None:
            self.priced = record.priced


def run(data: Flights, telemetry: Path, *, over_otlp: bool) -> None:
    """Run the demo.

    Args:
        data: The flights.
        telemetry: File of OTLP JSON lines.
        over_otlp: Send it to the endpoint of the environment as well.
    """
    console = Console()
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with _workspace() as workspace, Progress(*columns, console=console, transient=True) as progress:
        from databricks.sdk import WorkspaceClient

        witness = Witness()
        export = (str(telemetry), "otlp") if over_otlp else str(telemetry)
        facts = {workspace.host: {"tier": workspace.tier.lower()}}
        with _governed(witness, export=export, console=True, workspaces=facts) as governed:
            client = WorkspaceClient(host=workspace.host, token=workspace.token)
            with genops.workflow("nyc-flights") as flow:
                _steps(progress, Work(client, workspace.warehouse_id, data))
            accepted = governed.flush(10)
            price = price_in_words(governed, WAREHOUSE_SIZE, witness.priced)
            report = Report(governed.totals.by("team"), flow.summary, witness.refused, witness.types, price)
    show(console, report, telemetry, over_otlp=over_otlp, accepted=accepted)


def _steps(progress: Progress, work: Work) -> None:
    task = progress.add_task("", total=len(STEPS))
    for step in STEPS:
        progress.update(task, description=f"{step.team}: {step.label}")
        try:
            with genops.attribution(team=step.team):
                step.run(work)
        except genops.GovernanceError:
            # The live line and the report say what was refused and why; the pipeline goes on.
            pass
        progress.advance(task)


@contextmanager
def _governed(witness: Sink, **settings: Any) -> Generator[runtime.Runtime, None, None]:
    """Govern the SDK with the demo's own runtime, and restore what was there."""
    from genops.settings import load

    built = runtime.Runtime(load({**GOVERNANCE, **settings}, ambient=False), [witness])
    with runtime.swapped(built):
        genops.instrument("databricks_sdk")
        try:
            yield built
        finally:
            genops.uninstrument("databricks_sdk")


@contextmanager
def _workspace() -> Generator[LocalWorkspace, None, None]:
    """Start a workspace, and keep the SDK from reading a profile of this machine."""
    before = {name: os.environ.pop(name) for name in list(os.environ) if name.startswith("DATABRICKS_")}
    os.environ["DATABRICKS_CONFIG_FILE"] = os.devnull
    try:
        with LocalWorkspace(warehouse_size=WAREHOUSE_SIZE) as workspace:
            yield workspace
    finally:
        del os.environ["DATABRICKS_CONFIG_FILE"]
        os.environ.update(before)
