"""What a statement does to columns, by trial: it runs in a local workspace on tables with one column changed."""

from __future__ import annotations

import re
from collections import Counter
from functools import cache
from typing import TYPE_CHECKING, Any, NamedTuple

from genops.lineage.sql.schema import Declared
from genops.lineage.sql.understanding import understand
from genops.lineage.sql.understood import DIRECT, STAR, Status, dotted
from genops.testing.workspace.compute.runs import split_statements
from genops.testing.workspace.sql.failures import SqlError
from genops.testing.workspace.sql.sessions import Session
from support.executed_tables import CHANGES, TABLES, Rows, Table, changed, text

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from genops.testing.workspace import LocalWorkspace

BASE = "base"
SCHEMA = Declared({name: table.columns for name, table in TABLES.items()})
_Values = dict[str, Counter[str]]
# These take columns by name that their text does not name.
_UNNAMED = re.compile(r"\*(?! 1\b| 2\b)|\bNATURAL\b|\bCLONE\b|\bLIKE\b|\bTABLE \w+$|\bBY NAME\b|\bFROM \w+ \|>")


class Case(NamedTuple):
    """A statement, perhaps after those that it needs.

    Attributes:
        sql: The text.
        target: The table or view that it writes; empty for a query.
    """

    sql: str
    target: str = ""


class Finding(NamedTuple):
    """What was seen of one column that a statement may read.

    Attributes:
        source: `table.column`.
        changes: How many changes of it ran.
        changed: Targets that differed after one of them.
        named: Targets of which lineage says that they depend on it.
        direct: Targets that its values flow into, by lineage.
    """

    source: str
    changes: int
    changed: frozenset[str]
    named: frozenset[str]
    direct: frozenset[str]

    @property
    def unexplained(self) -> frozenset[str]:
        """Targets that differed without an edge."""
        return self.changed - self.named

    @property
    def unmoved(self) -> frozenset[str]:
        """Targets with a direct edge that no change of the source moved."""
        return self.direct - self.changed


class Laboratory:
    """Tables in a workspace, in a schema of their own for each change of a column.

    Args:
        workspace: A workspace that was started.
    """

    def __init__(self, workspace: LocalWorkspace) -> None:
        self._workspace = workspace
        self._schema = cache(self._changed)
        self._beside = cache(self._seen_from)
        self._workspace.execute(f"CREATE SCHEMA {BASE}")
        for name, table in TABLES.items():
            self._fill(BASE, _held(name), table, table.rows)

    def findings(self, case: Case, changes: Iterable[str] = tuple(CHANGES)) -> Iterator[Finding]:
        """Yield what changes of the columns do that a statement reads.

        Args:
            case: The statement.
            changes: Which of `CHANGES`.

        Raises:
            AssertionError: Lineage does not understand it.
            SqlError: It fails on the tables as they are.
        """
        statement = understand(case.sql, "databricks", SCHEMA)[-1]
        assert statement.status is Status.RESOLVED, (case.sql, statement)
        before = self._run(case, BASE)
        prefix = f"{case.target}." if case.target else ""
        for table, column in _columns(case.sql, {dotted(each) for each in statement.reads}):
            source = f"{table}.{column}"
            flows = [flow for flow in statement.columns if flow.source == source]
            assert all(flow.target.startswith(prefix) for flow in flows), (case.sql, flows)
            after = [values for change in changes if (values := self._tried(case, table, column, change)) is not None]
            named, direct = (
                _spelled_out({flow.target[len(prefix) :] for flow in listed}, before)
                for listed in (flows, [flow for flow in flows if flow.kind == DIRECT])
            )
            differs = {name for values in after for name in before if values[name] != before[name]}
            # A column that keeps its values is no flow of them; one that is written from itself is.
            itself = {column} if table == case.target else set[str]()
            yield Finding(source, len(after), frozenset(differs - (itself - named)), named, direct)

    def _tried(self, case: Case, table: str, column: str, change: str) -> _Values | None:
        """Return the outcome with a column changed; `None` where the statement cannot take it."""
        rows = changed(TABLES[table], column, change)
        if rows == TABLES[table].rows:
            return None
        try:
            return self._run(case, self._schema(table, column, change))
        except SqlError:
            return None

    def _run(self, case: Case, schema: str) -> _Values:
        """Run a statement where the tables of a schema are, and return the columns of what it gives or writes."""
        session = Session("main", schema)
        for table in TABLES:
            if table in case.sql.lower():
                self._beside(schema, table)
        if "sink" in case.sql:
            self._ask("CREATE OR REPLACE TABLE sink AS SELECT * FROM sink_before", session)
        names, rows = [], []
        for each in split_statements(case.sql):
            names, rows = self._ask(each, session)
        if case.target:
            names, rows = self._ask(f"SELECT * FROM {case.target}", session)
        return {name.lower(): Counter(str(row[i]) for row in rows) for i, name in enumerate(names)}

    def _ask(self, sql: str, session: Session) -> tuple[list[str], list[Any]]:
        """Run one statement by the engine behind every interface of the workspace."""
        names: list[str] = []
        rows: list[Any] = []

        def collect(result: Any) -> None:
            names.extend(column["name"] for column in result.columns)
            while block := result.rows(1_000):
                rows.extend(block)

        # What answers requests runs here; over HTTP it would take twice as long.
        self._workspace._engine.run(sql, session, sink=collect)  # pyright: ignore[reportPrivateUsage] - as it says
        return names, rows

    def _changed(self, table: str, column: str, change: str) -> str:
        """Make the schema in which one column is changed."""
        schema = f"{table}_{column}_{change}"
        self._workspace.execute(f"CREATE SCHEMA {schema}")
        self._fill(schema, _held(table), TABLES[table], changed(TABLES[table], column, change))
        return schema

    def _seen_from(self, schema: str, table: str) -> None:
        """Make a table that is not changed visible where another is."""
        if schema != BASE and not schema.startswith(table):
            name = _held(table)
            self._workspace.execute(f"CREATE VIEW {name} AS SELECT * FROM {BASE}.{name}", schema=schema)

    def _fill(self, schema: str, name: str, table: Table, rows: Rows) -> None:
        kinds = table.columns.values()
        columns = ", ".join(f"{column} {kind}" for column, kind in table.columns.items())
        cells = (", ".join(text(cell, kind) for cell, kind in zip(row, kinds, strict=True)) for row in rows)
        values = ", ".join(f"({each})" for each in cells)
        self._workspace.execute(f"CREATE TABLE {name} ({columns}); INSERT INTO {name} VALUES {values}", schema=schema)


def _held(table: str) -> str:
    """Return the name under which the rows of a table are kept: what is written is made anew of them each time."""
    return "sink_before" if table == "sink" else table


def _columns(sql: str, tables: set[str]) -> Iterator[tuple[str, str]]:
    """Yield the columns of the tables that are read which a statement may take: those that its text names."""
    words = set(re.findall(r"\w+", sql))
    for table in sorted(tables & TABLES.keys()):
        yield from ((table, column) for column in TABLES[table].columns if column in words or _UNNAMED.search(sql))


def _spelled_out(targets: set[str], before: _Values) -> frozenset[str]:
    """Return the columns that targets mean, of which a star is all."""
    return frozenset(before if STAR in targets else targets)
