"""The forms in which lineage is printed, each from all statements to lines."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, TypeAlias

from genops.cli.lineage import events, tree
from genops.core.operation import Action, DatasetRef
from genops.lineage.exchange import drawings
from genops.lineage.graph.nouns import KnownEdge, Provenance
from genops.lineage.sql.redaction import redact
from genops.lineage.sql.understood import dataset, dotted

if TYPE_CHECKING:
    from genops.cli.lineage.scripts import Outcome, Read

Form: TypeAlias = "Callable[[Outcome], Iterator[str]]"


def as_json(outcome: Outcome) -> Iterator[str]:
    """Yield a list of statements, one a line; its keys are stable.

    `columns` are objects of `to`, `from`, `kind`, `subtype`, `masking` and `ambiguous`; `unresolved` of `name`,
    `why` and `candidates`.
    """
    rows = [json.dumps(_row(each), ensure_ascii=False) for each in outcome.statements]
    yield "[" + ",\n ".join(rows) + "]"


def _row(read: Read) -> dict[str, Any]:
    found = read.found
    return {
        "file": read.file,
        "index": found.index,
        "kind": found.kind,
        "status": found.status.value,
        "reads": [dotted(table) for table in found.reads],
        "writes": [dotted(table) for table in found.writes],
        "columns": [
            {"to": to, "from": source, "kind": kind, "subtype": subtype, "masking": masking, "ambiguous": ambiguous}
            for to, source, kind, subtype, masking, ambiguous in found.columns
        ],
        "unresolved": [each._asdict() for each in found.unresolved],
        "summary": found.summary,
        "fingerprint": redact(read.text, read.dialect).fingerprint if read.text else "",
    }


def as_mermaid(outcome: Outcome) -> Iterator[str]:
    """Yield a flowchart of the tables."""
    yield drawings.mermaid(edges(outcome))


def as_dot(outcome: Outcome) -> Iterator[str]:
    """Yield a graph of the tables for Graphviz."""
    yield drawings.dot(edges(outcome))


def edges(outcome: Outcome) -> list[KnownEdge]:
    """Return what flows into what, each edge once; a query that writes no table is named by its file and number."""
    found: dict[tuple[DatasetRef, DatasetRef], None] = {}
    for read in outcome.statements:
        targets = [dataset(table) for table in read.found.writes]
        if not targets and read.found.action is Action.QUERY:
            targets = [_query(read)]
        sources = [dataset(table) for table in read.found.reads]
        found.update(((source, target), None) for target in targets for source in sources if source != target)
    return [KnownEdge(source, target, Provenance.SQL, 0, 0) for source, target in found]


def _query(read: Read) -> DatasetRef:
    called = f"{read.found.kind} {read.file}#{read.found.index}"
    return DatasetRef(tuple(called.split(".")), "query")  # in parts, so that its dots are not quoted


FORMS: dict[str, Form] = {
    "tree": tree.lines,
    "json": as_json,
    "mermaid": as_mermaid,
    "dot": as_dot,
    "openlineage": events.lines,
}
