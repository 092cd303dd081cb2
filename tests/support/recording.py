"""A recording tracer and sink, and a governor that is active for one test."""

from __future__ import annotations

import contextlib
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

from genops.core import current
from genops.core.attribution import Attribution
from genops.core.governor import Governor, Settings
from genops.core.ports import BareScope, NoTracer
from genops.core.records import Adjusted, Admitted, Record, Settled

if TYPE_CHECKING:
    from collections.abc import Iterator

    from genops.core.ports import Closing

TEAM = Attribution({"team": "data-eng", "project": "sales", "environment": "test"})
_scope: ContextVar[RecordingScope | None] = ContextVar("recording_scope", default=None)


class RecordingSink:
    """Keeps every record in order."""

    def __init__(self) -> None:
        self.records: list[Record] = []

    def write(self, record: Record) -> None:
        """Keep a record."""
        self.records.append(record)

    @property
    def admitted(self) -> list[Admitted]:
        """The admissions."""
        return [r for r in self.records if isinstance(r, Admitted)]

    @property
    def settled(self) -> list[Settled]:
        """The settlements."""
        return [r for r in self.records if isinstance(r, Settled)]

    @property
    def adjusted(self) -> list[Adjusted]:
        """The corrections."""
        return [r for r in self.records if isinstance(r, Adjusted)]


class RecordingScope(BareScope):
    """A span that remembers what was done to it."""

    __slots__ = ("closing", "operation", "parent", "role", "started_ns")

    def __init__(self, operation: Any, role: Any, started_ns: int, parent: Any) -> None:
        super().__init__(parent.unit.trace_id if parent is not None else None)
        self.operation, self.role, self.started_ns, self.parent = operation, role, started_ns, parent
        self.closing: Closing | None = None

    def enter(self) -> object:
        """Become current."""
        return _scope.set(self)

    def exit(self, token: Any) -> None:
        """Stop being current."""
        assert _scope.get() is self, "exited out of order"
        _scope.reset(token)

    def close(self, closing: Closing) -> None:
        """End, once."""
        assert self.closing is None, "closed twice"
        self.closing = closing


class RecordingTracer(NoTracer):
    """Keeps every scope in order of opening."""

    def __init__(self) -> None:
        self.scopes: list[RecordingScope] = []

    def open(self, operation: Any, role: Any, started_ns: int, parent: object = None) -> RecordingScope:
        """Open and keep a scope."""
        scope = RecordingScope(operation, role, started_ns, parent or _scope.get())
        self.scopes.append(scope)
        return scope

    def named(self, kind: str) -> RecordingScope:
        """The only scope of an operation type."""
        (scope,) = [scope for scope in self.scopes if scope.operation.type == kind]
        return scope

    def here(self) -> object:
        """Return the current scope."""
        return _scope.get()

    @property
    def current(self) -> RecordingScope | None:
        """The scope that is current here."""
        return _scope.get()


@contextlib.contextmanager
def active(settings: Settings | None = None, **ports: Any) -> Iterator[Governor]:
    """Make a governor the active one inside the block."""
    governor = Governor(settings or Settings(attribution=TEAM), **ports)
    before = current.slot.governor
    current.slot.governor = governor
    try:
        yield governor
    finally:
        current.slot.governor = before
        governor.shutdown(1)
