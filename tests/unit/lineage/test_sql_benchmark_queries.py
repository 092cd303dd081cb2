"""Tables and columns of TPC-H and TPC-DS in Spark SQL, with the schema and without."""

from __future__ import annotations

from functools import cache

import pytest

from genops.lineage.sql.schema import Declared
from genops.lineage.sql.understanding import understand
from genops.lineage.sql.understood import Status, Understood, dotted
from support import benchmark_queries
from support.servers import MissingServerError


@cache
def _queries() -> dict[str, tuple[str, frozenset[str], Declared]]:
    """Texts, tables and schemas by name; skips where the packages that hold them cannot be had."""
    try:
        given = benchmark_queries.queries()
    except MissingServerError as missing:
        pytest.skip(str(missing))
    schemas = {id(each.columns): Declared(each.columns) for each in given.values()}
    return {name: (each.text, each.named, schemas[id(each.columns)]) for name, each in given.items()}


def test_there_are_121_queries() -> None:
    """All of TPC-H and TPC-DS take part."""
    assert len(_queries()) == 121


def test_tables_with_the_schema() -> None:
    """With the schema every query reads exactly the tables that its text names, and writes none."""
    wrong = {}
    for name, (text, named, schema) in _queries().items():
        found = understand(text, "databricks", schema)
        if {dotted(t) for each in found for t in each.reads} != named or any(e.writes for e in found):
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
