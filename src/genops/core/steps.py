"""What every shape of a governed call does: see it, describe it, begin it, observe it, end it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from genops.core import current
from genops.core.containers import Container
from genops.core.governor import Governor
from genops.core.operation import NOTHING, Action, Facts, Operation
from genops.core.part import Part
from genops.core.unit import Unit

if TYPE_CHECKING:
    from genops.core.decisions import Decision

Describe = Callable[[Governor, Any, tuple[Any, ...], Mapping[str, Any]], Operation]
Observe = Callable[[Operation, Any], "Facts | None"]
Group = Callable[[Governor, Operation, object], Container]
Run = Unit | Part | Container


class Site(NamedTuple):
    """One patched method, or one function of the user's.

    Attributes:
        type: Operation type.
        provider: Provider of the operation.
        library: The instrumented library; calls that it makes to itself while one of its calls runs are transparent.
            Empty for the user's own code.
        span_name: Name of the span.
        action: Class of the operation.
        describe: Says what a call is, from (governor, instance, args, kwargs).
        observe: Says what its result, or an item of its iterator, reveals, from (operation, result).
        failed: Says what its error reveals, from (operation, error).
        counts_requests: Whether the library's requests are counted, so that an iterator that sent none is known not to
            have run.
        group: Opens the container that each call is, where it is one instead of a unit.
    """

    type: str
    provider: str
    library: str = ""
    span_name: str = ""
    action: Action = Action.READ
    describe: Describe | None = None
    observe: Observe | None = None
    failed: Observe | None = None
    counts_requests: bool = False
    group: Group | None = None


def governing(site: Site) -> Governor | None:
    """Return the active governor where it has to see this call."""
    governor = current.slot.governor
    if governor is None or governor.off:
        return None
    library = site.library
    if library:
        owner = current.owner.get()
        if owner is not None and owner.library == library and owner.open:
            return None
        if governor.suppressed():
            return None
    return governor


def described(
    governor: Governor, site: Site, instance: Any, args: tuple[Any, ...], kwargs: Mapping[str, Any]
) -> tuple[Operation, Decision | None]:
    """Return what a call is, and the decision that stands already where it could not be described."""
    try:
        return site.describe(governor, instance, args, kwargs), None  # type: ignore[misc]
    except Exception as fault:
        governor.guard.caught(f"describe:{site.type}", fault)
    bare = Operation(
        site.type, site.provider, site.type, site.span_name, site.action, governor.attribution(),
        container=governor.container(), library=site.library,
    )  # fmt: skip
    return bare, governor.describe_fault(bare)


def begun(
    governor: Governor, site: Site, operation: Operation, verdict: Decision | None, parent: object = None
) -> Run | None:
    """Begin a unit, a part or a container; `None` where genops itself failed and the call goes on alone."""
    if site.group is None:
        return governor.begin(operation, verdict, parent)
    return grouped(governor, site.group, operation, parent)


def grouped(governor: Governor, group: Group, operation: Operation, parent: object = None) -> Container | None:
    """Open a container; `None` where that failed."""
    with governor.guard.at("container"):
        return group(governor, operation, parent)
    return None


async def begun_async(
    governor: Governor, site: Site, operation: Operation, verdict: Decision | None, parent: object = None
) -> Run | None:
    """As `begun`, without blocking the event loop."""
    if site.group is None:
        return await begin_async(governor, operation, verdict, parent)
    return begun(governor, site, operation, verdict, parent)


def observed(governor: Governor, observe: Observe, operation: Operation, value: Any) -> Facts | None:
    """Return what a hook saw, or `None` where it failed."""
    try:
        return observe(operation, value)
    except Exception as fault:
        governor.guard.caught(f"observe:{operation.type}", fault)
        return None


def observed_item(governor: Governor, observe: Observe, run: Run, item: Any) -> None:
    """Take what an item of an iterator reveals.

    What it tells of resources is kept at once: to carry that of a hundred thousand items to the end would take minutes.
    """
    facts = observed(governor, observe, run.operation, item)
    if facts is not None and facts.learnt:
        with governor.guard.at(f"observe:{run.operation.type}"):
            facts = governor.learn(run.operation, facts)
    if facts is not None and facts != NOTHING:
        run.saw(facts)


def returned(governor: Governor, site: Site, run: Run, result: Any) -> None:
    """End what came back with what its result reveals."""
    facts = None if site.observe is None else observed(governor, site.observe, run.operation, result)
    try:
        run.returned(facts)
    except Exception as fault:
        governor.guard.caught("settle", fault)


def failed(governor: Governor, site: Site, run: Run, error: BaseException) -> None:
    """End what raised with what its error reveals."""
    facts = None if site.failed is None else observed(governor, site.failed, run.operation, error)
    try:
        run.failed(error, facts)
    except Exception as fault:
        governor.guard.caught("settle", fault)


async def begin_async(
    governor: Governor, operation: Operation, verdict: Decision | None = None, parent: object = None
) -> Unit | Part | None:
    """Admit without blocking the event loop where the ledger may wait.

    Where the task is cancelled meanwhile, what was reserved is given back.

    Raises:
        GovernanceError: The operation is refused.
    """
    admission = _Admission()
    try:
        return await off_loop(governor, admission.make, governor, operation, verdict, parent)
    except BaseException:
        admission.give_up()
        raise


async def off_loop(governor: Governor, function: Callable[..., Any], *args: Any) -> Any:
    """Run what asks the ledger: in a thread where the ledger may wait and an asyncio loop runs here, else at once."""
    if governor.ledger.blocking:
        import asyncio

        try:
            asyncio.get_running_loop()
        except RuntimeError:  # another kind of event loop
            return function(*args)
        return await asyncio.shield(asyncio.to_thread(function, *args))
    return function(*args)


class _Admission:
    """An admission that may be made in a thread while nobody waits for it any more."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._run: Unit | Part | None = None
        self._given_up = False

    def make(
        self, governor: Governor, operation: Operation, verdict: Decision | None, parent: object
    ) -> Unit | Part | None:
        run = governor.begin(operation, verdict, parent)
        with self._lock:
            self._run = run
            given_up = self._given_up
        if given_up and run is not None:
            run.not_executed()
        return run

    def give_up(self) -> None:
        with self._lock:
            self._given_up, run = True, self._run
        if run is not None:
            run.not_executed()
