"""`genops demo`: real data through the real databricks-sdk, governed, on a workspace inside this process."""

from __future__ import annotations

from pathlib import Path

import click

DEFAULT_FILE = "genops-demo.jsonl"


@click.command("demo")
@click.option(
    "--telemetry",
    type=click.Path(dir_okay=False, path_type=Path),
    default=Path(DEFAULT_FILE),
    show_default=True,
    help="File of OTLP JSON lines to write; an existing one is replaced.",
)
def command(telemetry: Path) -> None:
    """Load 336,776 flights, run a medallion pipeline as three teams in enforce mode, and show what genops saw.

    Everything runs in this process: the databricks-sdk talks HTTP to a local workspace whose SQL really runs. Where
    OTEL_EXPORTER_OTLP_ENDPOINT, or that of a signal, is set, telemetry goes there as well.
    """
    from genops.cli.demo.data import flights
    from genops.cli.demo.run import run
    from genops.telemetry.otlp.endpoints import endpoints

    data = flights()
    telemetry = telemetry.absolute()
    telemetry.unlink(missing_ok=True)
    run(data, telemetry, over_otlp=bool(endpoints()))
