"""The tariff of one workspace: which SKU a thing is billed as and how many DBU an hour it uses."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from decimal import Decimal
from typing import TYPE_CHECKING

from genops.testing.workspace.compute.shapes import items, part
from genops.testing.workspace.platform.rates import NODE_DBU, PHOTON, WAREHOUSE_DBU, region_name

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from genops.testing.workspace.http.identity import Identity
    from genops.testing.workspace.http.wire import Json

_NOTHING = Decimal(0)


@dataclass(frozen=True)
class Use:
    """What one record of usage says about a thing, besides when and how much.

    Attributes:
        sku_name: What it is billed as.
        product: ``billing_origin_product``.
        metadata: ``usage_metadata``; absent names are null.
        tags: ``custom_tags``.
        identity: ``identity_metadata``.
        features: ``product_features``.
        usage_type: ``COMPUTE_TIME`` or ``TOKEN``.
    """

    sku_name: str
    product: str
    metadata: Json
    tags: dict[str, str] = field(default_factory=dict[str, str])
    identity: Json = field(default_factory=dict[str, object])
    features: Json = field(default_factory=dict[str, object])
    usage_type: str = "COMPUTE_TIME"


@dataclass
class Tariff:
    """Rates that are published, and those that a test gives for what has no published one.

    Attributes:
        identity: Cloud, region and tier.
        warehouses: DBU an hour of warehouse sizes, over the published ones.
        nodes: DBU an hour of node types, over the published ones; Photon's factor comes on top.
        tokens: DBU for a million tokens, by serving endpoint.
        unmetered: What was left out, and why, as far as it was met.
    """

    identity: Identity
    warehouses: Mapping[str, Decimal] = field(default_factory=dict[str, Decimal])
    nodes: Mapping[str, Decimal] = field(default_factory=dict[str, Decimal])
    tokens: Mapping[str, Decimal] = field(default_factory=dict[str, Decimal])
    unmetered: dict[str, str] = field(default_factory=dict[str, str])

    def warehouse(self, info: Json) -> tuple[Use | None, Decimal]:
        """Use and DBU an hour of one running cluster of a warehouse."""
        size, kind = str(info["cluster_size"]), warehouse_kind(info)
        rate = self.warehouses.get(size, WAREHOUSE_DBU.get(size))
        if rate is None:
            return self._without(f"warehouse {info['id']}", f"no published DBU rate for the size {size}")
        product = {"CLASSIC": "SQL_COMPUTE", "PRO": "SQL_PRO_COMPUTE"}.get(kind, "SERVERLESS_SQL_COMPUTE")
        sku_name = self._sku(product, regional=kind != "CLASSIC")
        if sku_name is None:
            return self._without(f"warehouse {info['id']}", self._nameless())
        serverless = kind == "SERVERLESS"
        use = Use(
            sku_name,
            "SQL",
            {"warehouse_id": info["id"], "node_type": size.replace("-", "_").upper()},
            tags_of(info),
            {"owned_by": info.get("creator_name")},
            {
                "sql_tier": "CLASSIC" if kind == "CLASSIC" else "PRO",
                "is_serverless": serverless,
                "is_photon": bool(info.get("enable_photon", True)),
            },
        )
        return use, Decimal(rate)

    def cluster(self, info: Json) -> Iterator[tuple[str, Use, Decimal]]:
        """Node type, use and DBU an hour of all nodes of that type of a running cluster."""
        product = "JOBS" if info.get("cluster_source") == "JOB" else "ALL_PURPOSE"
        for node_type, count in _nodes(info).items():
            rate = self._node_rate(info, node_type, product)
            if rate is not None:
                yield node_type, self._cluster_use(info, node_type, product), rate * count

    def endpoint(self, facts: Json) -> tuple[Use | None, Decimal]:
        """Use and DBU a million tokens of the serving endpoint that a request went to."""
        name = str(facts["endpoint_name"])
        rate, sku_name = self.tokens.get(name), self._sku("SERVERLESS_REAL_TIME_INFERENCE", regional=True)
        if rate is None:
            return self._without(f"endpoint {name}", "no published DBU rate for its tokens; give one in token_rates")
        if sku_name is None:
            return self._without(f"endpoint {name}", self._nameless())
        metadata: Json = {"endpoint_name": name, "endpoint_id": facts.get("endpoint_id")}
        metadata.update(_policy(facts))
        features = {"is_serverless": True, "serving_type": "FOUNDATION_MODEL"}
        return Use(sku_name, "MODEL_SERVING", metadata, part(facts.get("tags")), {}, features, "TOKEN"), Decimal(rate)

    def _node_rate(self, info: Json, node_type: str, product: str) -> Decimal | None:
        cloud = self.identity.cloud
        rate = self.nodes.get(node_type, NODE_DBU[cloud].get(node_type))
        if rate is None:
            self._without(f"cluster {info['cluster_id']}", f"no published DBU rate for the node type {node_type}")
            return None
        if not has_photon(info):
            return Decimal(rate)
        factor = PHOTON.get((cloud, product))
        if factor is None:
            self._without(f"cluster {info['cluster_id']}", f"no published DBU rate for Photon on {cloud}")
            return None
        return Decimal(rate) * factor

    def _cluster_use(self, info: Json, node_type: str, product: str) -> Use:
        photon = has_photon(info)
        job = product == "JOBS"
        metadata: Json = {"cluster_id": info["cluster_id"], "node_type": node_type}
        if job:
            # Clusters of jobs are called after the job and the run.
            named = re.match(r"job-(\d+)-run-(\d+)-", str(info.get("cluster_name")))
            metadata.update(zip(("job_id", "job_run_id"), named.groups() if named else (), strict=False))
        metadata.update(_policy(info))
        return Use(
            f"{self.identity.tier}_{product}_COMPUTE{'_(PHOTON)' if photon else ''}",
            product,
            metadata,
            part(info.get("custom_tags")),
            {"run_as": info.get("single_user_name") or info.get("creator_user_name")} if job else {},
            {"jobs_tier": "CLASSIC" if job else None, "is_serverless": False if job else None, "is_photon": photon},
        )

    def _sku(self, product: str, *, regional: bool) -> str | None:
        who = self.identity
        if not regional:
            return f"{who.tier}_{product}"
        name = region_name(who.cloud, who.region)
        return f"{who.tier}_{product}_{name}" if name else None

    def _nameless(self) -> str:
        return f"no price list that we know names the region {self.identity.region} of {self.identity.cloud}"

    def _without(self, thing: str, why: str) -> tuple[None, Decimal]:
        self.unmetered[thing] = why
        return None, _NOTHING


def warehouse_kind(info: Json) -> str:
    """``CLASSIC``, ``PRO`` or ``SERVERLESS``: serverless is PRO with serverless compute."""
    return "SERVERLESS" if info.get("enable_serverless_compute") else str(info.get("warehouse_type", "PRO"))


def has_photon(info: Json) -> bool:
    """Whether a cluster runs Photon: as its engine says, or else its version."""
    engine = info.get("runtime_engine")
    return engine == "PHOTON" if engine else "-photon-" in str(info.get("spark_version"))


def tags_of(info: Json) -> dict[str, str]:
    """The custom tags of a warehouse."""
    return {str(item["key"]): str(item.get("value") or "") for item in items(part(info.get("tags")).get("custom_tags"))}


def _policy(facts: Json) -> Json:
    """The budget (usage) policy of a thing, by both of its names."""
    policy = facts.get("usage_policy_id") or facts.get("budget_policy_id")
    return {"usage_policy_id": policy, "budget_policy_id": policy} if policy else {}


def _nodes(info: Json) -> dict[str, int]:
    """Nodes by type. A cluster without workers is its driver alone, not a driver and a worker."""
    scale = part(info.get("autoscale"))
    workers = int(info.get("num_workers") or scale.get("min_workers") or 0)
    worker = str(info.get("node_type_id") or "")
    driver = str(info.get("driver_node_type_id") or worker)
    counts = {driver: 1}
    counts[worker] = counts.get(worker, 0) + workers
    return {name: count for name, count in counts.items() if count}
