"""Published rates: what a warehouse or a node uses in an hour, and what a DBU costs.

All are list prices in US dollars without commitments. What no public source gives is left out, and what is left
out is not billed.
"""

from __future__ import annotations

from decimal import Decimal
from typing import NamedTuple

WAREHOUSE_DBU = {
    name: Decimal(dbu)
    for name, dbu in {
        "2X-Small": 4,
        "X-Small": 6,
        "Small": 12,
        "Medium": 24,
        "Large": 40,
        "X-Large": 80,
        "2X-Large": 144,
        "3X-Large": 272,
        "4X-Large": 528,
    }.items()
}
"""DBU an hour and running cluster, the same on every cloud and for every type of warehouse.

Source: databrickslabs/overwatch ``Warehouse_DBU_Details.csv`` of 2024-09-26. 5X-Large has no reliable number.
"""

_NODES = {
    "aws": (
        "m5.large=0.35 m5d.large=0.34 m5.xlarge=0.69 m5d.xlarge=0.69 m5.2xlarge=1.37 m6i.xlarge=0.76 "
        "m6id.xlarge=0.76 m6gd.xlarge=0.77 m7g.xlarge=0.96 m7gd.xlarge=0.96 i3.xlarge=1.00 i3.2xlarge=2.00 "
        "i3.4xlarge=4.00 i3en.xlarge=1.45 i4i.xlarge=1.38 r5.xlarge=0.90 r5d.xlarge=0.90 r6i.xlarge=1.02 "
        "r6id.xlarge=1.02 r6gd.xlarge=1.00 c5.xlarge=0.61 c5d.xlarge=0.61 c6i.xlarge=0.70 c6gd.xlarge=0.77 "
        "g4dn.xlarge=0.71 g5.xlarge=1.36 p3.2xlarge=4.15 p4d.24xlarge=44.45"
    ),
    "azure": (
        "Standard_DS3_v2=0.75 Standard_DS4_v2=1.5 Standard_DS5_v2=3 Standard_D4s_v3=0.75 Standard_D8s_v3=1.5 "
        "Standard_D4ds_v4=0.75 Standard_D4as_v5=1 Standard_D4ads_v5=1 Standard_D4ds_v5=1 Standard_D8ds_v5=2 "
        "Standard_D16ds_v5=4 Standard_E4ds_v4=1 Standard_E8s_v3=2 Standard_E8ds_v4=2 Standard_E4ds_v5=1.5 "
        "Standard_F4s=0.5 Standard_F4s_v2=0.75 Standard_L8s_v2=2 Standard_L8s_v3=2.75 Standard_NC6s_v3=5"
    ),
    "gcp": (
        "n1-standard-4=0.71 n1-highmem-4=0.87 n2-standard-4=0.72 n2-standard-8=1.44 n2-highmem-4=0.96 "
        "e2-standard-4=0.72 a2-highgpu-1g=5.43"
    ),
}
NODE_DBU = {
    cloud: {name: Decimal(dbu) for name, dbu in (pair.split("=") for pair in text.split())}
    for cloud, text in _NODES.items()
}
"""DBU an hour of one node without Photon. Source: databrickslabs/overwatch instance tables of 2024."""

PHOTON = {
    ("aws", "ALL_PURPOSE"): Decimal(2),
    ("aws", "JOBS"): Decimal("2.9"),
    ("azure", "ALL_PURPOSE"): Decimal(2),
    ("azure", "JOBS"): Decimal("2.5"),
}
"""What Photon multiplies a node's DBU by; for GCP no source tells."""

_REGIONS = {
    "aws": (
        "us-east-1=US_EAST_N_VIRGINIA us-east-2=US_EAST_OHIO us-west-1=US_WEST_CALIFORNIA us-west-2=US_WEST_OREGON "
        "ca-central-1=CANADA sa-east-1=SA_BRAZIL eu-west-1=EUROPE_IRELAND eu-west-2=EUROPE_LONDON "
        "eu-west-3=EUROPE_FRANCE eu-central-1=EUROPE_FRANKFURT ap-southeast-1=AP_SINGAPORE "
        "ap-southeast-2=AP_SYDNEY ap-south-1=AP_MUMBAI ap-northeast-1=AP_TOKYO ap-northeast-2=AP_SEOUL"
    ),
    "azure": (
        "eastus=US_EAST eastus2=US_EAST_2 westus=US_WEST westus2=US_WEST_2 westus3=US_WEST_3 centralus=US_CENTRAL "
        "northcentralus=US_NORTH_CENTRAL southcentralus=US_SOUTH_CENTRAL westcentralus=US_WEST_CENTRAL "
        "westeurope=EU_WEST northeurope=EU_NORTH uksouth=UK_SOUTH switzerlandnorth=SWITZERLAND_NORTH "
        "switzerlandwest=SWITZERLAND_WEST brazilsouth=BRAZIL_SOUTH japaneast=JAPAN_EAST centralindia=INDIA_CENTRAL"
    ),
    "gcp": "us-east1=US_SOUTH_CAROLINA us-east4=US_VIRGINIA europe-west1=EUROPE_BELGIUM asia-southeast1=AP_SINGAPORE",
}
_REGION_NAMES = {
    (cloud, region): name
    for cloud, text in _REGIONS.items()
    for region, name in (pair.split("=") for pair in text.split())
}


def region_name(cloud: str, region: str) -> str | None:
    """How SKU names spell a region; ``None`` where no price list that we know names it.

    >>> region_name("aws", "us-east-1")
    'US_EAST_N_VIRGINIA'
    """
    return _REGION_NAMES.get((cloud, region))


class Price(NamedTuple):
    """A row of the price list: US dollars for one DBU."""

    sku_name: str
    cloud: str
    per_dbu: Decimal


_EVERYWHERE: list[tuple[str, str, str, str]] = [
    # cloud, tier, product, price; the photon SKU of a product costs the same, its nodes use more DBU.
    ("aws", "STANDARD", "ALL_PURPOSE_COMPUTE", "0.40"),
    ("aws", "PREMIUM", "ALL_PURPOSE_COMPUTE", "0.55"),
    ("aws", "ENTERPRISE", "ALL_PURPOSE_COMPUTE", "0.65"),
    ("aws", "STANDARD", "JOBS_COMPUTE", "0.10"),
    ("aws", "PREMIUM", "JOBS_COMPUTE", "0.15"),
    ("aws", "ENTERPRISE", "JOBS_COMPUTE", "0.20"),
    ("aws", "PREMIUM", "SQL_COMPUTE", "0.22"),
    ("aws", "ENTERPRISE", "SQL_COMPUTE", "0.22"),
    ("azure", "STANDARD", "ALL_PURPOSE_COMPUTE", "0.40"),
    ("azure", "PREMIUM", "ALL_PURPOSE_COMPUTE", "0.55"),
    ("azure", "STANDARD", "JOBS_COMPUTE", "0.15"),
    ("azure", "PREMIUM", "JOBS_COMPUTE", "0.30"),
    ("azure", "PREMIUM", "SQL_COMPUTE", "0.22"),
    ("gcp", "PREMIUM", "ALL_PURPOSE_COMPUTE", "0.55"),
    ("gcp", "PREMIUM", "JOBS_COMPUTE", "0.15"),
]

_PRO, _SERVERLESS, _SERVING = "SQL_PRO_COMPUTE", "SERVERLESS_SQL_COMPUTE", "SERVERLESS_REAL_TIME_INFERENCE"
_BOTH, _PREMIUM = ("PREMIUM", "ENTERPRISE"), ("PREMIUM",)
_BY_REGION: list[tuple[str, tuple[str, ...], str, str, str]] = [
    ("aws", _BOTH, _PRO, "0.55", "us-east-1 us-east-2 us-west-1 us-west-2"),
    ("aws", _BOTH, _PRO, "0.62", "ca-central-1"),
    ("aws", _BOTH, _PRO, "0.72", "eu-west-1 eu-central-1 eu-west-3"),
    ("aws", _BOTH, _PRO, "0.74", "eu-west-2 ap-southeast-2 ap-northeast-2"),
    ("aws", _BOTH, _PRO, "0.85", "sa-east-1"),
    ("aws", _BOTH, _PRO, "0.61", "ap-south-1"),
    ("aws", _BOTH, _PRO, "0.69", "ap-southeast-1"),
    ("aws", _BOTH, _PRO, "0.78", "ap-northeast-1"),
    ("aws", _BOTH, _SERVERLESS, "0.70", "us-east-1 us-east-2 us-west-2"),
    ("aws", _BOTH, _SERVERLESS, "0.91", "eu-west-1 eu-central-1"),
    ("aws", _BOTH, _SERVERLESS, "0.95", "ap-southeast-2"),
    ("aws", _BOTH, _SERVING, "0.07", "us-east-1 us-east-2 us-west-2"),
    ("aws", _BOTH, _SERVING, "0.078", "ca-central-1 eu-west-1"),
    ("aws", _BOTH, _SERVING, "0.084", "eu-central-1"),
    ("aws", _BOTH, _SERVING, "0.088", "ap-southeast-1 ap-southeast-2"),
    ("azure", _PREMIUM, _PRO, "0.55", "eastus eastus2 westus westus2 westus3 centralus northcentralus"),
    ("azure", _PREMIUM, _PRO, "0.55", "southcentralus westcentralus"),
    ("azure", _PREMIUM, _PRO, "0.72", "westeurope northeurope"),
    ("azure", _PREMIUM, _PRO, "0.74", "uksouth"),
    ("azure", _PREMIUM, _PRO, "0.85", "switzerlandnorth brazilsouth"),
    ("azure", _PREMIUM, _PRO, "0.96", "switzerlandwest"),
    ("azure", _PREMIUM, _PRO, "0.78", "japaneast"),
    ("azure", _PREMIUM, _PRO, "0.61", "centralindia"),
    ("azure", _PREMIUM, _SERVERLESS, "0.70", "eastus eastus2 westus centralus"),
    ("azure", _PREMIUM, _SERVERLESS, "0.91", "westeurope northeurope"),
    ("azure", _PREMIUM, _SERVERLESS, "1.09", "brazilsouth"),
    ("gcp", _PREMIUM, _PRO, "0.55", "us-east1 us-east4"),
    ("gcp", _PREMIUM, _PRO, "0.72", "europe-west1"),
    ("gcp", _PREMIUM, _PRO, "0.69", "asia-southeast1"),
    ("gcp", _PREMIUM, _SERVERLESS, "0.70", "us-east1 us-east4"),
]


def _listed() -> list[Price]:
    found: list[Price] = []
    for cloud, tier, product, price in _EVERYWHERE:
        found.append(Price(f"{tier}_{product}", cloud, Decimal(price)))
        if not product.startswith("SQL"):
            found.append(Price(f"{tier}_{product}_(PHOTON)", cloud, Decimal(price)))
    for cloud, tiers, product, price, regions in _BY_REGION:
        names = [_REGION_NAMES[cloud, region] for region in regions.split()]
        found += [Price(f"{tier}_{product}_{name}", cloud, Decimal(price)) for tier in tiers for name in names]
    return found


LIST_PRICES = tuple(_listed())
"""The price list. Sources: hystax/optscale (AWS, 2023-12-14); price lists that customers published (Azure, GCP)."""

PRICES_SINCE = 1_702_512_000
"""2023-12-14, when the oldest of the sources stood; since when each price really holds, they do not tell."""
