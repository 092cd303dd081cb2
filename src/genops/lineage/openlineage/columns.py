"""Lineage of columns as OpenLineage states it: a facet of the dataset written."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from genops.lineage.openlineage.facets import Json, facet

if TYPE_CHECKING:
    from genops.core.operation import ColumnEdge, DatasetRef
    from genops.lineage.naming import Named

_AMBIGUOUS = "one of several candidates"
_OF_THE_WHOLE = frozenset({"JOIN", "FILTER", "GROUP_BY", "SORT"})
_Field = tuple[str, str, str]


def column_lineage(edges: Iterable[ColumnEdge], named: Callable[[DatasetRef], Named]) -> Json:
    """Return the facet of one dataset.

    What decides which rows there are (join, filter, grouping, order) concerns every column, so it stands once for the
    dataset and not once for each of its columns; so does every indirect edge that names no column written.

    Args:
        edges: Column edges into the dataset. Their kind is `DIRECT:IDENTITY`, `INDIRECT:FILTER` …, with `:MASKING`
            after it where the transformation hides the values. One of several candidates is described as that.
        named: Says what a dataset is called.
    """
    fields: dict[str, dict[_Field, list[Json]]] = {}
    dataset: dict[_Field, list[Json]] = {}
    for edge in edges:
        kind, _, rest = edge.kind.upper().partition(":")
        subtype, _, masking = rest.partition(":")
        whole = kind == "INDIRECT" and (subtype in _OF_THE_WHOLE or not edge.target_column)
        place = dataset if whole else fields.setdefault(edge.target_column, {})
        source = named(edge.source)
        found = place.setdefault((source.namespace, source.name, edge.source_column), [])
        transformation: Json = {"type": kind, "masking": masking == "MASKING"}
        if subtype:
            transformation["subtype"] = subtype
        if edge.ambiguous:
            transformation["description"] = _AMBIGUOUS
        if transformation not in found:
            found.append(transformation)
    stated = {name: {"inputFields": _inputs(sources)} for name, sources in fields.items()}
    return facet("ColumnLineageDatasetFacet", fields=stated, **({"dataset": _inputs(dataset)} if dataset else {}))


def _inputs(sources: dict[_Field, list[Json]]) -> list[Json]:
    return [
        {"namespace": namespace, "name": name, "field": field, "transformations": transformations}
        for (namespace, name, field), transformations in sources.items()
    ]
