"""The facets that genops states, each with the version of its schema. Plain dicts; nothing is validated here.

Source: OpenLineage's specification 2-0-2 and its facets.
"""

from __future__ import annotations

from typing import Any

PRODUCER = "https://genops.invalid/producers/genops"
"""Identifies genops as the one who says it. The domain is reserved, so that it names nobody else."""
RUN_EVENT = "https://openlineage.io/spec/2-0-2/OpenLineage.json#/$defs/RunEvent"
Json = dict[str, Any]

_VERSIONS = {
    "ColumnLineageDatasetFacet": "1-2-0",
    "ErrorMessageRunFacet": "1-0-1",
    "InputStatisticsInputDatasetFacet": "1-0-0",
    "JobTypeJobFacet": "2-0-4",
    "OutputStatisticsOutputDatasetFacet": "1-0-2",
    "ParentRunFacet": "1-2-0",
    "ProcessingEngineRunFacet": "1-1-1",
    "SQLJobFacet": "1-1-0",
    "SchemaDatasetFacet": "1-2-0",
    "SymlinksDatasetFacet": "1-0-1",
    "TagsDatasetFacet": "1-0-0",
    "TagsRunFacet": "1-0-0",
}
_URLS = {
    name: f"https://openlineage.io/spec/facets/{version}/{name}.json#/$defs/{name}"
    for name, version in _VERSIONS.items()
}


def facet(kind: str, **fields: Any) -> Json:
    """Return a facet.

    Args:
        kind: Name of its definition in the specification.
        fields: What it says.

    >>> facet("SQLJobFacet", query="SELECT ?")["_schemaURL"]
    'https://openlineage.io/spec/facets/1-1-0/SQLJobFacet.json#/$defs/SQLJobFacet'
    """
    return {"_producer": PRODUCER, "_schemaURL": _URLS[kind], **fields}


def tag(key: str, value: str) -> dict[str, str]:
    """Return a tag that genops puts on a run or a dataset.

    >>> tag("team", "sales")
    {'key': 'team', 'value': 'sales', 'source': 'genops'}
    """
    return {"key": key, "value": value, "source": "genops"}
