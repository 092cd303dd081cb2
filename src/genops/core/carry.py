"""Carry governance into other threads and processes: `genops.carrier()` and `genops.attach(...)`."""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any, NamedTuple, cast
from weakref import WeakValueDictionary

from genops.core import current
from genops.core.attribution import Attribution, attribution, current_attribution
from genops.core.containers import Container
from genops.core.forks import on_fork
from genops.core.operation import Operation
from genops.core.part import Remote
from genops.core.records import UnitId
from genops.core.unit import Unit
from genops.errors import InvalidArgument

if TYPE_CHECKING:
    from typing_extensions import Self

    from genops.core.current import Owner
    from genops.core.governor import Governor

KEY = "genops"


class _Here:
    """What carriers taken in this process stand for, so that another thread of it goes on in the very same."""

    def __init__(self) -> None:
        self.units: WeakValueDictionary[str, Unit] = WeakValueDictionary()
        self.containers: WeakValueDictionary[str, Container] = WeakValueDictionary()
        self._become()
        on_fork(self._become)

    def _become(self) -> None:
        # The child of a fork is another process; what it copied belongs to its parent.
        self.id = uuid.uuid4().hex
        self.units.clear()
        self.containers.clear()


_here = _Here()


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
    state: dict[str, Any] = {"process": _here.id}
    known = current_attribution()
    container = governor.container()
    around = governor.around()
    if around is not None:
        payer = around.payer
        known = payer.operation.attribution.over(known)
        identity = f"{payer.unit.trace_id:032x}", f"{payer.unit.span_id:016x}"
        state["owner"] = [*identity, payer.unit.flags]
        state["type"] = payer.operation.type
        if isinstance(payer, Unit):
            _here.units["".join(identity)] = payer
    if known.values:
        state["attribution"] = known.values
    if container is not None:
        state["workflow"] = [container.name, container.id]
        _here.containers[container.id] = container
    return state


class attach:  # noqa: N801  (used as `with genops.attach(...)`)
    """Go on where `genops.carrier()` was taken; a context manager.

    Where the carrier was taken inside a running unit, governed calls inside are parts of that unit: in another thread
    of its process as if they were made inside it; in another process spans without money. Otherwise they are units of
    their own. A settlement counts in exactly one process: the one that runs the unit.

    Args:
        carrier: What `genops.carrier()` returned.

    Raises:
        InvalidArgument: It is not a carrier.
    """

    def __init__(self, carrier: Mapping[str, str]) -> None:
        if not isinstance(carrier, Mapping):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise InvalidArgument(f"carrier of type {type(carrier).__name__}: expected what genops.carrier() returned")
        self._headers = {k: v for k, v in carrier.items() if k != KEY}
        self._carried = _parsed(carrier)
        self._entered: current.Entered[ExitStack] = current.Entered()

    def __enter__(self) -> Self:
        governor = current.ensure()
        stack = ExitStack()
        with governor.guard.at("tracer"):
            stack.enter_context(governor.tracer.attached(self._headers))
        stack.enter_context(attribution(**self._carried.attribution.values))
        owner = self._owner(governor)
        self._entered.push(current.owner.set(owner or current.owner.get()), stack)
        return self

    def __exit__(self, *error: object) -> None:
        stack = self._entered.pop()
        with current.ensure().guard.at("tracer"):
            stack.close()

    def _owner(self, governor: Governor) -> Owner | None:
        carried = self._carried
        container = None
        if carried.workflow is not None:
            name, identifier = carried.workflow
            who = carried.attribution
            container = _here.containers.get(identifier) or Container(
                name, Operation("workflow.run", KEY, name, attribution=who), id=identifier
            )
        if carried.unit is None:
            return container
        if carried.process == _here.id:
            # A unit that has ended takes no parts, and what comes after it stands alone.
            return _here.units.get(f"{carried.unit.trace_id:032x}{carried.unit.span_id:016x}") or container
        operation = Operation(carried.type, KEY, attribution=carried.attribution, container=container)
        return Remote(governor, carried.unit, operation)


class _Carried(NamedTuple):
    process: str
    attribution: Attribution
    workflow: tuple[str, str] | None
    unit: UnitId | None
    type: str


def _parsed(carrier: Mapping[str, str]) -> _Carried:
    try:
        state = cast("dict[str, Any]", json.loads(carrier[KEY]))
        workflow, owner = state.get("workflow"), state.get("owner")
        return _Carried(
            str(state.get("process", "")),
            Attribution(state.get("attribution")),
            None if workflow is None else (str(workflow[0]), str(workflow[1])),
            None if owner is None else UnitId(int(owner[0], 16), int(owner[1], 16), int(owner[2])),
            str(state.get("type", "custom.run")),
        )
    except (KeyError, IndexError, TypeError, ValueError, AttributeError) as error:
        raise InvalidArgument(
            f"carrier without a readable {KEY!r} entry ({error}): expected what genops.carrier() returned"
        ) from None
