"""Values for any method of the Databricks SDK, made from the types of its parameters and of its result."""

from __future__ import annotations

import collections.abc
import dataclasses
import functools
import inspect
import io
import re
import sys
import types
import typing
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta, timezone
from enum import Enum
from typing import Any

MAX_DEPTH = 3
_PAGING = re.compile(r"next_?page_?(token|link)?|prev_?page_?token|has_?(more|next_?page)|nextPageToken", re.IGNORECASE)


class Values:
    """Makes values of types.

    Args:
        text: Makes a string for a place such as `table.name`.
    """

    def __init__(self, text: Callable[[str], str] = lambda place: f"a-{place.rpartition('.')[2]}") -> None:
        self._text = text

    def of(self, kind: Any, place: str = "", depth: int = 0) -> Any:
        """Return a value of a type, `None` where it nests too deep."""
        origin, parts = typing.get_origin(kind), typing.get_args(kind)
        if origin in {typing.Union, types.UnionType}:
            return self.of(next(part for part in parts if part is not type(None)), place, depth)
        if origin in {list, collections.abc.Sequence, collections.abc.Iterable, tuple}:
            item = self.of(parts[0] if parts else str, f"{place}[]", depth)
            return [] if item is None else [item]
        if origin is dict:
            return {"a_key": self.of(parts[1], f"{place}.value", depth)}
        if origin is not None or not isinstance(kind, type):
            return {"a_key": self._text(place)} if kind is typing.Any else None
        return self._plain(kind, place, depth)

    def _plain(self, kind: type, place: str, depth: int) -> Any:
        if issubclass(kind, Enum):
            return next(iter(kind))
        if dataclasses.is_dataclass(kind):
            return self._dataclass(kind, place, depth)
        made: dict[type, Callable[[], Any]] = {
            str: lambda: self._text(place),
            bool: lambda: True,
            int: lambda: 7,
            float: lambda: 1.5,
            dict: lambda: {"a_key": self._text(place)},
            list: list,
            bytes: lambda: b"bytes",
            timedelta: lambda: timedelta(seconds=0.05),
            datetime: lambda: datetime(2026, 1, 1, tzinfo=timezone.utc),
            typing.BinaryIO: lambda: io.BytesIO(b"some bytes"),
        }
        if kind in made:
            return made[kind]()
        return _WELL_KNOWN[kind.__name__](kind) if kind.__name__ in _WELL_KNOWN else None

    def _dataclass(self, kind: type, place: str, depth: int) -> Any:
        if depth >= MAX_DEPTH:
            return None
        hints = hints_of(kind)
        given = {
            field.name: self.of(hints[field.name], f"{place}.{field.name}" if place else field.name, depth + 1)
            for field in dataclasses.fields(kind)
            if not _PAGING.fullmatch(field.name)
        }
        try:
            return kind(**given)
        except TypeError:
            return None


def _timestamp(kind: Any) -> Any:
    return kind(seconds=1_700_000_000)


_WELL_KNOWN: dict[str, Callable[[Any], Any]] = {
    "Timestamp": _timestamp,
    "Duration": lambda kind: kind(seconds=1),
    "FieldMask": lambda kind: kind(["name"]),
    "LroOptions": lambda kind: kind(timeout=timedelta(seconds=0.05)),
}


@functools.cache
def source_of(function: Any) -> str:
    """Return the source of a function; finding it takes long."""
    return inspect.getsource(function)


@functools.cache
def hints_of(thing: Any) -> dict[str, Any]:
    """Return the types of a function's parameters and result, or of a class's fields; empty where they are unknown."""
    try:
        return typing.get_type_hints(thing)
    except (NameError, TypeError, AttributeError):
        return {}


def arguments(function: Any, values: Values) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """Return arguments for every parameter of a method but `self`; the positional ones by position."""
    hints = hints_of(function)
    args, kwargs = [], {}
    for name, parameter in list(inspect.signature(function).parameters.items())[1:]:
        if parameter.kind in {inspect.Parameter.VAR_KEYWORD, inspect.Parameter.VAR_POSITIONAL}:
            continue
        if name == "timeout":
            kwargs[name] = timedelta(seconds=0.05)
        elif name not in {"callback", "page_token", "max_results", "opts"}:
            value = values.of(hints.get(name, str), name)
            if parameter.kind is inspect.Parameter.KEYWORD_ONLY or kwargs:
                kwargs[name] = value
            else:
                args.append(value)
    return tuple(args), kwargs


def response_of(function: Any, values: Values) -> Any:
    """Return a response, as JSON, that the method can read: from its result's type and from its source."""
    source, module = source_of(function), sys.modules[function.__module__]
    body: dict[str, Any] = {}
    for name in re.findall(r"(\w+)\.from_dict\(", source):
        kind = getattr(module, name, None)
        if kind is not None:
            _fill(body, values.of(kind, ""))
    listed = re.search(r'in json\["(\w+)"\]:.*?yield (\w+)\.from_dict', source, re.DOTALL)
    if listed:
        item = values.of(getattr(module, listed.group(2)), "")
        body = {listed.group(1): [] if item is None else [item.as_dict()]}
    if "done" in body:
        body.pop("error", None)
    for name in re.findall(r"Wait\(\s*self\.(wait_\w+)", source):
        body.setdefault("_waiter", name)
    return body


def polled(waiter: Any, values: Values) -> Any:
    """Return what a waiter wants to see, as JSON: its result in the state that it waits for."""
    source, module = source_of(waiter), sys.modules[waiter.__module__]
    result = values.of(hints_of(waiter).get("return"), "")
    target = re.search(r"target_states = \(\s*(\w+)\.(\w+)", source)
    status = re.search(r"status = poll\.([\w.]+)", source)
    if result is None or target is None or status is None:
        return {} if result is None else result.as_dict()
    state = getattr(getattr(module, target.group(1)), target.group(2))
    place = result
    *path, last = status.group(1).split(".")
    for name in path:
        place = getattr(place, name)
    setattr(place, last, state)
    return result.as_dict()


def _fill(body: dict[str, Any], value: Any) -> None:
    if value is not None:
        body.update({name: each for name, each in value.as_dict().items() if not _PAGING.fullmatch(name)})


def public_methods(module: types.ModuleType) -> Iterator[tuple[type, str, Any]]:
    """Yield (class, name, function) of every public method that the services of a module define themselves."""
    for name, value in sorted(vars(module).items()):
        if inspect.isclass(value) and value.__module__ == module.__name__ and name.endswith(("API", "Ext")):
            for method, function in sorted(vars(value).items()):
                if not method.startswith("_") and inspect.isfunction(function):
                    yield value, method, function
