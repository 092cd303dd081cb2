"""What one process emits through, once it is connected."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from genops.core.ports import NoTracer

if TYPE_CHECKING:
    from genops.core.ports import Sink, Tracer
    from genops.telemetry.delivery import Delivery, Undelivered
    from genops.telemetry.lanes import Lane
    from genops.telemetry.metrics import View


class Wired(NamedTuple):
    """The ends that are connected.

    Attributes:
        tracer: Opens spans.
        sinks: Take records.
        lanes: Lead to the destinations.
        hosts: The program's own providers that are in use.
        view: The metrics, where there are any.
        undelivered: Counts what is lost, where connecting failed.
    """

    tracer: Tracer
    sinks: tuple[Sink, ...] = ()
    lanes: tuple[Lane, ...] = ()
    hosts: tuple[Any, ...] = ()
    view: View | None = None
    undelivered: Undelivered | None = None

    @property
    def deliveries(self) -> tuple[Delivery, ...]:
        """What became of everything so far."""
        lost = () if self.undelivered is None else self.undelivered.deliveries
        return (*(lane.delivery for lane in self.lanes), *lost)


UNWIRED = Wired(NoTracer())
"""Where nothing can leave: identities only, so that everything else still works."""
