"""What one process emits through, once it is connected."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from genops.core.ports import NoTracer

if TYPE_CHECKING:
    from genops.core.ports import Ids, Sink, Tracer
    from genops.telemetry.delivery import Delivery, Undelivered
    from genops.telemetry.lanes import Lane, QueueLane
    from genops.telemetry.metrics import Sources, View


class Providers(NamedTuple):
    """Providers to emit through instead of any other: nothing is looked up, and nothing is sent anywhere else.

    Attributes:
        tracers: Its `get_tracer` is asked for what makes spans.
        loggers: Its `get_logger` is asked for what takes events.
        meters: Its `get_meter` is asked for instruments.
        ids: Makes the identities of operations without a span.
    """

    tracers: Any
    loggers: Any
    meters: Any
    ids: Ids


class Wired(NamedTuple):
    """The ends that are connected.

    Attributes:
        tracer: Opens spans.
        sinks: Take records.
        lanes: Lead to the destinations.
        hosts: The program's own providers that are in use.
        view: The metrics, where there are any.
        sources: What this process lets the view read.
        meters: The program's own provider that the view belongs to, where it is one of the program's.
        outlets: The lanes of spans.
        undelivered: Counts what is lost, where connecting failed.
    """

    tracer: Tracer
    sinks: tuple[Sink, ...] = ()
    lanes: tuple[Lane, ...] = ()
    hosts: tuple[Any, ...] = ()
    view: View | None = None
    sources: Sources | None = None
    meters: Any = None
    outlets: tuple[QueueLane, ...] = ()
    undelivered: Undelivered | None = None

    @property
    def deliveries(self) -> tuple[Delivery, ...]:
        """What became of everything so far."""
        lost = () if self.undelivered is None else self.undelivered.deliveries
        return (*(lane.delivery for lane in self.lanes), *lost)


UNWIRED = Wired(NoTracer())
"""Where nothing can leave: identities only, so that everything else still works."""
