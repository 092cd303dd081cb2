"""What has to happen in the child after a fork."""

from __future__ import annotations

import os
import threading
import weakref
from collections.abc import Callable


class _Process:
    """This process, and what asked to be told when it is a forked one.

    Attributes:
        generation: Number of forks between the first process and this one.
    """

    def __init__(self) -> None:
        self.generation = 0
        self._methods: list[weakref.WeakMethod[Callable[[], None]]] = []
        self._prune_at = 64
        self._lock = threading.RLock()

    def tell(self, method: Callable[[], None]) -> None:
        with self._lock:
            if len(self._methods) >= self._prune_at:
                self._methods = [known for known in self._methods if known() is not None]
                self._prune_at = 2 * len(self._methods) + 64
            self._methods.append(weakref.WeakMethod(method))

    def forked(self) -> None:
        self.generation += 1
        self._lock = threading.RLock()
        for reference in list(self._methods):
            method = reference()
            if method is not None:
                method()


process = _Process()


def on_fork(method: Callable[[], None]) -> None:
    """Call a bound method in every child process after a fork, as long as its object lives."""
    process.tell(method)


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=process.forked)
