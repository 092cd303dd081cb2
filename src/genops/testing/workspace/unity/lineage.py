"""Lineage of what really ran, by the REST API that the SDK has no methods for: one hop up and down."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from genops.testing.workspace.http.wire import Call, Json, Routes, invalid
from genops.testing.workspace.unity.external import BASE

if TYPE_CHECKING:
    from genops.testing.workspace.journal import Entry, Journal
    from genops.testing.workspace.unity.catalog import UnityCatalog


class LineageService:
    """Reads the journal's lineage.

    Args:
        catalog: Says what may be seen.
        journal: Has an entry ``lineage`` for each statement that moved data.
    """

    def __init__(self, catalog: UnityCatalog, journal: Journal) -> None:
        self._catalog = catalog
        self._journal = journal

    def routes(self) -> Routes:
        """Both reads."""
        return {f"GET {BASE}/table-lineage": self._tables, f"GET {BASE}/column-lineage": self._columns}

    def _tables(self, call: Call) -> Json:
        name = self._seen(call)
        entities = call.flag("include_entity_lineage")
        return _without_empty(
            {
                "upstreams": self._hop(name, "targets", "sources", call, entities=entities),
                "downstreams": self._hop(name, "sources", "targets", call, entities=entities),
            }
        )

    def _seen(self, call: Call) -> str:
        """The table that is asked about, which the caller may see."""
        name = str(self._catalog.table(call.need("table_name"))["full_name"])
        self._catalog.grants.need_sight(call.user, "table", name, browse=True)
        return name

    def _hop(self, name: str, mine: str, others: str, call: Call, *, entities: bool) -> list[Json]:
        found: dict[str, Json] = {}
        for entry in self._journal.of("lineage"):
            if name not in _names(entry, mine):
                continue
            for other in _names(entry, others) or [""]:
                node = found.setdefault(other, self._node(other, call))
                if entities:
                    _add_entity(node, cast("Json", entry.facts.get("entity") or {}), self._catalog.workspace_id)
        return [node for node in found.values() if node]

    def _node(self, name: str, call: Call) -> Json:
        if not name:
            return {}
        if name not in self._catalog.tables:
            return {"fileInfo": {"path": name}} if "/" in name else {"tableInfo": _table(name, "TABLE", masked=False)}
        kind = "VIEW" if self._catalog.tables[name]["table_type"] == "VIEW" else "TABLE"
        return {"tableInfo": _table(name, kind, masked=not self._catalog.grants.sees(call.user, "table", name))}

    def _columns(self, call: Call) -> Json:
        name, column = self._seen(call), call.need("column_name").lower()
        if all(known["name"].lower() != column for known in self._catalog.tables[name]["columns"]):
            raise invalid(f"Column '{column}' does not exist in table '{name}'")
        up, down = (
            self._column_hop(name, column, "target", "source"),
            self._column_hop(name, column, "source", "target"),
        )
        return _without_empty({"upstream_cols": up, "downstream_cols": down})

    def _column_hop(self, name: str, column: str, mine: str, other: str) -> list[Json]:
        found: dict[tuple[str, str], Json] = {}
        for entry in self._journal.of("lineage"):
            for edge in entry.facts.get("columns") or ():
                if (edge[f"{mine}_table"], edge[f"{mine}_column"].lower()) == (name, column):
                    there = (edge[f"{other}_table"], edge[f"{other}_column"])
                    found[there] = self._column(*there)
        return list(found.values())

    def _column(self, table: str, column: str) -> Json:
        kind = "VIEW" if self._catalog.tables.get(table, {}).get("table_type") == "VIEW" else "TABLE"
        place = _table(table, kind, masked=False)
        return {"name": column, "table_name": place.pop("name"), **place}


def _names(entry: Entry, side: str) -> list[str]:
    return [str(item) for item in cast("list[Any]", entry.facts.get(side) or [])]


def _table(name: str, kind: str, *, masked: bool) -> Json:
    if masked:
        return {"has_permission": False}
    catalog, schema, table = (*name.split(".", 2), "", "")[:3]
    return {"name": table, "catalog_name": catalog, "schema_name": schema, "table_type": kind}


# What ran a statement, by the facts that name it: where the answer lists it and what it calls it.
_ENTITIES = {"job_id": "jobInfos", "notebook_id": "notebookInfos", "dashboard_id": "dashboardV3Infos",
             "pipeline_id": "pipelineInfos", "sql_query_id": "queryInfos"}  # fmt: skip


def _add_entity(node: Json, entity: Json, workspace_id: int) -> None:
    for key, place in _ENTITIES.items():
        if entity.get(key):
            info = {"workspace_id": workspace_id, key: entity[key]}
            if info not in node.setdefault(place, []):
                node[place].append(info)


def _without_empty(body: Json) -> Json:
    return {key: value for key, value in body.items() if value}
