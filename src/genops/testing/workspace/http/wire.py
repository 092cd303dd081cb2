"""What travels between the HTTP server and the services of the local workspace.

A service is a table of routes. A route is ``"METHOD /path/{argument}"`` and a function of one
:class:`Call` that returns the JSON body of the answer, ``None`` for an empty one, or a :class:`Reply`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol, cast
from urllib.parse import unquote

from genops.testing.workspace.http.surface import no_such_api

if TYPE_CHECKING:
    from pathlib import Path

Json = dict[str, Any]

PRESIGNED_SECONDS = 15 * 60
"""Seconds that a presigned URL is valid for."""


class ApiError(Exception):
    """An answer that is an error, in the service's own shape.

    Args:
        status: HTTP status.
        code: Databricks ``error_code``, as ``RESOURCE_DOES_NOT_EXIST``; the front end, which knows no codes,
            answers with the status as a number.
        message: Text for people.
    """

    def __init__(self, status: int, code: str | int, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message


def invalid(message: str) -> ApiError:
    """A value the service does not take: 400 ``INVALID_PARAMETER_VALUE``."""
    return ApiError(400, "INVALID_PARAMETER_VALUE", message)


def absent(message: str, code: str = "RESOURCE_DOES_NOT_EXIST") -> ApiError:
    """An object that is not there: 404."""
    return ApiError(404, code, message)


def exists(message: str, code: str = "ALREADY_EXISTS") -> ApiError:
    """An object that is there already: 409."""
    return ApiError(409, code, message)


def unserved(what: str) -> ApiError:
    """Something that the local workspace refuses to imitate: 501 ``NOT_IMPLEMENTED``."""
    return ApiError(501, "NOT_IMPLEMENTED", f"{what} is not implemented by the local workspace")


@dataclass(frozen=True, slots=True)
class Request:
    """One request that reached the workspace.

    Attributes:
        method: ``GET``, ``POST`` …
        path: Path without the query string, as sent.
        query: Query parameters; a repeated one is a list.
        headers: Headers in lower case; ``authorization`` reads ``[redacted]``.
        body: Parsed JSON, the number of bytes of anything else, or ``None`` where there was none; passwords, secrets
            and tokens in it read ``[redacted]``.
        status: HTTP status of the answer; 0 where the connection was reset instead.
        user: Who sent it; empty where that was not found out.
        request_id: The ``x-request-id`` of the answer.
        fault: Kind of the fault that spoiled it; empty where none did.
        sql: Text of the statement that it runs, if it runs one.
    """

    method: str
    path: str
    query: Mapping[str, str | list[str]]
    headers: Mapping[str, str]
    body: Any
    status: int
    user: str = ""
    request_id: str = ""
    fault: str = ""
    sql: str = ""


@dataclass
class Call:
    """One request on its way to a service.

    ``user`` is who sent it, once that is known; ``sql`` is the statement that it runs, which a service sets where
    the body is not JSON.
    """

    method: str
    path: str
    query: dict[str, list[str]]
    headers: Mapping[str, str]
    body: Any = None
    upload: Path | None = None
    args: dict[str, str] = field(default_factory=dict[str, str])
    user: str = ""
    sql: str = ""

    @property
    def json(self) -> Json:
        """The body as an object; an absent body is an empty one."""
        if self.body is None:
            return {}
        if not isinstance(self.body, dict):
            raise ApiError(400, "MALFORMED_REQUEST", "The request body must be a JSON object")
        return self.body  # pyright: ignore[reportUnknownVariableType, reportUnknownMemberType]

    def text(self, name: str, default: str = "") -> str:
        """The first value of a query parameter."""
        return self.query.get(name, [default])[0]

    def need(self, name: str) -> str:
        """A text or number that must be there, from the body or the query; as text."""
        value: Any = self.json.get(name) if self.body is not None else None
        if value is None:
            value = self.text(name) or None
        if value is None:
            raise invalid(f"Missing required field: {name}")
        if isinstance(value, bool) or not isinstance(value, (str, int)):
            raise invalid(f"{name} must be a string, not {value!r}")
        return str(value)

    def objects(self, name: str) -> list[Json]:
        """A field of the body that is a list of objects; empty where it is absent."""
        return objects_of(self.json.get(name), name)

    def object(self, name: str) -> Json:
        """A field of the body that must be an object."""
        value: Any = self.json.get(name)
        if not isinstance(value, dict):
            raise invalid(f"{name} must be an object, not {value!r}")
        return cast("Json", value)

    def number(self, name: str) -> int | None:
        """A query parameter that is a whole number, or ``None`` where it is absent."""
        value = self.text(name)
        if not value:
            return None
        if not re.fullmatch(r"-?\d{1,18}", value):
            raise invalid(f"{name} must be an integer, not {value!r}")
        return int(value)

    def flag(self, name: str) -> bool:
        """A query parameter that is true or false."""
        return self.text(name).lower() == "true"


@dataclass
class Reply:
    """An answer: JSON, bytes as they are (``raw``), nothing, or a slice of a file."""

    status: int = 200
    body: Any = None
    headers: dict[str, str] = field(default_factory=dict[str, str])
    raw: bytes | None = None
    file: Path | None = None
    start: int = 0
    length: int = 0


def objects_of(value: Any, name: str) -> list[Json]:
    """A value that is a list of objects, or nothing.

    Raises:
        ApiError: It is something else.
    """
    if value is None:
        return []
    items: list[Any] = cast("list[Any]", value) if isinstance(value, list) else [None]
    if not all(isinstance(item, dict) for item in items):
        raise invalid(f"{name} must be a list of objects, not {value!r}")
    return items


Handler = Callable[[Call], "Json | Reply | None"]
Routes = dict[str, Handler]


class Service(Protocol):
    """Whoever serves routes."""

    def routes(self) -> Routes:
        """The table of them."""
        ...


def _pattern(template: str) -> re.Pattern[str]:
    """Compile ``/api/2.x/jobs/{id}``: ``2.x`` is 2.0 to 2.2, ``{id}`` a segment, ``{path*}`` the rest."""
    escaped = re.escape(template).replace(r"2\.x", r"2\.[0-2]").replace(r"\{", "{").replace(r"\}", "}")
    escaped = re.sub(r"{(\w+)\\\*}", r"(?P<\1>.*)", escaped)
    return re.compile(re.sub(r"{(\w+)}", r"(?P<\1>[^/]+)", escaped) + "/?")


class Router:
    """Finds the function that serves a method and path."""

    def __init__(self) -> None:
        self._routes: dict[str, list[tuple[re.Pattern[str], Handler]]] = {}
        self.served: list[str] = []
        """Every route, as ``"GET /api/2.0/token/list"``."""

    def add(self, routes: Routes) -> None:
        """Add a service's table of routes."""
        self.served += routes
        for route, handler in routes.items():
            method, template = route.split(" ", 1)
            self._routes.setdefault(method, []).append((_pattern(template), handler))

    def find(self, method: str, path: str) -> tuple[Handler, dict[str, str]]:
        """The function for a request and the arguments in its path.

        Raises:
            ApiError: 404 ``ENDPOINT_NOT_FOUND`` for a path of no API, 501 ``NOT_IMPLEMENTED`` for an API of
                Databricks that the local workspace does not have.
        """
        for pattern, handler in self._routes.get(method, ()):
            match = pattern.fullmatch(path)
            if match:
                return handler, {key: unquote(value) for key, value in match.groupdict().items()}
        refused = no_such_api(method, path)
        raise absent(refused, "ENDPOINT_NOT_FOUND") if refused else unserved(f"{method} {path}")
