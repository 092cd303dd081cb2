"""The guard: our faults stay ours, the caller's stay the caller's, and none goes uncounted."""

from __future__ import annotations

import logging
import threading
from typing import TYPE_CHECKING

from genops.core.forks import on_fork

if TYPE_CHECKING:
    from types import TracebackType

_log = logging.getLogger("genops")
_MAX_SITES = 256


class Guard:
    """Counts and reports faults of genops itself by the site where they were caught.

    A fault is logged once per site, by its class and place; its message stays out of the log because it may quote
    the caller's data. Only `Exception` is ever caught: cancellation and interrupts pass.

    Attributes:
        counts: Faults by site; at most 256 sites, later ones under `other`.
        faults: Site, class and place of the last 32 faults, newest last. The exceptions themselves are not kept: their
            frames hold the caller's data.
    """

    def __init__(self) -> None:
        self.counts: dict[str, int] = {}
        self.faults: list[str] = []
        self._new_lock()
        on_fork(self._new_lock)

    def _new_lock(self) -> None:
        # Reentrant, here and wherever core locks: a finalizer may run inside the locked lines and make governed calls.
        self._lock = threading.RLock()

    def caught(self, site: str, fault: Exception) -> None:
        """Count a fault and log the first one of its site."""
        place = _place(fault.__traceback__)
        with self._lock:
            if site not in self.counts and len(self.counts) >= _MAX_SITES:
                site = "other"
            self.counts[site] = seen = self.counts.get(site, 0) + 1
            self.faults.append(f"{site}: {type(fault).__qualname__} at {place}")
            del self.faults[:-32]
        if seen == 1:
            _log.warning(
                "genops fault in %s: %s at %s; your calls go on unless mode is enforce and on_fault is block. "
                "Further ones are only counted (genops.internal.errors).",
                site,
                type(fault).__qualname__,
                place,
            )

    def at(self, site: str) -> _Watch:
        """Return a context manager that catches faults at a site."""
        return _Watch(self, site)

    @property
    def total(self) -> int:
        """Number of faults caught."""
        with self._lock:
            return sum(self.counts.values())


class _Watch:
    __slots__ = ("_guard", "_site")

    def __init__(self, guard: Guard, site: str) -> None:
        self._guard = guard
        self._site = site

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: object, error: BaseException | None, traceback: object) -> bool:
        if isinstance(error, Exception):
            self._guard.caught(self._site, error)
            return True
        return False


def _place(traceback: TracebackType | None) -> str:
    if traceback is None:
        return "unknown place"
    while traceback.tb_next is not None:
        traceback = traceback.tb_next
    return f"{traceback.tb_frame.f_globals.get('__name__', '?')}:{traceback.tb_lineno}"
