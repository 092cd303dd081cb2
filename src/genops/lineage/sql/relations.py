"""What a query reads from and what it gives: columns with their lineage, and what decides which rows there are."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import cached_property
from typing import NamedTuple

from genops.lineage.sql.traces import NOTHING, Lineage, Trace, joined, named
from genops.lineage.sql.understood import STAR, Table

_NO_NAMES: frozenset[str] = frozenset()


class Column(NamedTuple):
    """A column of a relation.

    Attributes:
        name: Its name; `*` where it stands for columns whose names are not known.
        lineage: Where its values come from.
        without: Names that a `*` does not stand for.
    """

    name: str
    lineage: Lineage = NOTHING
    without: frozenset[str] = _NO_NAMES


class Relation:
    """The outcome of a query.

    Attributes:
        columns: Its columns, in order.
        rows: What decides which rows there are, and which values meet in one.
    """

    def __init__(self, columns: Iterable[Column] = (), rows: Lineage = NOTHING) -> None:
        self.columns: Sequence[Column] = tuple(columns)
        self.rows = rows

    @cached_property
    def _known(self) -> dict[str, Lineage]:
        known: dict[str, Lineage] = {}
        for column in self.columns:
            if column.name != STAR:
                known[column.name] = known.get(column.name, NOTHING) | column.lineage
        return known

    @cached_property
    def _stars(self) -> tuple[Column, ...]:
        return tuple(column for column in self.columns if column.name == STAR)

    @property
    def open(self) -> bool:
        """Whether it has columns whose names are not known."""
        return bool(self._stars)

    def known(self, name: str) -> Lineage | None:
        """Return the lineage of a column that it certainly has; `None` where it has none of that name."""
        return self._known.get(name)

    def possible(self, name: str) -> Lineage | None:
        """Return the lineage of a column that it may have; `None` where it cannot have one of that name."""
        stars = [named(star.lineage, name) for star in self._stars if name not in star.without]
        return joined(stars) if stars else None

    def all(self) -> Lineage:
        """Return the lineage of all columns together."""
        return joined(column.lineage for column in self.columns)

    def renamed(self, names: Sequence[str]) -> Relation:
        """Return it with other names for its columns, as far as there are names and columns are certain."""
        if not names:
            return self
        if self.open:
            return Relation([Column(name, self.all()) for name in names], self.rows)
        rest = self.columns[len(names) :]
        return Relation([*(Column(n, c.lineage) for n, c in zip(names, self.columns, strict=False)), *rest], self.rows)


class Stored(Relation):
    """A table as it is stored.

    Args:
        table: Its name.
        names: Names of its columns; `None` where they are not known.
    """

    def __init__(self, table: Table, names: Sequence[str] | None) -> None:
        self.table = table
        self.names = names
        self.rows = NOTHING

    @cached_property
    def columns(self) -> Sequence[Column]:  # pyright: ignore[reportIncompatibleVariableOverride] - made when asked for
        """One for each name, or a star."""
        names = (STAR,) if self.names is None else self.names
        return [Column(name, frozenset((Trace(self.table, name),))) for name in names]

    @cached_property
    def _names(self) -> frozenset[str]:
        return frozenset(self.names or ())

    @property
    def open(self) -> bool:
        """Whether its columns are not known."""
        return self.names is None

    def known(self, name: str) -> Lineage | None:
        """Return the column itself, where it is known to be there."""
        return frozenset((Trace(self.table, name),)) if name in self._names else None

    def possible(self, name: str) -> Lineage | None:
        """Return the column itself, where the columns are not known."""
        return frozenset((Trace(self.table, name),)) if self.names is None else None
