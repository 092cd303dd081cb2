"""Tests of the pipeline with the fixtures of genops' pytest plugin. Run them in this folder: `pytest`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import nightly
import pytest

import genops

if TYPE_CHECKING:
    from genops.testing import Capture, LocalWorkspace

# What environment variables say where the pipeline runs for real. Without it the units would have no team.
pytestmark = pytest.mark.genops(team="data-eng", project="sales", environment="test")

ORDERS = [nightly.Order(1, paid=True), nightly.Order(2, paid=False), nightly.Order(3, paid=True)]
CLASSES = {"main.*.*": "internal", "main.hr.*": "restricted"}


def test_a_run_loads_what_is_paid_and_reports_it(genops_capture: Capture) -> None:
    """A run is two operations, both attributed, and everything is compliant."""
    nightly.run(ORDERS)
    genops_capture.assert_units(["load_orders", "report_orders"])
    genops_capture.assert_unit("load_orders", result="ALLOWED", rows=2, writes=["main.sales.orders"])
    genops_capture.assert_compliant()


def test_what_a_run_costs(genops_capture: Capture) -> None:
    """Only paid orders cost something, and the team pays for them."""
    nightly.run(ORDERS)
    genops_capture.assert_cost("0.04", team="data-eng")
    genops_capture.assert_unit("load_orders", reserved=1, cost="0.04")
    genops_capture.assert_unit("report_orders", cost=None)


@pytest.mark.genops(mode="enforce", policies={"clearance": {"clearances": {"data-eng": "internal"}}}, tables=CLASSES)
def test_salaries_are_out_of_reach(genops_capture: Capture) -> None:
    """The team has no clearance for salaries: the operation is refused before it runs."""
    with pytest.raises(genops.PolicyDenied):
        nightly.bonus()
    genops_capture.assert_refused("compare_salaries", policy="clearance", reason_code="POLICY_DENY_CONTENT")
    genops_capture.assert_unit("compare_salaries", outcome="refused", reserved=None)


@pytest.mark.genops(mode="enforce", budgets={"nightly": {"limit": 1, "period": "day"}})
def test_a_budget_ends_the_day_and_renews_at_midnight(genops_capture: Capture) -> None:
    """A run reserves a dollar, which is there once a day."""
    nightly.load(ORDERS)
    with pytest.raises(genops.BudgetExceeded):
        nightly.load(ORDERS)
    genops_capture.assert_refused("load_orders", budget="nightly", reason_code="BUDGET_EXCEEDED")
    genops_capture.clock.advance(24 * 60 * 60)
    nightly.load(ORDERS)
    genops_capture.assert_units([{"result": "ALLOWED"}, {"result": "BLOCKED"}, {"result": "ALLOWED"}])


def test_the_telemetry_of_a_run(genops_capture: Capture) -> None:
    """The whole telemetry is as it was; `pytest --genops-update-snapshots` writes the file anew."""
    nightly.run(ORDERS)
    genops_capture.assert_snapshot("snapshots/nightly.json")


def test_statements_on_a_workspace(genops_capture: Capture, genops_workspace: LocalWorkspace) -> None:
    """A call of the Databricks SDK is a unit as well; the workspace runs in this process."""
    sdk = pytest.importorskip("databricks.sdk")
    genops.auto_instrument_databricks()
    client = sdk.WorkspaceClient(host=genops_workspace.host, token=genops_workspace.token)
    nightly.customers(client, genops_workspace.warehouse_id)
    genops_capture.assert_unit(type="table.query", rows=1, seconds=1)
    genops_capture.assert_compliant()
