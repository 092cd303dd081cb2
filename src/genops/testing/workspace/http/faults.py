"""Faults on demand: what a workspace does on a bad day, deterministic and counted."""

from __future__ import annotations

import re
import threading
from dataclasses import dataclass, field

from genops.testing.workspace.http.wire import ApiError

ERRORS = {
    "401": (401, "UNAUTHENTICATED", "The access token is not valid"),
    "403": (403, "PERMISSION_DENIED", "User does not have permission for this operation"),
    "404": (404, "RESOURCE_DOES_NOT_EXIST", "The resource does not exist"),
    "409": (409, "RESOURCE_CONFLICT", "The resource is being changed by another request"),
    "429": (429, "REQUEST_LIMIT_EXCEEDED", "Current request rate has exceeded the limit"),
    "500": (500, "INTERNAL_ERROR", "The service met an internal error"),
    "503": (503, "TEMPORARILY_UNAVAILABLE", "The service is temporarily unavailable"),
}
"""Kinds that answer with an error: HTTP status, ``error_code`` and message."""

TRANSPORT = ("slow", "reset", "malformed")
"""Kinds that spoil the transport instead."""


@dataclass
class Fault:
    """One rule; the first that matches a request and still has times left is applied."""

    kind: str
    path: re.Pattern[str]
    method: str | None
    times: int | None
    retry_after: float | None
    seconds: float
    applied: int = field(default=0)

    def matches(self, method: str, path: str) -> bool:
        """Whether the rule holds for a request."""
        spent = self.times is not None and self.applied >= self.times
        return not spent and self.method in (None, method) and self.path.fullmatch(path) is not None

    @property
    def error(self) -> ApiError | None:
        """The error that the rule answers with, if its kind is one that answers."""
        return ApiError(*ERRORS[self.kind]) if self.kind in ERRORS else None


class Faults:
    """The rules in force, in the order in which they were given."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._rules: list[Fault] = []

    def add(
        self, kind: str, path: str, method: str | None, times: int | None, retry_after: float | None, seconds: float
    ) -> Fault:
        """Put a rule in force.

        Raises:
            ValueError: A kind or a number of times that does not exist.
        """
        if kind not in ERRORS and kind not in TRANSPORT:
            raise ValueError(f"fault kind {kind!r} is unknown; expected one of {', '.join([*ERRORS, *TRANSPORT])}")
        if times is not None and times < 1:
            raise ValueError(f"fault times must be 1 or more, or None for every request; got {times}")
        verb = method.upper() if method else None
        rule = Fault(kind, re.compile(path), verb, times, retry_after, seconds)
        with self._lock:
            self._rules.append(rule)
        return rule

    def clear(self) -> None:
        """End all rules."""
        with self._lock:
            self._rules.clear()

    def take(self, method: str, path: str) -> Fault | None:
        """The rule for this request, counted as applied."""
        with self._lock:
            for rule in self._rules:
                if rule.matches(method, path):
                    rule.applied += 1
                    return rule
        return None
