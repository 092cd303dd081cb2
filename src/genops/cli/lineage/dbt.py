"""What dbt left in a target folder: compiled queries, what is made of them, and the columns that its catalog tells.

Sources: dbt's manifest (schemas v4 to v12) and catalog (v1).
"""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from genops.cli.lineage.ordering import in_order
from genops.cli.lineage.scripts import Gathered, Known, Model, Script
from genops.cli.lineage.words import bytes_of, json_of, text_of
from genops.errors import InvalidArgument
from genops.lineage.exchange.imported import mapping, text, texts
from genops.lineage.sql import library

MANIFEST, _CATALOG = "manifest.json", "catalog.json"
_MADE = frozenset(("model", "snapshot"))
_EPHEMERAL = "ephemeral"
_ALSO = {"synapse": "tsql", "fabricspark": "spark", "databricks_uc": "databricks"}
_KINDS = {
    "view": "CREATE VIEW",
    "materialized_view": "CREATE MATERIALIZED VIEW",
    "streaming_table": "CREATE STREAMING TABLE",
    "snapshot": "MERGE",
}
_STRATEGIES = {"append": "INSERT", "insert_overwrite": "INSERT", "delete+insert": "INSERT", "microbatch": "INSERT"}
_SNAPSHOT = ("dbt_scd_id", "dbt_updated_at", "dbt_valid_from", "dbt_valid_to")
_Json = Mapping[str, Any]


def target(folder: Path, dialect: str | None) -> Gathered:
    """Return the models and snapshots of a target folder, each after those that it reads.

    Args:
        folder: With a manifest.json.
        dialect: The caller's word; where there is none, that of the adapter.

    Raises:
        InvalidArgument: The manifest is not dbt's, or its adapter speaks no dialect that is known.
    """
    path = folder / MANIFEST
    manifest = mapping(json_of(path))
    nodes = {key: mapping(node) for key, node in mapping(manifest.get("nodes")).items()}
    metadata = mapping(manifest.get("metadata"))
    if not nodes or "dbt" not in text(metadata.get("dbt_schema_version")):
        raise InvalidArgument(f"{path}: no manifest of dbt with nodes in it; run `dbt compile` and name its folder")
    spoken = dialect or _dialect(path, text(metadata.get("adapter_type")))
    project = _Project(folder, text(metadata.get("project_name")), nodes, mapping(manifest.get("sources")), spoken)
    scripts = {key: project.script(key) for key in project.ordered()}
    return Gathered(tuple(scripts.values()), tuple(project.known()), tuple(project.notes(scripts)))


def _dialect(path: Path, adapter: str) -> str:
    found = _ALSO.get(adapter) or library.known(adapter)
    if found is None:
        raise InvalidArgument(
            f"{path}: the dialect of dbt's adapter {adapter[:40]!r} is not known; say with --dialect which of "
            f"{', '.join(library.DIALECTS)} is nearest"
        )
    return found


class _Project:
    """What a manifest tells.

    Args:
        folder: The target folder.
        name: Of the project; other packages' files lie elsewhere.
        nodes: By their id.
        sources: By their id.
        dialect: Of all of it.
    """

    def __init__(self, folder: Path, name: str, nodes: dict[str, _Json], sources: _Json, dialect: str) -> None:
        self._folder, self._name, self._dialect = folder, name, dialect
        self._nodes = nodes
        self._sources = {key: mapping(source) for key, source in sources.items()}
        self._made = {key: node for key, node in nodes.items() if _is_made(node)}

    def ordered(self) -> list[str]:
        """Return models and snapshots, each after those that it reads; ephemeral ones lie in others' code."""
        return [key for key in in_order(sorted(self._nodes), self._before) if key in self._made]

    def _before(self, key: str) -> list[str]:
        found = texts(mapping(self._nodes[key].get("depends_on")).get("nodes"))
        return [each for each in found if each in self._nodes]

    def script(self, key: str) -> Script:
        """Return the query of a node and what is made of it."""
        node = self._made[key]
        relation = text(node.get("relation_name"))
        code = "" if node.get("language") == "python" else self._code(node)
        model = Model(relation, _kind(node), _columns_beside(node), () if code else tuple(self._read(key)))
        return Script(self._file(node), code.rstrip().rstrip(";"), self._dialect, model)

    def _code(self, node: _Json) -> str:
        """Return the compiled query: from the manifest, else from the file beside it."""
        given = text(node.get("compiled_code")) or text(node.get("compiled_sql"))
        if given:
            return given
        beside = text(node.get("compiled_path")).replace("\\", "/").rpartition("compiled/")[2]
        own = f"{text(node.get('package_name')) or self._name}/{text(node.get('original_file_path'))}"
        root = (self._folder / "compiled").resolve()
        for name in filter(None, (beside, own)):
            path = (root / name).resolve()
            if path.is_relative_to(root) and path.is_file():
                return text_of(bytes_of(path, "another folder"), str(path))
        return ""

    def _read(self, key: str) -> Iterator[str]:
        """Yield the relations that a node depends on, through the ephemeral ones between."""
        waiting, seen = [key], {key}
        while waiting:
            node = self._nodes.get(waiting.pop(), {})
            for each in texts(mapping(node.get("depends_on")).get("nodes")):
                before = self._nodes.get(each) or self._sources.get(each, {})
                if relation := text(before.get("relation_name")):
                    yield relation
                elif each not in seen:
                    waiting.append(each)
                seen.add(each)

    def _file(self, node: _Json) -> str:
        package = text(node.get("package_name"))
        elsewhere = f"dbt_packages/{package}/" if package and self._name and package != self._name else ""
        return elsewhere + (text(node.get("original_file_path")) or text(node.get("name"))).replace("\\", "/")

    def known(self) -> Iterator[Known]:
        """Yield the columns that the catalog tells; of seeds without it, those that their file begins with."""
        path = self._folder / _CATALOG
        catalog = mapping(json_of(path) if path.is_file() else None)
        told = {**mapping(catalog.get("nodes")), **mapping(catalog.get("sources"))}
        for key, node in {**self._nodes, **self._sources}.items():
            relation = text(node.get("relation_name"))
            columns = _told(mapping(told.get(key)))
            if not columns and node.get("resource_type") == "seed":
                columns = self._header(node)
            if relation and columns:
                yield Known(relation, self._dialect, columns)

    def _header(self, seed: _Json) -> tuple[str, ...]:
        """Return the first line of a seed's file, which lies in the project and need not be there any more."""
        delimiter = text(mapping(seed.get("config")).get("delimiter")) or ","
        for root in (Path(text(seed.get("root_path")) or "."), self._folder.parent):
            path = root / text(seed.get("original_file_path"))
            if path.suffix == ".csv" and path.is_file():
                first = bytes_of(path, "another folder").split(b"\n", 1)[0].decode("utf-8-sig", "replace")
                line = first.strip()
                return tuple(name.strip() for row in csv.reader([line], delimiter=delimiter[:1]) for name in row)
        return ()

    def notes(self, scripts: Mapping[str, Script]) -> Iterator[str]:
        """Say what has no statement here, and what is not compiled."""
        left = Counter(_left_out(node) for key, node in self._nodes.items() if key not in self._made)
        if left:
            counted = ", ".join(f"{count} {what}{'' if count == 1 else 's'}" for what, count in sorted(left.items()))
            yield f"{self._folder}: left out: {counted}"
        bare = [
            script.file
            for key, script in scripts.items()
            if not script.text and self._made[key].get("language") != "python"
        ]
        if bare:
            more = f" and {len(bare) - 1} more" if len(bare) > 1 else ""
            yield f"{self._folder}: {bare[0]}{more} is not compiled; run `dbt compile`, which writes no table"


def _is_made(node: _Json) -> bool:
    ephemeral = mapping(node.get("config")).get("materialized") == _EPHEMERAL
    return text(node.get("resource_type")) in _MADE and not ephemeral and bool(text(node.get("relation_name")))


def _left_out(node: _Json) -> str:
    """Return what a node without a statement is called."""
    what = text(node.get("resource_type")) or "node"
    return f"ephemeral {what}" if mapping(node.get("config")).get("materialized") == _EPHEMERAL else what


def _kind(node: _Json) -> str:
    """Return the statement that a materialization comes to."""
    config = mapping(node.get("config"))
    materialized = "snapshot" if node.get("resource_type") == "snapshot" else text(config.get("materialized"))
    if materialized == "incremental":
        return _STRATEGIES.get(text(config.get("incremental_strategy")), "MERGE")
    return _KINDS.get(materialized, "CREATE TABLE AS")


def _columns_beside(node: _Json) -> tuple[str, ...]:
    """Return the columns that dbt adds to a snapshot."""
    if node.get("resource_type") != "snapshot":
        return ()
    config = mapping(node.get("config"))
    names = mapping(config.get("snapshot_meta_column_names"))
    added = (*_SNAPSHOT, *(("dbt_is_deleted",) if config.get("hard_deletes") == "new_record" else ()))
    return tuple(text(names.get(name)) or name for name in added)


def _told(of: _Json) -> tuple[str, ...]:
    columns = [mapping(column) for column in mapping(of.get("columns")).values()]
    columns.sort(key=lambda column: index if isinstance(index := column.get("index"), int) else 0)
    return tuple(name for column in columns if (name := text(column.get("name"))))
