"""The gate of what lineage of SQL costs, with room to spare for a busy machine."""

from __future__ import annotations

import statistics

import pytest

pytest.importorskip("sqlglot", minversion="30")

from benchmarks import sql_lineage
from benchmarks.sql_lineage import THEIRS, compared, ratios
from support import hand_set
from support.servers import MissingServerError

_GATE = 0.75


def _median(statements: list[sql_lineage.Given], rounds: int) -> float:
    ours, theirs = compared(statements, ("genops", THEIRS), rounds)
    assert (ours.tables, ours.failed) == (len(statements), 0)
    assert ours.columns == sum(each.columns is not None for each in statements)
    return statistics.median(ratios(ours, theirs))


def test_the_hand_checked_statements_cost_less_than_by_sqlglots_lineage() -> None:
    """All are told right, in clearly less time than sqlglot.lineage takes for those that it can be asked."""
    hand_set.hand_set()
    assert _median(sql_lineage.of_hand(), 2) <= _GATE


def test_the_queries_of_tpc_cost_less_than_by_sqlglots_lineage() -> None:
    """The same holds for long queries with their schema, of which every tenth is measured."""
    try:
        statements = sql_lineage.of_benchmarks()
    except MissingServerError as missing:
        pytest.skip(str(missing))
    assert _median(statements[::10], 1) <= _GATE
