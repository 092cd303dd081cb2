"""The command line: `genops …`. Each command is loaded when it is called."""

from __future__ import annotations

import sys
from importlib import import_module
from typing import cast

import click

import genops

COMMANDS = {
    "conformance": "genops.cli.conformance",
    "dashboards": "genops.cli.dashboards",
    "demo": "genops.cli.demo",
    "doctor": "genops.cli.doctor",
    "lineage": "genops.cli.lineage",
    "run": "genops.cli.run",
    "workspace": "genops.cli.workspace",
}


class _Lazy(click.Group):
    """A group whose commands are named in a table and imported on demand."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002  (click's signature)
        return sorted(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002  (click's signature)
        home = COMMANDS.get(cmd_name)
        return None if home is None else cast("click.Command", import_module(home).command)


@click.group(cls=_Lazy)
@click.version_option(genops.__version__, prog_name="genops")
def main_group() -> None:
    """Governance telemetry for data platforms."""


def main() -> None:
    """Run the command line; an error that genops raises on purpose is one line and exit code 1."""
    try:
        main_group()
    except genops.GenOpsError as error:
        click.echo(f"genops: {error}", err=True)
        sys.exit(1)
