"""Sessions: what a statement inherits from the ones before it."""

from __future__ import annotations

import re
import threading
import uuid
from collections import OrderedDict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from genops.testing.workspace.http.wire import Json, absent

if TYPE_CHECKING:
    from collections.abc import Callable

    from genops.testing.workspace.clock import Clock

IDLE_SECONDS = 8 * 3600
"""After so long without a command a session ends [docs.databricks.com, SQL warehouse sessions]."""
KEPT_SESSIONS = 1_000
"""Sessions that are open at once; one more ends the one that was idle longest. The service publishes no number."""


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
        used: When it was last asked for, in seconds since the epoch.
        holders: What keeps it from being idle: its statements that run, and the job or update whose own it is.
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
    used: float = 0.0
    holders: int = 0


class Sessions:
    """The sessions that are open, each until it is closed or was idle too long.

    Args:
        clock: Says how long a session was idle.

    Attributes:
        ended: Called with the id of each session that has ended.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        # The one that was used last is the last.
        self._held: OrderedDict[str, Session] = OrderedDict()
        self.ended: list[Callable[[str], None]] = []
        clock.on_advance(self._sweep)

    def open(self, session: Session) -> Session:
        """Keep a session until it is closed, or idle too long."""
        with self._lock:
            session.used = self._clock.now()
            self._held[session.id] = session
        self._sweep()
        return session

    def hold(self, session: Session) -> None:
        """A statement of a session begins: it is not idle, whatever the clock says."""
        with self._lock:
            session.holders += 1

    def rest(self, session: Session) -> None:
        """A statement of a session has ended; from now on it may be idle."""
        with self._lock:
            session.holders -= 1
            self._touch(session)

    def get(self, identifier: str, user: str = "") -> Session:
        """An open session by id.

        Args:
            identifier: Its id.
            user: Who asks for it; sessions of others are not there for them. Anybody where it is empty.

        Raises:
            ApiError: There is none.
        """
        self._sweep()
        with self._lock:
            found = self._held.get(identifier)
            if found is None or (user and found.user not in ("", user)):
                raise absent(f"Session {identifier} does not exist.")
            self._touch(found)
        return found

    def on_warehouse(self, warehouse_id: str) -> int:
        """How many sessions are open on a warehouse."""
        self._sweep()
        with self._lock:
            return sum(session.warehouse_id == warehouse_id for session in self._held.values())

    def close(self, identifier: str) -> None:
        """End a session."""
        self.get(identifier)
        self._end(identifier)

    def _touch(self, session: Session) -> None:
        session.used = self._clock.now()
        if session.id in self._held:
            self._held.move_to_end(session.id)

    def _sweep(self) -> None:
        """End what was idle too long, and what is too much."""
        oldest = self._clock.now() - IDLE_SECONDS
        with self._lock:
            surplus = len(self._held) - KEPT_SESSIONS
            idle = (session for session in self._held.values() if not session.holders)
            over = [session.id for at, session in enumerate(idle) if at < surplus or session.used <= oldest]
        for identifier in over:
            self._end(identifier)

    def _end(self, identifier: str) -> None:
        with self._lock:
            gone = self._held.pop(identifier, None)
        for tell in self.ended if gone else ():
            tell(identifier)


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
