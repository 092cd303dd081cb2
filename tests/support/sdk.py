"""A real SDK client for a local workspace that reads nothing of the machine's configuration."""

from __future__ import annotations

import logging
import os
from typing import TYPE_CHECKING, Any
from unittest import mock

if TYPE_CHECKING:
    from databricks.sdk import WorkspaceClient

    from genops.testing.workspace import LocalWorkspace


def workspace_client(ws: LocalWorkspace, **config: Any) -> WorkspaceClient:
    """A ``WorkspaceClient`` for ``ws``; ``DATABRICKS_*`` variables and profiles of the machine do not reach it.

    Args:
        ws: A workspace that was started.
        config: Fields of the SDK's ``Config``, which also replace the defaults given here.
    """
    from databricks.sdk import WorkspaceClient
    from databricks.sdk.core import Config

    logging.getLogger("databricks.sdk").setLevel(logging.ERROR)
    clean = {key: value for key, value in os.environ.items() if not key.startswith(("DATABRICKS_", "ARM_", "GOOGLE_"))}
    clean["DATABRICKS_CONFIG_FILE"] = os.devnull
    settings = {"host": ws.host, "token": ws.token, "auth_type": "pat", "retry_timeout_seconds": 20, **config}
    with mock.patch.dict(os.environ, clean, clear=True):
        return WorkspaceClient(config=Config(**settings))
