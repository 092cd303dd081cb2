"""A small governed program for tests of captures: two units, a part, a workflow, and a refusal."""

from __future__ import annotations

import pytest

import genops

WHO = {"team": "data-eng", "project": "sales", "environment": "test"}
TABLES = {"main.*.*": "internal", "main.hr.*": "restricted"}
RULES = {"mode": "enforce", "policies": {"clearance": {"default": "internal"}}, "tables": TABLES}


def pipeline() -> None:
    """Run a workflow of two units, one of them with a part, and one unit that fails."""
    with genops.workflow("nightly"):
        with genops.operation("load", writes=["main.sales.orders"], cost="1.00") as load_orders:
            load_orders.observe(rows=12, bytes=2_048, cost="0.70")
            with genops.operation("check", reads=["main.sales.orders"]):
                pass
        with pytest.raises(KeyError), genops.operation("count", reads=["main.sales.orders"], team="finance"):
            raise KeyError("gone")


def refused() -> None:
    """Ask for what the rules refuse."""
    with pytest.raises(genops.PolicyDenied), genops.operation("pay", reads=["main.hr.salaries"]):
        raise AssertionError("it ran")
