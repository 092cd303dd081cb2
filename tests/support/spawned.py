"""What a spawned process does; it imports this module by name, which it cannot do with a test module."""

from __future__ import annotations

from typing import Any

from genops.core.attribution import current_attribution
from genops.core.carry import attach
from genops.core.governor import Settings
from support.governed import call
from support.recording import RecordingSink, active


def attached(taken: dict[str, str], pipe: Any) -> None:
    """Go on with a carrier, make one call, and tell the number of settlements and the team."""
    sink = RecordingSink()
    with active(Settings(), sinks=[sink]), attach(taken):
        call()
        pipe.send((len(sink.settled), current_attribution().team))
