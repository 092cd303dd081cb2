"""Datasets and resources that a call of the Databricks SDK names, found by the table of identifiers.

The expressions of the table are compiled once, when a method is wrapped, against its signature; a call then costs one
look-up by position or keyword for each identifier. A value that cannot be an identifier stays where it is.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Mapping
from enum import Enum
from functools import lru_cache
from typing import Any, NamedTuple

from genops.core.names import split_name
from genops.core.operation import Action, DatasetRef
from genops.errors import InvalidArgument
from genops.instrumentation.databricks_identifiers import identifiers_of

ARITY = {"catalog": 1, "schema": 2, "table": 3, "volume": 3, "function": 3, "model": 3}
_LEVELS = ("catalog", "schema")
_KINDS = {
    **{kind: kind for kind in ARITY},
    **{f"{kind}s": kind for kind in ARITY},
    "registered_model": "model",
    "registered_models": "model",
    "columns": "column",
}
_NOT_POSITIONAL = 1 << 30
# What Unity Catalog itself accepts in a name: no space, no slash, no control character, at most 255 characters.
_NAME = re.compile(r"[^\s/\x00-\x1f\x7f]{1,255}")
_ID = re.compile(r"[\w.\-]{1,256}")
_VOLUME = re.compile(r"(?:dbfs:)?/Volumes/([^/]+)/([^/]+)/([^/]+)(?:/|$)")
_CATALOG = re.compile(r"catalogs/([^/]+)(?:/|$)")
_LONGEST_NAME = 1_024

Args = tuple[Any, ...]
Kwargs = Mapping[str, Any]


class Named(NamedTuple):
    """What a call names.

    Attributes:
        reads: Datasets.
        writes: Datasets.
        resource_type: Type of the resource; `None` where the call names none.
        resource_id: Which one.
    """

    reads: tuple[DatasetRef, ...] = ()
    writes: tuple[DatasetRef, ...] = ()
    resource_type: str | None = None
    resource_id: str | None = None


Extract = Callable[[Args, Kwargs, "str | None"], Named]
_Dataset = Callable[[Args, Kwargs, "str | None"], "DatasetRef | None"]


def extractor(service: str, method: str, function: Callable[..., Any], action: Action) -> Extract | None:
    """Compile what a method names; `None` where it names nothing that may leave.

    Args:
        service: Name of the service without the suffix of its class.
        method: Name of the method.
        function: The method itself, for its signature.
        action: Class of the operation: what it names is read or written by it.
    """
    identifiers = identifiers_of(service, method)
    if not identifiers:
        return None
    signature = inspect.signature(function)
    position = {name: index - 1 for index, (name, p) in enumerate(signature.parameters.items()) if _positional(p)}
    reads: list[_Dataset] = []
    writes: list[_Dataset] = []
    resource: tuple[str, _Parameter] | None = None
    for identifier in identifiers:
        expression, _, kind = identifier.partition(":")
        if not all(part.partition(".")[0] in signature.parameters for part in expression.split("+")):
            continue
        parameters = [_Parameter(part, position) for part in expression.split("+")]
        bare = kind.rstrip("<>")
        dataset = _dataset(parameters, bare, position)
        if dataset is None:
            resource = resource or (bare, parameters[0])
        elif kind.endswith("<") or (action in {Action.READ, Action.QUERY} and not kind.endswith(">")):
            reads.append(dataset)
        else:
            writes.append(dataset)
    return _compiled(tuple(reads), tuple(writes), resource)


def _positional(parameter: inspect.Parameter) -> bool:
    return parameter.kind in {inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD}


def _compiled(
    reads: tuple[_Dataset, ...], writes: tuple[_Dataset, ...], resource: tuple[str, _Parameter] | None
) -> Extract | None:
    if resource is not None and not reads and not writes:
        return _resource_only(*resource)
    if len(reads) + len(writes) == 1 and resource is None:
        return _one_dataset(*reads, *writes, read=bool(reads))
    if not reads and not writes:
        return None

    def extract(args: Args, kwargs: Kwargs, host: str | None) -> Named:
        kind, identifier = (None, None) if resource is None else (resource[0], identifier_of(resource[1](args, kwargs)))
        return Named(_found(reads, args, kwargs, host), _found(writes, args, kwargs, host), kind, identifier)

    return extract


def _found(finders: tuple[_Dataset, ...], args: Args, kwargs: Kwargs, host: str | None) -> tuple[DatasetRef, ...]:
    refs = (find(args, kwargs, host) for find in finders)
    return tuple(ref for ref in refs if ref is not None)


def _resource_only(kind: str, parameter: _Parameter) -> Extract:
    def extract(args: Args, kwargs: Kwargs, _: str | None) -> Named:
        return Named((), (), kind, identifier_of(parameter(args, kwargs)))

    return extract


def _one_dataset(find: _Dataset, *, read: bool) -> Extract:
    def extract(args: Args, kwargs: Kwargs, host: str | None) -> Named:
        ref = find(args, kwargs, host)
        if ref is None:
            return Named()
        return Named((ref,)) if read else Named((), (ref,))

    return extract


class _Parameter:
    """Reads a parameter of a call, or an attribute of the dataclass that it is."""

    __slots__ = ("_name", "_path", "_position")

    def __init__(self, expression: str, position: Mapping[str, int]) -> None:
        self._name, *self._path = expression.split(".")
        self._position = position.get(self._name, _NOT_POSITIONAL)

    def __call__(self, args: Args, kwargs: Kwargs) -> Any:
        value = args[self._position] if len(args) > self._position else kwargs.get(self._name)
        for attribute in self._path:
            value = getattr(value, attribute, None)
        return value


def _dataset(parameters: list[_Parameter], kind: str, position: Mapping[str, int]) -> _Dataset | None:
    """Return what finds a dataset of a kind; `None` where the kind is a resource's type."""
    first = parameters[0]
    if kind == "path":
        return lambda args, kwargs, host: _text(_volume, first(args, kwargs), host)
    if kind == "named":
        return lambda args, kwargs, host: _text(_catalog, first(args, kwargs), host)
    if kind.startswith("@"):
        kind_of = _Parameter(kind[1:], position)
        return lambda args, kwargs, host: _of_kind(kind_of(args, kwargs), first(args, kwargs), host)
    if kind not in ARITY:
        return None
    if len(parameters) > 1:
        return lambda args, kwargs, host: _composed(tuple(p(args, kwargs) for p in parameters), kind, host)
    return lambda args, kwargs, host: named_dataset(first(args, kwargs), kind, host)


def named_dataset(name: Any, kind: str, host: str | None) -> DatasetRef | None:
    """Return the dataset that a dotted name stands for; `None` where it cannot be one.

    A name with fewer parts than its kind has is relative to a default that is not known here, and stays as it is.

    >>> named_dataset("main.sales.`a.b`", "table", None).parts, named_dataset("sales.orders", "table", None).parts
    (('main', 'sales', 'a.b'), ('sales', 'orders'))
    >>> named_dataset("drop everything", "table", None), named_dataset("a.b.c.d", "table", None)
    (None, None)
    """
    return _parsed(name, kind, host) if isinstance(name, str) and len(name) <= _LONGEST_NAME else None


@lru_cache(maxsize=4096)
def _parsed(name: str, kind: str, host: str | None) -> DatasetRef | None:
    try:
        parts = split_name(name)
    except InvalidArgument:
        return None
    if kind == "column":
        parts, kind = parts[:-1], "table"
    return _checked(parts, kind, host) if len(parts) <= ARITY[kind] else None


def _checked(parts: tuple[str, ...], kind: str, host: str | None) -> DatasetRef | None:
    return DatasetRef(parts, kind, host) if parts and all(map(_NAME.fullmatch, parts)) else None


def _composed(values: tuple[Any, ...], kind: str, host: str | None) -> DatasetRef | None:
    """Return the dataset whose parts are given one by one; a listing may leave the last ones out."""
    known = tuple(value for value in values if isinstance(value, str))
    if known != values[: len(known)] or not known:
        return None
    if len(known) < ARITY[kind]:
        if kind != "schema":
            return None
        kind = _LEVELS[len(known) - 1]
    return _checked(known, kind, host)


def _of_kind(kind: Any, name: Any, host: str | None) -> DatasetRef | None:
    word = kind.value if isinstance(kind, Enum) else kind
    known = _KINDS.get(word.lower()) if isinstance(word, str) else None
    return None if known is None else named_dataset(name, known, host)


def _text(parse: Callable[[str, str | None], DatasetRef | None], value: Any, host: str | None) -> DatasetRef | None:
    return parse(value, host) if isinstance(value, str) else None


def _volume(path: str, host: str | None) -> DatasetRef | None:
    """Return the volume of a path.

    >>> _volume("/Volumes/main/raw/landing/2026/secret.csv", None).parts
    ('main', 'raw', 'landing')
    """
    found = _VOLUME.match(path)
    return _checked(found.groups(), "volume", host) if found else None


def _catalog(name: str, host: str | None) -> DatasetRef | None:
    found = _CATALOG.match(name)
    return _checked(found.groups(), "catalog", host) if found else None


def identifier_of(value: Any) -> str | None:
    """Return an id or a name as text; `None` where the value cannot be one.

    >>> identifier_of(42), identifier_of("0123-abc"), identifier_of("two words"), identifier_of("https://a/b")
    ('42', '0123-abc', None, None)
    """
    if isinstance(value, str):
        return value if _ID.fullmatch(value) else None
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else None
