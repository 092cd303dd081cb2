"""The bundled price table, against the numbers of its sources."""

from __future__ import annotations

from datetime import date

import pytest

from genops.core.amounts import Amount
from genops.cost.prices import (
    DBU_AS_OF,
    DBU_PER_HOUR,
    LIST_PRICES,
    PRICE_TABLE_VERSION,
    REMEDIES,
    PriceTable,
    Product,
    Unpriced,
)

US_EAST = {"cloud": "aws", "tier": "premium", "region": "us-east-1"}
SMALL_PRO = {"cluster_size": "Small", "warehouse_type": "PRO", "serverless": False}
PRO = {
    "us-east-1": "0.55", "us-east-2": "0.55", "us-west-1": "0.55", "us-west-2": "0.55", "ca-central-1": "0.62",
    "eu-west-1": "0.72", "eu-central-1": "0.72", "eu-west-3": "0.72", "eu-west-2": "0.74", "sa-east-1": "0.85",
    "ap-southeast-2": "0.74", "ap-south-1": "0.61", "ap-southeast-1": "0.69", "ap-northeast-1": "0.78",
    "ap-northeast-2": "0.74",
}  # fmt: skip
SERVERLESS = {
    "us-east-1": "0.70", "us-east-2": "0.70", "us-west-2": "0.70", "eu-west-1": "0.91", "eu-central-1": "0.91",
    "ap-southeast-2": "0.95",
}  # fmt: skip


def test_dbu_per_hour_is_the_published_table() -> None:
    """The DBU rates are the exact published ones; 5X-Large, of which there is no sound number, is absent."""
    assert DBU_PER_HOUR == {
        "2X-Small": 4, "X-Small": 6, "Small": 12, "Medium": 24, "Large": 40, "X-Large": 80, "2X-Large": 144,
        "3X-Large": 272, "4X-Large": 528,
    }  # fmt: skip


@pytest.mark.parametrize("tier", ["premium", "enterprise"])
def test_list_prices_are_the_published_ones(tier: str) -> None:
    """Every row of the table is one of the sources' numbers, and none of theirs is missing."""
    rows = {(row.product, row.region): row.per_dbu for row in LIST_PRICES if row.tier == tier}
    expected = {(Product.CLASSIC, region): "0.22" for region in PRO}
    expected |= {(Product.PRO, region): price for region, price in PRO.items()}
    expected |= {(Product.SERVERLESS, region): price for region, price in SERVERLESS.items()}
    assert rows == {key: Amount.of(price, "USD") for key, price in expected.items()}


def test_every_row_says_where_it_comes_from() -> None:
    """Each number carries its source and a date, and the table its version."""
    assert all(row.cloud == "aws" and row.source and date.fromisoformat(row.as_of) for row in LIST_PRICES)
    assert date.fromisoformat(DBU_AS_OF)
    assert PriceTable().version == PRICE_TABLE_VERSION


@pytest.mark.parametrize(
    ("warehouse", "workspace", "missing"),
    [
        ({}, US_EAST, "warehouse_unknown"),
        ({"warehouse_type": "PRO"}, US_EAST, "size_unknown"),
        ({**SMALL_PRO, "cluster_size": "5X-Large"}, US_EAST, "no_dbu_rate"),
        ({**SMALL_PRO, "cluster_size": "Huge"}, US_EAST, "no_dbu_rate"),
        ({"cluster_size": "Small"}, US_EAST, "type_unknown"),
        ({"cluster_size": "Small", "warehouse_type": "PRO"}, US_EAST, "type_unknown"),
        ({**SMALL_PRO, "warehouse_type": "CLASSIC", "serverless": True}, US_EAST, "type_unknown"),
        ({**SMALL_PRO, "warehouse_type": "TYPE_UNSPECIFIED"}, US_EAST, "type_unknown"),
        (SMALL_PRO, {}, "cloud_unknown"),
        (SMALL_PRO, {"cloud": "aws"}, "tier_unknown"),
        (SMALL_PRO, {"cloud": "aws", "tier": "premium"}, "region_unknown"),
        (SMALL_PRO, {**US_EAST, "cloud": "azure"}, "no_list_price"),
        (SMALL_PRO, {**US_EAST, "tier": "standard"}, "no_list_price"),
        (SMALL_PRO, {**US_EAST, "region": "us-gov-west-1"}, "no_list_price"),
        ({**SMALL_PRO, "serverless": True}, {**US_EAST, "region": "us-west-1"}, "no_list_price"),
    ],
)
def test_unknown_gives_no_number(warehouse: dict[str, str | bool], workspace: dict[str, str], missing: str) -> None:
    """A missing fact or a missing row gives no money, and says which it is."""
    rate = PriceTable().rate(warehouse, workspace)
    assert rate.price is None
    assert rate.missing == missing
    assert rate.money(10**9) is None
    assert rate.money_of_dbu(10**6) is None


@pytest.mark.parametrize(
    ("kind", "serverless", "price"),
    [
        ("CLASSIC", False, "0.22"),
        ("CLASSIC", None, "0.22"),
        ("PRO", False, "0.55"),
        ("PRO", True, "0.70"),
        (None, True, "0.70"),
    ],
)
def test_kind_of_warehouse(kind: str | None, serverless: bool | None, price: str) -> None:
    """Serverless is a pro warehouse with serverless compute; classic and pro are told apart by the type."""
    facts = {"cluster_size": "Small", "warehouse_type": kind, "serverless": serverless}
    known = {name: value for name, value in facts.items() if value is not None}
    rate = PriceTable().rate(known, US_EAST)
    assert rate.price is not None
    assert rate.price.per_dbu == Amount.of(price, "USD")


def test_spelling_of_the_workspace_facts() -> None:
    """Cloud, tier and region are read in any case, as platforms report them in capitals."""
    assert PriceTable().rate(SMALL_PRO, {"cloud": "AWS", "tier": "PREMIUM", "region": "us-east-1"}).missing is None


def test_missing_facts_have_a_remedy() -> None:
    """Every fact that a user can supply has a sentence that says how."""
    assert {name for name in REMEDIES if name.endswith("_unknown")} == {
        member.value
        for member in Unpriced
        if member.value.endswith("_unknown") and member is not Unpriced.DURATION_UNKNOWN
    }
