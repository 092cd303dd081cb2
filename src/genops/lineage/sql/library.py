"""The one place that imports sqlglot: late, once, and without a word of its own in anybody's log."""

from __future__ import annotations

import logging
import os
import threading
from typing import Any, NamedTuple

_log = logging.getLogger("genops")

DIALECTS = ("databricks", "spark", "snowflake", "bigquery", "tsql", "athena", "trino", "duckdb", "postgres")
_ALSO = {
    "sparksql": "spark",
    "spark2": "spark",
    "hive": "spark",
    "mssql": "tsql",
    "sqlserver": "tsql",
    "fabric": "tsql",
    "presto": "trino",
    "postgresql": "postgres",
}


class Library(NamedTuple):
    """What is used of sqlglot; its trees are `Any` everywhere, because they have no stable types.

    Attributes:
        sqlglot: The package.
        exp: Its kinds of expressions.
        scope: `sqlglot.optimizer.scope`.
        normalize: `normalize_identifiers(tree, dialect=...)`.
        version: Its version, as numbers as far as they are numbers.
    """

    sqlglot: Any
    exp: Any
    scope: Any
    normalize: Any
    version: tuple[int, ...]


class Parsed(NamedTuple):
    """One parsed statement, or why there is none.

    Attributes:
        tree: Root of its tree; `None` where it could not be parsed.
        reason: `absent` (no sqlglot), `syntax`, `depth`, `fault`, or an empty string where there is a tree.
    """

    tree: Any
    reason: str = ""


def known(dialect: str) -> str | None:
    """Return the name by which a dialect is known here, or `None` for one that is not.

    >>> known("PostgreSQL"), known("databricks"), known("cobol")
    ('postgres', 'databricks', None)
    """
    name = dialect.lower() if isinstance(dialect, str) else ""  # pyright: ignore[reportUnnecessaryIsInstance] -- callers' words
    return name if name in DIALECTS else _ALSO.get(name)


class _Loading:
    """Imports the library at the first use, and says once where that fails."""

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self.tried = False
        self.library: Library | None = None

    def hold(self) -> None:
        """Wait until nobody loads, and let nobody."""
        self._lock.acquire()

    def let_go(self) -> None:
        """Let others load again."""
        self._lock.release()

    def begin_anew(self) -> None:
        """Let a child load, whose parent held the lock."""
        self._lock = threading.RLock()

    def load(self) -> Library | None:
        if not self.tried:
            with self._lock:
                if not self.tried:
                    try:
                        self.library = _imported()
                    except RecursionError:  # says something of the caller's stack and nothing of the library
                        return None
                    self.tried = True
        return self.library


def _imported() -> Library | None:
    """Import the library and try it; `None` where it is absent or broken.

    Raises:
        RecursionError: The stack is nearly used up.
    """
    try:
        import sqlglot
        from sqlglot import exp
        from sqlglot.optimizer import scope
        from sqlglot.optimizer.normalize_identifiers import normalize_identifiers

        # Compiled files of another version import well and fail at the first use.
        with silence():
            sqlglot.parse_one("SELECT 1", read="databricks")
        version = tuple(int(part) for part in str(vars(sqlglot)["__version__"]).split(".")[:3] if part.isdigit())
        _quieten()
    except RecursionError:
        raise
    except Exception as fault:  # an absent or broken library means no lineage, never a broken program
        _log.warning(
            "genops reads no lineage from SQL: sqlglot cannot be used (%s). Install sqlglot>=27,<31.",
            type(fault).__name__,
        )
        return None
    return Library(sqlglot, exp, scope, normalize_identifiers, version)


_loading = _Loading()
if hasattr(os, "register_at_fork"):
    # What another thread has half imported when the process forks stays so in the child, where every import waits.
    os.register_at_fork(before=_loading.hold, after_in_parent=_loading.let_go, after_in_child=_loading.begin_anew)
_inside = threading.local()


def load() -> Library | None:
    """Return the library, imported at the first call; `None` where it is absent or broken, which is logged once."""
    return _loading.load()


class _Quiet(logging.Filter):
    """Drops what sqlglot logs inside our calls: it quotes the statement. The program's own use of it stays loud."""

    def filter(self, record: logging.LogRecord) -> bool:  # noqa: ARG002 -- the signature is logging's
        return not getattr(_inside, "depth", 0)


_quiet = _Quiet()


def _quieten() -> None:
    logging.getLogger("sqlglot").addFilter(_quiet)


class _Silence:
    def __enter__(self) -> None:
        _quieten()
        _inside.depth = getattr(_inside, "depth", 0) + 1

    def __exit__(self, *_: object) -> None:
        _inside.depth -= 1


silence = _Silence
"""Context manager in which sqlglot logs nothing on this thread; whatever walks or writes its trees stands inside."""


def parse(statement: str, dialect: str) -> Parsed:
    """Parse one statement. Never raises; ask `guards.too_complex` first, since a compiled parser can crash.

    Args:
        statement: Text of one statement.
        dialect: One of `DIALECTS`.
    """
    library = load()
    if library is None:
        return Parsed(None, "absent")
    errors = library.sqlglot.errors
    try:
        with silence():
            trees = library.sqlglot.parse(statement, read=dialect)
    except RecursionError:
        return Parsed(None, "depth")
    except errors.SqlglotError:
        return Parsed(None, "syntax")
    except Exception:  # a fault of the parser is that statement's end, and its message quotes the text
        return Parsed(None, "fault")
    trees = [tree for tree in trees if tree is not None]
    return Parsed(trees[0]) if len(trees) == 1 else Parsed(None, "syntax")


__all__ = ["DIALECTS", "Library", "Parsed", "known", "load", "parse", "silence"]
