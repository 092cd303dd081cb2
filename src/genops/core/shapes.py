"""The wrapper, written twice: around a call and around an iterator, each for synchronous and asynchronous code.

An instrumentation is a table of `Site`s; a patched method runs `call(site, wrapped, instance, args, kwargs)` or
`iterate(...)`. Both read the active governor on every call, so replacing it never patches again.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Generator, Iterator, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from genops.core import current
from genops.core.governor import Governor, Unfinished
from genops.core.operation import NOTHING, Action, Facts, Operation
from genops.core.records import Outcome

if TYPE_CHECKING:
    from genops.core.decisions import Decision
    from genops.core.unit import Part, Unit

Describe = Callable[[Governor, Any, tuple[Any, ...], Mapping[str, Any]], Operation]
Observe = Callable[[Operation, Any], "Facts | None"]


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


def call(
    site: Site, wrapped: Callable[..., Any], instance: Any, args: tuple[Any, ...], kwargs: Mapping[str, Any]
) -> Any:
    """Run a call as a governed operation: same result, same error.

    Raises:
        GovernanceError: The operation is refused, before the call.
    """
    governor = _governor(site)
    if governor is None:
        return wrapped(*args, **kwargs)
    operation, verdict = _described(governor, site, instance, args, kwargs)
    run = governor.begin(operation, verdict)
    if run is None:
        return wrapped(*args, **kwargs)
    tokens = run.enter()
    try:
        result = wrapped(*args, **kwargs)
    except BaseException as error:
        run.exit(tokens)
        _failed(governor, site, run, error)
        raise
    run.exit(tokens)
    _returned(governor, site, run, result)
    return result


async def acall(
    site: Site,
    wrapped: Callable[..., Awaitable[Any]],
    instance: Any,
    args: tuple[Any, ...],
    kwargs: Mapping[str, Any],
) -> Any:
    """Await a call as a governed operation; the asynchronous twin of `call`.

    Raises:
        GovernanceError: The operation is refused, before the call.
    """
    governor = _governor(site)
    if governor is None:
        return await wrapped(*args, **kwargs)
    operation, verdict = _described(governor, site, instance, args, kwargs)
    run = await begin_async(governor, operation, verdict)
    if run is None:
        return await wrapped(*args, **kwargs)
    tokens = run.enter()
    try:
        result = await wrapped(*args, **kwargs)
    except BaseException as error:
        run.exit(tokens)
        _failed(governor, site, run, error)
        raise
    run.exit(tokens)
    _returned(governor, site, run, result)
    return result


async def begin_async(governor: Governor, operation: Operation, verdict: Decision | None = None) -> Unit | Part | None:
    """Admit without blocking the event loop where the ledger may wait.

    Raises:
        GovernanceError: The operation is refused.
    """
    if governor.ledger.blocking:
        return await asyncio.to_thread(governor.begin, operation, verdict)
    return governor.begin(operation, verdict)


def iterate(
    site: Site, wrapped: Callable[..., Any], instance: Any, args: tuple[Any, ...], kwargs: Mapping[str, Any]
) -> Any:
    """Return a lazy list as a governed operation that begins at the first `next()`.

    Raises:
        GovernanceError: The policy refuses, at the call.
    """
    governor = _governor(site)
    if governor is None:
        return wrapped(*args, **kwargs)
    prepared = _prepared(governor, site, instance, args, kwargs)
    return GovernedIterator(prepared, wrapped(*args, **kwargs))


def aiterate(
    site: Site, wrapped: Callable[..., Any], instance: Any, args: tuple[Any, ...], kwargs: Mapping[str, Any]
) -> Any:
    """Return an asynchronous lazy list as a governed operation; the asynchronous twin of `iterate`.

    Raises:
        GovernanceError: The policy refuses, at the call.
    """
    governor = _governor(site)
    if governor is None:
        return wrapped(*args, **kwargs)
    prepared = _prepared(governor, site, instance, args, kwargs)
    return GovernedAsyncIterator(prepared, wrapped(*args, **kwargs))


def _governor(site: Site) -> Governor | None:
    """Return the active governor where it has to see this call."""
    governor = current.slot.governor
    if governor is None or governor.off:
        return None
    if site.library:
        owner = current.owner.get()
        if owner is not None and owner.library == site.library:
            return None
        if governor.suppressed():
            return None
    return governor


def _described(
    governor: Governor, site: Site, instance: Any, args: tuple[Any, ...], kwargs: Mapping[str, Any]
) -> tuple[Operation, Decision | None]:
    try:
        assert site.describe is not None
        return site.describe(governor, instance, args, kwargs), None
    except Exception as fault:
        governor.guard.caught(f"describe:{site.type}", fault)
    bare = Operation(
        site.type, site.provider, site.type, site.span_name, site.action, governor.attribution(), library=site.library
    )
    return bare, governor.describe_fault(bare)


def _observed(governor: Governor, observe: Observe | None, operation: Operation, value: Any) -> Facts | None:
    if observe is None:
        return None
    try:
        return observe(operation, value)
    except Exception as fault:
        governor.guard.caught(f"observe:{operation.type}", fault)
        return None


def _returned(governor: Governor, site: Site, run: Unit | Part, result: Any) -> None:
    facts = _observed(governor, site.observe, run.operation, result)
    with governor.guard.at("settle"):
        run.returned(facts)


def _failed(governor: Governor, site: Site, run: Unit | Part, error: BaseException) -> None:
    facts = _observed(governor, site.failed, run.operation, error)
    with governor.guard.at("settle"):
        run.failed(error, facts)


class _Prepared(NamedTuple):
    governor: Governor
    site: Site
    operation: Operation
    verdict: Decision
    parent: object
    owner: current.Owner | None


def _prepared(
    governor: Governor, site: Site, instance: Any, args: tuple[Any, ...], kwargs: Mapping[str, Any]
) -> _Prepared:
    """Describe and ask the policy at the call, where a refusal is emitted and raised."""
    operation, verdict = _described(governor, site, instance, args, kwargs)
    if verdict is None:
        verdict = governor.decide(operation)
    if verdict.refuses:
        governor.begin(operation, verdict)
    with governor.guard.at("tracer"):
        return _Prepared(governor, site, operation, verdict, governor.tracer.here(), current.owner.get())
    return _Prepared(governor, site, operation, verdict, None, current.owner.get())


class _Steps(Unfinished):
    """What both iterators share: begin at the first step, end at the last one."""

    def __init__(self, prepared: _Prepared) -> None:
        self._prepared = prepared
        self._run: Unit | Part | None = None
        self._begun = False
        self._done = False
        self._items = 0

    def _begin(self) -> None:
        """Begin at the first step, inside what was around the call."""
        self._begun = True
        governor, _, operation, verdict, parent, owner = self._prepared
        token = current.owner.set(owner)
        try:
            self._run = governor.begin(operation, verdict, parent)
        except BaseException:
            self._done = True
            raise
        finally:
            current.owner.reset(token)
        governor.unfinished.add(self)

    def _took(self, item: Any) -> None:
        self._items += 1
        observe = self._prepared.site.observe
        if observe is not None and self._run is not None:
            facts = _observed(self._prepared.governor, observe, self._run.operation, item)
            if facts is not None:
                self._run.saw(facts)

    def _end(self, error: BaseException | None = None, *, complete: bool) -> None:
        if self._done:
            return
        self._done = True
        run, (governor, site, operation, *_) = self._run, self._prepared
        governor.unfinished.discard(self)
        if run is None:
            return
        seen = Facts(rows=self._items, incomplete=not complete)
        with governor.guard.at("settle"):
            if error is not None:
                facts = _observed(governor, site.failed, operation, error) or NOTHING
                run.failed(error, facts.merged(seen))
            elif complete or self._items or run.attempts or not site.counts_requests:
                run.returned(seen)
            else:
                run.not_executed()

    def abandon(self) -> None:
        """Settle what nobody will finish."""
        self._end(complete=False)

    def __del__(self) -> None:
        if self._begun and not self._done:
            with self._prepared.governor.guard.at("collected iterator"):
                self._end(complete=False)


class GovernedIterator(_Steps, Generator[Any, Any, Any]):
    """A lazy list, or a generator of the user's, as one operation.

    Its span is current only while the wrapped iterator runs, never while the consumer works between two items.
    """

    def __init__(self, prepared: _Prepared, inner: Iterator[Any]) -> None:
        super().__init__(prepared)
        self._inner = inner

    def _step(self, step: Callable[..., Any], *values: Any) -> Any:
        if self._done:
            return step(*values)
        if not self._begun:
            self._begin()
        run = self._run
        if run is None:
            return step(*values)
        tokens = run.enter()
        try:
            item = step(*values)
        except StopIteration:
            run.exit(tokens)
            self._end(complete=True)
            raise
        except BaseException as error:
            run.exit(tokens)
            self._end(error, complete=False)
            raise
        run.exit(tokens)
        self._took(item)
        return item

    def __next__(self) -> Any:
        return self._step(self._inner.__next__)

    def send(self, value: Any, /) -> Any:
        """Resume with a value."""
        return self._step(self._inner.send if value is not None else self._inner.__next__, *_given(value))  # type: ignore[attr-defined]

    def throw(self, *error: Any) -> Any:
        """Resume with an exception."""
        return self._step(self._inner.throw, *error)  # type: ignore[attr-defined]

    def close(self) -> None:
        """Stop; what was seen is settled as incomplete."""
        close = getattr(self._inner, "close", None)
        try:
            if close is not None:
                close()
        finally:
            self._end(complete=False)


def _given(value: Any) -> tuple[Any, ...]:
    return () if value is None else (value,)


class GovernedAsyncIterator(_Steps, AsyncGenerator[Any, Any]):
    """An asynchronous lazy list, or an asynchronous generator of the user's, as one operation."""

    def __init__(self, prepared: _Prepared, inner: AsyncIterator[Any]) -> None:
        super().__init__(prepared)
        self._inner = inner

    async def _step(self, step: Callable[..., Awaitable[Any]], *values: Any) -> Any:
        if self._done:
            return await step(*values)
        if not self._begun:
            if self._prepared.governor.ledger.blocking:
                await asyncio.to_thread(self._begin)
            else:
                self._begin()
        run = self._run
        if run is None:
            return await step(*values)
        tokens = run.enter()
        try:
            item = await step(*values)
        except StopAsyncIteration:
            run.exit(tokens)
            self._end(complete=True)
            raise
        except BaseException as error:
            run.exit(tokens)
            self._end(error, complete=False)
            raise
        run.exit(tokens)
        self._took(item)
        return item

    async def __anext__(self) -> Any:
        return await self._step(self._inner.__anext__)

    async def asend(self, value: Any, /) -> Any:
        """Resume with a value."""
        if value is None:
            return await self._step(self._inner.__anext__)
        return await self._step(self._inner.asend, value)  # type: ignore[attr-defined]

    async def athrow(self, *error: Any) -> Any:
        """Resume with an exception."""
        return await self._step(self._inner.athrow, *error)  # type: ignore[attr-defined]

    async def aclose(self) -> None:
        """Stop; what was seen is settled as incomplete."""
        close = getattr(self._inner, "aclose", None)
        try:
            if close is not None:
                await close()
        finally:
            self._end(complete=False)


__all__ = [
    "GovernedAsyncIterator",
    "GovernedIterator",
    "Outcome",
    "Site",
    "acall",
    "aiterate",
    "begin_async",
    "call",
    "iterate",
]
