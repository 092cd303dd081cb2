"""The pricer: worked examples by hand, and honest silence."""

from __future__ import annotations

import math

import pytest

from genops.core.amounts import COMPUTE_SECOND, DBU, Amount, Estimate, Grade, Priced
from genops.core.inventory import Inventory
from genops.core.operation import NOTHING, Action, Facts, Learnt, Operation, Statement
from genops.cost.prices import PRICE_TABLE_VERSION
from genops.cost.pricing import WarehousePricer

HOST = "acme.cloud.databricks.com"
QUERY = Operation(
    "table.query", "p", action=Action.QUERY, host=HOST, resource_type="sql_warehouse", resource_id="w1",
    statement=Statement("SELECT", 8, "ab"),
)  # fmt: skip
SOURCE = (
    f"genops price table {PRICE_TABLE_VERSION}: hystax/optscale tools/cloud_adapter/clouds/databricks.py; "
    "DBU by size: databrickslabs/overwatch Warehouse_DBU_Details.csv"
)


def usd(value: str) -> Amount:
    """Return dollars."""
    return Amount.of(value, "USD")


def pricer(size: str | None = "Small", *, serverless: bool = True, kind: str = "PRO", **place: str) -> WarehousePricer:
    """Return a pricer that knows one warehouse and its workspace."""
    where = {"cloud": "aws", "tier": "premium", "region": "us-east-1"} | place
    inventory = Inventory({HOST: {name: value for name, value in where.items() if value}})
    if size is not None:
        facts = {"cluster_size": size, "warehouse_type": kind, "serverless": serverless, "num_clusters": 3}
        inventory.learn(HOST, Learnt("warehouse", "w1", facts))
    return WarehousePricer(inventory)


@pytest.mark.parametrize(
    ("size", "kind", "serverless", "seconds", "money", "dbu"),
    [
        # 12 DBU/h * 60 s = 0.2 DBU * 0.70
        ("Small", "PRO", True, 60.0, "0.14", 200_000),
        # 12 DBU/h * 60 s = 0.2 DBU * 0.55
        ("Small", "PRO", False, 60.0, "0.11", 200_000),
        # 528 DBU/h * 3600 s = 528 DBU * 0.70
        ("4X-Large", "PRO", True, 3600.0, "369.60", 528_000_000),
        # 4 DBU/h * 1 s = 0.001111 DBU * 0.22 = 0.000244
        ("2X-Small", "CLASSIC", False, 1.0, "0.000244", 1_111),
        # 24 DBU/h * 0.0015 s = 0.00001 DBU * 0.70
        ("Medium", "PRO", True, 0.0015, "0.000007", 10),
        ("Small", "PRO", True, 0.0, "0", 0),
    ],
)
def test_worked_examples(size: str, kind: str, serverless: bool, seconds: float, money: str, dbu: int) -> None:
    """Money is DBU an hour times the price of a DBU times the time, rounded once to the micro-unit."""
    priced = pricer(size, kind=kind, serverless=serverless).price(QUERY, NOTHING, seconds)
    assert priced == Priced(usd(money), None, Grade.ESTIMATED, SOURCE, "2023-12-14", dbu)


def test_half_a_micro_unit_goes_to_the_even_one() -> None:
    """A time whose cost ends in exactly half a micro-unit rounds to the even neighbour."""
    # 12 DBU/h * 0.55 = 6.6 USD/h: exactly 5.5 micro-units in 3 ms, 16.5 in 9 ms.
    small = pricer("Small", serverless=False)
    assert small.price(QUERY, NOTHING, 0.003).money == Amount(6, "USD")
    assert small.price(QUERY, NOTHING, 0.009).money == Amount(16, "USD")


def test_number_of_clusters_does_not_multiply() -> None:
    """The rate of a statement is that of one running cluster, however far the warehouse scaled out."""
    assert pricer().estimate(QUERY).over(60) == usd("0.14")


def test_estimate_is_a_rate_in_money() -> None:
    """A statement's estimate is the price of a second: 12 DBU/h * 0.70 / 3600 s."""
    assert pricer().estimate(QUERY) == Estimate(rate_nanos=2_333_333, unit="USD", dbu_nanos=3_333_333, billable=True)


def test_dbu_where_only_the_price_is_unknown() -> None:
    """Where the size is known and the price is not, DBU are estimated and reported, and no money."""
    unpriced = pricer(region="")
    estimate = unpriced.estimate(QUERY)
    assert estimate == Estimate(
        rate_nanos=3_333_333, unit=DBU, dbu_nanos=3_333_333, billable=True, unpriced_reason="region_unknown"
    )
    assert unpriced.price(QUERY, NOTHING, 60) == Priced(None, "region_unknown", dbu_micros=200_000)


def test_unknown_warehouse() -> None:
    """A statement on a warehouse that nobody described is billed, unpriced, and says why."""
    unknown = pricer(None)
    assert unknown.estimate(QUERY) == Estimate(billable=True, unpriced_reason="warehouse_unknown")
    assert unknown.price(QUERY, NOTHING, 60) == Priced(None, "warehouse_unknown")


def test_what_is_learnt_later_prices_the_settlement() -> None:
    """A warehouse that becomes known while the statement runs prices it at its end."""
    inventory = Inventory({HOST: {"cloud": "aws", "tier": "enterprise", "region": "eu-west-1"}})
    late = WarehousePricer(inventory)
    assert late.estimate(QUERY).unpriced_reason == "warehouse_unknown"
    inventory.learn(
        HOST, Learnt("warehouse", "w1", {"cluster_size": "Large", "warehouse_type": "PRO", "serverless": True})
    )
    # 40 DBU/h * 90 s = 1 DBU * 0.91
    assert late.price(QUERY, NOTHING, 90).money == usd("0.91")


def test_seconds_of_execution_go_before_the_measured_ones() -> None:
    """Where the time of execution is known, the duration of the call does not count."""
    assert pricer().price(QUERY, Facts(seconds=60), 600).money == usd("0.14")


@pytest.mark.parametrize("seconds", [-1.0, math.nan, math.inf])
def test_impossible_duration_is_unpriced(seconds: float) -> None:
    """A duration that cannot be gives no number, not zero."""
    assert pricer().price(QUERY, NOTHING, seconds) == Priced(None, "duration_unknown")


def test_named_money_is_the_figure() -> None:
    """Money that the platform or the caller named is taken as it is, with its grade and source."""
    facts = Facts(money=usd("3"), grade=Grade.BILLED, source="bill", dbu_micros=9)
    assert pricer().price(QUERY, facts, 60) == Priced(usd("3"), None, Grade.BILLED, "bill", dbu_micros=9)
    assert pricer().price(Operation("x", "p"), Facts(money=usd("3")), 60).grade is Grade.ESTIMATED


def test_named_dbu_are_priced_at_list() -> None:
    """DBU that the platform reported are priced at list price with the report's grade."""
    priced = pricer(kind="PRO").price(QUERY, Facts(dbu_micros=500_000, grade=Grade.METERED), 60)
    assert (priced.money, priced.grade, priced.dbu_micros) == (usd("0.35"), Grade.METERED, 500_000)
    assert pricer(tier="").price(QUERY, Facts(dbu_micros=5), 60) == Priced(None, "tier_unknown", dbu_micros=5)


def test_declared_money_is_the_estimate() -> None:
    """Money that the caller declares is reserved as it is, and is not taken for the actual cost."""
    declared = QUERY._replace(amount=usd("2"))
    assert pricer().estimate(declared) == Estimate(usd("2"), unit="USD", billable=True)
    assert pricer().price(declared, NOTHING, 60).money == usd("0.14")
    hand = Operation("train", "genops", amount=usd("2"))
    assert pricer().price(hand, NOTHING, 60) == Priced(None, "not_reported")


@pytest.mark.parametrize("unit", [DBU, COMPUTE_SECOND])
def test_declared_amounts_that_are_no_money(unit: str) -> None:
    """Another declared amount is reserved in its own unit, counts as billed, and has no price."""
    declared = Amount(2_000_000, unit)
    hand = Operation("train", "genops", amount=declared)
    reason = f"no_price_for_{unit}"
    assert pricer().estimate(hand) == Estimate(declared, billable=True, unpriced_reason=reason)
    assert pricer().price(hand, NOTHING, 60) == Priced(None, reason)
    assert pricer(region="").estimate(QUERY._replace(amount=declared)).amount == declared
    assert pricer().estimate(QUERY._replace(amount=declared)).unit == "USD"


@pytest.mark.parametrize(
    ("kind", "resource", "action", "reason"),
    [
        ("table.get", None, Action.READ, "not_billed"),
        ("cluster.get", "cluster", Action.READ, "not_billed"),
        ("cluster.delete", "cluster", Action.ADMIN, "not_billed"),
        ("job.list_runs", "job", Action.READ, "not_billed"),
        ("cluster.start", "cluster", Action.ADMIN, "no_price_for_cluster"),
        ("cluster.resize_and_wait", "cluster", Action.ADMIN, "no_price_for_cluster"),
        ("job.run_now", "job", Action.WRITE, "no_price_for_job"),
        ("pipeline.start_update", "pipeline", Action.WRITE, "no_price_for_pipeline"),
        ("sql_warehouse.start", "sql_warehouse", Action.ADMIN, "no_price_for_sql_warehouse"),
        ("serving_endpoint.query", "serving_endpoint", Action.QUERY, "no_price_for_serving_endpoint"),
    ],
)
def test_everything_else_is_unpriced(kind: str, resource: str | None, action: Action, reason: str) -> None:
    """What is no statement on a warehouse has no money; what starts or keeps compute is billed, the rest is not."""
    operation = Operation(kind, "p", action=action, resource_type=resource)
    assert pricer().estimate(operation) == Estimate(billable=reason != "not_billed", unpriced_reason=reason)
    assert pricer().price(operation, NOTHING, 60) == Priced(None, reason)


@pytest.mark.parametrize(
    ("resource", "reason"), [("cluster", "no_price_for_cluster"), (None, "no_price_for_statement")]
)
def test_statements_elsewhere_are_unpriced(resource: str | None, reason: str) -> None:
    """A statement on other compute than a warehouse is billed and has no price."""
    elsewhere = QUERY._replace(resource_type=resource)
    assert pricer().estimate(elsewhere) == Estimate(billable=True, unpriced_reason=reason)
    assert pricer().price(elsewhere, NOTHING, 60) == Priced(None, reason)
