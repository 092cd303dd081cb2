"""Reads statements in a thread of its own, so that no call waits for a parser unless a rule has to know."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

from genops.core.forks import on_fork
from genops.core.queues import Queue
from genops.core.statements import UNREAD, Reading
from genops.lineage.sql.catalogs import changed, missing, of_any
from genops.lineage.sql.redaction import redact
from genops.lineage.sql.schema import NoSchema
from genops.lineage.sql.session import Session
from genops.lineage.sql.telling import CERTAIN, Telling, told
from genops.lineage.sql.understanding import understand

if TYPE_CHECKING:
    from genops.core.guard import Guard
    from genops.core.operation import Place, Statement
    from genops.lineage.sql.schema import SchemaProvider

MAX_KEPT = 2_000
MAX_WAITING = 1_000
MAX_HELD = 16 << 20
"""Characters of all texts that wait."""
MAX_SESSIONS = 1_000
IDLE_SECONDS = 60.0

Tell = Callable[[Reading], object]
_NO_SCHEMA = NoSchema()


class _Entry:
    """A statement that is being read, or what became of it."""

    def __init__(self, version: object, place: Place) -> None:
        self.version = version
        self.session = (place.host, place.session)
        self.undone = False
        self.reading: Reading | None = None
        self.tells: list[Tell] = []


class _Waiting(NamedTuple):
    """A statement that is to be read."""

    statement: Statement
    text: str
    entry: _Entry


class Reader:
    """Reads statements one after another and remembers what it read.

    Statements of one session are read in the order in which they began, as one leaves something to the next. A
    statement that finds no place in the queue is not read, which is counted.

    Args:
        guard: Counts what goes wrong.
        telling: What may be said of texts.
        schema_of: Returns what knows the columns of a host's tables.
        at_once: Read on the thread that begins a statement: for tests, which want the same order every time.

    Attributes:
        unread: Statements that found no place in the queue, or were not read by the end of a `drain`.
    """

    def __init__(
        self,
        guard: Guard,
        telling: Telling = Telling.REDACTED,
        schema_of: Callable[[str | None], SchemaProvider] = lambda _: _NO_SCHEMA,
        *,
        at_once: bool = False,
    ) -> None:
        self._guard = guard
        self._telling = telling
        self._schema_of = schema_of
        self._at_once = at_once
        self._queue: Queue[_Waiting] = Queue(self._read, "genops-statements", MAX_WAITING, idle_seconds=IDLE_SECONDS)
        self.unread = 0
        self._reset()
        on_fork(self._reset)

    def _reset(self) -> None:
        self._entries: OrderedDict[Statement, _Entry] = OrderedDict()
        self._sessions: OrderedDict[tuple[str | None, str], Session] = OrderedDict()
        self._held = 0
        self._changed = threading.Condition()

    def begin(self, statement: Statement, text: str) -> None:
        """Take the text of a statement that is about to run; returns at once."""
        version: object = getattr(self._schema_of(statement.place.host), "version", 0)
        with self._changed:
            known = self._entries.get(statement)
            if known is not None and not statement.place.session and known.version == version:
                self._entries.move_to_end(statement)
                return
            entry = self._entries[statement] = _Entry(version, statement.place)
            self._entries.move_to_end(statement)
            while len(self._entries) > MAX_KEPT:
                self._entries.popitem(last=False)
            waiting = _Waiting(statement, text, entry)
            if not self._at_once:
                if self._held > MAX_HELD or not self._queue.put(waiting):
                    self.unread += 1
                    entry.reading = UNREAD
                else:
                    self._held += len(text)
                return
        self._read(waiting)

    def known(self, statement: Statement) -> Reading | None:
        """Return what is known of a statement; `None` where it is being read."""
        entry = self._entries.get(statement)
        return UNREAD if entry is None else entry.reading

    def within(self, statement: Statement, seconds: float) -> Reading | None:
        """Return what is known of a statement after waiting at most so long for it."""
        entry = self._entries.get(statement)
        if entry is None:
            return UNREAD
        if entry.reading is None:
            with self._changed:
                self._changed.wait_for(lambda: entry.reading is not None, seconds)
        return entry.reading

    def when_read(self, statement: Statement, tell: Tell) -> None:
        """Tell what became known of a statement: at once where it is known, otherwise from the reader's thread."""
        entry = self._entries.get(statement)
        if entry is not None:
            with self._changed:
                if entry.reading is None:
                    entry.tells.append(tell)
                    return
        tell(UNREAD if entry is None or entry.reading is None else entry.reading)

    def undo(self, statement: Statement) -> None:
        """Take back what a statement leaves to its session, unless another one was read after it."""
        entry = self._entries.get(statement)
        if entry is None or not statement.place.session:
            return
        with self._changed:
            entry.undone = True
            session = self._sessions.get(entry.session)
            if session is not None and session.latest is entry:
                session.state = session.earlier

    def drain(self, seconds: float) -> bool:
        """Wait until everything is read; return whether it is. What is not by then is told as unread.

        The one statement that is being read then is known all the same to those who ask for it later.
        """
        done = self._queue.drain(seconds)
        for waiting in () if done else self._queue.take_back():
            self.unread += self._finish(waiting, UNREAD)
        return done

    def close(self, seconds: float) -> None:
        """Wait until everything is read, and let the thread go; a later statement brings a new one."""
        self.drain(seconds)
        self._queue.dismiss()

    def _read(self, waiting: _Waiting) -> None:
        statement, text, _ = waiting
        reading = UNREAD
        with self._guard.at("statements"):
            place = statement.place
            schema, session = self._schema_of(place.host), self._session(statement)
            before = session.state
            shown = redact(text, place.dialect)
            understood = understand(text, place.dialect, schema, session)
            reading = told(understood, text, shown, place, self._telling)
            if shown.reason in CERTAIN:
                reading = reading._replace(
                    changed=changed(text, understood, before, session.state, place.host),
                    missing=missing(understood, schema, place.host),
                )
            else:
                # What it takes for names may be a literal, which later statements must not take over from it.
                session.state = before
                reading = reading._replace(changed=of_any(statement))
        self._finish(waiting, reading)

    def _session(self, statement: Statement) -> Session:
        place = statement.place
        if not place.session:
            return Session(place.catalog, place.schema)
        key = (place.host, place.session)
        with self._changed:
            session = self._sessions.pop(key, None) or Session(place.catalog, place.schema)
            self._sessions[key] = session
            session.earlier = session.state
            if len(self._sessions) > MAX_SESSIONS:
                self._sessions.popitem(last=False)
        return session

    def _finish(self, waiting: _Waiting, reading: Reading) -> bool:
        """Tell what became known of a statement; return whether it is the first to tell, as giving up has to be."""
        entry = waiting.entry
        with self._changed:
            first = entry.reading is None
            if not first and reading is UNREAD:
                return False
            if first and not self._at_once:
                self._held -= len(waiting.text)
            entry.reading = reading
            session = self._sessions.get(entry.session)
            if session is not None:
                session.latest = entry
                if entry.undone:
                    session.state = session.earlier
            tells, entry.tells = entry.tells, []
            self._changed.notify_all()
        for tell in tells:
            with self._guard.at("statements"):
                tell(reading)
        return first
