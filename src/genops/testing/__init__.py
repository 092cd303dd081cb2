"""For tests of programs that genops governs: captured telemetry, a local workspace, and a runtime of their own.

Nothing below is loaded before it is used: pytest loads the plugin of this package wherever genops is installed.
"""

from __future__ import annotations

from contextlib import contextmanager
from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable

    from genops.core.ports import Sink
    from genops.runtime import Runtime
    from genops.testing.captured import Captured as Captured
    from genops.testing.captured import CapturedDecision as CapturedDecision
    from genops.testing.captured import CapturedEvent as CapturedEvent
    from genops.testing.captured import CapturedMetric as CapturedMetric
    from genops.testing.captured import CapturedPoint as CapturedPoint
    from genops.testing.captured import CapturedSpan as CapturedSpan
    from genops.testing.captured import CapturedUnit as CapturedUnit
    from genops.testing.capturing import Capture as Capture
    from genops.testing.capturing import capture as capture
    from genops.testing.workspace import LocalWorkspace as LocalWorkspace

__all__ = [
    "Capture",
    "Captured",
    "CapturedDecision",
    "CapturedEvent",
    "CapturedMetric",
    "CapturedPoint",
    "CapturedSpan",
    "CapturedUnit",
    "LocalWorkspace",
    "capture",
    "runtime",
]
_HOMES = {
    **{name: "genops.testing.captured" for name in __all__ if name.startswith("Captured")},
    "Capture": "genops.testing.capturing",
    "capture": "genops.testing.capturing",
    "LocalWorkspace": "genops.testing.workspace",
}


def __getattr__(name: str) -> Any:
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module 'genops.testing' has no attribute {name!r}")
    value = globals()[name] = getattr(import_module(home), name)
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *_HOMES})


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
