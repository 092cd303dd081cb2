"""Lineage as JSON: all that is known of each edge, in lists of plain values."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from genops.lineage.graph.nouns import Column, Declaration, KnownEdge

if TYPE_CHECKING:
    from genops.core.operation import DatasetRef
    from genops.lineage.graph.nouns import Node
    from genops.lineage.graph.view import View

FORMAT = "genops.lineage/1"


def as_json(view: View) -> dict[str, Any]:
    """Return a view as values that `json.dumps` takes.

    Returns:
        `format`; `datasets`: parts, kind and host of each; `edges` and `columns`: of each edge its source and target
        (places in `datasets`), the columns, who says it (`provenance`), `first_seen`, `last_seen` and `ended` in
        nanoseconds since the epoch, `transformations`, `ambiguous`, `logic` and what was declared.
    """
    places: dict[DatasetRef, int] = {}
    edges = [_edge(edge, places) for edge in view.edges()]
    columns = [_edge(edge, places) for edge in view.column_edges()]
    datasets = [{**_dataset(ref), **_said(view.declaration(ref))} for ref in places]
    return {"format": FORMAT, "datasets": datasets, "edges": edges, "columns": columns}


def _dataset(ref: DatasetRef) -> dict[str, Any]:
    return {"name": list(ref.parts), "kind": ref.kind, "host": ref.host}


def _edge(edge: KnownEdge, places: dict[DatasetRef, int]) -> dict[str, Any]:
    logic = edge.logic
    return {
        **_end("source", edge.source, places),
        **_end("target", edge.target, places),
        "provenance": list(edge.provenance.names),
        "first_seen": edge.first_seen,
        "last_seen": edge.last_seen,
        "ended": edge.ended,
        "transformations": [each._asdict() for each in edge.transformations],
        "ambiguous": edge.ambiguous,
        "logic": None if logic is None else logic._asdict(),
        **_said(edge.declaration),
    }


def _end(which: str, node: Node, places: dict[DatasetRef, int]) -> dict[str, Any]:
    if isinstance(node, Column):
        return {which: places.setdefault(node.dataset, len(places)), f"{which}_column": node.name}
    return {which: places.setdefault(node, len(places))}


def _said(declaration: Declaration | None) -> dict[str, Any]:
    if declaration is None:
        return {}
    return {key: dict(value) if key == "tags" else value for key, value in declaration._asdict().items() if value}
