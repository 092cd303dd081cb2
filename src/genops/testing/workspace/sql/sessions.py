"""Sessions: what a statement inherits from the ones before it."""

from __future__ import annotations

import re
import threading
import uuid
from dataclasses import dataclass, field
from typing import Any

from genops.testing.workspace.http.wire import Json, absent


def new_id() -> str:
    """An id as sessions and statements have them: UUIDs by time, which begin alike."""
    return f"01f0{str(uuid.uuid4())[4:]}"


@dataclass(frozen=True)
class TemporaryView:
    """A view that only its session knows.

    Attributes:
        query: Its query, as a syntax tree of the Databricks dialect that may be copied into others.
        catalog: Where names in it belong.
        schema: Where names in it belong.
        info: Its columns and facts, in the shape in which the API shows a view.
    """

    query: Any
    catalog: str
    schema: str
    info: Json


@dataclass
class Variable:
    """A session variable.

    Attributes:
        kind: Its type as Databricks writes it.
        value: Its value as text, ``None`` for null.
        default: The SQL text of its default.
    """

    kind: str
    value: str | None
    default: str


@dataclass
class Session:
    """One session; a statement without one gets one of its own, which ends with it.

    Attributes:
        catalog: The catalog of names without one.
        schema: The schema of names without one.
        user: Whose session it is; the workspace's own user where it is empty.
        configuration: What the client or ``SET`` configured, by upper-case name.
        query_tags: Tags of the session's statements.
        id: What the API calls it.
        views: Temporary views by lower-case name.
        variables: Session variables by lower-case name.
        warehouse_id: The warehouse on which it is open; empty where it is on other compute.
    """

    catalog: str
    schema: str
    user: str = ""
    configuration: dict[str, str] = field(default_factory=dict[str, str])
    query_tags: dict[str, str] = field(default_factory=dict[str, str])
    id: str = field(default_factory=new_id)
    views: dict[str, TemporaryView] = field(default_factory=dict[str, TemporaryView])
    variables: dict[str, Variable] = field(default_factory=dict[str, Variable])
    warehouse_id: str = ""


class Sessions:
    """The sessions that are open."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._held: dict[str, Session] = {}

    def open(self, session: Session) -> Session:
        """Keep a session until it is closed."""
        with self._lock:
            self._held[session.id] = session
        return session

    def get(self, identifier: str, user: str = "") -> Session:
        """An open session by id.

        Args:
            identifier: Its id.
            user: Who asks for it; sessions of others are not there for them. Anybody where it is empty.

        Raises:
            ApiError: There is none.
        """
        found = self._held.get(identifier)
        if found is None or (user and found.user not in ("", user)):
            raise absent(f"Session {identifier} does not exist.")
        return found

    def on_warehouse(self, warehouse_id: str) -> int:
        """How many sessions are open on a warehouse."""
        with self._lock:
            return sum(session.warehouse_id == warehouse_id for session in self._held.values())

    def close(self, identifier: str) -> None:
        """End a session."""
        self.get(identifier)
        with self._lock:
            self._held.pop(identifier, None)


def tags_of(text: str) -> dict[str, str]:
    r"""Query tags from the text in which clients configure them, as ``QUERY_TAGS`` of a session.

    >>> tags_of(r"team:de,proj:a\:b\,c,nightly")
    {'team': 'de', 'proj': 'a:b,c', 'nightly': ''}
    """
    tags: dict[str, str] = {}
    for item in re.findall(r"(?:[^,\\]|\\.)+", text):
        match = re.fullmatch(r"((?:[^:\\]|\\.)*)(?::(.*))?", item, re.DOTALL)
        if match:
            tags[_unescaped(match[1])] = _unescaped(match[2] or "")
    return tags


def _unescaped(text: str) -> str:
    return re.sub(r"\\(.)", r"\1", text)
