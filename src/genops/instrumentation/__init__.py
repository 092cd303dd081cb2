"""The instrumented libraries, by name: a further library is one file here and one row in `LIBRARIES`."""

from __future__ import annotations

from typing import Protocol

from genops.instrumentation import databricks_sdk, databricks_sql


class Library(Protocol):
    """What a module of this room offers."""

    def install(self) -> None:
        """Put the hooks in; nothing where they are in already."""
        ...

    def uninstall(self) -> None:
        """Take the hooks out and restore every original."""
        ...

    def installed(self) -> int:
        """Return the number of wrapped methods."""
        ...


LIBRARIES: dict[str, Library] = {databricks_sdk.LIBRARY: databricks_sdk, databricks_sql.LIBRARY: databricks_sql}
