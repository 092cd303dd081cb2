"""The active governor of the process and the owner of what runs here."""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextvars import ContextVar
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from genops.core.governor import Governor
    from genops.core.operation import Facts, Operation
    from genops.core.records import Role, UnitId


class Owner(Protocol):
    """What a governed call finds around it.

    Attributes:
        role: Unit, part or container.
        library: Instrumented library whose code is running, or an empty string.
        operation: What is running.
        open: Whether it still runs.
    """

    role: Role
    library: str
    operation: Operation

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
    return found if found is not None and found.library == library else None
