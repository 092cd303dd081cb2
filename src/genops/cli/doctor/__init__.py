"""`genops doctor`: what is installed, configured and governed, and whether telemetry really arrives."""

from __future__ import annotations

import sys

import click


@click.command("doctor")
@click.option("--offline", is_flag=True, help="Touch no network: send no probe, ask no workspace for the time.")
@click.option("--deep", is_flag=True, help="Import each library, in a process of its own, and count what is governed.")
@click.option("--strict", is_flag=True, help="Exit with 1 on warnings too.")
@click.option(
    "--format", "shape", type=click.Choice(["text", "json"]), default="text", show_default=True, help="For whom."
)
@click.option(
    "--timeout",
    type=click.FloatRange(0.1, 60.0),
    default=5.0,
    show_default=True,
    help="Seconds for everything that the network is asked for, all at once.",
)
@click.option("--settings-file", type=click.Path(), help="TOML file to read instead of the one that is found.")
@click.option("--export", help="Destination to examine instead of the configured one: otlp, a preset's name, a file.")
def command(
    *,
    offline: bool,
    deep: bool,
    strict: bool,
    shape: str,
    timeout: float,
    settings_file: str | None,
    export: str | None,
) -> None:
    """Look at versions, settings, budgets and rules, and send a marked probe of each signal to the endpoint.

    Every finding that is not well says in one line what to do. Exit code 0 where there is no error, 1 where there is
    one (with --strict: or a warning), 2 for a wrong option.
    """
    from genops.cli.doctor.examination import Options, examine, quiet
    from genops.cli.doctor.findings import Severity
    from genops.cli.doctor.report import as_json, as_text

    # To the end, because an exporter whose probe was given up may still try.
    with quiet():
        report = examine(Options(settings_file, export, offline, deep, timeout))
        for line in [as_json(report)] if shape == "json" else as_text(report):
            click.echo(line)
    if report.count(Severity.ERROR) or (strict and report.count(Severity.WARNING)):
        sys.exit(1)
