"""INSERT … REPLACE ON and REPLACE USING: rows that match a new row go before the new rows come.

sqlglot does not parse the clause, so it is taken out of the text and the rest is a plain INSERT.
"""

# ruff: noqa: S608 - the SQL is built from quoted identifiers and translated expressions

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import sqlglot

from genops.testing.workspace.sql.commands.grammar import compiled, identifier, split_list, spoken, syntax_error
from genops.testing.workspace.sql.generation import to_duckdb
from genops.testing.workspace.sql.values import quoted

if TYPE_CHECKING:
    from collections.abc import Sequence

    from genops.testing.workspace.sql.running import Run

_CLAUSE = re.compile(r"\bREPLACE\s+(ON|USING)\s*\(", re.IGNORECASE)
_HEAD = "INSERT INTO [TABLE] <name> [AS] [<alias:alias>] [by:BY NAME]"


@dataclass(frozen=True)
class Replacing:
    """An INSERT that replaces.

    Attributes:
        plain: The INSERT without its clause.
        table: Name of the table, as it was written.
        alias: What the condition calls the table.
        source: What the condition calls the new rows.
        query: What gives them.
        condition: The condition of ON; empty with USING.
        columns: The columns of USING.
    """

    plain: str
    table: str
    alias: str
    source: str
    query: str
    condition: str
    columns: tuple[str, ...]

    def predicate(self, run: Run, found: Sequence[str], rows: str) -> str:
        """DuckDB SQL that is true for a row of the table that goes; the table is called by its alias.

        Args:
            run: The statement.
            found: Names of the new rows' columns.
            rows: The DuckDB table that holds the new rows, in this order of columns.
        """
        alias, source = quoted(self.alias), quoted(self.source)
        names = ", ".join(quoted(name) for name in found)
        return f"EXISTS (SELECT 1 FROM {rows} AS {source}({names}) WHERE {self._matching(run, alias, source)})"

    def _matching(self, run: Run, alias: str, source: str) -> str:
        if self.columns:
            pairs = ((f"{alias}.{quoted(name)}", f"{source}.{quoted(name)}") for name in self.columns)
            return " AND ".join(f"{ours} IS NOT DISTINCT FROM {theirs}" for ours, theirs in pairs)
        both = f"{self.table} AS `{self.alias}` CROSS JOIN ({self.query}) AS `{self.source}`"
        text = f"SELECT 1 FROM {both} WHERE {self.condition}"
        tree: Any = run.planning.tree(text, run.session)
        run.planning.qualified(tree, run.session)
        return to_duckdb(tree.args["where"].this)


def replacing(sql: str) -> Replacing | None:
    """What an INSERT replaces, or ``None`` for a statement without such a clause.

    >>> found = replacing("INSERT INTO t AS a REPLACE ON (a.k <=> s.k) (SELECT 1 AS k) AS s")
    >>> found.plain, found.alias, found.source, found.condition
    ('INSERT INTO t SELECT 1 AS k', 'a', 's', 'a.k <=> s.k')

    Raises:
        SqlError: The clause is there and the statement is none.
    """
    if not _CLAUSE.search(sql):
        return None
    text = spoken(sql)
    clause = _CLAUSE.search(text)
    head = compiled(_HEAD).fullmatch(text[: clause.start()]) if clause else None
    if clause is None or head is None:
        return None
    end = _closing(text, clause.end() - 1)
    inner, rest = text[clause.end() : end].strip(), text[end + 1 :].strip()
    query, source = _source(rest)
    plain = f"INSERT INTO {head['name'].strip()}{' BY NAME' if head['by'] else ''} {query}"
    alias = identifier(head["alias"] or head["name"].split(".")[-1])
    is_on = clause[1].upper() == "ON"
    columns = () if is_on else tuple(identifier(name) for name in split_list(inner))
    return Replacing(plain, head["name"].strip(), alias, source, query, inner if is_on else "", columns)


def _closing(text: str, opening: int) -> int:
    """The place of the bracket that closes another one."""
    depth = 0
    for token in sqlglot.tokenize(text, read="databricks"):
        if token.start >= opening and token.text in ("(", ")"):
            depth += 1 if token.text == "(" else -1
            if depth == 0:
                return token.start
    raise syntax_error(text[opening:][:40])


def _source(text: str) -> tuple[str, str]:
    """A query, and what it is called."""
    if not text.startswith("("):
        return text, "new_rows"
    end = _closing(text, 0)
    named = compiled("[AS] [<alias:column>]").fullmatch(text[end + 1 :])
    if named is None:
        return text, "new_rows"
    return text[1:end].strip(), identifier(named["alias"]) if named["alias"] else "new_rows"
