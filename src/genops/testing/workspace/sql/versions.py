"""Versions of tables: the history that Delta would have, and the rows of versions that are still kept.

Most tables are never asked for their past, so the past costs little. A version of a table that only grew since is the
first rows of the table itself. What rewrites rows copies them before, once for all versions that still shared them, up
to :data:`KEPT_ROWS`; the copy of a larger table is not made and its older versions are gone, as after a VACUUM.
"""

# ruff: noqa: S608 - the SQL is built from quoted identifiers and escaped literals

from __future__ import annotations

import contextlib
import datetime as dt
import itertools
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from genops.testing.workspace.sql.database import address_of
from genops.testing.workspace.sql.failures import SqlError, UnsupportedError
from genops.testing.workspace.sql.values import quoted

if TYPE_CHECKING:
    from collections.abc import Generator

    from genops.testing.workspace.clock import Clock
    from genops.testing.workspace.http.wire import Json
    from genops.testing.workspace.sql.database import Database

KEPT_VERSIONS = 30
"""Versions of a table whose rows are kept; of older ones only the history is known."""
KEPT_ROWS = 250_000
"""Rows of a table that is copied before it is rewritten."""
KEPT_TOTAL = 1_000_000
"""Rows of all copies together; beyond them the oldest copies go."""
HISTORY = 1_000
"""Entries of a table's history; older ones are forgotten."""
_SCHEMA = "versions"


@dataclass
class Version:
    """A version of a table.

    Attributes:
        number: Counts from 0.
        at: When it was made, in seconds since the epoch by the workspace's clock.
        user: Who made it.
        operation: ``WRITE``, ``MERGE`` … as Delta names it.
        parameters: What the operation was told.
        metrics: What the operation did; numbers as text, as Delta has them.
        rows: Rows of the table.
        columns: Names and DuckDB types of its columns.
        copy: The table that holds its rows; empty where the table itself still begins with them.
        gone: Whether its rows are kept no longer.
    """

    number: int
    at: float
    user: str
    operation: str
    parameters: Json
    metrics: dict[str, str]
    rows: int
    columns: list[tuple[str, str]]
    copy: str = ""
    gone: bool = False


@dataclass
class Change:
    """A change that is under way; it becomes a version by :meth:`commit`.

    Attributes:
        copy: The table that holds the rows as they were, where one was made.
        rewrites: Whether rows that were there may be changed or go.
    """

    owner: Versions
    info: Json
    rewrites: bool
    user: str
    copy: str = ""
    committed: bool = False

    def commit(self, operation: str, parameters: Json | None = None, metrics: dict[str, Any] | None = None) -> Version:
        """Make a version of what was done."""
        self.committed = True
        return self.owner.commit(self, operation, parameters or {}, metrics or {})


@dataclass
class _Held:
    name: str
    versions: list[Version] = field(default_factory=list[Version])
    files: dict[str, tuple[int, int]] = field(default_factory=dict[str, "tuple[int, int]"])


class Versions:
    """Keeps the versions of all tables, by table id.

    Args:
        database: Where tables and copies lie.
        clock: Gives the times.
    """

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock
        self._held: dict[str, _Held] = {}
        self._copies: dict[str, int] = {}
        self._numbers = itertools.count(1)
        # When the versions of tables that were there before begin: what they were earlier is not known.
        self._since = 0.0
        self._restored: dict[str, dict[str, tuple[int, int]]] = {}

    # Reading

    def history(self, info: Json) -> list[Version]:
        """The versions of a table, newest first; the last of them may be newer than 0 in a long history."""
        return list(reversed(self._of(info)))

    def latest(self, info: Json) -> int:
        """The number of a table's newest version."""
        return self._of(info)[-1].number

    def find(self, info: Json, *, number: int | None = None, at: float | None = None) -> Version:
        """A version by its number, or the one that was the newest at a time.

        Raises:
            SqlError: There is none, or its rows are gone.
        """
        versions = self._of(info)
        found = _numbered(versions, number) if number is not None else _at(versions, at or 0.0)
        if found.gone:
            raise SqlError(
                f"[DELTA_FILE_NOT_FOUND_DETAILED] Version {found.number} of {info['full_name']} is no longer kept: the "
                f"local workspace keeps the last {KEPT_VERSIONS} versions of a table of up to {KEPT_ROWS} rows. "
                "This can occur when data has been deleted by VACUUM.",
                "42K03",
            )
        return found

    def query(self, info: Json, version: Version) -> str:
        """The rows of a version, as a DuckDB query."""
        present = dict(self._columns(info))
        names = [name for name, _ in version.columns]
        if not version.copy and any(present.get(name) != kind for name, kind in version.columns):
            raise UnsupportedError("time travel to before a column was renamed, dropped or given another type")
        shown = ", ".join(quoted(name) for name in names)
        return f"SELECT {shown} FROM {version.copy or address_of(info)} LIMIT {version.rows}"

    # Writing

    @contextlib.contextmanager
    def changing(self, info: Json, user: str, *, rewrites: bool) -> Generator[Change]:
        """Keep a table's rows, as far as needed, while they are changed; to be called under the catalog's lock.

        Args:
            info: The table.
            user: Who changes it.
            rewrites: Whether rows that were there may be changed or go.
        """
        versions = self._of(info)
        change = Change(self, info, rewrites, user)
        if rewrites and any(not version.copy and not version.gone for version in versions):
            change.copy = self._copied(info, versions[-1].rows)
        try:
            yield change
        finally:
            if change.copy and not change.committed:
                self._drop(change.copy)

    def created(self, info: Json, user: str, operation: str, metrics: dict[str, Any] | None = None) -> None:
        """Begin the history of a table that has just been created."""
        self._held[info["table_id"]] = _Held(info["full_name"])
        self._append(info, user, operation, {}, metrics or {})

    def forget(self, info: Json) -> None:
        """Forget a table that was dropped."""
        held = self._held.pop(info.get("table_id", ""), None)
        for copy in {version.copy for version in held.versions} if held else ():
            self._drop(copy)

    def loaded(self, info: Json) -> dict[str, tuple[int, int]]:
        """The files that COPY INTO has put into a table: size and time of change by path; the caller adds to it."""
        self._of(info)
        return self._held[info["table_id"]].files

    # Between two starts

    def state(self) -> Json:
        """What lasts: the files that COPY INTO has loaded, by table id."""
        files = {identifier: held.files for identifier, held in list(self._held.items()) if held.files}
        return {**self._restored, **files}

    def restore(self, state: Json) -> None:
        """Take over what :meth:`state` gave; the versions of every table begin anew."""
        self._since = self._clock.now()
        self._restored = {
            identifier: {path: (size, at) for path, (size, at) in files.items()} for identifier, files in state.items()
        }

    def commit(self, change: Change, operation: str, parameters: Json, metrics: dict[str, Any]) -> Version:
        """Make a version of a change; :meth:`Change.commit` is how changes say it."""
        if change.rewrites:
            for version in self._of(change.info):
                if not version.copy and not version.gone:
                    version.copy, version.gone = change.copy, not change.copy
        version = self._append(change.info, change.user, operation, parameters, metrics)
        self._trim(change.info)
        return version

    # Inside

    def _of(self, info: Json) -> list[Version]:
        held = self._held.get(info["table_id"])
        if held is None:
            files = self._restored.pop(info["table_id"], {})
            held = self._held[info["table_id"]] = _Held(info["full_name"], files=files)
            first = self._version(info, 0, info["owner"], "CREATE TABLE", {}, {})
            first.at = max(info["created_at"] / 1000, self._since)
            held.versions.append(first)
        return held.versions

    def _append(self, info: Json, user: str, operation: str, parameters: Json, metrics: dict[str, Any]) -> Version:
        versions = self._held[info["table_id"]].versions
        number = versions[-1].number + 1 if versions else 0
        version = self._version(info, number, user, operation, parameters, metrics)
        versions.append(version)
        del versions[:-HISTORY]
        return version

    def _version(
        self, info: Json, number: int, user: str, operation: str, parameters: Json, metrics: dict[str, Any]
    ) -> Version:
        rows = int(self._database.rows(f"SELECT count(*) FROM {address_of(info)}")[0][0])
        texts = {name: str(value) for name, value in metrics.items()}
        # To the millisecond, as history shows it: a time that it shows is one at which the version can be read.
        now = self._clock.millis() / 1000
        return Version(number, now, user, operation, parameters, texts, rows, self._columns(info))

    def _columns(self, info: Json) -> list[tuple[str, str]]:
        found = self._database.columns(info["catalog_name"], info["schema_name"], info["name"])
        return [(name, kind) for name, kind, _ in found]

    def _copied(self, info: Json, rows: int) -> str:
        if rows > KEPT_ROWS:
            return ""
        if not self._copies:
            self._database.change(f"CREATE SCHEMA IF NOT EXISTS memory.{_SCHEMA}")
        copy = f"memory.{_SCHEMA}.v{next(self._numbers)}"
        self._database.change(f"CREATE TABLE {copy} AS SELECT * FROM {address_of(info)}")
        self._copies[copy] = rows
        return copy

    def _trim(self, info: Json) -> None:
        for version in self._of(info)[:-KEPT_VERSIONS]:
            version.gone = True
        used = {version.copy for held in list(self._held.values()) for version in held.versions if not version.gone}
        for copy in [copy for copy in self._copies if copy not in used]:
            self._drop(copy)
        while sum(self._copies.values()) > KEPT_TOTAL:
            oldest = next(iter(self._copies))
            for held in list(self._held.values()):
                for version in held.versions:
                    version.gone = version.gone or version.copy == oldest
            self._drop(oldest)

    def _drop(self, copy: str) -> None:
        if self._copies.pop(copy, None) is not None:
            self._database.change(f"DROP TABLE {copy}")


def _numbered(versions: list[Version], number: int) -> Version:
    for version in versions:
        if version.number == number:
            return version
    raise SqlError(
        f"[DELTA_VERSION_NOT_FOUND] Cannot time travel Delta table to version {number}. Available versions: "
        f"[{versions[0].number}, {versions[-1].number}].",
        "22003",
    )


def _at(versions: list[Version], at: float) -> Version:
    asked = _shown(at)
    if at < versions[0].at:
        raise SqlError(
            f"[DELTA_TIMESTAMP_EARLIER_THAN_COMMIT_RETENTION] The provided timestamp ({asked}) is before the earliest "
            f"version available to this table ({_shown(versions[0].at)}). Please use a timestamp after it.",
            "42816",
        )
    if at > versions[-1].at:
        raise SqlError(
            f"[DELTA_TIMESTAMP_GREATER_THAN_COMMIT] The provided timestamp ({asked}) is after the latest version "
            f"available to this table ({_shown(versions[-1].at)}). Please use a timestamp before or at it.",
            "42816",
        )
    return [version for version in versions if version.at <= at][-1]


def _shown(at: float) -> str:
    return dt.datetime.fromtimestamp(at, dt.timezone.utc).strftime("%Y-%m-%d %H:%M:%S.%f")[:-3]
