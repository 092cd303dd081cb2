"""The wrapper, written twice: around a call and around an iterator, each for synchronous and asynchronous code.

An instrumentation is a table of `Site`s; a patched method runs `call(site, wrapped, instance, args, kwargs)` or
`iterate(...)`. Both read the active governor on every call, so replacing it never patches again.
"""

from __future__ import annotations

import sys
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Generator, Iterator, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from genops.core import current
from genops.core.decisions import refusal
from genops.core.governor import Governor, Unfinished
from genops.core.operation import NOTHING, Facts, Operation
from genops.core.steps import (
    Describe,
    Observe,
    Run,
    Site,
    begin_async,
    begun,
    begun_async,
    described,
    failed,
    governing,
    grouped,
    observed,
    observed_item,
    off_loop,
    returned,
)

if TYPE_CHECKING:
    from genops.core.decisions import Decision


def call(
    site: Site, wrapped: Callable[..., Any], instance: Any, args: tuple[Any, ...], kwargs: Mapping[str, Any]
) -> Any:
    """Run a call as a governed operation: same result, same error.

    Raises:
        GovernanceError: The operation is refused, before the call.
    """
    governor = governing(site)
    if governor is None:
        return wrapped(*args, **kwargs)
    operation, verdict = described(governor, site, instance, args, kwargs)
    run = governor.begin(operation, verdict) if site.group is None else grouped(governor, site.group, operation)
    if run is None:
        return wrapped(*args, **kwargs)
    tokens = run.enter()
    try:
        result = wrapped(*args, **kwargs)
    except BaseException as error:
        run.exit(tokens)
        failed(governor, site, run, error)
        raise
    run.exit(tokens)
    returned(governor, site, run, result)
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
    governor = governing(site)
    if governor is None:
        return await wrapped(*args, **kwargs)
    run = await begun_async(governor, site, *described(governor, site, instance, args, kwargs))
    if run is None:
        return await wrapped(*args, **kwargs)
    tokens = run.enter()
    try:
        result = await wrapped(*args, **kwargs)
    except GeneratorExit as error:  # closed from outside: nothing may be awaited any more
        run.exit(tokens)
        failed(governor, site, run, error)
        raise
    except BaseException as error:
        run.exit(tokens)
        await off_loop(governor, failed, governor, site, run, error)
        raise
    run.exit(tokens)
    await off_loop(governor, returned, governor, site, run, result)
    return result


def iterate(
    site: Site, wrapped: Callable[..., Any], instance: Any, args: tuple[Any, ...], kwargs: Mapping[str, Any]
) -> Any:
    """Return a lazy list as a governed operation that begins at the first `next()`.

    Raises:
        GovernanceError: The policy refuses, at the call.
    """
    governor = governing(site)
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
    governor = governing(site)
    if governor is None:
        return wrapped(*args, **kwargs)
    prepared = _prepared(governor, site, instance, args, kwargs)
    return GovernedAsyncIterator(prepared, wrapped(*args, **kwargs))


class _Prepared(NamedTuple):
    governor: Governor
    site: Site
    operation: Operation
    verdict: Decision | None
    parent: object
    owner: current.Owner | None


def _prepared(
    governor: Governor, site: Site, instance: Any, args: tuple[Any, ...], kwargs: Mapping[str, Any]
) -> _Prepared:
    """Describe and ask the policy at the call, where a refusal is emitted and raised."""
    operation, verdict = described(governor, site, instance, args, kwargs)
    if verdict is None and site.group is None:
        operation, verdict = governor.foresee(operation)
    if verdict is not None and verdict.refuses and site.group is None:
        governor.begin(operation, verdict)
        raise refusal(verdict, operation.type)
    parent: object = None
    with governor.guard.at("tracer"):
        parent = governor.tracer.here()
    return _Prepared(governor, site, operation, verdict, parent, current.owner.get())


class _Steps(Unfinished):
    """What both iterators share: begin at the first step, end at the last one."""

    _begun = False
    _done = False
    # Refused at the first step: the wrapped iterator never runs, however often it is asked.
    _refused = False
    _items = 0
    _run: Run | None = None

    def __init__(self, prepared: _Prepared) -> None:
        self._prepared = prepared

    def _first(self, run: Run | None) -> None:
        self._run = run
        if run is not None:
            self._prepared.governor.unfinished.add(self)

    def _refuse(self) -> None:
        self._done = self._refused = True

    def _took(self, item: Any) -> None:
        self._items += 1
        observe, run = self._prepared.site.observe, self._run
        if observe is not None and run is not None:
            observed_item(self._prepared.governor, observe, run, item)

    def _seen(self, *, complete: bool) -> Facts | None:
        """Return what was seen, or `None` where it is certain that nothing was sent."""
        run = self._run
        sent = complete or self._items or (run is not None and run.attempts) or not self._prepared.site.counts_requests
        return Facts(rows=self._items, incomplete=not complete) if sent else None

    def _end(self, error: BaseException | None = None, *, complete: bool) -> None:
        if self._done:
            return
        self._done = True
        run, (governor, site, operation, *_) = self._run, self._prepared
        if run is None:
            return
        governor.unfinished.discard(self)
        if error is None:
            _Left(governor, run, self._seen(complete=complete)).expire()
            return
        facts = None if site.failed is None else observed(governor, site.failed, operation, error)
        with governor.guard.at("settle"):
            run.failed(error, (facts or NOTHING).merged(Facts(rows=self._items, incomplete=True)))

    def expire(self) -> None:
        """Settle what nobody will finish."""
        self._end(complete=False)

    def __del__(self) -> None:
        run = self._run
        if run is not None and not self._done and not sys.is_finalizing():
            governor = self._prepared.governor
            with governor.guard.at("collected iterator"):
                governor.pending.collect(_Left(governor, run, self._seen(complete=False)))


class _Left(Unfinished):
    """What is left to settle of an iterator. It does not hold the iterator, whose own end is the program's."""

    def __init__(self, governor: Governor, run: Run, seen: Facts | None) -> None:
        self._governor = governor
        self._run = run
        self._seen = seen

    def expire(self) -> None:
        """Settle with what was seen, or give back what was reserved for nothing."""
        with self._governor.guard.at("settle"):
            if self._seen is None:
                self._run.not_executed()
            else:
                self._run.returned(self._seen)


class GovernedIterator(_Steps, Generator[Any, Any, Any]):
    """A lazy list, or a generator of the user's, as one operation.

    Its span is current only while the wrapped iterator runs, never while the consumer works between two items.
    """

    def __init__(self, prepared: _Prepared, inner: Iterator[Any]) -> None:
        super().__init__(prepared)
        self._inner = inner

    def _begin(self) -> None:
        """Begin at the first step, inside what was around the call."""
        self._begun = True
        governor, site, operation, verdict, parent, owner = self._prepared
        token = current.owner.set(owner)
        try:
            self._first(begun(governor, site, operation, verdict, parent))
        except BaseException:
            self._refuse()
            raise
        finally:
            current.restore(token)

    def _step(self, step: Callable[..., Any], *values: Any) -> Any:
        if not self._begun:
            self._begin()
        run = self._run
        if run is None or self._done:
            if self._refused:
                raise StopIteration
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
        if value is None:
            return self._step(self._inner.__next__)
        return self._step(self._inner.send, value)  # type: ignore[attr-defined]

    def throw(self, *error: Any) -> Any:
        """Resume with an exception; before the first item it ends the iterator, and nothing has run."""
        self._begun = True
        return self._step(self._inner.throw, *error)  # type: ignore[attr-defined]

    def close(self) -> None:
        """Stop; what was seen is settled as incomplete."""
        self._begun = True
        close = getattr(self._inner, "close", None)
        run = self._run
        if close is None or run is None or self._done:
            self._end(complete=False)
            if close is not None:
                close()
            return
        tokens = run.enter()
        try:
            close()
        except BaseException as error:
            run.exit(tokens)
            self._end(error, complete=False)
            raise
        run.exit(tokens)
        self._end(complete=False)


class GovernedAsyncIterator(_Steps, AsyncGenerator[Any, Any]):
    """An asynchronous lazy list, or an asynchronous generator of the user's, as one operation."""

    def __init__(self, prepared: _Prepared, inner: AsyncIterator[Any]) -> None:
        super().__init__(prepared)
        self._inner = inner

    async def _begin(self) -> None:
        """Begin at the first step, inside what was around the call."""
        self._begun = True
        governor, site, operation, verdict, parent, owner = self._prepared
        token = current.owner.set(owner)
        try:
            self._first(await begun_async(governor, site, operation, verdict, parent))
        except BaseException:
            self._refuse()
            raise
        finally:
            current.restore(token)

    async def _step(self, step: Callable[..., Awaitable[Any]], *values: Any) -> Any:
        if not self._begun:
            await self._begin()
        run = self._run
        if run is None or self._done:
            if self._refused:
                raise StopAsyncIteration
            return await step(*values)
        tokens = run.enter()
        try:
            item = await step(*values)
        except StopAsyncIteration:
            run.exit(tokens)
            await self._end_off_loop(None, complete=True)
            raise
        except GeneratorExit as error:  # closed from outside: nothing may be awaited any more
            run.exit(tokens)
            self._end(error, complete=False)
            raise
        except BaseException as error:
            run.exit(tokens)
            await self._end_off_loop(error, complete=False)
            raise
        run.exit(tokens)
        self._took(item)
        return item

    async def _end_off_loop(self, error: BaseException | None, *, complete: bool) -> None:
        await off_loop(self._prepared.governor, lambda: self._end(error, complete=complete))

    async def __anext__(self) -> Any:
        return await self._step(self._inner.__anext__)

    async def asend(self, value: Any, /) -> Any:
        """Resume with a value."""
        if value is None:
            return await self._step(self._inner.__anext__)
        return await self._step(self._inner.asend, value)  # type: ignore[attr-defined]

    async def athrow(self, *error: Any) -> Any:
        """Resume with an exception; before the first item it ends the iterator, and nothing has run."""
        self._begun = True
        return await self._step(self._inner.athrow, *error)  # type: ignore[attr-defined]

    async def aclose(self) -> None:
        """Stop; what was seen is settled as incomplete."""
        self._begun = True
        close = getattr(self._inner, "aclose", None)
        run = self._run
        if close is None or run is None or self._done:
            await self._end_off_loop(None, complete=False)
            if close is not None:
                await close()
            return
        tokens = run.enter()
        try:
            await close()
        except BaseException as error:
            run.exit(tokens)
            self._end(error, complete=False)
            raise
        run.exit(tokens)
        await self._end_off_loop(None, complete=False)


__all__ = [
    "Describe",
    "GovernedAsyncIterator",
    "GovernedIterator",
    "Observe",
    "Site",
    "acall",
    "aiterate",
    "begin_async",
    "call",
    "iterate",
    "off_loop",
]
