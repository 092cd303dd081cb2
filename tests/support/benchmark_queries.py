"""TPC-H and TPC-DS in Spark SQL, with the columns of their tables and the tables that each text names."""

from __future__ import annotations

import re
from functools import cache
from typing import NamedTuple

from support import tpcds, tpch

_ENDS_FROM = frozenset(("select", "where", "group", "order", "having", "union", "intersect", "except", "limit"))


class Query(NamedTuple):
    """One query.

    Attributes:
        text: Its text; of four queries of TPC-DS two statements.
        columns: Columns of each table of its benchmark.
        named: Tables that its FROM clauses name.
    """

    text: str
    columns: dict[str, list[str]]
    named: frozenset[str]


@cache
def queries() -> dict[str, Query]:
    """Return the 121 queries by name.

    Raises:
        MissingServerError: The packages that hold them cannot be had.
    """
    made = tpcds.made()
    columns = {name: _columns(listed) for name, listed in tpch.TABLES.items()}
    of_h = {f"TPC-H {n}": Query(text, columns, _named(text, columns)) for n, text in tpch.queries().items()}
    of_ds = {f"TPC-DS {n}": Query(text, made.columns, _named(text, made.columns)) for n, text in made.queries.items()}
    return of_h | of_ds


def _columns(listed: str) -> list[str]:
    return [column.split()[0] for column in re.split(r",(?![^(]*\))", listed)]


def _named(text: str, tables: dict[str, list[str]]) -> frozenset[str]:
    """The tables that the FROM clauses name, without those that WITH defines; by words, and by no parser."""
    text = re.sub(r"--.*|'[^']*'", " ", text.lower())
    defined = set(re.findall(r"(?:with|,)\s*(\w+)\s*(?:\([^()]*\))?\s*as\s*\(", text))
    named: set[str] = set()
    from_clause, expected = [False], False
    for word in re.findall(r"\w+|[(),]", text):
        if word == "(":
            from_clause.append(False)
        elif word == ")":
            from_clause.pop()
        elif expected:
            named.add(word)
        if word in _ENDS_FROM or word == "from":
            from_clause[-1] = word == "from"
        expected = word in {"from", "join"} or (word == "," and from_clause[-1])
    return frozenset((named & tables.keys()) - defined)
