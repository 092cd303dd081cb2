"""The requests that a workspace received, and what tests say of them."""

from __future__ import annotations

import json
import re
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, cast, overload

from genops.testing.workspace.http.faults import satisfied

if TYPE_CHECKING:
    from genops.testing.workspace.http.wire import Request

_SHOWN = 30
"""Rows of a table in an error; the last ones, because what fails is mostly what was just sent."""
_WIDTH = 70
"""Characters of a body in a table."""


KEPT = 10_000
"""Requests kept; older ones are forgotten so that a long run stays small."""
KEPT_CHARACTERS = 32_000_000
"""Characters of statements and bodies kept, about; the oldest are forgotten before."""


class RequestLog:
    """The last requests, bounded in number and in what their bodies take."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._held: deque[tuple[Request, int]] = deque()
        self._weight = 0

    def add(self, request: Request) -> None:
        """Keep a request."""
        weight = len(request.sql) + len(repr(request.body))
        with self._lock:
            self._held.append((request, weight))
            self._weight += weight
            while len(self._held) > KEPT or (self._weight > KEPT_CHARACTERS and len(self._held) > 1):
                self._weight -= self._held.popleft()[1]

    def all(self) -> Requests:
        """Those that are kept, oldest first."""
        with self._lock:
            return Requests(request for request, _ in self._held)

    def clear(self) -> None:
        """Forget them."""
        with self._lock:
            self._held.clear()
            self._weight = 0


class Requests:
    """Requests in the order in which they came; as a list, and with assertions that read well.

    >>> from genops.testing.workspace import Request
    >>> got = Requests([Request("GET", "/api/2.0/token/list", {}, {}, None, 200, "ada@example.com")])
    >>> got.where(method="GET", path="/api/2.0/token/.*").count
    1
    >>> got.none(path="/api/2.0/jobs/.*")
    >>> got.sent("GET /api/2.0/token/list")
    >>> print(got)
      # method path                status user            body
      0 GET    /api/2.0/token/list    200 ada@example.com
    """

    __hash__ = None  # pyright: ignore[reportAssignmentType] - compared by what it holds

    def __init__(self, requests: Iterable[Request]) -> None:
        self._requests = list(requests)

    def where(
        self,
        *,
        method: str | None = None,
        path: str | None = None,
        status: int | None = None,
        user: str | None = None,
        query: Mapping[str, object] | None = None,
        body: object = None,
        sql: str | None = None,
    ) -> Requests:
        """Those that fit everything that is given.

        Args:
            method: HTTP method.
            path: Regular expression that the whole path matches.
            status: HTTP status of the answer.
            user: Who sent it.
            query: Query parameters, which may have others beside them.
            body: A mapping that the body contains, at any depth; a function of the body that says yes; or the body.
            sql: Regular expression found in the text of the statement.
        """
        pattern = re.compile(path) if path is not None else None
        text = re.compile(sql, re.IGNORECASE | re.DOTALL) if sql is not None else None

        def fits(one: Request) -> bool:
            plain = (method in (None, one.method)) and (status in (None, one.status)) and (user in (None, one.user))
            return (
                plain
                and (pattern is None or pattern.fullmatch(one.path) is not None)
                and (query is None or _contains(one.query, query))
                and (text is None or text.search(one.sql) is not None)
                and (body is None or _says(body, one.body))
            )

        return Requests(one for one in self._requests if fits(one))

    @property
    def count(self) -> int:
        """How many there are."""
        return len(self._requests)

    def one(self, **which: Any) -> Request:
        """The only one that fits, as :meth:`where` takes it.

        Raises:
            AssertionError: There is none, or more than one; with a table of what was sent.
        """
        found = self.where(**which)
        if found.count != 1:
            raise AssertionError(f"expected one request{_told(which)}, but {_number(found.count)} fit\n{self}")
        return found[0]

    def none(self, **which: Any) -> None:
        """Nothing that fits was sent.

        Raises:
            AssertionError: Something was; with a table of it.
        """
        found = self.where(**which)
        if found:
            raise AssertionError(f"expected no request{_told(which)}, but {_number(found.count)} fit\n{found}")

    def sent(self, *expected: str) -> None:
        """Exactly these were sent, in this order.

        Args:
            expected: Each ``"METHOD path"``, whose path may be a regular expression.

        Raises:
            AssertionError: Others were; with the first that differs and a table of what was sent.
        """
        for number, said in enumerate(expected):
            method, _, path = said.partition(" ")
            got = self._requests[number] if number < len(self._requests) else None
            if got is None or got.method != method or not re.fullmatch(path, got.path):
                raise AssertionError(f"expected request {number} to be {said}, but it is {_name(got)}\n{self}")
        if self.count > len(expected):
            raise AssertionError(f"expected {_number(len(expected))} requests, but {self.count} were sent\n{self}")

    @overload
    def __getitem__(self, index: int) -> Request: ...
    @overload
    def __getitem__(self, index: slice) -> Requests: ...
    def __getitem__(self, index: int | slice) -> Request | Requests:
        if isinstance(index, slice):
            return Requests(self._requests[index])
        return self._requests[index]

    def __len__(self) -> int:
        return len(self._requests)

    def __iter__(self) -> Iterator[Request]:
        return iter(self._requests)

    def __eq__(self, other: object) -> bool:
        if isinstance(other, (Requests, list)):
            return self._requests == list(cast("Iterable[object]", other))
        return NotImplemented

    def __repr__(self) -> str:
        return f"<Requests: {self.count}>\n{self}"

    def __str__(self) -> str:
        rows = [(str(number), *_row(one)) for number, one in enumerate(self._requests)]
        left_out = max(0, len(rows) - _SHOWN)
        shown = [("#", "method", "path", "status", "user", "body"), *rows[left_out:]]
        widths = [max(len(row[column]) for row in shown) for column in range(len(shown[0]))]
        lines = [_line(row, widths) for row in shown]
        return "\n".join([*lines[:1], *([f"  … {left_out} before these"] if left_out else []), *lines[1:]])


def _line(row: tuple[str, ...], widths: list[int]) -> str:
    number, method, path, status, user, body = row
    left = f"  {number:>{widths[0]}} {method:<{widths[1]}} {path:<{widths[2]}} {status:>{widths[3]}}"
    return f"{left} {user:<{widths[4]}} {body}".rstrip()


def _row(one: Request) -> tuple[str, str, str, str, str]:
    query = "&".join(f"{key}={value}" for key, value in one.query.items())
    body = one.sql or ("" if one.body is None else json.dumps(one.body, default=str))
    short = " ".join(body.split())
    status = f"{one.status or 'reset'}" if not one.fault else f"{one.status or ''}({one.fault})"
    path = one.path + (f"?{query}" if query else "")
    return one.method, path[: 2 * _WIDTH], status, one.user, short[:_WIDTH] + ("…" if len(short) > _WIDTH else "")


def _contains(whole: object, part: object) -> bool:
    """Whether a mapping holds what another says, at any depth; anything else must be equal."""
    if isinstance(part, Mapping) and isinstance(whole, Mapping):
        inner, outer = cast("Mapping[object, object]", part), cast("Mapping[object, object]", whole)
        return all(key in outer and _contains(outer[key], value) for key, value in inner.items())
    return whole == part


def _says(expected: object, body: object) -> bool:
    if callable(expected):
        return satisfied(cast("Callable[[object], object]", expected), body)
    return _contains(body, expected)


def _told(which: Mapping[str, object]) -> str:
    return f" with {', '.join(f'{key}={value!r}' for key, value in which.items())}" if which else ""


def _name(one: Request | None) -> str:
    return f"{one.method} {one.path}" if one else "missing"


def _number(count: int) -> str:
    return "none" if count == 0 else str(count)
