"""The hooks of the Databricks SDK: every public method of every service, of any version, workspace and account.

Classes are patched, so clients that exist already are governed too. The SDK is never imported from here: the hooks
wait for its import. Three layers: a service's method is the operation; `_perform` sees each request that it takes;
`ApiClient.do` covers requests that the program makes itself.
"""

from __future__ import annotations

import inspect
import pkgutil
import re
import sys
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from types import FrameType, ModuleType
from typing import Any

import wrapt

from genops.core import current, shapes
from genops.core.operation import Facts
from genops.core.running import Running
from genops.instrumentation import databricks_tags
from genops.instrumentation.databricks_describe import LIBRARY, direct_site, site_of, waiter_site
from genops.instrumentation.databricks_workspaces import learn_workspace_id
from genops.instrumentation.patches import Around, Patches

RETRY_REASON = "databricks.retry.reason"
_PACKAGE = "databricks.sdk"
_ROOMS = (f"{_PACKAGE}.service", f"{_PACKAGE}.mixins")
_TRANSPORTS = ((f"{_PACKAGE}._base_client", "_BaseClient"), (f"{_PACKAGE}.core", "ApiClient"))
_THREADS = frozenset({"threading", "concurrent.futures.thread"})
_TRANSPARENT = ("wrapt.", "genops.")
_WRAPPER = ("wrapped", "instance", "args", "kwargs")
# What the SDK tries again by itself: throttling and unreachable servers.
_RETRIED = frozenset(
    [
        "ConnectionError",
        "ConnectTimeout",
        "ReadTimeout",
        "RequestLimitExceeded",
        "SSLError",
        "TemporarilyUnavailable",
        "Timeout",
        "TooManyRequests",
    ]
)
_REQUEST_ID = re.compile(r"[\w.\-:|]{1,128}")

_patches = Patches()
_awaited: set[str] = set()


def install() -> None:
    """Put the hooks in: now where the SDK is imported already, otherwise when it is imported. Twice is once."""
    with _patches.lock:
        _patches.active = True
        _await(_PACKAGE)
        if _PACKAGE in sys.modules:
            _patch_package(sys.modules[_PACKAGE])


def uninstall() -> None:
    """Restore every original; a later import is not patched. Where somebody wrapped over us, ours does nothing."""
    _patches.restore()


def installed() -> int:
    """Return the number of wrapped methods; 0 where nothing is installed or the SDK is not imported yet."""
    return len(_patches)


def _await(module: str) -> None:
    """Patch a module once it is imported, if the hooks are still in by then."""
    if module not in _awaited:
        _awaited.add(module)
        wrapt.register_post_import_hook(_patch_package if module == _PACKAGE else _patch_module, module)


def _patch_package(_: ModuleType) -> None:
    """Patch what is imported, and wait for the modules that are there but not imported yet."""
    with _patches.lock:
        if not _patches.active:
            return
        for name in _module_names():
            module = sys.modules.get(name)
            if module is None:
                _await(name)
            else:
                _patch_module(module)


def _module_names() -> Iterator[str]:
    for room in _ROOMS:
        package = sys.modules.get(room)
        for found in pkgutil.iter_modules(getattr(package, "__path__", ())):
            yield f"{room}.{found.name}"
    yield from (name for name, _ in _TRANSPORTS)


def _patch_module(module: ModuleType) -> None:
    with _patches.lock:
        if not _patches.active:
            return
        for name, value in list(vars(module).items()):
            if inspect.isclass(value) and value.__module__ == module.__name__:
                _patch_class(module.__name__, name, value)


def _patch_class(module: str, name: str, owner: type) -> None:
    if (module, name) in _TRANSPORTS:
        if "_perform" in vars(owner):
            _patches.wrap(owner, "_perform", _attempt)
        if name == "ApiClient":
            _patches.wrap(owner, "do", _direct)
    elif name.endswith(("API", "Ext")):
        for method, function in list(vars(owner).items()):
            if not method.startswith("_") and inspect.isfunction(function):
                original = inspect.unwrap(function)
                _patches.wrap(owner, method, _governed(site_of(name, method, original), original))
    elif name.endswith("Operation") and inspect.isfunction(vars(owner).get("wait")):
        site = waiter_site(module.rpartition(".")[2])
        _patches.wrap(owner, "wait", _governed(site, inspect.unwrap(vars(owner)["wait"])))


def _governed(site: shapes.Site, original: Callable[..., Any]) -> Around:
    shape: Around = partial(shapes.iterate if inspect.isgeneratorfunction(original) else shapes.call, site)
    tag = original.__globals__.get("QueryTag") if _takes_tags(original) else None

    def around(wrapped: Callable[..., Any], instance: Any, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Any:
        governor = current.slot.governor
        if governor is None or governor.off or not _patches.active or (current.owner.get() is None and _lost()):
            return wrapped(*args, **kwargs)
        if tag is not None and governor.settings.inject:
            wrapped = partial(_tagged, wrapped, tag)
        return shape(wrapped, instance, args, kwargs)

    return around


def _takes_tags(original: Callable[..., Any]) -> bool:
    found = inspect.signature(original).parameters.get(databricks_tags.PARAMETER)
    return found is not None and found.kind is inspect.Parameter.KEYWORD_ONLY


def _tagged(wrapped: Callable[..., Any], tag: type, *args: Any, **kwargs: Any) -> Any:
    """Run a statement with the attribution of the operation that it is among its tags."""
    running, tagged = current.running(LIBRARY), kwargs
    who = databricks_tags.payer(LIBRARY)
    if who is not None and isinstance(running, Running):
        with running.governor.guard.at("tags"):
            tagged = databricks_tags.tagged_list(kwargs, who, tag)
    return wrapped(*args, **tagged)


def _lost() -> bool:
    """Return whether the SDK itself makes this call from a thread of its own, where the context is lost.

    Such a call is part of an operation that was governed where the program called the SDK.
    """
    frame: FrameType | None = sys._getframe(2)  # noqa: SLF001  # pyright: ignore[reportPrivateUsage]  (the quick way to the caller)
    while frame is not None and _is_wrapper(frame):
        frame = frame.f_back
    if frame is None or not _inside_sdk(frame):
        return False
    while frame is not None and (_inside_sdk(frame) or _is_wrapper(frame)):
        frame = frame.f_back
    return frame is None or frame.f_globals.get("__name__") in _THREADS


def _inside_sdk(frame: FrameType) -> bool:
    return frame.f_globals.get("__name__", "").startswith(_PACKAGE)


def _is_wrapper(frame: FrameType) -> bool:
    """Return whether a frame is a wrapt wrapper, ours or another layer's, or wrapt's own where it has no C code."""
    return frame.f_code.co_varnames[:4] == _WRAPPER or frame.f_globals.get("__name__", "").startswith(_TRANSPARENT)


def _direct(wrapped: Callable[..., Any], instance: Any, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Any:
    """Govern a request that the program makes through the client itself."""
    if not _patches.active or current.running(LIBRARY) is not None or _lost():
        return wrapped(*args, **kwargs)
    method = args[0] if args else kwargs.get("method")
    path = args[1] if len(args) > 1 else kwargs.get("path")
    return shapes.call(direct_site(str(method), path), wrapped, instance, args, kwargs)


def _attempt(wrapped: Callable[..., Any], _: Any, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Any:
    """Count one request of the running operation, and read its response's headers."""
    running = current.running(LIBRARY) if _patches.active else None
    if not isinstance(running, Running):
        return wrapped(*args, **kwargs)
    running.attempted()
    try:
        response = wrapped(*args, **kwargs)
    except Exception as error:
        with running.governor.guard.at("attempt"):
            _refused(running, error)
        raise
    with running.governor.guard.at("attempt"):
        _answered(running, response)
    return response


def _refused(running: Running, error: Exception) -> None:
    name = type(error).__name__
    if name in _RETRIED or getattr(error, "retry_after_secs", None) is not None:
        running.saw(Facts(attributes={RETRY_REASON: name}))


def _answered(running: Running, response: Any) -> None:
    headers = getattr(response, "headers", None)
    if headers is None:
        return
    request = headers.get("x-request-id")
    if request is not None and _REQUEST_ID.fullmatch(request):
        running.saw(Facts(request_id=request))
    workspace = headers.get("x-databricks-org-id")
    if workspace is not None and running.operation.host is not None:
        learn_workspace_id(running.governor.inventory, running.operation.host, workspace)


__all__ = ["LIBRARY", "install", "installed", "uninstall"]
