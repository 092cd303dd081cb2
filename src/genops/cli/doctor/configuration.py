"""Settings: each with its value and where it came from, and what stands in the environment besides."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from enum import Enum
from typing import TYPE_CHECKING, Any, NamedTuple, cast

from pydantic import SecretStr

from genops.cli.doctor.findings import ERROR, OK, WARNING, Finding
from genops.core.names import host_of
from genops.errors import nearest
from genops.layers import VARIABLES, unknown_variables
from genops.telemetry.otlp.endpoints import shown
from genops.telemetry.otlp.preset import OVERRIDES

if TYPE_CHECKING:
    from genops.settings import Settings

MASK = "***"
DEFAULT = "default"
_SECRET = re.compile(r"headers|key|token|secret|password|credential", re.IGNORECASE)
_ADDRESS = re.compile(r"ENDPOINT|HOST|URL|URI")
_READ = ("DATABRICKS_HOST", "DATABRICKS_METASTORE_ID")


class Setting(NamedTuple):
    """One setting as it stands.

    Attributes:
        name: Its dotted name.
        value: Its value as JSON knows it; secrets are masked.
        origin: Where it came from: an argument, an environment variable, a file, or `default`.
    """

    name: str
    value: Any
    origin: str


def listed(settings: Settings) -> list[Setting]:
    """Return every setting, those of the tables with free keys too."""
    return [
        Setting(name, _masked(name, value), _origin(name, settings.origins))
        for name, value in _leaves("", settings.model_dump())
    ]


def variables(environ: Mapping[str, str] = os.environ) -> dict[str, str]:
    """Return the variables beside `GENOPS_*` that are read: other projects', and the workspace; secrets are masked."""
    read = sorted(name for name in environ if name.startswith("OTEL_") or name in _READ or name in VARIABLES)
    read = [name for name in read if not name.startswith("GENOPS_")]
    return {name: _masked(name, environ[name]) for name in read}


def loaded(settings: Settings, environ: Mapping[str, str] = os.environ) -> list[Finding]:
    """Return that the settings can be honoured, and which variables are read by nothing."""
    files = sorted({origin.removeprefix("file ") for origin in settings.origins.values() if origin.startswith("file ")})
    detail = f"file: {', '.join(files)}" if files else "no settings file says anything"
    return [
        Finding("settings.loaded", OK, "every setting can be honoured", detail),
        *_no_workspace(environ),
        *strangers(environ),
    ]


def workspace(environ: Mapping[str, str] = os.environ) -> tuple[str, str]:
    """Return host and URL of the workspace that `DATABRICKS_HOST` names; empty where it is not set, or no URL."""
    url = shown(environ.get("DATABRICKS_HOST", "").strip())
    try:
        host = host_of(url)
    except ValueError:
        host = ""
    return (host, url if "://" in url else f"https://{url}") if host else ("", "")


def _no_workspace(environ: Mapping[str, str]) -> Iterator[Finding]:
    said = environ.get("DATABRICKS_HOST", "").strip()
    if said and not workspace(environ)[0]:
        detail = f"it is {shown(said)!r}, which names no host"
        fix = "Set DATABRICKS_HOST to the URL of a workspace, for example https://acme.cloud.databricks.com."
        yield Finding("settings.invalid", ERROR, "DATABRICKS_HOST is no URL", detail, fix)


def strangers(environ: Mapping[str, str] = os.environ) -> list[Finding]:
    """Return a finding for each `GENOPS_` variable that is read by nothing."""
    meant = {name: nearest(name, VARIABLES) for name in unknown_variables(environ)}
    if any(name.startswith(OVERRIDES) for name in environ):
        from genops.telemetry.otlp import presets

        meant |= presets.strangers(environ)
    return [
        Finding(
            "settings.unknown_variable",
            WARNING,
            f"{name} is read by nothing",
            nearby.strip(" ()"),
            f"Unset {name}, or spell it as one of the variables of genops.",
        )
        for name, nearby in meant.items()
    ]


def _leaves(above: str, table: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    for name, value in table.items():
        path = f"{above}.{name}" if above else name
        if isinstance(value, Mapping) and value:
            yield from _leaves(path, cast("Mapping[str, Any]", value))
        else:
            yield path, value


def _origin(name: str, origins: Mapping[str, str]) -> str:
    """Return where a setting came from; what was given as a whole table is known by the table's name."""
    while name:
        if name in origins:
            return origins[name]
        name = name.rpartition(".")[0]
    return DEFAULT


def _masked(name: str, value: Any) -> Any:
    if value is not None and (isinstance(value, SecretStr) or _SECRET.search(name.rpartition(".")[2])):
        return MASK
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, (tuple, list, set, frozenset)):
        return [_masked("", one) for one in cast("tuple[Any, ...]", value)]
    if isinstance(value, str):
        return shown(value) if "://" in value or _ADDRESS.search(name) else value
    return value if value is None or type(value) in {bool, int, float, dict} else str(value)
