"""Calls that genops makes itself: on a client of its own, governed by nobody and counted as no work of the program."""

from __future__ import annotations

import logging
import os
from collections.abc import Generator, Mapping
from configparser import ConfigParser, Error
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, cast

from genops.core import current, names
from genops.core.operation import Operation
from genops.core.records import Role, UnitId
from genops.instrumentation.databricks_describe import LIBRARY, PROVIDER

if TYPE_CHECKING:
    from genops.core.operation import Facts

_OPTIONS: Final[dict[str, Any]] = {"product": "genops", "http_timeout_seconds": 45, "retry_timeout_seconds": 60}
_ENVIRONMENT = (
    "DATABRICKS_HOST", "DATABRICKS_TOKEN", "DATABRICKS_CLIENT_ID", "DATABRICKS_CLIENT_SECRET", "DATABRICKS_USERNAME",
    "DATABRICKS_PASSWORD",
)  # fmt: skip
_NOWHERE = UnitId(0, 0)
_log = logging.getLogger("genops")


class _Own:
    """The owner of a call of genops': the hooks take what runs inside it for the library's own, and leave it alone."""

    role = Role.PART
    library = LIBRARY
    operation = Operation("genops", PROVIDER)
    around = None
    open = True
    unit = _NOWHERE

    def saw(self, facts: Facts) -> None:
        """Nothing is made of it."""


_own: Any = _Own()


@contextmanager
def ungoverned() -> Generator[None, None, None]:
    """Return a context in which calls of the SDK are governed by nobody."""
    token = current.owner.set(_own)
    try:
        yield
    finally:
        current.owner.reset(token)


class OwnClient:
    """A workspace client whose requests are governed by nobody; it takes `api_client.do` and nothing else.

    Args:
        client: The SDK's client.
    """

    def __init__(self, client: Any) -> None:
        self._client = client
        self.api_client = self

    def do(self, method: str, path: str, **request: Any) -> Any:
        """Send a request, as `ApiClient.do` does.

        Raises:
            DatabricksError: The workspace refuses.
        """
        with ungoverned():
            return self._client.api_client.do(method, path, **request)


def connect(host: str) -> OwnClient | None:
    """Return a client for a host with the credentials that the SDK finds for it; `None` where it finds none.

    What the environment configures is used where that is this host; where it configures nothing, the default profile of
    the SDK's file or another one that names this host. No credentials of one workspace are ever shown to another.

    Args:
        host: Host of the workspace, with its port where the URL has one.
    """
    source = source_of(host, os.environ)
    client = None
    if source is not None:
        with ungoverned():
            client = _client(host, source)
    if client is None:
        _log.warning(
            "genops: the Databricks SDK finds no credentials for %s, so genops neither asks nor tells it anything; "
            "name it in DATABRICKS_HOST or in a profile.",
            host,
        )
        return None
    return OwnClient(client)


def source_of(host: str, environ: Mapping[str, str]) -> dict[str, str] | None:
    """Return the arguments with which the SDK's configuration is one for a host; `None` where there are none."""
    if any(environ.get(name) for name in _ENVIRONMENT):
        return {} if _names(environ.get("DATABRICKS_HOST", ""), host) else None
    if environ.get("DATABRICKS_RUNTIME_VERSION"):  # which has credentials for the workspace that it is part of
        return {}
    profiles = _profiles(environ.get("DATABRICKS_CONFIG_FILE") or "~/.databrickscfg")
    first = environ.get("DATABRICKS_CONFIG_PROFILE") or "DEFAULT"
    found = next((name for name in (first, *profiles) if _names(profiles.get(name, ""), host)), None)
    return None if found is None else {"profile": found}


def _client(host: str, source: Mapping[str, str]) -> Any:
    try:
        from databricks.sdk import WorkspaceClient
        from databricks.sdk.core import Config

        config = Config(**_OPTIONS, **cast("dict[str, Any]", source))
        return WorkspaceClient(config=config) if _names(config.host or "", host) else None
    except Exception:  # whatever a source of credentials raises: it has none for us; and the SDK may not be installed
        return None


def _profiles(path: str) -> dict[str, str]:
    """Return the host of each profile of the SDK's file."""
    file = ConfigParser(interpolation=None, default_section="")
    try:
        file.read(Path(path).expanduser())
    except (Error, OSError, RuntimeError, UnicodeDecodeError):
        return {}
    return {name: file.get(name, "host", fallback="") for name in file.sections()}


def _names(url: str, host: str) -> bool:
    try:
        return bool(url) and names.host_of(url) == host
    except ValueError:
        return False
