"""What a column is needed for, by trial: its values are changed, the query runs again, and some outputs differ.

The truth is DuckDB's, which runs a query of Databricks SQL in sqlglot's translation.
"""

from __future__ import annotations

import re
from collections import Counter
from typing import TYPE_CHECKING, Any, NamedTuple

import duckdb
import sqlglot
from sqlglot import exp

from genops.lineage.sql.schema import Declared
from genops.lineage.sql.understanding import understand

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from genops.lineage.sql.understood import Understood


class Check(NamedTuple):
    """A query that ran with one column changed.

    Attributes:
        column: `table.column`.
        changed: Outputs that differ.
        named: Outputs of which lineage says that they depend on it.
    """

    column: str
    changed: frozenset[str]
    named: frozenset[str]

    @property
    def violated(self) -> bool:
        """Whether an output differs of which lineage does not know why."""
        return not self.changed <= self.named


class Perturbed:
    """Tables whose columns can be changed one at a time.

    Args:
        tables: For each table the query that gives its rows.
    """

    def __init__(self, tables: Mapping[str, str]) -> None:
        self._connection = duckdb.connect(config={"threads": 1})
        self._kinds: dict[str, dict[str, str]] = {}
        for table, rows in tables.items():
            self._connection.execute(f"CREATE TABLE base_{table} AS {rows}")
            described = self._connection.execute(f"DESCRIBE base_{table}").fetchall()
            self._kinds[table] = {str(row[0]): str(row[1]) for row in described}
            self._restore(table)
        self.schema = Declared(self._kinds)

    def checks(self, text: str) -> Iterator[Check]:
        """Yield a check for every column of a table that is read whose name stands in the text.

        Raises:
            duckdb.Error: A query cannot run at all.
        """
        trees = [tree for tree in sqlglot.parse(text, read="databricks") if tree is not None]
        for tree, understood in zip(trees, understand(text, "databricks", self.schema), strict=True):
            yield from self._one(tree, understood, frozenset(re.findall(r"\w+", text.lower())))

    def _one(self, tree: Any, understood: Understood, words: frozenset[str]) -> Iterator[Check]:
        query = _whole(tree)
        names, before = self._outcome(query, tree)
        for *_, table in understood.reads:
            for column in words & self._kinds[table].keys():
                source = f"{table}.{column}"
                named = frozenset(flow.target for flow in understood.columns if flow.source == source)
                after = [self._changed(query, tree, table, column, value) for value in self._values(table, column)]
                ran = [values for values in after if values is not None]
                differs = (i for values in ran for i, each in enumerate(values) if each != before[i])
                if ran:
                    yield Check(source, frozenset(names[i] for i in differs), named)

    def _changed(self, query: str, tree: Any, table: str, column: str, value: str) -> list[Counter[str]] | None:
        """Return the outputs with other values in a column; `None` where the query cannot take these."""
        self._connection.execute(
            f'CREATE OR REPLACE VIEW {table} AS SELECT * REPLACE ({value} AS "{column}") FROM base_{table}'
        )
        try:
            return self._outcome(query, tree)[1]
        except duckdb.Error:  # it runs on the tables as they are, but not on every value
            return None
        finally:
            self._restore(table)

    def _restore(self, table: str) -> None:
        self._connection.execute(f"CREATE OR REPLACE VIEW {table} AS FROM base_{table}")

    def _outcome(self, query: str, tree: Any) -> tuple[list[str], list[Counter[str]]]:
        """Return names and values of the outputs, each column's values without an order."""
        cursor = self._connection.execute(query)
        given = [str(described[0]).lower() for described in cursor.description or ()]
        rows = cursor.fetchall()
        names = [_name(projection, i) for i, projection in enumerate(tree.selects)]
        return (
            given if "*" in names else names,
            [Counter(_told(row[i]) for row in rows) for i in range(len(given))],
        )

    def _values(self, table: str, column: str) -> tuple[str, str]:
        """Return what takes the place of a column's values: other ones, and none in every second row."""
        kind, name = self._kinds[table][column], f'"{column}"'
        if "INT" in kind:
            other = f"{name} * 3 + 7"
        elif kind.startswith("DECIMAL") or kind == "DOUBLE":
            other = f"({name} * 1.37 + 0.5)::{kind}"
        elif kind == "DATE":
            other = f"({name} - INTERVAL 400 DAY)::DATE"
        else:
            other = f"'zz' || {name}"
        return other, f"CASE WHEN rowid % 2 = 0 THEN {name} END"


def _whole(tree: Any) -> str:
    """The text for DuckDB without the outermost LIMIT, at which rows that are equal to its order go at random."""
    copy = tree.copy()
    copy.set("limit", None)
    return copy.sql("duckdb")


def _name(projection: Any, position: int) -> str:
    named = isinstance(projection, (exp.Alias, exp.Column, exp.Dot, exp.Star))
    return str(projection.alias_or_name).lower() if named else f"_c{position}"


def _told(value: object) -> str:
    """A value as text; fractions to the digits that no order of addition changes."""
    return f"{value:.6g}" if isinstance(value, float) else str(value)
