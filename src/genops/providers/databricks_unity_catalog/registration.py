"""The one line: `auto_instrument_databricks()`."""

from __future__ import annotations

from typing import Any

from genops import runtime

LIBRARIES = ("databricks_sdk", "databricks_sql")


class DatabricksInstrumentation:
    """What `auto_instrument_databricks()` returns: always the same object."""

    def instrument(self) -> None:
        """Install the hooks; once is as good as twice."""
        runtime.instrument(*LIBRARIES)

    def uninstrument(self) -> None:
        """Restore every original of the patched libraries."""
        runtime.uninstrument(*LIBRARIES)


_instrumentation = DatabricksInstrumentation()


def auto_instrument_databricks(**settings: Any) -> DatabricksInstrumentation:
    """Govern every call that this process makes through databricks-sdk and databricks-sql-connector.

    Works before and after `import databricks`, and with clients that exist already. Imports nothing, sends no request,
    and called again it changes nothing.

    Args:
        **settings: As `genops.configure` takes them; without any the active runtime stays, or is built from the
            environment and the settings file.

    Returns:
        The instrumentation, with `uninstrument()`.

    Raises:
        ConfigurationError: A setting is unknown or cannot be honoured; nothing is patched then.
    """
    if settings:
        runtime.configure(**settings)
    _instrumentation.instrument()
    return _instrumentation
