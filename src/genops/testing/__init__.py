"""For tests of programs that genops governs: a local workspace, and a runtime of their own."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from genops.testing.workspace import LocalWorkspace

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable

    from genops.core.ports import Sink
    from genops.runtime import Runtime

__all__ = ["LocalWorkspace", "runtime"]


@contextmanager
def runtime(*, sinks: Iterable[Sink] = (), **settings: Any) -> Generator[Runtime, None, None]:
    """Make a runtime of these settings alone the active one inside the block, and restore the one before.

    Environment and settings files are left alone, and nothing is exported unless `export` says so.

    Args:
        sinks: Further sinks, for example one that keeps the records.
        **settings: As `genops.configure` takes them.

    Raises:
        ConfigurationError: A setting is unknown or cannot be honoured.
    """
    from genops import runtime as root
    from genops.settings import load

    # A test waits for its telemetry; a program that ends does not.
    given = {"export": "none", "exit_timeout_seconds": 60, **settings}
    built = root.Runtime(load(given, ambient=False), sinks)
    with root.swapped(built):
        yield built
