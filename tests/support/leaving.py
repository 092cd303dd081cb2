"""Everything that leaves genops in one place: files, terminal, log records, warnings, records, errors, metrics."""

from __future__ import annotations

import contextlib
import io
import logging
import re
import traceback
import warnings
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from genops.core.records import Record

# What the program's libraries log of their own is no business of genops.
_NOT_OURS = ("databricks", "urllib3", "thrift")
# Some set levels of their own.
_WITH_LEVELS = ("genops", "sqlglot", "opentelemetry", "py.warnings", "asyncio")
_SHORTEST = 9
_SHORTEST_NUMBER = 12
# Two expressions, as both together would be tried at every character.
_WORD, _NUMBER = re.compile(rf"zq[a-z0-9]{{{_SHORTEST - 2}}}"), re.compile(rf"[1-9]{{{_SHORTEST_NUMBER},}}")


class Leaving(logging.Handler):
    """Gathers what leaves, as text by the way that it took.

    Attributes:
        texts: What left since the last look, by way.
    """

    def __init__(self, *files: Path) -> None:
        super().__init__(logging.DEBUG)
        self._files = dict.fromkeys(files, 0)
        self.terminal = io.StringIO()
        self.texts: dict[str, list[str]] = {}

    def said(self, way: str, *what: object) -> None:
        """Take something that left."""
        self.texts.setdefault(way, []).extend(map(repr, what))

    def write(self, record: Record) -> None:
        """Take a record: this is a sink, too."""
        self.said("records", record)

    def raised(self, error: BaseException) -> None:
        """Take an error of genops with its traceback's text."""
        self.said("errors", error, "".join(traceback.format_exception_only(type(error), error)), error.__dict__)

    def emit(self, record: logging.LogRecord) -> None:
        """Take a log record of any logger but those of the program's libraries."""
        if record.name.partition(".")[0] not in _NOT_OURS:
            self.said("logs", record.getMessage(), record.exc_info, record.__dict__.get("exc_text"))
            if record.exc_info:
                self.said("logs", "".join(traceback.format_exception(*record.exc_info)))

    def taken(self) -> dict[str, str]:
        """Return what left since the last look, files and terminal included, in lower case."""
        for path, seen in self._files.items():
            if path.exists():
                with path.open(encoding="utf-8") as stream:
                    stream.seek(seen)
                    self.texts.setdefault(path.name, []).append(stream.read())
                    self._files[path] = stream.tell()
        self.texts.setdefault("terminal", []).append(self.terminal.getvalue())
        self.terminal.seek(0)
        self.terminal.truncate()
        taken, self.texts = self.texts, {}
        return {way: "\n".join(texts).lower() for way, texts in taken.items()}


@contextlib.contextmanager
def listening(*files: Path) -> Iterator[Leaving]:
    """Hear everything inside the block: loggers at their finest, warnings, standard output and error."""
    leaving, root = Leaving(*files), logging.getLogger()
    before = root.level
    levels = {name: logging.getLogger(name).level for name in (*_WITH_LEVELS, *_NOT_OURS)}
    root.addHandler(leaving)
    root.setLevel(logging.DEBUG)
    for name in levels:
        logging.getLogger(name).setLevel(logging.DEBUG if name in _WITH_LEVELS else logging.CRITICAL)
    try:
        with warnings.catch_warnings(record=True) as warned, contextlib.redirect_stdout(leaving.terminal):
            warnings.simplefilter("always")
            with contextlib.redirect_stderr(leaving.terminal):
                yield leaving
            leaving.said("warnings", *(each.message for each in warned))
    finally:
        root.removeHandler(leaving)
        root.setLevel(before)
        for name, level in levels.items():
            logging.getLogger(name).setLevel(level)


def leaks(taken: dict[str, str], secrets: Iterable[str]) -> list[tuple[str, str, str]]:
    """Return way, secret and surroundings of every secret in what left.

    The beginning of one counts: nine characters, or twelve digits.

    Args:
        taken: What left, by way, in lower case.
        secrets: What must not.
    """
    beginnings = {_beginning(secret, 0): secret for secret in secrets}
    found: list[tuple[str, str, str]] = []
    for way, text in taken.items():
        for start in _starts(text):
            secret = beginnings.get(_beginning(text, start))
            if secret is not None:
                found.append((way, secret, text[max(0, start - 120) : start + 60]))
    return found


def _beginning(text: str, start: int) -> str:
    """Return as much of a secret as is told from other things: times have many digits."""
    return text[start : start + (_SHORTEST_NUMBER if text[start].isdigit() else _SHORTEST)]


def _starts(text: str) -> Iterator[int]:
    """Yield where a secret may begin."""
    yield from (match.start() for match in _WORD.finditer(text))
    for match in _NUMBER.finditer(text):
        yield from range(match.start(), match.end() - _SHORTEST_NUMBER + 1)
