"""Which workspace a client talks to, and what is known of it without asking it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from enum import Enum
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from genops.core import names
from genops.core.operation import EMPTY, AttributeValue, Learnt

if TYPE_CHECKING:
    from genops.core.governor import Governor
    from genops.core.inventory import Inventory

WORKSPACE_ID = "databricks.workspace.id"
METASTORE_ID = "databricks.metastore.id"
# Suffixes of workspace hosts by cloud, as the SDK's own list of environments has them.
_CLOUDS = {
    ".azuredatabricks.net": "azure",
    ".databricks.azure.us": "azure",
    ".databricks.azure.cn": "azure",
    ".gcp.databricks.com": "gcp",
    ".cloud.databricks.com": "aws",
    ".cloud.databricks.us": "aws",
    ".cloud.databricks.mil": "aws",
}
_CLOUD_NAMES = frozenset(_CLOUDS.values())
_NUMBER = re.compile(r"\d{1,20}")
_OBJECT_ID = re.compile(r"[\w\-]{1,64}")
_REGION = re.compile(r"[a-z0-9\-]{2,40}")


def config_of(instance: Any) -> Any:
    """Return the configuration of the client behind a service, an operation in progress or a client itself."""
    try:
        return instance._api._cfg  # noqa: SLF001  (every version of the SDK has it there)
    except AttributeError:
        api = getattr(getattr(instance, "_impl", None), "_api", instance)
        return getattr(api, "_cfg", None)


def host_of(config: Any) -> str | None:
    """Return the host, with its port where the URL has one, without scheme and credentials."""
    host = getattr(config, "host", None)
    return _netloc(host) if isinstance(host, str) else None


@lru_cache(maxsize=1024)
def _netloc(url: str) -> str | None:
    """Return the host and port of a URL, as settings name workspaces too.

    >>> _netloc("https://user:pw@acme.cloud.databricks.com/"), _netloc("adb-1.2.azuredatabricks.net")
    ('acme.cloud.databricks.com', 'adb-1.2.azuredatabricks.net')
    """
    return names.host_of(url) or None


class _Introduced:
    """Hosts whose clients have been looked at, for the inventory that knows them."""

    def __init__(self) -> None:
        self.inventory: Inventory | None = None
        self.hosts: set[str] = set()


_introduced = _Introduced()
_MAX_HOSTS = 1_000


def attributes_of(governor: Governor, host: str | None, config: Any) -> Mapping[str, AttributeValue]:
    """Return what is known of a workspace as attributes; look at its client when it is first met."""
    if host is None:
        return EMPTY
    inventory = governor.inventory
    if _introduced.inventory is not inventory or host not in _introduced.hosts:
        _introduce(inventory, host, config)
    known = inventory.workspace(host)
    workspace = identified(getattr(config, "workspace_id", None), _NUMBER) or known.get("workspace_id")
    metastore = known.get("metastore_id")
    if workspace is None:
        return EMPTY if metastore is None else {METASTORE_ID: metastore}
    return {WORKSPACE_ID: workspace} if metastore is None else {WORKSPACE_ID: workspace, METASTORE_ID: metastore}


def _introduce(inventory: Inventory, host: str, config: Any) -> None:
    if _introduced.inventory is not inventory or len(_introduced.hosts) >= _MAX_HOSTS:
        _introduced.inventory, _introduced.hosts = inventory, set()
    _introduced.hosts.add(host)
    learn(
        inventory,
        host,
        cloud=cloud_named(getattr(config, "cloud", None)) or _cloud_of_host(host),
        workspace_id=identified(getattr(config, "workspace_id", None), _NUMBER),
        account_id=identified(getattr(config, "account_id", None), _OBJECT_ID),
    )


def learn(inventory: Inventory, host: str, **facts: AttributeValue | None) -> None:
    """Add what is known to the workspace's facts."""
    known = {name: value for name, value in facts.items() if value is not None}
    if known:
        inventory.learn(host, Learnt("workspace", "", known))


def learn_workspace_id(inventory: Inventory, host: str, text: object) -> None:
    """Take the workspace id that a response's header names."""
    if inventory.of(host, "workspace").get("workspace_id") != text:
        learn(inventory, host, workspace_id=identified(text, _NUMBER))


def workspace_facts(result: Any) -> tuple[Learnt, ...]:
    """Return what a metastore summary or the current assignment says of the workspace."""
    facts: dict[str, AttributeValue | None] = {
        "metastore_id": identified(getattr(result, "metastore_id", None), _OBJECT_ID),
        "cloud": cloud_named(getattr(result, "cloud", None)),
        "region": identified(getattr(result, "region", None), _REGION),
        "workspace_id": identified(getattr(result, "workspace_id", None), _NUMBER),
    }
    known = {name: value for name, value in facts.items() if value is not None}
    return (Learnt("workspace", "", known),) if known else ()


def identified(value: object, pattern: re.Pattern[str]) -> str | None:
    """Return a value as text where it has the form that its field has, otherwise `None`."""
    text = str(value) if isinstance(value, int) and not isinstance(value, bool) else value
    return text if isinstance(text, str) and pattern.fullmatch(text) else None


def cloud_named(value: object) -> str | None:
    """Return a cloud's lower-case name.

    >>> cloud_named("AWS"), cloud_named("moon")
    ('aws', None)
    """
    word = value.value if isinstance(value, Enum) else value
    name = word.lower() if isinstance(word, str) else None
    return name if name in _CLOUD_NAMES else None


def _cloud_of_host(host: str) -> str | None:
    name = host.partition(":")[0]
    return next((cloud for suffix, cloud in _CLOUDS.items() if name.endswith(suffix)), None)
