"""What clusters are made of: a few node types of each cloud, Spark versions and zones.

Memory and cores are the clouds' own figures. The lists are short on purpose: a name that is not in them is taken
as it is, without memory and cores.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from genops.testing.workspace.http.wire import Json

# Name, MiB of memory, cores, category, GiB of its own disks.
_NODES = {
    "aws": (
        ("m5d.large", 8_192, 2, "General Purpose", 75),
        ("i3.xlarge", 31_232, 4, "Storage Optimized", 950),
        ("i3.2xlarge", 62_464, 8, "Storage Optimized", 1_900),
        ("r5d.4xlarge", 131_072, 16, "Memory Optimized", 600),
    ),
    "azure": (
        ("Standard_DS3_v2", 14_336, 4, "General Purpose", 28),
        ("Standard_D8ds_v5", 32_768, 8, "General Purpose", 300),
        ("Standard_E16ds_v5", 131_072, 16, "Memory Optimized", 600),
    ),
    "gcp": (
        ("n2-standard-4", 16_384, 4, "General Purpose", 0),
        ("n2-highmem-4", 32_768, 4, "Memory Optimized", 0),
        ("n2-standard-16", 65_536, 16, "General Purpose", 0),
    ),
}
_ZONES = {"aws": ("{0}a", "{0}b", "{0}c"), "azure": ("1", "2", "3"), "gcp": ("{0}-a", "{0}-b", "{0}-c")}
_RUNTIMES = (("17.3", "4.0.0", "2.13"), ("16.4", "3.5.2", "2.12"), ("15.4", "3.5.0", "2.12"), ("14.3", "3.5.0", "2.12"))


def node_types(cloud: str) -> list[Json]:
    """The node types of a cloud, in the shape of the API."""
    return [
        {
            "node_type_id": name,
            "instance_type_id": name,
            "description": name,
            "memory_mb": memory,
            "num_cores": float(cores),
            "num_gpus": 0,
            "category": category,
            "is_deprecated": False,
            "is_hidden": False,
            "photon_driver_capable": True,
            "photon_worker_capable": True,
            "support_cluster_tags": True,
            "is_graviton": False,
            "node_instance_type": {
                "instance_type_id": name,
                "local_disks": int(disk > 0),
                "local_disk_size_gb": disk,
            },
        }
        for name, memory, cores, category, disk in _NODES[cloud]
    ]


def size_of(cloud: str, node_type: str | None) -> tuple[int, int]:
    """MiB of memory and cores of a node type; zeros for one that is not in the list.

    >>> size_of("aws", "i3.xlarge")
    (31232, 4)
    """
    return next(((memory, cores) for name, memory, cores, *_ in _NODES[cloud] if name == node_type), (0, 0))


def spark_versions() -> list[Json]:
    """The Databricks runtimes with long-term support."""
    return [
        {"key": f"{runtime}.x-scala{scala}", "name": f"{runtime} LTS (includes Apache Spark {spark}, Scala {scala})"}
        for runtime, spark, scala in _RUNTIMES
    ]


def zones(cloud: str, region: str) -> list[str]:
    """The availability zones of a region."""
    return [name.format(region) for name in _ZONES[cloud]]
