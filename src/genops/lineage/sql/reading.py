"""What is gathered while one statement is read."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

from genops.lineage.sql.relations import Column, Relation, Stored
from genops.lineage.sql.traces import NOTHING, Lineage
from genops.lineage.sql.understood import STAR, Table, Unresolved, dotted

if TYPE_CHECKING:
    from genops.lineage.sql.folding import Folding
    from genops.lineage.sql.scopes import Ctes, Scope
    from genops.lineage.sql.session import Known
    from genops.lineage.sql.steps import Steps
    from genops.lineage.sql.syntax import Node

_MAX_CANDIDATES = 100
_MAX_WORK = 30_000
Modifying: TypeAlias = "Callable[[Reading, Node, Scope | None, Ctes | None], Steps[Relation]]"


class Written(NamedTuple):
    """What a statement puts into a table, or returns.

    Attributes:
        table: The table; `None` for the outcome of a query.
        columns: What flows into which of its columns.
        rows: What decides which rows are written.
    """

    table: Table | None
    columns: tuple[Column, ...]
    rows: Lineage = NOTHING


class TooMuchError(Exception):
    """A statement whose lineage is larger than what is kept of one; short texts can have lineage of any size."""


class Reading:
    """One statement that is being read: what is known before, and what was found.

    Args:
        folding: How names compare.
        known: What session and schema know.
        modifying: Reads a statement inside a query, such as a data-modifying common table expression.

    Attributes:
        reads: Tables read, in order.
        writes: Tables written, in order.
        written: What is put into them.
        unresolved: Names that could not be told for certain.
    """

    def __init__(self, folding: Folding, known: Known, modifying: Modifying) -> None:
        self.folding = folding
        self.known = known
        self.reads: dict[Table, None] = {}
        self.writes: dict[Table, None] = {}
        self.written: list[Written] = []
        self.unresolved: dict[Unresolved, None] = {}
        self.modifying = modifying
        self._tables: dict[Table, Stored] = {}
        self._left = _MAX_WORK

    def spend(self, amount: int) -> None:
        """Count columns and traces that are made.

        Raises:
            TooMuchError: There are more than 30,000, thirteen times what the largest query of TPC-DS takes.
        """
        self._left -= amount
        if self._left < 0:
            raise TooMuchError

    def stored(self, table: Table) -> Stored:
        """Return a table with the columns that are known of it."""
        found = self._tables.get(table)
        if found is None:
            found = self._tables[table] = Stored(table, self.known.columns(table))
        return found

    def source(self, table: Table) -> Relation:
        """Return what is read under a name: a temporary view of the session, or a table, which is noted as read."""
        view = self.known.view(table)
        if view is not None:
            self.reads.update(dict.fromkeys(view.reads))
            return view.relation
        table = self.known.qualified(table)
        self.reads[table] = None
        return self.stored(table)

    def target(self, table: Table) -> Table:
        """Return the full name of a table that is written, which is noted."""
        table = self.known.qualified(table)
        self.writes[table] = None
        return table

    def write(self, table: Table | None, columns: Iterable[Column], rows: Lineage = NOTHING) -> None:
        """Note what flows into a table."""
        self.written.append(Written(table, tuple(columns), rows))

    def doubt(self, name: str, why: str, candidates: Iterable[Table] = ()) -> None:
        """Note a name that could not be told for certain, with the tables or columns that it may stand for."""
        sorted_candidates = sorted({dotted(each) for each in candidates})
        self.unresolved[Unresolved(name, why, tuple(sorted_candidates[:_MAX_CANDIDATES]))] = None

    def ambiguous(self, name: str, lineage: Lineage) -> None:
        """Note a name that several columns may stand for."""
        self.doubt(name, "ambiguous", [(*trace.table, trace.column) for trace in lineage])

    def stars(self, name: str, relation: Relation) -> None:
        """Note a star that stands for columns which are not known."""
        of = [trace.table for column in relation.columns if column.name == STAR for trace in column.lineage]
        self.doubt(name, "star", of)
