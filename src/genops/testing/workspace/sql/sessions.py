"""Sessions: what a statement inherits from the ones before it."""

from __future__ import annotations

import threading
import uuid
from dataclasses import dataclass, field

from genops.testing.workspace.http.wire import absent


def _session_id() -> str:
    return f"01f0{str(uuid.uuid4())[4:]}"


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
    """

    catalog: str
    schema: str
    user: str = ""
    configuration: dict[str, str] = field(default_factory=dict[str, str])
    query_tags: dict[str, str] = field(default_factory=dict[str, str])
    id: str = field(default_factory=_session_id)


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

    def get(self, identifier: str) -> Session:
        """An open session by id."""
        found = self._held.get(identifier)
        if found is None:
            raise absent(f"Session {identifier} does not exist.")
        return found

    def close(self, identifier: str) -> None:
        """End a session."""
        self.get(identifier)
        with self._lock:
            self._held.pop(identifier, None)
