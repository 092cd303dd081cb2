"""The demo's report: figures by team, refusals, and where the telemetry went."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, NamedTuple

from rich.table import Table

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from rich.console import Console

    from genops.core.amounts import Priced
    from genops.core.containers import Summary
    from genops.core.decisions import Decision
    from genops.cost.totals import Total
    from genops.runtime import Runtime


class Refused(NamedTuple):
    """One refusal.

    Attributes:
        team: Who was refused.
        operation_type: What.
        decision: Why.
    """

    team: str
    operation_type: str
    decision: Decision


class Report(NamedTuple):
    """What the demo says at its end.

    Attributes:
        teams: Totals by team.
        summary: The workflow's own summary.
        refused: What was refused.
        types: Operation types seen.
        price: The price that statements were charged at, in words.
    """

    teams: Mapping[str, Total]
    summary: Summary
    refused: list[Refused]
    types: set[str]
    price: str


def price_in_words(governed: Runtime, size: str, priced: Priced | None) -> str:
    """Return what statements were charged at: the warehouse, its list price, the price's date and source."""
    (host,) = governed.settings.workspaces
    workspace = governed.governor.inventory.workspace(host)
    where = f"{workspace.get('cloud')} {workspace.get('region')}, {workspace.get('tier')} plan"
    if priced is None:
        return f"SQL warehouse {size}, serverless, {where}: no price is known"
    return f"SQL warehouse {size}, serverless, {where}, at the list price of {priced.as_of} ({priced.source})"


def show(console: Console, report: Report, telemetry: Path, *, over_otlp: bool, accepted: bool) -> None:
    """Print the report.

    Args:
        console: Where to.
        report: The figures.
        telemetry: The file that was written.
        over_otlp: Whether telemetry went over OTLP as well.
        accepted: Whether everything was accepted where it went.
    """
    table = Table(title="What it took, by team", title_justify="left")
    for heading in ("team", "operations", "cost", "rows", "seconds", "not priced"):
        table.add_column(heading, justify="left" if heading == "team" else "right")
    for team, total in sorted(report.teams.items()):
        table.add_row(team, *_cells(total.units, total.cost.get("USD"), total.rows, total.seconds, total.unpriced))
    whole = report.summary
    table.add_section()
    table.add_row("all", *_cells(whole.units, whole.cost.get("USD"), whole.rows, whole.seconds, whole.unpriced))
    console.print(table)
    console.print(f"{whole.units} operations ran, {whole.refused} were refused; {len(report.types)} operation types.")
    console.print(f"Cost is what the statements would have cost as {report.price}.", highlight=False)
    console.print("It is an estimate from measured seconds, not a bill. Control-plane calls are not billed; ", end="")
    console.print("the price of a job run is not known.")
    console.print("\nRefused before anything was sent:")
    for refusal in report.refused:
        console.print(f"  {refusal.team}: {refusal.operation_type}: {refusal.decision.reason}", highlight=False)
        console.print(f"    reason code {refusal.decision.reason_code}", highlight=False)
    console.print(f"\nTelemetry: {telemetry}" + (", and over OTLP" if over_otlp else ""), soft_wrap=True)
    if not accepted:
        console.print("Some telemetry was not accepted where it was sent; the log says how much.", style="bold red")


def _cells(units: int, cost: Decimal | None, rows: int, seconds: float, unpriced: int) -> tuple[str, ...]:
    return str(units), f"${cost or Decimal(0):.6f}", f"{rows:,}", f"{seconds:.3f}", str(unpriced)
