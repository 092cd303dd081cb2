"""Calls that genops makes itself: on a client of its own, governed by nobody and counted as no work of the program."""

from __future__ import annotations

import logging
import os
from collections.abc import Generator
from configparser import ConfigParser, Error
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from genops.core import current, names
from genops.core.operation import Operation
from genops.core.records import Role, UnitId
from genops.instrumentation.databricks_describe import LIBRARY, PROVIDER

if TYPE_CHECKING:
    from genops.core.operation import Facts

_OPTIONS: Final[dict[str, Any]] = {"product": "genops", "http_timeout_seconds": 45, "retry_timeout_seconds": 60}
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

    What the environment or the default profile configures is used where that is this host, otherwise a profile of the
    SDK's file that names it: no credentials of one workspace are ever shown to another.

    Args:
        host: Host of the workspace, with its port where the URL has one.
    """
    with ungoverned():
        for profile in (None, *_profiles(host)):
            client = _client(host, profile)
            if client is not None:
                return OwnClient(client)
    _log.warning(
        "genops: the Databricks SDK finds no credentials for %s, so genops neither asks nor tells it anything; name it "
        "in DATABRICKS_HOST or in a profile.",
        host,
    )
    return None


def _client(host: str, profile: str | None) -> Any:
    try:
        from databricks.sdk import WorkspaceClient
        from databricks.sdk.core import Config
    except ImportError:
        return None
    try:
        config = Config(**_OPTIONS) if profile is None else Config(**_OPTIONS, profile=profile)
        return WorkspaceClient(config=config) if names.host_of(config.host or "") == host else None
    except Exception:  # whatever a source of credentials raises: it has none for us
        return None


def _profiles(host: str) -> list[str]:
    """Return the profiles of the SDK's file that name a host."""
    file, found = ConfigParser(interpolation=None), []
    try:
        file.read(Path(os.environ.get("DATABRICKS_CONFIG_FILE") or "~/.databrickscfg").expanduser())
        found = [name for name in file.sections() if _names(file.get(name, "host", fallback=""), host)]
    except (Error, OSError, RuntimeError, UnicodeDecodeError):
        return []
    return found


def _names(url: str, host: str) -> bool:
    try:
        return bool(url) and names.host_of(url) == host
    except ValueError:
        return False
