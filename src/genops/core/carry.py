"""Carry governance into other threads and processes: `genops.carrier()` and `genops.attach(...)`."""

from __future__ import annotations

import json
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any, cast

from genops.core import current
from genops.core.attribution import NOBODY, Attribution, attribution, current_attribution
from genops.core.containers import Container
from genops.core.operation import Operation
from genops.core.records import UnitId
from genops.core.unit import Remote
from genops.errors import InvalidArgument

if TYPE_CHECKING:
    from collections.abc import Mapping
    from contextvars import Token

    from typing_extensions import Self

    from genops.core.current import Owner
    from genops.core.governor import Governor

KEY = "genops"


def carrier() -> dict[str, str]:
    """Return what another thread or process needs to go on where this code is.

    Returns:
        The trace context as W3C headers, and under `genops` the attribution, the workflow and the running unit, as a
        JSON text. Strings only, so that it fits into message headers and environment variables.
    """
    governor = current.ensure()
    headers: dict[str, str] = {}
    with governor.guard.at("tracer"):
        headers = governor.tracer.inject()
    return {**headers, KEY: json.dumps(_state(governor), separators=(",", ":"), sort_keys=True)}


def _state(governor: Governor) -> dict[str, Any]:
    state: dict[str, Any] = {}
    known = current_attribution()
    container = governor.container()
    unit = governor.around()
    if unit is not None:
        known = unit.operation.attribution.over(known)
        state["owner"] = [f"{unit.unit.trace_id:032x}", f"{unit.unit.span_id:016x}", unit.unit.flags]
        state["type"] = unit.operation.type
    if known.values:
        state["attribution"] = known.values
    if container is not None:
        state["workflow"] = [container.name, container.id]
    return state


class attach:  # noqa: N801  (used as `with genops.attach(...)`)
    """Go on where `genops.carrier()` was taken; a context manager.

    Where the carrier was taken inside a running unit, governed calls inside are parts of that unit: spans, no money.
    Otherwise they are units of their own. A settlement counts in exactly one process: the one that runs the unit.

    Args:
        carrier: What `genops.carrier()` returned.

    Raises:
        InvalidArgument: It is not a carrier.
    """

    def __init__(self, carrier: Mapping[str, str]) -> None:
        self._headers = {k: v for k, v in carrier.items() if k != KEY}
        self._state = _parsed(carrier)
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        governor = current.ensure()
        with governor.guard.at("tracer"):
            self._stack.enter_context(governor.tracer.attached(self._headers))
        self._stack.enter_context(attribution(**self._state.get("attribution", {})))
        owner = self._owner(governor)
        if owner is not None:
            token = current.owner.set(owner)
            self._stack.callback(_reset, token)
        return self

    def __exit__(self, *error: object) -> None:
        self._stack.close()

    def _owner(self, governor: Governor) -> Owner | None:
        who = Attribution(self._state["attribution"]) if "attribution" in self._state else NOBODY
        container = None
        if "workflow" in self._state:
            name, identifier = self._state["workflow"]
            container = Container(name, Operation("workflow.run", KEY, name, attribution=who), id=identifier)
        if "owner" not in self._state:
            return container
        trace, span, flags = self._state["owner"]
        unit = UnitId(int(trace, 16), int(span, 16), int(flags))
        operation = Operation(self._state.get("type", "custom.run"), KEY, attribution=who, container=container)
        return Remote(governor, unit, operation)


def _reset(token: Token[Owner | None]) -> None:
    current.owner.reset(token)


def _parsed(carrier: Mapping[str, str]) -> dict[str, Any]:
    try:
        state = json.loads(carrier[KEY])
    except (KeyError, TypeError, ValueError):
        state = None
    if not isinstance(state, dict):
        raise InvalidArgument(f"carrier without a readable {KEY!r} entry: expected what genops.carrier() returned")
    return cast("dict[str, Any]", state)
