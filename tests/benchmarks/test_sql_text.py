"""The gate of redaction's cost, with room to spare for a busy machine."""

from __future__ import annotations

import pytest

pytest.importorskip("sqlglot")

from benchmarks.sql_text import LIMIT, measure


def test_redaction_costs_no_more_than_a_tokenizer() -> None:
    """Taking the literals out of a statement takes at most 1.3 times what sqlglot's own tokenizer takes for it."""
    cost = measure(rounds=5)
    assert cost.ratio <= LIMIT, cost
