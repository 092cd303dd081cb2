"""`genops workspace` in a process of its own."""

from __future__ import annotations

import os
import queue
import re
import signal
import subprocess
import sys
import threading
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING

import genops
from support.sdk import workspace_client

if TYPE_CHECKING:
    from databricks.sdk import WorkspaceClient
    from typing_extensions import Self

_SECONDS = 60


class WorkspaceCommand:
    """A server that a test starts, talks to and ends.

    Args:
        options: Of the command line.

    Attributes:
        exports: The environment variables that it says to set.
        output: Lines of its standard output so far.
    """

    def __init__(self, *options: str) -> None:
        kept = {k: v for k, v in os.environ.items() if not k.startswith(("GENOPS_", "DATABRICKS_"))}
        source = str(Path(genops.__path__[0]).parent)
        self._process = subprocess.Popen(
            [sys.executable, "-c", "from genops.cli import main; main()", "workspace", *options],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={**kept, "PYTHONPATH": source},
        )
        self.exports: dict[str, str] = {}
        self.output: list[str] = []
        self._lines: queue.Queue[str | None] = queue.Queue()
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self._lines.put(line.rstrip("\n"))
        self._lines.put(None)

    def until(self, pattern: str) -> str:
        """Wait for a line that matches.

        Raises:
            AssertionError: The process ended without one.
        """
        while (line := self._lines.get(timeout=_SECONDS)) is not None:
            self.output.append(line)
            found = re.fullmatch(r"\s*export (\w+)=(.*)", line)
            if found:
                self.exports[found[1]] = found[2]
            if re.search(pattern, line):
                return line
        raise AssertionError(f"no line matches {pattern!r}: {self.output}")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.end(signal.SIGKILL)

    def end(self, number: int = signal.SIGTERM) -> int:
        """Send a signal and give the exit code; a second call gives it again."""
        if self._process.poll() is None:
            self._process.send_signal(number)
        code = self._process.wait(_SECONDS)
        self._reader.join(_SECONDS)
        while (line := self._lines.get() if not self._lines.empty() else None) is not None:
            self.output.append(line)
        return code

    def said(self) -> tuple[int, str]:
        """Wait for an end of its own: exit code and standard error."""
        assert self._process.stderr is not None
        return self._process.wait(_SECONDS), self._process.stderr.read()

    def client(self) -> WorkspaceClient:
        """The real SDK's client with what was exported."""
        self.until("Ctrl-C")
        place = SimpleNamespace(host=self.exports["DATABRICKS_HOST"], token=self.exports["DATABRICKS_TOKEN"])
        return workspace_client(place)  # pyright: ignore[reportArgumentType] - it needs no more of a workspace
