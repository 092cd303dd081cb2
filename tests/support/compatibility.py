"""Every method of a real `WorkspaceClient` against a local workspace: what works, what is refused, and the proof."""

from __future__ import annotations

import functools
import inspect
import itertools
import json
import types
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import MISSING, dataclass, field, fields
from datetime import timedelta
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Any

from support.arguments import Values, hints_of
from support.compatibility_world import APART, SHOWS, UNCHANGING

if TYPE_CHECKING:
    from databricks.sdk import WorkspaceClient

    from genops.testing.workspace import LocalWorkspace
    from support.compatibility_world import Known

WORKS, REFUSED, ABSENT = "works", "refused", "absent"

# The order within a service: what makes an object comes before what needs it, and what ends it comes last.
_ORDER = ("create", "put", "set", "upload", "add", "import", "mkdirs", "publish", "submit", "run", "execute", "start")
_LATE = ("stop", "cancel", "trash", "unpublish", "delete", "remove", "permanent", "destroy")
_READS = ("get", "list", "read", "exists", "search", "wait", "summary", "current", "download", "select", "events", "me")
# Attributes of clients that are no services.
_OTHERS = ("dbutils", "config", "api_client")
# What a caller must not wait for: a state that does not come would never end the call.
_TIMEOUT = timedelta(seconds=20)
_PLAIN = (str, int, float, bytes, type(None), Enum)


@dataclass(frozen=True)
class Method:
    """A public method of a service, as a program reaches it: `w.<service>.<name>`."""

    service: str
    name: str
    owner: Any = field(repr=False, compare=False)

    def __str__(self) -> str:
        return f"{self.service}.{self.name}"


@dataclass(frozen=True)
class Outcome:
    """What one call came to.

    Attributes:
        method: The call, as `catalogs.list`.
        verdict: `works`, `refused` (NOT_IMPLEMENTED), `absent` (a typed error: the arguments name nothing that
            exists), or what went wrong.
        detail: The code of an error, or what was wrong.
        changes: Whether the call sent anything but reads.
    """

    method: str
    verdict: str
    detail: str = ""
    changes: bool = False


class Least(Values):
    """Makes the least that a method or a dataclass asks for: no optional field."""

    def _dataclass(self, kind: type, place: str, depth: int) -> Any:
        hints = hints_of(kind)
        needed = [f for f in fields(kind) if f.default is MISSING and f.default_factory is MISSING]
        return kind(**{f.name: self.of(hints[f.name], f"{place}.{f.name}", depth + 1) for f in needed})


def methods(w: WorkspaceClient) -> list[Method]:
    """Every public method of every service of a client, each service in the order in which its calls make sense."""
    found: list[Method] = []
    for path, service in sorted(_services(w, "")):
        names = [name for name in dir(type(service)) if not name.startswith("_")]
        called = [name for name in names if inspect.isfunction(inspect.getattr_static(type(service), name))]
        found += [Method(path, name, service) for name in sorted(called, key=_rank)]
    return found


def _rank(name: str) -> tuple[int, str]:
    first = name.partition("_")[0]
    if first in _ORDER:
        return _ORDER.index(first), name
    return (50 + _LATE.index(first) if first in _LATE else 20), name


def _services(owner: Any, path: str) -> Iterator[tuple[str, Any]]:
    named = [name for name in dir(type(owner)) if isinstance(getattr(type(owner), name, None), property)]
    for name in [*named, *vars(owner)]:
        if name.startswith("_") or name in _OTHERS:
            continue
        value = getattr(owner, name)
        if type(value).__name__.endswith(("API", "Ext")):
            yield path + name, value
            yield from _services(value, f"{path}{name}.")


def arguments(method: Method, given: dict[str, Any]) -> dict[str, Any]:
    """The least arguments of a method, with those that are given in their place."""
    function = getattr(method.owner, method.name)
    hints, values = hints_of(inspect.unwrap(function.__func__)), Least()
    made: dict[str, Any] = {}
    for name, parameter in inspect.signature(function).parameters.items():
        if name in given:
            made[name] = given[name]
        elif name == "timeout" and "timedelta" in str(parameter.annotation):
            made[name] = _TIMEOUT
        elif parameter.default is parameter.empty and parameter.kind not in (
            parameter.VAR_KEYWORD,
            parameter.VAR_POSITIONAL,
        ):
            made[name] = values.of(hints.get(name, str), name)
    return made


class Prober:
    """Calls methods and judges what comes of them.

    Args:
        ws: The workspace.
        w: A client of it.
        known: Gives arguments, and learns from answers.

    Attributes:
        methods: What is called, in order.
    """

    def __init__(self, ws: LocalWorkspace, w: WorkspaceClient, known: Known) -> None:
        self._ws = ws
        self._known = known
        self._last: list[Any] | None = None
        self.methods = [method for method in methods(w) if str(method) not in APART]

    def outcomes(self) -> list[Outcome]:
        """Call everything, service by service; calls of services that are not served must leave no trace."""
        found: list[Outcome] = []
        for served, group in itertools.groupby(self.methods, lambda method: self._known.serves(method.service)):
            methods = list(group)
            found += [self.outcome(method) for method in methods] if served else self._refused(methods)
        return found

    def _refused(self, group: list[Method]) -> list[Outcome]:
        """Call methods that leave no trace, while nothing else changes either: no run is under way, no time passes."""
        self._known.quiet("jobs")
        with self._ws.clock._stepping:
            before = state_of(self._ws)
            answers = [self.outcome(method) for method in group]
            if state_of(self._ws) == before:
                return answers
        return [*answers, Outcome(f"{group[0]} to {group[-1]}", "unproven", "left a trace")]

    def outcome(self, method: Method) -> Outcome:
        """Call one method and judge it."""
        from databricks.sdk import errors

        made = self._known.made
        given = self._known.arguments(str(method))
        reads = method.name.partition("_")[0] in _READS
        if reads or self._known.made != made:
            self._last = None
        before = None if given is None or reads else self._last or state_of(self._ws)
        self._ws.clear_requests()
        passed = arguments(method, self._known.elsewhere(str(method)) if given is None else given)
        try:
            result = drained(getattr(method.owner, method.name)(**passed))
        except errors.NotImplemented:
            kept = before is None or state_of(self._ws) == before
            self._last = before
            return Outcome(
                str(method), REFUSED if kept else "unproven", "" if kept else "it was refused after a change"
            )
        except errors.DatabricksError as error:
            self._last = None
            return Outcome(str(method), ABSENT if isinstance(error, _typed()) else "failed", _told(error))
        except Exception as error:
            self._last = None
            return Outcome(str(method), "crashed", _told(error))
        sent = [request.method for request in self._ws.requests]
        self._known.learn(method, result)
        changes = any(verb not in ("GET", "HEAD") for verb in sent)
        if given is None:
            return Outcome(str(method), "unproven", "it succeeded, and nothing says what it is to show", changes)
        return Outcome(str(method), *self._judged(str(method), passed, result, before, changes=changes), changes)

    def _judged(
        self, method: str, given: dict[str, Any], result: Any, before: list[Any] | None, *, changes: bool
    ) -> tuple[str, str]:
        self._last = state_of(self._ws) if changes else None
        if changes and method not in UNCHANGING and before in (None, self._last):
            return "unproven", "it changed nothing"
        if not changes and method.rpartition(".")[2].startswith("get") and not _about(method, given, result):
            return "unproven", f"the answer does not name what was asked for: {result!r}"
        return WORKS, ""


def _typed() -> tuple[type[Exception], ...]:
    from databricks.sdk import errors

    return errors.BadRequest, errors.NotFound, errors.ResourceConflict, errors.PermissionDenied


def _told(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"


def _about(method: str, given: dict[str, Any], result: Any) -> bool:
    """Whether an answer names one of the things that it was asked for."""
    text = json.dumps(result, default=str).lower()
    if method in SHOWS:
        return SHOWS[method].lower() in text
    asked = [str(value).lower() for value in given.values() if isinstance(value, (str, int))]
    return not asked or any(value.rpartition(".")[2] in text for value in asked)


def drained(result: Any) -> Any:
    """A result read to its end, as plain data: lists taken, states waited for, streams read."""
    if isinstance(result, _PLAIN):
        return result
    if isinstance(result, dict):
        return {key: drained(value) for key, value in result.items()}
    if type(result).__name__ == "Wait":  # which answers every unknown attribute with a KeyError
        return {**(drained(result.response) or {}), "waited": drained(result.result(timeout=_TIMEOUT))}
    return _read(result)


def _read(result: Any) -> Any:
    """What is no plain data: a dataclass, a stream, a list that the SDK fetches in pages, or another object."""
    if hasattr(result, "as_dict"):
        return result.as_dict()
    if hasattr(result, "read"):
        with result as stream:
            return {"bytes": len(stream.read()) if stream.readable() else 0}
    if isinstance(result, (list, tuple)) or hasattr(result, "__next__"):
        return [drained(item) for item in result]
    return {key: drained(value) for key, value in vars(result).items() if not key.startswith("_")}


# State

_UNSEEN = frozenset(
    {"WorkspaceServer", "Journal", "Clock", "Faults", "Session", "Platform", "VirtualTables", "Planning", "Router"}
)
_STAMPS = frozenset({"updated_at", "updated_by", "update_time"})


def state_of(ws: LocalWorkspace) -> list[Any]:
    """Everything that a workspace holds, in a stable order: its services' objects, the rows of its tables, its files.

    What only tells that something was asked (requests, the journal, stamps of changes) is left out.
    """
    seen: set[int] = set()
    found: list[Any] = [_rows(ws), _files(ws)]
    waiting: list[Any] = [*_services_of(ws), ws]
    while waiting:
        thing = waiting.pop()
        if isinstance(thing, _PLAIN):
            found.append(thing)
        elif id(thing) not in seen and type(thing).__name__ not in _UNSEEN:
            seen.add(id(thing))
            found.append(type(thing).__name__)
            waiting.extend(_parts(thing))
    return found


def _parts(thing: Any) -> list[Any]:
    if isinstance(thing, dict):
        return [part for key, value in list(thing.items()) if key not in _STAMPS for part in (str(key), value)]
    if isinstance(thing, (list, tuple, deque)):
        return list(thing)
    if isinstance(thing, (set, frozenset)):
        return sorted(map(repr, thing))
    return _attributes(thing) if type(thing).__module__.startswith("genops.testing.workspace") else []


def _attributes(thing: Any) -> list[Any]:
    slots = [name for kind in type(thing).__mro__ for name in getattr(kind, "__slots__", ())]
    return [getattr(thing, "__dict__", {}), *(getattr(thing, name, None) for name in slots)]


@functools.lru_cache(maxsize=1)
def _services_of(ws: LocalWorkspace) -> list[Any]:
    """The objects behind the routes: the owners of methods, and what functions have closed over."""
    found: dict[int, Any] = {}
    seen: set[int] = set()
    waiting: list[Any] = [handler for held in ws._router._routes.values() for route in held for handler in route]
    while waiting:
        thing = waiting.pop()
        if id(thing) in seen:
            continue
        seen.add(id(thing))
        if isinstance(thing, (types.MethodType, types.FunctionType)):
            waiting += [getattr(thing, "__self__", None), *map(_cell, getattr(thing, "__closure__", None) or ())]
        elif type(thing).__module__.startswith("genops.testing.workspace"):
            found[id(thing)] = thing
    return list(found.values())


def _cell(cell: Any) -> Any:
    try:
        return cell.cell_contents
    except ValueError:
        return None


def _rows(ws: LocalWorkspace) -> list[str]:
    database = ws._database
    with database.session() as cursor:
        found = cursor.execute("SELECT database_name, schema_name, table_name, estimated_size FROM duckdb_tables()")
        return sorted(repr(row) for row in found.fetchall())


def _files(ws: LocalWorkspace) -> list[str]:
    root = Path(ws._directory.name)
    kept = [path for path in sorted(root.rglob("*")) if "spool" not in path.parts]
    return [f"{path} {path.stat().st_size if path.is_file() else ''}" for path in kept]


@contextmanager
def quickly() -> Iterator[None]:
    """Let the SDK wait for nothing between two looks at a state."""
    import pytest

    from support.calls import quick, service_modules

    service_modules()
    patch = pytest.MonkeyPatch()
    quick(patch)
    try:
        yield
    finally:
        patch.undo()
