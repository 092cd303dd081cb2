"""Lineage as OpenLineage's JobEvents: for each dataset that is written, what flows into it, column by column.

A JobEvent says how data flows by design, without a run: that is what a graph knows. Datasets are named by the naming
specification. Schemas: OpenLineage 2-0-2, ColumnLineage 1-2-0, Ownership 1-0-1, Tags 1-0-0, Symlinks 1-0-1.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

from genops.lineage.graph.nouns import Column, Declaration, KnownEdge
from genops.lineage.naming import Named, name

if TYPE_CHECKING:
    from genops.core.operation import DatasetRef
    from genops.lineage.graph.nouns import Node
    from genops.lineage.graph.view import View

_SPEC = "https://openlineage.io/spec"
_EVENT = f"{_SPEC}/2-0-2/OpenLineage.json#/$defs/JobEvent"
_FACETS = {
    "columnLineage": f"{_SPEC}/facets/1-2-0/ColumnLineageDatasetFacet.json#/$defs/ColumnLineageDatasetFacet",
    "ownership": f"{_SPEC}/facets/1-0-1/OwnershipDatasetFacet.json#/$defs/OwnershipDatasetFacet",
    "tags": f"{_SPEC}/facets/1-0-0/TagsDatasetFacet.json#/$defs/TagsDatasetFacet",
    "symlinks": f"{_SPEC}/facets/1-0-1/SymlinksDatasetFacet.json#/$defs/SymlinksDatasetFacet",
}


def job_events(view: View, *, producer: str, namespace: str) -> Iterator[dict[str, Any]]:
    """Yield an event for each dataset that something flows into.

    Args:
        view: What is written.
        producer: URI of who says it.
        namespace: Of the jobs. A job has the name that the edges give it, or that of the dataset which it writes.
    """
    targets: dict[DatasetRef, list[KnownEdge]] = {}
    columns: dict[DatasetRef, list[KnownEdge]] = {}
    for edge in view.edges():
        targets.setdefault(_dataset_of(edge.target), []).append(edge)
    for edge in view.column_edges():
        columns.setdefault(_dataset_of(edge.target), []).append(edge)
    for target in dict.fromkeys((*targets, *columns)):
        into, of_columns = targets.get(target, []), columns.get(target, [])
        sources = dict.fromkeys(_dataset_of(edge.source) for edge in (*into, *of_columns))
        output = _dataset(view, target, producer, of_columns)
        jobs = [edge.logic.job for edge in (*into, *of_columns) if edge.logic and edge.logic.job]
        seen = max(edge.last_seen for edge in (*into, *of_columns))
        yield {
            "eventTime": datetime.fromtimestamp(seen // 1_000_000_000, timezone.utc).isoformat(),
            "producer": producer,
            "schemaURL": _EVENT,
            "job": {"namespace": namespace, "name": jobs[0] if jobs else output["name"]},
            "inputs": [_dataset(view, source, producer, ()) for source in sources],
            "outputs": [output],
        }


def _dataset(view: View, ref: DatasetRef, producer: str, columns: list[KnownEdge] | tuple[()]) -> dict[str, Any]:
    named = name(ref)
    facets = {
        "columnLineage": _column_lineage(columns),
        "ownership": _ownership(view.declaration(ref)),
        "tags": _tags(view, ref, columns),
        "symlinks": _symlinks(named),
    }
    return {
        "namespace": named.namespace,
        "name": named.name,
        "facets": {
            key: {"_producer": producer, "_schemaURL": _FACETS[key], **facet} for key, facet in facets.items() if facet
        },
    }


def _column_lineage(columns: list[KnownEdge] | tuple[()]) -> dict[str, Any]:
    fields: dict[str, dict[str, list[dict[str, Any]]]] = {}
    for edge in columns:
        of_field = fields.setdefault(_column_of(edge.target), {"inputFields": []})
        source = name(_dataset_of(edge.source))
        doubt = "one of several candidates" if edge.ambiguous else ""
        transformations = [
            {"type": each.kind, "subtype": each.subtype, "description": doubt, "masking": each.masking}
            for each in edge.transformations
        ]
        of_field["inputFields"].append(
            {
                "namespace": source.namespace,
                "name": source.name,
                "field": _column_of(edge.source),
                "transformations": transformations,
            }
        )
    return {"fields": fields} if fields else {}


def _ownership(said: Declaration | None) -> dict[str, Any]:
    roles = () if said is None else (("OWNER", said.owner), ("STEWARD", said.steward))
    owners = [{"name": who, "type": role} for role, who in roles if who]
    return {"owners": owners} if owners else {}


def _tags(view: View, ref: DatasetRef, columns: list[KnownEdge] | tuple[()]) -> dict[str, Any]:
    nodes: list[Node] = [ref, *dict.fromkeys(edge.target for edge in columns)]
    tags: list[dict[str, str]] = []
    for node in nodes:
        said = view.declaration(node)
        if said is None:
            continue
        field = {"field": node.name} if isinstance(node, Column) else {}
        classes = (("classification", said.classification),) if said.classification else ()
        tags += [{"key": key, "value": value, "source": "USER", **field} for key, value in (*classes, *said.tags)]
    return {"tags": tags} if tags else {}


def _symlinks(named: Named) -> dict[str, Any]:
    return {"identifiers": [each._asdict() for each in named.symlinks]} if named.symlinks else {}


def _dataset_of(node: Node) -> DatasetRef:
    return node.dataset if isinstance(node, Column) else node


def _column_of(node: Node) -> str:
    return node.name if isinstance(node, Column) else ""
