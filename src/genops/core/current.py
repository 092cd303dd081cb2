"""The active governor of the process and the owner of what runs here."""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextvars import ContextVar, Token
from typing import TYPE_CHECKING, Any, Generic, Protocol, TypeVar

if TYPE_CHECKING:
    from genops.core.governor import Governor
    from genops.core.operation import Facts, Operation
    from genops.core.ports import Scope
    from genops.core.records import Role, UnitId

_What = TypeVar("_What")
NOT_ENTERED = object()


class Owner(Protocol):
    """What a governed call finds around it.

    Attributes:
        role: Unit, part or container.
        library: Instrumented library whose code is running, or an empty string.
        operation: What is running.
        around: The owner around it.
        open: Whether it still runs.
    """

    role: Role
    library: str
    operation: Operation
    around: Owner | None

    @property
    def open(self) -> bool:
        """Whether it still runs."""
        ...

    @property
    def unit(self) -> UnitId:
        """Identity of its span."""
        ...

    def saw(self, facts: Facts) -> None:
        """Take facts that were seen on the way."""
        ...


owner: ContextVar[Owner | None] = ContextVar("genops_owner", default=None)


def restore(token: Token[Any]) -> bool:
    """Give a context variable its former value back; return whether that could be done here.

    A generator or coroutine may be closed from another context than the one it ran in. Nothing was set in that one,
    so nothing is left to undo.
    """
    try:
        token.var.reset(token)
    except ValueError:
        return False
    return True


class Entered(Generic[_What]):
    """What one context manager has entered: nested, in several threads, in several tasks."""

    def __init__(self) -> None:
        self._entries: list[tuple[Token[Any], _What]] = []

    def push(self, token: Token[Any], what: _What) -> None:
        """Note what was entered, with the token of the variable that it set."""
        self._entries.append((token, what))

    def pop(self) -> _What:
        """Take out the latest that was entered in this context, its variable restored; elsewhere the latest of all."""
        for entry in reversed(tuple(self._entries)):
            if restore(entry[0]):
                self._entries.remove(entry)
                return entry[1]
        return self._entries.pop()[1]


class Current:
    """Something that can be made the owner of what runs, with its span the current one."""

    governor: Governor
    scope: Scope

    def enter(self: Any) -> tuple[Token[Owner | None], object]:
        """Make it the owner of what runs here, and its span the current one."""
        token = owner.set(self)
        try:
            return token, self.scope.enter()
        except Exception as fault:
            self.governor.guard.caught("tracer", fault)
            return token, NOT_ENTERED

    def exit(self: Any, tokens: tuple[Token[Owner | None], object]) -> None:
        """Undo `enter`; from another context there is nothing to undo."""
        try:
            owner.reset(tokens[0])
        except ValueError:
            return
        if tokens[1] is not NOT_ENTERED:
            try:
                self.scope.exit(tokens[1])
            except Exception as fault:
                self.governor.guard.caught("tracer", fault)


class _Slot:
    """The process's one governor; wrappers read it on every call, so replacing it never patches again."""

    def __init__(self) -> None:
        self.governor: Governor | None = None
        self.build: Callable[[], Governor] | None = None
        self.lock = threading.RLock()


slot = _Slot()


def ensure() -> Governor:
    """Return the active governor, building it from the environment on first use."""
    governor = slot.governor
    if governor is None:
        if slot.build is None:
            message = "nothing can build a governor: import genops, not genops.core"
            raise RuntimeError(message)
        governor = slot.build()
    return governor


def running(library: str) -> Owner | None:
    """Return the unit or part of `library` whose real call is running here, where there is one."""
    found = owner.get()
    return found if found is not None and found.library == library and found.open else None
