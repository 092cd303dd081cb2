"""The hooks of the Databricks SDK, for one test."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any, NamedTuple

from genops.instrumentation import databricks_sdk
from support.recording import RecordingSink, RecordingTracer, active

if TYPE_CHECKING:
    from collections.abc import Iterator

    from genops.core.governor import Governor


class Watch(NamedTuple):
    """What a test sees of the governed calls."""

    governor: Governor
    sink: RecordingSink
    tracer: RecordingTracer

    def types(self) -> list[str]:
        """Return the types of the settled units, in order."""
        return [record.operation.type for record in self.sink.settled]


@contextlib.contextmanager
def hooked() -> Iterator[None]:
    """Install the hooks inside the block."""
    databricks_sdk.install()
    try:
        yield
    finally:
        databricks_sdk.uninstall()


@contextlib.contextmanager
def watched(*args: Any, **ports: Any) -> Iterator[Watch]:
    """Install the hooks with a governor that records."""
    sink, tracer = RecordingSink(), RecordingTracer()
    ports = {"sinks": [sink], "tracer": tracer, **ports}
    with active(*args, **ports) as governor, hooked():
        yield Watch(governor, sink, tracer)
