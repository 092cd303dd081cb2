"""Entry points: what `opentelemetry-instrument` loads, one instrumentor a library.

The group `opentelemetry_instrumentor` of this distribution names the classes. None of them imports its library, reads a
setting or loads the runtime before the library itself is imported, because every Python process that runs under
`opentelemetry-instrument` loads them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import wrapt

# Without this package nothing loads entry points of the group; its loader skips a module that cannot be imported.
from opentelemetry.instrumentation.dependencies import DependencyConflictError
from opentelemetry.instrumentation.instrumentor import BaseInstrumentor

if TYPE_CHECKING:
    from collections.abc import Collection


@dataclass(frozen=True)
class Options:
    """What an OpenTelemetry configuration file may say of an instrumentor: settings of genops, by their last part.

    Attributes:
        team: Team that pays.
        project: Project.
        environment: Environment.
        mode: `off`, `observe` or `enforce`.
        export: Where telemetry goes, where it should not go to the providers that the file configures.
    """

    team: str | None = None
    project: str | None = None
    environment: str | None = None
    mode: str | None = None
    export: str | None = None


class _Instrumentor(BaseInstrumentor):
    """Governs one library, from its import on.

    `instrument(**settings)` takes what `genops.configure` takes, and raises its `ConfigurationError`. Without settings
    it raises nothing but the conflict of versions that OpenTelemetry's loader expects; see `genops.zero_code.govern`.

    Attributes:
        configuration: Options that an OpenTelemetry configuration file may give.
    """

    configuration = Options
    _wanted = False
    _library: str
    _module: str
    _versions: str

    def instrumentation_dependencies(self) -> Collection[str]:
        """Return the versions of the library that genops knows."""
        return (self._versions,)

    def _instrument(self, **kwargs: Any) -> None:
        conflict = self._check_dependency_conflicts()
        # A library that is not installed may be by the time it is imported: in a notebook, for example.
        if conflict is not None and conflict.found:
            raise DependencyConflictError(conflict)
        if kwargs:
            from genops import runtime

            runtime.configure(**kwargs)
        self._wanted = True
        wrapt.register_post_import_hook(self._imported, self._module)

    def _imported(self, _: object) -> None:
        if self._wanted:
            from genops.zero_code import govern

            govern()

    def _uninstrument(self, **kwargs: Any) -> None:  # noqa: ARG002  (the base class's signature)
        from genops import runtime

        self._wanted = False
        runtime.uninstrument(self._library)


class DatabricksSdkInstrumentor(_Instrumentor):
    """Governs databricks-sdk, from its import on."""

    _library = "databricks_sdk"
    _module = "databricks.sdk"
    _versions = "databricks-sdk >= 0.18"


class DatabricksSqlInstrumentor(_Instrumentor):
    """Governs databricks-sql-connector, from its import on."""

    _library = "databricks_sql"
    _module = "databricks.sql"
    _versions = "databricks-sql-connector >= 2.9"
