"""Lineage out of Apache Atlas: entities as its REST interface, its search and its export give them.

Types are told apart by what they hold, not by a list: a process has inputs and outputs, whatever it is called
(`hive_process`, `spark_process`, `hive_column_lineage`, `Process` …). Qualified names are `database.table@cluster` and
`database.table.column@cluster` (Atlas, models/1000-Hadoop/1030-hive_model.json); a path is its own name.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

from genops.core.operation import DatasetRef
from genops.lineage.exchange.imported import Definition, Imported, mapping, mappings, text, texts
from genops.lineage.graph.nouns import Column, Declaration, Flow, Logic, Node, Transformation
from genops.lineage.naming.paths import is_path

_TEXTS = ("queryText", "viewExpandedText", "viewOriginalText")
_DIALECTS = {"hive": "hive", "spark": "spark", "impala": "hive", "trino": "trino"}
# What Hive calls the dependency of a column; the attribute is spelled like this in Atlas' own model.
_DEPENDENCIES = {
    "SIMPLE": Transformation("DIRECT", "IDENTITY"),
    "EXPRESSION": Transformation("DIRECT", "TRANSFORMATION"),
    "SCRIPT": Transformation("DIRECT", "TRANSFORMATION"),
}


def read(documents: Iterable[Mapping[str, Any]]) -> Imported:
    """Return the lineage of entities.

    Args:
        documents: Each one of: an entity; `{"entity": …, "referredEntities": {…}}`; `{"entities": […], …}`, as the
            files of an export and the answers of search and bulk requests are.
    """
    return _Reader(_entities(documents)).read()


class _Reader:
    """One run over a set of entities, which refer to each other by their ids."""

    def __init__(self, entities: dict[str, Mapping[str, Any]]) -> None:
        self._entities = entities
        self._skipped: Counter[str] = Counter()
        self._flows: dict[tuple[Node, Node], Flow] = {}
        self._described: dict[Node, Declaration] = {}
        self._definitions: list[Definition] = []
        self._locations: dict[DatasetRef, str] = {}
        self._columns: dict[DatasetRef, list[str]] = {}

    def read(self) -> Imported:
        for entity in self._entities.values():
            if entity.get("status") == "DELETED":
                self._skipped["deleted"] += 1
            elif {"inputs", "outputs"} <= _attributes(entity).keys():
                self._process(entity)
            else:
                self._dataset(entity)
        return Imported(
            tuple(self._flows.values()),
            tuple(self._described.items()),
            tuple(self._definitions),
            self._locations,
            {ref: tuple(names) for ref, names in self._columns.items()},
            self._skipped,
        )

    def _process(self, entity: Mapping[str, Any]) -> None:
        attributes = _attributes(entity)
        sources, targets = self._ends(attributes["inputs"]), self._ends(attributes["outputs"])
        transformation = _DEPENDENCIES.get(text(attributes.get("depenendencyType")).upper())
        declaration, logic = _declaration(entity), Logic(job=_qualified(entity))
        for source in sources:
            for target in targets:
                if source != target:
                    flow = Flow(source, target, transformation, logic, declaration)
                    self._flows.setdefault((source, target), flow)
        if not (sources and targets):
            self._skipped["process without inputs or outputs"] += 1
        self._keep_texts(entity, None)

    def _ends(self, references: Any) -> list[Node]:
        """Return the datasets or columns that a process refers to; one that is not named is counted."""
        nodes = [self._node(self._entities.get(text(each.get("guid")), each)) for each in mappings(references)]
        self._skipped["reference without a name"] += nodes.count(None)
        return [node for node in dict.fromkeys(nodes) if node is not None]

    def _dataset(self, entity: Mapping[str, Any]) -> None:
        node, attributes = self._node(entity), _attributes(entity)
        if node is None:
            self._skipped[f"{text(entity.get('typeName')) or 'entity'} without a name"] += 1
            return
        declaration = _declaration(entity)
        if declaration is not None:
            self._described[node] = declaration
        if isinstance(node, Column):
            self._columns.setdefault(node.dataset, []).append(node.name)
            return
        self._keep_texts(entity, node)
        storage = mapping(attributes.get("sd"))
        held = _attributes(self._entities.get(text(storage.get("guid")), storage))
        if location := text(held.get("location")) or text(attributes.get("location")):
            self._locations[node] = location

    def _keep_texts(self, entity: Mapping[str, Any], target: DatasetRef | None) -> None:
        given = next((found for key in _TEXTS if (found := text(_attributes(entity).get(key)))), "")
        if given:
            dialect = _DIALECTS.get(text(entity.get("typeName")).partition("_")[0], "")
            self._definitions.append(Definition(_qualified(entity), given, dialect, target))

    def _node(self, entity: Mapping[str, Any]) -> Node | None:
        """Return the dataset or the column that an entity, or a reference to one, names."""
        qualified, kind = _qualified(entity), text(entity.get("typeName"))
        if not qualified:
            return None
        if is_path(qualified):
            return DatasetRef((_without_cluster(qualified),), "path")
        plain, at, cluster = qualified.rpartition("@")
        if not at:
            plain, cluster = qualified, ""
        host = f"{_system(kind)}://{cluster}" if cluster else None
        parts = tuple(part for part in plain.split(".") if part)
        if kind.endswith("_column") and len(parts) > 1:
            return Column(DatasetRef(parts[:-1], "table", host), parts[-1])
        return DatasetRef(parts, "table", host) if parts else None


def _entities(documents: Iterable[Mapping[str, Any]]) -> dict[str, Mapping[str, Any]]:
    """Return all entities by their id; one without an id by its name."""
    found: dict[str, Mapping[str, Any]] = {}
    for document in documents:
        referred = list(mapping(document.get("referredEntities")).values())
        own = [document["entity"]] if "entity" in document else document.get("entities")
        for entity in mappings(own if own is not None else [document]) + mappings(referred):
            found.setdefault(text(entity.get("guid")) or f"{entity.get('typeName')} {_qualified(entity)}", entity)
    return found


def _attributes(entity: Mapping[str, Any]) -> Mapping[str, Any]:
    return mapping(entity.get("attributes"))


def _qualified(entity: Mapping[str, Any]) -> str:
    unique = mapping(entity.get("uniqueAttributes"))
    return text(_attributes(entity).get("qualifiedName")) or text(unique.get("qualifiedName"))


def _without_cluster(path: str) -> str:
    """Return a path without the cluster that Atlas writes behind it; an `@` before the path is a container's.

    >>> _without_cluster("hdfs://nn:8020/data/x@prod"), _without_cluster("abfss://c@a.dfs.core.windows.net/x")
    ('hdfs://nn:8020/data/x', 'abfss://c@a.dfs.core.windows.net/x')
    """
    plain, at, cluster = path.rpartition("@")
    return plain if at and "/" not in cluster and "/" in plain.partition("://")[2] else path


def _system(kind: str) -> str:
    """Return the system whose names entities of a type have; Spark's and Impala's tables are the metastore's."""
    return "hive" if kind.partition("_")[0] in {"hive", "spark", "impala", ""} else kind.partition("_")[0]


def _declaration(entity: Mapping[str, Any]) -> Declaration | None:
    attributes = _attributes(entity)
    classes = [text(each.get("typeName")) for each in mappings(entity.get("classifications"))]
    labels = texts(entity.get("labels"))
    terms = [text(each.get("displayText")) for each in mappings(entity.get("meanings"))]
    tags = (
        *(("classification", each) for each in classes[1:] if each),
        *(("label", each) for each in labels),
        *(("term", each) for each in terms if each),
    )
    said = Declaration(
        text(attributes.get("owner")) or None,
        text(attributes.get("steward")) or None,
        next((each for each in classes if each), None),
        tags,
    )
    return said if any(said) else None
