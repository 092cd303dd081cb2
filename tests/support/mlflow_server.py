"""A real MLflow Tracking server: installed once, into an environment outside the tree, and read over REST."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.error import HTTPError

from support.backends import fetched
from support.environments import environment
from support.servers import Found, Server, free_ports

if TYPE_CHECKING:
    from pathlib import Path

VERSION = "3.17.2"


def installed() -> Found:
    """Return MLflow, installing it where the cache has none of this version for this Python.

    Raises:
        MissingServerError: It cannot be installed.
    """
    interpreter = environment("mlflow", f"mlflow=={VERSION}")
    return Found(interpreter.with_name("mlflow"), VERSION, "installed from PyPI")


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
