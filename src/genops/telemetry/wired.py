"""What one process emits through, once it is connected."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from genops.core.ports import NoTracer

if TYPE_CHECKING:
    from genops.core.ports import Sink, Tracer
    from genops.telemetry.lanes import Delivery, Lane
    from genops.telemetry.metrics import View


class Wired(NamedTuple):
    """The ends that are connected.

    Attributes:
        tracer: Opens spans.
        sinks: Take records.
        lanes: Lead to the destinations.
        hosts: The program's own providers that are in use.
        view: The metrics, where there are any.
    """

    tracer: Tracer
    sinks: tuple[Sink, ...] = ()
    lanes: tuple[Lane, ...] = ()
    hosts: tuple[Any, ...] = ()
    view: View | None = None

    @property
    def deliveries(self) -> tuple[Delivery, ...]:
        """What became of everything so far."""
        return tuple(lane.delivery for lane in self.lanes)


UNWIRED = Wired(NoTracer())
"""Where nothing can leave: identities only, so that everything else still works."""
