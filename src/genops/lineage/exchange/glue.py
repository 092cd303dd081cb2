"""Lineage out of AWS Glue: tables and jobs as `get_tables` and `get_jobs` answer.

A job that was drawn says in its nodes what it reads and writes (`CodeGenConfigurationNodes`). One that was written says
it in a script that Glue does not give; its name stays as a job whose flow is not known. Views of Athena hold their
statement as base64 in a comment.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

from genops.core.operation import DatasetRef
from genops.lineage.exchange.imported import Definition, Imported, mapping, mappings, text, texts
from genops.lineage.graph.nouns import Declaration, Flow, Logic, Node

_PRESTO_VIEW = re.compile(r"\s*/\*\s*Presto View:\s*([A-Za-z0-9+/=\s]+?)\s*\*/\s*")
_PATHS = ("Path", "S3TargetPath", "OutputPath")


def read(answers: Iterable[Mapping[str, Any]], *, region: str, account: str) -> Imported:
    """Return the lineage of a catalog's tables and jobs.

    Args:
        answers: Of `get_tables` (`TableList`), `get_table` (`Table`), `get_jobs` (`Jobs`) and `get_job` (`Job`), in any
            order.
        region: Of the catalog, for example `eu-west-1`.
        account: Number of the account; a table that names another catalog belongs to that.
    """
    reader = _Reader(region, account)
    for answer in answers:
        for table in mappings([*mappings(answer.get("TableList")), answer.get("Table")]):
            reader.table(table)
        for job in mappings([*mappings(answer.get("Jobs")), answer.get("Job")]):
            reader.job(job)
    return reader.imported()


class _Reader:
    """One run over the answers for one catalog."""

    def __init__(self, region: str, account: str) -> None:
        self._region, self._account = region, account
        self._skipped: Counter[str] = Counter()
        self._flows: dict[tuple[Node, Node, str], Flow] = {}
        self._described: list[tuple[Node, Declaration]] = []
        self._definitions: list[Definition] = []
        self._locations: dict[DatasetRef, str] = {}
        self._columns: dict[DatasetRef, tuple[str, ...]] = {}

    def imported(self) -> Imported:
        return Imported(
            tuple(self._flows.values()),
            tuple(self._described),
            tuple(self._definitions),
            self._locations,
            self._columns,
            self._skipped,
        )

    def table(self, table: Mapping[str, Any]) -> None:
        database, named = text(table.get("DatabaseName")), text(table.get("Name"))
        if not (database and named):
            self._skipped["table without a name"] += 1
            return
        ref = self._ref(database, named, text(table.get("CatalogId")))
        storage = mapping(table.get("StorageDescriptor"))
        columns = [*mappings(storage.get("Columns")), *mappings(table.get("PartitionKeys"))]
        self._columns[ref] = tuple(name for each in columns if (name := text(each.get("Name"))))
        if location := text(storage.get("Location")):
            self._locations[ref] = location
        if owner := text(table.get("Owner")):
            self._described.append((ref, Declaration(owner)))
        if given := text(table.get("ViewOriginalText")) or text(table.get("ViewExpandedText")):
            self._definitions.append(_view(f"{database}.{named}", given, ref))

    def job(self, job: Mapping[str, Any]) -> None:
        named = text(job.get("Name"))
        nodes = {
            key: (str(kind), mapping(node))
            for key, of_kind in mapping(job.get("CodeGenConfigurationNodes")).items()
            for kind, node in mapping(of_kind).items()
        }
        if not nodes:
            self._skipped["job without nodes"] += 1
        logic = Logic(job=named)
        for key, (_, node) in nodes.items():
            inputs = texts(node.get("Inputs"))
            if not inputs:
                continue
            if query := text(node.get("SqlQuery")):
                self._definitions.append(Definition(f"{named}.{text(node.get('Name')) or key}", query, "spark"))
            for target in self._datasets(node):
                for source in self._sources(nodes, inputs):
                    if source != target:
                        self._flows.setdefault((source, target, named), Flow(source, target, None, logic))

    def _sources(self, nodes: Mapping[str, tuple[str, Mapping[str, Any]]], inputs: list[str]) -> list[DatasetRef]:
        """Return the datasets from which data comes to a node, through all nodes between."""
        found: dict[DatasetRef, None] = {}
        waiting, seen = list(inputs), set(inputs)
        while waiting:
            _, node = nodes.get(waiting.pop(), ("", {}))
            before = texts(node.get("Inputs"))
            if not before:
                found.update(dict.fromkeys(self._datasets(node)))
            waiting += [each for each in before if each not in seen]
            seen.update(before)
        return list(found)

    def _datasets(self, node: Mapping[str, Any]) -> list[DatasetRef]:
        """Return what a source or a target names: a table of the catalog, paths, or a table of a connection."""
        database, named = text(node.get("Database")), text(node.get("Table"))
        if database and named:
            return [self._ref(database, named, "")]
        paths = texts([*texts(node.get("Paths")), *(node.get(key) for key in _PATHS)])
        return [DatasetRef((path,), "path") for path in paths]

    def _ref(self, database: str, table: str, catalog: str) -> DatasetRef:
        account = catalog if catalog.isdigit() else self._account
        return DatasetRef((database, table), "table", f"arn:aws:glue:{self._region}:{account}")


def _view(named: str, given: str, ref: DatasetRef) -> Definition:
    """Return a view's statement: Athena's out of its comment, Hive's as it stands."""
    found = _PRESTO_VIEW.fullmatch(given)
    if not found:
        return Definition(named, given, "hive", ref)
    try:
        said = json.loads(base64.b64decode(found[1], validate=False))
    except (binascii.Error, ValueError):
        return Definition(named, given, "", ref)
    return Definition(named, text(mapping(said).get("originalSql")) or given, "athena", ref)
