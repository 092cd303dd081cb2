"""Lineage of TPC-H and TPC-DS beside the truth of a run: no output depends on a column that lineage does not name."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from support import tpcds, tpch
from support.perturbed import Check, Perturbed
from support.servers import ABSENT, REQUIRED, MissingServerError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

_OF_AN_ORDER = {"orders": "o_orderkey", "lineitem": "l_orderkey"}


def _had(make: Callable[[], Path]) -> Path:
    try:
        return make()
    except MissingServerError as missing:
        if REQUIRED:
            raise
        pytest.skip(f"{ABSENT}{missing}")


def _of_h(one_in: int) -> Perturbed:
    """The tables of TPC-H with one of so many orders."""
    folder = _had(lambda: tpch.made().folder)
    kept = {table: f" WHERE {key} // 32 % {one_in} = 0" for table, key in _OF_AN_ORDER.items()}
    return Perturbed({table: f"FROM '{folder}/{table}.parquet'{kept.get(table, '')}" for table in tpch.TABLES})


def _of_ds() -> Perturbed:
    """The tables of TPC-DS. Query 30 names a column as the first editions of the benchmark did."""
    folder = _had(tpcds.filled)
    rows = {table: f"FROM '{folder}/{table}.parquet'" for table in tpcds.made().columns}
    return Perturbed({**rows, "customer": f"SELECT *, c_last_review_date_sk AS c_last_review_date {rows['customer']}"})


def _hold(checks: dict[str, list[Check]], *, at_least: int, seen: int) -> None:
    """So many checks ran, in so many of them an output changed, and lineage knew of every such change."""
    ran = [check for of_query in checks.values() for check in of_query]
    violations = {name: bad for name, of_query in checks.items() if (bad := [c for c in of_query if c.violated])}
    assert violations == {}
    assert len(ran) >= at_least
    assert sum(bool(check.changed) for check in ran) >= seen


def test_some_of_tpch() -> None:
    """In three queries of TPC-H every output that a changed column changes is one that lineage names."""
    tables, queries = _of_h(256), tpch.queries()
    _hold({f"TPC-H {n}": list(tables.checks(queries[n])) for n in (3, 7, 10)}, at_least=35, seen=25)


@pytest.mark.full
def test_tpch() -> None:
    """In every query of TPC-H every output that a changed column changes is one that lineage names."""
    tables = _of_h(4)
    _hold({f"TPC-H {n}": list(tables.checks(text)) for n, text in tpch.queries().items()}, at_least=220, seen=200)


@pytest.mark.full
@pytest.mark.timeout(900)
def test_tpcds() -> None:
    """In every query of TPC-DS every output that a changed column changes is one that lineage names."""
    tables, queries = _of_ds(), tpcds.made().queries
    _hold({f"TPC-DS {n}": list(tables.checks(text)) for n, text in queries.items()}, at_least=1_500, seen=1_000)
