"""The resource: which process, of which service, where. Read from the environment; nothing is asked over a network."""

from __future__ import annotations

import functools
import os
import sys
import uuid
from collections.abc import Mapping
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from opentelemetry.sdk.resources import Resource

    from genops.telemetry.config import TelemetryConfig

_UNNAMED = "unknown_service"
# Set by Databricks on clusters and in apps, or by a job's author from the job's parameter values.
_DATABRICKS = {
    "DATABRICKS_RUNTIME_VERSION": "databricks.runtime.version",
    "DATABRICKS_WORKSPACE_ID": "databricks.workspace.id",
    "DATABRICKS_JOB_ID": "databricks.job.id",
    "DATABRICKS_RUN_ID": "databricks.run.id",
    "DB_CLUSTER_ID": "databricks.cluster.id",
    "DATABRICKS_APP_NAME": "databricks.app.name",
}


def build_resource(config: TelemetryConfig, environ: Mapping[str, str] = os.environ) -> Resource:
    """Return the resource of this process. `OTEL_RESOURCE_ATTRIBUTES` and `OTEL_SERVICE_NAME` are part of it.

    Args:
        config: `service_name` wins over the environment.
        environ: Where Databricks' own variables are looked up.
    """
    from opentelemetry.sdk.resources import Resource

    base = _base()
    known = base.attributes
    attributes: dict[str, str] = {
        attribute: environ[variable] for variable, attribute in _DATABRICKS.items() if environ.get(variable)
    }
    # Always of this process: an SDK that names instances itself may have done so before a fork.
    attributes["service.instance.id"] = str(uuid.uuid4())
    if config.service_name:
        attributes["service.name"] = config.service_name
    elif str(known.get("service.name", _UNNAMED)).startswith(_UNNAMED):
        attributes["service.name"] = program_name()
    if config.environment:
        attributes["deployment.environment.name"] = config.environment
    return base.merge(Resource(attributes))


def _base() -> Resource:
    from opentelemetry.sdk.resources import OTELResourceDetector, Resource
    from opentelemetry.sdk.version import __version__ as sdk_version

    try:
        return Resource.create()
    except RuntimeError:  # its detectors run on a pool of threads, of which none starts once the main thread has ended
        sdk = {"language": "python", "name": "opentelemetry", "version": sdk_version}
        plain = Resource({f"telemetry.sdk.{name}": value for name, value in sdk.items()})
        return plain.merge(OTELResourceDetector().detect())


def service_name(environ: Mapping[str, str] = os.environ) -> str:
    """Return the name of the service as the environment says it, or the program's.

    >>> service_name({"OTEL_RESOURCE_ATTRIBUTES": "service.version=1,service.name=nightly"})
    'nightly'
    """
    pairs = (pair.partition("=") for pair in environ.get("OTEL_RESOURCE_ATTRIBUTES", "").split(","))
    said = {name.strip(): value.strip() for name, _, value in pairs}
    return environ.get("OTEL_SERVICE_NAME", "").strip() or said.get("service.name") or program_name()


def program_name() -> str:
    """Return the name of the running program: its module, its script, or `python`."""
    spec = getattr(sys.modules.get("__main__"), "__spec__", None)
    if spec is not None and spec.name:
        return str(spec.name).removesuffix(".__main__")
    script = Path(sys.argv[0] if sys.argv else "").stem
    return script if script and not script.startswith("-") else "python"


@functools.cache
def version() -> str | None:
    """Return the version of the installed distribution; `None` where genops runs from its sources."""
    try:
        return metadata.version("genops")
    except metadata.PackageNotFoundError:
        return None
