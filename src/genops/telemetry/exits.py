"""The end of a process: one bounded flush, however it ends.

`os._exit`, SIGKILL and a crash of the interpreter cannot be caught; what was not exported by then is lost.
"""

from __future__ import annotations

import atexit
import os
import signal
import sys
import threading
from collections.abc import Callable
from types import FrameType
from typing import Any

from genops.core.forks import on_fork

Callback = Callable[[], object]


class Exits:
    """Runs a callback at the end of the process: normal exit, SIGTERM, and the end of a `multiprocessing` child.

    On SIGTERM a thread flushes first while the program goes on, because the interrupted code may hold a lock that the
    flush needs. Then the signal is sent again, the little that came in between is flushed, and what would have handled
    the signal without genops handles it: a handler of the program, or the operating system, which ends the process.
    """

    def __init__(self) -> None:
        self._end: Callback | None = None
        self._flush: Callback | None = None
        self._previous: Any = None
        self._handling = False
        self._flushing = False
        on_fork(self._forked)

    def install(self, end: Callback, flush: Callback | None = None) -> None:
        """Run `end` when the process ends. A second call replaces the callbacks.

        Args:
            end: Flushes and ends, within a bound of its own; may be called more than once.
            flush: Flushes where the program has a SIGTERM handler of its own and may go on; `None` for `end`.
        """
        if self._end is None:
            atexit.register(self._run)
        self._end, self._flush = end, flush or end
        if self._handling or threading.current_thread() is not threading.main_thread():
            return
        previous = signal.getsignal(signal.SIGTERM)
        if previous is not None and previous != signal.SIG_IGN:
            self._previous = previous
            signal.signal(signal.SIGTERM, self._on_signal)
            self._handling = True

    def uninstall(self) -> None:
        """Run nothing any more, and give SIGTERM back where nobody else has taken it."""
        self._end = self._flush = None
        atexit.unregister(self._run)
        if (
            self._handling
            and threading.current_thread() is threading.main_thread()
            and signal.getsignal(signal.SIGTERM) == self._on_signal
        ):
            signal.signal(signal.SIGTERM, self._previous)
            self._handling = False

    def at_end_of_child(self) -> None:
        """In a child of `multiprocessing`, which leaves by `os._exit`, have its own finalizers run the callback."""
        process, util = sys.modules.get("multiprocessing.process"), sys.modules.get("multiprocessing.util")
        if self._end is None or process is None or util is None or process.parent_process() is None:
            return
        util.Finalize(None, self._run, exitpriority=0)

    def _run(self) -> None:
        if self._end is not None:
            self._end()

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        if not self._flushing and self._flush is not None and self._flush_aside(self._flush, number):
            return
        self._flushing = False
        if callable(self._previous):
            if self._flush is not None:
                self._flush()
            self._previous(number, frame)
            return
        self._run()
        signal.signal(number, signal.SIG_DFL)
        os.kill(os.getpid(), number)

    def _flush_aside(self, flush: Callback, number: int) -> bool:
        def flush_and_signal() -> None:
            try:
                flush()
            finally:
                os.kill(os.getpid(), number)

        self._flushing = True
        try:
            threading.Thread(target=flush_and_signal, name="genops-exit", daemon=True).start()
        except RuntimeError:  # the interpreter is already ending
            return False
        return True

    def _forked(self) -> None:
        self._flushing = False


_exits = Exits()
install = _exits.install
uninstall = _exits.uninstall
at_end_of_child = _exits.at_end_of_child
