"""Where events go that need no network: a stream and a file."""

from __future__ import annotations

import os
import sys
import threading
from pathlib import Path
from typing import Any, Protocol

from genops.errors import ConfigurationError

MAX_FILE_BYTES = 1 << 30


class Destination(Protocol):
    """Takes events, one at a time, from the thread of the sink.

    Attributes:
        name: What it is called in reports and in the log; holds no secret.
    """

    name: str

    def send(self, event: bytes) -> str | None:
        """Deliver one event.

        Args:
            event: JSON without a line break.

        Returns:
            `None` where it was accepted, otherwise why not: a class of reason, nothing that the other side wrote.
        """
        ...

    def close(self) -> None:
        """Give up what is under way, and release what is held."""
        ...


class Console:
    """Writes a line for every event.

    Args:
        stream: Where to; standard output, as it is at the time of writing, where none is given.
    """

    name = "console"

    def __init__(self, stream: Any = None) -> None:
        self._stream = stream

    def send(self, event: bytes) -> str | None:
        """Write an event; a stream that is closed or gone takes none."""
        stream = sys.stdout if self._stream is None else self._stream
        if stream is None:
            return "no stream"
        try:
            stream.write(event.decode() + "\n")
            stream.flush()
        except (OSError, ValueError) as fault:
            return type(fault).__name__
        return None

    def close(self) -> None:
        """The stream is not ours to close."""


class File:
    """Appends events to a file, a line each.

    The file is opened for every line, so that it may be moved away at any time. Lines of several processes do not mix.

    Args:
        path: The file; created where it does not exist, readable by its owner only.
        max_bytes: Once a line would make it longer, no more are written.

    Raises:
        ConfigurationError: It cannot be opened for appending.
    """

    def __init__(self, path: Path | str, max_bytes: int = MAX_FILE_BYTES) -> None:
        self.name = str(path)
        self._path = Path(path)
        self._max_bytes = max_bytes
        self._torn = False
        self._lock = threading.Lock()
        try:
            os.close(self._open())
        except OSError as error:
            raise ConfigurationError(
                f"the file of OpenLineage events, {self.name!r}, cannot be written ({error.strerror}); "
                "expected a path in a directory that exists and is writable"
            ) from error

    def send(self, event: bytes) -> str | None:
        """Append an event."""
        try:
            with self._lock:
                return self._append(event)
        except OSError as fault:
            return type(fault).__name__

    def close(self) -> None:
        """Nothing is held between two lines."""

    def _append(self, event: bytes) -> str | None:
        # After a line that was cut short, for example by a full disk, the next begins on a line of its own.
        line = (b"\n" if self._torn else b"") + event + b"\n"
        descriptor = self._open()
        try:
            if os.fstat(descriptor).st_size + len(line) > self._max_bytes:
                return "file is full"
            self._write(descriptor, line)
        finally:
            os.close(descriptor)
        return None

    def _write(self, descriptor: int, line: bytes) -> None:
        written = os.write(descriptor, line)
        self._torn = written < len(line)
        while written < len(line):
            written += os.write(descriptor, line[written:])
        self._torn = False

    def _open(self) -> int:
        # Without O_NONBLOCK, opening a named pipe would wait for its reader.
        further = getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
        return os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | further, 0o600)
