"""Calls of any method of the Databricks SDK against a stub, told so that two runs can be compared."""

from __future__ import annotations

import contextlib
import functools
import importlib
import inspect
import itertools
import logging
import pkgutil
import sys
import time
import traceback
import types
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import TYPE_CHECKING, Any, NamedTuple

from support.arguments import Values, arguments, polled, public_methods, response_of, source_of

if TYPE_CHECKING:
    import pytest

    from support.stub import Answer, Request, Stub

# These speak gRPC to a host of their own, never HTTP to the workspace.
OTHER_PROTOCOL = frozenset({"SandboxExt.connect_command", "SandboxExt.execute_command"})
# Methods that look at a state in a way of their own.
_FIXED: dict[str, Any] = {"ClustersExt.ensure_cluster_is_running": {"cluster_id": "a-cluster_id", "state": "RUNNING"}}
_SLEEPY = ("databricks.sdk.service.", "databricks.sdk.mixins.")


class Method(NamedTuple):
    """A public method of a service, as the class itself defines it."""

    owner: type
    name: str
    function: Any

    def __str__(self) -> str:
        return f"{self.owner.__name__}.{self.name}"


class Seen(NamedTuple):
    """What a call showed: its requests, and its result or its error."""

    requests: tuple[Request, ...]
    result: Any
    error: Any


def service_modules() -> list[types.ModuleType]:
    """Import and return every module of the SDK that defines services."""
    import databricks.sdk.mixins
    import databricks.sdk.service

    found = []
    for package in (databricks.sdk.service, databricks.sdk.mixins):
        for module in pkgutil.iter_modules(package.__path__):
            with contextlib.suppress(ImportError):
                found.append(importlib.import_module(f"{package.__name__}.{module.name}"))
    return found


def methods() -> list[Method]:
    """Return every public method of every service, with its original function."""
    return [
        Method(owner, name, inspect.unwrap(function))
        for module in service_modules()
        for owner, name, function in public_methods(module)
    ]


def clients(url: str, **config: Any) -> tuple[Any, Any]:
    """Return a workspace and an account client of the stub."""
    from databricks.sdk import AccountClient, WorkspaceClient
    from databricks.sdk.core import Config

    logging.getLogger("databricks.sdk").setLevel(logging.CRITICAL)
    settings = {"host": url, "token": "t", "auth_type": "pat", "retry_timeout_seconds": 3, **config}
    return WorkspaceClient(config=Config(**settings)), AccountClient(config=Config(**settings, account_id="acc-1"))


def services(*roots: Any) -> dict[type, Any]:
    """Return the services of clients by class, base classes and services of services included."""
    found: dict[type, Any] = {}
    waiting = list(roots)
    while waiting:
        for value in _attributes(waiting.pop()):
            kind = type(value)
            if kind.__name__.endswith(("API", "Ext")) and kind not in found:
                for owner in kind.__mro__[:-1]:
                    found.setdefault(owner, value)
                waiting.append(value)
    return found


def _attributes(thing: Any) -> Iterator[Any]:
    for name in dir(type(thing)):
        if isinstance(getattr(type(thing), name, None), property) and name not in {"dbutils", "config", "api_client"}:
            yield getattr(thing, name)
    yield from vars(thing).values()


def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the SDK wait for nothing: neither between attempts nor between two looks at a state."""
    awake = types.SimpleNamespace(time=time.time, sleep=lambda _: None, monotonic=time.monotonic)
    for name, module in list(sys.modules.items()):
        if name.startswith(_SLEEPY) and inspect.ismodule(getattr(module, "time", None)):
            monkeypatch.setattr(module, "time", awake)
    from databricks.sdk.clock import RealClock

    monkeypatch.setattr(RealClock, "sleep", lambda *_: None)


def answers(method: Method, values: Values) -> Callable[[int], Any]:
    """Return what the platform answers to the n-th request of a call, as JSON."""
    if str(method) in _FIXED:
        return lambda _: _FIXED[str(method)]
    function, waiter, body = method.function, method.function, {}
    for each in _bases(method):
        source = source_of(each)
        body = response_of(each, values) or body
        if "from_dict" in source:
            function = each
            break
    name = body.pop("_waiter", None)
    if name is not None:
        waiter = inspect.unwrap(getattr(method.owner, name))
    waited = polled(waiter, values) if name is not None or method.name.startswith("wait_") else None
    if method.name.startswith("wait_"):
        return lambda _: waited
    if waited is not None:
        return lambda number: waited if number else body
    if inspect.isgeneratorfunction(function):
        return lambda number: {} if number else body
    return lambda _: body


def _bases(method: Method) -> Iterator[Any]:
    """Yield the method, and what it is made of: the one it extends, the one it waits for."""
    yield method.function
    for owner in method.owner.__mro__:
        for name in (method.name, method.name.removesuffix("_and_wait")):
            if name in vars(owner):
                yield inspect.unwrap(vars(owner)[name])


def run(stub: Stub, instance: Any, method: Method, values: Values, answer: Callable[[int], Answer]) -> Seen:
    """Call a method with arguments made for it, and take everything that it returns to the end."""
    numbers = itertools.count()
    stub.answer = lambda _: answer(next(numbers))
    stub.taken()
    args, kwargs = arguments(method.function, values)
    called = getattr(instance, method.name)
    if not _defines(type(instance), method):
        called = functools.partial(getattr(method.owner, method.name), instance)
    result, error = None, None
    try:
        result = told(called(*args, **kwargs))
    except RecursionError as raised:  # of the SDK's own; where exactly it strikes depends on the depth of the caller
        error = (type(raised), "", [])
    except Exception as raised:
        error = (type(raised), _unaddressed(repr(raised.args)), tail(raised))
    return Seen(_once(stub.taken()), result, error)


def _defines(kind: type, method: Method) -> bool:
    return next(owner for owner in kind.__mro__ if method.name in vars(owner)) is method.owner


def _once(requests: list[Request]) -> tuple[Request, ...]:
    """Return requests, a look at a state that repeats itself once: how often depends on the time."""
    return tuple(r for n, r in enumerate(requests) if n == 0 or r != requests[n - 1])


def _unaddressed(text: str) -> str:
    return text.partition(" object at 0x")[0]


def tail(error: BaseException) -> list[tuple[str, int | None, str]]:
    """Return the last frames of a traceback that lie in the SDK."""
    frames = [f for f in traceback.extract_tb(error.__traceback__) if "databricks/sdk/" in f.filename]
    return [(f.filename, f.lineno, f.name) for f in frames[-3:]]


def told(value: Any) -> Any:
    """Return a result as something that can be compared: iterators read to their end, waiters waited for."""
    name = type(value).__name__
    if name == "Wait":
        return ("wait", told(value.response), told(value.result(timeout=timedelta(seconds=0.05))))
    if name.endswith("Operation") and hasattr(value, "wait"):
        return ("operation", name, told(value.wait()))
    if hasattr(value, "read"):
        with value as stream:
            return ("bytes", stream.read() if stream.readable() else name)
    if hasattr(value, "as_dict"):
        return (name, told(value.as_dict()))
    return {key: told(each) for key, each in value.items()} if isinstance(value, dict) else _plain(value, name)


def _plain(value: Any, name: str) -> Any:
    if isinstance(value, (list, tuple)) or hasattr(value, "__next__"):
        return [told(each) for each in value]
    return value if isinstance(value, (str, int, float, bool, type(None))) else name
