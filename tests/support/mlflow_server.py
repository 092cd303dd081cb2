"""A real MLflow Tracking server: installed once, into an environment outside the tree, and read over REST."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING, Any
from urllib.error import HTTPError

from support.backends import fetched
from support.servers import CACHE, Found, MissingServerError, Server, free_ports, locked

if TYPE_CHECKING:
    from pathlib import Path

VERSION = "3.17.2"
# Some 650 MB of packages; less than the bound of a test.
_INSTALL_SECONDS = 500


def installed() -> Found:
    """Return MLflow, installing it where the cache has none of this version for this Python.

    Raises:
        MissingServerError: It cannot be installed.
    """
    folder = CACHE / "python" / f"mlflow-{VERSION}-py{sys.version_info.major}.{sys.version_info.minor}"
    executable, whole = folder / "venv" / "bin" / "mlflow", folder / "whole"
    with locked(folder):
        if not whole.exists():
            _run(sys.executable, "-m", "venv", "--clear", str(folder / "venv"))
            _run(str(folder / "venv" / "bin" / "python"), "-m", "pip", "install", "--quiet", f"mlflow=={VERSION}")
            whole.touch()
    return Found(executable, VERSION, "installed from PyPI")


def _run(*command: str) -> None:
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=_INSTALL_SECONDS, check=False)
    except (OSError, subprocess.TimeoutExpired) as fault:
        raise MissingServerError(f"mlflow cannot be installed: {fault}") from fault
    if done.returncode != 0:
        raise MissingServerError(f"mlflow cannot be installed: {done.stderr[-1000:]}")


class Mlflow:
    """A Tracking server with an experiment of its own.

    Args:
        program: MLflow.
        folder: Where its database and log lie.

    Attributes:
        url: Where it is.
        experiment: Number of the experiment.
    """

    def __init__(self, program: Found, folder: Path) -> None:
        self.program = program
        (port,) = free_ports(1)
        self.url = f"http://127.0.0.1:{port}"
        store = f"sqlite:///{folder / 'mlflow.db'}"
        command = [program.path, "server", "--host", "127.0.0.1", "--port", port, "--backend-store-uri", store]
        self.server = Server(
            [*command, "--default-artifact-root", folder / "artifacts", "--workers", 1],
            f"{self.url}/health",
            folder / "mlflow.log",
            seconds=180,
            # Its job workers would be seven processes more.
            MLFLOW_SERVER_ENABLE_JOB_EXECUTION="false",
        )
        made = fetched(f"{self.url}/api/2.0/mlflow/experiments/create", {"name": "genops"})
        self.experiment = str(made["experiment_id"])

    def spans(self, trace_id: str) -> list[dict[str, Any]]:
        """Return the spans of a trace; none where it does not know the trace."""
        try:
            return fetched(f"{self.url}/api/3.0/mlflow/traces/get?trace_id=tr-{trace_id}")["trace"].get("spans", [])
        except HTTPError:
            return []
