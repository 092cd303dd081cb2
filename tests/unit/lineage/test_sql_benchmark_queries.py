"""Tables and columns of TPC-H and TPC-DS in Spark SQL, with the schema and without."""

from __future__ import annotations

import re
from functools import cache

import pytest

from genops.lineage.sql.schema import Declared
from genops.lineage.sql.understanding import understand
from genops.lineage.sql.understood import Status, Understood, dotted
from support import tpcds, tpch
from support.servers import MissingServerError

_ENDS_FROM = frozenset(("select", "where", "group", "order", "having", "union", "intersect", "except", "limit"))
_Columns = dict[str, list[str]]
_Query = tuple[str, _Columns, Declared]


@cache
def _queries() -> dict[str, _Query]:
    """Texts and columns by name; skips where the packages that hold them cannot be had."""
    try:
        made = tpcds.made()
    except MissingServerError as missing:
        pytest.skip(str(missing))
    columns = {name: _columns(listed) for name, listed in tpch.TABLES.items()}
    of_h, of_ds = Declared(columns), Declared(made.columns)
    queries: dict[str, _Query] = {f"TPC-H {n}": (text, columns, of_h) for n, text in tpch.queries().items()}
    return queries | {f"TPC-DS {n}": (text, made.columns, of_ds) for n, text in made.queries.items()}


def _columns(listed: str) -> list[str]:
    return [column.split()[0] for column in re.split(r",(?![^(]*\))", listed)]


def _named(text: str, tables: _Columns) -> set[str]:
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
    return (named & tables.keys()) - defined


def test_there_are_121_queries() -> None:
    """All of TPC-H and TPC-DS take part."""
    assert len(_queries()) == 121


def test_tables_with_the_schema() -> None:
    """With the schema every query reads exactly the tables that its text names, and writes none."""
    wrong = {}
    for name, (text, columns, schema) in _queries().items():
        found = understand(text, "databricks", schema)
        if {dotted(t) for each in found for t in each.reads} != _named(text, columns) or any(e.writes for e in found):
            wrong[name] = found
    assert wrong == {}


def test_columns_with_the_schema_are_certain() -> None:
    """With the schema no name is left open, but one of a column that the generator's table of TPC-DS 30 has not."""
    left = {
        name: unresolved.name
        for name, (text, _, schema) in _queries().items()
        for each in understand(text, "databricks", schema)
        for unresolved in each.unresolved
    }
    assert left == {"TPC-DS 30": "c_last_review_date"}


def test_nothing_is_lost_without_the_schema() -> None:
    """Without the schema every flow that is known with it is still among the candidates."""
    lost = {}
    for name, (text, _, schema) in _queries().items():
        known, guessed = (understand(text, "databricks", each) for each in (schema, None))
        missing = [_flows(a) - _flows(b) for a, b in zip(known, guessed, strict=True)]
        if any(missing):
            lost[name] = missing
    assert lost == {}


def _flows(understood: Understood) -> set[tuple[str, str]]:
    return {(flow.target, flow.source) for flow in understood.columns}


def test_ambiguous_flows_are_only_without_the_schema() -> None:
    """What is ambiguous without the schema is said to be, and the statement counts as resolved in part."""
    for name, (text, _, _) in _queries().items():
        for each in understand(text, "databricks"):
            ambiguous = any(flow.ambiguous for flow in each.columns)
            assert not ambiguous or each.status is Status.PARTIAL, name
