"""List prices of SQL warehouses: what is known, from where, as of when. What is not known has no number.

Two tables make a rate. The DBU that one running cluster of a warehouse uses in an hour follows from its size and is the
same for classic, pro and serverless warehouses on every cloud. The price of a DBU follows from cloud, pricing tier,
region and kind of warehouse. Both are public list prices in US dollars without discounts; for classic and pro
warehouses the cloud's own machines come on top and are not in them.

A workspace's own `system.billing.list_prices` knows better; these tables are what can be known without asking it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from enum import Enum
from types import MappingProxyType
from typing import TYPE_CHECKING, NamedTuple

from genops.core.amounts import DBU, MICROS, Amount

if TYPE_CHECKING:
    from genops.core.operation import AttributeValue

PRICE_TABLE_VERSION = "2026.11.1"
_HOUR_NS = 3600 * 10**9


class Unpriced(str, Enum):
    """Why there is no number; `genops.cost.unpriced_reason` carries the value."""

    WAREHOUSE_UNKNOWN = "warehouse_unknown"
    SIZE_UNKNOWN = "size_unknown"
    TYPE_UNKNOWN = "type_unknown"
    CLOUD_UNKNOWN = "cloud_unknown"
    TIER_UNKNOWN = "tier_unknown"
    REGION_UNKNOWN = "region_unknown"
    NO_DBU_RATE = "no_dbu_rate"
    NO_LIST_PRICE = "no_list_price"
    NOT_BILLED = "not_billed"
    NOT_REPORTED = "not_reported"
    DURATION_UNKNOWN = "duration_unknown"


_ASK_WAREHOUSE = "call warehouses.get or warehouses.list once in this program"
# What makes the missing fact known, in words that finish a sentence for people.
REMEDIES: Mapping[str, str] = MappingProxyType(
    {
        Unpriced.WAREHOUSE_UNKNOWN.value: _ASK_WAREHOUSE,
        Unpriced.SIZE_UNKNOWN.value: _ASK_WAREHOUSE,
        Unpriced.TYPE_UNKNOWN.value: _ASK_WAREHOUSE,
        Unpriced.CLOUD_UNKNOWN.value: "set workspaces[host].cloud, for example 'aws'",
        Unpriced.TIER_UNKNOWN.value: "set workspaces[host].tier, for example 'premium'",
        Unpriced.REGION_UNKNOWN.value: "set workspaces[host].region or call metastores.summary once in this program",
    }
)


class Product(str, Enum):
    """The kinds of SQL warehouse that have prices of their own."""

    CLASSIC = "sql_classic"
    PRO = "sql_pro"
    SERVERLESS = "sql_serverless"


# DBU per hour and running cluster. 5X-Large is left out: the one number found for it (about 1042) is a third party's
# note of low confidence.
DBU_PER_HOUR: Mapping[str, int] = MappingProxyType(
    {
        "2X-Small": 4,
        "X-Small": 6,
        "Small": 12,
        "Medium": 24,
        "Large": 40,
        "X-Large": 80,
        "2X-Large": 144,
        "3X-Large": 272,
        "4X-Large": 528,
    }
)
DBU_SOURCE = "databrickslabs/overwatch Warehouse_DBU_Details.csv"
DBU_AS_OF = "2024-09-26"


class ListPrice(NamedTuple):
    """One row of the price table.

    Attributes:
        cloud: `aws`.
        tier: Pricing tier of the account, `premium` or `enterprise`.
        region: The cloud's own id of the region, for example `us-east-1`.
        product: Kind of warehouse.
        per_dbu: Price of one DBU.
        source: Where the number comes from.
        as_of: Date at which the source stood, ISO 8601.
    """

    cloud: str
    tier: str
    region: str
    product: Product
    per_dbu: Amount
    source: str
    as_of: str


_AWS_TIERS = ("premium", "enterprise")
_AWS_SOURCE = "hystax/optscale tools/cloud_adapter/clouds/databricks.py"
_AWS_AS_OF = "2023-12-14"
_AWS_REGIONS = (
    "us-east-1", "us-east-2", "us-west-1", "us-west-2", "ca-central-1", "sa-east-1", "eu-west-1", "eu-west-2",
    "eu-west-3", "eu-central-1", "ap-southeast-2", "ap-south-1", "ap-southeast-1", "ap-northeast-1", "ap-northeast-2",
)  # fmt: skip
# Both tiers cost the same. Classic has one SKU for all regions; it is listed for those that the other kinds name.
# Serverless is not sold in us-west-1 by any source. GovCloud has prices of its own and is left out.
_AWS: tuple[tuple[Product, str, tuple[str, ...]], ...] = (
    (Product.CLASSIC, "0.22", _AWS_REGIONS),
    (Product.PRO, "0.55", ("us-east-1", "us-east-2", "us-west-1", "us-west-2")),
    (Product.PRO, "0.62", ("ca-central-1",)),
    (Product.PRO, "0.72", ("eu-west-1", "eu-central-1", "eu-west-3")),
    (Product.PRO, "0.74", ("eu-west-2", "ap-southeast-2", "ap-northeast-2")),
    (Product.PRO, "0.85", ("sa-east-1",)),
    (Product.PRO, "0.61", ("ap-south-1",)),
    (Product.PRO, "0.69", ("ap-southeast-1",)),
    (Product.PRO, "0.78", ("ap-northeast-1",)),
    (Product.SERVERLESS, "0.70", ("us-east-1", "us-east-2", "us-west-2")),
    (Product.SERVERLESS, "0.91", ("eu-west-1", "eu-central-1")),
    (Product.SERVERLESS, "0.95", ("ap-southeast-2",)),
)


def _aws_rows() -> Iterator[ListPrice]:
    for product, usd, regions in _AWS:
        for region in regions:
            for tier in _AWS_TIERS:
                yield ListPrice("aws", tier, region, product, Amount.of(usd, "USD"), _AWS_SOURCE, _AWS_AS_OF)


LIST_PRICES: tuple[ListPrice, ...] = tuple(_aws_rows())


def divided(numerator: int, denominator: int) -> int:
    """Divide two integers of at least zero and round to the nearest, halves to the even one.

    >>> [divided(n, 2) for n in (1, 3, 5)], divided(2, 3)
    ([0, 2, 2], 1)
    """
    quotient, rest = divmod(numerator, denominator)
    return quotient + (2 * rest > denominator or (2 * rest == denominator and quotient % 2 == 1))


class Rate(NamedTuple):
    """What one running cluster of a warehouse uses, as far as it is known.

    Attributes:
        dbu_per_hour: DBU in an hour, where known.
        price: Price of a DBU, where known.
        missing: Why there is no money; `None` where there is.
    """

    dbu_per_hour: int | None
    price: ListPrice | None
    missing: Unpriced | None

    def nanos_per_second(self) -> tuple[int, str] | None:
        """Return the rate in billionths of its unit per second, and the unit: money, else DBU, else nothing.

        >>> small = DBU_PER_HOUR["Small"]
        >>> Rate(small, LIST_PRICES[0]._replace(per_dbu=Amount.of("0.70", "USD")), None).nanos_per_second()
        (2333333, 'USD')
        """
        if self.dbu_per_hour is None:
            return None
        if self.price is None:
            return divided(self.dbu_per_hour * 10**9, 3600), DBU
        return divided(self.dbu_per_hour * self.price.per_dbu.micros * 1000, 3600), self.price.per_dbu.unit

    def dbu_nanos_per_second(self) -> int | None:
        """Return the DBU per second in billionths, where the size is known."""
        return None if self.dbu_per_hour is None else divided(self.dbu_per_hour * 10**9, 3600)

    def dbu_micros(self, nanoseconds: int) -> int | None:
        """Return the millionths of a DBU used in a time.

        >>> Rate(24, None, None).dbu_micros(90 * 10**9)  # 24 DBU/h * 90 s / 3600 s/h = 0.6 DBU
        600000
        """
        return None if self.dbu_per_hour is None else divided(self.dbu_per_hour * MICROS * nanoseconds, _HOUR_NS)

    def money(self, nanoseconds: int) -> Amount | None:
        """Return the money used in a time, rounded once.

        >>> Rate(24, LIST_PRICES[0]._replace(per_dbu=Amount.of("0.70", "USD")), None).money(90 * 10**9)
        Amount(micros=420000, unit='USD')
        """
        if self.price is None or self.dbu_per_hour is None:
            return None
        micros, unit = self.price.per_dbu
        return Amount(divided(self.dbu_per_hour * micros * nanoseconds, _HOUR_NS), unit)

    def money_of_dbu(self, dbu_micros: int) -> Amount | None:
        """Return the list price of DBU that somebody else counted.

        >>> Rate(None, LIST_PRICES[0], None).money_of_dbu(500_000)  # 0.5 DBU at 0.22 USD
        Amount(micros=110000, unit='USD')
        """
        if self.price is None:
            return None
        micros, unit = self.price.per_dbu
        return Amount(divided(micros * dbu_micros, MICROS), unit)


# A warehouse is serverless exactly where its type is PRO and serverless compute is enabled.
_PRODUCTS: Mapping[tuple[object, object], Product] = MappingProxyType(
    {
        ("CLASSIC", False): Product.CLASSIC,
        ("CLASSIC", None): Product.CLASSIC,
        ("PRO", False): Product.PRO,
        ("PRO", True): Product.SERVERLESS,
        (None, True): Product.SERVERLESS,
    }
)


class PriceTable:
    """Looks rates up.

    Args:
        dbu_per_hour: DBU per hour by size of the warehouse.
        list_prices: Prices of a DBU.
        version: Version of the two together.
    """

    def __init__(
        self,
        dbu_per_hour: Mapping[str, int] = DBU_PER_HOUR,
        list_prices: tuple[ListPrice, ...] = LIST_PRICES,
        version: str = PRICE_TABLE_VERSION,
    ) -> None:
        self.version = version
        self._dbu_per_hour = dict(dbu_per_hour)
        self._prices = {(row.cloud, row.tier, row.region, row.product): row for row in list_prices}

    def rate(self, warehouse: Mapping[str, AttributeValue], workspace: Mapping[str, AttributeValue]) -> Rate:
        """Return the rate of one running cluster of a warehouse.

        Args:
            warehouse: `cluster_size`, `warehouse_type` and `serverless`, as far as they are known.
            workspace: `cloud`, `tier` and `region`, as far as they are known.

        >>> small = {"cluster_size": "Small", "warehouse_type": "PRO", "serverless": True}
        >>> PriceTable().rate(small, {"cloud": "aws", "tier": "premium", "region": "us-east-1"}).price.per_dbu
        Amount(micros=700000, unit='USD')
        >>> PriceTable().rate(small, {}).missing.value
        'cloud_unknown'
        """
        if not warehouse:
            return Rate(None, None, Unpriced.WAREHOUSE_UNKNOWN)
        size = warehouse.get("cluster_size")
        if not isinstance(size, str) or not size:
            return Rate(None, None, Unpriced.SIZE_UNKNOWN)
        dbu = self._dbu_per_hour.get(size)
        if dbu is None:
            return Rate(None, None, Unpriced.NO_DBU_RATE)
        found = self._price(warehouse, workspace)
        return Rate(dbu, None, found) if isinstance(found, Unpriced) else Rate(dbu, found, None)

    def _price(
        self, warehouse: Mapping[str, AttributeValue], workspace: Mapping[str, AttributeValue]
    ) -> ListPrice | Unpriced:
        product = _PRODUCTS.get((warehouse.get("warehouse_type"), warehouse.get("serverless")))
        if product is None:
            return Unpriced.TYPE_UNKNOWN
        place: list[str] = []
        for fact, missing in _PLACE:
            value = workspace.get(fact)
            if not isinstance(value, str) or not value:
                return missing
            place.append(value.lower())
        cloud, tier, region = place
        return self._prices.get((cloud, tier, region, product), Unpriced.NO_LIST_PRICE)


_PLACE = (
    ("cloud", Unpriced.CLOUD_UNKNOWN),
    ("tier", Unpriced.TIER_UNKNOWN),
    ("region", Unpriced.REGION_UNKNOWN),
)
