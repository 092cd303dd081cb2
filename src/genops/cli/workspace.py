"""`genops workspace`: a Databricks workspace on this machine, for programs that are not Python tests."""

from __future__ import annotations

import signal
import threading
import time
import warnings
from pathlib import Path
from typing import TYPE_CHECKING

import click

from genops.errors import ConfigurationError, MissingDependency

if TYPE_CHECKING:
    from genops.testing.workspace import LocalWorkspace, Request

# Not from `genops.testing.workspace.seeds`: help and a wrong option need no workspace to be imported.
SEEDS = ("empty", "flights", "tpch")
_SHOWN = 100
"""Characters of a statement in a line of the log."""
_UNLOGGED = ("/.well-known/",)


@click.command("workspace")
@click.option("--port", type=click.IntRange(0, 65_535), default=8181, show_default=True, help="0 takes a free one.")
@click.option(
    "--data",
    type=click.Path(path_type=Path),
    help="Directory that keeps tables, files, jobs, users and tokens between two starts.",
)
@click.option(
    "--seed",
    type=click.Choice(SEEDS),
    default="empty",
    show_default=True,
    help="Data to begin with; a directory that was seeded before is left as it is.",
)
@click.option("--token", envvar="GENOPS_WORKSPACE_TOKEN", help="Token that it takes; a random one where it is absent.")
@click.option("--tls", is_flag=True, help="Answer over HTTPS, with a certificate of its own.")
@click.option("--quiet", is_flag=True, help="Do not log requests.")
def command(port: int, data: Path | None, seed: str, token: str | None, tls: bool, quiet: bool) -> None:  # noqa: FBT001  (flags, as click hands them over)
    """Serve a Databricks workspace on 127.0.0.1 until Ctrl-C.

    The databricks-sdk, databricks-sql-connector, dbt-databricks and SQLAlchemy work against it; SQL really runs, on
    DuckDB. What it does not imitate it refuses: docs/local-workspace.md says what. It is for tests: whoever on this
    machine knows the token may use it.
    """
    ended = threading.Event()

    def stop(*_: object) -> None:
        ended.set()

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, stop)
    begun = time.monotonic()
    workspace = _workspace(port, data, seed, token, tls=tls, quiet=quiet)
    with workspace:
        if not ended.is_set():
            _introduce(workspace, time.monotonic() - begun)
        ended.wait()
    click.echo("stopped")


def _workspace(port: int, data: Path | None, seed: str, token: str | None, *, tls: bool, quiet: bool) -> LocalWorkspace:
    """The workspace, or one line that says why there is none."""
    from genops.testing.workspace import LocalWorkspace

    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always", RuntimeWarning)
        try:
            workspace = LocalWorkspace(
                port=port, data=data, seed=seed, token=token, tls=tls, log=None if quiet else log
            )
        except ImportError as error:
            raise MissingDependency(str(error)) from error
        except ValueError as error:
            raise ConfigurationError(f"--data {data}: {error}") from error
        except OSError as error:
            raise ConfigurationError(f"--port {port}: {error.strerror or error}; 0 takes a free one") from error
    for warning in told:
        click.echo(f"genops: {warning.message}", err=True)
    return workspace


def _introduce(workspace: LocalWorkspace, seconds: float) -> None:
    shown = {
        "DATABRICKS_HOST": workspace.host,
        "DATABRICKS_TOKEN": workspace.token,
        "DATABRICKS_WAREHOUSE_ID": workspace.warehouse_id,
        "DATABRICKS_HTTP_PATH": f"/sql/1.0/warehouses/{workspace.warehouse_id}",
    }
    if workspace.ca_file is not None:
        shown |= {"REQUESTS_CA_BUNDLE": str(workspace.ca_file), "SSL_CERT_FILE": str(workspace.ca_file)}
    click.echo(f"a local workspace answers at {workspace.host} (ready after {seconds:.1f} s)\n")
    for name, value in shown.items():
        click.echo(f"  export {name}={value}")
    for table in workspace.seeded:
        click.echo(f"  seeded {table}")
    click.echo("\nCtrl-C stops it\n")


def log(request: Request, seconds: float) -> None:
    """Write a line about a request; one that runs a statement with its first words."""
    if request.path.startswith(_UNLOGGED):
        return
    status = request.status or "cut"
    line = f"{time.strftime('%H:%M:%S')}  {status}  {seconds * 1000:7.1f} ms  {request.method:6} {request.path}"
    words = " ".join(request.sql.split())
    if words:
        line += f"  {words[:_SHOWN]}{'…' if len(words) > _SHOWN else ''}"
    click.echo(line)
