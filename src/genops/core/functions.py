"""Run any kind of function inside a context manager: plain, coroutine, generator, asynchronous generator."""

from __future__ import annotations

import functools
import inspect
from collections.abc import AsyncGenerator, Callable, Generator
from contextlib import AbstractContextManager
from typing import Any, TypeVar, cast

Function = TypeVar("Function", bound=Callable[..., Any])
Block = Callable[[], AbstractContextManager[Any]]


def wrap_function(function: Function, block: Block) -> Function:
    """Return `function` with every step of it inside a new `block()`.

    Generators are inside the block only while they run, never while they wait for their consumer. The result is a
    function of the same kind and name, so it pickles by reference as the original did.
    """
    if inspect.isasyncgenfunction(function):
        return cast("Function", _async_steps(function, block))
    if inspect.isgeneratorfunction(function):

        @functools.wraps(function)
        def steps(*args: Any, **kwargs: Any) -> Generator[Any, Any, Any]:
            return (yield from SteppedGenerator(function(*args, **kwargs), block))

        return cast("Function", steps)
    if inspect.iscoroutinefunction(function):

        @functools.wraps(function)
        async def awaited(*args: Any, **kwargs: Any) -> Any:
            with block():
                return await function(*args, **kwargs)

        return cast("Function", awaited)

    @functools.wraps(function)
    def called(*args: Any, **kwargs: Any) -> Any:
        with block():
            return function(*args, **kwargs)

    return cast("Function", called)


def _async_steps(function: Callable[..., Any], block: Block) -> Callable[..., AsyncGenerator[Any, Any]]:
    @functools.wraps(function)
    async def steps(*args: Any, **kwargs: Any) -> AsyncGenerator[Any, Any]:
        inner = SteppedAsyncGenerator(function(*args, **kwargs), block)
        step = inner.asend(None)
        try:
            while True:
                item = await step
                try:
                    step = inner.asend((yield item))
                except GeneratorExit:
                    raise
                except BaseException as error:  # thrown in by the consumer: the function may handle it
                    step = inner.athrow(error)
        except StopAsyncIteration:
            return
        finally:
            await inner.aclose()

    return steps


class SteppedGenerator(Generator[Any, Any, Any]):
    """A generator whose every step runs inside a new block."""

    def __init__(self, inner: Generator[Any, Any, Any], block: Block) -> None:
        self._inner = inner
        self._block = block

    def send(self, value: Any, /) -> Any:
        """Resume the generator with a value."""
        with self._block():
            return self._inner.send(value)

    def throw(self, *error: Any) -> Any:
        """Resume the generator with an exception."""
        with self._block():
            return self._inner.throw(*error)

    def close(self) -> None:
        """Close the generator."""
        with self._block():
            self._inner.close()


class SteppedAsyncGenerator(AsyncGenerator[Any, Any]):
    """An asynchronous generator whose every step runs inside a new block."""

    def __init__(self, inner: AsyncGenerator[Any, Any], block: Block) -> None:
        self._inner = inner
        self._block = block

    async def asend(self, value: Any, /) -> Any:
        """Resume the generator with a value."""
        with self._block():
            return await self._inner.asend(value)

    async def athrow(self, *error: Any) -> Any:
        """Resume the generator with an exception."""
        with self._block():
            return await self._inner.athrow(*error)

    async def aclose(self) -> None:
        """Close the generator."""
        with self._block():
            await self._inner.aclose()
