"""`genops dashboards`: the Grafana dashboards, built from the names that genops emits."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from genops.errors import MissingDependency

OLDEST = (3, 11)
"""Oldest Python that the Grafana Foundation SDK runs on."""


@click.group("dashboards")
def command() -> None:
    """Grafana dashboards of what genops measures."""


@command.command("build")
@click.option(
    "--out",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path("dashboards"),
    show_default=True,
    help="Folder to write to; files of the same name are replaced.",
)
def build(out: Path) -> None:
    """Write each dashboard as a file of JSON, the same bytes every time."""
    files = _built()
    out.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        (out / name).write_text(text, "utf-8")
        click.echo(out / name)


def _built() -> dict[str, str]:
    if sys.version_info < OLDEST:
        raise MissingDependency(
            "genops dashboards build needs Python 3.11 or newer, because the Grafana Foundation SDK does; the built "
            "files lie in the folder dashboards/ of the repository"
        )
    try:
        from genops.cli.dashboards.build import files
    except ImportError as error:
        raise MissingDependency(
            f"genops dashboards build needs the extra 'dashboards' ({error.name} is not installed): "
            'pip install ".[dashboards]"'
        ) from None
    return files()
