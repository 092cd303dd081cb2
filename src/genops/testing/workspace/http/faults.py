"""Faults on demand: what a workspace does on a bad day, deterministic by seed and counted."""

from __future__ import annotations

import random
import re
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from genops.testing.workspace.http.wire import ApiError

ERRORS: dict[str, tuple[int, str, str]] = {
    "400": (400, "BAD_REQUEST", "The request is not valid"),
    "401": (401, "UNAUTHENTICATED", "The access token is not valid"),
    "403": (403, "PERMISSION_DENIED", "User does not have permission for this operation"),
    "404": (404, "RESOURCE_DOES_NOT_EXIST", "The resource does not exist"),
    "409": (409, "RESOURCE_CONFLICT", "The resource is being changed by another request"),
    "429": (429, "REQUEST_LIMIT_EXCEEDED", "Current request rate has exceeded the limit"),
    "499": (499, "CANCELLED", "The operation was cancelled by the caller"),
    "500": (500, "INTERNAL_ERROR", "The service met an internal error"),
    "501": (501, "NOT_IMPLEMENTED", "The operation is not implemented"),
    "503": (503, "TEMPORARILY_UNAVAILABLE", "The service is temporarily unavailable"),
    "504": (504, "DEADLINE_EXCEEDED", "The deadline passed before the operation ended"),
    "ABORTED": (409, "ABORTED", "The operation was aborted by a concurrent one"),
    "ALREADY_EXISTS": (409, "ALREADY_EXISTS", "The resource already exists"),
    "DATA_LOSS": (500, "DATA_LOSS", "Data was lost or corrupted"),
    "INVALID_PARAMETER_VALUE": (400, "INVALID_PARAMETER_VALUE", "A parameter has a value that is not valid"),
    "INVALID_STATE": (400, "INVALID_STATE", "The resource is in a state that does not allow this"),
    "RESOURCE_ALREADY_EXISTS": (400, "RESOURCE_ALREADY_EXISTS", "The resource already exists"),
    "RESOURCE_EXHAUSTED": (429, "RESOURCE_EXHAUSTED", "The rate limit of the user is reached"),
    "UNKNOWN": (500, "UNKNOWN", "The service met an unknown error"),
    "expired": (401, "UNAUTHENTICATED", "Token is expired"),
}
"""Kinds that answer with an error: HTTP status, ``error_code`` and message. The SDK has a class for each."""

TRANSPORT = ("slow", "stalled", "reset", "malformed", "truncated")
"""Kinds that spoil the transport instead."""

WAREHOUSE = "warehouse"
"""The kind that ends a statement because its warehouse died."""

# Decided when the statement runs, and when the answer is known.
_LATER = (WAREHOUSE, "truncated")

SECONDS = {"slow": 1.0, "stalled": 60.0}
"""How long those that take time take where nothing else is said."""


@dataclass(frozen=True)
class StatementFault:
    """How a statement ends whose warehouse died while it ran.

    The text is the one with which Spark ends the work of a driver that goes away; what a SQL warehouse writes in
    front of it was not compared with a real one.
    """

    error_code: str = "ABORTED"
    sql_state: str = "XXKDA"
    message: str = "[SPARK_JOB_CANCELLED] Job 0 cancelled because SparkContext was shut down SQLSTATE: XXKDA"


@dataclass
class Fault:
    """One rule.

    Attributes:
        kind: A key of ``ERRORS``, one of ``TRANSPORT``, or ``warehouse``.
        path: What the whole path must match.
        method: HTTP method; any where it is ``None``.
        body: What the parsed body must satisfy; any where it is ``None``.
        sql: What the statement's text must contain; any request where it is ``None``.
        warehouse_id: The warehouse that dies; any where it is ``None``.
        after: Requests that match and are let through first.
        times: Requests it spoils; every one where it is ``None``.
        probability: Share of the matching requests that it spoils.
        seed: Decides which ones; the same seed, the same ones.
        retry_after: Seconds for a ``Retry-After`` header.
        seconds: How long ``slow`` waits and ``stalled`` holds the connection.
    """

    kind: str
    path: re.Pattern[str]
    method: str | None = None
    body: Callable[[Any], bool] | None = None
    sql: re.Pattern[str] | None = None
    warehouse_id: str | None = None
    after: int = 0
    times: int | None = None
    probability: float = 1.0
    seed: str = ""
    retry_after: float | None = None
    seconds: float = 0.0
    seen: int = field(default=0)
    applied: int = field(default=0)

    def matches(self, method: str, path: str, body: Any, sql: str) -> bool:
        """Whether the rule holds for a request that runs the text ``sql``, empty where it runs none."""
        if self.method not in (None, method) or not self.path.fullmatch(path):
            return False
        return self.holds_for(sql) and (self.body is None or satisfied(self.body, body))

    def holds_for(self, sql: str) -> bool:
        """Whether the rule holds for a text."""
        return self.sql is None or bool(sql and self.sql.search(sql))

    def strikes(self) -> bool:
        """Count one that matches, and say whether it is spoiled."""
        self.seen += 1
        spent = self.times is not None and self.applied >= self.times
        # Drawn by number and not in turn, so that the n-th match is decided the same in every run.
        drawn = self.probability >= 1 or random.Random(f"{self.seed}/{self.seen}").random() < self.probability  # noqa: S311 - no secret
        if spent or self.seen <= self.after or not drawn:
            return False
        self.applied += 1
        return True

    @property
    def error(self) -> ApiError | None:
        """The error that the rule answers with, if its kind is one that answers."""
        return ApiError(*ERRORS[self.kind]) if self.kind in ERRORS else None


class Faults:
    """The rules in force, in the order in which they were given.

    Args:
        seed: Decides which requests a rule with a probability spoils.
    """

    def __init__(self, seed: int = 0) -> None:
        self._seed = seed
        self._lock = threading.Lock()
        self._rules: list[Fault] = []

    def add(self, rule: Fault) -> None:
        """Put a rule in force.

        Raises:
            ValueError: A kind, number or share that does not exist, or a rule that no statement can meet.
        """
        _check(rule)
        with self._lock:
            rule.seed = f"{self._seed}/{len(self._rules)}"
            self._rules.append(rule)

    def clear(self) -> None:
        """End all rules."""
        with self._lock:
            self._rules.clear()

    def take(self, method: str, path: str, body: Any = None, sql: str = "") -> Fault | None:
        """The rule that spoils this request, counted as applied: the first that matches and strikes."""
        return self._first(lambda rule: rule.kind not in _LATER and rule.matches(method, path, body, sql))

    def take_binary(self, method: str, path: str, body: Any = None, sql: str = "") -> Fault | None:
        """The rule that cuts the answer to this request off, which is no JSON: only such an answer counts."""
        return self._first(lambda rule: rule.kind == "truncated" and rule.matches(method, path, body, sql))

    def take_statement(self, text: str, warehouse_id: str) -> StatementFault | None:
        """How a statement that has begun to run must end, counted as applied; ``None`` lets it run.

        Whoever runs statements asks once for each, over every transport, after it has begun and before it has
        changed anything: with an answer the statement ends FAILED with its code, SQL state and message, leaves no
        effect, and the warehouse that ran it stops.

        Args:
            text: The statement.
            warehouse_id: Where it runs.
        """

        def dies(rule: Fault) -> bool:
            return rule.kind == WAREHOUSE and rule.warehouse_id in (None, warehouse_id) and rule.holds_for(text)

        return StatementFault() if self._first(dies) else None

    def _first(self, applies: Callable[[Fault], bool]) -> Fault | None:
        with self._lock:
            return next((rule for rule in self._rules if applies(rule) and rule.strikes()), None)


def satisfied(predicate: Callable[[Any], object], body: Any) -> bool:
    """Whether a predicate written for one shape of body holds; what it cannot read, it does not mean."""
    try:
        return bool(predicate(body))
    except (AttributeError, IndexError, KeyError, TypeError):
        return False


def _check(rule: Fault) -> None:
    known = [*ERRORS, *TRANSPORT, WAREHOUSE]
    if rule.kind not in known:
        raise ValueError(f"fault kind {rule.kind!r} is unknown; expected one of {', '.join(known)}")
    if rule.times is not None and rule.times < 1:
        raise ValueError(f"fault times must be 1 or more, or None for every request; got {rule.times}")
    if rule.after < 0:
        raise ValueError(f"fault after must be 0 or more requests that pass first; got {rule.after}")
    if not 0 < rule.probability <= 1:
        raise ValueError(f"fault probability must be above 0 and at most 1; got {rule.probability:g}")
    if rule.kind == WAREHOUSE and (rule.path.pattern, rule.method, rule.body) != (".*", None, None):
        raise ValueError("a fault of the kind 'warehouse' is about statements: choose them with sql=, not by request")
