"""Governance telemetry for data platforms.

Importing genops does nothing: it reads no environment, starts no thread and loads the standard library only. Every
name below is loaded when it is first used.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from genops.core.attribution import attribution as attribution
    from genops.core.carry import attach as attach
    from genops.core.carry import carrier as carrier
    from genops.core.declared import operation as operation
    from genops.core.declared import workflow as workflow
    from genops.errors import BudgetExceeded as BudgetExceeded
    from genops.errors import ConfigurationError as ConfigurationError
    from genops.errors import GenOpsError as GenOpsError
    from genops.errors import GovernanceError as GovernanceError
    from genops.errors import GovernanceUnavailable as GovernanceUnavailable
    from genops.errors import InvalidArgument as InvalidArgument
    from genops.errors import MissingDependency as MissingDependency
    from genops.errors import PolicyDenied as PolicyDenied
    from genops.errors import RateLimited as RateLimited
    from genops.providers.databricks_unity_catalog.registration import (
        auto_instrument_databricks as auto_instrument_databricks,
    )
    from genops.runtime import configure as configure
    from genops.runtime import flush as flush
    from genops.runtime import instrument as instrument
    from genops.runtime import shutdown as shutdown
    from genops.runtime import uninstrument as uninstrument

__version__ = "0.1.0"

_ERRORS = (
    "BudgetExceeded",
    "ConfigurationError",
    "GenOpsError",
    "GovernanceError",
    "GovernanceUnavailable",
    "InvalidArgument",
    "MissingDependency",
    "PolicyDenied",
    "RateLimited",
)
_HOMES = {
    **dict.fromkeys(_ERRORS, "genops.errors"),
    **dict.fromkeys(("configure", "flush", "instrument", "shutdown", "uninstrument"), "genops.runtime"),
    "attach": "genops.core.carry",
    "attribution": "genops.core.attribution",
    "auto_instrument_databricks": "genops.providers.databricks_unity_catalog.registration",
    "carrier": "genops.core.carry",
    "operation": "genops.core.declared",
    "workflow": "genops.core.declared",
}
# Their first use builds the runtime, so the room that can build it is loaded with them.
_NEED_RUNTIME = frozenset({"attach", "carrier", "operation", "workflow"})

__all__ = [  # noqa: RUF022  (sorted by what they are)
    "__version__",
    "configure",
    "auto_instrument_databricks",
    "instrument",
    "uninstrument",
    "attribution",
    "operation",
    "workflow",
    "carrier",
    "attach",
    "flush",
    "shutdown",
    "GenOpsError",
    "BudgetExceeded",
    "ConfigurationError",
    "GovernanceError",
    "GovernanceUnavailable",
    "InvalidArgument",
    "MissingDependency",
    "PolicyDenied",
    "RateLimited",
]


def __getattr__(name: str) -> Any:
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module 'genops' has no attribute {name!r}")
    if name in _NEED_RUNTIME:
        import_module("genops.runtime")
    value = getattr(import_module(home), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *_HOMES})
