"""What the receivers hand in: each request counted, taken once or refused, and none lost at the end."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

Take = Callable[[object, str], None]
Reject = Callable[[str, str], None]
REMEMBERED = 10_000
"""Requests whose repetition is seen. An exporter that has no answer sends the same again, within minutes."""
ENDED = "the receiving has ended"


class Intake:
    """Between receivers and a judge. Safe to use from several threads.

    Args:
        take: Takes an export request, as JSON has it, and where it comes from.
        reject: Told why something is no readable OTLP, and where it comes from.

    Attributes:
        accepted: Requests taken, those included that were repetitions.
        repeated: Requests passed over because the very same bytes had been taken already.
        refused: Requests refused.
        decoding: To hold while a body is decoded and taken: one at a time, so that memory is that of one body.
    """

    def __init__(self, take: Take, reject: Reject) -> None:
        self._take, self._reject = take, reject
        self._changed = threading.Condition()
        self._under_way: dict[int, str] = {}
        self._seen: dict[bytes, None] = {}
        self._begun = 0
        self._ended = False
        self._last: float | None = None
        self.accepted = self.repeated = self.refused = 0
        self.decoding = threading.Lock()

    def begin(self, where: str) -> int:
        """Note that a request is under way.

        Args:
            where: Method and path.

        Returns:
            Its number; 0 where the receiving has ended.
        """
        with self._changed:
            if self._ended:
                return 0
            self._begun += 1
            self._under_way[self._begun] = where
            return self._begun

    def take(self, number: int, tree: object, mark: bytes) -> bool:
        """Take what a request holds, unless the same was taken already.

        Args:
            number: Of the request.
            tree: What it holds, as JSON has it.
            mark: Digest of its path and body.

        Returns:
            Whether it was taken: not where the receiving has ended meanwhile.
        """
        with self._changed:
            where = self._under_way.pop(number, None)
            if where is None:
                return False
            try:
                if mark in self._seen:
                    self.repeated += 1
                else:
                    self._take(tree, where)
                    self._remember(mark)
                self.accepted += 1
            finally:
                self._over()
            return True

    def refuse(self, number: int, why: str = "") -> None:
        """Note that a request was refused.

        Args:
            number: Of the request.
            why: What the verdict says about it; nothing where no telemetry was lost.
        """
        with self._changed:
            where = self._under_way.pop(number, None)
            if where is None:
                return
            self.refused += 1
            if why:
                self._reject(why, where)
            self._over()

    def fail(self, why: str) -> None:
        """Note a fault of the receiver itself, which the verdict has to tell."""
        self._reject(why, "--listen")

    def idle(self) -> float | None:
        """Return for how many seconds nothing has come; `None` before the first request, and while one is under way."""
        with self._changed:
            return None if self._under_way or self._last is None else time.monotonic() - self._last

    def finish(self, seconds: float) -> None:
        """End the receiving: wait for requests under way, and reject what is left of them.

        Args:
            seconds: How long to wait at most.
        """
        with self._changed:
            self._ended = True
            self._changed.wait_for(lambda: not self._under_way, seconds)
            for where in self._under_way.values():
                self.refused += 1
                self._reject("the request was still under way when the receiving ended", where)
            self._under_way.clear()

    def _remember(self, mark: bytes) -> None:
        self._seen[mark] = None
        if len(self._seen) > REMEMBERED:
            del self._seen[next(iter(self._seen))]

    def _over(self) -> None:
        self._last = time.monotonic()
        self._changed.notify_all()
