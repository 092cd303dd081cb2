"""Statements that are understood beside the program: asked by rules, read while the call runs, never in its way."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple, Protocol

from genops.core.operation import NOTHING, DatasetRef, Facts

if TYPE_CHECKING:
    from genops.core.operation import Learnt, Operation, Statement


class Reading(NamedTuple):
    """What became known of a statement's text.

    Attributes:
        facts: Datasets, edges between datasets and columns, and what a span may say of the text.
        reads: Datasets that it reads.
        writes: Datasets that it writes.
        resolved: Whether these are all datasets; False where a part of the text was not understood.
        changed: Tables that have other columns once it has run; without columns where nobody can know them then. A
            name without parts stands for every table of its host.
        missing: Tables whose columns were not known and would have told more.
    """

    facts: Facts = NOTHING
    reads: tuple[DatasetRef, ...] = ()
    writes: tuple[DatasetRef, ...] = ()
    resolved: bool = False
    changed: tuple[tuple[DatasetRef, tuple[str, ...]], ...] = ()
    missing: tuple[DatasetRef, ...] = ()

    def told(self, *, flowed: bool) -> Facts:
        """Return its facts for a span or record.

        Args:
            flowed: Whether the statement ran to its end, so that data went where it says.
        """
        facts = self.facts
        return facts if flowed or not (facts.edges or facts.columns) else facts._replace(edges=(), columns=())


UNREAD = Reading()


class StatementReader(Protocol):
    """Understands statements in a thread of its own."""

    def begin(self, statement: Statement, text: str) -> None:
        """Take the text of a statement that is about to run; returns at once."""
        ...

    def known(self, statement: Statement) -> Reading | None:
        """Return what is known of a statement; `None` where it is being read."""
        ...

    def within(self, statement: Statement, seconds: float) -> Reading | None:
        """Return what is known of a statement after waiting at most so long for it."""
        ...

    def when_read(self, statement: Statement, tell: Callable[[Reading], object]) -> None:
        """Tell what became known of a statement: at once where it is known, otherwise from another thread."""
        ...

    def undo(self, statement: Statement) -> None:
        """Take back what a statement leaves to its session: it did not run to its end, or was refused."""
        ...


class NoReader:
    """Nobody understands statements."""

    def begin(self, statement: Statement, text: str) -> None:
        """The text is not looked at."""

    def known(self, statement: Statement) -> Reading:
        """Nothing."""
        return UNREAD

    def within(self, statement: Statement, seconds: float) -> Reading:
        """Nothing."""
        return UNREAD

    def when_read(self, statement: Statement, tell: Callable[[Reading], object]) -> None:
        """Nothing."""
        tell(UNREAD)

    def undo(self, statement: Statement) -> None:
        """Nothing was left."""


class Tables(Protocol):
    """Knows the columns of tables from what calls returned in passing and what statements made of them."""

    def learn(self, host: str, fact: Learnt) -> None:
        """Take what a call said of a table; its facts are `parts` of the name, and `columns` in their order."""
        ...

    def ran(self, operation: Operation, reading: Reading, *, succeeded: bool) -> None:
        """Take what a statement that ran has made of tables; where it failed, what it may have."""
        ...


class NoTables:
    """Nobody knows columns."""

    def learn(self, host: str, fact: Learnt) -> None:
        """It is not kept."""

    def ran(self, operation: Operation, reading: Reading, *, succeeded: bool) -> None:
        """It is not looked at."""
