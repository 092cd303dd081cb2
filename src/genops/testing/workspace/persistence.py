"""What lasts between two starts of a workspace: one directory, one process, one JSON file besides the data.

The rows of tables are in DuckDB's files, the files of volumes lie as they are. Everything else that lasts is written
as one file, whole each time and put in its place at once, so that a process that is killed leaves the last state that
was written and never half of one.
"""

from __future__ import annotations

import contextlib
import json
import os
import threading
import time
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping
    from contextlib import AbstractContextManager

    from typing_extensions import Self

    from genops.testing.workspace.http.wire import Json

FORMAT = 1
"""Of the directory; one of a later number is refused."""
_FILE, _LOCK = "workspace.json", "lock"
_PAUSE_SECONDS = 0.1
_SHARE = 10
"""How many times as long as a state took to be written passes before the next is."""


class DataDirectoryError(ValueError):
    """A directory that cannot be used: another process has it, it is somebody else's, or of a later format."""


class Lasting(Protocol):
    """Something that lasts."""

    def state(self) -> Json:
        """Everything about it, as JSON; what it holds may change as soon as this returns."""
        ...

    def restore(self, state: Json) -> None:
        """Take over what :meth:`state` gave at another time."""
        ...


class DataDirectory:
    """The directory of a workspace, taken for this process until :meth:`close`.

    Args:
        path: The directory; it is made where it is absent.

    Attributes:
        path: Where it is.
        kept: What was written last; empty in a new directory.

    Raises:
        DataDirectoryError: It cannot be used.
    """

    def __init__(self, path: Path) -> None:
        self.path = path.absolute()
        self._check_ours()
        self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.path = self.path.resolve()
        self._lock = _locked(self.path / _LOCK)
        try:
            self.kept: Json = self._read()
        except BaseException:
            self.close()
            raise

    def _check_ours(self) -> None:
        if self.path.exists() and not self.path.is_dir():
            raise DataDirectoryError(f"{self.path} is a file; expected a directory")
        if self.path.is_dir() and any(self.path.iterdir()) and not (self.path / _LOCK).is_file():
            raise DataDirectoryError(f"{self.path} holds other files; expected an empty directory or a workspace's own")

    def _read(self) -> Json:
        file = self.path / _FILE
        if not file.exists():
            return {}
        try:
            found: Any = json.loads(file.read_text("utf-8"))
            number = int(found["format"])
        except (ValueError, KeyError, TypeError) as error:
            raise DataDirectoryError(f"{file} is damaged: {error!r}. Restore it, or use a new directory") from None
        if number > FORMAT:
            raise DataDirectoryError(
                f"{self.path} was written by a later version of genops: its format is {number}, and this version reads "
                f"formats up to {FORMAT}. Install that version, or use a new directory"
            )
        return found

    def claim(self, facts: Json) -> None:
        """Refuse a workspace that is not the one whose objects are here.

        Args:
            facts: Who and where it is, by the name of the argument.

        Raises:
            DataDirectoryError: One of them is another than at the first start.
        """
        for name, value in facts.items():
            before = self.kept.get("facts", facts)[name]
            if before != value:
                raise DataDirectoryError(
                    f"{self.path} is of a workspace with {name} {before!r}, not {value!r}. Give the same {name} as "
                    "before, or use a new directory"
                )

    def write(self, text: str) -> None:
        """Put a new state in the place of the last, at once; only its owner may read it, as there are secrets in it."""
        file, fresh = self.path / _FILE, self.path / f"{_FILE}.new"
        with open(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as opened:  # noqa: PTH123 - by a descriptor with its mode
            opened.write(text)
            opened.flush()
            os.fsync(opened.fileno())
        os.replace(fresh, file)  # noqa: PTH105 - the name of the operation that this relies on

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Let another process have it."""
        with contextlib.suppress(OSError, ImportError):
            import fcntl

            # Before it is closed: a process that was forked meanwhile has it open too.
            fcntl.flock(self._lock, fcntl.LOCK_UN)
            os.close(self._lock)


def _locked(file: Path) -> int:
    try:
        import fcntl
    except ImportError:
        raise DataDirectoryError("data is kept on systems with POSIX file locks only, as Linux and macOS") from None
    descriptor = os.open(file, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(descriptor)
        raise DataDirectoryError(
            f"{file.parent} is in use by another workspace. Stop that one, or give this one a directory of its own"
        ) from None
    return descriptor


class Persistence:
    """Writes the state of a workspace shortly after it has changed, and at its end.

    Args:
        directory: Where.
        facts: What is written besides the parts.
        parts: What lasts, by name.
        lock: Held while the state is gathered, so that no change is half done.
    """

    def __init__(
        self, directory: DataDirectory, facts: Json, parts: Mapping[str, Lasting], lock: AbstractContextManager[Any]
    ) -> None:
        self._directory = directory
        self._facts = facts
        self._parts = dict(parts)
        self._lock = lock
        self._written = ""
        self._saving = threading.Lock()
        self._guard = threading.Lock()
        self._stirred = threading.Event()
        self._ended = threading.Event()
        self._thread: threading.Thread | None = None

    def changed(self) -> None:
        """Something may have changed; it is written soon."""
        self._stirred.set()
        with self._guard:
            if self._thread is None and not self._ended.is_set():
                self._thread = threading.Thread(target=self._watch, name="local-saver", daemon=True)
                self._thread.start()

    def save(self) -> None:
        """Write the state, if it is another one than was written last."""
        # One at a time: the thread that saves and whoever asks for it now would share the new file.
        with self._saving:
            with self._lock:
                text = json.dumps({"format": FORMAT, **self._facts, **self._gathered()}, separators=(",", ":"))
            if text != self._written:
                self._directory.write(text)
                self._written = text

    def _gathered(self) -> Json:
        return {name: part.state() for name, part in self._parts.items()}

    def _watch(self) -> None:
        pause = _PAUSE_SECONDS
        while not self._ended.is_set():
            self._stirred.wait()
            self._ended.wait(pause)
            self._stirred.clear()
            begun = time.perf_counter()
            self._try()
            pause = max(_PAUSE_SECONDS, _SHARE * (time.perf_counter() - begun))

    def _try(self) -> None:
        try:
            self.save()
        except RuntimeError:
            # A service without a lock of the catalog's changed under our hands; the next time will do.
            self._stirred.set()
        except OSError as error:
            warnings.warn(f"the local workspace could not write its state: {error}", RuntimeWarning, stacklevel=2)

    def close(self) -> None:
        """Write the last state."""
        with self._guard:
            self._ended.set()
        self._stirred.set()
        if self._thread is not None:
            self._thread.join()
        self._try()
