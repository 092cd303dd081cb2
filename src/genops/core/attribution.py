"""Who pays: one immutable value in one ContextVar, with its attribute dictionaries built once."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from contextvars import ContextVar
from typing import Any, TypeVar

from genops.core.current import Entered
from genops.core.functions import wrap_function
from genops.errors import InvalidArgument, nearest

FIELDS = ("team", "project", "environment", "cost_center", "customer_id", "feature", "user", "business_unit")
REQUIRED = ("team", "project", "environment")
_KEYS = {name: f"genops.{name}" for name in FIELDS} | {"user": "genops.user.id"}
_MAX_LENGTH = 256
_Function = TypeVar("_Function", bound=Callable[..., Any])


class Attribution:
    """Who an operation is charged to. Immutable; equal by value.

    Attributes:
        values: The known fields by name.
        attributes: The same as span attributes.
        missing: Required fields that are not known.
        complete: Whether none is missing.
    """

    __slots__ = ("_hash", "_merged", "attributes", "complete", "labels", "missing", "values")

    def __init__(self, values: Mapping[str, str | None] | None = None) -> None:
        self.values: dict[str, str] = {k: checked(k, v) for k, v in (values or {}).items() if v is not None}
        self.attributes: dict[str, str] = {_KEYS[k]: v for k, v in self.values.items()}
        self.labels: tuple[str, str, str] = (
            self.values.get("team", ""),
            self.values.get("project", ""),
            self.values.get("environment", ""),
        )
        self.missing = tuple(name for name in REQUIRED if name not in self.values)
        self.complete = not self.missing
        self._hash = hash(frozenset(self.values.items()))
        self._merged: dict[Attribution, Attribution] = {}

    def over(self, below: Attribution) -> Attribution:
        """Return this attribution with what it lacks taken from `below`."""
        if not below.values or self is below:
            return self
        if not self.values:
            return below
        found = self._merged.get(below)
        if found is None:
            if len(self._merged) > 64:  # noqa: PLR2004  (a bound, not a meaning: a process sees few defaults)
                self._merged.clear()
            found = self._merged[below] = Attribution({**below.values, **self.values})
        return found

    def __getattr__(self, name: str) -> str | None:
        if name in _KEYS:
            return self.values.get(name)
        raise AttributeError(name)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Attribution) and self.values == other.values

    def __hash__(self) -> int:
        return self._hash

    def __repr__(self) -> str:
        return f"Attribution({', '.join(f'{k}={v!r}' for k, v in self.values.items())})"

    def __reduce__(self) -> tuple[Any, ...]:
        return Attribution, (dict(self.values),)


def checked(name: str, value: object) -> str:
    """Return a field's value, stripped.

    Raises:
        InvalidArgument: The name is not a field, or the value is not a non-empty string of at most 256 characters.
    """
    if name not in _KEYS:
        raise InvalidArgument(f"unknown attribution {name!r}{nearest(name, FIELDS)}; known are {', '.join(FIELDS)}")
    if not isinstance(value, str) or not value.strip():
        raise InvalidArgument(f"{name}={value!r}: expected a non-empty string, for example {name}='data-engineering'")
    if len(value) > _MAX_LENGTH:
        raise InvalidArgument(f"{name}: expected at most {_MAX_LENGTH} characters, got {len(value)}")
    return value.strip()


NOBODY = Attribution()
_current: ContextVar[Attribution] = ContextVar("genops_attribution", default=NOBODY)


def current_attribution() -> Attribution:
    """Return what the enclosing `genops.attribution(...)` blocks say."""
    return _current.get()


class attribution:  # noqa: N801  (used as `with genops.attribution(...)`, like `contextlib.suppress`)
    """Attribute everything inside to a team, a project and so on; a context manager and a decorator.

    Blocks nest: the inner one's fields win, the others stay. The value follows asyncio tasks and
    `contextvars.copy_context().run`; a bare thread starts without it, as with every context variable, and takes
    `genops.carrier()` and `genops.attach()`.

    Args:
        **fields: `team`, `project`, `environment`, `cost_center`, `customer_id`, `feature`, `user`, `business_unit`;
            `None` leaves the enclosing value.

    Raises:
        InvalidArgument: A field is unknown, empty or not a string.
    """

    def __init__(self, **fields: str | None) -> None:
        self._own = Attribution(fields)
        self._entered: Entered[None] = Entered()

    def __enter__(self) -> Attribution:
        merged = self._own.over(_current.get())
        self._entered.push(_current.set(merged), None)
        return merged

    def __exit__(self, *_: object) -> None:
        self._entered.pop()

    async def __aenter__(self) -> Attribution:
        return self.__enter__()

    async def __aexit__(self, *error: object) -> None:
        self.__exit__(*error)

    def __call__(self, function: _Function) -> _Function:
        """Decorate a function, coroutine function, generator function or asynchronous generator function."""
        own = self._own
        return wrap_function(function, lambda: attribution(**own.values))


_ENVIRONMENT_WORDS = {
    "prod": "production",
    "production": "production",
    "staging": "staging",
    "stage": "staging",
    "stg": "staging",
    "dev": "development",
    "development": "development",
    "test": "test",
    "testing": "test",
    "qa": "test",
}
_NEGATIONS = frozenset({"non", "not", "no", "pre"})


def environment_of(host: str) -> str | None:
    """Return the environment that a host name states by whole words, or `None`.

    >>> environment_of("acme-prod.cloud.databricks.com")
    'production'
    >>> environment_of("acme-nonprod.cloud.databricks.com"), environment_of("non-prod.example.com")
    (None, None)
    >>> environment_of("dev-prod.example.com") is None
    True
    """
    words = re.split(r"[.\-_]", host.lower())
    if any(word in _NEGATIONS for word in words):
        return None
    found = {_ENVIRONMENT_WORDS[word] for word in words if word in _ENVIRONMENT_WORDS}
    return found.pop() if len(found) == 1 else None
