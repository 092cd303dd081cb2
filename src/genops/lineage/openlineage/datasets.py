"""Inputs and outputs of a run: their names, and what is known of them."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, NamedTuple, Protocol

from genops.core.edges import LOCAL_FILE
from genops.core.operation import Action
from genops.errors import InvalidArgument
from genops.lineage.naming import UNRESOLVED, Named, name
from genops.lineage.openlineage.columns import column_lineage
from genops.lineage.openlineage.facets import Json, facet, tag

if TYPE_CHECKING:
    from genops.core.operation import ColumnEdge, DatasetRef, Facts, Operation

MAX_COLUMN_EDGES = 10_000
_NAMES_KEPT = 4_096
_COUNTING = frozenset({"INSERT", "MERGE", "UPDATE"})


class Schemas(Protocol):
    """Knows which columns tables have."""

    def columns(self, dataset: DatasetRef) -> tuple[str, ...] | None:
        """Return the columns of a table in order, or `None` where they are not known."""
        ...


class Flow(NamedTuple):
    """What a run read and wrote, as far as a record says it.

    Attributes:
        sources: Datasets read.
        targets: Datasets written.
        columns: Column edges.
    """

    sources: tuple[DatasetRef, ...]
    targets: tuple[DatasetRef, ...]
    columns: tuple[ColumnEdge, ...]


def flow(operation: Operation, facts: Facts) -> Flow:
    """Return every dataset that an operation, its facts, their edges or their columns name; each once.

    A local file without a name is left out: two runs that name one need not mean the same file. Of more than 10,000
    column edges the rest is left out, and the run says how many.
    """
    columns = tuple(e for e in facts.columns[:MAX_COLUMN_EDGES] if LOCAL_FILE not in (e.source, e.target))
    sources = dict.fromkeys(operation.reads + facts.reads)
    targets = dict.fromkeys(operation.writes + facts.writes)
    sources.update(dict.fromkeys(edge.source for edge in facts.edges + columns))
    targets.update(dict.fromkeys(edge.target for edge in facts.edges + columns))
    sources.pop(LOCAL_FILE, None)
    targets.pop(LOCAL_FILE, None)
    return Flow(tuple(sources), tuple(targets), columns)


class Datasets:
    """States datasets with their facets.

    Args:
        schemas: Knows the columns of tables.
        classify: Returns the class of a dataset, or `None`.
    """

    def __init__(
        self, schemas: Schemas | None = None, classify: Callable[[DatasetRef], str | None] | None = None
    ) -> None:
        self._schemas = schemas
        self._classify = classify
        self._names: dict[DatasetRef, Named] = {}

    def inputs(self, flows: Flow) -> list[Json]:
        """Return the datasets read."""
        return [self._dataset(ref) for ref in flows.sources]

    def outputs(self, flows: Flow) -> list[Json]:
        """Return the datasets written, with the lineage of their columns."""
        into: dict[DatasetRef, list[ColumnEdge]] = {}
        for edge in flows.columns:
            into.setdefault(edge.target, []).append(edge)
        return [self._dataset(ref, into.get(ref, ())) for ref in flows.targets]

    def named(self, ref: DatasetRef) -> Named:
        """Return what a dataset is called; under its plain name where its host is none that can be named."""
        found = self._names.get(ref)
        if found is None:
            if len(self._names) >= _NAMES_KEPT:
                self._names.clear()
            try:
                found = name(ref)
            except InvalidArgument:
                found = Named(UNRESOLVED, ref.name)
            self._names[ref] = found
        return found

    def _dataset(self, ref: DatasetRef, edges: Iterable[ColumnEdge] = ()) -> Json:
        named = self.named(ref)
        dataset: Json = {"namespace": named.namespace, "name": named.name}
        if facets := self._facets(ref, named, edges):
            dataset["facets"] = facets
        return dataset

    def _facets(self, ref: DatasetRef, named: Named, edges: Iterable[ColumnEdge]) -> Json:
        facets: Json = {}
        if named.symlinks:
            facets["symlinks"] = facet("SymlinksDatasetFacet", identifiers=[link._asdict() for link in named.symlinks])
        columns = self._schemas.columns(ref) if self._schemas is not None and ref.kind == "table" else None
        if columns:
            facets["schema"] = facet("SchemaDatasetFacet", fields=[{"name": column} for column in columns])
        if edges:
            facets["columnLineage"] = column_lineage(edges, self.named)
        found = None if self._classify is None else self._classify(ref)
        if found:
            facets["tags"] = facet("TagsDatasetFacet", tags=[tag("classification", found)])
        return facets


def add_statistics(operation: Operation, facts: Facts, inputs: list[Json], outputs: list[Json]) -> None:
    """Add what was counted to the one dataset that it can be said of.

    Rows and bytes are those returned or written, of the operation as a whole. They are an output's where an operation
    wrote one dataset, and an input's where all it did was to read one. A statement's bytes are those of its answer,
    the rows that it returns are not those that it read, and only some statements say how many they changed.
    """
    rows, size = facts.rows, facts.bytes
    if operation.statement is not None:
        rows, size = (rows or None) if operation.statement.keyword in _COUNTING else None, None
    known = {field: count for field, count in (("rowCount", rows), ("size", size)) if count is not None}
    if not known:
        return
    if operation.action is Action.WRITE and len(outputs) == 1:
        outputs[0]["outputFacets"] = {"outputStatistics": facet("OutputStatisticsOutputDatasetFacet", **known)}
    elif operation.action is Action.READ and operation.statement is None and len(inputs) == 1 and not outputs:
        inputs[0]["inputFacets"] = {"inputStatistics": facet("InputStatisticsInputDatasetFacet", **known)}
