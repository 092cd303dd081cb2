"""The bounded queue before whatever is slow, served by one daemon thread that is there while it is needed."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from typing import Generic, TypeVar

from genops.core.forks import on_fork

T = TypeVar("T")


class Queue(Generic[T]):
    """Serves what is put into it, one after another, in its own thread. A child of a fork begins with an empty one.

    Args:
        serve: Does the work; it does not raise.
        name: Of the thread.
        capacity: Length; what finds no place is not taken.
        idle_seconds: After how long without work the thread ends; `None` keeps it until `dismiss`.

    Attributes:
        served: What is being served.
    """

    def __init__(
        self, serve: Callable[[T], object], name: str, capacity: int, *, idle_seconds: float | None = None
    ) -> None:
        self._serve = serve
        self._name = name
        self._capacity = capacity
        self._idle_seconds = idle_seconds
        self._reset()
        on_fork(self._reset)

    def _reset(self) -> None:
        self._waiting: deque[T] = deque()
        self.served: T | None = None
        self._changed = threading.Condition()
        self._thread: threading.Thread | None = None

    def __len__(self) -> int:
        return len(self._waiting)

    @property
    def busy(self) -> bool:
        """Whether something is being served."""
        return self.served is not None

    def put(self, item: T) -> bool:
        """Take an item; return whether there was place for it, and a thread to serve it."""
        with self._changed:
            if len(self._waiting) >= self._capacity or not self._served_by_a_thread():
                return False
            self._waiting.append(item)
            self._changed.notify_all()
        return True

    def _served_by_a_thread(self) -> bool:
        if self._thread is None:
            thread = threading.Thread(target=self._run, name=self._name, daemon=True)
            try:
                thread.start()
            except RuntimeError:  # the machine has no more threads to give, or the interpreter is ending
                return False
            self._thread = thread
        return True

    def drain(self, seconds: float) -> bool:
        """Wait until everything was served; return whether it was."""
        with self._changed:
            return self._changed.wait_for(lambda: not self._waiting and not self.busy, max(seconds, 0.0))

    def take_back(self) -> list[T]:
        """Return what was not served to its end; what was not begun will not be."""
        with self._changed:
            left = [*([] if self.served is None else [self.served]), *self._waiting]
            self._waiting.clear()
        return left

    def dismiss(self) -> None:
        """Let the thread go once nothing waits; a later item brings a new one."""
        with self._changed:
            self._thread = None
            self._changed.notify_all()

    def _run(self) -> None:
        me = threading.current_thread()
        while True:
            with self._changed:
                self.served = None
                self._changed.notify_all()
                self._changed.wait_for(lambda: bool(self._waiting) or self._thread is not me, self._idle_seconds)
                if not self._waiting:
                    if self._thread is me:
                        self._thread = None
                    return
                self.served = item = self._waiting.popleft()
            self._serve(item)
